"""How well two measurements of the same patients agree: Bland-Altman, intraclass correlation, concordance.

Bland and Altman, Lancet 1986;1:307, doi:10.1016/S0140-6736(86)90837-8; intervals of the limits: Stat Methods Med Res
1999;8:135, doi:10.1177/096228029900800204.
ICC(2,1) of Shrout and Fleiss, Psychol Bull 1979;86:420, doi:10.1037/0033-2909.86.2.420, which is ICC(A,1) of McGraw and
Wong, Psychol Methods 1996;1:30: two-way, absolute agreement, single measurement.
CCC: Lin, Biometrics 1989;45:255, doi:10.2307/2532051, with the moments divided by n.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scartools.evaluation.overlap import NAN
from scartools.evaluation.significance import weighted_interval

LIMIT_Z = 1.959963984540054  # of the limits of agreement, 95 % of a normal


@dataclass(frozen=True)
class Agreement:
    """Predicted against true values of n patients; a pair is the 95 % interval. NaN where it cannot be told.

    bias, lower_limit, upper_limit  mean of predicted minus true, and 1.96 SD to either side, unit of the values
    slope                           of difference on mean: a bias that grows with size
    icc, ccc                        their intervals: BCa bootstrap of patients
    """

    n: int
    bias: float
    bias_interval: tuple[float, float]
    sd: float
    lower_limit: float
    lower_limit_interval: tuple[float, float]
    upper_limit: float
    upper_limit_interval: tuple[float, float]
    slope: float
    icc: float
    icc_interval: tuple[float, float]
    ccc: float
    ccc_interval: tuple[float, float]


def agree(
    truth: np.ndarray, predicted: np.ndarray, *, resamples: int = 10_000, seed: int = 0, level: float = 0.95
) -> Agreement:
    """Return how predicted values agree with true ones.

    truth, predicted  float (n,), one a patient
    The intervals of bias and limits are those of normal differences (Student's t); at least 3 patients are needed.
    """
    true, found = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    n = len(true)
    nothing = (NAN, NAN)
    if n < 3:
        bias = float((found - true).mean()) if n else NAN
        return Agreement(n, bias, nothing, NAN, NAN, nothing, NAN, nothing, NAN, NAN, nothing, NAN, nothing)
    bias, sd, ends = bland_altman(found - true, level=level)
    pairs = np.stack([true, found], axis=1)
    around = pairs - pairs.mean()  # moments of large values far from 0 would lose digits
    whole = np.ones((1, n))

    def of(statistic: object) -> tuple[float, tuple[float, float]]:
        """One coefficient with its interval."""
        assert callable(statistic)

        def weighted(weights: np.ndarray) -> np.ndarray:
            return np.asarray(statistic(around, weights))

        interval = weighted_interval(weighted, n, resamples=resamples, seed=seed, level=level)
        return float(weighted(whole)[0]), interval

    icc, icc_interval = of(icc_agreement)
    ccc, ccc_interval = of(concordance)
    mean = pairs.mean(axis=1)
    away = mean - mean.mean()
    spread = float((away**2).sum())
    return Agreement(
        n=n,
        bias=bias,
        bias_interval=ends[0],
        sd=sd,
        lower_limit=bias - LIMIT_Z * sd,
        lower_limit_interval=ends[1],
        upper_limit=bias + LIMIT_Z * sd,
        upper_limit_interval=ends[2],
        slope=float((away * (found - true)).sum() / spread) if spread > 0 else NAN,
        icc=icc,
        icc_interval=icc_interval,
        ccc=ccc,
        ccc_interval=ccc_interval,
    )


def bland_altman(
    differences: np.ndarray, *, level: float = 0.95
) -> tuple[float, float, tuple[tuple[float, float], ...]]:
    """Return the bias, the SD, and the intervals of the bias, of the lower and of the upper limit of agreement.

    differences  float (n,), predicted minus true, n of 2 or more
    Var(limit) = SD^2 (1 / n + 1.96^2 / (2 (n - 1))); Bland and Altman 1999, section 2.
    """
    from scipy.special import stdtrit

    n = len(differences)
    bias, sd = float(differences.mean()), float(differences.std(ddof=1))
    t = float(stdtrit(n - 1, (1 + level) / 2))
    of_bias = t * sd / np.sqrt(n)
    of_limit = t * sd * np.sqrt(1 / n + LIMIT_Z**2 / (2 * (n - 1)))
    middles = ((bias, of_bias), (bias - LIMIT_Z * sd, of_limit), (bias + LIMIT_Z * sd, of_limit))
    return bias, sd, tuple((float(at - half), float(at + half)) for at, half in middles)


def icc_agreement(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return ICC(2,1) of subjects that count several times.

    values   float (n, k), one row a subject, one column a rater
    weights  float (B, n), how often each subject counts
    Returns float64 (B,): (BMS - EMS) / (BMS + (k - 1) EMS + k (JMS - EMS) / n); NaN where nothing varies.
    """
    n, k = weights.sum(axis=1), values.shape[1]
    total = np.einsum("bn,n->b", weights, values.sum(axis=1))
    mean = total / (n * k)
    squares = np.einsum("bn,n->b", weights, (values**2).sum(axis=1)) - n * k * mean**2
    subjects = np.einsum("bn,n->b", weights, values.sum(axis=1) ** 2) / k - n * k * mean**2
    raters = (np.einsum("bn,nk->bk", weights, values) ** 2).sum(axis=1) / n - n * k * mean**2
    rest = squares - subjects - raters
    with np.errstate(divide="ignore", invalid="ignore"):
        bms, jms, ems = subjects / (n - 1), raters / (k - 1), rest / ((n - 1) * (k - 1))
        whole = bms + (k - 1) * ems + k * (jms - ems) / n
        return np.where(np.abs(whole) > 1e-12 * (1 + squares), (bms - ems) / whole, NAN)


def concordance(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return Lin's concordance correlation coefficient of subjects that count several times.

    values   float (n, 2); weights float (B, n)
    Returns float64 (B,): 2 s12 / (s1^2 + s2^2 + (m1 - m2)^2); NaN where nothing varies.
    """
    n = weights.sum(axis=1)
    means = np.einsum("bn,nk->bk", weights, values) / n[:, None]
    squares = np.einsum("bn,nk->bk", weights, values**2) / n[:, None] - means**2
    product = np.einsum("bn,n->b", weights, values.prod(axis=1)) / n - means.prod(axis=1)
    whole = squares.sum(axis=1) + (means[:, 0] - means[:, 1]) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 1e-12 * (1 + (means**2).sum(axis=1)), 2 * product / whole, NAN)
