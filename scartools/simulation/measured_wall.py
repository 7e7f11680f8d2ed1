"""The wall of a segmented left ventricle unrolled: its outlines by angle and slice, and the scar in its layers.

Each slice is read along rays from the centre of its own cavity, so that slices shifted by breathing stand one above
the other again. Heart frame of `anatomy`: the AHA angle is 0 at the middle of the anterior wall and 90 degrees at
the middle of the septum; levels b run along the normal of the slices. Radii and shares are rounded, so that one
heart gives one answer in any flipped or transposed array.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from scartools.heart.nomenclature import INFARCT
from scartools.heart.slices import Slices
from scartools.heart.stack import Stack

ANGLES = 72  # rays a slice
LAYERS = 12  # from endocardium to epicardium
RAY_STEP_MM = 0.25
LEAST_SHARE = 0.2  # of a place that must be muscle for its scar to be told
_ROUND = 6


@dataclass(frozen=True)
class Axes:
    """Directions of the heart in the world, unit vectors, RAS+; see `stack.Pose`."""

    septum: np.ndarray
    anterior: np.ndarray
    base: np.ndarray


@dataclass(frozen=True)
class UnrolledWall:
    """The slices of one ventricle, apex first.

    slice_index  int (K,), of the whole array
    level_mm     float64 (K,), b of the middle of each slice; 0 at the basal edge, negative towards the apex
    endo, epi    float64 (K, ANGLES), radii in mm; endo is 0 in a slice without cavity
    scar         float64 (K, ANGLES, LAYERS), share of the muscle there that is scar or no-reflow; in a slice without
                 cavity the layers run from the centre to the epicardium
    cavity       bool (K,)
    """

    slice_index: np.ndarray
    level_mm: np.ndarray
    endo: np.ndarray
    epi: np.ndarray
    scar: np.ndarray
    cavity: np.ndarray


def heart_axes(septum: np.ndarray, base: np.ndarray) -> Axes:
    """Directions from the middle of the septum and the base, (3,) each; the septum is laid into the slices."""
    base = base / np.linalg.norm(base)
    flat = septum - base * float(septum @ base)
    flat = flat / np.linalg.norm(flat)
    return Axes(*(np.round(one, 9) for one in (flat, np.cross(base, flat), base)))


def unroll_wall(
    stack: Stack, slices: Slices, axes: Axes, chosen: np.ndarray, cavity: np.ndarray
) -> UnrolledWall:
    """Read the chosen slices of a stack, int (K,) in the order from apex to base.

    stack, slices  of `read_stack` and `measure_slices`
    cavity         bool (K,), which of them show a cavity
    """
    up = 1.0 if axes.base @ stack.normal > 0 else -1.0
    level = up * slices.position_mm[chosen]
    top = float(level.max()) + stack.step_mm / 2
    infarct = (stack.labels >= min(INFARCT)) & (stack.labels <= max(INFARCT))
    endo, epi = np.zeros((len(chosen), ANGLES)), np.zeros((len(chosen), ANGLES))
    scar = np.zeros((len(chosen), ANGLES, LAYERS))
    for row, k in enumerate(chosen.tolist()):
        wall = slices.mended.wall[:, :, k]
        hollow = slices.mended.cavity[:, :, k] if cavity[row] else np.zeros_like(wall)
        rays = _Rays.of(stack, slices.centre[k], k, axes)
        reach = float(slices.radius_mm[k]) + 2.0 * stack.pixel_mm
        epi[row] = rays.edge(wall | hollow | slices.mended.cavity[:, :, k], reach)
        endo[row] = np.minimum(rays.edge(hollow, reach), epi[row])
        layers = (np.arange(LAYERS) + 0.5) / LAYERS
        radii = endo[row][:, None] + layers * (epi[row] - endo[row])[:, None]
        muscle = rays.read(wall, radii)
        share = rays.read(wall & infarct[:, :, k], radii) / np.maximum(muscle, LEAST_SHARE)
        scar[row] = np.round(np.clip(np.where(muscle < LEAST_SHARE, 0.0, share), 0.0, 1.0), _ROUND)
    index = chosen + stack.first_slice
    return UnrolledWall(index, np.round(level - top, _ROUND), endo, epi, scar, cavity)


@dataclass(frozen=True)
class _Rays:
    """Rays from the centre of a slice: `start` (2,) in voxels and `along` (ANGLES, 2) voxels a mm."""

    start: np.ndarray
    along: np.ndarray

    @classmethod
    def of(cls, stack: Stack, centre: np.ndarray, k: int, axes: Axes) -> _Rays:
        """Rays of slice k from a centre (3,), RAS+ mm, evenly about it."""
        # Half a step off: a ray along a row of voxels would run on their borders.
        turn = np.radians(360.0 * (np.arange(ANGLES) + 0.5) / ANGLES)
        world = np.sin(turn)[:, None] * axes.septum + np.cos(turn)[:, None] * axes.anterior
        into = np.linalg.pinv(stack.affine[:3, :2])
        return cls(into @ (centre - stack.affine[:3, 3] - k * stack.affine[:3, 2]), world @ into.T)

    def read(self, inside: np.ndarray, radii: np.ndarray) -> np.ndarray:
        """A mask (I, J) at radii (ANGLES, R) in mm, linear between voxels, 0 outside: (ANGLES, R)."""
        places = self.start + radii[:, :, None] * self.along[:, None, :]
        return np.round(map_coordinates(inside.astype(np.float64), np.moveaxis(places, -1, 0), order=1), 9)

    def edge(self, inside: np.ndarray, reach_mm: float) -> np.ndarray:
        """Radius of the outermost place where a mask ends, mm (ANGLES,): 0 along rays that never meet it."""
        radii = RAY_STEP_MM * np.arange(int(np.ceil(reach_mm / RAY_STEP_MM)) + 2)
        values = self.read(inside, np.broadcast_to(radii, (ANGLES, len(radii))))
        values[:, -1] = 0.0
        met = values >= 0.5
        last = met.shape[1] - 1 - np.argmax(met[:, ::-1], axis=1)
        last = np.minimum(last, met.shape[1] - 2)
        rows = np.arange(ANGLES)
        here, beyond = values[rows, last], values[rows, last + 1]
        part = np.clip((here - 0.5) / np.maximum(here - beyond, 1e-9), 0.0, 1.0)
        return np.where(met.any(axis=1), np.round(RAY_STEP_MM * (last + part), _ROUND), 0.0)


def scar_at(
    wall: UnrolledWall,
    levels_mm: np.ndarray,
    half_step_mm: float,
    theta: np.ndarray,
    b: np.ndarray,
    t: np.ndarray,
) -> np.ndarray:
    """Share of the muscle that is scar at points of the wall, float64 (N,), 0 to 1.

    levels_mm     (K,), b of the slices in the frame of the points
    half_step_mm  a point this far beyond the outermost slice was not imaged: 0
    theta, b      (N,), AHA angle in radians and level in mm
    t             (N, 2), where along the layers: the first for slices with a cavity, the second for those without
    Between two slices and between layers the share is interpolated.
    """
    place = np.interp(b, levels_mm, np.arange(len(levels_mm), dtype=float))
    below = np.clip(np.floor(place).astype(np.int64), 0, max(len(levels_mm) - 2, 0))
    share = np.zeros(b.shape)
    turn = np.degrees(theta) % 360.0 / 360.0 * ANGLES - 0.5
    for row, weight in (
        (below, 1.0 - (place - below)),
        (np.minimum(below + 1, len(levels_mm) - 1), place - below),
    ):
        layer = np.where(wall.cavity[row], t[:, 0], t[:, 1]) * LAYERS - 0.5
        share += weight * _bilinear(wall.scar, row, turn, np.clip(layer, 0.0, LAYERS - 1.0))
    outside = (b < levels_mm[0] - half_step_mm) | (b > levels_mm[-1] + half_step_mm)
    return np.where(outside, 0.0, share)


def _bilinear(scar: np.ndarray, row: np.ndarray, turn: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """The field (K, A, D) of given slices between angles, periodic, and layers."""
    first, deep = np.floor(turn).astype(np.int64), np.floor(layer).astype(np.int64)
    deeper = np.minimum(deep + 1, LAYERS - 1)
    along, down = turn - first, layer - deep
    here, there = first % ANGLES, (first + 1) % ANGLES
    return np.asarray(
        (1 - along) * ((1 - down) * scar[row, here, deep] + down * scar[row, here, deeper])
        + along * ((1 - down) * scar[row, there, deep] + down * scar[row, there, deeper])
    )
