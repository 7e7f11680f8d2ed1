"""Which ECG belongs to which MRI: the rule on days, the choice among candidates, one reason for everything left over.

Days are whole days as `datetime.date.toordinal` counts them; times and time zones do not enter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Direction = Literal["any", "before", "after"]
Policy = Literal["nearest", "all", "first", "one-to-one"]
DIRECTIONS: tuple[Direction, ...] = ("any", "before", "after")
POLICIES: tuple[Policy, ...] = ("nearest", "all", "first", "one-to-one")
# upper edges of the histogram of intervals, days, inclusive: 0-7 holds 0 to 7, 7-14 holds 8 to 14
INTERVAL_EDGES = (7, 14, 21, 30, 60, 90)


@dataclass(frozen=True)
class Examination:
    """An ECG or an MRI, as far as pairing looks at it.

    name     tells it from the others of its participant and breaks ties: the lowest comes first
    day      of the examination, an ordinal
    quality  of an ECG, higher is better; None ranks below every number
    event    day of an infarct or a revascularisation, an ordinal: ECG and MRI must lie on the same side of it
    """

    participant_id: str
    name: str
    day: int
    quality: float | None = None
    event: int | None = None


@dataclass(frozen=True)
class Rule:
    """When an ECG may stand for an MRI, and which of several does."""

    max_days: int = 90  # inclusive
    direction: Direction = "any"  # of the ECG, seen from the MRI; the same day is both
    policy: Policy = "nearest"


@dataclass(frozen=True)
class Match:
    """One pair, as positions in the two sequences, and how many ECGs the rule allowed for this MRI."""

    ecg: int
    mri: int
    signed_days: int  # ECG minus MRI: negative before
    n_candidates: int


@dataclass(frozen=True)
class Tie:
    """An MRI with several ECGs equally near (or equally early), and what decided."""

    mri: int
    chosen: int
    others: tuple[int, ...]
    decided_by: Literal["quality", "earlier", "id"]


@dataclass(frozen=True)
class Pairing:
    """The pairs, one reason for each ECG and MRI in none of them (by position), and the ties."""

    matches: tuple[Match, ...]
    ecg_reasons: dict[int, str]
    mri_reasons: dict[int, str]
    ties: tuple[Tie, ...]


def pair_examinations(ecgs: Sequence[Examination], mris: Sequence[Examination], rule: Rule) -> Pairing:
    """Pair ECGs with MRIs of the same participant.

    Candidates lie within rule.max_days (inclusive), in its direction, and on the MRI's side of the event; the day of
    the event counts as after it. Ties go to the better quality, then the earlier, then the lowest name, so
    that the order of the sequences does not matter.

    Reasons: no_mri, no_ecg (the participant has none); wrong_side (near enough, but in the other direction or
    beyond the event); too_far; not_nearest (a candidate that another was preferred to).
    """
    ecgs_of, mris_of = _by_participant(ecgs), _by_participant(mris)
    matches: list[Match] = []
    ties: list[Tie] = []
    verdicts: dict[tuple[int, int], str] = {}
    for participant in sorted(mris_of):
        mine, theirs = mris_of[participant], ecgs_of.get(participant, [])
        for mri in mine:
            for ecg in theirs:
                verdicts[ecg, mri] = _verdict(ecgs[ecg], mris[mri], rule)
        allowed = {mri: [ecg for ecg in theirs if verdicts[ecg, mri] == "candidate"] for mri in mine}
        if rule.policy == "one-to-one":
            chosen = _assign(allowed, ecgs, mris)
        else:
            chosen = {mri: _choose(mri, allowed[mri], ecgs, mris, rule.policy, ties) for mri in mine}
        matches += [
            Match(ecg, mri, ecgs[ecg].day - mris[mri].day, len(allowed[mri]))
            for mri, picked in chosen.items()
            for ecg in picked
        ]
    return Pairing(
        tuple(matches),
        _reasons(ecgs, ecgs_of, mris_of, {match.ecg for match in matches}, verdicts, "no_mri", first=True),
        _reasons(mris, mris_of, ecgs_of, {match.mri for match in matches}, verdicts, "no_ecg", first=False),
        tuple(ties),
    )


def interval_histogram(days: Sequence[int]) -> dict[str, int]:
    """Count absolute intervals by the bins of INTERVAL_EDGES; `over 90` only where there are any."""
    counts, low = {}, -1
    for high in INTERVAL_EDGES:
        counts[f"{max(low, 0)}-{high}"] = sum(low < day <= high for day in days)
        low = high
    beyond = sum(day > low for day in days)
    return counts | ({f"over {low}": beyond} if beyond else {})


def _by_participant(examinations: Sequence[Examination]) -> dict[str, list[int]]:
    """Return each participant's positions, in an order that does not depend on the sequence."""
    found: dict[str, list[int]] = defaultdict(list)
    for at in sorted(range(len(examinations)), key=lambda at: (examinations[at].name, examinations[at].day)):
        found[examinations[at].participant_id].append(at)
    return dict(found)


