"""Publish a result whole or not at all.

A result is first written under its true names in a hidden staging folder beside its place, then moved into
place, data first and the provenance sidecar last. Nothing that exists is replaced without `force`, and what
is replaced stays until its successor is complete.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from scartools.errors import InputError, OutputError, OutputExists
from scartools.files import provenance
from scartools.files.checkpoint import CHECKPOINT
from scartools.files.provenance import Source


def require_place(output: Path, *, force: bool = False, folder: bool = False, resumable: bool = False) -> None:
    """Refuse an output that cannot be published, before any work is done.

    resumable  the folder may hold the checkpoint of an unfinished run, which its result will replace
    Raises OutputError when its folder is missing or read-only, OutputExists when it or one of its sidecars
    is there and `force` is not given, or when it may not be replaced even so: a file that no provenance of this
    output lists, a folder that this toolkit did not write.
    """
    _require_parent(output)
    if folder:
        _require_folder_place(output, force, resumable)
        return
    if output.is_dir():
        raise OutputExists("is a folder", where=output, remedy="Choose another --output")
    sidecars = (provenance.sidecar_path(output), provenance.provenance_path(output))
    _require_free([output, *sidecars], output, force)


def require_folder_to_fill(folder: Path) -> None:
    """Refuse a folder that results cannot be put into one by one; it may hold some already, or not be there yet."""
    if not os.path.lexists(folder):
        _require_parent(folder)
    elif not folder.is_dir():
        raise OutputExists("is there and is not a folder", where=folder, remedy="Choose another --output")
    elif not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError("is not writable", where=folder, remedy="Choose another --output")


def _require_parent(output: Path) -> None:
    parent = output.parent
    if parent.exists() and not parent.is_dir():
        raise OutputError(f"{parent} is not a folder", where=output, remedy="Choose another --output")
    if not parent.is_dir():
        raise OutputError(f"the folder {parent} does not exist", where=output, remedy=f"mkdir -p {parent}")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(
            f"the folder {parent} is not writable", where=output, remedy="Choose another --output"
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
    output = _anchored(output)
    with _staging(output) as stage, _naming(output):
        new = stage / "new"
        new.mkdir()
        write(new / output.name)
        files = sorted(new.iterdir(), key=lambda path: (path.name != output.name, path.name))
        if facts is not None:
            # moved first: it names the files that belong together, should we be killed outright
            ours = {"GeneratedBy": provenance.GENERATED_BY, "Files": [path.name for path in files]}
            files.insert(0, new / provenance.sidecar_path(output).name)
            provenance.write_json(files[0], {**facts, **ours})
        record = provenance.describe(output, files, sources, root=new)
        files.append(new / provenance.provenance_path(output).name)
        provenance.write_json(files[-1], record)
        for path in files:
            _flush_to_disk(path)
        with _alone_in(output.parent):
            _require_free([output.with_name(path.name) for path in files], output, force)
            _move_into_place(files, output, stage / "replaced", force)


def publish_folder(
    output: Path,
    write: Callable[[Path], Sequence[Source] | None],
    *,
    sources: Sequence[Source] = (),
    force: bool = False,
    resumable: bool = False,
) -> None:
    """Write a folder with its `prov.json` inside, and put it in place by one rename.

    write    called with the folder to fill; may return what it read on the way
    A folder that is replaced must be empty or carry a `prov.json` of this toolkit; see `require_place`.
    """
    require_place(output, force=force, folder=True, resumable=resumable)
    output = _anchored(output)
    with _staging(output) as stage, _naming(output):
        new, old = stage / "new" / output.name, stage / "replaced"
        new.mkdir(parents=True)
        more = write(new) or ()
        files = [path for path in new.rglob("*") if path.is_file()]
        record = provenance.describe(output, files, [*sources, *more], root=new)
        provenance.write_json(new / provenance.FOLDER_PROVENANCE, record)
        for path in [*files, new / provenance.FOLDER_PROVENANCE]:
            _flush_to_disk(path)
        _require_folder_place(output, force, resumable)
        try:
            if (force or resumable) and output.exists():
                output.rename(old)  # removed with the staging folder
            new.rename(output)
        except BaseException as error:  # a signal too: the old folder goes back before anything else
            if old.exists() and not output.exists():
                old.rename(output)
            if isinstance(error, OSError) and error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise OutputExists(
                    "appeared while the result was being made", where=output, remedy="Use --force to replace it"
                ) from error
            raise


def withdraw(output: Path) -> list[str]:
    """Remove an output with all that its own provenance lists: what it was made from no longer supports it.

    Returns the names that were removed; none where nothing of this toolkit's is there.
    """
    names = sorted(_own_files(output))
    if not names:
        return []
    with _naming(output):
        provenance.provenance_path(output).unlink(missing_ok=True)  # first: what is left is then not complete
        for name in names:
            output.with_name(name).unlink(missing_ok=True)
    return names


def _require_free(places: Sequence[Path], output: Path, force: bool) -> None:
    """Refuse places that are taken: all of them without force; with it, those that are not of this output."""
    taken = [place for place in places if os.path.lexists(place)]
    if not taken:
        return
    listed = _own_files(output)
    for place in taken:
        if place.is_dir():
            raise OutputExists("is a folder", where=place, remedy="Choose another --output")
        if place != output and place.name not in listed:
            raise OutputExists(
                f"is not listed as a part of {output.name}, so it is not replaced",
                where=place,
                remedy="Choose an --output with another stem, or move that file away",
            )
        if not force:
            raise OutputExists(
                "already exists", where=place, remedy="Use --force to replace it, or another --output"
            )


def _own_files(output: Path) -> set[str]:
    """Return the names beside an output that an earlier run of this toolkit wrote for it."""
    own: set[str] = set()
    record, sidecar = provenance.provenance_path(output), provenance.sidecar_path(output)
    with suppress(InputError):  # a file that is no provenance lists nothing, and is then not replaced
        listed = provenance.outputs_of(record)
        if output.name in listed:
            own |= {*listed, record.name}
    with suppress(InputError):  # left over from a run that was killed between two moves
        said = {} if record.exists() else provenance.read_json(sidecar)
        maker, files = said.get("GeneratedBy"), said.get("Files")
        if isinstance(maker, dict) and maker.get("Name") == "scartools" and isinstance(files, list):
            own |= {sidecar.name, *(name for name in files if isinstance(name, str))}
    return own


def _anchored(output: Path) -> Path:
    """Return the output as an absolute path: a folder that is replaced may be the one we work in."""
    return output.parent.resolve() / output.name


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let one process at a time move results into a folder, where the file system knows locks."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _require_folder_place(output: Path, force: bool, resumable: bool = False) -> None:
    if not os.path.lexists(output):
        return
    if not output.is_dir() or output.is_symlink():
        raise OutputExists("is there and is not a folder", where=output, remedy="Choose another --output")
    if all(resumable and path.name == CHECKPOINT for path in output.iterdir()):
        return
    if not force:
        raise OutputExists(
            "already exists", where=output, remedy="Use --force to replace it, or another --output"
        )
    try:
        listed = {*provenance.outputs_of(output / provenance.FOLDER_PROVENANCE), provenance.FOLDER_PROVENANCE}
    except InputError:
        listed = set()
    strange = [
        path
        for path in output.rglob("*")
        if not path.is_dir()
        and path.relative_to(output).as_posix() not in listed
        and not (resumable and path.relative_to(output).parts[0] == CHECKPOINT)
    ]
    if strange or not listed:
        raise OutputExists(
            f"is a folder with files that scartools did not write ({len(strange)} of them); --force will not delete it",
            where=output,
            remedy="Remove it yourself or choose another --output",
        )


@contextmanager
def _staging(output: Path) -> Iterator[Path]:
    """Yield a hidden folder beside the output, removed whatever happens."""
    try:
        stage = Path(tempfile.mkdtemp(prefix=f".{output.name[:100]}.tmp-", dir=output.parent))
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
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _move_into_place(staged: Sequence[Path], output: Path, old: Path, force: bool) -> None:
    """Move the staged files to their places in order; whatever interrupts it, put back what was there.

    old   a folder to be made, for second names of the files that are replaced
    """
    places = {path: output.with_name(path.name) for path in staged}
    ours = {place: path.stat().st_ino for path, place in places.items()}
    old.mkdir()
    try:
        if force:
            for place in places.values():
                _keep(place, old / place.name)
            # an old provenance must not vouch for a new file, should we be killed outright between two moves
            provenance.provenance_path(output).unlink(missing_ok=True)
        for path, place in places.items():
            if force:
                path.replace(place)
            else:
                _link_new(path, place)
    except BaseException:  # a signal too
        for place, inode in ours.items():
            if place.exists() and place.stat().st_ino == inode:
                place.unlink()
        for kept in old.iterdir():
            kept.replace(output.with_name(kept.name))
        raise


def _keep(place: Path, second: Path) -> None:
    """Give a file that is about to be replaced a second name; where there are no hard links, move it there."""
    if not os.path.lexists(place):
        return
    try:
        os.link(place, second, follow_symlinks=False)
    except FileNotFoundError:  # gone meanwhile: nothing to keep
        return
    except OSError:
        place.rename(second)


def _link_new(path: Path, place: Path) -> None:
    """Give a file its final name, failing when the name is taken: link(2) checks and creates in one step."""
    taken = OutputExists("already exists", where=place, remedy="Use --force to replace it, or another --output")
    try:
        os.link(path, place)
    except FileExistsError as error:
        raise taken from error
    except OSError:  # a file system without hard links: check, then rename
        if os.path.lexists(place):
            raise taken from None
        path.rename(place)
