"""Import a trained nnU-Net as a model for scartools-predict(1).

FOLDER is what nnU-Net v2 leaves after a training of its 2d configuration: nnUNetTrainer__nnUNetPlans__2d with
plans.json, dataset.json and fold_N. One fold becomes one model: of the image alone, without prior and ECG. Its
weights keep their names and values; predict then does to an image what nnU-Net does.

A checkpoint is a pickle, and a pickle can run code. It is read only with --trust-pickle, by torch's restricted
unpickler: tensors, plain values and NumPy numbers are built, everything else is refused, and no code in the file
is run. The weights are written as safetensors, and the pickle is not needed again.

INPUT FILES

The labels of dataset.json are mapped by their names, which must be those of this toolkit (background, LV pool,
healthy myocardium, scar, no-reflow, RV pool; case and punctuation do not matter), or with --scheme by their
numbers.

OUTPUT FILES

    model.json            architecture, plan, labels; under Imported where it came from
    weights.safetensors   the network
    card.md               the same for people
    prov.json             provenance

NOTES

Refused by name: 3D and cascaded configurations, several channels, labels that are regions, normalisation other
than z-scores, other resampling, other readers of images than SimpleITKIO and NibabelIO, networks other than
PlainConvUNet and ResidualEncoderUNet with nnU-Net's defaults. nnU-Net v1 is not read.

The network sees the stored axes in nnU-Net's order; other models of this toolkit see each heart the same way
round. predict does not average over flips, which nnU-Net does unless told not to (--disable_tta), runs one fold
where nnU-Net runs five, and keeps window sums in single precision where nnU-Net keeps half.

Which patients a network learned from is not in its folder. predict says so when the manifest says test; keeping
them apart is left to you.

EXAMPLES

    scartools import-nnunet nnUNetTrainer__nnUNetPlans__2d --trust-pickle -o model
    scartools import-nnunet nnUNetTrainer__nnUNetPlans__2d --trust-pickle --fold 0 --checkpoint best -o best

REFERENCES

Isensee F et al. nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation. Nat
Methods 2021;18:203. doi:10.1038/s41592-020-01008-z
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from scartools.cli.contracts import Kind, Reads, Writes
from scartools.cli.options import Force, LabelScheme, Output

if TYPE_CHECKING:
    from scartools.files.nnunet_result import NnunetResult

KIND: Kind = "exact"
log = logging.getLogger(__name__)

ResultFolder = Annotated[
    Path,
    typer.Argument(metavar="FOLDER", help="Result of a training: TRAINER__PLANS__2d."),
    Reads("nnunet_result"),
]
Fold = Annotated[str, typer.Option("--fold", metavar="N", help="The fold to import, a number or all.")]
Checkpoint = Annotated[
    Literal["final", "best"], typer.Option("--checkpoint", help="Of the end, or of the best moment.")
]
ByNumber = Annotated[
    LabelScheme | None,
    typer.Option("--scheme", help="The scheme of the numbers in dataset.json; without it names count."),
]
TrustPickle = Annotated[
    bool, typer.Option("--trust-pickle", help="You know where the checkpoint comes from: read it.")
]


def import_nnunet(
    folder: ResultFolder,
    output: Annotated[Output, Writes("model")],
    fold: Fold = "0",
    checkpoint: Checkpoint = "final",
    labels: ByNumber = None,
    trust_pickle: TrustPickle = False,
    force: Force = False,
) -> dict[str, Any]:
    """Read plans, labels and checkpoint, translate them, write the model."""
    from scartools.errors import UsageError, concerning

    if not (fold == "all" or (fold.isascii() and fold.isdigit() and len(fold) < 4)):
        raise UsageError(f"--fold {fold} is neither a number nor all", remedy="Use --fold 0")
    if not trust_pickle:
        raise UsageError(
            "a checkpoint of nnU-Net is a pickle, which is not read unasked",
            remedy="Add --trust-pickle if you know who made it",
        )
    from scartools.files import model, nnunet_result
    from scartools.files.labels import NAMES
    from scartools.learning import imported

    found = nnunet_result.read_result(folder, fold=fold, which=checkpoint, scheme=labels)
    with concerning(folder / "plans.json"):
        network = imported.network_of(*found.architecture, len(found.labels))
        plan = imported.plan_of(found.configuration, network, found.transpose)
    with concerning(found.checkpoint.path):
        weights = imported.weights_of(network, found.weights)
    settings = imported.settings_of(plan, mirrored=bool(found.mirrored), residual=bool(network.blocks))
    facts = imported.describe(network, plan, found.labels, settings, _origin(found, checkpoint))
    model.write_model(
        output,
        facts,
        weights,
        card=imported.card(facts, NAMES),
        sources=[*found.sources, found.checkpoint],
        force=force,
    )
    log.info("%s: labels %s", output, ", ".join(f"{n} -> {NAMES[v]}" for n, v in enumerate(found.labels)))
    log.warning("%s: which patients this network learned from is not known", output)
    return {
        "Output": str(output),
        "Imported": facts["Imported"],
        "Labels": facts["Labels"],
        "Inputs": facts["Inputs"],
    }


def _origin(found: NnunetResult, which: str) -> dict[str, Any]:
    return {
        "From": "nnU-Net v2",
        "NnunetVersion": None,  # nnU-Net writes it nowhere
        "DataSet": found.data_set,
        "Plans": found.plans,
        "Trainer": found.trainer,
        "Fold": found.fold,
        "Epochs": found.epochs,
        "Checkpoint": f"checkpoint_{which}.pth",
        "CheckpointSHA256": found.checkpoint.sha256,
        "Cases": found.cases,
        "MirroringAxes": list(found.mirrored),
        "TrainingPatients": "unknown",
    }
