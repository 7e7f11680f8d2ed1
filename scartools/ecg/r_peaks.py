"""R peaks on one signal made of all leads, so that every lead shares its fiducials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, signal

from scartools.ecg.sampling import filter_present, without_spikes
from scartools.errors import InputError

FASTEST_BPM, SLOWEST_BPM = 300.0, 20.0
FLAT_MV = 0.02  # a lead that moves less than this over a QRS says nothing
BAND_HZ = (5.0, 25.0)  # holds the QRS, wide and paced ones too; P, T and mains are weak in it
# how far a QRS rises above the usual envelope: noise reaches 1.5 (the same in all leads), broad fast complexes 2.2
DISTINCT = 1.8
LEAST_LEVEL = 0.1  # of the consensus, in which a usual QRS is 0.3 to 0.8
_ENVELOPE_S = 0.1
_REFRACTORY_S = 0.2


@dataclass(frozen=True)
class Peaks:
    """Where the beats are.

    samples    int (B,), the middle of each QRS
    heights    float64 (B,), height of the consensus signal there
    consensus  float64 (T,), NaN where no lead is there
    weights    float64 (leads,), how much each lead speaks: 0 for a lead that is absent or flat, up to 1
    """

    samples: np.ndarray
    heights: np.ndarray
    consensus: np.ndarray
    weights: np.ndarray


def find_r_peaks(signals: np.ndarray, rate: float) -> Peaks:
    """Find the beats of a recording.

    signals  float64 (leads, T), mV, NaN where absent; rate: Hz, 100 or more
    The consensus signal is the mean size of the band-passed (5-25 Hz) derivative over the leads that are there
    at each time, each lead in units of its own QRS, leads without distinct QRS (noise) with little weight; its mean
    over 100 ms is searched for maxima. The fiducial of a beat is the middle of its QRS in that signal, from the
    leads that last as long as the record (the rhythm strip of a page), whatever the sign of a complex. Spikes of a
    pacemaker are taken out first.
    Raises InputError for a flat record and for one without distinct beats.
    """
    calm = without_spikes(signals, rate)
    (band,) = filter_present(calm, rate, [BAND_HZ], shortest_s=0.3, bridge_s=0.04)
    return peaks_of_band(band, rate)


def peaks_of_band(band: np.ndarray, rate: float) -> Peaks:
    """Find the beats in signals that are free of spikes and band-passed already, as find_r_peaks does."""
    if not np.nanmax(np.abs(band), initial=0.0) >= FLAT_MV / 2:
        raise InputError("is flat: no lead moves", remedy="Check the cables, the gain or the page")
    slope = np.gradient(band, axis=1)
    scale, weights = _scales(band, slope, rate)
    steps = np.abs(slope) / scale[:, None]
    consensus = _size(steps, weights)
    present = np.isfinite(consensus)
    width = max(1, round(_ENVELOPE_S * rate))
    envelope = ndimage.uniform_filter1d(np.where(present, consensus, 0.0), width)
    steepness = ndimage.maximum_filter1d(np.nan_to_num(_size(steps, weights, most=4.0)), width)
    found = _maxima(envelope, steepness, rate)
    long = spans(band)
    spanning = consensus if long.all() else _size(steps, np.where(long, weights, 0.0))
    spanning = np.nan_to_num(np.where(np.isfinite(spanning), spanning, consensus)) ** 2
    samples = np.array([_middle_of(spanning, at, round(0.08 * rate)) for at in found], dtype=int)
    samples, first = np.unique(samples, return_index=True)
    return Peaks(samples, envelope[found][first], consensus, weights)


def spans(signals: np.ndarray) -> np.ndarray:
    """Return which leads last (nearly) as long as the longest one: all of them, or the rhythm strips of a page."""
    present = np.isfinite(signals).sum(axis=1)
    return present >= 0.9 * present.max()


def _scales(band: np.ndarray, slope: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the size of each lead's QRS slope, and how distinct its QRS are from the rest, 0 to 1.

    The size is 0.6 of the usual maximum of 3 s, which has a beat at the slowest rate that is accepted.
    """
    scale, weights = np.ones(len(slope)), np.zeros(len(slope))
    least = FLAT_MV / (
        0.1 * rate
    )  # what is flat has no QRS, and rounding errors of a silent stretch none either
    for row, lead in enumerate(slope):
        steps = np.abs(lead[np.isfinite(lead)])
        if not len(steps) or np.nanmax(np.abs(band[row])) < FLAT_MV / 2:
            continue
        starts = np.linspace(0, len(steps), max(1, round(len(steps) / (3 * rate))), endpoint=False).astype(int)
        scale[row] = max(0.6 * np.median(np.maximum.reduceat(steps, starts)), least)
        # of every fourth sample: the same within 1 %
        weights[row] = max(0.0, 1.0 - 1.5 * np.median(steps[::4]) / scale[row]) ** 3
    return scale, weights


