"""Read a raster page of a paper ECG: frame, ink, rows, names, columns, traces, millivolts.

Every step is a room of its own beside this one; here they are put in order, and what one step found is held against
the others. A page that contradicts itself is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scartools.ecg.assemble import upright
from scartools.ecg.ink_network import trace_and_text
from scartools.ecg.lead_names import Word
from scartools.ecg.page_boxes import PointMap, cut_boxes, follow_boxes, moved_boxes, pulse_boxes, way_back
from scartools.ecg.page_checks import checked, status_of
from scartools.ecg.page_frame import Frame, find_frame
from scartools.ecg.page_ink import FAINT, FIRM, TraceInk, find_ink, ink_of_network, stroke_width
from scartools.ecg.page_leads import Leads, follow_leads
from scartools.ecg.page_paper import divide_out_paper
from scartools.ecg.page_scales import (
    USUAL_GAIN,
    USUAL_SPEED,
    Gains,
    find_gain,
    find_speed,
    scale_checks,
    scale_without_grid,
    speed_by_columns,
    usual_gain,
)
from scartools.ecg.page_upright import ALL_NAMES, names_in, turned, turns_and_words
from scartools.ecg.printed_scales import PrintedScales, read_printed_scales
from scartools.ecg.reading import Box, Check, Found, PageReading
from scartools.ecg.separators import erase_lines, find_dotted_lines
from scartools.ecg.strips import cut_strips, side_by_side, untold_strips
from scartools.ecg.stroke_tips import with_tips
from scartools.errors import InputError

COARSEST = 2.2  # px a mm, some 55 dots an inch
OF_THE_FRAME = {"grid_found", "equal_axes"}  # checks that no other ink can mend
WIDTH_REVIEW = 0.05  # of a column of 62.5 mm
FINE_PX_PER_MM = 6.5  # on a finer page pale ink is the grain of the paper

FindInk = Callable[[Frame, np.ndarray], TraceInk]  # from a frame and its darkness


def read_raster_page(
    image: np.ndarray,
    *,
    layout: str | None = None,
    speed_mm_s: float | None = None,
    gain_mm_mv: float | None = None,
    rotate_deg: float = 0,
    boxes: tuple[Box, ...] | None = None,
) -> PageReading:
    """Read the leads of a scanned, photographed or drawn page.

    image       uint8 (H, W, 3), RGB
    layout      "3x4+1", "6x2", "12x1" ..., or None to find it
    speed_mm_s  paper speed; None reads it where it is printed, else takes 25 mm/s unless the columns contradict that
    gain_mm_mv  mm a millivolt; None takes it from the calibration pulses, else from print, else 10
    rotate_deg  quarter turns that make the page upright, anticlockwise; any turn is found too, where names are read
    boxes       where the leads lie, in pixels of `image`; None finds the layout
    Returns the reading; its trace_px and px_per_mm are in pixels of `image`.
    Raises InputError, with the reason, for every page that cannot be read with confidence.
    """
    quarter = _quarter_turns(image, rotate_deg)
    frame = find_frame(turned(image, quarter))
    if frame.px_per_mm < COARSEST:
        raise InputError(
            f"a millimetre is {frame.px_per_mm:.1f} px, too coarse to follow a QRS",
            remedy="Scan the page with 200 dots an inch (7.9 px a mm), at least 100",
        )

    def to_given(points: np.ndarray) -> np.ndarray:
        return _rotated(frame.to_page(points), image.shape[:2], quarter)

    darkness = divide_out_paper(frame.image)
    if boxes is None:
        return _read_by_inks(frame, darkness, (layout, speed_mm_s, gain_mm_mv), to_given)
    return _read_boxes_by_inks(frame, darkness, boxes, to_given, (speed_mm_s, gain_mm_mv))


def _quarter_turns(image: np.ndarray, rotate_deg: float) -> int:
    """Quarter turns, anticlockwise, of what `read_raster_page` was given; raises InputError where that is no picture or turn."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(f"the page is {image.dtype} {image.shape}, where uint8 (height, width, 3) is due")
    quarter = round(rotate_deg / 90)
    if abs(rotate_deg / 90 - quarter) > 1e-6:
        raise InputError(f"a turn of {rotate_deg:g} degrees is not a quarter turn")
    return quarter % 4


