"""Raster pages with known leads are read to the millivolt, and everything else is refused with its reason."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from scartools.ecg.page_checks import status_of
from scartools.ecg.raster import read_raster_page
from scartools.ecg.reading import LEADS, PageReading
from scartools.errors import InputError
from tests.unit.ecg.drawn_picture import Drawing, draw_page, lead_mv, turned


def worst_error_mv(reading: PageReading) -> float:
    """Largest over the leads of the root-mean-square error, offset and at most 0.012 s of shift left out."""
    worst = 0.0
    for strip in reading.strips:
        best = np.inf
        for shift in np.arange(-0.012, 0.013, 0.002):
            truth = lead_mv(strip.lead, strip.start_s + shift + np.arange(len(strip.samples)) / strip.rate)
            error = strip.samples - truth
            best = min(best, float(np.nanstd(error)))
        worst = max(worst, best)
    return worst


@cache
def plain() -> PageReading:
    """What is read from the plain page."""
    return read_raster_page(draw_page())


DRAWINGS = {
    "pink": Drawing(),
    "orange": Drawing(fine=(252, 225, 190), coarse=(240, 160, 80), trace=(20, 20, 110)),
    "grey": Drawing(fine=(215, 215, 215), coarse=(150, 150, 150)),
    "5 mm only": Drawing(fine=None),
    "1 mm only": Drawing(coarse=None),
    "1 mm only, 150 dpi": Drawing(coarse=None, px_per_mm=5.9),
    "1 mm dots only": Drawing(fine=(220, 110, 110), coarse=None, dotted=True),
    "dotted": Drawing(fine=(220, 110, 110), dotted=True),
    "100 dpi": Drawing(px_per_mm=3.937),
    "300 dpi": Drawing(px_per_mm=11.811),
    "no strip": Drawing(rhythm=()),
    "three strips": Drawing(rhythm=("V1", "II", "V5")),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawn_page_is_read(name: str) -> None:
    drawing = DRAWINGS[name]
    reading = plain() if drawing == Drawing() else read_raster_page(draw_page(drawing))
    assert reading.px_per_mm == pytest.approx((drawing.px_per_mm,) * 2, rel=2e-3)
    assert reading.layout == f"3x4+{len(drawing.rhythm)}"
    assert reading.found == {
        "px_per_mm": "measured", "speed_mm_s": "assumed", "gain_mm_mv": "measured", "layout": "measured",
    }  # fmt: skip
    assert sorted(s.lead for s in reading.strips if not s.rhythm) == sorted(LEADS)
    assert tuple(s.lead for s in reading.strips if s.rhythm) == drawing.rhythm
    assert worst_error_mv(reading) < (0.09 if drawing.px_per_mm < 5 else 0.055)


def test_r_peaks_keep_their_height() -> None:
    reading = plain()
    for lead in ("II", "V4"):
        strip = next(s for s in reading.strips if s.lead == lead and not s.rhythm)
        truth = lead_mv(lead, strip.start_s + np.arange(0, 2.5, 0.001))
        assert np.nanmax(strip.samples) == pytest.approx(truth.max(), abs=0.06)


@pytest.mark.parametrize("degrees", [-4.0, -1.3, 2.7])
def test_a_turned_page_is_read_and_its_trace_lies_on_the_ink(degrees: float) -> None:
    page = turned(draw_page(), degrees)
    reading = read_raster_page(page)
    assert reading.facts["TurnDegrees"] == pytest.approx(-degrees, abs=0.05)
    assert worst_error_mv(reading) < 0.07
    strip = next(s for s in reading.strips if s.rhythm)
    x, y = np.round(strip.trace_px).astype(int).T
    assert page[y, x].max(axis=1).mean() < 100  # ink, not paper


@pytest.mark.parametrize(("quarter", "given"), [(1, 270), (2, 180), (3, 90)])
def test_quarter_turns_are_taken_back(quarter: int, given: float) -> None:
    page = np.ascontiguousarray(np.rot90(draw_page(), quarter))
    reading = read_raster_page(page, rotate_deg=given)
    assert worst_error_mv(reading) < 0.055
    strip = next(s for s in reading.strips if s.rhythm)
    x, y = np.round(strip.trace_px).astype(int).T
    assert page[y, x].max(axis=1).mean() < 100
    found = read_raster_page(page)  # the names say which way is up
    assert worst_error_mv(found) < 0.055


def test_gain_comes_from_the_pulse_or_the_user() -> None:
    half = draw_page(Drawing(gain=5.0, pulse_mm=5.0))
    assert read_raster_page(half).gain_mm_mv == 5.0
    bare = read_raster_page(draw_page(Drawing(pulse=False)))
    assert (bare.gain_mm_mv, bare.found["gain_mm_mv"]) == (10.0, "assumed")
    given = read_raster_page(half, gain_mm_mv=5.0)
    assert given.found["gain_mm_mv"] == "given"
    with pytest.raises(InputError, match=r"pulse is 7\.\d mm high"):
        read_raster_page(draw_page(Drawing(pulse_mm=7.3)))


def test_given_values_are_held_against_the_page() -> None:
    page = draw_page()
    with pytest.raises(InputError, match="layout not recognised"):
        read_raster_page(page, layout="6x2")
    with pytest.raises(InputError, match="quarter turn"):
        read_raster_page(page, rotate_deg=30)


def test_without_a_grid_pulse_and_columns_give_the_millimetre_and_a_review_is_asked_for() -> None:
    reading = read_raster_page(draw_page(Drawing(fine=None, coarse=None)))
    assert reading.px_per_mm == pytest.approx((7.874,) * 2, rel=0.02)
    assert worst_error_mv(reading) < 0.08
    assert status_of(reading.checks) == "needs_review"


def even(level: int) -> np.ndarray:
    return np.full((900, 1200, 3), level, np.uint8)


def noisy() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (900, 1200, 3)).astype(np.uint8)


def slope() -> np.ndarray:
    grain = np.random.default_rng(1).normal(128, 3, (900, 1200, 3))
    return np.clip(grain + np.linspace(-60, 60, 1200)[None, :, None], 0, 255).astype(np.uint8)


REFUSED: dict[str, tuple[Callable[[], np.ndarray], str]] = {
    "blank": (lambda: even(255), "blank"),
    "black": (lambda: even(0), "blank"),
    "noise": (noisy, "."),
    "tiny": (lambda: np.zeros((60, 80, 3), np.uint8), "pixels"),
    "no names": (lambda: draw_page(Drawing(names=False, pulse=False)), "layout not recognised"),
    "half a page": (lambda: draw_page()[:, :1100], "."),
    "other speed": (lambda: draw_page(Drawing(column_mm=50.0)), "columns are 5"),
    "mirrored": (lambda: draw_page()[:, ::-1].copy(), "."),
    "photo": (slope, "."),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_readable_page_is_refused(name: str) -> None:
    page, reason = REFUSED[name]
    with pytest.raises(InputError, match=reason):
        read_raster_page(page())


@pytest.mark.parametrize(
    "drawing",
    [Drawing(coarse=None, fine=(240, 170, 170)), Drawing(px_per_mm=1.6)],
    ids=["1 mm only", "thumbnail"],
)
def test_paper_of_1_mm_lines_and_a_thumbnail_are_read_at_their_own_scale(drawing: Drawing) -> None:
    reading = read_raster_page(draw_page(drawing))
    assert reading.px_per_mm == pytest.approx((drawing.px_per_mm,) * 2, rel=0.005)


def test_the_same_page_gives_the_same_reading() -> None:
    first, second = plain(), read_raster_page(draw_page())
    for a, b in zip(first.strips, second.strips, strict=True):
        np.testing.assert_array_equal(a.samples, b.samples)


def test_a_page_that_looks_as_if_it_lay_on_its_side_is_read_by_its_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scartools.ecg.page_upright._banded", lambda mask, axis: 3.0 - 2 * axis)
    reading = read_raster_page(draw_page())
    assert reading.facts["QuarterTurns"] == 0
    assert worst_error_mv(reading) < 0.055


@pytest.mark.parametrize("rhythm", [("II",), ()])
def test_a_pulse_before_each_column_is_no_time(rhythm: tuple[str, ...]) -> None:
    drawing = Drawing(between_mm=13.5, rhythm=rhythm)
    reading = read_raster_page(draw_page(drawing))
    assert reading.facts["PulseBeforeEachColumn"] and reading.speed_mm_s == 25.0
    assert reading.px_per_mm == pytest.approx((drawing.px_per_mm,) * 2, rel=2e-3)
    for strip in reading.strips:
        column = 0 if strip.rhythm else LEADS.index(strip.lead) // 3
        assert strip.start_s == pytest.approx(2.5 * column, abs=0.012)
    assert worst_error_mv(reading) < 0.055


def test_pulses_between_columns_of_another_width_are_refused_and_not_counted_as_time() -> None:
    page = draw_page(Drawing(between_mm=13.5, column_mm=54.0))
    with pytest.raises(InputError, match="pulse stands before each column"):
        read_raster_page(page, speed_mm_s=25.0)
