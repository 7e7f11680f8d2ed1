"""Where the circle of segments starts: the direction of the septum, ring by ring.

Every rule ends in the same three numbers a ring: the anterior insertion of the right ventricle, the middle of
the septum and the inferior insertion, as angles in the view from the apex.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from scartools.errors import GeometryError, InputError
from scartools.heart.anchor_confidence import plain_confidence, rv_confidence
from scartools.heart.rings import RING_NAMES
from scartools.heart.rv_contact import Contact, contact_arcs
from scartools.heart.short_axis_view import View, circular_mean, signed
from scartools.heart.slices import Slices
from scartools.heart.stack import Stack

Anchor = Literal[
    "auto", "mid-septum", "anterior-insertion", "both-insertions", "landmarks", "angle", "image-left"
]
AnchorScope = Literal["ring", "ventricle"]
Landmarks = Mapping[str, Sequence[Sequence[float]]]  # name to points, RAS+ mm
INSERTIONS = ("anterior_insertion", "inferior_insertion")
HALF_SEPTUM = 60.0  # degrees from the middle of the septum to an insertion in the standard's equal sectors
WIDEST_SEPTUM = 200.0  # degrees; a wider arc means that the insertions are swapped or the ends confused
LARGEST_TWIST = 30.0  # degrees between a ring and the mid ring; more is noise in the RV contour
REMEDY_NO_RV = (
    "Label the RV (5), or give --anchor landmarks with the insertion points, --anchor angle, or, if the "
    "picture is "
    "known to have the septum on its left, --anchor image-left"
)


@dataclass(frozen=True)
class Septum:
    """The septum as the rings see it; angles in degrees in the view from the apex, by ring.

    anterior, middle, inferior  float64 (3,): basal, mid, apical
    rule                        the anchor that was applied, never "auto"
    facts, warnings             for the sidecar
    """

    anterior: np.ndarray
    middle: np.ndarray
    inferior: np.ndarray
    rule: str
    facts: dict[str, Any]
    warnings: tuple[str, ...] = ()


def find_septum(
    stack: Stack,
    slices: Slices,
    of_slice: np.ndarray,
    view: View,
    *,
    anchor: Anchor,
    scope: AnchorScope,
    landmarks: Landmarks | None,
    angle: float | None,
) -> Septum:
    """Find the septum by the rule the user chose.

    of_slice   int (K,), ring of each slice
    anchor     see scartools.heart.segments.label_segments
    scope      "ring": each ring by its own RV contact; "ventricle": the mid ring speaks for all
    landmarks  names in INSERTIONS to points, RAS+ mm
    angle      degrees in the view from the apex, from patient left
    Raises InputError for options that contradict each other, GeometryError where the anatomy does not answer.
    """
    rule = _resolve(anchor, bool((slices.rv_mm2 > 0).any()), landmarks, angle)
    if scope not in ("ring", "ventricle"):
        raise InputError(f"anchor scope '{scope}' is unknown", remedy="Use ring or ventricle")
    if rule == "angle":
        septum = _fixed(_checked_angle(angle, view), rule, "given angle")
    elif rule == "image-left":
        _checked_angle(0.0, view)
        septum = _fixed(180.0, rule, "assumed")
        note = (
            "the septum is assumed to face the patient's right as the header states it, which on a true oblique "
            "stack is some 26 degrees off: segments are a guess until a landmark confirms them"
        )
        septum = replace(septum, warnings=(note,))
    elif landmarks is not None:
        septum = _from_landmarks(landmarks, rule, stack, slices, of_slice, view)
    else:
        septum = _from_rv(contact_arcs(stack, slices, view), of_slice, rule, scope)
    return _with_facts(septum, view)


def _resolve(anchor: str, has_rv: bool, landmarks: Landmarks | None, angle: float | None) -> str:
    """The rule to apply, after refusing options that contradict each other."""
    known = ("auto", "mid-septum", "anterior-insertion", "both-insertions", "landmarks", "angle", "image-left")
    if anchor not in known:
        raise InputError(f"anchor '{anchor}' is unknown", remedy=f"Use one of {', '.join(known)}")
    if landmarks is not None and angle is not None:
        raise InputError(f"both landmarks and an angle ({angle:g}) are given", remedy="Give one of them")
    if angle is not None and anchor not in ("auto", "angle"):
        raise InputError(
            f"an angle ({angle:g}) is given but the anchor is '{anchor}'", remedy="Use --anchor angle"
        )
    if landmarks is not None and anchor in ("angle", "image-left"):
        raise InputError(f"landmarks are given but the anchor is '{anchor}'", remedy="Use --anchor landmarks")
    if anchor == "angle" and angle is None:
        raise InputError("the anchor is 'angle' but no angle is given", remedy="Give the angle in degrees")
    if anchor == "landmarks" and landmarks is None:
        raise InputError(
            "the anchor is 'landmarks' but no landmarks are given", remedy=f"Give {' or '.join(INSERTIONS)}"
        )
    if anchor == "auto":
        if angle is not None:
            return "angle"
        if landmarks is not None:
            return "landmarks"
    if (
        anchor in ("auto", "mid-septum", "anterior-insertion", "both-insertions")
        and landmarks is None
        and not has_rv
    ):
        raise GeometryError(
            "the septum cannot be found: the segmentation holds no RV (label 5)", remedy=REMEDY_NO_RV
        )
    return "mid-septum" if anchor == "auto" else anchor


def _checked_angle(angle: float | None, view: View) -> float:
    if angle is None or not np.isfinite(angle):
        raise InputError(
            f"the angle is {angle}, where finite degrees are due", remedy="Give the angle in degrees"
        )
    if not view.from_left:
        raise GeometryError(
            "angles start at the patient's left, which here runs along the long axis of the ventricle",
            remedy="Give landmarks, or mend the affine",
        )
    return float(angle) % 360.0


def _fixed(middle: float, rule: str, source: str) -> Septum:
    middles = np.full(3, middle)
    facts = {"AnchorSource": source, **plain_confidence("given" if rule == "angle" else "low", 0)}
    return Septum(middles - HALF_SEPTUM, middles, middles + HALF_SEPTUM, rule, facts)


def _from_landmarks(
    landmarks: Landmarks, rule: str, stack: Stack, slices: Slices, of_slice: np.ndarray, view: View
) -> Septum:
    """The septum from insertion points that the user placed; one direction for all rings."""
    unknown = [name for name in landmarks if name not in INSERTIONS]
    if unknown:
        raise InputError(f"landmark '{unknown[0]}' is unknown", remedy=f"Use {' or '.join(INSERTIONS)}")
    found = {
        name: circular_mean(_landmark_degrees(name, points, stack, slices, of_slice, view))
        for name, points in landmarks.items()
        if len(points) > 0
    }
    needed = {"anterior-insertion": INSERTIONS[:1], "mid-septum": INSERTIONS, "both-insertions": INSERTIONS}
    missing = [name for name in needed.get(rule, ()) if name not in found]
    if missing or not found:
        raise InputError(
            f"the anchor '{rule}' needs the landmark {(missing or INSERTIONS)[0]}", remedy="Give it, in RAS mm"
        )
    facts: dict[str, Any] = {
        "AnchorSource": "landmarks",
        "Landmarks": {name: len(landmarks[name]) for name in INSERTIONS if name in found},
        **plain_confidence("given", max(len(landmarks[name]) for name in found)),
    }
    if len(found) == 2 and rule != "anterior-insertion":
        anterior, arc = found[INSERTIONS[0]], (found[INSERTIONS[1]] - found[INSERTIONS[0]]) % 360.0
        if arc > WIDEST_SEPTUM or arc < 10.0:
            raise GeometryError(
                f"the landmarks span a septum of {arc:.0f} degrees from anterior to inferior",
                remedy=(
                    "Check that they are not swapped, are RAS mm, and that base and apex are right "
                    "(--long-axis)"
                ),
            )
        facts["SeptalArcDegrees"] = round(float(arc), 3)
        if rule == "both-insertions":
            return _spread(anterior, arc, rule, facts)
        return _spread(anterior + arc / 2 - HALF_SEPTUM, 2 * HALF_SEPTUM, rule, facts)
    if INSERTIONS[0] in found:
        return _spread(found[INSERTIONS[0]], 2 * HALF_SEPTUM, rule, facts)
    return _spread(found[INSERTIONS[1]] - 2 * HALF_SEPTUM, 2 * HALF_SEPTUM, rule, facts)


def _spread(anterior: float, arc: float, rule: str, facts: dict[str, Any]) -> Septum:
    start = np.full(3, anterior)
    return Septum(start, start + arc / 2, start + arc, rule, facts)


def _landmark_degrees(
    name: str,
    points: Sequence[Sequence[float]],
    stack: Stack,
    slices: Slices,
    of_slice: np.ndarray,
    view: View,
) -> np.ndarray:
    """Angles of points about the ventricle's centre in the slice nearest to each; (N,) degrees."""
    places = np.asarray(points, dtype=np.float64)
    if places.ndim != 2 or places.shape[1] != 3 or not np.isfinite(places).all():
        raise InputError(f"landmark {name} is not a list of finite (x, y, z) points", remedy="Give RAS mm")
    used = np.flatnonzero(of_slice >= 0)
    origin = stack.affine[:3, 3]
    offsets = []
    for place in places:
        along = float((place - origin) @ stack.normal)
        nearest = used[np.argmin(np.abs(slices.position_mm[used] - along))]
        offset = place - slices.centre[nearest]
        flat = offset - (offset @ stack.normal) * stack.normal
        away = abs(slices.position_mm[nearest] - along)
        if away > 1.5 * stack.step_mm or np.linalg.norm(flat) > 2 * slices.radius_mm[nearest]:
            raise GeometryError(
                f"landmark {name} ({place[0]:g}, {place[1]:g}, {place[2]:g}) lies "
                f"{np.linalg.norm(offset):.0f} mm "
                f"from the centre of the ventricle, whose radius is {slices.radius_mm[nearest]:.0f} mm",
                remedy="Landmarks are RAS mm; from LPS (DICOM, ITK) change the signs of x and y",
            )
        offsets.append(flat)
    return view.degrees(np.stack(offsets))


