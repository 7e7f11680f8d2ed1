"""From followed rows to leads in millivolts, and which lead a rhythm strip shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scartools.ecg.layout import COLUMN_S, COLUMNS, MM, Columns
from scartools.ecg.reading import Strip
from scartools.ecg.trace import baseline_of
from scartools.ecg.trace_refine import PER_PX
from scartools.errors import InputError

RHYTHM_LEADS = ("II", "V1", "V5")
LEAST_RHYTHM_MATCH = 0.75  # agreement of a rhythm strip with the column of its lead
USUAL_LEAD = 0.02  # what II, the usual rhythm lead, may fall behind the best
LEAST_TRACE = 0.5  # share of its pixel columns in which a lead must be seen


def cut_strips(
    heights: list[np.ndarray], columns: Columns, mm: MM, speed: float, gain: float
) -> tuple[Strip, ...]:
    """Cut the rows into twelve columns and the rhythm strips below them, each over its own baseline.

    heights  one a row, float (PER_PX W,): row (px) of the trace at column k / PER_PX, NaN in gaps
    mm       px per mm along x and y; speed mm/s; gain mm/mV
    Raises InputError where a lead is mostly missing or a rhythm strip looks like none of its columns.
    """
    strips = []
    for at in range(3):
        for k in range(4):
            start = columns.start + k * columns.width
            strips.append(
                _strip(COLUMNS[k][at], False, k * COLUMN_S, heights[at], start, columns.width, mm, speed, gain)
            )
    for height in heights[3:]:
        whole = _strip("II", True, 0.0, height, columns.start, 4 * columns.width, mm, speed, gain)
        lead, match = _rhythm_lead(whole, strips)
        if match < LEAST_RHYTHM_MATCH:
            raise InputError(
                f"the rhythm strip fits neither column II, V1 nor V5 (best agreement {match:.2f}, {lead})"
            )
        strips.append(replace(whole, lead=lead))
    return tuple(strips)


def _strip(
    lead: str,
    rhythm: bool,
    start_s: float,
    height: np.ndarray,
    left: float,
    width: float,
    mm: MM,
    speed: float,
    gain: float,
) -> Strip:
    first = max(int(np.ceil(left * PER_PX - 0.5)), 0)
    piece = height[first : max(int(np.ceil((left + width) * PER_PX - 0.5)), 0)]
    share = float(np.isfinite(piece).mean()) if len(piece) else 0.0
    if share < LEAST_TRACE:
        raise InputError(f"lead {lead} has no trace over {1 - share:.0%} of its width")
    baseline = baseline_of(piece, mm[1])
    samples = (baseline - piece) / (mm[1] * gain)
    inked = np.flatnonzero(np.isfinite(piece))
    trace_px = np.stack([(first + inked) / PER_PX, piece[inked]], axis=1).astype(float)
    px_per_s = mm[0] * speed
    begin = start_s + (first / PER_PX - left) / px_per_s
    return Strip(lead, rhythm, max(begin, 0.0), samples, PER_PX * px_per_s, trace_px)


def _rhythm_lead(strip: Strip, leads: list[Strip]) -> tuple[str, float]:
    """The lead whose column looks most like the strip above or below it, and how well they agree."""
    scores = {}
    for lead in leads:
        if lead.lead in RHYTHM_LEADS:
            begin = round(lead.start_s * strip.rate)
            part = strip.samples[begin : begin + len(lead.samples)]
            scores[lead.lead] = max(
                _concordance(part, lead.samples, lag) for lag in range(-3 * PER_PX, 3 * PER_PX + 1)
            )
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
