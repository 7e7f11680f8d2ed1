"""Which slices count, and whether each is basal, mid or apical.

Cerqueira et al., Circulation 2002;105:539: the ventricle is cut into equal thirds perpendicular to its long
axis, and only slices with myocardium in all 360 degrees are used; the apical cap, segment 17, has no cavity.
Slices thinner than the standard had in mind are judged in slabs: see SLAB_MM.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scartools.errors import GeometryError, InputError
from scartools.heart.slices import ROUND_MM, Slices

RingRule = Literal["distance", "count", "manual"]
RingName = Literal["basal", "mid", "apical"]
BorderUnit = Literal["mm", "slices"]
COMPLETE_RING = 0.97  # share of the circle; a break of one voxel still passes
SHORTEST_MM = 50.0  # the complete rings of an adult ventricle span some 60 to 90 mm
OPEN_APEX = 0.5  # of the largest cavity; at the end of a whole stack the cavity is smaller than that
RING_NAMES = ("Basal", "Mid", "Apical")
EXCLUDED, CAP = -1, 3  # beside 0 basal, 1 mid, 2 apical


@dataclass(frozen=True)
class Borders:
    """Where a reader ends the basal and the mid ring, counted from the basal edge of the first complete ring.

    basal, mid  the two borders, mm or numbers of slices; 0 < basal <= mid
    unit        "mm" or "slices"
    """

    basal: float
    mid: float
    unit: BorderUnit


@dataclass(frozen=True)
class Rings:
    """The ring of each slice.

    of_slice  int (K,), 0 basal, 1 mid, 2 apical, 3 apical cap, -1 excluded or empty
    facts     Rings, RingBoundaries (mm from the basal edge), SlicesPerRing, ExcludedSlices, ApexImaged
    warnings  sentences the user should see
    """

    of_slice: np.ndarray
    facts: dict[str, Any]
    warnings: tuple[str, ...]


def assign_rings(
    slices: Slices,
    direction: int,
    step_mm: float,
    first_slice: int,
    rule: RingRule,
    complete_ring: float,
    *,
    borders: Borders | None = None,
    ring: RingName | None = None,
    with_cap: bool = True,
) -> Rings:
    """Sort the slices into basal, mid and apical thirds and the apical cap.

    direction      +1 where the base has the higher index
    step_mm        slice step; half of it is added at both ends of the extent
    first_slice    index of the first slice in the whole array, for the facts
    rule           "distance": equal thirds in mm, a slice goes where its centre lies; "count": ceil(n/3),
                   ceil(2n/3); "manual": the given borders
    complete_ring  share of the circle that the myocardium must cover
    borders        for the rule "manual"
    ring           the one ring that all slices belong to, in place of any rule; the only way for a single slice
    with_cap       False for models without an apical cap: its slices are excluded
    Slices basal of the first complete ring are excluded. Open slices between complete rings are kept with a
    warning; so are open slices beyond the last complete ring while they have a cavity, because nothing but the
    apex is left there and its wall is thin. Beyond them, myocardium without cavity is the apical cap.
    """
    if not 0.0 < complete_ring <= 1.0:
        raise InputError(
            f"the complete ring is {complete_ring:g}, where a share in (0, 1] is due", remedy="Use 0.97"
        )
    order = np.flatnonzero(slices.myocardium)[::-direction]  # base to apex
    ringed, cap, excluded, warnings = _sort_slices(slices, order, complete_ring)
    if not with_cap:
        excluded += [(k, "the apical cap, which this model leaves out") for k in cap]
        cap = []
    depth = -direction * slices.position_mm  # mm, growing towards the apex
    if ring is None:
        warnings += _require_several(ringed)
        rank, edges = _ranks(depth[ringed], step_mm, rule, borders)
    else:
        rank, edges = _one_ring(depth[ringed], step_mm, ring)
    of_slice = np.full(len(slices.myocardium), EXCLUDED)
    of_slice[ringed] = rank
    of_slice[cap] = CAP
    warnings += [
        f"the {name.lower()} ring holds no slice, so its segments are not imaged"
        for k, name in enumerate(RING_NAMES)
        if ring is None and not (rank == k).any()
    ]
    if ring is None and rule != "manual":
        warnings += _truncation(slices, ringed, bool(cap), float(edges[-1]))
    facts = {
        "Rings": rule if ring is None else f"{ring} only",
        "RingBoundaries": [round(float(edge), 3) for edge in edges],
        "SlicesPerRing": {
            name: [int(k) + first_slice for k in order if of_slice[k] == rank]
            for rank, name in enumerate((*RING_NAMES, "Apex"))
        },
        "ExcludedSlices": [{"Slice": int(k) + first_slice, "Reason": reason} for k, reason in excluded],
        "CompleteRing": complete_ring,
        "RingCoverage": [
            {"Slice": int(k) + first_slice, "Covered": round(float(slices.covered[k]), 4)} for k in order
        ],
        "ApexImaged": bool(cap),
    }
    return Rings(of_slice, facts, tuple(warnings))


def _sort_slices(
    slices: Slices, order: np.ndarray, complete_ring: float
) -> tuple[list[int], list[int], list[tuple[int, str]], list[str]]:
    """Slices with myocardium, base to apex, into rings, cap, excluded with reasons, and warnings."""
    covered = np.round(slices.covered, ROUND_MM)
    complete = slices.ventricle & slices.cavity & (covered >= complete_ring)
    hits = [place for place, k in enumerate(order) if complete[k]]
    if not hits:
        best = float(covered.max())
        raise GeometryError(
            f"no slice shows a complete ring of myocardium around a cavity (the best covers {100 * best:.0f} "
            "% of "
            "the circle)",
            remedy="Check the segmentation, or accept less with a lower share of the circle",
        )
    ringed, cap, excluded, warnings = [], [], [], []
    with_cavity = [place for place, k in enumerate(order) if slices.cavity[k] and slices.ventricle[k]]
    for place, k in enumerate(order.tolist()):
        if not slices.ventricle[k]:
            excluded.append((k, "stray voxels only, not connected to the ventricle"))
        elif place < hits[0]:
            excluded.append((k, _why_not(slices, k)))
        elif place > with_cavity[-1]:
            cap.append(k)
        else:
            ringed.append(k)
            if not complete[k]:
                where = "beyond the last complete ring" if place > hits[-1] else "between complete rings"
                warnings.append(f"a slice {where} was kept although it shows {_why_not(slices, k)}")
    return ringed, cap, excluded, warnings


def _require_several(ringed: list[int]) -> list[str]:
    if len(ringed) < 2:
        raise GeometryError(
            "only one slice shows a ring, and one slice alone is neither basal, mid nor apical",
            remedy="Say which ring it shows with --ring basal, mid or apical, or give a stack",
        )
    if len(ringed) == 2:
        return ["only two slices show a ring, so the thirds of the ventricle are a guess"]
    return []


def _ranks(
    depth: np.ndarray, step_mm: float, rule: RingRule, borders: Borders | None
) -> tuple[np.ndarray, np.ndarray]:
    """Ring ranks of slices at these depths, (n,) mm, base to apex, and the four borders in mm."""
    if (rule == "manual") != (borders is not None):
        raise InputError(f"ring rule '{rule}' and borders {borders} do not fit", remedy="Give manual both ways")
    if rule == "distance":
        return _thirds_by_distance(depth, step_mm)
    if rule == "count":
        n = len(depth)
        # Two slices are basal and apical, as they are by distance: the plain rule would leave the apex empty.
        return _cut_by_count(depth, step_mm, *((1, 1) if n == 2 else (-(-n // 3), -(-2 * n // 3))))
    if borders is None:
        raise InputError(f"ring rule '{rule}' is unknown", remedy="Use distance, count or manual")
    return _cut_by_reader(depth, step_mm, borders)


def _cut_by_reader(depth: np.ndarray, step_mm: float, borders: Borders) -> tuple[np.ndarray, np.ndarray]:
    """As _thirds_by_distance, with the borders of a reader."""
    extent = float(depth[-1] - depth[0]) + step_mm
    largest = extent if borders.unit == "mm" else len(depth)
    if not 0 < borders.basal <= borders.mid <= largest:
        raise GeometryError(
            f"the borders {borders.basal:g} and {borders.mid:g} {borders.unit} do not cut the "
            f"{largest:.4g} {borders.unit} of complete rings",
            remedy="They are counted from the basal edge of the first complete ring",
        )
    if borders.unit == "slices":
        if borders.basal % 1 or borders.mid % 1:
            raise InputError(
                f"the borders {borders.basal:g} and {borders.mid:g} are no numbers of slices",
                remedy="Give whole numbers, or mm",
            )
        return _cut_by_count(depth, step_mm, int(borders.basal), int(borders.mid))
    from_edge = np.round(depth - depth[0] + step_mm / 2, ROUND_MM)
    rank = np.searchsorted([borders.basal, borders.mid], from_edge, side="right")
    return rank, np.array([0.0, borders.basal, borders.mid, extent])


def _one_ring(depth: np.ndarray, step_mm: float, ring: RingName) -> tuple[np.ndarray, np.ndarray]:
    """As _thirds_by_distance, with all slices in one ring; the others have no extent."""
    names = [name.lower() for name in RING_NAMES]
    if ring not in names:
        raise InputError(f"the ring '{ring}' is unknown", remedy=f"Use {', '.join(names)}")
    extent = float(depth[-1] - depth[0]) + step_mm
    rank = names.index(ring)
    return np.full(len(depth), rank), np.array([0.0] * (rank + 1) + [extent] * (3 - rank))


def _truncation(slices: Slices, ringed: list[int], cap: bool, extent_mm: float) -> list[str]:
    """Say so where the stack does not reach from base to apex: its thirds are then not those of the ventricle."""
    signs = []
    last = float(slices.pool_mm2[ringed[-1]] / slices.pool_mm2[ringed].max())
    if not cap and last > OPEN_APEX:
        signs.append(f"its cavity still has {100 * last:.0f} % of its largest area in the last slice")
    if extent_mm < SHORTEST_MM:
        signs.append(f"its complete rings span only {extent_mm:.0f} mm")
    if not signs:
        return []
    return [
        f"the stack may not hold the whole ventricle ({'; '.join(signs)}): basal, mid and apical are thirds of what was imaged"
    ]


def _why_not(slices: Slices, k: int) -> str:
    if not slices.cavity[k]:
        return "no cavity"
    return f"an open ring (myocardium covers {100 * slices.covered[k]:.0f} % of the circle)"


def _thirds_by_distance(depth: np.ndarray, step_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Ring ranks and the four borders in mm from the basal edge; depth (n,) mm, base to apex."""
    from_edge = depth - depth[0] + step_mm / 2
    extent = float(from_edge[-1]) + step_mm / 2
    rank = np.floor(np.round(3 * from_edge / extent, ROUND_MM)).astype(int)
    return rank, extent * np.arange(4) / 3


def _cut_by_count(depth: np.ndarray, step_mm: float, first: int, second: int) -> tuple[np.ndarray, np.ndarray]:
    """As _thirds_by_distance, with `first` basal slices and `second` basal and mid ones."""
    n = len(depth)
    rank = np.repeat([0, 1, 2], [first, second - first, n - second])
    from_edge = depth - depth[0] + step_mm / 2
    ends = np.append(from_edge, from_edge[-1] + step_mm)  # a border after the last slice is its apical edge
    middles = [(ends[cut - 1] + ends[cut]) / 2 for cut in (first, second)]
    return rank, np.array([0.0, *middles, from_edge[-1] + step_mm / 2])
