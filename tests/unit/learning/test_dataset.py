"""Who is learned from and who is looked at; nobody is both, and nobody of the test is either."""

from __future__ import annotations

import pytest

from scartools.errors import InputError
from scartools.learning.dataset import choose


def facts(*rows):
    keys = ("ParticipantId", "Group", "Split", "Fold")
    return {f"case-{number}": dict(zip(keys, row, strict=True)) for number, row in enumerate(rows)}


KNOWN = facts(
    ("a", "a", "train", 0), ("b", "b", "train", 1), ("c", "c", "validation", 0), ("d", "d", "test", 1)
)


def test_splits_are_used_as_they_are():
    assert choose(KNOWN, None) == (["case-0", "case-1"], ["case-2"])


def test_a_fold_validates_and_the_test_stays_out():
    assert choose(KNOWN, 0) == (["case-1"], ["case-0", "case-2"])
    assert choose(KNOWN, 1) == (["case-0", "case-2"], ["case-1"])


@pytest.mark.parametrize("fold", [2, 7])
def test_an_unknown_fold_is_refused(fold):
    with pytest.raises(InputError, match="fold"):
        choose(KNOWN, fold)


@pytest.mark.parametrize(
    "rows",
    [
        (("a", "a", "train", 0), ("a", "a", "validation", 1)),
        (("a", "a", "train", 0), ("a", "a", "test", 1)),
        (("a", "x", "train", 0), ("b", "x", "test", 1)),
        (("a", "x", "train", 0), ("b", "y", "validation", 0), ("c", "y", "test", 0)),
    ],
)
def test_a_patient_or_group_in_two_splits_is_fatal(rows):
    with pytest.raises(InputError, match="two splits"):
        choose(facts(*rows), None)


def test_a_patient_whose_scans_are_in_two_folds_is_fatal():
    with pytest.raises(InputError, match="two splits"):
        choose(facts(("a", "a", "train", 0), ("a", "a", "train", 1), ("b", "b", "train", 1)), 0)


def test_nobody_to_learn_from_is_refused():
    with pytest.raises(InputError, match="learn from"):
        choose(facts(("a", "a", "test", 0)), None)
