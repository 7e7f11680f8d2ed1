"""Read paper ECGs, PDFs or pictures, into 12-lead records.

A PDF that draws its traces is read from the drawing itself: every sample where the printer placed it, no pixel
involved. A picture, or a PDF that only wraps a scan, is read from its pixels. Then the page is asked whether it
agrees with itself; a page that does not is refused, or written with a warning where a look at it is enough.

With *.hea as OUTPUT one page becomes one record. With a folder as OUTPUT every page that is given, in folders and
in --list, becomes a record there, and pages.tsv says what became of each: one bad page never stops the others.

INPUT FILES

A PAGE may have several pages in one drawn PDF if they are one recording (six leads a page, for instance). Of several
scans in one PDF or TIFF, and of several recordings in one PDF, --page N names the one to read; without it such a file
is refused, for one record holds one recording. Leads beyond the twelve (V3R, V7 ...) are left out and named in the
sidecar. A folder stands for the pages in it, not for those in its subfolders.

BOXES says where the leads of a picture lie, for a page whose layout is not found: lead, left, top, right, bottom in
pixels of the page (as a viewer shows it; the overlay has the same pixels), and rhythm (true for a long strip) and
start_s, the time of the left edge, which is else taken from its place on the paper. --write-boxes writes such a
table of what was found, to be mended and given back.

CORRECTIONS says what a person knows better, one row a page, and is applied on every run it is given to:

@columns scartools.files.corrections:CORRECTION_COLUMNS

A row wins over the options of the command line. Rows whose page is not in the run, or has another content now, are
reported. A correction stands in the record's sidecar under Given.

OUTPUT FILES

RECORD.hea with RECORD.dat: 12 leads at 500 Hz, mV, on the clock of the page; absent where nothing is printed (a
3 x 4 page holds 2.5 s a lead and 10 s of its rhythm lead). Where a lead is printed twice the rhythm strip is taken
and the column serves as a check. In a drawn PDF zero is the foot of the calibration pulse where every row
has one, else the median of the trace; in a picture see NOTES. The place of a trace on paper is no signal.

RECORD.json says how the page was read: SourceKind (vector, raster), PxPerMm (points for a vector page), PaperSpeed
(mm/s), Gain (mm/mV), Layout, Found (printed, measured, given or assumed, for each of them), Checks with value,
limit and outcome, Status, and the Quality of each lead: StartTime, Duration, DrawnRate, Coverage, Gaps, and Noise
(uV). Given has what a person gave, Boxes where each lead was found. No text of the page is written anywhere. The
overlay is a picture of the page and shows what is printed on it, names included: keep it where the page may be kept.

With a folder as OUTPUT there are NAME.hea for each page (and NAME-overlay.png, NAME-redacted.png), named like the
page, with what WFDB does not allow made a hyphen. Where two pages have one such name, it takes the suffix too: a-pdf,
a-png. Columns of pages.tsv (of a shard: pages_I-of-N.tsv):

@columns scartools.files.page_batch:COLUMNS

--skip-existing leaves a record alone that is complete, of the same page and the same corrections; everything else is
read, pages that were refused too. After a run that was killed, or after shards, it completes folder and table. A
record whose page is refused now is removed. The exit status is 5 where any page was refused or failed.

The redacted copy keeps the paper along the leads and blanks everything else. Near a trace only what is as pale as the
grid stays; lead names and scales are printed anew. It is a plain PNG without metadata. Look at it before it leaves
the house.

NOTES

Checks. einthoven: II = I + III; goldberger: aVR + aVL + aVF = 0; goldberger_ii: aVF - aVR = 3/2 II; goldberger_avl:
aVL = (I - III) / 2, where they share time. Each is the SD of what is left, as a share of the leads' own size, after each
lead may have been drawn 0.125 mm (half a pen) early or late at every place; with _strokes and _gross it is all that is
left, against the limit for a review and that which refuses.
rhythm_correlation and rhythm_amplitude compare a rhythm strip with the column of the same lead.
pulse_height compares the calibration pulse with the gain. beats_shared and heart_rate_ratio ask whether beats fall
together: a column is held against the strip at its own time. coverage is the share of a lead that is read where no letter,
separator or pulse hides it, whole_beats the fewest beats that a lead shows from 0.2 s before to 0.4 s after R,
shortest_lead a lead's length against the others of its column. speed_odds is asked where no speed is printed: the decimal
logarithm of the odds of the speed that is taken against the other usual one, from rate, QRS and QT of the beats; a whole
calibration pulse of 8.5 mm or more speaks ten to one against 25 mm/s, one of 3.5 mm or less as much against 50. Others ask
for plausible amplitudes and rates, strokes beside the traces, and scales that nothing on the page speaks for. A check that
a page cannot answer is null. Of 3 x 4 leads nothing but printed names tells I from III, nor one chest lead from another.

Status. accepted: every answer is as it should be. needs_review: written, with a warning; with --strict refused.
refused: nothing is written, the failed checks are named in the error, and --json prints them all. A correction with
the status accept makes a page accepted whatever its checks say; they stay in the sidecar.

Scales. Printed speed and gain are read, as text in a PDF and from the letters of a picture ("25 mm/s", "10/5 mm/mV",
"Limb: 10 mm/mV Chest: 5 mm/mV"), where they stand free of the traces; a figure in doubt is not read. In a picture the
gain is that of the calibration pulses, of limb and chest leads apart where each has its own; without pulses it is what is
printed. Columns of 62.5 mm are 2.5 s at 25 mm/s and 1.25 s at 50: where nothing is printed 25 mm/s and 10 mm/mV are
taken and Found says assumed. printed_speed, column_speed and printed_gain fail where the page prints, perhaps, another
number than is taken, and name both; chest_pulse_height is pulse_height of the chest leads. --speed and --gain win over
what is printed. --rotate takes any angle, anticlockwise; turns of some degrees are found without it.

Time and zero of a picture. Time 0 is the left edge of the first column, behind the calibration pulse, and a later
column begins as far to its right as the paper shows. Where a pulse stands before every column, its room is no time:
leads of 62.5 mm (two columns: 125) follow each other, PulseBeforeEachColumn in the sidecar is true, and a page that
does not show where they begin is refused. Two columns of another length begin where traces step off the level of the pulses'
feet; without that column_times fails, and the foot counts as time. A blank alone counts as time. 0 mV of a lead is the
usual height of its own trace, not the foot of the pulse: a shift of the whole lead cannot be measured.

Samples at another rate than 500 Hz are resampled by a natural cubic spline through them; samples that are on the
clock already are copied. Points that are not evenly spaced are first joined by the lines that the page draws.

EXAMPLES

    scartools digitize-ecg cohort/ecg/sim-0001-ecg1.pdf -o ecg.hea
    scartools digitize-ecg cohort/ecg/sim-0001-ecg1.pdf --overlay seen.png --strict -o seen.hea
    scartools digitize-ecg cohort/ecg/sim-0001-ecg1.png --write-boxes found.tsv --redact redacted.png -o found.hea
    scartools digitize-ecg cohort/ecg/sim-0001-ecg1.png --boxes found.tsv -o again.hea
    ls cohort/ecg/*.pdf | scartools digitize-ecg --list - --overlays -o read
    cut -f 1,2 read/pages.tsv > mine.tsv && scartools digitize-ecg cohort/ecg --corrections mine.tsv -o corrected
    scartools digitize-ecg cohort/ecg --shard 0/4 -o part

REFERENCES

Einthoven W et al. Arch ges Physiol 1913;150:275. doi:10.1007/BF01697566

Goldberger E. Am Heart J 1942;23:483. doi:10.1016/S0002-8703(42)90293-X
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from scartools.cli.contracts import Kind, Writes
from scartools.cli.options import Force, ListFile, Output, Shard, SkipExisting
from scartools.cli.page_options import (
    Boxes,
    Corrections,
    Gain,
    Layout,
    Overlay,
    Overlays,
    PageArgument,
    PageNumber,
    Redact,
    Redacted,
    Rotate,
    Speed,
    Strict,
    WriteBoxes,
    require_consistent,
)

if TYPE_CHECKING:
    from scartools.ecg.page_source import Given
    from scartools.files.batch import Item
    from scartools.files.corrections import Correction
    from scartools.files.page_batch import Batch, Outcome
    from scartools.files.provenance import Source

    Corrected = dict[tuple[str, str], Correction]  # by name and SHA-256 of the page

KIND: Kind = "exact"
MAX_PAGES = 30  # a recording has one to three, a folder of scans bound to one file some more
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One page to read: what a person says of it, and the options that ask for companions of the record."""

    page: Path
    given: Given
    strict: bool
    companions: tuple[str, ...]


