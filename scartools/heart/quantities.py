"""How much scar, where: volumes, masses and transmurality of segments, territories and the whole ventricle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scartools.errors import InputError
from scartools.heart import transmurality
from scartools.heart.chords import Chords, centreline_chords
from scartools.heart.heterogeneity import ENTROPY_BINS, scar_pieces, signal_entropy
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
from scartools.heart.segment_columns import COLUMNS as COLUMNS
from scartools.heart.segments import Segments
from scartools.heart.stack import bounding_box, checked_mask, joint_box
from scartools.heart.transmurality import transmurality_bin as transmurality_bin

MYOCARDIAL_DENSITY = 1.05  # g/mL
NAN = float("nan")
REGIONS = 19  # unassigned and the segments of the largest model
PLAUSIBLE_ML = (15.0, 500.0)  # of LV myocardium, from a small child to the heaviest hypertrophy
FOREIGN_SHARE = 0.2  # of a prior outside the myocardium; a prior of these contours has none


@dataclass(frozen=True)
class FromImage:
    """What only the LGE image tells; each part may be missing.

    image    float (X, Y, Z), for the entropy of the scar
    core     bool (X, Y, Z)
    grey     bool (X, Y, Z)
    weights  float (X, Y, Z), share of a voxel that is scar, without labelled no-reflow
    """

    image: np.ndarray | None = None
    core: np.ndarray | None = None
    grey: np.ndarray | None = None
    weights: np.ndarray | None = None


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
    density: float = MYOCARDIAL_DENSITY,
    chords: int = 100,
    model: SegmentModel | None = None,
    seen: FromImage | None = None,
) -> Quantities:
    """Measure scar by segment, territory and ventricle.

    mask      integer (X, Y, Z), labels 0-5 and 255; scar is 3 and 4, myocardium 2, 3 and 4
    affine    float (4, 4), voxel index to RAS+ mm; the volume of a voxel is its determinant
    segments  AHA segments of the same grid (Segments, or uint8 (X, Y, Z)); None for the ventricle alone
    density   g/mL; 1.05 is that of Segment (Medviso) and ukbb_cardiac
    chords    chords a slice for transmurality, see chords.py
    model     how many segments the model has: 16, 17 or 18; None takes that of `segments`, else 17
    seen      what the image tells; without it the columns of entropy, core, grey zone and weights are NaN
    Returns rows: segments, territories, unassigned, ventricle. Segments and unassigned add up to the
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
    names = segment_names(model)
    mask, affine, regions, seen = _cropped(
        mask, affine, _checked_segments(segments, mask, max(names)), seen or FromImage()
    )
    cuts = centreline_chords(mask, affine, segments=regions, chords=chords)
    voxel_ml = abs(float(np.linalg.det(np.asarray(affine, dtype=np.float64)[:3, :3]))) / 1000.0
    counts = _count(mask, regions, seen)
    whole = counts["myocardium"].sum()
    scar = _Scar.of(mask, regions, seen.image)

    def row(level: str, region: str, name: str, members: tuple[int, ...], missing: bool) -> dict[str, Any]:
        """One row of the table: the regions `members` taken together; NaN where `missing` says not imaged."""
        chosen = list(members)
        voxels = {key: NAN if missing else float(column[chosen].sum()) for key, column in counts.items()}
        columns = {
            "level": level,
            "region": region,
            "name": name,
            **_volumes(voxels, float(whole), voxel_ml, density),
            **transmurality.depths(cuts, np.isin(cuts.segment, members)),
            **scar.measures(members, missing),
        }
        return {column: columns[column] for column in COLUMNS}

    rows = []
    if regions is not None:
        for number, name in names.items():
            rows.append(row("segment", str(number), name, (number,), counts["myocardium"][number] == 0))
        for territory, members in segment_territories(model).items():
            empty = counts["myocardium"][list(members)].sum() == 0
            rows.append(row("territory", territory, TERRITORY_NAMES[territory], members, bool(empty)))
        rows.append(row("unassigned", "unassigned", "myocardium in no segment", (0,), False))
    rows.append(row("ventricle", "LV", "left ventricle", tuple(range(REGIONS)), False))
    facts = _facts(mask, regions, counts["myocardium"], cuts, voxel_ml, density)
    facts |= {"ChordsPerSlice": chords, "SegmentModel": model if regions is not None else None}
    facts["Warnings"] += _doubts(mask, regions, counts["myocardium"], voxel_ml, tuple(names))
    return Quantities(tuple(rows), facts)


