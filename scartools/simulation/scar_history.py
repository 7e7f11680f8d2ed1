"""What a scar was, or will be, on another day than that of the MRI.

An infarction has a day. Before it there is no scar at all; on the day itself the wave-front has run a part of its
way; in the first week the infarct is largest; then it shrinks. After reperfused ST-elevation infarction the mean mass
fell from 25 g in the first week to 17 g at 4 months and 15 g at 14 months, in proportion to its first size (Pokorney
et al., J Cardiovasc Magn Reson 2012;14:62, doi:10.1186/1532-429X-14-62). Oedema is not modelled apart, reinfarction
and further remodelling of the heart are not at all. A scar without a day, such as a non-ischaemic one, stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from scartools.simulation.anatomy import HeartShape
from scartools.simulation.scar import (
    DepthField,
    Scar,
    ScarLayout,
    scar_front,
    scar_layout,
    scar_share,
    wall_grid,
)

SEARCH_STEPS = 14  # halvings of the interval in which the change of a border lies
DEEPEST_SHARE = 0.75  # of a change of mass: what the depth takes, when that can still change


class Scarred(Protocol):
    """Whoever has a heart and scars: a Subject."""

    @property
    def shape(self) -> HeartShape:
        """The heart of the image."""

    @property
    def scars(self) -> tuple[Scar, ...]:
        """Its scars on the day of the MRI."""


@dataclass(frozen=True)
class Healing:
    """How the mass of an infarct goes with its age, in days.

    acute_days          it is largest up to here
    decay_days          time constant of the shrinking after that: with 72 days and a `late_fraction` of 0.6, 0.68 is
                        left at 4 months and 0.60 at 14, the means of Pokorney 2012
    first_day_fraction  of the largest mass, on the day of the infarction; an assumption
    no_reflow_days      a no-reflow core is seen up to this age; an assumption
    """

    acute_days: float = 7.0
    decay_days: float = 72.0
    first_day_fraction: float = 0.6
    no_reflow_days: int = 30


def relative_mass(age_days: float, late_fraction: float, healing: Healing | None = None) -> float:
    """Mass of an infarct of this age over its largest: 0 before the infarction, then up to 1, then `late_fraction`."""
    chosen = Healing() if healing is None else healing
    if age_days < 0:
        return 0.0
    if age_days < 1:
        return chosen.first_day_fraction
    decay = np.exp(-max(age_days - chosen.acute_days, 0.0) / chosen.decay_days)
    return float(late_fraction + (1.0 - late_fraction) * decay)


def _share_of(shape: HeartShape, layout: ScarLayout, scar: Scar) -> float:
    own = scar_front(layout, scar)
    first = float(wall_grid(shape)[1][0, 0])
    return scar_share(shape, DepthField(own.depth, own.core, first, own.inner, own.rim))


def _solve(changed: Callable[[float], Scar], share: Callable[[Scar], float], wanted: float) -> Scar:
    """The scar of the share wanted; `changed` takes 0 to 1 and gives scars of rising share. Ends are kept to."""
    low, high = 0.0, 1.0
    for _ in range(SEARCH_STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if share(changed(middle)) < wanted else (low, middle)
    return changed(0.5 * (low + high))


def resized(shape: HeartShape, scar: Scar, ratio: float) -> Scar:
    """The same scar with its mass times `ratio`.

    Most of the change goes into the depth (the part that lies nearest living muscle), the rest into the edge. It
    never leaves its segments or the wall, so growth may fall short of the ratio where the scar fills them.
    """
    if ratio == 1.0:
        return scar
    layout = scar_layout(shape, scar)
    before = _share_of(shape, layout, scar)
    deepest = float(np.clip(scar.transmural_extent * ratio**DEEPEST_SHARE, 0.02, 1.0))
    deep = replace(scar, transmural_extent=deepest)
    reach = 25.0  # mm: more than any edge moves

    def moved(part: float) -> Scar:
        return replace(deep, retreat_mm=scar.retreat_mm + reach * (1.0 - 2.0 * part))

    return _solve(moved, lambda one: _share_of(shape, layout, one), before * ratio)


def scar_at(shape: HeartShape, scar: Scar, days: int, healing: Healing | None = None) -> Scar | None:
    """One scar `days` after the MRI (negative: before it); None where there is none yet."""
    if scar.event_days is None or days == 0:
        return scar
    chosen = Healing() if healing is None else healing
    age = scar.event_days + days
    if age < 0:
        return None
    then = relative_mass(age, scar.late_fraction, chosen)
    now = relative_mass(scar.event_days, scar.late_fraction, chosen)
    other = resized(shape, scar, then / now)
    return replace(other, no_reflow=scar.no_reflow and age <= chosen.no_reflow_days)


def scars_at(subject: Scarred, days: int, healing: Healing | None = None) -> tuple[Scar, ...]:
    """The scars of a subject on the day `days` after the MRI; negative: before it; 0: those of the image.

    The same subject and day give the same scars. The heart keeps the shape it has in the image.
    """
    found = (scar_at(subject.shape, scar, days, healing) for scar in subject.scars)
    return tuple(scar for scar in found if scar is not None)
