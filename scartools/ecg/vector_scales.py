"""The scales of a drawn page: millimetre grid, calibration pulses, and what is printed about speed and gain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scartools.ecg.pdf_paths import DrawnPage, Polyline
from scartools.ecg.reading import Found
from scartools.ecg.vector_rows import is_trace
from scartools.errors import InputError

USUAL_SPEED_MM_S, USUAL_GAIN_MM_MV = 25.0, 10.0
_SPEEDS, _GAINS = (12.5, 25.0, 50.0, 100.0), (2.5, 5.0, 10.0, 20.0, 40.0)
_SPEED = re.compile(r"(\d{1,3}(?:[.,]\d+)?)\s*mm\s*/\s*s(?:ec)?\b", re.IGNORECASE)
_GAIN = re.compile(r"(\d{1,3}(?:[.,]\d+)?)\s*mm\s*/\s*mV\b", re.IGNORECASE)
_GRID_LINE_MM, _GRID_LINES = 50.0, 10  # a grid has at least ten lines this long
_TRUE_TO_SCALE = 0.02  # a grid within 2 % of 1 or 5 mm is that grid


@dataclass(frozen=True)
class Pulse:
    """A calibration pulse: left and right edge, height of its foot on the page, and how high it rises, mm."""

    left: float
    right: float
    foot: float
    height: float


@dataclass(frozen=True)
class Scales:
    """Millimetres of the page for one true millimetre (x, y), paper speed and gain, and how each was found."""

    unit: tuple[float, float]
    speed_mm_s: float
    gain_mm_mv: float
    found: dict[str, Found]
    grid_mm: tuple[float, float] | None
    pulses: tuple[Pulse, ...]


def scales_of(page: DrawnPage, *, speed_mm_s: float | None, gain_mm_mv: float | None) -> Scales:
    """Find the scales of a page; what the user gives wins over what is printed.

    Raises InputError where the page prints two speeds or two gains and none is given.
    """
    pulses = find_pulses(page.polylines)
    speed, speed_found = _printed(page.text, _SPEED, _SPEEDS, speed_mm_s, "speed", "mm/s")
    gain, gain_found = _printed(page.text, _GAIN, _GAINS, gain_mm_mv, "gain", "mm/mV")
    grid = _grid(page.polylines)
    unit, unit_found = _unit(grid, pulses, gain)
    if gain is None and pulses:
        height = float(np.median([pulse.height for pulse in pulses])) / unit[1]
        near = min(_GAINS, key=lambda value: abs(np.log(height / value)))
        if abs(height / near - 1) < 0.05:
            gain, gain_found = near, "measured"
    return Scales(
        unit,
        speed if speed is not None else USUAL_SPEED_MM_S,
        gain if gain is not None else USUAL_GAIN_MM_MV,
        {"px_per_mm": unit_found, "speed_mm_s": speed_found, "gain_mm_mv": gain_found},
        grid,
        pulses,
    )


def find_pulses(lines: Sequence[Polyline]) -> tuple[Pulse, ...]:
    """Return the calibration pulses: a flat top between a rise and a fall of the same height, 3 to 45 mm."""
    found: list[Pulse] = []
    for line in lines:
        if len(line.points) > 200 or is_trace(line):
            continue
        x, y = line.points.T
        steps = np.flatnonzero((np.abs(np.diff(x)) < 0.6) & (np.abs(np.diff(y)) > 3.0))
        for up, down in zip(steps[:-1], steps[1:], strict=True):
            rise, fall, top = y[up] - y[up + 1], y[down + 1] - y[down], y[up + 1 : down + 1]
            width = x[down] - x[up + 1]
            if 3 < rise < 45 and abs(rise - fall) < 0.3 and np.ptp(top) < 0.1 and 1 < width < 20:
                found.append(Pulse(float(x[up]), float(x[down + 1]), float(y[up]), float(rise)))
    return tuple(found)


def _printed(
    text: str, pattern: re.Pattern[str], usual: tuple[float, ...], given: float | None, what: str, unit: str
) -> tuple[float | None, Found]:
    if given is not None:
        return given, "given"
    values = {float(value.replace(",", ".")) for value in pattern.findall(text)} & set(usual)
    if len(values) > 1:
        listed = " and ".join(f"{value:g}" for value in sorted(values))
        raise InputError(f"prints {listed} {unit}", remedy=f"Give the {what} of the traces with --{what}")
    return (values.pop(), "printed") if values else (None, "assumed")


def _grid(lines: Sequence[Polyline]) -> tuple[float, float] | None:
    """Return the spacing of the finest regular grid along x and y, mm of the page; None without a grid."""
    straight = np.array([line.points for line in lines if len(line.points) == 2])
    if not len(straight):
        return None
    extent = np.abs(straight[:, 1] - straight[:, 0])
    spacings = []
    for axis in (0, 1):  # upright lines tell x
        chosen = (extent[:, axis] < 0.05) & (extent[:, 1 - axis] > _GRID_LINE_MM)
        places = np.array(sorted(set(np.round(straight[chosen, 0, axis], 2).tolist())))
        gaps = np.diff(places)
        gaps = gaps[gaps > 0.2]
        if len(gaps) < _GRID_LINES:
            return None
        spacing = float(np.median(gaps))
        if np.mean(np.abs(gaps / spacing - 1) < 0.1) < 0.8:
            return None
        count = np.round((places - places[0]) / spacing)
        spacings.append(float(np.polyfit(count, places, 1)[0]))
    return spacings[0], spacings[1]


def _unit(
    grid: tuple[float, float] | None, pulses: Sequence[Pulse], gain: float | None
) -> tuple[tuple[float, float], Found]:
    """Return the page's millimetres for one true millimetre along x and y."""
    if grid is None:
        return (1.0, 1.0), "assumed"
    if abs(grid[0] / grid[1] - 1) > _TRUE_TO_SCALE:
        raise InputError(
            f"has a grid of {grid[0]:.3g} x {grid[1]:.3g} mm: its two axes are scaled differently",
            remedy="Print it again without fitting it to the paper",
        )
    for squares in (1, 5):
        if abs(grid[1] / squares - 1) < _TRUE_TO_SCALE:
            return (grid[0] / squares, grid[1] / squares), "measured"
    # printed smaller or larger: the pulse tells which line this is, else the usual picture of a page
    squares = 1 if grid[1] < 2.5 else 5
    if pulses and gain is not None:
        height = float(np.median([pulse.height for pulse in pulses])) / gain
        squares = min((1, 5), key=lambda count: abs(np.log(grid[1] / count / height)))
    return (grid[0] / squares, grid[1] / squares), "measured"
