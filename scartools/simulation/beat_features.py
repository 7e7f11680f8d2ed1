"""The numbers of a beat by which simulated and real ECGs are compared, and from which scar is guessed."""

from __future__ import annotations

from typing import Any

import numpy as np

from scartools.ecg.beat import median_beat
from scartools.ecg.delineate import delineate
from scartools.ecg.measure import Measurements, measure
from scartools.ecg.reading import LEADS

WAVES = {"q": "QAmplitude", "r": "RAmplitude", "s": "SAmplitude", "t": "TAmplitude"}
AMPLITUDES = tuple(f"{wave}_{lead.lower()}" for lead in LEADS for wave in WAVES)
COMPARED = (*AMPLITUDES, "qrs_ms")  # 49: what `overlap` compares
SHAPES = (
    *(f"q_ms_{lead.lower()}" for lead in LEADS),
    *(f"j_{lead.lower()}" for lead in LEADS),
    "axis_left",
    "axis_down",
    "qrs_t_angle",
    "qtc",
)
FEATURES = (*COMPARED, *SHAPES)  # 77: what a logistic model sees


def feature_columns() -> dict[str, tuple[str, str | None]]:
    """Return name, description and unit of each of FEATURES."""
    words = {"q": "Q", "r": "first R", "s": "S", "t": "T"}
    columns: dict[str, tuple[str, str | None]] = {
        f"{wave}_{lead.lower()}": (f"amplitude of {words[wave]} in {lead}, 0 where there is none", "mV")
        for lead in LEADS
        for wave in WAVES
    }
    columns["qrs_ms"] = ("duration of the QRS, all leads together", "ms")
    columns |= {
        f"q_ms_{lead.lower()}": (f"duration of Q in {lead}, 0 where there is none", "ms") for lead in LEADS
    }
    columns |= {f"j_{lead.lower()}": (f"level at the end of the QRS in {lead}", "mV") for lead in LEADS}
    columns["axis_left"] = ("cosine of the frontal axis of the QRS", None)
    columns["axis_down"] = ("sine of the frontal axis of the QRS", None)
    columns["qrs_t_angle"] = ("angle between the frontal axes of QRS and T", "degrees")
    columns["qtc"] = ("QT interval corrected by Fridericia's rule", "ms")
    return columns


def measure_signals(signals: np.ndarray, rate: float) -> Measurements:
    """Measure a recording as median-beat does.

    signals  float (12, T), mV; rate in Hz
    Raises InputError where no beat can be made of it.
    """
    made = median_beat(signals, rate)
    rr_s = 60 / made.facts["HeartRate"]
    return measure(made.signals, delineate(made.signals, rr_s, made.facts["RRSD"]), rr_s)


def beat_features(measured: Measurements) -> dict[str, float]:
    """Return FEATURES of a measured beat; NaN where a measurement does not apply, 0 where a wave is absent."""
    found: dict[str, float] = {}
    for lead in LEADS:
        of_lead = measured.leads[lead]
        known = of_lead["QRSName"] is not None
        for wave, name in WAVES.items():
            absent = 0.0 if known and wave != "t" else np.nan
            found[f"{wave}_{lead.lower()}"] = _number(of_lead[name], absent)
        found[f"q_ms_{lead.lower()}"] = _number(of_lead["QDuration"], 0.0 if known else np.nan)
        found[f"j_{lead.lower()}"] = _number(of_lead["JAmplitude"], np.nan)
    found["qrs_ms"] = _number(measured.values["QRSDuration"], np.nan)
    axis = np.radians(_number(measured.values["QRSAxis"], np.nan))
    found["axis_left"], found["axis_down"] = float(np.cos(axis)), float(np.sin(axis))
    found["qrs_t_angle"] = _number(measured.values["QRSTAngle"], np.nan)
    found["qtc"] = _number(measured.values["QTcFridericia"], np.nan)
    return {name: found[name] for name in FEATURES}


def compared_features(beat: np.ndarray, heart_rate: float | None = None) -> list[float]:
    """Return COMPARED of a median beat, float (12, 600), mV; heart_rate in beats a minute, None where unknown."""
    rr_s = 60 / heart_rate if heart_rate else None
    found = beat_features(measure(beat, delineate(beat, rr_s), rr_s))
    return [found[name] for name in COMPARED]


def _number(value: Any, absent: float) -> float:
    return absent if value is None else float(value)
