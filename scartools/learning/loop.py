"""The training loop: batches in, one record an iteration out.

Each iteration's draws depend on the seed and its number alone, so that a run that was interrupted and goes on
gives the weights of one that was not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scartools.errors import ScartoolsError
from scartools.learning import processes
from scartools.learning.augment import augmented, seeded
from scartools.learning.ecg_terms import ecg_of, ecg_terms
from scartools.learning.sampling import Batch, TrainingCase, draw_batch, share_of
from scartools.learning.settings import Settings
from scartools.network.losses import IGNORE, deep_supervision
from scartools.network.segmenter import Segmented, Segmenter

REPORTS = 20  # a training says this many times how it stands on the validation patients
_VALIDATION_BATCHES = 4
_SAMPLING, _AUGMENTATION, _DROPOUT, _VALIDATION = range(4)  # streams of random numbers


@dataclass(frozen=True)
class Progress:
    """One iteration.

    iteration   done so far, of `total`
    loss        mean since the last report; dice: by class on crops of validation patients, at a report only
    state       call it for what a checkpoint holds: after this iteration
    """

    iteration: int
    total: int
    loss: float
    learning_rate: float
    dice: dict[int, float] | None
    ecg_weight: float | None
    state: Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Setting:
    """What a training runs on, beside its settings."""

    device: str = "cpu"
    precision: torch.dtype = torch.float32
    stream: int = 0  # of random numbers: one for each network of a run
    regions: tuple[tuple[int, ...], ...] = ()  # classes that count as one in the loss too


def train(
    network: Segmenter,
    cases: Sequence[TrainingCase],
    validation: Sequence[TrainingCase],
    settings: Settings,
    setting: Setting,
    *,
    iterations: int,
    state: Mapping[str, Any] | None = None,
) -> Iterator[Progress]:
    """Train a network in place.

    cases, validation  patients to learn from, and patients to look at; never the same
    iterations         in all; state: of a checkpoint to go on from
    Yields a Progress after each iteration. With settings.ema the validation sees the averaged weights, and the
    network has them once all is done. Raises ScartoolsError when the loss is no number, or memory is short.
    """
    network.to(setting.device)
    if not settings.tunes_encoder() and network.ecg is not None:
        network.ecg.requires_grad_(False)
    optimisers = _optimisers(network, settings)
    averaged = deepcopy(network) if settings.ema else None
    done, losses, weights = 0, [], []
    if state is not None:
        network.load_state_dict(state["network"])
        for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        if averaged is not None:
            averaged.load_state_dict(state["averaged"])
        done, losses, weights = state["iteration"], list(state["losses"]), list(state["weights"])

    def state_now() -> dict[str, Any]:
        """What a checkpoint holds, as it is when this is called."""
        return {
            "network": network.state_dict(),
            "averaged": None if averaged is None else averaged.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in optimisers],
            "iteration": done,
            "losses": losses,
            "weights": weights,
        }

    period = max(1, iterations // REPORTS)
    for number in range(done, iterations):
        rate = _set_rates(optimisers, settings, number, iterations)
        batch = training_batch(cases, settings, setting, number)
        loss, weight = _step(network, batch, optimisers, settings, setting, number, iterations)
        if averaged is not None:
            _average(averaged, network, settings.ema, number)
        losses.append(loss)
        weights.extend(weight)
        done = number + 1
        dice, mean, share = None, float(np.mean(losses)), float(np.mean(weights)) if weights else None
        if done % period == 0 or done == iterations:
            shown = network if averaged is None else averaged
            dice = validation_dice(shown, validation, settings, setting) if validation else {}
            losses, weights = [], []
        yield Progress(done, iterations, mean, rate, dice, share, state_now)
    if averaged is not None:
        network.load_state_dict(averaged.state_dict())


def _average(averaged: Segmenter, network: Segmenter, decay: float, number: int) -> None:
    """Move the averaged weights towards the network's after iteration `number`, from 0.

    The decay rises as (1 + n) / (10 + n) to its value, so that the weights of the start are soon forgotten.
    Polyak and Juditsky, SIAM J Control Optim 1992;30:838, doi:10.1137/0330046.
    """
    part = 1 - min(decay, (1 + number) / (10 + number))
    with torch.no_grad():
        for mean, now in zip(averaged.parameters(), network.parameters(), strict=True):
            mean.lerp_(now, part)


def training_batch(
    cases: Sequence[TrainingCase], settings: Settings, setting: Setting, iteration: int
) -> Batch:
    """Draw the batch of an iteration, `settings.size.batch` crops a process; augment and return this one's share."""
    rank, world = processes.rank(), processes.world()
    batch = draw_batch(
        cases,
        _rng(settings, setting, _SAMPLING, iteration),
        batch=settings.size.batch * world,
        patch=settings.size.patch,
        foreground=settings.foreground,
        ecg_dropout=settings.ecg_dropout,
        prior_dropout=settings.prior_dropout,
    )
    seed = int(_rng(settings, setting, _AUGMENTATION, iteration).integers(2**31))
    return augmented(
        share_of(batch, rank, world),
        seed,
        patch=settings.size.patch,
        rotation_deg=settings.rotation_deg,
        mirror=settings.mirror,
        first=rank * settings.size.batch,
    )


