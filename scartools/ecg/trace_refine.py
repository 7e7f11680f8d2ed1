"""Fit a drawn curve to its darkness: where strokes merge or are steep, render the pen's line and compare.

The curve is a polyline with PER_PX nodes a pixel column. A pixel at distance d from it is as dark as a round pen
of radius r leaves it: 1 inside, 0 outside, a ramp of one pixel at the edge. Its nearest segment alone decides, so the
normal matrix of Gauss and Newton has three diagonals, five with the stiffness, and a step costs next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scartools.ecg.five_bands import solve_five_bands

PER_PX = 2  # nodes a pixel column: its middle and its right edge
ROUNDS = 6
STEEP = 0.35  # px between neighbouring nodes; flatter stretches are exact without a fit
FARTHEST = 2.5  # px a node may move in a round
STILL = 0.002  # px; where no node moved further in a round, none is moved in the next
DAMPING = 0.02  # keeps nodes that no ramp shows where they are
STIFFNESS = 0.005  # on second differences of a step
SMOOTHNESS = 0.002  # on second differences of the curve
_FROZEN = 1e6


@dataclass(frozen=True)
class _Fit:
    """Normal equations of one round: three diagonals and the right-hand side, each (N,)."""

    diagonal: np.ndarray
    beside: np.ndarray
    right: np.ndarray


def refine(curve: np.ndarray, weight: np.ndarray, full: float, radius: float) -> np.ndarray:
    """Move the nodes of a curve until the line drawn through them is as dark as the page, where it is steep.

    curve   float (PER_PX W,), rows of the nodes; node k lies at column k / PER_PX; NaN in gaps
    weight  float32 (H, W), darkness above what lies under the trace; full: that of the stroke's middle
    radius  of the pen, px
    Returns float (PER_PX W,). Ink that belongs to no part of the curve nearby (letters, another row) pulls at no
    node, for it lies beyond the ramp.
    """
    present = np.isfinite(curve)
    reach = int(np.ceil((radius + 0.5) * PER_PX)) + 1
    free = present & _near(_steep(curve), reach + 2)
    fitted, moving = curve.copy(), free
    for _ in range(ROUNDS):
        columns = np.flatnonzero((free & _near(moving, reach))[::PER_PX])
        if not len(columns):
            break
        fit = _normal_equations(fitted, columns, reach, weight, full, radius)
        step = _step(fitted, present, moving, fit)
        fitted += step
        moving = free & _near(np.abs(step) > STILL, reach)
    return fitted


def _steep(curve: np.ndarray) -> np.ndarray:
    change = np.abs(np.diff(curve)) > STEEP  # False beside gaps
    steep = np.zeros(len(curve), bool)
    steep[1:] |= change
    steep[:-1] |= change
    return steep


def _near(chosen: np.ndarray, reach: int) -> np.ndarray:
    return np.convolve(chosen, np.ones(2 * reach + 1), mode="same") > 0


def _normal_equations(
    curve: np.ndarray, columns: np.ndarray, reach: int, weight: np.ndarray, full: float, radius: float
) -> _Fit:
    """Compare every pixel near the curve in these columns with what the pen would leave there."""
    count, height = len(curve), len(weight)
    offsets = np.arange(-reach, reach)
    segment = columns[:, None] * PER_PX + offsets  # (C, S): the segments that may be nearest
    inside = (segment >= 0) & (segment < count - 1)
    segment = np.clip(segment, 0, count - 2)
    start = np.where(inside, curve[segment], np.nan)
    rise = np.where(inside, curve[segment + 1], np.nan) - start
    known = np.isfinite(rise)
    ends = np.where(known, start, np.inf), np.where(known, start, -np.inf)
    first = np.minimum(ends[0], np.where(known, start + rise, np.inf)).min(axis=1) - radius - 2
    last = np.maximum(ends[1], np.where(known, start + rise, -np.inf)).max(axis=1) + radius + 2
    usable = np.isfinite(first) & np.isfinite(last)
    first = np.clip(np.floor(np.where(usable, first, 0)), 0, height - 1).astype(int)
    last = np.clip(np.ceil(np.where(usable, last, -1)), -1, height - 1).astype(int)
    tall = np.where(usable, np.maximum(last - first + 1, 0), 0)
    at = np.repeat(np.arange(len(columns)), tall)
    row = np.arange(tall.sum()) - np.repeat(np.cumsum(tall) - tall, tall) + first[at]
    observed = np.minimum(weight[row, columns[at]] / full, 1.0)
    nearest, distance = _nearest(row.astype(float), at, start, rise, offsets)
    ramp = np.flatnonzero((np.abs(distance - radius) < 0.8) & (distance > 1e-6))
    at, nearest, distance = at[ramp], nearest[ramp], distance[ramp]
    residual = observed[ramp] - np.clip(radius + 0.5 - distance, 0, 1)
    away = row[ramp] - start[at, nearest]
    share, _, off_y = _to_segment(-offsets[nearest] / PER_PX, away, rise[at, nearest])
    slope = off_y / distance
    node = segment[at, nearest]
    left, later = slope * (1 - share), slope * share

    def gathered(first_node: np.ndarray, second_node: np.ndarray) -> np.ndarray:
        return np.bincount(node, first_node, count) + np.bincount(node + 1, second_node, count)

    return _Fit(
        gathered(left * left, later * later),
        np.bincount(node, left * later, count),
        gathered(left * residual, later * residual),
    )


def _nearest(
    row: np.ndarray, at: np.ndarray, start: np.ndarray, rise: np.ndarray, offsets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which of the segments (S) is nearest to each pixel, int (N,), and how far it is, px (N,).

    row, at      of the pixels, (N,), and which column they lie in; start, rise: of the segments, (C, S); offsets: see there
    As `_to_segment`, one segment after the other and in place: what is worked on stays in the processor's cache.
    """
    nearest, squared = np.zeros(len(at), int), np.full(len(at), np.inf)
    right = 1 / PER_PX
    away, slope, share, room = (np.empty(len(at)) for _ in range(4))
    for k, offset in enumerate(offsets.tolist()):
        np.subtract(row, np.take(np.ascontiguousarray(start[:, k]), at, out=room), out=away)
        np.take(np.ascontiguousarray(rise[:, k]), at, out=slope)
        np.multiply(away, slope, out=share)
        share += -offset / PER_PX * right
        np.multiply(slope, slope, out=room)
        room += right * right
        share /= room
        np.minimum(np.maximum(share, 0.0, out=share), 1.0, out=share)
        away -= np.multiply(share, slope, out=room)
        share *= right
        np.subtract(-offset / PER_PX, share, out=share)
        share *= share
        away *= away
        share += away
        np.putmask(nearest, np.less(share, squared), k)
        np.fmin(squared, share, out=squared)  # not a number where the segment is not known
    return nearest, np.sqrt(squared, out=squared)


