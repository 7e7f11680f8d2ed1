"""The folder that nnU-Net v2 leaves after a training: TRAINER__PLANS__2d with plans.json, dataset.json and fold_N.

A checkpoint is a pickle. It is read by torch's restricted unpickler, which builds tensors, plain containers and
the few NumPy scalars that nnU-Net logs; whatever else it names is refused, and nothing in it is ever run.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scartools.errors import InputError
from scartools.files import labels, nnunet, provenance
from scartools.files.provenance import Source, source_of

if TYPE_CHECKING:
    import torch

MAX_CHECKPOINT_BYTES = 8 << 30
MAX_PICKLE_BYTES = 64 << 20  # the structure alone; the tensors lie beside it
READERS = ("SimpleITKIO", "NibabelIO")  # both take the array in the order in which it is stored
SKIPPED_PREFIXES = ("_orig_mod.", "module.")  # of torch.compile and of training on several processors
MAX_PARENTS = 8  # of configurations that inherit from each other


@dataclass(frozen=True)
class NnunetResult:
    """What a result folder says, checked; arrays as nnU-Net has them.

    configuration  the 2D configuration of plans.json, what it inherits put in
    architecture   name of the network's class, and its arguments
    labels         our labels, in the order of the network's outputs
    transpose      nnU-Net's transpose_forward: which axis of its array (z, y, x) becomes slice, row and column
    weights        by name, as they were saved, on the CPU
    epochs         that the training had done
    mirrored       axes of the patch that nnU-Net allowed itself to flip
    cases          numTraining of dataset.json, all folds together; None where it does not say
    """

    configuration: Mapping[str, Any]
    architecture: tuple[str, Mapping[str, Any]]
    labels: tuple[int, ...]
    transpose: tuple[int, int, int]
    weights: Mapping[str, torch.Tensor]
    trainer: str
    epochs: int
    mirrored: tuple[int, ...]
    fold: str
    data_set: str
    plans: str
    cases: int | None
    checkpoint: Source
    sources: tuple[Source, ...]


def read_result(
    folder: Path, *, fold: str = "0", which: str = "final", scheme: str | None = None
) -> NnunetResult:
    """Read one fold of a result folder, after its JSON files were found to describe a network that we can be.

    fold    a number, or "all"
    which   "final" or "best": checkpoint_final.pth or checkpoint_best.pth
    scheme  a name in labels.SCHEMES that says what the numbers of the labels mean; None: their names in dataset.json
    Raises InputError for everything but a 2D network of one z-scored channel with plain labels.
    """
    if not folder.is_dir():
        raise InputError(
            "is no folder", where=folder, remedy="Name a folder like nnUNetTrainer__nnUNetPlans__2d"
        )
    plans_file, description = folder / "plans.json", folder / "dataset.json"
    plans, facts = provenance.read_json(plans_file), provenance.read_json(description)
    found = _labels(facts, description, scheme)
    _require_one_channel(facts, description)
    checkpoint = folder / f"fold_{fold}" / f"checkpoint_{which}.pth"
    if not checkpoint.is_file():
        there = ", ".join(sorted(path.parent.name for path in folder.glob(f"fold_*/{checkpoint.name}")))
        raise InputError(
            "does not exist", where=checkpoint, remedy=f"Folds with a {checkpoint.name}: {there or 'none'}"
        )
    for name in sorted(plans.get("configurations") or {}):
        if folder.name.endswith(f"__{name}") and name != "2d":
            _configuration(plans, name, plans_file)  # refused before the pickle is opened
    read = _read_checkpoint(checkpoint)
    started = _mapping(read.get("init_args"), "init_args", checkpoint)
    configuration = _configuration(plans, str(started.get("configuration")), plans_file)
    return NnunetResult(
        configuration=configuration,
        architecture=_architecture(configuration, plans_file),
        labels=found,
        transpose=_transpose(plans, plans_file),
        weights=_weights(read.get("network_weights"), checkpoint),
        trainer=_word(read.get("trainer_name"), "trainer_name", checkpoint),
        epochs=_count(read.get("current_epoch"), "current_epoch", checkpoint),
        mirrored=_mirrored(read.get("inference_allowed_mirroring_axes"), checkpoint),
        fold=fold,
        data_set=str(plans.get("dataset_name", "unknown"))[:200],
        plans=str(plans.get("plans_name", "unknown"))[:200],
        cases=facts["numTraining"] if type(facts.get("numTraining")) is int else None,
        checkpoint=source_of(checkpoint),
        sources=(source_of(plans_file), source_of(description)),
    )


def _labels(facts: Mapping[str, Any], where: Path, scheme: str | None) -> tuple[int, ...]:
    """Return our labels in the order of nnU-Net's numbers, which are those of its outputs."""
    said = facts.get("labels")
    if isinstance(said, dict) and any(isinstance(value, list) for value in said.values()):
        raise InputError(
            "has labels that are regions (lists of numbers)",
            where=where,
            remedy="Only networks with plain labels can be imported",
        )
    if scheme is None:
        values = nnunet.label_values(facts, where, option="--scheme")
    else:
        numbers = nnunet.label_numbers(facts, where)
        known = labels.SCHEMES[scheme].values
        strange = sorted(set(numbers) - set(known))
        if strange:
            raise InputError(
                f"has the label {strange[0]}, which the scheme {scheme} does not know",
                where=where,
                remedy="Name another scheme with --scheme",
            )
        values = {number: known[number] for number in numbers}
    outputs = sorted(number for number, ours in values.items() if ours != labels.IGNORE)
    if outputs != list(range(len(outputs))) or len(outputs) < 2 or values[0] != labels.BACKGROUND:
        raise InputError(
            f"has the labels {outputs}, not 0 for the background and then 1, 2, 3 ...",
            where=where,
            remedy="nnU-Net numbers its outputs so; check that it is the dataset.json of this training",
        )
    return tuple(values[number] for number in outputs)


