"""Read a paper ECG, a PDF or a picture, into a 12-lead record.

A PDF that draws its traces is read from the drawing itself: every sample where the printer placed it, no pixel
involved. A picture, or a PDF that only wraps a scan, is read from its pixels. Then the page is asked whether it
agrees with itself; a page that does not is refused, or written with a warning where a look at it is enough.

INPUT FILES

PAGE may have several pages in one PDF if they are one recording (six leads a page, for instance). Leads beyond the
twelve (V3R, V7 ...) are left out and named in the sidecar.

OUTPUT FILES

RECORD.hea with RECORD.dat: 12 leads at 500 Hz, mV, on the clock of the page; absent where nothing is printed (a
3 x 4 page holds 2.5 s a lead and 10 s of its rhythm lead). Where a lead is printed twice the rhythm strip is taken
and the column serves as a check. Zero is the foot of the calibration pulse where every row has one, else the
median of the trace: the place of a trace on paper is no signal.

RECORD.json says how the page was read: SourceKind (vector, raster), PxPerMm (points for a vector page), PaperSpeed
(mm/s), Gain (mm/mV), Layout, Found (printed, measured, given or assumed, for each of them), Checks with value,
limit and outcome, Status, and the Quality of each lead: StartTime, Duration, DrawnRate, Coverage, Gaps, and Noise
(uV). No text of the page is written anywhere. The overlay is a picture of the page and shows what is printed on
it, names included: keep it where the page may be kept.

NOTES

Checks. einthoven: II = I + III; goldberger: aVR + aVL + aVF = 0; goldberger_ii: aVF - aVR = 3/2 II; goldberger_avl:
aVL = (I - III) / 2, where they share time. Each is the SD of what is left, as a share of the leads' own size; with
_gross it is the same number against the limit that refuses. rhythm_correlation and rhythm_amplitude compare a
rhythm strip with the column of the same lead. pulse_height compares the calibration pulse with the gain.
beats_shared and heart_rate_ratio ask whether beats fall together. Others ask for plausible amplitudes and rates,
gaps, and scales that nothing on the page speaks for. A check that a page cannot answer is null. On a 3 x 4 page
nothing tells I from III, nor one chest lead from another, but the printed names.

Status. accepted: every answer is as it should be. needs_review: written, with a warning; with --strict refused.
refused: nothing is written, the failed checks are named in the error, and --json prints them all.

The paper speed is 25 mm/s and the gain 10 mm/mV only where the page prints nothing else and no pulse contradicts;
Found then says assumed. --speed and --gain win over what is printed.

Samples at another rate than 500 Hz are resampled by a natural cubic spline through them; samples that are on the
clock already are copied. Points that are not evenly spaced are first joined by the lines that the page draws.

EXAMPLES

    scartools digitize-ecg cohort/ecg/sim-0001-ecg1.pdf -o ecg.hea
    scartools digitize-ecg cohort/ecg/sim-0001-ecg1.pdf --overlay seen.png --strict -o seen.hea

REFERENCES

Einthoven W et al. Arch ges Physiol 1913;150:275. doi:10.1007/BF01697566

Goldberger E. Am Heart J 1942;23:483. doi:10.1016/S0002-8703(42)90293-X
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scartools.cli.contracts import Kind, Reads, Writes
from scartools.cli.options import Force, Output

if TYPE_CHECKING:
    import numpy as np

    from scartools.ecg.pdf_paths import DrawnPage
    from scartools.ecg.reading import Check, PageReading
    from scartools.files.page import PageFile

KIND: Kind = "exact"
MAX_PDF_PAGES = 30  # a recording has one to three
SCAN_SHARE = 0.3  # a picture over this share of a PDF page without traces is a scan of it
OVERLAY_EDGE_PX = 2200
log = logging.getLogger(__name__)

PageArgument = Annotated[Path, typer.Argument(metavar="PAGE", help="Page of a paper ECG."), Reads("page")]
Overlay = Annotated[
    Path | None,
    typer.Option(
        "--overlay", metavar="FILE.png", help="Also draw what was read over the page; beside the record."
    ),
]
Layout = Annotated[
    str | None,
    typer.Option(
        "--layout", metavar="ROWSxCOLUMNS[+STRIPS]", help="What the page is, as 3x4+1 or 12x1; found otherwise."
    ),
]
Speed = Annotated[
    float | None,
    typer.Option("--speed", metavar="MM/S", min=5, max=200, help="Paper speed; wins over what is printed."),
]
Gain = Annotated[
    float | None,
    typer.Option("--gain", metavar="MM/MV", min=1, max=100, help="Gain; wins over what is printed."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse what would need a review.")]


def digitize_ecg(
    page: PageArgument,
    output: Annotated[Output, Writes("record")],
    overlay: Overlay = None,
    layout: Layout = None,
    speed: Speed = None,
    gain: Gain = None,
    strict: Strict = False,
    force: Force = False,
) -> dict[str, Any]:
    """Inspect the file, read the page, check it against itself, write the record."""
    from scartools.ecg.assemble import RESAMPLING, assemble, upright
    from scartools.ecg.page_checks import checked, status_of
    from scartools.errors import concerning
    from scartools.files.page import inspect
    from scartools.files.record import Record, write_record

    _check_options(output, overlay, layout)
    file = inspect(page)
    with concerning(page):
        reading, pictures, scales = _read(page, file, layout, speed, gain, draw=overlay is not None)
        reading = checked(upright(reading))
        status = status_of(reading.checks)
        facts = {**_facts(reading), "Status": status, "Resampling": RESAMPLING}
        _refuse(page, status, reading.checks, facts, strict)
        leads = assemble(reading)
    facts["Quality"] = leads.quality
    if status == "needs_review":
        log.warning("%s: needs a review: %s", page, _failures(reading.checks))
    companions = {overlay.name: _overlay(pictures, reading, scales)} if overlay is not None else None
    record = Record(leads.signals, leads.rate, facts, (file.source,))
    write_record(output, record, companions=companions, force=force)
    log.info("%s: %s, %s, layout %s", output, status, reading.source_kind, reading.layout)
    return {"Output": str(output), **facts}


def _check_options(output: Path, overlay: Path | None, layout: str | None) -> None:
    from scartools.errors import UsageError

    if layout is not None and not re.fullmatch(r"[1-9][0-9]?x[1-9](\+[1-9])?", layout):
        raise UsageError(f"--layout {layout!r} is no layout", remedy="For instance 3x4+1, 6x2 or 12x1")
    if overlay is None:
        return
    if overlay.suffix != ".png" or overlay.name == ".png":
        raise UsageError(f"--overlay {overlay} is not named *.png", remedy="The overlay is a PNG")
    if overlay.parent.resolve() != output.parent.resolve():
        raise UsageError(
            f"--overlay {overlay} is not in the folder of the record", remedy=f"Put it into {output.parent}"
        )


def _read(
    path: Path, file: PageFile, layout: str | None, speed: float | None, gain: float | None, *, draw: bool
) -> tuple[PageReading, list[np.ndarray], list[float]]:
    """Return the reading, and for the overlay its pages as pictures with pixels for one unit of `trace_px`."""
    from scartools.ecg.pdf_paths import MM_PER_POINT, read_drawn_pages, render_page
    from scartools.ecg.vector_page import is_drawn, read_vector_pages
    from scartools.errors import InputError
    from scartools.files.page import read_picture

    if file.kind != "pdf":
        picture = read_picture(path)
        return _read_raster(picture, layout, speed, gain), [picture], [1.0]
    if file.pages > MAX_PDF_PAGES:
        raise InputError(f"has {file.pages} pages, over the limit of {MAX_PDF_PAGES}", remedy="Split it")
    pages = list(read_drawn_pages(path))
    if not any(is_drawn(page) for page in pages):
        picture = render_page(path, *_scan_in(pages))
        return _read_raster(picture, layout, speed, gain), [picture], [1.0]
    reading = read_vector_pages(pages, layout=layout, speed_mm_s=speed, gain_mm_mv=gain)
    shown = range(max(strip.page for strip in reading.strips) + 1) if draw else ()
    points = [max(pages[number].size_mm) / MM_PER_POINT for number in shown]
    pictures = [render_page(path, number, OVERLAY_EDGE_PX) for number in shown]
    return reading, pictures, [OVERLAY_EDGE_PX / edge for edge in points]


def _read_raster(
    picture: np.ndarray, layout: str | None, speed: float | None, gain: float | None
) -> PageReading:
    """Read a page from its pixels."""
    from scartools.ecg.raster import read_raster_page

    return read_raster_page(picture, layout=layout, speed_mm_s=speed, gain_mm_mv=gain)


def _scan_in(pages: Sequence[DrawnPage]) -> tuple[int, int]:
    """Return the number of the one scanned page and the pixels of its longer edge at the scan's own resolution."""
    from scartools.errors import InputError
    from scartools.files.page import MAX_PIXELS, MIN_EDGE_PIXELS

    scans = [k for k, page in enumerate(pages) if page.image is not None and page.image[0] >= SCAN_SHARE]
    if len(scans) != 1:
        what = f"holds {len(scans)} scanned pages" if scans else "holds neither drawn traces nor a scan"
        raise InputError(f"is a PDF that {what}", remedy="Give one page of one recording")
    image, (width, height) = pages[scans[0]].image, pages[scans[0]].size_mm
    assert image is not None
    edge = image[1] / min(image[0], 1.0) ** 0.5
    largest = (MAX_PIXELS * max(width, height) / min(width, height)) ** 0.5
    if edge < MIN_EDGE_PIXELS or edge > largest:
        raise InputError(
            f"wraps a scan of {edge:.0f} pixels along its longer edge", remedy="Scan at 200 to 300 dpi"
        )
    return scans[0], round(edge)


