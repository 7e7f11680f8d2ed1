"""The truth of a simulated case: scar per AHA segment and for the whole ventricle, measured twice.

On the voxel labels, as any tool sees them, and on a fine grid of the model itself, free of voxel size.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scartools.simulation import anatomy
from scartools.simulation.anatomy import HeartShape
from scartools.simulation.case import SimulatedCase
from scartools.simulation.scar import DepthField, Scar, depth_field, fibrosis, scar_class
from scartools.simulation.scar_history import scars_at
from scartools.simulation.stack import heart_steps
from scartools.simulation.subject import Subject

DENSITY_G_PER_ML = 1.05  # of myocardium
ANGLE_DEG, LEVEL_MM, DEPTHS = 2.0, 1.0, 24  # the fine grid
SECTOR_DEG = 5.0  # a chord of the voxel labels is a sector this wide
BORDER_SHARES = (0.05, 0.95)  # the border zone is the wall whose share of fibrosis lies between these
COLUMNS: dict[str, tuple[str, str]] = {
    "participant_id": ("subject", ""),
    "level": ("segment or ventricle", ""),
    "segment": ("AHA segment 1-17; 0 for the ventricle", ""),
    "pattern": (
        "of the scars that may lie here: ischaemic, midwall, epicardial or insertion; n/a for none",
        "",
    ),
    "myocardium_ml": ("wall on the voxel labels, scar and no-reflow included", "mL"),
    "scar_ml": ("scar and no-reflow on the voxel labels", "mL"),
    "no_reflow_ml": ("no-reflow on the voxel labels", "mL"),
    "border_zone_ml": ("wall whose share of fibrosis is 0.05 to 0.95, by voxel means", "mL"),
    "scar_fraction": ("scar_ml over myocardium_ml", "1"),
    "transmural_depth": ("mean over all chords of the scarred part of the wall, on the voxel labels", "1"),
    "fine_myocardium_ml": ("wall of the model, imaged or not", "mL"),
    "fine_scar_ml": ("scar and no-reflow of the model", "mL"),
    "fine_no_reflow_ml": ("no-reflow of the model", "mL"),
    "fine_border_zone_ml": ("wall of the model whose share of fibrosis is 0.05 to 0.95", "mL"),
    "fine_scar_fraction": ("fine_scar_ml over fine_myocardium_ml", "1"),
    "fine_transmural_depth": ("mean over all radial chords of the scarred part of the wall, of the model", "1"),
    "pool_ml": ("LV pool on the voxel labels; ventricle only", "mL"),
    "mass_g": ("myocardium_ml times 1.05 g/mL; ventricle only", "g"),
    "scar_percent": ("scar_ml in percent of myocardium_ml; ventricle only", "%"),
}
MEASURED = ("myocardium", "scar", "no_reflow", "border_zone")  # mL, in the order of the columns
# The scar on the day of an ECG, by the model alone: nobody imaged it that day.
ECG_COLUMNS: dict[str, tuple[str, str]] = {
    "participant_id": ("subject", ""),
    "ecg_id": ("ECG", ""),
    "ecg_date": ("day of the ECG", ""),
    "signed_days": ("ECG minus MRI: negative when the ECG came first", "day"),
    "level": ("segment or ventricle", ""),
    "segment": ("AHA segment 1-17; 0 for the ventricle", ""),
    "ecg_scar_ml": ("scar and no-reflow of the model on the day of the ECG", "mL"),
    "ecg_border_zone_ml": ("border zone of the model on the day of the ECG", "mL"),
    "ecg_transmural_depth": ("as fine_transmural_depth, on the day of the ECG", "1"),
    "mri_scar_ml": ("fine_scar_ml: the same on the day of the MRI", "mL"),
    "mri_border_zone_ml": ("fine_border_zone_ml", "mL"),
    "mri_transmural_depth": ("fine_transmural_depth", "1"),
}
Sums = dict[str, np.ndarray]


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def _per_segment(segment: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Sums of the weights by segment, (19,): 0 outside the segments, 1-17, and 18 all together."""
    sums = np.bincount(segment.ravel(), weights=weight.ravel(), minlength=18)
    return np.append(sums, weight.sum())


def _chord_means(scarred: np.ndarray, wall: np.ndarray, chord: np.ndarray, segment: np.ndarray) -> np.ndarray:
    """Mean over the chords of their scarred fraction, by segment (19,); all arrays (N,)."""
    key = chord.astype(np.int64) * 18 + segment
    keys, inverse = np.unique(key, return_inverse=True)
    fraction = np.bincount(inverse, weights=scarred) / np.bincount(inverse, weights=wall)
    owner = (keys % 18).astype(np.int64)
    return _ratio(_per_segment(owner, fraction), _per_segment(owner, np.ones(owner.size)))


def _on_voxels(case: SimulatedCase) -> Sums:
    stack = case.subject.stack
    where = np.argwhere((case.labels >= 2) & (case.labels <= 4))  # (N, 3)
    label = case.labels[tuple(where.T)].astype(np.int64)
    segment = case.segments[tuple(where.T)].astype(np.int64)
    ml = np.full(label.size, abs(np.linalg.det(case.affine[:3, :3])) / 1000.0)
    start, steps = heart_steps(case.subject.pose, stack)
    index = where.astype(float)
    index[:, :2] += np.array(stack.shifts_mm)[where[:, 2]] / stack.pixel_mm
    s, a = (start[c] + (index * steps[c]).sum(axis=1) for c in range(2))
    # A sector widens outwards: weights 1/r turn the area of its voxels into a length along the radius.
    length = 1.0 / np.maximum(np.hypot(s, a), stack.pixel_mm)
    sector = (np.degrees(np.arctan2(s, a)) % 360.0 / SECTOR_DEG).astype(np.int64)
    chord = where[:, 2] * round(360.0 / SECTOR_DEG) + sector
    return {
        "myocardium": _per_segment(segment, ml),
        "scar": _per_segment(segment, ml * (label >= 3)),
        "no_reflow": _per_segment(segment, ml * (label == 4)),
        "border_zone": _per_segment(segment, ml * _mixed(case.fibrosis[tuple(where.T)])),
        "depth": _chord_means(length * (label >= 3), length, chord, segment),
    }


