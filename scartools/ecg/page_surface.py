"""A smooth pair of functions over a picture: how many lattice lines lie left of and above each pixel.

Uniform cubic B-splines with a difference penalty (P-splines): flat paper costs nothing, a curl costs little, and where
nothing was measured the surface goes on as straight as it can.
Source: Eilers and Marx, Statistical Science 11, 89 (1996), doi:10.1214/ss/1038425655.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

ROUNDS = 4  # of reweighting: outliers have no weight after the third
TUKEY = 4.7  # residuals beyond so many standard deviations count for nothing


@dataclass(frozen=True)
class Surface:
    """Two functions of a picture's x, y.

    coefficients  float64 (2, rows + 3, columns + 3), of the basis splines; one layer a function
    cell          (float, float): width and height of a spline cell, px
    """

    coefficients: np.ndarray
    cell: tuple[float, float]

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of spline cells."""
        return self.coefficients.shape[1] - 3, self.coefficients.shape[2] - 3


@dataclass(frozen=True)
class Basis:
    """The basis splines that are not zero at some points.

    index   int (N, 16), into the flattened coefficients
    value   float (N, 16), of the splines; dx, dy: of their derivatives a px
    """

    index: np.ndarray
    value: np.ndarray
    dx: np.ndarray
    dy: np.ndarray


def empty_surface(shape: tuple[int, int], cell: float) -> Surface:
    """A surface of zeros over a picture of `shape` (rows, columns), its cells about `cell` px wide."""
    rows, columns = (max(2, round(length / cell)) for length in shape)
    return Surface(np.zeros((2, rows + 3, columns + 3)), (shape[1] / columns, shape[0] / rows))


def basis_at(surface: Surface, points: np.ndarray) -> Basis:
    """The splines at points (N, 2) of x, y inside the picture."""
    rows, columns = surface.cells
    width = columns + 3
    across = _cubic(points[:, 0] / surface.cell[0], columns)
    down = _cubic(points[:, 1] / surface.cell[1], rows)
    index = (down[0][:, :, None] * width + across[0][:, None, :]).reshape(-1, 16)
    value = (down[1][:, :, None] * across[1][:, None, :]).reshape(-1, 16)
    dx = (down[1][:, :, None] * across[2][:, None, :]).reshape(-1, 16) / surface.cell[0]
    dy = (down[2][:, :, None] * across[1][:, None, :]).reshape(-1, 16) / surface.cell[1]
    return Basis(index, value, dx, dy)


