"""Where the columns of leads begin and end: names say about where, breaks and separators say exactly.

Print may lean against the paper's grid (the paper ran obliquely), and bent paper carries a separator to either side of
its place: each row has its own edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from scartools.ecg.curve_filters import largest_near
from scartools.ecg.layout_fit import Fit
from scartools.errors import InputError

BEFORE, AFTER = 14.0, 6.0  # mm that names of the first column may stand right, or left, of its edge
NAME_FAR = 5.0  # mm that a name stands right of the edge at most
FROM_NAME = 0.15  # what a mm more speaks against it
NEAR = 0.8  # mm around a border where a break is looked for
FEWEST_LINES, AGREE_MM = 2, 0.1  # separators known to a part of a pixel, and how far their offsets may differ
END_MM = 0.6  # from a border that is found to where the traces begin or end: no more than a pen and a gap
ROWS_MM, FOOT_MM = (250.0, 125.0, 500.0), 6.0  # of leads as long as the page; the foot of a pulse before them
LINE_FAR = 4.0  # mm a separator of one row may stand from its place
BENT = 0.5  # mm beside its place, from which on a separator says that the paper is bent there
MOST_LEAN = 0.06  # px to the right a px down; more is no lean but a wrong pair
FEWEST_LEANS = 6  # pairs of marks above each other that must tell a lean
UNUSUAL = 1.5  # of nine borders that columns as wide as the names are apart must show more than those of a usual width
WIDTHS_MM = (62.5, 125.0, 31.25, 50.0)  # of a column: 2.5 s or 5 s at 25 or 50 mm/s first


@dataclass(frozen=True)
class Columns:
    """Columns of equal width.

    start    px, left edge of the first column; width: px of one column; count: how many
    stop     px, end of the traces
    names    how many lead names stand where they should; breaks: how many of the borders inside show a break or a
             separator; borders: how many there are; ends: how many of start and end of the trace meet a border
    stray    px, SD of the borders that the rows show about equal distances; None where that was not asked
    shifts   px by which the edges of each row, strips included, lie right of these; (rows, count + 1), or none
    lead     px of the lead in a column, from its left edge, where a pulse stands before each; None: it fills the column
    lead_told  False where that is not known better than by the foot of a pulse
    """

    start: float
    width: float
    count: int
    stop: float
    names: int
    breaks: int
    borders: int
    ends: int
    stray: float | None = None
    shifts: tuple[tuple[float, ...], ...] = ()
    lead: float | None = None
    lead_told: bool = True

    @property
    def time(self) -> float:
        """px of a column that are time."""
        return self.width if self.lead is None else self.lead

    def edges(self, column: int, row: int | None = None) -> tuple[float, float]:
        """px, left and right edge of a column, on the whole or in one row; the last one ends with the traces."""
        left = self.start + column * self.width
        right = self.stop if column == self.count - 1 else left + self.time
        if row is None or not self.shifts:
            return left, right
        return left + self.shifts[row][column], right + self.shifts[row][column + 1]

    @property
    def end(self) -> float:
        return self.stop


def place_columns(
    fit: Fit,
    breaks: list[np.ndarray],
    ends: tuple[float, float],
    px_per_mm: float,
    *,
    guessed: bool = False,
    marks: Sequence[Sequence[float]] = (),
    exact: tuple[float | None, float | None] = (None, None),
) -> Columns:
    """Place the columns of an arrangement.

    breaks   bool (W,), one a row of the arrangement, from layout.find_breaks
    ends     px, first and last column of the traces without the pulses
    guessed  the millimetre is a guess, which says nothing of how wide a column is
    marks    px, separators of each row to a part of a pixel, as far as they are known
    exact    px, the ends of the traces to a part of a pixel, where they are known so
    Raises InputError where a page of several columns shows hardly a border.
    """
    count = fit.layout.columns
    if count == 1:
        start = _start_of_row(ends, px_per_mm)
        return Columns(start, ends[1] - start, 1, ends[1], fit.named, 0, 0, 2)
    assert fit.pitch is not None
    reach = max(int(round(NEAR * px_per_mm)), 1)
    seen = np.stack([largest_near(row, 2 * reach + 1) for row in breaks])
    best: tuple[float, Columns] | None = None
    for width, cost in _near(fit.pitch) if guessed else _widths(fit.pitch, px_per_mm):
        for start in np.arange(
            fit.left - BEFORE * px_per_mm, fit.left + AFTER * px_per_mm, max(0.25 * px_per_mm, 1.0)
        ):
            borders = np.round(start + width * np.arange(1, count)).astype(int)
            if borders[-1] >= seen.shape[1] or borders[0] < 0:
                continue
            broken = int(seen[:, borders].sum())
            stop = start + count * width
            met = int(abs(start - ends[0]) < 1.2 * px_per_mm) + int(abs(stop - ends[1]) < 1.5 * px_per_mm)
            closeness = 0.04 * abs(start - ends[0]) / px_per_mm + 0.04 * abs(stop - ends[1]) / px_per_mm
            # a name stands at the left end of its lead
            off = FROM_NAME * max((fit.left - start) / px_per_mm - NAME_FAR, 0.0)
            total = broken * 9 / (len(breaks) * (count - 1)) + 2.0 * met - min(closeness, 4.0) - off
            total -= cost
            if best is None or total > best[0]:
                columns = Columns(
                    float(start), float(width), count, 0.0, fit.named, broken, len(breaks) * (count - 1), met
                )
                best = total, columns
    if best is None:
        raise InputError("layout not recognised: the columns do not fit on the page")
    placed = _between_borders(breaks, best[1], reach) if guessed else best[1]
    for _ in range(3):  # the reach may first cut through a separator
        off = _border_offset((breaks, marks), placed, ends, exact, reach, px_per_mm)
        placed = replace(placed, start=placed.start + off)
    start = placed.start
    return replace(placed, start=start, stop=_stop(start, placed, ends[1], px_per_mm))


def _start_of_row(ends: tuple[float, float], px_per_mm: float) -> float:
    """px where leads as long as the page begin: behind the foot of the calibration pulse, if it is drawn on to them."""
    for usual in ROWS_MM:
        foot = (ends[1] - ends[0]) / px_per_mm - usual
        if 0 < foot < FOOT_MM:
            return ends[1] - usual * px_per_mm
    return ends[0]


def shifted(
    columns: Columns, rows: Sequence[float], lines: list[list[float]], lean: float, px_per_mm: float
) -> Columns:
    """The columns with the edges of each row where its separators stand, or else where the lean of the print puts them.

    rows   px, baselines of the leads and then of the strips; the columns were placed for the leads
    lines  px, separators in each row of leads
    lean   px to the right a px down, from `lean_of`
    """
    middle = float(np.mean(rows[: len(lines)]))
    shifts = np.tile(lean * (np.asarray(rows, float) - middle)[:, None], (1, columns.count + 1))
    places = columns.start + columns.width * np.arange(columns.count + 1)
    seen = np.full(shifts.shape, np.nan)
    for row, found in enumerate(lines):
        for border in range(1, columns.count):
            near = [x - places[border] - shifts[row, border] for x in found]
            near = [off for off in near if abs(off) < LINE_FAR * px_per_mm]
            if near:  # a line is drawn a dot early or late: only clearly bent paper moves the time
                off = min(near, key=abs)
                seen[row, border] = off if abs(off) > BENT * px_per_mm else 0.0
    if np.isfinite(seen).any():
        for border in range(1, columns.count):
            own = seen[:, border][np.isfinite(seen[:, border])]
            shifts[:, border] += np.where(
                np.isfinite(seen[:, border]), seen[:, border], np.median(own) if len(own) else 0.0
            )
    return replace(columns, shifts=tuple(tuple(float(v) for v in row) for row in shifts))


def lean_of(groups: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """px that the print leans to the right a px down, from marks that are printed above each other.

    groups  of each kind of mark (names of a column, a separator, pulses): rows and columns, px (N,) each
    The median of every pair's lean (Theil and Sen), pairs far apart counting more; 0 where few tell it.
    """
    leans, weights = [], []
    for y, x in groups:
        for i, j in combinations(range(len(y)), 2):
            tall = float(abs(y[j] - y[i]))
            if tall and abs((x[j] - x[i]) / (y[j] - y[i])) < MOST_LEAN:
                leans.append(float((x[j] - x[i]) / (y[j] - y[i])))
                weights.append(tall)
    if len(leans) < FEWEST_LEANS:
        return 0.0
    order = np.argsort(leans)
    share = np.cumsum(np.array(weights)[order])
    return float(np.array(leans)[order][np.searchsorted(share, share[-1] / 2)])


def _widths(pitch: float, px_per_mm: float) -> list[tuple[float, float]]:
    """px of a column, and what speaks against it: usual widths near the printed distance of the names, or that itself.

    Some printers set the names at other distances than the leads change at, up to 10 %. Letters stray, so that a width
    within 2.5 % of a usual one is likely that; but paper that ran too fast, or shrank, has its columns wider or narrower.
    """
    usual = [mm * px_per_mm for mm in WIDTHS_MM]
    near = [width for width in usual if abs(width / pitch - 1) < 0.025]
    if near:
        return [*((width, 0.0) for width in near), (pitch, UNUSUAL)]
    return [(width, 0.0) for width in (pitch, *(width for width in usual if abs(width / pitch - 1) < 0.1))]


def _near(pitch: float) -> list[tuple[float, float]]:
    """As `_widths`: about the printed distance of the names, whose left edges stray by a letter's shape."""
    return [(pitch * (1 + step / 400), 0.0) for step in range(-10, 11)]


