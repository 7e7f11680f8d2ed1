"""Prediction as a user sees it: the image's own grid, no look at the truth, and contours that cannot tell of scar."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from tests.conftest import run_inside

TRAIN = ["--preset", "tiny", "--patch", "32", "--features", "4", "--iterations", "2", "--cross-fit", "2"]
RESULTS = ("segmentation.nii.gz", "prior.nii.gz", "segments.tsv")


@pytest.fixture(scope="module")
def models(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a manifest, a beat and two models, trained for no time at all."""
    folder = tmp_path_factory.mktemp("predict")
    beat = folder / "sim-0001-ecg1.hea"
    pairs = ["--beats", folder, "--keep-unpaired", "--split", "1/0/0", "-o", folder / "pairs.tsv"]
    for words in (
        ["median-beat", cohort / "truth/sim-0001/ecg.hea", "-o", beat],
        ["pair", cohort / "ecg.tsv", cohort / "mri.tsv", *pairs],
        ["preprocess", folder / "pairs.tsv", "-o", folder / "dataset"],
        ["train", folder / "dataset", *TRAIN, "-o", folder / "model"],
        ["train", folder / "dataset", *TRAIN, "--prior-source", "truth", "--no-ecg", "-o", folder / "guided"],
    ):
        done = run_inside(*words, "-q")
        assert done.status == 0, done.stderr
    return folder


def predict(model: Path, image: Path, out: Path, *options):
    return run_inside("predict", model, image, "-o", out, "--no-bullseye", *options)


def bytes_of(folder: Path) -> dict[str, bytes]:
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return {name: data for name, data in found.items() if name != "prov.json"}


def test_the_result_lies_on_the_images_own_grid(models, cohort, tmp_path):
    image = cohort / "lge/sim-0002.nii.gz"
    done = predict(models / "model", image, tmp_path / "out")
    assert done.status == 0, done.stderr
    made, source = nibabel.load(tmp_path / "out/sim-0002/segmentation.nii.gz"), nibabel.load(image)
    assert made.shape == source.shape and made.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(made.affine, source.affine)
    assert set(np.unique(made.dataobj)) <= {0, 1, 2, 3, 4, 5}
    assert run_inside("check", tmp_path / "out").status == 0


def test_what_is_scar_in_the_given_contours_changes_no_byte(models, cohort, tmp_path):
    image, truth = cohort / "lge/sim-0001.nii.gz", nibabel.load(cohort / "truth/sim-0001/segmentation.nii.gz")
    labels = np.asarray(truth.dataobj)
    rng = np.random.default_rng(1)
    found = []
    for number in range(3):
        shuffled = labels.copy()
        wall = np.isin(labels, (2, 3, 4))
        if number == 1:
            shuffled[wall] = rng.choice([2, 3, 4], size=int(wall.sum()))
        if number == 2:  # a thinner wall is another matter
            shuffled[wall & (rng.random(labels.shape) < 0.5)] = 1
        contours = tmp_path / f"contours-{number}.nii.gz"
        nibabel.save(nibabel.Nifti1Image(shuffled, truth.affine, truth.header), contours)
        out = tmp_path / f"out-{number}"
        done = predict(models / "guided", image, out, "--anatomy", contours, "--anatomy-source", "manual")
        assert done.status == 0, done.stderr
        found.append(bytes_of(out))
    assert found[0] == found[1]
    assert found[0] != found[2]
    assert b"\tmanual\t" in found[0]["predictions.tsv"]


def test_the_truth_is_not_read(models, cohort, tmp_path):
    pairs = (models / "pairs.tsv").read_text().replace("segmentation.nii.gz", "gone.nii.gz")
    other = models / "without-truth.tsv"
    other.write_text(pairs)
    for name, manifest in (("with", models / "pairs.tsv"), ("without", other)):
        assert predict(models / "model", manifest, tmp_path / name).status == 0
    assert bytes_of(tmp_path / "with") == bytes_of(tmp_path / "without")


def test_a_missing_ecg_is_accepted_and_said(models, tmp_path):
    assert predict(models / "model", models / "pairs.tsv", tmp_path / "some").status == 0
    assert predict(models / "model", models / "pairs.tsv", tmp_path / "none", "--no-ecg").status == 0
    rows = [line.split("\t") for line in (tmp_path / "some/predictions.tsv").read_text().splitlines()]
    at = rows[0].index("ecg")
    assert {row[0]: row[at] for row in rows[1:]} == {"sim-0001": "used", "sim-0002": "absent"}
    name = "sim-0002/segmentation.nii.gz"
    assert (tmp_path / "some" / name).read_bytes() == (tmp_path / "none" / name).read_bytes()


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--anatomy", "{truth}"], 2, "--anatomy-source"),
        (["--interval", "3"], 2, "--interval"),
        (["--split", "test"], 2, "--split"),
        (["--angle", "10", "--anchor", "mid-septum", "--landmarks", "{landmarks}"], 3, "does not exist"),
    ],
)
def test_options_that_contradict_each_other_are_refused(models, cohort, tmp_path, options, status, words):
    truth = cohort / "truth/sim-0001/segmentation.nii.gz"
    given = [option.format(truth=truth, landmarks=tmp_path / "none.tsv") for option in options]
    done = predict(models / "model", cohort / "lge/sim-0001.nii.gz", tmp_path / "out", *given)
    assert done.status == status and words in done.error
    assert not (tmp_path / "out").exists()


def test_a_model_without_a_first_stage_asks_for_contours(models, cohort, tmp_path):
    done = predict(models / "guided", cohort / "lge/sim-0001.nii.gz", tmp_path / "out")
    assert done.status == 3 and "--anatomy" in done.error


def test_a_patient_it_was_trained_on_is_no_test(models, tmp_path):
    lines = (models / "pairs.tsv").read_text().replace("\ttrain\t", "\ttest\t")
    (models / "cheat.tsv").write_text(lines)
    done = predict(models / "model", models / "cheat.tsv", tmp_path / "out")
    assert done.status == 3 and "training of this model" in done.error


def test_one_bad_image_does_not_stop_the_others(models, tmp_path):
    rows = (models / "pairs.tsv").read_text().replace("sim-0002.nii.gz", "nowhere.nii.gz")
    (models / "half.tsv").write_text(rows)
    done = predict(models / "model", models / "half.tsv", tmp_path / "out")
    assert done.status == 5, done.stderr
    assert "sim-0002" in done.stderr
    assert (tmp_path / "out/sim-0001/segmentation.nii.gz").exists()


def test_fractions_only_prints_no_volume(models, cohort, tmp_path):
    done = predict(
        models / "guided", cohort / "lge/sim-0001.nii.gz", tmp_path / "out", "--fractions-only", "--anatomy-source",
        "truth", "--anatomy", cohort / "truth/sim-0001/segmentation.nii.gz",
    )  # fmt: skip
    assert done.status == 0, done.stderr
    table = tmp_path / "out/sim-0001/segments.tsv"
    if table.exists():
        lines = [line.split("\t") for line in table.read_text().splitlines()]
        ml = lines[0].index("myocardium_ml")
        assert {row[ml] for row in lines[1:]} == {"n/a"}
