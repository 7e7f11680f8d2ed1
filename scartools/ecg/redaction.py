"""A copy of a page without anything but its leads: what names a patient is blanked, not blurred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from scartools.ecg.digitise import boxes_of
from scartools.ecg.reading import PageReading, Strip

MARGIN_MM = 3.0  # of paper kept above and below a trace
REACH_MM = 5.0  # along the trace that is looked at for it: a QRS keeps the paper beside it
TRACE_MM = 1.2  # from the trace within which every pixel stays
PALE, PALE_DARKEST = 0.75, 0.35  # of the paper: a grid has a colour above the first and none below the second


def redact_pages(pages: Sequence[np.ndarray], reading: PageReading, scales: Sequence[float]) -> np.ndarray:
    """Return the pages, one below the other, with only the paper along the leads: uint8 (H, W, 3), RGB.

    pages   uint8 (H, W, 3), RGB, the pages that the strips name, from 0
    scales  pixels of each picture for one unit of `trace_px`
    Kept is what lies within MARGIN_MM of a trace; of that, farther than TRACE_MM from it, only what is as pale as
    paper or grid: handwriting and print go. Lead names and scales are printed anew.
    """
    made = []
    for number, (page, scale) in enumerate(zip(pages, scales, strict=True)):
        strips = [strip for strip in reading.strips if strip.page == number]
        mm = scale * float(np.mean(reading.px_per_mm))
        made.append(_redacted(page, strips, scale, mm))
        _print_names(made[-1], reading, number, scale, mm)
    width = max(page.shape[1] for page in made)
    padded = [np.pad(page, ((0, 0), (0, width - page.shape[1]), (0, 0)), constant_values=255) for page in made]
    return np.concatenate(padded)


def _redacted(page: np.ndarray, strips: Sequence[Strip], scale: float, mm: float) -> np.ndarray:
    near = np.zeros(page.shape[:2], np.uint8)
    for strip in strips:
        trace = strip.trace_px[np.isfinite(strip.trace_px).all(axis=1)] * scale
        points = np.round(trace).astype(np.int32)[:, None, :]
        cv2.polylines(near, [points], False, 1, max(round(2 * TRACE_MM * mm), 1))
    wide, high = (max(round(2 * size * mm), 1) | 1 for size in (REACH_MM, MARGIN_MM))
    kept = cv2.dilate(near, np.ones((high, wide), np.uint8))
    ends = _ends(strips, scale, page.shape[:2], mm)
    paper = _paper(page, mm)
    share = page.astype(np.float32) / paper
    pale = (share.max(axis=2) >= PALE) & (share.min(axis=2) >= PALE_DARKEST)
    shown = ((kept > 0) & ends & pale) | (near > 0)
    return np.where(shown[:, :, None], page, 255).astype(np.uint8)


def _ends(strips: Sequence[Strip], scale: float, shape: tuple[int, int], mm: float) -> np.ndarray:
    """Columns and rows no farther than the margin from any box of a lead: bool (H, W)."""
    inside = np.zeros(shape, bool)
    for strip in strips:
        trace = strip.trace_px[np.isfinite(strip.trace_px).all(axis=1)] * scale
        if len(trace):
            (left, top), (right, bottom) = trace.min(axis=0), trace.max(axis=0)
            first, last = (max(int(left - MARGIN_MM * mm), 0), int(right + MARGIN_MM * mm) + 1)
            high, low = (max(int(top - MARGIN_MM * mm), 0), int(bottom + MARGIN_MM * mm) + 1)
            inside[high:low, first:last] = True
    return inside


def _paper(page: np.ndarray, mm: float) -> np.ndarray:
    """Colour of the paper under every pixel, float32 (H, W, 3): the brightest within some millimetres, smoothed."""
    size = max(round(3 * mm), 3) | 1
    bright = cv2.dilate(page, np.ones((size, size), np.uint8))
    return np.maximum(cv2.blur(bright, (2 * size + 1, 2 * size + 1)).astype(np.float32), 1.0)


def _print_names(page: np.ndarray, reading: PageReading, number: int, scale: float, mm: float) -> None:
    """Print the names of the leads beside their traces, and the scales, in place."""
    size = max(mm * 3 / 22, 0.3)  # a capital letter of cv2's font is 22 px high at size 1
    line = max(round(mm / 4), 1)
    own = replace(reading, strips=tuple(strip for strip in reading.strips if strip.page == number))
    for box in boxes_of(own):
        at = (int(box.left * scale + mm), max(int(box.top * scale - mm), int(4 * mm)))
        cv2.putText(page, box.lead, at, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), line, cv2.LINE_AA)
    scales = f"{reading.speed_mm_s:g} mm/s  {reading.gain_mm_mv:g} mm/mV"
    at = (int(5 * mm), page.shape[0] - int(3 * mm))
    cv2.putText(page, scales, at, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), line, cv2.LINE_AA)
