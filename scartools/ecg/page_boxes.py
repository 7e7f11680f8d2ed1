"""Leads whose places a person has given: each trace is followed inside its own box, on its own baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scartools.ecg.page_ink import TraceInk, upright_runs
from scartools.ecg.pulse import Pulse, find_pulses
from scartools.ecg.reading import Box, Strip
from scartools.ecg.trace import baseline_of, centre_line, follow
from scartools.errors import InputError

MM = tuple[float, float]  # px per mm along x and y
LEAST_TRACE = 0.5  # share of the columns of a box in which its lead must be seen


def moved_boxes(boxes: Sequence[Box], to_page: np.ndarray) -> list[Box]:
    """Return boxes of the page as given as upright boxes of the upright page.

    to_page  float (2, 3), from pixels of the upright page to those of the page as given
    """
    back = np.linalg.inv(to_page[:, :2])
    moved = []
    for box in boxes:
        corners = np.array([[x, y] for x in (box.left, box.right) for y in (box.top, box.bottom)])
        seen = (corners - to_page[:, 2]) @ back.T
        (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
        moved.append(replace(box, left=float(left), top=float(top), right=float(right), bottom=float(bottom)))
    return moved


def follow_boxes(
    trace: TraceInk, boxes: Sequence[Box], line: float, mm: MM
) -> tuple[list[np.ndarray], list[list[Pulse]]]:
    """Follow the trace in each box, and on either side of it for a calibration pulse at the same height.

    boxes  in pixels of the upright page; line: width of the stroke, px
    Returns one a box: float (W,), row (px) of the trace in each pixel column, NaN in gaps; and its pulses.
    Raises InputError for a box outside the page or without a trace.
    """
    shape = trace.mask.shape
    heights, pulses = [], []
    for box in boxes:
        left, right = max(round(box.left), 0), min(round(box.right), shape[1])
        top, bottom = max(round(box.top), 0), min(round(box.bottom), shape[0])
        if right - left < 2 * mm[0] or bottom - top < 2 * mm[1]:
            raise InputError(f"the box of lead {box.lead} lies outside the page or is smaller than 2 mm")
        inside = np.zeros_like(trace.mask)
        inside[top:bottom] = trace.mask[top:bottom]
        runs = upright_runs(inside[:, left:right])
        level = runs.bottom - runs.top <= 1.5 * mm[1]
        centres = (runs.top[level] + runs.bottom[level]) / 2
        if not len(centres):
            raise InputError(f"the box of lead {box.lead} holds no trace")
        baseline = baseline_of(centres, mm[1])
        path = follow(upright_runs(inside), shape, baseline, mm, float(bottom - top))
        height = centre_line(path, trace.weight, line)
        heights.append(height)
        pulses.append(find_pulses(path, height, line, mm))
    return heights, pulses


def cut_boxes(
    heights: Sequence[np.ndarray], boxes: Sequence[Box], mm: MM, speed: float, gain: float
) -> tuple[Strip, ...]:
    """Cut the followed traces to their boxes: each lead in mV over its own baseline, on the paper's clock."""
    first = min(box.left for box in boxes)
    strips = []
    for height, box in zip(heights, boxes, strict=True):
        left, right = max(round(box.left), 0), min(round(box.right), len(height))
        piece = height[left:right]
        share = float(np.isfinite(piece).mean())
        if share < LEAST_TRACE:
            raise InputError(f"lead {box.lead} has no trace over {1 - share:.0%} of its box")
        samples = (baseline_of(piece, mm[1]) - piece) / (mm[1] * gain)
        inked = np.flatnonzero(np.isfinite(piece))
        trace_px = np.stack([left + inked, piece[inked]], axis=1).astype(float)
        start = (box.left - first) / (mm[0] * speed) if box.start_s is None else box.start_s
        strips.append(Strip(box.lead, box.rhythm, float(start), samples, mm[0] * speed, trace_px))
    return tuple(strips)


def pulse_boxes(
    pulses: Sequence[Sequence[Pulse]], heights: Sequence[np.ndarray], to_page: np.ndarray
) -> tuple[tuple[float, float, float, float], ...]:
    """Return where calibration pulses are seen: left, top, right, bottom in pixels of the page as given."""
    found = []
    for row, height in zip(pulses, heights, strict=True):
        for pulse in row:
            top = float(np.nanmedian(height[pulse.left : pulse.right]))
            corners = np.array(
                [[pulse.left, top], [pulse.right, top + np.nanmean([pulse.over_left, pulse.over_right])]]
            )
            seen = corners @ to_page[:, :2].T + to_page[:, 2]
            (left, high), (right, low) = seen.min(axis=0), seen.max(axis=0)
            found.append((float(left), float(high), float(right), float(low)))
    return tuple(found)
