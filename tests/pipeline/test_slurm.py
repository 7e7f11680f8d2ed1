"""The recipes for a cluster, on a real SLURM of one node: an array of trainings, one of them stopped and requeued."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, run_inside
from tests.pipeline.one_node_slurm import slurm, why_not

RECIPES = ROOT / "examples/slurm"
SCRIPTS = Path(sys.executable).parent
TINY = ["--preset", "tiny", "--features", "2", "--batch", "1", "--patch", "64", "--no-prior", "--no-ecg"]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(why_not()), reason=why_not())]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with slurm(tmp_path_factory.mktemp("slurm")) as env:
        # jobs start with this environment: the scartools beside this Python, and its source
        yield {**env, "PATH": f"{SCRIPTS}:{env['PATH']}", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def dataset(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    options = ["--keep-unpaired", "--split", "1/0/0", "--folds", "2", "-o", folder / "pairs.tsv"]
    for words in (
        ["pair", cohort / "ecg.tsv", cohort / "mri.tsv", *options],
        ["preprocess", folder / "pairs.tsv", "-o", folder / "dataset"],
    ):
        done = run_inside(*words, "-q")
        assert done.status == 0, done.stderr
    return folder / "dataset"


def submit(env: dict[str, str], where: Path, array: str, recipe: str, *words: str | Path) -> str:
    # the resources of the recipe are a cluster's: what is given here takes their place
    call = ["sbatch", "--parsable", f"--array={array}", "--cpus-per-task=1", "--mem=500M", "--time=10"]
    call += [f"--chdir={where}", str(RECIPES / recipe), *map(str, words)]
    done = subprocess.run(call, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def asked(env: dict[str, str], *command: str) -> str:
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False).stdout


def over(env: dict[str, str], job: str) -> bool:
    """Whether no task of a job waits or runs; a controller that does not answer says nothing."""
    done = subprocess.run(["squeue", "-h", "-j", job], env=env, capture_output=True, text=True, check=False)
    return done.returncode == 0 and not done.stdout


def released(env: dict[str, str], task: str) -> bool:
    """Whether a requeued task has started again; SLURM holds it for two minutes, of which a few seconds are enough.

    The daemon has revoked what let the task run, by the second: one that starts again in that second is killed. A task
    that is asked to start is put to the end of the schedule: it is asked once, and then left alone.
    """
    said = asked(env, "scontrol", "show", "job", task)
    assert "JobState=FAILED" not in said, said
    if "JobState=RUNNING" in said or "JobState=COMPLETED" in said:
        return True
    if "JobState=PENDING" in said and "Reason=BeginTime" in said:
        time.sleep(10)
        asked(env, "scontrol", "update", f"jobid={task}", "starttime=now")
        time.sleep(30)
    return False


def wait_until(is_so, what: str, seconds: float = 600.0) -> None:
    """Wait for long: the machine may be busy with other tests."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"{what} did not come in {seconds:.0f} s"
        time.sleep(0.2)


def logs(where: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(where.glob("*.log")))


def test_a_task_that_is_stopped_goes_back_into_the_queue_and_ends_with_the_same_weights(
    cluster, dataset, tmp_path
):
    env = {**cluster, "FOLDS": "2"}
    iterations = ["--iterations", "400"]
    job = submit(env, tmp_path, "0-1", "train.sbatch", dataset, tmp_path, *TINY, *iterations)
    first = tmp_path / "fold-0-seed-1"
    wait_until(lambda: (first / "checkpoint/state.safetensors").exists(), "a checkpoint")
    # what --signal=USR1@300 does five minutes before the limit: to the steps, not to the batch shell
    subprocess.run(["scancel", "--signal=USR1", f"{job}_0"], env=env, check=True)
    wait_until(lambda: "Restarts=1" in asked(env, "scontrol", "show", "job", f"{job}_0"), "the requeue")
    assert not (first / "prov.json").exists() and (first / "checkpoint/state.safetensors").exists()
    assert "stopped on request after a checkpoint" in logs(tmp_path)

    wait_until(lambda: released(env, f"{job}_0"), "the second start of the requeued task")
    wait_until((first / "prov.json").exists, "the end of the requeued task")
    wait_until(lambda: over(env, job), "the end of the array")
    assert "going on from a checkpoint" in logs(tmp_path)
    assert (tmp_path / "fold-1-seed-1/prov.json").exists(), logs(tmp_path)
    whole = ["train", dataset, "--fold", "0", "--seed", "1", *TINY, *iterations, "-o", tmp_path / "whole"]
    assert run_inside(*whole, "-q").status == 0
    weights = "weights.safetensors"
    assert (first / weights).read_bytes() == (tmp_path / "whole" / weights).read_bytes()


def test_what_is_done_is_not_done_again(cluster, dataset, tmp_path):
    env = {**cluster, "FOLDS": "2"}
    words = (dataset, tmp_path, *TINY, "--iterations", "2")
    for _ in range(2):
        job = submit(env, tmp_path, "3", "train.sbatch", *words)
        wait_until(lambda job=job: over(env, job), "the end of the task")
    assert (tmp_path / "fold-1-seed-2/prov.json").exists(), logs(tmp_path)
    assert f"{tmp_path}/fold-1-seed-2 is done" in logs(tmp_path)


def test_a_failure_is_not_put_back_into_the_queue(cluster, tmp_path):
    job = submit(cluster, tmp_path, "0", "train.sbatch", tmp_path / "nowhere", tmp_path, *TINY)
    wait_until(lambda: over(cluster, job), "the end of the task")
    assert "nowhere" in logs(tmp_path) and "Restarts=0" in asked(cluster, "scontrol", "show", "job", f"{job}_0")


def test_pages_are_read_by_parts(cluster, cohort, tmp_path):
    pages = sorted((cohort / "ecg").glob("*.pdf"))
    assert len(pages) >= 2
    (tmp_path / "pages").mkdir()
    for page in pages[:2]:
        os.link(page, tmp_path / "pages" / page.name)
    job = submit(cluster, tmp_path, "0-1", "digitize.sbatch", tmp_path / "pages", tmp_path / "out")
    wait_until(lambda: over(cluster, job), "the end of the array")
    tables = [tmp_path / f"out/pages_{task}-of-2.tsv" for task in (0, 1)]
    assert all(table.exists() for table in tables), logs(tmp_path)
    assert [len(table.read_text().splitlines()) for table in tables] == [2, 2]
