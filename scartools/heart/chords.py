"""Chords across the wall of the short-axis slices, perpendicular to its centreline, and the scar along them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scartools.errors import InputError
from scartools.heart.nomenclature import INFARCT, MYOCARDIUM
from scartools.heart.slices import left_ventricle, measure_slices
from scartools.heart.stack import Stack, read_stack

SAMPLES_PER_PIXEL = 5  # along a chord, of the shorter voxel edge
MOST_SAMPLES = 1000  # from the centre outwards; slices of real voxels need some 200
FEWEST_CHORDS = 8
SMOOTH_DEGREES = 15.0  # SD of the Gaussian along the centreline: wide enough for voxel steps, not for a bulge
MOST_TURN_DEGREES = 60.0  # of a chord from its ray; more means a torn wall, not an eccentric one


@dataclass(frozen=True)
class Chords:
    """Chords from endocardium to epicardium; those that meet no wall are left out.

    slice_index  int (N,), slice of the whole array
    wall_mm      float64 (N,), length inside the myocardium
    scar_mm      float64 (N,), length inside scar or no-reflow
    inner_scar   bool (N,), scar within the inner third of the wall
    segment      uint8 (N,), segment at the middle of the wall; 0 without one
    """

    slice_index: np.ndarray
    wall_mm: np.ndarray
    scar_mm: np.ndarray
    inner_scar: np.ndarray
    segment: np.ndarray

    @property
    def percent(self) -> np.ndarray:
        """Transmurality of each chord: scar as a share of the wall, float64 (N,), percent."""
        return np.asarray(100.0 * (self.scar_mm / self.wall_mm))  # a whole wall is 100, not a rounding more


@dataclass(frozen=True)
class _Plane:
    """The rays of a slice: directions in the world, (R, 3), and how a millimetre of the slice is in voxels."""

    first: np.ndarray  # (3,) unit vector
    second: np.ndarray  # (3,) unit vector
    into_voxels: np.ndarray  # (2, 3)
    step_mm: float
    turn: np.ndarray  # (R,) radians

    def voxels(self, flat: np.ndarray) -> np.ndarray:
        """Offsets in the plane, (..., 2) mm, in voxels of the slice, (..., 2)."""
        basis = np.stack([self.first, self.second]) @ self.into_voxels.T  # (2, 2)
        return np.asarray(flat @ basis)


def centreline_chords(
    mask: np.ndarray, affine: np.ndarray, *, segments: np.ndarray | None = None, chords: int = 100
) -> Chords:
    """Cut the wall of each slice that shows a cavity along chords perpendicular to its centreline.

    mask      integer (X, Y, Z), labels 0-5 and 255; scar is 3 and 4
    affine    float (4, 4), voxel index to RAS+ mm; voxels need not be square
    segments  uint8 (X, Y, Z), AHA segments, or None
    chords    chords a slice
    The centreline lies halfway between the endocardium and the epicardium, as rays from the centroid of the
    LV pool meet them, smoothed along the circle. Chords stand on it at equal angles about the centroid, so
    that sectors of equal angle have equally many. The wall of a chord is its length inside the myocardium,
    by samples a fifth of a voxel apart; it never reaches beyond the centroid to the wall on the other side.
    Slices without a cavity have no chords: there a line in the slice does not cross the wall from inside to
    outside. Raises InputError for too few chords, or what read_stack refuses.
    A hundred chords perpendicular to a centreline: Sheehan et al., Circulation 1986;74:293,
    doi:10.1161/01.cir.74.2.293.
    """
    if chords < FEWEST_CHORDS:
        raise InputError(f"{chords} chords a slice are too few", remedy=f"Use at least {FEWEST_CHORDS}")
    stack = read_stack(mask, affine)
    slices = measure_slices(stack)
    body = left_ventricle(stack.labels)
    labels = np.where(body, stack.labels, 0)
    names = np.zeros_like(labels) if segments is None else np.moveaxis(segments, stack.slice_axis, 2)[stack.box]
    plane = _plane(stack, chords, float(slices.radius_mm.max()))
    parts = []
    for k in np.flatnonzero(slices.cavity & slices.ventricle).tolist():
        middle = plane.into_voxels @ (slices.centre[k] - stack.affine[:3, 3] - k * stack.affine[:3, 2])
        reach = float(slices.radius_mm[k]) + stack.pixel_mm
        tissue = np.ascontiguousarray(labels[:, :, k])
        places = _across(tissue, middle, plane, reach)
        if places is not None:
            parts.append(_cut(tissue, names[:, :, k], *places, k + stack.first_slice))
    if not parts:
        return Chords(*(np.zeros(0, dtype=kind) for kind in (int, float, float, bool, np.uint8)))
    slice_index, wall, scar, inner, segment = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Chords(slice_index, wall * plane.step_mm, scar * plane.step_mm, inner, segment)


def _plane(stack: Stack, chords: int, radius_mm: float) -> _Plane:
    first = stack.affine[:3, 0] / np.linalg.norm(stack.affine[:3, 0])
    step = float(np.linalg.norm(stack.affine[:3, :2], axis=0).min()) / SAMPLES_PER_PIXEL
    step = max(step, radius_mm / MOST_SAMPLES)  # a needle of a voxel would ask for millions
    # Half a step off the voxel axes: a ray along a row of voxels would run on their borders.
    turn = 2 * np.pi * (np.arange(chords) + 0.5) / chords
    return _Plane(first, np.cross(stack.normal, first), np.linalg.pinv(stack.affine[:3, :2]), step, turn)


def _across(
    tissue: np.ndarray, middle: np.ndarray, plane: _Plane, reach_mm: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """Samples of the chords of one slice, (R, S, 2) voxels, and which of them count, bool (R, S); None without wall.

    tissue  labels of the slice, (I, J); middle: the centroid of the pool, (2,) voxels
    """
    rays = np.stack([np.cos(plane.turn), np.sin(plane.turn)], axis=1)  # (R, 2) in the plane
    distance = plane.step_mm * (np.arange(int(np.ceil(reach_mm / plane.step_mm))) + 0.5)
    along = middle + plane.voxels(distance[np.newaxis, :, np.newaxis] * rays[:, np.newaxis])
    wall = np.isin(_read(tissue, along), MYOCARDIUM)
    met: np.ndarray = np.asarray(wall.any(axis=1))
    if not met.any():
        return None
    inner = distance[np.argmax(wall, axis=1)]
    outer = distance[wall.shape[1] - 1 - np.argmax(wall[:, ::-1], axis=1)]
    radius = _smooth(_filled((inner + outer) / 2, met))
    foot = radius[:, np.newaxis] * rays
    slope = (np.roll(radius, -1) - np.roll(radius, 1)) / (2 * (plane.turn[1] - plane.turn[0]))
    limit = np.tan(np.radians(MOST_TURN_DEGREES))
    lean = np.clip(slope / radius, -limit, limit)  # the outward normal of r(t) is r e_r - r' e_t
    normal = rays - lean[:, np.newaxis] * np.stack([-rays[:, 1], rays[:, 0]], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    # Every chord goes as far as any wall could reach, but not past the foot of the perpendicular from the centre.
    half = int(np.ceil(reach_mm / plane.step_mm))
    steps = plane.step_mm * (np.arange(-half, half) + 0.5)
    inward = (foot * normal).sum(axis=1)  # how far it is from the foot back to the nearest point to the centre
    thick = 0.5 * (outer - inner)[met].max() * 1.5 + plane.step_mm * 2 * SAMPLES_PER_PIXEL
    near = np.abs(steps) <= thick
    steps = steps[near]
    counted = steps[np.newaxis, :] > -inward[:, np.newaxis]
    places = middle + plane.voxels(
        foot[:, np.newaxis] + steps[np.newaxis, :, np.newaxis] * normal[:, np.newaxis]
    )
    return places, counted & met[:, np.newaxis]


def _filled(radius: np.ndarray, met: np.ndarray) -> np.ndarray:
    """Fill the rays that met no wall, (R,), from their neighbours round the circle."""
    rays = len(radius)
    known = np.flatnonzero(met)
    wrapped = np.concatenate([known - rays, known, known + rays])
    return np.asarray(np.interp(np.arange(rays), wrapped, np.tile(radius[known], 3)))


def _smooth(radius: np.ndarray) -> np.ndarray:
    """Smooth round the circle by a Gaussian, (R,) to (R,)."""
    rays = len(radius)
    place = np.arange(rays)
    away = np.minimum(place, rays - place) * 360.0 / rays
    weight = np.exp(-0.5 * (away / SMOOTH_DEGREES) ** 2)
    spectrum = np.fft.rfft(radius) * np.fft.rfft(weight / weight.sum())
    return np.asarray(np.fft.irfft(spectrum, rays))


def _read(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The voxels of a slice nearest to places, (..., 2); 0 outside."""
    i, j, inside = _nearest(image.shape, places)
    return np.asarray(np.where(inside, image[i, j], 0))


