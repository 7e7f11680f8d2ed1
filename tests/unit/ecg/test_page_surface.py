"""The smooth surface over a picture."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scartools.ecg.page_surface import basis_at, design, empty_surface, evaluate, nearest_to


def bent(points):
    x, y = points.T / 700
    return np.stack([3 * x + np.sin(3 * x * y), 2 * y - x**2], axis=1)


@settings(deadline=None, max_examples=20)
@given(st.integers(240, 800), st.integers(240, 800), st.floats(60, 160))
def test_the_nearest_splines_are_those_of_the_whole_least_squares_problem(height, width, cell):
    surface = empty_surface((height, width), cell)
    tall, wide = (n * c for n, c in zip(surface.cells, surface.cell[::-1], strict=True))
    y, x = np.meshgrid(
        *(np.linspace(0, n, 4 * k) for n, k in zip((tall, wide), surface.cells, strict=True)), indexing="ij"
    )
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    whole = np.linalg.lstsq(design(surface, basis_at(surface, points)), bent(points), rcond=None)[0].T
    np.testing.assert_allclose(nearest_to(surface, bent), whole, atol=1e-9)


def test_a_plane_is_met_exactly():
    surface = empty_surface((900, 1200), 110.0)
    plane = np.array([[0.01, 0.002], [-0.003, 0.012]])
    found = nearest_to(surface, lambda points: points @ plane + 4)
    points = np.random.default_rng(2).random((50, 2)) * [1200, 900]
    surface = replace(surface, coefficients=found.reshape(surface.coefficients.shape))
    np.testing.assert_allclose(evaluate(surface, points)[0], points @ plane + 4, atol=1e-9)
