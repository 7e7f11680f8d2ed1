"""The two tables that are paired: one row an ECG, one row an MRI. Read strictly, and every row judged by itself.

A row that cannot be used keeps its place with one reason; what makes the whole table doubtful is an error.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from scartools.errors import InputError, concerning
from scartools.files import table
from scartools.files.days import DayFormat, parse_day
from scartools.files.pairs import CASE_ID
from scartools.files.table import Table


@dataclass(frozen=True)
class Examination:
    """One ECG or MRI as it stands in its table.

    line            in the table, for messages
    participant_id  after the normalisation that was asked for; None when the cell is n/a
    exam_id         ecg_id or mri_id
    day, event      None where n/a
    files           column to absolute path: beat of an ECG; image, label, prior of an MRI
    cells           the row as text
    problem         why it cannot be paired (bad_date, unreadable ...), or None
    """

    line: int
    participant_id: str | None
    exam_id: str | None
    day: date | None
    event: date | None
    quality: float | None
    files: dict[str, Path]
    cells: dict[str, str | None] = field(repr=False)
    problem: str | None = None

    @property
    def name(self) -> str:
        """What tells it from the others of its participant."""
        return self.exam_id or "\t".join(str(self.files[key]) for key in sorted(self.files))


@dataclass(frozen=True)
class Ids:
    """How ids are compared: as they are, or digits padded with zeros to a width."""

    width: int | None = None

    def normal(self, text: str | None) -> str | None:
        """Return an id as it is compared."""
        if text is None or self.width is None:
            return text
        return text.strip().zfill(self.width) if text.strip().isdecimal() else text.strip()


def read_ecgs(
    path: Path,
    form: DayFormat,
    ids: Ids,
    *,
    beats: Path | None = None,
    min_quality: float | None = None,
) -> tuple[Table, list[Examination]]:
    """Read a table of ECGs: participant_id, ecg_date; optional ecg_id, beat, quality, event_date.

    beats        folder of ECG_ID.hea, for a table without the column beat
    min_quality  ECGs below it, or without a quality, get the reason low_quality
    """
    found = table.read(path, required=("participant_id", "ecg_date"))
    if beats is not None and "beat" in found.columns:
        raise InputError("has the column beat already", where=path, remedy="Leave --beats out")
    for column, option, given in (("ecg_id", "--beats", beats), ("quality", "--min-quality", min_quality)):
        if given is not None and column not in found.columns:
            raise InputError(
                f"has no column {column}, which {option} needs", where=path, remedy=f"Add {column}"
            )
    exams = _read(found, "ecg", form, ids, ("beat",))
    for at, exam in enumerate(exams):
        if beats is not None and exam.exam_id is not None:
            exam = replace(exam, files={"beat": (beats / f"{exam.exam_id}.hea").absolute()})
        wants_beat = beats is not None or "beat" in found.columns
        if exam.problem is None and wants_beat and not _readable(exam.files.get("beat")):
            exam = replace(exam, problem="unreadable")
        low = min_quality is not None and (exam.quality is None or exam.quality < min_quality)
        if exam.problem is None and low:
            exam = replace(exam, problem="low_quality")
        exams[at] = exam
    _require_own_files(found, exams, "beat")
    return found, exams


def read_mris(path: Path, form: DayFormat, ids: Ids) -> tuple[Table, list[Examination]]:
    """Read a table of MRIs: participant_id, mri_date, image; optional mri_id, label, prior, group, event_date, split."""
    found = table.read(path, required=("participant_id", "mri_date", "image"))
    exams = _read(found, "mri", form, ids, ("image", "label", "prior"))
    for at, exam in enumerate(exams):
        if exam.problem is None and "label" in found.columns and not _readable(exam.files.get("label")):
            exam = replace(exam, problem="label_missing")
        wanted = ["image", *(["prior"] if "prior" in exam.files else [])]
        if exam.problem is None and not all(_readable(exam.files.get(name)) for name in wanted):
            exam = replace(exam, problem="unreadable")
        exams[at] = exam
    _require_own_files(found, exams, "image")
    return found, exams


def mark_ambiguous(exams: list[Examination], others: Sequence[Examination]) -> None:
    """Mark rows whose participant is in the other table only under another spelling: 123 for 00123, a for A."""
    exact = {other.participant_id for other in others}
    alike = {_spelling(other.participant_id) for other in others if other.participant_id}
    for at, exam in enumerate(exams):
        name = exam.participant_id
        if exam.problem is None and name and name not in exact and _spelling(name) in alike:
            exams[at] = replace(exam, problem="ambiguous_id")


def _spelling(name: str | None) -> str:
    return (name or "").strip().casefold().lstrip("0")


def _read(found: Table, kind: str, form: DayFormat, ids: Ids, file_columns: Sequence[str]) -> list[Examination]:
    spelled: dict[str, str] = {}
    exams = []
    for at, cells in enumerate(found.rows):
        raw = cells["participant_id"]
        name = ids.normal(raw)
        for column, text in (("participant_id", name), (f"{kind}_id", cells.get(f"{kind}_id"))):
            if text is not None and not CASE_ID.fullmatch(text):
                raise InputError(
                    f"line {at + 2}: the {column} is not made of letters, digits, dot, underscore and hyphen",
                    where=found.path,
                    remedy="It becomes part of file names",
                )
        if raw is not None and name is not None and spelled.setdefault(name, raw) != raw:
            raise InputError(
                f"line {at + 2}: two spellings become one participant_id under --id-width",
                where=found.path,
                remedy="Are they one patient? Write the id in one way",
            )
        day, event = _day(found, at, f"{kind}_date", form), _day(found, at, "event_date", form)
        files = {c: found.path.parent.absolute() / text for c in file_columns if (text := cells.get(c))}
        quality = (
            table.number(found, at, "quality") if kind == "ecg" and "quality" in found.columns else math.nan
        )
        lost_event = event is None and cells.get("event_date") is not None
        problem = "ambiguous_id" if name is None else "bad_date" if day is None or lost_event else None
        exams.append(
            Examination(
                at + 2,
                name,
                cells.get(f"{kind}_id"),
                day,
                event,
                None if math.isnan(quality) else quality,
                files,
                cells,
                problem,
            )
        )
    return _once_each(found, kind, exams)


def _once_each(found: Table, kind: str, exams: list[Examination]) -> list[Examination]:
    """Mark equal rows after the first as duplicates; rows that share an id and differ are an error."""
    seen: dict[tuple[str | None, ...], Examination] = {}
    for at, exam in enumerate(exams):
        key = (exam.participant_id, exam.exam_id)
        whole = tuple(exam.cells.values())
        if ("row", *whole) in seen:
            exams[at] = replace(exam, problem=exam.problem or "duplicate")
            continue
        seen["row", *whole] = exam
        if exam.exam_id and key in seen:
            raise InputError(
                f"lines {seen[key].line} and {exam.line} are the same {kind.upper()} and differ",
                where=found.path,
                remedy="Keep the row that is right",
            )
        seen[key] = exam
    return exams


def _require_own_files(found: Table, exams: Sequence[Examination], column: str) -> None:
    """Refuse a file that two different rows name: it shows one patient on one day."""
    lines: dict[Path, int] = {}
    for exam in exams:
        path = exam.files.get(column)
        if path is None or exam.problem == "duplicate":
            continue
        if path in lines:
            raise InputError(
                f"lines {lines[path]} and {exam.line} differ and have the same {column}",
                where=found.path,
                remedy="Keep the row that is right",
            )
        lines[path] = exam.line


def _day(found: Table, at: int, column: str, form: DayFormat) -> date | None:
    text = found.rows[at].get(column)
    if text is None:
        return None
    try:
        with concerning(found.path):
            return parse_day(text, form)
    except InputError as error:
        raise InputError(
            f"line {at + 2}, column {column}: {error.problem}", where=found.path, remedy=error.remedy
        ) from error


def _readable(path: Path | None) -> bool:
    try:
        return path is not None and path.is_file() and os.access(path, os.R_OK)
    except (OSError, ValueError):  # a name too long, or a NUL in it
        return False
