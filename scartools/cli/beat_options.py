"""The options of median-beat: which recordings it reads, how beats are made, and what else is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from scartools.cli.contracts import Reads
from scartools.errors import InputError, UsageError

RecordArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="RECORD...", help="12-lead recordings (of WFDB the header), or folders of them."),
    Reads("recordings"),
]
RecordTable = Annotated[
    Path | None,
    typer.Option(
        "--table", metavar="FILE.tsv", help="Take the recordings from a table, whose other columns go along."
    ),
    Reads("record_table"),
]
RecordColumn = Annotated[
    str, typer.Option("--column", metavar="NAME", help="Column of the table that holds their paths.")
]
Rate = Annotated[
    float | None,
    typer.Option(
        "--rate",
        metavar="HZ",
        min=20,
        max=50_000,
        help="Sampling rate of a table without a time column.",
    ),
]
Unit = Annotated[
    Literal["V", "mV", "uV", "nV"] | None,
    typer.Option("--unit", help="Unit of a table whose columns name none."),
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
Prefer = Annotated[
    Literal["own", "device"],
    typer.Option("--prefer", help="Make the beat, or take the device's own where the file has one."),
]
Plot = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Also draw the beat, as SVG, PDF or PNG; beside the beat."),
]
PLOT_SUFFIXES = (".svg", ".pdf", ".png")
PlotSuffix = Literal["svg", "pdf", "png"]
Plots = Annotated[PlotSuffix | None, typer.Option("--plots", help="The same for each beat of a folder.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse what would need a review.")]


def require_consistent(output: Path, paths: Sequence[Path], plot: Path | None, many: dict[str, Any]) -> None:
    """Refuse options that do not go together: for one recording, whose output is a beat, or for many.

    many  what was given of the options for many
    """
    if output.suffix != ".hea":
        if plot is not None:
            raise UsageError(
                "--plot is for one recording", remedy="Name a beat, *.hea, with --output, or use --plots"
            )
        if any(path.is_dir() and output.resolve() == path.resolve() for path in paths):
            raise UsageError(
                f"--output {output} holds the recordings themselves", remedy="Choose another folder"
            )
        return
    for flag, value in many.items():
        if value:
            raise UsageError(f"{flag} is for many recordings", remedy="Name a folder with --output")
    if len(paths) != 1:
        raise UsageError(
            f"--output {output} is one beat, of one recording", remedy="Name a folder with --output"
        )
    if paths[0].is_dir():
        raise InputError(
            "is a folder where one recording is due", where=paths[0], remedy="Name a folder with --output too"
        )
    if plot is not None and (plot.suffix not in PLOT_SUFFIXES or plot.name in PLOT_SUFFIXES):
        raise UsageError(
            f"--plot {plot} is not named *{', *'.join(PLOT_SUFFIXES)}", remedy="Choose another name"
        )
    if plot is not None and plot.parent.resolve() != output.parent.resolve():
        raise UsageError(
            f"--plot {plot} is not in the folder of the beat", remedy=f"Put it into {output.parent}"
        )
