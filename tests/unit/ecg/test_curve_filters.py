"""What stands near each place of a curve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from scartools.ecg.curve_filters import largest_near, percentile_near, smoothed

lengths, seeds = st.integers(30, 300), st.integers(0, 2**32 - 1)


@settings(deadline=None)
@given(lengths, seeds, st.floats(0.5, 7.0))
def test_smoothing_is_scipys(count, seed, sigma):
    curves = np.random.default_rng(seed).normal(size=(3, count))
    np.testing.assert_allclose(smoothed(curves, sigma), ndimage.gaussian_filter1d(curves, sigma), atol=1e-12)
    circle = smoothed(curves[0], sigma, wrap=True)
    np.testing.assert_allclose(circle, ndimage.gaussian_filter1d(curves[0], sigma, mode="wrap"), atol=1e-12)


def test_a_curve_shorter_than_the_gaussian_is_mirrored_again_and_again():
    curve = np.random.default_rng(2).normal(size=6)
    np.testing.assert_allclose(smoothed(curve, 5.0), ndimage.gaussian_filter1d(curve, 5.0), atol=1e-12)


@settings(deadline=None)
@given(lengths, seeds, st.sampled_from([1, 3, 5, 25]))
def test_order_is_scipys(count, seed, size):
    curve = np.random.default_rng(seed).normal(size=count)
    assert (largest_near(curve, size) == ndimage.maximum_filter1d(curve, size)).all()
    assert (largest_near(curve, size, wrap=True) == ndimage.maximum_filter1d(curve, size, mode="wrap")).all()
    for share in (0, 40, 50, 100):
        assert (percentile_near(curve, size, share) == ndimage.percentile_filter(curve, share, size)).all()


@pytest.mark.parametrize("size", [1, 5])
def test_largest_of_bool_is_where_any_is_true(size):
    seen = np.random.default_rng(1).random(200) > 0.9
    assert (largest_near(seen, size) == ndimage.maximum_filter1d(seen.astype(np.uint8), size)).all()
