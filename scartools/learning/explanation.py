"""What of an ECG moved a network, and where it looked: numbers for one patient.

Integrated gradients (Sundararajan et al., ICML 2017, arXiv:1703.01365) from a flat line to the beat: they sum to what
the target gains over a flat line, up to the error of the sum, which is told. Attention is where the encoder looked; it
explains nothing by itself (Jain and Wallace, NAACL 2019, arXiv:1902.10186). Rows and columns are leads: the encoder
keeps them apart up to its attention (see scartools.network.ecg_autoencoder); a network of the published stem does not, and
is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scartools.errors import InputError
from scartools.learning.sampling import cut
from scartools.network.segmenter import Ecg, Segmenter

STEPS = 64  # of the path from the flat line to the beat
AT_ONCE = 8  # of them
SEGMENT_TARGET = "mean logit of scar over the 17 AHA segments"
IMAGE_TARGET = "mean probability of scar in the slice that has most of it"


@dataclass(frozen=True)
class Explanation:
    """One patient's ECG in the eyes of a network.

    beat            float32 (12, 600), standardised: what the network was shown
    attribution     float32 (12, 600), integrated gradients of the target, in its unit a sample
    target          what they explain, in words; value of the beat, and of a flat line
    lead_attention  float32 (12, 12), row looks at column; rows sum to 1
    time_attention  float32 (12, cells): in each lead, how much a place is looked at, the mean over who looks; sums to 1
    cell_ms         width of a place; first_ms: where the first begins, from R at 0
    logits          float32 (17,), scar by AHA segment as the ECG has it; None for a fusion that has none
    trust           0 to 1, the ECG's weight in the fusion
    encoder_heard   whether the encoder, and so its attention, has any part in what is said
    """

    beat: np.ndarray
    attribution: np.ndarray
    target: str
    value: float
    flat_value: float
    lead_attention: np.ndarray
    time_attention: np.ndarray
    cell_ms: float
    first_ms: float
    logits: np.ndarray | None
    trust: float
    encoder_heard: bool = True

    @property
    def gap(self) -> float:
        """What the attributions fail to account for of the target's gain over a flat line, in its unit."""
        return float(self.value - self.flat_value - self.attribution.sum())


