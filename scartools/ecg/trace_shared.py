"""Where the traces of two rows cross they are drawn with the same runs of ink: each is given its own part."""

from __future__ import annotations

import numpy as np

from scartools.ecg.trace_runs import Pieces


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
        _divide(run, top, bottom, shared)
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
