"""`dataset/`: what `preprocess` makes and `train` reads.

    dataset.json               plan, fingerprint, labels, software; `Cases` lists the ids
    cases/ID/image.npy         float32 (C, Z, Y, X) or as the plan says
    cases/ID/label.npy         uint8, absent for a case without truth
    cases/ID/prior.npy         uint8, optional
    cases/ID/beat.npy          float32 (12, 600), mV after scaling, optional
    cases/ID/case.json         what describes the case

Arrays are plain .npy, mapped from disk when read; nothing is unpickled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from scartools.errors import InputError
from scartools.files import atomic, provenance
from scartools.files.provenance import Source

if TYPE_CHECKING:
    import numpy as np

ARRAYS = {"image": "float32", "label": "uint8", "prior": "uint8", "beat": "float32"}
FORMAT_VERSION = 1
MAX_ARRAY_BYTES = 8 << 30
_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Case:
    """One case: its arrays by name (see ARRAYS; `image` is always there) and what describes it."""

    id: str
    arrays: Mapping[str, np.ndarray]
    facts: Mapping[str, Any] = field(default_factory=dict)


def write_dataset(
    output: Path,
    description: Mapping[str, Any],
    cases: Iterable[Case],
    *,
    sources: Sequence[Source] = (),
    force: bool = False,
) -> None:
    """Write a dataset folder from a stream of cases, one in memory at a time."""

    def fill(folder: Path) -> None:
        """Write the cases, then the description that counts them."""
        ids: list[str] = []
        for case in cases:
            _write_case(folder / "cases", case)
            ids.append(case.id)
        facts = {"FormatVersion": FORMAT_VERSION, **description, "Cases": ids}
        provenance.write_json(folder / "dataset.json", facts)

    atomic.publish_folder(output, fill, sources=sources, force=force)


def read_dataset(folder: Path) -> dict[str, Any]:
    """Return `dataset.json`, after checking its version and that every case it lists is a safe name."""
    facts = provenance.read_json(folder / "dataset.json")
    version = facts.get("FormatVersion")
    if isinstance(version, bool) or version != FORMAT_VERSION:
        raise InputError(
            f"has format version {facts.get('FormatVersion')!r}, this version reads {FORMAT_VERSION}",
            where=folder / "dataset.json",
            remedy="Run preprocess again",
        )
    cases = facts.get("Cases")
    if not isinstance(cases, list) or not all(isinstance(name, str) for name in cases):
        raise InputError("lists no cases under `Cases`", where=folder / "dataset.json")
    for name in cases:
        _require_safe_id(name, folder / "dataset.json")
    if len(set(cases)) != len(cases):
        raise InputError("lists a case twice", where=folder / "dataset.json", remedy="Run preprocess again")
    return facts


def read_case(folder: Path, case_id: str) -> Case:
    """Read one case; arrays are mapped from disk, read-only.

    Raises InputError for a missing image, a pickle, a wrong dtype, or an array that claims more than its
    file holds.
    """
    _require_safe_id(case_id, folder)
    place = folder / "cases" / case_id
    arrays = {
        name: read_array(place / f"{name}.npy", dtype)
        for name, dtype in ARRAYS.items()
        if (place / f"{name}.npy").exists()
    }
    if "image" not in arrays:
        raise InputError("has no image.npy", where=place, remedy="Run preprocess again")
    _require_shapes(arrays, place)
    return Case(case_id, arrays, provenance.read_json(place / "case.json"))


def _write_case(folder: Path, case: Case) -> None:
    import numpy as np

    _require_safe_id(case.id, folder)
    unknown = set(case.arrays) - set(ARRAYS)
    if unknown or "image" not in case.arrays:
        raise InputError(
            f"case {case.id} has the arrays {sorted(case.arrays)}; image is due, of {list(ARRAYS)}"
        )
    place = folder / case.id
    try:
        place.mkdir(parents=True)
    except FileExistsError as error:
        raise InputError(f"case {case.id} comes twice", remedy="Give each case its own id") from error
    for name, array in case.arrays.items():
        stored = np.ascontiguousarray(array, dtype=ARRAYS[name])
        if ARRAYS[name] == "uint8" and not np.array_equal(stored, array):
            raise InputError(f"case {case.id}: {name} holds values that are not whole numbers from 0 to 255")
        np.save(place / f"{name}.npy", stored, allow_pickle=False)
    provenance.write_json(place / "case.json", dict(case.facts))


def _require_shapes(arrays: Mapping[str, np.ndarray], place: Path) -> None:
    """The image has a channel axis first; label and prior share the rest of its shape; a beat is 12 x 600."""
    image = arrays["image"].shape
    if len(image) < 3 or 0 in image:
        raise InputError(f"has an image of shape {image}", where=place, remedy="Run preprocess again")
    for name in ("label", "prior"):
        if name in arrays and arrays[name].shape != image[1:]:
            raise InputError(
                f"has a {name} of shape {arrays[name].shape} for an image of shape {image}",
                where=place,
                remedy="Run preprocess again",
            )
    if "beat" in arrays and arrays["beat"].shape != (12, 600):
        raise InputError(f"has a beat of shape {arrays['beat'].shape}, not (12, 600)", where=place)


def _require_safe_id(case_id: str, where: Path) -> None:
    if not _SAFE_ID.fullmatch(case_id):
        raise InputError(
            f"the case id {case_id[:80]!r} cannot name a folder",
            where=where,
            remedy="Use letters, digits, '.', '_' and '-'",
        )


def read_array(path: Path, dtype: str) -> np.ndarray:
    """Map a .npy file from disk, read-only; refuses a pickle, another dtype, and more than its file can hold."""
    import numpy as np

    if not path.is_file():
        raise InputError("is not a regular file", where=path, remedy="Run preprocess again")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, OverflowError, TypeError, BadZipFile) as error:
        raise InputError(
            f"cannot be read as .npy ({error})", where=path, remedy="Run preprocess again"
        ) from error
    if not isinstance(array, np.ndarray) or array.dtype != np.dtype(dtype):
        raise InputError(f"holds {getattr(array, 'dtype', 'an archive')} where {dtype} is due", where=path)
    if array.nbytes > MAX_ARRAY_BYTES:
        raise InputError(f"holds {array.nbytes} bytes, over the limit of {MAX_ARRAY_BYTES}", where=path)
    return array
