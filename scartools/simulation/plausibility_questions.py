"""The questions that a simulated cohort is asked, each with the range in which patients lie.

The ranges are those of the studies named in the man page of simulate, as read there; they bound from above too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scartools.heart.nomenclature import TERRITORIES
from scartools.simulation.measured_subject import MeasuredSubject, named_territory

TRANSMURAL = 0.5  # a scar is transmural where it fills so much of a segment
SMALL_PERCENT, SUBENDOCARDIAL = 10.0, 0.35  # of the LV; of every segment
CLEAR_PERCENT = 5.0  # scars from here on are asked where they are seen
LEAST_SUBJECTS = 15  # fewer answer no question
_TERRITORY = {name: place for place, name in enumerate(TERRITORIES)}
Values = tuple[float, ...]


@dataclass(frozen=True)
class Question:
    """One row of the report.

    name, text  what is measured, and in words
    low, high   the range of patients, both ends included
    of          the subjects it is asked of
    values      what is taken of each of them
    measure     the number, from these values, float (n, k)
    sampled     whether an interval by resampling the subjects makes sense
    """

    name: str
    text: str
    low: float
    high: float
    of: Callable[[MeasuredSubject], bool]
    values: Callable[[MeasuredSubject], Values]
    measure: Callable[[np.ndarray], float]
    sampled: bool = True


def is_blocked(one: MeasuredSubject) -> bool:
    """Whether the impulse reached the ventricles by another way than the healthy bundles."""
    return one.conduction != "none"


def has_no_scar(one: MeasuredSubject) -> bool:
    """Whether the muscle holds no scar."""
    return one.scar_percent == 0


def is_transmural(one: MeasuredSubject) -> bool:
    """Whether scar fills TRANSMURAL of a segment at least."""
    return max(one.scar_shares) >= TRANSMURAL


def is_small_subendocardial(one: MeasuredSubject) -> bool:
    """Whether there is scar, below SMALL_PERCENT of the LV and below SUBENDOCARDIAL of every segment."""
    return 0 < one.scar_percent < SMALL_PERCENT and max(one.scar_shares) < SUBENDOCARDIAL


def _only(territory: str) -> Callable[[MeasuredSubject], bool]:
    place = _TERRITORY[territory]
    return lambda one: (
        not is_blocked(one) and one.scar_percent >= CLEAR_PERCENT and one.territories[place] >= 0.9
    )


def is_healthy(one: MeasuredSubject) -> bool:
    """Whether there is neither scar nor block."""
    return has_no_scar(one) and not is_blocked(one)


def _mean(values: np.ndarray) -> float:
    return float(values[:, 0].mean())


def _with_q(one: MeasuredSubject) -> Values:
    return (bool(one.q_regions),)


def _decided_q(one: MeasuredSubject) -> bool:
    return one.q_regions is not None


def _groups(values: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Part the first column by the second: with scar, without; None where either has too few."""
    parts = values[values[:, 1] > 0, 0], values[values[:, 1] == 0, 0]
    return None if min(map(len, parts)) < LEAST_SUBJECTS else parts


def _excess(values: np.ndarray) -> float:
    parts = _groups(values)
    return float("nan") if parts is None else float(parts[0].mean() - parts[1].mean())


def _ratio_of_medians(values: np.ndarray) -> float:
    parts = _groups(values)
    if parts is None:
        return float("nan")
    return float(np.median(parts[0]) / max(float(np.median(parts[1])), 1e-3))


def _compared(territory: str) -> Callable[[MeasuredSubject], bool]:
    chosen = _only(territory)
    return lambda one: chosen(one) or is_healthy(one)


def _anterior_sign(one: MeasuredSubject) -> Values:
    septal_q = any(one[f"q_{lead}"] < 0 for lead in ("v2", "v3"))
    sign = septal_q or (one["q_v4"] <= -0.1 and one["q_ms_v4"] >= 30) or one["r_v3"] <= 0.3
    return sign, one.scar_percent


def _wide_q(one: MeasuredSubject, *leads: str) -> int:
    return sum(one[f"q_ms_{lead}"] >= 30 and one[f"q_{lead}"] <= -0.1 for lead in leads)


def _inferior_sign(one: MeasuredSubject) -> Values:
    return _wide_q(one, "ii", "iii", "avf") >= 2, one.scar_percent


def _lateral_sign(one: MeasuredSubject) -> Values:
    return _wide_q(one, "i", "avl", "v5", "v6") >= 1, one.scar_percent


def _r_over_s_v1(one: MeasuredSubject) -> Values:
    return one["r_v1"] / max(-one["s_v1"], 0.05), one.scar_percent


def _named(one: MeasuredSubject) -> Values:
    name = named_territory(one)
    return (name is not None and one.territories[_TERRITORY[name]] == max(one.territories),)


def _correlation(values: np.ndarray) -> float:
    if values.std(axis=0).min() < 1e-9:
        return float("nan")
    return float(np.corrcoef(values.T)[0, 1])


