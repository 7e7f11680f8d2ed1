"""The same numbers in groups of cases: by the interval between ECG and MRI, by infarct, by any column of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from scartools.errors import InputError
from scartools.evaluation.arms import Arm
from scartools.evaluation.metrics import FEW_PATIENTS, REGIMES, TOLD_COLUMNS, CaseMetrics, told_of
from scartools.evaluation.overlap import NAN
from scartools.evaluation.significance import by_patient
from scartools.evaluation.summary import mean_of, patient_means, with_interval

UNKNOWN = "unknown"
INTERVAL = "interval_days"
INFARCT = "infarct"
# of Ramzan et al., arXiv:2511.14702, figure 3; a bin holds its upper end
_INTERVAL_ENDS = (7, 14, 21, 30, 60, 90)
FEWEST = 5  # patients for an interval of a group: resampling three can give ten means
_MOST_VALUES = 8  # a column of more numbers than this is cut into thirds

SUBGROUP_COLUMNS: dict[str, tuple[str, str | None]] = {
    "arm": ("name of the predictions", None),
    "regime": ("automatic or reader", None),
    **TOLD_COLUMNS,
    "grouping": ("interval_days, infarct (scar in truth) or a column of --by", None),
    "group": ("its value, or its range; unknown where it is missing", None),
    "n_cases": ("cases", "1"),
    "n_patients": ("patients", "1"),
    "n_patients_positive": ("patients with scar in truth", "1"),
    "dice_mean_positive": ("mean scar Dice of cases with scar in truth; missed is 0", "1"),
    "dice_mean_positive_lower": (
        "lower end of its 95 % interval, BCa bootstrap of patients; n/a for fewer than 5",
        "1",
    ),
    "dice_mean_positive_upper": ("upper end", "1"),
    "nsd_mean_positive": ("mean NSD of the scar of the same cases; missed is 0", "1"),
    "absolute_difference_percent_lv_mean": ("mean absolute difference of scar, all cases", "%"),
    "false_positive_percent_lv_mean": ("mean scar predicted in cases without, part of the LV", "%"),
    "warning": ("what limits the row", None),
}
GATE_COLUMNS: dict[str, tuple[str, str | None]] = {
    "arm": ("name of the predictions", None),
    "regime": ("automatic or reader", None),
    **TOLD_COLUMNS,
    "gate": ("column of predictions.tsv, one whose name begins with gate", None),
    "grouping": ("all, or as in subgroups.tsv", None),
    "group": ("as in subgroups.tsv", None),
    "n_patients": ("patients", "1"),
    "mean": ("mean over patients", "1"),
    "sd": ("SD between patients", "1"),
    "smallest": ("smallest of a patient", "1"),
    "largest": ("largest of a patient", "1"),
}


class Celled(Protocol):
    """A row of the truth with all its cells."""

    @property
    def case_id(self) -> str: ...
    @property
    def cells(self) -> Mapping[str, str | None]: ...


class Predicted(Protocol):
    """A row of predictions with the cells that no one else reads."""

    @property
    def case_id(self) -> str: ...
    @property
    def interval_days(self) -> float | None: ...
    @property
    def more(self) -> Mapping[str, str | None]: ...


def groupings_of(
    truth: Sequence[Celled], predicted: Sequence[Predicted], by: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Return the groups of cases by interval, where any case tells it, and by columns of the truth.

    The interval is that of the truth, where it has one: a model that takes no ECG says nothing of it.
    Raises InputError for a column that is not there, or an interval that is no number of days.
    """
    days = {row.case_id: row.interval_days for row in predicted if row.interval_days is not None}
    for row in truth:
        text = row.cells.get(INTERVAL)
        if text is None:
            continue
        number = _number(text)
        if number is None or number < 0:
            raise InputError(f"case {row.case_id}: {INTERVAL} {text[:40]!r} is no number of days")
        days[row.case_id] = number
    known = list(truth[0].cells)
    missing = [column for column in by if column not in known]
    if missing:
        raise InputError(f"has no column {missing[0]} to group by", remedy=f"It has: {', '.join(known)}")
    groups = {INTERVAL: {row.case_id: interval_bin(days.get(row.case_id)) for row in truth}} if days else {}
    return groups | {
        column: groups_of_column({row.case_id: row.cells.get(column) for row in truth}) for column in by
    }


