"""The 17 segments: against the standard's table, in every storage order, under every damage a mask may have."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from scartools.heart.nomenclature import RINGS, SEGMENT_NAMES, TERRITORIES
from scartools.heart.segments import label_segments
from tests.unit.heart.heart_phantom import (
    CENTRE,
    FLIPS,
    ORDERS,
    affine,
    expected_segments,
    put_back,
    rearranged,
    ventricle,
)

NINE = [2, 2, 2, 1, 1, 1, 0, 0, 0]  # rings of nine slices, apex first


@pytest.mark.parametrize("septum", [0.0, 37.5, 135.0, 180.0, 271.0])
def test_every_voxel_follows_the_table_of_the_standard(septum: float) -> None:
    labels = ventricle(septum=None)
    found = label_segments(labels, affine(), angle=septum)
    np.testing.assert_array_equal(found.map, expected_segments(labels, septum, NINE))
    assert found.facts["AnchorSource"] == "given angle"
    assert found.facts["SeptumAngle"] == {"Basal": septum, "Mid": septum, "Apical": septum}


@pytest.mark.parametrize("septum", [0.0, 90.0, 135.0, 180.0])
def test_the_middle_of_the_rv_contact_is_the_border_of_2_and_3(septum: float) -> None:
    labels = ventricle(septum=septum)
    found = label_segments(labels, affine())
    np.testing.assert_array_equal(found.map, expected_segments(labels, septum, NINE))
    assert (found.facts["Anchor"], found.facts["AnchorSource"]) == ("mid-septum", "rv")


def test_voxels_that_are_not_square_are_measured_in_millimetres() -> None:
    labels = ventricle(septum=None, stretch_j=1.5)
    found = label_segments(labels, affine(1.5, 8.0, pixel_j=1.0), angle=200.0)
    np.testing.assert_array_equal(found.map, expected_segments(labels, 200.0, NINE, stretch_j=1.5))


def test_sectors_are_half_open() -> None:
    labels = ventricle(septum=None)
    mid = label_segments(labels, affine(), angle=150.0).map[:, :, 4]  # theta of the column di = 0, dj > 0 is 30
    assert mid[CENTRE, CENTRE + 12] == 8
    assert mid[CENTRE + 1, CENTRE + 12] == 7
    apical = label_segments(labels, affine(), angle=135.0).map[:, :, 0]  # and here it is 45
    assert apical[CENTRE, CENTRE + 9] == 14
    assert apical[CENTRE + 1, CENTRE + 9] == 13


def test_segments_run_counter_clockwise_seen_from_the_apex_with_the_septum_left_and_anterior_up() -> None:
    found = label_segments(ventricle(septum=180.0), affine()).map
    # In that view patient left is to the right (+i), front is up (+j).
    assert found[CENTRE, CENTRE + 14, 8] == 1
    assert found[CENTRE - 13, CENTRE + 5, 8] == 2
    assert found[CENTRE - 13, CENTRE - 5, 8] == 3
    assert found[CENTRE, CENTRE - 14, 8] == 4
    assert found[CENTRE + 13, CENTRE - 5, 8] == 5
    assert found[CENTRE + 13, CENTRE + 5, 8] == 6
    apical = [found[CENTRE + i, CENTRE + j, 0] for i, j in ((0, 10), (-10, 0), (0, -10), (10, 0))]
    assert apical == [13, 14, 15, 16]


@pytest.mark.parametrize("off", [5.0, 10.0, 20.0, -10.0])
def test_an_anchor_off_by_d_degrees_mislabels_d_of_60_and_d_of_90(off: float) -> None:
    labels = ventricle(septum=None)
    shares = []
    for start in 180.3 + 4.7 * np.arange(20):  # averaged over a quarter turn: the voxel grid is not round
        right, wrong = (label_segments(labels, affine(), angle=angle).map for angle in (start, start + off))
        differ = right != wrong
        shares.append((differ[(right >= 1) & (right <= 12)].mean(), differ[right >= 13].mean()))
    basal_mid, apical = np.mean(shares, axis=0)
    assert basal_mid == pytest.approx(abs(off) / 60, abs=0.004)
    assert apical == pytest.approx(abs(off) / 90, abs=0.004)


@pytest.mark.parametrize("anchor", ["mid-septum", "anterior-insertion", "both-insertions"])
def test_storage_order_never_changes_the_answer(anchor: str) -> None:
    labels = ventricle(septum=163.0, cap=1)
    labels[:, : CENTRE + 4, -1][labels[:, : CENTRE + 4, -1] == 2] = 0  # an open basal ring
    reference = label_segments(labels, affine(), anchor=anchor).map  # type: ignore[arg-type]
    assert set(np.unique(reference)) == set(range(18))
    for order, flips in itertools.product(ORDERS, FLIPS):
        moved, matrix = rearranged(labels, affine(), order, flips)
        found = label_segments(moved, matrix, anchor=anchor).map  # type: ignore[arg-type]
        np.testing.assert_array_equal(put_back(found, order, flips), reference)


@pytest.mark.parametrize("septum", [0.0, 45.0, 90.0, 120.0, 150.0])
def test_voxels_on_the_borders_fall_alike_in_every_storage_order(septum: float) -> None:
    labels = ventricle(septum=None)
    turned = affine()
    turned[:3] = Rotation.from_euler("zxz", [20, 50, -35], degrees=True).as_matrix() @ turned[:3]
    reference = label_segments(labels, turned, angle=septum).map
    for flips in FLIPS:
        moved, matrix = rearranged(labels, turned, (1, 2, 0), flips)
        found = label_segments(moved, matrix, angle=septum).map
        np.testing.assert_array_equal(put_back(found, (1, 2, 0), flips), reference)


@settings(derandomize=True, max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_turning_the_patient_never_changes_the_answer(seed: int) -> None:
    labels = ventricle(septum=163.0)
    turn = np.eye(4)
    turn[:3, :3] = Rotation.random(random_state=seed).as_matrix()
    turn[:3, 3] = np.random.default_rng(seed).normal(0, 200, 3)
    np.testing.assert_array_equal(
        label_segments(labels, turn @ affine()).map, label_segments(labels, affine()).map
    )


@settings(derandomize=True, max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_scar_and_no_reflow_never_move_the_segments(seed: int) -> None:
    labels = ventricle()
    wall = labels == 2
    random = np.random.default_rng(seed)
    scarred = labels.copy()
    scarred[wall] = random.choice([2, 3, 4], size=wall.sum()).astype(np.uint8)
    np.testing.assert_array_equal(label_segments(scarred, affine()).map, label_segments(labels, affine()).map)


@settings(derandomize=True, max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_included_slices_are_partitioned_exactly_whatever_the_damage(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = ventricle(cap=int(random.integers(0, 2)))
    for _ in range(6):
        i, j, k = (int(random.integers(0, size - 4)) for size in labels.shape)
        labels[i : i + 4, j : j + 4, k] = random.choice([0, 1, 2, 3, 5, 255])  # holes and islands
    found = label_segments(labels, affine(), long_axis="apex-first")
    wall = np.isin(labels, (2, 3, 4))
    excluded = [entry["Slice"] for entry in found.facts["ExcludedSlices"]]
    included = np.setdiff1d(np.flatnonzero(wall.any(axis=(0, 1))), excluded)
    np.testing.assert_array_equal(found.map[:, :, included] > 0, wall[:, :, included])
    assert not found.map[:, :, excluded].any()
    assert found.facts["UnassignedVoxels"] == wall.sum() - np.count_nonzero(found.map)


def test_islands_move_no_centre() -> None:
    labels = ventricle()
    reference = label_segments(labels, affine()).map
    labels[2:7, 2:7, :] = 2
    labels[55:58, 55:58, 4] = 1
    found = label_segments(labels, affine()).map
    clean = reference > 0
    np.testing.assert_array_equal(found[clean], reference[clean])
    assert (found[2:7, 2:7, :] > 0).all()


def test_a_missing_slice_does_not_cut_the_ventricle_in_two() -> None:
    labels = ventricle()
    labels[:, :, 4] = 0
    np.testing.assert_array_equal(label_segments(labels, affine()).map, expected_segments(labels, 180.0, NINE))


def test_ignored_voxels_belong_to_no_segment_and_are_reported() -> None:
    labels = ventricle()
    labels[CENTRE - 1 : CENTRE + 2, CENTRE + 12, 4] = 255
    found = label_segments(labels, affine())
    assert not found.map[labels == 255].any()
    assert "3 voxels marked to be ignored (255) belong to no segment" in found.facts["Warnings"]


def test_a_stack_upside_down_in_the_header_is_doubted() -> None:
    upside = affine()
    upside[1:3] *= -1  # half a turn about the axis from left to right: the anterior wall now faces the back
    for matrix, long_axis in ((upside, "auto"), (affine(), "base-first")):
        facts = label_segments(ventricle(), matrix, long_axis=long_axis).facts  # type: ignore[arg-type]
        assert sum("back or feet" in text for text in facts["Warnings"]) == 1
    assert not any("back or feet" in text for text in label_segments(ventricle(), affine()).facts["Warnings"])


def test_a_given_long_axis_that_the_anatomy_contradicts_is_warned_about() -> None:
    facts = label_segments(ventricle(), affine(), long_axis="base-first").facts
    assert facts["LongAxisEvidence"] == "given" and facts["LongAxisCues"]["CavityTaper"] == "base last"
    assert any("given as base-first, but" in text for text in facts["Warnings"])
    right = label_segments(ventricle(), affine(), long_axis="apex-first").facts
    assert not any("given as" in text for text in right["Warnings"])


def test_facts_survive_json() -> None:
    import json

    facts = label_segments(ventricle(cap=1), affine()).facts
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert facts["ImagedSegments"] == list(range(1, 18))


def test_names_rings_and_territories_are_those_of_the_standard() -> None:
    walls = ["anterior", "anteroseptal", "inferoseptal", "inferior", "inferolateral", "anterolateral"]
    names = [f"{ring} {wall}" for ring in ("basal", "mid") for wall in walls]
    names += [f"apical {wall}" for wall in ("anterior", "septal", "inferior", "lateral")] + ["apex"]
    assert list(SEGMENT_NAMES) == list(range(1, 18))
    assert list(SEGMENT_NAMES.values()) == names
    assert sorted(segment for members in TERRITORIES.values() for segment in members) == list(range(1, 18))
    assert sorted(segment for members in RINGS.values() for segment in members) == list(range(1, 17))
    assert TERRITORIES["RCA"] == (3, 4, 9, 10, 15)


@settings(derandomize=True, max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_slices_that_breathing_shifted_keep_their_segments(seed: int) -> None:
    labels = ventricle()
    reference = label_segments(labels, affine()).map
    random = np.random.default_rng(seed)
    moves = [tuple(random.integers(-3, 4, 2).tolist()) for _ in range(labels.shape[2])]
    moved, back = labels.copy(), np.zeros_like(labels)
    for k, move in enumerate(moves):
        moved[:, :, k] = np.roll(labels[:, :, k], move, (0, 1))
    found = label_segments(moved, affine()).map
    for k, (di, dj) in enumerate(moves):
        back[:, :, k] = np.roll(found[:, :, k], (-di, -dj), (0, 1))
    np.testing.assert_array_equal(back, reference)


def test_holes_in_the_cavity_move_no_centre_and_are_listed() -> None:
    labels = ventricle()
    reference = label_segments(labels, affine()).map
    labels[CENTRE + 2 : CENTRE + 6, CENTRE - 2 : CENTRE + 3, 4] = 0
    found = label_segments(labels, affine())
    np.testing.assert_array_equal(found.map, reference)
    assert {"Slice": 4, "What": "holes in the cavity filled", "Voxels": 20} in found.facts["Repairs"]
