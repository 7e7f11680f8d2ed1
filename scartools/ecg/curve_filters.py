"""What stands near each place of a curve, as scipy.ndimage tells it: importing that takes a third of a page's reading."""

from __future__ import annotations

import cv2
import numpy as np


def smoothed(curves: np.ndarray, sigma: float, *, wrap: bool = False) -> np.ndarray:
    """Smooth curves by a Gaussian that is cut off at four sigma.

    curves  float64 (N,) or (R, N), each row by itself
    sigma   of the Gaussian, in samples
    wrap    the curve is a circle; else it is mirrored at its ends, which count twice
    Returns float64 of the same shape.
    """
    reach = int(4 * sigma + 0.5)
    rows = _with_ends(curves, reach, wrap)
    blurred = cv2.GaussianBlur(rows, (2 * reach + 1, 1), sigma, borderType=cv2.BORDER_REFLECT)
    return _without_ends(blurred, reach, wrap, curves)


def largest_near(curve: np.ndarray, size: int, *, wrap: bool = False) -> np.ndarray:
    """Return the largest of the `size` values about each place, an odd number: same dtype, bool as uint8, and shape (N,)."""
    rows = _with_ends(curve.view(np.uint8) if curve.dtype == bool else curve, size // 2, wrap)
    return _without_ends(cv2.dilate(rows, np.ones((1, size), np.uint8)), size // 2, wrap, curve)


def percentile_near(curve: np.ndarray, size: int, share: float) -> np.ndarray:
    """Return, of the `size` values about each place, the one that `share` per cent of them lie below: float64 (N,).

    curve  float64 (N,), mirrored at its ends; size: an odd number
    """
    ends = np.pad(curve, size // 2, mode="symmetric")
    rank = min(int(size * share / 100), size - 1)
    near = np.lib.stride_tricks.sliding_window_view(ends, size)
    return np.asarray(np.partition(near, rank, axis=1)[:, rank])


def _with_ends(curves: np.ndarray, reach: int, wrap: bool) -> np.ndarray:
    """One row a curve, for OpenCV; a circle goes on beyond its ends."""
    rows = np.atleast_2d(curves)
    return np.pad(rows, ((0, 0), (reach, reach)), mode="wrap") if wrap else np.ascontiguousarray(rows)


def _without_ends(rows: np.ndarray, reach: int, wrap: bool, curves: np.ndarray) -> np.ndarray:
    return (rows[:, reach:-reach] if wrap and reach else rows).reshape(curves.shape)
