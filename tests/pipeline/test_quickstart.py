"""The example pipeline runs as it stands, on forked commands, and deleting one product makes again only what depends on it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def programs(forked_programs: Path) -> Path:
    """The BIN of the recipe; `make demo` gives it the installed one."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    return forked_programs


@pytest.fixture(scope="module")
def out(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quickstart") / "out"
    make(programs, folder)
    return folder


def make(programs: Path, out: Path) -> subprocess.CompletedProcess[str]:
    sizes = ["N=5", "SEED=1", "ITERATIONS=2", "EPOCHS=1"]
    done = subprocess.run([*call(programs, out), *sizes], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def call(programs: Path, out: Path, *options: str) -> list[str]:
    return ["make", *options, "-C", str(ROOT / "examples/quickstart"), f"BIN={programs}", f"OUT={out}"]


def times(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_it_runs_prints_its_table_and_a_second_run_makes_nothing(programs, out):
    before = times(out)
    done = make(programs, out)
    assert times(out) == before
    for arm, source in (
        ("LGE  ", "none"),
        ("LGE + prior  ", "predicted"),
        ("LGE + prior + ECG + time", "predicted"),
    ):
        assert any(line.startswith(arm) and source in line for line in done.stdout.splitlines())
    assert (out / "model-full/progress.png").exists()


@pytest.mark.parametrize(
    ("deleted", "again"),
    [
        ("predictions-image", {"predictions-image", "evaluation", "bullseyes", "tested.txt"}),
        ("evaluation", {"evaluation"}),
        ("truth/{tested}.tsv", {"truth", "bullseyes", "tested.txt"}),
    ],
)
def test_deleting_one_product_makes_again_only_what_depends_on_it(programs, out, deleted, again):
    place = out / deleted.format(tested=(out / "tested.txt").read_text().split()[0])
    before = times(out)
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()
    make(programs, out)
    after = times(out)
    assert place.exists()
    assert {name.split("/")[0] for name in after if after[name] != before.get(name)} == again


def test_a_deleted_beat_is_made_again(programs, out):
    place = next((out / "beats").glob("*.hea"))
    place.rename(place.with_suffix(".kept"))
    planned = subprocess.run(call(programs, out, "-n"), capture_output=True, text=True, check=True).stdout
    place.with_suffix(".kept").rename(place)
    assert f"median-beat {out}/records/{place.name}" in planned


def test_a_dry_run_before_anything_is_made_comes_to_an_end(programs, tmp_path):
    dry = call(programs, tmp_path / "out", "-n")
    done = subprocess.run(dry, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "simulate cohort -n 24" in done.stdout and not (tmp_path / "out").exists()
