"""Read a raster page of a paper ECG: image, grid, ink, rows, columns, traces, millivolts.

Every step is a function of its own in a room beside this one; here they are put in order, and what one step found
is held against the others. A page that contradicts itself is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scartools.ecg import layout as page_layout
from scartools.ecg.layout import COLUMN_S, COLUMNS, Columns
from scartools.ecg.page_grid import Comb, divide_out_paper, find_comb, find_turn, turn_back, turning_matrix
from scartools.ecg.page_ink import TraceInk, find_ink, ink_extent, stroke_width, upright_runs
from scartools.ecg.pulse import Pulse, find_pulses
from scartools.ecg.reading import Check, Found, PageReading, Strip
from scartools.ecg.trace import Path, baseline_of, centre_line, follow
from scartools.errors import InputError

READ_LAYOUTS = ("3x4+0", "3x4+1", "3x4+2", "3x4+3")
USUAL_SPEED, USUAL_GAIN = 25.0, 10.0
WEAKEST_GRID = 0.25  # share of the spectrum that must sit in the teeth of the comb
MOST_MISSED = 2  # upright strokes beside every lead: a pen mark or two, not the beats of a lead
LARGEST_ASPECT = 1.08  # px per mm along x over y; scanners and drawing programs stay within
RHYTHM_LEADS = ("II", "V1", "V5")
LEAST_RHYTHM_MATCH = 0.75  # agreement of a rhythm strip with the column of its lead


@dataclass(frozen=True)
class Grid:
    """px per mm along x and y, and how far each comb is to be trusted (None: no grid)."""

    px_per_mm: tuple[float, float]
    strength: float | None
    found: Found


def read_raster_page(
    image: np.ndarray,
    *,
    layout: str | None = None,
    speed_mm_s: float | None = None,
    gain_mm_mv: float | None = None,
    rotate_deg: float = 0,
) -> PageReading:
    """Read the leads of a scanned or drawn page.

    image       uint8 (H, W, 3), RGB
    layout      one of READ_LAYOUTS, or None to find the number of rhythm strips
    speed_mm_s  paper speed; None takes 25 mm/s unless the width of the columns contradicts it
    gain_mm_mv  mm a millivolt; None takes it from the calibration pulse, or 10 without one
    rotate_deg  turn that makes the page upright, anticlockwise, 0, 90, 180 or 270; small turns are found
    Returns the reading; its trace_px and px_per_mm are in pixels of `image`.
    Raises InputError, with the reason, for every page that cannot be read with confidence.
    """
    _check_arguments(image, layout, rotate_deg)
    quarter = round(rotate_deg / 90) % 4
    page = np.ascontiguousarray(np.rot90(image, quarter))
    ink = divide_out_paper(page)
    turn = find_turn(ink)
    every = turn_back(ink.every, turn)
    trace = find_ink(every)
    extent = ink_extent(trace.mask)
    speed = speed_mm_s or USUAL_SPEED
    grid = _find_grid(turn_back(ink.any, turn), extent, speed)
    rows = _find_rows(trace, extent, grid.px_per_mm)
    line = stroke_width(trace.mask)
    paths, heights = _follow_rows(trace.mask, trace.weight, rows, line, grid.px_per_mm)
    pulses = [
        find_pulses(path, height, line, grid.px_per_mm) for path, height in zip(paths, heights, strict=True)
    ]
    bars = [page_layout.find_separators(trace.mask, row, grid.px_per_mm) for row in rows[:3]]
    words = page_layout.text_pieces(trace.mask, paths, grid.px_per_mm)
    columns, found_layout = _find_columns(
        rows, paths, words, bars, _trace_ends(heights, pulses, grid.px_per_mm), grid, speed, layout
    )
    places = page_layout.name_places(words, rows, columns, grid.px_per_mm)
    unnamed = page_layout.erase_names(trace.mask, places)
    paths, heights = _follow_rows(unnamed, trace.weight, rows, line, grid.px_per_mm)
    rest = page_layout.beside_paths(unnamed, paths)
    separators = page_layout.separators_at(columns, bars, grid.px_per_mm)
    letters = page_layout.touched_by_names(rest, paths, places, grid.px_per_mm)
    hidden = [separators | row for row in letters]
    missed = page_layout.missed_strokes(rest, rows, columns, hidden, grid.px_per_mm)
    if missed > MOST_MISSED:
        raise InputError(
            f"{missed} upright strokes of the traces belong to no lead that was read: beats would be lost",
            remedy="Scan the page flat, in colour, 200 dots an inch or more",
        )
    heights = _hide(heights, pulses, hidden, line)
    gain, gain_found, pulse_mm = _gain(pulses, columns, grid, gain_mm_mv)
    strips = _strips(heights, rows, columns, grid, speed, gain)
    found: dict[str, Found] = {
        "px_per_mm": grid.found,
        "speed_mm_s": "given" if speed_mm_s else "assumed",
        "gain_mm_mv": gain_found,
        "layout": "given" if layout else "measured",
    }
    to_page = _to_page(page.shape[:2], image.shape[:2], turn, quarter)
    strips = tuple(_in_page_pixels(strip, to_page) for strip in strips)
    scale = grid.px_per_mm if quarter % 2 == 0 else grid.px_per_mm[::-1]
    checks = _checks(grid, columns, trace, strips, missed)
    facts: dict[str, Any] = {
        "TurnDegrees": round(turn, 3),
        "QuarterTurns": quarter,
        "PulseHeightMm": None if pulse_mm is None else round(pulse_mm, 2),
        "LeadNamesFound": columns.names,
        "ColumnBordersFound": columns.breaks,
    }
    return PageReading(strips, found_layout, "raster", scale, speed, gain, found, checks, facts)


def _check_arguments(image: np.ndarray, layout: str | None, rotate_deg: float) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(f"the page is {image.dtype} {image.shape}, where uint8 (height, width, 3) is due")
    if layout is not None and layout not in READ_LAYOUTS:
        raise InputError(
            f"layout {layout} is not read from images", remedy=f"Use one of {', '.join(READ_LAYOUTS)}"
        )
    if abs(rotate_deg / 90 - round(rotate_deg / 90)) > 1e-6:
        raise InputError(
            f"a turn of {rotate_deg:g} degrees is not a quarter turn",
            remedy="Small turns are found without help",
        )


def _find_grid(lines: np.ndarray, extent: tuple[int, int], speed: float) -> Grid:
    """Choose the 1 mm spacing among what the combs allow: ten seconds must be about as wide as the traces."""
    along_x, along_y = find_comb(lines, 1), find_comb(lines, 0)
    if along_x is None or along_y is None or min(along_x.strength, along_y.strength) < WEAKEST_GRID:
        raise InputError(
            "no millimetre grid is found", remedy="Scan the page in colour, 200 dots an inch or more"
        )
    expected = (extent[1] - extent[0]) / (10.0 * speed)
    x, y = (_one_mm(comb, expected) for comb in (along_x, along_y))
    if x is None or y is None:
        raise InputError(
            f"the grid lines are {along_x.period:.2f} px apart, which fits neither 1 nor 5 mm on a page of"
            f" {10 * speed:g} mm of trace",
            remedy="Give the paper speed, or scan the whole page",
        )
    if not 1 / LARGEST_ASPECT < x / y < LARGEST_ASPECT:
        raise InputError(
            f"a millimetre is {x:.2f} px along x and {y:.2f} px along y: the grid is not found with certainty",
            remedy="Scan the page flat",
        )
    return Grid((x, y), min(along_x.strength, along_y.strength), "measured")


def _one_mm(comb: Comb, expected: float) -> float | None:
    """px per mm: the comb's spacing is 1, 5, 10 or 25 mm; the one nearest to what is expected, within a factor of 1.35."""
    choices = [comb.period / mm for mm in (1, 5, 25)]
    nearest = min(choices, key=lambda choice: abs(np.log(choice / expected)))
    return nearest if abs(np.log(nearest / expected)) < np.log(1.35) else None


