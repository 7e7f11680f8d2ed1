"""Which lines of a drawn page are ECG traces, in which row they stand, and which lead's name belongs to which.

Everything is millimetres of the page, x to the right and y down.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scartools.ecg.pdf_paths import DrawnPage, Polyline
from scartools.ecg.reading import LEADS
from scartools.errors import InputError

MIN_POINTS, MIN_WIDTH_MM = 60, 20.0  # of a trace: 0.8 s at 25 mm/s; letters and frames have fewer points
_SAME_COLUMN_MM = 6.0  # traces that begin this close begin together
_LABEL_ROW_MM = 2.5  # names this close in height stand in one row
_LABEL_LEFT_MM = 15.0  # a name may stand this far left of its trace
_LABEL_FITS_MM = 5.0  # how well one shift must bring all names to their rows
_STANDARD = {
    (3, 4): ("I aVR V1 V4", "II aVL V2 V5", "III aVF V3 V6"),
    (6, 2): ("I V1", "II V2", "III V3", "aVR V4", "aVL V5", "aVF V6"),
    (12, 1): LEADS,
}
_BY_LOWER = {lead.lower(): lead for lead in LEADS}
_NAME = re.compile(r"([-\u2212\u2013]?)(avr|avl|avf|i{1,3}|v[1-9]r?)", re.IGNORECASE)


@dataclass(frozen=True)
class Named:
    """A piece of trace and its lead: in LEADS, "-aVR", an extra lead such as V7, or None where no name was found."""

    points: np.ndarray
    lead: str | None
    rhythm: bool


@dataclass(frozen=True)
class Rows:
    """The rows of a page, from top to bottom, pieces from left to right; `named` how the names were found."""

    rows: tuple[tuple[Named, ...], ...]
    layout: str
    named: str  # printed or assumed


def is_trace(line: Polyline) -> bool:
    """Tell a trace: many points, always to the right, wider than a letter."""
    x = line.points[:, 0]
    return len(x) >= MIN_POINTS and x[-1] - x[0] >= MIN_WIDTH_MM and bool((np.diff(x) > -0.01).all())


def level_of(points: np.ndarray) -> float:
    """Return the median height of a line, each millimetre along it counting the same."""
    x, y = points.T
    return float(np.median(np.interp(np.linspace(x[0], x[-1], 2000), x, y)))


def named_rows(page: DrawnPage) -> Rows:
    """Sort the traces of a page into rows and give each piece its lead.

    A row that is one path for several leads is cut at the ticks left of the names, or into equal parts.
    Raises InputError when two traces lie over each other, or the names do not fit the traces.
    """
    traces = [line.points for line in page.polylines if is_trace(line)]
    rows = _rows(traces)
    labels = _labels(page, traces)
    by_row = _labels_of_rows(labels, rows)
    if not labels:
        return _standard_order(rows)
    ticks = _ticks(page)
    found = [_named(row, names, ticks) for row, names in zip(rows, by_row, strict=True)]
    return _with_rhythm(found, "printed")


def _rows(traces: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
    first_x = min(points[0, 0] for points in traces)
    ordered = sorted(traces, key=lambda points: float(points[0, 0]))
    rows = [[points] for points in ordered if points[0, 0] < first_x + _SAME_COLUMN_MM]
    rows.sort(key=lambda row: level_of(row[0]))
    levels = np.array([level_of(row[0]) for row in rows])
    for points in ordered[len(rows) :]:
        row = rows[int(np.argmin(np.abs(levels - level_of(points))))]
        if points[0, 0] < row[-1][-1, 0] - _SAME_COLUMN_MM:
            raise InputError(
                f"has two traces over each other at {points[0, 0]:.0f} mm from the left",
                remedy="Give one recording a page",
            )
        row.append(points)
    return rows


def _labels(page: DrawnPage, traces: Sequence[np.ndarray]) -> list[tuple[str, float, float]]:
    """Return (lead, left edge, middle height) of every word near the traces that is a lead's name."""
    left = min(points[0, 0] for points in traces) - _LABEL_LEFT_MM
    right = max(points[-1, 0] for points in traces)
    top = min(points[:, 1].min() for points in traces) - 30
    bottom = max(points[:, 1].max() for points in traces) + 30
    found = []
    for word in page.words:
        match = _NAME.fullmatch(word.text)
        x, y = word.box[0], (word.box[1] + word.box[3]) / 2
        if match and left <= x <= right and top <= y <= bottom:
            lead = _BY_LOWER.get(match[2].lower(), match[2].upper())
            if match[1] and lead != "aVR":
                continue  # Cabrera's series turns aVR alone
            found.append((("-" if match[1] else "") + lead, x, y))
    return found


