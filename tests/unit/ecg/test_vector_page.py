"""Drawn pages with known signals come back to the last digit, whatever the layout, the scale and the printer's habits."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg.page_checks import checked, status_of
from scartools.ecg.pdf_paths import read_drawn_pages
from scartools.ecg.reading import LEADS, PageReading
from scartools.ecg.vector_page import read_vector_pages
from scartools.errors import InputError
from tests.unit.ecg.drawn_page import STANDARD, ecg_page, twelve_leads, write_pdf

SIGNALS = twelve_leads()
SIX = tuple((lead,) for lead in LEADS[:6])
TWELVE = tuple((lead,) for lead in LEADS)
SIX_BY_TWO = tuple(zip(LEADS[:6], LEADS[6:], strict=True))
CABRERA = (("aVL", "V1"), ("I", "V2"), ("-aVR", "V3"), ("II", "V4"), ("aVF", "V5"), ("III", "V6"))


def read(tmp_path, *contents: str, rotate: int = 0, **options) -> PageReading:
    path = write_pdf(tmp_path / "page.pdf", *contents, rotate=rotate)
    return read_vector_pages(list(read_drawn_pages(path)), **options)


def worst_error(reading: PageReading, rate: float = 500.0) -> float:
    """The largest difference from what was printed, mV."""
    worst = 0.0
    for strip in reading.strips:
        first = round(strip.start_s * rate)
        turned = -1 if strip.lead == "-aVR" else 1
        truth = turned * SIGNALS[strip.lead.removeprefix("-")][first : first + len(strip.samples)]
        assert strip.rate == rate and len(truth) == len(strip.samples)
        worst = max(worst, float(np.abs(strip.samples - truth).max()))
    return worst


@pytest.mark.parametrize(
    ("rows", "rhythm", "layout"),
    [
        (STANDARD, (), "3x4"),
        (STANDARD, ("II",), "3x4+1"),
        (STANDARD, ("V1", "II", "V5"), "3x4+3"),
        (SIX_BY_TWO, (), "6x2"),
        (SIX_BY_TWO, ("II",), "6x2+1"),
        (CABRERA, (), "6x2"),
        (TWELVE, (), "12x1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_sample_comes_back(tmp_path, rows, rhythm, layout):
    reading = read(tmp_path, ecg_page(SIGNALS, rows, rhythm))
    assert reading.layout == layout
    assert len(reading.strips) == 12 + len(rhythm)
    assert worst_error(reading) < 1e-4  # the file rounds to 0.0001 points: 0.004 uV; pdfium to float32
    assert set(reading.found.values()) <= {"printed", "measured"}


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_page_is_read_as_it_is_seen_and_not_as_it_is_stored(tmp_path, rotate):
    turned = {
        0: "1 0 0 1 0 0",
        90: "0 1 -1 0 595.276 0",
        180: "-1 0 0 -1 841.89 595.276",
        270: "0 -1 1 0 0 841.89",
    }
    box = "0 0 595.276 841.89" if rotate in (90, 270) else "0 0 841.89 595.276"
    path = write_pdf(
        tmp_path / "a.pdf", f"q {turned[rotate]} cm\n{ecg_page(SIGNALS)}\nQ", rotate=rotate, box=box
    )
    assert worst_error(read_vector_pages(list(read_drawn_pages(path)))) < 2e-4


@pytest.mark.parametrize(("speed", "gain"), [(50.0, 10.0), (25.0, 5.0), (25.0, 20.0), (12.5, 10.0)])
def test_printed_speed_and_gain_are_used(tmp_path, speed, gain):
    pages = (SIX, tuple((lead,) for lead in LEADS[6:]))
    contents = [ecg_page(SIGNALS, rows, (), speed=speed, gain=gain, seconds=5) for rows in pages]
    reading = read(tmp_path, *contents)
    assert (reading.speed_mm_s, reading.gain_mm_mv) == (speed, gain)
    assert reading.found["speed_mm_s"] == reading.found["gain_mm_mv"] == "printed"
    assert worst_error(reading) < 2e-4
    assert {strip.page for strip in reading.strips} == {0, 1}


def test_a_gain_that_is_not_printed_is_measured_on_the_pulse(tmp_path):
    reading = read(tmp_path, ecg_page(SIGNALS, gain=5, text="25 mm/s"))
    assert (reading.gain_mm_mv, reading.found["gain_mm_mv"]) == (5, "measured")
    assert worst_error(reading) < 2e-4


def test_a_page_printed_smaller_is_measured_on_its_grid(tmp_path):
    reading = read(tmp_path, ecg_page(SIGNALS, scale=0.71))
    assert reading.found["px_per_mm"] == "measured"
    assert reading.px_per_mm[0] == pytest.approx(0.71 * 72 / 25.4, rel=1e-3)
    assert worst_error(reading) < 2e-3


def test_a_row_that_is_one_path_is_cut_where_its_columns_begin(tmp_path):
    assert worst_error(read(tmp_path, ecg_page(SIGNALS, joined=True))) < 1e-4


def test_a_rhythm_strip_without_a_name_is_known_by_what_it_repeats(tmp_path):
    content = ecg_page(SIGNALS, rhythm=("V5",))
    at = content.rindex("(V5) Tj")
    reading = read(tmp_path, content[:at] + "( ) Tj" + content[at + 7 :])
    assert [strip.lead for strip in reading.strips if strip.rhythm] == ["V5"]


def test_without_names_the_usual_order_is_assumed_and_recorded(tmp_path):
    reading = read(tmp_path, ecg_page(SIGNALS, names=False))
    assert reading.found["layout"] == "assumed"
    assert worst_error(reading) < 1e-4


def test_columns_without_pulses_get_their_own_median_as_zero(tmp_path):
    reading = read(tmp_path, ecg_page(SIGNALS, pulses=False))
    assert max(abs(float(np.median(strip.samples))) for strip in reading.strips) < 1e-9
    assert reading.facts["ZeroLine"] == "median of each trace"


def test_points_that_are_not_evenly_spaced_are_read_along_the_lines(tmp_path):
    coarse = {
        lead: np.interp(np.arange(5000), np.arange(0, 5000, 10), values[::10])
        for lead, values in SIGNALS.items()
    }
    content = ecg_page(coarse, TWELVE, (), seconds=10)
    # drop every point of the drawing that lies inside a straight piece, as printers do, but not evenly
    lines = []
    for piece in content.split("\n"):
        steps = piece.removesuffix(" S").split(" l ")
        if len(steps) > 1000:
            kept = [
                step for k, step in enumerate(steps) if (k + 1) % 10 == 0 or k % 7 == 0 or k == len(steps) - 1
            ]
            piece = " l ".join(kept) + ("" if kept[-1].endswith("l") else " l") + " S"
        lines.append(piece)
    reading = read(tmp_path, "\n".join(lines))
    assert reading.facts["Interpolated"]
    for strip in reading.strips:
        times = np.arange(len(strip.samples)) / strip.rate
        truth = np.interp(times, np.arange(5000) / 500, coarse[strip.lead])
        assert np.abs(strip.samples - truth).max() < 1e-3


def test_extra_leads_are_left_out_and_named(tmp_path):
    extra = SIGNALS | {"V7": SIGNALS["V6"], "V3r": SIGNALS["V1"], "V4r": SIGNALS["V2"]}
    pages = (SIX, tuple((lead,) for lead in LEADS[6:]), (("V3r",), ("V4r",), ("V7",)))
    reading = read(tmp_path, *[ecg_page(extra, rows, ()) for rows in pages])
    assert sorted(strip.lead for strip in reading.strips) == sorted(LEADS)
    assert reading.facts["LeftOut"] == ["V3R", "V4R", "V7"]
    assert reading.layout == "6x1"


def test_a_text_page_in_front_is_skipped(tmp_path):
    reading = read(tmp_path, "BT /F1 9 Tf 50 500 Td (Report) Tj ET", ecg_page(SIGNALS))
    assert {strip.page for strip in reading.strips} == {1}


@pytest.mark.parametrize(
    ("contents", "options", "problem"),
    [
        (["0 0 m 1 1 l S"], {}, "no ECG traces"),
        ([ecg_page(SIGNALS), ecg_page(SIGNALS)], {}, "on two pages"),
        ([ecg_page(SIGNALS, text="25 mm/s 10 mm/mV 5 mm/mV")], {}, "prints 5 and 10 mm/mV"),
        ([ecg_page(SIGNALS)], {"layout": "12x1"}, "has the layout 3x4"),
        ([ecg_page(SIGNALS, SIX, (), names=False)], {}, "no usual order"),
    ],
    ids=["nothing", "twice", "two gains", "other layout", "no names"],
)
def test_what_contradicts_itself_is_refused(tmp_path, contents, options, problem):
    with pytest.raises(InputError, match=problem):
        read(tmp_path, *contents, **options)


def test_a_wrong_gain_on_the_page_fails_at_the_pulse(tmp_path):
    right = checked(read(tmp_path, ecg_page(SIGNALS)))
    assert status_of(right.checks) == "accepted"
    wrong = checked(read(tmp_path, ecg_page(SIGNALS, text="25 mm/s 20 mm/mV")))
    assert status_of(wrong.checks) == "refused"
    assert [check.name for check in wrong.checks if check.passed is False] == [
        "pulse_height",
        "pulse_height_gross",
    ]


def test_what_the_user_gives_wins(tmp_path):
    reading = read(tmp_path, ecg_page(SIGNALS, speed=50, seconds=5, text=""), speed_mm_s=50.0, gain_mm_mv=10.0)
    assert reading.found["speed_mm_s"] == reading.found["gain_mm_mv"] == "given"
