"""GE MUSE XML, RestingECG: leads as base64 of 16-bit numbers, eight of them stored and four to be made.

Written after the element names of restecg.dtd as MUSE 7 to 10 and the MAC carts export them. A Waveform element is a
Rhythm or the Median beat, each with a rate of its own.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

from scartools.errors import InputError
from scartools.files import record_xml
from scartools.files.record_contents import (
    Contents,
    Waveform,
    count,
    millivolts_per,
    number,
    read_whole,
    require_rate,
    require_size,
)
from scartools.files.record_xml import text_of

if TYPE_CHECKING:
    import numpy as np

_BYTES_PER_SAMPLE = 2


def read(path: Path) -> Contents:
    """Read the rhythm of a MUSE file, and its median beat where there is one."""
    root = record_xml.parse(path, read_whole(path, limit=record_xml.MAX_BYTES))
    waveforms: dict[str, list[Element]] = {"rhythm": [], "median": []}
    for element in root.iter("Waveform"):
        waveforms.setdefault(text_of(element, "WaveformType").casefold(), []).append(element)
    if len(waveforms["rhythm"]) != 1 or len(waveforms["median"]) > 1:
        raise InputError(
            f"holds {len(waveforms['rhythm'])} Waveform elements of the type Rhythm and {len(waveforms['median'])} of the "
            "type Median, where one Rhythm is due",
            where=path,
            remedy="Export one ECG a file, with its waveforms",
        )
    rhythm, off = _waveform(path, waveforms["rhythm"][0])
    beat = _waveform(path, waveforms["median"][0])[0] if waveforms["median"] else None
    facts: dict[str, Any] = {"Format": "GE MUSE XML"}
    if off:
        facts["LeadsOff"] = off
    if differ := _checksums_that_differ(waveforms["rhythm"][0]):
        facts["ChecksumsDiffer"] = differ
    return Contents(rhythm, beat, facts, (path,))


def _waveform(path: Path, element: Element) -> tuple[Waveform, list[str]]:
    """Return the leads of a Waveform element, and the names of those that were off: they are left out."""
    import numpy as np

    base = number(path, text_of(element, "SampleBase"), "SampleBase")
    exponent = number(path, text_of(element, "SampleExponent") or "0", "SampleExponent")
    if not -6 <= exponent <= 6:
        raise InputError(f"states SampleExponent {exponent:g}", where=path, remedy="Export it again")
    rate = require_rate(path, base * 10**exponent)
    leads = element.findall("LeadData")
    if not leads:
        raise InputError("has a Waveform without LeadData", where=path, remedy="Export it with its waveforms")
    starts = {
        (text_of(lead, "LeadTimeOffset") or "0", text_of(lead, "LeadOffsetFirstSample") or "0")
        for lead in leads
    }
    if len(starts) > 1:
        raise InputError(
            "has leads that begin at different times", where=path, remedy="Export the simultaneous recording"
        )
    require_size(path, len(leads), 1)
    names = [text_of(lead, "LeadID") for lead in leads]
    values = [_lead(path, lead, name) for lead, name in zip(leads, names, strict=True)]
    if len({len(one) for one in values}) > 1:
        lengths = ", ".join(f"{name[:10]} {len(one)}" for name, one in zip(names, values, strict=True))
        raise InputError(f"has leads of different lengths ({lengths})", where=path, remedy="Export it again")
    off = [
        name for lead, name in zip(leads, names, strict=True) if text_of(lead, "LeadOff").casefold() == "true"
    ]
    kept = [row for row, name in enumerate(names) if name not in off]
    signals = np.stack([values[row] for row in kept]) if kept else np.empty((0, len(values[0])))
    return Waveform(tuple(names[row] for row in kept), signals, rate), [name[:20] for name in off]


def _lead(path: Path, element: Element, name: str) -> np.ndarray:
    """Return one lead in mV, (T,)."""
    import numpy as np

    what = f"of the lead {name[:10] or '(without a name)'}"
    size = text_of(element, "LeadSampleSize") or str(_BYTES_PER_SAMPLE)
    baseline = text_of(element, "FirstSampleBaseline") or "0"
    if size != str(_BYTES_PER_SAMPLE) or number(path, baseline, f"FirstSampleBaseline {what}") != 0:
        raise InputError(
            f"has samples {what} of {size[:10]} bytes from the baseline {baseline[:10]}; 2 bytes from 0 are read",
            where=path,
            remedy="Export it with plain 16-bit samples",
        )
    step = number(path, text_of(element, "LeadAmplitudeUnitsPerBit"), f"LeadAmplitudeUnitsPerBit {what}")
    if not step > 0:
        raise InputError(
            f"states LeadAmplitudeUnitsPerBit {step:g} {what}", where=path, remedy="Export it again"
        )
    scale = step * millivolts_per(path, text_of(element, "LeadAmplitudeUnits"))
    try:
        data = _bytes_of(element)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"has damaged base64 {what} ({error})", where=path, remedy="Copy it again") from error
    # MAC carts state no count; where there is one, it holds
    stated = text_of(element, "LeadSampleCountTotal") or str(len(data) // _BYTES_PER_SAMPLE)
    claimed = count(path, stated, f"LeadSampleCountTotal {what}")
    require_size(path, 1, claimed)
    if len(data) != claimed * _BYTES_PER_SAMPLE:
        raise InputError(
            f"holds {len(data)} bytes {what} where {claimed} samples of 2 are due",
            where=path,
            remedy="It is truncated: copy or export it again",
        )
    return np.frombuffer(data, "<i2") * scale


def _bytes_of(element: Element) -> bytes:
    return base64.b64decode("".join((element.findtext("WaveFormData") or "").split()), validate=True)


def _checksums_that_differ(element: Element) -> list[str]:
    """Return the leads whose LeadDataCRC32 is not that of their bytes; 0 or nothing states none.

    A difference refuses nothing: which bytes the checksum is over was never seen in a vendor's own file.
    """
    stated = {lead: text_of(lead, "LeadDataCRC32") for lead in element.findall("LeadData")}
    return [
        text_of(lead, "LeadID")[:20]
        for lead, text in stated.items()
        if text.isascii() and text.isdigit() and int(text[:20]) not in (0, zlib.crc32(_bytes_of(lead)))
    ]
