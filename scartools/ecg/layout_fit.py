"""Which arrangement of leads a page is in: told by the printed names, by where they stand to each other.

A name says its row and its column in an arrangement. Names of one page agree in where they put the first column, in
the distance of the columns and in how far above or below their baselines they stand; those of the wrong arrangement, of
a page that lies upside down, and words that only look like a name do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from scartools.ecg.lead_names import Word
from scartools.ecg.page_layouts import Layout, layouts_of

LEAST_CONFIDENCE = 0.5  # of a word that may speak for an arrangement
APART_X, APART_Y = 3.0, 5.0  # mm by which names of one page stray from their common places
FAR_Y = 22.0  # mm from a baseline to its name, at most
COLUMN_MM = (25.0, 260.0)  # the narrowest and the widest column


@dataclass(frozen=True)
class Fit:
    """An arrangement held against the names of a page.

    layout, strips  what it is; rows: float (len(layout.rows) + strips,), px, its baselines
    left            px, where names of the first column begin
    pitch           px from column to column; None where there is but one column
    above           px from a baseline down to the middle of its name: negative above it
    named           how many of its leads are named where they should be
    support         sum of the confidences of those names, less those that name another lead there
    """

    layout: Layout
    strips: int
    rows: tuple[float, ...]
    left: float
    pitch: float | None
    above: float
    named: int
    support: float

    @property
    def cells(self) -> int:
        return len(self.layout.rows) * self.layout.columns

    @property
    def share(self) -> float:
        """Support as a share of the arrangement's leads, at most 1."""
        return self.support / self.cells


def fit_layouts(
    words: Sequence[Word], rows: Sequence[float], px_per_mm: float, wanted: str | None = None
) -> list[Fit]:
    """Return the arrangements that any name speaks for, best first.

    words  of lead_names.find_words; rows: px, baselines from top to bottom; wanted: as --layout gives it
    Rows too many (a line of text, the foot of a pulse) may be left out.
    """
    sure = [_usual(word) for word in words if word.text and word.confidence >= LEAST_CONFIDENCE]
    fits = []
    for kept in _row_choices(rows):
        for layout, strips in layouts_of(len(kept), wanted):
            fit = _fit(sure, layout, strips, kept, px_per_mm)
            if fit is not None:
                fits.append((fit, len(rows) - len(kept)))
    fits.sort(key=lambda pair: (-round(pair[0].support, 3) + 0.5 * pair[1], pair[1]))
    return [fit for fit, _ in fits]


def _row_choices(rows: Sequence[float]) -> list[tuple[float, ...]]:
    """All rows, those without some at the ends, and those without one in between."""
    every = {
        tuple(rows[first:last])
        for first in range(min(4, len(rows)))
        for last in range(max(first + 3, len(rows) - 3), len(rows) + 1)
    }
    every |= {tuple(row for k, row in enumerate(rows) if k != out) for out in range(len(rows))}
    return sorted(every, key=len, reverse=True)


def _usual(word: Word) -> Word:
    """A word as one of the twelve leads: V3R, V4R and V7 are read for V3, V4 and V1 where letters touch a line."""
    alike = {"V3R": "V3", "V4R": "V4", "V7": "V1"}.get(word.text)
    return word if alike is None else replace(word, text=alike, confidence=0.6 * word.confidence)


def _fit(
    words: Sequence[Word], layout: Layout, strips: int, rows: Sequence[float], px_per_mm: float
) -> Fit | None:
    placed = []  # word, row, column, px below its baseline
    for word in words:
        place = layout.place(word.text)
        if place is not None:
            below = (word.top + word.bottom) / 2 - rows[place[0]]
            if abs(below) < FAR_Y * px_per_mm:
                placed.append((word, place[0], place[1], below))
    best: Fit | None = None
    for left, pitch in _column_places(placed, layout, px_per_mm):
        fit = _supported(words, placed, layout, strips, rows, left, pitch, px_per_mm)
        if fit is not None and (best is None or fit.support > best.support):
            best = fit
    return best


