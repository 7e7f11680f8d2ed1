"""Scars: in the chosen segments and nowhere else, from the endocardium, as deep as asked."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.simulation import anatomy
from scartools.simulation.patterns import INSERTION_DEG, NON_ISCHAEMIC, TERRITORY_VARIANTS
from scartools.simulation.scar import Scar, depth_field, fibrosis, scar_class, scar_share
from tests.unit.simulation.test_anatomy import heart


def scar(segments: tuple[int, ...], extent: float, **changes: object) -> Scar:
    values = {
        "territory": "LAD",
        "segments": segments,
        "transmural_extent": extent,
        "border_inset_mm": 2.0,
        "border_taper_mm": 4.0,
        "no_reflow": False,
        "focal": None,
        "texture_seed": 11,
    }
    return Scar(**(values | changes))  # type: ignore[arg-type]


def wall_labels(
    scars: tuple[Scar, ...], depth: float, shape: anatomy.HeartShape
) -> tuple[np.ndarray, np.ndarray]:
    """Labels and segments of the wall at one depth, on a grid finer than and apart from the scar's own."""
    theta, b = np.meshgrid(
        np.radians(np.arange(-180.0, 180.0, 0.37)), np.arange(-5.5, 80.0, 0.41), indexing="ij"
    )
    theta, b = theta.ravel(), b.ravel()
    label = scar_class(depth_field(shape, scars), theta, b, np.full(b.size, depth))
    return label, anatomy.aha_segment(shape, theta, b)


@pytest.mark.parametrize("territory", sorted(TERRITORY_VARIANTS))
def test_scar_lies_in_the_chosen_segments_only_and_in_all_of_them(territory: str) -> None:
    for segments in TERRITORY_VARIANTS[territory]:
        label, segment = wall_labels((scar(segments, 0.8),), 0.02, heart())
        assert set(segment[label == 3].tolist()) == set(segments)


@pytest.mark.parametrize("extent", [0.2, 0.5, 0.8, 1.0])
def test_wave_front_starts_at_the_endocardium_and_ends_at_the_extent(extent: float) -> None:
    shape, one = heart(), (scar((7, 8, 13, 14), extent),)
    endocardial = (wall_labels(one, 0.001, shape)[0] == 3).sum()
    shallow = (wall_labels(one, 0.5 * extent, shape)[0] == 3).sum()
    just_inside = (wall_labels(one, 0.995 * extent, shape)[0] == 3).sum()
    beyond = (wall_labels(one, extent + 1e-3, shape)[0] == 3).sum()
    assert endocardial > shallow > just_inside > 0
    assert beyond == 0


def test_scar_at_depth_is_within_the_scar_nearer_the_endocardium() -> None:
    one = (scar((5, 6, 11, 12, 16), 0.9),)
    near, far = (wall_labels(one, depth, heart())[0] == 3 for depth in (0.1, 0.6))
    assert not (far & ~near).any()


def test_no_reflow_core_is_enclosed_by_scar() -> None:
    one = (scar((1, 2, 7, 8, 13, 14, 17), 1.0, no_reflow=True),)
    core = wall_labels(one, 0.4, heart())[0] == 4
    assert core.sum() > 500
    for depth in (0.01, 0.7):  # towards the pool and towards the outer wall
        assert not (wall_labels(one, depth, heart())[0] == 4).any()
        assert (wall_labels(one, depth, heart())[0][core] == 3).all()


def test_focal_scar_is_as_small_as_asked() -> None:
    shape, radius = heart(), 9.0
    one = (scar((7,), 0.9, focal=(0.0, 40.0, radius), border_inset_mm=1.0, border_taper_mm=2.0),)
    theta, b = np.meshgrid(np.radians(np.arange(-180.0, 180.0, 0.5)), np.arange(0.0, 80.0, 0.5), indexing="ij")
    label = scar_class(depth_field(shape, one), theta.ravel(), b.ravel(), np.full(b.size, 0.05))
    levels = b.ravel()[label == 3]
    assert 40.0 - radius < levels.min() < levels.max() < 40.0 + radius
    assert np.degrees(np.abs(theta.ravel()[label == 3]).max()) < 25.0


def test_two_scars_take_the_deeper_of_both() -> None:
    shallow, deep = scar((4,), 0.3), scar((10,), 0.9)
    label, segment = wall_labels((shallow, deep), 0.6, heart())
    assert set(segment[label == 3].tolist()) == {10}


