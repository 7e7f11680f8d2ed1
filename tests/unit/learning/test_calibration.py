"""Temperature scaling against a network whose overconfidence is known."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.learning.calibration import calibrate, tempered
from scartools.learning.sampling import TrainingCase


def drawn(temperature: float, seed: int, edge: int = 96) -> tuple[TrainingCase, np.ndarray]:
    """A case whose labels are drawn from softmax(logits), and what a network says that has those times `temperature`."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (4, 3, edge, edge))
    true = np.exp(logits) / np.exp(logits).sum(axis=0)
    label = (rng.random((1, 3, edge, edge)) > np.cumsum(true, axis=0)).sum(axis=0).astype(np.uint8)
    said = np.exp(logits * temperature)
    said = (said / said.sum(axis=0)).astype(np.float32)
    return TrainingCase(f"c{seed}", f"g{seed}", np.zeros((1, *label.shape), np.float32), label, np.eye(4)), said


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 3.5])
def test_the_temperature_of_a_network_that_is_too_sure_is_found(temperature):
    found = calibrate([drawn(temperature, seed) for seed in range(3)])
    assert found is not None and found.temperature == pytest.approx(temperature, rel=0.03)
    assert found.after <= found.before and found.patients == 3


def test_tempering_is_dividing_the_logits_and_changes_no_label():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 4, (5, 7, 9))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=0)
    expected = np.exp(logits / 2.5) / np.exp(logits / 2.5).sum(axis=0)
    found = tempered(softmax, 2.5)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert (found.argmax(axis=0) == logits.argmax(axis=0)).all()
    assert tempered(softmax, 1.0) is softmax


def test_every_patient_counts_as_much_as_any_other():
    large, small = drawn(3.0, 1, edge=128), drawn(1.0, 2, edge=32)
    both = calibrate([large, small])
    again = calibrate([large, small, (small[0], small[1])])
    assert both is not None and again is not None
    assert 1.0 < again.temperature < both.temperature < 3.0


def test_what_does_not_count_is_not_looked_at():
    case, said = drawn(2.0, 4)
    case.label[:, :20] = 255
    said[:, :, :20] = np.array([1, 0, 0, 0], np.float32)[:, None, None, None]
    found = calibrate([(case, said)])
    assert found is not None and found.temperature == pytest.approx(2.0, rel=0.05)


def test_without_a_heart_nothing_is_said():
    case, said = drawn(1.0, 3)
    case.label[:] = 0
    assert calibrate([(case, said)]) is None
    assert calibrate([]) is None
