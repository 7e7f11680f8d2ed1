"""Recordings in each format, made from its specification: what the readers are tested with where no vendor's file is free.

Each maker takes signals (leads, T) in mV and a rate in Hz and returns the bytes of a file.
"""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset

from scartools.files.record_leads import LEADS

MUSE_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
MUSE_UV = 4.88
STEP_MV = {"dicom": 0.00125, "muse": 0.00488, "aecg": 0.0025, "philips": 0.005, "edf": 0.001, "csv": 1e-6}
_SCP = dict(zip(LEADS, (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8), strict=True))


def ecg(seconds: float = 4.0, rate: float = 500.0, seed: int = 5) -> np.ndarray:
    """Return twelve leads that keep Einthoven's law, smooth and of the size of an ECG."""
    numbers, t = np.random.default_rng(seed), np.arange(round(seconds * rate)) / rate
    free = np.stack([
        sum(a * np.sin(2 * np.pi * f * t + p) for a, f, p in zip(
            numbers.uniform(0.05, 0.4, 4), numbers.uniform(0.5, 12, 4), numbers.uniform(0, 6, 4), strict=True))
        for _ in range(8)
    ])  # fmt: skip
    i, ii = free[:2]
    return np.stack([i, ii, ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2, *free[2:]])


def dicom(
    signals: np.ndarray,
    rate: float,
    *,
    beat: np.ndarray | None = None,
    sop_class: str = "1.2.840.10008.5.1.4.1.1.9.1.1",
    syntax: str = pydicom.uid.ExplicitVRLittleEndian,
    change: Callable[[Dataset], None] = lambda dataset: None,
) -> bytes:
    """Return a 12-lead ECG object: 16 bits, 1.25 uV a digit; the group of the beat, where given, triggered in its middle."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = sop_class, "1.2.3.4", "ECG"
    dataset.PatientName, dataset.PatientID, dataset.StudyDate = "Doe^Jane", "4711", "20200102"
    dataset.WaveformSequence = [_group(signals, rate, "RHYTHM", "ORIGINAL")]
    if beat is not None:
        dataset.WaveformSequence.append(_group(beat, rate, "MEDIAN BEAT", "DERIVED"))
        dataset.WaveformSequence[1].TriggerSamplePosition = beat.shape[1] // 2 + 1
    change(dataset)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def _group(signals: np.ndarray, rate: float, label: str, originality: str) -> Dataset:
    group = Dataset()
    group.MultiplexGroupLabel, group.WaveformOriginality = label, originality
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = signals.shape
    group.SamplingFrequency = f"{rate:g}"
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.ChannelDefinitionSequence = [_channel(lead) for lead in LEADS[: len(signals)]]
    group.WaveformData = np.round(signals.T * 1000 / 1.25).astype("<i2").tobytes()
    return group


def _channel(lead: str) -> Dataset:
    channel, code, unit = Dataset(), Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = (
        f"5.6.3-9-{_SCP[lead]}",
        "SCPECG",
        f"Lead {lead}",
    )
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "uV", "UCUM", "microvolt"
    channel.ChannelSourceSequence, channel.ChannelSensitivityUnitsSequence = [code], [unit]
    channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor = "1.25", "1"
    channel.ChannelBaseline, channel.WaveformBitsStored = "0", 16
    channel.FilterLowFrequency, channel.FilterHighFrequency = "0.05", "150"
    return channel


def muse(signals: np.ndarray, rate: float, *, beat: np.ndarray | None = None) -> bytes:
    """Return RestingECG XML with eight stored leads."""
    waveforms = [] if beat is None else [_muse_waveform("Median", beat, rate)]
    waveforms.append(_muse_waveform("Rhythm", signals, rate))
    text = (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE RestingECG SYSTEM "restecg.dtd">\n<RestingECG>\n'
        "<PatientDemographics><PatientID>4711</PatientID><PatientLastName>D\xf6</PatientLastName></PatientDemographics>\n"
        f"{''.join(waveforms)}</RestingECG>\n"
    )
    return text.encode("latin-1")


def _muse_waveform(kind: str, signals: np.ndarray, rate: float) -> str:
    leads = ""
    for lead in MUSE_LEADS:
        data = np.round(signals[LEADS.index(lead)] * 1000 / MUSE_UV).astype("<i2").tobytes()
        packed = base64.encodebytes(data).decode()
        leads += (
            f"<LeadData>\n<LeadByteCountTotal>{len(data)}</LeadByteCountTotal><LeadTimeOffset>0</LeadTimeOffset>"
            f"<LeadSampleCountTotal>{len(data) // 2}</LeadSampleCountTotal>"
            f"<LeadAmplitudeUnitsPerBit>{MUSE_UV}</LeadAmplitudeUnitsPerBit>"
            f"<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits><LeadID>{lead}</LeadID>"
            "<LeadOffsetFirstSample>0</LeadOffsetFirstSample><FirstSampleBaseline>0</FirstSampleBaseline>"
            "<LeadSampleSize>2</LeadSampleSize><LeadOff>FALSE</LeadOff>"
            f"<LeadDataCRC32>{zlib.crc32(data)}</LeadDataCRC32><WaveFormData>\n{packed}</WaveFormData></LeadData>\n"
        )
    return (
        f"<Waveform><WaveformType>{kind}</WaveformType><NumberofLeads>8</NumberofLeads>"
        f"<SampleBase>{rate:g}</SampleBase><SampleExponent>0</SampleExponent>\n{leads}</Waveform>\n"
    )


def aecg(signals: np.ndarray, rate: float, *, beat: np.ndarray | None = None) -> bytes:
    """Return an annotated ECG of HL7 v3: 2.5 uV a digit from an origin of 100 uV."""
    derived = ""
    if beat is not None:
        derived = (
            '<derivation><derivedSeries><code code="REPRESENTATIVE_BEAT" codeSystem="2.16.840.1.113883.5.4"/>'
            f"{_sequence_set('TIME_RELATIVE', 'GLIST_PQ', beat, rate)}</derivedSeries></derivation>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" type="Observation">'
        '<id root="61d1a24f-b47e-41aa-ae95-f8ac302f4eeb"/><component><series>'
        '<code code="RHYTHM" codeSystem="2.16.840.1.113883.5.4"/>'
        f"{_sequence_set('TIME_ABSOLUTE', 'GLIST_TS', signals, rate)}{derived}</series></component></AnnotatedECG>\n"
    ).encode()


def _sequence_set(clock: str, kind: str, signals: np.ndarray, rate: float) -> str:
    head = '<head value="20200102030405.000"/>' if kind == "GLIST_TS" else '<head value="0" unit="s"/>'
    parts = [
        f'<component><sequence><code code="{clock}"/><value xsi:type="{kind}">{head}'
        f'<increment value="{1 / rate:.10g}" unit="s"/></value></sequence></component>\n'
    ]
    for lead, row in zip(LEADS, signals, strict=True):
        digits = " ".join(map(str, np.round((row * 1000 - 100) / 2.5).astype(int)))
        parts.append(
            f'<component><sequence><code code="MDC_ECG_LEAD_{lead.upper()}" codeSystemName="MDC"/>'
            '<value xsi:type="SLIST_PQ"><origin value="100" unit="uV"/><scale value="2.5" unit="uV"/>'
            f"<digits>{digits}</digits></value></sequence></component>\n"
        )
    return f"<component><sequenceSet>{''.join(parts)}</sequenceSet></component>"


def philips(signals: np.ndarray, rate: float, *, beat: np.ndarray | None = None, packed: bool = True) -> bytes:
    """Return restingecgdata XML of version 1.04: 5 uV a digit, XLI or plain."""
    digits = np.round(signals * 200).astype(int)
    if packed:
        i, ii = digits[:2]
        iii = digits[2]
        rest = [
            ii - i - iii,
            -digits[3] - (i + ii) // 2,
            (i - iii) // 2 - digits[4],
            (ii + iii) // 2 - digits[5],
        ]
        data = b"".join(xli(row) for row in (i, ii, *rest, *digits[6:]))
    else:
        data = digits.astype("<i2").tobytes()
    beats, packing = "", "XLI" if packed else "Uncompressed"
    if beat is not None:
        rows = [base64.b64encode(np.round(row * 200).astype("<i2").tobytes()).decode() for row in beat]
        beats = f'<repbeats dataencoding="Base64" samplespersec="{rate:g}" resolution="5">' + "".join(
            f'<repbeat leadname="{lead}"><waveform duration="1000">{row}</waveform></repbeat>'
            for lead, row in zip(LEADS, rows, strict=True)
        )
        beats += "</repbeats>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<restingecgdata xmlns="http://www3.medical.philips.com">'
        "<documentinfo><documenttype>SierraECG</documenttype><documentversion>1.04</documentversion></documentinfo>"
        f"<dataacquisition><signalcharacteristics><samplingrate>{rate:g}</samplingrate>"
        "<signalresolution>5</signalresolution><acquisitiontype>STD-12</acquisitiontype>"
        "<numberchannelsallocated>12</numberchannelsallocated></signalcharacteristics></dataacquisition>"
        f'<waveforms>{beats}<parsedwaveforms dataencoding="Base64" compression="{packing}" '
        f'numberofleads="12" leadlabels="{" ".join(LEADS)}" durationperchannel="{signals.shape[1] * 1000 / rate:g}">'
        f"{base64.encodebytes(data).decode()}</parsedwaveforms></waveforms></restingecgdata>\n"
    ).encode()


def xli(samples: Sequence[int]) -> bytes:
    """Pack one lead: second differences about 64, high bytes before low ones, LZW with 10 bits a code."""
    x = np.asarray(samples, dtype=np.int64)
    left = 2 * x[1:-1] - x[:-2] - x[2:]
    coded = np.concatenate([x[:2], left[1:] + 64, [64]]).astype(np.int16).view(np.uint16)
    plain = np.concatenate([coded >> 8, coded & 0xFF]).astype(np.uint8).tobytes()
    known = {bytes([k]): k for k in range(256)}
    codes, word = [], b""
    for byte in plain:
        longer = word + bytes([byte])
        if longer in known:
            word = longer
            continue
        codes.append(known[word])
        if len(known) <= 1022:
            known[longer] = len(known)
        word = bytes([byte])
    codes += [known[word], 1023]
    bits = "".join(f"{code:010b}" for code in codes)
    bits += "0" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return struct.pack("<ihh", len(data), 1, int(left[0])) + data


def edf(
    signals: np.ndarray,
    rate: float,
    *,
    names: Sequence[str] = tuple(f"ECG {lead}" for lead in LEADS),
    seconds: float = 1.0,
    annotated: bool = True,
) -> bytes:
    """Return EDF+ with 1 uV a digit and a signal of annotations; what is left of the last data record is cut."""
    width = round(seconds * rate)
    records = signals.shape[1] // width
    digits = np.round(signals[:, : records * width] * 1000).astype("<i2").reshape(len(signals), records, width)
    labels = [*names, *(["EDF Annotations"] if annotated else [])]
    widths = [width] * len(names) + ([16] if annotated else [])
    columns: list[tuple[int, list[object]]] = [
        (16, labels), (80, ["AgAgCl"] * len(labels)), (8, ["uV"] * len(names) + [""] * annotated),
        (8, [-32768] * len(labels)), (8, [32767] * len(labels)),
        (8, [-32768] * len(labels)), (8, [32767] * len(labels)),
        (80, [""] * len(labels)), (8, widths), (32, [""] * len(labels)),
    ]  # fmt: skip
    first = [
        (8, "0"), (80, "4711 F 01-JAN-1950 Doe"), (80, "Startdate 02-JAN-2020"), (8, "02.01.20"), (8, "03.04.05"),
        (8, 256 * (1 + len(labels))), (44, "EDF+C"), (8, records), (8, f"{seconds:g}"), (4, len(labels)),
    ]  # fmt: skip
    header = "".join(str(text).ljust(size) for size, text in first)
    header += "".join(str(text).ljust(size) for size, texts in columns for text in texts)
    body = b""
    for record in range(records):
        body += digits[:, record].tobytes()
        body += f"+{record * seconds:g}\x14\x14".encode().ljust(32, b"\0") if annotated else b""
    return header.encode("ascii") + body


def table(
    signals: np.ndarray,
    rate: float,
    *,
    names: Sequence[str] = tuple(f"{lead} [mV]" for lead in LEADS),
    separator: str = ",",
    clock: str = "time [s]",
) -> bytes:
    """Return a table with a time column (none where `clock` is empty); an absent sample is an empty cell."""
    lines = [separator.join([*([clock] if clock else []), *names])]
    for k, row in enumerate(signals.T):
        cells = [f"{k / rate:.6f}"] if clock else []
        cells += ["" if np.isnan(value) else f"{value:.6f}" for value in row]
        lines.append(separator.join(cells))
    return ("\n".join(lines) + "\n").encode()
