"""A network of nnU-Net as a model of ours: what its plans and its checkpoint become in model.json.

Isensee et al., Nature Methods 2021;18:203, doi:10.1038/s41592-020-01008-z. The names of the weights are the same,
so that nothing but the surroundings is translated; what we cannot be is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from scartools.errors import InputError
from scartools.learning.planning import Plan
from scartools.learning.settings import Settings, Size, rates_of
from scartools.network.segmenter import Segmenter, SegmenterConfig

ARCHITECTURES = ("PlainConvUNet", "ResidualEncoderUNet")
LONG_PATCH = 1.5  # nnU-Net turns crops of a longer side ratio than this by 15 degrees, others by 180
EPS, KERNEL = 1e-5, 3


def network_of(name: str, arguments: Mapping[str, Any], classes: int) -> SegmenterConfig:
    """Return the configuration of a network that nnU-Net describes.

    name       of the class: PlainConvUNet or ResidualEncoderUNet
    arguments  arch_kwargs of plans.json
    classes    labels with background
    Raises InputError for a network that is not like ours in every part.
    """
    if name not in ARCHITECTURES:
        raise InputError(
            f"describes a {name[:60]}, which is neither {' nor '.join(ARCHITECTURES)}",
            remedy="Only nnU-Net's own networks can be imported",
        )
    try:
        features = tuple(int(value) for value in arguments["features_per_stage"])
        strides = tuple((int(down), int(across)) for down, across in arguments["strides"])
        decoder = {int(value) for value in arguments["n_conv_per_stage_decoder"]}
        residual = name == "ResidualEncoderUNet"
        counts = tuple(int(n) for n in arguments["n_blocks_per_stage" if residual else "n_conv_per_stage"])
        kernels = {int(edge) for kernel in arguments["kernel_sizes"] for edge in kernel}
        norm = (str(arguments["norm_op"]).rsplit(".", 1)[-1], arguments["norm_op_kwargs"])
        activation = str(arguments["nonlin"]).rsplit(".", 1)[-1]
        slope = (arguments.get("nonlin_kwargs") or {}).get("negative_slope", 0.01)
        bias = arguments["conv_bias"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"does not describe its network ({error!r})", remedy="Copy plans.json again"
        ) from error
    wanted = {
        "convolutions of 3 x 3": kernels == {KERNEL},
        "convolutions with a bias": bias is True,
        "instance normalisation": norm == ("InstanceNorm2d", {"eps": EPS, "affine": True}),
        "leaky ReLU of 0.01": activation == "LeakyReLU" and slope == 0.01,
        "no dropout": arguments.get("dropout_op") is None,
        "normalisation before activation": not arguments.get("nonlin_first", False),
        "no bottleneck blocks": arguments.get("block") is None and arguments.get("bottleneck_channels") is None,
        "the same convolutions in all stages": len(decoder) == 1 and (residual or set(counts) == decoder),
    }
    missing = [what for what, there in wanted.items() if not there]
    if missing:
        raise InputError(
            f"describes a network without {missing[0]}",
            remedy="Only nnU-Net's default networks can be imported",
        )
    try:
        return SegmenterConfig(classes, features, strides, decoder.pop(), blocks=counts if residual else ())
    except ValueError as error:
        raise InputError(f"describes no network ({error})", remedy="Copy plans.json again") from error


def plan_of(
    configuration: Mapping[str, Any], network: SegmenterConfig, transpose: tuple[int, int, int]
) -> Plan:
    """Return our plan for a 2D configuration of plans.json.

    transpose  nnU-Net's transpose_forward, of arrays (z, y, x); our volumes are stored (X, Y, Z)
    """
    try:
        target_y, target_x = (float(value) for value in configuration["spacing"])
        height, width = (int(value) for value in configuration["patch_size"])
        (masked,) = configuration["use_mask_for_norm"]
        first, second, third = (2 - axis for axis in transpose)
        said = Plan(
            target_spacing_mm=(target_y, target_x),
            patch=(height, width),
            batch=int(configuration["batch_size"]),
            strides=network.strides,
            features=network.features,
            within_nonzero=bool(masked),
            axes=(first, second, third),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"holds no usable 2D plan ({error!r})", remedy="Copy plans.json again") from error
    return Plan.from_json(said.to_json())  # which refuses what makes no network


def settings_of(plan: Plan, *, mirrored: bool, residual: bool) -> Settings:
    """Return settings for a network that was trained elsewhere: of the image alone, nnU-Net's where it is silent."""
    long = max(plan.patch) / min(plan.patch) > LONG_PATCH
    rates = rates_of("nnunet")
    here = 0  # iterations that were done by us
    size = Size(plan.features[0], max(plan.features), plan.patch, plan.batch, here, here)
    return Settings(
        size,
        preset="nnunet",
        prior_source="none",
        ecg=False,
        time=False,
        rotation_deg=15.0 if long else 180.0,
        mirror=mirrored,
        network="residual" if residual else "plain",
        image_rate=rates["image_rate"],
        momentum=rates["momentum"],
        foreground=rates["foreground"],
    )


