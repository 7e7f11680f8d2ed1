"""The fingerprint: the box that nnU-Net crops to, and intensities with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.errors import InputError
from scartools.learning.fingerprint import (
    MAX_FOREGROUND_VOXELS,
    bounding_box,
    fingerprint,
    fingerprint_case,
    nonzero_mask,
)


def padded(value: float = 5.0) -> np.ndarray:
    image = np.zeros((4, 20, 30), np.float32)
    image[1:3, 4:14, 6:26] = value
    return image


def test_the_box_is_the_tight_box_of_what_is_not_zero():
    assert bounding_box(nonzero_mask(padded())) == ((1, 3), (4, 14), (6, 26))


def test_a_hole_inside_counts_as_inside_and_negative_values_are_not_zero():
    image = np.full((5, 9, 9), -2.0, np.float32)
    image[2, 4, 4] = 0
    assert nonzero_mask(image).all()
    image[0, 0, 0] = 0  # a corner is open to the outside
    assert not nonzero_mask(image)[0, 0, 0]


def test_an_image_of_zeros_is_refused():
    with pytest.raises(InputError, match="zero everywhere"):
        nonzero_mask(np.zeros((2, 3, 4), np.float32))


def test_a_case_gives_its_cropped_shape_its_share_and_the_intensities_of_its_labels():
    image, label = padded(), np.zeros((4, 20, 30), np.uint8)
    image[1, 5, 7], image[1, 5, 8], image[1, 5, 9] = 10, 20, 900
    label[1, 5, 7], label[1, 5, 8], label[1, 5, 9] = 1, 3, 255
    found = fingerprint_case(image, label, (8.0, 1.5, 1.25))
    assert found.shape == (2, 10, 20)
    assert found.relative_size == pytest.approx(400 / 2400)
    assert sorted(found.foreground.tolist()) == [10, 20]  # what is ignored (255) says nothing
    assert found.labels == (0, 1, 3, 255)


def test_a_large_case_gives_a_fixed_number_of_voxels_and_the_same_on_every_run():
    image = np.random.default_rng(0).normal(size=(4, 80, 80)).astype(np.float32) + 100
    label = np.ones(image.shape, np.uint8)
    first, second = (fingerprint_case(image, label, (8, 1, 1)).foreground for _ in range(2))
    assert len(first) == MAX_FOREGROUND_VOXELS
    assert np.array_equal(first, second)
    assert len(np.unique(first)) > 0.99 * MAX_FOREGROUND_VOXELS  # drawn without repetition


def test_together_they_give_medians_and_moments():
    cases = []
    for value, size in ((10.0, 12), (30.0, 16), (50.0, 30)):
        image = np.full((2, size, size), value, np.float32)
        cases.append(fingerprint_case(image, np.full(image.shape, 2, np.uint8), (8, 1, 1)))
    found = fingerprint(cases)
    voxels = np.concatenate([case.foreground for case in cases])
    assert found.count == 3
    assert found.labels == (0, 2)
    assert found.median_relative_size == 1
    assert found.foreground["mean"] == pytest.approx(voxels.mean())
    assert found.foreground["std"] == pytest.approx(voxels.std())
    assert (found.foreground["min"], found.foreground["median"], found.foreground["max"]) == (10, 50, 50)


def test_no_labelled_voxel_anywhere_is_refused():
    empty = fingerprint_case(padded(), np.zeros((4, 20, 30), np.uint8), (8, 1, 1))
    with pytest.raises(InputError, match="no training case"):
        fingerprint([empty])
