"""Tips of waves that the cheapest way passed by: ink that goes on where a steep stroke of one lead ends is that lead's own.

A narrow wave is drawn with two strokes a pixel apart. Where they touch below their tip, the way from one to the other is
shorter there, and the tip stands beside the path though it hangs on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scartools.ecg.page_ink import pieces
from scartools.ecg.trace import Path

WIDE_MM = 1.2  # of a tip: no wider
TALL_MM = (1.0, 20.0)  # no lower, and no higher than the tips of strokes that a page shows pale
GAP_MM = 2.0  # between a tip and the run of its column: strokes of photographs break, a blot beside a stroke stands higher
STROKE_MM = 1.1  # of the lead's own stroke that the tip goes on from: a letter hangs on a level trace
Box = tuple[int, int, int, int]  # left, top, right, bottom in px


def with_tips_of(
    paths: Sequence[Path], ink: np.ndarray, places: Sequence[Box], px_per_mm: tuple[float, float]
) -> list[Path]:
    """The paths with the tips that hang on a steep stroke of one of them and on no other.

    ink     bool (H, W), sure ink of the traces; places: of the lead names, where ink may be a letter
    """
    mm_x, mm_y = px_per_mm
    drawn = np.zeros(ink.shape, np.uint8)
    for path in paths:
        for x, top, bottom in _runs(path, 0, ink.shape[1]):
            drawn[top:bottom, x] = 1
    labels, boxes = pieces((ink & (drawn == 0)).view(np.uint8))
    fits = boxes[:, 2] <= WIDE_MM * mm_x
    fits &= (boxes[:, 3] >= TALL_MM[0] * mm_y) & (boxes[:, 3] <= TALL_MM[1] * mm_y)
    fits[0] = False
    found = [replace(path, top=path.top.copy(), bottom=path.bottom.copy()) for path in paths]
    for label in np.flatnonzero(fits).tolist():
        left, top, wide, tall, _ = boxes[label].tolist()
        box = (left, top, left + wide, top + tall)
        if any(_overlap(box, place) for place in places):
            continue
        own = labels[top : top + tall, left : left + wide] == label
        holders = [at for at, path in enumerate(paths) if _touches(path, box, own)]
        if len(holders) == 1 and _goes_on(paths[holders[0]], box, STROKE_MM * mm_y):
            _add(found[holders[0]], box, own, GAP_MM * mm_y)
    return found


def _runs(path: Path, first: int, stop: int) -> list[tuple[int, int, int]]:
    """Column, top and bottom of a path's runs from one column to another."""
    columns = np.arange(max(first, 0), min(stop, len(path.top)))
    columns = columns[np.isfinite(path.top[columns])]
    return list(
        zip(
            columns.tolist(),
            np.maximum(path.top[columns], 0).astype(int).tolist(),
            path.bottom[columns].astype(int).tolist(),
            strict=True,
        )
    )


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _touches(path: Path, box: Box, own: np.ndarray) -> bool:
    """Whether a run of the path touches a piece of ink, corners included; own: bool, the piece in its box."""
    left, top, right, _ = box
    for x, first, stop in _runs(path, left - 1, right + 1):
        near = own[:, max(x - 1 - left, 0) : max(x + 2 - left, 0)]
        if near[max(first - 1 - top, 0) : max(stop + 1 - top, 0)].any():
            return True
    return False


def _goes_on(path: Path, box: Box, stroke: float) -> bool:
    """Whether the piece stands out above, or below, a steep stroke of the path beside it."""
    left, top, right, bottom = box
    runs = [run for run in _runs(path, left - 1, right + 1) if run[1] <= bottom and run[2] >= top]
    if not runs or max(stop - first for _, first, stop in runs) < stroke:
        return False
    above, below = min(first for _, first, _ in runs) - top, bottom - max(stop for *_, stop in runs)
    return (above > 0) != (below > 0)


def _add(path: Path, box: Box, own: np.ndarray, gap: float) -> None:
    """Widen the path's runs by a piece of ink, in place, where no more than `gap` px lie between: level ink is no foot of it."""
    left, top = box[:2]
    for column in range(own.shape[1]):
        rows = np.flatnonzero(own[:, column])
        x = left + column
        if not len(rows) or not np.isfinite(path.top[x]):
            continue
        first, stop = top + rows[0], top + rows[-1] + 1
        if first <= path.bottom[x] + gap and stop >= path.top[x] - gap:
            path.top[x], path.bottom[x] = min(path.top[x], first), max(path.bottom[x], stop)