def digitize_ecg(
    output: Annotated[Output, Writes("records")],
    pages: PageArgument = None,
    list_file: ListFile = None,
    overlay: Overlay = None,
    overlays: Overlays = False,
    redact: Redact = None,
    redacted: Redacted = False,
    layout: Layout = None,
    speed: Speed = None,
    gain: Gain = None,
    rotate: Rotate = None,
    boxes: Boxes = None,
    write_boxes: WriteBoxes = None,
    page: PageNumber = None,
    corrections: Corrections = None,
    strict: Strict = False,
    shard: Shard = None,
    skip_existing: SkipExisting = False,
    force: Force = False,
    threads: int = 1,
) -> dict[str, Any]:
    """Find the pages, read each, check it against itself, write the records."""
    from scartools.cli.options import parse_shard
    from scartools.errors import UsageError
    from scartools.files import corrections as tables
    from scartools.files.page_batch import Batch, find_pages
    from scartools.files.table import read_paths

    listed = find_pages(read_paths(list_file)) if list_file else []
    paths = [*(pages or []), *listed]
    if not paths:
        raise UsageError("no PAGE given", remedy="Name pages or a folder of them, or give --list")
    rows, source = tables.read_corrections(corrections) if corrections else ({}, None)
    box_rows, box_source = tables.read_boxes(boxes) if boxes else (None, None)
    if layout is not None and not tables.LAYOUT.fullmatch(layout):
        raise UsageError(f"--layout {layout!r} is no layout", remedy="For instance 3x4+1, 6x2 or 12x1")
    said = tables.Correction("", "", layout, speed, gain, rotate, box_rows, source=box_source)
    one: dict[str, Any] = {"--overlay": overlay, "--redact": redact, "--write-boxes": write_boxes}
    one |= {"--boxes": boxes, "--page": page}
    many = {
        "--shard": shard,
        "--skip-existing": skip_existing,
        "--overlays": overlays,
        "--redacted": redacted,
    }
    require_consistent(output, paths, one, many)
    if output.suffix == ".hea":
        companions = {
            flag: path for flag, path in one.items() if path is not None and flag not in ("--boxes", "--page")
        }
        return _one_page(paths[0], page, output, said, rows, companions, strict=strict, force=force)
    batch = Batch(output, shard, parse_shard(shard), overlays, redacted, strict, skip_existing, force)
    return _many_pages(paths, batch, said, rows, [source] if source else [], threads)


