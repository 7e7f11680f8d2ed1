"""The one beat that stands for a recording: 12 leads x 600 samples at 500 Hz, R at sample 200."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scartools.ecg import r_peaks, sampling
from scartools.ecg.alignment import SHAPE_HZ, Alignment, align, cut, is_irregular
from scartools.ecg.medians import median_of_rows
from scartools.ecg.r_peaks import FASTEST_BPM, SLOWEST_BPM, Peaks
from scartools.ecg.reading import LEADS
from scartools.errors import InputError

RATE_HZ, SAMPLES, R_SAMPLE = 500, 600, 200  # -0.4 ... +0.8 s around R
CORE = slice(100, 400)  # -0.2 ... +0.4 s: a beat counts for a lead when this part of it is there
FEW = 3  # with so many beats or fewer a lead gets its medoid: a median of two or three is not robust
_CORE_SHARE = 0.97
_QUIET_SAMPLES = 10  # 20 ms
_PR = slice(R_SAMPLE - 80, R_SAMPLE - 15)  # where the PR segment is looked for
_QRS = slice(R_SAMPLE - 30, R_SAMPLE + 31)  # +-60 ms
_MAD_TO_SD = 1.4826

Method = Literal["median", "medoid", "single", "absent"]


@dataclass(frozen=True)
class Beat:
    """A median beat.

    signals  float64 (12, 600), mV at 500 Hz, R at sample 200, NaN where a lead was not recorded
    facts    what it rests on, for the sidecar (CamelCase keys)
    """

    signals: np.ndarray
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Lead:
    samples: np.ndarray  # (600,), mV
    method: Method
    beats: int
    noise: float  # mV, NaN where unknown


def median_beat(signals: np.ndarray, rate: float, *, high_pass_hz: float | None = None) -> Beat:
    """Make the median beat of a recording.

    signals       float (12, T), mV, rows in the order I II III aVR aVL aVF V1-V6, NaN where a sample is absent
    rate          sampling rate, Hz, 100 or more
    high_pass_hz  take out baseline wander below this, without phase shift; None leaves the signals as they are
    Returns the beat: sample-wise median of the beats alike, per lead; the medoid where a lead has two or three.
    A lead's level is 0 on the PR segment: the quietest 20 ms, over all leads, from 160 to 30 ms before R.
    R is the largest spatial magnitude of the QRS.
    Raises InputError for a flat record, one without two beats alike, a rate below 100 Hz, a heart rate below 20 or
    above 300 a minute.
    The window is that of PTB-XL+ (Strodthoff et al., Sci Data 2023;10:279).
    """
    signals = np.asarray(signals, dtype=np.float64)
    if signals.ndim != 2 or signals.shape[0] != len(LEADS):
        raise InputError(f"a record has the shape (12, samples), this one {signals.shape}")
    at_500 = sampling.resample(signals, rate, RATE_HZ)
    if at_500.shape[1] < SAMPLES:
        raise InputError(f"lasts {at_500.shape[1] / RATE_HZ:.2f} s, too short for two beats")
    if high_pass_hz is not None:
        at_500 = sampling.high_pass(at_500, RATE_HZ, high_pass_hz)
    calm = sampling.without_spikes(at_500, RATE_HZ)
    quick, shape = sampling.filter_present(
        calm, RATE_HZ, [r_peaks.BAND_HZ, SHAPE_HZ], shortest_s=0.3, bridge_s=0.04
    )
    peaks = r_peaks.peaks_of_band(quick, RATE_HZ)
    if len(peaks.samples) < 2:
        raise InputError(
            "has one beat, which nothing can confirm",
            remedy="A median beat needs two of the same shape; record for longer",
        )
    intervals = _intervals(peaks)
    _require_plausible(intervals)
    aligned = align(shape, peaks.samples, peaks.weights, RATE_HZ)
    aligned = _centred(shape, aligned)
    windows = cut(at_500, aligned.samples[aligned.used], R_SAMPLE, SAMPLES - R_SAMPLE)  # (B, 12, 600)
    if int((np.isfinite(windows[:, :, CORE]).mean(axis=2) >= _CORE_SHARE).any(axis=1).sum()) < 2:
        raise InputError("has fewer than two whole beats, 0.2 s before to 0.4 s after R, in any lead")
    level = _quiet_place(median_of_rows(windows[:, :, :R_SAMPLE]))
    windows -= _levels(windows, level)
    leads = [_lead(windows[:, row]) for row in range(len(LEADS))]
    beat = np.stack([lead.samples for lead in leads])
    facts = _facts(leads, peaks, aligned, intervals, level, high_pass_hz, rate, _is_spanned(at_500))
    return Beat(beat, facts)


def stream_beats(
    records: Iterable[tuple[str, np.ndarray, float]], *, high_pass_hz: float | None = None
) -> Iterator[tuple[str, Beat | InputError]]:
    """Make the beats of many recordings, one at a time, in order.

    records       name, signals and rate of each, as median_beat takes them; read lazily, one is in memory
    high_pass_hz  as for median_beat
    Yields the name with its beat, or with the InputError that says why there is none: one bad record stops no others.
    """
    for name, signals, rate in records:
        made: Beat | InputError
        try:
            made = median_beat(signals, rate, high_pass_hz=high_pass_hz)
        except InputError as refused:
            made = refused
        yield name, made


def _is_spanned(signals: np.ndarray) -> bool:
    """Tell whether one lead lasts through most of the time in which any lead was recorded."""
    present = np.isfinite(signals)
    return bool(present.sum(axis=1).max() >= 0.6 * present.any(axis=0).sum())


def _intervals(peaks: Peaks) -> np.ndarray:
    """Return the RR intervals in s, without those across a gap in which no lead was recorded."""
    gap = np.cumsum(~np.isfinite(peaks.consensus))
    whole = gap[peaks.samples[1:]] - gap[peaks.samples[:-1]] <= 0.1 * RATE_HZ
    intervals = (np.diff(peaks.samples) / RATE_HZ)[whole]
    if not len(intervals):
        raise InputError("has no two beats in one stretch of recording")
    return intervals


def _require_plausible(intervals: np.ndarray) -> None:
    rate = 60 / float(np.median(intervals))
    if not SLOWEST_BPM <= rate <= FASTEST_BPM * 0.999:
        raise InputError(
            f"has {rate:.0f} beats a minute, beyond {SLOWEST_BPM:g} to {FASTEST_BPM:g}",
            remedy="Check the sampling rate and the signals",
        )


def _centred(shape: np.ndarray, aligned: Alignment) -> Alignment:
    """Move the fiducials of all beats alike, so that R is the largest spatial magnitude of the typical QRS, from its PR level.

    A maximum at the border of the search is no maximum (a slope towards the ST segment): the fiducials stay.
    """
    before, after = R_SAMPLE - _PR.start + 1, _QRS.stop - R_SAMPLE
    typical = median_of_rows(cut(shape, aligned.samples[aligned.used], before, after))
    level = _quiet_place(typical, R_SAMPLE - before)
    level = slice(level.start - (R_SAMPLE - before), level.stop - (R_SAMPLE - before))
    typical = typical - median_of_rows(typical[:, level].T)[:, None]
    size = np.sqrt(np.nansum(typical[:, _QRS.start - R_SAMPLE + before :] ** 2, axis=0))
    largest = int(np.argmax(size))
    shift = 0 if largest in (0, len(size) - 1) else largest + _QRS.start - R_SAMPLE
    alike = np.array([reason != "shape" for reason in aligned.reasons])
    return Alignment(aligned.samples + shift * alike, aligned.reasons, aligned.correlations)


def _quiet_place(typical: np.ndarray, start: int = 0) -> slice:
    """Return the quietest 20 ms of the PR segment, counted in samples of a beat.

    typical  (12, T) whose first sample is sample `start` of a beat
    """
    slope = np.gradient(typical[:, _PR.start - 1 - start : _PR.stop + 1 - start], axis=1)[:, 1:-1]
    spatial = np.sqrt(np.nansum(slope**2, axis=0))
    steepest = sliding_window_view(spatial, _QUIET_SAMPLES).max(axis=1)
    quiet = len(steepest) - 1 - int(np.argmin(steepest[::-1]))  # the last of equal ones
    return slice(_PR.start + quiet, _PR.start + quiet + _QUIET_SAMPLES)


def _levels(windows: np.ndarray, place: slice) -> np.ndarray:
    """Return the level of each beat and lead on the PR segment, (B, 12, 1); NaN where it was not recorded."""
    return median_of_rows(np.moveaxis(windows[:, :, place], 2, 0))[:, :, None]


def _lead(windows: np.ndarray) -> _Lead:
    """Combine the beats (B, 600) of one lead."""
    here = np.isfinite(windows[:, CORE]).mean(axis=1) >= _CORE_SHARE
    whole = windows if here.all() else windows[here]
    count = len(whole)
    if count == 0:
        return _Lead(np.full(SAMPLES, np.nan), "absent", 0, float("nan"))
    if count == 1:
        return _Lead(whole[0], "single", 1, float("nan"))
    method: Method = "medoid" if count <= FEW else "median"
    if count <= FEW:
        chosen = _medoid(whole)
        samples, others = whole[chosen], np.delete(whole, chosen, axis=0)
    else:
        samples, others = median_of_rows(whole), whole
    places = slice(CORE.start, CORE.stop, 2)  # enough for a median
    residuals = others[:, places] - samples[places]
    size = np.abs(residuals[np.isfinite(residuals)])
    noise = _MAD_TO_SD * float(np.median(size)) if len(size) else 0.0
    return _Lead(samples, method, count, noise)


def _medoid(beats: np.ndarray) -> int:
    """Return which beat has the least total distance to the others; of equal ones that with more samples."""
    totals = []
    for one in beats:
        apart = (beats - one)[:, CORE]
        totals.append(float(np.sqrt(np.nanmean(apart**2, axis=1)).sum()))
    missing = np.isnan(beats).sum(axis=1)
    return min(range(len(beats)), key=lambda k: (round(totals[k], 9), missing[k], k))


def _facts(
    leads: list[_Lead],
    peaks: Peaks,
    aligned: Alignment,
    intervals: np.ndarray,
    level: slice,
    high_pass_hz: float | None,
    rate: float,
    spanned: bool,
) -> dict[str, Any]:
    used = int(aligned.used.sum())
    quality = _quality(leads)
    milliseconds = [round((at - R_SAMPLE) * 1000 / RATE_HZ) for at in (level.start, level.stop)]
    return {
        "RSample": R_SAMPLE,
        "Method": {name: lead.method for name, lead in zip(LEADS, leads, strict=True)},
        "BeatsPerLead": {name: lead.beats for name, lead in zip(LEADS, leads, strict=True)},
        "Noise": {name: _rounded(lead.noise) for name, lead in zip(LEADS, leads, strict=True)},
        "Coverage": {
            name: round(float(np.isfinite(lead.samples).mean()), 4)
            for name, lead in zip(LEADS, leads, strict=True)
        },
        "LeadQuality": {name: round(value, 4) for name, value in zip(LEADS, quality, strict=True)},
        "Quality": round(float(np.mean(quality)), 4),
        "QualityDefinition": (
            "share of the 600 samples that are there, times S2 / (S2 + N2): S is the RMS of the beat within 60 ms of R, "
            "N the noise of the lead over the root of its beats; the mean over twelve leads, an absent one 0"
        ),
        "NoiseDefinition": "1.4826 x MAD of the beats used from the beat made, -0.2 to +0.4 s, mV",
        "BeatsFound": len(peaks.samples),
        "BeatsUsed": used,
        "BeatsExcluded": {reason: aligned.reasons.count(reason) for reason in ("shape", "premature")},
        "ExcludedAt": [
            {"Time": round(float(at) / RATE_HZ, 3), "Reason": reason, "Correlation": _rounded(correlation)}
            for at, reason, correlation in zip(
                aligned.samples, aligned.reasons, aligned.correlations, strict=True
            )
            if reason
        ],
        "RPeaks": [round(float(at) / RATE_HZ, 3) for at in aligned.samples[aligned.used]],
        "HeartRate": round(60 / float(np.median(intervals)), 2),
        "RRMean": round(float(np.mean(intervals)), 4),
        "RRSD": round(float(np.std(intervals, ddof=1)), 4) if len(intervals) > 1 else None,
        "Baseline": {"From": milliseconds[0], "To": milliseconds[1], "Units": "ms from R"},
        "HighPass": high_pass_hz,
        "SourceSamplingFrequency": rate,
        "Resampling": "none" if rate == RATE_HZ else "polyphase FIR, Kaiser 5",
        "Warnings": _warnings(leads, aligned, intervals, rate, spanned),
    }


def _quality(leads: list[_Lead]) -> list[float]:
    """Return 0 to 1 a lead; a single beat shows no noise of its own and is given the median of the other leads'."""
    known = [lead.noise for lead in leads if np.isfinite(lead.noise)]
    usual = float(np.median(known)) if known else float("inf")
    found = []
    for lead in leads:
        if lead.method == "absent":
            found.append(0.0)
            continue
        noise = (lead.noise if np.isfinite(lead.noise) else usual) / np.sqrt(lead.beats)
        qrs = lead.samples[_QRS]
        power = float(np.nanmean((qrs - np.nanmean(qrs)) ** 2))
        share = power / (power + noise**2) if power > 0 else 0.0
        found.append(float(np.isfinite(lead.samples).mean()) * share)
    return found


def _warnings(
    leads: list[_Lead], aligned: Alignment, intervals: np.ndarray, rate: float, spanned: bool
) -> list[str]:
    warnings = []
    for method, text in (
        ("absent", "no whole beat in {}: absent from the beat"),
        ("single", "one beat in {}: not averaged, its noise is unknown"),
    ):
        names = [name for name, lead in zip(LEADS, leads, strict=True) if lead.method == method]
        if names:
            warnings.append(text.format(", ".join(names)))
    if 2 * int(aligned.used.sum()) < len(aligned.samples):
        warnings.append(
            f"only {int(aligned.used.sum())} of {len(aligned.samples)} beats are alike: the beat may not be the usual one"
        )
    if is_irregular(intervals):
        warnings.append("the rhythm is irregular: early beats were not left out for their RR")
    if rate < 250:
        warnings.append(f"recorded at {rate:g} Hz: narrow waves are blunted")
    if not spanned:
        warnings.append(
            "no lead lasts through the record: the columns are laid on each other by the middle of their QRS"
        )
    return warnings


def _rounded(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
