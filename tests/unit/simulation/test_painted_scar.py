"""Painted scar: each segment gets the share it is due, laid from the endocardium, beside its scarred neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.simulation import anatomy
from scartools.simulation.painted_scar import SegmentScar, paint_scar
from scartools.simulation.scar import scar_class
from scartools.simulation.subject import draw_subject

SHAPE = draw_subject(1, 5).shape


def measured(field, number: int) -> tuple[float, float]:
    """Share of a segment's muscle that is scar, and of its surface under scar, on a fine grid of the model."""
    theta, b = np.meshgrid(
        np.radians(np.arange(0.5, 360.0)), np.arange(-SHAPE.apex_wall_mm, SHAPE.cavity_length_mm, 0.5)
    )
    theta, b = theta.ravel(), b.ravel()
    inside = anatomy.aha_segment(SHAPE, theta, b) == number
    theta, b = theta[inside], b[inside]
    endo, epi = anatomy.endocardium(SHAPE, theta, b), anatomy.epicardium(SHAPE, theta, b)
    scar, whole, under = 0.0, 0.0, np.zeros(len(b), bool)
    for part in (np.arange(40) + 0.5) / 40:
        radius = endo + part * (epi - endo)
        here = scar_class(field, theta, b, np.full(len(b), part)) != 2
        weight = radius * (epi - endo)
        scar, whole, under = scar + (weight * here).sum(), whole + weight.sum(), under | here
    return scar / whole, float(under.mean())


@pytest.mark.parametrize(("share", "extent"), [(0.1, 0.4), (0.3, 0.5), (0.5, 0.9), (0.9, 1.0)])
def test_a_segment_has_the_share_and_the_extent_it_is_due(share: float, extent: float) -> None:
    field = paint_scar(SHAPE, {8: SegmentScar(share, extent)})
    found, under = measured(field, 8)
    assert found == pytest.approx(share, abs=0.04)
    assert under == pytest.approx(extent, abs=0.12)
    assert measured(field, 10)[0] == 0.0


def test_no_scar_is_no_scar() -> None:
    assert not paint_scar(SHAPE, {}).depth.any()
    assert not paint_scar(SHAPE, {3: SegmentScar(0.0, 0.0)}).depth.any()


def test_scar_lies_towards_its_scarred_neighbour() -> None:
    field = paint_scar(SHAPE, {7: SegmentScar(0.9, 1.0), 8: SegmentScar(0.2, 0.4)})
    level = round(0.5 * SHAPE.cavity_length_mm - field.first_level_mm)
    depth = field.depth[:, level]
    # 7 spans -30 to 30 degrees, 8 from 30 to 90
    assert depth[33:50].mean() > 3 * depth[72:88].mean()


def test_the_apical_cap_takes_its_share_without_chords() -> None:
    field = paint_scar(SHAPE, {17: SegmentScar(0.6, float("nan"))})
    rows = np.arange(field.depth.shape[1]) + field.first_level_mm < -1.0
    assert field.depth[:, rows].max() > 0.5
    assert not field.depth[:, ~rows][:, 3:].any()
