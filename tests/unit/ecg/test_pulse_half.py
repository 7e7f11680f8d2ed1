"""Half a pulse tells the gain where two rows show the same one."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg.page_ink import _clear_frame
from scartools.ecg.pulse_half import find_half_pulses

MM, LINE = 5.0, 2.0
ROWS = (150.5, 350.5, 550.5)


def page(height_mm: float = 10.0, corner: int = 34, rows: tuple[int, ...] = (0, 1, 2)) -> np.ndarray:
    """Ink (700, 300): tops from column 12 on, their falls, and traces 2 mm below the feet."""
    ink = np.zeros((700, 300), bool)
    for row in range(3):
        foot = 140 + 200 * row
        ink[foot + 10 : foot + 12, corner + 16 :] = True
        if row in rows:
            top = foot - round(height_mm * MM)
            ink[top : top + 2, 12:corner] = True
            ink[top : foot + 2, corner - 2 : corner] = True
            ink[foot : foot + 2, corner : corner + 5] = True
    return ink


def found(ink: np.ndarray) -> list[int]:
    return [len(row) for row in find_half_pulses(ink, ROWS, 45.0, LINE, (MM, MM))]


@pytest.mark.parametrize("height_mm", [5.0, 10.0, 20.0])
def test_the_height_is_that_of_the_fall_over_its_foot(height_mm: float) -> None:
    pulses = find_half_pulses(page(height_mm), ROWS, 45.0, LINE, (MM, MM))
    assert [len(row) for row in pulses] == [1, 1, 1]
    assert [row[0].over_left for row in pulses] == pytest.approx([height_mm * MM] * 3, abs=1.0)


def test_a_fall_that_goes_on_as_a_wave_ends_at_the_level_of_the_trace_behind() -> None:
    ink = page()
    for row in (1, 2):
        foot = 140 + 200 * row
        ink[foot : foot + 40, 32:34] = True
        ink[foot + 10 : foot + 12] = False
        ink[foot : foot + 2, 34:] = True
    pulses = find_half_pulses(ink, [row - 10 for row in ROWS], 45.0, LINE, (MM, MM))
    assert [row[0].over_left for row in pulses] == pytest.approx([10 * MM] * 3, abs=2.0)


def test_one_corner_alone_or_corners_at_two_places_are_none() -> None:
    assert found(page(rows=(1,))) == [0, 0, 0]
    apart = page(rows=(0,)) | np.roll(page(rows=(1,)), 15, axis=1)
    assert found(apart) == [0, 0, 0]
    assert found(page(7.0)) == [0, 0, 0]  # no gain in use


def test_a_dot_below_the_top_is_no_letter_and_letters_are() -> None:
    dots = page()
    dots[100:140:5, 24:28:3] = True
    assert found(dots) == [1, 1, 1]
    letters = page()
    for row in range(3):
        letters[110 + 200 * row : 130 + 200 * row, 24:28] = True
    assert found(letters) == [0, 0, 0]


def test_falls_above_each_other_are_no_frame_of_the_picture() -> None:
    mask = page()
    mask[:, 296:] = True  # the edge of the picture, here and there hidden
    mask[300:310, 296:] = False
    for row in range(3):
        mask[60 + 200 * row : 170 + 200 * row, 4:6] = True  # over half of a column
    _clear_frame(mask)
    assert not mask[:160, 296:].any()
    assert mask[60:170, 4:6].all()
