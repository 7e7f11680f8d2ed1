"""Damage that masks really come with, drawn from a seed: what a network, a reader or an export may have done."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from tests.unit.heart.heart_phantom import CENTRE, affine, rearranged, ventricle

Grid = tuple[np.ndarray, np.ndarray]  # labels uint8 (X, Y, Z), affine (4, 4)
Random = np.random.Generator


def block(random: Random, labels: np.ndarray, largest: int = 9) -> tuple[slice, slice, int]:
    """A place somewhere near the heart, in one slice."""
    i, j = (int(random.integers(CENTRE - 24, CENTRE + 20)) for _ in range(2))
    side = int(random.integers(1, largest))
    return slice(max(i, 0), i + side), slice(max(j, 0), j + side), int(random.integers(labels.shape[2]))


def holes(random: Random, labels: np.ndarray, matrix: np.ndarray) -> Grid:
    for _ in range(random.integers(1, 12)):
        labels[block(random, labels)] = 0
    return labels, matrix


def islands(random: Random, labels: np.ndarray, matrix: np.ndarray) -> Grid:
    for _ in range(random.integers(1, 12)):
        labels[block(random, labels, 6)] = random.choice([1, 2, 3, 4, 5, 255])
    return labels, matrix


def missing_slices(random: Random, labels: np.ndarray, matrix: np.ndarray) -> Grid:
    depth = labels.shape[2]
    labels[:, :, random.choice(depth, int(random.integers(1, depth)), replace=False)] = 0
    return labels, matrix


def shifted_slices(random: Random, labels: np.ndarray, matrix: np.ndarray) -> Grid:
    for k in range(labels.shape[2]):
        labels[:, :, k] = np.roll(labels[:, :, k], tuple(random.integers(-9, 10, 2)), (0, 1))
    return labels, matrix


def broken_rings(random: Random, labels: np.ndarray, matrix: np.ndarray) -> Grid:
    i, j = np.meshgrid(*[np.arange(61) - CENTRE] * 2, indexing="ij")
    for k in range(labels.shape[2]):
        start, width = random.uniform(0, 360), random.choice([0, 5, 40, 180, 340])
        gap = (np.degrees(np.arctan2(j, i)) - start) % 360 < width
        labels[:, :, k][gap & (labels[:, :, k] == 2)] = random.choice([0, 1, 5])
    return labels, matrix


def swapped_labels(random: Random, labels: np.ndarray, matrix: np.ndarray) -> Grid:
    one, other = random.choice([0, 1, 2, 3, 5], 2, replace=False)
    some = np.arange(labels.shape[2]) < random.integers(1, labels.shape[2] + 1)
    first, second = (labels == one) & some, (labels == other) & some
    labels[first], labels[second] = other, one
    return labels, matrix


def cut_field_of_view(random: Random, labels: np.ndarray, matrix: np.ndarray) -> Grid:
    low = random.integers(0, 34, 2)
    high = low + random.integers(1, 45, 2)
    return labels[low[0] : high[0], low[1] : high[1]].copy(), matrix


def noise(random: Random, labels: np.ndarray, matrix: np.ndarray) -> Grid:
    hit = random.random(labels.shape) < random.choice([0.001, 0.02, 0.2, 0.9])
    labels[hit] = random.choice([0, 1, 2, 3, 4, 5, 255], int(hit.sum()))
    return labels, matrix


def single_slice(random: Random, labels: np.ndarray, matrix: np.ndarray) -> Grid:
    k = int(random.integers(labels.shape[2]))
    if random.random() < 0.5:
        return labels[:, :, k : k + 1].copy(), matrix
    labels[:, :, np.arange(labels.shape[2]) != k] = 0
    return labels, matrix


def stray_rv(random: Random, labels: np.ndarray, matrix: np.ndarray) -> Grid:
    if random.random() < 0.5:
        labels[labels == 5] = 0
    for _ in range(random.integers(1, 8)):
        place = block(random, labels)
        labels[place] = np.where(random.random() < 0.5, 5, np.where(labels[place] == 0, 5, labels[place]))
    return labels, matrix


def extreme_spacing(random: Random, labels: np.ndarray, matrix: np.ndarray) -> Grid:
    matrix = matrix.copy()
    matrix[:3, :3] *= 10.0 ** random.uniform(-3, 3, 3)
    return labels, matrix


def sheared(random: Random, labels: np.ndarray, matrix: np.ndarray) -> Grid:
    matrix = matrix.copy()
    matrix[:3, :3] = matrix[:3, :3] @ (np.eye(3) + random.normal(0, random.choice([0.1, 1.0]), (3, 3)))
    return labels, matrix


def eroded(random: Random, labels: np.ndarray, matrix: np.ndarray) -> Grid:
    wall = ndimage.binary_erosion(labels == 2, iterations=int(random.integers(1, 4)))
    labels[(labels == 2) & ~wall] = random.choice([0, 1])
    return labels, matrix


def scattered(random: Random, labels: np.ndarray, matrix: np.ndarray) -> Grid:
    keep = random.random(labels.shape) < random.choice([0.001, 0.01, 0.1])
    return np.where(keep, labels, 0).astype(np.uint8), matrix


def scar(random: Random, labels: np.ndarray, matrix: np.ndarray) -> Grid:
    wall = labels == 2
    labels[wall] = random.choice([2, 3, 4], int(wall.sum()))
    return labels, matrix


DAMAGES: tuple[Callable[[Random, np.ndarray, np.ndarray], Grid], ...] = (
    holes,
    islands,
    missing_slices,
    shifted_slices,
    broken_rings,
    swapped_labels,
    noise,
    stray_rv,
    extreme_spacing,
    sheared,
    eroded,
    scattered,
    scar,
    single_slice,
    cut_field_of_view,  # last: the others count on the size of the phantom
)


def damaged(seed: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """A ventricle with one to three damages, its affine, in any storage order, and the names of the damages."""
    random = np.random.default_rng(seed)
    labels = ventricle(
        int(random.integers(3, 12)),
        septum=180.0 if random.random() < 0.8 else None,
        cap=int(random.integers(0, 2)),
        taper=bool(random.random() < 0.9),
    )
    matrix = affine(float(random.uniform(0.8, 2.2)), float(random.uniform(4, 14)))
    names = []
    # each damage comes round; the second and third are drawn
    chosen = {seed % len(DAMAGES), *random.integers(0, len(DAMAGES), int(random.integers(0, 3))).tolist()}
    for number in sorted(chosen):
        labels, matrix = DAMAGES[number](random, labels, matrix)
        names.append(DAMAGES[number].__name__)
    flips = tuple(bool(flip) for flip in random.random(3) < 0.5)
    order = tuple(random.permutation(3).tolist())
    moved, matrix = rearranged(labels, matrix, order, flips)  # type: ignore[arg-type]
    return moved, matrix, names
