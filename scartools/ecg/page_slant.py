"""A flat page seen at a slant: how the frequencies of its lattice change over the picture, in two numbers.

Both families of lines come nearer to each other where the paper is farther away, and by how much is told by one
vanishing line: a plane seen by a camera maps to another by a homography. Found among all planes is that whose
frequencies stand out most in the spectra of the windows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

SLANTS = np.linspace(
    -0.32, 0.32, 9
)  # by which the distance to the camera may change from the middle to an edge
SCALES = np.linspace(
    0.9, 1.1, 5
)  # of the frequency in the middle, over that of the strongest peak of all windows
STEPS = (0.02, 0.01, 0.004)  # of the finer search


@dataclass(frozen=True)
class Plane:
    """A lattice on a plane.

    waves   float (2, 2): of the upright and the level lines, frequency along x and y (lines a px) in the middle
    slant   float (2,): change along x and y of the distance to the camera, its share from the middle to `reach` px away
    middle  float (2,): x, y, px; reach: px
    """

    waves: np.ndarray
    slant: np.ndarray
    middle: np.ndarray
    reach: float

    def lines(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lines passed (N, 2), family by family, and frequencies (N, 2, 2), family then x or y, at points (N, 2) of x, y."""
        away = points - self.middle
        depth = 1 + away @ (self.slant / self.reach)
        passed = away @ self.waves.T / depth[:, None]
        slopes = self.waves[None] - passed[:, :, None] * (self.slant / self.reach)
        return passed, slopes / depth[:, None, None]


def with_neighbours(excess: np.ndarray) -> np.ndarray:
    """Return each frequency's excess or that of a neighbour, where it is more; float32 (N, h, w), going round at the ends."""
    for axis in (1, 2):
        most = np.maximum(excess, np.roll(excess, 1, axis))
        excess = np.maximum(most, np.roll(excess, -1, axis), out=most)
    return excess


def slanted_plane(
    centre: np.ndarray,
    excess: np.ndarray,
    near: np.ndarray,
    start: np.ndarray,
    shape: tuple[int, int],
    window: int,
) -> Plane:
    """Return the plane whose frequencies stand out most.

    centre  float (N, 2): x, y of the windows, px
    excess  float32 (N, window, window // 2 + 1): how far each frequency stands out, of a real picture's half spectrum
    near    float32, same shape: the same `with_neighbours`
    start   float (2, 2): family, then frequency along x and y in cycles a window, of the strongest peaks
    shape   rows and columns of the picture
    """
    number = np.arange(len(centre))

    def seen(waves: np.ndarray, table: np.ndarray) -> np.ndarray:
        """How far frequencies (..., N, 2) stand out, float32 (..., N)."""
        x, y = np.moveaxis(np.rint(waves * window).astype(np.int32), -1, 0)
        x, y = np.where(x < 0, -x, x), np.where(x < 0, -y, y)
        found: np.ndarray = table[number, y % window, np.minimum(x, window // 2)]
        return found

    def height(plane: Plane) -> float:
        """How far its frequencies stand out, beside a peak and on it: means over windows and families."""
        waves = plane.lines(centre)[1].swapaxes(0, 1)  # (2, N, 2)
        return float(seen(waves, near).mean()) + float(seen(waves, excess).mean())

    first = Plane(start / window, np.zeros(2), np.array(shape[::-1]) / 2, max(shape) / 2)
    best, top = first, -1.0
    for across in SLANTS:
        for down in SLANTS:
            slanted = replace(first, slant=np.array([across, down]))
            waves = slanted.lines(centre)[1].swapaxes(
                0, 1
            )  # (2, N, 2), as many times higher as `first.waves` are
            each = seen(SCALES[:, None, None, None] * waves, near).mean(axis=-1, dtype=float)  # (scales, 2)
            scale, other = np.argmax(each, axis=0)
            if each[scale, 0] + each[other, 1] > top:
                top = each[scale, 0] + each[other, 1]
                best = replace(slanted, waves=first.waves * SCALES[[scale, other], None])
    return _climbed(best, height)


def _climbed(plane: Plane, height: Callable[[Plane], float]) -> Plane:
    """The plane after steps of each number by itself, smaller and smaller, as long as they lead upwards."""
    size = float(np.abs(plane.waves).max())
    top = height(plane)
    for step in STEPS:
        moved = True
        while moved:
            moved = False
            for at in range(6):
                for sign in (-step, step):
                    change = np.zeros(6)
                    change[at] = sign
                    tried = replace(
                        plane,
                        waves=plane.waves + change[:4].reshape(2, 2) * size,
                        slant=plane.slant + change[4:],
                    )
                    seen = height(tried)
                    if seen > top:
                        plane, top, moved = tried, seen, True
    return plane