def _one_page(
    page: Path,
    number: int | None,
    output: Path,
    said: Correction,
    rows: Corrected,
    companions: dict[str, Path],
    *,
    strict: bool,
    force: bool,
) -> dict[str, Any]:
    from scartools.errors import concerning
    from scartools.files import page_batch
    from scartools.files.batch import items_of

    item = items_of([page], "page")[0][0]
    _report_unknown(rows, [item])
    known = _known(item, said, rows)
    with concerning(page):
        given = replace(_given(known), page=number)
        outcome = _judge(_open(page, given), Job(page, given, strict, tuple(companions)))
    _say(item, outcome)
    names = {flag: path.name for flag, path in companions.items()}
    page_batch.write_record_of(output, item, outcome, names, known.source, force=force)
    log.info(
        "%s: %s, %s, layout %s", output, *(outcome.facts[key] for key in ("Status", "SourceKind", "Layout"))
    )
    return {"Output": str(output), **outcome.facts}


def _many_pages(
    paths: Sequence[Path], batch: Batch, said: Correction, rows: Corrected, sources: list[Source], threads: int
) -> dict[str, Any]:
    from scartools.cli.processes import in_processes
    from scartools.cli.streams import track
    from scartools.ecg.digitise import failures
    from scartools.errors import ItemsFailed
    from scartools.files import page_batch
    from scartools.files.batch import items_of

    every, twice = items_of(page_batch.find_pages(paths), "page")
    for name in twice:
        log.warning("%s is given twice and read once", name)
    unknown = _report_unknown(rows, every)
    items = every[batch.part]
    known = {item: _known(item, said, rows) for item in items}
    given = {item: _given(known[item]) for item in items}
    page_batch.require_places(batch, items)
    done = page_batch.earlier_outcomes(batch, {item: given[item].facts() for item in items}, failures)
    todo = [item for item in items if item not in done]
    jobs = [Job(item.path, given[item], batch.strict, tuple(batch.companions(item))) for item in todo]
    found = in_processes(_attempt, jobs, max(min(threads, len(jobs)), 1), _crashed)
    for item, outcome in zip(todo, track(found, "pages", len(jobs)), strict=True):
        _say(item, outcome)
        if page_batch.settle(batch, item, outcome, known[item].source):
            log.warning("%s: its earlier record is removed", item.name)
        # what is kept for the table is small: a signal of a thousand pages is not
        done[item] = replace(outcome, signals=None, companions={})
    table = [page_batch.row_of(item, done[item]) for item in items]
    page_batch.write_pages(batch, table, facts={"UnknownCorrections": unknown}, sources=sources)
    counts = {status: sum(row["status"] == status for row in table) for status in page_batch.STATUSES}
    facts = {"Output": str(batch.output), "Counts": counts, "Read": len(todo), "Pages": table}
    bad = counts["refused"] + counts["failed"]
    if bad:
        raise ItemsFailed(
            f"{bad} of {len(items)} pages gave no record, the others are in {batch.output}",
            remedy=f"The reasons stand in {batch.table}",
            facts=facts,
        )
    log.info("%s: %d pages, %d need a review", batch.output, len(items), counts["needs_review"])
    return facts


