"""Where scars lie: by occluded artery, and in the diseases that are no infarction.

Segments by artery are those of Cerqueira 2002 and what infarctions of one vessel show beside them: 23 % of the
segments with scar lie outside the assigned territory, no segment belongs to the RCA or the LCX alone, infarctions of
the LAD often reach the mid anterolateral, apical lateral and apical inferior wall, and an LCX that is dominant takes
the inferior wall too (Ortiz-Perez et al., JACC Cardiovasc Imaging 2008;1:282; Pereztol-Valdes et al., Eur Heart J
2005;26:2637, doi:10.1093/eurheartj/ehi496).
"""

from __future__ import annotations

from typing import NamedTuple

# Segments by artery, the whole territory first (Cerqueira 2002), then branches, distal occlusions and variants.
TERRITORY_VARIANTS: dict[str, tuple[tuple[int, ...], ...]] = {
    "LAD": (
        (1, 2, 7, 8, 13, 14, 17),
        (7, 8, 13, 14, 17),
        (13, 14, 17),
        (1, 7, 13),
        (2, 8, 14),
        (13, 14, 15, 16, 17),  # the LAD wraps around the apex
        (8, 14),
        (1, 7, 12),  # first diagonal branch
        (7, 8, 12, 13, 14, 15, 16, 17),
        (1, 6, 7, 12, 13, 16),  # large diagonal branches
        (10, 13, 14, 15, 16, 17),  # the LAD wraps around the apex and far up the inferior wall
    ),
    "RCA": (
        (3, 4, 9, 10, 15),
        (4, 10, 15),
        (4, 10),
        (3, 4, 9, 10),
        (4,),
        (10, 15),
        (3, 4, 5, 9, 10, 11, 15),  # a large dominant RCA with a posterolateral branch
        (4, 5, 10, 11, 15, 16),
        (4, 5, 10, 11),
        (10, 11, 15, 16),
        (10, 15, 17),  # the RCA reaches the apex
    ),
    "LCX": (
        (5, 6, 11, 12, 16),
        (5, 11),
        (5, 11, 16),
        (6, 12),
        (11, 12, 16),
        (5,),
        (4, 5, 10, 11),  # left dominance: the LCX gives the posterior descending artery
        (3, 4, 5, 6, 9, 10, 11, 12),
        (4, 5, 6, 10, 11, 12),
        (4, 5, 10, 11, 15, 16),
        (10, 11, 15, 16),
        (1, 6, 12),  # intermediate branch
    ),
}
# Of the segments of these, weighted, 20 % lie outside the territory.
TERRITORY_WEIGHTS = {"LAD": 0.43, "RCA": 0.29, "LCX": 0.28}


class Pattern(NamedTuple):
    """A non-ischaemic scar.

    weight    how often, beside the others
    middle    depth of its middle in the wall, 0 endocardium to 1 epicardium; None: against the epicardium
    extent    least and greatest part of the wall it takes
    variants  segments it may lie in; one of them is drawn
    """

    weight: float
    middle: float | None
    extent: tuple[float, float]
    variants: tuple[tuple[int, ...], ...]


# Mid-wall stripes of the septum as in dilated cardiomyopathy (Mikami et al., J Cardiovasc Magn Reson 2016;18:82,
# doi:10.1186/s12968-016-0300-z), the epicardial lateral wall as in myocarditis, and patches at the insertions of
# the right ventricle (patterns as listed by Weir-McCall et al., Eur Heart J Cardiovasc Imaging 2017;18:657,
# doi:10.1093/ehjci/jew155). Weights and extents are assumptions.
NON_ISCHAEMIC: dict[str, Pattern] = {
    "midwall": Pattern(0.45, 0.5, (0.22, 0.42), ((2, 3, 8, 9), (2, 8), (3, 9), (2, 3), (8, 9, 14))),
    "epicardial": Pattern(0.33, None, (0.25, 0.55), ((5, 11), (5, 6, 11, 12), (5,), (11, 12), (5, 11, 16))),
    "insertion": Pattern(0.22, 0.5, (0.5, 0.8), ((1, 2, 7, 8), (3, 4, 9, 10))),
}
INSERTION_DEG: dict[tuple[int, ...], float] = {
    (1, 2, 7, 8): 30.0,
    (3, 4, 9, 10): 150.0,
}  # AHA angle of the RV insertions
