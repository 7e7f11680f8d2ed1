"""The U-Net is nnU-Net's: the same names, the same number of parameters, the same shapes."""

from __future__ import annotations

import pytest
import torch

from scartools.network.unet import UNet, UNetConfig

NNUNET_2D = UNetConfig(1, 4, (32, 64, 128, 256, 512, 512, 512), ((1, 1), *[(2, 2)] * 6))
SMALL = UNetConfig(1, 3, (4, 8, 16), ((1, 1), (2, 2), (2, 1)))


def test_it_has_as_many_parameters_as_nnunets_plan_for_256_pixels():
    # 33 474 840 was counted in nnU-Net's own PlainConvUNet: 7 stages, 1 channel in, 4 out
    network = UNet(NNUNET_2D)
    assert sum(parameter.numel() for parameter in network.parameters()) == 33_474_840


def test_its_names_are_nnunets():
    names = set(UNet(SMALL).state_dict())
    for name in (
        "encoder.stages.0.0.convs.0.conv.weight",
        "encoder.stages.2.0.convs.1.norm.bias",
        "decoder.transpconvs.0.weight",
        "decoder.stages.1.convs.0.conv.bias",
        "decoder.seg_layers.1.weight",
    ):
        assert name in names


def test_outputs_come_finest_first_at_each_resolution():
    network = UNet(SMALL)
    x = torch.zeros(2, 1, 16, 12)
    assert [tuple(out.shape) for out in network(x, all_resolutions=True)] == [(2, 3, 16, 12), (2, 3, 8, 6)]
    assert [tuple(out.shape) for out in network(x)] == [(2, 3, 16, 12)]


def test_a_fused_map_is_seen_by_the_next_stage_and_by_the_skip():
    network = UNet(SMALL).eval()
    x = torch.randn(1, 1, 16, 16)
    plain = network.encoder(x)
    doubled = network.encoder(x, lambda features: 2 * features, 1)
    torch.testing.assert_close(doubled[0], plain[0])
    torch.testing.assert_close(doubled[1], 2 * plain[1])
    torch.testing.assert_close(doubled[2], network.encoder.stages[2](2 * plain[1]))


def test_features_and_strides_must_belong_together():
    with pytest.raises(ValueError, match="strides"):
        UNetConfig(1, 2, (4, 8), ((1, 1),))
