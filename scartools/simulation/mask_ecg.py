"""The ECG of any segmentation of a left ventricle with scar: which heart stands for it, and the beat of that heart.

Two hearts can. The fitted one has the outlines, the directions and the scar voxels of the mask; it needs a septum
that the labels show or the user gave. The template is drawn from the population, with the scar of each AHA segment
painted on; it needs nothing but the segments.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from scartools.errors import GeometryError, InputError
from scartools.heart.anchors import Anchor
from scartools.heart.long_axis import LongAxis, apex_to_base
from scartools.heart.quantities import quantify
from scartools.heart.segments import Segments, label_segments
from scartools.heart.short_axis_view import view_from_apex
from scartools.heart.slices import measure_slices
from scartools.heart.stack import read_stack
from scartools.simulation.activation import VoxelHeart, voxel_heart
from scartools.simulation.anatomy import HeartShape
from scartools.simulation.case import draw_chest
from scartools.simulation.ecg import BEAT_STREAM, RECORDING_STREAM, Beat, beat_facts, beat_of
from scartools.simulation.measured_heart import FEWEST_SLICES, fit_heart
from scartools.simulation.painted_scar import SegmentScar, paint_scar
from scartools.simulation.physiology import Physiology
from scartools.simulation.population import Population
from scartools.simulation.rhythm import draw_rhythm, record_beats
from scartools.simulation.stack import Pose
from scartools.simulation.subject import Subject, draw_subject

Anatomy = Literal["auto", "fitted", "template"]
FARTHEST_APEX_DEG = 50.0  # of a long axis from that of the population; hearts lie within some 25
FARTHEST_SEPTUM_DEG = 75.0
AWAY_FROM_ENDOCARDIUM = 0.5  # of the scarred chords of a segment; more than this is no wave-front
LEAST_PERCENT = 5.0  # of a segment; less scar is the edge of a neighbour's
TRUTH = {
    "scar_percent": "ScarPercent",
    "no_reflow_percent": "NoReflowPercent",
    "transmurality_mean_percent": "TransmuralityMean",
    "transmurality_max_percent": "TransmuralityMax",
    "endocardial_extent_percent": "EndocardialExtent",
    "scar_extent_percent": "ScarExtent",
}


@dataclass(frozen=True)
class Where:
    """How the segments are found: see `scartools.heart.segments.label_segments`.

    septum  direction of the middle of the septum, RAS+, in place of an anchor; of a prior that states it
    """

    anchor: Anchor = "auto"
    angle: float | None = None
    long_axis: LongAxis = "auto"
    septum: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class MaskHeart:
    """The heart that stands for a segmentation.

    heart, shape, pose  what `beat_of` takes
    facts               for the sidecar: Anatomy, how it came about, and the truth by segment
    """

    heart: VoxelHeart
    shape: HeartShape
    pose: Pose
    facts: dict[str, Any]


@dataclass(frozen=True)
class MaskEcg:
    """The ECG of a segmentation.

    signals   float64 (12, 5000), mV, 500 Hz
    beat      float64 (12, 600), mV, without noise, R at sample 200
    facts     for the sidecar of the recording
    beat_facts  for that of the beat
    """

    signals: np.ndarray
    beat: np.ndarray
    facts: dict[str, Any]
    beat_facts: dict[str, Any]


def heart_of_mask(
    mask: np.ndarray,
    affine: np.ndarray,
    *,
    subject: Subject,
    where: Where | None = None,
    prior: Segments | None = None,
    anatomy: Anatomy = "auto",
) -> MaskHeart:
    """The heart that stands for a segmentation.

    mask     integer (X, Y, Z), labels 0-5 and 255
    affine   float (4, 4), voxel index to RAS+ mm
    subject  gives what the mask does not: the template, its pose, a right ventricle without label
    where    how the segments are found; with `prior`, where the septum is found for the fit
    prior    segments of the same grid, models of 16 or 17, in place of those found here
    anatomy  "auto": fitted where the septum is known and three slices or more show a ring, else the template
    Raises InputError or GeometryError where mask, affine or options allow no heart.
    """
    where = where or Where()
    found, why = _found_segments(mask, affine, where, prior, anatomy)
    segments = prior or found
    if segments is None:
        raise InputError("no segments were found", remedy="Give --anchor or --prior")
    rows = quantify(mask, affine, segments=segments).rows
    facts: dict[str, Any] = {"Segments": _truth(rows)}
    warnings: list[str] = []
    drawn_pose = True
    if found is not None and why is None:
        fit = fit_heart(mask, affine, found, subject.shape)
        pose, turned = _believed(fit.pose, subject.pose)
        drawn_pose = turned is not None
        warnings += [turned] if turned else []
        facts |= {"Anatomy": "fitted", "AnatomyReason": "the septum is known", **fit.facts}
        heart, shape = fit.heart, fit.shape
    else:
        shape, pose = subject.shape, subject.pose
        scars, away = _segment_scars(rows, segments.model)
        if away:
            warnings.append(
                f"scar of segment {', '.join(map(str, away))} lies away from the endocardium and is painted on it"
            )
        heart = voxel_heart(shape, paint_scar(shape, scars))
        facts |= {"Anatomy": "template", "AnatomyReason": why, "NotImaged": _missing(rows)}
    facts |= {
        "PoseFrom": "drawn" if drawn_pose else "segmentation",
        "SeptumDirection": list(pose.septum),
        "BaseDirection": list(pose.base),
        "ScarPercent": _number(rows[-1]["scar_percent"]),
        "NotImagedSegments": [
            row["region"] for row in rows if _of_segment(row) and _number(row["scar_percent"]) is None
        ],
        "Warnings": [*(found.facts["Warnings"] if found else []), *warnings],
    }
    facts |= {key: segments.facts.get(key) for key in ("Anchor", "AnchorSource", "AnchorConfidence")}
    return MaskHeart(heart, shape, pose, facts)


def simulate_mask_ecg(
    mask: np.ndarray,
    affine: np.ndarray,
    *,
    seed: int,
    where: Where | None = None,
    prior: Segments | None = None,
    anatomy: Anatomy = "auto",
    heart_rate: float | None = None,
    block: str | None = None,
    clean: bool = False,
) -> MaskEcg:
    """Ten seconds of ECG of a segmentation, and the beat in it.

    seed        draws chest, electrodes, conduction, rhythm, noise, and what the mask leaves open: those of the first
                subject of a cohort of this seed
    heart_rate  beats a minute; None: drawn
    block       "none" or one of physiology.BLOCKS; None: drawn
    clean       no noise of electrodes, mains and muscles, and no filter
    Other arguments as for `heart_of_mask`. The same arguments give the same bytes.
    """
    subject = draw_subject(1, seed, Population(no_scar_fraction=1.0))
    made = heart_of_mask(mask, affine, subject=subject, where=where, prior=prior, anatomy=anatomy)
    beat = mask_beat(made, subject, heart_rate=heart_rate, block=block)
    rng = np.random.default_rng([seed, subject.index, RECORDING_STREAM, 1])
    recording = draw_rhythm(rng, beat.heart_rate, beat.rhythm, ectopics=beat.ectopic is not None)
    if heart_rate is not None:
        recording = replace(recording, heart_rate=heart_rate)
    if clean:
        recording = replace(recording, wander_mv=0.0, mains_mv=0.0, muscle_mv=0.0)
        recording = replace(recording, high_pass_hz=None, low_pass_hz=None)
    signals, peaks = record_beats(beat.signals, recording, rng, ectopic=beat.ectopic, atria=beat.atria)
    facts = {
        "Simulated": True,
        **made.facts,
        "Seed": seed,
        "Noise": "none" if clean else "electrodes, mains, muscles",
        "HeartRate": recording.heart_rate,
        "RSamples": peaks.tolist(),
        "Electrodes": beat_facts(beat)["Electrodes"],
        "ElectrodesFrame": "RAS+ mm from the middle of the left ventricle",
        "QrsDuration": beat.qrs_ms,
        "Conduction": beat.conduction,
        "Rhythm": beat.rhythm,
    }
    return MaskEcg(
        signals, beat.signals, facts, {"Simulated": True, **made.facts, "Seed": seed, **beat_facts(beat)}
    )


def mask_beat(
    made: MaskHeart,
    subject: Subject,
    *,
    heart_rate: float | None = None,
    block: str | None = None,
    physiology: Physiology | None = None,
) -> Beat:
    """The beat of the heart of a mask on the chest of a subject, drawn as that subject's own; physiology: see beat_of."""
    rng = np.random.default_rng([subject.seed, subject.index, BEAT_STREAM])
    chest = draw_chest(subject)
    return beat_of(
        made.heart,
        made.shape,
        made.pose,
        chest,
        rng,
        heart_rate=heart_rate,
        block=block,
        physiology=physiology,
    )


