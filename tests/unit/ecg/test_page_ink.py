"""Runs, pieces and uprights of ink: the same as plain definitions of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from scartools.ecg.layout import _opened, beside_paths
from scartools.ecg.page_ink import pieces, upright_runs
from scartools.ecg.trace import Path


def some_ink(seed: int, share: float = 0.4) -> np.ndarray:
    return np.random.default_rng(seed).random((37, 53)) < share


@pytest.mark.parametrize("seed", range(4))
def test_the_runs_are_all_the_ink_column_by_column(seed):
    ink = some_ink(seed)
    runs = upright_runs(ink)
    drawn = np.zeros_like(ink)
    for column, top, bottom in zip(runs.column, runs.top, runs.bottom, strict=True):
        assert top < bottom and (top == 0 or not ink[top - 1, column])
        assert bottom == len(ink) or not ink[bottom, column]
        drawn[top:bottom, column] = True
    np.testing.assert_array_equal(drawn, ink)
    assert (np.diff(runs.column) >= 0).all()


def test_a_page_without_ink_has_no_runs():
    assert len(upright_runs(np.zeros((5, 7), bool)).top) == 0


@pytest.mark.parametrize("seed", range(4))
def test_pieces_are_measured_with_their_corners_joined(seed):
    labels, boxes = pieces(some_ink(seed, 0.2).view(np.uint8))
    expected, count = ndimage.label(some_ink(seed, 0.2), np.ones((3, 3), int))
    assert len(boxes) == count + 1
    np.testing.assert_array_equal(labels > 0, expected > 0)
    found = {(x, y, x + w, y + h, area) for x, y, w, h, area in boxes[1:].tolist()}
    due = {
        (wide.start, tall.start, wide.stop, tall.stop, int((expected[tall, wide] == k + 1).sum()))
        for k, (tall, wide) in enumerate(ndimage.find_objects(expected))
    }
    assert found == due


@pytest.mark.parametrize("tall", [2, 3, 4, 7])
def test_only_tall_runs_stay_when_the_ink_is_opened(tall):
    ink = some_ink(tall, 0.85)
    np.testing.assert_array_equal(_opened(ink, tall) > 0, ndimage.binary_opening(ink, np.ones((tall, 1), bool)))


def test_the_ink_beside_a_path_is_what_it_does_not_pass():
    ink = np.ones((20, 6), bool)
    path = Path(
        np.array([np.nan, 0, 5, 5, 18, np.nan]), np.array([np.nan, 2, 8, 8, 20, np.nan]), np.zeros(6, bool)
    )
    rest = beside_paths(ink, [path])
    kept = [np.flatnonzero(~rest[:, x]).tolist() for x in range(6)]
    assert kept == [[], [0, 1, 2], [4, 5, 6, 7, 8], [4, 5, 6, 7, 8], [17, 18, 19], []]
    wide = beside_paths(ink, [path], 1)
    assert np.flatnonzero(~wide[:, 0]).tolist() == [0, 1, 2]
    assert np.flatnonzero(~wide[:, 5]).tolist() == [17, 18, 19]
