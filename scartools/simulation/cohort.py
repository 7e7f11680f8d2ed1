"""A cohort: its subjects one after another, and a table row for each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from scartools.errors import InputError
from scartools.simulation.anatomy import base_over_widest
from scartools.simulation.case import SimulatedCase, simulate_case
from scartools.simulation.population import Population
from scartools.simulation.scar import Scar
from scartools.simulation.subject import Subject, draw_subject

# Column: description, unit.
SUBJECT_COLUMNS: dict[str, tuple[str, str]] = {
    "participant_id": ("subject", ""),
    "mri_date": ("day of the MRI", ""),
    "age": ("age at the MRI", "year"),
    "sex": ("F or M", ""),
    "scar_pattern": ("ischaemic, midwall, epicardial or insertion, one a scar, joined by ;", ""),
    "scar_territory": ("coronary territory of each scar, joined by ;", ""),
    "scar_segments": ("AHA segments that may hold scar, joined by ;", ""),
    "transmural_extent": (
        "deepest point of each infarct in the wall, 0 endocardium to 1 epicardium; else the part of the wall it takes",
        "1",
    ),
    "event_date": ("day of the infarction, n/a where there was none; one a scar, joined by ;", ""),
    "border_zone_mm": ("width of the border zone of each scar, joined by ;", "mm"),
    "no_reflow": ("yes where a no-reflow core was asked for", ""),
    "dilation": ("cavity volume over that before the disease", "1"),
    "cavity_length_mm": ("end of the LV cavity to the base plane", "mm"),
    "base_diameter_mm": ("LV cavity at the base plane", "mm"),
    "free_wall_mm": ("LV free wall at the widest level", "mm"),
    "septal_wall_mm": ("septum at the widest level", "mm"),
    "rv_width_mm": ("septum to RV free wall at the base", "mm"),
    "open_ring_height_mm": ("wall above the base plane, beside the outflow tract", "mm"),
    "apex_right": ("direction from base to apex, towards the patient's right", "1"),
    "apex_anterior": ("the same, towards anterior", "1"),
    "apex_superior": ("the same, towards superior", "1"),
    "pixel_mm": ("in-plane voxel size", "mm"),
    "slice_step_mm": ("centre to centre of neighbouring slices", "mm"),
    "slice_thickness_mm": ("thickness of a slice", "mm"),
    "slices": ("number of slices", "1"),
    "slice_order": ("apex-first or base-first in the array", ""),
    "left_handed": ("yes where the affine has a negative determinant", ""),
    "stack_tilt_deg": ("slice normal to long axis", "deg"),
    "sequence": ("magnitude or psir (phase-sensitive, signed)", ""),
    "ghosts": ("strongest ghost, part of the signal", "1"),
    "slow_flow": ("yes where slow blood along the endocardium is brighter than the pool", ""),
    "inversion_time_ms": ("inversion time", "ms"),
    "nulling_error": ("of the inversion time that nulls healthy myocardium", "1"),
    "blood_snr": ("blood signal over the noise SD of one channel", "1"),
}


def _joined(values: list[Any]) -> str:
    return ";".join(str(value) for value in values) or "n/a"


def _event_date(subject: Subject, scar: Scar) -> str:
    if scar.event_days is None:
        return "n/a"
    return (date.fromisoformat(subject.mri_date) - timedelta(days=scar.event_days)).isoformat()


def subject_row(subject: Subject) -> dict[str, Any]:
    """The drawn parameters of a subject as one flat row with the keys of SUBJECT_COLUMNS; `n/a` where none."""
    shape, stack, scars = subject.shape, subject.stack, subject.scars
    widest = shape.widest_level_mm / shape.cavity_length_mm
    segments = sorted({segment for scar in scars for segment in scar.segments})
    values = (
        subject.participant_id,
        subject.mri_date,
        subject.age,
        subject.sex,
        _joined([scar.pattern for scar in scars]),
        _joined([scar.territory for scar in scars]),
        _joined(list(segments)),
        _joined([f"{scar.transmural_extent:.3f}" for scar in scars]),
        _joined([_event_date(subject, scar) for scar in scars]),
        _joined([f"{scar.border_zone_mm:.2f}" for scar in scars]),
        "yes" if any(scar.no_reflow for scar in scars) else "no",
        round(subject.dilation, 3),
        round(shape.cavity_length_mm, 2),
        round(2 * shape.cavity_radius_mm * base_over_widest(widest, shape.profile_exponent), 2),
        round(shape.free_wall_mm, 2),
        round(shape.septal_wall_mm, 2),
        round(shape.rv_width_mm, 2),
        round(shape.open_ring_height_mm, 2),
        *(round(-value, 4) for value in subject.pose.base),
        round(stack.pixel_mm, 4),
        stack.step_mm,
        stack.thickness_mm,
        stack.shape[2],
        "apex-first" if stack.apex_first else "base-first",
        "yes" if stack.left_handed else "no",
        round(stack.tilt_deg, 2),
        "psir" if subject.contrast.psir else "magnitude",
        round(max(subject.artefacts.ghosts, default=0.0), 3),
        "yes" if subject.artefacts.slow_flow else "no",
        round(subject.contrast.inversion_time_ms, 1),
        round(subject.contrast.nulling_error, 4),
        round(subject.contrast.blood_snr, 2),
    )
    return dict(zip(SUBJECT_COLUMNS, values, strict=True))


def simulate_cohort(
    count: int, seed: int, *, population: Population | None = None, first: int = 1
) -> Iterator[SimulatedCase]:
    """Simulate subjects `first` to `first + count - 1` of a cohort, one at a time.

    count       how many, 0 or more
    seed        seed of the cohort
    population  what to draw from; None: the defaults
    first       number of the first subject: parts of a cohort made on several machines are those of the whole
    Yields one SimulatedCase per subject; nothing is kept.
    Raises InputError, at the first step, for a negative count and what draw_subject refuses.
    """
    if count < 0:
        raise InputError(f"a cohort of {count} subjects cannot be made", remedy="Give 0 or more")
    for index in range(first, first + count):
        yield simulate_case(draw_subject(index, seed, population))
