"""Many recordings at once: which they are, how their beats are named, and the table that says what became of each."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scartools.errors import InputError
from scartools.files import atomic, provenance, table
from scartools.files.batch import (
    Item,
    cleaned,
    find_inputs,
    first_alone,
    hash_or_none,
    printable_name,
    require_free,
    table_place,
)
from scartools.files.provenance import Source
from scartools.files.record import BEAT_RATE_HZ, Record, write_beat
from scartools.files.table import Column

if TYPE_CHECKING:
    import numpy as np

STATUSES = ("accepted", "needs_review", "refused", "failed", "absent")
WRITTEN = STATUSES[:2]
SUFFIXES = (".hea", ".dcm", ".xml", ".edf", ".csv")
MEASURED = {
    "pr_interval": ("PRInterval", "ms"),
    "qrs_duration": ("QRSDuration", "ms"),
    "qt_interval": ("QTInterval", "ms"),
    "qtc_fridericia": ("QTcFridericia", "ms"),
    "qrs_axis": ("QRSAxis", "degrees"),
    "bundle_branch_block": ("BundleBranchBlock", ""),
    "pathological_q": ("PathologicalQRegions", ""),
    "selvester_score": ("SelvesterScore", "points"),
}
COLUMNS = {
    "record": Column("File name of the recording"),
    "record_sha256": Column("SHA-256 of that file; of a WFDB record, of its header"),
    "beat_status": Column(
        "accepted, needs_review (its warnings or quality say why), refused (read, and no beat can be made), failed "
        "(not readable) or absent (the table that was given names no recording)"
    ),
    "beat": Column("Median beat made from it, in the folder of this table"),
    "quality": Column("Quality of the beat, see its sidecar", "1"),
    "beats_found": Column("Beats found in the recording"),
    "beats_used": Column("Beats that the median is made of"),
    "heart_rate": Column("60 / median RR interval", "1/min"),
    **{
        column: Column(f"{name} of the Measurements in the sidecar", unit)
        for column, (name, unit) in MEASURED.items()
    },
    "absent_leads": Column("Leads that no beat covers"),
    "flags": Column("What is doubtful of the recording: names of findings in the sidecar"),
    "beat_reason": Column("Why it was refused or failed"),
}


@dataclass(frozen=True)
class BeatItem:
    """One recording of a batch; `item` is None where a table names none. carried: further cells of its row."""

    item: Item | None
    carried: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What became of a recording; it travels between processes. Without `signals`, `reason` says why."""

    status: str
    facts: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    remedy: str = ""
    signals: np.ndarray | None = None
    sources: tuple[Source, ...] = ()
    drawing: bytes | None = None


@dataclass(frozen=True)
class Batch:
    """How a folder is filled. shard, part: I/N as given, and the slice of the recordings it stands for."""

    output: Path
    shard: str | None
    part: slice
    plots: str | None
    strict: bool
    skip_existing: bool
    force: bool

    @property
    def table(self) -> Path:
        """The table of the beats: beats.tsv, of a shard beats_I-of-N.tsv."""
        return table_place(self.output, "beats", self.shard)

    @property
    def replaces(self) -> bool:
        """Whether files of an earlier run may be replaced."""
        return self.force or self.skip_existing

    def beat(self, item: Item) -> Path:
        """Return the beat of a recording."""
        return self.output / f"{item.stem}.hea"

    def drawing(self, item: Item) -> str | None:
        """Return the name of the drawing beside a beat, where one is asked for."""
        return None if self.plots is None else f"{item.stem}.{self.plots}"


def find_records(given: Sequence[Path]) -> list[Path]:
    """Return the recordings among files and folders; see find_inputs."""
    return find_inputs(given, SUFFIXES, "recording")


def read_table(path: Path, column: str) -> tuple[list[tuple[Path | None, dict[str, str | None]]], Source]:
    """Return the recordings that a table names, each with the other cells of its row, and the table as a source.

    column  holds the paths, relative to the table
    Raises InputError for a table that has a column beats.tsv makes itself, or names no recording that exists.
    """
    read = table.read(path, required=[column])
    carried = [name for name in read.columns if name != column]
    own = [name for name in carried if name in COLUMNS]
    if own:
        raise InputError(
            f"has the column {', '.join(own)}, which beats.tsv makes itself",
            where=path,
            remedy="Rename or remove it",
        )
    rows = []
    for row in read.rows:
        name = row[column]
        rows.append((None if name is None else path.parent / name, {key: row[key] for key in carried}))
    if not any(place is not None and os.path.lexists(place) for place, _ in rows):
        raise InputError(
            f"names no recording that exists in the column {column}",
            where=path,
            remedy="Paths are relative to the table",
        )
    return rows, read.source


