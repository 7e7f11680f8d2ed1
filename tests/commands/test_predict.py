"""Prediction as a user sees it: the image's own grid, no look at the truth, and contours that cannot tell of scar."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

from tests.conftest import Result, run_inside
from tests.unit.learning.learning_phantom import affine, case

# one window a slice: many small ones take longer
TRAIN = [
    "--preset",
    "tiny",
    "--patch",
    "128",
    "--features",
    "2",
    "--batch",
    "1",
    "--iterations",
    "2",
    "--cross-fit",
    "2",
]


@pytest.fixture(scope="module")
def models(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a manifest, a beat and a model that was trained for no time at all."""
    folder = tmp_path_factory.mktemp("predict")
    beat = folder / "sim-0001-ecg1.hea"
    pairs = ["--beats", folder, "--keep-unpaired", "--split", "1/0/0", "-o", folder / "pairs.tsv"]
    for words in (
        ["median-beat", cohort / "truth/sim-0001/ecg.hea", "-o", beat],
        ["pair", cohort / "ecg.tsv", cohort / "mri.tsv", *pairs],
        ["preprocess", folder / "pairs.tsv", "-o", folder / "dataset"],
        ["train", folder / "dataset", *TRAIN, "-o", folder / "model"],
    ):
        done = run_inside(*words, "-q")
        assert done.status == 0, done.stderr
    return folder


def predict(model: Path, image: Path, out: Path, *options: str | Path) -> Result:
    return run_inside("predict", model, image, "-o", out, *options)


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


# Networks that have learned: pictures whose grey values tell the labels, so that seconds suffice.

SIZE = [
    "--preset",
    "tiny",
    "--patch",
    "32",
    "--features",
    "8",
    "--batch",
    "8",
    "--iterations",
    "120",
    "--no-ecg",
]


