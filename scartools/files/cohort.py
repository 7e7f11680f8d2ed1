"""`cohort/`: a simulated cohort as a hospital would send it, and its truth.

participants.tsv              one row a subject
mri.tsv                       participant_id, image, mri_date
lge/ID.nii.gz                 LGE image
truth/ID/segmentation.nii.gz  labels of this toolkit
truth/ID/aha17.nii.gz         AHA segments
truth/ID/case.json            what the subject was drawn as
truth/scars.tsv               scar by subject and segment
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scartools.files import provenance, table, volume
from scartools.files.table import Column

if TYPE_CHECKING:
    import numpy as np

MRI_COLUMNS = {
    "participant_id": Column("Subject"),
    "image": Column("LGE image, path relative to this table"),
    "mri_date": Column("Day of the MRI, YYYY-MM-DD"),
}


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


def write_tables(
    folder: Path,
    participants: tuple[Mapping[str, Column], Iterable[Mapping[str, Any]]],
    scars: tuple[Mapping[str, Column], Iterable[Mapping[str, Any]]],
) -> None:
    """Write the tables of a cohort that is being made; `mri.tsv` is drawn from the participants."""
    columns, rows = participants
    subjects = list(rows)
    scans = [{**row, "image": f"lge/{row['participant_id']}.nii.gz"} for row in subjects]
    for path, described, content in (
        (folder / "participants.tsv", columns, subjects),
        (folder / "mri.tsv", MRI_COLUMNS, scans),
        (folder / "truth" / "scars.tsv", *scars),
    ):
        path.write_text(table.render(described, content), encoding="utf-8")
        provenance.write_json(provenance.sidecar_path(path), table.describe(described))
