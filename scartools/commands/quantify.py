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

The remote region of --method sd is, unless --remote gives one, the darkest 60-degree sector of each slice,
away from the borders of the wall and from labelled no-reflow; slices without dark myocardium give none.
Being the darkest, its mean and SD lie some 10 to 20 % below those of all healthy myocardium. OUTPUT.json
lists the sectors. Scar that leaves no sector free needs --remote.

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
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from scartools.cli.contracts import Kind, Reads, Writes
from scartools.cli.options import Anchor, Force, Labels, Output, SegmentationSource, SpacingFrom

if TYPE_CHECKING:
    from scartools.files.provenance import Source

KIND: Kind = "exact"
log = logging.getLogger(__name__)

Method = Literal["labels", "sd", "fwhm", "otsu"]


def quantify(
    segmentation: Annotated[
        Path, typer.Argument(metavar="SEGMENTATION", help="Segmentation of the LV."), Reads("segmentation")
    ],
    output: Annotated[Output, Writes("segments")],
    prior: Annotated[
        Path | None,
        typer.Option("--prior", metavar="FILE", help="AHA segments of this segmentation, from aha17."),
        Reads("prior"),
    ] = None,
    labels: Labels = "scartools",
    method: Annotated[
        Method,
        typer.Option("--method", help="Where the scar comes from: the labels, or a threshold in --image."),
    ] = "labels",
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="FILE", help="LGE image, for --method sd, fwhm and otsu."),
        Reads("image"),
    ] = None,
    image_kind: Annotated[
        Literal["magnitude", "psir"] | None,
        typer.Option("--image-kind", help="What the image is; required for fwhm, where it changes the answer."),
    ] = None,
    sd: Annotated[
        float | None,
        typer.Option(
            "--sd", metavar="N", min=0.5, max=20, help="Standard deviations above remote, for sd [5]."
        ),
    ] = None,
    remote: Annotated[
        Path | None,
        typer.Option("--remote", metavar="FILE", help="Remote myocardium; else it is found, see NOTES."),
        Reads("mask"),
    ] = None,
    density: Annotated[
        float, typer.Option("--density", metavar="G/ML", min=0.5, max=2, help="Density of myocardium, g/mL.")
    ] = 1.05,
    spacing_from: SpacingFrom = "auto",
    force: Force = False,
) -> dict[str, Any]:
    """Read the volumes, find the scar, measure it, write the table."""
    from scartools.errors import concerning
    from scartools.files import provenance, table, volume
    from scartools.heart import quantities
    from scartools.heart.scar_from_image import scar_from_image

    _require_consistent(method, image, image_kind, remote, sd)
    mask = volume.read_labels(segmentation, scheme=labels, spacing_from=spacing_from)
    sources = [mask.source]
    segments, anchor = None, {}
    if prior is not None:
        regions = volume.read_prior(prior, spacing_from=spacing_from)
        volume.require_same_grid(regions, mask)
        segments = regions.array
        sources.append(regions.source)
        anchor = _anchor_of(provenance.sidecar_path(prior))
        _warn_of_another_segmentation(prior, mask.source)
    array, found = mask.array, {"Method": "labels"}
    if image is not None and method != "labels":
        picture = volume.read_image(image, spacing_from=spacing_from)
        volume.require_same_grid(picture, mask)
        region = volume.read_mask(remote, spacing_from=spacing_from) if remote else None
        if region is not None:
            volume.require_same_grid(region, mask)
        sources += [picture.source, *([region.source] if region else [])]
        with concerning(image):
            array, found = scar_from_image(
                mask.array,
                picture.array,
                mask.affine,
                method=method,
                n=5.0 if sd is None else sd,
                image_kind=image_kind,
                remote=region.array.astype(bool) if region else None,
            )
    with concerning(segmentation):
        measured = quantities.quantify(array, mask.affine, segments=segments, density=density)
    for warning in [*measured.facts["Warnings"], *found.pop("Warnings", [])]:
        log.warning("%s: %s", segmentation, warning)
    facts = {**measured.facts, "Scar": found, "GeometryNotes": list(mask.notes), **anchor}
    table.write(
        output,
        table.columns_of(quantities.COLUMNS),
        measured.rows,
        facts={"Facts": facts},
        sources=sources,
        force=force,
    )
    summary = _summary(measured.rows[-1])
    log.info(
        "%s: LV %.1f mL, %.1f g; scar %.1f mL, %.1f %% of the LV; no-reflow %.1f mL; scar by %s",
        output,
        *summary.values(),
        found["Method"],
    )
    return {"Output": str(output), **summary, "Method": found["Method"], "Facts": facts}


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


def _anchor_of(sidecar: Path) -> dict[str, Any]:
    """Return what the sidecar of a prior says of its source: it travels into every table."""
    from scartools.files import provenance

    said = provenance.read_json(sidecar) if sidecar.is_file() else {}
    known = {
        "Anchor": get_args(Anchor),
        "AnchorSource": ("rv", "landmarks", "given angle", "assumed"),
        "SegmentationSource": get_args(SegmentationSource),
    }  # nothing else is copied: a sidecar from elsewhere may hold any text
    return {key: said[key] if said.get(key) in words else "unstated" for key, words in known.items()}


def _warn_of_another_segmentation(prior: Path, source: Source) -> None:
    """Say so when the provenance of the prior names other contours than those that are measured."""
    from scartools.files import provenance

    note = provenance.provenance_path(prior)
    listed = provenance.read_json(note).get("Sources") if note.is_file() else None
    if isinstance(listed, list) and source.sha256 not in {
        item.get("SHA256") for item in listed if isinstance(item, dict)
    }:
        log.warning("%s: was made from another segmentation than %s", prior, source.path)


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
