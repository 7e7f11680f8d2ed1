"""How much scar, where: volumes, masses and transmurality of segments, territories and the whole ventricle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scartools.errors import InputError
from scartools.heart.nomenclature import (
    IGNORE,
    INFARCT,
    MYOCARDIUM,
    NO_REFLOW,
    TERRITORY_NAMES,
    SegmentModel,
    segment_names,
    segment_territories,
)
from scartools.heart.segments import Segments
from scartools.heart.stack import checked_mask
from scartools.heart.transmurality import Chords, radial_chords

MYOCARDIAL_DENSITY = 1.05  # g/mL
NAN = float("nan")
PLAUSIBLE_ML = (15.0, 500.0)  # of LV myocardium, from a small child to the heaviest hypertrophy
FOREIGN_SHARE = 0.2  # of a prior outside the myocardium; a prior of these contours has none

COLUMNS: dict[str, tuple[str, str | None]] = {  # column: (description, unit)
    "level": ("what the row is about: segment, territory, unassigned or ventricle", None),
    "region": (
        "AHA segment (1-17, or as the model has), LAD, RCA, LCX, unassigned (myocardium in no segment) or LV",
        None,
    ),
    "name": ("name of the region; territories are those the AHA standard assigns", None),
    "myocardium_ml": ("volume of the myocardium, scar and no-reflow included", "mL"),
    "mass_g": ("mass of the myocardium, scar and no-reflow included", "g"),
    "scar_ml": ("volume of scar, no-reflow included", "mL"),
    "scar_g": ("mass of scar, no-reflow included", "g"),
    "scar_percent": ("scar as a share of the region's own myocardium", "%"),
    "no_reflow_ml": ("volume of no-reflow alone", "mL"),
    "lv_percent": ("scar of the region as a share of the whole left ventricular myocardium", "%"),
    "transmurality_mean_percent": ("scar length over wall length, mean of all chords of the region", "%"),
    "transmurality_infarcted_percent": ("scar length over wall length, mean of the chords that meet scar", "%"),
    "transmurality_max_percent": ("scar length over wall length, largest of all chords", "%"),
    "endocardial_extent_percent": ("share of the chords with scar in the inner third of the wall", "%"),
    "scar_extent_percent": ("share of the chords with scar anywhere in the wall", "%"),
    "transmurality_bin": ("class of the mean transmurality: 0, 1-25, 26-50, 51-75 or 76-100", "%"),
    "chords": ("chords whose middle of the wall lies in the region", None),
}


@dataclass(frozen=True)
class Quantities:
    """The table and what stands beside it.

    rows   one mapping a region, with the keys of COLUMNS; NaN for what was not imaged or is not defined
    facts  for the sidecar: definitions, density, voxel volume, Warnings
    """

    rows: tuple[dict[str, Any], ...]
    facts: dict[str, Any]


def quantify(
    mask: np.ndarray,
    affine: np.ndarray,
    *,
    segments: Segments | np.ndarray | None = None,
    model: SegmentModel | None = None,
    density: float = MYOCARDIAL_DENSITY,
    chords: int = 100,
) -> Quantities:
    """Measure scar by segment, territory and ventricle.

    mask      integer (X, Y, Z), labels 0-5 and 255; scar is 3 and 4, myocardium 2, 3 and 4
    affine    float (4, 4), voxel index to RAS+ mm; the volume of a voxel is its determinant
    segments  AHA segments of the same grid (Segments, or uint8 (X, Y, Z)); None for the ventricle alone
    model     how many segments the model has; None: what Segments says, else 17
    density   g/mL; 1.05 is that of Segment (Medviso) and ukbb_cardiac
    chords    radial chords a slice for transmurality
    Returns rows: the segments of the model, territories, unassigned, ventricle. Segments and unassigned add up to the
    ventricle. A segment without any voxel is NaN throughout: not imaged, which is not zero. The apex, which
    has no cavity, has volumes but no transmurality.
    Percent scar and grams as in the consensus of Ibanez et al., J Am Coll Cardiol 2019;74:238,
    doi:10.1016/j.jacc.2019.05.024.
    Raises InputError for a mask, density or segments that cannot be measured; GeometryError for a broken
    affine.
    """
    if not (np.isfinite(density) and density > 0):
        raise InputError(f"the density is {density:g} g/mL, where a positive number is due", remedy="Use 1.05")
    mask = checked_mask(mask)
    model = model or (segments.model if isinstance(segments, Segments) else 17)
    regions = _checked_segments(segments, mask, len(segment_names(model)))
    cuts = radial_chords(mask, affine, segments=regions, chords=chords)
    voxel_ml = abs(float(np.linalg.det(np.asarray(affine, dtype=np.float64)[:3, :3]))) / 1000.0
    counts = _count(mask, regions)  # (19, 3)
    whole = counts.sum(axis=0)

    def row(level: str, region: str, name: str, members: tuple[int, ...], missing: bool) -> dict[str, Any]:
        volumes = _volumes(counts[list(members)].sum(axis=0), whole, voxel_ml, density, missing)
        depths = _depths(cuts, np.isin(cuts.segment, members))
        return {"level": level, "region": region, "name": name, **volumes, **depths}

    rows = []
    if regions is not None:
        for number, name in segment_names(model).items():
            rows.append(row("segment", str(number), name, (number,), counts[number, 0] == 0))
        for territory, members in segment_territories(model).items():
            empty = counts[list(members), 0].sum() == 0
            rows.append(row("territory", territory, TERRITORY_NAMES[territory], members, bool(empty)))
        rows.append(row("unassigned", "unassigned", "myocardium in no segment", (0,), False))
    rows.append(row("ventricle", "LV", "left ventricle", tuple(range(19)), False))
    return Quantities(tuple(rows), _facts(mask, regions, counts, cuts, voxel_ml, density, chords, model))


def fractions_only(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of `quantify` without mL and g, NaN in their place: for volumes whose voxel size is unknown."""
    lost = {name for name, (_, unit) in COLUMNS.items() if unit in ("mL", "g")}
    return [{name: NAN if name in lost else value for name, value in row.items()} for row in rows]


