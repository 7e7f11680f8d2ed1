"""Philips Sierra XML, restingecgdata 1.03 and 1.04: leads as base64, packed by XLI, with representative beats.

XLI, after the open readers of this format (Watford, sierra-ecg-tools, MIT): each lead is a chunk of 8 bytes header
and LZW of 10 bits a code. What unpacks are the high bytes of all samples, then the low ones. They are second
differences about 64, from two first samples. III, aVR, aVL and aVF are kept as what is left of them after I and II.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

from scartools.errors import InputError
from scartools.files import record_xml
from scartools.files.record_contents import (
    Contents,
    Waveform,
    count,
    number,
    read_whole,
    require_rate,
    require_size,
)
from scartools.files.record_leads import LEADS
from scartools.files.record_xml import text_of

if TYPE_CHECKING:
    import numpy as np

VERSIONS = ("1.03", "1.04", "1.04.01", "1.04.02")
MAX_BYTES = 32 << 20
MAX_SAMPLES = 1 << 20  # of a lead: half an hour
_HEADER = 8
_CODE_BITS = 10
_MICROVOLT = 1e-3


def read(path: Path) -> Contents:
    """Read the recording of a Philips file, and its representative beat where that has a rate and a resolution."""
    root = record_xml.parse(path, read_whole(path, limit=MAX_BYTES))
    version = text_of(root, "documentinfo/documentversion")
    if version not in VERSIONS:
        raise InputError(
            f"is Philips XML of the version {version[:20]!r}",
            where=path,
            remedy=f"{', '.join(VERSIONS)} are read; convert it to DICOM",
        )
    signal = root.find("dataacquisition/signalcharacteristics")
    waveforms = root.find(".//parsedwaveforms")
    if signal is None or waveforms is None:
        raise InputError("has no parsedwaveforms", where=path, remedy="Export it with its waveforms")
    rate = require_rate(path, number(path, text_of(signal, "samplingrate"), "samplingrate"))
    step = number(path, text_of(signal, "signalresolution"), "signalresolution")
    if not step > 0:
        raise InputError(f"states a signalresolution of {step:g} uV", where=path, remedy="Export it again")
    names = _names(path, signal, waveforms)
    digits = _digits(path, waveforms, names, rate)
    rhythm = Waveform(names, digits * (step * _MICROVOLT), rate)
    facts: dict[str, Any] = {"Format": "Philips XML"}
    return Contents(rhythm, _beat(path, root), facts, (path,))


def _names(path: Path, signal: Element, waveforms: Element) -> tuple[str, ...]:
    labels = waveforms.get("leadlabels", "").split()
    if labels:
        return tuple(labels[: count(path, waveforms.get("numberofleads") or str(len(labels)), "numberofleads")])
    channels = count(path, text_of(signal, "numberchannelsallocated"), "numberchannelsallocated")
    if channels < len(LEADS) or text_of(signal, "acquisitiontype") not in ("STD-12", "10-WIRE"):
        raise InputError("names no leads", where=path, remedy="Convert it to DICOM")
    require_size(path, channels, 1)
    return (*LEADS, *(f"channel {k}" for k in range(len(LEADS), channels)))


def _digits(path: Path, waveforms: Element, names: tuple[str, ...], rate: float) -> np.ndarray:
    """Return the samples as numbers, int (leads, T)."""
    import numpy as np

    milliseconds = number(path, waveforms.get("durationperchannel"), "durationperchannel")
    samples = int(milliseconds * rate / 1000) if 0 < milliseconds < 1e9 else 0
    require_size(path, len(names), samples)
    packing = waveforms.get("compressmethod") or waveforms.get("compression") or "Uncompressed"
    if waveforms.get("dataencoding") != "Base64" or packing not in ("XLI", "Uncompressed"):
        raise InputError(
            f"has waveforms as {waveforms.get('dataencoding', '')[:20]!r}, {packing[:20]!r}",
            where=path,
            remedy="Base64 with XLI or without packing is read",
        )
    data = _decoded(path, waveforms.text)
    if packing == "Uncompressed":
        if len(data) < len(names) * samples * 2:
            raise InputError(
                f"holds {len(data)} bytes where {len(names)} x {samples} samples are due",
                where=path,
                remedy="It is truncated: copy it again",
            )
        return np.frombuffer(data, "<i2", len(names) * samples).reshape(len(names), samples).astype(np.int64)
    if samples > MAX_SAMPLES:
        raise InputError(f"claims {samples} samples a lead, over the limit of {MAX_SAMPLES}", where=path)
    leads = _unpacked(path, data, names, samples)
    if names[:6] == LEADS[:6]:
        _restore_limb_leads(leads)
    return leads


def _unpacked(path: Path, data: bytes, names: tuple[str, ...], samples: int) -> np.ndarray:
    """Unpack one chunk a lead."""
    import numpy as np

    leads, at = np.zeros((len(names), samples), np.int64), 0
    for row, name in enumerate(names):
        size, _, start = struct.unpack_from("<ihh", data, at) if at + _HEADER <= len(data) else (-1, 0, 0)
        if size < 1 or at + _HEADER + size > len(data):
            raise InputError(
                f"has a damaged chunk of the lead {name[:20]}",
                where=path,
                remedy="It is truncated: copy it again",
            )
        most = 4 * samples + 4096  # bytes; all of a chunk is needed, for high and low bytes are its halves
        unpacked = _lzw(data[at + _HEADER : at + _HEADER + size], limit=most)
        at += _HEADER + size
        half = (len(unpacked) + 1) // 2
        if half < samples or samples < 2 or len(unpacked) > most:
            raise InputError(
                f"holds {half} samples of the lead {name[:20]} where it claims {samples}",
                where=path,
                remedy="It is truncated: copy it again",
            )
        pairs = np.frombuffer(unpacked[: 2 * half].ljust(2 * half, b"\0"), np.uint8).reshape(2, half)
        coded = (pairs[0].astype(np.uint16) << 8 | pairs[1]).astype(np.int16)[:samples]
        leads[row] = _summed(coded, start)
    return leads


def _summed(coded: np.ndarray, last: int) -> np.ndarray:
    """Undo the differences: x[k] = 2 x[k-1] - x[k-2] - e[k-1], e[1] = `last`, e[k] = coded[k] - 64; 16 bits."""
    import numpy as np

    values = coded.astype(np.int64).tolist()
    before, now = values[0], values[1]
    for k in range(2, len(values)):
        before, now, last, values[k] = now, 2 * now - before - last, values[k] - 64, 2 * now - before - last
    return np.array([((value + 0x8000) & 0xFFFF) - 0x8000 for value in values])


def _lzw(data: bytes, limit: int) -> bytes:
    """Unpack LZW with codes of 10 bits, the high bit first, until it passes `limit` bytes."""
    most = (1 << _CODE_BITS) - 2
    words: list[bytes] = [bytes([k]) for k in range(256)]
    found, size, previous = [], 0, b""
    bits = held = 0
    for byte in data:
        held = (held << 8 | byte) & 0xFFFFFF
        bits += 8
        if bits < _CODE_BITS:
            continue
        bits -= _CODE_BITS
        code = held >> bits & ((1 << _CODE_BITS) - 1)
        if code > most or (code >= len(words) and (code > len(words) or not previous)):
            break  # the end, or a code that nothing has defined
        word = words[code] if code < len(words) else previous + previous[:1]
        if previous and len(words) <= most:
            words.append(previous + word[:1])
        found.append(word)
        size += len(word)
        if size > limit:
            break
        previous = word
    return b"".join(found)


def _restore_limb_leads(leads: np.ndarray) -> None:
    """Make III, aVR, aVL and aVF of what was kept of them; halves are rounded down, as the packer did."""
    i, ii = leads[0], leads[1]
    leads[2] = ii - i - leads[2]
    leads[3] = -leads[3] - (i + ii) // 2
    leads[4] = (i - leads[2]) // 2 - leads[4]
    leads[5] = (ii + leads[2]) // 2 - leads[5]


def _beat(path: Path, root: Element) -> Waveform | None:
    """Return the representative beat; None where there is none, or version 1.03 states no rate or resolution for it."""
    import numpy as np

    beats = root.find(".//repbeats")
    if beats is None or not beats.get("samplespersec") or not beats.get("resolution"):
        return None
    rate = require_rate(path, number(path, beats.get("samplespersec"), "samplespersec"))
    step = number(path, beats.get("resolution"), "resolution of the representative beat")
    names, rows = [], []
    for one in beats.iter("repbeat"):
        waveform = one.find("waveform")
        data = _decoded(path, (one if waveform is None else waveform).text)
        names.append(one.get("leadname", ""))
        rows.append(np.frombuffer(data[: len(data) // 2 * 2], "<i2") * (step * _MICROVOLT))
    if not rows or len({len(row) for row in rows}) > 1 or not len(rows[0]):
        raise InputError("has a representative beat of leads of different lengths", where=path)
    return Waveform(tuple(names), np.stack(rows), rate)


def _decoded(path: Path, text: str | None) -> bytes:
    try:
        return base64.b64decode(re.sub(r"\s+", "", text or ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"has damaged base64 ({error})", where=path, remedy="Copy it again") from error
