"""The overlay shows what was read, and nothing where nothing was."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg.page_overlay import draw_overlay
from scartools.ecg.reading import PageReading, Strip


def overlay_of(trace: np.ndarray, samples: np.ndarray) -> np.ndarray:
    strip = Strip("II", False, 0.0, samples, 200.0, trace)
    found = dict.fromkeys(("px_per_mm", "speed_mm_s", "gain_mm_mv", "layout"), "measured")
    reading = PageReading((strip,), "3x4+1", "raster", (8.0, 8.0), 25.0, 10.0, found)
    page = np.full((300, 600, 3), 255, np.uint8)
    return draw_overlay([page], reading, [1.0], "accepted", "")[:300]


def inked(picture: np.ndarray, x: int, top: int = 110, bottom: int = 190) -> bool:
    """Whether anything is drawn in a column between the edges of the trace's box."""
    return bool((picture[top:bottom, x] < 200).any())


@pytest.mark.parametrize("turned", [False, True])
def test_no_line_is_drawn_over_a_gap(turned):
    x = np.arange(20.0, 280.0, 0.5)
    y = np.select([x == 40, x == 41, x > 250], [100.0, 200.0, 180.0], 150.0)  # strokes are no gaps
    read = (x < 100) | (x > 140)
    trace = np.stack([x, y], axis=1)[read]
    drawn = overlay_of(trace[:, ::-1] if turned else trace, np.where(read, 0.0, np.nan))
    drawn = drawn.transpose(1, 0, 2) if turned else drawn  # a page that was scanned on its side
    assert inked(drawn, 90) and inked(drawn, 150)
    assert not inked(drawn, 120)
    assert inked(drawn, 250, 160, 175)


def test_a_drawn_page_may_have_few_points():
    trace = np.array([[100.0, 120.0], [101.0, 150.0], [102.0, 121.0], [400.0, 180.0]])
    assert inked(overlay_of(trace, np.zeros(500)), 250)
