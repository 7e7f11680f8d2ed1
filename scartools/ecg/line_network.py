"""The small convolutional network that reads a line of print character by character, in numpy alone.

It looks at a line whose capitals are CAP pixels high and says for each second pixel column which character stands
there. Convolutions without padding; the line is padded with paper. Trained by tools/train_printed_lines.py with the
loss of Graves et al. (Connectionist temporal classification, ICML 2006, doi:10.1145/1143844.1143891) on lines drawn
by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from safetensors.numpy import load

from scartools.ecg.name_network import log_probabilities

# Small and capital letters are one character; OTHER is any other sign. Blank, the last class, is no character.
OTHER = "?"
CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz./: " + OTHER
BLANK = len(CHARACTERS)
CAP = 14  # px: height of a capital letter or a digit as the network wants it
HIGH = 27  # px: rows that the network sees, the middle of the capitals in the middle
STEP = 2  # px between two decisions
SEEN = 29  # px across that one decision sees
KERNELS = ((1, 24, (5, 5)), (24, 48, (3, 3)), (48, 64, (3, 3)), (64, 96, (4, 5)), (96, 96, (1, 5)))
STRIDES = ((2, 2), (1, 1), (2, 1), (1, 1), (1, 1))  # rows, columns
WEIGHTS = "printed_lines.safetensors"

Layer = tuple[np.ndarray, np.ndarray]  # kernel float32 (out, in, rows, columns), offset float32 (out,)


@cache
def load_weights() -> tuple[Layer, ...]:
    """The weights that ship with the package: the layers of KERNELS and, last, one that names characters."""
    stored = load((resources.files("scartools.ecg") / "weights" / WEIGHTS).read_bytes())
    return tuple(
        (stored[f"{at}.weight"].astype(np.float32), stored[f"{at}.bias"].astype(np.float32))
        for at in range(len(KERNELS) + 1)
    )


def character_scores(line: np.ndarray, layers: tuple[Layer, ...]) -> np.ndarray:
    """Natural logarithm of the probability of each character along a line.

    line  float32 (HIGH, W), ink 0 to 1
    Returns float32 (T, len(CHARACTERS) + 1): decision t looks at the columns around STEP * t of the line.
    """
    margin = SEEN // 2
    x = np.pad(line, ((0, 0), (margin, margin)))[..., None].astype(np.float32)
    for layer, stride in zip(layers[:-1], STRIDES, strict=True):
        x = np.maximum(_convolve(x, layer, stride), 0.0)
    kernel, offset = layers[-1]
    return log_probabilities(x[0] @ kernel[:, :, 0, 0].T + offset)


def _convolve(x: np.ndarray, layer: Layer, stride: tuple[int, int]) -> np.ndarray:
    """x float32 (H, W, in) -> (h, w, out), no padding."""
    kernel, offset = layer
    out, inside, rows, columns = kernel.shape
    windows = sliding_window_view(x, (rows, columns), axis=(0, 1))[:: stride[0], :: stride[1]]
    windows = windows.transpose(0, 1, 3, 4, 2)  # rows, columns, channels: as x lies in memory
    high, wide = windows.shape[:2]
    y = windows.reshape(high * wide, rows * columns * inside) @ kernel.transpose(2, 3, 1, 0).reshape(-1, out)
    return (y + offset).reshape(high, wide, out)


@dataclass(frozen=True)
class ReadLine:
    """Characters as they were read, spaces included: text, the probability of each, and its place, px of the line."""

    text: str
    probability: np.ndarray
    x: np.ndarray


def read_line(line: np.ndarray, layers: tuple[Layer, ...]) -> ReadLine:
    """Read a line: the likeliest character of each decision, repeats and blanks taken out.

    line  float32 (HIGH, W), ink 0 to 1, capitals about CAP px high, their middle in the middle row
    The probability of a character is the highest in its run, less what its rivals have in any decision of the run.
    """
    chance = np.exp(character_scores(line, layers))
    best = chance.argmax(axis=1)
    starts = np.flatnonzero(np.r_[True, best[1:] != best[:-1]])
    stops = np.r_[starts[1:], len(best)]
    runs = [(int(best[a]), int(a), int(b)) for a, b in zip(starts, stops, strict=True) if best[a] != BLANK]
    text = "".join(CHARACTERS[at] for at, _, _ in runs)
    sure = np.array([float(chance[a:b, at].max()) for at, a, b in runs])
    return ReadLine(text, sure, np.array([STEP * (a + b - 1) / 2 for _, a, b in runs]))
