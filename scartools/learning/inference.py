"""From a case to class probabilities, slice by slice, in windows of the size the network learned on.

nnU-Net's sliding window: steps of half a patch, windows weighted by a Gaussian with a sigma of an eighth of the
patch. Isensee et al., Nature Methods 2021;18:203.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from scartools.learning.sampling import cut, overlap
from scartools.network.segment_fusion import true_logits
from scartools.network.segmenter import Ecg, Segmenter

# On a processor the feature maps of one window of 256 x 256 just fit its caches: with 16 at once a slice took 0.83 s and
# 1.5 GB, alone 0.65 s and 0.46 GB (one AVX2 core, 33.5 million parameters). A GPU wants many.
PIXELS_AT_ONCE = {"cpu": 256 * 256, "cuda": 16 * 256 * 256}
BEYOND = 10.0  # logit of background where a network did not look
MIRRORS = ((), (2,), (3,), (2, 3))  # axes of (1, Z, Y, X): as it is, upside down, left to right, both


def predict_views(
    network: Segmenter,
    image: np.ndarray,
    *,
    patch: tuple[int, int],
    mirror: bool = False,
    centre: tuple[int, int] | None = None,
    prior: np.ndarray | None = None,
    beat: np.ndarray | None = None,
    days: float = float("nan"),
    quality: float = float("nan"),
    fractions: np.ndarray | None = None,
    device: str = "cpu",
    precision: torch.dtype = torch.float32,
) -> Iterator[np.ndarray]:
    """Yield logits float32 (C, Z, Y, X) of the image and, with `mirror`, of its three mirror images, turned back.

    The arguments are those of `predict_logits`. nnU-Net takes the mean of the four; it makes sense for a network that was
    trained with mirrored crops, and for no other.
    """
    for axes in MIRRORS if mirror else MIRRORS[:1]:
        turned = None if prior is None else np.flip(prior, tuple(axis - 1 for axis in axes))
        logits = predict_logits(
            network,
            np.flip(image, axes),
            patch=patch,
            centre=None if centre is None else _mirrored(centre, image.shape[2:], axes),
            prior=turned,
            beat=beat,
            days=days,
            quality=quality,
            fractions=fractions,
            device=device,
            precision=precision,
        )
        yield np.ascontiguousarray(np.flip(logits, axes))


def predict(
    network: Segmenter,
    image: np.ndarray,
    *,
    patch: tuple[int, int],
    centre: tuple[int, int] | None = None,
    prior: np.ndarray | None = None,
    beat: np.ndarray | None = None,
    days: float = float("nan"),
    device: str = "cpu",
    precision: torch.dtype = torch.float32,
) -> np.ndarray:
    """Return class probabilities float32 (C, Z, Y, X): the softmax of `predict_logits`, which see."""
    logits = predict_logits(
        network,
        image,
        patch=patch,
        centre=centre,
        prior=prior,
        beat=beat,
        days=days,
        device=device,
        precision=precision,
    )
    return torch.from_numpy(logits).softmax(dim=0).numpy()


def predict_logits(
    network: Segmenter,
    image: np.ndarray,
    *,
    patch: tuple[int, int],
    centre: tuple[int, int] | None = None,
    prior: np.ndarray | None = None,
    beat: np.ndarray | None = None,
    days: float = float("nan"),
    quality: float = float("nan"),
    fractions: np.ndarray | None = None,
    device: str = "cpu",
    precision: torch.dtype = torch.float32,
) -> np.ndarray:
    """Return logits float32 (C, Z, Y, X), the mean over windows.

    image  float32 (1, Z, Y, X), normalised; prior uint8 (Z, Y, X) or None
    centre     pixel (down, across) that the only window is around; all beyond it is background. None: windows everywhere
    beat   float32 (12, 600), standardised, or None; days: interval to the MRI, NaN where unknown
    quality    of the beat, 0 to 1, NaN where unknown
    fractions  float32 (17,), true parts of scar in place of what the encoder says of the beat; None: it speaks
    """
    network = network.to(device).eval()
    ecg = _ecg(network, beat, days, quality, fractions, device, precision)
    if centre is None:
        return _everywhere(network, image, prior, ecg, patch, device, precision)
    window = np.stack([cut(plane, centre, patch) for plane in image[0]])[None]
    segments = None if prior is None else np.stack([cut(plane, centre, patch) for plane in prior])
    found = _everywhere(network, window, segments, ecg, patch, device, precision)
    logits = np.full((len(found), *image.shape[1:]), -BEYOND, np.float32)
    logits[0] = BEYOND
    inside, taken = overlap(centre, patch, image.shape[2:])
    logits[(slice(None), slice(None), *inside)] = found[(slice(None), slice(None), *taken)]
    return logits


def _mirrored(centre: tuple[int, int], shape: Sequence[int], axes: Sequence[int]) -> tuple[int, int]:
    """Return where a pixel (down, across) lies after axes 2, down, or 3, across, of the image were turned round."""
    down, across = (
        size - 1 - at if axis in axes else at for at, size, axis in zip(centre, shape, (2, 3), strict=True)
    )
    return down, across


def _everywhere(
    network: Segmenter,
    image: np.ndarray,
    prior: np.ndarray | None,
    ecg: Ecg | None,
    patch: tuple[int, int],
    device: str,
    precision: torch.dtype,
) -> np.ndarray:
    """Return logits float32 (C, Z, Y, X) of the image (1, Z, Y, X), the mean over windows that cover it."""
    depth, height, width = image.shape[1:]
    padded = (max(height, patch[0]), max(width, patch[1]))
    room = [(whole - size) // 2 for whole, size in zip(padded, (height, width), strict=True)]
    inside = (slice(None), slice(room[0], room[0] + height), slice(room[1], room[1] + width))
    planes = np.zeros((depth, *padded), np.float32)
    segments = np.zeros((depth, *padded), np.uint8)
    planes[inside] = image[0]
    if prior is not None:
        segments[inside] = prior
    weight = _gaussian(patch)
    total = np.zeros((network.parts.classes, depth, *padded), np.float32)
    share = np.zeros(padded, np.float32)
    corners = [(y, x) for y in _starts(padded[0], patch[0]) for x in _starts(padded[1], patch[1])]
    for y, x in corners:
        share[y : y + patch[0], x : x + patch[1]] += weight
    windows = [(z, y, x) for z in range(depth) for y, x in corners]
    at_once = max(1, PIXELS_AT_ONCE[torch.device(device).type] // (patch[0] * patch[1]))
    for first in range(0, len(windows), at_once):
        chosen = windows[first : first + at_once]
        cut = [(z, slice(y, y + patch[0]), slice(x, x + patch[1])) for z, y, x in chosen]
        logits = _logits(
            network,
            np.stack([planes[at] for at in cut]),
            np.stack([segments[at] for at in cut]) if network.parts.sees_segments() else None,
            ecg,
            device,
            precision,
        )
        for at, found in zip(cut, logits, strict=True):
            total[(slice(None), *at)] += found * weight
    return np.ascontiguousarray((total / share)[(slice(None), *inside)])


def _ecg(
    network: Segmenter,
    beat: np.ndarray | None,
    days: float,
    quality: float,
    fractions: np.ndarray | None,
    device: str,
    precision: torch.dtype,
) -> Ecg | None:
    """Return the ECG of one patient, encoded once for all windows; None where there is none, or none is looked at."""
    if beat is None or network.ecg is None:
        return None
    signal = torch.from_numpy(np.array(beat, np.float32))[None].to(device)
    kind = torch.device(device).type
    with torch.inference_mode(), torch.autocast(kind, precision, enabled=precision != torch.float32):
        code = network.ecg.encode(signal)
    return Ecg(
        signal,
        torch.tensor([days], dtype=torch.float32, device=device),
        torch.ones(1, dtype=torch.bool, device=device),
        torch.tensor([quality], dtype=torch.float32, device=device),
        None
        if fractions is None
        else true_logits(torch.from_numpy(np.array(fractions, np.float32))[None].to(device)),
        code,
    )


def _logits(
    network: Segmenter,
    planes: np.ndarray,
    segments: np.ndarray | None,
    ecg: Ecg | None,
    device: str,
    precision: torch.dtype,
) -> np.ndarray:
    """Return logits float32 (B, C, H, W) for windows (B, H, W) of a patient with this ECG."""
    image = torch.from_numpy(planes)[:, None].to(device)
    prior = torch.from_numpy(segments).to(device) if segments is not None else None
    of_each = None
    if ecg is not None:
        of_each = Ecg(*(None if part is None else part.expand(len(planes), *part.shape[1:]) for part in ecg))  # type: ignore[arg-type]
    kind = torch.device(device).type
    with torch.inference_mode(), torch.autocast(kind, precision, enabled=precision != torch.float32):
        return network.segment(image, prior, of_each).logits[0].float().cpu().numpy()


def _starts(size: int, edge: int) -> Iterator[int]:
    """Where windows start along an axis: evenly, at most half a window apart."""
    steps = max(1, int(np.ceil((size - edge) / (edge / 2))) + 1) if size > edge else 1
    for number in range(steps):
        yield round(number * (size - edge) / max(1, steps - 1))


def _gaussian(patch: tuple[int, int]) -> np.ndarray:
    """The weight of a pixel in its window, float32 (H, W), 1 at pixel (H // 2, W // 2) and never 0."""
    axes = [np.exp(-0.5 * ((np.arange(edge) - edge // 2) / (edge / 8)) ** 2) for edge in patch]
    return np.outer(*axes).astype(np.float32)
