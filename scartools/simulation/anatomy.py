"""The shape of a heart in its own frame: left ventricle, right ventricle, AHA segments.

Heart frame, millimetres: `s` towards the middle of the septum, `a` towards the anterior wall, `b` from apex to
base along the long axis; (s, a, b) is right-handed. b = 0 is the end of the cavity, b = length the base plane.
The AHA angle is atan2(s, a): 0 at the middle of the anterior wall, 90 degrees at the middle of the septum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

OUTFLOW_DEG = 70.0  # AHA angle of the outflow tract, where the basal ring is open
OUTFLOW_HALF_WIDTH_DEG = 32.0
RV_ABOVE_BASE_MM = 6.0  # the right ventricle is followed this far above the base plane
THINNING_STEP_DEG, THINNING_STEP_MM = 2.0, 1.0
THINNING_SMOOTH_DEG, THINNING_SMOOTH_MM = (
    10.0,
    5.0,
)  # SD over which a thinned wall passes into the wall beside it
FloatArray = np.ndarray


@dataclass(frozen=True)
class Relief:
    """How the outlines of a measured heart depart from the smooth ones: factors on the radii.

    inner, outer    float64 (A, L), endocardium and epicardium; A equal steps of the AHA angle from 0, L levels
    first_level_mm  b of the first level; beyond the first and the last the factors stay what they are there
    level_step_mm   from level to level
    """

    inner: np.ndarray
    outer: np.ndarray
    first_level_mm: float
    level_step_mm: float


@dataclass(frozen=True)
class HeartShape:
    """One heart. Millimetres, degrees (AHA angle) and fractions."""

    cavity_length_mm: float
    cavity_radius_mm: float  # at the widest level
    widest_level_mm: float  # above the end of the cavity
    profile_exponent: float
    ellipticity: float  # amplitude of the second harmonic of the outline, fraction of the radius
    ellipticity_deg: float
    triangularity: float  # third harmonic
    triangularity_deg: float
    free_wall_mm: float
    septal_wall_mm: float
    apex_wall_mm: float
    open_ring_height_mm: float  # 0: the wall ends at the base plane all around
    septum_half_width_deg: float
    rv_width_mm: float
    rv_apex_mm: float  # the right ventricle begins here, b
    rv_wall_mm: float
    fat_mm: float
    thinned: tuple[
        tuple[tuple[int, ...], float], ...
    ] = ()  # AHA segments, and the part of their wall that is lost
    relief: Relief | None = field(default=None, compare=False)  # of a measured heart


def _profile(b: FloatArray, centre: float, half_length: float, exponent: float) -> FloatArray:
    """Radius of a superellipse of revolution over its largest radius, 0 beyond its end."""
    x = np.minimum(np.abs(b - centre) / half_length, 1.0)
    return (1.0 - x**exponent) ** (1.0 / exponent)


def base_over_widest(widest_fraction: float, exponent: float) -> float:
    """Cavity radius at the base plane over the largest, for a widest level at this fraction of the length."""
    return float(_profile(np.array(1.0), widest_fraction, widest_fraction, exponent))


def _outline(shape: HeartShape, theta: FloatArray) -> FloatArray:
    """Cavity radius at the widest level, mm, at an AHA angle in radians."""
    second = shape.ellipticity * np.cos(2 * theta - np.float32(np.radians(2 * shape.ellipticity_deg)))
    third = shape.triangularity * np.cos(3 * theta - np.float32(np.radians(3 * shape.triangularity_deg)))
    return shape.cavity_radius_mm * (1.0 + second + third)


def _factor(shape: HeartShape, outline: str, theta: FloatArray, b: FloatArray) -> FloatArray | float:
    """What the relief of a measured heart makes of a radius; `outline` is inner or outer."""
    relief = shape.relief
    if relief is None:
        return 1.0
    factors = relief.inner if outline == "inner" else relief.outer
    turn, level = np.broadcast_arrays(theta, b)
    rows = np.degrees(turn) % 360.0 / 360.0 * factors.shape[0]
    columns = np.clip((level - relief.first_level_mm) / relief.level_step_mm, 0.0, factors.shape[1] - 1.0)
    places = np.stack([rows.ravel(), columns.ravel()])
    found = map_coordinates(factors, places, order=1, mode="grid-wrap", prefilter=False)
    return np.asarray(found).reshape(turn.shape)


def septal_angle(theta: FloatArray) -> FloatArray:
    """Signed degrees from the middle of the septum, -180 to 180, of AHA angles in radians."""
    return (np.degrees(theta) - 90.0 + 180.0) % 360.0 - 180.0


def _wall(shape: HeartShape, theta: FloatArray) -> FloatArray:
    """Wall thickness at the widest level, mm: the septum passes smoothly into the free wall."""
    beyond = np.abs(septal_angle(theta)) - shape.septum_half_width_deg
    septal = 1.0 / (1.0 + np.exp(np.clip(beyond / 8.0, -30.0, 30.0)))
    return shape.free_wall_mm + (shape.septal_wall_mm - shape.free_wall_mm) * septal


def endocardium(shape: HeartShape, theta: FloatArray, b: FloatArray) -> FloatArray:
    """Radius of the endocardium, mm, at AHA angles in radians and levels b in mm; 0 beyond the cavity's end."""
    widest = shape.widest_level_mm
    smooth = _outline(shape, theta) * _profile(b, widest, widest, shape.profile_exponent)
    return smooth * _factor(shape, "inner", theta, b)


