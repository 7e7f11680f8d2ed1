"""Filters: the gain of a Butterworth filter run both ways, gaps respected, spikes taken out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from scartools.ecg.sampling import filter_present, high_pass, without_spikes
from tests.unit.ecg.ecg_phantom import recording

RATE = 500.0


@pytest.mark.parametrize("band", [(0.5, None), (None, 40.0), (5.0, 25.0)])
def test_a_filter_is_the_butterworth_filter_run_both_ways(band: tuple[float | None, float | None]) -> None:
    signals = np.cumsum(np.random.default_rng(0).normal(size=(3, 5000)), axis=1)
    (found,) = filter_present(signals, RATE, [band], shortest_s=0.3)
    wanted = signals
    for cutoff, kind in zip(band, ("highpass", "lowpass"), strict=True):
        if cutoff is not None:
            sections = signal.butter(2, cutoff, kind, fs=RATE, output="sos")
            wanted = signal.sosfiltfilt(sections, wanted, axis=1, padtype="even", padlen=4999)
    inside = slice(1000, 4000)  # a filter run both ways starts from nothing beyond its padding
    assert np.abs(found - wanted)[:, inside].max() < 1e-3 * np.abs(wanted[:, inside]).max()


def test_a_cutoff_is_at_minus_6_db_without_a_shift() -> None:
    times = np.arange(10_000) / RATE
    wave = np.cos(2 * np.pi * 2.0 * times)[None]
    assert np.abs(high_pass(wave, RATE, 2.0) - 0.5 * wave)[0, 1000:-1000].max() < 0.01


def test_each_stretch_is_filtered_by_itself_and_short_ones_become_absent() -> None:
    signals = np.random.default_rng(1).normal(size=(2, 2000))
    signals[0, 500:600] = signals[0, 650:700] = np.nan
    signals[0, 1000:1005] = np.nan
    (found,) = filter_present(signals, RATE, [(1.0, 40.0)], shortest_s=0.3, bridge_s=0.02)
    assert np.isnan(found[0, 500:700]).all(), "the 50 samples between two gaps are too few"
    assert np.isfinite(found[0, 990:1010]).all(), "a gap of 10 ms is crossed"
    (alone,) = filter_present(signals[:1, :500], RATE, [(1.0, 40.0)], shortest_s=0.3)
    np.testing.assert_allclose(found[0, :500], alone[0], atol=1e-12)


def test_spikes_are_taken_out_and_waves_are_not() -> None:
    clean = recording(np.arange(0.5, 9.8, 0.83))
    spiked = clean.copy()
    for start in range(100, 4900, 400):
        spiked[:, start : start + 2] += 3.0
    kept = without_spikes(spiked, RATE)
    assert np.abs(kept - clean).max() < 0.25, "the top of a narrow R, not the spike of 3 mV"
    assert np.abs(without_spikes(clean, RATE) - clean).mean() < 0.002
    assert without_spikes(clean, 100.0) is clean


def test_spikes_beside_a_gap_leave_the_gap() -> None:
    signals = recording(np.arange(0.5, 9.8, 0.83))
    signals[3, 1000:2000] = np.nan
    np.testing.assert_array_equal(np.isnan(without_spikes(signals, RATE)), np.isnan(signals))
