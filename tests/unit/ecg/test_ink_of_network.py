"""Ink from the network's probabilities: broken strokes are whole again, lines of the grid are none."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg.page_ink import MOST_INK, ink_of_network
from scartools.errors import InputError

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]


def planes() -> Planes:
    """Darkness, trace and text (200, 300): a level trace, a pale stroke that breaks twice, a pale grid line, a letter."""
    dark, trace, text = (np.zeros((200, 300), np.float32) for _ in range(3))
    dark[100:103, 20:280], trace[100:103, 20:280] = 0.6, 0.95
    dark[60:100, 150], trace[60:100, 150] = 0.35, 0.3
    trace[70, 150] = trace[80:82, 150] = 0.05
    dark[:, 220], trace[:95, 220] = 0.05, 0.6
    dark[60:80, 40:44], text[60:80, 40:44] = 0.6, 0.9
    return dark, trace, text


def test_a_pale_stroke_is_followed_with_the_trace_it_hangs_on() -> None:
    ink = ink_of_network(*planes())
    assert not ink.mask[60:99, 150].any()
    assert ink.followed[60:100, 150].all()


def test_a_line_too_pale_to_be_ink_is_none() -> None:
    assert not ink_of_network(*planes()).followed[:95, 220].any()


def test_letters_are_marks() -> None:
    ink = ink_of_network(*planes())
    assert ink.marks is not None and ink.marks[60:80, 40:44].all()
    assert not ink.followed[60:80, 40:44].any()


def test_turned_ink_turns_every_plane() -> None:
    ink = ink_of_network(*planes())
    turned = ink.turned(1)
    assert turned.marks is not None
    assert np.array_equal(turned.followed, np.rot90(ink.followed))
    assert np.array_equal(turned.marks, np.rot90(ink.marks))


def test_a_page_of_ink_is_refused() -> None:
    full = np.ones((100, 100), np.float32)
    with pytest.raises(InputError, match="not an ECG page"):
        ink_of_network(full, full, 0 * full)
    assert MOST_INK < 1


def test_the_tip_of_a_narrow_stroke_that_looks_like_a_letter_is_followed() -> None:
    """Where two strokes merge the network holds both possible; of a letter it is sure."""
    dark, trace, text = planes()
    dark[85:100, 100:102], trace[85:100, 100:102], text[85:100, 100:102] = 0.6, 0.45, 0.75
    dark[85:100, 120:122], trace[85:100, 120:122], text[85:100, 120:122] = 0.6, 0.05, 0.95
    ink = ink_of_network(dark, trace, text)
    assert ink.followed[85:100, 100:102].all()
    assert not ink.followed[85:99, 120:122].any()
