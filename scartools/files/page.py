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
from scartools.files.provenance import Source, source_of

if TYPE_CHECKING:
    import numpy as np

MAX_PIXELS = 120_000_000  # an A3 sheet at 600 dpi is 70 million
MAX_FILE_BYTES = 256 << 20
MIN_EDGE_PIXELS = 64
_CONVERT = "Save it as PNG, JPEG or PDF"


@dataclass(frozen=True)
class PageFile:
    """A page as found on disk.

    kind    png, jpeg, bmp or pdf, by content and not by name
    pixels  (height, width) of a picture; None for a PDF
    pages   number of pages: 1 for a picture
    """

    kind: Literal["png", "jpeg", "bmp", "pdf"]
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
    kind, pixels = _picture_size(path, head)
    height, width = pixels
    if height * width > MAX_PIXELS:
        raise InputError(
            f"claims {width} x {height} pixels, over the limit of {MAX_PIXELS}",
            where=path,
            remedy="Scan at 200 to 300 dpi",
        )
    if min(height, width) < MIN_EDGE_PIXELS:
        raise InputError(f"is only {width} x {height} pixels: no ECG page", where=path)
    return PageFile(kind, pixels, 1, source_of(path))


def read_picture(path: Path) -> np.ndarray:
    """Decode a picture that `inspect` accepts: uint8 (H, W, 3), RGB."""
    import cv2
    import numpy as np

    page = inspect(path)
    if page.kind == "pdf":
        raise InputError("is a PDF where a picture is due", where=path, remedy=_CONVERT)
    packed = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    try:
        with _silent_decoders():
            picture = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise InputError(f"cannot be decoded ({error.err})", where=path, remedy=_CONVERT) from error
    if picture is None or picture.shape[:2] != page.pixels:
        raise InputError("cannot be decoded: it is truncated or damaged", where=path, remedy=_CONVERT)
    return np.ascontiguousarray(picture[:, :, ::-1])  # OpenCV decodes to BGR


def encode_png(picture: np.ndarray) -> bytes:
    """Return a picture, uint8 (H, W, 3), RGB, as PNG without any metadata."""
    import cv2

    done, packed = cv2.imencode(".png", picture[:, :, ::-1])
    if not done:
        raise RuntimeError("OpenCV could not encode a picture")
    return bytes(packed.tobytes())


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
    raise InputError("is neither PNG, JPEG, BMP nor PDF", where=path, remedy=_CONVERT)


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
