"""`cohort/`: a simulated cohort as a hospital would send it, and its truth.

participants.tsv              one row a subject
mri.tsv                       participant_id, image, mri_date, label
ecg.tsv                       participant_id, ecg_id, ecg_date, page, picture; unless ECGs are left away
ecg/ECG_ID.pdf, .png          the printed ECG
lge/ID.nii.gz                 LGE image
truth/ID/segmentation.nii.gz  labels of this toolkit
truth/ID/aha17.nii.gz         AHA segments
truth/ID/case.json            what the subject was drawn as
truth/ID/ecg.hea              what was printed: 12 leads, 10 s (ecg2.hea: a second ECG)
truth/ID/beat.hea             the beat without noise
truth/scars.tsv               scar by subject and segment
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scartools.files import provenance, table, volume
from scartools.files.record import Record, save_beat, save_record
from scartools.files.table import Column

if TYPE_CHECKING:
    import numpy as np

MRI_COLUMNS = {
    "participant_id": Column("Subject"),
    "image": Column("LGE image, path relative to this table"),
    "mri_date": Column("Day of the MRI, YYYY-MM-DD"),
    "label": Column("Segmentation that is the truth of the image, path relative to this table"),
}
ECG_COLUMNS = {
    "participant_id": Column("Subject"),
    "ecg_id": Column("ECG"),
    "ecg_date": Column("Day of the ECG, YYYY-MM-DD"),
    "page": Column("Printed ECG as PDF, path relative to this table"),
    "picture": Column("The same page as PNG, path relative to this table"),
}


@dataclass(frozen=True)
class PrintedEcg:
    """One ECG of a subject: its id and day, the pages as bytes, and the record that was printed."""

    ecg_id: str
    ecg_date: str
    pdf: bytes
    png: bytes
    record: Record


def write_case(
    folder: Path,
    case_id: str,
    image: np.ndarray,
    labels: np.ndarray,
    segments: np.ndarray,
    affine: np.ndarray,
    facts: Mapping[str, Any],
) -> None:
    """Write the volumes of one subject into a cohort that is being made.

    image     float32 (X, Y, Z)
    labels    uint8 (X, Y, Z), labels of this toolkit
    segments  uint8 (X, Y, Z), 1-17
    affine    float64 (4, 4), voxel index to RAS+ mm
    """
    truth = folder / "truth" / case_id
    truth.mkdir(parents=True)
    (folder / "lge").mkdir(exist_ok=True)
    volume.save_array(folder / "lge" / f"{case_id}.nii.gz", image, affine)
    volume.save_array(truth / "segmentation.nii.gz", labels, affine)
    volume.save_array(truth / "aha17.nii.gz", segments, affine)
    provenance.write_json(truth / "case.json", dict(facts))


def write_ecgs(folder: Path, case_id: str, beat: Record, ecgs: Sequence[PrintedEcg]) -> list[dict[str, str]]:
    """Write the ECGs of one subject into a cohort that is being made; return their rows of `ecg.tsv`.

    beat  the beat without noise; ecgs: in the order they are numbered
    """
    truth, pages = folder / "truth" / case_id, folder / "ecg"
    pages.mkdir(exist_ok=True)
    save_beat(truth / "beat.hea", beat)
    rows = []
    for number, ecg in enumerate(ecgs, start=1):
        save_record(truth / ("ecg.hea" if number == 1 else f"ecg{number}.hea"), ecg.record)
        row = {"participant_id": case_id, "ecg_id": ecg.ecg_id, "ecg_date": ecg.ecg_date}
        for column, suffix, data in (("page", "pdf", ecg.pdf), ("picture", "png", ecg.png)):
            row[column] = f"ecg/{ecg.ecg_id}.{suffix}"
            (folder / row[column]).write_bytes(data)
        rows.append(row)
    return rows


def write_tables(
    folder: Path,
    participants: tuple[Mapping[str, Column], Iterable[Mapping[str, Any]]],
    scars: tuple[Mapping[str, Column], Iterable[Mapping[str, Any]]],
    ecgs: Iterable[Mapping[str, Any]] | None = None,
) -> None:
    """Write the tables of a cohort that is being made; `mri.tsv` is drawn from the participants.

    ecgs  rows of `ecg.tsv`; None: the cohort has no such table
    """
    columns, rows = participants
    subjects = list(rows)
    scans = [
        {
            **row,
            "image": f"lge/{row['participant_id']}.nii.gz",
            "label": f"truth/{row['participant_id']}/segmentation.nii.gz",
        }
        for row in subjects
    ]
    tables: list[tuple[Path, Mapping[str, Column], Iterable[Mapping[str, Any]]]] = [
        (folder / "participants.tsv", columns, subjects),
        (folder / "mri.tsv", MRI_COLUMNS, scans),
        (folder / "truth" / "scars.tsv", *scars),
    ]
    if ecgs is not None:
        tables.append((folder / "ecg.tsv", ECG_COLUMNS, ecgs))
    for path, described, content in tables:
        path.write_text(table.render(described, content), encoding="utf-8")
        provenance.write_json(provenance.sidecar_path(path), table.describe(described))
