"""Half a calibration pulse: a level top and its fall, the rise cut off by the edge of the paper or hidden.

One corner may be anything. Two rows with the same corner at the same place, as high as a usual gain has it, are pulses.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from scartools.ecg.page_ink import upright_runs
from scartools.ecg.pulse import Pulse

TOP_MM = (1.0, 8.0)  # of the top that is left
HEIGHTS_MM = (5.0, 10.0, 20.0)  # of the usual gains
HEIGHT_OFF = 0.06  # share that a height may be off, as the checks ask of a whole pulse
SAME_PLACE_MM, SAME_HEIGHT_MM = 1.2, 0.5  # between two rows
LEAN_MM, BROKEN_MM = 0.4, 0.6  # that a fall may lean to either side; gaps it may have
MOST_INSIDE = 0.1  # share of what lies below the top that may be ink
FOOT_MM = 3.0  # from the lower end of the fall to the baseline: a lead need not begin at the level of the foot
BEHIND_MM, BEHIND_OFF_MM = (
    (0.6, 2.5),
    1.6,
)  # where the trace behind tells the foot of a fall that goes on as a wave
FEWEST_ROWS = 2


def find_half_pulses(
    ink: np.ndarray, baselines: Sequence[float], stop: float, line: float, px_per_mm: tuple[float, float]
) -> list[list[Pulse]]:
    """Find pulses of which only the top and the fall are seen, left of the leads.

    ink        bool (H, W), traces, writing and lines of an upright page
    baselines  px, one a row; stop: px, column up to which a fall is looked for
    line       width of the stroke, px; px_per_mm: along x and y
    Returns one list a row, with none or one: right edge at the fall, left and right height the same.
    """
    seen = [_corners(ink, baseline, int(stop) + 1, line, px_per_mm) for baseline in baselines]
    best: dict[int, Pulse] = {}
    for one in (corner for row in seen for corner in row):
        alike: dict[int, Pulse] = {}
        for row, corners in enumerate(seen):
            near = [corner for corner in corners if _alike(one, corner, px_per_mm)]
            if near:
                alike[row] = min(near, key=lambda corner: abs(corner.over_left - one.over_left))
        if len(alike) > len(best):
            best = alike
    if len(best) < FEWEST_ROWS:
        return [[] for _ in baselines]
    return [[best[row]] if row in best else [] for row in range(len(baselines))]


def _alike(one: Pulse, other: Pulse, px_per_mm: tuple[float, float]) -> bool:
    return (
        abs(one.right - other.right) <= SAME_PLACE_MM * px_per_mm[0]
        and abs(one.over_left - other.over_left) <= SAME_HEIGHT_MM * px_per_mm[1]
    )


def _corners(
    ink: np.ndarray, baseline: float, stop: int, line: float, px_per_mm: tuple[float, float]
) -> list[Pulse]:
    """Every corner of one row that may be a pulse's."""
    mm_x, mm_y = px_per_mm
    first = max(int(baseline - ((1 + HEIGHT_OFF) * HEIGHTS_MM[-1] + FOOT_MM) * mm_y), 0)
    part = ink[first : int(baseline + HEIGHTS_MM[-1] * mm_y), : stop + int(4 * mm_x)]
    if not part.size:
        return []
    found, lean = [], max(round(LEAN_MM * mm_x), 1)
    inked = np.convolve(part.sum(axis=0), np.ones(2 * lean + 1), mode="same")
    enough = inked >= 0.5 * HEIGHTS_MM[0] * mm_y  # a fall may have gaps
    falls = upright_runs(_bridged(part, lean, BROKEN_MM * mm_y))
    tall = falls.bottom - falls.top >= (1 - HEIGHT_OFF) * HEIGHTS_MM[0] * mm_y
    tall &= enough[falls.column] & (falls.column >= int(TOP_MM[0] * mm_x))
    tall &= falls.column < min(stop, part.shape[1] - 2)
    each = (falls.column[tall].tolist(), falls.top[tall].tolist(), falls.bottom[tall].tolist())
    for right, top, bottom in zip(*each, strict=True):
        middle = _level_top(part, right, right + lean, top, line, mm_x, mm_y)
        foot = _foot(part, right, bottom, baseline - first, line, mm_x, mm_y)
        if middle is None or foot is None:
            continue
        height = foot - middle
        off = min(abs(height / mm_y / usual - 1) for usual in HEIGHTS_MM)
        if off <= HEIGHT_OFF and _blank_below(part, right - lean, (middle, foot), line, mm_x, mm_y):
            found.append(Pulse(0, right + 1, height, height, first + middle))
    return found