def _find_rows(trace: TraceInk, extent: tuple[int, int], mm: tuple[float, float]) -> list[float]:
    rows = page_layout.find_rows(upright_runs(trace.mask), extent, trace.mask.shape[0], mm)
    if not 3 <= len(rows) <= 6:
        raise InputError(
            f"layout not recognised: {len(rows)} rows of traces are found, where 3 to 6 are due",
            remedy="Only 3x4 pages with up to three rhythm strips are read",
        )
    return rows


def _follow_rows(
    mask: np.ndarray, weight: np.ndarray, rows: list[float], line: float, mm: tuple[float, float]
) -> tuple[list[Path], list[np.ndarray]]:
    runs = upright_runs(mask)
    paths = [
        follow(runs, mask.shape, row, mm, page_layout.follow_reach(rows, at, mm)) for at, row in enumerate(rows)
    ]
    return paths, [centre_line(path, weight, line) for path in paths]


def _find_columns(
    rows: list[float],
    paths: list[Path],
    words: np.ndarray,
    bars: list[np.ndarray],
    ends: tuple[float, float],
    grid: Grid,
    speed: float,
    layout: str | None,
) -> tuple[Columns, str]:
    mm = grid.px_per_mm
    found_layout = f"3x4+{len(rows) - 3}"
    if layout is not None and layout != found_layout:
        raise InputError(f"the page has {len(rows)} rows of traces, which is not {layout}")
    breaks = [page_layout.find_breaks(path, bar, mm) for path, bar in zip(paths[:3], bars, strict=True)]
    return page_layout.find_columns(words, breaks, rows, ends, mm, COLUMN_S * speed), found_layout


