"""Many inputs, one folder of results: what each result is named, and what may be written there."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from scartools.errors import InputError, OutputExists
from scartools.files import atomic
from scartools.files.provenance import sha256_of

LONGEST_NAME = 100  # characters of a result's name; file systems end at 255 with all suffixes


@dataclass(frozen=True)
class Item:
    """One input of a batch.

    name    of the file, printable
    sha256  of its content; None where it cannot be read
    stem    name of its result, without suffix
    """

    path: Path
    name: str
    sha256: str | None
    stem: str


def find_inputs(given: Sequence[Path], suffixes: Sequence[str], kind: str) -> list[Path]:
    """Return the inputs among files and folders: of a folder, the files that it holds itself and that have a suffix.

    suffixes  lower case, with the dot; upper case is found too
    kind      what an input is called, as "page"
    Raises InputError for a folder without inputs, and where nothing that was given exists.
    """
    found: list[Path] = []
    for path in given:
        if not path.is_dir():
            found.append(path)
            continue
        try:
            inside = sorted(one for one in path.iterdir() if _is_named_so(one, suffixes))
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", where=path) from error
        if not inside:
            raise InputError(
                f"is a folder without any {kind} (*{', *'.join(suffixes)})",
                where=path,
                remedy="Those in folders below it go in by --list",
            )
        found += inside
    if not any(os.path.lexists(path) for path in found):
        raise InputError(f"does not exist, nor does any other {kind}", where=found[0], remedy="Check the paths")
    return found


def _is_named_so(path: Path, suffixes: Sequence[str]) -> bool:
    return path.suffix.lower() in suffixes and not path.name.startswith(".") and not path.is_dir()


def items_of(paths: Sequence[Path], kind: str) -> tuple[list[Item], list[str]]:
    """Return the inputs with the names of their results, and the names of inputs that were given twice.

    kind  the name of a result whose input has no letter, digit, hyphen or underscore in its own, as "page"
    The same name with the same content in two folders is one input. A result is named like its input, with what WFDB
    does not allow made a hyphen; where several inputs have one such name, each takes its suffix too (a-pdf, a-png),
    and where that is not enough the start of its SHA-256.
    """
    hashes = [hash_or_none(path) for path in paths]
    names = [printable_name(path) for path in paths]
    kept, twice = _once(list(zip(paths, names, hashes, strict=True)), [*zip(names, hashes, strict=True)])
    short = [cleaned(path.stem, kind) for path, _, _ in kept]
    longer = [
        f"{stem}-{cleaned(path.suffix[1:], kind).lower()}"
        for stem, (path, _, _) in zip(short, kept, strict=True)
    ]
    hashed = [digest or sha256(name.encode()).hexdigest() for _, name, digest in kept]
    longest = [f"{stem}-{digest:.8}" for stem, digest in zip(longer, hashed, strict=True)]
    return [
        Item(*one, stem) for one, stem in zip(kept, first_alone(short, longer, longest), strict=True)
    ], twice


def _once(
    items: Sequence[tuple[Path, str, str | None]], keys: Sequence[Any]
) -> tuple[list[tuple[Path, str, str | None]], list[str]]:
    """Return the items whose key is new, and the names of the others."""
    seen: set[Any] = set()
    kept, twice = [], []
    for item, key in zip(items, keys, strict=True):
        if key in seen:
            twice.append(item[1])
            continue
        seen.add(key)
        kept.append(item)
    return kept, twice


def first_alone(*levels: Sequence[str]) -> list[str]:
    """Return for each item its first name that no other has, of ever longer ones; the last where none is alone."""
    # upper and lower case are one file on some file systems
    counts = [Counter(map(str.lower, level)) for level in levels]
    chosen = []
    for names in zip(*levels, strict=True):
        alone = [
            name
            for at, name in enumerate(names)
            if counts[at][name.lower()] == 1 and not any(name.lower() in earlier for earlier in counts[:at])
        ]
        chosen.append(alone[0] if alone else names[-1])
    return chosen


def printable_name(path: Path) -> str:
    """Return the name of a file as a cell can hold it."""
    name = os.fsencode(path.name).decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def table_place(output: Path, name: str, shard: str | None) -> Path:
    """Return where the table of a folder lies: NAME.tsv, that of a shard I/N as NAME_I-of-N.tsv."""
    return output / (f"{name}.tsv" if shard is None else f"{name}_{shard.replace('/', '-of-')}.tsv")


def require_free(output: Path, places: Iterable[Path]) -> None:
    """Refuse, before any work, a folder in which one of the places is taken."""
    if not output.is_dir():
        return
    for place in places:
        try:
            atomic.require_place(place)
        except OutputExists as error:
            raise OutputExists(
                error.problem,
                where=error.where,
                remedy="--skip-existing completes the folder, --force makes it again",
            ) from error


def cleaned(text: str, otherwise: str) -> str:
    """Return a text with what WFDB does not allow in a name made a hyphen."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:LONGEST_NAME] or otherwise


def hash_or_none(path: Path) -> str | None:
    """Return the SHA-256 of a file; None where it cannot be read."""
    try:
        return sha256_of(path) if path.is_file() else None
    except (InputError, OSError):  # told again, with the reason, when it is its turn
        return None
