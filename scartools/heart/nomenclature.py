"""The names of the field: tissue labels, the 17 segments, their rings and their coronary territories.

Cerqueira et al., Circulation 2002;105:539, doi:10.1161/hc0402.102975. The same statement warns that coronary
supply varies: a territory here is the artery that the standard assigns to a segment, never a culprit.
"""

from __future__ import annotations

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
