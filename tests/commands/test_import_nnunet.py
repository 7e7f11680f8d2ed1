"""A trained nnU-Net as a user imports it: asked for, exact, and with its origin told."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

from scartools.files import model
from scartools.learning.grids import to_network
from scartools.learning.prediction import rebuild
from tests.conftest import Result, run_inside
from tests.contract.bad_nnunet_results import Hostile
from tests.nnunet_folders import LABELS, PATCH, RESULT, plans_of, write_result


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nnunet") / RESULT
    write_result(folder)
    return folder


@pytest.fixture(scope="module")
def imported(result: Path) -> Path:
    output = result.parent / "model"
    done = imports(result, output)
    assert done.status == 0, done.stderr
    return output


def imports(folder: Path, output: Path, *options: str) -> Result:
    return run_inside("import-nnunet", folder, "--trust-pickle", "-o", output, *options)


def copy_with(result: Path, folder: Path, change) -> Path:
    """Write the result again with other plans."""
    write_result(folder)
    plans = plans_of()
    change(plans)
    (folder / "plans.json").write_text(json.dumps(plans))
    return folder


def test_a_pickle_is_not_read_unasked(result: Path, tmp_path: Path):
    done = run_inside("import-nnunet", result, "-o", tmp_path / "model")
    assert done.status == 2 and "--trust-pickle" in done.error
    assert not (tmp_path / "model").exists()


def test_trust_does_not_mean_that_code_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / RESULT
    write_result(folder)
    place = folder / "fold_0/checkpoint_final.pth"
    read = torch.load(place, weights_only=False)
    torch.save({**read, "logging": Hostile()}, place)
    monkeypatch.chdir(tmp_path)
    done = imports(folder, tmp_path / "model")
    assert done.status == 3 and "more than tensors" in done.error and "open" in done.error
    assert not (tmp_path / "hostile-was-run").exists() and not (tmp_path / "model").exists()


def test_the_weights_are_those_of_the_checkpoint_once_each(result: Path, imported: Path):
    saved = torch.load(result / "fold_0/checkpoint_final.pth", weights_only=False)["network_weights"]
    weights = model.read_weights(imported)
    assert len(weights) == 3 * 8 + 2 * 12 and len(saved) > 2 * len(weights)
    for name, tensor in weights.items():
        assert torch.equal(tensor, saved[name.removeprefix("scar.")])


def test_labels_come_in_the_order_of_the_networks_outputs(imported: Path):
    facts = model.read_description(imported)
    assert list(LABELS) == ["background", "lv_pool", "scar", "healthy_myocardium"]
    assert facts["Labels"] == [0, 1, 3, 2]


def test_where_it_came_from_is_written_down(result: Path, imported: Path):
    facts = model.read_description(imported)
    said = facts["Imported"]
    assert said["Trainer"] == "nnUNetTrainer" and said["Fold"] == "0" and said["Epochs"] == 1000
    assert said["DataSet"] == "Dataset777_Heart" and said["NnunetVersion"] is None
    note = json.loads((imported / "prov.json").read_text())
    assert said["CheckpointSHA256"] in {source["SHA256"] for source in note["Sources"]}
    assert facts["Cohort"] == {"Known": False, "TrainedOn": [], "ValidatedOn": []}
    card = (imported / "card.md").read_text()
    assert said["CheckpointSHA256"] in card and "not known" in card and "scar" in card
    assert run_inside("check", imported).status == 0


def test_a_volume_comes_to_it_on_its_stored_axes(imported: Path):
    """nnU-Net takes the array (z, y, x) as it lies in the file, whichever way the patient lies in it."""
    network = rebuild(model.read_description(imported), model.read_weights(imported))
    assert network.plan.axes == (2, 1, 0) and network.settings.size.patch == PATCH
    rng = np.random.default_rng(1)
    image = rng.uniform(1, 2, (20, 24, 3)).astype(np.float32)
    affine = np.diag([-2.5, 2.5, -8.0, 1.0])
    found = to_network(image, affine, network.plan)
    expected = (image - image.mean()) / image.std()
    np.testing.assert_allclose(found.image[0], expected.transpose(2, 1, 0), atol=1e-5)


def test_transposed_plans_move_the_axes(result: Path, tmp_path: Path):
    folder = copy_with(result, tmp_path / RESULT, lambda plans: plans.update(transpose_forward=[1, 0, 2]))
    assert imports(folder, tmp_path / "model").status == 0
    plan = model.read_description(tmp_path / "model")["Plan"]
    assert plan["Axes"] == [1, 2, 0]  # nnU-Net's (z, y, x) taken as (y, z, x), in our stored (x, y, z)


def test_predict_takes_it_and_says_what_is_unknown(imported: Path, tmp_path: Path):
    image = tmp_path / "lge.nii.gz"
    rng = np.random.default_rng(2)
    array = rng.uniform(0, 100, (41, 37, 3)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(array, np.diag([2.0, 2.0, 8.0, 1.0])), image)
    done = run_inside("predict", imported, image, "--no-bullseye", "-o", tmp_path / "out")
    assert done.status == 0, done.stderr
    found = np.asarray(nibabel.load(tmp_path / "out/lge/segmentation.nii.gz").dataobj)
    assert found.shape == array.shape and set(np.unique(found)) <= {0, 1, 2, 3}
    (tmp_path / "pairs.tsv").write_text(
        "case_id\tparticipant_id\timage\tlabel\tprior\tbeat\tecg_date\tmri_date\tinterval_days\tsplit\n"
        "a\ta\tlge.nii.gz\tn/a\tn/a\tn/a\tn/a\tn/a\tn/a\ttest\n"
    )
    done = run_inside("predict", imported, tmp_path / "pairs.tsv", "--no-bullseye", "-o", tmp_path / "table")
    assert done.status == 0, done.stderr
    assert "which patients this imported model learned from is not known" in done.stderr


def test_labels_by_number_need_no_names_of_ours(result: Path, tmp_path: Path):
    folder = tmp_path / RESULT
    write_result(folder)
    said = {"background": 0, "cavity": 1, "normal": 2, "infarct": 3}
    description = {**json.loads((folder / "dataset.json").read_text()), "labels": said}
    (folder / "dataset.json").write_text(json.dumps(description))
    refused = imports(folder, tmp_path / "model")
    assert refused.status == 3 and "cavity" in refused.error and "--scheme" in refused.error
    assert imports(folder, tmp_path / "model", "--scheme", "emidec").status == 0
    assert model.read_description(tmp_path / "model")["Labels"] == [0, 1, 2, 3]


def test_an_ignore_label_is_no_output(result: Path, tmp_path: Path):
    folder = tmp_path / RESULT
    write_result(folder)
    description = json.loads((folder / "dataset.json").read_text())
    description["labels"]["ignore"] = 4
    (folder / "dataset.json").write_text(json.dumps(description))
    assert imports(folder, tmp_path / "model").status == 0
    assert model.read_description(tmp_path / "model")["Labels"] == [0, 1, 3, 2]


def test_plans_of_the_first_releases_are_understood(result: Path, tmp_path: Path):
    def older(plans):
        two = plans["configurations"]["2d"]
        said = two.pop("architecture")["arch_kwargs"]
        two |= {
            "UNet_class_name": "PlainConvUNet",
            "UNet_base_num_features": 2,
            "unet_max_num_features": 512,
            "n_conv_per_stage_encoder": said["n_conv_per_stage"],
            "n_conv_per_stage_decoder": said["n_conv_per_stage_decoder"],
            "pool_op_kernel_sizes": said["strides"],
            "conv_kernel_sizes": said["kernel_sizes"],
        }

    assert imports(copy_with(result, tmp_path / RESULT, older), tmp_path / "model").status == 0
    assert model.read_description(tmp_path / "model")["Network"]["features"] == [2, 4, 8]


@pytest.mark.parametrize(
    ("options", "status", "word"),
    [(["--fold", "1"], 3, "fold_0"), (["--fold", "../x"], 2, "--fold"), (["--checkpoint", "best"], 0, "")],
    ids=str,
)
def test_folds_and_checkpoints(result: Path, tmp_path: Path, options: list[str], status: int, word: str):
    done = imports(result, tmp_path / "model", *options)
    assert done.status == status, done.stderr
    assert word in done.stderr


@pytest.mark.parametrize("name", ["3d_fullres", "3d_cascade_fullres"])
def test_a_3d_folder_is_refused_before_its_pickle_is_opened(tmp_path: Path, name: str):
    folder = tmp_path / f"nnUNetTrainer__nnUNetPlans__{name}"
    write_result(folder)
    plans = plans_of()
    plans["configurations"]["3d_cascade_fullres"] = {
        "inherits_from": "3d_fullres",
        "previous_stage": "3d_lowres",
    }
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "fold_0/checkpoint_final.pth").write_bytes(b"not to be looked at")
    done = imports(folder, tmp_path / "model")
    assert done.status == 3 and ("cascade" in done.error or "not 2D" in done.error)


def test_a_training_does_not_take_its_first_stage(imported: Path):
    assert rebuild(model.read_description(imported), model.read_weights(imported)).anatomy is None
