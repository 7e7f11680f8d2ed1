"""What every format of an ECG recording is brought to, and what all of its readers refuse alike."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scartools.errors import InputError

if TYPE_CHECKING:
    import numpy as np

MAX_SAMPLES = 1 << 28  # over all leads: six hours of twelve leads at 1000 Hz
MAX_CHANNELS = 256
SLOWEST_HZ, FASTEST_HZ = 20.0, 50_000.0
LARGEST_MV = 50.0  # artefacts and pacing pass 10 mV; beyond this a gain is wrong
MAX_FILE_BYTES = 256 << 20
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,12}", re.ASCII)
_MILLIVOLTS = {"nv": 1e-6, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "mv": 1.0, "v": 1e3}
_WORDS = {
    "microvolt": "uv",
    "microvolts": "uv",
    "millivolt": "mv",
    "millivolts": "mv",
    "volt": "v",
    "volts": "v",
}


@dataclass(frozen=True)
class Waveform:
    """The leads of one recording, or of one beat, as a file holds them.

    names     of the leads, as the file gives them
    signals   float64 (leads, T), mV, NaN where a sample is absent
    rate      sampling rate, Hz
    r_sample  where the file says that R is; None where it says nothing
    """

    names: tuple[str, ...]
    signals: np.ndarray
    rate: float
    r_sample: int | None = None


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    rhythm  the recording
    beat    the median or representative beat that the device has made of it, where the file has one
    facts   for the sidecar; no name, number or date of a patient is ever among them
    files   every file that was read, the one that was named first
    """

    rhythm: Waveform
    beat: Waveform | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()


def read_whole(path: Path, *, limit: int = MAX_FILE_BYTES) -> bytes:
    """Read a file; refuses one of more than `limit` bytes before it is read."""
    try:
        with path.open("rb") as stream:
            data = stream.read(min(limit, path.stat().st_size) + 1)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    if len(data) > limit:
        raise InputError(f"is over {limit} bytes, too large for a 12-lead recording", where=path)
    return data


def number(path: Path, text: str | None, what: str) -> float:
    """Turn text into a number: plain decimals and exponents, neither NaN nor infinity."""
    text = (text or "").strip()
    value = float(text) if _NUMBER.fullmatch(text) else float("inf")
    if abs(value) == float("inf"):
        said = f"{what} {text[:40]!r}, which is not a number" if text else f"no {what}"
        raise InputError(f"states {said}", where=path, remedy="Export it again")
    return value


def count(path: Path, text: str | None, what: str) -> int:
    """Turn text into a count, 0 or more."""
    text = (text or "").strip()
    if not _COUNT.fullmatch(text):
        said = f"{what} {text[:40]!r}, which is not a count" if text else f"no {what}"
        raise InputError(f"states {said}", where=path, remedy="Export it again")
    return int(text)


def require_size(path: Path, channels: int, samples: int) -> None:
    """Refuse counts that are no recording, before anything of that size is made."""
    if not 1 <= channels <= MAX_CHANNELS or samples < 1:
        raise InputError(f"claims {channels} leads of {samples} samples", where=path, remedy="Export it again")
    if channels * samples > MAX_SAMPLES:
        raise InputError(f"claims {channels} x {samples} samples, over the limit of {MAX_SAMPLES}", where=path)


def require_rate(path: Path, rate: float) -> float:
    """Return the sampling rate; refuses one that no ECG has."""
    if not SLOWEST_HZ <= rate <= FASTEST_HZ:
        raise InputError(
            f"states a sampling rate of {rate:g} Hz; {SLOWEST_HZ:g} to {FASTEST_HZ:g} are read",
            where=path,
            remedy="Check how it was exported",
        )
    return rate


def millivolts_per(path: Path, unit: str) -> float:
    """Return how many mV one of a unit is: V, mV, uV or nV; refuses any other."""
    key = str(unit).strip().casefold()
    scale = _MILLIVOLTS.get(_WORDS.get(key, key))
    if scale is None:
        raise InputError(
            f"states its signals in {unit[:20]!r}", where=path, remedy="V, mV, uV or nV are understood"
        )
    return scale