def fractions_only(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of `quantify` without mL and g, NaN in their place: for volumes whose voxel size is unknown."""
    lost = {name for name, (_, unit) in COLUMNS.items() if unit in ("mL", "g")}
    return [{name: NAN if name in lost else value for name, value in row.items()} for row in rows]


def _checked_segments(segments: Segments | np.ndarray | None, mask: np.ndarray, most: int) -> np.ndarray | None:
    if segments is None:
        return None
    found = np.asarray(segments.map if isinstance(segments, Segments) else segments)
    if found.shape != mask.shape:
        raise InputError(
            f"the segments have shape {found.shape} but the segmentation has {mask.shape}",
            remedy="Make them from this segmentation",
        )
    if found.dtype.kind not in "iu" or (found.size and (found.min() < 0 or found.max() > most)):
        raise InputError(
            f"the segments are not whole numbers from 0 to {most}", remedy="Make them with: scartools aha17"
        )
    return found.astype(np.uint8, copy=False)


def _cropped(
    mask: np.ndarray, affine: np.ndarray, regions: np.ndarray | None, seen: FromImage
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, FromImage]:
    """All of it cut to the box that holds a label or a segment: of a CT, a hundredth is left to look at.

    Raises InputError for images of another shape, and for segments that belong to other contours.
    """
    box = bounding_box(mask != 0)
    if regions is not None and regions.any():
        box = joint_box(box, bounding_box(regions != 0))

    def cut(part: np.ndarray | None) -> np.ndarray | None:
        """The part (X, Y, Z) of an array that lies in the box; InputError for one on another grid."""
        if part is not None and part.shape != mask.shape:
            raise InputError(
                f"an image has shape {part.shape} but the segmentation {mask.shape}",
                remedy="Give both on the same grid",
            )
        return None if part is None else np.ascontiguousarray(part[box])

    moved = np.array(affine, dtype=np.float64)
    if moved.shape == (4, 4):  # whatever else it is, read_stack refuses it
        moved[:3, 3] += moved[:3, :3] @ [part.start for part in box]
    small, names = np.ascontiguousarray(mask[box]), cut(regions)
    if names is not None:
        outside = float(np.count_nonzero(names[~np.isin(small, MYOCARDIUM)])) / max(
            1.0, float(np.count_nonzero(names))
        )
        if outside > FOREIGN_SHARE:
            raise InputError(
                f"{100 * outside:.0f} % of the segments lie outside this myocardium: they are those of other contours",
                remedy="Make them from this segmentation with: scartools aha17",
            )
    return small, moved, names, FromImage(cut(seen.image), cut(seen.core), cut(seen.grey), cut(seen.weights))


def _count(mask: np.ndarray, regions: np.ndarray | None, seen: FromImage) -> dict[str, np.ndarray]:
    """Voxels by region, float64 (19,) each; region 0 is unassigned. Without image, its columns are NaN."""
    muscle = (mask >= min(MYOCARDIUM)) & (mask <= max(MYOCARDIUM))
    labels = mask[muscle]
    names = np.zeros_like(labels) if regions is None else regions[muscle]
    dark = labels == NO_REFLOW

    def total(share: np.ndarray) -> np.ndarray:
        return np.bincount(names, weights=share.astype(np.float64), minlength=REGIONS)

    nothing = np.full(REGIONS, NAN)
    return {
        "myocardium": np.bincount(names, minlength=REGIONS).astype(np.float64),
        "scar": total(np.isin(labels, INFARCT)),
        "no_reflow": total(dark),
        "core": nothing if seen.core is None else total(seen.core[muscle] | dark),
        "grey_zone": nothing if seen.grey is None else total(seen.grey[muscle] & ~dark),
        "scar_weighted": nothing if seen.weights is None else total(np.where(dark, 1.0, seen.weights[muscle])),
    }


@dataclass(frozen=True)
class _Scar:
    """The voxels of scar, (N,) each: the number of their piece, their region, their signal."""

    piece: np.ndarray
    region: np.ndarray
    signal: np.ndarray | None
    span: tuple[float, float]

    @classmethod
    def of(cls, mask: np.ndarray, regions: np.ndarray | None, image: np.ndarray | None) -> _Scar:
        """Take the scar out of a mask, (X, Y, Z), with its regions and its signal where these are known.

        Pieces are numbered over the whole ventricle, so that one that reaches two regions counts in both.
        Raises InputError for an image that is not finite inside the wall, whose span the entropy needs.
        """
        infarct = (mask >= min(INFARCT)) & (mask <= max(INFARCT))
        piece = scar_pieces(infarct)[infarct]
        region = np.zeros_like(piece) if regions is None else regions[infarct]
        if image is None:
            return cls(piece, region, None, (0.0, 0.0))
        wall = image[(mask >= min(MYOCARDIUM)) & (mask <= max(MYOCARDIUM))]
        if not np.isfinite(wall).all():
            raise InputError("the image is NaN or infinite inside the myocardium", remedy="Export it again")
        return cls(piece, region, image[infarct].astype(np.float64), (float(wall.min()), float(wall.max())))

    def measures(self, members: tuple[int, ...], missing: bool) -> dict[str, float]:
        """The columns of pieces and entropy for the regions `members`; NaN where `missing` says not imaged."""
        chosen = np.isin(self.region, members)
        entropy = NAN if self.signal is None else signal_entropy(self.signal[chosen], *self.span)
        pieces = NAN if missing else float(len(np.unique(self.piece[chosen])))
        return {"scar_pieces": pieces, "scar_entropy": entropy}


def _volumes(voxels: dict[str, float], whole: float, voxel_ml: float, density: float) -> dict[str, float]:
    """Volumes, masses and shares of a region from its voxels; NaN stays NaN."""
    voxels = voxels | {"scar_excluding_no_reflow": voxels["scar"] - voxels["no_reflow"]}
    muscle = voxels["myocardium"]
    found = {"lv_percent": 100.0 * voxels["scar"] / whole, "mass_g": muscle * voxel_ml * density}
    for name, count in voxels.items():
        found[f"{name}_ml"] = count * voxel_ml
        found[f"{name}_g"] = count * voxel_ml * density
        found[f"{name}_percent"] = 100.0 * count / muscle if muscle > 0 else NAN
    return found


def _doubts(
    mask: np.ndarray, regions: np.ndarray | None, muscle: np.ndarray, voxel_ml: float, numbers: tuple[int, ...]
) -> list[str]:
    """Sentences the user should see."""
    warnings = []
    ignored = int(np.count_nonzero(mask == IGNORE))
    volume = float(muscle.sum()) * voxel_ml
    if not PLAUSIBLE_ML[0] <= volume <= PLAUSIBLE_ML[1]:
        warnings.append(
            f"{volume:.4g} mL of myocardium is no human left ventricle: check the label scheme and the voxel size"
        )
    if ignored:
        warnings.append(f"{ignored} voxels marked to be ignored (255) count as nothing, not as myocardium")
    if regions is None:
        return warnings
    missing = [number for number in numbers if muscle[number] == 0]
    if missing:
        warnings.append(f"segments not imaged, hence n/a: {', '.join(map(str, missing))}")
    if muscle[0]:
        share = 100.0 * muscle[0] / muscle.sum()
        warnings.append(f"{share:.1f} % of the myocardium lies in no segment and is in the row unassigned")
    outside = int(np.count_nonzero(regions[~np.isin(mask, MYOCARDIUM)]))
    if outside:
        warnings.append(f"{outside} voxels of the segments lie outside the myocardium and were not counted")
    return warnings


def _facts(
    mask: np.ndarray,
    regions: np.ndarray | None,
    muscle: np.ndarray,
    cuts: Chords,
    voxel_ml: float,
    density: float,
) -> dict[str, Any]:
    return {
        "ScarDefinition": "labels 3 (scar) and 4 (no-reflow)",
        "PercentDenominator": "myocardium of this segmentation, labels 2, 3 and 4",
        "Density": density,
        "DensityUnits": "g/mL",
        "VoxelVolume": voxel_ml,
        "VoxelVolumeUnits": "mL",
        "SlicesWithChords": int(len(np.unique(cuts.slice_index))),
        "TransmuralityDefinition": (
            "scar length over wall length along chords perpendicular to the centreline of the wall, within the slice"
        ),
        "TransmuralityBinFrom": "transmurality_mean_percent",
        "EntropyBins": ENTROPY_BINS,
        "ImagedSegments": None if regions is None else [n for n in range(1, REGIONS) if muscle[n] > 0],
        "Warnings": [],
    }
