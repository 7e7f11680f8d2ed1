"""Records: lead order, absent samples, and headers that lie."""

from __future__ import annotations

import numpy as np
import pytest
import wfdb

from scartools.errors import InputError, OutputExists
from scartools.files import record
from scartools.files.record import LEADS, Record

RNG = np.random.default_rng(4)


@pytest.fixture
def signals():
    values = RNG.normal(scale=0.7, size=(12, 1000))
    values[3, 250:] = np.nan  # a 3 x 4 page: this lead is there for half a second only
    return values


def test_a_record_comes_back_to_half_a_microvolt_with_its_gaps(tmp_path, signals):
    record.write_record(tmp_path / "a.hea", Record(signals, 500.0, {"Source": "page"}))
    found = record.read_record(tmp_path / "a.hea")
    np.testing.assert_allclose(found.signals, signals, atol=0.5e-3 + 1e-9)
    assert (np.isnan(found.signals) == np.isnan(signals)).all()
    assert found.rate == 500 and found.facts["Source"] == "page" and found.facts["SamplingFrequency"] == 500
    assert {path.name for path in tmp_path.iterdir()} == {"a.hea", "a.dat", "a.json", "a.prov.json"}


def test_an_independent_reader_sees_the_same(tmp_path, signals):
    record.write_record(tmp_path / "a.hea", Record(signals, 500.0))
    seen = wfdb.rdrecord(str(tmp_path / "a"))
    assert seen.sig_name == list(LEADS) and set(seen.units) == {"mV"} and set(seen.fmt) == {"16"}
    np.testing.assert_allclose(seen.p_signal.T, signals, atol=0.51e-3)


@pytest.mark.parametrize("rate", [500.0, 240, 333.25, 1000 / 3])
def test_files_are_those_of_wfdb_byte_by_byte(tmp_path, signals, rate):
    record.write_record(tmp_path / "a.hea", Record(signals, rate))
    peer = tmp_path / "peer"
    peer.mkdir()
    digital = np.where(np.isnan(signals), -32768, np.round(signals * 1000)).astype(np.int64).T
    wfdb.wrsamp(
        "a", fs=rate, units=["mV"] * 12, sig_name=list(LEADS), d_signal=digital, fmt=["16"] * 12,
        adc_gain=[1000.0] * 12, baseline=[0] * 12, write_dir=str(peer),
    )  # fmt: skip
    for name in ("a.hea", "a.dat"):
        assert (tmp_path / name).read_bytes() == (peer / name).read_bytes()


def test_other_lead_order_case_gain_and_unit_come_out_standard(tmp_path, signals):
    order = RNG.permutation(12)
    wfdb.wrsamp(
        "b", fs=500, units=["uV"] * 12, sig_name=[LEADS[i].lower() for i in order], p_signal=signals[order].T * 1000,
        fmt=["16"] * 12, adc_gain=[2.0 + i / 7 for i in range(12)], baseline=[7] * 12, write_dir=str(tmp_path),
    )  # fmt: skip
    np.testing.assert_allclose(record.read_record(tmp_path / "b.hea").signals, signals, atol=1e-3)


def test_samples_beyond_sixteen_bits_are_refused_not_wrapped(tmp_path, signals):
    signals[0, 0] = 33.0
    with pytest.raises(InputError, match="33 mV"):
        record.write_record(tmp_path / "a.hea", Record(signals, 500.0))
    assert list(tmp_path.iterdir()) == []


def test_no_companion_is_overwritten(tmp_path, signals):
    (tmp_path / "a.dat").write_text("mine")
    with pytest.raises(OutputExists):
        record.write_record(tmp_path / "a.hea", Record(signals, 500.0))
    assert (tmp_path / "a.dat").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"a.dat"}


def test_a_beat_has_one_shape_and_rate(tmp_path, signals):
    beat = Record(RNG.normal(size=(12, 600)), 500.0)
    record.write_beat(tmp_path / "b.hea", beat)
    assert record.read_beat(tmp_path / "b.hea").signals.shape == (12, 600)
    with pytest.raises(InputError):
        record.write_beat(tmp_path / "c.hea", Record(signals, 500.0))
    record.write_record(tmp_path / "d.hea", Record(signals, 500.0))
    with pytest.raises(InputError, match="median-beat"):
        record.read_beat(tmp_path / "d.hea")


