"""How a page lies before the camera: one smooth map between a page on paper and the picture of it.

From a pixel of the picture back to the page: the lens, then the plane that the page lies in (turned, tilted, at a
distance), then the bend of the paper. Picture, labels and samples go through this one map; it is smooth, and its
inverse is found by Newton's method, so that a sample's place in the picture is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

LATTICE_PX = 8  # the map is computed on every eighth pixel and interpolated between: it is smooth


@dataclass(frozen=True)
class Wave:
    """A bend of the paper: points move along (dx, dy) mm by the sine of their way along (kx, ky) radians/mm."""

    dx: float
    dy: float
    kx: float
    ky: float
    phase: float


@dataclass(frozen=True)
class Fold:
    """A fold along the line through (x, y) mm at an angle: the paper is pinched by `depth` mm within `width` mm."""

    x: float
    y: float
    angle: float
    depth: float
    width: float

    def across(self, points: np.ndarray) -> np.ndarray:
        """Signed distance of points (..., 2), mm, from the fold."""
        return (points[..., 1] - self.y) * np.cos(self.angle) - (points[..., 0] - self.x) * np.sin(self.angle)


@dataclass(frozen=True)
class View:
    """A page seen by a scanner or a camera.

    page     width and height of the page, mm
    size     width and height of the picture, pixels
    scale    pixels a millimetre of the page and of the picture at its middle
    plane    float64 (3, 3): from the page's plane to the picture, both in mm from their middles (homogeneous)
    lens     relative growth of the radius at the corner of the page (barrel distortion below 0)
    waves, folds  how the paper bends
    """

    page: tuple[float, float]
    size: tuple[int, int]
    scale: float
    plane: np.ndarray
    lens: float = 0.0
    waves: tuple[Wave, ...] = ()
    folds: tuple[Fold, ...] = ()

    @property
    def flat(self) -> bool:
        """The picture is the page, pixel by pixel."""
        same = self.size == (round(self.page[0] * self.scale), round(self.page[1] * self.scale))
        return (
            same
            and not self.lens
            and not self.waves
            and not self.folds
            and np.array_equal(self.plane, np.eye(3))
        )

    def to_page(self, pixels: np.ndarray) -> np.ndarray:
        """Where on the page, mm, pixels of the picture lie: float64 (..., 2), counted from the first pixel's middle."""
        if self.flat:
            return (np.asarray(pixels, dtype=np.float64) + 0.5) / self.scale
        at = (pixels - (np.array(self.size) - 1) / 2) / self.scale
        if self.lens:
            radius = np.hypot(*self.page) / 2
            at = at * (1 + self.lens * (at**2).sum(axis=-1, keepdims=True) / radius**2)
        back = np.linalg.inv(self.plane)
        moved = at @ back[:, :2].T + back[:, 2]
        points = moved[..., :2] / moved[..., 2:] + np.array(self.page) / 2
        return points + self._bend(points)

    def _bend(self, points: np.ndarray) -> np.ndarray:
        shift = np.zeros_like(points)
        for wave in self.waves:
            way = np.sin(points[..., 0] * wave.kx + points[..., 1] * wave.ky + wave.phase)
            shift += way[..., None] * np.array([wave.dx, wave.dy])
        for fold in self.folds:
            t = fold.across(points) / fold.width
            shift += (fold.depth * t * np.exp(-t * t))[..., None] * np.array(
                [-np.sin(fold.angle), np.cos(fold.angle)]
            )
        return shift

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Where in the picture, pixels, points of the page lie: float64 (N, 2) mm -> (N, 2); NaN stays NaN."""
        points = np.asarray(points, dtype=np.float64)
        if self.flat:
            return points * self.scale - 0.5
        middle = (np.array(self.size) - 1) / 2
        moved = (points - np.array(self.page) / 2) @ self.plane[:, :2].T + self.plane[:, 2]
        pixels = moved[:, :2] / moved[:, 2:] * self.scale + middle
        for _ in range(8):
            here = self.to_page(pixels)
            miss = points - here
            if not np.nanmax(np.abs(miss), initial=0.0) * self.scale > 1e-3:
                break
            dx = self.to_page(pixels + [0.5, 0.0]) - self.to_page(pixels - [0.5, 0.0])
            dy = self.to_page(pixels + [0.0, 0.5]) - self.to_page(pixels - [0.0, 0.5])
            area = dx[:, 0] * dy[:, 1] - dx[:, 1] * dy[:, 0]
            step = [
                miss[:, 0] * dy[:, 1] - miss[:, 1] * dy[:, 0],
                dx[:, 0] * miss[:, 1] - dx[:, 1] * miss[:, 0],
            ]
            pixels = pixels + np.stack(step, axis=1) / area[:, None]
        return pixels

    def maps(self) -> tuple[np.ndarray, np.ndarray]:
        """For cv2.remap: which pixel of the flat page, at this scale, each pixel of the picture shows: float32 (H, W) x, y."""
        width, height = self.size
        # one node more on every side, so that nothing is extrapolated
        x = (np.arange(-1, -(-width // LATTICE_PX) + 1) + 0.5) * LATTICE_PX - 0.5
        y = (np.arange(-1, -(-height // LATTICE_PX) + 1) + 0.5) * LATTICE_PX - 0.5
        nodes = (
            self.to_page(np.stack(np.meshgrid(x, y), axis=-1).astype(np.float64)) * self.scale - 0.5
        ).astype(np.float32)
        full = [
            cv2.resize(nodes[..., k], None, fx=LATTICE_PX, fy=LATTICE_PX, interpolation=cv2.INTER_CUBIC)
            for k in (0, 1)
        ]
        cut = np.s_[LATTICE_PX : LATTICE_PX + height, LATTICE_PX : LATTICE_PX + width]
        return np.ascontiguousarray(full[0][cut]), np.ascontiguousarray(full[1][cut])


def flat_view(page: tuple[float, float], scale: float) -> View:
    """The page as it is drawn, pixel by pixel."""
    return View(page, (round(page[0] * scale), round(page[1] * scale)), scale, np.eye(3))


def tilted_view(
    page: tuple[float, float],
    scale: float,
    *,
    turn: float = 0.0,
    tilt: tuple[float, float] = (0.0, 0.0),
    distance: float = 2.0,
    framing: tuple[float, float, float, float] | None = None,
    lens: float = 0.0,
    waves: tuple[Wave, ...] = (),
    folds: tuple[Fold, ...] = (),
) -> View:
    """Look at a page from somewhere.

    page      width and height, mm; scale: pixels a millimetre at the middle
    turn      degrees, clockwise in the picture; tilt: degrees about the page's x and y axes
    distance  of the camera, in widths of the page
    framing   shares of the page's outline that are cut off at left, top, right, bottom (below 0: so much beyond it
              is seen); None: the page's own size, corners that turn out of it are cut off
    """
    ax, ay, az = np.radians([*tilt, turn])
    about_x = np.array([[1, 0, 0], [0, np.cos(ax), -np.sin(ax)], [0, np.sin(ax), np.cos(ax)]])
    about_y = np.array([[np.cos(ay), 0, np.sin(ay)], [0, 1, 0], [-np.sin(ay), 0, np.cos(ay)]])
    about_z = np.array([[np.cos(az), -np.sin(az), 0], [np.sin(az), np.cos(az), 0], [0, 0, 1]])
    rotation = about_z @ about_x @ about_y
    away = distance * page[0]
    camera = np.diag([away, away, 1.0]) @ np.column_stack([rotation[:, :2], [0.0, 0.0, away]])
    size = (round(page[0] * scale), round(page[1] * scale))
    if framing is not None:
        corners = np.array([[x * page[0] / 2, y * page[1] / 2, 1.0] for x in (-1, 1) for y in (-1, 1)])
        seen = corners @ camera.T
        seen = seen[:, :2] / seen[:, 2:]
        low, high = seen.min(axis=0), seen.max(axis=0)
        span = high - low
        low, high = low + span * framing[:2], high - span * framing[2:]
        size = (max(round((high - low)[0] * scale), 16), max(round((high - low)[1] * scale), 16))
        middle = (low + high) / 2
        camera = np.array([[1, 0, -middle[0]], [0, 1, -middle[1]], [0, 0, 1]]) @ camera
    return View(page, size, scale, camera / camera[2, 2], lens, waves, folds)
