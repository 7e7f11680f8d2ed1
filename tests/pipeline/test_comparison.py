"""The recipe of the comparison with nnU-Net: what each run is called, and which patients it must not see."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scartools.files import table
from tests.conftest import ROOT

FOLDER = ROOT / "examples/real"
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@needs_make
@pytest.mark.parametrize(
    ("run", "learns", "words", "never", "mirrored"),
    [
        ("ours-1-2", "train {out}/dataset-1 ", ["--no-prior --no-ecg", "--seed 2"], "--mirror", False),
        ("plus-0-1", "train {out}/dataset-0 ", ["--no-prior --no-ecg", "--regions", "--seed 1"], "--mirror", False),
        ("begun-2-1", "train {out}/dataset-2 ", ["--regions", "--pretrained {out}/pretrained", "--iterations 400"], "--mirror", False),
        ("peer-2-1", "train_nnunet.py Dataset902_Emidec 2 1 ", ["results-1", "--fold 2"], "--momentum", True),
        ("tuned-0-2", "train_nnunet.py Dataset902_Emidec 0 2 ", ["results-tuned-2", "--momentum 0.9"], "--no-prior", True),
    ],
)  # fmt: skip
def test_a_run_learns_from_the_other_folds_and_predicts_its_own(tmp_path, run, learns, words, never, mirrored):
    call = [
        "make",
        "-n",
        "-C",
        str(FOLDER),
        "-f",
        "comparison.mk",
        f"OUT={tmp_path}",
        f"BIN={Path(sys.executable).parent}",
    ]
    done = subprocess.run([*call, run], capture_output=True, text=True, check=True)
    lines = done.stdout.replace("\\\n", " ").splitlines()
    arm, fold, _ = run.split("-")
    trained = next(line for line in lines if learns.format(out=tmp_path) in line)
    own = " ".join(line for line in lines if f"/{run}" in line or line == trained)
    assert all(word.format(out=tmp_path) in own for word in words) and never not in trained, own
    predicted = next(line for line in lines if f"predictions-{run}" in line and " predict " in line)
    assert f"/{run} {tmp_path}/data/pairs-{fold}.tsv --split test" in predicted
    assert ("--mirror" in predicted) == mirrored
    assert any(f"preprocess {tmp_path}/data/pairs" in line for line in lines), arm
    if arm == "begun":
        first = next(line for line in lines if f"-o {tmp_path}/pretrained" in line)
        assert (
            f"train {tmp_path}/simulated/dataset " in first
            and "--regions" in first
            and "--iterations 1000" in first
        )


def test_every_patient_is_in_one_fold_and_the_exam_that_was_read_twice_too():
    rows = table.read(FOLDER / "emidec_folds.tsv", required=("case_id", "stratum", "fold")).rows
    fold = {str(row["case_id"]): str(row["fold"]) for row in rows}
    assert len(fold) == len(rows) == 70 and fold["P059"] == fold["P072"]
    for stratum in ("normal", "pathological"):
        mine = [str(row["fold"]) for row in rows if row["stratum"] == stratum]
        sizes = [mine.count(number) for number in ("0", "1", "2")]
        assert max(sizes) - min(sizes) <= 2 and sum(sizes) == len(mine), sizes


def test_a_crop_is_around_the_heart_and_inside_the_picture():
    script = example("import_emidec")
    label = np.zeros((3, 40, 50), np.uint8)
    label[1, 2:9, 30:49] = 2  # near a corner
    image = np.arange(label.size, dtype=np.float32).reshape(label.shape)
    cut, mask = script.around_heart(image, label, 24)
    assert cut.shape == mask.shape == (3, 24, 24) and mask.sum() == label.sum()
    assert (image[label > 0] == cut[mask > 0]).all()


def test_folds_are_pooled_and_a_case_is_in_one_of_them(tmp_path):
    header = "case_id\tparticipant_id\timage\tsegmentation\tmodel"
    for fold in "ab":
        folder = tmp_path / f"predictions/{fold}"
        (folder / f"case-{fold}").mkdir(parents=True)
        (folder / f"case-{fold}/segmentation.nii.gz").write_text(fold)
        line = f"case-{fold}\tp{fold}\t../../images/{fold}.nii.gz\tcase-{fold}/segmentation.nii.gz\tm{fold}"
        (folder / "predictions.tsv").write_text(f"{header}\n{line}\n")
    given = [str(tmp_path / f"predictions/{fold}") for fold in "ab"]
    call = [sys.executable, str(FOLDER / "pool_folds.py")]
    subprocess.run([*call, str(tmp_path / "all"), *given], check=True)
    rows = table.read(tmp_path / "all/predictions.tsv", required=("case_id", "image")).rows
    assert [(row["case_id"], row["image"]) for row in rows] == [
        (f"case-{k}", f"../images/{k}.nii.gz") for k in "ab"
    ]
    assert (tmp_path / "all/case-b/segmentation.nii.gz").read_text() == "b"
    again = subprocess.run(
        [*call, str(tmp_path / "twice"), *given, given[0]], capture_output=True, text=True, check=False
    )
    assert again.returncode != 0 and "case-a" in again.stderr and not (tmp_path / "twice").exists()


def example(name: str):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


@pytest.mark.parametrize(
    ("free", "scarred", "least"),
    [
        ([0.0, 1.0], [3.0, 9.0], 2.0),  # in the middle between the two kinds
        (
            [0.0, 4.0],
            [2.0, 9.0],
            1.0,
        ),  # sensitivity and specificity weigh the same: of two that do as well the smaller
        ([2.0, 2.0], [2.0, 2.0], 2.0),  # nothing is told: everything counts
    ],
)
def test_the_least_share_of_an_infarct_is_the_best_of_sensitivity_and_specificity(free, scarred, least):
    shares = np.array(free + scarred)
    known = np.arange(len(shares)) >= len(free)
    assert example("least_infarct").least_share(shares, known) == pytest.approx(least)


def test_a_least_share_is_chosen_on_the_other_folds_alone(tmp_path, capsys, monkeypatch):
    import nibabel as nib

    rows, shares = ["case_id\tparticipant_id\tlabel\tfold"], {}
    for fold in range(2):
        for k in range(4):
            case, scar = f"c{fold}{k}", k >= 2
            label = np.ones((4, 4, 1), np.uint8)  # EMIDEC: 1 cavity, 2 wall, 3 infarct
            label[0] = 3 if scar else 2
            nib.save(nib.Nifti1Image(label, np.eye(4)), tmp_path / f"{case}.nii.gz")
            rows.append(f"{case}\tp{case}\t{case}.nii.gz\t{fold}")
            shares[case] = (10 if scar else 1) * (1 + 9 * fold) + k  # fold 1 is called ten times as large
    (tmp_path / "pairs.tsv").write_text("\n".join(rows) + "\n")
    (tmp_path / "found").mkdir()
    lines = "".join(f"{case}\t{share}\n" for case, share in shares.items())
    (tmp_path / "found/predictions.tsv").write_text("case_id\tscar_percent\n" + lines)
    monkeypatch.setattr(sys, "argv", ["x", str(tmp_path / "pairs.tsv"), str(tmp_path / "found")])
    example("least_infarct").main()
    said = capsys.readouterr().out
    # fold 0 by the border of fold 1 (56.5) finds none of its two scars; fold 1 by that of fold 0 (7) calls all of its four
    assert "56.5 % (fold 0), 7.0 % (fold 1)" in said and "on: 2 of 4, 2 of 4" in said, said
