"""The options of predict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from scartools.cli.contracts import Reads
from scartools.cli.options import Anchor
from scartools.errors import UsageError

ModelFolder = Annotated[
    Path, typer.Argument(metavar="MODEL", help="Model of scartools train or import-nnunet."), Reads("model")
]
InputFile = Annotated[
    Path, typer.Argument(metavar="INPUT", help="Manifest of scartools pair, or one LGE image."), Reads("lge")
]
Split = Annotated[
    Literal["all", "train", "validation", "test"],
    typer.Option("--split", help="Only the cases of this split of the manifest."),
]
BeatFile = Annotated[
    Path | None, typer.Option("--beat", metavar="FILE", help="Median beat of one image."), Reads("beat")
]
Interval = Annotated[
    float | None,
    typer.Option("--interval", metavar="DAYS", min=0, max=36500, help="Between --beat and the image."),
]
UseEcg = Annotated[bool, typer.Option("--ecg/--no-ecg", help="Use the ECG where there is one.")]
ShuffleEcg = Annotated[
    bool, typer.Option("--shuffle-ecg", help="Control: show each patient's image with the ECG of another.")
]
ShuffleInterval = Annotated[
    bool, typer.Option("--shuffle-interval", help="Control: give each ECG the interval of another patient's.")
]
OracleEcg = Annotated[
    bool,
    typer.Option("--oracle-ecg", help="Ceiling: the scar of the manifest's labels in place of the ECG."),
]
AnatomyFile = Annotated[
    Path | None,
    typer.Option("--anatomy", metavar="FILE", help="A reader's contours, in place of the first stage."),
    Reads("anatomy"),
]
AnatomySource = Annotated[
    Literal["manual", "truth"] | None,
    typer.Option("--anatomy-source", help="Whose contours they are; required with --anatomy."),
]
PriorAnchor = Annotated[Anchor | None, typer.Option("--anchor", help="What fixes the angle; see aha17.")]
Landmarks = Annotated[
    Path | None,
    typer.Option("--landmarks", metavar="FILE", help="RV insertion points of one image; see aha17."),
    Reads("landmarks"),
]
PriorAngle = Annotated[
    float | None,
    typer.Option("--angle", metavar="DEG", min=-360, max=360, help="Middle of the septum; see aha17."),
]
Bullseye = Annotated[bool, typer.Option("--bullseye/--no-bullseye", help="Draw bullseye.svg for each case.")]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"],
    typer.Option("--precision", help="Of the arithmetic; auto takes that of the training where it can."),
]
Ensemble = Annotated[
    list[Path] | None,
    typer.Option("--ensemble", metavar="MODEL", help="Another model to average with; may be repeated."),
    Reads("model"),
]
Mirror = Annotated[
    bool, typer.Option("--mirror/--no-mirror", help="Average over mirror images; for models trained with them.")
]
Probabilities = Annotated[
    bool, typer.Option("--probabilities/--no-probabilities", help="Write the probability of each label too.")
]
Explain = Annotated[
    bool,
    typer.Option("--explain/--no-explain", help="Write a page for each case of what its ECG said."),
]
Overlays = Annotated[
    bool,
    typer.Option("--overlays/--no-overlays", help="Draw overlay.png for each case: contours on the image."),
]


@dataclass(frozen=True)
class Options:
    """What the command line says about the result of every case."""

    anatomy_source: Any
    fractions_only: bool
    bullseye: bool
    overlays: bool


def require_controls(
    single: bool, ecg: bool, shuffle_ecg: bool, shuffle_interval: bool, oracle_ecg: bool
) -> None:
    """Raise UsageError for controls that cannot be; single: one image was given, no manifest."""
    flags = {"--shuffle-ecg": shuffle_ecg, "--shuffle-interval": shuffle_interval, "--oracle-ecg": oracle_ecg}
    for flag in (name for name, asked in flags.items() if asked):
        if single:
            raise UsageError(f"{flag} is for a manifest", remedy="Name the manifest of scartools pair")
        if not ecg:
            raise UsageError(f"{flag} has no meaning with --no-ecg", remedy="Leave one of them out")
    if shuffle_ecg and oracle_ecg:
        raise UsageError("--shuffle-ecg and --oracle-ecg contradict each other", remedy="Leave one of them out")


def require_consistent(
    single: bool,
    split: str,
    beat: Path | None,
    interval: float | None,
    ecg: bool,
    anatomy: Path | None,
    anatomy_source: str | None,
    landmarks: Path | None,
    angle: float | None,
    anchor: str | None,
) -> None:
    """Raise UsageError for options that contradict each other; single: one image was given, no manifest."""
    for flag, value in (("--beat", beat), ("--interval", interval), ("--landmarks", landmarks)):
        if value is not None and not single:
            raise UsageError(f"{flag} is for one image", remedy="Put it into the manifest, or name one image")
    if single and split != "all":
        raise UsageError("--split is for a manifest", remedy="Leave it out")
    if (anatomy is None) != (anatomy_source is None):
        raise UsageError(
            "--anatomy and --anatomy-source belong together",
            remedy="Say whose contours they are: manual or truth",
        )
    if interval is not None and beat is None:
        raise UsageError("--interval has no meaning without --beat", remedy="Leave it out")
    if beat is not None and not ecg:
        raise UsageError("--beat and --no-ecg contradict each other", remedy="Leave one of them out")
    if landmarks is not None and angle is not None:
        raise UsageError("--landmarks and --angle both fix the angle", remedy="Give one of them")
    if anchor == "angle" and angle is None:
        raise UsageError("--anchor angle needs --angle", remedy="Add --angle")
    if anchor == "landmarks" and landmarks is None:
        raise UsageError("--anchor landmarks needs --landmarks", remedy="Add --landmarks")
