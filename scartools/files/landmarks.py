"""Landmarks that a reader placed: a TSV with the columns landmark, x, y, z (RAS+, mm)."""

from __future__ import annotations

from pathlib import Path

from scartools.errors import InputError
from scartools.files import table
from scartools.files.provenance import Source

KNOWN = ("anterior_insertion", "inferior_insertion")


def read_landmarks(path: Path) -> tuple[dict[str, list[tuple[float, float, float]]], Source]:
    """Return each landmark with its points, (x, y, z) in RAS+ mm, and the source.

    Raises InputError for a name that is not in KNOWN or a coordinate that is missing or no number.
    """
    found = table.read(path, required=("landmark", "x", "y", "z"))
    points: dict[str, list[tuple[float, float, float]]] = {}
    for row, cells in enumerate(found.rows):
        name = cells["landmark"]
        if name not in KNOWN:
            raise InputError(
                f"line {row + 2} has the landmark {name!r}", where=path, remedy=f"Known: {', '.join(KNOWN)}"
            )
        x, y, z = (table.number(found, row, axis) for axis in "xyz")
        if not x + y + z == x + y + z:  # NaN: a coordinate is n/a
            raise InputError(f"line {row + 2} lacks a coordinate", where=path, remedy="Give x, y and z in mm")
        points.setdefault(name, []).append((x, y, z))
    return points, found.source