def gates_of(
    arms: Sequence[Arm], tables: Sequence[Sequence[Predicted]]
) -> dict[tuple[str, int, str], dict[str, float]]:
    """Return the columns of predictions whose name begins with gate, by arm, run and case; NaN where they say nothing.

    Raises InputError for what is no number.
    """
    gates: dict[tuple[str, int, str], dict[str, float]] = {}
    for arm, table in zip(arms, tables, strict=True):
        for row in table:
            for name, text in row.more.items():
                if not name.startswith("gate"):
                    continue
                weight = NAN if text is None else _number(text)
                if weight is None:
                    raise InputError(f"{arm.name}, case {row.case_id}: {name} {text!r:.40} is no number")
                gates.setdefault((arm.name, arm.run, row.case_id), {})[name] = weight
    return gates


def interval_bin(days: float | None) -> str:
    """Return the bin of an interval between ECG and MRI: 0-7, 8-14, 15-21, 22-30, 31-60, 61-90, over 90, or unknown."""
    if days is None or np.isnan(days):
        return UNKNOWN
    start = 0
    for end in _INTERVAL_ENDS:
        if days <= end:
            return f"{start}-{end} d"
        start = end + 1
    return f"over {_INTERVAL_ENDS[-1]} d"


def groups_of_column(values: Mapping[str, str | None]) -> dict[str, str]:
    """Return the group of each case for a column of a table.

    values  case_id to cell; None where it is missing
    Words are groups. More than eight different numbers are cut into thirds, whose ranges are the names.
    """
    told = {case: value for case, value in values.items() if value is not None}
    numbers = {case: number for case, value in told.items() if (number := _number(value)) is not None}
    if len(numbers) < len(told) or len(set(numbers.values())) <= _MOST_VALUES:
        return {case: UNKNOWN if value is None else value for case, value in values.items()}
    ends = np.quantile(list(numbers.values()), [1 / 3, 2 / 3])
    third = {case: int(np.searchsorted(ends, number)) for case, number in numbers.items()}
    names = {}
    for rank in sorted(set(third.values())):
        inside = [numbers[case] for case, at in third.items() if at == rank]
        names[rank] = f"{min(inside):g} to {max(inside):g}"
    return {case: names[third[case]] if case in third else UNKNOWN for case in values}


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def infarct_groups(rows: Sequence[CaseMetrics]) -> dict[str, str]:
    """Return by case whether the truth has scar."""
    return {row.case_id: "scar" if row.positive else "no scar" for row in rows if row.structure == "scar"}


def subgroups(
    rows: Sequence[CaseMetrics], groupings: Mapping[str, Mapping[str, str]], *, resamples: int, seed: int
) -> list[dict[str, Any]]:
    """Return one row an arm and group (SUBGROUP_COLUMNS) for the scar of the cases in the summary.

    groupings  name to group by case_id; a case that a grouping lacks is unknown there
    """
    kept = [row for row in rows if row.in_summary and row.structure == "scar"]
    found = []
    for arm in dict.fromkeys(row.arm for row in kept):
        own = [row for row in kept if row.arm == arm]
        for grouping, groups in groupings.items():
            for group in in_order({groups.get(row.case_id, UNKNOWN) for row in own}):
                chosen = [row for row in own if groups.get(row.case_id, UNKNOWN) == group]
                found.append(_row(chosen, grouping, group, resamples, seed))
    return found


