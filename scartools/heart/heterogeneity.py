"""How patchy scar is: its connected pieces, and the entropy of the signal inside it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

ENTROPY_BINS = 64  # equal, from the darkest to the brightest myocardium, the same for every region
FEWEST_FOR_ENTROPY = 10  # voxels; the entropy of n voxels cannot exceed log2(n)


def scar_pieces(scar: np.ndarray) -> np.ndarray:
    """Number the connected pieces of scar: bool (X, Y, Z) to int32 (X, Y, Z), 0 outside.

    Voxels that share a face, an edge or a corner are connected, so a piece goes on from slice to slice.
    """
    numbered = np.zeros(scar.shape, dtype=np.int32)
    if scar.any():
        box = ndimage.find_objects(scar.view(np.uint8))[0]
        numbered[box] = ndimage.label(scar[box], structure=np.ones((3, 3, 3)))[0]
    return numbered


def signal_entropy(values: np.ndarray, low: float, high: float) -> float:
    """Shannon entropy of signals, bits: -sum p log2 p over 64 equal bins from low to high.

    values  float (N,), signals of the scar of a region
    NaN for fewer than 10 voxels. Entropy of the signal inside scar as a measure of its heterogeneity:
    Androulakis et al., JACC Clin Electrophysiol 2019;5:480; the bins are this toolkit's.
    """
    if len(values) < FEWEST_FOR_ENTROPY:
        return float("nan")
    if high <= low:
        return 0.0
    place = np.clip(((values - low) * (ENTROPY_BINS / (high - low))).astype(np.int64), 0, ENTROPY_BINS - 1)
    share = np.bincount(place, minlength=ENTROPY_BINS) / len(values)
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum()) + 0.0
