"""What is to be segmented: one image, or the rows of a manifest, each with its beat and a reader's contours."""

from __future__ import annotations

import re
from dataclasses import dataclass
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
        )
        for row in rows
    ]
    return cases, [source_of(path), *sources]


def _contours(path: Path) -> tuple[dict[str, Path], list[Source]]:
    if not path.name.endswith(".tsv"):
        raise UsageError(
            f"--anatomy {path}: a manifest needs a table of contours",
            remedy="Give a TSV with the columns case_id and anatomy",
        )
    found = table.read(path, required=("case_id", "anatomy"))
    listed = {str(row["case_id"]): path.parent / str(row["anatomy"]) for row in found.rows if row["anatomy"]}
    return listed, [found.source]
