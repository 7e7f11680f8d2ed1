"""EDF and text tables: ranges, rates, units, and what neither may leave open."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.errors import InputError, UsageError
from scartools.files.record import read_record
from scartools.files.record_leads import LEADS
from tests.unit.files import records_made as made

SIGNALS = made.ecg()


def read(folder, content: bytes, **how):
    (folder / "a.csv").write_bytes(content)
    return read_record(folder / "a.csv", **how)


def test_edf_ranges_are_a_straight_line(tmp_path):
    content = made.edf(SIGNALS, 500.0)
    at = 256 + 13 * (
        16 + 80 + 8
    )  # the physical minima; then the maxima and the digital ranges, 8 bytes a signal
    first = content[:at] + b"-1000   " + content[at + 8 : at + 104] + b"3000    " + content[at + 112 :]
    found = read(tmp_path, first)
    digits = np.round(SIGNALS[0] * 1000)
    np.testing.assert_allclose(found.signals[0], (-1000 + (digits + 32768) * 4000 / 65535) / 1000, atol=1e-9)
    np.testing.assert_allclose(found.signals[1:], SIGNALS[1:], atol=0.0006)


@pytest.mark.parametrize("seconds", [0.5, 2.0])
def test_edf_records_of_any_duration_and_without_annotations(tmp_path, seconds):
    found = read(tmp_path, made.edf(SIGNALS, 500.0, seconds=seconds, annotated=False))
    assert found.rate == 500
    np.testing.assert_allclose(found.signals, SIGNALS, atol=0.0006)


def test_other_signals_of_an_edf_file_may_have_their_own_rate(tmp_path):
    content = bytearray(
        made.edf(SIGNALS, 500.0, names=[*(f"ECG {lead}" for lead in LEADS[:11]), "Resp"], annotated=False)
    )
    with pytest.raises(InputError, match="V6"):
        read(tmp_path, bytes(content))
    found = read(tmp_path, bytes(content), incomplete=True)
    np.testing.assert_allclose(found.signals[:11], SIGNALS[:11], atol=0.0006)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("form", ["{} [mV]", "{}_mV", "{} (mV)", "{}/mV", "{} mV", "Lead {} [mv]"])
def test_the_ways_a_column_may_name_its_unit(tmp_path, separator, form):
    content = made.table(SIGNALS, 500.0, names=[form.format(lead) for lead in LEADS], separator=separator)
    np.testing.assert_allclose(read(tmp_path, content).signals, SIGNALS, atol=1e-6)


def test_each_column_in_its_own_unit(tmp_path):
    scaled, names = SIGNALS.copy(), [f"{lead} [mV]" for lead in LEADS]
    for lead, (factor, unit) in {2: (1000, "uV"), 5: (1e-3, "V"), 9: (1000, "\N{MICRO SIGN}V")}.items():
        scaled[lead] *= factor
        names[lead] = f"{LEADS[lead]} [{unit}]"
    np.testing.assert_allclose(
        read(tmp_path, made.table(scaled, 500.0, names=names)).signals, SIGNALS, atol=1e-3
    )


def test_decimal_commas_after_semicolons(tmp_path):
    content = made.table(SIGNALS, 500.0, separator=";").replace(b".", b",")
    found = read(tmp_path, content)
    assert found.rate == 500
    np.testing.assert_allclose(found.signals, SIGNALS, atol=1e-6)


@pytest.mark.parametrize(("rate", "decimals"), [(360.0, 3), (257.0, 4), (1000.0, 3), (128.5, 6), (250.0, 3)])
def test_the_rate_of_rounded_times_is_the_whole_number_they_allow(tmp_path, rate, decimals):
    signals = made.ecg(rate=rate)
    lines = made.table(signals, rate).decode().splitlines()
    rounded = [f"{k / rate:.{decimals}f},{line.partition(',')[2]}" for k, line in enumerate(lines[1:])]
    found = read(tmp_path, "\r\n".join([lines[0], *rounded, ""]).encode())
    assert found.rate == pytest.approx(rate, rel=1e-6) and found.facts["RateFrom"] == "time column"


def test_an_empty_cell_is_an_absent_sample(tmp_path):
    gaps = SIGNALS.copy()
    gaps[8, 700:] = np.nan
    gaps[9, :] = np.nan
    content = made.table(gaps, 500.0)
    np.testing.assert_array_equal(np.isnan(read(tmp_path, content).signals), np.isnan(gaps))
    np.testing.assert_array_equal(
        np.isnan(read(tmp_path, content.replace(b",,", b",n/a,")).signals), np.isnan(gaps)
    )


def test_a_byte_order_mark_quotes_and_an_index_column_are_met(tmp_path):
    lines = made.table(SIGNALS, 500.0).decode().splitlines()
    head = ",".join(f'"{name}"' for name in ["", *lines[0].split(",")])
    content = "\n".join([head, *(f"{k},{line}" for k, line in enumerate(lines[1:]))])
    np.testing.assert_allclose(read(tmp_path, content.encode("utf-8-sig")).signals, SIGNALS, atol=1e-6)


def test_options_fill_in_what_is_missing_and_overrule_nothing(tmp_path):
    bare = made.table(SIGNALS * 1000, 500.0, names=LEADS, clock="")
    found = read(tmp_path, bare, rate=500.0, unit="uV")
    np.testing.assert_allclose(found.signals, SIGNALS, atol=1e-6)
    assert found.facts["RateFrom"] == "given"
    named = made.table(SIGNALS, 500.0)
    assert read(tmp_path, named, rate=500.0, unit="mV").rate == 500
    with pytest.raises(UsageError, match="time column"):
        read(tmp_path, named, rate=250.0)
    with pytest.raises(UsageError, match="is in mV"):
        read(tmp_path, named, unit="uV")


@pytest.mark.parametrize("missing", range(1, 1999, 487))
def test_one_lost_sample_is_noticed_wherever_it_is(tmp_path, missing):
    lines = made.table(SIGNALS, 500.0).decode().splitlines()
    del lines[missing + 1]
    with pytest.raises(InputError, match="not evenly spaced"):
        read(tmp_path, "\n".join(lines).encode())
