"""Simulated ECGs of many segmentations: how each is named and seeded, and the table that says what became of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from scartools.errors import InputError
from scartools.files import provenance, table
from scartools.files.batch import cleaned, first_alone, printable_name, table_place
from scartools.files.table import Column

COLUMNS = {
    "case": Column(
        "Name of the ECG: that of the segmentation, where need be with that of its folder before it"
    ),
    "segmentation": Column("File name of the segmentation"),
    "segmentation_sha256": Column("SHA-256 of that file"),
    "ecg_status": Column("made, or failed (ecg_reason says why)"),
    "record": Column("Simulated recording, in the folder of this table"),
    "anatomy": Column("fitted (outlines, pose and scar voxels of the mask) or template (its segments painted)"),
    "anchor": Column("What fixed the angle of the segments"),
    "anchor_source": Column("Where that came from"),
    "scar_percent": Column("Scar and no-reflow as a share of the myocardium of the segmentation", "%"),
    "not_imaged_segments": Column(
        "Segments that no slice shows, n/a in the truth and healthy in the simulation"
    ),
    "seed": Column("Seed of this ECG: simulate ecg of this segmentation alone with it gives the same record"),
    "ecg_reason": Column("Why there is no ECG"),
}


@dataclass(frozen=True)
class MaskItem:
    """One segmentation of a batch; `stem` names its record, `seed` draws what the mask leaves open."""

    path: Path
    name: str
    stem: str
    seed: int


@dataclass(frozen=True)
class MaskOutcome:
    """What became of a segmentation; without `facts`, `reason` and `remedy` say why."""

    facts: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    remedy: str = ""


def read_list(path: Path) -> list[Path]:
    """Return the segmentations that a list names; raises InputError where none of them exists."""
    paths = table.read_paths(path)
    if not any(os.path.lexists(one) for one in paths):
        raise InputError(
            "does not exist, nor does any other segmentation of the list",
            where=paths[0],
            remedy="Check the paths",
        )
    return paths


def items_of(paths: Sequence[Path], seed: int) -> tuple[list[MaskItem], list[str]]:
    """Return the segmentations with names and seeds, and the names of those that were given twice.

    A record is named like its segmentation; where several have one such name, each takes the name of its folder too
    (sim-0001-segmentation), then the start of a hash of its path. The seed of an item follows from the seed of the
    run and that name, so that it depends on no other item.
    """
    kept, twice, seen = [], [], set()
    for path in paths:
        place = os.path.realpath(path)
        if place in seen:
            twice.append(printable_name(path))
            continue
        seen.add(place)
        kept.append(path)
    short = [cleaned(path.name.removesuffix(".gz").removesuffix(".nii"), "segmentation") for path in kept]
    longer = [
        f"{cleaned(path.absolute().parent.name, 'folder')}-{stem}"
        for path, stem in zip(kept, short, strict=True)
    ]
    hashed = [
        f"{stem}-{sha256(os.fsencode(path)).hexdigest():.8}" for path, stem in zip(kept, longer, strict=True)
    ]
    stems = first_alone(short, longer, hashed)
    return [
        MaskItem(path, printable_name(path), stem, seed_of(seed, stem))
        for path, stem in zip(kept, stems, strict=True)
    ], twice


def seed_of(seed: int, stem: str) -> int:
    """Return the seed of an item, 0 to 2^31 - 1."""
    return int.from_bytes(sha256(f"{seed} {stem}".encode()).digest()[:4], "big") >> 1


def earlier_facts(record: Path, item: MaskItem, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the sidecar of a record that need not be made again: complete, from this file, with these options."""
    try:
        note = provenance.read_json(provenance.provenance_path(record))
        facts = provenance.read_json(provenance.sidecar_path(record))
        digest = provenance.sha256_of(item.path)
    except (InputError, OSError):
        return None
    sources = note.get("Sources")
    known = (
        {one.get("SHA256") for one in sources if isinstance(one, dict)} if isinstance(sources, list) else set()
    )
    whole = record.is_file() and record.with_suffix(".dat").is_file()
    same = facts.get("Given") == dict(given) and facts.get("Seed") == item.seed
    return facts if whole and same and digest in known else None


def row_of(item: MaskItem, outcome: MaskOutcome) -> dict[str, Any]:
    """Return the row of one segmentation."""
    facts = outcome.facts
    try:
        digest = provenance.sha256_of(item.path) if item.path.is_file() else None
    except (InputError, OSError):  # the reason is in the row
        digest = None
    return {
        "case": item.stem,
        "segmentation": item.name,
        "segmentation_sha256": digest,
        "ecg_status": "made" if facts else "failed",
        "record": f"{item.stem}.hea" if facts else None,
        "anatomy": facts.get("Anatomy"),
        "anchor": facts.get("Anchor"),
        "anchor_source": facts.get("AnchorSource"),
        "scar_percent": facts.get("ScarPercent"),
        "not_imaged_segments": " ".join(facts.get("NotImagedSegments", [])) or None,
        "seed": item.seed,
        "ecg_reason": " ".join(outcome.reason.split()) or None,
    }


def table_of(output: Path, shard: str | None) -> Path:
    """Return where the table lies: ecg.tsv, of a shard ecg_I-of-N.tsv."""
    return table_place(output, "ecg", shard)


def write_ecgs(place: Path, rows: Sequence[Mapping[str, Any]], *, force: bool) -> None:
    """Publish the table of the ECGs."""
    table.write(place, COLUMNS, rows, force=force)
