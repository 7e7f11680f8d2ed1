"""The ECGs of a subject as a hospital keeps them: printed pages, what was printed, and the truth of each day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scartools.simulation.ecg import beat_facts, draw_days, recording_facts, simulate_beat, simulate_ecgs
from scartools.simulation.paper import lay_out, to_pdf, to_png
from scartools.simulation.subject import Subject
from scartools.simulation.truth import ecg_scar_truth


@dataclass(frozen=True)
class Printed:
    """One ECG: its name and day, the page as PDF and PNG, the signals float64 (12, N) in mV that were printed, facts."""

    ecg_id: str
    ecg_date: str
    pdf: bytes
    png: bytes
    signals: np.ndarray
    facts: dict[str, Any]


@dataclass(frozen=True)
class SubjectEcgs:
    """The ECGs of a subject: none, one or two.

    beat        float64 (12, 600), mV, without noise, of the first ECG's day; of the MRI's where there is no ECG
    beat_facts  what is known of it, and its day
    printed     in the order they are numbered
    scars       rows with the keys of truth.ECG_COLUMNS, 18 an ECG
    """

    beat: np.ndarray
    beat_facts: dict[str, Any]
    printed: tuple[Printed, ...]
    scars: list[dict[str, Any]]


def print_ecgs(subject: Subject) -> SubjectEcgs:
    """Simulate and print the ECGs of a subject, each with the scar of its own day."""
    first_day = next(iter(draw_days(subject)), 0)
    beat = simulate_beat(subject, days=first_day)
    printed, scars = [], []
    for taken in simulate_ecgs(subject, beat):
        page = lay_out(taken.signals)
        facts = recording_facts(taken, page)
        printed.append(Printed(taken.ecg_id, taken.ecg_date, to_pdf(page), to_png(page), taken.signals, facts))
        scars += ecg_scar_truth(subject, taken.ecg_id, taken.ecg_date, taken.days)
    return SubjectEcgs(beat.signals, beat_facts(beat) | {"SignedDays": first_day}, tuple(printed), scars)