def stored(array: np.ndarray, path: Path, where: np.ndarray | None = None) -> Path:
    """Write an array (Z, Y, X) as NIfTI."""
    image = nibabel.Nifti1Image(np.moveaxis(array, (0, 1, 2), (2, 1, 0)), affine() if where is None else where)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    return path


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five phantoms, a manifest (the fifth is the test), and two models: without a prior, and with the true one."""
    folder = tmp_path_factory.mktemp("phantoms")
    lines = ["case_id\tparticipant_id\timage\tlabel\tsplit"]
    for number in range(1, 6):
        made = case(number)
        stored(made.image[0], folder / f"p{number}.nii.gz")
        stored(made.label, folder / f"p{number}-label.nii.gz")
        split = "test" if number == 5 else "train"
        lines.append(f"p{number}\tp{number}\tp{number}.nii.gz\tp{number}-label.nii.gz\t{split}")
    (folder / "pairs.tsv").write_text("\n".join(lines) + "\n")
    for words in (
        ["preprocess", folder / "pairs.tsv", "-o", folder / "dataset"],
        ["train", folder / "dataset", *SIZE, "--no-prior", "-o", folder / "plain"],
        ["train", folder / "dataset", *SIZE, "--prior-source", "truth", "-o", folder / "guided"],
    ):
        done = run_inside(*words, "-q")
        assert done.status == 0, done.stderr
    return folder


def labels_of(folder: Path) -> np.ndarray:
    return np.asarray(nibabel.load(folder / "segmentation.nii.gz").dataobj)


def column(folder: Path, name: str) -> dict[str, str]:
    """A column of segments.tsv by region."""
    rows = [line.split("\t") for line in (folder / "segments.tsv").read_text().splitlines()]
    return {row[rows[0].index("region")]: row[rows[0].index(name)] for row in rows[1:]}


@pytest.fixture(scope="module")
def plain(work: Path) -> Path:
    """The test patient, by the model without a prior, from the manifest."""
    done = predict(work / "plain", work / "pairs.tsv", work / "plain-out", "--split", "test")
    assert done.status == 0, done.stderr
    return work / "plain-out"


def test_it_finds_what_the_picture_shows(work, plain):
    truth = np.moveaxis(case(5).label, (0, 1, 2), (2, 1, 0))
    found = labels_of(plain / "p5")
    for value, least in ((1, 0.8), (3, 0.6), (5, 0.8)):
        dice = (
            2 * np.sum((found == value) & (truth == value)) / (np.sum(found == value) + np.sum(truth == value))
        )
        assert dice > least, f"label {value}"
    assert {p.name for p in (plain / "p5").iterdir()} == {
        "bullseye.svg", "prior.json", "prior.nii.gz", "segmentation.json", "segmentation.nii.gz", "segments.json",
        "segments.tsv",
    }  # fmt: skip
    assert json.loads((plain / "p5/segmentation.json").read_text())["SegmentationSource"] == "predicted"


def test_the_table_has_the_chosen_split_alone(plain):
    lines = [line.split("\t") for line in (plain / "predictions.tsv").read_text().splitlines()]
    row = dict(zip(lines[0], lines[1], strict=True))
    assert len(lines) == 2
    assert row["image"] == "../p5.nii.gz" and row["segmentation"] == "p5/segmentation.nii.gz"
    assert [row[name] for name in ("case_id", "participant_id", "prior_source", "ecg", "interval_days", "split")] == [
        "p5", "p5", "none", "off", "n/a", "test",
    ]  # fmt: skip
    assert row["model"] == "plain"


def test_one_image_gives_the_bytes_of_the_manifest(work, plain, tmp_path):
    assert predict(work / "plain", work / "p5.nii.gz", tmp_path / "one").status == 0
    assert {p.name: p.read_bytes() for p in (tmp_path / "one/p5").iterdir()} == {
        p.name: p.read_bytes() for p in (plain / "p5").iterdir()
    }


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_a_picture_stored_the_other_way_round_gives_the_same_labels(work, plain, tmp_path, axes):
    image = nibabel.load(work / "p5.nii.gz")
    turn = np.eye(4)
    for axis in axes:
        turn[axis, axis], turn[axis, 3] = -1, image.shape[axis] - 1
    other = nibabel.Nifti1Image(np.flip(np.asarray(image.dataobj), axes), image.affine @ turn)
    other.header.set_xyzt_units("mm")
    nibabel.save(other, tmp_path / "p5.nii.gz")
    done = predict(work / "plain", tmp_path / "p5.nii.gz", tmp_path / "out")
    assert done.status == 0, done.stderr
    made = nibabel.load(tmp_path / "out/p5/segmentation.nii.gz")
    np.testing.assert_array_equal(made.affine, other.affine)
    back = np.flip(np.asarray(made.dataobj), axes)
    # which end is the apex is told by the picture, not by the storage
    assert np.mean(back != labels_of(plain / "p5")) < 1e-3
    assert column(tmp_path / "out/p5", "scar_percent").keys() == column(plain / "p5", "scar_percent").keys()


def test_an_oblique_picture_keeps_its_affine_and_its_labels(work, plain, tmp_path):
    from scipy.spatial.transform import Rotation

    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", (25, -35, 15), degrees=True).as_matrix()
    stored(case(5).image[0], tmp_path / "p5.nii.gz", turn @ affine())
    assert predict(work / "plain", tmp_path / "p5.nii.gz", tmp_path / "out").status == 0
    made = nibabel.load(tmp_path / "out/p5/segmentation.nii.gz")
    np.testing.assert_array_equal(made.affine, nibabel.load(tmp_path / "p5.nii.gz").affine)
    # voxel sizes differ in the last bit, so that a voxel on a border may change
    assert np.mean(np.asarray(made.dataobj) != labels_of(plain / "p5")) < 1e-3


def test_a_second_run_gives_the_same_bytes(work, plain):
    again = work / "plain-again"
    assert predict(work / "plain", work / "pairs.tsv", again, "--split", "test").status == 0
    assert bytes_of(again) == bytes_of(plain)


def guided(work: Path, labels: np.ndarray, out: Path) -> dict[str, bytes]:
    contours = stored(labels, out.with_suffix(".nii.gz"))
    done = predict(
        work / "guided", work / "p5.nii.gz", out, "--anatomy", contours, "--anatomy-source", "manual"
    )
    assert done.status == 0 and "without a prior" not in done.stderr, done.stderr
    return bytes_of(out)


def test_contours_tell_where_the_wall_is_and_not_where_the_scar_is(work, tmp_path):
    label = case(5).label
    wall = np.isin(label, (2, 3, 4))
    whole = guided(work, label, tmp_path / "whole")
    assert "p5/prior.nii.gz" in whole and b"\tmanual\t" in whole["predictions.tsv"]
    for number, shuffled in enumerate(
        (
            np.where(wall, 2, label),
            np.where(wall, 3, label),
            np.where(wall, np.random.default_rng(1).choice([2, 3, 4], size=label.shape), label),
        )
    ):
        assert guided(work, shuffled.astype(np.uint8), tmp_path / f"shuffled-{number}") == whole
    moved = np.roll(label, 6, axis=2)
    assert guided(work, moved, tmp_path / "moved")["p5/segmentation.nii.gz"] != whole["p5/segmentation.nii.gz"]


def test_a_manifest_without_contours_is_refused_once(work, tmp_path):
    done = predict(work / "guided", work / "pairs.tsv", tmp_path / "out")
    assert done.status == 3 and "--anatomy" in done.error  # `error` is the only such line
    assert not (tmp_path / "out").exists()


def test_a_manifest_takes_a_table_of_contours(work, tmp_path):
    table = tmp_path / "contours.tsv"
    table.write_text(f"case_id\tanatomy\np5\t{work / 'p5-label.nii.gz'}\n")
    words = ["--anatomy", table, "--anatomy-source", "truth"]
    done = predict(work / "guided", work / "pairs.tsv", tmp_path / "out", "--split", "test", *words)
    assert done.status == 0, done.stderr
    assert "\ttruth\t" in (tmp_path / "out/predictions.tsv").read_text()
    done = predict(work / "guided", work / "pairs.tsv", tmp_path / "all", *words)
    assert done.status == 3 and "lacks 4 cases, p1 first" in done.error


def test_the_given_angle_turns_the_segments(work, plain, tmp_path):
    seen = {}
    landmarks = tmp_path / "landmarks.tsv"
    rows = ["landmark\tx\ty\tz"]
    for name, y in (
        ("anterior_insertion", 14),
        ("inferior_insertion", 25),
    ):  # where RV and wall meet, voxel X 13
        x, y, z = (affine() @ [13, y, 4, 1])[:3]
        rows.append(f"{name}\t{x}\t{y}\t{z}")
    landmarks.write_text("\n".join(rows) + "\n")
    for name, options in {
        "landmarks": ["--landmarks", landmarks],
        "image-left": ["--anchor", "image-left"],
        "angle 0": ["--angle", "0"],
        "angle 60": ["--angle", "60"],
    }.items():
        out = tmp_path / name.replace(" ", "-")
        done = predict(work / "plain", work / "p5.nii.gz", out, *options)
        assert done.status == 0 and "no AHA segments" not in done.stderr, done.stderr
        assert (out / "p5/segmentation.nii.gz").read_bytes() == (plain / "p5/segmentation.nii.gz").read_bytes()
        seen[name] = np.asarray(nibabel.load(out / "p5/prior.nii.gz").dataobj)
    automatic = np.asarray(nibabel.load(plain / "p5/prior.nii.gz").dataobj)
    wall = automatic > 0
    # the septum of the phantom is on the left of its picture, and its insertions lie even above and below it
    assert np.mean(seen["image-left"][wall] == automatic[wall]) > 0.85
    assert np.mean(seen["landmarks"][wall] == automatic[wall]) > 0.85
    assert np.mean(seen["angle 60"][wall] == seen["angle 0"][wall]) < 0.3


def test_fractions_only_leaves_out_volumes_and_masses_alone(work, plain, tmp_path):
    assert predict(work / "plain", work / "p5.nii.gz", tmp_path / "out", "--fractions-only").status == 0
    for name in ("myocardium_ml", "scar_ml"):
        assert set(column(tmp_path / "out/p5", name).values()) == {"n/a"}
        assert set(column(plain / "p5", name).values()) != {"n/a"}
    assert column(tmp_path / "out/p5", "scar_percent") == column(plain / "p5", "scar_percent")


def test_a_picture_of_no_heart_is_segmented_with_a_warning(work, tmp_path):
    ramp = np.tile(np.linspace(-1.0, 1.0, 40, dtype=np.float32), (6, 40, 1))  # nowhere is there a ring
    done = predict(work / "plain", stored(ramp, tmp_path / "ramp.nii.gz"), tmp_path / "out")
    assert done.status == 0, done.stderr
    assert "has no AHA segments" in done.stderr
    assert (tmp_path / "out/ramp/segmentation.nii.gz").exists()
    assert not (tmp_path / "out/ramp/prior.nii.gz").exists()
    assert "\tn/a\t" in (tmp_path / "out/predictions.tsv").read_text()


def test_labels_without_a_pool_give_a_segmentation_and_no_table(work, tmp_path, monkeypatch):
    """Nothing can be measured in them, which is told, and is no failure."""
    from scartools.learning import prediction

    untouched = prediction.named
    monkeypatch.setattr(
        prediction, "named", lambda *given: np.where(untouched(*given) == 1, 0, untouched(*given))
    )
    done = predict(work / "plain", work / "p5.nii.gz", tmp_path / "out")
    assert done.status == 0, done.stderr
    assert (
        "has no AHA segments" in done.stderr
        and "has no table: the segmentation holds no LV pool" in done.stderr
    )
    assert {p.name for p in (tmp_path / "out/p5").iterdir()} == {"segmentation.json", "segmentation.nii.gz"}
    assert run_inside("check", tmp_path / "out").status == 0


def test_when_all_images_are_bad_nothing_is_written(work, tmp_path):
    text = (work / "pairs.tsv").read_text().replace(".nii.gz\tp", ".nii\tp")
    (work / "bad.tsv").write_text(text)
    done = predict(work / "plain", work / "bad.tsv", tmp_path / "out")
    assert done.status == 3 and "none of 5 cases" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_missing_split_is_refused(work, tmp_path):
    done = predict(work / "plain", work / "pairs.tsv", tmp_path / "out", "--split", "validation")
    assert done.status == 3 and "validation" in done.error


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "weights.safetensors").unlink(),
        lambda folder: (folder / "model.json").unlink(),
        lambda folder: shutil.copy(folder.parent / "other/weights.safetensors", folder / "weights.safetensors"),
        lambda folder: (folder / "model.json").write_text(
            (folder / "model.json").read_text().replace('"fusion_stage": 3', '"no_such_setting": 3')
        ),
    ],
    ids=["no weights", "no description", "weights of another model", "edited description"],
)
def test_half_of_a_model_is_refused_in_one_line(work, tmp_path, change):
    shutil.copytree(work / "plain", tmp_path / "model")
    shutil.copytree(work / "guided", tmp_path / "other")
    change(tmp_path / "model")
    done = predict(tmp_path / "model", work / "p5.nii.gz", tmp_path / "out")
    assert done.status == 3 and str(tmp_path / "model") in done.error
    assert not (tmp_path / "out").exists()


def row_of(folder: Path) -> dict[str, str]:
    lines = [line.split("\t") for line in (folder / "predictions.tsv").read_text().splitlines()]
    return dict(zip(lines[0], lines[1], strict=True))


def test_two_models_are_averaged_and_the_table_says_how_far_apart_they_are(work, plain, tmp_path):
    shutil.copytree(work / "plain", tmp_path / "twin")
    done = predict(work / "plain", work / "p5.nii.gz", tmp_path / "out", "--ensemble", tmp_path / "twin")
    assert done.status == 0, done.stderr
    np.testing.assert_array_equal(labels_of(tmp_path / "out/p5"), labels_of(plain / "p5"))
    row, alone = row_of(tmp_path / "out"), row_of(plain)
    assert row["members"] == "2" and row["scar_agreement"] == "1"
    assert row["scar_percent_low"] == row["scar_percent_high"] == row["scar_percent"] == alone["scar_percent"]
    assert row["scar_ml_low"] == row["scar_ml"] == alone["scar_ml"] != "n/a"
    assert alone["members"] == "1" and alone["scar_percent_low"] == alone["scar_agreement"] == "n/a"


def test_models_that_do_not_go_together_are_refused(work, models, tmp_path):
    for other, status, word in (("guided", 3, "prior_source"), ("plain", 2, "twice")):
        done = predict(work / "plain", work / "p5.nii.gz", tmp_path / "out", "--ensemble", work / other)
        assert done.status == status and word in done.error
    done = predict(work / "plain", work / "p5.nii.gz", tmp_path / "out", "--ensemble", models / "model")
    assert done.status == 3 and "than the first" in done.error
    assert not (tmp_path / "out").exists()


def test_a_test_patient_of_one_model_may_not_have_taught_the_other(work, tmp_path):
    shutil.copytree(work / "plain", tmp_path / "twin")
    facts = json.loads((tmp_path / "twin/model.json").read_text())
    facts["Cohort"]["TrainedOn"].append("p5")
    (tmp_path / "twin/model.json").write_text(json.dumps(facts))
    words = ["--split", "test", "--ensemble", tmp_path / "twin"]
    done = predict(work / "plain", work / "pairs.tsv", tmp_path / "out", *words)
    assert done.status == 3 and "training of this model" in done.error


def test_mirror_images_are_for_models_that_were_trained_with_them(work, tmp_path):
    done = predict(work / "plain", work / "p5.nii.gz", tmp_path / "out", "--mirror")
    assert done.status == 3 and "--mirror" in done.error
    size = [word if word != "120" else "4" for word in SIZE]
    words = ["train", work / "dataset", *size, "--no-prior", "--mirror", "-o", tmp_path / "mirrored"]
    assert run_inside(*words, "-q").status == 0
    done = predict(tmp_path / "mirrored", work / "p5.nii.gz", tmp_path / "out", "--mirror")
    assert done.status == 0, done.stderr
    assert row_of(tmp_path / "out")["members"] == "1"
    low, high = (float(row_of(tmp_path / "out")[f"scar_ml_{side}"]) for side in ("low", "high"))
    assert 0 <= low <= high


def test_probabilities_lie_on_the_images_grid_and_say_what_the_labels_say(work, plain, tmp_path):
    done = predict(work / "plain", work / "p5.nii.gz", tmp_path / "out", "--probabilities")
    assert done.status == 0, done.stderr
    stored_as = nibabel.load(tmp_path / "out/p5/probabilities.nii.gz")
    found = np.asarray(stored_as.dataobj)
    names = json.loads((tmp_path / "out/p5/probabilities.json").read_text())["Labels"]
    labels = labels_of(plain / "p5")
    assert found.dtype == np.float32 and found.shape == (*labels.shape, len(names))
    np.testing.assert_array_equal(stored_as.affine, nibabel.load(work / "p5.nii.gz").affine)
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_array_equal(np.array(names)[found.argmax(axis=-1)], labels)


def test_overlays_are_drawn_on_request(work, plain, tmp_path):
    done = predict(work / "plain", work / "p5.nii.gz", tmp_path / "out", "--overlays")
    assert done.status == 0, done.stderr
    assert (tmp_path / "out/p5/overlay.png").read_bytes().startswith(b"\x89PNG")
    assert not (plain / "p5/overlay.png").exists()


def test_an_image_unlike_the_training_is_said_to_be(work, plain, tmp_path):
    assert row_of(plain)["unlike_training"] == "nothing"
    far = affine() @ np.diag([3.0, 3.0, 1.0, 1.0])
    stored(case(5).image[0], tmp_path / "p5.nii.gz", far)
    done = predict(work / "plain", tmp_path / "p5.nii.gz", tmp_path / "out")
    assert done.status == 0 and "is unlike what the model learned from" in done.stderr
    assert {"pixel", "field"} <= set(row_of(tmp_path / "out")["unlike_training"].split(","))
