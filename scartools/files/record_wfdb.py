"""WFDB records: the header, its signal files, and ours as they are written.

Formats 16 and 212, in which nearly every public record is stored, are read here: the wfdb package costs 0.4 s to
import and 5 ms a record. It reads the other formats.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from scartools.errors import InputError
from scartools.files import provenance
from scartools.files.record_contents import (
    FASTEST_HZ,
    MAX_SAMPLES,
    SLOWEST_HZ,
    Contents,
    Waveform,
    millivolts_per,
)
from scartools.files.record_leads import LEADS

if TYPE_CHECKING:
    import numpy as np

ADC_UNITS_PER_MV = 1000  # 1 uV a step: the range of format 16 is then +-32.767 mV
INVALID = -32768  # of format 16
MAX_HEADER_BYTES = 64 << 10
FIRST_LINE = re.compile(r"([\w-]+)\s+([0-9]{1,3})\s+([0-9]+(?:\.[0-9]+)?)(?:/\S+)?\s+([0-9]{1,12})(?:\s.*)?")
_LEAD_LINE = re.compile(
    r"(?P<file>\S+)\s+(?P<format>[0-9]+)(?:x1)?(?:\+(?P<offset>[0-9]{1,12}))?"
    r"\s+(?P<gain>[0-9]+(?:\.[0-9]+)?)(?:\((?P<baseline>-?[0-9]{1,10})\))?(?:/(?P<unit>\S+))?(?P<rest>(?:\s.*)?)"
)
_BYTES_PER_SAMPLE = {"8": 1, "16": 2, "24": 3, "32": 4, "61": 2, "80": 1, "160": 2, "212": 1.5}


@dataclass(frozen=True)
class _Lead:
    file: str
    format: str
    offset: int
    gain: float
    baseline: int
    unit: str
    name: str


def read(path: Path) -> Contents:
    """Read a record from its header file.

    Raises InputError for a header that points outside its own folder, claims more samples than its signal
    file holds, or states no rate, no gain, or a unit that is not one of voltage.
    """
    import numpy as np

    rate, samples, leads = _header(path)
    files = _signal_files(path, leads, samples)
    stored = {(lead.file, lead.format, lead.offset) for lead in leads}
    if len(stored) == len(files) and {form for _, form, _ in stored} <= {"16", "212"}:
        signals = np.empty((len(leads), samples))
        for name, form, offset in stored:
            rows = [row for row, lead in enumerate(leads) if lead.file == name]
            digital = _digital(path.parent / name, form, offset, len(rows), samples)
            for row, values in zip(rows, digital.T, strict=True):
                signals[row] = (values - float(leads[row].baseline)) / leads[row].gain
    else:
        signals = _through_wfdb(path)
    signals *= np.array([millivolts_per(path, lead.unit) for lead in leads])[:, None]
    names = tuple(lead.name for lead in leads)
    facts = _facts_beside(path)
    # a page's verdict stands in the sidecar alone: where that changes, the record is another source
    sidecar = (provenance.sidecar_path(path),) if facts else ()
    return Contents(Waveform(names, signals, rate), None, facts, (path, *files, *sidecar))


def _digital(file: Path, form: str, offset: int, leads: int, samples: int) -> np.ndarray:
    """Read the numbers of a signal file, float64 (T, leads), NaN where they mark an invalid sample."""
    import numpy as np

    wanted = leads * samples
    if form == "16":
        whole = np.fromfile(file, "<i2", wanted, offset=offset).astype(np.float64)
        whole[whole == INVALID] = np.nan
        return whole.reshape(samples, leads)
    # two samples in three bytes; the middle one has the high bits of both, those of the second one higher
    packed = np.zeros(-(-wanted // 2) * 3, np.uint8)
    there = np.fromfile(file, np.uint8, -(-wanted * 3 // 2), offset=offset)
    packed[: len(there)] = there
    low, middle, high = packed.reshape(-1, 3).T.astype(np.int16)
    pairs = np.stack([low | (middle & 0x0F) << 8, high | (middle & 0xF0) << 4], axis=1)
    whole = ((pairs.ravel()[:wanted] ^ 0x800) - 0x800).astype(np.float64)  # twelve bits with a sign
    whole[whole == -0x800] = np.nan
    return whole.reshape(samples, leads)


def _through_wfdb(path: Path) -> np.ndarray:
    import numpy as np
    import wfdb

    try:
        raw = wfdb.rdrecord(str(path.with_suffix("")), physical=True, smooth_frames=True)
    except Exception as error:  # wfdb raises what its parser trips over: ValueError, IndexError, KeyError ...
        raise InputError(
            f"cannot be read as WFDB ({error})", where=path, remedy="Export the record again"
        ) from error
    return np.asarray(raw.p_signal, dtype=np.float64).T.copy()


def save(path: Path, digital: np.ndarray, rate: float) -> None:
    """Write NAME.hea and NAME.dat in format 16, byte for byte as wfdb.wrsamp does.

    digital   int (T, 12), 1000 a mV, -32768 where a sample is absent
    """
    file = path.with_suffix(".dat").name
    lines = [f"{path.stem} {len(LEADS)} {int(rate) if rate == int(rate) else float(rate)} {len(digital)}"]
    for lead, column in zip(LEADS, digital.T, strict=True):
        checksum = int(column.sum()) % 65536
        lines.append(f"{file} 16 {float(ADC_UNITS_PER_MV)}(0)/mV 16 0 {column[0]} {checksum} 0 {lead}")
    path.with_suffix(".dat").write_bytes(digital.astype("<i2").tobytes())
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def _facts_beside(path: Path) -> dict[str, Any]:
    """Return what our own sidecar says; one that is not ours may hold anything and is left alone."""
    sidecar = provenance.sidecar_path(path)
    try:
        facts = provenance.read_json(sidecar) if sidecar.is_file() else {}
    except InputError:
        return {}
    return facts if isinstance(facts.get("GeneratedBy"), dict) else {}


def _header(path: Path) -> tuple[float, int, list[_Lead]]:
    """Return rate, samples a lead, and leads, as the header claims them.

    Numbers are taken in plain decimal form alone: what readers make of `5e2`, `+500` or an empty gain differs.
    """
    lines = _header_lines(path)
    first = FIRST_LINE.fullmatch(lines[0]) if lines else None
    if first is None:
        raise InputError(
            f"has a first line that does not state leads, rate (Hz) and length in plain numbers: {''.join(lines[:1])[:60]!r}",
            where=path,
            remedy="Export it as one segment, with its length",
        )
    leads, rate, samples = int(first[2]), float(first[3]), int(first[4])
    if leads < 1 or samples < 1 or not SLOWEST_HZ <= rate <= FASTEST_HZ:
        raise InputError(
            f"claims {leads} leads, {rate:g} Hz and {samples} samples", where=path, remedy="Export it again"
        )
    if leads * samples > MAX_SAMPLES:
        raise InputError(f"claims {leads} x {samples} samples, over the limit of {MAX_SAMPLES}", where=path)
    if len(lines) < 1 + leads:
        raise InputError(f"claims {leads} leads and describes {len(lines) - 1}", where=path)
    return rate, samples, [_lead(path, line) for line in lines[1 : 1 + leads]]


def _header_lines(path: Path) -> list[str]:
    """Return the lines of a header that are neither empty nor comments."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_HEADER_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    if len(data) > MAX_HEADER_BYTES:
        raise InputError(f"is over {MAX_HEADER_BYTES} bytes, too long for a WFDB header", where=path)
    # comments may be in any encoding; what is not plain ASCII in the other lines fails their patterns
    lines = [line.strip() for line in data.decode("utf-8", "replace").split("\n")]
    return [line for line in lines if line and not line.startswith("#")]