def transmurality_bin(percent: float) -> str:
    """The usual five classes; any scar at all is at least "1-25". NaN gives "n/a"."""
    if not np.isfinite(percent):
        return "n/a"
    if percent <= 0.0:
        return "0"
    for border, name in ((25.0, "1-25"), (50.0, "26-50"), (75.0, "51-75")):
        if percent <= border:
            return name
    return "76-100"


def _checked_segments(
    segments: Segments | np.ndarray | None, mask: np.ndarray, largest: int
) -> np.ndarray | None:
    if segments is None:
        return None
    found = np.asarray(segments.map if isinstance(segments, Segments) else segments)
    if found.shape != mask.shape:
        raise InputError(
            f"the segments have shape {found.shape} but the segmentation has {mask.shape}",
            remedy="Make them from this segmentation",
        )
    if found.dtype.kind not in "iu" or (found.size and (found.min() < 0 or found.max() > largest)):
        raise InputError(
            f"the segments are not whole numbers from 0 to {largest}", remedy="Make them with: scartools aha17"
        )
    outside = float(np.count_nonzero(found[~np.isin(mask, MYOCARDIUM)])) / max(
        1.0, float(np.count_nonzero(found))
    )
    if outside > FOREIGN_SHARE:
        raise InputError(
            f"{100 * outside:.0f} % of the segments lie outside this myocardium: they are those of other contours",
            remedy="Make them from this segmentation with: scartools aha17",
        )
    return found.astype(np.uint8, copy=False)


def _count(mask: np.ndarray, regions: np.ndarray | None) -> np.ndarray:
    """Voxels by region, int (19, 3): myocardium, scar with no-reflow, no-reflow. Region 0 is unassigned."""
    muscle = (mask >= min(MYOCARDIUM)) & (mask <= max(MYOCARDIUM))
    labels = mask[muscle]
    names = np.zeros_like(labels) if regions is None else regions[muscle]
    columns = [np.ones(labels.shape, dtype=bool), np.isin(labels, INFARCT), labels == NO_REFLOW]
    return np.stack([np.bincount(names[column], minlength=19) for column in columns], axis=1)


