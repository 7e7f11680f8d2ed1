"""Volumes of a structure in truth and prediction, in mL and as shares of the LV myocardium."""

from __future__ import annotations

from dataclasses import dataclass

from scartools.evaluation.overlap import NAN, Counts


@dataclass(frozen=True)
class Volumes:
    """Volumes of one structure in one case; differences are predicted minus truth. NaN where it is not known.

    truth_percent_lv, predicted_percent_lv  each of its own myocardium; difference_percent_lv of the true one
    """

    truth_ml: float
    predicted_ml: float
    difference_ml: float
    truth_percent_lv: float
    predicted_percent_lv: float
    difference_percent_lv: float


def volumes(counts: Counts, myocardium: Counts, voxel_ml: float | None) -> Volumes:
    """Return the volumes that voxel counts stand for.

    myocardium  LV myocardium (labels 2, 3 and 4) in truth and prediction, the denominators of the percentages
    voxel_ml    volume of one voxel, |det| of the affine, mL; None where the voxel size is unknown
    """
    difference = counts.predicted - counts.truth
    size = NAN if voxel_ml is None else voxel_ml
    return Volumes(
        counts.truth * size,
        counts.predicted * size,
        difference * size,
        _percent(counts.truth, myocardium.truth),
        _percent(counts.predicted, myocardium.predicted),
        _percent(difference, myocardium.truth),
    )


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else NAN
