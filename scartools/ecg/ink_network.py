"""What each pixel of a paper ECG is: trace, grid, or text and marks, told by a small convolutional network.

The network is a U-Net (Ronneberger et al., MICCAI 2015, doi:10.1007/978-3-319-24574-4_28) of a few channels on blocks
of 2 x 2 pixels (space to depth: Shi et al., CVPR 2016, doi:10.1109/CVPR.2016.207), trained by tools/train_ink.py on
drawn pages alone. It runs here on numpy's matrix product: importing torch takes longer than a whole page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import cv2
import numpy as np
from safetensors.numpy import load

from scartools.errors import InputError

SCALE = 6.0  # px per mm the network was trained at
CLOSE_ENOUGH = 0.06  # of that scale: a page this near is read as it is
LEAST_SCALE, MOST_SCALE = 2.0, 16.0  # px per mm that can be asked for
WIDTHS = (12, 24, 32, 48, 48)  # channels of each level, blocks of 2, 4, 8, 16 and 32 px
BLOCK = 2  # px along a side that become channels
CLASSES = 3  # trace, text and marks, grid
DARKEST, BRIGHTEST = 1.0, -0.25  # of the normalised darkness; brighter than paper is glare
_TILE = 300_000  # numbers of one matrix of neighbourhoods: it stays in the processor's cache


@dataclass(frozen=True)
class Probabilities:
    """Of every pixel, float32 (H, W), 0 to 1, independent of each other: the rest is paper.

    trace  the ECG's line and the calibration pulse
    text   printed or written text, separators between leads, stamps, blackened names
    grid   lines or dots of the millimetre paper
    """

    trace: np.ndarray
    text: np.ndarray
    grid: np.ndarray


def ink_probabilities(image: np.ndarray, px_per_mm: float) -> Probabilities:
    """Tell trace, text and grid of an upright page apart.

    image      uint8 (H, W, 3), RGB; turned by less than 3 degrees
    px_per_mm  its scale, within 10 %; best between 2.5 and 12
    Returns three probabilities of the image's own size.
    Raises InputError for another shape, an empty image and a scale that no page has.
    """
    return Probabilities(*_planes(image, px_per_mm, CLASSES))


def trace_and_text(image: np.ndarray, px_per_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """The first two of `ink_probabilities`, without the time that the grid takes."""
    trace, text = _planes(image, px_per_mm, 2)
    return trace, text


def _planes(image: np.ndarray, px_per_mm: float, count: int) -> list[np.ndarray]:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise InputError(f"a page is a colour picture of bytes, not {image.shape} of {image.dtype}")
    if not LEAST_SCALE <= px_per_mm <= MOST_SCALE:
        raise InputError(
            f"a page has {LEAST_SCALE:g} to {MOST_SCALE:g} px per mm, not {px_per_mm:g}",
            remedy="Scan at 50 to 400 dots an inch",
        )
    height, width = image.shape[:2]
    scaled = to_network_scale(image, px_per_mm)
    logits = forward(blocks(normalised(scaled)), weights())
    planes = []
    for k in range(count):
        plane = _unblocked(logits[k * BLOCK * BLOCK : (k + 1) * BLOCK * BLOCK])
        plane = plane[: scaled.shape[0], : scaled.shape[1]]
        planes.append(_sigmoid(_resized(plane, width, height)))
    return planes


def to_network_scale(image: np.ndarray, px_per_mm: float) -> np.ndarray:
    """The page at SCALE px per mm, uint8 (h, w, 3); the page itself where it is near that scale."""
    ratio = SCALE / px_per_mm
    if abs(ratio - 1.0) < CLOSE_ENOUGH:
        return image
    height, width = (max(round(side * ratio), 1) for side in image.shape[:2])
    return _resized(image, width, height)


def normalised(image: np.ndarray) -> np.ndarray:
    """Darkness against the paper around, so that light and the paper's colour matter little.

    image  uint8 (H, W, 3) at SCALE
    Returns float32 (H, W, 3): 0 the paper's brightness in each colour, 1 black.
    The paper is the brightest of 4 mm (of means over 2/3 mm, so that noise does not pass for it), smoothed.
    """
    height, width = image.shape[:2]
    small = cv2.resize(image, (max(width // 4, 1), max(height // 4, 1)), interpolation=cv2.INTER_AREA)
    near = cv2.getStructuringElement(cv2.MORPH_RECT, (7, 7))
    paper = cv2.GaussianBlur(cv2.dilate(small, near).astype(np.float32), (0, 0), 5.0)
    paper = cv2.resize(np.maximum(paper, 8.0), (width, height), interpolation=cv2.INTER_LINEAR)
    darkness = cv2.divide(image, paper, dtype=cv2.CV_32F)
    np.subtract(1.0, darkness, out=darkness)
    return np.clip(darkness, BRIGHTEST, DARKEST, out=darkness)


def blocks(page: np.ndarray) -> np.ndarray:
    """Blocks of BLOCK x BLOCK pixels as channels: float32 (H, W, C) -> (C * BLOCK**2, h, w), padded with paper.

    Channel c * BLOCK**2 + BLOCK * row + column; h and w are whole multiples of the network's coarsest cell.
    """
    height, width, channels = page.shape
    coarsest = 2 ** (len(WIDTHS) - 1)
    h, w = (-(-side // (BLOCK * coarsest)) * coarsest for side in (height, width))
    whole = np.zeros((h * BLOCK, w * BLOCK, channels), np.float32)
    whole[:height, :width] = page
    parts = whole.reshape(h, BLOCK, w, BLOCK, channels).transpose(4, 1, 3, 0, 2)
    return np.ascontiguousarray(parts).reshape(channels * BLOCK * BLOCK, h, w)


def _unblocked(parts: np.ndarray) -> np.ndarray:
    """(BLOCK**2, h, w) -> (h * BLOCK, w * BLOCK)."""
    _, h, w = parts.shape
    return np.ascontiguousarray(parts.reshape(BLOCK, BLOCK, h, w).transpose(2, 0, 3, 1)).reshape(
        h * BLOCK, w * BLOCK
    )


@cache
def weights() -> dict[str, np.ndarray]:
    """The network's weights as the package ships them, float32, by the names of tools/train_ink.py."""
    packed = resources.files("scartools.ecg").joinpath("weights", "ink.safetensors").read_bytes()
    return {name: part.astype(np.float32) for name, part in load(packed).items()}


