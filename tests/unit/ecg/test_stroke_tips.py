"""Tips of waves that look like letters are parts of their strokes; letters on a level trace are not."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg.page_ink import TraceInk, pieces
from scartools.ecg.stroke_tips import narrow_holes, tips_of_strokes, with_tips

MM = 5.0
SHAPE = (120, 200)


def wave(down: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A level trace with one narrow wave of 10 mm, its last 3 mm called a letter: strokes, marks, dark."""
    dark = np.zeros(SHAPE, bool)
    dark[59:61] = True
    dark[59:61, 101:104] = False
    for row in range(50):
        beside = max(3 - row // 14, 0)
        dark[60 + row, [102 - beside, 102 + beside]] = True
    strokes, marks = dark.copy(), dark.copy()
    strokes[92:], marks[:95] = False, False  # neither trace nor letter between them
    return tuple(plane if down else plane[::-1].copy() for plane in (strokes, marks, dark))  # type: ignore[return-value]


@pytest.mark.parametrize("down", [True, False])
def test_the_tip_of_a_wave_and_the_gap_before_it_are_found(down: bool) -> None:
    strokes, marks, dark = wave(down)
    tips = tips_of_strokes(strokes, marks, dark, MM)
    assert (tips[marks & dark]).all() and np.array_equal(strokes | tips, dark)


def test_a_letter_on_a_level_trace_is_no_tip() -> None:
    strokes, marks = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    strokes[59:61] = True
    marks[61:76, 100:103] = True  # the letter I
    assert not tips_of_strokes(strokes, marks, strokes | marks, MM).any()


def test_a_letter_beside_a_stroke_and_a_wide_one_under_it_are_no_tips() -> None:
    strokes, marks, dark = wave(True)
    aside = np.roll(marks, 40, axis=1)
    assert not tips_of_strokes(strokes, aside, strokes | aside, MM).any()
    wide = marks.copy()
    wide[95:110, 92:113] = True
    assert not tips_of_strokes(strokes, wide, dark | wide, MM).any()


def test_paper_shut_in_between_two_strokes_is_a_hole_and_a_wide_ring_is_none() -> None:
    strokes = np.zeros(SHAPE, bool)
    strokes[20:60, 50] = strokes[20:60, 54] = strokes[20, 50:55] = True
    assert not narrow_holes(strokes, MM).any()  # open below
    strokes[33, 50:55] = True  # a line of the grid crosses both strokes
    expected = np.zeros(SHAPE, bool)
    expected[21:33, 51:54] = True
    assert np.array_equal(narrow_holes(strokes, MM), expected)
    strokes[65:95, 150] = strokes[65:95, 154] = strokes[65, 150:155] = strokes[94, 150:155] = True
    assert np.array_equal(narrow_holes(strokes, MM), expected)  # two rows that cross shut in more
    strokes[80:100, 100] = strokes[80:100, 120] = strokes[80, 100:121] = strokes[99, 100:121] = True
    assert np.array_equal(narrow_holes(strokes, MM), expected)


def test_a_stroke_along_a_grid_line_is_not_broken_by_it() -> None:
    """Here and there it is no darker than the line that it runs along: a row or two, and it is one stroke."""
    darkness = np.zeros((200, 200), np.float32)
    darkness[:, 100] = 0.6  # the line
    stroke = np.zeros(darkness.shape, bool)
    stroke[80:84] = stroke[40:82, 100] = True
    darkness[stroke] = 1.0
    darkness[[50, 51, 60, 70, 71], 100] = 0.62
    ink = TraceInk(stroke, darkness, 1.0, np.zeros_like(stroke), stroke)
    found = with_tips(ink, darkness, MM)
    assert len(pieces(found.followed.astype(np.uint8))[1]) == 2  # the paper, and one piece
    assert not found.followed[:35, 100].any()  # the line itself is none
