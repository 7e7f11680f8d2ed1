"""Scar: which segments it takes, how it lies in the depth of the wall, and how it fades into living muscle.

The wave-front of ischaemic necrosis starts at the endocardium and moves towards the epicardium (Reimer &
Jennings, Lab Invest 1979;40:633), so an ischaemic scar is a depth field over the wall: scar where the depth in the
wall, 0 to 1, is below the field. A non-ischaemic scar has an inner border too. Scar is zero outside the chosen
segments: it never spills into another. About its border lies a border zone, where fibrosis and living muscle mix:
the border of the label runs where each is half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates

from scartools.simulation import anatomy
from scartools.simulation.anatomy import HeartShape, aha_segment, wall_thickness
from scartools.simulation.patterns import NON_ISCHAEMIC

ANGLE_STEP_DEG = 1.0
LEVEL_STEP_MM = 1.0
NO_REFLOW_START, NO_REFLOW_END = 0.12, 0.62  # of the depth of the scar
UNEVENNESS = 0.25  # the wave-front is up to this fraction shallower than its deepest point
PLATEAU = 0.85  # above this fraction of its peak the wave-front is level
CORNER_MM = (
    9.0  # infarcts have no corners: those of the segments are rounded to this radius, or to what they allow
)
WIDEST_BORDER = 0.45  # a border zone is at most this part of the wall


@dataclass(frozen=True)
class Scar:
    """One scar as it is on the day of the MRI.

    territory          LAD, RCA or LCX; n/a for a non-ischaemic scar
    segments           AHA segments that may hold it
    transmural_extent  ischaemic: its deepest point, 0 endocardium to 1 epicardium; else the part of the wall it takes
    border_inset_mm    from the border of the segments to where the scar begins, on average
    border_taper_mm    over which the depth rises
    no_reflow          whether it may have a no-reflow core
    focal              centre AHA angle deg, level mm, radius mm; None: the segments whole
    texture_seed       of its irregular borders
    pattern            ischaemic, or one of NON_ISCHAEMIC
    border_zone_mm     width of the border zone, half of it on each side of the border
    retreat_mm         how far its edge has moved inwards since the MRI; negative outwards
    event_days         days from the infarction to the MRI; None: it does not change with time
    late_fraction      mass of the healed infarct over that of the first week
    """

    territory: str
    segments: tuple[int, ...]
    transmural_extent: float
    border_inset_mm: float
    border_taper_mm: float
    no_reflow: bool
    focal: tuple[float, float, float] | None
    texture_seed: int
    pattern: str = "ischaemic"
    border_zone_mm: float = 0.0
    retreat_mm: float = 0.0
    event_days: int | None = None
    late_fraction: float = 0.6


@dataclass(frozen=True)
class DepthField:
    """The scars over the unrolled wall; arrays (angle, level) float32, periodic in the angle.

    depth   outer border of the scar in the wall, 0 where there is none
    core    where a no-reflow core may lie, 0 or 1
    inner   inner border; None: at the endocardium everywhere, as in every ischaemic scar
    rim     width of the border zone as a part of the wall; None: there is none
    """

    depth: np.ndarray
    core: np.ndarray
    first_level_mm: float
    inner: np.ndarray | None = None
    rim: np.ndarray | None = None


@dataclass(frozen=True)
class ScarLayout:
    """What of one scar does not change while it grows or shrinks; arrays (angle, level).

    distance  mm from the border of the region the scar may take, inwards
    safe      cells whose neighbours lie in the region too
    border, front  smooth noise 0 to 1: the edge's and the wave-front's irregularity
    wall_mm   thickness of the wall
    """

    distance: np.ndarray
    safe: np.ndarray
    border: np.ndarray
    front: np.ndarray
    wall_mm: np.ndarray


@dataclass(frozen=True)
class _OneScar:
    depth: np.ndarray
    core: np.ndarray
    inner: np.ndarray
    rim: np.ndarray


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


def _without_corners(region: np.ndarray, angle_mm: float) -> np.ndarray:
    """The union of all discs that fit into a region, none larger than CORNER_MM: a morphological opening."""
    distance = _inner_distance(region, angle_mm)
    radius = min(CORNER_MM, 0.7 * float(distance.max()))
    return region & (_inner_distance(distance < radius, angle_mm) < radius)


def wall_grid(shape: HeartShape) -> tuple[np.ndarray, np.ndarray]:
    """The unrolled wall, 1 degree by 1 mm: AHA angles (A, 1) in radians and levels (1, B) in mm."""
    theta = np.radians(np.arange(0.0, 360.0, ANGLE_STEP_DEG))[:, None]
    top = shape.cavity_length_mm + shape.open_ring_height_mm + 8.0
    return theta, np.arange(-shape.apex_wall_mm - LEVEL_STEP_MM, top, LEVEL_STEP_MM)[None, :]


def scar_layout(shape: HeartShape, scar: Scar) -> ScarLayout:
    """Where on the unrolled wall a scar may lie, and its irregularities."""
    rng = np.random.default_rng(scar.texture_seed)
    theta, b = np.broadcast_arrays(*wall_grid(shape))
    allowed = np.isin(aha_segment(shape, theta, b), scar.segments)
    # In a heart without an open ring the base plane is no border: the scar runs on to the end of the wall.
    if shape.open_ring_height_mm == 0:
        below = np.minimum(b, shape.cavity_length_mm)
        allowed = np.isin(aha_segment(shape, theta, below), scar.segments)
    # Bilinear interpolation reaches one cell: cells beside one outside stay empty, so nothing spills over.
    safe = _inner_distance(allowed, 1.0) > 1.5
    region = allowed
    # One mean radius of the wall turns angles into mm: borders are irregular by more than this is wrong.
    radius = 0.8 * (shape.cavity_radius_mm + shape.free_wall_mm / 2)
    if scar.focal is not None:
        angle, level, focal_radius = scar.focal
        across = np.radians((np.degrees(theta) - angle + 180.0) % 360.0 - 180.0) * radius
        region = allowed & (np.hypot(across, b - level) < focal_radius)
    angle_mm = float(np.radians(ANGLE_STEP_DEG) * radius)
    region = _without_corners(region, angle_mm)
    return ScarLayout(
        distance=_inner_distance(region, angle_mm),
        safe=safe,
        border=smooth_noise(rng, region.shape, (7.0, 6.0)),
        front=smooth_noise(rng, region.shape, (14.0, 11.0)),
        wall_mm=wall_thickness(shape, theta, b),
    )


def scar_front(layout: ScarLayout, scar: Scar) -> _OneScar:
    """Borders of one scar over the unrolled wall."""
    inset = np.maximum(2.0 * scar.border_inset_mm * layout.border + scar.retreat_mm, 0.5)
    x = np.clip((layout.distance - inset) / scar.border_taper_mm, 0.0, 1.0)
    rise = np.where(layout.safe, x * x * (3.0 - 2.0 * x) * (1.0 - UNEVENNESS * layout.front), 0.0)
    peak = float(rise.max())
    if peak > 0:
        rise = np.minimum(rise / (PLATEAU * peak), 1.0)
    # The border zone lies on both sides of the edge, and ends where the scar's own region does.
    near = (layout.distance - inset) / max(scar.border_zone_mm, 1e-6) + 0.5
    rim = scar.border_zone_mm / layout.wall_mm * np.clip(near, 0.0, 1.0) * layout.safe
    core = (layout.distance > inset + scar.border_taper_mm + 3.0) & scar.no_reflow & layout.safe
    outer, inner = scar.transmural_extent * rise, np.zeros(rise.shape)
    if scar.pattern in NON_ISCHAEMIC:
        middle = NON_ISCHAEMIC[scar.pattern].middle
        half = 0.5 * scar.transmural_extent * rise
        # A scar on the epicardium reaches it everywhere: the band is pushed outwards against it.
        centre = 1.0 - half if middle is None else middle
        outer = np.where(rise > 0, np.where(centre + half > 0.98, 1.01, centre + half), 0.0)
        inner = np.where(rise > 0, np.maximum(centre - half, 0.0), 1.0)
    return _OneScar(outer, core, inner, np.minimum(rim, WIDEST_BORDER))


def depth_field(shape: HeartShape, scars: tuple[Scar, ...]) -> DepthField:
    """The borders of all scars of a heart over its unrolled wall, 1 degree by 1 mm; where two meet, the deeper's."""
    theta, b = wall_grid(shape)
    depth, core, rim = (np.zeros((theta.size, b.size)) for _ in range(3))
    # Where there is no scar the inner border lies on the side the scars do not come from, so that between two
    # cells, one with scar and one without, the band does not slide through the wall.
    inner = np.full(depth.shape, float(any(scar.pattern in NON_ISCHAEMIC for scar in scars)))
    for scar in scars:
        own = scar_front(scar_layout(shape, scar), scar)
        deeper = own.depth > depth
        core, inner = np.where(deeper, own.core, core), np.where(deeper, own.inner, inner)
        rim = np.where(deeper, own.rim, np.where(depth > 0, rim, np.maximum(rim, own.rim)))
        depth = np.maximum(depth, own.depth)
    return DepthField(
        depth.astype(np.float32),
        core.astype(np.float32),
        float(b[0, 0]),
        inner.astype(np.float32) if inner.any() else None,
        rim.astype(np.float32) if rim.any() else None,
    )


