"""An LGE image for a segmentation that is given: the contrast, the artefacts and the chest of a simulated stack.

The segmentation says where pool, wall, scar, no-reflow and right ventricle lie. Around them a chest is drawn in the
world frame of the affine, fat and a thin right ventricular wall next to the heart. A slice has the values of its own
labels and, by the straight line between slice centres, a part of its neighbours': a slab as thick as the slice step
sees an eighth of each.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

from scartools.errors import InputError
from scartools.simulation import lge
from scartools.simulation.population import Population
from scartools.simulation.subject import Artefacts, draw_contrast
from scartools.simulation.tissue import Tissue, body_tissue, draw_body

RV_WALL_MM = 3.0
FAT_MM = 4.0
BORDER_ZONE_MM = (
    1.6  # between scar and healthy muscle, where the labels do not say how one passes into the other
)
NEIGHBOUR_SHARE = 0.125  # of a slice, of each neighbour's signal
# Tissue of each label of the toolkit, 0-5; background is filled from the chest.
TISSUE_OF_LABEL = np.array(
    [Tissue.SURROUNDINGS, Tissue.LV_POOL, Tissue.HEALTHY, Tissue.SCAR, Tissue.NO_REFLOW, Tissue.RV_POOL],
    np.uint8,
)


def _in_plane_distance(inside: np.ndarray, pixel_mm: tuple[float, float]) -> np.ndarray:
    """Distance in mm of each voxel to the nearest one inside, in its own slice; infinite in a slice without."""
    distance = np.full(inside.shape, np.inf)
    for k in np.flatnonzero(inside.any(axis=(0, 1))):
        distance[:, :, k] = distance_transform_edt(~inside[:, :, k], sampling=pixel_mm)
    return distance


def _world(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    """RAS+ mm of the voxel centres, float64 (3, X, Y, Z)."""
    index = np.indices(shape, dtype=np.float64)
    return np.tensordot(affine[:3, :3], index, axes=1) + affine[:3, 3][:, None, None, None]


def _tissues(labels: np.ndarray, affine: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Tissue codes uint8 (X, Y, Z), and how far each voxel lies in front of the LV, mm."""
    pixel = tuple(float(size) for size in np.sqrt((affine[:3, :2] ** 2).sum(axis=0)))
    ventricle = (labels >= 1) & (labels <= 4)
    world = _world(labels.shape, affine)
    world -= world[:, ventricle].mean(axis=1)[:, None, None, None]
    tissue = TISSUE_OF_LABEL[labels]
    outside = labels == 0
    tissue[outside] = body_tissue(draw_body(rng), *(axis[outside] for axis in world))
    to_right = _in_plane_distance(labels == 5, (pixel[0], pixel[1]))
    to_heart = _in_plane_distance(labels > 0, (pixel[0], pixel[1]))
    # Fat lies on the heart here and there, most of it where both ventricles meet.
    patches = gaussian_filter(rng.standard_normal(labels.shape), (4.0, 4.0, 0.5))
    both = (to_right < 14.0) & (_in_plane_distance(ventricle, (pixel[0], pixel[1])) < 10.0)
    fat = outside & (to_heart < FAT_MM) & ((patches > patches.std()) | both)
    tissue[fat] = Tissue.HEART_FAT
    tissue[outside & (to_right < RV_WALL_MM)] = Tissue.RV_WALL
    return tissue, world[1]


def _fibrosis(labels: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Share of fibrosis of wall voxels, float32 (X, Y, Z): half at the border of the scar, in the plane of the slice."""
    pixel = np.sqrt((affine[:3, :2] ** 2).sum(axis=0))
    scar, healthy = (labels == 3) | (labels == 4), labels == 2
    share = scar.astype(np.float32)
    to_scar = _in_plane_distance(scar, (float(pixel[0]), float(pixel[1])))
    to_healthy = _in_plane_distance(healthy, (float(pixel[0]), float(pixel[1])))
    half = 0.5 * float(pixel.mean())  # a border runs between voxel centres
    share[healthy] = np.clip(0.5 - (to_scar[healthy] - half) / BORDER_ZONE_MM, 0.0, 0.5)
    share[scar] = np.clip(0.5 + (to_healthy[scar] - half) / BORDER_ZONE_MM, 0.5, 1.0)
    return share


def _through_plane(values: np.ndarray) -> np.ndarray:
    """Each slice with the part of its neighbours that its slab sees; the ends see themselves."""
    if values.shape[2] == 1:
        return values
    before, after = (
        values[:, :, [0, *range(values.shape[2] - 1)]],
        values[:, :, [*range(1, values.shape[2]), -1]],
    )
    return (1.0 - 2.0 * NEIGHBOUR_SHARE) * values + NEIGHBOUR_SHARE * (before + after)


def _draw_artefacts(rng: np.random.Generator, population: Population, labels: np.ndarray) -> Artefacts:
    slices = labels.shape[2]
    strength = population.ghost_strength.draw(rng) if rng.random() < population.ghost_fraction else 0.0
    axis = int(rng.integers(2))
    extent = labels.shape[axis]
    return Artefacts(
        phase_axis=axis,
        ghost_pixels=int(rng.integers(max(extent // 6, 1), max(extent // 2, 2))),
        ghosts=tuple(float(value) for value in strength * rng.random((slices,))),
    )


def image_of_labels(
    labels: np.ndarray,
    affine: np.ndarray,
    seed: int,
    *,
    psir: bool = False,
    population: Population | None = None,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Draw an LGE image for a segmentation.

    labels      uint8 (X, Y, Z): 0 background, 1 LV pool, 2 healthy, 3 scar, 4 no-reflow, 5 RV pool; others are background
    affine      float64 (4, 4), voxel index to RAS+ mm; slices along the last axis
    seed        of every draw: chest, contrast, artefacts, noise
    psir        phase-sensitive: signed, without the coil's shading; else magnitude
    population  what to draw contrast and artefacts from; None: the defaults
    Returns image float32 (X, Y, Z) and the drawn values. No slice moves: the image fits the labels it was made from.
    Raises InputError without LV pool and wall, between which the contrast lies.
    """
    if not (labels == 1).any() or not np.isin(labels, (2, 3, 4)).any():
        raise InputError("holds no LV pool or no wall", remedy="Give a segmentation of both")
    chosen = Population() if population is None else population
    rng = np.random.default_rng(seed)
    contrast = replace(draw_contrast(rng, chosen), psir=psir)
    known = np.where(labels <= 5, labels, 0).astype(np.uint8)
    artefacts = _draw_artefacts(rng, chosen, known)
    tissue, anterior = _tissues(known, affine, rng)
    share = _fibrosis(known, affine).ravel()
    signal, texture = (
        lge.mixed_in_wall(values, tissue.ravel(), share).reshape(labels.shape)
        for values in (lge.tissue_signals(contrast), lge.tissue_texture())
    )
    vessels = ((tissue == Tissue.LUNG) | (tissue == Tissue.LIVER)).astype(np.float32)
    shading = lge.coil_shading(anterior, contrast.coil_decay_mm, rng)
    image = lge.render(
        _through_plane(signal), _through_plane(texture), vessels, shading, contrast, rng, artefacts
    )
    facts = {
        "Simulated": True,
        "Sequence": "psir" if psir else "magnitude",
        "Seed": seed,
        "InversionTime": contrast.inversion_time_ms,
        "NullingError": contrast.nulling_error,
        "BloodSnr": contrast.blood_snr,
        "BorderZoneMm": BORDER_ZONE_MM,
        "GhostStrengths": list(artefacts.ghosts),
    }
    return image, facts
