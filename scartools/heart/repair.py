"""A mask mended for geometry: holes filled, islands left out, so that damage moves no centre and no septum.

The labels that a command writes are never those: they stay exactly as they were given. Only the cavity whose
centroid is the centre of a slice, the wall that must be a ring, and the right ventricle that shows the septum
are read from the mended copy; every repair is listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from scartools.heart.nomenclature import LV_POOL, MYOCARDIUM, RV_POOL

SMALLEST_RV = 0.1  # of the largest piece of RV in the slice; a smaller piece says nothing about the septum
_EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class Mended:
    """What geometry is read from, slice axis last.

    cavity   bool (I, J, K): the largest piece of LV pool in each slice, without holes
    wall     bool (I, J, K): myocardium of the ventricle itself, whatever hangs loose in its slice left out
    rv       bool (I, J, K): RV pool without stray pieces
    repairs  one mapping a slice and kind of damage: Slice (of the box), What, Voxels
    """

    cavity: np.ndarray
    wall: np.ndarray
    rv: np.ndarray
    repairs: tuple[dict[str, Any], ...]


def mend(labels: np.ndarray, body: np.ndarray) -> Mended:
    """Mend each slice: uint8 labels (I, J, K) and bool body (I, J, K), the ventricle without islands.

    In a slice only the largest piece of the body counts. Its cavity is its largest piece of pool with all holes
    filled, whatever they hold: unlabelled blood, papillary muscle, noise. Pieces of equal size all stay, for
    which came first would depend on the order of the array.
    """
    muscle = (labels >= min(MYOCARDIUM)) & (labels <= max(MYOCARDIUM))
    cavity, wall = np.zeros_like(labels, dtype=bool), np.zeros_like(labels, dtype=bool)
    rv = labels == RV_POOL
    repairs: list[dict[str, Any]] = []

    def note(k: int, what: str, voxels: int) -> None:
        if voxels:
            repairs.append({"Slice": k, "What": what, "Voxels": voxels})

    for k in np.flatnonzero(body.any(axis=(0, 1))).tolist():
        piece = _largest(body[:, :, k])
        inside = (muscle | (labels == LV_POOL))[:, :, k]
        note(k, "islands left out", int(inside.sum() - piece.sum()))
        pool = piece & (labels[:, :, k] == LV_POOL)
        main = _largest(pool) if pool.any() else pool
        note(k, "pool outside the cavity left out", int(pool.sum() - main.sum()))
        cavity[:, :, k] = _filled(main)
        note(k, "holes in the cavity filled", int(cavity[:, :, k].sum() - main.sum()))
        wall[:, :, k] = piece & muscle[:, :, k] & ~cavity[:, :, k]
        solid = _filled(piece)
        note(k, "holes in the wall passed over", int((solid & ~piece & ~cavity[:, :, k]).sum()))
    for k in np.flatnonzero(rv.any(axis=(0, 1))).tolist():
        kept = _largest(rv[:, :, k], SMALLEST_RV)
        note(k, "stray pieces of RV left out", int(rv[:, :, k].sum() - kept.sum()))
        rv[:, :, k] = kept
    return Mended(cavity, wall, rv, tuple(repairs))


def _largest(inside: np.ndarray, share: float = 1.0) -> np.ndarray:
    """The largest piece of a slice, bool (I, J), and every piece of at least `share` of its size."""
    pieces, count = ndimage.label(inside, structure=_EIGHT)
    if count < 2:
        return inside
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= share * sizes.max())[pieces])


def _filled(inside: np.ndarray) -> np.ndarray:
    """A slice, bool (I, J), without holes: what cannot be reached from outside is inside."""
    outside, count = ndimage.label(np.pad(~inside, 1, constant_values=True))
    return inside if count < 2 else np.asarray((outside != outside[0, 0])[1:-1, 1:-1])
