"""The measurements of a median beat: intervals, axes, waves of each lead, signs of infarction and of block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scartools.ecg.conduction import (
    ADULT_YEARS,
    bundle_branch_block,
    fascicular_block,
    has_pacing_spike,
    strict_lbbb,
)
from scartools.ecg.delineate import MS, Fiducials
from scartools.ecg.measurement_definitions import DEFINITIONS, UNITS
from scartools.ecg.q_waves import fragmented, pathological_q
from scartools.ecg.qrs_waves import Complex, qrs_waves
from scartools.ecg.reading import LEADS
from scartools.ecg.selvester import PERCENT_A_POINT, selvester_score
from scartools.errors import InputError

__all__ = ["DEFINITIONS", "UNITS", "Measurements", "measure"]

LOW_LIMB_MV, LOW_PRECORDIAL_MV = 0.5, 1.0
POOR_R_MV = 0.3  # R in V3
LIMB, PRECORDIAL = LEADS[:6], LEADS[6:]
_LIMB_DEGREES = {"I": 0.0, "II": 60.0, "III": 120.0, "aVR": -150.0, "aVL": -30.0, "aVF": 90.0}
# a lead's share of a vector in the frontal plane; an augmented lead is weaker by sqrt(3)/2 (Einthoven's triangle)
_LIMB_GAIN = {"I": 1.0, "II": 1.0, "III": 1.0, "aVR": 3**0.5 / 2, "aVL": 3**0.5 / 2, "aVF": 3**0.5 / 2}
_LEAST_NET = 0.05  # of the rectified area: below it an axis means nothing
_LEAST_T_MV = 0.02


@dataclass(frozen=True)
class Measurements:
    """What was measured; None is n/a.

    values  by the names of DEFINITIONS, in the units of UNITS: float, int, bool, str or tuple of names
    leads   the same for each of the 12 leads
    """

    values: dict[str, Any]
    leads: dict[str, dict[str, Any]]

    def facts(self) -> dict[str, Any]:
        """Return the block "Measurements" of a sidecar: ms and degrees to 0.1, mV to 0.001, names as lists."""
        return {
            **{name: _plain(name, value) for name, value in self.values.items()},
            "Leads": {
                lead: {name: _plain(name, value) for name, value in of_lead.items()}
                for lead, of_lead in self.leads.items()
            },
            "Units": UNITS,
        }


def measure(
    beat: np.ndarray,
    fiducials: Fiducials,
    rr_s: float | None,
    age: float | None = None,
    sex: str | None = None,
    *,
    r_sample: int = 200,
) -> Measurements:
    """Measure a median beat.

    beat       float64 (12, T), mV at 500 Hz, R near r_sample, NaN where absent
    fiducials  of scartools.ecg.delineate.delineate
    rr_s       the RR interval that goes with the beat, s; None where unknown
    age        years; the rules for block are those of adults and are not applied below 16
    sex        "male" or "female", for the strict LBBB; None where unknown
    Returns what DEFINITIONS lists; None where a wave, a lead or an interval is absent or a rule does not apply.
    Raises InputError for an RR interval that is not positive and for another sex.
    """
    if rr_s is not None and not rr_s > 0:
        raise InputError(f"an RR interval is above 0 s, not {rr_s:g}")
    if sex not in (None, "male", "female"):
        raise InputError(f"sex is male, female or absent, not '{sex}'")
    beat = np.asarray(beat, dtype=np.float64)
    complexes = dict(zip(LEADS, qrs_waves(beat, fiducials, r_sample), strict=True))
    t_amplitudes = _t_amplitudes(beat, fiducials)
    values: dict[str, Any] = {
        **_intervals(fiducials, rr_s),
        **_axes(beat, fiducials, complexes),
        **_voltage(complexes),
        "PacingSpike": has_pacing_spike(beat, fiducials),
    }
    values |= _block(complexes, values, age, sex)
    values |= _progression(complexes, values)
    values |= _scar(complexes, t_amplitudes, values)
    leads = {name: _lead(complexes[name], t_amplitudes[name]) for name in LEADS}
    return Measurements({name: values[name] for name in DEFINITIONS if name in values}, leads)


def _intervals(at: Fiducials, rr_s: float | None) -> dict[str, float | None]:
    qt = _span(at.qrs_onset, at.t_offset)
    return {
        "HeartRate": None if rr_s is None else 60 / rr_s,
        "PDuration": _span(at.p_onset, at.p_offset),
        "PRInterval": _span(at.p_onset, at.qrs_onset),
        "QRSDuration": _span(at.qrs_onset, at.qrs_offset),
        "QTInterval": qt,
        "QTcBazett": _corrected(qt, rr_s, 1 / 2),
        "QTcFridericia": _corrected(qt, rr_s, 1 / 3),
    }


def _corrected(qt: float | None, rr_s: float | None, power: float) -> float | None:
    return None if qt is None or rr_s is None else float(qt / rr_s**power)


def _span(start: int | None, stop: int | None) -> float | None:
    return None if start is None or stop is None else (stop - start) * MS


def _t_amplitudes(beat: np.ndarray, at: Fiducials) -> dict[str, float | None]:
    """Return the amplitude of T in each lead, mV, from the level before the QRS."""
    if at.qrs_onset is None or at.qrs_offset is None or at.t_peak is None:
        return dict.fromkeys(LEADS)
    levels = np.median(beat[:, max(0, at.qrs_onset - 10) : at.qrs_onset], axis=1)
    near = beat[:, max(at.qrs_offset + 15, at.t_peak - 30) : at.t_peak + 31] - levels[:, None]
    found: dict[str, float | None] = {}
    for name, values in zip(LEADS, near, strict=True):
        whole = bool(np.isfinite(values).all()) and len(values) > 0
        found[name] = float(values[np.argmax(np.abs(values))]) if whole else None
    return found


def _axes(beat: np.ndarray, at: Fiducials, complexes: Mapping[str, Complex | None]) -> dict[str, float | None]:
    """Return the frontal axes of QRS and T and the angle between them."""
    there = {name: lead for name in LIMB if (lead := complexes[name]) is not None}
    areas = {name: float(lead.samples.mean()) for name, lead in there.items()}
    rectified = max((float(np.abs(lead.samples).mean()) for lead in there.values()), default=0.0)
    qrs = _axis(areas, _LEAST_NET * rectified)
    t = None
    if at.t_peak is not None and at.qrs_onset is not None:
        rows = [LEADS.index(name) for name in there]
        levels = np.median(beat[rows, max(0, at.qrs_onset - 10) : at.qrs_onset], axis=1)
        heights = beat[rows, at.t_peak - 10 : at.t_peak + 11].mean(axis=1) - levels
        known = {name: float(v) for name, v in zip(there, heights, strict=True) if np.isfinite(v)}
        t = _axis(known, _LEAST_T_MV)
    apart = None if qrs is None or t is None else abs((qrs - t + 180) % 360 - 180)
    return {"QRSAxis": qrs, "TAxis": t, "QRSTAngle": apart}


def _axis(limb: Mapping[str, float], least: float) -> float | None:
    """Return the direction of the vector that fits the limb leads best, degrees from -180 to 180."""
    if len(limb) < 2:
        return None
    angles = np.radians([_LIMB_DEGREES[name] for name in limb])
    gains = np.array([_LIMB_GAIN[name] for name in limb])
    matrix = gains[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    x, y = np.linalg.lstsq(matrix, np.array(list(limb.values())), rcond=None)[0]
    if not np.hypot(x, y) > least:
        return None
    return float(np.degrees(np.arctan2(y, x)))


def _voltage(complexes: Mapping[str, Complex | None]) -> dict[str, bool | None]:
    def low(names: tuple[str, ...], limit: float) -> bool | None:
        spans = [np.ptp(lead.samples) if (lead := complexes[name]) is not None else None for name in names]
        if any(span is not None and span >= limit for span in spans):
            return False
        return None if None in spans else True

    return {
        "LowVoltageLimb": low(LIMB, LOW_LIMB_MV),
        "LowVoltagePrecordial": low(PRECORDIAL, LOW_PRECORDIAL_MV),
    }


def _block(
    complexes: Mapping[str, Complex | None], values: Mapping[str, Any], age: float | None, sex: str | None
) -> dict[str, str | bool | None]:
    qrs_ms = values["QRSDuration"]
    if qrs_ms is None or values["PacingSpike"] or (age is not None and age < ADULT_YEARS):
        return {"BundleBranchBlock": None, "StrictLBBB": None, "FascicularBlock": None}
    return {
        "BundleBranchBlock": bundle_branch_block(complexes, qrs_ms),
        "StrictLBBB": strict_lbbb(complexes, qrs_ms, sex),
        "FascicularBlock": fascicular_block(complexes, qrs_ms, values["QRSAxis"]),
    }


def _progression(complexes: Mapping[str, Complex | None], values: Mapping[str, Any]) -> dict[str, str | None]:
    chest = [complexes[name] for name in PRECORDIAL]
    blocked = values["BundleBranchBlock"] in (None, "LBBB", "RBBB")
    if blocked or any(lead is None for lead in chest):
        return {"RWaveProgression": None, "TransitionLead": None}
    r = [lead.r.amplitude if lead and lead.r else 0.0 for lead in chest]
    s = [-lead.s.amplitude if lead and lead.s else 0.0 for lead in chest]
    if any(after < before and after <= POOR_R_MV for before, after in zip(r[:3], r[1:4], strict=True)):
        progression = "reversed"
    else:
        progression = "poor" if r[2] <= POOR_R_MV else "normal"
    first = (
        name for name, up, down in zip(PRECORDIAL, r, s, strict=True) if up > 0 and up >= down
    )  # a QS complex has no R at all
    return {"RWaveProgression": progression, "TransitionLead": next(first, "none")}


def _scar(
    complexes: Mapping[str, Complex | None],
    t_amplitudes: Mapping[str, float | None],
    values: Mapping[str, Any],
) -> dict[str, Any]:
    """Return Q waves, fragments and the Selvester score, each only where its rule applies."""
    qrs_ms, bundle, fascicle = (
        values[name] for name in ("QRSDuration", "BundleBranchBlock", "FascicularBlock")
    )
    q = fragments = points = None
    if qrs_ms is not None and bundle not in (None, "LBBB"):
        narrow = (
            t_amplitudes if qrs_ms < 120 else dict.fromkeys(t_amplitudes, -1.0)
        )  # no R criterion: T not positive
        q = pathological_q(complexes, narrow)
        fragments = fragmented(complexes, qrs_ms, bundle)
    if bundle == fascicle == "none":
        points = selvester_score(complexes)
    score = None if points is None else sum(points.values())
    return {
        "PathologicalQ": None if q is None else bool(q.regions),
        "PathologicalQLeads": None if q is None else q.leads,
        "PathologicalQRegions": None if q is None else q.regions,
        "FragmentedQRS": None if fragments is None else bool(fragments),
        "FragmentedTerritories": fragments,
        "SelvesterScore": score,
        "SelvesterPercent": None if score is None else PERCENT_A_POINT * score,
    }


def _lead(lead: Complex | None, t_amplitude: float | None) -> dict[str, Any]:
    found: dict[str, Any] = {"QRSName": lead.name if lead else None}
    for name, wave in (
        ("Q", lead and lead.q),
        ("R", lead and lead.r),
        ("S", lead and lead.s),
        ("RPrime", lead and lead.r_prime),
    ):
        found[f"{name}Amplitude"] = wave.amplitude if wave else None
        found[f"{name}Duration"] = wave.duration if wave else None
    found["RPeakTime"] = lead.r_peak_time if lead else None
    found["JAmplitude"] = lead.j if lead else None
    found["TAmplitude"] = t_amplitude
    return found


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if not isinstance(value, float):
        return value
    return round(value, 3 if UNITS.get(name) == "mV" else 1)
