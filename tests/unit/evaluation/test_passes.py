"""How far passes lie apart, on labels whose volumes are known."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.evaluation.passes import scar_of

AFFINE = np.diag([-2.0, -2.0, 10.0, 1.0])  # 40 mm3 a voxel


def labels(scar: slice) -> np.ndarray:
    made = np.zeros((10, 10, 1), np.uint8)
    made[:, 2:4, 0] = 2
    made[scar, 2, 0] = 3
    return made


def test_scar_its_range_and_the_agreement_of_two_passes():
    found = scar_of(labels(slice(0, 5)), [labels(slice(0, 4)), labels(slice(0, 6))], AFFINE)
    assert found["scar_percent"] == pytest.approx(25) and found["scar_ml"] == pytest.approx(0.2)
    assert (found["scar_percent_low"], found["scar_percent_high"]) == pytest.approx((20, 30))
    assert (found["scar_ml_low"], found["scar_ml_high"]) == pytest.approx((0.16, 0.24))
    assert found["scar_agreement"] == pytest.approx(2 * 4 / 10)


def test_no_reflow_is_scar():
    made = labels(slice(0, 5))
    made[0, 2, 0] = 4
    assert scar_of(made, [], AFFINE)["scar_percent"] == pytest.approx(25)


def test_one_pass_has_no_range_and_no_volume_without_millimetres():
    found = scar_of(labels(slice(0, 5)), [], None)
    assert found["scar_percent"] == pytest.approx(25)
    assert {name for name, value in found.items() if value is None} == set(found) - {"scar_percent"}


def test_passes_without_scar_agree_about_nothing():
    assert scar_of(labels(slice(0, 0)), [labels(slice(0, 0))] * 2, AFFINE)["scar_agreement"] is None
    found = scar_of(np.zeros((4, 4, 1), np.uint8), [], AFFINE)
    assert found["scar_percent"] is None and found["scar_ml"] == 0
