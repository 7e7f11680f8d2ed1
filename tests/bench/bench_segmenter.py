"""How fast the segmenter is beside nnU-Net v2: the same volumes, the same weights, both in turns in one run.

    python tests/bench/bench_segmenter.py [--rounds N] [--steps N] [--work FOLDER] [--json] [--only STAGE ...]

The peer has an environment of its own; SCARTOOLS_NNUNET names its Python. To make one:

    python3 -m venv /tmp/nnunet && /tmp/nnunet/bin/pip install torch==2.13.0 batchgenerators batchgeneratorsv2==0.3.6 \
      nibabel scikit-image matplotlib pandas scikit-learn einops SimpleITK blosc2 connected-components-3d seaborn imagecodecs yacs
    /tmp/nnunet/bin/pip install --no-deps nnunetv2==2.8.1 dynamic-network-architectures==0.4.4 acvl-utils==0.2.6

Volumes: 20 to learn from and 4 to predict, 10 x 256 x 256 at 1.5 x 1.5 x 8 mm, drawn from a seed. Stages:

    preprocess    fingerprint, plan and preprocessing of the 20, whole commands, two workers for the peer
    step_fp32     a training step at 12 slices of 256 x 256 with the network of the plan (33.5 million parameters)
    step_bf16     ours in bfloat16 against the peer's step, which is float32 on a processor; skipped where it has none
    predict       the 4 volumes with the weights of the peer's trainer, mirror images off, whole commands
    predict_tta   the same with the three mirror images
    help          `train --help`

Each ratio is ours over the peer's, the median of the rounds' paired ratios; below 1 is faster than the peer. Seconds of
the clock are what a person waits; processor seconds, the peer's workers included, are what a busy machine distorts less.
Memory is the largest process of each command.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

TRAIN, TEST, SHAPE, ZOOMS = 20, 4, (256, 256, 10), (1.5, 1.5, 8.0)
LABELS = {"background": 0, "lv_pool": 1, "healthy_myocardium": 2, "scar": 3}
DATASET = "Dataset901_Bench"
PEER_RESULT = "nnUNetTrainer__nnUNetPlans__2d"
SCARTOOLS = [sys.executable, "-m", "scartools"]
PREPROCESSED, RESULTS = "nnUNet_preprocessed", "nnUNet_results"  # how the peer finds its folders
HAS_BF16 = (
    re.search(r"\b(avx512_bf16|amx_bf16)\b", Path("/proc/cpuinfo").read_text(errors="replace")) is not None
)


@dataclass(frozen=True)
class Cost:
    """One run: seconds of the clock and of the processor, and the largest process in MB."""

    wall: float
    cpu: float
    megabytes: float


def draw(path: Path, number: int, *, label: Path | None) -> None:
    """Write a volume with a heart, and its labels."""
    rng = np.random.default_rng([901, number])
    x, y = np.meshgrid(np.arange(SHAPE[0]), np.arange(SHAPE[1]), indexing="ij")
    image = rng.normal(60, 15, SHAPE)
    labels = np.zeros(SHAPE, np.uint8)
    centre = rng.uniform(110, 146, 2)
    for k in range(1, SHAPE[2] - 1):
        away = np.hypot(x - centre[0], y - centre[1])
        inner, outer = rng.uniform(14, 18), rng.uniform(23, 27)
        labels[..., k][away < outer] = 2
        labels[..., k][(away < outer) & (np.arctan2(y - centre[1], x - centre[0]) > 2.2)] = 3
        labels[..., k][away < inner] = 1
    image += np.array([0.0, 90.0, -30.0, 140.0])[labels]
    affine = np.diag([-ZOOMS[0], -ZOOMS[1], ZOOMS[2], 1.0])
    nibabel.save(nibabel.Nifti1Image(image.astype(np.float32), affine), path)
    if label is not None:
        nibabel.save(nibabel.Nifti1Image(labels, affine), label)


def draw_all(work: Path) -> Path:
    """Make the raw folder that both read; the test volumes lie in imagesTs."""
    raw = work / "raw" / DATASET
    for name in ("imagesTr", "labelsTr", "imagesTs"):
        (raw / name).mkdir(parents=True, exist_ok=True)
    for number in range(TRAIN):
        draw(raw / f"imagesTr/c{number:02d}_0000.nii.gz", number, label=raw / f"labelsTr/c{number:02d}.nii.gz")
    rows = ["case_id\tparticipant_id\timage\tlabel\tsplit"]
    for number in range(TRAIN, TRAIN + TEST):
        draw(raw / f"imagesTs/c{number:02d}_0000.nii.gz", number, label=None)
        rows.append(f"c{number:02d}\tc{number:02d}\timagesTs/c{number:02d}_0000.nii.gz\tn/a\ttest")
    (raw / "pairs.tsv").write_text("\n".join(rows) + "\n")
    said = {"channel_names": {"0": "LGE"}, "labels": LABELS, "numTraining": TRAIN, "file_ending": ".nii.gz"}
    (raw / "dataset.json").write_text(json.dumps(said))
    return raw


def places(work: Path) -> dict[str, str]:
    """The environment of the peer, which finds its folders by three variables."""
    named = {"nnUNet_raw": str(work / "raw"), PREPROCESSED: str(work / "peer"), RESULTS: str(work / "results")}
    return {**os.environ, **named, "nnUNet_compile": "f"}


def measured(command: list[str], env: dict[str, str]) -> Cost:
    """Run a whole command; stop with its last lines if it fails."""
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        process = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        if status:
            log.seek(0)
            raise SystemExit(f"{' '.join(command)}\n{log.read().decode(errors='replace')[-2000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


# What the two processes that time steps run: started as this file with --worker, each in its own environment.


def step_worker(kind: str, precision: str, steps: int) -> None:
    """Print the wall and processor seconds of each training step but the first, and the peak memory."""
    step = {"ours": our_step, "peer": peer_step}[kind](precision)
    rows = []
    for _ in range(steps + 1):
        start, busy = time.perf_counter(), time.process_time()
        step()
        rows.append((time.perf_counter() - start, time.process_time() - busy))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"steps": rows[1:], "megabytes": peak}))


def planned() -> tuple[list[int], list[list[int]]]:
    """Features and strides of the plan of these volumes: those of both planners, checked in `main`."""
    return [32, 64, 128, 256, 512, 512, 512], [[1, 1], *[[2, 2]] * 6]


def our_step(precision: str) -> Callable[[], Any]:
    """A step of the training loop, on a batch that is there."""
    import torch

    from scartools.learning import loop
    from scartools.learning.sampling import Batch
    from scartools.learning.settings import Settings, Size
    from scartools.network.segmenter import Segmenter, SegmenterConfig

    features, strides = planned()
    settings = Settings(Size(32, 512, (256, 256), 12, 250_000, 1), prior_source="none", ecg=False, time=False)
    network = Segmenter(SegmenterConfig(len(LABELS), tuple(features), tuple((a, b) for a, b in strides)))
    setting = loop.Setting(precision=torch.float32 if precision == "fp32" else torch.bfloat16)
    optimisers = loop._optimisers(network, settings)
    rng = np.random.default_rng(1)
    batch = Batch(
        rng.normal(size=(12, 1, 256, 256)).astype(np.float32),
        rng.integers(0, len(LABELS), (12, 256, 256)),
        np.zeros((12, 256, 256), np.uint8),
        np.zeros((12, 12, 600), np.float32),
        np.full(12, np.nan, np.float32),
        np.zeros(12, bool),
    )
    return lambda: loop._step(network, batch, optimisers, settings, setting, 0, 250_000)


def peer_step(precision: str) -> Callable[[], Any]:
    """The peer's own train_step, on a batch that is there."""
    import torch
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    assert precision == "fp32", "the peer computes in float32 on a processor"
    prepared = Path(os.environ[PREPROCESSED]) / DATASET
    plans = {**json.loads((prepared / "nnUNetPlans.json").read_text()), "continue_training": False}
    plans["configurations"]["2d"]["batch_size"] = 12
    trainer = nnUNetTrainer(
        plans, "2d", 0, json.loads((prepared / "dataset.json").read_text()), device=torch.device("cpu")
    )
    trainer.initialize()
    trainer.network.train()
    rng = np.random.default_rng(1)
    target = torch.from_numpy(rng.integers(0, len(LABELS), (12, 1, 256, 256)).astype(np.float32))
    scales = [256 >> level for level in range(6)]
    targets = [torch.nn.functional.interpolate(target, size=(s, s), mode="nearest-exact") for s in scales]
    data = torch.from_numpy(rng.normal(size=(12, 1, 256, 256)).astype(np.float32))
    return lambda: trainer.train_step({"data": data, "target": targets})


