"""Dividing out the paper: light and colour of the paper leave no trace, ink keeps its darkness."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg.page_paper import divide_out_paper
from scartools.errors import InputError
from tests.unit.ecg.drawn_picture import draw_page


def test_a_colour_cast_and_uneven_light_are_divided_out() -> None:
    page = draw_page()
    light = np.linspace(0.55, 1.0, page.shape[1])[None, :, None] * np.array([1.0, 0.9, 0.75])
    plain, cast = divide_out_paper(page), divide_out_paper(np.round(page * light).astype(np.uint8))
    inked = plain > 0.5
    assert inked.mean() > 0.002
    assert np.median(np.abs(plain - cast)[inked]) < 0.03
    assert np.percentile(cast[plain < 0.02], 95) < 0.05


def test_a_red_line_is_pale_and_a_black_one_dark() -> None:
    page = np.full((400, 600, 3), 250, np.uint8)
    page[:, 300:302] = (240, 60, 60)
    page[200:212] = 20
    ink = divide_out_paper(page)
    assert ink[50, 300] < 0.1
    assert ink[206, 50] > 0.8


@pytest.mark.parametrize("value", [0, 255])
def test_a_blank_page_is_refused(value: int) -> None:
    with pytest.raises(InputError, match="blank"):
        divide_out_paper(np.full((400, 600, 3), value, np.uint8))
