"""The network's grid: how a volume comes to the network, and the exact way back.

Slices go first. In plane a signed permutation of the axes, which loses nothing, brings the picture as near as
it can to one display: columns towards the patient's left, rows towards posterior and inferior, seen from the
apex side. Of the eight ways to lay two axes only the four that are seen from there are allowed, so that no heart
is the mirror image of another. Slices then run away from the viewer: the grid (column, row, slice) has a
positive determinant in RAS+ space. Nothing is turned by an angle; the affine of the network grid is kept, and
AHA geometry in world space works on it as on the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scartools.errors import GeometryError, InputError
from scartools.learning import resampling
from scartools.learning.fingerprint import Box, bounding_box, nonzero_mask
from scartools.learning.planning import ANISOTROPIC, Plan

COLUMNS_TOWARDS = np.array([-1.0, 0.0, 0.0])  # patient's left; RAS+
ROWS_TOWARDS = np.array([0.0, -1.0, -1.0]) / np.sqrt(2)  # posterior and inferior
AWAY_FROM_VIEWER = np.array([1.0, -1.0, 1.0]) / np.sqrt(3)  # the usual long axis, apex to base
SAME_SPACING = 1e-3  # relative; NIfTI stores single precision
ROUND = 6  # decimals; directions are compared after rounding, so that storage cannot break ties
STD_FLOOR = 1e-8

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Orientation:
    """How the axes of a volume are laid for the network.

    axes   the source axis that becomes slice, row and column
    flips  whether slice, row and column run against their source axis
    """

    axes: Triple
    flips: tuple[bool, bool, bool]

    @property
    def _flipped(self) -> tuple[int, ...]:
        return tuple(axis for axis in range(3) if self.flips[axis])

    def apply(self, array: np.ndarray) -> np.ndarray:
        """Return (X, Y, Z) as stored laid as (slice, row, column)."""
        turned = array.transpose(self.axes)
        return np.flip(turned, self._flipped)

    def undo(self, array: np.ndarray) -> np.ndarray:
        """Return (slice, row, column) in the order it is stored in."""
        turned = np.flip(array, self._flipped)
        return turned.transpose(np.argsort(self.axes))


@dataclass(frozen=True)
class NetworkGrid:
    """Where the voxels of a network array lie.

    source_shape   (X, Y, Z) of the volume as stored
    source_affine  (4, 4), its voxel index to RAS+ mm
    axes, flips    the orientation, see Orientation
    box            crop in the oriented source grid: (first, after the last) of slice, row and column
    shape          (Z, Y, X) of the network array
    affine         (4, 4), index of the network array transposed to (X, Y, Z) to RAS+ mm
    spacing_mm     (z, y, x) of the network array
    """

    source_shape: Triple
    source_affine: tuple[tuple[float, ...], ...]
    axes: Triple
    flips: tuple[bool, bool, bool]
    box: Box
    shape: Triple
    affine: tuple[tuple[float, ...], ...]
    spacing_mm: tuple[float, float, float]

    @property
    def orientation(self) -> Orientation:
        """The axes and flips."""
        return Orientation(self.axes, self.flips)

    def outside(self, labels: np.ndarray) -> int:
        """Return how many voxels of labels (X, Y, Z), as stored, are not 0 and lie outside the crop."""
        inside = self.orientation.apply(labels)[tuple(slice(*edges) for edges in self.box)]
        return int(np.count_nonzero(labels) - np.count_nonzero(inside))

    def to_json(self) -> dict[str, Any]:
        """Return the grid as plain JSON values."""
        names = {"".join(word.title() for word in key.split("_")): value for key, value in asdict(self).items()}
        return {key: _listed(value) for key, value in names.items()}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> NetworkGrid:
        """Rebuild a grid from `to_json`; raises InputError for a grid that contradicts itself."""
        try:
            grid = cls(
                source_shape=_triple(facts["SourceShape"]),
                source_affine=_matrix(facts["SourceAffine"]),
                axes=_triple(facts["Axes"]),
                flips=_flags(facts["Flips"]),
                box=_box(facts["Box"]),
                shape=_triple(facts["Shape"]),
                affine=_matrix(facts["Affine"]),
                spacing_mm=_lengths(facts["SpacingMm"]),
            )
            _require_sense(grid)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"holds no usable grid ({error!r})", remedy="Run preprocess again") from error
        return grid


@dataclass(frozen=True)
class NetworkCase:
    """A case as the network takes it.

    image  float32 (1, Z, Y, X), z-scores
    label  uint8 (Z, Y, X), or None
    prior  uint8 (Z, Y, X), AHA segments, or None
    grid   where it lies
    """

    image: np.ndarray
    label: np.ndarray | None
    prior: np.ndarray | None
    grid: NetworkGrid


def network_grid(shape: tuple[int, ...], affine: np.ndarray) -> Orientation:
    """Return how the axes of a volume are laid for the network.

    shape   (X, Y, Z)
    affine  float (4, 4), voxel index to RAS+ mm
    The slice axis is the one of the largest spacing; where the two largest are equal it is the third.
    Raises GeometryError for an affine without three directions.
    """
    columns = np.asarray(affine, dtype=np.float64)[:3, :3]
    spacing = np.linalg.norm(columns, axis=0)
    if len(shape) != 3 or not np.isfinite(columns).all() or spacing.min() <= 0:
        raise GeometryError(f"has shape {tuple(shape)} and voxels of {spacing} mm, which is no volume")
    directions = columns / spacing
    if abs(np.linalg.det(directions)) < 1e-3:
        raise GeometryError("has axes that lie in one plane", remedy="Mend the affine")
    order = np.argsort(spacing)
    tie = spacing[order[2]] - spacing[order[1]] <= SAME_SPACING * spacing[order[2]]
    across = 2 if tie else int(order[2])
    first, second = (axis for axis in range(3) if axis != across)
    choices = [
        (row, down, column, right)
        for row, column in ((first, second), (second, first))
        for down in (1, -1)
        for right in (1, -1)
    ]
    row, down, column, right = min(choices, key=lambda choice: _rank(directions, *choice))
    into = np.cross(right * directions[:, column], down * directions[:, row])
    away = 1 if float(into @ directions[:, across]) > 0 else -1
    return Orientation((across, row, column), (away < 0, down < 0, right < 0))


def to_network(
    image: np.ndarray,
    affine: np.ndarray,
    plan: Plan,
    *,
    label: np.ndarray | None = None,
    prior: np.ndarray | None = None,
) -> NetworkCase:
    """Lay, crop, normalise and resample a volume for the network.

    image   float32 (X, Y, Z)
    affine  float64 (4, 4), voxel index to RAS+ mm
    plan    target spacing and normalisation
    label   uint8 (X, Y, Z)
    prior   uint8 (X, Y, Z), AHA segments 1-17
    The crop is the box of nonzero voxels (holes filled), as in nnU-Net; z-scores are taken before resampling.
    Raises InputError for an image that is zero everywhere, GeometryError for an unusable affine.
    """
    for name, other in (("label", label), ("prior", prior)):
        if other is not None and other.shape != image.shape:
            raise GeometryError(f"the {name} has shape {other.shape}, the image {image.shape}")
    orientation = network_grid(image.shape, affine)
    if plan.axes is not None:
        orientation = Orientation(plan.axes, (False, False, False))
    laid = np.ascontiguousarray(orientation.apply(image), dtype=np.float32)
    mask = nonzero_mask(laid)
    box = bounding_box(mask)
    inside = tuple(slice(*edges) for edges in box)
    grid = _grid(image.shape, affine, orientation, box, plan)
    size = grid.shape[1:]
    values = _zscore(laid[inside], mask[inside] if plan.within_nonzero else None)

    def labels(volume: np.ndarray | None) -> np.ndarray | None:
        return None if volume is None else resampling.resample_labels(orientation.apply(volume)[inside], size)

    # nnU-Net resamples thin slices as one volume: a cubic overshoot is cut at the range of all of them
    whole = plan.axes is not None and not _thick(spacing_of(affine)[list(orientation.axes)], plan)
    within = (float(values.min()), float(values.max())) if whole else None
    resampled = resampling.resample_image(values, size, within)
    return NetworkCase(resampled[None], labels(label), labels(prior), grid)


def to_source(probabilities: np.ndarray, grid: NetworkGrid) -> np.ndarray:
    """Return uint8 labels (X, Y, Z) on the source grid from the network's probabilities.

    probabilities  float32 (C, Z, Y, X); the channel index is the label; resampled linearly, the largest wins.
                   Logits will do as well; between pixels they give other borders than probabilities.
    Outside the crop everything is 0.
    """
    if probabilities.ndim != 4 or probabilities.shape[1:] != grid.shape:
        raise GeometryError(f"probabilities have shape {probabilities.shape}, the grid {grid.shape}")
    if len(probabilities) > 255:
        raise InputError(f"{len(probabilities)} channels do not fit into uint8 labels")
    resampled = resampling.resample_probabilities(probabilities, _crop_size(grid))
    return _uncropped(resampled.argmax(axis=0).astype(np.uint8), grid)


def probabilities_to_source(probabilities: np.ndarray, grid: NetworkGrid) -> np.ndarray:
    """Return probabilities float32 (X, Y, Z, C) on the source grid, resampled as `to_source` does it.

    probabilities  float32 (C, Z, Y, X); outside the crop channel 0, the background, is 1.
    """
    resampled = resampling.resample_probabilities(probabilities, _crop_size(grid))
    shape = (*grid.source_shape, len(probabilities))
    found = np.zeros(shape, dtype=np.float32)
    for channel, values in enumerate(resampled):
        found[..., channel] = _uncropped(values, grid, 1.0 if channel == 0 else 0.0)
    return found


def labels_to_source(labels: np.ndarray, grid: NetworkGrid) -> np.ndarray:
    """Return uint8 labels (X, Y, Z) on the source grid from labels (Z, Y, X) of the network grid, nearest pixel."""
    if labels.shape != grid.shape:
        raise GeometryError(f"labels have shape {labels.shape}, the grid {grid.shape}")
    return _uncropped(resampling.nearest_labels(labels, _crop_size(grid)), grid)


def _rank(directions: np.ndarray, row: int, down: int, column: int, right: int) -> tuple[Any, ...]:
    """Sort the ways to lay a plane: seen from the apex side first, then by nearness, then by world direction."""
    rows, columns = down * directions[:, row], right * directions[:, column]
    mirrored = round(float(np.cross(columns, rows) @ AWAY_FROM_VIEWER), ROUND) < 0
    near = round(float(rows @ ROWS_TOWARDS + columns @ COLUMNS_TOWARDS), ROUND)
    ties = tuple(np.round(columns, ROUND) + 0.0) + tuple(np.round(rows, ROUND) + 0.0)
    return (mirrored, -near, *(float(value) for value in ties))


def spacing_of(affine: np.ndarray) -> np.ndarray:
    """Return the voxel size along the stored axes, mm; float64 (3,)."""
    return np.linalg.norm(np.asarray(affine, dtype=np.float64)[:3, :3], axis=0)


def _thick(spacing: np.ndarray, plan: Plan) -> bool:
    """Whether nnU-Net resamples slice by slice: slices are more than 3 times as thick as a pixel is wide."""
    after = np.array([spacing[0], *plan.target_spacing_mm])
    for one in (spacing, after):
        if one.max() / one.min() > ANISOTROPIC:
            return int(np.count_nonzero(one == one.max())) == 1
    return False


def _grid(
    shape: tuple[int, ...], affine: np.ndarray, orientation: Orientation, box: Box, plan: Plan
) -> NetworkGrid:
    affine = np.asarray(affine, dtype=np.float64)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)[list(orientation.axes)]  # slice, row, column
    lengths = [last - first for first, last in box]
    target = (spacing[0], *plan.target_spacing_mm)
    size = [max(1, round(n * own / wish)) for n, own, wish in zip(lengths, spacing, target, strict=True)]
    size[0] = lengths[0]
    # network index (x, y, z) to source index, one axis at a time
    step = np.zeros((4, 4))
    step[3, 3] = 1.0
    for k in range(3):
        axis, scale = orientation.axes[k], lengths[k] / size[k]
        start = box[k][0] + 0.5 * scale - 0.5
        sign, origin = (-1.0, shape[axis] - 1 - start) if orientation.flips[k] else (1.0, start)
        step[axis, 2 - k], step[axis, 3] = sign * scale, origin
    moved = affine @ step
    lengths_mm = np.linalg.norm(moved[:3, :3], axis=0)[::-1]
    return NetworkGrid(
        source_shape=_triple(shape),
        source_affine=_matrix(affine.tolist()),
        axes=orientation.axes,
        flips=orientation.flips,
        box=box,
        shape=_triple(size),
        affine=_matrix(moved.tolist()),
        spacing_mm=_lengths(lengths_mm.tolist()),
    )


def _zscore(values: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Return (values - mean) / std in float32; with a mask within it, and 0 outside."""
    if mask is None:
        sample = values.astype(np.float64)
        return ((sample - sample.mean()) / max(float(sample.std()), STD_FLOOR)).astype(np.float32)
    sample = values[mask].astype(np.float64)
    out = np.zeros(values.shape, dtype=np.float32)
    out[mask] = (sample - sample.mean()) / max(float(sample.std()), STD_FLOOR)
    return out


