"""The options of train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from scartools.cli.contracts import Reads
from scartools.errors import UsageError

DatasetFolder = Annotated[
    Path, typer.Argument(metavar="DATASET", help="Data set of scartools preprocess."), Reads("dataset")
]
PresetChoice = Annotated[
    Literal["tiny", "small", "nnunet"],
    typer.Option("--preset", help="Size of network and schedule; see NOTES."),
]
NetworkChoice = Annotated[
    Literal["plain", "residual"] | None,
    typer.Option("--network", help="Encoder of the U-Net; that of the data set's plan unless given."),
]
WithPrior = Annotated[bool, typer.Option("--prior/--no-prior", help="Show the AHA segments of the wall.")]
PriorFrom = Annotated[
    Literal["predicted", "manual", "truth"],
    typer.Option("--prior-source", help="Where the wall of the segments comes from."),
]
WithEcg = Annotated[bool, typer.Option("--ecg/--no-ecg", help="Fuse the ECG.")]
WithTime = Annotated[
    bool | None,
    typer.Option(
        "--time/--no-time", help="Let the fusion see the days between ECG and MRI; as --ecg unless given."
    ),
]
EncoderFolder = Annotated[
    Path | None,
    typer.Option("--encoder", metavar="FOLDER", help="ECG encoder of pretrain-ecg to start from."),
    Reads("encoder"),
]
FirstStage = Annotated[
    Path | None,
    typer.Option("--first-stage", metavar="MODEL", help="Take the first stage and the priors of this model."),
    Reads("model"),
]
FusionForm = Annotated[
    Literal["corrected", "paper"], typer.Option("--fusion", help="Form of the fusion; see NOTES.")
]
FusionStage = Annotated[
    int,
    typer.Option("--fusion-stage", metavar="N", min=0, help="Encoder stage that is fused; 0 is the finest."),
]
PriorAnchor = Annotated[
    Literal["auto", "mid-septum", "anterior-insertion", "both-insertions", "angle", "image-left"],
    typer.Option("--anchor", help="What fixes the angle of the segments; see aha17."),
]
PriorAngle = Annotated[
    float | None,
    typer.Option("--angle", metavar="DEG", min=-360, max=360, help="Middle of the septum; see aha17."),
]
Iterations = Annotated[
    int | None, typer.Option("--iterations", metavar="N", min=1, help="Of the last network.")
]
Epochs = Annotated[
    int | None,
    typer.Option("--epochs", metavar="N", min=1, help="Of 250 iterations each, in place of --iterations."),
]
AnatomyIterations = Annotated[
    int | None, typer.Option("--anatomy-iterations", metavar="N", min=1, help="Of each first-stage network.")
]
BatchSize = Annotated[int | None, typer.Option("--batch", metavar="N", min=1, help="Crops an iteration.")]
PatchEdge = Annotated[
    int | None, typer.Option("--patch", metavar="PIXELS", min=16, max=2048, help="Edge of a crop.")
]
Features = Annotated[
    int | None, typer.Option("--features", metavar="N", min=1, max=512, help="Channels of the finest stage.")
]
LearningRate = Annotated[
    float | None,
    typer.Option(
        "--learning-rate", "--lr", metavar="RATE", help="Largest of the image; that of the preset unless given."
    ),
]
Ema = Annotated[
    float,
    typer.Option("--ema", metavar="DECAY", help="Keep averaged weights, such as 0.99; 0: those of the end."),
]
CrossFit = Annotated[
    int, typer.Option("--cross-fit", metavar="K", min=2, max=20, help="Folds of the first stage.")
]
Fold = Annotated[
    int | None, typer.Option("--fold", metavar="K", min=0, help="Look at this fold, learn from the others.")
]
EcgDropout = Annotated[
    float, typer.Option("--ecg-dropout", metavar="P", min=0, max=1, help="Part of the crops without their ECG.")
]
Rotation = Annotated[
    float, typer.Option("--rotation", metavar="DEG", min=0, max=180, help="Largest rotation, each way.")
]
Mirror = Annotated[bool, typer.Option("--mirror/--no-mirror", help="Mirror crops; for the image alone.")]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"],
    typer.Option("--precision", help="Of the arithmetic; auto takes bfloat16 where the processor has it."),
]


def require_consistent(
    prior: bool,
    prior_source: str,
    first_stage: Path | None,
    ecg: bool,
    time: bool | None,
    encoder: Path | None,
    anchor: str,
    angle: float | None,
) -> None:
    """Raise UsageError for options that contradict each other."""
    if not prior and prior_source != "predicted":
        raise UsageError(f"--prior-source {prior_source} has no meaning with --no-prior", remedy="Leave it out")
    if first_stage is not None and not (prior and prior_source == "predicted"):
        raise UsageError("--first-stage is for a predicted prior", remedy="Leave it out")
    if not ecg and time:
        raise UsageError("--time has no meaning with --no-ecg", remedy="Leave it out")
    if not ecg and encoder is not None:
        raise UsageError("--encoder has no meaning with --no-ecg", remedy="Leave it out")
    if anchor == "angle" and angle is None:
        raise UsageError("--anchor angle needs --angle", remedy="Add --angle")
    if angle is not None and anchor not in ("auto", "angle"):
        raise UsageError(f"--angle has no meaning with --anchor {anchor}", remedy="Leave one of them out")
