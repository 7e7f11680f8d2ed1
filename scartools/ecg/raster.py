"""Read a raster page of a paper ECG: frame, ink, rows, names, columns, traces, millivolts.

Every step is a room of its own beside this one; here they are put in order, and what one step found is held against
the others. A page that contradicts itself is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import cv2
import numpy as np

from scartools.ecg.assemble import upright
from scartools.ecg.ink_network import trace_and_text
from scartools.ecg.lead_names import Word, free_words, with_touching
from scartools.ecg.page_boxes import PointMap, cut_boxes, follow_boxes, moved_boxes, pulse_boxes, way_back
from scartools.ecg.page_checks import checked, status_of
from scartools.ecg.page_frame import Frame, find_frame
from scartools.ecg.page_ink import FAINT, FIRM, TraceInk, find_ink, ink_of_network, stroke_width
from scartools.ecg.page_leads import Leads, follow_leads
from scartools.ecg.page_paper import divide_out_paper
from scartools.ecg.page_scales import (
    USUAL_GAIN,
    USUAL_SPEED,
    find_gain,
    find_speed,
    scale_checks,
    scale_without_grid,
    speed_by_columns,
    usual_gain,
)
from scartools.ecg.printed_scales import PrintedScales, read_printed_scales
from scartools.ecg.reading import Box, Check, Found, PageReading
from scartools.ecg.separators import erase_lines, find_dotted_lines
from scartools.ecg.strips import cut_strips, side_by_side, untold_strips
from scartools.ecg.stroke_tips import with_tips
from scartools.errors import InputError

COARSEST = 2.2  # px a mm, some 55 dots an inch
SOME_NAMES = 1.5  # of the nine aV and V names: fewer may be chance
ENOUGH_NAMES = 4.0  # of the nine aV and V names, to be sure which way is up
ALL_NAMES = 12  # where one ink has shown so many different ones the other is not asked
OF_THE_FRAME = {"grid_found", "equal_axes"}  # checks that no other ink can mend
ON_ITS_SIDE = 1.5  # ink that lies in columns this much more than in rows
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
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(f"the page is {image.dtype} {image.shape}, where uint8 (height, width, 3) is due")
    quarter = round(rotate_deg / 90) % 4
    if abs(rotate_deg / 90 - round(rotate_deg / 90)) > 1e-6:
        raise InputError(f"a turn of {rotate_deg:g} degrees is not a quarter turn")
    frame = find_frame(_turn(image, quarter))

    def to_given(points: np.ndarray) -> np.ndarray:
        return _rotated(frame.to_page(points), image.shape[:2], quarter)

    if frame.px_per_mm < COARSEST:
        raise InputError(
            f"a millimetre is {frame.px_per_mm:.1f} px, too coarse to follow a QRS",
            remedy="Scan the page with 200 dots an inch (7.9 px a mm), at least 100",
        )
    darkness = divide_out_paper(frame.image)
    readings, reasons = [], []
    words: tuple[int, list[Word]] | None = None
    dotted: np.ndarray | None = None
    for find in _inks(frame):
        try:
            ink = find(frame, darkness)
            if boxes is not None:
                return _read_boxes(frame, ink, boxes, to_given, (speed_mm_s, gain_mm_mv))
            if words is None or len(_names_in(words[1])) < ALL_NAMES:
                words = _upright(ink, darkness, frame.px_per_mm)
            if ink.marks is not None:
                dotted = _dotted(ink, words[0], frame.px_per_mm)
            ink = replace(ink, dotted=dotted)
            page = _read_upright(frame, ink, darkness, words, layout)
            reading = _measured(frame, page, (layout, speed_mm_s, gain_mm_mv), to_given)
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
    darkness = _turn(darkness, quarter)
    leads = follow_leads(ink, words, darkness, mm, layout, guessed=guessed)
    whole = ink.mask if ink.marks is None else ink.mask | ink.marks
    printed = read_printed_scales(whole, darkness, mm)
    if guessed:
        mm = scale_without_grid(leads, printed)
        leads = follow_leads(ink, words, darkness, mm, layout)
    return Upright(leads, quarter, mm, printed)


def _turn(picture: np.ndarray, quarter: int) -> np.ndarray:
    return np.ascontiguousarray(np.rot90(picture, quarter))


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
    facts: dict[str, Any] = {
        **frame.facts,
        "QuarterTurns": quarter,
        "Grid": frame.grid,
        "LeadOrder": leads.fit.layout.order,
        "PulseHeight": None if gains.limb_mm is None else round(gains.limb_mm, 2),
        "ChestGain": gains.chest if gains.chest != gains.limb else None,
        "PrintedSpeed": page.printed.speed,
        "PrintedGain": None if page.printed.gain is None else list(page.printed.gain),
        "ColumnWidth": round(leads.columns.width / mm, 2),
        "LeadNamesFound": leads.fit.named,
        "ColumnsShareTime": together is not None,
        "ColumnBordersFound": leads.columns.breaks,
        "PulseBeforeEachColumn": leads.columns.lead is not None,
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
        facts,
        pulse_boxes([own or cut for own, cut in zip(leads.pulses, leads.cut, strict=True)], to_picture),
    )


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


def _upright(ink: TraceInk, darkness: np.ndarray, px_per_mm: float) -> tuple[int, list[Word]]:
    """Quarter turns (np.rot90) that make the page upright, and the words printed on it then.

    Traces lie in rows; of the two ways left the one is taken in which more names of aV and V leads can be read: I, II
    and III look alike upside down.
    """
    whole = ink.mask if ink.marks is None else ink.mask | ink.marks
    base = 1 if _banded(ink.mask, 0) > ON_ITS_SIDE * _banded(ink.mask, 1) else 0
    marked = ink.marks is not None

    @cache  # asked for twice, of names that stand free and of those that touch a trace
    def page(quarter: int) -> tuple[np.ndarray, np.ndarray, float]:
        """Ink and darkness of the page turned, without its separators; px per mm."""
        return *_without_lines(_turn(whole, quarter), _turn(darkness, quarter), px_per_mm, marked), px_per_mm

    read: dict[int, list[Word]] = {}
    searched: set[int] = set()  # for names that touch a trace, too
    best, score = base, -1.0
    for touching in (False, True):
        for quarter in (best, (best + 2) % 4, 1 - base, 3 - base):
            if quarter % 2 != best % 2 and (touching or score >= SOME_NAMES):
                break  # rows of tall beats at a steady pace look like rows down the page: without names, ask that way too
            if quarter in searched:
                continue
            read[quarter] = (
                with_touching(read[quarter], *page(quarter)) if touching else free_words(*page(quarter))
            )
            searched |= {quarter} if touching else set()
            named = _named(read[quarter])
            if named > score + 0.5:
                best, score = quarter, named
            if named >= ENOUGH_NAMES:
                break
        if score >= ENOUGH_NAMES:
            break
    if best not in searched and len(_names_in(read[best])) < ALL_NAMES:
        return best, with_touching(read[best], *page(best))
    return best, read[best]


def _names_in(words: list[Word]) -> set[str]:
    return {word.text for word in words if word.text}


def _without_lines(
    ink: np.ndarray, darkness: np.ndarray, px_per_mm: float, told: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Ink and darkness without the separators, which stand close to the names; told: writing was told from the trace."""
    lines = find_dotted_lines(ink, px_per_mm) if told else []
    if not lines:
        return ink, darkness
    rest = erase_lines(ink, lines)
    erased = cv2.dilate((ink & ~rest).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return rest, np.where(erased & ~rest, np.float32(0.0), darkness)


def _dotted(ink: TraceInk, quarter: int, px_per_mm: float) -> np.ndarray:
    """bool (H, W), the dots of the separators that stand upright once the page is turned by quarter turns."""
    ink = ink.turned(quarter)
    assert ink.marks is not None
    whole = ink.mask | ink.marks
    lines = find_dotted_lines(whole, px_per_mm)
    return _turn(whole & ~erase_lines(whole, lines), -quarter)


def _named(words: list[Word]) -> float:
    """Sum over the different aV and V names of the confidence in each."""
    names: dict[str, float] = {}
    for word in words:
        if len(word.text) > 1 and "V" in word.text and word.confidence >= 0.5:
            names[word.text] = max(names.get(word.text, 0.0), word.confidence)
    return sum(names.values())


def _banded(mask: np.ndarray, axis: int) -> float:
    """How unevenly the ink lies across an axis: the squared coefficient of variation of its sums along the axis."""
    sums = mask.sum(axis=axis).astype(float)
    inked = sums[np.flatnonzero(sums)[0] : np.flatnonzero(sums)[-1] + 1] if sums.any() else np.ones(1)
    return float(np.var(inked) / np.mean(inked) ** 2)


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
