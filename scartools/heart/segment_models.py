"""The regions of a table: the segments of the 17-segment model and its variants, and their territories.

16 segments leave out the apex; 18 (the apical ring in six, no apex) are those of strain software. The AHA assigns
territories to 17 segments; for 18 the apical ones take the artery of the segments above them.
"""

from __future__ import annotations

from scartools.errors import InputError
from scartools.heart.nomenclature import SEGMENT_NAMES, TERRITORIES

Territories = dict[str, tuple[int, ...]]
_WALLS = ("anterior", "anteroseptal", "inferoseptal", "inferior", "inferolateral", "anterolateral")


def segment_names(model: int) -> dict[int, str]:
    """Number to name of the segments of the model with 16, 17 or 18 of them; raises InputError for another."""
    if model == 17:
        return dict(SEGMENT_NAMES)
    if model == 16:
        return {number: name for number, name in SEGMENT_NAMES.items() if number <= 16}
    if model == 18:
        kept = {number: name for number, name in SEGMENT_NAMES.items() if number <= 12}
        return kept | {13 + place: f"apical {wall}" for place, wall in enumerate(_WALLS)}
    raise InputError(f"a model of {model} segments is unknown", remedy="Known are 16, 17 and 18")


def territories(model: int) -> Territories:
    """Artery to the numbers of the segments that it is assigned, in the model with 16, 17 or 18 of them."""
    numbers = segment_names(model)
    if model == 18:
        return {
            "LAD": (1, 2, 7, 8, 13, 14),
            "RCA": (3, 4, 9, 10, 15, 16),
            "LCX": (5, 6, 11, 12, 17, 18),
        }
    return {name: tuple(n for n in members if n in numbers) for name, members in TERRITORIES.items()}
