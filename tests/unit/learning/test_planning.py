"""The plan against what nnU-Net 2 plans for the same fingerprints."""

from __future__ import annotations

import json

import numpy as np
import pytest

from scartools.errors import InputError
from scartools.learning.fingerprint import Fingerprint
from scartools.learning.planning import Plan, feature_map_values, make_plan, median_shape, topology

MANY = 2000  # cases: the cap of 5 % does not bind


def found(shape=(10, 256, 256), spacing=(8.0, 1.5, 1.5), count=MANY, relative_size=1.0) -> Fingerprint:
    return Fingerprint(count, (shape,) * count, (spacing,) * count, relative_size, {}, (0, 1, 2))


@pytest.mark.parametrize(
    ("edge", "classes", "patch", "stages", "batch"),
    [
        (256, 2, (256, 256), 7, 49),  # nnU-Net's own plan of 256 x 256 with two labels
        (512, 3, (512, 512), 8, 12),  # the reference of its batch size
        (320, 2, (320, 320), 7, None),
    ],
)
def test_square_images_get_the_plan_of_nnunet(edge, classes, patch, stages, batch):
    plan = make_plan(found((10, edge, edge)), classes=classes)
    assert plan.patch == patch
    assert plan.stages == stages
    assert plan.features == (32, 64, 128, 256, 512, 512, 512, 512)[:stages]
    assert plan.strides == ((1, 1), *[(2, 2)] * (stages - 1))
    assert batch is None or plan.batch == batch


def test_the_deepest_stage_keeps_an_edge_of_four():
    for edge in (64, 100, 200, 256, 300, 511):
        plan = make_plan(found((10, edge, edge)), classes=4)
        divisor = np.prod([stride[0] for stride in plan.strides])
        assert plan.patch[0] % divisor == 0
        assert 4 <= plan.patch[0] / divisor < 8
        assert 0 <= plan.patch[0] - edge < divisor


def test_a_batch_holds_at_most_five_percent_of_the_training_voxels_and_two_slices_at_least():
    assert make_plan(found(count=20), classes=4).batch == 10  # 20 x 10 slices of 256 x 256
    assert make_plan(found(count=1), classes=4).batch == 2


def test_more_memory_gives_a_proportionally_larger_batch_and_less_a_smaller_patch():
    eight, sixteen = (make_plan(found(), classes=4, memory_gb=gb).batch for gb in (8, 16))
    assert sixteen == pytest.approx(2 * eight, abs=1)
    small = make_plan(found((10, 2000, 2000), (8, 0.2, 0.2)), classes=4, memory_gb=8)
    assert small.patch[0] < 2000
    reference = 85e6
    assert feature_map_values(small.patch, small.strides, 4) / 12 * 2 <= reference


def test_values_of_the_feature_maps_are_those_of_the_layers():
    torch = pytest.importorskip("torch")
    nn = torch.nn
    channels, strides, classes, edge = (32, 64, 128), ((1, 1), (2, 2), (2, 2)), 3, 16
    counted = 0

    def count(layer, given, out):
        nonlocal counted
        counted += out.numel()

    def conv(inputs, outputs, stride=1):
        layer = nn.Conv2d(inputs, outputs, 3, stride, 1)
        layer.register_forward_hook(count)
        return layer

    x, skips, inputs = torch.zeros(1, 1, edge, edge), [], 1
    for outputs, stride in zip(channels, strides, strict=True):
        x = conv(outputs, outputs)(conv(inputs, outputs, stride)(x))
        skips.append(x)
        inputs = outputs
    for outputs, skip in zip(channels[-2::-1], skips[-2::-1], strict=True):
        up = nn.ConvTranspose2d(inputs, outputs, 2, 2)
        up.register_forward_hook(count)
        x = conv(outputs, outputs)(conv(2 * outputs, outputs)(torch.cat([up(x), skip], 1)))
        inputs = outputs
    head = nn.Conv2d(inputs, classes, 1)
    head.register_forward_hook(count)
    head(x)
    assert feature_map_values((edge, edge), strides, classes) == counted


def test_an_axis_much_finer_than_the_other_is_pooled_first():
    patch, strides = topology((4.0, 1.0), (64, 256))
    assert strides[1] == (1, 2)
    assert strides[3] == (2, 2)
    assert patch == (64, 256)


def test_a_single_axis_is_pooled_only_from_twelve_pixels():
    assert topology((1.0, 1.0), (7, 11))[1] == ((1, 1),)
    assert topology((1.0, 1.0), (7, 12))[1] == ((1, 1), (1, 2))


def test_the_target_is_the_median_of_each_axis_and_slices_are_not_touched():
    shapes = ((10, 100, 100), (12, 200, 200), (7, 300, 240))
    spacings = ((8.0, 1.0, 1.1), (10.0, 1.5, 1.4), (6.0, 2.0, 1.6))
    three = Fingerprint(3, shapes, spacings, 1.0, {}, (0, 1))
    plan = make_plan(three, classes=2)
    assert plan.target_spacing_mm == (1.5, 1.4)
    assert median_shape(three, plan.target_spacing_mm) == (10, 200, 200)
    assert make_plan(three, classes=2, target_spacing_mm=(2.0, 2.0)).target_spacing_mm == (2.0, 2.0)


@pytest.mark.parametrize(("share", "within"), [(0.74, True), (0.75, False), (1.0, False)])
def test_scores_are_taken_within_the_nonzero_mask_where_the_crop_leaves_less_than_three_quarters(share, within):
    assert make_plan(found(relative_size=share), classes=2).within_nonzero is within


def test_images_too_small_for_a_network_are_refused():
    with pytest.raises(InputError, match="too small"):
        make_plan(found((10, 6, 200)), classes=2)


def test_a_plan_survives_json():
    plan = make_plan(found((10, 250, 180), (8, 1.3671875, 1.4)), classes=5)
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize(
    "change",
    [
        {"Patch": [100, 256]},
        {"Patch": [256]},
        {"Batch": 0},
        {"Features": [32]},
        {"Strides": []},
        {"TargetSpacingMm": [0, 1]},
        {"TargetSpacingMm": [float("nan"), 1]},
        {"Normalise": "minmax"},
        {"WithinNonzero": "false"},
    ],
    ids=str,
)
def test_a_plan_that_makes_no_network_is_refused(change):
    with pytest.raises(InputError):
        Plan.from_json({**make_plan(found(), classes=2).to_json(), **change})
