"""`predictions/`: what `predict` writes and `evaluate` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scartools.files import provenance, table
from scartools.files.table import Column

COLUMNS = {
    "case_id": Column("Case"),
    "participant_id": Column("Patient"),
    "image": Column("Image, path relative to this table"),
    "segmentation": Column("Predicted labels, path relative to this table"),
    "prior": Column(
        "AHA segments of the predicted labels, path relative to this table; n/a where they cannot be told"
    ),
    "prior_source": Column(
        "Where the wall came from that the network was shown: none, predicted, manual or truth"
    ),
    "ecg": Column("used, absent, or off for a model without ECG"),
    "interval_days": Column("Absolute interval between ECG and MRI", "day"),
    "split": Column("train, validation or test, as in the pairs"),
    "model": Column("Name of the model's folder"),
}


def write_table(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write predictions.tsv and its description into a folder that is being made."""
    path = folder / "predictions.tsv"
    path.write_text(table.render(COLUMNS, rows), encoding="utf-8")
    provenance.write_json(provenance.sidecar_path(path), table.describe(COLUMNS))
