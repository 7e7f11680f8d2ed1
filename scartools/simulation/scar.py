"""Ischaemic scar: which segments an occluded artery takes, and how deep the wave-front runs.

The wave-front of ischaemic necrosis starts at the endocardium and moves towards the epicardium (Reimer &
Jennings, Lab Invest 1979;40:633), so a scar is a depth field over the wall: scar where the depth in the wall,
0 to 1, is below the field. The field is zero outside the chosen segments: a scar never spills into another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates

from scartools.simulation.anatomy import HeartShape, aha_segment

# Segments by artery, the whole territory first (Cerqueira 2002), then branches and distal occlusions.
TERRITORY_VARIANTS: dict[str, tuple[tuple[int, ...], ...]] = {
    "LAD": (
        (1, 2, 7, 8, 13, 14, 17),
        (7, 8, 13, 14, 17),
        (13, 14, 17),
        (1, 7, 13),
        (2, 8, 14),
        (13, 14, 15, 16, 17),
        (8, 14),
    ),
    "RCA": ((3, 4, 9, 10, 15), (4, 10, 15), (4, 10), (3, 4, 9, 10), (4,), (10, 15)),
    "LCX": ((5, 6, 11, 12, 16), (5, 11), (5, 11, 16), (6, 12), (11, 12, 16), (5,)),
}
TERRITORY_WEIGHTS = {"LAD": 0.45, "RCA": 0.33, "LCX": 0.22}
ANGLE_STEP_DEG = 1.0
LEVEL_STEP_MM = 1.0
NO_REFLOW_START, NO_REFLOW_END = 0.12, 0.62  # of the depth of the scar
UNEVENNESS = 0.25  # the wave-front is up to this fraction shallower than its deepest point
PLATEAU = 0.85  # above this fraction of its peak the wave-front is level


@dataclass(frozen=True)
class Scar:
    """One scar. `transmural_extent` is its deepest point, 0 endocardium to 1 epicardium."""

    territory: str
    segments: tuple[int, ...]
    transmural_extent: float
    border_inset_mm: float  # from the border of the segments to where the scar begins, on average
    border_taper_mm: float  # over which the depth rises
    no_reflow: bool
    focal: (
        tuple[float, float, float] | None
    )  # centre AHA angle deg, level mm, radius mm; None: the segments whole
    texture_seed: int


@dataclass(frozen=True)
class DepthField:
    """Depth of the scars over the wall: `depth`, and `core` where a no-reflow core may lie (0 or 1)."""

    depth: np.ndarray  # (angle, level) float32, periodic in the angle
    core: np.ndarray  # (angle, level) float32
    first_level_mm: float


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], sigma: tuple[float, float]) -> np.ndarray:
    """Smooth random field with values 0 to 1, periodic along the first axis."""
    field = gaussian_filter(rng.standard_normal(shape), sigma, mode=("wrap", "nearest"))
    field -= field.min()
    return field / max(float(field.max()), 1e-12)


def _inner_distance(inside: np.ndarray, angle_mm: float) -> np.ndarray:
    """Distance in mm from each inside cell to the nearest cell outside, on the unrolled wall."""
    if inside.all():
        return np.full(inside.shape, 1e3)
    tiled = np.concatenate([inside, inside, inside])
    distance = distance_transform_edt(tiled, sampling=(angle_mm, LEVEL_STEP_MM))
    return distance[inside.shape[0] : 2 * inside.shape[0]]


def _one_field(
    shape: HeartShape, scar: Scar, theta: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Depth and core of one scar on the unrolled wall; theta (A, 1) radians, b (1, B) mm."""
    rng = np.random.default_rng(scar.texture_seed)
    grid_theta, grid_b = np.broadcast_arrays(theta, b)
    allowed = np.isin(aha_segment(shape, grid_theta, grid_b), scar.segments)
    # In a heart without an open ring the base plane is no border: the scar runs on to the end of the wall.
    if shape.open_ring_height_mm == 0:
        below = np.minimum(grid_b, shape.cavity_length_mm)
        allowed = np.isin(aha_segment(shape, grid_theta, below), scar.segments)
    # Bilinear interpolation reaches one cell: cells beside one outside stay empty, so nothing spills over.
    safe = _inner_distance(allowed, 1.0) > 1.5
    region = allowed
    # One mean radius of the wall turns angles into mm: borders are irregular by more than this is wrong.
    radius = 0.8 * (shape.cavity_radius_mm + shape.free_wall_mm / 2)
    if scar.focal is not None:
        angle, level, focal_radius = scar.focal
        across = np.radians((np.degrees(grid_theta) - angle + 180.0) % 360.0 - 180.0) * radius
        region = allowed & (np.hypot(across, grid_b - level) < focal_radius)
    distance = _inner_distance(region, np.radians(ANGLE_STEP_DEG) * radius)
    border = smooth_noise(rng, region.shape, (7.0, 6.0))
    front = smooth_noise(rng, region.shape, (14.0, 11.0))
    inset = np.maximum(2.0 * scar.border_inset_mm * border, 0.5)
    x = np.clip((distance - inset) / scar.border_taper_mm, 0.0, 1.0)
    depth = x * x * (3.0 - 2.0 * x) * (1.0 - UNEVENNESS * front)
    depth = np.where(safe, depth, 0.0)
    peak = float(depth.max())
    if peak > 0:
        depth = scar.transmural_extent * np.minimum(depth / (PLATEAU * peak), 1.0)
    core = (distance > inset + scar.border_taper_mm + 3.0) & scar.no_reflow & safe
    return depth, core


def depth_field(shape: HeartShape, scars: tuple[Scar, ...]) -> DepthField:
    """The depth of all scars of a heart over its unrolled wall, 1 degree by 1 mm."""
    theta = np.radians(np.arange(0.0, 360.0, ANGLE_STEP_DEG))[:, None]
    first = -shape.apex_wall_mm - LEVEL_STEP_MM
    top = shape.cavity_length_mm + shape.open_ring_height_mm + 8.0
    b = np.arange(first, top, LEVEL_STEP_MM)[None, :]
    depth = np.zeros((theta.size, b.size))
    core = np.zeros(depth.shape)
    for scar in scars:
        own_depth, own_core = _one_field(shape, scar, theta, b)
        core = np.where(own_depth > depth, own_core, core)
        depth = np.maximum(depth, own_depth)
    return DepthField(depth.astype(np.float32), core.astype(np.float32), first)


def scar_class(field: DepthField, theta: np.ndarray, b: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Label of wall points, uint8 (N,): 2 healthy, 3 scar, 4 no-reflow.

    theta (N,) AHA angle in radians; b (N,) level in mm; depth (N,) depth in the wall, 0 to 1.
    """
    where = np.stack([np.degrees(theta) % 360.0 / ANGLE_STEP_DEG, (b - field.first_level_mm) / LEVEL_STEP_MM])
    reach = map_coordinates(field.depth, where, order=1, mode="grid-wrap", prefilter=False)
    core = map_coordinates(field.core, where, order=1, mode="grid-wrap", prefilter=False)
    label = np.where(depth < reach, 3, 2)
    no_reflow = (core > 0.5) & (depth > NO_REFLOW_START * reach) & (depth < NO_REFLOW_END * reach)
    return np.where(no_reflow, 4, label).astype(np.uint8)
