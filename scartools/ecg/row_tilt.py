"""Print that leans against the grid of its paper: its rows fall or rise with it, and that is no signal.

Each lead drifts by what its electrodes do, and the drifts of limb leads keep the laws of the limb leads. A fall of all rows
alike, over the leads of four columns, breaks them, and comes from the paper that ran through the printer obliquely.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

PARTS, APART = 20, 5  # a row is cut in so many, and those so many apart are compared
SEEN = 0.5  # share of a part that must be drawn
LEAST = 0.003  # mm a mm, of lean and of tilt: 0.2 mm over a column
ALIKE = 0.5  # of their median, by which the tilts of the rows may differ
ODD = 3.0  # times that the tilt may be the lean, or the lean the tilt
FEWEST_ROWS = 3


def tilt_of(rows: Sequence[np.ndarray], lean: float) -> float:
    """Return by how much the rows of a page fall towards the right, px a px; 0 where they do not do so alike.

    rows  heights of each followed row from the first to the last lead, float (N,), px, NaN in gaps; one value a pixel
    lean  px that print leans to the right a px down: what is turned clockwise leans to the left, and its rows fall
    """
    if abs(lean) < LEAST or len(rows) < FEWEST_ROWS:
        return 0.0
    tilts = [_tilt(row) for row in rows]
    middle = float(np.median(tilts))
    if not np.isfinite(middle) or abs(middle) < LEAST or not 1 / ODD <= -middle / lean <= ODD:
        return 0.0  # a turn leans print by as much as it tilts rows
    return middle if np.ptp(tilts) <= ALIKE * abs(middle) else 0.0


def _tilt(row: np.ndarray) -> float:
    """px a px: the median of what parts of a row far from each other say of it (Theil and Sen)."""
    places, levels = [], []
    for part in np.array_split(np.arange(len(row)), PARTS):
        drawn = row[part][np.isfinite(row[part])]
        if len(part) and len(drawn) >= SEEN * len(part):
            places.append(float(part.mean()))
            levels.append(float(np.median(drawn)))
    tilts = [
        (levels[b] - levels[a]) / (places[b] - places[a])
        for a, b in combinations(range(len(places)), 2)
        if b - a >= APART
    ]
    return float(np.median(tilts)) if tilts else float("nan")
