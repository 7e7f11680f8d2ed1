"""Which beats are alike, and by how many samples each must move to lie on the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scartools.ecg.medians import median_of_rows
from scartools.errors import InputError

ALIKE = 0.9  # correlation with the template that a beat of the same shape reaches
SHAPE_HZ = (1.0, 40.0)  # the band in which shapes are compared
_SHAPE_S = 0.12  # the shape of a beat is its QRS: this much before and after R
_MOVE_S = 0.02
_PREMATURE = 0.8  # an RR below this share of the median one
_NEIGHBOURS = 12  # on either side: the whole of ten seconds, while a long recording may change its rate
_IRREGULAR = 0.25  # above this share of RR intervals off by a fifth, the rhythm itself is irregular
_ROUNDS = 4
_MOST_IN_SEARCH = 100


@dataclass(frozen=True)
class Alignment:
    """The beats of a record laid on each other.

    samples       int (B,), fiducials; those of beats alike were moved by cross-correlation
    reasons       why each beat is left out: "shape", "premature", or "" where it is used
    correlations  float64 (B,), with the template; NaN where no lead could be compared
    """

    samples: np.ndarray
    reasons: tuple[str, ...]
    correlations: np.ndarray

    @property
    def used(self) -> np.ndarray:
        """Boolean (B,): the beats that are used."""
        return np.array([reason == "" for reason in self.reasons], dtype=bool)


def align(band: np.ndarray, peaks: np.ndarray, weights: np.ndarray, rate: float) -> Alignment:
    """Lay beats on each other and leave out those of another shape and those that come early.

    band     float64 (leads, T), band-passed signals, NaN where absent
    peaks    int (B,), fiducials; weights float64 (leads,) from find_r_peaks; rate Hz
    The template starts as the median of the largest group of beats alike and runs with them: each beat is moved by
    up to 20 ms to where it correlates best (all leads together), belongs if that is at least 0.9, and the
    template is made anew from those that belong. Beats that share no lead with the template (columns of a page
    without a rhythm strip) cannot be compared and are kept. Beats after an RR below 0.8 of the median of those around are left
    out unless the rhythm as a whole is irregular.
    Raises InputError when fewer than two beats are alike.
    """
    half, move = round(_SHAPE_S * rate), round(_MOVE_S * rate)
    wide = cut(_scaled(band, weights), peaks, half + move, half + move + 1)  # (B, leads, 2 (half + move) + 1)
    member, correlations = _largest_group(wide[:, :, move : wide.shape[2] - move], peaks, rate)
    windows = _Windows.of(wide, wide.shape[2] - 2 * move)
    shifts = np.zeros(len(peaks), dtype=int)
    for _ in range(_ROUNDS):
        template = _median(_moved(wide[member], shifts[member], move))
        new_shifts, correlations = _best_shifts(windows, template, move)
        new_member = ~(correlations < ALIKE)  # NaN: not comparable, kept
        settled = (new_shifts == shifts).all() and (new_member == member).all()
        shifts, member = new_shifts, new_member
        if settled or not member.any():
            break
    if int(member.sum()) < 2:
        raise InputError(
            f"has {len(peaks)} possible beats and no two alike", remedy="Check the signals for noise"
        )
    samples = np.where(member, peaks + shifts, peaks)
    reasons = ["" if belongs else "shape" for belongs in member]
    for index in early_beats(samples, rate):
        reasons[index] = reasons[index] or "premature"
    if reasons.count("") < 2:
        raise InputError(f"has fewer than two beats of the same shape and rhythm among {len(peaks)}")
    return Alignment(samples, tuple(reasons), correlations)


def early_beats(samples: np.ndarray, rate: float) -> list[int]:
    """Return the beats that come early in a rhythm that is otherwise regular."""
    intervals = np.diff(samples) / rate
    if len(intervals) < 3 or is_irregular(intervals):
        return []
    places = range(len(intervals))
    usual = [float(np.median(intervals[max(0, k - _NEIGHBOURS) : k + _NEIGHBOURS + 1])) for k in places]
    return [k + 1 for k in places if intervals[k] < _PREMATURE * usual[k]]


def is_irregular(intervals: np.ndarray) -> bool:
    """Tell whether over a quarter of the RR intervals differ by a fifth from the one before, as in fibrillation.

    One early beat changes three of them, so that fewer than eight intervals need more than three.
    """
    if len(intervals) < 4:
        return False
    changes = np.abs(np.diff(intervals)) > 0.2 * np.median(intervals)
    return bool(changes.sum() > max(3, _IRREGULAR * len(changes)))


def cut(signals: np.ndarray, at: np.ndarray, before: int, after: int) -> np.ndarray:
    """Cut the windows [at - before, at + after) from signals (leads, T): float64 (B, leads, before + after).

    What lies beyond the ends of the recording is NaN.
    """
    out = np.full((len(at), len(signals), before + after), np.nan)
    length = signals.shape[1]
    for window, place in zip(out, np.asarray(at), strict=True):
        start, stop = max(0, place - before), min(length, place + after)
        window[:, start - place + before : stop - place + before] = signals[:, start:stop]
    return out


def _scaled(band: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the leads that speak, each over the root of its size and times the root of its weight.

    Half way between equal leads, where fibrillation waves in a small one count as a change of shape, and millivolts,
    where the largest lead alone decides.
    """
    rows = np.flatnonzero(weights > 0)
    scale = np.empty(len(rows))
    for at, row in enumerate(rows):
        sizes = np.abs(band[row][np.isfinite(band[row])])[::4]  # enough for a percentile
        scale[at] = np.partition(sizes, int(0.97 * len(sizes)))[int(0.97 * len(sizes))]
    return band[rows] * np.sqrt(weights[rows] / np.maximum(scale, 1e-6))[:, None]


