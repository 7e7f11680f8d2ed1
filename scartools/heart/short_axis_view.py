"""Directions and angles in the short-axis view: from the apex towards the base, counter-clockwise positive.

Angles start at the patient's left, projected on the slice plane. In this view segments 1 to 6 follow each other
counter-clockwise, whatever the order of the array.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scartools.errors import GeometryError
from scartools.heart.slices import ROUND_MM

PATIENT_LEFT = np.array([-1.0, 0.0, 0.0])  # RAS+: x grows to the patient's right
PATIENT_ANTERIOR = np.array([0.0, 1.0, 0.0])
SHORTEST_PROJECTION = 0.1  # patient left within 6 degrees of the long axis has no direction in the slice


@dataclass(frozen=True)
class View:
    """The plane of the slices, seen from the apex.

    zero        float64 (3,), unit; the direction of 0 degrees
    ninety      float64 (3,), unit; the direction of 90 degrees, counter-clockwise
    from_left   0 degrees is the patient's left; False where left runs along the long axis and anterior stands
                in
    """

    zero: np.ndarray
    ninety: np.ndarray
    from_left: bool

    def degrees(self, offsets: np.ndarray) -> np.ndarray:
        """Angles of offsets from a centre, (N, 3) mm, degrees in [0, 360); the centre itself has 0."""
        across = (
            np.round(offsets @ self.zero, ROUND_MM) + 0.0
        )  # + 0.0: no negative zero, which arctan2 would turn
        up = np.round(offsets @ self.ninety, ROUND_MM) + 0.0
        return np.asarray(np.degrees(np.arctan2(up, across)) % 360.0)

    def direction(self, degrees: float) -> np.ndarray:
        """The world direction, unit (3,), of an angle."""
        turn = np.radians(degrees)
        return np.asarray(np.cos(turn) * self.zero + np.sin(turn) * self.ninety)


def view_from_apex(base: np.ndarray) -> View:
    """The view for a unit vector (3,) that points from apex to base."""
    left = _projected(PATIENT_LEFT, base)
    zero = left if left is not None else _projected(PATIENT_ANTERIOR, base)
    if zero is None:  # impossible for a unit vector: left and anterior cannot both run along it
        raise GeometryError("the long axis has no direction", remedy="Mend the affine")
    return View(zero, np.cross(-base, zero), left is not None)


def circular_mean(degrees: np.ndarray) -> float:
    """The mean direction of angles, degrees in [0, 360)."""
    turns = np.radians(degrees)
    return float(np.degrees(np.arctan2(np.sin(turns).mean(), np.cos(turns).mean())) % 360.0)


def signed(degrees: np.ndarray | float) -> np.ndarray:
    """Angles brought into [-180, 180)."""
    return (np.asarray(degrees, dtype=np.float64) + 180.0) % 360.0 - 180.0


def _projected(direction: np.ndarray, base: np.ndarray) -> np.ndarray | None:
    flat = direction - (direction @ base) * base
    length = float(np.linalg.norm(flat))
    return flat / length if length >= SHORTEST_PROJECTION else None
