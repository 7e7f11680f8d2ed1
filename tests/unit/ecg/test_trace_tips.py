"""The tip of a narrow wave that the cheapest way passed by is the lead's own; letters and other leads are not."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg.page_ink import upright_runs
from scartools.ecg.trace import Path, follow_rows
from scartools.ecg.trace_tips import with_tips_of

MM = (5.0, 5.0)
SHAPE = (200, 300)


def path_of(rows: dict[int, tuple[int, int]], level: int = 120) -> Path:
    """A level path three px high with other runs in some columns."""
    top, bottom = np.full(SHAPE[1], float(level)), np.full(SHAPE[1], float(level + 3))
    for x, (first, stop) in rows.items():
        top[x], bottom[x] = first, stop
    return Path(top, bottom, np.zeros(SHAPE[1], bool))


def ink_of(*paths: Path) -> np.ndarray:
    ink = np.zeros(SHAPE, bool)
    for path in paths:
        for x in range(SHAPE[1]):
            ink[int(path.top[x]) : int(path.bottom[x]), x] = True
    return ink


STROKES = {100: (90, 123), 101: (85, 100), 102: (90, 123)}  # up and down in three columns


@pytest.mark.parametrize("down", [False, True])
def test_a_tip_on_a_steep_stroke_is_added(down: bool) -> None:
    path = path_of(STROKES)
    ink = ink_of(path)
    ink[60:85, 101] = ink[66:85, 100] = True
    if down:
        path = Path(SHAPE[0] - path.bottom, SHAPE[0] - path.top, path.shared)
        ink = ink[::-1].copy()
    (found,) = with_tips_of([path], ink, [], MM)
    tip = (
        (SHAPE[0] - found.bottom[101], SHAPE[0] - found.top[101])
        if down
        else (found.top[101], found.bottom[101])
    )
    assert tip == (60, 100)
    away = np.delete(np.arange(SHAPE[1]), [100, 101])
    assert np.array_equal(found.top[away], path.top[away])


def test_what_hangs_on_a_level_trace_is_no_tip() -> None:
    path = path_of({})
    ink = ink_of(path)
    ink[95:120, 150] = True  # a letter, a separator
    (found,) = with_tips_of([path], ink, [], MM)
    assert np.array_equal(found.top, path.top)


def test_wide_ink_a_name_and_what_two_leads_touch_are_left() -> None:
    path = path_of(STROKES)
    wide, named, between = ink_of(path), ink_of(path), ink_of(path)
    wide[60:85, 96:106] = True
    assert np.array_equal(with_tips_of([path], wide, [], MM)[0].top, path.top)
    named[60:85, 101] = True
    assert np.array_equal(with_tips_of([path], named, [(95, 50, 140, 80)], MM)[0].top, path.top)
    upper = path_of({}, 57)
    between |= ink_of(upper)
    between[60:85, 101] = True
    found = with_tips_of([upper, path], between, [], MM)
    assert np.array_equal(found[0].bottom, upper.bottom) and np.array_equal(found[1].top, path.top)


def test_a_wave_whose_strokes_touch_below_its_tip_is_followed_to_the_tip() -> None:
    """Runs as a photograph has them: the stroke's upper part stands a pixel beside its lower one, and a speck joins both."""
    ink = np.zeros(SHAPE, bool)
    ink[120:123] = True
    ink[120:123, 100:105] = False
    ink[79:123, 100], ink[73:78, 100], ink[31:32, 100] = True, True, True
    ink[14:37, 101], ink[46:118, 101] = True, True
    ink[13:45, 102], ink[54:56, 102] = True, True
    ink[22:90, 103], ink[60:140, 104], ink[118:140, 105] = True, True, True
    paths = follow_rows(upright_runs(ink), SHAPE, [121.0], MM)
    (found,) = with_tips_of(paths, ink, [], MM)
    assert np.nanmin(found.top) == 13


def test_a_blot_beside_a_stroke_makes_no_plateau_of_the_level_trace_below_it() -> None:
    path = path_of({100: (80, 123)})
    ink = ink_of(path)
    ink[70:84, 101:106] = True  # it touches the stroke, far above the trace of its columns
    (found,) = with_tips_of([path], ink, [], MM)
    assert np.array_equal(found.top, path.top)
    high = path_of({100: (130 - 10, 195)}, 192)  # a bar of 21 mm is no tip
    bar = ink_of(high)
    bar[15:120, 100] = True
    assert np.array_equal(with_tips_of([high], bar, [], MM)[0].top, high.top)
