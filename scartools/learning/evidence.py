"""What the ECGs of the training patients say of each AHA segment, fitted once to whole patients.

A ridge logistic regression for each of the 17 segments, from a beat to scar in that segment. Learned crop by crop, with
the segmentation, the same layer told segments with scar from others hardly better than chance; it has a hundred patients
to learn from and not a hundred thousand pixels. A beat is seen as the code of the encoder, or as its first 8 or 16
principal components among the beats of the training patients. Which of them, and the penalty, are those whose log loss
is least in patients that were left out; and what the segmentation is shown of a training patient comes from a fit
without that patient. It then trusts an ECG as far as strangers' ECGs deserve, and ECGs that say nothing become the
frequency of scar in each segment.

le Cessie and van Houwelingen, Applied Statistics 1992;41:191, doi:10.2307/2347628.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.linalg import eigh

from scartools.evaluation.logistic import fit_logistic, roc_area
from scartools.learning.sampling import TrainingCase
from scartools.learning.settings import Settings
from scartools.network.segment_fusion import SEGMENTS, true_logits
from scartools.network.segmenter import Segmenter
from scartools.network.taff import interval_seen

PRESENT = 0.05  # part of a segment that is scar, from which on scar counts as present
UNKNOWN_WEIGHT = 0.5  # of an ECG whose day is not known, and of one 90 days away
PENALTIES = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0)
SEEN = (8, 16, None)  # how many principal components a beat is seen as; None: as its code
FOLDS = 5
_PSEUDO = 0.5  # a patient with and one without scar, of this weight and the mean code: no frequency is 0 or 1


@dataclass(frozen=True)
class Evidence:
    """How well the ECGs tell segments with scar from others, in patients that were left out of the fit.

    patients   that have an ECG and known segments
    components of the beat, None: its code; penalty: of the ridge; both as they were chosen
    log_loss   mean over known segments, in nats; log_loss_of_frequency: of the frequency of scar in each segment alone
    auc        mean over segments that have both; NaN where none has; see `mean_auc`
    The choice was made by the log loss of these very patients: both numbers flatter it a little.
    """

    patients: int
    components: int | None
    penalty: float
    log_loss: float
    log_loss_of_frequency: float
    auc: float

    def to_json(self) -> dict[str, Any]:
        """Return plain values; None for NaN."""
        return {
            "".join(word.capitalize() for word in key.split("_")): None
            if value is None or np.isnan(value)
            else round(value, 5)
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True)
class Fitted:
    """A fit to all patients, and what is said of each of them by a fit without it.

    by_code  float64 (17, C); by_beat (17, 7200); bias (17,): one of the first two is 0
    logits   float64 (N, 17)
    """

    by_code: np.ndarray
    by_beat: np.ndarray
    bias: np.ndarray
    logits: np.ndarray
    told: Evidence

    def said(self, codes: np.ndarray, beats: np.ndarray) -> np.ndarray:
        """Return the logits (N, 17) of other patients, of codes (N, C) and beats (N, 12, 600)."""
        return _times(codes, self.by_code) + _times(beats.reshape(len(beats), -1), self.by_beat) + self.bias


def with_evidence(
    network: Segmenter,
    learns: Sequence[TrainingCase],
    validates: Sequence[TrainingCase],
    settings: Settings,
    device: str,
) -> tuple[list[TrainingCase], list[TrainingCase], Evidence | None]:
    """Fit the evidence of a network to the patients to learn from; return all cases with what their ECG says.

    network  with the fusion by segments, its encoder as it will stay; the layers `evidence` and `by_beat` are changed in
             place
    learns   cases with `fractions`; validates: cases to look at, shown what the fit to all of the others says
    With settings.oracle_ecg nothing is fitted, and the truth speaks. Where no patient to learn from has both an ECG and
    segments the ECG says nothing: all odds are even.
    """
    if settings.oracle_ecg:
        return _with_truth(learns), _with_truth(validates), None
    fusion = network.segment_fusion
    if fusion is None:
        raise ValueError("the network has no fusion by segments")
    heard = [case for case in learns if case.beat is not None and case.fractions is not None]
    if not heard:
        return list(learns), list(validates), Evidence(0, None, np.nan, np.nan, np.nan, np.nan)
    fitted = fit_evidence(
        codes_of(network, heard, device),
        beats_of(heard),
        np.stack([case.fractions for case in heard if case.fractions is not None]),
        np.array([case.days for case in heard]),
        [case.group for case in heard],
        time=settings.time,
        seed=settings.seed,
    )
    with torch.no_grad():
        fusion.evidence.weight.copy_(torch.from_numpy(fitted.by_code))
        fusion.by_beat.weight.copy_(torch.from_numpy(fitted.by_beat))
        fusion.evidence.bias.copy_(torch.from_numpy(fitted.bias))
    own = {case.id: logits.astype(np.float32) for case, logits in zip(heard, fitted.logits, strict=True)}

    def shown(case: TrainingCase) -> TrainingCase:
        """A case with what is said of it: by a fit that never saw the patient."""
        if case.beat is None:
            return case
        said = own.get(case.id)
        if said is None:
            said = fitted.said(codes_of(network, [case], device), beats_of([case]))[0].astype(np.float32)
        return replace(case, evidence=said)

    return [shown(case) for case in learns], [shown(case) for case in validates], fitted.told


def codes_of(network: Segmenter, cases: Sequence[TrainingCase], device: str) -> np.ndarray:
    """Return the codes of the beats of cases, all of which have one; float64 (N, C)."""
    if network.ecg is None:
        raise ValueError("the network has no encoder")
    encoder = network.ecg.to(device).eval()
    with torch.inference_mode():
        codes = [
            encoder.encode(torch.from_numpy(case.beat)[None].to(device))[0].cpu().numpy() for case in cases
        ]
    return np.stack(codes).astype(np.float64)


def beats_of(cases: Sequence[TrainingCase]) -> np.ndarray:
    """Return the beats of cases, all of which have one; float64 (N, 12, 600)."""
    return np.stack([case.beat for case in cases if case.beat is not None]).astype(np.float64)


def fit_evidence(
    codes: np.ndarray,
    beats: np.ndarray,
    fractions: np.ndarray,
    days: np.ndarray,
    groups: Sequence[str],
    *,
    time: bool,
    seed: int,
) -> Fitted:
    """Fit scar in each segment to codes or to principal components of beats, whichever tells more.

    codes      float64 (N, C); beats float64 (N, 12, 600)
    fractions  float (N, 17), true part of each segment that is scar, NaN not known
    days       float (N,), absolute interval, NaN unknown: an ECG of the same day weighs 1, one 90 days away or more, or of
               an unknown day, half of it; with time False all weigh 1
    groups     patient of each: one is left out with all that it has
    """
    known = ~np.isnan(fractions)
    truth = np.where(known, fractions, 0.0) >= PRESENT
    weight = known * (_weights(days) if time else np.ones(len(codes)))[:, None]  # (N, 17)
    fold = _folds(groups, seed)
    flat = beats.reshape(len(beats), -1)
    left_out = {
        (kind, penalty): logits
        for kind in SEEN
        for penalty, logits in _left_out(
            codes if kind is None else flat, kind, truth, weight, fold, PENALTIES
        ).items()
    }
    losses = {choice: _log_loss(logits, truth, weight) for choice, logits in left_out.items()}
    kind, penalty = best = min(losses, key=lambda choice: losses[choice])
    source = codes if kind is None else flat
    view = _view(source, kind)
    found = np.stack([_fitted(view.of(source), truth[:, k], weight[:, k], penalty) for k in range(SEGMENTS)])
    slope = _times(found[:, 1:], view.axes.T)  # (17, C) or (17, 7200)
    frequency = _left_out(np.zeros((len(codes), 0)), None, truth, weight, fold, (0.0,))[0.0]
    told = Evidence(
        len(set(groups)),
        kind,
        penalty,
        losses[best],
        _log_loss(frequency, truth, weight),
        mean_auc(left_out[best], truth, known, fold),
    )
    return Fitted(
        slope if kind is None else np.zeros((SEGMENTS, codes.shape[1])),
        slope if kind is not None else np.zeros((SEGMENTS, flat.shape[1])),
        found[:, 0] - _times(slope, view.centre[None])[:, 0],
        left_out[best],
        told,
    )


def mean_auc(logits: np.ndarray, truth: np.ndarray, known: np.ndarray, fold: np.ndarray) -> float:
    """Return the mean over segments of the area under the ROC curve; (N, 17) each; NaN where no segment has both kinds.

    The part of pairs in which the one with scar has the larger logit, of pairs in one fold (N,): between folds the
    frequency of scar of the others speaks, and speaks against the truth.
    """
    found = []
    for k in range(truth.shape[1]):
        areas, pairs = [], []
        for number in np.unique(fold):
            here = known[:, k] & (fold == number)
            many = int(truth[here, k].sum())
            if 0 < many < np.count_nonzero(here):
                areas.append(roc_area(truth[here, k], logits[here, k]))
                pairs.append(many * (np.count_nonzero(here) - many))
        if pairs:
            found.append(np.average(areas, weights=pairs))
    return float(np.mean(found)) if found else float("nan")


def _with_truth(cases: Sequence[TrainingCase]) -> list[TrainingCase]:
    unknown = np.full(SEGMENTS, np.nan, np.float32)
    return [
        replace(
            case,
            evidence=true_logits(
                torch.from_numpy(unknown if case.fractions is None else case.fractions)
            ).numpy(),
        )
        for case in cases
    ]


def _weights(days: np.ndarray) -> np.ndarray:
    part, unknown = interval_seen(torch.from_numpy(np.asarray(days, np.float64))).numpy().T
    return np.where(unknown > 0, UNKNOWN_WEIGHT, 1 - (1 - UNKNOWN_WEIGHT) * part)


def _folds(groups: Sequence[str], seed: int) -> np.ndarray:
    """Return the fold of each, int (N,): patients in an order drawn from the seed and the names alone."""
    names = sorted(set(groups))
    order = np.random.default_rng([seed, 66]).permutation(len(names))
    fold = {names[at]: position % FOLDS for position, at in enumerate(order)}
    return np.array([fold[group] for group in groups])


class _View(NamedTuple):
    """Features of SD 1: axes (p, d) on what is left of a source (N, d) beside its centre (d,)."""

    centre: np.ndarray
    axes: np.ndarray

    def of(self, source: np.ndarray) -> np.ndarray:
        """Return the features (N, p) of a source (N, d)."""
        return _times(source - self.centre, self.axes)


def _times(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return rows (n, d) by others (m, d), (n, m): einsum, not BLAS, the same bytes on any number of threads."""
    return np.einsum("nd,md->nm", rows, np.ascontiguousarray(others))


