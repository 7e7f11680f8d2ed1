"""Remote myocardium chosen from the image: in each slice a dark sector, away from the borders of the wall."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from scartools.errors import InputError
from scartools.heart.nomenclature import MYOCARDIUM, NO_REFLOW
from scartools.heart.short_axis_view import view_from_apex
from scartools.heart.slices import ROUND_MM, Slices, left_ventricle, measure_slices
from scartools.heart.stack import Stack, read_stack
from scartools.heart.thresholds import FEWEST_REMOTE_VOXELS

TURN_DEGREES = 5.0
FEWEST_A_SLICE = 5  # voxels
LIKE_THE_DARKEST = 1.0  # SDs of the darkest sector
OUTLYING = 4.0  # robust SDs from the median of the slices; a slice beyond holds no remote myocardium
_IN_PLANE = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)[:, :, None]
HEAVY_TAIL = 1.6  # SD over the robust SD; a single tissue with noise stays near 1
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])[:, :, np.newaxis]  # neighbours within the slice
TOO_THIN = "the wall is too thin to leave out its borders, so the remote region may hold pool or fat"


def remote_region(
    image: np.ndarray, mask: np.ndarray, affine: np.ndarray, *, sector_degrees: float = 60.0
) -> tuple[np.ndarray, dict[str, Any]]:
    """Choose remote myocardium for n-SD or FWHM.

    image           float (X, Y, Z), LGE
    mask            integer (X, Y, Z), labels 0-5 and 255; the scar label is not looked at, so that the choice stays
                    independent of it; no-reflow (4) and its neighbours, dark as they are, are never remote
    affine          float (4, 4), voxel index to RAS+ mm
    sector_degrees  width of the sector
    The wall loses one voxel at its borders within each slice, where pool, fat or RV mix in; where that
    leaves too little, it stays whole, with a warning. In every slice with a cavity a sector is turned in
    steps of 5 degrees. Of the sectors whose mean lies within one SD of the darkest, the middle one is
    taken: scar that goes round the ventricle from slice to slice then leaves remote myocardium in each. A
    slice whose sector is brighter than those of the others by more than 4 robust standard deviations has no
    remote myocardium and is left out. The n-SD literature draws remote myocardium by hand in the same slice
    (Bondarenko et al., JCMR 2005;7:481, doi:10.1081/JCMR-200053623); this rule is this toolkit's;
    preferring the dark, its mean and SD lie some 10-20 % below those of all healthy myocardium.
    Returns bool (X, Y, Z) and facts RemoteRule, RemoteSectors (slice and degrees from patient left in the view along
    the slice normal), RemoteBordersEroded, RemoteSlicesLeftOut, Warnings.
    """
    if np.shape(image) != np.shape(mask):
        raise InputError(
            f"the image has shape {np.shape(image)} but the segmentation {np.shape(mask)}",
            remedy="Give both on the same grid",
        )
    if not 20.0 <= sector_degrees <= 180.0:
        raise InputError(f"the sector is {sector_degrees:g} degrees, where 20-180 is due", remedy="Use 60")
    stack = read_stack(mask, affine)
    slices = measure_slices(stack)
    signal = np.moveaxis(np.asarray(image), stack.slice_axis, 2)[stack.box].astype(np.float64)
    inner, eroded = _candidates(stack, slices, signal, sector_degrees)
    by_slice = _dark_sectors(stack, slices, signal, inner, sector_degrees)
    if not by_slice:
        raise InputError("no slice has enough myocardium for a remote region", remedy="Give --remote")
    kept, left_out = _without_outliers(by_slice, signal)
    region = np.zeros(np.shape(mask), dtype=bool)
    chosen = np.concatenate([voxels for _, voxels in kept.values()])
    np.moveaxis(region, stack.slice_axis, 2)[stack.box][tuple(chosen.T)] = True
    facts = {
        "RemoteRule": (
            f"in each slice, of the {sector_degrees:g}-degree sectors with a mean within {LIKE_THE_DARKEST:g} SD of "
            "the darkest, the middle one"
        ),
        "RemoteSectors": [
            {"Slice": k + stack.first_slice, "Degrees": [start, (start + sector_degrees) % 360.0]}
            for k, (start, _) in kept.items()
        ],
        "RemoteSectorFrame": "degrees from patient left, seen along the slice normal from the patient's feet",
        "RemoteBordersEroded": eroded,
        "RemoteSlicesLeftOut": [k + stack.first_slice for k in left_out],
        "Warnings": _doubts(signal[tuple(chosen.T)], eroded, left_out, len(by_slice)),
    }
    return region, facts


def remote_of_segments(
    mask: np.ndarray, affine: np.ndarray, segments: np.ndarray, numbers: list[int]
) -> np.ndarray:
    """Remote myocardium from segments that a reader knows to be healthy: bool (X, Y, Z).

    mask      integer (X, Y, Z), labels 0-5 and 255; the scar label is not looked at, no-reflow is left out
    affine    float (4, 4), voxel index to RAS+ mm
    segments  uint8 (X, Y, Z), AHA segments
    numbers   those that are remote
    The wall loses one voxel at its borders within each slice, as in remote_region. Raises InputError where
    nothing is left.
    """
    stack = read_stack(mask, affine)
    cross = np.moveaxis(_IN_PLANE, 2, stack.slice_axis)
    wall = np.isin(mask, MYOCARDIUM)
    dark = ndimage.binary_dilation(mask == NO_REFLOW, structure=cross)
    found = ndimage.binary_erosion(wall, structure=cross) & ~dark & np.isin(segments, numbers)
    if found.sum() < 2:
        raise InputError(
            f"segments {', '.join(map(str, numbers))} hold no remote myocardium away from the borders of the wall",
            remedy="Name other segments, or give a mask",
        )
    return np.asarray(found)


def _candidates(
    stack: Stack, slices: Slices, signal: np.ndarray, sector_degrees: float
) -> tuple[np.ndarray, bool]:
    """Voxels that may be remote, bool (I, J, K), and whether the borders of the wall were left out."""
    dark = stack.labels == NO_REFLOW
    dark |= ndimage.binary_dilation(dark, structure=_IN_PLANE)
    wall = np.isin(stack.labels, MYOCARDIUM) & left_ventricle(stack.labels)
    wall[:, :, ~(slices.cavity & slices.ventricle)] = False
    wall &= np.isfinite(signal)
    inner = wall & ndimage.binary_erosion(wall, structure=_IN_PLANE) & ~dark
    if inner.sum() >= FEWEST_REMOTE_VOXELS * 360.0 / sector_degrees:
        return inner, True
    return wall & ~dark, False


def _dark_sectors(
    stack: Stack, slices: Slices, signal: np.ndarray, inner: np.ndarray, width: float
) -> dict[int, tuple[float, np.ndarray]]:
    """The start, degrees, and the voxels, int (N, 3), of the darkest sector of each slice that has one."""
    # One side of the slices, whatever the order of the array: from the feet, or the back where they lie flat.
    upwards = stack.normal @ np.array([0.01, 0.1, 1.0]) >= 0
    view = view_from_apex(stack.normal if upwards else -stack.normal)
    found: dict[int, tuple[float, np.ndarray]] = {}
    for k in np.flatnonzero(inner.any(axis=(0, 1))).tolist():
        voxels = np.argwhere(inner[:, :, k])
        voxels = np.column_stack([voxels, np.full(len(voxels), k)])  # (N, 3)
        degrees = view.degrees(stack.world(voxels) - slices.centre[k])
        sector = _dark_sector(degrees, signal[tuple(voxels.T)], width)
        if sector is not None:
            found[k] = (sector[0], voxels[sector[1]])
    return found


def _dark_sector(degrees: np.ndarray, signal: np.ndarray, width: float) -> tuple[float, np.ndarray] | None:
    """The start of a dark sector and its members, bool (N,), among sectors with enough voxels.

    The darkest sector is dark by chance too. Those within one of its SDs are as likely free of scar; the
    middle one of them, by mean signal, is taken.
    """
    fewest = max(FEWEST_A_SLICE, 0.5 * len(degrees) * width / 360.0)
    sectors = []
    for start in np.arange(0.0, 360.0, TURN_DEGREES):
        members = np.round(degrees - start, ROUND_MM) % 360.0 < width
        if members.sum() >= fewest:
            sectors.append((float(signal[members].mean()), float(start), members))
    if not sectors:
        return None
    sectors.sort(key=lambda sector: sector[:2])
    limit = sectors[0][0] + LIKE_THE_DARKEST * float(signal[sectors[0][2]].std())
    like = [sector for sector in sectors if sector[0] <= limit]
    _, start, members = like[(len(like) - 1) // 2]
    return start, members


def _without_outliers(
    by_slice: dict[int, tuple[float, np.ndarray]], signal: np.ndarray
) -> tuple[dict[int, tuple[float, np.ndarray]], list[int]]:
    """Leave out the slices whose darkest sector is far brighter than those of the others: all scar there."""
    means = {k: float(signal[tuple(voxels.T)].mean()) for k, (_, voxels) in by_slice.items()}
    within = np.median([float(signal[tuple(voxels.T)].std()) for _, voxels in by_slice.values()])
    middle = float(np.median(list(means.values())))
    spread = float(np.median(np.abs(np.array(list(means.values())) - middle))) * 1.4826
    limit = middle + OUTLYING * max(spread, float(within) / 2)
    left_out = [k for k, mean in means.items() if mean > limit]
    return {k: found for k, found in by_slice.items() if k not in left_out}, left_out


def _doubts(values: np.ndarray, eroded: bool, left_out: list[int], slices: int) -> list[str]:
    """Sentences about a remote region that may not be remote."""
    doubts = []
    if not eroded:
        doubts.append(
            "the wall is too thin to leave out its borders, so the remote region may hold pool or fat"
        )
    if left_out:
        doubts.append(
            f"{len(left_out)} of {slices} slices show no dark myocardium and gave none to the remote region"
        )
    robust = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    if robust > 0 and float(values.std()) > HEAVY_TAIL * robust:
        doubts.append(
            f"the remote region is not one tissue (SD {values.std():.3g}, robust SD {robust:.3g}): it may hold scar, "
            "so give --remote"
        )
    return doubts
