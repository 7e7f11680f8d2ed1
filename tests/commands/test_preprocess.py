"""preprocess as a user meets it: a whole dataset folder, a plan that no test case touched, and clear refusals."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from scartools.files.dataset import read_case, read_dataset
from scartools.files.record import Record, write_beat
from scartools.learning.grids import NetworkGrid, labels_to_source
from scartools.learning.planning import Plan
from tests.conftest import run_inside

COLUMNS = ["case_id", "participant_id", "image", "label", "prior", "beat", "interval_days", "split", "fold"]


def row(number: int, split: str = "train", **cells: str | None) -> dict[str, str | None]:
    name = f"sim-{number:04}"
    return {
        "case_id": name,
        "participant_id": name,
        "image": f"cohort/lge/{name}.nii.gz",
        "label": f"cohort/truth/{name}/segmentation.nii.gz",
        "split": split,
        **cells,
    }


def manifest(*rows: dict[str, str | None]) -> Path:
    lines = ["\t".join(COLUMNS)]
    lines += ["\t".join(cells.get(name) or "n/a" for name in COLUMNS) for cells in rows]
    path = Path("pairs.tsv")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def pairs(workspace) -> Path:
    return manifest(row(1, interval_days="12", fold="1"), row(2, "test"))


def changed(image: str, name: str, change) -> str:
    """Write a changed copy of a volume and return its name."""
    source = nibabel.load(image)
    nibabel.save(nibabel.Nifti1Image(change(np.asarray(source.dataobj).copy()), source.affine), name)
    return name


def run(*arguments: str | Path):
    done = run_inside("preprocess", *arguments)
    assert done.status == 0, done.stderr
    return done


def test_a_dataset_is_whole_and_says_what_it_holds(pairs):
    run(pairs, "-o", "dataset")
    facts = read_dataset(Path("dataset"))
    plan = Plan.from_json(facts["Plan"])
    assert facts["Cases"] == ["sim-0001", "sim-0002"]
    assert facts["Splits"] == {"train": ["sim-0001"], "validation": [], "test": ["sim-0002"]}
    assert facts["Labels"]["0"] == "background" and facts["Labels"]["1"] == "LV pool"
    assert facts["LabelScheme"] == "scartools"
    case = read_case(Path("dataset"), "sim-0001")
    assert case.arrays["image"].shape[0] == 1
    assert case.arrays["image"].mean() == pytest.approx(0, abs=1e-3)
    assert case.facts["IntervalDays"] == 12 and case.facts["Fold"] == 1
    assert case.facts["PriorSource"] is None and "prior" not in case.arrays
    assert case.facts["BeatScale"] is None and "beat" not in case.arrays
    assert plan.target_spacing_mm == pytest.approx(case.facts["Grid"]["SpacingMm"][1:])
    assert run_inside("check", "dataset").status == 0


def test_the_label_goes_back_to_its_file_exactly_where_nothing_was_resampled(pairs):
    run(pairs, "-o", "dataset")
    case = read_case(Path("dataset"), "sim-0001")
    truth = np.asarray(nibabel.load("cohort/truth/sim-0001/segmentation.nii.gz").dataobj)
    grid = NetworkGrid.from_json(case.facts["Grid"])
    assert np.array_equal(labels_to_source(np.asarray(case.arrays["label"]), grid), truth)
    values, counts = np.unique(truth, return_counts=True)
    assert case.facts["LabelVoxels"] == {str(v): int(n) for v, n in zip(values, counts, strict=True)}


def test_volumes_of_labels_hold_at_another_spacing(pairs):
    run(pairs, "-o", "dataset", "--target-spacing", "1")
    case = read_case(Path("dataset"), "sim-0001")
    truth = nibabel.load("cohort/truth/sim-0001/segmentation.nii.gz")
    before = np.prod(truth.header.get_zooms()) * np.isin(np.asarray(truth.dataobj), (2, 3, 4)).sum()
    after = np.prod(case.facts["Grid"]["SpacingMm"]) * np.isin(case.arrays["label"], (2, 3, 4)).sum()
    assert after == pytest.approx(before, rel=0.02)
    assert case.facts["Grid"]["SpacingMm"][1] == pytest.approx(1, abs=0.01)


def test_a_test_case_has_no_say_in_the_plan(workspace):
    run(manifest(row(1), row(2, "test")), "-o", "one")
    bright = changed("cohort/lge/sim-0002.nii.gz", "bright.nii.gz", lambda array: array[::2, ::2] * 900)
    small = changed("cohort/truth/sim-0002/segmentation.nii.gz", "small.nii.gz", lambda array: array[::2, ::2])
    run(manifest(row(1), row(2, "test", image=bright, label=small)), "-o", "two")
    one, two = (read_dataset(Path(name)) for name in ("one", "two"))
    assert {key: one[key] for key in ("Plan", "Fingerprint", "Labels")} == {
        key: two[key] for key in ("Plan", "Fingerprint", "Labels")
    }
    assert one["Fingerprint"]["Cases"] == 1


def test_two_runs_give_the_same_bytes(pairs):
    for name in ("one", "two"):
        run(pairs, "-o", name)
    for file in sorted(Path("one").rglob("*")):
        if file.is_file() and file.name != "prov.json":
            assert file.read_bytes() == (Path("two") / file.relative_to("one")).read_bytes()


def test_storage_does_not_change_what_the_network_sees(workspace):
    for name in ("lge/sim-0001", "truth/sim-0001/segmentation"):
        image = nibabel.load(f"cohort/{name}.nii.gz")
        turned = nibabel.as_closest_canonical(image).slicer[:, ::-1, :]
        nibabel.save(turned, f"turned-{name.split('/')[0]}.nii.gz")
    run(manifest(row(1)), "-o", "one")
    run(manifest(row(1, image="turned-lge.nii.gz", label="turned-truth.nii.gz")), "-o", "two")
    one, two = (read_case(Path(name), "sim-0001") for name in ("one", "two"))
    assert np.array_equal(one.arrays["label"], two.arrays["label"])
    assert np.array_equal(one.arrays["image"], two.arrays["image"])


def test_a_test_case_may_lack_its_label_and_a_training_case_may_not(workspace):
    run(manifest(row(1), row(2, "test", label=None)), "-o", "dataset")
    assert "label" not in read_case(Path("dataset"), "sim-0002").arrays
    done = run_inside("preprocess", manifest(row(1), row(2, "validation", label=None)), "-o", "other")
    assert done.status == 3
    assert "sim-0002" in done.error and "no label" in done.error
    assert not Path("other").exists()


def test_rows_without_a_split_are_training_cases(workspace):
    run(manifest(row(1, split="n/a"), row(2, split="n/a")), "-o", "dataset")
    assert read_dataset(Path("dataset"))["Splits"]["train"] == ["sim-0001", "sim-0002"]


def test_a_patient_in_two_splits_stops_everything(workspace):
    done = run_inside(
        "preprocess", manifest(row(1), row(2, "test", participant_id="sim-0001")), "-o", "dataset"
    )
    assert done.status == 3
    assert "sim-0001" in done.error and "two splits" in done.error
    assert not Path("dataset").exists()


def test_without_a_training_case_there_is_no_plan(workspace):
    done = run_inside("preprocess", manifest(row(1, "test")), "-o", "dataset")
    assert done.status == 3 and "no training case" in done.error


@pytest.mark.parametrize("broken", ["absent", "damaged", "another grid", "zero"])
def test_one_bad_case_is_named_and_nothing_is_written(broken, workspace):
    image = "cohort/lge/sim-0002.nii.gz"
    if broken == "damaged":
        Path("bad.nii.gz").write_bytes(Path(image).read_bytes()[:20_000])
    elif broken == "another grid":
        changed(image, "bad.nii.gz", lambda array: array[1:])
    elif broken == "zero":
        changed(image, "bad.nii.gz", np.zeros_like)
    before = sorted(Path().iterdir())
    done = run_inside(
        "preprocess",
        manifest(row(1), row(2, "test", image="bad.nii.gz")),
        *("-o", "dataset", "--export-nnunet", "export"),
    )
    assert done.status == 3
    assert "case sim-0002" in done.error and "bad.nii.gz" in done.error
    assert sorted(Path().iterdir()) == sorted([*before, Path("pairs.tsv")])


@pytest.mark.parametrize("source", ["manual", "truth"])
def test_a_prior_from_a_reader_or_the_truth_comes_along(source, workspace):
    segmentation = "cohort/truth/sim-0001/segmentation.nii.gz"
    flag = "--source"
    assert run_inside("aha17", segmentation, "-o", "prior.nii.gz", flag, source).status == 0
    run(manifest(row(1, prior="prior.nii.gz")), "-o", "dataset")
    case = read_case(Path("dataset"), "sim-0001")
    assert case.facts["PriorSource"] == source
    prior, label = case.arrays["prior"], case.arrays["label"]
    assert set(np.unique(prior)) <= set(range(18)) and len(np.unique(prior)) > 12
    assert np.isin(label[prior > 0], (2, 3, 4)).all()


@pytest.mark.parametrize("source", ["predicted", "unstated"])
def test_a_prior_from_a_network_or_from_nobody_is_refused(source, workspace):
    segmentation = "cohort/truth/sim-0001/segmentation.nii.gz"
    flag = "--source"
    assert run_inside("aha17", segmentation, "-o", "prior.nii.gz", flag, source).status == 0
    done = run_inside("preprocess", manifest(row(1, prior="prior.nii.gz")), "-o", "dataset")
    assert done.status == 3
    assert source in done.error and "prior.nii.gz" in done.error and "manual or truth" in done.error
    assert not Path("dataset").exists()


def test_a_beat_comes_along_standardised_and_its_scale_is_kept(workspace):
    times = np.arange(600) / 500 - 0.4
    shape = np.exp(-((times / 0.02) ** 2)) + 0.2 * np.exp(-(((times - 0.3) / 0.06) ** 2))
    signals = np.linspace(0.4, 1.5, 12)[:, None] * shape
    signals[5] = np.nan
    write_beat(Path("beat.hea"), Record(signals, 500.0))
    run(manifest(row(1, beat="beat.hea")), "-o", "dataset")
    case = read_case(Path("dataset"), "sim-0001")
    beat = case.arrays["beat"]
    assert beat.shape == (12, 600) and np.isfinite(beat).all()
    assert not beat[5].any()  # an absent lead is 0
    assert case.facts["BeatScale"] > 0
    ratio = np.ptp(beat[11]) / np.ptp(beat[0])
    assert ratio == pytest.approx(1.5 / 0.4, rel=0.02)  # one scale for the record: leads keep their proportions


def test_a_label_that_no_training_case_has_is_reported(workspace):
    odd = changed("cohort/truth/sim-0002/segmentation.nii.gz", "odd.nii.gz", _with_no_reflow)
    none = changed("cohort/truth/sim-0001/segmentation.nii.gz", "none.nii.gz", _without_no_reflow)
    pairs = manifest(row(1, label=none), row(2, "test", label=odd))
    assert "no training case has its label 4" in run(pairs, "-o", "dataset").stderr
    done = run_inside("preprocess", pairs, "-o", "two", "--export-nnunet", "export")
    assert done.status == 3 and "no-reflow" in done.error
    assert not Path("two").exists() and not Path("export").exists()


def test_what_is_ignored_is_no_label_to_learn(workspace):
    def ignore(array: np.ndarray) -> np.ndarray:
        array[0, 0, :] = 255
        return array

    odd = changed("cohort/truth/sim-0001/segmentation.nii.gz", "odd.nii.gz", ignore)
    run(manifest(row(1, label=odd)), "-o", "dataset", "--export-nnunet", "raw")
    assert "255" not in read_dataset(Path("dataset"))["Labels"]
    assert 255 in read_case(Path("dataset"), "sim-0001").arrays["label"]
    named = json.loads(Path("raw/dataset.json").read_text())["labels"]
    assert named["ignore"] == max(named.values()) == len(named) - 1  # as nnU-Net wants it
    run("--import-nnunet", "raw", "-o", "two")
    assert 255 in read_case(Path("two"), "sim-0001").arrays["label"]


def test_labels_where_the_image_is_zero_are_reported(workspace):
    def hide(array: np.ndarray) -> np.ndarray:
        array[..., : array.shape[2] // 2] = 0
        return array

    half = changed("cohort/lge/sim-0001.nii.gz", "half.nii.gz", hide)
    done = run(manifest(row(1, image=half)), "-o", "dataset")
    lost = read_case(Path("dataset"), "sim-0001").facts["LabelVoxelsCropped"]
    assert lost > 0 and f"{lost} labelled voxels" in done.stderr


def test_nnunet_gets_consecutive_labels_and_the_same_splits(workspace):
    none = [
        changed(f"cohort/truth/sim-000{n}/segmentation.nii.gz", f"none{n}.nii.gz", _without_no_reflow)
        for n in (1, 2)
    ]
    pairs = manifest(row(1, label=none[0]), row(2, "validation", label=none[1]))
    run(pairs, "-o", "dataset", "--export-nnunet", "Dataset001_LGE")
    facts = json.loads(Path("Dataset001_LGE/dataset.json").read_text())
    assert facts["labels"] == {
        "background": 0,
        "lv_pool": 1,
        "healthy_myocardium": 2,
        "scar": 3,
        "rv_pool": 4,
    }
    assert facts["numTraining"] == 2 and facts["file_ending"] == ".nii.gz" and len(facts["channel_names"]) == 1
    assert read_dataset(Path("dataset"))["NNUNetLabels"] == {"0": 0, "1": 1, "2": 2, "3": 3, "5": 4}
    splits = json.loads(Path("Dataset001_LGE/splits_final.json").read_text())
    assert splits == [{"train": ["sim-0001"], "val": ["sim-0002"]}]
    ours, theirs = (nibabel.load(path) for path in (none[0], "Dataset001_LGE/labelsTr/sim-0001.nii.gz"))
    assert np.array_equal(np.asarray(ours.dataobj) == 5, np.asarray(theirs.dataobj) == 4)
    assert np.allclose(ours.affine, theirs.affine, atol=1e-5)
    image = nibabel.load("Dataset001_LGE/imagesTr/sim-0001_0000.nii.gz")
    assert np.array_equal(image.get_fdata(), nibabel.load("cohort/lge/sim-0001.nii.gz").get_fdata())


def test_what_was_exported_comes_back_as_the_same_cases(workspace):
    pairs = manifest(row(1), row(2, "validation"))
    run(pairs, "-o", "one", "--export-nnunet", "raw")
    run("--import-nnunet", "raw", "-o", "two")
    one, two = (read_dataset(Path(name)) for name in ("one", "two"))
    assert one["Splits"] == two["Splits"]
    assert one["Labels"] == two["Labels"]
    for case_id in one["Cases"]:
        before, after = (read_case(Path(name), case_id) for name in ("one", "two"))
        assert np.array_equal(before.arrays["label"], after.arrays["label"])
        assert np.allclose(before.arrays["image"], after.arrays["image"], atol=1e-3)
        assert after.facts["Group"] == case_id  # the case is the patient


def test_folds_become_splits_where_nothing_is_set_aside(workspace):
    run(manifest(row(1, fold="0"), row(2, fold="1")), "-o", "dataset", "--export-nnunet", "raw")
    assert json.loads(Path("raw/splits_final.json").read_text()) == [
        {"train": ["sim-0002"], "val": ["sim-0001"]},
        {"train": ["sim-0001"], "val": ["sim-0002"]},
    ]
    assert read_dataset(Path("dataset"))["Folds"] == {"0": ["sim-0001"], "1": ["sim-0002"]}


def _raw(**changes) -> Path:
    run(manifest(row(1), row(2)), "-o", "one", "--export-nnunet", "raw")
    description = Path("raw/dataset.json")
    description.write_text(json.dumps({**json.loads(description.read_text()), **changes}))
    return Path("raw")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": {"background": 0, "tumour": 1}}, "tumour"),
        ({"labels": {"background": 0, "scar": 1}}, "does not name"),
        ({"labels": {"background": 0, "scar": [1, 2]}}, "number"),
        ({"labels": []}, "no labels"),
        ({"channel_names": {"0": "LGE", "1": "T2"}}, "one channel"),
        ({"file_ending": ".nrrd"}, ".nrrd"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_raw_folder_that_is_not_understood_is_refused(changes, said, workspace):
    done = run_inside("preprocess", "--import-nnunet", _raw(**changes), "-o", "two")
    assert done.status == 3 and said in done.error
    assert not Path("two").exists()


def test_with_a_foreign_scheme_the_numbers_count_and_not_the_names(workspace):
    raw = _raw(labels={"background": 0, "cavity": 1, "normal": 2, "infarct": 3, "mvo": 4})
    for path in Path("raw/labelsTr").iterdir():
        image = nibabel.load(path)
        nibabel.save(nibabel.Nifti1Image(np.minimum(image.dataobj, 3).astype(np.uint8), image.affine), path)
    run("--import-nnunet", raw, "-o", "two", "--labels", "emidec")
    assert read_dataset(Path("two"))["LabelScheme"] == "emidec"
    assert list(read_dataset(Path("two"))["Labels"]) == ["0", "1", "2", "3"]


def test_splits_that_name_other_cases_are_refused(workspace):
    raw = _raw()
    for text in ('[{"train": ["sim-0001"], "val": ["sim-0009"]}]', "[]", '{"a": 1}', "["):
        (raw / "splits_final.json").write_text(text)
        done = run_inside("preprocess", "--import-nnunet", raw, "-o", "two")
        assert done.status == 3 and "splits_final.json" in done.error


def test_a_missing_label_of_a_raw_folder_is_named(workspace):
    raw = _raw()
    (raw / "labelsTr" / "sim-0002.nii.gz").unlink()
    done = run_inside("preprocess", "--import-nnunet", raw, "-o", "two")
    assert done.status == 3 and "labelsTr/sim-0002.nii.gz" in done.error


def test_one_source_of_cases_is_due_and_outputs_differ(pairs):
    assert run_inside("preprocess", "-o", "dataset").status == 2
    assert run_inside("preprocess", pairs, "--import-nnunet", "cohort", "-o", "dataset").status == 2
    assert run_inside("preprocess", pairs, "-o", "dataset", "--export-nnunet", "dataset").status == 2
    assert not Path("dataset").exists()


def _without_no_reflow(array: np.ndarray) -> np.ndarray:
    array[array == 4] = 3
    return array


def _with_no_reflow(array: np.ndarray) -> np.ndarray:
    array.flat[np.flatnonzero(array == 2)[:5]] = 4
    return array
