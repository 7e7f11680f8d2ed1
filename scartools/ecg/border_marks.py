"""Where separators stand and traces end, to a part of a pixel: from how dark the page is there.

A pixel of 200 dots an inch is 5 ms. A line of two or three pixels covers those at its sides by a part, and the mask of its
ink holds them or not: its middle is off by up to half a pixel, at every border alike. Its darkness tells the part.
"""

from __future__ import annotations

import numpy as np

from scartools.ecg.page_ink import upright_runs
from scartools.ecg.trace import Path

BAND_MM = 8.0  # above and below a baseline, where a separator stands
BAR_TALL_MM = 2.2  # of an upright run of ink that is one of a separator
LEAST_TALL_MM = 1.0  # of it that must stand free of other ink
FREE_PX = 2  # beside a separator
MOST_DARK = 1.25  # times the usual darkness of a row of a separator; where it is more, other ink hangs on it
INSIDE_PX = (
    4,
    12,
)  # before the end of a stroke, from where on its darkness is summed, and of what is compared with
NEAR_PX = 12  # from where the rows end by their ink to the end of one
BEYOND_PX = 4  # behind the last column of ink
UNEVEN = 0.5  # share that the darkness of a column may differ from the usual one of a level stroke


def places_of_bars(
    mask: np.ndarray,
    weight: np.ndarray,
    baseline: float,
    bars: np.ndarray,
    mm: tuple[float, float],
) -> list[float]:
    """Middle (px) of each separator of a row, weighed by its darkness where no other ink touches it.

    mask    bool (H, W), traces, writing and lines; weight: float32 (H, W), darkness above what lies under it
    bars    bool (W,), columns of separators, from layout.find_separators
    """
    top = max(int(baseline - BAND_MM * mm[1]), 0)
    rows = slice(top, int(baseline + BAND_MM * mm[1]))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], bars.view(np.int8), [0]])))
    found = []
    for left, right in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        first, last = left - 1 - FREE_PX, right + 1 + FREE_PX
        if first < 0 or last > mask.shape[1]:
            continue
        tall = _of_tall_runs(mask[rows, left:right], BAR_TALL_MM * mm[1])
        beside = mask[rows, first : left - 1].any(axis=1) | mask[rows, right + 1 : last].any(axis=1)
        dark = weight[rows, first:last]
        free = tall & ~beside
        if not free.any():
            continue
        summed = dark.sum(axis=1, dtype=np.float64)
        own = free & (summed <= MOST_DARK * np.percentile(summed[free], 25))  # a stroke may be part of others
        if own.sum() < LEAST_TALL_MM * mm[1]:
            continue
        across = dark[own].sum(axis=0, dtype=np.float64)
        across -= min(across[0], across[-1])
        if across.sum() > 0:
            found.append(first + float(np.average(np.arange(len(across)), weights=across)))
    return found


def _of_tall_runs(part: np.ndarray, tall: float) -> np.ndarray:
    """bool (H,): rows that an upright run of at least `tall` px passes, in any column of bool (H, W)."""
    rows = np.zeros(len(part), bool)
    runs = upright_runs(np.ascontiguousarray(part))
    for top, bottom in zip(runs.top.tolist(), runs.bottom.tolist(), strict=True):
        if bottom - top >= tall:
            rows[top:bottom] = True
    return rows


def ends_of_rows(
    paths: list[Path], weight: np.ndarray, radius: float, about: tuple[float, float]
) -> tuple[float | None, float | None]:
    """Where the rows begin and end (px), the middle of them; None where fewer than half of them tell it.

    about  px, where they are known to begin and end: a calibration pulse that stands farther out is no end of theirs
    weight, radius  as for `end_of_stroke`
    """
    found: list[float | None] = []
    for side, rough in ((-1, about[0]), (1, about[1])):
        told = []
        for path in paths:
            inked = np.flatnonzero(np.isfinite(path.top))
            at = int(inked[-1 if side > 0 else 0]) if len(inked) else -1
            if at >= 0 and abs(at - rough) < NEAR_PX:
                told.append(end_of_stroke(path, weight, radius, at, side))
        known = [place for place in told if place is not None]
        found.append(float(np.median(known)) if 2 * len(known) >= len(paths) else None)
    return found[0], found[1]


def end_of_stroke(path: Path, weight: np.ndarray, radius: float, at: int, side: int) -> float | None:
    """Where the middle of the pen began or ended a stroke, px; None where the stroke is not of one height there.

    path    the runs of ink of the row; at: px, its first or last column; side: -1 for its first, 1 for its last
    weight  float32 (H, W), darkness above what lies under it; radius: of the pen, px
    All darkness from the inside of the stroke outwards, over that of one column, is how far it goes; blur changes
    neither. The round end of the pen is as dark as a square one of pi / 4 of its radius.
    """
    inside = at - side * np.arange(INSIDE_PX[1], 0, -1)  # towards the end
    beyond = at + side * np.arange(BEYOND_PX)
    if min(inside[0], beyond[-1]) < 0 or max(inside[0], beyond[-1]) >= weight.shape[1]:
        return None
    if not np.isfinite(path.top[inside]).all():
        return None
    summed = []
    for column in (*inside.tolist(), *beyond.tolist()):
        own = min(max(column, int(inside.min())), int(inside.max()))
        first, last = int(path.top[own]) - 2, int(path.bottom[own]) + 2
        summed.append(float(weight[max(first, 0) : last, column].sum(dtype=np.float64)))
    level = summed[: INSIDE_PX[1] - INSIDE_PX[0]]
    usual = float(np.median(level))
    if usual <= 0 or max(level) > (1 + UNEVEN) * usual or min(level) < (1 - UNEVEN) * usual:
        return None
    length = sum(summed[len(level) :]) / usual - 0.5 - np.pi / 4 * radius
    return float(at - side * INSIDE_PX[0] + side * length)
