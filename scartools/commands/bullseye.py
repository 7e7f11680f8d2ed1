"""Draw the 17 segments as a bullseye, for one to four panels side by side, differences and continuous maps too.

The standard display: seen from the apex, anterior on top, septum on the left, basal segments outside, the
apex in the middle. Panels share one colour scale, safe for the colour-blind and on grey print; every segment shows
its number and its value. A segment that was not imaged is hatched and says n/a; it is never coloured as zero. Heavy
lines divide the coronary territories that the AHA standard assigns, which the band outside names.

--difference adds a panel: the last table minus the one before it, on a scale of its own, centred at zero. Where one
of the two was not imaged there is no difference. Both must have one model of segments and one measure.

--smooth draws scar continuously, by angle and level, measured slice by slice in segmentations with --prior: the share
of the wall that is scar, or its transmurality (--value transmurality_mean_percent). It is not made from 17 numbers, so
a table is refused. The numbers printed are still those of whole segments.

INPUT FILES

TABLE is the output of scartools-quantify(1), or - for one on stdin: any TSV with level, region and the
column to draw. A NIfTI segmentation may stand in its place together with --prior; it is then measured
first. One --prior holds for all segmentations, or there is one for each, in their order.

OUTPUT FILES

The figure is 90 mm wide for one panel and 180 mm for more, or as --width says; PNG has 300 dpi, shifted by less than
0.2 so that the width is whole pixels. No text is smaller than 6 points: panels too narrow for their numbers stand in rows, and
what does not fit is refused. SVG and PDF are vectors, but for the disc of a continuous map (300 dpi). Under the figure
stand the source of the prior, where the sidecar of the table states it, and how the scar was found. Tables of the
models of 16 and 18 segments are drawn as such; all panels must have one model. OUTPUT.json repeats the values drawn.
Equal inputs give equal bytes.

NOTES

The continuous map takes rings and sectors from the prior alone. Each ring fills its band of the disc, with its slices
equally high; the angle runs linearly between the borders of the sectors. Round the circle, values are smoothed by a
Gaussian with an SD of 6 degrees, or of a voxel's angle where that is wider; between neighbouring slices they run
linearly, and never across a missing one.

EXAMPLES

    scartools aha17 cohort/truth/sim-0001/segmentation.nii.gz -o prior.nii.gz
    scartools quantify cohort/truth/sim-0001/segmentation.nii.gz --prior prior.nii.gz -o segments.tsv
    scartools bullseye segments.tsv -o bullseye.svg
    scartools bullseye segments.tsv segments.tsv --panel truth --panel model --value transmurality_mean_percent -o pair.pdf
    scartools bullseye segments.tsv segments.tsv --panel "model A" --panel "model B" --difference -o difference.svg
    scartools bullseye cohort/truth/sim-0001/segmentation.nii.gz --prior prior.nii.gz --smooth --width single -o smooth.pdf
    scartools quantify cohort/truth/sim-0001/segmentation.nii.gz --prior prior.nii.gz -o - | scartools bullseye - -o piped.png
    scartools bullseye cohort/truth/sim-0001/segmentation.nii.gz --prior prior.nii.gz -o at-once.pdf

REFERENCES

Cerqueira MD et al. Circulation 2002;105:539. doi:10.1161/hc0402.102975
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scartools.cli.contracts import Kind, Reads, Writes
from scartools.cli.options import Force, Labels, Output, SpacingFrom
from scartools.figures import FOOTER

if TYPE_CHECKING:
    from scartools.files.segment_table import SegmentValues
    from scartools.heart.bullseye import Panel
    from scartools.heart.polar_map import PolarMap

KIND: Kind = "exact"
log = logging.getLogger(__name__)
MOST_PANELS = 4
WIDTHS = {"single": 90.0, "1.5": 140.0, "double": 180.0}  # mm
WIDEST, NARROWEST = 400.0, 45.0  # mm


Tables = Annotated[
    list[Path],
    typer.Argument(metavar="TABLE...", help="Tables of segments, one a panel; or segmentations with --prior."),
    Reads("segments"),
]
PriorFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--prior",
        metavar="FILE",
        help="AHA segments, where TABLE is a segmentation; one for all, or once for each.",
    ),
    Reads("prior"),
]
ValueColumn = Annotated[str, typer.Option("--value", metavar="COLUMN", help="The column to draw.")]
PanelNames = Annotated[
    list[str] | None,
    typer.Option(
        "--panel", metavar="TEXT", help="Name of a panel; once per table, in their order, then the difference."
    ),
]
Difference = Annotated[
    bool, typer.Option("--difference", help="Add a panel: the last table minus the one before it.")
]
Smooth = Annotated[bool, typer.Option("--smooth", help="Draw continuous maps, measured in segmentations.")]
Width = Annotated[
    str | None,
    typer.Option(
        "--width", metavar="WIDTH", help="single (90 mm), 1.5 (140 mm), double (180 mm), or mm from 45 to 400."
    ),
]
NoValues = Annotated[
    bool,
    typer.Option("--no-values", help="Print the numbers of the segments alone; of a difference, its sign too."),
]
Title = Annotated[str | None, typer.Option("--title", metavar="TEXT", help="Above all panels.")]
Decimals = Annotated[int, typer.Option("--decimals", min=0, max=4, metavar="N", help="Digits after the point.")]
Maximum = Annotated[
    float | None,
    typer.Option(
        "--max", metavar="VALUE", help="Upper end of the colour scale; else 100 for percent, or the largest."
    ),
]
DifferenceMaximum = Annotated[
    float | None,
    typer.Option(
        "--difference-max", metavar="VALUE", help="Both ends of the scale of --difference; else by the values."
    ),
]


def bullseye(
    tables: Tables,
    output: Annotated[Output, Writes("figure")],
    prior: PriorFiles = None,
    labels: Labels = "scartools",
    value: ValueColumn = "scar_percent",
    difference: Difference = False,
    smooth: Smooth = False,
    panel: PanelNames = None,
    title: Title = None,
    width: Width = None,
    no_values: NoValues = False,
    decimals: Decimals = 0,
    maximum: Maximum = None,
    difference_max: DifferenceMaximum = None,
    spacing_from: SpacingFrom = "auto",
    force: Force = False,
) -> dict[str, Any]:
    """Read the tables, draw them, write the figure."""
    from scartools.cli.resources import scratch_for_matplotlib
    from scartools.files import atomic
    from scartools.files.segment_table import in_sentences, read_segments
    from scartools.heart.bullseye_scales import bar_labels
    from scartools.heart.segment_columns import COLUMNS

    names = _checked_names(tables, panel, title, difference)
    _require_scales(maximum, difference_max, difference)
    millimetres = _millimetres(width)
    _require_smooth(smooth, value, tables)
    priors = _priors(tables, prior)
    percent = COLUMNS.get(value, ("", None))[1] == "%"
    read, discs = [], []
    for path, own in zip(tables, priors, strict=True):
        if own is None:
            read.append(read_segments(path, value, percent=percent))
            continue
        measured, disc = _measured(path, own, value, labels, spacing_from, smooth)
        read.append(measured)
        discs.append(disc)
    _require_comparable(tables, read, value, difference)
    unit, difference_unit = bar_labels(value, smooth=smooth)
    notes = in_sentences(names, read)
    if smooth:
        notes.append("Continuous map by angle and slice; Gaussian, SD 6\N{DEGREE SIGN}; linear between slices.")
    with scratch_for_matplotlib():
        from scartools.figures import figure_bytes, whole_dpi
        from scartools.heart.bullseye import draw_bullseye

        panels = _panels(names, read, discs, difference)
        figure = draw_bullseye(
            panels,
            unit=unit,
            title=title,
            limits=(0.0, maximum) if maximum is not None else None,
            decimals=decimals,
            model=read[0].model,
            width_mm=millimetres,
            show_values=not no_values,
            difference_unit=difference_unit,
            largest_difference=difference_max,
            notes=notes,
        )
        picture = figure_bytes(figure, output.suffix, dpi=whole_dpi(figure))

    def save(path: Path) -> None:
        path.write_bytes(picture)

    facts = {"Value": value, "Unit": unit, "Panels": _described(panels, read), "Notes": notes, "Notice": FOOTER}
    facts |= {"DifferenceUnit": difference_unit} if difference else {}
    sources = [source for one in read for source in one.sources]
    atomic.publish(output, save, facts=facts, sources=sources, force=force)
    log.info("%s: %s of %d panel%s", output, value, len(panels), "s" if len(panels) > 1 else "")
    return {"Output": str(output), **facts}


def _checked_names(
    tables: list[Path], panel: list[str] | None, title: str | None, difference: bool
) -> list[str]:
    """Return the name of each panel, that of a difference last, after refusing what makes no figure."""
    from scartools.errors import UsageError

    for text in [title or "", *(panel or [])]:
        if not text.isprintable():
            raise UsageError(f"--title or --panel {text!r} holds characters that cannot be printed")
    if difference and len(tables) < 2:
        raise UsageError("--difference needs two tables", remedy="Name the one to subtract first")
    if len(tables) + difference > MOST_PANELS:
        more = " and a difference" if difference else ""
        raise UsageError(
            f"{len(tables)} tables{more}, at most {MOST_PANELS} fit", remedy="Draw several figures"
        )
    if tables.count(Path("-")) > 1:
        raise UsageError("- stands twice, but there is one stdin", remedy="Name a file")
    names = panel or ([*"ABC"[: len(tables)]] if difference else [""] * len(tables))
    if len(names) not in (len(tables), len(tables) + difference):
        raise UsageError(
            f"--panel was given {len(names)} times for {len(tables)} tables", remedy="Name each or none"
        )
    if difference and len(names) == len(tables):
        names = [*names, f"{names[-1]} \N{MINUS SIGN} {names[-2]}"]
    return names


def _require_scales(maximum: float | None, difference_max: float | None, difference: bool) -> None:
    from scartools.errors import UsageError

    for name, given in (("--max", maximum), ("--difference-max", difference_max)):
        if given is not None and not 0 < given < math.inf:
            raise UsageError(f"{name} {given:g} is not a positive number", remedy="Leave it out or give one")
    if difference_max is not None and not difference:
        raise UsageError("--difference-max has no meaning without --difference", remedy="Leave it out")


def _millimetres(width: str | None) -> float | None:
    """Return the width of the figure in mm; None for that of the number of panels."""
    from scartools.errors import UsageError

    if width is None or width in WIDTHS:
        return WIDTHS[width] if width else None
    given = float(width) if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4})?", width) else math.nan
    if not NARROWEST <= given <= WIDEST:
        raise UsageError(
            f"--width {width!r} is no width of a figure",
            remedy=f"Use {', '.join(WIDTHS)}, or mm from {NARROWEST:g} to {WIDEST:g}",
        )
    return given


def _require_smooth(smooth: bool, value: str, tables: list[Path]) -> None:
    from scartools.errors import UsageError
    from scartools.files import volume
    from scartools.heart.bullseye_scales import SMOOTH_BAR

    if not smooth:
        return
    if value not in SMOOTH_BAR:
        raise UsageError(f"--smooth cannot draw --value {value}", remedy=f"It draws {' or '.join(SMOOTH_BAR)}")
    for path in tables:
        if not path.name.endswith(volume.SUFFIXES):
            raise UsageError(
                f"--smooth cannot draw the table {path}: it holds a number a segment, not the wall",
                remedy="Give the segmentation with --prior",
            )


def _priors(tables: list[Path], given: list[Path] | None) -> list[Path | None]:
    """Return the prior of each table; None for those that are no segmentation."""
    from scartools.errors import UsageError
    from scartools.files import volume

    segmentations = [path for path in tables if path.name.endswith(volume.SUFFIXES)]
    if given and not segmentations:
        raise UsageError(f"--prior has no meaning for the table {tables[0]}", remedy="Leave it out")
    if segmentations and not given:
        raise UsageError(
            f"{segmentations[0]} is a segmentation and needs --prior", remedy="Make it with: scartools aha17"
        )
    if given and len(given) not in (1, len(segmentations)):
        raise UsageError(
            f"--prior was given {len(given)} times for {len(segmentations)} segmentations",
            remedy="Give one for all, or one for each",
        )
    left = iter(given * len(segmentations) if given and len(given) == 1 else given or [])
    return [next(left) if path in segmentations else None for path in tables]


def _measured(
    path: Path, prior: Path, column: str, labels: Any, spacing_from: Any, smooth: bool
) -> tuple[SegmentValues, PolarMap | None]:
    """Measure a segmentation by its prior."""
    from scartools.errors import InputError, UsageError, concerning
    from scartools.files import volume
    from scartools.files.prior import read_rests_on, segment_model
    from scartools.files.segment_table import SegmentValues
    from scartools.heart.polar_map import polar_map
    from scartools.heart.quantities import COLUMNS, quantify

    if column not in COLUMNS:
        raise UsageError(
            f"--value {column!r} is no column of a table of segments", remedy=f"Known: {', '.join(COLUMNS)}"
        )
    mask = volume.read_labels(path, scheme=labels, spacing_from=spacing_from)
    regions = volume.read_prior(prior, spacing_from=spacing_from)
    volume.require_same_grid(regions, mask)
    model = segment_model(prior, regions.array)
    disc = None
    with concerning(path):
        measured = quantify(mask.array, mask.affine, segments=regions.array, model=model)
        if smooth:
            measure: Any = column
            disc = polar_map(mask.array, mask.affine, regions.array, measure=measure, model=model)
    for warning in measured.facts["Warnings"]:
        log.warning("%s: %s", path, warning)
    chosen = {int(row["region"]): row[column] for row in measured.rows if row["level"] == "segment"}
    if not all(isinstance(item, int | float) for item in chosen.values()):
        raise InputError(f"the column {column} holds no numbers", where=path, remedy="Choose another --value")
    description, unit = COLUMNS[column]
    said = {"Description": description} | ({"Units": unit} if unit else {})
    sources = (mask.source, regions.source)
    return SegmentValues(chosen, model, sources, read_rests_on(prior), said, "labels"), disc


def _require_comparable(tables: list[Path], read: list[SegmentValues], column: str, difference: bool) -> None:
    """Refuse panels that cannot share a scale, or be subtracted."""
    from scartools.errors import InputError, UsageError

    models = {one.model for one in read}
    if len(models) > 1:
        raise UsageError(
            f"the tables have models of {' and '.join(map(str, sorted(models)))} segments",
            remedy="Draw them apart",
        )
    for key in ("Units", "Description") if difference else ("Units",):
        said = {one.column[key]: path for path, one in zip(tables, read, strict=True) if key in one.column}
        if len(said) > 1:
            (first, _), (second, where) = [*said.items()][:2]
            raise InputError(
                f"the column {column} is another measure than in the table before: {second!r}, not {first!r}",
                where=where,
                remedy="Make both with: scartools quantify",
            )
    methods = {one.method for one in read if one.method}
    if len(methods) > 1:
        log.warning("the scar of the panels was found in several ways: %s", ", ".join(sorted(methods)))


def _panels(
    names: Sequence[str], read: list[SegmentValues], discs: list[PolarMap | None], difference: bool
) -> list[Panel]:
    from scartools.heart.bullseye import Panel

    maps = discs if len(discs) == len(read) else [None] * len(read)  # all of them or none
    panels = [Panel(name, one.values, disc) for name, one, disc in zip(names, read, maps, strict=False)]
    if difference:
        before, after = panels[-2:]
        both = {k: after.values.get(k, math.nan) - before.values.get(k, math.nan) for k in before.values}
        disc = None
        if before.smooth and after.smooth:
            disc = replace(after.smooth, values=after.smooth.values - before.smooth.values)
        panels.append(Panel(names[-1], both, disc, difference=True))
    return panels


def _described(panels: list[Panel], read: list[SegmentValues]) -> list[dict[str, Any]]:
    """Return what the sidecar says of each panel; not imaged is null."""
    described = []
    for place, panel in enumerate(panels):
        shown = {str(k): None if math.isnan(v) else v for k, v in panel.values.items()}
        entry: dict[str, Any] = {"Name": panel.title, "SegmentModel": read[0].model, "Values": shown}
        if panel.difference:
            entry["Difference"] = f"panel {place} minus panel {place - 1}"
        else:
            entry |= {**read[place].rests_on, "Method": read[place].method}
        if panel.smooth is not None:
            entry["Smooth"] = panel.smooth.facts
        described.append(entry)
    return described
