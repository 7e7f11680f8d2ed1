"""Is a simulated cohort like patients? One number a question, with the range in which patients lie.

A cohort whose ECG tells the scar exactly proves nothing: the ranges bound from above too. What is measured is the ECG
as a machine would take it, never the model itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scartools.evaluation.logistic import cross_validated_scores, roc_area
from scartools.simulation.beat_features import COMPARED, FEATURES
from scartools.simulation.measured_subject import SEGMENTS, MeasuredSubject, feature_table
from scartools.simulation.plausibility_questions import LEAST_SUBJECTS, QUESTIONS, Question, is_healthy

COLUMNS: dict[str, tuple[str, str | None]] = {
    "name": ("name of the question", None),
    "text": ("what was measured, with its unit", None),
    "low": ("lower end of the range of patients", None),
    "high": ("upper end of the range", None),
    "value": ("what was measured; n/a where too few subjects answer, or without --normals", None),
    "lower": ("lower end of the 95 % bootstrap interval over subjects", None),
    "upper": ("upper end of the interval", None),
    "n": ("subjects that were asked", None),
    "within": ("whether the value lies in the range, both ends included", None),
}
Subjects = Sequence[MeasuredSubject]
RESAMPLES = 200
SHUFFLES = 10  # of the labels
SCARRED_SEGMENT = 0.10  # a segment with so much of its muscle in scar counts as scarred
OVERLAP_AT_LEAST = 0.6
_BINS = 10


@dataclass(frozen=True)
class Answer:
    """A question with what was measured: value and 95 % interval, NaN where it could not be; `within` is None then."""

    name: str
    text: str
    low: float
    high: float
    value: float
    lower: float
    upper: float
    n: int
    within: bool | None


def _resampled(measure: Callable[[np.ndarray], float], count: int, seed: int) -> tuple[float, float]:
    """The 95 % percentile interval over subjects drawn with replacement; NaN where nothing could be measured."""
    rng = np.random.default_rng(seed)
    values = np.array([measure(rng.integers(count, size=count)) for _ in range(RESAMPLES)])
    values = values[np.isfinite(values)]
    if len(values) < RESAMPLES / 2:
        return float("nan"), float("nan")
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))


def _answer(question: Question, subjects: Subjects, seed: int) -> Answer:
    asked = [question.values(one) for one in subjects if question.of(one)]
    value = lower = upper = float("nan")
    if len(asked) >= (LEAST_SUBJECTS if question.sampled else 1):
        values = np.array(asked, dtype=np.float64)
        value = question.measure(values)
        if question.sampled and np.isfinite(value):
            lower, upper = _resampled(lambda at: question.measure(values[at]), len(values), seed)
    return _judged(question.name, question.text, question.low, question.high, value, (lower, upper), len(asked))


def _judged(
    name: str, text: str, low: float, high: float, value: float, interval: tuple[float, float], n: int
) -> Answer:
    within = bool(low <= value <= high) if np.isfinite(value) else None
    return Answer(name, text, low, high, value, *interval, n, within)


def _information(subjects: Subjects, seed: int) -> list[Answer]:
    """How well a logistic model on the beat finds scar, and the scarred segments; and the same with shuffled labels.

    One shuffle scatters about 0.5 by 0.05 at 250 subjects: the mean over SHUFFLES of them is told.
    """
    features = feature_table(subjects)
    rng = np.random.default_rng([seed, 1])
    same = [np.arange(len(subjects))]
    shuffled = [rng.permutation(len(subjects)) for _ in range(SHUFFLES)]
    scar = np.array([one.scar_percent > 0 for one in subjects])
    segments = np.array([one.scar_shares for one in subjects]) >= SCARRED_SEGMENT  # (n, 17)
    chosen = [
        k for k in range(SEGMENTS) if LEAST_SUBJECTS <= segments[:, k].sum() <= len(subjects) - LEAST_SUBJECTS
    ]
    known = LEAST_SUBJECTS <= scar.sum() <= len(scar) - LEAST_SUBJECTS
    answers = []
    for name, orders, low, high in (
        ("", same, (0.75, 0.65), (0.88, 0.85)),
        ("_shuffled", shuffled, (0.40, 0.45), (0.60, 0.55)),
    ):
        words = f", labels shuffled among subjects, mean of {SHUFFLES} shuffles" if name else ""
        for label, wanted, place in (
            ("auc_scar", [scar] if known else [], 0),
            ("auc_segments", [segments[:, k] for k in chosen], 1),
        ):
            columns = [column[order] for order in orders for column in wanted]
            scores = [cross_validated_scores(features, column, seed=seed) for column in columns]
            measure = _mean_area(columns, scores)
            value = measure(np.arange(len(subjects))) if columns else float("nan")
            interval = _resampled(measure, len(subjects), seed) if columns else (value, value)
            text = "area under the ROC curve for any scar" if place == 0 else "mean area of the segments"
            text += f", logistic model on the beat, cross-validated{words}"
            answers.append(_judged(label + name, text, low[place], high[place], value, interval, len(subjects)))
    return answers


def _mean_area(labels: Sequence[np.ndarray], scores: Sequence[np.ndarray]) -> Callable[[np.ndarray], float]:
    def measure(at: np.ndarray) -> float:
        areas = np.array([roc_area(label[at], score[at]) for label, score in zip(labels, scores, strict=True)])
        areas = areas[np.isfinite(areas)]
        return float(areas.mean()) if len(areas) else float("nan")

    return measure


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the overlap coefficient of two samples, 0 to 1: the area that their histograms share.

    one, other  float (n,), (m,), finite. 0, an absent wave, has a bin of its own; the rest falls into ten bins of
    equal width between the 1st and the 99th percentile of both together, the outer ones open.
    Inman and Bradley, Commun Stat Theory Methods 1989;18:3851.
    """
    both = np.concatenate([one, other])
    inner = both[both != 0]
    low, high = np.quantile(inner, [0.01, 0.99]) if len(inner) else (0.0, 1.0)
    edges = np.linspace(low, max(high, low + 1e-9), _BINS + 1)[1:-1]

    def shares(values: np.ndarray) -> np.ndarray:
        there = values[values != 0]
        counts = np.bincount(np.searchsorted(edges, there, side="right"), minlength=_BINS)
        return np.append(counts, len(values) - len(there)) / len(values)

    return float(np.minimum(shares(one), shares(other)).sum())


