"""Volumes and depths of solids in closed form: a tapered heart, straight and oblique, at fine and clinical spacing.

One grid counts a solid with an error of its own, the same for every voxel counter: how the grid happens to lie against
the surface. A claim about the measure is therefore made of its mean over grids that lie differently; the error of a
single grid has a limit of its own.
"""

from __future__ import annotations

import numpy as np
import pytest

from scartools.heart.chords import centreline_chords
from scartools.heart.quantities import quantify
from tests.unit.heart.solids import (
    MYOCARDIUM_ML,
    SCAR_ML,
    THIRDS,
    depth_in_slice,
    half_shell,
    offsets,
)

QUARTERS = (-0.5, -0.25, 0.0, 0.25)


def volume_errors(pixel: float, step: float, tilt: float, along: tuple[float, ...]) -> np.ndarray:
    """Relative errors of myocardium and scar, (grids, 2)."""
    found = []
    for offset in offsets(THIRDS if along == (0.0,) else (-0.25, 0.25), along):
        row = quantify(*half_shell(pixel, step, tilt, offset)).rows[-1]
        found.append((row["myocardium_ml"] / MYOCARDIUM_ML - 1, row["scar_ml"] / SCAR_ML - 1))
    return np.array(found)


def test_volumes_at_fine_spacing_are_those_of_the_solid() -> None:
    errors = volume_errors(1.5, 1.5, 0.0, (0.0,))
    np.testing.assert_allclose(errors.mean(axis=0), 0.0, atol=0.005)
    # A layer 5 mm thin on a grid that lies symmetrically to it is the worst case: 0.52 % too much.
    assert np.abs(errors).max() <= 0.0075


@pytest.mark.parametrize("step", [8.0, 10.0])
def test_volumes_at_clinical_spacing_are_within_3_percent_in_each_grid(step: float) -> None:
    assert np.abs(volume_errors(1.5, step, 0.0, (0.0,))).max() <= 0.03


@pytest.mark.parametrize(("pixel", "step"), [(1.5, 8.0), (1.5, 10.0), (1.0, 6.0)])
@pytest.mark.parametrize("tilt", [15.0, 30.0])
def test_volumes_of_an_oblique_heart(pixel: float, step: float, tilt: float) -> None:
    errors = volume_errors(pixel, step, tilt, QUARTERS)
    np.testing.assert_allclose(errors.mean(axis=0), 0.0, atol=0.005)
    assert np.abs(errors[:, 0]).max() <= 0.03  # the whole wall, in each grid
    assert np.abs(errors[:, 1]).max() <= 0.05  # the 5 mm layer in slices of 6 to 10 mm


@pytest.mark.parametrize("step", [1.5, 8.0, 10.0])
@pytest.mark.parametrize(("tilt", "off_half"), [(0.0, 1.0), (10.0, 2.0), (20.0, 2.0), (25.0, 2.2), (30.0, 2.7)])
def test_depth_of_scar_in_a_tapered_oblique_heart(step: float, tilt: float, off_half: float) -> None:
    """The scar is the inner half of the wall; an oblique slice near the tip or the open base shows a little more."""
    found, truth, whole_rings = [], [], []
    grids = list(offsets((-0.25, 0.25), QUARTERS))
    for offset in grids[::5] if step < 6 else grids[::3]:
        labels, matrix = half_shell(1.5, step, tilt, offset)
        cuts = centreline_chords(labels, matrix)
        shown, counts = np.unique(cuts.slice_index, return_counts=True)
        found.append(cuts.percent.mean())
        every = 4 if step < 6 else 1
        truth.append(
            np.concatenate([depth_in_slice(matrix, int(k), len(labels)) for k in shown[::every]]).mean()
        )
        whole_rings.append(cuts.percent[np.isin(cuts.slice_index, shown[counts == 100])].mean())
    assert np.mean(found) == pytest.approx(np.mean(truth), abs=1.0)  # what the slices really show
    assert np.mean(found) == pytest.approx(50.0, abs=off_half)  # what the heart has
    assert np.mean(whole_rings) == pytest.approx(50.0, abs=2.2)
