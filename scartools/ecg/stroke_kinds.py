"""Which upright strokes beside the traces are beats that were not followed, and which are print."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from scartools.ecg.lead_names import Word
from scartools.ecg.page_ink import pieces, widened
from scartools.ecg.trace import Path

Box = tuple[int, int, int, int]  # left, top, right, bottom in px

LINE_WIDE = 1.0  # mm: a line of the grid or between two columns is no wider
BEYOND = (0.5, 6.0)  # mm above and below a stroke where a line would go on
GOES_ON = (
    0.5  # of the stroke's darkness: so dark is a line on both sides, and neither paper nor a stroke's far side
)
THINNEST = 0.8  # of the width of the traces
STEEP_MM = 2.5  # mm of upright ink in one column: a steep stroke
FEWEST_STEEP = 20  # columns of such, to know how pale they are
PALER = 0.85
MARGIN = 0.6  # mm beside letters that a trace runs into
LETTER_CONFIDENCE = 0.5  # of a word that is sure to be one
NAME_MM = 6.0  # tallest name of a lead


def beats_among(
    strokes: Sequence[Box],
    darkness: np.ndarray,
    words: Sequence[Word],
    line: float,
    px_per_mm: float,
    palest: float = 0.0,
) -> list[Box]:
    """Return the strokes that may be beats.

    strokes   from layout.missed_strokes; darkness: float32 (H, W), of the upright page, 1 black; words: printed on it
    line      width of the stroke of the traces, px; palest: of palest_stroke
    A hair and a crease are paler than any stroke of the pen.
    Left out is the letter of a rhythm strip's name; what goes on above and below as a line of the grid or a separator does; and
    what leaves the picture, for there is no more of it to be followed: its lead has a gap there; and what is thinner than the pen.
    """
    names = [word for word in words if word.text and word.confidence >= LETTER_CONFIDENCE]
    return [
        stroke
        for stroke in strokes
        if stroke[2] - stroke[0] >= THINNEST * line
        and not _leaves(stroke, darkness.shape[0])
        and not any(_inside(stroke, word) for word in names)
        and not _is_line(stroke, darkness, px_per_mm)
        and _darkness_of(stroke, darkness) >= palest
    ]


def palest_stroke(paths: Sequence[Path], darkness: np.ndarray, px_per_mm: float) -> float:
    """Return the darkness that a stroke of the pen has at least, 0 where the traces have few steep ones.

    paths  of every row; darkness: float32 (H, W)
    Steep strokes are paler than level ones, for the pen is quick and the line thin there: of those that were followed
    two in a hundred are allowed to be taken from something else, and a missed one to be somewhat paler.
    """
    own = []
    for path in paths:
        for x in np.flatnonzero(path.bottom - path.top > STEEP_MM * px_per_mm).tolist():
            own.append(_darkness_of((x, int(path.top[x]) + 1, x + 1, int(path.bottom[x]) - 1), darkness))
    return PALER * float(np.percentile(own, 2)) if len(own) >= FEWEST_STEEP else 0.0


def _darkness_of(stroke: Box, darkness: np.ndarray) -> float:
    """Median over its rows of the darkest pixel of a stroke."""
    left, top, right, bottom = stroke
    return float(np.median(darkness[top:bottom, max(left - 1, 0) : right + 1].max(axis=1)))


def loose_marks(
    marks: np.ndarray, lines: np.ndarray, words: Sequence[Word], places: Sequence[Box], px_per_mm: float
) -> np.ndarray:
    """bool (H, W): what was taken for writing or a line, but stands where none is known to be: it may be a beat.

    marks   bool (H, W), of TraceInk; lines: bool (H, W), separators; places: of the lead names
    Letters stand together: a word of several of them is no stroke, whatever it says.
    """
    known = np.zeros(marks.shape, bool)
    reach = max(round(0.5 * px_per_mm), 1)
    boxes = [(w.left, w.top, w.right, w.bottom) for w in words if w.text and w.confidence >= LETTER_CONFIDENCE]
    for left, top, right, bottom in (*boxes, *places):
        known[max(top - reach, 0) : max(bottom + reach, 0), max(left - reach, 0) : max(right + reach, 0)] = True
    loose: np.ndarray = marks & ~known & ~widened(lines)
    joined = cv2.dilate(loose.view(np.uint8), np.ones((1, 2 * round(0.8 * px_per_mm) + 1), np.uint8))
    labels, boxes_of = pieces(joined)
    wide = boxes_of[:, cv2.CC_STAT_WIDTH] > NAME_MM * px_per_mm
    wide[0] = True
    return loose & ~wide[labels]


def on_letters(
    marks: np.ndarray, paths: Sequence[Path], places: Sequence[Box], columns: int, px_per_mm: float
) -> list[np.ndarray]:
    """For each row of leads bool (W,): columns where its trace runs into the letters of a name, and cannot be followed.

    marks   bool (H, W), writing; places: of the names, row by row; columns: names a row
    Hidden is from the first to the last column in which the trace passes the name's height beside or through a letter, or
    touches one, and a margin: a wave that ends at a letter may go on behind it.
    """
    hidden = [np.zeros(marks.shape[1], bool) for _ in paths]
    margin, reach = max(round(MARGIN * px_per_mm), 1), 2
    for at, (left, top, right, bottom) in enumerate(places):
        row, left, top, bottom = at // columns, max(left, 0), max(top, 0), max(bottom, 0)
        path, right = paths[row], min(right, marks.shape[1])
        inside = marks[top:bottom, left:right]
        if not inside.any():
            continue
        near = np.convolve(inside.any(axis=0), np.ones(2 * margin + 1))[margin:-margin] > 0
        high, low = path.top[left:right], path.bottom[left:right]
        passing = near & (low > top) & (high < bottom)
        for x in np.flatnonzero(np.isfinite(high) & ~passing).tolist():
            first, last = int(high[x]) - reach, int(low[x]) + reach
            passing[x] = bool(marks[max(first, top) : max(min(last, bottom), 0), left + x].any())
        touching = np.flatnonzero(passing)
        if len(touching) > 1:
            hidden[row][max(left + touching[0] - margin, 0) : left + touching[-1] + margin + 1] = True
    return hidden


def _leaves(stroke: Box, height: int) -> bool:
    return stroke[1] <= 0 or stroke[3] >= height


def _inside(stroke: Box, word: Word) -> bool:
    left, top, right, bottom = stroke
    return (
        left >= word.left - 1 and right <= word.right + 1 and top >= word.top - 1 and bottom <= word.bottom + 1
    )


def _is_line(stroke: Box, darkness: np.ndarray, px_per_mm: float) -> bool:
    """Whether the stroke goes on above and below, about as dark, as a line does and no wave."""
    left, top, right, bottom = stroke
    if right - left > LINE_WIDE * px_per_mm + 1:
        return False
    near, far = (round(mm * px_per_mm) for mm in BEYOND)
    here = slice(max(left - 1, 0), right + 1)
    own = float(darkness[top:bottom, here].max(axis=1).mean())
    parts = darkness[max(top - far, 0) : max(top - near, 0), here], darkness[bottom + near : bottom + far, here]
    return all(len(part) > near and float(part.max(axis=1).mean()) >= GOES_ON * own for part in parts)
