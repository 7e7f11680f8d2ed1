"""What all tests share: a small simulated cohort and the folder of real data. How commands are run: tests/running.py."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from tests.contract.prepared import prepare
from tests.made_once import made_once
from tests.running import ROOT, Result, run_inside, run_process, write_forked_programs

__all__ = ["ROOT", "Result", "run_inside", "run_process"]  # most tests take them from here

# two workers on two processors: threads of BLAS and torch in each of them would only wait for one another;
# a command sets the number of its threads itself, from the second variable
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("SCARTOOLS_THREADS", "1")

COLLECTED_FLOOR = 1400  # a full run that collects fewer tests than this has lost some


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run see: what it holds is made by the first that wants it."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def cohort(shared: Path) -> Path:
    """Two simulated subjects: the data that the EXAMPLES of every page run on."""

    def simulate(folder: Path) -> None:
        done = run_process(*shlex.split("simulate cohort -n 2 --seed 1 -q"), "-o", folder)
        assert done.status == 0, done.stderr

    return made_once(shared / "cohort", simulate)


@pytest.fixture(scope="session")
def forked_programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the PATH of a shell, or the BIN of a make: its `scartools` is forked, so that it need import nothing."""
    return write_forked_programs(tmp_path_factory.mktemp("programs"))


@pytest.fixture
def workspace(cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder in which `cohort` lies, as the EXAMPLES expect it."""
    (tmp_path / "cohort").symlink_to(cohort)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def dataset(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients to learn from, one of them with a beat; their pairs.tsv lies beside it."""
    folder = tmp_path_factory.mktemp("train")
    (folder / "cohort").symlink_to(cohort)
    lines = (
        "median-beat cohort/truth/sim-0001/ecg.hea -o sim-0001-ecg1.hea",
        "pair cohort/ecg.tsv cohort/mri.tsv --beats . --keep-unpaired --split 1/0/0 -o pairs.tsv",
        "preprocess pairs.tsv -o dataset",
    )
    prepare(map(shlex.split, lines), folder)
    return folder / "dataset"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data: SCARTOOLS_DATA, or ../shared/data; tests that want it are skipped without it."""
    folder = Path(os.environ.get("SCARTOOLS_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "cmr").is_dir():
        pytest.skip(f"REAL DATA ABSENT: no {folder}/cmr; set SCARTOOLS_DATA")
    return folder


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put files with slow tests first, and fail a full run that collected too little: what is never collected never fails."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)  # no slow one is a worker's last
    partial = (
        config.option.keyword
        or config.option.markexpr
        or getattr(config.option, "lf", False)
        or config.args != ["tests"]
    )
    if not partial and len(items) < COLLECTED_FLOOR:
        raise pytest.UsageError(f"{len(items)} tests collected, at least {COLLECTED_FLOOR} are there")
