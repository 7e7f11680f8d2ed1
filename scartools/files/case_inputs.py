"""What is to be segmented: one image, or the rows of a manifest, each with its beat and a reader's contours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scartools.errors import InputError, UsageError
from scartools.files import table
from scartools.files.pairs import read_pairs
from scartools.files.provenance import Source, source_of, stem_of


@dataclass(frozen=True)
class CaseInput:
    """One image to segment and what comes with it; None for what does not."""

    id: str
    participant_id: str
    image: Path
    beat: Path | None
    days: float | None  # between ECG and MRI
    anatomy: Path | None
    split: str | None
    label: Path | None = None  # opened for a ceiling alone, never to predict
    ecg: str = "used"  # what the table calls the ECG where it is used: shuffled is another patient's


def of_image(
    image: Path, beat: Path | None, days: float | None, anatomy: Path | None
) -> tuple[list[CaseInput], list[Source]]:
    """Return one image as the only case, named after its file; and what was read to know it: nothing."""
    if anatomy is not None and anatomy.name.endswith(".tsv"):
        raise UsageError(f"--anatomy {anatomy} is a table, where one image needs one segmentation")
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", stem_of(image)).lstrip(".-_")[:100] or "image"
    return [CaseInput(name, name, image, beat, days, anatomy, None)], []


def of_manifest(path: Path, split: str | None, anatomy: Path | None) -> tuple[list[CaseInput], list[Source]]:
    """Return the cases of a manifest, and what was read to know them.

    split    only these rows; None: all
    anatomy  TSV with case_id and anatomy, or None
    Raises InputError for a manifest without such rows, or contours that lack a case.
    """
    contours, sources = _contours(anatomy) if anatomy is not None else ({}, [])
    rows = [row for row in read_pairs(path) if split in (None, row.split)]
    if not rows:
        raise InputError(f"has no case of the split {split}", where=path, remedy="See its column split")
    without = [row.case_id for row in rows if anatomy is not None and row.case_id not in contours]
    if without:
        raise InputError(f"lacks {len(without)} cases, {without[0]} first", where=anatomy, remedy="Add them")
    cases = [
        CaseInput(
            row.case_id,
            row.participant_id,
            row.image,
            row.beat,
            row.interval_days,
            contours.get(row.case_id),
            row.split,
            row.label,
        )
        for row in rows
    ]
    return cases, [source_of(path), *sources]


def with_ecgs_of_others(
    cases: Sequence[CaseInput], givers: Sequence[int], *, interval_alone: bool
) -> list[CaseInput]:
    """Return the cases, of which each that has an ECG is given beat and interval, or the interval alone, of another.

    givers  of each case with an ECG, in order, the place of its giver among them
    """
    having = [case for case in cases if case.beat is not None]
    made = {}
    for case, giver in zip(having, givers, strict=True):
        other = having[giver]
        if interval_alone:
            made[case.id] = replace(case, days=other.days, ecg="interval-shuffled")
        else:
            made[case.id] = replace(case, beat=other.beat, days=other.days, ecg="shuffled")
    return [made.get(case.id, case) for case in cases]


def _contours(path: Path) -> tuple[dict[str, Path], list[Source]]:
    if not path.name.endswith(".tsv"):
        raise UsageError(
            f"--anatomy {path}: a manifest needs a table of contours",
            remedy="Give a TSV with the columns case_id and anatomy",
        )
    found = table.read(path, required=("case_id", "anatomy"))
    listed = {str(row["case_id"]): path.parent / str(row["anatomy"]) for row in found.rows if row["anatomy"]}
    return listed, [found.source]
