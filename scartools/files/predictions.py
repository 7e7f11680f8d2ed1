"""`predictions/`: what `predict` makes and `evaluate` reads. One folder a case, and predictions.tsv beside them."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from scartools.errors import InputError, concerning
from scartools.files import provenance, table, volume
from scartools.files.case_inputs import CaseInput
from scartools.files.labels import to_internal
from scartools.files.provenance import Source
from scartools.files.table import Column, Table
from scartools.files.volume import Volume

TABLE_NAME = "predictions.tsv"
PRIOR_SOURCES = ("none", "predicted", "manual", "truth")
ECG_STATES = ("used", "shuffled", "interval-shuffled", "truth", "absent", "off")
SPLITS = ("train", "validation", "test")
ECG_SOURCE = "ecg_source"  # column of predictions.tsv or of the truth
ECG_SOURCES = ("recorded", "simulated")
COLUMNS = {
    "case_id": Column("Case"),
    "participant_id": Column("Patient"),
    "image": Column("LGE image that was segmented, path relative to this table"),
    "segmentation": Column("Predicted segmentation, path relative to this table, inside its folder"),
    "prior": Column(
        "AHA segments of the predicted labels, path relative to this table; n/a where they cannot be told"
    ),
    "prior_source": Column(
        "Where the wall came from that the network was shown: none, predicted, manual or truth"
    ),
    "ecg": Column(
        "used, absent (the case has none) or off (the model takes none); of controls: shuffled (another patient's), "
        "interval-shuffled (with another's interval) or truth (the true scar of the segments in its place)"
    ),
    "interval_days": Column("Days between ECG and MRI", "day"),
    "split": Column("train, validation or test"),
    "model": Column("Short name of the model"),
    "members": Column("Models averaged, this one among them"),
    "scar_percent": Column("Scar and no-reflow, part of the left ventricular wall", "%"),
    "scar_percent_low": Column(
        "Smallest of the passes (models, and mirror images if used); n/a for one pass", "%"
    ),
    "scar_percent_high": Column("Largest of the passes; the two are no confidence interval", "%"),
    "scar_ml": Column("Volume of scar and no-reflow", "mL"),
    "scar_ml_low": Column("Smallest of the passes", "mL"),
    "scar_ml_high": Column("Largest of the passes", "mL"),
    "scar_agreement": Column("Mean Dice of the scar between two passes; n/a where none of them has any"),
    "unlike_training": Column(
        "In what the image is unlike those learned from: pixel, slice_step, slices, field, grey, coverage, window; or nothing"
    ),
}
NEEDED = tuple(COLUMNS)[:10]  # what a table must have to be read; the rest is for people
_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class PredictionRow:
    """One row of predictions.tsv; paths are absolute but for the text of `image`; see `read_image_of`.

    more  cells of columns that are none of COLUMNS, by name
    """

    case_id: str
    participant_id: str
    image: str
    segmentation: Path
    prior: Path | None
    prior_source: str
    ecg: str
    interval_days: float | None
    split: str | None
    model: str
    more: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def control(self) -> str | None:
        """What was done to the inputs of the case: columns whose name holds `control`; None for nothing."""
        said = [
            value if name == "control" else f"{name}={value}"
            for name, value in self.more.items()
            if "control" in name and value is not None and value != "none"
        ]
        return ", ".join(said) or None


@dataclass(frozen=True)
class Predictions:
    """The table of a predictions folder as it was read."""

    rows: tuple[PredictionRow, ...]
    source: Source


@dataclass(frozen=True)
class TruthRow:
    """What evaluation needs of a manifest: the case, its patient, the reader's segmentation, the split.

    prior, beat  as in pairs.tsv; absolute, None where the cell is n/a or the column is not there
    cells        all cells of the row by column, for subgroups
    """

    case_id: str
    participant_id: str
    label: Path | None
    split: str | None
    prior: Path | None = None
    beat: Path | None = None
    cells: Mapping[str, str | None] = field(default_factory=dict)


_Row = TypeVar("_Row", PredictionRow, TruthRow)


def row_of(case: CaseInput, models: Sequence[Path], output: Path, *, has_segments: bool) -> dict[str, Any]:
    """Return what is known of a case's row before it is measured, for the table of the folder `output`.

    models        folders of the models, the first names the row
    has_segments  whether its labels have AHA segments
    """
    return {
        "case_id": case.id,
        "participant_id": case.participant_id,
        "image": os.path.relpath(case.image.resolve(), output.resolve()),
        "segmentation": f"{case.id}/segmentation.nii.gz",
        "prior": f"{case.id}/prior.nii.gz" if has_segments else None,
        "interval_days": case.days if case.beat is not None else None,
        "split": case.split,
        "model": models[0].resolve().name,
        "members": len(models),
    }


def write_table(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write predictions.tsv and its description into a folder that is being made.

    rows  with the keys of COLUMNS; of those that are not NEEDED a row may say nothing, which is n/a
    """
    place = folder / TABLE_NAME
    unsaid = dict.fromkeys(name for name in COLUMNS if name not in NEEDED)
    place.write_text(table.render(COLUMNS, [unsaid | dict(row) for row in rows]), encoding="utf-8")
    provenance.write_json(provenance.sidecar_path(place), table.describe(COLUMNS))


