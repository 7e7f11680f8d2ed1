"""The median over rows is numpy's, to the bit for odd numbers and complete rows."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from scartools.ecg.medians import _exchanges, median_of_rows


@pytest.mark.parametrize("count", [*range(1, 20), 31, 32, 33, 48, 49, 100])
def test_it_is_numpys_median(count: int) -> None:
    rows = np.random.default_rng(count).normal(size=(count, 3, 50))
    before = rows.copy()
    np.testing.assert_allclose(median_of_rows(rows), np.median(rows, axis=0), rtol=0, atol=1e-15)
    np.testing.assert_array_equal(rows, before)
    rows[np.random.default_rng(1).random(rows.shape) < 0.4] = np.nan
    rows[:, 1, 7] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy warns where there is no row
        wanted = np.nanmedian(rows, axis=0)
    np.testing.assert_allclose(median_of_rows(rows), wanted, rtol=0, atol=1e-15)


@pytest.mark.parametrize("count", range(1, 13))
def test_the_network_sorts_every_sequence_of_zeros_and_ones(count: int) -> None:
    """Then it sorts everything: Knuth's zero-one principle."""
    rows = (np.arange(2**count) >> np.arange(count)[:, None]) & 1
    for low, high in _exchanges(count):
        rows[[low, high]] = np.minimum(rows[low], rows[high]), np.maximum(rows[low], rows[high])
    assert (np.diff(rows, axis=0) >= 0).all()
