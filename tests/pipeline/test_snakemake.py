"""The Snakemake recipe: folds and seeds of a data set, predicted together; nothing is made twice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, run_inside

SCRIPTS = Path(sys.executable).parent
SNAKEMAKE = os.environ.get("SCARTOOLS_SNAKEMAKE") or shutil.which("snakemake")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        SNAKEMAKE is None,
        reason="SNAKEMAKE ABSENT: pip install snakemake in an environment of its own, SCARTOOLS_SNAKEMAKE its program",
    ),
]


def test_folds_are_trained_predicted_together_and_evaluated_once(cohort, tmp_path):
    lines = (cohort / "mri.tsv").read_text().splitlines()
    at = {name: number for number, name in enumerate(lines[0].split("\t"))}
    rows = ["case_id\tparticipant_id\timage\tlabel\tsplit\tfold"]
    source = [line.split("\t") for line in lines[1:]]
    for number in range(3):  # two to learn from, each a fold, and one to test
        one = source[number % len(source)]
        image, label = (cohort / one[at[name]] for name in ("image", "label"))
        rows.append(
            f"p{number}\tp{number}\t{image}\t{label}\t{'test' if number == 2 else 'train'}\t{number % 2}"
        )
    (tmp_path / "pairs.tsv").write_text("\n".join(rows) + "\n")
    options = "--preset tiny --features 2 --batch 1 --patch 64 --iterations 2 --no-prior --no-ecg"
    call = [
        str(SNAKEMAKE),
        "-s",
        str(ROOT / "examples/snakemake/Snakefile"),
        "--cores",
        "1",
        "--directory",
        str(tmp_path),
    ]
    call += ["--config", "pairs=pairs.tsv", "out=out", "folds=2", "seeds=1", f"options={options}"]
    env = {**os.environ, "PATH": f"{SCRIPTS}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(call, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    table = (tmp_path / "out/predictions/predictions.tsv").read_text().splitlines()
    row = dict(zip(table[0].split("\t"), table[1].split("\t"), strict=True))
    assert len(table) == 2 and row["case_id"] == "p2" and row["members"] == "2"
    assert run_inside("check", tmp_path / "out/evaluation").status == 0
    again = subprocess.run(call, env=env, capture_output=True, text=True, check=False)
    assert again.returncode == 0 and "Nothing to be done" in again.stderr, again.stderr[-3000:]
