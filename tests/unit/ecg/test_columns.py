"""Columns of leads are placed to the pixel by the names and the breaks between leads."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg.columns import place_columns
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
