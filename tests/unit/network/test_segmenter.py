"""Every part is a switch; without its ECG the fused network gives exactly what its image path gives."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from scartools.network.segmenter import Ecg, Segmenter, SegmenterConfig
from scartools.network.unet import UNet

IMAGE = SegmenterConfig(4, (4, 8, 8), ((1, 1), (2, 2), (2, 2)))
FULL = replace(IMAGE, prior=True, ecg=True, time=True, fusion_stage=1)


def an_ecg(count: int, present: bool = True) -> Ecg:
    torch.manual_seed(9)
    return Ecg(torch.randn(count, 12, 600), torch.full((count,), 12.0), torch.full((count,), present))


def test_an_image_only_network_is_the_unet_with_the_same_weights():
    network = Segmenter(IMAGE).eval()
    plain = UNet(IMAGE.unet()).eval()
    plain.load_state_dict(network.state_dict())
    x = torch.randn(2, 1, 16, 16)
    torch.testing.assert_close(network.segment(x).logits[0], plain(x)[0])


def test_the_weights_of_an_image_only_network_load_into_a_fused_one_missing_its_parts_alone():
    fused = Segmenter(replace(FULL, prior=False))
    missing, unexpected = fused.load_state_dict(Segmenter(IMAGE).state_dict(), strict=False)
    assert not unexpected
    assert missing and all(name.startswith(("ecg.", "taff.")) for name in missing)


def test_at_the_start_the_ecg_changes_nothing():
    network = Segmenter(FULL).eval()
    x, prior = torch.randn(3, 1, 16, 16), torch.randint(0, 18, (3, 16, 16))
    with_ecg, without = network.segment(x, prior, an_ecg(3)), network.segment(x, prior)
    torch.testing.assert_close(with_ecg.logits[0], without.logits[0])


def test_an_absent_ecg_gives_the_image_path_whatever_was_learned():
    network = Segmenter(FULL).eval()
    for parameter in network.taff.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x, prior = torch.randn(3, 1, 16, 16), torch.randint(0, 18, (3, 16, 16))
    image = network.segment(x, prior).logits[0]
    torch.testing.assert_close(network.segment(x, prior, an_ecg(3, False)).logits[0], image)
    assert not torch.allclose(network.segment(x, prior, an_ecg(3)).logits[0], image)


def test_each_segment_has_a_channel_of_its_own_and_none_is_no_channel():
    network = Segmenter(replace(IMAGE, prior=True)).eval()
    assert network.encoder.stages[0][0].convs[0].conv.in_channels == 18
    x = torch.randn(1, 1, 16, 16)
    none = network.segment(x).logits[0]
    torch.testing.assert_close(network.segment(x, torch.zeros(1, 16, 16, dtype=torch.uint8)).logits[0], none)
    seen = [network.segment(x, torch.full((1, 16, 16), number)).logits[0] for number in (1, 2, 17)]
    assert not torch.allclose(seen[0], seen[1]) and not torch.allclose(seen[0], seen[2])


def test_its_configuration_survives_json():
    import json

    assert SegmenterConfig.from_json(json.loads(json.dumps(FULL.to_json()))) == FULL


@pytest.mark.parametrize(
    "change",
    [{"ecg": False}, {"fusion_stage": 3}, {"fusion_stage": -1}],
    ids=["time without ecg", "deep", "negative"],
)
def test_senseless_configurations_are_refused(change):
    with pytest.raises(ValueError, match="interval|stage"):
        replace(FULL, **change)


def test_gradients_reach_gate_projection_and_encoder_after_a_first_step():
    network = Segmenter(FULL)
    x, prior = torch.randn(2, 1, 16, 16), torch.randint(0, 18, (2, 16, 16))
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        network.segment(x, prior, an_ecg(2)).logits[0].pow(2).sum().backward()
        optimiser.step()
    for part in (network.taff.project, network.taff.gate, network.ecg.encoder):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
