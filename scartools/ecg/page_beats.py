"""Beats on a page: are they the same in all leads, at what rate do they come, and which are whole in every lead?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scartools.ecg.limb_laws import MIN_OVERLAP_S, RATE_HZ, most_lag, together
from scartools.ecg.peaks import find_peaks
from scartools.ecg.reading import Strip

BEAT_APART_S = 0.08  # a beat's steepest point differs by less than this between leads
EDGE_S = 0.1  # a beat so near the end of a lead may be half in it
WHOLE_S = (-0.2, 0.4)  # of a beat around its steepest point: what a median beat needs of it
WHOLE_SHARE = 0.97  # of that time without gaps


@dataclass(frozen=True)
class LeadBeats:
    """A strip and when its beats are steepest, s on the page's clock, float (N,)."""

    strip: Strip
    times: np.ndarray


def find_beats(strips: Sequence[Strip]) -> list[LeadBeats]:
    """The beats of each strip: peaks of the slope in 40 ms, over 0.4 of the usual highest one."""
    return [LeadBeats(strip, strip.start_s + _peaks(_slope(strip)) / RATE_HZ) for strip in strips]


def seconds_of(strip: Strip) -> float:
    """How long a strip lasts."""
    return len(strip.samples) / strip.rate


def _slope(strip: Strip) -> np.ndarray:
    """How steep a strip is, its mean over 40 ms, mV a sample at RATE_HZ, float (T,); empty where little is seen."""
    finite = np.isfinite(strip.samples)
    if finite.sum() < MIN_OVERLAP_S * strip.rate:
        return np.empty(0)
    times = np.arange(len(strip.samples)) / strip.rate
    even = np.arange(int(times[-1] * RATE_HZ) + 1) / RATE_HZ
    values = np.interp(even, times[finite], strip.samples[finite])
    width = int(0.04 * RATE_HZ)
    return np.convolve(np.abs(np.gradient(values)), np.ones(width) / width, mode="same")


def _usual(slope: np.ndarray) -> float:
    """The highest slope of a usual second."""
    parts = np.array_split(slope, max(int(len(slope) / RATE_HZ), 1))
    return float(np.median([float(part.max(initial=0.0)) for part in parts]))


def _peaks(slope: np.ndarray) -> np.ndarray:
    """Samples at which a slope peaks."""
    if not len(slope):
        return np.zeros(0, int)
    parts = np.array_split(slope, max(int((len(slope) - 1) / RATE_HZ), 1))
    usual = max(float(part.max()) for part in parts)
    return find_peaks(slope, height=0.4 * usual, distance=int(0.24 * RATE_HZ))  # 250 beats/min


def heart_rates(beats: Sequence[LeadBeats]) -> tuple[float | None, float | None]:
    """Return the heart rate, beats a minute, and the largest ratio of two rates that should be one.

    Each page and each column has the rate of its leads together: a QRS is steep in all of them at once, a T wave or a
    tremor in one. A column with a rhythm strip below it is held against what the strip shows at the same time: a heart
    that is not regular has another rate in the next column. Columns and pages without one are held against each other.
    """
    groups = _sharing_time([lead.strip for lead in beats])
    sharing = {key: _beats_together(strips) for key, strips in groups.items()}
    rates = {key: _rate(times) for key, times in sharing.items() if len(times) > 1}
    if not rates:
        return None, None
    ratios, alone = [], [rate for (_, _, rhythm), rate in rates.items() if rhythm]
    for key, rate in rates.items():
        page, _, rhythm = key
        below = [times for (other, _, long), times in sharing.items() if long and other == page]
        held = [ratio for times in below for ratio in _same_time(sharing[key], groups[key], times)]
        if held and not rhythm:
            ratios.append(max(held))
        elif not rhythm:
            alone.append(rate)
    if len(alone) > 1:
        ratios.append(max(alone) / min(alone))
    return float(np.median(list(rates.values()))), max(ratios, default=None)


def _sharing_time(strips: Sequence[Strip]) -> dict[tuple[int, float, bool], list[Strip]]:
    """Strips by page, by when their column begins and by whether they are rhythm strips.

    Names and separators hide the beginning of one lead and not of its neighbour: a column is what begins within half a lead.
    """
    groups: dict[tuple[int, float, bool], list[Strip]] = {}
    for strip in sorted(strips, key=lambda strip: strip.start_s):
        near = [
            key
            for key in groups
            if (key[0], key[2]) == (strip.page, strip.rhythm) and strip.start_s - key[1] < seconds_of(strip) / 2
        ]
        groups.setdefault(near[0] if near else (strip.page, strip.start_s, strip.rhythm), []).append(strip)
    return groups


