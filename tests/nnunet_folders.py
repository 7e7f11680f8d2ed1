"""A result folder of nnU-Net v2 as its trainer leaves one, small and made without it: what import-nnunet reads.

Keys, nesting and doubled weights are those of a folder that nnunetv2 2.8.1 wrote (planner, 12 iterations of its
trainer, save_checkpoint); only the network is smaller.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULT = "nnUNetTrainer__nnUNetPlans__2d"
FEATURES, STRIDES, PATCH = (2, 4, 8), ((1, 1), (2, 2), (2, 2)), (32, 32)
LABELS = {"background": 0, "lv_pool": 1, "scar": 2, "healthy_myocardium": 3}  # not in our order


def write_result(folder: Path, *, seed: int = 1) -> None:
    """Write plans.json, dataset.json and fold_0/checkpoint_{final,best}.pth into a new folder."""
    import numpy as np
    import torch

    from scartools.network.unet import UNet, UNetConfig

    torch.manual_seed(seed)
    network = UNet(UNetConfig(1, len(LABELS), FEATURES, STRIDES))
    plans = plans_of()
    checkpoint = {
        "network_weights": doubled(network.state_dict()),
        "optimizer_state": {"state": {}, "param_groups": [{"lr": 0.01, "momentum": 0.99}]},
        "grad_scaler_state": None,
        "logging": {"mean_fg_dice": [np.float64(0.5)], "train_losses": [np.float32(-0.25)]},
        "_best_ema": np.float64(0.5),
        "current_epoch": 1000,
        "init_args": {
            "plans": plans,
            "configuration": "2d",
            "fold": 0,
            "dataset_json": description_of(),
            "device": torch.device("cpu"),
        },
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": (0, 1),
    }
    (folder / "fold_0").mkdir(parents=True)
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(description_of()))
    for which in ("final", "best"):
        torch.save(checkpoint, folder / "fold_0" / f"checkpoint_{which}.pth")


def doubled(weights: dict[str, Any]) -> dict[str, Any]:
    """Return weights with the copies that nnU-Net's modules list: of convolutions and of the encoder."""
    places = {".conv.": ".all_modules.0.", ".norm.": ".all_modules.1."}
    every = dict(weights)
    for name, tensor in weights.items():
        every |= {name.replace(part, place): tensor for part, place in places.items() if part in name}
    return every | {f"decoder.{name}": tensor for name, tensor in every.items() if name.startswith("encoder.")}


def description_of() -> dict[str, Any]:
    """Return a dataset.json."""
    return {"channel_names": {"0": "LGE"}, "labels": LABELS, "numTraining": 8, "file_ending": ".nii.gz"}


def plans_of() -> dict[str, Any]:
    """Return a plans.json."""
    resampling = "resample_data_or_seg_to_shape"
    two = {
        "data_identifier": "nnUNetPlans_2d",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 4,
        "patch_size": list(PATCH),
        "median_image_size_in_voxels": [30.0, 30.0],
        "spacing": [2.5, 2.5],
        "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": resampling,
        "resampling_fn_seg": resampling,
        "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None},
        "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, "order_z": 0, "force_separate_z": None},
        "resampling_fn_probabilities": resampling,
        "resampling_fn_probabilities_kwargs": {
            "is_seg": False,
            "order": 1,
            "order_z": 0,
            "force_separate_z": None,
        },
        "architecture": {
            "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
            "arch_kwargs": {
                "n_stages": len(FEATURES),
                "features_per_stage": list(FEATURES),
                "conv_op": "torch.nn.modules.conv.Conv2d",
                "kernel_sizes": [[3, 3]] * len(FEATURES),
                "strides": [list(stride) for stride in STRIDES],
                "n_conv_per_stage": [2] * len(FEATURES),
                "n_conv_per_stage_decoder": [2] * (len(FEATURES) - 1),
                "conv_bias": True,
                "norm_op": "torch.nn.modules.instancenorm.InstanceNorm2d",
                "norm_op_kwargs": {"eps": 1e-05, "affine": True},
                "dropout_op": None,
                "dropout_op_kwargs": None,
                "nonlin": "torch.nn.LeakyReLU",
                "nonlin_kwargs": {"inplace": True},
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
        "batch_dice": True,
    }
    return {
        "dataset_name": "Dataset777_Heart",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [8.0, 2.5, 2.5],
        "original_median_shape_after_transp": [10, 30, 30],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {
            "2d": two,
            "3d_fullres": {**two, "patch_size": [8, 32, 32], "spacing": [8.0, 2.5, 2.5]},
        },
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            "0": {"mean": 139.4, "std": 54.4, "min": 0.0, "max": 336.6}
        },
    }
