"""The lattice of lines or dots printed on a picture of paper, window by window.

Fringe analysis: in overlapping windows the spectrum shows the lattice as a few sharp peaks, whether it is drawn as
lines, as dots or as both, and however the page is turned. One peak of each family of lines is followed from window
to window; its phase places the lines. A smooth surface through all windows gives the lattice of the whole page and
throws out the windows (text, table, fold) that do not belong to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

from scartools.ecg.curve_filters import largest_near, percentile_near, smoothed
from scartools.ecg.page_slant import Plane, slanted_plane, with_neighbours
from scartools.ecg.page_surface import (
    Surface,
    basis_at,
    bending,
    design,
    empty_surface,
    evaluate,
    fit_robustly,
    nearest_to,
)
from scartools.ecg.row_percentile import row_percentile

WINDOW = 128  # px
CELL = 110.0  # px of a spline cell while following
LOWEST, HIGHEST = 4.0, 61.0  # cycles a window: finer lines do not survive, coarser ones are not a grid
HALF = WINDOW // 2
NOISE = 2.0  # a peak counts from this multiple of the background on
CLIP = 20.0  # and no more beyond this
SURE = 1.5  # a score no second try is needed after
MEMBER = 0.3  # weight from which a window belongs to a lattice
WHOLE = 0.9  # share of the windows that belong to the lattice of a page that was followed everywhere
MORE = 0.02  # of the windows that must belong to a second lattice for it to take the place of the first
LARGEST_TILT = 10.0  # degrees the lines of one family may fan out to both sides


@dataclass(frozen=True)
class Windows:
    """Spectra of overlapping windows.

    centre    float (N, 2): x, y of each window's middle, px
    spectrum  complex64 (N, WINDOW, HALF + 1): rows are frequencies along y, columns along x
    excess    float32, same shape: log of amplitude over background, 0 for background
    shape     rows and columns of the picture
    """

    centre: np.ndarray
    spectrum: np.ndarray
    excess: np.ndarray
    shape: tuple[int, int]


@dataclass(frozen=True)
class Lattice:
    """Lines counted over a picture.

    surface   x, y (px) to the number of lines passed: layer 0 the upright family, layer 1 the level one
    weights   float (2, N): how far each window belongs to it
    score     share of windows that belong, times how far their peaks stand out
    """

    surface: Surface
    weights: np.ndarray
    score: float


def take_windows(lines: np.ndarray) -> Windows:
    """Spectra of `lines`, float32 (H, W), darkness of the grid; H and W at least WINDOW."""
    height, width = lines.shape
    step = 64 if max(lines.shape) > 800 else 40
    tops, lefts = (
        np.linspace(0, n - WINDOW, max(2, round((n - WINDOW) / step) + 1)).round().astype(int)
        for n in lines.shape
    )
    view = np.lib.stride_tricks.sliding_window_view(lines, (WINDOW, WINDOW))[np.ix_(tops, lefts)]
    tiles = view.reshape(-1, WINDOW, WINDOW)
    tiles -= tiles.mean(axis=(1, 2), keepdims=True)
    bell = np.hanning(WINDOW + 1)[:WINDOW].astype(np.float32)
    tiles *= bell[:, None] * bell
    spectrum = np.empty((len(tiles), WINDOW, HALF + 1), np.complex64)
    for tile, its in zip(tiles, spectrum, strict=True):  # a third of the time of np.fft, and nothing to import
        its[:] = cv2.dft(tile, flags=cv2.DFT_COMPLEX_OUTPUT).view(np.complex64)[:, : HALF + 1, 0]
    y, x = np.meshgrid(tops + HALF, lefts + HALF, indexing="ij")
    centre = np.stack([x.ravel(), y.ravel()], axis=1).astype(float)
    return Windows(centre, spectrum, _excess(np.abs(spectrum)), (height, width))


def _frequencies() -> tuple[np.ndarray, np.ndarray]:
    along_y = np.fft.fftfreq(WINDOW, 1 / WINDOW)[:, None] + np.zeros((1, HALF + 1))
    along_x = np.arange(HALF + 1)[None] + np.zeros((WINDOW, 1))
    return along_y, along_x


def _excess(amplitude: np.ndarray) -> np.ndarray:
    """Log of amplitude over the background of the same radius; each window in its own units."""
    radius = np.hypot(*_frequencies())
    ring = radius.round().astype(int)
    used = np.flatnonzero((radius > LOWEST) & (radius < HIGHEST))
    flat = amplitude.reshape(len(amplitude), -1)
    size = flat.take(used, axis=1).mean(axis=1)
    ratio = flat / np.maximum(size, 1e-12)[:, None]
    some = ratio[:: max(1, len(ratio) // 60)]
    some = some[:, np.argsort(ring, axis=None, kind="stable")]
    ends = np.cumsum(np.bincount(ring.ravel()))
    floor = np.array([np.median(some[:, a:b]) for a, b in pairwise([0, *ends.tolist()])])
    floor = np.maximum(percentile_near(floor, 5, 50.0), 1e-9)
    ratio /= floor[ring].ravel().astype(np.float32)
    ratio /= NOISE * np.maximum(row_percentile(ratio.take(used, axis=1), 50.0), 1e-9)[:, None]
    np.clip(ratio, 1.0, CLIP / NOISE, out=ratio)
    return np.log(ratio, out=ratio).reshape(amplitude.shape)


def find_turns(windows: Windows) -> list[float]:
    """The likeliest angles in degrees, -45 to 45, of the level lines, best first."""
    along_y, along_x = _frequencies()
    radius = np.hypot(along_y, along_x)
    used = (radius > 8) & (radius < HIGHEST)
    mean = windows.excess.mean(axis=0)
    angle = np.degrees(np.arctan2(along_y, along_x))
    strength = np.bincount(
        (angle[used] * 2).round().astype(int) % 180, weights=np.square(mean[used]), minlength=180
    )
    strength = smoothed(strength, 3, wrap=True)
    tops = np.flatnonzero(strength == largest_near(strength, 25, wrap=True))
    tops = tops[np.argsort(strength[tops])[::-1][:2]]
    return [float((top / 2 + 45) % 90 - 45) for top in tops]


def radial_peaks(windows: Windows, angle: float) -> list[tuple[float, float]]:
    """(frequency in cycles a window, height) of the peaks about a direction, strongest first."""
    radii = np.arange(LOWEST, HIGHEST, 0.5)
    fan = np.radians(angle + np.arange(-LARGEST_TILT, LARGEST_TILT + 1, 2))
    row, column, _ = _fold(
        np.rint(radii[:, None] * np.sin(fan)).astype(int), np.rint(radii[:, None] * np.cos(fan)).astype(int)
    )
    height = windows.excess[:, row, column].max(axis=2).mean(axis=0)
    height = smoothed(height, 1.0) - np.percentile(height, 30)
    tops = np.flatnonzero(height == largest_near(height, 5))
    tops = tops[(height[tops] > 0.08) & (tops > 0) & (tops < len(radii) - 1)]
    tops = tops[np.argsort(height[tops])[::-1]]
    return [(float(radii[top]), float(height[top])) for top in tops]


def _fold(row: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where frequencies (along y, along x) stand in a half spectrum, and where it holds the conjugate."""
    other = column < 0
    row, column = np.where(other, -row, row), np.where(other, -column, column)
    return row % WINDOW, np.minimum(column, HALF), other


