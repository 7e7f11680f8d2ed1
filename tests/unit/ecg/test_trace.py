"""One height a pixel column: sub-pixel where the trace is level, the far end where it turns, NaN where it is absent."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from scartools.ecg.page_ink import find_ink, stroke_width, upright_runs
from scartools.ecg.pulse import find_pulses
from scartools.ecg.trace import baseline_of, follow
from scartools.ecg.trace_heights import heights
from scartools.ecg.trace_refine import PER_PX
from scartools.errors import InputError

MM = (8.0, 8.0)


def drawn(points: np.ndarray, shape: tuple[int, int] = (300, 600), thick: int = 2) -> np.ndarray:
    """float32 darkness of a polyline given as x, y in px."""
    picture = np.zeros(shape, np.uint8)
    cv2.polylines(
        picture, [np.round(points * 16).astype(np.int32)[:, None]], False, 255, thick, cv2.LINE_AA, shift=4
    )
    return picture.astype(np.float32) / 255


def followed(dark: np.ndarray, baseline: float, reach: float = 250.0) -> np.ndarray:
    return followed_finely(dark, baseline, reach)[::PER_PX]


def followed_finely(dark: np.ndarray, baseline: float, reach: float = 250.0) -> np.ndarray:
    ink = find_ink(dark)
    path = follow(upright_runs(ink.mask), dark.shape, baseline, MM, reach)
    return heights([path], ink.mask, dark)[0]


def test_a_slow_wave_is_found_to_a_tenth_of_a_pixel() -> None:
    x = np.arange(0, 600.0)
    y = 150 + 20 * np.sin(x / 60)
    rows = followed(drawn(np.stack([x, y], axis=1)), 150)
    assert np.abs(rows[5:-5] - y[5:-5]).mean() < 0.15
    assert np.abs(rows[5:-5] - y[5:-5]).max() < 0.6


@pytest.mark.parametrize("width", [3, 6, 14])
def test_a_spike_keeps_its_height(width: int) -> None:
    points = np.array([(0, 200), (300, 200), (300 + width / 2, 60), (300 + width, 200), (599, 200)], float)
    rows = followed_finely(drawn(points), 200)  # the tip may lie between two columns
    assert np.nanmin(rows) == pytest.approx(60, abs=3)
    assert np.nanmedian(rows) == pytest.approx(200, abs=0.2)


def test_a_gap_is_nan_and_the_trace_goes_on_behind_it() -> None:
    dark = drawn(np.array([(0, 100), (599, 100)], float))
    dark[:, 200:240] = 0
    rows = followed(dark, 100)
    assert np.isnan(rows[201:239]).all()
    assert np.isfinite(rows[5:195]).all() and np.isfinite(rows[245:590]).all()


def test_the_neighbouring_row_is_left_alone() -> None:
    dark = drawn(np.array([(0, 97), (599, 103)], float)) + drawn(np.array([(0, 237), (599, 243)], float))
    dark[80:120, 300:360] = 0
    rows = followed(dark, 100)
    assert np.nanmax(rows) < 105


def test_text_beside_the_trace_is_not_followed() -> None:
    dark = drawn(np.array([(0, 197), (599, 203)], float))
    text = np.zeros(dark.shape, np.uint8)
    cv2.putText(text, "aVL", (250, 180), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    rows = followed(np.maximum(dark, text / np.float32(255)), 200)
    assert np.nanmax(np.abs(rows - 200)) < 5


def test_pulse_height_is_measured() -> None:
    corners = np.array([(20, 200), (40, 200), (40, 120), (80, 120), (80, 200), (100, 200), (599, 200)], float)
    dark = drawn(corners)
    ink = find_ink(dark)
    path = follow(upright_runs(ink.mask), dark.shape, 200, MM, 250)
    rows = heights([path], ink.mask, dark)[0][::PER_PX]
    (pulse,) = find_pulses(path, rows, stroke_width(ink.mask), MM)
    assert pulse.over_left == pytest.approx(80, abs=1) and pulse.over_right == pytest.approx(80, abs=1)
    assert pulse.right - pulse.left == pytest.approx(40, abs=4)


def test_an_r_wave_is_no_pulse() -> None:
    points = np.array([(0, 200), (100, 200), (108, 100), (116, 200), (599, 200)], float)
    dark = drawn(points)
    ink = find_ink(dark)
    path = follow(upright_runs(ink.mask), dark.shape, 200, MM, 250)
    rows = heights([path], ink.mask, dark)[0][::PER_PX]
    assert find_pulses(path, rows, stroke_width(ink.mask), MM) == []


def test_the_baseline_is_where_the_lead_rests() -> None:
    rows = np.full(1000, 50.3)
    rows[::7] = 10.0
    assert baseline_of(rows, 8.0) == pytest.approx(50.3, abs=0.1)
    assert np.isnan(baseline_of(np.full(5, np.nan), 8.0))


def test_ink_is_told_from_a_grey_grid_and_its_absence_is_said() -> None:
    dark = drawn(np.array([(0, 150), (599, 170)], float))
    grid = np.zeros_like(dark)
    grid[::8] = 0.3
    grid[:, ::8] = 0.3
    mask = find_ink(np.maximum(dark, grid)).mask
    assert mask[grid.astype(bool) & (dark == 0)].mean() < 0.001
    with pytest.raises(InputError, match="darker than the grid"):
        find_ink(grid)