def forward(page: np.ndarray, parts: dict[str, np.ndarray]) -> np.ndarray:
    """Run the network: float32 (BLOCK**2 * 3, h, w) from `blocks` -> logits (BLOCK**2 * CLASSES, h, w).

    Down: two convolutions a level (one at the first), the larger of each 2 x 2 passed on. Up: narrowed to the
    level's channels, nearest cells beside what the level held on the way down, one convolution.
    """

    def layer(name: str, *inputs: np.ndarray) -> np.ndarray:
        return _convolved(inputs, parts[f"{name}.weight"], parts[f"{name}.bias"])

    held = [layer("down0", _framed(page))]
    for level in range(1, len(WIDTHS)):
        held.append(layer(f"down{level}b", layer(f"down{level}a", _pooled(held[-1]))))
    below = held.pop()
    for level in reversed(range(len(WIDTHS) - 1)):
        below = layer(f"up{level}", _spread(_mixed(below, parts, f"narrow{level}")), held.pop())
    return _mixed(below, parts, "out")


def _framed(page: np.ndarray) -> np.ndarray:
    """With one cell of zeros around: (C, h, w) -> (C, h + 2, w + 2), the form all layers pass on."""
    return np.pad(page, ((0, 0), (1, 1), (1, 1)))


def _pooled(framed: np.ndarray) -> np.ndarray:
    """The largest of each 2 x 2, framed."""
    channels, h, w = framed.shape
    out = np.zeros((channels, h // 2 + 1, w // 2 + 1), np.float32)
    inside = out[:, 1:-1, 1:-1]
    np.maximum(framed[:, 1:-1:2, 1:-1:2], framed[:, 2::2, 1:-1:2], out=inside)
    np.maximum(inside, framed[:, 1:-1:2, 2::2], out=inside)
    np.maximum(inside, framed[:, 2::2, 2::2], out=inside)
    return out


def _mixed(framed: np.ndarray, parts: dict[str, np.ndarray], name: str) -> np.ndarray:
    """A convolution of 1 x 1: framed (C, h + 2, w + 2) -> (K, h, w), its frame off."""
    weight = parts[f"{name}.weight"][:, :, 0, 0]
    inside = np.ascontiguousarray(framed[:, 1:-1, 1:-1])
    mixed: np.ndarray = weight @ inside.reshape(len(inside), -1)
    mixed += parts[f"{name}.bias"][:, None]
    return mixed.reshape(-1, *inside.shape[1:])


def _spread(cells: np.ndarray) -> np.ndarray:
    """Each cell as 2 x 2, framed: (C, h, w) -> (C, 2 * h + 2, 2 * w + 2)."""
    channels, h, w = cells.shape
    out = np.zeros((channels, 2 * h + 2, 2 * w + 2), np.float32)
    wide = np.repeat(cells, 2, axis=2)
    out[:, 1:-1:2, 1:-1] = wide
    out[:, 2:-1:2, 1:-1] = wide
    return out


def _convolved(inputs: Sequence[np.ndarray], weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Convolve framed inputs, laid one after the other in channels, with weight (K, C, 3, 3); negative becomes 0.

    A few rows at a time, small enough for the cache: the matrix (C * 3, (rows + 2) * w) of each cell and its neighbours
    left and right, and for the rows above and below the same matrix a row further on.
    Returns float32 (K, h + 2, w + 2), framed.
    """
    kernels, channels = weight.shape[:2]
    height, width = (side - 2 for side in inputs[0].shape[1:])
    above, level, below = (
        np.ascontiguousarray(weight[:, :, i].reshape(kernels, channels * 3)) for i in range(3)
    )
    out = np.zeros((kernels, height + 2, width + 2), np.float32)
    step = min(max(_TILE // (channels * 3 * width), 1), height)
    room = np.empty((channels, 3, step + 2, width), np.float32)
    for top in range(0, height, step):
        rows = min(step, height - top)
        around = room if rows == step else np.empty((channels, 3, rows + 2, width), np.float32)
        start = 0
        for part in inputs:
            stop = start + len(part)
            for j in range(3):
                around[start:stop, j] = part[:, top : top + rows + 2, j : j + width]
            start = stop
        beside = around.reshape(channels * 3, (rows + 2) * width)
        done = above @ beside[:, : rows * width]
        done += level @ beside[:, width : (rows + 1) * width]
        done += below @ beside[:, 2 * width :]
        done += bias[:, None]
        np.maximum(done, 0.0, out=done)
        out[:, top + 1 : top + 1 + rows, 1:-1] = done.reshape(kernels, rows, width)
    return out


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), in place."""
    np.negative(logits, out=logits)
    np.exp(np.minimum(logits, 60.0, out=logits), out=logits)
    logits += 1.0
    return np.reciprocal(logits, out=logits)


def _resized(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    if picture.shape[:2] == (height, width):
        return np.ascontiguousarray(picture)
    smaller = width < picture.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(picture, (width, height), interpolation=how)
