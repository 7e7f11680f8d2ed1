"""Resampling in plane: half-pixel centres, against skimage and against answers known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.learning.resampling import (
    nearest_labels,
    resample_image,
    resample_labels,
    resample_probabilities,
)


def picture(shape=(3, 31, 40)) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("size", [(31, 40), (47, 55), (20, 33), (31, 80), (7, 9)])
@pytest.mark.parametrize("order", [1, 3])
def test_it_is_what_skimage_does(order, size):
    transform = pytest.importorskip("skimage.transform")
    image = picture()
    wanted = np.stack(
        [transform.resize(plane, size, order=order, mode="edge", anti_aliasing=False) for plane in image]
    )
    ours = resample_image(image, size) if order == 3 else resample_probabilities(image[None], size)[0]
    assert ours.dtype == np.float32
    assert np.allclose(ours, wanted, atol=2e-5)


def test_a_ramp_keeps_its_place_so_that_no_picture_is_shifted():
    ramp = np.tile(np.arange(20, dtype=np.float32), (1, 20, 1))
    fine = resample_image(ramp, (40, 40))[0, 20]
    centres = (np.arange(40) + 0.5) / 2 - 0.5
    assert np.allclose(fine[12:-12], centres[12:-12], atol=1e-3)  # away from the edge that goes on flat


def test_slices_do_not_mix():
    image = picture()
    together = resample_image(image, (50, 50))
    alone = np.stack([resample_image(plane[None], (50, 50))[0] for plane in image])
    assert np.array_equal(together, alone)


def test_a_cubic_spline_does_not_leave_the_range_of_its_slice():
    step = np.zeros((1, 20, 20), np.float32)
    step[:, 10:] = 1
    out = resample_image(step, (55, 55))
    assert out.min() == 0 and out.max() == 1


def test_the_same_size_changes_nothing():
    image, labels = picture(), np.random.default_rng(0).integers(0, 6, (3, 31, 40)).astype(np.uint8)
    assert np.array_equal(resample_image(image, (31, 40)), image)
    assert np.array_equal(resample_labels(labels, (31, 40)), labels)
    assert np.array_equal(nearest_labels(labels, (31, 40)), labels)


def test_labels_never_become_other_labels():
    labels = np.zeros((1, 40, 40), np.uint8)
    labels[:, 10:30, 10:30] = 5
    labels[:, 15:25, 15:25] = 255
    out = resample_labels(labels, (61, 53))
    assert set(np.unique(out)) == {0, 5, 255}
    share = np.mean(out == 255)
    assert share == pytest.approx(100 / 1600, rel=0.1)


def test_the_largest_share_wins_and_a_tie_goes_to_the_smaller_label():
    halves = np.array([[[7, 7, 2, 2]] * 4], np.uint8)
    assert resample_labels(halves, (1, 2)).tolist() == [[[7, 2]]]
    assert resample_labels(np.array([[[7, 2]] * 2], np.uint8), (1, 1)).item() == 2


def test_nearest_takes_the_pixel_that_the_centre_lies_in():
    row = np.array([[[1, 2, 3]]], np.uint8)
    assert nearest_labels(row, (1, 6)).tolist() == [[[1, 1, 2, 2, 3, 3]]]
    assert nearest_labels(np.array([[[1, 2, 3, 4, 5, 6]]], np.uint8), (1, 2)).tolist() == [[[2, 5]]]
