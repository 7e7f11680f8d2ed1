"""Leads whose places a person has given: each trace is followed inside its own box, on its own baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from scartools.ecg.page_ink import TraceInk, upright_runs
from scartools.ecg.pulse import Pulse, find_pulses
from scartools.ecg.reading import Box, Strip
from scartools.ecg.trace import baseline_of, follow
from scartools.ecg.trace_heights import heights as trace_heights
from scartools.ecg.trace_refine import PER_PX
from scartools.errors import InputError

MM = tuple[float, float]  # px per mm along x and y
LEAST_TRACE = 0.5  # share of the columns of a box in which its lead must be seen


PointMap = Callable[[np.ndarray], np.ndarray]  # float (N, 2), x and y in px, to float (N, 2)


def moved_boxes(boxes: Sequence[Box], move: PointMap) -> list[Box]:
    """Return boxes of one picture as upright boxes of another; move: from pixels of the one to those of the other."""
    moved = []
    for box in boxes:
        corners = np.array([[x, y] for x in (box.left, box.right) for y in (box.top, box.bottom)], float)
        seen = move(corners)
        (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
        moved.append(replace(box, left=float(left), top=float(top), right=float(right), bottom=float(bottom)))
    return moved


def affine_back(matrix: np.ndarray) -> PointMap:
    """The way back of an affine map, float (2, 3)."""
    back = np.linalg.inv(matrix[:, :2])
    return lambda points: (points - matrix[:, 2]) @ back.T


def way_back(move: PointMap, shape: tuple[int, int]) -> PointMap:
    """The way back of a smooth map from a picture of this shape (H, W): the nearest known point and a step from there."""
    x, y = np.meshgrid(np.linspace(0, shape[1] - 1, 80), np.linspace(0, shape[0] - 1, 60))
    known = np.stack([x.ravel(), y.ravel()], axis=1)
    there = move(known)

    def back(points: np.ndarray) -> np.ndarray:
        """Points (N, 2), px, of where `move` leads to, to where it comes from: three steps of Newton's method."""
        nearest = np.square(points[:, None] - there[None]).sum(axis=2).argmin(axis=1)
        place = known[nearest]
        for _ in range(3):
            here = move(place)
            columns = [move(place + step) - here for step in np.eye(2)]
            slope = np.stack(columns, axis=2)  # (N, 2, 2)
            place = place + np.linalg.solve(slope, (points - here)[:, :, None])[:, :, 0]
        return place

    return back


def follow_boxes(
    trace: TraceInk, boxes: Sequence[Box], line: float, mm: MM
) -> tuple[list[np.ndarray], list[list[Pulse]]]:
    """Follow the trace in each box, and on either side of it for a calibration pulse at the same height.

    boxes  in pixels of the upright page; line: width of the stroke, px
    Returns one a box: float (PER_PX * W,), row (px) of the trace, NaN in gaps; and its pulses.
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
        height = trace_heights([path], inside, trace.weight)[0]
        pulses.append(find_pulses(path, height[::PER_PX], line, mm))
        for pulse in pulses[-1]:
            edge = int(np.ceil(line)) + 1
            height[max(pulse.left - edge, 0) * PER_PX : (pulse.right + edge) * PER_PX] = np.nan
        heights.append(height)
    return heights, pulses


def cut_boxes(
    heights: Sequence[np.ndarray], boxes: Sequence[Box], mm: MM, speed: float, gain: float
) -> tuple[Strip, ...]:
    """Cut the followed traces to their boxes: each lead in mV over its own baseline, on the paper's clock."""
    first = min(box.left for box in boxes)
    strips = []
    for height, box in zip(heights, boxes, strict=True):
        left = max(round(box.left * PER_PX), 0)
        piece = height[left : min(round(box.right * PER_PX), len(height))]
        share = float(np.isfinite(piece).mean())
        if share < LEAST_TRACE:
            raise InputError(f"lead {box.lead} has no trace over {1 - share:.0%} of its box")
        samples = (baseline_of(piece, mm[1]) - piece) / (mm[1] * gain)
        inked = np.flatnonzero(np.isfinite(piece))
        trace_px = np.stack([(left + inked) / PER_PX, piece[inked]], axis=1).astype(float)
        start = (box.left - first) / (mm[0] * speed) if box.start_s is None else box.start_s
        strips.append(Strip(box.lead, box.rhythm, float(start), samples, mm[0] * speed * PER_PX, trace_px))
    return tuple(strips)


def pulse_boxes(
    pulses: Sequence[Sequence[Pulse]], to_page: PointMap
) -> tuple[tuple[float, float, float, float], ...]:
    """Return where calibration pulses are seen: left, top, right, bottom in pixels of the page as given."""
    found = []
    for pulse in (pulse for row in pulses for pulse in row):
        tall = float(np.nanmean([pulse.over_left, pulse.over_right]))
        seen = to_page(np.array([[pulse.left, pulse.top], [pulse.right, pulse.top + tall]], float))
        (left, high), (right, low) = seen.min(axis=0), seen.max(axis=0)
        found.append((float(left), float(high), float(right), float(low)))
    return tuple(found)
