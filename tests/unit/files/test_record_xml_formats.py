"""MUSE, aECG and Philips: what each of them can say that the others cannot."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.errors import InputError
from scartools.files.record import read_record
from tests.unit.files import records_made as made

SIGNALS = made.ecg()


def read(folder, content: bytes, *changes: tuple[bytes, bytes], incomplete: bool = False):
    for old, new in changes:
        assert old in content
        content = content.replace(old, new, 1)
    (folder / "a").write_bytes(content)
    return read_record(folder / "a", incomplete=incomplete)


def test_muse_leads_that_are_not_stored_are_made_and_named(tmp_path):
    found = read(tmp_path, made.muse(SIGNALS, 500.0))
    assert found.facts["Derived"] == {
        "III": "II - I", "aVR": "-1/2 I - 1/2 II", "aVL": "I - 1/2 II", "aVF": "II - 1/2 I",
    }  # fmt: skip


def test_muse_states_its_rate_with_an_exponent_and_its_unit_in_words(tmp_path):
    content = made.muse(SIGNALS, 500.0)
    changes = ((b"<SampleBase>500<", b"<SampleBase>5<"), (b"Exponent>0<", b"Exponent>2<"))
    assert read(tmp_path, content, *changes).rate == 500
    in_mv = content.replace(b"MICROVOLTS", b"MILLIVOLTS").replace(b"PerBit>4.88<", b"PerBit>0.00488<")
    np.testing.assert_allclose(read(tmp_path, in_mv).signals, SIGNALS, atol=0.008)


def test_a_muse_lead_that_was_off_is_not_recorded(tmp_path):
    content = made.muse(SIGNALS, 500.0)
    at = content.index(b"<LeadID>V4<")
    off = content[:at] + content[at:].replace(b"<LeadOff>FALSE<", b"<LeadOff>TRUE<", 1)
    with pytest.raises(InputError, match="lacks the leads V4"):
        read(tmp_path, off)
    found = read(tmp_path, off, incomplete=True)
    assert found.facts["LeadsOff"] == ["V4"] and np.isnan(found.signals[9]).all()


def test_a_muse_checksum_that_differs_is_a_fact(tmp_path):
    content = made.muse(SIGNALS, 500.0)
    assert "ChecksumsDiffer" not in read(tmp_path, content).facts
    changed = content.replace(b"<LeadDataCRC32>", b"<LeadDataCRC32>1", 1)
    assert read(tmp_path, changed).facts["ChecksumsDiffer"] == ["I"]


def test_muse_of_a_cart_that_states_no_counts(tmp_path):
    content = made.muse(SIGNALS, 500.0).replace(b"<LeadSampleCountTotal>2000</LeadSampleCountTotal>", b"")
    assert read(tmp_path, content).signals.shape == (12, 2000)


def test_aecg_of_another_unit_and_clock(tmp_path):
    content = made.aecg(SIGNALS, 500.0)
    in_mv = content.replace(b'value="2.5" unit="uV"', b'value="0.0025" unit="mV"')
    in_ms = in_mv.replace(b'<increment value="0.002" unit="s"', b'<increment value="2" unit="ms"')
    found = read(tmp_path, in_ms)
    assert found.rate == 500
    np.testing.assert_allclose(found.signals, SIGNALS, atol=0.0013)


def test_aecg_with_two_recordings_or_a_set_a_lead_is_refused(tmp_path):
    content = made.aecg(SIGNALS, 500.0)
    series = content[content.index(b"<component><series>") : content.index(b"</AnnotatedECG>")]
    with pytest.raises(InputError, match="2 series of the code RHYTHM"):
        read(tmp_path, content, (series, series * 2))
    one = content[content.index(b"<component><sequenceSet>") : content.index(b"</series>")]
    with pytest.raises(InputError, match="2 sequence sets"):
        read(tmp_path, content, (one, one * 2))


@pytest.mark.parametrize("packed", [True, False])
def test_philips_packed_and_plain(tmp_path, packed):
    in_steps = np.round(SIGNALS / 0.005) * 0.005
    found = read(tmp_path, made.philips(in_steps, 500.0, packed=packed))
    np.testing.assert_allclose(found.signals, in_steps, atol=1e-9)


def test_philips_signals_of_any_shape_unpack(tmp_path):
    numbers = np.random.default_rng(3)
    steps = numbers.integers(-3000, 3000, (12, 700))  # 15 mV of noise: second differences that fill 16 bits
    steps[7] = 0
    steps[8] = 2500
    found = read(tmp_path, made.philips(steps * 0.005, 500.0))
    np.testing.assert_allclose(found.signals, steps * 0.005, atol=1e-9)


def test_a_philips_chunk_that_unfolds_without_end_is_refused(tmp_path):
    content = made.philips(np.zeros((12, 200_000)), 500.0)  # constant: LZW at its tightest
    assert len(content) < 100_000
    with pytest.raises(InputError, match="claims 500"):
        read(tmp_path, content, (b'perchannel="400000"', b'perchannel="1000"'))


def test_a_philips_beat_without_a_rate_is_left_alone(tmp_path):
    content = made.philips(SIGNALS, 500.0, beat=SIGNALS[:, :600])
    assert read(tmp_path, content).device_beat is not None
    assert read(tmp_path, content, (b' samplespersec="500"', b"")).device_beat is None
