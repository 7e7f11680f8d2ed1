"""Overlap of two segmentations, structure by structure, with the empty mask decided in the open.

| truth | predicted | agreement      | Dice                                      |
|-------|-----------|----------------|-------------------------------------------|
| some  | some      | hit            | 2 both / (truth + predicted)              |
| some  | none      | missed         | 0                                         |
| none  | some      | false_positive | 0                                         |
| none  | none      | true_negative  | n/a, or 1 where the policy is `one`       |

Dice, Ecology 1945;26:297. On empty masks: Maier-Hein et al., Nat Methods 2024;21:195, doi:10.1038/s41592-023-02151-z.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scartools.errors import InputError
from scartools.heart.nomenclature import IGNORE, INFARCT, LV_POOL, MYOCARDIUM, NO_REFLOW, RV_POOL, SCAR

EmptyPolicy = Literal["n/a", "one"]
Agreement = Literal["hit", "missed", "false_positive", "true_negative"]
NAN = float("nan")

STRUCTURES: dict[str, tuple[int, ...]] = {
    "lv_pool": (LV_POOL,),
    "myocardium": MYOCARDIUM,
    "scar": INFARCT,
    "scar_only": (SCAR,),
    "no_reflow": (NO_REFLOW,),
    "rv_pool": (RV_POOL,),
}
# labels a scheme must know before its silence about a structure means absence; scar alone is enough for infarct
_TOLD_BY = {**STRUCTURES, "myocardium": (MYOCARDIUM[0],), "scar": (SCAR,), "scar_only": INFARCT}


@dataclass(frozen=True)
class Counts:
    """Voxels of one structure in one case."""

    both: int
    truth: int
    predicted: int

    @property
    def agreement(self) -> Agreement:
        """Whether the structure is there in truth and in the prediction; a hit need not overlap."""
        if self.truth:
            return "hit" if self.predicted else "missed"
        return "false_positive" if self.predicted else "true_negative"


def structures_of(known_labels: frozenset[int], truth: np.ndarray) -> dict[str, tuple[int, ...]]:
    """Return the structures a truth can speak of.

    known_labels  the labels that the scheme of the truth can express; without scar among them, no scar in a
                  truth means nothing
    truth         uint8 labels; the RV is judged only where it was drawn
    """
    return {
        name: labels
        for name, labels in STRUCTURES.items()
        if known_labels.issuperset(_TOLD_BY[name]) and (name != "rv_pool" or bool((truth == RV_POOL).any()))
    }


def count(truth: np.ndarray, predicted: np.ndarray, labels: tuple[int, ...]) -> Counts:
    """Count the voxels of a structure; those labelled 255 in either segmentation are left out of both.

    truth, predicted  uint8 labels of the same shape
    labels            the labels that make up the structure
    """
    if truth.shape != predicted.shape:
        raise InputError(f"has shape {predicted.shape} where the truth has {truth.shape}")
    seen = (truth != IGNORE) & (predicted != IGNORE)
    drawn, found = np.isin(truth, labels) & seen, np.isin(predicted, labels) & seen
    return Counts(int((drawn & found).sum()), int(drawn.sum()), int(found.sum()))


def dice(counts: Counts, empty: EmptyPolicy = "n/a") -> float:
    """Return the Dice coefficient; NaN (or 1 under `one`) where the structure is in neither."""
    total = counts.truth + counts.predicted
    if total == 0:
        return 1.0 if empty == "one" else NAN
    return 2 * counts.both / total


def precision(counts: Counts) -> float:
    """Return the share of what was predicted that is true; NaN where nothing was predicted."""
    return counts.both / counts.predicted if counts.predicted else NAN


def sensitivity(counts: Counts) -> float:
    """Return the share of the truth that was found; NaN where the truth has none."""
    return counts.both / counts.truth if counts.truth else NAN
