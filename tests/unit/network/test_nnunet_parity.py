"""Networks and loss against nnU-Net's own: constants taken from it once, and itself where it is installed.

The constants come from dynamic_network_architectures 0.4.4 and nnunetv2 2.8.1 with torch 2.13.0 on a CPU. To run
the tests that ask for them: pip install --no-deps dynamic-network-architectures==0.4.4 nnunetv2==2.8.1.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from torch import Tensor

from scartools.network.losses import deep_supervision, dice_and_cross_entropy
from scartools.network.segmenter import Segmenter, SegmenterConfig

FEATURES, STRIDES = (32, 64, 128, 256, 512, 512, 512), ((1, 1), *[(2, 2)] * 6)
PLAIN = SegmenterConfig(4, FEATURES, STRIDES)
RESIDUAL = SegmenterConfig(4, FEATURES, STRIDES, 1, blocks=(1, 3, 4, 6, 6, 6, 6))
SMALL = {
    "plain": SegmenterConfig(3, (4, 8, 16), ((1, 1), (2, 2), (2, 1))),
    "residual": SegmenterConfig(3, (4, 8, 16, 16), ((1, 1), (2, 2), (2, 1), (2, 2)), 1, blocks=(1, 2, 3, 2)),
}


def unpadded(names: list[str]) -> list[str]:
    """Return nnU-Net's names without those under which it lists a tensor again."""
    return sorted(n for n in names if ".all_modules." not in n and not n.startswith("decoder.encoder."))


@pytest.mark.parametrize(
    ("config", "parameters", "names", "digest"),
    [
        (PLAIN, 33_474_840, 128, "65107b416d4c0068207180530960aad947889a2164d2d30d6505e707433b159e"),
        (RESIDUAL, 105_919_832, 320, "f6fd86935c4bac40042b85325ff15bf49e3fee1ed5c14c420e50070addda3ba5"),
    ],
    ids=["PlainConvUNet", "ResidualEncoderUNet"],
)
def test_names_shapes_and_number_of_parameters_are_nnunets(config, parameters, names, digest):
    """Seven stages, one channel in, four out. The digest is that of the lines "name shape", sorted by name."""
    with torch.device("meta"):
        network = Segmenter(config)
    weights = network.state_dict()
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert len(weights) == names
    lines = "\n".join(f"{name} {tuple(weights[name].shape)}" for name in sorted(weights))
    assert hashlib.sha256(lines.encode()).hexdigest() == digest


def recipe(edge: int) -> Tensor:
    """Logits (2, 4, edge, edge): 3 sin(0.37 n + 0.1 edge), n the flat index, in double precision, then single."""
    values = 3 * np.sin(np.arange(8 * edge * edge) * 0.37 + 0.1 * edge)
    return torch.tensor(values.reshape(2, 4, edge, edge)).float().requires_grad_()


