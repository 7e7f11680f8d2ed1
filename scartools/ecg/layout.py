"""Where the leads lie on an upright page: rows by their baselines, four columns by names, separators and breaks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from scartools.ecg.columns import Columns
from scartools.ecg.curve_filters import largest_near, smoothed
from scartools.ecg.page_ink import Runs, pieces
from scartools.ecg.peaks import find_peaks
from scartools.ecg.trace import Path
from scartools.errors import InputError

COLUMNS = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
COLUMN_S = 2.5  # seconds of each column of a 3 x 4 page
TALL_STROKE = 3.0  # mm
TALL_TIP, TIP_WIDE = 2.2, 1.2  # mm, of a stroke that goes on where a lead ends: the tip of a wave, and no stain
ROW_SHARE = 0.5  # of its width that is drawn near a row's baseline
HOLE_SHARE = 0.35  # the same for a row that wanders
MOST_WITH_STRIP = 5  # rows above a strip that wanders: three of leads, and two strips
FEWEST_BORDERS = 5  # of nine inner borders that must show; an end of the trace at its place counts two
FEWEST_NAMES = 8  # of twelve lead names that must stand where a 3 x 4 page has them
NAME_SHIFTS = np.arange(-2.0, 5.1, 0.5)  # mm from a border to the name right of it
Box = tuple[int, int, int, int]  # left, top, right, bottom in px
MM = tuple[float, float]  # px per mm along x and y


def find_rows(runs: Runs, extent: tuple[int, int], height: int, mm: MM) -> list[float]:
    """Return the row (px) of every baseline from top to bottom.

    runs    upright runs of ink; extent: first column and one past the last of the traces; mm: px per mm
    Most of a trace is level and lies near its baseline; text covers less of the width than a trace.
    """
    inside = (runs.column >= extent[0]) & (runs.column < extent[1])
    level = inside & (runs.bottom - runs.top <= 1.5 * mm[1])
    centre = (runs.top[level] + runs.bottom[level]) / 2
    column = runs.column[level]
    counts, _ = np.histogram(centre, np.arange(height + 1))
    density = smoothed(counts.astype(float), 1.2 * mm[1])
    peaks = find_peaks(density, distance=max(int(8 * mm[1]), 1))
    width = extent[1] - extent[0]
    covered = [len(np.unique(column[np.abs(centre - peak) < 4 * mm[1]])) / width for peak in peaks]
    kept = [float(peak) for peak, share in zip(peaks, covered, strict=True) if share >= ROW_SHARE]
    wandering = [
        float(peak) for peak, share in zip(peaks, covered, strict=True) if HOLE_SHARE <= share < ROW_SHARE
    ]
    return sorted(kept + _filling_holes(wandering, kept))


def _filling_holes(wandering: list[float], rows: list[float]) -> list[float]:
    """Of rows that are thinly drawn those in the middle between two that stand two distances apart, and one below all.

    Below all others, at their distance, stands a rhythm strip that wanders.
    """
    if len(rows) < 3:
        return []
    usual = float(np.median(np.diff(rows)))
    even = len(rows) <= MOST_WITH_STRIP and bool(np.ptp(np.diff(rows)) < 0.25 * usual)
    filling = [row for row in wandering if even and abs(row - rows[-1] - usual) < 0.1 * usual][:1]
    if len(rows) < 4:
        return filling
    for above, below in zip(rows[:-1], rows[1:], strict=True):
        middle = (above + below) / 2
        if abs(below - above - 2 * usual) < 0.35 * usual:
            filling += [row for row in wandering if abs(row - middle) < 0.25 * usual][:1]
    return filling


def text_pieces(mask: np.ndarray, paths: list[Path], mm: MM) -> np.ndarray:
    """Left edge, top, right edge and bottom (px) of each word beside the traces, int (N, 4)."""
    rest = beside_paths(mask, paths)
    reach = max(int(0.5 * mm[0]), 1)
    joined = cv2.dilate(rest.view(np.uint8), np.ones((1, 2 * reach + 1), np.uint8))
    left, top, wide, tall, _ = pieces(joined)[1][1:].T
    words = np.stack([left + reach, top, left + wide - reach, top + tall], axis=1)
    wide = wide - 2 * reach
    fits = (tall >= 1.0 * mm[1]) & (tall <= 6 * mm[1]) & (wide >= 0.1 * mm[0]) & (wide <= 14 * mm[0])
    return words[fits].astype(int)


def find_breaks(path: Path, separators: np.ndarray, mm: MM) -> np.ndarray:
    """bool (W,): where a lead is interrupted, jumps without a stroke, or a separator stands beside it.

    One lead is drawn without lifting the pen: neighbouring columns share rows. Between two leads they need not.
    """
    top, bottom = path.top, path.bottom
    broken = ~np.isfinite(top)
    gap = np.maximum(top[1:] - bottom[:-1], top[:-1] - bottom[1:])
    broken[1:] |= gap > 0.3 * mm[1]
    return broken | separators


def find_separators(mask: np.ndarray, baseline: float, mm: MM) -> np.ndarray:
    """bool (W,): columns of an upright bar with square ends across or beside a trace.

    Its columns hold about as much ink each and their neighbours little: the strokes of a QRS lean.
    """
    band = mask[max(int(baseline - 8 * mm[1]), 0) : int(baseline + 8 * mm[1])]
    inked = band.sum(axis=0)
    opened = _opened(band, max(int(2.2 * mm[1]), 3))
    bars = np.zeros(mask.shape[1], bool)
    edges = np.flatnonzero(np.diff(opened.sum(axis=0) >= 3 * mm[1], prepend=False, append=False))
    for bar in (slice(int(first), int(stop)) for first, stop in edges.reshape(-1, 2)):
        beside = [*inked[max(bar.start - 2, 0) : bar.start], *inked[bar.stop : bar.stop + 2]]
        if bar.stop - bar.start <= 1.2 * mm[0] and max(beside, default=0) < 0.5 * np.median(inked[bar]):
            bars[bar] = True
    return bars


def _opened(mask: np.ndarray, tall: int) -> np.ndarray:
    """uint8 (H, W): the upright runs of ink that are `tall` px or more."""
    bar = np.ones((tall, 1), np.uint8)
    kept = cv2.erode(mask.view(np.uint8), bar, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return cv2.dilate(kept, bar, anchor=(0, tall - 1), borderType=cv2.BORDER_CONSTANT, borderValue=0)


def separators_at(columns: Columns, bars: list[np.ndarray], mm: MM) -> np.ndarray:
    """bool (W,): columns hidden by a separator at a border; one that two of three rows show is in all of them."""
    near = max(int(round(0.3 * mm[0])), 1)
    wide = [largest_near(row, 2 * near + 1) > 0 for row in bars]
    shown = np.sum(wide, axis=0) >= 2
    at = np.arange(len(shown))
    borders = columns.start + columns.width * np.arange(columns.count + 1)
    return shown & (np.abs(at[:, None] - borders[None]).min(axis=1) < 1.5 * mm[0])


def unread_names(
    words: np.ndarray,
    rows: list[float],
    breaks: list[np.ndarray],
    ends: tuple[float, float],
    mm: MM,
    width: float,
) -> tuple[float, float, int]:
    """Find the four columns of a 3 x 4 page whose names cannot be read: px of the first border, px on to the names, names.

    words   from text_pieces; breaks: from find_breaks, one a row, the first three rows
    ends    px, first and last column of the traces without the pulse; width: px of a column
    Raises InputError where fewer than FEWEST_NAMES words stand at equal distances, or no border is seen.
    """
    names = _name_edges(words, rows, mm)
    near = int(round(0.8 * mm[0]))
    seen = [largest_near(row, 2 * near + 1) for row in breaks]
    best: tuple[float, float, int, float, int] | None = None
    for start in np.arange(ends[0] - 6 * mm[0], ends[0] + 6 * mm[0], max(0.25 * mm[0], 1.0)):
        borders = [int(round(start + k * width)) for k in (1, 2, 3)]
        if borders[-1] >= len(seen[0]) or borders[0] < 0:
            continue
        broken = sum(int(row[border]) for row in seen for border in borders)
        hits, shift = _name_hits(names, start, width, mm)
        met = int(abs(start - ends[0]) < 1.0 * mm[0]) + int(abs(start + 4 * width - ends[1]) < 1.5 * mm[0])
        total = broken + 0.5 * hits + 2.0 * met - 0.05 * abs(start - ends[0]) / mm[0]
        if best is None or total > best[0]:
            best = total, float(start), hits, shift, broken + 2 * met
    if best is None or best[2] < FEWEST_NAMES:
        found = 0 if best is None else best[2]
        raise InputError(
            f"layout not recognised: no lead names are read, and {found} of 12 words stand where a page of three rows"
            f" and four columns of {width / mm[0]:g} mm has its names",
            remedy="Give --layout, or scan the page with 200 dots an inch or more",
        )
    if best[4] < FEWEST_BORDERS:
        raise InputError(
            "layout not recognised: no lead names are read, and no borders between columns are found"
        )
    return best[1], best[3], best[2]


def name_widths_grow(words: np.ndarray, rows: list[float], left: float, mm: MM) -> bool | None:
    """Whether the names of the first column grow like I, II, III; None where one of them does not stand free.

    Upside down, mirrored and in Cabrera's order (aVL, I, -aVR) they do not.
    """
    middle = (words[:, 1] + words[:, 3]) / 2
    tall = words[:, 3] - words[:, 1]
    here = np.abs(words[:, 0] - left) < 1.5 * mm[0]
    offsets = [middle[here & (np.abs(middle - row) < 16 * mm[1])] - row for row in rows[:3]]
    if not all(len(offset) for offset in offsets):
        return None
    # the distance to the baseline that all three rows share: a wave of one row does not stand in the others
    shared = min(np.concatenate(offsets), key=lambda at: sum(float(np.abs(row - at).min()) for row in offsets))
    widths, heights = [], []
    for row in rows[:3]:
        near = np.flatnonzero(here & (np.abs(middle - row - shared) < 1.5 * mm[1]))
        if not len(near):
            return None
        first = near[np.argmin(np.abs(middle[near] - row - shared))]
        widths.append(float(words[first, 2] - words[first, 0]))
        heights.append(float(tall[first]))
    if max(heights) > 1.4 * min(heights):
        return None
    return widths[1] > 1.25 * widths[0] and widths[2] > 1.12 * widths[1]


def _name_edges(words: np.ndarray, rows: list[float], mm: MM) -> list[np.ndarray]:
    """For each of three rows, the left edges (px) of the words near it, above or below, at most 16 mm away."""
    middle = (words[:, 1] + words[:, 3]) / 2
    bar = words[:, 3] - words[:, 1] > 3.5 * (words[:, 2] - words[:, 0])  # a separator, or the name I
    return [words[~bar & (np.abs(middle - row) < 16 * mm[1]), 0] for row in rows[:3]]


def _name_hits(names: list[np.ndarray], start: float, width: float, mm: MM) -> tuple[int, float]:
    """The most lead names at one common distance right of the borders, up to 5 mm (or 2 mm left of them)."""
    counts = [
        sum(
            bool(len(edges)) and bool(np.any(np.abs(edges - (start + k * width + shift * mm[0])) < 1.2 * mm[0]))
            for edges in names
            for k in range(4)
        )
        for shift in NAME_SHIFTS
    ]
    most = np.flatnonzero(np.array(counts) == max(counts))
    return max(counts), float(NAME_SHIFTS[most[len(most) // 2]] * mm[0])


def name_offset(words: np.ndarray, rows: list[float], left: float, width: float, mm: MM) -> float:
    """px from a baseline down to the middle of the names of a 3 x 4 page that cannot be read."""
    lefts = left + width * np.arange(4)
    hit = np.abs(words[:, 0][:, None] - lefts[None]).min(axis=1) < 1.2 * mm[0]
    middle = (words[:, 1] + words[:, 3]) / 2
    below = np.concatenate([middle[hit & (np.abs(middle - row) < 16 * mm[1])] - row for row in rows[:3]])
    return float(np.median(below)) if len(below) else 0.0


def erase_names(mask: np.ndarray, places: list[Box]) -> np.ndarray:
    """The ink without the letters that stand free inside the places of the lead names."""
    labels, boxes = pieces(mask.view(np.uint8))
    erased = mask.copy()
    for left, top, right, bottom in places:
        for label in np.unique(labels[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]):
            if label == 0:
                continue
            x, y, wide, tall, _ = boxes[label]
            if y >= top and y + tall <= bottom and x >= left and x + wide <= right:
                own = np.s_[y : y + tall, x : x + wide]
                erased[own][labels[own] == label] = False
    return erased


def beside_paths(mask: np.ndarray, paths: list[Path], reach: int = 0) -> np.ndarray:
    """bool (H, W): the ink that no lead was drawn with.

    reach  px along x within which a lead explains ink: the two strokes of a narrow QRS share a pixel column
    """
    drawn: np.ndarray = np.zeros(mask.shape, np.uint8)
    for path in paths:
        x = np.flatnonzero(np.isfinite(path.top))
        top = np.maximum(path.top[x].astype(int) - 1, 0)
        tall = np.clip(path.bottom[x].astype(int) + 1, top, len(mask)) - top
        below = np.arange(tall.sum()) - np.repeat(np.cumsum(tall) - tall, tall)
        drawn[np.repeat(top, tall) + below, np.repeat(x, tall)] = 1
    if reach:
        drawn = cv2.dilate(drawn, np.ones((1, 2 * reach + 1), np.uint8))
    return mask & (drawn == 0)


def touched_by_names(
    rest: np.ndarray, paths: list[Path], places: list[Box], columns: int, mm: MM, least: float = 0.0
) -> list[np.ndarray]:
    """For each row of leads bool (W,): columns where letters hang on the trace and either may be followed.

    rest    from beside_paths, after the free letters were erased
    places  of the names, row by row; columns: names a row
    least   mm2 of ink beside the lead that may be a letter: less is its fringe where letters were told from the trace
    """
    touched = [np.zeros(rest.shape[1], bool) for _ in paths]
    margin = max(int(0.6 * mm[0]), 1)
    for at, (left, top, right, bottom) in enumerate(places):
        row, left = at // columns, max(left, 0)
        path = paths[row]
        entered = (path.bottom[left:right] > top) & (path.top[left:right] < bottom)
        if not entered.any():
            continue
        beside = rest[max(top, 0) : bottom, left:right]
        letters = beside.any(axis=0)
        if letters.sum() >= 2 and beside.sum() >= least * mm[0] * mm[1]:
            first, last = np.flatnonzero(letters | entered)[[0, -1]]
            touched[row][max(left + first - margin, 0) : left + last + margin + 1] = True
    return touched


def missed_strokes(
    rest: np.ndarray,
    rows: list[float],
    columns: Columns,
    hidden: list[np.ndarray],
    mm: MM,
    paths: Sequence[Path] = (),
) -> list[Box]:
    """Upright strokes taller than TALL_STROKE beside every lead, left, top, right, bottom: beats that were not followed.

    rest    from beside_paths
    paths   of the leads: a stroke that one of them touches with its end is missed from TALL_TIP on
    hidden  for each of the first three rows bool (W,): columns that are not read
    """
    rest = rest.copy()
    inside = np.zeros(rest.shape[1], bool)
    inside[max(int(columns.start + 2 * mm[0]), 0) : max(int(columns.end - mm[0]), 0)] = True
    for covered in hidden:
        inside &= ~covered
    rest[:, ~inside] = False
    rest[: max(int(rows[0] - 30 * mm[1]), 0)] = False
    rest[int(rows[-1] + 12 * mm[1]) :] = False
    return [
        (x, y, x + wide, y + tall)
        for x, y, wide, tall, _ in pieces(rest.view(np.uint8))[1][1:].tolist()
        if wide < 4 * mm[0]
        and (
            tall > TALL_STROKE * mm[1]
            or (tall > TALL_TIP * mm[1] and _is_tip((x, y, x + wide, y + tall), paths, mm))
        )
    ]


def _is_tip(stroke: Box, paths: Sequence[Path], mm: MM) -> bool:
    """Whether a lead goes on as this stroke: its ink ends where the stroke begins, above or below it."""
    left, top, right, bottom = stroke
    if right - left > TIP_WIDE * mm[0]:
        return False
    reach = 0.25 * mm[1] + 2
    for path in paths:
        upper, lower = path.top[max(left - 1, 0) : right + 1], path.bottom[max(left - 1, 0) : right + 1]
        below = (np.abs(lower - top) <= reach) & (lower - upper > TALL_TIP * mm[1] / 2)
        above = (np.abs(upper - bottom) <= reach) & (lower - upper > TALL_TIP * mm[1] / 2)
        if below.any() or above.any():
            return True
    return False


def beside_strokes(strokes: list[Box], paths: list[Path], mm: MM) -> list[np.ndarray]:
    """For each row bool (W,): columns where its lead passes a stroke that was not followed, and may be wrong."""
    hidden = [np.zeros(len(path.top), bool) for path in paths]
    reach_x, reach_y = int(1.5 * mm[0]) + 1, 1.5 * mm[1]
    for left, top, right, bottom in strokes:
        near = slice(max(left - reach_x, 0), right + reach_x)
        for path, row in zip(paths, hidden, strict=True):
            if np.any((path.bottom[near] > top - reach_y) & (path.top[near] < bottom + reach_y)):
                row[near] = True
    return hidden
