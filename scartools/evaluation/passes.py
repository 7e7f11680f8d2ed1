"""How far several passes over one image agree about its scar: models of an ensemble, or mirror images.

Roy et al., NeuroImage 2019;195:11, doi:10.1016/j.neuroimage.2019.03.042: of the measures that need no truth, those by
structure follow the true Dice best, the agreement between passes among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from scartools.evaluation.overlap import count, dice
from scartools.heart.nomenclature import INFARCT, MYOCARDIUM


def scar_of(
    labels: np.ndarray, passes: Sequence[np.ndarray], affine: np.ndarray | None
) -> dict[str, float | None]:
    """Return how much scar was found, and how far the passes are from each other.

    labels  uint8 (X, Y, Z) of the toolkit, what all passes together say; passes: what each says by itself
    affine  float (4, 4), voxel index to RAS+ mm; None where no volume may be told
    Returns scar_percent (of the wall), scar_ml, the smallest and largest of both over the passes, and scar_agreement,
    the mean Dice between two of them. None: there is no wall, one pass, or no scar in any of them.
    """
    voxel_ml = None if affine is None else abs(float(np.linalg.det(affine[:3, :3]))) / 1000
    found: dict[str, float | None] = {"scar_percent": _percent(labels), "scar_ml": _ml(labels, voxel_ml)}
    percents = [value for value in map(_percent, passes) if value is not None]
    volumes = [value for value in (_ml(one, voxel_ml) for one in passes) if value is not None]
    for name, values in (("scar_percent", percents), ("scar_ml", volumes)):
        found[f"{name}_low"] = min(values) if values else None
        found[f"{name}_high"] = max(values) if values else None
    between = [dice(count(one, other, INFARCT)) for one, other in combinations(passes, 2)]
    known = [value for value in between if not np.isnan(value)]
    found["scar_agreement"] = float(np.mean(known)) if known else None
    return found


def _percent(labels: np.ndarray) -> float | None:
    wall = int(np.isin(labels, MYOCARDIUM).sum())
    return 100 * int(np.isin(labels, INFARCT).sum()) / wall if wall else None


def _ml(labels: np.ndarray, voxel_ml: float | None) -> float | None:
    return None if voxel_ml is None else int(np.isin(labels, INFARCT).sum()) * voxel_ml
