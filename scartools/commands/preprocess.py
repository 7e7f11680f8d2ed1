"""Bring cases to the network's grid and plan the network, by nnU-Net's rules.

Reads the manifest that scartools-pair(1) writes and makes a dataset folder that scartools-train(1) reads: each
image cropped to its nonzero box, z-scored and resampled in plane to the target spacing, its label, its prior,
its median beat; and the plan of a 2D network that fits the images and a memory. The slice spacing is never
changed and nothing is interpolated through plane.

The fingerprint and the plan come from training cases only: no validation or test case has a say in them. A
participant or a group in two splits stops the command. One bad case stops it too, by name, and nothing is written.

Every volume is laid the same way whatever the order its axes are stored in: slices first, and in plane, by
exchange and reversal of axes alone, columns towards the patient's left and rows towards posterior and inferior,
seen from the apex side, so that no heart is the mirror image of another. A volume whose header has no real
orientation is taken as its header says. case.json records the grid and the exact way back.

INPUT FILES

With --import-nnunet a raw nnU-Net v2 folder takes the place of PAIRS. Its case ids must be patient ids. Labels
go by their names in its dataset.json (background, lv_pool, healthy_myocardium, scar, no_reflow, rv_pool,
ignore); with --labels other than scartools, by their numbers. Validation is that of the first split in
splits_final.json; without that file all of imagesTr are training cases.

OUTPUT FILES

    dataset.json         Plan, Fingerprint, Labels, LabelScheme, Splits, Folds, Beat, Cases
    cases/ID/image.npy   float32 (1, Z, Y, X), z-scores
    cases/ID/label.npy   uint8 (Z, Y, X)
    cases/ID/prior.npy   uint8 (Z, Y, X), AHA segments
    cases/ID/beat.npy    float32 (12, 600), one scale for the record, BeatScale mV in case.json
    cases/ID/case.json   ParticipantId, Group, Split, Fold, Grid, IntervalDays, PriorSource, LabelVoxels ...

With --export-nnunet the same cases go, as they were read, into a raw nnU-Net v2 folder; name it DatasetNNN_NAME
for nnU-Net to find it. nnU-Net wants consecutive labels: those absent from the training cases are closed up, and
the map is printed and recorded in dataset.json under NNUNetLabels.

NOTES

A prior must rest on contours that a reader drew (manual) or on the truth, as its sidecar says. One from predicted
or unstated contours is refused: train makes cross-fitted priors itself.

Training and validation cases need a label; test cases may lack one. A case without a split is a training case.

The target spacing is the median of each axis over the training cases. Batch and patch follow nnU-Net's measure of
memory for its 2D U-Net, with one batch at most 5 % of the training voxels and at least two slices. --network
residual-m and residual-l take those of its ResEnc presets, whose batch is not limited so. The grid of the cases is
the same for all.

EXAMPLES

    scartools median-beat cohort/truth/sim-0001/ecg.hea -o sim-0001-ecg1.hea
    scartools pair cohort/ecg.tsv cohort/mri.tsv --beats . --keep-unpaired -o pairs.tsv
    scartools preprocess pairs.tsv -o dataset
    scartools preprocess pairs.tsv -o dataset-1mm --target-spacing 1 --export-nnunet Dataset001_LGE
    scartools preprocess --import-nnunet Dataset001_LGE -o dataset-nnunet

REFERENCES

Isensee F et al. nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation. Nat
Methods 2021;18:203. doi:10.1038/s41592-020-01008-z
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from scartools.cli.contracts import Kind, Writes
from scartools.cli.options import Force, Labels, LabelScheme, Output, SpacingChoice, SpacingFrom
from scartools.cli.preprocess_options import (
    ExportFolder,
    ImportFolder,
    Memory,
    NetworkChoice,
    PairsFile,
    TargetSpacing,
)

if TYPE_CHECKING:
    import numpy as np

    from scartools.files.dataset import Case
    from scartools.files.pairs import PairRow
    from scartools.files.provenance import Source
    from scartools.files.volume import Volume
    from scartools.learning.fingerprint import CaseFingerprint, Fingerprint
    from scartools.learning.planning import Plan

KIND: Kind = "exact"
log = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")
IGNORE = 255


@dataclass(frozen=True)
class Inputs:
    """What the cases are and how their labels are to be read."""

    listed_in: Path  # the manifest, or the raw nnU-Net folder
    rows: tuple[PairRow, ...]
    scheme: LabelScheme  # of the numbers
    values: Mapping[int, int] | None  # their numbers to ours, where nnU-Net's dataset.json names them
    spacing_from: SpacingChoice
    sources: tuple[Source, ...]


def preprocess(
    output: Annotated[Output, Writes("dataset")],
    pairs: PairsFile = None,
    import_nnunet: ImportFolder = None,
    export_nnunet: ExportFolder = None,
    labels: Labels = "scartools",
    target_spacing: TargetSpacing = None,
    memory: Memory = None,
    network: NetworkChoice = "plain",
    spacing_from: SpacingFrom = "auto",
    force: Force = False,
) -> dict[str, Any]:
    """Read the cases twice: once to plan from the training cases, once to write them all."""
    from scartools.cli.streams import track
    from scartools.errors import UsageError
    from scartools.learning.fingerprint import fingerprint
    from scartools.learning.planning import make_plan

    if (pairs is None) == (import_nnunet is None):
        raise UsageError("PAIRS or --import-nnunet is due, and only one", remedy="Name the manifest from pair")
    if export_nnunet is not None and export_nnunet.absolute() == output.absolute():
        raise UsageError(f"--export-nnunet {export_nnunet} is the output itself", remedy="Choose another")
    inputs = _inputs(pairs, import_nnunet, labels, spacing_from)
    training = [row for row in inputs.rows if row.split == "train"]
    found = fingerprint(_fingerprint_of(row, inputs) for row in track(training, "fingerprint", len(training)))
    target = (target_spacing, target_spacing) if target_spacing else None
    classes = len([value for value in found.labels if value != IGNORE])
    plan = make_plan(found, classes=classes, memory_gb=memory, target_spacing_mm=target, network=network)
    _write(output, export_nnunet, inputs, plan, found, force)
    counts = {split: sum(row.split == split for row in inputs.rows) for split in SPLITS}
    log.info(
        "%s: %s; %.3g x %.3g mm, patch %d x %d, %d stages, batch %d",
        output,
        ", ".join(f"{n} {split}" for split, n in counts.items()),
        *plan.target_spacing_mm,
        *plan.patch,
        plan.stages,
        plan.batch,
    )
    exported = str(export_nnunet) if export_nnunet else None
    return {"Output": str(output), "Cases": counts, "Plan": plan.to_json(), "Export": exported}


def _inputs(
    pairs: Path | None, folder: Path | None, labels: LabelScheme, spacing_from: SpacingChoice
) -> Inputs:
    """Return the cases of a manifest or of a raw nnU-Net folder, after checking that their splits hold."""
    from scartools.errors import InputError, concerning
    from scartools.files import nnunet
    from scartools.files.pairs import read_pairs
    from scartools.files.provenance import source_of
    from scartools.learning.splits import require_disjoint

    where = pairs or folder
    assert where is not None  # preprocess has seen to it
    if pairs is not None:
        raw = nnunet.RawFolder(read_pairs(pairs), None, (source_of(pairs),))
    else:
        raw = nnunet.read_raw(where, by_name=labels == "scartools")
    rows = tuple(replace(row, split=row.split or "train") for row in raw.rows)
    with concerning(where):
        for row in rows:
            if row.label is None and row.split != "test":
                raise InputError(
                    f"case {row.case_id} of split {row.split} has no label",
                    remedy="Give its label, or make it a test case",
                )
        if not any(row.split == "train" for row in rows):
            raise InputError("has no training case", remedy="Give some rows the split train")
        require_disjoint(rows)
    return Inputs(where, rows, labels, raw.values, spacing_from, raw.sources)


def _read(row: PairRow, inputs: Inputs) -> tuple[Volume, Volume | None]:
    """Return the image and the label of a case, on one grid; an error names the case."""
    from scartools.files import nnunet, volume

    image = volume.read_image(row.image, spacing_from=inputs.spacing_from)
    if row.label is None:
        return image, None
    if inputs.values is not None:
        label = nnunet.read_labels(row.label, inputs.values, spacing_from=inputs.spacing_from)
    else:
        label = volume.read_labels(row.label, scheme=inputs.scheme, spacing_from=inputs.spacing_from)
    volume.require_same_grid(label, image)
    return image, label


def _fingerprint_of(row: PairRow, inputs: Inputs) -> CaseFingerprint:
    from scartools.errors import concerning
    from scartools.learning.fingerprint import fingerprint_case
    from scartools.learning.grids import network_grid

    with _of_case(row, inputs):
        image, label = _read(row, inputs)
        assert label is not None  # _inputs has seen to it
        with concerning(row.image):
            orientation = network_grid(image.array.shape, image.affine)
            z, y, x = (float(image.spacing_mm[axis]) for axis in orientation.axes)
            return fingerprint_case(orientation.apply(image.array), orientation.apply(label.array), (z, y, x))


def _write(
    output: Path, export: Path | None, inputs: Inputs, plan: Plan, found: Fingerprint, force: bool
) -> None:
    """Write the dataset, and the raw nnU-Net folder where one is wished for; a failing case leaves neither."""
    from scartools.cli.streams import track
    from scartools.files import atomic, dataset, nnunet

    numbers = nnunet.label_map(found.labels)
    description = _description(plan, found, inputs)
    sources = list(inputs.sources)  # grows case by case

    def cases(folder: Path | None) -> Iterator[Case]:
        for row in track(inputs.rows, "cases", len(inputs.rows)):
            with _of_case(row, inputs):
                case, image, label = _case(row, inputs, plan, found.labels, sources)
                if folder is not None:
                    array = None if label is None else label.array
                    nnunet.write_case(folder, row, image.array, array, image.affine, numbers)
            yield case

    if export is None:
        dataset.write_dataset(output, description, cases(None), sources=sources, force=force)
        return
    description["NNUNetLabels"] = {str(ours): number for ours, number in numbers.items()}

    def fill(folder: Path) -> None:
        nnunet.write_description(folder, inputs.rows, numbers)
        dataset.write_dataset(output, description, cases(folder), sources=sources, force=force)

    atomic.publish_folder(export, fill, sources=sources, force=force)
    log.info("%s: labels %s", export, ", ".join(f"{ours} -> {theirs}" for ours, theirs in numbers.items()))


def _description(plan: Plan, found: Fingerprint, inputs: Inputs) -> dict[str, Any]:
    from scartools.files.labels import NAMES
    from scartools.files.record import BEAT_R_SAMPLE, BEAT_RATE_HZ, BEAT_SAMPLES, LEADS

    beat = {"Leads": list(LEADS), "Samples": BEAT_SAMPLES, "SamplingFrequency": BEAT_RATE_HZ}
    folds: dict[str, list[str]] = {}
    for row in inputs.rows:
        if row.fold is not None:
            folds.setdefault(str(row.fold), []).append(row.case_id)
    return {
        "Plan": plan.to_json(),
        "Fingerprint": found.to_json(),
        "Labels": {str(value): NAMES[value] for value in found.labels if value != IGNORE},
        "LabelScheme": "names" if inputs.values is not None else inputs.scheme,
        "Splits": {split: [row.case_id for row in inputs.rows if row.split == split] for split in SPLITS},
        "Folds": dict(sorted(folds.items(), key=lambda item: int(item[0]))),
        "PlannedFrom": "training cases only",
        "Beat": {**beat, "RSample": BEAT_R_SAMPLE} if any(row.beat for row in inputs.rows) else None,
    }


def _case(
    row: PairRow, inputs: Inputs, plan: Plan, known: Sequence[int], sources: list[Source]
) -> tuple[Case, Volume, Volume | None]:
    """Return a case as the network takes it, with its image and label as they were read."""
    import numpy as np

    from scartools.errors import concerning
    from scartools.files.dataset import Case
    from scartools.learning.grids import to_network

    image, label = _read(row, inputs)
    prior, prior_source = _prior(row, image, inputs)
    with concerning(row.image):
        made = to_network(
            image.array,
            image.affine,
            plan,
            label=None if label is None else label.array,
            prior=None if prior is None else prior.array,
        )
    arrays = {"image": made.image}
    facts: dict[str, Any] = {
        "ParticipantId": row.participant_id,
        "Group": row.group,
        "Split": row.split,
        "Fold": row.fold,
        "Grid": made.grid.to_json(),
        "IntervalDays": row.interval_days,
        "PriorSource": prior_source,
        "LabelVoxels": None,
        "LabelVoxelsCropped": None,
        "GeometryNotes": list(image.notes),
    }
    if label is not None and made.label is not None:
        arrays["label"] = made.label
        counts = np.bincount(made.label.ravel(), minlength=256)
        facts["LabelVoxels"] = {str(value): int(counts[value]) for value in np.flatnonzero(counts)}
        facts["LabelVoxelsCropped"] = made.grid.outside(label.array)
        _warn_about_labels(row, facts, known)
    if made.prior is not None:
        arrays["prior"] = made.prior
    beat, beat_facts, beat_sources = _beat(row)
    if beat is not None:
        arrays["beat"] = beat
    sources += [volume.source for volume in (image, label, prior) if volume is not None] + beat_sources
    return Case(row.case_id, arrays, {**facts, **beat_facts}), image, label


def _warn_about_labels(row: PairRow, facts: dict[str, Any], known: Sequence[int]) -> None:
    unknown = [value for value in facts["LabelVoxels"] if int(value) not in known]
    if unknown:
        log.warning("case %s: no training case has its label %s", row.case_id, ", ".join(unknown))
    if facts["LabelVoxelsCropped"]:
        text = "case %s: %d labelled voxels lie where the image is 0, outside the crop"
        log.warning(text, row.case_id, facts["LabelVoxelsCropped"])


def _prior(row: PairRow, image: Volume, inputs: Inputs) -> tuple[Volume | None, str | None]:
    """Return the prior of a case and where its contours came from; refuses any but manual and truth."""
    from scartools.errors import InputError
    from scartools.files import volume
    from scartools.files.prior import read_rests_on, segment_model

    if row.prior is None:
        return None, None
    origin = read_rests_on(row.prior)["SegmentationSource"]
    if origin not in ("manual", "truth"):
        raise InputError(
            f"rests on contours that are {origin}; only manual or truth may train a network",
            where=row.prior,
            remedy="Make it from a reader's contours: scartools aha17 --source manual; "
            "or leave the cell n/a and let train make cross-fitted priors",
        )
    prior = volume.read_prior(row.prior, spacing_from=inputs.spacing_from)
    volume.require_same_grid(prior, image)
    if segment_model(row.prior, prior.array) == 18:
        raise InputError(
            "has 18 segments, where the network's prior has the 17 of the AHA",
            where=row.prior,
            remedy="Make it with: scartools aha17 --segments 17",
        )
    return prior, origin


def _beat(row: PairRow) -> tuple[np.ndarray | None, dict[str, Any], list[Source]]:
    """Return the standardised median beat of a case, its facts and what was read; all empty without one."""
    if row.beat is None:
        return None, {"BeatScale": None, "BeatQuality": None, "BeatStatus": None}, []
    from scartools.ecg.standardise import standardise_beat
    from scartools.errors import concerning
    from scartools.files.record import read_beat

    beat = read_beat(row.beat)
    with concerning(row.beat):
        array, scale = standardise_beat(beat.signals)
    source = beat.facts.get("Record")
    status = source.get("Status") if isinstance(source, dict) else None
    if status == "needs_review":
        log.warning("case %s: the page its beat was read from needs a review", row.case_id)
    facts = {"BeatScale": scale, "BeatQuality": beat.facts.get("Quality"), "BeatStatus": status}
    return array, facts, list(beat.sources)


@contextmanager
def _of_case(row: PairRow, inputs: Inputs) -> Iterator[None]:
    """Name the case, and where it is listed, in an error that concerns it."""
    from scartools.errors import ScartoolsError

    try:
        yield
    except ScartoolsError as error:
        inner = f": {error.where}" if error.where is not None else ""
        error.where = f"{inputs.listed_in}: case {row.case_id}{inner}"
        raise
