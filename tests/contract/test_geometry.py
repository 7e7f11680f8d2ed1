"""Volumes keep their grid: oblique, anisotropic, flipped and 0.8 mm stacks come out with the affine, codes and units they had."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from scartools.cli.contracts import Reads
from tests.conftest import run_inside
from tests.contract.declarations import COMMANDS, Declared, ids, input_positions, output_of, with_output
from tests.contract.prepared import prepare

VOLUME_OUT = {"prior", "segmentation", "image"}
THROUGH = [
    command
    for command in COMMANDS
    if any(mark.contract in VOLUME_OUT for mark in command.outputs.values())
    and any(isinstance(mark, Reads) and mark.contract in VOLUME_OUT for mark in command.marks.values())
]


def rotation(degrees: float) -> np.ndarray:
    """A rotation about an axis that is none of the grid's."""
    axis = np.array([1.0, 2.0, 3.0]) / np.sqrt(14)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    angle = np.deg2rad(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def oblique(affine, shape):
    affine[:3, :3] = rotation(33) @ affine[:3, :3]
    return affine


def fine(affine, shape):
    affine[:3, :2] *= 0.8 / np.linalg.norm(affine[:3, 0])
    return affine


def anisotropic(affine, shape):
    affine[:3, 1] *= 1.3
    return affine


GRIDS = {
    "as it is": lambda affine, shape: affine,
    "oblique": oblique,
    "0.8 mm": fine,
    "anisotropic": anisotropic,
}


@pytest.mark.parametrize("command", THROUGH, ids=ids)
@pytest.mark.parametrize("flip", [(), (0,), (1, 2)], ids=["unflipped", "x", "yz"])
@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("codes", [(1, 1), (2, 0), (0, 3)], ids=lambda codes: f"sform{codes[0]}qform{codes[1]}")
def test_the_grid_is_kept(command: Declared, flip, grid, codes, workspace: Path):
    prepare(command.setup, workspace)
    arguments = list(command.example)
    for position, kind in input_positions(command):
        if kind in VOLUME_OUT:
            arguments[position] = str(
                regrid(Path(arguments[position]), Path(f"{kind}.nii.gz"), flip, GRIDS[grid], codes)
            )
            source = nibabel.load(arguments[position])
    output = Path("out.nii.gz")
    done = run_inside(*with_output(arguments, output))
    assert done.status == 0, done.stderr
    made = nibabel.load(output)
    np.testing.assert_array_equal(made.affine, source.affine)
    assert made.shape == source.shape
    for field in (
        "sform_code",
        "qform_code",
        "xyzt_units",
        "pixdim",
        "qoffset_x",
        "quatern_b",
        "srow_x",
        "srow_y",
        "srow_z",
    ):
        np.testing.assert_array_equal(made.header[field], source.header[field], err_msg=field)
    kind = next(iter(command.outputs.values())).contract
    assert made.get_data_dtype() == (np.float32 if kind == "image" else np.uint8)
    assert made.header.get_slope_inter() in ((None, None), (1.0, 0.0))
    assert not bytes(made.header["descrip"]).strip(b"\0") and not made.header.extensions


def regrid(path: Path, to: Path, flip, grid, codes) -> Path:
    """Write a volume again, flipped with a matching affine, on another grid, with other codes."""
    image = nibabel.load(path)
    array, affine = np.asarray(image.dataobj), image.affine.copy()
    for axis in flip:
        affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
        affine[:3, axis] *= -1
        array = np.flip(array, axis)
    affine = grid(affine, array.shape)
    made = nibabel.Nifti1Image(array, affine)
    made.set_sform(affine, codes[0])
    made.set_qform(affine, codes[1], strip_shears=True)
    made.header.set_xyzt_units("mm", "sec")
    made.header["descrip"] = b"a name that must not travel"
    made.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"another"))
    nibabel.save(made, to)
    return to


def test_there_is_a_command_to_look_at():
    assert output_of(THROUGH[0].example)
