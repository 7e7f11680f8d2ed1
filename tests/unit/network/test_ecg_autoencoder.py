"""The dual-attention autoencoder: its size, its shapes, and that a row of its features is a lead."""

from __future__ import annotations

import pytest
import torch

from scartools.network.ecg_autoencoder import (
    LEADS,
    DownBlock,
    ECGAutoencoder,
    ECGAutoencoderConfig,
    LeadConvolution,
    sinusoidal_places,
    transposed,
)

PUBLISHED = ECGAutoencoderConfig(lead_identity=False, normalisation="batch", output_norm=True)


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def made(config: ECGAutoencoderConfig | None = None, seed: int = 0) -> ECGAutoencoder:
    torch.manual_seed(seed)
    return ECGAutoencoder(config)


def beats(count: int = 4, seed: int = 1) -> torch.Tensor:
    return torch.randn(count, LEADS, 600, generator=torch.Generator().manual_seed(seed))


def rows_changed(network: ECGAutoencoder, lead: int) -> set[tuple[int, int]]:
    """Return which (beat, row) of the features before the attention change when a lead of beat 2 is zeroed."""
    whole = beats()
    without = whole.clone()
    without[2, lead] = 0
    with torch.no_grad():
        change = (network.lead_features(whole) - network.lead_features(without)).abs().amax((2, 3))
    return {(int(beat), int(row)) for beat, row in (change > 0).nonzero()}


def test_the_published_encoder_has_the_published_number_of_parameters():
    network = made(ECGAutoencoderConfig(code=512, lead_identity=False, normalisation="batch", output_norm=True))
    assert parameters(network.encoder) == 1_274_536
    assert parameters(network.encoder.lead_attention) == 1_112_944


def test_the_number_of_parameters():
    network = made()
    assert parameters(network) == 1_264_189
    assert parameters(network.encoder) == 1_177_248


@pytest.mark.parametrize("attention", ["parallel", "serial"])
def test_shapes_and_attention_that_sums_to_one(attention: str):
    network = made(ECGAutoencoderConfig(attention=attention)).eval()
    encoding = network(beats(3))
    assert encoding.reconstruction.shape == (3, 12, 600)
    assert encoding.code.shape == (3, 64)
    assert encoding.lead_attention.shape == (3, 12, 12)
    assert encoding.time_attention.shape == (3, 12, 19, 19)
    assert network.lead_features(beats(3)).shape == (3, 12, 16, 19)
    for maps in (encoding.lead_attention, encoding.time_attention):
        assert torch.allclose(maps.sum(-1), torch.ones(maps.shape[:-1]), atol=1e-5)
    assert torch.equal(network.encode(beats(3)), encoding.code)
    assert torch.equal(network.decode(encoding.code), encoding.reconstruction)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("normalisation", ["none", "group"])
def test_a_zeroed_lead_changes_its_own_row_alone(training: bool, normalisation: str):
    network = made(ECGAutoencoderConfig(normalisation=normalisation)).train(training)
    for lead in range(LEADS):
        assert rows_changed(network, lead) == {(2, lead)}


def test_the_published_form_lets_a_lead_change_other_rows_and_in_training_other_beats():
    network = made(PUBLISHED)
    assert {row for _, row in rows_changed(network.eval(), 5)} == set(range(LEADS))
    assert {beat for beat, _ in rows_changed(network.train(), 5)} == {0, 1, 2, 3}


def test_batch_norm_alone_moves_other_leads_while_it_trains():
    network = made(ECGAutoencoderConfig(normalisation="batch"))
    assert rows_changed(network.eval(), 5) == {(2, 5)}
    assert len(rows_changed(network.train(), 5)) > 1


def test_time_attention_looks_at_one_lead_and_lead_attention_at_all():
    network = made().eval()
    whole = beats(1)
    without = whole.clone()
    without[0, 7] = 0
    before, after = network(whole), network(without)
    moved = (before.time_attention - after.time_attention).abs().amax((0, 2, 3)) > 0
    assert moved.nonzero().flatten().tolist() == [7]
    assert not torch.equal(before.lead_attention, after.lead_attention)


def test_voltage_reaches_the_code_by_default_and_is_lost_in_group_norm():
    def seen(normalisation: str) -> float:
        network = made(ECGAutoencoderConfig(normalisation=normalisation)).eval()
        features, halved = network.lead_features(beats(2)), network.lead_features(0.5 * beats(2))
        return ((features - halved).norm() / features.norm()).item()

    assert seen("none") > 0.4
    assert seen("group") < 0.01


