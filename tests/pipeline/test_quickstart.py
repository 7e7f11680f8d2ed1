"""The example pipeline runs as it stands, and deleting one product makes again only what depends on it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPTS = Path(sys.executable).parent
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("make") is None or not (SCRIPTS / "scartools").exists():
        pytest.skip("make, or scartools beside this Python, is not installed")
    folder = tmp_path_factory.mktemp("quickstart") / "out"
    make(folder)
    return folder


def make(out: Path) -> subprocess.CompletedProcess[str]:
    sizes = ["N=5", "SEED=1", "ITERATIONS=2", "EPOCHS=1"]
    call = ["make", "-C", str(ROOT / "examples/quickstart"), f"BIN={SCRIPTS}", f"OUT={out}", *sizes]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def times(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_it_runs_prints_its_table_and_a_second_run_makes_nothing(out):
    before = times(out)
    done = make(out)
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
def test_deleting_one_product_makes_again_only_what_depends_on_it(out, deleted, again):
    place = out / deleted.format(tested=(out / "tested.txt").read_text().split()[0])
    before = times(out)
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()
    make(out)
    after = times(out)
    assert place.exists()
    assert {name.split("/")[0] for name in after if after[name] != before.get(name)} == again


def test_a_deleted_beat_is_made_again(out):
    place = next((out / "beats").glob("*.hea"))
    call = [shutil.which("make"), "-n", "-C", str(ROOT / "examples/quickstart"), f"BIN={SCRIPTS}", f"OUT={out}"]
    place.rename(place.with_suffix(".kept"))
    planned = subprocess.run(call, capture_output=True, text=True, check=True).stdout
    place.with_suffix(".kept").rename(place)
    assert f"median-beat {out}/records/{place.name}" in planned


def test_a_dry_run_before_anything_is_made_comes_to_an_end(tmp_path):
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    call = ["make", "-n", "-C", str(ROOT / "examples/quickstart"), f"BIN={SCRIPTS}", f"OUT={tmp_path / 'out'}"]
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "simulate cohort -n 24" in done.stdout and not (tmp_path / "out").exists()
