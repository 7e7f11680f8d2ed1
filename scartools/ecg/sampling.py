"""Sampling: any rate to that of a beat, and filters that respect absent samples (NaN)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from scipy import signal

from scartools.errors import InputError

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


def filter_present(signals: np.ndarray, sections: np.ndarray, *, shortest: int, bridge: int = 0) -> np.ndarray:
    """Filter forwards and backwards (no phase shift) within each stretch of samples that are there.

    signals   float64 (leads, T), NaN where absent; sections: second-order sections of scipy
    shortest  a stretch of fewer samples cannot be filtered and becomes NaN
    bridge    gaps of up to so many samples are crossed by a straight line
    Returns float64 (leads, T).
    """
    if np.isfinite(signals).all() and signals.shape[1] >= shortest:
        padding = min(signals.shape[1] - 1, 500)
        return signal.sosfiltfilt(sections, signals, axis=1, padtype="even", padlen=padding)
    out = np.full(signals.shape, np.nan)
    for row, lead in enumerate(signals):
        valid = np.isfinite(lead)
        crossed = valid.copy()
        for gap in runs(~valid):
            inside = gap.start > 0 and gap.stop < len(lead)
            crossed[gap] = inside and gap.stop - gap.start <= bridge
        filled = _bridge(lead)
        for run in runs(crossed):
            if run.stop - run.start >= shortest:
                padding = min(run.stop - run.start - 1, 500)
                out[row, run] = signal.sosfiltfilt(sections, filled[run], padtype="even", padlen=padding)
    return out


def high_pass(signals: np.ndarray, rate: float, cutoff_hz: float) -> np.ndarray:
    """Take out baseline wander without phase shift: Butterworth, second order, forwards and backwards.

    signals float64 (leads, T), NaN where absent; stretches under half a second become absent. Forwards and backwards
    the cutoff is at -6 dB.
    """
    sections = signal.butter(2, cutoff_hz, "highpass", fs=rate, output="sos")
    out = filter_present(signals, sections, shortest=int(0.5 * rate), bridge=int(0.04 * rate))
    out[~np.isfinite(signals)] = np.nan
    return out


def _bridge(lead: np.ndarray) -> np.ndarray:
    """Replace absent samples by a straight line between their neighbours, at the ends by the nearest one."""
    valid = np.isfinite(lead)
    if valid.all() or not valid.any():
        return np.where(valid, lead, 0.0)
    places = np.arange(len(lead))
    return np.interp(places, places[valid], lead[valid])
