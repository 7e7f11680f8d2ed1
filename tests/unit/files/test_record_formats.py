"""One recording in every format comes back as one recording; what a format cannot state is refused."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.errors import InputError, UsageError
from scartools.files.record import read_record
from scartools.files.record_leads import LEADS
from tests.unit.files import records_made as made

RATE = 500.0
SIGNALS = made.ecg()
BEAT = made.ecg(seconds=1.2, seed=8)
MAKERS = {
    "dicom": made.dicom, "muse": made.muse, "aecg": made.aecg, "philips": made.philips, "edf": made.edf,
    "csv": made.table,
}  # fmt: skip


def written(folder, content: bytes, name: str = "recording"):
    path = folder / name  # without a suffix: the content tells what it is
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", MAKERS)
def test_a_recording_is_the_same_in_every_format(tmp_path, kind):
    found = read_record(written(tmp_path, MAKERS[kind](SIGNALS, RATE)))
    assert found.rate == RATE and found.signals.shape == SIGNALS.shape
    steps = 1.6 if kind in ("muse", "philips") else 0.51  # made of two rounded leads
    np.testing.assert_allclose(found.signals, SIGNALS, atol=steps * made.STEP_MV[kind], rtol=0)
    assert "LimbLeadsDisagree" not in found.facts and "MissingLeads" not in found.facts
    assert [source.path.name for source in found.sources] == ["recording"]


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("rate", [250.0, 1000.0, 360.0])
def test_the_rate_is_the_one_that_the_file_states(tmp_path, kind, rate):
    signals = made.ecg(rate=rate)
    found = read_record(written(tmp_path, MAKERS[kind](signals, rate)))
    assert found.rate == pytest.approx(rate, rel=1e-9) and found.signals.shape == signals.shape


@pytest.mark.parametrize("kind", ["dicom", "muse", "aecg", "philips"])
def test_the_beat_of_the_device_is_kept_apart(tmp_path, kind):
    found = read_record(written(tmp_path, MAKERS[kind](SIGNALS, RATE, beat=BEAT)))
    assert found.signals.shape == SIGNALS.shape
    assert found.device_beat is not None and found.device_beat.rate == RATE
    np.testing.assert_allclose(found.device_beat.signals, BEAT, atol=1.6 * made.STEP_MV[kind])
    assert found.device_beat.r_sample == (BEAT.shape[1] // 2 if kind == "dicom" else None)


@pytest.mark.parametrize(("samples", "said"), [(50, "lasts 0.1 s"), (2500, "lasts 5 s")])
def test_a_beat_of_the_device_that_is_none_leaves_the_recording_as_good(tmp_path, samples, said):
    beat = made.ecg(seconds=samples / RATE)
    found = read_record(written(tmp_path, made.aecg(SIGNALS, RATE, beat=beat)))
    assert found.device_beat is None and said in found.facts["DeviceBeatLeftOut"]
    np.testing.assert_allclose(found.signals, SIGNALS, atol=0.002)


@pytest.mark.parametrize("kind", MAKERS)
def test_no_patient_leaves_the_reader(tmp_path, kind):
    said = repr(read_record(written(tmp_path, MAKERS[kind](SIGNALS, RATE))).facts)
    assert not any(word in said for word in ("Doe", "D\xf6", "4711", "2020", "1950"))


@pytest.mark.parametrize("kind", MAKERS)
def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path, kind):
    content = MAKERS[kind](SIGNALS, RATE)
    for share in (0.02, 0.3, 0.7, 0.97):
        if kind == "csv" and share > 0.02:
            continue  # a shorter table is a table
        with pytest.raises(InputError):
            read_record(written(tmp_path, content[: int(share * len(content))]))


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if kind != "csv"])
def test_a_stated_rate_or_unit_is_not_overruled(tmp_path, kind):
    path = written(tmp_path, MAKERS[kind](SIGNALS, RATE))
    assert read_record(path, rate=500).rate == 500
    with pytest.raises(UsageError, match="250"):
        read_record(path, rate=250)
    with pytest.raises(UsageError, match="uV"):
        read_record(path, unit="uV")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\0" * 16 + b"SCPECG" + b"\0" * 100, "SCP-ECG"),
        (b"\xffBIOSEMI" + b" " * 300, "BDF"),
        (b"\x93NUMPY\x01\0", "neither leads nor rate"),
        (b"%PDF-1.4", "digitize-ecg"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "'svg'"),
        (b"<?xml version='1.0'?><CardiologyXML><a/></CardiologyXML>", "'CardiologyXML'"),
        (b"<", "root"),
        (b"", "no kind"),
        (b"\0" * 500, "no kind"),
        (b"hello\n", "no kind"),
    ],
)
def test_an_unknown_kind_is_named_and_so_is_what_is_read(tmp_path, content, said):
    with pytest.raises(InputError, match=said) as caught:
        read_record(written(tmp_path, content))
    assert "WFDB" in str(caught.value) and "\n" not in str(caught.value)


BOMB = b'<!DOCTYPE %s [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("kind", "root"), [("muse", b"RestingECG"), ("aecg", b"AnnotatedECG"), ("philips", b"restingecgdata")]
)
def test_xml_declares_no_entity_fetches_nothing_and_is_not_deep(tmp_path, kind, root):
    content = MAKERS[kind](SIGNALS, RATE)
    plain = content[content.index(b"<" + root) :].replace(b"D\xf6", b"Doe")
    (tmp_path / "secret").write_text("x")
    for refused in (
        BOMB % root + plain.replace(b">", b">&b;", 1),
        b'<!DOCTYPE %s SYSTEM "file:///etc/passwd" [<!ENTITY x SYSTEM "secret">]>' % root
        + plain.replace(b">", b">&x;", 1),
        b'<!DOCTYPE %s [<!ENTITY %% x SYSTEM "secret"> %%x;]>' % root + plain,
        plain.replace(b">", b">&nothing;", 1),
        plain.replace(b">", b">" + b"<a>" * 100 + b"</a>" * 100, 1),
    ):
        with pytest.raises(InputError):
            read_record(written(tmp_path, refused))
    assert read_record(written(tmp_path, b'<!DOCTYPE %s SYSTEM "some.dtd">' % root + plain)).rate == RATE


def test_utf16_xml_is_read(tmp_path):
    text = made.aecg(SIGNALS, RATE).decode().replace("UTF-8", "UTF-16")
    assert read_record(written(tmp_path, text.encode("utf-16"))).rate == RATE


@pytest.mark.parametrize("kind", MAKERS)
def test_leads_that_make_no_twelve_are_refused_or_named(tmp_path, kind):
    replaced = {
        "dicom": (b"5.6.3-9-5", b"5.6.3-9-9", b"Lead V3", b"Lead Vx"), "muse": (b"<LeadID>V3<", b"<LeadID>X3<"),
        "aecg": (b"LEAD_V3", b"LEAD_VX"), "philips": (b" V3 ", b" VX "), "edf": (b"ECG V3", b"ECG VX"),
        "csv": (b"V3 [mV]", b"XX [mV]"),
    }[kind]  # fmt: skip
    content = MAKERS[kind](SIGNALS, RATE)
    for old, new in zip(replaced[::2], replaced[1::2], strict=True):
        assert old in content
        content = content.replace(old, new)
    path = written(tmp_path, content)
    with pytest.raises(InputError, match="V3"):
        read_record(path)
    found = read_record(path, incomplete=True)
    assert found.facts["MissingLeads"] == ["V3"]
    assert (
        np.isnan(found.signals[LEADS.index("V3")]).all()
        and np.isfinite(np.delete(found.signals, 8, axis=0)).all()
    )


@pytest.mark.parametrize("kind", MAKERS)
def test_damage_of_any_sort_is_refused_in_one_line_or_harmless(tmp_path, kind):
    numbers, content = np.random.default_rng(11), MAKERS[kind](made.ecg(seconds=1.0), RATE)
    for _ in range(60):
        damaged = bytearray(content)
        for at in numbers.integers(0, min(len(content), 4000), 3):
            damaged[at : at + 4] = (b"\xff\xff\xff\xff", b"9999", b"nan ", b"\r\n\t,", bytes(4), b"")[at % 6]
        try:
            found = read_record(written(tmp_path, bytes(damaged)), incomplete=True)
            assert found.signals.shape[0] == 12
        except InputError as error:
            assert "\n" not in str(error) and len(str(error)) < 600
