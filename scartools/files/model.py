"""`model/` and `encoder/`: a description, and weights that cannot run code.

    model.json            architecture, plan, labels, the inputs it needs, cohort, metrics, SHA-256 of the weights
    weights.safetensors   tensors by name
    card.md               what the model is for, in words

Weights are safetensors only: a pickle, whatever its name, is refused unread.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scartools.errors import InputError, OutputError
from scartools.files import atomic, provenance
from scartools.files.dataset import read_array
from scartools.files.provenance import Source, sha256_of

if TYPE_CHECKING:
    import numpy as np
    import torch

FORMAT_VERSION = 1
WEIGHTS = "weights.safetensors"
MAX_WEIGHTS_HEADER_BYTES = 64 << 20
_PICKLE_STARTS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04", b"\x1f\x8b")


def write_model(
    output: Path,
    description: Mapping[str, Any],
    weights: Mapping[str, torch.Tensor],
    *,
    card: str,
    more: Callable[[Path], None] | None = None,
    sources: Sequence[Source] = (),
    force: bool = False,
) -> None:
    """Write a model folder; `model.json` records the SHA-256 of the weights.

    description  what rebuilds the network and says what it was trained on
    weights      tensors by name, saved contiguous on the CPU
    card         Markdown: intended use, cohort, metrics, limits
    more         called with the folder to put further files into it: the log, the curve, the priors
    The checkpoint of the training that made it is replaced by the result.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    def fill(folder: Path) -> None:
        """Write weights, description and card; InputError for weights that are no numbers."""
        tensors = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in weights.items()}
        broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
        if broken:
            raise InputError(
                f"the weights {broken[0]} hold NaN or infinity: this model is not saved", where=output
            )
        try:
            save_file(tensors, folder / WEIGHTS)
        except SafetensorError as error:  # a full disk, above all
            remedy = "Free some space or choose another --output"
            raise OutputError(f"cannot be written ({error})", where=output, remedy=remedy) from error
        facts = {"FormatVersion": FORMAT_VERSION, **description, "WeightsSHA256": sha256_of(folder / WEIGHTS)}
        provenance.write_json(folder / "model.json", facts)
        (folder / "card.md").write_text(card, encoding="utf-8")
        if more is not None:
            more(folder)

    atomic.publish_folder(output, fill, sources=sources, force=force, resumable=True)


def read_description(folder: Path) -> dict[str, Any]:
    """Return `model.json` after checking that its weights are there, whole and the ones it was written with."""
    facts = provenance.read_json(folder / "model.json")
    version = facts.get("FormatVersion")
    if isinstance(version, bool) or version != FORMAT_VERSION:
        raise InputError(
            f"has format version {facts.get('FormatVersion')!r}, this version reads {FORMAT_VERSION}",
            where=folder / "model.json",
        )
    if not tensor_names(folder / WEIGHTS):
        raise InputError("holds no tensor", where=folder / WEIGHTS, remedy="Copy the whole model folder again")
    if sha256_of(folder / WEIGHTS) != facts.get("WeightsSHA256"):
        raise InputError(
            "is not the file that model.json was written with (SHA-256 differs)",
            where=folder / WEIGHTS,
            remedy="Copy the whole model folder again",
        )
    return facts


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights by name, on the CPU, after the checks of `read_description`."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    read_description(folder)
    try:
        return dict(load_file(folder / WEIGHTS))
    except (SafetensorError, OSError) as error:
        raise InputError(f"cannot be read ({error})", where=folder / WEIGHTS, remedy="Copy it again") from error


def write_log(folder: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Write log.jsonl, one report a line, into a model that is being made."""
    text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
    (folder / "log.jsonl").write_text(text, encoding="utf-8")


def write_priors(folder: Path, priors: Mapping[str, np.ndarray | None]) -> None:
    """Write what the patients were shown, priors/ID.npy, uint8 (Z, Y, X), into a model that is being made."""
    import numpy as np

    for name, segments in priors.items():
        if segments is not None:
            (folder / "priors").mkdir(exist_ok=True)
            np.save(folder / "priors" / f"{name}.npy", segments, allow_pickle=False)


def read_prior(folder: Path, case_id: str) -> np.ndarray:
    """Return the AHA segments that a training patient was shown, uint8 (Z, Y, X)."""
    return read_array(folder / "priors" / f"{case_id}.npy", "uint8")


def tensor_names(path: Path) -> list[str]:
    """Return the names of the tensors in a safetensors file, after its header was checked against its length."""
    from safetensors import SafetensorError, safe_open

    _require_safetensors(path)
    try:
        with safe_open(path, framework="numpy") as weights:
            return sorted(weights.keys())
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f"is damaged ({error})", where=path, remedy="Copy the whole model folder again"
        ) from error


def _require_safetensors(path: Path) -> None:
    """Refuse anything but safetensors by its first bytes: the length of a JSON header, then the header."""
    try:
        if path.exists() and not path.is_file():
            raise InputError("is not a regular file", where=path)
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(9)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    length = struct.unpack("<Q", head[:8])[0] if len(head) == 9 else 0
    if 2 <= length <= min(MAX_WEIGHTS_HEADER_BYTES, size - 8) and head[8:9] == b"{":
        return
    if head.startswith(_PICKLE_STARTS):
        raise InputError(
            "is a pickle or an archive that may run code when loaded; it was not read",
            where=path,
            remedy="Convert it on a machine you trust to safetensors",
        )
    raise InputError("is not a safetensors file", where=path, remedy="Copy the whole model folder again")
