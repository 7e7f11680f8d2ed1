"""The tables of a report, each from the rows of one table of the evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scartools.evaluation.definitions import ECG_WORDS, PRIOR_WORDS
from scartools.evaluation.metrics import FEW_PATIENTS
from scartools.evaluation.report_blocks import Grid
from scartools.evaluation.report_numbers import between, ends, number, p_value

Row = Mapping[str, Any]
ABOUT = {
    "dice": "Dice",
    "nsd": "NSD",
    "hd95": "HD95, mm",
    "assd": "ASSD, mm",
    "absolute_volume_difference": "abs. volume difference, % LV",
    "false_positive_ml": "false-positive scar, mL",
    "false_positive_percent_lv": "false-positive scar, % LV",
    "segment_auc": "AUC by segment",
    "segment_sensitivity_at_95": "sensitivity at 95 % specificity, by segment",
    "segment_kappa": "kappa by segment",
}
TOLD = ("arm", "prior", "ECG")


def told_words(row: Row, prefix: str = "", name: str = "arm") -> tuple[str, str, str]:
    """Return the arm with its controls, the source of its prior, and its ECG with its source: no number is without them."""
    control = row[f"{prefix}control"]
    prior = row[f"{prefix}prior_source"]
    states = row[f"{prefix}ecg"].split("+")
    ecg, source = " + ".join(ECG_WORDS.get(state, state) for state in states), row[f"{prefix}ecg_source"]
    arm = row[name] + (f" [{control}]" if control else "")
    return arm, PRIOR_WORDS.get(prior, str(prior)), ecg if source == "none" else f"{ecg}, {source}"


def overlap_grid(rows: Sequence[Row]) -> Grid:
    """Return the table: Dice, precision and sensitivity by structure."""
    header: tuple[str, ...] = (
        *TOLD,
        "structure",
        "patients (with it)",
        "runs",
        "Dice, truth has it (95 % CI)",
    )
    header += ("SD of runs", "Dice, all (95 % CI; patients)", "precision", "sensitivity")
    return Grid(
        header,
        tuple(
            (
                *told_words(row),
                row["structure"],
                f"{row['n_patients']} ({row['n_patients_positive']})",
                str(row["n_runs"]),
                between(row, "dice_mean_positive"),
                number(row["dice_sd_runs"], 3),
                f"{between(row, 'dice_mean_all')}; {row['n_patients_all']}",
                number(row["precision_mean"], 3),
                number(row["sensitivity_mean"], 3),
            )
            for row in rows
        ),
        whose=3,
    )


def surfaces_grid(rows: Sequence[Row]) -> Grid:
    """Return the table: surface distances of scar, myocardium and pool."""
    header: tuple[str, ...] = (
        *TOLD,
        "structure",
        "patients hit",
        "cases missed",
        "HD95 of hits, mm (95 % CI)",
    )
    header += ("ASSD of hits, mm (95 % CI)", "NSD, missed = 0 (95 % CI)")
    return Grid(
        header,
        tuple(
            (
                *told_words(row),
                row["structure"],
                str(row["n_patients_hit"]),
                str(row["n_missed"]),
                between(row, "hd95_mm_mean", 1),
                between(row, "assd_mm_mean", 2),
                between(row, "nsd_mean_positive"),
            )
            for row in rows
            if row["structure"] in ("scar", "myocardium", "lv_pool")
        ),
        whose=3,
    )


def presence_grid(rows: Sequence[Row]) -> Grid:
    """Return the table: whether there is any, and how much where there should be none."""
    header: tuple[str, ...] = (
        *TOLD,
        "structure",
        "hit",
        "missed",
        "false positive",
        "true negative",
        "case sensitivity",
    )
    header += ("case specificity", "patient specificity (95 % CI; patients)")
    header += ("mL predicted where there is none (95 % CI)", "% LV predicted there (95 % CI)")
    kinds = ("both", "missed", "false_positive", "true_negative")
    return Grid(
        header,
        tuple(
            (
                *told_words(row),
                row["structure"],
                *(str(row[f"n_{kind}"]) for kind in kinds),
                number(row["case_sensitivity"], 3),
                number(row["case_specificity"], 3),
                f"{between(row, 'patient_specificity')}; {row['n_patients_negative']}",
                between(row, "false_positive_ml_mean", 2),
                between(row, "false_positive_percent_lv_mean", 2),
            )
            for row in rows
            if row["structure"] in ("scar", "scar_only", "no_reflow")
        ),
        whose=3,
    )


def differences_grid(rows: Sequence[Row]) -> Grid:
    """Return scar by every measure, the other structures by Dice; the rest is in comparisons.tsv."""
    header: tuple[str, ...] = ("arm", "minus", "structure", "measure", "patients", "mean (95 % CI)", "90 % CI")
    header += ("Hodges-Lehmann", "p", "p, Holm", "warning")
    lines = []
    for row in rows:
        if row["structure"] != "scar" and row["measure"] != "dice":
            continue
        one, other = told_words(row), told_words(row, "reference_", "reference")
        lines.append(
            (
                f"{one[0]} (prior {one[1]}; ECG {one[2]})",
                f"{other[0]} (prior {other[1]}; ECG {other[2]})",
                row["structure"],
                ABOUT[row["measure"]],
                str(row["n_patients"]),
                between(row, "difference", sign=True),
                ends(row["difference_lower_90"], row["difference_upper_90"], sign=True),
                number(row["hodges_lehmann"], 3, sign=True),
                p_value(row["p_wilcoxon"]),
                p_value(row["p_holm"]),
                f"fewer than {FEW_PATIENTS}" if row["warning"] else "",
            )
        )
    return Grid(header, tuple(lines), whose=2)


def decomposition_grid(rows: Sequence[Row]) -> Grid:
    """Return the table: the steps of a chain."""
    header: tuple[str, ...] = (
        "step",
        "from",
        *TOLD,
        "patients with scar",
        "Dice before",
        "Dice after",
        "gain (95 % CI)",
    )
    header += ("share of the total, % (95 % CI)", "p, not adjusted")
    return Grid(
        header,
        tuple(
            (
                row["step"],
                row["from_arm"],
                *told_words(row),
                str(row["n_patients"]),
                number(row["dice_before"], 3),
                number(row["dice_after"], 3),
                between(row, "gain", sign=True),
                between(row, "share_percent", 0),
                p_value(row["p_wilcoxon"]),
            )
            for row in rows
        ),
    )


def agreement_grid(rows: Sequence[Row]) -> Grid:
    """Return the table: Bland-Altman, ICC and CCC."""
    header: tuple[str, ...] = (
        *TOLD,
        "quantity",
        "patients",
        "truth, mean",
        "bias (95 % CI)",
        "lower limit (95 % CI)",
    )
    header += ("upper limit (95 % CI)", "slope", "CV, %", "ICC(2,1) (95 % CI)", "CCC (95 % CI)")
    return Grid(
        header,
        tuple(
            (
                *told_words(row),
                row["quantity"],
                str(row["n_patients"]),
                number(row["truth_mean"], 1),
                between(row, "bias", 2, sign=True),
                between(row, "lower_limit", 1, sign=True),
                between(row, "upper_limit", 1, sign=True),
                number(row["slope"], 2, sign=True),
                number(row["cv_percent"], 0),
                between(row, "icc"),
                between(row, "ccc"),
            )
            for row in rows
        ),
        whose=3,
    )


def detection_grid(rows: Sequence[Row]) -> Grid:
    """Return the table: presence of scar by AHA segment."""
    header: tuple[str, ...] = (*TOLD, "region", "patients", "segments (with scar)", "sensitivity (95 % CI)")
    header += (
        "specificity (95 % CI)",
        "kappa (95 % CI)",
        "AUC (95 % CI)",
        "sensitivity at 95 % specificity (95 % CI)",
    )
    names = ("sensitivity", "specificity", "kappa", "auc", "sensitivity_at_95")
    return Grid(
        header,
        tuple(
            (
                *told_words(row),
                row["region"],
                str(row["n_patients"]),
                f"{row['n_segments']} ({row['n_segments_positive']})",
                *(between(row, name) for name in names),
            )
            for row in rows
        ),
        whose=3,
    )


def subgroups_grid(rows: Sequence[Row]) -> Grid:
    """Return the table: scar in groups of cases."""
    header: tuple[str, ...] = (
        *TOLD,
        "grouping",
        "group",
        "cases",
        "patients (with scar)",
        "scar Dice (95 % CI)",
        "NSD",
    )
    header += ("abs. diff. % LV", "% LV predicted where there is none")
    return Grid(
        header,
        tuple(
            (
                *told_words(row),
                row["grouping"],
                row["group"],
                str(row["n_cases"]),
                f"{row['n_patients']} ({row['n_patients_positive']})",
                between(row, "dice_mean_positive"),
                number(row["nsd_mean_positive"], 3),
                number(row["absolute_difference_percent_lv_mean"], 2),
                number(row["false_positive_percent_lv_mean"], 2),
            )
            for row in rows
        ),
        whose=3,
    )


def gates_grid(rows: Sequence[Row]) -> Grid:
    """Return the table: weights of gates in groups of cases."""
    header: tuple[str, ...] = (
        *TOLD,
        "gate",
        "grouping",
        "group",
        "patients",
        "mean",
        "SD",
        "smallest",
        "largest",
    )
    return Grid(
        header,
        tuple(
            (
                *told_words(row),
                row["gate"],
                row["grouping"],
                row["group"],
                str(row["n_patients"]),
                *(number(row[name], 3) for name in ("mean", "sd", "smallest", "largest")),
            )
            for row in rows
        ),
        whose=3,
    )
