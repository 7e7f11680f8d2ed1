"""How far scar reaches through the wall: what a set of chords says about a region."""

from __future__ import annotations

from typing import Any

import numpy as np

from scartools.heart.chords import Chords
from scartools.heart.segment_columns import CLASS_COLUMNS, CLASSES

NAN = float("nan")
BORDERS = np.array([0.0, 25.0, 50.0, 75.0])  # the upper ends of the first four classes, which hold them


def transmurality_bin(percent: float) -> str:
    """The usual five classes; any scar at all is at least "1-25". NaN gives "n/a"."""
    if not np.isfinite(percent):
        return "n/a"
    return CLASSES[int(np.searchsorted(BORDERS, percent))][0]


def depths(cuts: Chords, chosen: np.ndarray) -> dict[str, Any]:
    """Summarise the chosen chords, bool (N,): the keys of TRANSMURALITY_COLUMNS and CLASS_COLUMNS; NaN without a chord."""
    percent = cuts.percent[chosen]
    infarcted = percent > 0
    some = len(percent) > 0
    mean = float(percent.mean()) if some else NAN
    members = np.bincount(np.searchsorted(BORDERS, percent), minlength=len(CLASSES))
    return {
        "transmurality_mean_percent": mean,
        "transmurality_infarcted_percent": float(percent[infarcted].mean()) if infarcted.any() else NAN,
        "transmurality_max_percent": float(percent.max()) if some else NAN,
        "endocardial_extent_percent": 100.0 * float(cuts.inner_scar[chosen].mean()) if some else NAN,
        "scar_extent_percent": 100.0 * float(infarcted.mean()) if some else NAN,
        "transmurality_bin": transmurality_bin(mean),
        "chords": len(percent),
    } | {
        name: 100.0 * float(count) / len(percent) if some else NAN
        for name, count in zip(CLASS_COLUMNS, members, strict=True)
    }
