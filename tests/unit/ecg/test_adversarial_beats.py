"""Recordings that go wrong: the right beat, or a refusal that names the reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scartools.ecg.beat import CORE, Beat, median_beat, stream_beats
from scartools.ecg.quality import assess
from scartools.ecg.reading import LEADS
from scartools.errors import InputError
from tests.unit.ecg.ecg_phantom import WAVES, recording, true_beat

TIMES = np.arange(0.6, 9.3, 0.87)


def beats_apart(beat: Beat, wanted: np.ndarray, rows: slice | list[int] = slice(None)) -> float:
    """Largest difference in mV at the best common shift of up to 12 ms: R is that of all leads."""
    here = [np.roll(wanted, by, axis=1)[rows, CORE] for by in range(-6, 7)]
    return min(float(np.abs(beat.signals[rows, CORE] - part).max()) for part in here)


def raised(signals: np.ndarray, rate: float, beat: Beat) -> set[str]:
    return {finding.name for finding in assess(signals, rate, beat) if finding.flagged}


def test_leads_that_are_absent_stay_absent_and_the_others_are_as_they_were() -> None:
    signals = recording(TIMES)
    whole = median_beat(signals, 500.0)
    signals[[3, 8]] = np.nan
    beat = median_beat(signals, 500.0)
    kept = [row for row in range(12) if row not in (3, 8)]
    assert np.isnan(beat.signals[[3, 8]]).all()
    np.testing.assert_allclose(beat.signals[kept], whole.signals[kept], atol=1e-12)
    assert beat.facts["Method"]["aVR"] == beat.facts["Method"]["V3"] == "absent"
    assert beat.facts["Quality"] == pytest.approx(10 / 12, abs=0.01)
    flagged = [f for f in assess(signals, 500.0, beat) if f.flagged and f.name == "recorded"]
    assert [f.lead for f in flagged] == ["aVR", "V3"]


def test_eight_leads_only() -> None:
    signals = recording(TIMES)
    signals[2:6] = np.nan
    beat = median_beat(signals, 500.0)
    assert np.isnan(beat.signals[2:6]).all()
    assert beats_apart(beat, true_beat(), [0, 1, *range(6, 12)]) < 0.01


@pytest.mark.parametrize("lead", range(12))
def test_one_lead_is_enough_whichever_it_is(lead: int) -> None:
    signals = np.full((12, 5000), np.nan)
    signals[lead] = recording(TIMES)[lead]
    beat = median_beat(signals, 500.0)
    assert beat.facts["BeatsUsed"] == len(TIMES)
    assert np.isfinite(beat.signals[lead, CORE]).all()


@pytest.mark.parametrize("at", [1.0, 4.0, 5.0, 8.5])
@pytest.mark.parametrize("noise", [0.0, 0.01, 0.05])
def test_one_beat_is_refused_by_its_name(at: float, noise: float) -> None:
    """Nothing can confirm it; P and T, which may look like beats where there are no others, are not alike."""
    with pytest.raises(InputError, match="one beat|no two alike|no beats|a minute"):
        median_beat(recording([at], noise=noise), 500.0)


def test_three_beats_of_a_heart_at_20_a_minute_are_a_medoid() -> None:
    beat = median_beat(recording([1.0, 3.9, 6.8]), 500.0)
    assert set(beat.facts["Method"].values()) == {"medoid"} and beat.facts["HeartRate"] == pytest.approx(
        20.7, abs=0.1
    )
    assert beats_apart(beat, true_beat()) < 0.01


def test_two_beats_of_different_shape_are_refused() -> None:
    with pytest.raises(InputError, match="no two alike"):
        median_beat(recording([1.0, 2.2], seconds=4.0, ectopic=(1,)), 500.0)


def test_fibrillation_keeps_every_beat() -> None:
    rng = np.random.default_rng(7)
    times = 0.5 + np.concatenate(([0], np.cumsum(rng.uniform(0.55, 1.2, 11))))
    signals = recording(times[times < 9.5], waves=WAVES * [0, 1, 1, 1, 1])
    clock = np.arange(5000) / 500
    waves = 0.06 * np.sin(2 * np.pi * 6 * clock + 2 * np.sin(2 * np.pi * 0.7 * clock))
    beat = median_beat(signals + waves, 500.0)
    assert beat.facts["BeatsExcluded"] == {"shape": 0, "premature": 0}
    np.testing.assert_allclose(beat.facts["RPeaks"], times[times < 9.5], atol=0.015)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_spikes_of_a_pacemaker_are_no_beats_and_stay_in_the_beat(width: int) -> None:
    signals = recording(TIMES, wide=3.0)
    sizes = np.random.default_rng(2).uniform(1.0, 6.0, len(TIMES))  # their height is an accident of sampling
    for at, size in zip(TIMES, sizes, strict=True):
        for before in (0.24, 0.11):  # of an atrial and a ventricular lead
            start = round((at - before) * 500)
            signals[:, start : start + width] += size * np.sign(WAVES[:, 2:3])
    beat = median_beat(signals, 500.0)
    assert beat.facts["BeatsUsed"] == beat.facts["BeatsFound"] == len(TIMES)
    assert np.ptp(np.array(beat.facts["RPeaks"]) - TIMES) < 0.012, "fixed to the QRS, not to the spike"
    assert np.abs(beat.signals[1]).max() > 1.5, "the beat itself is not filtered"


def test_atrial_spikes_without_a_beat_are_no_beats() -> None:
    signals = recording(TIMES)
    for at in TIMES + 0.43:
        start = round(at * 500)
        signals[:, start : start + 2] += 4.0
    beat = median_beat(signals, 500.0)
    assert beat.facts["BeatsFound"] == len(TIMES)


@pytest.mark.parametrize("mains", [50.0, 60.0])
def test_hum_hides_no_beat_and_is_named(mains: float) -> None:
    signals = recording(TIMES)
    hum = 0.2 * np.sin(2 * np.pi * mains * np.arange(5000) / 500)
    beat = median_beat(signals + hum, 500.0)
    assert beat.facts["BeatsUsed"] == len(TIMES)
    np.testing.assert_allclose(beat.facts["RPeaks"], TIMES, atol=0.012)
    found = {f.name: f.value for f in assess(signals + hum, 500.0, beat) if f.lead == "V1"}
    name, other = f"hum_{mains:.0f}", f"hum_{110 - mains:.0f}"
    assert found[name] == pytest.approx(0.2, rel=0.05) and found[other] < 0.01
    assert name in raised(signals + hum, 500.0, beat) and other not in raised(signals + hum, 500.0, beat)


@pytest.mark.parametrize("rate", [100.0, 2000.0])
def test_slow_and_fast_sampling(rate: float) -> None:
    beat = median_beat(recording(TIMES, rate, wide=1.5), rate)
    np.testing.assert_allclose(beat.facts["RPeaks"], TIMES, atol=0.012)
    assert beats_apart(beat, true_beat(wide=1.5)) < (0.15 if rate == 100 else 0.02)
    assess(recording(TIMES, rate, wide=1.5), rate, beat)


@pytest.mark.slow
def test_thirty_minutes_in_which_the_rate_changes() -> None:
    rr = np.concatenate([np.full(700, 1.0), np.full(1100, 0.62), np.full(400, 0.9)])
    times = 0.6 + np.concatenate(([0.0], np.cumsum(rr)))
    times = times[times < 1799]
    one = recording([0.6], seconds=1.2)
    signals = np.zeros((12, 900_000))
    for at in times:
        start = round((at - 0.6) * 500)
        stop = min(start + one.shape[1], signals.shape[1])
        signals[:, start:stop] += one[:, : stop - start]
    beat = median_beat(signals, 500.0)
    assert beat.facts["BeatsFound"] == len(times)
    assert beat.facts["BeatsExcluded"]["shape"] == 0
    assert beat.facts["BeatsExcluded"]["premature"] < 10, "a faster half is not early beats"
    assert np.abs(beat.signals - true_beat())[:, 150:340].max() < 0.06
    assert "beats_used" not in raised(signals, 500.0, beat)


def test_a_constant_of_300_mv_changes_nothing() -> None:
    signals = recording(TIMES)
    beat = median_beat(signals + 300.0, 500.0)
    assert np.abs(beat.signals - median_beat(signals, 500.0).signals).max() < 1e-9


def test_a_recording_at_the_rail_is_named() -> None:
    signals = recording(TIMES, waves=WAVES * 30)  # 42 mV
    clipped = np.clip(signals, -32.768, 32.767)
    beat = median_beat(clipped, 500.0)
    assert beat.facts["BeatsUsed"] == len(TIMES)
    leads = [f.lead for f in assess(clipped, 500.0, beat) if f.name == "clipped" and f.flagged]
    assert leads == [LEADS[row] for row in np.flatnonzero(np.abs(signals).max(axis=1) > 32.8)] and leads
    assert "clipped" not in raised(signals, 500.0, median_beat(signals, 500.0))


def test_a_lead_that_falls_off_is_named() -> None:
    signals = recording(TIMES)
    signals[6, 2000:] = 0.0
    found = [
        f for f in assess(signals, 500.0, median_beat(signals, 500.0)) if f.name == "lead_off" and f.flagged
    ]
    assert [f.lead for f in found] == ["V1"] and found[0].value == pytest.approx(0.6, abs=0.1)


def test_a_huge_artefact_in_one_lead_is_left_out_there() -> None:
    signals = recording(TIMES)
    signals[7, 2300:2700] += 20.0
    beat = median_beat(signals, 500.0)
    assert beat.facts["BeatsUsed"] >= len(TIMES) - 2
    assert beats_apart(beat, true_beat()) < 0.02


def test_a_step_in_half_of_the_leads_is_no_beat_that_counts() -> None:
    signals = recording(TIMES)
    signals[6:, 2520:] += 4.0
    beat = median_beat(signals, 500.0)
    assert len(beat.facts["RPeaks"]) >= len(TIMES) - 1
    apart = np.abs(np.array(beat.facts["RPeaks"])[:, None] - TIMES).min(axis=1)
    assert apart.max() < 0.012


def test_streams_go_on_after_a_refusal_and_read_one_record_at_a_time() -> None:
    read: list[str] = []

    def records():
        for name, signals in (("a", recording(TIMES)), ("b", np.zeros((12, 5000))), ("c", recording(TIMES))):
            read.append(name)
            yield name, signals, 500.0

    stream = stream_beats(records())
    name, beat = next(stream)
    assert name == "a" and isinstance(beat, Beat) and read == ["a"]
    assert isinstance(next(stream)[1], InputError)
    name, last = next(stream)
    assert name == "c" and isinstance(last, Beat)
    np.testing.assert_array_equal(last.signals, beat.signals)


CLEAN = recording(np.arange(0.9, 19, 1.05), seconds=20, noise=0.01)


@settings(max_examples=20, deadline=None)
@given(
    st.floats(0.15, 20.0),
    st.sampled_from([1.0, -1.0]),
    st.lists(st.floats(-50.0, 50.0), min_size=12, max_size=12),
)
def test_scale_polarity_and_offsets_pass_through(scale: float, sign: float, offsets: list[float]) -> None:
    one = median_beat(CLEAN, 500.0)
    other = median_beat(sign * scale * CLEAN + np.array(offsets)[:, None], 500.0)
    np.testing.assert_allclose(other.signals, sign * scale * one.signals, atol=1e-7 * scale)
    assert other.facts["RPeaks"] == one.facts["RPeaks"]
    assert other.facts["ExcludedAt"] == one.facts["ExcludedAt"]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 380))
def test_a_later_start_moves_the_r_peaks_and_nothing_else(start: int) -> None:
    one, other = median_beat(CLEAN, 500.0), median_beat(CLEAN[:, start:], 500.0)
    moved = np.array(one.facts["RPeaks"]) - start / 500
    np.testing.assert_allclose(other.facts["RPeaks"], moved, atol=0.0021)
    assert np.abs(other.signals - one.signals)[:, CORE].max() < 0.02


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(6)))
def test_the_order_of_the_chest_leads_is_only_their_order(order: list[int]) -> None:
    rows = [*range(6), *(6 + at for at in order)]
    one, other = median_beat(CLEAN, 500.0), median_beat(CLEAN[rows], 500.0)
    np.testing.assert_allclose(other.signals, one.signals[rows], atol=1e-9)