def _bridged(part: np.ndarray, lean: int, gap: float) -> np.ndarray:
    """bool (H, W): each column with those up to `lean` px beside it, and with gaps of up to `gap` px closed."""
    reach = max(round(gap / 2), 1)
    beside = cv2.dilate(np.ascontiguousarray(part).view(np.uint8), np.ones((1, 2 * lean + 1), np.uint8))
    beside = cv2.copyMakeBorder(beside, 2 * reach, 2 * reach, 0, 0, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(beside, cv2.MORPH_CLOSE, np.ones((2 * reach + 1, 1), np.uint8))
    return closed[2 * reach : -2 * reach] > 0


def _level_top(
    part: np.ndarray, right: int, behind: int, top: int, line: float, mm_x: float, mm_y: float
) -> float | None:
    """Middle row of a level line that ends at the upper end of a fall; None where none does, or it goes on behind."""
    reach = max(round(0.3 * mm_y), 1)
    rows = slice(max(top - reach, 0), top + int(np.ceil(line)) + reach + 1)
    along = np.asarray(part[rows].any(axis=0))
    before = along[:right][::-1]
    length = len(before) if before.all() else int(np.argmin(before))
    if not TOP_MM[0] * mm_x <= length <= TOP_MM[1] * mm_x:
        return None
    behind += int(np.ceil(line)) + 1
    beyond = along[behind : behind + max(int(0.8 * mm_x), 2)]
    if beyond.any():
        return None
    drawn = part[rows, right - length : max(right - int(0.5 * mm_x), right - length + 1)]
    counts = drawn.sum(axis=0)
    middles = (np.arange(drawn.shape[0])[:, None] * drawn).sum(axis=0)[counts > 0] / counts[counts > 0]
    level = np.ptp(middles) <= 0.4 * mm_y and np.median(counts) <= 2 * line + 1
    return float(np.median(middles)) + rows.start if level else None


def _foot(
    part: np.ndarray, right: int, bottom: int, baseline: float, line: float, mm_x: float, mm_y: float
) -> float | None:
    """Row of the foot: the lower end of the fall near the baseline, else the level of the trace right behind it."""
    foot = bottom - line / 2 - 0.5
    if abs(foot - baseline) <= FOOT_MM * mm_y:
        return foot
    near = slice(int(baseline - BEHIND_OFF_MM * mm_y), int(baseline + BEHIND_OFF_MM * mm_y) + 1)
    behind = part[near, right + int(BEHIND_MM[0] * mm_x) : right + int(BEHIND_MM[1] * mm_x) + 1]
    counts = behind.sum(axis=0)
    if foot < baseline or not counts.any():
        return None
    middles = (np.arange(behind.shape[0])[:, None] * behind).sum(axis=0)[counts > 0] / counts[counts > 0]
    return float(np.median(middles)) + near.start if np.ptp(middles) <= 1.0 * mm_y else None


def _blank_below(
    part: np.ndarray, right: int, rows: tuple[float, float], line: float, mm_x: float, mm_y: float
) -> bool:
    """Whether hardly anything is drawn between the top and the foot, left of the fall: dots of the paper, no letters."""
    top, foot = int(rows[0] + line + 0.8 * mm_y), int(rows[1] - line - 0.8 * mm_y)
    inside = part[top:foot, max(right - int(1.2 * mm_x) - int(line), 0) : max(right - int(line) - 1, 0)]
    return not inside.size or float(inside.mean()) <= MOST_INSIDE
