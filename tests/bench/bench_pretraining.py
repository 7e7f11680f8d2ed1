"""How many beats a second pretrain-ecg learns from: beats on disk beside beats in memory, in turns in one run.

    python tests/bench/bench_pretraining.py [--beats N] [--rounds N] [--threads N] [--batch N] [--device cpu]

An epoch is what pretrain-ecg does but for its checkpoint: masks, forward, loss, backward and step for nine tenths of the
beats, and the errors of the rest, which do not count as learned from. Rates are by the clock and, on a CPU, by the
processor's time over the threads, which a busy machine distorts less. Both arms end with the same weights, or it fails.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from scartools.files.beat_store import stored
from scartools.learning.pretraining import PretrainingConfig, pretrain, split_groups
from scartools.network.ecg_autoencoder import ECGAutoencoderConfig


def main() -> None:
    """Print rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beats", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    rng = np.random.default_rng(1)
    in_memory = rng.standard_normal((given.beats, 12, 600)).astype(np.float32)
    groups = list(range(given.beats))
    config = PretrainingConfig(epochs=1, batch=given.batch)
    learned = int((~split_groups(groups, config.validation, config.seed)).sum())
    rates: dict[str, list[tuple[float, float]]] = {"memory": [], "disk": []}
    weights = {}
    with tempfile.TemporaryDirectory() as folder:
        arms = {"memory": in_memory, "disk": stored(iter(in_memory), Path(folder))}
        for turn in range(given.rounds + 1):  # the first warms up
            for name, beats in arms.items():
                clock, processor = time.perf_counter(), time.process_time()
                (epoch,) = pretrain(beats, groups, ECGAutoencoderConfig(), config, device=given.device)
                spent = time.perf_counter() - clock, (time.process_time() - processor) / given.threads
                weights[name] = epoch.state["network"]
                if turn:
                    rates[name].append((learned / spent[0], learned / spent[1]))
    assert all(torch.equal(weights["memory"][name], value) for name, value in weights["disk"].items())
    for name, found in rates.items():
        by_clock, by_processor = (statistics.median(one[at] for one in found) for at in (0, 1))
        print(
            f"{name:6} {by_clock:8.0f} beats/s by the clock, {by_processor:8.0f} by the processor, {given.threads} threads"
        )
    ratios = [disk[1] / memory[1] for disk, memory in zip(rates["disk"], rates["memory"], strict=True)]
    print(f"disk over memory {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
