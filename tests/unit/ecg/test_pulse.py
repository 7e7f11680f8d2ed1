"""A calibration pulse that the edge of the picture cuts through still tells the gain."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg.pulse import Pulse, find_cut_pulses, rows_rising_alike, whole_width

MM, LINE = 5.0, 2.0


def edge(height_mm: float = 10.0, width: int = 14, foot: bool = True) -> np.ndarray:
    """Ink (200, 300) of one row at 150: a top from the left edge, its fall, and the trace some px behind it."""
    ink = np.zeros((200, 300), bool)
    top = 150 - round(height_mm * MM)
    ink[top : top + 2, :width] = True
    ink[top:152, width - 2 : width] = True
    if foot:
        ink[150:152, width : width + 5] = True
    ink[150:152, width + 12 :] = True
    return ink


@pytest.mark.parametrize("height_mm", [5.0, 10.0, 20.0])
@pytest.mark.parametrize("foot", [True, False])
def test_the_height_of_a_cut_pulse(height_mm: float, foot: bool) -> None:
    (found,) = find_cut_pulses(edge(height_mm, foot=foot), [150.5], LINE, (MM, MM))
    assert len(found) == 1
    assert found[0].over_left == found[0].over_right == pytest.approx(height_mm * MM, abs=1.0)
    assert (found[0].left, found[0].right) == (0, 14)


def test_other_corners_at_the_edge_are_no_pulse() -> None:
    line = np.zeros((200, 300), bool)
    line[100:102] = True  # a line of the grid, or of a frame
    line[150:152] = True
    assert find_cut_pulses(line, [150.5], LINE, (MM, MM)) == [[]]
    filled = edge()
    filled[110:150, 4:6] = True  # something stands below the top: letters in a box
    assert find_cut_pulses(filled, [150.5], LINE, (MM, MM)) == [[]]
    short = edge()
    short[120:152, 12:14] = False  # its fall ends far above the trace
    assert find_cut_pulses(short, [150.5], LINE, (MM, MM)) == [[]]
    assert find_cut_pulses(edge(width=3), [150.5], LINE, (MM, MM)) == [[]]


def test_pulses_above_each_other_that_rise_alike_are_whole_whatever_follows_them() -> None:
    """Leads that wander begin off their baselines: the right feet of their pulses stray, the left ones do not."""
    whole = [[Pulse(30, 54, 50.0 + 0.5 * k, 30.0 + 12 * k, 100.0)] for k in range(3)]
    assert rows_rising_alike([[], *whole], 60.0, (MM, MM)) == 2 + 1
    apart = [[Pulse(30, 54, 50.0, 50.0, 100.0)], [Pulse(30, 54, 40.0, 50.0, 100.0)]]
    assert rows_rising_alike(apart, 60.0, (MM, MM)) == 1
    cut, inside = [Pulse(0, 24, 50.0, 50.0)], [Pulse(90, 114, 50.0, 50.0)]
    assert rows_rising_alike([cut, cut, inside, inside], 60.0, (MM, MM)) == 0


def test_only_pulses_between_two_level_feet_tell_their_width() -> None:
    row = np.full(400, 100.0)
    row[60:80] = 20.0
    first = Pulse(60, 80, 80.0, 80.0)
    assert whole_width([[first]], [row], (8.0, 8.0)) == 2.5
    cut, stepped, blank = row.copy(), row.copy(), row.copy()
    cut[:60] = np.nan  # the paper begins with the top
    stepped[80:] = 104.0  # the lead follows at once, at its own level
    blank[80:84] = np.nan
    for other in (cut, stepped, blank):
        assert whole_width([[first]], [other], (8.0, 8.0)) is None
        assert whole_width([[first], [first]], [other, row], (8.0, 8.0)) == 2.5
    two_steps = Pulse(60, 80, 80.0, 40.0, 20.0, 40.0)
    assert whole_width([[two_steps]], [row], (8.0, 8.0)) is None
