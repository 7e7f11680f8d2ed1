"""What a prior rests on: the anchor of its angle, and where its contours came from. It travels into every table."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from scartools.errors import InputError
from scartools.files import provenance, volume
from scartools.files.provenance import Source
from scartools.files.volume import SpacingFrom, Volume

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)
UNSTATED = "unstated"
METHODS = ("labels", "sd", "fwhm", "otsu", "ewa")
# Only these words are copied on: a sidecar from elsewhere may hold any text, a name included.
WORDS = {
    "Anchor": ("mid-septum", "anterior-insertion", "both-insertions", "landmarks", "angle", "image-left"),
    "AnchorSource": ("rv", "landmarks", "given angle", "assumed"),
    "SegmentationSource": ("truth", "predicted", "manual", UNSTATED),
}


@dataclass(frozen=True)
class StatedPrior:
    """A prior on the grid of a segmentation, with what its sidecar states.

    model    how many segments there are
    septum   direction of the middle of the septum, RAS+, unit vector; None where the sidecar states none
    rests    Anchor, AnchorSource, SegmentationSource
    """

    volume: Volume
    model: Literal[16, 17, 18]
    septum: tuple[float, float, float] | None
    rests: dict[str, str]


def read_prior_of(prior: Path, mask: Volume, *, spacing_from: SpacingFrom = "auto") -> StatedPrior:
    """Read the prior of a segmentation; refuses one of another grid, warns of one made from another file."""
    regions = volume.read_prior(prior, spacing_from=spacing_from)
    volume.require_same_grid(regions, mask)
    if not made_from(prior, mask.source):
        log.warning("%s: was made from another segmentation than %s", prior, mask.path)
    stated = _facts(_said(prior)).get("SeptumDirection")
    septum = None
    if isinstance(stated, list) and len(stated) == 3 and all(isinstance(one, int | float) for one in stated):
        length = sum(one * one for one in stated) ** 0.5
        septum = (float(stated[0]), float(stated[1]), float(stated[2])) if 0.9 < length < 1.1 else None
    return StatedPrior(regions, segment_model(prior, regions.array), septum, read_rests_on(prior))


def rests_on(said: Mapping[str, Any]) -> dict[str, str]:
    """Return Anchor, AnchorSource and SegmentationSource from the facts of a sidecar; `unstated` for what it lacks."""
    return {key: said[key] if said.get(key) in words else UNSTATED for key, words in WORDS.items()}


def read_rests_on(file: Path) -> dict[str, str]:
    """The same from the sidecar beside a prior, or beside a table of segments (under Facts)."""
    return rests_on(_facts(_said(file, aloud=True)))


def in_words(said: Mapping[str, str]) -> str:
    """What `rests_on` states, for a reader of a figure; empty where it states nothing."""
    anchor, source = said["Anchor"], said["AnchorSource"].replace("rv", "RV")
    parts = [f"contours {said['SegmentationSource']}"] if said["SegmentationSource"] != UNSTATED else []
    if anchor != UNSTATED:
        parts.append(f"anchor {anchor}" + (f" ({source})" if source not in (UNSTATED, anchor) else ""))
    return ", ".join(parts)


def stated_model(file: Path) -> Literal[16, 17, 18] | None:
    """Return the SegmentModel of the sidecar beside a prior or a table of segments; None where none is stated."""
    model = _facts(_said(file)).get("SegmentModel")
    return model if model in (16, 17, 18) else None


def stated_method(file: Path) -> str | None:
    """Return how the scar of a table of segments was found, by its sidecar; None where it does not say so."""
    scar = _facts(_said(file)).get("Scar")
    method = scar.get("Method") if isinstance(scar, dict) else None
    return method if method in METHODS else None


def stated_column(file: Path, column: str) -> dict[str, str]:
    """Return Description and Units of a column of a table of segments, as far as its sidecar states them."""
    columns = _said(file).get("Columns")
    said = columns.get(column) if isinstance(columns, dict) else None
    if not isinstance(said, dict):
        return {}
    return {key: said[key] for key in ("Description", "Units") if isinstance(said.get(key), str)}


def _said(file: Path, *, aloud: bool = False) -> dict[str, Any]:
    """The sidecar beside a file; empty where there is none, or another program's, which states nothing to us."""
    sidecar = provenance.sidecar_path(file)
    try:
        return provenance.read_json(sidecar) if sidecar.is_file() and sidecar != file else {}
    except InputError as error:
        if aloud:
            log.warning("%s", error)
        return {}


def _facts(said: dict[str, Any]) -> dict[str, Any]:
    facts = said.get("Facts", said)
    return facts if isinstance(facts, dict) else {}


def segment_model(prior: Path, segments: np.ndarray) -> Literal[16, 17, 18]:
    """Return how many segments the model of a prior has: what its sidecar says, else 17, or 18 where 18 occurs.

    segments  its label map
    Raises InputError where the map holds a segment that its sidecar's model does not have.
    """
    said = stated_model(prior)
    largest = int(segments.max())
    if said is None:
        return 18 if largest == 18 else 17
    if largest > said:
        raise InputError(
            f"holds segment {largest}, but its sidecar speaks of {said} segments",
            where=prior,
            remedy="Make both again with: scartools aha17",
        )
    return said


def made_from(prior: Path, segmentation: Source) -> bool:
    """Tell whether the provenance of a prior names this segmentation; True where it has none to ask."""
    note = provenance.provenance_path(prior)
    listed = provenance.read_json(note).get("Sources") if note.is_file() else None
    if not isinstance(listed, list):
        return True
    return segmentation.sha256 in {item.get("SHA256") for item in listed if isinstance(item, dict)}
