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
