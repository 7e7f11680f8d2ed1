"""simulate validate: the simulated ECGs beside the ranges of patients."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scartools.cli.contracts import Reads, Writes
from scartools.cli.options import Force, Output, Seed, Threads

if TYPE_CHECKING:
    import numpy as np

    from scartools.files.provenance import Source

log = logging.getLogger(__name__)

Validated = Annotated[
    int,
    typer.Option(
        "-n",
        "--subjects",
        metavar="N",
        min=2,
        max=100_000,
        help="How many subjects; 500 answer every question.",
    ),
]
Normals = Annotated[
    Path | None,
    typer.Option(
        "--normals",
        metavar="FILE.tsv",
        help="Normal ECGs to hold the beats without scar against: beats.tsv of median-beat, or measured features.",
    ),
    Reads("normals"),
]


def validate(
    output: Annotated[Output, Writes("plausibility")],
    subjects: Validated = 500,
    normals: Normals = None,
    seed: Seed = 1,
    force: Force = False,
    threads: Threads = None,
) -> dict[str, Any]:
    """Measure whether simulated ECGs are like those of patients: a table of questions, ranges and answers."""
    from scartools.cli.parallel import in_threads
    from scartools.cli.streams import track
    from scartools.files import atomic, table
    from scartools.simulation.measured_subject import measure_subject
    from scartools.simulation.plausibility import COLUMNS, feature_overlaps, plausibility

    atomic.require_place(output, force=force)
    features, sources = _normal_features(normals) if normals else (None, [])
    if features is None:
        log.warning("no --normals given: normal_overlap is not measured")
    numbers = range(1, subjects + 1)
    found = list(
        track(in_threads(lambda k: measure_subject(k, seed), numbers, threads or 1), "subjects", subjects)
    )
    answers = plausibility(found, normals=features, seed=seed)
    outside = [one.name for one in answers if one.within is False]
    open_ones = [one.name for one in answers if one.within is None]
    facts = {
        "Subjects": subjects,
        "Seed": seed,
        "Rows": len(answers),
        "Outside": outside,
        "NotMeasured": open_ones,
    }
    shared = {} if features is None else feature_overlaps(found, features)
    overlaps = {name: None if math.isnan(value) else value for name, value in shared.items()}
    rows = [vars(one) for one in answers]
    described = table.columns_of(COLUMNS)
    more = {**facts, "Overlaps": overlaps}
    table.write(output, described, rows, facts=more, sources=sources, force=force)
    for one in answers:
        if one.within is False:
            log.warning("%s is %.3g, outside %g to %g", one.name, one.value, one.low, one.high)
    names = f": {', '.join(open_ones)}" if open_ones else ""
    text = "%s: of %d rows %d within, %d outside, %d not measured%s"
    within = len(answers) - len(outside) - len(open_ones)
    log.info(text, output, len(answers), within, len(outside), len(open_ones), names)
    return {"Output": str(output), **facts}


def _normal_features(path: Path) -> tuple[np.ndarray, list[Source]]:
    """The features of normal ECGs, float64 (m, 49), and what was read."""
    import numpy as np

    from scartools.files.normals import read_normals
    from scartools.simulation.beat_features import COMPARED, compared_features

    rows, beats, sources = read_normals(path, COMPARED)
    rows = rows or [compared_features(beat.signals, beat.facts.get("HeartRate")) for beat in beats]
    return np.array(rows, dtype=np.float64), sources
