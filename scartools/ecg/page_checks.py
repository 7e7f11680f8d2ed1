"""What a page of an ECG can be asked without knowing the truth: does it agree with itself?

Limb leads depend on each other (Einthoven, Goldberger), a rhythm strip repeats a column, a pulse is 1 mV high,
beats fall at the same times in all leads, amplitudes and rates are those of a heart. A scale that is five times
off, a trace taken from a grid line and two exchanged leads all fail one of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from scartools.ecg.limb_laws import PEN_MM, law_residuals
from scartools.ecg.page_beats import (
    LeadBeats,
    beats_shared,
    find_beats,
    heart_rates,
    rhythm_against_columns,
    seconds_of,
    whole_beats,
)
from scartools.ecg.reading import LEADS, Check, PageReading, Status, Strip
from scartools.ecg.speed_odds import speed_odds

# Share of the leads' size that a law may be missed by: beyond what half a pen's width explains, and at all. Pages that
# are read well lie below 0.06 and 0.5 (steep strokes of small leads); two exchanged limb leads above 0.2 and 0.6,
# mostly 1 to 2; a lead at half its gain above 0.2.
LAW_REVIEW, LAW_REFUSE = 0.1, 0.75
LAW_STROKES = (
    0.4  # at all: a wave lost beside a stroke it nearly touches is not beyond the pen, and leaves as much
)
RHYTHM_ALIKE = 0.9  # correlation of a rhythm strip with its own column; another lead is seldom that alike
RHYTHM_AMPLITUDE = 0.15  # part by which their sizes may differ
PULSE_OFF = 0.06  # 0.6 mm on a pulse of 10 mm: the thickness of a line; the next usual gain is 100 % off
PULSE_FAR = 0.2  # half way to no gain that is in use
ANISOTROPY = 0.03  # more is a page that was stretched
BEATS_SHARED = 0.8
RATE_RATIO = 1.4  # of the heart rates of two pages or columns; respiratory arrhythmia reaches 1.3
SLOWEST_BPM, FASTEST_BPM = 25.0, 250.0
LARGEST_MV, SMALLEST_MV = 10.0, 0.1  # peak to peak in a lead; the largest lead of a page
COVERAGE_REVIEW, COVERAGE_REFUSE = 0.95, 0.5  # share of a strip without gaps
SHORTEST_SHARE = 0.8  # of the longest lead of its column
LEAST_ODDS, LEAST_ODDS_UNUSUAL = 1.0, 2.0  # decimal logarithm: ten to one, a hundred to one
LEAST_ODDS_ALONE = (
    2.7  # five hundred to one, of beats that vouch for the speed without a usual length; see _assumed
)
USUAL_COLUMN_MM = {"3x4": 62.5, "6x2": 125.0, "12x1": 250.0}  # at 25 mm/s
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
    laws, (alike, size), beats = _compared(strips, PEN_MM / reading.speed_mm_s)
    rate, spread = heart_rates(beats)
    sizes = [float(np.nanmax(s.samples) - np.nanmin(s.samples)) for s in strips if np.isfinite(s.samples).any()]
    pulse = reading.facts.get("PulseHeight")
    pulse_off = _off(pulse, reading.gain_mm_mv)
    found = len({strip.lead for strip in strips} & set(LEADS))
    odds = speed_odds(reading) if reading.found.get("speed_mm_s") in ("assumed", "measured") else None
    least_odds = LEAST_ODDS if reading.layout.startswith("3x4") else LEAST_ODDS_UNUSUAL
    assumed = _assumed(reading, odds, least_odds)
    return (
        _check("leads_found", found, len(LEADS), "leads", refuses=True, least=True),
        *(
            _check(f"{name}{suffix}", law and law[beyond], limit, "share of the leads' size", refuses=refuses)
            for name, law in laws.items()
            for suffix, beyond, limit, refuses in (
                ("", 1, LAW_REVIEW, False),
                ("_strokes", 0, LAW_STROKES, False),
                ("_gross", 0, LAW_REFUSE, True),
            )
        ),
        _check("rhythm_correlation", alike, RHYTHM_ALIKE, "1", least=True),
        _check("rhythm_amplitude", size, RHYTHM_AMPLITUDE, "share"),
        _check("pulse_height", pulse_off, PULSE_OFF, "share of 1 mV"),
        _check("pulse_height_gross", pulse_off, PULSE_FAR, "share of 1 mV", refuses=True),
        _check("equal_axes", _unequal(reading), ANISOTROPY, "share"),
        _check("scales_assumed", assumed, 0, "scales"),
        _check("speed_odds", odds, least_odds, "decimal logarithm", least=True),
        _check("beats_shared", beats_shared(beats), BEATS_SHARED, "share of beats", least=True),
        _check("heart_rate_ratio", spread, RATE_RATIO, "1"),
        _check("heart_rate_least", rate, SLOWEST_BPM, "beats/min", least=True),
        _check("heart_rate_most", rate, FASTEST_BPM, "beats/min"),
        _check("largest_lead", max(sizes, default=None), LARGEST_MV, "mV", refuses=True),
        _check("largest_lead_least", max(sizes, default=None), SMALLEST_MV, "mV", refuses=True, least=True),
        *_complete(strips, beats),
    )


@lru_cache(maxsize=1)  # a page is asked by its reader and by who had it read
def _compared(
    strips: tuple[Strip, ...], pen_s: float
) -> tuple[dict[str, tuple[float, float] | None], tuple[float | None, float | None], tuple[LeadBeats, ...]]:
    """What takes long: laws of the limb leads, the rhythm strip against its columns, and the beats of the strips."""
    return law_residuals(strips, pen_s), rhythm_against_columns(strips), tuple(find_beats(strips))


def _complete(strips: Sequence[Strip], beats: Sequence[LeadBeats]) -> tuple[Check, ...]:
    """What of the leads is there. A gap is marked as one in the record; what matters is why it is there.

    coverage       letters, separators and pulses that stand on a trace hide it, and are no failure to follow it
    coverage_least of any kind
    whole_beats    however little is hidden, a lead must be left something to measure
    shortest_lead  a page that is cut off ends all leads of a column; one that ends before the others was lost
    """
    covered = [float(np.isfinite(strip.samples).mean()) for strip in strips]
    shown = [min(part / (1 - strip.hidden), 1.0) for part, strip in zip(covered, strips, strict=True)]
    shares = []
    for strip in strips:
        column = [s for s in strips if (s.page, s.rhythm) == (strip.page, strip.rhythm)]
        ends = [
            s.start_s + seconds_of(s) for s in column if abs(s.start_s - strip.start_s) < 0.5 * seconds_of(s)
        ]
        shares.append(seconds_of(strip) / (max(ends) - strip.start_s) if ends else 1.0)
    whole = min(whole_beats(beats).values(), default=None)
    return (
        _check("coverage", min(shown, default=None), COVERAGE_REVIEW, "share of samples", least=True),
        _check(
            "coverage_least", min(covered, default=None), COVERAGE_REFUSE, "share", refuses=True, least=True
        ),
        _check("whole_beats", whole, 1, "beats", least=True),
        _check("shortest_lead", min(shares, default=None), SHORTEST_SHARE, "share of its column", least=True),
    )


def _unequal(reading: PageReading) -> float:
    """How far the axes of the page are from equal; 0 where pulse and columns vouch for each axis by itself.

    A photograph taken at an angle shortens one axis, which is measured and taken out. What is to be feared is
    a grid that was read wrongly along one axis: then 10 mm of pulse or 62.5 mm of column are not what they should be.
    """
    x, y = reading.px_per_mm
    width = _column_off(reading)
    pulse = _off(reading.facts.get("PulseHeight"), reading.gain_mm_mv)
    vouched = width is not None and width <= LENGTH_OFF and pulse is not None and pulse <= PULSE_OFF
    return 0.0 if vouched else abs(x / y - 1)


def _column_off(reading: PageReading) -> float | None:
    """Share by which the columns are wider or narrower than 25 mm/s has them; None where that is not measured."""
    width = reading.facts.get("ColumnWidth")
    usual = USUAL_COLUMN_MM.get(reading.layout.split("+")[0])
    return None if width is None or usual is None else abs(width / usual - 1)


def _check(
    name: str, value: float | None, limit: float, unit: str, *, refuses: bool = False, least: bool = False
) -> Check:
    if value is None or not np.isfinite(value):
        return Check(name, None, float(limit), unit, None, refuses, least)
    passed = bool(value >= limit if least else value <= limit)
    return Check(name, float(value), float(limit), unit, passed, refuses, least)


def _off(measured: float | None, due: float) -> float | None:
    return None if measured is None else abs(measured / due - 1)


def _assumed(reading: PageReading, odds: float | None, least_odds: float) -> int:
    """Count the scales that nothing on the page speaks for; odds: of the speed by the beats, least_odds: that suffice.

    A calibration pulse of the assumed or printed height speaks for the size of the page. For the paper speed speak two
    together: the length that printers give a rhythm strip or a column at 25 mm/s, and beats that last as long as beats do;
    at 50 mm/s the same length holds half the time, and a heart of half the rate has twice the QRS. Where the length is no
    usual one the beats must speak for themselves: of 1200 PTB-XL records 84 % have LEAST_ODDS_ALONE or more at 25 mm/s, 2 of
    1192 do at 50 mm/s read at 25, and 11 have LEAST_ODDS.
    """
    pulse = _off(reading.facts.get("PulseHeight"), reading.gain_mm_mv)
    pulse_agrees = pulse is not None and pulse <= PULSE_OFF
    longest = max(map(seconds_of, reading.strips), default=0.0)
    width = _column_off(reading)
    usual = abs(longest / USUAL_LENGTH_S - 1) <= LENGTH_OFF or (width is not None and width <= LENGTH_OFF)
    vouched = {
        "px_per_mm": pulse_agrees,
        "gain_mm_mv": pulse_agrees,
        "speed_mm_s": odds is not None and odds >= (least_odds if usual else LEAST_ODDS_ALONE),
    }
    return sum(reading.found.get(name) == "assumed" and not holds for name, holds in vouched.items())
