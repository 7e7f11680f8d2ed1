"""quantify as a user meets it: numbers that add up, missing that stays missing, definitions beside every number."""

from __future__ import annotations

import json
import math
from pathlib import Path

import nibabel
import numpy as np
import pytest

from scartools.files import table
from tests.conftest import run_inside

SEGMENTATION = "cohort/truth/sim-0001/segmentation.nii.gz"
IMAGE = "cohort/lge/sim-0001.nii.gz"


def measure(*arguments: str | Path) -> tuple[dict[str, dict[str, float]], dict]:
    """Run quantify and return its rows by region, and its summary."""
    done = run_inside("quantify", *arguments, "-o", "out.tsv", "--force", "--json")
    assert done.status == 0, done.stderr
    found = table.read(Path("out.tsv"))
    numbers = [c for c in found.columns if c not in ("level", "region", "name", "transmurality_bin")]
    rows = {
        row["region"]: {column: table.number(found, i, column) for column in numbers} | {"level": row["level"]}
        for i, row in enumerate(found.rows)
    }
    return rows, done.json


@pytest.fixture
def prior(workspace) -> Path:
    assert run_inside("aha17", SEGMENTATION, "-o", "prior.nii.gz").status == 0
    return Path("prior.nii.gz")


def test_the_ventricle_is_the_voxels_times_their_volume(workspace):
    image = nibabel.load(SEGMENTATION)
    array = np.asarray(image.dataobj)
    ml = abs(np.linalg.det(image.affine[:3, :3])) / 1000
    rows, summary = measure(SEGMENTATION)
    assert set(rows) == {"LV"}
    assert rows["LV"]["myocardium_ml"] == pytest.approx(np.isin(array, (2, 3, 4)).sum() * ml, rel=1e-5)
    assert rows["LV"]["scar_ml"] == pytest.approx(np.isin(array, (3, 4)).sum() * ml, rel=1e-5)
    assert rows["LV"]["mass_g"] == pytest.approx(rows["LV"]["myocardium_ml"] * 1.05, rel=1e-5)
    assert summary["LVMassG"] == pytest.approx(rows["LV"]["mass_g"], abs=0.01)


def test_segments_and_unassigned_add_up_to_the_ventricle(prior):
    rows, _ = measure(SEGMENTATION, "--prior", prior)
    for column in ("myocardium_ml", "mass_g", "scar_ml", "no_reflow_ml"):
        parts = [row[column] for row in rows.values() if row["level"] in ("segment", "unassigned")]
        assert math.fsum(v for v in parts if not math.isnan(v)) == pytest.approx(rows["LV"][column], rel=1e-4)


def test_territories_are_the_sums_of_their_segments(prior):
    rows, _ = measure(SEGMENTATION, "--prior", prior)
    for territory, members in {
        "LAD": (1, 2, 7, 8, 13, 14, 17),
        "RCA": (3, 4, 9, 10, 15),
        "LCX": (5, 6, 11, 12, 16),
    }.items():
        volumes = [rows[str(n)]["scar_ml"] for n in members]
        assert rows[territory]["scar_ml"] == pytest.approx(
            sum(v for v in volumes if not math.isnan(v)), abs=1e-4
        )


def test_a_segment_that_was_not_imaged_is_missing_and_never_zero(prior):
    image = nibabel.load(prior)
    array = np.asarray(image.dataobj).copy()
    array[array == 5] = 0
    nibabel.save(nibabel.Nifti1Image(array, image.affine), "gap.nii.gz")
    rows, _ = measure(SEGMENTATION, "--prior", "gap.nii.gz")
    assert all(math.isnan(v) for k, v in rows["5"].items() if k not in ("level", "chords"))
    line = next(line for line in Path("out.tsv").read_text().splitlines() if line.startswith("segment\t5\t"))
    assert line.split("\t").count("n/a") >= 12


def test_the_sidecar_defines_every_column_and_says_what_the_numbers_rest_on(prior):
    measure(SEGMENTATION, "--prior", prior)
    said = json.loads(Path("out.json").read_text())
    assert list(said["Columns"]) == list(table.read(Path("out.tsv")).columns)
    assert all(column["Description"] for column in said["Columns"].values())
    assert said["Facts"]["Density"] == 1.05 and said["Facts"]["AnchorSource"] == "rv"


