"""Segments and quantities on real hearts: an AHA atlas, EMIDEC, Sunnybrook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from scartools.errors import GeometryError
from scartools.heart.quantities import quantify
from scartools.heart.segments import label_segments
from tests.unit.heart.heart_phantom import FLIPS, Flips, Order, put_back, rearranged

pytestmark = pytest.mark.real


def atlas(data_folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, the atlas's own segments, affine: 21 is the LV pool, 24 the RV."""
    image = nibabel.load(data_folder / "cmr/aha17_template/AHA17_model_ED.nii.gz")
    values = np.asarray(image.dataobj)[..., 0]  # type: ignore[attr-defined]
    segments = np.where(values <= 17, values, 0)
    labels = np.select([segments > 0, values == 21, values == 24], [2, 1, 5], default=0).astype(np.uint8)
    return labels, segments, image.affine  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "of_all", "of_labelled"),
    [
        ({}, 0.76, 0.79),
        ({"anchor_scope": "ventricle"}, 0.73, 0.76),
        ({"anchor": "both-insertions"}, 0.78, 0.81),
        # The atlas gives segments to the open basal slices as well, which the standard leaves out.
        ({"complete_ring": 0.5}, 0.83, 0.83),
        ({"complete_ring": 0.5, "anchor": "both-insertions"}, 0.85, 0.85),
    ],
)
def test_agreement_with_an_atlas(
    data_folder: Path, options: dict[str, Any], of_all: float, of_labelled: float
) -> None:
    labels, segments, affine = atlas(data_folder)
    found = label_segments(labels, affine, **options).map
    right = found == segments
    assert right[labels == 2].mean() >= of_all
    assert right[found > 0].mean() >= of_labelled


def test_every_storage_order_of_the_atlas_gives_the_same_segments(data_folder: Path) -> None:
    labels, _, affine = atlas(data_folder)
    reference = label_segments(labels, affine).map
    orders: list[tuple[Order, Flips]] = [((0, 1, 2), flips) for flips in FLIPS]
    orders += [((1, 0, 2), flips) for flips in FLIPS]
    orders += [((2, 0, 1), (True, False, True)), ((0, 2, 1), (False, True, False))]
    for order, flips in orders:
        moved, matrix = rearranged(labels, affine, order, flips)
        np.testing.assert_array_equal(put_back(label_segments(moved, matrix).map, order, flips), reference)


def emidec(data_folder: Path, case: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels and affine of a published case, whose own affine has lost the voxel size that pixdim keeps."""
    image = nibabel.load(data_folder / f"cmr/emidec/nifti/{case}/Contours/{case}.nii.gz")
    zooms = image.header.get_zooms()  # type: ignore[attr-defined]
    labels = np.asarray(image.dataobj).astype(np.uint8)  # type: ignore[attr-defined]
    return labels, image.affine @ np.diag([*map(float, zooms), 1.0])  # type: ignore[attr-defined]


def test_volumes_of_emidec(data_folder: Path) -> None:
    labels, affine = emidec(data_folder, "sampleNegative")
    whole = quantify(labels, affine).rows[-1]
    assert whole["myocardium_ml"] == pytest.approx(98.8, abs=0.05)
    assert whole["mass_g"] == pytest.approx(103.7, abs=0.05)
    assert whole["scar_ml"] == 0.0
    labels, affine = emidec(data_folder, "samplePositive")
    segments = label_segments(labels, affine, anchor="image-left")
    rows = {row["region"]: row for row in quantify(labels, affine, segments=segments).rows}
    assert rows["LV"]["mass_g"] == pytest.approx(145.6, abs=0.05)
    assert rows["LV"]["scar_ml"] == pytest.approx(20.26, abs=0.005)
    assert rows["LV"]["scar_percent"] == pytest.approx(14.6, abs=0.05)
    parts = [row["scar_ml"] for row in rows.values() if row["level"] in ("segment", "unassigned")]
    assert np.nansum(parts) == pytest.approx(rows["LV"]["scar_ml"], rel=1e-12)
    # The scar of this case is lateral in the picture.
    assert rows["LCX"]["scar_ml"] > 0.9 * rows["LV"]["scar_ml"]


def test_the_apex_of_emidec_is_found_or_asked_for_but_never_wrong(data_folder: Path) -> None:
    cases = sorted((data_folder / "cmr/emidec/png_subjects").glob("*.npz"))
    assert len(cases) == 70
    asked = 0
    affine = np.array([[0, 0, 1.5, 0], [0, 1.5, 0, 0], [10, 0, 0, 0], [0, 0, 0, 1]])  # slices first, apex first
    for case in cases:
        labels = np.load(case)["label"]
        try:
            assert not label_segments(labels, affine, anchor="image-left").facts["BaseFirst"], case.stem
        except GeometryError:
            asked += 1
    assert asked <= 2


def test_oblique_stacks_of_sunnybrook(data_folder: Path) -> None:
    for case in ("1", "2", "4", "5"):
        image = nibabel.load(data_folder / f"cmr/sunnybrook/SC-HF-I-{case}_ED_mask.nii.gz")
        labels = np.asarray(image.dataobj)  # type: ignore[attr-defined]
        found = label_segments(labels, image.affine, anchor="image-left")  # type: ignore[attr-defined]
        assert found.facts["BaseFirst"] is False  # slice 0 is the apex
        assert found.facts["ImagedSegments"] == list(range(1, 17))
        doubts = [text for text in found.facts["Warnings"] if "back or feet" in text]
        assert doubts == []
