"""A percentile of every row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scartools.ecg.row_percentile import row_percentile


@settings(deadline=None)
@given(
    arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 40)), elements=st.floats(0, 1, width=32)),
    st.floats(0, 100),
)
def test_it_is_numpys(rows, share):
    found = row_percentile(rows, share)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.percentile(rows, share, axis=1), rtol=0, atol=3e-7)


@pytest.mark.parametrize("share", [0, 25, 50, 99.7, 100])
def test_it_is_numpys_where_most_pixels_are_alike(share):
    rows = np.zeros((7, 1001))
    rows[:, ::4] = np.random.default_rng(1).random((7, 251))
    np.testing.assert_allclose(row_percentile(rows, share), np.percentile(rows, share, axis=1), atol=1e-15)
