"""From followed rows to leads in millivolts, and which lead a rhythm strip shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scartools.ecg.columns import Columns
from scartools.ecg.limb_laws import limb_laws
from scartools.ecg.page_checks import LAW_REFUSE
from scartools.ecg.page_layouts import Layout
from scartools.ecg.page_leads import Leads
from scartools.ecg.page_scales import Gains
from scartools.ecg.reading import Strip
from scartools.ecg.row_tilt import tilt_of
from scartools.ecg.trace import baseline_of
from scartools.ecg.trace_refine import PER_PX
from scartools.errors import InputError

RHYTHM_LEADS = ("II", "V1", "V5")
LEAST_RHYTHM_MATCH = 0.75  # agreement of a rhythm strip with the column of its lead
# agreement that tells a strip without a name, and how many times as far from it the next lead stays
TOLD_BY_SHAPE, TOLD_TIMES = 0.9, 3.0
USUAL_LEAD = 0.02  # what II, the usual rhythm lead, may fall behind the best
END_MM = 1.5  # a blank this wide at the end of a column is no gap but its end
LAW_HELD = 0.25  # share of the leads' size that a law is missed by at most where it holds
STROKE_END_MM, STROKE_TALL_MM = 1.0, 3.0  # of a stroke at the end of the traces
LEAST_TRACE = 0.5  # share of its pixel columns in which a lead must be seen


def cut_strips(leads: Leads, px_per_mm: float, speed: float, gains: Gains) -> tuple[Strip, ...]:
    """Cut the followed rows into leads and the rhythm strips below them, each over its own baseline.

    speed  mm/s; gains: mm/mV, of a rhythm strip that of its lead
    A rhythm strip without a name that can be read, and unlike every column, is left out.
    Raises InputError where a lead is mostly missing.
    """
    layout, columns = leads.fit.layout, leads.columns
    strips, tilt = [], _tilt(leads)
    for row, names in enumerate(layout.rows):
        for column, lead in enumerate(names):
            left, right = columns.edges(column, row)
            start_s = column * columns.time / (px_per_mm * speed)
            strips.append(
                _strip(
                    lead,
                    False,
                    start_s,
                    leads.heights[row],
                    leads.hidden[row],
                    left,
                    right,
                    px_per_mm,
                    speed,
                    gains.of(lead),
                    (column == 0, column == layout.columns - 1),
                    tilt,
                )
            )
    for row, height in enumerate(leads.heights[len(layout.rows) :]):
        left, right = _whole_row(columns, len(layout.rows) + row)
        covered = leads.hidden[len(layout.rows) + row]
        whole = _strip(
            "II", True, 0.0, height, covered, left, right, px_per_mm, speed, gains.limb, (True, True), tilt
        )
        printed = leads.strip_names[row]
        lead, match = _rhythm_lead(whole, strips, gains)
        if printed is not None:
            strips.append(_as_lead(whole, printed, gains))
        elif match >= LEAST_RHYTHM_MATCH:
            strips.append(_as_lead(whole, lead, gains))
    return tuple(strips)


def untold_strips(leads: Leads, strips: tuple[Strip, ...]) -> int:
    """How many rhythm strips show a lead that neither a name nor the trace itself tells.

    A strip repeats its lead's column, beat for beat, at the same time and the same size: that tells the lead as surely as a
    printed name, where no other column comes near.
    """
    columns = [strip for strip in strips if not strip.rhythm]
    own = [strip for strip in strips if strip.rhythm]
    if len(own) < len(leads.strip_names):  # one was like no column and is left out
        return sum(name is None for name in leads.strip_names)
    untold = 0
    for strip, name in zip(own, leads.strip_names, strict=True):
        match = {lead.lead: _match(strip, lead) for lead in columns} if name is None else {}
        others = [value for lead, value in match.items() if lead != strip.lead]
        told = name is not None or (
            match.get(strip.lead, 0.0) >= TOLD_BY_SHAPE
            and 1 - max(others, default=1.0) >= TOLD_TIMES * (1 - match[strip.lead])
        )
        untold += not told
    return untold


def side_by_side(strips: tuple[Strip, ...], layout: Layout, column_s: float) -> tuple[Strip, ...] | None:
    """The strips with every column at the time of the first, if the page says that its columns share their time.

    Some recorders print the same seconds in all columns. That is told only where a rhythm strip refutes that the columns
    follow each other, and all laws of the limb leads hold across the columns once they start together. Else None.
    """
    after = limb_laws(strips)["goldberger_ii"]
    if after is None or after <= LAW_REFUSE or layout.order != "standard":
        return None
    column = {lead: at for names in layout.rows for at, lead in enumerate(names)}
    together = tuple(
        strip if strip.rhythm else replace(strip, start_s=strip.start_s - column[strip.lead] * column_s)
        for strip in strips
    )
    held = all(value is not None and value <= LAW_HELD for value in limb_laws(together).values())
    return together if held else None


def _whole_row(columns: Columns, row: int) -> tuple[float, float]:
    """px, where a rhythm strip begins and ends."""
    return columns.edges(0, row)[0], columns.edges(columns.count - 1, row)[1]


def _strip(
    lead: str,
    rhythm: bool,
    start_s: float,
    height: np.ndarray,
    covered: np.ndarray,
    left: float,
    right: float,
    mm: float,
    speed: float,
    gain: float,
    outer: tuple[bool, bool] = (False, False),
    tilt: float = 0.0,
) -> Strip:
    # a value before the edge would lie before the beginning of time
    first, stop = max(int(np.ceil(left * PER_PX)), 0), min(int(round(right * PER_PX)), len(height))
    fall = tilt * np.arange(len(height)) / PER_PX
    piece = _without_end_strokes((height - fall)[first:stop], mm, outer)
    inked = np.flatnonzero(np.isfinite(piece))
    share = len(inked) / len(piece) if len(piece) else 0.0
    if share < LEAST_TRACE:
        raise InputError(f"lead {lead} has no trace over {1 - share:.0%} of its width")
    # what is blank at an end (room for a pulse) is no part of the lead
    if inked[0] > END_MM * mm * PER_PX:
        first, piece = first + int(inked[0]), piece[inked[0] :]
    inked = np.flatnonzero(np.isfinite(piece))
    if len(piece) - 1 - inked[-1] > END_MM * mm * PER_PX:
        piece = piece[: inked[-1] + 1]
    start_s = max(start_s + (first / PER_PX - left) / (mm * speed), 0.0)
    baseline = baseline_of(piece, mm)
    samples = (baseline - piece) / (mm * gain)
    inked = np.flatnonzero(np.isfinite(piece))
    drawn = piece[inked] + fall[first + inked]
    trace_px = np.stack([(first + inked) / PER_PX, drawn], axis=1).astype(float)
    hidden = float((covered[first : first + len(piece)] & ~np.isfinite(piece)).mean())
    return Strip(lead, rhythm, start_s, samples, mm * speed * PER_PX, trace_px, hidden=hidden)


def _tilt(leads: Leads) -> float:
    """px a px by which the rows fall to the right, with print that leans."""
    rows, columns = leads.fit.rows, leads.columns
    if not columns.shifts or len(rows) < 2:
        return 0.0
    lean = (columns.shifts[-1][0] - columns.shifts[0][0]) / (rows[-1] - rows[0])
    first, stop = (max(int(edge * PER_PX), 0) for edge in (columns.start, columns.stop))
    return tilt_of([height[first:stop:PER_PX] for height in leads.heights], lean)


def _without_end_strokes(piece: np.ndarray, mm: float, outer: tuple[bool, bool]) -> np.ndarray:
    """The heights of a lead without a stroke in its first or last millimetre.

    piece  px, PER_PX a column; outer: whether its left and its right end are those of the traces of the page
    A pulse ends there, or another page begins: a stroke cut off there is as good as hidden, even where it is of a beat.
    """
    reach, kept = max(int(STROKE_END_MM * mm * PER_PX), 2), piece.copy()
    for side, wanted in ((1, outer[0]), (-1, outer[1])):
        inked = np.flatnonzero(np.isfinite(kept))
        if not wanted or len(inked) <= 2 * reach:
            continue
        ends = inked[:reach] if side == 1 else inked[::-1][:reach]
        inner = inked[reach : 2 * reach] if side == 1 else inked[::-1][reach : 2 * reach]
        if np.abs(kept[ends] - np.median(kept[inner])).max() > STROKE_TALL_MM * mm:
            kept[ends] = np.nan
    return kept


def _as_lead(strip: Strip, lead: str, gains: Gains) -> Strip:
    """A strip that was cut with the gain of limb leads as that of the lead it shows."""
    return replace(strip, lead=lead, samples=strip.samples * (gains.limb / gains.of(lead)))


def _rhythm_lead(strip: Strip, leads: list[Strip], gains: Gains) -> tuple[str, float]:
    """The lead whose column looks most like the strip above or below it, and how well they agree."""
    scores = {}
    for lead in leads:
        if lead.lead in RHYTHM_LEADS:
            scores[lead.lead] = _match(_as_lead(strip, lead.lead, gains), lead)
    best = max(scores, key=lambda name: scores[name] + (USUAL_LEAD if name == "II" else 0.0))
    return best, scores[best]


def _match(strip: Strip, column: Strip) -> float:
    """How well a column agrees with what a strip shows at its time, at the best of a few samples' shifts."""
    begin = max(round((column.start_s - strip.start_s) * strip.rate), 0)
    part = strip.samples[begin : begin + len(column.samples)]
    return max(_concordance(part, column.samples, lag) for lag in range(-6, 7))


def _concordance(a: np.ndarray, b: np.ndarray, lag: int) -> float:
    """Lin's concordance: 1 for the same curve at the same scale (Biometrics 1989;45:255), the means left out."""
    length = min(len(a), len(b)) - abs(lag)
    if length < 10:
        return 0.0
    a, b = a[max(lag, 0) :][:length], b[max(-lag, 0) :][:length]
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 0.5 * length:
        return 0.0
    spread = np.var(a[both]) + np.var(b[both])
    return float(2 * np.cov(a[both], b[both], bias=True)[0, 1] / spread) if spread > 0 else 0.0
