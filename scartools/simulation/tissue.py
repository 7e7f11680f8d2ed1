"""What lies at a point: blood, wall, scar, fat, lung, liver. Heart points in the heart frame, body in RAS+."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from scartools.simulation import anatomy
from scartools.simulation.anatomy import HeartShape
from scartools.simulation.scar import DepthField, fibrosis, scar_class


class Tissue(IntEnum):
    """Tissues; 1 to 5 equal the labels of the mask."""

    SURROUNDINGS = 0
    LV_POOL = 1
    HEALTHY = 2
    SCAR = 3
    NO_REFLOW = 4
    RV_POOL = 5
    RV_WALL = 6
    PAPILLARY = 7
    HEART_FAT = 8
    OTHER_BLOOD = 9  # atria, great vessels
    MUSCLE = 10
    LUNG = 11
    LIVER = 12
    SPLEEN = 13
    STOMACH_GAS = 14
    STOMACH_FLUID = 15
    MARROW = 16
    FAT = 17
    AIR = 18
    RV_TRABECULA = 19
    SLOW_BLOOD = 20  # along the endocardium


# Papillary muscles and trabeculae lie in the pool and count as pool, as most readers contour them.
LABEL_OF_TISSUE = np.array([0, 1, 2, 3, 4, 5, 0, 1] + [0] * 11 + [5, 1], dtype=np.uint8)
PAPILLARY_DEG = (197.0, 302.0)  # posteromedial and anterolateral, AHA angle
UNEVEN_CELLS, UNEVEN_CELL_MM = 40, 6.0
TRABECULA_MM = 4.0  # how far trabeculae reach into the pool


@dataclass(frozen=True)
class SlowFlow:
    """A layer of slow blood on the endocardium, brighter than the pool: it looks like scar beneath it."""

    angle_deg: float  # AHA angle of its middle
    half_width_deg: float
    first_mm: float  # levels b
    last_mm: float
    thickness_mm: float


def _slow(
    flows: tuple[SlowFlow, ...], theta: np.ndarray, r: np.ndarray, b: np.ndarray, endo: np.ndarray
) -> np.ndarray:
    """Whether LV pool points lie in a layer of slow blood, which thins out towards its edges."""
    inside = np.zeros(r.shape, bool)
    for flow in flows:
        along = ((np.degrees(theta) - flow.angle_deg + 180.0) % 360.0 - 180.0) / flow.half_width_deg
        up = (2.0 * b - flow.first_mm - flow.last_mm) / (flow.last_mm - flow.first_mm)
        layer = (
            flow.thickness_mm * np.clip(1.0 - along**2, 0.0, 1.0) * np.clip(2.0 - 2.0 * np.abs(up), 0.0, 1.0)
        )
        inside |= endo - r < layer
    return inside


def _ripple(theta: np.ndarray, b: np.ndarray, phase: float) -> np.ndarray:
    """Irregular pattern on a wall, 0 to 1, mostly near 0: where trabeculae stand. theta in radians, b in mm."""
    waves = (
        np.sin(7 * theta + 0.13 * b + phase)
        + np.sin(4 * theta - 0.21 * b + 2 * phase)
        + np.sin(0.37 * b + phase)
    )
    return np.clip((waves - 0.2) / 2.6, 0.0, 1.0)


def _muscle_in_pool(
    shape: HeartShape, theta: np.ndarray, r: np.ndarray, b: np.ndarray, endo: np.ndarray
) -> np.ndarray:
    """Whether LV pool points lie in one of the two papillary muscles or in a trabecula."""
    along = b / shape.cavity_length_mm
    s, a = r * np.sin(theta), r * np.cos(theta)
    inside = (endo - r < TRABECULA_MM * _ripple(theta, b, shape.ellipticity_deg)) & (along < 0.75)
    # The muscles rise from the wall near the apex and lean towards the axis at mid cavity.
    offset = 0.84 - 0.45 * np.clip(along - 0.22, 0.0, 1.0)
    thickness = 0.19 * shape.cavity_radius_mm * np.clip((0.68 - along) / 0.2, 0.0, 1.0)
    for degrees in PAPILLARY_DEG:
        angle = np.radians(degrees)
        # Longer along the radius than across it, as muscles cut at a slant are.
        du, dv = s - offset * endo * np.sin(angle), a - offset * endo * np.cos(angle)
        outwards = (du * np.sin(angle) + dv * np.cos(angle)) / 1.25
        across = (du * np.cos(angle) - dv * np.sin(angle)) / 0.85
        inside |= (np.hypot(outwards, across) < thickness) & (along > 0.15)
    return inside


def _outside_ventricle(
    shape: HeartShape, theta: np.ndarray, r: np.ndarray, b: np.ndarray, epi: np.ndarray
) -> np.ndarray:
    """Tissue of points outside the LV: right ventricle and its wall, fat on the heart, surroundings."""
    level = anatomy.rv_level(shape, theta, r, b, epi)
    groove = np.exp(-(((np.abs(anatomy.septal_angle(theta)) - shape.septum_half_width_deg) / 22.0) ** 2))
    towards_base = np.clip(b / shape.cavity_length_mm, 0.3, 1.2)
    fat = shape.fat_mm * towards_base * (0.25 + 0.9 * groove + 0.8 * _ripple(theta, b, shape.fat_mm))
    away = np.minimum(np.where(b < 0, np.hypot(r, b) - shape.apex_wall_mm, r - epi), level - shape.rv_wall_mm)
    tissue = np.where(away < fat, Tissue.HEART_FAT, Tissue.SURROUNDINGS)
    tissue = np.where(level < shape.rv_wall_mm, Tissue.RV_WALL, tissue)
    trabecula = level > -1.5 * TRABECULA_MM * _ripple(2 * theta, b, shape.triangularity_deg)
    pool = np.where(trabecula & (b < 0.8 * shape.cavity_length_mm), Tissue.RV_TRABECULA, Tissue.RV_POOL)
    return np.where(level < 0, pool, tissue).astype(np.uint8)


def _above_wall(
    shape: HeartShape, r: np.ndarray, b: np.ndarray, endo: np.ndarray, epi: np.ndarray
) -> np.ndarray:
    """Tissue of points within the LV outline but above its wall: atrium, outflow tract and their thin walls."""
    blood = r < np.where(b > anatomy.cavity_top(shape), 0.95 * endo, 0.35 * endo + 0.65 * epi)
    return np.where(blood, Tissue.OTHER_BLOOD, np.where(r < epi - 3.0, Tissue.MUSCLE, Tissue.HEART_FAT))


def heart_tissue(
    shape: HeartShape,
    field: DepthField,
    s: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    slow_flow: tuple[SlowFlow, ...] = (),
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tissue, AHA segment and fibrosis of points of the heart frame.

    s, a, b    float (N,), mm: towards septum, anterior, base
    slow_flow  layers of slow blood in the LV
    Returns    tissue uint8 (N,); segment uint8 (N,), 0 outside the LV wall and above the base plane; fibrosis
               float32 (N,), 0 to 1, 0 outside the LV wall and 1 in no-reflow.
    """
    r, theta = np.hypot(s, a), np.arctan2(s, a)
    endo, epi = anatomy.endocardium(shape, theta, b), anatomy.epicardium(shape, theta, b)
    outer = r < epi
    cavity = (r < endo) & (b <= anatomy.cavity_top(shape))
    wall = outer & ~(r < endo) & (b <= anatomy.wall_top(shape, theta))
    tissue = np.full(r.shape, Tissue.SURROUNDINGS, dtype=np.uint8)
    tissue[cavity] = Tissue.LV_POOL
    pool = np.flatnonzero(cavity)
    muscle = _muscle_in_pool(shape, theta[pool], r[pool], b[pool], endo[pool])
    if slow_flow:
        slow = _slow(slow_flow, theta[pool], r[pool], b[pool], endo[pool])
        tissue[pool[slow]] = Tissue.SLOW_BLOOD
    tissue[pool[muscle]] = Tissue.PAPILLARY
    above = outer & ~cavity & ~wall
    tissue[above] = _above_wall(shape, r[above], b[above], endo[above], epi[above])
    outside = ~outer
    tissue[outside] = _outside_ventricle(shape, theta[outside], r[outside], b[outside], epi[outside])
    segment = np.zeros(r.shape, dtype=np.uint8)
    segment[wall] = anatomy.aha_segment(shape, theta[wall], b[wall])
    depth = anatomy.wall_depth(shape, theta[wall], r[wall], b[wall], endo[wall], epi[wall])
    tissue[wall] = scar_class(field, theta[wall], b[wall], depth)
    share = np.zeros(r.shape, dtype=np.float32)
    share[wall] = np.where(tissue[wall] == Tissue.NO_REFLOW, 1.0, fibrosis(field, theta[wall], b[wall], depth))
    return tissue, segment, share


