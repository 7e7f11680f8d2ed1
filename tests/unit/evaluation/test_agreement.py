"""Agreement against the published examples of each method and a second way of computing it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from scartools.evaluation.agreement import agree, bland_altman, concordance, icc_agreement

# Bland and Altman, Lancet 1986, table 1: first measurement by large and by mini peak flow meter, L/min
LARGE = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
# Shrout and Fleiss 1979, table 2: four judges, six targets
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def test_the_peak_flow_meters_of_bland_and_altman():
    differences = np.array(LARGE, float) - np.array(MINI)
    bias, sd, ends = bland_altman(differences)
    assert bias == pytest.approx(-2.1, abs=0.05) and sd == pytest.approx(38.8, abs=0.05)
    assert ends[0] == pytest.approx((-22.0, 17.8), abs=0.1)  # as printed
    # the paper takes 2 SD and Var(limit) = 3 SD^2 / n: -114.3 to -45.1 and 40.9 to 110.1
    widths = [upper - lower for lower, upper in ends[1:]]
    assert widths == pytest.approx([69.2, 69.2], rel=0.02)
    assert np.mean(ends[1]) == pytest.approx(-79.7 + 0.04 * 38.8, abs=0.1)
    assert np.mean(ends[2]) == pytest.approx(75.5 - 0.04 * 38.8, abs=0.1)


def test_the_limits_cover_the_true_limit_as_often_as_they_say():
    random, hits = np.random.default_rng(3), 0
    for _ in range(1000):
        _, _, (_, _, (lower, upper)) = bland_altman(random.normal(1.0, 2.0, 40))
        hits += lower <= 1.0 + 1.96 * 2.0 <= upper
    assert 930 <= hits <= 970  # 950 are due, SD 7


def test_the_judges_of_shrout_and_fleiss():
    assert icc_agreement(JUDGES, np.ones((1, 6)))[0] == pytest.approx(
        0.29, abs=0.005
    )  # ICC(2,1), their table 4


def test_the_icc_by_an_analysis_of_variance_in_long_form():
    values = np.random.default_rng(5).normal(size=(12, 2)) + np.random.default_rng(6).normal(size=(12, 1)) * 2
    n, k, mean = 12, 2, values.mean()
    bms = sum(k * (row.mean() - mean) ** 2 for row in values) / (n - 1)
    jms = sum(n * (values[:, j].mean() - mean) ** 2 for j in range(k)) / (k - 1)
    ems = sum(
        (values[i, j] - values[i].mean() - values[:, j].mean() + mean) ** 2 for i in range(n) for j in range(k)
    ) / ((n - 1) * (k - 1))
    expected = (bms - ems) / (bms + (k - 1) * ems + k * (jms - ems) / n)
    assert icc_agreement(values, np.ones((1, n)))[0] == pytest.approx(expected)


def test_concordance_is_correlation_times_bias_correction():
    """Lin 1989: rho_c = rho C_b, C_b = 2 / (v + 1 / v + u^2) with v the ratio of SDs and u the shift."""
    random = np.random.default_rng(7)
    one = random.normal(10, 3, 30)
    other = 0.8 * one + random.normal(4, 1, 30)
    v, u = one.std() / other.std(), (one.mean() - other.mean()) / np.sqrt(one.std() * other.std())
    expected = stats.pearsonr(one, other).statistic * 2 / (v + 1 / v + u * u)
    assert concordance(np.stack([one, other], axis=1), np.ones((1, 30)))[0] == pytest.approx(expected)
    exact = np.stack([one, one], axis=1)
    assert concordance(exact, np.ones((1, 30)))[0] == pytest.approx(1.0)
    # a shift by d: 2 s^2 / (2 s^2 + d^2)
    moved = np.stack([one, one + 2.0], axis=1)
    s2 = one.var()
    assert concordance(moved, np.ones((1, 30)))[0] == pytest.approx(2 * s2 / (2 * s2 + 4))


@pytest.mark.parametrize("statistic", [icc_agreement, concordance])
def test_a_patient_that_counts_twice_is_a_patient_given_twice(statistic):
    values = np.random.default_rng(8).normal(size=(7, 2))
    counts = np.array([[2, 0, 1, 1, 3, 0, 0.0]])
    assert statistic(values, counts) == pytest.approx(
        statistic(np.repeat(values, counts[0].astype(int), axis=0), np.ones((1, 7)))
    )


def test_the_intervals_agree_with_those_of_scipy():
    random = np.random.default_rng(9)
    truth = random.exponential(10, 40)
    found = truth + random.normal(1, 3, 40)
    ours = agree(truth, found, resamples=20_000, seed=1)

    def ccc(x, y, axis=-1):
        mx, my = x.mean(axis), y.mean(axis)
        cov = (x * y).mean(axis) - mx * my
        return 2 * cov / (x.var(axis) + y.var(axis) + (mx - my) ** 2)

    other = stats.bootstrap(
        (truth, found), ccc, paired=True, vectorized=True, n_resamples=20_000, method="BCa", rng=2
    )
    assert ours.ccc == pytest.approx(ccc(truth, found))
    assert ours.ccc_interval == pytest.approx(tuple(other.confidence_interval), abs=0.006)
    assert ours.icc_interval[0] < ours.icc < ours.icc_interval[1]
    slope = stats.linregress((truth + found) / 2, found - truth).slope
    assert ours.slope == pytest.approx(slope)


def test_large_values_lose_no_digits_and_too_few_patients_tell_nothing():
    truth = np.array([1.0, 2.0, 4.0, 3.0, 7.0])
    found = np.array([1.5, 2.0, 3.0, 3.5, 6.0])
    near, far = agree(truth, found, resamples=200), agree(truth + 1e6, found + 1e6, resamples=200)
    assert far.icc == pytest.approx(near.icc, abs=1e-6) and far.ccc == pytest.approx(near.ccc, abs=1e-6)
    few = agree(truth[:2], found[:2])
    assert few.n == 2 and math.isnan(few.icc) and math.isnan(few.lower_limit)
    assert few.bias == pytest.approx(0.25)
    none = agree(np.zeros(5), np.zeros(5), resamples=200)
    assert none.bias == 0.0 and math.isnan(none.icc) and math.isnan(none.ccc)
