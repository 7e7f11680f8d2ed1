"""Where an output came from: the `X.prov.json` beside it (or `prov.json` inside an output folder).

The provenance sidecar is put in place last, so its presence means that the output is complete.
Everything that changes from run to run lies under the one key `Time`.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scartools import __version__
from scartools.errors import InputError

FOLDER_PROVENANCE = "prov.json"  # the sidecar of an output that is a folder, inside it
GENERATED_BY = {"Name": "scartools", "Version": __version__}
_LONG_SUFFIXES = (".nii.gz", ".tar.gz", ".json.gz")
_REPORTED_SOFTWARE = ("numpy", "scipy", "nibabel", "matplotlib", "wfdb", "torch", "opencv-python-headless")
_MODULE_OF = {"opencv-python-headless": "cv2"}


@dataclass(frozen=True)
class Source:
    """One file that was read, and the SHA-256 of the bytes that were in it."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Running:
    """The command that is running: its name, its parameters with defaults resolved, and its start."""

    command: str
    parameters: dict[str, Any]
    seed: int | None = None
    started: datetime = field(default_factory=lambda: datetime.now(UTC))


# What the command line is doing; None when the package is used as a library. Set once a run by scartools.cli.run.
running: ContextVar[Running | None] = ContextVar("running", default=None)


def stem_of(output: Path) -> str:
    """Return the file name without its suffix, where .nii.gz counts as one suffix."""
    for suffix in _LONG_SUFFIXES:
        if output.name.endswith(suffix) and output.name != suffix:
            return output.name[: -len(suffix)]
    return output.stem


def sidecar_path(output: Path) -> Path:
    """Return the path of `X.json`, which describes the data in `X.ext`."""
    return output.with_name(stem_of(output) + ".json")


def provenance_path(output: Path) -> Path:
    """Return the path of the provenance sidecar: `X.prov.json`, or `prov.json` inside a folder."""
    if output.is_dir():
        return output / FOLDER_PROVENANCE
    return output.with_name(stem_of(output) + ".prov.json")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal, reading 1 MiB at a time."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", where=path, remedy="Check the path and its permissions"
        ) from error
    return digest.hexdigest()


def source_of(path: Path) -> Source:
    """Return the source record of a file: its path and the hash of its bytes."""
    return Source(path, sha256_of(path))


def describe(output: Path, written: Iterable[Path], sources: Sequence[Source], *, root: Path) -> dict[str, Any]:
    """Return the provenance of an output as a JSON-able dictionary.

    output   where the result will be published; paths of sources are written relative to its folder
    written  the files of the result, in `root`, hashed here
    sources  what was read, in the order it was read
    root     the folder that the names under `Outputs` are relative to
    """
    now = running.get()
    folder = output.parent.resolve()
    facts: dict[str, Any] = {
        "GeneratedBy": GENERATED_BY,
        "Command": now.command if now else None,
        "Parameters": {key: _portable(value, folder) for key, value in (now.parameters if now else {}).items()},
        "Seed": now.seed if now else None,
        "Sources": [{"Path": relative(source.path, folder), "SHA256": source.sha256} for source in sources],
        "Outputs": [
            {"Path": path.relative_to(root).as_posix(), "SHA256": sha256_of(path)} for path in sorted(written)
        ],
        "Software": _software(),
        "Time": _time(now),
    }
    return facts


def relative(path: Path, folder: Path) -> str:
    """Return a path as it should be written down: relative to `folder` where both lie in one project.

    That is, where the file lies below `folder`, or both lie below the working folder. Elsewhere only the name is
    kept: folders above a project name people, and the hash identifies the file.
    """
    if path == Path("-"):
        return "-"
    absolute, base, here = path.parent.resolve() / path.name, folder.resolve(), _working_folder()
    together = here is not None and absolute.is_relative_to(here) and base.is_relative_to(here)
    if not (together or absolute.is_relative_to(base)):
        return _printable(path.name)
    return _printable(Path(os.path.relpath(absolute, base)).as_posix())


def _working_folder() -> Path | None:
    """Return the folder the command runs in; None for the root, which is no project, and for one that was deleted."""
    try:
        here = Path.cwd()
    except FileNotFoundError:
        return None
    return None if here == Path(here.anchor) else here


def outputs_of(note: Path) -> dict[str, str]:
    """Return path to SHA-256 as a provenance file lists its outputs.

    Raises InputError when it is no provenance of this toolkit, or lists a path that leaves its folder.
    """
    facts = read_json(note)
    maker, listed = facts.get("GeneratedBy"), facts.get("Outputs")
    if not (
        isinstance(maker, dict) and maker.get("Name") == "scartools" and isinstance(listed, list) and listed
    ):
        raise InputError("is no provenance of this toolkit", where=note, remedy="Make the output again")
    found = {}
    for item in listed:
        if not (
            isinstance(item, dict) and isinstance(item.get("Path"), str) and isinstance(item.get("SHA256"), str)
        ):
            raise InputError("has a damaged list of outputs", where=note, remedy="Make the output again")
        if item["Path"] in found:
            raise InputError(f"lists {item['Path'][:80]!r} twice", where=note, remedy="Make the output again")
        if Path(item["Path"]).is_absolute() or ".." in Path(item["Path"]).parts:
            raise InputError(f"lists an output outside its folder: {item['Path'][:80]!r}", where=note)
        found[item["Path"]] = item["SHA256"]
    return found


def write_json(path: Path, facts: dict[str, Any]) -> None:
    """Write a sidecar: UTF-8, indented, one trailing newline, NaN and infinity refused."""
    path.write_text(json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path, *, limit_bytes: int = 64 << 20) -> dict[str, Any]:
    """Read a sidecar that must hold one JSON object; refuses files over `limit_bytes`."""
    try:
        if path.exists() and not path.is_file():
            raise InputError("is not a regular file", where=path)
        size = path.stat().st_size
        if size > limit_bytes:
            raise InputError(f"is {size} bytes, over the limit of {limit_bytes} for a JSON file", where=path)
        facts = json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=_no_constant)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"is not valid JSON ({error})", where=path, remedy="Make it again or repair it"
        ) from error
    if not isinstance(facts, dict):
        raise InputError(f"holds a JSON {type(facts).__name__} where an object is due", where=path)
    return facts


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _portable(value: Any, folder: Path) -> Any:
    if isinstance(value, Path):
        return relative(value, folder)
    if isinstance(value, list | tuple):
        return [_portable(item, folder) for item in value]
    return value


def _printable(text: str) -> str:
    """Return a file name that is not UTF-8 with its odd bytes spelled out."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")


def _software() -> dict[str, str]:
    from importlib import metadata  # 13 ms that help does not pay

    versions = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in _REPORTED_SOFTWARE:
        module = sys.modules.get(_MODULE_OF.get(name, name))
        if module is None:
            continue  # this run has not used it
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # the same module from another package, such as opencv-python
            versions[name] = str(getattr(module, "__version__", "unknown"))
    return versions


def _time(now: Running | None) -> dict[str, Any]:
    # SOURCE_DATE_EPOCH makes the sidecar reproducible too: https://reproducible-builds.org/specs/source-date-epoch/
    fixed = os.environ.get("SOURCE_DATE_EPOCH", "")
    if fixed:
        return {"StartedAt": datetime.fromtimestamp(int(fixed), UTC).isoformat(timespec="seconds")}
    end = datetime.now(UTC)
    start = now.started if now else end
    return {
        "StartedAt": start.isoformat(timespec="seconds"),
        "Duration": round(max(0.0, (end - start).total_seconds()), 3),  # a clock may jump back
    }
