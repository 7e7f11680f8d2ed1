"""Read an ECG that is drawn in a PDF: every sample as the printer placed it, no pixel involved.

Read so far: GE MUSE and CardioSoft, Schiller, dicom-ecg-plot (matplotlib), ECGtizer (ReportLab), and the
simulated pages of this toolkit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scartools.ecg.pdf_paths import MM_PER_POINT, DrawnPage
from scartools.ecg.reading import LEADS, Found, PageReading, Strip
from scartools.ecg.vector_rows import Named, Rows, is_trace, level_of, named_rows
from scartools.ecg.vector_scales import Scales, scales_of
from scartools.errors import InputError

MIN_TRACES = 3
UNEVEN_RATE_HZ = 1000.0  # where points are not evenly spaced, the drawn lines are read at this rate
_USUAL_RATES = (
    100.0,
    125.0,
    200.0,
    240.0,
    250.0,
    256.0,
    300.0,
    360.0,
    400.0,
    500.0,
    512.0,
    600.0,
    1000.0,
    2000.0,
)
_PULSE_FOOT_MV = 0.3  # a pulse's foot within this of all traces of the page is their zero line
_GAP_MM = 5.0  # columns further apart than this have a pulse between them
_SAME_LEAD = 0.98  # correlation of an unnamed rhythm strip with the column of the same lead


def is_drawn(page: DrawnPage) -> bool:
    """Tell whether a page holds an ECG as lines."""
    return sum(is_trace(line) for line in page.polylines) >= MIN_TRACES


def read_vector_pages(
    pages: Sequence[DrawnPage],
    *,
    layout: str | None = None,
    speed_mm_s: float | None = None,
    gain_mm_mv: float | None = None,
) -> PageReading:
    """Read the pages of one recording and join them.

    pages       those with traces are read, others are skipped (a text report, for instance)
    layout      refuse the page unless it is this one, for instance "3x4+1"
    speed_mm_s, gain_mm_mv  win over what is printed
    Returns the reading: strips in mV with their own baseline at 0, times on the clock of their own page.
    Raises InputError where the page contradicts itself or `layout`, and where two pages hold the same leads.
    """
    drawn = [(number, page) for number, page in enumerate(pages) if is_drawn(page)]
    if not drawn:
        raise InputError("draws no ECG traces", remedy="Give the page of the recording itself")
    readings = [_read_page(page, number, speed_mm_s, gain_mm_mv) for number, page in drawn]
    joined = readings[0]
    for reading in readings[1:]:
        joined = _join(joined, reading)
    if layout is not None and layout != joined.layout:
        raise InputError(
            f"has the layout {joined.layout}, not {layout}",
            remedy=f"Leave --layout out or give {joined.layout}",
        )
    return joined


def _read_page(page: DrawnPage, number: int, speed: float | None, gain: float | None) -> PageReading:
    scales = scales_of(page, speed_mm_s=speed, gain_mm_mv=gain)
    rows = named_rows(page)
    zeros, zero_from = _zero_lines(rows, scales)
    strips: list[Strip] = []
    uneven = False
    for row, zero in zip(rows.rows, zeros, strict=True):
        start = 0.0
        for k, piece in enumerate(row):
            if k:
                start = _start(row, k, rows, scales, start, strips[-1])
            samples, rate, even = _samples(piece.points, zero, scales)
            uneven |= not even
            trace = piece.points / MM_PER_POINT
            strips.append(Strip(piece.lead or "", piece.rhythm, start, samples, rate, trace, number))
    strips, left_out = _known(strips)
    found: dict[str, Found] = {**scales.found, "layout": "printed" if rows.named == "printed" else "assumed"}
    facts = {
        "PulseHeight": _median([pulse.height / scales.unit[1] for pulse in scales.pulses]),
        "GridSpacing": list(scales.grid_mm) if scales.grid_mm else None,
        "ZeroLine": zero_from,
        "LeftOut": left_out,
        "Interpolated": uneven,
    }
    return PageReading(
        tuple(strips),
        rows.layout,
        "vector",
        (scales.unit[0] / MM_PER_POINT, scales.unit[1] / MM_PER_POINT),
        scales.speed_mm_s,
        scales.gain_mm_mv,
        found,
        facts=facts,
    )


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if len(values) else None


def _zero_lines(rows: Rows, scales: Scales) -> tuple[list[float | None], str]:
    """Return the height of 0 mV of each row where pulses show it; None: each trace's own median.

    Only when every row has a pulse whose foot lies near all its traces is a foot more than a decoration.
    """
    zeros: list[float | None] = []
    limit = _PULSE_FOOT_MV * scales.gain_mm_mv * scales.unit[1]
    for row in rows.rows:
        levels = np.array([level_of(piece.points) for piece in row])
        feet = [p.foot for p in scales.pulses if np.abs(p.foot - levels).max() < limit]
        zeros.append(feet[0] if feet and np.ptp(feet) < 0.05 else None)
    if any(zero is None for zero in zeros):
        return [None] * len(zeros), "median of each trace"
    return zeros, "foot of the calibration pulse"


def _samples(points: np.ndarray, zero: float | None, scales: Scales) -> tuple[np.ndarray, float, bool]:
    """Return (mV, samples a second, whether the points themselves are the samples)."""
    x, inverse = _distinct(points[:, 0])
    y = np.bincount(inverse, points[:, 1]) / np.bincount(inverse)
    seconds = (x - x[0]) / (scales.unit[0] * scales.speed_mm_s)
    step = seconds[-1] / (len(x) - 1)
    # coordinates are rounded to 0.01 or 0.001 points: 4 um
    tolerance = 0.1 * step + 0.004 / scales.speed_mm_s
    even = bool((np.abs(seconds - step * np.arange(len(x))) < tolerance).all()) and len(x) == len(points)
    if even:
        rate = 1 / step
        near = min(_USUAL_RATES, key=lambda value: abs(value - rate))
        rate = near if abs(rate / near - 1) < 2e-3 else rate
    else:
        rate = UNEVEN_RATE_HZ
        y = np.interp(np.arange(int(seconds[-1] * rate + 1e-6) + 1) / rate, seconds, y)
    level = zero if zero is not None else float(np.median(y))
    return (level - y) / (scales.unit[1] * scales.gain_mm_mv), float(rate), even


def _distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different values in order, and which of them each value is: np.unique, without loading masked arrays."""
    order = np.argsort(values, kind="stable")
    new = np.append(True, np.diff(values[order]) > 0)
    number = np.empty(len(values), dtype=int)
    number[order] = np.cumsum(new) - 1
    return values[order][new], number


