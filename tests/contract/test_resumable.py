"""Commands with --resume stop on request: a checkpoint on disk, status 75, and the same command finishes the work."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.contract.declarations import COMMANDS, Declared, ids, output_of
from tests.contract.prepared import prepare
from tests.running import run_inside, start_forked

RESUMABLE = [command for command in COMMANDS if "--resume" in command.flags]


def test_a_command_resumes_if_and_only_if_it_trains():
    assert {c.name for c in RESUMABLE} == {c.name for c in COMMANDS if c.module.KIND == "training"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1], ids=lambda number: number.name)
@pytest.mark.parametrize("command", RESUMABLE, ids=ids)
def test_a_stop_leaves_a_checkpoint_and_75_and_the_same_command_goes_on(command: Declared, number, workspace):
    prepare(command.setup, workspace)
    checkpoint = output_of(command.example) / "checkpoint"
    work = start_forked(*command.example)
    while not checkpoint.exists() and not work.has_ended:
        time.sleep(0.05)
    work.send_signal(number)
    done = work.result()
    assert done.status == 75, done.stderr
    assert any(Path(checkpoint).iterdir())
    assert run_inside(*command.example, "--resume").status == 0