def test_heart_without_scar_has_none() -> None:
    assert (wall_labels((), 0.0, heart())[0] == 2).all()


def bands(one: Scar, depths: np.ndarray) -> np.ndarray:
    """Labels (P, D) of wall points P at each of the depths D."""
    theta, b = np.meshgrid(np.radians(np.arange(0.0, 360.0, 1.7)), np.arange(-4.0, 78.0, 1.3), indexing="ij")
    theta, b = theta.ravel(), b.ravel()
    field = depth_field(heart(), (one,))
    return np.stack([scar_class(field, theta, b, np.full(b.size, depth)) for depth in depths], axis=1)


@pytest.mark.parametrize("pattern", sorted(NON_ISCHAEMIC))
def test_scar_of_a_disease_lies_where_it_does_in_the_wall(pattern: str) -> None:
    kind = NON_ISCHAEMIC[pattern]
    depths = np.arange(0.01, 1.0, 0.02)
    for segments in kind.variants:
        focal = (INSERTION_DEG[segments], 45.0, 9.0) if pattern == "insertion" else None
        label = bands(scar(segments, kind.extent[1], pattern=pattern, focal=focal), depths)
        found = label == 3
        assert found.any() and not (label == 4).any()
        assert not found[:, depths < 0.05].any()  # the endocardium is free
        assert found[:, depths > 0.97].any() == (pattern == "epicardial")
        thickness = found.sum(axis=1).max() * 0.02
        assert thickness == pytest.approx(kind.extent[1], abs=0.05)
        middle = (found * depths).sum() / found.sum()
        assert (middle > 0.65) if kind.middle is None else middle == pytest.approx(kind.middle, abs=0.06)


def test_fibrosis_is_half_at_the_border_and_falls_across_the_border_zone() -> None:
    shape = heart()
    one = (scar((7, 8, 13, 14), 0.6, border_zone_mm=2.0, border_inset_mm=0.5),)
    field = depth_field(shape, one)
    theta, b, depth = np.radians(np.full(101, 40.0)), np.full(101, 40.0), np.linspace(0.0, 1.0, 101)
    share, label = fibrosis(field, theta, b, depth), scar_class(field, theta, b, depth)
    np.testing.assert_array_equal(label == 3, share > 0.5)
    assert share[0] == 1.0 and share[-1] == 0.0 and (np.diff(share) <= 1e-6).all()
    mixed = ((share > 0.02) & (share < 0.98)).sum() / 100  # of a wall of 9 mm
    assert mixed == pytest.approx(2.0 / 9.0, abs=0.03)


def test_a_scar_without_border_zone_is_all_or_nothing() -> None:
    field = depth_field(heart(), (scar((4, 10), 0.7),))
    theta, b = np.meshgrid(np.radians(np.arange(0.0, 360.0, 3.1)), np.arange(0.0, 75.0, 2.3), indexing="ij")
    for depth in (0.05, 0.5, 0.9):
        share = fibrosis(field, theta.ravel(), b.ravel(), np.full(theta.size, depth))
        label = scar_class(field, theta.ravel(), b.ravel(), np.full(theta.size, depth))
        np.testing.assert_allclose(share, label == 3, atol=1e-3)


def test_border_zone_stays_in_the_segments_of_its_scar() -> None:
    field = depth_field(heart(), (scar((7, 8), 0.9, border_zone_mm=2.6, border_inset_mm=0.1),))
    theta, b = np.meshgrid(np.radians(np.arange(0.0, 360.0, 0.7)), np.arange(-5.0, 78.0, 0.7), indexing="ij")
    share = fibrosis(field, theta.ravel(), b.ravel(), np.full(theta.size, 0.02))
    segment = anatomy.aha_segment(heart(), theta.ravel(), b.ravel())
    assert set(segment[share > 0].tolist()) == {7, 8}


def test_share_of_the_wall_is_that_of_its_volume() -> None:
    """A scar of the whole ring, half as deep as the wall: between the inner and the outer half of its volume."""
    shape = heart()
    ring = scar(tuple(range(1, 18)), 0.5, border_inset_mm=0.1, border_taper_mm=0.5)
    found = scar_share(shape, depth_field(shape, (ring,)))
    assert 0.36 < found < 0.48  # uneven, and the inner half of a round wall is the smaller