def _crop_size(grid: NetworkGrid) -> tuple[int, int]:
    return grid.box[1][1] - grid.box[1][0], grid.box[2][1] - grid.box[2][0]


def _uncropped(values: np.ndarray, grid: NetworkGrid, outside: float = 0) -> np.ndarray:
    """Put values (slice, row, column) of the crop back into the volume as stored, and `outside` around them."""
    laid = np.full([grid.source_shape[axis] for axis in grid.axes], outside, dtype=values.dtype)
    laid[tuple(slice(*edges) for edges in grid.box)] = values
    return np.ascontiguousarray(grid.orientation.undo(laid))


def _require_sense(grid: NetworkGrid) -> None:
    """Raise ValueError for a grid that cannot be undone."""
    if sorted(grid.axes) != [0, 1, 2]:
        raise ValueError(f"axes {grid.axes}")
    laid = [grid.source_shape[axis] for axis in grid.axes]
    if any(not 0 <= first < last <= n for (first, last), n in zip(grid.box, laid, strict=True)):
        raise ValueError(f"box {grid.box} in {laid}")
    if min(grid.shape) < 1 or grid.shape[0] != grid.box[0][1] - grid.box[0][0]:
        raise ValueError(f"shape {grid.shape} for box {grid.box}")


def _listed(value: Any) -> Any:
    return [_listed(item) for item in value] if isinstance(value, tuple | list) else value


def _triple(values: Any) -> Triple:
    first, second, third = (int(value) for value in values)
    return first, second, third


def _lengths(values: Any) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    if not all(np.isfinite([first, second, third])) or min(first, second, third) <= 0:
        raise ValueError(f"lengths {values}")
    return first, second, third


def _flags(values: Any) -> tuple[bool, bool, bool]:
    first, second, third = values
    if not all(isinstance(value, bool) for value in values):
        raise ValueError(f"flips {values}")
    return first, second, third


def _box(values: Any) -> Box:
    (a, b), (c, d), (e, f) = values
    return (int(a), int(b)), (int(c), int(d)), (int(e), int(f))


def _matrix(values: Any) -> tuple[tuple[float, ...], ...]:
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise ValueError(f"affine {values}")
    return tuple(tuple(float(value) for value in row) for row in matrix)
