"""Trace ink on a paper ECG: what is darker, in every colour, than the grid it is drawn on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from scartools.ecg.row_percentile import row_percentile
from scartools.errors import InputError

LEAST_CONTRAST = 0.22  # of the paper's brightness, between the grid lines and the trace
MOST_INK = 0.12  # share of the page; a page of text, a photo or a grid taken for ink has more

# Of the way from the darkest grid lines to the trace; paler ink counts where it joins the trace. On a coarse page
# the steep strokes of a QRS are pale; on a fine one they are dark, and what is pale is the grain of the paper.
FAINT, FIRM = 0.18, 0.32
GRID_SHARE = 25  # percentile of a row: what three quarters of it are at least as dark as is a grid line
SURE, POSSIBLE = 0.5, 0.2  # probabilities of the network
# The tip of a narrow QRS, where two strokes merge, looks like a letter too: likely both, it is part of a stroke that it
# hangs on. Of letters the network is sure: hardly any trace, or much more text.
LIKELY, SURER = 0.3, 0.4
PALEST = 0.25  # of the usual darkness of its sure ink; a paler line is one of the grid
FRAME, BORDER = (
    0.5,
    0.03,
)  # ink over this share of a row or column, this near the edge, is the edge of a picture

FRAME_GAP = 0.12  # of its length, the longest gap that the edge of a picture has


@dataclass(frozen=True)
class TraceInk:
    """The ink of an upright page.

    mask      bool (H, W), True on trace, text and separators
    weight    float32 (H, W), darkness above the grid under it, for the centre of a stroke
    contrast  darkness of the trace minus that of the grid lines, 0 to 1
    marks     bool (H, W), writing and separators where they are told from the trace, and what of `strokes` may be either; None
              where `mask` holds both
    strokes   bool (H, W), `mask` with the pale strokes that hang on it, to follow a lead by; None where `mask` holds them
    dotted    bool (H, W), separators that another ink of the same page has told from the trace; None where none has
    """

    mask: np.ndarray
    weight: np.ndarray
    contrast: float
    marks: np.ndarray | None = None
    strokes: np.ndarray | None = None
    dotted: np.ndarray | None = None

    @property
    def followed(self) -> np.ndarray:
        """Ink to follow a lead by."""
        return self.mask if self.strokes is None else self.strokes

    def turned(self, quarter: int) -> TraceInk:
        """The ink of the page turned by quarter turns, anticlockwise (np.rot90)."""

        def turn(plane: np.ndarray) -> np.ndarray:
            return np.ascontiguousarray(np.rot90(plane, quarter))

        planes = (self.marks, self.strokes, self.dotted)
        marks, strokes, dotted = (None if plane is None else turn(plane) for plane in planes)
        return TraceInk(turn(self.mask), turn(self.weight), self.contrast, marks, strokes, dotted)


def find_ink(every: np.ndarray, faintest: float = FAINT) -> TraceInk:
    """Separate the trace from grid lines of any colour, grey included.

    every     float32 (H, W), darkness in every colour; the page upright, so that grid lines fill rows and columns
    faintest  FAINT, or FIRM for a fine scan
    A grid line darkens nearly all of its row or column; even a flat trace covers less of a row. The threshold lies
    between the darkest grid lines and the darkest ink.
    Raises InputError where the two cannot be told apart.
    """
    rows, columns = (row_percentile(lines, GRID_SHARE) for lines in (every, cv2.transpose(every)))
    under = np.maximum(rows[:, None], columns[None, :])
    weight = np.clip(every - under, 0.0, None)
    # The darkest hundredth may be the frame of a picture; one line in 5 mm is darker than the others.
    line = max(float(np.percentile(rows, 99)), float(np.percentile(columns, 99)))
    darkest = float(np.percentile(every, 99.7))
    if darkest - line < LEAST_CONTRAST:
        raise InputError(
            "no trace is darker than the grid lines", remedy="Scan the page in colour, 200 dots an inch or more"
        )
    mask = every > line + 0.4 * (darkest - line)
    mask |= (weight > 0.5 * (darkest - line)) & (every > line)
    least = faintest * (darkest - line)
    faint = (every > line + least) & (weight > least)
    mask = joined_to(mask, faint | mask)
    _clear_frame(mask)
    inked = float(mask.mean())
    if inked > MOST_INK:
        raise InputError(f"{inked:.0%} of the page is as dark as ink: this is not an ECG page")
    return TraceInk(mask, weight, darkest - line, None, bridged(mask))


def ink_of_network(every: np.ndarray, trace: np.ndarray, text: np.ndarray) -> TraceInk:
    """Ink from what a network says each pixel is, and from how dark it is.

    every        float32 (H, W), darkness in every colour
    trace, text  float32 (H, W), probabilities, independent of each other
    Steep strokes are thin and pale, and where they cross the grid the network doubts them: what it holds possible and
    joins a sure stroke is part of that stroke.
    Raises InputError where too much of the page looks like a trace.
    """
    sure = (trace > SURE) & (trace >= text)
    if sure.mean() > MOST_INK:
        raise InputError(f"{sure.mean():.0%} of the page looks like a trace: this is not an ECG page")
    near = cv2.dilate(sure.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    some = every[::3, ::3][~near[::3, ::3]]
    above = every - np.float32(np.median(some) if len(some) else 0.0)
    dark = above > PALEST * float(np.median(above[sure])) if sure.any() else sure
    mask = sure & dark
    both = (trace > LIKELY) & (text - trace < SURER)
    possible = mask | ((((trace > POSSIBLE) & (text < SURE)) | both) & dark)
    strokes = joined_to(mask, bridged(possible))
    marks = (text > SURE) & ~mask
    near = cv2.dilate((strokes | (marks & dark)).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    weight = np.where(near, np.clip(above, 0.0, None), 0.0).astype(np.float32)
    contrast = float(np.median(weight[mask])) if mask.any() else 0.0
    return TraceInk(mask, weight, contrast, marks, strokes)


def bridged(ink: np.ndarray) -> np.ndarray:
    """The ink with gaps of one or two px between what stands above each other closed: where a stroke crosses a line."""
    return cv2.morphologyEx(ink.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 1), np.uint8)) > 0


def _clear_frame(mask: np.ndarray) -> None:
    """Take the outline of the page out of the ink, in place: lines along the edge, upright ones without a long gap.

    Falls of pulses above each other are as long together, and have gaps.
    """
    for axis in (1, 0):
        length, across = mask.shape[1 - axis], mask.shape[axis]
        at = np.arange(length)
        outer = np.minimum(at, length - 1 - at) < max(BORDER * length, 2)
        for line in np.flatnonzero((mask.mean(axis=axis) > FRAME) & outer).tolist():
            own = mask[line] if axis == 1 else mask[:, line]
            gaps = np.diff(np.flatnonzero(np.concatenate([[True], own, [True]]))) - 1
            if axis == 1 or gaps.max() <= FRAME_GAP * across:
                own[:] = False


def joined_to(sure: np.ndarray, maybe: np.ndarray) -> np.ndarray:
    """The pieces of `maybe` that hold a pixel of `sure`: steep strokes of a QRS are paler than the level trace."""
    count, labels = cv2.connectedComponents(maybe.view(np.uint8), connectivity=8)
    held = np.zeros(count, bool)
    held[labels.ravel()[np.flatnonzero(sure)]] = True
    held[0] = False
    return chosen_pieces(maybe, labels, held)


def stroke_width(mask: np.ndarray) -> float:
    """Median height in px of the upright runs of ink: a trace is mostly level, so this is its line width."""
    return usual_height(upright_runs(mask))


def usual_height(runs: Runs) -> float:
    """Median height in px of upright runs of ink, 0 without any."""
    return float(np.median(runs.bottom - runs.top)) if len(runs.top) else 0.0


@dataclass(frozen=True)
class Runs:
    """Unbroken upright runs of ink, ordered by column: int (N,) column, top (first row) and bottom (row after the last)."""

    column: np.ndarray
    top: np.ndarray
    bottom: np.ndarray


def upright_runs(mask: np.ndarray) -> Runs:
    """Every upright run of True."""
    width, height = mask.shape[1], mask.shape[0]
    padded = np.zeros((width, height + 2), np.uint8)
    padded[:, 1:-1] = cv2.transpose(mask.view(np.uint8))
    edges = np.flatnonzero(padded[:, 1:] != padded[:, :-1])  # of each run where it begins, then where it ends
    column, top = np.divmod(edges[::2], height + 1)
    return Runs(column, top, edges[1::2] - column * (height + 1))


def pieces(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the connected pieces of a mask, uint8 (H, W), 0 for its background, and measure them.

    Returns int32 (H, W), the piece of each pixel, and int32 (pieces, 5): left, top, width, height, area.
    """
    height, width = mask.shape
    # of OpenCV's algorithms this one measures three times as fast as the default, where both sides are even
    even = cv2.copyMakeBorder(mask, 0, height % 2, 0, width % 2, cv2.BORDER_CONSTANT, value=0)
    _, labels, boxes, _ = cv2.connectedComponentsWithStatsWithAlgorithm(even, 8, cv2.CV_32S, cv2.CCL_GRANA)
    return np.ascontiguousarray(labels[:height, :width]), boxes


