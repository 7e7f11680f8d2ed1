"""Make the one beat that stands for an ECG recording.

The beats of a 12-lead record are found, laid on each other and combined into one: 12 leads of 600 samples
at 500 Hz, R at sample 200, from 0.4 s before to 0.8 s after it. RECORD is a 12-lead recording of 100 Hz or more;
a digitised page holds 2.5 s or so a lead, and each lead is made from the beats in its own column.

A record is refused that is flat, has no two beats alike, lacks its limb leads or all precordial ones, or whose
heart rate is below 20 or above 300 a minute. A beat that is made but doubtful says so in its warnings, and its status is
needs_review instead of accepted; --strict refuses it.

OUTPUT is one beat, NAME.hea, or a folder without a suffix for many recordings: those named, those in folders that
are named, of --list, or of a table. There each recording gives NAME.hea, and beats.tsv (of a shard
beats_I-of-N.tsv) says what became of each; the exit status is 5 when some gave no beat. With --table the other
columns of the table go along: a table with participant_id and ecg_date becomes one that pair reads, pages.tsv of
digitize-ecg is such a table too, and pretrain-ecg reads any beats.tsv. --skip-existing makes again what is
incomplete, was made with other options, or whose recording has changed.

INPUT FILES

The content tells what RECORD is, not its name: WFDB (its header), DICOM (12-lead and general ECG), GE MUSE XML,
HL7 aECG, Philips XML 1.03 and 1.04, EDF and EDF+, CSV and TSV. MUSE, aECG, Philips and EDF were tried on files made
from their specifications, not on a vendor's own; DICOM and WFDB on real ones.

A sampling rate and a unit are never assumed: a table states them in a time column ('time [s]') and the names of its
columns ('I [mV]'), or --rate and --unit do. Missing limb leads are made from two others (III = II - I ...) and named
under Derived; a missing precordial lead stays absent from the beat. scartools-formats(5) has the details.

OUTPUT FILES

A beat is a WFDB record; samples that no beat covers are WFDB's invalid value. OUTPUT.json has, per lead, the
method, the number of beats, noise and quality; the beats left out and why; R peaks, heart rate and RR
intervals; and under Record what the sidecar of RECORD says of its source. See scartools-formats(5).

NOTES

R peaks. All leads share their fiducials. They come from one signal: the mean size of the derivative (5 to 25
Hz) over the leads that are there at each time, each lead in units of its own QRS and at most 1, noisy leads with
little weight; spikes of a pacemaker (8 ms or less) are taken out first, of this signal only. Beats are laid on
each other by the leads that last as long as the record, the rhythm strip of a page. R is the
largest spatial magnitude of the combined QRS.

Beats. The template is the median of the largest group of beats alike. A beat is moved by up to 20 ms to where
its QRS, 120 ms before to 120 ms after R, correlates best with it; one below 0.9 is left out (shape), and
so is one after an RR below 0.8 of the median of the 25 around it (premature), unless the rhythm is irregular as
a whole.

Leads. Four beats or more: the median at each sample (median). Two or three: the beat with the least distance
to the others (medoid). One: that beat (single), with a warning. None: absent. A beat counts for a lead when the
lead has it from 0.2 s before to 0.4 s after R; what lies beyond the edge of a column is taken where it is there.

Level. 0 is the quietest 20 ms, over all leads, from 160 to 30 ms before R: the PR segment. It is set for each
beat. Baseline wander is not filtered unless --high-pass says so; above 0.05 Hz a high-pass changes the ST
segment, also one without phase shift.

Measurements. The fiducials are those of all leads together, in ms from R. A measurement that the beat does not allow is
null: the lead is absent, there is no P, the rule is not for this conduction. Each is defined under MEASUREMENTS. They
come from a program, not from a physician: research use only.

The device's own beat. A file may hold the median that its maker computed. It is compared with ours lead by lead
(DeviceBeat). With --prefer device it takes the place of ours where there is one, laid on the R of ours; Source says
which was taken. Rhythm and counts are always of our own beats.

Quality. Findings has, for each lead or for the record, a number, its limit, and whether it is flagged: noise, hum at
50 and 60 Hz, baseline wander, clipping, a lead that is off, exchanged cables of limbs or chest, few beats,
disagreement with the device. A flag makes a warning and a status needs_review; nothing is mended or dropped. Each
number is defined under FINDINGS.

Another rate is brought to 500 Hz by a polyphase filter without phase shift. At heart rates above 75 the next
beat lies within the window, as it does on the page.

FINDINGS

@columns scartools.ecg.quality:FINDINGS

MEASUREMENTS

@columns scartools.ecg.measurement_definitions:MEASUREMENTS

EXAMPLES

    scartools median-beat cohort/truth/sim-0001/ecg.hea -o beat.hea
    scartools median-beat cohort/truth/sim-0002/ecg.hea --high-pass 0.5 --plot beat.svg -o beat-filtered.hea
    ls cohort/truth/*/ecg.hea | scartools median-beat --list - --high-pass 0.5 -o beats
    scartools digitize-ecg cohort/ecg/sim-0001-ecg1.pdf -o read
    scartools median-beat --table read/pages.tsv -o paper
    scartools median-beat cohort/truth/sim-0001/ecg.hea cohort/truth/sim-0002/ecg.hea --plots svg -o both

REFERENCES

Strodthoff N et al. PTB-XL+, a comprehensive electrocardiographic feature dataset. Sci Data 2023;10:279.
doi:10.1038/s41597-023-02153-8
Kligfield P et al. Recommendations for the standardization and interpretation of the electrocardiogram, part I.
Circulation 2007;115:1306. doi:10.1161/CIRCULATIONAHA.106.180200

Thygesen K et al. Fourth universal definition of myocardial infarction. Circulation 2018;138:e618.
doi:10.1161/CIR.0000000000000617

Surawicz B et al. AHA/ACCF/HRS recommendations, part III: intraventricular conduction disturbances. Circulation
2009;119:e235. doi:10.1161/CIRCULATIONAHA.108.191095

Das MK et al. Significance of a fragmented QRS complex. Circulation 2006;113:2495.
doi:10.1161/CIRCULATIONAHA.105.595892

Wagner GS et al. Evaluation of a QRS scoring system for estimating myocardial infarct size. Circulation
1982;65:342. doi:10.1161/01.CIR.65.2.342
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from scartools.cli.beat_options import (
    HighPass,
    Plot,
    Plots,
    Prefer,
    Rate,
    RecordArgument,
    RecordColumn,
    RecordTable,
    Strict,
    Unit,
    require_consistent,
)
from scartools.cli.contracts import Kind, Writes
from scartools.cli.options import Force, ListFile, Output, Shard, SkipExisting

if TYPE_CHECKING:
    from scartools.files.beat_batch import Batch, Outcome
    from scartools.files.provenance import Source
    from scartools.files.record import Record

KIND: Kind = "exact"
log = logging.getLogger(__name__)

# what a record's sidecar says of its source and a reader of the beat must know
PASSED_ON = (
    "Format",
    "RateFrom",
    "Filters",
    "Derived",
    "LimbLeadsDisagree",
    "LeadsOff",
    "ChecksumsDiffer",
    "DeviceBeatLeftOut",
    "SourceKind",
    "Status",
    "Layout",
    "PaperSpeed",
    "Gain",
    "PxPerMm",
    "Found",
    "Given",
    "Quality",
    "MissingLeads",
    "LeftOut",
    "AVRTurned",
    "Simulated",
)


@dataclass(frozen=True)
class Making:
    """How beats are made: the options that change a beat. plot: the suffix of its drawing, or None."""

    high_pass: float | None
    rate: float | None
    unit: str | None
    prefer: str
    strict: bool
    plot: str | None

    def given(self) -> dict[str, Any]:
        """Return what was asked for, as the sidecar has it."""
        options = {"HighPass": self.high_pass, "Rate": self.rate, "Unit": self.unit}
        if self.prefer != "own":
            options["Prefer"] = self.prefer
        return {name: value for name, value in options.items() if value is not None}


@dataclass(frozen=True)
class Job:
    """One recording; it travels to another process."""

    record: Path
    making: Making


def median_beat(
    output: Annotated[Output, Writes("median_beats")],
    records: RecordArgument = None,
    list_file: ListFile = None,
    table: RecordTable = None,
    column: RecordColumn = "record",
    rate: Rate = None,
    unit: Unit = None,
    high_pass: HighPass = None,
    prefer: Prefer = "own",
    plot: Plot = None,
    plots: Plots = None,
    strict: Strict = False,
    shard: Shard = None,
    skip_existing: SkipExisting = False,
    force: Force = False,
    threads: int = 1,
) -> dict[str, Any]:
    """Find the recordings, make the beat of each, write the beats."""
    from scartools.cli.options import parse_shard
    from scartools.errors import UsageError
    from scartools.files import beat_batch
    from scartools.files.table import read_paths

    if table is not None and (records or list_file):
        raise UsageError("--table and RECORD or --list are both given", remedy="Give one of them")
    listed = beat_batch.find_records(read_paths(list_file)) if list_file else []
    paths = [*(records or []), *listed]
    if not paths and table is None:
        raise UsageError(
            "no RECORD given", remedy="Name recordings or a folder of them, or give --list or --table"
        )
    many = {"--table": table, "--plots": plots, "--shard": shard, "--skip-existing": skip_existing}
    require_consistent(output, paths, plot, many)
    if output.suffix == ".hea":
        making = Making(high_pass, rate, unit, prefer, strict, plot.suffix[1:] if plot else None)
        return _one(paths[0], output, making, plot, force=force)
    making = Making(high_pass, rate, unit, prefer, strict, plots)
    batch = beat_batch.Batch(output, shard, parse_shard(shard), plots, strict, skip_existing, force)
    if table is not None:
        rows, source = beat_batch.read_table(table, column)
        return _many(rows, batch, making, [source], threads)
    return _many([(path, {}) for path in beat_batch.find_records(paths)], batch, making, [], threads)


def _one(record: Path, output: Path, making: Making, plot: Path | None, *, force: bool) -> dict[str, Any]:
    from scartools.errors import concerning
    from scartools.files.beat_batch import write_beat_of

    recording = _read(Job(record, making))
    with concerning(record):
        outcome = _beat_of(recording, making)
    for warning in outcome.facts["Warnings"]:
        log.warning("%s: %s", record, warning)
    write_beat_of(output, outcome, plot.name if plot else None, force=force)
    facts = outcome.facts
    text = "%s: %d of %d beats, %.0f a minute, quality %.2f"
    log.info(text, output, facts["BeatsUsed"], facts["BeatsFound"], facts["HeartRate"], facts["Quality"])
    return {"Output": str(output), **facts}


def _many(
    rows: Sequence[tuple[Path | None, dict[str, str | None]]],
    batch: Batch,
    making: Making,
    sources: list[Source],
    threads: int,
) -> dict[str, Any]:
    from scartools.cli.processes import in_processes
    from scartools.cli.streams import track
    from scartools.errors import ItemsFailed
    from scartools.files import beat_batch
    from scartools.files.table import Column

    every, twice = beat_batch.items_of(rows)
    for name in twice:
        log.warning("%s is given twice and read once", name)
    part = every[batch.part]
    items = list(dict.fromkeys(one.item for one in part if one.item is not None))
    beat_batch.require_places(batch, items)
    done = {
        item: earlier
        for item in items
        if batch.skip_existing and (earlier := beat_batch.earlier_outcome(batch, item, making.given()))
    }
    todo = [item for item in items if item not in done]
    jobs = [Job(item.path, making) for item in todo]
    found = in_processes(_attempt, jobs, max(min(threads, len(jobs)), 1), _crashed)
    for item, outcome in zip(todo, track(found, "recordings", len(jobs)), strict=True):
        _say(item.name, outcome)
        if beat_batch.settle(batch, item, outcome):
            log.warning("%s: its earlier beat is removed", item.name)
        # what is kept for the table is small: the beats of a hospital are not
        done[item] = replace(outcome, signals=None, drawing=None)
    absent = beat_batch.Outcome("absent")
    table = [beat_batch.row_of(one, done[one.item] if one.item else absent) for one in part]
    carried = {
        name: Column("Carried over from the table that was given") for name in (rows[0][1] if rows else ())
    }
    beat_batch.write_beats(batch, table, carried, sources)
    counts = {status: sum(row["beat_status"] == status for row in table) for status in beat_batch.STATUSES}
    facts = {"Output": str(batch.output), "Counts": counts, "Made": len(todo), "Beats": table}
    bad = counts["refused"] + counts["failed"]
    if bad:
        raise ItemsFailed(
            f"{bad} of {len(table)} recordings gave no beat, the others are in {batch.output}",
            remedy=f"The reasons stand in {batch.table}",
            facts=facts,
        )
    log.info("%s: %d beats, %d need a review", batch.output, len(items), counts["needs_review"])
    return facts


def _say(name: str, outcome: Outcome) -> None:
    if outcome.reason:
        log.error("%s: %s: %s. %s", name, outcome.status, outcome.reason.rstrip("."), outcome.remedy)
    elif outcome.status == "needs_review":
        log.warning("%s: needs a review: %s", name, "; ".join(outcome.facts["Warnings"]))


def _attempt(job: Job) -> Outcome:
    """Make one beat of a batch, whatever becomes of it; runs in a process of its own."""
    from scartools.errors import InputError
    from scartools.files.beat_batch import Outcome

    status = "failed"
    try:
        recording = _read(job)
        status = "refused"
        return _beat_of(recording, job.making)
    except InputError as error:
        return Outcome(status, error.facts, error.problem, error.remedy)
    except MemoryError:
        return Outcome("failed", {}, "out of memory", "Cut the recording")
    except Exception as error:  # noqa: BLE001 - one recording never stops the others; its row tells what happened
        return Outcome("failed", {}, f"unexpected failure: {type(error).__name__}: {error}", "Report it")


def _crashed(job: Job) -> Outcome:
    from scartools.files.beat_batch import Outcome

    return Outcome("failed", {}, "its reader died: it crashed or the memory was full", "Cut the recording")


def _read(job: Job) -> Record:
    from scartools.files.record import read_record

    return read_record(job.record, rate=job.making.rate, unit=job.making.unit, incomplete=True)


def _beat_of(recording: Record, making: Making) -> Outcome:
    """Make the beat of a recording that was read, with all that is said of it."""
    from scartools.ecg.measured_beat import DeviceMedian, flagged, measured_beat
    from scartools.errors import InputError
    from scartools.files.beat_batch import Outcome

    stored = recording.device_beat
    device = None if stored is None else DeviceMedian(stored.signals, stored.rate, stored.source)
    made = measured_beat(
        recording.signals,
        recording.rate,
        high_pass_hz=making.high_pass,
        device=device,
        prefer_device=making.prefer == "device",
    )
    said = {key: recording.facts[key] for key in PASSED_ON if key in recording.facts}
    facts = {**made.facts(), "Given": making.given(), "Record": said}
    if said.get("Status") == "needs_review":
        facts["Warnings"] = [*facts["Warnings"], "the page it was read from needs a review"]
    status = "needs_review" if facts["Warnings"] else "accepted"
    facts |= {"Status": status, "Flags": flagged(made.findings)}
    if making.strict and status != "accepted":
        reasons = "; ".join(facts["Warnings"])
        raise InputError(f"needs a review: {reasons}", facts={**facts, "Status": "refused"})
    drawing = None
    if making.plot is not None:
        from scartools.ecg.beat_plot import draw_beat

        drawing = draw_beat(made.beat.signals, made.fiducials, made.measurements, f".{making.plot}")
    return Outcome(status, facts, signals=made.beat.signals, sources=recording.sources, drawing=drawing)