def read_predictions(folder: Path) -> Predictions:
    """Read the table of a predictions folder; the volumes are opened by whoever needs them.

    Raises InputError naming the line: a missing or unknown value, a case twice, a path that leaves the folder.
    """
    place = folder / TABLE_NAME
    if not folder.is_dir() or not place.is_file():
        problem = f"has no {TABLE_NAME}" if folder.is_dir() else "is not a folder"
        raise InputError(problem, where=folder, remedy="Give a folder that predict wrote")
    found = table.read(place, required=NEEDED)
    rows = tuple(_prediction(found, at) for at in range(len(found.rows)))
    _require_unique(rows, place)
    return Predictions(rows, found.source)


def read_truth(path: Path) -> tuple[tuple[TruthRow, ...], Source]:
    """Read case_id, participant_id, label and, where it is there, split of a manifest such as pairs.tsv."""
    found = table.read(path, required=("case_id", "participant_id", "label"))
    rows = []
    for at, cells in enumerate(found.rows):
        paths = {name: cells.get(name) for name in ("label", "prior", "beat")}
        if any(text is not None and "\0" in text for text in paths.values()):
            raise InputError(f"line {at + 2}: a path holds a NUL byte", where=path)
        beside = path.parent.absolute()
        rows.append(
            TruthRow(
                _case_id(found, at),
                _text(found, at, "participant_id"),
                split=_split(found, at),
                cells=cells,
                **{name: None if text is None else beside / text for name, text in paths.items()},
            )
        )
    _require_unique(rows, path)
    return tuple(rows), found.source


def read_segmentation(path: Path) -> Volume:
    """Read a predicted segmentation in our own labels. Unlike a reader's, it may be empty: the model found nothing."""
    found = volume.read(path)
    with concerning(path):
        array, notes = to_internal(found.array, "scartools")
    return Volume(array, found.affine, found.header, found.source, (*found.notes, *notes))


def read_image_of(found: Predictions, row: PredictionRow) -> Volume:
    """Read the LGE image of a row, which lies where the table says and may lie outside its folder."""
    table_path = found.source.path
    if "\0" in row.image:
        raise InputError(f"case {row.case_id}: a path holds a NUL byte", where=table_path)
    path = table_path.parent / row.image
    if not path.is_file():
        raise InputError(
            "does not exist",
            where=path,
            remedy=f"It is the image of case {row.case_id} in {table_path.name}: put it there, or leave --overlays out",
        )
    return volume.read_image(path)