def _cubic(place: np.ndarray, cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index, value and derivative (N, 4) of the four cubic splines over each place, counted in cells."""
    cell = np.clip(np.floor(place), 0, cells - 1).astype(int)
    t = place - cell
    rest = 1.0 - t
    value = np.stack([rest**3, 3 * t**3 - 6 * t**2 + 4, 3 * rest**3 - 6 * rest**2 + 4, t**3], axis=-1) / 6.0
    slope = np.stack([-(rest**2), 3 * t**2 - 4 * t, -3 * rest**2 + 4 * rest, t**2], axis=-1) / 2.0
    return cell[:, None] + np.arange(4), value, slope


def evaluate(surface: Surface, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (N, 2) and derivatives (N, 2, 2), function then x or y, at points (N, 2); straight on outside."""
    height, width = (n * c for n, c in zip(surface.cells, surface.cell[::-1], strict=True))
    inside = np.clip(points, 0, [width, height])
    basis = basis_at(surface, inside)
    layers = surface.coefficients.reshape(2, -1)[:, basis.index]  # (2, N, 16)
    value, dx, dy = (np.einsum("lnk,nk->nl", layers, part) for part in (basis.value, basis.dx, basis.dy))
    slopes = np.stack([dx, dy], axis=-1)
    away = points - inside
    return value + dx * away[:, :1] + dy * away[:, 1:], slopes


def design(surface: Surface, basis: Basis, part: str = "value") -> np.ndarray:
    """float (N, number of coefficients): row n times the coefficients is the value, "dx" or "dy" at point n."""
    matrix = np.zeros((len(basis.index), surface.coefficients[0].size))
    np.put_along_axis(matrix, basis.index, getattr(basis, part), axis=1)
    return matrix


def nearest_to(surface: Surface, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The coefficients, float (2, number of them), of the splines nearest to a pair of functions over the picture.

    surface   whose cells are taken; function: of points (N, 2), x and y in px, to values (N, 2)
    Least squares over four points a cell each way. These lie on a grid and the splines are products, so that one small
    problem along y and one along x have the solution of the large one.
    """
    height, width = (n * c for n, c in zip(surface.cells, surface.cell[::-1], strict=True))
    down, across = (np.linspace(0, n, 4 * k) for n, k in zip((height, width), surface.cells, strict=True))
    x, y = np.meshgrid(across, down)
    values = function(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(len(down), len(across), 2)
    to_rows, to_columns = (
        np.linalg.pinv(_curve(places / cell, cells))
        for places, cell, cells in zip((down, across), surface.cell[::-1], surface.cells, strict=True)
    )
    return np.stack([(to_rows @ values[..., k] @ to_columns.T).ravel() for k in (0, 1)])


def _curve(place: np.ndarray, cells: int) -> np.ndarray:
    """float (N, cells + 3): every cubic spline along one axis at each place, counted in cells."""
    index, value, _ = _cubic(place, cells)
    matrix = np.zeros((len(place), cells + 3))
    np.put_along_axis(matrix, index, value, axis=1)
    return matrix


def fit_robustly(
    rows: np.ndarray,
    wanted: np.ndarray,
    weights: np.ndarray,
    penalty: np.ndarray,
    *,
    sigma: float,
    period: float | None = None,
    start: np.ndarray | None = None,
    rounds: int = ROUNDS,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit one function so that its linear forms meet measured values.

    rows     float (N, coefficients), see `design`
    wanted   float (N,), the measured values; weights float (N,), how far each is trusted, 0 to 1
    penalty  float (coefficients, coefficients), see `bending`
    sigma    expected error of a measured value
    period   measured values are known up to a multiple of this
    start    float (coefficients,), to begin with (needed with a period)
    Returns the coefficients, the residuals (N,) and the last robust weights (N,), 0 for outliers.
    """
    coefficients = np.zeros(rows.shape[1]) if start is None else start
    robust, residual = np.ones(len(wanted)), wanted
    for turn in range(rounds):
        expected = rows @ coefficients
        residual = wanted - expected
        if period is not None:
            residual = residual - period * np.round(residual / period)
        if turn or start is not None:
            spread = max(1.48 * _weighted_median(np.abs(residual), weights), sigma)
            robust = (1 - np.clip(np.abs(residual) / (TUKEY * spread), 0, 1) ** 2) ** 2
        root = np.sqrt(weights * robust) / sigma
        scaled = rows * root[:, None]
        normal = scaled.T @ scaled + penalty  # of a matrix and itself numpy asks for half the products
        normal[np.diag_indices_from(normal)] += 1e-6
        coefficients = np.linalg.solve(normal, scaled.T @ (root * (expected + residual)))
    return coefficients, residual, robust


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, 0.5 * total[-1])])


def bending(surface: Surface, stiffness: float) -> np.ndarray:
    """Penalty of second differences along x, along y and across; `stiffness` is the size expected of one."""
    return _bends(*surface.cells) / stiffness**2


@lru_cache(maxsize=8)  # asked for in every round of a lattice, with the same cells
def _bends(cells_down: int, cells_across: int) -> np.ndarray:
    """Sum of the squared second differences as a quadratic form: float (coefficients, coefficients)."""
    one_y, one_x = np.eye(cells_down + 3), np.eye(cells_across + 3)
    bends = np.concatenate(
        [
            np.kron(one_y, np.diff(one_x, 2, axis=0)),
            np.kron(np.diff(one_y, 2, axis=0), one_x),
            2**0.5 * np.kron(np.diff(one_y, axis=0), np.diff(one_x, axis=0)),
        ]
    )
    return bends.T @ bends


def invert(surface: Surface, values: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """The points (N, 2) where the two functions have these values (N, 2), by Newton's method; start: points near them."""
    height, width = (n * c for n, c in zip(surface.cells, surface.cell[::-1], strict=True))
    if start is None:
        middle = np.array([[width / 2, height / 2]])
        value, slope = evaluate(surface, middle)
        start = middle + _solved(slope, values - value)
    points = start
    for _ in range(5):
        value, slope = evaluate(surface, points)
        step = _solved(slope, values - value)
        length = np.hypot(*step.T)[:, None]
        longest = 0.2 * max(height, width)
        points = points + step * np.minimum(1.0, longest / np.maximum(length, 1e-9))
        if length.max() < 0.01:
            break
    return points


def _solved(slopes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The steps (N, 2) that slopes (N, 2, 2) turn into values (N, 2); one slope may serve for all."""
    (a, b), (c, d) = slopes[:, 0].T, slopes[:, 1].T
    u, v = values.T
    determinant = a * d - b * c
    if not determinant.all():
        raise np.linalg.LinAlgError("the surface is flat at a point")
    return np.stack([(d * u - b * v) / determinant, (a * v - c * u) / determinant], axis=1)
