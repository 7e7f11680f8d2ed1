"""Scar by angle and level, on the disc of the bullseye: measured from a segmentation, not spread from 17 numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scartools.errors import GeometryError, InputError
from scartools.heart.bullseye_layout import APEX_RADIUS, ring_radii, segment_wedge
from scartools.heart.chords import centreline_chords
from scartools.heart.nomenclature import INFARCT, MYOCARDIUM, SegmentModel, segment_rings
from scartools.heart.short_axis_view import View, circular_mean, signed, view_from_apex
from scartools.heart.slices import Slices, measure_slices
from scartools.heart.stack import Stack, read_stack

Measure = Literal["scar_percent", "transmurality_mean_percent"]
MEASURES: tuple[Measure, ...] = ("scar_percent", "transmurality_mean_percent")
ANGLES, LEVELS = 720, 200  # of the grid
CHORDS = 360  # a slice
SMOOTH_DEGREES = 6.0  # SD of the Gaussian round the circle; some 3 mm of a wall 30 mm from the centre
CAP = 3  # beside 0 basal, 1 mid, 2 apical


@dataclass(frozen=True)
class PolarMap:
    """Scar of the wall at every place of the bullseye.

    values  float64 (LEVELS, ANGLES), percent, NaN where nothing was imaged. Row i is the radius (i + 0.5) / LEVELS of
            the disc, 0 the apex and 1 the base; column j the angle (j + 0.5) * 360 / ANGLES, as in bullseye_layout
    facts   for the sidecar: Measure, SmoothDegrees, SmoothLevels
    """

    values: np.ndarray
    facts: dict[str, Any]

    def at(self, radius: np.ndarray, degrees: np.ndarray) -> np.ndarray:
        """The value of the nearest place of the grid; NaN outside the disc. Arrays of one shape."""
        level = np.floor(np.asarray(radius) * LEVELS).astype(int)
        column = np.floor(np.asarray(degrees) % 360.0 / 360.0 * ANGLES).astype(int) % ANGLES
        inside = (level >= 0) & (level < LEVELS)
        return np.asarray(np.where(inside, self.values[np.clip(level, 0, LEVELS - 1), column], np.nan))


@dataclass(frozen=True)
class _Profile:
    """One slice round the circle: its ring, its radius on the disc, percent by angle of the figure (ANGLES,)."""

    slice_index: int
    rank: int
    radius: float
    percent: np.ndarray


@dataclass(frozen=True)
class _Ring:
    """The voxels or chords of one ring are brought to the angles of the figure by these pairs of borders."""

    seen: np.ndarray  # (B,) degrees in the view from the apex, ascending
    drawn: np.ndarray  # (B,) degrees on the disc, ascending

    def figure(self, degrees: np.ndarray) -> np.ndarray:
        """Angles of the view as angles of the figure: linear from border to border."""
        first = (np.asarray(degrees) - self.seen[0]) % 360.0 + self.seen[0]
        return np.asarray(
            np.interp(
                first, np.append(self.seen, self.seen[0] + 360), np.append(self.drawn, self.drawn[0] + 360)
            )
            % 360.0
        )


def polar_map(
    mask: np.ndarray,
    affine: np.ndarray,
    segments: np.ndarray,
    *,
    measure: Measure = "scar_percent",
    model: SegmentModel = 17,
) -> PolarMap:
    """Measure scar slice by slice round the wall, and lay it on the disc of the bullseye.

    mask      integer (X, Y, Z), labels 0-5 and 255; scar is 3 and 4, myocardium 2, 3 and 4
    affine    float (4, 4), voxel index to RAS+ mm
    segments  uint8 (X, Y, Z), the AHA segments of this myocardium
    measure   "scar_percent": scar as a share of the wall, by voxels about the centre of the slice;
              "transmurality_mean_percent": scar length over wall length of 360 centreline chords a slice
    model     16, 17 or 18
    Which slices are basal, mid, apical or the cap, and where the sectors begin, is read from `segments` alone, so the
    map and the 17 numbers rest on the same prior. Each ring fills its band of the disc, its slices equally high. The
    angle runs linearly from border to border of the sectors. Round the circle the values are smoothed by a Gaussian
    of SMOOTH_DEGREES, or of the angle of a voxel where that is wider; from slice to slice they run linearly, never
    across a slice that is missing. The chords have no answer in the apical cap.
    Raises InputError for segments that fit no wall; GeometryError where their order makes no circle.
    """
    stack = read_stack(mask, affine)
    slices = measure_slices(stack)
    if segments.shape != np.shape(mask):
        raise InputError(
            f"the segments have shape {segments.shape} but the segmentation has {np.shape(mask)}",
            remedy="Make them from this segmentation",
        )
    names = np.moveaxis(segments, stack.slice_axis, 2)[stack.box]
    names = np.where(np.isin(stack.labels, MYOCARDIUM), names, 0)
    if not names.any():
        raise InputError(
            "no segment lies in this myocardium",
            remedy="Make them from this segmentation with: scartools aha17",
        )
    rank = _rank_of_slices(names, model)
    view = view_from_apex(_towards_base(stack, slices, names, rank, model))
    rings = {
        ring: _borders(stack, slices, names, np.flatnonzero(rank == ring), ring, view, model)
        for ring in range(3)
        if (rank == ring).any()
    }
    if measure == "scar_percent":
        round_the_wall = _scar_by_angle(stack, slices, names, rank, rings, view)
    else:
        round_the_wall = _depth_by_angle(mask, affine, segments, stack, rank, rings, view)
    profiles = _on_the_disc(dict(round_the_wall), rank, _base_first(stack, view), model)
    facts = {"Measure": measure, "SmoothDegrees": SMOOTH_DEGREES, "SmoothLevels": "linear between slices"}
    return PolarMap(_filled(profiles, model), facts)


def _rank_of_slices(names: np.ndarray, model: SegmentModel) -> np.ndarray:
    """The ring that most voxels of each slice belong to, int (K,), -1 without any."""
    ring_of = np.full(19, -1)
    for ring, members in enumerate(segment_rings(model).values()):
        ring_of[list(members)] = ring
    if model == 17:
        ring_of[17] = CAP
    rank = np.full(names.shape[2], -1)
    for k in range(names.shape[2]):
        found = ring_of[names[:, :, k][names[:, :, k] > 0]]
        found = found[found >= 0]
        if len(found):
            rank[k] = np.bincount(found).argmax()
    return rank


def _angles(
    stack: Stack, slices: Slices, inside: np.ndarray, k: int, view: View
) -> tuple[np.ndarray, np.ndarray]:
    """Angle in the view, degrees, and distance from the centre, mm, of the voxels of a slice, (N,) each."""
    flat = np.argwhere(inside)
    offsets = stack.world(np.column_stack([flat, np.full(len(flat), k)])) - slices.centre[k]
    return view.degrees(offsets), np.hypot(offsets @ view.zero, offsets @ view.ninety)


def _pooled(
    stack: Stack, slices: Slices, names: np.ndarray, chosen: np.ndarray, view: View
) -> tuple[np.ndarray, np.ndarray]:
    """Angles and segments of all voxels of some slices, (N,) each."""
    degrees = [_angles(stack, slices, names[:, :, k] > 0, k, view)[0] for k in chosen]
    return np.concatenate(degrees), np.concatenate([names[:, :, k][names[:, :, k] > 0] for k in chosen])


def _towards_base(
    stack: Stack, slices: Slices, names: np.ndarray, rank: np.ndarray, model: SegmentModel
) -> np.ndarray:
    """The normal of the slices that points to the base: from there on, segments run counter-clockwise.

    It is told by the order of the segments in their ring, and by the order of the rings where there are several.
    """
    view = view_from_apex(stack.normal)
    turn = 0.0
    for ring, members in enumerate(segment_rings(model).values()):
        chosen = np.flatnonzero(rank == ring)
        if not len(chosen):
            continue
        degrees, segment = _pooled(stack, slices, names, chosen, view)
        middles = {one: circular_mean(degrees[segment == one]) for one in members if (segment == one).any()}
        for one, following in zip(members, (*members[1:], members[0]), strict=True):
            if one in middles and following in middles:
                turn += float(signed(middles[following] - middles[one]))
    with_ring = np.flatnonzero(rank >= 0)
    order = float(np.polyfit(with_ring, rank[with_ring], 1)[0]) if len(set(rank[with_ring])) > 1 else 0.0
    sense = np.sign(turn) if abs(turn) > 1.0 else -np.sign(order)
    if sense == 0:
        raise GeometryError(
            "the segments are too few to tell which way round they go", remedy="Make them with: scartools aha17"
        )
    if sense * order > 0:
        raise GeometryError(
            "the segments run clockwise seen from the apex, so they or the order of their rings are mirrored",
            remedy="Make them from this segmentation with: scartools aha17",
        )
    return np.asarray(sense * stack.normal)


def _base_first(stack: Stack, view: View) -> bool:
    """Whether the first slice of the stack is the most basal one."""
    return bool(np.cross(view.zero, view.ninety) @ stack.normal > 0)


def _borders(
    stack: Stack,
    slices: Slices,
    names: np.ndarray,
    chosen: np.ndarray,
    ring: int,
    view: View,
    model: SegmentModel,
) -> _Ring:
    """Where the sectors of a ring begin in the image, beside where they begin in the figure."""
    degrees, segment = _pooled(stack, slices, names, chosen, view)
    members = [*segment_rings(model).values()][ring]
    pairs = []
    for one, following in zip(members, (*members[1:], members[0]), strict=True):
        before, after = degrees[segment == one], degrees[segment == following]
        if len(before) and len(after):
            pairs.append((_border(before, after), segment_wedge(one, model)[3] % 360.0))
    if not pairs:  # sectors that do not touch: each by its middle
        for one in members:
            if (segment == one).any():
                start, end = segment_wedge(one, model)[2:]
                pairs.append((circular_mean(degrees[segment == one]), (start + end) / 2 % 360.0))
    pairs.sort()
    seen, drawn = np.array(pairs).T
    drawn = drawn[0] + (drawn - drawn[0]) % 360.0
    if (np.diff(drawn) <= 0).any():
        raise GeometryError(
            "the segments of a ring do not follow each other round the circle",
            remedy="Make them from this segmentation with: scartools aha17",
        )
    return _Ring(seen, drawn)


def _border(before: np.ndarray, after: np.ndarray) -> float:
    """The angle that divides two neighbouring sectors with the fewest voxels on the wrong side."""
    middle = circular_mean(np.array([circular_mean(before), circular_mean(after)]))
    first, second = np.sort(signed(before - middle)), np.sort(signed(after - middle))
    edges = np.sort(np.concatenate([first, second]))
    cuts = (edges[1:] + edges[:-1]) / 2
    wrong = len(first) - np.searchsorted(first, cuts) + np.searchsorted(second, cuts)
    best = np.flatnonzero(wrong == wrong.min())
    return float((middle + cuts[best].mean()) % 360.0)


def _scar_by_angle(
    stack: Stack, slices: Slices, names: np.ndarray, rank: np.ndarray, rings: dict[int, _Ring], view: View
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each slice with the share of its wall that is scar, percent by angle of the figure, (ANGLES,)."""
    reach = 0.5 * float(np.linalg.norm(np.abs(stack.affine[:3, :2]), axis=1).max()) * np.sqrt(2.0)
    for k in np.flatnonzero(rank >= 0).tolist():
        inside = names[:, :, k] > 0
        degrees, distance = _angles(stack, slices, inside, k, view)
        scar = np.isin(stack.labels[:, :, k][inside], INFARCT).astype(float)
        ring = rings.get(min(rank[k], 2))
        if ring is None:  # an apical cap without an apical ring has no angle
            yield k, np.full(ANGLES, 100.0 * scar.mean())
            continue
        half = np.degrees(np.arcsin(np.minimum(1.0, reach / np.maximum(distance, reach))))
        yield k, _smoothed(ring.figure(degrees), 100.0 * scar, half)


