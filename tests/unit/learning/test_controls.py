"""A control gives every patient another's ECG, always the same, and leaves nobody with their own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from scartools.errors import InputError
from scartools.learning.controls import donors, shuffled
from tests.unit.learning.learning_phantom import case


@pytest.mark.parametrize("sizes", [(1, 1), (1,) * 9, (3, 2, 1), (4, 4), (2, 1, 1, 3, 1)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nobody_keeps_an_ecg_of_the_same_patient_and_each_is_given_once(sizes, seed):
    groups = [f"patient-{number}" for number, size in enumerate(sizes) for _ in range(size)]
    np.random.default_rng(seed).shuffle(groups)
    found = donors(groups, seed)
    assert sorted(found) == list(range(len(groups)))
    assert all(groups[at] != groups[giver] for at, giver in enumerate(found))
    assert found == donors(groups, seed)


def test_the_seed_decides_and_every_other_patient_may_be_the_giver():
    groups = [str(number) for number in range(5)]
    given = Counter(donors(groups, seed)[0] for seed in range(400))
    assert set(given) == {1, 2, 3, 4} and min(given.values()) > 60


@pytest.mark.parametrize("groups", [["a"], ["a", "a", "b"], []])
def test_what_cannot_be_given_away_is_refused(groups):
    with pytest.raises(InputError, match="patients"):
        donors(groups, 0)


def test_beat_quality_and_interval_travel_together_and_the_absent_stay_absent():
    cases = [replace(case(number, ecg=number != 2), quality=number / 10) for number in range(1, 6)]
    made = shuffled(cases, 3, ecg=True, interval=False)
    by_days = {one.days: one for one in cases}
    for before, after in zip(cases, made, strict=True):
        if before.beat is None:
            assert after is before
            continue
        giver = by_days[after.days]
        assert giver.group != before.group and after.beat is giver.beat and after.quality == giver.quality
        assert after.image is before.image and after.label is before.label and after.group == before.group


def test_the_interval_alone_moves_alone():
    cases = [case(number) for number in range(1, 6)]
    made = shuffled(cases, 3, ecg=False, interval=True)
    assert all(after.beat is before.beat for before, after in zip(cases, made, strict=True))
    assert sorted(one.days for one in made) == sorted(one.days for one in cases)
    assert all(after.days != before.days for before, after in zip(cases, made, strict=True))


def test_one_patient_to_look_at_takes_an_ecg_of_those_learned_from():
    cases, look = [case(number) for number in range(1, 4)], case(9)
    (made,) = shuffled([look], 3, ecg=True, interval=False, givers=cases)
    assert any(made.beat is one.beat for one in cases) and made.group == look.group
