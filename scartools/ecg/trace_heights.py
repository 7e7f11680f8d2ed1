"""From the runs of ink a lead is drawn with to its sub-pixel heights: the pen is undone.

The drawn stroke is the curve dilated by a round pen. Its upper edge, dilated back by the same disc, is the curve
again wherever the curve turns upwards or is a single passage; its lower edge likewise where it turns downwards.
Where both agree, that is the height; where the strokes of a narrow QRS merge they do not, and the side on which the
ink stands out is right. What is steep is then fitted to the darkness of the page (trace_refine).
"""

from __future__ import annotations

import numpy as np

from scartools.ecg.trace import Path
from scartools.ecg.trace_refine import PER_PX, refine

EDGE = 0.5  # of the stroke's own darkness: its edge
FULL_SHARE = 90  # percentile of the darkness of all ink: the middle of a stroke
LEVEL_SHARE = 15  # percentile of the darkness of a column: a level stroke has the least
SLACK = 1.0  # px; edges that give heights this far apart are those of merged strokes


def heights(
    paths: list[Path],
    mask: np.ndarray,
    weight: np.ndarray,
    *,
    fitted: bool = True,
    drawn: tuple[float, float] | None = None,
) -> list[np.ndarray]:
    """Return the rows of every lead, float (PER_PX W,), NaN in gaps; value k lies at column k / PER_PX.

    paths   what each lead is drawn with
    mask    bool (H, W), ink; weight: float32 (H, W), its darkness above what lies under it
    fitted  also fit the steep stretches to the darkness; without, three times as fast
    drawn   the pen, as `pen` returns it, where it is known
    Rows and columns are counted from the middle of the first pixel. `[::PER_PX]` is one height a pixel column.
    """
    full, radius = drawn or pen(paths, mask, weight)
    curves = []
    for path in paths:
        upper, lower = (_finer(edge) for edge in _edges(path, weight, full))
        curve = _between(_undo_pen(upper, radius, 1), _undo_pen(lower, radius, -1))
        curve[~np.isfinite(upper)] = np.nan
        curves.append(refine(curve, weight, full, radius) if fitted else curve)
    return curves


