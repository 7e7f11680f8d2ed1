"""What is unlike the training is named, and what is like it is not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from scartools.learning.familiarity import Look, look_at, seen, unlike
from scartools.learning.grids import to_network
from scartools.learning.planning import Plan

PLAN = Plan((1.4, 1.4), (32, 32), 2, ((1, 1), (2, 2)), (4, 8))
LOOKS = [
    Look(pixel=1.3, slice_step=8, slices=9, field=360, grey=0.9, coverage=0.7),
    Look(pixel=1.6, slice_step=10, slices=14, field=400, grey=1.1, coverage=1.0),
    Look(pixel=1.4, slice_step=8, slices=11, field=380, grey=1.0, coverage=0.8),
]
KNOWN = json.loads(json.dumps(seen(LOOKS)))


def test_the_training_cases_are_like_themselves():
    for look in LOOKS:
        assert unlike(look, KNOWN) == ()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"pixel": 2.5}, "pixel"),
        ({"pixel": 0.8}, "pixel"),
        ({"slice_step": 1.5}, "slice_step"),
        ({"slices": 40}, "slices"),
        ({"field": 150}, "field"),
        ({"grey": 2.2}, "grey"),
        ({"grey": -0.2}, "grey"),
        ({"grey": float("nan")}, "grey"),
        ({"coverage": 0.4}, "coverage"),
    ],
)
def test_each_quantity_is_named(change, word):
    assert unlike(replace(LOOKS[0], **change), KNOWN) == (word,)


@pytest.mark.parametrize("change", [{"pixel": 2.3}, {"slices": 20}, {"grey": 1.9}, {"coverage": 0.5}])
def test_a_little_beyond_the_range_is_nothing(change):
    assert unlike(replace(LOOKS[0], **change), KNOWN) == ()


def test_a_case_is_measured_as_it_is_stored_whatever_the_order_of_its_axes():
    rng = np.random.default_rng(1)
    image = rng.normal(10, 1, (40, 40, 6)).astype(np.float32)
    labels = np.zeros(image.shape, np.uint8)
    labels[10:20, 10:20, 1:4] = 2
    labels[13:17, 13:17, 1:4] = 1
    image[labels > 0] += 5
    affine = np.diag([-1.2, -1.5, 8.0, 1.0])
    one = look_at_stored(image, labels, affine)
    assert one.pixel == pytest.approx(1.35) and one.slice_step == 8 and one.slices == 6
    assert one.field == pytest.approx(60) and one.coverage == 0.5
    expected = (image[labels > 0].mean() - image.mean()) / image.std()
    same_pixels = look_at_stored(image, labels, np.diag([-1.4, -1.4, 8.0, 1.0]))  # nothing is interpolated
    assert same_pixels.grey == pytest.approx(expected, rel=1e-5)
    turned = look_at_stored(image.transpose(2, 0, 1), labels.transpose(2, 0, 1), affine[:, [2, 0, 1, 3]])
    for name in ("pixel", "slice_step", "slices", "field", "coverage"):
        assert getattr(turned, name) == pytest.approx(getattr(one, name)), name


def look_at_stored(image: np.ndarray, labels: np.ndarray, affine: np.ndarray) -> Look:
    case = to_network(image, affine, PLAN, label=labels)
    return look_at(case.image, case.label, case.grid)


def test_an_image_without_a_heart_has_no_grey_and_no_coverage():
    image = np.random.default_rng(2).normal(0, 1, (20, 20, 4)).astype(np.float32)
    found = look_at_stored(image, np.zeros(image.shape, np.uint8), np.diag([-1.4, -1.4, 8.0, 1.0]))
    assert np.isnan(found.grey) and found.coverage == 0
    assert set(unlike(found, KNOWN)) >= {"grey", "coverage"}
