"""The ECG speaks in segments: nothing at the start, nothing where it is absent, and only where its segment lies."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch

from scartools.network.segment_fusion import (
    FIRST_TRUST,
    SEGMENTS,
    SegmentFusion,
    SegmentFusionConfig,
    paint,
    true_logits,
)
from scartools.network.segmenter import Ecg, Segmenter, SegmenterConfig

NAN = float("nan")
PRIOR = SegmenterConfig(4, (4, 8, 8), ((1, 1), (2, 2), (2, 2)), prior=True)
FULL = replace(PRIOR, ecg=True, time=True, fusion="segment", fusion_stage=1)
PAINTED = replace(FULL, prior=False)  # the segments place the ECG's word, and the network does not see them


def an_ecg(count: int, present: bool = True) -> Ecg:
    torch.manual_seed(9)
    there = torch.full((count,), present)
    return Ecg(torch.randn(count, 12, 600), torch.full((count,), 12.0), there, torch.full((count,), 0.8))


def a_picture(count: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(4)
    return torch.randn(count, 1, 16, 16), torch.randint(0, 18, (count, 16, 16))


def shaken(config: SegmenterConfig = FULL) -> Segmenter:
    """A network as training may leave it: no weight of the fusion is zero."""
    torch.manual_seed(5)
    network = Segmenter(config).eval()
    for parameter in network.segment_fusion.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return network


def module_input(count: int = 2) -> dict[str, torch.Tensor]:
    torch.manual_seed(6)
    numbers = torch.randint(0, 18, (count, 8, 8))
    segments = torch.nn.functional.one_hot(numbers, 18)[..., 1:].movedim(-1, 1).float()
    return {
        "features": torch.randn(count, 6, 4, 4),
        "logits": torch.randn(count, SEGMENTS),
        "segments": segments,
        "days": torch.full((count,), 10.0),
        "quality": torch.full((count,), 0.9),
        "present": torch.ones(count, dtype=torch.bool),
    }


@pytest.mark.parametrize("config", [FULL, PAINTED])
def test_at_the_start_the_output_is_that_of_the_network_without_an_ecg_to_the_last_bit(config):
    network = Segmenter(config).eval()
    alone = Segmenter(replace(PRIOR, prior=config.prior)).eval()
    missing, unexpected = alone.load_state_dict(
        {k: v for k, v in network.state_dict().items() if not k.startswith(("ecg.", "segment_fusion."))}
    )
    assert not missing and not unexpected
    x, prior = a_picture()
    assert torch.equal(network.segment(x, prior, an_ecg(3)).logits[0], alone.segment(x, prior).logits[0])


@pytest.mark.parametrize("config", [FULL, PAINTED])
def test_an_absent_ecg_gives_the_image_path_to_the_last_bit_whatever_was_learned(config):
    network, (x, prior) = shaken(config), a_picture()
    image = network.segment(x, prior).logits[0]
    absent = an_ecg(3, False)
    assert torch.equal(network.segment(x, prior, absent).logits[0], image)
    nonsense = absent._replace(beat=absent.beat * 1e3, days=torch.full((3,), NAN))
    assert torch.equal(network.segment(x, prior, nonsense).logits[0], image)
    assert not torch.allclose(network.segment(x, prior, an_ecg(3)).logits[0], image)


def test_segments_that_are_only_painted_into_tell_the_image_path_nothing():
    network, (x, prior) = shaken(PAINTED), a_picture()
    other = (prior + 5) % 18
    assert torch.equal(network.segment(x, prior).logits[0], network.segment(x, other).logits[0])
    assert torch.equal(network.segment(x, prior).logits[0], network.segment(x).logits[0])
    said, elsewhere = (network.segment(x, of, an_ecg(3)).logits[0] for of in (prior, other))
    assert not torch.allclose(said, elsewhere)
    seen = [config.sees_segments() for config in (PRIOR, FULL, PAINTED, replace(PRIOR, prior=False))]
    assert seen == [True, True, True, False]
    assert not replace(PAINTED, fusion="taff").sees_segments()


@pytest.mark.parametrize("config", [FULL, PAINTED])
def test_without_any_segment_the_ecg_has_no_say(config):
    network, (x, prior) = shaken(config), a_picture()
    prior[1] = 0
    fused, image = network.segment(x, prior, an_ecg(3)).logits[0], network.segment(x, prior).logits[0]
    assert torch.equal(fused[1], image[1])
    assert not torch.allclose(fused[0], image[0])
    assert torch.equal(network.segment(x, None, an_ecg(3)).logits[0], network.segment(x).logits[0])


@pytest.mark.parametrize("number", [0, 6, 16])
def test_a_logit_reaches_the_pixels_of_its_own_segment_alone(number):
    torch.manual_seed(5)
    module, given = SegmentFusion(SegmentFusionConfig(6, 4, 8)), module_input()
    torch.nn.init.normal_(module.project.weight)
    other = given["logits"].clone()
    other[:, number] += 3.0
    changed = (module(**{**given, "logits": other}).features - module(**given).features).abs().amax(
        dim=1
    ) > 1e-7
    inside = torch.nn.functional.adaptive_avg_pool2d(given["segments"], (4, 4))[:, number] > 0
    assert inside.any() and torch.equal(changed, inside)


def test_a_pixel_carries_the_part_of_it_that_a_segment_fills():
    segments = torch.zeros(1, SEGMENTS, 2, 4)
    segments[0, 3, 0, :2] = 1  # half of the left pixel of 1 x 2
    logits = torch.zeros(1, SEGMENTS)
    logits[0, 3], logits[0, 4] = 2.0, -7.0
    painted = paint(logits, logits.sigmoid(), segments)
    said = torch.tensor([2.0, 0.0, 1 / (1 + math.exp(-2.0))])  # for, against, probability
    torch.testing.assert_close(painted[0, :, 0, :2], said[:, None].expand(3, 2))
    assert not painted[0, :, 1].any() and not painted[0, :, 0, 2:].any()
    assert paint(-logits, logits.sigmoid(), segments)[0, :2, 0, 0].tolist() == [0.0, 2.0]
    module = SegmentFusion(SegmentFusionConfig(3, 4, 8))
    with torch.no_grad():
        module.project.weight.copy_(torch.eye(3)[:, :, None, None])
    one = torch.tensor([True])
    found = module(torch.zeros(1, 3, 1, 2), logits, segments, torch.zeros(1), torch.ones(1), one).features
    torch.testing.assert_close(found[0, :, 0], torch.stack((FIRST_TRUST * said / 2, torch.zeros(3)), dim=1))


def test_trust_starts_small_and_sees_interval_and_quality():
    given = module_input()
    torch.testing.assert_close(
        SegmentFusion(SegmentFusionConfig(6, 4, 8))(**given).trust, torch.full((2,), FIRST_TRUST)
    )
    for time in (True, False):
        torch.manual_seed(5)
        module = SegmentFusion(SegmentFusionConfig(6, 4, 8, time))
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        trust = module(**given).trust
        for change in ({"days": torch.full((2,), 80.0)}, {"days": torch.full((2,), NAN)}):
            assert torch.allclose(module(**{**given, **change}).trust, trust) is not time
        for quality in (0.2, NAN):
            assert not torch.allclose(module(**{**given, "quality": torch.full((2,), quality)}).trust, trust)


def test_a_segment_of_which_nothing_is_known_says_nothing():
    torch.manual_seed(5)
    module, given = SegmentFusion(SegmentFusionConfig(6, 4, 8)), module_input()
    torch.nn.init.normal_(module.project.weight)
    given["logits"][:, 2] = NAN
    fused = module(**given).features
    assert torch.isfinite(fused).all()
    only = torch.nn.functional.adaptive_avg_pool2d(given["segments"], (4, 4))
    alone = (only[:, 2] > 0) & (only.sum(dim=1) == only[:, 2])
    torch.testing.assert_close(fused.movedim(1, -1)[alone], given["features"].movedim(1, -1)[alone])


def test_at_the_end_each_class_gets_what_is_painted_times_its_vote():
    torch.manual_seed(5)
    module, given = SegmentFusion(SegmentFusionConfig(6, 4, 8)), module_input()
    assert not module(**given).added.any()
    torch.nn.init.normal_(module.vote.weight)
    found = module(**given)
    odds, chance = FIRST_TRUST * given["logits"], FIRST_TRUST * given["logits"].sigmoid()
    votes = module.vote.weight[:, :, 0, 0]  # (classes, for, against, probability)
    for k in range(SEGMENTS):
        inside = given["segments"][0, k] > 0
        said = torch.stack((odds[0, k].clamp_min(0), (-odds[0, k]).clamp_min(0), chance[0, k]))
        torch.testing.assert_close(
            found.added[0][:, inside], (votes @ said)[:, None].expand(-1, int(inside.sum()))
        )
    nowhere = given["segments"][0].sum(dim=0) == 0
    assert nowhere.any() and not found.added[0][:, nowhere].any()
    assert not module(**{**given, "present": torch.zeros(2, dtype=torch.bool)}).added.any()


def test_no_gradient_of_the_segmentation_reaches_encoder_or_evidence():
    network, (x, prior) = shaken(), a_picture()
    found = network.segment(x, prior, an_ecg(3))
    found.logits[0].square().sum().backward()
    fusion = network.segment_fusion
    assert fusion.project.weight.grad.abs().sum() > 0 and fusion.vote.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in fusion.evidence.parameters())
    reached = [p.grad for p in network.ecg.parameters() if p.grad is not None]
    assert not any(grad.any() for grad in reached)


def test_the_truth_speaks_in_place_of_the_encoder():
    network, (x, prior) = shaken(), a_picture(2)
    fractions = torch.zeros(2, SEGMENTS)
    fractions[:, 4] = 0.6
    ecg = an_ecg(2)._replace(logits=true_logits(fractions))
    found = network.segment(x, prior, ecg)
    other = network.segment(x, prior, ecg._replace(beat=-ecg.beat))
    assert torch.equal(found.logits[0], other.logits[0])  # the beat is not looked at
    assert found.reconstruction is None
    assert not torch.allclose(network.segment(x, prior, an_ecg(2)).logits[0], found.logits[0])
    torch.testing.assert_close(
        true_logits(torch.tensor([0.0, 0.5, 1.0])), torch.tensor([-math.log(99), 0.0, math.log(99)])
    )
    assert true_logits(torch.tensor([NAN])).isnan().all()


@pytest.mark.parametrize("config", [FULL, PAINTED])
def test_its_configuration_survives_json(config):
    assert SegmenterConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    with pytest.raises(ValueError, match="fusion"):
        replace(FULL, fusion="both")


@pytest.mark.parametrize("form", ["corrected", "paper"])
def test_a_configuration_of_before_the_fusion_had_a_name_is_of_taff(form):
    said = {**replace(FULL, fusion="taff").to_json(), "fusion": form}
    del said["taff_form"]
    found = SegmenterConfig.from_json(said)
    assert (found.fusion, found.taff_form) == ("taff", form)
