"""One simulated LGE study: image, labels and AHA segments of a subject on one grid."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scartools.errors import InputError
from scartools.simulation import anatomy, lge
from scartools.simulation.scar import DepthField, depth_field
from scartools.simulation.stack import heart_steps
from scartools.simulation.subject import Subject
from scartools.simulation.tissue import (
    LABEL_OF_TISSUE,
    Body,
    Tissue,
    atrium_tissue,
    body_tissue,
    draw_body,
    heart_tissue,
)

SAMPLES = 17  # per voxel; odd, so that two tissues never tie
_IMAGE_STREAM = 1  # of the random numbers: 0 draws the subject
LABEL_RULE = (
    "background, pool, wall or RV pool by most samples; in the wall healthy, scar or no-reflow by most; "
    "the segment by most samples of that label; the lowest on a tie"
)


@dataclass(frozen=True)
class SimulatedCase:
    """An LGE stack with its truth. Arrays are (X, Y, Z) on the grid of `affine` (RAS+ mm)."""

    subject: Subject
    image: np.ndarray  # float32, magnitude or signed
    labels: np.ndarray  # uint8: 0 background, 1 LV pool, 2 healthy, 3 scar, 4 no-reflow, 5 RV pool
    segments: np.ndarray  # uint8: AHA 1-17 in the wall, 0 elsewhere and above the base plane
    fibrosis: np.ndarray  # float32: share of fibrosis of the wall in a wall voxel, 0 elsewhere; 1 in no-reflow
    affine: np.ndarray  # float64 (4, 4)
    facts: dict[str, Any]


Axes3 = tuple[np.ndarray, np.ndarray, np.ndarray]


def _voxel_centres(subject: Subject) -> Axes3:
    """Heart-frame coordinates (s, a, b) of the voxel centres, each float32 (X, Y, Z), breathing included."""
    stack = subject.stack
    start, steps = heart_steps(subject.pose, stack)
    nx, ny, nz = stack.shape
    shifts = np.array(stack.shifts_mm) / stack.pixel_mm  # (Z, 2) voxels
    i = np.arange(nx)[:, None, None] + shifts[:, 0]
    j = np.arange(ny)[None, :, None] + shifts[:, 1]
    k = np.arange(nz)[None, None, :]
    s, a, b = (
        (start[c] + steps[c, 0] * i + steps[c, 1] * j + steps[c, 2] * k).astype(np.float32) for c in range(3)
    )
    return s, a, b


def _sample_offsets(subject: Subject, samples: int) -> np.ndarray:
    """Offsets of the samples of a voxel in the heart frame, (N, 3) mm.

    A lattice: evenly spaced through the slice thickness, spread by the plastic number in the plane
    (the two-dimensional golden ratio), so that few samples see the voxel without the grain of a regular grid.
    """
    _, steps = heart_steps(subject.pose, subject.stack)
    number = np.arange(samples)
    plastic = 1.3247179572447460
    first, second = ((number / plastic**power) % 1.0 for power in (1, 2))
    slab = subject.stack.thickness_mm / subject.stack.step_mm
    parts = np.stack([first, second, slab * (number + 0.5) / samples], axis=1)  # (N, 3) voxels
    parts -= parts.mean(axis=0)
    return (parts[:, None, :] * steps[None, :, :]).sum(axis=2)


def _near_heart(subject: Subject, centres: Axes3) -> np.ndarray:
    """Flat indices of the voxels that may hold a part of the heart or of the fat on it."""
    shape, (s, a, b) = subject.shape, centres
    reach = shape.cavity_radius_mm * 1.08 + shape.septal_wall_mm + 1.5 * shape.fat_mm + 2.0
    wide = reach + shape.rv_width_mm + shape.rv_wall_mm
    half_step = subject.stack.step_mm / 2 + 2.0
    levels = (b > -shape.apex_wall_mm - shape.fat_mm - half_step) & (
        b < anatomy.cavity_top(shape) + 8.0 + half_step
    )
    return np.flatnonzero((s > -reach) & (s < wide) & (np.abs(a) < 1.35 * reach) & levels)


def _vote(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Label and segment by majority from counts (labels, segments, N): see LABEL_RULE."""
    by_label = counts.sum(axis=1)  # (labels, N)
    part = np.stack([by_label[0], by_label[1], by_label[2:5].sum(axis=0), by_label[5]]).argmax(axis=0)
    labels = np.where(part == 2, 2 + by_label[2:5].argmax(axis=0), np.where(part == 3, 5, part))
    own = counts[labels, :, np.arange(counts.shape[2])]  # (N, segments)
    segments = np.where(part == 2, own.argmax(axis=1), 0)
    return labels.astype(np.uint8), segments.astype(np.uint8)


