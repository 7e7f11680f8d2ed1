"""`pairs.tsv`: the manifest that `pair` writes and the later stages read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from scartools.errors import InputError
from scartools.files import table


@dataclass(frozen=True)
class PairRow:
    """One MRI, with the ECG that belongs to it where there is one; paths as they can be opened."""

    case_id: str
    participant_id: str
    group: str | None
    image: Path
    label: Path | None
    prior: Path | None
    beat: Path | None
    interval_days: int | None
    split: str | None
    fold: int | None


def read_pairs(path: Path) -> tuple[PairRow, ...]:
    """Read a manifest; raises InputError naming the line that is wrong."""
    found = table.read(path, required=("participant_id", "image"))
    rows = []
    for number, cells in enumerate(found.rows):
        participant, image = cells["participant_id"], cells["image"]
        if participant is None or image is None:
            raise InputError(f"line {number + 2} lacks participant_id or image", where=path)

        def place(name: str, cells: dict[str, str | None] = cells) -> Path | None:
            text = cells.get(name)
            return None if text is None else path.parent / text

        def whole(name: str, number: int = number, cells: dict[str, str | None] = cells) -> int | None:
            value = table.number(found, number, name) if name in cells else math.nan
            return None if math.isnan(value) else int(value)

        rows.append(
            PairRow(
                case_id=cells.get("case_id") or participant,
                participant_id=participant,
                group=cells.get("group"),
                image=path.parent / image,
                label=place("label"),
                prior=place("prior"),
                beat=place("beat"),
                interval_days=whole("interval_days"),
                split=cells.get("split"),
                fold=whole("fold"),
            )
        )
    return tuple(rows)