def _moved(wide: np.ndarray, shifts: np.ndarray, move: int) -> np.ndarray:
    """Return the windows (B, leads, W) of beats (B, leads, W + 2 move), each from its own shift on."""
    places = (move + shifts)[:, None] + np.arange(wide.shape[2] - 2 * move)
    return np.take_along_axis(wide, places[:, None], axis=2)


def _median(windows: np.ndarray) -> np.ndarray:
    """Return the sample-wise median over beats; a lead that fewer than two beats have is NaN: it proves nothing."""
    here = np.isfinite(windows).all(axis=2)  # (B, leads)
    if here.all() and len(windows) > 1:
        return median_of_rows(windows)
    out = np.full(windows.shape[1:], np.nan)
    for lead in np.flatnonzero(here.sum(axis=0) >= 2):
        out[lead] = median_of_rows(windows[here[:, lead], lead])
    return out


@dataclass(frozen=True)
class _Windows:
    """Beats (B, leads, W + 2 move) with what a correlation at every shift needs, whatever the template.

    filled  the beats, 0 where absent; whole (B, leads, shifts), 1 where the lead is there at that shift; energy the sum of
    squares of that window less its mean
    """

    filled: np.ndarray
    whole: np.ndarray
    energy: np.ndarray

    @classmethod
    def of(cls, wide: np.ndarray, length: int) -> _Windows:
        """Every window of `length` samples of signals (..., T), mV, NaN where a sample is absent."""
        there = np.isfinite(wide)
        filled = wide if there.all() else np.where(there, wide, 0.0)
        energy = np.maximum(_sums(filled**2, length) - _sums(filled, length) ** 2 / length, 0.0)
        whole = (_sums(there.astype(float), length) > length - 0.5).astype(float)
        return cls(filled, whole, energy * whole)


def _best_shifts(windows: _Windows, template: np.ndarray, move: int) -> tuple[np.ndarray, np.ndarray]:
    """Return for each beat the shift of up to `move` samples that correlates best, and that correlation.

    template  (leads, W)
    A correlation is over all leads that beat and template both have whole, each less its mean; NaN without any.
    """
    proves = np.isfinite(template).all(axis=1)
    template = np.where(proves[:, None], template - template.mean(axis=1, keepdims=True), 0.0)
    # windows of all shifts side by side: (B, leads, shifts, W)
    common = np.einsum("blsw,lw->bls", sliding_window_view(windows.filled, template.shape[1], axis=2), template)
    own = proves.astype(float) @ windows.energy  # (B, shifts)
    theirs = np.sum(template**2, axis=1) @ windows.whole
    size = np.sqrt(own * theirs)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(size > 1e-12, np.sum(common * windows.whole, axis=1) / size, 0.0)
    found = np.where(proves.astype(float) @ windows.whole > 0, found, -np.inf)
    # the nearest first, so that of equal ones the smallest move wins
    order = np.array(sorted(range(2 * move + 1), key=lambda k: abs(k - move)))
    best = order[np.argmax(np.round(found[:, order], 12), axis=1)]
    top = found[np.arange(len(found)), best]
    return np.where(np.isfinite(top), best - move, 0), np.where(np.isfinite(top), top, np.nan)


def _sums(values: np.ndarray, length: int) -> np.ndarray:
    """Return the sums over every window of `length` samples along the last axis."""
    total = np.cumsum(np.pad(values, ((0, 0), (0, 0), (1, 0))), axis=2)
    return total[:, :, length:] - total[:, :, :-length]


def _correlations(windows: np.ndarray) -> np.ndarray:
    """Return the correlation of every beat with every other, (B, B), over the leads that both have whole; NaN without any."""
    here = np.isfinite(windows).all(axis=2)  # (B, leads)
    centred = np.where(here[:, :, None], windows - windows.mean(axis=2, keepdims=True), 0.0)
    flat = centred.reshape(len(windows), -1)
    own = (centred**2).sum(axis=2) @ here.T.astype(
        float
    )  # of the row's beat, over the leads that the column's has too
    size = np.sqrt(own * own.T)
    shared = (here.astype(float) @ here.T) > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(shared, np.where(size > 0, flat @ flat.T / size, 0.0), np.nan)


def _largest_group(windows: np.ndarray, peaks: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest group of beats alike: boolean (B,), and the correlations with the beat in its middle.

    Of two groups of the same size (bigeminy) the one with the longer RR before its beats wins: early beats are the
    ectopic ones. Of a long recording at most 100 beats, evenly spread, take part.
    """
    chosen = np.unique(np.linspace(0, len(windows) - 1, min(len(windows), _MOST_IN_SEARCH)).astype(int))
    alike = _correlations(windows[chosen])
    np.fill_diagonal(alike, 1.0)
    # fiducials are not aligned yet, hence a little below the final limit
    near = ~(alike < ALIKE - 0.1)
    intervals = np.concatenate(([np.nan], np.diff(peaks) / rate))[chosen]
    waits = [_mean_present(intervals[row]) for row in near]
    middle = max(range(len(chosen)), key=lambda i: (int(near[i].sum()), waits[i]))
    member, correlations = np.zeros(len(windows), dtype=bool), np.full(len(windows), np.nan)
    member[chosen], correlations[chosen] = near[middle], alike[middle]
    return member, correlations


def _mean_present(values: np.ndarray) -> float:
    present = values[np.isfinite(values)]
    return float(present.mean()) if len(present) else 0.0
