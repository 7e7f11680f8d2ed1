"""The names of the field: tissue labels, the 17 segments, their rings and their coronary territories.

Cerqueira et al., Circulation 2002;105:539, doi:10.1161/hc0402.102975. The same statement warns that coronary
supply varies: a territory here is the artery that the standard assigns to a segment, never a culprit.
"""

from __future__ import annotations

from typing import Literal

SegmentModel = Literal[16, 17, 18]
SEGMENT_MODELS: tuple[SegmentModel, ...] = (16, 17, 18)

LV_POOL, HEALTHY, SCAR, NO_REFLOW, RV_POOL, IGNORE = 1, 2, 3, 4, 5, 255
MYOCARDIUM = (HEALTHY, SCAR, NO_REFLOW)
INFARCT = (SCAR, NO_REFLOW)  # a dark core without reflow is infarcted too

# Okabe and Ito's colours, told apart by the colour-blind
LABEL_COLOURS: dict[int, str] = {
    LV_POOL: "#0072B2",
    HEALTHY: "#009E73",
    SCAR: "#D55E00",
    NO_REFLOW: "#CC79A7",
    RV_POOL: "#56B4E9",
}

SEGMENT_NAMES: dict[int, str] = {
    1: "basal anterior",
    2: "basal anteroseptal",
    3: "basal inferoseptal",
    4: "basal inferior",
    5: "basal inferolateral",
    6: "basal anterolateral",
    7: "mid anterior",
    8: "mid anteroseptal",
    9: "mid inferoseptal",
    10: "mid inferior",
    11: "mid inferolateral",
    12: "mid anterolateral",
    13: "apical anterior",
    14: "apical septal",
    15: "apical inferior",
    16: "apical lateral",
    17: "apex",
}

RINGS: dict[str, tuple[int, ...]] = {
    "Basal": (1, 2, 3, 4, 5, 6),
    "Mid": (7, 8, 9, 10, 11, 12),
    "Apical": (13, 14, 15, 16),
}

TERRITORIES: dict[str, tuple[int, ...]] = {
    "LAD": (1, 2, 7, 8, 13, 14, 17),
    "RCA": (3, 4, 9, 10, 15),
    "LCX": (5, 6, 11, 12, 16),
}

TERRITORY_NAMES: dict[str, str] = {
    "LAD": "left anterior descending artery (assigned, AHA)",
    "RCA": "right coronary artery (assigned, AHA)",
    "LCX": "left circumflex artery (assigned, AHA)",
}


# The variants of echocardiography, Lang et al., Eur Heart J Cardiovasc Imaging 2015;16:233,
# doi:10.1093/ehjci/jev014: 16 leaves the apical cap out, 18 leaves it out and gives the apical ring six sectors.
_APICAL_SIX = dict(
    zip(
        range(13, 19),
        ("anterior", "anteroseptal", "inferoseptal", "inferior", "inferolateral", "anterolateral"),
        strict=True,
    )
)


def segment_names(model: SegmentModel = 17) -> dict[int, str]:
    """The segments of a model and their names."""
    if model == 17:
        return SEGMENT_NAMES
    names = {number: name for number, name in SEGMENT_NAMES.items() if number <= 16}
    if model == 18:
        names |= {number: f"apical {wall}" for number, wall in _APICAL_SIX.items()}
    return names


def segment_rings(model: SegmentModel = 17) -> dict[str, tuple[int, ...]]:
    """The segments of the basal, mid and apical ring, counter-clockwise from anterior, seen from the apex."""
    return {**RINGS, "Apical": tuple(_APICAL_SIX)} if model == 18 else RINGS


def segment_territories(model: SegmentModel = 17) -> dict[str, tuple[int, ...]]:
    """The artery that the standard assigns to each wall; the six apical sectors follow the wall they are part of."""
    if model == 17:
        return TERRITORIES
    if model == 16:
        return {name: tuple(k for k in members if k <= 16) for name, members in TERRITORIES.items()}
    return {"LAD": (1, 2, 7, 8, 13, 14, 15), "RCA": (3, 4, 9, 10, 16), "LCX": (5, 6, 11, 12, 17, 18)}