def _trace_ends(
    heights: list[np.ndarray], pulses: list[list[Pulse]], mm: tuple[float, float]
) -> tuple[float, float]:
    """First and last column (px) of the traces, the calibration pulses left out: the middle of the rows."""
    starts, stops = [], []
    for height, found in zip(heights, pulses, strict=True):
        inked = np.flatnonzero(np.isfinite(height))
        first, last = int(inked[0]), int(inked[-1])
        span = last - first
        for pulse in found:
            if pulse.right < first + 0.12 * span:
                first = max(first, pulse.right)
            if pulse.left > last - 0.12 * span:
                last = min(last, pulse.left)
        starts.append(first)
        stops.append(last)
    return float(np.median(starts)), float(np.median(stops))


def _hide(
    heights: list[np.ndarray], pulses: list[list[Pulse]], hidden: list[np.ndarray], line: float
) -> list[np.ndarray]:
    """The heights without what is no lead: calibration pulses, separators and letters on the trace."""
    shown = []
    edge = int(np.ceil(line)) + 1
    for at, (height, found) in enumerate(zip(heights, pulses, strict=True)):
        kept = height.copy()
        if at < 3:
            kept[hidden[at]] = np.nan
        for pulse in found:
            kept[max(pulse.left - edge, 0) : pulse.right + edge] = np.nan
        shown.append(kept)
    return shown


def _gain(
    pulses: list[list[Pulse]], columns: Columns, grid: Grid, given: float | None
) -> tuple[float, Found, float | None]:
    """mm a millivolt from the pulses outside the columns: 5, 10 or 20, or a refusal."""
    mm = grid.px_per_mm
    first, last = columns.start + 0.5 * mm[0], columns.start + 4 * columns.width - 3 * mm[0]
    before = [pulse.over_left / mm[1] for row in pulses for pulse in row if pulse.right <= first + mm[0]]
    after = [pulse.over_right / mm[1] for row in pulses for pulse in row if pulse.left >= last]
    heights = before + after
    height = float(np.median(heights)) if heights else None
    if given is not None:
        return given, "given", height
    if height is None:
        return USUAL_GAIN, "assumed", None
    for usual in (5.0, 10.0, 20.0):
        if abs(height / usual - 1) < 0.08:
            return usual, "measured", height
    raise InputError(
        f"the calibration pulse is {height:.1f} mm high, which is not 5, 10 or 20 mm",
        remedy="Give the gain",
    )


def _strips(
    heights: list[np.ndarray], rows: list[float], columns: Columns, grid: Grid, speed: float, gain: float
) -> tuple[Strip, ...]:
    strips = []
    for at in range(3):
        for k in range(4):
            start = columns.start + k * columns.width
            strips.append(
                _strip(
                    COLUMNS[k][at], False, k * COLUMN_S, heights[at], start, columns.width, grid, speed, gain
                )
            )
    for height in heights[3:]:
        whole = _strip("II", True, 0.0, height, columns.start, 4 * columns.width, grid, speed, gain)
        lead, match = _rhythm_lead(whole, strips)
        if match < LEAST_RHYTHM_MATCH:
            raise InputError(
                f"the rhythm strip fits neither column II, V1 nor V5 (best agreement {match:.2f}, {lead})"
            )
        strips.append(Strip(lead, True, 0.0, whole.samples, whole.rate, whole.trace_px))
    return tuple(strips)


