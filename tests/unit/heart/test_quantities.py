"""Volumes, masses and transmurality against numbers known beforehand."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from scartools.errors import GeometryError, InputError
from scartools.heart.chords import centreline_chords
from scartools.heart.quantities import COLUMNS, quantify, transmurality_bin
from scartools.heart.segments import label_segments
from tests.unit.heart.heart_phantom import CENTRE, affine, expected_segments, rearranged, ventricle

NINE = [2, 2, 2, 1, 1, 1, 0, 0, 0]


def rows(labels: np.ndarray, matrix: np.ndarray | None = None, **options: Any) -> dict[str, dict[str, Any]]:
    found = quantify(labels, affine() if matrix is None else matrix, **options)
    return {row["region"]: row for row in found.rows}


def ring(inner: float, outer: float, scar: tuple[float, float], pixel: tuple[float, float]) -> np.ndarray:
    """Three equal slices; radii and pixel edges (i, j) in mm; scar between two radii."""
    i, j = np.meshgrid(*[np.arange(81) - 40.0] * 2, indexing="ij")
    radius = np.hypot(i * pixel[0], j * pixel[1])
    labels = np.zeros((81, 81, 3), dtype=np.uint8)
    labels[radius < outer] = 2
    labels[(radius >= scar[0]) & (radius < scar[1])] = 3
    labels[radius < inner] = 1
    return labels


@pytest.mark.parametrize("pixel", [(1.5, 1.5), (1.5, 1.0), (1.0, 1.6), (0.8, 0.8)])
@pytest.mark.parametrize("scar", [(22.0, 28.0), (28.0, 34.0)])
def test_a_scar_of_half_the_wall_is_50_percent_transmural(
    pixel: tuple[float, float], scar: tuple[float, float]
) -> None:
    labels = ring(22.0, 34.0, scar, pixel)
    row = rows(labels, np.diag([-pixel[0], pixel[1], 8.0, 1.0]))["LV"]
    assert row["transmurality_mean_percent"] == pytest.approx(50.0, abs=2.0)
    assert row["transmurality_infarcted_percent"] == pytest.approx(50.0, abs=2.0)
    assert row["chords"] == 300
    assert row["endocardial_extent_percent"] == (100.0 if scar[0] == 22.0 else 0.0)
    assert row["scar_extent_percent"] == 100.0


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_other_depths(share: float) -> None:
    row = rows(ring(20.0, 36.0, (20.0, 20.0 + 16.0 * share), (1.37, 1.37)), np.diag([1.37, 1.37, 8.0, 1.0]))[
        "LV"
    ]
    assert row["transmurality_mean_percent"] == pytest.approx(100 * share, abs=2.0)


def test_chord_lengths_are_the_wall_in_millimetres() -> None:
    labels = ring(22.0, 34.0, (22.0, 28.0), (1.5, 1.0))
    cuts = centreline_chords(labels, np.diag([1.5, 1.0, 8.0, 1.0]), chords=200)
    assert len(cuts.wall_mm) == 600
    assert cuts.wall_mm.mean() == pytest.approx(12.0, abs=0.15)
    assert cuts.scar_mm.mean() == pytest.approx(6.0, abs=0.15)


def test_volumes_are_voxels_times_the_determinant() -> None:
    labels = ventricle(septum=None)
    labels[CENTRE + 14, CENTRE, 4:7] = 3
    labels[CENTRE + 14, CENTRE + 1, 4:6] = 4
    matrix = affine(1.5, 8.0)
    matrix[0, 1] = 0.4  # sheared: the edges alone would give another volume
    row = rows(labels, matrix, density=1.06)["LV"]
    voxel = 1.5 * 1.5 * 8.0 / 1000
    wall = int(np.isin(labels, (2, 3, 4)).sum())
    assert row["myocardium_ml"] == pytest.approx(wall * voxel, rel=1e-12)
    assert row["mass_g"] == pytest.approx(wall * voxel * 1.06, rel=1e-12)
    assert row["scar_ml"] == pytest.approx(5 * voxel, rel=1e-12)
    assert row["no_reflow_ml"] == pytest.approx(2 * voxel, rel=1e-12)
    assert row["scar_percent"] == row["lv_percent"] == pytest.approx(100 * 5 / wall, rel=1e-12)


def test_scar_in_one_segment_shows_there_and_in_its_territory_alone() -> None:
    labels = ventricle(septum=None)
    names = expected_segments(labels, 180.0, NINE)
    labels[names == 10] = 3
    found = rows(labels, segments=names)
    lesion = float((names == 10).sum())
    for region, row in found.items():
        if row["level"] != "segment" or region == "17":
            continue
        assert row["scar_percent"] == (100.0 if region == "10" else 0.0)
        assert row["transmurality_max_percent"] >= row["transmurality_mean_percent"]
    assert found["10"]["transmurality_mean_percent"] == pytest.approx(100.0, abs=3.0)
    assert found["10"]["transmurality_bin"] == "76-100"
    rca = np.isin(names, (3, 4, 9, 10, 15)).sum()
    assert found["RCA"]["scar_percent"] == pytest.approx(100 * lesion / rca, rel=1e-12)
    assert found["LAD"]["scar_ml"] == found["LCX"]["scar_ml"] == 0.0
    assert (
        found["RCA"]["lv_percent"]
        == found["LV"]["lv_percent"]
        == pytest.approx(100 * lesion / (names > 0).sum())
    )


def test_segments_and_unassigned_add_up_to_the_ventricle() -> None:
    random = np.random.default_rng(7)
    labels = ventricle(cap=1)
    labels[:CENTRE, :, 9][labels[:CENTRE, :, 9] == 2] = 0  # an open basal ring: in no segment
    wall = labels == 2
    labels[wall] = random.choice([2, 3, 4], size=wall.sum()).astype(np.uint8)
    found = rows(labels, segments=label_segments(labels, affine()))
    parts = [row for row in found.values() if row["level"] in ("segment", "unassigned")]
    assert found["unassigned"]["myocardium_ml"] > 0
    for column in ("myocardium_ml", "mass_g", "scar_ml", "scar_g", "no_reflow_ml", "lv_percent", "chords"):
        assert sum(row[column] for row in parts) == pytest.approx(found["LV"][column], rel=1e-12)
    territories = sum(found[name]["scar_ml"] for name in ("LAD", "RCA", "LCX"))
    assert territories + found["unassigned"]["scar_ml"] == pytest.approx(found["LV"]["scar_ml"], rel=1e-12)


def test_a_segment_that_was_not_imaged_is_nan_never_zero() -> None:
    labels = ventricle()
    result = quantify(labels, affine(), segments=label_segments(labels, affine()))
    row = next(row for row in result.rows if row["region"] == "17")
    numbers = {key: value for key, value in row.items() if isinstance(value, float)}
    assert len(numbers) == len(COLUMNS) - 5  # all but level, region, name, bin and the count of chords
    assert all(math.isnan(value) for value in numbers.values())
    assert row["transmurality_bin"] == "n/a"
    assert "segments not imaged, hence n/a: 17" in result.facts["Warnings"]


def test_the_apex_has_volumes_but_no_transmurality() -> None:
    labels = ventricle(cap=1)
    labels[:, :, 0][labels[:, :, 0] == 2] = 3
    apex = rows(labels, segments=label_segments(labels, affine()))["17"]
    assert apex["scar_percent"] == 100.0
    assert math.isnan(apex["transmurality_mean_percent"])
    assert apex["chords"] == 0


def test_rows_and_columns_match_their_descriptions() -> None:
    labels = ventricle()
    result = quantify(labels, affine(), segments=label_segments(labels, affine()))
    assert [row["level"] for row in result.rows] == ["segment"] * 17 + ["territory"] * 3 + [
        "unassigned",
        "ventricle",
    ]
    assert all(list(row) == list(COLUMNS) for row in result.rows)
    assert [row["level"] for row in quantify(labels, affine()).rows] == ["ventricle"]
    assert json.loads(json.dumps(result.facts, allow_nan=False)) == result.facts


@pytest.mark.parametrize(
    ("percent", "name"),
    [
        (0.0, "0"),
        (0.01, "1-25"),
        (25.0, "1-25"),
        (25.1, "26-50"),
        (50.0, "26-50"),
        (75.0, "51-75"),
        (75.1, "76-100"),
    ],
)
def test_bins(percent: float, name: str) -> None:
    assert transmurality_bin(percent) == name


def test_storage_order_changes_no_quantity() -> None:
    labels = ventricle(septum=163.0)
    labels[CENTRE + 10 : CENTRE + 16, CENTRE - 5 : CENTRE + 5, 3:6][
        labels[CENTRE + 10 : CENTRE + 16, CENTRE - 5 : CENTRE + 5, 3:6] == 2
    ] = 3
    reference = rows(labels, segments=label_segments(labels, affine()))
    moved, matrix = rearranged(labels, affine(), (2, 1, 0), (True, False, True))
    found = rows(moved, matrix, segments=label_segments(moved, matrix))
    for region, row in reference.items():
        for column, value in row.items():
            if isinstance(value, float):
                assert found[region][column] == pytest.approx(value, abs=1e-9, nan_ok=True)


def test_a_pool_too_small_for_a_cavity_leaves_transmurality_undefined() -> None:
    labels = ventricle()
    labels[labels == 1] = 2
    labels[CENTRE, CENTRE, :] = 1
    row = rows(labels)["LV"]
    assert row["chords"] == 0
    assert math.isnan(row["transmurality_mean_percent"])
    assert row["scar_percent"] == 0.0


def test_segments_off_the_myocardium_are_reported_and_not_counted() -> None:
    labels = ventricle()
    names = label_segments(labels, affine()).map.copy()
    names[0, 0, :] = 5
    result = quantify(labels, affine(), segments=names)
    assert (
        "9 voxels of the segments lie outside the myocardium and were not counted" in result.facts["Warnings"]
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"density": 0.0}, "the density is 0 g/mL"),
        ({"density": float("nan")}, "the density is nan"),
        ({"chords": 3}, "3 chords a slice"),
        ({"segments": np.zeros((3, 3, 3), np.uint8)}, r"shape \(3, 3, 3\)"),
        ({"segments": np.full(ventricle().shape, 18)}, "0 to 17"),
        ({"segments": np.zeros(ventricle().shape)}, "whole numbers"),
    ],
)
def test_what_cannot_be_measured_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        quantify(ventricle(), affine(), **options)
    assert caught.value.remedy


def test_a_broken_affine_is_refused() -> None:
    with pytest.raises(GeometryError):
        quantify(ventricle(), np.zeros((4, 4)))
