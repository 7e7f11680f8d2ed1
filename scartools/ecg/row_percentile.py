"""A percentile of every row: numpy's own looks for several places at once, and takes twice as long as sorting the rows."""

from __future__ import annotations

import numpy as np


def row_percentile(rows: np.ndarray, share: float) -> np.ndarray:
    """Return what np.percentile(rows, share, axis=1) does, linear between its two neighbours.

    rows   float32 or float64 (R, N), finite, N at least 1
    share  0 to 100
    Returns the same dtype, (R,).
    """
    last = rows.shape[1] - 1
    place = last * share / 100
    low = int(place)
    ordered = np.sort(rows, axis=1)
    below, above = ordered[:, low], ordered[:, min(low + 1, last)]
    return below + (above - below) * rows.dtype.type(place - low)
