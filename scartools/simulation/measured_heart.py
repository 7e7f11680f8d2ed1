"""A voxel heart fitted to a segmentation: its own long axis and septum, its own outlines, its own scar.

The smooth ventricle of `anatomy` is fitted to the mean radii of the slices, which gives the length where the apex
was not imaged; a relief carries how each slice departs from it. The right ventricle keeps the form of `anatomy`
with the arc of contact, the width and the lowest slice that the labels show. Scar lies where the mask has it,
mid-wall and epicardial scar too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import least_squares

from scartools.errors import GeometryError
from scartools.heart.segments import Segments
from scartools.heart.slices import Slices, measure_slices, voxels_in_world
from scartools.heart.stack import Stack, read_stack
from scartools.simulation import anatomy
from scartools.simulation.activation import SUBSAMPLES, VoxelHeart, voxel_heart
from scartools.simulation.anatomy import HeartShape, Relief
from scartools.simulation.measured_wall import ANGLES, Axes, UnrolledWall, heart_axes, scar_at, unroll_wall
from scartools.simulation.scar import depth_field
from scartools.simulation.stack import Pose

FEWEST_SLICES = 3
PLAUSIBLE_RADIUS_MM = (10.0, 60.0)  # of the cavity, from a small woman to the largest aneurysm
LEAST_WALL_MM = 1.5
RELIEF_STEP_MM = 2.0
LARGEST_FACTOR = 1.35  # of a measured radius over the smooth one
SMALLEST_RADIUS_MM = 6.0  # nearer to the end of the cavity a factor on the radius says nothing
SMOOTH_RAYS = 1.5  # SD, in rays, over the steps of voxels
_EXPONENT = 2.15  # of the profile: the middle of the population's
_ROUND_MM = 4


@dataclass(frozen=True)
class FittedHeart:
    """A segmentation as the electrical model sees it.

    heart   voxels of both ventricles with the scar of the mask
    shape   the outlines, relief included
    pose    directions as the affine states them
    facts   for the sidecar: what was measured and what was assumed
    """

    heart: VoxelHeart
    shape: HeartShape
    pose: Pose
    facts: dict[str, Any]


def fit_heart(
    mask: np.ndarray, affine: np.ndarray, segments: Segments, typical: HeartShape, spacing_mm: float = 3.0
) -> FittedHeart:
    """Fit a voxel heart to a segmentation.

    mask      integer (X, Y, Z), labels 0-5 and 255
    affine    float (4, 4), voxel index to RAS+ mm
    segments  of `label_segments`: says which slices are rings, which the cap, and where the septum is
    typical   what no label shows: right ventricle without label 5, fat
    Raises GeometryError for fewer than three rings and for sizes that no human ventricle has.
    """
    stack = read_stack(mask, affine)
    slices = measure_slices(stack)
    facts = segments.facts
    up = -1.0 if facts["BaseFirst"] else 1.0
    axes = heart_axes(np.array(facts["SeptumDirection"]), up * stack.normal)
    rings = [
        k for name in ("Apical", "Mid", "Basal") for k in sorted(facts["SlicesPerRing"][name], reverse=up < 0)
    ]
    cap = sorted(facts["SlicesPerRing"].get("Apex", []), reverse=up < 0)
    if len(rings) < FEWEST_SLICES:
        raise GeometryError(
            f"only {len(rings)} slices show a ring, and a heart is fitted to {FEWEST_SLICES} or more",
            remedy="Use --anatomy template",
        )
    chosen = np.array([*cap, *rings]) - stack.first_slice
    wall = unroll_wall(stack, slices, axes, chosen, np.arange(len(chosen)) >= len(cap))
    shape = _smooth_shape(wall, stack.step_mm, typical)
    shape, right = _right_ventricle(shape, stack, slices, axes, facts, wall)
    # Muscle above the first complete ring: the model's own open ring, as high as the slices that show one.
    above = [k for k in _above(slices, chosen, up) if slices.ventricle[k] and slices.covered[k] > 0.5]
    shape = replace(shape, open_ring_height_mm=round(min(len(above) * stack.step_mm, 14.0), _ROUND_MM))
    shape = _with_relief(shape, wall)
    heart = _with_scar(voxel_heart(shape, depth_field(shape, ()), spacing_mm), shape, wall, stack.step_mm)
    pose = Pose((0.0, 0.0, 0.0), _vector(axes.septum), _vector(axes.anterior), _vector(axes.base))
    found = {
        "CavityLength": shape.cavity_length_mm,
        "CavityLengthFrom": "apical cap" if cap else "profile of the cavity",
        "WallBeyondCavity": shape.apex_wall_mm,
        "RightVentricle": right,
        "ImagedSlices": [int(k) for k in wall.slice_index],
        "NotImaged": _not_imaged(shape, wall, stack.step_mm, bool(cap)),
    }
    return FittedHeart(heart, shape, pose, found)


def _above(slices: Slices, chosen: np.ndarray, up: float) -> list[int]:
    """Slices of the stack basal of the chosen ones."""
    edge = (up * slices.position_mm[chosen]).max()
    return np.flatnonzero(up * slices.position_mm > edge).tolist()


def _vector(values: np.ndarray) -> tuple[float, float, float]:
    return (float(values[0]), float(values[1]), float(values[2]))


def _smooth_shape(wall: UnrolledWall, step_mm: float, typical: HeartShape) -> HeartShape:
    """Fit the smooth ventricle to the mean radii of the slices; levels are mm below the base plane."""
    endo = np.round(np.sqrt((wall.endo**2).mean(axis=1)), 5)
    epi = np.round(np.sqrt((wall.epi**2).mean(axis=1)), 5)
    depth = -wall.level_mm
    rings = wall.cavity
    largest, thickness = float(endo[rings].max()), float(np.median((epi - endo)[rings]))
    if not PLAUSIBLE_RADIUS_MM[0] <= largest <= PLAUSIBLE_RADIUS_MM[1]:
        raise GeometryError(
            f"the cavity is {2 * largest:.3g} mm wide, which no human left ventricle is",
            remedy="Check the voxel size, or use --anatomy template, which needs none",
        )
    last = float(depth[rings].max()) + step_mm / 2  # the cavity reaches at least about here

    def radius(half_width: float, widest: float, half_length: float) -> np.ndarray:
        x = np.minimum(np.abs(depth - widest) / half_length, 1.0)
        return np.asarray(half_width * (1.0 - x**_EXPONENT) ** (1.0 / _EXPONENT))

    def misfit(values: np.ndarray) -> np.ndarray:
        """How far a ventricle of these five numbers is from the measured radii, mm, and from what is believed, SD; (N,)."""
        half_width, thick, part, length, apex = values
        widest = part * length
        inner = radius(half_width, widest, length - widest)
        outer = radius(half_width + thick, widest, length - widest + apex)
        wanted = (
            (length - last) / (step_mm / 2) if not rings.all() else (length - typical.cavity_length_mm) / 10.0
        )
        # Weak beliefs, in SDs of the population, beside the radii in mm.
        beliefs = [wanted, (part - 0.25) / 0.07, (apex - 5.5) / 1.5, (thick - thickness) / 2.0]
        return np.concatenate([(inner - endo)[rings], outer - epi, beliefs])

    start = [largest, thickness, 0.25, max(last + 3.0, 1.02 * last), 5.5]
    low = [0.7 * largest, 1.0, 0.0, last - 0.5 * step_mm, 2.0]
    high = [1.5 * largest, 30.0, 0.6, last + 45.0, 15.0]
    found = least_squares(
        misfit, np.clip(start, low, high), bounds=(low, high), x_scale=[5.0, 2.0, 0.1, 8.0, 2.0]
    )
    half_width, thick, part, length, apex = np.round(found.x, _ROUND_MM).tolist()
    return replace(
        typical,
        cavity_length_mm=length,
        cavity_radius_mm=half_width,
        widest_level_mm=round((1.0 - part) * length, _ROUND_MM),
        profile_exponent=_EXPONENT,
        ellipticity=0.0,
        triangularity=0.0,
        free_wall_mm=thick,
        septal_wall_mm=thick,
        apex_wall_mm=apex,
        open_ring_height_mm=0.0,
        thinned=(),  # where the wall is thin the relief has it
    )


def _right_ventricle(
    shape: HeartShape, stack: Stack, slices: Slices, axes: Axes, facts: dict[str, Any], wall: UnrolledWall
) -> tuple[HeartShape, str]:
    """Take what the RV's labels show: arc of contact, width at the base, lowest slice; and say where it came from."""
    rings = wall.slice_index[wall.cavity] - stack.first_slice
    widths, levels = [], []
    for k, level in zip(rings.tolist(), wall.level_mm[wall.cavity].tolist(), strict=True):
        if slices.rv_mm2[k] <= 0:
            continue
        reach = (voxels_in_world(stack, slices.mended.rv[:, :, k], k) - slices.centre[k]) @ axes.septum
        epi = float(
            np.interp(
                90.0,
                360.0 * (np.arange(ANGLES) + 0.5) / ANGLES,
                wall.epi[wall.slice_index == k + stack.first_slice][0],
            )
        )
        widths.append(float(np.percentile(reach, 99.5)) - epi)
        levels.append(shape.cavity_length_mm + level)
    if not widths:
        fraction = shape.cavity_length_mm / 84.0
        return replace(
            shape,
            rv_apex_mm=round(0.2 * shape.cavity_length_mm, _ROUND_MM),
            rv_width_mm=round(33.0 * fraction, _ROUND_MM),
        ), "typical"
    arc = facts.get("SeptalArcDegrees")
    middle = arc.get("Mid") if isinstance(arc, dict) else arc
    half = shape.septum_half_width_deg if middle is None else float(np.clip(middle / 2.0, 40.0, 75.0))
    lowest = min(levels) - stack.step_mm / 2
    return replace(
        shape,
        septum_half_width_deg=round(half, _ROUND_MM),
        rv_width_mm=round(float(np.clip(max(widths), 10.0, 70.0)), _ROUND_MM),
        rv_apex_mm=round(
            float(np.clip(lowest, 0.02 * shape.cavity_length_mm, 0.6 * shape.cavity_length_mm)), _ROUND_MM
        ),
    ), "labels"


