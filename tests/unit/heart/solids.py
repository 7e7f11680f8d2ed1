"""Solids of a heart whose volumes and depths are known in closed form, cut by any grid: spacing, tilt, offset."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

INSIDE, MIDDLE, OUTSIDE = (24.0, 44.0), (29.0, 49.0), (34.0, 54.0)  # half axes across and along, mm
THIRDS = (-1 / 3, 0.0, 1 / 3)


def solid_ml(across: float, along: float) -> float:
    """The volume of a half ellipsoid of revolution, mL; half axes in mm."""
    return 2 / 3 * np.pi * across**2 * along / 1000


MYOCARDIUM_ML = solid_ml(*OUTSIDE) - solid_ml(*INSIDE)
SCAR_ML = solid_ml(*MIDDLE) - solid_ml(*INSIDE)


def tissue(points: np.ndarray) -> np.ndarray:
    """The labels of points, (..., 3) mm: pool, then scar, then healthy wall, closed by the plane z = 0."""
    x, y, z = np.moveaxis(points, -1, 0)
    labels = np.zeros(x.shape, dtype=np.uint8)
    for (across, along), label in ((OUTSIDE, 2), (MIDDLE, 3), (INSIDE, 1)):
        labels[(x**2 + y**2) / across**2 + z**2 / along**2 < 1] = label
    labels[z > 0] = 0
    return labels


def half_shell(
    pixel: float, step: float, tilt: float = 0.0, offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> tuple[np.ndarray, np.ndarray]:
    """A half ellipsoid shell, inner half scar, and its affine: a voxel is what its centre is.

    pixel, step  mm
    tilt         degrees that the slices are turned off the short axis
    offset       where the grid lies, voxels off the place where z = 0 is halfway between two slices
    """
    size, depth = int(110 / pixel), 2 * int(65 / step)  # even: the cut at z = 0 lies between two slices
    turn = np.radians(tilt)
    matrix = np.eye(4)
    matrix[:3, 0] = np.array([np.cos(turn), 0, -np.sin(turn)]) * pixel
    matrix[:3, 1] = np.array([0.0, pixel, 0])
    matrix[:3, 2] = np.array([np.sin(turn), 0, np.cos(turn)]) * step
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array([size, size, depth]) - 1) / 2 + offset)
    grid = np.stack(np.meshgrid(*map(np.arange, (size, size, depth)), indexing="ij"), axis=-1)
    return tissue(grid @ matrix[:3, :3].T + matrix[:3, 3]), matrix


def offsets(
    across: tuple[float, ...] = THIRDS, along: tuple[float, ...] = (0.0,)
) -> Iterator[tuple[float, ...]]:
    """Grids that lie differently against the solid, voxels: what is true of the estimator is true of their mean."""
    return itertools.product(across, across, along)


def depth_in_slice(matrix: np.ndarray, k: int, size: int, rays: int = 100) -> np.ndarray:
    """Scar over wall along rays from the centroid of the pool within one slice, percent (R,), from the solid itself."""
    fine = np.arange(0, size - 1, 0.25)
    i, j = np.meshgrid(fine, fine, indexing="ij")
    places = np.stack([i, j, np.full(i.shape, float(k))], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]
    pool = places[tissue(places) == 1]
    if len(pool) == 0:
        return np.zeros(0)
    first, second = (matrix[:3, axis] / np.linalg.norm(matrix[:3, axis]) for axis in (0, 1))
    turn = 2 * np.pi * (np.arange(rays)[:, np.newaxis] + 0.5) / rays
    out = np.arange(0.025, 60, 0.05)  # mm
    directions = np.cos(turn) * first + np.sin(turn) * second
    along = tissue(pool.mean(axis=0) + out[np.newaxis, :, np.newaxis] * directions[:, np.newaxis])
    wall, scar = (along >= 2).sum(axis=1), (along == 3).sum(axis=1)
    return 100.0 * scar[wall > 0] / wall[wall > 0]
