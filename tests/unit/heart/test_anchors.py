"""Where the circle of segments starts: RV contact, landmarks, angles, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scartools.errors import GeometryError, InputError
from scartools.heart.segments import label_segments
from tests.unit.heart.heart_phantom import CENTRE, affine, ventricle


def point(degrees: float, k: int, radius: float = 18.0) -> list[float]:
    """A world point at an angle from patient left, counter-clockwise, seen from the apex."""
    turn = np.radians(degrees)
    voxel = [CENTRE + radius * np.cos(turn), CENTRE + radius * np.sin(turn), k, 1.0]
    return (affine() @ voxel)[:3].tolist()


def both(anterior: float, inferior: float) -> dict[str, list[list[float]]]:
    return {"anterior_insertion": [point(anterior, 4)], "inferior_insertion": [point(inferior, 5)]}


def same_map(one: dict[str, Any], other: dict[str, Any], labels: np.ndarray) -> bool:
    return bool(
        (label_segments(labels, affine(), **one).map == label_segments(labels, affine(), **other).map).all()
    )


def test_landmarks_give_the_septum_between_them() -> None:
    labels = ventricle(septum=None)
    found = label_segments(labels, affine(), landmarks=both(110.0, 230.0))
    assert found.facts["AnchorSource"] == "landmarks"
    assert found.facts["SeptumAngle"]["Mid"] == pytest.approx(170.0, abs=1e-6)
    assert same_map({"landmarks": both(110.0, 230.0)}, {"angle": 170.0}, labels)
    assert same_map({"landmarks": both(130.0, 210.0)}, {"angle": 170.0}, labels)  # 60 degrees, not half the arc
    assert same_map({"anchor": "mid-septum", "landmarks": both(130.0, 210.0)}, {"angle": 170.0}, labels)


def test_one_landmark_is_enough() -> None:
    labels = ventricle(septum=None)
    assert same_map({"landmarks": {"anterior_insertion": [point(120.0, 4)]}}, {"angle": 180.0}, labels)
    assert same_map({"landmarks": {"inferior_insertion": [point(240.0, 4)]}}, {"angle": 180.0}, labels)


def test_several_points_of_one_name_are_averaged_over_slices() -> None:
    landmarks = {"anterior_insertion": [point(350.0, 1), point(20.0, 7), point(5.0, 4)]}
    found = label_segments(ventricle(septum=None), affine(), landmarks=landmarks)
    assert found.facts["SeptumAngle"]["Basal"] == pytest.approx(65.0, abs=1e-6)
    assert found.facts["Landmarks"] == {"anterior_insertion": 3}


def test_both_insertions_halve_the_septum_and_quarter_the_free_wall() -> None:
    labels = ventricle(septum=None)
    found = label_segments(labels, affine(), anchor="both-insertions", landmarks=both(130.0, 230.0)).map
    i, j = np.nonzero(labels[:, :, 4] == 2)
    angle = np.round(np.degrees(np.arctan2(j - CENTRE, i - CENTRE)), 6) % 360
    borders = [0, 65, 130, 180, 230, 295]  # the free wall of 260 degrees in four, the septum of 100 in two
    expected = np.array([12, 7, 8, 9, 10, 11])[np.searchsorted(borders, angle, side="right") - 1]
    np.testing.assert_array_equal(found[i, j, 4], expected)
    # The apex keeps its quarters, the septal one about the middle of the septum.
    np.testing.assert_array_equal(found[:, :, 0], label_segments(labels, affine(), angle=180.0).map[:, :, 0])


def test_both_insertions_equal_mid_septum_when_the_septum_spans_120_degrees() -> None:
    labels = ventricle(septum=None)
    landmarks = both(120.0, 240.0)
    assert same_map({"anchor": "both-insertions", "landmarks": landmarks}, {"angle": 180.0}, labels)


def test_anterior_insertion_is_the_border_of_1_and_2() -> None:
    labels = ventricle(septum=None)
    landmarks = both(100.0, 240.0)
    assert same_map({"anchor": "anterior-insertion", "landmarks": landmarks}, {"angle": 160.0}, labels)


def test_rv_contact_ends_are_the_insertions() -> None:
    # A sector of RV from 120 to 220 degrees hugs the wall, so the insertions are known.
    labels = ventricle(septum=None, taper=True)
    i, j = np.meshgrid(np.arange(61) - CENTRE, np.arange(61) - CENTRE, indexing="ij")
    turn = np.degrees(np.arctan2(j, i)) % 360
    for k in range(9):
        epi = 19 * (0.75 + 0.25 * (k + 1) / 9)
        labels[:, :, k][
            (np.hypot(i, j) >= epi) & (np.hypot(i, j) < epi + 5) & (turn >= 120) & (turn <= 220)
        ] = 5
    facts = label_segments(labels, affine(), anchor="both-insertions").facts
    for ring in ("Basal", "Mid", "Apical"):
        assert facts["SeptumAngle"][ring] == pytest.approx(170.0, abs=2.0)
        assert facts["SeptalArcDegrees"][ring] == pytest.approx(100.0, abs=10.0)
    assert facts["SeptumSpreadDegrees"] < 2.0


def test_each_ring_follows_its_own_contact_unless_told_otherwise() -> None:
    labels = ventricle(septum=180.0)
    labels[:, :, 6:] = ventricle(septum=165.0)[:, :, 6:]
    angles = label_segments(labels, affine()).facts["SeptumAngle"]
    assert angles["Basal"] == pytest.approx(165.0, abs=1.5)
    assert angles["Mid"] == pytest.approx(180.0, abs=1e-6)
    angles = label_segments(labels, affine(), anchor_scope="ventricle").facts["SeptumAngle"]
    assert angles["Basal"] == angles["Mid"] == angles["Apical"]


def test_a_ring_that_contradicts_the_mid_ring_follows_it_with_a_warning() -> None:
    labels = ventricle(septum=180.0)
    labels[:, :, :3] = ventricle(septum=120.0)[:, :, :3]
    facts = label_segments(labels, affine()).facts
    assert facts["AnchorRing"] == {"Basal": "own", "Mid": "own", "Apical": "mid ring"}
    assert any("apical ring lies -60 degrees" in text for text in facts["Warnings"])
    np.testing.assert_array_equal(
        label_segments(labels, affine()).map, label_segments(ventricle(septum=180.0), affine()).map
    )


def test_an_rv_that_is_missing_at_the_apex_is_no_matter() -> None:
    labels = ventricle(septum=180.0)
    labels[:, :, :4][labels[:, :, :4] == 5] = 0
    found = label_segments(labels, affine())
    assert found.facts["AnchorRing"]["Apical"] == "mid ring"
    np.testing.assert_array_equal(found.map, label_segments(ventricle(septum=180.0), affine()).map)


def test_the_recorded_angle_gives_the_same_map_back() -> None:
    labels = ventricle(septum=200.0)
    found = label_segments(labels, affine(), anchor_scope="ventricle")
    again = label_segments(labels, affine(), angle=found.facts["SeptumAngle"]["Mid"])
    np.testing.assert_array_equal(found.map, again.map)


def test_image_left_assumes_the_septum_to_the_patients_right_and_says_so() -> None:
    labels = ventricle(septum=None)
    found = label_segments(labels, affine(), anchor="image-left")
    assert found.facts["AnchorSource"] == "assumed"
    assert found.facts["SeptumDirection"] == [1.0, 0.0, 0.0]
    assert any("assumed" in text for text in found.facts["Warnings"])
    np.testing.assert_array_equal(found.map, label_segments(labels, affine(), angle=180.0).map)


def test_auto_never_assumes() -> None:
    with pytest.raises(GeometryError, match="no RV") as caught:
        label_segments(ventricle(septum=None), affine())
    for word in ("landmarks", "angle", "image-left"):
        assert f"--anchor {word}" in str(caught.value)


def test_an_rv_that_touches_nothing_is_refused() -> None:
    labels = ventricle(septum=None)
    labels[0:3, :, :] = 5
    with pytest.raises(GeometryError, match="touches the left ventricle in no usable slice"):
        label_segments(labels, affine())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"anchor": "north"}, "anchor 'north' is unknown"),
        ({"anchor": "angle"}, "no angle is given"),
        ({"anchor": "landmarks"}, "no landmarks are given"),
        ({"anchor": "image-left", "angle": 3.0}, r"an angle \(3\) is given but the anchor is 'image-left'"),
        ({"anchor": "image-left", "landmarks": both(100, 200)}, "landmarks are given but"),
        ({"angle": 3.0, "landmarks": both(100, 200)}, "both landmarks and an angle"),
        ({"angle": float("nan")}, "the angle is nan"),
        ({"landmarks": {"apex": [[0, 0, 0]]}}, "landmark 'apex' is unknown"),
        ({"landmarks": {"anterior_insertion": []}}, "needs the landmark"),
        ({"landmarks": {"anterior_insertion": [[1.0, 2.0]]}}, "not a list of finite"),
        (
            {"anchor": "both-insertions", "landmarks": {"anterior_insertion": [point(100, 4)]}},
            "inferior_insertion",
        ),
        ({"anchor_scope": "heart"}, "anchor scope 'heart' is unknown"),
        ({"rings": "halves"}, "ring rule 'halves' is unknown"),
        ({"complete_ring": 1.5}, "the complete ring is 1.5"),
        ({"long_axis": "down"}, "long axis 'down' is unknown"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        label_segments(ventricle(), affine(), **options)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


def test_swapped_insertions_are_refused() -> None:
    with pytest.raises(GeometryError, match="span a septum of 240 degrees"):
        label_segments(ventricle(septum=None), affine(), landmarks=both(240.0, 120.0))


def test_landmarks_in_the_other_convention_are_refused() -> None:
    x, y, z = point(120.0, 4)
    with pytest.raises(GeometryError, match="LPS"):
        label_segments(ventricle(septum=None), affine(), landmarks={"anterior_insertion": [[-x, -y, z]]})


def test_an_angle_from_patient_left_needs_a_left_within_the_slice() -> None:
    sideways = affine()[[2, 1, 0, 3]]  # the long axis runs from right to left
    with pytest.raises(GeometryError, match="long axis"):
        label_segments(ventricle(septum=None), sideways, angle=10.0)
    with pytest.raises(GeometryError, match="long axis"):
        label_segments(ventricle(septum=None), sideways, anchor="image-left")
    found = label_segments(ventricle(), sideways)
    assert found.facts["SeptumAngle"] is None
    assert found.facts["ImagedSegments"] == list(range(1, 17))
