"""How well a digitised ECG follows the recording that was printed: the scores of two public challenges, lead by lead.

All signals are float64, mV; the reference is NaN where nothing is printed, the estimate where nothing was read.

Sources. PhysioNet challenge 2024: https://github.com/physionetchallenges/evaluation-2024 (signals are aligned in time and
voltage by the cross-correlation of their pictures, then compared). PhysioNet challenge of 2025/26 on Kaggle:
https://www.kaggle.com/code/metric/physionet-ecg-signal-extraction-metric (powers summed over all leads).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage, signal

LEVELS = 256  # rows of the picture that a signal is drawn into
SMOOTHING = 0.5  # SD of the Gaussian over it, pixels
LONGEST_SHIFT_S, LARGEST_SHIFT_MV = 0.5, 1.0  # alignments beyond either are not used
_MARGIN = 4  # samples beyond which the Gaussian adds nothing
KAGGLE_SHIFT_S = 0.2
KAGGLE_PERFECT = 384.0  # the ratio of powers is cut here: 25.84 dB
KAGGLE_WORST_DB = -384.0


@dataclass(frozen=True)
class Fidelity:
    """One lead of an estimate against its reference.

    official_db  SNR as the challenge of 2024 computes it; NaN (left out of means) for a perfect copy
    mended_db    the same with early estimates aligned as late ones are
    correlation  Pearson's r after the mended alignment; NaN where it is not defined
    rmse_mv      root-mean-square error after the mended alignment, mV; NaN where nothing is shared
    coverage     share of the printed samples that were read, before any alignment
    """

    official_db: float
    mended_db: float
    correlation: float
    rmse_mv: float
    coverage: float


def snr_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Signal-to-noise ratio of one lead, without alignment, dB.

    reference, estimate  float64 (T,) and (N,), mV; the shorter one is filled with NaN at its end
    10 log10(mean(reference^2) / mean((reference - estimate)^2)) over the samples finite in both, times the share of
    the reference's samples that are finite in both. The level of the reference is not taken out.
    Returns 0 where no sample is shared; NaN for a perfect copy and for a reference without samples.
    """
    length = max(len(reference), len(estimate))
    wanted, read = _filled(reference, length), _filled(estimate, length)
    printed = np.isfinite(wanted)
    shared = printed & np.isfinite(read)
    if not printed.any():
        return float("nan")
    if not shared.any():
        return 0.0
    power = float(np.mean(wanted[shared] ** 2))
    noise = float(np.mean((wanted[shared] - read[shared]) ** 2))
    if noise == 0:
        return float("nan")
    share = float(shared.sum() / printed.sum())
    if power == 0:
        return float("-inf") * share
    return 10 * float(np.log10(power / noise)) * share


def find_shift(reference: np.ndarray, estimate: np.ndarray) -> tuple[int, float]:
    """How late an estimate is (samples; negative: early) and how much too high (mV).

    Both signals are drawn into a picture of LEVELS rows and a column a sample over their joint range, smoothed, and
    correlated; the highest peak says the shift. Returns (0, 0.0) where either has no sample or both are level.
    """
    length = max(len(reference), len(estimate))
    both = np.stack([_filled(reference, length), _filled(estimate, length)])
    finite = np.isfinite(both)
    if not finite.any(axis=1).all():
        return 0, 0.0
    lowest, highest = float(both[finite].min()), float(both[finite].max())
    if lowest == highest:
        return 0, 0.0
    # empty columns add nothing to a correlation
    used = np.flatnonzero(finite.any(axis=0))
    near = slice(max(used[0] - _MARGIN, 0), used[-1] + _MARGIN + 1)
    wanted, read = (_drawn(row[near], lowest, highest) for row in both)
    # the autocorrelation of a picture has its peak at no shift
    lag_level, lag_sample = _peak_lag(wanted, read)
    return -lag_sample, -lag_level / (LEVELS - 1) * (highest - lowest)


def align(reference: np.ndarray, estimate: np.ndarray, rate: float, *, early_fault: bool = False) -> np.ndarray:
    """Shift an estimate onto its reference, or return it as it is where the shift is beyond the limits.

    rate         Hz
    early_fault  do as the published program does: an estimate that is early by n samples loses all but its first n
    Returns float64, mV; n samples that are unknown at an end after the shift are NaN.
    """
    late, high = find_shift(reference, estimate)
    if abs(late) > round(LONGEST_SHIFT_S * rate) or abs(high) > LARGEST_SHIFT_MV:
        return np.array(estimate, dtype=np.float64)
    unknown = np.full(abs(late), np.nan)
    if late < 0:
        kept = estimate[:-late] if early_fault else estimate[:late]
        return np.concatenate([unknown, kept]) - high
    return np.concatenate([estimate[late:], unknown]) - high


