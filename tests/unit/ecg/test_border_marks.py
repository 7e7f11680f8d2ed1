"""Separators and ends of traces are found to a part of a pixel, whatever part of one they begin at."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from scartools.ecg.border_marks import end_of_stroke, ends_of_rows, places_of_bars
from scartools.ecg.trace import Path

MM = (8.0, 8.0)
FINE, WIDE = 16, 2.4  # parts of a pixel drawn; width of the pen, px
SHAPE = (200, 300)
PHASES = [0.0, 0.2, 0.4, 0.6, 0.8]


def darkness(lines: list[tuple[float, float, float, float]], blur: float = 0.0) -> np.ndarray:
    """float32 of SHAPE: share of each pixel that round pens cover on their way between two points, x and y in px."""
    fine = np.zeros((SHAPE[0] * FINE, SHAPE[1] * FINE), np.uint8)
    for x0, y0, x1, y1 in lines:
        left, right = (max(int(min(x0, x1)) - 3, 0), min(int(max(x0, x1)) + 4, SHAPE[1]))
        top, bottom = int(min(y0, y1)) - 3, int(max(y0, y1)) + 4
        y, x = np.mgrid[top * FINE : bottom * FINE, left * FINE : right * FINE]
        away_x, away_y = (x + 0.5) / FINE - 0.5 - x0, (y + 0.5) / FINE - 0.5 - y0
        length = (x1 - x0) ** 2 + (y1 - y0) ** 2
        share = np.clip((away_x * (x1 - x0) + away_y * (y1 - y0)) / length, 0, 1)
        near = np.hypot(away_x - share * (x1 - x0), away_y - share * (y1 - y0)) <= WIDE / 2
        fine[top * FINE : bottom * FINE, left * FINE : right * FINE][near] = 255
    dark = cv2.resize(fine, SHAPE[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return cv2.GaussianBlur(dark, (0, 0), blur) if blur else dark


def path_of(mask: np.ndarray) -> Path:
    """The run of ink in each column of a mask that holds one line."""
    inked = mask.any(axis=0)
    top = np.where(inked, mask.argmax(axis=0), np.nan)
    bottom = np.where(inked, len(mask) - mask[::-1].argmax(axis=0), np.nan)
    return Path(top, bottom, np.zeros(mask.shape[1], bool))


@pytest.mark.parametrize("phase", PHASES)
def test_a_separator_is_found_to_a_twentieth_of_a_pixel(phase: float) -> None:
    dark = darkness([(150 + phase, 84, 150 + phase, 116), (20, 100, 149, 100), (151, 104, 280, 104)])
    mask = dark > 0.4
    bars = np.zeros(SHAPE[1], bool)
    bars[np.flatnonzero(mask[90])] = True
    (found,) = places_of_bars(mask, dark, 100.0, bars, MM)
    assert found == pytest.approx(150 + phase, abs=0.05)
    inked = np.flatnonzero(mask[90])
    assert (
        max(abs((inked[0] + inked[-1]) / 2 - 150 - part) for part in PHASES) > 0.15
    )  # what the mask alone says


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("blur", [0.0, 0.8])
def test_the_end_of_a_trace_is_found_to_a_tenth_of_a_pixel(phase: float, blur: float) -> None:
    """The mask of a blurred stroke ends up to a pixel too far, 5 ms at 200 dots an inch."""
    dark = darkness([(40 + phase, 100, 240 + phase, 100)], blur)
    path = path_of(dark > 0.1)
    ends = ends_of_rows([path], dark, WIDE / 2, (40.0, 240.0))
    assert ends == (pytest.approx(40 + phase, abs=0.1), pytest.approx(240 + phase, abs=0.1))


def test_no_end_is_told_where_the_trace_ends_in_a_steep_stroke_or_at_the_edge() -> None:
    dark = darkness([(40, 100, 236, 100), (236, 100, 240, 40)])
    path = path_of(dark > 0.4)
    last = int(np.flatnonzero(np.isfinite(path.top))[-1])
    assert end_of_stroke(path, dark, WIDE / 2, last, 1) is None
    whole = darkness([(-20, 100, 320, 100)])
    assert end_of_stroke(path_of(whole > 0.4), whole, WIDE / 2, SHAPE[1] - 1, 1) is None
