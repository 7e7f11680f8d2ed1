"""simulate as a user meets it: the files of a cohort, its truth, and a subject that depends on nothing but its number."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from scartools.files import table
from tests.conftest import run_inside


def test_a_cohort_has_images_truth_dates_and_descriptions(workspace):
    scans = table.read(Path("cohort/mri.tsv"), required=["participant_id", "image", "mri_date"])
    people = table.read(Path("cohort/participants.tsv"))
    assert [row["participant_id"] for row in scans.rows] == ["sim-0001", "sim-0002"]
    for row in scans.rows:
        image = nibabel.load(Path("cohort") / row["image"])
        truth = Path("cohort/truth") / row["participant_id"]
        labels = nibabel.load(truth / "segmentation.nii.gz")
        np.testing.assert_array_equal(image.affine, labels.affine)
        assert image.get_data_dtype() == np.float32 and labels.get_data_dtype() == np.uint8
        assert set(np.unique(labels.dataobj)) <= {0, 1, 2, 3, 4, 5}
    described = json.loads(Path("cohort/participants.json").read_text())["Columns"]
    assert tuple(described) == people.columns


def test_the_affines_are_oblique_and_true(workspace):
    for subject in ("sim-0001", "sim-0002"):
        affine = nibabel.load(f"cohort/lge/{subject}.nii.gz").affine
        axes = np.abs(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
        assert axes.max(axis=0).min() < 0.999


def test_the_truth_table_is_what_the_voxels_say(workspace):
    found = table.read(Path("cohort/truth/scars.tsv"))
    for subject in ("sim-0001", "sim-0002"):
        folder = Path("cohort/truth") / subject
        image = nibabel.load(folder / "segmentation.nii.gz")
        labels, segments = np.asarray(image.dataobj), np.asarray(nibabel.load(folder / "aha17.nii.gz").dataobj)
        ml = abs(np.linalg.det(image.affine[:3, :3])) / 1000
        for i, row in enumerate(found.rows):
            if row["participant_id"] != subject:
                continue
            inside = (
                segments == int(row["segment"]) if row["level"] == "segment" else np.ones_like(segments, bool)
            )
            if not np.isin(labels[inside], (2, 3, 4)).any():
                assert row["scar_ml"] is None
                continue
            expected = np.isin(labels[inside], (3, 4)).sum() * ml
            assert table.number(found, i, "scar_ml") == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_a_subject_does_not_depend_on_the_size_of_the_cohort(workspace):
    assert run_inside("simulate", "cohort", "-n", "1", "--seed", "1", "-o", "small").status == 0
    for name in ("lge/sim-0001.nii.gz", "truth/sim-0001/segmentation.nii.gz", "truth/sim-0001/case.json"):
        assert (Path("small") / name).read_bytes() == (Path("cohort") / name).read_bytes()


def test_another_seed_is_another_patient(workspace):
    assert run_inside("simulate", "cohort", "-n", "1", "--seed", "2", "-o", "other").status == 0
    assert Path("other/lge/sim-0001.nii.gz").read_bytes() != Path("cohort/lge/sim-0001.nii.gz").read_bytes()


@pytest.mark.parametrize(
    "options", [["-n", "0"], ["-n", "-3"], ["-n", "many"], ["--seed", "-1"], ["--threads", "0"]]
)
def test_senseless_numbers_are_usage_errors(workspace, options):
    done = run_inside("simulate", "cohort", "-o", "c", *options)
    assert done.status == 2 and options[0] in done.error
    assert not Path("c").exists()


def test_the_family_lists_its_members():
    done = run_inside("simulate", "--help")
    assert done.status == 0 and "cohort" in done.stdout