HEAD = "a 12 500 1000\n"
LINE = "a.dat 16 1000/mV 16 0 0 0 0 {}\n"
LINES = "".join(LINE.format(lead) for lead in LEADS)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("", "first line"),
        ("a 12\n", "first line"),
        ("a twelve 500 1000\n", "first line"),
        ("a 12 5e2 1000\n" + LINES, "first line"),
        ("a 12 +500 1000\n" + LINES, "first line"),
        ("a 12 5_00 1000\n" + LINES, "first line"),
        ("a 12 500 1_000\n" + LINES, "first line"),
        ("a 12 0.5 1000\n" + LINES, "0.5 Hz"),
        (HEAD + LINES.replace("1000/mV", "1e-3/mV"), "unknown format or gain"),
        (HEAD + LINES.replace("1000/mV", "0/mV"), "unknown format or gain"),
        (HEAD + LINES.replace("1000/mV", "1000(99999999)/mV"), "more than any ECG"),
        (HEAD + LINES.replace(" 16 1000", " 16:99999999 1000"), "unknown format or gain"),
        (HEAD, "describes 0"),
        (HEAD + LINES.replace("a.dat", "../a.dat"), "outside its folder"),
        (HEAD + LINES.replace("a.dat", "/etc/passwd"), "outside its folder"),
        (HEAD + LINES.replace("a.dat", "..\\a.dat"), "outside its folder"),
        (HEAD + LINES.replace("a.dat", ".."), "outside its folder"),
        (HEAD + LINES.replace("a.dat", "b.dat"), "not beside it"),
        ("a 12 500 100000\n" + LINES, "claims 2400000"),
        ("a 12 500 99999999999\n" + LINES, "over the limit"),
        ("a 12 0 1000\n" + LINES, "0 Hz"),
        ("a 12 -5 1000\n" + LINES, "first line"),
        ("a 12 nan 1000\n" + LINES, "first line"),
        ("a/2 12 500 1000\n" + LINES, "one segment"),
        (HEAD + LINES.replace(" 16 1000", " 99 1000"), "unknown format"),
        (HEAD + LINES.replace(" V6\n", " V5\n"), "twice"),
        (HEAD + LINES.replace(" V6\n", " Vx\n"), "lacks the leads V6"),
        (HEAD + LINES.replace("/mV", "/furlong"), "furlong"),
        ("#" * 70000, "too long"),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path, header, problem):
    (tmp_path / "a.hea").write_text(header)
    (tmp_path / "a.dat").write_bytes(np.zeros(12000, "<i2").tobytes())
    with pytest.raises(InputError, match=problem):
        record.read_record(tmp_path / "a.hea")


def test_a_good_header_of_the_same_form_is_read(tmp_path):
    (tmp_path / "a.hea").write_text(HEAD + LINES)
    (tmp_path / "a.dat").write_bytes(np.full(12000, 250, "<i2").tobytes())
    np.testing.assert_allclose(record.read_record(tmp_path / "a.hea").signals, 0.25)


def test_a_record_of_nothing_but_invalid_samples_is_refused(tmp_path):
    (tmp_path / "a.hea").write_text(HEAD + LINES)
    (tmp_path / "a.dat").write_bytes(np.full(12000, -32768, "<i2").tobytes())
    with pytest.raises(InputError, match="no valid sample"):
        record.read_record(tmp_path / "a.hea")


def test_a_gain_that_makes_volts_of_millivolts_is_refused(tmp_path):
    (tmp_path / "a.hea").write_text(HEAD + LINES.replace("1000/mV", "0.001/mV"))
    (tmp_path / "a.dat").write_bytes(np.full(12000, 250, "<i2").tobytes())
    with pytest.raises(InputError, match="more than any ECG"):
        record.read_record(tmp_path / "a.hea")


def test_facts_that_contradict_the_record_do_not_reach_its_sidecar(tmp_path, signals):
    record.write_record(tmp_path / "a.hea", Record(signals, 250.0, {"SamplingFrequency": 500.0}))
    assert record.read_record(tmp_path / "a.hea").facts["SamplingFrequency"] == 250


@pytest.mark.parametrize("name", ["a b.hea", "größe.hea", "a.v2.hea", "a.txt"])
def test_a_name_that_no_header_can_carry_is_refused(tmp_path, signals, name):
    with pytest.raises(InputError, match="cannot name a WFDB record"):
        record.write_record(tmp_path / name, Record(signals, 500.0))


@pytest.mark.parametrize("form", ["16", "24", "32"])
@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_headers_as_wfdb_writes_them_by_default_are_read(tmp_path, form, offset):
    values = np.cumsum(RNG.normal(scale=0.01, size=(1000, 12)), axis=0) + offset
    wfdb.wrsamp(
        "r",
        fs=500,
        units=["mV"] * 12,
        sig_name=list(LEADS),
        p_signal=values,
        fmt=[form] * 12,
        write_dir=str(tmp_path),
    )
    np.testing.assert_allclose(record.read_record(tmp_path / "r.hea").signals, values.T, atol=1e-3)


def test_tabs_and_foreign_comments_in_a_header_are_read(tmp_path):
    header = (HEAD + LINES).replace(" ", "\t").encode() + "# Müller\n".encode("latin-1")
    (tmp_path / "a.hea").write_bytes(header)
    (tmp_path / "a.dat").write_bytes(np.full(12000, 250, "<i2").tobytes())
    (tmp_path / "a.json").write_text("[1, 2]")  # not ours
    assert record.read_record(tmp_path / "a.hea").facts == {}
