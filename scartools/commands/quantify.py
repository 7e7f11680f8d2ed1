"""Measure scar: millilitres, grams, percent and transmurality, by AHA segment, territory and ventricle.

Volumes count voxels of the segmentation; the size of a voxel is the determinant of its affine, so that gaps
between slices count as the slice step. Scar is scar and no-reflow together (labels 3 and 4); no-reflow is
given by itself beside it. Percent is of the myocardium in the same segmentation, not of a cine. Every slice
with myocardium counts for the ventricle; segments and the row unassigned (open basal rings) add up to it
exactly. A segment without a voxel was not imaged: n/a, never 0.

With --prior (the output of scartools-aha17(1)) there are rows for the 17 segments and three territories;
without it, one row for the ventricle. Territories are those the AHA standard assigns, not a culprit artery.

With --method the scar is found in the image: n standard deviations above remote myocardium (sd), half of
the maximum (fwhm), Otsu's split of the wall (otsu), or a mixture of two tissues with voxels weighted by partial
volume (ewa). The scar label is then not looked at, but by --fwhm scar and grown; no-reflow that
is labelled (4) is kept and counted as scar, because a dark core is below every threshold. Method and reader
together move the mean infarct size of the same patients from 17 to 27 % of the LV (Klem): the method, its
threshold and its remote region are recorded and must be stated with the number.

OUTPUT FILES

Columns of OUTPUT:

@columns scartools.heart.quantities:COLUMNS

OUTPUT.json has their definitions, and Facts: density, voxel size, method, threshold, remote region, the
anchor of the prior and the source of the contours.

NOTES

Transmurality is measured along 100 chords a slice, perpendicular to the centreline of the wall and within the
slice, in millimetres: scar length over wall length from endocardium to epicardium. A single chord is as coarse as
its voxels, so the mean is the number to use and the maximum is biased upwards. A chord belongs to the region that
its mid-wall point lies in. The apex beyond the cavity has no chords.

--fwhm names the half maximum: of the brightest voxel of the wall (wall), of the labelled scar (scar), either of
these and joined to the brightest voxel (grown), or halfway from the darkest to the brightest voxel of the wall
(min). In a PSIR image the first three count from the mean of remote myocardium.

--grey-zone names the limits: from 2 to 3 SD above remote (2-3-sd, Yan), 35 to 50 % of the maximum (35-50, Roes), 40
to 60 % (40-60, ADAS 3D), from the maximum of remote to 50 % (remote-50, Schmidt); core lies above. Both look at
the whole wall, so they are not parts of scar_ml, and noise counts as grey zone: 2 % of healthy wall with 2-3-sd.

ewa follows the idea of Engblom et al.; its numbers are not those of Segment. Scar below half of a voxel's
signal counts in scar_weighted_ml alone; a wall without two tissues has no scar.

The remote region is, unless --remote or --remote-segment give one, a dark 60-degree sector of each slice (of
those with a mean within one SD of the darkest, the middle one), away from the borders of the wall and from
labelled no-reflow; slices without dark myocardium give none. Preferring the dark, its mean and SD lie some
10 to 20 % below those of all healthy myocardium. OUTPUT.json lists the sectors. Scar that leaves no sector
free needs --remote.

Accuracy, on hearts with a known answer. Volumes: within 0.3 % in the mean over grids; a single grid within 3 % for
the wall and 5 % for a scar 5 mm thin, in slices of 6 to 10 mm. Depth: within 2 points up to 25 degrees between the
slices and the short axis, 2.5 points at 30, where oblique slices do show more. Weighted scar: within 1.5 % where
a fifth of its voxels are scar in part, 4.5 % where a third are; without weights 4 to 10 and 11 to 22 %.

EXAMPLES

    scartools aha17 cohort/truth/sim-0001/segmentation.nii.gz -o prior.nii.gz
    scartools quantify cohort/truth/sim-0001/segmentation.nii.gz --prior prior.nii.gz -o segments.tsv
    scartools quantify cohort/truth/sim-0001/segmentation.nii.gz -o - | cut -f 2,5,7,8
    scartools quantify cohort/truth/sim-0001/segmentation.nii.gz --image cohort/lge/sim-0001.nii.gz --method ewa -o ewa.tsv
    scartools quantify cohort/truth/sim-0001/segmentation.nii.gz --image cohort/lge/sim-0001.nii.gz --method sd --sd 5 -o sd5.tsv

REFERENCES

Cerqueira MD et al. Circulation 2002;105:539. doi:10.1161/hc0402.102975
Klem I et al. Sources of variability in quantification of cardiovascular magnetic resonance infarct size. J
Cardiovasc Magn Reson 2017;19:62. doi:10.1186/s12968-017-0378-y
Amado LC et al. Accurate and objective infarct sizing by contrast-enhanced magnetic resonance imaging in a canine
myocardial infarction model. J Am Coll Cardiol 2004;44:2383 (half of the maximum, grown)
Flett AS et al. Evaluation of techniques for the quantification of myocardial scar of differing etiology using
cardiac magnetic resonance. JACC Cardiovasc Imaging 2011;4:150. doi:10.1016/j.jcmg.2010.11.015 (scar)
Yan AT et al. Characterization of the peri-infarct zone by contrast-enhanced cardiac magnetic resonance imaging is
a powerful predictor of post-myocardial infarction mortality. Circulation 2006;114:32.
doi:10.1161/CIRCULATIONAHA.106.613414 (2-3-sd)
Roes SD et al. Infarct tissue heterogeneity assessed with contrast-enhanced MRI predicts spontaneous ventricular
arrhythmia. Circ Cardiovasc Imaging 2009;2:183. PMID 19808591 (35-50)
Schmidt A et al. Infarct tissue heterogeneity by magnetic resonance imaging identifies enhanced cardiac arrhythmia
susceptibility in patients with left ventricular dysfunction. Circulation 2007;115:2006 (remote-50)
Heiberg E et al. Automated quantification of myocardial infarction from MR images by accounting for partial volume
effects. Radiology 2008;246:581. doi:10.1148/radiol.2461062164 (weights)
Engblom H et al. A new automatic algorithm for quantification of myocardial infarction. J Cardiovasc Magn Reson
2016;18:27. doi:10.1186/s12968-016-0242-5 (ewa)
Androulakis AFA et al. Entropy as a novel measure of myocardial tissue heterogeneity for prediction of ventricular
arrhythmias and mortality in post-infarct patients. JACC Clin Electrophysiol 2019;5:480
Ibanez B et al. Cardiac MRI endpoints in myocardial infarction experimental and clinical trials. J Am Coll
Cardiol 2019;74:238. doi:10.1016/j.jacc.2019.05.024
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from scartools.cli.contracts import Kind, Reads, Writes
from scartools.cli.options import (
    Force,
    FractionsOnly,
    Labels,
    Output,
    SegmentationFile,
    SpacingChoice,
    SpacingFrom,
)

if TYPE_CHECKING:
    import numpy as np

    from scartools.files.provenance import Source
    from scartools.files.volume import Volume
    from scartools.heart.quantities import FromImage
    from scartools.heart.scar_from_image import ScarRule

KIND: Kind = "exact"
log = logging.getLogger(__name__)

Method = Literal["labels", "sd", "fwhm", "otsu", "ewa"]


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
    typer.Option(
        "--image",
        metavar="FILE",
        help="LGE image; needed by every --method but labels, and for entropy and grey zone.",
    ),
    Reads("image"),
]
ImageKind = Annotated[
    Literal["magnitude", "psir"] | None,
    typer.Option(
        "--image-kind",
        help="What the image is; required where it changes the answer: fwhm, grey zones of a maximum.",
    ),
]
StandardDeviations = Annotated[
    float | None,
    typer.Option("--sd", metavar="N", min=0.5, max=20, help="Standard deviations above remote, for sd [5]."),
]
FwhmChoice = Annotated[
    Literal["wall", "scar", "grown", "min"] | None,
    typer.Option("--fwhm", help="Which half maximum, see NOTES [wall]."),
]
GreyZoneChoice = Annotated[
    Literal["2-3-sd", "35-50", "40-60", "remote-50"] | None,
    typer.Option(
        "--grey-zone", help="Limits of core and grey zone, see NOTES [2-3-sd for sd, 35-50 for fwhm]."
    ),
]
RemoteSegments = Annotated[
    list[int] | None,
    typer.Option(
        "--remote-segment",
        metavar="N",
        min=1,
        max=18,
        help="A segment of --prior that is remote; again for more.",
    ),
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
    fwhm: FwhmChoice = None,
    grey_zone: GreyZoneChoice = None,
    remote: RemoteFile = None,
    remote_segment: RemoteSegments = None,
    fractions_only: FractionsOnly = False,
    density: Density = 1.05,
    spacing_from: SpacingFrom = "auto",
    force: Force = False,
) -> dict[str, Any]:
    """Read the volumes, find the scar, measure it, write the table."""
    from scartools.errors import concerning
    from scartools.files import table, volume
    from scartools.files.prior import read_rests_on, segment_model
    from scartools.heart import quantities
    from scartools.heart.scar_from_image import ScarRule

    variant = fwhm or "wall"
    rule = ScarRule(method, 5.0 if sd is None else sd, variant, image_kind, grey_zone)
    _require_consistent(rule, image, remote, remote_segment, prior, sd, fwhm)
    mask = volume.read_labels(segmentation, scheme=labels, spacing_from=spacing_from)
    regions = _read_prior(prior, mask, spacing_from) if prior else None
    array, seen, found = mask.array, None, {"Method": "labels"}
    more: list[Source] = []
    if image is not None:
        given = (remote, regions.array if regions and remote_segment else None, remote_segment)
        array, seen, found, more = _scar_in(image, mask, rule, given, spacing_from)
    with concerning(segmentation):
        measured = quantities.quantify(
            array,
            mask.affine,
            segments=regions.array if regions else None,
            density=density,
            model=segment_model(prior, regions.array) if prior and regions else 17,
            seen=seen,
        )
    rows = quantities.fractions_only(measured.rows) if fractions_only else measured.rows
    for warning in [*measured.facts["Warnings"], *found.pop("Warnings", [])]:
        if not (fractions_only and "no human left ventricle" in warning):
            log.warning("%s: %s", segmentation, warning)
    facts = {**measured.facts, "Scar": found, "GeometryNotes": list(mask.notes)}
    facts |= read_rests_on(prior) if prior else {}
    sources = [mask.source, *([regions.source] if regions else []), *more]
    columns = table.columns_of(quantities.COLUMNS)
    table.write(output, columns, rows, facts={"Facts": facts}, sources=sources, force=force)
    summary = _summary(rows[-1])
    text = "%s: LV %s mL, %s g; scar %s mL, %s %% of the LV; no-reflow %s mL; scar by %s"
    shown = ["n/a" if value is None else f"{value:.1f}" for value in summary.values()]
    log.info(text, output, *shown, found["Method"])
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
    rule: ScarRule,
    given: tuple[Path | None, np.ndarray | None, list[int] | None],
    spacing_from: SpacingChoice,
) -> tuple[np.ndarray, FromImage, dict[str, Any], list[Source]]:
    """Return the labels with the scar that the image shows, what else it shows, facts, and what was read."""
    from scartools.errors import concerning
    from scartools.files import volume
    from scartools.heart.remote import remote_of_segments
    from scartools.heart.scar_from_image import scar_from_image

    remote, segments, numbers = given
    picture = volume.read_image(image, spacing_from=spacing_from)
    region = volume.read_mask(remote, spacing_from=spacing_from) if remote else None
    for other in [picture, *([region] if region else [])]:
        volume.require_same_grid(other, mask)
    with concerning(image):
        distant = region.array.astype(bool) if region else None
        if segments is not None and numbers:
            distant = remote_of_segments(mask.array, mask.affine, segments, numbers)
        array, seen, facts = scar_from_image(mask.array, picture.array, mask.affine, rule, remote=distant)
    if numbers:
        facts["RemoteRule"] = "segments of the prior without the borders of the wall"
        facts["RemoteSegments"] = sorted(set(numbers))
    elif region:
        facts["RemoteRule"] = "given mask"
    return array, seen, facts, [picture.source, *([region.source] if region else [])]


def _require_consistent(
    rule: ScarRule,
    image: Path | None,
    remote: Path | None,
    segments: list[int] | None,
    prior: Path | None,
    sd: float | None,
    fwhm: str | None,
) -> None:
    from scartools.errors import UsageError
    from scartools.heart.grey_zone import needs_image_kind

    method, grey = rule.method, rule.grey_rule
    if image is None and (method != "labels" or rule.grey):
        wanted = f"--method {method}" if method != "labels" else "--grey-zone"
        raise UsageError(f"{wanted} needs --image", remedy="Name the LGE image")
    if method != "sd" and sd is not None:
        raise UsageError(f"--sd has no meaning with --method {method}", remedy="Add --method sd")
    if method != "fwhm" and fwhm is not None:
        raise UsageError(f"--fwhm has no meaning with --method {method}", remedy="Add --method fwhm")
    half = method == "fwhm" and rule.variant != "min"
    if rule.image_kind is None and (half or (grey and needs_image_kind(grey))):
        raise UsageError(
            f"{'--method fwhm' if half else f'--grey-zone {grey}'} needs --image-kind",
            remedy="Half of the maximum means another thing in a PSIR image",
        )
    if rule.image_kind is not None and not (method == "fwhm" or (grey and needs_image_kind(grey))):
        raise UsageError(f"--image-kind has no meaning with --method {method}", remedy="Leave it out")
    if remote is not None and segments:
        raise UsageError("--remote and --remote-segment exclude each other", remedy="Give one of them")
    if (remote is not None or segments) and not rule.needs_remote:
        name = "--remote" if remote else "--remote-segment"
        raise UsageError(f"{name} has no meaning with --method {method}", remedy="Leave it out")
    if segments and prior is None:
        raise UsageError("--remote-segment needs --prior", remedy="Make it with: scartools aha17")


def _summary(ventricle: dict[str, Any]) -> dict[str, Any]:
    """Return the whole ventricle in a few numbers, rounded for reading."""
    names = {
        "LVMyocardiumMl": "myocardium_ml",
        "LVMassG": "mass_g",
        "ScarMl": "scar_ml",
        "ScarPercentOfLV": "scar_percent",
        "NoReflowMl": "no_reflow_ml",
    }
    values = {name: ventricle[column] for name, column in names.items()}
    return {name: None if value != value else round(value, 2) for name, value in values.items()}
