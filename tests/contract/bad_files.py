"""Broken and hostile files, by kind of contract: each maker writes one bad file from a good one."""

from __future__ import annotations

import gzip
import pickle
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pypdfium2

from tests.contract.bad_folders import DATASET, MODEL, NNUNET
from tests.contract.bad_nnunet_results import RESULTS
from tests.contract.bad_recordings import FOREIGN
from tests.contract.bad_records import BROKEN, NOT_A_BEAT, WITHOUT_BEATS

Maker = Callable[[Path, Path], None]  # (where to write, a good file of this kind)


def _bytes(content: bytes) -> Maker:
    return lambda path, good: path.write_bytes(content) and None


def _unpacked(good: Path) -> bytes:
    data = good.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def _header_patch(offset: int, form: str, *values: float) -> Maker:
    """Change bytes of a NIfTI-1 header in place."""

    def make(path: Path, good: Path) -> None:
        data = bytearray(_unpacked(good))
        struct.pack_into(form, data, offset, *values)
        path.write_bytes(gzip.compress(bytes(data), mtime=0))

    return make


def _volume(change: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Maker:
    """Write a volume made from a good one by changing its array and affine."""

    def make(path: Path, good: Path) -> None:
        image = nibabel.load(good)
        array, affine = change(np.asarray(image.dataobj), image.affine.copy())
        nibabel.save(nibabel.Nifti1Image(array, affine), path)

    return make


def _truncated(path: Path, good: Path) -> None:
    data = good.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def _gzip_cut(path: Path, good: Path) -> None:
    path.write_bytes(gzip.compress(_unpacked(good)[:1000], mtime=0))


def _header_only(path: Path, good: Path) -> None:
    path.write_bytes(gzip.compress(_unpacked(good)[:352], mtime=0))


def _bomb(path: Path, good: Path) -> None:
    """A small file that unpacks to the 8 TB its header claims, in principle."""
    header = bytearray(_unpacked(good)[:352])
    struct.pack_into("<8h", header, 40, 3, 30000, 30000, 10000, 1, 1, 1, 1)
    path.write_bytes(gzip.compress(bytes(header) + bytes(50_000_000), mtime=0))


def _flipped_crc(path: Path, good: Path) -> None:
    data = bytearray(good.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))


def _bit_flipped(path: Path, good: Path) -> None:
    """Change one bit of the data and leave the checksum as it was: the stream still unpacks."""
    packed = bytearray(gzip.compress(_unpacked(good), compresslevel=0, mtime=0))
    packed[-5000] ^= 1
    path.write_bytes(bytes(packed))


def _without_trailer(path: Path, good: Path) -> None:
    path.write_bytes(gzip.compress(_unpacked(good), mtime=0)[:-8])


def _long_tail(path: Path, good: Path) -> None:
    """A good volume followed by zeros that unpack to 100 MB."""
    path.write_bytes(gzip.compress(_unpacked(good) + bytes(100_000_000), mtime=0))


def _folder(path: Path, good: Path) -> None:
    path.mkdir()


def _loop(path: Path, good: Path) -> None:
    path.symlink_to(path.name)


def _dangling(path: Path, good: Path) -> None:
    path.symlink_to("nowhere")


def _absent(path: Path, good: Path) -> None:
    """Write nothing: the file does not exist."""


def _fifo(path: Path, good: Path) -> None:
    import os

    os.mkfifo(path)


ANY_FILE: dict[str, Maker] = {
    "absent": _absent,
    "empty": _bytes(b""),
    "one byte": _bytes(b"\x00"),
    "folder": _folder,
    "symlink loop": _loop,
    "dangling symlink": _dangling,
    "fifo": _fifo,
    "random bytes": _bytes(np.random.default_rng(1).bytes(5000)),
    "zeros": _bytes(bytes(5000)),
    "gzip of text": _bytes(gzip.compress(b"hello " * 1000, mtime=0)),
    "gzip magic only": _bytes(b"\x1f\x8b"),
    "pickle": _bytes(pickle.dumps({"a": 1})),
    "html": _bytes(b"<html><body>404 Not Found</body></html>"),
}