def test_output_norm_gives_every_lead_the_same_size_and_the_default_does_not():
    flat = made(ECGAutoencoderConfig(output_norm=True)).eval()
    sizes = flat.decoder(1000 * torch.randn(2, 64)).std(dim=-1, correction=0)
    assert torch.allclose(sizes, torch.ones_like(sizes), atol=1e-3)
    network = made().eval()
    with torch.no_grad():
        network.decoder.lead_scale.weight[3] *= 2
    reference = made().eval()
    code = torch.randn(2, 64, generator=torch.Generator().manual_seed(0))
    doubled = network.decode(code)[:, 3] - network.decoder.lead_scale.bias[3]
    assert torch.allclose(doubled, 2 * reference.decode(code)[:, 3], atol=1e-5)


def test_every_parameter_learns():
    network = made()
    encoding = network(beats())
    encoding.reconstruction.square().mean().backward()
    still = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert still == []


def test_a_few_steps_learn_one_beat():
    network = made(ECGAutoencoderConfig(dropout=0.0))
    places = torch.linspace(-1, 1, 600)
    beat = (torch.arange(1, 13)[:, None] / 6 * torch.exp(-80 * places**2))[None]
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(60):
        optimiser.zero_grad()
        loss = (network(beat).reconstruction - beat).square().mean()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.05 * beat.square().mean().item()


def test_other_lengths_are_padded_to_whole_cells():
    network = made(ECGAutoencoderConfig(samples=500)).eval()
    assert network(torch.zeros(1, 12, 500)).reconstruction.shape == (1, 12, 500)
    assert network.config.cells == 16


@pytest.mark.parametrize("shape", [(12, 600), (1, 11, 600), (1, 12, 608), (1, 600, 12)])
def test_other_shapes_are_refused(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match="beats are"):
        made()(torch.zeros(shape))


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": 63},
        {"base": 1},
        {"samples": 16},
        {"dropout": 1.0},
        {"attention": "none"},
        {"normalisation": "layer"},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict):
    with pytest.raises(ValueError):
        ECGAutoencoderConfig(**wrong)


def test_places_are_the_sines_and_cosines_of_the_transformer():
    places = sinusoidal_places(3, 4)
    assert places[0].tolist() == [0, 1, 0, 1]
    assert places[2, 0].item() == pytest.approx(0.9092974, abs=1e-6)
    assert places[2, 3].item() == pytest.approx(0.9998000, abs=1e-6)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_lead_convolution_is_a_convolution(stride: int):
    torch.manual_seed(0)
    ours = LeadConvolution(4, 8, 5, stride=stride, padding=2)
    plain = torch.nn.Conv1d(4, 8, 5, stride=stride, padding=2)
    plain.load_state_dict(ours.state_dict())
    features = torch.randn(6, 4, 64)
    assert torch.allclose(ours(features), plain(features), atol=1e-6)


def test_a_factor_on_the_weights_is_one_on_what_they_give():
    features, factor = torch.randn(3, 4, 50), torch.randn(8, 1)
    for bias in (True, False):
        convolution = LeadConvolution(4, 8, 5, padding=2, bias=bias)
        torch.testing.assert_close(convolution(features, factor), convolution(features) * factor)


def test_a_transposed_convolution_is_one_in_any_order_of_memory():
    layer = torch.nn.ConvTranspose1d(8, 4, 4, stride=2, padding=1)
    features = torch.randn(3, 8, 19, requires_grad=True)
    made = [transposed(layer, features), layer(features)]
    torch.testing.assert_close(*made)
    gradients = [torch.autograd.grad(one.square().sum(), features)[0] for one in made]
    torch.testing.assert_close(*gradients)


def test_features_are_not_moved_in_memory_between_convolutions():
    """A copy of the features for each convolution would take a third of the training."""
    block = DownBlock(4, 8, "none")
    given = torch.randn(6, 4, 1, 64).contiguous(memory_format=torch.channels_last).squeeze(2)
    seen = []
    for layer in (block.first, block.second, block.skip):
        layer.register_forward_pre_hook(lambda _, taken: seen.append(taken[0]))
    made = block(given)
    assert len(seen) == 3
    for features in (*seen, made):
        assert features[:, :, None].is_contiguous(memory_format=torch.channels_last)
