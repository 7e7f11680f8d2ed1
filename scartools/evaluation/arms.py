"""Which cases count for which arm: the split, the prior that an arm may not mix, and the cases arms have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar

from scartools.errors import InputError, UsageError, concerning
from scartools.evaluation.metrics import REGIMES

ALL = "all"
TEST = "test"


class Listed(Protocol):
    """A row of a table of cases."""

    @property
    def case_id(self) -> str: ...
    @property
    def participant_id(self) -> str: ...
    @property
    def split(self) -> str | None: ...


class Predicted(Listed, Protocol):
    """A row of predictions."""

    @property
    def prior_source(self) -> str: ...
    @property
    def model(self) -> str: ...


class Drawn(Listed, Protocol):
    """A row of the truth."""

    @property
    def label(self) -> Path | None: ...


_Row = TypeVar("_Row", bound=Listed)
_PredictedRow = TypeVar("_PredictedRow", bound=Predicted)


@dataclass(frozen=True)
class Arm:
    """The cases of one set of predictions that are evaluated: a run of an arm, and all of it where there is but one.

    run                 number of the folder within the arm, from 1
    cases               case_id, those with prediction and truth, in the order of the truth
    without_truth       case_id, predicted but not in the truth
    without_prediction  case_id, in the truth but not predicted
    in_summary          case_id, those that every arm of the regime has
    """

    name: str
    prior_source: str
    cases: tuple[str, ...]
    without_truth: tuple[str, ...]
    without_prediction: tuple[str, ...]
    in_summary: frozenset[str] = field(default_factory=frozenset)
    run: int = 1


def choose_split(arms: Sequence[Sequence[Listed]], asked: str | None) -> str:
    """Return the split that counts: the one asked for, else test, else all where no row tells its split."""
    known = {row.split for rows in arms for row in rows}
    if asked is not None:
        return asked
    if TEST in known:
        return TEST
    if known <= {None}:
        return ALL
    raise InputError(
        f"no case is of the split test; there are {', '.join(sorted(split for split in known if split))}",
        remedy="Name the split that counts with --split",
    )


def of_split(rows: Sequence[_Row], split: str) -> list[_Row]:
    """Return the rows of a split; all of them for `all`."""
    return [row for row in rows if split in (ALL, row.split)]


def require_patients_apart(tables: Sequence[Sequence[Listed]], split: str) -> None:
    """Refuse patients with cases in this split and in train: a number on them is not one on unseen patients."""
    if split in (ALL, "train"):
        return
    here, trained = (
        {row.participant_id for rows in tables for row in rows if row.split == kind}
        for kind in (split, "train")
    )
    if here & trained:
        raise InputError(
            f"patients with cases in {split} and in train: {_some(sorted(here & trained))}",
            remedy="Split by patient, as pair does, and train again",
        )


def match(name: str, predicted: Sequence[_PredictedRow], truth: Sequence[Listed]) -> Arm:
    """Return what predictions and truth have in common.

    Raises InputError when the prior has several sources, a patient or a split differs, or nothing is in common.
    """
    by_source: dict[str, list[str]] = {}
    for row in predicted:
        by_source.setdefault(row.prior_source, []).append(row.case_id)
    if len(by_source) > 1:
        told = "; ".join(f"{source}: {_some(cases)}" for source, cases in by_source.items())
        raise InputError(
            f"mixes priors of several sources in one arm ({told})",
            remedy="Predict every case of an arm with a prior from one source",
        )
    known, own = {row.case_id: row for row in truth}, {row.case_id: row for row in predicted}
    for case, row in own.items():
        other = known.get(case)
        if other and other.participant_id != row.participant_id:
            raise InputError(f"case {case} belongs to another participant_id than in the truth")
        if other and None not in (row.split, other.split) and other.split != row.split:
            raise InputError(
                f"case {case} is of the split {row.split}, in the truth of {other.split}",
                remedy="Predict from the manifest that is given as --truth",
            )
    both = tuple(case for case in known if case in own)
    if not both:
        raise InputError(
            "has no case in common with the truth", remedy="Give the manifest it was predicted from"
        )
    return Arm(
        name,
        next(iter(by_source)),
        both,
        tuple(case for case in own if case not in known),
        tuple(case for case in known if case not in own),
    )


def with_common_cases(arms: Sequence[Arm]) -> list[Arm]:
    """Return the arms with in_summary set; raises InputError when the arms of a regime share no case."""
    common: dict[str, frozenset[str]] = {}
    for arm in arms:
        regime = REGIMES[arm.prior_source]
        common[regime] = common.get(regime, frozenset(arm.cases)) & frozenset(arm.cases)
    if not all(common.values()):
        raise InputError("the arms have no case in common", remedy="Evaluate them one by one")
    return [replace(arm, in_summary=common[REGIMES[arm.prior_source]]) for arm in arms]


def name_arms(
    folders: Sequence[Path], tables: Sequence[Sequence[Predicted]], given: Sequence[str] | None
) -> list[str]:
    """Return a name for each folder: as given, else the model of its rows.

    A name that is given several times makes these folders the runs of one arm; one that is not given must be its own.
    Raises UsageError for names that do not fit the folders, InputError for a folder of several models without a name.
    """
    if given:
        if len(given) != len(folders):
            raise UsageError(f"{len(given)} --name for {len(folders)} folders", remedy="Give one a folder")
        names = list(given)
    else:
        names = []
        for folder, rows in zip(folders, tables, strict=True):
            models = sorted({row.model for row in rows})
            if len(models) > 1:
                raise InputError(
                    f"holds predictions of several models: {', '.join(models[:5])}",
                    where=folder,
                    remedy="Name the arm with --name",
                )
            names += models
        if len(set(names)) < len(names):
            raise UsageError(
                f"the arms are named {', '.join(map(repr, names))}",
                remedy="Give each a --name of its own; runs of one arm, such as seeds, the same",
            )
    if not all(text.strip() and text.isprintable() for text in names):
        raise UsageError(f"the arms are named {', '.join(map(repr, names))}", remedy="Give each a --name")
    if len({path.resolve() for path in folders}) < len(folders):
        raise UsageError("a folder of predictions is given twice", remedy="Name each folder once")
    return names


def match_all(
    folders: Sequence[Path],
    names: Sequence[str],
    tables: Sequence[Sequence[Predicted]],
    truth: Path,
    drawn: Sequence[Drawn],
    asked: str | None,
) -> tuple[str, list[Arm], list[str]]:
    """Return the split that counts, a run a folder with its cases, and what a reader should know of cases left out.

    folders, truth  where the tables lie, for messages alone
    asked           split asked for; None: test, or all where no row tells its split
    Raises InputError where the tables contradict each other, and for an arm whose runs have priors of other sources.
    """
    with concerning(folders[0]):
        chosen = choose_split(tables, asked)
        require_patients_apart([*tables, drawn], chosen)
    known = [row for row in drawn if row.label and (chosen == ALL or row.split in (None, chosen))]
    if not known:
        raise InputError(f"has no case of the split {chosen} with a label", where=truth, remedy="Check --truth")
    arms: list[Arm] = []
    warnings = []
    for folder, name, table in zip(folders, names, tables, strict=True):
        with concerning(folder):
            rows = of_split(table, chosen)
            if not rows:
                raise InputError(f"has no case of the split {chosen}", remedy="Choose another --split")
            # the whole truth is asked first: a case that changed its split there is refused, not left out
            match(name, rows, drawn)
            before = [arm for arm in arms if arm.name == name]
            arms.append(replace(match(name, rows, known), run=len(before) + 1))
            if before and before[0].prior_source != arms[-1].prior_source:
                raise InputError(
                    f"is a run of {name!r} with a prior {arms[-1].prior_source}, others have {before[0].prior_source}",
                    remedy="Give it another --name",
                )
        said = name if len(names) == len(set(names)) else f"{name}, run {arms[-1].run}"
        if arms[-1].without_truth:
            warnings.append(f"{said}: {len(arms[-1].without_truth)} predicted cases are without truth")
        if arms[-1].without_prediction:
            warnings.append(f"{said}: {len(arms[-1].without_prediction)} cases of the truth are not predicted")
    return chosen, with_common_cases(arms), warnings


def require_one_regime(arms: Sequence[Arm], chain: Sequence[str]) -> None:
    """Refuse a chain of arms whose wall is predicted and arms whose wall is given; raises UsageError."""
    regimes = {arm.name: REGIMES[arm.prior_source] for arm in arms if arm.name in chain}
    if len(set(regimes.values())) > 1:
        raise UsageError(
            f"--chain mixes regimes: {', '.join(f'{name} {regime}' for name, regime in regimes.items())}",
            remedy="A predicted and a given wall answer different questions: give a chain of one regime",
        )


def flow(arm: Arm, ecg: Mapping[str, int]) -> dict[str, object]:
    """Return how many cases an arm has and lacks, for summary.json and the report."""
    return {
        "Name": arm.name,
        "Run": arm.run,
        "PriorSource": arm.prior_source,
        "Regime": REGIMES[arm.prior_source],
        "ECG": dict(ecg),
        "Evaluated": len(arm.cases),
        "InSummary": len(arm.in_summary),
        "WithoutTruth": len(arm.without_truth),
        "WithoutPrediction": len(arm.without_prediction),
        "CasesWithoutTruth": list(arm.without_truth),
        "CasesWithoutPrediction": list(arm.without_prediction),
    }


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
