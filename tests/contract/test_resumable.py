"""Commands with --resume stop on request: a checkpoint on disk, status 75, and the same command finishes the work."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import run_inside
from tests.contract.declarations import COMMANDS, Declared, ids, output_of
from tests.contract.prepared import prepare

RESUMABLE = [command for command in COMMANDS if "--resume" in command.flags]


def test_a_command_resumes_if_and_only_if_it_trains():
    assert {c.name for c in RESUMABLE} == {c.name for c in COMMANDS if c.module.KIND == "training"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1], ids=lambda number: number.name)
@pytest.mark.parametrize("command", RESUMABLE, ids=ids)
def test_a_stop_leaves_a_checkpoint_and_75_and_the_same_command_goes_on(command: Declared, number, workspace):
    prepare(command.setup, workspace)
    checkpoint = output_of(command.example) / "checkpoint"
    work = subprocess.Popen(
        [sys.executable, "-m", "scartools", *command.example], stderr=subprocess.PIPE, text=True
    )
    while not checkpoint.exists() and work.poll() is None:
        time.sleep(0.05)
    work.send_signal(number)
    assert work.wait(timeout=120) == 75, work.stderr and work.stderr.read()
    assert any(Path(checkpoint).iterdir())
    assert run_inside(*command.example, "--resume").status == 0
