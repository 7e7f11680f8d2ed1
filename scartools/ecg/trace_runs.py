"""The ink as pieces: stretches of runs, one a pixel column, that neither branch nor meet, and what each costs a pen.

A trace is a chain of pieces. Thousands of runs make a few hundred pieces, so that the cheapest chain is found among
them instead of among the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scartools.ecg.page_ink import Runs

FAR = 20.0  # mm from an end of a stroke within which a pen may step off another one
FAR_SMALL = 3.0  # mm, the same for a letter or a speck
SMALL = 2.0  # mm, width of what may be a letter or a speck


@dataclass(frozen=True)
class Pieces:
    """P pieces of ink, ordered by their first column.

    column, top, bottom  int (N,), the runs, piece by piece and from left to right
    start       int (P + 1,): the runs of piece p are start[p]:start[p + 1]
    chain       int (P,): pieces of one chain were cut where a pen may step off, and are one stretch of ink
    before      for each piece those whose last run touches its first
    low, high   float (P,), px: a pen that comes in between these rows need not move before it must
    leave       float (P,), px: the row at which it leaves, NaN where it never had to move
    """

    column: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    start: np.ndarray
    chain: np.ndarray
    before: list[list[int]]
    low: np.ndarray
    high: np.ndarray
    leave: np.ndarray

    @property
    def first(self) -> np.ndarray:
        """int (P,), index of the first run of each piece."""
        return self.start[:-1]

    @property
    def last(self) -> np.ndarray:
        """int (P,), index of the last run of each piece."""
        return self.start[1:] - 1


def cut_pieces(runs: Runs, px_per_mm: tuple[float, float]) -> Pieces:
    """Cut ink into pieces.

    runs  ordered by column, then by row; px_per_mm: along x and y
    Pieces end where strokes branch or meet, and where another stroke begins or ends near by: a broken line may go on
    in the middle of another piece.
    """
    low, count = _touching(runs)
    linked = np.repeat(np.arange(len(low)), count)
    steps = np.arange(len(linked)) - np.repeat(np.cumsum(count) - count, count)
    onward = np.repeat(low, count) + steps  # (L,): run linked[k] touches run onward[k] in the next column
    arriving = np.bincount(onward, minlength=len(low))
    only = (count[linked] == 1) & (arriving[onward] == 1)
    follower = np.full(len(low), -1)
    follower[linked[only]] = onward[only]
    chain = _chains(follower)
    cut = _cuts(runs, chain, count, arriving, follower, px_per_mm)
    follower[cut] = -1
    piece = _chains(follower)
    order = np.argsort(piece, kind="stable")
    start = np.append(np.flatnonzero(np.diff(piece[order], prepend=-1)), len(order))
    before: list[list[int]] = [[] for _ in range(len(start) - 1)]
    joint = follower[linked] != onward
    for one, other in zip(piece[linked[joint]].tolist(), piece[onward[joint]].tolist(), strict=True):
        before[other].append(one)
    top, bottom = runs.top[order], runs.bottom[order]
    return Pieces(
        runs.column[order],
        top,
        bottom,
        start,
        chain[order[start[:-1]]],
        before,
        *_pen_moves(top, bottom, start),
    )


def _touching(runs: Runs) -> tuple[np.ndarray, np.ndarray]:
    """For each run the first run of the next column that it touches, corners included, and how many it touches."""
    tall = int(runs.bottom.max(initial=0)) + 2
    begins, ends = runs.column * tall + runs.top, runs.column * tall + runs.bottom
    low = np.searchsorted(ends, begins + tall, "left")
    stop = np.searchsorted(begins, ends + tall, "right")
    return low, np.maximum(stop - low, 0)


def _chains(follower: np.ndarray) -> np.ndarray:
    """Number the chains of runs by their first one."""
    chain = [-1] * len(follower)
    number = 0
    for at, following in enumerate(follower.tolist()):
        own = chain[at]
        if own < 0:
            own = chain[at] = number
            number += 1
        if following >= 0:
            chain[following] = own
    return np.array(chain, int)


def _cuts(
    runs: Runs,
    chain: np.ndarray,
    count: np.ndarray,
    arriving: np.ndarray,
    follower: np.ndarray,
    px_per_mm: tuple[float, float],
) -> np.ndarray:
    """The runs after which a chain is cut, because another one begins or ends free there."""
    wide = np.bincount(chain) if len(chain) else np.zeros(0, int)
    reach = np.where(wide[chain] < SMALL * px_per_mm[0], FAR_SMALL, FAR) * px_per_mm[1]
    width = int(runs.column.max(initial=0)) + 2
    first = np.searchsorted(runs.column, np.arange(width + 1))
    cut = np.zeros(len(chain), bool)
    for free, shift in ((arriving == 0, -1), (count == 0, 0)):
        for at in np.flatnonzero(free).tolist():
            column = runs.column[at] + shift
            if column < 0:
                continue
            beside = slice(first[column], first[column + 1])
            gap = np.maximum(runs.top[beside] - runs.bottom[at], runs.top[at] - runs.bottom[beside])
            cut[beside] |= gap < reach[at]
    return cut & (follower >= 0)


def _pen_moves(
    top: np.ndarray, bottom: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Low, high and leave of Pieces: a pen that moves no more than the ink makes it.

    What happens to a pen that comes in anywhere is told by an interval: inside it stays, outside it goes to the nearer
    end; once it has had to move, where it came from no longer matters.
    """
    tops, bottoms = top.tolist(), bottom.tolist()
    lows, highs, leaves = [], [], []
    bounds = start.tolist()
    for begin, end in zip(bounds[:-1], bounds[1:], strict=True):
        low, high = tops[begin], bottoms[begin]
        at = begin + 1
        while at < end and tops[at] <= high and bottoms[at] >= low:
            low, high = max(low, tops[at]), min(high, bottoms[at])
            at += 1
        pen = float("nan")
        if at < end:
            pen = high = low = high if tops[at] > high else low
            for upper, lower in zip(tops[at:end], bottoms[at:end], strict=True):
                pen = upper if pen < upper else min(pen, lower)
        lows.append(low)
        highs.append(high)
        leaves.append(pen)
    return np.array(lows, float), np.array(highs, float), np.array(leaves, float)