def _start(row: Sequence[Named], k: int, rows: Rows, scales: Scales, before: float, previous: Strip) -> float:
    """Return when a column begins. Columns follow each other in time; where they touch, the paper is the clock.

    A pulse between two columns is no time. A printer that lets columns overlap by a sample or two has not
    recorded time twice: the next column then begins where the one before ends, to the next tenth of a second.
    """
    end = before + len(previous.samples) / previous.rate
    gap = row[k].points[0, 0] - row[k - 1].points[-1, 0]
    if gap > _GAP_MM:
        return end
    first = min(piece.points[0, 0] for line in rows.rows for piece in line[:1])
    by_paper = (row[k].points[0, 0] - first) / (scales.unit[0] * scales.speed_mm_s)
    if by_paper < end - 0.5 / previous.rate:
        return round(end, 1)  # columns are tenths of a second long; what overlaps was dropped or drawn twice
    return float(by_paper)


def _known(strips: Sequence[Strip]) -> tuple[list[Strip], list[str]]:
    """Name unnamed rhythm strips by the column they repeat; leave out what is none of the twelve leads."""
    kept, left_out = [], []
    for strip in strips:
        lead = strip.lead or _repeated(strip, [s for s in strips if s.lead and not s.rhythm])
        if lead in LEADS or lead == "-aVR":
            kept.append(replace(strip, lead=lead))
        else:
            left_out.append(lead or "a strip without a name")
    return kept, left_out


def _repeated(strip: Strip, columns: Sequence[Strip]) -> str:
    """Return the lead whose column a strip repeats in the same time; empty where none is alike."""
    best, lead = _SAME_LEAD, ""
    for column in columns:
        times = column.start_s + np.arange(len(column.samples)) / column.rate
        there = np.interp(times, strip.start_s + np.arange(len(strip.samples)) / strip.rate, strip.samples)
        if np.ptp(there) > 0.05 and np.ptp(column.samples) > 0.05:
            alike = float(np.corrcoef(there, column.samples)[0, 1])
            best, lead = (alike, column.lead) if alike > best else (best, lead)
    return lead


def _join(first: PageReading, second: PageReading) -> PageReading:
    """Join two pages of one recording."""
    twice = {s.lead for s in first.strips} & {s.lead for s in second.strips}
    if twice:
        raise InputError(
            f"holds the lead{'s' if len(twice) > 1 else ''} {', '.join(sorted(twice))} on two pages",
            remedy="Read one recording with --page N, or give the pages of one",
        )
    for what in ("speed_mm_s", "gain_mm_mv"):
        if getattr(first, what) != getattr(second, what):
            raise InputError(
                f"has pages of {getattr(first, what):g} and {getattr(second, what):g} {what}",
                remedy="Give the pages of one recording",
            )
    facts = {**first.facts, "LeftOut": [*first.facts["LeftOut"], *second.facts["LeftOut"]]}
    facts["Interpolated"] = first.facts["Interpolated"] or second.facts["Interpolated"]
    # a last page of extra leads alone does not make the layout
    return replace(first, strips=(*first.strips, *second.strips), facts=facts)
