"""Flatten a picture of paper along a lattice, and place the lattice more finely on the flattened picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from scartools.ecg.page_surface import (
    Surface,
    basis_at,
    bending,
    design,
    empty_surface,
    evaluate,
    fit_robustly,
    invert,
    nearest_to,
)

MESH = 16  # px of the flattened picture between exactly mapped points
BAND = 64  # rows that are drawn together
COARSE = 5  # of these from one to the next whose place is not guessed from its neighbours'
BLOCK = 16.0  # mm of the blocks whose lines are placed together
FINE_CELL = 22.0  # mm of a spline cell
ERROR = 0.04  # mm expected of a block's place
BEND = 0.5  # mm expected of the second difference between spline cells
STEADY = 0.5  # coherence over the page below which a harmonic is not a line of the lattice
HARMONICS = np.arange(1, 11)  # of the 5 mm boxes


@dataclass(frozen=True)
class Mesh:
    """Where the points of a flattened picture lie in the picture it came from.

    points  float64 (rows, columns, 2): x, y of every MESH-th pixel
    shape   rows and columns of the flattened picture
    """

    points: np.ndarray
    shape: tuple[int, int]

    def to_source(self, places: np.ndarray) -> np.ndarray:
        """x, y (N, 2) of the flattened picture to x, y (N, 2) of the picture it came from; straight on outside."""
        place = np.asarray(places, dtype=float).reshape(-1, 2) / MESH
        rows, columns = self.points.shape[:2]
        cell = np.stack(
            [np.clip(np.floor(place[:, axis]), 0, n - 2) for axis, n in enumerate((columns, rows))], axis=1
        )
        x, y = cell.astype(int).T
        u, v = (place - cell).T[:, :, None]
        top = self.points[y, x] * (1 - u) + self.points[y, x + 1] * u
        bottom = self.points[y + 1, x] * (1 - u) + self.points[y + 1, x + 1] * u
        return top * (1 - v) + bottom * v


def flat_mesh(surface: Surface, low: np.ndarray, high: np.ndarray, px: float) -> Mesh:
    """Mesh of the rectangle from `low` to `high` (x, y in units of the surface), `px` pixels a unit."""
    width, height = (max(2, int(round(n))) for n in (high - low) * px)
    rows, columns = -(-height // MESH) + 1, -(-width // MESH) + 1

    def values(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        across, down = np.meshgrid(x * MESH, y * MESH)
        return np.stack([across.ravel(), down.ravel()], axis=1) / px + low

    # every COARSE-th point from the middle of the picture, then all of them from what lies between these
    few = [np.linspace(0, n - 1, max(2, -(-(n - 1) // COARSE) + 1)) for n in (rows, columns)]
    corners = invert(surface, values(*few)).reshape(len(few[0]), len(few[1]), 2)
    near = _between(_between(corners, few[0], rows).swapaxes(0, 1), few[1], columns).swapaxes(0, 1)
    points = invert(surface, values(np.arange(rows), np.arange(columns)), near.reshape(-1, 2))
    return Mesh(points.reshape(rows, columns, 2), (height, width))


def _between(known: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    """Rows 0 to count - 1, (count, N, 2), on parabolas through the three nearest of the known rows (K, N, 2)."""
    at = np.arange(count, dtype=float)
    if len(places) < 3:
        share = (at / places[-1])[:, None, None]
        return known[:1] * (1 - share) + known[-1:] * share
    middle = np.clip(np.rint(at / (places[1] - places[0])), 1, len(places) - 2).astype(int)
    t = ((at - places[middle]) / (places[1] - places[0]))[:, None, None]
    before, here, after = known[middle - 1], known[middle], known[middle + 1]
    bend = (before + after) / 2 - here
    return here + (after - before) / 2 * t + bend * t * t


def flatten(
    picture: np.ndarray, mesh: Mesh, *, cubic: bool = False, fill: tuple[float, ...] | float = 0
) -> np.ndarray:
    """Draw the flattened picture."""
    height, width = mesh.shape
    across = np.arange(width, dtype=np.float32) / MESH
    points, method = mesh.points.astype(np.float32), cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    drawn = np.empty((height, width, *picture.shape[2:]), picture.dtype)
    for top in range(0, height, BAND):  # where its pixels lie takes eight bytes each: a band stays in the cache
        down = np.arange(top, min(top + BAND, height), dtype=np.float32) / MESH
        steps = np.meshgrid(across, down)
        where = cv2.remap(points, *steps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        x, y = cv2.split(where)
        drawn[top : top + BAND] = cv2.remap(
            picture, x, y, method, borderMode=cv2.BORDER_CONSTANT, borderValue=fill
        )
    return drawn


@dataclass(frozen=True)
class Placed:
    """Lines of a flattened picture, placed block by block.

    centre  float (N, 2): x, y of the block in the flattened picture, px
    shift   float (N, 2): how many mm right of and below where the lattice puts them its lines are
    trust   float (N, 2): 0 to 1
    """

    centre: np.ndarray
    shift: np.ndarray
    trust: np.ndarray


def place_lines(flat: np.ndarray, px_per_mm: float, block_mm: float = BLOCK) -> Placed:
    """Measure how far the lines of a picture flattened to `px_per_mm` are from their places, in blocks of `block_mm`."""
    centres, windows = zip(*(_blocks(n, px_per_mm, block_mm) for n in flat.shape), strict=True)
    x, y = np.meshgrid(centres[1], centres[0])
    shifts, trusts = [], []
    for axis in (1, 0):
        picture = flat if axis else flat.T
        along, across = windows[axis], windows[1 - axis]
        place = np.arange(picture.shape[1]) / px_per_mm
        usable = HARMONICS[HARMONICS / 5.0 / px_per_mm < 0.45]
        waves = np.exp(-2j * np.pi * usable[:, None] * place / 5.0)
        banded = across @ picture  # (blocks across, length)
        kernels = (along[:, None, :] * waves[None].astype(np.complex64)).reshape(-1, picture.shape[1])
        values = banded @ kernels.T  # (blocks across, blocks along times harmonics)
        shift, trust = _shifts(values.reshape(-1, len(usable)), usable)
        grid = (len(across), len(along))
        shifts.append((shift.reshape(grid) if axis else shift.reshape(grid).T).ravel())
        trusts.append((trust.reshape(grid) if axis else trust.reshape(grid).T).ravel())
    return Placed(np.stack([x.ravel(), y.ravel()], axis=1), np.stack(shifts, axis=1), np.stack(trusts, axis=1))


def _blocks(length: int, px_per_mm: float, block_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Centres (N,) and bell windows float32 (N, length) of overlapping blocks, without their mean."""
    half = block_mm * px_per_mm / 2
    count = max(2, int(length / half))
    centres = np.linspace(min(half, length / 2), max(length - half, length / 2), count)
    away = (np.arange(length) - centres[:, None]) / half
    bell = np.where(np.abs(away) < 1, 1 + np.cos(np.pi * away), 0.0)
    return centres, (bell / bell.sum(axis=1, keepdims=True)).astype(np.float32)


