"""Thresholds on images whose answer is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scartools.errors import InputError
from scartools.heart.remote import remote_region
from scartools.heart.thresholds import fwhm, n_sd, otsu
from tests.unit.heart.heart_phantom import CENTRE, affine, put_back, rearranged, ventricle

# Remote 8, 10, 12: mean 10, sample SD 2. Scar from 20 up.
VALUES = np.array([8.0, 10.0, 12.0, 15.9, 16.0, 16.1, 20.0, 40.0]).reshape(8, 1, 1)
WALL = np.ones((8, 1, 1), dtype=bool)
REMOTE = (np.arange(8) < 3).reshape(8, 1, 1)


def test_n_sd_is_strictly_above_mean_plus_n_sd() -> None:
    found = n_sd(VALUES, WALL, REMOTE, 3)
    assert found.facts["Threshold"] == 16.0
    assert found.scar.ravel().tolist() == [False] * 5 + [True] * 3
    assert (found.facts["RemoteVoxels"], found.facts["RemoteMean"], found.facts["RemoteSD"]) == (3, 10.0, 2.0)
    assert found.facts["Definition"] == "signal > mean + 3 SD of remote myocardium"
    assert "only 3 voxels" in found.facts["Warnings"][0]


def test_n_sd_shrinks_as_n_grows_and_ignores_the_scale_of_the_image() -> None:
    image = np.random.default_rng(3).normal(100.0, 10.0, (20, 20, 4))
    image[:5] += 60.0
    wall = np.ones(image.shape, dtype=bool)
    remote = np.zeros_like(wall)
    remote[10:] = True
    sizes = [int(n_sd(image, wall, remote, n).scar.sum()) for n in (2, 3, 4, 5, 6)]
    assert sizes == sorted(sizes, reverse=True)
    np.testing.assert_array_equal(n_sd(image, wall, remote, 5).scar, n_sd(3 * image - 7, wall, remote, 5).scar)


def test_fwhm_magnitude_is_half_of_the_maximum_and_includes_it() -> None:
    found = fwhm(VALUES, WALL, image_kind="magnitude")
    assert found.facts["Threshold"] == 20.0
    assert found.scar.ravel().tolist() == [False] * 6 + [True] * 2


def test_fwhm_psir_is_halfway_from_remote_and_does_not_care_about_the_offset() -> None:
    found = fwhm(VALUES, WALL, image_kind="psir", remote=REMOTE)
    assert found.facts["Threshold"] == 25.0
    moved = fwhm(VALUES - 100.0, WALL, image_kind="psir", remote=REMOTE)
    assert moved.facts["Threshold"] == -75.0
    np.testing.assert_array_equal(found.scar, moved.scar)
    assert found.facts["ImageKind"] == "psir"


def test_a_robust_peak_is_declared() -> None:
    image = np.arange(1.0, 102.0).reshape(101, 1, 1)
    image[-1] = 1000.0
    wall = np.ones(image.shape, dtype=bool)
    found = fwhm(image, wall, image_kind="magnitude", peak_percentile=99.0)
    assert found.facts["Threshold"] == 50.0
    assert "99th percentile" in found.facts["Definition"]
    assert fwhm(image, wall, image_kind="magnitude").facts["Threshold"] == 500.0


def test_otsu_splits_two_classes_halfway() -> None:
    image = np.array([0.0, 0, 1, 1, 9, 9, 10, 10]).reshape(8, 1, 1)
    found = otsu(image, WALL)
    assert found.facts["Threshold"] == 5.0
    assert found.scar.ravel().tolist() == [False] * 4 + [True] * 4


def test_otsu_equals_the_exhaustive_search() -> None:
    random = np.random.default_rng(5)
    values = np.concatenate([random.normal(100, 15, 300), random.normal(220, 30, 90)])
    image = values.reshape(-1, 1, 1)
    found = otsu(image, np.ones(image.shape, dtype=bool))
    best = min(
        np.unique(values)[:-1],
        key=lambda cut: sum(part.size * part.var() for part in (values[values <= cut], values[values > cut])),
    )
    np.testing.assert_array_equal(found.scar.ravel(), values > best)


def test_only_the_myocardium_counts() -> None:
    image = VALUES.copy()
    wall = WALL.copy()
    wall[7] = False
    image[7] = np.nan
    for found in (n_sd(image, wall, REMOTE, 3), fwhm(image, wall, image_kind="magnitude"), otsu(image, wall)):
        assert not found.scar[7]
        assert found.facts["MyocardiumVoxels"] == 7


def test_a_threshold_that_marks_most_of_the_wall_warns() -> None:
    image = np.full((8, 1, 1), 10.0)
    image[:2] = 4.0
    facts = fwhm(image, WALL, image_kind="magnitude").facts
    assert "calls 75 % of the myocardium scar" in facts["Warnings"][0]


def test_a_magnitude_image_whose_zero_is_no_zero_is_refused() -> None:
    image = np.full((8, 1, 1), 10.0)
    image[0] = 11.0  # half of it lies below everything: FWHM would call all of the wall scar
    with pytest.raises(InputError, match="psir"):
        fwhm(image, WALL, image_kind="magnitude")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: n_sd(VALUES, WALL, REMOTE, -1), "n is -1"),
        (lambda: n_sd(VALUES, WALL, ~WALL, 3), "remote region has 0 voxels"),
        (lambda: n_sd(VALUES, REMOTE, WALL, 3), "5 voxels of the remote region lie outside"),
        (lambda: n_sd(VALUES[:4], WALL, REMOTE, 3), r"shape \(4, 1, 1\)"),
        (lambda: n_sd(VALUES, WALL.astype(int), REMOTE, 3), "the myocardium is int"),
        (lambda: n_sd(VALUES, WALL, REMOTE.astype(int), 3), "the remote region is int"),
        (lambda: otsu(VALUES, ~WALL), "the myocardium has 0 voxels"),
        (lambda: otsu(np.full((8, 1, 1), np.nan), WALL), "NaN or infinite in 8 voxels"),
        (lambda: otsu(np.ones((8, 1, 1)), WALL), "constant"),
        (lambda: fwhm(VALUES, WALL, image_kind="psir"), "needs a remote region"),
        (lambda: fwhm(VALUES - 50, WALL, image_kind="magnitude"), "negative"),
        (lambda: fwhm(VALUES, WALL, image_kind="t1"), "image kind 't1' is unknown"),  # type: ignore[arg-type]
        (lambda: fwhm(VALUES, WALL, image_kind="magnitude", peak_percentile=0), "peak percentile is 0"),
    ],
)
def test_what_cannot_be_thresholded_is_refused(call: Callable[[], Any], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        call()
    assert caught.value.remedy


def enhanced() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An LGE image of the phantom: scar of signal 200 to the front, remote 20 elsewhere, all else bright."""
    labels = ventricle()
    i, j = np.meshgrid(np.arange(61) - CENTRE, np.arange(61) - CENTRE, indexing="ij")
    front = (np.degrees(np.arctan2(j, i)) > 20) & (np.degrees(np.arctan2(j, i)) < 160)
    scar = (labels == 2) & front[:, :, None]
    image = np.full(labels.shape, 150.0)
    image[labels == 2] = 20.0
    image[scar] = 200.0
    image += np.random.default_rng(1).normal(0.0, 3.0, image.shape)
    return image, labels, scar


