"""One subject of a cohort: every drawn parameter, from the seed and the subject's number alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from scartools.errors import InputError
from scartools.simulation.anatomy import HeartShape, base_over_widest
from scartools.simulation.population import Population, check_population
from scartools.simulation.remodelling import remodel
from scartools.simulation.scar import Scar
from scartools.simulation.scar_drawing import draw_scars
from scartools.simulation.stack import Pose, Stack, draw_pose, draw_stack
from scartools.simulation.tissue import SlowFlow

AGE_OF_MEANS = 62.0  # years: the population's mean sizes are those of this age


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
    psir: bool = False  # phase-sensitive: signed, without the coil's shading


@dataclass(frozen=True)
class Artefacts:
    """What else is in an image; per slice where a tuple has one value a slice.

    slow_flow       layers of slow blood on the endocardium, and their signal over that of the pool
    phase_axis      array axis of the phase encoding, 0 or 1
    ghost_pixels    distance of the ghosts along it
    ghosts          strength of the ghosts, of the signal
    moved_pixels    second position of the heart during the slice, along both axes; 0, 0: it lay still
    """

    slow_flow: tuple[SlowFlow, ...] = ()
    slow_flow_gain: float = 1.0
    phase_axis: int = 0
    ghost_pixels: int = 0
    ghosts: tuple[float, ...] = ()
    moved_pixels: tuple[tuple[float, float], ...] = ()


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
    dilation: float = 1.0  # cavity volume over that before the disease
    artefacts: Artefacts = Artefacts()


def null_time(t1_ms: float, interval_ms: float) -> float:
    """Inversion time in ms at which tissue of this T1 has no signal, inversions repeated every interval_ms."""
    return float(-t1_ms * np.log((1.0 + np.exp(-interval_ms / t1_ms)) / 2.0))


def _draw_shape(rng: np.random.Generator, population: Population, female: bool, age: int) -> HeartShape:
    factor = population.female_size_factor if female else 1.0
    volume = 1.0 + population.volume_per_decade * (age - AGE_OF_MEANS) / 10.0
    length = population.cavity_length_mm.draw(rng, factor * volume ** (1 / 3))
    diameter = population.base_diameter_mm.draw(rng, factor * volume ** (1 / 3))
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


def _draw_artefacts(
    rng: np.random.Generator, population: Population, shape: HeartShape, stack: Stack
) -> Artefacts:
    flows = []
    if rng.random() < population.slow_flow_fraction:
        for _ in range(int(rng.integers(1, 3))):
            middle = shape.cavity_length_mm * float(rng.uniform(0.1, 0.85))
            half = float(rng.uniform(8.0, 22.0))
            angle, width = float(rng.uniform(0.0, 360.0)), float(rng.uniform(20.0, 55.0))
            flows.append(SlowFlow(angle, width, middle - half, middle + half, float(rng.uniform(2.5, 5.0))))
    slices = stack.shape[2]
    strength = population.ghost_strength.draw(rng) if rng.random() < population.ghost_fraction else 0.0
    moved = np.where(rng.random(slices) < population.moved_slice_fraction, 1.0, 0.0)
    angles, reach = (
        rng.uniform(0.0, 2.0 * np.pi, slices),
        [population.moved_mm.draw(rng) for _ in range(slices)],
    )
    steps = moved * np.array(reach) / stack.pixel_mm
    return Artefacts(
        slow_flow=tuple(flows),
        slow_flow_gain=population.slow_flow_gain.draw(rng),
        phase_axis=int(rng.integers(2)),
        ghost_pixels=int(rng.integers(stack.shape[0] // 6, stack.shape[0] // 2)),
        ghosts=tuple(float(value) for value in strength * rng.random(slices)),
        moved_pixels=tuple(
            (float(d * np.cos(a)), float(d * np.sin(a))) for d, a in zip(steps, angles, strict=True)
        ),
    )


def draw_contrast(rng: np.random.Generator, population: Population) -> Contrast:
    """Draw what makes the grey values of a stack."""
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
        psir=bool(rng.random() < population.psir_fraction),
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
    healthy = _draw_shape(rng, chosen, female, age)
    pose = draw_pose(rng, chosen)
    shape, scars, dilation = remodel(rng, chosen, healthy, draw_scars(rng, chosen, healthy))
    stack = draw_stack(rng, chosen, shape, pose)
    contrast = draw_contrast(rng, chosen)
    return Subject(
        participant_id=f"sim-{index:04d}",
        index=index,
        seed=seed,
        mri_date=mri_date,
        age=age,
        sex="F" if female else "M",
        shape=shape,
        pose=pose,
        scars=scars,
        stack=stack,
        contrast=contrast,
        dilation=dilation,
        artefacts=_draw_artefacts(rng, chosen, shape, stack),
    )
