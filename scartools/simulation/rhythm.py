"""A recording: one beat repeated with a breathing rhythm, and what electrodes, muscles and mains add to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from scartools.simulation.leads import ELECTRODES, R_SAMPLE, RATE_HZ, leads_of

SECONDS = 10.0


@dataclass(frozen=True)
class Recording:
    """What a recording adds to the beat. SDs and amplitudes in mV at each electrode.

    heart_rate       beats a minute, mean
    rr_sd            SD of the RR interval, fraction of its mean, breathing not included
    rr_breathing     amplitude of the RR interval with breathing, fraction of its mean
    breaths          a minute
    swing            amplitude of the beats' height with breathing, fraction
    wander_mv        slow drift of an electrode, SD
    mains_mv, mains_hz  amplitude and frequency of the mains
    muscle_mv        muscle noise, 15 to 150 Hz, SD
    rhythm           "sinus" or "AF"
    fibrillation     SD of the fibrillation waves, fraction of the strength of a P wave; 0 in sinus rhythm
    ectopics         ectopic beats of the ventricles within the recording
    high_pass_hz, low_pass_hz  filter of the machine, without phase shift; None for none
    """

    heart_rate: float
    rr_sd: float = 0.015
    rr_breathing: float = 0.025
    breaths: float = 15.0
    swing: float = 0.03
    wander_mv: float = 0.03
    mains_mv: float = 0.003
    mains_hz: float = 50.0
    muscle_mv: float = 0.006
    rhythm: str = "sinus"
    fibrillation: float = 0.0
    ectopics: int = 0
    high_pass_hz: float | None = None
    low_pass_hz: float | None = None


def draw_rhythm(
    rng: np.random.Generator, heart_rate: float, rhythm: str = "sinus", *, ectopics: bool = False
) -> Recording:
    """Draw a recording around a heart rate in beats a minute.

    rhythm    "sinus" or "AF": faster, without order, with fibrillation waves
    ectopics  whether the heart has ectopic beats: half of its recordings show one to three
    """
    fibrillates = rhythm == "AF"
    rate = heart_rate * (1.0 + rng.normal(0.0, 0.03)) * (1.15 if fibrillates else 1.0)
    drawn = Recording(
        heart_rate=float(np.clip(rate, 40.0, 130.0)),
        rr_sd=float(rng.uniform(0.004, 0.025)) + 0.18 * fibrillates,
        rr_breathing=0.0 if fibrillates else float(rng.uniform(0.0, 0.05)),
        breaths=float(rng.uniform(11.0, 19.0)),
        swing=float(rng.uniform(0.0, 0.05)),
        wander_mv=float(rng.uniform(0.008, 0.05)),
        mains_mv=float(rng.uniform(0.0, 0.006)),
        mains_hz=50.0,
        muscle_mv=float(rng.uniform(0.002, 0.010)),
        rhythm=rhythm,
    )
    shown, count = rng.random() < 0.5, int(rng.integers(1, 4))
    return replace(
        drawn,
        fibrillation=float(rng.uniform(0.15, 0.5)) * fibrillates,
        ectopics=count if ectopics and shown else 0,
        high_pass_hz=float(rng.choice((0.05, 0.5), p=(0.5, 0.5))),
        low_pass_hz=float(rng.choice((150.0, 100.0, 40.0), p=(0.7, 0.18, 0.12))),
    )


def r_times(rng: np.random.Generator, recording: Recording, seconds: float = SECONDS) -> np.ndarray:
    """R times in s, ascending, from before the first beat that reaches into the recording to the end of it."""
    mean = 60.0 / recording.heart_rate
    phase = rng.uniform(0.0, 2 * np.pi)
    most = 0.25 if recording.rhythm == "sinus" else 0.45
    when = [-1.0 - float(rng.uniform(0.0, mean))]
    while when[-1] < seconds + 1.0:
        breathing = recording.rr_breathing * np.sin(2 * np.pi * recording.breaths / 60.0 * when[-1] + phase)
        change = np.clip(breathing + rng.normal(0.0, recording.rr_sd), -most, most)
        when.append(when[-1] + mean * (1.0 + float(change)))
    return np.array(when)


def with_ectopics(
    rng: np.random.Generator, when: np.ndarray, count: int, seconds: float = SECONDS
) -> tuple[np.ndarray, np.ndarray]:
    """Make some beats ectopic: each comes early, and the next where it would have been (a compensatory pause).

    when  R times in s. Returns the times, and which beats are ectopic, bool (B,). Neighbours stay normal.
    """
    ectopic = np.zeros(when.size, bool)
    times = when.copy()
    inside = np.flatnonzero((when > 0.8) & (when < seconds - 0.8))
    for beat in rng.permutation(inside):
        if ectopic.sum() == count:
            break
        if not ectopic[max(beat - 2, 0) : beat + 3].any():
            times[beat] = when[beat - 1] + max(rng.uniform(0.55, 0.72) * (when[beat] - when[beat - 1]), 0.4)
            ectopic[beat] = True
    return times, ectopic


def _band(rng: np.random.Generator, rows: int, count: int, low_hz: float, high_hz: float) -> np.ndarray:
    """Gaussian noise between two frequencies, (rows, count), SD 1."""
    spectrum = np.fft.rfft(rng.standard_normal((rows, 2 * count)), axis=1)
    frequency = np.fft.rfftfreq(2 * count, 1.0 / RATE_HZ)
    spectrum[:, (frequency < low_hz) | (frequency > high_hz)] = 0.0
    noise = np.fft.irfft(spectrum, axis=1)[:, :count]
    return np.asarray(noise / max(float(noise.std()), 1e-12))


def electrode_noise(rng: np.random.Generator, recording: Recording, count: int) -> np.ndarray:
    """Wander, mains and muscle at nine electrodes, (9, count), mV; added before leads are formed from them."""
    rows = len(ELECTRODES)
    clock = np.arange(count) / RATE_HZ
    breathing = np.sin(2 * np.pi * recording.breaths / 60.0 * clock + rng.uniform(0.0, 2 * np.pi))
    wander = 0.6 * rng.standard_normal((rows, 1)) * breathing + 0.8 * _band(rng, rows, count, 0.04, 0.5)
    mains = rng.uniform(0.3, 1.0, (rows, 1)) * np.sin(
        2 * np.pi * recording.mains_hz * clock + rng.uniform(0.0, 2 * np.pi, (rows, 1))
    )
    muscle = _band(rng, rows, count, 15.0, 150.0)
    return np.asarray(recording.wander_mv * wander + recording.mains_mv * mains + recording.muscle_mv * muscle)


def _filtered(signals: np.ndarray, recording: Recording) -> np.ndarray:
    """The machine's filter, second order, run forwards and backwards."""
    from scipy.signal import butter, sosfiltfilt

    for hertz, kind in ((recording.high_pass_hz, "highpass"), (recording.low_pass_hz, "lowpass")):
        if hertz is not None:
            sections = butter(1 if kind == "highpass" else 2, hertz, kind, fs=RATE_HZ, output="sos")
            signals = sosfiltfilt(sections, signals, axis=1)
    return signals