def _verdict(ecg: Examination, mri: Examination, rule: Rule) -> str:
    signed = ecg.day - mri.day
    if abs(signed) > rule.max_days:
        return "too_far"
    if (rule.direction == "before" and signed > 0) or (rule.direction == "after" and signed < 0):
        return "wrong_side"
    for event in (ecg.event, mri.event):
        if event is not None and (ecg.day >= event) != (mri.day >= event):
            return "wrong_side"
    return "candidate"


def _preference(ecg: Examination) -> tuple[float, int, str]:
    """Order ECGs that are equally near: better quality, earlier, lowest name."""
    return (-ecg.quality if ecg.quality is not None else float("inf"), ecg.day, ecg.name)


def _choose(
    mri: int,
    allowed: list[int],
    ecgs: Sequence[Examination],
    mris: Sequence[Examination],
    policy: Policy,
    ties: list[Tie],
) -> list[int]:
    """Return the ECGs of one MRI; a tie is added to `ties`."""
    if policy == "all" or not allowed:
        return allowed

    def distance(at: int) -> int:
        return abs(ecgs[at].day - mris[mri].day) if policy == "nearest" else ecgs[at].day

    least = min(map(distance, allowed))
    equal = sorted((at for at in allowed if distance(at) == least), key=lambda at: _preference(ecgs[at]))
    if len(equal) > 1:
        ties.append(Tie(mri, equal[0], tuple(equal[1:]), _decided_by(ecgs[equal[0]], ecgs[equal[1]])))
    return equal[:1]


def _decided_by(winner: Examination, second: Examination) -> Literal["quality", "earlier", "id"]:
    if winner.quality != second.quality:
        return "quality"
    return "earlier" if winner.day != second.day else "id"


def _assign(
    allowed: dict[int, list[int]], ecgs: Sequence[Examination], mris: Sequence[Examination]
) -> dict[int, list[int]]:
    """Give each MRI at most one ECG and each ECG to at most one MRI: most pairs first, then fewest days in sum."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    rows = list(allowed)
    columns = sorted({at for some in allowed.values() for at in some}, key=lambda at: _preference(ecgs[at]))
    if not columns:
        return {mri: [] for mri in rows}
    # integers below 2**53: a day outweighs every preference, and no ECG outweighs every day
    step = len(rows) * len(columns) + 1
    longest = max(abs(ecgs[at].day - mris[mri].day) for mri in rows for at in allowed[mri])
    forbidden = float((longest + 1) * step * (len(rows) + 1))
    cost = np.full((len(rows), len(columns)), forbidden)  # (MRIs, ECGs)
    for row, mri in enumerate(rows):
        for column, at in enumerate(columns):
            if at in allowed[mri]:
                cost[row, column] = abs(ecgs[at].day - mris[mri].day) * step + column
    chosen: dict[int, list[int]] = {mri: [] for mri in rows}
    for row, column in zip(*linear_sum_assignment(cost), strict=True):
        if cost[row, column] < forbidden:
            chosen[rows[row]] = [columns[column]]
    return chosen


def _reasons(
    examinations: Sequence[Examination],
    own: dict[str, list[int]],
    others: dict[str, list[int]],
    paired: set[int],
    verdicts: dict[tuple[int, int], str],
    none: str,
    *,
    first: bool,
) -> dict[int, str]:
    """Return why each examination is in no pair: the verdict of those that came nearest to one."""
    found = {}
    for participant, positions in own.items():
        for at in positions:
            if at in paired:
                continue
            heard = {verdicts[(at, other) if first else (other, at)] for other in others.get(participant, [])}
            found[at] = (
                none
                if not heard
                else "not_nearest"
                if "candidate" in heard
                else "wrong_side"
                if "wrong_side" in heard
                else "too_far"
            )
    return found
