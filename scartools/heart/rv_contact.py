"""Where the right ventricle touches the left one, slice by slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from scartools.heart.short_axis_view import View, circular_mean, signed
from scartools.heart.slices import ROUND_MM, Slices, voxels_in_world
from scartools.heart.stack import Stack

REACH_VOXELS = 2.0  # contact even if one voxel between RV and LV is unlabelled
BREAK_DEGREES = 20.0  # a wider gap ends an arc of contact
SHORTEST_ARC = 30.0  # degrees; less says nothing about the middle of the septum


@dataclass(frozen=True)
class Contact:
    """One arc of contact: from the anterior insertion, `arc` degrees counter-clockwise to the inferior one."""

    anterior: float
    arc: float

    @property
    def middle(self) -> float:
        """The middle of the septum, degrees."""
        return self.anterior + self.arc / 2


def contact_arcs(stack: Stack, slices: Slices, view: View) -> dict[int, Contact]:
    """The longest arc of contact in each slice where there is one: slice of the stack to Contact.

    The ends of the arc are the insertions. Angles are taken about the slice's centre, in the view from the
    apex.
    """
    reach = REACH_VOXELS * stack.pixel_mm
    arcs = {}
    for k in np.flatnonzero(slices.ventricle & (slices.rv_mm2 > 0)).tolist():
        wall = voxels_in_world(stack, slices.mended.wall[:, :, k], k)
        right = voxels_in_world(stack, slices.mended.rv[:, :, k], k)
        distance, _ = cKDTree(right).query(wall, distance_upper_bound=1.01 * reach)  # inf beyond
        touching = np.round(distance, ROUND_MM) <= round(reach, ROUND_MM)
        if touching.sum() < 2:
            continue
        arc = _longest_run(view.degrees(wall[touching] - slices.centre[k]))
        if arc.arc >= SHORTEST_ARC:
            arcs[k] = arc
    return arcs


def _longest_run(degrees: np.ndarray) -> Contact:
    """The longest run of angles without a wide gap; of equal ones, that nearest to the mean direction."""
    ordered = np.sort(degrees)
    gaps = np.diff(ordered, append=ordered[0] + 360.0)
    ends = np.flatnonzero(gaps > BREAK_DEGREES)
    if len(ends) == 0:
        return Contact(float(ordered[0]), 0.0)  # contact all around is no septum
    starts = (np.roll(ends, 1) + 1) % len(ordered)
    runs = [
        Contact(float(ordered[start]), float((ordered[end] - ordered[start]) % 360.0))
        for start, end in zip(starts, ends, strict=True)
    ]
    mean = circular_mean(degrees)
    return max(runs, key=lambda run: (round(run.arc, ROUND_MM), -abs(float(signed(run.middle - mean)))))
