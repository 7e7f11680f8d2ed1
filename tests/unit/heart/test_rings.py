"""Slices: which axis they lie on, which end is the apex, which count, and which third they belong to."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.errors import GeometryError, InputError
from scartools.heart.segments import label_segments
from tests.unit.heart.heart_phantom import CENTRE, affine, rearranged, ventricle


def per_ring(labels: np.ndarray, rule: str, step: float = 8.0) -> list[int]:
    facts = label_segments(labels, affine(step=step), rings=rule).facts  # type: ignore[arg-type]
    return [len(facts["SlicesPerRing"][ring]) for ring in ("Basal", "Mid", "Apical")]


@pytest.mark.parametrize(
    ("slices", "counts"),
    [
        (4, [2, 1, 1]),
        (5, [2, 2, 1]),
        (7, [3, 2, 2]),
        (8, [3, 3, 2]),
        (9, [3, 3, 3]),
        (10, [4, 3, 3]),
        (11, [4, 4, 3]),
    ],
)
def test_thirds_by_count(slices: int, counts: list[int]) -> None:
    assert per_ring(ventricle(slices), "count") == counts


@pytest.mark.parametrize(
    ("slices", "counts"),
    [(3, [1, 1, 1]), (5, [2, 1, 2]), (6, [2, 2, 2]), (7, [2, 3, 2]), (9, [3, 3, 3]), (10, [3, 4, 3])],
)
def test_thirds_by_distance(slices: int, counts: list[int]) -> None:
    assert per_ring(ventricle(slices), "distance") == counts
    assert per_ring(ventricle(slices), "distance", step=13.7) == counts


def test_missing_slices_count_as_distance() -> None:
    labels = ventricle(9)
    labels[:, :, 1:4] = 0  # slices at 0 and 4-8 are left
    facts = label_segments(labels, affine()).facts
    assert facts["SlicesPerRing"] == {"Basal": [8, 7, 6], "Mid": [5, 4], "Apical": [0], "Apex": []}
    assert facts["RingBoundaries"] == [0.0, 24.0, 48.0, 72.0]
    assert per_ring(labels, "count") == [2, 2, 2]


def test_a_ring_without_a_slice_is_reported() -> None:
    labels = ventricle(9)
    labels[:, :, 2:6] = 0
    labels[:, :, 1] = 0
    facts = label_segments(labels, affine()).facts
    assert facts["SlicesPerRing"]["Mid"] == []
    assert any("the mid ring holds no slice" in text for text in facts["Warnings"])
    assert not set(facts["ImagedSegments"]) & set(range(7, 13))


@pytest.mark.parametrize("rule", ["distance", "count"])
def test_two_slices_are_basal_and_apical_with_warnings(rule: str) -> None:
    labels = ventricle(9)[:, :, [0, 8]]
    facts = label_segments(labels, affine(), rings=rule, long_axis="apex-first").facts  # type: ignore[arg-type]
    assert facts["SlicesPerRing"] == {"Basal": [1], "Mid": [], "Apical": [0], "Apex": []}
    for text in ("only two slices", "the mid ring holds no slice", "the RV touches no slice of the mid ring"):
        assert sum(text in warning for warning in facts["Warnings"]) == 1


def test_one_slice_is_refused() -> None:
    with pytest.raises(GeometryError, match="only one slice"):
        label_segments(ventricle(9)[:, :, 4:5], affine(), long_axis="apex-first")


def test_an_open_basal_ring_is_excluded_and_reported() -> None:
    labels = ventricle(9)
    labels[:CENTRE, :, 8][labels[:CENTRE, :, 8] == 2] = 0  # the outflow tract
    found = label_segments(labels, affine())
    assert found.facts["ExcludedSlices"] == [
        {"Slice": 8, "Reason": "an open ring (myocardium covers 52 % of the circle)"}
    ]
    assert not found.map[:, :, 8].any()
    assert found.facts["UnassignedVoxels"] == (labels[:, :, 8] == 2).sum()
    kept = label_segments(labels, affine(), complete_ring=0.5)
    assert kept.facts["ExcludedSlices"] == []
    assert kept.map[:, :, 8].any()


def test_a_break_of_one_voxel_leaves_the_ring_complete() -> None:
    labels = ventricle(9)
    labels[CENTRE, CENTRE + 1 :, 8][labels[CENTRE, CENTRE + 1 :, 8] == 2] = 0
    assert label_segments(labels, affine()).facts["ExcludedSlices"] == []


def test_an_open_ring_between_complete_ones_is_kept_with_a_warning() -> None:
    labels = ventricle(9)
    labels[CENTRE:, :, 4][labels[CENTRE:, :, 4] == 2] = 0
    facts = label_segments(labels, affine()).facts
    assert 4 in facts["SlicesPerRing"]["Mid"]
    assert any("between complete rings" in text for text in facts["Warnings"])


def test_an_open_apical_ring_with_a_cavity_is_apical() -> None:
    labels = ventricle(9)
    labels[CENTRE:, :, 0][labels[CENTRE:, :, 0] == 2] = 0
    facts = label_segments(labels, affine()).facts
    assert facts["SlicesPerRing"]["Apical"] == [2, 1, 0]
    assert any("beyond the last complete ring" in text for text in facts["Warnings"])


def test_the_cap_is_segment_17_and_absent_when_not_imaged() -> None:
    found = label_segments(ventricle(9, cap=2), affine())
    assert found.facts["ApexImaged"] is True
    assert found.facts["SlicesPerRing"]["Apex"] == [1, 0]
    assert set(np.unique(found.map[:, :, :2])) == {0, 17}
    found = label_segments(ventricle(9), affine())
    assert found.facts["ApexImaged"] is False
    assert 17 not in found.facts["ImagedSegments"]


def test_a_pinprick_of_pool_is_no_cavity() -> None:
    labels = ventricle(9, cap=1)
    labels[CENTRE, CENTRE, 0] = 1
    assert label_segments(labels, affine()).facts["SlicesPerRing"]["Apex"] == [0]


def test_each_sign_tells_apex_from_base() -> None:
    taper = label_segments(ventricle(9, septum=None), affine(), angle=180.0)
    assert taper.facts["LongAxisEvidence"] == "CavityTaper says base last"
    cap = label_segments(ventricle(9, septum=None, taper=False, cap=1), affine(), angle=180.0)
    assert "CavitylessEnd says base last" in cap.facts["LongAxisEvidence"]
    labels = ventricle(9, taper=False)
    labels[:, :, :3][labels[:, :, :3] == 5] = 0
    rv = label_segments(labels, affine())
    assert rv.facts["LongAxisEvidence"] == "RightVentricle says base last"
    assert rv.facts["LongAxisCues"]["CavityTaper"] == "silent"


def test_silent_and_contradicting_signs_are_refused() -> None:
    with pytest.raises(GeometryError, match="cannot be told apart") as caught:
        label_segments(ventricle(9, septum=None, taper=False), affine(), angle=180.0)
    assert "--long-axis" in caught.value.remedy
    labels = ventricle(9)
    labels[:, :, 6:][labels[:, :, 6:] == 5] = 0
    with pytest.raises(
        GeometryError, match="contradict each other: CavityTaper says base last, RightVentricle"
    ):
        label_segments(labels, affine())


def test_a_given_long_axis_overrides_and_is_recorded() -> None:
    labels = ventricle(9)
    given = label_segments(labels, affine(), long_axis="base-first")
    assert given.facts["LongAxisEvidence"] == "given"
    assert given.facts["SlicesPerRing"]["Basal"] == [0, 1, 2]
    agreeing = label_segments(labels, affine(), long_axis="apex-first")
    np.testing.assert_array_equal(agreeing.map, label_segments(labels, affine()).map)


def test_the_slice_axis_is_the_coarsest_wherever_it_is() -> None:
    labels = ventricle(9)
    for order, axis in (((2, 0, 1), 0), ((0, 2, 1), 1), ((1, 0, 2), 2)):
        moved, matrix = rearranged(labels, affine(), order, (False, False, False))
        facts = label_segments(moved, matrix).facts
        assert (facts["SliceAxis"], facts["SliceAxisChosenBy"]) == (axis, "coarsest voxel axis")


def isotropic(tilt: float) -> tuple[np.ndarray, np.ndarray]:
    """A half ellipsoid of cubic voxels whose long axis leans from k towards i by `tilt` degrees."""
    grid = np.stack(np.meshgrid(*[np.arange(64) - 32.0] * 3, indexing="ij"))
    turn = np.radians(tilt)
    along = np.cos(turn) * grid[2] + np.sin(turn) * grid[0]
    across = np.cos(turn) * grid[0] - np.sin(turn) * grid[2]
    labels = np.zeros(grid.shape[1:], dtype=np.uint8)
    below = along < 8
    labels[below & (np.hypot(across, grid[1]) ** 2 / 18**2 + (along - 8) ** 2 / 36**2 < 1)] = 2
    labels[below & (np.hypot(across, grid[1]) ** 2 / 12**2 + (along - 8) ** 2 / 30**2 < 1)] = 1
    return labels, np.diag([-1.6, 1.6, 1.6, 1.0])


def test_cubic_voxels_use_the_long_axis_of_the_ventricle() -> None:
    labels, matrix = isotropic(0.0)
    facts = label_segments(labels, matrix, angle=180.0).facts
    assert (facts["SliceAxis"], facts["ApexImaged"]) == (2, True)
    assert not any("off the short axis" in text for text in facts["Warnings"])
    moved, turned = rearranged(labels, matrix, (2, 1, 0), (False, False, False))
    assert label_segments(moved, turned, angle=180.0).facts["SliceAxis"] == 0


def test_slices_far_off_the_short_axis_are_warned_about() -> None:
    labels, matrix = isotropic(30.0)
    facts = label_segments(labels, matrix, angle=180.0).facts
    assert facts["SliceAxis"] == 2
    assert any("degrees off the short axis" in text for text in facts["Warnings"])


def bad_affine(row: int, column: int, value: float) -> np.ndarray:
    matrix = affine()
    matrix[row, column] = value
    return matrix


@pytest.mark.parametrize(
    ("matrix", "says"),
    [
        (np.eye(3), r"shape \(3, 3\)"),
        (bad_affine(0, 0, np.nan), "NaN or infinite"),
        (bad_affine(2, 3, np.inf), "NaN or infinite"),
        (bad_affine(2, 2, 0.0), "singular"),
    ],
)
def test_affines_that_are_no_grid_are_refused(matrix: np.ndarray, says: str) -> None:
    with pytest.raises(GeometryError, match=says) as caught:
        label_segments(ventricle(), matrix)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.zeros((8, 8, 8), np.uint8), "empty"),
        (np.full((8, 8, 8), 255, np.uint8), "empty"),
        (np.zeros((8, 8), np.uint8), "2 dimensions"),
        (np.zeros((8, 8, 8)), "float64"),
        (ventricle() * np.uint8(3), "unknown label 6"),
        (np.where(ventricle() == 5, 0, ventricle().astype(int)) - 1, "from -1"),
        (np.where(ventricle() == 1, 0, ventricle()), "no LV pool"),
        (np.where(ventricle() == 2, 0, ventricle()), "no myocardium"),
    ],
)
def test_masks_that_hold_no_ventricle_are_refused(labels: np.ndarray, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        label_segments(labels, affine())
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


def test_pool_and_myocardium_apart_are_refused() -> None:
    labels = np.zeros((40, 40, 6), np.uint8)
    labels[2:20, 2:20, :] = 1
    labels[30:38, 30:38, :] = 2
    with pytest.raises(InputError, match="do not touch"):
        label_segments(labels, affine())


def test_no_complete_ring_anywhere_is_refused() -> None:
    labels = ventricle(9)
    labels[CENTRE:, :, :][labels[CENTRE:, :, :] == 2] = 0
    with pytest.raises(GeometryError, match="no slice shows a complete ring"):
        label_segments(labels, affine())


def test_a_thin_slice_is_judged_on_the_slab_that_a_conventional_slice_would_be() -> None:
    thick = ventricle(slices=9)
    thick[:30, :, 8][thick[:30, :, 8] == 2] = 0  # half of the basal ring is missing
    thin = np.repeat(thick, 4, axis=2)  # the same heart in 2 mm slices: 32-35 are open
    by_thick = label_segments(thick, affine(step=8.0), anchor="angle", angle=180.0)
    by_thin = label_segments(thin, affine(step=2.0), anchor="angle", angle=180.0)
    assert [item["Slice"] for item in by_thick.facts["ExcludedSlices"]] == [8]
    # the two thin slices within 4 mm of the last whole ring see it; the two above them do not
    assert [item["Slice"] for item in by_thin.facts["ExcludedSlices"]] == [35, 34]


@pytest.mark.parametrize(
    ("kept", "warned"), [(slice(0, 9), False), (slice(4, 9), True), (slice(5, 9), True), (slice(0, 4), True)]
)
def test_a_stack_that_does_not_reach_from_base_to_apex_is_warned_about(kept: slice, warned: bool) -> None:
    labels = ventricle(9, wall=5.0)
    labels[:, :, 0:2][labels[:, :, 0:2] == 1] = 2  # the cavity narrows towards the apex
    labels[CENTRE - 3 : CENTRE + 4, CENTRE - 3 : CENTRE + 4, 0:2] = 1
    facts = label_segments(labels[:, :, kept], affine(), angle=180.0, long_axis="apex-first").facts
    assert any("may not hold the whole ventricle" in text for text in facts["Warnings"]) == warned
