"""Explanations against targets whose answer is known, and against what integrated gradients promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from scartools.errors import InputError
from scartools.learning import explanation
from scartools.learning.explanation import IMAGE_TARGET, SEGMENT_TARGET, explain, integrated_gradients
from scartools.learning.explanation_page import LEADS, draw_attention, draw_attribution, numbers, render_page
from scartools.network.segmenter import Segmenter, SegmenterConfig

RNG = np.random.default_rng(5)
BEAT = RNG.standard_normal((12, 600)).astype(np.float32)
IMAGE = RNG.standard_normal((1, 3, 40, 36)).astype(np.float32)
PRIOR = RNG.integers(0, 18, (3, 40, 36)).astype(np.uint8)
PROBABILITY = RNG.dirichlet(np.ones(4), (3, 40, 36)).transpose(3, 0, 1, 2).astype(np.float32)


def network(fusion: str) -> Segmenter:
    torch.manual_seed(3)
    config = SegmenterConfig(
        4, (4, 8, 8), ((1, 1), (2, 2), (2, 2)), prior=True, ecg=True, time=True, fusion=fusion, fusion_stage=1
    )
    made = Segmenter(config)
    with torch.no_grad():  # as after a training: what starts at zero has moved
        for parameter in made.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        for parameter in made.taff.parameters() if made.taff is not None else ():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return made


def explained(fusion: str):
    return explain(
        network(fusion),
        IMAGE,
        PROBABILITY,
        beat=BEAT,
        days=3.0,
        quality=0.8,
        prior=PRIOR,
        scar=(3,),
        patch=(32, 32),
    )


def test_a_linear_target_is_explained_by_its_weights_and_a_square_by_itself():
    weight = torch.from_numpy(RNG.standard_normal((12, 600)).astype(np.float32))
    beat = torch.from_numpy(BEAT)[None]
    linear = integrated_gradients(lambda beats: (weight * beats).sum(dim=(1, 2)), beat)
    np.testing.assert_allclose(linear, weight.numpy() * BEAT, rtol=1e-5, atol=1e-6)
    square = integrated_gradients(lambda beats: (beats**2).sum(dim=(1, 2)), beat)
    np.testing.assert_allclose(square, BEAT**2, rtol=1e-4, atol=1e-6)


def test_a_lead_that_is_not_looked_at_has_no_part():
    found = integrated_gradients(lambda beats: beats[:, 7].tanh().sum(dim=1), torch.from_numpy(BEAT)[None])
    assert np.abs(found[7]).sum() > 0 and not np.delete(found, 7, axis=0).any()


@pytest.mark.parametrize(("fusion", "target"), [("segment", SEGMENT_TARGET), ("taff", IMAGE_TARGET)])
def test_attributions_sum_to_what_the_beat_gains_over_a_flat_line(fusion, target, monkeypatch):
    monkeypatch.setattr(
        explanation, "STEPS", 256
    )  # noise for a beat, and nothing learned: rougher than any patient
    found = explained(fusion)
    gain = found.value - found.flat_value
    assert found.target == target and abs(gain) > 1e-5
    assert abs(found.gap) < 0.05 * abs(gain)
    np.testing.assert_allclose(found.lead_attention.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found.time_attention.sum(axis=1), 1, atol=1e-5)
    assert (found.logits is not None) == (fusion == "segment") and 0 < found.trust < 1


def test_the_places_of_the_attention_cover_the_beat():
    found = explained("segment")
    assert found.first_ms == -408.0 and found.cell_ms == 64.0
    assert found.first_ms + found.time_attention.shape[1] * found.cell_ms == 808.0


def test_an_absent_lead_is_not_blamed():
    beat = BEAT.copy()
    beat[4] = 0
    found = explain(
        network("segment"),
        IMAGE,
        PROBABILITY,
        beat=beat,
        days=0.0,
        quality=1.0,
        prior=PRIOR,
        scar=(3,),
        patch=(32, 32),
    )
    assert not found.attribution[4].any()


def test_without_an_ecg_there_is_nothing_to_explain():
    plain = Segmenter(SegmenterConfig(4, (4, 8), ((1, 1), (2, 2))))
    with pytest.raises(InputError, match="nothing to explain"):
        explain(
            plain, IMAGE, PROBABILITY, beat=BEAT, days=0.0, quality=1.0, prior=None, scar=(3,), patch=(32, 32)
        )


def test_the_page_holds_its_numbers_and_asks_no_network():
    found = explained("segment")
    scar = {segment: 3.0 * segment for segment in range(1, 17)}
    page = render_page(found, scar, {"Case": "a <b>"})
    assert page == render_page(found, scar, {"Case": "a <b>"})
    assert "a &lt;b&gt;" in page and "<script" not in page and "Research use only" in page
    for outside in ('src="http', 'href="http', "url(http"):
        assert outside not in page
    assert page.count("<svg") == 3 and render_page(replace(found, logits=None), {}, {}).count("<svg") == 2
    said = numbers(found)
    assert list(said["AttributionByLead"]) == list(LEADS)
    assert sum(said["AttributionByLead"].values()) == pytest.approx(float(found.attribution.sum()), rel=1e-5)


def test_an_encoder_that_is_not_heard_is_not_shown():
    heard = explained("segment")
    assert heard.encoder_heard and numbers(heard)["EncoderHeard"]
    silent = replace(heard, encoder_heard=False)
    page = render_page(silent, {}, {})
    assert page.count("<svg") == 2 and "have no part in them" in page and not numbers(silent)["EncoderHeard"]
    assert "have no part in them" not in render_page(heard, {}, {})


def test_figures_say_each_lead_once():
    found = explained("taff")
    for figure, places in ((draw_attribution(found), 12), (draw_attention(found), 24)):
        texts = [text.get_text() for axes in figure.axes for text in (*axes.texts, *axes.get_yticklabels())]
        assert sum(any(text.split("  ")[0] == lead for lead in LEADS) for text in texts) == places