def _qrs(one: MeasuredSubject) -> Values:
    return (one["qrs_ms"],)


def _low(values: np.ndarray) -> float:
    return float(np.nanquantile(values, 0.025))


def _high(values: np.ndarray) -> float:
    return float(np.nanquantile(values, 0.975))


def _first_r(one: MeasuredSubject) -> Values:
    return one["r_v1"], one["r_v2"], one["r_v3"], one["r_v4"]


def _limb_over_chest(one: MeasuredSubject) -> Values:
    """The largest QRS of a limb lead over the largest of a chest lead, R to S or Q."""

    def span(*leads: str) -> float:
        return max(one[f"r_{lead}"] - min(one[f"s_{lead}"], one[f"q_{lead}"]) for lead in leads)

    return (span("i", "ii", "iii", "avr", "avl", "avf") / span("v1", "v2", "v3", "v4", "v5", "v6"),)


def _everyone(_: MeasuredSubject) -> bool:
    return True


QUESTIONS: tuple[Question, ...] = (
    Question(
        "limb_residual_mv", "largest departure from Einthoven's and Goldberger's rules, mV", 0.0, 0.01, _everyone,
        lambda one: (one.residual_mv,), lambda values: float(values.max()), sampled=False,
    ),
    Question(
        "qrs_ms_low", "2.5th percentile of the QRS without block, ms", 70, 120, lambda one: not is_blocked(one),
        _qrs, _low,
    ),
    Question(
        "qrs_ms_high", "97.5th percentile of the QRS without block, ms", 70, 120, lambda one: not is_blocked(one),
        _qrs, _high,
    ),
    Question(
        "qrs_ms_high_no_scar", "97.5th percentile of the QRS without block or scar, ms", 70, 120, is_healthy, _qrs, _high,
    ),
    Question(
        "qrs_70_180", "share of all with a QRS of 70 to 180 ms", 0.97, 1.0, lambda one: bool(np.isfinite(one["qrs_ms"])),
        lambda one: (70 <= one["qrs_ms"] <= 180,), _mean,
    ),
    Question(
        "r_progression", "share without scar or block whose R wave progresses normally", 0.85, 1.0,
        lambda one: is_healthy(one) and one.progression is not None, lambda one: (one.progression == "normal",), _mean,
    ),
    Question(
        "r_rise_mv", "least rise of the median R from V1 to V2, V3, V4 without scar or block, mV", 0.1, 1.0, is_healthy,
        _first_r, lambda values: float(np.diff(np.nanmedian(values, axis=0)).min()),
    ),
    Question(
        "limb_over_chest", "median of the largest limb over the largest chest QRS, without scar or block", 0.45, 0.85,
        is_healthy, _limb_over_chest, lambda values: float(np.nanmedian(values)),
    ),
    Question(
        "axis_usual", "share without scar or block whose QRS axis lies from -30 to 90 degrees", 0.85, 1.0, is_healthy,
        lambda one: (one["axis_down"] >= -0.5 and one["axis_left"] >= 0,), _mean,
    ),
    Question(
        "anterior_signs", "Q or lost R in V2-V4: share with LAD scar alone, less that without scar", 0.10, 0.85,
        _compared("LAD"), _anterior_sign, _excess,
    ),
    Question(
        "inferior_signs", "Q in two of II, III, aVF: share with RCA scar alone, less that without scar", 0.10, 0.85,
        _compared("RCA"), _inferior_sign, _excess,
    ),
    Question(
        "lateral_signs", "Q in one of I, aVL, V5, V6: share with LCX scar alone, less that without scar", 0.10, 0.85,
        _compared("LCX"), _lateral_sign, _excess,
    ),
    Question(
        "lateral_r_v1", "median R/S in V1 with LCX scar alone over that without scar", 1.1, 4.0, _compared("LCX"),
        _r_over_s_v1, _ratio_of_medians,
    ),
    Question(
        "q_transmural", "share of transmural scars with a pathological Q", 0.35, 0.75,
        lambda one: is_transmural(one) and _decided_q(one), _with_q, _mean,
    ),
    Question(
        "q_small", "share of small subendocardial scars with a pathological Q", 0.05, 0.20,
        lambda one: is_small_subendocardial(one) and _decided_q(one), _with_q, _mean,
    ),
    Question(
        "q_false", "share without scar with a pathological Q", 0.02, 0.10,
        lambda one: has_no_scar(one) and _decided_q(one), _with_q, _mean,
    ),
    Question(
        "q_territory", "share of the pathological Q with scar that name the territory with most of it", 0.60, 0.75,
        lambda one: one.scar_percent > 0 and bool(one.q_regions), _named, _mean,
    ),
    Question(
        "selvester_r", "correlation of the Selvester score with scar in % of the LV", 0.40, 0.75,
        lambda one: bool(np.isfinite(one.selvester)), lambda one: (one.selvester, one.scar_percent), _correlation,
    ),
)  # fmt: skip