def _from_rv(contacts: Mapping[int, Contact], of_slice: np.ndarray, rule: str, scope: str) -> Septum:
    """The septum from the contact of both ventricles: means over the slices of a ring."""
    by_ring = [
        [contacts[k] for k in np.flatnonzero(of_slice == ring).tolist() if k in contacts] for ring in range(3)
    ]
    everywhere = [contact for ring in by_ring for contact in ring]
    if not everywhere:
        raise GeometryError(
            "the septum cannot be found: the RV (label 5) touches the left ventricle in no usable slice",
            remedy=REMEDY_NO_RV,
        )
    warnings = []
    if not by_ring[1] and len(np.unique(of_slice[(of_slice >= 0) & (of_slice <= 2)])) > 1:
        warnings.append("the RV touches no slice of the mid ring, so the septum was taken from the other rings")
    common = _mean_contact(by_ring[1] or everywhere)
    rows, sources = [], {}
    for ring, name in enumerate(RING_NAMES):
        own = _mean_contact(by_ring[ring]) if scope == "ring" and by_ring[ring] else None
        if own is not None and abs(float(signed(own.middle - common.middle))) > LARGEST_TWIST:
            warnings.append(
                f"the septum of the {name.lower()} ring lies {float(signed(own.middle - common.middle)):+.0f} "
                "degrees "
                "from that of the mid ring, so the mid ring was used there: check the RV contours"
            )
            own = None
        rows.append(own or common)
        sources[name] = "own" if own is not None else "mid ring"
    spread = max(abs(float(signed(one.middle - common.middle))) for one in by_ring[1] or everywhere)
    facts = {
        "AnchorSource": "rv",
        "AnchorScope": scope,
        "AnchorRing": sources,
        "SeptumSpreadDegrees": round(spread, 3),
        "SeptalArcDegrees": {name: round(row.arc, 3) for name, row in zip(RING_NAMES, rows, strict=True)},
        **rv_confidence(by_ring, [int((of_slice == ring).sum()) for ring in range(3)]),
    }
    anterior = np.array([row.anterior for row in rows])
    arc = np.array([row.arc for row in rows])
    middle = anterior + (HALF_SEPTUM if rule == "anterior-insertion" else arc / 2)
    if rule != "both-insertions":
        anterior, arc = middle - HALF_SEPTUM, np.full(3, 2 * HALF_SEPTUM)
    return Septum(anterior, middle, anterior + arc, rule, facts, tuple(warnings))


def _mean_contact(contacts: Sequence[Contact]) -> Contact:
    anterior = circular_mean(np.array([contact.anterior for contact in contacts]))
    inferior = circular_mean(np.array([contact.anterior + contact.arc for contact in contacts]))
    return Contact(anterior, (inferior - anterior) % 360.0)


def _with_facts(septum: Septum, view: View) -> Septum:
    degrees = {name: round(float(septum.middle[ring] % 360.0), 6) for ring, name in enumerate(RING_NAMES)}
    facts = {
        "Anchor": septum.rule,
        **septum.facts,
        "SeptumAngle": degrees if view.from_left else None,
        "SeptumAngleFrame": "degrees from patient left, counter-clockwise, seen from the apex towards the base",
        "SeptumDirection": [round(float(part), 6) + 0.0 for part in view.direction(float(septum.middle[1]))],
    }
    return replace(septum, facts=facts)
