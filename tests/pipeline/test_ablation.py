"""The ablation: its names mean what they say, its readers differ as stated, and its table calls what is missing missing."""

from __future__ import annotations

import importlib.util
import math
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.unit.learning.learning_phantom import heart

FOLDER = ROOT / "examples/ablation"
SCRIPTS = Path(sys.executable).parent
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"ablation_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


table, readers = script("table"), script("readers")


def make(
    out: Path, *words: str, dry: bool = False, programs: Path = SCRIPTS
) -> subprocess.CompletedProcess[str]:
    call = ["make", *(["-n"] if dry else []), "-C", str(FOLDER), f"BIN={programs}", f"OUT={out}", *words]
    return subprocess.run(call, capture_output=True, text=True, check=False, timeout=1500)


@needs_make
@pytest.mark.parametrize(
    ("task", "train", "never", "predict"),
    [
        ("start.1", "--no-ecg --iterations 1000", "--start-from", None),
        ("start-image.2", "--no-prior --no-ecg", "--start-from", None),
        ("start-given.1", "--prior-source truth --no-ecg", "--start-from", None),
        ("image.2", "--start-from {out}/models/start-image.2 --iterations 300", "--fusion", ""),
        ("prior.1", "--no-ecg --start-from {out}/models/start.1 --iterations 300", "--fusion", ""),
        (
            "prior.1",
            "--no-ecg",
            "--prior-source truth",
            "--anatomy {out}/readers/first.tsv --anatomy-source truth",
        ),
        ("taff-noprior.1", "--no-prior --fusion taff", "models/start.1", ""),
        ("taff-noprior.1", "--start-from {out}/models/start-image.1", "--no-ecg", ""),
        ("taff-notime.1", "--no-time", "--shuffle", ""),
        ("segment.3", "--fusion segment", "--no-time", "--shuffle-ecg"),
        ("segment.3", "--start-from {out}/models/start.3", "--oracle", "--no-ecg"),
        ("taff-shuffled.1", "--shuffle-ecg", "--shuffle-interval", ""),
        ("segment-interval.1", "--shuffle-interval", "--shuffle-ecg", ""),
        ("segment-oracle.1", "--oracle-ecg", "--no-", "--oracle-ecg"),
        (
            "segment-painted.2",
            "--no-prior-channels --first-stage {out}/models/start.2 "
            "--start-from {out}/models/start-image.2 --iterations 300",
            "--no-prior --",
            "--no-ecg",
        ),
        ("segment-painted-shuffled.1", "--shuffle-ecg --no-prior-channels", "--oracle", ""),
        ("segment-painted-notime.1", "--no-time --no-prior-channels", "--shuffle", ""),
        ("segment-painted-oracle.1", "--oracle-ecg --no-prior-channels", "--no-time", "--oracle-ecg"),
        (
            "given-prior.1",
            "--prior-source truth --no-ecg --start-from {out}/models/start-given.1",
            "--fusion",
            "--anatomy {out}/readers/second.tsv",
        ),
        (
            "given-segment.1",
            "--prior-source truth --fusion segment",
            "--no-ecg",
            "--anatomy {out}/readers/first.tsv",
        ),
    ],
)
def test_a_name_says_what_is_shown(tmp_path, task, train, never, predict):
    out = tmp_path / "out"
    done = make(out, task if predict is not None else f"{out}/models/{task}/prov.json", dry=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.replace("\\\n", " ").splitlines()
    (training,) = [
        " ".join(line.split()) for line in lines if " train " in line and f"-o {out}/models/{task}" in line
    ]
    assert train.format(out=out) in training and never not in training
    if predict is None:
        return
    predictions = [line for line in lines if " predict " in line and f"predict {out}/models/{task} " in line]
    assert predictions and any(predict.format(out=out) in line for line in predictions)
    assert not out.exists()


@needs_make
def test_every_task_has_a_name_and_nothing_is_run_to_tell_it(tmp_path):
    done = make(tmp_path / "out", "-s", "tasks", "SEEDS=1 2")
    names = [line for line in done.stdout.split() if "." in line and "/" not in line]
    assert len(names) == 44 and len(set(names)) == 44 and {"image.1", "given-segment-oracle.2"} <= set(names)
    assert not (tmp_path / "out").exists()


def test_the_second_reader_differs_by_the_stated_jitter_and_angle():
    labels = np.moveaxis(heart(6, 80), (0, 1, 2), (2, 1, 0))
    big = np.repeat(np.repeat(labels, 3, axis=0), 3, axis=1)  # pixels fine enough to measure the jitter
    same = readers.second_reader(big, (0.0, 0.0), 0.0, np.random.default_rng(1))
    merged = np.where(np.isin(big, (2, 3, 4)), 2, big)
    assert (same != merged).mean() < 0.002
    moved = readers.second_reader(big, (2.0, 2.0), 10.0, np.random.default_rng(1))
    assert set(np.unique(moved)) == {0, 1, 2, 5}
    rings = [np.count_nonzero((moved[..., z] > 0) != (merged[..., z] > 0)) for z in range(6)]
    assert min(rings) > 0
    x, y = np.indices(big.shape[:2]) - (big.shape[0] - 1) / 2

    def middle(of: np.ndarray) -> float:
        there = of[..., 3] == 5
        return math.degrees(math.atan2(y[there].mean(), x[there].mean()))

    turned = (middle(moved) - middle(merged) + 180) % 360 - 180
    assert 8 < abs(turned) < 12


def test_a_wave_has_the_root_mean_square_that_was_asked_for():
    angle = np.linspace(-np.pi, np.pi, 721)[:-1]
    for seed in range(5):
        found = readers.wave(angle, 1.5, np.random.default_rng(seed))
        assert np.sqrt((found**2).mean()) == pytest.approx(1.5, rel=1e-6)


def row(
    arm: str, patient: str, dice: float, *, ecg: str = "used", wall: str = "predicted", ml: float = 0.0
) -> dict:
    kind = "false_positive" if math.isnan(dice) else "hit"
    return {
        "arm": arm, "case_id": patient, "participant_id": patient, "structure": "scar", "prior_source": wall,
        "ecg": ecg, "dice": "n/a" if math.isnan(dice) else str(dice), "agreement": kind, "predicted_ml": str(ml),
    }  # fmt: skip


ROWS = [
    *(
        row(f"prior.{seed}", f"p{n}", 0.4 + 0.01 * n + 0.02 * seed, ecg="off")
        for n in range(25)
        for seed in (1, 2)
    ),
    *(row(f"segment.{seed}", f"p{n}", 0.5 + 0.01 * n + 0.02 * seed) for n in range(25) for seed in (1, 2)),
    *(
        row("segment-shuffled.1", f"p{n}", 0.43 + 0.01 * n + (-1) ** n * 0.01, ecg="shuffled")
        for n in range(25)
    ),
    *(row(f"prior.{seed}", "healthy", math.nan, ecg="off", ml=2.0 * seed) for seed in (1, 2)),
    *(row("given-segment-oracle.1", f"p{n}", 0.9, ecg="truth", wall="truth") for n in range(25)),
]


def test_seeds_are_averaged_by_patient_and_what_is_not_there_is_missing():
    arms = table.by_arm(ROWS)
    lines = table.arm_lines(["prior", "segment", "segment-shuffled", "taff"], arms, ["1", "2"], 200)[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0][:5] == ["prior", "predicted", "off", "2 of 2", "25"] and cells[0][5].startswith("0.550 [")
    assert cells[0][7:] == ["1", "3.000"]
    assert cells[2][2:4] == ["shuffled", "1 of 2 (missing)"]
    assert cells[3] == ["taff", *["missing"] * 8]
    (oracle,) = table.arm_lines(["given-segment-oracle"], arms, ["1"], 200)[2:]
    assert "| truth as reader | truth |" in oracle


def test_differences_are_paired_over_the_seeds_that_both_have():
    arms = table.by_arm(ROWS)
    names = ["image", "prior", "segment", "segment-shuffled", "taff"]
    asked = table.differences_asked(names)
    found = dict(zip([one[1:] for one in asked], table.difference_lines(asked, arms, 500)[2:], strict=True))
    assert "| 2 | 25 | 0.100" in found["segment", "prior"]
    assert "| 1 | 25 | 0.010" in found["segment-shuffled", "prior"]  # seed 1 alone: 0.43 against 0.42
    assert "equivalent" in found["segment-shuffled", "prior"]
    assert found["prior", "image"].count("missing") == 6
    values, seeds = table.paired(arms, "segment", "prior", "dice", positive=True)
    assert seeds == 2 and np.allclose(values, 0.1)


def segment_row(arm: str, patient: str, segment: int, truth: float, found: float) -> dict:
    return {
        "arm": arm, "case_id": patient, "participant_id": patient, "prior_source": "predicted", "ecg": "used",
        "ecg_source": "simulated", "control": "n/a", "segment": str(segment), "truth_percent": str(truth),
        "predicted_percent": str(found), "truth_present": str(truth >= 5).lower(),
        "predicted_present": str(found >= 5).lower(),
    }  # fmt: skip


def test_scar_in_its_segment_is_compared_over_the_seeds_that_both_have():
    rows = [
        segment_row(f"{arm}.{seed}", f"p{n}", k, 20.0 * (k == 1 + n % 3), found(n, k))
        for n in range(24)
        for k in (1, 2, 3, 4)
        for arm, seeds, found in (
            ("prior", (1, 2), lambda n, k: 10.0 * (k < 3)),
            ("segment", (1,), lambda n, k: 30.0 * (k == 1 + n % 3)),
        )
        for seed in seeds
    ]
    arms = table.segments_by_arm(rows)
    assert {name: {row.run for row in arms[name]} for name in arms} == {"prior": {1, 2}, "segment": {1}}
    asked = [("", "segment", "prior"), ("", "taff", "prior")]
    lines = table.segment_lines(["prior", "segment", "taff"], asked, arms, 200)[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    # of three with scar two are found, of nine without four: 2/3 x 1/3 above, and ties
    assert cells[0][:3] == ["prior", "2", "24"] and cells[0][3].startswith("0.611")
    assert cells[1][:4] == ["segment", "1", "24", "1.000 [1.000, 1.000]"]
    assert cells[3][:3] == ["segment - prior", "1", "24"] and cells[3][3].startswith("0.389")
    assert cells[2] == ["taff", *["missing"] * 5] and cells[4] == ["taff - prior", *["missing"] * 5]


def test_dice_by_interval_has_its_n():
    arms = table.by_arm(ROWS)
    days = {f"p{n}": float(n) for n in range(20)}
    line = table.bin_lines(["segment", "taff"], arms, days)[2:]
    assert line[0].count("n = 7") == 2 and "(n = 6)" in line[0] and "n = 0" in line[0] and "(n = 5)" in line[0]
    assert line[1].count("missing") == 5


@pytest.mark.slow
@needs_make
def test_a_tiny_run_ends_in_a_table_and_a_second_makes_nothing(tmp_path, forked_programs):
    sizes = [
        "SUBJECTS=8",
        "SPLIT=0.5/0.125/0.375",
        "START_ITERATIONS=4",
        "ITERATIONS=4",
        "PRESET=tiny",
        "EPOCHS=1",
        "SEEDS=1",
    ]
    sizes += ["ARMS=image prior segment segment-shuffled given-segment-oracle", "RESAMPLES=200"]
    done = make(tmp_path, *sizes, "all", programs=forked_programs)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "table.md").read_text()
    rows = [line for line in reversed(text.splitlines()) if line.startswith("|")]
    lines = {line.split("|")[1].strip(): line for line in rows}  # the first of each name, from the first table
    assert "| predicted | off |" in lines["prior"] and "shuffled" in lines["segment-shuffled"]
    assert (
        "truth as reader" in lines["given-segment-oracle-second"]
        and "shuffled" in lines["segment-test-shuffled"]
    )
    assert "missing" in lines["taff"] and "missing" not in lines["image"]
    assert text in done.stdout
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("prov.json")}
    assert make(tmp_path, *sizes, "all", programs=forked_programs).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("prov.json")} == before


