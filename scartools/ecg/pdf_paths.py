"""A PDF page as lines and words in millimetres, as it is seen: every matrix and the page's /Rotate are applied.

Frame: x to the right and y down from the upper left corner of the page as a viewer shows it. One PDF point is
25.4/72 mm; whether the page was drawn true to scale is for the reader of the page to find out.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scartools.errors import InputError

MM_PER_POINT = 25.4 / 72
MAX_SEGMENTS = 1_000_000  # a page of 12 leads at 1000 Hz has 120 000
MAX_OBJECTS = 200_000
MAX_DEPTH = 8  # forms inside forms
_JOINED_MM = 1e-3  # two ends this close are one point

Matrix = np.ndarray  # float64 (3, 3), row vectors: (x, y, 1) @ matrix


@dataclass(frozen=True)
class Polyline:
    """A line drawn without lifting the pen: points float64 (N, 2), mm; its colour and width tell it from others."""

    points: np.ndarray
    colour: tuple[int, int, int]
    width_mm: float


@dataclass(frozen=True)
class Word:
    """One text object and its box (left, top, right, bottom), mm."""

    text: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class DrawnPage:
    """What is drawn on one page.

    size_mm     width and height as seen
    polylines   stroked lines, curves left out (a trace has none)
    words       text objects, empty ones left out
    text        the whole text layer: for the printed scales alone, it is never written anywhere
    image       (share of the page, pixels along its longer edge) of the largest picture; None without one
    """

    size_mm: tuple[float, float]
    polylines: tuple[Polyline, ...]
    words: tuple[Word, ...]
    text: str
    image: tuple[float, int] | None


def read_drawn_pages(path: Path) -> Iterator[DrawnPage]:
    """Yield the pages of a PDF one after the other.

    Raises InputError for a page that cannot be parsed or holds more than MAX_OBJECTS or MAX_SEGMENTS.
    """
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(path) as document:
            for number in range(len(document)):
                yield _drawn_page(document[number])
    except pypdfium2.PdfiumError as error:
        raise InputError(f"is a damaged PDF ({error})", where=path, remedy="Print it to a new PDF") from error


def render_page(path: Path, number: int, longer_edge: int) -> np.ndarray:
    """Render a page so that its longer edge has this many pixels: uint8 (H, W, 3), RGB."""
    import pypdfium2

    with pypdfium2.PdfDocument(path) as document:
        page = document[number]
        scale = longer_edge / max(page.get_size())
        bitmap = page.render(scale=scale, rev_byteorder=True)  # RGB
        return np.ascontiguousarray(bitmap.to_numpy()[:, :, :3])


def _drawn_page(page: Any) -> DrawnPage:
    width, height = page.get_size()  # as seen
    frame = _page_frame(page)
    textpage = page.get_textpage()
    polylines: list[Polyline] = []
    words: list[Word] = []
    image: tuple[float, int] | None = None
    budget = [MAX_SEGMENTS, MAX_OBJECTS]
    from pypdfium2 import raw

    for item, matrix in _objects(page, frame, budget):
        kind = raw.FPDFPageObj_GetType(item)
        if kind == raw.FPDF_PAGEOBJ_PATH:
            polylines += _polylines(item, matrix, budget)
        elif kind == raw.FPDF_PAGEOBJ_TEXT:
            word = _word(item, textpage, matrix)
            words += [word] if word.text else []
        elif kind == raw.FPDF_PAGEOBJ_IMAGE:
            found = _image(item, matrix, width * height * MM_PER_POINT**2)
            image = found if image is None or found[0] > image[0] else image
    return DrawnPage(
        (width * MM_PER_POINT, height * MM_PER_POINT),
        tuple(_joined(polylines)),
        tuple(words),
        textpage.get_text_range().replace("\u00a0", " "),
        image,
    )


def _page_frame(page: Any) -> Matrix:
    """Return the matrix from the page's own points (y up, before /Rotate) to millimetres as seen (y down)."""
    left, bottom, right, top = page.get_cropbox()
    width, height = right - left, top - bottom
    to_seen = {  # the crop box, y up from its lower left corner, to points as seen, y down
        0: [[1, 0, 0], [0, -1, 0], [0, height, 1]],
        90: [[0, 1, 0], [1, 0, 0], [0, 0, 1]],
        180: [[-1, 0, 0], [0, 1, 0], [width, 0, 1]],
        270: [[0, -1, 0], [-1, 0, 0], [height, width, 1]],
    }[page.get_rotation()]
    shift = np.array([[1, 0, 0], [0, 1, 0], [-left, -bottom, 1]])
    return shift @ np.array(to_seen) @ np.diag([MM_PER_POINT, MM_PER_POINT, 1.0])


