"""What a page of an ECG can be asked without knowing the truth: does it agree with itself?

Limb leads depend on each other (Einthoven, Goldberger), a rhythm strip repeats a column, a pulse is 1 mV high,
beats fall at the same times in all leads, amplitudes and rates are those of a heart. A scale that is five times
off, a trace taken from a grid line and two exchanged leads all fail one of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scartools.ecg.peaks import find_peaks
from scartools.ecg.reading import LEADS, Check, PageReading, Status, Strip

RATE_HZ = 500.0  # strips are compared at this rate
MIN_OVERLAP_S = 1.0  # shorter common times tell nothing
LAW_LAG_SAMPLES, LAW_LAG_S = 3, 0.02  # drawn samples, and at most: a pixel and a half of a picture
QUIET_MV = 0.05  # leads flatter than this on average: residuals are compared with this instead
# Share of the leads' size that a law may be missed by. Vector pages of five printers lie below 0.1. Two exchanged
# limb leads give about 1, a strip shifted by 40 ms 0.5 to 1.
LAW_REVIEW, LAW_REFUSE = 0.25, 0.75
RHYTHM_ALIKE = 0.9  # correlation of a rhythm strip with its own column; another lead is seldom that alike
RHYTHM_AMPLITUDE = 0.15  # part by which their sizes may differ
PULSE_OFF = 0.06  # 0.6 mm on a pulse of 10 mm: the thickness of a line; the next usual gain is 100 % off
PULSE_FAR = 0.2  # half way to no gain that is in use
ANISOTROPY = 0.03  # more is a page that was stretched
BEAT_APART_S = 0.08  # a beat's steepest point differs by less than this between leads
BEATS_SHARED = 0.8
RATE_RATIO = 1.4  # of the heart rates of two pages or columns; respiratory arrhythmia reaches 1.3
SLOWEST_BPM, FASTEST_BPM = 25.0, 250.0
LARGEST_MV, SMALLEST_MV = 10.0, 0.1  # peak to peak in a lead; the largest lead of a page
COVERAGE_REVIEW, COVERAGE_REFUSE = 0.95, 0.5  # share of a strip without gaps
SLOWEST_VOUCHING_BPM = 50.0  # half the rate of a heart at rest, 60 to 100, is below
SHORTEST_MM = 50.0  # of paper: a column of a 3 x 4 page is 62.5 mm wide, 2.5 s at 25 mm/s and 1.25 s at 50
USUAL_LENGTH_S, LENGTH_OFF = 10.0, 0.03  # a rhythm strip this long vouches for the paper speed


def checked(reading: PageReading) -> PageReading:
    """Return the reading with every check of `questions` asked, after those that its reader asked."""
    asked = questions(reading)
    names = {check.name for check in asked}
    own = tuple(check for check in reading.checks if check.name not in names)
    return replace(reading, checks=(*own, *asked))


def status_of(checks: Sequence[Check]) -> Status:
    """Return accepted, needs_review or refused: the worst that any check asks for."""
    failed = [check for check in checks if check.passed is False]
    if any(check.refuses for check in failed):
        return "refused"
    return "needs_review" if failed else "accepted"


def questions(reading: PageReading) -> tuple[Check, ...]:
    """Ask a page everything. A question it cannot answer has passed None."""
    strips = reading.strips
    laws = limb_laws(strips)
    alike, size = _rhythm_against_columns(strips)
    beats = [(strip, _beats(strip)) for strip in strips]
    rate, spread = _heart_rates(beats)
    sizes = [float(np.nanmax(s.samples) - np.nanmin(s.samples)) for s in strips if np.isfinite(s.samples).any()]
    covered = [float(np.isfinite(strip.samples).mean()) for strip in strips]
    pulse = reading.facts.get("PulseHeight")
    found = len({strip.lead for strip in strips} & set(LEADS))
    assumed = _assumed(reading, rate)
    x, y = reading.px_per_mm
    return (
        _check("leads_found", found, len(LEADS), "leads", refuses=True, least=True),
        *(
            _check(f"{name}{suffix}", value, limit, "share of the leads' size", refuses=refuses)
            for name, value in laws.items()
            for suffix, limit, refuses in (("", LAW_REVIEW, False), ("_gross", LAW_REFUSE, True))
        ),
        _check("rhythm_correlation", alike, RHYTHM_ALIKE, "1", least=True),
        _check("rhythm_amplitude", size, RHYTHM_AMPLITUDE, "share"),
        _check("pulse_height", _off(pulse, reading.gain_mm_mv), PULSE_OFF, "share of 1 mV"),
        _check("pulse_height_gross", _off(pulse, reading.gain_mm_mv), PULSE_FAR, "share of 1 mV", refuses=True),
        _check("equal_axes", abs(x / y - 1), ANISOTROPY, "share"),
        _check("scales_assumed", assumed, 0, "scales"),
        _check("beats_shared", _beats_shared(beats), BEATS_SHARED, "share of beats", least=True),
        _check("heart_rate_ratio", spread, RATE_RATIO, "1"),
        _check("heart_rate_least", rate, SLOWEST_BPM, "beats/min", least=True),
        _check("heart_rate_most", rate, FASTEST_BPM, "beats/min"),
        _check("largest_lead", max(sizes, default=None), LARGEST_MV, "mV", refuses=True),
        _check("largest_lead_least", max(sizes, default=None), SMALLEST_MV, "mV", refuses=True, least=True),
        _check("coverage", min(covered, default=None), COVERAGE_REVIEW, "share of samples", least=True),
        _check(
            "coverage_least", min(covered, default=None), COVERAGE_REFUSE, "share", refuses=True, least=True
        ),
        _check(
            "shortest_lead",
            min(map(_seconds, strips), default=None),
            SHORTEST_MM / reading.speed_mm_s,
            "s",
            least=True,
        ),
    )


def _check(
    name: str, value: float | None, limit: float, unit: str, *, refuses: bool = False, least: bool = False
) -> Check:
    if value is None or not np.isfinite(value):
        return Check(name, None, float(limit), unit, None, refuses, least)
    passed = bool(value >= limit if least else value <= limit)
    return Check(name, float(value), float(limit), unit, passed, refuses, least)


def _off(measured: float | None, due: float) -> float | None:
    return None if measured is None else abs(measured / due - 1)


def _seconds(strip: Strip) -> float:
    return len(strip.samples) / strip.rate


def _together(strips: Sequence[Strip]) -> np.ndarray | None:
    """Return strips sampled at their common times, float64 (len(strips), T); None below MIN_OVERLAP_S."""
    start = max(strip.start_s for strip in strips)
    end = min(strip.start_s + (len(strip.samples) - 1) / strip.rate for strip in strips)
    if end - start < MIN_OVERLAP_S:
        return None
    times = start + np.arange(int((end - start) * RATE_HZ)) / RATE_HZ
    rows = [np.interp(times, s.start_s + np.arange(len(s.samples)) / s.rate, s.samples) for s in strips]
    values = np.stack(rows)
    values = values[:, np.isfinite(values).all(axis=0)]  # interpolation next to NaN is NaN
    return values if values.shape[1] >= MIN_OVERLAP_S * RATE_HZ else None


def _law(strips: Sequence[Strip], leads: Sequence[str], weights: Sequence[float]) -> float | None:
    """Return how far the weighted sum of leads is from constant, as a share of their size.

    Any strips of one page that share time may be taken; the pair of columns comes before a rhythm strip. Each
    strip has its own zero, so that a constant is no contradiction.
    """
    for page in sorted({strip.page for strip in strips}):
        chosen: list[Strip] = []
        for lead in leads:
            options = [s for s in strips if s.page == page and s.lead == lead]
            options.sort(key=lambda s: (s.rhythm, s.start_s))
            if chosen:  # a rhythm strip serves where the column of its lead lies at another time
                options = [s for s in options if _together([*chosen, s]) is not None]
            chosen += options[:1]
        values = _together(chosen) if len(chosen) == len(leads) else None
        if values is not None:
            slowest = min(strip.rate for strip in chosen)
            lag = int(min(LAW_LAG_SAMPLES / slowest, LAW_LAG_S) * RATE_HZ)
            return _left_over(values, np.array(weights, float), lag)
    return None


def _left_over(values: np.ndarray, weights: np.ndarray, most: int) -> float:
    """Return the SD of weights @ values (leads, T) as a share of their size, the least over shifts of up to `most`
    samples.

    Each lead is drawn a pixel or a pen's width early or late; a narrow QRS a pixel apart is no contradiction.
    """
    lags = range(-most, most + 1)
    length = values.shape[1] - 2 * most

    def moved(row: np.ndarray, lag: int) -> np.ndarray:
        part = row[most + lag :][:length]
        return part - part.mean()

    first = weights[0] * moved(values[0], 0)
    second, third = ([weights[k] * moved(values[k], lag) for lag in lags] for k in (1, 2))
    least = min(float(np.mean(np.square(first + a + b))) for a in second for b in third)
    return float(np.sqrt(least) / max(np.sqrt(np.mean(np.var(values, axis=1))), QUIET_MV))


def limb_laws(strips: Sequence[Strip]) -> dict[str, float | None]:
    """How far each law of the limb leads is missed, as a share of the leads' size; None where no three leads share time."""
    return {
        "einthoven": _law(strips, ("I", "III", "II"), (1, 1, -1)),
        "goldberger": _law(strips, ("aVR", "aVL", "aVF"), (1, 1, 1)),
        # aVL = (I - III) / 2, where they share time: the only law that tells I from III
        "goldberger_avl": _law(strips, ("aVL", "I", "III"), (1, -0.5, 0.5)),
        # aVF - aVR = 3/2 II: ties the augmented leads to lead II, over a rhythm strip on a 3 x 4 page
        # Cabrera's first and second column
        "cabrera": _law(strips, ("aVR", "I", "aVL"), (1, 1.5, -1)),
        "cabrera_avf": _law(strips, ("aVF", "II", "III"), (1, -0.5, -0.5)),
        "goldberger_ii": _law(strips, ("aVF", "aVR", "II"), (1, -1, -1.5)),
    }


