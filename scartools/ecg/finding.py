"""One answer about the quality of a recording: a number, its limit, and whether it passes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Finding:
    """What was asked, what was found, and whether a reader should look.

    name     what was asked, in snake_case
    value    in `unit`; None where it could not be asked
    limit    from which on it is flagged: the least or the most that is usual
    flagged  True where it passes the limit, False where it could not be asked
    lead     the lead it is about, None where about the recording
    """

    name: str
    value: float | None
    limit: float
    unit: str
    flagged: bool
    lead: str | None = None


def at_most(name: str, value: float | None, limit: float, unit: str, lead: str | None = None) -> Finding:
    """Return a finding that is flagged where the value lies above its limit; None and NaN were not asked."""
    if value is None or not np.isfinite(value):
        return Finding(name, None, float(limit), unit, False, lead)
    return Finding(name, float(value), float(limit), unit, bool(value > limit), lead)


def at_least(name: str, value: float | None, limit: float, unit: str, lead: str | None = None) -> Finding:
    """Return a finding that is flagged where the value lies below its limit; None and NaN were not asked."""
    if value is None or not np.isfinite(value):
        return Finding(name, None, float(limit), unit, False, lead)
    return Finding(name, float(value), float(limit), unit, bool(value < limit), lead)
