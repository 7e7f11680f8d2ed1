"""What was read from a page of a paper ECG: leads in millivolts, scales and how they were found, checks passed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
# How a scale or a layout was found, best first: printed on the page or stored in the file; measured on grid or
# calibration pulse; given by the user; assumed (the usual value, nothing on the page contradicts it).
Found = Literal["printed", "measured", "given", "assumed"]
Status = Literal["accepted", "needs_review", "refused"]


@dataclass(frozen=True, eq=False)
class Strip:
    """One drawn lead: a column of a 3 x 4 page, or a rhythm strip. Equal to itself alone: its samples are not compared.

    lead      name in LEADS
    rhythm    a long strip below the columns
    start_s   time of its first sample on the page's own clock: 2.5 for the second column of a sequential 3 x 4 page
    samples   float64 (N,), mV at `rate`, NaN where the trace has a gap; the lead's own baseline is 0
    rate      samples a second, as drawn
    trace_px  float64 (M, 2), x and y in pixels of the page as it was read, for the overlay
    page      on which page of the file, from 0
    hidden    share of the samples that letters, separators or pulses of the page stand on: gaps by no fault of the reader
    """

    lead: str
    rhythm: bool
    start_s: float
    samples: np.ndarray
    rate: float
    trace_px: np.ndarray
    page: int = 0
    hidden: float = 0.0


@dataclass(frozen=True)
class Box:
    """Where a person says one lead lies: edges in pixels of the page as it was given (right and bottom outside).

    lead     name in LEADS, or -aVR
    rhythm   a long strip below the columns
    start_s  time of its left edge on the page's own clock; None takes it from its place on the paper
    """

    lead: str
    rhythm: bool
    start_s: float | None
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Check:
    """One question a page is asked without knowing the truth.

    value    the number that was measured
    limit    what it may be at most (or, with `least`, at least)
    passed   None where the page cannot answer
    refuses  a failure refuses the page; else it asks for a review
    """

    name: str
    value: float | None
    limit: float
    unit: str
    passed: bool | None
    refuses: bool
    least: bool = False


@dataclass(frozen=True)
class PageReading:
    """A page as it was read.

    strips         every lead that was found, rhythm strips included
    layout         for instance "3x4+1", "6x2", "12x1"
    source_kind    "vector" or "raster"
    px_per_mm      along x and y, pixels of the page as it was read (points for a vector page)
    speed_mm_s     paper speed; gain_mm_mv: millimetres a millivolt
    found          how each of px_per_mm, speed_mm_s, gain_mm_mv and layout was found
    checks         what the page was asked; facts: anything else for the sidecar (CamelCase keys)
    pulses_px      calibration pulses: left, top, right, bottom in the unit of `trace_px`, for the overlay
    """

    strips: tuple[Strip, ...]
    layout: str
    source_kind: Literal["vector", "raster"]
    px_per_mm: tuple[float, float]
    speed_mm_s: float
    gain_mm_mv: float
    found: dict[str, Found]
    checks: tuple[Check, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    pulses_px: tuple[tuple[float, float, float, float], ...] = ()
