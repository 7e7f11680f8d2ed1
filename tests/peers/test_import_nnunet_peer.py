"""The whole way from an image to labels, against nnU-Net's own trainer and predictor where they are installed.

The checkpoint is saved by nnU-Net's trainer, its weights drawn by chance; nnU-Net's predictor
runs without flips. To have it: pip install --no-deps nnunetv2==2.8.1 dynamic-network-architectures==0.4.4, and what
they then miss. On 8 volumes (27 648 to 108 000 voxels) a network trained for 12 iterations differed in 0 to 3 voxels.
"""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch

from scartools.files import model
from scartools.learning.grids import to_network
from scartools.learning.inference import predict_logits
from scartools.learning.prediction import rebuild
from tests.conftest import run_inside
from tests.nnunet_folders import RESULT, description_of, plans_of

PARTS = ("raw", "preprocessed", "results")


def plans_with(kind: str) -> dict[str, Any]:
    plans = {**plans_of(), "continue_training": False}
    if kind == "residual":
        said = plans["configurations"]["2d"]["architecture"]
        said["network_class_name"] = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet"
        del said["arch_kwargs"]["n_conv_per_stage"]
        said["arch_kwargs"] |= {"n_blocks_per_stage": [1, 3, 4], "n_conv_per_stage_decoder": [1, 1]}
    return plans


@pytest.fixture(scope="module", params=["plain", "residual"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result folder that nnU-Net's own trainer wrote."""
    base = tmp_path_factory.mktemp(request.param)
    places = {part: os.environ.setdefault(f"nnUNet_{part}", str(base / part)) for part in PARTS}
    module = pytest.importorskip(
        "nnunetv2.training.nnUNetTrainer.nnUNetTrainer",
        reason="NNUNET ABSENT: pip install --no-deps nnunetv2==2.8.1",
        exc_type=ImportError,
    )
    prepared = Path(places["preprocessed"]) / "Dataset777_Heart" / "nnUNetPlans_2d"
    prepared.mkdir(parents=True, exist_ok=True)
    (prepared / "case.b2nd").touch()  # its trainer looks how the cases are stored, and no further
    plans = plans_with(request.param)
    trainer = module.nnUNetTrainer(plans, "2d", 0, description_of(), device=torch.device("cpu"))
    trainer.initialize()
    torch.manual_seed(2)
    for name, parameter in trainer.network.named_parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter)
        else:
            torch.nn.init.normal_(parameter, mean=1.0 if "norm.weight" in name else 0.0, std=0.1)
    folder = base / RESULT
    (folder / "fold_0").mkdir(parents=True)
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps(description_of()))
    trainer.save_checkpoint(str(folder / "fold_0/checkpoint_final.pth"))
    return folder


def image_of(path: Path, shape: tuple[int, int, int], spacing: tuple[float, float, float], seed: int) -> Path:
    """Write a noisy oblique volume with a border of zeros."""
    rng = np.random.default_rng(seed)
    turned, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turned * np.array(spacing), (10.0, -30.0, 5.0)
    array = rng.uniform(20, 200, shape).astype(np.float32)
    array[:, :3] = 0
    nibabel.save(nibabel.Nifti1Image(array, affine), path)
    return path


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((60, 70, 3), (2.5, 2.5, 8.0)), ((70, 50, 3), (1.7, 1.9, 9.0)), ((40, 44, 6), (2.9, 2.9, 3.5))],
    ids=["as planned", "resampled", "thin slices"],
)
def test_predictions_are_those_of_nnunets_own_predictor(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape, spacing
):
    from nnunetv2.inference import predict_from_raw_data as predictor
    from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape

    done = run_inside("import-nnunet", trained, "--trust-pickle", "-o", tmp_path / "model")
    assert done.status == 0, done.stderr
    image = image_of(tmp_path / "case_0000.nii.gz", shape, spacing, 4)
    theirs = predictor.nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), allow_tqdm=False)
    theirs.initialize_from_trained_model_folder(str(trained), (0,), "checkpoint_final.pth")
    prepare = theirs.configuration_manager.preprocessor_class(verbose=False)
    data, _, facts = prepare.run_case(
        [str(image)], None, theirs.plans_manager, theirs.configuration_manager, theirs.dataset_json
    )
    ours = rebuild(model.read_description(tmp_path / "model"), model.read_weights(tmp_path / "model"))
    loaded = nibabel.load(image)
    case = to_network(np.asarray(loaded.dataobj, np.float32), loaded.affine, ours.plan)
    np.testing.assert_allclose(case.image, data, atol=1e-4)

    patch = torch.from_numpy(data[:, 0, :32, :32].copy())[None]
    with torch.inference_mode():
        expected, found = theirs.network(patch), ours.scar.segment(patch).logits[0]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)

    def predicted() -> tuple[np.ndarray, np.ndarray]:
        """Return nnU-Net's logits, and its labels numbered as ours on the image's own axes."""
        logits = theirs.predict_logits_from_preprocessed_data(torch.from_numpy(data))
        managers = (theirs.plans_manager, theirs.configuration_manager, theirs.label_manager)
        labels = convert_predicted_logits_to_segmentation_with_correct_shape(logits, *managers, facts)
        return logits.float().numpy(), np.array(ours.labels, np.uint8)[np.asarray(labels).transpose(2, 1, 0)]

    assert run_inside("predict", tmp_path / "model", image, "--no-bullseye", "-o", tmp_path / "out").status == 0
    segmentation = np.asarray(nibabel.load(tmp_path / "out/case_0000/segmentation.nii.gz").dataobj)
    assert np.sort(np.bincount(segmentation.ravel(), minlength=4))[-2] > 0.03 * segmentation.size
    _, as_it_is = predicted()
    # it sums windows in half precision: 0 to 3 voxels of 10 500 to 12 600 when this was written
    assert np.count_nonzero(as_it_is != segmentation) <= 2e-3 * segmentation.size
    monkeypatch.setattr(torch, "half", torch.float32)
    monkeypatch.setattr(predictor, "compute_gaussian", partial(predictor.compute_gaussian, dtype=torch.float32))
    logits, labels = predicted()
    mine = predict_logits(ours.scar, data, patch=ours.settings.size.patch)
    np.testing.assert_allclose(mine, logits, atol=1e-4, rtol=0)
    assert np.count_nonzero(labels != segmentation) <= 1  # of some ten thousand