def _strip(
    lead: str,
    rhythm: bool,
    start_s: float,
    height: np.ndarray,
    left: float,
    width: float,
    grid: Grid,
    speed: float,
    gain: float,
) -> Strip:
    first, stop = int(round(left)), min(int(round(left + width)), len(height))
    piece = height[max(first, 0) : stop]
    first = max(first, 0)
    share = float(np.isfinite(piece).mean()) if len(piece) else 0.0
    if share < 0.5:
        raise InputError(f"lead {lead} has no trace over {1 - share:.0%} of its width")
    baseline = baseline_of(piece, grid.px_per_mm[1])
    samples = (baseline - piece) / (grid.px_per_mm[1] * gain)
    inked = np.flatnonzero(np.isfinite(piece))
    trace_px = np.stack([first + inked, piece[inked]], axis=1).astype(float)
    return Strip(lead, rhythm, start_s, samples, grid.px_per_mm[0] * speed, trace_px)


def _rhythm_lead(strip: Strip, leads: list[Strip]) -> tuple[str, float]:
    """The lead whose column looks most like the strip above or below it, and how well they agree."""
    scores = {}
    for lead in leads:
        if lead.lead in RHYTHM_LEADS:
            begin = round(lead.start_s * strip.rate)
            part = strip.samples[begin : begin + len(lead.samples)]
            scores[lead.lead] = max(_concordance(part, lead.samples, lag) for lag in range(-3, 4))
    best = max(scores, key=lambda name: scores[name])
    return best, scores[best]


def _concordance(a: np.ndarray, b: np.ndarray, lag: int) -> float:
    """Lin's concordance: 1 for the same curve at the same scale (Biometrics 1989;45:255), the means left out."""
    length = min(len(a), len(b)) - abs(lag)
    if length < 10:
        return 0.0
    a, b = a[max(lag, 0) :][:length], b[max(-lag, 0) :][:length]
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 0.5 * length:
        return 0.0
    spread = np.var(a[both]) + np.var(b[both])
    return float(2 * np.cov(a[both], b[both], bias=True)[0, 1] / spread) if spread > 0 else 0.0


def _to_page(turned: tuple[int, int], page: tuple[int, int], turn: float, quarter: int) -> np.ndarray:
    """float (2, 3): from pixels of the upright page to pixels of the page as it was given."""
    back = np.vstack([turning_matrix(turned, turn), [0, 0, 1]]) if turn else np.eye(3)
    height, width = page
    quarters = {
        0: np.eye(3),
        1: np.array([[0, -1, width - 1], [1, 0, 0], [0, 0, 1]]),
        2: np.array([[-1, 0, width - 1], [0, -1, height - 1], [0, 0, 1]]),
        3: np.array([[0, 1, 0], [-1, 0, height - 1], [0, 0, 1]]),
    }
    return (quarters[quarter] @ np.linalg.inv(back))[:2]


def _in_page_pixels(strip: Strip, to_page: np.ndarray) -> Strip:
    points = strip.trace_px @ to_page[:, :2].T + to_page[:, 2]
    return Strip(strip.lead, strip.rhythm, strip.start_s, strip.samples, strip.rate, points)


def _checks(
    grid: Grid, columns: Columns, trace: TraceInk, strips: tuple[Strip, ...], missed: int
) -> tuple[Check, ...]:
    aspect = grid.px_per_mm[0] / grid.px_per_mm[1]
    present = min(float(np.isfinite(strip.samples).mean()) for strip in strips)
    strength = grid.strength
    return (
        Check(
            "grid_strength", strength, 0.4, "", None if strength is None else strength >= 0.4, False, least=True
        ),
        Check("grid_aspect", abs(aspect - 1), 0.06, "", abs(aspect - 1) <= 0.06, False),
        Check("lead_names", float(columns.names), 8.0, "of 12", columns.names >= 8, False, least=True),
        Check("ink_contrast", trace.contrast, 0.2, "", trace.contrast >= 0.2, False, least=True),
        Check("missed_strokes", float(missed), 0.0, "strokes", missed == 0, False),
        Check("trace_present", present, 0.9, "", present >= 0.9, False, least=True),
    )
