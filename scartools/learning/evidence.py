"""What the ECGs of the training patients say of each AHA segment, fitted once to whole patients.

A ridge logistic regression for each of the 17 segments, from the code of a beat to scar in that segment. Learned crop by
crop, with the segmentation, the same layer told segments with scar from others hardly better than chance; it has a
hundred patients to learn from and not a hundred thousand pixels. The penalty is the one whose log loss is least in
patients that were left out, and what the segmentation is shown of a training patient comes from a fit without that
patient: it then trusts an ECG as far as strangers' ECGs deserve, and an ECG that says nothing becomes the frequency of
scar in each segment.

le Cessie and van Houwelingen, Applied Statistics 1992;41:191, doi:10.2307/2347628.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from scartools.evaluation.logistic import fit_logistic, roc_area
from scartools.learning.sampling import TrainingCase
from scartools.learning.settings import Settings
from scartools.network.segment_fusion import SEGMENTS, true_logits
from scartools.network.segmenter import Segmenter
from scartools.network.taff import interval_seen

PRESENT = 0.05  # part of a segment that is scar, from which on scar counts as present
UNKNOWN_WEIGHT = 0.5  # of an ECG whose day is not known, and of one 90 days away
PENALTIES = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0)
FOLDS = 5
_PSEUDO = 0.5  # a patient with and one without scar, of this weight and the mean code: no frequency is 0 or 1


@dataclass(frozen=True)
class Evidence:
    """How well the ECGs tell segments with scar from others, in patients that were left out of the fit.

    patients   that have an ECG and known segments; penalty: the one that was chosen
    log_loss   mean over known segments, in nats; log_loss_of_frequency: of the frequency of scar in each segment alone
    auc        mean over segments that have both; NaN where none has; see `mean_auc`
    """

    patients: int
    penalty: float
    log_loss: float
    log_loss_of_frequency: float
    auc: float

    def to_json(self) -> dict[str, Any]:
        """Return plain values; None for NaN."""
        return {
            "".join(word.capitalize() for word in key.split("_")): None if np.isnan(value) else round(value, 5)
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True)
class Fitted:
    """A fit: weight float64 (17, C) and bias (17,) of all patients; logits (N, 17) of each by a fit without it."""

    weight: np.ndarray
    bias: np.ndarray
    logits: np.ndarray
    told: Evidence


def with_evidence(
    network: Segmenter,
    learns: Sequence[TrainingCase],
    validates: Sequence[TrainingCase],
    settings: Settings,
    device: str,
) -> tuple[list[TrainingCase], list[TrainingCase], Evidence | None]:
    """Fit the evidence of a network to the patients to learn from; return all cases with what their ECG says.

    network  with the fusion by segments, its encoder as it will stay; the layer `evidence` is changed in place
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
        for part in (fusion.evidence.weight, fusion.evidence.bias):
            torch.nn.init.zeros_(part)
        return list(learns), list(validates), Evidence(0, np.nan, np.nan, np.nan, np.nan)
    fitted = fit_evidence(
        codes_of(network, heard, device),
        np.stack([case.fractions for case in heard if case.fractions is not None]),
        np.array([case.days for case in heard]),
        [case.group for case in heard],
        time=settings.time,
        seed=settings.seed,
    )
    with torch.no_grad():
        fusion.evidence.weight.copy_(torch.from_numpy(fitted.weight))
        fusion.evidence.bias.copy_(torch.from_numpy(fitted.bias))
    own = {case.id: logits.astype(np.float32) for case, logits in zip(heard, fitted.logits, strict=True)}

    def shown(case: TrainingCase) -> TrainingCase:
        """A case with what is said of it: by a fit that never saw the patient."""
        if case.beat is None:
            return case
        said = own.get(case.id)
        if said is None:
            said = (codes_of(network, [case], device) @ fitted.weight.T + fitted.bias)[0].astype(np.float32)
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


def fit_evidence(
    codes: np.ndarray,
    fractions: np.ndarray,
    days: np.ndarray,
    groups: Sequence[str],
    *,
    time: bool,
    seed: int,
) -> Fitted:
    """Fit scar in each segment to codes.

    codes      float64 (N, C); fractions float (N, 17), true part of each segment that is scar, NaN not known
    days       float (N,), absolute interval, NaN unknown: an ECG of the same day weighs 1, one 90 days away or more, or of
               an unknown day, half of it; with time False all weigh 1
    groups     patient of each: one is left out with all that it has
    """
    centre, spread = codes.mean(axis=0), codes.std(axis=0)
    spread = np.where(spread > 1e-9, spread, 1.0)
    seen = (codes - centre) / spread
    known = ~np.isnan(fractions)
    truth = np.where(known, fractions, 0.0) >= PRESENT
    weight = known * (_weights(days) if time else np.ones(len(codes)))[:, None]  # (N, 17)
    fold = _folds(groups, seed)
    left_out = {penalty: _left_out(seen, truth, weight, fold, penalty) for penalty in PENALTIES}
    losses = {penalty: _log_loss(logits, truth, weight) for penalty, logits in left_out.items()}
    best = min(PENALTIES, key=lambda penalty: (losses[penalty], -penalty))
    whole = np.stack([_fitted(seen, truth[:, k], weight[:, k], best) for k in range(SEGMENTS)])
    slope = whole[:, 1:] / spread
    frequency = _left_out(seen[:, :0], truth, weight, fold, 0.0)
    told = Evidence(
        len(set(groups)),
        best,
        losses[best],
        _log_loss(frequency, truth, weight),
        mean_auc(left_out[best], truth, known, fold),
    )
    return Fitted(slope, whole[:, 0] - slope @ centre, left_out[best], told)


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


def _left_out(
    seen: np.ndarray, truth: np.ndarray, weight: np.ndarray, fold: np.ndarray, penalty: float
) -> np.ndarray:
    """Return the logits of each patient by the fit without its fold, (N, 17)."""
    logits = np.zeros(truth.shape)
    for number in np.unique(fold):
        out = fold == number
        for k in range(truth.shape[1]):
            found = _fitted(seen[~out], truth[~out, k], weight[~out, k], penalty)
            logits[out, k] = found[0] + np.einsum("np,p->n", seen[out], found[1:])
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
