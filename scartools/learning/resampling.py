"""Resampling in plane, slice by slice, as nnU-Net does with skimage; nothing is ever interpolated through plane.

Pixels are areas: both grids cover the same field, and the centre of output pixel j lies at input coordinate
(j + 0.5) * input / output - 0.5 (half-pixel centres, as skimage.transform.resize has it). Beyond the edge the
edge pixel goes on. Values are kept within the range of the slice they came from: a cubic spline overshoots.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

IMAGE_ORDER, LABEL_ORDER, PROBABILITY_ORDER = 3, 1, 1


def resample_image(
    image: np.ndarray, size: tuple[int, int], within: tuple[float, float] | None = None
) -> np.ndarray:
    """Return float32 (Z, h, w) from an image (Z, Y, X), cubic spline in plane.

    within  the range to keep values in; None: that of the slice they came from
    """
    if image.shape[1:] == size:
        return np.ascontiguousarray(image, dtype=np.float32)
    return np.stack([_resized(plane, size, IMAGE_ORDER, within) for plane in image])


def resample_probabilities(probabilities: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return float32 (C, Z, h, w) from probabilities (C, Z, Y, X), linear in plane."""
    if probabilities.shape[2:] == size:
        return np.ascontiguousarray(probabilities, dtype=np.float32)
    return np.stack(
        [np.stack([_resized(plane, size, PROBABILITY_ORDER) for plane in one]) for one in probabilities]
    )


def resample_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return uint8 (Z, h, w) from labels (Z, Y, X): each label linear in plane, the largest share wins.

    Equal shares go to the smaller value. Serves AHA segments as well, for they are labels too.
    """
    if labels.shape[1:] == size:
        return np.ascontiguousarray(labels, dtype=np.uint8)
    out = np.zeros((len(labels), *size), dtype=np.uint8)
    for target, plane in zip(out, labels, strict=True):
        best = np.full(size, -1.0, dtype=np.float32)
        for value in np.unique(plane):
            share = _resized((plane == value).astype(np.float32), size, LABEL_ORDER)
            larger = share > best + 1e-6  # single precision must not decide a tie
            target[larger] = value
            best[larger] = share[larger]
    return out


def nearest_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return uint8 (Z, h, w) from labels (Z, Y, X), each pixel from the input pixel its centre lies in."""
    rows, columns = (
        np.minimum(((np.arange(n) + 0.5) * have / n).astype(int), have - 1)
        for n, have in zip(size, labels.shape[1:], strict=True)
    )
    return np.ascontiguousarray(labels[:, rows[:, None], columns[None, :]], dtype=np.uint8)


def _resized(
    plane: np.ndarray, size: tuple[int, int], order: int, within: tuple[float, float] | None = None
) -> np.ndarray:
    """Return one slice, float32 (h, w)."""
    factors = [n / have for n, have in zip(size, plane.shape, strict=True)]
    resized = np.empty(size, dtype=np.float64)
    ndimage.zoom(plane.astype(np.float64), factors, output=resized, order=order, mode="nearest", grid_mode=True)
    low, high = within or (plane.min(), plane.max())
    return np.clip(resized, low, high).astype(np.float32)
