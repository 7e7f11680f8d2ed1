"""Follow the leads across the page: which runs of ink each is drawn with, and where it rests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scartools.ecg.page_ink import Runs

# The price list of a path, in mm. Going up or down inside touching ink is free: a QRS is one upright stroke.
JUMP = 1.0  # a mm of white paper between neighbouring runs
SKIP = 2.0  # a mm of paper along x without ink
LIFT = 0.5  # for lifting the pen at all: text beside the trace is not entered lightly
AWAY = 0.03  # a mm along x, for every mm beyond half the reach: the neighbouring row is no bargain
STATES = 10  # paths kept in each column


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
    width = shape[1]
    near = (runs.bottom > baseline - reach) & (runs.top < baseline + reach)
    column, top, bottom = (values[near] for values in (runs.column, runs.top, runs.bottom))
    first = np.searchsorted(column, np.arange(width + 1))
    mm_x, mm_y = 1 / px_per_mm[0], 1 / px_per_mm[1]
    away = AWAY * mm_x * np.clip(_distance(top, bottom, baseline) * mm_y - 0.4 * reach * mm_y, 0, None)
    start = _distance(top, bottom, baseline) * mm_y
    cost, run = np.zeros(0), np.zeros(0, int)
    before = np.full(len(column), -1)
    for x in range(width):
        here = np.arange(first[x], first[x + 1])
        if not len(here):
            cost = cost + SKIP * mm_x
            continue
        fresh = SKIP * mm_x * x + start[here]  # a path that begins here left everything before it blank
        if len(run):
            gap = np.maximum(top[here, None] - bottom[run], top[run] - bottom[here, None])
            price = cost + np.where(gap > 0.5, LIFT + JUMP * mm_y * gap, 0.0)
            choice = np.argmin(price, axis=1)
            joined = price[np.arange(len(here)), choice]
            before[here] = np.where(joined <= fresh, run[choice], -1)
            fresh = np.minimum(joined, fresh)
        fresh = fresh + away[here]
        cost = np.concatenate([fresh, cost + SKIP * mm_x])
        run = np.concatenate([here, run])
        if len(run) > STATES:
            keep = np.argsort(cost, kind="stable")[:STATES]
            cost, run = cost[keep], run[keep]
    path = Path(np.full(width, np.nan), np.full(width, np.nan))
    if not len(run):
        return path
    at = int(run[np.argmin(cost + start[run])])
    while at >= 0:
        path.top[column[at]], path.bottom[column[at]] = top[at], bottom[at]
        at = int(before[at])
    return path


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
