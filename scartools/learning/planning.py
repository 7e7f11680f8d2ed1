"""The plan of a 2D network: target spacing, patch, stages, features and batch, by nnU-Net's rules.

Isensee F et al. nnU-Net. Nat Methods 2021;18:203, doi:10.1038/s41592-020-01008-z; the numbers are those of release 2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from scartools.errors import InputError
from scartools.learning.fingerprint import Fingerprint

MIN_FEATURE_EDGE = 4
BASE_FEATURES, MAX_FEATURES = 32, 512
REFERENCE_BATCH = 12
MIN_BATCH = 2
INITIAL_EDGE = 2048
NONZERO_BELOW = 3 / 4  # median share of a volume left by the crop, below which z-scores are taken within it
RESIDUAL_BLOCKS = (1, 3, 4, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6)  # of each encoder stage, finest first
SAME_SPACING = 2.0  # an axis is pooled while its spacing is within this factor of the finest
ANISOTROPIC = 3  # slices this many times as thick as pixels, and as few, get nnU-Net's other target spacing


NetworkKind = Literal["plain", "residual-m", "residual-l"]


@dataclass(frozen=True)
class Reference:
    """What one of nnU-Net's planners goes by.

    values      of feature maps that fill a memory of `memory_gb` in training
    covered     part of the voxels of the training cases that one batch may hold
    smallest    slices that must fit when the patch is chosen, of a reference batch of 12
    """

    values: float
    memory_gb: float
    covered: float
    smallest: float


REFERENCES: dict[str, Reference] = {
    "plain": Reference(85e6, 8.0, 0.05, MIN_BATCH),
    "residual-m": Reference(135e6, 8.0, 1.0, REFERENCE_BATCH),
    "residual-l": Reference(380e6, 24.0, 1.0, REFERENCE_BATCH),
}


@dataclass(frozen=True)
class Plan:
    """What decides how a case comes to the network, and how large the network is.

    target_spacing_mm  (y, x) of the network grid; the slice spacing is never changed
    patch              (h, w), pixels; divisible by the product of the strides
    batch              slices in one step
    strides            (y, x) for each stage, the first (1, 1)
    features           channels of each stage
    normalise          "zscore": per volume, before resampling
    within_nonzero     the z-score is taken within the nonzero mask, and outside it is 0
    axes               None: a volume is laid by its directions in the patient. Else the stored axes that become
                       slice, row and column, none of them turned: what an imported network learned on
    network            kind of network that patch and batch were chosen for
    """

    target_spacing_mm: tuple[float, float]
    patch: tuple[int, int]
    batch: int
    strides: tuple[tuple[int, int], ...]
    features: tuple[int, ...]
    normalise: str = "zscore"
    within_nonzero: bool = False
    axes: tuple[int, int, int] | None = None
    network: NetworkKind = "plain"

    @property
    def stages(self) -> int:
        """Number of encoder stages, the bottleneck included."""
        return len(self.features)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain JSON values."""
        return {"".join(word.title() for word in key.split("_")): value for key, value in _plain(self).items()}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Plan:
        """Rebuild a plan from `to_json`; raises InputError for a key that is missing or makes no sense."""
        try:
            target_y, target_x = (float(value) for value in facts["TargetSpacingMm"])
            height, width = (int(value) for value in facts["Patch"])
            plan = cls(
                target_spacing_mm=(target_y, target_x),
                patch=(height, width),
                batch=int(facts["Batch"]),
                strides=tuple((int(y), int(x)) for y, x in facts["Strides"]),
                features=tuple(int(value) for value in facts["Features"]),
                normalise=str(facts["Normalise"]),
                within_nonzero=_boolean(facts["WithinNonzero"]),
                axes=_axes(facts.get("Axes")),
                network=facts.get("Network", "plain"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"holds no usable plan ({error!r})", remedy="Run preprocess again") from error
        _require_sense(plan)
        return plan


def make_plan(
    fingerprint: Fingerprint,
    *,
    classes: int,
    memory_gb: float | None = None,
    target_spacing_mm: tuple[float, float] | None = None,
    network: NetworkKind = "plain",
) -> Plan:
    """Return nnU-Net's 2D plan for the training cases.

    fingerprint        of the training cases only
    classes            labels with background: the channels of the network's output
    memory_gb          memory to fill when training, GB; None: what nnU-Net plans this network for
    target_spacing_mm  (y, x); else the median of each axis over the cases
    network            "plain", or nnU-Net's residual encoder, medium or large
    Raises InputError when the images are too small for a network.
    """
    target = target_spacing_mm or _median_spacing(fingerprint)
    shape = median_shape(fingerprint, target)
    wanted = [1 / value for value in target]
    scale = math.sqrt(INITIAL_EDGE**2 / math.prod(wanted))
    initial = [min(round(edge * scale), size) for edge, size in zip(wanted, shape[1:], strict=True)]
    if min(initial) < 2 * MIN_FEATURE_EDGE:
        raise InputError(
            f"the median image is {initial[0]} x {initial[1]} pixels at {target[0]:.3g} x {target[1]:.3g} mm, "
            f"too small for a network that pools down to {MIN_FEATURE_EDGE}",
            remedy="Check the spacing of the images, or choose a finer --target-spacing",
        )
    patch, strides = topology(target, initial)
    known = REFERENCES[network]
    memory_gb = known.memory_gb if memory_gb is None else memory_gb
    reference = known.values * memory_gb / known.memory_gb

    def values() -> int:
        blocks = () if network == "plain" else RESIDUAL_BLOCKS[: len(strides)]
        return feature_map_values(patch, strides, classes, blocks)

    while values() / REFERENCE_BATCH * known.smallest > reference:
        smaller = _shrunk(patch, strides, target, shape[1:])
        if min(smaller) < 2 * MIN_FEATURE_EDGE:
            raise InputError(
                f"no patch fits into {memory_gb:g} GB", remedy="Give more with --memory, or use larger pixels"
            )
        patch, strides = topology(target, smaller)
    batch = round(reference / values() * REFERENCE_BATCH)
    counted = slices_counted(fingerprint) * math.prod(shape[1:])
    covered = round(counted * fingerprint.count * known.covered / math.prod(patch))
    return Plan(
        target_spacing_mm=target,
        patch=patch,
        batch=max(min(batch, covered), MIN_BATCH),
        strides=strides,
        features=_features(len(strides)),
        within_nonzero=fingerprint.median_relative_size < NONZERO_BELOW,
        network=network,
    )


def median_shape(fingerprint: Fingerprint, target_mm: Sequence[float]) -> tuple[float, float, float]:
    """Return the median (Z, Y, X) of the cropped cases on the network grid."""
    shapes = []
    for shape, spacing in zip(fingerprint.shapes, fingerprint.spacings_mm, strict=True):
        in_plane = [
            round(own / target * n) for n, own, target in zip(shape[1:], spacing[1:], target_mm, strict=True)
        ]
        shapes.append([shape[0], *in_plane])
    z, y, x = (float(value) for value in np.median(shapes, axis=0))
    return z, y, x


def slices_counted(fingerprint: Fingerprint) -> float:
    """Return the median number of slices by which nnU-Net limits the batch: those of its 3D plan.

    A 2D network never sees slices resampled, but nnU-Net counts the voxels of a data set as if they were: at the
    median slice spacing or, where slices are thick and few, at its 10th percentile.
    """
    spacings = np.array(fingerprint.spacings_mm, dtype=np.float64)
    target = np.percentile(spacings, 50, axis=0)
    sizes = np.percentile(np.array(fingerprint.shapes), 50, axis=0)
    thick = target[0] > ANISOTROPIC * max(target[1:])
    few = sizes[0] * ANISOTROPIC < min(sizes[1:])
    if thick and few:
        thin = np.percentile(spacings[:, 0], 10)
        target[0] = thin if thin >= max(target[1:]) else max(target[1:]) + 1e-5
    counts = [
        round(spacing[0] / target[0] * shape[0])
        for shape, spacing in zip(fingerprint.shapes, fingerprint.spacings_mm, strict=True)
    ]
    return float(np.median(counts))


def topology(
    spacing_mm: Sequence[float], patch: Sequence[float]
) -> tuple[tuple[int, int], tuple[tuple[int, int], ...]]:
    """Return the patch, padded so that every pooling divides it, and the strides of the stages.

    spacing_mm  (y, x)
    patch       (h, w) wished for
    An axis is halved while it has at least 8 pixels and its spacing is within twice the finest; the last axis
    alone only from 12 pixels on.
    """
    size, spacing = [float(edge) for edge in patch], [float(value) for value in spacing_mm]
    pools, strides = [0, 0], [(1, 1)]
    while True:
        large = [axis for axis in (0, 1) if size[axis] >= 2 * MIN_FEATURE_EDGE]
        if not large:
            break
        finest = min(spacing[axis] for axis in large)
        chosen = [axis for axis in large if spacing[axis] / finest < SAME_SPACING]
        if len(chosen) == 1 and size[chosen[0]] < 3 * MIN_FEATURE_EDGE:
            break
        for axis in chosen:
            pools[axis] += 1
            spacing[axis] *= 2
            size[axis] = math.ceil(size[axis] / 2)
        strides.append((2 if 0 in chosen else 1, 2 if 1 in chosen else 1))
    height, width = (math.ceil(edge / 2**pool) * 2**pool for edge, pool in zip(patch, pools, strict=True))
    return (height, width), tuple(strides)


def feature_map_values(
    patch: Sequence[int], strides: Sequence[Sequence[int]], classes: int, blocks: Sequence[int] = ()
) -> int:
    """Return how many values the convolutions of the U-Net put out for one patch: nnU-Net's measure of memory.

    Two convolutions a stage down and up, one transposed convolution a stage up, and the output itself. With
    residual blocks (their number in each stage): a stem, two convolutions a block, what goes past the first block
    of a stage, and one convolution a stage up.
    """
    features = _features(len(strides))
    sizes = []
    height, width = patch
    for down, across in strides:
        height, width = height // down, width // across
        sizes.append(height * width)
    maps = [channels * size for channels, size in zip(features, sizes, strict=True)]
    if blocks:
        past = (0, *[1] * (len(maps) - 1))
        encoder = maps[0] + sum(
            (2 * count + one) * size for count, one, size in zip(blocks, past, maps, strict=True)
        )
    else:
        encoder = 2 * sum(maps)
    decoder = (2 if blocks else 3) * sum(maps[:-1])
    return encoder + decoder + classes * sizes[0]


def _shrunk(
    patch: tuple[int, int],
    strides: Sequence[Sequence[int]],
    target: Sequence[float],
    shape: Sequence[float],
) -> list[int]:
    """Take one step of divisibility from the axis that is longest relative to the median image."""
    ratios = [edge / size for edge, size in zip(patch, shape, strict=True)]
    axis = int(np.argsort(ratios)[-1])
    trial = list(patch)
    trial[axis] -= math.prod(stride[axis] for stride in strides)
    if min(trial) < 2 * MIN_FEATURE_EDGE:
        return trial
    _, after = topology(target, trial)  # the step is that of the smaller patch, as nnU-Net has it
    smaller = list(patch)
    smaller[axis] -= math.prod(stride[axis] for stride in after)
    return smaller


def _features(stages: int) -> tuple[int, ...]:
    return tuple(min(MAX_FEATURES, BASE_FEATURES * 2**stage) for stage in range(stages))


def _median_spacing(fingerprint: Fingerprint) -> tuple[float, float]:
    y, x = np.percentile([spacing[1:] for spacing in fingerprint.spacings_mm], 50, axis=0)
    return float(y), float(x)


def _plain(plan: Plan) -> dict[str, Any]:
    facts = asdict(plan)
    for key in ("target_spacing_mm", "patch", "features"):
        facts[key] = list(facts[key])
    facts["strides"] = [list(stride) for stride in facts["strides"]]
    facts["axes"] = list(facts["axes"] or ())
    for key, usual in (("axes", []), ("network", "plain")):  # most plans say nothing of these
        if facts[key] == usual:
            del facts[key]
    return facts


def _axes(value: Any) -> tuple[int, int, int] | None:
    if value is None:
        return None
    first, second, third = (int(axis) for axis in value)
    if sorted((first, second, third)) != [0, 1, 2]:
        raise ValueError(f"axes {value!r}")
    return first, second, third


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _require_sense(plan: Plan) -> None:
    divisor = [math.prod(stride[axis] for stride in plan.strides) for axis in (0, 1)]
    wrong = (
        plan.normalise != "zscore"
        or plan.network not in REFERENCES
        or plan.batch < 1
        or not plan.strides
        or len(plan.features) != len(plan.strides)
        or min(plan.features) < 1
        or min(min(stride) for stride in plan.strides) < 1
        or any(edge < 1 or edge % step for edge, step in zip(plan.patch, divisor, strict=True))
        or not all(math.isfinite(value) and value > 0 for value in plan.target_spacing_mm)
    )
    if wrong:
        raise InputError(f"holds a plan that makes no network: {plan}", remedy="Run preprocess again")
