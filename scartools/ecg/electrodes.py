"""Were the electrodes where they belong? Exchanged limb and chest cables leave marks in a beat."""

from __future__ import annotations

import numpy as np

from scartools.ecg.beat import CORE, R_SAMPLE
from scartools.ecg.finding import Finding, at_least, at_most
from scartools.ecg.reading import LEADS

RA_LA, RA_LL, LA_LL, FLAT_LIMB, CHEST_ORDER, MIRRORED = 0.0, -0.35, 0.4, 0.12, 0.03, 0.0
_WAVES = slice(R_SAMPLE - 80, R_SAMPLE + 200)  # P, QRS and T: -160 to +400 ms
_QRS = slice(R_SAMPLE - 30, R_SAMPLE + 40)
_P = slice(CORE.start, R_SAMPLE - 18)
_ROW = {lead: row for row, lead in enumerate(LEADS)}
# chest leads that change places: neighbours, and V1 with V3
_SWAPS = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 2))


def electrode_findings(beat: np.ndarray) -> list[Finding]:
    """Ask a beat whether its cables were exchanged.

    beat  float (12, 600), mV, NaN where absent
    The rules on limbs are the marks that reviews list: P-QRS-T of I and V6 in opposite directions (both arms), an aVR that
    is positive (right arm and left leg), P in I higher than in II (left arm and left leg; weak), a flat line in one of
    I, II, III (an arm cable on the right leg). Neighbouring chest leads are alike; leads that had better
    change places, or a progression in reverse, are suspect. Dextrocardia, right bundle branch block and
    scars can do the same: a flag asks for a look.
    Batchvarov VN et al., Europace 2007;9:1081 (limbs, progression); Abdollah H, Milliken JA, Am J Cardiol 1997;80:1247
    (left arm and leg); Kors JA, van Herpen G, Am J Cardiol 2001;88:396 and Jekova I et al., Comput Methods Programs
    Biomed 2016;134:31 (correlation between leads). The limits are ours.
    """
    mirrored = at_most("chest_mirrored", _mirrored(beat), MIRRORED, "1")
    arms, leg = (None, None) if mirrored.flagged else _arms_and_leg(beat)
    return [
        at_least("limb_ra_la", arms, RA_LA, "1"),
        at_most("limb_ra_ll", leg, RA_LL, "1"),
        at_most("limb_la_ll", _p_of_first(beat), LA_LL, "1"),
        *(at_least("limb_rl", size, FLAT_LIMB, "1", lead) for lead, size in _limb_sizes(beat).items()),
        at_most("chest_order", _chest_order(beat), CHEST_ORDER, "1"),
        mirrored,
    ]


def _arms_and_leg(beat: np.ndarray) -> tuple[float | None, float | None]:
    """Return the correlations with V6 of I and of aVR; None for the one that the other exchange explains better.

    Either exchange moves both. The better one, undone, leaves I more like V6 and aVR less so.
    """
    of_v6 = dict(zip(LEADS, _correlations(beat[:, _WAVES])[_ROW["V6"]].tolist(), strict=True))
    if not (of_v6["I"] < RA_LA and of_v6["aVR"] > RA_LL):
        return of_v6["I"], of_v6["aVR"]
    arms_undone = -of_v6["I"] - of_v6["aVL"]
    leg_undone = -of_v6["III"] - of_v6["aVF"]
    return (None, of_v6["aVR"]) if leg_undone > arms_undone else (of_v6["I"], None)


def _correlation(beat: np.ndarray, one: str, other: str) -> float:
    """Return the correlation of two leads over P, QRS and T; NaN where one is absent."""
    return float(_correlations(beat[[_ROW[one], _ROW[other]], _WAVES])[0, 1])


def _correlations(rows: np.ndarray) -> np.ndarray:
    """Return the correlation of every row with every other; NaN for a row without voltage or with a tenth missing."""
    here = np.isfinite(rows)
    enough = here.mean(axis=1) >= 0.9
    common = here[enough].all(axis=0)  # samples that all of those leads have
    centred = np.zeros((len(rows), int(common.sum())))
    if centred.size:
        centred[enough] = rows[enough][:, common]
        centred -= centred.mean(axis=1, keepdims=True)
    size = np.sqrt((centred**2).sum(axis=1))
    size[size < 1e-9] = np.nan
    return (centred @ centred.T) / np.outer(size, size)


def _p_of_first(beat: np.ndarray) -> float:
    """Return how much higher P is in I than in II, over their sum; NaN without a P wave of 0.05 mV in both together."""
    part = beat[[_ROW["I"], _ROW["II"]], _P]
    heights = part.max(axis=1) - part[:, -10:].mean(axis=1)
    return float((heights[0] - heights[1]) / heights.sum()) if heights.sum() >= 0.05 else float("nan")


def _limb_sizes(beat: np.ndarray) -> dict[str, float]:
    """Return the size of I, II and III over that of the largest; NaN where one of them is absent."""
    sizes = np.ptp(beat[:3, _WAVES], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return dict(zip(LEADS[:3], (float(size) for size in sizes / sizes.max()), strict=True))


def _chest_order(beat: np.ndarray) -> float:
    """Return the part by which changing places of two chest leads makes neighbours more alike; below 0: none does."""
    apart = 1 - _correlations(beat[_ROW["V1"] :, _WAVES])
    own = apart.diagonal(1).sum()
    lengths = []
    for one, other in _SWAPS:
        order = np.arange(6)
        order[[one, other]] = order[[other, one]]
        lengths.append(apart[order[:-1], order[1:]].sum())
    return float(1 - min(lengths) / own) if own > 1e-9 else float("nan")


def _mirrored(beat: np.ndarray) -> float:
    first, last = beat[_ROW["V1"], _QRS], beat[_ROW["V6"], _QRS]
    with np.errstate(invalid="ignore", divide="ignore"):
        net = [(part.max() + part.min()) / np.ptp(part) for part in (first, last)]
    alike = _correlation(beat, "aVR", "V6") - _correlation(beat, "aVR", "V1")
    return float(np.minimum(alike, net[0] - net[1]))
