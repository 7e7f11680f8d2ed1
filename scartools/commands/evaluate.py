"""Measure predictions against a reader's segmentations, with intervals and paired tests by patient.

Each folder of PREDICTIONS is an arm; folders with the same --name are the runs of one, its seeds. Per structure:
Dice, precision, sensitivity, surface distances, volumes, and whether it was found at all. Scar is scar and no-reflow
together (labels 3 and 4); each stands by itself too. Of scar also: agreement of volumes, presence by AHA segment, and
the same numbers in groups of cases.

An empty mask is told, not hidden. Truth empty and nothing predicted is a true negative: its Dice is n/a and
leaves the mean, unless --empty one counts it 1, as some challenges do and as flatters a model that finds
nothing. Some in one and none in the other is 0, for Dice and NSD. HD95 and ASSD do not exist then: they are means
over hits, and the missed stand beside them. Dice has two means: over cases whose truth has some, and over all.

The source of the prior, the state of the ECG and whether it is simulated stand beside every number. Arms without
prior or with a predicted one (automatic) and arms whose wall was given by a reader (manual, or the truth as reader)
answer different questions: they have tables of their own and are never compared. An arm that mixes sources is refused.

Patients are the unit: the cases and runs of one are averaged before means, intervals and tests. The summary rests on
the cases that every arm of a regime has; comparisons on the cases both arms have.

INPUT FILES

TRUTH needs case_id, participant_id and label; its split is checked against that of the predictions. Used where they
are there: prior (AHA segments of the truth), beat (its sidecar says whether it is simulated), interval_days, ecg_source
(recorded or simulated; also a column of predictions.tsv), and the columns of --by. Of predictions.tsv, columns whose
name holds control are part of the arm's label, and those that begin with gate are averaged into gates.tsv.

OUTPUT FILES

The folder holds metrics.tsv, summary.tsv, comparisons.tsv and, where they apply, decomposition.tsv (--chain),
agreement.tsv, segments.tsv, detection.tsv, subgroups.tsv and gates.tsv; summary.json (the same, counts, definitions),
report.md and report.html (with figures, nothing outside itself) for a person, and prov.json. With --overlays also
overlays/CASE_ID.png for each case of the summary: image, truth and arms side by side in up to five slices, base on
top, seen from the apex.

Columns of metrics.tsv:

@columns scartools.evaluation.metrics:METRIC_COLUMNS

Columns of summary.tsv:

@columns scartools.evaluation.summary:SUMMARY_COLUMNS

Columns of comparisons.tsv:

@columns scartools.evaluation.comparisons:COMPARISON_COLUMNS

Those of the other tables are in the JSON beside each.

NOTES

Without --split the cases of the split test count; where no case tells its split, all do. Patients with cases
in that split and in train are refused.

Structures that the scheme of --labels cannot express are left out, and the RV where the truth has none. A
model that was not made to tell no-reflow misses all of it. A prediction may be empty; a truth may not.

Voxels labelled 255 in either segmentation are left out of both. Intervals are BCa; below 20 patients neither
they nor p can be relied on, and the row says so. In the regime without --reference the first arm is the reference.

Surfaces are of scar, myocardium and lv_pool: voxels with one of six neighbours outside, in world millimetres. HD95 is
the larger directed 95th percentile, ASSD the mean of both directions, NSD the share of both within --tolerance.
--fractions-only leaves out every mL and mm.

Measures of comparisons.tsv: dice and nsd (cases with some in truth), hd95 and assd (hits in both arms),
absolute_volume_difference (% LV, all cases), false_positive_ml and false_positive_percent_lv (cases without scar),
segment_auc, segment_sensitivity_at_95 and segment_kappa. Holm runs over all rows of the same measure. The 90 % interval
is for equivalence: two one-sided tests at 5 %.

A segment has scar from --segment-percent of its myocardium on. Truth and prediction are cut by the segments of their own
contours, those of the truth by its prior, or anchored as the predictions are, or by --anchor and --angle. A segment
that the prediction lacks counts as without scar; a truth without segments is in no table of them, which a warning says.

--overlays reads each image where the column image of predictions.tsv says. An affine whose axes run along the
body's lost the heart's orientation: the figure says so then, and may be mirrored. At most three folders fit.

EXAMPLES

    scartools pair cohort/ecg.tsv cohort/mri.tsv --split 0.5/0/0.5 -o pairs.tsv
    scartools preprocess pairs.tsv -o dataset
    scartools train dataset --preset tiny --features 4 --batch 2 --iterations 2 --no-prior --no-ecg -o model
    scartools predict model pairs.tsv --split test --no-bullseye -o predictions
    scartools evaluate predictions --truth pairs.tsv -o evaluation
    scartools evaluate predictions --truth pairs.tsv --overlays -o pictured
    scartools train dataset --preset tiny --features 4 --batch 2 --iterations 2 --no-prior --no-ecg --seed 2 -o model-2
    scartools predict model-2 pairs.tsv --split test --no-bullseye -o predictions-2
    scartools evaluate predictions predictions-2 --truth pairs.tsv --chain model,model-2 --by split -o compared
    scartools evaluate predictions predictions-2 --name image --name image --truth pairs.tsv -o seeds

REFERENCES

Maier-Hein L et al. Metrics reloaded. Nat Methods 2024;21:195. doi:10.1038/s41592-023-02151-z
Nikolov S et al. Clinically applicable segmentation of head and neck anatomy. J Med Internet Res 2021;23:e26151.
doi:10.2196/26151
Efron B. Better bootstrap confidence intervals. J Am Stat Assoc 1987;82:171.
doi:10.1080/01621459.1987.10478410
Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65.
Hodges JL, Lehmann EL. Estimates of location based on rank tests. Ann Math Stat 1963;34:598.
doi:10.1214/aoms/1177704172
Bland JM, Altman DG. Measuring agreement in method comparison studies. Stat Methods Med Res 1999;8:135.
doi:10.1177/096228029900800204
Shrout PE, Fleiss JL. Intraclass correlations. Psychol Bull 1979;86:420. doi:10.1037/0033-2909.86.2.420
Lin LI. A concordance correlation coefficient to evaluate reproducibility. Biometrics 1989;45:255. doi:10.2307/2532051
Newcombe RG. Two-sided confidence intervals for the single proportion. Stat Med 1998;17:857.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from scartools.cli.contracts import Kind, Writes
from scartools.cli.evaluate_options import (
    By,
    Chain,
    EcgSource,
    EmptyChoice,
    Names,
    Options,
    Overlays,
    PredictionFolders,
    ReferenceArm,
    Resamples,
    SegmentPercent,
    SplitChoice,
    Tolerance,
    TruthAnchor,
    TruthAngle,
    TruthTable,
    UseSegments,
    chain_of,
    known_arm,
    require_consistent,
)
from scartools.cli.options import Force, FractionsOnly, Labels, Output, Seed

if TYPE_CHECKING:
    from scartools.evaluation.arms import Arm
    from scartools.evaluation.metrics import CaseMetrics
    from scartools.evaluation.segment_detection import SegmentScar
    from scartools.evaluation.truth_segments import TruthSegments
    from scartools.files.predictions import PredictionRow, Predictions, TruthRow
    from scartools.files.provenance import Source
    from scartools.files.volume import Volume

KIND: Kind = "exact"
log = logging.getLogger(__name__)


def evaluate(
    predictions: PredictionFolders,
    truth: TruthTable,
    output: Annotated[Output, Writes("evaluation")],
    name: Names = None,
    split: SplitChoice = None,
    empty: EmptyChoice = "n/a",
    reference: ReferenceArm = None,
    chain: Chain = None,
    by: By = None,
    tolerance: Tolerance = 2.0,
    segments: UseSegments = True,
    segment_percent: SegmentPercent = 1.0,
    anchor: TruthAnchor = None,
    angle: TruthAngle = None,
    ecg_source: EcgSource = None,
    resamples: Resamples = 10_000,
    overlays: Overlays = False,
    seed: Seed = 0,
    labels: Labels = "scartools",
    fractions_only: FractionsOnly = False,
    force: Force = False,
) -> dict[str, Any]:
    """Read the tables, match the cases, measure each, sum up and compare, write the folder."""
    from scartools.errors import UsageError, concerning
    from scartools.evaluation import arms as matching
    from scartools.evaluation.definitions import facts_of
    from scartools.evaluation.html_report import render_html
    from scartools.evaluation.overlays import MOST_ARMS
    from scartools.evaluation.report import render_report
    from scartools.evaluation.subgroups import gates_of, groupings_of
    from scartools.evaluation.tables import COLUMNS, make_tables
    from scartools.files.evaluation import write_evaluation
    from scartools.files.predictions import read_predictions, read_truth
    from scartools.files.table import columns_of

    require_consistent(anchor, angle, segments)
    if overlays and len(predictions) > MOST_ARMS:
        raise UsageError(f"--overlays shows {MOST_ARMS} arms, not {len(predictions)}", remedy="Give fewer")
    found = [read_predictions(folder) for folder in predictions]
    names = matching.name_arms(predictions, [one.rows for one in found], name)
    reference, steps = known_arm(reference, names), chain_of(chain, names)
    drawn, truth_source = read_truth(truth)
    tables_read = [one.rows for one in found]
    chosen, arms, warnings = matching.match_all(predictions, names, tables_read, truth, drawn, split)
    matching.require_one_regime(arms, steps)
    with concerning(truth):
        groupings = groupings_of(drawn, [row for one in found for row in one.rows], by or [])
    options = Options(
        labels, empty, tolerance, fractions_only, segments, segment_percent, anchor, angle, ecg_source
    )
    seen = _measure(arms, found, drawn, options)
    sources: list[Source] = [truth_source, *(one.source for one in found), *seen.sources]
    tables = make_tables(
        seen.rows,
        seen.segments,
        reference=reference,
        chain=steps,
        groupings=groupings,
        gates=gates_of(arms, tables_read),
        resamples=resamples,
        seed=seed,
    )
    warnings += seen.warnings()
    few = [row for row in tables["comparisons"] if row["warning"] and row["measure"] == "dice"]
    warnings += [f"{row['arm']}, {row['structure']}: {row['warning']}" for row in few]
    for warning in warnings:
        log.warning("%s", warning)
    facts = facts_of(
        arms,
        [{row.case_id: row.ecg for row in table} for table in tables_read],
        split=chosen,
        splits_told=any(row.split for table in tables_read for row in table) or any(row.split for row in drawn),
        empty=empty,
        said={**options.facts(), "Resamples": resamples, "Seed": seed, "Reference": reference, "Chain": steps},
        warnings=warnings,
    )
    said = (seen.rows, tables, facts)
    reports = {"report.md": render_report(*said), "report.html": render_html(*said)}
    pictures = _pictures(arms, found, drawn, seen.rows, options) if overlays else ()
    described = {table: (columns_of(COLUMNS[table]), rows) for table, rows in tables.items()}
    write_evaluation(output, described, facts, reports, pictures, sources=sources, force=force)
    for row in tables["summary"]:
        if row["structure"] == "scar":
            text = "%s: prior %s; scar Dice %.3f in %d patients with scar; %d of %d cases missed"
            told = (row["prior_source"], row["dice_mean_positive"], row["n_patients_positive"])
            log.info(text, row["arm"], *told, row["n_missed"], row["n_both"] + row["n_missed"])
    return {"Output": str(output), "Split": chosen, "Arms": facts["Arms"]}


@dataclass
class Seen:
    """What was measured, and what came up on the way; filled case by case."""

    rows: list[CaseMetrics] = field(default_factory=list)
    segments: list[SegmentScar] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    ignored: int = 0
    without_segments: dict[str, str] = field(default_factory=dict)  # case_id to the reason

    def warnings(self) -> list[str]:
        """Return what a reader should know of voxels and segments that did not count."""
        said = [f"{self.ignored} predicted voxels are labelled 255 and were left out"] if self.ignored else []
        for case, reason in list(self.without_segments.items())[:1]:
            count = len(self.without_segments)
            said.append(f"{count} cases have no AHA segments in the truth, {case} first: {reason}")
        return said


def _cases(
    arms: Sequence[Arm], found: Sequence[Predictions], drawn: Sequence[TruthRow]
) -> Iterator[tuple[TruthRow, Path, list[tuple[Arm, Predictions, PredictionRow]]]]:
    """Yield each case that a run has and its label, in the order of the truth, with the runs and their rows."""
    predicted = [{row.case_id: row for row in one.rows} for one in found]
    for case in drawn:
        having = [
            (arm, one, rows[case.case_id])
            for arm, one, rows in zip(arms, found, predicted, strict=True)
            if case.case_id in arm.cases
        ]
        if having and case.label is not None:
            yield case, case.label, having


def _measure(
    arms: Sequence[Arm], found: Sequence[Predictions], drawn: Sequence[TruthRow], options: Options
) -> Seen:
    """Return the metrics of every run, case and structure, and the scar by segment of the cases in the summary."""
    from scartools.evaluation.metrics import measure_case
    from scartools.files import volume
    from scartools.files.labels import IGNORE, SCHEMES
    from scartools.files.predictions import read_segmentation, told_of_case
    from scartools.heart.nomenclature import SCAR

    seen = Seen()
    known = frozenset(SCHEMES[options.labels].values.values())
    order = {(arm.name, arm.run): at for at, arm in enumerate(arms)}
    for case, label, having in _cases(arms, found, drawn):
        reader = volume.read_labels(label, scheme=options.labels)
        seen.sources.append(reader.source)
        anatomy = _anatomy(reader, case, options, seen)
        for arm, _, row in having:
            model = read_segmentation(row.segmentation)
            seen.sources.append(model.source)
            volume.require_same_grid(model, reader)
            seen.ignored += int((model.array == IGNORE).sum())
            names = {"arm": arm.name, "run": arm.run, **told_of_case(row, case, options.ecg_source)}
            inside = row.case_id in arm.in_summary
            seen.rows += measure_case(
                reader.array,
                model.array,
                known,
                None if options.fractions_only else reader.affine,
                options.empty,
                tolerance_mm=options.tolerance,
                in_summary=inside,
                **names,
            )
            if options.segments and inside and SCAR in known:
                seen.segments += _segments(anatomy, model, row, options, seen, names)
    seen.rows.sort(key=lambda row: order[row.arm, row.run])  # stable: cases stay in the order of the truth
    seen.segments.sort(key=lambda row: order[row.arm, row.run])
    return seen


def _anatomy(reader: Volume, case: TruthRow, options: Options, seen: Seen) -> TruthSegments:
    """Return what tells the segments of the truth: its own prior, where the manifest names one, or its labels."""
    from scartools.evaluation.truth_segments import TruthSegments
    from scartools.files.prior import read_prior_of

    prior = None
    if case.prior is not None and options.segments:
        given = read_prior_of(case.prior, reader).volume
        seen.sources.append(given.source)
        prior = given.array
    return TruthSegments(reader.array, reader.affine, prior=prior, anchor=options.anchor, angle=options.angle)


def _segments(
    truth: TruthSegments,
    model: Volume,
    row: PredictionRow,
    options: Options,
    seen: Seen,
    names: dict[str, Any],
) -> list[SegmentScar]:
    """Return truth and prediction by segment of one case and run; none where the truth has no segments."""
    from scartools.errors import InputError
    from scartools.evaluation.segment_detection import match_segments, scar_by_segment
    from scartools.files.prior import UNSTATED, read_prior_of, read_rests_on

    stated = UNSTATED if row.prior is None else read_rests_on(row.prior)["Anchor"]
    try:
        true = truth.by("auto" if stated == UNSTATED else stated)
    except InputError as error:
        seen.without_segments.setdefault(row.case_id, str(error))
        return []
    predicted = None
    if row.prior is not None:
        prior = read_prior_of(row.prior, model).volume
        seen.sources.append(prior.source)
        predicted = scar_by_segment(model.array, prior.array)
    return match_segments(true, predicted, options.segment_percent, **names)


def _pictures(
    arms: Sequence[Arm],
    found: Sequence[Predictions],
    drawn: Sequence[TruthRow],
    rows: Sequence[CaseMetrics],
    options: Options,
) -> Iterator[tuple[str, bytes, Source]]:
    """Yield the name of each case of the summary, its picture, and the image that was read."""
    from math import nan

    from scartools.evaluation.overlays import DPI, ArmPicture, draw_overlay
    from scartools.figures import figure_bytes
    from scartools.files import volume
    from scartools.files.predictions import read_image_of, read_segmentation

    scar = {(row.arm, row.run, row.case_id): row for row in rows if row.structure == "scar"}
    runs = Counter(arm.name for arm in arms)
    for case, label, having in _cases(arms, found, drawn):
        having = [one for one in having if one[2].case_id in one[0].in_summary]
        if not having:
            continue
        reader = volume.read_labels(label, scheme=options.labels)
        case_id, image = case.case_id, read_image_of(*having[0][1:])
        volume.require_same_grid(image, reader)
        shown = []
        for arm, _, row in having:
            told = scar.get((arm.name, arm.run, case_id))
            # both empty is n/a in a picture, whatever --empty counts it in a mean
            dice = None if told is None else nan if told.agreement == "true_negative" else told.dice
            called = arm.name if runs[arm.name] == 1 else f"{arm.name}, run {arm.run}"
            shown.append(ArmPicture(called, read_segmentation(row.segmentation).array, row.prior_source, dice))
        figure = draw_overlay(
            image.array, reader.array, shown, reader.affine, title=case_id, lengths=not options.fractions_only
        )
        yield case_id, figure_bytes(figure, ".png", dpi=DPI), image.source
