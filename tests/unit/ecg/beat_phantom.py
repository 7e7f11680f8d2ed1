"""Median beats with known fiducials: straight lines through given corners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from scartools.ecg.reading import LEADS

Corners = Sequence[tuple[float, float]]  # (ms from R, mV)

# a healthy QRS from -40 to +44 ms: q R s; and an rS in the right chest leads
QRS: Corners = ((-40, 0), (-30, -0.06), (-20, 0), (0, 1.0), (24, 0), (34, -0.2), (44, 0))
RIGHT: Corners = ((-40, 0), (-22, 0.4), (-8, 0), (12, -1.2), (44, 0))
P, T = (-200.0, -100.0), (140.0, 240.0, 340.0)  # ms: onset and end; onset, peak and end


def beat(
    changed: Mapping[str, Corners] | None = None,
    *,
    p_mv: float = 0.12,
    t_mv: float = 0.3,
    scale: Mapping[str, float] | None = None,
) -> np.ndarray:
    """Return a beat, float64 (12, 600), mV at 500 Hz, R at sample 200.

    changed  corners of the QRS of some leads, instead of the healthy ones
    scale    factors for whole leads; aVR is turned over, III and aVL are low by themselves
    """
    times = (np.arange(600) - 200) * 2.0
    factors = {"aVR": -0.9, "III": 0.5, "aVL": 0.5} | dict(scale or {})
    found = []
    for name in LEADS:
        corners = (changed or {}).get(name, RIGHT if name in ("V1", "V2") else QRS)
        qrs = np.interp(times, *zip(*corners, strict=True), left=0.0, right=0.0)
        wave = qrs + p_mv * bump(times, P[0], P[1]) + t_mv * bump(times, T[0], T[2])
        found.append(wave if name in (changed or {}) else wave * factors.get(name, 1.0))
    return np.array(found)


def bump(times: np.ndarray, start: float, stop: float) -> np.ndarray:
    """Return half a period of a sine from start to stop, 1 in the middle, 0 elsewhere."""
    inside = (times > start) & (times < stop)
    return np.where(inside, np.sin(np.pi * (times - start) / (stop - start)), 0.0)
