"""DICOM waveforms: 12-lead and general ECG. The rhythm and the median beat are multiplex groups told apart by their labels.

PS3.3 C.10.9 (Waveform Module), A.34 (ECG IODs), CID 3001 (leads). What the reader takes from a file is the waveform
sequence and the class of the object: the patient module is never parsed.
"""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scartools.errors import InputError
from scartools.files.record_contents import (
    Contents,
    Waveform,
    millivolts_per,
    number,
    read_whole,
    require_rate,
    require_size,
)
from scartools.files.record_leads import lead_of

if TYPE_CHECKING:
    import numpy as np

MAGIC, MAGIC_AT = b"DICM", 128
ECG_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.9.1.1": "12-lead ECG",
    "1.2.840.10008.5.1.4.1.1.9.1.2": "general ECG",
    "1.2.840.10008.5.1.4.1.1.9.1.4": "general 32-bit ECG",
}
_DEFLATED = "1.2.840.10008.1.2.1.99"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_BEAT_WORDS = ("MEDIAN", "BEAT", "REPRESENTATIVE", "AVERAGE", "TEMPLATE")
# (WaveformBitsAllocated, WaveformSampleInterpretation) to a numpy type
_TYPES = {
    (8, "SB"): "i1",
    (8, "UB"): "u1",
    (16, "SS"): "i2",
    (16, "US"): "u2",
    (32, "SL"): "i4",
    (32, "UL"): "u4",
}


def read(path: Path) -> Contents:
    """Read the rhythm group of a DICOM ECG, and its median beat where there is one."""
    dataset = _dataset(path)
    groups = [(_label(group), group) for group in _items(path, dataset, "WaveformSequence")]
    beats = [group for label, group in groups if _is_beat(label)]
    named = [group for label, group in groups if "RHYTHM" in label and not _is_beat(label)]
    others = [group for label, group in groups if not _is_beat(label)]
    rhythms = named or [group for group in others if str(group.get("WaveformOriginality", "")) != "DERIVED"]
    if len(rhythms) != 1 or len(beats) > 1:
        labels = ", ".join(label[:16] or "without a label" for label, _ in groups) or "none"
        raise InputError(
            f"holds {len(rhythms)} groups that may be the rhythm and {len(beats)} median beats, where one rhythm is due",
            where=path,
            remedy=f"Its multiplex groups are: {labels}",
        )
    big = str(dataset.file_meta.get("TransferSyntaxUID", "")) == _BIG_ENDIAN
    rhythm, facts = _waveform(path, rhythms[0], big)
    beat = _waveform(path, beats[0], big)[0] if beats else None
    return Contents(rhythm, beat, {"Format": "DICOM", **facts}, (path,))


def _dataset(path: Path) -> Any:
    data = read_whole(path)
    if _DEFLATED.encode() in data[:2048]:  # its size unpacked is not known beforehand
        raise InputError("is deflated DICOM", where=path, remedy="Export it as explicit VR little endian")
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about values we do not read
            dataset = pydicom.dcmread(BytesIO(data), specific_tags=["SOPClassUID", "WaveformSequence"])
            uid = str(dataset.get("SOPClassUID", ""))
            if uid not in ECG_CLASSES:
                name = pydicom.uid.UID(uid).name[:60] if uid else "an object without a class"
                raise InputError(
                    f"is DICOM, but no 12-lead ECG: {name}",
                    where=path,
                    remedy=f"{', '.join(ECG_CLASSES.values())} are read",
                )
            for group in _items(path, dataset, "WaveformSequence"):  # read through now, while errors are met
                str(group)
    except InputError:
        raise
    except (
        Exception
    ) as error:  # pydicom raises what its parser trips over: InvalidDicomError, EOFError, KeyError ...
        said = " ".join(str(error).split())[:120]
        raise InputError(
            f"cannot be read as DICOM ({said})", where=path, remedy="Copy or export it again"
        ) from error
    return dataset


def _items(path: Path, element: Any, key: str) -> list[Any]:
    """Return the items of a sequence; none where it is absent."""
    from pydicom.sequence import Sequence

    value = element.get(key)
    if value is not None and not isinstance(value, Sequence):
        raise InputError(f"has a {key} that is no sequence", where=path, remedy="Copy or export it again")
    return list(value or ())


def _is_beat(label: str) -> bool:
    return any(word in label for word in _BEAT_WORDS)


def _label(group: Any) -> str:
    return str(group.get("MultiplexGroupLabel", "") or "").upper().strip()


