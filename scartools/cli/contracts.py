"""The kinds of file a command reads and writes, as its declaration names them.

A parameter says `Annotated[Path, typer.Argument(...), Reads("segmentation")]`. From that one word come the
early checks on the path, the INPUT FILES and OUTPUT FILES of the man page, and what the contract tests feed
to the command.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# What a second run of a command gives.
#   exact     the same bytes for the same inputs, options and seed, whatever the threads
#   network   the same bytes at equal threads; logits within 1e-4 across threads
#   training  resumable; weights are not compared across threads
Kind = Literal["exact", "network", "training"]


@dataclass(frozen=True)
class Contract:
    """A kind of file: the names it may have and what is in it."""

    suffixes: tuple[str, ...]
    text: str  # one sentence for the man page; the whole contract is in scartools-formats(5)
    stream: bool = False  # may be `-`, standard input or output
    folder: bool = False


_NIFTI = (".nii.gz", ".nii")

CONTRACTS = {
    "segmentation": Contract(_NIFTI, "NIfTI label volume, 3-D, in the scheme named by --labels."),
    "prior": Contract(_NIFTI, "NIfTI label volume, uint8: AHA segment 1-17, 0 elsewhere."),
    "image": Contract(_NIFTI, "NIfTI image, 3-D, on the grid of the segmentation."),
    "mask": Contract(_NIFTI, "NIfTI mask, 3-D, 0 outside and 1 inside, on the grid of the segmentation."),
    "landmarks": Contract((".tsv",), "TSV with the columns landmark, x, y, z (RAS+, mm).", stream=True),
    "segments": Contract((".tsv",), "TSV, one row per region, with its JSON; columns below.", stream=True),
    "figure": Contract((".svg", ".pdf", ".png"), "Figure; the suffix chooses the format."),
    "cohort": Contract((), "Folder of a simulated cohort; layout below.", folder=True),
    "any": Contract((), "Any file or folder of this toolkit, or one that it reads."),
    "list": Contract((), "Text, one path a line.", stream=True),
}


@dataclass(frozen=True)
class Reads:
    """Marks a parameter as an input of a kind in CONTRACTS."""

    contract: str


@dataclass(frozen=True)
class Writes:
    """Marks a parameter as an output of a kind in CONTRACTS."""

    contract: str
