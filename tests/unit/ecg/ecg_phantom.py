"""ECGs with a known answer: a beat drawn from Gaussian waves, repeated at known times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# per lead: P, Q, R, S, T in mV; II = I + III and so on hold
_I = np.array([0.08, -0.05, 0.7, -0.10, 0.20])
_II = np.array([0.12, -0.08, 1.0, -0.15, 0.30])
_LIMB = [_I, _II, _II - _I, -(_I + _II) / 2, _I - _II / 2, _II - _I / 2]
_CHEST = [
    np.array([0.05, 0.00, 0.2, -1.0, -0.1]),
    np.array([0.06, 0.00, 0.4, -1.5, 0.4]),
    np.array([0.06, 0.00, 0.8, -1.0, 0.5]),
    np.array([0.06, -0.05, 1.4, -0.6, 0.5]),
    np.array([0.06, -0.10, 1.3, -0.3, 0.4]),
    np.array([0.06, -0.10, 1.0, -0.1, 0.3]),
]
WAVES = np.array([*_LIMB, *_CHEST])  # (12, 5)
_AT_S = np.array([-0.16, -0.022, 0.0, 0.024, 0.28])
_WIDTH_S = np.array([0.018, 0.007, 0.010, 0.009, 0.045])


def waves_at(times: np.ndarray, waves: np.ndarray = WAVES, wide: float = 1.0) -> np.ndarray:
    """Return one beat, float64 (12, len(times)), mV, at times in s from R; `wide` stretches the QRS."""
    stretch = np.array([1, wide, wide, wide, 1])
    shapes = np.exp(-0.5 * ((times - (_AT_S * stretch)[:, None]) / (_WIDTH_S * stretch)[:, None]) ** 2)
    return waves @ shapes


def true_beat(waves: np.ndarray = WAVES, wide: float = 1.0) -> np.ndarray:
    """Return the beat (12, 600) that median_beat should find when no other beat is near."""
    return waves_at((np.arange(600) - 200) / 500, waves, wide)


def recording(
    r_peaks: Sequence[float] | np.ndarray,
    rate: float = 500.0,
    seconds: float = 10.0,
    *,
    waves: np.ndarray = WAVES,
    wide: float = 1.0,
    ectopic: Sequence[int] = (),
    noise: float = 0.0,
) -> np.ndarray:
    """Return a recording (12, T) with R at the given times, s; beats numbered in `ectopic` are wide and turned."""
    times = np.arange(round(seconds * rate)) / rate
    signals = np.zeros((12, len(times)))
    for number, at in enumerate(r_peaks):
        if number in ectopic:
            signals += waves_at(times - at, WAVES[::-1] * np.array([0, -1.2, -1.2, -1.2, -1]), 3.5)
        else:
            signals += waves_at(times - at, waves, wide)
    return signals + np.random.default_rng(5).normal(scale=noise, size=signals.shape) if noise else signals


def page(signals: np.ndarray, rate: float = 500.0, *, rhythm: int | None = 1) -> np.ndarray:
    """Return what a sequential 3 x 4 page of ten seconds holds: 2.5 s a lead, the rhythm lead for all of it."""
    kept = np.full_like(signals, np.nan)
    width = round(2.5 * rate)
    for column in range(4):
        part = slice(column * width, (column + 1) * width)
        kept[3 * column : 3 * column + 3, part] = signals[3 * column : 3 * column + 3, part]
    if rhythm is not None:
        kept[rhythm] = signals[rhythm]
    return kept
