"""Temperature scaling: one number that makes a network's probabilities as sure as its validation patients say.

A network that learned until its loss was small is too sure of itself. Dividing its logits by a temperature changes no
label, for one network, and says how sure to be; the temperature is the one with the least negative log-likelihood on
patients that were not learned from. Guo et al., ICML 2017, arXiv:1706.04599.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from scartools.learning.sampling import TrainingCase
from scartools.network.losses import IGNORE

ROOM = 10  # pixels around the labelled heart: far from it every network is sure, and rightly
LEAST, MOST = 0.2, 10.0
SMALLEST = 1e-12  # a probability that rounding made 0


@dataclass(frozen=True)
class Calibration:
    """How sure a network is.

    temperature  its logits are divided by this; before, after: negative log-likelihood per pixel, nats, at 1 and at it
    patients     whose pixels these are
    """

    temperature: float
    before: float
    after: float
    patients: int


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probabilities of the same logits divided by a temperature.

    probabilities  float32 (C, ...), their sum over C is 1
    """
    if temperature == 1.0:
        return probabilities
    powers = np.maximum(probabilities, SMALLEST) ** (1 / temperature)
    return (powers / powers.sum(axis=0)).astype(probabilities.dtype)


def calibrate(pairs: Iterable[tuple[TrainingCase, np.ndarray]]) -> Calibration | None:
    """Find the temperature.

    pairs  validation cases with labels as the network numbers them, each with probabilities float32 (C, Z, Y, X);
           the pixels within 10 of the box of the labelled heart count, every patient as much as any other
    Returns None where no case has a heart.
    """
    logs, truths, shares, groups = [], [], [], []
    for case, probabilities in pairs:
        box = _around(case.label)
        if box is None:
            continue
        truth = case.label[box].ravel()
        counted = truth != IGNORE
        logs.append(
            np.log(np.maximum(probabilities[(slice(None), *box)], SMALLEST)).reshape(len(probabilities), -1)
        )
        logs[-1], truth = logs[-1][:, counted].astype(np.float64), truth[counted]
        truths.append(truth)
        shares.append(np.full(len(truth), 1 / max(1, len(truth))))
        groups.append(case.group)
    if not logs:
        return None
    scores, truth, share = np.concatenate(logs, axis=1), np.concatenate(truths), np.concatenate(shares)
    share /= share.sum()
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        """Negative log-likelihood per pixel, nats."""
        scaled = scores / np.exp(log_temperature)
        top = scaled.max(axis=0)
        norm = top + np.log(np.exp(scaled - top).sum(axis=0))
        return float((share * (norm - scaled[truth, rows])).sum())

    found = minimize_scalar(
        loss, bounds=(np.log(LEAST), np.log(MOST)), method="bounded", options={"xatol": 1e-3}
    )
    best = float(found.x) if found.fun < loss(0.0) else 0.0
    return Calibration(round(float(np.exp(best)), 4), loss(0.0), loss(best), len(set(groups)))


def _around(label: np.ndarray) -> tuple[slice, ...] | None:
    """Return the box of the heart in (Z, Y, X), with room in the plane."""
    heart = np.argwhere((label > 0) & (label != IGNORE))
    if not len(heart):
        return None
    low, high = heart.min(axis=0), heart.max(axis=0) + 1
    room = (0, ROOM, ROOM)
    return tuple(slice(max(0, int(a) - r), int(b) + r) for a, b, r in zip(low, high, room, strict=True))
