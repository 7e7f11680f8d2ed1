"""Tables of segments as `quantify` writes them, or another TSV like them: one column, by segment."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scartools.errors import InputError
from scartools.files import table
from scartools.files.prior import in_words, read_rests_on, stated_column, stated_method, stated_model
from scartools.files.provenance import Source

log = logging.getLogger(__name__)
METHOD_WORDS = {"sd": "n SD above remote", "fwhm": "half maximum", "otsu": "Otsu", "ewa": "two tissues (ewa)"}
_REGIONS = {str(number) for number in range(1, 19)}


@dataclass(frozen=True)
class SegmentValues:
    """One quantity of every segment, and what is known about it.

    values    by segment, NaN where it was not imaged
    model     how many segments there are
    sources   the files it was read from
    rests_on  Anchor, AnchorSource, SegmentationSource of the prior
    column    Description and Units, as far as they are stated
    method    how the scar was found; None where it is not stated
    """

    values: dict[int, float]
    model: Literal[16, 17, 18]
    sources: tuple[Source, ...]
    rests_on: dict[str, str]
    column: dict[str, str]
    method: str | None


def read_segments(path: Path, column: str, *, percent: bool) -> SegmentValues:
    """Read a column of the rows with level segment, from a file or, for `-`, from standard input.

    percent  the column holds shares of 100, so nothing beyond 0 and 100
    Raises InputError naming the line that is wrong.
    """
    found = table.read(path, required=("level", "region", column))
    values = _values(found, column, percent)
    stated = stated_model(path)
    # without a sidecar, 18 or 16 where the table lists just these, else 17
    model = stated if stated is not None and max(values) <= stated else None
    model = model or (18 if max(values) == 18 else 16 if sorted(values) == list(range(1, 17)) else 17)
    said = stated_column(path, column)
    return SegmentValues(values, model, (found.source,), read_rests_on(path), said, stated_method(path))


def in_sentences(names: Sequence[str], read: Sequence[SegmentValues]) -> list[str]:
    """Return what a figure of tables has to say: what their priors rest on, and how their scar was found.

    names  of the tables, where they have one
    """
    notes = []
    for subject, said in (
        ("Prior", [in_words(one.rests_on) for one in read]),
        ("Scar found by", [METHOD_WORDS.get(one.method or "", one.method or "") for one in read]),
    ):
        if len(set(said)) == 1:
            notes += [f"{subject}: {said[0]}."] if said[0] else []
            continue
        parts = [
            f"{name or place}: {text or 'not stated'}"
            for place, (name, text) in enumerate(zip(names, said, strict=False), 1)
        ]
        notes.append(f"{subject}: {'; '.join(parts)}.")
    return notes


def _values(found: table.Table, column: str, percent: bool) -> dict[int, float]:
    values: dict[int, float] = {}
    for row, cells in enumerate(found.rows):
        if cells["level"] != "segment":
            continue
        region = cells["region"] or ""
        if region not in _REGIONS or int(region) in values:
            raise InputError(
                f"line {row + 2} has the segment {region[:20]!r}",
                where=found.path,
                remedy="Each of 1-18 may stand once",
            )
        values[int(region)] = table.number(found, row, column)
        if percent and not math.isnan(values[int(region)]) and not -1e-6 <= values[int(region)] <= 100.001:
            raise InputError(
                f"line {row + 2}, column {column}: {values[int(region)]:g} is not a percentage",
                where=found.path,
            )
    if 0 < len(values) < 16:
        log.warning("%s: lists %d of 17 segments; the others are drawn as not imaged", found.path, len(values))
    if not values:
        raise InputError("has no row with level segment", where=found.path, remedy="Run quantify with --prior")
    return values
