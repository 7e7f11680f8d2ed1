"""A segmentation as a stack of short-axis slices: which array axis runs across them, and where they lie.

Every length and angle downstream is taken in world millimetres, so that flipped, transposed and oblique arrays
of one heart give one answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scartools.errors import GeometryError, InputError
from scartools.heart.nomenclature import HEALTHY, IGNORE, LV_POOL, MYOCARDIUM, NO_REFLOW, RV_POOL, SCAR

COARSEST_RATIO = 1.3  # a slice axis is at least this much coarser than the other two
OBLIQUE_WARNING_DEGREES = 20.0
KNOWN_LABELS = (0, LV_POOL, HEALTHY, SCAR, NO_REFLOW, RV_POOL, IGNORE)


@dataclass(frozen=True)
class Stack:
    """The box of a segmentation that holds the heart, its slice axis last.

    labels      uint8 (I, J, K), a copy in Fortran order: each slice lies in one piece
    affine      float64 (4, 4), index of `labels` to RAS+ mm
    slice_axis  the axis of the whole mask that runs across the slices
    box         the place of `labels` in the mask with its slice axis moved last
    normal      float64 (3,), unit normal of the slices, towards higher slice index
    step_mm     distance from slice to slice along the normal
    facts       SliceAxis, SliceAxisChosenBy
    warnings    sentences the user should see
    """

    labels: np.ndarray
    affine: np.ndarray
    slice_axis: int
    box: tuple[slice, slice, slice]
    normal: np.ndarray
    step_mm: float
    facts: dict[str, Any]
    warnings: tuple[str, ...]

    @property
    def first_slice(self) -> int:
        """The index, in the whole mask, of the first slice of the box."""
        return int(self.box[2].start)

    @property
    def pixel_area_mm2(self) -> float:
        """The area of one voxel within its slice, mm2."""
        return float(np.linalg.norm(np.cross(self.affine[:3, 0], self.affine[:3, 1])))

    @property
    def pixel_mm(self) -> float:
        """The larger of the two voxel edges within a slice, mm."""
        return float(np.linalg.norm(self.affine[:3, :2], axis=0).max())

    def positions(self) -> np.ndarray:
        """Positions of the slices along the normal, float64 (K,), mm from the first slice of the box."""
        return np.arange(self.labels.shape[2]) * self.step_mm

    def world(self, voxels: np.ndarray) -> np.ndarray:
        """World positions of voxel indices of `labels`: (N, 3) to float64 (N, 3), RAS+ mm."""
        return np.asarray(voxels @ self.affine[:3, :3].T + self.affine[:3, 3], dtype=np.float64)


def read_stack(mask: np.ndarray, affine: np.ndarray) -> Stack:
    """Find the slice axis of a segmentation and cut out the box of the heart.

    mask    integer (X, Y, Z), labels 0-5 and 255
    affine  float (4, 4), voxel index to RAS+ mm
    Raises InputError for a mask that is no label map or holds no myocardium or no LV pool; GeometryError for an
    affine that is no grid.
    """
    matrix = _checked_affine(affine)
    mask = checked_mask(mask)
    outer = bounding_box(mask != 0)  # a heart is some hundredth of a field of view
    axis, chosen_by, warnings = _slice_axis(mask[outer], matrix)
    order = [other for other in range(3) if other != axis] + [axis]
    moved = np.moveaxis(mask[outer], axis, 2)
    lookup = np.zeros(256, dtype=bool)
    lookup[[LV_POOL, *MYOCARDIUM, RV_POOL]] = True
    inner = bounding_box(lookup[moved])
    starts = [outer[other].start for other in order]
    i, j, k = (slice(at + part.start, at + part.stop) for at, part in zip(starts, inner, strict=True))
    box = (i, j, k)
    cut = np.eye(4)
    cut[:3, :3] = matrix[:3, order]
    cut[:3, 3] = matrix[:3, :3][:, order] @ [part.start for part in box] + matrix[:3, 3]
    normal = np.cross(cut[:3, 0], cut[:3, 1])
    normal /= np.linalg.norm(normal)
    if normal @ cut[:3, 2] < 0:
        normal = -normal
    facts = {"SliceAxis": axis, "SliceAxisChosenBy": chosen_by}
    return Stack(
        np.asfortranarray(moved[inner]), cut, axis, box, normal, float(normal @ cut[:3, 2]), facts, warnings
    )


def checked_mask(mask: np.ndarray) -> np.ndarray:
    """The mask as uint8, after refusing what is no segmentation of a left ventricle.

    mask  integer (X, Y, Z)
    Raises InputError, naming what is wrong: shape, type, unknown labels, no myocardium, no LV pool.
    """
    mask = np.asarray(mask)
    if mask.ndim != 3:
        raise InputError(
            f"the segmentation has {mask.ndim} dimensions, {mask.shape}, where 3 are due",
            remedy="Give one volume",
        )
    if mask.dtype.kind not in "iu":
        raise InputError(
            f"the segmentation is {mask.dtype}, where whole numbers are due",
            remedy="Give a label map, not an image",
        )
    low, high = (int(mask.min()), int(mask.max())) if mask.size else (0, 0)
    if low < 0 or high > 255:
        raise InputError(
            f"the segmentation holds labels from {low} to {high}, where 0-5 and 255 are due",
            remedy="Name its label scheme",
        )
    flat = mask.astype(np.uint8, copy=False).ravel(order="K")
    labelled = flat[flat != 0]
    counts = np.bincount(labelled, minlength=256)
    counts[0] = len(flat) - len(labelled)
    unknown = [label for label in np.flatnonzero(counts).tolist() if label not in KNOWN_LABELS]
    if unknown:
        raise InputError(
            f"the segmentation holds the unknown label {unknown[0]} ({counts[unknown[0]]} voxels)",
            remedy="Labels are 0-5 and 255; name the label scheme of the file",
        )
    if not counts.any() or counts[1:IGNORE].sum() == 0:
        raise InputError(
            "the segmentation is empty: no voxel is labelled",
            remedy="Give a segmentation of the left ventricle",
        )
    for labels, name in ((MYOCARDIUM, "myocardium (labels 2, 3, 4)"), ((LV_POOL,), "LV pool (label 1)")):
        if not counts[list(labels)].any():
            raise InputError(
                f"the segmentation holds no {name}; found labels {np.flatnonzero(counts).tolist()}",
                remedy="Check the label scheme of the file",
            )
    return mask.astype(np.uint8, copy=False)


def _checked_affine(affine: np.ndarray) -> np.ndarray:
    matrix = np.asarray(affine, dtype=np.float64)
    if matrix.shape != (4, 4):
        raise GeometryError(
            f"the affine has shape {matrix.shape}, where (4, 4) is due", remedy="Give a NIfTI affine"
        )
    if not np.isfinite(matrix).all():
        raise GeometryError("the affine holds NaN or infinite values", remedy="Export the file again")
    sizes = np.linalg.norm(matrix[:3, :3], axis=0)
    volume = abs(float(np.linalg.det(matrix[:3, :3])))
    if volume <= 1e-6 * float(np.prod(sizes)) or volume == 0.0:
        raise GeometryError(
            f"the affine is singular (voxel edges {sizes[0]:.4g}, {sizes[1]:.4g}, {sizes[2]:.4g} mm, "
            f"volume {volume:.3g} mm3)",
            remedy="Mend the header or export the file again",
        )
    return matrix


def _slice_axis(mask: np.ndarray, affine: np.ndarray) -> tuple[int, str, tuple[str, ...]]:
    """The array axis across the slices, how it was told, and warnings."""
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    coarsest = int(np.argmax(sizes))
    rest = np.delete(sizes, coarsest).max()
    if round(float(sizes[coarsest] / rest), 6) >= COARSEST_RATIO:
        return coarsest, "coarsest voxel axis", ()
    lookup = np.zeros(256, dtype=bool)
    lookup[[LV_POOL, *MYOCARDIUM]] = True
    points = np.argwhere(lookup[mask]) @ affine[:3, :3].T  # (N, 3) mm
    long_axis = _long_axis(points)
    normals = np.stack([np.cross(affine[:3, (k + 1) % 3], affine[:3, (k + 2) % 3]) for k in range(3)])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    along = np.abs(normals @ long_axis)
    axis = int(np.argmax(along))
    off = float(np.degrees(np.arccos(min(1.0, along[axis]))))
    warnings = []
    if off > OBLIQUE_WARNING_DEGREES:
        warnings.append(
            f"the slices are {off:.0f} degrees off the short axis of the ventricle, so rings and angles are "
            "approximate: resample to short-axis slices"
        )
    return axis, f"long axis of the ventricle ({off:.1f} degrees off)", tuple(warnings)


def _long_axis(points: np.ndarray) -> np.ndarray:
    """The unit axis about which a cloud of points is most nearly round: (N, 3) mm to (3,)."""
    values, vectors = np.linalg.eigh(np.cov(points.T))  # ascending
    # A whole ventricle is longest along its axis; one cut to a few slices is shortest along it.
    return np.asarray(vectors[:, 2] if values[2] - values[1] >= values[1] - values[0] else vectors[:, 0])


def bounding_box(inside: np.ndarray) -> tuple[slice, slice, slice]:
    """The smallest box of the array that holds all True voxels: bool (X, Y, Z), at least one of them True."""
    spans = []
    for axis in range(3):
        hit = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        spans.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return spans[0], spans[1], spans[2]


def joint_box(one: tuple[slice, slice, slice], other: tuple[slice, slice, slice]) -> tuple[slice, slice, slice]:
    """The smallest box that holds two boxes."""
    i, j, k = (slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True))
    return i, j, k