@lru_cache(maxsize=64)
def _thinning(shape: HeartShape) -> tuple[FloatArray, float]:
    """Part of the wall that is kept, float32 (angle, level), 1 where nothing is lost, and the first level in mm."""
    first = -shape.apex_wall_mm - 4.0 * THINNING_SMOOTH_MM
    theta = np.radians(np.arange(0.0, 360.0, THINNING_STEP_DEG))[:, None]
    b = np.arange(first, cavity_top(shape) + 4.0 * THINNING_SMOOTH_MM, THINNING_STEP_MM)[None, :]
    theta, b = np.broadcast_arrays(theta, np.minimum(b, shape.cavity_length_mm))
    segment = aha_segment(shape, theta, b)
    lost = np.zeros(segment.shape)
    for segments, fraction in shape.thinned:
        lost = np.maximum(lost, fraction * np.isin(segment, segments))
    sigma = (THINNING_SMOOTH_DEG / THINNING_STEP_DEG, THINNING_SMOOTH_MM / THINNING_STEP_MM)
    return (1.0 - gaussian_filter(lost, sigma, mode=("wrap", "nearest"))).astype(np.float32), first


def wall_kept(shape: HeartShape, theta: FloatArray, b: FloatArray) -> FloatArray:
    """Part of the wall that old scar has left, 0 to 1, of the shape of theta and b together."""
    theta, b = np.broadcast_arrays(theta, b)
    if not shape.thinned:
        return np.ones(theta.shape, np.float32)
    kept, first = _thinning(shape)
    where = np.stack([np.degrees(theta) % 360.0 / THINNING_STEP_DEG, (b - first) / THINNING_STEP_MM])
    where = where.reshape(2, -1)
    # Above and below the grid the wall goes on as at its end.
    where[1] = np.clip(where[1], 0.0, kept.shape[1] - 1.0)
    return map_coordinates(kept, where, order=1, mode="grid-wrap", prefilter=False).reshape(theta.shape)


def epicardium(shape: HeartShape, theta: FloatArray, b: FloatArray) -> FloatArray:
    """Radius of the epicardium, mm; 0 beyond the apex. The wall thins to `apex_wall_mm` on the axis, and where it
    is scarred through and old."""
    widest = shape.widest_level_mm
    outline = _outline(shape, theta) + _wall(shape, theta)
    outer = outline * _profile(b, widest, widest + shape.apex_wall_mm, shape.profile_exponent)
    outer = outer * _factor(shape, "outer", theta, b)
    if not shape.thinned:
        return outer
    inner = endocardium(shape, theta, b)
    return inner + (outer - inner) * wall_kept(shape, theta, b)


def wall_thickness(shape: HeartShape, theta: FloatArray, b: FloatArray) -> FloatArray:
    """Thickness of the wall, mm, along a radius of the short axis; beyond the cavity that on the axis."""
    radial = epicardium(shape, theta, b) - endocardium(shape, theta, b)
    on_axis = shape.apex_wall_mm * wall_kept(shape, theta, b)
    return np.where(b < 0.1 * shape.cavity_length_mm, np.minimum(radial, on_axis), radial).clip(min=1.0)


def wall_top(shape: HeartShape, theta: FloatArray) -> FloatArray:
    """Level b, mm, at which the wall ends: the base plane, or above it away from the outflow tract."""
    away = np.abs((np.degrees(theta) - OUTFLOW_DEG + 180.0) % 360.0 - 180.0)
    x = np.clip((away - OUTFLOW_HALF_WIDTH_DEG) / 25.0, 0.0, 1.0)
    return shape.cavity_length_mm + shape.open_ring_height_mm * x * x * (3.0 - 2.0 * x)


def cavity_top(shape: HeartShape) -> float:
    """Level b, mm, up to which blood counts as LV pool."""
    return shape.cavity_length_mm + shape.open_ring_height_mm


