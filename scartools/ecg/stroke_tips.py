"""Tips of waves that the network takes for letters: narrow, upright, and the end of a steep stroke of the trace."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np

from scartools.ecg.page_ink import PALEST, TraceInk, bridged, pieces

WIDE_MM = 1.6  # of a tip; letters but I and l are wider
TALL_MM = (0.4, 20.0)
GAP_MM = 1.5  # between a stroke and its tip, as long as the page is dark there
STROKE_MM = (
    1.2  # of steep stroke that must lead to a tip: a letter on a level trace has the thickness of the pen
)
BESIDE_MM = 0.5  # beside a tip, where the other of its two strokes may be
HOLE_MM = (
    0.9,
    3.0,
)  # width and height, between the strokes of a narrow wave; a taller one lies between rows that cross
LINE_MM = 30.0  # of a column: no stroke of a trace is half as long
STRONG_LINE, ABOVE_LINE = (
    0.4,
    0.12,
)  # of the usual darkness of ink: a line taken for it, and by what a trace is darker than its line
DARK = 0.8  # share of the rows of gap and stroke that must show ink


def with_tips(ink: TraceInk, darkness: np.ndarray, px_per_mm: float) -> TraceInk:
    """The ink of a network with the tips of its waves among the strokes to follow.

    darkness  float32 (H, W), in every colour; px_per_mm: its scale
    """
    marks = ink.marks
    if marks is None or not ink.mask.any():
        return ink
    usual = float(np.median(darkness[ink.mask]))
    lines = upright_lines(darkness, px_per_mm)
    grid = (lines > STRONG_LINE * usual) & (darkness < lines + ABOVE_LINE * usual)
    followed = bridged(
        ink.followed & ~grid
    )  # a stroke that runs along a line is as pale as that here and there
    dark = (darkness > PALEST * usual) & ~grid
    tips = tips_of_strokes(followed, marks, dark, px_per_mm)
    weight = np.where(tips & (ink.weight == 0), darkness, ink.weight)
    strokes = followed | tips
    return replace(ink, strokes=strokes | narrow_holes(strokes, px_per_mm), weight=weight)


def upright_lines(darkness: np.ndarray, px_per_mm: float) -> np.ndarray:
    """How dark the upright grid line is that a pixel lies on: the median of LINE_MM of its column, float32 (H, W)."""
    height, width = darkness.shape
    bands = max(round(height / (LINE_MM * px_per_mm)), 1)
    edges = np.linspace(0, height, bands + 1).astype(int)
    usual = [np.median(darkness[first:last], axis=0) for first, last in pairwise(edges)]
    return cv2.resize(np.stack(usual).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)


def narrow_holes(strokes: np.ndarray, px_per_mm: float) -> np.ndarray:
    """What of the paper is shut in between two strokes of a narrow wave, bool (H, W).

    A grid line that crosses both strokes shuts it in, and is no short way from one to the other past the tip.
    """
    paper = (~strokes).astype(np.uint8)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(paper, connectivity=4)
    shut = (boxes[:, cv2.CC_STAT_WIDTH] <= HOLE_MM[0] * px_per_mm) & (
        boxes[:, cv2.CC_STAT_HEIGHT] <= HOLE_MM[1] * px_per_mm
    )
    shut[0] = False  # the strokes themselves
    held: np.ndarray = shut[labels] if count > 1 else np.zeros(strokes.shape, bool)
    return held


def tips_of_strokes(strokes: np.ndarray, marks: np.ndarray, dark: np.ndarray, px_per_mm: float) -> np.ndarray:
    """Find what goes on from a steep stroke of the trace as its tip and yet is called a letter.

    strokes, marks  bool (H, W), ink of the trace and of letters; dark: what is as dark as ink, the grid may be among it
    Returns bool (H, W): tips, with the dark gap between them and their strokes.
    """
    found = np.zeros(strokes.shape, bool)
    labels, boxes = pieces((marks & dark).astype(np.uint8))
    gap, reach = max(round(GAP_MM * px_per_mm), 1), max(round(STROKE_MM * px_per_mm), 2)
    fits = (boxes[:, 2] <= WIDE_MM * px_per_mm) & (boxes[:, 3] >= max(TALL_MM[0] * px_per_mm, 2))
    fits &= boxes[:, 3] <= TALL_MM[1] * px_per_mm
    for label in np.flatnonzero(fits).tolist():
        if label == 0:
            continue
        left, top, wide, tall, _ = boxes[label].tolist()
        across = slice(max(left - 1, 0), left + wide + 1)
        above = _leads_to(
            strokes[max(top - gap - reach, 0) : top, across][::-1],
            dark[max(top - gap - reach, 0) : top, across][::-1],
            gap,
            reach,
        )
        stop = top + tall
        below = _leads_to(
            strokes[stop : stop + gap + reach, across], dark[stop : stop + gap + reach, across], gap, reach
        )
        if (above is None) == (below is None):  # a letter that a trace runs through, or that stands free
            continue
        own = np.s_[top:stop, left : left + wide]
        found[own] |= labels[own] == label
        between = (
            np.s_[top - above : top, across] if above is not None else np.s_[stop : stop + (below or 0), across]
        )
        found[between] |= dark[between]
    return found


def _leads_to(strokes: np.ndarray, dark: np.ndarray, gap: int, reach: int) -> int | None:
    """Rows from a tip to the steep stroke that leads to it; None where none does. strokes, dark: bool (N, W), from the tip on."""
    inked: np.ndarray = np.any(strokes, axis=1)
    if not inked[: gap + 1].any():
        return None
    first = int(np.argmax(inked))
    steep = inked[first : first + reach]
    if len(steep) < reach or steep.mean() < DARK or (first and dark[:first].any(axis=1).mean() < DARK):
        return None
    return first
