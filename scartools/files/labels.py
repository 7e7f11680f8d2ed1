"""Label schemes: what the numbers in a segmentation mean, in our files and in other people's.

Inside the toolkit there is one scheme:

    0 background, 1 LV pool, 2 healthy myocardium, 3 scar, 4 no-reflow, 5 RV pool, 255 ignore
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scartools.errors import InputError

if TYPE_CHECKING:
    import numpy as np

BACKGROUND, LV_POOL, HEALTHY, SCAR, NO_REFLOW, RV_POOL, IGNORE = 0, 1, 2, 3, 4, 5, 255
MYOCARDIUM = (HEALTHY, SCAR, NO_REFLOW)
NAMES = {
    BACKGROUND: "background",
    LV_POOL: "LV pool",
    HEALTHY: "healthy myocardium",
    SCAR: "scar",
    NO_REFLOW: "no-reflow",
    RV_POOL: "RV pool",
    IGNORE: "ignore",
}


@dataclass(frozen=True)
class Scheme:
    """One convention: foreign value to internal label, and what a reader of the result should know."""

    name: str
    values: Mapping[int, int]
    source: str
    remarks: Mapping[int, str]  # foreign value to a sentence reported with its voxel count


SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme("scartools", {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 255: 255}, "this toolkit's own scheme", {}),
        Scheme(
            "emidec",
            {0: 0, 1: 1, 2: 2, 3: 3, 4: 4},
            "Lalande et al., Data 2020;5:89, doi:10.3390/data5040089; no RV label",
            {},
        ),
        Scheme(
            "myops2020",
            {0: 0, 500: 1, 200: 2, 1220: 2, 2221: 3, 600: 5},
            "Li et al., Med Image Anal 2023;87:102808, doi:10.1016/j.media.2023.102808",
            {1220: "oedema counted as healthy myocardium"},
        ),
        Scheme(
            "acdc",
            {0: 0, 1: 5, 2: 2, 3: 1},
            "Bernard et al., IEEE TMI 2018;37:2514, doi:10.1109/TMI.2018.2837502; no scar label",
            {},
        ),
        Scheme(
            "mnms",
            {0: 0, 1: 1, 2: 2, 3: 5},
            "Campello et al., IEEE TMI 2021;40:3543, doi:10.1109/TMI.2021.3090082; no scar label",
            {},
        ),
        Scheme(
            "ukbb",
            {0: 0, 1: 1, 2: 2, 3: 5},
            "Bai et al., JCMR 2018;20:65, doi:10.1186/s12968-018-0471-x; no scar label",
            {},
        ),
    )
}


def to_internal(values: np.ndarray, scheme: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Translate a segmentation into the internal scheme.

    values  any numeric dtype, any shape; must be whole numbers known to the scheme (EMIDEC stores float64)
    scheme  a key of SCHEMES
    Returns labels uint8 of the same shape, and sentences the user should see (oedema merged, with its
    count). Raises InputError for NaN, fractions, or values the scheme does not know, and names the scheme
    that would fit.
    """
    import numpy as np

    rule = SCHEMES[scheme]
    if not np.isfinite(values).all():
        raise InputError(
            "holds NaN or infinite values where labels are due", remedy="Give a segmentation, not an image"
        )
    whole = values if values.dtype.kind in "iu" else np.rint(values)
    if values.dtype.kind == "f" and np.abs(values - whole).max(initial=0.0) > 1e-6:
        worst = float(values.ravel()[np.argmax(np.abs(values - whole))])
        raise InputError(
            f"holds the fraction {worst:g} where whole labels are due",
            remedy="Give a segmentation, not an image or a probability map",
        )
    # one pass a label: no sorting, and little memory for a large volume
    counts = {theirs: int(np.count_nonzero(whole == theirs)) for theirs in rule.values}
    if sum(counts.values()) < whole.size:
        known = np.isin(whole, list(rule.values))
        strange, how_many = np.unique(whole[~known], return_counts=True)
        present = {value: count for value, count in counts.items() if count}
        unknown = {int(v): int(n) for v, n in zip(strange.tolist(), how_many.tolist(), strict=True)}
        _refuse_unknown(unknown, {**present, **unknown}, rule)
    labels = np.zeros(values.shape, dtype=np.uint8)
    for theirs, ours in rule.values.items():
        if ours and counts[theirs]:
            labels[whole == theirs] = ours
    notes = tuple(
        f"label {value}: {remark} ({counts[value]} voxels)"
        for value, remark in rule.remarks.items()
        if counts[value]
    )
    return labels, notes


def _refuse_unknown(unknown: Mapping[int, int], counts: Mapping[int, int], rule: Scheme) -> None:
    listed = ", ".join(f"{value} ({count} voxels)" for value, count in list(unknown.items())[:6])
    more = f" and {len(unknown) - 6} more" if len(unknown) > 6 else ""
    fitting = [name for name, other in SCHEMES.items() if all(value in other.values for value in counts)]
    remedy = (
        f"These values fit --labels {' or '.join(fitting)}"
        if fitting
        else f"Known schemes: {', '.join(SCHEMES)}"
    )
    raise InputError(
        f"holds label values that the scheme '{rule.name}' does not know: {listed}{more}", remedy=remedy
    )