def wall_depth(
    shape: HeartShape, theta: FloatArray, r: FloatArray, b: FloatArray, endo: FloatArray, epi: FloatArray
) -> FloatArray:
    """Depth in the wall, 0 at the endocardium and 1 at the epicardium.

    Along a radius of the short axis; in the lowest fifth of the cavity and beyond, where a radius runs along
    the wall, it passes smoothly into the fraction between the two closed shells.
    """
    radial = (r - endo) / np.maximum(epi - endo, 1e-3)
    low = b < 0.2 * shape.cavity_length_mm
    if not low.any():
        return radial
    widest, exponent = shape.widest_level_mm, shape.profile_exponent
    outline = _outline(shape, theta[low])
    outer = (outline + _wall(shape, theta[low])) * _factor(shape, "outer", theta[low], b[low])
    outline = outline * _factor(shape, "inner", theta[low], b[low])
    below = np.abs(b[low] - widest)

    def shell(half_length: float, radius: FloatArray) -> FloatArray:
        return ((below / half_length) ** exponent + (r[low] / radius) ** exponent) ** (1.0 / exponent)

    from_endo = np.maximum(shell(widest, outline) - 1.0, 0.0) * widest
    from_epi = np.maximum(1.0 - shell(widest + shape.apex_wall_mm, outer), 0.0) * (widest + shape.apex_wall_mm)
    by_shell = from_endo / np.maximum(from_endo + from_epi, 1e-6)
    if shape.thinned:
        by_shell = np.minimum(by_shell / wall_kept(shape, theta[low], b[low]), 1.0)
    weight = np.clip(b[low] / (0.2 * shape.cavity_length_mm), 0.0, 1.0)
    radial[low] = weight * radial[low] + (1.0 - weight) * by_shell
    return radial


def rv_level(shape: HeartShape, theta: FloatArray, r: FloatArray, b: FloatArray, epi: FloatArray) -> FloatArray:
    """Signed distance in mm, roughly, to the right ventricular cavity's outer surface; negative inside it.

    In coordinates divided by the LV epicardial radius the LV is the unit circle and the RV an ellipse through
    both insertions, so that the contact arc is the septum's exactly at every level. For points outside the LV.
    """
    fraction = (b - shape.rv_apex_mm) / (shape.cavity_length_mm - shape.rv_apex_mm)
    fraction = np.clip(fraction, 0.0, 1.0)
    width = shape.rv_width_mm * np.sqrt(fraction * (2.0 - fraction)) / np.maximum(epi, 1.0)
    half = np.radians(shape.septum_half_width_deg)
    height = np.sin(half) * (1.0 + 0.28 * width)
    k = np.sqrt(np.maximum(1.0 - (np.sin(half) / height) ** 2, 0.0))
    semi = (1.0 + width - np.cos(half)) / (1.0 + k)
    centre = np.cos(half) + k * semi
    relative = r / np.maximum(epi, 1.0)
    x = (relative * np.sin(theta) - centre) / semi
    y = relative * np.cos(theta) / height
    level = (np.sqrt(x * x + y * y) - 1.0) * semi * epi
    outside = (b <= shape.rv_apex_mm) | (b > shape.cavity_length_mm + RV_ABOVE_BASE_MM)
    return np.where(outside, 1e3, level)


def aha_segment(shape: HeartShape, theta: FloatArray, b: FloatArray) -> np.ndarray:
    """AHA segment 1-17 of wall points, uint8; 0 above the base plane, where the ring is not complete.

    Rings are equal thirds of the cavity length, 17 is the wall beyond the cavity's end. Sectors are half-open.
    Cerqueira et al., Circulation 2002;105:539, doi:10.1161/hc0402.102975.
    """
    degrees = np.degrees(theta)
    sixth = ((degrees + 30.0) % 360.0 / 60.0).astype(np.uint8) % 6
    quarter = ((degrees + 45.0) % 360.0 / 90.0).astype(np.uint8) % 4
    third = shape.cavity_length_mm / 3.0
    segment = np.where(b >= 2 * third, 1 + sixth, 7 + sixth)
    segment = np.where(b < third, 13 + quarter, segment)
    segment = np.where(b < 0, 17, segment)
    return np.where(b > shape.cavity_length_mm, 0, segment).astype(np.uint8)


def solid_volumes(
    shape: HeartShape, *, from_mm: float = -np.inf, to_mm: float = np.inf, step_mm: float = 0.25
) -> dict[str, float]:
    """Volumes of the solids in mL between two levels, integrated over angle and level.

    shape    the heart
    from_mm, to_mm  levels b; the whole heart unless given, an imaged part otherwise
    Returns  `pool`, `myocardium`, and `ring`, the part of the myocardium that is not above the base plane.
    """
    theta = np.radians(np.arange(0.5, 360.0, 1.0))[:, None]
    bottom, top = max(-shape.apex_wall_mm, from_mm), min(cavity_top(shape), to_mm)
    count = max(round((top - bottom) / step_mm), 1)
    step = max(top - bottom, 0.0) / count
    b = (bottom + step * (np.arange(count) + 0.5))[None, :]
    cell = np.radians(1.0) * step / 1000.0
    endo, epi = endocardium(shape, theta, b), epicardium(shape, theta, b)
    wall = (epi**2 - endo**2) / 2 * cell * (b <= wall_top(shape, theta))
    ring = wall * (b <= shape.cavity_length_mm)
    return {
        "pool": float((endo**2 / 2 * cell).sum()),
        "myocardium": float(wall.sum()),
        "ring": float(ring.sum()),
    }
