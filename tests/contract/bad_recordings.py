"""Bad recordings in the formats of hospitals: each maker starts from a good file of its format and breaks it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from pydicom.dataset import Dataset

from tests.unit.files import records_made as made

Maker = Callable[[Path, Path], None]
RATE = 500.0
BOMB = "".join(f'<!ENTITY e{k} "{f"&e{k - 1};" * 10 if k else "ha"}">' for k in range(12))


@lru_cache(maxsize=1)
def _signals():
    return made.ecg(seconds=3.0)


def _bytes(kind: Callable[..., bytes], change: Callable[[bytes], bytes], **how: object) -> Maker:
    """Write a file of a format after its bytes were changed."""

    def make(path: Path, good: Path) -> None:
        content = kind(_signals(), RATE, **how)
        changed = change(content)
        assert changed != content or how
        path.write_bytes(changed)

    return make


def _sub(pattern: bytes, new: bytes, count: int = 0) -> Callable[[bytes], bytes]:
    return lambda content: re.sub(pattern, new, content, count=count, flags=re.DOTALL)


def _cut(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(share * len(content))]


def _xml(kind: Callable[..., bytes], root: bytes) -> dict[str, Maker]:
    """What any XML may do: entities, files from outside, damage."""

    def bomb(content: bytes) -> bytes:
        plain = content[content.index(b"<" + root) :].replace(b"\xf6", b"o")
        return b"<!DOCTYPE %s [%s]>" % (root, BOMB.encode()) + plain.replace(b">", b">&e11;", 1)

    def outside(content: bytes) -> bytes:
        plain = content[content.index(b"<" + root) :].replace(b"\xf6", b"o")
        declared = b'<!DOCTYPE %s [<!ENTITY x SYSTEM "file:///etc/passwd">]>' % root
        return declared + plain.replace(b">", b">&x;", 1)

    return {
        "entity bomb": _bytes(kind, bomb),
        "entity from outside": _bytes(kind, outside),
        "truncated": _bytes(kind, _cut(0.5)),
        "deep": _bytes(kind, _sub(rb"(<%s[^>]*>)" % root, rb"\1" + b"<a>" * 5000 + b"</a>" * 5000, 1)),
        "empty root": lambda path, good: path.write_bytes(b"<%s/>" % root) and None,
    }


def _dicom(change: Callable[[Dataset], None]) -> Maker:
    def make(path: Path, good: Path) -> None:
        path.write_bytes(made.dicom(_signals(), RATE, change=change))

    return make


def _group(**values: object) -> Maker:
    """Change attributes of the rhythm group; None takes one out."""

    def change(dataset: Dataset) -> None:
        for name, value in values.items():
            if value is None:
                delattr(dataset.WaveformSequence[0], name)
            else:
                setattr(dataset.WaveformSequence[0], name, value)

    return _dicom(change)


def _channels(change: Callable[[list[Dataset]], None]) -> Maker:
    return _dicom(lambda dataset: change(dataset.WaveformSequence[0].ChannelDefinitionSequence))


def _two_rhythms(dataset: Dataset) -> None:
    dataset.WaveformSequence.append(dataset.WaveformSequence[0])


def _named(channels: list[Dataset], lead: str, code: str, meaning: str) -> None:
    source = channels[made.LEADS.index(lead)].ChannelSourceSequence[0]
    source.CodeValue, source.CodeMeaning = code, meaning


def _without(channels: list[Dataset], key: str) -> None:
    for channel in channels:
        delattr(channel, key)


def _unit(channels: list[Dataset]) -> None:
    channels[3].ChannelSensitivityUnitsSequence[0].CodeValue = "mm[Hg]"


DICOM: dict[str, Maker] = {
    "truncated": _bytes(made.dicom, _cut(0.5)),
    "header only": _bytes(made.dicom, _cut(0.01)),
    "no waveform": _dicom(lambda dataset: delattr(dataset, "WaveformSequence")),
    "an image class": _bytes(made.dicom, lambda content: content, sop_class="1.2.840.10008.5.1.4.1.1.4"),
    "no rate": _group(SamplingFrequency=None),
    "rate 0": _group(SamplingFrequency="0"),
    "claims terabytes": _group(NumberOfWaveformSamples=4_000_000_000),
    "claims more channels": _group(NumberOfWaveformChannels=200),
    "no samples": _group(NumberOfWaveformSamples=0),
    "12 bits": _group(WaveformBitsAllocated=12),
    "mu-law": _group(WaveformSampleInterpretation="MB"),
    "two rhythms": _dicom(_two_rhythms),
    "only a median beat": _group(MultiplexGroupLabel="MEDIAN BEAT"),
    "a lead twice": _channels(lambda channels: _named(channels, "V3", "5.6.3-9-4", "Lead V2")),
    "code and meaning differ": _channels(lambda channels: _named(channels, "V3", "5.6.3-9-4", "Lead V3")),
    "no sensitivity": _channels(lambda channels: _without(channels, "ChannelSensitivity")),
    "no unit": _channels(lambda channels: _without(channels, "ChannelSensitivityUnitsSequence")),
    "in mmHg": _channels(_unit),
}

_BASE64 = rb"(<WaveFormData>\s*)\w{4}"
MUSE: dict[str, Maker] = {
    **_xml(made.muse, b"RestingECG"),
    "no rate": _bytes(made.muse, _sub(rb"<SampleBase>.*?</SampleBase>", b"")),
    "rate not a number": _bytes(made.muse, _sub(rb"<SampleBase>500<", b"<SampleBase>NaN<")),
    "rate of a thousandth": _bytes(made.muse, _sub(rb"<SampleExponent>0<", b"<SampleExponent>-3<")),
    "no unit": _bytes(made.muse, _sub(rb"<LeadAmplitudeUnits>.*?</LeadAmplitudeUnits>", b"")),
    "in millimetres": _bytes(made.muse, _sub(rb"MICROVOLTS", b"MILLIMETRES")),
    "gain infinite": _bytes(made.muse, _sub(rb"UnitsPerBit>4.88<", b"UnitsPerBit>inf<")),
    "wrong counts": _bytes(made.muse, _sub(rb"CountTotal>1500<", b"CountTotal>1600<")),
    "claims terabytes": _bytes(made.muse, _sub(rb"CountTotal>1500<", b"CountTotal>900000000000<")),
    "damaged base64": _bytes(made.muse, _sub(_BASE64, rb"\1!!!!")),
    "a lead twice": _bytes(made.muse, _sub(rb"<LeadID>V2<", b"<LeadID>V1<")),
    "no precordial lead": _bytes(made.muse, _sub(rb"<LeadID>V", b"<LeadID>X")),
    "lead I off": _bytes(made.muse, _sub(rb"<LeadOff>FALSE<", b"<LeadOff>TRUE<", 1)),
    "only a median": _bytes(made.muse, _sub(rb"Rhythm", b"Median")),
    "leads begin apart": _bytes(made.muse, _sub(rb"FirstSample>0<", b"FirstSample>1250<", 1)),
}

AECG: dict[str, Maker] = {
    **_xml(made.aecg, b"AnnotatedECG"),
    "no rate": _bytes(made.aecg, _sub(rb"<increment [^>]*>", b"")),
    "rate in metres": _bytes(made.aecg, _sub(rb'unit="s"', b'unit="m"')),
    "increment 0": _bytes(made.aecg, _sub(rb'<increment value="0.002"', b'<increment value="0"')),
    "no unit": _bytes(made.aecg, _sub(rb' unit="uV"', b"")),
    "scale 0": _bytes(made.aecg, _sub(rb'<scale value="2.5"', b'<scale value="0"')),
    "NaN among digits": _bytes(made.aecg, _sub(rb"<digits>\S+", b"<digits>NaN", 1)),
    "infinity among digits": _bytes(made.aecg, _sub(rb"<digits>\S+", b"<digits>1e999", 1)),
    "words for digits": _bytes(made.aecg, _sub(rb"<digits>\S+", b"<digits>many", 1)),
    "wrong counts": _bytes(made.aecg, _sub(rb"<digits>\S+ ", b"<digits>", 1)),
    "a lead twice": _bytes(made.aecg, _sub(rb"LEAD_V2", b"LEAD_V1")),
    "other code": _bytes(made.aecg, _sub(rb'"RHYTHM"', b'"ANNOTATION"')),
    "one limb lead": _bytes(made.aecg, _sub(rb"LEAD_(II|III|AVR|AVL|AVF)\"", b'LEAD_X"')),
}

PHILIPS: dict[str, Maker] = {
    **_xml(made.philips, b"restingecgdata"),
    "no rate": _bytes(made.philips, _sub(rb"<samplingrate>.*?</samplingrate>", b"")),
    "no resolution": _bytes(made.philips, _sub(rb"<signalresolution>.*?</signalresolution>", b"")),
    "other version": _bytes(made.philips, _sub(rb">1.04<", b">2.00<")),
    "other packing": _bytes(made.philips, _sub(rb'"XLI"', b'"ZIP"')),
    "claims a day": _bytes(made.philips, _sub(rb'perchannel="3000"', b'perchannel="86400000"')),
    "claims more": _bytes(made.philips, _sub(rb'perchannel="3000"', b'perchannel="4000"')),
    "damaged base64": _bytes(made.philips, _sub(rb"(channel=\"3000\">)....", rb"\1!!!!")),
    "chunk of -8 bytes": _bytes(made.philips, _sub(rb"(channel=\"3000\">)......", rb"\1+P///w")),
    "a lead twice": _bytes(made.philips, _sub(rb" V2 ", b" V1 ")),
    "plain and cut": _bytes(made.philips, _sub(rb'"3000"', b'"5000"'), packed=False),
}

EDF: dict[str, Maker] = {
    "truncated": _bytes(made.edf, _cut(0.7)),
    "header only": _bytes(made.edf, _cut(0.01)),
    "no rate": _bytes(made.edf, lambda content: content[:244] + b"0       " + content[252:]),
    "duration not a number": _bytes(made.edf, lambda content: content[:244] + b"nan     " + content[252:]),
    "claims more records": _bytes(made.edf, lambda content: content[:236] + b"9999    " + content[244:]),
    "claims terabytes": _bytes(made.edf, lambda content: content[:236] + b"99999999" + content[244:]),
    "never closed": _bytes(made.edf, lambda content: content[:236] + b"-1      " + content[244:]),
    "9999 signals": _bytes(made.edf, lambda content: content[:252] + b"9999" + content[256:]),
    "discontinuous": _bytes(made.edf, _sub(rb"EDF\+C", b"EDF+D", 1)),
    "in mmHg": _bytes(made.edf, _sub(rb"uV      ", b"mmHg    ")),
    "no unit": _bytes(made.edf, _sub(rb"uV      ", b"        ")),
    "digital range empty": _bytes(made.edf, _sub(rb"32767   ", b"-32768  ")),
    "a lead twice": _bytes(made.edf, _sub(rb"ECG V2", b"ECG V1")),
    "no lead": _bytes(made.edf, _sub(rb"ECG ", b"EEG ")),
    "leads of two rates": _bytes(made.edf, _sub(rb"500     500     ", b"500     250     ", 1)),
}

_bare = {"names": made.LEADS}
TABLE: dict[str, Maker] = {
    "no rate": _bytes(made.table, lambda content: content, clock=""),
    "no unit": _bytes(made.table, lambda content: content, **_bare),
    "time without a unit": _bytes(made.table, lambda content: content, clock="time"),
    "in millimetres": _bytes(made.table, _sub(rb"\[mV\]", b"[mm]")),
    "NaN": _bytes(made.table, _sub(rb"\n([^,]+),[^,]+,", rb"\n\1,nan,", 1)),
    "infinity": _bytes(made.table, _sub(rb"\n([^,]+),[^,]+,", rb"\n\1,inf,", 1)),
    "too large to be finite": _bytes(made.table, _sub(rb"\n([^,]+),[^,]+,", rb"\n\1,1e999,", 1)),
    "words": _bytes(made.table, _sub(rb"\n([^,]+),[^,]+,", rb"\n\1,many,", 1)),
    "decimal commas": _bytes(made.table, _sub(rb"0\.", b"0,")),
    "a column twice": _bytes(made.table, _sub(rb"V2 \[mV\]", b"V1 [mV]", 1)),
    "one limb lead": _bytes(made.table, _sub(rb"(II|III|aVR|aVL|aVF) \[mV\]", b"x [mV]")),
    "a gap in time": _bytes(made.table, _sub(rb"\n1\.\d*,[^\n]*", b"")),
    "times backwards": _bytes(made.table, _sub(rb"\n1\.0", b"\n0.9")),
    "ragged": _bytes(made.table, lambda content: content + b"1,2\n"),
    "header only": _bytes(made.table, lambda content: content.partition(b"\n")[0] + b"\n"),
    "not UTF-8": _bytes(made.table, lambda content: content + b"\xff\n"),
    "in volts by mistake": _bytes(made.table, _sub(rb"\[mV\]", b"[V]")),
}  # fmt: skip

FOREIGN: dict[str, Maker] = {
    f"{kind} {name}": maker
    for kind, makers in (
        ("DICOM", DICOM), ("MUSE", MUSE), ("aECG", AECG), ("Philips", PHILIPS), ("EDF", EDF), ("table", TABLE),
    )
    for name, maker in makers.items()
}  # fmt: skip
FOREIGN["another XML"] = lambda path, good: path.write_bytes(b"<svg/>") and None
FOREIGN["SCP-ECG"] = lambda path, good: path.write_bytes(bytes(16) + b"SCPECG" + bytes(500)) and None
FOREIGN["BDF"] = lambda path, good: path.write_bytes(b"\xffBIOSEMI" + bytes(500)) and None
