"""The options of pretrain-ecg."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scartools.cli.contracts import Reads

BeatsTable = Annotated[
    Path, typer.Argument(metavar="BEATS", help="Table of median beats to learn from."), Reads("beats")
]
Epochs = Annotated[
    int, typer.Option("--epochs", metavar="N", min=1, max=100_000, help="Passes over the beats.")
]
Code = Annotated[int, typer.Option("--code", metavar="N", min=2, max=4096, help="Length of the code, even.")]
Batch = Annotated[int, typer.Option("--batch", metavar="N", min=1, max=65_536, help="Beats a step.")]
LearningRate = Annotated[
    float, typer.Option("--learning-rate", metavar="RATE", min=1e-8, max=1, help="Largest learning rate.")
]
Validation = Annotated[
    float,
    typer.Option("--validation", metavar="SHARE", min=0.01, max=0.9, help="Share of the groups held out."),
]
ProbeColumn = Annotated[
    str | None,
    typer.Option(
        "--probe", metavar="NAME", help="Column that tells infarction from normal [mi, where there is one]."
    ),
]
ColumnName = Annotated[
    str, typer.Option("--column", metavar="NAME", help="Column of BEATS that holds the paths of the beats.")
]
