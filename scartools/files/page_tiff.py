"""TIFF as scanners write it, with one scan or several: what its header says of each, checked before it is unpacked.

Source: TIFF revision 6.0, Adobe 1992. BigTIFF, separated (CMYK) and CIELAB pictures are refused.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from scartools.errors import InputError

SIGNATURES = (b"II*\0", b"MM\0*")
MOST_DIRECTORIES = 1000  # a chain that is longer goes round in circles
_CONVERT = "Save it as PNG, JPEG or PDF"
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}  # bytes of each type
_FORMATS = {1: "B", 3: "H", 4: "I"}
_SUBFILE, _WIDTH, _LENGTH, _PHOTOMETRIC, _SAMPLES = 254, 256, 257, 262, 277
_OFFSETS, _COUNTS = (273, 324), (279, 325)  # of strips, of tiles
_READ = (0, 1, 2, 3, 6)  # black on white, white on black, RGB, palette, YCbCr


@dataclass(frozen=True)
class Scan:
    """One picture of a TIFF: number of its directory, height and width in px, whether its pixels have an opacity."""

    directory: int
    pixels: tuple[int, int]
    clear: bool


def scans_in(path: Path) -> list[Scan]:
    """Return the pictures of a TIFF in their order, smaller copies of a picture left out.

    Raises InputError for a file that ends early, and for kinds of TIFF that are not read.
    """
    data = path.read_bytes()
    try:
        return _scans(data)
    except (struct.error, IndexError, KeyError, ZeroDivisionError) as error:
        raise InputError("is a damaged TIFF", where=path, remedy="Copy or scan it again") from error
    except InputError as error:
        raise InputError(error.problem, where=path, remedy=error.remedy) from error


def _scans(data: bytes) -> list[Scan]:
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    found, number = [], 0
    while at:
        if number >= MOST_DIRECTORIES:
            raise InputError(f"is a TIFF of more than {MOST_DIRECTORIES} pictures", remedy=_CONVERT)
        (count,) = struct.unpack_from(f"{order}H", data, at)
        tags = dict(_tag(data, order, at + 2 + 12 * k) for k in range(count))
        if not tags.get(_SUBFILE, (0,))[0] & 1:
            found.append(_scan(tags, number, len(data)))
        (at,) = struct.unpack_from(f"{order}I", data, at + 2 + 12 * count)
        number += 1
    if not found:
        raise InputError("is a TIFF without pictures", remedy=_CONVERT)
    return found


def _tag(data: bytes, order: str, at: int) -> tuple[int, tuple[int, ...]]:
    """Number and values of a tag; no values where they are no whole numbers."""
    tag, kind, count = struct.unpack_from(f"{order}HHI", data, at)
    if kind not in _FORMATS:
        return tag, ()
    size = _SIZES[kind] * count
    place = at + 8 if size <= 4 else struct.unpack_from(f"{order}I", data, at + 8)[0]
    return tag, struct.unpack_from(f"{order}{count}{_FORMATS[kind]}", data, place)


def _scan(tags: dict[int, tuple[int, ...]], number: int, size: int) -> Scan:
    kind = tags.get(_PHOTOMETRIC, (1,))[0]
    if kind not in _READ:
        raise InputError(
            f"is a TIFF of separated or unusual colours (photometric {kind})", remedy="Save it in RGB"
        )
    for places, lengths in zip(_OFFSETS, _COUNTS, strict=True):
        for start, length in zip(tags.get(places, ()), tags.get(lengths, ()), strict=False):
            if start + length > size:
                raise InputError("cannot be decoded: it is truncated or damaged", remedy=_CONVERT)
    if not any(tags.get(places) for places in _OFFSETS):
        raise IndexError("a picture without pixels")
    samples = tags.get(_SAMPLES, (1,))[0]
    return Scan(number, (tags[_LENGTH][0], tags[_WIDTH][0]), kind == 2 and samples == 4)
