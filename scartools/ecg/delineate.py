"""Where the waves of a median beat begin and end: one set of fiducials for all leads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from scartools.errors import InputError

RATE_HZ = 500
MS = 1000 / RATE_HZ  # ms a sample
R_SAMPLE = 200  # of a median beat

# The numbers for the QRS were chosen on the LUDB records with even numbers and tried on those with odd ones; those for P
# and T on all of them (they are near the best of the even ones alone); what counts as P on rhythm codes of PTB-XL.
_QRS_SMOOTHING = 3.0  # samples (6 ms), standard deviation of the Gaussian whose derivative gives the velocity
_ONSET_SHARE, _OFFSET_SHARE = 0.04, 0.045  # of the largest velocity of the QRS
_QUIET_TIMES = 2.5  # and never below so many times the velocity of the quietest 20 ms beside the QRS
_QUIET_SAMPLES = 10
_BRIDGE_BEFORE, _BRIDGE_AFTER = 5, 8  # samples: where the velocity falls for so long (a notch), the QRS goes on
_BEFORE, _AFTER = 80, 110  # samples: a QRS reaches so far from R at most
_LEAST_CONTRAST = 5.0  # largest over quietest velocity: below it there is no distinct QRS
_SLOW_SMOOTHING = 5.0  # samples (10 ms), for P and T
_T_SHARE = 0.25  # of the steepest slope after the T peak: T ends where the slope has fallen to it
_T_REACH = 90  # samples: the steepest slope lies at most so far behind the T peak
_LEAST_T_MV = 0.02  # RMS over the leads
_P_SPAN = 150  # samples before the QRS in which P is searched
_P_HALF = 45  # samples: the steepest slopes of P lie at most so far from its peak
_P_SHARE = 0.4  # of the steepest slope of P
_LEAST_P_MV = 0.018  # RMS over the leads: a lower bump is no P wave
_IRREGULAR = (
    0.12  # SD of RR over RR: from here on a bump may be what fibrillation leaves in a median of few beats,
)
_LEAST_P_IRREGULAR_MV, _LONGEST_PR_IRREGULAR = (
    0.025,
    120,
)  # and P must be taller and no further from the QRS (samples)
_USUAL_PR = 60  # samples (120 ms) from P to QRS where there is no P
_LONGEST_T = 300  # samples (0.6 s) from R where the RR interval is not known
_SECOND_BUMP = 0.5  # a second bump of more than this share of the first: flutter or fibrillation, not P
_NEXT_QRS_SHARE = 0.35  # of the largest velocity: the QRS of the next beat


@dataclass(frozen=True)
class Fiducials:
    """Where the waves are, in samples of the beat at 500 Hz (2 ms), the same for all leads; None where not to be had.

    p_onset, p_offset      first and last sample of the P wave
    qrs_onset, qrs_offset  first and last sample of the QRS complex
    t_peak, t_offset       peak of the T wave, in the direction in which it is largest, and its end
    """

    p_onset: int | None = None
    p_offset: int | None = None
    qrs_onset: int | None = None
    qrs_offset: int | None = None
    t_peak: int | None = None
    t_offset: int | None = None

    def milliseconds(self, r_sample: int = R_SAMPLE) -> dict[str, float | None]:
        """Return the fiducials in ms from R, by the names that a sidecar gives them."""
        found = {
            "POnset": self.p_onset,
            "POffset": self.p_offset,
            "QRSOnset": self.qrs_onset,
            "QRSOffset": self.qrs_offset,
            "TPeak": self.t_peak,
            "TOffset": self.t_offset,
        }
        return {name: None if at is None else (at - r_sample) * MS for name, at in found.items()}


def delineate(
    beat: np.ndarray, rr_s: float | None = None, rr_sd_s: float | None = None, *, r_sample: int = R_SAMPLE
) -> Fiducials:
    """Find P, QRS and T in a median beat.

    beat     float64 (12, T), mV at 500 Hz, R near r_sample, NaN where absent
    rr_s     the RR interval that goes with the beat, s: T ends before the next P; None: where the next QRS is in the beat
    rr_sd_s  its standard deviation, s: an irregular rhythm asks for more of a P; None where unknown
    Returns one set of fiducials, in samples, for all leads: the QRS begins where the spatial velocity, the root mean
    square over the leads of the slope (Gaussian derivative, SD 6 ms), first rises above 4 % of its largest value and
    above 2.5 times that of the quietest 20 ms of the PR segment; it ends where the velocity stays below 4.5 % and 2.5
    times the quietest 20 ms of the ST segment. T lies along the direction in which the leads vary most after the QRS;
    it ends where the slope behind its peak has fallen to a quarter of its steepest. P is the largest bump in the 300 ms
    before the QRS; it begins and ends where the slope is 40 % of its steepest on that side. No P is reported where the
    largest bump is below 0.018 mV (RMS over the leads) or a second one is half as large (flutter, fibrillation); where the
    RR intervals vary by more than 12 %, also below 0.025 mV and with a PR above 240 ms. No T is reported below 0.02 mV,
    nothing at all where no QRS stands out.
    Raises InputError where the beat has another shape than (12, 400 or more).
    The velocity follows Kligfield et al., Circulation 2007;115:1306, doi:10.1161/CIRCULATIONAHA.106.180200, which asks
    for global intervals from the spatial vector or the superimposed leads.
    """
    beat = np.asarray(beat, dtype=np.float64)
    if beat.ndim != 2 or beat.shape[0] != 12 or beat.shape[1] < 400:
        raise InputError(f"a beat has the shape (12, 600), this one {beat.shape}")
    leads, here = _present(beat)
    if not len(leads):
        return Fiducials()
    velocity = _spatial(ndimage.gaussian_filter1d(leads, _QRS_SMOOTHING, axis=1, order=1), here)
    qrs = _qrs(velocity, r_sample)
    if qrs is None:
        return Fiducials()
    irregular = rr_s is not None and rr_sd_s is not None and rr_sd_s > _IRREGULAR * rr_s
    p_onset, p_offset = _p_wave(leads, here, qrs[0], irregular) or (None, None)
    begin = r_sample - (p_onset if p_onset is not None else qrs[0] - _USUAL_PR)
    stop = _t_limit(velocity, qrs, r_sample, begin, None if rr_s is None else rr_s * RATE_HZ)
    t_peak, t_offset = _t_wave(leads, qrs[1] + 10, stop) or (None, None)
    return Fiducials(p_onset, p_offset, *qrs, t_peak, t_offset)


def _present(beat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the leads that are there for the most part, gaps bridged, and where they are there: both (L, T)."""
    here = np.isfinite(beat)
    chosen = here.mean(axis=1) >= 0.5
    leads, here = beat[chosen], here[chosen]
    if here.all():
        return leads, here
    places = np.arange(beat.shape[1])
    bridged = [np.interp(places, places[row], lead[row]) for lead, row in zip(leads, here, strict=True)]
    return np.array(bridged), here


