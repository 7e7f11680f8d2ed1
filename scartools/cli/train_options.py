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
PriorChannels = Annotated[
    bool,
    typer.Option(
        "--prior-channels/--no-prior-channels",
        help="Show them to the network; without, they only place what the ECG of --fusion segment says.",
    ),
]
Taken = Literal["first", "last", "all", "pretrained"]  # of the networks of an earlier model
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
StartFrom = Annotated[
    Path | None,
    typer.Option("--start-from", metavar="MODEL", help="Go on from all networks of this model; see NOTES."),
    Reads("model"),
]
Fusion = Annotated[
    Literal["taff", "segment"],
    typer.Option("--fusion", help="The published fusion, or one by AHA segments; see NOTES."),
]
TaffForm = Annotated[
    Literal["corrected", "paper"] | None,
    typer.Option("--taff-form", help="Form of --fusion taff; see NOTES [corrected]."),
]
FusionStage = Annotated[
    int | None,
    typer.Option(
        "--fusion-stage",
        metavar="N",
        min=0,
        help="Encoder stage that is fused; 0 is the finest [3; with --fusion segment 1].",
    ),
]
Pretrained = Annotated[
    Path | None,
    typer.Option(
        "--pretrained",
        metavar="MODEL",
        help="Begin with the last network of a model of other patients; see NOTES.",
    ),
    Reads("model"),
]
FreezeEncoder = Annotated[
    bool | None,
    typer.Option(
        "--freeze-encoder/--tune-encoder",
        help="Leave --encoder as it was pretrained; --fusion segment always does.",
        show_default="tune-encoder",
    ),
]
ShuffleEcg = Annotated[
    bool,
    typer.Option("--shuffle-ecg", help="Control: give each patient the ECG of another, here and in predict."),
]
ShuffleInterval = Annotated[
    bool,
    typer.Option(
        "--shuffle-interval", help="Control: give each patient the interval of another, here and in predict."
    ),
]
OracleEcg = Annotated[
    bool,
    typer.Option("--oracle-ecg", help="Ceiling: the true scar of the 17 segments in place of the ECG."),
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
Regions = Annotated[
    bool, typer.Option("--regions/--no-regions", help="Let heart, wall and infarct count in the loss too.")
]
CrossFit = Annotated[
    int, typer.Option("--cross-fit", metavar="K", min=2, max=20, help="Folds of the first stage.")
]
Fold = Annotated[
    int | None, typer.Option("--fold", metavar="K", min=0, help="Look at this fold, learn from the others.")
]
AroundHeart = Annotated[
    bool,
    typer.Option(
        "--around-heart", help="Find the heart first; the networks see one window around it; see NOTES."
    ),
]
Tensorboard = Annotated[
    Path | None,
    typer.Option("--tensorboard", metavar="FOLDER", help="Add the curves to this folder for TensorBoard."),
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
    wall: tuple[bool, str, bool],
    earlier: tuple[Path | None, Path | None, Path | None],
    heard: tuple[bool, bool | None, Path | None, bool | None],
    fused: tuple[str, str | None],
    controls: tuple[bool, bool, bool],
    frame: tuple[str, float | None],
) -> None:
    """Raise UsageError for options that contradict each other.

    wall      --prior, --prior-source, --prior-channels
    earlier   --first-stage, --start-from, --pretrained
    heard     --ecg, --time, --encoder, --freeze-encoder
    fused     --fusion, --taff-form
    controls  --shuffle-ecg, --shuffle-interval, --oracle-ecg
    frame     --anchor, --angle
    """
    _require_wall(wall, earlier)
    _require_fusion(wall, heard, fused)
    _require_controls(heard, fused, controls)
    anchor, angle = frame
    if anchor == "angle" and angle is None:
        raise UsageError("--anchor angle needs --angle", remedy="Add --angle")
    if angle is not None and anchor not in ("auto", "angle"):
        raise UsageError(f"--angle has no meaning with --anchor {anchor}", remedy="Leave one of them out")


def _require_wall(wall: tuple[bool, str, bool], earlier: tuple[Path | None, Path | None, Path | None]) -> None:
    (prior, prior_source, prior_channels), (first_stage, start_from, pretrained) = wall, earlier
    if not prior and prior_source != "predicted":
        raise UsageError(f"--prior-source {prior_source} has no meaning with --no-prior", remedy="Leave it out")
    if first_stage is not None and not (prior and prior_source == "predicted"):
        raise UsageError("--first-stage is for a predicted prior", remedy="Leave it out")
    if first_stage is not None and start_from is not None and prior_channels:
        raise UsageError("--start-from takes the first stage too", remedy="Leave --first-stage out")
    if pretrained is not None and start_from is not None:
        raise UsageError(
            "--pretrained and --start-from both say what it begins with", remedy="Give one of them"
        )


def _require_fusion(
    wall: tuple[bool, str, bool],
    heard: tuple[bool, bool | None, Path | None, bool | None],
    fused: tuple[str, str | None],
) -> None:
    (prior, _, prior_channels), (ecg, time, encoder, freeze_encoder), (fusion, taff_form) = wall, heard, fused
    if not prior_channels and not (prior and ecg and fusion == "segment"):
        raise UsageError(
            "--no-prior-channels leaves the segments to the ECG of --fusion segment",
            remedy="Add --fusion segment and leave --no-prior and --no-ecg out, or leave it out",
        )
    if not ecg and time:
        raise UsageError("--time has no meaning with --no-ecg", remedy="Leave it out")
    if not ecg and encoder is not None:
        raise UsageError("--encoder has no meaning with --no-ecg", remedy="Leave it out")
    if taff_form is not None and fusion != "taff":
        raise UsageError(f"--taff-form has no meaning with --fusion {fusion}", remedy="Leave it out")
    if freeze_encoder and encoder is None:
        raise UsageError("--freeze-encoder needs a pretrained one", remedy="Add --encoder, or leave it out")
    if freeze_encoder is False and fusion == "segment":
        raise UsageError(
            "--tune-encoder has no meaning with --fusion segment, which takes the encoder as it is",
            remedy="Leave it out, or use --fusion taff",
        )
    if ecg and fusion == "segment" and not prior:
        raise UsageError(
            "--fusion segment paints into the AHA segments",
            remedy="Use --no-prior-channels in place of --no-prior, or --fusion taff",
        )


def _require_controls(
    heard: tuple[bool, bool | None, Path | None, bool | None],
    fused: tuple[str, str | None],
    controls: tuple[bool, bool, bool],
) -> None:
    (ecg, time, *_), (fusion, _) = heard, fused
    for flag, asked in zip(("--shuffle-ecg", "--shuffle-interval", "--oracle-ecg"), controls, strict=True):
        if asked and not ecg:
            raise UsageError(f"{flag} has no meaning with --no-ecg", remedy="Leave it out")
    shuffle_ecg, shuffle_interval, oracle = controls
    if shuffle_interval and time is False:
        raise UsageError("--shuffle-interval has no meaning with --no-time", remedy="Leave it out")
    if shuffle_ecg and oracle:
        raise UsageError("--shuffle-ecg and --oracle-ecg contradict each other", remedy="Leave one of them out")
    if oracle and fusion != "segment":
        raise UsageError("--oracle-ecg speaks in segments", remedy="Add --fusion segment")


def taken_from(
    first_stage: Path | None, start_from: Path | None, pretrained: Path | None, prior_channels: bool
) -> list[tuple[Path, Taken]]:
    """Return earlier models and which of their networks are taken.

    A network that is shown no segments starts from one of a model that has none: the first stage is then another's, or new.
    """
    found: list[tuple[Path, Taken]] = [] if first_stage is None else [(first_stage, "first")]
    if start_from is not None:
        found.append((start_from, "all" if prior_channels else "last"))
    if pretrained is not None:
        found.append((pretrained, "pretrained"))
    return found


def iterations_of(iterations: int | None, epochs: int | None, epoch: int) -> int | None:
    """Return the iterations that were asked for, in one of two ways; epoch: iterations of one."""
    if iterations is not None and epochs is not None:
        raise UsageError("--iterations and --epochs both say how long it learns", remedy="Give one of them")
    return iterations if epochs is None else epochs * epoch


def rate_of(learning_rate: float | None, ema: float) -> dict[str, float]:
    """Return the rate that was asked for, after a look at both numbers."""
    if not 0 <= ema < 1:
        raise UsageError(
            f"--ema {ema:g} is not 0 or more and below 1", remedy="Give such as 0.99, or 0 for none"
        )
    if learning_rate is None:
        return {}
    if not 0 < learning_rate <= 10:
        raise UsageError(
            f"--learning-rate {learning_rate:g} is not above 0 and at most 10", remedy="Give such as 0.01"
        )
    return {"image_rate": learning_rate}
