"""What a simulated cohort is held against: normal ECGs, as measured features or as median beats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scartools.errors import InputError
from scartools.files import table
from scartools.files.provenance import Source
from scartools.files.record import Record, read_beat

MOST_MV, MOST_MS = 20.0, 400.0  # nobody's wave is higher, nobody's QRS longer: the unit is another one then


def read_normals(path: Path, columns: Sequence[str]) -> tuple[list[list[float]], list[Record], list[Source]]:
    """Read a table of normal ECGs.

    columns  the features that are wanted, in order: a table that has them all is taken as measured
    Returns features, one row an ECG, NaN where n/a; or, of a table with the column beat, no features and the beats;
    and what was read.
    Raises InputError for another table, a value that no ECG has, and a beat that is absent or is none.
    """
    found = table.read(path)
    if "beat" in found.columns:
        beats = [_beat_of(path, row, number) for number, row in enumerate(found.rows, start=2)]
        there = [beat for beat in beats if beat is not None]
        if not there:
            raise InputError("names no beat at all", where=path, remedy="Fill the column beat")
        return [], there, [found.source, *(source for beat in there for source in beat.sources)]
    absent = [name for name in columns if name not in found.columns]
    if absent:
        raise InputError(
            f"has neither the column beat nor all features; {absent[0]} is the first that is absent",
            where=path,
            remedy="Give the beats.tsv of median-beat, or the features that the man page lists",
        )
    rows = [[table.number(found, row, name) for name in columns] for row in range(len(found.rows))]
    for number, row in enumerate(rows, start=2):
        for name, value in zip(columns, row, strict=True):
            if abs(value) > (MOST_MS if name.endswith("_ms") else MOST_MV):
                raise InputError(
                    f"line {number}, column {name}: {value:g} is no ECG's",
                    where=path,
                    remedy="Amplitudes are in mV, durations in ms",
                )
    return rows, [], [found.source]


def _beat_of(path: Path, row: dict[str, str | None], number: int) -> Record | None:
    name = row["beat"]
    if name is None:  # median-beat made none of this recording
        return None
    try:
        return read_beat(path.parent / name)
    except InputError as error:
        raise InputError(
            f"line {number}: beat {name}: {error.problem}", where=path, remedy="Mend or leave out the line"
        ) from error
