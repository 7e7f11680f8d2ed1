"""Distances of surfaces against every pair of voxels, a distance transform, and shapes whose answer is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import ndimage

from scartools.evaluation.surfaces import compare_surfaces, surface_voxels

SPACING = (1.5, 2.0, 8.0)
STRAIGHT = np.diag([*SPACING, 1.0])


def blobs(seed: int, shape: tuple[int, int, int] = (14, 12, 6)) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5)
    return np.where(noise > np.quantile(noise, 0.75), 3, 0).astype(np.uint8)


def surface_by_loops(mask: np.ndarray) -> list[tuple[int, ...]]:
    found = []
    for at in map(tuple, np.argwhere(mask)):
        for axis, step in itertools.product(range(3), (-1, 1)):
            near = list(at)
            near[axis] += step
            if not 0 <= near[axis] < mask.shape[axis] or not mask[tuple(near)]:
                found.append(at)
                break
    return found


def by_every_pair(truth: np.ndarray, predicted: np.ndarray, affine: np.ndarray, tolerance: float):
    """HD95, ASSD and NSD without a tree, an erosion or a box."""
    one, other = (
        [affine[:3, :3] @ np.array(at, float) for at in surface_by_loops(mask == 3)]
        for mask in (truth, predicted)
    )
    there = [min(math.dist(a, b) for b in other) for a in one]
    back = [min(math.dist(a, b) for b in one) for a in other]

    def percentile(values: list[float]) -> float:
        values, at = sorted(values), 0.95 * (len(values) - 1)
        low = math.floor(at)
        high = min(low + 1, len(values) - 1)
        return values[low] + (at - low) * (values[high] - values[low])

    within = sum(d <= tolerance for d in there + back)
    return (
        max(percentile(there), percentile(back)),
        sum(there + back) / len(there + back),
        within / len(there + back),
    )


def sheared() -> np.ndarray:
    made = np.eye(4)
    made[:3, :3] = [[1.4, 0.3, 0.5], [-0.2, 1.6, 0.9], [0.1, -0.4, 7.0]]
    made[:3, 3] = 10, -50, 3
    return made


@pytest.mark.parametrize("affine", [STRAIGHT, sheared()], ids=["straight", "sheared"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_measures_of_every_pair_of_surface_voxels(seed: int, affine: np.ndarray):
    truth, predicted = blobs(seed), blobs(seed + 10)
    found = compare_surfaces(truth, predicted, (3,), affine, 3.0)
    expected = by_every_pair(truth, predicted, affine, 3.0)
    assert (found.hd95_mm, found.assd_mm, found.nsd) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", [5, 6])
def test_a_distance_transform_gives_the_same(seed: int):
    truth, predicted = blobs(seed, (30, 30, 9)), blobs(seed + 10, (30, 30, 9))
    edges = [surface_voxels(one == 3) for one in (truth, predicted)]
    maps = [ndimage.distance_transform_edt(~edge, sampling=SPACING) for edge in edges]
    both = np.concatenate([maps[1][edges[0]], maps[0][edges[1]]])
    found = compare_surfaces(truth, predicted, (3,), STRAIGHT, 2.0)
    assert found.assd_mm == pytest.approx(both.mean())
    assert found.nsd == pytest.approx((both <= 2.0).mean())
    far = max(np.percentile(maps[1][edges[0]], 95), np.percentile(maps[0][edges[1]], 95))
    assert found.hd95_mm == pytest.approx(far)


def test_a_shifted_plate_is_off_by_its_shift():
    truth, predicted = (np.zeros((9, 9, 4), np.uint8) for _ in range(2))
    truth[:, :, 1] = 3
    predicted[:, :, 2] = 3  # one slice on: 8 mm, along the third axis and no other
    found = compare_surfaces(truth, predicted, (3,), STRAIGHT, 7.9)
    assert (found.hd95_mm, found.assd_mm, found.nsd) == pytest.approx((8.0, 8.0, 0.0))
    assert compare_surfaces(truth, predicted, (3,), STRAIGHT, 8.0).nsd == 1.0


def test_the_same_mask_is_at_no_distance_and_order_does_not_matter():
    same = compare_surfaces(blobs(4), blobs(4), (3,), STRAIGHT, 0.0)
    assert (same.hd95_mm, same.assd_mm, same.nsd) == (0.0, 0.0, 1.0)
    one = compare_surfaces(blobs(4), blobs(7), (3,), STRAIGHT, 2.0)
    other = compare_surfaces(blobs(7), blobs(4), (3,), STRAIGHT, 2.0)
    assert (one.hd95_mm, one.assd_mm, one.nsd) == pytest.approx((other.hd95_mm, other.assd_mm, other.nsd))


def test_an_empty_mask_has_no_distance():
    empty = np.zeros((14, 12, 6), np.uint8)
    for one, other in ((blobs(4), empty), (empty, blobs(4))):
        found = compare_surfaces(one, other, (3,), STRAIGHT, 2.0)
        assert math.isnan(found.hd95_mm) and math.isnan(found.assd_mm) and found.nsd == 0.0
    assert math.isnan(compare_surfaces(empty, empty, (3,), STRAIGHT, 2.0).nsd)


def test_ignored_voxels_belong_to_neither():
    truth, predicted = blobs(4), blobs(4)
    truth[predicted == 3] = 255
    assert math.isnan(compare_surfaces(truth, predicted, (3,), STRAIGHT, 2.0).nsd)


def test_labels_together_have_one_surface():
    wall = np.zeros((9, 9, 3), np.uint8)
    wall[2:7, 2:7] = 2
    split = wall.copy()
    split[2:5, 2:7] = 3  # scar within the wall: the wall as a whole is the same
    assert compare_surfaces(wall, split, (2, 3, 4), STRAIGHT, 0.0).hd95_mm == 0.0
