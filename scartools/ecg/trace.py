"""Follow the leads across the page: which runs of ink each is drawn with, and where it rests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scartools.ecg.page_ink import Runs
from scartools.ecg.trace_runs import Pieces, cut_pieces
from scartools.ecg.trace_shared import divide_shared

# The price list of a path, in mm.
JUMP = 1.0  # a mm of white paper between neighbouring runs
SKIP = 2.0  # a mm of paper along x without ink
LIFT = 0.5  # for lifting the pen at all: text beside the trace is not entered lightly
AWAY = 0.03  # a mm along x, for every mm beyond NEAR of the rows' distance: the neighbouring row is no bargain
TRAVEL = 0.01  # a mm up or down from one run to where another begins: at a crossing the level way goes on level
LEAN = 0.004  # a mm along x, for every mm off the baseline: ink that lies there is likelier the lead's own
INK = 0.02  # earned by a mm of upright ink: the tip of a QRS is no detour
# Ink of another row, by which of the two rests nearer to it (the nearer one, the farther one):
SHARED = (0.1, 0.4)  # a mm along x, of the same ink: where rows cross both are drawn with it
FOLLOWED = (1.0, 3.0)  # a mm along x
FOLLOWED_ONCE = (0.0, 1.0)  # for coming from and going to the same ink as the other row
TOGETHER = (
    5.0  # mm along x that two rows may be drawn with the same ink; beyond, the farther one is not seen there
)
NEAR = 0.64
REACH = 1.6  # of the rows' distance: ink farther from a baseline is none of its lead
REACH_MM = (25.0, 40.0)  # but at least and at most
ALONE_MM = 30.0  # the rows' distance of a page with one row
POOL = 10  # ends of ink that a path may go on from after a gap
LEVEL = 1.5  # pens, the height of level ink
ROUNDS = 4  # in which rows that follow the same ink settle it


@dataclass(frozen=True)
class Path:
    """The runs of ink one lead is drawn with.

    top, bottom  float (W,), rows of the run in each pixel column, NaN in gaps
    shared       bool (W,), where another lead is drawn with the same run; top and bottom are this lead's part of it
    """

    top: np.ndarray
    bottom: np.ndarray
    shared: np.ndarray


def follow_rows(
    runs: Runs,
    shape: tuple[int, int],
    baselines: Sequence[float],
    px_per_mm: tuple[float, float],
    reach: float | None = None,
) -> list[Path]:
    """Find the cheapest way from the left to the right of the page along every baseline.

    runs       every run of ink on the upright page
    shape      (H, W)
    baselines  row of each baseline from top to bottom, px
    px_per_mm  along x and y
    reach      px above and below a baseline where its lead may go; None takes it from the distance of the rows
    Each row is followed by itself first, with gaps allowed at a price. Then rows that follow the same ink are followed
    again, and the one that rests farther away pays for it, until none changes. What they still share, where one
    crosses the other, is divided between them.
    """
    spacing = float(np.median(np.diff(baselines))) if len(baselines) > 1 else ALONE_MM * px_per_mm[1]
    if reach is None:
        nearest, farthest = (mm * px_per_mm[1] for mm in REACH_MM)
        reach = min(max(REACH * spacing, nearest), farthest)
    pieces = cut_pieces(runs, px_per_mm)
    if not len(pieces.chain):
        blank = np.full(shape[1], np.nan)
        return [Path(blank.copy(), blank.copy(), np.zeros(shape[1], bool)) for _ in baselines]
    rows = [_Row(pieces, row, px_per_mm, reach, NEAR * spacing) for row in baselines]
    chains = [row.cheapest({}, None) for row in rows]
    for _ in range(ROUNDS):
        before = list(chains)
        for at, row in enumerate(rows):
            others = [
                (other, chain) for k, (other, chain) in enumerate(zip(rows, chains, strict=True)) if k != at
            ]
            links, fees = _fees(pieces, row, others, px_per_mm[0])
            if fees is not None and fees[chains[at]].any():
                chains[at] = row.cheapest(links, fees)
        if chains == before:
            break
    _part(pieces, rows, chains, TOGETHER * px_per_mm[0])
    return [without_spurs(Path(*parts)) for parts in divide_shared(pieces, chains, shape)]


def follow(
    runs: Runs, shape: tuple[int, int], baseline: float, px_per_mm: tuple[float, float], reach: float
) -> Path:
    """Find the cheapest way along one baseline; as follow_rows."""
    return follow_rows(runs, shape, [baseline], px_per_mm, reach)[0]


def without_spurs(path: Path) -> Path:
    """The path without what stands out of level ink in fewer columns than the pen is wide: a line of the grid, no stroke."""
    top, bottom = path.top.copy(), path.bottom.copy()
    tall = bottom - top
    pen = float(np.nanmedian(tall)) if np.isfinite(tall).any() else 0.0
    for wide in range(1, min(int(np.ceil(pen - 0.5)), len(top) - 1)):
        before, after = np.arange(len(top) - wide - 1), np.arange(wide + 1, len(top))
        level = (tall[before] <= LEVEL * pen) & (tall[after] <= LEVEL * pen)
        level &= np.abs(top[before] - top[after]) <= pen
        high, low = np.fmin(top[before], top[after]), np.fmax(bottom[before], bottom[after])
        tips = (
            sliding_window_view(top[1:-1], wide).min(axis=1),
            sliding_window_view(bottom[1:-1], wide).max(axis=1),
        )
        stands = (tips[0] < high - pen) | (tips[1] > low + pen)
        mended = -1  # up to where columns are no longer those of `stands`
        for at, out in zip(np.flatnonzero(level).tolist(), stands[level].tolist(), strict=True):
            if not out and at >= mended:
                continue
            own = slice(at + 1, at + 1 + wide)
            if np.min(top[own]) < high[at] - pen or np.max(bottom[own]) > low[at] + pen:
                top[own], bottom[own] = high[at], low[at]
                mended = at + wide
    return Path(top, bottom, path.shared)


class _Row:
    """One baseline: what each piece costs a lead that rests there."""

    def __init__(
        self,
        pieces: Pieces,
        baseline: float,
        px_per_mm: tuple[float, float],
        reach: float,
        near: float,
    ) -> None:
        mm_x, mm_y = 1 / px_per_mm[0], 1 / px_per_mm[1]
        distance = _distance(pieces.top, pieces.bottom, baseline)
        far = mm_x * mm_y * (LEAN * distance + AWAY * np.clip(distance - near, 0, None))
        tall = pieces.bottom - pieces.top
        earned = INK * mm_y * np.clip(tall - 1.5 * np.median(tall), 0, None)
        self.pieces, self.baseline, self.mm = pieces, baseline, (mm_x, mm_y)
        self.distance = np.minimum.reduceat(distance, pieces.first)
        self.usual = np.add.reduceat(distance, pieces.first) / np.diff(pieces.start)
        self.own = np.add.reduceat(far - earned, pieces.first)
        self.begin, self.end = distance[pieces.first] * mm_y, distance[pieces.last] * mm_y
        self.usable = np.flatnonzero(self.distance < reach)

    def cheapest(self, links: dict[tuple[int, int], float], fees: np.ndarray | None) -> list[int]:
        """The pieces of the cheapest path from left to right.

        links  fee for going from one piece on to another; fees: float (P,), for being drawn with a piece
        """
        if not len(self.usable):
            return []
        pieces, (mm_x, mm_y) = self.pieces, self.mm
        skip, jump = SKIP * mm_x, JUMP * mm_y
        ways = _Ways({}, {}, {})
        pool: list[tuple[float, int, int, int]] = []  # cost less what blank paper up to there would have cost
        ending, done = self._ending(), 0
        for head in self._heads(fees):
            at, column, low, high, leave, price = head[0], head[1], *head[4:7], head[8]
            while ending[done][0] < column:
                stop, ended, above, below = ending[done]
                pool.append((ways.cost[ended] - skip * (stop + 1), ended, above, below))
                if len(pool) > POOL:
                    pool.remove(max(pool))
                done += 1
            best = self._from_touching(head, ways, links)
            best = _from_pool(head, pool, pieces.before[at], best, ways.pen, links, skip, jump)
            total, source, row = best
            ways.cost[at] = total + price
            ways.pen[at] = min(max(row, low), high) if leave != leave else leave
            ways.came[at] = source
        finish = self.end - skip * pieces.column[pieces.last]
        at = min(ways.cost, key=lambda piece: ways.cost[piece] + finish[piece])
        path = []
        while at >= 0:
            path.append(at)
            at = ways.came[at]
        return path[::-1]

    def _heads(self, fees: np.ndarray | None) -> Iterator[_Head]:
        """The usable pieces from left to right, see _Head."""
        pieces, usable = self.pieces, self.usable
        own = self.own if fees is None else self.own + fees
        first = pieces.first[usable]
        fresh = self.begin[usable] + SKIP * self.mm[0] * pieces.column[first]
        each = (
            usable, pieces.column[first], pieces.top[first], pieces.bottom[first], pieces.low[usable],
            pieces.high[usable], pieces.leave[usable], fresh, own[usable],
        )  # fmt: skip
        return zip(*(values.tolist() for values in each), strict=True)

    def _ending(self) -> list[tuple[int, int, int, int]]:
        """The usable pieces by where they end: last column, piece, top and bottom of the last run."""
        pieces, last = self.pieces, self.pieces.last[self.usable]
        order = np.argsort(pieces.column[last], kind="stable")
        each = (pieces.column[last], self.usable, pieces.top[last], pieces.bottom[last])
        return list(zip(*(values[order].tolist() for values in each), strict=True))

    def _from_touching(
        self, head: _Head, ways: _Ways, links: dict[tuple[int, int], float]
    ) -> tuple[float, int, float]:
        """The cheapest way into a piece without lifting the pen, or as its first: cost, piece before (-1), the pen's row."""
        at, low, high = head[0], head[4], head[5]
        best, source, row = head[7], -1, self.baseline
        for other in self.pieces.before[at]:
            if other in ways.cost:
                y = ways.pen[other]
                moved = low - y if y < low else y - high if y > high else 0.0
                total = ways.cost[other] + TRAVEL * self.mm[1] * moved
                if links:
                    total += links.get((other, at), 0.0)
                if total <= best:
                    best, source, row = total, other, y
        return best, source, row