def _shifts(values: np.ndarray, harmonics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shift (N,) in mm and trust (N,) from the waves (N, K) of each block."""
    size = np.abs(values)
    typical = np.maximum(np.median(size, axis=0), 1e-12)
    unit = values / np.maximum(size, 1e-12)
    weight = np.minimum(size / typical, 2.0)
    mean = (unit * weight).sum(axis=0) / weight.sum(axis=0)
    steady = np.abs(mean)
    if steady.max() < STEADY:
        return np.zeros(len(values)), np.zeros(len(values))
    # A harmonic counts by the accuracy it gives: its number times its size, and not at all where it wanders.
    share = np.where(steady >= min(STEADY, steady.max()), harmonics**2 * typical**2 * steady**2, 0.0)
    turn = np.angle(unit * np.conj(mean / np.maximum(steady, 1e-12)))
    each = -turn * 5.0 / (2 * np.pi * harmonics)
    counted = share * weight
    total = counted.sum(axis=1)
    shift = (each * counted).sum(axis=1) / np.maximum(total, 1e-12)
    agree = np.abs((np.exp(1j * turn) * counted).sum(axis=1)) / np.maximum(total, 1e-12)
    return shift, np.clip(total / max(float(np.median(total)), 1e-12), 0, 1) * agree**2


def refit(
    surface: Surface, mesh: Mesh, placed: Placed, low: np.ndarray, px_per_mm: float
) -> tuple[Surface, np.ndarray, np.ndarray]:
    """A finer surface through the placed lines.

    surface  in mm; mesh: of the flattened picture the lines were placed on
    Returns the surface, the residual (N, 2) in mm and the robust weights (N, 2).
    """
    points = mesh.to_source(placed.centre)
    wanted = placed.centre / px_per_mm + low - placed.shift
    height, width = (n * c for n, c in zip(surface.cells, surface.cell[::-1], strict=True))
    inside = np.all((points >= 0) & (points <= [width, height]), axis=1)
    trust = placed.trust * inside[:, None]
    _, slopes = evaluate(surface, np.array([[width / 2, height / 2]]))
    px = 1 / abs(float(np.linalg.det(slopes[0]))) ** 0.5  # px a mm of the picture
    fine = empty_surface((round(height), round(width)), FINE_CELL * px)
    base = _slanted_plane(points, wanted, trust)
    plane = nearest_to(fine, base)
    rows = design(fine, basis_at(fine, np.clip(points, 0, [width, height])))
    penalty = bending(fine, BEND)
    penalty[np.diag_indices_from(penalty)] += 1e-4 / BEND**2
    layers, residuals, robusts = [], [], []
    for axis in (0, 1):
        rest, residual, robust = fit_robustly(
            rows, wanted[:, axis] - rows @ plane[axis], trust[:, axis] + 1e-6, penalty, sigma=ERROR
        )
        layers.append((plane[axis] + rest).reshape(fine.coefficients[0].shape))
        residuals.append(residual)
        robusts.append(robust * (trust[:, axis] > 0.05))
    return Surface(np.stack(layers), fine.cell), np.stack(residuals, axis=1), np.stack(robusts, axis=1)


def _slanted_plane(
    points: np.ndarray, wanted: np.ndarray, trust: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """The best homography from points to wanted values, as a function of points (N, 2)."""
    scale = max(float(np.abs(points).max()), 1.0)
    weight = np.sqrt(trust.prod(axis=1)) + 1e-6
    robust = np.ones(len(points))
    shift, size = wanted.mean(axis=0), max(float(wanted.std()), 1e-9)
    x, y = (points / scale).T
    u, v = ((wanted - shift) / size).T
    one, zero = np.ones_like(x), np.zeros_like(x)
    rows = np.concatenate(
        [
            np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=1),
            np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=1),
        ]
    )
    goal = np.concatenate([u, v])
    for _ in range(4):
        root = np.tile(np.sqrt(weight * robust), 2)
        h = np.linalg.lstsq(rows * root[:, None], goal * root, rcond=None)[0]
        miss = np.hypot(*np.split(goal - rows @ h, 2)) * size
        robust = 1 / (1 + (miss / max(3 * float(np.median(miss)), 0.2)) ** 2) ** 2
    matrix = np.append(h, 1.0).reshape(3, 3)

    def plane(places: np.ndarray) -> np.ndarray:
        lifted = np.column_stack([places / scale, np.ones(len(places))]) @ matrix.T
        return lifted[:, :2] / lifted[:, 2:] * size + shift

    return plane
