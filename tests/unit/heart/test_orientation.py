"""Segments belong to the heart, not to the array: 16 storage orders of 20 oblique stacks, and anchors that are off."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from scartools.heart.segments import label_segments
from tests.unit.heart.heart_phantom import FLIPS, Order, affine, put_back, rearranged, ventricle

SIXTEEN = list(itertools.product([(0, 1, 2), (1, 0, 2)], FLIPS))


def changed_voxels(labels: np.ndarray, matrix: np.ndarray, seeds: range) -> int:
    """Voxels whose segment differs from that of the straight stack, over 16 storage orders of each oblique one."""
    reference = label_segments(labels, matrix).map
    changed = 0
    order: Order
    for seed in seeds:
        turn = np.eye(4)
        turn[:3, :3] = Rotation.random(random_state=seed).as_matrix()
        turn[:3, 3] = np.random.default_rng(seed).normal(0, 200, 3)  # mm
        for order, flips in SIXTEEN:
            moved, placed = rearranged(labels, turn @ matrix, order, flips)
            found = put_back(label_segments(moved, placed).map, order, flips)
            changed += int(np.count_nonzero(found != reference))
    return changed


def test_16_storage_orders_of_20_oblique_stacks_change_no_voxel() -> None:
    assert changed_voxels(ventricle(septum=163.0, cap=1), affine(), range(20)) == 0


def mislabelled(labels: np.ndarray, matrix: np.ndarray, step: int) -> dict[int, tuple[float, float]]:
    """Share of basal and mid, and of apical, voxels that an anchor off by d degrees gives to another segment, by d.

    Averaged over starts all round the circle in the same steps, so that the answer is exact for a wall of any shape.
    """
    starts = range(0, 360, step)
    maps = np.stack([label_segments(labels, matrix, angle=float(start)).map for start in starts])
    apical = (maps[0] >= 13) & (maps[0] <= 16)
    upper = (maps[0] >= 1) & (maps[0] <= 12)
    curve = {}
    for places in range(1, 90 // step + 1):
        differ = maps != np.roll(maps, -places, axis=0)
        curve[places * step] = (float(differ[:, upper].mean()), float(differ[:, apical].mean()))
    return curve


def test_an_anchor_off_by_d_degrees_mislabels_d_of_60_and_d_of_90_exactly() -> None:
    labels = ventricle(septum=None, cap=1)
    labels[:30, :30, 4] = 0  # whatever the shape of the wall
    for off, (upper, apical) in mislabelled(labels, affine(), 5).items():
        assert upper == pytest.approx(min(1.0, off / 60), abs=1e-9)
        assert apical == pytest.approx(off / 90, abs=1e-9)
