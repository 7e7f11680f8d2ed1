"""The population a synthetic cohort is drawn from: every size, angle, time and probability, with its unit."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from scartools.errors import InputError


class Spread(NamedTuple):
    """A normal distribution cut at two limits; a draw beyond a limit is moved onto it."""

    mean: float
    sd: float
    low: float
    high: float

    def draw(self, rng: np.random.Generator, factor: float = 1.0) -> float:
        """One value; `factor` scales the mean, not the limits."""
        return float(np.clip(rng.normal(self.mean * factor, self.sd), self.low, self.high))


class Interval(NamedTuple):
    """A uniform distribution between two limits."""

    low: float
    high: float

    def draw(self, rng: np.random.Generator) -> float:
        """One value."""
        return float(rng.uniform(self.low, self.high))


@dataclass(frozen=True)
class Population:
    """What the subjects of a cohort have in common. Defaults are those of adults sent for LGE imaging.

    Sizes are millimetres, angles degrees, times milliseconds, fractions 0 to 1. The LV is in mid diastole,
    when LGE is acquired. LV sizes follow the reference ranges of Kawel-Boehm et al., J Cardiovasc Magn Reson
    2020;22:87, doi:10.1186/s12968-020-00683-3, widened on the side of enlarged ventricles. Women have smaller ventricles
    than men, the old smaller ones than the young (Petersen et al., J Cardiovasc Magn Reson 2017;19:18,
    doi:10.1186/s12968-017-0327-9); by how much a decade is an assumption.
    Among patients at stress CMR 40 % had no scar, 49 % ischaemic and 11 % non-ischaemic scar (Grigoratos et al., J Cardiovasc
    Med 2020, doi:10.2459/jcm.0000000000001016): of those with scar, 18 %. No-reflow was seen in 52 % of acute infarctions
    (Limalanathan et al., PLoS One 2013;8:e71780, doi:10.1371/journal.pone.0071780).
    """

    # people
    female_fraction: float = 0.35
    female_size_factor: float = 0.93  # multiplies the mean LV diameter, length and wall thickness of women
    age_years: Spread = Spread(62.0, 11.0, 25.0, 89.0)
    volume_per_decade: float = -0.03  # change of the mean cavity volume with age, of that at 62 years
    first_year: int = 2012
    last_year: int = 2023
    # left ventricle
    base_diameter_mm: Spread = Spread(48.0, 5.5, 35.0, 65.0)  # cavity, at the base plane
    cavity_length_mm: Spread = Spread(84.0, 6.0, 70.0, 100.0)  # end of the cavity to the base plane
    free_wall_mm: Spread = Spread(8.6, 1.1, 7.0, 11.5)  # at the widest level
    septum_excess_mm: Spread = Spread(0.7, 0.5, 0.0, 2.0)  # septum thicker than the free wall by this
    apex_wall_mm: Spread = Spread(5.5, 1.0, 3.5, 8.0)  # wall beyond the end of the cavity, on the axis
    widest_level_fraction: Interval = Interval(0.68, 0.82)  # of the cavity length, from the apex
    profile_exponent: Interval = Interval(1.95, 2.35)  # 2 is an ellipsoid, more is blunter
    ellipticity_fraction: Interval = Interval(0.0, 0.08)
    triangularity_fraction: Interval = Interval(0.0, 0.03)
    open_ring_fraction: float = 0.5  # hearts whose wall reaches above the base plane beside the outflow tract
    open_ring_height_mm: Interval = Interval(6.0, 14.0)
    # right ventricle
    septum_half_width_deg: Spread = Spread(58.0, 3.5, 50.0, 66.0)  # mid-septum to an insertion
    rv_width_mm: Spread = Spread(33.0, 4.0, 24.0, 44.0)  # septum to free wall at the base
    rv_apex_fraction: Interval = Interval(0.12, 0.28)  # where the RV begins, of the LV cavity length
    # pose
    apex_direction_ras: tuple[float, float, float] = (-0.65, 0.60, -0.45)  # left, anterior, inferior
    septum_direction_ras: tuple[float, float, float] = (0.68, 0.74, 0.0)  # right, anterior
    long_axis_scatter_deg: float = 7.0  # SD of the tilt about each of two axes
    roll_scatter_deg: float = 9.0  # SD of the rotation about the long axis
    centre_scatter_mm: float = 15.0
    # scar
    no_scar_fraction: float = 0.25
    non_ischaemic_fraction: float = 0.15  # of the subjects with scar
    focal_scar_fraction: float = 0.08  # of the infarctions: a single small patch
    multifocal_scar_fraction: float = 0.06  # of the infarctions: two to four small patches
    second_territory_fraction: float = 0.22  # of the subjects with infarction; chosen for q_territory
    transmural_extent: Spread = Spread(0.76, 0.25, 0.2, 1.0)  # deepest point of the wave-front, endo to epi
    border_inset_mm: Interval = Interval(0.5, 2.2)
    border_taper_mm: Interval = Interval(1.5, 4.0)
    border_zone_mm: Interval = Interval(0.8, 2.6)  # where fibrosis and living muscle mix, across the border
    focal_radius_mm: Interval = Interval(7.0, 11.0)
    no_reflow_fraction: float = 0.7  # of the large, deep infarctions of the last month
    # time
    acute_fraction: float = 0.3  # infarctions 2 to 10 days before the MRI
    recent_fraction: float = 0.15  # 11 to 120 days before it; the others are older
    late_infarct_fraction: Spread = Spread(
        0.60, 0.08, 0.40, 0.85
    )  # mass when healed over that of the first week
    # remodelling
    volume_per_scar: Spread = Spread(
        1.9, 0.7, 0.2, 3.5
    )  # growth of the cavity, over the scar's share of the wall
    cardiomyopathy_volume: Spread = Spread(0.35, 0.15, 0.05, 0.8)  # growth of the cavity with a mid-wall stripe
    thinned_fraction: Spread = Spread(0.42, 0.10, 0.15, 0.6)  # of the wall that an old transmural scar loses
    # stack
    matrix: tuple[int, int] = (128, 128)
    pixel_mm: Interval = Interval(1.3, 1.8)
    slice_step_mm: tuple[float, ...] = (8.0, 8.0, 9.0, 10.0, 10.0)  # centre to centre
    gap_fraction: float = 0.3  # stacks with a gap: slices 8 mm thick, whatever the step
    slices_above_base: tuple[int, ...] = (0, 1, 1, 2)
    base_slice_scatter_mm: float = 0.8  # SD of the base plane about the edge of a slice
    apex_imaged_fraction: float = 0.5
    stack_tilt_deg: float = 2.0  # SD of the planning error about each in-plane axis
    in_plane_rotation_deg: Interval = Interval(-180.0, 180.0)  # 0: septum on the left of a radiological display
    apex_first_fraction: float = 0.5
    left_handed_fraction: float = 0.2
    field_centre_scatter_mm: float = 6.0
    breathing_shift_mm: float = 1.2  # SD per slice and in-plane axis
    # contrast (post gadolinium, 1.5 T) and noise
    t1_healthy_ms: Spread = Spread(440.0, 30.0, 360.0, 520.0)
    t1_blood_ms: Spread = Spread(310.0, 18.0, 260.0, 360.0)
    t1_scar_over_blood: Spread = Spread(0.92, 0.06, 0.78, 1.08)
    t1_no_reflow_over_healthy: Spread = Spread(1.10, 0.05, 1.0, 1.25)
    nulling_error_fraction: Spread = Spread(0.0, 0.025, -0.06, 0.06)  # of the inversion time
    inversion_interval_ms: Interval = Interval(1500.0, 2100.0)  # two heart beats
    blood_snr: Interval = Interval(10.0, 22.0)  # blood signal over the noise SD of one channel
    coil_decay_mm: Interval = Interval(140.0, 320.0)
    blur_pixels: Interval = Interval(0.6, 1.0)  # Gaussian SD: interpolation and motion
    psir_fraction: float = 0.0  # stacks with phase-sensitive reconstruction; the others are magnitude
    # artefacts
    slow_flow_fraction: float = 0.4  # hearts with slow blood along the endocardium
    slow_flow_gain: Interval = Interval(1.1, 1.6)  # its signal over that of the pool
    ghost_fraction: float = 0.4  # stacks with ghosts in the phase direction
    ghost_strength: Interval = Interval(0.03, 0.10)  # of the signal, in the slice with most of them
    moved_slice_fraction: float = 0.06  # slices taken in two positions: a poor breath-hold
    moved_mm: Interval = Interval(1.5, 4.0)


def check_population(population: Population) -> None:
    """Raise InputError at the first parameter that no cohort could be drawn from."""
    for field in fields(population):
        name, value = field.name, getattr(population, field.name)
        if isinstance(value, (Spread, Interval)) and not value.low <= value.high:
            raise InputError(
                f"{name}: limits {value.low} to {value.high} are reversed", remedy="Give the lower first"
            )
        if isinstance(value, Spread) and not value.sd >= 0:
            raise InputError(f"{name}: SD {value.sd} is negative", remedy="Give 0 or more")
        probability = name.endswith("_fraction") and isinstance(value, float)
        if probability and not 0 <= value <= 1:
            raise InputError(f"{name}: {value} is not a probability", remedy="Give a number from 0 to 1")
    if population.first_year > population.last_year:
        problem = f"first_year {population.first_year} is after last_year {population.last_year}"
        raise InputError(problem, remedy="Give the earlier year first")
    for name in ("slice_step_mm", "slices_above_base"):
        if not getattr(population, name):
            raise InputError(f"{name}: no value to draw from", remedy="Give at least one")
    if min(population.matrix) < 32 or min(population.slice_step_mm) <= 0 or population.pixel_mm.low <= 0:
        problem = f"matrix {population.matrix}, pixel {population.pixel_mm}, step {population.slice_step_mm}"
        raise InputError(
            f"{problem}: the grid is too small", remedy="Give 32 pixels or more and positive sizes"
        )