def _require_one_channel(facts: Mapping[str, Any], where: Path) -> None:
    channels = facts.get("channel_names", facts.get("modality"))
    if not isinstance(channels, dict) or len(channels) != 1:
        count = len(channels) if isinstance(channels, dict) else "no"
        raise InputError(
            f"names {count} channels, not one",
            where=where,
            remedy="Only networks of one LGE image can be imported",
        )


def _configuration(plans: Mapping[str, Any], name: str, where: Path) -> dict[str, Any]:
    """Return a configuration with what it inherits, refused where it is not a 2D one of its own."""
    listed = _mapping(plans.get("configurations"), "configurations", where)
    merged: dict[str, Any] = {}
    parent: Any = name
    for _ in range(MAX_PARENTS):
        here = _mapping(listed.get(parent), f"configuration {str(parent)[:40]!r}", where)
        merged = {**here, **merged}
        parent = here.get("inherits_from")
        if parent is None:
            break
    else:
        raise InputError("has configurations that inherit from each other in a circle", where=where)
    patch = merged.get("patch_size")
    if merged.get("previous_stage"):
        raise InputError(
            f"says that {name} is a cascade, which needs a first network",
            where=where,
            remedy="Import the 2d one",
        )
    if not isinstance(patch, list) or len(patch) != 2:
        raise InputError(
            f"says that {name} has the patch {patch}, which is not 2D",
            where=where,
            remedy="Import a 2d configuration; 3D networks are not supported",
        )
    _require_ours(plans, merged, where)
    return merged


def _require_ours(plans: Mapping[str, Any], configuration: Mapping[str, Any], where: Path) -> None:
    """Refuse what is done to an image in another way than we do it: a result would look right and be wrong."""
    reader = plans.get("image_reader_writer")
    if reader not in READERS:
        raise InputError(
            f"reads images with {reader!r}, not with one of {', '.join(READERS)}",
            where=where,
            remedy="Other readers turn the image in ways that are not supported",
        )
    schemes = configuration.get("normalization_schemes")
    if schemes != ["ZScoreNormalization"]:
        raise InputError(
            f"normalises by {schemes}, not by one ZScoreNormalization",
            where=where,
            remedy="Only z-scored networks can be imported",
        )
    for part, order in (("data", 3), ("probabilities", 1)):
        function = configuration.get(f"resampling_fn_{part}")
        options = configuration.get(f"resampling_fn_{part}_kwargs")
        known = isinstance(options, dict) and (options.get("order"), options.get("order_z")) == (order, 0)
        if function != "resample_data_or_seg_to_shape" or not known:
            raise InputError(
                f"resamples {part} by {function} {options}, not as nnU-Net does by default",
                where=where,
                remedy="Only the default resampling is supported",
            )


def _architecture(configuration: Mapping[str, Any], where: Path) -> tuple[str, Mapping[str, Any]]:
    """Return the name of the network's class and its arguments; plans before release 2.4 say them otherwise."""
    said = configuration.get("architecture")
    if said is not None:
        said = _mapping(said, "architecture", where)
        name = _word(said.get("network_class_name"), "network_class_name", where)
        return name.rsplit(".", 1)[-1], _mapping(said.get("arch_kwargs"), "arch_kwargs", where)
    name = _word(configuration.get("UNet_class_name"), "architecture", where)
    counts = configuration.get("n_conv_per_stage_encoder")
    base, most = configuration.get("UNet_base_num_features"), configuration.get("unet_max_num_features")
    if not isinstance(counts, list) or not isinstance(base, int) or not isinstance(most, int):
        raise InputError("does not say how large the network is", where=where, remedy="Copy plans.json again")
    return name, {
        "features_per_stage": [min(base * 2**stage, most) for stage in range(len(counts))],
        "kernel_sizes": configuration.get("conv_kernel_sizes"),
        "strides": configuration.get("pool_op_kernel_sizes"),
        "n_conv_per_stage" if name == "PlainConvUNet" else "n_blocks_per_stage": counts,
        "n_conv_per_stage_decoder": configuration.get("n_conv_per_stage_decoder"),
        "conv_bias": True,
        "norm_op": "InstanceNorm2d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "nonlin": "LeakyReLU",
    }


