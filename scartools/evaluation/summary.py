"""From cases to arms: what each arm reached, and how arms differ, with the patient as the unit.

An arm is one set of predictions. Its prior is from nowhere or predicted (regime `automatic`), or its wall was given by a
reader (regime `reader`: manual or truth). Numbers of the two regimes answer different questions and never meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scartools.evaluation.overlap import (
    NAN,
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
from scartools.evaluation.significance import bootstrap_interval, by_patient, hodges_lehmann, holm, wilcoxon_p
from scartools.evaluation.volumes import Volumes, volumes

REGIMES = {"none": "automatic", "predicted": "automatic", "manual": "reader", "truth": "reader"}
FEW_PATIENTS = 20

METRIC_COLUMNS: dict[str, tuple[str, str | None]] = {
    "arm": ("name of the predictions", None),
    "case_id": ("case", None),
    "participant_id": ("patient", None),
    "structure": ("lv_pool, myocardium (2 + 3 + 4), scar (3 + 4), scar_only, no_reflow or rv_pool", None),
    "prior_source": ("where the contours of the prior came from: none, predicted, manual or truth", None),
    "ecg": ("used, absent or off", None),
    "in_summary": ("whether the case is in every arm of its regime, and so in the summary", None),
    "dice": ("Dice; 0 where one of both is empty; both empty: n/a, or 1 under --empty one", "1"),
    "precision": ("share of the predicted that is true; n/a where nothing was predicted", "1"),
    "sensitivity": ("share of the true that was predicted; n/a where there is none", "1"),
    "truth_ml": ("volume in the truth", "mL"),
    "predicted_ml": ("volume in the prediction", "mL"),
    "difference_ml": ("predicted minus true volume", "mL"),
    "absolute_difference_ml": ("the same without its sign", "mL"),
    "difference_percent_lv": ("predicted minus true volume, as a share of the true LV myocardium", "%"),
    "absolute_difference_percent_lv": ("the same without its sign", "%"),
    "agreement": ("hit (some in both), missed, false_positive or true_negative", None),
}
SUMMARY_COLUMNS: dict[str, tuple[str, str | None]] = {
    "arm": ("name of the predictions", None),
    "regime": ("automatic (prior none or predicted) or reader (wall given: manual or truth)", None),
    "prior_source": ("where the contours of the prior came from", None),
    "structure": ("as in metrics.tsv", None),
    "n_cases": ("cases", "1"),
    "n_patients": ("patients", "1"),
    "n_both": ("cases with some in truth and prediction", "1"),
    "n_missed": ("cases with some in truth and none predicted", "1"),
    "n_false_positive": ("cases with none in truth and some predicted", "1"),
    "n_true_negative": ("cases with none in either", "1"),
    "n_patients_positive": ("patients with a case that has some in truth", "1"),
    "dice_mean_positive": ("mean Dice of cases with some in truth; missed is 0", "1"),
    "dice_mean_positive_lower": ("lower end of its 95 % interval, BCa bootstrap of patients", "1"),
    "dice_mean_positive_upper": ("upper end", "1"),
    "n_patients_all": ("patients in dice_mean_all: it may differ between arms, as both empty leaves it", "1"),
    "dice_mean_all": ("mean Dice of all cases; false positive is 0, both empty as --empty says", "1"),
    "dice_mean_all_lower": ("lower end of its 95 % interval, BCa bootstrap of patients", "1"),
    "dice_mean_all_upper": ("upper end", "1"),
    "precision_mean": ("mean precision of hits", "1"),
    "sensitivity_mean": ("mean sensitivity of cases with some in truth", "1"),
    "absolute_difference_ml_mean": ("mean absolute volume difference of all cases", "mL"),
    "difference_ml_mean": ("mean volume difference of all cases, predicted minus true", "mL"),
    "absolute_difference_percent_lv_mean": ("mean absolute volume difference of all cases, % LV", "%"),
    "case_sensitivity": ("share of cases with some in truth where some was predicted; by case", "1"),
    "case_specificity": ("share of cases with none in truth where none was predicted; by case", "1"),
    "false_positive_ml_mean": ("mean volume predicted in cases with none in truth", "mL"),
}
COMPARISON_COLUMNS: dict[str, tuple[str, str | None]] = {
    "arm": ("the arm that is compared", None),
    "reference": ("the arm that is subtracted", None),
    "regime": ("automatic or reader", None),
    "structure": ("as in metrics.tsv", None),
    "prior_source": ("prior of the arm", None),
    "reference_prior_source": ("prior of the reference", None),
    "n_patients": ("patients with a case that has some in truth", "1"),
    "dice_difference": ("mean difference of Dice, arm minus reference", "1"),
    "dice_difference_lower": ("lower end of its 95 % interval, BCa bootstrap of patients", "1"),
    "dice_difference_upper": ("upper end", "1"),
    "hodges_lehmann": ("Hodges-Lehmann shift of Dice", "1"),
    "p_wilcoxon": ("two-sided Wilcoxon signed-rank test", "1"),
    "p_holm": ("the same, adjusted by Holm over all rows of this table", "1"),
    "warning": ("what limits the row", None),
}


@dataclass(frozen=True)
class CaseMetrics:
    """One arm, case and structure: a row of metrics.tsv (its columns are METRIC_COLUMNS)."""

    arm: str
    case_id: str
    participant_id: str
    structure: str
    prior_source: str
    ecg: str
    in_summary: bool
    dice: float
    precision: float
    sensitivity: float
    truth_ml: float
    predicted_ml: float
    difference_ml: float
    absolute_difference_ml: float
    difference_percent_lv: float
    absolute_difference_percent_lv: float
    agreement: Agreement

    @property
    def positive(self) -> bool:
        """Whether the truth has some of the structure."""
        return self.agreement in ("hit", "missed")


def case_metrics(counts: Counts, found: Volumes, empty: EmptyPolicy, **names: Any) -> CaseMetrics:
    """Return the metrics of one structure; names are arm, case_id, participant_id, structure, prior_source, ecg, in_summary."""
    return CaseMetrics(
        **names,
        dice=dice(counts, empty),
        precision=precision(counts),
        sensitivity=sensitivity(counts),
        truth_ml=found.truth_ml,
        predicted_ml=found.predicted_ml,
        difference_ml=found.difference_ml,
        absolute_difference_ml=abs(found.difference_ml),
        difference_percent_lv=found.difference_percent_lv,
        absolute_difference_percent_lv=abs(found.difference_percent_lv),
        agreement=counts.agreement,
    )


def measure_case(
    truth: np.ndarray,
    predicted: np.ndarray,
    known_labels: frozenset[int],
    voxel_ml: float | None,
    empty: EmptyPolicy,
    **names: Any,
) -> list[CaseMetrics]:
    """Return the metrics of each structure that a truth can speak of.

    truth, predicted  uint8 labels of the same shape
    known_labels      the labels that the scheme of the truth can express
    voxel_ml          volume of one voxel, mL; None where the voxel size is unknown
    names             arm, case_id, participant_id, prior_source, ecg, in_summary
    """
    wall = count(truth, predicted, STRUCTURES["myocardium"]).truth
    counted = {
        structure: count(truth, predicted, labels)
        for structure, labels in structures_of(known_labels, truth).items()
    }
    return [
        case_metrics(counts, volumes(counts, wall, voxel_ml), empty, structure=structure, **names)
        for structure, counts in counted.items()
    ]


def summarize(rows: Sequence[CaseMetrics], *, resamples: int, seed: int) -> list[dict[str, Any]]:
    """Return one row an arm and structure (SUMMARY_COLUMNS), in the order of the arms, of the cases in_summary."""
    arms = list(dict.fromkeys(row.arm for row in rows))
    kept = [row for row in rows if row.in_summary]
    return [
        _summary_row(found, resamples, seed)
        for arm in arms
        for structure in STRUCTURES
        if (found := [row for row in kept if (row.arm, row.structure) == (arm, structure)])
    ]


def compare(rows: Sequence[CaseMetrics], reference: str, *, resamples: int, seed: int) -> list[dict[str, Any]]:
    """Return one row an arm and structure (COMPARISON_COLUMNS): Dice minus that of the reference, paired by patient.

    reference   arm that the others of its regime are compared with; in the other regime it is the first arm
    Cases count where both arms have them and the truth has some of the structure.
    """
    arms = {row.arm: REGIMES[row.prior_source] for row in rows}
    first = {regime: next(arm for arm in arms if arms[arm] == regime) for regime in arms.values()}
    first[arms[reference]] = reference
    found = [
        row
        for arm, regime in arms.items()
        if arm != first[regime]
        for structure in STRUCTURES
        if (row := _comparison(rows, arm, first[regime], structure, resamples, seed))
    ]
    for row, adjusted in zip(found, holm([row["p_wilcoxon"] for row in found]), strict=True):
        row["p_holm"] = adjusted
    return found


def _summary_row(rows: Sequence[CaseMetrics], resamples: int, seed: int) -> dict[str, Any]:
    positive = [row for row in rows if row.positive]
    negative = [row for row in rows if not row.positive]
    number = {
        kind: sum(row.agreement == kind for row in rows)
        for kind in ("hit", "missed", "false_positive", "true_negative")
    }
    over_positive, over_all = _patients(positive, "dice"), _patients(rows, "dice")
    intervals = [
        bootstrap_interval(list(values.values()), resamples=resamples, seed=seed)
        for values in (over_positive, over_all)
    ]
    return {
        "arm": rows[0].arm,
        "regime": REGIMES[rows[0].prior_source],
        "prior_source": rows[0].prior_source,
        "structure": rows[0].structure,
        "n_cases": len(rows),
        "n_patients": len({row.participant_id for row in rows}),
        "n_both": number["hit"],
        "n_missed": number["missed"],
        "n_false_positive": number["false_positive"],
        "n_true_negative": number["true_negative"],
        "n_patients_positive": len(over_positive),
        "dice_mean_positive": _mean(over_positive),
        "dice_mean_positive_lower": intervals[0][0],
        "dice_mean_positive_upper": intervals[0][1],
        "n_patients_all": len(over_all),
        "dice_mean_all": _mean(over_all),
        "dice_mean_all_lower": intervals[1][0],
        "dice_mean_all_upper": intervals[1][1],
        "precision_mean": _mean(_patients([row for row in rows if row.agreement == "hit"], "precision")),
        "sensitivity_mean": _mean(_patients(positive, "sensitivity")),
        "absolute_difference_ml_mean": _mean(_patients(rows, "absolute_difference_ml")),
        "difference_ml_mean": _mean(_patients(rows, "difference_ml")),
        "absolute_difference_percent_lv_mean": _mean(_patients(rows, "absolute_difference_percent_lv")),
        "case_sensitivity": number["hit"] / len(positive) if positive else NAN,
        "case_specificity": number["true_negative"] / len(negative) if negative else NAN,
        "false_positive_ml_mean": _mean(_patients(negative, "predicted_ml")),
    }


def _comparison(
    rows: Sequence[CaseMetrics], arm: str, reference: str, structure: str, resamples: int, seed: int
) -> dict[str, Any] | None:
    one, other = (
        {row.case_id: row for row in rows if (row.arm, row.structure) == (name, structure) and row.positive}
        for name in (arm, reference)
    )
    both = sorted(one.keys() & other.keys())
    if not both:
        return None
    paired = by_patient([(one[case].participant_id, one[case].dice - other[case].dice) for case in both])
    values = list(paired.values())
    lower, upper = bootstrap_interval(values, resamples=resamples, seed=seed)
    few = f"only {len(values)} patients: neither the interval nor p can be relied on"
    return {
        "arm": arm,
        "reference": reference,
        "regime": REGIMES[one[both[0]].prior_source],
        "structure": structure,
        "prior_source": one[both[0]].prior_source,
        "reference_prior_source": other[both[0]].prior_source,
        "n_patients": len(values),
        "dice_difference": _mean(paired),
        "dice_difference_lower": lower,
        "dice_difference_upper": upper,
        "hodges_lehmann": hodges_lehmann(values),
        "p_wilcoxon": wilcoxon_p(values),
        "p_holm": NAN,
        "warning": few if len(values) < FEW_PATIENTS else None,
    }


def _patients(rows: Sequence[CaseMetrics], column: str) -> dict[str, float]:
    return by_patient([(row.participant_id, getattr(row, column)) for row in rows])


def _mean(values: dict[str, float]) -> float:
    return float(np.mean(list(values.values()))) if values else NAN


def as_rows(rows: Sequence[CaseMetrics]) -> list[dict[str, Any]]:
    """Return the metrics as the rows of metrics.tsv."""
    return [asdict(row) for row in rows]
