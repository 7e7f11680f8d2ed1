"""From a page as it lies in a file, a picture or a PDF, to its reading, with what a person gave put first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from scartools.ecg.pdf_paths import MM_PER_POINT, DrawnPage, render_page
from scartools.ecg.reading import Box, PageReading
from scartools.errors import InputError

NAME_ONE = "Read one with --page N into a record of its own"
SCAN_SHARE = 0.3  # a picture over this share of a PDF page without traces is a scan of it
SHOWN_EDGE_PX = 2200  # longer edge of a drawn page in overlay and redacted copy: 7.4 px a mm of A4


@dataclass(frozen=True)
class Given:
    """What a person says about one page; None where the page speaks for itself.

    rotate_deg  turn that makes the page upright, anticlockwise
    boxes       where the leads lie, in pixels of the page as given
    rename      lead as printed to lead as it is: exchanged electrodes, a name that was misread
    verdict     accept: a look at the page outweighs its checks; refuse: the page is not to be used
    page        which page of the file, from 1
    """

    layout: str | None = None
    speed_mm_s: float | None = None
    gain_mm_mv: float | None = None
    rotate_deg: float = 0.0
    boxes: tuple[Box, ...] | None = None
    rename: tuple[tuple[str, str], ...] = ()
    verdict: Literal["accept", "refuse"] | None = None
    page: int | None = None

    def facts(self) -> dict[str, Any]:
        """Return what was given, with the keys of a sidecar; empty where nothing was."""
        boxes = None if self.boxes is None else [described_box(box) for box in self.boxes]
        said = {
            "Layout": self.layout,
            "PaperSpeed": self.speed_mm_s,
            "Gain": self.gain_mm_mv,
            "RotateDegrees": self.rotate_deg or None,
            "Boxes": boxes,
            "Rename": dict(self.rename) or None,
            "Status": self.verdict,
            "Page": self.page,
        }
        return {key: value for key, value in said.items() if value is not None}


@dataclass(frozen=True)
class Seen:
    """A reading, and its pages as pictures with the pixels for one unit of `trace_px`."""

    reading: PageReading
    pictures: tuple[np.ndarray, ...]
    scales: tuple[float, ...]


def described_box(box: Box) -> dict[str, Any]:
    """Return a box with the keys of a sidecar."""
    edges = [round(float(edge), 2) for edge in (box.left, box.top, box.right, box.bottom)]
    start = None if box.start_s is None else round(float(box.start_s), 4)
    return {"Lead": box.lead, "RhythmStrip": box.rhythm, "StartTime": start, "Edges": edges}


def page_index(pages: int, given: Given) -> int | None:
    """Return the index of the page that a person names, None where none is named.

    Raises InputError where the file of so many pages has no such page.
    """
    if given.page is None:
        return None
    if given.page > pages:
        raise InputError(f"has {pages} page{'s' * (pages > 1)} and no page {given.page}", remedy="Mend --page")
    return given.page - 1


def one_scan(pages: int, given: Given) -> int:
    """Return the index of the scan to read of a file of so many; InputError where there is a choice and none is made."""
    index = page_index(pages, given)
    if index is None and pages > 1:
        raise InputError(f"holds {pages} scanned pages", remedy=NAME_ONE)
    return index or 0


def read_picture_page(picture: np.ndarray, given: Given) -> Seen:
    """Read a page from its pixels, uint8 (H, W, 3), RGB, turned first where a person says so.

    Raises InputError, with the reason, for a page that cannot be read with confidence.
    """
    # a drawn page needs none of them, and they bring OpenCV and scipy
    from scartools.ecg.page_boxes import affine_back, moved_boxes
    from scartools.ecg.page_turn import turn_picture
    from scartools.ecg.raster import read_raster_page

    quarters = 90.0 * round(given.rotate_deg / 90)
    rest = given.rotate_deg - quarters
    turned, to_page = turn_picture(picture, rest)
    boxes = given.boxes
    if boxes is not None and rest:
        boxes = tuple(moved_boxes(boxes, affine_back(to_page)))
    reading = read_raster_page(
        turned,
        layout=given.layout,
        speed_mm_s=given.speed_mm_s,
        gain_mm_mv=given.gain_mm_mv,
        rotate_deg=quarters,
        boxes=boxes,
    )
    if rest:
        strips = tuple(
            replace(strip, trace_px=strip.trace_px @ to_page[:, :2].T + to_page[:, 2])
            for strip in reading.strips
        )
        reading = replace(reading, strips=strips, pulses_px=())
    return Seen(reading, (picture,), (1.0,))


def read_pdf(
    path: Path,
    pages: Sequence[DrawnPage],
    given: Given,
    *,
    draw: bool,
    most_pixels: int,
    least_edge: int,
) -> Seen:
    """Read the pages of a PDF: from the drawing where it draws traces, else from the scan that it wraps.

    draw         pictures of drawn pages are wanted
    most_pixels  of a scan; least_edge: pixels of its longer edge
    """
    from scartools.ecg.vector_page import is_drawn, read_vector_pages

    index = page_index(len(pages), given)
    first = index or 0
    chosen = list(pages) if index is None else [pages[index]]
    drawn = [number for number, page in enumerate(chosen, start=first) if is_drawn(page)]
    scans = [
        number for number, page in enumerate(chosen, start=first) if _is_scan(page) and number not in drawn
    ]
    if not drawn:
        edge = _edge_of_scan(pages[_only(scans)], most_pixels, least_edge)
        return read_picture_page(render_page(path, scans[0], edge), given)
    if scans:
        raise InputError(
            f"draws its ECG on page {drawn[0] + 1} and wraps a scan on page {scans[0] + 1}", remedy=NAME_ONE
        )
    for option, value in (("--boxes", given.boxes), ("--rotate", given.rotate_deg or None)):
        if value is not None:
            raise InputError(
                "draws its traces, which are read from the drawing",
                remedy=f"Leave {option} out: it is for pictures",
            )
    reading = read_vector_pages(
        chosen, layout=given.layout, speed_mm_s=given.speed_mm_s, gain_mm_mv=given.gain_mm_mv
    )
    shown = range(max(strip.page for strip in reading.strips) + 1) if draw else ()
    points = [max(chosen[number].size_mm) / MM_PER_POINT for number in shown]
    pictures = tuple(render_page(path, first + number, SHOWN_EDGE_PX) for number in shown)
    return Seen(reading, pictures, tuple(SHOWN_EDGE_PX / edge for edge in points))


def _is_scan(page: DrawnPage) -> bool:
    return page.image is not None and page.image[0] >= SCAN_SHARE


def _only(scans: Sequence[int]) -> int:
    if not scans:
        raise InputError(
            "is a PDF that holds neither drawn traces nor a scan", remedy="Give the page of the recording"
        )
    if len(scans) > 1:
        raise InputError(f"is a PDF that holds {len(scans)} scanned pages", remedy=NAME_ONE)
    return scans[0]


def _edge_of_scan(page: DrawnPage, most_pixels: int, least_edge: int) -> int:
    """Return the pixels of the longer edge of a scanned page at the scan's own resolution."""
    (share, longest), (width, height) = page.image or (1.0, 0), page.size_mm
    edge = longest / min(share, 1.0) ** 0.5
    largest = (most_pixels * max(width, height) / min(width, height)) ** 0.5
    if edge < least_edge or edge > largest:
        raise InputError(
            f"wraps a scan of {edge:.0f} pixels along its longer edge", remedy="Scan at 200 to 300 dpi"
        )
    return round(edge)
