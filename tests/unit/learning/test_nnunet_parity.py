"""Plan, sliding window, augmentation and resampling against nnU-Net 2.8.1: constants, and itself where installed.

The plans are what its planners answered: tests/peers/plans_of_nnunet.py wrote them. For the tests that ask nnU-Net
itself: pip install --no-deps nnunetv2==2.8.1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scartools.learning.augment import _pipeline
from scartools.learning.fingerprint import Fingerprint
from scartools.learning.grids import to_network
from scartools.learning.inference import _gaussian, _starts
from scartools.learning.planning import Plan, feature_map_values, make_plan, slices_counted
from scartools.learning.settings import Settings, network_of, size_of

PLANS = json.loads((Path(__file__).parent / "nnunet_plans.json").read_text())


def our_plan(data: dict[str, Any]) -> Plan:
    shapes, spacings = (tuple(tuple(one) for one in data[key]) for key in ("shapes", "spacings"))
    found = Fingerprint(len(shapes), shapes, spacings, data["relative"], {}, ())
    return make_plan(found, classes=data["labels"], memory_gb=data["memory"], network=data["encoder"])


def name_of(data: dict[str, Any]) -> str:
    patch = data["plan"]["patch"]
    return f"{data['encoder']}-{len(data['shapes'])}x{patch[0]}x{patch[1]}"


@pytest.mark.parametrize("data", PLANS, ids=name_of)
def test_the_plan_of_a_fingerprint_is_nnunets(data):
    plan, expected = our_plan(data), data["plan"]
    assert list(plan.target_spacing_mm) == expected["spacing"]
    assert list(plan.patch) == expected["patch"]
    assert plan.batch == expected["batch"]
    assert [list(stride) for stride in plan.strides] == expected["strides"]
    assert list(plan.features) == expected["features"]
    assert plan.within_nonzero is expected["mask"]
    assert expected["kernels"] == [3]
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize("data", PLANS, ids=name_of)
def test_the_preset_nnunet_builds_the_network_of_the_plan(data):
    plan = our_plan(data)
    said = plan.to_json()
    settings = Settings(
        size_of("nnunet", said), prior_source="none", ecg=False, time=False, network=network_of(said)
    )
    assert settings.size.patch == plan.patch and settings.size.batch == plan.batch
    assert settings.size.stages() == (plan.features, plan.strides)
    assert list(settings.blocks()) == data["plan"]["blocks"]


def test_the_sets_of_plans_are_not_all_of_one_kind():
    assert len(PLANS) == 30
    assert {data["encoder"] for data in PLANS} == {"plain", "residual-m", "residual-l"}
    assert len({(*data["plan"]["patch"], data["plan"]["batch"]) for data in PLANS}) > 20
    assert {data["plan"]["mask"] for data in PLANS} == {True, False}


def test_slices_are_counted_as_if_they_were_resampled():
    shapes = ((10, 200, 200), (10, 200, 200), (6, 200, 200))
    thick = Fingerprint(3, shapes, ((8, 1.5, 1.5), (10, 1.5, 1.5), (12, 1.5, 1.5)), 1.0, {}, ())
    # the 10th percentile of 8, 10, 12 is 8.4: 10 * 8 / 8.4, 10 * 10 / 8.4, 6 * 12 / 8.4
    assert slices_counted(thick) == np.median([10, 12, 9])
    thin = Fingerprint(3, shapes, ((2, 1.5, 1.5), (3, 1.5, 1.5), (4, 1.5, 1.5)), 1.0, {}, ())
    assert slices_counted(thin) == np.median([7, 10, 8])  # at the median of 3


@pytest.mark.parametrize(
    ("blocks", "values"), [((), 20_758_528), ((1, 3, 4, 6, 6, 6, 6), 32_448_512)], ids=["plain", "residual"]
)
def test_memory_is_estimated_as_nnunet_does(blocks, values):
    """compute_conv_feature_map_size((256, 256)) of its two networks with 7 stages and 4 outputs."""
    assert feature_map_values((256, 256), ((1, 1), *[(2, 2)] * 6), 4, blocks) == values


def steps(pipeline: Any) -> Iterator[tuple[str, float, dict[str, Any]]]:
    """Yield name, probability and settings of each transform of a pipeline."""
    for step in pipeline.transforms:
        inner = getattr(step, "transform", step)
        facts = {
            key: getattr(value, "contrast_range", value)
            for key, value in vars(inner).items()
            if not key.startswith("_")
        }
        yield type(inner).__name__, getattr(step, "apply_probability", 1), facts


RANGES = [  # nnUNetTrainer.get_training_transforms, in order: name, probability, and what it draws from
    (
        "SpatialTransform",
        1,
        {"p_rotation": 0.2, "p_scaling": 0.2, "scaling": (0.7, 1.4), "p_elastic_deform": 0},
    ),
    ("GaussianNoiseTransform", 0.1, {"noise_variance": (0, 0.1), "p_per_channel": 1}),
    ("GaussianBlurTransform", 0.2, {"blur_sigma": (0.5, 1.0), "p_per_channel": 0.5}),
    ("MultiplicativeBrightnessTransform", 0.15, {"multiplier_range": (0.75, 1.25), "p_per_channel": 1}),
    ("ContrastTransform", 0.15, {"contrast_range": (0.75, 1.25), "preserve_range": True, "p_per_channel": 1}),
    ("SimulateLowResolutionTransform", 0.25, {"scale": (0.5, 1), "p_per_channel": 0.5, "ignore_axes": None}),
    ("GammaTransform", 0.1, {"gamma": (0.7, 1.5), "p_invert_image": 1, "p_retain_stats": 1}),
    ("GammaTransform", 0.3, {"gamma": (0.7, 1.5), "p_invert_image": 0, "p_retain_stats": 1}),
    ("MirrorTransform", 1, {"allowed_axes": (0, 1)}),
]


def test_probabilities_and_ranges_of_the_augmentation_are_nnunets():
    found = list(steps(_pipeline((64, 64), 180.0, True)))
    assert [(name, p) for name, p, _ in found] == [(name, p) for name, p, _ in RANGES]
    for (name, _, facts), (_, _, expected) in zip(found, RANGES, strict=True):
        for key, value in expected.items():
            assert facts[key] == value, (name, key)
    assert found[0][2]["rotation"] == pytest.approx((-np.pi, np.pi))


def test_without_mirroring_nothing_is_flipped_and_the_rotation_is_the_one_asked_for():
    found = list(steps(_pipeline((64, 64), 20.0, False)))
    assert "MirrorTransform" not in [name for name, _, _ in found]
    assert found[0][2]["rotation"] == pytest.approx((-np.pi / 9, np.pi / 9))


def test_the_simulated_low_resolution_takes_detail_away():
    """It did nothing while the axes to leave alone were an empty tuple, which PyTorch takes for all of them."""
    lower = next(
        step.transform
        for step in _pipeline((32, 32), 20.0, False).transforms
        if type(getattr(step, "transform", step)).__name__ == "SimulateLowResolutionTransform"
    )
    image = torch.from_numpy(np.random.default_rng(1).standard_normal((1, 32, 32)).astype(np.float32))
    torch.manual_seed(1)
    changed = [not torch.equal(lower(image=image.clone())["image"], image) for _ in range(40)]
    assert 10 <= sum(changed) <= 30  # each channel with a probability of one half


def test_gamma_is_below_one_as_often_as_above():
    gamma = _pipeline((32, 32), 20.0, False).transforms[-1].transform.gamma
    np.random.seed(1)
    drawn = np.array([gamma() for _ in range(2000)])
    assert drawn.min() >= 0.7 and drawn.max() <= 1.5
    assert abs(np.mean(drawn < 1) - 0.5) < 0.04  # a flat draw from 0.7 to 1.5 would give 0.375


def test_cubic_overshoot_of_thin_slices_is_cut_at_the_range_of_the_volume():
    """nnU-Net resamples a volume at once unless its slices are more than three times as thick as a pixel."""
    image = np.zeros((12, 12, 2), np.float32)
    image[:6, :, 0], image[6:, :, 0] = 1, 2  # a step in a slice of small range, beside a slice of large range
    image[:, :, 1] = np.linspace(-5, 9, 144).reshape(12, 12)
    plan = Plan((1.0, 1.0), (16, 16), 2, ((1, 1), (2, 2)), (4, 8), axes=(2, 1, 0))
    thin, thick = (to_network(image, np.diag([2.0, 2.0, z, 1.0]), plan).image[0, 0] for z in (2.5, 8.0))
    assert thin.max() > thick.max() + 1e-3  # its overshoot stays
    scores = (image[..., 0] - image.mean()) / image.std()
    assert thick.max() == pytest.approx(scores.max(), abs=1e-5)


def test_windows_and_their_weights_are_nnunets_own():
    window = pytest.importorskip(
        "nnunetv2.inference.sliding_window_prediction",
        reason="NNUNET ABSENT: pip install --no-deps nnunetv2==2.8.1",
        exc_type=ImportError,
    )
    for size, edge in ((96, 96), (97, 96), (128, 96), (256, 96), (300, 64), (33, 32)):
        assert list(_starts(size, edge)) == window.compute_steps_for_sliding_window((size,), (edge,), 0.5)[0]
    for patch in ((96, 96), (32, 48), (256, 224)):
        theirs = window.compute_gaussian(patch, 1 / 8, 10, dtype=torch.float32, device=torch.device("cpu"))
        np.testing.assert_allclose(_gaussian(patch), theirs.numpy() / 10, atol=1e-6)
