"""Strokes beside the traces: a beat that was not followed counts, whatever it was taken for; print does not."""

from __future__ import annotations

import numpy as np

from scartools.ecg.lead_names import Word
from scartools.ecg.stroke_kinds import beats_among, loose_marks, on_letters, palest_stroke
from scartools.ecg.trace import Path

MM = 4.0
LINE = 2.0


def word(text: str, left: int, top: int, right: int, bottom: int, confidence: float = 0.9) -> Word:
    return Word(text, confidence, left, top, right, bottom, np.zeros(1, np.float32))


def page() -> np.ndarray:
    """Darkness (200, 300): a line of the grid, pale, at column 100; a stroke of 16 px, dark, at 150 and on the line at 101."""
    dark = np.zeros((200, 300), np.float32)
    dark[:, 100:102] = 0.4
    dark[92:108, 150:152] = 0.8
    return dark


def test_a_line_of_the_grid_is_no_beat_and_a_stroke_is_one() -> None:
    strokes = [(100, 92, 102, 108), (150, 92, 152, 108)]
    assert beats_among(strokes, page(), [], LINE, MM) == [(150, 92, 152, 108)]


def test_a_stroke_on_a_line_of_the_grid_is_one() -> None:
    dark = page()
    dark[92:108, 100:102] = 0.9
    assert beats_among([(100, 92, 102, 108)], dark, [], LINE, MM) == [(100, 92, 102, 108)]


def test_the_name_of_a_rhythm_strip_is_no_beat() -> None:
    stroke = (150, 92, 152, 108)
    assert beats_among([stroke], page(), [word("II", 144, 91, 153, 109)], LINE, MM) == []
    assert beats_among([stroke], page(), [word("", 144, 91, 153, 109)], LINE, MM) == [stroke]
    assert beats_among([stroke], page(), [word("II", 144, 91, 153, 109, 0.3)], LINE, MM) == [stroke]


def test_what_leaves_the_picture_and_what_is_thinner_than_the_pen_is_none() -> None:
    assert beats_among([(150, 0, 152, 20), (150, 180, 152, 200)], page(), [], LINE, MM) == []
    assert beats_among([(150, 92, 151, 108)], page(), [], LINE, MM) == []


def test_a_hair_is_paler_than_any_stroke_of_the_pen() -> None:
    dark = page()
    top, bottom = np.full(300, 100.0), np.full(300, 103.0)
    for x, darkness in zip(range(10, 70, 2), np.linspace(0.4, 0.8, 30), strict=True):
        top[x], bottom[x] = 60.0, 103.0
        dark[60:103, x] = darkness
    palest = palest_stroke([Path(top, bottom, np.zeros(300, bool))], dark, MM)
    assert 0.3 < palest < 0.4
    hair, beat = (200, 92, 203, 108), (150, 92, 152, 108)
    dark[92:108, 200:203] = 0.25
    assert beats_among([hair, beat], dark, [], LINE, MM, palest) == [beat]
    assert beats_among([hair, beat], dark, [], LINE, MM) == [hair, beat]


def test_low_beats_that_were_taken_for_letters_are_not_hidden() -> None:
    """A beat of 3.5 mm, 0.9 mm2 of ink, that the network took for writing: it stands where no letters are known."""
    marks, lines = np.zeros((200, 300), bool), np.zeros((200, 300), bool)
    marks[92:106, 150:151] = True
    lines[:, 200] = marks[:, 200] = True  # a separator
    marks[90:104, 40:43] = True  # a name
    loose = loose_marks(marks, lines, [word("I", 40, 90, 43, 104)], [], MM)
    assert loose[92:106, 150].all() and loose.sum() == 14
    assert not loose_marks(marks, lines, [], [(140, 85, 170, 110), (35, 85, 60, 110)], MM).any()


def test_a_line_of_print_is_not_loose() -> None:
    marks = np.zeros((200, 300), bool)
    for left in range(60, 140, 8):  # letters 2 mm apart: a word of some length
        marks[92:100, left : left + 5] = True
    assert not loose_marks(marks, np.zeros_like(marks), [], [], MM).any()


def test_a_trace_that_runs_into_a_name_is_hidden_there() -> None:
    marks = np.zeros((200, 300), bool)
    marks[80:99, 60:70] = True  # letters down to the trace
    top = np.full(300, 100.0)
    path = Path(top, top + 3, np.zeros(300, bool))
    hidden = on_letters(marks, [path], [(55, 75, 95, 105)], 1, MM)[0]
    assert np.flatnonzero(hidden).tolist() == list(range(56, 74))
    assert not on_letters(marks, [Path(top + 20, top + 23, path.shared)], [(55, 75, 95, 105)], 1, MM)[0].any()
