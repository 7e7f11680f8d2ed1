"""Recordings as text tables: a column a lead, a row a sample, with rate and unit stated.

Nothing is assumed: the unit stands in the name of each column (I [mV], I_mV) or is given, the rate follows from a
time column with a unit, or is given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scartools.errors import InputError, UsageError
from scartools.files.record_contents import (
    MAX_CHANNELS,
    Contents,
    Waveform,
    millivolts_per,
    read_whole,
    require_rate,
    require_size,
)
from scartools.files.record_leads import lead_of

if TYPE_CHECKING:
    import numpy as np

MAX_BYTES = 256 << 20
_MISSING = ("", "n/a")
# I [mV], I (mV), I_mV, I/mV, I mV
_WITH_UNIT = re.compile(
    r"(?P<name>.+?)(?:\s*\[(?P<a>[^\]]*)\]|\s*\((?P<b>[a-zµμ]+)\)|[_/ ](?P<c>[numµμ]?v|[mun]?s))", re.I
)
_TIME = ("time", "t", "seconds", "timestamp")
_SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6}
_NUMBERS = re.compile(r"[-+0-9.eE]*", re.ASCII)


def read(path: Path, *, rate: float | None = None, unit: str | None = None) -> Contents:
    """Read a table with a header line.

    rate   Hz, where there is no time column
    unit   of every column whose name states none
    The separator is the tab, semicolon or comma of the header; after a semicolon numbers may have a decimal comma.
    An empty cell or n/a is an absent sample. Columns that are no lead are left out.
    Raises InputError without rate or unit, for NaN, infinity and other words, and for uneven times; UsageError for
    an option that contradicts the table.
    """
    import numpy as np

    header, rows, separator = _cells(path)
    columns = [_named(name) for name in header]
    leads = [(index, name) for index, (name, _) in enumerate(columns) if lead_of(name)]
    clocks = [index for index, (name, _) in enumerate(columns) if name.strip().casefold() in _TIME]
    if len(leads) < 2:
        names = ", ".join(name[:20] for name in header[:15])
        raise InputError("has no columns named like leads", where=path, remedy=f"It has: {names}")
    if len(clocks) > 1:
        raise InputError("has two time columns", where=path, remedy="Keep one of them")
    require_size(path, len(leads), len(rows))
    decimal_comma = separator == ";"
    signals = np.empty((len(leads), len(rows)))
    for row, (index, _) in enumerate(leads):
        stated = columns[index][1]
        signals[row] = _numbers(path, rows, index, header[index], decimal_comma)
        signals[row] *= millivolts_per(path, _unit_of(path, header[index], stated, unit))
    if clocks:
        times = [cells[clocks[0]].strip() for cells in rows]
        seconds = _numbers(path, rows, clocks[0], header[clocks[0]], decimal_comma)
        measured = _rate_of(path, header[clocks[0]], columns[clocks[0]][1], seconds, times)
        if rate is not None and abs(rate - measured) > 1e-3 * measured:
            raise UsageError(
                f"--rate {rate:g}: the time column of {path} says {measured:g} Hz", remedy="Leave it out"
            )
        rate = measured
    if rate is None:
        raise InputError(
            "states no sampling rate", where=path, remedy="Add a time column such as 'time [s]', or give --rate"
        )
    facts = {"Format": "table", "RateFrom": "time column" if clocks else "given"}
    return Contents(
        Waveform(tuple(name for _, name in leads), signals, require_rate(path, rate)), None, facts, (path,)
    )


def has_leads(line: str) -> bool:
    """Tell whether a line is the header of a table that names two leads or more."""
    names = line.removeprefix("\ufeff").split(_separator(line))
    return sum(lead_of(_named(name)[0]) is not None for name in names[:MAX_CHANNELS]) > 1


def _separator(line: str) -> str:
    return next((mark for mark in "\t;," if mark in line), ",")


def _cells(path: Path) -> tuple[list[str], list[list[str]], str]:
    """Return the header, the rows, and the separator."""
    try:
        text = read_whole(path, limit=MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 (byte {error.start})", where=path, remedy="Save it as UTF-8") from error
    first, _, body = text.partition("\n")
    separator = _separator(first)
    header = [name.strip().strip('"') for name in first.split(separator)]
    if not 2 <= len(header) <= MAX_CHANNELS:
        raise InputError(
            f"has {len(header)} columns, where a lead a column is due",
            where=path,
            remedy="Separate them by tabs, semicolons or commas",
        )
    lines = body.replace("\r\n", "\n").split("\n")
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise InputError("has a header but no samples", where=path)
    rows = [line.split(separator) for line in lines]
    ragged = next((k for k, cells in enumerate(rows) if len(cells) != len(header)), None)
    if ragged is not None:
        raise InputError(
            f"line {ragged + 2} has {len(rows[ragged])} cells where the header has {len(header)}", where=path
        )
    return header, rows, separator


def _named(column: str) -> tuple[str, str | None]:
    """Split the name of a column into a name and a unit, None where it has none."""
    text = column.strip().strip('"').strip()
    found = _WITH_UNIT.fullmatch(text)
    if found is None:
        return text, None
    return found["name"], (found["a"] or found["b"] or found["c"] or "").strip()


def _unit_of(path: Path, column: str, stated: str | None, given: str | None) -> str:
    if stated is None and given is None:
        raise InputError(
            f"states no unit for the column {column[:20]!r}",
            where=path,
            remedy="Name it 'I [mV]', or give --unit",
        )
    if stated is not None and given is not None and millivolts_per(path, stated) != millivolts_per(path, given):
        raise UsageError(
            f"--unit {given}: the column {column[:20]!r} of {path} is in {stated[:10]}", remedy="Leave it out"
        )
    return stated if stated is not None else str(given)


def _numbers(path: Path, rows: Sequence[list[str]], index: int, column: str, decimal_comma: bool) -> np.ndarray:
    """Return a column as numbers, NaN where a cell is empty."""
    import numpy as np

    cells = [cells[index].strip() for cells in rows]
    if decimal_comma:
        cells = [cell.replace(",", ".") for cell in cells]
    there = [cell for cell in cells if cell not in _MISSING]
    try:
        plain = _NUMBERS.fullmatch("".join(there)) is not None  # else nan, inf and 1_0 would pass for numbers
        numbers = np.array(there, dtype=np.float64) if plain else np.array([np.inf])
    except ValueError:
        numbers = np.array([np.inf])
    if not np.isfinite(numbers).all():
        line = next(k for k, cell in enumerate(cells) if cell not in _MISSING and not _is_number(cell))
        raise InputError(
            f"line {line + 2}, column {column[:20]!r}: {rows[line][index][:20]!r} is not a number",
            where=path,
            remedy="Write plain numbers, and leave the cell of an absent sample empty",
        )
    if len(there) == len(cells):
        return numbers
    values = np.full(len(cells), np.nan)
    values[[cell not in _MISSING for cell in cells]] = numbers
    return values


def _is_number(cell: str) -> bool:
    try:
        return bool(_NUMBERS.fullmatch(cell)) and abs(float(cell)) < float("inf")
    except ValueError:
        return False


def _rate_of(path: Path, column: str, unit: str | None, times: np.ndarray, cells: Sequence[str]) -> float:
    """Return the rate that evenly spaced times state; a whole number where their decimals allow one."""
    import numpy as np

    scale = _SECONDS.get((unit or ("s" if column.strip().casefold() == "seconds" else "")).casefold())
    if scale is None:
        raise InputError(
            f"has times without a unit in the column {column[:20]!r}",
            where=path,
            remedy="Name it 'time [s]' or 'time [ms]'",
        )
    seconds = times * scale
    span = float(seconds[-1] - seconds[0]) if len(seconds) > 1 else 0.0
    if not span > 0 or np.isnan(seconds).any():
        raise InputError(
            "has times that do not grow, or are missing", where=path, remedy="Number them from the first"
        )
    step = span / (len(seconds) - 1)
    decimals = max(
        len(cell.replace(",", ".").partition(".")[2]) if "e" not in cell.lower() else 12 for cell in cells
    )
    written = 10.0**-decimals * scale  # the last decimal of a time
    apart = np.abs(np.diff(seconds) - step)
    # rounded times differ by their last decimal; a lost sample differs by a step
    if float(apart.max()) > min(written * 1.001, 0.5 * step) + 0.02 * step:
        raise InputError(
            f"has times that are not evenly spaced (line {int(np.argmax(apart)) + 3})",
            where=path,
            remedy="Give one continuous recording, its times with enough decimals",
        )
    doubt = written / span  # of the rate, relative
    measured = 1 / step
    nearest = round(measured)
    return float(nearest) if abs(measured - nearest) <= doubt * measured + 1e-9 else round(measured, 6)
