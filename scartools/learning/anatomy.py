"""The first stage: from labels to anatomy, and from anatomy to the AHA segments that the second stage is shown.

Only where pool, wall and RV are is taken from an anatomy: healthy myocardium, scar and no-reflow are one wall, so
that a prior cannot tell where the scar is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from scartools.errors import InputError
from scartools.heart.anchors import Anchor, Landmarks
from scartools.heart.nomenclature import INFARCT, MYOCARDIUM
from scartools.heart.segments import label_segments
from scartools.network.losses import IGNORE
from scartools.network.segmenter import AHA_SEGMENTS

POOL, WALL, RV = 1, 2, 5
ANATOMY = (0, POOL, WALL, RV)


def anatomy_of(labels: np.ndarray) -> np.ndarray:
    """Return labels with scar and no-reflow turned into wall; uint8, labels of the toolkit, any shape."""
    anatomy = np.where(np.isin(labels, MYOCARDIUM), WALL, labels)
    return np.where(np.isin(anatomy, (*ANATOMY, IGNORE)), anatomy, 0).astype(np.uint8)


def numbered(labels: np.ndarray, known: Sequence[int]) -> np.ndarray:
    """Return labels as a network numbers them: the position in `known`; 255 stays, what is not known becomes 0."""
    table = np.zeros(256, np.uint8)
    table[IGNORE] = IGNORE
    for number, value in enumerate(known):
        table[value] = number
    return table[labels]


def nested_regions(known: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Return heart, wall and infarct as classes of a network that tells `known` apart: those of two classes or more."""
    regions = ((POOL, *MYOCARDIUM), MYOCARDIUM, INFARCT)
    found = (tuple(number for number, value in enumerate(known) if value in region) for region in regions)
    return tuple(dict.fromkeys(region for region in found if len(region) > 1))


def named(numbers: np.ndarray, known: Sequence[int]) -> np.ndarray:
    """Undo `numbered`: uint8 labels of the toolkit."""
    return np.asarray(known, np.uint8)[numbers]


@dataclass(frozen=True)
class Prior:
    """The AHA segments of an anatomy, uint8 (Z, Y, X); all 0 and a reason where they could not be told."""

    segments: np.ndarray
    reason: str = ""


def prior_of(
    anatomy: np.ndarray,
    affine: np.ndarray,
    *,
    anchor: Anchor = "auto",
    angle: float | None = None,
    landmarks: Landmarks | None = None,
    clean: bool = True,
) -> Prior:
    """Label the AHA segments of an anatomy.

    anatomy  uint8 (Z, Y, X), labels 0, 1, 2, 5, 255
    affine   float (4, 4), voxel in the order (X, Y, Z) to RAS+ mm
    anchor, angle, landmarks  as in scartools.heart.segments.label_segments
    clean    keep the largest ventricle only: a network's islands would move the axis
    """
    volume = np.moveaxis(anatomy, (0, 1, 2), (2, 1, 0))  # (X, Y, Z)
    if clean:
        volume = largest_ventricle(volume)
    try:
        found = label_segments(volume, affine, anchor=anchor, angle=angle, landmarks=landmarks)
    except InputError as error:  # GeometryError among them: this anatomy does not answer
        return Prior(np.zeros_like(anatomy), str(error))
    return Prior(np.ascontiguousarray(np.moveaxis(found.map, (0, 1, 2), (2, 1, 0))))


def scar_by_segment(label: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Return the part of each AHA segment that is scar or no-reflow, float32 (17,); NaN for a segment without wall.

    label     uint8 (Z, Y, X), labels of the toolkit
    segments  uint8 (Z, Y, X), AHA map of any contours of this heart, such as predicted ones
    Each voxel of the labelled wall counts for the segment that lies nearest to it in its slice, so that a scar which
    the contours of the map miss is not lost. Slices without a segment do not count.
    """
    wall, scar = np.zeros(AHA_SEGMENTS + 1), np.zeros(AHA_SEGMENTS + 1)
    for here, of in zip(label, segments, strict=True):
        if not of.any():
            continue
        nearest = ndimage.distance_transform_edt(of == 0, return_distances=False, return_indices=True)
        numbers = of[tuple(nearest)]
        wall += np.bincount(numbers[np.isin(here, MYOCARDIUM)], minlength=AHA_SEGMENTS + 1)
        scar += np.bincount(numbers[np.isin(here, INFARCT)], minlength=AHA_SEGMENTS + 1)
    with np.errstate(invalid="ignore"):
        return (scar / wall)[1:].astype(np.float32)


def largest_ventricle(anatomy: np.ndarray) -> np.ndarray:
    """Return an anatomy whose pool and wall are the largest connected part, and whose RV is its largest part."""
    kept = anatomy.copy()
    for values in ((POOL, WALL), (RV,)):
        here = np.isin(anatomy, values)
        parts, count = ndimage.label(here, structure=np.ones((3, 3, 3)))
        if count > 1:
            sizes = np.bincount(parts.ravel())
            sizes[0] = 0
            kept[here & (parts != sizes.argmax())] = 0
    return kept
