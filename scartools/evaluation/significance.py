"""Intervals and tests on patients: BCa bootstrap, Wilcoxon signed-rank, Holm, Hodges-Lehmann.

Values given here are one a patient; averaging the cases of a patient comes first (`by_patient`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from scartools.evaluation.overlap import NAN

_BLOCK = 1 << 22  # draws held at a time


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
    from scipy.special import ndtr, ndtri

    data = np.asarray(values, dtype=np.float64)
    n = len(data)
    if n < 2:
        return NAN, NAN
    mean = float(data.mean())
    spread = data - mean
    if np.abs(spread).max() < 1e-12:
        return mean, mean
    means = _resampled_means(data, resamples, seed)
    # ties count half; kept off 0 and 1, where the normal quantile is infinite
    below = ((means < mean).sum() + 0.5 * (means == mean).sum()) / resamples
    bias = ndtri(np.clip(below, 0.5 / resamples, 1 - 0.5 / resamples))
    # from the jackknife: mean of all minus mean without one is spread / (n - 1), and the factor cancels
    acceleration = (spread**3).sum() / (6 * (spread**2).sum() ** 1.5)
    quantiles = ndtri([(1 - level) / 2, (1 + level) / 2])
    shifted = bias + quantiles
    lower, upper = np.quantile(means, ndtr(bias + shifted / (1 - acceleration * shifted)))
    return float(lower), float(upper)


def wilcoxon_p(differences: Sequence[float]) -> float:
    """Return the two-sided p of the Wilcoxon signed-rank test; zero differences are dropped.

    Exact for up to 50 patients without ties. 1 where every difference is zero, NaN without patients.
    """
    from scipy.stats import wilcoxon

    data = np.round(
        np.asarray(differences, dtype=np.float64), 12
    )  # equal sizes are ties, whatever the last bit
    if len(data) == 0:
        return NAN
    if not data.any():
        return 1.0
    return float(wilcoxon(data, zero_method="wilcox", method="auto").pvalue)


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


def _resampled_means(data: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    block = max(1, _BLOCK // len(data))
    drawn = [
        data[random.integers(len(data), size=(min(block, resamples - start), len(data)))].mean(axis=1)
        for start in range(0, resamples, block)
    ]
    return np.concatenate(drawn)