def chosen_pieces(mask: np.ndarray, labels: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """bool (H, W): the pieces of a mask that are chosen, bool (pieces,); labels: as `pieces` numbers them."""
    inked = np.flatnonzero(mask)  # little of a page is ink: only there is looked up
    found = np.zeros(mask.shape, bool)
    found.ravel()[inked] = chosen[labels.ravel()[inked]]
    return found


def widened(mask: np.ndarray, px: int = 1) -> np.ndarray:
    """bool (H, W): a mask and all within `px` px of it, corners included."""
    return cv2.dilate(mask.view(np.uint8), np.ones((2 * px + 1, 2 * px + 1), np.uint8)) > 0


def ink_extent(mask: np.ndarray) -> tuple[int, int]:
    """First column and one past the last of the long strokes: those wider than a twelfth of the page."""
    joined = cv2.dilate(mask.view(np.uint8), np.ones((3, 9), np.uint8))
    boxes = pieces(joined)[1][1:]
    wide = boxes[boxes[:, cv2.CC_STAT_WIDTH] > mask.shape[1] / 12]
    if not len(wide):
        raise InputError("no trace is found: this is not an ECG page, or its trace is too pale")
    left = wide[:, cv2.CC_STAT_LEFT]
    return int(left.min()), int((left + wide[:, cv2.CC_STAT_WIDTH]).max())