def _lead(path: Path, line: str) -> _Lead:
    """Read FILE FORMAT GAIN(BASELINE)/UNIT RESOLUTION ZERO FIRST CHECKSUM BLOCK NAME."""
    found = _LEAD_LINE.fullmatch(line)
    if found is None or found["format"] not in _BYTES_PER_SAMPLE or not float(found["gain"]) > 0:
        raise InputError(
            f"has a lead line with an unknown format or gain: {line[:60]!r}",
            where=path,
            remedy="Export it again",
        )
    words = found["rest"].split(None, 5)
    zero = words[1] if len(words) > 1 else "0"
    if len(words) < 6 or not re.fullmatch(r"-?[0-9]{1,10}", zero, re.ASCII):
        raise InputError(
            f"has a lead line without a name or with an odd zero: {line[:60]!r}",
            where=path,
            remedy="Export it again",
        )
    return _Lead(
        found["file"], found["format"], int(found["offset"] or 0), float(found["gain"]),
        int(found["baseline"] or zero), found["unit"] or "mV", words[5],
    )  # fmt: skip


def _signal_files(path: Path, leads: Sequence[_Lead], samples: int) -> list[Path]:
    """Return the signal files, which must lie in the header's own folder and hold what it claims."""
    needed: dict[str, float] = {}
    for lead in leads:
        needed[lead.file] = needed.get(lead.file, lead.offset) + _BYTES_PER_SAMPLE[lead.format] * samples
    return [_signal_file(path, name, size) for name, size in needed.items()]


def _signal_file(path: Path, name: str, needed_bytes: float) -> Path:
    if PurePosixPath(name).name != name or "\\" in name or name in (".", "..", "-", "~"):
        raise InputError(
            f"points to a signal file outside its folder: {name[:80]!r}",
            where=path,
            remedy="The signal file must lie beside its header",
        )
    file = path.parent / name
    if not file.is_file():
        raise InputError(f"names the signal file {name}, which is not beside it", where=path)
    size = file.stat().st_size
    if size < int(needed_bytes):
        raise InputError(
            f"holds {size} bytes where its header {path.name} claims {int(needed_bytes)}",
            where=file,
            remedy="It is truncated: copy it again",
        )
    return file
