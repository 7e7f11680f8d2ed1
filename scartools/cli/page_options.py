"""The options of digitize-ecg: what it reads, what else it writes, and what a person gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from scartools.cli.contracts import Reads
from scartools.errors import InputError, UsageError

PageArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PAGE...", help="Pages of paper ECGs, or folders of them."),
    Reads("pages"),
]
Overlay = Annotated[
    Path | None,
    typer.Option(
        "--overlay", metavar="FILE.png", help="Also draw what was read over the page; beside the record."
    ),
]
Overlays = Annotated[bool, typer.Option("--overlays", help="The same for each page of a folder.")]
Redact = Annotated[
    Path | None,
    typer.Option("--redact", metavar="FILE.png", help="Also write the page with all but its leads blanked."),
]
Redacted = Annotated[bool, typer.Option("--redacted", help="The same for each page of a folder.")]
WriteBoxes = Annotated[
    Path | None,
    typer.Option("--write-boxes", metavar="FILE.tsv", help="Also write where the leads were found."),
]
Layout = Annotated[
    str | None,
    typer.Option(
        "--layout", metavar="ROWSxCOLUMNS[+STRIPS]", help="What the page is, as 3x4+1 or 12x1; found otherwise."
    ),
]
Speed = Annotated[
    float | None,
    typer.Option("--speed", metavar="MM/S", min=5, max=200, help="Paper speed; wins over what is printed."),
]
Gain = Annotated[
    float | None,
    typer.Option("--gain", metavar="MM/MV", min=1, max=100, help="Gain; wins over what is printed."),
]
Rotate = Annotated[
    float | None,
    typer.Option(
        "--rotate", metavar="DEG", min=-360, max=360, help="Turn that makes the page upright, anticlockwise."
    ),
]
Boxes = Annotated[
    Path | None,
    typer.Option("--boxes", metavar="FILE.tsv", help="Where the leads of this page lie."),
    Reads("boxes"),
]
Corrections = Annotated[
    Path | None,
    typer.Option("--corrections", metavar="FILE.tsv", help="What is known better about single pages."),
    Reads("corrections"),
]
PageNumber = Annotated[
    int | None,
    typer.Option("--page", metavar="N", min=1, help="The page of a file that holds several, from 1."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse what would need a review.")]


def require_consistent(
    output: Path, paths: Sequence[Path], one: dict[str, Path | None], many: dict[str, Any]
) -> None:
    """Refuse options that do not go together: for one page, whose output is a record, or for many.

    one, many  what was given of the options for one page and of those for many
    """

    if output.suffix != ".hea":
        for flag, value in one.items():
            if value is not None:
                raise UsageError(f"{flag} is for one page", remedy="Name a record, *.hea, with --output")
        if any(path.is_dir() and output.resolve() == path.resolve() for path in paths):
            raise UsageError(f"--output {output} holds the pages themselves", remedy="Choose another folder")
        return
    if len(paths) > 1:
        raise UsageError(f"--output {output} is one record, for one page", remedy="Name a folder with --output")
    if paths[0].is_dir():
        raise InputError(
            "is a folder where one page is due", where=paths[0], remedy="Name a folder with --output too"
        )
    for flag, value in many.items():
        if value:
            raise UsageError(f"{flag} is for many pages", remedy="Name a folder with --output")
    for flag, suffix in (("--overlay", ".png"), ("--redact", ".png"), ("--write-boxes", ".tsv")):
        path = one[flag]
        if path is not None and (path.suffix != suffix or path.name == suffix):
            raise UsageError(f"{flag} {path} is not named *{suffix}", remedy="Choose another name")
        if path is not None and path.parent.resolve() != output.parent.resolve():
            raise UsageError(
                f"{flag} {path} is not in the folder of the record", remedy=f"Put it into {output.parent}"
            )