def _volumes(
    voxels: np.ndarray, whole: np.ndarray, voxel_ml: float, density: float, missing: bool
) -> dict[str, float]:
    muscle, scar, dark = (NAN, NAN, NAN) if missing else (float(count) * voxel_ml for count in voxels)
    return {
        "myocardium_ml": muscle,
        "mass_g": muscle * density,
        "scar_ml": scar,
        "scar_g": scar * density,
        "scar_percent": 100.0 * float(voxels[1] / voxels[0]) if voxels[0] else NAN,
        "no_reflow_ml": dark,
        "lv_percent": NAN if missing else 100.0 * float(voxels[1] / whole[0]),
    }


def _depths(cuts: Chords, chosen: np.ndarray) -> dict[str, Any]:
    percent = cuts.percent[chosen]
    infarcted = percent > 0
    mean = float(percent.mean()) if len(percent) else NAN
    return {
        "transmurality_mean_percent": mean,
        "transmurality_infarcted_percent": float(percent[infarcted].mean()) if infarcted.any() else NAN,
        "transmurality_max_percent": float(percent.max()) if len(percent) else NAN,
        "endocardial_extent_percent": 100.0 * float(cuts.inner_scar[chosen].mean()) if len(percent) else NAN,
        "scar_extent_percent": 100.0 * float(infarcted.mean()) if len(percent) else NAN,
        "transmurality_bin": transmurality_bin(mean),
        "chords": len(percent),
    }


def _facts(
    mask: np.ndarray,
    regions: np.ndarray | None,
    counts: np.ndarray,
    cuts: Chords,
    voxel_ml: float,
    density: float,
    chords: int,
    model: SegmentModel,
) -> dict[str, Any]:
    warnings = []
    ignored = int(np.count_nonzero(mask == IGNORE))
    volume = float(counts[:, 0].sum()) * voxel_ml
    if not PLAUSIBLE_ML[0] <= volume <= PLAUSIBLE_ML[1]:
        warnings.append(
            f"{volume:.4g} mL of myocardium is no human left ventricle: check the label scheme and the voxel size"
        )
    if ignored:
        warnings.append(f"{ignored} voxels marked to be ignored (255) count as nothing, not as myocardium")
    imaged = [number for number in segment_names(model) if counts[number, 0] > 0]
    outside = 0
    if regions is not None:
        outside = int(np.count_nonzero(regions[~np.isin(mask, MYOCARDIUM)]))
        missing = [number for number in segment_names(model) if number not in imaged]
        if missing:
            warnings.append(f"segments not imaged, hence n/a: {', '.join(map(str, missing))}")
        if counts[0, 0]:
            share = 100.0 * counts[0, 0] / counts[:, 0].sum()
            warnings.append(f"{share:.1f} % of the myocardium lies in no segment and is in the row unassigned")
        if outside:
            warnings.append(f"{outside} voxels of the segments lie outside the myocardium and were not counted")
    return {
        "ScarDefinition": "labels 3 (scar) and 4 (no-reflow)",
        "PercentDenominator": "myocardium of this segmentation, labels 2, 3 and 4",
        "Density": density,
        "DensityUnits": "g/mL",
        "VoxelVolume": voxel_ml,
        "VoxelVolumeUnits": "mL",
        "ChordsPerSlice": chords,
        "SlicesWithChords": int(len(np.unique(cuts.slice_index))),
        "TransmuralityDefinition": (
            "scar length over wall length along radial chords from the centroid of the LV pool"
        ),
        "TransmuralityBinFrom": "transmurality_mean_percent",
        "SegmentModel": model if regions is not None else None,
        "ImagedSegments": imaged if regions is not None else None,
        "Warnings": warnings,
    }
