"""All tables of an evaluation, made from the rows of its cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scartools.evaluation import metrics, segment_detection
from scartools.evaluation.comparisons import COMPARISON_COLUMNS, compare
from scartools.evaluation.decomposition import DECOMPOSITION_COLUMNS, decompose
from scartools.evaluation.metrics import CaseMetrics
from scartools.evaluation.segment_detection import DETECTION_COLUMNS, SEGMENT_COLUMNS, SegmentScar, detect
from scartools.evaluation.subgroups import (
    GATE_COLUMNS,
    INFARCT,
    SUBGROUP_COLUMNS,
    gate_rows,
    infarct_groups,
    subgroups,
)
from scartools.evaluation.summary import SUMMARY_COLUMNS, summarize
from scartools.evaluation.volume_agreement import AGREEMENT_COLUMNS, volume_agreement

COLUMNS: dict[str, dict[str, tuple[str, str | None]]] = {
    "metrics": metrics.METRIC_COLUMNS,
    "summary": SUMMARY_COLUMNS,
    "comparisons": COMPARISON_COLUMNS,
    "decomposition": DECOMPOSITION_COLUMNS,
    "agreement": AGREEMENT_COLUMNS,
    "segments": SEGMENT_COLUMNS,
    "detection": DETECTION_COLUMNS,
    "subgroups": SUBGROUP_COLUMNS,
    "gates": GATE_COLUMNS,
}


def make_tables(
    rows: Sequence[CaseMetrics],
    segments: Sequence[SegmentScar],
    *,
    reference: str,
    chain: Sequence[str] = (),
    groupings: Mapping[str, Mapping[str, str]] | None = None,
    gates: Mapping[tuple[str, int, str], Mapping[str, float]] | None = None,
    resamples: int,
    seed: int,
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every table by its name in COLUMNS; a table that does not apply has none.

    rows       every arm, run, case and structure
    segments   scar by segment of the cases in the summary; may be empty
    chain      arms of the decomposition; empty: none
    groupings  name to group by case_id, beside that by infarct
    gates      (arm, run, case_id) to name of a gate and its weight
    """
    how: dict[str, int] = {"resamples": resamples, "seed": seed}
    groups = {INFARCT: infarct_groups(rows), **(groupings or {})}
    return {
        "metrics": metrics.as_rows(rows),
        "summary": summarize(rows, **how),
        "comparisons": compare(rows, reference, segments=segments, **how),
        "decomposition": decompose(rows, chain, **how) if chain else [],
        "agreement": volume_agreement(rows, **how),
        "segments": segment_detection.as_rows(segments),
        "detection": detect(segments, metrics.REGIMES, **how),
        "subgroups": subgroups(rows, groups, **how),
        "gates": gate_rows(rows, gates or {}, groups),
    }
