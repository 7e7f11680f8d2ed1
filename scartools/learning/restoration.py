"""How well an encoder restores beats it never saw, lead by lead, and what its code knows: beside a PCA of the same size.

A small error says that beats are restored, not that the code is of use. A principal component analysis of as many
numbers is the least that a network has to beat. The probe asks a code for a diagnosis by a logistic model: what a
linear reader of the code would find.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scartools.errors import InputError

if TYPE_CHECKING:
    from scartools.network.ecg_autoencoder import ECGAutoencoder

MOST_BEATS = 4000  # that the components are made from
RIDGE = 10.0
DRAWS = 2000  # of the bootstrap
POSITIVE, NEGATIVE = ("1", "mi", "yes", "true"), ("0", "norm", "normal", "no", "false")


@dataclass(frozen=True)
class Components:
    """Principal components of beats: mean float64 (12 x samples,), axes float64 (k, 12 x samples)."""

    mean: np.ndarray
    axes: np.ndarray
    beats: int  # they were made from

    def scores(self, beats: np.ndarray) -> np.ndarray:
        """Return the code float64 (N, k) of beats (N, 12, samples), NaN where absent: 0 there, as for the network."""
        return (np.nan_to_num(beats).reshape(len(beats), -1) - self.mean) @ self.axes.T

    def restored(self, beats: np.ndarray) -> np.ndarray:
        """Return the beats (N, 12, samples) that the codes of beats stand for."""
        return (self.mean + self.scores(beats) @ self.axes).reshape(beats.shape)


def principal_components(beats: np.ndarray, count: int, seed: int) -> Components:
    """Return the components of beats float (N, 12, samples), NaN where absent; of MOST_BEATS of them if there are more.

    count  of components; fewer where there are not that many beats
    """
    rows = np.nan_to_num(beats).reshape(len(beats), -1).astype(np.float64)
    if len(rows) > MOST_BEATS:
        rows = rows[np.sort(np.random.default_rng([seed, 4]).choice(len(rows), MOST_BEATS, replace=False))]
    mean = rows.mean(axis=0)
    centred = rows - mean
    values, vectors = np.linalg.eigh(centred @ centred.T)  # of beats, not of samples: there are fewer
    kept = [at for at in np.argsort(values)[::-1][:count] if values[at] > 1e-9 * max(values.max(), 1e-30)]
    axes = (vectors[:, kept].T @ centred) / np.sqrt(values[kept])[:, None]
    return Components(mean, axes, len(rows))


def restored_by(model: ECGAutoencoder, beats: np.ndarray, *, batch: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """Return beats (N, 12, samples) as the network restores them, and their codes (N, code)."""
    import torch

    model.eval()
    device = next(model.parameters()).device
    made, codes = [], []
    with torch.inference_mode():
        for first in range(0, len(beats), batch):
            part = torch.from_numpy(np.nan_to_num(beats[first : first + batch]).astype(np.float32)).to(device)
            code = model.encode(part)
            codes.append(code.cpu().double().numpy())
            made.append(model.decode(code).cpu().double().numpy())
    return np.concatenate(made), np.concatenate(codes)


def fidelity(restored: np.ndarray, beats: np.ndarray, scales: np.ndarray) -> dict[str, list[float | None]]:
    """Return RMSEMv, SNRDb and Correlation of each lead, over beats that have it; None for a lead that none has.

    restored, beats  (N, 12, samples), standardised; NaN in `beats` where absent; scales: float (N,), mV
    RMSE is over all samples, SNR (power of the signal over that of the error) and Pearson's r are means over beats.
    """
    found: dict[str, list[float | None]] = {"RMSEMv": [], "SNRDb": [], "Correlation": []}
    for lead in range(beats.shape[1]):
        squares, counts, ratios, alike = 0.0, 0, [], []
        for made, true, scale in zip(restored[:, lead], beats[:, lead], scales, strict=True):
            there = np.isfinite(true)
            if not there.any():
                continue
            error, signal = (made - true)[there], true[there]
            squares += float((error**2).sum()) * float(scale) ** 2
            counts += int(there.sum())
            ratios.append(10 * np.log10(max((signal**2).sum(), 1e-12) / max((error**2).sum(), 1e-12)))
            if signal.std() > 1e-9 and made[there].std() > 1e-9:
                alike.append(float(np.corrcoef(made[there], signal)[0, 1]))
        found["RMSEMv"].append(float(np.sqrt(squares / counts)) if counts else None)
        found["SNRDb"].append(float(np.mean(ratios)) if ratios else None)
        found["Correlation"].append(float(np.mean(alike)) if alike else None)
    return found


def diagnosis_of(words: Sequence[str | None]) -> np.ndarray:
    """Return float (N,): 1 for infarction, 0 for normal, NaN for every other word, which is not asked."""
    lower = [None if word is None else word.strip().lower() for word in words]
    return np.array([1.0 if word in POSITIVE else 0.0 if word in NEGATIVE else np.nan for word in lower])


def probe(
    codes: np.ndarray, truth: np.ndarray, groups: Sequence[Hashable], held_out: np.ndarray, seed: int
) -> dict[str, Any]:
    """Return how well a logistic model of the codes tells infarction from normal in beats that it was not fitted to.

    codes     float (N, k); truth float (N,), 1, 0 or NaN: not asked
    groups    one a beat, which the bootstrap draws; held_out bool (N,): fitted to the others, measured on these
    Returns AUC with its 95 % percentile bootstrap interval over groups, and counts.
    Raises InputError where one of both kinds is missing on a side.
    """
    from scartools.evaluation.logistic import fit_logistic, roc_area

    asked = np.isfinite(truth)
    fits, tests = asked & ~held_out, asked & held_out
    for side in (fits, tests):
        if len(np.unique(truth[side])) < 2:
            raise InputError(
                "the probe wants beats with infarction and normal ones among those held out and among the others",
                remedy="Hold out more with --validation, or leave the column away",
            )
    mean, sd = codes[fits].mean(axis=0), codes[fits].std(axis=0)
    scaled = (codes - mean) / np.where(sd > 1e-9, sd, np.inf)
    weights = fit_logistic(np.clip(scaled[fits], -6, 6), truth[fits] > 0, RIDGE)
    scores, labels = np.clip(scaled[tests], -6, 6) @ weights[1:], truth[tests] > 0
    units = np.array([str(group) for group, chosen in zip(groups, tests, strict=True) if chosen])
    places = [np.flatnonzero(units == name) for name in sorted(set(units))]
    rng = np.random.default_rng([seed, 5])
    drawn = []
    for _ in range(DRAWS):
        rows = np.concatenate([places[at] for at in rng.integers(len(places), size=len(places))])
        drawn.append(roc_area(labels[rows], scores[rows]))
    lower, upper = np.nanpercentile(drawn, (2.5, 97.5))
    return {
        "AUC": roc_area(labels, scores),
        "AUCLower": float(lower),
        "AUCUpper": float(upper),
        "FittedTo": int(fits.sum()),
        "MeasuredOn": int(tests.sum()),
        "WithInfarction": int(labels.sum()),
    }


def report(
    model: ECGAutoencoder,
    beats: np.ndarray,
    scales: np.ndarray,
    groups: Sequence[Hashable],
    held_out: np.ndarray,
    truth: np.ndarray | None,
    seed: int,
) -> dict[str, Any]:
    """Return what model.json says of an encoder: Restoration of held-out beats by lead, and Probe where there is a truth.

    beats  float32 (N, 12, samples), standardised, NaN where absent; scales (N,) mV; groups, held_out, truth as in `probe`
    """
    restored, codes = restored_by(model, beats)
    components = principal_components(beats[~held_out], codes.shape[1], seed)
    tested, sizes = beats[held_out], scales[held_out]
    found: dict[str, Any] = {
        "Restoration": {
            "Encoder": fidelity(restored[held_out], tested, sizes),
            "PCA": fidelity(components.restored(tested), tested, sizes),
            "Components": len(components.axes),
            "ComponentsFrom": components.beats,
        }
    }
    if truth is not None:
        found["Probe"] = {
            "Encoder": probe(codes, truth, groups, held_out, seed),
            "PCA": probe(components.scores(beats), truth, groups, held_out, seed),
        }
    return found