def _depth_by_angle(
    mask: np.ndarray,
    affine: np.ndarray,
    segments: np.ndarray,
    stack: Stack,
    rank: np.ndarray,
    rings: dict[int, _Ring],
    view: View,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each slice with its transmurality, percent by angle of the figure, (ANGLES,); NaN in the cap."""
    cuts = centreline_chords(mask, affine, segments=segments, chords=CHORDS)
    degrees = view.degrees(cuts.direction)
    for k in np.flatnonzero(rank >= 0).tolist():
        here = (cuts.slice_index == k + stack.first_slice) & (cuts.segment > 0)
        if rank[k] == CAP or not here.any():
            yield k, np.full(ANGLES, np.nan)
            continue
        half = np.full(int(here.sum()), 360.0 / CHORDS)
        yield k, _smoothed(rings[int(rank[k])].figure(degrees[here]), cuts.percent[here], half)


def _smoothed(degrees: np.ndarray, percent: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Mean of values (N,) at angles (N,) about each angle of the figure, (ANGLES,).

    half  degrees that each value covers to either side; NaN where none does
    """
    column = np.floor(degrees / 360.0 * ANGLES).astype(int) % ANGLES
    turn = np.arange(ANGLES) * 360.0 / ANGLES
    away = np.minimum(turn, 360.0 - turn)
    spread = max(SMOOTH_DEGREES, float(np.median(half)))
    kernel = np.fft.rfft(np.exp(-0.5 * (away / spread) ** 2))

    def blurred(weights: np.ndarray) -> np.ndarray:
        total = np.bincount(column, weights=weights, minlength=ANGLES)
        return np.asarray(np.fft.irfft(np.fft.rfft(total) * kernel, ANGLES))

    weight, value = blurred(np.ones(len(percent))), blurred(percent)
    centres = turn + 180.0 / ANGLES
    covered = np.zeros(ANGLES, dtype=bool)
    for start in range(0, len(degrees), 256):  # in blocks, for memory
        part = slice(start, start + 256)
        near = np.abs(signed(centres[np.newaxis] - degrees[part, np.newaxis])) <= half[part, np.newaxis]
        covered |= near.any(axis=0)
    covered &= weight > 1e-6
    return np.where(covered, np.clip(value / np.where(covered, weight, 1.0), 0.0, 100.0), np.nan)


def _on_the_disc(
    percent: dict[int, np.ndarray], rank: np.ndarray, base_first: bool, model: SegmentModel
) -> list[_Profile]:
    """The slices of each ring, base to apex, equally high in the band of their ring."""
    bands = dict(enumerate(ring_radii(model).values()))
    if model == 17:
        bands[CAP] = (0.0, APEX_RADIUS)
    profiles = []
    for ring, (inner, outer) in bands.items():
        members = np.flatnonzero(rank == ring)
        if not len(members):
            continue
        run = range(int(members[0]), int(members[-1]) + 1)  # a slice without segments leaves its place empty
        for place, k in enumerate(run if base_first else reversed(run)):
            radius = outer - (place + 0.5) / len(run) * (outer - inner)
            profiles.append(_Profile(k, ring, radius, percent.get(k, np.full(ANGLES, np.nan))))
    return profiles


def _filled(profiles: list[_Profile], model: SegmentModel) -> np.ndarray:
    """The map, (LEVELS, ANGLES): linear between the centres of neighbouring slices, NaN beyond what was imaged."""
    bands = [*ring_radii(model).values(), (0.0, APEX_RADIUS)]
    values = np.full((LEVELS, ANGLES), np.nan)
    for level, radius in enumerate((np.arange(LEVELS) + 0.5) / LEVELS):
        own = [one for one in profiles if bands[one.rank][0] <= radius < bands[one.rank][1]]
        if not own:
            continue
        here = min(own, key=lambda one: abs(one.radius - radius))
        beyond = [
            one
            for one in profiles
            if abs(one.slice_index - here.slice_index) == 1
            and (one.radius - here.radius) * (radius - here.radius) > 0
        ]
        row = here.percent
        if beyond:
            other = beyond[0]
            share = (radius - here.radius) / (other.radius - here.radius)
            mixed = (1 - share) * here.percent + share * other.percent
            row = np.where(np.isfinite(mixed), mixed, row)
        values[level] = row
    return values
