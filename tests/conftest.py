"""What all tests share: running the command line, a small simulated cohort, and the folder of real data."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# two workers on two processors: threads of BLAS and torch in each of them would only wait for one another;
# a command sets the number of its threads itself, from the second variable
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("SCARTOOLS_THREADS", "1")

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ROOT = Path(__file__).resolve().parents[1]
COLLECTED_FLOOR = 1400  # a full run that collects fewer tests than this has lost some


@dataclass(frozen=True)
class Result:
    """What a run of the command line left."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.stdout)

    @property
    def error(self) -> str:
        """The only error line; fails when there is none or more than one."""
        lines = [line for line in self.stderr.splitlines() if ": error: " in line]
        assert len(lines) == 1, f"{len(lines)} error lines in: {self.stderr!r}"
        return lines[0]


def run_inside(*arguments: str | Path) -> Result:
    """Run the command line in this process, without the second that a fresh interpreter takes to import."""
    from scartools.cli.run import main

    environment, handlers = dict(os.environ), {n: signal.getsignal(n) for n in HANDLED}
    out, err = io.TextIOWrapper(io.BytesIO(), write_through=True), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main([str(argument) for argument in arguments])
    finally:
        os.environ.clear()
        os.environ.update(environment)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return Result(status, out.buffer.getvalue().decode(), err.getvalue())


def run_process(*arguments: str | Path, **options: Any) -> Result:
    """Run the command line as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "scartools", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two simulated subjects: the data that the EXAMPLES of every page run on."""
    folder = tmp_path_factory.mktemp("data") / "cohort"
    words = shlex.split("simulate cohort -n 2 --seed 1 -q")
    done = run_process(*words, "-o", folder)
    assert done.status == 0, done.stderr
    return folder


@pytest.fixture
def workspace(cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder in which `cohort` lies, as the EXAMPLES expect it."""
    (tmp_path / "cohort").symlink_to(cohort)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data: SCARTOOLS_DATA, or ../shared/data; tests that want it are skipped without it."""
    folder = Path(os.environ.get("SCARTOOLS_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "cmr").is_dir():
        pytest.skip(f"REAL DATA ABSENT: no {folder}/cmr; set SCARTOOLS_DATA")
    return folder


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Fail a full run that collected too little: tests that are never collected never fail."""
    partial = (
        config.option.keyword
        or config.option.markexpr
        or getattr(config.option, "lf", False)
        or config.args != ["tests"]
    )
    if not partial and len(items) < COLLECTED_FLOOR:
        raise pytest.UsageError(f"{len(items)} tests collected, at least {COLLECTED_FLOOR} are there")
