"""The median beat that a vendor's device stored, brought into the form of our own: 12 x 600 at 500 Hz, R at sample 200."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from scartools.ecg import sampling
from scartools.ecg.beat import R_SAMPLE, RATE_HZ, SAMPLES, Beat
from scartools.ecg.quality import lag_of
from scartools.ecg.reading import LEADS


def take_device_beat(own: Beat, signals: np.ndarray, rate: float) -> Beat:
    """Return a beat with the signals of the device's median, and the facts of our own beat that still hold.

    own      the beat made from the recording that came with it: its R, rhythm and level are kept
    signals  float (12, T), mV, rows in the order I II III aVR aVL aVF V1-V6, NaN where absent; rate Hz, 100 or more
    The device's QRS is laid on that of our beat by the slopes of all leads, so that R stays at sample 200 whatever the
    window of the device; what its window does not cover is NaN. The level is set on the PR segment where it is for our own. A lead
    that the device's median lacks is absent. Noise is not known and LeadQuality is the share of samples that are there.
    Raises InputError for another shape, and for a median that is flat.
    """
    theirs = sampling.resample(np.asarray(signals, dtype=np.float64), rate, RATE_HZ)
    first = lag_of(own.signals, theirs)  # sample of the device's window on our first
    place = first + np.arange(SAMPLES)
    inside = (place >= 0) & (place < theirs.shape[1])
    beat = np.full((len(LEADS), SAMPLES), np.nan)
    beat[:, inside] = theirs[:, place[inside]]
    start, stop = (R_SAMPLE + round(own.facts["Baseline"][end] * RATE_HZ / 1000) for end in ("From", "To"))
    level = np.array(
        [np.median(lead[np.isfinite(lead)]) if np.isfinite(lead).any() else 0.0 for lead in beat[:, start:stop]]
    )
    return replace(own, signals=beat - level[:, None], facts={**own.facts, **_facts(beat)})


def _facts(beat: np.ndarray) -> dict[str, Any]:
    shares = np.isfinite(beat).mean(axis=1)
    covered = {lead: round(float(share), 4) for lead, share in zip(LEADS, shares, strict=True)}
    return {
        "Method": {lead: "device" if share else "absent" for lead, share in covered.items()},
        "BeatsPerLead": dict.fromkeys(LEADS),
        "Noise": dict.fromkeys(LEADS),
        "Coverage": covered,
        "LeadQuality": covered,
        "Quality": round(float(np.mean(shares)), 4),
        "QualityDefinition": "share of the 600 samples that the device's median covers; the mean over twelve leads",
    }
