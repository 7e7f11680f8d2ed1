"""The Selvester QRS score, the simplified version of 37 criteria and 29 points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scartools.ecg.qrs_waves import Complex

PERCENT_A_POINT = 3.0  # of the left ventricle
MOST = 29
LEADS = ("I", "II", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


@dataclass(frozen=True)
class Criterion:
    """One line of the table.

    lead, points  where, and what it is worth; of one family in one lead only the largest counts
    family        "Q", "duration" or "ratio"
    measure       "Q" or "R" (ms, at least), "R short" (ms, at most), "any Q", "R/Q" or "R/S" (at most), "R/S tall" (at least)
    limit         in the unit of the measure
    """

    lead: str
    points: int
    family: str
    measure: str
    limit: float = 0.0


def _lateral(lead: str, q_ms: float, *ratios: tuple[int, float]) -> list[Criterion]:
    lines = [Criterion(lead, 1, "duration", "Q", q_ms)]
    for points, limit in ratios:
        lines += [Criterion(lead, points, "ratio", ratio, limit) for ratio in ("R/Q", "R/S")]
    return lines


CRITERIA: tuple[Criterion, ...] = (
    Criterion("I", 1, "duration", "Q", 30),
    Criterion("I", 1, "ratio", "R/Q", 1),
    Criterion("II", 2, "duration", "Q", 40),
    Criterion("II", 1, "duration", "Q", 30),
    Criterion("aVL", 1, "duration", "Q", 30),
    Criterion("aVL", 1, "ratio", "R/Q", 1),
    Criterion("aVF", 3, "duration", "Q", 50),
    Criterion("aVF", 2, "duration", "Q", 40),
    Criterion("aVF", 1, "duration", "Q", 30),
    Criterion("aVF", 2, "ratio", "R/Q", 1),
    Criterion("aVF", 1, "ratio", "R/Q", 2),
    Criterion("V1", 1, "Q", "any Q"),
    Criterion("V1", 2, "duration", "R", 50),
    Criterion("V1", 1, "duration", "R", 40),
    Criterion("V1", 1, "ratio", "R/S tall", 1),
    Criterion("V2", 1, "Q", "any Q"),
    Criterion("V2", 1, "Q", "R short", 20),
    Criterion("V2", 2, "duration", "R", 60),
    Criterion("V2", 1, "duration", "R", 50),
    Criterion("V2", 1, "ratio", "R/S tall", 1.5),
    Criterion("V3", 1, "Q", "any Q"),
    Criterion("V3", 1, "Q", "R short", 30),
    *_lateral("V4", 20, (2, 0.5), (1, 1)),
    *_lateral("V5", 30, (2, 1), (1, 2)),
    *_lateral("V6", 30, (2, 1), (1, 3)),
)


def selvester_score(complexes: Mapping[str, Complex | None]) -> dict[str, int] | None:
    """Return the points of each lead, 0 to 29 together; None where one of the ten leads is absent.

    complexes  the QRS of each lead
    Ratios are of amplitudes. Without a Q (S) wave a criterion R/Q (R/S) "at most" is not met; without an S wave one "at
    least" is met by any R. A QS complex is a Q wave with R = 0. Of criteria of one family in one lead the largest
    counts (in V4 to V6 R/Q and R/S are one family). Each point stands for 3 % of the left ventricle.
    The score does not hold with bundle-branch or fascicular block, hypertrophy or pre-excitation: the caller sees to
    the first two; the others cannot be told from the QRS by this library.
    Wagner et al., Circulation 1982;65:342, doi:10.1161/01.CIR.65.2.342; Palmeri et al., N Engl J Med 1982;306:4,
    doi:10.1056/NEJM198201073060102 (table 1). The complete score (54 criteria, 32 points: Hindman et al., Am J Cardiol
    1985;55:1485, doi:10.1016/0002-9149(85)90958-0) and its versions for conduction types are not computed.
    """
    points = {}
    for name in LEADS:
        lead = complexes.get(name)
        if lead is None:
            return None
        best: dict[str, int] = {}
        for criterion in CRITERIA:
            if criterion.lead == name and _is_met(criterion, lead):
                best[criterion.family] = max(best.get(criterion.family, 0), criterion.points)
        points[name] = sum(best.values())
    return points


def _is_met(criterion: Criterion, lead: Complex) -> bool:
    q, r, s = lead.q, lead.r, lead.s
    r_mv = r.amplitude if r else 0.0
    limit = criterion.limit
    match criterion.measure:
        case "any Q":
            return q is not None
        case "Q":
            return q is not None and q.duration >= limit
        case "R":
            return r is not None and r.duration >= limit
        case "R short":
            return r is not None and r.duration <= limit
        case "R/Q":
            return q is not None and r_mv <= limit * -q.amplitude
        case "R/S":
            return s is not None and r_mv <= limit * -s.amplitude
        case "R/S tall":
            return r is not None and r_mv >= limit * (-s.amplitude if s else 0.0)
    raise ValueError(f"unknown measure {criterion.measure}")