def _size(steps: np.ndarray, weights: np.ndarray, most: float = 1.0) -> np.ndarray:
    """Return the weighted mean over the leads that are there, each at most `most` times its own QRS.

    steps  (leads, T), absolute slopes in units of each lead's own QRS, NaN where absent
    A mean and its bound keep an artefact in one lead, a step or a loose electrode, far below a beat in all of them.
    """
    bounded = np.minimum(steps, most)
    here = np.isfinite(bounded)
    if here.all() and weights.any():
        return weights @ bounded / weights.sum()
    weight = weights @ here
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weight > 0, weights @ np.where(here, bounded, 0.0) / weight, np.nan)


def _maxima(envelope: np.ndarray, steepness: np.ndarray, rate: float) -> np.ndarray:
    """Return the maxima of the envelope that are QRS complexes."""
    places, _ = signal.find_peaks(
        np.concatenate(([0.0], envelope, [0.0])), distance=round(_REFRACTORY_S * rate)
    )
    places = places - 1
    level = _local_level(envelope, rate)
    big = places[envelope[places] > 0.4 * level[places]]
    big = _without_t_waves(big, steepness, rate)
    if len(big) > 2:
        big = _search_back(big, places, envelope, level, rate)
    if not len(big) or np.median(envelope[big]) < DISTINCT * np.median(envelope):
        raise InputError("has no beats that stand out from the noise", remedy="Check the signals")
    return big


def _local_level(envelope: np.ndarray, rate: float) -> np.ndarray:
    """Return the usual height of a QRS around each sample: the median of the maxima of the 3 s blocks within 6 s.

    A block of 3 s has a beat at the slowest rate that is accepted.
    """
    block = round(3.0 * rate)
    starts = range(0, max(1, len(envelope) - block // 2), block)
    highest = np.array([envelope[start : start + block].max() for start in starts])
    near = np.array([np.median(highest[max(0, k - 2) : k + 3]) for k in range(len(highest))])
    level = np.interp(np.arange(len(envelope)), np.arange(len(near)) * block + block / 2, near)
    return np.maximum(np.maximum(level, 0.3 * np.percentile(highest, 75)), LEAST_LEVEL)


def _without_t_waves(places: np.ndarray, steepness: np.ndarray, rate: float) -> np.ndarray:
    """Drop a maximum within 0.36 s of one that is twice as steep: peaked T waves are long, but never steep."""
    kept: list[int] = []
    for at in places:
        if kept and at - kept[-1] < 0.36 * rate and steepness[at] < 0.5 * steepness[kept[-1]]:
            continue
        kept.append(int(at))
    return np.array(kept, dtype=int)


def _search_back(
    big: np.ndarray, places: np.ndarray, envelope: np.ndarray, level: np.ndarray, rate: float
) -> np.ndarray:
    """Look again, with half the threshold, into intervals over 1.6 times the median one."""
    usual = np.median(np.diff(big))
    added = []
    for start, stop in zip(big[:-1], big[1:], strict=True):
        if stop - start <= 1.6 * usual:
            continue
        margin = max(0.36 * rate, 0.5 * usual)
        inside = places[(places > start + margin) & (places < stop - margin)]
        inside = inside[envelope[inside] > 0.2 * level[inside]]
        if len(inside):
            added.append(inside[np.argmax(envelope[inside])])
    return np.sort(np.concatenate([big, np.array(added, dtype=int)]))


def _middle_of(squared: np.ndarray, at: int, reach: int) -> int:
    """Return the middle of a QRS: the centre of the squared consensus signal around its maximum.

    Onset and end of the QRS are the same in all leads, the largest voltage is not: a column of V1 to V3 has it 25 ms
    later than one of limb leads.
    """
    for _ in range(3):  # the window follows the QRS
        start = max(0, at - reach)
        part = squared[start : at + reach + 1]
        at = start + round(float(part @ np.arange(len(part)) / part.sum())) if part.any() else at
    return at