def follow_peak(windows: Windows, start: np.ndarray, plane: Plane | None = None) -> Lattice:
    """Follow one peak of each family over the page.

    start  float (2, 2): family, then frequency along x and y in cycles a window
    plane  what the frequencies are followed from, where that is a plane seen at a slant; None: they are `start` everywhere
    """
    surface = empty_surface(windows.shape, CELL)
    basis = basis_at(surface, windows.centre)
    gradient = np.concatenate([design(surface, basis, "dx"), design(surface, basis, "dy")])
    base = (
        np.zeros((2, gradient.shape[1]))
        if plane is None
        else nearest_to(surface, lambda points: plane.lines(points)[0])
    )
    rounds = ((5, 0.05), (4, 0.15), (3, 0.5), (2, 0.5)) if plane is None else ((2, 0.15), (2, 0.5), (2, 0.5))
    coefficients, weights, heights = [], [], []
    for family in (0, 1):
        expected = np.repeat(start[family][None], len(windows.centre), axis=0)
        fitted: np.ndarray | None = None
        if plane is not None:
            fitted = np.zeros(gradient.shape[1])
            expected = (gradient @ base[family]).reshape(2, -1).T * WINDOW
        for reach, bend in rounds:
            found, height = _peak_near(windows, expected, reach)
            wanted = found.T.ravel() / WINDOW - gradient @ base[family]
            fitted, _, robust = fit_robustly(
                gradient,
                wanted,
                np.tile(height, 2) + 1e-6,
                bending(surface, bend),
                sigma=0.3 / WINDOW,
                start=fitted,
            )
            expected = (gradient @ (base[family] + fitted)).reshape(2, -1).T * WINDOW
        trusted = np.sqrt(robust.reshape(2, -1).prod(axis=0)) * height
        assert fitted is not None
        fitted, robust = _count_lines(windows, surface, (base[family], fitted), expected, trusted)
        coefficients.append(fitted.reshape(surface.coefficients[0].shape))
        weights.append(robust * (height > 0))
        heights.append(height)
    belong = np.sqrt(weights[0] * weights[1])
    score = float((belong * np.sqrt(heights[0] * heights[1])).mean())
    return Lattice(replace(surface, coefficients=np.stack(coefficients)), np.stack(weights), score)