def _row(rows: Sequence[CaseMetrics], grouping: str, group: str, resamples: int, seed: int) -> dict[str, Any]:
    positive = [row for row in rows if row.positive]
    negative = [row for row in rows if not row.positive]
    dice = patient_means(positive, "dice")
    few = f"only {len(dice)} patients with scar" if len(dice) < FEW_PATIENTS else None
    return {
        "arm": rows[0].arm,
        "regime": REGIMES[rows[0].prior_source],
        **told_of(rows),
        "grouping": grouping,
        "group": group,
        "n_cases": len({row.case_id for row in rows}),
        "n_patients": len({row.participant_id for row in rows}),
        "n_patients_positive": len(dice),
        **_with_interval(dice, resamples, seed),
        "nsd_mean_positive": mean_of(patient_means(positive, "nsd")),
        "absolute_difference_percent_lv_mean": mean_of(patient_means(rows, "absolute_difference_percent_lv")),
        "false_positive_percent_lv_mean": mean_of(patient_means(negative, "difference_percent_lv")),
        "warning": few,
    }


def _with_interval(dice: dict[str, float], resamples: int, seed: int) -> dict[str, float]:
    """The mean Dice with its interval, which fewer than five patients cannot tell."""
    found = with_interval("dice_mean_positive", dice, resamples, seed)
    if len(dice) < FEWEST:
        found |= {"dice_mean_positive_lower": NAN, "dice_mean_positive_upper": NAN}
    return found


def gate_rows(
    rows: Sequence[CaseMetrics],
    gates: Mapping[tuple[str, int, str], Mapping[str, float]],
    groupings: Mapping[str, Mapping[str, str]],
) -> list[dict[str, Any]]:
    """Return how far each arm opens its gates (GATE_COLUMNS), over all its cases in the summary and by group.

    gates  (arm, run, case_id) to name of the gate and its weight; NaN where a case has none
    """
    kept = [row for row in rows if row.in_summary and row.structure == "lv_pool"]
    everything = {"all": {row.case_id: "all" for row in kept}, **groupings}
    found = []
    for arm in dict.fromkeys(row.arm for row in kept):
        own = [row for row in kept if row.arm == arm]
        names = dict.fromkeys(name for row in own for name in gates.get((arm, row.run, row.case_id), {}))
        for name in names:
            for grouping, groups in everything.items():
                for group in in_order({groups.get(row.case_id, UNKNOWN) for row in own}):
                    chosen = [row for row in own if groups.get(row.case_id, UNKNOWN) == group]
                    if (row := _gate_row(chosen, name, gates, grouping, group)) is not None:
                        found.append(row)
    return found


def _gate_row(
    rows: Sequence[CaseMetrics],
    name: str,
    gates: Mapping[tuple[str, int, str], Mapping[str, float]],
    grouping: str,
    group: str,
) -> dict[str, Any] | None:
    """The weights of a gate in one group; None where no case of it has any."""
    weights = by_patient(
        (row.participant_id, gates.get((row.arm, row.run, row.case_id), {}).get(name, NAN)) for row in rows
    )
    if not weights:
        return None
    values = list(weights.values())
    return {
        "arm": rows[0].arm,
        "regime": REGIMES[rows[0].prior_source],
        **told_of(rows),
        "gate": name,
        "grouping": grouping,
        "group": group,
        "n_patients": len(values),
        "mean": mean_of(weights),
        "sd": float(np.std(values, ddof=1)) if len(values) > 1 else NAN,
        "smallest": min(values),
        "largest": max(values),
    }


def in_order(groups: set[str]) -> list[str]:
    """Return the names of groups as a reader expects them: by the first number in them, then words, unknown last."""

    def key(name: str) -> tuple[int, float, str]:
        first = _number(name.removeprefix("over ").split(" ")[0].split("-")[0])
        if name.startswith("over ") and first is not None:
            return 0, first + 0.5, name
        return (2, 0.0, "") if name == UNKNOWN else (0, first, name) if first is not None else (1, 0.0, name)

    return sorted(groups, key=key)
