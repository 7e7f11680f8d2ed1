"""The calibration pulse: a rectangle, usually 1 mV high and 0.2 s wide, before or after the leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scartools.ecg.trace import Path

NARROWEST = 0.9  # mm, of one step of a pulse
STEP_RATIO = 1.6  # of two gains; in use are 10/5, 5/10 and 20/10
CUT = 0.5  # mm from the edge of the picture: a pulse that begins there is cut by it
CUT_WIDTH, CUT_FOOT = (
    (1.0, 8.0),
    1.6,
)  # mm of top that is left; mm from its foot to the baseline of the trace behind it
SAME_PLACE = 0.3  # mm that edges and heights of pulses above each other may differ by
LEVEL_FOOT = 0.6  # mm of a foot on either side of a pulse that is whole
SAME_FOOT = 1.5  # mm that the feet of a pulse of two steps may differ by


@dataclass(frozen=True)
class Pulse:
    """One pulse: px of its edges along x, its height over the foot on either side, and the row of its top.

    The trace that begins right after a pulse need not lie at the level of its foot. Where limb and chest leads have
    two gains, some printers draw one pulse of two steps: over_left is the height of the first over its foot, `second`
    that of the second over the foot behind it, `top` the higher one; NaN and over_right as ever for one step.
    """

    left: int
    right: int
    over_left: float
    over_right: float
    top: float = float("nan")
    second: float = float("nan")


def find_pulses(path: Path, rows: np.ndarray, line: float, px_per_mm: tuple[float, float]) -> list[Pulse]:
    """Find upright-edged flat tops in a followed row.

    path       the runs of ink of the row
    rows       float (W,), row of the trace in each pixel column
    line       width of the stroke, px
    px_per_mm  along x and y
    A top is 2 to 12 mm wide, level to a quarter of a millimetre, 3 to 25 mm above level feet, and rises and falls
    within a millimetre. Waves of the heart have no such corners.
    """
    mm_x, mm_y = px_per_mm
    steps = np.abs(np.diff(rows))
    edges = np.flatnonzero(~(steps < 0.8 * mm_y))  # a gap is an edge too
    bounds = np.concatenate([[-1], edges, [len(rows) - 1]])
    pulses, tops = [], []
    for before, after in zip(bounds[:-1], bounds[1:], strict=True):
        left, right = int(before) + 1, int(after) + 1
        if not NARROWEST * mm_x <= right - left <= 12 * mm_x:
            continue
        inner = rows[left + 1 : right - 1]
        if len(inner) < 2 or not np.isfinite(inner).all() or np.ptp(inner) > 0.5 * mm_y:
            continue
        top = float(np.median(inner))
        left_foot = _foot(path, rows, left, -1, line, mm_x)
        right_foot = _foot(path, rows, right - 1, 1, line, mm_x)
        tops.append((left, right, left_foot, right_foot, top))
        over = (left_foot - top, right_foot - top)
        if right - left < 2 * mm_x:  # as narrow as only one step of two is
            continue
        if all(3 * mm_y <= height <= 25 * mm_y for height in over) and abs(over[0] - over[1]) < 4 * mm_y:
            pulses.append(Pulse(left, right, *over, top))
    return sorted(pulses + _steps(tops, line, px_per_mm), key=lambda pulse: pulse.left)


def whole_width(
    pulses: Sequence[Sequence[Pulse]], heights: Sequence[np.ndarray], px_per_mm: tuple[float, float]
) -> float | None:
    """Return the median width (mm) of the pulses of one step that stand between two level feet, None without one.

    pulses   of each row; heights: float (W,), px of the trace of each row in each pixel column
    What the edge of a picture cuts through has no foot there, and its width is not known.
    """
    mm_x, mm_y = px_per_mm
    feet = max(round(LEVEL_FOOT * mm_x), 2)
    wide = []
    for own, row in zip(pulses, heights, strict=True):
        for pulse in own:
            sides = (
                row[max(pulse.left - feet - 1, 0) : pulse.left - 1],
                row[pulse.right + 1 : pulse.right + 1 + feet],
            )
            whole = all(len(side) == feet and np.isfinite(side).all() for side in sides)
            if whole and np.isnan(pulse.second) and np.ptp(np.concatenate(sides)) <= SAME_PLACE * mm_y:
                wide.append((pulse.right - pulse.left) / mm_x)
    return float(np.median(wide)) if wide else None


def rows_rising_alike(pulses: Sequence[Sequence[Pulse]], start: float, px_per_mm: tuple[float, float]) -> int:
    """Return how many rows have a pulse before the leads at one place and of one height over its left foot.

    pulses  of each row; start: px, where the leads begin. A lead that begins off its baseline spoils the right foot alone.
    """
    mm_x, mm_y = px_per_mm
    before = [
        (row, pulse)
        for row, own in enumerate(pulses)
        for pulse in own
        if CUT * mm_x < pulse.left and pulse.right <= start + mm_x
    ]
    alike = [
        {
            row
            for row, other in before
            if max(abs(other.left - one.left), abs(other.right - one.right)) < SAME_PLACE * mm_x
            and abs(other.over_left - one.over_left) < SAME_PLACE * mm_y
        }
        for _, one in before
    ]
    return max(map(len, alike), default=0)


def find_cut_pulses(
    ink: np.ndarray, baselines: Sequence[float], line: float, px_per_mm: tuple[float, float]
) -> list[list[Pulse]]:
    """Find what is left of pulses that the left edge of the picture cuts through: a level top, and its fall.

    ink        bool (H, W), traces, writing and lines
    baselines  px, one a row; line: width of the stroke, px; px_per_mm: along x and y
    From the edge the top runs level to an upright stroke that ends at the level of the baseline, and nothing is drawn
    between top and baseline left of it. Returns one list a row, with none or one; left and right foot are the same.
    """
    mm_x, mm_y = px_per_mm
    wide, tall = int(CUT_WIDTH[1] * mm_x) + 1, int(round(25 * mm_y))
    found = []
    for baseline in baselines:
        low = min(int(baseline + CUT_FOOT * mm_y) + 1, len(ink))
        first = max(int(baseline) - tall, 0)
        found.append(_cut_pulse(ink[first:low, :wide], baseline - first, line, px_per_mm, first))
    return found


def _cut_pulse(
    corner: np.ndarray, baseline: float, line: float, px_per_mm: tuple[float, float], first: int
) -> list[Pulse]:
    """One row's: corner bool (h, w), the left edge of the picture from above the row to just below it."""
    mm_x, mm_y = px_per_mm
    edge = np.flatnonzero(corner[:, : max(int(CUT * mm_x), 1) + 1].any(axis=1))
    reach = max(round(0.3 * mm_y), 1)
    for top in edge[edge < baseline - 3 * mm_y].tolist():
        level = np.asarray(corner[max(top - reach, 0) : top + reach + 1].any(axis=0))
        right = len(level) if level.all() else int(np.argmin(level))
        if not CUT_WIDTH[0] * mm_x <= right < len(level):  # no corner, or a line that goes on
            continue
        bar = np.asarray(corner[:, max(right - max(int(1.0 * mm_x), 2), 0) : right + 1].any(axis=1))
        below = np.flatnonzero(bar[top:])
        gaps = np.flatnonzero(np.diff(below) > max(round(0.4 * mm_y), 2))
        bottom = top + int(below[gaps[0]] if len(gaps) else below[-1]) + 1
        inside = corner[
            top + 2 * reach + int(line) + 1 : int(baseline - mm_y), : max(right - int(1.2 * mm_x) - 1, 1)
        ]
        foot = bottom - line / 2 - 0.5
        if inside.any() or abs(foot - baseline) > CUT_FOOT * mm_y:
            continue
        drawn = corner[max(top - reach, 0) : top + 2 * reach + int(line) + 1, : max(right - int(mm_x), 2)]
        rows = np.arange(drawn.shape[0])[:, None]
        middle = float(np.median((rows * drawn).sum(axis=0) / np.maximum(drawn.sum(axis=0), 1)))
        height = foot - (max(top - reach, 0) + middle)
        return [Pulse(0, right, height, height, first + max(top - reach, 0) + middle)]
    return []


