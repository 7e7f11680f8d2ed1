"""Fusion in AHA segments: what the ECG says of each segment is painted where that segment lies.

    code (B, 64) -> 17 logits, scar in that segment -> x trust -> painted through the AHA map -> 1 x 1 convolution --+
                                                                                                                     +-> added
    code, logits, interval -> scale and shift of each channel (FiLM) x trust ----------------------------------------+

An ECG tells territories, not pixels: its evidence has a place only through the AHA segments that the network is
shown. Trust is one number a patient, from the interval and the quality of the beat, and starts small. Convolution
and FiLM start at zero, so that the fused network starts as the one without an ECG, to the last bit; where there is
no ECG, or no segment is known, it stays that one.

The logits learn from scar in each segment alone (`presence_loss`): what is painted is cut off from the gradient of
the segmentation, so that they stay the odds of scar and are not bent to fit pixels of the training patients.

FiLM: Perez et al., AAAI 2018, arXiv:1709.07871. Segments: Cerqueira et al., Circulation 2002;105:539.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from scartools.network.taff import interval_seen, perceptron

SEGMENTS = 17
PAINTED = 3  # channels: evidence for scar, evidence against it, probability
FIRST_TRUST = 0.1
PRESENT = 0.05  # part of a segment that is scar, from which on scar counts as present
UNKNOWN_WEIGHT = 0.5  # in the loss, of an ECG whose day is not known, and of one 90 days away
_SUREST = 0.01  # a true part of 0 or 1 becomes the logit of this or of one less this


@dataclass(frozen=True)
class SegmentFusionConfig:
    """The fusion.

    channels  of the feature map; code: length of the ECG's code
    time      whether trust and FiLM see the interval
    hidden    width of both perceptrons
    """

    channels: int
    code: int = 64
    time: bool = True
    hidden: int = 32


class Spoken(NamedTuple):
    """What the ECG says.

    features  (B, C, h, w), fused
    trust     (B,), 0 to 1
    """

    features: Tensor
    trust: Tensor


class SegmentFusion(nn.Module):
    """Fuse a feature map with what an ECG says of each segment; see SegmentFusionConfig."""

    def __init__(self, config: SegmentFusionConfig) -> None:
        super().__init__()
        self.config = config
        seen = 2 if config.time else 0
        self.evidence = nn.Linear(config.code, SEGMENTS)
        self.trust = perceptron(2 + seen, config.hidden, 1)
        self.project = nn.Conv2d(PAINTED, config.channels, 1, bias=False)
        self.film = perceptron(config.code + SEGMENTS + seen, config.hidden, 2 * config.channels)
        silent = [*self.project.parameters(), *list(self.film.parameters())[-2:]]  # the last weight and bias
        for parameter in silent:
            nn.init.zeros_(parameter)
        weight, bias = list(self.trust.parameters())[-2:]
        nn.init.zeros_(weight)
        nn.init.constant_(bias, math.log(FIRST_TRUST / (1 - FIRST_TRUST)))

    def logits(self, code: Tensor) -> Tensor:
        """Return the logit of scar in each segment, (B, 17), of codes (B, code)."""
        return self.evidence(code)

    def forward(
        self,
        features: Tensor,
        code: Tensor,
        logits: Tensor,
        segments: Tensor,
        days: Tensor,
        quality: Tensor,
        present: Tensor,
    ) -> Spoken:
        """Fuse.

        features  (B, C, h, w), of the image
        code      (B, code), of the ECG; what stands there for an absent one is not looked at
        logits    (B, 17), of `logits` or `true_logits`; NaN: nothing is said of that segment
        segments  (B, 17, H, W), 1 inside the segment; H and W of the image
        days      (B,), absolute interval between ECG and MRI in days, NaN where unknown
        quality   (B,), of the beat, 0 to 1, NaN where unknown
        present   (B,) bool, whether there is an ECG
        """
        seen = [interval_seen(days).to(features.dtype)] if self.config.time else []  # (B, 2)
        trust = self.trust(
            torch.cat([_quality_seen(quality).to(features.dtype), *seen], dim=1)
        ).sigmoid()  # (B, 1)
        said = logits.detach().to(features.dtype)
        known = ~torch.isnan(said)
        said = torch.where(known, said, torch.zeros_like(said))
        painted = paint(
            trust * said, trust * said.sigmoid() * known, segments, (features.shape[2], features.shape[3])
        )
        scale = trust[:, :, None, None]
        gamma, beta = self.film(torch.cat([code, said, *seen], dim=1))[:, :, None, None].chunk(2, dim=1)
        fused = features * (1 + scale * gamma) + scale * beta + self.project(painted.to(features.dtype))
        speaks = present & segments.flatten(1).any(dim=1)
        return Spoken(torch.where(speaks[:, None, None, None], fused, features), trust[:, 0])


def paint(logits: Tensor, probability: Tensor, segments: Tensor, size: tuple[int, int]) -> Tensor:
    """Return evidence for, evidence against and probability, (B, 3, h, w), each where its segment lies.

    logits, probability  (B, 17); segments (B, 17, H, W), 1 inside; size: (h, w)
    A pixel that a segment fills in part carries that part.
    """
    where = functional.adaptive_avg_pool2d(segments.to(logits.dtype), size)  # (B, 17, h, w)
    values = torch.stack((logits.relu(), (-logits).relu(), probability), dim=1)  # (B, 3, 17)
    return torch.einsum("bck,bkhw->bchw", values, where)


def true_logits(fractions: Tensor) -> Tensor:
    """Return what a perfect ECG would say, (B, 17), of the true parts of scar (B, 17), 0 to 1; NaN stays NaN."""
    return fractions.clamp(_SUREST, 1 - _SUREST).logit()


def presence_loss(logits: Tensor, fractions: Tensor, days: Tensor, present: Tensor, *, time: bool) -> Tensor:
    """Binary cross-entropy of scar in each segment, a scalar: the mean over known segments of patients with an ECG.

    logits     (B, 17); fractions (B, 17), true part of each segment that is scar, NaN where not known
    days       (B,) absolute, NaN unknown: an ECG of the same day weighs 1, one 90 days away or more, or of an
               unknown day, half of it; with time False all weigh 1
    present    (B,) bool
    """
    known = ~torch.isnan(fractions) & present[:, None]
    truth = (fractions >= PRESENT).to(logits.dtype)  # NaN is not, and does not count
    part, unknown = interval_seen(days).to(logits.dtype).unbind(dim=1)
    weight = torch.where(unknown > 0, torch.full_like(part, UNKNOWN_WEIGHT), 1 - (1 - UNKNOWN_WEIGHT) * part)
    weight = (weight if time else torch.ones_like(weight))[:, None] * known
    each = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return (each * weight).sum() / weight.sum().clamp_min(1e-6)


def _quality_seen(quality: Tensor) -> Tensor:
    """The quality as the network sees it, and whether it is unknown; (B, 2)."""
    unknown = torch.isnan(quality)
    value = torch.where(unknown, torch.zeros_like(quality), quality)
    return torch.stack((value, unknown.to(quality.dtype)), dim=1)