def pen(paths: list[Path], mask: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Darkness of the middle of a stroke, and half the width of the pen in px; arguments as for `heights`."""
    full = max(float(np.percentile(weight[mask], FULL_SHARE)), 1e-3) if mask.any() else 1.0
    return full, _pen_radius(paths, weight, full)


def _pen_radius(paths: list[Path], weight: np.ndarray, full: float) -> float:
    """Half the width of the pen, px: all darkness of a level stroke in one column, over that of its middle."""
    totals = []
    summed = np.zeros((len(weight) + 1, weight.shape[1]), weight.dtype)
    for row, darkness in enumerate(weight):  # six times as fast as np.cumsum along the columns
        np.add(summed[row], darkness, out=summed[row + 1])
    for path in paths:
        at = np.flatnonzero(np.isfinite(path.top))
        first = np.clip(path.top[at].astype(int) - 1, 0, len(weight))
        last = np.clip(path.bottom[at].astype(int) + 1, 0, len(weight))
        totals.append(summed[last, at] - summed[first, at])
    every = np.concatenate(totals) if totals else np.zeros(0)
    every = every[every > 0.3 * full]  # a level line taken for a grid line has no darkness of its own
    return float(np.clip(np.percentile(every, LEVEL_SHARE) / full / 2, 0.4, 10)) if len(every) else 0.5


def _edges(path: Path, weight: np.ndarray, full: float) -> tuple[np.ndarray, np.ndarray]:
    """Sub-pixel upper and lower edge of the ink a lead passes, float (W,), NaN in gaps."""
    upper, lower = np.full(len(path.top), np.nan), np.full(len(path.top), np.nan)
    at = np.flatnonzero(np.isfinite(path.top))
    top, bottom = path.top[at].astype(int), path.bottom[at].astype(int)
    upper[at] = top - 2 + _crossing(weight, top - 2, 1, at, bottom - top, full)
    lower[at] = bottom + 1 - _crossing(weight, bottom + 1, -1, at, bottom - top, full)
    crossed = lower < upper
    upper[crossed] = lower[crossed] = (upper[crossed] + lower[crossed]) / 2
    return upper, lower


def _crossing(
    weight: np.ndarray, start: np.ndarray, step: int, at: np.ndarray, tall: np.ndarray, full: float
) -> np.ndarray:
    """px from rows `start` (two before the ink) inwards to where darkness first passes EDGE of the stroke's own."""
    rows = start[:, None] + step * np.arange(7)
    within = (rows >= 0) & (rows < len(weight))
    dark = np.where(within, weight[np.clip(rows, 0, len(weight) - 1), at[:, None]], 0)  # (N, 7)
    inside = np.where(np.arange(5) < tall[:, None], dark[:, 2:], 0.0)
    level = EDGE * np.clip(inside.max(axis=1, initial=0.0), 1e-6, full)
    passed = dark >= level[:, None]
    passed[:, 0] = False
    first = np.where(passed.any(axis=1), np.argmax(passed, axis=1), 2)
    number = np.arange(len(at))
    high, low = dark[number, first], dark[number, first - 1]
    return first - 1 + np.clip((level - low) / np.maximum(high - low, 1e-6), 0, 1)


def _finer(edge: np.ndarray) -> np.ndarray:
    """(PER_PX W,): straight lines between the columns; past the last one its own height."""
    after = np.append(edge[1:], edge[-1:])
    shares = np.arange(PER_PX) / PER_PX
    fine = edge[:, None] * (1 - shares) + after[:, None] * shares
    fine[:, 0] = edge
    return fine.ravel()


def _undo_pen(edge: np.ndarray, radius: float, side: int) -> np.ndarray:
    """The curve under a pen's upper (side 1) or lower (side -1) edge."""
    reach = int(radius * PER_PX + 0.25)
    padded = np.pad(np.where(np.isfinite(edge), side * edge, -np.inf), reach, constant_values=-np.inf)
    curve = np.full(len(edge), -np.inf)
    for dx in range(-reach, reach + 1):
        drop = np.sqrt(max(radius**2 - (dx / PER_PX) ** 2, 0.0))
        curve = np.maximum(curve, padded[reach + dx : reach + dx + len(edge)] + drop)
    return np.where(np.isfinite(curve), side * curve, np.nan)


def _between(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """One height between two: the mean where they agree; where strokes merged, the side on which the ink stands out."""
    upper, lower = np.minimum(upper, lower), np.maximum(upper, lower)
    curve = (upper + lower) / 2
    middle = curve.copy()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], lower - upper > SLACK, [False]]).astype(np.int8)))
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        sides = np.concatenate([middle[max(first - 1, 0) : first], middle[last : last + 1]])
        sides = sides[np.isfinite(sides)]
        if not len(sides):
            continue
        high, low = upper[first:last], lower[first:last]
        rise, fall = sides.min() - high.min(), low.max() - sides.max()
        if rise > SLACK and fall > SLACK:  # up and down in one: the strokes between the tips are passed
            ends = (
                float(middle[first - 1]) if first else np.nan,
                float(middle[last]) if last < len(curve) else np.nan,
            )
            curve[first:last] = _through_tips(high, low, ends)
        elif max(rise, fall) > 0:
            curve[first:last] = high if rise > fall else low
    return curve


def _through_tips(high: np.ndarray, low: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    """The curve of merged strokes that go up and down: from tip to tip, in the middle of the ink between them.

    high, low  rows of the curve by its upper and by its lower edge, (N,); ends: rows before and behind, NaN in gaps
    Of a narrow q, R and s both troughs stand out: beyond the highest and the lowest tip another one is looked for on
    either side, one that stands out of the ink beside it and out of where the curve comes from.
    """
    peak, trough = int(np.argmin(high)), int(np.argmax(low))
    tips = [(peak, 1.0), (trough, 0.0)]
    if peak > trough:
        tips.reverse()
    before = _another_tip(low if tips[0][1] else -high, tips[0][0], ends[0] if tips[0][1] else -ends[0])
    after = _another_tip(
        (low if tips[1][1] else -high)[::-1], len(high) - 1 - tips[1][0], ends[1] if tips[1][1] else -ends[1]
    )
    if before is not None:
        tips.insert(0, (before, 1.0 - tips[0][1]))
    if after is not None:
        tips.append((len(high) - 1 - after, 1.0 - tips[-1][1]))
    share = np.full(len(high), 0.5)
    share[: tips[0][0] + 1] = tips[0][1]
    share[tips[-1][0] :] = tips[-1][1]
    for at, side in tips[1:-1]:
        share[at] = side
    through: np.ndarray = share * high + (1 - share) * low
    return through


def _another_tip(out: np.ndarray, tip: int, end: float) -> int | None:
    """Where, before a tip, the ink stands out to the other side; None where it does not.

    out  (N,), how far the ink stands out to that side; end: how far the curve before it does
    """
    if tip < 2 or np.isnan(end):
        return None
    at = int(np.argmax(out[:tip]))
    stands = min(out[at] - end, out[at] - out[at : tip + 1].min())
    return at if stands > SLACK else None
