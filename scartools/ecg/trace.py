"""Follow the leads across the page: which runs of ink each is drawn with, and where it rests."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from scartools.ecg.page_ink import Runs

# The price list of a path, in mm. Going up or down inside touching ink is free: a QRS is one upright stroke.
JUMP = 1.0  # a mm of white paper between neighbouring runs
SKIP = 2.0  # a mm of paper along x without ink
LIFT = 0.5  # for lifting the pen at all: text beside the trace is not entered lightly
AWAY = 0.03  # a mm along x, for every mm beyond half the reach: the neighbouring row is no bargain
STATES = 10  # paths kept in each column
_cost = itemgetter(0)


@dataclass(frozen=True)
class Path:
    """The runs of ink one lead is drawn with.

    top, bottom  float (W,), rows of the run in each pixel column, NaN in gaps
    """

    top: np.ndarray
    bottom: np.ndarray


def follow(
    runs: Runs, shape: tuple[int, int], baseline: float, px_per_mm: tuple[float, float], reach: float
) -> Path:
    """Find the cheapest way from the left to the right of the page along one baseline.

    runs       every run of ink on the upright page
    shape      (H, W)
    baseline   row of the baseline, px
    px_per_mm  along x and y
    reach      px above and below the baseline where the lead may go
    Dynamic programming over the runs of each column, with gaps allowed at a price.
    """
    near = (runs.bottom > baseline - reach) & (runs.top < baseline + reach)
    column, top, bottom = (values[near] for values in (runs.column, runs.top, runs.bottom))
    mm_y = 1 / px_per_mm[1]
    away = (
        AWAY
        * (1 / px_per_mm[0])
        * np.clip(_distance(top, bottom, baseline) * mm_y - 0.4 * reach * mm_y, 0, None)
    )
    start = _distance(top, bottom, baseline) * mm_y
    last, before = _cheapest(column, top, bottom, (start, away), shape[1], px_per_mm)
    path = Path(np.full(shape[1], np.nan), np.full(shape[1], np.nan))
    while last >= 0:
        path.top[column[last]], path.bottom[column[last]] = top[last], bottom[last]
        last = before[last]
    return path


def _cheapest(
    column: np.ndarray,
    top: np.ndarray,
    bottom: np.ndarray,
    prices: tuple[np.ndarray, np.ndarray],
    width: int,
    px_per_mm: tuple[float, float],
) -> tuple[int, list[int]]:
    """Return the last run of the cheapest path, -1 without any, and for each run the one before it, -1 for none.

    column, top, bottom  int (N,), the runs by column; prices: of beginning or ending at each, and of being there
    A column has a few runs and a few paths reach it: plain numbers are faster here than arrays.
    """
    first = np.searchsorted(column, np.arange(width + 1)).tolist()
    tops, bottoms = top.tolist(), bottom.tolist()
    start, away = (price.tolist() for price in prices)
    skip, jump = SKIP * (1 / px_per_mm[0]), JUMP * (1 / px_per_mm[1])
    paths: list[
        tuple[float, int]
    ] = []  # cost so far and last run; the cheapest first once there are STATES of them
    ordered = False
    before = [-1] * len(tops)
    for x in range(width):
        blank = [(cost + skip, run) for cost, run in paths]
        fresh = []
        for here in range(first[x], first[x + 1]):
            high, low = tops[here], bottoms[here]
            begin = skip * x + start[here]  # a path that begins here left everything before it blank
            best, source = np.inf, -1
            for cost, run in paths:
                if ordered and cost >= best:
                    break
                gap = max(high - bottoms[run], tops[run] - low)
                price = cost + (LIFT + jump * gap) if gap > 0.5 else cost
                if price < best:
                    best, source = price, run
            if best <= begin:
                begin, before[here] = best, source
            fresh.append((begin + away[here], here))
        paths = fresh + blank if fresh else blank
        if fresh and len(paths) > STATES:
            paths = sorted(paths, key=_cost)[:STATES]
            ordered = True
        elif fresh:
            ordered = False
    return min(((cost + start[run], run) for cost, run in paths), key=_cost, default=(0.0, -1))[1], before


def _distance(top: np.ndarray, bottom: np.ndarray, row: float) -> np.ndarray:
    """px from a run to a row; 0 where the run crosses it."""
    return np.maximum(np.maximum(top - row, row - bottom), 0.0)


def baseline_of(rows: np.ndarray, px_per_mm: float) -> float:
    """The row where a lead rests: the mode of its heights, 0.5 mm wide, refined by the median around it."""
    values = rows[np.isfinite(rows)]
    if not len(values):
        return float("nan")
    bins = np.arange(values.min() - px_per_mm, values.max() + px_per_mm, 0.1 * px_per_mm)
    counts, edges = np.histogram(values, bins)
    smooth = np.convolve(counts, np.ones(7), mode="same")
    mode = edges[int(np.argmax(smooth))] + 0.05 * px_per_mm
    near = values[np.abs(values - mode) < 0.5 * px_per_mm]
    return float(np.median(near)) if len(near) else float(mode)
