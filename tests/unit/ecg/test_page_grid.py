"""The grid of a page: its turn and its spacing along x and y, in every colour."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from scartools.ecg.page_grid import divide_out_paper, find_comb, find_turn, turn_back, turning_matrix
from scartools.errors import InputError
from tests.unit.ecg.drawn_picture import Drawing, draw_page, turned


@pytest.mark.parametrize("px", [3.937, 6.3, 7.874, 11.81])
def test_spacing_of_lines_that_are_fractions_of_a_pixel_apart(px: float) -> None:
    ink = divide_out_paper(draw_page(Drawing(px_per_mm=px)))
    for axis in (0, 1):
        comb = find_comb(ink.any, axis)
        assert comb is not None
        ratio = comb.period / px
        assert min(abs(ratio / mm - 1) for mm in (1, 5)) < 1e-3
        assert comb.strength > 0.5


def test_x_and_y_are_measured_separately() -> None:
    page = draw_page()
    stretched = cv2.resize(page, None, fx=1.05, fy=1.0, interpolation=cv2.INTER_CUBIC)
    ink = divide_out_paper(stretched)
    across, down = find_comb(ink.any, 1), find_comb(ink.any, 0)
    assert across is not None and down is not None
    assert across.period / down.period == pytest.approx(1.05, rel=2e-3)


@pytest.mark.parametrize("degrees", [-7.3, -0.4, 0.0, 1.9, 5.0])
def test_turn_is_found(degrees: float) -> None:
    assert find_turn(divide_out_paper(turned(draw_page(), degrees))) == pytest.approx(degrees, abs=0.05)


def test_turning_back_agrees_with_its_matrix() -> None:
    picture = np.zeros((101, 151), np.float32)
    picture[20, 120] = 1.0
    back = turn_back(picture, 10.0)
    x, y = turning_matrix((101, 151), 10.0) @ [120, 20, 1]
    row, column = np.unravel_index(np.argmax(back), back.shape)
    assert (column, row) == (pytest.approx(x, abs=1), pytest.approx(y, abs=1))


def test_no_lines_no_comb() -> None:
    random = np.random.default_rng(0).normal(size=(400, 500)).astype(np.float32)
    comb = find_comb(random, 0)
    assert comb is None or comb.strength < 0.25
    assert find_comb(np.zeros((400, 500), np.float32), 1) is None


def test_a_shadow_and_a_colour_cast_do_not_matter() -> None:
    page = draw_page().astype(float)
    shadow = np.linspace(1.0, 0.55, page.shape[1])[None, :, None] * np.array([0.7, 0.8, 1.0])
    cast = np.clip(page * shadow, 0, 255).astype(np.uint8)
    comb = find_comb(divide_out_paper(cast).any, 1)
    assert comb is not None
    assert min(abs(comb.period / (7.874 * mm) - 1) for mm in (1, 5)) < 1e-3


@pytest.mark.parametrize("page", [np.zeros((50, 900, 3), np.uint8), np.full((500, 900, 3), 200, np.uint8)])
def test_nothing_to_see(page: np.ndarray) -> None:
    with pytest.raises(InputError):
        divide_out_paper(page)
