"""How a heart changes shape with scar: the cavity dilates with the size of the scar, old transmural scar thins.

In patients with healed infarction the end-diastolic volume rises in a straight line with the size of the scar, r =
0.81 (Am J Cardiol 2007;99:1109). Of patients with coronary disease 19 % had a wall of 5.5 mm or less somewhere, where 72 %
of it was scar (Shah et al., JAMA 2013, "Prevalence of regional myocardial thinning"). The numbers of
Population that say how much are chosen for these two; that it takes months is an assumption.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scartools.simulation.anatomy import HeartShape, base_over_widest
from scartools.simulation.population import Population
from scartools.simulation.scar import Scar, depth_field, scar_share

REMODELLING_DAYS = 90.0  # time constant
WIDEST_BASE_MM = 74.0
LENGTH_POWER, RADIUS_POWER, WALL_POWER = 0.2, 0.4, -0.12  # of the volume's growth: the heart becomes rounder
THINNED_FROM = 0.6  # transmural extent from which an old scar thins


def _remodelled(days: int | None) -> float:
    return 1.0 if days is None else 1.0 - float(np.exp(-days / REMODELLING_DAYS))


def dilated_volume(
    rng: np.random.Generator, population: Population, shape: HeartShape, scars: tuple[Scar, ...]
) -> float:
    """Cavity volume over what it was before the disease, 1 or more."""
    per_scar, disease = population.volume_per_scar.draw(rng), population.cardiomyopathy_volume.draw(rng)
    if not scars:
        return 1.0
    if any(scar.pattern == "midwall" for scar in scars):
        return 1.0 + disease
    share = scar_share(shape, depth_field(shape, scars))
    return 1.0 + per_scar * share * max(_remodelled(scar.event_days) for scar in scars)


def remodel(
    rng: np.random.Generator, population: Population, shape: HeartShape, scars: tuple[Scar, ...]
) -> tuple[HeartShape, tuple[Scar, ...], float]:
    """Dilate a heart and thin its old scars.

    Returns the shape, the scars with their levels moved along, and the cavity volume over that before the disease.
    """
    volume = dilated_volume(rng, population, shape, scars)
    lost = population.thinned_fraction.draw(rng)
    thinned = tuple(
        (scar.segments, lost * scar.transmural_extent * _remodelled(scar.event_days))
        for scar in scars
        if scar.event_days is not None and scar.focal is None and scar.transmural_extent >= THINNED_FROM
    )
    level = shape.widest_level_mm / shape.cavity_length_mm
    base = shape.cavity_radius_mm * base_over_widest(level, shape.profile_exponent)
    widening = min(volume**RADIUS_POWER, max(WIDEST_BASE_MM / 2.0 / base, 1.0))
    lengthening, thinning = volume**LENGTH_POWER, volume**WALL_POWER
    wider = replace(
        shape,
        cavity_length_mm=shape.cavity_length_mm * lengthening,
        widest_level_mm=shape.widest_level_mm * lengthening,
        rv_apex_mm=shape.rv_apex_mm * lengthening,
        cavity_radius_mm=shape.cavity_radius_mm * widening,
        free_wall_mm=shape.free_wall_mm * thinning,
        septal_wall_mm=shape.septal_wall_mm * thinning,
        apex_wall_mm=shape.apex_wall_mm * thinning,
        thinned=thinned,
    )
    moved = tuple(
        scar
        if scar.focal is None
        else replace(scar, focal=(scar.focal[0], scar.focal[1] * lengthening, scar.focal[2]))
        for scar in scars
    )
    return wider, moved, widening**2 * lengthening