def _known(item: Item, said: Correction, rows: Corrected) -> Correction:
    from scartools.files.corrections import with_row

    return with_row(said, rows.get((item.name, item.sha256 or "")))


def _report_unknown(rows: Corrected, items: Sequence[Item]) -> list[str]:
    """Warn of corrections that no page of this run takes; return the names of their pages."""
    known, names = {(item.name, item.sha256) for item in items}, {item.name for item in items}
    unknown = [name for name, digest in rows if (name, digest) not in known]
    for name in unknown:
        what = "another content than this page has now" if name in names else "no page of this run"
        log.warning("the correction of %s is for %s and is not applied", name, what)
    return unknown


def _say(item: Item, outcome: Outcome) -> None:
    if outcome.reason:
        log.error("%s: %s: %s. %s", item.name, outcome.status, outcome.reason.rstrip("."), outcome.remedy)
    elif outcome.status == "needs_review":
        log.warning("%s: needs a review: %s", item.name, outcome.failed)


def _given(known: Correction) -> Given:
    from scartools.ecg.page_source import Given
    from scartools.ecg.reading import Box

    boxes = None if known.boxes is None else tuple(Box(**vars(box)) for box in known.boxes)
    verdict: Any = known.status
    return Given(
        known.layout, known.speed, known.gain, known.rotate or 0.0, boxes, tuple(known.rename), verdict
    )


def _attempt(job: Job) -> Outcome:
    """Read one page of a batch, whatever becomes of it; runs in a process of its own."""
    from scartools.errors import InputError
    from scartools.files.page_batch import Outcome

    status = "failed"
    try:
        content = _open(job.page, job.given)
        status = "refused"
        return _judge(content, job)
    except InputError as error:
        return Outcome(status, error.facts, error.problem, error.remedy)
    except MemoryError:
        return Outcome("failed", {}, "out of memory", "Scan at 200 to 300 dpi")
    except Exception as error:  # noqa: BLE001 - one page never stops the others; its row tells what happened
        return Outcome("failed", {}, f"unexpected failure: {type(error).__name__}: {error}", "Report it")


def _crashed(job: Job) -> Outcome:
    from scartools.files.page_batch import Outcome

    return Outcome("failed", {}, "its reader died: it crashed or the memory was full", "Scan at 200 to 300 dpi")


def _open(page: Path, given: Given) -> Any:
    """Return the content of a page: a picture, uint8 (H, W, 3), or the drawn pages of a PDF."""
    from scartools.ecg.page_source import one_scan
    from scartools.ecg.pdf_paths import read_drawn_pages
    from scartools.errors import InputError
    from scartools.files.page import inspect, read_picture

    file = inspect(page)
    if file.pages > MAX_PAGES:
        raise InputError(f"has {file.pages} pages, over the limit of {MAX_PAGES}", remedy="Split it")
    if file.kind != "pdf":
        return read_picture(page, one_scan(file.pages, given))
    return list(read_drawn_pages(page))


def _judge(content: Any, job: Job) -> Outcome:
    """Read a page that is open, and make what is to be written of it."""
    from scartools.ecg import digitise, page_source
    from scartools.files import corrections
    from scartools.files.page import MAX_PIXELS, MIN_EDGE_PIXELS, encode_png
    from scartools.files.page_batch import Outcome

    if isinstance(content, list):
        draw = "--overlay" in job.companions or "--redact" in job.companions
        limits = {"most_pixels": MAX_PIXELS, "least_edge": MIN_EDGE_PIXELS}
        seen = page_source.read_pdf(job.page, content, job.given, draw=draw, **limits)
    else:
        seen = page_source.read_picture_page(content, job.given)
    made = digitise.digitise(seen.reading, job.given, strict=job.strict)
    failed = digitise.failures(made.facts["Checks"])
    companions = {}
    if "--overlay" in job.companions:
        from scartools.ecg.page_overlay import draw_overlay  # brings OpenCV, which a drawn page alone needs not

        picture = draw_overlay(seen.pictures, made.reading, seen.scales, made.status, failed)
        companions["--overlay"] = encode_png(picture)
    if "--redact" in job.companions:
        from scartools.ecg.redaction import redact_pages

        companions["--redact"] = encode_png(redact_pages(seen.pictures, made.reading, seen.scales))
    if "--write-boxes" in job.companions:
        rows = [corrections.BoxRow(**vars(box)) for box in digitise.boxes_of(made.reading)]
        companions["--write-boxes"] = corrections.render_boxes(rows)
    return Outcome(
        made.status,
        made.facts,
        failed=failed,
        signals=made.leads.signals,
        rate=made.leads.rate,
        companions=companions,
    )