def ecg_source_of(row: PredictionRow, case: TruthRow, given: str | None) -> str:
    """Return where the ECG that a case was shown comes from: recorded, simulated, unstated, or none without one.

    What is given holds for all; else a column ecg_source of either table says it; else a beat whose sidecar says
    Simulated is simulated.
    Raises InputError for another word in that column.
    """
    if row.ecg in ("off", "absent", "truth"):  # truth: no ECG, but the true scar in its place
        return "none"
    said = given or row.more.get(ECG_SOURCE) or case.cells.get(ECG_SOURCE)
    if said is None:
        return "simulated" if case.beat is not None and _simulated(case.beat) else "unstated"
    if said not in ECG_SOURCES:
        raise InputError(
            f"case {row.case_id}: unknown {ECG_SOURCE} {said[:40]!r}", remedy=f"Known: {', '.join(ECG_SOURCES)}"
        )
    return said


def told_of_case(row: PredictionRow, case: TruthRow, ecg_source: str | None) -> dict[str, str | None]:
    """Return what stands beside every number of a case: whose it is, its prior, its ECG, and what was done to them."""
    return {
        "case_id": row.case_id,
        "participant_id": row.participant_id,
        "prior_source": row.prior_source,
        "ecg": row.ecg,
        "ecg_source": ecg_source_of(row, case, ecg_source),
        "control": row.control,
    }


def _simulated(beat: Path) -> bool:
    sidecar = provenance.sidecar_path(beat)
    if not sidecar.is_file():
        return False
    said = provenance.read_json(sidecar)
    record = said.get("Record")
    return said.get("Simulated") is True or (isinstance(record, dict) and record.get("Simulated") is True)


def _prediction(found: Table, at: int) -> PredictionRow:
    prior_text = found.rows[at]["prior"]
    prior_source = _word(found, at, "prior_source", PRIOR_SOURCES)
    interval = table.number(found, at, "interval_days")
    if interval < 0:
        raise InputError(f"line {at + 2}: interval_days {interval:g} is negative", where=found.path)
    return PredictionRow(
        case_id=_case_id(found, at),
        participant_id=_text(found, at, "participant_id"),
        image=_text(found, at, "image"),
        segmentation=_inside(found, at, "segmentation"),
        prior=None if prior_text is None else _inside(found, at, "prior"),
        prior_source=prior_source,
        ecg=_word(found, at, "ecg", ECG_STATES),
        interval_days=None if math.isnan(interval) else interval,
        split=_split(found, at),
        model=_text(found, at, "model"),
        more={name: value for name, value in found.rows[at].items() if name not in COLUMNS},
    )


def _case_id(found: Table, at: int) -> str:
    text = _text(found, at, "case_id")
    if not _SAFE_ID.fullmatch(text):
        raise InputError(
            f"line {at + 2}: the case_id {text[:40]!r} is not made of letters, digits, dot, underscore and hyphen",
            where=found.path,
            remedy="It is the name of a folder",
        )
    return text


def _text(found: Table, at: int, column: str) -> str:
    text = found.rows[at][column]
    if text is None:
        raise InputError(f"line {at + 2} has no {column}", where=found.path, remedy="n/a is not allowed there")
    return text


def _word(found: Table, at: int, column: str, known: Sequence[str]) -> str:
    text = _text(found, at, column)
    if text not in known:
        raise InputError(
            f"line {at + 2}: unknown {column} {text[:40]!r}",
            where=found.path,
            remedy=f"Known: {', '.join(known)}",
        )
    return text


def _split(found: Table, at: int) -> str | None:
    return None if found.rows[at].get("split") is None else _word(found, at, "split", SPLITS)


def _inside(found: Table, at: int, column: str) -> Path:
    text = _text(found, at, column)
    written = PurePosixPath(text)
    if written.is_absolute() or ".." in written.parts or "\0" in text:
        raise InputError(
            f"line {at + 2}: {column} {text[:80]!r} leaves the folder",
            where=found.path,
            remedy="Predictions lie in the folder of their table",
        )
    return found.path.parent / text


def _require_unique(rows: Sequence[_Row], path: Path) -> None:
    lines: dict[str, int] = {}
    for line, row in enumerate(rows, start=2):
        if row.case_id in lines:
            raise InputError(
                f"lines {lines[row.case_id]} and {line} have the same case_id {row.case_id!r}",
                where=path,
                remedy="Every row needs a case_id of its own",
            )
        lines[row.case_id] = line
