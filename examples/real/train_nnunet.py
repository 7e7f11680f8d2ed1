"""Train nnU-Net v2 on one fold with a budget that a processor can afford: the peer of comparison.mk.

    PEER_PYTHON train_nnunet.py DATASET_ID FOLD SEED --features 16 --patch 128 --batch 8 --iterations 500

Runs in nnU-Net's own environment (tests/bench/bench_segmenter.py says how to make one), with its three variables
set and the data set preprocessed. The trainer is nnU-Net's as it comes (its augmentation, mirroring, loss, SGD with
rate 0.01 and momentum 0.99 and polynomial decay) but for the number of its iterations, dealt to 20 epochs, and the
seeds, which it does not set. --rate 0.1 --momentum 0.9 give it the short memory that our short presets have: with
0.99 a few hundred iterations are over before it has begun to learn. The network has the features, patch and batch
that are asked for, and nnU-Net's own rule for the depth. Goes on from its last epoch if it was interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from pathlib import Path

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

EPOCHS = 20


class ShortTrainer(nnUNetTrainer):
    """nnU-Net's trainer with fewer iterations."""

    short_iterations, rate, momentum = 500, 1e-2, 0.99

    def __init__(
        self, plans: dict, configuration: str, fold: int, dataset_json: dict, device: torch.device
    ) -> None:
        super().__init__(
            plans, configuration, fold, dataset_json, device
        )  # it looks its arguments up by these names
        self.num_epochs, self.save_every = EPOCHS, 1
        self.num_iterations_per_epoch = self.short_iterations // EPOCHS
        self.num_val_iterations_per_epoch = 1
        self.initial_lr = self.rate

    def configure_optimizers(self) -> tuple:
        """Return nnU-Net's optimiser and schedule, with the momentum that was asked for."""
        optimizer, schedule = super().configure_optimizers()
        for group in optimizer.param_groups:
            group["momentum"] = self.momentum
        return optimizer, schedule


def planned(plans: dict, features: int, patch: int, batch: int) -> dict:
    """Return the plans with a smaller 2D network: features doubled up to 16 times as many, edges of 4 and more."""
    configuration = plans["configurations"]["2d"]
    configuration |= {"patch_size": [patch, patch], "batch_size": batch}
    stages = int(np.floor(np.log2(patch / 4))) + 1
    configuration["architecture"]["arch_kwargs"] |= {
        "n_stages": stages,
        "features_per_stage": [min(features * 2**stage, 16 * features) for stage in range(stages)],
        "kernel_sizes": [[3, 3]] * stages,
        "strides": [[1, 1], *[[2, 2]] * (stages - 1)],
        "n_conv_per_stage": [2] * stages,
        "n_conv_per_stage_decoder": [2] * (stages - 1),
    }
    return {**plans, "continue_training": False}


def main() -> None:
    """Train, and leave fold_K/checkpoint_final.pth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("fold", type=int)
    parser.add_argument("seed", type=int)
    for name in ("features", "patch", "batch", "iterations"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--rate", type=float, default=1e-2)
    parser.add_argument("--momentum", type=float, default=0.99)
    given = parser.parse_args()
    prepared = Path(os.environ["nnUNet_preprocessed"]) / given.dataset  # noqa: SIM112, its own name
    plans = planned(
        json.loads((prepared / "nnUNetPlans.json").read_text()), given.features, given.patch, given.batch
    )
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(given.seed)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    ShortTrainer.short_iterations = given.iterations
    ShortTrainer.rate, ShortTrainer.momentum = given.rate, given.momentum
    said = json.loads((prepared / "dataset.json").read_text())
    trainer = ShortTrainer(plans, "2d", given.fold, said, device=torch.device("cpu"))
    trainer.initialize()
    latest = Path(trainer.output_folder) / "checkpoint_latest.pth"
    if latest.is_file():
        trainer.load_checkpoint(str(latest))
    trainer.run_training()


if __name__ == "__main__":
    main()
