"""A page of a paper ECG as a description in millimetres: what lies where, before anything is drawn.

Page frame: x to the right and y down from the upper left corner, millimetres. The page carries no name, no number
of a patient and no date. `scartools.simulation.page_layout.lay_out` makes one from a recording.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

Colour = tuple[int, int, int]  # red, green, blue, 0 to 255
THREE_BY_FOUR = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))


@dataclass(frozen=True)
class Word:
    """Text whose baseline begins at (x, y), mm; `size` is the height of the em.

    role  name (of a lead), scale (speed and gain) or text (anything else)
    """

    text: str
    x: float
    y: float
    size: float
    role: str = "text"


@dataclass(frozen=True)
class PageStyle:
    """How a page looks. Millimetres unless the name says otherwise.

    rows        leads of each row, one column each, printed one after the other in time; "-aVR" is aVR upside down
    rhythm      leads of the strips below, each as long as the recording
    seconds     how much of the recording is printed; None: all of it
    simultaneous  every column shows the same time, from the start of the recording, instead of going on
    speed       paper speed, mm/s; gain: mm/mV; chest_gain: of V1-V6 where it is another one
    clip        the pen's reach above and below the baseline; beyond, the trace runs flat. None: no limit
    grid_left, grid_top, grid_squares  corner of the grid and its 5 mm squares across and down
    grid_look   lines, major (5 mm lines only), dotted (a dot each mm between 5 mm lines) or none
    block_width  width of a third kind of line, one each 25 mm; 0 for none
    lead_in     from the grid's left edge to the first sample: room for the calibration pulse
    column_gap  empty paper between two columns
    first_row   from the grid's top edge to the baseline of the first row; row_pitch: from row to row
    pulse       rows (at the left of each row), right, columns (before each column), once (first row) or none
    pulse_start, pulse_width  of the calibration pulse, from the grid's left edge; its height is 1 mV
    pulse_foot  of its baseline on both sides
    separator   length of the mark between two columns; 0 for none
    separator_look  tick, double (one tick above the trace and one below), dashed, dotted, or full (a line through
                all rows)
    names       above, below or left: where a lead's name stands; label_rise is its height over the baseline
    font        of `scartools.simulation.page_fonts.FONTS`; bold names: name_font, None for the same
    capitals    lead names as AVR, AVL, AVF
    scales      text that states speed and gain; None: the usual one; empty: not printed
    extra       more words: header, filter, device
    text_ink    colour of words; None: that of the trace
    """

    rows: tuple[tuple[str, ...], ...] = THREE_BY_FOUR
    rhythm: tuple[str, ...] = ("II",)
    width: float = 279.4
    height: float = 215.9
    speed: float = 25.0
    gain: float = 10.0
    grid_left: float = 7.0
    grid_top: float = 25.0
    grid_squares: tuple[int, int] = (53, 33)
    lead_in: float = 15.0
    first_row: float = 30.0
    row_pitch: float = 35.0
    pulse_start: float = 5.0
    pulse_width: float = 5.0
    separator: float = 4.0
    label_rise: float = 8.0  # of a lead's name above the baseline
    label_size: float = 3.6  # height of the letters' em
    trace_width: float = 0.3
    minor_width: float = 0.08
    major_width: float = 0.2
    paper: Colour = (255, 253, 252)
    minor: Colour = (248, 205, 205)
    major: Colour = (235, 150, 150)
    ink: Colour = (20, 20, 26)
    dpi: int = 200
    seconds: float | None = None
    simultaneous: bool = False
    chest_gain: float | None = None
    clip: float | None = None
    grid_look: str = "lines"
    block_width: float = 0.0
    column_gap: float = 0.0
    pulse: str = "rows"
    pulse_foot: float = 2.0
    separator_look: str = "tick"
    names: str = "above"
    font: str = "plain"
    name_font: str | None = None
    capitals: bool = False
    scales: str | None = None
    extra: tuple[Word, ...] = ()
    text_ink: Colour | None = None


@dataclass(frozen=True)
class Stroke:
    """A line through points float64 (N, 2), mm, drawn without lifting the pen; `role` says what it is."""

    role: str  # trace, pulse or separator
    points: np.ndarray
    width: float


@dataclass(frozen=True)
class Trace:
    """Where a piece of a lead is printed: sample `first` at x mm, 0 mV at y mm, `count` samples in all.

    lead  name in LEADS, or "-aVR" where aVR is printed upside down; `gain`: mm/mV that it is printed with
    """

    lead: str
    rhythm: bool
    first: int
    count: int
    x: float
    y: float
    gain: float = 10.0


@dataclass(frozen=True)
class Page:
    """One page: grid lines (position, major) across and down, strokes, words, and where each sample is.

    The strokes whose role is "trace" are those of `traces`, in the same order, a point a sample.
    """

    style: PageStyle
    vertical: tuple[tuple[float, bool], ...]
    horizontal: tuple[tuple[float, bool], ...]
    strokes: tuple[Stroke, ...]
    words: tuple[Word, ...]
    traces: tuple[Trace, ...]


def grid_box(style: PageStyle) -> tuple[float, float, float, float]:
    """Edges of the grid: left, top, right, bottom, mm."""
    across, down = style.grid_squares
    return (
        style.grid_left,
        style.grid_top,
        style.grid_left + 5.0 * across,
        style.grid_top + 5.0 * down,
    )


def sample_points(page: Page) -> tuple[np.ndarray, ...]:
    """Where each trace's samples lie: float64 (N, 2), mm, one array a trace; NaN where the pen's reach cut them off."""
    style = page.style
    found = []
    strokes = (stroke for stroke in page.strokes if stroke.role == "trace")
    for trace, stroke in zip(page.traces, strokes, strict=True):
        points = stroke.points.copy()
        if style.clip is not None:
            points[np.abs(points[:, 1] - trace.y) >= style.clip - 1e-9] = np.nan
        found.append(points)
    return tuple(found)


def crop_page(page: Page, left: float, top: float, right: float, bottom: float) -> Page:
    """Cut a part out of a page, as a screenshot or a tight crop does: a smaller page with its own corner.

    left, top, right, bottom  edges of what is kept, mm; parts of strokes and words beyond them are drawn off the
    paper, and so not seen.
    """
    style, shift = page.style, np.array([left, top])
    return Page(
        style=replace(
            style,
            width=right - left,
            height=bottom - top,
            grid_left=style.grid_left - left,
            grid_top=style.grid_top - top,
        ),
        vertical=tuple((x - left, major) for x, major in page.vertical),
        horizontal=tuple((y - top, major) for y, major in page.horizontal),
        strokes=tuple(replace(stroke, points=stroke.points - shift) for stroke in page.strokes),
        words=tuple(replace(word, x=word.x - left, y=word.y - top) for word in page.words),
        traces=tuple(replace(trace, x=trace.x - left, y=trace.y - top) for trace in page.traces),
    )
