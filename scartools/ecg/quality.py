"""How far a recording and its beat can be trusted: each answer is a number with its limit, never a silent repair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import fft

from scartools.ecg import sampling
from scartools.ecg.beat import CORE, RATE_HZ, Beat
from scartools.ecg.electrodes import electrode_findings
from scartools.ecg.finding import Finding, at_least, at_most
from scartools.ecg.reading import LEADS
from scartools.errors import InputError

RECORDED_SHARE = 0.01
NOISE_MV = 0.03  # waves of 0.05 to 0.1 mV, the least that are measured, are lost in more
HUM_MV = 0.03
WANDER_MV = 2.5  # peak to peak; the level of each beat is set by itself, so that less does no harm
CLIPPED_SHARE = 0.001
FLAT_SHARE = 0.05
LEAST_BEATS = 3  # a median of fewer is the mean of two or one beat
ALIKE_SHARE = 0.5
DEVICE_CORRELATION, DEVICE_AMPLITUDE = 0.95, 0.1
MAINS_HZ = (50.0, 60.0)
DEFINITIONS = {
    "noise": "1.4826 x MAD of the lead above 40 Hz, mV; not asked below 200 Hz",
    "hum_50": "amplitude of the line at 50 Hz above its surroundings (2 to 5 Hz to either side), mV; stretches of 2 s or more",
    "hum_60": "the same at 60 Hz",
    "baseline_wander": "highest less lowest value below 0.5 Hz, mV",
    "clipped": (
        "share of samples in runs of 8 ms or more at exactly the lead's highest or lowest value, where such runs come "
        "twice or last 40 ms and that value lies 0.5 mV or more from the median"
    ),
    "lead_off": "share of 2 s pieces (half overlapping) in which the lead moves less than 0.02 mV",
    "recorded": "share of the record in which the lead was recorded; 0 is a missing lead",
    "beats_used": "beats the template rests on",
    "beats_in_lead": "beats of the lead in its median; fewer than three are a medoid or a single beat",
    "beats_alike": "share of the beats found that are used",
    "limb_ra_la": (
        "correlation of I and V6 over P, QRS and T; below 0 right and left arm are suspected to be exchanged, or "
        "dextrocardia; not asked where chest_mirrored is flagged"
    ),
    "limb_ra_ll": (
        "correlation of aVR and V6 over P, QRS and T; above -0.35 (a positive aVR) right arm and left leg are suspected "
        "to be exchanged; of the two that which explains the beat better is asked"
    ),
    "limb_la_ll": (
        "(P in I - P in II) / (P in I + P in II), heights from the PR segment; above 0.4 left arm and left leg are "
        "suspected to be exchanged; it is seen in one such record of six only"
    ),
    "limb_rl": "size of the lead over that of the largest of I, II and III; a flat one means an arm cable on the right leg",
    "chest_order": (
        "part by which the sum of 1 - correlation between neighbours from V1 to V6 falls when two leads change places "
        "(neighbours, or V1 and V3): the best of them"
    ),
    "chest_mirrored": (
        "V1 to V6 in reverse: the smaller of r(aVR, V6) - r(aVR, V1) and of the net QRS over its size in V1 less that in V6"
    ),
    "device_correlation": "correlation with the vendor's median below 40 Hz, -0.2 to +0.4 s, at the best shift within 10 ms",
    "device_amplitude": "peak to peak over that of the vendor's median, less 1, without sign",
}


@dataclass(frozen=True)
class Agreement:
    """How a beat and the vendor's own median agree, each in the order of the leads.

    correlation  float64 (12,); NaN where either has no lead
    ratio        float64 (12,), peak to peak of the beat over the vendor's
    shift_ms     float64 (12,), by how much the vendor's lies later than the beat, after their R were laid on each other
    """

    correlation: np.ndarray
    ratio: np.ndarray
    shift_ms: np.ndarray


def assess(
    signals: np.ndarray, rate: float, beat: Beat, device: Agreement | None = None
) -> tuple[Finding, ...]:
    """Ask a recording and its beat everything.

    signals  float (12, T), mV, as recorded, NaN where absent; rate Hz, 100 or more
    beat     made of them; device its agreement with the vendor's median, where there is one
    Returns one finding a question, and a lead where it is of a lead; DEFINITIONS says what each number is. A question
    that cannot be asked (a lead that is absent) has the value None and is not flagged.
    """
    signals = np.ascontiguousarray(signals, dtype=np.float64)
    found = [*_of_signals(signals, rate), *_of_beat(beat)]
    found += electrode_findings(beat.signals)
    if device is not None:
        for row, lead in enumerate(LEADS):
            found.append(at_least("device_correlation", device.correlation[row], DEVICE_CORRELATION, "1", lead))
            found.append(at_most("device_amplitude", abs(device.ratio[row] - 1), DEVICE_AMPLITUDE, "1", lead))
    return tuple(found)


def compare_with_device(
    beat: Beat, device_signals: np.ndarray, device_rate: float, *, high_hz: float | None = 40.0
) -> Agreement:
    """Compare a beat with the median that the vendor's device made of the same recording.

    device_signals  float (12, T), mV, rows in the order I II III aVR aVL aVF V1-V6, NaN where absent
    device_rate     Hz, 100 or more
    high_hz         both are low-passed here, without phase shift: each has noise of its own; None compares as they are
    The vendor's beat is first laid with its R, the largest spatial magnitude, on that of ours, whatever its window; then
    each lead is shifted by up to 10 ms to where it correlates best. Compared is -0.2 to +0.4 s.
    Raises InputError for another shape and for a vendor's beat that does not cover that time.
    """
    theirs = np.asarray(device_signals, dtype=np.float64)
    if theirs.ndim != 2 or theirs.shape[0] != len(LEADS):
        raise InputError(f"a device's median has the shape (12, samples), this one {theirs.shape}")
    theirs = sampling.resample(theirs, device_rate, RATE_HZ)
    (theirs,) = sampling.filter_present(theirs, RATE_HZ, [(None, high_hz)], shortest_s=0.1)
    (ours,) = sampling.filter_present(beat.signals, RATE_HZ, [(None, high_hz)], shortest_s=0.1)
    offset = _lag(ours, theirs)
    reach = round(0.010 * RATE_HZ)
    if CORE.start + offset - reach < 0 or CORE.stop + offset + reach > theirs.shape[1]:
        raise InputError("a device's median does not reach from 0.2 s before R to 0.4 s after it")
    rows = [_agreement_of_lead(one, other, offset, reach) for one, other in zip(ours, theirs, strict=True)]
    return Agreement(*(np.array(column) for column in zip(*rows, strict=True)))


def _lag(ours: np.ndarray, theirs: np.ndarray) -> int:
    """Return by how many samples the vendor's QRS lies later in its window than ours, by the slopes of all leads."""
    sizes = [np.sqrt(np.nansum(np.gradient(beat, axis=1) ** 2, axis=0)) for beat in (ours, theirs)]
    if not (sizes[0].any() and sizes[1].any()):
        raise InputError("a device's median is flat")
    return int(np.argmax(np.correlate(sizes[1], sizes[0], mode="full"))) - (ours.shape[1] - 1)