# piece, first column, top and bottom of its first run, low, high and leave of Pieces, cost of a way that begins with it
# after blank paper, cost of its own
_Head = tuple[int, int, int, int, float, float, float, float, float]


@dataclass(frozen=True)
class _Ways:
    """Of each piece that was come to the cheapest way: cost, the pen's row at its end, the piece before (-1: none)."""

    cost: dict[int, float]
    pen: dict[int, float]
    came: dict[int, int]


def _from_pool(
    head: _Head,
    pool: list[tuple[float, int, int, int]],
    touching: list[int],
    best: tuple[float, int, float],
    pen: dict[int, float],
    links: dict[tuple[int, int], float],
    skip: float,
    jump: float,
) -> tuple[float, int, float]:
    """The cheaper of a known way into a piece and of those over blank paper from the pieces of the pool."""
    at, column, top, bottom = head[:4]
    least, source, row = best
    for paid, other, above, below in pool:
        total = paid + skip * column
        if total >= least or other in touching:
            continue
        gap = max(top - below, above - bottom)
        if gap > 0:
            total += LIFT + jump * gap
        if links:
            total += links.get((other, at), 0.0)
        if total < least:
            least, source, row = total, other, pen[other]
    return least, source, row


def _fees(
    pieces: Pieces, row: _Row, others: list[tuple[_Row, list[int]]], px_per_mm_x: float
) -> tuple[dict[tuple[int, int], float], np.ndarray | None]:
    """What a row pays for ink that others are drawn with: for going along with them, and for each piece."""
    links: dict[tuple[int, int], float] = {}
    fees: np.ndarray | None = None
    width = np.diff(pieces.start) / px_per_mm_x
    for other, chain in others:
        taken = np.array(chain, int)
        if not len(taken):
            continue
        fees = np.zeros(len(width)) if fees is None else fees
        farther = (row.usual[taken] > other.usual[taken]).astype(int)
        fees[taken] += np.take(SHARED, farther) * width[taken]
        following = np.take(FOLLOWED, farther) * width[taken]
        same = pieces.chain[taken[1:]] == pieces.chain[taken[:-1]]
        following[1:] += np.where(same, 0.0, np.take(FOLLOWED_ONCE, farther[1:]))
        for one, at, fee in zip(taken[:-1].tolist(), taken[1:].tolist(), following[1:].tolist(), strict=True):
            links[one, at] = links.get((one, at), 0.0) + fee
    return links, fees


