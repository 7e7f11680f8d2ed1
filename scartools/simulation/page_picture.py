"""A page drawn in layers: how much of each pixel is grid, trace, marks and words, then ink on paper.

Lines are drawn several times finer and averaged, so that the coverage of a pixel is the share of its area and a line
of 0.2 mm has its width at every resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from scartools.simulation.page import Colour, Page, PageStyle, Word, grid_box
from scartools.simulation.page_fonts import word_coverage

PAPER, GRID, TRACE, TEXT, MARK, PEN = range(
    6
)  # labels of pixels; MARK: pulse or separator, PEN: hand, stain, cover
_FINE = 4  # lines are drawn this many times finer
_SHIFT = 4  # bits of a fraction in cv2's drawing


@dataclass(frozen=True)
class Layers:
    """What covers each pixel of a page, uint8 (H, W) each, 0 to 255.

    picture  uint8 (H, W, 3): the page with everything on it
    grid     share of the pixel under a grid line, a line thinner than a pixel counted as whole where it runs through
    trace, mark, text  share of the pixel under the trace; under pulses and separators; under words
    boxes    of the words: tuple of (word, left, top, right, bottom) in pixels, edges of what is inked
    """

    picture: np.ndarray
    grid: np.ndarray
    trace: np.ndarray
    mark: np.ndarray
    text: np.ndarray
    boxes: tuple[tuple[Word, float, float, float, float], ...]


def share_covered(positions: list[float], width: float, scale: float, count: int) -> np.ndarray:
    """Share of each of `count` pixels that lines at these positions cover, (count,); all but `count` in mm."""
    edges = np.arange(count + 1) / scale
    total = np.zeros(count)
    for position in positions:
        low, high = position - width / 2, position + width / 2
        first, last = max(int(low * scale) - 1, 0), min(int(high * scale) + 2, count)
        if first < last:
            inside = np.minimum(edges[first + 1 : last + 1], high) - np.maximum(edges[first:last], low)
            total[first:last] += np.clip(inside, 0.0, None) * scale
    return np.minimum(total, 1.0)


def _kinds(page: Page) -> list[tuple[float, Colour, list[float], list[float]]]:
    """Widths, colours and places (across, down) of the kinds of grid lines that are drawn, faintest first."""
    style = page.style
    looks = [(False, style.minor_width, style.minor)] if style.grid_look == "lines" else []
    if style.grid_look != "none":
        looks.append((True, style.major_width, style.major))
    kinds = []
    for major, width, colour in looks:
        across = [x for x, is_major in page.vertical if is_major == major]
        down = [y for y, is_major in page.horizontal if is_major == major]
        kinds.append((width, colour, across, down))
    if style.block_width > 0 and style.grid_look != "none":
        across = [x for x, _ in page.vertical[::25]]
        kinds.append((style.block_width, style.major, across, [y for y, _ in page.horizontal[::25]]))
    return kinds


def draw_grid(page: Page, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw paper and grid at `scale` pixels a mm: picture uint8 (H, W, 3), and where lines run, uint8 (H, W)."""
    style = page.style
    height, width = round(style.height * scale), round(style.width * scale)
    picture = np.empty((height, width, 3), dtype=np.uint8)
    picture[:] = style.paper
    lines = np.zeros((height, width), dtype=np.uint8)
    left, top, right, bottom = grid_box(style)
    x0, x1 = max(round(left * scale), 0), min(round(right * scale) + 1, width)
    y0, y1 = max(round(top * scale), 0), min(round(bottom * scale) + 1, height)
    if x0 >= x1 or y0 >= y1:
        return picture, lines
    area, covered = picture[y0:y1, x0:x1], lines[y0:y1, x0:x1]
    if style.grid_look == "dotted":
        _dots(page, scale, area, covered, (x0, y0))
    for wide, colour, across, down in _kinds(page):
        columns = share_covered(across, wide, scale, width)[x0:x1]
        rows = share_covered(down, wide, scale, height)[y0:y1]
        whole = min(wide * scale, 1.0)
        ink = np.array(colour, dtype=np.float32)
        # a row of pixels that no line along it touches looks like every other one: upright lines first, then level
        for places, share, along in ((np.flatnonzero(columns), columns, 1), (np.flatnonzero(rows), rows, 0)):
            for place in places.tolist():
                part = area[:, place] if along else area[place]
                label = covered[:, place] if along else covered[place]
                part[:] = np.round(part + np.float32(share[place]) * (ink - part))
                np.maximum(label, round(255 * min(share[place] / whole, 1.0)), out=label)
    return picture, lines


