"""Styles: every layout at every scale lies on its paper, in the clinical order, and is drawn as the style says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scartools.ecg.reading import LEADS
from scartools.errors import InputError, UsageError
from scartools.simulation.page import Page, crop_page, grid_box, sample_points, tight_crop
from scartools.simulation.page_fonts import FONTS, word_coverage
from scartools.simulation.page_picture import GRID, TEXT, TRACE, draw_page, label_layers
from scartools.simulation.page_styles import GRIDS, LAYOUTS, LOOKS, VENDORS, draw_style, page_style
from scartools.simulation.paper import PageStyle, lay_out, to_pdf, to_picture


def recording() -> np.ndarray:
    clock = np.arange(5000) / 500
    return np.stack([0.4 * np.sin(2 * np.pi * (0.7 + 0.1 * k) * clock + k) for k in range(12)])


def labels_of(page: Page) -> np.ndarray:
    layers = draw_page(page)
    return label_layers(page.style, layers.grid, layers.trace, layers.mark, layers.text)


@pytest.mark.parametrize("speed", [25.0, 50.0])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_holds_its_leads_within_the_grid(layout: str, speed: float) -> None:
    for gain in (5.0, 10.0, 20.0):
        page = lay_out(recording(), page_style(layout, speed=speed, gain=gain))
        printed = [trace.lead for trace in page.traces if not trace.rhythm]
        due = LEADS[:6] if layout == "6x1" else LEADS
        assert sorted(printed) == sorted(due)
        assert sum(trace.rhythm for trace in page.traces) == int(layout.partition("+")[2] or 0)
        left, top, right, bottom = grid_box(page.style)
        for points in sample_points(page):
            assert left < points[:, 0].min() and points[:, 0].max() < right
            assert top < points[:, 1].min() and points[:, 1].max() < bottom
        # a sample is speed / 500 mm wide, a millivolt `gain` mm high
        trace, points = page.traces[0], sample_points(page)[0]
        assert np.diff(points[:, 0]) == pytest.approx(speed / 500)
        lead = recording()[LEADS.index(trace.lead), trace.first : trace.first + trace.count]
        assert (trace.y - points[:, 1]) / gain == pytest.approx(lead)


def test_cabrera_pages_print_avr_upside_down() -> None:
    page = lay_out(recording(), page_style("12x1", cabrera=True))
    assert [trace.lead for trace in page.traces[:6]] == ["aVL", "I", "-aVR", "II", "aVF", "III"]
    turned, points = page.traces[2], sample_points(page)[2]
    assert (turned.y - points[:, 1]) / 10.0 == pytest.approx(-recording()[LEADS.index("aVR")])
    rows = page_style("3x4", cabrera=True).rows
    assert rows == (("aVL", "II", "V1", "V4"), ("I", "aVF", "V2", "V5"), ("-aVR", "III", "V3", "V6"))


def test_the_second_page_of_six_rows_holds_the_chest_leads() -> None:
    page = lay_out(recording(), page_style("6x1", part=1))
    assert [trace.lead for trace in page.traces] == list(LEADS[6:])


def test_simultaneous_columns_all_begin_with_the_recording() -> None:
    page = lay_out(recording(), page_style("3x4+1", simultaneous=True))
    assert {trace.first for trace in page.traces} == {0}
    assert {trace.count for trace in page.traces if not trace.rhythm} == {1250}
    assert len({trace.x for trace in page.traces}) == 4


def test_chest_leads_have_their_own_gain_and_the_pulse_shows_both() -> None:
    page = lay_out(recording(), page_style("3x4", gain=10.0, chest_gain=5.0))
    assert {trace.gain for trace in page.traces if trace.lead.startswith("V")} == {5.0}
    pulse = next(stroke for stroke in page.strokes if stroke.role == "pulse")
    baseline = pulse.points[0, 1]
    assert sorted(set((baseline - pulse.points[:, 1]).round(6))) == [0.0, 5.0, 10.0]
    assert any("10/5 mm/mV" in word.text for word in page.words)


@pytest.mark.parametrize(
    ("pulse", "count"), [("rows", 6), ("right", 6), ("columns", 12), ("once", 1), ("none", 0)]
)
def test_pulses_stand_where_the_style_says(pulse: str, count: int) -> None:
    page = lay_out(recording(), page_style("6x2", pulse=pulse))
    pulses = [stroke.points for stroke in page.strokes if stroke.role == "pulse"]
    assert len(pulses) == count
    for points in pulses:
        assert np.ptp(points[:, 1]) == pytest.approx(10.0)
        for trace, samples in zip(page.traces, sample_points(page), strict=True):
            if abs(trace.y - points[0, 1]) < 1e-9:  # no pulse runs into a trace of its row
                assert points[:, 0].max() < samples[0, 0] or points[:, 0].min() > samples[-1, 0]


def test_the_pen_has_a_reach() -> None:
    page = lay_out(4.0 * recording(), page_style("6x1", clip=12.0))
    for trace, stroke, points in zip(
        page.traces, [s for s in page.strokes if s.role == "trace"], sample_points(page), strict=True
    ):
        assert np.abs(stroke.points[:, 1] - trace.y).max() == pytest.approx(12.0)
        lost = np.isnan(points[:, 1])
        signal = 4.0 * recording()[LEADS.index(trace.lead)]
        np.testing.assert_array_equal(lost, np.abs(signal) >= 1.2)


@pytest.mark.parametrize("look", LOOKS)
def test_grid_looks(look: str) -> None:
    page = lay_out(recording(), page_style("3x4", grid=f"green {look}", dpi=127, separator=0.0))
    labels = labels_of(page)
    left, top, _, _ = grid_box(page.style)
    per_mm = 5.0
    on_line = labels[
        round((top + 2.5) * per_mm) :: 25, round((left + 3) * per_mm)
    ]  # a minor line, between crossings
    on_major = labels[round((top + 2.5) * per_mm), round((left + 5) * per_mm)]
    assert (on_line == GRID).any() == (look == "lines")
    assert (on_major == GRID) == (look != "none")
    assert (labels == GRID).any() == (look != "none")


def test_trace_labels_are_the_pixels_that_the_trace_covers_by_half() -> None:
    style = replace(page_style("6x1", grid="none", dpi=254, scales=""), trace_width=0.4, pulse="none")
    flat = lay_out(np.zeros((12, 5000)), style)
    labels = labels_of(flat)
    for trace in flat.traces:
        column = round((trace.x + 100.0) * 10)
        rows = np.flatnonzero(labels[:, column] == TRACE)
        near = rows[np.abs(rows - trace.y * 10) < 30]
        assert len(near) in (4, 5)  # 0.4 mm at 10 pixels a mm
        assert near.mean() + 0.5 == pytest.approx(trace.y * 10, abs=0.5)


def test_thin_lines_at_low_resolution_stay_whole() -> None:
    page = lay_out(np.zeros((12, 5000)), replace(page_style("6x1", dpi=72, scales=""), trace_width=0.2))
    labels, scale = labels_of(page), 72 / 25.4
    for trace in page.traces:
        columns = np.arange(round(trace.x * scale) + 2, round((trace.x + 249.0) * scale))
        rows = np.arange(round(trace.y * scale) - 2, round(trace.y * scale) + 3)
        assert (labels[np.ix_(rows, columns)] == TRACE).any(axis=0).all()


def test_drawn_styles_differ_and_the_same_seed_draws_the_same() -> None:
    styles = [draw_style(np.random.default_rng(seed)) for seed in range(60)]
    assert styles[3] == draw_style(np.random.default_rng(3))
    assert len({style.rows for style in styles}) >= 5 and len({style.pulse for style in styles}) == 5
    assert len({style.font for style in styles}) > 8 and len({style.grid_look for style in styles}) == 4
    for style in styles:
        assert lay_out(recording(), style).traces
    assert all(draw_style(np.random.default_rng(seed), layout="6x2").rows[0][1] == "V1" for seed in range(5))


def test_a_crop_moves_everything_alike() -> None:
    whole = lay_out(recording(), page_style("3x4+1", dpi=127))
    part = crop_page(whole, 40.0, 20.0, 120.0, 80.0)
    picture = draw_page(part).picture
    assert picture.shape == (300, 400, 3)
    assert np.abs(picture.astype(int) - draw_page(whole).picture[100:400, 200:600]).mean() < 0.5
    for before, after in zip(sample_points(whole), sample_points(part), strict=True):
        assert before - after == pytest.approx(np.broadcast_to([40.0, 20.0], before.shape))


def test_a_tight_crop_keeps_every_sample_s_time() -> None:
    page = lay_out(recording(), page_style("3x4+1"))
    for seed in range(5):
        part = tight_crop(page, np.random.default_rng(seed))
        assert part.style.width < page.style.width and part.style.height < page.style.height
        for points in sample_points(part):
            assert points[:, 0].min() > 0 and points[:, 0].max() < part.style.width


@pytest.mark.parametrize("font", FONTS)
def test_fonts_draw_letters_of_their_size(font: str) -> None:
    letters, x, y = word_coverage("aVR", font, 30.0)
    rows = np.flatnonzero((letters > 127).any(axis=1))
    assert 14 <= np.ptp(rows) <= 32
    assert rows[-1] == pytest.approx(y, abs=3)  # it stands on its line
    other, _, _ = word_coverage("aVF", font, 30.0)
    assert letters.shape != other.shape or (letters != other).any()
    assert 0 <= x < 30


def test_words_are_labelled_and_written_out_in_the_looks_of_all_vendors() -> None:
    for vendor in VENDORS:
        style = page_style("3x4+1", vendor, dpi=100, numbers=np.random.default_rng(1))
        page = lay_out(recording(), style)
        layers = draw_page(page)
        labels = label_layers(style, layers.grid, layers.trace, layers.mark, layers.text)
        assert (labels == TEXT).sum() > 400
        for word, left, top, right, bottom in layers.boxes:
            assert 0 <= left < right <= labels.shape[1] and 0 <= top < bottom <= labels.shape[0], word
        assert sum(word.role == "name" for word in page.words) == 13


def test_other_styles_are_drawn_by_the_picture_and_the_pdf_too() -> None:
    page = lay_out(recording(), page_style("6x2", "kit", dpi=100))
    np.testing.assert_array_equal(to_picture(page), draw_page(page).picture)
    assert to_pdf(page).startswith(b"%PDF")


def test_what_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="4x4"):
        page_style("4x4")
    with pytest.raises(UsageError, match="nobody"):
        page_style(vendor="nobody")
    for grid in ("violet", "red green", "dotted none", ""):
        with pytest.raises(UsageError, match="no grid"):
            page_style(grid=grid or " ")
    with pytest.raises(InputError, match="font"):
        word_coverage("II", "comic", 20.0)
    assert set(GRIDS) >= {"red", "pink", "orange", "green", "blue", "grey", "salmon"}
    assert isinstance(page_style(), PageStyle)
