"""From the reading of a page to a record that may be used: names mended, the page asked, its status decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scartools.ecg.assemble import RESAMPLING, Assembled, assemble, upright
from scartools.ecg.page_checks import checked, status_of
from scartools.ecg.page_source import Given, described_box
from scartools.ecg.reading import Box, Check, PageReading, Status
from scartools.errors import InputError

BOX_MARGIN_MM = 1.0  # a trace is a line of some width
_SCALES = {"px_per_mm": "PxPerMm", "speed_mm_s": "PaperSpeed", "gain_mm_mv": "Gain", "layout": "Layout"}


@dataclass(frozen=True)
class Digitised:
    """A page that was read: its reading after the checks, leads on one clock, and what its sidecar says."""

    reading: PageReading
    leads: Assembled
    status: Status
    facts: dict[str, Any]


def digitise(reading: PageReading, given: Given, *, strict: bool = False) -> Digitised:
    """Ask the page whether it agrees with itself and put its leads on one clock.

    given   what a person said of it: leads are renamed before the checks; a verdict comes after them
    strict  refuse what would need a review
    Raises InputError with the failed checks for a page that is refused; its facts hold all of them.
    """
    if given.verdict == "refuse":
        raise InputError("was refused by a person", facts={"Status": "refused", "Given": given.facts()})
    reading = checked(upright(_renamed(reading, dict(given.rename))))
    status = status_of(reading.checks)
    facts = _facts(reading, given)
    if given.verdict == "accept":
        status = "accepted"
    if status == "refused" or (strict and status == "needs_review"):
        raise InputError(
            f"does not agree with itself: {failures(facts['Checks'])}",
            remedy="Look at the page, scan it again, or give --layout, --speed or --gain",
            facts={**facts, "Status": "refused"},
        )
    leads = assemble(reading)
    facts |= {"Status": status, "Resampling": RESAMPLING, "Quality": leads.quality}
    return Digitised(reading, leads, status, facts)


def failures(checks: Sequence[dict[str, Any]]) -> str:
    """Return the failed checks of a sidecar with their numbers, those that refuse first; empty without any."""
    failed = [check for check in checks if check["Passed"] is False]
    failed.sort(key=lambda check: not check["Refuses"])
    return "; ".join(
        f"{check['Name']} {check['Value']:.3g}"
        f" (at {'least' if 'Least' in check else 'most'} {check.get('Least', check.get('Most')):g}"
        f" {check['Units']}".rstrip()
        + ")"
        for check in failed
    )


def boxes_of(reading: PageReading) -> list[Box]:
    """Return the box of each strip in the unit of `trace_px`, BOX_MARGIN_MM above and below its trace.

    start_s is the time of the first point that was seen. Strips without a point are left out.
    """
    found = []
    for strip in reading.strips:
        seen = np.flatnonzero(np.isfinite(strip.samples))
        trace = strip.trace_px[np.isfinite(strip.trace_px).all(axis=1)]
        if not len(trace) or not len(seen):
            continue
        low, high = trace.min(axis=0), trace.max(axis=0) + 1
        across = 1 if high[0] - low[0] >= high[1] - low[1] else 0  # a page that lies on its side
        margin = BOX_MARGIN_MM * reading.px_per_mm[across]
        low[across], high[across] = low[across] - margin, high[across] + margin
        start = float(strip.start_s + seen[0] / strip.rate)
        edges = [float(value) for value in (*np.maximum(low, 0), *high)]
        found.append(Box(strip.lead, strip.rhythm, start, *edges))
    return found


def _renamed(reading: PageReading, names: dict[str, str]) -> PageReading:
    if not names:
        return reading
    unknown = sorted(set(names) - {strip.lead for strip in reading.strips})
    if unknown:
        raise InputError(f"has no lead {', '.join(unknown)} to rename", remedy="Mend the corrections")
    strips = tuple(replace(strip, lead=names.get(strip.lead, strip.lead)) for strip in reading.strips)
    return replace(reading, strips=strips)


def _facts(reading: PageReading, given: Given) -> dict[str, Any]:
    return {
        "SourceKind": reading.source_kind,
        "PxPerMm": [round(float(value), 6) for value in reading.px_per_mm],
        "PaperSpeed": reading.speed_mm_s,
        "Gain": reading.gain_mm_mv,
        "Layout": reading.layout,
        "Found": {_SCALES[key]: value for key, value in reading.found.items()},
        **({"Given": given.facts()} if given.facts() else {}),
        **reading.facts,
        "Checks": [_described(check) for check in reading.checks],
        "Boxes": [described_box(box) for box in boxes_of(reading)],
    }


def _described(check: Check) -> dict[str, Any]:
    return {
        "Name": check.name,
        "Value": None if check.value is None else round(check.value, 6),
        "Least" if check.least else "Most": check.limit,
        "Units": check.unit,
        "Passed": check.passed,
        "Refuses": check.refuses,
    }
