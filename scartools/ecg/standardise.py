"""A median beat as the network takes it: no baseline, one scale for the record, absent leads 0."""

from __future__ import annotations

import numpy as np

SCALE_FLOOR_MV = 1e-3


def standardise_beat(signals: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the standardised beat, float32 (12, 600), and its scale in mV.

    signals  float (12, 600), mV, NaN where a sample is absent
    """
    centred = np.array(signals, dtype=np.float64)
    present = ~np.isnan(centred).all(axis=1)
    centred[present] -= np.nanmedian(centred[present], axis=1, keepdims=True)
    scale = max(float(np.nanpercentile(np.abs(centred[present]), 95)), SCALE_FLOOR_MV)
    return np.nan_to_num(centred / scale, nan=0.0).astype(np.float32), scale
