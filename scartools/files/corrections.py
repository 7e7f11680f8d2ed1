"""What a person says about pages: a table of corrections, one row a page, and a table of boxes, one row a lead."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from scartools.errors import InputError
from scartools.files import table
from scartools.files.provenance import Source
from scartools.files.record import LEADS
from scartools.files.table import Column, Table

BOX_LEADS = (*LEADS, "-aVR")
BOX_COLUMNS = {
    "lead": Column("I, II, III, aVR, -aVR, aVL, aVF, V1-V6"),
    "rhythm": Column("true for a long strip below the columns"),
    "start_s": Column("Time of the left edge on the page's own clock", "s"),
    "left": Column("Left edge, from the left of the page", "px"),
    "top": Column("Upper edge, from the top of the page", "px"),
    "right": Column("Right edge", "px"),
    "bottom": Column("Lower edge", "px"),
}
CORRECTION_COLUMNS = {
    "page": Column("File name of the page"),
    "sha256": Column("SHA-256 of its content"),
    "layout": Column("As --layout"),
    "speed": Column("As --speed", "mm/s"),
    "gain": Column("As --gain", "mm/mV"),
    "rotate": Column("As --rotate", "degree"),
    "boxes": Column("As --boxes; path relative to this table"),
    "rename": Column("Leads as printed and as they are: I=II II=I"),
    "status": Column("accept: a look outweighs the checks; refuse: not to be used"),
    "note": Column("For people; never read"),
}
LAYOUT = re.compile(r"[1-9][0-9]?x[1-9](\+[0-9])?")
LIMITS = {"speed": (5.0, 200.0), "gain": (1.0, 100.0), "rotate": (-360.0, 360.0)}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


@dataclass(frozen=True)
class BoxRow:
    """One row of a table of boxes; start_s is None where the place on the paper tells it."""

    lead: str
    rhythm: bool
    start_s: float | None
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Correction:
    """One row of a table of corrections; None where a cell is n/a. `source`: its table of boxes."""

    page: str
    sha256: str
    layout: str | None
    speed: float | None
    gain: float | None
    rotate: float | None
    boxes: tuple[BoxRow, ...] | None
    rename: tuple[tuple[str, str], ...] = ()
    status: str | None = None
    source: Source | None = None


def read_boxes(path: Path) -> tuple[tuple[BoxRow, ...], Source]:
    """Read a table of boxes: lead, left, top, right, bottom; optional rhythm and start_s.

    Raises InputError naming the line for an unknown lead, a box without area, or a lead twice.
    """
    found = table.read(path, required=("lead", "left", "top", "right", "bottom"))
    _require_known(found, BOX_COLUMNS)
    boxes = [_box(found, at) for at in range(len(found.rows))]
    lines: dict[tuple[str, bool], int] = {}
    for line, box in enumerate(boxes, start=2):
        if lines.setdefault((box.lead, box.rhythm), line) != line:
            what = "rhythm strip" if box.rhythm else "column"
            raise InputError(
                f"lines {lines[box.lead, box.rhythm]} and {line} are both the {what} of lead {box.lead}",
                where=path,
                remedy="Keep one, or say which is the rhythm strip",
            )
    return tuple(boxes), found.source


def render_boxes(boxes: Sequence[BoxRow]) -> bytes:
    """Return a table of boxes as `read_boxes` takes it."""
    rows = [{name: getattr(box, name) for name in BOX_COLUMNS} for box in boxes]
    return table.render(BOX_COLUMNS, rows).encode()


def read_corrections(path: Path) -> tuple[dict[tuple[str, str], Correction], Source]:
    """Read a table of corrections, by (page, sha256). Columns: CORRECTION_COLUMNS, the first two required.

    Raises InputError naming the line for a column or a value that is not known, and a page twice: a correction
    that is not understood must not be passed over.
    """
    found = table.read(path, required=("page", "sha256"))
    _require_known(found, CORRECTION_COLUMNS)
    rows: dict[tuple[str, str], Correction] = {}
    for at in range(len(found.rows)):
        row = _correction(found, at)
        if (row.page, row.sha256) in rows:
            raise InputError(
                f"line {at + 2} is the second one of its page", where=path, remedy="Keep one row a page"
            )
        rows[row.page, row.sha256] = row
    return rows, found.source


def with_row(said: Correction, row: Correction | None) -> Correction:
    """Return what is said of all pages with what the row of one page says put first."""
    if row is None:
        return said
    own = {part.name: value for part in fields(row) if (value := getattr(row, part.name)) not in (None, ())}
    return replace(said, **own)


def parse_rename(text: str) -> tuple[tuple[str, str], ...]:
    """Turn `I=II II=I` into pairs of printed and true lead; raises InputError for what is no such list."""
    pairs = [tuple(word.split("=")) for word in text.split()]
    good = [pair for pair in pairs if len(pair) == 2 and all(name in LEADS for name in pair)]
    if (
        not good
        or len(good) != len(pairs)
        or any(len(set(side)) != len(pairs) for side in zip(*good, strict=True))
    ):
        raise InputError(f"{text[:60]!r} does not rename leads", remedy="For instance I=II II=I")
    return tuple((pair[0], pair[1]) for pair in good)


def _require_known(found: Table, columns: dict[str, Column]) -> None:
    unknown = [name for name in found.columns if name not in columns]
    if unknown:
        raise InputError(
            f"has a column {unknown[0][:40]!r}, which is not known",
            where=found.path,
            remedy=f"Known are {', '.join(columns)}",
        )


def _box(found: Table, at: int) -> BoxRow:
    cells = found.rows[at]
    line, path = at + 2, found.path
    lead, rhythm = cells["lead"], (cells.get("rhythm") or "false").lower()
    if lead not in BOX_LEADS:
        raise InputError(
            f"line {line}: {lead!r:.40} is no lead", where=path, remedy=f"Leads are {', '.join(BOX_LEADS)}"
        )
    if rhythm not in (*_TRUE, *_FALSE):
        raise InputError(f"line {line}: rhythm {rhythm[:40]!r} is neither true nor false", where=path)
    left, top, right, bottom = (table.number(found, at, name) for name in ("left", "top", "right", "bottom"))
    start = table.number(found, at, "start_s") if "start_s" in found.columns else math.nan
    if not (left < right and top < bottom) or start < 0:
        raise InputError(
            f"line {line}: the box of lead {lead} has no area or begins before the page",
            where=path,
            remedy="left < right, top < bottom, start_s from 0",
        )
    return BoxRow(lead, rhythm in _TRUE, None if math.isnan(start) else start, left, top, right, bottom)


def _correction(found: Table, at: int) -> Correction:
    cells, path, line = found.rows[at], found.path, at + 2
    page, digest, layout, status = (cells.get(name) for name in ("page", "sha256", "layout", "status"))
    if page is None or digest is None or not _SHA256.fullmatch(digest):
        raise InputError(
            f"line {line} has no page or no SHA-256 of 64 hexadecimal digits",
            where=path,
            remedy="Both stand in pages.tsv",
        )
    if layout is not None and not LAYOUT.fullmatch(layout):
        raise InputError(
            f"line {line}: {layout[:40]!r} is no layout", where=path, remedy="For instance 3x4+1, 6x2 or 12x1"
        )
    if status not in (None, "accept", "refuse"):
        raise InputError(f"line {line}: unknown status {status!r:.40}", where=path, remedy="accept or refuse")
    numbers = {name: _limited(found, at, name) for name in LIMITS}
    try:
        boxes, source = read_boxes(path.parent / name) if (name := cells.get("boxes")) else (None, None)
        rename = parse_rename(text) if (text := cells.get("rename")) else ()
    except InputError as error:
        told = error.problem if error.where is None else f"{error.where} {error.problem}"
        raise InputError(f"line {line}: {told}", where=path, remedy=error.remedy) from error
    return Correction(
        page,
        digest,
        layout,
        numbers["speed"],
        numbers["gain"],
        numbers["rotate"],
        boxes,
        rename,
        status,
        source,
    )


def _limited(found: Table, at: int, column: str) -> float | None:
    value = table.number(found, at, column) if column in found.columns else math.nan
    low, high = LIMITS[column]
    if math.isnan(value):
        return None
    if not low <= value <= high:
        raise InputError(
            f"line {at + 2}: {column} {value:g} is not between {low:g} and {high:g}", where=found.path
        )
    return value
