"""Bundle-branch and fascicular block from the shape of the QRS."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from scartools.ecg.delineate import MS, Fiducials
from scartools.ecg.qrs_waves import Complex

Complexes = Mapping[str, Complex | None]
WIDE_MS = 120.0
BROAD_R_MS = 90.0  # an R wave that lasts so long is broad; the guideline names no number
ADULT_YEARS = 16.0
STRICT_MS = {"male": 140.0, "female": 130.0}
SPIKE_MV, SPIKE_LEADS = 0.2, 3
_SPIKE_FLANK = 3  # samples (6 ms): a spike rises and falls within so much; no QRS does in its first 24 ms
_SPIKE_NEAR = (-6, 12)  # samples around the onset of the QRS
_NOTCH_LEADS = ("I", "aVL", "V1", "V2", "V5", "V6")
_SLUR_SHARE = 0.5  # a slur: between two steep parts the slope falls below half of the less steep one
_STEEP_SHARE = 0.1  # a part with a slope above a tenth of the steepest is steep


def has_pacing_spike(beat: np.ndarray, fiducials: Fiducials) -> bool | None:
    """Tell a pacing spike at the onset of the QRS; None without a QRS or with fewer than three leads there.

    beat  float64 (12, T), mV at 500 Hz
    A spike stands out by 0.2 mV from what is 6 ms before and 6 ms after, to the same side, in three leads or more, from 12
    ms before to 24 ms after the onset. Bipolar pacing and filters of 40 Hz leave no such spike: False does not rule out a
    pacemaker. The numbers are ours.
    """
    onset = fiducials.qrs_onset
    if onset is None:
        return None
    at = np.arange(max(onset + _SPIKE_NEAR[0], _SPIKE_FLANK), onset + _SPIKE_NEAR[1])
    before, here, after = (beat[:, at + shift] for shift in (-_SPIKE_FLANK, 0, _SPIKE_FLANK))
    there = np.isfinite(before + here + after).all(axis=1)
    if there.sum() < SPIKE_LEADS:
        return None
    rise, fall = (here - before)[there], (here - after)[there]
    height = np.minimum(np.abs(rise), np.abs(fall)) * (np.sign(rise) == np.sign(fall))
    return bool((height.max(axis=1) >= SPIKE_MV).sum() >= SPIKE_LEADS)


def bundle_branch_block(complexes: Complexes, qrs_ms: float) -> str | None:
    """Return "LBBB", "RBBB", "nonspecific" or "none"; None where the leads that decide are absent.

    complexes  the QRS of each lead; qrs_ms: its duration in all leads
    Below 120 ms: none. RBBB (AHA/ACCF/HRS 2009): rsr', rsR', rSR' in V1 or V2, or a notched R there with its peak later
    than 50 ms in V1; S longer than R, or than 40 ms, in I and V6. LBBB (ESC 2013): QS or rS in V1 without R'; no Q in V5
    and V6; a broad R, notched or lasting 90 ms or more, in two of I, aVL, V5, V6. Else nonspecific. Paced beats
    look like LBBB: the caller leaves them out by their spike.
    Surawicz et al., Circulation 2009;119:e235, doi:10.1161/CIRCULATIONAHA.108.191095; Brignole et al., Eur Heart J
    2013;34:2281, doi:10.1093/eurheartj/eht150.
    """
    if qrs_ms < WIDE_MS:
        return "none"
    if any(complexes.get(name) is None for name in ("I", "V1", "V6")):
        return None
    if _is_right(complexes):
        return "RBBB"
    if _is_left(complexes):
        return "LBBB"
    return "nonspecific"


def _is_right(complexes: Complexes) -> bool:
    late = False
    for name in ("V1", "V2"):
        lead = complexes.get(name)
        if lead is None:
            continue
        late |= lead.r_prime is not None
        pure = lead.r is not None and (lead.s is None or lead.r.amplitude > -lead.s.amplitude)
        late |= bool(name == "V1" and pure and (lead.r_peak_time or 0) > 50)
    return late and all(_has_wide_s(complexes[name]) for name in ("I", "V6"))


def _has_wide_s(lead: Complex | None) -> bool:
    if lead is None or lead.s is None:
        return False
    return lead.s.duration > 40 or (lead.r is not None and lead.s.duration > lead.r.duration)


def _is_left(complexes: Complexes) -> bool:
    if not _is_negative(complexes["V1"]):
        return False
    if any(lead is not None and lead.q is not None for lead in map(complexes.get, ("V5", "V6"))):
        return False
    return sum(_has_broad_r(complexes.get(name)) for name in ("I", "aVL", "V5", "V6")) >= 2


def _is_negative(lead: Complex | None) -> bool:
    """Tell a QS or rS complex: what is negative is larger, and no R' follows."""
    if lead is None or lead.r_prime is not None:
        return False
    if lead.is_qs:
        return True
    return lead.q is None and lead.r is not None and lead.s is not None and -lead.s.amplitude > lead.r.amplitude