def test_the_table_goes_down_a_pipe(workspace):
    done = run_inside("quantify", SEGMENTATION, "-o", "-", "-q")
    assert done.status == 0
    assert done.stdout.startswith("level\tregion\tname\t") and "\nventricle\tLV\t" in done.stdout
    assert [path.name for path in workspace.iterdir()] == ["cohort"]


def test_another_density_scales_the_mass_alone(workspace):
    rows, _ = measure(SEGMENTATION)
    other, _ = measure(SEGMENTATION, "--density", "1.06")
    assert other["LV"]["mass_g"] / rows["LV"]["mass_g"] == pytest.approx(1.06 / 1.05, rel=1e-5)
    assert other["LV"]["myocardium_ml"] == rows["LV"]["myocardium_ml"]


def painted(remote_sd: float, scar: float) -> Path:
    """An image with known answer: remote 100 with a given SD, scar and pool at given signals."""
    image = nibabel.load(SEGMENTATION)
    labels = np.asarray(image.dataobj)
    noise = np.random.default_rng(0).normal(size=labels.shape)
    array = np.where(np.isin(labels, (3, 4)), scar, 100 + remote_sd * noise).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(array, image.affine), "painted.nii.gz")
    return Path("painted.nii.gz")


@pytest.mark.parametrize(
    "options", [["sd", "--sd", "6"], ["otsu"], ["fwhm", "--image-kind", "magnitude"]], ids=lambda o: o[0]
)
def test_a_threshold_finds_the_scar_that_was_painted(workspace, options):
    truth, _ = measure(SEGMENTATION)
    found, summary = measure(SEGMENTATION, "--image", painted(5.0, 400.0), "--method", *options)
    assert found["LV"]["scar_ml"] == pytest.approx(truth["LV"]["scar_ml"], rel=1e-6)
    assert found["LV"]["myocardium_ml"] == truth["LV"]["myocardium_ml"]
    assert summary["Facts"]["Scar"]["Threshold"] > 0 and summary["Facts"]["Scar"]["Definition"]


def test_n_sd_uses_the_remote_region_that_is_given(workspace):
    image = nibabel.load(SEGMENTATION)
    array = np.asarray(image.dataobj)
    remote = np.zeros_like(array)
    healthy = np.argwhere(array == 2)[:200]
    remote[tuple(healthy.T)] = 1
    nibabel.save(nibabel.Nifti1Image(remote, image.affine), "remote.nii.gz")
    picture = np.asarray(nibabel.load(painted(5.0, 400.0)).dataobj)
    _, summary = measure(
        SEGMENTATION, "--image", "painted.nii.gz", "--method", "sd", "--sd", "4", "--remote", "remote.nii.gz"
    )
    chosen = picture[remote == 1].astype(float)
    assert summary["Facts"]["Scar"]["RemoteVoxels"] == 200
    assert summary["Facts"]["Scar"]["Threshold"] == pytest.approx(chosen.mean() + 4 * chosen.std(ddof=1))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--method", "sd"], "needs --image"),
        (["--image", IMAGE, "--sd", "3"], "no meaning with --method labels"),
        (["--image", IMAGE, "--grey-zone", "40-60"], "needs --image-kind"),
        (["--grey-zone", "2-3-sd"], "needs --image"),
        (["--image", IMAGE, "--method", "sd", "--fwhm", "min"], "--fwhm has no meaning"),
        (["--image", IMAGE, "--method", "sd", "--remote-segment", "4"], "needs --prior"),
        (["--image", IMAGE, "--method", "fwhm"], "needs --image-kind"),
        (["--image", IMAGE, "--method", "otsu", "--remote", SEGMENTATION], "--remote has no meaning"),
        (["--density", "0"], "--density"),
        (["--density", "nan"], "--density"),
        (["--json"], None),
    ],
)
def test_options_that_contradict_each_other_are_usage_errors(workspace, options, said):
    output = "-" if said is None else "out.tsv"
    done = run_inside("quantify", SEGMENTATION, "-o", output, *options)
    assert done.status == 2
    assert (said or "both want stdout") in done.error
    assert not Path("out.tsv").exists()


