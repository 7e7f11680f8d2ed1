"""A median beat as a network takes it: no baseline, one scale for the record, absent samples 0."""

from __future__ import annotations

import numpy as np

from scartools.errors import InputError

SHAPE = (12, 600)
SCALE_PERCENTILE = 95.0  # QRS and T are above it in most leads, artefacts of a few samples do not move it
SMALLEST_SCALE_MV = 0.005


def standardise_beat(signals: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the standardised beat, float32 (12, 600), and its scale in mV.

    signals  float (12, 600), mV, NaN where a sample is absent
    The median of each lead is its baseline and is taken off; the scale is the 95th percentile of the absolute values
    of all samples that are there. All leads are divided by this one number: their ratios, which say
    where in the heart a voltage comes from, are kept; a z-score a lead would destroy them. Absent samples are 0.
    Raises InputError for another shape, and for a beat without samples or without voltage.
    """
    signals = np.asarray(signals, dtype=np.float64)
    if signals.shape != SHAPE:
        raise InputError(f"a beat has the shape {SHAPE}, this one {signals.shape}")
    if np.isinf(signals).any():
        raise InputError("a beat holds an infinite voltage")
    present = np.isfinite(signals)
    if not present.any():
        raise InputError("a beat has no sample in any lead")
    centred = np.zeros(SHAPE)
    for row in np.flatnonzero(present.any(axis=1)):
        here = present[row]
        centred[row, here] = signals[row, here] - np.median(signals[row, here])
    scale = float(np.percentile(np.abs(centred[present]), SCALE_PERCENTILE))
    if not scale >= SMALLEST_SCALE_MV:
        raise InputError(f"a beat of {scale:.4f} mV is flat", remedy="Check its gain")
    return (centred / scale).astype(np.float32), scale


def restore_beat(standardised: np.ndarray, scale_mv: float) -> np.ndarray:
    """Return the millivolts, float64 (12, 600), of a standardised beat: each lead with median 0, absent samples 0."""
    return np.asarray(standardised, dtype=np.float64) * scale_mv
