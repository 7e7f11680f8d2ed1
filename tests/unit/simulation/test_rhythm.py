"""Recordings: beats where the R times say, noise of the asked size, limb leads that stay consistent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scartools.simulation.rhythm import (
    Recording,
    draw_rhythm,
    electrode_noise,
    r_times,
    record_beats,
    with_ectopics,
)

STILL = Recording(
    heart_rate=60.0, rr_sd=0.0, rr_breathing=0.0, swing=0.0, wander_mv=0.0, mains_mv=0.0, muscle_mv=0.0
)


def some_beat() -> np.ndarray:
    beat = np.zeros((12, 600))
    beat[:, 195:206] = np.hanning(11)
    return beat


def test_without_noise_a_recording_is_the_beat_again_and_again() -> None:
    signals, peaks = record_beats(some_beat(), STILL, np.random.default_rng(1))
    assert signals.shape == (12, 5000) and signals.dtype == np.float64
    assert np.diff(peaks) == pytest.approx(500, abs=1) and 9 <= len(peaks) <= 10
    inside = peaks[(peaks > 10) & (peaks < 4990)]
    assert signals[0, inside] == pytest.approx(1.0)
    assert signals[0].sum() == pytest.approx(some_beat()[0].sum() * 10, rel=0.11)


def test_overlapping_beats_add_up() -> None:
    beat = some_beat()
    beat[:, 500] = 0.5  # 600 ms after R: reaches into the next beat at 150 a minute
    signals, peaks = record_beats(beat, replace(STILL, heart_rate=150.0), np.random.default_rng(1))
    late = peaks[(peaks > 1000) & (peaks < 4000)] + 300
    assert signals[0, late] == pytest.approx(0.5)


def test_rate_and_variation_are_as_asked() -> None:
    when = r_times(np.random.default_rng(0), replace(STILL, heart_rate=75.0, rr_sd=0.03), seconds=600.0)
    intervals = np.diff(when)
    assert intervals.mean() == pytest.approx(0.8, rel=0.01)
    assert intervals.std() == pytest.approx(0.024, rel=0.15)
    breathing = np.diff(r_times(np.random.default_rng(0), replace(STILL, rr_breathing=0.05), seconds=600.0))
    assert breathing.max() - breathing.min() == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    ("change", "low", "high"),
    [({"wander_mv": 0.05}, 0.0, 0.8), ({"mains_mv": 0.05}, 49.5, 50.5), ({"muscle_mv": 0.05}, 14.0, 151.0)],
)
def test_noise_has_its_size_and_its_frequencies(change: dict[str, float], low: float, high: float) -> None:
    noise = electrode_noise(np.random.default_rng(0), replace(STILL, **change), 5000)
    assert noise.shape == (9, 5000)
    power = np.abs(np.fft.rfft(noise * np.hanning(5000), axis=1)) ** 2
    frequency = np.fft.rfftfreq(5000, 1 / 500)
    inside = (frequency >= low) & (frequency <= high)
    assert power[:, inside].sum() > 0.97 * power.sum()
    assert 0.005 < noise.std() < 0.08


def test_the_limb_leads_stay_consistent_under_noise() -> None:
    signals, _ = record_beats(
        np.zeros((12, 600)), draw_rhythm(np.random.default_rng(2), 70.0), np.random.default_rng(3)
    )
    i, ii, iii, avr, avl, avf = signals[:6]
    assert signals.std() > 0.003
    assert np.abs(ii - i - iii).max() < 1e-12
    assert np.abs(avr + avl + avf).max() < 1e-12


def test_the_seed_decides() -> None:
    first, _ = record_beats(some_beat(), Recording(70.0), np.random.default_rng(5))
    again, _ = record_beats(some_beat(), Recording(70.0), np.random.default_rng(5))
    other, _ = record_beats(some_beat(), Recording(70.0), np.random.default_rng(6))
    assert first.tobytes() == again.tobytes() and first.tobytes() != other.tobytes()


def test_fibrillation_has_no_order_and_waves_of_four_to_nine_hertz() -> None:
    drawn = draw_rhythm(np.random.default_rng(1), 70.0, "AF")
    assert drawn.rhythm == "AF" and drawn.fibrillation > 0 and drawn.rr_breathing == 0
    intervals = np.diff(r_times(np.random.default_rng(0), drawn, seconds=600.0))
    assert 0.12 < intervals.std() / intervals.mean() < 0.3
    assert abs(np.corrcoef(intervals[1:], intervals[:-1])[0, 1]) < 0.1
    only_waves = replace(STILL, rhythm="AF", fibrillation=1.0)
    atria = np.ones((12, 2)) * 0.1
    signals, _ = record_beats(np.zeros((12, 600)), only_waves, np.random.default_rng(0), atria=atria)
    power = np.abs(np.fft.rfft(signals[6] * np.hanning(5000))) ** 2
    frequency = np.fft.rfftfreq(5000, 1 / 500)
    assert power[(frequency > 3.8) & (frequency < 9.2)].sum() > 0.97 * power.sum()
    assert 0.05 < signals[6].std() < 0.3


def test_ectopic_beats_come_early_and_a_pause_follows() -> None:
    when = np.arange(-1.0, 12.0, 0.9)
    times, ectopic = with_ectopics(np.random.default_rng(0), when, 2)
    assert ectopic.sum() == 2
    for beat in np.flatnonzero(ectopic):
        assert 0.5 < (times[beat] - times[beat - 1]) / 0.9 < 0.75
        assert times[beat + 1] - times[beat - 1] == pytest.approx(1.8)
    assert np.array_equal(times[~ectopic], when[~ectopic])


def test_a_recording_shows_its_ectopic_beat() -> None:
    other = -2.0 * some_beat()
    signals, peaks = record_beats(
        some_beat(), replace(STILL, ectopics=1), np.random.default_rng(1), ectopic=other
    )
    heights = signals[0, peaks[(peaks > 10) & (peaks < 4990)]]
    assert sorted(np.unique(np.round(heights, 6))) == pytest.approx([-2.0, 1.0])
    assert (heights < 0).sum() == 1


def test_the_filter_takes_what_the_machine_takes() -> None:
    slow = replace(STILL, wander_mv=0.05)
    kept, _ = record_beats(np.zeros((12, 600)), slow, np.random.default_rng(0))
    calm, _ = record_beats(np.zeros((12, 600)), replace(slow, high_pass_hz=0.5), np.random.default_rng(0))
    assert calm[6].std() < 0.5 * kept[6].std()
    fast = replace(STILL, muscle_mv=0.05)
    kept, _ = record_beats(np.zeros((12, 600)), fast, np.random.default_rng(0))
    smooth, _ = record_beats(np.zeros((12, 600)), replace(fast, low_pass_hz=40.0), np.random.default_rng(0))
    assert smooth[6].std() < 0.5 * kept[6].std()
    sharp, peaks = record_beats(some_beat(), replace(STILL, low_pass_hz=100.0), np.random.default_rng(1))
    inside = peaks[(peaks > 50) & (peaks < 4950)]
    assert all(int(sharp[0, peak - 20 : peak + 21].argmax()) == 20 for peak in inside)  # no shift in time