def _steps(
    tops: list[tuple[int, int, float, float, float]], line: float, px_per_mm: tuple[float, float]
) -> list[Pulse]:
    """Pulses of two steps: flat tops side by side, equally wide, that rise from one foot and fall back to it.

    tops  left, right, foot on either side, row of the top, px
    """
    mm_x, mm_y = px_per_mm
    found = []
    for first, second in zip(tops[:-1], tops[1:], strict=True):
        heights = first[2] - first[4], second[3] - second[4]
        wide = first[1] - first[0], second[1] - second[0]
        if (
            second[0] - first[1] <= line + 0.6 * mm_x
            and abs(wide[0] - wide[1]) < 1.0 * mm_x
            and all(3 * mm_y <= height <= 25 * mm_y for height in heights)
            and max(heights) > STEP_RATIO * min(heights)
            and abs(first[2] - second[3]) < SAME_FOOT * mm_y
        ):
            top = min(first[4], second[4])
            found.append(Pulse(first[0], second[1], heights[0], heights[0], top, heights[1]))
    return found


def _foot(path: Path, rows: np.ndarray, at: int, side: int, line: float, mm_x: float) -> float:
    """Row of the level stretch beside an edge; where nothing is drawn there, the lower end of the edge itself."""
    start = at + side * int(np.ceil(line + 1))
    stop = start + side * max(int(1.2 * mm_x), 3)
    low, high = sorted((start, stop))
    piece = rows[max(low, 0) : max(high, 0)]
    piece = piece[np.isfinite(piece)]
    if len(piece) >= 2:
        return float(np.median(piece))
    low, high = sorted((at - side, start))
    edge = path.bottom[max(low, 0) : max(high + 1, 0)]
    edge = edge[np.isfinite(edge)]
    return float(edge.max() - line / 2 - 0.5) if len(edge) else float("nan")