@dataclass(frozen=True)
class Told:
    """What one ink has told of the page for the next: quarter turns that make it upright, its words, its dotted separators."""

    words: tuple[int, list[Word]]
    dotted: np.ndarray | None


def _read_by_inks(
    frame: Frame, darkness: np.ndarray, given: tuple[str | None, float | None, float | None], to_given: PointMap
) -> PageReading:
    """Read the page by one ink, and where it is not accepted by the other; of both the better reading.

    given  layout, speed and gain
    """
    readings, reasons = [], []
    told: Told | None = None
    for find in _inks(frame):
        try:
            ink = find(frame, darkness)
            told = _told(ink, darkness, frame.px_per_mm, told)
            page = _read_upright(frame, replace(ink, dotted=told.dotted), darkness, told.words, given[0])
            reading = _measured(frame, page, given, to_given)
        except InputError as reason:
            reasons.append(reason)
            continue
        checks = checked(upright(reading)).checks
        failed = {check.name for check in checks if check.passed is False}
        if failed <= OF_THE_FRAME:  # accepted, or no better with another ink
            return reading
        readings.append(((status_of(checks) == "refused", len(failed)), reading))
    if not readings:
        raise reasons[0]
    return min(readings, key=lambda pair: pair[0])[1]


def _told(ink: TraceInk, darkness: np.ndarray, px_per_mm: float, before: Told | None) -> Told:
    """What an ink tells of the page, beside what another has told before."""
    words = None if before is None else before.words
    if words is None or len(names_in(words[1])) < ALL_NAMES:
        words = turns_and_words(ink, darkness, px_per_mm)
    dotted = None if before is None else before.dotted
    return Told(words, dotted if ink.marks is None else _dotted(ink, words[0], px_per_mm))


@dataclass(frozen=True)
class Upright:
    """A page turned upright with its leads followed: quarter turns taken back, px per mm, what it says of its scales."""

    leads: Leads
    quarter: int
    px_per_mm: float
    printed: PrintedScales


def _read_upright(
    frame: Frame, ink: TraceInk, darkness: np.ndarray, seen: tuple[int, list[Word]], layout: str | None
) -> Upright:
    """Turn the page upright and follow its leads; without a grid, follow them again once the millimetre is known.

    seen  quarter turns that make the page upright, and the words printed on it then
    """
    mm, (quarter, words) = frame.px_per_mm, seen
    ink = ink.turned(quarter)
    guessed = frame.grid == "none"
    darkness = turned(darkness, quarter)
    leads = follow_leads(ink, words, darkness, mm, layout, guessed=guessed)
    whole = ink.mask if ink.marks is None else ink.mask | ink.marks
    printed = read_printed_scales(whole, darkness, mm)
    if guessed:
        mm = scale_without_grid(leads, printed)
        leads = follow_leads(ink, words, darkness, mm, layout)
    return Upright(leads, quarter, mm, printed)


