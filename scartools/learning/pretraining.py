"""Train the ECG autoencoder to restore median beats from which leads and spans of time were taken.

Source: Chen C et al. arXiv:2403.10581 (lead sets, AdamW, warm-up and cosine). Spans of time are masked besides.
Every random draw of an epoch comes from (seed, epoch), so that an interrupted training that goes on from the
state after an epoch ends with the weights of one that was never interrupted.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scartools.errors import InputError

if TYPE_CHECKING:
    import torch

    from scartools.network.ecg_autoencoder import ECGAutoencoder, ECGAutoencoderConfig

_I, _II, _III, _V2 = 0, 1, 2, 7
_LIMB, _CHEST = tuple(range(6)), tuple(range(6, 12))
# leads that are left, and how often
LEAD_SETS: tuple[tuple[tuple[int, ...], float], ...] = (
    ((_I, _II), 0.1),
    ((_I, _II, _V2), 0.1),
    ((_I, _II, _III, _V2), 0.1),
    (_LIMB, 0.1),
    ((_I, _II, *_CHEST), 0.1),
    ((*_LIMB, *_CHEST), 0.5),
)


@dataclass(frozen=True)
class PretrainingConfig:
    """How to train.

    validation     share of the groups that is held out, at least one
    span_masking   how often a beat loses a span of time in all leads, of up to `longest_span` samples
    masked_weight  weight in the loss of the samples that were masked; the others weigh 1
    """

    epochs: int = 100
    batch: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 5e-5
    betas: tuple[float, float] = (0.9, 0.95)
    warm_up: float = 0.2
    lead_masking: bool = True
    span_masking: float = 0.5
    longest_span: int = 100
    masked_weight: float = 1.0
    validation: float = 0.1
    seed: int = 0


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to; errors are in the units of the standardised beats.

    epoch            from 1
    loss             mean over the training batches, of masked beats
    validation_rmse  over all valid samples of the held-out beats, nothing masked
    validation_snr   dB, mean over the held-out beats of signal power over error power
    best             whether the validation error is the smallest so far
    seconds          wall time
    state            what `pretrain` goes on from, for a checkpoint; its "best" holds the weights to keep
    """

    epoch: int
    loss: float
    validation_rmse: float
    validation_snr: float
    learning_rate: float
    best: bool
    seconds: float
    state: Mapping[str, Any]


def split_groups(groups: Sequence[Hashable], share: float, seed: int) -> np.ndarray:
    """Return bool (N,), True for the held-out beats; all beats of a group fall on one side.

    Raises InputError when there are fewer than two groups.
    """
    names = sorted(set(map(str, groups)))
    if len(names) < 2:
        raise InputError(
            "holds beats of one participant or group only, and validation needs another",
            remedy="Give beats of more participants",
        )
    count = min(max(1, round(share * len(names))), len(names) - 1)
    held_out = {names[i] for i in np.random.default_rng([seed, 0]).permutation(len(names))[:count]}
    return np.array([str(group) in held_out for group in groups])


def draw_mask(count: int, samples: int, config: PretrainingConfig, rng: np.random.Generator) -> np.ndarray:
    """Return bool (count, 12, samples), True where a beat is hidden from the network."""
    hidden = np.zeros((count, 12, samples), dtype=bool)
    if config.lead_masking:
        choice = rng.choice(len(LEAD_SETS), size=count, p=[share for _, share in LEAD_SETS])
        for leads, number in zip(hidden, choice, strict=True):
            leads[:] = True
            leads[list(LEAD_SETS[number][0])] = False
    for beat in np.flatnonzero(rng.random(count) < config.span_masking):
        length = int(rng.integers(1, min(config.longest_span, samples) + 1))
        start = int(rng.integers(0, samples - length + 1))
        hidden[beat, :, start : start + length] = True
    return hidden


