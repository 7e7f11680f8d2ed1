"""Peaks: the same as scipy's, whose import is what they save."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from scartools.ecg.peaks import find_peaks


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("distance", [1, 7, 40])
@pytest.mark.parametrize("height", [-np.inf, 0.3])
def test_peaks_are_those_of_scipy(seed, distance, height):
    curve = np.convolve(np.random.default_rng(seed).normal(size=900), np.hanning(9) / 4, mode="same")
    expected, _ = signal.find_peaks(curve, distance=distance, height=None if height < 0 else height)
    np.testing.assert_array_equal(find_peaks(curve, distance=distance, height=height), expected)


def test_a_level_top_counts_once_in_its_middle():
    curve = np.array([0, 2, 2, 2, 2, 1, 1, 3, 3, 0, 5.0])
    np.testing.assert_array_equal(find_peaks(curve, distance=1), [2, 7])
    np.testing.assert_array_equal(find_peaks(curve, distance=1), signal.find_peaks(curve, distance=1)[0])


@pytest.mark.parametrize("curve", [[], [1.0], [1.0, 1.0], [3.0, 3.0, 3.0], [1.0, 2.0]])
def test_a_curve_without_a_peak_has_none(curve):
    assert len(find_peaks(np.array(curve), distance=3)) == 0
