"""The scales of a picture of a page: millimetre without a grid, paper speed, gain.

The printed speed and gain are not read here: a speed is given, or told by the width of the columns, or assumed.
"""

from __future__ import annotations

import numpy as np

from scartools.ecg.page_leads import Leads
from scartools.ecg.reading import Found
from scartools.errors import InputError

USUAL_SPEED, USUAL_GAIN = 25.0, 10.0
USUAL_GAINS = (10.0, 5.0, 20.0)
USUAL_COLUMN_S = {4: 2.5, 2: 5.0, 1: 10.0}  # by the number of columns
PULSE_OFF = 0.16  # a pulse of 10 mm is 8.4 to 11.6 mm high; the checks ask for a review long before
EVEN, BORDERS_SEEN = 0.06, 0.65  # mm that even borders stray; the share of them that must be seen
WIDTH_REFUSE = 0.12  # of a column of 62.5 mm


def scale_without_grid(leads: Leads) -> float:
    """px per mm of a page without a grid: the calibration pulse is 10 mm high and 5 mm wide, four columns are 250 mm.

    leads  followed with a guess of the millimetre
    Borders of four columns that most rows show at equal distances are the most exact. Where they are not, the middle
    of three is taken: by the borders, by the names, whose letters begin raggedly, and by the pulse.
    Raises InputError where there is no pulse, or the columns contradict it.
    """
    found = [pulse for row in leads.pulses for pulse in row]
    heights = [(pulse.over_left + pulse.over_right) / 2 for pulse in found]
    if not heights:
        raise InputError(
            "no millimetre grid is found, and no calibration pulse to take its place",
            remedy="Scan the page in colour, 200 dots an inch or more",
        )
    from_pulse = float(np.median(heights)) / USUAL_GAIN
    from_width = float(np.median([pulse.right - pulse.left for pulse in found])) / 5.0
    choices = [from_pulse]
    if leads.fit.pitch is not None and leads.fit.layout.columns == 4:
        choices += [length / (USUAL_SPEED * 2.5) for length in (leads.columns.width, leads.fit.pitch)]
    if max(choices) / min(choices) > 1.04 or not 0.8 < from_width / from_pulse < 1.25:
        raise InputError(
            "no millimetre grid is found, and calibration pulse and columns do not agree on the millimetre"
            f" ({from_pulse:.2f} px by the height of the pulse, {from_width:.2f} by its width"
            + (f", {choices[1]:.2f} by the columns)" if len(choices) > 1 else ")"),
            remedy="Scan the page in colour, 200 dots an inch or more",
        )
    exact = leads.columns.stray is not None and leads.columns.stray < EVEN * from_pulse
    if len(choices) > 1 and exact and leads.columns.breaks >= BORDERS_SEEN * leads.columns.borders:
        return choices[1]
    return float(np.median(choices))


def find_speed(leads: Leads, mm: float, given: float | None) -> tuple[float, Found]:
    """Paper speed, mm/s, and how it was found: given, or from the width of the columns."""
    if given is not None:
        return given, "given"
    usual_s = USUAL_COLUMN_S[leads.fit.layout.columns]
    width_s = leads.columns.width / mm / USUAL_SPEED
    if abs(width_s / usual_s / 2 - 1) < 0.04:  # twice as wide as at 25 mm/s
        return 50.0, "measured"
    if leads.fit.layout.columns == 4 and abs(width_s / usual_s - 1) > WIDTH_REFUSE:
        raise InputError(
            f"the columns are {width_s * USUAL_SPEED:.1f} mm wide, which is 2.5 s at neither 25 nor 50 mm/s",
            remedy="Look at the page and give --speed",
        )
    return USUAL_SPEED, "assumed"


def find_gain(leads: Leads, mm: float, given: float | None) -> tuple[tuple[float, ...], Found, float | None]:
    """mm a millivolt of each column from the pulses outside the leads, 5, 10 or 20, or a refusal; and the pulse's height, mm."""
    columns = leads.fit.layout.columns
    before = [_pulse_heights(leads, column) for column in range(columns)]
    every = [height / mm for heights in before for height in heights]
    height = float(np.median(every)) if every else None
    if given is not None:
        return (given,) * columns, "given", height
    if height is None:
        return (USUAL_GAIN,) * columns, "assumed", None
    gains = []
    for heights in before:
        own = float(np.median(heights)) / mm if heights else height
        gains.append(usual_gain(own))
    return tuple(gains), "measured", height


def _pulse_heights(leads: Leads, column: int) -> list[float]:
    """Heights (px) of the pulses before a column, or behind the last."""
    left, right = leads.columns.edges(column)
    mm = 0.02 * (right - left)
    heights = [
        pulse.over_left
        for row in leads.pulses
        for pulse in row
        if (column == 0 and pulse.right <= left + mm) or (column and abs(pulse.left - left) < 6 * mm)
    ]
    if column == leads.columns.count - 1:
        heights += [pulse.over_right for row in leads.pulses for pulse in row if pulse.left >= right - 3 * mm]
    return heights


def usual_gain(height_mm: float) -> float:
    """mm a millivolt, 5, 10 or 20, of a pulse of this height in mm; InputError where it is none of them."""
    usual = [gain for gain in USUAL_GAINS if abs(height_mm / gain - 1) < PULSE_OFF]
    if not usual:
        raise InputError(
            f"the calibration pulse is {height_mm:.1f} mm high, which is not 5, 10 or 20 mm",
            remedy="Give --gain",
        )
    return usual[0]
