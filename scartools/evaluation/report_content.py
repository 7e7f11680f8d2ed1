"""What a report of an evaluation says, in blocks that Markdown and HTML are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from scartools.evaluation.definitions import DEFINITIONS, DISCLAIMER, ECG_WORDS, PRIOR_WORDS, REGIME_TITLES
from scartools.evaluation.metrics import FEW_PATIENTS, CaseMetrics
from scartools.evaluation.report_blocks import Block, Bullets, Figure, Grid, Heading, Text
from scartools.evaluation.report_grids import (
    TOLD,
    agreement_grid,
    decomposition_grid,
    detection_grid,
    differences_grid,
    gates_grid,
    overlap_grid,
    presence_grid,
    subgroups_grid,
    surfaces_grid,
    told_words,
)
from scartools.evaluation.report_numbers import number

Row = Mapping[str, Any]


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
        overlap_grid(summary),
    ]
    if facts["VoxelSizeKnown"]:
        blocks += [Heading(3, f"Surfaces (NSD within {facts['ToleranceMm']:g} mm)"), surfaces_grid(summary)]
    blocks += [Heading(3, "Presence, and scar where there is none"), presence_grid(summary)]
    if compared:
        caption = "Scar Dice, arm minus reference: mean, 90 % interval (thick) and 95 % interval (thin)"
        blocks += [Heading(3, "Differences, paired by patient"), Figure("differences", regime, caption)]
        blocks.append(differences_grid(compared))
    if tables["decomposition"]:
        caption = "What each arm of the chain adds to the scar Dice, with 95 % interval"
        blocks += [Heading(3, "Decomposition of the gain"), Figure("decomposition", regime, caption)]
        blocks.append(decomposition_grid(tables["decomposition"]))
    if tables["agreement"]:
        caption = (
            "Predicted minus true scar against their mean, one dot a patient; bias and 95 % limits of agreement"
        )
        blocks += [Heading(3, "Agreement of volumes"), Figure("agreement", regime, caption)]
        blocks.append(agreement_grid(tables["agreement"]))
    if tables["detection"]:
        title = f"Scar by AHA segment (present from {facts['SegmentPercent']:g} % of the segment)"
        blocks += [Heading(3, title), detection_grid(tables["detection"])]
    if tables["subgroups"]:
        caption = "Scar Dice by interval between ECG and MRI: mean, 95 % interval, number of patients with scar"
        blocks += [Heading(3, "Subgroups"), Figure("intervals", regime, caption)]
        blocks.append(subgroups_grid(tables["subgroups"]))
    if tables["gates"]:
        blocks += [Heading(3, "Weights of the gates"), gates_grid(tables["gates"])]
    return blocks


def _scar_first(row: Row) -> int:
    return 0 if row["structure"] in ("scar", "scar_only", "no_reflow") else 1


def _cases(rows: Sequence[CaseMetrics]) -> Block:
    chosen = [row for row in rows if row.structure == "scar"]
    if not chosen:
        return Text("The labels of the truth do not tell scar.")
    chosen = sorted(chosen, key=lambda row: (row.arm, math.isnan(row.dice), row.dice, row.case_id, row.run))
    header: tuple[str, ...] = (
        *TOLD,
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
            *told_words(
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
