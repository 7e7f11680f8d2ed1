"""Do the beats of a page last as long as beats do at its paper speed?

Where no speed is printed 25 mm/s is taken, and a page at 50 mm/s looks the same but for the heart: read at half its
speed it has half its rate, twice its QRS and 1.4 times its corrected QT.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from scartools.ecg.assemble import assemble_strips, upright
from scartools.ecg.reading import PageReading, Strip
from scartools.errors import InputError

SPEEDS = (25.0, 50.0)  # mm/s, that twelve leads are printed at; 12.5 is for hours of one lead
# Median and SD of the natural logarithm: QRS ms, QT / sqrt(RR) ms (Bazett), beats/min, as this program measures
# them in 200 records of PTB-XL; the rate wider, for acute patients. How each changes when the speed is k times
# as high: to the power below.
USUAL = {"qrs": (100.0, 0.20, -1.0), "qtc": (427.0, 0.10, -0.5), "rate": (73.0, 0.28, 1.0)}
LEAST_QRS_MS = (
    50.0  # what is shorter at either speed is a pacemaker's spike or a spot, and its QRS is not known
)
FREEDOM = 4.0  # of Student's t: hearts are ill, no single duration decides
# Calibration pulses last 0.2 s, on many machines about 0.1 s: 5 or 2.5 mm at 25 mm/s, 10 or 5 mm at 50. Textbooks tell 50 mm/s by a
# pulse of twice the width (ISBN 978-1-4496-4235-8, chapter 3). Some machines may draw it the same at every speed: a width may
# speak against a speed, and never for one.
PULSE_MM = (3.5, 8.5)  # a narrower one is not expected at 50 mm/s, a wider one not at 25
PULSE_ODDS = 10.0


def speed_odds(reading: PageReading) -> float | None:
    """Return the decimal logarithm of the odds of the speed that was taken against the other usual one.

    Rate, QRS and QT of the median beat are weighed each by a Student t of its logarithm (USUAL), as if they were
    independent; the width of a whole calibration pulse may lower the odds (PULSE_MM). Without that, of 200 PTB-XL records
    at 25 mm/s 94 % have 1 (ten to one) or more; of 1192 at 50 mm/s read at 25, 11 have. None where no beat can be made, which
    then says nothing of the speed.
    """
    found = _durations(upright(reading).strips)
    if found is None:
        return None
    factor = (SPEEDS[1] if reading.speed_mm_s <= SPEEDS[0] else SPEEDS[0]) / reading.speed_mm_s
    total = 0.0
    for name, value in found.items():
        middle, spread, power = USUAL[name]
        taken = np.log(value / middle) / spread
        other = np.log(value * factor**power / middle) / spread
        total += (FREEDOM + 1) / 2 * (np.log1p(other**2 / FREEDOM) - np.log1p(taken**2 / FREEDOM))
    return float(total / np.log(10)) + _odds_of_pulse(reading)


def _odds_of_pulse(reading: PageReading) -> float:
    """Decimal logarithm of what the width of the calibration pulses says against the speed that was taken, 0 for nothing."""
    width = reading.facts.get("PulseWidth")
    if width is None:
        return 0.0
    against = width >= PULSE_MM[1] if reading.speed_mm_s <= SPEEDS[0] else width <= PULSE_MM[0]
    return -float(np.log10(PULSE_ODDS)) if against else 0.0


@lru_cache(maxsize=1)  # a page is asked by its reader and by who had it read
def _durations(strips: tuple[Strip, ...]) -> dict[str, float] | None:
    """QRS (ms), corrected QT (ms) and rate (beats/min) of a page, those that can be measured."""
    from scartools.ecg.beat import (
        median_beat,
    )  # brings scipy, which a page that prints its speed need not wait for
    from scartools.ecg.delineate import MS, delineate

    try:
        leads = assemble_strips(strips)
        beat = median_beat(leads.signals, leads.rate)
    except InputError:  # a lead is missing, no two beats are alike: there is nothing to measure
        return None
    rate = float(beat.facts["HeartRate"])
    at = delineate(beat.signals, 60 / rate, beat.facts["RRSD"])
    found = {"rate": rate}
    if at.qrs_onset is not None and at.qrs_offset is not None:
        found["qrs"] = (at.qrs_offset - at.qrs_onset) * MS
        if found["qrs"] < LEAST_QRS_MS:
            return None
        if at.t_offset is not None:
            found["qtc"] = (at.t_offset - at.qrs_onset) * MS / np.sqrt(60 / rate)
    return found
