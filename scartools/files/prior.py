"""What a prior rests on: the anchor of its angle, and where its contours came from. It travels into every table."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scartools.errors import InputError
from scartools.files import provenance
from scartools.files.provenance import Source

log = logging.getLogger(__name__)
UNSTATED = "unstated"
# Only these words are copied on: a sidecar from elsewhere may hold any text, a name included.
WORDS = {
    "Anchor": ("mid-septum", "anterior-insertion", "both-insertions", "landmarks", "angle", "image-left"),
    "AnchorSource": ("rv", "landmarks", "given angle", "assumed"),
    "SegmentationSource": ("truth", "predicted", "manual", UNSTATED),
}


def rests_on(said: Mapping[str, Any]) -> dict[str, str]:
    """Return Anchor, AnchorSource and SegmentationSource from the facts of a sidecar; `unstated` for what it lacks."""
    return {key: said[key] if said.get(key) in words else UNSTATED for key, words in WORDS.items()}


def read_rests_on(file: Path) -> dict[str, str]:
    """The same from the sidecar beside a prior, or beside a table of segments (under Facts)."""
    sidecar = provenance.sidecar_path(file)
    try:
        said = provenance.read_json(sidecar) if sidecar.is_file() and sidecar != file else {}
    except InputError as error:  # another program's file, perhaps: it states nothing to us
        log.warning("%s", error)
        said = {}
    facts = said.get("Facts", said)
    return rests_on(facts if isinstance(facts, dict) else {})


def made_from(prior: Path, segmentation: Source) -> bool:
    """Tell whether the provenance of a prior names this segmentation; True where it has none to ask."""
    note = provenance.provenance_path(prior)
    listed = provenance.read_json(note).get("Sources") if note.is_file() else None
    if not isinstance(listed, list):
        return True
    return segmentation.sha256 in {item.get("SHA256") for item in listed if isinstance(item, dict)}


def segment_model(prior: Path) -> int:
    """How many segments the model of a prior has, as its sidecar says; 17 where it says nothing.

    Raises InputError for a sidecar that says another number than 16, 17 or 18.
    """
    sidecar = provenance.sidecar_path(prior)
    said = provenance.read_json(sidecar) if sidecar.is_file() and sidecar != prior else {}
    model = said.get("SegmentModel", 17)
    if model not in (16, 17, 18) or isinstance(model, bool):
        raise InputError("SegmentModel is not 16, 17 or 18", where=sidecar, remedy="Make it with aha17")
    return int(model)