def _to_segment(
    away_x: np.ndarray | float, away_y: np.ndarray, rise: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From the nearest point of a segment to a pixel: how far along it that point is, 0 to 1, and px right and down.

    away_x, away_y  from the segment's start to the pixel, px; rise: of the segment, which is 1 / PER_PX wide
    """
    right = 1 / PER_PX
    share = (away_x * right + away_y * rise) / (right * right + rise * rise)
    share = np.minimum(np.maximum(share, 0.0), 1.0)
    return share, away_x - share * right, away_y - share * rise


def _step(curve: np.ndarray, present: np.ndarray, free: np.ndarray, fit: _Fit) -> np.ndarray:
    """Solve the normal equations for the free nodes: px each node moves, (N,)."""
    count = len(curve)
    diagonal = fit.diagonal + DAMPING
    diagonal += STIFFNESS * np.concatenate([[1, 5], np.full(count - 4, 6.0), [5, 1]])
    beside = fit.beside[:-1] + STIFFNESS * np.concatenate([[-2], np.full(count - 3, -4.0), [-2]])
    places = np.arange(count)
    bridged = np.interp(places, places[present], curve[present])
    bend = np.diff(bridged, 2)
    right = fit.right.copy()
    right[:-2] -= SMOOTHNESS * bend
    right[1:-1] += 2 * SMOOTHNESS * bend
    right[2:] -= SMOOTHNESS * bend
    # most nodes are frozen: free ones are solved for, with the two on either side that they meet, which stay where they are
    places = np.flatnonzero(_near(free, 2))
    next_is_next = np.diff(places) == 1
    diagonal, right = diagonal[places], np.where(free, right, 0.0)[places]
    diagonal[~free[places]] += _FROZEN
    beside = np.where(next_is_next, beside[places[:-1]], 0.0)
    beyond = np.where(next_is_next[1:] & next_is_next[:-1], STIFFNESS, 0.0)
    step = np.zeros(count)
    step[places] = np.clip(solve_five_bands(diagonal, beside, beyond, right), -FARTHEST, FARTHEST)
    return np.where(free, step, 0.0)
