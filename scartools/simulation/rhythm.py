"""A recording: one beat repeated with a breathing rhythm, and what electrodes, muscles and mains add to it."""

from __future__ import annotations

from dataclasses import dataclass

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


def draw_rhythm(rng: np.random.Generator, heart_rate: float) -> Recording:
    """Draw a recording around a heart rate in beats a minute."""
    return Recording(
        heart_rate=float(np.clip(heart_rate * (1.0 + rng.normal(0.0, 0.03)), 40.0, 130.0)),
        rr_sd=float(rng.uniform(0.004, 0.025)),
        rr_breathing=float(rng.uniform(0.0, 0.05)),
        breaths=float(rng.uniform(11.0, 19.0)),
        swing=float(rng.uniform(0.0, 0.05)),
        wander_mv=float(rng.uniform(0.008, 0.05)),
        mains_mv=float(rng.uniform(0.0, 0.006)),
        mains_hz=50.0,
        muscle_mv=float(rng.uniform(0.002, 0.010)),
    )


def r_times(rng: np.random.Generator, recording: Recording, seconds: float = SECONDS) -> np.ndarray:
    """R times in s, ascending, from before the first beat that reaches into the recording to the end of it."""
    mean = 60.0 / recording.heart_rate
    phase = rng.uniform(0.0, 2 * np.pi)
    when = [-1.0 - float(rng.uniform(0.0, mean))]
    while when[-1] < seconds + 1.0:
        breathing = recording.rr_breathing * np.sin(2 * np.pi * recording.breaths / 60.0 * when[-1] + phase)
        change = np.clip(breathing + rng.normal(0.0, recording.rr_sd), -0.25, 0.25)
        when.append(when[-1] + mean * (1.0 + float(change)))
    return np.array(when)


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


def record_beats(
    beat: np.ndarray, recording: Recording, rng: np.random.Generator, seconds: float = SECONDS
) -> tuple[np.ndarray, np.ndarray]:
    """Record a beat again and again.

    beat       float64 (12, S), mV, 500 Hz, R at sample 200, zero at both ends
    recording  rhythm and noise
    rng        draws both
    seconds    length of the recording
    Returns the leads, float64 (12, seconds * 500), mV, and the samples of the R waves within it, int64 (B,).
    Limb leads obey Einthoven and Goldberger exactly: noise enters at the electrodes.
    """
    count = round(seconds * RATE_HZ)
    signals = np.zeros((len(beat), count))
    when = r_times(rng, recording, seconds)
    phase = rng.uniform(0.0, 2 * np.pi)
    peaks = np.round(when * RATE_HZ).astype(np.int64)
    for peak, moment in zip(peaks, when, strict=True):
        height = 1.0 + recording.swing * np.sin(2 * np.pi * recording.breaths / 60.0 * moment + phase)
        start = int(peak) - R_SAMPLE
        first, last = max(start, 0), min(start + beat.shape[1], count)
        if first < last:
            signals[:, first:last] += height * beat[:, first - start : last - start]
    signals += leads_of(electrode_noise(rng, recording, count))
    return signals, peaks[(peaks >= 0) & (peaks < count)]
