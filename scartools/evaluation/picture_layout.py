"""Which part of a short-axis volume a figure shows: slices, crop, and what the edges of the picture face.

Pictures are laid as the network sees them (`scartools.learning.grids.network_grid`): seen from the apex, rows towards
posterior and inferior, columns towards the patient's left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scartools.errors import GeometryError, InputError
from scartools.heart.long_axis import apex_to_base
from scartools.heart.nomenclature import LV_POOL, MYOCARDIUM
from scartools.heart.slices import measure_slices
from scartools.heart.stack import read_stack
from scartools.learning.grids import Orientation, network_grid

MOST_SLICES = 5
MARGIN_MM = 12.0  # around everything that is drawn
VENTRICLE = (LV_POOL, *MYOCARDIUM)
ALIGNED = 0.999  # cosine; a header whose axes run along the body's is one that knows no short axis
SPEAKING = 0.5  # cosine; a letter is written for every direction that an edge faces at least this much


@dataclass(frozen=True)
class Layout:
    """Which part of a volume is shown, and how.

    orientation  lays (X, Y, Z) as (slice, row, column)
    slices       index along the laid slice axis, basal first where ordered
    numbers      the same as index in the file
    down_mm      distance of each from the first, mm
    rows, columns  the crop, (first, after the last)
    pixel_mm     height and width of a pixel
    letters      what the left, right, upper and lower edge face, such as "R" or "LP"; None where the affine says nothing
    ordered      whether basal and apical could be told, so that the first slice is the most basal
    """

    orientation: Orientation
    slices: tuple[int, ...]
    numbers: tuple[int, ...]
    down_mm: tuple[float, ...]
    rows: tuple[int, int]
    columns: tuple[int, int]
    pixel_mm: tuple[float, float]
    letters: tuple[str, str, str, str] | None
    ordered: bool

    def cut(self, volume: np.ndarray) -> list[np.ndarray]:
        """The shown part of (X, Y, Z), a picture (rows, columns) a slice."""
        laid = self.orientation.apply(volume)
        return [laid[k, slice(*self.rows), slice(*self.columns)] for k in self.slices]


def lay_out(
    truth: np.ndarray, predicted: Sequence[np.ndarray], affine: np.ndarray, slices: int = MOST_SLICES
) -> Layout:
    """Choose slices and crop, and tell the directions.

    truth, predicted  uint8 (X, Y, Z)
    affine            float (4, 4), voxel index to RAS+ mm
    slices            how many at most
    The first slice is the most basal: as the truth's anatomy tells; where it does not, as the affine does, if it knows
    the patient; else the order of the file stays.
    """
    if slices < 1:
        raise InputError(f"{slices} slices were asked for", remedy="Ask for one or more")
    matrix = np.asarray(affine, dtype=np.float64)
    orientation = network_grid(truth.shape, matrix)
    directions, spacing = _laid_directions(matrix, orientation)
    known = orientation_known(matrix)
    laid = [orientation.apply(one) for one in (truth, *predicted)]
    wall = np.any([np.isin(one, MYOCARDIUM).any(axis=(1, 2)) for one in laid], axis=0)
    base_last = _base_last(truth, matrix, orientation, known)
    chosen = spread(np.flatnonzero(wall) if wall.any() else np.arange(len(wall)), slices)
    if orientation.flips[0] if base_last is None else base_last:
        chosen.reverse()
    drawn = np.any([np.isin(one[chosen], VENTRICLE).any(axis=0) for one in laid], axis=0)
    axis = orientation.axes[0]
    numbers = [truth.shape[axis] - 1 - k if orientation.flips[0] else k for k in chosen]
    normal = np.cross(directions[1], directions[2])
    step = spacing[0] * abs(float(normal @ directions[0])) / float(np.linalg.norm(normal))
    rows, columns = (crop(drawn.any(axis=1 - side), MARGIN_MM / spacing[1 + side]) for side in (0, 1))
    right, down = directions[2], directions[1]
    letters = (towards(-right), towards(right), towards(-down), towards(down)) if known else None
    return Layout(
        orientation,
        tuple(chosen),
        tuple(numbers),
        tuple(abs(k - chosen[0]) * step for k in chosen),
        rows,
        columns,
        (float(spacing[1]), float(spacing[2])),
        letters,
        base_last is not None,
    )


def orientation_known(affine: np.ndarray) -> bool:
    """Whether an affine can tell a short-axis picture's directions.

    The short axis is oblique to the body. Axes that run exactly along it come from a header that lost its orientation, as
    in EMIDEC, and letters read from it would be wrong.
    """
    columns = np.asarray(affine, dtype=np.float64)[:3, :3]
    cosines = np.abs(columns / np.linalg.norm(columns, axis=0))
    return bool(cosines.max(axis=0).min() < ALIGNED)


def towards(direction: np.ndarray) -> str:
    """The letters of a direction in RAS+ space, float (3,): L, R, A, P, S or I, at most two, the nearer first."""
    unit = np.round(direction / np.linalg.norm(direction), 6)
    pairs = ("LR", "PA", "IS")
    order = sorted(range(3), key=lambda axis: -abs(unit[axis]))[:2]
    return "".join(pairs[axis][int(unit[axis] > 0)] for axis in order if abs(unit[axis]) >= SPEAKING)


def spread(candidates: np.ndarray, most: int) -> list[int]:
    """At most `most` of ascending indices, first and last among them, evenly in between."""
    count = min(most, len(candidates))
    places = np.floor(np.linspace(0, len(candidates) - 1, count) + 0.5) if count > 1 else [len(candidates) // 2]
    return [int(candidates[int(place)]) for place in places]


def _laid_directions(affine: np.ndarray, orientation: Orientation) -> tuple[np.ndarray, np.ndarray]:
    """Unit directions (3, 3) of slice, row and column as laid, one a row, and their spacing (3,), mm."""
    columns = affine[:3, :3][:, list(orientation.axes)]
    spacing = np.linalg.norm(columns, axis=0)
    signs = np.where(orientation.flips, -1.0, 1.0)
    return (columns / spacing * signs).T, spacing


def _base_last(truth: np.ndarray, affine: np.ndarray, orientation: Orientation, known: bool) -> bool | None:
    """Whether the base has the higher index along the laid slice axis; None where nothing tells."""
    by_affine = True if known else None  # network_grid: seen from the apex
    try:
        stack = read_stack(truth, affine)
        sign = apex_to_base(measure_slices(stack))[0]
    except (GeometryError, InputError):
        return by_affine  # a truth whose anatomy does not answer is drawn all the same
    return (sign > 0) != orientation.flips[0] if stack.slice_axis == orientation.axes[0] else by_affine


def crop(hit: np.ndarray, margin: float) -> tuple[int, int]:
    """First and after the last index of a flag array (n,), widened by a margin in pixels; all where none is set."""
    found = np.flatnonzero(hit)
    if len(found) == 0:
        return 0, len(hit)
    wider = math.ceil(round(margin, 6))  # 12 mm of 2 mm pixels are 6, whatever the last bit
    return max(0, int(found[0]) - wider), min(len(hit), int(found[-1]) + 1 + wider)
