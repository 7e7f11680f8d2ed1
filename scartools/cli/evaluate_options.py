"""The options of evaluate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from scartools.cli.contracts import Reads
from scartools.cli.options import Anchor
from scartools.errors import UsageError

PredictionFolders = Annotated[
    list[Path],
    typer.Argument(metavar="PREDICTIONS...", help="Folders that predict wrote, one an arm or a run of one."),
    Reads("predictions"),
]
TruthTable = Annotated[
    Path,
    typer.Option(
        "--truth", metavar="FILE", help="Manifest with the reader's segmentations.", show_default=False
    ),
    Reads("truth"),
]
Names = Annotated[
    list[str] | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Name of an arm, once a folder, in order [its model]; the same name twice: its runs.",
    ),
]
SplitChoice = Annotated[
    Literal["train", "validation", "test", "all"] | None,
    typer.Option("--split", help="The split that counts [test, where there is one]."),
]
EmptyChoice = Annotated[
    Literal["n/a", "one"],
    typer.Option("--empty", help="Dice where truth and prediction are both empty, in dice_mean_all."),
]
ReferenceArm = Annotated[
    str | None,
    typer.Option("--reference", metavar="NAME", help="Arm the others are compared with [the first]."),
]
Chain = Annotated[
    str | None,
    typer.Option(
        "--chain", metavar="NAME,NAME...", help="Arms, each adding to the one before: what each step gains."
    ),
]
By = Annotated[
    list[str] | None,
    typer.Option("--by", metavar="COLUMN", help="Column of TRUTH to group cases by; may be repeated."),
]
EcgSource = Annotated[
    Literal["recorded", "simulated"] | None,
    typer.Option("--ecg-source", help="Where the ECGs come from [as their files say]."),
]
Tolerance = Annotated[
    float, typer.Option("--tolerance", metavar="MM", min=0.01, max=50, help="Of the surface Dice (NSD).")
]
UseSegments = Annotated[
    bool, typer.Option("--segments/--no-segments", help="Judge scar by AHA segment as well.")
]
SegmentPercent = Annotated[
    float,
    typer.Option(
        "--segment-percent",
        metavar="PERCENT",
        min=0.01,
        max=100,
        help="Part of a segment's myocardium from which on it has scar.",
    ),
]
TruthAnchor = Annotated[
    Anchor | None,
    typer.Option("--anchor", help="What fixes the angle in the truth; see aha17 [as the predictions say]."),
]
TruthAngle = Annotated[
    float | None,
    typer.Option("--angle", metavar="DEG", min=-360, max=360, help="Middle of the septum; see aha17."),
]
Resamples = Annotated[
    int, typer.Option("--resamples", metavar="INT", min=100, max=1_000_000, help="Bootstrap resamples.")
]
Overlays = Annotated[
    bool, typer.Option("--overlays/--no-overlays", help="Draw overlays/CASE_ID.png for each case.")
]


@dataclass(frozen=True)
class Options:
    """What the command line says about all cases."""

    labels: str
    empty: Literal["n/a", "one"]
    tolerance: float
    fractions_only: bool
    segments: bool
    segment_percent: float
    anchor: str | None
    angle: float | None
    ecg_source: str | None

    def facts(self) -> dict[str, Any]:
        """Return what the numbers depend on, as summary.json has it."""
        return {
            "TruthScheme": self.labels,
            "VoxelSizeKnown": not self.fractions_only,
            "ToleranceMm": self.tolerance,
            "SegmentPercent": self.segment_percent if self.segments else None,
            "Anchor": self.anchor,
            "Angle": self.angle,
        }


def chain_of(text: str | None, names: Sequence[str]) -> list[str]:
    """Return the arms of --chain in order; none where it is not given. Raises UsageError for names that are no arm."""
    if text is None:
        return []
    chain = [name.strip() for name in text.split(",")]
    unknown = [name for name in chain if name not in names]
    if unknown:
        raise UsageError(f"--chain names {unknown[0]!r}, which is no arm", remedy=f"Arms: {', '.join(names)}")
    if len(chain) < 2 or len(set(chain)) < len(chain):
        raise UsageError(f"--chain {text!r} needs two arms or more, each once", remedy="As image,prior,full")
    return chain


def known_arm(reference: str | None, names: Sequence[str]) -> str:
    """Return the reference, the first arm where none is given. Raises UsageError for a name that is no arm."""
    if reference is not None and reference not in names:
        raise UsageError(f"--reference {reference!r} is no arm", remedy=f"Arms: {', '.join(names)}")
    return reference or names[0]


def require_consistent(anchor: str | None, angle: float | None, segments: bool) -> None:
    """Raise UsageError for an anchor of segments that are not asked for, or that needs what cannot be given."""
    if not segments and (anchor is not None or angle is not None):
        raise UsageError("--anchor and --angle are of no use with --no-segments", remedy="Leave one out")
    if anchor == "landmarks":
        raise UsageError(
            "--anchor landmarks cannot be given for many cases",
            remedy="Make their priors with aha17 and name them in the column prior of TRUTH",
        )
    if (anchor == "angle") != (angle is not None) and (anchor is not None or angle is None):
        raise UsageError("--anchor angle and --angle belong together", remedy="Give --angle DEG")
