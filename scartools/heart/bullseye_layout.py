"""Where everything lies on a bullseye: segments, territories, the place of an angle and a level.

Layout of Cerqueira et al., Circulation 2002;105:539, doi:10.1161/hc0402.102975: anterior on top, septum on the
left, segments 1 to 6 counter-clockwise, the apical ring turned so that 13 is on top, 17 in the centre. The disc has
the radius 1; angles are degrees counter-clockwise from the right (lateral): 90 is the top (anterior), 180 the left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scartools.errors import InputError
from scartools.heart.nomenclature import SegmentModel, segment_rings, segment_territories

APEX_RADIUS = 0.23
RADII = {"Basal": (0.75, 1.0), "Mid": (0.49, 0.75), "Apical": (APEX_RADIUS, 0.49)}  # inner, outer
WITHOUT_APEX = {
    "Basal": (0.74, 1.0),
    "Mid": (0.47, 0.74),
    "Apical": (0.0, 0.47),
}  # sectors that meet in the middle
BAND = (1.02, 1.07)  # of the territories, round the disc
ARC_STEP = 5  # degrees

Line = list[tuple[float, float]]


def ring_radii(model: SegmentModel = 17) -> dict[str, tuple[float, float]]:
    """Inner and outer radius of the basal, mid and apical ring."""
    return RADII if model == 17 else WITHOUT_APEX


def segment_wedge(segment: int, model: SegmentModel = 17) -> tuple[float, float, float, float]:
    """Where a segment lies on the disc of radius 1: inner and outer radius, start and end angle.

    Raises InputError for a segment that the model does not have.
    """
    if segment == 17 and model == 17:
        return 0.0, APEX_RADIUS, 0.0, 360.0
    for name, members in segment_rings(model).items():
        if segment in members:
            inner, outer = ring_radii(model)[name]
            width = 360.0 / len(members)
            start = (90.0 - width / 2 + members.index(segment) * width) % 360.0
            return inner, outer, start, start + width
    raise InputError(f"segment {segment} does not exist", remedy=f"Segments are 1-{model}")


def text_place(segment: int, model: SegmentModel = 17) -> tuple[float, float]:
    """Where the number of a segment and its value are centred, x and y."""
    inner, outer, start, end = segment_wedge(segment, model)
    if end - start == 360.0:
        return 0.0, 0.0
    middle = math.radians((start + end) / 2)
    radius = (inner + outer) / (2.0 if inner else 1.5)  # a sector that ends in a tip is wide further out
    return radius * math.cos(middle), radius * math.sin(middle)


def holds(segment: int, model: SegmentModel, box: tuple[float, float, float, float], margin: float) -> bool:
    """Whether a box, (left, lower, right, upper), lies within a segment and a margin away from its rim."""
    inner, outer, start, end = segment_wedge(segment, model)
    left, lower, right, upper = box
    corners = [(x, y) for x in (left, right) for y in (lower, upper)]
    if max(math.hypot(x, y) for x, y in corners) > outer - margin:
        return False
    if end - start == 360.0:
        return True
    # the nearest point of the box to the centre
    near = math.hypot(max(left, 0.0, -right), max(lower, 0.0, -upper))
    if near < inner + margin:
        return False
    for edge, side in ((start, 1.0), (end, -1.0)):
        turn = math.radians(edge)
        along = (math.cos(turn), math.sin(turn))
        if any(side * (along[0] * y - along[1] * x) < margin for x, y in corners):
            return False
    return True


def territory_lines(model: SegmentModel = 17) -> list[Line]:
    """The lines where the territories of two arteries meet."""
    owner = {segment: name for name, members in segment_territories(model).items() for segment in members}
    rings = [*reversed(segment_rings(model).values())]  # apical, mid, basal
    lines = []
    for ring, members in enumerate(rings):
        for segment, following in zip(members, (*members[1:], members[0]), strict=True):
            inner, outer, _, end = segment_wedge(segment, model)
            if owner[segment] != owner[following]:
                lines.append(_polar([(inner, end), (outer, end)]))
        if ring == 0 and model != 17:
            continue  # nothing lies inside the apical ring
        inside = rings[ring - 1] if ring else (17,)
        border = segment_wedge(members[0], model)[0]
        for degree in range(0, 360, ARC_STEP):
            middle = degree + ARC_STEP / 2
            if owner[_at(members, middle, model)] != owner[_at(inside, middle, model)]:
                lines.append(_polar([(border, degree + part) for part in range(ARC_STEP + 1)]))
    return lines


def territory_spans(model: SegmentModel = 17) -> dict[str, tuple[float, float]]:
    """Start and end angle of each territory in the basal ring."""
    spans = {}
    for name, members in segment_territories(model).items():
        wedges = [segment_wedge(segment, model) for segment in members if segment <= 6]
        first, last = wedges[0][2], wedges[-1][3]  # members follow each other counter-clockwise
        spans[name] = (first, first + (last - first) % 360.0)
    return spans


def _at(members: Sequence[int], degree: float, model: SegmentModel) -> int:
    """The segment of a ring at an angle."""
    for segment in members:
        start, end = segment_wedge(segment, model)[2:]
        if (degree - start) % 360.0 < end - start:
            return segment
    return members[0]


def _polar(points: Sequence[tuple[float, float]]) -> Line:
    """(radius, degrees) to (x, y)."""
    turns = [(radius, math.radians(degree)) for radius, degree in points]
    return [(radius * math.cos(turn), radius * math.sin(turn)) for radius, turn in turns]