def _found_segments(
    mask: np.ndarray, affine: np.ndarray, where: Where, prior: Segments | None, anatomy: Anatomy
) -> tuple[Segments | None, str | None]:
    """The segments, and why the heart cannot be fitted to them: None where it can."""
    try:
        angle = _angle_of(mask, affine, where) if where.septum else where.angle
        anchor: Anchor = "angle" if where.septum else where.anchor
        found = label_segments(mask, affine, anchor=anchor, angle=angle, long_axis=where.long_axis)
    except GeometryError:
        if prior is None or anatomy == "fitted":
            raise
        return None, "the segments are given and the septum is not known"
    if anatomy == "template":
        return found, "asked for"
    if anatomy == "fitted":
        return found, None
    if (prior or found).facts.get("AnchorSource") == "assumed":
        return found, "where the septum lies is assumed"
    rings = sum(len(found.facts["SlicesPerRing"][name]) for name in ("Basal", "Mid", "Apical"))
    if rings < FEWEST_SLICES:
        return found, f"only {rings} slices show a ring"
    return found, None


def _angle_of(mask: np.ndarray, affine: np.ndarray, where: Where) -> float:
    """The direction of the septum as an angle in the view from the apex, degrees."""
    stack = read_stack(mask, affine)
    up, _, _ = apex_to_base(measure_slices(stack), where.long_axis)
    return float(view_from_apex(up * stack.normal).degrees(np.array(where.septum)))