@dataclass(frozen=True)
class Body:
    """The chest around the heart, millimetres, RAS+ relative to the middle of the LV."""

    centre_right: float
    centre_anterior: float
    half_width: float
    half_depth: float
    skin_fat: float
    chest_wall: float
    diaphragm: float  # superior coordinate below the heart
    liver_edge: float  # right coordinate where the liver ends
    gas_level: float  # of the stomach: gas lies in front (supine)
    unevenness: np.ndarray  # (N, N, N) float32, smooth noise of unit variance on a periodic grid of 6 mm


def draw_body(rng: np.random.Generator) -> Body:
    """Draw a chest; values are those of adults, in mm."""
    return Body(
        centre_right=rng.uniform(28.0, 42.0),
        centre_anterior=rng.uniform(-42.0, -30.0),
        half_width=rng.uniform(150.0, 180.0),
        half_depth=rng.uniform(112.0, 130.0),
        skin_fat=rng.uniform(8.0, 26.0),
        chest_wall=rng.uniform(12.0, 18.0),
        diaphragm=rng.uniform(-58.0, -48.0),
        liver_edge=rng.uniform(-45.0, 5.0),
        gas_level=rng.uniform(-20.0, 40.0),
        unevenness=_uneven_grid(rng),
    )


def _uneven_grid(rng: np.random.Generator) -> np.ndarray:
    noise = rng.standard_normal((UNEVEN_CELLS,) * 3, dtype=np.float32)
    smooth = gaussian_filter(noise, 1.3, mode="wrap")
    return smooth / smooth.std()


