"""A PDF page as lines in millimetres: rotation, boxes, forms and matrices end where a viewer shows them."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg import pdf_paths
from scartools.ecg.pdf_paths import MM_PER_POINT, read_drawn_pages, render_page
from scartools.errors import InputError
from tests.unit.ecg.drawn_page import write_pdf

BOX = "0 0 200 100"


def page_of(tmp_path, content, **options):
    return next(iter(read_drawn_pages(write_pdf(tmp_path / "a.pdf", content, **options))))


@pytest.mark.parametrize(
    ("rotate", "seen", "size"),
    [
        (0, [[30, 90], [50, 70]], (200, 100)),  # y down from the top
        (90, [[10, 30], [30, 50]], (100, 200)),
        (180, [[170, 10], [150, 30]], (200, 100)),
        (270, [[90, 170], [70, 150]], (100, 200)),
    ],
)
def test_the_rotation_of_a_page_is_honoured(tmp_path, rotate, seen, size):
    page = page_of(tmp_path, "30 10 m 50 30 l S", rotate=rotate, box=BOX)
    np.testing.assert_allclose(page.polylines[0].points, np.array(seen) * MM_PER_POINT, atol=1e-5)
    np.testing.assert_allclose(page.size_mm, np.array(size) * MM_PER_POINT, atol=1e-5)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_line_lies_where_the_picture_shows_it(tmp_path, rotate):
    path = write_pdf(tmp_path / "a.pdf", "0 0 0 RG 4 w 30 10 m 60 10 l S", rotate=rotate, box="5 3 205 103")
    points = next(iter(read_drawn_pages(path))).polylines[0].points / MM_PER_POINT
    picture = render_page(path, 0, 400)  # two pixels a point
    rows, columns = np.nonzero(picture.min(axis=2) < 100)
    drawn = np.array([columns.mean() + 0.5, rows.mean() + 0.5]) / 2
    np.testing.assert_allclose(points.mean(axis=0), drawn, atol=0.3)


def test_a_box_that_does_not_begin_at_zero_is_taken_off(tmp_path):
    page = page_of(tmp_path, "30 10 m 50 30 l S", box="10 5 210 105")
    np.testing.assert_allclose(
        page.polylines[0].points, np.array([[20, 95], [40, 75]]) * MM_PER_POINT, atol=1e-5
    )


def test_matrices_of_page_and_form_are_applied(tmp_path):
    page = page_of(tmp_path, "q 2 0 0 3 1 2 cm /X1 Do Q", form="q 1 0 0 2 0 0 cm 5 6 m 7 8 l S Q", box=BOX)
    # (5, 6) -> (5, 12) -> the form's own +10 +20 -> (15, 32) -> (2 * 15 + 1, 3 * 32 + 2)
    seen = [[31, 100 - 98], [35, 100 - 110]]
    np.testing.assert_allclose(page.polylines[0].points, np.array(seen) * MM_PER_POINT, atol=1e-4)


def test_pieces_that_go_on_are_joined_and_others_are_not(tmp_path):
    content = "0 0 m 10 10 l S 10 10 m 20 0 l S 20 0.1 m 30 5 l S 1 0 0 RG 30 5 m 40 5 l S"
    assert [len(line.points) for line in page_of(tmp_path, content).polylines] == [3, 2, 2]


def test_filled_shapes_and_curves_are_no_lines(tmp_path):
    page = page_of(tmp_path, "0 0 m 10 0 l 10 10 l f 50 50 m 60 60 70 60 80 50 c S")
    assert page.polylines == ()


def test_words_stand_where_they_are_printed(tmp_path):
    page = page_of(tmp_path, "BT /F1 10 Tf 1 0 0 1 40 60 Tm (aVR) Tj ET", box=BOX)
    (word,) = page.words
    assert word.text == "aVR"
    assert word.box[0] == pytest.approx(40 * MM_PER_POINT, abs=0.5)
    assert word.box[3] == pytest.approx(40 * MM_PER_POINT, abs=0.5)  # the baseline is 40 points below the top


def test_a_page_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(pdf_paths, "MAX_SEGMENTS", 10)
    with pytest.raises(InputError, match="more than"):
        page_of(tmp_path, "0 0 m " + "1 1 l " * 50 + "S")
    monkeypatch.setattr(pdf_paths, "MAX_OBJECTS", 3)
    with pytest.raises(InputError, match="objects"):
        page_of(tmp_path, "0 0 m 1 1 l S " * 5)


def test_a_form_that_draws_itself_is_refused(tmp_path):
    with pytest.raises(InputError, match="nested"):
        page_of(tmp_path, "/X1 Do 5 5 m 6 6 l S", form="/X1 Do")