def _mixed(share: np.ndarray) -> np.ndarray:
    return (share > BORDER_SHARES[0]) & (share < BORDER_SHARES[1])


def _on_model(shape: HeartShape, field: DepthField) -> Sums:
    angles = np.radians(np.arange(ANGLE_DEG / 2, 360.0, ANGLE_DEG))
    levels = np.arange(-shape.apex_wall_mm + LEVEL_MM / 2, anatomy.cavity_top(shape), LEVEL_MM)
    theta, b = (grid.ravel() for grid in np.meshgrid(angles, levels, indexing="ij"))
    endo, epi = anatomy.endocardium(shape, theta, b), anatomy.epicardium(shape, theta, b)
    chord = np.flatnonzero((epi > endo) & (b <= anatomy.wall_top(shape, theta)))
    part = (np.arange(DEPTHS) + 0.5) / DEPTHS
    theta, b, endo, epi = (np.repeat(values[chord], DEPTHS) for values in (theta, b, endo, epi))
    r = endo + np.tile(part, chord.size) * (epi - endo)
    depth = anatomy.wall_depth(shape, theta, r, b, endo, epi)
    label = scar_class(field, theta, b, depth)
    mixed = _mixed(fibrosis(field, theta, b, depth)) & (label != 4)
    segment = anatomy.aha_segment(shape, theta, b).astype(np.int64)
    ml = r * (epi - endo) / DEPTHS * np.radians(ANGLE_DEG) * LEVEL_MM / 1000.0
    number = np.repeat(np.arange(chord.size), DEPTHS)
    return {
        "myocardium": _per_segment(segment, ml),
        "scar": _per_segment(segment, ml * (label >= 3)),
        "no_reflow": _per_segment(segment, ml * (label == 4)),
        "border_zone": _per_segment(segment, ml * mixed),
        "depth": _chord_means((label >= 3).astype(float), np.ones(label.size), number, segment),
    }


def _patterns(scars: tuple[Scar, ...], segment: int) -> str:
    """Patterns of the scars that may lie in a segment, or in any for 0; joined by ;."""
    found = sorted({scar.pattern for scar in scars if segment in (0, *scar.segments)})
    return ";".join(found) or "n/a"


def scar_truth(case: SimulatedCase) -> list[dict[str, Any]]:
    """Scar of a case per AHA segment and for the ventricle.

    case     a simulated case
    Returns  18 flat rows with the keys of COLUMNS: segments 1 to 17, then the ventricle (segment 0), which
             includes the open ring above the base plane. What no voxel shows is NaN on the voxels, never 0.
    """
    shape, scars = case.subject.shape, case.subject.scars
    voxels, model = _on_voxels(case), _on_model(shape, depth_field(shape, scars))
    voxel_fraction = _ratio(voxels["scar"], voxels["myocardium"])
    model_fraction = _ratio(model["scar"], model["myocardium"])
    imaged = voxels["myocardium"] > 0
    pool = float((case.labels == 1).sum()) * abs(float(np.linalg.det(case.affine[:3, :3]))) / 1000.0
    rows: list[dict[str, Any]] = []
    for k in range(1, 19):
        ventricle = k == 18
        mass = float(voxels["myocardium"][k]) * DENSITY_G_PER_ML
        values = (
            case.subject.participant_id,
            "ventricle" if ventricle else "segment",
            0 if ventricle else k,
            _patterns(scars, 0 if ventricle else k),
            *(float(voxels[name][k]) if imaged[k] else np.nan for name in MEASURED),
            float(voxel_fraction[k]),
            float(voxels["depth"][k]),
            *(float(model[name][k]) for name in MEASURED),
            float(model_fraction[k]),
            float(model["depth"][k]),
            pool if ventricle else np.nan,
            mass if ventricle else np.nan,
            100.0 * float(voxel_fraction[k]) if ventricle else np.nan,
        )
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def ecg_scar_truth(subject: Subject, ecg_id: str, ecg_date: str, days: int) -> list[dict[str, Any]]:
    """Scar of a subject on the day of an ECG beside that of the MRI, both of the model.

    days     from the MRI to the ECG, negative before it
    Returns  18 flat rows with the keys of ECG_COLUMNS: segments 1 to 17, then the ventricle (segment 0).
    """
    shape = subject.shape
    then = _on_model(shape, depth_field(shape, scars_at(subject, days)))
    now = _on_model(shape, depth_field(shape, subject.scars))
    rows = []
    for k in range(1, 19):
        values = (
            *(subject.participant_id, ecg_id, ecg_date, days),
            *(("ventricle", 0) if k == 18 else ("segment", k)),
            *(float(sums[name][k]) for sums in (then, now) for name in ("scar", "border_zone", "depth")),
        )
        rows.append(dict(zip(ECG_COLUMNS, values, strict=True)))
    return rows
