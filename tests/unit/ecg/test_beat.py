"""The median beat of recordings whose beat is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scartools.ecg.alignment import is_irregular
from scartools.ecg.beat import CORE, median_beat
from scartools.ecg.reading import LEADS
from scartools.ecg.sampling import resample
from scartools.errors import InputError
from tests.unit.ecg.ecg_phantom import WAVES, page, recording, true_beat

SLOW = np.arange(0.6, 9.3, 1.25)  # the next beat stays out of the window
NEAR = slice(100, 520)


def moved(beat: np.ndarray, by: int) -> np.ndarray:
    return np.roll(beat, by, axis=1)


def apart(found: np.ndarray, wanted: np.ndarray) -> float:
    """Largest difference in mV where both are there, at the best common shift of up to 12 ms: R is that of all leads."""
    return min(float(np.nanmax(np.abs(found - moved(wanted, by))[:, NEAR])) for by in range(-6, 7))


def test_the_beat_of_a_clean_recording_is_the_beat_it_was_drawn_from() -> None:
    beat = median_beat(recording(SLOW), 500.0)
    assert beat.signals.shape == (12, 600) and beat.signals.dtype == np.float64
    assert apart(beat.signals, true_beat()) < 0.01
    assert set(beat.facts["Method"].values()) == {"median"}
    assert beat.facts["BeatsExcluded"] == {"shape": 0, "premature": 0}
    assert beat.facts["Warnings"] == [] and beat.facts["Quality"] > 0.99


@pytest.mark.parametrize("rate", [250.0, 360.0, 499.2, 1000.0])
def test_other_rates_give_the_same_beat(rate: float) -> None:
    beat = median_beat(recording(SLOW, rate), rate)
    assert apart(beat.signals, true_beat()) < 0.04
    np.testing.assert_allclose(beat.facts["RPeaks"], SLOW, atol=0.012)


def test_at_100_hz_it_is_made_and_says_that_it_is_blunt() -> None:
    beat = median_beat(recording(SLOW, 100.0, wide=1.5), 100.0)
    assert apart(beat.signals, true_beat(wide=1.5)) < 0.15
    assert any("100 Hz" in warning for warning in beat.facts["Warnings"])


def test_70_hz_are_refused() -> None:
    with pytest.raises(InputError, match="70"):
        median_beat(recording(SLOW, 70.0), 70.0)


def test_rate_and_intervals() -> None:
    facts = median_beat(recording(SLOW), 500.0).facts
    assert facts["HeartRate"] == pytest.approx(48.0, abs=0.1)
    assert facts["RRMean"] == pytest.approx(1.25, abs=0.002) and facts["RRSD"] < 0.003


def test_r_is_the_largest_spatial_magnitude() -> None:
    beat = median_beat(recording(SLOW), 500.0).signals
    assert abs(int(np.argmax(np.sqrt((beat**2).sum(axis=0)))) - 200) <= 1


def test_ectopic_beats_are_left_out_and_counted() -> None:
    times = np.arange(0.6, 9.4, 0.9)
    beat = median_beat(recording(times, ectopic=(3, 7)), 500.0)
    assert beat.facts["BeatsExcluded"]["shape"] == 2
    assert [at["Reason"] for at in beat.facts["ExcludedAt"]] == ["shape", "shape"]
    np.testing.assert_allclose([at["Time"] for at in beat.facts["ExcludedAt"]], times[[3, 7]], atol=0.09)
    plain = median_beat(recording(times), 500.0).signals
    assert np.abs(beat.signals - plain)[:, CORE].max() < 0.02


def test_in_bigeminy_the_early_beats_are_the_ectopic_ones() -> None:
    times = np.array([0.6, 1.15, 2.4, 2.95, 4.2, 4.75, 6.0, 6.55, 7.8, 8.35])
    beat = median_beat(recording(times, ectopic=(1, 3, 5, 7, 9)), 500.0)
    assert beat.facts["BeatsUsed"] == 5
    assert np.corrcoef(beat.signals[:, 180:240].ravel(), true_beat()[:, 180:240].ravel())[0, 1] > 0.97


def test_a_premature_beat_of_the_same_shape_is_left_out() -> None:
    times = np.array([0.6, 1.5, 2.4, 3.3, 3.85, 4.8, 5.7, 6.6, 7.5, 8.4])
    facts = median_beat(recording(times), 500.0).facts
    assert facts["BeatsExcluded"] == {"shape": 0, "premature": 1}
    assert facts["ExcludedAt"][0]["Time"] == pytest.approx(3.85, abs=0.01)


def test_in_an_irregular_rhythm_no_beat_is_premature() -> None:
    rng = np.random.default_rng(3)
    times = 0.5 + np.concatenate(([0], np.cumsum(rng.uniform(0.45, 1.3, 10))))
    facts = median_beat(recording(times, seconds=float(times[-1]) + 1), 500.0).facts
    assert facts["BeatsExcluded"]["premature"] == 0
    assert any("irregular" in warning for warning in facts["Warnings"])


@pytest.mark.parametrize(("changed", "irregular"), [(1, False), (5, True)])
def test_one_early_beat_is_not_an_irregular_rhythm(changed: int, irregular: bool) -> None:
    intervals = np.full(12, 0.8)
    for k in range(changed):
        intervals[2 * k + 1] = 0.5
    assert is_irregular(intervals) is irregular


def test_an_artefact_in_two_beats_does_not_reach_the_median() -> None:
    signals = recording(SLOW)
    signals[4, 1300:1500] += 2.0
    clean = median_beat(recording(SLOW), 500.0).signals
    assert np.abs(median_beat(signals, 500.0).signals - clean)[4, CORE].max() < 0.01


def test_noise_falls_by_the_median_and_is_reported() -> None:
    beat = median_beat(recording(SLOW, noise=0.05), 500.0)
    clean = median_beat(recording(SLOW), 500.0).signals
    residual = np.std((beat.signals - clean)[:, 300:400], axis=1)
    assert residual.mean() < 0.05 * 1.5 / np.sqrt(len(SLOW)) + 0.01
    # the residuals of n beats from their own median are a little smaller than the noise
    np.testing.assert_allclose(list(beat.facts["Noise"].values()), 0.05, rtol=0.25)


def test_noise_lowers_quality_lead_by_lead() -> None:
    signals = recording(SLOW)
    signals[2] += np.random.default_rng(1).normal(scale=0.3, size=signals.shape[1])
    quality = median_beat(signals, 500.0).facts["LeadQuality"]
    assert quality["III"] < 0.9 < quality["II"]


@pytest.mark.parametrize("change", ["invert", "low", "wide"])
def test_inverted_low_and_wide_complexes(change: str) -> None:
    waves = WAVES * {"invert": -1.0, "low": 0.1, "wide": 1.0}[change]
    wide = 3.0 if change == "wide" else 1.0
    found = median_beat(recording(SLOW, waves=waves, wide=wide), 500.0).signals
    wanted = true_beat(waves, wide)
    best = max(
        np.corrcoef(found[:, NEAR].ravel(), moved(wanted, by)[:, NEAR].ravel())[0, 1] for by in range(-60, 61)
    )
    assert best > 0.999


def test_the_leads_of_a_page_come_from_their_own_columns() -> None:
    times = np.arange(0.55, 9.8, 0.8)
    beat = median_beat(page(recording(times)), 500.0)
    whole = median_beat(recording(times), 500.0)
    methods = beat.facts["Method"]
    assert methods["II"] == "median" and all(
        methods[lead] in ("medoid", "single") for lead in LEADS if lead != "II"
    )
    here = np.isfinite(beat.signals)
    assert here[:, CORE].all()
    assert np.abs(beat.signals - whole.signals)[here].max() < 0.03


def test_a_page_without_a_rhythm_strip() -> None:
    """Nothing fixes the time between its columns but the middle of the QRS: within 20 ms, and it says so."""
    times = np.arange(0.55, 9.8, 0.8)
    beat = median_beat(page(recording(times), rhythm=None), 500.0)
    whole = median_beat(recording(times), 500.0).signals
    assert np.isfinite(beat.signals[:, CORE]).all()
    for column in range(4):
        rows = slice(3 * column, 3 * column + 3)
        assert (
            min(np.abs(beat.signals[rows] - moved(whole[rows], by))[:, NEAR].max() for by in range(-10, 11))
            < 0.03
        )
    assert any("no lead lasts" in warning for warning in beat.facts["Warnings"])


def test_an_ectopic_in_a_column_is_not_used_for_its_leads() -> None:
    times = np.arange(0.55, 9.8, 0.8)
    beat = median_beat(page(recording(times, ectopic=(4,))), 500.0)
    assert beat.facts["BeatsExcluded"]["shape"] == 1
    whole = median_beat(recording(times), 500.0).signals
    assert np.nanmax(np.abs(beat.signals - whole)[3:6, 150:250]) < 0.1  # aVR aVL aVF: the column it fell into


def test_a_lead_with_one_beat_is_used_and_says_so() -> None:
    signals = recording(SLOW)
    signals[8, :1600] = np.nan
    signals[8, 2100:] = np.nan  # R at 3.1 s is at 1550; the one at 4.35 s is not whole
    signals[8, 1400:2100] = recording(SLOW)[8, 1400:2100]
    beat = median_beat(signals, 500.0)
    assert beat.facts["Method"]["V3"] == "single" and beat.facts["BeatsPerLead"]["V3"] == 1
    assert beat.facts["Noise"]["V3"] is None
    assert any("one beat in V3" in warning for warning in beat.facts["Warnings"])
    here = np.isfinite(beat.signals[8])
    assert np.abs(beat.signals[8] - median_beat(recording(SLOW), 500.0).signals[8])[here].max() < 0.02


def test_a_lead_without_a_whole_beat_is_absent_and_says_so() -> None:
    signals = recording(SLOW)
    signals[8] = np.nan
    signals[5, :] = np.where(np.arange(5000) < 320, signals[5], np.nan)
    beat = median_beat(signals, 500.0)
    assert np.isnan(beat.signals[[5, 8]]).all() and np.isfinite(beat.signals[0]).all()
    assert beat.facts["Method"]["V3"] == beat.facts["Method"]["aVF"] == "absent"
    assert beat.facts["LeadQuality"]["V3"] == 0 and beat.facts["BeatsPerLead"]["V3"] == 0
    assert any("aVF, V3" in warning for warning in beat.facts["Warnings"])


def test_the_level_is_zero_on_the_pr_segment() -> None:
    signals = recording(SLOW) + np.linspace(-1, 1, 12)[:, None]
    beat = median_beat(signals, 500.0)
    place = beat.facts["Baseline"]
    inside = slice(200 + place["From"] // 2, 200 + place["To"] // 2)
    assert np.abs(np.median(beat.signals[:, inside], axis=1)).max() < 1e-9
    assert -160 <= place["From"] < place["To"] <= -30


def test_high_pass_takes_out_wander_only_when_asked() -> None:
    wander = 0.8 * np.sin(2 * np.pi * 0.15 * np.arange(5000) / 500)
    clean = median_beat(recording(SLOW), 500.0).signals
    plain = median_beat(recording(SLOW) + wander, 500.0)
    filtered = median_beat(recording(SLOW) + wander, 500.0, high_pass_hz=0.5)
    assert plain.facts["HighPass"] is None and filtered.facts["HighPass"] == 0.5
    assert np.median(list(filtered.facts["Noise"].values())) < 0.5 * np.median(
        list(plain.facts["Noise"].values())
    )
    assert np.abs(filtered.signals - clean)[:, 150:250].max() < 0.12


@pytest.mark.parametrize(
    ("signals", "rate", "said"),
    [
        (np.zeros((12, 5000)), 500.0, "flat"),
        (np.zeros((8, 5000)), 500.0, "shape"),
        (np.zeros(5000), 500.0, "shape"),
        (recording([0.5], seconds=1.0), 500.0, "too short"),
        (recording([2.0], seconds=4.0), 500.0, "two"),
        (recording([0.5, 1.3], seconds=1.5), 500.0, "two whole beats"),
        (np.random.default_rng(0).normal(size=(12, 5000)), 500.0, "no beats"),
        (recording(np.arange(2.0, 29, 6.0), seconds=30), 500.0, "a minute"),
        (np.full((12, 5000), np.nan), 500.0, "flat"),
    ],
)
def test_what_makes_no_beat_is_refused(signals: np.ndarray, rate: float, said: str) -> None:
    with pytest.raises(InputError, match=said):
        median_beat(signals, rate)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.2, 3.0), st.integers(0, 400))
def test_scale_and_start_of_the_recording_change_nothing_else(scale: float, start: int) -> None:
    times = np.arange(0.9, 19, 1.25)
    signals = recording(times, seconds=20)
    one = median_beat(signals, 500.0).signals
    other = median_beat(scale * signals[:, start : start + 8000], 500.0).signals
    assert np.abs(other / scale - one)[:, CORE].max() < 0.01


def test_input_is_not_changed() -> None:
    signals = page(recording(SLOW))
    before = signals.copy()
    median_beat(signals, 500.0, high_pass_hz=0.5)
    np.testing.assert_array_equal(signals, before)


@pytest.mark.parametrize("rate", [125.0, 360.0, 1000.0, 512.3])
def test_resampling_keeps_time_and_gaps(rate: float) -> None:
    times = np.arange(int(4 * rate)) / rate
    wave = np.sin(2 * np.pi * 7 * times)
    gapped = wave.copy()
    gapped[(times > 1.0) & (times < 2.0)] = np.nan
    new = resample(np.stack([wave, gapped]), rate, 500.0)
    at = np.arange(new.shape[1]) / 500
    inner = (at > 0.2) & (at < at[-1] - 0.2)
    assert np.abs(new[0] - np.sin(2 * np.pi * 7 * at))[inner].max() < 0.01
    absent = np.isnan(new[1])
    assert absent[(at > 1.0 + 1 / rate) & (at < 2.0 - 1 / rate)].all()
    assert not absent[(at < 1.0 - 1 / rate) | (at > 2.0 + 1 / rate)].any()
