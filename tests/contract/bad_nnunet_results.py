"""Result folders of nnU-Net that are broken, hostile, or of a network that cannot be imported."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

Maker = Callable[[Path, Path], None]
CHECKPOINT = "fold_0/checkpoint_final.pth"


class Hostile:
    """What runs a command when a careless reader unpickles it: the test finds the file that it would leave."""

    def __reduce__(self):
        return (open, ("hostile-was-run", "w"))


def _copied(change: Callable[[Path], object]) -> Maker:
    def make(path: Path, good: Path) -> None:
        shutil.copytree(good, path)
        change(path)

    return make


def _plans(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> Maker:
    """Change plans.json in place: all of it, and its 2d configuration."""

    def in_place(folder: Path) -> None:
        plans = json.loads((folder / "plans.json").read_text())
        change(plans, plans["configurations"]["2d"])
        (folder / "plans.json").write_text(json.dumps(plans))

    return _copied(in_place)


def _network(**arguments: object) -> Maker:
    return _plans(lambda plans, two: two["architecture"]["arch_kwargs"].update(arguments))


def _described(**facts: object) -> Maker:
    def in_place(folder: Path) -> None:
        place = folder / "dataset.json"
        place.write_text(json.dumps({**json.loads(place.read_text()), **facts}))

    return _copied(in_place)


def _checkpoint(change: Callable[[dict[str, Any]], object]) -> Maker:
    def in_place(folder: Path) -> None:
        read = torch.load(folder / CHECKPOINT, weights_only=False)  # our own, made a moment ago
        change(read)
        torch.save(read, folder / CHECKPOINT)

    return _copied(in_place)


def _bytes(content: bytes) -> Maker:
    return _copied(lambda folder: (folder / CHECKPOINT).write_bytes(content))


def _halved(name: str) -> Maker:
    return _copied(lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:500]))


def _compressed(folder: Path) -> None:
    with zipfile.ZipFile(folder / CHECKPOINT, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("checkpoint_final/data.pkl", bytes(1 << 22))


def _weights(change: Callable[[dict[str, Any]], object]) -> Maker:
    return _checkpoint(lambda read: change(read["network_weights"]))


def _nan(weights: dict[str, Any]) -> None:
    weights["decoder.seg_layers.1.weight"][0] = float("nan")


def _other_copy(weights: dict[str, Any]) -> None:
    name = "encoder.stages.0.0.convs.0.conv.weight"
    weights[f"decoder.{name}"] = weights[name] + 1


HEAD = "decoder.seg_layers.1.bias"

RESULTS: dict[str, Maker] = {
    "no plans": _copied(lambda folder: (folder / "plans.json").unlink()),
    "plans cut": _halved("plans.json"),
    "plans are a list": _copied(lambda folder: (folder / "plans.json").write_text("[]")),
    "no description": _copied(lambda folder: (folder / "dataset.json").unlink()),
    "no checkpoint": _copied(lambda folder: (folder / CHECKPOINT).unlink()),
    "checkpoint is a folder": _copied(
        lambda folder: ((folder / CHECKPOINT).unlink(), (folder / CHECKPOINT).mkdir())
    ),
    "checkpoint empty": _bytes(b""),
    "checkpoint cut": _halved(CHECKPOINT),
    "checkpoint of noise": _bytes(bytes(range(256)) * 20),
    "checkpoint is a bare pickle": _bytes(pickle.dumps({"network_weights": {}})),
    "checkpoint runs code": _checkpoint(lambda read: read.update(logging=Hostile())),
    "checkpoint is a bare pickle that runs code": _bytes(pickle.dumps(Hostile())),
    "checkpoint compressed": _copied(_compressed),
    "no weights": _checkpoint(lambda read: read.pop("network_weights")),
    "weights are words": _weights(lambda weights: weights.update({HEAD: "many"})),
    "weights of whole numbers": _weights(
        lambda weights: weights.update({HEAD: torch.zeros(4, dtype=torch.int64)})
    ),
    "weights hold NaN": _weights(_nan),
    "weights missing": _weights(lambda weights: weights.pop(HEAD)),
    "weights too many": _weights(lambda weights: weights.update({"film.weight": torch.zeros(3)})),
    "weights of another shape": _weights(lambda weights: weights.update({HEAD: torch.zeros(9)})),
    "two values of one weight": _weights(_other_copy),
    "no trainer": _checkpoint(lambda read: read.pop("trainer_name")),
    "epochs in words": _checkpoint(lambda read: read.update(current_epoch="many")),
    "mirrored along a third axis": _checkpoint(
        lambda read: read.update(inference_allowed_mirroring_axes=(0, 1, 2))
    ),
    "of a 3D configuration": _checkpoint(lambda read: read["init_args"].update(configuration="3d_fullres")),
    "of a configuration that is not there": _checkpoint(
        lambda read: read["init_args"].update(configuration="4d")
    ),
    "a cascade": _plans(lambda plans, two: two.update(previous_stage="3d_lowres")),
    "configurations in a circle": _plans(lambda plans, two: two.update(inherits_from="2d")),
    "another reader": _plans(lambda plans, two: plans.update(image_reader_writer="NibabelIOWithReorient")),
    "no axes": _plans(lambda plans, two: plans.update(transpose_forward=[0, 0, 1])),
    "CT normalisation": _plans(lambda plans, two: two.update(normalization_schemes=["CTNormalization"])),
    "other resampling": _plans(lambda plans, two: two.update(resampling_fn_data="resample_torch_fornnunet")),
    "no spacing": _plans(lambda plans, two: two.update(spacing=[0.0, 2.5])),
    "patch that the strides do not divide": _plans(lambda plans, two: two.update(patch_size=[33, 32])),
    "another network": _plans(
        lambda plans, two: two["architecture"].update(network_class_name="somebody.Transformer")
    ),
    "no network": _plans(lambda plans, two: two.pop("architecture")),
    "kernels of 1 x 3": _network(kernel_sizes=[[1, 3]] * 3),
    "batch normalisation": _network(norm_op="torch.nn.modules.batchnorm.BatchNorm2d"),
    "dropout": _network(dropout_op="torch.nn.Dropout2d"),
    "no bias": _network(conv_bias=False),
    "uneven stages": _network(n_conv_per_stage=[2, 3, 2]),
    "a stage too few": _network(features_per_stage=[2, 4]),
    "two channels": _described(channel_names={"0": "LGE", "1": "T2"}),
    "no channel": _described(channel_names=None),
    "regions": _described(labels={"background": 0, "wall": [1, 2], "scar": 2}),
    "unknown label": _described(labels={"background": 0, "tumour": 1}),
    "a number left out": _described(labels={"background": 0, "lv_pool": 1, "scar": 3}),
    "background is not 0": _described(
        labels={"lv_pool": 0, "background": 1, "scar": 2, "healthy_myocardium": 3}
    ),
    "fewer labels than outputs": _described(labels={"background": 0, "scar": 1}),
}
