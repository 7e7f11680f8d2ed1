"""Printed scales: what is said by a line, what a page's lines say together, and drawn lines read back."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from scartools.ecg.line_network import ReadLine
from scartools.ecg.page_scales import Gains, find_gain, find_speed, scale_checks
from scartools.ecg.printed_scales import Print, PrintedScales, judged, read_printed_scales, scales_in
from scartools.ecg.pulse import Pulse
from scartools.simulation.page_fonts import word_coverage


def line(text: str, **doubt: float) -> ReadLine:
    """A line read for sure, but for the characters named: at place 3 with probability 0.5 is p3=0.5."""
    sure = np.full(len(text), 0.99)
    for place, probability in doubt.items():
        sure[int(place[1:])] = probability
    return ReadLine(text, sure, np.arange(len(text), dtype=float))


def values(text: str) -> list[tuple[str, float]]:
    return [(one.what, one.value) for one in scales_in(line(text))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("25 mm/s", [("speed", 25.0)]),
        ("50mm/sec", [("speed", 50.0)]),
        ("25.0 mm/s 10.0 mm/mv", [("speed", 25.0), ("gain", 10.0)]),
        ("12.5 mm/s", [("speed", 12.5)]),
        ("2.5 mm/mv", [("gain", 2.5)]),
        ("10/5 mm/mv", [("limb gain", 10.0), ("chest gain", 5.0)]),
        (
            "speed: 25 mm/sec limb: 10 mm/mv chest: 5 mm/mv",
            [("speed", 25.0), ("limb gain", 10.0), ("chest gain", 5.0)],
        ),
        ("0.67?100hz ac60 25mm/s 10mm/mv 4?2.5s?1r", [("speed", 25.0), ("gain", 10.0)]),
        ("150hz 25 mm 10 s", []),
        (".5 mm/mv", []),
        ("25 mm/min", []),
        ("25 mm/sspeed", []),
    ],
)
def test_what_a_line_says(text: str, said: list[tuple[str, float]]) -> None:
    assert values(text) == said


def test_a_figure_in_doubt_sets_no_scale_but_speaks_against_another() -> None:
    page = judged(scales_in(line("50 mm/s", p0=0.6)))
    assert page.speed is None
    assert page.speaks_against_speed(25.0) == 50.0
    assert page.speaks_against_speed(50.0) is None
    assert scales_in(line("50 mm/s", p0=0.3)) == []


def test_two_speeds_and_unusual_numbers_are_no_scale() -> None:
    assert judged([Print("speed", 25.0, 1.0), Print("speed", 50.0, 1.0)]).speed is None
    assert judged([Print("speed", 26.0, 1.0)]) == PrintedScales()
    assert judged([Print("limb gain", 10.0, 1.0)]).gain is None
    assert judged([Print("limb gain", 10.0, 1.0), Print("chest gain", 5.0, 1.0)]).gain == (10.0, 5.0)


def drawn(text: str, font: str) -> tuple[np.ndarray, np.ndarray]:
    """Ink and darkness of a page with one line of print, 8 px a mm."""
    letters, _, _ = word_coverage(text, font, 28.0)
    dark = np.zeros((400, 1200), np.float32)
    dark[300 : 300 + letters.shape[0], 40 : 40 + letters.shape[1]] = letters / 255.0
    return dark > 0.4, dark


@pytest.mark.parametrize("font", ["plain", "sans", "sans-bold", "times", "mono"])
@pytest.mark.parametrize(("speed", "gain"), [(25.0, 10.0), (50.0, 20.0)])
def test_drawn_print_is_read(font: str, speed: float, gain: float) -> None:
    page = read_printed_scales(*drawn(f"{speed:g} mm/s   {gain:g} mm/mV", font), 8.0)
    assert page.speed in (speed, None) and page.gain in (
        (gain, gain),
        None,
    )  # in doubt is allowed, wrong is not
    assert page.speeds == (speed,) or page.gains[0] == (gain,)


def test_a_page_without_print_says_nothing() -> None:
    assert read_printed_scales(*drawn("Normal sinus rhythm 25 ms", "sans"), 8.0) == PrintedScales()
    assert read_printed_scales(np.zeros((50, 50), bool), np.zeros((50, 50), np.float32), 8.0) == PrintedScales()


def page_of(pulses: list[list[Pulse]], columns: int, width_mm: float = 62.5) -> SimpleNamespace:
    """Leads of a page at 1 px a mm as far as its scales go."""
    limb, chest = ("I", "II", "III", "aVR", "aVL", "aVF"), ("V1", "V2", "V3", "V4", "V5", "V6")
    every = limb + chest
    count = 12 // columns
    rows = tuple(every[row::count] for row in range(count))

    def edges(column: int) -> tuple[float, float]:
        return 20 + column * width_mm, 20 + (column + 1) * width_mm

    return SimpleNamespace(
        fit=SimpleNamespace(layout=SimpleNamespace(columns=columns, rows=rows)),
        columns=SimpleNamespace(width=width_mm, time=width_mm, lead=None, count=columns, edges=edges),
        pulses=pulses,
        cut=(),
    )


def test_print_decides_between_2_5_s_at_25_and_1_25_s_at_50() -> None:
    leads = page_of([], 4)
    assert find_speed(leads, 1.0, None) == (25.0, "assumed")
    assert find_speed(leads, 1.0, None, PrintedScales(speed=50.0, speeds=(50.0,))) == (50.0, "printed")
    assert find_speed(leads, 1.0, 25.0, PrintedScales(speed=50.0, speeds=(50.0,))) == (25.0, "given")


def test_gains_of_limb_and_chest_leads_from_pulses_and_from_print() -> None:
    before, between = Pulse(10, 15, 10.0, 10.0), Pulse(144, 149, 5.0, 5.0)
    apart = find_gain(page_of([[before, between]], 4), 1.0, None)
    assert (apart.limb, apart.chest, apart.found) == (10.0, 5.0, "measured")
    assert (apart.of("aVF"), apart.of("V2")) == (10.0, 5.0)
    said = PrintedScales(gain=(10.0, 5.0), gains=((10.0,), (5.0,)))
    both = find_gain(page_of([[before]], 4), 1.0, None, said)
    assert (both.limb, both.chest, both.found) == (10.0, 5.0, "printed")
    steps = find_gain(page_of([[Pulse(10, 15, 10.0, 10.0, 0.0, 5.0)]], 4), 1.0, None)
    assert (steps.limb, steps.chest) == (10.0, 5.0)
    alone = find_gain(page_of([[]], 4), 1.0, None, said)
    assert (alone.limb, alone.chest, alone.found) == (10.0, 5.0, "printed")


def test_print_that_contradicts_asks_for_a_review_with_both_numbers() -> None:
    gains = Gains(10.0, 10.0, "measured", 10.0)
    said = PrintedScales(gain=(20.0, 20.0), speeds=(50.0,), gains=((20.0,), (20.0,)))
    checks = {check.name: check for check in scale_checks(said, (25.0, "assumed"), gains, None)}
    speed, gain = checks["printed_speed"], checks["printed_gain"]
    assert (speed.value, speed.limit, speed.passed, speed.refuses) == (50.0, 25.0, False, False)
    assert (gain.value, gain.limit, gain.passed, gain.refuses) == (20.0, 10.0, False, False)
    given = {check.name: check for check in scale_checks(said, (25.0, "given"), gains, None)}
    assert given["printed_speed"].passed is None
    wide = {
        check.name: check
        for check in scale_checks(PrintedScales(25.0, None, (25.0,)), (25.0, "printed"), gains, 50.0)
    }
    assert (wide["column_speed"].passed, wide["column_speed"].value) == (False, 50.0)


@pytest.mark.parametrize("layout", ["3x4+1", "6x2", "12x1"])
def test_a_picture_at_50_mm_s_is_read_at_50(layout: str) -> None:
    from scartools.ecg.raster import read_raster_page
    from scartools.simulation.page_styles import page_style
    from scartools.simulation.paper import lay_out, to_picture
    from tests.unit.ecg.drawn_page import twelve_leads

    signals = np.stack(list(twelve_leads().values()))
    reading = read_raster_page(to_picture(lay_out(signals, page_style(layout, speed=50.0))))
    assert (reading.speed_mm_s, reading.found["speed_mm_s"]) == (50.0, "printed")