def _labels_of_rows(
    labels: Sequence[tuple[str, float, float]], rows: Sequence[Sequence[np.ndarray]]
) -> list[list[tuple[str, float]]]:
    """Give each row its names: one shift, the same for all, brings the rows of names to the rows of traces."""
    levels = np.array([level_of(row[0]) for row in rows])
    pitch = float(np.median(np.diff(levels))) if len(levels) > 1 else 40.0
    groups: list[list[tuple[str, float, float]]] = []
    for label in sorted(labels, key=lambda item: item[2]):
        if groups and label[2] - groups[-1][0][2] < _LABEL_ROW_MM:
            groups[-1].append(label)
        else:
            groups.append([label])
    heights = np.array([np.mean([y for _, _, y in group]) for group in groups])
    by_row: list[list[tuple[str, float]]] = [[] for _ in rows]
    if not groups:
        return by_row
    shifts = (levels[None, :] - heights[:, None]).ravel()
    shifts = shifts[np.abs(shifts) < pitch]
    best: tuple[int, float, np.ndarray] | None = None
    for shift in shifts:
        apart = np.abs(heights[:, None] + shift - levels[None, :])
        nearest, off = apart.argmin(axis=1), apart.min(axis=1)
        fits = off < max(_LABEL_FITS_MM, 0.2 * pitch)
        count = len(set(nearest[fits].tolist()))
        score = (count, -float(off[fits].sum()))
        if best is None or score > best[:2]:
            best = (*score, np.where(fits, nearest, -1))
    if best is None:
        return by_row
    for group, row in zip(groups, best[2], strict=True):
        if row >= 0:
            by_row[row] += [(lead, x) for lead, x, _ in group]
    return [sorted(names, key=lambda item: item[1]) for names in by_row]


def _named(row: Sequence[np.ndarray], names: Sequence[tuple[str, float]], ticks: np.ndarray) -> list[Named]:
    if not names:
        return [Named(points, None, False) for points in row]
    pieces = list(row)
    if len(row) == 1 and len(names) > 1:
        pieces = _cut(row[0], [x for _, x in names], ticks)
    if len(pieces) != len(names):
        raise InputError(
            f"has a row with {len(pieces)} traces and {len(names)} names of leads ({', '.join(n for n, _ in names)})",
            remedy="Give one recording a page",
        )
    for points, (lead, x) in zip(pieces, names, strict=True):
        if not points[0, 0] - _LABEL_LEFT_MM <= x <= points[-1, 0]:
            raise InputError(f"prints the name {lead} beside another trace", remedy="Print the page again")
    return [Named(points, lead, False) for points, (lead, _) in zip(pieces, names, strict=True)]


def _cut(points: np.ndarray, labels_x: Sequence[float], ticks: np.ndarray) -> list[np.ndarray]:
    """Cut a row that is one path where its columns begin."""
    x = points[:, 0]
    equal = x[0] + (x[-1] - x[0]) * np.arange(1, len(labels_x)) / len(labels_x)
    cuts = []
    for border, label in zip(equal, labels_x[1:], strict=True):
        near = ticks[(np.abs(ticks - border) < 3.0) & (ticks < label)]
        cuts.append(float(near[np.argmin(np.abs(near - border))]) if len(near) else float(border))
    # the first sample of a column lies on its tick; 2 um for the rounding of coordinates
    return [piece for piece in np.split(points, np.searchsorted(x, np.array(cuts) - 2e-3)) if len(piece) > 1]


def _ticks(page: DrawnPage) -> np.ndarray:
    """Return where short upright lines stand: they may separate columns."""
    found = [
        line.points[0, 0]
        for line in page.polylines
        if len(line.points) == 2
        and abs(line.points[0, 0] - line.points[1, 0]) < 0.05
        and 2.0 < abs(line.points[0, 1] - line.points[1, 1]) < 50.0
    ]
    return np.array(sorted(set(found)), dtype=np.float64)


def _standard_order(rows: Sequence[Sequence[np.ndarray]]) -> Rows:
    """Name the leads of a page without names by their usual places; the checks of the page must agree."""
    columns = max(len(row) for row in rows)
    body = [row for row in rows if len(row) == columns]
    order = _STANDARD.get((len(body), columns))
    if order is None or [len(row) for row in rows[: len(body)]] != [columns] * len(body):
        raise InputError(
            f"names no leads, and {len(rows)} rows of up to {columns} have no usual order",
            remedy="Give a page that names its leads",
        )
    found = [
        [Named(points, lead, False) for points, lead in zip(row, names.split(), strict=True)]
        for row, names in zip(body, order, strict=True)
    ]
    found += [[Named(points, None, True) for points in row] for row in rows[len(body) :]]
    return _with_rhythm(found, "assumed")


def _with_rhythm(found: Sequence[Sequence[Named]], named: str) -> Rows:
    """Mark rhythm strips: one trace where others have columns, or a lead that an earlier row has."""
    columns = max(len(row) for row in found)
    rows, seen, strips = [], set(), 0
    for row in found:
        rhythm = len(row) == 1 and (columns > 1 or row[0].lead is None or row[0].lead in seen)
        seen |= {piece.lead for piece in row}
        strips += rhythm
        rows.append(tuple(Named(piece.points, piece.lead, rhythm) for piece in row))
    layout = f"{len(rows) - strips}x{columns}" + (f"+{strips}" if strips else "")
    return Rows(tuple(rows), layout, named)