def peer_result() -> None:
    """Let the peer's trainer write a result folder, its weights drawn by chance: what both predict with."""
    import torch
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    prepared = Path(os.environ[PREPROCESSED]) / DATASET
    plans = {**json.loads((prepared / "nnUNetPlans.json").read_text()), "continue_training": False}
    said = json.loads((prepared / "dataset.json").read_text())
    trainer = nnUNetTrainer(plans, "2d", 0, said, device=torch.device("cpu"))
    torch.manual_seed(3)
    trainer.initialize()
    folder = Path(os.environ[RESULTS]) / DATASET / PEER_RESULT
    (folder / "fold_0").mkdir(parents=True, exist_ok=True)
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(said))
    trainer.save_checkpoint(str(folder / "fold_0/checkpoint_final.pth"))


# The stages.


def step_costs(work: Path, peer: Path, precision: str, steps: int) -> tuple[Cost, Cost]:
    """Median step of both, each in a process of its own, one after the other."""
    found = []
    for kind, python in (("ours", sys.executable), ("peer", str(peer))):
        words = [python, __file__, "--worker", kind, "--precision", precision if kind == "ours" else "fp32"]
        done = subprocess.run(
            [*words, "--steps", str(steps)], env=places(work), check=True, capture_output=True, text=True
        )
        said = json.loads(done.stdout.splitlines()[-1])
        wall, cpu = (statistics.median(column) for column in zip(*said["steps"], strict=True))
        found.append(Cost(wall, cpu, said["megabytes"]))
    return found[0], found[1]


