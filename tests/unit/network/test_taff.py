"""The fusion starts as the identity, can be switched off by its gate, and its entropy term does not reward collapse."""

from __future__ import annotations

import math

import pytest
import torch

from scartools.network.taff import ENTROPY_TARGET, Taff, TaffConfig, entropy_loss

CHANNELS = 6


def batch(count: int = 4):
    torch.manual_seed(3)
    features, code = torch.randn(count, CHANNELS, 5, 5), torch.randn(count, 8)
    return (
        features,
        code,
        torch.tensor([0.0, 30.0, 90.0, float("nan")])[:count],
        torch.ones(count, dtype=torch.bool),
    )


def shaken(form: str, time: bool = True) -> Taff:
    """A fusion as training may leave it: no weight is zero."""
    torch.manual_seed(5)
    module = Taff(TaffConfig(CHANNELS, 8, time, form=form))
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return module


@pytest.mark.parametrize("time", [True, False])
def test_the_corrected_form_starts_as_the_identity(time):
    features, code, days, present = batch()
    fused = Taff(TaffConfig(CHANNELS, 8, time))(features, code, days, present)
    torch.testing.assert_close(fused.features, features)


def test_the_published_form_does_not():
    features, code, days, present = batch()
    fused = Taff(TaffConfig(CHANNELS, 8, form="paper"))(features, code, days, present)
    assert (fused.features - features).abs().max() > 0.1


@pytest.mark.parametrize("form", ["corrected", "paper"])
def test_they_are_what_they_say(form):
    features, code, days, present = batch()
    module = shaken(form)
    fused, weights = module(features, code, days, present)
    interval = torch.tensor([[0.0, 0.0], [1 / 3, 0.0], [1.0, 0.0], [0.0, 1.0]])
    gamma, beta = (part[:, :, None, None] for part in module.film(interval).chunk(2, dim=1))
    ecg = module.project(code)[:, :, None, None]
    image_share, ecg_share = (weights[:, k, None, None, None] for k in (0, 1))
    if form == "paper":
        expected = features + (image_share * features + ecg_share * ecg) * (1 + gamma) + beta
    else:
        expected = image_share * features + ecg_share * ((features + ecg) * (1 + gamma) + beta)
    torch.testing.assert_close(fused, expected)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(4))


@pytest.mark.parametrize("form", ["corrected", "paper"])
def test_without_an_ecg_the_image_passes_untouched(form):
    features, code, days, present = batch()
    present[1] = False
    fused = shaken(form)(features, code, days, present)
    assert torch.equal(fused.features[1], features[1])
    assert not torch.allclose(fused.features[0], features[0])


def test_what_stands_for_an_absent_ecg_is_not_looked_at():
    features, code, days, present = batch()
    present[:] = False
    other = shaken("corrected")(features, code * 1e3, days, present)
    assert torch.equal(other.features, features)


def test_a_closed_gate_gives_the_image_back_in_the_corrected_form_alone():
    features, code, days, present = batch()
    for form, factor in (("corrected", 1.0), ("paper", 2.0)):
        module = shaken(form, time=False)
        last = list(module.gate.parameters())[-2:]
        last[0].data.zero_()
        last[1].data.copy_(torch.tensor([60.0, -60.0]))
        torch.testing.assert_close(module(features, code, days, present).features, factor * features)


def test_the_gate_sees_the_interval_in_the_corrected_form_alone():
    features, code, _, present = batch()
    near, far = torch.zeros(4), torch.full((4,), 80.0)
    for form, sees in (("corrected", True), ("paper", False)):
        module = shaken(form)
        same = torch.allclose(module(features, code, near, present)[1], module(features, code, far, present)[1])
        assert same is not sees


def test_an_unknown_interval_is_not_day_zero():
    features, code, _, present = batch()
    module = shaken("corrected")
    unknown = module(features, code, torch.full((4,), float("nan")), present)
    zero = module(features, code, torch.zeros(4), present)
    assert torch.isfinite(unknown.features).all()
    assert not torch.allclose(unknown.features, zero.features)


def test_intervals_beyond_90_days_and_of_either_sign_count_as_their_size():
    features, code, _, present = batch()
    module = shaken("corrected")
    at = [module(features, code, torch.full((4,), days), present).features for days in (90.0, 400.0, -90.0)]
    torch.testing.assert_close(at[0], at[1])
    torch.testing.assert_close(at[0], at[2])


def test_the_entropy_term_is_least_at_its_target_and_the_published_one_at_collapse():
    present = torch.ones(1, dtype=torch.bool)
    share = torch.linspace(0.0, 0.5, 2001)
    pairs = torch.stack((1 - share, share), dim=1)
    corrected = torch.stack([entropy_loss(pair[None], present, "corrected") for pair in pairs])
    published = torch.stack([entropy_loss(pair[None], present, "paper") for pair in pairs])
    best = pairs[corrected.argmin()]
    entropy = -(best * best.clamp_min(1e-12).log()).sum()
    assert entropy == pytest.approx(ENTROPY_TARGET * math.log(2), abs=2e-3)
    assert int(published.argmin()) == 0  # all weight on the image: what the paper wants to prevent


def test_minimising_the_term_from_an_even_gate_keeps_both_or_collapses():
    for form, kept in (("corrected", True), ("paper", False)):
        logits = torch.tensor([[0.1, -0.1]], requires_grad=True)
        optimiser = torch.optim.Adam([logits], lr=0.05)
        for _ in range(600):
            optimiser.zero_grad()
            entropy_loss(logits.softmax(dim=1), torch.ones(1, dtype=torch.bool), form).backward()
            optimiser.step()
        assert (float(logits.detach().softmax(dim=1).min()) > 0.05) is kept


def test_no_ecg_in_a_batch_costs_nothing():
    weights = torch.tensor([[0.5, 0.5]], requires_grad=True)
    loss = entropy_loss(weights, torch.zeros(1, dtype=torch.bool), "corrected")
    loss.backward()
    assert loss.item() == 0 and not weights.grad.any()