def _column_places(
    placed: list[tuple[Word, int, int, float]], layout: Layout, px_per_mm: float
) -> list[tuple[float, float]]:
    """px of the first name and from column to column, as each pair of names in two columns has it."""
    if layout.columns == 1:
        return [(float(word.left), 0.0) for word, *_ in placed]
    low, high = (edge * px_per_mm for edge in COLUMN_MM)
    places = []
    for (a, _, p, _), (b, _, q, _) in combinations(placed, 2):
        if p != q:
            pitch = (b.left - a.left) / (q - p)
            if low <= pitch <= high:
                places.append((a.left - p * pitch, pitch))
    return places


def _supported(
    words: Sequence[Word],
    placed: list[tuple[Word, int, int, float]],
    layout: Layout,
    strips: int,
    rows: Sequence[float],
    left: float,
    pitch: float,
    px_per_mm: float,
) -> Fit | None:
    """The arrangement with its columns here: every name that agrees, less every name that stands in another's place."""
    near = [
        (word, row, column, below)
        for word, row, column, below in placed
        if abs(word.left - left - column * pitch) < APART_X * px_per_mm
    ]
    if not near:
        return None
    belows = np.array([below for *_, below in near])
    weight = np.array([word.confidence for word, *_ in near])
    agree = np.abs(belows[:, None] - belows[None]) < APART_Y * px_per_mm
    above = _median(belows[agree[int(np.argmax(agree @ weight))]].tolist())
    held: dict[tuple[int, int], Word] = {}
    for word, row, column, below in near:
        if abs(below - above) < APART_Y * px_per_mm:
            other = held.get((row, column))
            if other is None or word.confidence > other.confidence:
                held[row, column] = word
    against = sum(
        0.5 * word.confidence
        for word in words
        if _stands_for_another(word, held, layout, rows, left, pitch, above, px_per_mm)
    )
    support = sum(word.confidence for word in held.values()) - against
    if layout.columns > 1 and len(held) > 2:
        columns = np.array([column for _, column in held], float)
        lefts = np.array([word.left for word in held.values()], float)
        if np.ptp(columns) > 0:
            pitch = _pitch(columns, lefts)
            left = _median((lefts - columns * pitch).tolist())
    elif layout.columns == 1:
        left = _median([word.left for word in held.values()])
    return Fit(
        layout, strips, tuple(rows), left, pitch if layout.columns > 1 else None, above, len(held), support
    )


def _pitch(columns: np.ndarray, lefts: np.ndarray) -> float:
    """px from column to column: the median of all pairs, neighbours first; the names of the first may stand apart."""
    apart = columns[:, None] - columns[None]
    nearest = apart[apart > 0].min()
    pairs = apart == nearest
    return _median(((lefts[:, None] - lefts[None])[pairs] / nearest).tolist())


def _median(values: list[float]) -> float:
    """As np.median, which takes twenty times as long for a dozen numbers; there are hundreds of fits to a page."""
    ordered, half = sorted(values), len(values) // 2
    return float(ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def _stands_for_another(
    word: Word,
    held: dict[tuple[int, int], Word],
    layout: Layout,
    rows: Sequence[float],
    left: float,
    pitch: float,
    above: float,
    px_per_mm: float,
) -> bool:
    """Whether a name stands where this arrangement has another lead, and nothing there names that."""
    middle = (word.top + word.bottom) / 2
    for row, leads in enumerate(layout.rows):
        if abs(middle - rows[row] - above) >= 0.6 * APART_Y * px_per_mm:
            continue
        for column, lead in enumerate(leads):
            if abs(word.left - left - column * pitch) < APART_X * px_per_mm:
                return (row, column) not in held and lead.lstrip("-") != word.text.lstrip("-")
    return False