VOLUME: dict[str, Maker] = {
    **ANY_FILE,
    "text": _bytes(b"not an image\n"),
    "truncated": _truncated,
    "gzip cut inside the data": _gzip_cut,
    "header only": _header_only,
    "claims terabytes": _bomb,
    "one byte flipped": _flipped_crc,
    "one bit flipped": _bit_flipped,
    "without its checksum": _without_trailer,
    "followed by zeros": _long_tail,
    "in metres": _header_patch(123, "<B", 1),
    "in microns": _header_patch(123, "<B", 3),
    "voxels of a kilometre": _header_patch(280, "<12f", 1e6, 0, 0, 0, 0, 1e6, 0, 0, 0, 0, 1e6, 0),
    "negative pixdim": _header_patch(88, "<f", -9.0),
    "negative dimension": _header_patch(42, "<h", -5),
    "zero dimension": _header_patch(44, "<h", 0),
    "dim count 0": _header_patch(40, "<h", 0),
    "dim count 9": _header_patch(40, "<h", 9),
    "two dimensions": _header_patch(40, "<4h", 2, 100, 100, 1),
    "larger than its data": _header_patch(42, "<3h", 900, 900, 90),
    "unknown datatype": _header_patch(70, "<h", 12345),
    "complex": _header_patch(70, "<hh", 32, 64),
    "rgb": _header_patch(70, "<hh", 128, 24),
    "data offset beyond the file": _header_patch(108, "<f", 1e9),
    "data offset NaN": _header_patch(108, "<f", float("nan")),
    "NaN in sform": _header_patch(280, "<f", float("nan")),
    "infinite sform": _header_patch(284, "<f", float("inf")),
    "singular sform": _header_patch(280, "<12f", *[0.0] * 12),
    "two equal axes": _header_patch(280, "<12f", 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0),
    "pixdim against affine": _header_patch(80, "<3f", 7.0, 7.0, 7.0),
    "pixdim zero": _header_patch(80, "<3f", 0.0, 0.0, 0.0),
    "pixdim NaN": _header_patch(80, "<3f", float("nan"), 1.0, 1.0),
    "four-dimensional": _volume(lambda array, affine: (np.stack([array, array], axis=-1), affine)),
    "NaN voxel": _volume(lambda array, affine: (_with_first(array.astype(np.float32), np.nan), affine)),
    "infinite voxel": _volume(lambda array, affine: (_with_first(array.astype(np.float32), np.inf), affine)),
}

LABELS: dict[str, Maker] = {
    **VOLUME,
    "all zero": _volume(lambda array, affine: (np.zeros_like(array), affine)),
    "unknown label": _volume(lambda array, affine: (_with_first(array.astype(np.int16), 700), affine)),
    "negative label": _volume(lambda array, affine: (_with_first(array.astype(np.int16), -1), affine)),
    "fraction": _volume(lambda array, affine: (_with_first(array.astype(np.float32), 1.5), affine)),
}

SEGMENTATION: dict[str, Maker] = {
    **LABELS,
    "no myocardium": _volume(lambda array, affine: (np.where(array == 1, 1, 0).astype(np.uint8), affine)),
    "all myocardium": _volume(lambda array, affine: (np.full_like(array, 2), affine)),
    "all ignored": _volume(lambda array, affine: (np.full(array.shape, 255, np.uint8), affine)),
}

OTHER_GRID: dict[str, Maker] = {
    "other shape": _volume(lambda array, affine: (array[:-1], affine)),
    "shifted by 1 mm": _volume(lambda array, affine: (array, _shifted(affine, 1.0))),
    "other spacing": _volume(lambda array, affine: (array, affine @ np.diag([1.01, 1, 1, 1]))),
    "axes swapped": _volume(lambda array, affine: (np.swapaxes(array, 0, 2), affine)),
}

TABLE: dict[str, Maker] = {
    **ANY_FILE,
    "not UTF-8": _bytes("größe\tä\n1\t2\n".encode("latin-1")),
    "NUL bytes": lambda path, good: path.write_bytes(good.read_bytes() + b"\0") and None,
    "header without rows": lambda path, good: (
        path.write_bytes(good.read_bytes().split(b"\n")[0] + b"\n") and None
    ),
    "ragged": lambda path, good: path.write_bytes(good.read_bytes() + b"1\t2\n") and None,
    "column twice": lambda path, good: path.write_bytes(b"level\tlevel\nsegment\tsegment\n") and None,
    "other columns": _bytes(b"a\tb\n1\t2\n"),
    "commas": lambda path, good: path.write_bytes(good.read_bytes().replace(b"\t", b",")) and None,
    "words for numbers": lambda path, good: path.write_bytes(_words_for_numbers(good.read_bytes())) and None,
}

# Tables of names, days and paths have no column of numbers to spoil, and are spoiled by name.
NAMES: dict[str, Maker] = {name: maker for name, maker in TABLE.items() if name != "words for numbers"}