def _rhythm_against_columns(strips: Sequence[Strip]) -> tuple[float | None, float | None]:
    """Return the lowest correlation and the largest difference in size of rhythm strips and their columns."""
    alike, sizes = [], []
    for strip in (s for s in strips if s.rhythm):
        for column in (s for s in strips if s.lead == strip.lead and s.page == strip.page and not s.rhythm):
            values = _together([strip, column])
            if values is not None and values.std(axis=1).min() > 1e-3:
                alike.append(float(np.corrcoef(values)[0, 1]))
                sizes.append(abs(float(values[1].std() / values[0].std()) - 1))
    return min(alike, default=None), max(sizes, default=None)


def _beats(strip: Strip) -> np.ndarray:
    """Return when beats are steepest, seconds: peaks of the slope in 40 ms, over 0.4 of the usual highest one."""
    finite = np.isfinite(strip.samples)
    if finite.sum() < MIN_OVERLAP_S * strip.rate:
        return np.empty(0)
    times = np.arange(len(strip.samples)) / strip.rate
    even = np.arange(int(times[-1] * RATE_HZ) + 1) / RATE_HZ
    values = np.interp(even, times[finite], strip.samples[finite])
    width = int(0.04 * RATE_HZ)
    slope = np.convolve(np.abs(np.gradient(values)), np.ones(width) / width, mode="same")
    usual = max((float(part.max()) for part in np.array_split(slope, max(int(even[-1]), 1))), default=0.0)
    peaks = find_peaks(slope, height=0.4 * usual, distance=int(0.24 * RATE_HZ))  # 250 beats/min
    return strip.start_s + even[peaks]


