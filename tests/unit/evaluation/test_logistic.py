"""The logistic model: the optimum of its own likelihood, scores that never saw their subject, the ROC area by counting."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from scartools.errors import InputError
from scartools.evaluation.logistic import (
    cross_validated_scores,
    fit_logistic,
    roc_area,
    stratified_folds,
)


def some_data(n: int = 300, strength: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    features = rng.standard_normal((n, 5))
    chance = 1 / (1 + np.exp(-strength * (features[:, 0] - 0.5 * features[:, 3]) + 1.0))
    return features, rng.random(n) < chance


@pytest.mark.parametrize("ridge", [0.0, 3.0, 100.0])
def test_the_fit_is_where_the_likelihood_is_largest(ridge: float) -> None:
    features, labels = some_data()

    def loss(at: np.ndarray) -> float:
        margin = np.where(labels, 1, -1) * (at[0] + features @ at[1:])
        return float(np.logaddexp(0, -margin).sum() + ridge / 2 * (at[1:] ** 2).sum())

    best = minimize(loss, np.zeros(6), method="BFGS", options={"gtol": 1e-9}).x
    assert fit_logistic(features, labels, ridge) == pytest.approx(best, abs=1e-4)


def test_labels_that_are_all_alike_or_too_few_are_refused() -> None:
    features, labels = some_data(40)
    with pytest.raises(InputError, match="both labels"):
        fit_logistic(features, np.zeros(40, bool), 1.0)
    with pytest.raises(InputError, match="too few for 5 folds"):
        cross_validated_scores(features, np.arange(40) < 4)
    with pytest.raises(InputError, match="does not settle"):
        fit_logistic(features[:, :1], features[:, 0] > 0, 0.0)  # separable


def test_folds_share_both_labels_evenly_and_follow_the_seed() -> None:
    labels = np.arange(103) < 31
    fold = stratified_folds(labels, 5, 1)
    for group in (labels, ~labels):
        counts = np.bincount(fold[group], minlength=5)
        assert counts.max() - counts.min() <= 1
    assert np.array_equal(fold, stratified_folds(labels, 5, 1))
    assert not np.array_equal(fold, stratified_folds(labels, 5, 2))


def test_a_score_never_saw_its_own_subject() -> None:
    features, labels = some_data(120)
    scores = cross_validated_scores(features, labels, seed=2)
    own = stratified_folds(labels, 5, 2) == 0
    one, other = np.flatnonzero(own)[:2]
    changed = features.copy()
    changed[one] += 100.0
    again = cross_validated_scores(changed, labels, seed=2)
    assert again[other] == pytest.approx(scores[other])  # the model of this fold did not see the change
    assert not np.allclose(again[~own], scores[~own])  # those of the other folds did


def test_real_signal_is_found_and_noise_is_not() -> None:
    features, labels = some_data(400, strength=2.0)
    assert roc_area(labels, cross_validated_scores(features, labels)) > 0.8
    shuffled = np.random.default_rng(0).permutation(labels)
    assert roc_area(shuffled, cross_validated_scores(features, shuffled)) == pytest.approx(0.5, abs=0.08)


def test_unknown_features_are_filled_and_constant_ones_left_out() -> None:
    features, labels = some_data(200)
    wide = np.concatenate([features, np.full((200, 1), 7.0), np.full((200, 1), np.nan)], axis=1)
    assert cross_validated_scores(wide, labels) == pytest.approx(cross_validated_scores(features, labels))
    features[::3, 1] = np.nan
    assert np.isfinite(cross_validated_scores(features, labels)).all()


def test_the_roc_area_counts_pairs_and_halves_ties() -> None:
    rng = np.random.default_rng(1)
    labels, scores = rng.random(60) < 0.4, rng.integers(0, 8, 60).astype(float)
    pairs = scores[labels][:, None] - scores[~labels][None, :]
    assert roc_area(labels, scores) == pytest.approx(np.mean((pairs > 0) + 0.5 * (pairs == 0)))
    assert np.isnan(roc_area(np.ones(5, bool), np.arange(5.0)))