def _measured(
    frame: Frame,
    page: Upright,
    given: tuple[str | None, float | None, float | None],
    to_given: PointMap,
) -> PageReading:
    """From followed rows to leads in millivolts, with what is known of the page; given: layout, speed and gain."""
    leads, mm, quarter = page.leads, page.px_per_mm, page.quarter
    layout, speed_mm_s, gain_mm_mv = given
    speed, speed_found = find_speed(leads, mm, speed_mm_s, page.printed)
    gains, by_columns = find_gain(leads, mm, gain_mm_mv, page.printed), speed_by_columns(leads, mm)
    shape = frame.image.shape[:2]

    def to_picture(points: np.ndarray) -> np.ndarray:
        return to_given(_rotated(points, shape, quarter))

    strips = tuple(
        replace(strip, trace_px=to_picture(strip.trace_px)) for strip in cut_strips(leads, mm, speed, gains)
    )
    together = side_by_side(strips, leads.fit.layout, leads.columns.time / (mm * speed))
    found: dict[str, Found] = {
        "px_per_mm": "measured",
        "speed_mm_s": speed_found,
        "gain_mm_mv": gains.found,
        "layout": "given" if layout else "measured" if leads.fit.named else "assumed",
    }
    name = leads.fit.layout.name
    if leads.fit.strips or name == "3x4":
        name = f"{name}+{leads.fit.strips}"
    scale = frame.source_px_per_mm if frame.grid != "none" else (mm, mm)
    return PageReading(
        strips if together is None else together,
        name,
        "raster",
        scale,
        speed,
        gains.limb,
        found,
        (
            *_checks(frame, leads, mm, untold_strips(leads, strips)),
            *scale_checks(page.printed, (speed, speed_found), gains, by_columns),
        ),
        _facts(frame, page, gains, share_time=together is not None),
        pulse_boxes([own or cut for own, cut in zip(leads.pulses, leads.cut, strict=True)], to_picture),
    )


def _facts(frame: Frame, page: Upright, gains: Gains, *, share_time: bool) -> dict[str, Any]:
    """What the sidecar says of how the page was read; share_time: its columns show the same time."""
    width = page.leads.pulse_width if frame.grid != "none" else None
    return {
        **frame.facts,
        "QuarterTurns": page.quarter,
        "Grid": frame.grid,
        "LeadOrder": page.leads.fit.layout.order,
        "PulseHeight": None if gains.limb_mm is None else round(gains.limb_mm, 2),
        "PulseWidth": None if width is None else round(width, 2),
        "ChestGain": gains.chest if gains.chest != gains.limb else None,
        "PrintedSpeed": page.printed.speed,
        "PrintedGain": None if page.printed.gain is None else list(page.printed.gain),
        "ColumnWidth": round(page.leads.columns.width / page.px_per_mm, 2),
        "LeadNamesFound": page.leads.fit.named,
        "ColumnsShareTime": share_time,
        "ColumnBordersFound": page.leads.columns.breaks,
        "PulseBeforeEachColumn": page.leads.columns.lead is not None,
    }


def _read_boxes_by_inks(
    frame: Frame,
    darkness: np.ndarray,
    boxes: tuple[Box, ...],
    to_given: PointMap,
    given: tuple[float | None, float | None],
) -> PageReading:
    """Read given boxes by one ink, and where that finds none by the other; given: speed and gain."""
    reasons = []
    for find in _inks(frame):
        try:
            return _read_boxes(frame, find(frame, darkness), boxes, to_given, given)
        except InputError as reason:
            reasons.append(reason)
    raise reasons[0]


def _read_boxes(
    frame: Frame,
    ink: TraceInk,
    boxes: tuple[Box, ...],
    to_given: PointMap,
    given: tuple[float | None, float | None],
) -> PageReading:
    """Read a page whose leads lie in given boxes; given: speed and gain."""
    speed_mm_s, gain_mm_mv = given
    speed, mm = speed_mm_s or USUAL_SPEED, frame.px_per_mm
    placed = moved_boxes(boxes, way_back(to_given, frame.image.shape[:2]))
    heights, pulses = follow_boxes(ink, placed, stroke_width(ink.mask), (mm, mm))
    tall = [pulse.over_left / mm for row in pulses for pulse in row]
    height = float(np.median(tall)) if tall else None
    gain_found: Found = "given" if gain_mm_mv is not None else "assumed" if height is None else "measured"
    gain = gain_mm_mv or (USUAL_GAIN if height is None else usual_gain(height))
    strips = tuple(
        replace(strip, trace_px=to_given(strip.trace_px))
        for strip in cut_boxes(heights, placed, (mm, mm), speed, gain)
    )
    found: dict[str, Found] = {
        "px_per_mm": "measured" if frame.grid == "measured" else "assumed",
        "speed_mm_s": "given" if speed_mm_s else "assumed",
        "gain_mm_mv": gain_found,
        "layout": "given",
    }
    facts = {**frame.facts, "Grid": frame.grid, "PulseHeight": None if height is None else round(height, 2)}
    scale, marks = frame.source_px_per_mm, pulse_boxes(pulses, to_given)
    return PageReading(strips, "boxes", "raster", scale, speed, gain, found, (), facts, marks)


