"""How far the direction of the septum can be trusted, from how well the slices agree about it.

An anchor that is off by d degrees gives d/60 of the basal and mid voxels, and d/90 of the apical ones, to the
neighbouring segment; so the scatter of the slices about their ring's mean says how much of a map is in doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from scartools.heart.rv_contact import Contact
from scartools.heart.short_axis_view import circular_mean, signed

Confidence = Literal["high", "moderate", "low", "given"]
AGREES_DEGREES = 10.0  # from the mean of the ring
HIGH, MODERATE = 5.0, 10.0  # degrees; a twelfth and a sixth of a basal sector
FEWEST_SLICES = 3  # below it a scatter says little
SOUND_ARC = (60.0, 180.0)  # degrees; half and one and a half of the standard's septum


def rv_confidence(by_ring: Sequence[Sequence[Contact]], slices: Sequence[int]) -> dict[str, Any]:
    """What the contacts of RV and LV say about themselves.

    by_ring  the contacts of the basal, mid and apical slices
    slices   how many slices each of these rings has
    Returns facts: AnchorSlices (with contact, and in all), AnchorSlicesAgreeing (within 10 degrees of their ring's
    mean), SeptumSDDegrees (about the ring's mean; None for a single slice), MeanSeptalArcDegrees,
    ExpectedMislabelledPercent, and AnchorConfidence: high with three slices or more, an SD of at most 5 degrees and
    a mean arc of 60-180 degrees; moderate with an SD of at most 10; else low. The SD is of the slices, not of their
    mean: errors of an RV contour are alike in neighbouring slices, so they do not average out.
    """
    off = np.concatenate([_off_the_mean(contacts) for contacts in by_ring])
    freedom = len(off) - sum(1 for contacts in by_ring if contacts)
    sd = float(np.sqrt((off**2).sum() / freedom)) if freedom > 0 else None
    arc = float(np.mean([contact.arc for contacts in by_ring for contact in contacts]))
    confidence: Confidence = "low"
    if sd is not None and len(off) >= FEWEST_SLICES and SOUND_ARC[0] <= arc <= SOUND_ARC[1]:
        confidence = "high" if sd <= HIGH else "moderate" if sd <= MODERATE else "low"
    error = None if sd is None else sd * np.sqrt(2 / np.pi)  # the mean size of an error with this SD
    return {
        "AnchorConfidence": confidence,
        "AnchorSlices": {"WithContact": len(off), "All": int(sum(slices))},
        "AnchorSlicesAgreeing": int((np.abs(off) <= AGREES_DEGREES).sum()),
        "SeptumSDDegrees": None if sd is None else round(sd, 3),
        "MeanSeptalArcDegrees": round(arc, 3),
        "ExpectedMislabelledPercent": None
        if error is None
        else {
            "BasalAndMid": round(100 * min(1.0, float(error) / 60), 1),
            "Apical": round(100 * min(1.0, float(error) / 90), 1),
        },
    }


def plain_confidence(confidence: Confidence, slices: int) -> dict[str, Any]:
    """The same facts where no contact was measured: a reader's anchor is "given", an assumed one "low"."""
    return {"AnchorConfidence": confidence, "AnchorSlices": {"WithContact": slices, "All": None}}


def _off_the_mean(contacts: Sequence[Contact]) -> np.ndarray:
    middles = np.array([contact.middle for contact in contacts], dtype=np.float64)
    return signed(middles - circular_mean(middles)) if len(middles) else middles
