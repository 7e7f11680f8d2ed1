"""The pairing rule on small sets whose answer is known, and against a search through all assignments."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scartools.learning.pairing import Examination, Rule, interval_histogram, pair_examinations


def ecg(name: str, day: int, quality: float | None = None, event: int | None = None) -> Examination:
    return Examination("p", name, day, quality, event)


def chosen(ecgs, mris, **rule) -> dict[str, str]:
    found = pair_examinations(ecgs, mris, Rule(**rule))
    return {mris[match.mri].name: ecgs[match.ecg].name for match in found.matches}


MRI = ecg("m", 1000)


@pytest.mark.parametrize(("day", "paired"), [(910, True), (909, False), (1090, True), (1091, False)])
def test_ninety_days_are_near_and_ninety_one_are_not(day, paired):
    found = pair_examinations([ecg("e", day)], [MRI], Rule())
    assert bool(found.matches) == paired
    assert found.ecg_reasons == ({} if paired else {0: "too_far"})
    assert found.mri_reasons == ({} if paired else {0: "too_far"})


@pytest.mark.parametrize(
    ("direction", "day", "paired"),
    [
        ("before", 999, True), ("before", 1001, False), ("after", 999, False), ("after", 1001, True),
        ("before", 1000, True), ("after", 1000, True),
    ],
)  # fmt: skip
def test_the_direction_is_that_of_the_ecg(direction, day, paired):
    found = pair_examinations([ecg("e", day)], [MRI], Rule(direction=direction))
    assert found.ecg_reasons == ({} if paired else {0: "wrong_side"})


@pytest.mark.parametrize(("day", "paired"), [(998, False), (999, True), (1010, True)])
def test_an_infarct_between_the_two_parts_them(day, paired):
    found = pair_examinations([ecg("e", day)], [ecg("m", 1000, event=999)], Rule())
    assert bool(found.matches) == paired
    assert found.mri_reasons == ({} if paired else {0: "wrong_side"})


def test_ties_go_to_quality_then_the_earlier_then_the_lowest_name():
    assert chosen([ecg("a", 999, 0.5), ecg("b", 1001, 0.9)], [MRI]) == {"m": "b"}
    assert chosen([ecg("a", 1001, 0.5), ecg("b", 999, 0.5)], [MRI]) == {"m": "b"}
    assert chosen([ecg("b", 999), ecg("a", 999)], [MRI]) == {"m": "a"}
    assert chosen([ecg("a", 999), ecg("b", 1001, 0.0)], [MRI]) == {"m": "b"}  # any quality is better than none
    found = pair_examinations([ecg("b", 999), ecg("a", 999)], [MRI], Rule())
    assert (found.ties[0].chosen, found.ties[0].others, found.ties[0].decided_by) == (1, (0,), "id")
    assert found.ecg_reasons == {0: "not_nearest"}


def test_policies():
    ecgs, mris = [ecg("a", 950), ecg("b", 998)], [ecg("m1", 1000), ecg("m2", 1001)]
    assert chosen(ecgs, mris) == {"m1": "b", "m2": "b"}
    assert chosen(ecgs, mris, policy="first") == {"m1": "a", "m2": "a"}
    assert len(pair_examinations(ecgs, mris, Rule(policy="all")).matches) == 4
    assert sorted(chosen(ecgs, mris, policy="one-to-one").values()) == ["a", "b"]
    assert {match.n_candidates for match in pair_examinations(ecgs, mris, Rule()).matches} == {2}


@settings(derandomize=True, max_examples=80, deadline=None)
@given(
    st.lists(st.integers(900, 1100), min_size=1, max_size=4),
    st.lists(st.integers(900, 1100), min_size=1, max_size=4),
)
def test_one_to_one_is_the_best_of_all_assignments(ecg_days, mri_days):
    ecgs = [ecg(f"e{at}", day) for at, day in enumerate(ecg_days)]
    mris = [ecg(f"m{at}", day) for at, day in enumerate(mri_days)]
    found = pair_examinations(ecgs, mris, Rule(max_days=40, policy="one-to-one"))
    assert len({match.ecg for match in found.matches}) == len(found.matches)
    places = [*range(len(ecgs)), *[None] * len(mris)]
    best = min(
        (-len(used), sum(abs(ecg_days[at] - day) for at, day in used))
        for some in set(itertools.permutations(places, len(mris)))
        for used in [[(at, day) for at, day in zip(some, mri_days, strict=True) if at is not None]]
        if all(abs(ecg_days[at] - day) <= 40 for at, day in used)
    )
    assert (-len(found.matches), sum(abs(match.signed_days) for match in found.matches)) == best


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("pqr"), st.integers(900, 1100)), max_size=8),
    st.lists(st.tuples(st.sampled_from("pqr"), st.integers(900, 1100)), max_size=6),
    st.sampled_from(["nearest", "all", "first", "one-to-one"]),
    st.randoms(),
    st.integers(-5000, 5000),
)
def test_neither_the_order_nor_an_equal_shift_changes_who_goes_with_whom(ecgs, mris, policy, random, shift):
    def named(rows, move=0):
        return [Examination(who, f"x{at}", day + move) for at, (who, day) in enumerate(rows)]

    def outcome(one, two):
        found = pair_examinations(one, two, Rule(policy=policy))
        reasons = {two[at].name: reason for at, reason in found.mri_reasons.items()}
        reasons |= {("ecg", one[at].name): reason for at, reason in found.ecg_reasons.items()}
        pairs = {(one[m.ecg].name, two[m.mri].name, m.signed_days, m.n_candidates) for m in found.matches}
        assert len({m.ecg for m in found.matches}) + len(found.ecg_reasons) == len(one)
        assert len({m.mri for m in found.matches}) + len(found.mri_reasons) == len(two)
        return pairs, reasons

    one, two = named(ecgs, shift), named(mris, shift)
    random.shuffle(one)
    random.shuffle(two)
    assert outcome(named(ecgs), named(mris)) == outcome(one, two)


def test_bins_are_closed_above():
    counts = interval_histogram([0, 7, 8, 90, 91])
    assert counts == {"0-7": 2, "7-14": 1, "14-21": 0, "21-30": 0, "30-60": 0, "60-90": 1, "over 90": 1}