def command_stages(work: Path, raw: Path, peer: Path) -> dict[str, tuple[list[str], list[str]]]:
    """Whole commands by stage, ours and the peer's."""
    scripts = peer.parent
    predict = [
        *SCARTOOLS,
        "predict",
        str(work / "model"),
        str(raw / "pairs.tsv"),
        "--no-bullseye",
        "--force",
        "-q",
    ]
    theirs = [
        str(scripts / "nnUNetv2_predict"),
        "-i",
        str(raw / "imagesTs"),
        "-d",
        "901",
        "-c",
        "2d",
        "-f",
        "0",
    ]
    theirs += ["-device", "cpu", "-npp", "1", "-nps", "1", "--disable_progress_bar"]
    planned = [str(scripts / "nnUNetv2_plan_and_preprocess"), "-d", "901", "-c", "2d", "-np", "2", "-npfp", "2"]
    ours = [*SCARTOOLS, "preprocess", "--import-nnunet", str(raw), "--force", "-q", "-o", str(work / "dataset")]
    return {
        "preprocess": (ours, planned),
        "predict": (
            [*predict, "-o", str(work / "ours")],
            [*theirs, "--disable_tta", "-o", str(work / "theirs")],
        ),
        "predict_tta": (
            [*predict, "--mirror", "-o", str(work / "ours-tta")],
            [*theirs, "-o", str(work / "theirs-tta")],
        ),
        "help": ([*SCARTOOLS, "train", "--help"], [str(scripts / "nnUNetv2_train"), "--help"]),
    }


def require_same_plan(work: Path) -> None:
    """Stop where the two planners chose different networks: the comparison would be of two sizes."""
    ours = json.loads((work / "dataset/dataset.json").read_text())["Plan"]
    said = json.loads((work / "peer" / DATASET / "nnUNetPlans.json").read_text())["configurations"]["2d"]
    theirs = said["architecture"]["arch_kwargs"]
    features, strides = planned()
    found = [
        (ours["Features"], theirs["features_per_stage"], features),
        (ours["Strides"], theirs["strides"], strides),
    ]
    for one, other, expected in found:
        if not list(map(list_of, one)) == list(map(list_of, other)) == list(map(list_of, expected)):
            raise SystemExit(f"the plans differ: {one}, {other}, {expected}")