def items_of(
    rows: Sequence[tuple[Path | None, dict[str, str | None]]],
) -> tuple[list[BeatItem], list[str]]:
    """Return the recordings with the names of their beats, and the names of recordings that were given twice.

    A beat is named like its recording; where several have one such name, each takes the name of its folder too
    (p1-ecg, p2-ecg), then its suffix, then the start of a hash of its path. One file given twice is one recording,
    unless the two rows of a table say different things of it.
    """
    kept, twice = [], []
    seen: set[tuple[str, ...]] = set()
    for path, carried in rows:
        key = (str(path and os.path.realpath(path)), *(str(cell) for cell in carried.values()))
        if path is not None and key in seen:
            twice.append(printable_name(path))
            continue
        seen.add(key)
        kept.append((path, carried))
    paths = list(dict.fromkeys(path for path, _ in kept if path is not None))
    short = [cleaned(path.stem, "record") for path in paths]
    longer = [
        f"{cleaned(path.absolute().parent.name, 'folder')}-{stem}"
        for path, stem in zip(paths, short, strict=True)
    ]
    suffixed = [
        f"{stem}-{cleaned(path.suffix[1:], 'record').lower()}" for path, stem in zip(paths, longer, strict=True)
    ]
    hashed = [
        f"{stem}-{sha256(os.fsencode(path)).hexdigest():.8}" for path, stem in zip(paths, suffixed, strict=True)
    ]
    stems = dict(zip(paths, first_alone(short, longer, suffixed, hashed), strict=True))
    return [
        BeatItem(
            None if path is None else Item(path, printable_name(path), hash_or_none(path), stems[path]), carried
        )
        for path, carried in kept
    ], twice


def row_of(one: BeatItem, outcome: Outcome) -> dict[str, Any]:
    """Return the row of one recording."""
    facts, item = outcome.facts, one.item
    methods, measured = facts.get("Method", {}), facts.get("Measurements", {})
    return {
        **one.carried,
        "record": item.name if item else None,
        "record_sha256": item.sha256 if item else None,
        "beat_status": outcome.status,
        "beat": f"{item.stem}.hea" if item and outcome.status in WRITTEN else None,
        "quality": facts.get("Quality"),
        "beats_found": facts.get("BeatsFound"),
        "beats_used": facts.get("BeatsUsed"),
        "heart_rate": facts.get("HeartRate"),
        **{column: _cell(measured.get(name)) for column, (name, _) in MEASURED.items()},
        "absent_leads": " ".join(lead for lead, method in methods.items() if method == "absent") or None,
        "flags": facts.get("Flags") or None,
        "beat_reason": " ".join(outcome.reason.split()) or None,
    }


def _cell(value: Any) -> Any:
    """Return a measurement as a cell holds it: several names in one, `none` for a rule that nothing fulfils."""
    return (" ".join(value) or "none") if isinstance(value, list | tuple) else value


def require_places(batch: Batch, items: Sequence[Item]) -> None:
    """Refuse, before any work, a folder that holds what would be written, unless it is to be completed or replaced."""
    if not batch.replaces:
        require_free(batch.output, (*(batch.beat(item) for item in items), batch.table))


def earlier_outcome(batch: Batch, item: Item, given: Mapping[str, Any]) -> Outcome | None:
    """Return a beat that need not be made again: complete, from these very files, with these very options."""
    beat = batch.beat(item)
    try:
        note = provenance.read_json(provenance.provenance_path(beat))
        listed = provenance.outputs_of(provenance.provenance_path(beat))
        facts = provenance.read_json(provenance.sidecar_path(beat))
    except InputError:
        return None
    due = {beat.name, beat.with_suffix(".dat").name, batch.drawing(item) or beat.name}
    if not (due <= set(listed) and all(beat.with_name(name).is_file() for name in due)):
        return None
    if facts.get("Status") not in WRITTEN or facts.get("Given", {}) != given:
        return None
    if batch.strict and facts["Status"] != "accepted":
        return None
    return Outcome(facts["Status"], facts) if _made_from(note, item.path) else None


def _made_from(note: Mapping[str, Any], path: Path) -> bool:
    """Tell whether the files that a provenance lists as read are still what they were."""
    sources = note.get("Sources")
    if not isinstance(sources, list) or not sources:
        return False
    for source in sources:
        place = path.with_name(Path(str(source.get("Path"))).name)
        if hash_or_none(place) != source.get("SHA256"):
            return False
    return True


def settle(batch: Batch, item: Item, outcome: Outcome) -> bool:
    """Write the beat of a recording, or remove the one of an earlier run; return whether one was removed."""
    batch.output.mkdir(exist_ok=True)
    if outcome.signals is None:
        return bool(atomic.withdraw(batch.beat(item)))
    write_beat_of(batch.beat(item), outcome, batch.drawing(item), force=batch.replaces)
    return False


def write_beat_of(output: Path, outcome: Outcome, drawing: str | None, *, force: bool) -> None:
    """Write the beat that was made; drawing: the name its drawing gets beside it."""
    if outcome.signals is None:
        raise ValueError("an outcome without signals gives no beat")
    beat = Record(outcome.signals, BEAT_RATE_HZ, outcome.facts, outcome.sources)
    companions = {drawing: outcome.drawing} if drawing and outcome.drawing is not None else {}
    write_beat(output, beat, companions=companions, force=force)


def write_beats(
    batch: Batch, rows: Sequence[Mapping[str, Any]], carried: Mapping[str, Column], sources: Sequence[Source]
) -> None:
    """Publish the table; that of an earlier run is replaced where the batch replaces."""
    batch.output.mkdir(exist_ok=True)
    table.write(batch.table, {**carried, **COLUMNS}, rows, sources=sources, force=batch.replaces)
