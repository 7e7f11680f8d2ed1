"""WFDB read and written without the wfdb package gives what the wfdb package gives."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import wfdb

from scartools.errors import InputError
from scartools.files.record import Record, read_record, write_record
from scartools.files.record_leads import LEADS

NUMBERS = np.random.default_rng(9)
SIGNALS = np.round(
    np.cumsum(NUMBERS.normal(scale=0.01, size=(1001, 12)), axis=0), 3
)  # mV; an odd number of samples


def written(folder, form: str, **how) -> np.ndarray:
    """Write the signals with wfdb in a format; return what wfdb reads back, (12, T)."""
    given = {
        "adc_gain": [200.0 + k for k in range(12)], "baseline": list(range(-6, 6)), "units": ["mV"] * 12,
        "sig_name": list(LEADS), **how,
    }  # fmt: skip
    wfdb.wrsamp("r", fs=500, p_signal=SIGNALS, fmt=[form] * 12, write_dir=str(folder), **given)
    return wfdb.rdrecord(str(folder / "r")).p_signal.T


@pytest.mark.parametrize("form", ["16", "212", "24", "32", "80"])
def test_every_format_is_read_as_wfdb_reads_it(tmp_path, form):
    how = {"adc_gain": [40.0] * 12, "baseline": [0] * 12} if form == "80" else {}
    seen = written(tmp_path, form, **how)
    np.testing.assert_array_equal(read_record(tmp_path / "r.hea").signals, seen)


@pytest.mark.parametrize("form", ["16", "212"])
def test_invalid_samples_are_absent(tmp_path, form):
    whole = SIGNALS.copy()
    whole[100:200, 3] = np.nan
    wfdb.wrsamp(
        "r", fs=500, p_signal=whole, fmt=[form] * 12, write_dir=str(tmp_path), adc_gain=[300.0] * 12,
        baseline=[0] * 12, units=["mV"] * 12, sig_name=list(LEADS),
    )  # fmt: skip
    np.testing.assert_array_equal(np.isnan(read_record(tmp_path / "r.hea").signals), np.isnan(whole.T))


def test_format_212_holds_its_extremes(tmp_path):
    digital = np.resize(np.array([-2047, 2047, -1, 0, 1, 1024, -1024]), (501, 12)).astype(np.int64)
    wfdb.wrsamp(
        "r", fs=500, d_signal=digital, fmt=["212"] * 12, write_dir=str(tmp_path), adc_gain=[1000.0] * 12,
        baseline=[0] * 12, units=["mV"] * 12, sig_name=list(LEADS),
    )  # fmt: skip
    np.testing.assert_allclose(read_record(tmp_path / "r.hea").signals, digital.T / 1000, atol=1e-12)


def test_two_signal_files_and_the_zero_of_the_converter(tmp_path):
    digital = NUMBERS.integers(-2000, 2000, (300, 12)).astype("<i2")
    digital[:, :7].tofile(tmp_path / "a.dat")
    digital[:, 7:].tofile(tmp_path / "b.dat")
    lines = ["r 12 500 300"]
    lines += [f"{'a' if k < 7 else 'b'}.dat 16 1000/mV 12 {k} 0 0 0 {lead}" for k, lead in enumerate(LEADS)]
    (tmp_path / "r.hea").write_text("\n".join(lines) + "\n")
    found = read_record(tmp_path / "r.hea")
    np.testing.assert_allclose(found.signals, (digital.T - np.arange(12)[:, None]) / 1000, atol=1e-12)
    np.testing.assert_array_equal(found.signals, wfdb.rdrecord(str(tmp_path / "r")).p_signal.T)
    assert [source.path.name for source in found.sources] == ["r.hea", "a.dat", "b.dat"]


def test_bytes_before_the_samples_are_skipped_and_count(tmp_path):
    values = np.full((200, 12), 250, "<i2")
    (tmp_path / "r.dat").write_bytes(bytes(64) + values.tobytes())
    head = "r 12 500 {}\n" + "".join(f"r.dat 16+64 1000/mV 16 0 0 0 0 {lead}\n" for lead in LEADS)
    (tmp_path / "r.hea").write_text(head.format(200))
    np.testing.assert_allclose(read_record(tmp_path / "r.hea").signals, 0.25)
    (tmp_path / "r.hea").write_text(head.format(202))
    with pytest.raises(InputError, match="truncated"):
        read_record(tmp_path / "r.hea")


@pytest.mark.parametrize("rate", [500.0, 360.5, 257.123456789])
def test_what_is_written_is_byte_for_byte_what_wfdb_writes(tmp_path, rate):
    signals = SIGNALS.T.copy()
    signals[3, :100] = np.nan
    write_record(tmp_path / "a.hea", Record(signals, rate))
    digital = np.where(np.isnan(signals), -32768, np.round(signals * 1000)).astype(np.int64).T
    (tmp_path / "theirs").mkdir()
    wfdb.wrsamp(
        "a", fs=rate, units=["mV"] * 12, sig_name=list(LEADS), d_signal=digital, fmt=["16"] * 12,
        adc_gain=[1000.0] * 12, baseline=[0] * 12, write_dir=str(tmp_path / "theirs"),
    )  # fmt: skip
    for name in ("a.hea", "a.dat"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes()


def test_a_usual_record_is_read_and_written_without_pandas_and_wfdb(tmp_path):
    written(tmp_path, "16")
    code = (
        "import sys; from pathlib import Path; from scartools.files.record import read_record, write_record; "
        "write_record(Path('b.hea'), read_record(Path('r.hea'))); "
        "sys.exit(', '.join({'pandas', 'wfdb', 'pydicom', 'scipy'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