def _agreement_of_lead(
    ours: np.ndarray, theirs: np.ndarray, offset: int, reach: int
) -> tuple[float, float, float]:
    best = (float("nan"),) * 3
    for shift in sorted(range(-reach, reach + 1), key=abs):
        a, b = ours[CORE], theirs[CORE.start + offset + shift : CORE.stop + offset + shift]
        here = np.isfinite(a) & np.isfinite(b)
        if here.mean() < 0.9 or not (np.ptp(a[here]) and np.ptp(b[here])):
            continue
        correlation = float(np.corrcoef(a[here], b[here])[0, 1])
        if not correlation <= best[0]:
            best = (correlation, float(np.ptp(a[here]) / np.ptp(b[here])), 1000 * shift / RATE_HZ)
    return best


def _of_signals(signals: np.ndarray, rate: float) -> Iterator[Finding]:
    """Yield what the recording itself says, lead by lead."""
    shares = np.isfinite(signals).mean(axis=1)
    slow, quick = _slow_and_quick(signals, rate)
    hums = _hums(signals, rate)
    for row, lead in enumerate(LEADS):
        here = signals[row] if shares[row] == 1 else signals[row, np.isfinite(signals[row])]
        yield at_least("recorded", shares[row], RECORDED_SHARE, "share", lead)
        noise = 1.4826 * _middle(np.abs(quick[row])) if rate >= 200 else float("nan")
        yield at_most("noise", noise, NOISE_MV, "mV", lead)
        for mains, hum in zip(MAINS_HZ, hums[:, row], strict=True):
            yield at_most(f"hum_{mains:.0f}", hum, HUM_MV, "mV", lead)
        wander = slow[row, np.isfinite(slow[row])]
        yield at_most("baseline_wander", np.ptp(wander) if len(wander) else None, WANDER_MV, "mV", lead)
        yield at_most("clipped", _clipped(here, rate), CLIPPED_SHARE, "share", lead)
        yield at_most("lead_off", _flat_share(here, rate), FLAT_SHARE, "share", lead)


