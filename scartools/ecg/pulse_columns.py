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
FEWEST = 0.5  # share of the rows of each later column that must show a pulse there


def behind_pulses(columns: Columns, pulses: Sequence[Sequence[Pulse]], end: float, px_per_mm: float) -> Columns:
    """The columns with their leads behind the pulses, where each later column has one; else as they are.

    pulses  of each row of leads; end: px, last column of the traces
    Columns are then the usual 62.5 or 125 mm and the room of a pulse apart. The last lead ends with the traces: from
    there the others are told, and the pulses say whether that is so.
    Two columns of another width are cut behind their pulses, and lead_told is False: a foot of unknown length may follow.
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
        return _after_pulses(columns, shown[0], px_per_mm)
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


def _after_pulses(columns: Columns, places: list[float], px_per_mm: float) -> Columns:
    """Two columns of no usual width: their leads begin where the pulses end, but for a foot that may follow these."""
    block = float(np.median(places)) - columns.start - columns.width
    if not 0 < block <= ROOM_MM[1] * px_per_mm:
        return columns
    return replace(columns, start=columns.start + block, lead=columns.width - block, lead_told=False)


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
