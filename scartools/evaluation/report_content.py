"""What a report of an evaluation says, in blocks that Markdown and HTML are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from scartools.evaluation.definitions import DEFINITIONS, DISCLAIMER, ECG_WORDS, PRIOR_WORDS, REGIME_TITLES
from scartools.evaluation.metrics import FEW_PATIENTS, CaseMetrics
from scartools.evaluation.report_blocks import Block, Bullets, Figure, Grid, Heading, Text
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
_TOLD = ("arm", "prior", "ECG")


def content(
    rows: Sequence[CaseMetrics], tables: Mapping[str, Sequence[Row]], facts: Mapping[str, Any]
) -> list[Block]:
    """Return the blocks of a report.

    rows    metrics of every arm, run, case and structure
    tables  rows by name of the table, as scartools.evaluation.tables makes them
    facts   as scartools.evaluation.definitions makes them
    """
    blocks: list[Block] = [Heading(1, "Evaluation"), Text(DISCLAIMER, strong=True)]
    regimes = [name for name in REGIME_TITLES if any(row["regime"] == name for row in tables["summary"])]
    for regime in regimes:
        own = {name: [row for row in table if row.get("regime") == regime] for name, table in tables.items()}
        blocks += [Heading(2, REGIME_TITLES[regime]), *_regime(own, regime, facts)]
    if len(regimes) > 1:
        blocks.append(
            Text("The parts answer different questions: arms of one are not compared with the other.")
        )
    blocks += [Heading(2, "Cases: scar, worst Dice first"), _cases(rows)]
    blocks += [Heading(2, "What is known of this evaluation"), _known(tables["summary"], facts)]
    if facts["Warnings"]:
        blocks += [Heading(2, "Warnings"), Bullets(tuple(("", text) for text in facts["Warnings"]))]
    said = {**DEFINITIONS, "DiceMeanAll": facts["EmptyPolicy"]}
    return [*blocks, Heading(2, "Definitions"), Bullets(tuple(said.items()))]


def _regime(tables: Mapping[str, Sequence[Row]], regime: str, facts: Mapping[str, Any]) -> list[Block]:
    summary, compared = (sorted(tables[name], key=_scar_first) for name in ("summary", "comparisons"))
    blocks: list[Block] = [
        Figure("dice", regime, "Scar Dice by patient, mean and 95 % interval"),
        _overlap(summary),
    ]
    if facts["VoxelSizeKnown"]:
        blocks += [Heading(3, f"Surfaces (NSD within {facts['ToleranceMm']:g} mm)"), _surfaces(summary)]
    blocks += [Heading(3, "Presence, and scar where there is none"), _presence(summary)]
    if compared:
        caption = "Scar Dice, arm minus reference: mean, 90 % interval (thick) and 95 % interval (thin)"
        blocks += [Heading(3, "Differences, paired by patient"), Figure("differences", regime, caption)]
        blocks.append(_differences(compared))
    if tables["decomposition"]:
        caption = "What each arm of the chain adds to the scar Dice, with 95 % interval"
        blocks += [Heading(3, "Decomposition of the gain"), Figure("decomposition", regime, caption)]
        blocks.append(_decomposition(tables["decomposition"]))
    if tables["agreement"]:
        caption = (
            "Predicted minus true scar against their mean, one dot a patient; bias and 95 % limits of agreement"
        )
        blocks += [Heading(3, "Agreement of volumes"), Figure("agreement", regime, caption)]
        blocks.append(_agreement(tables["agreement"]))
    if tables["detection"]:
        title = f"Scar by AHA segment (present from {facts['SegmentPercent']:g} % of the segment)"
        blocks += [Heading(3, title), _detection(tables["detection"])]
    if tables["subgroups"]:
        caption = "Scar Dice by interval between ECG and MRI: mean, 95 % interval, number of patients with scar"
        blocks += [Heading(3, "Subgroups"), Figure("intervals", regime, caption)]
        blocks.append(_subgroups(tables["subgroups"]))
    if tables["gates"]:
        blocks += [Heading(3, "Weights of the gates"), _gates(tables["gates"])]
    return blocks


def _scar_first(row: Row) -> int:
    return 0 if row["structure"] in ("scar", "scar_only", "no_reflow") else 1


def _told(row: Row, prefix: str = "", name: str = "arm") -> tuple[str, str, str]:
    """The arm with its controls, the source of its prior, and its ECG with its source: no number is without them."""
    control = row[f"{prefix}control"]
    prior = row[f"{prefix}prior_source"]
    states = row[f"{prefix}ecg"].split("+")
    ecg, source = " + ".join(ECG_WORDS.get(state, state) for state in states), row[f"{prefix}ecg_source"]
    arm = row[name] + (f" [{control}]" if control else "")
    return arm, PRIOR_WORDS.get(prior, str(prior)), ecg if source == "none" else f"{ecg}, {source}"


def _overlap(rows: Sequence[Row]) -> Grid:
    header: tuple[str, ...] = (
        *_TOLD,
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
                *_told(row),
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


def _surfaces(rows: Sequence[Row]) -> Grid:
    header: tuple[str, ...] = (
        *_TOLD,
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
                *_told(row),
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


def _presence(rows: Sequence[Row]) -> Grid:
    header: tuple[str, ...] = (
        *_TOLD,
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
                *_told(row),
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


def _differences(rows: Sequence[Row]) -> Grid:
    """Scar by every measure, the other structures by Dice; the rest is in comparisons.tsv."""
    header: tuple[str, ...] = ("arm", "minus", "structure", "measure", "patients", "mean (95 % CI)", "90 % CI")
    header += ("Hodges-Lehmann", "p", "p, Holm", "warning")
    lines = []
    for row in rows:
        if row["structure"] != "scar" and row["measure"] != "dice":
            continue
        one, other = _told(row), _told(row, "reference_", "reference")
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


def _decomposition(rows: Sequence[Row]) -> Grid:
    header: tuple[str, ...] = (
        "step",
        "from",
        *_TOLD,
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
                *_told(row),
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


def _agreement(rows: Sequence[Row]) -> Grid:
    header: tuple[str, ...] = (
        *_TOLD,
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
                *_told(row),
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


def _detection(rows: Sequence[Row]) -> Grid:
    header: tuple[str, ...] = (*_TOLD, "region", "patients", "segments (with scar)", "sensitivity (95 % CI)")
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
                *_told(row),
                row["region"],
                str(row["n_patients"]),
                f"{row['n_segments']} ({row['n_segments_positive']})",
                *(between(row, name) for name in names),
            )
            for row in rows
        ),
        whose=3,
    )


def _subgroups(rows: Sequence[Row]) -> Grid:
    header: tuple[str, ...] = (
        *_TOLD,
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
                *_told(row),
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


def _gates(rows: Sequence[Row]) -> Grid:
    header: tuple[str, ...] = (
        *_TOLD,
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
                *_told(row),
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


def _cases(rows: Sequence[CaseMetrics]) -> Block:
    chosen = [row for row in rows if row.structure == "scar"]
    if not chosen:
        return Text("The labels of the truth do not tell scar.")
    chosen = sorted(chosen, key=lambda row: (row.arm, math.isnan(row.dice), row.dice, row.case_id, row.run))
    header: tuple[str, ...] = (
        *_TOLD,
        "run",
        "case",
        "agreement",
        "Dice",
        "NSD",
        "truth mL",
        "predicted mL",
        "in summary",
    )
    lines = tuple(
        (
            *_told(
                {name: getattr(row, name) for name in ("arm", "prior_source", "ecg", "ecg_source", "control")}
            ),
            str(row.run),
            row.case_id,
            row.agreement.replace("_", " "),
            number(row.dice, 3),
            number(row.nsd, 3),
            number(row.truth_ml, 2),
            number(row.predicted_ml, 2),
            "yes" if row.in_summary else "no",
        )
        for row in chosen
    )
    return Grid(header, lines, folded=f"{len(lines)} rows")


def _known(summary: Sequence[Row], facts: Mapping[str, Any]) -> Grid:
    known = [
        (
            "reference standard",
            f"segmentations named by the column label of the truth; {facts['TruthScheme']} labels",
        ),
        ("readers, their number and agreement", "not stated in the inputs"),
        ("split", facts["Split"]),
        ("unit of partition", facts["Partition"]),
        ("empty masks", facts["EmptyPolicy"]),
        ("voxel size", "known" if facts["VoxelSizeKnown"] else "unknown: no mL and no mm"),
        ("bootstrap", f"{facts['Resamples']} resamples, seed {facts['Seed']}"),
        ("software", f"scartools {facts['Version']}"),
    ]
    for arm in facts["Arms"]:
        flow = f"{arm['Evaluated']} evaluated, {arm['InSummary']} in the summary; "
        flow += (
            f"{arm['WithoutTruth']} predicted without truth, {arm['WithoutPrediction']} true without prediction"
        )
        ecg = ", ".join(f"{ECG_WORDS.get(state, state)} {n}" for state, n in arm["ECG"].items())
        prior = PRIOR_WORDS.get(arm["PriorSource"], arm["PriorSource"])
        known.append((f"arm {arm['Name']}, run {arm['Run']}", f"prior {prior}; ECG {ecg}; cases: {flow}"))
    fewest = min((row["n_patients_positive"] for row in summary if row["structure"] == "scar"), default=None)
    if fewest is not None and fewest < FEW_PATIENTS:
        known.append(("sample size", f"{fewest} patients with scar: too few to tell small differences"))
    return Grid(("item", "what is known"), tuple(known))
