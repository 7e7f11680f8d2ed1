"""Label the 17 AHA segments of the left ventricle in a segmentation, or the variants of 16 and 18.

Each myocardial voxel (healthy, scar and no-reflow alike) is given its AHA segment from three things
computed in world space, so that no flip, transpose or oblique orientation of the stack can change the
answer: the long axis (the normal of the slices, pointing from apex to base), the ring (equal thirds, in mm,
of the slices with a whole ring of myocardium), and the angle around the LV centre, counted from anterior
towards the septum.

The angle needs an anchor. With an RV pool in the segmentation, --anchor auto takes the middle of the septum
(mid-septum). Without one the command stops, for a guess would swap walls: give --landmarks, --angle, or,
for stacks without orientation, --anchor image-left, which assumes the RV on the left of a radiological
display and is recorded as assumed.

Basal slices whose ring is open (the outflow tract) are not labelled; slices thinner than 8 mm are judged in
slabs of 8 mm. Segment 17 is the myocardium beyond the cavity at the apical end; where the apex was not
imaged it is absent, never empty. A single slice is labelled only if --ring says where it lies.

Every voxel of myocardium in a slice that counts gets a segment, islands too, and no other voxel does. Holes,
islands and stray pieces of RV are left out only where centre, ring and septum are measured; the sidecar lists
them under Repairs. Slices that breathing has shifted do no harm: each has its own centre.

INPUT FILES

LANDMARKS holds anterior_insertion, inferior_insertion or both, on one or more slices.

OUTPUT FILES

OUTPUT.json records the anchor, where it came from and how well the slices agree about it
(AnchorConfidence), the ring boundaries, the coverage of each ring, the excluded slices, the repairs and what
told apex from base; see scartools-formats(5). Later commands pass on what the numbers rest on.

PLOT shows every slice as a radiologist sees it, from the apex with the patient's left on the right, in world
space whatever the order of the array: segments with their numbers, the directions of the patient on the frame
(R L, A P, S I), and the septum's middle as a dashed line. Look at it before using the numbers.

NOTES

Anchors. mid-septum: the middle of the arc where RV and LV touch is the border of segments 2 and 3; sectors
of 60 degrees from there. anterior-insertion: the anterior end of that arc is the border of 1 and 2; sectors
of 60 degrees. both-insertions: the arc is halved into 2 and 3, the free wall quartered into 4, 5, 6 and 1.
landmarks: sectors of 60 degrees from the middle of both insertion points, or from the one that is given;
with --anchor both-insertions or anterior-insertion the points stand in for the RV. image-left: the septum
faces the patient's right as the affine has it; on true oblique stacks of simulated hearts that is 26
degrees off on average (SD 11), which puts two voxels in five into the neighbouring segment.

The frame of --angle: look along the long axis from the apex to the base. 0 degrees is the patient's left,
projected on the slice plane; angles grow counter-clockwise in that view. DEG is the direction from the LV
centre to the middle of the septum. Where left is within 5.7 degrees of the long axis (less than a tenth of
it lies in the slice plane) the command stops.

Rings. distance cuts the slices with a whole ring into equal thirds in mm, count into thirds of their number
(ceil(n/3), ceil(2n/3)); missing slices make these differ, and distance is right. manual takes --borders A,B and
a unit: the basal ring ends A, the mid ring B from the basal edge of the first whole ring, as in 25,50mm or
3,6slices; a slice goes where its centre lies. RingBoundaries of a sidecar are such numbers. --ring puts all
slices into one ring.

Models. --segments 16 leaves the apical cap out; 18 leaves it out too and cuts the apical ring into six, 13 to
18, as the other rings are. quantify and bullseye follow what the prior's sidecar says.

Apex and base are told apart by the taper of the cavity, slices without cavity, and the RV. Where these
disagree the command stops and asks for --long-axis, which speaks of the order of slices in the file. Of 77
public masks two are refused so.

Accuracy. In 16 storage orders of 20 oblique stacks no voxel changes its segment. An anchor off by d degrees
mislabels d/60 of the basal and mid and d/90 of the apical voxels. Of the wall of a published atlas with segments
of its own 83 % are alike, 16 % in a neighbouring segment, and 1 % in slices with an open ring, which are not
labelled here.

EXAMPLES

    scartools aha17 cohort/truth/sim-0001/segmentation.nii.gz -o prior.nii.gz
    scartools aha17 cohort/truth/sim-0001/segmentation.nii.gz --anchor both-insertions --rings count -o prior-insertions.nii.gz

    scartools aha17 cohort/truth/sim-0001/segmentation.nii.gz --segments 18 --borders 3,6slices --plot slices.pdf -o prior-18.nii.gz

REFERENCES

Cerqueira MD et al. Standardized myocardial segmentation and nomenclature for tomographic imaging of the
heart. Circulation 2002;105:539. doi:10.1161/hc0402.102975
Lang RM et al. Recommendations for cardiac chamber quantification by echocardiography in adults. Eur Heart J
Cardiovasc Imaging 2015;16:233. doi:10.1093/ehjci/jev014 (16 and 18 segments)
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from scartools.cli.contracts import Kind, Reads, Writes
from scartools.cli.options import (
    Anchor,
    Force,
    Labels,
    Output,
    SegmentationFile,
    SegmentationSource,
    SpacingFrom,
)

if TYPE_CHECKING:
    from scartools.files.provenance import Source
    from scartools.files.volume import Volume
    from scartools.heart.rings import Borders
    from scartools.heart.segments import Segments

KIND: Kind = "exact"
log = logging.getLogger(__name__)


Landmarks = Annotated[
    Path | None,
    typer.Option("--landmarks", metavar="FILE", help="RV insertion points; see NOTES."),
    Reads("landmarks"),
]
Angle = Annotated[
    float | None,
    typer.Option(
        "--angle",
        metavar="DEG",
        min=-360,
        max=360,
        help="Direction of the middle of the septum, degrees; see NOTES.",
    ),
]
RingRule = Literal["distance", "count", "manual"]
Rings = Annotated[
    RingRule | None,
    typer.Option(
        "--rings",
        help="Basal, mid and apical thirds by distance in mm [distance], by number of slices, or by --borders.",
    ),
]
BorderList = Annotated[
    str | None,
    typer.Option(
        "--borders",
        metavar="A,BUNIT",
        help="Ends of the basal and the mid ring: 25,50mm or 3,6slices; see NOTES.",
    ),
]
OneRing = Annotated[
    Literal["basal", "mid", "apical"] | None,
    typer.Option("--ring", help="All slices belong to this ring; needed for a single slice."),
]
Model = Annotated[
    Literal["16", "17", "18"], typer.Option("--segments", help="How many segments there are; see NOTES.")
]
PlotFile = Annotated[
    Path | None,
    typer.Option("--plot", metavar="PLOT", help="Draw every slice with its segments."),
    Writes("figure"),
]
LongAxis = Annotated[
    Literal["auto", "base-first", "apex-first"],
    typer.Option("--long-axis", help="Which end of the stack comes first in the file; auto asks the anatomy."),
]
ContourSource = Annotated[
    SegmentationSource,
    typer.Option("--source", help="Where the contours came from; recorded and passed on to every table."),
]


def aha17(
    segmentation: SegmentationFile,
    output: Annotated[Output, Writes("prior")],
    labels: Labels = "scartools",
    segments: Model = "17",
    anchor: Annotated[Anchor, typer.Option("--anchor", help="What fixes the angle; see NOTES.")] = "auto",
    landmarks: Landmarks = None,
    angle: Angle = None,
    rings: Rings = None,
    borders: BorderList = None,
    ring: OneRing = None,
    long_axis: LongAxis = "auto",
    source: ContourSource = "unstated",
    plot: PlotFile = None,
    spacing_from: SpacingFrom = "auto",
    force: Force = False,
) -> dict[str, Any]:
    """Read the segmentation, label its segments, write the prior, and the plot where one is wanted."""
    from scartools.errors import concerning
    from scartools.files import volume
    from scartools.files.landmarks import read_landmarks
    from scartools.heart.nomenclature import SEGMENT_MODELS
    from scartools.heart.segments import label_segments

    anchor = _consistent(anchor, landmarks, angle)
    rule, cuts = _ring_rule(rings, borders, ring)
    if plot:
        _require_place(plot, output, force)
    models = {str(number): number for number in SEGMENT_MODELS}
    mask = volume.read_labels(segmentation, scheme=labels, spacing_from=spacing_from)
    points, point_source = read_landmarks(landmarks) if landmarks else (None, None)
    with concerning(segmentation):
        found = label_segments(
            mask.array,
            mask.affine,
            anchor=anchor,
            model=models[segments],
            rings=rule,
            borders=cuts,
            ring=ring,
            landmarks=points,
            angle=angle,
            long_axis=long_axis,
        )
    for warning in found.facts["Warnings"]:
        log.warning("%s: %s", segmentation, warning)
    facts = {**found.facts, "SegmentationSource": source, "GeometryNotes": list(mask.notes)}
    sources = [mask.source, *([point_source] if point_source else [])]
    picture = _drawn(found, mask, plot.suffix) if plot else None
    volume.write_labels(output, found.map, like=mask, facts=facts, sources=sources, force=force)
    if plot and picture:
        _write_plot(plot, picture, facts, sources, force)
    imaged = len(found.facts["ImagedSegments"])
    log.info(
        "%s: %d of %s segments; anchor %s, from %s, confidence %s",
        output,
        imaged,
        segments,
        *(facts[key] for key in ("Anchor", "AnchorSource", "AnchorConfidence")),
    )
    return {"Output": str(output), **({"Plot": str(plot)} if plot else {}), **facts}


def _require_place(plot: Path, output: Path, force: bool) -> None:
    from scartools.errors import UsageError
    from scartools.files import atomic, provenance

    if provenance.sidecar_path(plot) == provenance.sidecar_path(output):
        raise UsageError(f"--plot {plot} and {output} would share one sidecar", remedy="Name them differently")
    atomic.require_place(plot, force=force)


def _drawn(found: Segments, mask: Volume, suffix: str) -> bytes:
    from scartools.cli.resources import scratch_for_matplotlib

    with scratch_for_matplotlib():
        from scartools.figures import figure_bytes
        from scartools.heart.segment_plot import draw_segments

        return figure_bytes(draw_segments(found, mask.array, mask.affine), suffix)


def _write_plot(plot: Path, picture: bytes, facts: dict[str, Any], sources: list[Source], force: bool) -> None:
    from scartools.files import atomic

    def save(path: Path) -> None:
        path.write_bytes(picture)

    shown = ("SegmentModel", "Anchor", "AnchorSource", "AnchorConfidence", "SlicesPerRing", "ExcludedSlices")
    atomic.publish(plot, save, facts={key: facts[key] for key in shown}, sources=sources, force=force)


def _ring_rule(
    rings: RingRule | None, borders: str | None, ring: str | None
) -> tuple[RingRule, Borders | None]:
    """Let --borders choose the rule manual, and refuse what contradicts it."""
    from scartools.errors import UsageError
    from scartools.heart.rings import Borders

    if ring is not None and (rings is not None or borders is not None):
        raise UsageError("--ring leaves nothing to --rings and --borders", remedy="Give one of them")
    if rings == "manual" and borders is None:
        raise UsageError("--rings manual needs --borders", remedy="For instance --borders 25,50mm")
    if borders is None:
        return rings or "distance", None
    if rings not in (None, "manual"):
        raise UsageError(f"--borders has no meaning with --rings {rings}", remedy="Leave one of them out")
    found = re.fullmatch(r"([0-9]{1,4}(?:\.[0-9]{1,3})?),([0-9]{1,4}(?:\.[0-9]{1,3})?) ?(mm|slices)", borders)
    if not found:
        raise UsageError(
            f"--borders {borders!r} is not two numbers and a unit", remedy="For instance 25,50mm or 3,6slices"
        )
    return "manual", Borders(float(found[1]), float(found[2]), "mm" if found[3] == "mm" else "slices")


def _consistent(anchor: Anchor, landmarks: Path | None, angle: float | None) -> Anchor:
    """Let --landmarks and --angle choose the anchor under auto, and refuse what contradicts it."""
    from scartools.errors import UsageError

    if landmarks is not None and angle is not None:
        raise UsageError("--landmarks and --angle both fix the angle", remedy="Give one of them")
    if anchor == "auto":
        return "landmarks" if landmarks is not None else "angle" if angle is not None else "auto"
    if (anchor == "landmarks" and landmarks is None) or (anchor == "angle" and angle is None):
        raise UsageError(f"--anchor {anchor} needs --{anchor}", remedy=f"Add --{anchor}")
    if angle is not None and anchor != "angle":
        raise UsageError(f"--angle has no meaning with --anchor {anchor}", remedy="Leave one of them out")
    if landmarks is not None and anchor in ("angle", "image-left"):
        raise UsageError(f"--landmarks has no meaning with --anchor {anchor}", remedy="Leave one of them out")
    return anchor