def _surroundings(subject: Subject, centres: Axes3, body: Body) -> tuple[np.ndarray, np.ndarray]:
    """Body tissue at two levels of each slice, uint8 (2, X, Y, Z), and the anterior coordinate in mm."""
    axes = np.array([subject.pose.septum, subject.pose.anterior, subject.pose.base])
    _, steps = heart_steps(subject.pose, subject.stack)
    half = subject.shape.cavity_length_mm / 2
    levels = []
    for part in (-0.25, 0.25):
        s, a, b = (centre + np.float32(part * steps[c, 2]) for c, centre in enumerate(centres))
        world = [
            s * np.float32(x) + a * np.float32(y) + (b - np.float32(half)) * np.float32(z) for x, y, z in axes.T
        ]
        levels.append(atrium_tissue(subject.shape, s, a, b, body_tissue(body, world[0], world[1], world[2])))
    return np.stack(levels), world[1]


def _mean_of(values: np.ndarray, tissues: np.ndarray) -> np.ndarray:
    """Mean over the levels of the values of their tissues, float32 (X, Y, Z)."""
    return np.asarray(values[tissues].mean(axis=0))


@dataclass(frozen=True)
class _HeartSums:
    """What the samples of N voxels saw: counts (labels, segments, N); means (N,), nothing outside the heart."""

    counts: np.ndarray
    signal: np.ndarray
    texture: np.ndarray
    outside: np.ndarray  # share of the samples outside the heart
    fibrosis: np.ndarray  # mean share of fibrosis of the samples in the LV wall, 0 where there are none


def _sample_heart(subject: Subject, field: DepthField, points: list[np.ndarray], samples: int) -> _HeartSums:
    """Look up the tissue at every sample of voxels; points: their centres s, a and b, each (N,) mm."""
    signals = lge.tissue_signals(subject.contrast, subject.artefacts.slow_flow_gain)
    textures = lge.tissue_texture()
    s, a, b = points
    counts = np.zeros((6, 18, s.size), dtype=np.uint8)
    signal, texture, outside, fibrosis = (np.zeros(s.size, np.float32) for _ in range(4))
    everyone = np.arange(s.size)
    for ds, da, db in _sample_offsets(subject, samples).astype(np.float32):
        where = (s + ds, a + da, b + db)
        tissue, segment, share = heart_tissue(subject.shape, field, *where, subject.artefacts.slow_flow)
        counts[LABEL_OF_TISSUE[tissue], segment, everyone] += 1
        signal += lge.mixed_in_wall(signals, tissue, share)
        texture += lge.mixed_in_wall(textures, tissue, share)
        outside += tissue == Tissue.SURROUNDINGS
        fibrosis += share
    wall = counts[2:5].sum(axis=(0, 1))
    fibrosis /= np.maximum(wall, 1)
    return _HeartSums(counts, signal / samples, texture / samples, outside / samples, fibrosis)