def _uneven(body: Body, right: np.ndarray, anterior: np.ndarray, superior: np.ndarray) -> np.ndarray:
    """Smooth noise at body points, unit variance."""
    where = np.stack([right, anterior, superior]) / UNEVEN_CELL_MM
    return map_coordinates(body.unevenness, where, order=1, mode="grid-wrap", prefilter=False)


def _below_diaphragm(body: Body, right: np.ndarray, anterior: np.ndarray) -> np.ndarray:
    spleen = (right < -35.0) & (anterior < -45.0)
    stomach = np.where(anterior > body.gas_level, Tissue.STOMACH_GAS, Tissue.STOMACH_FLUID)
    rugae = np.where(np.hypot(right + 62.0, anterior + 5.0) < 38.0, stomach, Tissue.FAT)
    left = np.where(spleen, Tissue.SPLEEN, rugae)
    return np.where(right > body.liver_edge, Tissue.LIVER, left)


def _fill_mediastinum(
    body: Body, tissue: np.ndarray, right: np.ndarray, anterior: np.ndarray, superior: np.ndarray
) -> None:
    """Put fat and soft tissue between the lungs, and the fat pad between heart, diaphragm and chest wall."""
    middle = np.hypot((right - 32.0) / 0.62, anterior + 2.0)
    pad = np.hypot(right - 12.0, anterior - 50.0)
    near = np.flatnonzero((middle < 66.0) | (pad < 34.0))
    uneven = _uneven(body, right.ravel()[near], anterior.ravel()[near], superior.ravel()[near])
    middle, pad, level = middle.ravel()[near], pad.ravel()[near], superior.ravel()[near]
    soft = (middle + 6.0 * uneven < 50.0) & (level > 5.0)
    found = np.where(soft, np.where(uneven > 0.9, Tissue.OTHER_BLOOD, Tissue.MUSCLE), Tissue.LUNG)
    found = np.where((middle + 8.0 * uneven < 48.0) & (np.abs(uneven) < 0.6), Tissue.FAT, found)
    found = np.where(
        (pad + 6.0 * uneven < 20.0) & (level < body.diaphragm + 24.0 + 9.0 * uneven), Tissue.FAT, found
    )
    tissue.reshape(-1)[near] = found


