"""Activation: voxels that are the heart's, times that are the shortest ways, scar that stays silent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scartools.simulation.activation import (
    Conduction,
    Unevenness,
    VoxelHeart,
    activation_times,
    early_voxels,
    neighbours,
    voxel_heart,
    with_survivors,
)
from scartools.simulation.anatomy import solid_volumes
from scartools.simulation.scar import Scar, depth_field
from scartools.simulation.subject import draw_subject

SUBJECT = draw_subject(6, 1)
SHAPE = SUBJECT.shape


def scar(*segments: int, extent: float = 1.0) -> tuple[Scar, ...]:
    return (Scar("LAD", segments, extent, 1.0, 2.0, False, None, 3),)


def heart_with(scars: tuple[Scar, ...]) -> VoxelHeart:
    return voxel_heart(SHAPE, depth_field(SHAPE, scars))


@pytest.fixture(scope="module")
def healthy() -> VoxelHeart:
    return heart_with(())


def bar(length: int) -> VoxelHeart:
    """A straight row of voxels along the long axis, far from every fast layer."""
    index = np.stack([np.zeros(length), np.zeros(length), np.arange(length)], axis=1).astype(np.int64)
    one = np.ones(length)
    outward = np.tile([1.0, 0.0, 0.0], (length, 1))
    off = np.zeros(length, bool)
    return VoxelHeart(index * 3.0, one, 0 * one, 0 * one, outward, 0 * one, 0 * one, off, off, index, 3.0)


def test_the_voxels_have_the_volume_of_the_solid(healthy: VoxelHeart) -> None:
    left = ~healthy.right
    ml = healthy.viable[left].sum() * healthy.spacing_mm**3 / 1000.0
    assert ml == pytest.approx(solid_volumes(SHAPE)["myocardium"], rel=0.05)
    assert healthy.scarred.max() == 0
    assert len(np.unique(healthy.index, axis=0)) == len(healthy.index)


def test_every_living_voxel_of_a_healthy_heart_fires(healthy: VoxelHeart) -> None:
    times = activation_times(healthy, SHAPE, Conduction())
    assert np.isfinite(times[healthy.conducts]).all()
    assert times.min() == pytest.approx(0.0, abs=1e-9)
    assert 60 < times[np.isfinite(times)].max() < 120


def test_the_wave_runs_from_inside_to_outside_in_the_free_wall(healthy: VoxelHeart) -> None:
    times = activation_times(healthy, SHAPE, Conduction())
    free = ~healthy.right & (healthy.septal < 0.1) & (healthy.level > 0.2) & (healthy.level < 0.8)
    inner, outer = free & (healthy.depth < 0.3), free & (healthy.depth > 0.7)
    assert times[outer].mean() > times[inner].mean() + 10
    # no voxel is earlier than its nearest neighbour by more than the slowest step allows
    slowest = 3.0 / min(Conduction().across, Conduction().along)
    for first, second in neighbours(healthy, ((0, 0, 1), (0, 1, 0), (1, 0, 0))):
        both = healthy.conducts[first] & healthy.conducts[second]
        assert np.abs(times[first[both]] - times[second[both]]).max() <= slowest + 1e-9


def test_a_bar_is_activated_at_the_speed_along_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scartools.simulation.activation.early_voxels", lambda *_: [(0, 0.0), (19, 12.0)])
    conduction = Conduction(along=0.5)
    times = activation_times(bar(20), SHAPE, conduction)
    k = np.arange(20)
    assert times == pytest.approx(np.minimum(6.0 * k, 12.0 + 6.0 * (19 - k)))


def test_across_the_wall_it_is_slow_and_in_half_scar_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scartools.simulation.activation.early_voxels", lambda *_: [(0, 0.0)])
    row = bar(5)
    through = replace(row, outward=np.tile([0.0, 0.0, 1.0], (5, 1)))
    assert activation_times(through, SHAPE, Conduction(across=0.25))[4] == pytest.approx(48.0)
    bordered = replace(through, scarred=np.full(5, 0.5))
    slow = activation_times(bordered, SHAPE, Conduction(across=0.25, border=0.5))
    assert slow[4] == pytest.approx(48.0 / 0.75)
    blocked = replace(row, viable=np.array([1.0, 1.0, 0.1, 1.0, 1.0]))
    assert np.isfinite(activation_times(blocked, SHAPE, Conduction())).tolist() == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_scar_is_silent_and_delays_what_lies_behind(healthy: VoxelHeart) -> None:
    # A site that lies in scar is left out, not moved: then no voxel can be earlier than without the scar.
    fixed = Conduction(site_reach_mm=4.0)
    heart = heart_with(scar(4, 10))
    times, before = activation_times(heart, SHAPE, fixed), activation_times(healthy, SHAPE, fixed)
    dead = heart.viable < 0.4
    assert dead.sum() > 100
    assert np.isinf(times[dead]).all()
    assert np.array_equal(healthy.index, heart.index)
    alive = np.isfinite(times)
    assert (times[alive] >= before[alive] - 1e-9).all()
    assert (times[alive] > before[alive] + 5.0).sum() > 50


def test_a_site_in_a_scar_is_left_out() -> None:
    healthy_sites = early_voxels(heart_with(()), SHAPE, Conduction())
    assert len(healthy_sites) == 5
    near = replace(Conduction(), site_reach_mm=4.0)
    assert len(early_voxels(heart_with(scar(1, 2, 7, 8, 13, 14)), SHAPE, near)) < 5


def test_a_heart_whose_sites_all_lie_far_from_living_muscle_beats_from_the_nearest() -> None:
    heart = heart_with(())
    none_near = replace(Conduction(), site_reach_mm=0.0)
    ((voxel, delay),) = early_voxels(heart, SHAPE, none_near)
    assert heart.conducts[voxel] and delay in {site.delay_ms for site in none_near.sites}
    assert np.isfinite(activation_times(heart, SHAPE, none_near)[heart.conducts]).all()


def test_muscle_lives_in_patches_within_scar_and_nowhere_else() -> None:
    heart = heart_with(scar(4, 10))
    living = with_survivors(heart, 0.3, Unevenness(0.3, 30.0, seed=5))
    more = living.viable - heart.viable
    core = heart.scarred > 0.99
    assert core.sum() > 100 and (more[heart.scarred == 0] == 0).all() and more.min() >= 0
    assert more[core].mean() == pytest.approx(0.3, abs=0.12) and more[core].max() <= 0.9
    fires = np.isfinite(activation_times(living, SHAPE, Conduction()))
    assert 0.05 < fires[core].mean() < 0.8  # islets fire, the rest is silent
    assert np.array_equal(living.scarred, heart.scarred)
    none = with_survivors(heart, 0.0, Unevenness())
    assert np.array_equal(none.viable, heart.viable)


def test_an_uneven_field_is_smooth_has_its_size_and_follows_its_seed() -> None:
    points = np.random.default_rng(0).uniform(-300, 300, (4000, 3))
    field = Unevenness(8.0, length_mm=60.0, seed=3)
    values = field.at(points)
    assert values.mean() == pytest.approx(0.0, abs=1.0) and values.std() == pytest.approx(8.0, rel=0.15)
    assert np.abs(field.at(points + [1.0, 0.0, 0.0]) - values).max() < 4.0  # 1 mm on, all but the same
    assert np.array_equal(values, field.at(points))
    assert not np.allclose(values, Unevenness(8.0, seed=4).at(points))
    assert not Unevenness().at(points).any()


def test_the_border_zone_reaches_one_voxel_beyond_the_scar() -> None:
    row = replace(bar(7), scarred=np.array([0.0, 0.0, 0.0, 1.0, 0.2, 0.0, 0.0]))
    assert row.border == pytest.approx([0.0, 0.0, 0.5, 1.0, 0.5, 0.1, 0.0])
    assert not bar(7).border.any()


def test_scar_is_told_in_percent_of_the_muscle() -> None:
    row = replace(bar(4), viable=np.array([1.0, 0.5, 0.0, 0.4]), scarred=np.array([0.0, 0.5, 1.0, 0.0]))
    assert row.muscle == pytest.approx([1.0, 1.0, 1.0, 0.4])
    assert row.scar_percent == pytest.approx(100 * 1.5 / 3.4)
