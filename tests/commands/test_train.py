"""Training as a user sees it: what lies in a model, what is refused, and that stopping changes nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import run_inside, run_process

TRAIN = ["--preset", "tiny", "--patch", "32", "--features", "4", "--threads", "1"]


@pytest.fixture(scope="module")
def dataset(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients to learn from, one of them with a beat."""
    folder = tmp_path_factory.mktemp("train")
    done = run_inside(
        "median-beat", cohort / "truth/sim-0001/ecg.hea", "-o", folder / "sim-0001-ecg1.hea", "-q"
    )
    assert done.status == 0, done.stderr
    done = run_inside(
        "pair", cohort / "ecg.tsv", cohort / "mri.tsv", "--beats", folder, "--keep-unpaired", "--split", "1/0/0",
        "-o", folder / "pairs.tsv", "-q",
    )  # fmt: skip
    assert done.status == 0, done.stderr
    done = run_inside("preprocess", folder / "pairs.tsv", "-o", folder / "dataset", "-q")
    assert done.status == 0, done.stderr
    return folder / "dataset"


def test_a_model_holds_both_stages_the_log_the_curve_and_the_priors(dataset, tmp_path):
    out = tmp_path / "model"
    done = run_inside("train", dataset, *TRAIN, "--iterations", "2", "--cross-fit", "2", "-o", out, "--json")
    assert done.status == 0, done.stderr
    assert {path.name for path in out.iterdir()} == {
        "card.md", "log.jsonl", "model.json", "priors", "progress.png", "prov.json", "weights.safetensors",
    }  # fmt: skip
    said = json.loads((out / "model.json").read_text())
    assert said["Inputs"]["Prior"] == "predicted" and said["Inputs"]["Ecg"] and said["Inputs"]["Time"]
    assert said["Cohort"]["TrainingWithEcg"] == 1
    networks = {json.loads(line)["Network"] for line in (out / "log.jsonl").read_text().splitlines()}
    assert networks == {"anatomy, fold 1 of 2", "anatomy, fold 2 of 2", "anatomy", "scar"}
    assert "Research use only" in (out / "card.md").read_text()
    assert run_inside("check", out).status == 0


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--no-ecg", "--time"], 2, "--time has no meaning"),
        (["--no-prior", "--prior-source", "truth"], 2, "--prior-source truth has no meaning"),
        (["--fusion-stage", "9"], 3, "fusion stage 9"),
        (["--mirror"], 3, "mirroring"),
        (["--fold", "7"], 3, "fold 7"),
        (["--prior-source", "manual"], 3, "no prior"),
        (["--cross-fit", "5"], 3, "5 folds"),
        (["--anchor", "angle"], 2, "--angle"),
        (["--device", "cuda:77"], 2, "cuda:77"),
    ],
)
def test_what_contradicts_itself_is_refused_before_anything_is_written(
    dataset, tmp_path, options, status, words
):
    done = run_inside("train", dataset, *TRAIN, "--iterations", "1", *options, "-o", tmp_path / "model")
    assert done.status == status, done.stderr
    assert words in done.error and list(tmp_path.iterdir()) == []


def test_a_patient_in_two_splits_is_fatal(dataset, tmp_path):
    import shutil

    copy = tmp_path / "dataset"
    shutil.copytree(dataset, copy)
    place = copy / "cases/sim-0002/case.json"
    said = json.loads(place.read_text())
    place.write_text(json.dumps({**said, "ParticipantId": "sim-0001", "Group": "sim-0001", "Split": "test"}))
    done = run_inside("train", copy, *TRAIN, "--no-prior", "--iterations", "1", "-o", tmp_path / "model")
    assert done.status == 3 and "two splits" in done.error


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGKILL], ids=lambda n: n.name)
def test_a_stopped_training_ends_with_the_weights_of_one_that_was_not(dataset, tmp_path, number):
    words = ["train", str(dataset), *TRAIN, "--iterations", "25", "--no-prior"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert run_process(*words, "-q", "-o", whole).status == 0
    work = subprocess.Popen([sys.executable, "-m", "scartools", *words, "-q", "-o", str(broken)])
    while not (broken / "checkpoint").exists() and work.poll() is None:
        time.sleep(0.02)
    time.sleep(0.2)
    work.send_signal(number)
    status = work.wait(timeout=120)
    assert status == (-9 if number == signal.SIGKILL else 75)
    assert not (broken / "model.json").exists()
    if number == signal.SIGUSR1:  # another training does not go on from it
        other = run_inside("train", dataset, *TRAIN, "--iterations", "24", "--no-prior", "-o", broken)
        assert other.status == 3 and "--no-resume --force" in other.error
    assert run_process(*words, "-q", "-o", broken).status == 0
    for name in ("weights.safetensors", "log.jsonl", "model.json"):
        assert (broken / name).read_bytes() == (whole / name).read_bytes()
    assert not (broken / "checkpoint").exists()
