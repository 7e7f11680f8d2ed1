"""How well an encoder restores beats it never saw, lead by lead, and what its code knows: beside a PCA of the same size.

A small error says that beats are restored, not that the code is of use. A principal component analysis of as many
numbers is the least that a network has to beat. The probe asks a code for a diagnosis by a logistic model: what a
linear reader of the code would find.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scartools.errors import InputError

if TYPE_CHECKING:
    from scartools.network.ecg_autoencoder import ECGAutoencoder

MOST_BEATS = 4000  # that the components are made from
AT_ONCE = 1024  # beats in memory, of a file that may hold many more
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


def principal_components(
    beats: np.ndarray, count: int, seed: int, those: np.ndarray | None = None
) -> Components:
    """Return the components of beats float (N, 12, samples), NaN where absent; of MOST_BEATS of them if there are more.

    count  of components; fewer where there are not that many beats; those: rows of the beats, None: all
    """
    those = np.arange(len(beats)) if those is None else those
    if len(those) > MOST_BEATS:
        drawn = np.random.default_rng([seed, 4]).choice(len(those), MOST_BEATS, replace=False)
        those = those[np.sort(drawn)]
    rows = np.nan_to_num(beats[those]).reshape(len(those), -1).astype(np.float64)
    mean = rows.mean(axis=0)
    centred = rows - mean
    values, vectors = np.linalg.eigh(centred @ centred.T)  # of beats, not of samples: there are fewer
    kept = [at for at in np.argsort(values)[::-1][:count] if values[at] > 1e-9 * max(values.max(), 1e-30)]
    axes = (vectors[:, kept].T @ centred) / np.sqrt(values[kept])[:, None]
    return Components(mean, axes, len(rows))


def codes_of(model: ECGAutoencoder, beats: np.ndarray, *, batch: int = 128) -> np.ndarray:
    """Return the codes float64 (N, code) of beats (N, 12, samples), NaN where absent: 0 there."""
    import torch

    model.eval()
    device = next(model.parameters()).device
    codes = []
    with torch.inference_mode():
        for first in range(0, len(beats), batch):
            part = np.nan_to_num(beats[first : first + batch]).astype(np.float32)
            codes.append(model.encode(torch.from_numpy(part).to(device)).cpu().double().numpy())
    return np.concatenate(codes)


def restored_from(model: ECGAutoencoder, codes: np.ndarray) -> np.ndarray:
    """Return the beats float64 (N, 12, samples) that codes (N, code) stand for."""
    import torch

    device = next(model.parameters()).device
    with torch.inference_mode():
        made = model.decode(torch.from_numpy(codes.astype(np.float32)).to(device))
    return made.cpu().double().numpy()


def fidelity(parts: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> dict[str, list[float | None]]:
    """Return RMSEMv, SNRDb and Correlation of each lead, over beats that have it; None for a lead that none has.

    parts  some beats at a time: restored and beats (N, 12, samples), standardised, the latter NaN where absent, and their
           scales (N,) in mV
    RMSE is over all samples, SNR (power of the signal over that of the error) and Pearson's r are means over beats.
    """
    sums = np.zeros((6, 12))  # squares in mV^2, samples; dB, beats; r, beats that have one
    for made, true, scales in parts:
        there = np.isfinite(true)
        count = there.sum(axis=2)  # (N, 12)
        signal = np.where(there, true, 0.0).astype(np.float64)
        guess = np.where(there, made, 0.0)
        power, wrong = (signal**2).sum(axis=2), ((guess - signal) ** 2).sum(axis=2)
        some = count > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            means = signal.sum(axis=2) / count, guess.sum(axis=2) / count
            spread = power / count - means[0] ** 2, (guess**2).sum(axis=2) / count - means[1] ** 2
            alike = ((signal * guess).sum(axis=2) / count - means[0] * means[1]) / np.sqrt(
                spread[0] * spread[1]
            )
        varied = some & (spread[0] > 1e-18) & (spread[1] > 1e-18)
        decibels = 10 * np.log10(np.maximum(power, 1e-12) / np.maximum(wrong, 1e-12))
        squares = wrong * np.asarray(scales, np.float64)[:, None] ** 2
        for row, (values, counted) in enumerate(((squares, count), (decibels, some), (alike, varied))):
            sums[2 * row] += np.where(counted > 0, values, 0.0).sum(axis=0)
            sums[2 * row + 1] += counted.sum(axis=0)
    mean = [
        [float(total / count) if count else None for total, count in zip(*sums[at : at + 2], strict=True)]
        for at in (0, 2, 4)
    ]
    rmse = [None if square is None else float(np.sqrt(square)) for square in mean[0]]
    return {"RMSEMv": rmse, "SNRDb": mean[1], "Correlation": mean[2]}


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


def _scores_of_all(components: Components, beats: np.ndarray) -> np.ndarray:
    """Return the components' code (N, k) of beats that may be too many for memory."""
    starts = range(0, len(beats), AT_ONCE)
    return np.concatenate([components.scores(beats[first : first + AT_ONCE]) for first in starts])


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
    codes = codes_of(model, beats)
    components = principal_components(beats, codes.shape[1], seed, np.flatnonzero(~held_out))
    tested = np.flatnonzero(held_out)

    def parts(by_network: bool) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Held-out beats, some at a time, with what restores them."""
        for first in range(0, len(tested), AT_ONCE):
            rows = tested[first : first + AT_ONCE]
            true = np.asarray(beats[rows])
            made = restored_from(model, codes[rows]) if by_network else components.restored(true)
            yield made, true, scales[rows]

    found: dict[str, Any] = {
        "Restoration": {
            "Encoder": fidelity(parts(True)),
            "PCA": fidelity(parts(False)),
            "Components": len(components.axes),
            "ComponentsFrom": components.beats,
        }
    }
    if truth is not None:
        found["Probe"] = {
            "Encoder": probe(codes, truth, groups, held_out, seed),
            "PCA": probe(_scores_of_all(components, beats), truth, groups, held_out, seed),
        }
    return found
