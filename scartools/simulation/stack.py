"""Where the heart lies in the patient, and the short-axis stack that images it.

World frame: RAS+ millimetres. Directions of the heart: B = unit(apex to base), S = unit(to the middle of the
septum), A = B x S, so that (S, A, B) is right-handed and the AHA angle is atan2(d.S, d.A).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scartools.simulation.anatomy import HeartShape
from scartools.simulation.population import Population

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Pose:
    """Position and directions of the heart in the world, RAS+ mm and unit vectors."""

    cavity_end_mm: Vector  # the end of the cavity at the apex: b = 0 on the long axis
    septum: Vector
    anterior: Vector
    base: Vector


@dataclass(frozen=True)
class Stack:
    """A short-axis stack. The affine maps voxel indices to RAS+ mm."""

    shape: tuple[int, int, int]
    pixel_mm: float
    step_mm: float  # centre to centre of neighbouring slices
    thickness_mm: float  # of the slab a slice averages; less than the step when there is a gap
    affine: tuple[tuple[float, ...], ...]  # (4, 4)
    shifts_mm: tuple[tuple[float, float], ...]  # per slice, along the first and second axis: breathing
    tilt_deg: float  # between the stack's normal and the long axis
    in_plane_rotation_deg: float
    apex_first: bool
    left_handed: bool

    def affine_array(self) -> np.ndarray:
        """The affine, float64 (4, 4)."""
        return np.array(self.affine, dtype=np.float64)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.sqrt((vector * vector).sum())


def _turn(vector: np.ndarray, axis: np.ndarray, degrees: float) -> np.ndarray:
    """Rotate a vector about a unit axis (Rodrigues)."""
    angle = np.radians(degrees)
    along = axis * (axis * vector).sum() * (1.0 - np.cos(angle))
    return vector * np.cos(angle) + np.cross(axis, vector) * np.sin(angle) + along


def _vector(values: np.ndarray) -> Vector:
    return (float(values[0]), float(values[1]), float(values[2]))


def draw_pose(rng: np.random.Generator, population: Population) -> Pose:
    """Draw position and directions: the population's mean directions, tilted and rolled."""
    base = _unit(-np.array(population.apex_direction_ras, dtype=float))
    septum = np.array(population.septum_direction_ras, dtype=float)
    septum = _unit(septum - base * (base * septum).sum())
    anterior = np.cross(base, septum)
    scatter = population.long_axis_scatter_deg
    for axis, degrees in (
        (septum, rng.normal(0.0, scatter)),
        (anterior, rng.normal(0.0, scatter)),
        (base, rng.normal(0.0, population.roll_scatter_deg)),
    ):
        base, septum = _unit(_turn(base, axis, degrees)), _unit(_turn(septum, axis, degrees))
    septum = _unit(septum - base * (base * septum).sum())
    centre = rng.normal(0.0, population.centre_scatter_mm, 3) + np.array([-45.0, 30.0, -20.0])
    return Pose(_vector(centre), _vector(septum), _vector(np.cross(base, septum)), _vector(base))


def _slice_levels(
    rng: np.random.Generator, population: Population, shape: HeartShape, step: float, tilt_cosine: float
) -> tuple[float, int]:
    """Level b in mm where the stack's axis crosses the centre of the most basal slice, and the slice count.

    The reader plans from the base plane, which comes to lie at the edge of a slice, give or take a little.
    """
    above = int(population.slices_above_base[int(rng.integers(len(population.slices_above_base)))])
    along = step / tilt_cosine
    top = shape.cavity_length_mm + rng.normal(0.0, population.base_slice_scatter_mm) + above * along
    to_apex = bool(rng.random() < population.apex_imaged_fraction)
    end = -shape.apex_wall_mm if to_apex else 3.0
    slices = (top - end) / along
    count = int(np.ceil(slices - 0.25)) if to_apex else int(np.floor(slices + 0.35))
    return top - along / 2, max(count, 3)


def draw_stack(rng: np.random.Generator, population: Population, shape: HeartShape, pose: Pose) -> Stack:
    """Draw the grid: tilt, rotation, order of the slices, handedness, coverage, breathing."""
    pixel = population.pixel_mm.draw(rng)
    step = float(population.slice_step_mm[int(rng.integers(len(population.slice_step_mm)))])
    thickness = min(8.0, step) if rng.random() < population.gap_fraction else step
    base, septum, anterior = (np.array(v) for v in (pose.base, pose.septum, pose.anterior))
    normal = _unit(_turn(base, septum, rng.normal(0.0, population.stack_tilt_deg)))
    normal = _unit(_turn(normal, anterior, rng.normal(0.0, population.stack_tilt_deg)))
    cosine = float((normal * base).sum())
    basal, count = _slice_levels(rng, population, shape, step, cosine)
    # 0 degrees: seen from the apex, the first axis points from the septum to the lateral wall, the second down.
    rotation = population.in_plane_rotation_deg.draw(rng)
    first = _unit(_turn(_unit(-septum + normal * (septum * normal).sum()), normal, rotation))
    apex_first = bool(rng.random() < population.apex_first_fraction)
    left_handed = bool(rng.random() < population.left_handed_fraction)
    third = normal if apex_first else -normal
    second = np.cross(third, first) * (-1.0 if left_handed else 1.0)
    # The stack turns about the long axis at mid cavity, so that tilted slices stay centred on the heart.
    middle = np.array(pose.cavity_end_mm) + base * shape.cavity_length_mm / 2.0
    basal_centre = middle + normal * (basal - shape.cavity_length_mm / 2.0) * cosine
    start = basal_centre - normal * step * (count - 1) if apex_first else basal_centre
    field_shift = rng.normal(0.0, population.field_centre_scatter_mm, 2)
    # The field is centred between both ventricles, towards the septum.
    middle_shift = septum * 12.0
    corner = start + middle_shift + first * field_shift[0] + second * field_shift[1]
    nx, ny = population.matrix
    origin = corner - first * pixel * (nx - 1) / 2.0 - second * pixel * (ny - 1) / 2.0
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2], affine[:3, 3] = (
        first * pixel,
        second * pixel,
        third * step,
        origin,
    )
    shifts = rng.normal(0.0, population.breathing_shift_mm, (count, 2))
    return Stack(
        shape=(nx, ny, count),
        pixel_mm=pixel,
        step_mm=step,
        thickness_mm=thickness,
        affine=tuple(tuple(float(value) for value in row) for row in affine),
        shifts_mm=tuple((float(x), float(y)) for x, y in shifts),
        tilt_deg=float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))),
        in_plane_rotation_deg=rotation,
        apex_first=apex_first,
        left_handed=left_handed,
    )


def heart_steps(pose: Pose, stack: Stack) -> tuple[np.ndarray, np.ndarray]:
    """The voxel grid in the heart frame: start (3,) and steps (3, 3) mm, one column per voxel axis."""
    affine = stack.affine_array()
    axes = np.array([pose.septum, pose.anterior, pose.base])  # (3, 3), a row per heart direction
    steps = (axes[:, :, None] * affine[None, :3, :3]).sum(axis=1)
    start = (axes * (affine[:3, 3] - np.array(pose.cavity_end_mm))).sum(axis=1)
    return start, steps
