"""Intervals and tests against published examples, scipy, and answers that can be counted."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from scartools.evaluation.significance import (
    bootstrap_interval,
    by_patient,
    hodges_lehmann,
    holm,
    weighted_interval,
    wilcoxon_p,
    wilson_interval,
)


def test_holm_by_hand():
    # 4 x 0.005, then 3 x 0.01, then 2 x 0.03, then 0.04 lifted to the one before
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, math.nan, 0.7]) == pytest.approx([1.0, math.nan, 1.0], nan_ok=True)


def test_hodges_lehmann_by_hand():
    # averages of pairs: 1, 2.5, 5.5, 4, 7, 10; their median is 4.75
    assert hodges_lehmann([1, 4, 10]) == pytest.approx(4.75)
    assert math.isnan(hodges_lehmann([]))


def test_wilcoxon_by_counting_signs():
    assert wilcoxon_p([1, 2, 3, 4, 5]) == pytest.approx(2 / 2**5)  # one of 32 patterns of signs, both sides
    assert wilcoxon_p([0.0, 0.0]) == 1.0
    assert math.isnan(wilcoxon_p([]))


@pytest.mark.parametrize("n", [4, 9, 12, 30, 50])
def test_wilcoxon_without_ties_is_that_of_scipy(n: int):
    values = np.random.default_rng(n).normal(0.4, 1, n)
    assert wilcoxon_p(values) == pytest.approx(stats.wilcoxon(values, method="exact").pvalue)


def test_wilcoxon_with_ties_by_every_pattern_of_signs():
    values = np.array([0.1, 0.1, -0.1, 0.2, 0.2, 0.3, -0.2, 0.4, 0.0])
    kept = values[values != 0]
    ranks = stats.rankdata(np.abs(kept))
    sums = [float(np.dot(ranks, signs)) for signs in itertools.product((0, 1), repeat=len(kept))]
    found = ranks[kept > 0].sum()
    below, above = (np.mean([s <= found for s in sums]), np.mean([s >= found for s in sums]))
    assert wilcoxon_p(values) == pytest.approx(min(1.0, 2 * min(below, above)))


def test_wilcoxon_of_many_patients_is_the_normal_one():
    values = np.round(np.random.default_rng(4).normal(0.2, 1, 80), 1)
    other = stats.wilcoxon(values[values != 0], method="asymptotic").pvalue
    assert wilcoxon_p(values) == pytest.approx(other)


def test_the_interval_agrees_with_another_implementation():
    values = np.random.default_rng(3).exponential(size=40)  # skewed: the corrections matter
    ours = bootstrap_interval(values, resamples=40_000, seed=1)
    other = stats.bootstrap((values,), np.mean, n_resamples=40_000, method="BCa", rng=np.random.default_rng(2))
    assert ours == pytest.approx(tuple(other.confidence_interval), abs=0.015)
    plain = np.quantile(
        [values[np.random.default_rng(i).integers(40, size=40)].mean() for i in range(4000)], 0.975
    )
    assert ours[1] > plain, "BCa moves the interval to the long tail"


def test_the_interval_covers_the_mean_as_often_as_it_says():
    random = np.random.default_rng(5)
    hits = 0
    for seed in range(200):
        lower, upper = bootstrap_interval(random.normal(size=60), resamples=800, seed=seed)
        hits += lower <= 0 <= upper
    assert 178 <= hits <= 199  # 95 % of 200 is 190, SD 3


def test_the_same_seed_gives_the_same_interval_and_edges_are_told():
    values = np.random.default_rng(9).random(25)
    assert bootstrap_interval(values, seed=4) == bootstrap_interval(values, seed=4)
    assert bootstrap_interval(values, seed=4) != bootstrap_interval(values, seed=5)
    assert bootstrap_interval([0.5, 0.5, 0.5]) == (0.5, 0.5)
    assert all(math.isnan(end) for end in bootstrap_interval([0.5]))


def test_the_cases_of_a_patient_are_averaged_first():
    assert by_patient([("b", 1.0), ("a", 0.0), ("a", 0.5), ("c", math.nan)]) == {"a": 0.25, "b": 1.0}


def test_weighted_patients_give_the_interval_of_scipy():
    random = np.random.default_rng(3)
    values = random.exponential(size=40)

    def mean(weights):
        return weights @ values / weights.sum(axis=1)

    ours = weighted_interval(mean, 40, resamples=40_000, seed=1)
    other = stats.bootstrap((values,), np.mean, n_resamples=40_000, method="BCa", rng=np.random.default_rng(2))
    assert ours == pytest.approx(tuple(other.confidence_interval), abs=0.015)
    assert ours == pytest.approx(bootstrap_interval(values, resamples=40_000, seed=4), abs=0.015)

    def variance(weights):
        n = weights.sum(axis=1)
        return weights @ values**2 / n - (weights @ values / n) ** 2

    ours = weighted_interval(variance, 40, resamples=40_000, seed=1)
    other = stats.bootstrap((values,), np.var, n_resamples=40_000, method="BCa", rng=np.random.default_rng(2))
    assert ours == pytest.approx(tuple(other.confidence_interval), rel=0.03)


def test_resamples_without_a_value_are_left_out_and_many_of_them_are_told():
    rare = np.array([1.0] + [0.0] * 19)

    def only_with_the_first(weights):
        return np.where(weights[:, 0] > 0, weights @ rare / weights.sum(axis=1), np.nan)

    # a third of the resamples lack the first patient: (1 - 1/20)^20 = 0.36
    assert all(math.isnan(end) for end in weighted_interval(only_with_the_first, 20, resamples=500))
    assert weighted_interval(lambda w: np.full(len(w), 0.7), 20, resamples=500) == (0.7, 0.7)
    assert all(math.isnan(end) for end in weighted_interval(lambda w: w[:, 0], 1, resamples=500))


@pytest.mark.parametrize(
    ("count", "total", "lower", "upper"),  # Newcombe 1998, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_of_newcombe(count, total, lower, upper):
    assert wilson_interval(count, total) == pytest.approx((lower, upper), abs=5e-5)
    other = stats.binomtest(count, total).proportion_ci(method="wilson")
    assert wilson_interval(count, total) == pytest.approx((other.low, other.high), abs=1e-9)


def test_wilson_of_all_and_of_nothing():
    assert wilson_interval(20, 20) == pytest.approx((1 - 0.1611, 1.0), abs=5e-5)
    assert all(math.isnan(end) for end in wilson_interval(0, 0))
