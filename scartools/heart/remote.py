"""Remote myocardium chosen from the image: the sector of lowest mean signal, away from both borders."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from scartools.errors import InputError
from scartools.heart.nomenclature import MYOCARDIUM
from scartools.heart.short_axis_view import view_from_apex
from scartools.heart.slices import ROUND_MM, left_ventricle, measure_slices
from scartools.heart.stack import read_stack
from scartools.heart.thresholds import FEWEST_REMOTE_VOXELS

TURN_DEGREES = 5.0
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])[:, :, np.newaxis]  # neighbours within the slice
TOO_THIN = "the wall is too thin to leave out its borders, so the remote region may hold pool or fat"


def remote_region(
    image: np.ndarray, mask: np.ndarray, affine: np.ndarray, *, sector_degrees: float = 60.0
) -> tuple[np.ndarray, dict[str, Any]]:
    """Choose remote myocardium for n-SD or FWHM.

    image           float (X, Y, Z), LGE
    mask            integer (X, Y, Z), labels 0-5 and 255; scar labels are not looked at, so the choice stays
                    independent
    affine          float (4, 4), voxel index to RAS+ mm
    sector_degrees  width of the sector
    The wall loses one voxel at its borders within each slice, where pool, fat or RV mix in; where that leaves
    too little, it stays whole, with a warning. A sector of the same angles is then turned around all slices
    with a cavity in steps of 5 degrees, and the one of lowest mean signal is taken. It stands for the remote
    region that a reader draws in the nulled wall opposite the scar (Bondarenko et al., JCMR 2005;7:481,
    doi:10.1081/JCMR-200053623); the rule itself is this toolkit's. It goes wrong where a dark core without
    reflow fills a whole sector.
    Returns bool (X, Y, Z) and facts RemoteRule, RemoteSector (degrees counter-clockwise from patient
    left, seen from the feet), RemoteBordersEroded, RemoteSlices, Warnings.
    """
    _check(image, mask, sector_degrees)
    stack = read_stack(mask, affine)
    slices = measure_slices(stack)
    signal = np.moveaxis(np.asarray(image), stack.slice_axis, 2)[stack.box]
    wall = np.isin(stack.labels, MYOCARDIUM) & left_ventricle(stack.labels) & np.isfinite(signal)
    wall[:, :, ~(slices.cavity & slices.ventricle)] = False
    inner = wall & ndimage.binary_erosion(wall, structure=CROSS)
    eroded = bool(inner.sum() >= FEWEST_REMOTE_VOXELS * 360.0 / sector_degrees)
    inner = inner if eroded else wall
    voxels = np.argwhere(inner)  # (N, 3)
    if len(voxels) == 0:
        raise InputError("no slice shows both myocardium and a cavity", remedy="Check the segmentation")
    # One side of the slices, whatever the order of the array: from the feet, or the back where they lie flat.
    upwards = stack.normal @ np.array([0.01, 0.1, 1.0]) >= 0
    view = view_from_apex(stack.normal if upwards else -stack.normal)
    degrees = view.degrees(stack.world(voxels) - slices.centre[voxels[:, 2]])
    start, members = _darkest_sector(degrees, signal[inner].astype(np.float64), sector_degrees)
    region = np.zeros(np.shape(mask), dtype=bool)
    chosen = voxels[members]
    np.moveaxis(region, stack.slice_axis, 2)[stack.box][tuple(chosen.T)] = True
    facts = {
        "RemoteRule": f"{sector_degrees:g}-degree sector of lowest mean signal",
        "RemoteSector": [start, (start + sector_degrees) % 360.0],
        "RemoteBordersEroded": eroded,
        "RemoteSlices": [int(k) + stack.first_slice for k in np.unique(chosen[:, 2])],
        "Warnings": [] if eroded else [TOO_THIN],
    }
    return region, facts


def _check(image: np.ndarray, mask: np.ndarray, sector_degrees: float) -> None:
    if np.shape(image) != np.shape(mask):
        raise InputError(
            f"the image has shape {np.shape(image)} but the segmentation {np.shape(mask)}",
            remedy="Give both on the same grid",
        )
    if not 20.0 <= sector_degrees <= 180.0:
        raise InputError(f"the sector is {sector_degrees:g} degrees, where 20-180 is due", remedy="Use 60")


def _darkest_sector(degrees: np.ndarray, signal: np.ndarray, width: float) -> tuple[float, np.ndarray]:
    """The start of the darkest sector and its members, bool (N,), among sectors with enough voxels."""
    fewest = 0.5 * len(degrees) * width / 360.0
    best = (np.inf, 0.0, np.zeros(len(degrees), dtype=bool))
    for start in np.arange(0.0, 360.0, TURN_DEGREES):
        members = np.round(degrees - start, ROUND_MM) % 360.0 < width
        if members.sum() < max(2.0, fewest):
            continue
        mean = float(signal[members].mean())
        if mean < best[0]:
            best = (mean, float(start), members)
    return best[1], best[2]
