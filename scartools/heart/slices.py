"""The left ventricle slice by slice: its centre, its cavity, how much of its ring is closed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from scartools.errors import InputError
from scartools.heart.nomenclature import LV_POOL, MYOCARDIUM
from scartools.heart.repair import Mended, mend
from scartools.heart.stack import Stack

CAVITY_FRACTION = 0.10  # of the ventricle's cross-section; a smaller pool is the closed tip, not a cavity
SLAB_MM = (
    8.0  # a ring is judged on a slab as thick as a conventional slice: SCMR asks for 6-8 mm (JCMR 2020;22:17)
)
ROUND_MM = 6  # decimals; positions and angles are compared after rounding, so that flips cannot break ties

Flags = np.ndarray  # bool (K,)


@dataclass(frozen=True)
class Slices:
    """What each slice of a stack shows of the left ventricle; arrays over slices, in the order of the array.

    position_mm   float64 (K,), along the stack's normal
    centre        float64 (K, 3), RAS+ mm: centroid of the LV pool, or of the whole ventricle where there is no
                  pool
    radius_mm     float64 (K,), largest distance of the myocardium from the centre
    pool_mm2      float64 (K,), cavity area
    rv_mm2        float64 (K,), RV pool area
    covered       float64 (K,), share of the full circle that the myocardium covers, seen from the centre, in
                  the slice and its neighbours within half of SLAB_MM
    ventricle     bool (K,), the slice holds myocardium of the ventricle itself, not only stray islands
    myocardium    bool (K,), the slice holds any voxel of myocardium
    cavity        bool (K,), the slice holds a cavity
    mended        the mask that all of this was read from
    """

    position_mm: np.ndarray
    centre: np.ndarray
    radius_mm: np.ndarray
    pool_mm2: np.ndarray
    rv_mm2: np.ndarray
    covered: np.ndarray
    ventricle: Flags
    myocardium: Flags
    cavity: Flags
    mended: Mended


def measure_slices(stack: Stack) -> Slices:
    """Measure every slice of the mended ventricle, so that islands and holes move no centre."""
    body = left_ventricle(stack.labels)
    mended = mend(stack.labels, body)
    pool, wall = mended.cavity, mended.wall
    body = pool | wall
    if not pool.any() or not wall.any():
        raise InputError(
            "LV pool and myocardium do not touch: the largest connected piece holds only one of them",
            remedy="Check the segmentation",
        )
    area = stack.pixel_area_mm2
    pool_mm2 = pool.sum(axis=(0, 1)) * area
    body_mm2 = body.sum(axis=(0, 1)) * area
    depth = stack.labels.shape[2]
    centre, radius = np.full((depth, 3), np.nan), np.zeros(depth)
    for k in np.flatnonzero(body_mm2 > 0).tolist():
        inner = pool[:, :, k] if pool_mm2[k] > 0 else body[:, :, k]
        centre[k] = voxels_in_world(stack, inner, k).mean(axis=0)
        if wall[:, :, k].any():
            offsets = voxels_in_world(stack, wall[:, :, k], k) - centre[k]
            radius[k] = np.linalg.norm(offsets, axis=1).max()
    return Slices(
        position_mm=stack.positions(),
        centre=centre,
        radius_mm=radius,
        pool_mm2=pool_mm2,
        rv_mm2=mended.rv.sum(axis=(0, 1)) * area,
        covered=_covered(wall, centre, stack),
        ventricle=np.asarray(wall.any(axis=(0, 1))),
        myocardium=np.asarray(_myocardium(stack.labels).any(axis=(0, 1))),
        cavity=np.round(pool_mm2, ROUND_MM) >= np.round(CAVITY_FRACTION * np.maximum(body_mm2, area), ROUND_MM),
        mended=mended,
    )


def left_ventricle(labels: np.ndarray) -> np.ndarray:
    """The largest connected piece of pool and myocardium: uint8 (I, J, K), slice axis last, to bool (I, J, K).

    Slices without any of it are skipped, so that a missing slice does not cut the ventricle in two. Pieces of
    equal size all stay: which of them came first would depend on the order of the array.
    """
    inside = (labels == LV_POOL) | _myocardium(labels)
    filled = np.flatnonzero(inside.any(axis=(0, 1)))
    pieces, _ = ndimage.label(inside[:, :, filled], structure=np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    body = np.zeros_like(labels, dtype=bool)
    body[:, :, filled] = (sizes == sizes.max())[pieces]
    return body


def voxels_in_world(stack: Stack, inside: np.ndarray, k: int) -> np.ndarray:
    """World positions of the voxels of one slice: bool (I, J) to float64 (N, 3), RAS+ mm."""
    flat = np.argwhere(inside)
    return stack.world(np.column_stack([flat, np.full(len(flat), k)]))


def _myocardium(labels: np.ndarray) -> np.ndarray:
    return np.asarray((labels >= min(MYOCARDIUM)) & (labels <= max(MYOCARDIUM)))


def _covered(wall: np.ndarray, centre: np.ndarray, stack: Stack) -> np.ndarray:
    """The coverage of each slice, (K,): 0 without wall.

    The rule of 360 degrees was written for slices of 6 to 10 mm. A thin slice is judged on the slab that such a
    slice would be, so that the same heart is cut off at the same level in a fine stack; thick slices stand alone.
    """
    position = stack.positions()
    arcs = {
        k: _arcs(voxels_in_world(stack, wall[:, :, k], k) - centre[k], stack)
        for k in np.flatnonzero(wall.any(axis=(0, 1))).tolist()
    }
    covered = np.zeros(len(position))
    for k in arcs:
        slab = [j for j in arcs if round(abs(float(position[j] - position[k])), ROUND_MM) <= SLAB_MM / 2]
        together = _merged(np.concatenate([arcs[j] for j in slab]))
        covered[k] = round(float((together[:, 1] - together[:, 0]).sum()) / (2 * np.pi), ROUND_MM)
    return covered


def _arcs(offsets: np.ndarray, stack: Stack) -> np.ndarray:
    """The arcs of the circle covered by voxels at these offsets, (N, 3) mm, from the centre: (M, 2) radians in +-pi.

    Each voxel is taken as a disc as wide as the diagonal of a voxel, so that a wall one voxel thin and running
    diagonally has no gaps. Computed from the gaps between the angles: no ray, hence no dependence on where
    rays start.
    """
    edges = stack.affine[:3, :2].T  # (2, 3) mm
    first = edges[0] / np.linalg.norm(edges[0])
    second = np.cross(stack.normal, first)
    across, along = offsets @ first, offsets @ second
    distance = np.hypot(across, along)
    half = 0.5 * float(np.linalg.norm(np.abs(edges), axis=1).max()) * np.sqrt(2.0)
    if distance.min() <= half:
        return np.array([[-np.pi, np.pi]])  # the wall holds the centre itself: seen from there it is everywhere
    angle = np.arctan2(along, across)
    width = np.arcsin(half / distance)
    turns = (
        2 * np.pi * np.array([-1.0, 0.0, 1.0])[:, np.newaxis]
    )  # across +-180 degrees an arc shows on both ends
    start = np.clip((angle - width + turns).ravel(), -np.pi, np.pi)
    end = np.clip((angle + width + turns).ravel(), -np.pi, np.pi)
    return _merged(np.column_stack([start, end])[end > start])


def _merged(arcs: np.ndarray) -> np.ndarray:
    """The union of arcs, (N, 2) radians, as arcs that do not touch, (M, 2)."""
    arcs = arcs[np.argsort(arcs[:, 0])]
    reached = np.maximum.accumulate(arcs[:, 1])
    begins = np.append(True, arcs[1:, 0] > reached[:-1])
    return np.column_stack([arcs[begins, 0], reached[np.append(begins[1:], True)]])