def _facts(reading: PageReading) -> dict[str, Any]:
    names = {"px_per_mm": "PxPerMm", "speed_mm_s": "PaperSpeed", "gain_mm_mv": "Gain", "layout": "Layout"}
    return {
        "SourceKind": reading.source_kind,
        "PxPerMm": [round(float(value), 6) for value in reading.px_per_mm],
        "PaperSpeed": reading.speed_mm_s,
        "Gain": reading.gain_mm_mv,
        "Layout": reading.layout,
        "Found": {names[key]: value for key, value in reading.found.items()},
        **reading.facts,
        "Checks": [_described(check) for check in reading.checks],
    }


def _described(check: Check) -> dict[str, Any]:
    return {
        "Name": check.name,
        "Value": None if check.value is None else round(check.value, 6),
        "Least" if check.least else "Most": check.limit,
        "Units": check.unit,
        "Passed": check.passed,
        "Refuses": check.refuses,
    }


def _failures(checks: Sequence[Check]) -> str:
    """Return the failed checks with their numbers, those that refuse first."""
    failed = sorted((check for check in checks if check.passed is False), key=lambda check: not check.refuses)
    return "; ".join(
        f"{check.name} {check.value:.3g} (at {'least' if check.least else 'most'} {check.limit:g} {check.unit})"
        for check in failed
    )


def _refuse(page: Path, status: str, checks: Sequence[Check], facts: dict[str, Any], strict: bool) -> None:
    from scartools.errors import InputError

    if status == "refused" or (strict and status == "needs_review"):
        raise InputError(
            f"does not agree with itself: {_failures(checks)}",
            where=page,
            remedy="Look at the page, scan it again, or give --layout, --speed or --gain",
            facts={**facts, "Status": "refused"},
        )


def _overlay(pictures: Sequence[np.ndarray], reading: PageReading, scales: Sequence[float]) -> bytes:
    import cv2

    from scartools.ecg.page_overlay import draw_overlay

    done, packed = cv2.imencode(".png", draw_overlay(pictures, reading.strips, scales)[:, :, ::-1])
    if not done:
        raise RuntimeError("OpenCV could not encode the overlay")
    return packed.tobytes()
