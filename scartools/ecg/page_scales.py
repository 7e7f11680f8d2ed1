"""The scales of a picture of a page: millimetre without a grid, paper speed, gain of limb and of chest leads.

A scale that is printed (printed_scales) is held against the calibration pulses and the width of the columns. The
speed has no other witness that can be trusted: a column of 62.5 mm is 2.5 s at 25 mm/s and 1.25 s at 50.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scartools.ecg.page_leads import Leads
from scartools.ecg.printed_scales import NOTHING_PRINTED, PrintedScales
from scartools.ecg.pulse import Pulse
from scartools.ecg.reading import Check, Found
from scartools.errors import InputError

USUAL_SPEED, USUAL_GAIN = 25.0, 10.0
USUAL_GAINS = (10.0, 5.0, 20.0)
USUAL_COLUMN_S = {4: 2.5, 2: 5.0, 1: 10.0}  # by the number of columns
PULSE_OFF = 0.16  # a pulse of 10 mm is 8.4 to 11.6 mm high; the checks ask for a review long before
EVEN, BORDERS_SEEN = 0.06, 0.65  # mm that even borders stray; the share of them that must be seen
SAME_FEET_MM = 0.3  # a pulse with feet of two levels is no better than half of one
PULSE_REVIEW = 0.06  # as page_checks asks of the limb leads' pulse
WIDTH_REFUSE = 0.12  # of a column of 62.5 mm


@dataclass(frozen=True)
class Gains:
    """mm a millivolt.

    limb, chest    of the two groups of leads; found: how
    limb_mm, chest_mm  height of their calibration pulses, None where a group has none of its own
    """

    limb: float
    chest: float
    found: Found
    limb_mm: float | None = None
    chest_mm: float | None = None

    def of(self, lead: str) -> float:
        """The gain of a lead."""
        return self.chest if lead.startswith("V") else self.limb


def scale_without_grid(leads: Leads, printed: PrintedScales = NOTHING_PRINTED) -> float:
    """px per mm of a page without a grid: the calibration pulse is 10 mm high and 5 mm wide, four columns are 250 mm.

    leads    followed with a guess of the millimetre
    printed  a printed gain tells how high the pulse is, a printed speed of 50 mm/s how wide four columns may be
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
    gain, speed = printed.gain[0] if printed.gain else USUAL_GAIN, printed.speed or USUAL_SPEED
    from_pulse = float(np.median(heights)) / gain
    from_width = float(np.median([pulse.right - pulse.left for pulse in found])) / (0.2 * USUAL_SPEED)
    choices = [from_pulse]
    if leads.fit.pitch is not None and leads.fit.layout.columns == 4:
        widths = np.array([leads.columns.width, leads.fit.pitch]) / 2.5
        drawn = min((speed, USUAL_SPEED), key=lambda one: abs(np.log(widths[0] / one / from_pulse)))
        choices += (widths / drawn).tolist()
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


def find_speed(
    leads: Leads, mm: float, given: float | None, printed: PrintedScales = NOTHING_PRINTED
) -> tuple[float, Found]:
    """Paper speed, mm/s, and how it was found: given, printed, from the width of the columns, or assumed."""
    if given is not None:
        return given, "given"
    by_columns = speed_by_columns(leads, mm)
    usual_s = USUAL_COLUMN_S[leads.fit.layout.columns]
    width_s = leads.columns.time / mm / USUAL_SPEED
    if by_columns is None and leads.fit.layout.columns == 4 and abs(width_s / usual_s - 1) > WIDTH_REFUSE:
        raise InputError(
            f"the columns are {width_s * USUAL_SPEED:.1f} mm wide, which is 2.5 s at neither 25 nor 50 mm/s",
            remedy="Look at the page and give --speed",
        )
    if printed.speed is not None:
        return printed.speed, "printed"
    return (by_columns, "measured") if by_columns is not None else (USUAL_SPEED, "assumed")


def speed_by_columns(leads: Leads, mm: float) -> float | None:
    """50 mm/s where the columns are twice as wide as at 25 mm/s; None where they do not tell."""
    width_s = leads.columns.time / mm / USUAL_SPEED
    return 50.0 if abs(width_s / USUAL_COLUMN_S[leads.fit.layout.columns] / 2 - 1) < 0.04 else None