def _every(column: str, value: str) -> Maker:
    """Write the same value into every row of a column, which is added where it is not there."""

    def make(path: Path, good: Path) -> None:
        lines = [line.split("\t") for line in good.read_text(encoding="utf-8").splitlines()]
        rows = [dict(zip(lines[0], line, strict=True)) | {column: value} for line in lines[1:]]
        text = ["\t".join(rows[0]), *["\t".join(row.values()) for row in rows]]
        path.write_text("\n".join(text) + "\n", encoding="utf-8")

    return make


ECGS: dict[str, Maker] = {
    **NAMES,
    "dates of two readings": _every("ecg_date", "03/04/2021"),
    "Excel dates": _every("ecg_date", "44289"),
    "no date": _every("ecg_date", "n/a"),
    "beat not there": _every("beat", "nowhere.hea"),
    "path for an id": _every("participant_id", "../x"),
    "strangers": _every("participant_id", "stranger"),
    "quality in words": _every("quality", "good"),
}
SCANS: dict[str, Maker] = {
    **NAMES,
    "dates of two readings": _every("mri_date", "03/04/2021"),
    "placeholder dates": _every("mri_date", "1900-01-01"),
    "image not there": _every("image", "nowhere.nii.gz"),
    "label not there": _every("label", "nowhere.nii.gz"),
    "path for an id": _every("participant_id", "../x"),
    "unknown split": _every("split", "training"),
}
PAIRS: dict[str, Maker] = {
    **NAMES,
    "unknown split": _every("split", "training"),
    "one case twice": lambda path, good: (
        path.write_bytes(good.read_bytes() + b"\n".join(good.read_bytes().split(b"\n")[1:])) and None
    ),
    "interval in words": _every("interval_days", "soon"),
    "negative interval": _every("interval_days", "-3"),
    "half a fold": _every("fold", "0.5"),
    "no image": _every("image", "n/a"),
    "image not there": _every("image", "nowhere.nii.gz"),
    "path for a case": _every("case_id", "../x"),
}

# A manifest of which only the readers' segmentations are looked at.
_NOT_LOOKED_AT = ("interval in words", "negative interval", "half a fold", "no image", "image not there")
TRUTH: dict[str, Maker] = {
    **{name: maker for name, maker in PAIRS.items() if name not in _NOT_LOOKED_AT},
    "no label": _every("label", "n/a"),
}


def _folder_with(change: Callable[[Path], None]) -> Maker:
    """Copy a good folder and change the copy."""

    def make(path: Path, good: Path) -> None:
        shutil.copytree(good, path)
        change(path)

    return make


def _predictions(change: Callable[[list[dict[str, str]]], object]) -> Maker:
    """Change the rows of predictions.tsv in place; every other file stays."""

    def in_place(folder: Path) -> None:
        lines = (folder / "predictions.tsv").read_text().splitlines()
        header = lines[0].split("\t")
        rows = [dict(zip(header, line.split("\t"), strict=True)) for line in lines[1:]]
        change(rows)
        text = ["\t".join(header), *("\t".join(row.values()) for row in rows)]
        (folder / "predictions.tsv").write_text("\n".join(text) + "\n")

    return _folder_with(in_place)


def _every_row(**cells: str) -> Maker:
    return _predictions(lambda rows: [row.update(cells) for row in rows])


def _each_segmentation(maker: Maker) -> Maker:
    """Break every predicted segmentation in its place."""

    def in_place(folder: Path) -> None:
        for path in folder.rglob("segmentation.nii.gz"):
            whole = path.rename(path.with_name("whole.nii.gz"))
            maker(path, whole)
            whole.unlink()

    return _folder_with(in_place)


PREDICTIONS: dict[str, Maker] = {
    **ANY_FILE,
    "no table": _folder_with(lambda folder: (folder / "predictions.tsv").unlink()),
    "table not UTF-8": _folder_with(
        lambda folder: (folder / "predictions.tsv").write_bytes(b"\xff\n") and None
    ),
    "table without rows": _predictions(lambda rows: rows.clear()),
    "case twice": _predictions(lambda rows: rows.append(rows[0])),
    "case of no name": _every_row(case_id="n/a"),
    "case with a slash": _every_row(case_id="../a"),
    "no participant": _every_row(participant_id="n/a"),
    "another participant": _every_row(participant_id="somebody-else"),
    "unknown source of the prior": _every_row(prior_source="guessed"),
    "unknown ecg": _every_row(ecg="maybe"),
    "unknown split": _every_row(split="holdout"),
    "words for days": _every_row(interval_days="soon"),
    "negative days": _every_row(interval_days="-3"),
    "segmentation elsewhere": _every_row(segmentation="/etc/hostname"),
    "segmentation above": _every_row(segmentation="../cohort/lge/sim-0001.nii.gz"),
    "segmentation missing": _every_row(segmentation="nowhere.nii.gz"),
    "other cases": _every_row(case_id="nobody"),
    "segmentation truncated": _each_segmentation(_truncated),
    "segmentation of unknown labels": _each_segmentation(LABELS["unknown label"]),
    **{f"segmentation {name}": _each_segmentation(maker) for name, maker in OTHER_GRID.items()},
}

