"""The small convolutional network that tells one printed lead name from another, in numpy alone.

Convolutions without padding, so that one forward pass over a larger picture is the same as one pass for each window of
PATCH pixels in it, STRIDE pixels apart. Trained by tools/train_lead_names.py on letters drawn by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from safetensors.numpy import load

NAMES = (
    *("I", "II", "III", "aVR", "aVL", "aVF", "-aVR"),
    *("V1", "V2", "V3", "V4", "V5", "V6", "V3R", "V4R", "V7", "V8", "V9"),
)
CAP = 14  # px: height of a capital letter as the network wants it
PATCH = (25, 65)  # px, rows and columns that one decision sees; the middle of the name in the middle
STRIDE = 4  # px between two decisions
STRIDES = (2, 2, 1, 1, 1)  # of each layer
WEIGHTS = "lead_names.safetensors"


Layer = tuple[np.ndarray, np.ndarray]  # kernel float32 (out, in, rows, columns), offset float32 (out,)


@dataclass(frozen=True)
class Layers:
    """The layers in order: trunk, three that look at strokes; head, two that look at a whole name; gate, one that says
    cheaply whether there may be any name at all."""

    trunk: tuple[Layer, ...]
    head: tuple[Layer, ...]
    gate: Layer


@cache
def load_weights() -> Layers:
    """The weights that ship with the package."""
    stored = load((resources.files("scartools.ecg") / "weights" / WEIGHTS).read_bytes())

    def layer(name: str) -> Layer:
        return stored[f"{name}.weight"].astype(np.float32), stored[f"{name}.bias"].astype(np.float32)

    return Layers((layer("0"), layer("1"), layer("2")), (layer("3"), layer("4")), layer("gate"))


def _convolve(x: np.ndarray, layer: Layer, stride: int) -> np.ndarray:
    """x float32 (N, H, W, in) -> (N, h, w, out), no padding."""
    kernel, offset = layer
    out, inside, rows, columns = kernel.shape
    windows = sliding_window_view(x, (rows, columns), axis=(1, 2))[:, ::stride, ::stride]
    windows = windows.transpose(0, 1, 2, 4, 5, 3)  # rows, columns, channels: as x lies in memory
    n, high, wide = windows.shape[:3]
    flat = windows.reshape(n * high * wide, rows * columns * inside)
    y = flat @ kernel.transpose(2, 3, 1, 0).reshape(-1, out)
    y += offset
    return y.reshape(n, high, wide, out)


def strokes(pictures: np.ndarray, layers: Layers) -> np.ndarray:
    """What the trunk sees: float32 (N, H, W), ink 0 to 1, capitals about CAP px high -> float32 (N, h, w, channels)."""
    x = np.asarray(pictures, np.float32)[..., None]
    for layer, stride in zip(layers.trunk, STRIDES, strict=False):
        x = _convolve(x, layer, stride)
        np.maximum(x, 0.0, out=x)
    return x


def name_scores(seen: np.ndarray, layers: Layers) -> np.ndarray:
    """Scores before the softmax, float32 (N, h, w, len(NAMES) + 1), the last class being "no name"; from strokes()."""
    hidden = np.maximum(_convolve(seen, layers.head[0], 1), 0.0)
    kernel, offset = layers.head[1]
    return hidden @ kernel[:, :, 0, 0].T + offset


def gate_scores(seen: np.ndarray, layers: Layers) -> np.ndarray:
    """float32 (N, h, w), above 0 where a name is likelier than none; one product and shifted sums, from strokes()."""
    kernel, offset = layers.gate
    rows, columns = kernel.shape[2:]
    parts = seen @ kernel[0].reshape(kernel.shape[1], -1)
    high, wide = seen.shape[1] - rows + 1, seen.shape[2] - columns + 1
    total = np.full((len(seen), high, wide), offset[0], np.float32)
    for r in range(rows):
        for c in range(columns):
            total += parts[:, r : r + high, c : c + wide, r * columns + c]
    return total


def forward(pictures: np.ndarray, layers: Layers) -> np.ndarray:
    """Scores of every window: decision (r, c) sees the rows from STRIDE * r and the columns from STRIDE * c.

    pictures  float32 (N, H, W), ink 0 to 1, capitals about CAP px high; H, W at least PATCH
    Returns float32 (N, h, w, len(NAMES) + 1), before the softmax.
    """
    return name_scores(strokes(pictures, layers), layers)


def log_probabilities(scores: np.ndarray) -> np.ndarray:
    """Natural logarithm of the softmax over the last axis."""
    top = scores - scores.max(axis=-1, keepdims=True)
    return top - np.log(np.exp(top).sum(axis=-1, keepdims=True))