def learning_rate_at(step: int, steps: int, config: PretrainingConfig) -> float:
    """Return the rate of a step (from 0): a linear rise over the warm-up, then a cosine that ends near 0."""
    rise = max(1, round(config.warm_up * steps))
    if step < rise:
        return config.learning_rate * (step + 1) / rise
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def start(network: ECGAutoencoderConfig, config: PretrainingConfig) -> dict[str, Any]:
    """Return the state before the first epoch: weights drawn from the seed."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        weights = _build(network).state_dict()
    return {"epoch": 0, "network": weights, "optimiser": None, "best": None, "best_error": None, "history": []}


def pretrain(
    beats: np.ndarray,
    groups: Sequence[Hashable],
    network: ECGAutoencoderConfig,
    config: PretrainingConfig,
    *,
    state: Mapping[str, Any] | None = None,
    device: str = "cpu",
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Epoch]:
    """Train, and yield a record after each epoch. Processes that have joined share each batch, `config.batch` beats each.

    beats   float32 (N, 12, samples), standardised, NaN where a lead or sample is absent: absent samples are
            0 for the network and do not count in the loss. It may be a file: a batch at a time is in memory
    groups  one per beat, such as the participant; none is on both sides of the split
    state   what `start` or an earlier Epoch gave; the training goes on after it
    stop    asked before each batch; when true the unfinished epoch is dropped and nothing more is yielded
    Raises InputError for fewer than two groups, or fewer beats to learn from than processes.
    """
    import torch

    held_out = split_groups(groups, config.validation, config.seed)
    state = state or start(network, config)
    model = _build(network).to(device)
    model.load_state_dict(state["network"])
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, betas=config.betas, weight_decay=config.weight_decay
    )
    if state["optimiser"] is not None:
        optimiser.load_state_dict(state["optimiser"])
    learned, tested = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    best, best_error, history = state["best"], state["best_error"], list(state["history"])
    for epoch in range(state["epoch"] + 1, config.epochs + 1):
        began = time.monotonic()
        loss = _train_epoch(model, optimiser, beats, learned, config, epoch, stop)
        if loss is None:
            return
        rmse, snr, _ = reconstruction_errors(model, beats, tested, batch=config.batch)
        improved = best_error is None or rmse < best_error
        if improved:
            best, best_error = _copied(model), rmse
        rate = float(optimiser.param_groups[0]["lr"])
        facts = {
            "Epoch": epoch,
            "Loss": loss,
            "ValidationRMSE": rmse,
            "ValidationSNR": snr,
            "LearningRate": rate,
        }
        history.append(facts)
        after = {
            "epoch": epoch,
            "network": _copied(model),
            "optimiser": copy.deepcopy(optimiser.state_dict()),  # it would change with the next epoch
            "best": best,
            "best_error": best_error,
            "history": list(history),
        }
        yield Epoch(epoch, loss, rmse, snr, rate, improved, time.monotonic() - began, after)


def reconstruction_errors(
    model: ECGAutoencoder, beats: np.ndarray, rows: np.ndarray | None = None, *, batch: int = 128
) -> tuple[float, float, np.ndarray]:
    """Return RMSE over all valid samples, mean SNR in dB over the beats, and the RMSE of each beat (N,).

    beats  float32 (N, 12, samples), NaN where absent; nothing is masked; rows: which of them, None: all
    """
    import torch

    rows = np.arange(len(beats)) if rows is None else rows
    model.eval()
    device = next(model.parameters()).device
    squares, powers, counts = [], [], []
    with torch.no_grad():
        for first in range(0, len(rows), batch):
            target, valid = _target(beats[rows[first : first + batch]], device)
            error = (model(target).reconstruction - target).square() * valid
            squares.append(error.sum((1, 2)).cpu().double().numpy())
            powers.append(target.square().sum((1, 2)).cpu().double().numpy())
            counts.append(valid.sum((1, 2)).cpu().double().numpy())
    square, power, count = (np.concatenate(parts) for parts in (squares, powers, counts))
    snr = 10 * np.log10(np.maximum(power, 1e-12) / np.maximum(square, 1e-12))
    return float(np.sqrt(square.sum() / count.sum())), float(snr.mean()), np.sqrt(square / count)


def build_encoder(description: Mapping[str, Any]) -> ECGAutoencoder:
    """Return the network that the `model.json` of an encoder describes, its weights still to be loaded.

    Raises InputError when the description is not one of an encoder, or of one that this version knows.
    """
    from scartools.network.ecg_autoencoder import ECGAutoencoder, ECGAutoencoderConfig

    kind, architecture = description.get("Kind"), description.get("Architecture")
    if kind != "encoder" or not isinstance(architecture, Mapping):
        raise InputError(
            f"describes a {kind!r}, not an encoder with its architecture",
            remedy="Name a folder that pretrain-ecg wrote",
        )
    try:
        return ECGAutoencoder(ECGAutoencoderConfig(**architecture))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"describes an encoder that cannot be built ({error})",
            remedy="Read it with the version that wrote it",
        ) from error


def rebuild_encoder(description: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> ECGAutoencoder:
    """Return an encoder with its weights. Raises InputError where they and its description do not fit."""
    network = build_encoder(description)
    try:
        network.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise InputError(
            "holds a description that its weights do not fit", remedy="Copy the whole folder again"
        ) from error
    return network


def describe_network(network: ECGAutoencoderConfig) -> dict[str, Any]:
    """Return the architecture as `build_encoder` takes it."""
    return asdict(network)


def _train_epoch(
    model: ECGAutoencoder,
    optimiser: torch.optim.Optimizer,
    beats: np.ndarray,
    rows: np.ndarray,
    config: PretrainingConfig,
    epoch: int,
    stop: Callable[[], bool],
) -> float | None:
    """Return the mean loss of one pass over those rows of the beats, or None when it was told to stop."""
    import torch

    from scartools.learning import processes

    rank, world = processes.rank(), processes.world()
    if len(rows) < world:
        raise InputError(f"{len(rows)} beats are fewer than {world} processes", remedy="Start fewer processes")
    rng = np.random.default_rng([config.seed, epoch])
    device = next(model.parameters()).device
    batches = np.array_split(rows[rng.permutation(len(rows))], math.ceil(len(rows) / (config.batch * world)))
    steps, losses = len(batches), []
    model.train()
    with torch.random.fork_rng():  # dropout draws from the global generator
        torch.manual_seed(int(rng.integers(2**62)) + rank)
        for number, chosen in enumerate(batches):
            if processes.any_of(stop(), str(device)):
                return None
            for group in optimiser.param_groups:
                group["lr"] = learning_rate_at((epoch - 1) * steps + number, config.epochs * steps, config)
            share = np.array_split(np.arange(len(chosen)), world)[rank]
            target, valid = _target(beats[chosen[share]], device)
            hidden = torch.from_numpy(draw_mask(len(chosen), beats.shape[2], config, rng)[share]).to(device)
            error = (model(target.masked_fill(hidden, 0.0)).reconstruction - target).square()
            weight = valid * (1 + (config.masked_weight - 1) * hidden)
            whole = processes.summed(weight.sum()).clamp(min=1e-9)
            loss = processes.summed((error * weight).sum()) / whole
            optimiser.zero_grad()
            loss.backward()
            processes.average_gradients(model)
            optimiser.step()
            losses.append(loss.item() * len(chosen))
    return sum(losses) / len(rows)


def _target(beats: np.ndarray, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the beats with 0 where absent, and float 1 where present."""
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(beats, dtype=np.float32)).to(device)
    return torch.nan_to_num(tensor, nan=0.0), (~torch.isnan(tensor)).float()


def _copied(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _build(network: ECGAutoencoderConfig) -> ECGAutoencoder:
    from scartools.network.ecg_autoencoder import ECGAutoencoder

    return ECGAutoencoder(network)
