"""Splits go by group, are exact, and know nothing of the order of rows."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scartools.errors import InputError
from scartools.learning.splits import assign_splits, require_disjoint

FRACTIONS = (0.7, 0.1, 0.2)


@pytest.mark.parametrize(
    ("total", "wanted"),
    [(1, (1, 0, 0)), (2, (1, 0, 1)), (3, (2, 0, 1)), (10, (7, 1, 2)), (11, (8, 1, 2)), (100, (70, 10, 20))],
)
def test_counts_are_exact_by_largest_remainder(total, wanted):
    found = Counter(split for split, _ in assign_splits(map(str, range(total)), FRACTIONS, 5, 0).values())
    assert tuple(found[name] for name in ("train", "validation", "test")) == wanted


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.sets(st.text(min_size=1), min_size=1, max_size=30), st.randoms(), st.integers(0, 99))
def test_the_order_of_the_groups_changes_nothing(groups, random, seed):
    listed = sorted(groups)
    shuffled = listed * 2
    random.shuffle(shuffled)
    assert assign_splits(listed, FRACTIONS, 5, seed) == assign_splits(shuffled, FRACTIONS, 5, seed)


def test_the_seed_chooses_and_is_the_same_on_every_machine():
    groups = [f"p{at:02d}" for at in range(20)]
    one, other = (assign_splits(groups, FRACTIONS, 5, seed) for seed in (0, 1))
    assert one != other
    # by hand: sorted(groups, key=lambda g: sha256(f"0\0{g}".encode()).digest())[14:16]
    from hashlib import sha256

    order = sorted(groups, key=lambda group: sha256(f"0\0{group}".encode()).hexdigest())
    assert {group for group in groups if one[group][0] == "validation"} == set(order[14:16])


def test_folds_are_even_in_every_split():
    assigned = assign_splits(map(str, range(100)), FRACTIONS, 5, 3)
    assert set(Counter(assigned.values()).values()) == {14, 2, 4}


def test_strata_are_exact_each():
    strata = {f"p{at}": "scar" if at % 4 == 0 else "none" for at in range(40)}
    assigned = assign_splits(strata, FRACTIONS, 5, 0, strata=strata)
    found = Counter((strata[group], split) for group, (split, _) in assigned.items())
    assert found == {
        ("scar", "train"): 7, ("scar", "validation"): 1, ("scar", "test"): 2,
        ("none", "train"): 21, ("none", "validation"): 3, ("none", "test"): 6,
    }  # fmt: skip


@pytest.mark.parametrize("fractions", [(0.5, 0.5, 0.5), (1.1, -0.1, 0), (1,)])
def test_fractions_that_are_none_are_refused(fractions):
    with pytest.raises(InputError, match="sum is 1"):
        assign_splits(["a"], fractions, 5, 0)


def test_folds_below_one_are_refused():
    with pytest.raises(InputError, match="0 folds"):
        assign_splits(["a"], FRACTIONS, 0, 0)


def row(participant: str, group: str | None, split: str | None) -> dict:
    return {"participant_id": participant, "group": group, "split": split}


def test_two_splits_of_one_patient_are_refused_by_name():
    with pytest.raises(InputError, match="participant 'a' is in two splits, test and train"):
        require_disjoint([row("a", "a", "train"), row("a", "a", "test")])
    with pytest.raises(InputError, match="group 'g' is in two splits"):
        require_disjoint([row("a", "g", "train"), row("b", "g", "validation")])
    with pytest.raises(InputError, match="participant 'a' is in two groups"):
        require_disjoint([row("a", "g", "train"), row("a", "h", "train")])


def test_a_missing_split_says_nothing():
    require_disjoint([row("a", None, None), row("a", "a", "train"), row("b", "b", "test")])