def lead_fidelity(reference: np.ndarray, estimate: np.ndarray, rate: float) -> Fidelity:
    """Score one lead.

    reference  float64 (T,), mV, NaN where nothing is printed; estimate: float64 (N,), mV, cut or filled to T
    rate       Hz, of both
    An estimate without samples scores 0 dB. Raises ValueError where nothing is printed.
    """
    read = _filled(estimate[: len(reference)], len(reference))
    printed = np.isfinite(reference)
    if not printed.any():
        raise ValueError("a lead that is not printed cannot be scored")
    aligned = align(reference, read, rate)
    published = align(reference, read, rate, early_fault=True)
    shared = printed & np.isfinite(aligned)
    correlation, rmse = float("nan"), float("nan")
    if shared.any():
        rmse = float(np.sqrt(np.mean((reference[shared] - aligned[shared]) ** 2)))
        if reference[shared].std() > 0 and aligned[shared].std() > 0:
            correlation = float(np.corrcoef(reference[shared], aligned[shared])[0, 1])
    return Fidelity(
        official_db=snr_db(reference, published),
        mended_db=snr_db(reference, aligned),
        correlation=correlation,
        rmse_mv=rmse,
        coverage=float((printed & np.isfinite(read)).sum() / printed.sum()),
    )


def kaggle_ratio(reference: np.ndarray, estimate: np.ndarray, rate: float) -> float:
    """Score one page as the challenge of 2025/26 does: power of all leads over power of all errors, at most 384.

    reference  float64 (L, T), mV, each row NaN outside the one piece that is printed
    estimate   float64 (L, T), mV; samples that were not read count as 0, as a submission may not leave any out
    rate       Hz
    Each lead is shifted by at most 0.2 s to its highest correlation and by any voltage. A level page has 0.
    """
    power = noise = 0.0
    for wanted, read in zip(reference, estimate, strict=True):
        inside = np.flatnonzero(np.isfinite(wanted))
        if not len(inside):
            continue
        piece = slice(inside[0], inside[-1] + 1)
        label = np.nan_to_num(wanted[piece], nan=0.0)
        aligned = _kaggle_aligned(label, np.nan_to_num(read[piece], nan=0.0), int(rate * KAGGLE_SHIFT_S))
        power += float(np.sum(label**2))
        noise += float(np.sum((label - aligned) ** 2))
    if noise == 0:
        return KAGGLE_PERFECT
    return min(power / noise, KAGGLE_PERFECT)


def kaggle_score_db(ratios: Sequence[float]) -> float:
    """Score of many pages: ratios are averaged, not decibels. Raises ValueError without pages."""
    if not len(ratios):
        raise ValueError("no page to score")
    mean = float(np.mean(ratios))
    return max(10 * float(np.log10(mean)), KAGGLE_WORST_DB) if mean > 0 else KAGGLE_WORST_DB


def _filled(samples: np.ndarray, length: int) -> np.ndarray:
    return np.concatenate([samples, np.full(length - len(samples), np.nan)]).astype(np.float64)


def _drawn(samples: np.ndarray, lowest: float, highest: float) -> np.ndarray:
    """Draw a signal: float64 (LEVELS, T), 1 at its level in each column, smoothed."""
    at = np.flatnonzero(np.isfinite(samples))
    level = np.round((LEVELS - 1) * (samples[at] - lowest) / (highest - lowest)).astype(int)
    picture = np.zeros((LEVELS, len(samples)))
    picture[np.clip(level, 0, LEVELS - 1), at] = 1
    return ndimage.gaussian_filter(picture, SMOOTHING)


def _peak_lag(first: np.ndarray, second: np.ndarray) -> tuple[int, int]:
    """Rows and columns to move `second` by for its highest correlation with `first`, both float64 (H, W)."""
    shape = [fft.next_fast_len(2 * size - 1, real=True) for size in first.shape]
    product = fft.rfft2(first, shape) * np.conj(fft.rfft2(second, shape))
    correlation = fft.irfft2(product, shape)
    peak = np.unravel_index(int(np.argmax(correlation)), correlation.shape)
    lags = [
        int(at) if at < size else int(at) - full
        for at, size, full in zip(peak, first.shape, shape, strict=True)
    ]
    return lags[0], lags[1]


def _kaggle_aligned(label: np.ndarray, read: np.ndarray, longest: int) -> np.ndarray:
    """Shift `read` (T,) onto `label` (T,); samples unknown after the shift are 0."""
    correlation = signal.correlate(label - label.mean(), read - read.mean(), mode="full")
    lags = signal.correlation_lags(len(label), len(read), mode="full")
    allowed = np.flatnonzero(np.abs(lags) <= longest)
    highest = allowed[correlation[allowed] == correlation[allowed].max()]
    lag = int(lags[highest[np.argmin(np.abs(lags[highest]))]])
    aligned = np.full(len(label), np.nan)
    if lag >= 0:
        aligned[lag:] = read[: len(read) - lag]
    else:
        aligned[:lag] = read[-lag:]
    aligned -= np.nanmean(aligned - label)
    return np.nan_to_num(aligned, nan=0.0)
