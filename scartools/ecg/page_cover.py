"""Where letters, separators and pulses stand on the rows of an upright page, and what is drawn there is no lead."""

from __future__ import annotations

import numpy as np

from scartools.ecg.columns import Columns
from scartools.ecg.pulse import Pulse
from scartools.ecg.separators import Separator
from scartools.ecg.trace_refine import PER_PX

SOME_PULSES = 0.4  # share of the rows in which a pulse at one place is one of all rows
PULSE_FAR = 14.0  # mm from the left edge of a column to the pulse in it


def covered_columns(
    hidden: list[np.ndarray],
    rows: list[float],
    columns: Columns,
    lines: list[Separator],
    pulses: list[list[Pulse]],
    line: float,
    px_per_mm: float,
) -> list[np.ndarray]:
    """For each row bool (PER_PX * W,): where letters, separators or pulses are drawn and not the lead.

    hidden  bool (W,), for each row of leads where letters and separators stand on it
    rows    px, baselines of leads and rhythm strips; columns: of the leads; lines: dotted separators
    pulses  of every row; line: width of the stroke, px
    """
    width = len(hidden[0])
    every = hidden + [np.zeros(width, bool)] * (len(rows) - len(hidden))
    crossed = _crossed(columns, rows, lines, px_per_mm, width)
    every = [row | line for row, line in zip(every, crossed, strict=True)]
    return _covered(every, pulses, _shared_pulses(pulses, columns, line, px_per_mm, width), line)


def _crossed(
    columns: Columns, rows: list[float], lines: list[Separator], px_per_mm: float, width: int
) -> list[np.ndarray]:
    """For each row bool (W,): where a dotted separator crosses it at a border, and its dots may be taken for a trace."""
    hidden = []
    for row, baseline in enumerate(rows):
        covered = np.zeros(width, bool)
        for column in range(columns.count - 1):
            border = columns.edges(column, row)[1]
            places = [line.at(baseline, 8 * px_per_mm) for line in lines]
            for x in (place for place in places if place is not None and abs(place - border) < 1.5 * px_per_mm):
                covered[max(round(x - 0.5 * px_per_mm), 0) : round(x + 0.5 * px_per_mm) + 1] = True
        hidden.append(covered)
    return hidden


def _covered(
    hidden: list[np.ndarray], pulses: list[list[Pulse]], shared: list[np.ndarray], line: float
) -> list[np.ndarray]:
    """For each row bool (PER_PX * W,): where letters, separators or pulses are drawn and not the lead."""
    edge = int(np.ceil(line)) + 1
    found = []
    for row, own, common in zip(hidden, pulses, shared, strict=True):
        covered = np.repeat(row | common, PER_PX)
        for pulse in own:
            covered[max(pulse.left - edge, 0) * PER_PX : (pulse.right + edge) * PER_PX] = True
        found.append(covered)
    return found


def _shared_pulses(
    pulses: list[list[Pulse]], columns: Columns, line: float, px_per_mm: float, width: int
) -> list[np.ndarray]:
    """For each row bool (W,): where the other rows have their pulse at the beginning of a column, and what is left of it.

    A recorder prints the pulse in every row at one place. Where it is not found in one (a wave runs into it, a name
    stands on it) it would be taken for the beginning of the lead; so would its foot.
    """
    rows = len(pulses)
    found = [np.zeros(width, bool) for _ in pulses]
    edge = int(np.ceil(line)) + 1
    for column in range(columns.count):
        ends: list[float] = []
        for row, own in enumerate(pulses):
            left = columns.edges(column, row)[0]
            ends += [
                pulse.right - left
                for pulse in own
                if -8 * px_per_mm < pulse.left - left < PULSE_FAR * px_per_mm
            ][:1]
        if len(ends) < max(SOME_PULSES * rows, 3):
            continue
        end = float(np.median(ends))
        for row, covered in enumerate(found):
            left = columns.edges(column, row)[0]
            begin = max(round(left - 0.5 * px_per_mm), 0) if column else 0
            covered[begin : max(round(left + end) + edge, 0)] = True
    return found