def list_of(value: Any) -> Any:
    """A number as it is, a tuple as a list."""
    return value if isinstance(value, int) else list(value)


def compare(ours: list[Cost], theirs: list[Cost]) -> dict[str, Any]:
    """Medians of both and of their paired ratios."""
    pairs = list(zip(ours, theirs, strict=True))
    ratio = {
        name: statistics.median(getattr(a, name) / getattr(b, name) for a, b in pairs)
        for name in ("wall", "cpu", "megabytes")
    }
    middle = {
        who: {name: statistics.median(getattr(one, name) for one in costs) for name in ratio}
        for who, costs in (("ours", ours), ("peer", theirs))
    }
    return {**middle, "ratio": ratio}


def main() -> None:
    """Run the stages in turns and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--work", type=Path, help="keep what is made here")
    parser.add_argument(
        "--only", nargs="+", default=["preprocess", "step_fp32", "step_bf16", "predict", "help"]
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--precision", default="fp32", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker == "result":
        peer_result()
        return
    if options.worker:
        step_worker(options.worker, options.precision, options.steps)
        return
    peer = Path(os.environ.get("SCARTOOLS_NNUNET", "/nowhere"))
    if not peer.is_file():
        print(
            "NNUNET ABSENT: set SCARTOOLS_NNUNET to the Python of an environment that has nnunetv2",
            file=sys.stderr,
        )
        if options.json:
            print(json.dumps({"ratios": {}}))
        return
    with tempfile.TemporaryDirectory(prefix="scartools-bench-") as scratch:
        found = rounds(options, options.work or Path(scratch), peer)
    if options.json:
        keys = ("preprocess", "predict", "step_fp32", "step_bf16")
        ratios = {key: found[key]["ratio"]["wall"] if key in found else None for key in keys}
        print(json.dumps({"ratios": ratios, "stages": found}))
        return
    print(
        f"{'stage':<12} {'ours s':>8} {'peer s':>8} {'ratio':>6} {'cpu':>6} {'ours MB':>8} {'peer MB':>8} {'ratio':>6}"
    )
    for stage, row in found.items():
        mine, other, ratio = row["ours"], row["peer"], row["ratio"]
        print(
            f"{stage:<12} {mine['wall']:8.2f} {other['wall']:8.2f} {ratio['wall']:6.2f} {ratio['cpu']:6.2f}"
            f" {mine['megabytes']:8.0f} {other['megabytes']:8.0f} {ratio['megabytes']:6.2f}"
        )


def rounds(options: argparse.Namespace, work: Path, peer: Path) -> dict[str, Any]:
    """Do every stage as often as asked, the two in turns."""
    raw = draw_all(work)
    env = places(work)
    stages = command_stages(work, raw, peer)
    for command in stages["preprocess"]:  # both are needed by what follows, and this warms the disk cache
        measured(command, env)
    require_same_plan(work)
    measured([str(peer), __file__, "--worker", "result"], env)
    result = work / "results" / DATASET / PEER_RESULT
    measured(
        [*SCARTOOLS, "import-nnunet", str(result), "--trust-pickle", "--force", "-o", str(work / "model")], env
    )
    found = {}
    for stage in options.only:
        if stage == "step_bf16" and not HAS_BF16:
            print("step_bf16 SKIPPED: this processor computes no bfloat16", file=sys.stderr)
            continue
        costs = []
        for _ in range(options.rounds):
            if stage.startswith("step_"):
                costs.append(step_costs(work, peer, stage.removeprefix("step_"), options.steps))
            else:
                ours, theirs = stages[stage]
                costs.append((measured(ours, env), measured(theirs, env)))
        found[stage] = compare([one for one, _ in costs], [other for _, other in costs])
    return found


if __name__ == "__main__":
    main()
