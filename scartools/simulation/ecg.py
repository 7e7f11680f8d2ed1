"""The ECGs of a subject: the beat of the heart that is imaged, recordings of it, and the days they were taken.

Drawn from streams of random numbers of their own, so that a cohort's images are the same with and without ECGs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from scartools.errors import InputError
from scartools.simulation import leads
from scartools.simulation.activation import Conduction, VoxelHeart, activation_times, voxel_heart
from scartools.simulation.anatomy import HeartShape
from scartools.simulation.case import draw_chest
from scartools.simulation.leads import BEAT_SAMPLES, R_SAMPLE, RATE_HZ, Membrane
from scartools.simulation.paper import Page
from scartools.simulation.rhythm import Recording, draw_rhythm, record_beats
from scartools.simulation.scar import depth_field
from scartools.simulation.stack import Pose
from scartools.simulation.subject import Subject
from scartools.simulation.tissue import Body

_DATE_STREAM, BEAT_STREAM, RECORDING_STREAM = 2, 3, 4  # 0 draws the subject, 1 the image


@dataclass(frozen=True)
class EcgHabits:
    """How a hospital takes ECGs. Fractions of the subjects, days from the MRI."""

    none_fraction: float = 0.04
    far_fraction: float = 0.08  # the only ECG is more than `near_days` away
    two_fraction: float = 0.10
    median_days: float = 10.0
    near_days: int = 90
    farthest_days: int = 400
    before_fraction: float = 0.8


@dataclass(frozen=True)
class Beat:
    """One noise-free beat.

    signals      float64 (12, 600), mV, 500 Hz, rows in the order of LEADS; R, the longest QRS vector, at sample 200
    qrs_onset, qrs_offset  sample numbers: first and last activation of a voxel
    qrs_ms       time between them
    heart_rate   beats a minute for which the action potentials were drawn
    electrodes   float64 (9, 3), RAS+ mm from the middle of the LV
    """

    signals: np.ndarray
    qrs_onset: float
    qrs_offset: float
    qrs_ms: float
    heart_rate: float
    electrodes: np.ndarray


@dataclass(frozen=True)
class Taken:
    """One ECG of a subject: when it was taken, and ten seconds of it.

    ecg_id    participant and number
    ecg_date  ISO day
    signals   float64 (12, 5000), mV, 500 Hz
    r_samples int64 (B,), samples of the R waves
    """

    ecg_id: str
    ecg_date: str
    signals: np.ndarray
    r_samples: np.ndarray
    recording: Recording


def draw_days(subject: Subject, habits: EcgHabits | None = None) -> tuple[int, ...]:
    """Days from the MRI to each ECG of a subject, negative before it; empty for a subject without ECG."""
    chosen = EcgHabits() if habits is None else habits
    rng = np.random.default_rng([subject.seed, subject.index, _DATE_STREAM])
    kind, second = rng.random(2)
    far = kind < chosen.none_fraction + chosen.far_fraction
    days = []
    for _ in range(2):
        if far:
            distance = int(rng.integers(chosen.near_days + 1, chosen.farthest_days + 1))
        else:
            distance = min(int(rng.exponential(chosen.median_days / np.log(2.0))), chosen.near_days)
        days.append(-distance if rng.random() < chosen.before_fraction else distance)
    if kind < chosen.none_fraction:
        return ()
    return tuple(days) if second < chosen.two_fraction and not far else (days[0],)


def _draw_conduction(rng: np.random.Generator) -> Conduction:
    sites = tuple(
        replace(
            site,
            aha_deg=site.aha_deg + float(rng.normal(0.0, 6.0)),
            level=site.level + float(rng.normal(0.0, 0.04)),
            delay_ms=max(site.delay_ms + float(rng.normal(0.0, 1.5)), 0.0),
        )
        for site in Conduction().sites
    )
    return Conduction(
        along=float(np.clip(rng.normal(0.6, 0.05), 0.48, 0.72)),
        across=float(np.clip(rng.normal(0.22, 0.02), 0.17, 0.27)),
        endocardium=float(np.clip(rng.normal(1.6, 0.15), 1.25, 2.0)),
        right_wall=float(np.clip(rng.normal(0.85, 0.06), 0.7, 1.0)),
        sites=sites,
    )


def _draw_membrane(rng: np.random.Generator, heart_rate: float) -> Membrane:
    rest = Membrane()
    rate_factor = (66.0 / heart_rate) ** 0.33
    return replace(
        rest,
        duration=rate_factor * (rest.duration + float(rng.normal(0.0, 10.0))),
        epicardium=rest.epicardium + float(rng.normal(0.0, 6.0)),
        gain=float(np.exp(np.clip(rng.normal(0.0, 0.2), -0.45, 0.45))),
    )


def _fade(count: int, edge: int) -> np.ndarray:
    """1 with ends that fall smoothly to 0 over `edge` samples."""
    ramp = np.minimum(np.minimum(np.arange(count), np.arange(count)[::-1]) / edge, 1.0)
    return np.asarray(ramp * ramp * (3.0 - 2.0 * ramp))


def beat_of(
    heart: VoxelHeart,
    shape: HeartShape,
    pose: Pose,
    chest: Body,
    rng: np.random.Generator,
    *,
    heart_rate: float | None = None,
) -> Beat:
    """The beat of any heart, without noise.

    heart  voxels of both ventricles, scar among them: `voxel_heart(shape, field, spacing_mm)`
    shape  the form of the same heart: places the early sites and the atria
    pose   directions of the heart's axes in the body
    chest  the body on which the electrodes lie, RAS+ mm from the middle of the LV
    rng    draws heart rate, conduction, action potentials and the places of the electrodes
    heart_rate  beats a minute in place of the drawn one; nothing else is drawn differently
    Returns the beat. The same arguments give the same bytes.
    Raises InputError when no voxel of the heart fires.
    """
    drawn_rate = float(np.clip(rng.normal(68.0, 10.0), 48.0, 98.0))
    heart_rate = drawn_rate if heart_rate is None else heart_rate
    conduction, membrane = _draw_conduction(rng), _draw_membrane(rng, heart_rate)
    before_qrs = float(rng.uniform(135.0, 185.0))  # PR interval, ms
    atrial = float(rng.uniform(0.7, 1.2))
    places = leads.electrodes(chest, rng)

    times = activation_times(heart, shape, conduction)
    active = np.isfinite(times)
    if not active.any():
        raise InputError("no muscle of the heart fires", remedy="Give a heart with living muscle")
    points = leads.body_points(heart, shape, pose)
    weights = leads.source_weights(heart, active, points, places)[:, active]
    recovery = leads.recovery_times(heart, times, membrane)[active]
    clock = np.arange(-500.0, 1100.0)  # ms after the first site
    potentials = leads.ventricular_potentials(weights, times[active], recovery, membrane, clock)
    potentials += leads.atrial_potentials(places, shape, pose, clock + before_qrs, atrial * leads.ATRIAL_MOMENT)
    potentials[:3] *= membrane.limb_gain
    twelve = leads.MILLIVOLTS * membrane.gain * leads.leads_of(potentials)
    end = float(times[active].max())
    within = (clock >= -5.0) & (clock <= end + 20.0)
    peak = int(np.where(within, leads.vector_magnitude(twelve), 0.0).argmax())
    first = peak - 2 * R_SAMPLE
    signals = twelve[:, first : first + 2 * BEAT_SAMPLES : 2] * _fade(BEAT_SAMPLES, 30)
    onset = R_SAMPLE + (0.0 - clock[peak]) * RATE_HZ / 1000.0
    return Beat(signals, onset, onset + end * RATE_HZ / 1000.0, end, heart_rate, places)


def simulate_beat(subject: Subject, spacing_mm: float = 3.0) -> Beat:
    """The beat of a subject's heart, without noise.

    subject     the drawn parameters: heart, pose and scars of the image
    spacing_mm  edge of a voxel of the electrical heart
    Returns the beat. The same subject gives the same bytes.
    """
    rng = np.random.default_rng([subject.seed, subject.index, BEAT_STREAM])
    heart = voxel_heart(subject.shape, depth_field(subject.shape, subject.scars), spacing_mm)
    return beat_of(heart, subject.shape, subject.pose, draw_chest(subject), rng)


def simulate_ecgs(subject: Subject, beat: Beat, habits: EcgHabits | None = None) -> tuple[Taken, ...]:
    """The ECGs of a subject, none, one or two: each with a day, a rhythm and noise of its own.

    beat    the subject's beat
    habits  how often and when ECGs are taken; None: the defaults
    """
    taken = []
    for number, days in enumerate(draw_days(subject, habits), start=1):
        rng = np.random.default_rng([subject.seed, subject.index, RECORDING_STREAM, number])
        recording = draw_rhythm(rng, beat.heart_rate)
        signals, peaks = record_beats(beat.signals, recording, rng)
        day = date.fromisoformat(subject.mri_date) + timedelta(days=days)
        taken.append(Taken(f"{subject.participant_id}-ecg{number}", day.isoformat(), signals, peaks, recording))
    return tuple(taken)


def recording_facts(taken: Taken, page: Page) -> dict[str, Any]:
    """What is known of a recording and of where its page shows it; lengths in mm from the upper left corner."""
    style = page.style
    return {
        "EcgId": taken.ecg_id,
        "EcgDate": taken.ecg_date,
        "HeartRate": taken.recording.heart_rate,
        "RSamples": taken.r_samples.tolist(),
        "Recording": asdict(taken.recording),
        "Page": {
            "Width": style.width,
            "Height": style.height,
            "Speed": style.speed,
            "Gain": style.gain,
            "Resolution": style.dpi,
            "Traces": [
                {
                    "Lead": t.lead,
                    "Rhythm": t.rhythm,
                    "FirstSample": t.first,
                    "Samples": t.count,
                    "X": t.x,
                    "Y": t.y,
                }
                for t in page.traces
            ],
        },
    }


def beat_facts(beat: Beat) -> dict[str, Any]:
    """What is known of a beat: samples of QRS onset and end, QRS duration in ms, electrodes in mm."""
    return {
        "RSample": R_SAMPLE,
        "QrsOnset": beat.qrs_onset,
        "QrsOffset": beat.qrs_offset,
        "QrsDuration": beat.qrs_ms,
        "HeartRate": beat.heart_rate,
        "Electrodes": dict(zip(leads.ELECTRODES, beat.electrodes.tolist(), strict=True)),
    }
