"""What is solid and dark is painted over; strokes, letters and grid lines are left as they are."""

from __future__ import annotations

import cv2
import numpy as np

from scartools.ecg.page_blots import paint_out_blots

PX = 8.0  # px a mm


def page() -> np.ndarray:
    """Paper with a grid, a trace of 0.4 mm, a pulse and a thick separator."""
    picture = np.full((600, 900, 3), (250, 235, 225), np.uint8)
    picture[::40] = picture[:, ::40] = (230, 120, 120)
    x = np.arange(900)
    y = (300 - 120 * np.exp(-(((x % 150 - 75) / 6.0) ** 2))).round().astype(np.int32)
    cv2.polylines(picture, [np.stack([x, y], axis=1).astype(np.int32)], False, (15, 15, 20), 3)
    cv2.rectangle(picture, (40, 220), (80, 300), (15, 15, 20), 3)
    picture[280:320, 450:456] = (15, 15, 20)
    cv2.putText(picture, "aVR 25 mm/s", (500, 450), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (15, 15, 20), 3)
    return picture


def test_a_page_without_blots_is_returned_itself() -> None:
    picture = page()
    assert paint_out_blots(picture, PX) is picture


def test_a_dark_wedge_becomes_paper_and_nothing_else_changes() -> None:
    picture, wedge = page(), np.array([[0, 0], [900, 0], [0, 110]], np.int32)
    dark = picture.copy()
    cv2.fillPoly(dark, [wedge], (30, 28, 25))
    inside = np.zeros((600, 900), np.uint8)
    cv2.fillPoly(inside, [wedge], 1)
    painted = paint_out_blots(dark, PX)
    assert painted[inside > 0].max(axis=1).min() > 180
    far = cv2.dilate(inside, np.ones((25, 25), np.uint8)) == 0
    np.testing.assert_array_equal(painted[far], dark[far])


def test_a_blot_in_the_shadow_takes_the_colour_of_the_paper_there() -> None:
    light = np.linspace(1.0, 0.6, 900)[None, :, None]
    dark = (page() * light).astype(np.uint8)
    dark[480:560, 780:880] = 5
    painted = paint_out_blots(dark, PX)
    beside = np.median(dark[480:560, 700:770].reshape(-1, 3), axis=0)
    assert np.abs(np.median(painted[480:560, 790:870].reshape(-1, 3), axis=0) - beside).max() < 30
