"""Pages of paper ECGs as pictures or PDF: what they are and how large, checked before anything is unpacked."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from scartools.errors import InputError
from scartools.files import page_tiff
from scartools.files.provenance import Source, source_of

if TYPE_CHECKING:
    import numpy as np

MAX_PIXELS = 120_000_000  # an A3 sheet at 600 dpi is 70 million
MAX_FILE_BYTES = 256 << 20
MIN_EDGE_PIXELS = 64
_FOREIGN = {b"II+\0": "a BigTIFF", b"MM\0+": "a BigTIFF", b"GIF8": "a GIF", b"RIFF": "a WebP"}
_CONVERT = "Save it as PNG, JPEG or PDF"


@dataclass(frozen=True)
class PageFile:
    """A page as found on disk.

    kind    png, jpeg, bmp, tiff or pdf, by content and not by name
    pixels  (height, width) of a picture, of the first of a TIFF; None for a PDF
    pages   number of pages: 1 for a picture, but a TIFF may have several
    """

    kind: Literal["png", "jpeg", "bmp", "tiff", "pdf"]
    pixels: tuple[int, int] | None
    pages: int
    source: Source


def inspect(path: Path) -> PageFile:
    """Return what a page file is, without decoding it.

    Raises InputError for an unknown or damaged file, a picture over MAX_PIXELS or under 64 pixels, and an
    encrypted or empty PDF.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(1 << 20)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    if size > MAX_FILE_BYTES:
        raise InputError(f"is {size} bytes, over the limit of {MAX_FILE_BYTES} for a page", where=path)
    if head[:1024].lstrip().startswith(b"%PDF-"):
        return PageFile("pdf", None, _pdf_pages(path), source_of(path))
    if head[:4] in page_tiff.SIGNATURES:
        scans = page_tiff.scans_in(path)
        for scan in scans:
            _require_size(path, scan.pixels)
        return PageFile("tiff", scans[0].pixels, len(scans), source_of(path))
    kind, pixels = _picture_size(path, head)
    _require_size(path, pixels)
    return PageFile(kind, pixels, 1, source_of(path))


def _require_size(path: Path, pixels: tuple[int, int]) -> None:
    height, width = pixels
    if height * width > MAX_PIXELS:
        raise InputError(
            f"claims {width} x {height} pixels, over the limit of {MAX_PIXELS}",
            where=path,
            remedy="Scan at 200 to 300 dpi",
        )
    if min(height, width) < MIN_EDGE_PIXELS:
        raise InputError(f"is only {width} x {height} pixels: no ECG page", where=path)


def read_picture(path: Path, number: int = 0) -> np.ndarray:
    """Decode a picture that `inspect` accepts: uint8 (H, W, 3), RGB; number: which of a TIFF of several, from 0."""
    import cv2
    import numpy as np

    page = inspect(path)
    if page.kind == "pdf":
        raise InputError("is a PDF where a picture is due", where=path, remedy=_CONVERT)
    if not 0 <= number < page.pages:
        raise InputError(f"has {page.pages} pages and no page {number + 1}", where=path)
    data = path.read_bytes()
    pixels, first = page.pixels, 0
    if page.kind == "tiff":
        scan = page_tiff.scans_in(path)[number]
        clear, pixels, first = scan.clear, scan.pixels, scan.directory
    else:
        clear = _require_whole(path, page.kind, data)
    try:
        with _silent_decoders():
            how = cv2.IMREAD_UNCHANGED if clear else cv2.IMREAD_COLOR
            packed = np.frombuffer(data, dtype=np.uint8)
            if page.kind == "tiff":
                _, found = cv2.imdecodemulti(packed, how, range=(first, first + 1))
                picture = found[0] if found else None
            else:
                picture = cv2.imdecode(packed, how)
    except cv2.error as error:
        raise InputError(f"cannot be decoded ({error.err})", where=path, remedy=_CONVERT) from error
    # a camera's note on how it was held is followed, as a viewer does, and may exchange the edges
    if picture is None or sorted(picture.shape[:2]) != sorted(pixels or ()):
        raise InputError("cannot be decoded: it is truncated or damaged", where=path, remedy=_CONVERT)
    if clear:
        picture = _on_white(picture)
    return np.ascontiguousarray(picture[:, :, ::-1])  # OpenCV decodes to BGR


