"""Small cases to learn from: a bright disc in a ring beside a crescent, on a grid with a true affine."""

from __future__ import annotations

import numpy as np

from scartools.learning.sampling import TrainingCase

LABELS = (0, 1, 2, 3, 5)


def heart(depth: int = 6, edge: int = 40, scar: bool = True) -> np.ndarray:
    """Labels uint8 (Z, Y, X): pool, wall, a sector of scar, RV on the left; tapering to a cavity-less slice 0."""
    label = np.zeros((depth, edge, edge), np.uint8)
    y, x = np.mgrid[:edge, :edge] - (edge - 1) / 2
    r, angle = np.hypot(y, x), np.degrees(np.arctan2(-y, x))
    for z in range(depth):
        inner = 2.0 + 4.0 * z / (depth - 1) if z else 0.0
        outer = inner + 4.0
        rv = (np.hypot(y, x + outer + 2) < 5.0 + z / 2) & (r >= outer) & (z > 0)
        label[z][rv] = 5
        label[z][r < outer] = 2
        if scar:
            label[z][(r < outer) & (r >= inner) & (np.abs(angle - 45) < 40)] = 3
        label[z][r < inner] = 1
    return label


def affine() -> np.ndarray:
    """(X, Y, Z) of the network grid to RAS+ mm: columns to the patient's left, rows to posterior, slices upwards."""
    return np.diag([-1.5, -1.5, 8.0, 1.0])


def case(number: int, *, ecg: bool = True, group: str | None = None) -> TrainingCase:
    """A case whose picture shows its labels through noise."""
    rng = np.random.default_rng(number)
    label = heart()
    signal = np.array([0.0, 2.0, -1.0, 3.0, 0.0, 1.5], np.float32)
    image = signal[label] + 0.3 * rng.standard_normal(label.shape, dtype=np.float32)
    beat = rng.standard_normal((12, 600)).astype(np.float32) if ecg else None
    name = f"case-{number}"
    return TrainingCase(name, group or name, image[None], label, affine(), beat=beat, days=float(10 * number))
