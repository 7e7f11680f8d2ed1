"""Segment scar in LGE images with a trained model, with its 17-segment report.

INPUT is the manifest of scartools-pair(1), or one image. Both stages run: the first finds the wall, its AHA
segments are shown to the second, which segments the scar. The truth is never looked at; a label in the manifest
is not opened.

A reader's own contours may take the place of the first stage (--anatomy). Only LV pool, wall and RV are taken
from them: healthy myocardium, scar and no-reflow (2, 3 and 4) are merged into wall first, so that a contour
cannot tell the network where the scar is. That is another regime: what was shown is recorded with every number
as manual or truth, and evaluate never mixes it with predicted.

A case without an ECG is segmented by the image path of the network; the table says which were.

INPUT FILES

An image keeps its own grid, orientation and voxel size; nothing about them need be like the training data, but
a network knows only what it learned. ANATOMY is one segmentation for one image; for a manifest, a TSV with the
columns case_id and anatomy, paths relative to it. All of them are read in the scheme of --labels.

OUTPUT FILES

    ID/segmentation.nii.gz  labels of this toolkit on the image's grid
    ID/prior.nii.gz         AHA segments of these labels; absent where they cannot be told
    ID/segments.tsv         scar by segment, as in scartools-quantify(1); absent where no wall was found
    ID/bullseye.svg         the same as a bullseye
    predictions.tsv         one row a case
    prov.json               provenance

Columns of predictions.tsv:

@columns scartools.files.predictions:COLUMNS

NOTES

The anchor of the segments is that of the training unless --anchor, --angle or --landmarks say otherwise;
--landmarks is for one image. Where the anatomy does not answer, the second stage is shown no prior, and a
warning says so; where the predicted labels have no segments, the table has the ventricle alone.

A participant that the model was trained on is refused when the manifest says test. Whom a model of
scartools-import-nnunet(1) learned from is not known, which a warning says.

EXAMPLES

    scartools median-beat cohort/truth/sim-0001/ecg.hea -o sim-0001-ecg1.hea
    scartools median-beat cohort/truth/sim-0002/ecg.hea -o sim-0002-ecg1.hea
    scartools pair cohort/ecg.tsv cohort/mri.tsv --beats . --split 1/0/0 -o pairs.tsv
    scartools preprocess pairs.tsv -o dataset
    scartools train dataset --preset tiny --features 4 --batch 2 --iterations 2 --cross-fit 2 -o model
    scartools predict model cohort/lge/sim-0002.nii.gz --no-bullseye -o one
    scartools predict model cohort/lge/sim-0002.nii.gz --beat sim-0002-ecg1.hea --interval 12 -o with-ecg
    scartools predict model pairs.tsv --no-bullseye -o predictions
    scartools predict model cohort/lge/sim-0002.nii.gz --anatomy cohort/truth/sim-0002/segmentation.nii.gz --anatomy-source truth -o guided

REFERENCES

Ramzan F et al. Seeing beyond the image: ECG and anatomical knowledge-guided myocardial scar segmentation.
arXiv:2511.14702
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from scartools.cli.contracts import Kind, Reads, Writes
from scartools.cli.options import Anchor, Device, Force, FractionsOnly, Labels, Output, SpacingFrom

if TYPE_CHECKING:
    from scartools.files.case_inputs import CaseInput
    from scartools.files.provenance import Source
    from scartools.files.volume import Volume
    from scartools.learning.prediction import Model, Predicted, Where

KIND: Kind = "network"
log = logging.getLogger(__name__)

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


def predict(
    model: ModelFolder,
    image: InputFile,
    output: Annotated[Output, Writes("predictions")],
    split: Split = "all",
    beat: BeatFile = None,
    interval: Interval = None,
    ecg: UseEcg = True,
    anatomy: AnatomyFile = None,
    anatomy_source: AnatomySource = None,
    labels: Labels = "scartools",
    anchor: PriorAnchor = None,
    landmarks: Landmarks = None,
    angle: PriorAngle = None,
    bullseye: Bullseye = True,
    fractions_only: FractionsOnly = False,
    spacing_from: SpacingFrom = "auto",
    precision: Precision = "float32",
    device: Device = "auto",
    force: Force = False,
) -> dict[str, Any]:
    """Read model and images, segment, write a folder a case and one table."""
    from scartools.cli.resources import device_to_use, precision_to_use, scratch_for_matplotlib
    from scartools.cli.streams import track
    from scartools.errors import InputError, ItemsFailed, concerning
    from scartools.files import atomic, case_inputs, predictions

    single = not image.name.endswith(".tsv")
    _require_consistent(single, split, beat, interval, ecg, anatomy, anatomy_source, landmarks, angle, anchor)
    network, source = _model(model)
    asked, listed = (
        case_inputs.of_image(image, beat, interval, anatomy)
        if single
        else case_inputs.of_manifest(image, None if split == "all" else split, anatomy)
    )
    _require_unseen(asked, network)
    _require_wall(asked, network, model)
    where, more = _where(network, anchor, angle, landmarks)
    place = device_to_use(device)
    how = {"device": place, "precision": precision_to_use(precision, place)}
    options = Options(labels, spacing_from, anatomy_source, ecg, fractions_only, bullseye)
    rows: list[dict[str, Any]] = []
    failed: list[str] = []

    def fill(folder: Path) -> list[Source]:
        sources = [source, *more, *listed]
        for case in track(asked, "cases"):
            try:
                with concerning(case.image):
                    found, picture, read = _predict(network, case, where, options, how)
                    _write(folder / case.id, found, picture, options)
            except InputError as error:
                if single:
                    raise
                failed.append(case.id)
                log.error("case %s: %s", case.id, error)
                continue
            sources += read
            rows.append(_row(case, found, model, output))
        if failed and not rows:
            raise InputError(f"none of {len(failed)} cases could be segmented", where=image)
        predictions.write_table(folder, rows)
        return sources

    with scratch_for_matplotlib():
        atomic.publish_folder(output, fill, force=force)
    facts = {"Output": str(output), "Cases": rows, "Failed": failed}
    if failed:
        raise ItemsFailed(
            f"{len(failed)} of {len(asked)} cases failed, the others are in {output}",
            remedy="They are listed above",
            facts=facts,
        )
    log.info("%s: %d case%s", output, len(rows), "s" if len(rows) > 1 else "")
    return facts


@dataclass(frozen=True)
class Options:
    """What the command line says about all cases."""

    labels: str
    spacing_from: Any
    anatomy_source: Any
    ecg: bool
    fractions_only: bool
    bullseye: bool


def _require_consistent(
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
    from scartools.errors import UsageError

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


def _model(folder: Path) -> tuple[Model, Source]:
    from scartools.errors import concerning
    from scartools.files import model
    from scartools.files.provenance import source_of
    from scartools.learning.prediction import rebuild

    with concerning(folder):
        network = rebuild(model.read_description(folder), model.read_weights(folder))
    return network, source_of(folder / "model.json")


def _require_unseen(cases: Sequence[CaseInput], network: Model) -> None:
    """Refuse a test on patients that the model has learned from."""
    from scartools.errors import InputError

    known = network.learned_from | network.watched_on
    seen = sorted({case.participant_id for case in cases if case.split == "test"} & known)
    if seen:
        raise InputError(
            f"{len(seen)} patients of the split test were in the training of this model, {seen[0]} first",
            remedy="Use the manifest that the model was trained with",
        )
    if not network.cohort_known and any(case.split == "test" for case in cases):
        log.warning("which patients this imported model learned from is not known: its test may be none")


def _require_wall(cases: Sequence[CaseInput], network: Model, folder: Path) -> None:
    """Refuse a model that is shown contours where none are given, once and not for each case."""
    from scartools.errors import InputError

    source = network.settings.prior_source
    if source in ("manual", "truth") and any(case.anatomy is None for case in cases):
        raise InputError(
            f"was trained with a wall from {source} and has no first stage",
            where=folder,
            remedy="Give a reader's contours with --anatomy, or take a model with a predicted prior",
        )


def _where(
    network: Model, anchor: str | None, angle: float | None, landmarks: Path | None
) -> tuple[Where, list[Source]]:
    """Return what fixes the angle: what is given here, else what the model was trained with."""
    from scartools.files.landmarks import read_landmarks
    from scartools.learning.prediction import Where

    if landmarks is not None:
        points, source = read_landmarks(landmarks)
        return Where(anchor or "landmarks", None, points), [source]  # type: ignore[arg-type]
    if angle is not None:
        return Where("angle", angle), []
    if anchor is not None:
        return Where(anchor), []  # type: ignore[arg-type]
    return Where(network.settings.anchor, network.settings.angle), []  # type: ignore[arg-type]


def _predict(
    network: Model, case: CaseInput, where: Where, options: Options, how: dict[str, Any]
) -> tuple[Predicted, Volume, list[Source]]:
    """Segment one case; return it with its image and with everything that was read."""
    from scartools.ecg.standardise import standardise_beat
    from scartools.files import volume
    from scartools.files.record import read_beat
    from scartools.learning.prediction import Anatomy, predict_case

    picture = volume.read_image(case.image, spacing_from=options.spacing_from)
    sources, anatomy, beat = [picture.source], None, None
    if case.anatomy is not None:
        contours = volume.read_labels(case.anatomy, scheme=options.labels, spacing_from=options.spacing_from)
        volume.require_same_grid(contours, picture)
        anatomy = Anatomy(contours.array, options.anatomy_source)
        sources.append(contours.source)
    if case.beat is not None and options.ecg and network.settings.ecg:
        record = read_beat(case.beat)
        beat = standardise_beat(record.signals)[0]
        sources += record.sources
    days = float("nan") if case.days is None else case.days
    found = predict_case(
        network, picture.array, picture.affine, beat=beat, days=days, anatomy=anatomy, where=where, **how
    )
    if found.without_prior:
        log.warning("case %s was segmented without a prior: %s", case.id, found.without_prior)
    if found.without_segments:
        log.warning("case %s has no AHA segments: %s", case.id, found.without_segments)
    return found, picture, sources


def _write(folder: Path, found: Predicted, image: Volume, options: Options) -> None:
    """Write the folder of one case."""
    import numpy as np

    from scartools.errors import InputError
    from scartools.files import provenance, table, volume
    from scartools.heart import quantities
    from scartools.heart.nomenclature import MYOCARDIUM

    folder.mkdir(parents=True)
    volume.save_like(folder / "segmentation.nii.gz", found.labels, image)
    said = {"SegmentationSource": "predicted", "PriorSource": found.prior_source, "Ecg": found.ecg}
    provenance.write_json(folder / "segmentation.json", {**said, "GeometryNotes": list(image.notes)})
    segments = found.segments
    if segments is not None:
        volume.save_like(folder / "prior.nii.gz", segments.map, image)
        provenance.write_json(folder / "prior.json", {**_plain(segments.facts), **said})
    if not np.isin(found.labels, MYOCARDIUM).any():  # no wall was found: no number is made up
        return
    try:
        measured = quantities.quantify(found.labels, image.affine, segments=segments)
    except InputError as error:  # nor where these labels cannot be measured: without a pool, above all
        log.warning("case %s has no table: %s", folder.name, error)
        return
    rows = quantities.fractions_only(measured.rows) if options.fractions_only else measured.rows
    columns = table.columns_of(quantities.COLUMNS)
    (folder / "segments.tsv").write_text(table.render(columns, rows), encoding="utf-8")
    facts = {**table.describe(columns), "Facts": {**_plain(measured.facts), **said}}
    provenance.write_json(folder / "segments.json", facts)
    if options.bullseye and segments is not None:
        _draw(folder / "bullseye.svg", rows, {**segments.facts, **said})


def _draw(path: Path, rows: Any, prior: dict[str, Any]) -> None:
    from scartools.figures import figure_bytes
    from scartools.files.prior import in_words, rests_on
    from scartools.heart.bullseye import draw_bullseye

    values = {int(row["region"]): float(row["scar_percent"]) for row in rows if row["level"] == "segment"}
    notes = [f"Prior: {in_words(rests_on(prior))}."]
    figure = draw_bullseye([("predicted", values)], unit="Scar (% of segment)", notes=notes)
    path.write_bytes(figure_bytes(figure, ".svg"))


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    """Return facts with what JSON cannot hold made plain."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in facts.items()}


def _row(case: CaseInput, found: Predicted, model: Path, output: Path) -> dict[str, Any]:
    return {
        "case_id": case.id,
        "participant_id": case.participant_id,
        "image": os.path.relpath(case.image.resolve(), output.resolve()),
        "segmentation": f"{case.id}/segmentation.nii.gz",
        "prior": f"{case.id}/prior.nii.gz" if found.segments is not None else None,
        "prior_source": found.prior_source,
        "ecg": found.ecg,
        "interval_days": case.days if found.ecg == "used" else None,
        "split": case.split,
        "model": model.resolve().name,
    }