BEATS: dict[str, Maker] = {
    **TABLE,
    "beat not there": _bytes(b"participant_id\tbeat\n1\tnowhere.hea\n2\tnowhere.hea\n"),
    "beat is the table": lambda path, good: path.write_bytes(b"beat\n%s\n" % path.name.encode()) and None,
    "no beat at all": _bytes(b"participant_id\tbeat\n1\tn/a\n2\tn/a\n"),
    "beat is another table": _bytes(b"beat\ncohort/truth/scars.tsv\n"),
}


RECORD_TABLE: dict[str, Maker] = {
    **TABLE,
    "record not there": _bytes(b"participant_id\trecord\n1\tnowhere.hea\n2\tnowhere.dcm\n"),
    "no record at all": _bytes(b"participant_id\trecord\n1\tn/a\n2\tn/a\n"),
    "a column of ours": _bytes(b"record\tquality\nbad.tsv\t1\n"),
}


def _picture(array: np.ndarray) -> Maker:
    """Write a PNG, whatever the name says: a page is known by its content."""

    def make(path: Path, good: Path) -> None:
        path.write_bytes(cv2.imencode(".png", array)[1].tobytes())

    return make


def _png_claiming(width: int, height: int) -> Maker:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return _bytes(
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + bytes(100)
    )


def _blank_pdf(pages: int) -> Maker:
    def make(path: Path, good: Path) -> None:
        document = pypdfium2.PdfDocument.new()
        for _ in range(pages):
            document.new_page(595, 842)
        document.save(path)

    return make


def _encrypted_pdf(path: Path, good: Path) -> None:
    """Write a PDF that asks for a password: its entries have the right form, and no password fits them."""
    rubbish = "<" + "5a" * 32 + ">"
    bodies = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
        f"<</Filter/Standard/V 1/R 2/O {rubbish}/U {rubbish}/P -4>>",
    ]
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    trailer = "<</Size 5/Root 1 0 R/Encrypt 4 0 R/ID[<00><00>]>>"
    end = f"xref\n0 5\n0000000000 65535 f \n{table}trailer\n{trailer}\nstartxref\n{len(data)}\n%%EOF\n"
    path.write_bytes(data + end.encode())


PAGE: dict[str, Maker] = {
    **ANY_FILE,
    "text": _bytes(b"not a page\n"),
    "truncated": _truncated,
    "header of a PDF": _bytes(b"%PDF-1.7\n"),
    "encrypted PDF": _encrypted_pdf,
    "PDF without pages": _blank_pdf(0),
    "blank PDF": _blank_pdf(1),
    "PDF of a hundred pages": _blank_pdf(100),
    "black picture": _picture(np.zeros((400, 600, 3), np.uint8)),
    "white picture": _picture(np.full((400, 600, 3), 255, np.uint8)),
    "picture of noise": _picture(np.random.default_rng(3).integers(0, 255, (400, 600, 3), dtype=np.uint8)),
    "one pixel": _picture(np.zeros((1, 1, 3), np.uint8)),
    "one row": _picture(np.zeros((1, 5000, 3), np.uint8)),
    "claims 30000 x 30000 pixels": _png_claiming(30000, 30000),
    "claims no pixels": _png_claiming(0, 0),
    "PNG without data": _png_claiming(600, 400),
    "JPEG magic only": _bytes(b"\xff\xd8\xff\xe0"),
    "BMP magic only": _bytes(b"BM"),
}

BOXES: dict[str, Maker] = {
    **NAMES,
    "no lead": _every("lead", "n/a"),
    "unknown lead": _every("lead", "V9"),
    "one lead twice": _every("lead", "V1"),
    "edge in words": _every("left", "far"),
    "box inside out": _every("right", "-5"),
    "begins before the page": _every("start_s", "-1"),
    "rhythm in words": _every("rhythm", "perhaps"),
    "column that is not known": _every("colour", "red"),
}


def _correction(**cells: str) -> Maker:
    """Write a table of corrections with one row, of no page that is there unless a cell is wrong first."""
    row = {"page": "page.png", "sha256": "0" * 64} | cells
    return _bytes(("\t".join(row) + "\n" + "\t".join(row.values()) + "\n").encode())


