"""Dotted and dashed lines between the columns are found, however they lean; beats and letters are none."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg.separators import erase_lines, find_dotted_lines, lines_of_rows

MM = 5.0
ROWS = [150.0, 300.0, 450.0]


def page_with_lines(lean: float, dash: int, gap: int) -> np.ndarray:
    """bool (600, 900): three traces and a line of dashes at 300 and 600 px, leaning."""
    page = np.zeros((600, 900), bool)
    for row in ROWS:
        page[int(row) : int(row) + 2, 50:850] = True
    for left in (300, 600):
        for top in range(40, 560, dash + gap):
            for y in range(top, top + dash):
                x = round(left + lean * (y - 300))
                page[y, x : x + 2] = True
    return page


@pytest.mark.parametrize("lean", [0.0, 0.02, -0.05])
@pytest.mark.parametrize(("dash", "gap"), [(2, 3), (10, 6)])
def test_lines_are_found_where_they_pass_each_row(lean: float, dash: int, gap: int) -> None:
    page = page_with_lines(lean, dash, gap)
    found = lines_of_rows(find_dotted_lines(page, MM), ROWS, MM)
    for row, places in zip(ROWS, found, strict=True):
        assert places == pytest.approx([left + lean * (row - 300) + 0.5 for left in (300, 600)], abs=1.0)


def test_erased_lines_leave_the_traces() -> None:
    page = page_with_lines(0.0, 2, 3)
    rest = erase_lines(page, find_dotted_lines(page, MM))
    assert all(rest[int(row), 50:850].all() for row in ROWS)
    assert rest.sum() < 3 * 2 * 800 + 60


def test_beats_letters_and_a_broken_stroke_are_no_lines() -> None:
    page = np.zeros((600, 900), bool)
    page[300:302, 50:850] = True
    page[220:300, 200:202] = True  # a beat, drawn in one stroke
    page[180:215, 400:402] = True  # one that broke off its trace, in two pieces
    page[220:260, 400:402] = True
    for left in range(500, 600, 12):  # letters
        page[100:115, left : left + 2] = page[100:102, left : left + 8] = True
    assert find_dotted_lines(page, MM) == []
