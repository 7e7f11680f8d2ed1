"""R peaks: at the times the phantom was drawn with, whatever the complexes look like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scartools.ecg.r_peaks import find_r_peaks
from scartools.errors import InputError
from tests.unit.ecg.ecg_phantom import WAVES, page, recording

REGULAR = np.arange(0.5, 9.8, 0.83)


def found(signals: np.ndarray, rate: float = 500.0) -> np.ndarray:
    return find_r_peaks(signals, rate).samples / rate


@pytest.mark.parametrize("rate", [100.0, 250.0, 360.0, 500.0, 1000.0])
def test_at_any_rate(rate: float) -> None:
    np.testing.assert_allclose(found(recording(REGULAR, rate), rate), REGULAR, atol=max(0.012, 1.5 / rate))


@pytest.mark.parametrize("bpm", [25, 40, 60, 100, 180, 240])
def test_slow_and_fast(bpm: int) -> None:
    times = np.arange(0.6, 19.5, 60 / bpm)
    waves = WAVES * ([1, 1, 1, 1, 0.5] if bpm < 150 else [0.3, 1, 1, 1, 0.3])
    np.testing.assert_allclose(found(recording(times, seconds=20, waves=waves)), times, atol=0.012)


def test_inverted_complexes_keep_their_times() -> None:
    signals = recording(REGULAR)
    np.testing.assert_array_equal(found(-signals), found(signals))


def test_low_voltage_is_no_hindrance() -> None:
    np.testing.assert_array_equal(found(0.1 * recording(REGULAR)), found(recording(REGULAR)))


def test_wide_complexes_count_once() -> None:
    times = found(recording(REGULAR, wide=3.0))
    assert len(times) == len(REGULAR)
    np.testing.assert_allclose(times, REGULAR, atol=0.08)


@pytest.mark.parametrize("width", [0.6, 1.0])
def test_tall_and_peaked_t_waves_are_no_beats(width: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tests.unit.ecg.ecg_phantom._WIDTH_S", np.array([0.018, 0.007, 0.010, 0.009, 0.045 * width])
    )
    times = found(recording(REGULAR, waves=WAVES * [1, 1, 1, 1, 2.5]))
    assert len(times) == len(REGULAR)


def test_a_noisy_lead_does_not_speak_for_the_others() -> None:
    signals = recording(REGULAR)
    signals[7] = np.random.default_rng(0).normal(scale=3.0, size=signals.shape[1])
    np.testing.assert_allclose(found(signals), REGULAR, atol=0.012)
    weights = find_r_peaks(signals, 500.0).weights
    assert weights[7] < 0.25 * weights[6]


def test_a_step_in_one_lead_is_no_beat() -> None:
    signals = recording(REGULAR)
    signals[11, 2600:] += 3.0
    assert len(found(signals)) == len(REGULAR)


def test_noise_below_the_complexes() -> None:
    np.testing.assert_allclose(found(recording(REGULAR, noise=0.08)), REGULAR, atol=0.02)


@pytest.mark.parametrize("rhythm", [1, 6, None])
def test_columns_of_a_page_share_their_clock(rhythm: int | None) -> None:
    np.testing.assert_allclose(found(page(recording(REGULAR), rhythm=rhythm)), REGULAR, atol=0.03)


@pytest.mark.parametrize("level", [0.0, 1.7])
def test_a_flat_record_is_refused(level: float) -> None:
    with pytest.raises(InputError, match="flat"):
        find_r_peaks(np.full((12, 5000), level), 500.0)


@pytest.mark.parametrize("seed", range(8))
def test_noise_has_no_beats(seed: int) -> None:
    with pytest.raises(InputError, match="no beats"):
        find_r_peaks(np.random.default_rng(seed).normal(size=(12, 5000)), 500.0)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.5, 1.4), min_size=6, max_size=12),
    st.floats(0.2, 5.0),
    st.floats(-2.0, 2.0),
)
def test_any_sequence_of_intervals_scale_and_offset(
    intervals: list[float], scale: float, offset: float
) -> None:
    times = 0.5 + np.concatenate(([0.0], np.cumsum(intervals)))
    signals = scale * recording(times, seconds=float(times[-1]) + 0.7) + offset
    np.testing.assert_allclose(found(signals), times, atol=0.012)
