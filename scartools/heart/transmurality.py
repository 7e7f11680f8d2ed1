"""How far scar reaches through the wall, along radial chords of the short-axis slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scartools.errors import InputError
from scartools.heart.nomenclature import INFARCT, MYOCARDIUM
from scartools.heart.slices import left_ventricle, measure_slices
from scartools.heart.stack import Stack, read_stack

SAMPLES_PER_PIXEL = 5  # along a chord, of the shorter voxel edge
FEWEST_CHORDS = 8


@dataclass(frozen=True)
class Chords:
    """Radial chords from the centre of each slice outwards; chords that meet no wall are left out.

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
        return np.asarray(100.0 * self.scar_mm / self.wall_mm)


def radial_chords(
    mask: np.ndarray, affine: np.ndarray, *, segments: np.ndarray | None = None, chords: int = 100
) -> Chords:
    """Cut each slice that shows a cavity along evenly spaced rays from the centroid of its LV pool.

    mask      integer (X, Y, Z), labels 0-5 and 255; scar is 3 and 4
    affine    float (4, 4), voxel index to RAS+ mm; voxels need not be square
    segments  uint8 (X, Y, Z), AHA segments, or None
    chords    rays a slice
    The wall of a chord is its length inside the myocardium, by samples a fifth of a voxel apart. Slices
    without a cavity have no chords: there a ray in the slice does not cross the wall from inside to outside.
    Raises InputError for too few chords, or what read_stack refuses.
    A hundred chords, as in the centreline method: Sheehan et al., Circulation 1986;74:293,
    doi:10.1161/01.cir.74.2.293.
    """
    if chords < FEWEST_CHORDS:
        raise InputError(f"{chords} chords a slice are too few", remedy=f"Use at least {FEWEST_CHORDS}")
    stack = read_stack(mask, affine)
    slices = measure_slices(stack)
    body = left_ventricle(stack.labels)
    labels = np.where(body, stack.labels, 0)
    names = np.zeros_like(labels) if segments is None else np.moveaxis(segments, stack.slice_axis, 2)[stack.box]
    steps = _steps(stack, float(slices.radius_mm.max()), chords)  # (chords, samples, 2) voxels
    into_voxels = np.linalg.pinv(stack.affine[:3, :2])  # (2, 3)
    parts = []
    for k in np.flatnonzero(slices.cavity & slices.ventricle).tolist():
        middle = into_voxels @ (slices.centre[k] - stack.affine[:3, 3] - k * stack.affine[:3, 2])
        parts.append(_cut(labels[:, :, k], names[:, :, k], middle + steps, k + stack.first_slice))
    step_mm = _step_mm(stack)
    if not parts:
        return Chords(*(np.zeros(0, dtype=kind) for kind in (int, float, float, bool, np.uint8)))
    slice_index, wall, scar, inner, segment = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Chords(slice_index, wall * step_mm, scar * step_mm, inner, segment)


def _step_mm(stack: Stack) -> float:
    return float(np.linalg.norm(stack.affine[:3, :2], axis=0).min()) / SAMPLES_PER_PIXEL


def _steps(stack: Stack, reach_mm: float, chords: int) -> np.ndarray:
    """Offsets of the samples of all chords, float64 (chords, samples, 2), in voxels of the slice."""
    first = stack.affine[:3, 0] / np.linalg.norm(stack.affine[:3, 0])
    second = np.cross(stack.normal, first)
    # Half a step off the voxel axes: a ray along a row of voxels would run on their borders.
    turn = 2 * np.pi * (np.arange(chords) + 0.5) / chords
    directions = np.cos(turn)[:, np.newaxis] * first + np.sin(turn)[:, np.newaxis] * second  # (chords, 3)
    step = _step_mm(stack)
    distances = step * (np.arange(int(np.ceil((reach_mm + stack.pixel_mm) / step))) + 0.5)
    flat = directions @ np.linalg.pinv(stack.affine[:3, :2]).T  # (chords, 2) voxels a mm
    return np.asarray(distances[np.newaxis, :, np.newaxis] * flat[:, np.newaxis, :])


def _cut(labels: np.ndarray, names: np.ndarray, places: np.ndarray, slice_index: int) -> tuple[np.ndarray, ...]:
    """Read one slice, (I, J), along its chords, (chords, samples, 2); columns of Chords, lengths in samples."""
    nearest = np.floor(places + 0.5).astype(int)
    inside = ((nearest >= 0) & (nearest < labels.shape)).all(axis=2)
    i, j = np.where(inside, nearest[..., 0], 0), np.where(inside, nearest[..., 1], 0)
    seen = np.where(inside, labels[i, j], 0)
    wall, scar = np.isin(seen, MYOCARDIUM), np.isin(seen, INFARCT)
    depth = np.cumsum(wall, axis=1)
    total = depth[:, -1]
    rows = np.flatnonzero(total > 0)
    middle = np.argmax(2 * depth[rows] >= total[rows, np.newaxis], axis=1)
    segment = names[i[rows, middle], j[rows, middle]].astype(np.uint8)
    inner = np.asarray((scar & (3 * depth <= total[:, np.newaxis])).any(axis=1))
    return (np.full(len(rows), slice_index), total[rows], scar.sum(axis=1)[rows], inner[rows], segment)