def encode_png(picture: np.ndarray) -> bytes:
    """Return a picture, uint8 (H, W, 3), RGB, as PNG without any metadata."""
    import cv2

    done, packed = cv2.imencode(".png", picture[:, :, ::-1])
    if not done:
        raise RuntimeError("OpenCV could not encode a picture")
    return bytes(packed.tobytes())


def _require_whole(path: Path, kind: str, data: bytes) -> bool:
    """Refuse a picture that ends early, moves, or has the colours of a printing press; return whether it is transparent.

    Decoders fill what is missing with grey and say nothing.
    """
    whole, clear = True, False
    if kind == "png":
        whole, at = False, 8
        clear = len(data) > 25 and data[25] in (4, 6)
        while at + 12 <= len(data):
            (size,), name = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
            if name == b"acTL":
                raise InputError("is an animation", where=path, remedy="Save one picture as PNG")
            clear |= name == b"tRNS"
            at += 12 + size
            if name == b"IEND":
                whole = at <= len(data)
                break
    elif kind == "jpeg":
        start, components = _jpeg_scan(data)
        if components == 4:
            raise InputError("is a CMYK picture", where=path, remedy="Save it in RGB")
        whole = start is not None and data.find(b"\xff\xd9", start) >= 0
    if not whole:
        raise InputError("cannot be decoded: it is truncated or damaged", where=path, remedy=_CONVERT)
    return clear


def _jpeg_scan(data: bytes) -> tuple[int | None, int]:
    """Return where the compressed data of a JPEG begin, None where they do not, and its number of components."""
    at, components = 2, 0
    while at + 10 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xDA:
            return at, components
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            components = data[at + 9]
        at += 2 + int(struct.unpack(">H", data[at + 2 : at + 4])[0])
    return None, components


def _on_white(picture: np.ndarray) -> np.ndarray:
    """Lay a picture with an opacity over white paper: uint8 (H, W, 3), in the order of its colours."""
    import cv2
    import numpy as np

    if picture.dtype == np.uint16:
        picture = (picture // 257).astype(np.uint8)
    if picture.ndim == 2:
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    if picture.shape[2] == 3:
        return picture
    opacity = picture[:, :, 3:].astype(np.float32) / 255
    return np.round(picture[:, :, :3] * opacity + 255 * (1 - opacity)).astype(np.uint8)


@contextmanager
def _silent_decoders() -> Iterator[None]:
    """Keep what libpng and libjpeg write to stderr by themselves from mixing with our one line."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _picture_size(path: Path, head: bytes) -> tuple[Literal["png", "jpeg", "bmp"], tuple[int, int]]:
    """Read (height, width) from the header of a picture."""
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
            width, height = struct.unpack(">II", head[16:24])
            return "png", (height, width)
        if head.startswith(b"\xff\xd8"):
            return "jpeg", _jpeg_size(head)
        if head.startswith(b"BM"):
            width, height = struct.unpack("<ii", head[18:26])
            return "bmp", (abs(height), width)  # a negative height means top-down rows
    except (struct.error, IndexError) as error:
        raise InputError("ends inside its header", where=path, remedy="Copy or scan it again") from error
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            raise InputError(f"is {name}, which is not read", where=path, remedy=_CONVERT)
    raise InputError("is neither PNG, JPEG, BMP, TIFF nor PDF", where=path, remedy=_CONVERT)


def _jpeg_size(head: bytes) -> tuple[int, int]:
    position = 2
    while True:
        if head[position] != 0xFF:
            raise IndexError("lost between two JPEG segments")
        marker = head[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # start of frame
            height, width = struct.unpack(">HH", head[position + 5 : position + 9])
            return height, width
        position += 2 + struct.unpack(">H", head[position + 2 : position + 4])[0]


def _pdf_pages(path: Path) -> int:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        what = "is encrypted" if "password" in str(error).lower() else f"is a damaged PDF ({error})"
        raise InputError(what, where=path, remedy="Print it to a new PDF") from error
    try:
        pages = len(document)
    finally:
        document.close()
    if not pages:
        raise InputError("is a PDF without pages", where=path)
    return pages
