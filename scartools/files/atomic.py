"""Publish a result whole or not at all.

A result is first written under its true names in a hidden staging folder beside its place, then moved into
place, data first and the provenance sidecar last. Nothing that exists is replaced without `force`, and what
is replaced stays until its successor is complete.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scartools.errors import InputError, OutputError, OutputExists
from scartools.files import provenance
from scartools.files.provenance import Source


def require_place(output: Path, *, force: bool = False, folder: bool = False) -> None:
    """Refuse an output that cannot be published, before any work is done.

    Raises OutputError when its folder is missing or read-only, OutputExists when it or one of its sidecars
    is there and `force` is not given, or when it may not be replaced even so: a sidecar that belongs to another
    output, a folder that this toolkit did not write.
    """
    parent = output.parent
    if not parent.is_dir():
        raise OutputError(f"the folder {parent} does not exist", where=output, remedy=f"mkdir -p {parent}")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(
            f"the folder {parent} is not writable", where=output, remedy="Choose another --output"
        )
    if folder:
        _require_folder_place(output, force)
        return
    if output.is_dir():
        raise OutputExists("is a folder", where=output, remedy="Choose another --output")
    _require_own_sidecar(output)
    for path in (output, provenance.sidecar_path(output), provenance.provenance_path(output)):
        if not force and os.path.lexists(path):
            raise OutputExists(
                "already exists", where=path, remedy="Use --force to replace it, or another --output"
            )


def publish(
    output: Path,
    write: Callable[[Path], None],
    *,
    facts: dict[str, Any] | None = None,
    sources: Sequence[Source] = (),
    force: bool = False,
) -> None:
    """Write a file with its sidecars: all of them or none.

    output   the file to make; its sidecars are X.json (when `facts` are given) and X.prov.json
    write    called with the path to create, in the staging folder; may create companion files beside it
    facts    what describes the data themselves
    sources  what was read to make it
    Raises OutputError when the disk is full or the place not writable, OutputExists without `force`.
    """
    require_place(output, force=force)
    with _staging(output) as stage:
        with _naming(output):
            write(stage / output.name)
            data = sorted(stage.iterdir(), key=lambda path: (path.name != output.name, path.name))
            sidecars = []
            if facts is not None:
                sidecars.append(stage / provenance.sidecar_path(output).name)
                provenance.write_json(sidecars[-1], facts)
            sidecars.append(stage / provenance.provenance_path(output).name)
            provenance.write_json(
                sidecars[-1], provenance.describe(output, [*data, *sidecars[:-1]], sources, root=stage)
            )
            for path in [*data, *sidecars]:
                _flush_to_disk(path)
        _move_into_place([*data, *sidecars], output, force)


def publish_folder(
    output: Path,
    write: Callable[[Path], Sequence[Source] | None],
    *,
    sources: Sequence[Source] = (),
    force: bool = False,
) -> None:
    """Write a folder with its `prov.json` inside, and put it in place by one rename.

    write    called with the folder to fill; may return what it read on the way
    A folder that is replaced must be empty or carry a `prov.json` of this toolkit; see `require_place`.
    """
    require_place(output, force=force, folder=True)
    with _staging(output) as stage, _naming(output):
        new = stage / output.name
        new.mkdir()
        more = write(new) or ()
        files = [path for path in new.rglob("*") if path.is_file()]
        provenance.write_json(
            new / provenance.FOLDER_PROVENANCE,
            provenance.describe(output, files, [*sources, *more], root=new),
        )
        for path in [*files, new / provenance.FOLDER_PROVENANCE]:
            _flush_to_disk(path)
        if force and output.exists():
            _require_folder_place(output, force)
            output.rename(stage / "replaced")  # removed with the staging folder
        try:
            new.rename(output)
        except OSError as error:
            if (stage / "replaced").exists():
                (stage / "replaced").rename(output)
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise OutputExists(
                    "appeared while the result was being made", where=output, remedy="Use --force to replace it"
                ) from error
            raise


def _require_folder_place(output: Path, force: bool) -> None:
    if not os.path.lexists(output):
        return
    if not output.is_dir() or output.is_symlink():
        raise OutputExists("is there and is not a folder", where=output, remedy="Choose another --output")
    if not any(output.iterdir()):
        return
    if not force:
        raise OutputExists(
            "already exists", where=output, remedy="Use --force to replace it, or another --output"
        )
    try:
        maker = provenance.read_json(output / provenance.FOLDER_PROVENANCE).get("GeneratedBy", {})
    except InputError:
        maker = {}
    if not isinstance(maker, dict) or maker.get("Name") != "scartools":
        raise OutputExists(
            "is a folder that scartools did not write; --force will not delete it",
            where=output,
            remedy="Remove it yourself or choose another --output",
        )


def _require_own_sidecar(output: Path) -> None:
    """Refuse to take over the sidecars of a neighbour: segments.tsv and segments.svg would share one."""
    record = provenance.provenance_path(output)
    if not record.is_file() or output.exists():
        return
    listed = provenance.read_json(record).get("Outputs", [])
    others = [item["Path"] for item in listed if isinstance(item, dict) and "Path" in item]
    neighbours = [name for name in others if name != output.name and output.with_name(name).exists()]
    neighbours = [name for name in neighbours if name != provenance.sidecar_path(output).name]
    if neighbours:
        raise OutputExists(
            f"would share its sidecar {record.name} with {neighbours[0]}",
            where=output,
            remedy="Choose an --output with another stem",
        )


@contextmanager
def _staging(output: Path) -> Iterator[Path]:
    """Yield a hidden folder beside the output, removed whatever happens."""
    try:
        stage = Path(tempfile.mkdtemp(prefix=f".{output.name}.tmp-", dir=output.parent))
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror})", where=output, remedy="Choose another --output"
        ) from error
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def _naming(output: Path) -> Iterator[None]:
    """Turn what the operating system says about a write into one error that names the output."""
    try:
        yield
    except OSError as error:
        reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
        raise OutputError(
            f"cannot be written ({reason or error})",
            where=output,
            remedy="Free some space or choose another --output",
        ) from error


def _flush_to_disk(path: Path) -> None:
    # mkdtemp makes 0700 folders but files follow the umask, so modes are right already
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _move_into_place(staged: Sequence[Path], output: Path, force: bool) -> None:
    """Move the files out of the staging folder in order; without force, never over an existing file."""
    if force:  # an old sidecar must not vouch for a new file, should we be killed between two moves
        provenance.provenance_path(output).unlink(missing_ok=True)
    placed: list[Path] = []
    try:
        for path in staged:
            place = output.with_name(path.name)
            if force:
                path.replace(place)
            else:
                _link_new(path, place)
                placed.append(place)
    except BaseException as error:
        for place in placed:
            place.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OutputError(f"cannot be written ({error.strerror})", where=output) from error
        raise


def _link_new(path: Path, place: Path) -> None:
    """Give a file its final name, failing when the name is taken: link(2) checks and creates in one step."""
    try:
        os.link(path, place)
    except FileExistsError as error:
        raise OutputExists(
            "already exists", where=place, remedy="Use --force to replace it, or another --output"
        ) from error
    except OSError:  # a file system without hard links: check, then rename
        if os.path.lexists(place):
            raise OutputExists("already exists", where=place, remedy="Use --force to replace it") from None
        path.rename(place)
