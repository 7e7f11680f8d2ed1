"""A simulated subject as two observers see it: how much scar each segment holds, and what its ECG measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scartools.ecg.measure import Measurements
from scartools.heart.nomenclature import TERRITORIES
from scartools.simulation.activation import VoxelHeart
from scartools.simulation.anatomy import HeartShape, aha_segment
from scartools.simulation.beat_features import FEATURES, beat_features, measure_signals
from scartools.simulation.ecg import electrical_heart, simulate_beat, take_ecg
from scartools.simulation.leads import RATE_HZ
from scartools.simulation.subject import draw_subject

SEGMENTS = 17
TERRITORY_OF_REGION = {  # of PathologicalQRegions, after Bayes de Luna 2006: R in V1 is lateral
    "septal": "LAD",
    "anterior": "LAD",
    "inferior": "RCA",
    "lateral": "LCX",
    "posterior": "LCX",
}


@dataclass(frozen=True)
class MeasuredSubject:
    """What is kept of one subject.

    scar_percent   scar over the muscle of the LV, %
    scar_shares    (17,) scar over the muscle of each segment, 0 to 1
    territories    scar of each territory over all scar, in the order of TERRITORIES; zeros without scar
    conduction     label of the beat: "none", "LBBB" ...
    rhythm         label of the recording
    features       (77,) by FEATURES, NaN where a measurement does not apply
    q_regions, q_leads   of PathologicalQ; None where it does not apply
    progression    RWaveProgression; None where it does not apply
    selvester      SelvesterScore; NaN where it does not apply
    residual_mv    largest departure from the rules of the limb leads in the recording
    """

    index: int
    scar_percent: float
    scar_shares: tuple[float, ...]
    territories: tuple[float, ...]
    conduction: str
    rhythm: str
    features: tuple[float, ...]
    q_regions: tuple[str, ...] | None
    q_leads: tuple[str, ...] | None
    progression: str | None
    selvester: float
    residual_mv: float

    def __getitem__(self, name: str) -> float:
        """Return a feature by its name."""
        return self.features[FEATURES.index(name)]


def scar_by_segment(heart: VoxelHeart, shape: HeartShape) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the scar of an electrical heart: % of the LV, share of each segment (17,), volume of each (17,) in voxels."""
    left = ~heart.right
    s, a, b = heart.points[left].T
    b = np.minimum(b, shape.cavity_length_mm)  # what stands above the base plane belongs to the basal ring
    segment = aha_segment(shape, np.arctan2(s, a), b)
    scarred, muscle = heart.scarred[left], heart.muscle[left]
    scar = np.bincount(segment, muscle * scarred, minlength=SEGMENTS + 1)[1:]
    whole = np.bincount(segment, muscle, minlength=SEGMENTS + 1)[1:]
    return float(100 * scar.sum() / whole.sum()), scar / np.maximum(whole, 1e-9), scar


def limb_residual(signals: np.ndarray) -> float:
    """Return by how much twelve leads (12, T) break the rules of Einthoven and Goldberger at most, mV."""
    i, ii, iii, avr, avl, avf = signals[:6]
    parts = (ii - i - iii, avr + (i + ii) / 2, avl - (i - iii) / 2, avf - (ii + iii) / 2)
    return float(max(np.abs(part).max() for part in parts))


def measure_subject(index: int, seed: int) -> MeasuredSubject:
    """Draw a subject, take its first ECG, measure it as median-beat would.

    index, seed  of `draw_subject`
    Returns what is kept. The same index and seed give the same numbers.
    Raises InputError where no beat can be made of the ECG.
    """
    subject = draw_subject(index, seed)
    heart = electrical_heart(subject)
    beat = simulate_beat(subject, heart=heart)
    taken = take_ecg(subject, beat, number=1, days=0)
    measured = measure_signals(taken.signals, RATE_HZ)
    percent, shares, scar = scar_by_segment(heart, subject.shape)
    return kept_of(
        measured,
        index=index,
        scar=(percent, shares, scar),
        conduction=beat.conduction,
        rhythm=taken.recording.rhythm,
        residual_mv=limb_residual(taken.signals),
    )


def kept_of(
    measured: Measurements,
    *,
    index: int,
    scar: tuple[float, np.ndarray, np.ndarray],
    conduction: str,
    rhythm: str,
    residual_mv: float,
) -> MeasuredSubject:
    """Return what is kept of a subject's measurements and of its scar as `scar_by_segment` gives it."""
    percent, shares, volumes = scar
    whole = float(volumes.sum())
    territories = [float(sum(volumes[k - 1] for k in group)) for group in TERRITORIES.values()]
    values = measured.values
    score = values["SelvesterScore"]
    known = values["PathologicalQ"] is not None
    return MeasuredSubject(
        index=index,
        scar_percent=percent,
        scar_shares=tuple(float(share) for share in shares),
        territories=tuple(part / whole if whole > 0 else 0.0 for part in territories),
        conduction=conduction,
        rhythm=rhythm,
        features=tuple(beat_features(measured).values()),
        q_regions=values["PathologicalQRegions"] if known else None,
        q_leads=values["PathologicalQLeads"] if known else None,
        progression=values["RWaveProgression"],
        selvester=float("nan") if score is None else float(score),
        residual_mv=residual_mv,
    )


def named_territory(subject: MeasuredSubject) -> str | None:
    """Return the territory that most leads with a pathological Q name; None without one. The first of equals."""
    if not subject.q_regions or not subject.q_leads:
        return None
    regions = {"septal": ("V2", "V3"), "anterior": ("V4", "V5", "V6"), "inferior": ("II", "III", "aVF")}
    regions |= {"lateral": ("I", "aVL"), "posterior": ("V1", "V2")}
    votes = dict.fromkeys(TERRITORIES, 0)
    for region in subject.q_regions:
        votes[TERRITORY_OF_REGION[region]] += sum(lead in subject.q_leads for lead in regions[region])
    return max(votes, key=lambda name: votes[name])


def feature_table(subjects: Sequence[MeasuredSubject]) -> np.ndarray:
    """Return the features of subjects, float64 (n, 77)."""
    return np.array([subject.features for subject in subjects], dtype=np.float64).reshape(-1, len(FEATURES))
