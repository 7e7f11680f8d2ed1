"""Strips become twelve leads on one clock: nothing moved, nothing invented."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from scartools.ecg.assemble import assemble, natural_spline, upright
from scartools.ecg.reading import LEADS, Strip
from scartools.errors import InputError
from tests.unit.ecg.drawn_page import twelve_leads
from tests.unit.ecg.test_page_checks import RATE, page_3x4, page_12x1

SIGNALS = np.stack([twelve_leads()[lead] for lead in LEADS])


def test_samples_on_the_clock_are_copied_and_the_rest_is_nan():
    reading = page_3x4()
    found = assemble(reading)
    assert found.signals.shape == (12, 5000) and found.rate == 500
    for strip in reading.strips:
        row, first = LEADS.index(strip.lead), round(strip.start_s * RATE)
        if strip.lead != "II":
            np.testing.assert_array_equal(found.signals[row, first : first + 1250], strip.samples)
            assert np.isfinite(found.signals[row]).sum() == 1250


def test_the_rhythm_strip_wins_over_its_column():
    reading = page_3x4()
    marked = tuple(
        replace(s, samples=s.samples + 1) if s.lead == "II" and not s.rhythm else s for s in reading.strips
    )
    found = assemble(replace(reading, strips=marked))
    np.testing.assert_array_equal(found.signals[1], reading.strips[-1].samples)
    assert found.quality["II"]["RhythmStrip"] and found.quality["II"]["Duration"] == 10


def test_leads_come_in_standard_order():
    reading = page_12x1()
    shuffled = replace(reading, strips=tuple(reversed(reading.strips)))
    np.testing.assert_array_equal(assemble(shuffled).signals, assemble(reading).signals)
    assert tuple(assemble(shuffled).quality) == LEADS


def test_cabreras_minus_avr_is_turned():
    reading = page_12x1()
    cabrera = replace(
        reading,
        strips=tuple(
            replace(s, lead="-aVR", samples=-s.samples) if s.lead == "aVR" else s for s in reading.strips
        ),
    )
    np.testing.assert_array_equal(assemble(cabrera).signals, assemble(reading).signals)
    assert upright(cabrera).facts["AVRTurned"] and not upright(reading).facts["AVRTurned"]


def sine(rate: float, start: float = 0.0) -> Strip:
    times = start + np.arange(round(4 * rate)) / rate
    return Strip("I", False, start, np.sin(2 * np.pi * 5 * times), rate, np.zeros((2, 2)))


@pytest.mark.parametrize(("rate", "error"), [(125.0, 2e-3), (250.0, 2e-4), (1000.0, 1e-6), (333.3, 1e-4)])
def test_another_rate_goes_through_a_spline(rate, error):
    reading = page_12x1()
    strips = tuple(replace(sine(rate, 0.2), lead=lead) for lead in LEADS)
    found = assemble(replace(reading, strips=strips)).signals[0]
    times = np.arange(len(found)) / 500
    inside = np.isfinite(found)
    assert inside.sum() == pytest.approx((len(strips[0].samples) - 1) / rate * 500, abs=1.01)
    assert not inside[:100].any()
    middle = inside & (times > 0.3) & (times < 4)
    assert np.abs(found - np.sin(2 * np.pi * 5 * times))[middle].max() < error


def test_a_gap_stays_a_gap():
    reading = page_12x1()
    holed = []
    for strip in reading.strips:
        samples = strip.samples.copy()
        samples[1000:1100] = np.nan
        holed.append(replace(strip, samples=samples[::2], rate=250.0))
    found = assemble(replace(reading, strips=tuple(holed)))
    assert np.isnan(found.signals[:, 1000:1099]).all()
    assert np.isfinite(found.signals[:, :998]).all() and np.isfinite(found.signals[:, 1100:4998]).all()
    assert found.quality["V1"]["Gaps"] == 1 and found.quality["V1"]["Coverage"] == pytest.approx(0.98)


def test_the_noise_of_a_lead_is_its_standard_deviation_in_microvolts():
    reading = page_12x1()
    noise = np.random.default_rng(4).normal(scale=0.02, size=5000)
    strips = tuple(replace(s, samples=s.samples + noise) for s in reading.strips)
    quality = assemble(replace(reading, strips=strips)).quality
    assert quality["I"]["Noise"] == pytest.approx(20, rel=0.1)


def test_missing_leads_are_named():
    reading = page_12x1()
    kept = tuple(s for s in reading.strips if s.lead not in ("V2", "aVF"))
    with pytest.raises(InputError, match="aVF, V2"):
        assemble(replace(reading, strips=kept))


@pytest.mark.parametrize("length", [2, 3, 5, 40, 700])
def test_the_spline_is_the_natural_cubic_spline(length):
    values = np.random.default_rng(length).normal(size=length)
    places = np.sort(np.random.default_rng(1).uniform(0, length - 1, 500))
    places = np.concatenate([[0.0], places, [length - 1.0]])
    expected = CubicSpline(np.arange(length), values, bc_type="natural")(places)
    np.testing.assert_allclose(natural_spline(values, places), expected, atol=1e-12)
