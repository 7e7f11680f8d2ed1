"""Find and follow every lead of an upright page whose millimetre is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scartools.ecg import layout as page_layout
from scartools.ecg.border_marks import ends_of_rows, places_of_bars
from scartools.ecg.columns import Columns, lean_of, place_columns, shifted
from scartools.ecg.layout_fit import Fit, fit_layouts
from scartools.ecg.lead_names import Word
from scartools.ecg.lead_print import dotted_lines, hidden_by_print, loose_ink, missed_beats, without_letters
from scartools.ecg.page_cover import covered_columns
from scartools.ecg.page_ink import TraceInk, ink_extent, upright_runs, usual_height
from scartools.ecg.page_layouts import LAYOUTS
from scartools.ecg.pulse import Pulse, find_cut_pulses, find_pulses, rows_rising_alike, whole_width
from scartools.ecg.pulse_columns import behind_pulses
from scartools.ecg.pulse_half import find_half_pulses
from scartools.ecg.separators import Separator, erase_lines, lines_of_rows
from scartools.ecg.trace import Path, follow_rows
from scartools.ecg.trace_heights import heights as trace_heights
from scartools.ecg.trace_heights import pen
from scartools.ecg.trace_refine import PER_PX
from scartools.ecg.trace_tips import with_tips_of
from scartools.errors import InputError

FEWEST_NAMED = 0.5  # share of the leads whose names must be read where the arrangement has them
STRIP_LEADS = ("II", "V1", "V5")
STRIP_NAME_FAR = 22.0  # mm from the baseline of a rhythm strip to its name
LEVEL_FEET_MM = 0.3
WHOLE_ALIKE = 3  # rows with pulses above each other: no edge cuts through them
HALF_MM = 1.5  # beyond the left edge of the leads, where half a pulse may fall
PARTLY = 0.7  # px
SAMPLE_MM = 0.05  # at 500 Hz and 25 mm/s
UNNAMED_COLUMN_MM = 62.5  # of the one arrangement that is taken without names: 3 x 4


@dataclass(frozen=True)
class Leads:
    """An upright page with every row followed.

    fit       the arrangement; columns: where its columns are
    heights   one a row, float (PER_PX * W,): row (px) of the trace, NaN in gaps, pulses and separators
    pulses    of each row; contrast: of the ink; missed: upright strokes beside every lead
    strip_names  of the rhythm strips as printed, None where that cannot be read
    rows_left_out  rows of traces that are no part of the arrangement
    cut       of each row, a pulse that the edge of the picture cuts through
    hidden    one a row, bool (PER_PX * W,): where names, separators and pulses stand on the trace
    pulse_width  mm, of the pulses that are whole; None without one
    """

    fit: Fit
    columns: Columns
    heights: list[np.ndarray]
    pulses: list[list[Pulse]]
    contrast: float
    missed: int
    strip_names: tuple[str | None, ...] = ()
    rows_left_out: int = 0
    cut: tuple[list[Pulse], ...] = ()
    hidden: tuple[np.ndarray, ...] = ()
    pulse_width: float | None = None


def follow_leads(
    ink: TraceInk,
    words: list[Word],
    darkness: np.ndarray,
    px_per_mm: float,
    wanted: str | None = None,
    *,
    guessed: bool = False,
) -> Leads:
    """Find rows and columns, then follow every row with the lead names taken out of the ink.

    ink     of the upright page; words: printed on it; darkness: float32 (H, W)
    wanted  the arrangement as --layout gives it
    guessed  the millimetre is a guess
    Raises InputError, with the reason, where the arrangement is not told or a lead would be lost.
    """
    mm = (px_per_mm, px_per_mm)
    look = _first_look(ink, words, px_per_mm, wanted)
    fit, columns = _arranged(ink, words, look, px_per_mm, wanted, guessed=guessed)
    rows, lead_rows = look.rows, look.rows[: look.lead_rows]
    places = _name_places(fit, words, px_per_mm)
    separators = page_layout.separators_at(columns, look.bars, mm)
    loose = loose_ink(ink, look.lines, words, places, columns, px_per_mm)
    unnamed = page_layout.erase_names(without_letters(look.mask, loose, ink, places), places)
    paths = with_tips_of(
        follow_rows(upright_runs(unnamed), unnamed.shape, rows, mm), unnamed & ink.mask, places, mm
    )
    heights = trace_heights(paths, unnamed, ink.weight)
    touched = hidden_by_print(
        ink, loose, unnamed, paths, (places, fit.layout.columns), columns, lead_rows, px_per_mm
    )
    hidden = [separators | row for row in touched]
    missed = missed_beats(unnamed, ink, loose, paths, words, (rows, columns, hidden), darkness, px_per_mm)
    covered = covered_columns(hidden, rows, columns, look.lines, look.pulses, look.line, px_per_mm)
    strokes = page_layout.beside_strokes(missed, paths, mm)
    heights = [
        np.where(cover | np.repeat(stroke, PER_PX)[: len(height)], np.nan, height)
        for height, cover, stroke in zip(heights, covered, strokes, strict=True)
    ]
    return Leads(
        fit,
        columns,
        heights,
        look.pulses,
        ink.contrast,
        len(missed),
        _strip_names(fit, words, px_per_mm),
        look.seen - len(rows),
        _cut_pulses(look.whole, rows, look.pulses, columns, look.line, mm),
        tuple(covered),
        whole_width(look.pulses, look.heights, mm),
    )


@dataclass(frozen=True)
class _Look:
    """What the rows show before the names are taken out of the ink.

    fits       arrangements that names speak for, best first; named: the best, where enough names do, or None
    rows       px, their baselines; seen: rows that were found, those that are no part of an arrangement included
    line       width of the stroke, px; radius: half the width of the pen, px
    whole      bool (H, W), traces, writing and lines; mask: what to follow, without the dotted lines
    lines      dotted; beside: columns (px) where they pass each row of leads
    paths, heights, pulses  of every row, heights float (W,) in px; bars: of the rows of leads
    ends       px, where the traces begin and end without their pulses
    """

    fits: list[Fit]
    named: Fit | None
    rows: list[float]
    seen: int
    line: float
    radius: float
    whole: np.ndarray
    mask: np.ndarray
    lines: list[Separator]
    beside: list[list[float]]
    paths: list[Path]
    heights: list[np.ndarray]
    pulses: list[list[Pulse]]
    bars: list[np.ndarray]
    ends: tuple[float, float]

    @property
    def lead_rows(self) -> int:
        """How many of the rows hold leads: those of the arrangement, or of 3 x 4 without one."""
        return len(self.named.layout.rows) if self.named else 3


def _first_look(ink: TraceInk, words: list[Word], px_per_mm: float, wanted: str | None) -> _Look:
    """Find the rows, follow each roughly, and see where pulses and separators stand; arguments as for follow_leads."""
    mm = (px_per_mm, px_per_mm)
    runs, extent = upright_runs(ink.mask), ink_extent(ink.mask)
    line = usual_height(runs)
    rows = page_layout.find_rows(runs, extent, ink.mask.shape[0], mm)
    if len(rows) < 3:
        raise InputError(f"layout not recognised: {len(rows)} rows of traces are found, where 3 to 12 are due")
    fits = fit_layouts(words, rows, px_per_mm, wanted)
    named = fits[0] if fits and fits[0].share >= FEWEST_NAMED else None
    seen, rows = len(rows), list(named.rows) if named else rows
    lead_rows = rows[: len(named.layout.rows) if named else 3]
    whole = ink.mask if ink.marks is None else ink.mask | ink.marks
    lines = dotted_lines(ink, whole, px_per_mm)
    mask = erase_lines(ink.followed, lines)
    paths = follow_rows(upright_runs(mask), mask.shape, rows, mm)
    drawn = pen(paths, mask, ink.weight)
    heights = [height[::PER_PX] for height in trace_heights(paths, mask, ink.weight, fitted=False, drawn=drawn)]
    pulses = [find_pulses(path, height, line, mm) for path, height in zip(paths, heights, strict=True)]
    return _Look(
        fits,
        named,
        rows,
        seen,
        line,
        drawn[1],
        whole,
        mask,
        lines,
        lines_of_rows(lines, lead_rows, px_per_mm),
        paths,
        heights,
        pulses,
        [page_layout.find_separators(whole, row, mm) for row in lead_rows],
        _trace_ends(heights, pulses, line, px_per_mm),
    )


def _arranged(
    ink: TraceInk, words: list[Word], look: _Look, px_per_mm: float, wanted: str | None, *, guessed: bool
) -> tuple[Fit, Columns]:
    """The arrangement of the page and its columns, from names, gaps, separators, pulses and the ends of the traces."""
    mm = (px_per_mm, px_per_mm)
    each = list(zip(look.rows[: look.lead_rows], look.paths[: look.lead_rows], look.bars, strict=True))
    breaks = [page_layout.find_breaks(path, bar, mm) for _, path, bar in each]
    first, last = ends_of_rows(look.paths, ink.weight, look.radius, look.ends)
    exact = (first, None if last is None else last + SAMPLE_MM * px_per_mm)
    marks = [places_of_bars(look.whole, ink.weight, row, bar, mm) for row, _, bar in each]
    fit = look.named
    if fit is None:
        pieces = page_layout.text_pieces(look.whole, look.paths, mm)
        fit = _without_names(pieces, look.rows, breaks, look.ends, mm, look.fits, wanted)
    columns = place_columns(
        fit, _with_lines(breaks, look.beside), look.ends, px_per_mm, guessed=guessed, marks=marks, exact=exact
    )
    if not guessed:
        rows = slice(look.lead_rows)
        columns = behind_pulses(columns, look.pulses[rows], look.ends[1], px_per_mm, look.heights[rows])
    lean = lean_of(_printed_marks(fit, words, look.beside, look.pulses, px_per_mm))
    return fit, shifted(columns, look.rows, look.beside, lean, px_per_mm)


def _cut_pulses(
    whole: np.ndarray,
    rows: list[float],
    pulses: list[list[Pulse]],
    columns: Columns,
    line: float,
    mm: tuple[float, float],
) -> tuple[list[Pulse], ...]:
    """Of each row, what is left of a pulse that the edge of the picture or of the paper cuts through.

    Not looked for where most rows show a whole one, with both feet at one level, or some show whole ones above each other
    that rise alike: the lead behind a pulse need not begin at the level of its foot.
    """
    level = [any(abs(p.over_left - p.over_right) < LEVEL_FEET_MM * mm[1] for p in own) for own in pulses]
    if sum(level) > len(rows) / 2 or rows_rising_alike(pulses, columns.edges(0)[0], mm) >= WHOLE_ALIKE:
        return tuple([] for _ in rows)
    stop = columns.edges(0)[0] + HALF_MM * mm[0]
    halves = find_half_pulses(whole, rows, stop, line, mm)
    if any(halves):
        return tuple(halves)
    return tuple(find_cut_pulses(whole, rows, line, mm))


def _without_names(
    pieces: np.ndarray,
    rows: list[float],
    breaks: list[np.ndarray],
    ends: tuple[float, float],
    mm: tuple[float, float],
    fits: list[Fit],
    wanted: str | None,
) -> Fit:
    """Take a page whose names cannot be read for 3 x 4, if twelve words stand where its names would and grow like I, II, III."""
    told = max((fit.named for fit in fits), default=0)
    strips = len(rows) - 3
    if strips > 3 or (wanted is not None and wanted not in (f"3x4+{strips}", "3x4")):
        raise InputError(
            f"layout not recognised: {len(rows)} rows of traces, {told} lead names read",
            remedy="Give --layout, or scan the page with 200 dots an inch or more",
        )
    left, shift, count = page_layout.unread_names(pieces, rows, breaks, ends, mm, UNNAMED_COLUMN_MM * mm[0])
    name_left = left + shift
    if page_layout.name_widths_grow(pieces, rows, name_left, mm) is False:
        raise InputError(
            "layout not recognised: the names of the first column are not I, II and III",
            remedy="Turn the page upright, or scan it with 200 dots an inch or more",
        )
    above = page_layout.name_offset(pieces, rows, name_left, UNNAMED_COLUMN_MM * mm[0], mm)
    return Fit(LAYOUTS[0], strips, tuple(rows), name_left, UNNAMED_COLUMN_MM * mm[0], above, 0, 0.0)


def _with_lines(breaks: list[np.ndarray], lines: list[list[float]]) -> list[np.ndarray]:
    """The breaks of each row with its separators among them."""
    marked = [row.copy() for row in breaks]
    for row, found in zip(marked, lines, strict=True):
        for x in found:
            row[max(int(round(x)) - 1, 0) : int(round(x)) + 2] = True
    return marked


def _printed_marks(
    fit: Fit, words: list[Word], lines: list[list[float]], pulses: list[list[Pulse]], px_per_mm: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """What is printed above each other, for the lean: names of a column, separators, left edges of first pulses."""
    groups: dict[tuple[str, int], list[tuple[float, float]]] = {}
    pitch = fit.pitch or 0.0
    for word in words:
        place = fit.layout.place(word.text) if word.text and word.confidence >= 0.8 else None
        if place is None:
            continue
        row, column = place
        below = (word.top + word.bottom) / 2 - fit.rows[row] - fit.above
        if abs(below) < 3 * px_per_mm and abs(word.left - fit.left - column * pitch) < 3 * px_per_mm:
            groups.setdefault(("name", column), []).append((fit.rows[row], float(word.left)))
    for row, found in enumerate(lines):
        for x in found:
            groups.setdefault(("line", round((x - fit.left) / pitch) if pitch else 0), []).append(
                (fit.rows[row], x)
            )
    for row, own in enumerate(pulses):
        if own:
            groups.setdefault(("pulse", 0), []).append((fit.rows[row], float(own[0].left)))
    return [
        (np.array([y for y, _ in marks]), np.array([x for _, x in marks]))
        for marks in groups.values()
        if len(marks) > 1
    ]


def _strip_names(fit: Fit, words: list[Word], px_per_mm: float) -> tuple[str | None, ...]:
    """What stands where the name of each rhythm strip is printed: as far from its baseline as the names of the leads,
    or else as far as the names of the other strips, which some printers set lower.
    """
    found = []
    for row in fit.rows[len(fit.layout.rows) :]:
        for word in words:
            below = (word.top + word.bottom) / 2 - row
            if (
                word.text in STRIP_LEADS
                and word.confidence >= 0.6
                and abs(below) < STRIP_NAME_FAR * px_per_mm
                and abs(word.left - fit.left) < 5 * px_per_mm
            ):
                found.append((row, below, word))
    strip_rows = fit.rows[len(fit.layout.rows) :]
    levels = [fit.above, *sorted({below for _, below, _ in found}, key=lambda at: abs(at - fit.above))]
    best: tuple[str | None, ...] = ()
    for level in levels:
        names: list[str | None] = []
        for row in strip_rows:
            near = [word for own, below, word in found if own == row and abs(below - level) < 4 * px_per_mm]
            names.append(max(near, key=lambda word: word.confidence).text if near else None)
        if not best or sum(map(bool, names)) > sum(map(bool, best)):
            best = tuple(names)
    return best


def _name_places(fit: Fit, words: list[Word], px_per_mm: float) -> list[page_layout.Box]:
    """Where the lead names stand, also those that are hidden: left, top, right, bottom in px, row by row."""
    tall = [float(word.bottom - word.top) for word in words if word.text] or [3.0 * px_per_mm]
    half = 0.75 * float(np.median(tall))
    pitch = fit.pitch or 0.0
    places: list[page_layout.Box] = []
    for row in fit.rows[: len(fit.layout.rows)]:
        for column in range(fit.layout.columns):
            left = fit.left + column * pitch
            middle = row + fit.above
            places.append(
                (
                    int(left - 1.2 * px_per_mm),
                    int(middle - half),
                    int(left + 9 * px_per_mm),
                    int(middle + half) + 1,
                )
            )
    return places


def _trace_ends(
    heights: list[np.ndarray], pulses: list[list[Pulse]], line: float, px_per_mm: float
) -> tuple[float, float]:
    """Where the traces begin and end (px), the calibration pulses left out: the middle of the rows.

    line  width of the stroke, px: the pen leaves ink by half of it before and behind
    A lead lasts until a sample after its last one: SAMPLE_MM.
    """
    starts: list[int] = []
    stops: list[int] = []
    for height, found in zip(heights, pulses, strict=True):
        inked = np.flatnonzero(np.isfinite(height))
        if not len(inked):
            continue
        first, last = int(inked[0]), int(inked[-1])
        span = last - first
        for pulse in found:
            if pulse.right < first + 0.12 * span:
                first = max(first, pulse.right)
            if pulse.left > last - 0.12 * span:
                last = min(last, pulse.left)
        starts.append(first)
        stops.append(last)
    if not starts:
        raise InputError("no trace is found: this is not an ECG page, or its trace is too pale")
    # a stroke inks pixels that it covers by a part: its run of ink is wider than the pen by PARTLY, and its end is round
    round_end = max((line - PARTLY) / 2 - 0.5, 0.0)
    return float(np.median(starts)) + round_end, float(np.median(stops)) - round_end + SAMPLE_MM * px_per_mm
