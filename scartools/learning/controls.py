"""Controls: the ECG, or its interval, of another patient.

A gain that stays when every patient is given another's ECG does not come from the ECG. What counts is a network
that is trained and tested so: one that is only tested so breaks, which says how far it leans on the ECG.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scartools.errors import InputError
from scartools.learning.sampling import TrainingCase

_SHUFFLING = 91  # stream of random numbers


def donors(groups: Sequence[str], seed: int) -> list[int]:
    """Return for each case the place of the case whose ECG it is given: of another patient, and each given once.

    groups  patient of each case; seed: fixes the draw
    Raises InputError where that cannot be: one patient has more than half of the cases.
    """
    rng = np.random.default_rng([seed, _SHUFFLING])
    places: dict[str, list[int]] = {}
    for at in rng.permutation(len(groups)):
        places.setdefault(groups[at], []).append(int(at))
    most = max((len(mine) for mine in places.values()), default=0)
    if most == 0 or 2 * most > len(groups):
        raise InputError(
            f"the ECGs of {len(groups)} cases cannot be given to other patients: there are {len(places)} of them",
            remedy="Give a table with more patients who have an ECG",
        )
    order = [
        at for mine in places.values() for at in mine
    ]  # patient by patient: a step of `most` leaves each of them
    found = [0] * len(groups)
    for position, at in enumerate(order):
        found[at] = order[(position + most) % len(order)]
    return found


def shuffled(
    cases: Sequence[TrainingCase], seed: int, *, ecg: bool, interval: bool, givers: Sequence[TrainingCase] = ()
) -> tuple[TrainingCase, ...]:
    """Return cases of which each that has an ECG is given beat, quality and interval of another patient's.

    ecg, interval  what is shuffled: beat, quality and interval, or the interval alone
    givers         other patients to take them from, any of them more than once; none: the cases themselves, as `donors`
    Cases without an ECG stay without. Raises InputError as `donors` does.
    """
    having = [at for at, case in enumerate(cases) if case.beat is not None]
    if not having or not (ecg or interval):
        return tuple(cases)
    if givers:
        sources = [case for case in givers if case.beat is not None]
        rng = np.random.default_rng([seed, _SHUFFLING, 1])
        others = [sources[int(rng.integers(len(sources)))] for _ in having]
    else:
        others = [cases[having[giver]] for giver in donors([cases[at].group for at in having], seed)]
    made = list(cases)
    for at, other in zip(having, others, strict=True):
        made[at] = replace(cases[at], days=other.days)
        if ecg:
            made[at] = replace(made[at], beat=other.beat, quality=other.quality)
    return tuple(made)
