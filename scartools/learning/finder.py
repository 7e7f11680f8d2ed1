"""Where the heart is: a small network looks at the whole picture, coarsely, so that the others see one window around it.

A network that always sees the heart in the middle of its window need not learn where it is, and learns what it looks
like in far fewer iterations. The truth says where in training, with a little play; the finder says where at prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from scartools.errors import InputError
from scartools.learning.inference import predict
from scartools.learning.sampling import Around, TrainingCase, overlap, pixels_by_class
from scartools.learning.settings import Settings, Size
from scartools.network.losses import IGNORE
from scartools.network.segmenter import Segmenter, SegmenterConfig

EDGE = 64  # pixels of the coarse picture at most
FEATURES = 8
BATCH = 8
MOST_ITERATIONS = 1000
PLAY = 16  # part of the window's edge by which its middle may be off in training
COMMON_DIVISOR = 16
HEART = 12.0  # radius of a heart in a coarse picture, pixels, about
MOST_LOOKS = 3  # closer ones
STAYS = 2  # pixels that the middle of a window may be off


def finder_size(size: Size) -> Size:
    """Return the size of the finder that goes with networks of a size: as many iterations as the last, to MOST_ITERATIONS.

    On 29 EMIDEC pictures of up to 350 pixels, after learning from 41: off by 7 pixels in the median and 28 at most after
    200 iterations, by 3.5 and 23 after 400, and by 1 and 7 with the closer look; finer pictures are no better at more cost.
    """
    iterations = min(size.iterations, MOST_ITERATIONS)
    return Size(FEATURES, 8 * FEATURES, (EDGE, EDGE), BATCH, iterations, iterations).fitted()


def finder_settings(settings: Settings) -> Settings:
    """Return what the finder is trained with: the image alone, two classes."""
    return replace(
        settings,
        size=finder_size(settings.size),
        prior_source="none",
        ecg=False,
        time=False,
        network="plain",
        regions=False,
        ema=0.0,
        shuffle_ecg=False,
        shuffle_interval=False,
        oracle_ecg=False,
    )


def untrained_finder(settings: Settings) -> Segmenter:
    """Return a finder with weights from torch's generator as it is."""
    features, strides = finder_size(settings.size).stages()
    return Segmenter(SegmenterConfig(2, features, strides))


