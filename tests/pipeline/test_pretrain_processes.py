"""An encoder that several processes train is that of one with all of their beats, and is written once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from scartools.files.record import Record, write_beat
from scartools.learning import pretraining
from scartools.learning.pretraining import PretrainingConfig
from scartools.network.ecg_autoencoder import ECGAutoencoderConfig
from tests.unit.learning.test_pretraining import tiny_beats

SILENT = ECGAutoencoderConfig(
    samples=160, code=16, base=2, heads=4, dropout=0.0
)  # each process has its own dropout
SHARED = """
import json, sys
import torch
from scartools.learning import processes, pretraining
from tests.pipeline.test_pretrain_processes import SILENT, config_of, tiny_beats
from scartools.cli.resources import place_among_processes

number, together = place_among_processes()
torch.set_num_threads(1)
with processes.joined(number, together, "cpu"):
    beats = tiny_beats(21)
    epochs = list(pretraining.pretrain(beats, range(21), SILENT, config_of(2)))
    if number == 0:
        torch.save(epochs[-1].state["network"], sys.argv[1])
        print(json.dumps([epoch.loss for epoch in epochs]))
"""


def config_of(batch: int) -> PretrainingConfig:
    return PretrainingConfig(epochs=4, batch=batch, learning_rate=1e-3, seed=3)


def torchrun(*arguments: str | Path, module: bool = False) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words += ["-m"] if module else []
    return subprocess.run(
        [*words, *map(str, arguments)], capture_output=True, text=True, timeout=300, cwd=Path.cwd()
    )


def test_two_processes_have_the_losses_and_weights_of_one_with_the_doubled_batch(tmp_path, monkeypatch):
    (tmp_path / "shared.py").write_text(SHARED)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    work = torchrun(tmp_path / "shared.py", tmp_path / "weights.pt")
    assert work.returncode == 0, work.stderr
    alone = list(pretraining.pretrain(tiny_beats(21), range(21), SILENT, config_of(4)))
    losses = json.loads(work.stdout.splitlines()[-1])
    assert losses == pytest.approx([epoch.loss for epoch in alone], abs=1e-5)
    found = torch.load(tmp_path / "weights.pt", weights_only=True)
    far = max(float((found[name] - value).abs().max()) for name, value in alone[-1].state["network"].items())
    assert far < 1e-4, far


def test_the_encoder_is_written_once(tmp_path, monkeypatch):
    rng = np.random.default_rng(5)
    rows = ["participant_id\tbeat"]
    for number in range(8):
        signals = rng.normal(0, 0.4, (12, 600)).astype(np.float32)
        write_beat(tmp_path / f"b{number}.hea", Record(signals, 500.0))
        rows.append(f"p{number}\tb{number}.hea")
    (tmp_path / "beats.tsv").write_text("\n".join(rows) + "\n")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    options = ["--epochs", "2", "--code", "16", "--batch", "2", "--device", "cpu"]
    work = torchrun(
        "scartools",
        "pretrain-ecg",
        tmp_path / "beats.tsv",
        *options,
        "--json",
        "-o",
        tmp_path / "encoder",
        module=True,
    )
    assert work.returncode == 0, work.stderr
    assert json.loads(work.stdout)["Command"] == "pretrain-ecg"  # said once
    assert (tmp_path / "encoder/model.json").is_file() and not (tmp_path / "encoder/checkpoint").exists()
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("b")) == ["encoder"]
