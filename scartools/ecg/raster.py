"""Read a raster page of a paper ECG: image, grid, ink, rows, columns, traces, millivolts.

Every step is a function of its own in a room beside this one; here they are put in order, and what one step found
is held against the others. A page that contradicts itself is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scartools.ecg import layout as page_layout
from scartools.ecg.layout import COLUMN_S, MM, Columns
from scartools.ecg.page_boxes import cut_boxes, follow_boxes, moved_boxes, pulse_boxes
from scartools.ecg.page_grid import (
    FINE_PAGE,
    Comb,
    divide_out_paper,
    find_comb,
    find_turn,
    turn_back,
    turning_matrix,
)
from scartools.ecg.page_ink import FAINT, FIRM, TraceInk, find_ink, ink_extent, stroke_width, upright_runs
from scartools.ecg.pulse import Pulse, find_pulses
from scartools.ecg.reading import Box, Check, Found, PageReading, Strip
from scartools.ecg.strips import cut_strips
from scartools.ecg.trace import Path, centre_line, follow
from scartools.errors import InputError

READ_LAYOUTS = ("3x4+0", "3x4+1", "3x4+2", "3x4+3")
USUAL_SPEED, USUAL_GAIN = 25.0, 10.0
WEAKEST_GRID = 0.25  # share of the spectrum that must sit in the teeth of the comb
COARSEST = 3.2  # px a mm, some 80 dots an inch
MOST_UNEVEN = 0.012  # between half a page and the whole; flat scans stay below a third of it
MOST_MISSED = 2  # upright strokes beside every lead: a pen mark or two, not the beats of a lead
LARGEST_ASPECT = 1.08  # px per mm along x over y; scanners and drawing programs stay within


@dataclass(frozen=True)
class Grid:
    """px per mm along x and y, and how far the weaker comb is to be trusted."""

    px_per_mm: MM
    strength: float


@dataclass(frozen=True)
class Leads:
    """An upright page with every row followed.

    heights   one a row, float (W,): row (px) of the trace in each pixel column, NaN in gaps, pulses and separators
    pulses    of each row; contrast: of the ink; missed: upright strokes beside every lead
    upright   whether the names of the first column grow like I, II, III; None where that is not seen
    """

    grid: Grid
    columns: Columns
    heights: list[np.ndarray]
    pulses: list[list[Pulse]]
    contrast: float
    missed: int
    upright: bool | None


def read_raster_page(
    image: np.ndarray,
    *,
    layout: str | None = None,
    speed_mm_s: float | None = None,
    gain_mm_mv: float | None = None,
    rotate_deg: float = 0,
    boxes: tuple[Box, ...] | None = None,
) -> PageReading:
    """Read the leads of a scanned or drawn page.

    image       uint8 (H, W, 3), RGB
    layout      one of READ_LAYOUTS, or None to find the number of rhythm strips
    speed_mm_s  paper speed; None takes 25 mm/s unless the width of the columns contradicts it
    gain_mm_mv  mm a millivolt; None takes it from the calibration pulse, or 10 without one
    rotate_deg  turn that makes the page upright, anticlockwise, 0, 90, 180 or 270; small turns are found
    boxes       where the leads lie, in pixels of `image`; None finds the layout
    Returns the reading; its trace_px and px_per_mm are in pixels of `image`.
    Raises InputError, with the reason, for every page that cannot be read with confidence.
    """
    _check_arguments(image, layout, rotate_deg)
    quarter = round(rotate_deg / 90) % 4
    page = np.ascontiguousarray(np.rot90(image, quarter))
    ink = divide_out_paper(page)
    turn = find_turn(ink)
    every, lines = turn_back(ink.every, turn), turn_back(ink.any, turn)
    speed = speed_mm_s or USUAL_SPEED
    if boxes is not None:
        to_page = _to_page(page.shape[:2], image.shape[:2], turn, quarter)
        return _read_boxes(every, lines, boxes, to_page, (speed_mm_s, gain_mm_mv, turn, quarter))
    leads = _read_leads(every, lines, speed, layout)
    mm = leads.grid.px_per_mm
    gain, gain_found, pulse_mm = _gain(leads.pulses, leads.columns, mm, gain_mm_mv)
    to_page = _to_page(page.shape[:2], image.shape[:2], turn, quarter)
    strips = tuple(
        replace(strip, trace_px=strip.trace_px @ to_page[:, :2].T + to_page[:, 2])
        for strip in cut_strips(leads.heights, leads.columns, mm, speed, gain)
    )
    found: dict[str, Found] = {
        "px_per_mm": "measured",
        "speed_mm_s": "given" if speed_mm_s else "assumed",
        "gain_mm_mv": gain_found,
        "layout": "given" if layout else "measured",
    }
    facts: dict[str, Any] = {
        "TurnDegrees": round(turn, 3),
        "QuarterTurns": quarter,
        "PulseHeightMm": None if pulse_mm is None else round(pulse_mm, 2),
        "LeadNamesFound": leads.columns.names,
        "ColumnBordersFound": leads.columns.breaks,
    }
    scale = mm if quarter % 2 == 0 else (mm[1], mm[0])
    name = f"3x4+{len(leads.heights) - 3}"
    return PageReading(strips, name, "raster", scale, speed, gain, found, _checks(leads, strips), facts)


def _read_boxes(
    every: np.ndarray,
    lines: np.ndarray,
    boxes: tuple[Box, ...],
    to_page: np.ndarray,
    given: tuple[float | None, float | None, float, int],
) -> PageReading:
    """Read an upright page whose leads lie in given boxes; given: speed, gain, small turn and quarter turns."""
    speed_mm_s, gain_mm_mv, turn, quarter = given
    speed = speed_mm_s or USUAL_SPEED
    placed = moved_boxes(boxes, to_page)
    first, last = min(box.left for box in placed), max(box.right for box in placed)
    trace = find_ink(every, FIRM if max(every.shape) >= FINE_PAGE else FAINT)
    grid = _find_grid(lines, (int(first), int(last)), speed)
    mm, line = grid.px_per_mm, stroke_width(trace.mask)
    heights, pulses = follow_boxes(trace, placed, line, mm)
    columns = Columns(first, (last - first) / 4, 0, 0, 0, 0.0)  # for the ends of the traces alone
    gain, gain_found, pulse_mm = _gain(pulses, columns, mm, gain_mm_mv)
    shown = _hide(heights, pulses, [np.zeros(len(height), bool) for height in heights], line)
    strips = tuple(
        replace(strip, trace_px=strip.trace_px @ to_page[:, :2].T + to_page[:, 2])
        for strip in cut_boxes(shown, placed, mm, speed, gain)
    )
    found: dict[str, Found] = {
        "px_per_mm": "measured",
        "speed_mm_s": "given" if speed_mm_s else "assumed",
        "gain_mm_mv": gain_found,
        "layout": "given",
    }
    facts = {
        "TurnDegrees": round(turn, 3),
        "QuarterTurns": quarter,
        "PulseHeightMm": None if pulse_mm is None else round(pulse_mm, 2),
    }
    scale = mm if quarter % 2 == 0 else (mm[1], mm[0])
    marks = pulse_boxes(pulses, heights, to_page)
    return PageReading(strips, "boxes", "raster", scale, speed, gain, found, (), facts, marks)


def _read_leads(every: np.ndarray, lines: np.ndarray, speed: float, layout: str | None) -> Leads:
    """Read an upright page; a fine scan twice where need be, without the palest ink and with it."""
    if max(every.shape) >= FINE_PAGE:
        try:
            return _follow_leads(find_ink(every, FIRM), lines, speed, layout)
        except InputError:
            pass  # what the second reading says is the better reason
    return _follow_leads(find_ink(every, FAINT), lines, speed, layout)


def _follow_leads(trace: TraceInk, lines: np.ndarray, speed: float, layout: str | None) -> Leads:
    """Find grid, rows and columns, then follow every row with the lead names taken out of the ink."""
    extent = ink_extent(trace.mask)
    grid = _find_grid(lines, extent, speed)
    mm, line = grid.px_per_mm, stroke_width(trace.mask)
    rows = _find_rows(trace, extent, mm, layout)
    paths, heights = _follow_rows(trace.mask, trace.weight, rows, line, mm)
    pulses = [find_pulses(path, height, line, mm) for path, height in zip(paths, heights, strict=True)]
    bars = [page_layout.find_separators(trace.mask, row, mm) for row in rows[:3]]
    breaks = [page_layout.find_breaks(path, bar, mm) for path, bar in zip(paths[:3], bars, strict=True)]
    words = page_layout.text_pieces(trace.mask, paths, mm)
    ends = _trace_ends(heights, pulses, mm)
    columns = page_layout.find_columns(words, breaks, rows, ends, mm, COLUMN_S * speed)
    upright = page_layout.name_widths_grow(words, rows, columns, mm)
    if upright is False:
        raise InputError(
            "layout not recognised: the names of the first column are not I, II and III",
            remedy="Turn the page upright; Cabrera's order is not read",
        )
    places = page_layout.name_places(words, rows, columns, mm)
    unnamed = page_layout.erase_names(trace.mask, places)
    paths, heights = _follow_rows(unnamed, trace.weight, rows, line, mm)
    rest = page_layout.beside_paths(unnamed, paths)
    separators = page_layout.separators_at(columns, bars, mm)
    hidden = [separators | row for row in page_layout.touched_by_names(rest, paths, places, mm)]
    unexplained = page_layout.beside_paths(unnamed, paths, max(round(0.25 * mm[0]), 1))
    missed = page_layout.missed_strokes(unexplained, rows, columns, hidden, mm)
    if len(missed) > MOST_MISSED:
        raise InputError(
            f"{len(missed)} upright strokes of the traces belong to no lead that was read: beats would be lost",
            remedy="Scan the page flat, in colour, 200 dots an inch or more",
        )
    hidden += [np.zeros_like(separators)] * (len(rows) - 3)
    hidden = [
        row | beside for row, beside in zip(hidden, page_layout.beside_strokes(missed, paths, mm), strict=True)
    ]
    return Leads(
        grid, columns, _hide(heights, pulses, hidden, line), pulses, trace.contrast, len(missed), upright
    )


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
    if min(x, y) < COARSEST:
        raise InputError(
            f"a millimetre is {min(x, y):.1f} px, too coarse to follow a QRS",
            remedy="Scan the page with 200 dots an inch (7.9 px a mm), at least 100",
        )
    _check_even(lines, (x, y))
    return Grid((x, y), min(along_x.strength, along_y.strength))


def _check_even(lines: np.ndarray, mm: MM) -> None:
    """Refuse a page whose grid is wider in one half than in the other: curled, or photographed at an angle."""
    middle = (lines.shape[0] // 2, lines.shape[1] // 2)
    halves = [
        (lines[: middle[0]], 1),
        (lines[middle[0] :], 1),
        (lines[:, : middle[1]], 1),
        (lines[:, middle[1] :], 1),
        (lines[: middle[0]], 0),
        (lines[middle[0] :], 0),
        (lines[:, : middle[1]], 0),
        (lines[:, middle[1] :], 0),
    ]
    spread = []
    for half, axis in halves:
        comb, whole = find_comb(half, axis), mm[1 - axis]
        local = None if comb is None else _one_mm(comb, whole)
        spread.append(1.0 if local is None else abs(local / whole - 1))
    second = sorted(spread)[-2]  # one half may hold too few lines
    if second > MOST_UNEVEN:
        raise InputError(
            f"the grid is {second:.1%} wider or narrower on a half of the page than on the whole: the page is curled"
            " or was photographed at an angle",
            remedy="Scan the page flat",
        )


def _one_mm(comb: Comb, expected: float) -> float | None:
    """px per mm: the comb's spacing is 1, 5, 10 or 25 mm; the one nearest to what is expected, within a factor of 1.35."""
    choices = [comb.period / mm for mm in (1, 5, 25)]
    nearest = min(choices, key=lambda choice: abs(np.log(choice / expected)))
    return nearest if abs(np.log(nearest / expected)) < np.log(1.35) else None