def _slow_and_quick(signals: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the leads below 0.5 Hz and above 40 Hz."""
    low, high = sampling.filter_present(
        signals, rate, [(None, 0.5), (min(40.0, 0.4 * rate), None)], shortest_s=1.0, bridge_s=0.04
    )
    return low, high


def _middle(values: np.ndarray) -> float:
    """Return the median of every second value that is there."""
    present = values[::2][np.isfinite(values[::2])]
    return float(np.median(present)) if len(present) else float("nan")


def _hums(signals: np.ndarray, rate: float) -> np.ndarray:
    """Return the amplitude of each mains in each lead, (2, leads), mV; NaN where the rate or the length forbids to ask.

    Needed are samples at over twice its frequency and 2 s in one stretch.
    """
    found = np.full((len(MAINS_HZ), len(signals)), np.nan)
    width = int(2 * rate)
    valid = np.isfinite(signals)
    whole = valid.all(axis=1)
    stretches = [(np.flatnonzero(whole), slice(0, signals.shape[1]))] if whole.any() else []
    for row in np.flatnonzero(~whole & valid.any(axis=1)):
        stretches.append(
            (np.array([row]), max(sampling.runs(valid[row]), key=lambda run: run.stop - run.start))
        )
    for rows, run in stretches:
        pieces = min(30, (run.stop - run.start) // width)
        if pieces == 0:
            continue
        # pieces of 2 s keep a long recording small, and a mains that drifts in one line
        part = signals[rows, run.start : run.start + pieces * width].reshape(len(rows), pieces, width)
        window = np.hanning(width)
        lines = np.abs(fft.rfft(part * window, axis=2)) * (2 / window.sum())
        for at, mains in enumerate(MAINS_HZ):
            if rate >= 2 * mains + 12:
                apart = np.abs(np.arange(lines.shape[2]) * (rate / width) - mains)
                line = lines[:, :, apart <= 0.5].max(axis=2)
                around = np.median(lines[:, :, (apart >= 2) & (apart <= 5)], axis=2)
                found[at, rows] = np.median(np.sqrt(np.maximum(line**2 - (2 * around) ** 2, 0.0)), axis=1)
    return found


def _clipped(samples: np.ndarray, rate: float) -> float | None:
    """Return the share of samples of one lead that stand at a rail."""
    if not len(samples):
        return None
    shortest, long, total = max(3, round(0.008 * rate)), round(0.04 * rate), 0
    for rail in (samples.max(), samples.min()):
        there = samples == rail
        if np.count_nonzero(there) < shortest:
            continue
        lengths = np.array([run.stop - run.start for run in sampling.runs(there)])
        lengths = lengths[lengths >= shortest]
        often = len(lengths) >= 2 or (len(lengths) == 1 and lengths[0] >= long)
        if often and abs(rail - np.median(samples)) >= 0.5:
            total += int(lengths.sum())
    return total / len(samples)


def _flat_share(samples: np.ndarray, rate: float) -> float | None:
    """Return the share of pieces of 2 s of one lead in which nothing moves."""
    width = int(min(2 * rate, len(samples)))
    if width < rate:
        return None
    half = width // 2
    blocks = samples[: len(samples) // half * half].reshape(-1, half)
    highest, lowest = blocks.max(axis=1), blocks.min(axis=1)
    moves = np.maximum(highest[1:], highest[:-1]) - np.minimum(lowest[1:], lowest[:-1])
    return float((moves < 0.02).mean())


def _of_beat(beat: Beat) -> Iterator[Finding]:
    used, total = int(beat.facts["BeatsUsed"]), int(beat.facts["BeatsFound"])
    yield at_least("beats_used", used, LEAST_BEATS, "beats")
    yield at_least("beats_alike", used / total, ALIKE_SHARE, "share")
    for lead in LEADS:
        yield at_least("beats_in_lead", beat.facts["BeatsPerLead"][lead], LEAST_BEATS, "beats", lead)