def _heart_rates(beats: Sequence[tuple[Strip, np.ndarray]]) -> tuple[float | None, float | None]:
    """Return the heart rate and the largest ratio of the rates of two pages or columns, beats a minute.

    Each page and each column has the median rate of its leads, so that one lead with a tall T wave has no say.
    """
    columns: dict[tuple[int, float, bool], list[float]] = {}
    for strip, times in beats:
        if len(times) >= 3 or (len(times) == 2 and _seconds(strip) < 5):
            key = (strip.page, round(strip.start_s, 1), strip.rhythm)
            columns.setdefault(key, []).append(60 / float(np.median(np.diff(times))))
    rates = [float(np.median(values)) for values in columns.values()]
    if not rates:
        return None, None
    return float(np.median(rates)), (max(rates) / min(rates) if len(rates) > 1 else None)


def _beats_shared(beats: Sequence[tuple[Strip, np.ndarray]]) -> float | None:
    """Return the share of the rhythm strips' beats that most leads of the column at that time have too."""
    shared: list[bool] = []
    for strip, times in ((s, t) for s, t in beats if s.rhythm):
        for time in times:
            there = [
                bool(len(own) and np.abs(own - time).min() < BEAT_APART_S)
                for column, own in beats
                if not column.rhythm
                and column.page == strip.page
                and column.start_s + 0.1 < time < column.start_s + _seconds(column) - 0.1
            ]
            shared += [2 * sum(there) >= len(there)] if there else []
    return float(np.mean(shared)) if shared else None


def _assumed(reading: PageReading, rate: float | None) -> int:
    """Count the scales that nothing on the page speaks for.

    A calibration pulse of the assumed or printed height speaks for the size of the page; a rhythm strip of 10 s
    speaks for the paper speed, unless its heart beats as if 50 mm/s had been taken for 25: a strip of 5 s is then as
    long. `rate` is that of the heart, beats a minute.
    """
    pulse = _off(reading.facts.get("PulseHeight"), reading.gain_mm_mv)
    pulse_agrees = pulse is not None and pulse <= PULSE_OFF
    longest = max((_seconds(strip) for strip in reading.strips), default=0.0)
    # 5 s at 50 mm/s are as long as 10 s at 25, and 6x2 and 12x1 pages are printed so; in a picture no print need be read
    print_would_show = reading.source_kind == "vector" or reading.layout.startswith("3x4")
    vouched = {
        "px_per_mm": pulse_agrees,
        "gain_mm_mv": pulse_agrees,
        "speed_mm_s": print_would_show
        and abs(longest / USUAL_LENGTH_S - 1) <= LENGTH_OFF
        and rate is not None
        and rate >= SLOWEST_VOUCHING_BPM,
    }
    return sum(reading.found.get(name) == "assumed" and not holds for name, holds in vouched.items())
