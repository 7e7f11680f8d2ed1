"""Fast hearts on pages that print no scales: at 50 mm/s they look like slow ones at 25, and no page may be taken for that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scartools.ecg.assemble import upright
from scartools.ecg.beat import median_beat
from scartools.ecg.page_checks import checked, status_of
from scartools.ecg.raster import read_raster_page
from scartools.errors import InputError
from scartools.simulation.page_damage import render_page
from scartools.simulation.page_styles import page_style
from scartools.simulation.paper import lay_out

pytestmark = pytest.mark.real
FASTEST_OF = 120  # records that are looked through
LEAST_BPM, MOST_MV = 100.0, 3.0
HEARTS = 3


@pytest.fixture(scope="module")
def fast_hearts(data_folder: Path) -> list[np.ndarray]:
    """The first HEARTS records of at least 100 beats/min, float64 (12, 5000), mV at 500 Hz."""
    signals = np.load(data_folder / "ecg/ptbxl/ptbxl_1200_500hz.npz")["X"][:FASTEST_OF]
    found = []
    for record in signals:
        lead_mv = record.T / 1000.0
        if np.abs(lead_mv).max() > MOST_MV:
            continue
        try:
            beat = median_beat(lead_mv, 500.0)
        except InputError:
            continue
        if beat.facts["HeartRate"] >= LEAST_BPM:
            found.append(lead_mv)
    assert len(found) >= HEARTS
    return found[:HEARTS]


def outcome(signals_mv: np.ndarray, layout: str, speed: float) -> tuple[str, float | None]:
    """How a page without printed scales ends, and the speed that is taken."""
    page = lay_out(signals_mv, page_style(layout=layout, speed=speed, scales=""))
    picture = render_page(page, "none", 0, np.random.default_rng(1)).picture
    try:
        reading = checked(upright(read_raster_page(picture)))
    except InputError:
        return "refused", None
    return status_of(reading.checks), reading.speed_mm_s


@pytest.mark.parametrize("layout", ["3x4+1", "6x2"])
def test_a_fast_heart_at_50_mm_s_is_not_read_as_a_slow_one(fast_hearts: list[np.ndarray], layout: str) -> None:
    ends = [outcome(heart, layout, 50.0) for heart in fast_hearts]
    assert not [end for end in ends if end[0] == "accepted" and end[1] != 50.0], ends


def test_the_same_hearts_at_25_mm_s_are_read(fast_hearts: list[np.ndarray]) -> None:
    ends = [outcome(heart, "3x4+1", 25.0) for heart in fast_hearts]
    assert all(end[1] == 25.0 for end in ends), ends
    assert any(end[0] == "accepted" for end in ends), ends
