"""ECG records and median beats: WFDB files with a JSON sidecar.

Twelve leads in the order I II III aVR aVL aVF V1-V6, millivolts, an explicit sampling rate; absent samples
are WFDB's invalid value on disk and NaN in memory (a 3 x 4 page holds 2.5 s a lead).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from scartools.errors import InputError
from scartools.files import atomic, provenance
from scartools.files.provenance import Source, source_of

if TYPE_CHECKING:
    import numpy as np

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
ADC_UNITS_PER_MV = 1000  # 1 uV a step: the range of format 16 is then +-32.767 mV
BEAT_RATE_HZ, BEAT_SAMPLES, BEAT_R_SAMPLE = 500, 600, 200  # -0.4 ... +0.8 s around R
MAX_HEADER_BYTES = 64 << 10
MAX_SAMPLES = 1 << 28  # over all leads: six hours of twelve leads at 1000 Hz
LARGEST_MV = 50.0  # artefacts and pacing pass 10 mV; beyond this a gain is wrong
_FIRST_LINE = re.compile(r"([\w-]+)\s+([0-9]{1,3})\s+([0-9]+(?:\.[0-9]+)?)(?:/\S+)?\s+([0-9]{1,12})(?:\s.*)?")
_LEAD_LINE = re.compile(
    r"(\S+)\s+([0-9]+)(?:x1)?(?:\+[0-9]+)?\s+([0-9]+(?:\.[0-9]+)?)(?:\((-?[0-9]{1,10})\))?(?:/(\S+))?(?:\s.*)?"
)
SLOWEST_HZ, FASTEST_HZ = 20.0, 50_000.0
_BYTES_PER_SAMPLE = {"8": 1, "16": 2, "24": 3, "32": 4, "61": 2, "80": 1, "160": 2, "212": 1.5}


@dataclass(frozen=True)
class Record:
    """A 12-lead recording.

    signals  float64 (12, T), mV, rows in the order of LEADS, NaN where a sample is absent
    rate     sampling rate, Hz
    facts    the sidecar: source kind, scales and how they were found, quality per lead
    sources  the files it was read from; empty for a record made in memory
    """

    signals: np.ndarray
    rate: float
    facts: dict[str, Any] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()


def read_record(path: Path) -> Record:
    """Read a WFDB record from its header file (`.hea`), leads brought into the standard order.

    Lead names are matched without regard to case; leads beyond the twelve are left out.
    Raises InputError for a header that points outside its own folder, claims more samples than its signal
    file holds, states no rate or a unit other than mV or uV, or lacks a lead.
    """
    import numpy as np
    import wfdb

    header = _header_of(path)
    files = _signal_files(path, header)
    try:
        raw = wfdb.rdrecord(str(path.with_suffix("")), physical=True, smooth_frames=True)
    except Exception as error:  # wfdb raises what its parser trips over: ValueError, IndexError, KeyError ...
        raise InputError(
            f"cannot be read as WFDB ({error})", where=path, remedy="Export the record again"
        ) from error
    order = _standard_order(path, raw.sig_name)
    signals = np.asarray(raw.p_signal, dtype=np.float64).T[order]  # (12, T)
    signals *= np.array([_millivolts_per(path, raw.units[i]) for i in order])[:, None]
    if not np.nanmax(np.abs(signals), initial=0.0) <= LARGEST_MV:
        raise InputError(
            f"holds {np.nanmax(np.abs(signals)):.4g} mV, more than any ECG",
            where=path,
            remedy="Check gains and units",
        )
    if np.isnan(signals).all():
        raise InputError("holds no valid sample in any lead", where=path)
    sidecar = provenance.sidecar_path(path)
    facts = _facts_beside(sidecar)
    return Record(signals, float(raw.fs), facts, tuple(source_of(file) for file in (path, *files)))


def write_record(
    output: Path,
    record: Record,
    *,
    sources: Sequence[Source] = (),
    companions: Mapping[str, bytes] | None = None,
    force: bool = False,
) -> None:
    """Write a record as NAME.hea, NAME.dat, NAME.json and NAME.prov.json.

    output      the header file, ending in .hea
    companions  more files by name, published beside the record: all of them or none
    Raises InputError when a sample is beyond what 16 bits hold at 1000 units a mV.
    """
    digital = _digital(output, record)

    def save(path: Path) -> None:
        _save(path, digital, record.rate)
        for name, content in (companions or {}).items():
            path.with_name(name).write_bytes(content)

    atomic.publish(output, save, facts=_facts_of(record), sources=[*record.sources, *sources], force=force)


def save_record(path: Path, record: Record) -> None:
    """Write NAME.hea, NAME.dat and NAME.json into a folder that is being made and will be published whole."""
    _save(path, _digital(path, record), record.rate)
    ours = {"GeneratedBy": provenance.GENERATED_BY, "Files": [path.name, path.with_suffix(".dat").name]}
    provenance.write_json(provenance.sidecar_path(path), {**_facts_of(record), **ours})


def _facts_of(record: Record) -> dict[str, Any]:
    return {**record.facts, "SamplingFrequency": record.rate, "Units": "mV", "Leads": list(LEADS)}


def _digital(output: Path, record: Record) -> np.ndarray:
    """Turn the signals of a record into the numbers of its file, int64 (T, 12); refuse what it cannot hold."""
    import numpy as np

    signals = np.asarray(record.signals, dtype=np.float64)
    if signals.ndim != 2 or signals.shape[0] != len(LEADS) or not signals.shape[1]:
        raise InputError(f"a record has the shape (12, samples), this one {signals.shape}", where=output)
    if not re.fullmatch(r"[\w-]+", output.stem, re.ASCII) or output.suffix != ".hea":
        raise InputError(
            "cannot name a WFDB record",
            where=output,
            remedy="Use letters, digits, '_' and '-', and end in .hea",
        )
    if np.isnan(signals).all():
        raise InputError("has no valid sample in any lead", where=output)
    if not record.rate > 0:
        raise InputError(f"a record needs a sampling rate above 0 Hz, this one has {record.rate}", where=output)
    largest = float(np.nanmax(np.abs(signals), initial=0.0))
    limit = 32767 / ADC_UNITS_PER_MV
    if not largest <= limit:
        raise InputError(
            f"holds {largest:.4g} mV, beyond the {limit} mV of a 16-bit record",
            where=output,
            remedy="Check the unit and the gain of the input",
        )
    digital = np.round(signals.T * ADC_UNITS_PER_MV)
    # -32768 is WFDB's invalid sample
    return np.asarray(np.where(np.isnan(digital), -32768, digital), dtype=np.int64)


def _save(path: Path, digital: np.ndarray, rate: float) -> None:
    """Write header and signals, int (T, 12) within 16 bits, as wfdb.wrsamp does byte by byte.

    Importing wfdb takes longer than reading a drawn page.
    """
    printed = str(int(rate)) if round(rate, 8) == int(rate) else str(rate)
    lines = [f"{path.stem} {len(LEADS)} {printed} {len(digital)}"]
    for lead, samples in zip(LEADS, digital.T, strict=True):
        gain = f"{float(ADC_UNITS_PER_MV)}(0)/mV"
        lines.append(f"{path.stem}.dat 16 {gain} 16 0 {samples[0]} {samples.sum() % 65536} 0 {lead}")
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    path.with_suffix(".dat").write_bytes(digital.astype("<i2").tobytes())


def read_beat(path: Path) -> Record:
    """Read a median beat: a record of 12 x 600 samples at 500 Hz with R at sample 200."""
    beat = read_record(path)
    if beat.signals.shape[1] != BEAT_SAMPLES or beat.rate != BEAT_RATE_HZ:
        raise InputError(
            f"has {beat.signals.shape[1]} samples at {beat.rate:g} Hz where a beat has {BEAT_SAMPLES} at {BEAT_RATE_HZ}",
            where=path,
            remedy="A recording becomes a beat through median-beat",
        )
    return beat


def write_beat(output: Path, beat: Record, *, sources: Sequence[Source] = (), force: bool = False) -> None:
    """Write a median beat; refuses any other shape or rate than 12 x 600 at 500 Hz."""
    _require_beat(output, beat)
    write_record(output, beat, sources=sources, force=force)


def save_beat(path: Path, beat: Record) -> None:
    """Write a beat into a folder that is being made and will be published whole; see `save_record`."""
    _require_beat(path, beat)
    save_record(path, beat)


def _require_beat(output: Path, beat: Record) -> None:
    if beat.signals.shape != (len(LEADS), BEAT_SAMPLES) or beat.rate != BEAT_RATE_HZ:
        raise InputError(
            f"a beat has the shape (12, {BEAT_SAMPLES}) at {BEAT_RATE_HZ} Hz, this one {beat.signals.shape} at {beat.rate:g} Hz",
            where=output,
        )


def _facts_beside(sidecar: Path) -> dict[str, Any]:
    """Return what our own sidecar says; one that is not ours may hold anything and is left alone."""
    try:
        facts = provenance.read_json(sidecar) if sidecar.is_file() else {}
    except InputError:
        return {}
    return facts if isinstance(facts.get("GeneratedBy"), dict) else {}


def _header_of(path: Path) -> list[str]:
    """Return the lines of a header that are neither empty nor comments."""
    if path.suffix != ".hea":
        raise InputError("is not a WFDB header", where=path, remedy="Name the .hea file of the record")
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


def _signal_files(path: Path, lines: list[str]) -> list[Path]:
    """Check the claims of a header and return its signal files, which must lie in the header's own folder.

    Numbers are taken in plain decimal form alone: what readers make of `5e2`, `+500` or an empty gain differs.
    """
    first = _FIRST_LINE.fullmatch(lines[0]) if lines else None
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
    needed: dict[str, float] = {}
    for line in lines[1 : 1 + leads]:
        lead = _LEAD_LINE.fullmatch(line)
        if lead is None or lead[2] not in _BYTES_PER_SAMPLE or not float(lead[3]) > 0:
            raise InputError(
                f"has a lead line with an unknown format or gain: {line[:60]!r}",
                where=path,
                remedy="Export it again",
            )
        needed[lead[1]] = needed.get(lead[1], 0.0) + _BYTES_PER_SAMPLE[lead[2]] * samples
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


def _standard_order(path: Path, names: Sequence[str]) -> list[int]:
    """Return the index of each standard lead among the names of a file."""
    found: dict[str, int] = {}
    for index, name in enumerate(names):
        key = str(name).strip().lower()
        if key in found:
            raise InputError(f"has the lead {name} twice", where=path)
        found[key] = index
    missing = [lead for lead in LEADS if lead.lower() not in found]
    if missing:
        raise InputError(
            f"lacks the leads {', '.join(missing)}",
            where=path,
            remedy=f"It has {', '.join(map(str, names[:20]))}; all twelve are due",
        )
    return [found[lead.lower()] for lead in LEADS]


def _millivolts_per(path: Path, unit: str) -> float:
    scale = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "v": 1e3}.get(str(unit).strip().lower())
    if scale is None:
        raise InputError(f"states its signals in {unit!r}", where=path, remedy="mV, uV or V are understood")
    return scale
