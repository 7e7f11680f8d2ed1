"""From cases to arms: what each arm reached, with the patient as the unit.

An arm is one set of predictions, or several of the same model with other seeds, its runs. Its prior is from nowhere or
predicted (regime `automatic`), or its wall was given by a reader (regime `reader`: manual or truth). Numbers of the two
regimes answer different questions and never meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scartools.evaluation.metrics import REGIMES, TOLD_COLUMNS, CaseMetrics, told_of
from scartools.evaluation.overlap import NAN, STRUCTURES
from scartools.evaluation.significance import bootstrap_interval, by_patient, wilson_interval

_INTERVAL = "lower end of its 95 % interval, BCa bootstrap of patients"
SUMMARY_COLUMNS: dict[str, tuple[str, str | None]] = {
    "arm": ("name of the predictions", None),
    "regime": ("automatic (prior none or predicted) or reader (wall given: manual or truth)", None),
    **TOLD_COLUMNS,
    "structure": ("as in metrics.tsv", None),
    "n_runs": ("folders of the arm: its seeds", "1"),
    "n_cases": ("cases", "1"),
    "n_patients": ("patients", "1"),
    "n_both": ("cases with some in truth and prediction, counted in each run", "1"),
    "n_missed": ("cases with some in truth and none predicted", "1"),
    "n_false_positive": ("cases with none in truth and some predicted", "1"),
    "n_true_negative": ("cases with none in either", "1"),
    "n_patients_positive": ("patients with a case that has some in truth", "1"),
    "dice_mean_positive": ("mean Dice of cases with some in truth; missed is 0", "1"),
    "dice_mean_positive_lower": (_INTERVAL, "1"),
    "dice_mean_positive_upper": ("upper end", "1"),
    "dice_sd_runs": ("SD of that mean between the runs of the arm; n/a for one run", "1"),
    "n_patients_all": ("patients in dice_mean_all: it may differ between arms, as both empty leaves it", "1"),
    "dice_mean_all": ("mean Dice of all cases; false positive is 0, both empty as --empty says", "1"),
    "dice_mean_all_lower": (_INTERVAL, "1"),
    "dice_mean_all_upper": ("upper end", "1"),
    "precision_mean": ("mean precision of hits", "1"),
    "sensitivity_mean": ("mean sensitivity of cases with some in truth", "1"),
    "n_patients_hit": ("patients with a case that has some in both, over whom distances are averaged", "1"),
    "hd95_mm_mean": ("mean HD95 of hits; a missed case has none, see nsd_mean_positive", "mm"),
    "hd95_mm_mean_lower": (_INTERVAL, "mm"),
    "hd95_mm_mean_upper": ("upper end", "mm"),
    "assd_mm_mean": ("mean ASSD of hits", "mm"),
    "assd_mm_mean_lower": (_INTERVAL, "mm"),
    "assd_mm_mean_upper": ("upper end", "mm"),
    "nsd_mean_positive": ("mean NSD of cases with some in truth; missed is 0", "1"),
    "nsd_mean_positive_lower": (_INTERVAL, "1"),
    "nsd_mean_positive_upper": ("upper end", "1"),
    "absolute_difference_ml_mean": ("mean absolute volume difference of all cases", "mL"),
    "difference_ml_mean": ("mean volume difference of all cases, predicted minus true", "mL"),
    "absolute_difference_percent_lv_mean": ("mean absolute volume difference of all cases, % LV", "%"),
    "case_sensitivity": ("share of cases with some in truth where some was predicted; by case", "1"),
    "case_specificity": ("share of cases with none in truth where none was predicted; by case", "1"),
    "n_patients_negative": ("patients with a case that has none in truth", "1"),
    "patient_specificity": ("share of them in whom nothing was predicted in any such case and run", "1"),
    "patient_specificity_lower": ("lower end of its 95 % interval, Wilson", "1"),
    "patient_specificity_upper": ("upper end", "1"),
    "false_positive_ml_mean": ("mean volume predicted in cases with none in truth", "mL"),
    "false_positive_ml_mean_lower": (_INTERVAL, "mL"),
    "false_positive_ml_mean_upper": ("upper end", "mL"),
    "false_positive_percent_lv_mean": ("the same as a share of the true LV myocardium", "%"),
    "false_positive_percent_lv_mean_lower": (_INTERVAL, "%"),
    "false_positive_percent_lv_mean_upper": ("upper end", "%"),
}


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


def _summary_row(rows: Sequence[CaseMetrics], resamples: int, seed: int) -> dict[str, Any]:
    positive = [row for row in rows if row.positive]
    negative = [row for row in rows if not row.positive]
    hits = [row for row in rows if row.agreement == "hit"]
    number = {
        kind: sum(row.agreement == kind for row in rows)
        for kind in ("hit", "missed", "false_positive", "true_negative")
    }

    def mean(name: str, among: Sequence[CaseMetrics], column: str) -> dict[str, float]:
        """The mean of a column over patients, with its interval, under the names of the summary."""
        return with_interval(name, patient_means(among, column), resamples, seed)

    return {
        "arm": rows[0].arm,
        "regime": REGIMES[rows[0].prior_source],
        **told_of(rows),
        "structure": rows[0].structure,
        "n_runs": len({row.run for row in rows}),
        "n_cases": len({row.case_id for row in rows}),
        "n_patients": len({row.participant_id for row in rows}),
        "n_both": number["hit"],
        "n_missed": number["missed"],
        "n_false_positive": number["false_positive"],
        "n_true_negative": number["true_negative"],
        "n_patients_positive": len({row.participant_id for row in positive}),
        **mean("dice_mean_positive", positive, "dice"),
        "dice_sd_runs": _sd_of_runs(positive),
        "n_patients_all": len(patient_means(rows, "dice")),
        **mean("dice_mean_all", rows, "dice"),
        "precision_mean": mean_of(patient_means(hits, "precision")),
        "sensitivity_mean": mean_of(patient_means(positive, "sensitivity")),
        "n_patients_hit": len({row.participant_id for row in hits}),
        **mean("hd95_mm_mean", hits, "hd95_mm"),
        **mean("assd_mm_mean", hits, "assd_mm"),
        **mean("nsd_mean_positive", positive, "nsd"),
        "absolute_difference_ml_mean": mean_of(patient_means(rows, "absolute_difference_ml")),
        "difference_ml_mean": mean_of(patient_means(rows, "difference_ml")),
        "absolute_difference_percent_lv_mean": mean_of(patient_means(rows, "absolute_difference_percent_lv")),
        "case_sensitivity": number["hit"] / len(positive) if positive else NAN,
        "case_specificity": number["true_negative"] / len(negative) if negative else NAN,
        **_specificity(negative),
        **mean("false_positive_ml_mean", negative, "predicted_ml"),
        **mean("false_positive_percent_lv_mean", negative, "difference_percent_lv"),
    }


def _sd_of_runs(rows: Sequence[CaseMetrics]) -> float:
    """The SD between runs of the mean Dice over patients; NaN for fewer than two."""
    runs = sorted({row.run for row in rows})
    means = [mean_of(patient_means([row for row in rows if row.run == run], "dice")) for run in runs]
    return float(np.std(means, ddof=1)) if len(means) > 1 else NAN


def _specificity(negative: Sequence[CaseMetrics]) -> dict[str, float]:
    patients = {row.participant_id for row in negative}
    clean = patients - {row.participant_id for row in negative if row.agreement == "false_positive"}
    lower, upper = wilson_interval(len(clean), len(patients))
    return {
        "n_patients_negative": len(patients),
        "patient_specificity": len(clean) / len(patients) if patients else NAN,
        "patient_specificity_lower": lower,
        "patient_specificity_upper": upper,
    }


def with_interval(name: str, values: dict[str, float], resamples: int, seed: int) -> dict[str, float]:
    """Return the mean of one value a patient and the ends of its interval, as NAME, NAME_lower and NAME_upper."""
    lower, upper = bootstrap_interval(list(values.values()), resamples=resamples, seed=seed)
    return {name: mean_of(values), f"{name}_lower": lower, f"{name}_upper": upper}


def patient_means(rows: Sequence[CaseMetrics], column: str) -> dict[str, float]:
    """Return a column averaged over the cases and runs of each patient; see `by_patient`."""
    return by_patient([(row.participant_id, getattr(row, column)) for row in rows])


def mean_of(values: dict[str, float]) -> float:
    """Return the mean of one value a patient; NaN of none."""
    return float(np.mean(list(values.values()))) if values else NAN
