"""Pages: every sample where the description says, in the PDF's paths, in its text layer and in the picture."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
import pytest

from scartools.ecg.reading import LEADS
from scartools.errors import InputError
from scartools.simulation.paper import Page, PageStyle, lay_out, to_pdf, to_picture, to_png


def recording() -> np.ndarray:
    clock = np.arange(5000) / 500
    return np.stack([0.4 * np.sin(2 * np.pi * (0.7 + 0.1 * k) * clock + k) for k in range(12)])


@pytest.fixture(scope="module")
def page() -> Page:
    return lay_out(recording())


def paths_of(data: bytes) -> list[np.ndarray]:
    """Points (N, 2) in pt of every path object of the first page, in order."""
    document = pypdfium2.PdfDocument(data)
    sheet = document[0]
    found = []
    for number in range(pdfium.FPDFPage_CountObjects(sheet.raw)):
        thing = pdfium.FPDFPage_GetObject(sheet.raw, number)
        if pdfium.FPDFPageObj_GetType(thing) != pdfium.FPDF_PAGEOBJ_PATH:
            continue
        points = []
        for k in range(pdfium.FPDFPath_CountSegments(thing)):
            x, y = ctypes.c_float(), ctypes.c_float()
            pdfium.FPDFPathSegment_GetPoint(pdfium.FPDFPath_GetPathSegment(thing, k), x, y)
            points.append((x.value, y.value))
        found.append(np.array(points))
    document.close()
    return found


def test_the_layout_is_three_by_four_and_a_strip(page: Page) -> None:
    columns = [(t.lead, t.first, t.count) for t in page.traces if not t.rhythm]
    assert columns[:4] == [("I", 0, 1250), ("aVR", 1250, 1250), ("V1", 2500, 1250), ("V4", 3750, 1250)]
    assert sorted(lead for lead, _, _ in columns) == sorted(LEADS)
    assert [(t.lead, t.first, t.count) for t in page.traces if t.rhythm] == [("II", 0, 5000)]
    style = page.style
    for trace in page.traces:
        assert trace.x == pytest.approx(style.grid_left + style.lead_in + 25.0 * trace.first / 500)
    assert sum(stroke.role == "pulse" for stroke in page.strokes) == 4
    for stroke in page.strokes:
        if stroke.role == "pulse":
            assert np.ptp(stroke.points[:, 1]) == pytest.approx(10.0)


def test_the_pdf_holds_each_lead_as_one_exact_path(page: Page) -> None:
    signals, style = recording(), page.style
    long = [path for path in paths_of(to_pdf(page)) if len(path) in (1250, 5000)]
    assert len(long) == 13
    for trace, path in zip(page.traces, long, strict=True):
        x = path[:, 0] / 72 * 25.4
        millivolts = (path[:, 1] / 72 * 25.4 - (style.height - trace.y)) / style.gain
        assert x == pytest.approx(trace.x + np.arange(trace.count) * 0.05, abs=1e-3)
        piece = signals[LEADS.index(trace.lead), trace.first : trace.first + trace.count]
        assert np.abs(millivolts - piece).max() < 1e-4


def test_the_pdf_says_its_leads_and_scales_and_nothing_else(page: Page) -> None:
    data = to_pdf(page)
    document = pypdfium2.PdfDocument(data)
    assert len(document) == 1
    assert document[0].get_size() == pytest.approx((279.4 / 25.4 * 72, 215.9 / 25.4 * 72), abs=0.01)
    words = document[0].get_textpage().get_text_bounded().split()
    assert sorted(words) == sorted([*LEADS, "II", "25", "mm/s", "10", "mm/mV"])
    assert not any(document.get_metadata_dict().values())
    document.close()
    assert data == to_pdf(lay_out(recording()))


def test_the_cross_references_point_at_their_objects(page: Page) -> None:
    data = to_pdf(page)
    start = int(data.rsplit(b"startxref\n", 1)[1].split()[0])
    assert data[start:].startswith(b"xref\n0 6\n")
    for number, line in enumerate(data[start:].splitlines()[3:8], start=1):
        assert data[int(line.split()[0]) :].startswith(f"{number} 0 obj".encode())


def test_the_picture_shows_the_samples_where_the_truth_says(page: Page) -> None:
    signals, style = recording(), page.style
    picture = to_picture(page)
    assert picture.shape == (1700, 2200, 3) and picture.dtype == np.uint8
    dark = 255.0 - picture.max(axis=2)
    scale = style.dpi / 25.4
    for trace in page.traces:
        for sample in range(200, trace.count - 100, 97):
            column = round((trace.x + 0.05 * sample) * scale - 0.5)
            at = ((column + 0.5) / scale - trace.x) / 0.05
            piece = signals[LEADS.index(trace.lead), trace.first : trace.first + trace.count]
            due = (trace.y - style.gain * np.interp(at, np.arange(trace.count), piece)) * scale - 0.5
            rows = np.arange(round(due) - 4, round(due) + 5)
            ink = np.where(dark[rows, column] > 60, dark[rows, column], 0)
            assert (ink * rows).sum() / ink.sum() == pytest.approx(due, abs=0.6)


def test_grid_lines_are_where_they_belong_and_major_ones_are_darker(page: Page) -> None:
    style, picture = page.style, to_picture(page).astype(float)
    scale = style.dpi / 25.4
    row = round((style.grid_top + 2.5) * scale)
    red = picture[row, :, 1]
    left = style.grid_left

    def ink(position: float) -> float:
        middle = round(position * scale - 0.5)
        return float((253.0 - red[middle - 2 : middle + 3]).clip(0).sum())

    major = [ink(left + 5.0 * k) for k in range(1, 50)]
    minor = [ink(left + 5.0 * k + 2.0) for k in range(1, 50)]
    assert min(major) > 1.5 * max(minor) > 0
    assert np.ptp(minor) < 0.2 * np.mean(minor)  # no line is lost between two pixels


def test_png_and_picture_are_the_same(page: Page) -> None:
    data = to_png(page)
    assert data == to_png(page)
    back = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(back[:, :, ::-1], to_picture(page))


def test_speed_and_gain_are_those_of_the_style() -> None:
    style = PageStyle(rows=(("I", "II"), ("V1", "V2")), rhythm=(), speed=12.5, gain=5.0, row_pitch=30.0)
    page = lay_out(recording(), style)
    assert [t.count for t in page.traces] == [2500] * 4
    assert page.traces[1].x - page.traces[0].x == pytest.approx(62.5)
    pulse = next(stroke for stroke in page.strokes if stroke.role == "pulse")
    assert np.ptp(pulse.points[:, 1]) == pytest.approx(5.0)
    assert any(word.text.split() == ["12.5", "mm/s", "5", "mm/mV"] for word in page.words)


def test_what_cannot_be_printed_is_refused() -> None:
    with pytest.raises(InputError, match="12 leads"):
        lay_out(np.zeros((11, 5000)))
    with pytest.raises(InputError, match="without gaps"):
        lay_out(np.full((12, 5000), np.nan))
    with pytest.raises(InputError, match="longer than the paper"):
        lay_out(recording(), replace(PageStyle(), speed=50.0))
    with pytest.raises(InputError, match="V9"):
        lay_out(recording(), replace(PageStyle(), rhythm=("V9",)))


def test_pages_on_disk_are_pages_to_the_readers(page: Page, tmp_path: Path) -> None:
    from scartools.files.page import inspect, read_picture

    (tmp_path / "a.pdf").write_bytes(to_pdf(page))
    (tmp_path / "a.png").write_bytes(to_png(page))
    assert inspect(tmp_path / "a.pdf").pages == 1
    assert read_picture(tmp_path / "a.png").shape == (1700, 2200, 3)
