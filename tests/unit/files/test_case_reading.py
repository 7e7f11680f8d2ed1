"""Cases are read one ahead, in order, and what is wrong with one is said of that one."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from scartools.errors import InputError
from scartools.files.case_inputs import CaseInput
from scartools.files.case_reading import read_ahead


def cases(count: int) -> list[CaseInput]:
    return [CaseInput(f"c{k}", f"p{k}", Path(f"c{k}.nii.gz"), None, None, None, None) for k in range(count)]


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_every_case_comes_once_in_order_with_its_own_files(count):
    def read(case: CaseInput) -> Any:
        return f"files of {case.id}"

    found = [(case.id, files()) for case, files in read_ahead(cases(count), read)]
    assert found == [(f"c{k}", f"files of c{k}") for k in range(count)]


def test_the_next_case_is_read_meanwhile_and_no_other():
    begun = [threading.Event() for _ in range(4)]

    def read(case: CaseInput) -> Any:
        begun[int(case.id[1:])].set()

    for number, (_, files) in enumerate(read_ahead(cases(4), read)):
        files()
        assert number == 3 or begun[number + 1].wait(5), "the next one is not read"
        assert number >= 2 or not begun[number + 2].is_set(), "more than one is in memory"


def test_a_case_that_cannot_be_read_leaves_the_others():
    def read(case: CaseInput) -> Any:
        if case.id == "c1":
            raise InputError("is broken")
        return case.id

    seen = []
    for _, files in read_ahead(cases(3), read):
        try:
            seen.append(files())
        except InputError as error:
            seen.append(str(error))
    assert seen[0] == "c0" and "is broken" in seen[1] and seen[2] == "c2"