def _step(
    network: Segmenter,
    batch: Batch,
    optimisers: Sequence[torch.optim.Optimizer],
    settings: Settings,
    setting: Setting,
    number: int,
    iterations: int,
) -> tuple[float, list[float]]:
    """Take one step; return the loss and the ECG's weight in the fusion, if there was one."""
    network.train()
    seed = int(_rng(settings, setting, _DROPOUT, number).integers(2**31)) + processes.rank()
    with seeded(seed), _memory_said():
        loss, found = _loss(network, batch, settings, setting, number, iterations)
        shown_loss = float(processes.mean_of(loss).item())
        if not math.isfinite(shown_loss):
            raise ScartoolsError(
                f"the loss is {shown_loss} at iteration {number + 1}, whose crops are of {_few(batch.ids)}",
                remedy="Train with a lower --learning-rate, and look at these cases with: scartools check",
            )
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        processes.average_gradients(network)
    torch.nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_clip)
    for optimiser in optimisers:
        optimiser.step()
    weight = found.weights
    shown = (
        [float(weight.detach()[torch.from_numpy(batch.present), 1].mean())]
        if weight is not None and batch.present.any()
        else []
    )
    return shown_loss, shown


def _few(ids: Sequence[str]) -> str:
    """Name the cases of a batch, each once."""
    return ", ".join(sorted(set(ids)))


@contextmanager
def _memory_said() -> Iterator[None]:
    """Turn what torch says when memory is short into what to lower."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        short = isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
        if not short:
            raise
        raise ScartoolsError(
            "there is not enough memory for a training step", remedy="Lower --batch, --patch or --features"
        ) from error


def _loss(
    network: Segmenter, batch: Batch, settings: Settings, setting: Setting, number: int, iterations: int
) -> tuple[Tensor, Segmented]:
    """The composite loss of iteration `number`, from 0: segmentation, and what an ECG adds."""
    tuned = settings.tunes_encoder() and number % settings.ecg_every == 0
    found = _segmented(network, batch, settings, setting, all_resolutions=True, tuned=tuned)
    target = torch.from_numpy(batch.label).to(setting.device)
    loss = deep_supervision(found.logits, target, processes.summed, setting.regions)
    return loss + ecg_terms(found, batch, settings, number / max(1, iterations)), found


def _segmented(
    network: Segmenter,
    batch: Batch,
    settings: Settings,
    setting: Setting,
    *,
    all_resolutions: bool,
    tuned: bool,
) -> Segmented:
    device, half = setting.device, setting.precision != torch.float32
    image, prior = torch.from_numpy(batch.image).to(device), torch.from_numpy(batch.prior).to(device)
    with torch.autocast(torch.device(device).type, setting.precision, enabled=half):
        ecg = ecg_of(network, batch, device, tuned=tuned) if network.parts.ecg else None
        return network.segment(image, prior, ecg, all_resolutions=all_resolutions)


def validation_dice(
    network: Segmenter, cases: Sequence[TrainingCase], settings: Settings, setting: Setting
) -> dict[int, float]:
    """Return Dice by class, pooled over the same unaugmented crops each time; NaN where a class is nowhere.

    It says how a training goes. It is no result: `evaluate` measures whole patients.
    """
    hit = np.zeros(network.parts.classes)
    size = np.zeros(network.parts.classes)
    network.eval()
    for number in range(_VALIDATION_BATCHES):
        batch = draw_batch(
            cases,
            _rng(settings, setting, _VALIDATION, number),
            batch=settings.size.batch,
            patch=settings.size.patch,
            foreground=1.0,
            margin=1.0,
        )
        with torch.inference_mode():
            found = _segmented(network, batch, settings, setting, all_resolutions=False, tuned=False)
        logits = found.logits[0]
        guess, truth = logits.argmax(dim=1).cpu().numpy(), batch.label
        for value in range(1, network.parts.classes):
            mine, theirs = (guess == value) & (truth != IGNORE), truth == value
            hit[value] += np.count_nonzero(mine & theirs)
            size[value] += np.count_nonzero(mine) + np.count_nonzero(theirs)
    return {v: float(2 * hit[v] / size[v]) if size[v] else math.nan for v in range(1, len(hit))}


def _optimisers(network: Segmenter, settings: Settings) -> list[torch.optim.Optimizer]:
    """Three of them: SGD for the image, AdamW for the ECG and for the gate. Ramzan et al., section 3."""
    ecg = list(network.ecg.parameters()) if network.ecg is not None else []
    fusion = network.taff or network.segment_fusion
    gate = list(fusion.parameters()) if fusion is not None else []
    apart = {id(parameter) for parameter in (*ecg, *gate)}
    image = [parameter for parameter in network.parameters() if id(parameter) not in apart]
    made: list[torch.optim.Optimizer] = [
        torch.optim.SGD(
            image, lr=settings.image_rate, momentum=settings.momentum, nesterov=True, weight_decay=3e-5
        )
    ]
    if ecg:
        made.append(torch.optim.AdamW(ecg, lr=settings.ecg_rate, weight_decay=5e-5))
        made.append(torch.optim.AdamW(gate, lr=settings.gate_rate, weight_decay=1e-4))
    return made


def _set_rates(
    optimisers: Sequence[torch.optim.Optimizer], settings: Settings, number: int, iterations: int
) -> float:
    """Set the learning rates of an iteration: polynomial for the image, warm-up and cosine for ECG and gate."""
    part = number / iterations
    image = settings.image_rate * (1 - part) ** 0.9
    if part < settings.warm_up:
        rise = (number + 1) / max(1.0, settings.warm_up * iterations)
        shape = min(1.0, rise)
    else:
        shape = 0.5 * (1 + math.cos(math.pi * (part - settings.warm_up) / (1 - settings.warm_up)))
    rates = (image, settings.ecg_rate * shape, settings.gate_rate * shape)
    for optimiser, rate in zip(optimisers, rates, strict=False):  # the image alone has one optimiser
        for group in optimiser.param_groups:
            group["lr"] = rate
    return image


def _rng(settings: Settings, setting: Setting, purpose: int, number: int) -> np.random.Generator:
    return np.random.default_rng([settings.seed, setting.stream, purpose, number])