def _part(pieces: Pieces, rows: list[_Row], chains: list[list[int]], longest: float) -> None:
    """Leave a gap, in place, where a row goes along with the ink of one that rests nearer to it, over `longest` px."""
    width = np.diff(pieces.start)
    for one, other in combinations(range(len(rows)), 2):
        common = set(chains[one]) & set(chains[other])
        stretch: list[int] = []
        for piece in [*chains[one], -1]:
            if piece in common:
                stretch.append(piece)
                continue
            if stretch and width[stretch].sum() > longest:
                off = [float(rows[row].usual[stretch] @ width[stretch]) for row in (one, other)]
                farther = one if off[0] > off[1] else other
                chains[farther] = [kept for kept in chains[farther] if kept not in stretch]
            stretch = []


def _distance(top: np.ndarray, bottom: np.ndarray, row: float) -> np.ndarray:
    """px from a run to a row; 0 where the run crosses it."""
    return np.maximum(np.maximum(top - row, row - bottom), 0.0)


def baseline_of(rows: np.ndarray, px_per_mm: float) -> float:
    """The row where a lead rests: the mode of its heights, 0.5 mm wide, refined by the median around it."""
    values = rows[np.isfinite(rows)]
    if not len(values):
        return float("nan")
    bins = np.arange(values.min() - px_per_mm, values.max() + px_per_mm, 0.1 * px_per_mm)
    counts, edges = np.histogram(values, bins)
    smooth = np.convolve(counts, np.ones(7), mode="same")
    mode = edges[int(np.argmax(smooth))] + 0.05 * px_per_mm
    near = values[np.abs(values - mode) < 0.5 * px_per_mm]
    return float(np.median(near)) if len(near) else float(mode)