def _believed(pose: Pose, typical: Pose) -> tuple[Pose, str | None]:
    """The pose that the affine states, or a drawn one and a sentence where no heart lies as it says."""
    population = Population()
    apex = np.array(population.apex_direction_ras)
    apart = _degrees(-np.array(pose.base), apex)
    septum = np.array(population.septum_direction_ras)
    turned = _degrees(np.array(pose.septum), septum - apex * float(apex @ septum) / float(apex @ apex))
    if apart <= FARTHEST_APEX_DEG and turned <= FARTHEST_SEPTUM_DEG:
        return pose, None
    return typical, (
        f"the long axis lies {apart:.0f} degrees and the septum {turned:.0f} degrees from where those of hearts do: the "
        "orientation of the file is not believed, and that of the chest is drawn"
    )


def _degrees(one: np.ndarray, other: np.ndarray) -> float:
    cosine = float(one @ other) / float(np.sqrt((one @ one) * (other @ other)))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def _of_segment(row: dict[str, Any]) -> bool:
    return bool(row["level"] == "segment")


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def _truth(rows: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    """Scar by segment for the sidecar: None for what was not imaged, never 0."""
    return [
        {"Segment": int(row["region"]), **{name: _number(row[column]) for column, name in TRUTH.items()}}
        for row in rows
        if _of_segment(row)
    ]


def _missing(rows: tuple[dict[str, Any], ...]) -> list[str]:
    missing = [row["region"] for row in rows if _of_segment(row) and _number(row["scar_percent"]) is None]
    return [f"segment {number}" for number in missing]


def _segment_scars(rows: tuple[dict[str, Any], ...], model: int) -> tuple[dict[int, SegmentScar], list[int]]:
    """What is painted, by segment, and the segments whose scar is no wave-front."""
    if model == 18:
        raise InputError(
            "the prior has 18 segments, and the template has 17",
            remedy="Make it with: scartools aha17 --segments 17",
        )
    scars, away = {}, []
    for row in rows:
        if not _of_segment(row) or not row["scar_percent"] > 0:
            continue
        extent, inner = row["scar_extent_percent"] / 100.0, row["endocardial_extent_percent"] / 100.0
        share = inner / extent if extent > 0 else 1.0
        scars[int(row["region"])] = SegmentScar(row["scar_percent"] / 100.0, extent, share)
        if share < 1.0 - AWAY_FROM_ENDOCARDIUM and row["scar_percent"] >= LEAST_PERCENT:
            away.append(int(row["region"]))
    return scars, away
