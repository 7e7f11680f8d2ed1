"""`pairs.tsv`, the one manifest that later stages read: which image, label, prior and beat belong to a case."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scartools.errors import InputError
from scartools.files import atomic, provenance, table
from scartools.files.provenance import Source
from scartools.files.table import Column, Table

SPLITS = ("train", "validation", "test")
CASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
REQUIRED = ("case_id", "participant_id", "image")
COLUMNS = {
    "case_id": Column("Case: participant_id, with _mri_id where a participant has several MRIs"),
    "participant_id": Column("Patient"),
    "group": Column("What splits keep together: the patient, or a group of patients"),
    "image": Column("LGE image, path relative to this table"),
    "label": Column("Segmentation by a reader, path relative to this table"),
    "prior": Column("AHA segments, manual or truth, path relative to this table"),
    "beat": Column("Median beat, path relative to this table"),
    "ecg_id": Column("The ECG"),
    "ecg_date": Column("Day of the ECG, YYYY-MM-DD"),
    "mri_date": Column("Day of the MRI, YYYY-MM-DD"),
    "interval_days": Column("Days between ECG and MRI", "day"),
    "signed_days": Column("ECG minus MRI: negative when the ECG came first", "day"),
    "n_candidates": Column("ECGs that the rule allowed for this MRI", "1"),
    "split": Column("train, validation or test"),
    "fold": Column("Fold for cross-validation, from 0", "1"),
}

EXCLUDED_COLUMNS = {
    "kind": Column("ecg or mri"),
    "participant_id": Column("Patient"),
    "exam_id": Column("ecg_id or mri_id"),
    "reason": Column("Why it is in no pair"),
    "kept": Column("yes for an MRI that is a row of the manifest all the same, without an ECG"),
}


@dataclass(frozen=True)
class PairRow:
    """One row of pairs.tsv; paths are absolute, None where the cell is n/a or the column is not there."""

    case_id: str
    participant_id: str
    group: str
    image: Path
    label: Path | None
    prior: Path | None
    beat: Path | None
    interval_days: float | None
    split: str | None
    fold: int | None
    ecg_id: str | None = None
    ecg_date: str | None = None
    mri_date: str | None = None
    signed_days: float | None = None


def read_pairs(path: Path) -> tuple[PairRow, ...]:
    """Read a manifest. A table made by hand needs case_id, participant_id and image; group is else the participant.

    Whether the files are there is told by whoever opens them.
    Raises InputError naming the line for a missing value, a case twice, a number that is none, an unknown split.
    """
    found = table.read(path, required=REQUIRED)
    rows = tuple(_row(found, at) for at in range(len(found.rows)))
    lines: dict[str, int] = {}
    for line, row in enumerate(rows, start=2):
        if row.case_id in lines:
            raise InputError(
                f"lines {lines[row.case_id]} and {line} have the same case_id {row.case_id!r}",
                where=path,
                remedy="Every row needs a case_id of its own",
            )
        lines[row.case_id] = line
    return rows


def excluded_path(output: Path) -> Path:
    """Return where the exclusions of a manifest go: excluded.tsv beside pairs.tsv, else STEM-excluded.tsv."""
    stem = provenance.stem_of(output)
    return output.with_name("excluded.tsv" if stem == "pairs" else f"{stem}-excluded.tsv")


def write_pairs(
    output: Path,
    rows: Sequence[Mapping[str, Any]],
    excluded: Iterable[Mapping[str, Any]],
    carried: Iterable[str] = (),
    *,
    facts: Mapping[str, Any],
    sources: Sequence[Source],
    force: bool = False,
) -> None:
    """Publish a manifest and its exclusions together.

    rows      one dictionary a row with the keys of COLUMNS and of `carried`
    excluded  the same with the keys of EXCLUDED_COLUMNS
    facts     further keys of the sidecar: flow, intervals, rule, splits
    """
    columns = {**COLUMNS, **{name: Column("Carried over from the table of MRIs") for name in carried}}

    def save(path: Path) -> None:
        path.write_text(table.render(columns, rows), encoding="utf-8")
        beside = table.render(EXCLUDED_COLUMNS, excluded)
        excluded_path(path).write_text(beside, encoding="utf-8")

    described = table.describe(columns)
    described["ExcludedColumns"] = table.describe(EXCLUDED_COLUMNS)["Columns"]
    atomic.publish(output, save, facts={**described, **facts}, sources=sources, force=force)


def _row(found: Table, at: int) -> PairRow:
    cells = found.rows[at]
    case_id, participant_id, image = (cells[name] for name in REQUIRED)
    if case_id is None or participant_id is None or image is None:
        lacking = next(name for name in REQUIRED if cells[name] is None)
        raise InputError(f"line {at + 2} has no {lacking}", where=found.path, remedy="n/a is not allowed there")
    if not CASE_ID.fullmatch(case_id):
        raise InputError(
            f"line {at + 2}: the case_id {case_id[:40]!r} is not made of letters, digits, dot, underscore and hyphen",
            where=found.path,
            remedy="It becomes the name of a folder",
        )
    split = cells.get("split")
    if split is not None and split not in SPLITS:
        raise InputError(
            f"line {at + 2}: unknown split {split[:40]!r}",
            where=found.path,
            remedy=f"Known: {', '.join(SPLITS)}",
        )
    interval, fold = _number(found, at, "interval_days"), _number(found, at, "fold")
    for name, value in (("interval_days", interval), ("fold", fold)):
        if value is not None and value < 0:
            raise InputError(f"line {at + 2}: {name} {value:g} is negative", where=found.path)
    if fold is not None and fold != int(fold):
        raise InputError(f"line {at + 2}: fold {fold:g} is not a whole number", where=found.path)
    label, prior, beat = (
        _file(found, text) if (text := cells.get(name)) else None for name in ("label", "prior", "beat")
    )
    return PairRow(
        case_id=case_id,
        participant_id=participant_id,
        group=cells.get("group") or participant_id,
        image=_file(found, image),
        label=label,
        prior=prior,
        beat=beat,
        interval_days=interval,
        split=split,
        fold=None if fold is None else int(fold),
        ecg_id=cells.get("ecg_id"),
        ecg_date=cells.get("ecg_date"),
        mri_date=cells.get("mri_date"),
        signed_days=_number(found, at, "signed_days"),
    )


def _file(found: Table, text: str) -> Path:
    if "\0" in text:
        raise InputError("a path holds a NUL byte", where=found.path)
    return found.path.parent.absolute() / text


def _number(found: Table, at: int, column: str) -> float | None:
    if column not in found.columns:
        return None
    value = table.number(found, at, column)
    return None if math.isnan(value) else value
