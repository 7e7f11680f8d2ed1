"""One subject of a cohort: every drawn parameter, from the seed and the subject's number alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from scartools.errors import InputError
from scartools.simulation.anatomy import HeartShape, base_over_widest
from scartools.simulation.population import Population, check_population
from scartools.simulation.scar import TERRITORY_VARIANTS, TERRITORY_WEIGHTS, Scar
from scartools.simulation.stack import Pose, Stack, draw_pose, draw_stack

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Contrast:
    """What makes the grey values: T1 after gadolinium, inversion time, noise, coil."""

    t1_healthy_ms: float
    t1_blood_ms: float
    t1_scar_ms: float
    t1_no_reflow_ms: float
    nulling_error: float  # of the inversion time that would null healthy myocardium
    inversion_time_ms: float
    inversion_interval_ms: float
    blood_snr: float
    coil_decay_mm: float
    blur_pixels: float
    blood_value: float  # grey value of blood before the coil's shading


@dataclass(frozen=True)
class Subject:
    """The drawn parameters of one subject. Holds nothing that could name a person."""

    participant_id: str
    index: int
    seed: int
    mri_date: str  # ISO day
    age: int
    sex: str  # F or M
    shape: HeartShape
    pose: Pose
    scars: tuple[Scar, ...]
    stack: Stack
    contrast: Contrast


def null_time(t1_ms: float, interval_ms: float) -> float:
    """Inversion time in ms at which tissue of this T1 has no signal, inversions repeated every interval_ms."""
    return float(-t1_ms * np.log((1.0 + np.exp(-interval_ms / t1_ms)) / 2.0))


def _draw_shape(rng: np.random.Generator, population: Population, factor: float) -> HeartShape:
    length = population.cavity_length_mm.draw(rng, factor)
    diameter = population.base_diameter_mm.draw(rng, factor)
    widest = population.widest_level_fraction.draw(rng)
    exponent = population.profile_exponent.draw(rng)
    wall = population.free_wall_mm.draw(rng, factor)
    septum = wall + population.septum_excess_mm.draw(rng)
    apex = min(population.apex_wall_mm.draw(rng), wall)
    ellipticity, triangularity = (
        population.ellipticity_fraction.draw(rng),
        population.triangularity_fraction.draw(rng),
    )
    phases = rng.uniform(0.0, 360.0, 2)
    is_open = rng.random() < population.open_ring_fraction
    height = population.open_ring_height_mm.draw(rng)
    return HeartShape(
        cavity_length_mm=length,
        cavity_radius_mm=diameter / 2.0 / base_over_widest(widest, exponent),
        widest_level_mm=widest * length,
        profile_exponent=exponent,
        ellipticity=ellipticity,
        ellipticity_deg=float(phases[0]),
        triangularity=triangularity,
        triangularity_deg=float(phases[1]),
        free_wall_mm=wall,
        septal_wall_mm=septum,
        apex_wall_mm=apex,
        open_ring_height_mm=height if is_open else 0.0,
        septum_half_width_deg=population.septum_half_width_deg.draw(rng),
        rv_width_mm=population.rv_width_mm.draw(rng, factor),
        rv_apex_mm=population.rv_apex_fraction.draw(rng) * length,
        rv_wall_mm=float(rng.uniform(2.0, 3.5)),
        fat_mm=float(rng.uniform(2.0, 6.0)),
    )


def _focal_patch(rng: np.random.Generator, population: Population, shape: HeartShape, segment: int) -> Vector:
    """Centre angle, level and radius of a small patch in the middle of a segment."""
    third = shape.cavity_length_mm / 3.0
    if segment >= 13:
        angle, level = 90.0 * (segment - 13), 0.6 * third
    else:
        angle, level = 60.0 * ((segment - 1) % 6), (2.5 if segment <= 6 else 1.5) * third
    return (angle + float(rng.uniform(-8, 8)), level, population.focal_radius_mm.draw(rng))


def _draw_scar(rng: np.random.Generator, population: Population, shape: HeartShape, territory: str) -> Scar:
    variants = TERRITORY_VARIANTS[territory]
    # The whole territory is as frequent as any two of its branches.
    segments = variants[max(int(rng.integers(-1, len(variants))), 0)]
    focal = None
    if rng.random() < population.focal_scar_fraction:
        candidates = [segment for segment in segments if segment != 17]
        segments = (candidates[int(rng.integers(len(candidates)))],)
        focal = _focal_patch(rng, population, shape, segments[0])
    extent = population.transmural_extent.draw(rng)
    inset, taper = population.border_inset_mm.draw(rng), population.border_taper_mm.draw(rng)
    large = len(segments) >= 3 and extent >= 0.55
    no_reflow = large and rng.random() < population.no_reflow_fraction
    return Scar(
        territory=territory,
        segments=segments,
        transmural_extent=extent,
        border_inset_mm=inset if focal is None else 1.0,
        border_taper_mm=taper if focal is None else 2.0,
        no_reflow=bool(no_reflow),
        focal=focal,
        texture_seed=int(rng.integers(2**31)),
    )


def _draw_scars(rng: np.random.Generator, population: Population, shape: HeartShape) -> tuple[Scar, ...]:
    if rng.random() < population.no_scar_fraction:
        return ()
    names = list(TERRITORY_WEIGHTS)
    count = 2 if rng.random() < population.second_territory_fraction else 1
    weights = np.array([TERRITORY_WEIGHTS[name] for name in names])
    chosen = rng.choice(len(names), size=count, replace=False, p=weights / weights.sum())
    return tuple(_draw_scar(rng, population, shape, names[int(k)]) for k in chosen)


def _draw_contrast(rng: np.random.Generator, population: Population) -> Contrast:
    healthy, blood = population.t1_healthy_ms.draw(rng), population.t1_blood_ms.draw(rng)
    interval = population.inversion_interval_ms.draw(rng)
    error = population.nulling_error_fraction.draw(rng)
    return Contrast(
        t1_healthy_ms=healthy,
        t1_blood_ms=blood,
        t1_scar_ms=blood * population.t1_scar_over_blood.draw(rng),
        t1_no_reflow_ms=healthy * population.t1_no_reflow_over_healthy.draw(rng),
        nulling_error=error,
        inversion_time_ms=null_time(healthy, interval) * (1.0 + error),
        inversion_interval_ms=interval,
        blood_snr=population.blood_snr.draw(rng),
        coil_decay_mm=population.coil_decay_mm.draw(rng),
        blur_pixels=population.blur_pixels.draw(rng),
        blood_value=float(rng.uniform(150.0, 900.0)),
    )


def _draw_date(rng: np.random.Generator, population: Population) -> str:
    first, last = date(population.first_year, 1, 1), date(population.last_year, 12, 31)
    return (first + timedelta(days=int(rng.integers((last - first).days + 1)))).isoformat()


def draw_subject(index: int, seed: int, population: Population | None = None) -> Subject:
    """Draw the parameters of one subject.

    index       number of the subject, 1 or more
    seed        seed of the cohort, 0 or more
    population  what to draw from; None: the defaults
    Returns the subject. It depends on (seed, index, population) alone: not on how many others are drawn, in
    which order, or on how many machines.
    Raises InputError for an index below 1, a negative seed, or a population that nothing can be drawn from.
    """
    if index < 1 or seed < 0:
        raise InputError(f"subject {index} of seed {seed} does not exist", remedy="Count from 1; seeds from 0")
    chosen = Population() if population is None else population
    check_population(chosen)
    rng = np.random.default_rng([seed, index])
    mri_date = _draw_date(rng, chosen)
    female = bool(rng.random() < chosen.female_fraction)
    age = round(chosen.age_years.draw(rng))
    shape = _draw_shape(rng, chosen, chosen.female_size_factor if female else 1.0)
    pose = draw_pose(rng, chosen)
    scars = _draw_scars(rng, chosen, shape)
    stack = draw_stack(rng, chosen, shape, pose)
    contrast = _draw_contrast(rng, chosen)
    identifier = f"sim-{index:04d}"
    return Subject(
        identifier, index, seed, mri_date, age, "F" if female else "M", shape, pose, scars, stack, contrast
    )
