"""The sheet of a median beat: true scale, the same bytes, marks where the fiducials are."""

from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from scartools.ecg.beat_plot import draw_beat
from scartools.ecg.delineate import Fiducials, delineate
from scartools.ecg.measure import measure
from scartools.ecg.reading import LEADS
from scartools.errors import InputError
from scartools.figures import SUFFIXES
from tests.unit.ecg.beat_phantom import beat

POINT_MM = 25.4 / 72
WIDTH_MM = 5 + 10 + 4 * 35 + 5 + 5  # margins, pulse, four columns of 30 mm with gaps


def drawn(signals: np.ndarray, suffix: str = ".svg", at: Fiducials | None = None) -> bytes:
    at = at or delineate(signals)
    return draw_beat(signals, at, measure(signals, at, 0.8), suffix)


def group(svg: bytes, name: str) -> np.ndarray:
    """Return the points of a named line, (N, 2) in mm from the left upper corner."""
    for node in ElementTree.fromstring(svg).iter():
        if node.get("id") == name:
            path = next(child.get("d") for child in node.iter() if child.get("d"))
            return np.array(re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", path), dtype=float) * POINT_MM
    raise AssertionError(f"no {name} in the figure")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_beat_gives_the_same_bytes(suffix: str) -> None:
    assert drawn(beat(), suffix) == drawn(beat(), suffix)


def test_the_pulse_is_10_mm_high_and_5_mm_wide() -> None:
    pulse = group(drawn(beat()), "pulse")
    assert np.ptp(pulse[:, 1]) == pytest.approx(10, abs=0.01)
    top = pulse[pulse[:, 1] < pulse[:, 1].min() + 0.01]
    assert np.ptp(top[:, 0]) == pytest.approx(5, abs=0.01)


def test_the_trace_has_25_mm_a_second_and_10_mm_a_millivolt() -> None:
    signals = beat()
    line = group(drawn(signals), "lead-V5")
    assert np.ptp(line[:, 0]) == pytest.approx(599 / 500 * 25, abs=0.02)
    lead = signals[LEADS.index("V5")]
    assert np.ptp(line[:, 1]) == pytest.approx(10 * np.ptp(lead), abs=0.05)
    peak = line[np.argmin(line[:, 1])]
    assert peak[0] - line[0, 0] == pytest.approx(0.4 * 25, abs=0.05)  # R, 400 ms from the edge


def test_leads_stand_as_on_a_page_of_three_rows_and_four_columns() -> None:
    svg = drawn(beat())
    first = {name: group(svg, f"lead-{name}")[0] for name in LEADS}
    for column in range(4):
        names = LEADS[3 * column : 3 * column + 3]
        assert len({round(first[name][0], 2) for name in names}) == 1
        assert first[names[0]][1] < first[names[1]][1] < first[names[2]][1]
    assert first["aVR"][0] - first["I"][0] == pytest.approx(35, abs=0.01)


def test_the_sheet_has_its_size_in_every_format() -> None:
    root = ElementTree.fromstring(drawn(beat()))
    width, height = (float(root.get(side, "").removesuffix("pt")) * POINT_MM for side in ("width", "height"))
    assert width == pytest.approx(WIDTH_MM, abs=0.1)
    box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+)", drawn(beat(), ".pdf"))
    assert box and [float(side) * POINT_MM for side in box.groups()] == pytest.approx([width, height], abs=0.1)
    png = drawn(beat(), ".png")
    pixels = struct.unpack(">II", png[16:24])
    assert pixels == pytest.approx((width / 25.4 * 300, height / 25.4 * 300), abs=1)


def test_nothing_found_and_absent_leads_can_be_drawn() -> None:
    signals = beat()
    signals[[3, 7]] = np.nan
    svg = drawn(signals)
    assert b'id="lead-V2"' not in svg and b'id="lead-aVR"' not in svg
    assert len(group(svg, "lead-V1")) == 600
    onset = delineate(signals).qrs_onset
    assert svg.count(f'id="mark-QRS-{onset}"'.encode()) == 10  # in no absent lead
    assert drawn(np.full((12, 600), np.nan), at=Fiducials()).startswith(b"<?xml")


def test_a_spike_does_not_make_a_sheet_of_a_metre() -> None:
    signals = beat()
    signals[6, 300] = 40.0
    root = ElementTree.fromstring(drawn(signals, at=delineate(beat())))
    assert float(root.get("height", "").removesuffix("pt")) * POINT_MM < 280


def test_another_suffix_is_refused() -> None:
    with pytest.raises(InputError, match="jpg"):
        drawn(beat(), ".jpg")


def test_marks_stand_where_the_fiducials_are() -> None:
    at = Fiducials(100, 150, 180, 222, 320, 370)
    svg = drawn(beat(), at=at)
    start = group(svg, "lead-I")[0][0]
    for wave, place in (("P", 100), ("P", 150), ("QRS", 180), ("QRS", 222), ("T", 370)):
        mark = group(svg, f"mark-{wave}-{place}")
        assert mark[:, 0] - start == pytest.approx(place / 500 * 25, abs=0.02)
