"""The arrangements of leads that paper ECGs are printed in.

Rows of a page from top to bottom, each with its leads from left to right; below them strips as long as the page.
Cabrera's order (aVL, I, -aVR, II, aVF, III) prints aVR upside down and calls it -aVR.
"""

from __future__ import annotations

from dataclasses import dataclass

LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
CABRERA = ("aVL", "I", "-aVR", "II", "aVF", "III")
CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")


@dataclass(frozen=True)
class Layout:
    """One arrangement.

    name     as --layout takes it, without the strips: "3x4"
    order    "standard" or "cabrera"
    rows     leads of each row from left to right
    strips   how many rhythm strips may follow below the rows
    """

    name: str
    order: str
    rows: tuple[tuple[str, ...], ...]
    strips: tuple[int, ...]

    @property
    def columns(self) -> int:
        return len(self.rows[0])

    def place(self, lead: str) -> tuple[int, int] | None:
        """Row and column of a lead, or None; aVR and -aVR are one place, for the sign is often lost in print."""
        for row, leads in enumerate(self.rows):
            for column, own in enumerate(leads):
                if own.lstrip("-") == lead.lstrip("-"):
                    return row, column
        return None


def _in_columns(leads: tuple[str, ...], rows: int) -> tuple[tuple[str, ...], ...]:
    """Leads written down the columns, one column after the other."""
    return tuple(tuple(leads[row::rows]) for row in range(rows))


LAYOUTS = (
    Layout("3x4", "standard", _in_columns(LIMB + CHEST, 3), (0, 1, 2, 3)),
    Layout("3x4", "cabrera", _in_columns(CABRERA + CHEST, 3), (0, 1, 2, 3)),
    Layout("6x2", "standard", _in_columns(LIMB + CHEST, 6), (0, 1)),
    Layout("6x2", "cabrera", _in_columns(CABRERA + CHEST, 6), (0, 1)),
    Layout("12x1", "standard", _in_columns(LIMB + CHEST, 12), (0,)),
    Layout("12x1", "cabrera", _in_columns(CABRERA + CHEST, 12), (0,)),
    Layout("6x1", "standard", _in_columns(LIMB, 6), (0,)),
    Layout("6x1", "cabrera", _in_columns(CABRERA, 6), (0,)),
    Layout("6x1", "chest", _in_columns(CHEST, 6), (0,)),
)


def layouts_of(rows: int, wanted: str | None = None) -> list[tuple[Layout, int]]:
    """Every arrangement of this many rows of traces, with its number of strips.

    wanted  as --layout gives it ("3x4+1", or "3x4" with any number of strips); None for all
    """
    found = []
    for layout in LAYOUTS:
        for strips in layout.strips:
            names = (f"{layout.name}+{strips}", layout.name)
            if len(layout.rows) + strips == rows and (wanted is None or wanted in names):
                found.append((layout, strips))
    return found
