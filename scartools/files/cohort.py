"""`cohort/`: a simulated cohort as a hospital would send it, and its truth.

participants.tsv              one row a subject
mri.tsv                       participant_id, image, mri_date, label
ecg.tsv                       participant_id, ecg_id, ecg_date, page, picture; unless ECGs are left away
ecg/ECG_ID.pdf, .png          the printed ECG
lge/ID.nii.gz                 LGE image
truth/ID/segmentation.nii.gz  labels of this toolkit
truth/ID/aha17.nii.gz         AHA segments
truth/ID/fibrosis.nii.gz      share of fibrosis of the wall, the border zone between 0 and 1
truth/ID/case.json            what the subject was drawn as
truth/ID/ecg.hea              what was printed: 12 leads, 10 s (ecg2.hea: a second ECG)
truth/ID/beat.hea             the beat without noise
truth/beats.tsv               participant_id, ecg_id, beat; unless ECGs are left away
truth/scars.tsv               scar by subject and segment
truth/ecg_scars.tsv           scar on the day of each ECG, by segment; unless ECGs are left away
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
BEAT_COLUMNS = {
    "participant_id": Column("Subject"),
    "ecg_id": Column("First ECG of the subject"),
    "beat": Column("Beat without noise, path relative to this table"),
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
    fibrosis: np.ndarray,
    affine: np.ndarray,
    facts: Mapping[str, Any],
) -> None:
    """Write the volumes of one subject into a cohort that is being made.

    image     float32 (X, Y, Z)
    labels    uint8 (X, Y, Z), labels of this toolkit
    segments  uint8 (X, Y, Z), 1-17
    fibrosis  float32 (X, Y, Z), 0 to 1
    affine    float64 (4, 4), voxel index to RAS+ mm
    """
    truth = folder / "truth" / case_id
    truth.mkdir(parents=True)
    (folder / "lge").mkdir(exist_ok=True)
    volume.save_array(folder / "lge" / f"{case_id}.nii.gz", image, affine)
    volume.save_array(truth / "segmentation.nii.gz", labels, affine)
    volume.save_array(truth / "aha17.nii.gz", segments, affine)
    volume.save_array(truth / "fibrosis.nii.gz", fibrosis, affine)
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


def begin_tables(folder: Path, tables: Mapping[str, Mapping[str, Column]]) -> None:
    """Write the headers of the tables of a cohort that is being made, and the JSON that describes each.

    tables  path relative to the folder, such as `truth/scars.tsv`, to its columns
    """
    (folder / "truth").mkdir(exist_ok=True)
    for name, columns in tables.items():
        (folder / name).write_text(table.render(columns, ()), encoding="utf-8")
        provenance.write_json(provenance.sidecar_path(folder / name), table.describe(columns))


def add_rows(folder: Path, name: str, columns: Mapping[str, Column], rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows to a table that begin_tables wrote: a cohort of any size is never held in memory."""
    _, _, lines = table.render(columns, rows).partition("\n")
    with (folder / name).open("a", encoding="utf-8") as stream:
        stream.write(lines)


def scan_row(subject: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of `mri.tsv` that belongs to a row of `participants.tsv`."""
    case_id = subject["participant_id"]
    paths = {"image": f"lge/{case_id}.nii.gz", "label": f"truth/{case_id}/segmentation.nii.gz"}
    return {**subject, **paths}


def beat_rows(ecgs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the row of `truth/beats.tsv` that belongs to a subject's rows of `ecg.tsv`; none without an ECG."""
    names = [(row["participant_id"], row["ecg_id"]) for row in ecgs[:1]]
    return [
        {"participant_id": case_id, "ecg_id": ecg_id, "beat": f"{case_id}/beat.hea"}
        for case_id, ecg_id in names
    ]
