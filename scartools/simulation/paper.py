"""A recording on paper: one description of the page in millimetres, printed as a vector PDF and as a picture.

`lay_out` says where every line and word lies; `to_pdf` and `to_picture` only draw what it says, so that both
show the same page. Twelve leads in columns of 2.5 s one after the other, a rhythm strip below, a calibration
pulse at the left of each row, on millimetre paper. Page frame: x to the right and y down from the upper left
corner, millimetres. The page carries no name, no number and no date.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import cv2
import numpy as np

from scartools.ecg.reading import LEADS
from scartools.errors import InputError
from scartools.simulation.leads import RATE_HZ

Colour = tuple[int, int, int]  # red, green, blue, 0 to 255
POINTS_PER_MM = 72.0 / 25.4
THREE_BY_FOUR = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
_SHIFT = 6  # bits of a pixel's fraction in cv2's drawing


@dataclass(frozen=True)
class PageStyle:
    """How a page looks. Millimetres unless the name says otherwise.

    rows        leads of each row, one column each, printed one after the other in time
    rhythm      leads of the strips below, each as long as the recording
    speed       paper speed, mm/s; gain: mm/mV
    grid_left, grid_top, grid_squares  corner of the grid and its 5 mm squares across and down
    lead_in     from the grid's left edge to the first sample: room for the calibration pulse
    first_row   from the grid's top edge to the baseline of the first row; row_pitch: from row to row
    pulse_start, pulse_width  of the calibration pulse, from the grid's left edge; its height is 1 mV
    separator   length of the tick between two columns; 0 for none
    """

    rows: tuple[tuple[str, ...], ...] = THREE_BY_FOUR
    rhythm: tuple[str, ...] = ("II",)
    width: float = 279.4
    height: float = 215.9
    speed: float = 25.0
    gain: float = 10.0
    grid_left: float = 7.0
    grid_top: float = 25.0
    grid_squares: tuple[int, int] = (53, 33)
    lead_in: float = 15.0
    first_row: float = 30.0
    row_pitch: float = 35.0
    pulse_start: float = 5.0
    pulse_width: float = 5.0
    separator: float = 4.0
    label_rise: float = 8.0  # of a lead's name above the baseline
    label_size: float = 3.6  # height of the letters' em
    trace_width: float = 0.3
    minor_width: float = 0.08
    major_width: float = 0.2
    paper: Colour = (255, 253, 252)
    minor: Colour = (248, 205, 205)
    major: Colour = (235, 150, 150)
    ink: Colour = (20, 20, 26)
    dpi: int = 200


@dataclass(frozen=True)
class Stroke:
    """A line through points float64 (N, 2), mm, drawn without lifting the pen; `role` says what it is."""

    role: str  # trace, pulse or separator
    points: np.ndarray
    width: float


@dataclass(frozen=True)
class Word:
    """Text whose baseline begins at (x, y), mm."""

    text: str
    x: float
    y: float
    size: float


@dataclass(frozen=True)
class Trace:
    """Where a piece of a lead is printed: sample `first` at x mm, 0 mV at y mm, `count` samples in all."""

    lead: str
    rhythm: bool
    first: int
    count: int
    x: float
    y: float


@dataclass(frozen=True)
class Page:
    """One page: grid lines (position, major) across and down, strokes, words, and where each sample is."""

    style: PageStyle
    vertical: tuple[tuple[float, bool], ...]
    horizontal: tuple[tuple[float, bool], ...]
    strokes: tuple[Stroke, ...]
    words: tuple[Word, ...]
    traces: tuple[Trace, ...]


def _grid(start: float, squares: int) -> tuple[tuple[float, bool], ...]:
    return tuple((start + k, k % 5 == 0) for k in range(5 * squares + 1))


def _pulse(style: PageStyle, y: float) -> Stroke:
    left = style.grid_left + style.pulse_start
    x = np.array([left - 2.0, left, left, left + style.pulse_width, left + style.pulse_width])
    x = np.append(x, left + style.pulse_width + 2.0)
    rise = np.array([0.0, 0.0, style.gain, style.gain, 0.0, 0.0])
    return Stroke("pulse", np.stack([x, y - rise], axis=1), style.trace_width)


def place_traces(style: PageStyle, samples: int) -> tuple[Trace, ...]:
    """Where each piece of a recording of `samples` samples goes: rows from left to right, then the strips."""
    x0 = style.grid_left + style.lead_in
    step = style.speed / RATE_HZ
    traces = []
    for number, row in enumerate(style.rows):
        y = style.grid_top + style.first_row + number * style.row_pitch
        bounds = [samples * column // len(row) for column in range(len(row) + 1)]
        traces += [
            Trace(lead, False, bounds[k], bounds[k + 1] - bounds[k], x0 + bounds[k] * step, y)
            for k, lead in enumerate(row)
        ]
    for number, lead in enumerate(style.rhythm, start=len(style.rows)):
        y = style.grid_top + style.first_row + number * style.row_pitch
        traces.append(Trace(lead, True, 0, samples, x0, y))
    return tuple(traces)


def lay_out(signals: np.ndarray, style: PageStyle | None = None) -> Page:
    """Lay a recording out on a page.

    signals  float64 (12, T), mV, 500 Hz, rows in the order of LEADS; T samples fill the rows
    style    how the page looks; None: the defaults, 3 x 4 leads and II, 25 mm/s, 10 mm/mV
    Returns the page; `traces` is the truth of where each sample is.
    Raises InputError for another shape, samples that are not finite, a lead that does not exist, and a
    recording that runs over the edge of the paper.
    """
    chosen = PageStyle() if style is None else style
    if signals.ndim != 2 or signals.shape[0] != len(LEADS) or not np.isfinite(signals).all():
        raise InputError(
            f"a page needs 12 leads without gaps, not {signals.shape}", remedy="Give a whole record"
        )
    unknown = {lead for row in (*chosen.rows, chosen.rhythm) for lead in row} - set(LEADS)
    if unknown:
        raise InputError(
            f"no lead is called {', '.join(sorted(unknown))}", remedy=f"Leads are {', '.join(LEADS)}"
        )
    traces = place_traces(chosen, signals.shape[1])
    step = chosen.speed / RATE_HZ
    if max(t.x + t.count * step for t in traces) > chosen.width or max(t.y for t in traces) > chosen.height:
        raise InputError("the recording is longer than the paper", remedy="Give fewer rows or a slower speed")
    strokes, words = [], []
    for y in dict.fromkeys(trace.y for trace in traces):
        strokes.append(_pulse(chosen, y))
    for trace in traces:
        piece = signals[LEADS.index(trace.lead), trace.first : trace.first + trace.count]
        x = trace.x + step * np.arange(trace.count)
        strokes.append(
            Stroke("trace", np.stack([x, trace.y - chosen.gain * piece], axis=1), chosen.trace_width)
        )
        words.append(Word(trace.lead, trace.x + 1.0, trace.y - chosen.label_rise, chosen.label_size))
        if trace.first > 0 and chosen.separator > 0:
            half = chosen.separator / 2
            ends = np.array([[trace.x, trace.y - half], [trace.x, trace.y + half]])
            strokes.append(Stroke("separator", ends, chosen.trace_width))
    bottom = chosen.grid_top + 5.0 * chosen.grid_squares[1]
    scales = f"{chosen.speed:g} mm/s   {chosen.gain:g} mm/mV"
    words.append(Word(scales, chosen.grid_left + 2.0, bottom + 6.0, chosen.label_size))
    return Page(
        style=chosen,
        vertical=_grid(chosen.grid_left, chosen.grid_squares[0]),
        horizontal=_grid(chosen.grid_top, chosen.grid_squares[1]),
        strokes=tuple(strokes),
        words=tuple(words),
        traces=traces,
    )


def _ink(colour: Colour, operator: str) -> str:
    return " ".join(f"{part / 255:.4f}" for part in colour) + f" {operator}"


def _path(points: np.ndarray, height: float) -> str:
    x, y = points[:, 0] * POINTS_PER_MM, (height - points[:, 1]) * POINTS_PER_MM
    first = f"{x[0]:.3f} {y[0]:.3f} m"
    return "\n".join(
        [first, *(f"{u:.3f} {v:.3f} l" for u, v in zip(x[1:].tolist(), y[1:].tolist(), strict=True))]
    )


def _grid_paths(page: Page, major: bool) -> str:
    style = page.style
    right = style.grid_left + 5.0 * style.grid_squares[0]
    bottom = style.grid_top + 5.0 * style.grid_squares[1]
    lines = [((x, style.grid_top), (x, bottom)) for x, is_major in page.vertical if is_major == major]
    lines += [((style.grid_left, y), (right, y)) for y, is_major in page.horizontal if is_major == major]
    return "\n".join(_path(np.array(line), style.height) for line in lines)


def _content(page: Page) -> bytes:
    """The drawing operators of a page: paper, grid, one path a stroke, text."""
    style = page.style
    width, height = style.width * POINTS_PER_MM, style.height * POINTS_PER_MM
    parts = [_ink(style.paper, "rg"), f"0 0 {width:.3f} {height:.3f} re f", "1 J 1 j"]
    for major, colour, line in (
        (False, style.minor, style.minor_width),
        (True, style.major, style.major_width),
    ):
        parts += [_ink(colour, "RG"), f"{line * POINTS_PER_MM:.3f} w", _grid_paths(page, major), "S"]
    parts.append(_ink(style.ink, "RG"))
    for stroke in page.strokes:
        parts += [f"{stroke.width * POINTS_PER_MM:.3f} w", _path(stroke.points, style.height), "S"]
    parts += ["BT", _ink(style.ink, "rg")]
    for word in page.words:
        x, y = word.x * POINTS_PER_MM, (style.height - word.y) * POINTS_PER_MM
        parts += [f"/F1 {word.size * POINTS_PER_MM:.3f} Tf", f"1 0 0 1 {x:.3f} {y:.3f} Tm", f"({word.text}) Tj"]
    return "\n".join([*parts, "ET", ""]).encode("ascii")


def to_pdf(page: Page) -> bytes:
    """Print a page as a PDF of one page: lines as paths, words as text in Helvetica, nothing embedded.

    The same page gives the same bytes; the file names no time, no program and no title.
    """
    style = page.style
    packed = zlib.compress(_content(page), 6)
    box = f"[0 0 {style.width * POINTS_PER_MM:.3f} {style.height * POINTS_PER_MM:.3f}]"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>".encode(),
        f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode() + packed + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    # The second line's bytes above 127 tell programs that move files that this one is not text.
    data = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(data))
        data += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(data)
    entries = "".join(f"{place:010d} 00000 n \n" for place in places)
    data += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{entries}".encode()
    data += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(data)


def _coverage(positions: list[float], width: float, scale: float, count: int) -> np.ndarray:
    """Share of each of `count` pixels that lines at these positions cover, (count,); all but `count` in mm."""
    edges = np.arange(count + 1) / scale
    total = np.zeros(count)
    for position in positions:
        low, high = position - width / 2, position + width / 2
        total += np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0.0, None) * scale
    return np.minimum(total, 1.0)


def _grid_picture(page: Page, scale: float) -> np.ndarray:
    """Draw paper and grid, each pixel blended by the share of it that a line covers: uint8 (H, W, 3).

    Minor lines first, major ones over them. Most rows of pixels look alike, so each look is blended once.
    """
    style = page.style
    left, top = style.grid_left, style.grid_top
    right, bottom = left + 5.0 * style.grid_squares[0], top + 5.0 * style.grid_squares[1]
    height, width = round(style.height * scale), round(style.width * scale)
    kinds = ((False, style.minor, style.minor_width), (True, style.major, style.major_width))
    down = [
        _coverage([y for y, m in page.horizontal if m == major], wide, scale, height)
        for major, _, wide in kinds
    ]
    across = [
        _coverage([x for x, m in page.vertical if m == major], wide, scale, width) for major, _, wide in kinds
    ]
    on_grid = (np.arange(width) >= round(left * scale)) & (np.arange(width) <= round(right * scale))
    picture = np.empty((height, width, 3), dtype=np.uint8)
    picture[:] = style.paper
    looks: dict[tuple[float, float], np.ndarray] = {}
    for y in range(round(top * scale), min(round(bottom * scale) + 1, height)):
        look = (round(float(down[0][y]), 3), round(float(down[1][y]), 3))
        if look not in looks:
            row = np.tile(np.array(style.paper, dtype=np.float64), (width, 1))
            for share, part, (_, colour, _) in zip(look, across, kinds, strict=True):
                row += (np.maximum(part, share) * on_grid)[:, None] * (np.array(colour) - row)
            looks[look] = np.round(row).astype(np.uint8)
        picture[y] = looks[look]
    return picture


def to_picture(page: Page) -> np.ndarray:
    """Draw a page as a picture at the style's resolution: uint8 (H, W, 3), RGB.

    A point (x, y) mm lies at pixel (x, y) * dpi / 25.4 - 0.5, counted from the middle of the first pixel.
    """
    style = page.style
    scale = style.dpi / 25.4
    picture = _grid_picture(page, scale)
    for stroke in page.strokes:
        points = np.round((stroke.points * scale - 0.5) * (1 << _SHIFT)).astype(np.int32)
        thickness = max(round(stroke.width * scale), 1)
        cv2.polylines(picture, [points[:, None, :]], False, style.ink, thickness, cv2.LINE_AA, _SHIFT)
    for word in page.words:
        size = word.size * scale / 30.0  # the letters of this font are about 21 of 30 pixels of the em high
        place = (round(word.x * scale), round(word.y * scale))
        cv2.putText(picture, word.text, place, cv2.FONT_HERSHEY_SIMPLEX, size, style.ink, 2, cv2.LINE_AA)
    return picture


def to_png(page: Page) -> bytes:
    """Draw a page as PNG bytes: the picture of `to_picture`, with its resolution left to the page's size."""
    how = [cv2.IMWRITE_PNG_COMPRESSION, 3, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT]
    done, packed = cv2.imencode(".png", np.ascontiguousarray(to_picture(page)[:, :, ::-1]), how)
    if not done:
        raise RuntimeError("OpenCV could not pack a PNG")
    return packed.tobytes()
