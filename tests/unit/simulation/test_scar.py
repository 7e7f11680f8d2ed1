"""Scars: in the chosen segments and nowhere else, from the endocardium, as deep as asked."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.simulation import anatomy
from scartools.simulation.scar import TERRITORY_VARIANTS, Scar, depth_field, scar_class
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