def explain(
    network: Segmenter,
    image: np.ndarray,
    probability: np.ndarray,
    *,
    beat: np.ndarray,
    days: float,
    quality: float,
    prior: np.ndarray | None,
    scar: Sequence[int],
    patch: tuple[int, int],
    device: str = "cpu",
) -> Explanation:
    """Explain what one ECG did to one patient's segmentation.

    image        float32 (1, Z, Y, X), normalised; prior uint8 (Z, Y, X) or None
    probability  float32 (C, Z, Y, X), what the network said; scar: its classes that are scar
    beat         float32 (12, 600), standardised; days: interval, quality: of the beat, NaN where unknown
    The target of the fusion by segments is the mean of its 17 logits, which the image has no part in. That of TAFF is the
    mean probability of scar in a window of the size of the patch, around the heart of the slice with most scar.
    Raises InputError for a network without an ECG, or whose encoder mixes the leads before its attention.
    """
    encoder, by_segment = network.ecg, network.segment_fusion
    if encoder is None:
        raise InputError("takes no ECG: there is nothing to explain", remedy="Leave --explain out")
    if not network.parts.encoder.lead_identity:
        raise InputError(
            "has an encoder that mixes the leads: its maps belong to none", remedy="Leave --explain out"
        )
    network = network.to(device).eval()
    window, shown = _window(image, probability, prior, scar, patch)
    planes = torch.from_numpy(window).to(device)
    segments = torch.from_numpy(shown).to(device) if network.parts.sees_segments() else None

    def ecg_of(beats: Tensor) -> Ecg:
        """Beats (B, 12, 600) of this patient, on their way from a flat line."""
        count = len(beats)
        return Ecg(
            beats,
            torch.full((count,), days, device=device),
            torch.ones(count, dtype=torch.bool, device=device),
            torch.full((count,), quality, device=device),
        )

    def scar_in_window(beats: Tensor) -> Tensor:
        """Mean probability of scar, (B,)."""
        few = len(beats)
        prior_of_each = None if segments is None else segments.expand(few, -1, -1)
        found = network.segment(planes.expand(few, -1, -1, -1), prior_of_each, ecg_of(beats)).logits[0]
        return found.softmax(dim=1)[:, list(scar)].sum(dim=1).mean(dim=(1, 2))

    target: Callable[[Tensor], Tensor] = scar_in_window
    if by_segment is not None:

        def mean_logit(beats: Tensor) -> Tensor:
            """Mean over the segments, (B,)."""
            return by_segment.logits(encoder.encode(beats), beats).mean(dim=1)

        target = mean_logit
    signal = torch.from_numpy(np.array(beat, np.float32))[None].to(device)
    attribution = integrated_gradients(target, signal)
    with torch.inference_mode():
        encoding = encoder(signal)
        ends = target(torch.cat([torch.zeros_like(signal), signal])).tolist()
        weights = network.segment(planes, segments, ecg_of(signal)).weights
        logits = None if by_segment is None else by_segment.logits(encoding.code, signal)[0]
    cells = encoding.time_attention.shape[-1]
    cell = 32  # samples, of 2 ms: five halvings
    return Explanation(
        np.array(beat, np.float32),
        attribution,
        IMAGE_TARGET if by_segment is None else SEGMENT_TARGET,
        ends[1],
        ends[0],
        encoding.lead_attention[0].cpu().numpy(),
        encoding.time_attention[0].mean(dim=1).cpu().numpy(),
        cell_ms=2.0 * cell,
        first_ms=-400.0
        - (cells * cell - beat.shape[1]),  # half of what the beat lacks is padded on each side, 2 ms each
        logits=None if logits is None else logits.cpu().numpy(),
        trust=float("nan") if weights is None else float(weights[0, 1]),
        encoder_heard=by_segment is None or by_segment.listens_to_code(),
    )


def integrated_gradients(target: Callable[[Tensor], Tensor], beat: Tensor) -> np.ndarray:
    """Return the integrated gradients of a target along the straight line from zero to a beat, float32 (12, 600).

    target  beats (B, 12, 600) to one number each, (B,); beat: (1, 12, 600)
    The integral is a sum at the middles of STEPS parts that end at the cubes of equal steps: a layer norm turns over
    where the beat is almost flat, and equal parts left 8 % of a gain unaccounted for.
    """
    total = torch.zeros_like(beat)
    ends = torch.linspace(0, 1, STEPS + 1, device=beat.device) ** 3
    middles, widths = (ends[1:] + ends[:-1]) / 2, ends[1:] - ends[:-1]
    with torch.enable_grad():
        for middle, width in zip(middles.split(AT_ONCE), widths.split(AT_ONCE), strict=True):
            beats = (middle[:, None, None] * beat).detach().requires_grad_()
            (gradient,) = torch.autograd.grad(target(beats).sum(), beats)
            total += (gradient * width[:, None, None]).sum(dim=0, keepdim=True)
    return (total * beat)[0].detach().cpu().numpy()


def _window(
    image: np.ndarray,
    probability: np.ndarray,
    prior: np.ndarray | None,
    scar: Sequence[int],
    patch: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Return image float32 (1, 1, H, W) and segments uint8 (1, H, W) around the heart of the slice with most scar."""
    at = int(probability[list(scar)].sum(axis=(0, 2, 3)).argmax()) if len(scar) else 0
    heart = 1 - probability[0, at]  # what is no background
    rows, columns = np.indices(heart.shape)
    mass = max(float(heart.sum()), 1e-6)
    centre = round(float((rows * heart).sum()) / mass), round(float((columns * heart).sum()) / mass)
    plane = cut(image[0, at], centre, patch)
    shown = np.zeros(patch, np.uint8) if prior is None else cut(prior[at], centre, patch)
    return plane[None, None], shown[None]
