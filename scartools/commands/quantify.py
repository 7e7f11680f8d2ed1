"""Measure scar: millilitres, grams, percent and transmurality, by AHA segment, territory and ventricle.

Volumes count voxels of the segmentation; the size of a voxel is the determinant of its affine, so that gaps
between slices count as the slice step. Scar is scar and no-reflow together (labels 3 and 4); no-reflow is
given by itself beside it. Percent is of the myocardium in the same segmentation, not of a cine. Every slice
with myocardium counts for the ventricle; segments and the row unassigned (open basal rings) add up to it
exactly. A segment without a voxel was not imaged: n/a, never 0.

With --prior (the output of scartools-aha17(1)) there are rows for the 17 segments and three territories;
without it, one row for the ventricle. Territories are those the AHA standard assigns, not a culprit artery.

With --method the scar is found in the image: n standard deviations above remote myocardium (sd), half of
the maximum (fwhm), or Otsu's split of the wall (otsu). The scar label is then not looked at; no-reflow that
is labelled (4) is kept and counted as scar, because a dark core is below every threshold. Method and reader
together move the mean infarct size of the same patients from 17 to 27 % of the LV (Klem): the method, its
threshold and its remote region are recorded and must be stated with the number.

OUTPUT FILES

Columns of OUTPUT:

@columns scartools.heart.quantities:COLUMNS

OUTPUT.json has their definitions, and Facts: density, voxel size, method, threshold, remote region, the
anchor of the prior and the source of the contours.

NOTES

Transmurality is measured along radial chords from the centroid of the LV pool, at least 100 a slice, in
millimetres: scar length over wall length from endocardium to epicardium. A chord belongs to the region that
its mid-wall point lies in. The apex beyond the cavity has no chords.

The remote region of --method sd is, unless --remote gives one, a dark 60-degree sector of each slice (of
those with a mean within one SD of the darkest, the middle one), away from the borders of the wall and from
labelled no-reflow; slices without dark myocardium give none. Preferring the dark, its mean and SD lie some
10 to 20 % below those of all healthy myocardium. OUTPUT.json lists the sectors. Scar that leaves no sector
free needs --remote.

EXAMPLES

    scartools aha17 cohort/truth/sim-0001/segmentation.nii.gz -o prior.nii.gz
    scartools quantify cohort/truth/sim-0001/segmentation.nii.gz --prior prior.nii.gz -o segments.tsv
    scartools quantify cohort/truth/sim-0001/segmentation.nii.gz -o - | cut -f 2,5,7,8
    scartools quantify cohort/truth/sim-0001/segmentation.nii.gz --image cohort/lge/sim-0001.nii.gz --method sd --sd 5 -o sd5.tsv

REFERENCES

Cerqueira MD et al. Circulation 2002;105:539. doi:10.1161/hc0402.102975
Klem I et al. Sources of variability in quantification of cardiovascular magnetic resonance infarct size. J
Cardiovasc Magn Reson 2017;19:62. doi:10.1186/s12968-017-0378-y
Ibanez B et al. Cardiac MRI endpoints in myocardial infarction experimental and clinical trials. J Am Coll
Cardiol 2019;74:238. doi:10.1016/j.jacc.2019.05.024
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from scartools.cli.contracts import Kind, Reads, Writes
from scartools.cli.options import Force, Labels, Output, SegmentationFile, SpacingChoice, SpacingFrom

if TYPE_CHECKING:
    import numpy as np

    from scartools.files.provenance import Source
    from scartools.files.volume import Volume

KIND: Kind = "exact"
log = logging.getLogger(__name__)

Method = Literal["labels", "sd", "fwhm", "otsu"]


MethodChoice = Annotated[
    Method, typer.Option("--method", help="Where the scar comes from: the labels, or a threshold in --image.")
]
PriorFile = Annotated[
    Path | None,
    typer.Option("--prior", metavar="FILE", help="AHA segments of this segmentation, from aha17."),
    Reads("prior"),
]
ImageFile = Annotated[
    Path | None,
    typer.Option("--image", metavar="FILE", help="LGE image, for --method sd, fwhm and otsu."),
    Reads("image"),
]
ImageKind = Annotated[
    Literal["magnitude", "psir"] | None,
    typer.Option("--image-kind", help="What the image is; required for fwhm, where it changes the answer."),
]
StandardDeviations = Annotated[
    float | None,
    typer.Option("--sd", metavar="N", min=0.5, max=20, help="Standard deviations above remote, for sd [5]."),
]
RemoteFile = Annotated[
    Path | None,
    typer.Option("--remote", metavar="FILE", help="Remote myocardium; else it is found, see NOTES."),
    Reads("mask"),
]
Density = Annotated[
    float, typer.Option("--density", metavar="G/ML", min=0.5, max=2, help="Density of myocardium, g/mL.")
]


def quantify(
    segmentation: SegmentationFile,
    output: Annotated[Output, Writes("segments")],
    prior: PriorFile = None,
    labels: Labels = "scartools",
    method: MethodChoice = "labels",
    image: ImageFile = None,
    image_kind: ImageKind = None,
    sd: StandardDeviations = None,
    remote: RemoteFile = None,
    density: Density = 1.05,
    spacing_from: SpacingFrom = "auto",
    force: Force = False,
) -> dict[str, Any]:
    """Read the volumes, find the scar, measure it, write the table."""
    from scartools.errors import concerning
    from scartools.files import table, volume
    from scartools.files.prior import read_rests_on, segment_model
    from scartools.heart import quantities

    _require_consistent(method, image, image_kind, remote, sd)
    mask = volume.read_labels(segmentation, scheme=labels, spacing_from=spacing_from)
    regions = _read_prior(prior, mask, spacing_from) if prior else None
    array, found = mask.array, {"Method": "labels"}
    more: list[Source] = []
    if image is not None and method != "labels":
        array, found, more = _scar_in(image, mask, method, sd, image_kind, remote, spacing_from)
    with concerning(segmentation):
        measured = quantities.quantify(
            array,
            mask.affine,
            segments=regions.array if regions else None,
            model=segment_model(prior, regions.array) if prior and regions else None,
            density=density,
        )
    for warning in [*measured.facts["Warnings"], *found.pop("Warnings", [])]:
        log.warning("%s: %s", segmentation, warning)
    facts = {**measured.facts, "Scar": found, "GeometryNotes": list(mask.notes)}
    facts |= read_rests_on(prior) if prior else {}
    sources = [mask.source, *([regions.source] if regions else []), *more]
    columns = table.columns_of(quantities.COLUMNS)
    table.write(output, columns, measured.rows, facts={"Facts": facts}, sources=sources, force=force)
    summary = _summary(measured.rows[-1])
    text = "%s: LV %.1f mL, %.1f g; scar %.1f mL, %.1f %% of the LV; no-reflow %.1f mL; scar by %s"
    log.info(text, output, *summary.values(), found["Method"])
    return {"Output": str(output), **summary, "Method": found["Method"], "Facts": facts}


def _read_prior(prior: Path, mask: Volume, spacing_from: SpacingChoice) -> Volume:
    from scartools.files import volume
    from scartools.files.prior import made_from

    regions = volume.read_prior(prior, spacing_from=spacing_from)
    volume.require_same_grid(regions, mask)
    if not made_from(prior, mask.source):
        log.warning("%s: was made from another segmentation than %s", prior, mask.path)
    return regions


def _scar_in(
    image: Path,
    mask: Volume,
    method: Method,
    sd: float | None,
    image_kind: Literal["magnitude", "psir"] | None,
    remote: Path | None,
    spacing_from: SpacingChoice,
) -> tuple[np.ndarray, dict[str, Any], list[Source]]:
    """Return the labels with the scar that the image shows, the facts of the threshold, and what was read."""
    from scartools.errors import concerning
    from scartools.files import volume
    from scartools.heart.scar_from_image import scar_from_image

    picture = volume.read_image(image, spacing_from=spacing_from)
    region = volume.read_mask(remote, spacing_from=spacing_from) if remote else None
    for other in [picture, *([region] if region else [])]:
        volume.require_same_grid(other, mask)
    with concerning(image):
        array, facts = scar_from_image(
            mask.array,
            picture.array,
            mask.affine,
            method=method,  # type: ignore[arg-type]  # not "labels" here
            n=5.0 if sd is None else sd,
            image_kind=image_kind,
            remote=region.array.astype(bool) if region else None,
        )
    return array, facts, [picture.source, *([region.source] if region else [])]


def _require_consistent(
    method: Method, image: Path | None, image_kind: str | None, remote: Path | None, sd: float | None
) -> None:
    from scartools.errors import UsageError

    if method == "labels" and image is not None:
        raise UsageError(
            "--image has no meaning with --method labels", remedy="Choose --method sd, fwhm or otsu"
        )
    if method == "labels" and image_kind is not None:
        raise UsageError("--image-kind has no meaning with --method labels", remedy="Leave it out")
    if method != "sd" and sd is not None:
        raise UsageError(f"--sd has no meaning with --method {method}", remedy="Add --method sd")
    if method != "labels" and image is None:
        raise UsageError(f"--method {method} needs --image", remedy="Name the LGE image")
    if method == "fwhm" and image_kind is None:
        raise UsageError(
            "--method fwhm needs --image-kind", remedy="Half of the maximum means another thing in a PSIR image"
        )
    if remote is not None and not (method == "sd" or (method == "fwhm" and image_kind == "psir")):
        raise UsageError(f"--remote has no meaning with --method {method}", remedy="Leave it out")


def _summary(ventricle: dict[str, Any]) -> dict[str, Any]:
    """Return the whole ventricle in a few numbers, rounded for reading."""
    names = {
        "LVMyocardiumMl": "myocardium_ml",
        "LVMassG": "mass_g",
        "ScarMl": "scar_ml",
        "ScarPercentOfLV": "scar_percent",
        "NoReflowMl": "no_reflow_ml",
    }
    return {name: round(ventricle[column], 2) for name, column in names.items()}
