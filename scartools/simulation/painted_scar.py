"""Scar painted on a template heart from what is known of each AHA segment: how much, how wide, how deep.

For segmentations whose geometry cannot be trusted (no right ventricle, no orientation, no voxel size) the shares of
their segments still can. Scar is laid as the wave-front of ischaemia does, from the endocardium outwards, over the
stated share of the segment, on the side where its neighbours are scarred too, as deep as the stated share of the
muscle needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from scartools.simulation import anatomy
from scartools.simulation.anatomy import HeartShape, aha_segment
from scartools.simulation.scar import DepthField, depth_field

SPREAD = (16.0, 9.0)  # degrees and mm: how far scarred neighbours draw the scar of a segment to their side
DEPTHS = np.linspace(0.0, 1.0, 201)


@dataclass(frozen=True)
class SegmentScar:
    """The scar of one segment as shares, 0 to 1.

    share     of its muscle that is scar, no-reflow included
    extent    of its endocardial surface that lies under scar; NaN where no chord told (the apical cap)
    inner     of its scarred chords, those with scar in the inner third of the wall; NaN where none is scarred
    """

    share: float
    extent: float
    inner: float = 1.0


def paint_scar(shape: HeartShape, scars: Mapping[int, SegmentScar]) -> DepthField:
    """The depth of scar over the unrolled wall of a template heart.

    scars  AHA segment 1-17 to its scar; a segment that is absent, not imaged perhaps, is healthy
    Each segment has the stated share of scar within a voxel of the field (a few thousandths).
    """
    empty = depth_field(shape, ())
    angles, levels = empty.depth.shape
    theta = np.radians(np.arange(angles) * 360.0 / angles)[:, None]
    b = (empty.first_level_mm + np.arange(levels))[None, :]
    turn, level = np.broadcast_arrays(theta, b)
    # In a heart without an open ring the base plane is no border: the scar runs on to the end of the wall.
    segment = aha_segment(shape, turn, np.minimum(level, shape.cavity_length_mm))
    endo, epi = anatomy.endocardium(shape, turn, level), anatomy.epicardium(shape, turn, level)
    thick = (epi > endo) & (level <= anatomy.wall_top(shape, turn))
    weight = np.where(thick, epi**2 - endo**2, 0.0)  # muscle of a cell
    share = np.zeros(segment.shape)
    for number, scar in scars.items():
        share[segment == number] = scar.share
    near = gaussian_filter(share, SPREAD, mode=("wrap", "nearest"))
    depth = np.zeros(segment.shape)
    for number, scar in scars.items():
        inside = (segment == number) & thick
        if scar.share > 0 and inside.any():
            depth[inside] = _laid(scar, near[inside], weight[inside], (endo / np.maximum(epi, 1e-6))[inside])
    return DepthField(depth.astype(np.float32), np.zeros_like(empty.core), empty.first_level_mm)


def _laid(scar: SegmentScar, near: np.ndarray, weight: np.ndarray, hollow: np.ndarray) -> np.ndarray:
    """Depth of scar in the cells (N,) of one segment.

    near    how scarred the neighbourhood is; weight: muscle of each cell; hollow: endocardial over epicardial radius
    """
    extent = scar.share if not np.isfinite(scar.extent) else scar.extent
    extent = float(np.clip(max(extent, scar.share), 0.02, 1.0))
    order = np.argsort(-np.round(near, 9), kind="stable")
    reached = np.cumsum(weight[order])
    covered = np.zeros(len(near), bool)
    covered[order[reached <= extent * reached[-1]]] = True
    covered[order[0]] = True
    # Shells are thicker outside: half the depth of a wall holds less than half of its muscle.
    filled = ((hollow + DEPTHS[:, None] * (1.0 - hollow)) ** 2 - hollow**2) / np.maximum(1.0 - hollow**2, 1e-9)
    held = (filled * np.where(covered, weight, 0.0)).sum(axis=1) / weight.sum()
    return np.where(covered, np.interp(scar.share, held, DEPTHS), 0.0)