def scar_share(shape: HeartShape, field: DepthField) -> float:
    """Volume of the scars over that of the wall, 0 to 1, from the borders on the unrolled wall."""
    theta, b = wall_grid(shape)
    endo, epi = anatomy.endocardium(shape, theta, b), anatomy.epicardium(shape, theta, b)
    wall = np.where(b <= anatomy.wall_top(shape, theta), epi - endo, 0.0)
    outer = np.minimum(field.depth, 1.0)
    inner = 0.0 if field.inner is None else np.minimum(field.inner, outer)
    scar = (endo + outer * wall) ** 2 - (endo + inner * wall) ** 2
    return float(scar.sum() / ((endo + wall) ** 2 - endo**2).sum())


def _looked_up(field: DepthField, theta: np.ndarray, b: np.ndarray, *arrays: np.ndarray) -> list[np.ndarray]:
    """Values of arrays of a field at wall points, each (N,)."""
    where = np.stack([np.degrees(theta) % 360.0 / ANGLE_STEP_DEG, (b - field.first_level_mm) / LEVEL_STEP_MM])
    return [map_coordinates(values, where, order=1, mode="grid-wrap", prefilter=False) for values in arrays]


def scar_class(field: DepthField, theta: np.ndarray, b: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Label of wall points, uint8 (N,): 2 healthy, 3 scar, 4 no-reflow.

    theta (N,) AHA angle in radians; b (N,) level in mm; depth (N,) depth in the wall, 0 to 1.
    """
    reach, core = _looked_up(field, theta, b, field.depth, field.core)
    scarred = depth < reach
    if field.inner is not None:
        scarred &= depth >= _looked_up(field, theta, b, field.inner)[0]
    no_reflow = (core > 0.5) & (depth > NO_REFLOW_START * reach) & (depth < NO_REFLOW_END * reach)
    return np.where(no_reflow, 4, np.where(scarred, 3, 2)).astype(np.uint8)


def fibrosis(field: DepthField, theta: np.ndarray, b: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Share of fibrosis at wall points, float32 (N,): 0 healthy, 1 dense scar, between them the border zone.

    Half where the label of `scar_class` changes; the share falls in a straight line across the border zone. The rest
    of the muscle lives, so an electrical model may slow conduction by it. Arguments as of `scar_class`.
    """
    if field.rim is None:
        return (scar_class(field, theta, b, depth) != 2).astype(np.float32)
    reach, rim = _looked_up(field, theta, b, field.depth, field.rim)
    width = np.maximum(rim, 1e-6)
    share = np.clip((reach - depth) / width + 0.5, 0.0, 1.0)
    if field.inner is not None:
        (inner,) = _looked_up(field, theta, b, field.inner)
        # an endocardial scar has no border towards the pool
        share *= np.where(inner <= 0.0, 1.0, np.clip((depth - inner) / width + 0.5, 0.0, 1.0))
    # where no scar lies above or below there is no border zone but on its edge, at the endocardium
    return np.asarray(share * ((rim > 0) | (reach > 0))).astype(np.float32)
