"""The segments of the left ventricle, in world space: 17, or the variants of 16 and 18.

Cerqueira et al., Circulation 2002;105:539, doi:10.1161/hc0402.102975. Where the circle of segments starts:

    mid-septum          the middle of the contact of RV and LV is the border of 2 and 3; sectors of 60 degrees
    anterior-insertion  the anterior end of the contact is the border of 1 and 2; sectors of 60 degrees
    both-insertions     the contact is halved into 2 and 3, the free wall is quartered
    landmarks           as mid-septum, from the middle of two insertion points that the user placed; with one of
                        them, sectors of 60 degrees from there
    angle               as mid-septum, from a given direction of the middle of the septum: degrees from patient
                        left (projected on the slices), counter-clockwise, in the view from the apex to the base
    image-left          the septum faces the patient's right as the header states it: a guess

Apical sectors are 90 degrees wide, 14 centred on the septum; in the model of 18 they are six, cut as the others
are. Angles and positions are rounded to 1e-6 before
they are compared and sectors are half open, [start, end), so one heart gets one answer in any flipped or
transposed array.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scartools.errors import InputError
from scartools.heart.anchors import Anchor, AnchorScope, Landmarks, Septum, find_septum
from scartools.heart.long_axis import LongAxis, apex_to_base
from scartools.heart.nomenclature import (
    IGNORE,
    MYOCARDIUM,
    SEGMENT_MODELS,
    SegmentModel,
    segment_rings,
)
from scartools.heart.rings import CAP, COMPLETE_RING, RING_NAMES, Borders, RingName, RingRule, assign_rings
from scartools.heart.short_axis_view import PATIENT_ANTERIOR, View, view_from_apex
from scartools.heart.slices import ROUND_MM, Slices, measure_slices
from scartools.heart.stack import Stack, read_stack


@dataclass(frozen=True)
class Segments:
    """The segments of one ventricle.

    map    uint8 (X, Y, Z), 0 outside, 1-17
    facts  for the sidecar: plain JSON values under CamelCase keys
    model  how many segments there are in all
    """

    map: np.ndarray
    facts: dict[str, Any]
    model: SegmentModel = 17


def label_segments(
    mask: np.ndarray,
    affine: np.ndarray,
    *,
    anchor: Anchor = "auto",
    model: SegmentModel = 17,
    rings: RingRule = "distance",
    borders: Borders | None = None,
    ring: RingName | None = None,
    landmarks: Landmarks | None = None,
    angle: float | None = None,
    long_axis: LongAxis = "auto",
    anchor_scope: AnchorScope = "ring",
    complete_ring: float = COMPLETE_RING,
) -> Segments:
    """Assign each voxel of myocardium its AHA segment, 1-17.

    mask           integer (X, Y, Z), labels 0-5 and 255; myocardium is 2, 3 and 4 together
    affine         float (4, 4), voxel index to RAS+ mm
    anchor         where the angle starts, see above; "auto": landmarks or angle if given, else mid-septum
    model          17; 16, without the apical cap; 18, without it and with six apical sectors
    rings          "distance": equal thirds in mm; "count": thirds of the number of slices; "manual": `borders`
    borders        where a reader ends the basal and the mid ring
    ring           the one ring that all slices belong to, for single slices
    landmarks      anterior_insertion, inferior_insertion: lists of (x, y, z), RAS+ mm, on any slices
    angle          degrees, middle of the septum: from patient left, counter-clockwise, seen from the apex
    long_axis      "auto", or the order along the slice axis of the array: "base-first", "apex-first"
    anchor_scope   "ring": each ring by its own RV contact, the mid ring where there is none, because the
                   insertions turn along the axis; "ventricle": the mid ring for all
    complete_ring  share of the circle, seen from the centre, that the myocardium of a slice must cover
    Returns the map, 0 in excluded slices too, 17 only where the apical cap is imaged; and the facts.
    Raises InputError or GeometryError where mask, affine or options allow no answer.
    """
    if model not in SEGMENT_MODELS:
        raise InputError(f"there is no model of {model} segments", remedy="Use 16, 17 or 18")
    stack = read_stack(mask, affine)
    slices = measure_slices(stack)
    direction, evidence, contradiction = apex_to_base(slices, long_axis)
    view = view_from_apex(direction * stack.normal)
    place = assign_rings(
        slices,
        direction,
        stack.step_mm,
        stack.first_slice,
        rings,
        complete_ring,
        borders=borders,
        ring=ring,
        with_cap=model == 17,
    )
    septum = find_septum(
        stack, slices, place.of_slice, view, anchor=anchor, scope=anchor_scope, landmarks=landmarks, angle=angle
    )
    found = np.zeros_like(mask, dtype=np.uint8)  # in the order of the file, so that both are read alike
    painted = np.moveaxis(found, stack.slice_axis, 2)[stack.box]  # a view: what is painted is found
    starts = _sector_starts(septum, model)
    _paint(painted, stack, slices, place.of_slice, starts, model, view)
    muscle = (stack.labels >= min(MYOCARDIUM)) & (stack.labels <= max(MYOCARDIUM))
    facts = {
        "SegmentModel": model,
        **septum.facts,
        "SectorStarts": {
            name: [round(float(one % 360.0), 6) for one in starts[rank]] for rank, name in enumerate(RING_NAMES)
        },
        **place.facts,
        **stack.facts,
        **evidence,
        "BaseFirst": direction < 0,
        "ImagedSegments": [int(segment) for segment in np.unique(painted) if segment],
        "UnassignedVoxels": int(muscle.sum() - np.count_nonzero(painted)),
        "Repairs": [{**one, "Slice": one["Slice"] + stack.first_slice} for one in slices.mended.repairs],
        "Warnings": [
            *stack.warnings,
            *contradiction,
            *place.warnings,
            *septum.warnings,
            *_doubts(mask, septum, view),
        ],
    }
    return Segments(found, facts, model)


def _paint(
    painted: np.ndarray,
    stack: Stack,
    slices: Slices,
    of_slice: np.ndarray,
    starts: list[np.ndarray],
    model: SegmentModel,
    view: View,
) -> None:
    """Write the segments of the stack into `painted`, uint8 (I, J, K)."""
    muscle = (stack.labels >= min(MYOCARDIUM)) & (stack.labels <= max(MYOCARDIUM))
    cap = of_slice == CAP
    painted[:, :, cap] = np.where(muscle[:, :, cap], 17, 0)
    for rank, numbers in enumerate(segment_rings(model).values()):
        chosen = np.flatnonzero(of_slice == rank)
        i, j, place = np.nonzero(muscle[:, :, chosen])
        if len(i) == 0:
            continue
        k = chosen[place]
        offsets = stack.world(np.stack([i, j, k], axis=1)) - slices.centre[k]
        turned = np.round(view.degrees(offsets) - starts[rank][0], ROUND_MM) % 360.0
        edges = np.round((starts[rank] - starts[rank][0]) % 360.0, ROUND_MM)
        sector = np.searchsorted(edges, turned, side="right") - 1
        painted[i, j, k] = np.array(_in_order_of_angle(numbers), dtype=np.uint8)[sector]


def _sector_starts(septum: Septum, model: SegmentModel) -> list[np.ndarray]:
    """Where the sectors of each ring start, degrees, counter-clockwise from the septum on."""
    starts = []
    for rank, numbers in enumerate(segment_rings(model).values()):
        middle = septum.middle[rank]
        if len(numbers) == 4:
            starts.append(middle + np.array([-45.0, 45.0, 135.0, 225.0]))  # 14, 15, 16, 13
            continue
        anterior, inferior = septum.anterior[rank], septum.inferior[rank]
        free = (360.0 - (inferior - anterior)) / 4
        starts.append(np.array([anterior, middle, *(inferior + free * np.arange(4))]))  # 2, 3, then 4, 5, 6, 1
    return starts


def _in_order_of_angle(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """The segments of a ring from the first septal one on: 2 3 4 5 6 1, and 14 15 16 13 at the apex."""
    return (*numbers[1:], numbers[0])


def _doubts(mask: np.ndarray, septum: Septum, view: View) -> list[str]:
    """Sentences about what does not look right, though an answer was possible."""
    doubts = []
    anterior = view.direction(float(septum.middle[1]) - 90.0)
    if anterior @ (PATIENT_ANTERIOR + np.array([0.0, 0.0, 1.0])) < 0:
        doubts.append(
            "the anterior wall faces the patient's back or feet as the header states it: orientation, or "
            "base and "
            "apex, may be wrong"
        )
    ignored = int(np.count_nonzero(np.asarray(mask) == IGNORE))
    if ignored:
        doubts.append(f"{ignored} voxels marked to be ignored (255) belong to no segment")
    return doubts