def feature_overlaps(subjects: Subjects, normals: np.ndarray) -> dict[str, float]:
    """Return the overlap of each of COMPARED between subjects without scar or block and normal ECGs.

    normals  float (m, 49) by COMPARED, NaN where unknown
    A feature with fewer than LEAST_SUBJECTS known values on either side is NaN.
    """
    return dict(zip(COMPARED, _overlaps(_healthy_features(subjects), normals), strict=True))


def _healthy_features(subjects: Subjects) -> np.ndarray:
    return feature_table([one for one in subjects if is_healthy(one)])[
        :, [FEATURES.index(name) for name in COMPARED]
    ]


def _overlaps(ours: np.ndarray, theirs: np.ndarray) -> list[float]:
    found = []
    for one, other in zip(ours.T, theirs.T, strict=True):
        one, other = one[np.isfinite(one)], other[np.isfinite(other)]
        enough = min(len(one), len(other)) >= LEAST_SUBJECTS
        found.append(overlap(one, other) if enough else float("nan"))
    return found


def _overlap_answer(subjects: Subjects, normals: np.ndarray | None, seed: int) -> Answer:
    text = f"share of the {len(COMPARED)} lead features whose overlap with normal ECGs is {OVERLAP_AT_LEAST} or more"
    ours = _healthy_features(subjects)
    value, interval = float("nan"), (float("nan"), float("nan"))
    if normals is not None and len(ours) >= LEAST_SUBJECTS:

        def measure(at: np.ndarray) -> float:
            found = np.array(_overlaps(ours[at], normals))
            found = found[np.isfinite(found)]
            return float((found >= OVERLAP_AT_LEAST).mean()) if len(found) else float("nan")

        value = measure(np.arange(len(ours)))
        interval = _resampled(measure, len(ours), seed)
    return _judged("normal_overlap", text, 0.8, 1.0, value, interval, len(ours))


def plausibility(subjects: Subjects, *, normals: np.ndarray | None = None, seed: int = 0) -> list[Answer]:
    """Ask a simulated cohort every question.

    subjects  what was measured, one entry a subject
    normals   float (m, 49) by COMPARED: features of normal ECGs; None: their row is not measured
    seed      of resampling, folds and shuffling
    Returns one answer a row, in a fixed order; a question that too few subjects can answer has no value.
    """
    answers = [_answer(question, subjects, seed) for question in QUESTIONS]
    answers.append(_overlap_answer(subjects, normals, seed))
    return answers + _information(subjects, seed)
