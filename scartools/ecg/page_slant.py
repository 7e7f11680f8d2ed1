"""A flat page seen at a slant: how the frequencies of its lattice change over the picture, in two numbers.

Both families of lines come nearer to each other where the paper is farther away, and by how much is told by one
vanishing line: a plane seen by a camera maps to another by a homography. Found among all planes is that whose
frequencies stand out most in the spectra of the windows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

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


def slanted_plane(
    centre: np.ndarray, excess: np.ndarray, start: np.ndarray, shape: tuple[int, int], window: int
) -> Plane:
    """Return the plane whose frequencies stand out most.

    centre  float (N, 2): x, y of the windows, px
    excess  float32 (N, window, window // 2 + 1): how far each frequency stands out, of a real picture's half spectrum
    start   float (2, 2): family, then frequency along x and y in cycles a window, of the strongest peaks
    shape   rows and columns of the picture
    """
    near = ndimage.maximum_filter(excess, (1, 3, 3), mode="wrap")
    number = np.arange(len(centre))

    def height(plane: Plane, table: np.ndarray) -> float:
        """How far its frequencies stand out: mean over windows and families."""
        waves = np.rint(plane.lines(centre)[1] * window).astype(int)  # (N, 2, 2)
        x, y = waves[..., 0], waves[..., 1]
        x, y = np.where(x < 0, -x, x), np.where(x < 0, -y, y)
        return float(table[number[:, None], y % window, np.minimum(x, window // 2)].mean())

    first = Plane(start / window, np.zeros(2), np.array(shape[::-1]) / 2, max(shape) / 2)
    best, top = first, -1.0
    for across in SLANTS:
        for down in SLANTS:
            for scale in SCALES:
                for other in SCALES:
                    waves = first.waves * np.array([[scale], [other]])
                    tried = replace(first, waves=waves, slant=np.array([across, down]))
                    seen = height(tried, near)
                    if seen > top:
                        best, top = tried, seen
    return _climbed(best, lambda plane: height(plane, near) + height(plane, excess))


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
