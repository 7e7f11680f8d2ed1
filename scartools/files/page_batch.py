"""Many pages at once: which they are, how their records are named, and the table that says what became of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scartools.errors import InputError
from scartools.files import atomic, provenance, table
from scartools.files.batch import Item, find_inputs, require_free, table_place
from scartools.files.provenance import Source
from scartools.files.record import Record, write_record
from scartools.files.table import Column

if TYPE_CHECKING:
    import numpy as np

STATUSES = ("accepted", "needs_review", "refused", "failed")
WRITTEN = STATUSES[:2]
SUFFIXES = (".pdf", ".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
COLUMNS = {
    "page": Column("File name of the page"),
    "sha256": Column("SHA-256 of its content"),
    "status": Column(
        "accepted, needs_review, refused (read, and not to be trusted) or failed (not a readable file)"
    ),
    "record": Column("Record made from it, in the folder of this table"),
    "source_kind": Column("vector: read from the drawing of a PDF; raster: from pixels"),
    "layout": Column("Rows x columns + rhythm strips"),
    "layout_found": Column("How: printed, measured, given, assumed"),
    "speed": Column("Paper speed", "mm/s"),
    "speed_found": Column("How: printed, measured, given, assumed"),
    "gain": Column("Gain", "mm/mV"),
    "gain_found": Column("How: printed, measured, given, assumed"),
    "px_per_mm": Column("Mean of x and y: pixels of a picture, points of a PDF", "1/mm"),
    "px_per_mm_found": Column("How: measured, given, assumed"),
    "lowest_coverage": Column("Share of samples of the lead with the most gaps", "1"),
    "highest_noise": Column("Noise of the noisiest lead", "uV"),
    "failed_checks": Column("Checks that failed, each with its number and its limit"),
    "reason": Column("Why it was refused or failed"),
    "given": Column("What a person gave: names of the keys of Given in the sidecar"),
}


@dataclass(frozen=True)
class Outcome:
    """What became of a page; it travels between processes. Without `signals`, `reason` says why."""

    status: str
    facts: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    remedy: str = ""
    failed: str = ""
    signals: np.ndarray | None = None
    rate: float = 0.0
    companions: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """How a folder is filled.

    shard, part  I/N as given, and the slice of the pages it stands for
    """

    output: Path
    shard: str | None
    part: slice
    overlays: bool
    redacted: bool
    strict: bool
    skip_existing: bool
    force: bool

    @property
    def table(self) -> Path:
        """The table of the pages: pages.tsv, of a shard pages_I-of-N.tsv."""
        return table_place(self.output, "pages", self.shard)

    @property
    def replaces(self) -> bool:
        """Whether files of an earlier run may be replaced."""
        return self.force or self.skip_existing

    def record(self, item: Item) -> Path:
        """Return the record of a page."""
        return self.output / f"{item.stem}.hea"

    def companions(self, item: Item) -> dict[str, str]:
        """Return what lies beside a record, by the option that asks for it of one page."""
        wanted = [("--overlay", "overlay", self.overlays), ("--redact", "redacted", self.redacted)]
        return {flag: f"{item.stem}-{word}.png" for flag, word, want in wanted if want}


def find_pages(given: Sequence[Path]) -> list[Path]:
    """Return the pages among files and folders; see find_inputs."""
    return find_inputs(given, SUFFIXES, "page")


def row_of(item: Item, outcome: Outcome) -> dict[str, Any]:
    """Return the row of one page."""
    facts = outcome.facts
    found, scale = facts.get("Found", {}), facts.get("PxPerMm")
    quality = list(facts.get("Quality", {}).values())
    noise = [lead["Noise"] for lead in quality if lead.get("Noise") is not None]
    return {
        "page": item.name,
        "sha256": item.sha256,
        "status": outcome.status,
        "record": f"{item.stem}.hea" if outcome.status in WRITTEN else None,
        "source_kind": facts.get("SourceKind"),
        "layout": facts.get("Layout"),
        "layout_found": found.get("Layout"),
        "speed": facts.get("PaperSpeed"),
        "speed_found": found.get("PaperSpeed"),
        "gain": facts.get("Gain"),
        "gain_found": found.get("Gain"),
        "px_per_mm": None if scale is None else float(sum(scale) / len(scale)),
        "px_per_mm_found": found.get("PxPerMm"),
        "lowest_coverage": min((float(lead["Coverage"]) for lead in quality), default=None),
        "highest_noise": max(noise, default=None),
        "failed_checks": outcome.failed or None,
        "reason": " ".join(outcome.reason.split()) or None,
        "given": ", ".join(facts.get("Given", {})) or None,
    }


def require_places(batch: Batch, items: Sequence[Item]) -> None:
    """Refuse, before any work, a folder that holds what would be written, unless it is to be completed or replaced."""
    if not batch.replaces:
        require_free(batch.output, (*(batch.record(item) for item in items), batch.table))


def earlier_outcomes(
    batch: Batch,
    given: Mapping[Item, dict[str, Any]],
    failures: Callable[[list[dict[str, Any]]], str],
) -> dict[Item, Outcome]:
    """Return what need not be made again: complete records of these very pages and these very corrections.

    given     what a person says of each page, as its sidecar has it
    failures  from Checks of a sidecar to the text of the table
    """
    done: dict[Item, Outcome] = {}
    if not batch.skip_existing:
        return done
    for item, said in given.items():
        facts = _earlier_facts(batch, item, said)
        if facts is not None and not (batch.strict and facts["Status"] == "needs_review"):
            done[item] = Outcome(facts["Status"], facts, failed=failures(facts["Checks"]))
    return done


def _earlier_facts(batch: Batch, item: Item, said: Mapping[str, Any]) -> dict[str, Any] | None:
    record = batch.record(item)
    try:
        listed = provenance.outputs_of(provenance.provenance_path(record))
        facts = provenance.read_json(provenance.sidecar_path(record))
    except InputError:
        return None
    due = {record.name, record.with_suffix(".dat").name, *batch.companions(item).values()}
    whole = due <= set(listed) and all(record.with_name(name).is_file() for name in due)
    same = item.sha256 is not None and facts.get("PageSHA256") == item.sha256
    ours = facts.get("Status") in WRITTEN and isinstance(facts.get("Checks"), list)
    return facts if whole and same and ours and facts.get("Given", {}) == said else None


def settle(batch: Batch, item: Item, outcome: Outcome, boxes: Source | None) -> bool:
    """Write the record of a page, or remove the one of an earlier run; return whether one was removed."""
    batch.output.mkdir(exist_ok=True)
    if outcome.signals is None:
        return bool(atomic.withdraw(batch.record(item)))
    write_record_of(batch.record(item), item, outcome, batch.companions(item), boxes, force=batch.replaces)
    return False


def write_record_of(
    output: Path,
    item: Item,
    outcome: Outcome,
    names: Mapping[str, str],
    boxes: Source | None,
    *,
    force: bool,
) -> None:
    """Write the record of a page with its companions.

    names  file name of each companion, by the option that asked for it; boxes: the table of boxes that was given
    """
    if outcome.signals is None or item.sha256 is None:
        raise ValueError("a page without signals gives no record")
    sources = (Source(item.path, item.sha256), *([boxes] if boxes else []))
    facts = {"PageSHA256": item.sha256, **outcome.facts}
    companions = {name: outcome.companions[flag] for flag, name in names.items()}
    record = Record(outcome.signals, outcome.rate, facts, sources)
    write_record(output, record, companions=companions, force=force)


def write_pages(
    batch: Batch, rows: Sequence[Mapping[str, Any]], *, facts: Mapping[str, Any], sources: Sequence[Source]
) -> None:
    """Publish the table; that of an earlier run is replaced where the batch replaces."""
    batch.output.mkdir(exist_ok=True)
    table.write(batch.table, COLUMNS, rows, facts=facts, sources=sources, force=batch.replaces)
