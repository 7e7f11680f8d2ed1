"""One height a pixel column: sub-pixel where the trace is level, the far end where it turns, NaN where it is absent."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from scartools.ecg.page_ink import find_ink, stroke_width, upright_runs
from scartools.ecg.pulse import find_pulses
from scartools.ecg.trace import LEVEL, Path, baseline_of, follow, follow_rows, without_spurs
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


@pytest.mark.parametrize("upright", [1, -1])
@pytest.mark.parametrize(("q", "s"), [(60, 62), (62, 60), (60, 30)])
@pytest.mark.parametrize("apart", [4, 5, 7])
def test_a_narrow_q_r_s_keeps_all_its_tips(apart: int, q: int, s: int, upright: int) -> None:
    tips = [(300, 0), (302 + apart, -q), (302 + 2 * apart, 70), (302 + 3 * apart, -s), (306 + 4 * apart, 0)]
    points = np.array([(0, 0), *tips, (599, 0)], float)
    rows = (150 - followed_finely(drawn(points * (1, -upright) + (0, 150)), 150)) * upright
    middle = (302 + 2 * apart) * PER_PX
    assert np.nanmax(rows) == pytest.approx(70, abs=4)
    assert np.nanmin(rows[:middle]) == pytest.approx(-q, abs=5)
    assert np.nanmin(rows[middle:]) == pytest.approx(-s, abs=5)


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


@pytest.mark.parametrize("side", [-1, 1])
def test_a_line_thinner_than_the_pen_is_no_wave(side: int) -> None:
    dark = drawn(np.array([(0, 150), (599, 150)], float), thick=4)
    far = 150 + 40 * side
    dark[min(150, far) : max(150, far), 300] = 1.0  # of the grid
    wave = drawn(np.array([(380, 150), (384, 90), (388, 150)], float), thick=4)
    rows = rows_of(np.maximum(dark, wave), [150])[0]
    assert np.abs(rows[280:320] - 150).max() < 1.5
    assert np.nanmin(rows[370:400]) == pytest.approx(90, abs=4)


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


def rows_of(dark: np.ndarray, baselines: list[float]) -> list[np.ndarray]:
    """Heights of every row, followed together, one a pixel column."""
    mask = dark > 0.4
    paths = follow_rows(upright_runs(mask), dark.shape, baselines, MM)
    return [curve[::PER_PX] for curve in heights(paths, mask, dark)]


def spiked(baseline: float, at: float, height: float, width: float = 30.0) -> np.ndarray:
    """A level row of 600 px with one triangular wave, positive upwards."""
    return np.array(
        [
            (0, baseline),
            (at - width / 2, baseline),
            (at, baseline - height),
            (at + width / 2, baseline),
            (599, baseline),
        ]
    )


def error(rows: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.abs(rows - np.interp(np.arange(len(rows)), points[:, 0], points[:, 1]))


def test_two_rows_cross_and_each_keeps_its_own_wave() -> None:
    upper, lower = spiked(100, 200, 0), spiked(220, 300, 180)  # an R wave through the row above and out of it
    dark = np.maximum(drawn(upper), drawn(lower))
    rows = rows_of(dark, [100, 220])
    assert np.nanmax(error(rows[0], upper)) < 5 and np.nanmedian(error(rows[0], upper)) < 0.1
    assert np.nanmin(rows[1]) == pytest.approx(40, abs=3)
    assert np.nanmean(error(rows[1], lower)) < 1.0
    assert np.isfinite(rows[0][5:-5]).all() and np.isfinite(rows[1][5:-5]).all()


@pytest.mark.parametrize("shift", [0, 9, 40])
def test_a_deep_and_a_tall_wave_that_meet_do_not_change_rows(shift: int) -> None:
    upper, lower = spiked(100, 300, -90, 60), spiked(220, 300 + shift, 90, 60)
    rows = rows_of(np.maximum(drawn(upper), drawn(lower)), [100, 220])
    for found, points in zip(rows, (upper, lower), strict=True):
        assert np.nanmedian(error(found, points)) < 0.5
        assert (
            abs(np.nanmedian(found[400:]) - points[-1, 1]) < 1
            and abs(np.nanmedian(found[:200]) - points[0, 1]) < 1
        )


@pytest.mark.parametrize("wide", [14.0, 20.0, 30.0])
def test_waves_that_pass_each_other_keep_their_tips(wide: float) -> None:
    upper, lower = spiked(100, 300, -120, wide), spiked(260, 300, 130, wide)  # 90 px beyond each other
    rows = rows_of(np.maximum(drawn(upper), drawn(lower)), [100, 260])
    assert np.nanmax(rows[0]) == pytest.approx(220, abs=4)
    assert np.nanmin(rows[1]) == pytest.approx(130, abs=4)


def test_beats_that_pass_each_other_are_alike_where_a_tip_is_hidden() -> None:
    beats = np.arange(60, 600, 90)
    upper = np.concatenate([spiked(100, float(at), -120, 14.0)[1:4] for at in beats])
    apart = np.where(beats == 330, 1, 0)  # one R wave rises close to a stroke of the S above it
    lower = np.concatenate(
        [spiked(260, float(at + by), 130, 14.0)[1:4] for at, by in zip(beats, apart, strict=True)]
    )
    level = np.array([[0, 0], [599, 0]])
    upper, lower = (
        np.vstack([level[:1] + (0, row), points, level[1:] + (0, row)])
        for points, row in ((upper, 100), (lower, 260))
    )
    rows = rows_of(np.maximum(drawn(upper), drawn(lower)), [100, 260])
    for at in beats:
        assert np.nanmax(rows[0][at - 12 : at + 13]) == pytest.approx(220, abs=4)
        assert np.nanmin(rows[1][at - 12 : at + 16]) == pytest.approx(130, abs=4)


def test_three_rows_with_beats_at_the_same_time_stay_apart() -> None:
    points = [spiked(80, 300, -60, 40), spiked(180, 300, 70, 40), spiked(280, 300, 120, 40)]
    dark = np.max([drawn(each, (360, 600)) for each in points], axis=0)
    rows = rows_of(dark, [80, 180, 280])
    for found, each in zip(rows, points, strict=True):
        assert np.nanmax(error(found, each)[:270]) < 1 and np.nanmax(error(found, each)[330:]) < 1


def test_a_wave_that_leaves_the_picture_is_a_gap_and_not_invented() -> None:
    points = spiked(100, 300, 160, 60)
    found = rows_of(drawn(points), [100])[0]
    missing = np.flatnonzero(np.isnan(found[5:-5])) + 5
    assert len(missing) > 5 and abs(missing.mean() - 300) < 3
    assert np.nanmax(error(found, points)) < 3


def test_a_row_that_is_not_drawn_does_not_take_the_ink_of_its_neighbour() -> None:
    lower = spiked(220, 150, 40)
    dark = drawn(lower)
    dark[:150, :200] = np.maximum(drawn(spiked(100, 50, 20)), 0)[:150, :200]  # the upper row ends early
    rows = rows_of(dark, [100, 220])
    assert np.isnan(rows[0][215:590]).all()
    assert np.isfinite(rows[1][5:590]).all()


def test_the_tip_of_a_spike_is_followed_through_a_broken_stroke() -> None:
    points = spiked(220, 300, 150, 8)
    dark = drawn(points)
    dark[150:152, 300:302] = 0  # a column of the grid shines through
    found = rows_of(dark, [220])[0]
    assert np.nanmin(found) < 90


def test_the_order_of_work_does_not_matter_and_following_is_repeatable() -> None:
    points = [spiked(80, 300, -60, 40), spiked(180, 300, 70, 40)]
    dark = np.max([drawn(each) for each in points], axis=0)
    for first, second in zip(rows_of(dark, [80, 180]), rows_of(dark, [80, 180]), strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_page_without_ink_has_gaps_alone() -> None:
    nothing = upright_runs(np.zeros((50, 80), bool))
    for path in follow_rows(nothing, (50, 80), [20, 40], MM):
        assert np.isnan(path.top).all() and np.isnan(path.bottom).all() and not path.shared.any()


def without_spurs_column_by_column(top: np.ndarray, bottom: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What `without_spurs` says of itself, each column looked at by itself from left to right."""
    tall, top, bottom = bottom - top, top.copy(), bottom.copy()
    pen = float(np.nanmedian(tall))
    for wide in range(1, int(np.ceil(pen - 0.5))):
        start = top.copy(), bottom.copy()
        for at in range(len(top) - wide - 1):
            end = at + wide + 1
            own = slice(at + 1, end)
            level = tall[at] <= LEVEL * pen and tall[end] <= LEVEL * pen
            if not level or not abs(start[0][at] - start[0][end]) <= pen:
                continue
            high, low = min(start[0][at], start[0][end]), max(start[1][at], start[1][end])
            if top[own].min() < high - pen or bottom[own].max() > low + pen:
                top[own], bottom[own] = high, low
    return top, bottom


@pytest.mark.parametrize("seed", range(6))
def test_spurs_next_to_each_other_are_taken_out_one_after_the_other(seed: int) -> None:
    rng = np.random.default_rng(seed)
    top = 100.0 + rng.integers(0, 3, 400)
    bottom = top + 4 + rng.integers(0, 2, 400)
    top[rng.integers(0, 400, 90)] -= 12
    bottom[rng.integers(0, 400, 90)] += 11
    gaps = rng.integers(0, 400, 12)
    top[gaps] = bottom[gaps] = np.nan
    path = without_spurs(Path(top, bottom, np.zeros(400, bool)))
    expected = without_spurs_column_by_column(top, bottom)
    assert (expected[0] != top).sum() > (np.isnan(top)).sum()  # some were taken out
    np.testing.assert_array_equal(path.top, expected[0])
    np.testing.assert_array_equal(path.bottom, expected[1])