def _facts(subject: Subject, field: DepthField) -> dict[str, Any]:
    pose, stack = subject.pose, subject.stack
    volumes = anatomy.solid_volumes(subject.shape)
    return {
        "ParticipantId": subject.participant_id,
        "Seed": subject.seed,
        "SubjectIndex": subject.index,
        "MriDate": subject.mri_date,
        "LabelRule": LABEL_RULE,
        "SeptumDirection": list(pose.septum),
        "AnteriorDirection": list(pose.anterior),
        "BaseDirection": list(pose.base),
        "CavityEnd": list(pose.cavity_end_mm),
        "CavityLength": subject.shape.cavity_length_mm,
        "SliceOrder": "apex-first" if stack.apex_first else "base-first",
        "LeftHanded": stack.left_handed,
        "SliceThickness": stack.thickness_mm,
        "SliceStep": stack.step_mm,
        "SliceShifts": [list(shift) for shift in stack.shifts_mm],
        "StackTilt": stack.tilt_deg,
        "InversionTime": subject.contrast.inversion_time_ms,
        "NullingError": subject.contrast.nulling_error,
        "SolidPoolMl": volumes["pool"],
        "SolidMyocardiumMl": volumes["myocardium"],
        "Sequence": "psir" if subject.contrast.psir else "magnitude",
        "PhaseAxis": subject.artefacts.phase_axis,
        "GhostStrengths": list(subject.artefacts.ghosts),
        "MovedSlices": [k for k, steps in enumerate(subject.artefacts.moved_pixels) if any(steps)],
        "SlowFlow": [asdict(flow) for flow in subject.artefacts.slow_flow],
        "Dilation": subject.dilation,
        "DeepestScar": float(np.minimum(field.depth, 1.0).max()),
        "ScarPatterns": [scar.pattern for scar in subject.scars],
        "ScarEventDays": [scar.event_days for scar in subject.scars],
        "BorderZoneMm": [scar.border_zone_mm for scar in subject.scars],
        "Warnings": (),
    }


def draw_chest(subject: Subject) -> Body:
    """The chest that surrounds a subject's heart in the image, drawn again from the image's own stream."""
    return draw_body(np.random.default_rng([subject.seed, subject.index, _IMAGE_STREAM]))


def simulate_case(subject: Subject, *, samples: int = SAMPLES) -> SimulatedCase:
    """Image a subject: LGE stack, labels and AHA segments.

    subject  the drawn parameters
    samples  points per voxel at which tissue is looked up, 1 to 255
    Returns image and fibrosis float32, labels and segments uint8, all (X, Y, Z); affine float64 (4, 4) to RAS+ mm; facts.
    A voxel is background, pool, wall or RV pool by most of its samples; a wall voxel is healthy, scar or
    no-reflow by most of its wall samples, and its segment that of most samples of its own label: a scar voxel
    always lies in a segment that was given a scar. Breathing moves image and labels of a slice together.
    The same subject gives the same bytes.
    Raises InputError when samples is not 1 to 255.
    """
    if not 1 <= samples <= 255:
        raise InputError(f"{samples} samples per voxel", remedy="Give 1 to 255; an odd number avoids ties")
    field = depth_field(subject.shape, subject.scars)
    rng = np.random.default_rng([subject.seed, subject.index, _IMAGE_STREAM])
    signals, textures = lge.tissue_signals(subject.contrast), lge.tissue_texture()  # slow blood is in the heart
    centres = _voxel_centres(subject)
    around, anterior = _surroundings(subject, centres, draw_body(rng))
    signal, texture = _mean_of(signals, around), _mean_of(textures, around)
    with_vessels = np.array([tissue in (Tissue.LUNG, Tissue.LIVER) for tissue in Tissue], dtype=np.float32)
    vessels = _mean_of(with_vessels, around)

    near = _near_heart(subject, centres)
    points = [centre.ravel()[near] for centre in centres]
    sums = _sample_heart(subject, field, points, samples)
    # The rest of a voxel is what lies around the heart.
    signal.reshape(-1)[near] = sums.signal + sums.outside * signal.reshape(-1)[near]
    texture.reshape(-1)[near] = sums.texture + sums.outside * texture.reshape(-1)[near]
    vessels.reshape(-1)[near] *= sums.outside

    labels, segments = np.zeros(subject.stack.shape, np.uint8), np.zeros(subject.stack.shape, np.uint8)
    labels.reshape(-1)[near], segments.reshape(-1)[near] = _vote(sums.counts)
    fibrosis = np.zeros(subject.stack.shape, np.float32)
    fibrosis.reshape(-1)[near] = sums.fibrosis
    fibrosis[(labels < 2) | (labels > 4)] = 0.0
    shading = lge.coil_shading(anterior, subject.contrast.coil_decay_mm, rng)
    image = lge.render(signal, texture, vessels, shading, subject.contrast, rng, subject.artefacts)
    affine = subject.stack.affine_array()
    return SimulatedCase(subject, image, labels, segments, fibrosis, affine, _facts(subject, field))