def _nearest(shape: tuple[int, ...], places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    nearest = np.floor(places + 0.5).astype(np.int32)
    i, j = nearest[..., 0], nearest[..., 1]
    inside = (i >= 0) & (i < shape[0]) & (j >= 0) & (j < shape[1])
    return np.where(inside, i, 0), np.where(inside, j, 0), inside


def _cut(
    tissue: np.ndarray, names: np.ndarray, places: np.ndarray, counted: np.ndarray, slice_index: int
) -> tuple[np.ndarray, ...]:
    """Read one slice, (I, J), along its chords, (R, S, 2); columns of Chords, lengths in samples."""
    i, j, inside = _nearest(tissue.shape, places)
    seen = np.where(inside & counted, tissue[i, j], 0)
    wall, scar = np.isin(seen, MYOCARDIUM), np.isin(seen, INFARCT)
    depth = np.cumsum(wall, axis=1)
    total = depth[:, -1]
    rows = np.flatnonzero(total > 0)
    middle = np.argmax(2 * depth[rows] >= total[rows, np.newaxis], axis=1)
    segment = names[i[rows, middle], j[rows, middle]].astype(np.uint8)
    inner = np.asarray((scar & (3 * depth <= total[:, np.newaxis])).any(axis=1))
    return (np.full(len(rows), slice_index), total[rows], scar.sum(axis=1)[rows], inner[rows], segment)