def _waveform(path: Path, group: Any, big_endian: bool) -> tuple[Waveform, dict[str, Any]]:
    """Return the channels of a multiplex group that are leads, in mV, and what its filters were."""
    import numpy as np

    channels, samples = (
        _whole(path, group, key) for key in ("NumberOfWaveformChannels", "NumberOfWaveformSamples")
    )
    require_size(path, channels, samples)
    rate = require_rate(path, _number(path, group, "SamplingFrequency"))
    sources = _items(path, group, "ChannelDefinitionSequence")
    if len(sources) != channels:
        raise InputError(f"claims {channels} channels and describes {len(sources)}", where=path)
    digits, padding = _digits(path, group, channels, samples, big_endian)
    names, rows, filters = [], [], []
    for column, source in enumerate(sources):
        name = _name(path, source)
        if lead_of(name) is None:
            continue
        gain, baseline = _scale(path, source, name)
        row = digits[:, column] * gain + baseline
        if padding is not None:
            row[digits[:, column] == padding] = np.nan
        names.append(name)
        rows.append(row)
        filters.append(_filters(path, source))
    if not rows:
        raise InputError("has no channel that is one of the twelve leads", where=path)
    facts = {"Filters": filters[0]} if filters[0] and all(one == filters[0] for one in filters) else {}
    # the sample at which the median beat was triggered; the first sample is number 1
    trigger = group.get("TriggerSamplePosition")
    inside = isinstance(trigger, int) and 1 <= trigger <= samples
    return Waveform(tuple(names), np.stack(rows), rate, trigger - 1 if inside else None), facts


def _digits(
    path: Path, group: Any, channels: int, samples: int, big_endian: bool
) -> tuple[np.ndarray, int | None]:
    """Return the numbers of a group, (T, channels), and the one that stands for no sample."""
    import numpy as np

    bits, kind = (
        _whole(path, group, "WaveformBitsAllocated"),
        str(group.get("WaveformSampleInterpretation", "")),
    )
    if (bits, kind) not in _TYPES:
        raise InputError(
            f"has samples of {bits} bits and the interpretation {kind[:10]!r}",
            where=path,
            remedy=f"{', '.join(sorted(name for _, name in _TYPES))} are read",
        )
    stored = np.dtype(_TYPES[bits, kind]).newbyteorder(">" if big_endian else "<")
    data = group.get("WaveformData")
    wanted = channels * samples * stored.itemsize
    if not isinstance(data, bytes) or len(data) < wanted:
        raise InputError(
            f"holds {len(data) if isinstance(data, bytes) else 0} bytes of waveform where it claims {wanted}",
            where=path,
            remedy="It is truncated: copy or export it again",
        )
    padding = group.get("WaveformPaddingValue")
    if isinstance(padding, bytes):
        padding = (
            int(np.frombuffer(padding[: stored.itemsize], stored)[0])
            if len(padding) >= stored.itemsize
            else None
        )
    digits = np.frombuffer(data[:wanted], stored).reshape(samples, channels)
    return digits, padding if isinstance(padding, int) else None


def _name(path: Path, source: Any) -> str:
    """Return the name of a lead: its code of CID 3001, or what the code means; both where they contradict is an error."""
    codes = _items(path, source, "ChannelSourceSequence")
    code = str(codes[0].get("CodeValue", "") or "") if codes else ""
    meaning = str(codes[0].get("CodeMeaning", "") or "") if codes else ""
    meaning = meaning or str(source.get("ChannelLabel", "") or "")
    by_code, by_meaning = lead_of(code), lead_of(meaning)
    if by_code and by_meaning and by_code != by_meaning:
        raise InputError(
            f"calls a lead {meaning[:20]} with the code {code[:20]} of another",
            where=path,
            remedy="Export it again",
        )
    return code if by_code else meaning


def _scale(path: Path, source: Any, name: str) -> tuple[float, float]:
    """Return mV a digit, and the mV of digit 0."""
    units = _items(path, source, "ChannelSensitivityUnitsSequence")
    if source.get("ChannelSensitivity") is None or not units:
        raise InputError(f"states no sensitivity or no unit for the lead {name[:20]}", where=path)
    millivolts = millivolts_per(path, str(units[0].get("CodeValue", "")))
    step = _number(path, source, "ChannelSensitivity")
    step *= _number(path, source, "ChannelSensitivityCorrectionFactor", 1.0)
    if step == 0:
        raise InputError(f"states the sensitivity 0 for the lead {name[:20]}", where=path)
    return step * millivolts, _number(path, source, "ChannelBaseline", 0.0) * millivolts


def _filters(path: Path, source: Any) -> dict[str, float]:
    """Return the filters that were on, Hz; 0 or nothing is none."""
    keys = {"HighPass": "FilterLowFrequency", "LowPass": "FilterHighFrequency", "Notch": "NotchFilterFrequency"}
    stated = {name: _number(path, source, key, 0.0) for name, key in keys.items()}
    return {name: round(value, 4) for name, value in stated.items() if value > 0}


def _number(path: Path, element: Any, key: str, otherwise: float | None = None) -> float:
    value = element.get(key)
    if (value is None or value == "") and otherwise is not None:
        return otherwise
    return number(path, "" if value is None else str(value), key)


def _whole(path: Path, element: Any, key: str) -> int:
    value = element.get(key)
    if not isinstance(value, int):
        raise InputError(f"states no {key}", where=path, remedy="Export it again")
    return int(value)