def _peak_near(windows: Windows, expected: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequency (N, 2) and excess (N,) of the highest peak within `reach` cycles of the expected one."""
    off = np.arange(-reach, reach + 1)
    near = np.rint(expected).astype(int)
    column = near[:, 0, None, None] + off[None, None, :]
    row = near[:, 1, None, None] + off[None, :, None]
    row, column = np.broadcast_arrays(row, column)
    i, j, _ = _fold(row, column)
    each = np.arange(len(near))
    excess = windows.excess[each[:, None, None], i, j]
    far = (off[None, :, None] ** 2 + off[None, None, :] ** 2) / (reach + 1) ** 2
    top = (excess * (1 - 0.5 * far)).reshape(len(near), -1).argmax(axis=1)
    best = np.stack([column.reshape(len(near), -1)[each, top], row.reshape(len(near), -1)[each, top]], axis=1)
    found = best.astype(float)
    for axis, (dx, dy) in enumerate(((1, 0), (0, 1))):
        below, middle, above = (
            _amplitude(windows, best[:, 0] + k * dx, best[:, 1] + k * dy) for k in (-1, 0, 1)
        )
        found[:, axis] += np.clip(2 * (above - below) / (below + 2 * middle + above + 1e-12), -0.5, 0.5)
    return found, excess.reshape(len(near), -1)[each, top]


def _amplitude(windows: Windows, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    row, column, _ = _fold(y, x)
    return np.abs(windows.spectrum[np.arange(len(x)), row, column])


def _count_lines(
    windows: Windows,
    surface: Surface,
    followed: tuple[np.ndarray, np.ndarray],
    expected: np.ndarray,
    trusted: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """From frequencies to phases: coefficients that put a line at every whole number, and the robust weights.

    followed  coefficients of what is known before, and of what was followed beyond it: only that must not bend much
    """
    base, fitted = followed
    x, y = np.rint(expected).astype(int).T
    row, column, other = _fold(y, x)
    value = windows.spectrum[np.arange(len(x)), row, column]
    value = np.where(other, value.conj(), value) * np.exp(2j * np.pi * HALF * (x + y) / WINDOW)
    phase = np.angle(value) / (2 * np.pi)  # of the wave at the window's middle, in periods
    columns = len(np.unique(windows.centre[:, 0]))
    grid = np.arange(len(phase)).reshape(-1, columns)
    first = np.concatenate([grid[:, :-1].ravel(), grid[:-1].ravel()])
    second = np.concatenate([grid[:, 1:].ravel(), grid[1:].ravel()])
    values = design(surface, basis_at(surface, windows.centre))
    phase = phase - values @ base
    steps = values[second] - values[first]
    both = np.sqrt(trusted[first] * trusted[second]) + 1e-6
    fitted, _, _ = fit_robustly(
        steps, phase[second] - phase[first], both, bending(surface, 0.7), sigma=0.05, period=1.0, start=fitted
    )
    left = phase - values @ fitted
    fitted = fitted + np.angle(np.sum((trusted + 1e-6) * np.exp(2j * np.pi * left))) / (2 * np.pi)
    fitted, _, robust = fit_robustly(
        values, phase, trusted + 1e-6, bending(surface, 0.7), sigma=0.05, period=1.0, start=fitted
    )
    return base + fitted, robust


def find_lattice(lines: np.ndarray) -> tuple[Lattice, Windows] | None:
    """The lattice that most of the page agrees on, or None.

    lines  float32 (H, W), darkness of the grid
    """
    windows = take_windows(lines)
    starts = []
    for turn in find_turns(windows):
        peaks = [radial_peaks(windows, turn + quarter) for quarter in (0, 90)]
        starts += _starts(peaks, turn)[:2]
    best: Lattice | None = None
    for start in starts:
        lattice = follow_peak(windows, start)
        if best is None or lattice.score > best.score:
            best = lattice
        if best.score > SURE:
            break
    if best is None:
        return None
    return _without_diagonals(windows, _of_a_plane(windows, best, starts)), windows


def _members(lattice: Lattice) -> float:
    """Share of the windows that belong to a lattice, of the family that has fewer."""
    return float((lattice.weights > MEMBER).mean(axis=1).min())


def _of_a_plane(windows: Windows, lattice: Lattice, starts: list[np.ndarray]) -> Lattice:
    """Where parts of the page do not belong to a lattice, follow it again from a plane seen at a slant.

    The boxes of 5 mm have peaks of their own on both sides of that of 1 mm. Where a slant brings one of them to the
    place of the other, it is followed instead, and the lines between are lost. A plane changes both families together.
    """
    best = lattice
    if _members(best) >= WHOLE:
        return best
    near = with_neighbours(windows.excess)
    for start in starts:
        plane = slanted_plane(windows.centre, windows.excess, near, start, windows.shape, WINDOW)
        other = follow_peak(windows, start, plane)
        if _members(other) > _members(best) + MORE:
            best = other
        if _members(best) >= WHOLE:
            break
    return best


def _without_diagonals(windows: Windows, lattice: Lattice) -> Lattice:
    """Dots make lines along their diagonals too: where half the sum and half the difference of the two frequencies
    are there as well, they are the lattice.
    """
    _, slopes = evaluate(lattice.surface, windows.centre)
    upright, level = slopes[:, 0] * WINDOW, slopes[:, 1] * WINDOW
    halves = [(upright + level) / 2, (upright - level) / 2]
    belong = np.sqrt(lattice.weights.prod(axis=0)) > 0.3
    if not belong.any() or min(_seen(windows, half, belong) for half in halves) < 0.3:
        return lattice
    if min(_seen(windows, wave / 2, belong) for wave in (upright, level)) > 0.3:
        return lattice  # an even harmonic of a lattice that is not turned
    middle = [np.median(half[belong], axis=0) for half in halves]
    middle.sort(key=lambda pair: abs(pair[1]) - abs(pair[0]))
    start = np.stack([middle[0] * np.sign(middle[0][0]), middle[1] * np.sign(middle[1][1])])
    other = follow_peak(windows, start)
    return other if other.score > 0.6 * lattice.score else lattice


def _seen(windows: Windows, waves: np.ndarray, belong: np.ndarray) -> float:
    """How far a peak at frequencies (N, 2) stands out in the windows that belong."""
    return float(np.median(_peak_near(windows, waves, 1)[1][belong]))


def _starts(peaks: list[list[tuple[float, float]]], turn: float) -> list[np.ndarray]:
    """Pairs of frequencies, one a family, near enough for one paper seen at a slant, likeliest first."""
    pairs = []
    for fx, high_x in peaks[0][:6]:
        for fy, high_y in peaks[1][:6]:
            if not 0.7 < fx / fy < 1.43:
                continue
            handy = 1.0 if 8 < (fx * fy) ** 0.5 < 40 else 0.35  # high ones lose count where the page is slanted
            pairs.append(((high_x * high_y) ** 0.5 * handy * (1 - abs(np.log(fx / fy))), fx, fy))
    pairs.sort(reverse=True)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return [np.array([[fx * cos, fx * sin], [-fy * sin, fy * cos]]) for _, fx, fy in pairs]
