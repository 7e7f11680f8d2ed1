"""Label the 17 AHA segments of the left ventricle in a segmentation.

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
imaged it is absent, never empty.

INPUT FILES

LANDMARKS holds anterior_insertion, inferior_insertion or both, on one or more slices.

OUTPUT FILES

OUTPUT.json records the anchor, where it came from, the ring boundaries, the excluded slices and what told
apex from base; see scartools-formats(5). Everything the numbers rest on is there; later commands pass it
on.

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

Apex and base are told apart by the taper of the cavity, slices without cavity, and the RV. Where these
disagree the command stops and asks for --long-axis, which speaks of the order of slices in the file.

EXAMPLES

    scartools aha17 cohort/truth/sim-0001/segmentation.nii.gz -o prior.nii.gz
    scartools aha17 cohort/truth/sim-0001/segmentation.nii.gz --anchor both-insertions --rings count -o prior-insertions.nii.gz

REFERENCES

Cerqueira MD et al. Standardized myocardial segmentation and nomenclature for tomographic imaging of the
heart. Circulation 2002;105:539. doi:10.1161/hc0402.102975
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Any, Literal

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
Rings = Annotated[
    Literal["distance", "count"],
    typer.Option("--rings", help="Basal, mid and apical thirds by distance in mm, or by number of slices."),
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
    anchor: Annotated[Anchor, typer.Option("--anchor", help="What fixes the angle; see NOTES.")] = "auto",
    landmarks: Landmarks = None,
    angle: Angle = None,
    rings: Rings = "distance",
    long_axis: LongAxis = "auto",
    source: ContourSource = "unstated",
    spacing_from: SpacingFrom = "auto",
    force: Force = False,
) -> dict[str, Any]:
    """Read the segmentation, label its segments, write the prior."""
    from scartools.errors import concerning
    from scartools.files import volume
    from scartools.files.landmarks import read_landmarks
    from scartools.heart.segments import label_segments

    anchor = _consistent(anchor, landmarks, angle)
    mask = volume.read_labels(segmentation, scheme=labels, spacing_from=spacing_from)
    points, point_source = read_landmarks(landmarks) if landmarks else (None, None)
    with concerning(segmentation):
        found = label_segments(
            mask.array,
            mask.affine,
            anchor=anchor,
            rings=rings,
            landmarks=points,
            angle=angle,
            long_axis=long_axis,
        )
    for warning in found.facts["Warnings"]:
        log.warning("%s: %s", segmentation, warning)
    facts = {**found.facts, "SegmentationSource": source, "GeometryNotes": list(mask.notes)}
    sources = [mask.source, *([point_source] if point_source else [])]
    volume.write_labels(output, found.map, like=mask, facts=facts, sources=sources, force=force)
    imaged = found.facts["ImagedSegments"]
    log.info(
        "%s: %d of 17 segments; anchor %s, from %s", output, len(imaged), facts["Anchor"], facts["AnchorSource"]
    )
    return {"Output": str(output), **facts}


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
