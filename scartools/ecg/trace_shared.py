"""Where the traces of two rows cross they are drawn with the same runs of ink: each is given its own part."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from scartools.ecg.trace_runs import Pieces

CROSSING_GAP = 4.0  # pens between shared runs of one crossing
ALIKE = 1 / 3  # of the waves of two rows that meet, those that must show that they passed each other
SHELF = 8.0  # pens
DEEP = 2.0  # pens that waves reach beyond each other's baseline where they may have crossed


def divide_shared(
    pieces: Pieces, chains: list[list[int]], shape: tuple[int, int]
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return for each row top, bottom float (W,), NaN in gaps, and shared bool (W,).

    chains  the pieces each row is drawn with; shape: (H, W)
    A row's part of a shared run begins as the straight way from where it came in to where it leaves. The uppermost
    part then has the upper edge of the ink and the lowermost the lower edge; what lies between two parts is the
    taller one's, for it is the steeper stroke. A run cut off by the edge of the picture is a gap: how far the trace
    went beyond is not known.
    """
    width = shape[1]
    run = np.full((len(chains), width), -1)
    for row, chain in enumerate(chains):
        for piece in chain:
            at = np.arange(pieces.start[piece], pieces.start[piece + 1])
            run[row, pieces.column[at]] = at
    top = np.where(run >= 0, pieces.top[run], np.nan)
    bottom = np.where(run >= 0, pieces.bottom[run], np.nan)
    shared = np.zeros(run.shape, bool)
    for row in range(len(chains)):
        others = np.delete(run, row, axis=0)
        shared[row] = (run[row] >= 0) & (others == run[row]).any(axis=0)
    if shared.any():
        whole = top.copy(), bottom.copy()
        _divide(run, top, bottom, shared)
        for upper, lower in pairwise(range(len(run))):
            _cross(run, whole, (top, bottom), (upper, lower))
    outside = (top <= 0) | (bottom >= shape[0])
    top[outside] = bottom[outside] = np.nan
    return list(zip(top, bottom, shared, strict=True))


def _divide(run: np.ndarray, top: np.ndarray, bottom: np.ndarray, shared: np.ndarray) -> None:
    """Give each row its part of the shared runs, in place; all (rows, W)."""
    whole_top, whole_bottom = top.copy(), bottom.copy()
    for row in range(len(run)):
        for first, last in _stretches(shared[row]):
            for edge in (top[row], bottom[row]):
                edge[first:last] = _straight(edge, first, last)
            top[row, first:last] = np.clip(
                top[row, first:last], whole_top[row, first:last], whole_bottom[row, first:last] - 1
            )
            bottom[row, first:last] = np.clip(
                bottom[row, first:last], top[row, first:last] + 1, whole_bottom[row, first:last]
            )
    for column in np.flatnonzero(shared.any(axis=0)).tolist():
        for one in np.unique(run[shared[:, column], column]).tolist():
            rows = np.flatnonzero(run[:, column] == one)
            rows = rows[np.argsort((top[rows, column] + bottom[rows, column]) / 2, kind="stable")]
            top[rows[0], column] = whole_top[rows[0], column]
            bottom[rows[-1], column] = whole_bottom[rows[-1], column]
            for upper, lower in zip(rows[:-1], rows[1:], strict=True):
                if bottom[upper, column] < top[lower, column]:
                    taller = (
                        bottom[upper, column] - top[upper, column] > bottom[lower, column] - top[lower, column]
                    )
                    if taller:
                        bottom[upper, column] = top[lower, column]
                    else:
                        top[lower, column] = bottom[upper, column]


