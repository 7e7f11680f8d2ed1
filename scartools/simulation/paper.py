"""A recording on paper: one description of the page in millimetres, printed as a vector PDF and as a picture.

`lay_out` says where every line and word lies; `to_pdf` and `to_picture` only draw what it says, so that both
show the same page. The page carries no name, no number and no date. Page frame: x to the right and y down from the
upper left corner, millimetres.
"""

from __future__ import annotations

import zlib

import cv2
import numpy as np

from scartools.simulation.page import THREE_BY_FOUR, Colour, Page, PageStyle, Stroke, Trace, Word
from scartools.simulation.page_layout import lay_out, place_traces

__all__ = [
    "THREE_BY_FOUR",
    "Colour",
    "Page",
    "PageStyle",
    "Stroke",
    "Trace",
    "Word",
    "lay_out",
    "place_traces",
    "to_pdf",
    "to_picture",
    "to_png",
]
POINTS_PER_MM = 72.0 / 25.4
_SHIFT = 6  # bits of a pixel's fraction in cv2's drawing


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
