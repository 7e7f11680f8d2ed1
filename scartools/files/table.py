"""TSV tables and the JSON that describes their columns.

UTF-8, one header line, snake_case columns, `n/a` for missing, no quoting: a cell holds neither tab nor line
break. Cells are read as text; an id such as "00123" stays what it is.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from scartools.errors import InputError, OutputError
from scartools.files import atomic
from scartools.files.provenance import Source
from scartools.files.standard_output import write_stdout

MISSING = "n/a"
MAX_BYTES = 256 << 20
# what float() takes, less its surprises: 1_0, digits of other scripts, inf
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
STANDARD_STREAM = Path("-")


@dataclass(frozen=True)
class Column:
    """What one column holds."""

    description: str
    unit: str = ""


@dataclass(frozen=True)
class Table:
    """A table as it was read.

    columns  names in the order of the file
    rows     one dictionary a row, column to text; None where the cell is n/a or empty
    source   the file and its hash
    """

    columns: tuple[str, ...]
    rows: tuple[dict[str, str | None], ...]
    source: Source

    @property
    def path(self) -> Path:
        """The file this table was read from."""
        return self.source.path


def columns_of(declared: Mapping[str, tuple[str, str | None]]) -> dict[str, Column]:
    """Return columns as the library declares them, name to (description, unit or None), as Columns."""
    return {name: Column(description, unit or "") for name, (description, unit) in declared.items()}


def read(path: Path, *, required: Iterable[str] = (), none_empty: bool = True) -> Table:
    """Read a TSV file, or standard input for `-`.

    required    columns that must be there
    none_empty  refuse a table without rows
    Raises InputError naming the line that is wrong.
    """
    data = _bytes_of(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"is not UTF-8 (byte {error.start})", where=path, remedy="Save it as UTF-8 tab-separated text"
        ) from error
    if "\0" in text:
        raise InputError("holds NUL bytes: it is not a text table", where=path)
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise InputError("is empty", where=path, remedy="A header line is due at least")
    columns = tuple(lines[0].split("\t"))
    _require_columns(path, columns, required)
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split("\t")
        if len(cells) != len(columns):
            raise InputError(
                f"line {number} has {len(cells)} cells where the header has {len(columns)}",
                where=path,
                remedy="Separate cells by single tabs and write n/a for a missing value",
            )
        rows.append(
            {name: None if cell in ("", MISSING) else cell for name, cell in zip(columns, cells, strict=True)}
        )
    if none_empty and not rows:
        raise InputError("has a header but no rows", where=path)
    return Table(columns, tuple(rows), Source(path, sha256(data).hexdigest()))


def read_paths(path: Path) -> list[Path]:
    """Read a list of paths, one a line, or standard input for `-`; empty lines are skipped."""
    try:
        lines = [line.removesuffix("\r") for line in _bytes_of(path).decode("utf-8-sig").split("\n")]
    except UnicodeDecodeError as error:
        raise InputError(
            f"is not UTF-8 (byte {error.start})", where=path, remedy="One path a line is due"
        ) from error
    paths = [Path(line) for line in lines if line.strip()]
    if not paths:
        raise InputError("lists no path", where=path, remedy="One path a line is due")
    if any("\0" in str(item) for item in paths):
        raise InputError("holds NUL bytes: it is not a list of paths", where=path)
    return paths


def number(table: Table, row: int, column: str) -> float:
    """Return a cell as a number, NaN where it is missing; raises InputError naming line and column."""
    text = table.rows[row][column]
    if text is None:
        return math.nan
    value = float(text) if _NUMBER.fullmatch(text) else math.inf
    if not math.isfinite(value):
        raise InputError(
            f"line {row + 2}, column {column}: {text[:40]!r} is not a number",
            where=table.path,
            remedy="Write a number with a decimal point, or n/a",
        )
    return value


def render(columns: Mapping[str, Column], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a table as TSV text; None and NaN become n/a, numbers keep six significant digits."""
    lines = ["\t".join(columns)]
    lines += ["\t".join(_cell(row[name]) for name in columns) for row in rows]
    return "\n".join(lines) + "\n"


def write(
    output: Path,
    columns: Mapping[str, Column],
    rows: Iterable[Mapping[str, Any]],
    *,
    facts: Mapping[str, Any] | None = None,
    sources: Sequence[Source] = (),
    force: bool = False,
) -> None:
    """Write a table with the JSON that describes it, or to standard output for `-` (without sidecars).

    columns  name to description and unit, in order
    facts    further keys for the sidecar, beside `Columns`
    """
    text = render(columns, rows)
    if output == STANDARD_STREAM:
        write_stdout(text)
        return

    def save(path: Path) -> None:
        path.write_text(text, encoding="utf-8")

    atomic.publish(output, save, facts={**describe(columns), **(facts or {})}, sources=sources, force=force)


def describe(columns: Mapping[str, Column]) -> dict[str, Any]:
    """Return the description of the columns as it stands in the sidecar."""
    return {
        "Columns": {
            name: {"Description": column.description} | ({"Units": column.unit} if column.unit else {})
            for name, column in columns.items()
        }
    }


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if hasattr(value, "item"):
        value = value.item()  # a numpy scalar
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isinf(value):
            raise OutputError("an infinite value cannot stand in a TSV cell")
        return MISSING if math.isnan(value) else f"{value:.6g}"
    text = str(value)
    if any(mark in text for mark in "\t\r\n"):
        raise OutputError(f"the value {text[:40]!r} holds a tab or a line break and cannot stand in a TSV cell")
    return text or MISSING


def _bytes_of(path: Path) -> bytes:
    try:
        if path == STANDARD_STREAM:
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            # read() asks for the memory up front, so not for more than there is
            with path.open("rb") as stream:
                data = stream.read(min(MAX_BYTES, path.stat().st_size) + 1)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    if len(data) > MAX_BYTES:
        raise InputError(f"is over the limit of {MAX_BYTES} bytes for a table", where=path)
    return data


def _require_columns(path: Path, columns: tuple[str, ...], required: Iterable[str]) -> None:
    if len(set(columns)) != len(columns) or "" in columns:
        twice = next((name for name in columns if columns.count(name) > 1), "")
        raise InputError(
            f"has the column {twice!r} twice" if twice else "has a column without a name", where=path
        )
    missing = [name for name in required if name not in columns]
    if missing:
        remedy = "Is it tab-separated?" if len(columns) == 1 else f"It has: {', '.join(columns[:20])}"
        raise InputError(f"has no column {', '.join(missing)}", where=path, remedy=remedy)
