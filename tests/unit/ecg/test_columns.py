"""Columns of leads are placed to the pixel by the names and the breaks between leads."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg.columns import lean_of, place_columns, shifted
from scartools.ecg.layout_fit import Fit
from scartools.ecg.page_layouts import LAYOUTS

PX_PER_MM, ROWS, WIDTH = 8.0, (200.0, 440.0, 680.0), 2400


def fit_at(left: float, pitch: float = 500.0) -> Fit:
    return Fit(LAYOUTS[0], 0, ROWS, left, pitch, -98.0, 12, 12.0)


def breaks_at(start: float, pitch: float = 500.0) -> list[np.ndarray]:
    row = np.zeros(WIDTH, bool)
    row[[int(start + k * pitch) for k in (1, 2, 3)]] = True
    return [row.copy() for _ in range(3)]


@pytest.mark.parametrize("shift", [-30.0, 0.0, 12.0, 80.0])
def test_columns_are_placed_to_the_pixel(shift: float) -> None:
    columns = place_columns(fit_at(160 + shift), breaks_at(160), (150.0, 2170.0), PX_PER_MM)
    assert columns.start == pytest.approx(160, abs=0.6)
    assert (columns.width, columns.breaks, columns.borders) == (500, 9, 9)
    assert columns.edges(3) == pytest.approx((1660, 2160), abs=1)


def test_columns_of_another_width_keep_the_width_of_their_names() -> None:
    columns = place_columns(fit_at(160, 430), breaks_at(160, 430), (160.0, 1880.0), PX_PER_MM)
    assert columns.width == 430


def test_the_last_column_ends_with_the_trace() -> None:
    columns = place_columns(fit_at(170), breaks_at(160), (160.0, 2000.0), PX_PER_MM)
    assert columns.edges(3)[1] == pytest.approx(2000, abs=1)


@pytest.mark.parametrize("true", [488.0, 500.0, 509.0])
def test_a_guessed_millimetre_does_not_say_how_wide_columns_are(true: float) -> None:
    """At 8 px a mm 62.5 mm are 500 px, which a guess of the millimetre must not confirm."""
    columns = place_columns(fit_at(165, 500), breaks_at(160, true), (150.0, 2300.0), PX_PER_MM, guessed=True)
    assert columns.width == pytest.approx(true, abs=0.6)
    assert columns.start == pytest.approx(160, abs=1.5)
    assert columns.stray is not None and columns.stray < 0.5


def test_borders_that_stray_are_told() -> None:
    rows = breaks_at(160)
    rows[1] = np.roll(rows[1], 5)
    rows[2] = np.roll(rows[2], -5)
    columns = place_columns(fit_at(165), rows, (150.0, 2170.0), PX_PER_MM, guessed=True)
    assert columns.stray is not None and columns.stray > 3


def test_leads_that_change_at_2_5_s_under_names_set_wider() -> None:
    columns = place_columns(fit_at(130, 537), breaks_at(160), (160.0, 2160.0), PX_PER_MM)
    assert columns.width == 500
    assert columns.start == pytest.approx(160, abs=0.6)


def test_columns_2_percent_wider_than_usual_are_told_by_their_separators() -> None:
    """Paper that ran too fast: 511 px where 500 are usual."""
    columns = place_columns(fit_at(180, 511), breaks_at(160, 511), (160.0, 2204.0), PX_PER_MM)
    assert (columns.width, columns.breaks) == (511, 9)
    assert columns.start == pytest.approx(160, abs=1)


def test_names_set_2_percent_wider_do_not_widen_columns() -> None:
    columns = place_columns(fit_at(180, 511), breaks_at(160), (160.0, 2160.0), PX_PER_MM)
    assert (columns.width, columns.breaks) == (500, 9)


def test_print_that_leans_has_its_columns_lean() -> None:
    y = np.array(ROWS)
    lean = lean_of([(y, 160 - 0.02 * y), (y, 660 - 0.02 * y + np.array([0.0, 9.0, 0.0])), (y, 1160 - 0.02 * y)])
    assert lean == pytest.approx(-0.02, abs=1e-3)
    columns = place_columns(fit_at(160), breaks_at(160), (150.0, 2170.0), PX_PER_MM)
    leaning = shifted(columns, (*ROWS, 920.0), [[], [], []], lean, PX_PER_MM)
    assert leaning.edges(1, 0)[0] - leaning.edges(1, 2)[0] == pytest.approx(0.02 * 480, abs=0.1)
    assert leaning.edges(0, 3)[0] - leaning.edges(0, 1)[0] == pytest.approx(-0.02 * 480, abs=0.1)


def test_two_marks_tell_no_lean() -> None:
    assert lean_of([(np.array(ROWS[:2]), np.array([160.0, 170.0]))]) == 0.0


def test_bent_paper_moves_the_border_of_its_row_alone() -> None:
    columns = place_columns(fit_at(160), breaks_at(160), (150.0, 2170.0), PX_PER_MM)
    lines = [[680.0, 1160.0, 1660.0], [660.0, 1160.0, 1661.0], [660.0, 1160.0, 1660.0]]
    bent = shifted(columns, ROWS, lines, 0.0, PX_PER_MM)
    assert bent.edges(0, 0)[1] == pytest.approx(680, abs=1)
    assert bent.edges(0, 1)[1] == pytest.approx(660, abs=1)
    assert bent.edges(2, 1)[1] == pytest.approx(1660, abs=1)


def test_a_qrs_at_the_border_moves_no_column() -> None:
    """A beat at the border widens every break to one side; where the traces end says so."""
    rows = [np.zeros(WIDTH, bool) for _ in range(3)]
    for row, wide in zip(rows, (4, 8, 10), strict=True):
        row[659 : 659 + wide] = True  # the border lies at 660
    (two,) = [layout for layout in LAYOUTS if layout.name == "6x2" and layout.order == "standard"]
    fit = Fit(two, 0, tuple(100.0 + 80 * k for k in range(6)), 165.0, 500.0, -30.0, 12, 12.0)
    columns = place_columns(fit, [*rows, *rows], (160.2, 1160.4), PX_PER_MM, guessed=True)
    assert columns.start == pytest.approx(160, abs=1.0)


def test_a_separator_at_the_reach_of_the_search_is_not_cut_through() -> None:
    rows = [np.zeros(WIDTH, bool) for _ in range(3)]
    for row in rows:
        for border in (660, 1160, 1660):
            row[border - 1 : border + 2] = True
    for left in np.arange(150.0, 172.0):
        columns = place_columns(fit_at(left), rows, (130.0, 2190.0), PX_PER_MM)
        assert columns.start == pytest.approx(160, abs=0.01)


def test_separators_that_agree_place_the_columns_and_a_blurred_end_does_not() -> None:
    """Half the breaks of a scan are a pixel off to either side, and its traces end a pixel late: 5 ms."""
    rows = [np.zeros(WIDTH, bool) for _ in range(3)]
    rows[0][661:664] = rows[1][1158:1161] = rows[2][1658:1661] = True
    marks = [[660.1], [1160.0, 700.0], [1159.9]]
    columns = place_columns(fit_at(165), rows, (30.0, 2160.9), PX_PER_MM, marks=marks, exact=(None, 2160.1))
    assert columns.start == pytest.approx(160.05, abs=0.1)


def test_separators_that_contradict_each_other_place_no_column() -> None:
    rows = breaks_at(160)
    marks = [[664.0, 1152.0], [1168.0], [655.0]]
    columns = place_columns(fit_at(165), rows, (150.0, 2170.0), PX_PER_MM, marks=marks)
    assert columns.start == place_columns(fit_at(165), rows, (150.0, 2170.0), PX_PER_MM).start
