"""The arrangement of a page is told by where its names stand."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg.layout_fit import fit_layouts
from scartools.ecg.lead_names import NAMES, Word
from scartools.ecg.page_layouts import LAYOUTS, Layout

PX = 8.0
NOTHING = np.zeros(len(NAMES) + 1, np.float32)


def word(text: str, left: float, middle: float, confidence: float = 0.9) -> Word:
    return Word(text, confidence, int(left), int(middle - 12), int(left + 40), int(middle + 12), NOTHING)


def page(layout: Layout, strips: int) -> tuple[list[Word], list[float]]:
    """Names 10 mm above their baselines; columns 62.5 mm wide, rows 25 mm apart."""
    rows = [300.0 + 200 * k for k in range(len(layout.rows) + strips)]
    words = [
        word(lead, 200 + 500 * column, rows[row] - 80)
        for row, leads in enumerate(layout.rows)
        for column, lead in enumerate(leads)
    ]
    words += [word("II", 200, row - 80) for row in rows[len(layout.rows) :]]
    return words, rows


CASES = [(layout, strips) for layout in LAYOUTS for strips in layout.strips]


@pytest.mark.parametrize(("layout", "strips"), CASES, ids=lambda value: str(getattr(value, "name", value)))
def test_every_arrangement_is_told_from_all_others(layout: Layout, strips: int) -> None:
    words, rows = page(layout, strips)
    best = fit_layouts(words, rows, PX)[0]
    assert (best.layout, best.strips) == (layout, strips)
    assert best.named == len(layout.rows) * layout.columns
    assert best.above == -80
    assert best.left == pytest.approx(200, abs=0.5)


def test_names_half_of_which_are_unread_or_wrong_are_enough() -> None:
    words, rows = page(LAYOUTS[0], 1)
    words = [w for k, w in enumerate(words) if k % 2 == 0] + [word("V3", 900, 50), word("III", 1500, 700)]
    best = fit_layouts(words, rows, PX)[0]
    assert (best.layout, best.strips) == (LAYOUTS[0], 1)
    assert best.share < 0.6


def test_a_row_that_is_none_is_left_out() -> None:
    words, rows = page(LAYOUTS[0], 1)
    best = fit_layouts(words, [rows[0], rows[0] + 90, *rows[1:]], PX)[0]
    assert best.rows == tuple(rows)


def test_no_names_speak_for_nothing() -> None:
    assert fit_layouts([], [300.0, 500.0, 700.0], PX) == []
    upside_down = [word(w.text, 2400 - w.right, 1200 - w.top) for w in page(LAYOUTS[0], 0)[0]]
    fits = fit_layouts(upside_down, [300.0, 500.0, 700.0], PX)
    assert not fits or fits[0].share < 0.5
