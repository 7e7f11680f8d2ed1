"""A logistic model with a ridge, cross-validated by subject, and the area under its ROC curve.

Made to ask how much a table of features says about a label, no more: no tuning, no choice of features.
"""

from __future__ import annotations

import numpy as np

from scartools.errors import InputError
from scartools.evaluation.overlap import NAN

_MOST_STEPS, _ENOUGH = 50, 1e-8
_ROUNDING = 1e-9  # of the cost, which near its least is flat


def fit_logistic(
    features: np.ndarray, labels: np.ndarray, ridge: float, weights: np.ndarray | None = None
) -> np.ndarray:
    """Fit a logistic model by Newton's method (iteratively reweighted least squares).

    features  float (n, p), finite, best of SD 1
    labels    bool (n,)
    ridge     weight of half the squared length of the coefficients, 0 or more; the intercept is free
    weights   float (n,), how often each row counts, 0 or more; None: once
    Returns float64 (1 + p,): intercept and coefficients.
    Raises InputError where the labels are all alike or the model does not settle (separable, without a ridge).
    """
    labels = np.asarray(labels, dtype=np.float64)
    if not 0 < labels.sum() < len(labels):
        raise InputError("a logistic model wants both labels", remedy="Give more subjects")
    design = np.concatenate(
        [np.ones((1, len(features))), features.T]
    )  # (1 + p, n), rows in one piece: fast sums
    counts = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64)
    penalty = np.full(len(design), float(ridge))
    penalty[0] = 0.0
    found = np.zeros(len(design))
    found[0] = np.log(labels.mean() / (1 - labels.mean()))

    def cost(beta: np.ndarray) -> float:
        """What is made small: the negative log likelihood and the ridge."""
        odds = np.einsum("pn,p->n", design, beta)
        return float((counts * (np.logaddexp(0.0, odds) - labels * odds)).sum() + (penalty * beta**2).sum() / 2)

    now = cost(found)
    for _ in range(_MOST_STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(np.einsum("pn,p->n", design, found), -35.0, 35.0)))
        weight = np.maximum(counts * chance * (1.0 - chance), 1e-9)
        slope = np.einsum("pn,n->p", design, counts * (labels - chance)) - penalty * found
        # einsum, not BLAS: the same bytes on any number of threads
        curvature = np.einsum("pn,qn->pq", design * weight, design) + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        step *= min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))  # far steps overshoot
        while (then := cost(found + step)) > now + _ROUNDING * (1.0 + abs(now)):  # and so do some near ones
            step /= 2
        found, now = found + step, then
        if np.abs(step).max() < _ENOUGH:
            return found
    raise InputError("the logistic model does not settle", remedy="Use a larger ridge or more subjects")


def stratified_folds(labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Deal the subjects of either label into folds, in an order drawn from the seed: int64 (n,), 0 to folds - 1."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(labels), dtype=np.int64)
    start = 0
    for label in (False, True):
        members = np.flatnonzero(np.asarray(labels, bool) == label)
        chosen[rng.permutation(members)] = (start + np.arange(len(members))) % folds
        start += len(members)
    return chosen


def cross_validated_scores(
    features: np.ndarray, labels: np.ndarray, *, folds: int = 5, ridge: float = 10.0, seed: int = 0
) -> np.ndarray:
    """Score every subject by a model that was fitted without it.

    features  float (n, p); one row a subject; NaN where unknown: filled with the mean of the other folds
    labels    bool (n,)
    Returns float64 (n,), the linear predictor. Features are brought to SD 1 by the mean and SD of the folds that
    are fitted; a feature that does not vary there is left out.
    Raises InputError where a label has fewer subjects than there are folds.
    """
    labels = np.asarray(labels, dtype=bool)
    if min(labels.sum(), (~labels).sum()) < folds:
        raise InputError(
            f"{int(labels.sum())} of {len(labels)} subjects with the label, too few for {folds} folds",
            remedy="Give more subjects",
        )
    fold = stratified_folds(labels, folds, seed)
    scores = np.zeros(len(labels))
    for number in range(folds):
        fitted = fold != number
        rows = features[fitted]
        there = np.isfinite(rows)
        count = np.maximum(there.sum(axis=0), 1)
        mean = np.where(there, rows, 0.0).sum(axis=0) / count
        filled = np.where(np.isfinite(features), features, mean) - mean
        sd = np.sqrt((filled[fitted] ** 2).mean(axis=0))
        varies = sd > 1e-9
        scaled = np.clip(filled[:, varies] / sd[varies], -6.0, 6.0)
        found = fit_logistic(scaled[fitted], labels[fitted], ridge)
        scores[~fitted] = found[0] + np.einsum("np,p->n", scaled[~fitted], found[1:])
    return scores


def roc_area(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve, ties counted half; NaN where the labels are all alike.

    labels bool (n,), scores float (n,), finite
    """
    from scipy.stats import rankdata

    labels = np.asarray(labels, dtype=bool)
    positive, negative = int(labels.sum()), int((~labels).sum())
    if not positive or not negative:
        return NAN
    ranks = rankdata(scores)
    return float((ranks[labels].sum() - positive * (positive + 1) / 2) / (positive * negative))