def _with_relief(shape: HeartShape, wall: UnrolledWall) -> HeartShape:
    """Carry the outlines of the slices over the smooth ones. The largest factor becomes 1, and the radii grow with it.

    The grid of voxels is cut to the smooth radii: what stood out beyond them would be lost.
    """
    level = wall.level_mm + shape.cavity_length_mm
    theta = np.radians(360.0 * (np.arange(ANGLES) + 0.5) / ANGLES)[None, :]
    rows = level[:, None]
    smooth_endo, smooth_epi = anatomy.endocardium(shape, theta, rows), anatomy.epicardium(shape, theta, rows)
    endo = gaussian_filter1d(wall.endo, SMOOTH_RAYS, axis=1, mode="wrap")
    epi = np.maximum(gaussian_filter1d(wall.epi, SMOOTH_RAYS, axis=1, mode="wrap"), endo)
    # Where no myocardium is labelled there is none; else a wall is not thinner than a membrane.
    epi = np.where(wall.epi - wall.endo < 0.5, epi, np.maximum(epi, endo + LEAST_WALL_MM))
    inner = _factors(endo, smooth_endo, wall.cavity, level, shape)
    outer = _factors(epi, smooth_epi, smooth_epi.min(axis=1) > 0, level, shape)
    largest = float(max(inner.max(), outer.max(), 1.0))
    relief = Relief(np.round(inner / largest, 9), np.round(outer / largest, 9), 0.0, RELIEF_STEP_MM)
    grown = {
        name: getattr(shape, name) * largest for name in ("cavity_radius_mm", "free_wall_mm", "septal_wall_mm")
    }
    return replace(shape, relief=relief, **grown)


