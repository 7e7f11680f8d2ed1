"""Augmentation as in nnU-Net, safe for orientation: no mirroring and small rotations unless asked for.

The transforms are batchgeneratorsv2's, with nnU-Net's probabilities and ranges. The AHA segments go through the
same spatial transform as image and label, as labels; intensities change in the image alone. The library draws
from the global generators of numpy and torch, so both are seeded here for each crop and put back after: what a
crop becomes depends on the seed and its place in the batch, whoever computes it.

Tissues may besides change their brightness against each other, which nnU-Net does not: contrast agent, inversion time and
scanner make blood, healthy wall and scar as bright as each other or apart, and a network that has seen one contrast alone
takes scar under the cavity for cavity.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from scartools.learning.sampling import Batch
from scartools.network.losses import IGNORE

CHANGED = 0.5  # of the crops, where tissues change their contrast
BORDER = 1.0  # pixels: sigma of what softens the border between them


def augmented(
    batch: Batch,
    seed: int,
    *,
    patch: tuple[int, int],
    rotation_deg: float,
    mirror: bool,
    tissue_contrast: float = 0.0,
    first: int = 0,
) -> Batch:
    """Return the batch turned, scaled, cut to the patch, and changed in intensity; equal seeds, equal bytes.

    tissue_contrast  see `with_other_contrast`, in half of the crops; 0: in none
    first            place of its first crop in the batch that several processes share
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
            picture, label = made["image"].numpy(), made["segmentation"][0].numpy()
            rng = np.random.default_rng([seed, first + number, 1])
            other = tissue_contrast and rng.random() < CHANGED
            images.append(with_other_contrast(picture, label, tissue_contrast, rng) if other else picture)
            labels.append(label)
            priors.append(made["segmentation"][1].numpy())
    return replace(
        batch,
        image=np.stack(images).astype(np.float32),
        label=np.stack(labels).astype(np.int64),
        prior=np.stack(priors).astype(np.uint8),
    )


def with_other_contrast(
    image: np.ndarray, label: np.ndarray, spread: float, rng: np.random.Generator
) -> np.ndarray:
    """Return a crop whose tissues are brighter or darker, each by its own amount.

    image   float32 (C, H, W), normalised; label integer (H, W), background and what does not count stay as they are
    spread  standard deviation of the amounts, in that of the picture
    """
    changed = image.astype(np.float32)
    for tissue in np.unique(label[(label > 0) & (label != IGNORE)]):
        changed += rng.normal(0.0, spread) * gaussian_filter((label == tissue).astype(np.float32), BORDER)
    return changed


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
