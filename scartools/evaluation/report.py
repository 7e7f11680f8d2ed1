"""The report that a person reads: tables by regime, cases, definitions, and what a reviewer has to ask."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from scartools.evaluation.summary import FEW_PATIENTS, CaseMetrics

DISCLAIMER = "Research use only. Not a medical device; not for diagnosis or treatment."
_REGIME_TITLES = {
    "automatic": "Automatic: no prior, or a prior from the model's own contours",
    "reader": "Wall given by a reader: the prior rests on manual or truth contours (truth: an upper bound)",
}
DEFINITIONS = {
    "Structures": "lv_pool label 1; myocardium 2 + 3 + 4; scar 3 + 4 (infarct, no-reflow included); scar_only 3; "
    "no_reflow 4; rv_pool 5, only where the truth has it. Voxels labelled 255 are left out of both.",
    "Dice": "2 |A and B| / (|A| + |B|) of the whole volume; 0 where only one of both is empty.",
    "DiceMeanPositive": "Mean over patients of cases whose truth has some of the structure; a missed case counts 0.",
    "Precision": "Share of the predicted voxels that are true; mean over hits.",
    "Sensitivity": "Share of the true voxels that were predicted; mean over cases with some in truth.",
    "Volume": "Voxels times |det| of the affine; differences are predicted minus true; % LV is of the true myocardium.",
    "Presence": "Some is one voxel or more. Case sensitivity and specificity count cases, without regard to overlap.",
    "Unit": "The patient: the cases of one are averaged before means, intervals and tests.",
    "Interval": "95 %, bias-corrected and accelerated (BCa) bootstrap of patients.",
    "Test": "Two-sided Wilcoxon signed-rank on patients, zeros dropped; Holm over all rows of the comparisons.",
}


def render_report(
    rows: Sequence[CaseMetrics],
    summary: Sequence[Mapping[str, Any]],
    comparisons: Sequence[Mapping[str, Any]],
    facts: Mapping[str, Any],
) -> str:
    """Return report.md.

    rows         metrics of every arm, case and structure
    summary      rows of summary.tsv
    comparisons  rows of comparisons.tsv
    facts        Split, Empty, EmptyPolicy, Resamples, Seed, Arms, Flow, TruthScheme, Warnings, Version
    """
    parts = ["# Evaluation", f"**{DISCLAIMER}**"]
    for regime, title in _REGIME_TITLES.items():
        chosen = [row for row in summary if row["regime"] == regime]
        if chosen:
            parts += [f"## {title}", _summary_table(chosen), _presence_table(chosen)]
            against = [row for row in comparisons if row["regime"] == regime]
            if against:
                parts += ["### Differences of Dice", _comparison_table(against)]
    if len({row["regime"] for row in summary}) > 1:
        parts.append("The two tables answer different questions: arms of one are not compared with the other.")
    parts += ["## Cases: scar, worst Dice first", _case_table(rows), "## What is known of this evaluation"]
    parts += [_table(("item", "what is known"), _known(summary, facts))]
    if facts["Warnings"]:
        parts += ["## Warnings", "\n".join(f"- {text}" for text in facts["Warnings"])]
    definitions = {**DEFINITIONS, "DiceMeanAll": facts["EmptyPolicy"]}
    parts += ["## Definitions", "\n".join(f"- **{name}**: {text}" for name, text in definitions.items())]
    return "\n\n".join(parts) + "\n"


def _summary_table(rows: Sequence[Mapping[str, Any]]) -> str:
    header = ("arm", "prior", "structure", "patients (with it)", "cases", "Dice, truth has it (95 % CI)")
    more = (
        "Dice, all (95 % CI; patients)",
        "precision",
        "sensitivity",
        "abs. diff. mL",
        "bias mL",
        "abs. diff. % LV",
    )
    lines = [
        (
            row["arm"],
            row["prior_source"],
            row["structure"],
            f"{row['n_patients']} ({row['n_patients_positive']})",
            row["n_cases"],
            _with_interval(row, "dice_mean_positive"),
            f"{_with_interval(row, 'dice_mean_all')}; {row['n_patients_all']}",
            _number(row["precision_mean"], 3),
            _number(row["sensitivity_mean"], 3),
            _number(row["absolute_difference_ml_mean"], 2),
            _number(row["difference_ml_mean"], 2, sign=True),
            _number(row["absolute_difference_percent_lv_mean"], 2),
        )
        for row in rows
    ]
    return _table(header + more, lines)


def _presence_table(rows: Sequence[Mapping[str, Any]]) -> str:
    header = ("arm", "prior", "structure", "hit", "missed", "false positive", "true negative")
    more = ("case sensitivity", "case specificity", "mL predicted where there is none")
    lines = [
        (
            row["arm"],
            row["prior_source"],
            row["structure"],
            *(row[f"n_{kind}"] for kind in ("both", "missed", "false_positive", "true_negative")),
            _number(row["case_sensitivity"], 3),
            _number(row["case_specificity"], 3),
            _number(row["false_positive_ml_mean"], 2),
        )
        for row in rows
    ]
    return _table(header + more, lines)


def _comparison_table(rows: Sequence[Mapping[str, Any]]) -> str:
    header = (
        "arm",
        "minus",
        "structure",
        "patients",
        "mean (95 % CI)",
        "Hodges-Lehmann",
        "p",
        "p, Holm",
        "warning",
    )
    lines = [
        (
            f"{row['arm']} (prior {row['prior_source']})",
            f"{row['reference']} (prior {row['reference_prior_source']})",
            row["structure"],
            row["n_patients"],
            _with_interval(row, "dice_difference", sign=True),
            _number(row["hodges_lehmann"], 3, sign=True),
            _p_value(row["p_wilcoxon"]),
            _p_value(row["p_holm"]),
            row["warning"] or "",
        )
        for row in rows
    ]
    return _table(header, lines)


def _case_table(rows: Sequence[CaseMetrics]) -> str:
    chosen = [row for row in rows if row.structure == "scar"]
    if not chosen:
        return "The labels of the truth do not tell scar."
    chosen = sorted(chosen, key=lambda row: (row.arm, math.isnan(row.dice), row.dice, row.case_id))
    header = ("arm", "case", "prior", "ECG", "agreement", "Dice", "truth mL", "predicted mL", "in summary")
    lines = [
        (
            row.arm,
            row.case_id,
            row.prior_source,
            row.ecg,
            row.agreement.replace("_", " "),
            _number(row.dice, 3),
            _number(row.truth_ml, 2),
            _number(row.predicted_ml, 2),
            "yes" if row.in_summary else "no",
        )
        for row in chosen
    ]
    return _table(header, lines)


def _known(summary: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> list[tuple[object, ...]]:
    known: list[tuple[object, ...]] = [
        (
            "reference standard",
            f"segmentations named by the column label of the truth; {facts['TruthScheme']} labels",
        ),
        ("readers, their number and agreement", "not stated in the inputs"),
        ("split", facts["Split"]),
        ("unit of partition", facts["Partition"]),
        ("empty masks", facts["EmptyPolicy"]),
        ("bootstrap", f"{facts['Resamples']} resamples, seed {facts['Seed']}"),
        ("software", f"scartools {facts['Version']}"),
    ]
    for arm in facts["Arms"]:
        flow = f"{arm['Evaluated']} evaluated, {arm['InSummary']} in the summary; "
        flow += (
            f"{arm['WithoutTruth']} predicted without truth, {arm['WithoutPrediction']} true without prediction"
        )
        ecg = ", ".join(f"{state} {n}" for state, n in arm["ECG"].items())
        known.append((f"arm {arm['Name']}", f"prior {arm['PriorSource']}; ECG {ecg}; cases: {flow}"))
    fewest = min((row["n_patients_positive"] for row in summary if row["structure"] == "scar"), default=None)
    if fewest is not None and fewest < FEW_PATIENTS:
        known.append(("sample size", f"{fewest} patients with scar: too few to tell small differences"))
    return known


def _table(header: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    marks = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    cells = [[str(cell).replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(marks + ["| " + " | ".join(line) + " |" for line in cells])


def _with_interval(row: Mapping[str, Any], name: str, *, sign: bool = False) -> str:
    if math.isnan(row[name]):
        return "n/a"
    ends = [_number(row[f"{name}_{end}"], 3, sign=sign) for end in ("lower", "upper")]
    return f"{_number(row[name], 3, sign=sign)} ({ends[0]} to {ends[1]})"


def _number(value: float, digits: int, *, sign: bool = False) -> str:
    return "n/a" if math.isnan(value) else f"{value:{'+' if sign else ''}.{digits}f}"


def _p_value(value: float) -> str:
    return "n/a" if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"
