"""How a heart is activated: voxels of both ventricles, early sites, and the time each voxel fires.

The ventricles of a subject are cut into voxels of a few millimetres. Activation starts at the places where the
His-Purkinje system ends (Durrer et al., Circulation 1970;41:899), runs fast along the endocardium and slower
through the wall, and takes the shortest way: an eikonal model solved by Dijkstra's method on the graph of
neighbouring voxels (Wallman et al., IEEE Trans Biomed Eng 2012;59:1739). Scar is silent but for its survivors; a
voxel with some scar in it conducts slowly. Heart frame of `anatomy`, millimetres and milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from scartools.simulation import anatomy
from scartools.simulation.anatomy import HeartShape
from scartools.simulation.scar import DepthField, scar_class

SUBSAMPLES = 2  # a side: a voxel is judged by 8 points
CONDUCTING = 0.4  # a voxel with this share of viable muscle conducts
MOST_SURVIVORS = 0.9  # of the muscle of a scar, anywhere
RV_LEAST_WALL_MM = 3.6  # a thinner wall would have holes on a grid of 3 mm
_WAVES = 16  # enough for values that are all but normal
STEPS: tuple[tuple[int, int, int], ...] = tuple(
    (i, j, k) for i, j, k in product((-1, 0, 1), repeat=3) if (i, j, k) > (0, 0, 0)
)  # 13 of 26 neighbours


@dataclass(frozen=True)
class VoxelHeart:
    """The muscle of both ventricles as N voxels on a regular grid of the heart frame.

    points     float64 (N, 3), s, a and b of the centres, mm
    viable     float64 (N,), share of the voxel that is living muscle, 0 to 1
    scarred    float64 (N,), share of the muscle that is scar, 0 to 1
    depth      float64 (N,), 0 endocardium to 1 epicardium of the LV; 0.5 in the RV free wall
    outward    float64 (N, 3), unit vectors through the LV wall, from the endocardium to the epicardium
    septal     float64 (N,), 1 in the septum, 0 in the free walls, smooth between
    level      float64 (N,), b over the cavity length: 0 at the end of the cavity, 1 at the base plane
    fast       bool (N,), within reach of the Purkinje network
    right      bool (N,), RV free wall
    index      int64 (N, 3), place on the grid
    spacing_mm edge of a voxel
    """

    points: np.ndarray
    viable: np.ndarray
    scarred: np.ndarray
    depth: np.ndarray
    outward: np.ndarray
    septal: np.ndarray
    level: np.ndarray
    fast: np.ndarray
    right: np.ndarray
    index: np.ndarray
    spacing_mm: float

    @cached_property
    def pairs(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Pairs of neighbours along each of STEPS, as `neighbours` gives them."""
        return neighbours(self, STEPS)

    @cached_property
    def border(self) -> np.ndarray:
        """float64 (N,), how much of a voxel is the border zone of a scar: its own scar, or half of its neighbours'."""
        worst = self.scarred.copy()
        for first, second in self.faces:
            np.maximum.at(worst, first, 0.5 * self.scarred[second])
            np.maximum.at(worst, second, 0.5 * self.scarred[first])
        return worst

    @property
    def faces(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Pairs of voxels that share a face."""
        return [self.pairs[place] for place, step in enumerate(STEPS) if sum(map(abs, step)) == 1]

    @property
    def muscle(self) -> np.ndarray:
        """float64 (N,), share of a voxel that is muscle, living or scarred."""
        living = self.viable / np.maximum(1.0 - self.scarred, 1e-9)
        return np.where(self.scarred > 1.0 - 1e-6, 1.0, living)

    @property
    def scar_percent(self) -> float:
        """Scar over the muscle of the LV, %; 0 for a heart without an LV."""
        muscle = np.where(self.right, 0.0, self.muscle)
        return float(100.0 * (muscle * self.scarred).sum() / max(float(muscle.sum()), 1e-9))

    @property
    def conducts(self) -> np.ndarray:
        """bool (N,), voxels that can fire."""
        return self.viable >= CONDUCTING


@dataclass(frozen=True)
class Site:
    """A place where the Purkinje network wakes the muscle.

    aha_deg, level  AHA angle and fraction of the cavity length; `wall` says on which endocardium
    delay_ms        after the first site
    """

    name: str
    wall: str  # left, right-septum or right-free
    aha_deg: float
    level: float
    delay_ms: float


# After Durrer 1970: left mid septum, high anterior and low posterior paraseptal wall, then the right ventricle.
# The left septum leads by some ms: its wave to the right is the r of V1 and the q of V6.
SITES = (
    Site("left septum", "left", 81.4, 0.76, 0.0),
    Site("anterior papillary region", "left", 342.0, 0.48, 6.5),
    Site("posterior papillary region", "left", 197.0, 0.54, 9.8),
    Site("right septum", "right-septum", 95.0, 0.51, 17.0),
    Site("right anterior papillary region", "right-free", 75.0, 0.53, 19.5),
)


@dataclass(frozen=True)
class Unevenness:
    """A smooth random field over a heart: waves in random directions, about `length_mm` long from hill to hill.

    sd    of the field, in the unit of what is uneven; 0: none
    seed  draws the waves
    """

    sd: float = 0.0
    length_mm: float = 60.0
    seed: int = 0

    def at(self, points: np.ndarray) -> np.ndarray:
        """Return the field at points (N, 3), mm: float64 (N,)."""
        if self.sd == 0:
            return np.zeros(len(points))
        rng = np.random.default_rng(self.seed)
        waves = rng.normal(0.0, 2.0 * np.pi / self.length_mm / np.sqrt(3.0), (_WAVES, 3))
        phases = rng.uniform(0.0, 2.0 * np.pi, _WAVES)
        angles = np.einsum("nx,wx->nw", points, waves) + phases
        return np.asarray(self.sd * np.sqrt(2.0 / _WAVES) * np.cos(angles).sum(axis=1))


@dataclass(frozen=True)
class Conduction:
    """Speeds in mm/ms (equal to m/s) and early sites."""

    along: float = 0.6  # along the wall
    across: float = 0.22  # through the wall, across the fibres
    endocardium: float = 1.6
    right_wall: float = 0.85
    border: float = 0.5  # factor on the speed of a voxel that is all but scar; 1 for none
    reach_level: float = 1.2  # the Purkinje network ends here, fraction of the cavity length
    site_reach_mm: float = 15.0  # a site in scar wakes the nearest living muscle within this, or nothing
    sites: tuple[Site, ...] = SITES
    uneven: Unevenness = Unevenness()  # of the logarithm of the speed
    remote: float = 1.0  # factor on all speeds: muscle far from a scar remodels too


def with_survivors(heart: VoxelHeart, share: float, uneven: Unevenness) -> VoxelHeart:
    """Let muscle live within scar, in patches, as strands and islets do within healed infarcts.

    share   of the muscle of a scar that lives, on average
    uneven  how that share differs from place to place
    Returns the heart whose `viable` counts these survivors; `scarred`, and with it the border zone, stay those of the image.
    de Bakker et al., Circulation 1993;88:915, doi:10.1161/01.CIR.88.3.915.
    """
    if not heart.scarred.any():
        return heart
    lives = np.clip(share + uneven.at(heart.points), 0.0, MOST_SURVIVORS)
    return replace(heart, viable=heart.viable + lives * heart.scarred * heart.muscle)


def _grid(shape: HeartShape, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Indices (M, 3) and centres (M, 3) of the voxels that may hold muscle."""
    reach = 1.12 * shape.cavity_radius_mm + max(shape.free_wall_mm, shape.septal_wall_mm) + spacing
    low = np.floor(np.array([-reach, -1.3 * reach, -shape.apex_wall_mm - spacing]) / spacing)
    right = reach + shape.rv_width_mm + RV_LEAST_WALL_MM
    high = np.ceil(np.array([right, 1.3 * reach, anatomy.cavity_top(shape) + spacing]) / spacing)
    axes = [np.arange(lo, hi + 1, dtype=np.int64) for lo, hi in zip(low, high, strict=True)]
    index = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    points = index * spacing
    r, theta = np.hypot(points[:, 0], points[:, 1]), np.arctan2(points[:, 0], points[:, 1])
    b = points[:, 2]
    inner = anatomy.endocardium(shape, theta, b + spacing / 2) - spacing
    # A closed end may pass between the centre of a voxel and its edge: judge by the nearest level inside.
    nearest = np.maximum(b, -shape.apex_wall_mm + 0.5)
    outer = anatomy.epicardium(shape, theta, nearest)
    left = (r > inner) & (r < outer + spacing)
    level = anatomy.rv_level(shape, theta, r, b, outer)
    right_wall = (np.abs(level - _rv_wall(shape) / 2) < _rv_wall(shape) / 2 + spacing) & (r > outer - spacing)
    chosen = left | right_wall
    return index[chosen], points[chosen]


def _rv_wall(shape: HeartShape) -> float:
    return max(shape.rv_wall_mm, RV_LEAST_WALL_MM)


def _outward(shape: HeartShape, points: np.ndarray) -> np.ndarray:
    """Unit normals (N, 3) of the ellipsoid through each point: what an LV wall's thickness runs along."""
    half = np.array([shape.cavity_radius_mm, shape.cavity_radius_mm, shape.widest_level_mm])
    normal = (points - [0.0, 0.0, shape.widest_level_mm]) / half**2
    return np.asarray(normal / np.maximum(np.sqrt((normal * normal).sum(axis=1, keepdims=True)), 1e-12))


def _muscle_at(shape: HeartShape, field: DepthField, points: np.ndarray) -> tuple[np.ndarray, ...]:
    """What lies at points (..., 3): living LV, scarred LV and RV free wall, each bool (...)."""
    s, a, b = np.moveaxis(points, -1, 0).reshape(3, -1)
    r, theta = np.hypot(s, a), np.arctan2(s, a)
    endo, epi = anatomy.endocardium(shape, theta, b), anatomy.epicardium(shape, theta, b)
    wall = np.flatnonzero((r < epi) & (r >= endo) & (b <= anatomy.wall_top(shape, theta)))
    depth = anatomy.wall_depth(shape, theta[wall], r[wall], b[wall], endo[wall], epi[wall])
    scar = np.zeros(s.size, bool)
    scar[wall] = scar_class(field, theta[wall], b[wall], depth) != 2
    living = np.zeros(s.size, bool)
    living[wall] = True
    living &= ~scar
    level = anatomy.rv_level(shape, theta, r, b, epi)
    right = (r >= epi) & (level >= 0) & (level < _rv_wall(shape)) & (b <= shape.cavity_length_mm)
    return tuple(found.reshape(points.shape[:-1]) for found in (living, scar, right))


def voxel_heart(shape: HeartShape, field: DepthField, spacing_mm: float = 3.0) -> VoxelHeart:
    """Cut the ventricles of a heart into voxels.

    shape, field  the heart and the depth of its scars
    spacing_mm    edge of a voxel
    Returns the voxels that hold muscle, living or scarred, in at least CONDUCTING of their volume.
    """
    index, points = _grid(shape, spacing_mm)
    part = ((np.arange(SUBSAMPLES) + 0.5) / SUBSAMPLES - 0.5) * spacing_mm
    offsets = np.stack(np.meshgrid(part, part, part, indexing="ij"), axis=-1).reshape(-1, 3)
    living, scar, rv = _muscle_at(shape, field, points[:, None, :] + offsets)
    left_share, rv_share = (living | scar).mean(axis=1), rv.mean(axis=1)
    viable, scarred = living.mean(axis=1) + rv_share, scar.mean(axis=1)
    kept = left_share + rv_share >= CONDUCTING
    index, points, viable, scarred = index[kept], points[kept], viable[kept], scarred[kept]
    right = rv_share[kept] > left_share[kept]

    s, a, b = points.T
    r, theta = np.hypot(s, a), np.arctan2(s, a)
    endo, epi = anatomy.endocardium(shape, theta, b), anatomy.epicardium(shape, theta, b)
    depth = np.clip(anatomy.wall_depth(shape, theta, r, b, endo, epi), 0.0, 1.0)
    depth[right] = 0.5
    thickness = np.where(b < 0, shape.apex_wall_mm, np.maximum(epi - endo, 1.0))
    level = b / shape.cavity_length_mm
    septal = 1.0 / (1.0 + np.exp((np.abs(anatomy.septal_angle(theta)) - shape.septum_half_width_deg) / 5.0))
    septal = np.where(right | (b < shape.rv_apex_mm), 0.0, septal)
    left_fast = (depth * thickness < spacing_mm) & ~right
    right_fast = ((1.0 - depth) * thickness < spacing_mm) & (septal > 0.5)
    return VoxelHeart(
        points=points,
        viable=viable,
        scarred=scarred / np.maximum(viable + scarred, 1e-9),
        depth=depth,
        outward=_outward(shape, points),
        septal=septal,
        level=level,
        fast=left_fast | right_fast,
        right=right,
        index=index,
        spacing_mm=spacing_mm,
    )


def neighbours(
    heart: VoxelHeart, steps: tuple[tuple[int, int, int], ...]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each step of the grid, the pairs of voxels it joins: two arrays int64 (P,) of voxel numbers."""
    start = heart.index.min(axis=0) - 1
    place = heart.index - start
    grid = np.full(place.max(axis=0) + 2, -1, dtype=np.int64)
    grid[tuple(place.T)] = np.arange(len(place))
    pairs = []
    for step in steps:
        other = grid[tuple((place + np.array(step)).T)]
        here = np.flatnonzero(other >= 0)
        pairs.append((here, other[here]))
    return pairs


def _slowness(
    heart: VoxelHeart, conduction: Conduction, step: tuple[int, int, int], uneven: np.ndarray
) -> np.ndarray:
    """Time per mm that each voxel takes along a step of the grid, ms/mm (N,).

    The muscle's front is an ellipsoid: slow through the wall, fast along it. The Purkinje network and the thin
    wall of the right ventricle have one speed.
    """
    direction = np.array(step) / np.sqrt(np.sum(np.square(step)))
    through = (heart.outward * direction).sum(axis=1) ** 2
    muscle = np.sqrt(through / conduction.across**2 + (1.0 - through) / conduction.along**2)
    muscle[heart.right] = 1.0 / conduction.right_wall
    reached = heart.fast & (heart.level < conduction.reach_level)
    muscle[reached] = 1.0 / conduction.endocardium
    return np.asarray(uneven * muscle / (1.0 - (1.0 - conduction.border) * heart.border))


def early_voxels(heart: VoxelHeart, shape: HeartShape, conduction: Conduction) -> list[tuple[int, float]]:
    """Voxel number and delay in ms of each early site.

    A site without living muscle within reach is left out; where that leaves none, the one nearest to such muscle stays.
    """
    found = []
    spare: list[tuple[float, int, float]] = []
    for site in conduction.sites:
        theta, b = np.radians(site.aha_deg), site.level * shape.cavity_length_mm
        radius = float(anatomy.endocardium(shape, np.array(theta), np.array(b)))
        if site.wall != "left":
            radius = float(anatomy.epicardium(shape, np.array(theta), np.array(b)))
        if site.wall == "right-free":
            fraction = np.clip((b - shape.rv_apex_mm) / (shape.cavity_length_mm - shape.rv_apex_mm), 0.0, 1.0)
            radius += shape.rv_width_mm * float(np.sqrt(fraction * (2.0 - fraction)))
        target = np.array([radius * np.sin(theta), radius * np.cos(theta), b])
        allowed = heart.conducts & (heart.right == (site.wall == "right-free"))
        distance = np.where(allowed, np.sqrt(((heart.points - target) ** 2).sum(axis=1)), np.inf)
        nearest = int(distance.argmin())
        if distance[nearest] <= conduction.site_reach_mm:
            found.append((nearest, site.delay_ms))
        elif np.isfinite(distance[nearest]):
            spare.append((float(distance[nearest]), nearest, site.delay_ms))
    return found or [(voxel, delay) for _, voxel, delay in sorted(spare)[:1]]


def activation_times(heart: VoxelHeart, shape: HeartShape, conduction: Conduction) -> np.ndarray:
    """When each voxel fires.

    Returns float64 (N,), ms after the first site; infinite where a voxel does not fire: scar, and living
    muscle that no path reaches.
    """
    living = heart.conducts
    uneven = np.exp(-conduction.uneven.at(heart.points)) / conduction.remote
    rows, columns, costs = [], [], []
    for step, (first, second) in zip(STEPS, heart.pairs, strict=True):
        both = living[first] & living[second]
        first, second = first[both], second[both]
        half = 0.5 * heart.spacing_mm * float(np.sqrt(sum(part * part for part in step)))
        rows += [first, second]
        columns += [second, first]
        slowness = _slowness(heart, conduction, step, uneven)
        cost = half * (slowness[first] + slowness[second])
        costs += [cost, cost]
    # One more node, the bundle of His: a delay of exactly 0 would be no edge, so all carry one more ms.
    early = early_voxels(heart, shape, conduction)
    count = living.size
    rows.append(np.full(len(early), count))
    columns.append(np.array([voxel for voxel, _ in early], dtype=np.int64))
    costs.append(np.array([delay + 1.0 for _, delay in early]))
    joined = (np.concatenate(costs), (np.concatenate(rows), np.concatenate(columns)))
    graph = csr_matrix(joined, shape=(count + 1, count + 1))
    times = dijkstra(graph, directed=True, indices=count)[:count] - 1.0
    return np.asarray(times)
