"""Lines between the columns of leads: dotted, dashed or solid, upright, beside or across the traces.

A photograph shows them a little aslant, and where the paper is bent not in one line: where each stands is asked row
by row.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from scartools.ecg.page_ink import chosen_pieces, pieces

WIDEST, TALLEST = 0.9, 6.0  # mm of one dot or dash
GAP = 1.8  # mm between the dots or dashes of a line
ACROSS = 7.0  # mm where a trace or a name hides it
SHORTEST = 9.0  # mm of a line
LEANING = 0.12  # a line is no wider than this share of its height, and WIDEST
FILLED = 0.55  # share of its height that is dots, dashes or the gaps between them
FEWEST = 3  # dots or dashes of a line; a single stroke may be a QRS


@dataclass(frozen=True)
class Separator:
    """One line: bool picture `ink` (h, w) with its upper left corner at column `left` and row `top` of the page."""

    left: int
    top: int
    ink: np.ndarray

    def at(self, row: float, reach: float) -> float | None:
        """Column (px) where the line passes a row of the page, from its ink up to `reach` px above and below."""
        low, high = int(row - reach) - self.top, int(row + reach) + 1 - self.top
        y, x = np.nonzero(self.ink[max(low, 0) : max(high, 0)])
        if len(np.unique(y)) < 3:
            return None
        y = y + max(low, 0) + self.top
        if np.ptp(y) < reach / 2:
            return float(np.median(x)) + self.left
        slope, middle = np.polyfit(y - row, x, 1)
        return float(np.clip(middle, x.min(), x.max())) + self.left if abs(slope) < LEANING else None


def find_dotted_lines(ink: np.ndarray, px_per_mm: float) -> list[Separator]:
    """Find upright lines of dots or dashes.

    ink  bool (H, W), traces, writing and lines of an upright page
    Pieces that are small and stand above each other, closer than GAP, are one line.
    """
    labels, stats = pieces(ink.view(np.uint8))
    wide, tall = stats[:, cv2.CC_STAT_WIDTH] / px_per_mm, stats[:, cv2.CC_STAT_HEIGHT] / px_per_mm
    small = (wide <= WIDEST) & (tall <= TALLEST)
    small[0] = False
    if not small.any():
        return []
    dots_of_line = chosen_pieces(ink, labels, small)
    reach = max(round(ACROSS * px_per_mm / 2), 1)
    joined = cv2.dilate(dots_of_line.view(np.uint8), np.ones((2 * reach + 1, 3), np.uint8))
    groups, boxes = pieces(joined)
    beside = np.ones((2 * max(round(GAP * px_per_mm / 2), 1) + 1, 1), np.uint8)
    found = []
    for line in range(1, len(boxes)):
        left, top, width, height = (int(v) for v in boxes[line, :4])
        length = height - 2 * reach
        if length < SHORTEST * px_per_mm or width - 2 > WIDEST * px_per_mm + LEANING * length:
            continue
        here = np.s_[top : top + height, left : left + width]
        own = dots_of_line[here] & (groups[here] == line)
        dots = len(np.unique(labels[here][own]))
        closed = cv2.dilate(own.any(axis=1, keepdims=True).astype(np.uint8), beside)
        filled = closed.sum() / max(length, 1)
        if dots >= FEWEST and filled >= FILLED:
            found.append(Separator(left, top, own))
    return found


def erase_lines(ink: np.ndarray, lines: list[Separator]) -> np.ndarray:
    """The ink without those lines."""
    rest = ink.copy()
    for line in lines:
        height, width = line.ink.shape
        rest[line.top : line.top + height, line.left : line.left + width] &= ~line.ink
    return rest


def lines_of_rows(lines: list[Separator], rows: list[float], px_per_mm: float) -> list[list[float]]:
    """Columns (px) of the lines that pass each baseline, from what of them lies within 8 mm of it."""
    found = []
    for row in rows:
        places = [line.at(row, 8 * px_per_mm) for line in lines]
        found.append(sorted(place for place in places if place is not None))
    return found
