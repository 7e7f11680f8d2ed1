"""Fusion in AHA segments: what the ECG says of each segment is painted where that segment lies.

    code (B, 64), or the beat -> 17 logits, scar in that segment -> x trust -> painted through the AHA map
        -> 1 x 1 convolution, added to a feature map in the middle
        -> 1 x 1 convolution, added to the logits at the end
    logits, interval -> scale and shift of each channel in the middle (FiLM) x trust

An ECG tells territories, not pixels: its evidence has a place only through the AHA segments that the network is
shown. Trust is one number a patient, from the interval and the quality of the beat. The convolutions and FiLM start at
zero, so that the fused network starts as the one without an ECG, to the last bit; where there is no ECG, or no segment
is known, it stays that one. At the end evidence adds to the log odds of each class, as a product of experts does.

The logits are no part of what the segmentation learns: they are fitted to whole patients before it
(scartools.learning.evidence), and a training patient's come from a fit that never saw that patient.

FiLM: Perez et al., AAAI 2018, arXiv:1709.07871. Segments: Cerqueira et al., Circulation 2002;105:539. Product of
experts: Hinton, Neural Computation 2002;14:1771.
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
LEADS, SAMPLES = 12, 600  # of a beat
PAINTED = 3  # channels: evidence for scar, evidence against it, probability
FIRST_TRUST = 0.5
_SUREST = 0.01  # a true part of 0 or 1 becomes the logit of this or of one less this


@dataclass(frozen=True)
class SegmentFusionConfig:
    """The fusion.

    channels  of the feature map; classes: of the logits at the end; code: length of the ECG's code
    time      whether trust and FiLM see the interval
    hidden    width of both perceptrons
    """

    channels: int
    classes: int
    code: int = 64
    time: bool = True
    hidden: int = 32


class Spoken(NamedTuple):
    """What the ECG says.

    features  (B, C, h, w), fused
    added     (B, classes, H, W), to the logits at the end
    trust     (B,), 0 to 1
    """

    features: Tensor
    added: Tensor
    trust: Tensor


class SegmentFusion(nn.Module):
    """Fuse a feature map with what an ECG says of each segment; see SegmentFusionConfig."""

    def __init__(self, config: SegmentFusionConfig) -> None:
        super().__init__()
        self.config = config
        seen = 2 if config.time else 0
        self.evidence = nn.Linear(config.code, SEGMENTS)
        self.by_beat = nn.Linear(LEADS * SAMPLES, SEGMENTS, bias=False)
        self.trust = perceptron(2 + seen, config.hidden, 1)
        self.project = nn.Conv2d(PAINTED, config.channels, 1, bias=False)
        self.vote = nn.Conv2d(PAINTED, config.classes, 1, bias=False)
        self.film = perceptron(SEGMENTS + seen, config.hidden, 2 * config.channels)
        # the last weight and bias of FiLM
        silent = [*self.project.parameters(), *self.vote.parameters(), *list(self.film.parameters())[-2:]]
        fitted = [*self.evidence.parameters(), *self.by_beat.parameters()]
        for parameter in (*silent, *fitted):
            nn.init.zeros_(parameter)
        for parameter in fitted:
            parameter.requires_grad_(False)
        weight, bias = list(self.trust.parameters())[-2:]
        nn.init.zeros_(weight)
        nn.init.constant_(bias, math.log(FIRST_TRUST / (1 - FIRST_TRUST)))

    def logits(self, code: Tensor, beat: Tensor) -> Tensor:
        """Return the logit of scar in each segment, (B, 17), of codes (B, code) and their beats (B, 12, 600)."""
        return self.evidence(code) + self.by_beat(beat.flatten(1).to(code.dtype))

    def listens_to_code(self) -> bool:
        """Return whether the code has any part in the logits."""
        return bool(self.evidence.weight.any())

    def forward(
        self,
        features: Tensor,
        logits: Tensor,
        segments: Tensor,
        days: Tensor,
        quality: Tensor,
        present: Tensor,
    ) -> Spoken:
        """Fuse.

        features  (B, C, h, w), of the image
        logits    (B, 17), of `logits` or `true_logits`; NaN: nothing is said of that segment; what stands there for an
                  absent ECG is not looked at
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
        painted = paint(trust * said, trust * said.sigmoid() * known, segments).to(features.dtype)
        # what a pixel of the middle carries is the mean of those it holds: a segment that fills it in part, that part
        coarse = functional.adaptive_avg_pool2d(painted, (features.shape[2], features.shape[3]))
        scale = trust[:, :, None, None]
        gamma, beta = self.film(torch.cat([said, *seen], dim=1))[:, :, None, None].chunk(2, dim=1)
        fused = features * (1 + scale * gamma) + (scale * beta + self.project(coarse))
        added = self.vote(painted)
        speaks = (present & (segments.sum(dim=(1, 2, 3)) > 0))[:, None, None, None]
        return Spoken(
            torch.where(speaks, fused, features),
            torch.where(speaks, added, torch.zeros_like(added)),
            trust[:, 0],
        )


def paint(logits: Tensor, probability: Tensor, segments: Tensor) -> Tensor:
    """Return evidence for, evidence against and probability, (B, 3, H, W), each where its segment lies, 0 elsewhere.

    logits, probability  (B, 17); segments (B, 17, H, W), 1 inside
    """
    values = torch.stack((logits.relu(), (-logits).relu(), probability), dim=1)  # (B, 3, 17)
    return torch.einsum("bck,bkhw->bchw", values, segments.to(logits.dtype))


def true_logits(fractions: Tensor) -> Tensor:
    """Return what a perfect ECG would say, (B, 17), of the true parts of scar (B, 17), 0 to 1; NaN stays NaN."""
    return fractions.clamp(_SUREST, 1 - _SUREST).logit()


def _quality_seen(quality: Tensor) -> Tensor:
    """The quality as the network sees it, and whether it is unknown; (B, 2)."""
    unknown = torch.isnan(quality)
    value = torch.where(unknown, torch.zeros_like(quality), quality)
    return torch.stack((value, unknown.to(quality.dtype)), dim=1)