def body_tissue(body: Body, right: np.ndarray, anterior: np.ndarray, superior: np.ndarray) -> np.ndarray:
    """Tissue of body points around the heart, uint8; coordinates float, mm, RAS+ from the middle of the LV."""
    x, y = right - body.centre_right, anterior - body.centre_anterior
    radius = np.sqrt((x / body.half_width) ** 2 + (y / body.half_depth) ** 2)
    depth = (1.0 - radius) * np.where(np.abs(y) > np.abs(x), body.half_depth, 0.9 * body.half_width)
    tissue = np.full(x.shape, Tissue.LUNG, dtype=np.uint8)
    _fill_mediastinum(body, tissue, right, anterior, superior)
    aorta = np.hypot(right - 8.0, anterior + 78.0) < 12.0
    upper_vessels = (np.hypot(right - 38.0, anterior + 8.0) < 15.0) & (superior > 30.0)
    tissue[aorta | upper_vessels] = Tissue.OTHER_BLOOD
    dome = body.diaphragm + 26.0 * np.exp(-((right - 75.0) ** 2 + (anterior + 20.0) ** 2) / 5000.0)
    dome = dome + 12.0 * np.exp(-((right + 70.0) ** 2 + (anterior + 20.0) ** 2) / 3600.0)
    below = superior < dome
    tissue[below] = _below_diaphragm(body, right[below], anterior[below])
    tissue[np.abs(superior - dome) < 1.6] = Tissue.MUSCLE
    tissue[np.hypot(right - 30.0, anterior + 105.0) < 21.0] = Tissue.MARROW
    tissue[depth < body.skin_fat + body.chest_wall] = Tissue.MUSCLE
    rib = np.sin(2 * np.pi * (superior + 0.5 * y) / 26.0) > 0.35
    middle = np.abs(depth - body.skin_fat - 0.55 * body.chest_wall) < 0.28 * body.chest_wall
    tissue[rib & middle] = Tissue.MARROW
    tissue[depth < body.skin_fat] = Tissue.FAT
    tissue[depth < 1.8] = Tissue.MUSCLE  # skin
    tissue[depth < 0] = Tissue.AIR
    return tissue


def atrium_tissue(
    shape: HeartShape, s: np.ndarray, a: np.ndarray, b: np.ndarray, tissue: np.ndarray
) -> np.ndarray:
    """Put both atria and their thin walls into body tissue; s, a, b in mm, tissue uint8 of the same shape."""
    length = shape.cavity_length_mm
    left = np.hypot(np.hypot(0.8 * (s + 6.0), 1.1 * (a + 8.0)), (b - length - 26.0) * 0.9) - 26.0
    right = np.hypot(np.hypot(s - 44.0, 0.75 * (a + 10.0)), b - length - 20.0) - 24.0
    level = np.minimum(left, right)
    result = np.where(level < 2.5, Tissue.MUSCLE, tissue)
    return np.where(level < 0, Tissue.OTHER_BLOOD, result).astype(np.uint8)
