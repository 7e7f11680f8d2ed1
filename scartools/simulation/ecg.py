"""The ECGs of a subject: the beat of the heart that is imaged, recordings of it, and the days they were taken.

Drawn from streams of random numbers of their own, so that a cohort's images are the same with and without ECGs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from scartools.errors import InputError
from scartools.simulation import leads
from scartools.simulation.activation import (
    Conduction,
    VoxelHeart,
    activation_times,
    early_voxels,
    voxel_heart,
    with_survivors,
)
from scartools.simulation.anatomy import HeartShape
from scartools.simulation.case import draw_chest
from scartools.simulation.leads import BEAT_SAMPLES, R_SAMPLE, RATE_HZ, Membrane
from scartools.simulation.paper import Page
from scartools.simulation.physiology import (
    Physiology,
    draw_conduction,
    draw_ectopic,
    draw_membrane,
    draw_survivors,
    draw_turn,
    draw_variant,
    remodelled,
    with_block,
)
from scartools.simulation.rhythm import Recording, draw_rhythm, record_beats
from scartools.simulation.scar import depth_field
from scartools.simulation.scar_history import scars_at
from scartools.simulation.stack import Pose
from scartools.simulation.subject import Subject
from scartools.simulation.tissue import Body

CLOCK = np.arange(-500.0, 1100.0)  # ms after the first site
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
    conduction   how the impulse reached the ventricles: "none" of the blocks, or its name
    rhythm       "sinus", or "AF": then the beat has no P wave
    atria        float64 (12, 2), mV: what each of two atrial dipoles of full strength gives in the leads
    ectopic      float64 (12, 600), a beat that begins elsewhere in the ventricles; None in hearts without such beats
    """

    signals: np.ndarray
    qrs_onset: float
    qrs_offset: float
    qrs_ms: float
    heart_rate: float
    electrodes: np.ndarray
    conduction: str
    rhythm: str
    atria: np.ndarray
    ectopic: np.ndarray | None


@dataclass(frozen=True)
class Taken:
    """One ECG of a subject: when it was taken, and ten seconds of it.

    ecg_id    participant and number
    ecg_date  ISO day
    days      from the MRI, negative before it
    signals   float64 (12, 5000), mV, 500 Hz
    r_samples int64 (B,), samples of the R waves
    """

    ecg_id: str
    ecg_date: str
    days: int
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


def _fade(count: int, edge: int) -> np.ndarray:
    """1 with ends that fall smoothly to 0 over `edge` samples."""
    ramp = np.minimum(np.minimum(np.arange(count), np.arange(count)[::-1]) / edge, 1.0)
    return np.asarray(ramp * ramp * (3.0 - 2.0 * ramp))


@dataclass(frozen=True)
class _Chest:
    """A heart between its electrodes: voxels (N, 3) and electrodes (9, 3) in mm, fields (9, N, 3), gains (9,) to mV."""

    points: np.ndarray
    places: np.ndarray
    fields: np.ndarray
    gains: np.ndarray


def _wave(
    heart: VoxelHeart, shape: HeartShape, conduction: Conduction, membrane: Membrane, chest: _Chest
) -> tuple[np.ndarray, float]:
    """One beat of the ventricles, potentials of the electrodes (9, T) on CLOCK, and when the last voxel fires, ms."""
    times = activation_times(heart, shape, conduction)
    active = np.isfinite(times)
    if not active.any():
        raise InputError("no muscle of the heart fires", remedy="Give a heart with living muscle")
    weights = leads.source_weights(heart, active, chest.points, chest.fields)[:, active]
    recovery = leads.recovery_times(heart, times, membrane)[active]
    return leads.ventricular_potentials(weights, times[active], recovery, membrane, CLOCK), float(
        times[active].max()
    )


def _around_r(twelve: np.ndarray, end: float) -> tuple[np.ndarray, float]:
    """Cut a beat (12, T) on CLOCK to (12, 600) with R at sample 200; and when R is, ms."""
    within = (CLOCK >= -5.0) & (end + 20.0 >= CLOCK)
    peak = int(np.where(within, leads.vector_magnitude(twelve), 0.0).argmax())
    first = peak - 2 * R_SAMPLE
    return twelve[:, first : first + 2 * BEAT_SAMPLES : 2] * _fade(BEAT_SAMPLES, 30), float(CLOCK[peak])


def _spike(
    heart: VoxelHeart, shape: HeartShape, conduction: Conduction, chest: _Chest, size_mv: float
) -> np.ndarray:
    """What a pacemaker's pulse at its site gives in the leads, (12,): `size_mv` in the lead that shows it best."""
    site = early_voxels(heart, shape, conduction)[0][0]
    towards_device = np.array([-0.5, 0.3, 0.8])  # under the left clavicle
    potentials = -(chest.fields[:, site] * towards_device).sum(axis=1) * chest.gains
    twelve = leads.leads_of(potentials[:, None])[:, 0]
    return np.asarray(twelve * size_mv / max(float(np.abs(twelve).max()), 1e-12))


