"""Grey zone, half maxima, weighted scar, entropy, pieces and chords against answers known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.errors import InputError
from scartools.heart.grey_zone import GreyZoneRule, grey_zone
from scartools.heart.heterogeneity import scar_pieces, signal_entropy
from scartools.heart.quantities import FromImage, quantify
from scartools.heart.scar_from_image import ScarRule, scar_from_image
from scartools.heart.thresholds import FwhmVariant, ImageKind, fwhm
from scartools.heart.weighted import weighted_scar
from tests.unit.heart.heart_phantom import affine, ventricle
from tests.unit.heart.solids import MYOCARDIUM_ML, SCAR_ML, half_shell, offsets

LINE = np.array([8.0, 10, 12, 13.9, 14.1, 15.9, 16.1, 24, 40]).reshape(9, 1, 1)
WALL = np.ones(LINE.shape, dtype=bool)
REMOTE = (np.arange(9) < 3).reshape(9, 1, 1)  # mean 10, SD 2


@pytest.mark.parametrize(("pixel", "step", "within"), [(1.5, 1.5, 0.005), (1.5, 10.0, 0.03)])
def test_volumes_of_an_analytic_solid(pixel: float, step: float, within: float) -> None:
    """The mean over grids: one that lies symmetrically to the thin layer counts 0.52 % too much, as any counter would."""
    rows = [quantify(*half_shell(pixel, step, offset=offset)).rows[-1] for offset in offsets()]
    assert np.mean([row["myocardium_ml"] for row in rows]) == pytest.approx(MYOCARDIUM_ML, rel=within)
    assert np.mean([row["scar_ml"] for row in rows]) == pytest.approx(SCAR_ML, rel=within)


@pytest.mark.parametrize("tilt", [0.0, 15.0, 30.0])
def test_half_a_tube_wall_is_50_percent_in_tilted_slices(tilt: float) -> None:
    stretch = 1 / np.cos(np.radians(tilt))  # a tube cut obliquely is a ring that is stretched
    i, j = np.meshgrid(np.arange(81) - 40.0, np.arange(81) - 40.0, indexing="ij")
    radius = 1.5 * np.hypot(i / stretch, j)
    labels = np.select([radius < 22, radius < 28, radius < 34], [1, 3, 2]).astype(np.uint8)
    row = quantify(np.repeat(labels[:, :, None], 3, axis=2), np.diag([1.5, 1.5, 8, 1])).rows[-1]
    assert row["transmurality_mean_percent"] == pytest.approx(50.0, abs=2.0)


@pytest.mark.parametrize("shift", [0.0, 2.0, 4.0])
def test_a_wall_of_uneven_thickness_is_crossed_at_right_angles(shift: float) -> None:
    i, j = np.meshgrid(np.arange(81) - 40.0, np.arange(81) - 40.0, indexing="ij")
    inner, outer = 1.5 * np.hypot(i - shift / 1.5, j), 1.5 * np.hypot(i, j)
    labels = np.select([inner < 22, inner + outer < 56, outer < 34], [1, 3, 2]).astype(np.uint8)
    row = quantify(np.repeat(labels[:, :, None], 3, axis=2), np.diag([1.5, 1.5, 8, 1])).rows[-1]
    assert row["transmurality_mean_percent"] == pytest.approx(50.0, abs=2.0)
    assert row["chords_0_percent"] == 0.0
    assert sum(v for k, v in row.items() if k.startswith("chords_")) == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("rule", "kind", "low", "high", "grey", "core"),
    [
        ("2-3-sd", None, 14.0, 16.0, 2, 3),
        ("35-50", "magnitude", 14.0, 20.0, 3, 2),
        ("40-60", "magnitude", 16.0, 24.0, 1, 2),
        ("40-60", "psir", 22.0, 28.0, 1, 1),
        ("remote-50", "magnitude", 12.0, 20.0, 5, 2),
        ("remote-50", "psir", 12.0, 25.0, 6, 1),
    ],
)
def test_grey_zones_by_hand(
    rule: GreyZoneRule, kind: ImageKind | None, low: float, high: float, grey: int, core: int
) -> None:
    found = grey_zone(LINE, WALL, rule, image_kind=kind, remote=REMOTE)
    assert (found.facts["GreyZoneFrom"], found.facts["CoreFrom"]) == pytest.approx((low, high))
    assert (found.grey.sum(), found.core.sum()) == (grey, core)
    assert not (found.grey & found.core).any()


def test_half_maxima_by_hand() -> None:
    image = np.array([2.0, 60, 2, 100, 55, 2, 70, 80, 2]).reshape(9, 1, 1)
    drawn = (np.arange(9) >= 6).reshape(9, 1, 1)
    regions: dict[FwhmVariant, np.ndarray | None] = {"wall": None, "min": None, "scar": drawn, "grown": drawn}
    found = {
        name: fwhm(image, WALL, image_kind="magnitude", variant=name, region=region)
        for name, region in regions.items()
    }
    assert {k: v.facts["Threshold"] for k, v in found.items()} == {
        "wall": 50,
        "min": 51,
        "scar": 40,
        "grown": 40,
    }
    assert {k: int(v.scar.sum()) for k, v in found.items()} == {"wall": 5, "min": 5, "scar": 5, "grown": 2}
    assert found["grown"].scar.ravel().tolist() == [False] * 6 + [True, True, False]
    with pytest.raises(InputError, match="no scar is labelled"):
        fwhm(image, WALL, image_kind="magnitude", variant="scar")


def test_weighted_scar_counts_partial_volume() -> None:
    random = np.random.default_rng(4)
    share = np.zeros((60, 40, 4))
    share[20:40] = 1.0
    share[19], share[40] = 0.3, 0.6  # both borders are partly scar
    image = 50 + 200 * share + random.normal(0, 8, share.shape)
    wall = np.ones(share.shape, dtype=bool)
    found, weights = weighted_scar(image, wall, split=150.0, voxel_ml=0.01, slice_axis=2)
    assert weights.sum() == pytest.approx(share.sum(), rel=0.015)
    assert found.facts["Threshold"] == pytest.approx(150.0, abs=40.0)
    shifted, same = weighted_scar(3 * image - 400, wall, split=50.0, voxel_ml=0.01, slice_axis=2)
    np.testing.assert_array_equal(found.scar, shifted.scar)
    assert same.sum() == pytest.approx(weights.sum(), rel=1e-3)


def test_a_normal_wall_has_no_weighted_scar() -> None:
    image = np.random.default_rng(1).normal(50, 8, (30, 30, 4))
    found, weights = weighted_scar(image, np.ones(image.shape, bool), split=50.0, voxel_ml=0.01, slice_axis=2)
    assert not found.scar.any() and weights.sum() == 0 and found.facts["Threshold"] is None


def test_entropy_and_pieces_by_hand() -> None:
    assert signal_entropy(np.full(20, 5.0), 0.0, 10.0) == 0.0
    assert signal_entropy(np.repeat([0.0, 3.0, 6.0, 9.0], 5), 0.0, 10.0) == pytest.approx(2.0)
    assert np.isnan(signal_entropy(np.zeros(9), 0.0, 1.0))
    scar = np.zeros((5, 5, 3), dtype=bool)
    scar[0, 0, 0] = scar[1, 1, 1] = scar[4, 4, 2] = True
    assert scar_pieces(scar).max() == 2


def test_the_table_holds_both_ways_of_no_reflow_and_what_the_image_tells() -> None:
    labels = ventricle()
    wall = np.argwhere(labels == 2)
    labels[tuple(wall[:300].T)], labels[tuple(wall[:100].T)] = 3, 4
    image = np.where(labels == 3, 200.0, 20.0) + np.random.default_rng(0).normal(0, 2, labels.shape)
    found, seen, _ = scar_from_image(labels, image, affine(), ScarRule("sd"))
    row = quantify(found, affine(), seen=seen).rows[-1]
    voxel = row["myocardium_ml"] / len(wall)
    assert row["scar_ml"] == pytest.approx(300 * voxel)
    assert row["scar_excluding_no_reflow_ml"] == pytest.approx(200 * voxel)
    assert row["core_ml"] >= 300 * voxel * 0.999 and row["scar_entropy"] > 0
    bare = quantify(found, affine(), seen=FromImage()).rows[-1]
    assert all(np.isnan(bare[name]) for name in ("core_ml", "grey_zone_ml", "scar_entropy", "scar_weighted_ml"))
