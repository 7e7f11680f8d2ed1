"""Pretraining: what is masked, who is held out, and that an interruption leaves no trace."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scartools.errors import InputError
from scartools.files.checkpoint import read_checkpoint, write_checkpoint
from scartools.learning import pretraining
from scartools.learning.pretraining import PretrainingConfig
from scartools.network.ecg_autoencoder import ECGAutoencoderConfig

NETWORK = ECGAutoencoderConfig(samples=160, code=16, base=2, heads=4)


def tiny_beats(count: int = 12, samples: int = 160, seed: int = 0) -> np.ndarray:
    """Bumps whose size and place differ from beat to beat; the leads keep their ratios."""
    rng = np.random.default_rng(seed)
    times = np.linspace(-1, 1, samples)
    centre, size = (
        rng.normal(0, 0.1, count)[:, None, None],
        rng.normal(0, 1, (count, 1, 1)) * rng.normal(0, 1, (12, 1)),
    )
    return (2 * size * np.exp(-80 * (times - centre) ** 2)).astype(np.float32)


def run(beats: np.ndarray, config: PretrainingConfig, **options) -> list[pretraining.Epoch]:
    return list(pretraining.pretrain(beats, range(len(beats)), NETWORK, config, **options))


def equal(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_loss_falls_and_the_best_epoch_is_kept():
    config = PretrainingConfig(epochs=40, batch=4, learning_rate=1e-2, lead_masking=False, span_masking=0)
    epochs = run(tiny_beats(), config)
    assert epochs[-1].loss < 0.6 * epochs[0].loss
    best = min(epochs, key=lambda epoch: epoch.validation_rmse)
    assert best.best and epochs[-1].state["best_error"] == best.validation_rmse
    assert equal(epochs[-1].state["best"], best.state["network"])


@pytest.mark.parametrize("after", [1, 2])
def test_a_resumed_training_ends_with_the_same_bits(tmp_path, after: int):
    config = PretrainingConfig(epochs=4, batch=4, seed=3)
    whole = run(tiny_beats(), config)
    for epoch in pretraining.pretrain(tiny_beats(), range(12), NETWORK, config):
        write_checkpoint(tmp_path / "out", epoch.state)
        if epoch.epoch == after:
            break
    torch.manual_seed(99)  # what happened elsewhere in the process does not matter
    resumed = run(tiny_beats(), config, state=read_checkpoint(tmp_path / "out"))
    assert [epoch.epoch for epoch in resumed] == list(range(after + 1, 5))
    assert equal(whole[-1].state["network"], resumed[-1].state["network"])
    assert equal(whole[-1].state["best"], resumed[-1].state["best"])
    assert whole[-1].state["history"] == resumed[-1].state["history"]


def test_a_stop_inside_an_epoch_drops_that_epoch():
    config = PretrainingConfig(epochs=3, batch=4)
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) == 5  # three batches an epoch: inside the second

    epochs = run(tiny_beats(), config, stop=stop)
    assert [epoch.epoch for epoch in epochs] == [1]
    whole = run(tiny_beats(), config)
    assert equal(
        whole[-1].state["network"], run(tiny_beats(), config, state=epochs[0].state)[-1].state["network"]
    )


def test_the_seed_decides():
    config = PretrainingConfig(epochs=1, batch=4)
    one, same = run(tiny_beats(), config), run(tiny_beats(), config)
    other = run(tiny_beats(), PretrainingConfig(epochs=1, batch=4, seed=1))
    assert equal(one[0].state["network"], same[0].state["network"])
    assert not equal(one[0].state["network"], other[0].state["network"])


def test_absent_leads_count_neither_in_the_loss_nor_in_the_errors():
    beats = tiny_beats()
    beats[:, 4] = np.nan
    config = PretrainingConfig(epochs=1, batch=4)
    epochs = run(beats, config)
    assert np.isfinite(epochs[0].loss) and np.isfinite(epochs[0].validation_rmse)
    model = pretraining._build(NETWORK)
    with torch.no_grad():
        rmse, _, each = pretraining.reconstruction_errors(model, beats)
        made = model(torch.from_numpy(np.nan_to_num(beats))).reconstruction.numpy()
    present = [lead for lead in range(12) if lead != 4]
    assert rmse == pytest.approx(np.sqrt(np.mean((made - beats)[:, present] ** 2)), rel=1e-5)
    assert each.shape == (12,)


def test_snr_is_the_power_of_the_signal_over_that_of_the_error():
    class Half(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = torch.nn.Parameter(torch.tensor(0.9))

        def forward(self, beat: torch.Tensor):
            from types import SimpleNamespace

            return SimpleNamespace(reconstruction=self.factor * beat)

    beats = tiny_beats()
    rmse, snr, _ = pretraining.reconstruction_errors(Half(), beats)  # type: ignore[arg-type]
    assert snr == pytest.approx(20.0, abs=1e-4)
    assert rmse == pytest.approx(0.1 * np.sqrt(np.mean(beats**2)), rel=1e-5)


def test_no_group_is_on_both_sides():
    groups = [f"patient-{i // 3}" for i in range(60)]
    for seed in range(20):
        held_out = pretraining.split_groups(groups, 0.1, seed)
        inside = {g for g, out in zip(groups, held_out, strict=True) if out}
        outside = {g for g, out in zip(groups, held_out, strict=True) if not out}
        assert len(inside) == 2 and len(outside) == 18 and not inside & outside


def test_one_group_is_too_few():
    with pytest.raises(InputError, match="one participant"):
        pretraining.split_groups(["a", "a"], 0.1, 0)


def test_masked_leads_are_the_stated_sets_at_the_stated_rates():
    config = PretrainingConfig(span_masking=0)
    hidden = draw = pretraining.draw_mask(4000, 20, config, np.random.default_rng(0))
    assert (hidden.all(2) == hidden.any(2)).all()
    left = [tuple(np.flatnonzero(~lead)) for lead in draw[:, :, 0]]
    rates = {leads: left.count(leads) / len(left) for leads in set(left)}
    assert set(rates) == {tuple(leads) for leads, _ in pretraining.LEAD_SETS}
    for leads, share in pretraining.LEAD_SETS:
        assert rates[tuple(leads)] == pytest.approx(share, abs=0.03)


def test_masked_spans_are_one_piece_in_all_leads():
    config = PretrainingConfig(lead_masking=False, span_masking=1.0, longest_span=50)
    hidden = pretraining.draw_mask(200, 160, config, np.random.default_rng(0))
    assert (hidden == hidden[:, :1]).all()
    lengths = hidden[:, 0].sum(1)
    assert lengths.min() >= 1 and 40 < lengths.max() <= 50
    assert (np.abs(np.diff(np.pad(hidden[:, 0], ((0, 0), (1, 1))).astype(int), axis=1)).sum(1) == 2).all()


def test_the_rate_rises_over_a_fifth_and_falls_as_a_cosine():
    config = PretrainingConfig(learning_rate=1.0)
    rates = [pretraining.learning_rate_at(step, 100, config) for step in range(100)]
    assert rates[0] == pytest.approx(0.05) and rates[19] == pytest.approx(1.0)
    assert rates[60] == pytest.approx(0.5) and rates[99] < 0.001


def test_an_encoder_is_rebuilt_from_its_description():
    description = {"Kind": "encoder", "Architecture": pretraining.describe_network(NETWORK)}
    assert pretraining.build_encoder(description).config == NETWORK
    for wrong in ({"Kind": "model"}, {"Kind": "encoder", "Architecture": {"colour": 1}}, {"Kind": "encoder"}):
        with pytest.raises(InputError):
            pretraining.build_encoder(wrong)
