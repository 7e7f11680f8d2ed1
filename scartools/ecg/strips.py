"""From followed rows to leads in millivolts, and which lead a rhythm strip shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scartools.ecg.columns import Columns
from scartools.ecg.page_checks import LAW_REFUSE, LAW_REVIEW, limb_laws
from scartools.ecg.page_layouts import Layout
from scartools.ecg.page_leads import Leads
from scartools.ecg.page_scales import Gains
from scartools.ecg.reading import Strip
from scartools.ecg.trace import baseline_of
from scartools.ecg.trace_refine import PER_PX
from scartools.errors import InputError

RHYTHM_LEADS = ("II", "V1", "V5")
LEAST_RHYTHM_MATCH = 0.75  # agreement of a rhythm strip with the column of its lead
USUAL_LEAD = 0.02  # what II, the usual rhythm lead, may fall behind the best
END_MM = 1.5  # a blank this wide at the end of a column is no gap but its end
LEAST_TRACE = 0.5  # share of its pixel columns in which a lead must be seen


def cut_strips(leads: Leads, px_per_mm: float, speed: float, gains: Gains) -> tuple[Strip, ...]:
    """Cut the followed rows into leads and the rhythm strips below them, each over its own baseline.

    speed  mm/s; gains: mm/mV, of a rhythm strip that of its lead
    A rhythm strip without a name that can be read, and unlike every column, is left out.
    Raises InputError where a lead is mostly missing.
    """
    layout, columns = leads.fit.layout, leads.columns
    strips = []
    for row, names in enumerate(layout.rows):
        for column, lead in enumerate(names):
            left, right = columns.edges(column, row)
            start_s = column * columns.time / (px_per_mm * speed)
            strips.append(
                _strip(lead, False, start_s, leads.heights[row], left, right, px_per_mm, speed, gains.of(lead))
            )
    for row, height in enumerate(leads.heights[len(layout.rows) :]):
        left, right = _whole_row(columns, len(layout.rows) + row)
        whole = _strip("II", True, 0.0, height, left, right, px_per_mm, speed, gains.limb)
        printed = leads.strip_names[row]
        lead, match = _rhythm_lead(whole, strips, gains)
        if printed is not None:
            strips.append(_as_lead(whole, printed, gains))
        elif match >= LEAST_RHYTHM_MATCH:
            strips.append(_as_lead(whole, lead, gains))
    return tuple(strips)


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
    held = all(value is not None and value <= LAW_REVIEW for value in limb_laws(together).values())
    return together if held else None


def _whole_row(columns: Columns, row: int) -> tuple[float, float]:
    """px, where a rhythm strip begins and ends."""
    return columns.edges(0, row)[0], columns.edges(columns.count - 1, row)[1]


def _strip(
    lead: str,
    rhythm: bool,
    start_s: float,
    height: np.ndarray,
    left: float,
    right: float,
    mm: float,
    speed: float,
    gain: float,
) -> Strip:
    first, stop = max(int(round(left * PER_PX)), 0), min(int(round(right * PER_PX)), len(height))
    piece = height[first:stop]
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
    trace_px = np.stack([(first + inked) / PER_PX, piece[inked]], axis=1).astype(float)
    return Strip(lead, rhythm, start_s, samples, mm * speed * PER_PX, trace_px)


def _as_lead(strip: Strip, lead: str, gains: Gains) -> Strip:
    """A strip that was cut with the gain of limb leads as that of the lead it shows."""
    return replace(strip, lead=lead, samples=strip.samples * (gains.limb / gains.of(lead)))


def _rhythm_lead(strip: Strip, leads: list[Strip], gains: Gains) -> tuple[str, float]:
    """The lead whose column looks most like the strip above or below it, and how well they agree."""
    scores = {}
    for lead in leads:
        if lead.lead in RHYTHM_LEADS:
            begin = round(lead.start_s * strip.rate)
            part = _as_lead(strip, lead.lead, gains).samples[begin : begin + len(lead.samples)]
            scores[lead.lead] = max(_concordance(part, lead.samples, lag) for lag in range(-6, 7))
    best = max(scores, key=lambda name: scores[name] + (USUAL_LEAD if name == "II" else 0.0))
    return best, scores[best]


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
