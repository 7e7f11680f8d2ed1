"""The millimetre grid of a paper ECG: its turn, its spacing along x and y, and how sure both are.

Nothing here knows leads. Colours are first divided by the local paper, so that a colour cast, a shadow or a dark
copy does not matter. The spacing comes from the spectra of the row and column means: the 1 mm and the 5 mm lines
form one comb, whose fifth tooth stands out where 1 mm lines are drawn. What a comb cannot tell (lines of 1, 5 or
25 mm that all look alike) is left to the caller, who knows how wide ten seconds of paper are.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from scartools.errors import InputError

SMALLEST_PAGE = 200  # px; below it no line of a 12-lead page can be told from its neighbour
LARGEST_TURN = 12.0  # degrees searched to both sides
WORKING_PX = 1100  # the turn is found on a page of at most this size
FINE_PAGE = 1800  # px; on smaller pages a stroke is one or two px wide and a median filter would remove it
PADDED = 1 << 16  # length of the spectra: far finer than the width of a peak
DARKEST_PAPER = 6.0  # grey values; below it there is no paper to divide by


@dataclass(frozen=True)
class Ink:
    """The page with the paper divided out.

    every  float32 (H, W), 0 paper to 1: dark in every colour, so that a coloured line is pale and a black one dark
    any    float32 (H, W), 0 paper to 1: dark in any colour, where grid lines of every colour show
    """

    every: np.ndarray
    any: np.ndarray


@dataclass(frozen=True)
class Comb:
    """Evenly spaced lines along one axis.

    period    px between neighbours of the coarsest comb that explains the lines
    strength  share of the profile's spectral energy that sits in the teeth of the comb, 0 to 1
    fifth     energy of teeth 5, 10 over the mean of their neighbours: well above 1 where 1 mm lines lie between
              5 mm lines
    """

    period: float
    strength: float
    fifth: float


def divide_out_paper(image: np.ndarray) -> Ink:
    """Return how much darker than the paper around it each pixel is.

    image  uint8 (H, W, 3), RGB
    Raises InputError for a page that is too small, blank, black or without contrast.
    """
    height, width = image.shape[:2]
    if min(height, width) < SMALLEST_PAGE:
        raise InputError(
            f"the page has {width} x {height} pixels, fewer than {SMALLEST_PAGE} along one side",
            remedy="Scan it with 200 dots an inch",
        )
    low, high = np.percentile(image[::7, ::7], [1, 99])
    if high - low < 12 or high < 2 * DARKEST_PAPER:
        raise InputError("the page is blank or has no contrast", remedy="Scan it again")
    grainy = max(height, width) >= FINE_PAGE and _noise(image) > 0.03 * (high - low)
    page = cv2.medianBlur(image, 3) if grainy else image
    step = max(2, round(max(height, width) / 250))
    small = cv2.resize(page, (max(width // step, 8), max(height // step, 8)), interpolation=cv2.INTER_AREA)
    paper = cv2.medianBlur(small, 21)
    paper = cv2.GaussianBlur(paper, (0, 0), 5).astype(np.float32)
    paper = np.maximum(paper, max(DARKEST_PAPER, 0.15 * float(high)))
    paper = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    relative = page.astype(np.float32) / paper
    every = np.clip(1.0 - relative.max(axis=2), 0.0, 1.0)
    some = np.clip(1.0 - relative.min(axis=2), 0.0, 1.0)
    return Ink(every.astype(np.float32), some.astype(np.float32))


def _noise(image: np.ndarray) -> float:
    """Grain of the page in grey values, from the smallest fifth of the second differences along x.

    Lines leave the smallest fifth alone: between them a clean page is flat. 0.253 is the fifth of |N(0, 1)|.
    """
    green = image[::3, :, 1].astype(np.int16)
    bends = np.abs(2 * green[:, 1:-1] - green[:, :-2] - green[:, 2:])
    return float(np.percentile(bends, 20)) / (0.253 * 6**0.5)


def find_turn(ink: Ink) -> float:
    """Return the angle in degrees, anticlockwise positive, by which the page is turned; 0 without a grid.

    The row means of the page are sharpest where grid lines lie along the rows.
    """
    lines = ink.any
    scale = WORKING_PX / max(lines.shape)
    if scale < 1:
        lines = cv2.resize(lines, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    lines = np.minimum(lines, np.percentile(lines, 97))  # the trace must not outweigh the grid
    coarse = np.arange(-LARGEST_TURN, LARGEST_TURN + 0.1, 0.4)
    best = coarse[int(np.argmax([_sharpness(lines, angle) for angle in coarse]))]
    for step in (0.1, 0.025):
        near = best + step * np.arange(-4, 5)
        best = near[int(np.argmax([_sharpness(lines, angle) for angle in near]))]
    return round(float(best), 3)


def _sharpness(lines: np.ndarray, angle: float) -> float:
    turned = turn_back(lines, float(angle), 0.0)
    height, width = turned.shape
    middle = turned[height // 8 : -height // 8, width // 8 : -width // 8]
    return sum(float(np.square(np.diff(middle.mean(axis=axis))).sum()) for axis in (0, 1))


def turning_matrix(shape: tuple[int, int], angle: float) -> np.ndarray:
    """float (2, 3): from the page's pixels (x, y, 1) to the pixels of the page turned back by `angle`."""
    height, width = shape
    return cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -angle, 1.0)