def _spatial(values: np.ndarray, here: np.ndarray) -> np.ndarray:
    """Return the root mean square over the leads that are there, (T,); 0 where none is."""
    count = np.maximum(here.sum(axis=0), 1)
    return np.sqrt((values**2 * here).sum(axis=0) / count)


def _qrs(velocity: np.ndarray, r_sample: int) -> tuple[int, int] | None:
    near = slice(max(r_sample - 30, 0), r_sample + 41)
    peak = near.start + int(np.argmax(velocity[near]))
    largest = float(velocity[peak])
    calm = ndimage.uniform_filter1d(velocity, _QUIET_SAMPLES)
    before = float(calm[max(r_sample - 75, 0) : r_sample - 15].min())
    after = float(calm[r_sample + 25 : r_sample + 110].min())
    if not largest > _LEAST_CONTRAST * min(before, after):
        return None
    onset = _last_above(
        velocity[max(r_sample - _BEFORE, 0) : peak + 1][::-1],
        max(_ONSET_SHARE * largest, _QUIET_TIMES * before),
        _BRIDGE_BEFORE,
    )
    offset = _last_above(
        velocity[peak : r_sample + _AFTER + 1],
        max(_OFFSET_SHARE * largest, _QUIET_TIMES * after),
        _BRIDGE_AFTER,
    )
    return peak - onset, peak + offset


def _last_above(velocity: np.ndarray, limit: float, bridge: int) -> int:
    """Return how far the velocity stays above the limit, from its first sample on, dips up to the bridge included."""
    above = np.flatnonzero(velocity > limit)
    gaps = np.flatnonzero(np.diff(above) > bridge)
    if not len(above):
        return 0
    return int(above[gaps[0]] if len(gaps) else above[-1])


