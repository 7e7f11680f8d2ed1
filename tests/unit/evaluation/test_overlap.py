"""Overlap against a second, set-based implementation, and the four cells of the empty-mask table."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scartools.evaluation.overlap import STRUCTURES, Counts, count, dice, precision, sensitivity, structures_of
from scartools.evaluation.volumes import volumes

VOLUMES = arrays(np.uint8, (3, 4, 2), elements=st.sampled_from([0, 1, 2, 3, 4, 5, 255]))


def voxels(array: np.ndarray, labels: tuple[int, ...], ignored: np.ndarray) -> set[tuple[int, ...]]:
    return {at for at in np.ndindex(array.shape) if array[at] in labels and not ignored[at]}


@given(VOLUMES, VOLUMES, st.sampled_from(sorted(STRUCTURES)))
def test_overlap_is_what_sets_say(truth, predicted, structure):
    ignored = (truth == 255) | (predicted == 255)
    a, b = (voxels(array, STRUCTURES[structure], ignored) for array in (truth, predicted))
    counts = count(truth, predicted, STRUCTURES[structure])
    assert (counts.both, counts.truth, counts.predicted) == (len(a & b), len(a), len(b))
    if a or b:
        assert dice(counts) == pytest.approx(2 * len(a & b) / (len(a) + len(b)))
        assert dice(counts) == dice(counts, "one") == dice(count(predicted, truth, STRUCTURES[structure]))
    if a and b and a & b:
        harmonic = 2 / (1 / precision(counts) + 1 / sensitivity(counts))
        assert dice(counts) == pytest.approx(harmonic)


@pytest.mark.parametrize(
    ("counts", "agreement", "value", "with_one"),
    [
        (Counts(2, 4, 4), "hit", 0.5, 0.5),
        (Counts(0, 4, 4), "hit", 0.0, 0.0),
        (Counts(0, 4, 0), "missed", 0.0, 0.0),
        (Counts(0, 0, 4), "false_positive", 0.0, 0.0),
        (Counts(0, 0, 0), "true_negative", math.nan, 1.0),
    ],
)
def test_the_empty_mask_table(counts, agreement, value, with_one):
    assert counts.agreement == agreement
    assert dice(counts) == pytest.approx(value, nan_ok=True)
    assert dice(counts, "one") == with_one


def test_what_a_scheme_cannot_say_is_not_judged():
    truth = np.array([1, 2, 3], np.uint8)
    assert set(structures_of(frozenset({0, 1, 2, 5}), truth)) == {"lv_pool", "myocardium"}
    assert set(structures_of(frozenset({0, 1, 2, 3, 5}), truth)) == {"lv_pool", "myocardium", "scar"}
    assert "rv_pool" in structures_of(frozenset({0, 1, 2, 5}), np.array([1, 5], np.uint8))


def test_volumes_of_known_voxels():
    wall = Counts(40, 60, 50)
    found = volumes(Counts(1, 10, 4), wall, 0.5)
    assert (found.truth_ml, found.predicted_ml, found.difference_ml) == (5.0, 2.0, -3.0)
    assert found.difference_percent_lv == -10.0
    assert (found.truth_percent_lv, found.predicted_percent_lv) == pytest.approx((100 * 10 / 60, 8.0))
    assert math.isnan(volumes(Counts(1, 10, 4), wall, None).difference_ml)
    assert math.isnan(volumes(Counts(0, 10, 0), Counts(0, 60, 0), 0.5).predicted_percent_lv)
