"""Whether scar is told in the right AHA segment: sensitivity, specificity, kappa, and what a graded score is worth.

A segment has scar where at least a stated share of its myocardium is scar or no-reflow. Truth and prediction are each cut
by the segments of their own contours, so that an error of the frame is an error. Segments of a patient are not
independent: intervals resample patients. Measures of several runs are averages over the runs.
Kappa: Cohen, Educ Psychol Meas 1960;20:37, doi:10.1177/001316446002000104. Area under the ROC curve by counting pairs:
Hanley and McNeil, Radiology 1982;143:29.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scartools.evaluation.metrics import TOLD_COLUMNS, told_of
from scartools.evaluation.overlap import NAN
from scartools.evaluation.significance import weighted_interval
from scartools.heart.nomenclature import INFARCT, MYOCARDIUM, segment_rings, segment_territories

SPECIFICITY = 0.95
SEGMENT_COLUMNS: dict[str, tuple[str, str | None]] = {
    "arm": ("name of the predictions", None),
    "run": ("number of the folder within the arm", "1"),
    "case_id": ("case", None),
    "participant_id": ("patient", None),
    **TOLD_COLUMNS,
    "segment": ("AHA segment of the truth", None),
    "truth_percent": ("true scar and no-reflow, part of the segment's true myocardium", "%"),
    "predicted_percent": ("the same of the prediction, by its own segments; n/a where it has none", "%"),
    "truth_present": ("whether truth_percent reaches --segment-percent", None),
    "predicted_present": ("whether predicted_percent does; false where it is n/a", None),
}
_RATES = ("sensitivity", "specificity", "kappa", "auc", "sensitivity_at_95")
DETECTION_COLUMNS: dict[str, tuple[str, str | None]] = {
    "arm": ("name of the predictions", None),
    "regime": ("automatic or reader", None),
    **TOLD_COLUMNS,
    "region": ("all segments, or those of a ring or of a coronary territory", None),
    "n_patients": ("patients", "1"),
    "n_segments": ("segments, each case once", "1"),
    "n_segments_positive": ("of them with scar in truth", "1"),
    "n_segments_without_prediction": ("of them, counted in each run, which the prediction does not have", "1"),
    **{
        f"{name}{end}": (
            text if not end else f"{end[1:]} end of its 95 % interval, BCa bootstrap of patients",
            "1",
        )
        for name, text in {
            "sensitivity": "share of segments with scar where it was predicted",
            "specificity": "share of segments without scar where none was predicted",
            "kappa": "Cohen's kappa of presence",
            "auc": "area under the ROC curve of predicted_percent",
            "sensitivity_at_95": "largest sensitivity of a threshold on predicted_percent with specificity of 95 % or more",
        }.items()
        for end in ("", "_lower", "_upper")
    },
}


@dataclass(frozen=True)
class SegmentScar:
    """Scar of one segment of one case in truth and prediction; a row of segments.tsv."""

    arm: str
    run: int
    case_id: str
    participant_id: str
    prior_source: str
    ecg: str
    ecg_source: str
    control: str | None
    segment: int
    truth_percent: float
    predicted_percent: float
    truth_present: bool
    predicted_present: bool


def scar_by_segment(labels: np.ndarray, segments: np.ndarray) -> dict[int, float]:
    """Return the percentage of scar and no-reflow in the myocardium of each segment that is there.

    labels    uint8 (X, Y, Z), labels of the toolkit
    segments  uint8 (X, Y, Z), AHA segments, 0 outside
    """
    inside = np.isin(labels, MYOCARDIUM) & (segments > 0)
    whole = np.bincount(segments[inside])
    scar = np.bincount(segments[inside & np.isin(labels, INFARCT)], minlength=len(whole))
    return {int(number): float(100 * scar[number] / whole[number]) for number in np.flatnonzero(whole)}


def match_segments(
    truth: Mapping[int, float], predicted: Mapping[int, float] | None, percent: float, **names: Any
) -> list[SegmentScar]:
    """Return a row for each segment of the truth; one that the prediction lacks is NaN and counts as without scar.

    predicted  None where the segments of the predicted labels cannot be told
    percent    of a segment from which on scar is present
    names      the fields of SegmentScar up to control
    """
    rows = []
    for segment, true in sorted(truth.items()):
        found = NAN if predicted is None else predicted.get(segment, NAN)
        present = bool(found >= percent)
        rows.append(SegmentScar(**names, segment=segment, truth_percent=true, predicted_percent=found,
                                truth_present=true >= percent, predicted_present=present))  # fmt: skip
    return rows


@dataclass(frozen=True)
class Run:
    """Segments of one run by patient, all float64 (n, ...): n patients, T thresholds from the highest score down.

    hits, misses, false_alarms, rejections  (n,), segments by presence at the threshold of presence
    above, false_above                      (n, T), segments with and without scar whose score reaches a threshold
    pairs                                   (n, n), pairs of a segment with scar of one patient and one without of
                                            another that the score puts in order; ties count half
    """

    hits: np.ndarray
    misses: np.ndarray
    false_alarms: np.ndarray
    rejections: np.ndarray
    above: np.ndarray
    false_above: np.ndarray
    pairs: np.ndarray


@dataclass(frozen=True)
class Tally:
    """The runs of an arm on the same patients."""

    runs: tuple[Run, ...]
    patients: int

    def of(self, number: Number, weights: np.ndarray) -> np.ndarray:
        """Return a number with patients weighted, float64 (B, n) to (B,), the mean over runs."""
        return np.asarray(np.mean([number(run, weights) for run in self.runs], axis=0))

    def value(self, number: Number) -> float:
        """Return a number of all patients."""
        return float(self.of(number, np.ones((1, self.patients)))[0])


Number = Callable[[Run, np.ndarray], np.ndarray]


def tally(rows: Sequence[SegmentScar], patients: Sequence[str]) -> Tally:
    """Count the segments of an arm by patient.

    rows      of one arm, its runs together
    patients  in the order of the weights; rows of others are not allowed
    """
    place = {name: at for at, name in enumerate(patients)}
    runs = []
    for run in sorted({row.run for row in rows}):
        chosen = [row for row in rows if row.run == run]
        patient = np.array([place[row.participant_id] for row in chosen])
        truth = np.array([row.truth_present for row in chosen])
        found = np.array([row.predicted_present for row in chosen])
        # what the prediction has no segment for is the least of all
        score = np.array([0.0 if np.isnan(row.predicted_percent) else row.predicted_percent for row in chosen])
        runs.append(_count_run(patient, truth, found, score, len(patients)))
    return Tally(tuple(runs), len(patients))


def _count_run(
    patient: np.ndarray, truth: np.ndarray, found: np.ndarray, score: np.ndarray, patients: int
) -> Run:
    def count(chosen: np.ndarray) -> np.ndarray:
        return np.bincount(patient[chosen], minlength=patients).astype(np.float64)

    thresholds = np.unique(score)[::-1]
    at = np.searchsorted(-thresholds, -score)  # the first threshold that a score reaches
    by_threshold = np.zeros((2, patients, len(thresholds)))
    np.add.at(by_threshold, (truth.astype(int), patient, at), 1.0)
    false_at, true_at = by_threshold
    below = (
        np.cumsum(false_at[:, ::-1], axis=1)[:, ::-1] - false_at / 2
    )  # without scar: lower, and half the ties
    return Run(
        hits=count(truth & found),
        misses=count(truth & ~found),
        false_alarms=count(~truth & found),
        rejections=count(~truth & ~found),
        above=np.cumsum(true_at, axis=1),
        false_above=np.cumsum(false_at, axis=1),
        pairs=true_at @ below.T,
    )


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, NAN)


def _sensitivity(run: Run, weights: np.ndarray) -> np.ndarray:
    return _ratio(weights @ run.hits, weights @ (run.hits + run.misses))


def _specificity(run: Run, weights: np.ndarray) -> np.ndarray:
    return _ratio(weights @ run.rejections, weights @ (run.rejections + run.false_alarms))


def _kappa(run: Run, weights: np.ndarray) -> np.ndarray:
    a, b, c, d = (weights @ part for part in (run.hits, run.misses, run.false_alarms, run.rejections))
    total = a + b + c + d
    chance = ((a + b) * (a + c) + (c + d) * (b + d)) / total**2
    return _ratio((a + d) / total - chance, 1 - chance)


def _auc(run: Run, weights: np.ndarray) -> np.ndarray:
    positive, negative = weights @ run.above[:, -1], weights @ run.false_above[:, -1]
    return _ratio(((weights @ run.pairs) * weights).sum(axis=1), positive * negative)


def _sensitivity_at(run: Run, weights: np.ndarray) -> np.ndarray:
    """Of the thresholds whose specificity is 95 % or more, the lowest; its sensitivity."""
    found = np.empty(len(weights))
    for start in range(0, len(weights), 512):  # (512, T) at a time
        part = weights[start : start + 512]
        false = part @ run.false_above
        allowed = (1 - SPECIFICITY) * false[:, -1:] + 1e-9
        reached = (false <= allowed).sum(axis=1)  # thresholds from the highest down that still allow it
        true = (part * run.above.T[np.maximum(reached - 1, 0)]).sum(axis=1)  # at the last of them
        best = np.where(reached > 0, true, 0.0)
        best = np.where(false[:, -1] > 0, best, NAN)
        found[start : start + 512] = _ratio(best, part @ run.above[:, -1])
    return found


NUMBERS: dict[str, Number] = dict(
    zip(_RATES, (_sensitivity, _specificity, _kappa, _auc, _sensitivity_at), strict=True)
)


def detect(
    rows: Sequence[SegmentScar], regimes: Mapping[str, str], *, resamples: int, seed: int
) -> list[dict[str, Any]]:
    """Return one row an arm and region (DETECTION_COLUMNS); regimes: prior_source to regime."""
    found = []
    for arm in dict.fromkeys(row.arm for row in rows):
        own = [row for row in rows if row.arm == arm]
        for region, members in _regions(18 if any(row.segment == 18 for row in own) else 17).items():
            chosen = [row for row in own if row.segment in members]
            if chosen:
                found.append(_detection_row(chosen, region, regimes, resamples, seed))
    return found


def _regions(model: Any) -> dict[str, frozenset[int]]:
    rings = {name.lower(): frozenset(members) for name, members in segment_rings(model).items()}
    territories = {name: frozenset(members) for name, members in segment_territories(model).items()}
    return {"all": frozenset(range(1, 19)), **rings, **territories}


def _detection_row(
    rows: Sequence[SegmentScar], region: str, regimes: Mapping[str, str], resamples: int, seed: int
) -> dict[str, Any]:
    patients = sorted({row.participant_id for row in rows})
    counted = tally(rows, patients)
    each = {(row.case_id, row.segment): row.truth_present for row in rows}
    found: dict[str, Any] = {
        "arm": rows[0].arm,
        "regime": regimes[rows[0].prior_source],
        **told_of(rows),
        "region": region,
        "n_patients": len(patients),
        "n_segments": len(each),
        "n_segments_positive": sum(each.values()),
        "n_segments_without_prediction": sum(bool(np.isnan(row.predicted_percent)) for row in rows),
    }
    for name, number in NUMBERS.items():
        value = counted.value(number)
        ends = weighted_interval(
            lambda weights, number=number: counted.of(number, weights),  # type: ignore[misc]
            len(patients),
            resamples=resamples,
            seed=seed,
        )
        if ends[0] == ends[1]:  # all resamples alike, as at 0 and 1: that is no certainty
            ends = NAN, NAN
        found |= {name: value, f"{name}_lower": ends[0], f"{name}_upper": ends[1]}
    return found


def as_rows(rows: Sequence[SegmentScar]) -> list[dict[str, Any]]:
    """Return the rows of segments.tsv."""
    return [asdict(row) for row in rows]
