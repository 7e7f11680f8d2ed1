"""Segment scar in LGE images with a trained model, with its 17-segment report.

INPUT is the manifest of scartools-pair(1), or one image. Both stages run: the first finds the wall, its AHA
segments are shown to the second, which segments the scar. The truth is never looked at; a label in the manifest
is not opened.

A reader's own contours may take the place of the first stage (--anatomy). Only LV pool, wall and RV are taken
from them: healthy myocardium, scar and no-reflow (2, 3 and 4) are merged into wall first, so that a contour
cannot tell the network where the scar is. That is another regime: what was shown is recorded with every number
as manual or truth, and evaluate never mixes it with predicted.

A case without an ECG is segmented by the image path of the network; the table says which were.

Controls: --shuffle-ecg and --shuffle-interval show other patients' ECGs or intervals, fixed by the seed of the model, and
models that were trained so are always predicted so. --oracle-ecg, for models that were trained with it, opens the
labels of the manifest and shows their scar by segment in place of the ECG. The column ecg says so with every case.

--explain writes a page a patient of what the ECG said to the first model: integrated gradients on the beat, by lead;
which leads and moments the encoder looked at; and, of --fusion segment, its odds of scar by AHA segment beside the scar.

INPUT FILES

An image keeps its own grid, orientation and voxel size; nothing about them need be like the training data, but
a network knows only what it learned. ANATOMY is one segmentation for one image; for a manifest, a TSV with the
columns case_id and anatomy, paths relative to it. All of them are read in the scheme of --labels.

OUTPUT FILES

    ID/segmentation.nii.gz  labels of this toolkit on the image's grid
    ID/prior.nii.gz         AHA segments of these labels; absent where they cannot be told
    ID/segments.tsv         scar by segment, as in scartools-quantify(1); absent where no wall was found
    ID/bullseye.svg         the same as a bullseye
    ID/explanation.html     with --explain, where the case has an ECG: a page, and its numbers in explanation.json
    ID/probabilities.nii.gz with --probabilities: float32 (X, Y, Z, label); its JSON names the labels in order
                                  and the temperature they were calibrated with, 1 for a model without one
    ID/overlay.png          with --overlays: contours on the slices, for a person's eye
    predictions.tsv         one row a case
    prov.json               provenance

Columns of predictions.tsv:

@columns scartools.files.predictions:COLUMNS

NOTES

The anchor of the segments is that of the training unless --anchor, --angle or --landmarks say otherwise;
--landmarks is for one image. Where the anatomy does not answer, the second stage is shown no prior, and a
warning says so; where the predicted labels have no segments, the table has the ventricle alone.

--ensemble averages the logits of several models of one data set and kind, such as its folds or other seeds; each runs
both of its stages. --mirror averages over the mirror images, as nnU-Net does, for models trained with --mirror. With
more than one pass the table says how far the passes lie apart: the smallest and largest scar, which are no confidence
interval, and the mean Dice between two of them.

unlike_training compares the image with those that MODEL learned from: pixel, slice step, number of slices and field
of view beyond 1.5 times their range, a mean grey of the heart more than four standard deviations away, a heart in
too few slices, or (of a model trained with --around-heart) a heart that reaches the border of the window that was read
and may go on beyond it. A warning says so; the segmentation is written all the same.

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
    scartools train dataset --preset tiny --features 4 --batch 2 --iterations 2 --cross-fit 2 --seed 2 -o model-2
    scartools predict model pairs.tsv --ensemble model-2 --overlays --probabilities --no-bullseye -o ensemble
    scartools predict model cohort/lge/sim-0002.nii.gz --anatomy cohort/truth/sim-0002/segmentation.nii.gz --anatomy-source truth -o guided

REFERENCES

Ramzan F et al. Seeing beyond the image: ECG and anatomical knowledge-guided myocardial scar segmentation.
arXiv:2511.14702
Roy AG et al. Bayesian QuickNAT: model uncertainty in deep whole-brain segmentation for structure-wise quality
control. NeuroImage 2019;195:11-22. doi:10.1016/j.neuroimage.2019.03.042
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from scartools.cli import predict_options as given
from scartools.cli.contracts import Kind, Writes
from scartools.cli.options import Device, Force, FractionsOnly, Labels, Output, SpacingFrom
from scartools.cli.predict_options import Options

if TYPE_CHECKING:
    from scartools.files.case_inputs import CaseInput
    from scartools.files.case_reading import CaseFiles
    from scartools.files.provenance import Source
    from scartools.files.volume import Volume
    from scartools.learning.prediction import Manner, Model, Predicted, Where

KIND: Kind = "network"
log = logging.getLogger(__name__)


def predict(
    model: given.ModelFolder,
    image: given.InputFile,
    output: Annotated[Output, Writes("predictions")],
    ensemble: given.Ensemble = None,
    split: given.Split = "all",
    beat: given.BeatFile = None,
    interval: given.Interval = None,
    ecg: given.UseEcg = True,
    shuffle_ecg: given.ShuffleEcg = False,
    shuffle_interval: given.ShuffleInterval = False,
    oracle_ecg: given.OracleEcg = False,
    anatomy: given.AnatomyFile = None,
    anatomy_source: given.AnatomySource = None,
    labels: Labels = "scartools",
    anchor: given.PriorAnchor = None,
    landmarks: given.Landmarks = None,
    angle: given.PriorAngle = None,
    mirror: given.Mirror = False,
    probabilities: given.Probabilities = False,
    bullseye: given.Bullseye = True,
    overlays: given.Overlays = False,
    explain: given.Explain = False,
    fractions_only: FractionsOnly = False,
    spacing_from: SpacingFrom = "auto",
    precision: given.Precision = "float32",
    device: Device = "auto",
    force: Force = False,
) -> dict[str, Any]:
    """Read model and images, segment, write a folder a case and one table."""
    from scartools.cli.resources import device_to_use, precision_to_use, scratch_for_matplotlib
    from scartools.cli.streams import track
    from scartools.errors import InputError, ItemsFailed, concerning
    from scartools.files import atomic, case_inputs, case_reading, predictions
    from scartools.learning.model_checks import require_oracle_said, require_together, require_wall
    from scartools.learning.prediction import Manner

    single = not image.name.endswith(".tsv")
    given.require_consistent(
        single, split, beat, interval, ecg, anatomy, anatomy_source, landmarks, angle, anchor
    )
    given.require_controls(single, ecg, shuffle_ecg, shuffle_interval, oracle_ecg)
    folders = (model, *(ensemble or ()))
    networks, more = _models(folders)
    asked, listed = (
        case_inputs.of_image(image, beat, interval, anatomy)
        if single
        else case_inputs.of_manifest(image, None if split == "all" else split, anatomy)
    )
    place = device_to_use(device)
    manner = Manner(mirror, probabilities, explain, place, precision_to_use(precision, place))
    with concerning(model):
        require_together(networks, manner)
        require_wall(networks[0], all(case.anatomy is not None for case in asked))
        if ecg:
            require_oracle_said(networks[0], oracle_ecg)
            asked = _shuffled(asked, networks[0], shuffle_ecg, shuffle_interval)
    _require_unseen(asked, networks)
    where, read_first = _where(networks[0], anchor, angle, landmarks)
    options = Options(anatomy_source, fractions_only, bullseye, overlays)
    read = partial(
        case_reading.read_case,
        scheme=labels,
        spacing_from=spacing_from,
        with_beat=ecg and networks[0].settings.ecg,
        with_label=oracle_ecg,
    )
    rows: list[dict[str, Any]] = []
    failed: list[str] = []

    def fill(folder: Path) -> list[Source]:
        sources = [*more, *read_first, *listed]
        for case, files_of in track(case_reading.read_ahead(asked, read), "cases", len(asked)):
            try:
                with concerning(case.image):
                    files = files_of()
                    found = _predict(networks, case, files, where, options, manner)
                    measured = _write(folder / case.id, found, files.image, options, networks[0].labels)
                    _explain(folder / case.id, found, case)
            except InputError as error:
                if single:
                    raise
                failed.append(case.id)
                log.error("case %s: %s", case.id, error)
                continue
            sources += files.sources
            row = predictions.row_of(case, folders, output, has_segments=found.segments is not None)
            rows.append({**row, **_told(found), **measured})
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


def _models(folders: Sequence[Path]) -> tuple[list[Model], list[Source]]:
    from scartools.errors import UsageError, concerning
    from scartools.files import model
    from scartools.files.provenance import source_of
    from scartools.learning.prediction import rebuild

    if len({folder.resolve() for folder in folders}) < len(folders):
        raise UsageError("--ensemble names a model twice", remedy="Name each model once")
    found = []
    for folder in folders:
        with concerning(folder):
            found.append(rebuild(model.read_description(folder), model.read_weights(folder)))
    return found, [source_of(folder / "model.json") for folder in folders]


def _shuffled(cases: list[CaseInput], network: Model, ecg: bool, interval: bool) -> list[CaseInput]:
    """Give each case with an ECG that of another patient, or its interval, where the model or the command says so."""
    from scartools.files.case_inputs import with_ecgs_of_others
    from scartools.learning.controls import donors

    settings = network.settings
    ecg, interval = ecg or settings.shuffle_ecg, interval or settings.shuffle_interval
    having = [case.participant_id for case in cases if case.beat is not None]
    if not (settings.ecg and having and (ecg or interval)):
        return cases
    return with_ecgs_of_others(cases, donors(having, settings.seed), interval_alone=not ecg)


def _require_unseen(cases: Sequence[CaseInput], networks: Sequence[Model]) -> None:
    """Refuse a test on patients that one of the models has learned from."""
    from scartools.learning.model_checks import require_unseen

    tested = [case.participant_id for case in cases if case.split == "test"]
    require_unseen(tested, networks)
    if tested and not all(network.cohort_known for network in networks):
        log.warning("which patients this imported model learned from is not known: its test may be none")


def _where(
    network: Model, anchor: str | None, angle: float | None, landmarks: Path | None
) -> tuple[Where, list[Source]]:
    """Return what fixes the angle: what is given here, else what the model was trained with."""
    from scartools.files.landmarks import read_landmarks
    from scartools.learning.model_checks import where_of

    points, source = (None, None) if landmarks is None else read_landmarks(landmarks)
    return where_of(network, anchor, angle, points), [] if source is None else [source]


def _predict(
    networks: Sequence[Model], case: CaseInput, files: CaseFiles, where: Where, options: Options, manner: Manner
) -> Predicted:
    """Segment one case, and say what is odd about it."""
    from scartools.ecg.standardise import standardise_beat
    from scartools.learning.prediction import Anatomy, predict_case

    anatomy, beat, quality = None, None, None
    if files.contours is not None:
        anatomy = Anatomy(files.contours.array, options.anatomy_source)
    if files.beat is not None:
        beat, quality = standardise_beat(files.beat.signals)[0], files.beat.facts.get("Quality")
    found = predict_case(
        networks,
        files.image.array,
        files.image.affine,
        beat=beat,
        days=float("nan") if case.days is None else case.days,
        quality=float("nan") if quality is None else float(quality),
        truth=None if files.label is None else files.label.array,
        ecg=case.ecg if files.label is None else "truth",
        anatomy=anatomy,
        where=where,
        manner=manner,
    )
    if found.unlike:
        log.warning("case %s is unlike what the model learned from: %s", case.id, ", ".join(found.unlike))
    if found.without_prior:
        log.warning("case %s was segmented without a prior: %s", case.id, found.without_prior)
    if found.without_segments:
        log.warning("case %s has no AHA segments: %s", case.id, found.without_segments)
    return found


def _write(
    folder: Path, found: Predicted, image: Volume, options: Options, labels: Sequence[int]
) -> dict[str, Any]:
    """Write the folder of one case; return what its row says of the scar."""
    import numpy as np

    from scartools.errors import InputError
    from scartools.evaluation.passes import scar_of
    from scartools.files import provenance, table, volume
    from scartools.heart import quantities
    from scartools.heart.nomenclature import MYOCARDIUM

    folder.mkdir(parents=True)
    volume.save_like(folder / "segmentation.nii.gz", found.labels, image)
    said = {"SegmentationSource": "predicted", "PriorSource": found.prior_source, "Ecg": found.ecg}
    provenance.write_json(folder / "segmentation.json", {**said, "GeometryNotes": list(image.notes)})
    if found.probabilities is not None:
        volume.save_like(folder / "probabilities.nii.gz", found.probabilities, image)
        provenance.write_json(
            folder / "probabilities.json", {**said, "Labels": list(labels), "Temperature": found.temperature}
        )
    if options.overlays:
        _draw_overlay(folder / "overlay.png", found, image, options)
    scar = scar_of(found.labels, found.passes, None if options.fractions_only else image.affine)
    segments = found.segments
    if segments is not None:
        volume.save_like(folder / "prior.nii.gz", segments.map, image)
        provenance.write_json(folder / "prior.json", {**_plain(segments.facts), **said})
    if not np.isin(found.labels, MYOCARDIUM).any():  # no wall was found: no number is made up
        return scar
    try:
        measured = quantities.quantify(found.labels, image.affine, segments=segments)
    except InputError as error:  # nor where these labels cannot be measured: without a pool, above all
        log.warning("case %s has no table: %s", folder.name, error)
        return scar
    rows = quantities.fractions_only(measured.rows) if options.fractions_only else measured.rows
    columns = table.columns_of(quantities.COLUMNS)
    (folder / "segments.tsv").write_text(table.render(columns, rows), encoding="utf-8")
    facts = {**table.describe(columns), "Facts": {**_plain(measured.facts), **said}}
    provenance.write_json(folder / "segments.json", facts)
    if options.bullseye and segments is not None:
        _draw_bullseye(folder / "bullseye.svg", rows, {**segments.facts, **said})
    return scar


def _explain(folder: Path, found: Predicted, case: CaseInput) -> None:
    """Write what the ECG said, where that was asked for and there is one."""
    import numpy as np

    from scartools.files import provenance
    from scartools.heart.nomenclature import INFARCT
    from scartools.learning.explanation_page import numbers, render_page

    if found.explanation is None:
        return
    map_ = np.zeros(0, np.uint8) if found.segments is None else found.segments.map
    scar = {
        int(segment): 100 * float(np.isin(found.labels[map_ == segment], INFARCT).mean())
        for segment in np.unique(map_[map_ > 0])
    }
    facts = {
        "Case": case.id,
        "ECG": found.ecg,
        "Days to the MRI": "unknown" if case.days is None else f"{case.days:g}",
        "Wall": found.prior_source,
    }
    (folder / "explanation.html").write_text(render_page(found.explanation, scar, facts), encoding="utf-8")
    provenance.write_json(folder / "explanation.json", {"Ecg": found.ecg, **numbers(found.explanation)})


def _draw_overlay(path: Path, found: Predicted, image: Volume, options: Options) -> None:
    from scartools.evaluation.overlays import DPI, ArmPicture, draw_overlay
    from scartools.figures import figure_bytes

    arm = ArmPicture("Predicted", found.labels, found.prior_source, None)
    lengths = not options.fractions_only
    figure = draw_overlay(image.array, None, [arm], image.affine, title=path.parent.name, lengths=lengths)
    path.write_bytes(figure_bytes(figure, ".png", dpi=DPI))


def _draw_bullseye(path: Path, rows: Any, prior: dict[str, Any]) -> None:
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


def _told(found: Predicted) -> dict[str, Any]:
    """Return what the prediction adds to the row of its case."""
    told: dict[str, Any] = {"prior_source": found.prior_source, "ecg": found.ecg}
    told["unlike_training"] = None if found.unlike is None else ",".join(found.unlike) or "nothing"
    return told if found.ecg not in ("absent", "off") else {**told, "interval_days": None}