def _t_limit(
    velocity: np.ndarray, qrs: tuple[int, int], r_sample: int, begin: int, interval: float | None
) -> int:
    """Return where T has ended at the latest: before the P of the next beat, which begins `begin` samples before its R."""
    latest = len(velocity) - 10
    if interval is None:
        largest = velocity[qrs[0] : qrs[1] + 1].max()
        following = np.flatnonzero(velocity[qrs[1] + 100 :] > _NEXT_QRS_SHARE * largest)
        if not len(following):
            return min(latest, r_sample + _LONGEST_T)
        interval = qrs[1] + 100 + int(following[0]) - qrs[0]
    return min(latest, int(r_sample + interval - begin) - 10)


def _t_wave(leads: np.ndarray, start: int, stop: int) -> tuple[int, int | None] | None:
    """Return peak and end of T: on the signal along the direction of the largest variation after the QRS."""
    if stop - start < 40:
        return None
    smooth = ndimage.gaussian_filter1d(leads, _SLOW_SMOOTHING, axis=1)[:, start:stop]
    centred = smooth - smooth.mean(axis=1, keepdims=True)
    _, directions = np.linalg.eigh(centred @ centred.T)
    along = directions[:, -1] @ centred
    chord = np.linspace(along[0], float(np.median(along[-15:])), len(along))
    apart = along - chord
    peak = int(np.argmax(np.abs(apart)))
    if not abs(apart[peak]) / np.sqrt(len(leads)) >= _LEAST_T_MV:
        return None
    along = along * np.sign(apart[peak])
    peak = _climb(along, peak)
    slope = np.gradient(along)
    last = min(len(along) - 1, peak + _T_REACH)
    steepest = peak + int(np.argmin(slope[peak : last + 1]))
    ended = np.flatnonzero(slope[steepest : last + 1] >= _T_SHARE * slope[steepest])
    if not len(ended) or not slope[steepest] < 0:
        return start + peak, None
    return start + peak, start + steepest + int(ended[0])


def _climb(values: np.ndarray, at: int) -> int:
    """Return the local maximum that a climb from a place leads to."""
    while at + 1 < len(values) and values[at + 1] > values[at]:
        at += 1
    while at > 0 and values[at - 1] > values[at]:
        at -= 1
    return at


def _p_wave(leads: np.ndarray, here: np.ndarray, qrs_onset: int, irregular: bool) -> tuple[int, int] | None:
    """Return onset and offset of P, None where there is none."""
    stop, start = qrs_onset - 8, max(4, qrs_onset - _P_SPAN)
    if stop - start < 40:
        return None
    part = slice(start, stop)
    smooth = ndimage.gaussian_filter1d(leads, _SLOW_SMOOTHING, axis=1)
    level = np.median(smooth[:, stop - 8 : stop + 1], axis=1, keepdims=True)
    bumps = _bumps(_spatial(smooth[:, part] - level, here[:, part]))
    if not bumps or bumps[0][0] < (_LEAST_P_IRREGULAR_MV if irregular else _LEAST_P_MV):
        return None
    height, peak = bumps[0]
    if any(other > _SECOND_BUMP * height and abs(at - peak) > 25 for other, at in bumps[1:]):
        return None
    slope = ndimage.gaussian_filter1d(leads, _SLOW_SMOOTHING, axis=1, order=1)[:, part]
    velocity = _spatial(slope, here[:, part])
    first = max(0, peak - _P_HALF)
    rise = first + int(np.argmax(velocity[first : peak + 1]))
    fall = peak + int(np.argmax(velocity[peak : peak + _P_HALF + 1]))
    onset = rise - _run(velocity[rise::-1], _P_SHARE * velocity[rise])
    offset = fall + _run(velocity[fall:], _P_SHARE * velocity[fall])
    if irregular and qrs_onset - (start + onset) > _LONGEST_PR_IRREGULAR:
        return None
    return start + onset, start + offset


def _bumps(size: np.ndarray) -> list[tuple[float, int]]:
    """Return (prominence within 100 ms, place) of the local maxima, the largest first."""
    inner = size[1:-1]
    tops = 1 + np.flatnonzero((inner >= size[:-2]) & (inner > size[2:]))
    found = []
    for top in tops[(tops >= 3) & (tops < len(size) - 3)]:
        beside = max(size[max(0, top - 50) : top].min(), size[top : top + 50].min())
        found.append((float(size[top] - beside), int(top)))
    return sorted(found, reverse=True)


def _run(values: np.ndarray, limit: float) -> int:
    """Return how many samples follow before the values fall to the limit."""
    low = np.flatnonzero(values <= limit)
    return int(low[0]) if len(low) else len(values) - 1