def _find_rows(trace: TraceInk, extent: tuple[int, int], mm: MM, layout: str | None) -> list[float]:
    rows = page_layout.find_rows(upright_runs(trace.mask), extent, trace.mask.shape[0], mm)
    if not 3 <= len(rows) <= 6:
        raise InputError(
            f"layout not recognised: {len(rows)} rows of traces are found, where 3 to 6 are due",
            remedy="Only 3x4 pages with up to three rhythm strips are read",
        )
    if layout is not None and layout != f"3x4+{len(rows) - 3}":
        raise InputError(f"the page has {len(rows)} rows of traces, which is not {layout}")
    return rows


def _follow_rows(
    mask: np.ndarray, weight: np.ndarray, rows: list[float], line: float, mm: MM
) -> tuple[list[Path], list[np.ndarray]]:
    runs = upright_runs(mask)
    paths = [
        follow(runs, mask.shape, row, mm, page_layout.follow_reach(rows, at, mm)) for at, row in enumerate(rows)
    ]
    return paths, [centre_line(path, weight, line) for path in paths]


def _trace_ends(heights: list[np.ndarray], pulses: list[list[Pulse]], mm: MM) -> tuple[float, float]:
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
    """The heights without what is no lead or in doubt: pulses, separators, letters, strokes that were not followed."""
    shown = []
    edge = int(np.ceil(line)) + 1
    for height, found, covered in zip(heights, pulses, hidden, strict=True):
        kept = np.where(covered, np.nan, height)
        for pulse in found:
            kept[max(pulse.left - edge, 0) : pulse.right + edge] = np.nan
        shown.append(kept)
    return shown


def _gain(
    pulses: list[list[Pulse]], columns: Columns, mm: MM, given: float | None
) -> tuple[float, Found, float | None]:
    """mm a millivolt from the pulses outside the columns: 5, 10 or 20, or a refusal."""
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


def _checks(leads: Leads, strips: tuple[Strip, ...]) -> tuple[Check, ...]:
    aspect = abs(leads.grid.px_per_mm[0] / leads.grid.px_per_mm[1] - 1)
    strength, names, missed = leads.grid.strength, float(leads.columns.names), float(leads.missed)
    present = min(float(np.isfinite(strip.samples).mean()) for strip in strips)
    return (
        Check("grid_strength", strength, 0.4, "", strength >= 0.4, False, least=True),
        Check("grid_aspect", aspect, 0.06, "", aspect <= 0.06, False),
        Check("lead_names", names, 10.0, "of 12", names >= 10, False, least=True),
        Check("names_upright", None, 1.0, "", leads.upright, False, least=True),
        Check("ink_contrast", leads.contrast, 0.2, "", leads.contrast >= 0.2, False, least=True),
        Check("missed_strokes", missed, 0.0, "strokes", missed == 0, False),
        Check("trace_present", present, 0.9, "", present >= 0.9, False, least=True),
    )
