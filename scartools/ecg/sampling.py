"""Sampling: any rate to that of a beat, and filters that respect absent samples (NaN)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft, signal

from scartools.ecg.medians import median_of_rows
from scartools.errors import InputError

Band = tuple[float | None, float | None]
SLOWEST_HZ = 100.0  # below it a QRS of 80 ms has fewer than eight samples


def resample(signals: np.ndarray, rate: float, new_rate: float) -> np.ndarray:
    """Bring signals to another sampling rate; sample 0 keeps its time.

    signals   float (leads, T), NaN where a sample is absent
    rate      Hz, at least 100; new_rate: Hz
    Returns float64 (leads, N). Polyphase FIR filter (Kaiser 5, scipy's resample_poly), which keeps phase and cuts what
    the new rate cannot hold. Absent samples are bridged by straight lines first and taken out again after: a new
    sample is there where both its neighbours in time are.
    Raises InputError for a rate below 100 Hz.
    """
    if not rate >= SLOWEST_HZ:
        raise InputError(
            f"has {rate:g} samples a second, too few to tell the parts of a QRS",
            remedy=f"At least {SLOWEST_HZ:g} Hz is needed",
        )
    signals = np.asarray(signals, dtype=np.float64)
    ratio = Fraction(new_rate / rate).limit_denominator(10_000)
    if ratio == 1:
        return signals.copy()
    bridged = np.stack([_bridge(lead) for lead in signals])
    new = signal.resample_poly(bridged, ratio.numerator, ratio.denominator, axis=1, padtype="line")
    at = np.arange(new.shape[1]) * (rate / new_rate)  # in samples of the old rate
    last = signals.shape[1] - 1
    new = new[:, at <= last + 1e-9]
    at = at[: new.shape[1]]
    before = np.clip(np.floor(at + 1e-9).astype(int), 0, last)
    after = np.clip(np.ceil(at - 1e-9).astype(int), 0, last)
    valid = np.isfinite(signals)
    new[~(valid[:, before] & valid[:, after])] = np.nan
    return new


def runs(valid: np.ndarray) -> Iterator[slice]:
    """Yield the stretches of True in a boolean vector (T,), in order."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], valid, [False])).astype(np.int8)))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        yield slice(int(start), int(stop))


def filter_present(
    signals: np.ndarray, rate: float, bands: Sequence[Band], *, shortest_s: float, bridge_s: float = 0.0
) -> list[np.ndarray]:
    """Filter without phase shift within each stretch of samples that are there; one result a band.

    signals     float64 (leads, T), NaN where absent; rate Hz
    bands       (low, high) cutoffs in Hz, None for none: Butterworth magnitudes of second order at each, squared as
                forwards and backwards, hence -6 dB there
    shortest_s  a stretch that is shorter cannot be filtered and becomes NaN
    bridge_s    gaps of up to this are crossed by a straight line
    Returns float64 (leads, T) for each band. The signal is mirrored at the ends of a stretch: what a filter does to a
    mirrored signal is a gain on its cosine transform, which costs one transform a band whatever the order.
    """
    shortest, bridge = round(shortest_s * rate), round(bridge_s * rate)
    out = [np.full(signals.shape, np.nan) for _ in bands]
    valid = np.isfinite(signals)
    whole = valid.all(axis=1)
    if whole.any() and signals.shape[1] >= shortest:
        for result, filtered in zip(out, _filtered(signals[whole], rate, bands), strict=True):
            result[whole] = filtered
    for row in np.flatnonzero(~whole & valid.any(axis=1)):
        crossed = valid[row].copy()
        for gap in runs(~valid[row]):
            inside = gap.start > 0 and gap.stop < len(crossed)
            crossed[gap] = inside and gap.stop - gap.start <= bridge
        filled = _bridge(signals[row])
        for run in runs(crossed):
            if run.stop - run.start >= shortest:
                for result, filtered in zip(out, _filtered(filled[None, run], rate, bands), strict=True):
                    result[row, run] = filtered[0]
    return out


def _filtered(signals: np.ndarray, rate: float, bands: Sequence[Band]) -> Iterator[np.ndarray]:
    """Yield signals (leads, T) without a gap, filtered to each band."""
    count = signals.shape[1]
    spectrum = fft.dct(signals, axis=1)
    # The bilinear transform of a Butterworth filter has this magnitude exactly
    tangent = np.square(np.square(np.tan(np.pi * np.arange(count) / (2 * count))))
    for low, high in bands:
        gain = np.ones(count)
        if low is not None:
            gain *= tangent / (tangent + np.tan(np.pi * low / rate) ** 4)
        if high is not None and high < rate / 2:
            gain /= 1 + tangent / np.tan(np.pi * high / rate) ** 4
        yield fft.idct(spectrum * gain, axis=1)


def high_pass(signals: np.ndarray, rate: float, cutoff_hz: float) -> np.ndarray:
    """Take out baseline wander without phase shift: Butterworth, second order, forwards and backwards.

    signals float64 (leads, T), NaN where absent; stretches under half a second become absent. Forwards and backwards
    the cutoff is at -6 dB.
    """
    (out,) = filter_present(signals, rate, [(cutoff_hz, None)], shortest_s=0.5, bridge_s=0.04)
    out[~np.isfinite(signals)] = np.nan
    return out


def without_spikes(signals: np.ndarray, rate: float) -> np.ndarray:
    """Take out what is 8 ms short or less, as the spikes of a pacemaker: the median over 18 ms around each sample.

    signals float64 (leads, T), NaN where absent. Waves of a heart are longer and keep their shape but for the very top. For
    finding and laying beats on each other, never for the beat itself. Below 200 Hz nothing is changed.
    """
    half = int(0.008 * rate + 1e-9)
    if half < 1 or rate < 200:
        return signals
    out = signals.copy()
    for row, lead in enumerate(signals):
        for run in runs(np.isfinite(lead)):
            around = np.pad(lead[run], half, mode="edge")
            out[row, run] = median_of_rows(sliding_window_view(around, 2 * half + 1).T)
    return out


def _bridge(lead: np.ndarray) -> np.ndarray:
    """Replace absent samples by a straight line between their neighbours, at the ends by the nearest one."""
    valid = np.isfinite(lead)
    if valid.all() or not valid.any():
        return np.where(valid, lead, 0.0)
    places = np.arange(len(lead))
    return np.interp(places, places[valid], lead[valid])
