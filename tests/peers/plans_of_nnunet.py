"""Write tests/unit/learning/nnunet_plans.json: what nnU-Net's planners answer to made-up fingerprints.

Runs where nnunetv2 2.8.1 is installed, which the project's own environment is not:
    python tests/peers/plans_of_nnunet.py tests/unit/learning/nnunet_plans.json
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

NAME = "Dataset001_A"
PLANNERS = ("plain", "residual-m", "residual-l")
MEMORY = {"residual-m": 8, "residual-l": 24}  # GB, each planner's own
# cases, edge in pixels, pixel in mm, slice spacing from-to in mm, slices from-to, labels, size left by the crop, GB,
# scatter of edges and pixels, width over height in pixels, column over row spacing
DATA_SETS: list[tuple[Any, ...]] = [
    (5, 256, 1.5, (8, 8), (10, 10), 4, 1.0, 8),
    (12, 256, 1.4, (5, 12), (6, 14), 5, 1.0, 8, 0.2),
    (30, 192, 1.8, (8, 10), (8, 12), 4, 0.6, 8, 0.1, 0.8),
    (20, 320, 1.2, (6, 10), (7, 13), 2, 1.0, 8, 0.15, 0.75),
    (60, 512, 0.7, (8, 10), (8, 12), 6, 0.9, 8, 0.1),
    (40, 900, 0.4, (8, 10), (8, 12), 4, 1.0, 8, 0.1),
    (40, 1600, 0.2, (8, 10), (8, 12), 4, 1.0, 4, 0.1, 0.7),
    (200, 256, 1.4, (5, 10), (8, 12), 5, 1.0, 8, 0.1),
    (200, 256, 1.4, (5, 10), (8, 12), 5, 1.0, 24, 0.1),
    (7, 100, 1.5, (3, 4), (20, 40), 3, 0.74, 8, 0.1),
    (9, 64, 2.0, (2, 2.5), (30, 60), 3, 0.76, 8, 0.2),
    (4, 96, 1.5, (8, 8), (10, 11), 4, 1.0, 8, 0.05),
    (100, 160, 1.5, (1.5, 3), (50, 90), 4, 1.0, 8, 0.1),
    (16, 208, 1.37, (10, 10), (6, 9), 6, 1.0, 11, 0.25, 0.66),
    (33, 288, 1.3, (7, 13), (5, 17), 5, 1.0, 8, 0.3, 1.3),
    (8, 256, 1.0, (8, 10), (8, 12), 4, 1.0, 8, 0.0, 0.5, 1.9),
    (25, 40, 3.0, (8, 10), (8, 12), 4, 1.0, 8, 0.1),
    (150, 700, 0.5, (8, 8), (10, 20), 5, 1.0, 2, 0.1),
    (11, 224, 1.56, (4.1, 4.9), (20, 30), 4, 1.0, 8, 0.12),
    (13, 176, 2.1, (6.2, 6.9), (9, 30), 4, 1.0, 8, 0.12),
]


def made_up(
    rng: np.random.Generator,
    count: int,
    edge: int,
    pixel: float,
    thickness: tuple[float, float],
    slices: tuple[int, int],
    labels: int,
    relative: float,
    memory: float,
    scatter: float = 0.0,
    oblong: float = 1.0,
    stretched: float = 1.0,
) -> dict[str, Any]:
    """Return shapes (z, y, x) and spacings (z, y, x) in mm of a data set that never was."""
    shapes, spacings = [], []
    for _ in range(count):
        size = 1 + scatter * rng.uniform(-1, 1)
        shapes.append(
            [int(rng.integers(slices[0], slices[1] + 1)), int(edge * size), int(edge * size * oblong)]
        )
        side = round(pixel * (1 + scatter * rng.uniform(-1, 1)), 4)
        spacings.append([round(float(rng.uniform(*thickness)), 2), side, round(side * stretched, 4)])
    return {"labels": labels, "relative": relative, "memory": memory, "shapes": shapes, "spacings": spacings}


def answer(base: Path, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return the 2D plan of one of nnU-Net's planners; its 3D plans are not asked for."""
    from nnunetv2.experiment_planning.experiment_planners import default_experiment_planner as plain
    from nnunetv2.experiment_planning.experiment_planners.residual_unets import (
        residual_encoder_unet_planners as residual,
    )

    planner = {
        "plain": plain.ExperimentPlanner,
        "residual-m": residual.nnUNetPlannerResEncM,
        "residual-l": residual.nnUNetPlannerResEncL,
    }[kind]

    class TwoD(planner):  # type: ignore[misc, valid-type]
        def determine_reader_writer(self) -> type:
            return type("SimpleITKIO", (), {})

        def get_plans_for_configuration(self, spacing: Any, *rest: Any) -> Any:
            if len(spacing) == 3:
                return {"patch_size": (10_000,) * 3, "spacing": spacing}
            return super().get_plans_for_configuration(spacing, *rest)

    names = {("background" if number == 0 else f"label{number}"): number for number in range(data["labels"])}
    described = {
        "channel_names": {"0": "LGE"},
        "labels": names,
        "numTraining": len(data["shapes"]),
        "file_ending": ".nii.gz",
    }
    found = {
        "spacings": data["spacings"],
        "shapes_after_crop": data["shapes"],
        "median_relative_size_after_cropping": data["relative"],
        "foreground_intensity_properties_per_channel": {"0": {}},
    }
    (base / "raw" / NAME / "dataset.json").write_text(json.dumps(described))
    (base / "preprocessed" / NAME / "dataset_fingerprint.json").write_text(json.dumps(found))
    images = patch.object(
        plain, "get_filenames_of_train_images_and_targets", return_value={"a": {"images": []}}
    )
    with images, contextlib.redirect_stdout(io.StringIO()):
        plan = TwoD(1, gpu_memory_target_in_gb=data["memory"]).plan_experiment()["configurations"]["2d"]
    network = plan["architecture"]["arch_kwargs"]
    return {
        "spacing": [float(value) for value in plan["spacing"]],
        "patch": [int(value) for value in plan["patch_size"]],
        "batch": int(plan["batch_size"]),
        "strides": [[int(value) for value in stride] for stride in network["strides"]],
        "features": [int(value) for value in network["features_per_stage"]],
        "mask": bool(plan["use_mask_for_norm"][0]),
        "kernels": sorted({int(edge) for kernel in network["kernel_sizes"] for edge in kernel}),
        "blocks": [int(value) for value in network.get("n_blocks_per_stage", ())],
    }


def main() -> None:
    """Ask every planner; the residual ones for each fourth data set."""
    base = Path(tempfile.mkdtemp())
    for part in ("raw", "preprocessed", "results"):
        (base / part / NAME).mkdir(parents=True)
        os.environ[f"nnUNet_{part}"] = str(base / part)
    os.environ["nnUNet_n_proc_DA"] = "1"  # noqa: SIM112  # nnU-Net spells it so
    rng = np.random.default_rng(2026)
    data_sets = [made_up(rng, *words) for words in DATA_SETS]
    answers = []
    for number, data in enumerate(data_sets):
        for kind in PLANNERS if number % 4 == 0 else ("plain",):
            data = {**data, "memory": MEMORY.get(kind, data["memory"])}
            answers.append({"encoder": kind, **data, "plan": answer(base, kind, data)})
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in answers)
    Path(sys.argv[1]).write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