def coarse_case(case: TrainingCase, seed: int) -> TrainingCase:
    """Return a case as the finder learns from it: the whole picture, coarse; label 1 where the heart is."""
    step = _step(case.image.shape[2:])
    heart = _blocks(((case.label > 0) & (case.label != IGNORE)).astype(np.float32), step) > 0.5
    label = heart.astype(np.uint8)
    image = _blocks(case.image[0], step)[None]
    middle = (label.shape[1] // 2, label.shape[2] // 2)
    return replace(
        case,
        image=image,
        label=label,
        prior=None,
        beat=None,
        fractions=None,
        pixels=pixels_by_class(label, seed),
        around=Around(*middle, EDGE // 4),  # hearts are not always in the middle of a picture
    )


def heart_centre(label: np.ndarray) -> tuple[int, int] | None:
    """Return the centre (down, across) of all labelled pixels of a stack uint8 (Z, Y, X); None where there are none."""
    places = np.argwhere((label > 0) & (label != IGNORE))
    if not len(places):
        return None
    down, across = places[:, 1:].mean(axis=0).round().astype(int)
    return int(down), int(across)


def window_edge(cases: Sequence[TrainingCase]) -> int:
    """Return the edge in pixels of a window that holds every heart of the cases, wherever play leaves its middle."""
    reach = 0
    for case in cases:
        centre = heart_centre(case.label)
        if centre is not None:
            places = np.argwhere((case.label > 0) & (case.label != IGNORE))[:, 1:]
            reach = max(reach, int(np.abs(places - centre).max()) + 1)
    edge = int(np.ceil(2 * reach / (1 - 2 / PLAY)))
    return max(32, -(-edge // COMMON_DIVISOR) * COMMON_DIVISOR)


def placed(case: TrainingCase, centre: tuple[int, int] | None, patch: tuple[int, int]) -> TrainingCase:
    """Return the case with crops around a centre, with a little play; as it is where there is none."""
    return case if centre is None else replace(case, around=Around(*centre, min(patch) // PLAY))


@dataclass(frozen=True)
class Lens:
    """What finds a heart: the finder, and a network that looks closer, in windows of its patch."""

    finder: Segmenter
    closer: Segmenter
    patch: tuple[int, int]


def closer_of(last: Segmenter, first: Segmenter | None) -> Segmenter:
    """Return which network takes the closer look: the last where it is shown no segments, which are not there yet; else the first."""
    return last if first is None or not last.parts.prior else first


def centre_of(
    lens: Lens | None,
    image: np.ndarray,
    *,
    device: str = "cpu",
    precision: torch.dtype = torch.float32,
    or_middle: bool = False,
) -> tuple[int, int] | None:
    """Return the pixel (down, across) that networks look around: the centre of what the finder takes for a heart.

    lens       None for networks that look everywhere: there is no such pixel, None
    image      float32 (1, Z, Y, X), normalised
    or_middle  where no heart is seen, return the middle of the picture, which does for a case to learn from
    The place where most heart is seen, over all slices, is looked at again in windows, whose middle moves to the centre of
    the heart in them until it stays. Raises InputError where none is seen.
    """
    if lens is None:
        return None
    step = _step(image.shape[2:])
    arithmetic: dict[str, Any] = {"device": device, "precision": precision}
    coarse = _blocks(image[0], step)[None]
    heart = predict(lens.finder, coarse, patch=(EDGE, EDGE), **arithmetic)[1]
    if heart.max() <= 0.5:
        if not or_middle:
            raise InputError(
                "no heart is found in the picture",
                remedy="Give a short-axis LGE stack like those of the training",
            )
        return image.shape[2] // 2, image.shape[3] // 2
    down, across = (int(at * step + step // 2) for at in _peak(heart.sum(axis=0)))
    centre = min(down, image.shape[2] - 1), min(across, image.shape[3] - 1)
    for _ in range(MOST_LOOKS):
        seen = predict(lens.closer, image, patch=lens.patch, centre=centre, **arithmetic)
        better = heart_centre(_largest(seen.argmax(axis=0) > 0))
        if better is None or max(abs(a - b) for a, b in zip(better, centre, strict=True)) <= STAYS:
            break
        centre = better
    return centre


def cuts_heart(label: np.ndarray, centre: tuple[int, int], patch: tuple[int, int]) -> bool:
    """Return whether what was found in a window reaches its border where the picture goes on: the heart may go on too.

    label  uint8 (Z, Y, X), 0 background; centre: pixel (down, across) that the window is around; patch: its edges
    """
    inside, _ = overlap(centre, patch, label.shape[1:])
    heart = np.max(label[:, inside[0], inside[1]], axis=0)
    for axis, (part, size) in enumerate(zip(inside, label.shape[1:], strict=True)):
        lines = np.max(heart, axis=1 - axis) > 0  # along this axis
        if (part.start > 0 and lines[0]) or (part.stop < size and lines[-1]):
            return True
    return False


def _peak(heat: np.ndarray) -> tuple[float, float]:
    """Return the centre of mass (down, across) of what lies within a heart's radius of the highest smoothed heat (Y, X)."""
    smooth = ndimage.gaussian_filter(heat, HEART / 4)
    top = np.unravel_index(int(smooth.argmax()), smooth.shape)
    rows, columns = np.indices(heat.shape)
    near = heat * (np.hypot(rows - top[0], columns - top[1]) < HEART)
    return float((near * rows).sum() / near.sum()), float((near * columns).sum() / near.sum())


def _largest(heart: np.ndarray) -> np.ndarray:
    """Return the largest component of a mask bool (Z, Y, X), as uint8."""
    numbered, count = ndimage.label(heart)
    if not count:
        return np.zeros(heart.shape, np.uint8)
    sizes = ndimage.sum_labels(heart, numbered, np.arange(1, count + 1))
    return (numbered == 1 + int(np.argmax(sizes))).astype(np.uint8)


def _step(shape: Sequence[int]) -> int:
    """Return the edge of the blocks that a coarse picture is made of."""
    return max(1, -(-max(shape) // EDGE))


def _blocks(stack: np.ndarray, step: int) -> np.ndarray:
    """Return the means float32 of square blocks of a stack (Z, Y, X); what lies beyond its edges counts as 0."""
    depth, height, width = stack.shape
    rows, columns = -(-height // step), -(-width // step)
    whole = np.zeros((depth, rows * step, columns * step), np.float32)
    whole[:, :height, :width] = stack
    return whole.reshape(depth, rows, step, columns, step).mean(axis=(2, 4))
