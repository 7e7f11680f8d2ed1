"""Vector pages of real printers: against the signals they were printed from, or against themselves."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from scartools.ecg.page_checks import checked, status_of
from scartools.ecg.pdf_paths import read_drawn_pages
from scartools.ecg.reading import LEADS, PageReading, Strip
from scartools.ecg.vector_page import read_vector_pages

pytestmark = pytest.mark.real
ECGTIZER = ("ecgtizer_00038_hr", "ecgtizer_00040_hr", "ecgtizer_00063_hr")


def read(data_folder: Path, name: str) -> PageReading:
    path = data_folder / "ecg/pages/vector" / f"{name}.pdf"
    return checked(read_vector_pages(list(read_drawn_pages(path))))


def best_snr(strip: Strip, truth: np.ndarray, rate: float, within_s: float = 0.02) -> tuple[float, float]:
    """Return (dB, shift in s) at the shift that fits best; the level is compared as it is."""
    best = (-np.inf, 0.0)
    for shift in np.arange(-within_s, within_s + 1e-9, 0.001):
        times = strip.start_s + shift + np.arange(len(strip.samples)) / strip.rate
        inside = (times >= 0) & (times <= (len(truth) - 1) / rate)
        due = np.interp(times, np.arange(len(truth)) / rate, truth)[inside]
        snr = 10 * np.log10(np.sum(due**2) / np.sum((due - strip.samples[inside]) ** 2))
        best = max(best, (float(snr), float(shift)))
    return best


@pytest.mark.parametrize("name", ECGTIZER)
def test_reportlab_pages_against_their_signals(data_folder, name):
    with (data_folder / f"ecg/pages/vector/{name}.csv").open() as stream:
        head, *rows = csv.reader(stream)
    truth = dict(zip([lead.strip().lower() for lead in head], np.array(rows, dtype=float).T, strict=True))
    reading = read(data_folder, name)
    found = [best_snr(strip, truth[strip.lead.lower()], 500.0) for strip in reading.strips]
    assert np.mean([snr for snr, _ in found]) > 24  # 125 points a second of a signal of 500
    assert min(snr for snr, _ in found) > 18
    # this printer drops the first of its samples, 8 ms; nothing on the page tells
    assert all(shift == pytest.approx(0.008, abs=0.0015) for _, shift in found)
    assert status_of(reading.checks) == "accepted"


def test_a_matplotlib_page_against_its_recording(data_folder):
    pydicom = pytest.importorskip("pydicom")
    from scipy.signal import butter, lfilter

    signals = pydicom.dcmread(data_folder / "ecg/pages/vector/mortara_ecg.dcm").waveform_array(0).T / 1000
    reading = read(data_folder, "mortara_3x4_1")
    assert (reading.layout, reading.speed_mm_s, reading.gain_mm_mv) == ("3x4+1", 25, 10)
    snr = []
    for strip in reading.strips:
        low, high = butter(2, 40 / 500), butter(1, 0.05 / 500, "high")  # the program smooths before it draws
        due = lfilter(*low, lfilter(*high, signals[LEADS.index(strip.lead)]))
        first = round(strip.start_s * 1000)
        piece = due[first : first + len(strip.samples)]
        moved = Strip(
            strip.lead, strip.rhythm, 0.0, strip.samples - np.mean(strip.samples), 1000.0, strip.trace_px
        )
        snr.append(best_snr(moved, piece - np.mean(piece), 1000.0, 0.01)[0])
    assert np.mean(snr) > 20, snr


@pytest.mark.parametrize(
    ("name", "layout", "speed", "rate", "seconds", "einthoven"),
    [
        ("cardiosoft_testperson", "6x1", 50, 1000, 5.0, 0.03),
        ("schiller_testperson", "6x1", 25, 71.43, 10.0, 0.1),  # 71 points a second: QRS corners are cut
        ("mortara_3x4_1", "3x4+1", 25, 1000, 10.0, 0.1),
        *((name, "3x4+1", 25, 125, 9.99, 0.01) for name in ECGTIZER),
    ],
)
def test_printers_are_read_as_they_print(data_folder, name, layout, speed, rate, seconds, einthoven):
    reading = read(data_folder, name)
    assert (reading.layout, reading.speed_mm_s, reading.gain_mm_mv) == (layout, speed, 10)
    assert {strip.lead for strip in reading.strips} == set(LEADS)
    assert {round(strip.rate, 2) for strip in reading.strips} == {rate}
    assert max(len(strip.samples) / strip.rate for strip in reading.strips) == pytest.approx(seconds, abs=0.015)
    assert status_of(reading.checks) == "accepted"
    value = next(check.value for check in reading.checks if check.name == "einthoven")
    assert value is not None and value < einthoven


def test_extra_leads_of_the_third_page_are_left_out(data_folder):
    reading = read(data_folder, "cardiosoft_testperson")
    assert reading.facts["LeftOut"] == ["V3R", "V4R", "V7"]
    assert {strip.page for strip in reading.strips} == {0, 1}
    rate = next(check.value for check in reading.checks if check.name == "heart_rate_least")
    assert rate == pytest.approx(75, abs=5)  # the page prints 75
