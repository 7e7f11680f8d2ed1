"""simulate ecg: which segmentations it takes, what it asks the library for, what it writes of each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from scartools.cli.contracts import Reads, Writes
from scartools.cli.options import (
    Anchor,
    Force,
    Labels,
    LabelScheme,
    ListFile,
    Output,
    Seed,
    Shard,
    SkipExisting,
    SpacingChoice,
    SpacingFrom,
    Threads,
)

log = logging.getLogger(__name__)

Segmentations = Annotated[
    list[Path] | None,
    typer.Argument(metavar="SEGMENTATION...", help="Segmentations of the LV."),
    Reads("segmentation"),
]
AnchorOfEcg = Annotated[
    Anchor, typer.Option("--anchor", help="What fixes the angle of the segments; see aha17.")
]
Angle = Annotated[
    float | None,
    typer.Option(
        "--angle", metavar="DEG", min=-360, max=360, help="Direction of the middle of the septum; see aha17."
    ),
]
LongAxis = Annotated[
    Literal["auto", "base-first", "apex-first"],
    typer.Option("--long-axis", help="Which end of the stack comes first in the file; auto asks the anatomy."),
]
Prior = Annotated[
    Path | None,
    typer.Option("--prior", metavar="FILE", help="AHA segments of this segmentation, from aha17; one alone."),
    Reads("prior"),
]
Anatomy = Annotated[
    Literal["auto", "fitted", "template"],
    typer.Option(
        "--anatomy", help="The heart: fitted to the mask, or a template with its segments painted on."
    ),
]
HeartRate = Annotated[
    float | None, typer.Option("--heart-rate", metavar="BPM", min=40, max=110, help="Else it is drawn.")
]
ConductionChoice = Annotated[
    Literal["drawn", "none", "LBBB", "RBBB", "LAFB", "paced"],
    typer.Option("--conduction", help="Block of the bundles, or a pacemaker; drawn as in a cohort."),
]
Clean = Annotated[bool, typer.Option("--clean", help="Without noise of electrodes, mains and muscles.")]
BeatFile = Annotated[
    Path | None,
    typer.Option("--beat", metavar="FILE", help="Also write the beat without noise, of one segmentation."),
    Writes("beat"),
]


@dataclass(frozen=True)
class EcgOptions:
    """The options that change an ECG."""

    labels: LabelScheme
    spacing_from: SpacingChoice
    anchor: Anchor
    angle: float | None
    long_axis: Literal["auto", "base-first", "apex-first"]
    prior: Path | None
    anatomy: Literal["auto", "fitted", "template"]
    heart_rate: float | None
    conduction: str
    clean: bool

    def given(self) -> dict[str, Any]:
        """What was asked for, as the sidecar has it."""
        return {
            "Labels": self.labels,
            "SpacingFrom": self.spacing_from,
            "Anchor": self.anchor,
            "Angle": self.angle,
            "LongAxis": self.long_axis,
            "Prior": self.prior is not None,
            "Anatomy": self.anatomy,
            "HeartRate": self.heart_rate,
            "Conduction": self.conduction,
            "Clean": self.clean,
        }


def ecg(
    output: Annotated[Output, Writes("simulated_ecgs")],
    segmentations: Segmentations = None,
    list_file: ListFile = None,
    labels: Labels = "scartools",
    anchor: AnchorOfEcg = "auto",
    angle: Angle = None,
    long_axis: LongAxis = "auto",
    prior: Prior = None,
    anatomy: Anatomy = "auto",
    heart_rate: HeartRate = None,
    conduction: ConductionChoice = "drawn",
    clean: Clean = False,
    beat: BeatFile = None,
    spacing_from: SpacingFrom = "auto",
    seed: Seed = 1,
    shard: Shard = None,
    skip_existing: SkipExisting = False,
    force: Force = False,
    threads: Threads = None,
) -> dict[str, Any]:
    """Simulate the 12-lead ECG of any segmentation of the LV with scar."""
    from scartools.files.mask_ecg_batch import read_list

    options = EcgOptions(
        labels, spacing_from, anchor, angle, long_axis, prior, anatomy, heart_rate, conduction, clean
    )
    paths = [*(segmentations or []), *(read_list(list_file) if list_file else [])]
    many = {"--shard": shard, "--skip-existing": skip_existing}
    _require_consistent(output, paths, options, beat, many)
    if output.suffix == ".hea":
        return _one(paths[0], output, beat, options, seed, force)
    return _many(paths, output, options, seed, shard, skip_existing, force, threads or 1)


def _require_consistent(
    output: Path, paths: Sequence[Path], options: EcgOptions, beat: Path | None, many: dict[str, Any]
) -> None:
    from scartools.errors import UsageError

    if not paths:
        raise UsageError("no SEGMENTATION given", remedy="Name segmentations, or give --list")
    if options.anchor == "landmarks":
        raise UsageError(
            "--anchor landmarks has no points here",
            remedy="Give --prior, made with: scartools aha17 --landmarks",
        )
    if options.anchor == "angle" and options.angle is None:
        raise UsageError("--anchor angle needs --angle", remedy="Add --angle")
    if options.angle is not None and options.anchor not in ("auto", "angle"):
        raise UsageError(
            f"--angle has no meaning with --anchor {options.anchor}", remedy="Leave one of them out"
        )
    if options.prior is not None and (options.anchor != "auto" or options.angle is not None):
        raise UsageError("--prior has an anchor of its own", remedy="Leave --anchor and --angle out")
    if output.suffix == ".hea":
        for flag, value in many.items():
            if value:
                raise UsageError(f"{flag} is for many segmentations", remedy="Name a folder with --output")
        if len(paths) != 1:
            raise UsageError(
                f"--output {output} is one record, of one segmentation", remedy="Name a folder with --output"
            )
        return
    for flag, given in (("--prior", options.prior), ("--beat", beat)):
        if given is not None:
            raise UsageError(f"{flag} is of one segmentation", remedy="Name a record, *.hea, with --output")


def _one(
    path: Path,
    output: Path,
    beat: Path | None,
    options: EcgOptions,
    seed: int,
    force: bool,
) -> dict[str, Any]:
    from scartools.errors import UsageError
    from scartools.files import atomic
    from scartools.files.record import BEAT_RATE_HZ, Record, write_beat

    if beat is not None:
        if beat.absolute() == output.absolute():
            raise UsageError(f"--beat {beat} is the record itself", remedy="Name it differently")
        atomic.require_place(beat, force=force)
    facts, made, sources = _written(path, output, options, seed, force)
    for warning in facts["Warnings"]:
        log.warning("%s: %s", path, warning)
    if beat is not None:
        write_beat(beat, Record(made.beat, BEAT_RATE_HZ, made.beat_facts), sources=sources, force=force)
    text = "%s: %s heart, %.1f %% scar, QRS %.0f ms, %.0f a minute"
    log.info(text, output, *(facts[k] for k in ("Anatomy", "ScarPercent", "QrsDuration", "HeartRate")))
    return {"Output": str(output), **({"Beat": str(beat)} if beat else {}), **facts}


def _written(
    path: Path, output: Path, options: EcgOptions, seed: int, force: bool
) -> tuple[dict[str, Any], Any, list[Any]]:
    """Read one segmentation, simulate its ECG and write the record; return its facts, the ECG and the sources."""
    from scartools.errors import concerning
    from scartools.files import volume
    from scartools.files.prior import read_prior_of
    from scartools.files.record import BEAT_RATE_HZ, Record, write_record
    from scartools.heart.segments import Segments
    from scartools.simulation.mask_ecg import Where, simulate_mask_ecg

    mask = volume.read_labels(path, scheme=options.labels, spacing_from=options.spacing_from)
    prior = read_prior_of(options.prior, mask, spacing_from=options.spacing_from) if options.prior else None
    segments = Segments(prior.volume.array, dict(prior.rests), prior.model) if prior else None
    septum = prior.septum if prior else None
    with concerning(path):
        made = simulate_mask_ecg(
            mask.array,
            mask.affine,
            seed=seed,
            where=Where(options.anchor, options.angle, options.long_axis, septum),
            prior=segments,
            anatomy=options.anatomy,
            heart_rate=options.heart_rate,
            block=None if options.conduction == "drawn" else options.conduction,
            clean=options.clean,
        )
    facts = {
        **made.facts,
        "LabelScheme": options.labels,
        "GeometryNotes": list(mask.notes),
        "Given": options.given(),
    }
    sources = [mask.source, *([prior.volume.source] if prior else [])]
    write_record(output, Record(made.signals, BEAT_RATE_HZ, facts), sources=sources, force=force)
    return facts, made, sources


def _many(
    paths: Sequence[Path],
    output: Path,
    options: EcgOptions,
    seed: int,
    shard: str | None,
    skip_existing: bool,
    force: bool,
    threads: int,
) -> dict[str, Any]:
    from scartools.cli.options import parse_shard
    from scartools.cli.parallel import in_threads
    from scartools.cli.streams import track
    from scartools.errors import InputError, ItemsFailed
    from scartools.files import mask_ecg_batch as batch
    from scartools.files.atomic import withdraw
    from scartools.files.batch import require_free

    every, twice = batch.items_of(paths, seed)
    for name in twice:
        log.warning("%s is given twice and used once", name)
    items = every[parse_shard(shard)]
    place = batch.table_of(output, shard)
    replaces = force or skip_existing
    if not replaces:
        require_free(output, [*(output / f"{item.stem}.hea" for item in items), place])
    output.mkdir(exist_ok=True)

    def make(item: batch.MaskItem) -> batch.MaskOutcome:
        record = output / f"{item.stem}.hea"
        earlier = batch.earlier_facts(record, item, options.given()) if skip_existing else None
        if earlier is not None:
            return batch.MaskOutcome(earlier)
        try:
            return batch.MaskOutcome(_written(item.path, record, options, item.seed, replaces)[0])
        except InputError as error:
            withdraw(record)  # of an earlier run, from another file or with other options
            return batch.MaskOutcome({}, error.problem, error.remedy)

    outcomes = list(track(in_threads(make, items, threads), "segmentations", len(items)))
    rows = [batch.row_of(item, outcome) for item, outcome in zip(items, outcomes, strict=True)]
    for item, outcome in zip(items, outcomes, strict=True):
        if outcome.reason:
            log.error("%s: %s. %s", item.name, outcome.reason.rstrip("."), outcome.remedy)
    batch.write_ecgs(place, rows, force=replaces)
    failed = sum(row["ecg_status"] == "failed" for row in rows)
    facts = {"Output": str(output), "Made": len(rows) - failed, "Failed": failed, "Ecgs": rows}
    if failed:
        raise ItemsFailed(
            f"{failed} of {len(rows)} segmentations gave no ECG, the others are in {output}",
            remedy=f"The reasons stand in {place}",
            facts=facts,
        )
    log.info("%s: %d ECGs", output, len(rows))
    return facts
