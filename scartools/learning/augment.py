"""Augmentation as in nnU-Net, safe for orientation: no mirroring and small rotations unless asked for.

The transforms are batchgeneratorsv2's, with nnU-Net's probabilities and ranges. The AHA segments go through the
same spatial transform as image and label, as labels; intensities change in the image alone. The library draws
from the global generators of numpy and torch, so both are seeded here for each crop and put back after: what a
crop becomes depends on the seed and its place in the batch, whoever computes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from scartools.learning.sampling import Batch


def augmented(
    batch: Batch, seed: int, *, patch: tuple[int, int], rotation_deg: float, mirror: bool, first: int = 0
) -> Batch:
    """Return the batch turned, scaled, cut to the patch, and changed in intensity; equal seeds, equal bytes.

    first  place of its first crop in the batch that several processes share
    """
    pipeline = _pipeline(patch, rotation_deg, mirror)
    images, labels, priors = [], [], []
    with seeded(seed):
        for number in range(len(batch.image)):
            own = int(np.random.default_rng([seed, first + number]).integers(2**31))
            np.random.seed(own)
            torch.default_generator.manual_seed(own)  # torch.manual_seed writes a traceback for each device
            planes = np.stack([batch.label[number], batch.prior[number]]).astype(np.int16)
            image = torch.from_numpy(
                batch.image[number].copy()
            )  # the transforms write into what they are given
            made = pipeline(image=image, segmentation=torch.from_numpy(planes))
            images.append(made["image"].numpy())
            labels.append(made["segmentation"][0].numpy())
            priors.append(made["segmentation"][1].numpy())
    return replace(
        batch,
        image=np.stack(images).astype(np.float32),
        label=np.stack(labels).astype(np.int64),
        prior=np.stack(priors).astype(np.uint8),
    )


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators of numpy and torch, and put them back."""
    before = np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            np.random.set_state(before)


@lru_cache(maxsize=8)
def _pipeline(patch: tuple[int, int], rotation_deg: float, mirror: bool) -> Any:
    from batchgeneratorsv2.transforms.intensity.brightness import MultiplicativeBrightnessTransform
    from batchgeneratorsv2.transforms.intensity.contrast import BGContrast, ContrastTransform
    from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
    from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
    from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
    from batchgeneratorsv2.transforms.spatial.low_resolution import SimulateLowResolutionTransform
    from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
    from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
    from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
    from batchgeneratorsv2.transforms.utils.random import RandomTransform

    turn = np.deg2rad(rotation_deg)
    spatial = SpatialTransform(
        patch, 0, False, p_rotation=0.2, rotation=(-turn, turn), p_scaling=0.2, scaling=(0.7, 1.4),
        p_synchronize_scaling_across_axes=1, mode_seg="nearest",
    )  # fmt: skip
    sometimes = [
        (GaussianNoiseTransform(noise_variance=(0, 0.1), p_per_channel=1, synchronize_channels=True), 0.1),
        (GaussianBlurTransform(blur_sigma=(0.5, 1.0), p_per_channel=0.5, benchmark=False), 0.2),
        (
            MultiplicativeBrightnessTransform(
                BGContrast((0.75, 1.25)), synchronize_channels=False, p_per_channel=1
            ),
            0.15,
        ),
        (
            ContrastTransform(
                BGContrast((0.75, 1.25)), preserve_range=True, synchronize_channels=False, p_per_channel=1
            ),
            0.15,
        ),
        (
            SimulateLowResolutionTransform(
                scale=(0.5, 1),
                synchronize_channels=False,
                synchronize_axes=True,
                ignore_axes=None,  # an empty tuple would set every scale to 1
                p_per_channel=0.5,
            ),
            0.25,
        ),
        (
            GammaTransform(
                BGContrast((0.7, 1.5)), 1, synchronize_channels=False, p_per_channel=1, p_retain_stats=1
            ),
            0.1,
        ),
        (
            GammaTransform(
                BGContrast((0.7, 1.5)), 0, synchronize_channels=False, p_per_channel=1, p_retain_stats=1
            ),
            0.3,
        ),
    ]
    steps = [spatial, *(RandomTransform(transform, apply_probability=p) for transform, p in sometimes)]
    if mirror:
        steps.append(MirrorTransform(allowed_axes=(0, 1)))
    return ComposeTransforms(steps)
