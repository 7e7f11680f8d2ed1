"""Peaks of a curve, as scipy.signal.find_peaks finds them: importing that takes longer than reading a drawn page."""

from __future__ import annotations

import numpy as np


def find_peaks(values: np.ndarray, *, distance: int, height: float = -np.inf) -> np.ndarray:
    """Return the places of the peaks of a curve, int (N,), ascending.

    values    float (T,)
    distance  samples that two peaks are apart at least; of those that are nearer the higher one stays
    height    of a peak at least
    A peak is higher than its neighbours on both sides; a level top counts once, in its middle.
    """
    if len(values) < 3:
        return np.zeros(0, int)
    changes = np.flatnonzero(np.diff(values)) + 1  # where a run of equal values begins
    first, last = np.concatenate([[0], changes]), np.concatenate([changes - 1, [len(values) - 1]])
    level = values[first]
    top = np.flatnonzero((level[1:-1] > level[:-2]) & (level[1:-1] > level[2:])) + 1
    places = (first[top] + last[top]) // 2
    places = places[values[places] >= height]
    kept = np.ones(len(places), bool)
    for at in np.argsort(values[places])[::-1]:
        if kept[at]:
            kept &= np.abs(places - places[at]) >= distance
            kept[at] = True
    return places[kept]
