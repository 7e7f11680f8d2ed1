"""Is this file complete, readable and what its sidecar says? One question for every kind of file of ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from scartools.errors import InputError
from scartools.files import dataset, model, nnunet, page, provenance, record, table, volume
from scartools.files.prior import segment_model
from scartools.files.provenance import FOLDER_PROVENANCE, sha256_of
from scartools.files.record_kinds import kind_of

MAX_SVG_BYTES = 64 << 20


def inspect(path: Path, *, foreign: bool = False) -> str:
    """Read a file or folder through its contract and return what it is, in a few words.

    foreign   the file was not made by this toolkit: no provenance is asked for
    Raises InputError with the first thing that is wrong.
    """
    try:
        kind, read = _reader_of(path)
        what = read(path)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path, remedy="Check the path") from error
    if not foreign and path.name != FOLDER_PROVENANCE and not path.name.endswith(".prov.json"):
        for one in [path] if kind != BATCH else [*_tables_of(path), *_made_in(path)]:
            _require_provenance(one)
    return f"{kind}, {what}"


def _reader_of(path: Path) -> tuple[str, Callable[[Path], str]]:
    """Return the kind of a file, by its name or by what a folder holds, and what reads it."""
    if not path.exists():
        raise InputError("does not exist", where=path, remedy="Check the path")
    if not path.is_dir() and not path.is_file():
        raise InputError("is neither a file nor a folder", where=path, remedy="Give a regular file")
    if path.is_dir():
        for name, kind, read in _FOLDERS:
            if (path / name).is_file():
                return kind, read
        if _tables_of(path):
            return BATCH, _batch
        raise InputError(
            "is a folder without dataset.json, model.json, prov.json, beats.tsv or pages.tsv",
            where=path,
            remedy="It is not a folder of this toolkit, or not complete",
        )
    for suffixes, described, reader in _READERS:
        if path.name.lower().endswith(suffixes):
            return described, reader
    kind_of(path)  # refuses what is none: DICOM often has no suffix
    return "record", _record


def _volume(path: Path) -> str:
    found = volume.read(path)
    spacing = " x ".join(f"{value:.4g}" for value in found.spacing_mm)
    sidecar = provenance.sidecar_path(path)
    segments = ""
    if sidecar.is_file() and "SegmentModel" in provenance.read_json(sidecar):
        segments = f", AHA segments of the model of {segment_model(path, volume.read_prior(path).array)}"
    return f"{' x '.join(map(str, found.array.shape))} voxels of {spacing} mm{segments}"


def _record(path: Path) -> str:
    found = record.read_record(path, incomplete=True)
    missing = found.facts.get("MissingLeads", [])
    leads = f"{12 - len(missing)} leads (without {', '.join(missing)})" if missing else "12 leads"
    beat = ", and the median beat of the device" if found.device_beat is not None else ""
    return f"{leads} x {found.signals.shape[1]} samples at {found.rate:g} Hz{beat}"


def _table(path: Path) -> str:
    found = table.read(path, none_empty=False)
    sidecar = provenance.sidecar_path(path)
    if sidecar.is_file():
        described = provenance.read_json(sidecar).get("Columns")
        if isinstance(described, dict) and tuple(described) != found.columns:
            raise InputError(
                f"has the columns {', '.join(found.columns)[:200]}, which {sidecar.name} describes differently",
                where=path,
                remedy="Make both again",
            )
    return f"{len(found.rows)} rows x {len(found.columns)} columns"


def _page(path: Path) -> str:
    found = page.inspect(path)
    if found.pixels is None:
        return f"{found.pages} pages"
    for number in range(found.pages):
        page.read_picture(path, number)
    if found.pages > 1:
        return f"{found.pages} pages"
    return f"{found.pixels[1]} x {found.pixels[0]} pixels"


def _svg(path: Path) -> str:
    size = path.stat().st_size
    if size > MAX_SVG_BYTES:
        raise InputError(f"is {size} bytes, over the limit of {MAX_SVG_BYTES} for a figure", where=path)
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"is not a whole SVG file ({error})", where=path, remedy="Make it again") from error
    if not root.tag.endswith("svg") or len(root) == 0:
        raise InputError("is XML without a drawing", where=path, remedy="Make it again")
    return f"{size} bytes"


def _json(path: Path) -> str:
    return f"{len(provenance.read_json(path))} keys"


def _dataset(path: Path) -> str:
    import numpy as np

    if (path / "imagesTr").is_dir():
        return f"{len(nnunet.read_raw(path, by_name=False).rows)} cases for nnU-Net"
    facts = dataset.read_dataset(path)
    for name in facts["Cases"]:
        case = dataset.read_case(path, name)
        if not np.isfinite(case.arrays["image"]).all():
            raise InputError(
                f"case {name} has NaN or infinity in its image", where=path, remedy="Run preprocess again"
            )
    return f"{len(facts['Cases'])} cases"


def _model(path: Path) -> str:
    model.read_description(path)
    return "weights whole"


def _folder(path: Path) -> str:
    return f"{len(provenance.outputs_of(path / FOLDER_PROVENANCE))} files"


def _tables_of(folder: Path) -> list[Path]:
    """Return the tables of a folder that median-beat or digitize-ecg fills, those of its shards among them."""
    return sorted(one for kind in _MADE for one in folder.glob(f"{kind}*.tsv") if _SHARD.fullmatch(one.stem))


def _made_in(folder: Path) -> list[Path]:
    """Return the records that the tables of such a folder name.

    Raises InputError for a row that promises a record and names none of this folder.
    """
    made: dict[Path, None] = {}
    for listing in _tables_of(folder):
        status, column = _MADE[listing.stem.partition("_")[0]]
        for row in table.read(listing, required=[status, column], none_empty=False).rows:
            if row[status] not in ("accepted", "needs_review"):
                continue
            name = row[column]
            if name is None or Path(name).name != name or not name.endswith(".hea"):
                raise InputError(
                    f"has a row that is {row[status]} and names no {column} of its folder: {name!r}",
                    where=listing,
                    remedy="Make the folder again",
                )
            made[folder / name] = None
    return list(made)


def _batch(path: Path) -> str:
    for listing in _tables_of(path):
        _table(listing)
    made = _made_in(path)
    for one in made:
        if not one.is_file():
            raise InputError(
                "is named in the table of its folder and missing", where=one, remedy="--skip-existing makes it"
            )
        _record(one)
    return f"{len(made)} records"


BATCH = "folder of a batch"
_SHARD = re.compile(r"(?:beats|pages)(?:_[0-9]+-of-[0-9]+)?")
_MADE = {"beats": ("beat_status", "beat"), "pages": ("status", "record")}  # status and name in their rows
_FOLDERS: tuple[tuple[str, str, Callable[[Path], str]], ...] = (
    ("dataset.json", "dataset", _dataset),
    ("model.json", "model", _model),
    (FOLDER_PROVENANCE, "folder", _folder),
)
_READERS: tuple[tuple[str | tuple[str, ...], str, Callable[[Path], str]], ...] = (
    (volume.SUFFIXES, "volume", _volume),
    ((".hea", ".dcm", ".xml", ".edf", ".csv"), "record", _record),
    (".tsv", "table", _table),
    (".svg", "figure", _svg),
    ((".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pdf"), "page", _page),
    (".json", "sidecar", _json),
)


def _require_provenance(path: Path) -> None:
    """Find the provenance that lists this file or folder and compare the hashes."""
    if path.is_dir():
        if not (path / FOLDER_PROVENANCE).is_file():
            raise InputError(
                f"has no {FOLDER_PROVENANCE}: it is not complete", where=path, remedy="Make it again"
            )
        for name, sha256 in provenance.outputs_of(path / FOLDER_PROVENANCE).items():
            _require_hash(path / name, sha256)
        return
    for note, name in _candidates(path):
        listed = provenance.outputs_of(note) if note.is_file() else {}
        if name in listed:
            _require_hash(path, listed[name])
            # a header says nothing of the samples beside it
            samples = str(Path(name).with_suffix(".dat"))
            if path.suffix == ".hea" and samples in listed:
                _require_hash(path.with_suffix(".dat"), listed[samples])
            return
    raise InputError(
        "has no provenance that lists it: it is not complete, or not made by this toolkit",
        where=path,
        remedy="Make it again; for a file from elsewhere use --foreign",
    )


def _candidates(path: Path) -> list[tuple[Path, str]]:
    """Return where a file may be listed, and under which name: beside it, or in a folder above it."""
    path = path.absolute()
    own = [(provenance.provenance_path(path), path.name)]
    if "-" in path.stem:  # a companion of a record: NAME-overlay.png beside NAME.prov.json
        own.append((path.with_name(path.stem.rpartition("-")[0] + ".prov.json"), path.name))
    above = [
        (folder / FOLDER_PROVENANCE, path.relative_to(folder).as_posix()) for folder in list(path.parents)[:4]
    ]
    return own + above


def _require_hash(path: Path, listed: str) -> None:
    if path.is_symlink():
        raise InputError("is a link where a file of ours is due", where=path, remedy="Make the output again")
    if not path.is_file():
        raise InputError("is listed in the provenance and missing", where=path, remedy="Make the output again")
    if sha256_of(path) != listed:
        raise InputError(
            "has changed since it was written (SHA-256 differs from its provenance)",
            where=path,
            remedy="Make it again, or find out who changed it",
        )
