"""Pages that print a calibration pulse before every column: its room is no time, and the leads begin behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from scartools.ecg.columns import Columns
from scartools.ecg.pulse import Pulse
from scartools.errors import InputError

LEAD_MM = {4: 62.5, 2: 125.0}  # of a lead at 25 mm/s, by the number of columns
NO_ROOM_MM = (
    1.0  # columns that are usual to this: their pulses, if they are pulses, stand inside the lead's time
)
SAME_PITCH = 0.02  # of a column, that the distances of pulses and of columns may differ
ROOM_MM = (6.0, 25.0)  # that a pulse with its feet takes
BEHIND_MM = (-0.5, 8.0)  # from the right edge of a pulse to where the lead begins: its foot, and a blank
FOOT_MM = (0.6, 5.0)  # that the foot behind a pulse may be long
STEP_MM, LEVEL_MM = 0.25, 0.2  # that a trace must leave its level by, and may stray from it
STEPS_APART_MM = 0.3  # from the place where the traces step
FEWEST_STEPS, STEPS_AGREE = (
    3,
    0.6,
)  # pulses whose trace must step at one place, and their share of all that step
FEWEST = 0.5  # share of the rows of each later column that must show a pulse there


def behind_pulses(
    columns: Columns,
    pulses: Sequence[Sequence[Pulse]],
    end: float,
    px_per_mm: float,
    heights: Sequence[np.ndarray] = (),
) -> Columns:
    """The columns with their leads behind the pulses, where each later column has one; else as they are.

    pulses   of each row of leads; end: px, last column of the traces
    heights  float (W,), of each row: px of its trace in each pixel column, NaN in gaps
    Columns are then the usual 62.5 or 125 mm and the room of a pulse apart. The last lead ends with the traces: from
    there the others are told, and the pulses say whether that is so.
    Two columns of another width are cut behind their pulses and the foot that follows these; where that is not told,
    right behind the pulses, and lead_told is False.
    Raises InputError where pulses stand before the columns and it is not told where the leads begin.
    """
    usual = LEAD_MM.get(columns.count)
    if usual is None:
        return columns
    room = columns.width / px_per_mm - usual
    shown = [_before(columns, column, pulses) for column in range(1, columns.count)]
    if min(len(places) for places in shown) < max(FEWEST * len(pulses), 1):
        return columns
    apart = _apart(columns, pulses)
    if apart is not None and abs(apart / columns.width - 1) > SAME_PITCH:
        raise InputError(
            f"a calibration pulse stands before each column, {apart / px_per_mm:.1f} mm apart, and the columns are"
            f" {columns.width / px_per_mm:.1f} mm wide: where the leads begin is not told",
            remedy="Give --boxes with the start_s of each lead",
        )
    if abs(room) <= NO_ROOM_MM:
        return columns
    lead = usual * px_per_mm
    start = end - lead - (columns.count - 1) * columns.width
    behind = [
        (start + (column + 1) * columns.width - place) / px_per_mm
        for column, places in enumerate(shown)
        for place in places
    ]
    if columns.count == 2 and not ROOM_MM[0] <= room <= ROOM_MM[1]:
        foot = foot_of_pulses(pulses, heights, px_per_mm)
        return _after_pulses(columns, shown[0], foot, px_per_mm)
    told = BEHIND_MM[0] <= float(np.median(behind)) <= BEHIND_MM[1]
    if not told or not ROOM_MM[0] <= room <= ROOM_MM[1]:
        raise InputError(
            f"a calibration pulse stands before each column, and where the leads begin is not told"
            f" (columns {columns.width / px_per_mm:.1f} mm apart)",
            remedy="Give --boxes with the start_s of each lead",
        )
    return replace(columns, start=start, stop=start + (columns.count - 1) * columns.width + lead, lead=lead)


def _apart(columns: Columns, pulses: Sequence[Sequence[Pulse]]) -> float | None:
    """px from the pulse of one column to that of the next, median of all rows; None where no row has two."""
    steps = [
        second.right - first.right
        for own in pulses
        for first, second in pairwise(own)
        if 0.7 * columns.width < second.right - first.right < 1.4 * columns.width
    ]
    return float(np.median(steps)) if steps else None


def _after_pulses(columns: Columns, places: list[float], foot: float | None, px_per_mm: float) -> Columns:
    """Two columns of no usual width: their leads begin where the pulses end, and the foot (px) that follows these."""
    block = float(np.median(places)) - columns.start - columns.width + (foot or 0.0)
    if not 0 < block <= ROOM_MM[1] * px_per_mm:
        return columns
    return replace(columns, start=columns.start + block, lead=columns.width - block, lead_told=foot is not None)


def foot_of_pulses(
    pulses: Sequence[Sequence[Pulse]], heights: Sequence[np.ndarray], px_per_mm: float
) -> float | None:
    """Return how long (px) the level foot behind the pulses is, None where it is not told.

    A lead seldom begins at the level of the foot before it: there the trace steps, at one place in all rows, and goes on
    at its new level. An R wave that rose there would not. Arguments as for `behind_pulses`.
    """
    steps = [
        step
        for own, row in zip(pulses, heights, strict=False)
        for pulse in own
        if (step := _step_behind(row[pulse.right :], px_per_mm)) is not None
    ]
    if len(steps) < FEWEST_STEPS:
        return None
    middle = float(np.median(steps))
    near = np.abs(np.array(steps) - middle) <= STEPS_APART_MM * px_per_mm
    return middle if near.sum() >= max(FEWEST_STEPS, STEPS_AGREE * len(steps)) else None


def _step_behind(row: np.ndarray, px_per_mm: float) -> float | None:
    """px from the fall of a pulse to where the trace leaves the level of its foot at once and stays beside it."""
    least, level_px = STEP_MM * px_per_mm, LEVEL_MM * px_per_mm
    first, last = max(round(FOOT_MM[0] * px_per_mm), 2), round(FOOT_MM[1] * px_per_mm)
    row = row[1 : last + 2 * first]  # the first column holds the fall itself
    if len(row) < last or not np.isfinite(row).all():
        return None
    level = float(np.median(row[:first]))
    away = np.abs(row - level)
    if away[:first].max() > level_px:
        return None
    at = int(np.argmax(away > least))
    if not first <= at <= last or away[: at - 2].max() > level_px:
        return None
    behind = row[at + 1 : at + 1 + first]
    return float(at + 1) if np.ptp(behind) <= least and np.abs(behind - level).min() > level_px else None


def _before(columns: Columns, column: int, pulses: Sequence[Sequence[Pulse]]) -> list[float]:
    """Right edges (px) of the pulses that stand about the left edge of a column, at most one a row."""
    left = columns.start + column * columns.width
    reach = 0.25 * columns.width
    found = []
    for own in pulses:
        near = [float(pulse.right) for pulse in own if abs(pulse.right - left) < reach]
        if near:
            found.append(min(near, key=lambda right: abs(right - left)))
    return found
