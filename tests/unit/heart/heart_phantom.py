"""A ventricle with a known answer: round slices, a tapering cavity, a right ventricle where it was asked for."""

from __future__ import annotations

import itertools

import numpy as np

Order = tuple[int, int, int]
Flips = tuple[bool, bool, bool]

# Index i runs to the patient's left, j to the front, k to the base, which faces the head. Seen from the apex, the
# angle of a voxel about the centre, counter-clockwise from patient left, is then atan2(dj, di).
SIZE = 61
CENTRE = 30
ORDERS: list[Order] = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
FLIPS: list[Flips] = [(i, j, k) for i, j, k in itertools.product((False, True), repeat=3)]


def affine(pixel: float = 1.5, step: float = 8.0, pixel_j: float | None = None) -> np.ndarray:
    """RAS+ affine of the phantom; pixel and step in mm."""
    matrix = np.diag([-pixel, pixel if pixel_j is None else pixel_j, step, 1.0])
    matrix[:3, 3] = (120.0, -160.0, 15.0)
    return matrix


def ventricle(
    slices: int = 9,
    *,
    septum: float | None = 180.0,
    cap: int = 0,
    taper: bool = True,
    wall: float = 7.0,
    outer: float = 19.0,
    stretch_j: float = 1.0,
) -> np.ndarray:
    """Labels uint8 (61, 61, slices + cap): apex first, `cap` closed slices, then rings that widen towards the
    base.

    septum     direction of the RV, degrees counter-clockwise from patient left, seen from the apex; None: no RV
    outer      epicardial radius at the base, wall its thickness, both in voxels
    stretch_j  voxels along j for one along i, for grids that are not square
    """
    i, j = np.meshgrid(np.arange(SIZE) - CENTRE, np.arange(SIZE) - CENTRE, indexing="ij")
    across = j / stretch_j
    radius = np.hypot(i, across)
    labels = np.zeros((SIZE, SIZE, slices + cap), dtype=np.uint8)
    for k in range(slices + cap):
        ring = k - cap
        epi = outer * (0.75 + 0.25 * (ring + 1) / slices) if taper and ring >= 0 else outer
        if ring < 0:
            epi = 8.0
        if septum is not None and ring >= 0:
            turn = np.radians(septum)
            away = np.hypot(i - 1.05 * epi * np.cos(turn), across - 1.05 * epi * np.sin(turn))
            labels[:, :, k][(away < 0.8 * epi) & (radius >= epi)] = 5
        labels[:, :, k][radius < epi] = 2
        if ring >= 0:
            labels[:, :, k][radius < epi - wall] = 1
    return labels


def expected_segments(
    labels: np.ndarray, septum: float, rings: list[int], stretch_j: float = 1.0
) -> np.ndarray:
    """The AHA segments by the standard's table; rings by slice: 0 basal, 1 mid, 2 apical, 3 cap, -1 none."""
    i, j = np.meshgrid(np.arange(SIZE) - CENTRE, np.arange(SIZE) - CENTRE, indexing="ij")
    theta = np.round(np.degrees(np.arctan2(j / stretch_j, i)) - septum + 90.0, 6) % 360.0
    six = np.select(
        [(theta >= low) & (theta < low + 60) for low in (30, 90, 150, 210, 270)], [2, 3, 4, 5, 6], default=1
    )
    four = np.select([(theta >= low) & (theta < low + 90) for low in (45, 135, 225)], [14, 15, 16], default=13)
    answer = np.zeros(labels.shape, dtype=np.uint8)
    for k, ring in enumerate(rings):
        wall = np.isin(labels[:, :, k], (2, 3, 4))
        pattern = {0: six, 1: six + 6, 2: four, 3: np.full_like(six, 17), -1: np.zeros_like(six)}[ring]
        answer[:, :, k][wall] = pattern[wall]
    return answer


def rearranged(
    volume: np.ndarray, matrix: np.ndarray, order: Order, flips: Flips
) -> tuple[np.ndarray, np.ndarray]:
    """The same volume in the same place of the world, stored with its axes in another order and reversed."""
    moved = volume.transpose(order)
    kept = matrix.copy()
    kept[:3, :3] = matrix[:3, list(order)]
    for axis, flipped in enumerate(flips):
        if flipped:
            moved = np.flip(moved, axis)
            kept[:3, 3] += kept[:3, axis] * (moved.shape[axis] - 1)
            kept[:3, axis] *= -1
    return moved, kept


def put_back(volume: np.ndarray, order: Order, flips: Flips) -> np.ndarray:
    """Undo `rearranged`."""
    for axis, flipped in enumerate(flips):
        if flipped:
            volume = np.flip(volume, axis)
    return volume.transpose(np.argsort(order))
