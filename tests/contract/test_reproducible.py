"""Same inputs, options and seed give the same bytes: on a second run, and with 1 or 2 threads; and nothing else is written."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.contract.declarations import COMMANDS, WRITING, Declared, ids
from tests.contract.watched import THREADS, WATCH, example_on, run_once, run_watched, watched_run
from tests.running import run_forked, run_process

EXACT = [command for command in WRITING if command.module.KIND == "exact"]
for_writing = pytest.mark.parametrize("command", WRITING, ids=ids)


# of the provenance: when it ran, and what was imported by then, which is more in a fork than in a fresh interpreter
PASSING = ("Time", "Software")


def written(folder: Path, *, without: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Return every file under a folder; provenance without some of its keys."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if path.name.endswith("prov.json"):
            data = json.dumps({k: v for k, v in json.loads(data).items() if k not in without}).encode()
        found[str(path.relative_to(folder))] = data
    return found


def stated(folder: Path, key: str) -> list[Any]:
    """Return what the provenance of every file under a folder has under a key."""
    return [json.loads(path.read_text())[key] for path in sorted(folder.rglob("*prov.json"))]


def run_on(threads: str, command: Declared, cohort: Path, shared: Path) -> Path:
    """Return what a run of a command's example wrote on so many threads, at a stated time, made once.

    In a fork, whose hash seed is another than that of the watched run; what trains or predicts in a fresh interpreter, for
    two threads of BLAS, which are settled when it is imported, sum in another order than one.
    """

    def run(folder: Path) -> None:
        stated = mock.patch.dict(os.environ, SOURCE_DATE_EPOCH="1700000000")  # 2023-11-14 22:13:20 UTC
        with contextlib.chdir(folder), stated:
            done = (run_forked if command in EXACT else run_process)(*example_on(threads, command))
        assert done.status == 0, done.stderr

    return run_once(f"again-{threads}", run, command, cohort, shared) / "place"


@for_writing
def test_a_second_run_gives_the_same_bytes(command: Declared, cohort: Path, shared: Path):
    first = watched_run(command, cohort, shared).place
    second = run_on(THREADS, command, cohort, shared)
    assert written(first, without=PASSING)
    assert written(second, without=PASSING) == written(first, without=PASSING)
    for one, other in zip(stated(first, "Software"), stated(second, "Software"), strict=True):
        assert one and (one.items() <= other.items() if command in EXACT else one == other)


@for_writing
def test_source_date_epoch_is_the_time_of_the_provenance(command: Declared, cohort: Path, shared: Path):
    times = stated(run_on(THREADS, command, cohort, shared), "Time")
    assert times and all(time == {"StartedAt": "2023-11-14T22:13:20+00:00"} for time in times)


@pytest.mark.parametrize("command", EXACT, ids=ids)
def test_threads_do_not_change_a_byte(command: Declared, cohort: Path, shared: Path):
    """Two threads of BLAS are only those of a fresh interpreter: a fork has the one that its server began with."""
    two = written(watched_run(command, cohort, shared).place, without=PASSING)
    one = written(run_on("1", command, cohort, shared), without=PASSING)
    assert one and one == two


@pytest.mark.parametrize("command", COMMANDS, ids=ids)
def test_no_network_and_no_write_outside_the_output(command: Declared, cohort: Path, shared: Path):
    done = watched_run(command, cohort, shared)
    assert done.status == 0, done.stderr
    assert done.outside == []
    assert done.left == [], "scratch files were left behind"


def test_the_watch_bites(tmp_path: Path):
    start = 'runpy.run_module("scartools", run_name="__main__", alter_sys=True)'
    assert start in WATCH
    done = run_watched([str(tmp_path / "elsewhere")], tmp_path, WATCH.replace(start, "open(sys.argv[1], 'w')"))
    assert done["outside"] == [["open", str(tmp_path / "elsewhere")]]