def _beats_together(strips: Sequence[Strip]) -> np.ndarray:
    """When the beats of leads that share their time are steepest, s: peaks of the mean of their slopes.

    Each lead counts in units of its own QRS, and at most 1.
    """
    slopes = [(strip.start_s, _slope(strip)) for strip in strips]
    slopes = [(start, slope / _usual(slope)) for start, slope in slopes if len(slope) and _usual(slope) > 0]
    if not slopes:
        return np.empty(0)
    begin = min(start for start, _ in slopes)
    length = max(round((start - begin) * RATE_HZ) + len(slope) for start, slope in slopes)
    total, count = np.zeros(length), np.zeros(length)
    for start, slope in slopes:
        here = slice(round((start - begin) * RATE_HZ), round((start - begin) * RATE_HZ) + len(slope))
        total[here] += np.minimum(slope, 1.0)
        count[here] += 1
    return begin + _peaks(total / np.maximum(count, 1)) / RATE_HZ


def _rate(times: np.ndarray) -> float:
    return 60 / float(np.median(np.diff(times)))


def _same_time(own: np.ndarray, strips: Sequence[Strip], other: np.ndarray) -> list[float]:
    """The ratio, 1 or more, of the rate of a column and that of a rhythm strip at the same time, if both show two beats.

    1 where the beats of one are all among those of the other: a T wave as steep as the QRS adds beats to one lead and takes
    none from another, while beats of another time or rate lie on neither.
    """
    begin, end = min(s.start_s for s in strips), max(s.start_s + seconds_of(s) for s in strips)
    own, other = (times[(times > begin + EDGE_S) & (times < end - EDGE_S)] for times in (own, other))
    if len(own) < 2 or len(other) < 2:
        return []
    fewer, more = sorted((own, other), key=len)
    if np.abs(fewer[:, None] - more[None]).min(axis=1).max() < BEAT_APART_S:
        return [1.0]
    ratio = _rate(own) / _rate(other)
    return [max(ratio, 1 / ratio)]


def beats_shared(beats: Sequence[LeadBeats]) -> float | None:
    """Return the share of the rhythm strips' beats that most leads of the column at that time have too."""
    shared: list[bool] = []
    for strip, time in ((one.strip, time) for one in beats if one.strip.rhythm for time in one.times):
        there = [
            bool(len(lead.times) and np.abs(lead.times - time).min() < BEAT_APART_S)
            for lead in beats
            if not lead.strip.rhythm
            and lead.strip.page == strip.page
            and lead.strip.start_s + EDGE_S < time < lead.strip.start_s + seconds_of(lead.strip) - EDGE_S
        ]
        shared += [2 * sum(there) >= len(there)] if there else []
    return float(np.mean(shared)) if shared else None


def whole_beats(beats: Sequence[LeadBeats]) -> dict[str, int]:
    """Return for each lead the beats that it shows whole: what a median beat can be made of.

    Beats are those of the leads of its column, so that one hidden by a name counts as hidden and not as absent.
    """
    found: dict[str, int] = {}
    for lead in beats:
        strip = lead.strip
        column = [
            one.times
            for one in beats
            if one.strip.page == strip.page
            and (one.strip.rhythm or abs(one.strip.start_s - strip.start_s) < EDGE_S)
        ]
        times = max(column, key=len)
        whole = 0
        for time in times:
            first, stop = (round((time + edge - strip.start_s) * strip.rate) for edge in WHOLE_S)
            inside = first >= 0 and stop <= len(strip.samples)
            whole += int(inside and bool(np.isfinite(strip.samples[first:stop]).mean() >= WHOLE_SHARE))
        found[strip.lead] = max(found.get(strip.lead, 0), whole)
    return found


def rhythm_against_columns(strips: Sequence[Strip]) -> tuple[float | None, float | None]:
    """Return the lowest correlation and the largest difference in size of rhythm strips and their columns.

    As with the laws of the limb leads, one of the two may be drawn up to a pixel and a half early or late.
    """
    alike, sizes = [], []
    for strip in (s for s in strips if s.rhythm):
        for column in (s for s in strips if s.lead == strip.lead and s.page == strip.page and not s.rhythm):
            values = together([strip, column])
            if values is not None and values.std(axis=1).min() > 1e-3:
                most, length = most_lag([strip, column]), values.shape[1]
                alike.append(
                    max(
                        float(
                            np.corrcoef(
                                values[0, most : length - most], values[1, most + lag :][: length - 2 * most]
                            )[0, 1]
                        )
                        for lag in range(-most, most + 1)
                    )
                )
                sizes.append(abs(float(values[1].std() / values[0].std()) - 1))
    return min(alike, default=None), max(sizes, default=None)