def record_beats(
    beat: np.ndarray,
    recording: Recording,
    rng: np.random.Generator,
    seconds: float = SECONDS,
    *,
    ectopic: np.ndarray | None = None,
    atria: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Record a beat again and again.

    beat       float64 (12, S), mV, 500 Hz, R at sample 200, zero at both ends
    recording  rhythm and noise
    rng        draws both
    seconds    length of the recording
    ectopic    (12, S), the beat that stands for those of `recording.ectopics`
    atria      (12, 2), mV: what two atrial dipoles give in the leads, for the waves of fibrillation
    Returns the leads, float64 (12, seconds * 500), mV, and the samples of the R waves within it, int64 (B,).
    Limb leads obey Einthoven and Goldberger exactly: noise enters at the electrodes, and the filter is linear.
    """
    count = round(seconds * RATE_HZ)
    signals = np.zeros((len(beat), count))
    when = r_times(rng, recording, seconds)
    early = np.zeros(when.size, bool)
    if recording.ectopics and ectopic is not None:
        when, early = with_ectopics(rng, when, recording.ectopics, seconds)
    phase = rng.uniform(0.0, 2 * np.pi)
    peaks = np.round(when * RATE_HZ).astype(np.int64)
    for peak, moment, other in zip(peaks, when, early, strict=True):
        height = 1.0 + recording.swing * np.sin(2 * np.pi * recording.breaths / 60.0 * moment + phase)
        wave = ectopic if other and ectopic is not None else beat
        start = int(peak) - R_SAMPLE
        first, last = max(start, 0), min(start + wave.shape[1], count)
        if first < last:
            signals[:, first:last] += height * wave[:, first - start : last - start]
    if recording.fibrillation and atria is not None:
        waves = recording.fibrillation * _band(rng, 2, count, 4.0, 9.0)
        signals += np.einsum("lp,pt->lt", atria, waves)
    signals += leads_of(electrode_noise(rng, recording, count))
    return _filtered(signals, recording), peaks[(peaks >= 0) & (peaks < count)]
