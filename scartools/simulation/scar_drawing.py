"""Draw the scars of a subject: by artery or by disease, how deep, how old."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scartools.simulation.anatomy import HeartShape
from scartools.simulation.patterns import INSERTION_DEG, NON_ISCHAEMIC, TERRITORY_VARIANTS, TERRITORY_WEIGHTS
from scartools.simulation.population import Population
from scartools.simulation.scar import Scar
from scartools.simulation.scar_history import Healing

Focal = tuple[float, float, float]
ACUTE_DAYS, RECENT_DAYS, OLDEST_DAYS = (2, 10), (11, 120), 9000  # from the infarction to the MRI


def _focal_patch(rng: np.random.Generator, population: Population, shape: HeartShape, segment: int) -> Focal:
    """Centre angle, level and radius of a small patch in the middle of a segment."""
    third = shape.cavity_length_mm / 3.0
    if segment >= 13:
        angle, level = 90.0 * (segment - 13), 0.6 * third
    else:
        angle, level = 60.0 * ((segment - 1) % 6), (2.5 if segment <= 6 else 1.5) * third
    return (angle + float(rng.uniform(-8, 8)), level, population.focal_radius_mm.draw(rng))


def _event_days(rng: np.random.Generator, population: Population) -> int:
    """Days from an infarction to the MRI: in the first days, in the first months, or long ago."""
    kind, part = rng.random(2)
    if kind < population.acute_fraction:
        return int(rng.integers(ACUTE_DAYS[0], ACUTE_DAYS[1] + 1))
    recent = kind < population.acute_fraction + population.recent_fraction
    low, high = RECENT_DAYS if recent else (RECENT_DAYS[1] + 1, OLDEST_DAYS)
    return round(float(np.exp(np.log(low) + part * (np.log(high) - np.log(low)))))


def _infarct(
    rng: np.random.Generator, population: Population, shape: HeartShape, territory: str
) -> tuple[Scar, ...]:
    variants = TERRITORY_VARIANTS[territory]
    # The whole territory is as frequent as any three of its branches.
    segments = variants[max(int(rng.integers(-2, len(variants))), 0)]
    kind = rng.random()
    patches: list[tuple[tuple[int, ...], Focal]] = []
    if kind < population.focal_scar_fraction + population.multifocal_scar_fraction:
        candidates = [segment for segment in segments if segment != 17]
        several = kind >= population.focal_scar_fraction and len(candidates) > 1
        count = int(rng.integers(2, min(len(candidates), 4) + 1)) if several else 1
        chosen = rng.choice(candidates, size=count, replace=False)
        patches = [
            ((int(segment),), _focal_patch(rng, population, shape, int(segment))) for segment in sorted(chosen)
        ]
    extent = population.transmural_extent.draw(rng)
    inset, taper = population.border_inset_mm.draw(rng), population.border_taper_mm.draw(rng)
    days = _event_days(rng, population)
    large = not patches and len(segments) >= 3 and extent >= 0.55
    obstructed = rng.random() < population.no_reflow_fraction
    one = Scar(
        territory=territory,
        segments=segments,
        transmural_extent=extent,
        border_inset_mm=inset if not patches else 1.0,
        border_taper_mm=taper if not patches else 2.0,
        no_reflow=bool(large and obstructed and days <= Healing().no_reflow_days),
        focal=None,
        texture_seed=int(rng.integers(2**31)),
        border_zone_mm=population.border_zone_mm.draw(rng),
        event_days=days,
        late_fraction=population.late_infarct_fraction.draw(rng),
    )
    return tuple(
        replace(one, segments=where, focal=patch, texture_seed=one.texture_seed + number)
        for number, (where, patch) in enumerate(patches)
    ) or (one,)


def _non_ischaemic(rng: np.random.Generator, population: Population, shape: HeartShape) -> tuple[Scar, ...]:
    names = list(NON_ISCHAEMIC)
    weights = np.array([NON_ISCHAEMIC[name].weight for name in names])
    name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    kind = NON_ISCHAEMIC[name]
    first = kind.variants[int(rng.integers(len(kind.variants)))]
    # Patches at the insertions mostly come in pairs.
    places = kind.variants if name == "insertion" and rng.random() < 0.6 else (first,)
    made = []
    for segments in places:
        focal = None
        if name == "insertion":
            level = shape.cavity_length_mm * float(rng.uniform(0.55, 0.75))
            focal = (INSERTION_DEG[segments] + float(rng.uniform(-6, 6)), level, float(rng.uniform(7.0, 11.0)))
        made.append(
            Scar(
                territory="n/a",
                segments=segments,
                transmural_extent=float(rng.uniform(*kind.extent)),
                border_inset_mm=1.0 if focal else population.border_inset_mm.draw(rng),
                border_taper_mm=2.0 if focal else population.border_taper_mm.draw(rng),
                no_reflow=False,
                focal=focal,
                texture_seed=int(rng.integers(2**31)),
                pattern=name,
                border_zone_mm=population.border_zone_mm.draw(rng),
            )
        )
    return tuple(made)


def draw_scars(rng: np.random.Generator, population: Population, shape: HeartShape) -> tuple[Scar, ...]:
    """Draw the scars of a subject, none or several: of one or two arteries, or of a disease that is no infarction."""
    if rng.random() < population.no_scar_fraction:
        return ()
    if rng.random() < population.non_ischaemic_fraction:
        return _non_ischaemic(rng, population, shape)
    names = list(TERRITORY_WEIGHTS)
    count = 2 if rng.random() < population.second_territory_fraction else 1
    weights = np.array([TERRITORY_WEIGHTS[name] for name in names])
    chosen = rng.choice(len(names), size=count, replace=False, p=weights / weights.sum())
    infarcts = (_infarct(rng, population, shape, names[int(k)]) for k in chosen)
    return tuple(scar for infarct in infarcts for scar in infarct)