def beat_of(
    heart: VoxelHeart,
    shape: HeartShape,
    pose: Pose,
    chest: Body,
    rng: np.random.Generator,
    *,
    block: str | None = None,
    physiology: Physiology | None = None,
    heart_rate: float | None = None,
) -> Beat:
    """The beat of any heart, without noise.

    heart  voxels of both ventricles, scar among them: `voxel_heart(shape, field, spacing_mm)`
    shape  the form of the same heart: places the early sites and the atria
    pose   directions of the heart's axes in the body
    chest  the body on which the electrodes lie, RAS+ mm from the middle of the LV
    rng    draws heart rate, conduction, action potentials, the heart's place and the places of the electrodes
    block  "none" or one of physiology.BLOCKS; None: drawn
    heart_rate  beats a minute in place of the drawn one; nothing else is drawn differently
    physiology  what to draw from; None: the defaults
    heart_rate  beats a minute in place of the drawn ones; nothing else is drawn differently
    Returns the beat. The same arguments give the same bytes.
    Raises InputError when no voxel of the heart fires.
    """
    habits = Physiology() if physiology is None else physiology
    drawn_rate = float(np.clip(rng.normal(68.0, 10.0), 48.0, 98.0))
    heart_rate = drawn_rate if heart_rate is None else heart_rate
    drawn = draw_variant(rng, habits)
    kind = drawn if block is None else block
    conduction = with_block(draw_conduction(rng, habits), kind, rng)
    membrane = draw_membrane(rng, habits, heart_rate)
    conduction, membrane = remodelled(rng, habits, conduction, membrane, heart.scar_percent)
    turn, shift = draw_turn(rng, habits)
    before_qrs = float(rng.uniform(135.0, 185.0))  # PR interval, ms
    moment = float(rng.uniform(0.7, 1.2)) * leads.ATRIAL_MOMENT
    places = leads.electrodes(chest, rng, habits.electrode_scatter_mm, habits.electrode_shift_mm)
    fibrillates, has_ectopics = rng.random(2) < (habits.fibrillation_fraction, habits.ectopic_fraction)
    elsewhere = draw_ectopic(rng, conduction)
    spike_mv = float(rng.uniform(0.15, 2.0))

    living = with_survivors(heart, *draw_survivors(rng, habits))

    # The heart turns under the electrodes; the same as electrodes that turn the other way about its middle.
    points = np.einsum("xy,ny->nx", turn, leads.body_points(heart, shape, pose)) + shift
    gains = leads.MILLIVOLTS * membrane.gain * leads.electrode_gains(membrane.limb_gain)
    between = _Chest(points, places, leads.lead_fields(points, places, chest), gains)
    potentials, end = _wave(living, shape, conduction, membrane, between)
    atria = moment * leads.atrial_fields(places, shape, pose, chest)
    if not fibrillates:
        potentials += np.einsum("ep,pt->et", atria, leads.atrial_course(CLOCK + before_qrs))
    signals, r_ms = _around_r(leads.leads_of(gains[:, None] * potentials), end)
    onset = R_SAMPLE - r_ms * RATE_HZ / 1000.0
    if kind == "paced":
        signals[:, round(onset) - 2] += _spike(living, shape, conduction, between, spike_mv)
    ectopic = None
    if has_ectopics:
        other, last = _wave(living, shape, elsewhere, membrane, between)
        ectopic, _ = _around_r(leads.leads_of(gains[:, None] * other), last)
    return Beat(
        signals,
        onset,
        onset + end * RATE_HZ / 1000.0,
        end,
        heart_rate,
        places,
        kind,
        "AF" if fibrillates else "sinus",
        leads.leads_of(gains[:, None] * atria),
        ectopic,
    )


def electrical_heart(subject: Subject, spacing_mm: float = 3.0, days: int = 0) -> VoxelHeart:
    """The heart of the image as voxels, `spacing_mm` on edge, with the scars of the day `days` after the MRI."""
    return voxel_heart(
        subject.shape, depth_field(subject.shape, scars_at(subject.shape, subject.scars, days)), spacing_mm
    )


def simulate_beat(
    subject: Subject,
    spacing_mm: float = 3.0,
    heart: VoxelHeart | None = None,
    block: str | None = None,
    days: int = 0,
) -> Beat:
    """The beat of a subject's heart, without noise.

    subject     the drawn parameters: heart, pose and scars of the image
    spacing_mm  edge of a voxel of the electrical heart
    heart       its voxels, where they have been cut already
    block       "none" or one of physiology.BLOCKS; None: drawn
    days        from the MRI to the beat: its scars are those of that day, its heart is that of the image
    Returns the beat. The same subject and scars give the same bytes.
    """
    rng = np.random.default_rng([subject.seed, subject.index, BEAT_STREAM])
    voxels = electrical_heart(subject, spacing_mm, days) if heart is None else heart
    return beat_of(voxels, subject.shape, subject.pose, draw_chest(subject), rng, block=block)


def take_ecg(subject: Subject, beat: Beat, number: int, days: int) -> Taken:
    """One ECG of a subject, `days` after the MRI: a rhythm and noise of its own, drawn by its number from 1."""
    rng = np.random.default_rng([subject.seed, subject.index, RECORDING_STREAM, number])
    recording = draw_rhythm(rng, beat.heart_rate, beat.rhythm, ectopics=beat.ectopic is not None)
    signals, peaks = record_beats(beat.signals, recording, rng, ectopic=beat.ectopic, atria=beat.atria)
    day = date.fromisoformat(subject.mri_date) + timedelta(days=days)
    return Taken(f"{subject.participant_id}-ecg{number}", day.isoformat(), days, signals, peaks, recording)


def simulate_ecgs(subject: Subject, beat: Beat, habits: EcgHabits | None = None) -> tuple[Taken, ...]:
    """The ECGs of a subject, none, one or two: each with a day, a rhythm and noise of its own.

    beat    the subject's beat on the day of the first ECG; a second has the beat of its own day
    habits  how often and when ECGs are taken; None: the defaults
    """
    taken = []
    for number, days in enumerate(draw_days(subject, habits), start=1):
        own = beat if number == 1 else simulate_beat(subject, days=days)
        taken.append(take_ecg(subject, own, number, days))
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
        "Conduction": beat.conduction,
        "Rhythm": beat.rhythm,
        "Electrodes": dict(zip(leads.ELECTRODES, beat.electrodes.tolist(), strict=True)),
    }