def describe(
    network: SegmenterConfig,
    plan: Plan,
    labels: tuple[int, ...],
    settings: Settings,
    imported: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what model.json holds about an imported network.

    imported  where it came from: data set, trainer, fold, checkpoint
    """
    return {
        "Kind": "segmenter",
        "Labels": list(labels),
        "AnatomyLabels": None,
        "Network": network.to_json(),
        "Anatomy": None,
        "Settings": settings.to_json(),
        "Precision": "float32",
        "Plan": plan.to_json(),
        "Inputs": {"Prior": "none", "Ecg": False, "Time": False, "Beat": None},
        "Cohort": {"Known": False, "TrainedOn": [], "ValidatedOn": []},
        "WithoutPrior": {},
        "ValidationDice": {},
        "Imported": dict(imported),
    }


def weights_of(network: SegmenterConfig, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights under the names of a model, after they were put into the network that they are for.

    Raises InputError for weights that are missing, too many, or of another shape.
    """
    names = Segmenter(network).state_dict()
    for name, own in names.items():
        if name not in weights:
            raise InputError(
                f"has no weights {name}", remedy="It is of another network than plans.json describes"
            )
        if own.shape != weights[name].shape:
            raise InputError(
                f"has {tuple(weights[name].shape)} weights {name}, not {tuple(own.shape)}",
                remedy="It is of another network or another number of labels than plans.json and dataset.json say",
            )
    over = sorted(set(weights) - set(names))
    if over:
        raise InputError(
            f"has weights {over[0][:80]} that no such network has",
            remedy="It is of another network than plans.json describes",
        )
    return {f"scar.{name}": weights[name] for name in names}


def card(description: Mapping[str, Any], names: Mapping[int, str]) -> str:
    """Return the card as Markdown.

    description  what model.json holds; names: of our labels
    """
    said = description["Imported"]
    plan = description["Plan"]
    cases = "an unknown number of" if said["Cases"] is None else said["Cases"]
    lines = [
        "# Scar segmentation model, imported from nnU-Net",
        "",
        "Research use only. Not a medical device; not for diagnosis or treatment.",
        "",
        "## Use",
        "",
        "Segments LGE stacks, slice by slice, for research on myocardial scar. It takes the image alone: no prior, no ECG.",
        f"Labels: {', '.join(names[value] for value in description['Labels'] if value)}.",
        "",
        "## Where it came from",
        "",
        f"Data set {said['DataSet']}, plans {said['Plans']}, trainer {said['Trainer']}, fold {said['Fold']}, "
        f"{said['Epochs']} epochs, {said['Checkpoint']}.",
        f"SHA-256 of the checkpoint: {said['CheckpointSHA256']}.",
        "nnU-Net does not write down its version.",
        "",
        "## What it learned from",
        "",
        f"{cases} cases in all folds. Which patients they are is not known here: a test on any of them is no test,",
        "and nothing can refuse it.",
        "",
        "## How it is run",
        "",
        f"On pixels of {plan['TargetSpacingMm'][0]:.4g} x {plan['TargetSpacingMm'][1]:.4g} mm in windows of "
        f"{plan['Patch'][0]} x {plan['Patch'][1]}, on the stored axes in nnU-Net's order: a volume stored",
        "another way round than its training data comes to it mirrored or turned. predict --mirror averages",
        "over mirror images, as nnU-Net does, where it was trained with them.",
        "",
        "## Limits",
        "",
        "It knows the scanners, sequences and patients it learned from, and no others.",
        "",
    ]
    return "\n".join(lines)