def _rotated(points: np.ndarray, shape: tuple[int, ...], quarter: int) -> np.ndarray:
    """From px (N, 2) of np.rot90(picture, quarter) to px of the picture, `shape` (H, W)."""
    height, width = shape
    x, y = points[:, 0], points[:, 1]
    turned = ((x, y), (width - 1 - y, x), (width - 1 - x, height - 1 - y), (y, height - 1 - x))
    return np.stack(turned[quarter % 4], axis=1)


def _inks(frame: Frame) -> tuple[FindInk, ...]:
    """The two ways to find the ink, the likelier first: a flat scan by its darkness, a photograph by the network."""
    return (_ink_by_darkness, _ink_by_network) if frame.mesh is None else (_ink_by_network, _ink_by_darkness)


def _ink_by_darkness(frame: Frame, darkness: np.ndarray) -> TraceInk:
    """The ink of the page: what is darker than its grid; darkness: float32 (H, W), in every colour."""
    return find_ink(darkness, FIRM if frame.px_per_mm > FINE_PX_PER_MM else FAINT)


def _ink_by_network(frame: Frame, darkness: np.ndarray) -> TraceInk:
    """The same, trace and writing told apart by the network that was trained on drawn pages."""
    return with_tips(
        ink_of_network(darkness, *trace_and_text(frame.image, frame.px_per_mm)), darkness, frame.px_per_mm
    )


def _dotted(ink: TraceInk, quarter: int, px_per_mm: float) -> np.ndarray:
    """bool (H, W), the dots of the separators that stand upright once the page is turned by quarter turns."""
    ink = ink.turned(quarter)
    assert ink.marks is not None
    whole = ink.mask | ink.marks
    lines = find_dotted_lines(whole, px_per_mm)
    return turned(whole & ~erase_lines(whole, lines), -quarter)


def _checks(frame: Frame, leads: Leads, mm: float, untold: int) -> tuple[Check, ...]:
    cells, missed = leads.fit.cells, float(leads.missed)
    named = leads.fit.named / cells
    width = leads.columns.time / mm
    four = leads.fit.layout.columns == 4
    off = min(abs(width / usual - 1) for usual in (31.25, 62.5, 125.0)) if four else None
    return (
        Check("strip_names_unread", float(untold), 0.0, "strips", untold == 0, False),
        Check("rows_left_out", float(leads.rows_left_out), 0.0, "rows", leads.rows_left_out == 0, False),
        Check("column_width", off, WIDTH_REVIEW, "share", None if off is None else off <= WIDTH_REVIEW, False),
        Check(
            "column_times", float(leads.columns.lead_told), 1.0, "", leads.columns.lead_told, False, least=True
        ),
        Check("lead_names", named, 0.75, "share", named >= 0.75, False, least=True),
        Check(
            "grid_found", float(frame.grid == "measured"), 1.0, "", frame.grid == "measured", False, least=True
        ),
        Check("ink_contrast", leads.contrast, 0.2, "", leads.contrast >= 0.2, False, least=True),
        Check("missed_strokes", missed, 0.0, "strokes", missed == 0, False),
    )