def find_gain(leads: Leads, mm: float, given: float | None, printed: PrintedScales = NOTHING_PRINTED) -> Gains:
    """Gain of limb and chest leads: given, else from the pulses (5, 10 or 20), else as printed, else assumed.

    A group of leads without a pulse of its own has the printed gain where one is printed, else that of the other.
    Raises InputError where a pulse is of none of these heights.
    """
    limb_mm, chest_mm = pulse_heights(leads, mm)
    if given is not None:
        return Gains(given, given, "given", limb_mm, chest_mm)
    if limb_mm is None and chest_mm is None:
        if printed.gain is not None:
            return Gains(*printed.gain, "printed")
        return Gains(USUAL_GAIN, USUAL_GAIN, "assumed")
    said = printed.gain or (None, None)
    limb = usual_gain(limb_mm) if limb_mm is not None else said[0]
    chest = usual_gain(chest_mm) if chest_mm is not None else said[1]
    limb = limb if limb is not None else chest
    chest = chest if chest is not None else limb
    assert limb is not None and chest is not None
    return Gains(limb, chest, "printed" if (limb, chest) == said else "measured", limb_mm, chest_mm)


def pulse_heights(leads: Leads, mm: float) -> tuple[float | None, float | None]:
    """Height (mm) of the pulses of limb and of chest leads, None where a group has none of its own.

    A pulse of two steps is of both. A pulse before the first column of several, or behind the last, is of the limb
    leads: where all leads have one gain it is that of the chest leads too.
    """
    columns, names = leads.fit.layout.columns, leads.fit.layout.rows
    limb: list[float] = []
    chest: list[float] = []
    for row, found in enumerate(leads.pulses):
        cut = leads.cut[row] if leads.cut else []
        whole = [
            pulse for pulse in found if not cut or abs(pulse.over_left - pulse.over_right) < SAME_FEET_MM * mm
        ]
        for pulse in whole or cut:
            place = _place(leads, pulse)
            if place is None:
                continue
            column, height = place
            if np.isfinite(pulse.second):
                limb.append(pulse.over_left)
                chest.append(pulse.second)
                continue
            own = names[row][column] if row < len(names) else ""
            alone = columns == 1 or column > 0
            (chest if alone and own.startswith("V") else limb).append(height)

    def typical(part: list[float]) -> float | None:
        return float(np.median(part)) / mm if part else None

    return typical(limb), typical(chest)


def _place(leads: Leads, pulse: Pulse) -> tuple[int, float] | None:
    """The column that a pulse stands before (0 for one behind the last), and its height, px; None inside a lead."""
    for column in range(leads.fit.layout.columns):
        left, right = leads.columns.edges(column)
        mm = 0.02 * (right - left)
        between = column and leads.columns.lead is not None and leads.columns.edges(column - 1)[1] <= pulse.left
        if (column == 0 and pulse.right <= left + mm) or (column and abs(pulse.left - left) < 6 * mm):
            return column, pulse.over_left
        if between and pulse.right <= left + mm:
            return column, pulse.over_left
    left, right = leads.columns.edges(leads.columns.count - 1)
    return (0, pulse.over_right) if pulse.left >= right - 3 * 0.02 * (right - left) else None


def usual_gain(height_mm: float) -> float:
    """mm a millivolt, 5, 10 or 20, of a pulse of this height in mm; InputError where it is none of them."""
    usual = [gain for gain in USUAL_GAINS if abs(height_mm / gain - 1) < PULSE_OFF]
    if not usual:
        raise InputError(
            f"the calibration pulse is {height_mm:.1f} mm high, which is not 5, 10 or 20 mm",
            remedy="Give --gain",
        )
    return usual[0]


def scale_checks(
    printed: PrintedScales,
    speed: tuple[float, Found],
    gains: Gains,
    by_columns: float | None,
) -> tuple[Check, ...]:
    """Does what the page prints agree with what is taken? A failure has both numbers: value and limit.

    What a person gives is not held against the print.
    """
    asked = speed[1] != "given" and bool(printed.speeds)
    against = printed.speaks_against_speed(speed[0]) if asked else None
    columns = None if speed[1] != "printed" or by_columns is None else by_columns
    said_gain = gains.found != "given" and any(printed.gains)
    other = printed.speaks_against_gain(gains.limb, gains.chest) if said_gain else None
    chest_off = None if gains.chest_mm is None else abs(gains.chest_mm / gains.chest - 1)
    return (
        _same("printed_speed", against, speed[0], "mm/s", asked),
        _same("column_speed", columns if columns != speed[0] else None, speed[0], "mm/s", columns is not None),
        _same(
            "printed_gain", other[0] if other else None, other[1] if other else gains.limb, "mm/mV", said_gain
        ),
        Check(
            "chest_pulse_height",
            chest_off,
            PULSE_REVIEW,
            "share of 1 mV",
            None if chest_off is None else chest_off <= PULSE_REVIEW,
            False,
        ),
    )


def _same(name: str, other: float | None, taken: float, unit: str, asked: bool) -> Check:
    """A check that fails where another number speaks against the one that is taken."""
    if not asked:
        return Check(name, None, taken, unit, None, False)
    if other is None:
        return Check(name, taken, taken, unit, True, False)
    return Check(name, other, taken, unit, False, False, least=other < taken)