def _cross(
    run: np.ndarray,
    whole: tuple[np.ndarray, np.ndarray],
    parts: tuple[np.ndarray, np.ndarray],
    rows: tuple[int, int],
) -> None:
    """Let a deep wave of one row and a tall one of the row below pass each other, in place, where their tips show that.

    run, whole, parts  (rows, W): the runs, their top and bottom, and those of each row's part of them; rows: upper, lower
    Two waves that only meet leave a valley in the upper edge of the ink and one in its lower edge. A tip of the lower row
    that stands in the upper valley is beyond the other's: there the lower edge is the upper row's, and the upper edge
    the lower row's. Beats are alike: where some of the waves that meet have passed each other, those that hide it have, too.
    """
    upper, lower = rows
    common = (run[upper] >= 0) & (run[upper] == run[lower])
    if not common.any():
        return
    top, bottom = np.fmin(*whole[0][[upper, lower]]), np.fmax(*whole[1][[upper, lower]])
    pen = float(np.nanmedian(whole[1][upper] - whole[0][upper]))
    deep = np.nanmedian(whole[0][upper]) + DEEP * pen, np.nanmedian(whole[1][lower]) - DEEP * pen
    both = (top > deep[0]) & (bottom < deep[1])  # columns in which each wave is beyond the other row's baseline
    near = np.convolve(common, np.ones(2 * int(CROSSING_GAP * pen) + 1), mode="same") > 0
    meeting = [(first, last) for first, last in _stretches(near) if both[first:last].any()]
    shown = [
        _tip_in_valley(top[first:last], bottom[first:last], both[first:last], pen) for first, last in meeting
    ]
    passed = sum(tip is not None for tip in shown)
    alike = passed >= max(ALIKE * len(shown), 2)
    for (first, last), tip in zip(meeting, shown, strict=True):
        if tip is None and alike:
            tip = _hidden_tip(top[first:last], bottom[first:last], both[first:last], pen)
        for column in [] if tip is None else (first + tip).tolist():
            if common[column]:
                for row in rows:
                    parts[0][row, column], parts[1][row, column] = top[column], bottom[column]
            elif (run[[upper, lower], column] >= 0).all() and whole[0][upper, column] < whole[0][lower, column]:
                for part, edge in zip(parts, whole, strict=True):
                    part[upper, column], part[lower, column] = edge[lower, column], edge[upper, column]


def _tip_in_valley(top: np.ndarray, bottom: np.ndarray, both: np.ndarray, pen: float) -> np.ndarray | None:
    """The columns of a tip that stands in a valley of the upper or of the lower edge of some ink; None without.

    top, bottom  rows of the edges, (N,); both: where a tip may be; pen: px, how far a tip stands out at least
    """
    for edge in (top, -bottom):
        valley = np.where(np.isfinite(edge), edge, -np.inf)
        left, right = np.maximum.accumulate(valley), np.maximum.accumulate(valley[::-1])[::-1]
        stands = np.where(both, np.minimum(left, right), -np.inf) - np.where(both, edge, 0.0)
        tip = int(np.argmax(stands))
        if stands[tip] >= pen:
            before, after = valley[: tip + 1], valley[tip:]
            return np.arange(tip - int(np.argmax(before[::-1])) + 1, tip + int(np.argmax(after)))
    return None


def _hidden_tip(top: np.ndarray, bottom: np.ndarray, both: np.ndarray, pen: float) -> np.ndarray:
    """The columns of the lower row's tip, arguments as above: between its strokes, where the lower edge is highest."""
    lowest = np.where(both, bottom, np.inf)
    at = int(np.argmin(lowest))
    level = (np.abs(top - top[at]) < pen) & (lowest < lowest[at] + SHELF * pen)
    return next(np.arange(first, last) for first, last in _stretches(level) if first <= at < last)


def _stretches(chosen: np.ndarray) -> list[tuple[int, int]]:
    """First and one past the last of every stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _straight(edge: np.ndarray, first: int, last: int) -> np.ndarray:
    """The edge between the columns before and behind a stretch; level where one of them is a gap, itself where both are."""
    left = edge[first - 1] if first > 0 else np.nan
    right = edge[last] if last < len(edge) else np.nan
    if np.isnan(left) and np.isnan(right):
        return edge[first:last]
    left, right = (right if np.isnan(left) else left), (left if np.isnan(right) else right)
    return left + (right - left) * np.arange(1, last - first + 1) / (last - first + 1)
