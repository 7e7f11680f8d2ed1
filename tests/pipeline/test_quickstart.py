"""The example pipeline runs as it stands, and deleting one product makes again only what depends on it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPTS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("make") is None or not (SCRIPTS / "scartools").exists():
        pytest.skip("make, or scartools beside this Python, is not installed")
    folder = tmp_path_factory.mktemp("quickstart") / "out"
    make(folder)
    return folder


def make(out: Path) -> subprocess.CompletedProcess[str]:
    call = ["make", "-C", str(ROOT / "examples/quickstart"), f"BIN={SCRIPTS}", f"OUT={out}", "N=2", "SEED=3"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def test_it_runs_and_prints_a_row_a_subject(out):
    done = make(out)
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("sim-")]
    assert [row[0] for row in rows] == ["sim-0001", "sim-0002"]
    assert all(50 < float(row[1]) < 250 for row in rows)  # LV mass, g
    assert (out / "results/sim-0002/bullseye.png").exists()


def test_a_second_run_makes_nothing(out):
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    make(out)
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}


def test_deleting_one_product_makes_again_only_what_depends_on_it(out):
    before = {path: path.stat().st_mtime_ns for path in (out / "results").rglob("*") if path.is_file()}
    (out / "results/sim-0001/segments.tsv").unlink()
    make(out)
    after = {path: path.stat().st_mtime_ns for path in (out / "results").rglob("*") if path.is_file()}
    changed = {str(path.relative_to(out / "results")) for path in after if after[path] != before.get(path)}
    assert all(name.startswith(("sim-0001/segments", "sim-0001/bullseye")) for name in changed)
    assert "sim-0001/segments.tsv" in changed and "sim-0001/bullseye.png" in changed
