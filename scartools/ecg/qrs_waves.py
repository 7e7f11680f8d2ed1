"""Q, R, S and R' of each lead of a median beat: amplitudes, durations, the name of the complex, notches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scartools.ecg.delineate import MS, Fiducials

LEAST_MV, LEAST_MS = 0.02, 6.0  # a smaller deflection is no wave
NOTCH_MV = 0.05  # a notch goes back by so much
CAPITAL_MV = 0.5  # waves from here on have a capital letter
_LEVEL_SAMPLES = 10  # 20 ms before the QRS: its level is 0
_FOOT = 0.05  # the first wave begins where it is below this share of its peak


@dataclass(frozen=True)
class Wave:
    """One deflection of a QRS: signed amplitude in mV; duration, begin, end and peak in ms, the last three from R."""

    amplitude: float
    begin: float
    end: float
    peak: float

    @property
    def duration(self) -> float:
        return self.end - self.begin


@dataclass(frozen=True)
class Complex:
    """The QRS of one lead.

    waves      its deflections in order; of two that follow each other one is positive, one negative
    name       "qRs", "rSR'", "QS" ...: capitals from 0.5 mV on, "" where nothing passes 0.02 mV
    q, r, s    the first negative wave before R (or the only one: QS), the first positive, the negative after it
    r_prime    the second positive wave
    notched    names of the waves ("R", "S" ...) with more than one peak
    onset      where the QRS of all leads begins, ms from R
    j          level at the end of the QRS of all leads, mV
    samples    float64 (n,): the QRS, its level before the onset subtracted, mV
    """

    waves: tuple[Wave, ...]
    name: str
    q: Wave | None
    r: Wave | None
    s: Wave | None
    r_prime: Wave | None
    notched: tuple[str, ...]
    onset: float
    j: float
    samples: np.ndarray

    @property
    def is_qs(self) -> bool:
        return self.q is not None and self.r is None

    @property
    def r_peak_time(self) -> float | None:
        """Time from the onset of the QRS to the latest peak of R or R', ms."""
        last = self.r_prime or self.r
        return None if last is None else last.peak - self.onset


def qrs_waves(beat: np.ndarray, fiducials: Fiducials, r_sample: int = 200) -> list[Complex | None]:
    """Name and measure the waves of the QRS in each lead.

    beat  float64 (12, T), mV at 500 Hz, NaN where absent
    Returns a complex a lead, None where the QRS was not found or the lead is not there throughout.
    0 is the median of the 20 ms before the onset of the QRS. A wave lies between two crossings of 0, reaches 0.02 mV and
    lasts 6 ms; the first begins where it is below 5 % of its peak, which leaves out the isoelectric part at the
    start of a lead that is activated late; a last one that only leads over into the ST segment is none.
    """
    if fiducials.qrs_onset is None or fiducials.qrs_offset is None:
        return [None] * len(beat)
    onset, offset = fiducials.qrs_onset, fiducials.qrs_offset
    begin = max(0, onset - _LEVEL_SAMPLES)
    if onset == begin:
        return [None] * len(beat)
    levels = np.median(beat[:, begin:onset], axis=1)
    there = np.isfinite(beat[:, begin : offset + 1]).all(axis=1)
    parts = beat[:, onset : offset + 1] - levels[:, None]
    start = (onset - r_sample) * MS
    return [_complex(part, start) if whole else None for part, whole in zip(parts, there, strict=True)]


def _complex(samples: np.ndarray, onset: float) -> Complex:
    parts = _merge(_parts(samples), samples)
    waves = tuple(
        Wave(float(samples[peak]), onset + begin * MS, onset + end * MS, onset + peak * MS)
        for begin, end, peak in parts
    )
    roles = _roles(waves)
    of = dict(zip(roles, waves, strict=True))
    notched = tuple(role for role, part in zip(roles, parts, strict=True) if _peaks(samples, part) > 1)
    return Complex(
        waves,
        _name(roles, waves),
        of.get("Q") or of.get("QS"),
        of.get("R"),
        of.get("S"),
        of.get("R'"),
        notched,
        onset,
        float(samples[-1]),
        samples,
    )


def _parts(samples: np.ndarray) -> list[tuple[float, float, int]]:
    """Return (begin, end, place of the extreme) in samples of each stretch between crossings of 0."""
    sign = samples >= 0
    turns = np.flatnonzero(sign[1:] != sign[:-1])
    crossings = turns + samples[turns] / (samples[turns] - samples[turns + 1])
    edges = [0.0, *crossings.tolist(), float(len(samples) - 1)]
    limits = [0, *(turns + 1).tolist(), len(samples)]
    return [
        (edges[k], edges[k + 1], limits[k] + int(np.argmax(np.abs(samples[limits[k] : limits[k + 1]]))))
        for k in range(len(edges) - 1)
    ]


def _merge(parts: list[tuple[float, float, int]], samples: np.ndarray) -> list[tuple[float, float, int]]:
    """Leave out what is too small for a wave and join the waves of one sign that meet over it."""
    last = len(samples) - 1
    kept: list[tuple[float, float, int]] = []
    for begin, end, peak in parts:
        size = abs(samples[peak])
        # a last deflection counts by how far it stands out from the ST segment that it leads to
        apart = abs(samples[peak] - samples[-1]) if end == last else size
        if size < LEAST_MV or apart < LEAST_MV or (end - begin) * MS < LEAST_MS:
            continue
        if kept and (samples[kept[-1][2]] > 0) == (samples[peak] > 0):
            before = kept.pop()
            higher = before[2] if abs(samples[before[2]]) >= size else peak
            kept.append((before[0], end, higher))
        else:
            kept.append((begin, end, peak))
    if kept:
        begin, end, peak = kept[0]
        low = np.flatnonzero(np.abs(samples[:peak]) <= _FOOT * abs(samples[peak]))
        kept[0] = (max(begin, float(low[-1])) if len(low) else begin, end, peak)
    return kept


def _roles(waves: Sequence[Wave]) -> list[str]:
    if len(waves) == 1 and waves[0].amplitude < 0:
        return ["QS"]
    roles, positive, negative = [], 0, 0
    for wave in waves:
        if wave.amplitude > 0:
            roles.append("R" + "'" * positive)
            positive += 1
        elif not positive:
            roles.append("Q")
        else:
            roles.append("S" + "'" * negative)
            negative += 1
    return roles


def _name(roles: Sequence[str], waves: Sequence[Wave]) -> str:
    if list(roles) == ["QS"]:
        return "QS"
    return "".join(
        role if abs(wave.amplitude) >= CAPITAL_MV else role.lower()
        for role, wave in zip(roles, waves, strict=True)
    )


def _peaks(samples: np.ndarray, part: tuple[float, float, int]) -> int:
    """Return how many peaks a wave has, between which the signal goes back by 0.05 mV."""
    if abs(samples[part[2]]) < NOTCH_MV:
        return 1
    values = samples[int(np.ceil(part[0])) : int(part[1]) + 1] * np.sign(samples[part[2]])
    inner = values[1:-1]
    turning = 1 + np.flatnonzero((inner - values[:-2]) * (values[2:] - inner) < 0)
    count, low, high, rising = 0, 0.0, 0.0, True
    for value in values[turning]:
        if rising:
            high = max(high, value)
            if high - value >= NOTCH_MV:
                count, rising, low = count + 1, False, value
        else:
            low = min(low, value)
            if value - low >= NOTCH_MV:
                rising, high = True, value
    return count + int(rising)
