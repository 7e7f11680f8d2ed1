"""The options of simulate validate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scartools.cli.contracts import Reads

Validated = Annotated[
    int,
    typer.Option(
        "-n",
        "--subjects",
        metavar="N",
        min=2,
        max=100_000,
        help="How many subjects; 500 answer every question.",
    ),
]
Normals = Annotated[
    Path | None,
    typer.Option(
        "--normals",
        metavar="FILE.tsv",
        help="Normal ECGs to hold the beats without scar against: beats.tsv of median-beat, or measured features.",
    ),
    Reads("normals"),
]