def _between_borders(breaks: list[np.ndarray], columns: Columns, reach: int) -> Columns:
    """The same columns, as wide as the borders inside are apart where two or more are seen."""
    for _ in range(3):  # a separator may first be cut through by the reach
        numbers, places = [], []
        for number in range(1, columns.count):
            seen = _break_places(breaks, columns.start + number * columns.width, reach)
            numbers += [number] * len(seen)
            places += seen
        if len(set(numbers)) < 2:
            return columns
        width, start = np.polyfit(numbers, places, 1)
        stray = float(np.std(places - np.polyval([width, start], numbers)))
        columns = replace(columns, start=float(start), width=float(width), stray=stray)
    return columns


def _break_places(breaks: list[np.ndarray], border: float, reach: int) -> list[float]:
    """px of the break or separator that each row shows within reach of a border, where it shows one."""
    places, low = [], max(int(round(border)) - reach, 0)
    for row in breaks:
        near = np.flatnonzero(row[low : int(round(border)) + reach + 1])
        if len(near):
            places.append(low + (near[0] + near[-1]) / 2)
    return places


def _stop(start: float, columns: Columns, end: float, px_per_mm: float) -> float:
    """px where the last column ends: one width on, or where the traces end before that."""
    full = start + columns.count * columns.width
    return float(min(full, max(end, start + (columns.count - 1) * columns.width + 0.3 * columns.width)))


