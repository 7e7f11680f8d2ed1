"""Intervals and tests on patients: BCa bootstrap, Wilcoxon signed-rank, Holm, Hodges-Lehmann, Wilson.

Values given here are one a patient; averaging the cases of a patient comes first (`by_patient`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import numpy as np

from scartools.evaluation.overlap import NAN

_BLOCK = 1 << 22  # draws held at a time
_UNDEFINED = (
    0.05  # of the resamples may have no value, as where none of them has scar; with more there is no interval
)

_EXACT = (
    50  # patients up to which the signed-rank test counts patterns; scipy goes over to the normal there too
)

Weighted = Callable[[np.ndarray], np.ndarray]  # how often each patient counts, float64 (B, n), to values (B,)


def by_patient(values: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Average the values of each patient, leaving out NaN; a patient with NaN alone is absent. Sorted by name."""
    cases: dict[str, list[float]] = {}
    for patient, value in values:
        if not np.isnan(value):
            cases.setdefault(patient, []).append(value)
    return {patient: float(np.mean(cases[patient])) for patient in sorted(cases)}


def bootstrap_interval(
    values: Sequence[float], *, resamples: int = 10_000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Return the bias-corrected and accelerated (BCa) bootstrap interval of a mean.

    values  float (n,), one a patient; patients are drawn with replacement
    Returns (lower, upper); NaN for fewer than two patients, the value itself where all are equal.
    Efron, J Am Stat Assoc 1987;82:171, doi:10.1080/01621459.1987.10478410.
    """
    data = np.asarray(values, dtype=np.float64)
    if len(data) < 2:
        return NAN, NAN
    mean = float(data.mean())
    spread = data - mean
    if np.abs(spread).max() < 1e-12:
        return mean, mean
    # from the jackknife: mean of all minus mean without one is spread / (n - 1), and the factor cancels
    acceleration = (spread**3).sum() / (6 * (spread**2).sum() ** 1.5)
    return _bca_ends(_resampled_means(data, resamples, seed), mean, acceleration, level)


def weighted_interval(
    statistic: Weighted, patients: int, *, resamples: int = 10_000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Return the BCa bootstrap interval of any number that can be had from weighted patients.

    statistic  float64 (B, n), how often each patient counts, to float64 (B,); NaN where it has no value. Cases or
               segments of a patient stay together, as they are not independent
    patients   n
    Returns (lower, upper). NaN for fewer than two patients, without a value, or where more than 1 in 20 resamples has
    none; the value itself where all resamples have it.
    Efron, J Am Stat Assoc 1987;82:171, doi:10.1080/01621459.1987.10478410; acceleration from the jackknife.
    """
    if patients < 2:
        return NAN, NAN
    value = float(statistic(np.ones((1, patients)))[0])
    sample = _resampled(statistic, patients, resamples, seed)
    known = sample[~np.isnan(sample)]
    left_out = statistic(1.0 - np.eye(patients))
    left_out = left_out[~np.isnan(left_out)]
    if np.isnan(value) or len(known) < (1 - _UNDEFINED) * resamples or not len(left_out):
        return NAN, NAN
    if np.abs(known - value).max() < 1e-12:
        return value, value
    away = left_out.mean() - left_out
    spread = (away**2).sum()
    acceleration = (away**3).sum() / (6 * spread**1.5) if spread > 0 else 0.0
    return _bca_ends(known, value, acceleration, level)


def wilson_interval(count: int, total: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share, which has a width at 0 and 1 too; NaN of nothing.

    Wilson, J Am Stat Assoc 1927;22:209; Newcombe, Stat Med 1998;17:857, method 3.
    """
    from scipy.special import ndtri

    if total == 0:
        return NAN, NAN
    z = float(ndtri((1 + level) / 2))
    share, extra = count / total, z * z / total
    middle = share + extra / 2
    half = z * np.sqrt(share * (1 - share) / total + extra / (4 * total))
    lower, upper = (middle - half) / (1 + extra), (middle + half) / (1 + extra)
    # at 0 and 1 the end is the share itself but for the last bit
    return (0.0 if count == 0 else float(lower)), (1.0 if count == total else float(upper))


def wilcoxon_p(differences: Sequence[float]) -> float:
    """Return the two-sided p of the Wilcoxon signed-rank test; zero differences are dropped, equal ones share ranks.

    Exact for up to 50 patients, ties included, by counting the patterns of signs; normal approximation beyond.
    1 where every difference is zero, NaN without patients.
    Wilcoxon, Biometrics Bulletin 1945;1:80; counts by convolution: Streitberg and Roehmel, EDV Med Biol 1987;18:12.
    """
    from scipy.stats import rankdata, wilcoxon

    data = np.round(
        np.asarray(differences, dtype=np.float64), 12
    )  # equal sizes are ties, whatever the last bit
    if len(data) == 0:
        return NAN
    data = data[data != 0]
    if not len(data):
        return 1.0
    if len(data) > _EXACT:
        return float(wilcoxon(data, zero_method="wilcox", method="asymptotic").pvalue)
    twice = np.rint(2 * rankdata(np.abs(data))).astype(int)  # shared ranks are halves
    patterns = np.ones(1)  # how many patterns of signs give a sum of ranks, exact up to 2^53
    for rank in twice:
        longer = np.zeros(len(patterns) + rank)
        longer[: len(patterns)] += patterns
        longer[rank:] += patterns
        patterns = longer
    found = int(twice[data > 0].sum())
    tails = patterns[: found + 1].sum(), patterns[found:].sum()
    return float(min(1.0, 2 * min(tails) / 2.0 ** len(data)))


def hodges_lehmann(differences: Sequence[float]) -> float:
    """Return the Hodges-Lehmann shift: the median of the averages of all pairs, each with itself included."""
    data = np.asarray(differences, dtype=np.float64)
    if len(data) == 0:
        return NAN
    one, other = np.triu_indices(len(data))
    return float(np.median((data[one] + data[other]) / 2))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Holm's step-down method, in the order given; NaN stays NaN and is not counted.

    Holm, Scand J Stat 1979;6:65.
    """
    adjusted = [NAN] * len(p_values)
    order = sorted((at for at, p in enumerate(p_values) if not np.isnan(p)), key=lambda at: p_values[at])
    largest = 0.0
    for rank, at in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[at]))
        adjusted[at] = largest
    return adjusted