CORRECTIONS: dict[str, Maker] = {
    **ANY_FILE,
    "not UTF-8": NAMES["not UTF-8"],
    "column twice": NAMES["column twice"],
    "other columns": NAMES["other columns"],
    "header without rows": _bytes(b"page\tsha256\n"),
    "ragged": _bytes(b"page\tsha256\na\n"),
    "column that is not known": _correction(Speed="25"),
    "no hash": _correction(sha256="n/a"),
    "half a hash": _correction(sha256="0123abcd"),
    "no page": _correction(page="n/a"),
    "one page twice": _bytes(("page\tsha256\n" + 2 * ("a.png\t" + "0" * 64 + "\n")).encode()),
    "speed in words": _correction(speed="slow"),
    "no speed at all": _correction(speed="0"),
    "gain below zero": _correction(gain="-10"),
    "two turns": _correction(rotate="720"),
    "unknown layout": _correction(layout="many"),
    "unknown status": _correction(status="accepted"),
    "rename in words": _correction(rename="swap arms"),
    "rename of one lead twice": _correction(rename="I=II I=III"),
    "boxes not there": _correction(boxes="nowhere.tsv"),
}


def _normals(**cells: str) -> Maker:
    """Write one normal ECG as measured features, with some cells of another kind; "" leaves the column out."""
    from scartools.simulation.beat_features import COMPARED

    row = dict.fromkeys(COMPARED, "0.1") | {"qrs_ms": "90"} | cells
    row = {name: cell for name, cell in row.items() if cell}
    return _bytes(("\t".join(row) + "\n" + "\t".join(row.values()) + "\n").encode())


NORMALS: dict[str, Maker] = {
    **ANY_FILE,
    "not UTF-8": NAMES["not UTF-8"],
    "column twice": NAMES["column twice"],
    "other columns": NAMES["other columns"],
    "header without rows": _bytes(b"beat\n"),
    "ragged": _bytes(b"beat\tqrs_ms\na\n"),
    "a lead without T": _normals(t_v3=""),
    "no duration": _normals(qrs_ms=""),
    "amplitude in words": _normals(r_v2="tall"),
    "microvolts": _normals(r_v2="850"),
    "seconds of a day": _normals(qrs_ms="86400"),
    "beat not there": BEATS["beat not there"],
    "beat is the table": BEATS["beat is the table"],
    "no beat at all": BEATS["no beat at all"],
    "beat is another table": BEATS["beat is another table"],
}

BY_CONTRACT: dict[str, dict[str, Maker]] = {
    "record": {**ANY_FILE, **BROKEN, **WITHOUT_BEATS, **FOREIGN},
    "recordings": {**ANY_FILE, **BROKEN, **WITHOUT_BEATS, **FOREIGN},
    "record_table": RECORD_TABLE,
    "beat": {**ANY_FILE, **BROKEN, **NOT_A_BEAT},
    "segmentation": SEGMENTATION,
    "prior": {**LABELS, **OTHER_GRID},
    "image": {**VOLUME, **OTHER_GRID, "constant": _volume(lambda array, affine: (np.ones_like(array), affine))},
    "mask": {**LABELS, **OTHER_GRID},
    "landmarks": TABLE,
    "segments": TABLE,
    "ecgs": ECGS,
    "scans": SCANS,
    "pairs": PAIRS,
    "truth": TRUTH,
    "nnunet": {**ANY_FILE, **NNUNET},
    "nnunet_result": {**ANY_FILE, **RESULTS},
    "dataset": {**ANY_FILE, **DATASET},
    "predictions": PREDICTIONS,
    "beats": BEATS,
    "pages": PAGE,
    "boxes": BOXES,
    "corrections": CORRECTIONS,
    "model": {**ANY_FILE, **MODEL},
    "encoder": {**ANY_FILE, **MODEL},
    "lge": {**VOLUME, "constant": _volume(lambda array, affine: (np.ones_like(array), affine))},
    "anatomy": {**LABELS, **OTHER_GRID},
    "any": {name: maker for name, maker in VOLUME.items() if name != "folder"},
    "normals": NORMALS,
    "list": ANY_FILE,
}


def _with_first(array: np.ndarray, value: float) -> np.ndarray:
    array = array.copy()
    array.flat[0] = value
    return array


def _shifted(affine: np.ndarray, mm: float) -> np.ndarray:
    affine[0, 3] += mm
    return affine


def _words_for_numbers(data: bytes) -> bytes:
    lines = data.split(b"\n")
    return b"\n".join(
        [
            lines[0],
            *[
                b"\t".join([*line.split(b"\t")[:3], *[b"many"] * (line.count(b"\t") - 2)])
                for line in lines[1:]
                if line
            ],
        ]
    )
