"""Measure predictions against a reader's segmentations, with intervals and paired tests by patient.

Each folder of PREDICTIONS is an arm. Per structure: Dice, precision, sensitivity, volumes, and whether the
structure was found at all. Scar is scar and no-reflow together (labels 3 and 4); each stands by itself too.

An empty mask is told, not hidden. Truth empty and nothing predicted is a true negative: its Dice is n/a and
leaves the mean, unless --empty one counts it 1, as some challenges do and as flatters a model that finds
nothing. Some in one and none in the other is 0. Two means are given: over cases whose truth has some, and
over all.

The source of the prior stands beside every number. Arms without prior or with a predicted one (automatic)
and arms whose wall was given by a reader (manual, truth) answer different questions: they have tables of
their own and are never compared. An arm that mixes sources is refused.

Patients are the unit: the cases of one are averaged before means, intervals and tests. The summary rests on
the cases that every arm of a regime has; comparisons on the cases both arms have.

INPUT FILES

TRUTH needs case_id, participant_id and label; its split is checked against that of the predictions.

OUTPUT FILES

The folder holds metrics.tsv, summary.tsv, comparisons.tsv, summary.json (the same, counts, definitions),
report.md for a person, and prov.json. With --overlays also overlays/CASE_ID.png for each case of the summary:
image, truth and arms side by side in up to five slices, base on top, seen from the apex.

Columns of metrics.tsv:

@columns scartools.evaluation.summary:METRIC_COLUMNS

Columns of summary.tsv:

@columns scartools.evaluation.summary:SUMMARY_COLUMNS

Columns of comparisons.tsv:

@columns scartools.evaluation.summary:COMPARISON_COLUMNS

NOTES

Without --split the cases of the split test count; where no case tells its split, all do. Patients with cases
in that split and in train are refused.

Structures that the scheme of --labels cannot express are left out, and the RV where the truth has none. A
model that was not made to tell no-reflow misses all of it. A prediction may be empty; a truth may not.

Voxels labelled 255 in either segmentation are left out of both. Intervals are BCa; below 20 patients neither
they nor p can be relied on, and the row says so. Holm runs over all rows of comparisons.tsv. In the regime
without --reference the first arm is the reference. Surface distances are not measured.

--overlays reads each image where the column image of predictions.tsv says. An affine whose axes run along the
body's lost the heart's orientation: the figure says so then, and may be mirrored. At most three arms fit.

EXAMPLES

    scartools pair cohort/ecg.tsv cohort/mri.tsv --split 0.5/0/0.5 -o pairs.tsv
    scartools preprocess pairs.tsv -o dataset
    scartools train dataset --preset tiny --features 4 --batch 2 --iterations 2 --no-prior --no-ecg -o model
    scartools predict model pairs.tsv --split test --no-bullseye -o predictions
    scartools evaluate predictions --truth pairs.tsv -o evaluation
    scartools evaluate predictions --truth pairs.tsv --overlays -o pictured

REFERENCES

Maier-Hein L et al. Metrics reloaded. Nat Methods 2024;21:195. doi:10.1038/s41592-023-02151-z
Efron B. Better bootstrap confidence intervals. J Am Stat Assoc 1987;82:171.
doi:10.1080/01621459.1987.10478410
Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65.
Hodges JL, Lehmann EL. Estimates of location based on rank tests. Ann Math Stat 1963;34:598.
doi:10.1214/aoms/1177704172
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from scartools.cli.contracts import Kind, Reads, Writes
from scartools.cli.options import Force, FractionsOnly, Labels, LabelScheme, Output, Seed

if TYPE_CHECKING:
    from scartools.evaluation.arms import Arm
    from scartools.evaluation.summary import CaseMetrics
    from scartools.files.predictions import PredictionRow, Predictions, TruthRow
    from scartools.files.provenance import Source

KIND: Kind = "exact"
log = logging.getLogger(__name__)

Split = Literal["train", "validation", "test", "all"]
Empty = Literal["n/a", "one"]

PredictionFolders = Annotated[
    list[Path],
    typer.Argument(metavar="PREDICTIONS...", help="Folders that predict wrote, one an arm."),
    Reads("predictions"),
]
TruthTable = Annotated[
    Path,
    typer.Option(
        "--truth", metavar="FILE", help="Manifest with the reader's segmentations.", show_default=False
    ),
    Reads("truth"),
]
Names = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="NAME", help="Name of an arm, once a folder, in order [its model]."),
]
SplitChoice = Annotated[
    Split | None, typer.Option("--split", help="The split that counts [test, where there is one].")
]
EmptyChoice = Annotated[
    Empty, typer.Option("--empty", help="Dice where truth and prediction are both empty, in dice_mean_all.")
]
ReferenceArm = Annotated[
    str | None,
    typer.Option("--reference", metavar="NAME", help="Arm the others are compared with [the first]."),
]
Resamples = Annotated[
    int, typer.Option("--resamples", metavar="INT", min=100, max=1_000_000, help="Bootstrap resamples.")
]
Overlays = Annotated[
    bool, typer.Option("--overlays/--no-overlays", help="Draw overlays/CASE_ID.png for each case.")
]


def evaluate(
    predictions: PredictionFolders,
    truth: TruthTable,
    output: Annotated[Output, Writes("evaluation")],
    name: Names = None,
    split: SplitChoice = None,
    empty: EmptyChoice = "n/a",
    reference: ReferenceArm = None,
    resamples: Resamples = 10_000,
    overlays: Overlays = False,
    seed: Seed = 0,
    labels: Labels = "scartools",
    fractions_only: FractionsOnly = False,
    force: Force = False,
) -> dict[str, Any]:
    """Read the tables, match the cases, measure each, sum up and compare, write the folder."""
    from scartools.errors import UsageError
    from scartools.evaluation import summary as sums
    from scartools.evaluation.overlays import MOST_ARMS
    from scartools.evaluation.report import render_report
    from scartools.files.evaluation import write_evaluation
    from scartools.files.predictions import read_predictions, read_truth
    from scartools.files.table import columns_of

    if overlays and len(predictions) > MOST_ARMS:
        raise UsageError(f"--overlays shows {MOST_ARMS} arms, not {len(predictions)}", remedy="Give fewer")
    found = [read_predictions(folder) for folder in predictions]
    names = _names(predictions, found, name)
    reference = _known_arm(reference, names)
    drawn, truth_source = read_truth(truth)
    chosen, arms, warnings = _match(predictions, names, found, truth, drawn, split)
    sources: list[Source] = [truth_source, *(one.source for one in found)]
    rows, ignored = _measure(arms, found, drawn, labels, empty, fractions_only, sources)
    if ignored:
        warnings.append(f"{ignored} predicted voxels are labelled 255 and were left out")
    totals = sums.summarize(rows, resamples=resamples, seed=seed)
    compared = sums.compare(rows, reference, resamples=resamples, seed=seed)
    warnings += [f"{row['arm']}, {row['structure']}: {row['warning']}" for row in compared if row["warning"]]
    for warning in warnings:
        log.warning("%s", warning)
    facts = _facts(arms, found, drawn, chosen, labels, empty, resamples, seed, warnings)
    tables = {
        "metrics": (columns_of(sums.METRIC_COLUMNS), sums.as_rows(rows)),
        "summary": (columns_of(sums.SUMMARY_COLUMNS), totals),
        "comparisons": (columns_of(sums.COMPARISON_COLUMNS), compared),
    }
    report = render_report(rows, totals, compared, facts)
    pictures = _pictures(arms, found, drawn, rows, labels, fractions_only) if overlays else ()
    write_evaluation(output, tables, facts, report, pictures, sources=sources, force=force)
    for row in totals:
        if row["structure"] == "scar":
            text = "%s: prior %s; scar Dice %.3f in %d patients with scar; %d of %d cases missed"
            told = (row["prior_source"], row["dice_mean_positive"], row["n_patients_positive"])
            log.info(text, row["arm"], *told, row["n_missed"], row["n_both"] + row["n_missed"])
    return {"Output": str(output), "Split": chosen, "Arms": facts["Arms"]}


def _names(folders: Sequence[Path], found: Sequence[Predictions], given: list[str] | None) -> list[str]:
    """Return a name an arm: as given, else the model of its rows."""
    from scartools.errors import InputError, UsageError

    if given:
        names = given
        if len(given) != len(folders):
            raise UsageError(f"{len(given)} --name for {len(folders)} folders", remedy="Give one a folder")
    else:
        names = []
        for folder, one in zip(folders, found, strict=True):
            models = sorted({row.model for row in one.rows})
            if len(models) > 1:
                raise InputError(
                    f"holds predictions of several models: {', '.join(models[:5])}",
                    where=folder,
                    remedy="Name the arm with --name",
                )
            names += models
    if len(set(names)) < len(names) or not all(text.strip() and text.isprintable() for text in names):
        raise UsageError(
            f"the arms are named {', '.join(map(repr, names))}", remedy="Give each a --name of its own"
        )
    return names


def _known_arm(reference: str | None, names: Sequence[str]) -> str:
    from scartools.errors import UsageError

    if reference is not None and reference not in names:
        raise UsageError(f"--reference {reference!r} is no arm", remedy=f"Arms: {', '.join(names)}")
    return reference or names[0]


def _match(
    folders: Sequence[Path],
    names: Sequence[str],
    found: Sequence[Predictions],
    truth: Path,
    drawn: Sequence[TruthRow],
    asked: Split | None,
) -> tuple[str, list[Arm], list[str]]:
    """Return the split that counts, the arms with their cases, and what a reader should know of cases left out."""
    from scartools.errors import InputError, concerning
    from scartools.evaluation import arms as matching

    with concerning(folders[0]):
        chosen = matching.choose_split([one.rows for one in found], asked)
        matching.require_patients_apart([*(one.rows for one in found), drawn], chosen)
    known = [row for row in drawn if row.label and (chosen == matching.ALL or row.split in (None, chosen))]
    if not known:
        raise InputError(f"has no case of the split {chosen} with a label", where=truth, remedy="Check --truth")
    arms, warnings = [], []
    for folder, name, one in zip(folders, names, found, strict=True):
        with concerning(folder):
            rows = matching.of_split(one.rows, chosen)
            if not rows:
                raise InputError(f"has no case of the split {chosen}", remedy="Choose another --split")
            # the whole truth is asked first: a case that changed its split there is refused, not left out
            matching.match(name, rows, drawn)
            arms.append(matching.match(name, rows, known))
        if arms[-1].without_truth:
            warnings.append(f"{name}: {len(arms[-1].without_truth)} predicted cases are without truth")
        if arms[-1].without_prediction:
            warnings.append(f"{name}: {len(arms[-1].without_prediction)} cases of the truth are not predicted")
    return chosen, matching.with_common_cases(arms), warnings


def _cases(
    arms: Sequence[Arm], found: Sequence[Predictions], drawn: Sequence[TruthRow]
) -> Iterator[tuple[Path, list[tuple[Arm, Predictions, PredictionRow]]]]:
    """Yield the label of each case that an arm has, in the order of the truth, with the arms and their rows."""
    predicted = [{row.case_id: row for row in one.rows} for one in found]
    for case in drawn:
        having = [
            (arm, one, rows[case.case_id])
            for arm, one, rows in zip(arms, found, predicted, strict=True)
            if case.case_id in arm.cases
        ]
        if having and case.label is not None:
            yield case.label, having


def _measure(
    arms: Sequence[Arm],
    found: Sequence[Predictions],
    drawn: Sequence[TruthRow],
    scheme: LabelScheme,
    empty: Empty,
    fractions_only: bool,
    sources: list[Source],
) -> tuple[list[CaseMetrics], int]:
    """Return the metrics of every arm, case and structure, and how many predicted voxels are to be ignored."""
    from scartools.evaluation.summary import measure_case
    from scartools.files import volume
    from scartools.files.labels import IGNORE, SCHEMES
    from scartools.files.predictions import read_segmentation

    rows: dict[str, list[CaseMetrics]] = {arm.name: [] for arm in arms}
    ignored = 0
    for label, having in _cases(arms, found, drawn):
        reader = volume.read_labels(label, scheme=scheme)
        sources.append(reader.source)
        for arm, _, row in having:
            model = read_segmentation(row.segmentation)
            sources.append(model.source)
            volume.require_same_grid(model, reader)
            ignored += int((model.array == IGNORE).sum())
            rows[arm.name] += measure_case(
                reader.array,
                model.array,
                frozenset(SCHEMES[scheme].values.values()),
                None if fractions_only else reader.voxel_volume_ml,
                empty,
                arm=arm.name,
                case_id=row.case_id,
                participant_id=row.participant_id,
                prior_source=row.prior_source,
                ecg=row.ecg,
                in_summary=row.case_id in arm.in_summary,
            )
    return [row for arm in arms for row in rows[arm.name]], ignored


def _pictures(
    arms: Sequence[Arm],
    found: Sequence[Predictions],
    drawn: Sequence[TruthRow],
    rows: Sequence[CaseMetrics],
    scheme: LabelScheme,
    fractions_only: bool,
) -> Iterator[tuple[str, bytes, Source]]:
    """Yield the name of each case of the summary, its picture, and the image that was read."""
    from math import nan

    from scartools.evaluation.overlays import DPI, ArmPicture, draw_overlay
    from scartools.figures import figure_bytes
    from scartools.files import volume
    from scartools.files.predictions import read_image_of, read_segmentation

    scar = {(row.arm, row.case_id): row for row in rows if row.structure == "scar"}
    for label, having in _cases(arms, found, drawn):
        having = [one for one in having if one[2].case_id in one[0].in_summary]
        if not having:
            continue
        reader = volume.read_labels(label, scheme=scheme)
        case_id, image = having[0][2].case_id, read_image_of(*having[0][1:])
        volume.require_same_grid(image, reader)
        shown = []
        for arm, _, row in having:
            told = scar.get((arm.name, case_id))
            # both empty is n/a in a picture, whatever --empty counts it in a mean
            dice = None if told is None else nan if told.agreement == "true_negative" else told.dice
            shown.append(
                ArmPicture(arm.name, read_segmentation(row.segmentation).array, row.prior_source, dice)
            )
        figure = draw_overlay(
            image.array, reader.array, shown, reader.affine, title=case_id, lengths=not fractions_only
        )
        yield case_id, figure_bytes(figure, ".png", dpi=DPI), image.source


def _facts(
    arms: Sequence[Arm],
    found: Sequence[Predictions],
    drawn: Sequence[TruthRow],
    split: str,
    scheme: LabelScheme,
    empty: Empty,
    resamples: int,
    seed: int,
    warnings: Sequence[str],
) -> dict[str, Any]:
    from scartools import __version__
    from scartools.evaluation.arms import ALL, flow
    from scartools.evaluation.report import DEFINITIONS, DISCLAIMER

    both_empty = "left out (n/a)" if empty == "n/a" else "counted 1 (--empty one)"
    told = any(row.split for one in found for row in one.rows) or any(row.split for row in drawn)
    apart = "patient: no patient of this split has a case in train, in these tables"
    return {
        "Disclaimer": DISCLAIMER,
        "Version": __version__,
        "Split": split if told else "not told: all cases",
        "Partition": apart if told and split not in (ALL, "train") else "not checked",
        "TruthScheme": scheme,
        "Empty": empty,
        "EmptyPolicy": f"Mean over patients of all cases; some in truth or prediction alone counts 0; both empty: {both_empty}.",
        "Resamples": resamples,
        "Seed": seed,
        "Definitions": DEFINITIONS,
        "Arms": [
            flow(arm, dict(sorted(Counter(r.ecg for r in one.rows if r.case_id in arm.cases).items())))
            for arm, one in zip(arms, found, strict=True)
        ],
        "Warnings": list(warnings),
    }
