"""The picture a reader of a digitised page wants to see: what was read, drawn over what is printed."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from scartools.ecg.reading import PageReading

_COLOURS = (
    (214, 39, 40),
    (31, 119, 180),
    (44, 160, 44),
    (148, 103, 189),
)  # neighbours differ; red, green, blue
_FADE = 0.55  # of the page towards white, so that the traces stand out
_SHIFT = 4  # bits of a pixel's fraction in cv2's drawing


def draw_overlay(
    pages: Sequence[np.ndarray], reading: PageReading, scales: Sequence[float], status: str, failed: str
) -> np.ndarray:
    """Draw strips over their pages, one page below the other.

    pages   uint8 (H, W, 3), RGB, the pages that the strips name, from 0
    scales  pixels of each picture for one unit of `trace_px`
    Returns uint8 (H, W, 3), RGB.
    """
    faded = [np.round(255 - (255.0 - page) * (1 - _FADE)).astype(np.uint8) for page in pages]
    for number, strip in enumerate(reading.strips):
        canvas, scale = faded[strip.page], scales[strip.page]
        colour = _COLOURS[number % len(_COLOURS)]
        trace = strip.trace_px[np.isfinite(strip.trace_px).all(axis=1)]
        points = np.round(trace * scale * (1 << _SHIFT)).astype(np.int32)
        thickness = max(1, round(max(canvas.shape) / 1500))
        cv2.polylines(canvas, [points[:, None, :]], False, colour, thickness, cv2.LINE_AA, _SHIFT)
        size = max(canvas.shape) / 2200
        x, y = trace[0] * scale
        at = (int(x), int(max(y - 30 * size, 20 * size)))
        cv2.putText(
            canvas, strip.lead, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, max(1, round(2 * size)), cv2.LINE_AA
        )
    width = max(page.shape[1] for page in faded)
    padded = [np.pad(page, ((0, 0), (0, width - page.shape[1]), (0, 0)), constant_values=255) for page in faded]
    return np.concatenate(padded)
