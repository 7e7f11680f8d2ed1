"""Subjects of the standing population, drawn once in a process: tests of how they are mixed ask the same ones."""

from __future__ import annotations

from functools import cache

from scartools.simulation.subject import Subject, draw_subject

SEED = 12


def drawn(count: int) -> list[Subject]:
    """Return the first so many subjects; each takes some 0.05 s."""
    return [_drawn(index) for index in range(1, count + 1)]


@cache
def _drawn(index: int) -> Subject:
    return draw_subject(index, SEED)