def _objects(page: Any, frame: Matrix, budget: list[int]) -> Iterator[tuple[Any, Matrix]]:
    """Yield every object that is no form with the matrix from its container to the page as seen."""
    from pypdfium2 import raw

    def walk(count: int, get: Any, matrix: Matrix, depth: int) -> Iterator[tuple[Any, Matrix]]:
        """Yield the objects of a page or a form with what places each on the page; InputError beyond the budget."""
        budget[1] -= count
        if budget[1] < 0 or depth > MAX_DEPTH:
            raise InputError(
                f"holds more than {MAX_OBJECTS} objects, or forms nested over {MAX_DEPTH} deep",
                remedy="Print it to a new PDF",
            )
        for number in range(count):
            item = get(number)
            if raw.FPDFPageObj_GetType(item) == raw.FPDF_PAGEOBJ_FORM:
                own = _matrix(item) @ matrix
                inside = raw.FPDFFormObj_CountObjects(item)
                yield from walk(inside, lambda k, form=item: raw.FPDFFormObj_GetObject(form, k), own, depth + 1)
            else:
                yield item, matrix

    total = raw.FPDFPage_CountObjects(page.raw)
    yield from walk(total, lambda k: raw.FPDFPage_GetObject(page.raw, k), frame, 0)


def _matrix(item: Any) -> Matrix:
    from pypdfium2 import raw

    m = raw.FS_MATRIX()
    raw.FPDFPageObj_GetMatrix(item, m)
    return np.array([[m.a, m.b, 0], [m.c, m.d, 0], [m.e, m.f, 1]], dtype=np.float64)


def _polylines(item: Any, matrix: Matrix, budget: list[int]) -> list[Polyline]:
    """Return the straight lines of a stroked path; a curve ends a line."""
    from pypdfium2 import raw

    fill, stroke = ctypes.c_int(), ctypes.c_int()
    raw.FPDFPath_GetDrawMode(item, fill, stroke)
    count = raw.FPDFPath_CountSegments(item)
    budget[0] -= count
    if budget[0] < 0:
        raise InputError(f"draws more than {MAX_SEGMENTS} lines", remedy="Print it to a new PDF")
    if not stroke.value:
        return []
    x, y = ctypes.c_float(), ctypes.c_float()
    points, breaks = np.empty((count, 2)), []
    for k in range(count):
        segment = raw.FPDFPath_GetPathSegment(item, k)
        raw.FPDFPathSegment_GetPoint(segment, x, y)
        points[k] = x.value, y.value
        if raw.FPDFPathSegment_GetType(segment) != raw.FPDF_SEGMENT_LINETO:
            breaks.append(k)
    whole = _matrix(item) @ matrix
    seen = points @ whole[:2, :2] + whole[2, :2]
    red, green, blue, opaque = (ctypes.c_uint() for _ in range(4))
    raw.FPDFPageObj_GetStrokeColor(item, red, green, blue, opaque)
    width = ctypes.c_float()
    raw.FPDFPageObj_GetStrokeWidth(item, width)
    width_mm = width.value * float(np.sqrt(abs(np.linalg.det(whole[:2, :2]))))
    colour = (red.value, green.value, blue.value)
    parts = np.split(seen, breaks)
    return [Polyline(part, colour, width_mm) for part in parts if len(part) > 1 and np.isfinite(part).all()]


def _word(item: Any, textpage: Any, matrix: Matrix) -> Word:
    from pypdfium2 import raw

    size = min(raw.FPDFTextObj_GetText(item, textpage.raw, None, 0), 4096)
    buffer = ctypes.create_string_buffer(size)
    raw.FPDFTextObj_GetText(item, textpage.raw, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), size)
    text = buffer.raw.decode("utf-16-le", "replace").rstrip("\0").replace("\u00a0", " ").strip()
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    raw.FPDFPageObj_GetBounds(item, left, bottom, right, top)
    corners = np.array([[left.value, bottom.value, 1], [right.value, top.value, 1]]) @ matrix
    low, high = corners.min(axis=0), corners.max(axis=0)
    return Word(text, (float(low[0]), float(low[1]), float(high[0]), float(high[1])))


def _image(item: Any, matrix: Matrix, page_mm2: float) -> tuple[float, int]:
    """Return (share of the page, pixels along its longer edge) of a picture."""
    from pypdfium2 import raw

    whole = _matrix(item) @ matrix  # of the unit square
    width, height = ctypes.c_uint(), ctypes.c_uint()
    raw.FPDFImageObj_GetImagePixelSize(item, width, height)
    return float(abs(np.linalg.det(whole[:2, :2])) / page_mm2), int(max(width.value, height.value))


def _joined(polylines: list[Polyline]) -> Iterator[Polyline]:
    """Join lines that go on where the one before ended, drawn alike: some printers cut a trace into pieces."""
    pieces: list[np.ndarray] = []
    last: Polyline | None = None
    for line in polylines:
        if last is not None:
            alike = line.colour == last.colour and abs(line.width_mm - last.width_mm) < 1e-6
            if alike and np.abs(line.points[0] - pieces[-1][-1]).max() < _JOINED_MM:
                pieces.append(line.points[1:])
                continue
            yield Polyline(np.concatenate(pieces), last.colour, last.width_mm)
        pieces, last = [line.points], line
    if last is not None:
        yield Polyline(np.concatenate(pieces), last.colour, last.width_mm)
