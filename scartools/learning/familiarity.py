"""How an image is unlike those that a model learned from: a flag for a person, never a verdict.

A network says nothing of a picture that it knows nothing about. What can be told without a truth is compared with
the training: pixel, slice step, number of slices, field of view, the grey of the heart it found, and how many
slices that heart reaches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scartools.heart.nomenclature import LV_POOL, MYOCARDIUM
from scartools.learning.grids import NetworkGrid, spacing_of

ROOM = 1.5  # times beyond what was seen: a pixel of 2.1 mm is unlike one of 1.4, one of 2.0 is not
DEVIATIONS, LEAST_DEVIATION = 4.0, 0.25  # of the heart's mean z-score
LENGTHS = {"pixel": "PixelMm", "slice_step": "SliceStepMm", "slices": "Slices", "field": "FieldMm"}


@dataclass(frozen=True)
class Look:
    """What is compared of one case.

    pixel, slice_step, field  mm: mean edge of a pixel, slice step, longer edge of the stored picture
    slices                    how many
    grey                      mean z-score of pool and wall; NaN where there are none
    coverage                  part of the slices that hold wall
    """

    pixel: float
    slice_step: float
    slices: float
    field: float
    grey: float
    coverage: float


def look_at(image: np.ndarray, labels: np.ndarray, grid: NetworkGrid) -> Look:
    """Return what is compared.

    image   float32 (1, Z, Y, X), z-scores; labels uint8 (Z, Y, X) of the toolkit, true or predicted, both on `grid`
    """
    spacing = spacing_of(np.array(grid.source_affine))[list(grid.axes)]
    shape = np.array([grid.source_shape[axis] for axis in grid.axes])
    wall = np.isin(labels, MYOCARDIUM)
    heart = wall | (labels == LV_POOL)
    return Look(
        pixel=float(spacing[1:].mean()),
        slice_step=float(spacing[0]),
        slices=float(shape[0]),
        field=float((shape * spacing)[1:].max()),
        grey=float(image[0][heart].mean()) if heart.any() else float("nan"),
        coverage=float(wall.any(axis=(1, 2)).mean()),
    )


def seen(looks: Sequence[Look]) -> dict[str, Any]:
    """Return what model.json keeps of the training cases: ranges, and mean and standard deviation of the grey."""
    rows = [asdict(look) for look in looks]
    found: dict[str, Any] = {
        key: [min(row[name] for row in rows), max(row[name] for row in rows)] for name, key in LENGTHS.items()
    }
    found["Coverage"] = [min(row["coverage"] for row in rows), max(row["coverage"] for row in rows)]
    grey = np.array([row["grey"] for row in rows if np.isfinite(row["grey"])])
    found["Grey"] = [float(grey.mean()), float(grey.std())] if len(grey) else None
    return found


def unlike(look: Look, known: Mapping[str, Any]) -> tuple[str, ...]:
    """Return in what a case is unlike the training: words of Look.

    known  from `seen`. A length beyond 1.5 times the range is unlike, so is a mean grey more than four standard
           deviations (at least one z-score) away, and a heart in less than two thirds of the part of slices ever seen.
    """
    found = []
    for name, key in LENGTHS.items():
        low, high = known[key]
        if not low / ROOM <= getattr(look, name) <= high * ROOM:
            found.append(name)
    if not np.isfinite(look.grey):
        found.append("grey")
    elif known["Grey"] is not None:
        mean, deviation = known["Grey"]
        if abs(look.grey - mean) > DEVIATIONS * max(deviation, LEAST_DEVIATION):
            found.append("grey")
    if look.coverage < known["Coverage"][0] / ROOM:
        found.append("coverage")
    return tuple(found)
