"""pretrain-ecg as its user sees it: an encoder from a table of beats, and stops that cost nothing."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from scartools.files import model, record
from scartools.learning.pretraining import build_encoder
from tests.running import run_forked, run_inside, start_forked


@pytest.fixture
def beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six participants with two simulated beats each, one of them without V6."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    times = (np.arange(600) - 200) / 500
    lines = ["participant_id\tbeat"]
    for number in range(12):
        size = rng.normal(0, 1, (12, 2, 1))
        signals = size[:, 0] * np.exp(-((times / 0.02) ** 2)) + 0.3 * size[:, 1] * np.exp(
            -(((times - 0.3) / 0.06) ** 2)
        )
        if number == 5:
            signals[11] = np.nan
        record.write_beat(tmp_path / f"beat{number}.hea", record.Record(signals, 500.0))
        lines.append(f"p{number // 2:02}\tbeat{number}.hea")
    (tmp_path / "beats.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path / "beats.tsv"


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "prov.json"}


SHORT = ("--epochs", "3", "--batch", "4", "--validation", "0.34", "-q")


def test_an_encoder_is_written_and_can_be_rebuilt(beats: Path):
    done = run_inside("pretrain-ecg", beats, "-o", "encoder", *SHORT, "--json")
    assert done.status == 0, done.stderr
    assert sorted(p.name for p in Path("encoder").iterdir()) == [
        "card.md",
        "log.jsonl",
        "model.json",
        "prov.json",
        "weights.safetensors",
    ]
    assert done.json["Cohort"] == {
        "TrainingBeats": 8,
        "TrainingGroups": 4,
        "ValidationBeats": 4,
        "ValidationGroups": 2,
    }
    description = model.read_description(Path("encoder"))
    encoder = build_encoder(description)
    encoder.load_state_dict(model.read_weights(Path("encoder")))
    assert encoder.eval().encode(torch.zeros(2, 12, 600)).shape == (2, 64)
    log = [json.loads(line) for line in Path("encoder/log.jsonl").read_text().splitlines()]
    assert [facts["Epoch"] for facts in log] == [1, 2, 3]
    best = min(log, key=lambda facts: facts["ValidationRMSE"])
    assert description["Metrics"]["BestEpoch"] == best["Epoch"]
    assert description["Metrics"]["RMSE"] == pytest.approx(best["ValidationRMSE"], rel=1e-5)
    assert run_inside("check", "encoder").status == 0


def test_a_stopped_and_continued_training_gives_the_same_bytes(beats: Path):
    assert run_inside("pretrain-ecg", beats, "-o", "whole", *SHORT).status == 0
    words = ["pretrain-ecg", str(beats), "-o", "parts", *SHORT]
    work = start_forked(*words)
    while not Path("parts/checkpoint/state.safetensors").exists() and not work.has_ended:
        time.sleep(0.01)
    work.send_signal(signal.SIGUSR1)
    done = work.result()
    assert done.status == 75, done.stderr
    assert [p.name for p in Path("parts").iterdir()] == ["checkpoint"]
    assert run_inside(*words).status == 0
    assert files_of(Path("parts")) == files_of(Path("whole"))


def unfinished(beats: Path) -> None:
    """Leave a checkpoint of a training in `encoder`: SIGTERM has come before its first epoch."""
    first = (
        "import os, signal; from scartools.files import checkpoint; real = checkpoint.write_checkpoint\n"
        "def write(*given): real(*given); os.kill(os.getpid(), signal.SIGTERM)\n"
        "checkpoint.write_checkpoint = write"
    )
    done = run_forked("pretrain-ecg", beats, "-o", "encoder", *SHORT, first=first)
    assert done.status == 75, done.stderr


def test_a_checkpoint_of_other_settings_is_refused_with_its_remedy(beats: Path):
    unfinished(beats)
    done = run_inside("pretrain-ecg", beats, "-o", "encoder", *SHORT, "--seed", "7")
    assert done.status == 3 and "--no-resume --force" in done.error
    assert run_inside("pretrain-ecg", beats, "-o", "encoder", *SHORT, "--no-resume").status == 4
    done = run_inside("pretrain-ecg", beats, "-o", "encoder", *SHORT, "--seed", "7", "--no-resume", "--force")
    assert done.status == 0, done.stderr
    assert not Path("encoder/checkpoint").exists()


def test_a_checkpoint_of_other_beats_is_refused(beats: Path):
    unfinished(beats)
    old = record.read_beat(beats.parent / "beat0.hea")
    record.write_beat(beats.parent / "beat0.hea", record.Record(0.5 * old.signals, 500.0), force=True)
    done = run_inside("pretrain-ecg", beats, "-o", "encoder", *SHORT)
    assert done.status == 3 and "other settings" in done.error


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--code", "63"], "--code 63"), (["--device", "cuda:999"], "cuda:999"), (["--epochs", "0"], "--epochs")],
)
def test_options_that_cannot_work(beats: Path, options: list[str], said: str):
    done = run_inside("pretrain-ecg", beats, "-o", "encoder", *options)
    assert done.status == 2 and said in done.error
    assert not Path("encoder").exists()


def test_one_participant_is_too_few_and_the_table_is_named(beats: Path):
    beats.write_text("\n".join(beats.read_text().splitlines()[:3]) + "\n")
    done = run_inside("pretrain-ecg", beats, "-o", "encoder", *SHORT)
    assert done.status == 3 and "beats.tsv" in done.error and "participant" in done.error
    assert not Path("encoder").exists()


def test_another_column_and_rows_without_a_beat(beats: Path):
    beats.write_text(beats.read_text().replace("\tbeat\n", "\tmedian\n") + "p09\tn/a\n")
    assert run_inside("pretrain-ecg", beats, "-o", "encoder", *SHORT).status == 3
    done = run_inside("pretrain-ecg", beats, "-o", "encoder", "--column", "median", *SHORT, "--json")
    assert done.json["Cohort"]["TrainingBeats"] + done.json["Cohort"]["ValidationBeats"] == 12


def test_held_out_beats_are_told_by_lead_beside_a_pca_and_the_code_is_probed(beats: Path):
    lines = beats.read_text().splitlines()
    marked = [lines[0] + "\tmi", *(f"{line}\t{'10'[at % 2]}" for at, line in enumerate(lines[1:]))]
    Path("marked.tsv").write_text("\n".join(marked) + "\n")
    for name, table, options in (("with", "marked.tsv", ()), ("without", str(beats), ())):
        done = run_inside("pretrain-ecg", table, "-o", name, *SHORT, *options)
        assert done.status == 0, done.stderr
    said = model.read_description(Path("with"))["Metrics"]
    told = said["Restoration"]
    assert told["ComponentsFrom"] == 8 and told["Components"] <= 7
    for kind in ("Encoder", "PCA"):
        assert {name: len(values) for name, values in told[kind].items()} == {
            "RMSEMv": 12,
            "SNRDb": 12,
            "Correlation": 12,
        }
    probed = said["Probe"]["Encoder"]
    assert probed["FittedTo"] == 8 and probed["MeasuredOn"] == 4 and probed["WithInfarction"] == 2
    assert "AUC" in Path("with/card.md").read_text() and "| V6 |" in Path("without/card.md").read_text()
    other = model.read_description(Path("without"))["Metrics"]
    assert "Probe" not in other and other["Restoration"] == told  # the diagnosis is not learned from
    done = run_inside("pretrain-ecg", beats, "-o", "third", "--probe", "sex", *SHORT)
    assert done.status == 3 and "sex" in done.error
