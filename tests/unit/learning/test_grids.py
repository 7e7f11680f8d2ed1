"""The network's grid: one array whatever the storage, world positions kept, and the way back exact."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from scartools.errors import GeometryError, InputError
from scartools.learning.grids import (
    NetworkGrid,
    labels_to_source,
    network_grid,
    to_network,
    to_source,
)
from scartools.learning.planning import Plan

SHAPE, SPACING = (60, 52, 9), (1.4, 1.4, 8.0)


def plan(y=1.4, x=1.4, within=False) -> Plan:
    return Plan((y, x), (64, 64), 2, ((1, 1), (2, 2)), (32, 64), within_nonzero=within)


def short_axis(shape=SHAPE, spacing=SPACING) -> np.ndarray:
    """A grid as a scanner gives it: columns to the left, rows down, slices along the heart, all oblique."""
    towards_base = np.array([0.6, -0.6, 0.53])
    towards_base /= np.linalg.norm(towards_base)
    across = np.array([-1.0, 0, 0]) - towards_base * -towards_base[0]
    across /= np.linalg.norm(across)
    down = np.cross(towards_base, across)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([across, down, towards_base], axis=1) * spacing
    affine[:3, 3] = (-20, 31, 44)
    return affine


def phantom(shape=SHAPE) -> tuple[np.ndarray, np.ndarray]:
    """A noisy image in a frame of zeros, with rings of labels that no flip leaves as they are."""
    x, y, z = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    radius = np.hypot(x - 0.45 * shape[0], y - 0.55 * shape[1])
    label = np.select([radius < 8, (radius < 13) & (x > 0.45 * shape[0]), radius < 13], [1, 3, 2]).astype(
        np.uint8
    )
    label[..., 0] = 0
    image = np.random.default_rng(5).normal(100, 20, shape).astype(np.float32) + 40 * label
    image[:4], image[:, -3:] = 0, 0
    return image, label


def stored(array, affine, order, flips):
    """The same volume with its axes in another order and reversed."""
    step = np.eye(4)[:, [*order, 3]]
    array = array.transpose(order)
    for axis in flips:
        turn = np.eye(4)
        turn[axis, axis], turn[axis, 3] = -1, array.shape[axis] - 1
        step = step @ turn
        array = np.flip(array, axis)
    return array, affine @ step


STORAGES = [
    (order, flips)
    for order in ((0, 1, 2), (1, 0, 2), (2, 0, 1), (0, 2, 1))
    for flips in ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))
]


@pytest.mark.parametrize(("order", "flips"), STORAGES, ids=str)
@pytest.mark.parametrize("target", [1.4, 1.1])
def test_one_heart_gives_one_network_array_whatever_its_storage(order, flips, target):
    image, label = phantom()
    affine = short_axis()
    want = to_network(image, affine, plan(target, target), label=label)
    moved, at = stored(image, affine, order, flips)
    moved_label, _ = stored(label, affine, order, flips)
    found = to_network(moved, at, plan(target, target), label=moved_label)
    assert np.array_equal(found.image, want.image)
    assert np.array_equal(found.label, want.label)
    assert np.allclose(found.grid.affine, want.grid.affine, atol=1e-9)
    assert labels_to_source(found.label, found.grid).shape == moved.shape


@pytest.mark.parametrize(("order", "flips"), STORAGES[::3], ids=str)
def test_each_network_voxel_lies_where_its_source_voxel_lies(order, flips):
    image, _ = phantom()
    moved, affine = stored(image, short_axis(), order, flips)
    laid = to_network(moved, affine, plan())
    net = laid.image[0].transpose(2, 1, 0)
    index = np.indices(net.shape).reshape(3, -1)
    world = np.array(laid.grid.affine) @ np.r_[index, np.ones((1, net.size))]
    place = (np.linalg.inv(affine) @ world)[:3]
    assert np.allclose(place, np.rint(place), atol=1e-6)
    raw = moved[tuple(np.rint(place).astype(int))].astype(float)
    assert np.count_nonzero(moved) == net.size  # the frame of zeros is gone and nothing else
    assert np.allclose((raw - raw.mean()) / raw.std(), net.ravel(), atol=1e-4)


def test_the_display_is_left_to_the_right_posterior_below_and_slices_from_apex_to_base():
    for order, flips in STORAGES:
        image, _ = phantom()
        moved, affine = stored(image, short_axis(), order, flips)
        columns = np.array(to_network(moved, affine, plan()).grid.affine)[:3, :3]
        assert columns[0, 0] < 0  # column index grows to the patient's left
        assert columns[1, 1] < 0 or columns[2, 1] < 0  # row index to posterior or inferior
        assert columns[:, 2] @ [0.6, -0.6, 0.53] > 0
        assert np.linalg.det(columns) > 0


@pytest.mark.parametrize(
    ("name", "column", "row"),
    [("axial", (-1, 0, 0), (0, -1, 0)), ("coronal", (-1, 0, 0), (0, 0, -1))],
)
def test_plain_planes_get_the_display_of_radiology(name, column, row):
    across = {"axial": 2, "coronal": 1}[name]
    spacing = np.ones(3)
    spacing[across] = 8
    affine = np.diag([*spacing, 1.0])
    columns = np.array(
        to_network(np.ones((20, 20, 20), np.float32) + np.eye(20), affine, plan(1, 1)).grid.affine
    )
    assert np.allclose(columns[:3, 0], column)
    assert np.allclose(columns[:3, 1], row)


def test_turning_a_patient_a_little_never_mirrors_the_heart():
    rng = np.random.default_rng(8)
    base = short_axis()
    for _ in range(300):
        axis, angle = rng.normal(size=3), rng.uniform(-0.6, 0.6)
        axis /= np.linalg.norm(axis)
        cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
        turn = np.eye(4)
        turn[:3, :3] = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
        affine = turn @ base
        laid = network_grid(SHAPE, affine)
        right, down = ((-1 if laid.flips[k] else 1) * affine[:3, laid.axes[k]] / SPACING[0] for k in (2, 1))
        assert np.cross(right, down) @ [1, -1, 1] > 0


@pytest.mark.parametrize("spacing", [(8, 1, 1), (1, 8, 1), (1, 1, 8)])
def test_the_slice_axis_is_the_one_of_the_largest_spacing(spacing):
    assert network_grid((9, 9, 9), np.diag([*spacing, 1.0])).axes[0] == int(np.argmax(spacing))


@pytest.mark.parametrize("spacing", [(1.5, 1.5, 1.5), (1.0, 1.0, 0.8), (1.5, 1.5000001, 1.4999999)])
def test_where_the_largest_spacing_is_not_single_the_third_axis_is_the_slice_axis(spacing):
    assert network_grid((9, 9, 9), np.diag([*spacing, 1.0])).axes[0] == 2


def one_hot(label: np.ndarray, channels: int = 6) -> np.ndarray:
    return (np.arange(channels)[:, None, None, None] == label).astype(np.float32)


@pytest.mark.parametrize(("order", "flips"), STORAGES[::5], ids=str)
def test_the_way_back_is_exact_at_the_same_spacing(order, flips):
    image, label = phantom()
    image[image == 0] = 1  # nothing is cropped away
    moved, affine = stored(image, short_axis(), order, flips)
    wanted, _ = stored(label, short_axis(), order, flips)
    case = to_network(moved, affine, plan(), label=wanted)
    assert np.array_equal(to_source(one_hot(case.label), case.grid), wanted)
    assert np.array_equal(labels_to_source(case.label, case.grid), wanted)


@pytest.mark.parametrize("target", [(1.0, 1.0), (1.1, 0.9), (1.25, 1.5)])
@pytest.mark.parametrize("back", [lambda label, grid: to_source(one_hot(label), grid), labels_to_source])
def test_the_way_back_keeps_shapes_at_another_spacing(back, target):
    image, label = phantom((160, 152, 5))
    x, y, _ = np.meshgrid(*(np.arange(n) for n in image.shape), indexing="ij")
    radius = np.hypot(x - 80, y - 76)
    label = np.select([radius < 26, (radius < 42) & (x > 80), radius < 42], [1, 3, 2]).astype(np.uint8)
    case = to_network(image, short_axis(), plan(*target), label=label)
    found = back(case.label, case.grid)
    for value in (1, 2, 3):
        both = np.sum((found == value) & (label == value))
        dice = 2 * both / (np.sum(found == value) + np.sum(label == value))
        assert dice > 0.97, (value, dice)


def test_outside_the_crop_everything_is_background():
    image, _ = phantom()
    case = to_network(image, short_axis(), plan())
    full = np.zeros((2, *case.grid.shape), np.float32)
    full[1] = 1
    assert np.array_equal(to_source(full, case.grid) == 1, image != 0)


def test_scores_have_mean_zero_and_deviation_one_over_the_crop():
    image, _ = phantom()
    scores = to_network(image, short_axis(), plan()).image
    assert scores.mean() == pytest.approx(0, abs=1e-4)
    assert scores.std() == pytest.approx(1, abs=1e-4)


def test_within_the_mask_the_outside_stays_zero_and_does_not_count():
    image, _ = phantom()
    image[10:14, :6] = 0  # open to the outside, inside the box
    case = to_network(image, short_axis(), plan(within=True))
    inside = case.image[case.image != 0]
    assert inside.size < case.image.size
    assert inside.mean() == pytest.approx(0, abs=1e-4)
    assert inside.std() == pytest.approx(1, abs=1e-4)


def test_a_constant_crop_does_not_divide_by_zero():
    image = np.zeros((20, 20, 4), np.float32)
    image[5:15, 5:15] = 7
    assert np.isfinite(to_network(image, np.diag([1, 1, 8, 1.0]), plan(1, 1)).image).all()


def test_a_prior_moves_with_the_image_and_keeps_its_segments():
    image, label = phantom()
    case = to_network(image, short_axis(), plan(1.1, 1.1), label=label, prior=np.where(label > 0, 17, 0))
    assert case.prior is not None and case.label is not None
    assert set(np.unique(case.prior)) == {0, 17}
    assert np.mean((case.prior == 17) == (case.label > 0)) > 0.99


def test_slices_are_never_resampled():
    image, _ = phantom()
    grid = to_network(image, short_axis(), plan(0.7, 2.8)).grid
    assert grid.shape == (9, 98, 28)
    assert grid.spacing_mm == pytest.approx((8.0, 0.7, 2.8), abs=1e-6)


def test_a_grid_survives_json_to_the_last_bit():
    image, _ = phantom()
    grid = to_network(image, short_axis(), plan(1.1, 1.3)).grid
    assert NetworkGrid.from_json(json.loads(json.dumps(grid.to_json()))) == grid


@pytest.mark.parametrize(
    "change",
    [
        {"Axes": [0, 0, 1]},
        {"Box": [[0, 9], [0, 500], [0, 5]]},
        {"Box": [[0, 9], [5, 5], [0, 5]]},
        {"Shape": [8, 52, 60]},
        {"Flips": [0, 1, 0]},
        {"Affine": [[1]]},
        {"SpacingMm": [8, 0, 1]},
    ],
    ids=str,
)
def test_a_grid_that_contradicts_itself_is_refused(change):
    image, _ = phantom()
    facts = to_network(image, short_axis(), plan()).grid.to_json()
    with pytest.raises(InputError):
        NetworkGrid.from_json({**facts, **change})


def test_arrays_of_another_shape_are_refused():
    image, label = phantom()
    with pytest.raises(GeometryError, match="label"):
        to_network(image, short_axis(), plan(), label=label[1:])
    grid = to_network(image, short_axis(), plan()).grid
    with pytest.raises(GeometryError):
        to_source(np.zeros((2, 3, 4, 5), np.float32), grid)
    with pytest.raises(GeometryError):
        labels_to_source(np.zeros((3, 4, 5), np.uint8), grid)


def test_an_affine_without_three_directions_is_refused():
    flat = np.eye(4)
    flat[:3, 1] = flat[:3, 0]
    with pytest.raises(GeometryError):
        network_grid((5, 5, 5), flat)


def test_sixteen_storages_are_all_different():
    seen = {network_grid(*_stored_grid(order, flips)) for order, flips in itertools.islice(STORAGES, 16)}
    assert len(seen) == 16


def _stored_grid(order, flips):
    array, affine = stored(np.zeros(SHAPE, np.float32), short_axis(), order, flips)
    return array.shape, affine