def _dots(page: Page, scale: float, area: np.ndarray, covered: np.ndarray, corner: tuple[int, int]) -> None:
    """A dot each millimetre, as wide as three minor lines."""
    style = page.style
    wide = 3.0 * style.minor_width
    x0, y0 = corner
    height, width = covered.shape
    columns = share_covered([x - x0 / scale for x, _ in page.vertical], wide, scale, width)
    rows = share_covered([y - y0 / scale for y, _ in page.horizontal], wide, scale, height)
    whole = min(wide * scale, 1.0) ** 2
    ink = np.array(style.major, dtype=np.float32)
    for y in np.flatnonzero(rows).tolist():
        share = (rows[y] * columns).astype(np.float32)
        area[y] = np.round(area[y] + share[:, None] * (ink - area[y]))
        covered[y] = np.round(255 * np.minimum(share / whole, 1.0))


def cover_lines(lines: list[tuple[np.ndarray, float]], scale: float, shape: tuple[int, int]) -> np.ndarray:
    """Share of each pixel that lines cover: uint8 (H, W).

    lines  points (N, 2) in mm, and the width in mm
    """
    layer = np.zeros(shape, dtype=np.uint8)
    for points, width in lines:
        at = points * scale
        edge = width * scale / 2 + 2
        low = np.maximum(np.floor(at.min(axis=0) - edge), 0).astype(int)
        high = np.minimum(np.ceil(at.max(axis=0) + edge), (shape[1], shape[0])).astype(int)
        if (low >= high).any():
            continue
        across, down = high - low
        fine = np.zeros((down * _FINE, across * _FINE), dtype=np.uint8)
        placed = np.round(((at - low) * _FINE - 0.5) * (1 << _SHIFT)).astype(np.int32)
        thickness = max(round(width * scale * _FINE), 1)
        cv2.polylines(fine, [placed[:, None, :]], False, 255, thickness, cv2.LINE_8, _SHIFT)
        part = layer[low[1] : high[1], low[0] : high[0]]
        np.maximum(part, cv2.resize(fine, (across, down), interpolation=cv2.INTER_AREA), out=part)
    return layer


def _cover_words(page: Page, scale: float, shape: tuple[int, int]) -> tuple[np.ndarray, tuple]:
    style, layer, boxes = page.style, np.zeros(shape, dtype=np.uint8), []
    for word in page.words:
        font = style.name_font if word.role == "name" and style.name_font else style.font
        letters, x, y = word_coverage(word.text, font, round(word.size * scale, 2))
        left, top = round(word.x * scale - x), round(word.y * scale - y)
        inked = np.argwhere(letters > 127)
        if len(inked):
            (up, first), (down, last) = inked.min(axis=0), inked.max(axis=0)
            boxes.append((word, left + first - 0.5, top + up - 0.5, left + last + 0.5, top + down + 0.5))
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + letters.shape[1], shape[1]), min(top + letters.shape[0], shape[0])
        if x0 < x1 and y0 < y1:
            part = layer[y0:y1, x0:x1]
            np.maximum(part, letters[y0 - top : y1 - top, x0 - left : x1 - left], out=part)
    return layer, tuple(boxes)


def lay_ink(picture: np.ndarray, coverage: np.ndarray, ink: Colour) -> None:
    """Blend ink into a picture where it is covered, in place."""
    rows, columns = np.nonzero(coverage)
    share = coverage[rows, columns].astype(np.float32)[:, None] / 255
    under = picture[rows, columns].astype(np.float32)
    picture[rows, columns] = np.round(under + share * (np.array(ink, dtype=np.float32) - under))


def draw_page(page: Page) -> Layers:
    """Draw a page at its style's resolution; a point (x, y) mm lies at pixel (x, y) * dpi / 25.4 - 0.5."""
    style = page.style
    scale = style.dpi / 25.4
    picture, grid = draw_grid(page, scale)
    shape = grid.shape
    by_role: dict[bool, list[tuple[np.ndarray, float]]] = {True: [], False: []}
    for stroke in page.strokes:
        by_role[stroke.role == "trace"].append((stroke.points, stroke.width))
    trace, mark = (cover_lines(by_role[role], scale, shape) for role in (True, False))
    text, boxes = _cover_words(page, scale, shape)
    lay_ink(picture, np.maximum(trace, mark), style.ink)
    lay_ink(picture, text, style.text_ink or style.ink)
    return Layers(picture, grid, trace, mark, text, boxes)


def trace_threshold(style: PageStyle) -> int:
    """Coverage from which a pixel is trace: half of it, or half the line's width where that is under a pixel."""
    return round(255 * min(0.5, 0.5 * style.trace_width * style.dpi / 25.4))


def label_layers(
    style: PageStyle, grid: np.ndarray, trace: np.ndarray, mark: np.ndarray, text: np.ndarray
) -> np.ndarray:
    """Labels uint8 (H, W) from coverage: what is drawn later wins, the trace over everything."""
    labels = np.zeros(grid.shape, dtype=np.uint8)
    limit = trace_threshold(style)
    labels[grid >= 128] = GRID
    labels[text >= 96] = TEXT
    labels[mark >= limit] = MARK
    labels[trace >= limit] = TRACE
    return labels
