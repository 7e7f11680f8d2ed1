"""Volumes of a structure in truth and prediction, in mL and as a share of the true LV myocardium."""

from __future__ import annotations

from dataclasses import dataclass

from scartools.evaluation.overlap import NAN, Counts


@dataclass(frozen=True)
class Volumes:
    """Volumes of one structure in one case; differences are predicted minus truth. NaN where it is not known."""

    truth_ml: float
    predicted_ml: float
    difference_ml: float
    difference_percent_lv: float


def volumes(counts: Counts, myocardium_voxels: int, voxel_ml: float | None) -> Volumes:
    """Return the volumes that voxel counts stand for.

    myocardium_voxels  LV myocardium of the truth (labels 2, 3 and 4), the denominator of the percentage
    voxel_ml           volume of one voxel, |det| of the affine, mL; None where the voxel size is unknown
    """
    difference = counts.predicted - counts.truth
    percent = 100 * difference / myocardium_voxels if myocardium_voxels else NAN
    size = NAN if voxel_ml is None else voxel_ml
    return Volumes(counts.truth * size, counts.predicted * size, difference * size, percent)
