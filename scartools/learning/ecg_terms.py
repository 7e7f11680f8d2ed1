"""What an ECG adds to a training: its part of a batch, and its terms of the loss."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from scartools.learning.sampling import Batch
from scartools.learning.settings import Settings
from scartools.network.segmenter import Ecg, Segmented, Segmenter
from scartools.network.taff import entropy_loss


def ecg_of(network: Segmenter, batch: Batch, device: str, *, tuned: bool) -> Ecg:
    """Return the ECGs of a batch; where the batch has the logits of its patients the beats are not encoded.

    tuned   the encoder learns from this batch; else the beats are encoded here, without a gradient
    """
    beat, days, present = (
        torch.from_numpy(part).to(device) for part in (batch.beat, batch.days, batch.present)
    )
    quality = None if batch.quality is None else torch.from_numpy(batch.quality).to(device)
    logits = None if batch.evidence is None else torch.from_numpy(batch.evidence).to(device)
    code = None
    if network.ecg is not None and not tuned and logits is None:
        there = present.nonzero()[:, 0]
        code = torch.zeros((len(beat), network.parts.encoder.code), device=device)
        if len(there):
            with torch.no_grad():
                code[there] = network.ecg.encode(beat[there]).to(code.dtype)
    return Ecg(beat, days, present, quality, logits, code)


def ecg_terms(found: Segmented, batch: Batch, settings: Settings, part: float) -> Tensor:
    """Return the terms of the loss that an ECG brings, a scalar: 0 where the network takes none.

    found  what the network gave for the batch; part: of the training that is done, 0 to 1
    Restored beats, with a quadratic rise; the entropy of TAFF's gate. The fusion by segments brings none.
    """
    device = found.logits[0].device
    total = torch.zeros((), device=device)
    if found.weights is None:
        return total
    present = torch.from_numpy(batch.present).to(device)
    if found.reconstruction is not None:
        beat = torch.from_numpy(batch.beat).to(device)
        error = functional.mse_loss(found.reconstruction.float(), beat, reduction="none").mean(dim=(1, 2))
        reconstruction = (error * present).sum() / present.sum().clamp_min(1)
        ramp = min(1.0, part / settings.ecg_warm_up) ** 2 if settings.ecg_warm_up > 0 else 1.0
        total = total + settings.ecg_weight * ramp * reconstruction
    if settings.fusion == "taff":
        entropy = entropy_loss(found.weights.float(), present, settings.taff_form)
        total = total + settings.entropy_weight * entropy
    return total
