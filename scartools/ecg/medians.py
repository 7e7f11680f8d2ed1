"""The median over a dozen rows at every sample: of beats, or of the neighbours of a sample."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_MOST_IN_NETWORK = 48  # beyond it numpy's own sort is as fast


def median_of_rows(rows: np.ndarray) -> np.ndarray:
    """Return the median over the first axis at every sample, over the rows that have it: numpy's nanmedian.

    rows  float64 (B, ...), NaN where absent
    Returns float64 (...), NaN where no row has the sample. For a dozen rows it takes a seventh of numpy's time: whole rows are
    compared and exchanged by a sorting network (Batcher's odd-even merge sort).
    """
    here = np.isfinite(rows)
    complete = here.all(axis=0)
    out = _median_of_complete(rows)
    if not complete.all():
        out[~complete] = _median_of_some(rows[:, ~complete], here[:, ~complete])
    return out


def _median_of_complete(rows: np.ndarray) -> np.ndarray:
    count = len(rows)
    if count > _MOST_IN_NETWORK:
        ordered = list(np.sort(rows, axis=0))
    else:
        ordered = list(np.array(rows, order="C"))
        spare = np.empty_like(ordered[0])
        for low, high in _exchanges(count):
            one, other = ordered[low], ordered[high]
            np.minimum(one, other, out=spare)
            np.maximum(one, other, out=other)
            ordered[low], spare = spare, one
    if count % 2:
        return np.array(ordered[count // 2])
    return ordered[count // 2 - 1] / 2 + ordered[count // 2] / 2


def _median_of_some(rows: np.ndarray, here: np.ndarray) -> np.ndarray:
    """Return the median of each column of (B, N) over its samples that are there, NaN where none is."""
    ordered = np.sort(np.where(here, rows, np.inf), axis=0)
    count = here.sum(axis=0)
    columns = np.arange(rows.shape[1])
    low = ordered[np.maximum(count - 1, 0) // 2, columns]
    high = ordered[np.minimum(count // 2, len(rows) - 1), columns]
    return np.where(count > 0, low / 2 + high / 2, np.nan)


@lru_cache(maxsize=_MOST_IN_NETWORK)
def _exchanges(count: int) -> tuple[tuple[int, int], ...]:
    """Return which rows to compare, in order (Knuth, The Art of Computer Programming 3, algorithm 5.2.2M)."""
    found: list[tuple[int, int]] = []
    top = p = 1 << max(0, (count - 1).bit_length() - 1)
    while p > 0:
        q, r, d = top, 0, p
        while True:
            found += [(i, i + d) for i in range(count - d) if i & p == r]
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1
    return tuple(found)