def _view(source: np.ndarray, components: int | None) -> _View:
    """Return each column by itself, or the first principal components of a source (N, d); what does not vary is left out.

    Components come from the eigenvectors of the (N, N) products of patients, who are fewer than samples.
    """
    if not len(source):
        return _View(np.zeros(source.shape[1]), np.zeros((0, source.shape[1])))
    centre = source.mean(axis=0)
    left = source - centre
    if components is None:
        axes = np.eye(source.shape[1])
    else:
        # of LAPACK's ways the one whose bytes do not hang on the number of threads
        first = max(0, len(left) - components)
        size, turned = eigh(_times(left, left), driver="evr", subset_by_index=(first, len(left) - 1))
        there = np.flatnonzero(size > 1e-9 * max(size[-1], 1e-300))[::-1]
        axes = _times(turned[:, there].T, left.T) / np.sqrt(size[there])[:, None]
    spread = _times(left, axes).std(axis=0)
    return _View(centre, axes[spread > 1e-9] / spread[spread > 1e-9][:, None])


def _left_out(
    source: np.ndarray,
    components: int | None,
    truth: np.ndarray,
    weight: np.ndarray,
    fold: np.ndarray,
    penalties: Sequence[float],
) -> dict[float, np.ndarray]:
    """Return by penalty the logits of each patient by the fit without its fold, (N, 17)."""
    logits = {penalty: np.zeros(truth.shape) for penalty in penalties}
    for number in np.unique(fold):
        out = fold == number
        view = _view(source[~out], components)
        seen, others = view.of(source[out]), view.of(source[~out])
        for k in range(truth.shape[1]):
            for penalty in penalties:
                found = _fitted(others, truth[~out, k], weight[~out, k], penalty)
                logits[penalty][out, k] = found[0] + _times(seen, found[None, 1:])[:, 0]
    return logits


def _fitted(seen: np.ndarray, truth: np.ndarray, weight: np.ndarray, penalty: float) -> np.ndarray:
    """Return constant and coefficients (1 + C,); the constant is not penalised."""
    mean = np.zeros((2, seen.shape[1]))
    return fit_logistic(
        np.concatenate([seen, mean]),
        np.concatenate([truth, [False, True]]),
        penalty,
        np.concatenate([weight, [_PSEUDO, _PSEUDO]]),
    )


def _log_loss(logits: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> float:
    each = np.logaddexp(0.0, logits) - truth * logits
    return float((each * weight).sum() / max(weight.sum(), 1e-9))
