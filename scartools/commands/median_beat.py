"""Make the one beat that stands for an ECG recording.

The beats of a 12-lead record are found, laid on each other and combined into one: 12 leads of 600 samples
at 500 Hz, R at sample 200, from 0.4 s before to 0.8 s after it. RECORD is any WFDB record with the twelve
standard leads and a stated sampling rate of 100 Hz or more; a digitised page holds 2.5 s or so a lead, and
each lead is made from the beats in its own column.

A record is refused that is flat, has no two beats alike, lacks one of the twelve leads, or whose heart rate
is below 20 or above 300 a minute. A beat that is made but doubtful says so in its warnings.

OUTPUT FILES

OUTPUT is a WFDB record; samples that no beat covers are WFDB's invalid value. OUTPUT.json has, per lead, the
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

Another rate is brought to 500 Hz by a polyphase filter without phase shift. At heart rates above 75 the next
beat lies within the window, as it does on the page.

EXAMPLES

    scartools median-beat cohort/truth/sim-0001/ecg.hea -o beat.hea
    scartools median-beat cohort/truth/sim-0002/ecg.hea --high-pass 0.5 -o beat-filtered.hea

REFERENCES

Strodthoff N et al. PTB-XL+, a comprehensive electrocardiographic feature dataset. Sci Data 2023;10:279.
doi:10.1038/s41597-023-02153-8
Kligfield P et al. Recommendations for the standardization and interpretation of the electrocardiogram, part I.
Circulation 2007;115:1306. doi:10.1161/CIRCULATIONAHA.106.180200
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from scartools.cli.contracts import Kind, Reads, Writes
from scartools.cli.options import Force, Output

KIND: Kind = "exact"
log = logging.getLogger(__name__)

# what a record's sidecar says of its source and a reader of the beat must know
PASSED_ON = (
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

RecordFile = Annotated[
    Path, typer.Argument(metavar="RECORD", help="Header of the 12-lead record."), Reads("record")
]
HighPass = Annotated[
    float | None,
    typer.Option(
        "--high-pass",
        metavar="HZ",
        min=0.05,
        max=2,
        help="Take out baseline wander below this, without phase shift; see NOTES.",
    ),
]


def median_beat(
    record: RecordFile,
    output: Annotated[Output, Writes("beat")],
    high_pass: HighPass = None,
    force: Force = False,
) -> dict[str, Any]:
    """Read the record, make the beat, write it."""
    from scartools.ecg import beat as library
    from scartools.errors import concerning
    from scartools.files.record import BEAT_RATE_HZ, Record, read_record, write_beat

    recording = read_record(record)
    with concerning(record):
        made = library.median_beat(recording.signals, recording.rate, high_pass_hz=high_pass)
    facts = {**made.facts, "Record": {key: recording.facts[key] for key in PASSED_ON if key in recording.facts}}
    if facts["Record"].get("Status") == "needs_review":
        facts["Warnings"] = [*facts["Warnings"], "the page it was read from needs a review"]
    for warning in facts["Warnings"]:
        log.warning("%s: %s", record, warning)
    write_beat(output, Record(made.signals, BEAT_RATE_HZ, facts, recording.sources), force=force)
    log.info(
        "%s: %d of %d beats, %.0f a minute, quality %.2f",
        output,
        facts["BeatsUsed"],
        facts["BeatsFound"],
        facts["HeartRate"],
        facts["Quality"],
    )
    return {"Output": str(output), **facts}