@needs_make
def test_real_pictures_get_the_same_recipe_with_their_own_words(tmp_path):
    (tmp_path / "pairs.tsv").write_text("case_id\n")
    for name in ("ecg-beats/beats.prov.json", "ecgs/ecg.prov.json", "emidec/pairs.tsv"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    (tmp_path / "pairs.tsv").touch()
    done = make(tmp_path, "-f", "emidec.mk", "-o", str(tmp_path / "pairs.tsv"), "given-segment.1", dry=True)
    assert done.returncode == 0, done.stderr
    commands = done.stdout.replace("\\\n", " ")
    assert "simulate cohort" not in commands and "median-beat" not in commands
    trained = next(
        line for line in commands.splitlines() if "/models/given-segment.1" in line and " train " in line
    )
    assert "--anchor image-left" in trained and "--prior-source truth" in trained
    second = next(line for line in commands.splitlines() if "/predictions/given-segment-second.1" in line)
    assert "--angle 190" in second and "--fractions-only --labels emidec" in second
    turned = make(tmp_path, "-f", "emidec.mk", "-o", str(tmp_path / "pairs.tsv"), "turned.1", dry=True).stdout
    assert f"mkdir -p {tmp_path}/turned" in turned and "--angle $((180 + 30))" in turned
    tasks = make(tmp_path, "-f", "emidec.mk", "-o", str(tmp_path / "pairs.tsv"), "-s", "tasks").stdout.split()
    assert len(tasks) == 24 and "segment-painted-oracle.2" in tasks and "segment-shuffled.1" in tasks