def _bca_ends(sample: np.ndarray, value: float, acceleration: float, level: float) -> tuple[float, float]:
    """The ends of a BCa interval from resampled values, float64 (B,), the value of all and the acceleration."""
    from scipy.special import ndtr, ndtri

    # ties count half; kept off 0 and 1, where the normal quantile is infinite
    below = ((sample < value).sum() + 0.5 * (sample == value).sum()) / len(sample)
    bias = ndtri(np.clip(below, 0.5 / len(sample), 1 - 0.5 / len(sample)))
    shifted = bias + ndtri([(1 - level) / 2, (1 + level) / 2])
    lower, upper = np.quantile(sample, ndtr(bias + shifted / (1 - acceleration * shifted)))
    return float(lower), float(upper)


def _resampled(statistic: Weighted, patients: int, resamples: int, seed: int) -> np.ndarray:
    """The statistic of patients drawn with replacement, float64 (resamples,)."""
    block = max(1, min(resamples, (_BLOCK >> 2) // patients))
    return np.concatenate(
        [statistic(drawn.astype(np.float64)) for drawn in _drawn(patients, resamples, block, seed)]
    )


@lru_cache(maxsize=2)  # every number of a table is asked of the same draws; a few MB for a hundred patients
def _drawn(patients: int, resamples: int, block: int, seed: int) -> tuple[np.ndarray, ...]:
    """How often each patient is drawn, in blocks of resamples: integers (up to block, patients)."""
    random, even = np.random.default_rng(seed), np.full(patients, 1 / patients)
    kind = np.min_scalar_type(patients)
    return tuple(
        random.multinomial(patients, even, min(block, resamples - start)).astype(kind)
        for start in range(0, resamples, block)
    )


def _resampled_means(data: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    block = max(1, _BLOCK // len(data))
    drawn = [
        data[random.integers(len(data), size=(min(block, resamples - start), len(data)))].mean(axis=1)
        for start in range(0, resamples, block)
    ]
    return np.concatenate(drawn)
