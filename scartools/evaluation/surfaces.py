"""Distances between the surfaces of two segmentations, mm: HD95, ASSD, and the surface Dice at a tolerance (NSD).

A surface is the voxels of a structure that have one of their six neighbours outside it; the edge of the volume counts as
outside. Distances run between the centres of voxels in world millimetres, so that anisotropic, oblique and sheared grids
are right alike. Definitions differ between tools by more than models do: Podobnik and Vrtovec, arXiv:2410.02630.

HD95  larger of the two directed 95th percentiles. Huttenlocher et al., IEEE TPAMI 1993;15:850, doi:10.1109/34.232073
ASSD  mean over both directions together. Heimann et al., IEEE TMI 2009;28:1251, doi:10.1109/TMI.2009.2013851
NSD   share of both surfaces within the tolerance, by voxels. Nikolov et al., J Med Internet Res 2021;23:e26151,
      doi:10.2196/26151
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scartools.evaluation.overlap import NAN
from scartools.heart.nomenclature import IGNORE
from scartools.heart.stack import bounding_box

MEASURED = ("scar", "myocardium", "lv_pool")
_SLACK_MM = 1e-6  # a distance that equals the tolerance but for rounding is within it


@dataclass(frozen=True)
class Surfaces:
    """How far two surfaces lie apart.

    hd95_mm, assd_mm  NaN where a mask is empty: no distance exists
    nsd               0 to 1; 0 where one mask is empty, NaN where both are
    """

    hd95_mm: float
    assd_mm: float
    nsd: float


NOT_MEASURED = Surfaces(NAN, NAN, NAN)


def surface_voxels(mask: np.ndarray) -> np.ndarray:
    """Return the voxels of a mask, bool (X, Y, Z), that have one of their six neighbours outside it: bool (X, Y, Z)."""
    from scipy.ndimage import binary_erosion

    return mask & ~binary_erosion(mask)


def compare_surfaces(
    truth: np.ndarray, predicted: np.ndarray, labels: tuple[int, ...], affine: np.ndarray, tolerance_mm: float
) -> Surfaces:
    """Return the distances between the surfaces of a structure; voxels labelled 255 in either belong to neither.

    truth, predicted  uint8 labels (X, Y, Z)
    labels            the labels that make up the structure
    affine            float (4, 4), voxel index to RAS+ mm
    tolerance_mm      within which a surface voxel counts as right
    """
    seen = (truth != IGNORE) & (predicted != IGNORE)
    masks = [np.isin(one, labels) & seen for one in (truth, predicted)]
    points = [_surface_points(mask, affine) for mask in masks]
    if not all(len(found) for found in points):
        return Surfaces(NAN, NAN, 0.0 if any(len(found) for found in points) else NAN)
    return from_distances(*_distances(*points), tolerance_mm)


def from_distances(one: np.ndarray, other: np.ndarray, tolerance_mm: float) -> Surfaces:
    """Return the measures of two sets of distances, float (n,) and (m,), mm: from each surface to the other."""
    both = np.concatenate([one, other])
    far = max(float(np.percentile(one, 95)), float(np.percentile(other, 95)))
    return Surfaces(far, float(both.mean()), float((both <= tolerance_mm + _SLACK_MM).mean()))


def _surface_points(mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Centres of the surface voxels in the world, float64 (n, 3), mm."""
    if not mask.any():
        return np.empty((0, 3))
    box = bounding_box(mask)
    at = np.argwhere(surface_voxels(mask[box])) + [part.start for part in box]
    return np.asarray(at @ np.asarray(affine)[:3, :3].T)


def _distances(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.spatial import cKDTree

    return cKDTree(other).query(one)[0], cKDTree(one).query(other)[0]
