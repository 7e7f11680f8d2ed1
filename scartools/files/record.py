"""ECG records and median beats: read from any format a hospital hands over, written as WFDB with a JSON sidecar.

Twelve leads in the order I II III aVR aVL aVF V1-V6, millivolts, an explicit sampling rate; absent samples
are WFDB's invalid value on disk and NaN in memory (a 3 x 4 page holds 2.5 s a lead). Each format has a room of its
own (record_wfdb, record_dicom ...); what they find is brought into one form here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scartools.errors import InputError, UsageError
from scartools.files import atomic, provenance, record_wfdb
from scartools.files.provenance import Source, source_of
from scartools.files.record_contents import LARGEST_MV, Waveform
from scartools.files.record_leads import LEADS, standard_leads
from scartools.files.record_wfdb import ADC_UNITS_PER_MV

if TYPE_CHECKING:
    import numpy as np

__all__ = ["LEADS", "Record", "DeviceBeat", "read_record", "write_record", "read_beat", "write_beat"]

BEAT_RATE_HZ, BEAT_SAMPLES, BEAT_R_SAMPLE = 500, 600, 200  # -0.4 ... +0.8 s around R
_SHORTEST_DEVICE_BEAT_S, _LONGEST_DEVICE_BEAT_S = 0.2, 4.0


@dataclass(frozen=True)
class DeviceBeat:
    """The median or representative beat that a device stored beside a recording.

    signals   float64 (12, T), mV, rows in the order of LEADS
    rate      sampling rate, Hz
    r_sample  where the file says that R is; None where it says nothing
    source    in words, for the sidecar
    """

    signals: np.ndarray
    rate: float
    r_sample: int | None
    source: str


@dataclass(frozen=True)
class Record:
    """A 12-lead recording.

    signals  float64 (12, T), mV, rows in the order of LEADS, NaN where a sample is absent
    rate     sampling rate, Hz
    facts    the sidecar: source kind, scales and how they were found, quality per lead
    sources  the files it was read from; empty for a record made in memory
    device_beat  the beat that the device stored with it, where the file has one
    """

    signals: np.ndarray
    rate: float
    facts: dict[str, Any] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    device_beat: DeviceBeat | None = None


def read_record(
    path: Path, *, rate: float | None = None, unit: str | None = None, incomplete: bool = False
) -> Record:
    """Read a 12-lead recording of any format that is known, told from its content; see scartools-formats(5).

    path        a WFDB header, DICOM, GE MUSE XML, HL7 aECG, Philips XML, EDF, or a table
    rate, unit  Hz, and V, mV, uV or nV, of a table that states none; neither is ever assumed
    incomplete  precordial leads may be missing: their rows are NaN and facts["MissingLeads"] names them
    Lead names are understood as record_leads.lead_of says; missing limb leads are made from two others (facts["Derived"]),
    further leads are left out. facts never hold a name, a number or a date of a patient.
    Raises InputError for a file that is damaged, truncated or of another kind, lacks a lead, or states no rate or
    unit; UsageError for a rate or unit that contradicts what the file states.
    """
    # a command that only writes a record does without the rooms of all these formats
    from scartools.files import record_kinds, record_table

    kind = record_kinds.kind_of(path)
    if kind == "table":
        found = record_table.read(path, rate=rate, unit=unit)
    else:
        found = import_module(f"scartools.files.record_{kind}").read(path)
        _require_no_contradiction(path, found.rhythm.rate, rate, unit)
    signals, facts = _signals(path, found.rhythm, incomplete=incomplete)
    beat = None
    if found.beat is not None:
        try:
            beat = _device_beat(path, found.beat, f"median beat of the {found.facts['Format']} file")
        except InputError as error:  # the recording is as good without it
            facts["DeviceBeatLeftOut"] = error.problem
    sources = tuple(source_of(file) for file in found.files)
    return Record(signals, found.rhythm.rate, {**found.facts, **facts}, sources, beat)


def _signals(path: Path, waveform: Waveform, *, incomplete: bool) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the twelve leads of a waveform, checked, and what is to be said of them."""
    import numpy as np

    signals, facts = standard_leads(path, waveform, incomplete=incomplete)
    largest = max(float(np.fmax.reduce(signals, axis=None)), -float(np.fmin.reduce(signals, axis=None)))
    if np.isnan(largest):
        raise InputError("holds no valid sample in any lead", where=path)
    if largest > LARGEST_MV:
        raise InputError(
            f"holds {largest:.4g} mV, more than any ECG", where=path, remedy="Check gains and units"
        )
    return signals, facts


def _device_beat(path: Path, beat: Waveform, source: str) -> DeviceBeat:
    """Return the beat that the device made; precordial leads may be missing."""
    signals, _ = _signals(path, beat, incomplete=True)
    seconds = signals.shape[1] / beat.rate
    if not _SHORTEST_DEVICE_BEAT_S <= seconds <= _LONGEST_DEVICE_BEAT_S:
        raise InputError(
            f"lasts {seconds:.3g} s; {_SHORTEST_DEVICE_BEAT_S:g} to {_LONGEST_DEVICE_BEAT_S:g} are possible",
            where=path,
        )
    return DeviceBeat(signals, beat.rate, beat.r_sample, source)


def _require_no_contradiction(path: Path, stated: float, rate: float | None, unit: str | None) -> None:
    """Refuse --rate and --unit for a file that states its own, unless they say the same."""
    if rate is not None and abs(rate - stated) > 1e-3 * stated:
        raise UsageError(f"--rate {rate:g}: {path} states {stated:g} Hz", remedy="Leave it out")
    if unit is not None:
        raise UsageError(f"--unit {unit}: {path} states its own units", remedy="Leave it out")


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
        record_wfdb.save(path, digital, record.rate)
        for name, content in (companions or {}).items():
            path.with_name(name).write_bytes(content)

    atomic.publish(output, save, facts=_facts_of(record), sources=[*record.sources, *sources], force=force)


def save_record(path: Path, record: Record) -> None:
    """Write NAME.hea, NAME.dat and NAME.json into a folder that is being made and will be published whole."""
    record_wfdb.save(path, _digital(path, record), record.rate)
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
    return np.asarray(np.where(np.isnan(digital), record_wfdb.INVALID, digital), dtype=np.int64)


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


def write_beat(
    output: Path,
    beat: Record,
    *,
    sources: Sequence[Source] = (),
    companions: Mapping[str, bytes] | None = None,
    force: bool = False,
) -> None:
    """Write a median beat as `write_record` does; refuses any other shape or rate than 12 x 600 at 500 Hz."""
    _require_beat(output, beat)
    write_record(output, beat, sources=sources, companions=companions, force=force)


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
