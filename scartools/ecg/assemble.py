"""From strips on a page to twelve leads on one clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scartools.ecg.reading import LEADS, PageReading, Strip
from scartools.errors import InputError

OUTPUT_RATE_HZ = 500.0
RESAMPLING = (
    "samples that fall on the output's clock within 0.1 ms are copied; "
    "else a natural cubic spline through each run without gaps"
)
_SPLINE_REACH = 30  # samples; 0.27 to this power is below the last bit of a double
_ON_CLOCK = 0.05  # part of an output sample, 0.1 ms: coordinates are rounded to some micrometres


@dataclass(frozen=True)
class Assembled:
    """Twelve leads: signals float64 (12, T), mV at `rate`, NaN where nothing is printed; quality of each lead."""

    signals: np.ndarray
    rate: float
    quality: dict[str, dict[str, Any]]


def upright(reading: PageReading) -> PageReading:
    """Turn Cabrera's -aVR into aVR."""
    strips = [
        replace(strip, lead="aVR", samples=-strip.samples) if strip.lead == "-aVR" else strip
        for strip in reading.strips
    ]
    turned = any(strip.lead == "-aVR" for strip in reading.strips)
    return replace(reading, strips=tuple(strips), facts={**reading.facts, "AVRTurned": turned})


def assemble(reading: PageReading, rate: float = OUTPUT_RATE_HZ) -> Assembled:
    """Put the strips of a page on one clock, leads in standard order.

    rate   of the output, Hz
    A rhythm strip takes the place of its lead's column; see RESAMPLING for the method.
    Raises InputError naming the leads that are missing.
    """
    return assemble_strips(upright(reading).strips, rate)


def assemble_strips(strips: Sequence[Strip], rate: float = OUTPUT_RATE_HZ) -> Assembled:
    """Put upright strips on one clock; as `assemble`."""
    missing = [lead for lead in LEADS if all(strip.lead != lead for strip in strips)]
    if missing:
        raise InputError(
            f"holds no lead {', '.join(missing)}",
            remedy="Give the whole recording, all its pages in one PDF",
            facts={"MissingLeads": missing},
        )
    chosen = {lead: _chosen(strips, lead) for lead in LEADS}
    end = max(strip.start_s + len(strip.samples) / strip.rate for strip in chosen.values())
    signals = np.full((len(LEADS), round(end * rate)), np.nan)
    for row, strip in zip(signals, chosen.values(), strict=True):
        _place(row, strip, rate)
    return Assembled(signals, rate, {lead: _quality(strip) for lead, strip in chosen.items()})


def _chosen(strips: Sequence[Strip], lead: str) -> Strip:
    own = [strip for strip in strips if strip.lead == lead]
    return max(own, key=lambda strip: (strip.rhythm, len(strip.samples) / strip.rate))


def _place(row: np.ndarray, strip: Strip, rate: float) -> None:
    """Write a strip into its lead's row (T,), run by run between gaps."""
    for first, last in _runs(np.isfinite(strip.samples)):
        values = strip.samples[first:last]
        start = (strip.start_s + first / strip.rate) * rate  # in output samples
        step = rate / strip.rate
        place = np.arange(
            int(np.ceil(start - _ON_CLOCK)), int(start + (len(values) - 1) * step + _ON_CLOCK) + 1
        )
        place = place[(place >= 0) & (place < len(row))]
        if abs(step - 1) < 1e-9 and abs(start - round(start)) < _ON_CLOCK:
            row[place] = values[place - round(start)]
        elif len(values) > 1:
            row[place] = natural_spline(values, np.clip((place - start) / step, 0, len(values) - 1))


def natural_spline(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the natural cubic spline through values, float (N,) at 0, 1, 2 ..., at places, float (M,), 0 to N - 1.

    Its second derivatives solve m[k-1] + 4 m[k] + m[k+1] = 6 (v[k-1] - 2 v[k] + v[k+1]) and are 0 at both ends.
    Carried on as an odd function beyond the ends they solve the same on a line without ends, where the inverse is a
    convolution that falls by 0.27 a sample (Unser, IEEE Signal Process Mag 1999;16:22). Importing scipy for it takes longer than
    reading a drawn page.
    """
    bends = 6 * np.concatenate([[0.0], np.diff(values, 2), [0.0]])
    pole = np.sqrt(3) - 2
    kernel = pole ** np.abs(np.arange(-_SPLINE_REACH, _SPLINE_REACH + 1)) / (2 * np.sqrt(3))
    second = np.convolve(np.pad(bends, _SPLINE_REACH, "reflect", reflect_type="odd"), kernel, mode="valid")
    first = np.minimum(places.astype(int), len(values) - 2)
    right = places - first
    left = 1 - right
    bent = (left**3 - left) * second[first] + (right**3 - right) * second[first + 1]
    result: np.ndarray = left * values[first] + right * values[first + 1] + bent / 6
    return result


def _runs(finite: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], finite, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _quality(strip: Strip) -> dict[str, Any]:
    finite = np.isfinite(strip.samples)
    inside = strip.samples[finite]
    # of white noise of SD s, second differences have the SD s * sqrt(6); QRS complexes are too rare for a median
    second = np.abs(np.diff(inside, 2))
    noise = 1.4826 * float(np.median(second)) / np.sqrt(6) if len(second) else None
    return {
        "StartTime": round(float(strip.start_s), 6),
        "Duration": round(len(strip.samples) / strip.rate, 6),
        "DrawnRate": round(strip.rate, 4),
        "RhythmStrip": strip.rhythm,
        "Coverage": round(float(finite.mean()), 6),
        "Gaps": max(len(_runs(finite)) - 1, 0),
        "Noise": None if noise is None else round(float(noise) * 1000, 3),
    }
