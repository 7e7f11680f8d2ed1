"""What print stands on the traces of a page, and what was taken for print and is a trace."""

from __future__ import annotations

import numpy as np

from scartools.ecg import layout as page_layout
from scartools.ecg.columns import Columns
from scartools.ecg.lead_names import Word
from scartools.ecg.page_ink import TraceInk, joined_to, stroke_width, widened
from scartools.ecg.separators import Separator, erase_lines, find_dotted_lines
from scartools.ecg.stroke_kinds import beats_among, loose_marks, on_letters, palest_stroke
from scartools.ecg.trace import Path
from scartools.errors import InputError

MOST_MISSED = 10  # upright strokes beside every lead; what passes them is left out of the leads
LEAST_LETTER = 1.0  # mm2 of ink; what the network leaves of a letter is less
BORDER_MM = 1.5  # beside a border of two columns, where a separator may stand
FRINGE = 2  # px around letters and lines that were told from the trace
SEPARATOR_MM = 8.0  # above and below a baseline, where it does


def dotted_lines(ink: TraceInk, whole: np.ndarray, px_per_mm: float) -> list[Separator]:
    """The dotted separators of an upright page; whole: bool (H, W), traces, writing and lines.

    The darkness alone cannot tell a dotted line from the dots of the paper: there those are taken that another ink has
    found, with their fringe in this one.
    """
    if ink.marks is not None:
        return find_dotted_lines(whole, px_per_mm)
    if ink.dotted is None:
        return []
    fringe = widened(ink.dotted) & ink.followed
    return find_dotted_lines(ink.dotted | fringe, px_per_mm)


def loose_ink(
    ink: TraceInk,
    lines: list[Separator],
    words: list[Word],
    places: list[page_layout.Box],
    columns: Columns,
    px_per_mm: float,
) -> np.ndarray:
    """bool (H, W): what the ink took for writing where none is known: the network takes narrow strokes for letters.

    Beside a border, where separators are printed, what looks like print is print.
    """
    if ink.marks is None:
        return np.zeros_like(ink.mask)
    loose = loose_marks(ink.marks, ink.marks & ~erase_lines(ink.marks, lines), words, places, px_per_mm)
    borders = columns.start + columns.width * np.arange(columns.count + 1)
    near = np.abs(np.arange(loose.shape[1])[:, None] - borders).min(axis=1) < BORDER_MM * px_per_mm
    return loose & ~near


def without_letters(
    mask: np.ndarray, loose: np.ndarray, ink: TraceInk, places: list[page_layout.Box]
) -> np.ndarray:
    """Ink to follow: with the loose strokes that hang on it, without what may be a letter where the names stand."""
    kept = joined_to(mask, mask | loose)
    if ink.marks is not None:
        for left, top, right, bottom in places:
            here = np.s_[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
            kept[here] &= ~ink.marks[here]
    return kept


def hidden_by_print(
    ink: TraceInk,
    loose: np.ndarray,
    unnamed: np.ndarray,
    paths: list[Path],
    names: tuple[list[page_layout.Box], int],
    columns: Columns,
    rows: list[float],
    px_per_mm: float,
) -> list[np.ndarray]:
    """For each row of leads bool (W,): columns where letters or separators stand on the trace.

    unnamed  ink without the free letters; paths: of every row; names: their places, row by row, and how many a row has
    rows     px, baselines of the leads
    """
    places, a_row = names
    own = paths[: len(rows)]
    mm = (px_per_mm, px_per_mm)
    rest = page_layout.beside_paths(unnamed, paths)
    if ink.marks is None:
        return page_layout.touched_by_names(rest, own, places, a_row, mm)
    # the fringe of letters that were told from the trace is part of no lead
    rest &= ~widened(ink.marks & ~loose, FRINGE)
    touched = page_layout.touched_by_names(rest, own, places, a_row, mm, LEAST_LETTER)
    letters = on_letters(ink.marks & ~loose, own, places, a_row, px_per_mm)
    borders = _border_places(columns, rows, px_per_mm)
    separated = on_letters(ink.marks, own, borders, columns.count - 1, px_per_mm) if borders else touched
    return [row | more | most for row, more, most in zip(touched, letters, separated, strict=True)]


def _border_places(columns: Columns, rows: list[float], px_per_mm: float) -> list[page_layout.Box]:
    """Where separators stand, row by row and border by border: left, top, right, bottom in px."""
    wide, tall = BORDER_MM * px_per_mm, SEPARATOR_MM * px_per_mm
    return [
        (int(x - wide), int(baseline - tall), int(x + wide) + 1, int(baseline + tall) + 1)
        for row, baseline in enumerate(rows)
        for x in (columns.edges(column, row)[0] for column in range(1, columns.count))
    ]


def missed_beats(
    unnamed: np.ndarray,
    ink: TraceInk,
    loose: np.ndarray,
    paths: list[Path],
    words: list[Word],
    where: tuple[list[float], Columns, list[np.ndarray]],
    darkness: np.ndarray,
    px_per_mm: float,
) -> list[page_layout.Box]:
    """Upright strokes of beats that no lead was drawn with, left, top, right, bottom in px.

    where  rows, columns, and what is hidden of each row of leads
    Raises InputError where there are too many of them.
    """
    rows, columns, hidden = where
    seen = unnamed
    if ink.marks is not None:  # the fringe of letters and lines is no stroke
        seen = (unnamed & ~widened(ink.marks & ~loose, FRINGE)) | loose
    unexplained = page_layout.beside_paths(seen, paths, max(round(0.25 * px_per_mm), 1))
    reach = round(1.5 * px_per_mm)
    near = [np.convolve(row, np.ones(2 * reach + 1))[reach : reach + len(row)] > 0 for row in hidden]
    strokes = page_layout.missed_strokes(unexplained, rows, columns, near, (px_per_mm, px_per_mm), paths)
    palest = palest_stroke(paths, darkness, px_per_mm) if strokes else 0.0
    missed = beats_among(strokes, darkness, words, stroke_width(ink.mask), px_per_mm, palest)
    if len(missed) > MOST_MISSED:
        raise InputError(
            f"{len(missed)} upright strokes of the traces belong to no lead that was read: beats would be lost",
            remedy="Scan the page flat, in colour, 200 dots an inch or more",
        )
    return missed
