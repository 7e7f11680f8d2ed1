"""How far scar reaches through the wall: what a set of chords says about a region."""

from __future__ import annotations

from typing import Any

import numpy as np

from scartools.heart.chords import Chords

NAN = float("nan")
CLASSES = (("0", "0"), ("1-25", "1_25"), ("26-50", "26_50"), ("51-75", "51_75"), ("76-100", "76_100"))
BORDERS = np.array([0.0, 25.0, 50.0, 75.0])  # the upper ends of the first four classes, which hold them

COLUMNS: dict[str, tuple[str, str | None]] = {  # column: (description, unit)
    "transmurality_mean_percent": ("scar length over wall length, mean of all chords of the region", "%"),
    "transmurality_infarcted_percent": ("scar length over wall length, mean of the chords that meet scar", "%"),
    "transmurality_max_percent": ("scar length over wall length, largest of all chords", "%"),
    "endocardial_extent_percent": ("share of the chords with scar in the inner third of the wall", "%"),
    "scar_extent_percent": ("share of the chords with scar anywhere in the wall", "%"),
    "transmurality_bin": ("class of the mean transmurality: 0, 1-25, 26-50, 51-75 or 76-100", "%"),
    "chords": ("chords whose middle of the wall lies in the region", None),
}
CLASS_COLUMNS: dict[str, tuple[str, str | None]] = {
    f"chords_{column}_percent": (
        "share of the chords without scar"
        if name == "0"
        else f"share of the chords that are {name} % transmural",
        "%",
    )
    for name, column in CLASSES
}


def transmurality_bin(percent: float) -> str:
    """The usual five classes; any scar at all is at least "1-25". NaN gives "n/a"."""
    if not np.isfinite(percent):
        return "n/a"
    return CLASSES[int(np.searchsorted(BORDERS, percent))][0]


def depths(cuts: Chords, chosen: np.ndarray) -> dict[str, Any]:
    """Summarise the chosen chords, bool (N,): the keys of COLUMNS and CLASS_COLUMNS; NaN without a chord."""
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