def _transpose(plans: Mapping[str, Any], where: Path) -> tuple[int, int, int]:
    said = plans.get("transpose_forward")
    if not isinstance(said, list) or sorted(map(str, said)) != ["0", "1", "2"]:
        raise InputError(f"has the transpose_forward {said}", where=where, remedy="Copy plans.json again")
    first, second, third = (int(axis) for axis in said)
    return first, second, third


def _weights(said: Any, where: Path) -> dict[str, torch.Tensor]:
    """Return the tensors under the names of the plain network, once each.

    nnU-Net lists most of its tensors two to four times: under decoder.encoder and under all_modules.
    """
    import torch

    said = _mapping(said, "network_weights", where)
    found: dict[str, torch.Tensor] = {}
    copies: dict[str, torch.Tensor] = {}
    for name, tensor in said.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
            raise InputError(f"has the weights {str(name)[:80]!r}, which are no tensor of numbers", where=where)
        for prefix in SKIPPED_PREFIXES:
            name = name.removeprefix(prefix)
        (copies if name.startswith("decoder.encoder.") or ".all_modules." in name else found)[name] = tensor
    broken = [name for name, tensor in found.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise InputError(
            f"has NaN or infinity in {broken[0]}", where=where, remedy="Take another fold or checkpoint"
        )
    for name, tensor in copies.items():
        original = found.get(name.removeprefix("decoder."))
        if original is not None and not torch.equal(original, tensor):
            raise InputError(f"has two values of {name.removeprefix('decoder.')}", where=where)
    return {name: tensor.float() for name, tensor in found.items()}


def _read_checkpoint(path: Path) -> Mapping[str, Any]:
    """Return what a checkpoint holds; raises InputError for anything but tensors and plain values."""
    import pickle

    import torch

    _require_archive(path)
    try:
        with _numbers_of_numpy():
            read = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = next((line for line in str(error).splitlines() if "GLOBAL" in line or "class" in line), "")
        raise InputError(
            f"holds more than tensors and plain values and was not read further ({reason.strip()[:160] or 'pickle'})",
            where=path,
            remedy="Where it was made, save its network_weights, init_args, trainer_name, current_epoch and "
            "inference_allowed_mirroring_axes alone",
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise InputError(
            f"cannot be read as a checkpoint ({str(error).splitlines()[0][:160] if str(error) else error!r})",
            where=path,
            remedy="Copy it again",
        ) from error
    return _mapping(read, "checkpoint", path)


def _require_archive(path: Path) -> None:
    """Refuse by size, and anything but the uncompressed archive that torch.save writes."""
    try:
        if path.stat().st_size > MAX_CHECKPOINT_BYTES:
            raise InputError(f"is over the limit of {MAX_CHECKPOINT_BYTES} bytes", where=path)
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InputError(
            f"is no archive of torch.save ({error})",
            where=path,
            remedy="Copy it again; nnU-Net v1 is not supported",
        ) from error
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise InputError("is compressed, which torch.save never does", where=path)
    if sum(member.file_size for member in members) > MAX_CHECKPOINT_BYTES:
        raise InputError(f"unpacks to more than {MAX_CHECKPOINT_BYTES} bytes", where=path)
    if any(member.filename.endswith(".pkl") and member.file_size > MAX_PICKLE_BYTES for member in members):
        raise InputError(f"has a pickle of more than {MAX_PICKLE_BYTES} bytes", where=path)


@contextmanager
def _numbers_of_numpy() -> Iterator[None]:
    """Let the restricted unpickler build NumPy scalars: nnU-Net logs its losses as such. No code comes with them."""
    import numpy as np
    import torch
    from numpy._core.multiarray import scalar

    kinds = ("Float16", "Float32", "Float64", "Int32", "Int64", "Bool")
    old = (scalar, "numpy.core.multiarray.scalar")  # the name before NumPy 2
    allowed = [scalar, old, np.dtype, *(getattr(np.dtypes, f"{kind}DType") for kind in kinds)]
    with torch.serialization.safe_globals(allowed):
        yield


def _mapping(value: Any, name: str, where: Path) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"has no {name}", where=where, remedy="Copy the whole result folder again")
    return value


def _word(value: Any, name: str, where: Path) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"has no {name}", where=where, remedy="Copy the whole result folder again")
    return value[:200]


def _count(value: Any, name: str, where: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(f"has the {name} {value!r}", where=where, remedy="Copy the whole result folder again")
    return value


def _mirrored(value: Any, where: Path) -> tuple[int, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or any(axis not in (0, 1) for axis in value):
        raise InputError(f"has the mirroring axes {value!r}", where=where)
    return tuple(int(axis) for axis in value)