def turn_back(picture: np.ndarray, angle: float, fill: float = 0.0) -> np.ndarray:
    """The picture turned clockwise by `angle` degrees about its centre, same size."""
    if angle == 0.0:
        return picture
    height, width = picture.shape[:2]
    return cv2.warpAffine(
        picture,
        turning_matrix((height, width), angle),
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderValue=fill,
    )


def find_comb(lines: np.ndarray, axis: int) -> Comb | None:
    """Find evenly spaced lines, or return None.

    lines  float (H, W), how dark each pixel is in any colour, already turned upright
    axis   1 for the spacing along x (upright lines), 0 for the spacing along y
    """
    clipped = np.minimum(lines, np.percentile(lines[::3, ::3], 97))
    profile = clipped.mean(axis=1 - axis).astype(float)
    profile -= ndimage.gaussian_filter1d(profile, max(len(profile) / 20, 8))
    power = np.abs(np.fft.rfft(profile * np.hanning(len(profile)), PADDED)) ** 2
    width = PADDED / len(profile)  # bins of one resolution cell
    power[: int(4 * width)] = 0.0
    total = power.sum()
    if total <= 0:
        return None
    peaks = _peaks(power, width)
    if not peaks:
        return None
    best = max((_comb_share(power, peak, width), peak) for peak in peaks)
    share, frequency = best
    # A comb at twice or five times the spacing explains the same lines with empty teeth: take the finest
    # spacing that explains nearly as much.
    for peak in sorted(peaks, reverse=True):
        if _comb_share(power, peak, width) >= 0.7 * share:
            share, frequency = _comb_share(power, peak, width), peak
            break
    refined = _refine(power, frequency, width)
    return Comb(float(PADDED / refined), float(share), _fifth(power, refined, width))


def _peaks(power: np.ndarray, width: float) -> list[float]:
    """Bins of the strongest local maxima, at spacings between 3 px and a twelfth of the profile."""
    smooth = ndimage.maximum_filter1d(power, int(2 * width) | 1)
    tops = np.flatnonzero((power == smooth) & (power > 0.02 * power.max()))
    tops = tops[(tops > 10 * width) & (tops < PADDED / 1.5 / 2)]
    strongest = tops[np.argsort(power[tops])[::-1][:10]]
    extra = [top / k for top in strongest[:4] for k in (2, 3, 4, 5)]
    return [float(top) for top in (*strongest, *extra) if top > 10 * width]


def _teeth(power: np.ndarray, frequency: float, width: float) -> np.ndarray:
    """Energy of each tooth k = 1, 2 ... of the comb: its peak within one resolution cell, summed over it."""
    cumulated = np.concatenate([[0.0], np.cumsum(power)])
    centres = np.arange(frequency, len(power) - width, frequency)
    low, high = (np.clip(np.rint(centres + side * width), 0, len(power)).astype(int) for side in (-1.2, 1.2))
    return cumulated[high] - cumulated[low]


def _comb_share(power: np.ndarray, frequency: float, width: float) -> float:
    """Share of the energy in the teeth, less what a comb of that many teeth gets by chance."""
    teeth = _teeth(power, frequency, width)
    if not len(teeth):
        return 0.0
    share = teeth.sum() / power.sum()
    by_chance = min(2.4 * width / frequency, 0.99)
    return max((share - by_chance) / (1 - by_chance), 0.0)


def _refine(power: np.ndarray, frequency: float, width: float) -> float:
    """Follow the comb from tooth to tooth: a high tooth places the spacing best."""
    for k in range(1, 11):
        centre = k * frequency
        low, high = int(centre - 0.7 * width), int(centre + 0.7 * width) + 2
        if high >= len(power):
            break
        piece = power[low:high]
        top = int(np.argmax(piece))
        if 0 < top < len(piece) - 1 and piece[top] > 0.02 * power.max():
            a, b, c = np.log(piece[top - 1 : top + 2] + 1e-30)
            frequency = (low + top + 0.5 * (a - c) / (a - 2 * b + c)) / k
    return frequency


def _fifth(power: np.ndarray, frequency: float, width: float) -> float:
    teeth = _teeth(power, frequency, width)
    if len(teeth) < 6:
        return 0.0
    return float(teeth[4] / max((teeth[3] + teeth[5]) / 2, 1e-30))
