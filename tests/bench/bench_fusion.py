"""What an ECG costs: a training step and a prediction with each fusion, over the same network without an ECG.

    python tests/bench/bench_fusion.py [--rounds N] [--features N] [--batch N] [--patch N] [--device cpu]

The networks take turns in one run, so that a busy machine slows them alike; each ratio is the median of the paired
ratios of the rounds, with the smallest and the largest. Defaults are those of --preset small. A step is what train does
after its batch was drawn: forward, loss, backward, three optimisers; a prediction is ten slices of twice the patch.
Seconds are of the processor on a CPU, which a busy machine distorts less, and of the clock on a GPU.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace

import numpy as np
import torch

from scartools.learning import loop
from scartools.learning.inference import predict_logits
from scartools.learning.loop import Setting, training_batch
from scartools.learning.sampling import TrainingCase, pixels_by_class
from scartools.learning.settings import FUSION_STAGES, Settings, Size, rates_of
from scartools.learning.two_stage import untrained

LABELS = (0, 1, 2, 3)


def case(number: int, edge: int) -> TrainingCase:
    """A noisy ring with 17 sectors, a scar in some of them, and a beat."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[:edge, :edge] - edge / 2
    radius, angle = np.hypot(y, x), np.arctan2(y, x)
    wall = (radius > edge / 8) & (radius < edge / 5)
    prior = np.where(wall, 1 + np.floor((angle + np.pi) / (2 * np.pi) * 16.99), 0).astype(np.uint8)
    label = np.where(radius <= edge / 8, 1, np.where(wall, 2, 0)).astype(np.uint8)
    label[np.isin(prior, rng.integers(1, 18, 4))] = 3
    labels, priors = (np.repeat(plane[None], 10, axis=0) for plane in (label, prior))
    image = (labels + rng.standard_normal(labels.shape)).astype(np.float32)[None]
    return TrainingCase(
        str(number), str(number), image, labels, np.eye(4), prior=priors, days=float(number), quality=0.9,
        beat=rng.standard_normal((12, 600)).astype(np.float32), pixels=pixels_by_class(labels, 0),
    )  # fmt: skip


def main() -> None:
    """Print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--features", type=int, default=16)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--patch", type=int, default=96)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    clock = time.process_time if given.device == "cpu" else time.perf_counter
    size = Size(given.features, 16 * given.features, (given.patch, given.patch), given.batch, 100, 50)
    plain = Settings(size, prior_source="truth", ecg=False, time=False, **rates_of("small"))
    fused = {
        name: replace(plain, ecg=True, time=True, fusion=name, fusion_stage=stage)
        for name, stage in FUSION_STAGES.items()
    }
    arms = {"no ECG": plain, **fused}
    setting, cases = Setting(given.device), [case(number, 2 * given.patch) for number in range(6)]
    networks = {name: untrained(LABELS, one).scar.to(given.device) for name, one in arms.items()}
    optimisers = {name: loop._optimisers(networks[name], one) for name, one in arms.items()}
    batch = training_batch(cases, fused["segment"], setting, 0)
    of_patients = replace(batch, evidence=np.zeros((len(batch.present), 17), np.float32))
    print(
        f"{batch.present.sum()} of {len(batch.present)} crops with their ECG, one encoder step in {fused['taff'].ecg_every} of taff"
    )

    def step(name: str) -> None:
        """Eight training steps of an arm: the encoder of taff's ECG learns in one of them."""
        shown = of_patients if name == "segment" else batch
        for number in range(48, 56):
            loop._step(networks[name], shown, optimisers[name], arms[name], setting, number, 100)

    def predict(name: str) -> None:
        """One patient through an arm."""
        one = cases[0]
        patch = (given.patch, given.patch)
        more = {"prior": one.prior, "beat": one.beat, "days": 3.0, "quality": 0.9, "device": given.device}
        predict_logits(networks[name], one.image, patch=patch, **more)

    for what, work in (("eight training steps", step), ("prediction", predict)):
        seconds = measure(work, tuple(arms), given.rounds, clock, given.device)
        print(f"{what}: no ECG {statistics.median(seconds['no ECG']):.3f} s")
        for name in fused:
            ratios = [mine / other for mine, other in zip(seconds[name], seconds["no ECG"], strict=True)]
            print(f"  {name}: x {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")
    parts = {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()}
    print("parameters:", ", ".join(f"{name} {count:,}" for name, count in parts.items()))


def measure(work, names: tuple[str, ...], rounds: int, clock, device: str) -> dict[str, list[float]]:
    """Return the seconds of each name in each round, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        for name in names:
            start = clock()
            work(name)
            if device != "cpu":
                torch.cuda.synchronize()
            if number:
                seconds[name].append(clock() - start)
    return seconds


if __name__ == "__main__":
    main()
