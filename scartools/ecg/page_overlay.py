"""The picture a reader of a digitised page wants to see: what was read, drawn over what is printed."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from scartools.ecg.reading import PageReading

_COLOURS = (
    (214, 39, 40),
    (31, 119, 180),
    (44, 160, 44),
    (148, 103, 189),
)  # neighbours differ; red, green, blue
_MARK, _TEXT = (230, 120, 0), (110, 110, 110)
_FADE = 0.55  # of the page towards white, so that the traces stand out
_SHIFT = 4  # bits of a pixel's fraction in cv2's drawing


def draw_overlay(
    pages: Sequence[np.ndarray], reading: PageReading, scales: Sequence[float], status: str, failed: str
) -> np.ndarray:
    """Draw what was read over the pages, one below the other, and what the page answered below them.

    pages   uint8 (H, W, 3), RGB, the pages that the strips name, from 0
    scales  pixels of each picture for one unit of `trace_px`
    status  of the page; failed: its failed checks, empty without any
    Each lead has its trace, a box and its name with begin and end in seconds; ticks of 5 mm stand along the traces,
    calibration pulses are framed. Pixels keep their places: a box can be measured here.
    Returns uint8 (H, W, 3), RGB.
    """
    faded = [np.round(255 - (255.0 - page) * (1 - _FADE)).astype(np.uint8) for page in pages]
    for number, (canvas, scale) in enumerate(zip(faded, scales, strict=True)):
        own = replace(reading, strips=tuple(strip for strip in reading.strips if strip.page == number))
        _draw_strips(canvas, own, scale)
        if own.strips:
            _draw_ticks(canvas, own, scale)
        for pulse in reading.pulses_px if number == 0 else ():
            left, top, right, bottom = (round(edge * scale) for edge in pulse)
            cv2.rectangle(canvas, (left, top), (right, bottom), _MARK, _thickness(canvas))
    width = max(page.shape[1] for page in faded)
    padded = [np.pad(page, ((0, 0), (0, width - page.shape[1]), (0, 0)), constant_values=255) for page in faded]
    return np.concatenate([*padded, _footer(width, reading, status, failed)])


def _thickness(canvas: np.ndarray) -> int:
    return max(1, round(max(canvas.shape) / 1500))


def _draw_strips(canvas: np.ndarray, reading: PageReading, scale: float) -> None:
    size = max(canvas.shape) / 2200
    seen = [strip for strip in reading.strips if np.isfinite(strip.trace_px).all(axis=1).any()]
    for number, strip in enumerate(seen):
        colour = _COLOURS[number % len(_COLOURS)]
        trace = strip.trace_px[np.isfinite(strip.trace_px).all(axis=1)] * scale
        points = np.round(trace * (1 << _SHIFT)).astype(np.int32)[:, None, :]
        cv2.polylines(
            canvas, _unbroken(points, strip.samples), False, colour, _thickness(canvas), cv2.LINE_AA, _SHIFT
        )
        (left, top), (right, bottom) = trace.min(axis=0), trace.max(axis=0)
        pale = tuple((value + 2 * 255) // 3 for value in colour)
        cv2.rectangle(canvas, (int(left), int(top)), (int(right), int(bottom)), pale, 1)
        end = strip.start_s + len(strip.samples) / strip.rate
        at = (int(left + 4 * size), int(max(top - 6 * size, 20 * size)))
        text = f"{strip.lead}  {strip.start_s:.2f}-{end:.2f} s{'  rhythm' if strip.rhythm else ''}"
        _write(canvas, text, at, 0.7 * size, colour)


def _unbroken(points: np.ndarray, samples: np.ndarray) -> list[np.ndarray]:
    """The points (N, 1, 2) of a trace in pieces, parted by the gaps of its samples (T,), where nothing was read.

    A picture has one point a sample that was read; a drawing has as many points as it was drawn with.
    """
    read = np.flatnonzero(np.isfinite(samples))
    return np.split(points, np.flatnonzero(np.diff(read) > 1) + 1) if len(read) == len(points) else [points]


def _draw_ticks(canvas: np.ndarray, reading: PageReading, scale: float) -> None:
    """Ticks of 5 mm, every fifth longer, above and left of the traces: laid beside the grid they show its scale."""
    points = np.concatenate([strip.trace_px for strip in reading.strips])
    points = points[np.isfinite(points).all(axis=1)] * scale
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    x_mm, y_mm = (value * scale for value in reading.px_per_mm)
    above, beside = max(int(top - 6 * y_mm), 0), max(int(left - 4 * x_mm), 0)
    for k in range(int((right - left) / (5 * x_mm)) + 1):
        x = round(left + 5 * k * x_mm)
        cv2.line(canvas, (x, above), (x, above + round((2 if k % 5 else 4) * y_mm)), _MARK, 1)
    for k in range(int((bottom - top) / (5 * y_mm)) + 1):
        y = round(top + 5 * k * y_mm)
        cv2.line(canvas, (beside, y), (beside + round((2 if k % 5 else 4) * x_mm), y), _MARK, 1)


def _footer(width: int, reading: PageReading, status: str, failed: str) -> np.ndarray:
    """The status, the scales and the failed checks on white, in as many lines as they need."""
    size = width / 2200
    said = (
        f"{status}: {reading.layout}, {reading.speed_mm_s:g} mm/s ({reading.found.get('speed_mm_s')}),"
        f" {reading.gain_mm_mv:g} mm/mV ({reading.found.get('gain_mm_mv')}),"
        f" {np.mean(reading.px_per_mm):.2f} px/mm ({reading.found.get('px_per_mm')})"
    )
    lines = [said, *textwrap.wrap(f"failed: {failed}" if failed else "no check failed", 150)]
    step = max(round(36 * size), 12)
    footer = np.full((step * (len(lines) + 1), width, 3), 255, np.uint8)
    for number, text in enumerate(lines, start=1):
        _write(footer, text, (round(24 * size), step * number), 0.75 * size, _TEXT)
    return footer


def _write(
    canvas: np.ndarray, text: str, at: tuple[int, int], size: float, colour: tuple[int, int, int]
) -> None:
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, max(1, round(2 * size)), cv2.LINE_AA)
