"""Draw the 17 segments as a bullseye, for one to four tables side by side.

The standard display: seen from the apex, anterior on top, septum on the left, basal segments outside, the
apex in the middle. Panels share one colour scale, safe for the colour-blind; every segment shows its number
and its value. A segment that was not imaged is hatched and says n/a; it is never coloured as zero. Heavy
lines divide the coronary territories that the AHA standard assigns.

INPUT FILES

TABLE is the output of scartools-quantify(1), or - for one on stdin: any TSV with level, region and the
column to draw. A NIfTI segmentation may stand in its place together with --prior; it is then measured
first.

OUTPUT FILES

The figure is 90 mm wide for one panel and 180 mm for more. Tables of the models of 16 and
18 segments are drawn as such; all panels must have one model. OUTPUT.json repeats the values drawn.
Equal inputs give equal bytes.

EXAMPLES

    scartools aha17 cohort/truth/sim-0001/segmentation.nii.gz -o prior.nii.gz
    scartools quantify cohort/truth/sim-0001/segmentation.nii.gz --prior prior.nii.gz -o segments.tsv
    scartools bullseye segments.tsv -o bullseye.svg
    scartools bullseye segments.tsv segments.tsv --panel truth --panel model --value transmurality_mean_percent -o pair.pdf
    scartools bullseye cohort/truth/sim-0001/segmentation.nii.gz --prior prior.nii.gz -o at-once.pdf
    scartools quantify cohort/truth/sim-0001/segmentation.nii.gz --prior prior.nii.gz -o - | scartools bullseye - -o piped.png

REFERENCES

Cerqueira MD et al. Circulation 2002;105:539. doi:10.1161/hc0402.102975
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from scartools.cli.contracts import Kind, Reads, Writes
from scartools.cli.options import Force, Labels, Output, SpacingFrom
from scartools.figures import FOOTER

if TYPE_CHECKING:
    from scartools.files.provenance import Source

KIND: Kind = "exact"
log = logging.getLogger(__name__)
MOST_PANELS = 4
_REGIONS = {str(number) for number in range(1, 19)}
COLOUR_BAR = {"scar_percent": "Scar (% of segment)", "lv_percent": "Scar (% of the LV)"}


Tables = Annotated[
    list[Path],
    typer.Argument(metavar="TABLE...", help="Tables of segments, one a panel; or a segmentation with --prior."),
    Reads("segments"),
]
PriorFile = Annotated[
    Path | None,
    typer.Option("--prior", metavar="FILE", help="AHA segments, where TABLE is a segmentation."),
    Reads("prior"),
]
ValueColumn = Annotated[str, typer.Option("--value", metavar="COLUMN", help="The column to draw.")]
PanelNames = Annotated[
    list[str] | None,
    typer.Option("--panel", metavar="TEXT", help="Name of a panel; once per table, in their order."),
]
Title = Annotated[str | None, typer.Option("--title", metavar="TEXT", help="Above all panels.")]
Decimals = Annotated[int, typer.Option("--decimals", min=0, max=4, metavar="N", help="Digits after the point.")]
Maximum = Annotated[
    float | None,
    typer.Option(
        "--max", metavar="VALUE", help="Upper end of the colour scale; else 100 for percent, or the largest."
    ),
]


def bullseye(
    tables: Tables,
    output: Annotated[Output, Writes("figure")],
    prior: PriorFile = None,
    labels: Labels = "scartools",
    value: ValueColumn = "scar_percent",
    panel: PanelNames = None,
    title: Title = None,
    decimals: Decimals = 0,
    maximum: Maximum = None,
    spacing_from: SpacingFrom = "auto",
    force: Force = False,
) -> dict[str, Any]:
    """Read the tables, draw them, write the figure."""
    from scartools.cli.resources import scratch_for_matplotlib
    from scartools.files import atomic
    from scartools.files.prior import read_rests_on

    names = _checked_names(tables, panel, title, maximum)
    panels, described, sources = [], [], []
    for path, name in zip(tables, names, strict=True):
        values, read, segments = _values(path, prior, value, labels, spacing_from)
        panels.append((name, values))
        shown = {str(k): None if math.isnan(v) else v for k, v in values.items()}
        described.append(
            {"Name": name, "SegmentModel": segments, "Values": shown, **read_rests_on(prior or path)}
        )
        sources += read
    unit = _unit(value)
    model = _model(described)
    with scratch_for_matplotlib():
        from scartools.figures import figure_bytes
        from scartools.heart.bullseye import draw_bullseye

        limits = (0.0, maximum) if maximum is not None else None
        figure = draw_bullseye(panels, unit=unit, title=title, limits=limits, decimals=decimals, model=model)
        picture = figure_bytes(figure, output.suffix)

    def save(path: Path) -> None:
        path.write_bytes(picture)

    facts = {"Value": value, "Unit": unit, "Panels": described, "Notice": FOOTER}
    atomic.publish(output, save, facts=facts, sources=sources, force=force)
    log.info("%s: %s of %d panel%s", output, value, len(panels), "s" if len(panels) > 1 else "")
    return {"Output": str(output), **facts}


def _checked_names(
    tables: list[Path], panel: list[str] | None, title: str | None, maximum: float | None
) -> list[str]:
    """Return the name of each panel, after refusing what makes no figure."""
    from scartools.errors import UsageError

    for text in [title or "", *(panel or [])]:
        if not text.isprintable():
            raise UsageError(f"--title or --panel {text!r} holds characters that cannot be printed")
    if maximum is not None and not 0 < maximum < math.inf:
        raise UsageError(f"--max {maximum:g} is not a positive number", remedy="Leave it out or give one")
    if len(tables) > MOST_PANELS:
        raise UsageError(f"{len(tables)} tables, at most {MOST_PANELS} fit", remedy="Draw several figures")
    names = panel or [""] * len(tables)
    if len(names) != len(tables):
        raise UsageError(
            f"--panel was given {len(names)} times for {len(tables)} tables", remedy="Name each or none"
        )
    return names


def _values(
    path: Path, prior: Path | None, column: str, labels: str, spacing_from: Any
) -> tuple[dict[int, float], list[Source], Literal[16, 17, 18]]:
    """Return what each segment shows, NaN where it was not imaged, what was read, and how many segments there are."""
    from scartools.errors import InputError, UsageError, concerning
    from scartools.files import table, volume
    from scartools.files.prior import segment_model
    from scartools.heart.quantities import COLUMNS, quantify

    if not path.name.endswith(volume.SUFFIXES):
        if prior is not None:
            raise UsageError(f"--prior has no meaning for the table {path}", remedy="Leave it out")
        found = table.read(path, required=("level", "region", column))
        values = _segments_of(found, column)
        return values, [found.source], _model_of_table(path, values)
    if prior is None:
        raise UsageError(f"{path} is a segmentation and needs --prior", remedy="Make it with: scartools aha17")
    if column not in COLUMNS:
        raise UsageError(
            f"--value {column!r} is no column of a table of segments", remedy=f"Known: {', '.join(COLUMNS)}"
        )
    mask = volume.read_labels(path, scheme=labels, spacing_from=spacing_from)
    regions = volume.read_prior(prior, spacing_from=spacing_from)
    volume.require_same_grid(regions, mask)
    model = segment_model(prior, regions.array)
    with concerning(path):
        measured = quantify(mask.array, mask.affine, segments=regions.array, model=model)
    for warning in measured.facts["Warnings"]:
        log.warning("%s: %s", path, warning)
    rows = measured.rows
    chosen = {int(row["region"]): row[column] for row in rows if row["level"] == "segment"}
    if not all(isinstance(item, int | float) for item in chosen.values()):
        raise InputError(f"the column {column} holds no numbers", where=path, remedy="Choose another --value")
    return chosen, [mask.source, regions.source], model


def _model_of_table(path: Path, values: dict[int, float]) -> Literal[16, 17, 18]:
    """Return what the sidecar says; without one, 18 or 16 where the table lists just these, else 17."""
    from scartools.files.prior import stated_model

    model = stated_model(path)
    if model is not None and max(values) <= model:
        return model
    return 18 if max(values) == 18 else 16 if sorted(values) == list(range(1, 17)) else 17


def _model(panels: list[dict[str, Any]]) -> Literal[16, 17, 18]:
    from scartools.errors import UsageError

    models = {one["SegmentModel"] for one in panels}
    if len(models) > 1:
        raise UsageError(
            f"the tables have models of {' and '.join(map(str, sorted(models)))} segments",
            remedy="Draw them apart",
        )
    return models.pop()


def _segments_of(found: Any, column: str) -> dict[int, float]:
    from scartools.errors import InputError
    from scartools.files import table

    values: dict[int, float] = {}
    for row, cells in enumerate(found.rows):
        if cells["level"] != "segment":
            continue
        region = cells["region"] or ""
        if region not in _REGIONS or int(region) in values:
            raise InputError(
                f"line {row + 2} has the segment {region[:20]!r}",
                where=found.path,
                remedy="Each of 1-18 may stand once",
            )
        values[int(region)] = table.number(found, row, column)
        if (
            _is_percent(column)
            and not math.isnan(values[int(region)])
            and not -1e-6 <= values[int(region)] <= 100.001
        ):
            raise InputError(
                f"line {row + 2}, column {column}: {values[int(region)]:g} is not a percentage",
                where=found.path,
            )
    if 0 < len(values) < 16:
        log.warning("%s: lists %d of 17 segments; the others are drawn as not imaged", found.path, len(values))
    if not values:
        raise InputError("has no row with level segment", where=found.path, remedy="Run quantify with --prior")
    return values


def _is_percent(column: str) -> bool:
    from scartools.heart.quantities import COLUMNS

    return COLUMNS.get(column, ("", None))[1] == "%"


def _unit(column: str) -> str:
    """Return what stands beside the colour bar: the column's name in words, with its unit."""
    from scartools.heart.quantities import COLUMNS

    if column in COLOUR_BAR:
        return COLOUR_BAR[column]
    unit = COLUMNS.get(column, ("", None))[1]
    words = column.removesuffix("_percent").removesuffix("_ml").removesuffix("_g").replace("_", " ")
    return f"{words[:1].upper()}{words[1:]} ({unit})" if unit else words
