"""Real recordings through the readers: WFDB as the wfdb package reads it, DICOM as pydicom does, and one as all formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import wfdb
from scipy.signal import butter, lfilter

from scartools.files.record import read_record
from scartools.files.record_leads import LEADS
from tests.conftest import run_inside
from tests.unit.files import records_made as made

pytestmark = pytest.mark.real
FOLDERS = ("ecg/ptbxl/wfdb", "ecg/ludb/data", "ecg/records")


@pytest.mark.parametrize("folder", FOLDERS)
def test_wfdb_is_read_as_the_wfdb_package_reads_it(data_folder: Path, folder: str) -> None:
    headers = sorted((data_folder / folder).rglob("*.hea"))
    assert headers
    for header in headers:
        theirs = wfdb.rdrecord(str(header.with_suffix("")))
        rows = [[name.lower() for name in theirs.sig_name].index(lead.lower()) for lead in LEADS]
        found = read_record(header)
        np.testing.assert_array_equal(found.signals, theirs.p_signal.T[rows])
        assert found.rate == theirs.fs


def test_leads_beyond_the_twelve_are_named(data_folder: Path) -> None:
    found = read_record(data_folder / "ecg/records/s0010_re.hea")
    assert found.facts["LeftOut"] == ["vx", "vy", "vz"] and len(found.sources) == 3


def test_a_vendors_dicom_with_rhythm_and_median_beat(data_folder: Path) -> None:
    path = data_folder / "ecg/pages/vector/mortara_ecg.dcm"
    theirs = pydicom.dcmread(path)
    found = read_record(path)
    np.testing.assert_allclose(found.signals, theirs.waveform_array(0).T / 1000, atol=1e-12)
    assert found.rate == 1000 and "LimbLeadsDisagree" not in found.facts
    assert found.device_beat is not None
    np.testing.assert_allclose(found.device_beat.signals, theirs.waveform_array(1).T / 1000, atol=1e-12)
    beat, at = found.device_beat.signals, found.device_beat.r_sample
    size = np.sqrt((beat - np.median(beat[:, 380:440], axis=1, keepdims=True)) ** 2).sum(axis=0)
    assert at is not None and abs(int(size.argmax()) - at) <= 5  # ms: the trigger stands on the R wave
    assert "Mortara" not in repr(found.facts) and "2013" not in repr(found.facts)


def test_the_page_that_was_drawn_from_it_says_the_same(data_folder: Path, tmp_path: Path) -> None:
    folder = data_folder / "ecg/pages/vector"
    assert run_inside("digitize-ecg", folder / "mortara_3x4_1.pdf", "-o", tmp_path / "page.hea").status == 0
    page, record = read_record(tmp_path / "page.hea"), read_record(folder / "mortara_ecg.dcm")
    low, high = butter(2, 40 / 500), butter(1, 0.05 / 500, "high")  # the program smooths before it draws
    drawn = lfilter(*low, lfilter(*high, record.signals[1]))[::2]  # lead II lasts through the page, at 500 Hz
    printed = page.signals[1, : len(drawn)]
    here = np.isfinite(printed)
    assert here.mean() > 0.95
    alike = [
        np.corrcoef(printed[here], np.roll(drawn, shift)[: len(here)][here])[0, 1] for shift in range(-5, 6)
    ]
    assert max(alike) > 0.99


@pytest.mark.parametrize("kind", ["dicom", "muse", "aecg", "philips", "edf", "table"])
def test_a_real_recording_written_in_another_format_is_the_same_recording(
    data_folder: Path, tmp_path: Path, kind: str
) -> None:
    record = read_record(sorted((data_folder / "ecg/ptbxl/wfdb").glob("*.hea"))[3])
    (tmp_path / "a").write_bytes(getattr(made, kind)(record.signals, record.rate))
    found = read_record(tmp_path / "a")
    step = made.STEP_MV["csv" if kind == "table" else kind]
    # MUSE and Philips make four limb leads of two rounded ones; those of PTB-XL are rounded to 1 uV by themselves
    atol = 1.6 * step + 1e-3 if kind in ("muse", "philips") else 0.51 * step
    rows = [0, 1, *range(6, 12)] if kind == "muse" else range(12)
    np.testing.assert_allclose(found.signals[list(rows)], record.signals[list(rows)], atol=atol)
    assert found.rate == record.rate
