"""Time-aware fusion of ECG and image features: gate, projection, temporal FiLM, residual.

Ramzan et al., arXiv 2511.14702, section 2.2. Two forms:

    corrected  f_out = w_image f + w_ecg ((f + f_ecg) (1 + gamma) + beta)
    paper      f_out = f + (w_image f + w_ecg f_ecg) (1 + gamma) + beta

with w = softmax(gate), f_ecg the projected code of the ECG, and gamma, beta from the interval. The paper's form
is not the identity at the start, and no gate can take the ECG out of it: with w_image = 1 it gives 2 f. In the
corrected form projection and FiLM start at zero, so that the fused network starts as the image-only one, and
w_ecg = 0 gives f back. Where there is no ECG both give f back, exactly.

The entropy term: the paper adds the entropy of w to the loss, which rewards a gate that collapses. The corrected
term is its squared distance from 0.7 of the largest entropy (Chlon et al., arXiv 2505.15417).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

LARGEST_INTERVAL_DAYS = 90.0
ENTROPY_TARGET = 0.7  # of ln 2, the largest entropy of two weights
Form = Literal["corrected", "paper"]


@dataclass(frozen=True)
class TaffConfig:
    """The fusion.

    channels  of the feature map; code: length of the ECG's code
    time      whether the interval is looked at
    hidden    width of the three perceptrons
    form      "corrected" or "paper", see above
    """

    channels: int
    code: int = 64
    time: bool = True
    hidden: int = 64
    form: Form = "corrected"


class Fused(NamedTuple):
    """What the fusion gave: the feature map (B, C, H, W) and the weights of image and ECG (B, 2)."""

    features: Tensor
    weights: Tensor


class Taff(nn.Module):
    """Fuse a feature map with the code of an ECG; see TaffConfig."""

    def __init__(self, config: TaffConfig) -> None:
        super().__init__()
        self.config = config
        channels, hidden = config.channels, config.hidden
        # in the paper only FiLM sees the interval, so its gate cannot weigh an old ECG less
        gate_sees = 2 if config.time and config.form == "corrected" else 0
        self.gate = perceptron(channels + config.code + gate_sees, hidden, 2)
        self.project = nn.Linear(config.code, channels)
        self.film = perceptron(2, hidden, 2 * channels) if config.time else None
        if config.form == "corrected":
            nn.init.zeros_(self.project.weight)
            nn.init.zeros_(self.project.bias)
            if self.film is not None:
                last = list(self.film.parameters())[-2:]  # weight and bias
                for parameter in last:
                    nn.init.zeros_(parameter)

    def forward(self, features: Tensor, code: Tensor, days: Tensor, present: Tensor) -> Fused:
        """Fuse.

        features  (B, C, H, W), of the image
        code      (B, code), of the ECG; what stands there for an absent one is not looked at
        days      (B,), absolute interval between ECG and MRI in days, NaN where unknown
        present   (B,) bool, whether there is an ECG
        """
        interval = interval_seen(days).to(features.dtype)  # (B, 2)
        pooled = torch.cat((features.mean(dim=(2, 3)), code), dim=1)
        if self.config.time and self.config.form == "corrected":
            pooled = torch.cat((pooled, interval), dim=1)
        weights = self.gate(pooled).softmax(dim=1)  # (B, 2)
        from_image, from_ecg = weights[:, 0, None, None, None], weights[:, 1, None, None, None]
        ecg = self.project(code)[:, :, None, None]
        if self.film is None:
            gamma = beta = torch.zeros_like(ecg)
        else:
            gamma, beta = self.film(interval)[:, :, None, None].chunk(2, dim=1)
        if self.config.form == "corrected":
            fused = from_image * features + from_ecg * ((features + ecg) * (1 + gamma) + beta)
        else:
            fused = features + (from_image * features + from_ecg * ecg) * (1 + gamma) + beta
        return Fused(torch.where(present[:, None, None, None], fused, features), weights)


def entropy_loss(weights: Tensor, present: Tensor, form: Form) -> Tensor:
    """The entropy term of the loss, a scalar: mean over the samples with an ECG, 0 where there is none.

    weights  (B, 2); present (B,) bool
    """
    entropy = -(weights * weights.clamp_min(1e-12).log()).sum(dim=1)
    term = entropy if form == "paper" else (entropy - ENTROPY_TARGET * math.log(2)) ** 2
    return (term * present).sum() / present.sum().clamp_min(1)


def interval_seen(days: Tensor) -> Tensor:
    """Return the interval as a network sees it, (B, 2): part of 90 days, 0 to 1, and whether it is unknown."""
    unknown = torch.isnan(days)
    part = torch.where(unknown, torch.zeros_like(days), days.abs() / LARGEST_INTERVAL_DAYS).clamp(0, 1)
    return torch.stack((part, unknown.to(part.dtype)), dim=1)


def perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Return a perceptron with one hidden layer."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
