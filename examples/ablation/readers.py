"""Make two readers of the test patients from the truth: the truth itself, and one who differs from it.

    python readers.py PAIRS OUT [--jitter 1 2] [--anchor-error 10] [--seed 1] [--labels scartools]

OUT/first.tsv and OUT/second.tsv are tables for `scartools predict --anatomy`. The second reader's contours of cavity and
wall move in and out by smooth waves (up to three around the circle), each slice and contour on its own, whose root mean
square is drawn between the two numbers of --jitter, in pixels. The RV, from which the angle of the AHA segments is read,
is turned about the LV by --anchor-error degrees, to one side or the other for a whole patient. Labels without an RV keep
their angle: give that error to `scartools predict --angle` then.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy import ndimage

from scartools.files import volume
from scartools.files.pairs import read_pairs

POOL, WALL, SCAR, NO_REFLOW, RV = 1, 2, 3, 4, 5


def wave(angle: np.ndarray, rms: float, rng: np.random.Generator) -> np.ndarray:
    """Return a smooth displacement of that root mean square over the circle, in pixels, at angles in radians."""
    sizes, phases = rng.standard_normal(4), rng.uniform(0, 2 * np.pi, 4)
    phases[0] = 0  # a constant: the whole contour further out or in
    scale = rms / np.sqrt(sizes[0] ** 2 + (sizes[1:] ** 2).sum() / 2)
    return scale * sum(
        size * np.cos(number * angle + phase)
        for number, (size, phase) in enumerate(zip(sizes, phases, strict=True))
    )


def moved(
    plane: np.ndarray, centre: tuple[float, float], outwards: np.ndarray, turn: float = 0.0
) -> np.ndarray:
    """Return a mask (X, Y) whose contour lies `outwards` (X, Y) pixels further from a centre, turned by `turn` radians."""
    x, y = np.indices(plane.shape)
    radius, angle = np.hypot(x - centre[0], y - centre[1]), np.arctan2(y - centre[1], x - centre[0])
    radius, angle = np.maximum(radius - outwards, 0), angle - turn
    source = np.stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)])
    return ndimage.map_coordinates(plane.astype(np.float32), source, order=1) >= 0.5


def second_reader(
    labels: np.ndarray, jitter: tuple[float, float], turn_deg: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the contours of another reader, uint8 (X, Y, Z): pool 1, wall 2, RV 5.

    labels  uint8 (X, Y, Z), short-axis slices along the last axis
    """
    made = np.zeros(labels.shape, np.uint8)
    turn = np.radians(turn_deg) * rng.choice((-1, 1))
    for at in range(labels.shape[2]):
        here = labels[..., at]
        ventricle = np.isin(here, (POOL, WALL, SCAR, NO_REFLOW))
        if not ventricle.any():
            continue
        centre = tuple(float(value) for value in ndimage.center_of_mass(ventricle))
        x, y = np.indices(here.shape)
        angle = np.arctan2(y - centre[1], x - centre[0])
        outer, inner = (wave(angle, rng.uniform(*jitter), rng) for _ in range(2))
        whole = moved(ventricle, centre, outer)
        plane = made[..., at]
        plane[moved(here == RV, centre, np.zeros(here.shape), turn)] = RV
        plane[whole] = WALL
        plane[moved(here == POOL, centre, inner) & whole] = POOL
    return made


def main() -> None:
    """Write the contours and both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--jitter", type=float, nargs=2, default=(1.0, 2.0), metavar="PIXELS")
    parser.add_argument("--anchor-error", type=float, default=10.0, metavar="DEG")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--labels", default="scartools", help="scheme of the numbers in the labels")
    given = parser.parse_args()
    (given.out / "second").mkdir(parents=True, exist_ok=True)
    first, second = (["case_id\tanatomy"] for _ in range(2))
    for number, row in enumerate(read_pairs(given.pairs)):
        if row.split != "test" or row.label is None:
            continue
        truth = volume.read_labels(row.label, scheme=given.labels)
        rng = np.random.default_rng([given.seed, number])
        contours = second_reader(truth.array, tuple(given.jitter), given.anchor_error, rng)
        volume.save_like(given.out / f"second/{row.case_id}.nii.gz", contours, truth)
        first.append(f"{row.case_id}\t{row.label.resolve()}")
        second.append(f"{row.case_id}\tsecond/{row.case_id}.nii.gz")
    (given.out / "first.tsv").write_text("\n".join(first) + "\n", encoding="utf-8")
    (given.out / "second.tsv").write_text("\n".join(second) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
