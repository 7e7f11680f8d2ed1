"""Which of the lines on a flattened page are a millimetre apart.

On a page flattened along a lattice the lines of one family are sharp teeth in the spectrum of the column means. The
coarsest spacing all teeth are multiples of is a large box; where every fifth tooth stands out, small boxes are drawn
in it. What teeth cannot tell (lines 1, 5 or 25 mm apart that all look alike) the size of ECG paper settles.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np

from scartools.ecg.curve_filters import largest_near, percentile_near, smoothed

BAND = 64  # px across the lines that are averaged together: little enough for what curl is left
FINEST = 0.49  # cycles a px


def teeth(flat: np.ndarray, period: float) -> tuple[np.ndarray, np.ndarray]:
    """Spectrum of the upright lines of a flattened page.

    flat    float32 (H, W), darkness of the grid, 0 outside; turn it for the level lines
    period  px between the lines that were followed
    Returns frequency float (F,), in lines a period, and power over background float (F,).
    """
    bands = max(1, flat.shape[0] // BAND)
    profile = np.stack([part.mean(axis=0) for part in np.array_split(flat, bands)])
    profile = profile - smoothed(profile, 2.5 * period)
    length = 1 << int(np.ceil(np.log2(4 * profile.shape[1])))
    spectrum = np.abs(np.fft.rfft(profile * np.hanning(profile.shape[1]), length, axis=1)) ** 2
    spectrum /= np.maximum(np.median(spectrum, axis=1, keepdims=True), 1e-12)
    power = np.log1p(spectrum).mean(axis=0)
    cell = length / profile.shape[1]
    floor = percentile_near(power, int(20 * cell) | 1, 40.0)
    frequency = np.arange(len(power)) / length * period
    return frequency, power - floor


@dataclass(frozen=True)
class Unit:
    """How far apart the lines that were followed are.

    mm            (float, float): mm between them, upright family and level family
    alternatives  what else could be: factors on mm, likeliest first, with the log of their odds to the choice
    fine          whether lines 1 mm apart are seen inside larger boxes
    """

    mm: tuple[float, float]
    alternatives: tuple[tuple[float, float], ...]
    fine: bool


DIVISORS = range(1, 11)
GLIMPSED = 0.15  # the same, where the other family's teeth are seen
# Lines that fall on whole pixels stray to both sides of their places, in a pattern of some lines that has weak teeth
# of its own. What is no box of five must stand out this far, of the lines themselves: such patterns reach 0.38, boxes
# of 5 mm on real pages 0.5 to 0.97.
LIKE_ITS_LINES = 0.45
SEEN = 0.9  # log of power over background from which a tooth is there
USUAL_LONG_SIDE = 260.0  # mm: ten seconds at 25 mm/s with margins
SPREAD = 0.5  # of the log of that length
LEAST_SLANTED = 1.09  # nearer than combs of 9 and 10 parts, so that one family cannot mislead the other
MOST_SLANTED = 1.3  # ratio of the two spacings on one page, seen at a slant or printed unequal


def tooth_heights(spectrum: tuple[np.ndarray, np.ndarray], places: np.ndarray, period: float) -> np.ndarray:
    """Highest power within a resolution cell of each place (lines a period); NaN beyond what pixels show."""
    frequency, power = spectrum
    top = largest_near(power, 9)
    index = np.rint(places / (frequency[1] - frequency[0])).astype(int)
    seen = places / period < FINEST
    return np.where(seen, top[np.clip(index, 0, len(top) - 1)], np.nan)


def choose_unit(
    spectra: list[tuple[np.ndarray, np.ndarray]], periods: tuple[float, float], px: float, sides: np.ndarray
) -> Unit | None:
    """Decide the millimetre.

    spectra  of the upright and of the level lines, see `teeth`, both flattened to `px` px between followed lines
    periods  px between followed lines in the picture, at its middle
    sides    float (2,): width and height of the page in followed lines
    Returns None where the two families do not make one lattice.
    """
    supports = [_divisors(spectrum, px) for spectrum in spectra]
    own = [{divisor: _own_height(spectrum, divisor, px) for divisor in DIVISORS} for spectrum in spectra]
    pairs = []
    for dx in DIVISORS:
        for dy in DIVISORS:
            seen = (dx in supports[0]) + (dy in supports[1])
            heights = own[0][dx], own[1][dy]
            enough = seen == 2 or (seen == 1 and min(heights) > GLIMPSED and np.mean(heights) > SEEN)
            slant = abs(np.log((dx * periods[0]) / (dy * periods[1])))
            if enough and slant < np.log(MOST_SLANTED if seen == 2 else LEAST_SLANTED):
                pairs.append((dx * dy, dx, dy))
    if not pairs:
        return None
    _, dx, dy = max(pairs)
    fifth = float(np.mean([_fifth(spectrum, d, px) for spectrum, d in zip(spectra, (dx, dy), strict=True)]))
    odds = {}
    for box in (1.0, 5.0, 25.0):
        longest = float(max(sides[0] / dx, sides[1] / dy)) * box
        odds[box] = -((np.log(longest / USUAL_LONG_SIDE) / SPREAD) ** 2) / 2
    odds[1.0] -= 8.0 * np.clip((fifth - 0.3) / 0.7, 0, 1)  # nothing is printed finer than a millimetre
    odds[25.0] -= 3.0
    order = sorted(odds, key=lambda box: -odds[box])
    box = order[0]
    others = tuple((other / box, float(odds[other] - odds[box])) for other in order[1:])
    return Unit((box / dx, box / dy), others, fifth > 0.3)


def _divisors(spectrum: tuple[np.ndarray, np.ndarray], px: float) -> list[int]:
    """Into how many the spacing of the coarsest comb may divide: 1, and those whose own teeth are seen."""
    strongest = np.nanmax(tooth_heights(spectrum, np.array([1.0, 2.0]), px))
    own = {divisor: _own_height(spectrum, divisor, px) for divisor in DIVISORS}
    found = []
    for divisor in DIVISORS:
        least = max(SEEN, 0.2 * strongest)
        if divisor not in (1, 5):
            least = max(least, LIKE_ITS_LINES * own[1])
        if divisor % 2 == 0:  # lines drawn in turn on one pixel and on two are not boxes of double size
            coarser = np.arange(1, divisor + 1) / (divisor // 2)
            usual = float(np.nanmedian(tooth_heights(spectrum, coarser, px)))
            rise = np.dot(tooth_heights(spectrum, np.array([0.5, 0.4, 0.6]), px), [1.0, -0.5, -0.5])
            least = max(least, (0.8 if divisor == 10 and not rise > 0.5 else 0.55) * usual)
        rivals = [own[other] for other in DIVISORS if divisor % other]
        if own[divisor] > max([least, *(0.75 * rival for rival in rivals)]):
            found.append(divisor)
    return found or [1]


def _own_height(spectrum: tuple[np.ndarray, np.ndarray], divisor: int, px: float) -> float:
    """Typical height of the teeth that a comb of `divisor` parts has and no coarser one; 0 where none can be seen."""
    k = np.array([k for k in range(1, 2 * divisor + divisor // 2 + 1) if gcd(k, divisor) == 1])
    heights = tooth_heights(spectrum, k / divisor, px)
    heights = heights[np.isfinite(heights) & (k / divisor > 0.11)]
    return float(np.percentile(heights, 40)) if len(heights) else 0.0


def _fifth(spectrum: tuple[np.ndarray, np.ndarray], divisor: int, px: float) -> float:
    """How far teeth 5 and 10 of the comb stand above their neighbours, log of power."""
    heights = tooth_heights(spectrum, np.array([4, 5, 6, 9, 10, 11]) / divisor, px)
    rises = [heights[1] - (heights[0] + heights[2]) / 2, heights[4] - (heights[3] + heights[5]) / 2]
    rises = [rise for rise in rises if np.isfinite(rise)]
    return float(np.mean(rises)) if rises else 0.0
