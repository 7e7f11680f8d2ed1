"""The continuous map: what lies in the wall stands at its angle and level, and nothing is made up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scartools.errors import GeometryError, InputError
from scartools.heart.bullseye_layout import segment_wedge
from scartools.heart.long_axis import LongAxis
from scartools.heart.nomenclature import SegmentModel
from scartools.heart.polar_map import ANGLES, LEVELS, PolarMap, polar_map
from scartools.heart.quantities import quantify
from scartools.heart.segments import label_segments
from tests.unit.heart.heart_phantom import CENTRE, FLIPS, ORDERS, SIZE, affine, rearranged, ventricle

RADIUS = (np.arange(LEVELS) + 0.5) / LEVELS
DEGREES = (np.arange(ANGLES) + 0.5) * 360 / ANGLES
I, J = np.meshgrid(np.arange(SIZE) - CENTRE, np.arange(SIZE) - CENTRE, indexing="ij")
THETA = (
    np.degrees(np.arctan2(J, I)) % 360
)  # in the view from the apex, counter-clockwise from the patient's left


def mapped(
    labels: np.ndarray,
    matrix: np.ndarray | None = None,
    *,
    model: SegmentModel = 17,
    long_axis: LongAxis = "auto",
    **options: Any,
) -> PolarMap:
    matrix = affine() if matrix is None else matrix
    prior = label_segments(labels, matrix, model=model, long_axis=long_axis)
    return polar_map(labels, matrix, prior.map, model=model, **options)


def within(disc: PolarMap, segment: int, model: SegmentModel = 17) -> np.ndarray:
    """The values of the map inside a segment of the figure."""
    inner, outer, start, end = segment_wedge(segment, model)
    rows = (inner <= RADIUS) & (outer > RADIUS)
    return disc.values[np.ix_(rows, (DEGREES - start) % 360 < end - start)]


def scarred(labels: np.ndarray, middle: float, half: float, slices: slice = slice(None)) -> np.ndarray:
    """The wall from one angle to another, seen from the apex, as scar."""
    found = labels.copy()
    inside = np.abs((THETA - middle + 180) % 360 - 180) <= half
    part = found[:, :, slices]
    part[(part == 2) & inside[..., np.newaxis]] = 3
    return found


def test_a_half_wall_ring_is_50_percent_transmural_everywhere() -> None:
    labels = ventricle(taper=False, outer=20, wall=10)
    labels[(labels == 2) & (np.hypot(I, J) < 15)[..., np.newaxis]] = 3
    disc = mapped(labels, long_axis="apex-first", measure="transmurality_mean_percent")
    ring = disc.values[segment_wedge(13)[0] < RADIUS]
    assert np.isfinite(ring).all()
    assert ring.mean() == pytest.approx(50, abs=1.0)
    assert np.abs(ring - 50).max() < 5  # a voxel is 10 % of this wall


def test_the_share_of_the_wall_is_that_of_the_areas() -> None:
    labels = ventricle(taper=False, outer=20, wall=10)
    labels[(labels == 2) & (np.hypot(I, J) < 15)[..., np.newaxis]] = 3
    ring = mapped(labels, long_axis="apex-first").values[segment_wedge(13)[0] < RADIUS]
    area = 100 * (15**2 - 10**2) / (20**2 - 10**2)
    assert ring.mean() == pytest.approx(area, abs=1.0)
    assert np.abs(ring - area).max() < 5


@pytest.mark.parametrize(
    ("wall", "figure"), [("anterior", 90.0), ("septal", 180.0), ("inferior", 270.0), ("lateral", 0.0)]
)
@pytest.mark.parametrize("septum", [180.0, 130.0])
@pytest.mark.parametrize("measure", ["scar_percent", "transmurality_mean_percent"])
def test_scar_appears_where_the_standard_draws_its_wall(
    wall: str, figure: float, septum: float, measure: Any
) -> None:
    """The angle of the figure is 180 in the middle of the septum, wherever that lies in the image."""
    disc = mapped(scarred(ventricle(septum=septum), septum + figure - 180, 30), measure=measure)
    row = disc.values[int(0.87 * LEVELS)]  # basal
    scar = row > 50
    turn = np.radians(DEGREES[scar])
    middle = np.degrees(np.arctan2(np.sin(turn).mean(), np.cos(turn).mean()))
    assert (middle - figure + 180) % 360 - 180 == pytest.approx(0, abs=2.0)
    assert scar.mean() * 360 == pytest.approx(60, abs=4.0)
    beyond = np.abs((DEGREES - figure + 180) % 360 - 180) > 30 + 4 * 6
    assert row[beyond].max() < 0.5


def test_the_base_is_outside_and_the_apex_in_the_middle() -> None:
    labels = ventricle(slices=9)
    basal, apical = scarred(labels, 0, 180, slice(6, 9)), scarred(labels, 0, 180, slice(0, 3))
    assert within(mapped(basal), 1).mean() > 80 > 20 > within(mapped(basal), 13).mean()
    assert within(mapped(apical), 13).mean() > 80 > 20 > within(mapped(apical), 1).mean()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("flips", FLIPS)
def test_the_map_does_not_depend_on_how_the_array_is_stored(order: Any, flips: Any) -> None:
    labels = scarred(ventricle(slices=6), 100, 25, slice(2, 5))
    moved, matrix = rearranged(labels, affine(), order, flips)
    assert np.allclose(mapped(moved, matrix).values, mapped(labels).values, equal_nan=True, atol=1e-6)


@pytest.mark.parametrize("model", [16, 17, 18])
def test_the_mean_of_the_map_is_the_number_of_the_segment(model: SegmentModel) -> None:
    labels = scarred(ventricle(slices=9), 75, 70, slice(1, 7))
    matrix = affine()
    segments = label_segments(labels, matrix, model=model).map
    rows = {row["region"]: row for row in quantify(labels, matrix, segments=segments, model=model).rows}
    for measure in ("scar_percent", "transmurality_mean_percent"):
        disc = polar_map(labels, matrix, segments, measure=measure, model=model)  # type: ignore[arg-type]
        for segment in range(1, 17 if model == 17 else model + 1):
            expected = rows[str(segment)][measure]
            assert within(disc, segment, model).mean() == pytest.approx(expected, abs=6.0), (measure, segment)


def test_unequal_sectors_end_where_the_figure_draws_their_borders() -> None:
    labels = ventricle(septum=180.0)
    matrix = affine()
    prior = label_segments(labels, matrix, anchor="both-insertions")
    assert abs(prior.facts["SectorStarts"]["Basal"][0] - 120) > 3  # else the test shows nothing
    labels[np.isin(prior.map, [2, 3])] = 3
    disc = polar_map(labels, matrix, prior.map)
    for segment, least, most in ((2, 80, 100), (3, 80, 100), (1, 0, 20), (4, 0, 20)):
        assert least <= within(disc, segment).mean() <= most
    row = disc.values[int(0.9 * LEVELS)]
    assert DEGREES[row > 50].min() == pytest.approx(120, abs=1.5)
    assert DEGREES[row > 50].max() == pytest.approx(240, abs=1.5)


def test_what_was_not_imaged_is_nan() -> None:
    without_cap = mapped(ventricle(slices=6))
    assert np.isnan(within(without_cap, 17)).all() and np.isfinite(within(without_cap, 13)).all()
    with_cap = ventricle(slices=6, cap=2)
    assert np.isfinite(within(mapped(with_cap), 17)).all()
    assert np.isnan(within(mapped(with_cap, measure="transmurality_mean_percent"), 17)).all()
    labels = ventricle(slices=6)
    prior = label_segments(labels, affine()).map
    gone = np.where(np.isin(prior, [2, 9]), 0, prior)
    disc = polar_map(labels, affine(), gone)
    assert np.isnan(within(disc, 2)[:, 20:-20]).all()
    assert np.isfinite(within(disc, 1)[:, 20:-20]).all() and np.isfinite(within(disc, 8)[:, 20:-20]).all()


def test_nothing_is_drawn_across_a_missing_slice() -> None:
    labels = scarred(ventricle(slices=9), 0, 180, slice(8, 9))
    prior = label_segments(labels, affine()).map.copy()
    prior[:, :, 7] = 0  # between two basal slices
    disc = polar_map(labels, affine(), prior)
    basal = disc.values[RADIUS > 0.75].mean(axis=1)
    third = len(basal) // 3
    assert (basal[-third + 1 :] == 100).all() and np.isnan(basal[third + 1 : 2 * third - 1]).all()
    assert (basal[: third - 1] == 0).all()


def test_one_ring_alone_is_drawn_in_its_place() -> None:
    labels = scarred(ventricle(slices=3, taper=False), 90, 30)
    prior = label_segments(labels, affine(), ring="mid", long_axis="base-first").map
    flipped = label_segments(labels, affine(), ring="mid", long_axis="apex-first").map
    for one in (prior, flipped):
        disc = polar_map(labels, affine(), one)
        imaged = np.isfinite(disc.values).any(axis=1)
        assert RADIUS[imaged].min() == pytest.approx(0.49, abs=0.01)
        assert RADIUS[imaged].max() == pytest.approx(0.75, abs=0.01)
    assert within(polar_map(labels, affine(), flipped), 7).mean() > 80


def test_segments_that_make_no_map_are_refused() -> None:
    labels = ventricle(slices=6)
    prior = label_segments(labels, affine()).map
    with pytest.raises(InputError, match="shape"):
        polar_map(labels, affine(), prior[:-1])
    with pytest.raises(InputError, match="no segment"):
        polar_map(labels, affine(), np.zeros_like(prior))
    with pytest.raises(GeometryError, match="mirrored"):
        polar_map(labels, affine(), prior[:, ::-1])
    swapped = prior.copy()
    swapped[prior == 1], swapped[prior == 4] = 3, 1
    swapped[prior == 3] = 4
    with pytest.raises(GeometryError):
        polar_map(labels, affine(), swapped)
