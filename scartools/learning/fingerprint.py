"""The fingerprint of a data set: what nnU-Net looks at before it plans.

Taken from training cases only, so that no validation or test case has a say in the plan.
Isensee F et al. Nat Methods 2021;18:203, doi:10.1038/s41592-020-01008-z.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from scartools.errors import InputError

MAX_FOREGROUND_VOXELS = 10_000  # a case gives at most so many, drawn evenly
SEED = 1234  # nnU-Net's; the draw is the same on every run
IGNORE = 255
Box = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


@dataclass(frozen=True)
class CaseFingerprint:
    """What one case adds.

    shape          (Z, Y, X) after the crop
    spacing_mm     (z, y, x)
    relative_size  voxels after the crop over voxels before it
    foreground     float32 (N,), raw intensities of labelled voxels, at most MAX_FOREGROUND_VOXELS
    labels         values of the label, background included
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    relative_size: float
    foreground: np.ndarray
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Fingerprint:
    """The training cases together.

    count                 cases
    shapes, spacings_mm   (z, y, x) of each, after the crop
    median_relative_size  share of a volume that the crop leaves
    foreground            mean, median, std, min, max, percentile_00_5, percentile_99_5 of labelled voxels
    labels                values present in any of them, background included
    """

    count: int
    shapes: tuple[tuple[int, int, int], ...]
    spacings_mm: tuple[tuple[float, float, float], ...]
    median_relative_size: float
    foreground: dict[str, float]
    labels: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the fingerprint as plain JSON values."""
        return {
            "Cases": self.count,
            "ShapesAfterCrop": [list(shape) for shape in self.shapes],
            "SpacingsMm": [list(spacing) for spacing in self.spacings_mm],
            "MedianRelativeSize": self.median_relative_size,
            "ForegroundIntensity": self.foreground,
        }


def nonzero_mask(image: np.ndarray) -> np.ndarray:
    """Return where an image is not zero, its holes filled; bool, the shape of the image.

    image  float32 (Z, Y, X)
    Raises InputError for an image of zeros.
    """
    mask = np.asarray(image != 0)
    if not mask.any():
        raise InputError("is zero everywhere", remedy="Export the image again")
    return mask if mask.all() else ndimage.binary_fill_holes(mask)


def bounding_box(mask: np.ndarray) -> Box:
    """Return the smallest box that holds a mask: (first, after the last) for each of three axes."""
    edges = []
    for axis in range(3):
        filled = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        edges.append((int(filled[0]), int(filled[-1]) + 1))
    return edges[0], edges[1], edges[2]


def fingerprint_case(
    image: np.ndarray, label: np.ndarray, spacing_mm: tuple[float, float, float]
) -> CaseFingerprint:
    """Return what one training case adds.

    image       float32 (Z, Y, X), raw intensities
    label       uint8 (Z, Y, X), 0 background, 255 ignored
    spacing_mm  (z, y, x)
    """
    box = bounding_box(nonzero_mask(image))
    inside = tuple(slice(*edges) for edges in box)
    cropped, labels = image[inside], label[inside]
    foreground = cropped[(labels > 0) & (labels != IGNORE)]
    if foreground.size > MAX_FOREGROUND_VOXELS:
        draw = np.random.default_rng(SEED).choice(foreground.size, MAX_FOREGROUND_VOXELS, replace=False)
        foreground = foreground[np.sort(draw)]
    z, y, x = cropped.shape
    present = tuple(int(value) for value in np.flatnonzero(np.bincount(labels.ravel(), minlength=256)))
    return CaseFingerprint((z, y, x), spacing_mm, cropped.size / image.size, foreground, present)


def fingerprint(cases: Iterable[CaseFingerprint]) -> Fingerprint:
    """Put the training cases together; raises InputError when none has a labelled voxel."""
    found = tuple(cases)
    voxels = np.concatenate([np.zeros(0, np.float32), *(case.foreground for case in found)]).astype(np.float64)
    if not voxels.size:
        raise InputError("no training case has a labelled voxel", remedy="Give labels for the training cases")
    low, median, high = np.percentile(voxels, (0.5, 50, 99.5))
    return Fingerprint(
        count=len(found),
        shapes=tuple(case.shape for case in found),
        spacings_mm=tuple(case.spacing_mm for case in found),
        median_relative_size=float(np.median([case.relative_size for case in found])),
        foreground={
            "mean": float(voxels.mean()),
            "median": float(median),
            "std": float(voxels.std()),
            "min": float(voxels.min()),
            "max": float(voxels.max()),
            "percentile_00_5": float(low),
            "percentile_99_5": float(high),
        },
        labels=tuple(sorted({0}.union(*(case.labels for case in found)))),
    )
