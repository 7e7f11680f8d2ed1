"""The options of preprocess."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from scartools.cli.contracts import Reads, Writes

PairsFile = Annotated[
    Path | None, typer.Argument(metavar="[PAIRS]", help="Manifest from pair."), Reads("pairs")
]
TargetSpacing = Annotated[
    float | None,
    typer.Option(
        "--target-spacing",
        metavar="MM",
        min=0.2,
        max=10,
        help="In-plane spacing of the network grid; else the median of the training cases.",
    ),
]
Memory = Annotated[
    float | None,
    typer.Option(
        "--memory",
        metavar="GB",
        min=1,
        max=1000,
        help="Memory to plan the training for; 8, or 24 for residual-l, unless given.",
    ),
]
NetworkChoice = Annotated[
    Literal["plain", "residual-m", "residual-l"],
    typer.Option("--network", help="Network to choose patch and batch for: nnU-Net's, or its ResEnc M or L."),
]
ExportFolder = Annotated[
    Path | None,
    typer.Option("--export-nnunet", metavar="FOLDER", help="Write the cases as a raw nnU-Net data set too."),
    Writes("nnunet"),
]
ImportFolder = Annotated[
    Path | None,
    typer.Option("--import-nnunet", metavar="FOLDER", help="Read a raw nnU-Net data set instead of PAIRS."),
    Reads("nnunet"),
]