def truth(ignored: bool) -> Tensor:
    """Labels (2, 16, 16): 7 n // 5 % 11 % 4; the first three rows ignored where asked for."""
    labels = torch.tensor((np.arange(512) * 7 // 5 % 11 % 4).reshape(2, 16, 16))
    if ignored:
        labels[:, :3] = 255
    return labels


FINE_AT, HALF_AT = [0, 100, 500, 1000, 1500, 2047], [0, 77, 300, 511]
# DC_and_CE_loss(batch_dice, smooth 1e-5, no background, MemoryEfficientSoftDiceLoss) in DeepSupervisionWrapper with
# the weights 2/3, 1/3, 0 over outputs of 16, 8 and 4 pixels; targets by DownsampleSegForDSTransform
NNUNET_LOSS = {
    False: {
        "deep": 2.0517821311950684,
        "single": 1.6380960941314697,
        "norms": (0.03372724142613823, 0.034659099608021986),
        "fine": (
            -0.0007141909445635974, -0.0010914328740909696, 0.00025214807828888297,
            0.0009865732863545418, 0.000291510223178193, 0.00017052993644028902,
        ),
        "half": (0.0017778492765501142, -0.0026069101877510548, 6.326312814053381e-06, 0.0022771914955228567),
    },
    True: {
        "deep": 2.060746431350708,
        "single": 1.6382427215576172,
        "norms": (0.03743975401513598, 0.03712600885785905),
        "fine": (
            0.0, -0.0013431950937956572, 0.0003106264630332589,
            0.0012126520741730928, 0.0003589613479562104, 0.00020946805307175964,
        ),
        "half": (0.0, -0.0029796184971928596, 7.23040102457162e-06, 0.0026021376252174377),
    },
}  # fmt: skip


@pytest.mark.parametrize("ignored", [False, True], ids=["all pixels", "some ignored"])
def test_the_loss_and_its_gradient_are_nnunets(ignored: bool):
    expected = NNUNET_LOSS[ignored]
    outputs, target = [recipe(edge) for edge in (16, 8, 4)], truth(ignored)
    loss = deep_supervision(outputs, target)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(expected["deep"], abs=1e-6)
    single = dice_and_cross_entropy(outputs[0].detach(), target)
    assert float(single) == pytest.approx(expected["single"], abs=1e-6)
    for output, norm in zip(outputs, expected["norms"], strict=False):
        assert float(output.grad.double().norm()) == pytest.approx(norm, abs=1e-6)
    assert outputs[2].grad is None or not outputs[2].grad.any()
    for output, places, values in ((outputs[0], FINE_AT, "fine"), (outputs[1], HALF_AT, "half")):
        np.testing.assert_allclose(output.grad.flatten()[places].numpy(), expected[values], atol=1e-8)


def of_nnunet(config: SegmenterConfig) -> torch.nn.Module:
    """Return nnU-Net's own network of a configuration."""
    unet = pytest.importorskip(
        "dynamic_network_architectures.architectures.unet",
        reason="NNUNET ABSENT: pip install --no-deps dynamic-network-architectures==0.4.4",
    )
    nn = torch.nn
    stages = len(config.features)
    words = {
        "input_channels": 1,
        "n_stages": stages,
        "features_per_stage": config.features,
        "conv_op": nn.Conv2d,
        "kernel_sizes": [[3, 3]] * stages,
        "strides": config.strides,
        "num_classes": config.classes,
        "n_conv_per_stage_decoder": [config.convolutions] * (stages - 1),
        "conv_bias": True,
        "norm_op": nn.InstanceNorm2d,
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "nonlin": nn.LeakyReLU,
        "nonlin_kwargs": {"inplace": True},
        "deep_supervision": True,
    }
    if config.blocks:
        return unet.ResidualEncoderUNet(**words, n_blocks_per_stage=config.blocks)
    return unet.PlainConvUNet(**words, n_conv_per_stage=[config.convolutions] * stages)


@pytest.mark.parametrize("kind", list(SMALL))
def test_the_logits_of_all_resolutions_are_those_of_nnunets_own_network(kind: str):
    config = SMALL[kind]
    theirs = of_nnunet(config).eval()
    torch.manual_seed(1)
    for parameter in theirs.parameters():  # nothing is left at a start that hides a branch
        torch.nn.init.normal_(parameter, std=0.2)
    ours = Segmenter(config).eval()
    weights = theirs.state_dict()
    assert sorted(ours.state_dict()) == unpadded(list(weights))
    ours.load_state_dict({name: weights[name] for name in ours.state_dict()})
    image = torch.randn(2, 1, 32, 24)
    with torch.inference_mode():
        expected, found = theirs(image), ours.segment(image, all_resolutions=True).logits
    assert len(expected) == len(found) == len(config.features) - 1
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(other, one, atol=1e-4, rtol=0)


def test_a_residual_block_begins_as_what_goes_past_it():
    """As nnU-Net starts them: the two convolutions of a block give 0 until they have learned something."""
    block = Segmenter(SMALL["residual"]).encoder.stages[1].blocks[1]
    x = torch.rand(1, 8, 6, 6)
    torch.testing.assert_close(block(x), x)


@pytest.mark.parametrize("ignored", [False, True], ids=["all pixels", "some ignored"])
def test_the_loss_is_that_of_nnunets_own(ignored: bool):
    compound = pytest.importorskip(
        "nnunetv2.training.loss.compound_losses",
        reason="NNUNET ABSENT: pip install --no-deps nnunetv2==2.8.1",
        exc_type=ImportError,
    )
    from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss

    options = {"batch_dice": True, "smooth": 1e-5, "do_bg": False, "ddp": False}
    theirs = compound.DC_and_CE_loss(
        options, {}, ignore_label=4 if ignored else None, dice_class=MemoryEfficientSoftDiceLoss
    )
    torch.manual_seed(3)
    one = torch.randn(3, 4, 20, 24, requires_grad=True)
    other = one.detach().clone().requires_grad_()
    target = torch.randint(0, 4, (3, 20, 24))
    if ignored:
        target[1:, :7] = 255
    expected = theirs(one, torch.where(target == 255, 4, target)[:, None])
    found = dice_and_cross_entropy(other, target)
    expected.backward()
    found.backward()
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(other.grad, one.grad, atol=1e-6, rtol=0)
