"""One case, arm and structure: overlap, distances, volumes. The rows of metrics.tsv, from which all else is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from scartools.evaluation.overlap import (
    STRUCTURES,
    Agreement,
    Counts,
    EmptyPolicy,
    count,
    dice,
    precision,
    sensitivity,
    structures_of,
)
from scartools.evaluation.surfaces import MEASURED, NOT_MEASURED, Surfaces, compare_surfaces
from scartools.evaluation.volumes import Volumes, volumes
from scartools.heart.stack import bounding_box

REGIMES = {"none": "automatic", "predicted": "automatic", "manual": "reader", "truth": "reader"}
FEW_PATIENTS = 20
# what stands beside every number; the same words in every table
TOLD_COLUMNS: dict[str, tuple[str, str | None]] = {
    "prior_source": ("where the contours of the prior came from: none, predicted, manual or truth", None),
    "ecg": ("used, absent or off; several with + between them", None),
    "ecg_source": ("recorded, simulated or unstated; none where no ECG was used", None),
    "control": ("what was done to the inputs, as the predictions say; n/a for nothing", None),
}
METRIC_COLUMNS: dict[str, tuple[str, str | None]] = {
    "arm": ("name of the predictions", None),
    "run": ("number of the folder within the arm, from 1: its seeds", "1"),
    "case_id": ("case", None),
    "participant_id": ("patient", None),
    "structure": ("lv_pool, myocardium (2 + 3 + 4), scar (3 + 4), scar_only, no_reflow or rv_pool", None),
    **TOLD_COLUMNS,
    "in_summary": ("whether the case is in every arm of its regime, and so in the summary", None),
    "dice": ("Dice; 0 where one of both is empty; both empty: n/a, or 1 under --empty one", "1"),
    "precision": ("share of the predicted that is true; n/a where nothing was predicted", "1"),
    "sensitivity": ("share of the true that was predicted; n/a where there is none", "1"),
    "hd95_mm": ("larger directed 95th percentile of the surface distance; n/a where one is empty", "mm"),
    "assd_mm": ("mean surface distance, both directions together; n/a where one is empty", "mm"),
    "nsd": ("share of both surfaces within --tolerance; 0 where one is empty, n/a where both are", "1"),
    "truth_ml": ("volume in the truth", "mL"),
    "predicted_ml": ("volume in the prediction", "mL"),
    "difference_ml": ("predicted minus true volume", "mL"),
    "absolute_difference_ml": ("the same without its sign", "mL"),
    "truth_percent_lv": ("true volume as a share of the true LV myocardium", "%"),
    "predicted_percent_lv": ("predicted volume as a share of the predicted LV myocardium", "%"),
    "difference_percent_lv": ("predicted minus true volume, as a share of the true LV myocardium", "%"),
    "absolute_difference_percent_lv": ("the same without its sign", "%"),
    "agreement": ("hit (some in both), missed, false_positive or true_negative", None),
}


@dataclass(frozen=True)
class CaseMetrics:
    """One arm, run, case and structure: a row of metrics.tsv (its columns are METRIC_COLUMNS)."""

    arm: str
    run: int
    case_id: str
    participant_id: str
    structure: str
    prior_source: str
    ecg: str
    ecg_source: str
    control: str | None
    in_summary: bool
    dice: float
    precision: float
    sensitivity: float
    hd95_mm: float
    assd_mm: float
    nsd: float
    truth_ml: float
    predicted_ml: float
    difference_ml: float
    absolute_difference_ml: float
    truth_percent_lv: float
    predicted_percent_lv: float
    difference_percent_lv: float
    absolute_difference_percent_lv: float
    agreement: Agreement

    @property
    def positive(self) -> bool:
        """Whether the truth has some of the structure."""
        return self.agreement in ("hit", "missed")


def case_metrics(
    counts: Counts, found: Volumes, apart: Surfaces, empty: EmptyPolicy, **names: Any
) -> CaseMetrics:
    """Return the metrics of one structure; names are the fields of CaseMetrics up to in_summary."""
    return CaseMetrics(
        **names,
        dice=dice(counts, empty),
        precision=precision(counts),
        sensitivity=sensitivity(counts),
        hd95_mm=apart.hd95_mm,
        assd_mm=apart.assd_mm,
        nsd=apart.nsd,
        truth_ml=found.truth_ml,
        predicted_ml=found.predicted_ml,
        difference_ml=found.difference_ml,
        absolute_difference_ml=abs(found.difference_ml),
        truth_percent_lv=found.truth_percent_lv,
        predicted_percent_lv=found.predicted_percent_lv,
        difference_percent_lv=found.difference_percent_lv,
        absolute_difference_percent_lv=abs(found.difference_percent_lv),
        agreement=counts.agreement,
    )


def measure_case(
    truth: np.ndarray,
    predicted: np.ndarray,
    known_labels: frozenset[int],
    affine: np.ndarray | None,
    empty: EmptyPolicy,
    *,
    tolerance_mm: float = 2.0,
    **names: Any,
) -> list[CaseMetrics]:
    """Return the metrics of each structure that a truth can speak of.

    truth, predicted  uint8 labels of the same shape
    known_labels      the labels that the scheme of the truth can express
    affine            float (4, 4), voxel index to RAS+ mm; None where the voxel size is unknown: no mL, no mm
    tolerance_mm      of the surface Dice
    names             the fields of CaseMetrics up to in_summary, without structure
    """
    if truth.shape == predicted.shape and (labelled := (truth != 0) | (predicted != 0)).any():
        # the rest of the volume is background in both and counts nowhere; places within the box do not matter either
        box = bounding_box(labelled)
        truth, predicted = truth[box], predicted[box]
    voxel_ml = None if affine is None else abs(float(np.linalg.det(np.asarray(affine)[:3, :3]))) / 1000
    wall = count(truth, predicted, STRUCTURES["myocardium"])
    rows = []
    for structure, labels in structures_of(known_labels, truth).items():
        counts = count(truth, predicted, labels)
        apart = NOT_MEASURED
        if affine is not None and structure in MEASURED:
            apart = compare_surfaces(truth, predicted, labels, affine, tolerance_mm)
        size = volumes(counts, wall, voxel_ml)
        rows.append(case_metrics(counts, size, apart, empty, structure=structure, **names))
    return rows


def as_rows(rows: Sequence[CaseMetrics]) -> list[dict[str, Any]]:
    """Return the metrics as the rows of metrics.tsv."""
    return [asdict(row) for row in rows]


class Told(Protocol):
    """A row that says what stands beside its number."""

    @property
    def prior_source(self) -> str: ...
    @property
    def ecg(self) -> str: ...
    @property
    def ecg_source(self) -> str: ...
    @property
    def control(self) -> str | None: ...


def told_of(rows: Sequence[Told]) -> dict[str, str | None]:
    """Return what stands beside a number that is made of these rows: prior, ECG, its source, controls."""

    def together(name: str) -> str | None:
        """The values of a column, each once, with + between them; None for nothing."""
        found = sorted({value for row in rows if (value := getattr(row, name)) is not None})
        if name == "ecg_source" and len(found) > 1:
            found = [value for value in found if value != "none"]
        return "+".join(found) or None

    return {name: together(name) for name in TOLD_COLUMNS}
