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