def _border_offset(
    shown: tuple[list[np.ndarray], Sequence[Sequence[float]]],
    columns: Columns,
    ends: tuple[float, float],
    exact: tuple[float | None, float | None],
    reach: int,
    px_per_mm: float,
) -> float:
    """px by which the columns lie too far left: the median of what the rows show at the inner borders and at their ends.

    A QRS at a border widens the break to one side; a trace that ends near its place speaks once for each row. Where
    separators are known to a part of a pixel, and agree with each other and with such ends, they speak alone.
    """
    breaks, marks = shown
    lines: list[float] = []
    seen: list[float] = []
    sure: list[float] = []
    for border in columns.start + columns.width * np.arange(1, columns.count):
        lines += [place - border for row in marks for place in row if abs(place - border) <= reach]
        seen += [place - border for place in _break_places(breaks, float(border), reach)]
    places = (columns.start, columns.start + columns.count * columns.width)
    for end, told, place in zip(ends, exact, places, strict=True):
        if (lines or seen) and abs(end - place) < END_MM * px_per_mm:
            seen += [end - place] * len(breaks)
        if told is not None and abs(told - place) < END_MM * px_per_mm:
            sure += [told - place] * len(breaks)
    offsets = np.array(lines + sure)
    if len(lines) < FEWEST_LINES or _most(np.abs(offsets - np.median(offsets))) > AGREE_MM * px_per_mm:
        offsets = np.array(seen)
    return float(np.median(offsets)) if len(offsets) else 0.0


def _most(values: np.ndarray) -> float:
    """What three quarters of the values do not pass."""
    return float(np.percentile(values, 75))