def _factors(
    radii: np.ndarray, smooth: np.ndarray, usable: np.ndarray, level: np.ndarray, shape: HeartShape
) -> np.ndarray:
    """Measured over smooth radii on the grid of the relief: (K, ANGLES) to (ANGLES, L)."""
    usable = usable & (smooth.min(axis=1) > SMALLEST_RADIUS_MM)
    factor = np.clip(radii[usable] / smooth[usable], 0.5, LARGEST_FACTOR)
    # Angles of the relief start at 0, those of the rays half a step later.
    factor = 0.5 * (factor + np.roll(factor, 1, axis=1))
    levels = np.arange(0.0, anatomy.cavity_top(shape) + RELIEF_STEP_MM, RELIEF_STEP_MM)
    return np.stack([np.interp(levels, level[usable], column) for column in factor.T])


def _with_scar(heart: VoxelHeart, shape: HeartShape, wall: UnrolledWall, step_mm: float) -> VoxelHeart:
    """Take the scar of the mask out of the living muscle of each voxel, by what its eighths hold."""
    if not wall.scar.any():
        return heart
    part = ((np.arange(SUBSAMPLES) + 0.5) / SUBSAMPLES - 0.5) * heart.spacing_mm
    offsets = np.stack(np.meshgrid(part, part, part, indexing="ij"), axis=-1).reshape(-1, 3)
    points = heart.points[:, None, :] + offsets  # (N, 8, 3)
    s, a, b = np.moveaxis(points, -1, 0).reshape(3, -1)
    r, theta = np.hypot(s, a), np.arctan2(s, a)
    endo, epi = anatomy.endocardium(shape, theta, b), anatomy.epicardium(shape, theta, b)
    inside = np.flatnonzero((r < epi) & (r >= endo) & (b <= anatomy.wall_top(shape, theta)))
    theta, r, b, endo, epi = theta[inside], r[inside], b[inside], endo[inside], epi[inside]
    depth = anatomy.wall_depth(shape, theta, r, b, endo, epi)
    layers = np.clip(np.stack([depth, r / np.maximum(epi, 1e-6)], axis=1), 0.0, 1.0)
    found = np.zeros(s.size)
    found[inside] = scar_at(wall, wall.level_mm + shape.cavity_length_mm, step_mm / 2, theta, b, layers)
    scarred = found.reshape(points.shape[:2]).mean(axis=1)
    scarred = np.minimum(scarred, heart.viable)
    share = scarred / np.maximum(heart.viable, 1e-9)
    return replace(heart, viable=heart.viable - scarred, scarred=share)


def _not_imaged(shape: HeartShape, wall: UnrolledWall, step_mm: float, cap: bool) -> list[str]:
    """What the physics takes for healthy because no slice shows it."""
    level = wall.level_mm + shape.cavity_length_mm
    missing = []
    gap = float(level[0]) - step_mm / 2 + shape.apex_wall_mm
    if gap > 1.0:
        missing.append(f"{gap:.0f} mm at the apex{'' if cap else ', the apical cap included'}")
    for low, high in zip(level[:-1], level[1:], strict=True):
        if high - low > 1.5 * step_mm:
            missing.append(f"{high - low - step_mm:.0f} mm between slices, interpolated")
    return missing
