"""Every option that more than one command may have, declared once: the same name, type, meaning and help everywhere.

A command takes what means something for it. COMMON is added to every command by the command table.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Literal

import typer

from scartools.cli.contracts import Reads
from scartools.errors import UsageError

LabelScheme = Literal["scartools", "emidec", "myops2020", "acdc", "mnms", "ukbb"]
Anchor = Literal[
    "auto", "mid-septum", "anterior-insertion", "both-insertions", "landmarks", "angle", "image-left"
]
SegmentationSource = Literal["truth", "predicted", "manual", "unstated"]
SpacingChoice = Literal["auto", "affine", "pixdim"]

SegmentationFile = Annotated[
    Path, typer.Argument(metavar="SEGMENTATION", help="Segmentation of the LV."), Reads("segmentation")
]
Output = Annotated[
    Path,
    typer.Option(
        "-o",
        "--output",
        metavar="PATH",
        help="Where the result goes; it appears whole or not at all.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("-f", "--force", help="Replace an output that exists.")]
SkipExisting = Annotated[
    bool, typer.Option("--skip-existing", help="Leave complete outputs alone and make the others.")
]
Seed = Annotated[int, typer.Option("--seed", metavar="INT", min=0, help="Seed of every random draw.")]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="NAME",
        help="auto, cpu, cuda or cuda:N; naming a device that is absent is an error.",
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume/--no-resume", help="Continue an unfinished run that lies in the output.")
]
Shard = Annotated[
    str | None,
    typer.Option("--shard", metavar="I/N", help="Do the items I, I+N, I+2N ... of the list only; I from 0."),
]
ListFile = Annotated[
    Path | None,
    typer.Option("--list", metavar="FILE", help="Take the inputs from a file, one path a line; - for stdin."),
    Reads("list"),
]
Labels = Annotated[LabelScheme, typer.Option("--labels", help="The scheme of the numbers in the segmentation.")]
FractionsOnly = Annotated[
    bool,
    typer.Option(
        "--fractions-only",
        help="The voxel size is unknown: print fractions and percent, and n/a for every mL, g and mm.",
    ),
]
SpacingFrom = Annotated[
    SpacingChoice,
    typer.Option(
        "--spacing-from",
        help="Which voxel size to believe where the NIfTI affine and pixdim differ; auto mends an affine "
        "without any size and refuses other doubts.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        min=1,
        help="Threads to use; else SCARTOOLS_THREADS, SLURM_CPUS_PER_TASK, or the CPUs this process may run on.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Only warnings and errors on stderr.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="More on stderr.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

# name, type and default of the options that every command has
COMMON = tuple(
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
    for name, kind, default in (
        ("threads", Threads, None),
        ("json", Json, False),
        ("quiet", Quiet, False),
        ("verbose", Verbose, False),
        ("debug", Debug, False),
    )
)

# Options that choose how to run and cannot change the result of an exact command: they stay out of the provenance.
NOT_PARAMETERS = frozenset(
    {"force", "skip_existing", "resume", "device", "threads", "json", "quiet", "verbose", "debug", "output"}
)


def parse_shard(text: str | None) -> slice:
    """Turn `I/N` into the slice [I::N] of a list of items; None means all of them."""
    if text is None:
        return slice(None)
    first, _, count = text.partition("/")
    if first.isdecimal() and count.isdecimal() and int(first) < int(count):
        return slice(int(first), None, int(count))
    raise UsageError(f"--shard {text!r} is not I/N with 0 <= I < N", remedy="For instance --shard 0/4")