def _has_broad_r(lead: Complex | None) -> bool:
    if lead is None or lead.r is None or (lead.s is not None and -lead.s.amplitude > lead.r.amplitude):
        return False
    return lead.r.duration >= BROAD_R_MS or "R" in lead.notched


def strict_lbbb(complexes: Complexes, qrs_ms: float, sex: str | None) -> bool | None:
    """Tell a strict LBBB: QRS of 140 ms (men) or 130 ms (women) and more, QS or rS in V1 and V2, and a notch or slur in
    two of I, aVL, V1, V2, V5, V6 between 40 ms after the onset and two thirds of the QRS.

    sex  "male", "female" or None: unknown, and then None is returned between 130 and 140 ms
    Strauss et al., Am J Cardiol 2011;107:927, doi:10.1016/j.amjcard.2010.11.010. How flat a slur is, is ours: between two
    steep parts of one direction the slope falls below half of the less steep one.
    """
    if qrs_ms < STRICT_MS["female"]:
        return False
    if any(complexes.get(name) is None for name in _NOTCH_LEADS):
        return None
    negative = all(_is_negative(complexes[name]) for name in ("V1", "V2"))
    if not negative or sum(_has_notch(complexes[name]) for name in _NOTCH_LEADS) < 2:
        return False
    if sex is None:
        return True if qrs_ms >= STRICT_MS["male"] else None
    return qrs_ms >= STRICT_MS[sex]


def _has_notch(lead: Complex | None) -> bool:
    """Tell a notch or slur in the middle of the QRS of a lead."""
    if lead is None:
        return False
    slope = ndimage.gaussian_filter1d(lead.samples, 2.0, order=1)
    size = np.abs(slope)
    first, last = round(40 / MS), 2 * len(slope) // 3
    steep = _STEEP_SHARE * float(size.max())
    signs = np.sign(slope) * (size > steep)
    turns = [sign for sign in signs[first:last] if sign]
    changes = sum(a != b for a, b in zip(turns, turns[1:], strict=False))
    if changes >= 2:
        return True
    for at in range(max(first, 1), min(last, len(slope) - 1)):
        if not (size[at] <= size[at - 1] and size[at] < size[at + 1]):
            continue
        before, after = float(size[:at].max()), float(size[at:].max())
        same = np.sign(slope[int(np.argmax(size[:at]))]) == np.sign(slope[at + int(np.argmax(size[at:]))])
        if same and size[at] < _SLUR_SHARE * min(before, after) and min(before, after) > 2 * steep:
            return True
    return False


def fascicular_block(complexes: Complexes, qrs_ms: float, axis: float | None) -> str | None:
    """Return "LAFB", "LPFB" or "none"; None where a lead or the axis that decides is absent.

    LAFB: axis from -45 to -90 degrees, qR in aVL, R peak time in aVL of 45 ms or more, QRS below 120 ms. LPFB: axis from
    90 to 180 degrees, rS in I and aVL, qR in III and aVF, QRS below 120 ms; right ventricular hypertrophy, which gives the
    same picture, is not ruled out.
    Surawicz et al., Circulation 2009;119:e235, doi:10.1161/CIRCULATIONAHA.108.191095.
    """
    if qrs_ms >= WIDE_MS:
        return "none"
    if axis is None:
        return None
    if -90 <= axis <= -45:
        avl = complexes.get("aVL")
        if avl is None:
            return None
        return "LAFB" if _is_qr(avl) and (avl.r_peak_time or 0) >= 45 else "none"
    if 90 <= axis <= 180:
        four = [complexes.get(name) for name in ("I", "aVL", "III", "aVF")]
        if None in four:
            return None
        return "LPFB" if all(map(_is_rs, four[:2])) and all(map(_is_qr, four[2:])) else "none"
    return "none"


def _is_qr(lead: Complex | None) -> bool:
    if lead is None or lead.q is None or lead.r is None:
        return False
    return lead.r.amplitude > -lead.q.amplitude and (lead.s is None or lead.r.amplitude > -2 * lead.s.amplitude)


def _is_rs(lead: Complex | None) -> bool:
    if lead is None or lead.q is not None or lead.r is None or lead.s is None:
        return False
    return -lead.s.amplitude > lead.r.amplitude
