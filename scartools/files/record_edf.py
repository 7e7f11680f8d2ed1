"""EDF and EDF+: a plain header, then data records of 16-bit numbers, signal after signal.

Kemp et al., Electroencephalogr Clin Neurophysiol 1992;82:391; EDF+: Kemp and Olivan, Clin Neurophysiol 2003;114:1755.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scartools.errors import InputError
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
from scartools.files.record_leads import lead_of

VERSION = b"0       "
_HEADER = 256  # bytes, of the file and again of each signal
# the fields of a signal: each stands for all signals before the next begins
_FIELDS = (
    ("label", 16), ("transducer", 80), ("unit", 8), ("low", 8), ("high", 8), ("digital_low", 8), ("digital_high", 8),
    ("filters", 80), ("samples", 8), ("reserved", 32),
)  # fmt: skip


@dataclass(frozen=True)
class _Signal:
    label: str
    samples: int  # of a data record
    start: int  # of its samples in a data record
    gain: float  # mV a digit
    zero: float  # mV at digit 0


def read(path: Path) -> Contents:
    """Read the ECG leads of an EDF file; signals that are none of the twelve leads are left out.

    Raises InputError for leads with different rates, a discontinuous recording (EDF+D), and counts that the file
    does not hold.
    """
    import numpy as np

    data = read_whole(path)
    signals, records, seconds = _header(path, data)
    leads = [one for one in signals if lead_of(one.label)]
    if not leads:
        names = ", ".join(one.label for one in signals[:20])
        raise InputError("has no signal named like a lead", where=path, remedy=f"It has {names}")
    if len({one.samples for one in leads}) > 1:
        rates = ", ".join(f"{one.label} {one.samples / seconds:g}" for one in leads)
        raise InputError(
            f"has leads of different rates ({rates} Hz)", where=path, remedy="Export them at one rate"
        )
    rate = require_rate(path, leads[0].samples / seconds)
    width = signals[-1].start + signals[-1].samples
    body = data[_HEADER * (1 + len(signals)) :][: records * width * 2]
    digits = np.frombuffer(body, "<i2").reshape(records, width)
    rows = [digits[:, one.start : one.start + one.samples].reshape(-1) * one.gain + one.zero for one in leads]
    facts: dict[str, Any] = {"Format": "EDF+" if data[192:195] == b"EDF" else "EDF"}
    return Contents(Waveform(tuple(one.label for one in leads), np.stack(rows), rate), None, facts, (path,))


def _header(path: Path, data: bytes) -> tuple[list[_Signal], int, float]:
    """Return the signals, the number of data records, and how many seconds one lasts."""
    channels = count(path, _text(data[252:256]), "number of signals")
    require_size(path, channels, 1)
    if len(data) < _HEADER * (1 + channels):
        raise InputError(
            f"holds {len(data)} bytes, less than its header",
            where=path,
            remedy="It is truncated: copy it again",
        )
    if data[192:197] == b"EDF+D":
        raise InputError("is discontinuous (EDF+D)", where=path, remedy="Export one continuous recording")
    if (stated := count(path, _text(data[184:192]), "length of its header")) != _HEADER * (1 + channels):
        raise InputError(f"states a header of {stated} bytes for {channels} signals", where=path)
    if _text(data[236:244]) == "-1":
        raise InputError("was never closed: its length is unknown", where=path, remedy="Export it again")
    records = count(path, _text(data[236:244]), "number of data records")
    seconds = number(path, _text(data[244:252]), "duration of a data record")
    if records < 1 or not seconds > 0:
        raise InputError(
            f"claims {records} data records of {seconds:g} s", where=path, remedy="Export it again"
        )
    fields = _fields(data[_HEADER : _HEADER * (1 + channels)], channels)
    signals, start = [], 0
    for index in range(channels):
        signals.append(_signal(path, {name: values[index] for name, values in fields.items()}, start))
        start += signals[-1].samples
    require_size(path, 1, records * start)
    needed = _HEADER * (1 + channels) + records * start * 2
    if len(data) < needed:
        raise InputError(
            f"holds {len(data)} bytes where its header claims {needed}",
            where=path,
            remedy="It is truncated: copy it again",
        )
    return signals, records, seconds


def _fields(block: bytes, channels: int) -> dict[str, list[str]]:
    found, at = {}, 0
    for name, width in _FIELDS:
        found[name] = [_text(block[at + k * width : at + (k + 1) * width]) for k in range(channels)]
        at += width * channels
    return found


def _signal(path: Path, field: dict[str, str], start: int) -> _Signal:
    label = field["label"]
    samples = count(path, field["samples"], f"number of samples of {label}")
    if lead_of(label) is None:
        return _Signal(label, samples, start, 0.0, 0.0)
    low, high = (number(path, field[key], f"physical range of {label}") for key in ("low", "high"))
    first, last = (
        number(path, field[key], f"digital range of {label}") for key in ("digital_low", "digital_high")
    )
    if not last > first or high == low:
        raise InputError(
            f"states that {label} goes from {low:g} to {high:g} as {first:g} to {last:g}",
            where=path,
            remedy="Export it again",
        )
    scale = millivolts_per(path, field["unit"])
    gain = (high - low) / (last - first) * scale
    return _Signal(label, samples, start, gain, low * scale - first * gain)


def _text(field: bytes) -> str:
    return field.decode("latin-1").strip(" \0")
