"""Which end of a short-axis stack is the apex.

No index order and no header is trusted: three signs of the anatomy vote, and they must agree.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from scartools.errors import GeometryError, InputError
from scartools.heart.slices import Slices

LongAxis = Literal["auto", "base-first", "apex-first"]
SPEAKING_RATIO = 1.2  # an area has to differ this much between the two ends before it says anything


def apex_to_base(slices: Slices, long_axis: LongAxis = "auto") -> tuple[int, dict[str, Any], tuple[str, ...]]:
    """Tell the direction from apex to base.

    long_axis  "auto", or the order along the slice axis as the user gives it: "base-first", "apex-first"
    Returns +1 where the base has the higher slice index, -1 where it has the lower; facts LongAxisEvidence,
    LongAxisCues; and a warning where the anatomy contradicts what the user gave.
    Raises GeometryError where no sign speaks, or two contradict each other.
    """
    if long_axis not in ("auto", "base-first", "apex-first"):
        raise InputError(f"long axis '{long_axis}' is unknown", remedy="Use auto, base-first or apex-first")
    cues = {
        "CavityTaper": _taper(slices.pool_mm2[_span(slices)]),
        "CavitylessEnd": _cavityless_end(slices),
        "RightVentricle": _taper(slices.rv_mm2[_span(slices)]),
    }
    votes = {name: vote for name, vote in cues.items() if vote != 0}
    spoken = ", ".join(f"{name} says base {'last' if vote > 0 else 'first'}" for name, vote in votes.items())
    words = {1: "base last", -1: "base first", 0: "silent"}
    facts = {"LongAxisEvidence": spoken, "LongAxisCues": {name: words[vote] for name, vote in cues.items()}}
    if long_axis != "auto":
        given = 1 if long_axis == "apex-first" else -1
        against = (f"the long axis was given as {long_axis}, but {spoken}",) if -given in votes.values() else ()
        return given, {**facts, "LongAxisEvidence": "given"}, against
    remedy = "Give --long-axis base-first or apex-first"
    if not votes:
        raise GeometryError(
            "apex and base cannot be told apart: the cavity has like areas at both ends and neither "
            "end is closed",
            remedy=remedy,
        )
    if len(set(votes.values())) > 1:
        raise GeometryError(f"the signs of apex and base contradict each other: {spoken}", remedy=remedy)
    return next(iter(votes.values())), facts, ()


def _span(slices: Slices) -> slice:
    """The slices from the first to the last that hold the ventricle."""
    hit = np.flatnonzero(slices.ventricle)
    return slice(int(hit[0]), int(hit[-1]) + 1)


def _taper(area: np.ndarray) -> int:
    """Compare the outer thirds of areas, (K,) mm2: +1 if the later is clearly larger, -1 if smaller, or 0."""
    third = max(1, int(np.ceil(len(area) / 3)))
    if len(area) < 2:
        return 0
    first, last = float(area[:third].mean()), float(area[-third:].mean())
    small, large = sorted((first, last))
    if large == 0.0 or round(large, 6) < round(SPEAKING_RATIO * small, 6):
        return 0
    return 1 if last > first else -1


def _cavityless_end(slices: Slices) -> int:
    """+1 if only the first slices of the ventricle are closed (apex first), -1 if only the last, or 0."""
    span = _span(slices)
    cavity = slices.cavity[span]
    if cavity[0] == cavity[-1]:
        return 0
    return 1 if not cavity[0] else -1
