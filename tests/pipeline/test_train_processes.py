"""Training that is killed again and again, and training by several processes: the result is that of one in peace."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.commands.test_train import TRAIN, bytes_of
from tests.running import run_inside, start_forked

pytestmark = pytest.mark.slow
EVERY_ITERATION = "import scartools.cli.checkpoints as c; c.EVERY_S = 0.0"
KILLS = 20


def test_a_training_that_is_killed_twenty_times_ends_with_the_same_bytes(dataset, tmp_path):
    options = [*TRAIN, "--iterations", "70", "--no-prior", "--no-ecg", "--ema", "0.9", "-q"]
    assert run_inside("train", dataset, *options, "-o", tmp_path / "whole").status == 0
    rng, out, moments = np.random.default_rng(), tmp_path / "killed", []
    state = out / "checkpoint/state.safetensors"
    for number in range(KILLS):
        work = start_forked("train", dataset, *options, "-o", out, first=EVERY_ITERATION)
        before = state.stat().st_mtime_ns if state.exists() else 0
        while number % 4 and not work.has_ended and (not state.exists() or state.stat().st_mtime_ns == before):
            time.sleep(0.005)  # most are killed while they train, every fourth wherever it is
        moments.append(float(rng.uniform(0, 0.1)))
        time.sleep(moments[-1])
        assert not work.has_ended, f"it had ended after {number} kills: it needs more iterations"
        work.send_signal(signal.SIGKILL)
        assert work.result().status == -signal.SIGKILL
    assert run_inside("train", dataset, *options, "-o", out).status == 0
    assert bytes_of(out) == bytes_of(tmp_path / "whole"), moments


def torchrun(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start two processes that train together, as a user does."""
    words = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "scartools",
    ]
    return subprocess.Popen(
        [*words, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def side_by_side(programs: Path, *arguments: str | Path) -> list[subprocess.Popen[str]]:
    """Start the two processes that torchrun would start, forked."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    return [
        subprocess.Popen(
            [str(programs / "scartools"), *map(str, arguments)],
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip


def losses(model: Path) -> list[float]:
    return [json.loads(line)["Loss"] for line in (model / "log.jsonl").read_text().splitlines()]


def test_two_processes_have_the_loss_curve_of_one_with_the_doubled_batch(dataset, tmp_path):
    options = [*TRAIN, "--iterations", "12", "--no-ecg", "--no-prior", "--lr", "0.01"]
    options[options.index("--batch") + 1] = "4"
    assert run_inside("train", dataset, *options, "-q", "-o", tmp_path / "one").status == 0
    options[options.index("--batch") + 1] = "2"
    work = torchrun("train", dataset, *options, "--json", "-o", tmp_path / "two")
    out, err = work.communicate(timeout=300)
    assert work.returncode == 0, err
    assert json.loads(out)["Command"] == "train"  # said once, by the first process
    assert err.count("trained on") == 1
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-4)
    one, two = (load_file(tmp_path / name / "weights.safetensors") for name in ("one", "two"))
    far = max(float(np.abs(one[name] - two[name]).max()) for name in one)
    moved = max(float(np.abs(one[name]).max()) for name in one)
    assert far < 1e-3 * moved, far
    assert run_inside("check", tmp_path / "two").status == 0


def test_two_processes_stop_on_request_and_go_on(dataset, tmp_path, forked_programs):
    options = [*TRAIN, "--iterations", "20", "--no-ecg", "--no-prior", "-q"]
    both = side_by_side(forked_programs, "train", dataset, *options, "-o", tmp_path / "model")
    state = tmp_path / "model/checkpoint/state.safetensors"
    while not state.exists() and all(work.poll() is None for work in both):
        time.sleep(0.02)
    for work in both:
        work.send_signal(signal.SIGTERM)
    said = "".join(work.communicate(timeout=300)[1] for work in both)
    assert [work.returncode for work in both] == [75, 75], said
    assert "stopped on request after a checkpoint" in said
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["checkpoint"]
    done = run_inside("train", dataset, *options, "-o", tmp_path / "model")
    assert done.status == 3 and "other settings" in done.error  # one process is another training than two
    both = side_by_side(forked_programs, "train", dataset, *options, "-o", tmp_path / "model")
    said = "".join(work.communicate(timeout=300)[1] for work in both)
    assert [work.returncode for work in both] == [0, 0], said
    assert run_inside("check", tmp_path / "model").status == 0