def test_a_prior_of_another_grid_is_refused_with_both_grids(prior):
    done = run_inside("quantify", "cohort/truth/sim-0002/segmentation.nii.gz", "--prior", prior, "-o", "x.tsv")
    assert done.status == 3
    assert "prior.nii.gz" in done.error and "sim-0002" in done.error


def test_the_header_fault_is_reported_with_both_numbers_and_travels_with_the_table(workspace):
    image = nibabel.load(SEGMENTATION)
    sizes = np.linalg.norm(image.affine[:3, :3], axis=0)
    faulty = nibabel.Nifti1Image(np.asarray(image.dataobj).astype(float), np.diag([-1.0, -1, 1, 1]))
    faulty.set_qform(None, 0)
    faulty.header["pixdim"][1:4] = sizes
    nibabel.save(faulty, "faulty.nii.gz")
    rows, summary = measure("faulty.nii.gz")
    truth, _ = measure(SEGMENTATION)
    assert rows["LV"]["myocardium_ml"] == pytest.approx(truth["LV"]["myocardium_ml"], rel=1e-4)
    assert "affine says 1 x 1 x 1 mm" in summary["Warnings"][0] and "pixdim says" in summary["Warnings"][0]
    assert "header fault" in summary["Facts"]["GeometryNotes"][0]


def test_a_prior_of_other_contours_is_refused_or_doubted(prior):
    image = nibabel.load(prior)
    rolled = np.roll(np.asarray(image.dataobj), 20, axis=0)
    nibabel.save(nibabel.Nifti1Image(rolled, image.affine), "rolled.nii.gz")
    done = run_inside("quantify", SEGMENTATION, "--prior", "rolled.nii.gz", "-o", "x.tsv")
    assert done.status == 3 and "those of other contours" in done.error
    segmentation = nibabel.load(SEGMENTATION)
    other = np.asarray(segmentation.dataobj).copy()
    other[tuple(np.argwhere(other == 3)[0])] = 2
    nibabel.save(nibabel.Nifti1Image(other, segmentation.affine), "other.nii.gz")
    _, summary = measure("other.nii.gz", "--prior", prior)
    assert any("made from another segmentation" in text for text in summary["Warnings"])


def test_a_heart_that_no_human_has_is_doubted(workspace):
    image = nibabel.load(SEGMENTATION)
    affine = image.affine.copy()
    affine[:3, :2] *= 4
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), affine), "huge.nii.gz")
    _, summary = measure("huge.nii.gz")
    assert any("no human left ventricle" in text for text in summary["Warnings"])


def test_a_text_in_the_sidecar_of_a_prior_does_not_travel(prior):
    said = json.loads(Path("prior.json").read_text())
    Path("prior.json").write_text(json.dumps(said | {"Anchor": "Mustermann, Hans"}))
    measure(SEGMENTATION, "--prior", prior)
    assert "Mustermann" not in Path("out.json").read_text()


def test_without_a_voxel_size_there_are_fractions_and_no_millilitres(prior):
    whole, _ = measure(SEGMENTATION, "--prior", prior)
    rows, summary = measure(SEGMENTATION, "--prior", prior, "--fractions-only")
    assert rows["LV"]["scar_percent"] == whole["LV"]["scar_percent"]
    assert math.isnan(rows["LV"]["scar_ml"]) and math.isnan(rows["1"]["core_g"])
    assert summary["ScarMl"] is None and summary["ScarPercentOfLV"] > 0


def test_remote_segments_give_the_remote_region(prior):
    _, summary = measure(
        SEGMENTATION, "--prior", prior, "--image", IMAGE, "--method", "sd", "--remote-segment", "1"
    )
    said = summary["Facts"]["Scar"]
    assert said["RemoteSegments"] == [1] and said["RemoteVoxels"] > 20
    assert said["GreyZoneRule"] == "2-3-sd" and said["GreyZoneFrom"] < said["CoreFrom"] < said["Threshold"]
