"""Standardised beats: one scale a record, absent samples 0, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scartools.ecg.standardise import restore_beat, standardise_beat
from scartools.errors import InputError
from tests.unit.ecg.ecg_phantom import true_beat


def test_ratios_between_leads_are_kept() -> None:
    beat = true_beat()
    out, scale = standardise_beat(beat)
    assert out.shape == (12, 600) and out.dtype == np.float32
    np.testing.assert_allclose(np.ptp(out, axis=1) * scale, np.ptp(beat, axis=1), rtol=1e-5)


def test_scale_is_the_95th_percentile_of_what_is_there() -> None:
    out, _ = standardise_beat(true_beat())
    assert np.percentile(np.abs(out), 95) == pytest.approx(1.0, abs=1e-5)
    assert np.abs(np.median(out, axis=1)).max() < 1e-6


def test_absent_leads_and_samples_are_zero_and_do_not_move_the_others() -> None:
    beat = true_beat()
    beat[4] = np.nan
    beat[7, 450:] = np.nan
    out, scale = standardise_beat(beat)
    assert (out[4] == 0).all() and (out[7, 450:] == 0).all()
    np.testing.assert_allclose(out[0] * scale, beat[0] - np.median(beat[0]), atol=1e-6)


def test_there_is_a_way_back() -> None:
    beat = true_beat() + np.linspace(-0.3, 0.3, 12)[:, None]
    back = restore_beat(*standardise_beat(beat))
    np.testing.assert_allclose(back, beat - np.median(beat, axis=1, keepdims=True), atol=1e-6)


@given(st.floats(0.05, 20.0), st.floats(-3.0, 3.0))
def test_gain_and_offset_of_the_record_change_the_scale_alone(gain: float, offset: float) -> None:
    one, scale = standardise_beat(true_beat())
    other, other_scale = standardise_beat(gain * true_beat() + offset)
    np.testing.assert_allclose(other, one, atol=1e-4)
    assert other_scale == pytest.approx(gain * scale, rel=1e-6)


@pytest.mark.parametrize(
    "beat",
    [
        *(np.full((12, 600), value) for value in (np.nan, 0.0, 1.0, np.inf)),
        true_beat()[:, :599],
        true_beat()[0],
    ],
)
def test_what_cannot_be_scaled_is_refused(beat: np.ndarray) -> None:
    with pytest.raises(InputError):
        standardise_beat(beat)
