"""Raster pages of real and rendered ECGs: what is read agrees with the truth, what cannot be read is refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from scartools.ecg.assemble import upright
from scartools.ecg.page_checks import checked, status_of
from scartools.ecg.raster import read_raster_page
from scartools.ecg.reading import LEADS, PageReading
from scartools.errors import InputError

pytestmark = pytest.mark.real


def page(data_folder: Path, name: str) -> np.ndarray:
    image = cv2.imread(str(data_folder / "ecg/pages" / name))
    assert image is not None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def mean_snr_db(reading: PageReading, truth: np.ndarray) -> float:
    """Mean over leads; offset and at most 0.05 s of shift left out; truth float (N, 12), mV at 500 Hz."""
    values = []
    for strip in reading.strips:
        first = round(strip.start_s * 500)
        reference = truth[first : first + (5000 if strip.rhythm else 1250), LEADS.index(strip.lead)]
        at, best = np.arange(len(reference)) / 500, -np.inf
        known = np.isfinite(strip.samples)
        for shift in np.arange(-0.05, 0.051, 0.002):
            seconds = np.arange(len(strip.samples)) / strip.rate + shift
            near = np.interp(at, seconds, known.astype(float)) > 0.99
            read = np.interp(at, seconds[known], strip.samples[known])[near]
            wanted = reference[near] - reference[near].mean()
            error = wanted - (read - read.mean())
            best = max(best, 10 * np.log10(np.sum(wanted**2) / np.sum(error**2)))
        values.append(best)
    return float(np.mean(values))


@pytest.mark.parametrize(
    ("kind", "least"),
    [("clean", 23.0), ("bw", 22.5), ("rot", 15.0), ("wrinkle", 22.5), ("r100", 14.0), ("nogrid", 17.0)],
)
def test_rendered_ptbxl_page(data_folder: Path, kind: str, least: float) -> None:
    archive = np.load(data_folder / "ecg/ptbxl/ptbxl_1200_500hz.npz")
    assert tuple(archive["leads"]) == LEADS
    truth = archive["X"][list(archive["ecg_id"]).index(696)] / 1000.0
    reading = read_raster_page(page(data_folder, f"rendered/kit/00696_{kind}.png"))
    assert (reading.layout, reading.gain_mm_mv) == ("3x4+1", 10.0)
    mm = 3.937 if kind == "r100" else 7.874
    assert reading.px_per_mm == pytest.approx((mm, mm), rel=5e-3)
    assert mean_snr_db(reading, truth) > least


def test_rendered_ludb_page_with_oblong_millimetres(data_folder: Path) -> None:
    truth = np.genfromtxt(data_folder / "ecg/pages/rendered/ludb/003.csv", delimiter=",", skip_header=1)
    reading = read_raster_page(page(data_folder, "rendered/ludb/003.png"))
    assert reading.px_per_mm == pytest.approx((7.752, 7.442), rel=1e-3)
    assert mean_snr_db(reading, truth) > 18


@pytest.mark.parametrize(
    ("name", "px", "layout", "rhythm"),
    [
        ("ecg00002.png", 5.51, "3x4+3", ["V1", "II", "V5"]),
        ("ecg00015.png", 3.95, "3x4+0", []),
        ("ecg00023.jpg", 5.61, "3x4+0", []),
        ("ecg00001.png", 12.31, "3x4+1", ["II"]),
        ("ecg00027.jpg", 4.49, "3x4+1", ["II"]),  # photographs, turned and curled
        ("ecg00033.jpg", 4.60, "3x4+1", ["II"]),
        ("ecg00041.jpg", 4.40, "3x4+1", ["II"]),
        ("ecg00042.jpg", 4.46, "3x4+1", ["II"]),  # print that leans against the grid
        ("ecg00039.jpg", 4.37, "3x4+1", ["II"]),  # columns that share their time
        ("ecg00010.png", 2.85, "3x4+1", ["II"]),  # a pale trace on thick red lines
        ("jamaral68_6x2.jpg", 7.55, "6x2", []),  # a pulse before each column
        ("jamaral68_12x1.jpg", 6.75, "12x1", []),
    ],
)
def test_real_page_is_read(data_folder: Path, name: str, px: float, layout: str, rhythm: list[str]) -> None:
    reading = read_raster_page(page(data_folder, f"real/{name}"))
    assert reading.px_per_mm == pytest.approx((px, px), rel=1e-2)
    assert reading.layout == layout
    assert [strip.lead for strip in reading.strips if strip.rhythm] == rhythm


@pytest.mark.parametrize(
    "name",
    [
        "ecg00008.jpg",  # two leads
        "ecg00020.jpg",  # fifteen leads
    ],
)  # fmt: skip
def test_a_page_that_cannot_be_read_is_refused(data_folder: Path, name: str) -> None:
    with pytest.raises(InputError):
        read_raster_page(page(data_folder, f"real/{name}"))


@pytest.mark.parametrize(
    ("name", "status"), [("jamaral68_6x2.jpg", "needs_review"), ("jamaral68_12x1.jpg", "accepted")]
)
def test_no_lead_begins_with_its_calibration_pulse(data_folder: Path, name: str, status: str) -> None:
    """Nothing prints their paper speed (columns of 100 and 166 mm); the beats of the second vouch for it, 680 to 1."""
    reading = checked(upright(read_raster_page(page(data_folder, f"real/{name}"))))
    assert status_of(reading.checks) == status
    assert "column_times" not in {check.name for check in reading.checks if check.passed is False}
    assert 2.1 < reading.facts["PulseWidth"] < 2.5
    for strip in reading.strips:
        first = strip.samples[: round(0.12 * strip.rate)]
        assert np.nanmax(np.abs(first)) < 0.6, strip.lead  # the pulse is 1 mV high


def test_half_a_page_contradicts_itself(data_folder: Path) -> None:
    """Six rows of a page that is cut: what is read of it breaks the laws of the limb leads."""
    reading = upright(read_raster_page(page(data_folder, "real/ecg00005.jpg")))
    assert status_of(checked(reading).checks) == "refused"
