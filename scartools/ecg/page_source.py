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

SCAN_SHARE = 0.3  # a picture over this share of a PDF page without traces is a scan of it
SHOWN_EDGE_PX = 2200  # longer edge of a drawn page in overlay and redacted copy: 7.4 px a mm of A4


@dataclass(frozen=True)
class Given:
    """What a person says about one page; None where the page speaks for itself.

    rotate_deg  turn that makes the page upright, anticlockwise
    boxes       where the leads lie, in pixels of the page as given
    rename      lead as printed to lead as it is: exchanged electrodes, a name that was misread
    verdict     accept: a look at the page outweighs its checks; refuse: the page is not to be used
    """

    layout: str | None = None
    speed_mm_s: float | None = None
    gain_mm_mv: float | None = None
    rotate_deg: float = 0.0
    boxes: tuple[Box, ...] | None = None
    rename: tuple[tuple[str, str], ...] = ()
    verdict: Literal["accept", "refuse"] | None = None

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

    if not any(is_drawn(page) for page in pages):
        return read_picture_page(render_page(path, *_scan_in(pages, most_pixels, least_edge)), given)
    for option, value in (("--boxes", given.boxes), ("--rotate", given.rotate_deg or None)):
        if value is not None:
            raise InputError(
                "draws its traces, which are read from the drawing",
                remedy=f"Leave {option} out: it is for pictures",
            )
    reading = read_vector_pages(
        list(pages), layout=given.layout, speed_mm_s=given.speed_mm_s, gain_mm_mv=given.gain_mm_mv
    )
    shown = range(max(strip.page for strip in reading.strips) + 1) if draw else ()
    points = [max(pages[number].size_mm) / MM_PER_POINT for number in shown]
    pictures = tuple(render_page(path, number, SHOWN_EDGE_PX) for number in shown)
    return Seen(reading, pictures, tuple(SHOWN_EDGE_PX / edge for edge in points))


def _scan_in(pages: Sequence[DrawnPage], most_pixels: int, least_edge: int) -> tuple[int, int]:
    """Return the number of the one scanned page and the pixels of its longer edge at the scan's own resolution."""
    scans = [k for k, page in enumerate(pages) if page.image is not None and page.image[0] >= SCAN_SHARE]
    if len(scans) != 1:
        what = f"holds {len(scans)} scanned pages" if scans else "holds neither drawn traces nor a scan"
        raise InputError(f"is a PDF that {what}", remedy="Give one page of one recording")
    image, (width, height) = pages[scans[0]].image, pages[scans[0]].size_mm
    assert image is not None
    edge = image[1] / min(image[0], 1.0) ** 0.5
    largest = (most_pixels * max(width, height) / min(width, height)) ** 0.5
    if edge < least_edge or edge > largest:
        raise InputError(
            f"wraps a scan of {edge:.0f} pixels along its longer edge", remedy="Scan at 200 to 300 dpi"
        )
    return scans[0], round(edge)
