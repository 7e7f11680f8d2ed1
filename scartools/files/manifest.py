"""From pairs of examinations to the rows of pairs.tsv."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scartools.errors import InputError
from scartools.files.days import EARLIEST
from scartools.files.examinations import Examination


def manifest_rows(
    matches: Sequence[tuple[int, int, int, int]],
    unpaired: Sequence[int],
    ecgs: Sequence[Examination],
    mris: Sequence[Examination],
    output: Path,
    *,
    name_ecg: bool = False,
    carry: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Return the rows of the manifest in the order of their case_id, with the split of the MRI table and without fold.

    matches   positions of ECG and MRI, signed days, number of candidates
    unpaired  positions of MRIs that are rows without an ECG
    output    paths are written relative to its folder
    name_ecg  the case_id ends in the ecg_id: an MRI may have several rows
    The key `mri` of a row, the position of its MRI, is no column.
    """

    several = {name for name, count in Counter(row.participant_id for row in mris).items() if count > 1}
    base = os.path.realpath(output.parent)  # a path with .. holds only below a folder that is no link
    rows: list[dict[str, Any]] = []
    for first, at, days, candidates in [*matches, *((None, at, None, 0) for at in unpaired)]:
        mri, ecg = mris[at], ecgs[first] if first is not None else None
        if mri.participant_id in several and mri.exam_id is None:
            raise InputError(
                f"{mri.participant_id!r} has several MRIs and the one of line {mri.line} has no mri_id",
                remedy="Add the column mri_id",
            )
        names: list[str | None] = [
            mri.participant_id,
            *([mri.exam_id] if mri.participant_id in several else []),
        ]
        if name_ecg and ecg is not None:
            if ecg.exam_id is None:
                raise InputError("--policy all needs ecg_id", remedy="Add the column ecg_id to the ECGs")
            names.append(ecg.exam_id)
        files = {**mri.files, **({"beat": ecg.files["beat"]} if ecg and "beat" in ecg.files else {})}
        rows.append(
            {
                "case_id": "_".join(map(str, names)),
                "participant_id": mri.participant_id,
                "group": mri.cells.get("group") or mri.participant_id,
                **{
                    key: Path(os.path.relpath(files[key], base)).as_posix() if key in files else None
                    for key in ("image", "label", "prior", "beat")
                },
                "ecg_id": ecg.exam_id if ecg else None,
                "ecg_date": ecg.day if ecg else None,
                "mri_date": mri.day,
                "interval_days": None if days is None else abs(days),
                "signed_days": days,
                "n_candidates": candidates,
                "split": mri.cells.get("split"),
                **{name: mri.cells[name] for name in carry},
                "mri": at,
            }
        )
    rows.sort(key=lambda row: str(row["case_id"]))
    for one, other in zip(rows, rows[1:], strict=False):
        if one["case_id"] == other["case_id"]:
            raise InputError(
                f"two rows would have the case_id {one['case_id']!r}", remedy="Rename one of the ids"
            )
    return rows


def implausible_days(rows: Sequence[Examination]) -> dict[str, Any]:
    """Count days before 1990, and tell whether all (of five or more) are the first of a month."""
    days = [row.day for row in rows if row.day is not None]
    firsts = len(days) >= 5 and all(day.day == 1 for day in days)
    return {"Before1990": sum(day < EARLIEST for day in days), "AllFirstOfMonth": firsts}
