"""The plane of a page seen at a slant is found among all that are tried, whatever the scales of its two families of lines."""

from __future__ import annotations

import numpy as np

from scartools.ecg.page_slant import Plane, slanted_plane, with_neighbours

WINDOW = 64


def test_neighbours_go_round_at_both_ends() -> None:
    excess = np.random.default_rng(0).random((3, 8, 5)).astype(np.float32)
    near = with_neighbours(excess)
    for window, row, column in np.ndindex(*excess.shape):
        around = [excess[window, (row + dy) % 8, (column + dx) % 5] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        assert near[window, row, column] == max(around)


def test_a_slanted_plane_is_found_although_its_families_have_other_scales() -> None:
    shape, start = (800, 1000), np.array([[20.0, 0.0], [0.0, 19.0]])
    x, y = np.meshgrid(np.linspace(64, 936, 12), np.linspace(64, 736, 9))
    centre = np.stack([x.ravel(), y.ravel()], axis=1)
    true = Plane(start / WINDOW * [[1.04], [0.95]], np.array([0.16, -0.08]), np.array([500.0, 400.0]), 500.0)
    waves = np.rint(true.lines(centre)[1] * WINDOW).astype(int)
    excess = np.zeros((len(centre), WINDOW, WINDOW // 2 + 1), np.float32)
    for own, window in zip(waves, excess, strict=True):
        for along_x, along_y in own:
            sign = -1 if along_x < 0 else 1
            window[sign * along_y % WINDOW, sign * along_x] = 1.0
    found = slanted_plane(centre, excess, with_neighbours(excess), start, shape, WINDOW)
    off = np.abs(found.lines(centre)[1] - true.lines(centre)[1]).max() * WINDOW
    assert off < 1.0  # cycles a window
