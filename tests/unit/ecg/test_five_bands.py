"""Linear equations with five bands."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import solveh_banded

from scartools.ecg.five_bands import solve_five_bands


@settings(deadline=None)
@given(st.integers(3, 200), st.integers(0, 2**32 - 1))
def test_it_is_scipys(count, seed):
    random = np.random.default_rng(seed)
    bands = random.normal(size=(3, count))
    bands[2] = np.abs(bands[2]) + 4 * np.abs(bands).max()  # more than all beside it: positive definite
    right = random.normal(size=count)
    found = solve_five_bands(bands[2], bands[1, 1:], bands[0, 2:], right)
    np.testing.assert_allclose(found, solveh_banded(bands, right), rtol=0, atol=1e-12)


def test_unknowns_that_are_held_stay_where_they_are():
    """As a fitted trace has it: stiff second differences, and some nodes held by a large number on the diagonal."""
    count = 2000
    held = np.arange(count) % 7 < 3
    diagonal = np.where(held, 1e9, 6.02)
    right = np.where(held, 0.0, 1.0)
    beside, beyond = np.full(count - 1, -4.0), np.full(count - 2, 1.0)
    bands = np.stack([np.r_[0, 0, beyond], np.r_[0, beside], diagonal])
    found = solve_five_bands(diagonal, beside, beyond, right)
    np.testing.assert_allclose(found, solveh_banded(bands, right), rtol=0, atol=1e-12)
    assert np.abs(found[held]).max() < 1e-6
