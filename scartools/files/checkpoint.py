"""`checkpoint/` inside the folder that a training writes: what it needs to go on after an interruption.

One file, state.safetensors, replaced by one rename, so that a run killed at any moment leaves the old state or
the new one. Tensors lie in it by number; everything else is JSON in its header. Nothing in it can run code.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scartools.errors import InputError, OutputError

if TYPE_CHECKING:
    import torch

CHECKPOINT = "checkpoint"
_STATE = "state.safetensors"
_FORMAT = "scartools-checkpoint-1"
_MARK = "$tensor"


def checkpoint_path(output: Path) -> Path:
    """Return where the state of an unfinished training into `output` lies."""
    return output / CHECKPOINT / _STATE


def write_checkpoint(output: Path, state: Mapping[str, Any]) -> None:
    """Write the state of a training: nested dictionaries and lists of tensors, numbers, texts and None.

    Raises OutputError when it cannot be written; the state of before is then still there.
    """
    from safetensors.torch import save_file

    tensors: dict[str, torch.Tensor] = {}
    plain = _taken_apart(state, tensors)
    header = {"format": _FORMAT, "state": json.dumps(plain, allow_nan=False), "sha256": _digest(tensors)}
    place = checkpoint_path(output)
    missing = [folder for folder in (output, place.parent) if not folder.exists()]
    scratch: Path | None = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".state-", dir=place.parent)
        os.close(handle)
        scratch = Path(name)
        save_file(tensors, scratch, metadata=header)
        with scratch.open("rb+") as stream:
            os.fsync(stream.fileno())
        scratch.replace(place)
    except BaseException as error:
        if scratch is not None:
            scratch.unlink(missing_ok=True)
        for folder in reversed(missing):
            with suppress(OSError):  # not empty: the state of before is in it
                folder.rmdir()
        if isinstance(error, Exception):
            raise OutputError(
                f"a checkpoint cannot be written ({getattr(error, 'strerror', None) or error})",
                where=output,
                remedy="Free some space or choose another --output",
            ) from error
        raise


def read_checkpoint(output: Path) -> dict[str, Any] | None:
    """Return the state that `write_checkpoint` left, on the CPU; None where there is none.

    Raises InputError for a damaged state.
    """
    from safetensors import SafetensorError, safe_open

    place = checkpoint_path(output)
    if not place.is_file():
        return None
    remedy = "Start again with --no-resume --force"
    try:
        with safe_open(place, framework="pt") as stored:
            header = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"is a damaged checkpoint ({error})", where=place, remedy=remedy) from error
    if header.get("format") != _FORMAT or header.get("sha256") != _digest(tensors):
        raise InputError("is not a whole checkpoint of this version", where=place, remedy=remedy)
    return dict(_put_together(json.loads(header["state"]), tensors))


def remove_checkpoint(output: Path) -> None:
    """Forget an unfinished training, and its folder where nothing else is in it."""
    shutil.rmtree(output / CHECKPOINT, ignore_errors=True)
    with suppress(OSError):
        output.rmdir()


def _digest(tensors: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def _taken_apart(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """Return a value as JSON can hold it; its tensors are put into `tensors`, each under a number."""
    import torch

    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().to("cpu", copy=True).contiguous()
        return {_MARK: name}
    if isinstance(value, Mapping):
        # keys of an optimiser's state are numbers: JSON keeps pairs as they are
        return {"$pairs": [[key, _taken_apart(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_taken_apart(item, tensors) for item in value]
    return value


def _put_together(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    if isinstance(value, list):
        return [_put_together(item, tensors) for item in value]
    if isinstance(value, dict):
        if _MARK in value:
            return tensors[value[_MARK]]
        return {key: _put_together(item, tensors) for key, item in value["$pairs"]}
    return value