def test_the_remote_region_is_dark_away_from_scar_and_borders() -> None:
    image, labels, scar = enhanced()
    region, facts = remote_region(image, labels, affine())
    wall = labels == 2
    assert not (region & scar).any()
    assert not (region & ~wall).any()
    for shift in ((1, 0), (-1, 0), (0, 1), (0, -1)):  # every neighbour in the slice is wall too
        assert np.roll(wall, shift, axis=(0, 1))[region].all()
    assert facts["RemoteBordersEroded"] is True
    assert [item["Slice"] for item in facts["RemoteSectors"]] == list(range(9))
    for item in facts["RemoteSectors"]:
        i, j = np.nonzero(region[:, :, item["Slice"]])
        turned = (np.degrees(np.arctan2(j - CENTRE, i - CENTRE)) - item["Degrees"][0]) % 360
        assert len(i) >= 5 and turned.max() < 60.0


def test_remote_region_and_n_sd_together_find_the_scar() -> None:
    image, labels, scar = enhanced()
    region, _ = remote_region(image, labels, affine())
    np.testing.assert_array_equal(n_sd(image, labels == 2, region, 6).scar, scar)


def test_the_remote_region_looks_at_no_scar_label_and_no_storage_order() -> None:
    image, labels, scar = enhanced()
    reference, _ = remote_region(image, labels, affine())
    labelled = labels.copy()
    labelled[scar] = 3
    np.testing.assert_array_equal(remote_region(image, labelled, affine())[0], reference)
    order, flips = (2, 0, 1), (True, False, True)
    moved, matrix = rearranged(labels, affine(), order, flips)
    found, _ = remote_region(rearranged(image, affine(), order, flips)[0], moved, matrix)
    np.testing.assert_array_equal(put_back(found, order, flips), reference)


def wrapped(apical: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `enhanced`, with scar round the whole ring in the first `apical` slices, as after an LAD occlusion."""
    image, labels, scar = enhanced()
    noise = np.random.default_rng(2).normal(0.0, 3.0, image.shape)
    ring = (labels == 2) & (np.arange(labels.shape[2]) < apical)
    image[ring] = 200.0 + noise[ring]
    return image, labels, scar | ring


@pytest.mark.parametrize("apical", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [2, 5])
def test_scar_round_the_apex_does_not_become_remote(apical: int, n: int) -> None:
    image, labels, scar = wrapped(apical)
    region, facts = remote_region(image, labels, affine())
    assert not (region & scar).any()
    assert facts["RemoteSlicesLeftOut"] == list(range(apical))
    found = n_sd(image, labels == 2, region, n).scar
    assert (found & scar).sum() == scar.sum()


def test_a_dark_core_that_is_labelled_is_never_remote() -> None:
    image, labels, scar = enhanced()
    labels, image = np.where(scar, 4, labels).astype(np.uint8), np.where(scar, 5.0, image)
    region, _ = remote_region(image, labels, affine())
    assert not (labels[region] == 4).any() and image[region].mean() > 15


def test_a_remote_region_of_two_tissues_is_warned_about() -> None:
    image, labels, _ = enhanced()
    speckle = (labels == 2) & (np.random.default_rng(3).random(labels.shape) < 0.2)
    image[speckle] = 200.0  # scar so patchy that no sector is free of it
    _, facts = remote_region(image, labels, affine())
    assert any("not one tissue" in text for text in facts["Warnings"])


def test_a_thin_wall_keeps_its_borders_with_a_warning() -> None:
    labels = ventricle(wall=1.5)
    _, facts = remote_region(np.random.default_rng(0).normal(size=labels.shape), labels, affine())
    assert facts["RemoteBordersEroded"] is False
    assert "too thin" in facts["Warnings"][0]


@pytest.mark.parametrize(
    ("image", "width", "says"),
    [(np.zeros((2, 2, 2)), 60.0, "shape"), (np.zeros(ventricle().shape), 400.0, "sector is 400")],
)
def test_remote_regions_that_make_no_sense_are_refused(image: np.ndarray, width: float, says: str) -> None:
    with pytest.raises(InputError, match=says):
        remote_region(image, ventricle(), affine(), sector_degrees=width)
