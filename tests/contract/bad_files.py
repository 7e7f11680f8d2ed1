"""Broken and hostile files, by kind of contract: each maker writes one bad file from a good one."""

from __future__ import annotations

import gzip
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np

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

BY_CONTRACT: dict[str, dict[str, Maker]] = {
    "record": {**ANY_FILE, **BROKEN, **WITHOUT_BEATS},
    "beat": {**ANY_FILE, **BROKEN, **NOT_A_BEAT},
    "segmentation": SEGMENTATION,
    "prior": {**LABELS, **OTHER_GRID},
    "image": {**VOLUME, **OTHER_GRID, "constant": _volume(lambda array, affine: (np.ones_like(array), affine))},
    "mask": {**LABELS, **OTHER_GRID},
    "landmarks": TABLE,
    "segments": TABLE,
    "any": {name: maker for name, maker in VOLUME.items() if name != "folder"},
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
