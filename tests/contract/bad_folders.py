"""Folders that are not what their contract says: copies of a good one in which one file is changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

Maker = Callable[[Path, Path], None]  # the path to make, and a good folder of the same kind


def _in_copy(name: str, change: Callable[[Path], object]) -> Maker:
    """Return a maker of a copy of a good folder in which one file is changed."""

    def make(path: Path, good: Path) -> None:
        shutil.copytree(good, path)
        change(next(path.glob(name)))

    return make


def _said(**changes: object) -> Callable[[Path], object]:
    """Return a change of the keys of a JSON file; None takes a key away."""

    def change(path: Path) -> None:
        facts = {**json.loads(path.read_text()), **changes}
        path.write_text(json.dumps({key: value for key, value in facts.items() if value is not None}))

    return change


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _saved(array: np.ndarray) -> Callable[[Path], object]:
    return lambda path: np.save(path, array)


NNUNET: dict[str, Maker] = {
    "description gone": _in_copy("dataset.json", Path.unlink),
    "description cut": _in_copy("dataset.json", _cut),
    "two channels": _in_copy("dataset.json", _said(channel_names={"0": "LGE", "1": "T2"})),
    "no channel": _in_copy("dataset.json", _said(channel_names=None)),
    "another ending": _in_copy("dataset.json", _said(file_ending=".nrrd")),
    "unknown label name": _in_copy("dataset.json", _said(labels={"background": 0, "tumour": 1})),
    "label without a name": _in_copy("dataset.json", _said(labels={"background": 0, "lv_pool": 1})),
    "one number for two labels": _in_copy("dataset.json", _said(labels={"background": 0, "scar": 0})),
    "image cut": _in_copy("imagesTr/*", _cut),
    "label cut": _in_copy("labelsTr/*", _cut),
    "label gone": _in_copy("labelsTr/*", Path.unlink),
    "images gone": _in_copy("imagesTr", shutil.rmtree),
    "image without its channel": _in_copy("imagesTr/*", lambda file: file.rename(file.parent / "sim.nii.gz")),
}

DATASET: dict[str, Maker] = {
    "description gone": _in_copy("dataset.json", Path.unlink),
    "description cut": _in_copy("dataset.json", _cut),
    "another version": _in_copy("dataset.json", _said(FormatVersion=99)),
    "no plan": _in_copy("dataset.json", _said(Plan=None)),
    "no labels": _in_copy("dataset.json", _said(Labels=None)),
    "no cases": _in_copy("dataset.json", _said(Cases=None)),
    "a case outside the folder": _in_copy("dataset.json", _said(Cases=["../../etc"])),
    "a case twice": _in_copy("dataset.json", _said(Cases=["sim-0001", "sim-0001"])),
    "a case that is not there": _in_copy("dataset.json", _said(Cases=["sim-0099"])),
    "image gone": _in_copy("cases/*/image.npy", Path.unlink),
    "image cut": _in_copy("cases/*/image.npy", _cut),
    "image of objects": _in_copy("cases/*/image.npy", _saved(np.array([{}], dtype=object))),
    "image of another kind": _in_copy("cases/*/image.npy", _saved(np.zeros((1, 2, 3, 4)))),
    "label of another shape": _in_copy("cases/*/label.npy", _saved(np.zeros((2, 3, 4), np.uint8))),
    "case.json cut": _in_copy("cases/*/case.json", _cut),
}


def _copy_with(change: Callable[[Path], object]) -> Maker:
    """Copy a good folder and change the copy."""

    def make(path: Path, good: Path) -> None:
        shutil.copytree(good, path)
        change(path)

    return make


def _described(**facts: object) -> Maker:
    """Change keys of model.json; the weights stay."""

    def change(folder: Path) -> None:
        place = folder / "model.json"
        place.write_text(json.dumps({**json.loads(place.read_text()), **facts}))

    return _copy_with(change)


def _weights(change: Callable[[bytes], bytes]) -> Maker:
    def in_place(folder: Path) -> None:
        place = folder / "weights.safetensors"
        place.write_bytes(change(place.read_bytes()))

    return _copy_with(in_place)


MODEL: dict[str, Maker] = {
    "no description": _copy_with(lambda folder: (folder / "model.json").unlink()),
    "no weights": _copy_with(lambda folder: (folder / "weights.safetensors").unlink()),
    "half of the weights": _weights(lambda data: data[: len(data) // 2]),
    "no byte of the weights": _weights(lambda data: b""),
    "one bit of the weights": _weights(lambda data: data[:-1] + bytes([data[-1] ^ 1])),
    "weights are a pickle": _weights(lambda data: b"\x80\x04." + bytes(500)),
    "description cut short": _copy_with(
        lambda folder: (folder / "model.json").write_text((folder / "model.json").read_text()[:200])
    ),
    "description is a list": _copy_with(lambda folder: (folder / "model.json").write_text("[]")),
    "of a later version": _described(FormatVersion=99),
    "of another kind": _described(Kind="something else"),
    "without a kind": _described(Kind=None),
    "hash of other weights": _described(WeightsSHA256="0" * 64),
}
