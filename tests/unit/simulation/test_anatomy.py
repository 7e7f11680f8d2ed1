"""The shape of the heart: known volumes, known angles, a right ventricle that starts at the insertions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scartools.simulation import anatomy
from scartools.simulation.anatomy import HeartShape


def heart(**changes: object) -> HeartShape:
    """A heart of revolution: an ellipsoid cut at its equator plus 20 mm, wall 9 mm all around."""
    values: dict[str, float] = {
        "cavity_length_mm": 80.0,
        "cavity_radius_mm": 25.0,
        "widest_level_mm": 60.0,
        "profile_exponent": 2.0,
        "ellipticity": 0.0,
        "ellipticity_deg": 0.0,
        "triangularity": 0.0,
        "triangularity_deg": 0.0,
        "free_wall_mm": 9.0,
        "septal_wall_mm": 9.0,
        "apex_wall_mm": 6.0,
        "open_ring_height_mm": 0.0,
        "septum_half_width_deg": 58.0,
        "rv_width_mm": 32.0,
        "rv_apex_mm": 16.0,
        "rv_wall_mm": 3.0,
        "fat_mm": 4.0,
    }
    return HeartShape(**(values | changes))  # type: ignore[arg-type]


def truncated_ellipsoid_ml(radius: float, half_length: float, above: float) -> float:
    """Volume from the lower pole to `above` over the equator, closed form."""
    height = half_length + above
    integral = height - (half_length**3 + above**3) / (3 * half_length**2)
    return np.pi * radius**2 * integral / 1000.0


def test_volumes_of_a_truncated_ellipsoid_are_the_closed_form() -> None:
    volumes = anatomy.solid_volumes(heart())
    pool = truncated_ellipsoid_ml(25.0, 60.0, 20.0)
    wall = truncated_ellipsoid_ml(34.0, 66.0, 20.0) - pool
    assert volumes["pool"] == pytest.approx(pool, rel=1e-4)
    assert volumes["myocardium"] == pytest.approx(wall, rel=1e-4)
    assert volumes["ring"] == pytest.approx(wall, rel=1e-4)


def test_parts_of_the_heart_add_up() -> None:
    shape = heart(ellipticity=0.05, septal_wall_mm=10.0, open_ring_height_mm=10.0)
    whole = anatomy.solid_volumes(shape)
    low, high = anatomy.solid_volumes(shape, to_mm=33.0), anatomy.solid_volumes(shape, from_mm=33.0)
    for name, volume in whole.items():
        assert low[name] + high[name] == pytest.approx(volume, rel=1e-3)
    assert whole["myocardium"] > whole["ring"] * 1.01


@pytest.mark.parametrize(
    ("degrees", "basal", "apical"),
    [
        (0, 1, 13), (29.99, 1, 13), (30, 2, 13), (45, 2, 14), (90, 3, 14), (89.99, 2, 14), (149.99, 3, 15),
        (150, 4, 15), (180, 4, 15), (210, 5, 15), (225, 5, 16), (270, 6, 16), (329.99, 6, 13), (330, 1, 13),
        (-30, 1, 13), (-45, 6, 13), (-45.01, 6, 16),
    ],
)  # fmt: skip
def test_sectors_are_half_open_and_follow_the_convention(degrees: float, basal: int, apical: int) -> None:
    theta = np.radians(np.array([degrees] * 5, dtype=np.float64)) + 1e-9
    b = np.array([70.0, 40.0, 20.0, -2.0, 81.0])
    assert anatomy.aha_segment(heart(), theta, b).tolist() == [basal, basal + 6, apical, 17, 0]


def test_rings_are_equal_thirds_of_the_cavity_length() -> None:
    b = np.array([80.0, 53.34, 53.33, 26.67, 26.66, 0.0, -0.01])
    segments = anatomy.aha_segment(heart(), np.full(b.size, 1e-6), b)
    assert segments.tolist() == [1, 1, 7, 7, 13, 13, 17]


def test_wall_thins_to_the_apex_and_the_septum_is_thicker() -> None:
    shape = heart(septal_wall_mm=11.0)
    theta = np.radians(np.array([90.0, 270.0]))
    level = np.full(2, shape.widest_level_mm)
    wall = anatomy.epicardium(shape, theta, level) - anatomy.endocardium(shape, theta, level)
    assert wall == pytest.approx([11.0, 9.0], abs=0.01)
    axis = np.array([-5.9, -6.1, 0.0])
    assert (anatomy.epicardium(shape, np.zeros(3), axis) > 0).tolist() == [True, False, True]
    assert anatomy.endocardium(shape, np.zeros(3), axis).tolist() == pytest.approx([0, 0, 0], abs=1e-6)


@settings(derandomize=True, max_examples=25, deadline=None)
@given(st.floats(-180, 180), st.floats(5.0, 79.0), st.floats(0.0, 1.0))
def test_wall_depth_runs_from_endocardium_to_epicardium(degrees: float, level: float, part: float) -> None:
    shape = heart(ellipticity=0.06, triangularity=0.02, triangularity_deg=33.0, profile_exponent=2.2)
    theta, b = np.array([np.radians(degrees)]), np.array([level])
    endo, epi = anatomy.endocardium(shape, theta, b), anatomy.epicardium(shape, theta, b)
    r = endo + part * (epi - endo)
    depth = anatomy.wall_depth(shape, theta, r, b, endo, epi)[0]
    # Along a radius above the lowest fifth of the cavity; near it below.
    assert depth == pytest.approx(part, abs=1e-6 if level >= 16.0 else 0.25)
    assert -1e-6 <= depth <= 1 + 1e-6


@pytest.mark.parametrize("half_width", [50.0, 58.0, 66.0])
def test_right_ventricle_meets_the_left_at_the_insertions(half_width: float) -> None:
    shape = heart(septum_half_width_deg=half_width, ellipticity=0.06, ellipticity_deg=20.0)
    degrees = np.arange(-179.5, 180.0, 1.0)
    theta, b = np.radians(degrees), np.full(degrees.size, 60.0)
    epi = anatomy.epicardium(shape, theta, b)
    touching = anatomy.rv_level(shape, theta, epi + 0.01, b, epi) < 0
    assert np.abs(np.abs(anatomy.septal_angle(theta[touching])).max() - half_width) < 1.0
    assert np.all(np.abs(anatomy.septal_angle(theta[~touching])) > half_width - 1.0)


def test_right_ventricle_is_as_wide_as_asked_and_absent_at_the_apex() -> None:
    shape, theta = heart(), np.full(1, np.pi / 2)
    base = np.array([80.0])
    epi = anatomy.epicardium(shape, theta, base)
    assert abs(anatomy.rv_level(shape, theta, epi + 32.0, base, epi)[0]) < 0.01
    low = np.array([10.0])
    assert anatomy.rv_level(shape, theta, anatomy.epicardium(shape, theta, low) + 0.1, low, epi)[0] > 0


def test_ring_is_open_beside_the_outflow_tract_only() -> None:
    shape = heart(open_ring_height_mm=10.0)
    top = anatomy.wall_top(shape, np.radians(np.array([anatomy.OUTFLOW_DEG, 250.0])))
    assert top == pytest.approx([80.0, 90.0])


def test_an_old_scar_thins_its_own_wall_from_outside() -> None:
    whole, thin = heart(), heart(thinned=(((7, 8, 13, 14), 0.4),))
    level = np.full(4, 40.0)
    angles = np.radians([30.0, 210.0, 150.0, 270.0])  # in segments 7 and 8, and across the ring
    kept = anatomy.wall_thickness(thin, angles, level) / anatomy.wall_thickness(whole, angles, level)
    assert kept[0] == pytest.approx(0.6, abs=0.03)
    assert kept[1:] == pytest.approx(1.0, abs=0.03)
    single = anatomy.epicardium(thin, np.array(angles[0]), np.array(40.0))  # a point without axes
    assert float(single) == pytest.approx(anatomy.epicardium(thin, angles, level)[0], rel=1e-5)
    np.testing.assert_array_equal(
        anatomy.endocardium(thin, angles, level), anatomy.endocardium(whole, angles, level)
    )
    assert anatomy.solid_volumes(thin)["pool"] == pytest.approx(anatomy.solid_volumes(whole)["pool"])
    assert anatomy.solid_volumes(thin)["myocardium"] < 0.95 * anatomy.solid_volumes(whole)["myocardium"]


def test_depth_runs_from_0_to_1_in_a_thinned_wall() -> None:
    shape = heart(thinned=(((13, 14, 15, 16, 17), 0.5),))
    for level in (8.0, 20.0, 40.0):
        theta, b = np.radians(np.arange(0.0, 360.0, 30.0)), np.full(12, level)
        endo, epi = anatomy.endocardium(shape, theta, b), anatomy.epicardium(shape, theta, b)
        inner = anatomy.wall_depth(shape, theta, endo + 1e-3, b, endo, epi)
        outer = anatomy.wall_depth(shape, theta, epi - 1e-3, b, endo, epi)
        assert inner == pytest.approx(0.0, abs=0.05) and outer == pytest.approx(1.0, abs=0.08)
