"""What each step of a chain of arms adds to the scar Dice: image, + prior, + ECG, + interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scartools.errors import InputError
from scartools.evaluation.comparisons import paired
from scartools.evaluation.metrics import FEW_PATIENTS, REGIMES, TOLD_COLUMNS, CaseMetrics, told_of
from scartools.evaluation.overlap import NAN
from scartools.evaluation.significance import bootstrap_interval, weighted_interval, wilcoxon_p

DECOMPOSITION_COLUMNS: dict[str, tuple[str, str | None]] = {
    "step": ("number of the step, from 1; total for the whole chain", None),
    "from_arm": ("arm before the step", None),
    "arm": ("arm after it", None),
    "regime": ("automatic or reader", None),
    **TOLD_COLUMNS,
    "n_patients": ("patients with scar that every arm of the chain has", "1"),
    "dice_before": ("mean scar Dice before, cases with scar in truth", "1"),
    "dice_after": ("the same after", "1"),
    "gain": ("mean difference, after minus before", "1"),
    "gain_lower": ("lower end of its 95 % interval, BCa bootstrap of patients", "1"),
    "gain_upper": ("upper end", "1"),
    "share_percent": ("part of the total gain; n/a where the interval of the total holds 0", "%"),
    "share_percent_lower": ("lower end of its 95 % interval", "%"),
    "share_percent_upper": ("upper end", "%"),
    "p_wilcoxon": ("two-sided Wilcoxon signed-rank test, not adjusted: see comparisons.tsv for that", "1"),
    "warning": ("what limits the row", None),
}


def decompose(
    rows: Sequence[CaseMetrics], chain: Sequence[str], *, resamples: int, seed: int
) -> list[dict[str, Any]]:
    """Return one row a step and one for the whole chain (DECOMPOSITION_COLUMNS); the gains add up to the total.

    chain  names of arms, from the simplest to the fullest, of one regime
           (scartools.evaluation.arms.require_one_regime)
    Raises InputError where they have no patient with scar in common.
    """
    values = _by_patient(rows, chain)
    total = values[-1] - values[0]
    total_interval = bootstrap_interval(list(total), resamples=resamples, seed=seed)
    certain = not total_interval[0] <= 0 <= total_interval[1]
    found = []
    steps = [(str(at), at - 1, at) for at in range(1, len(chain))] + [("total", 0, len(chain) - 1)]
    for step, before, after in steps:
        gain = values[after] - values[before]
        lower, upper = bootstrap_interval(list(gain), resamples=resamples, seed=seed)
        share, ends = _share(gain, total, resamples, seed) if certain else (NAN, (NAN, NAN))
        own = [row for row in rows if row.arm == chain[after]]
        found.append(
            {
                "step": step,
                "from_arm": chain[before],
                "arm": chain[after],
                "regime": REGIMES[own[0].prior_source],
                **told_of(own),
                "n_patients": len(total),
                "dice_before": float(values[before].mean()),
                "dice_after": float(values[after].mean()),
                "gain": float(gain.mean()),
                "gain_lower": lower,
                "gain_upper": upper,
                "share_percent": share,
                "share_percent_lower": ends[0],
                "share_percent_upper": ends[1],
                "p_wilcoxon": wilcoxon_p(list(gain)),
                "warning": f"only {len(total)} patients" if len(total) < FEW_PATIENTS else None,
            }
        )
    return found


def _by_patient(rows: Sequence[CaseMetrics], chain: Sequence[str]) -> list[np.ndarray]:
    """The scar Dice of each arm of the chain, float64 (n,) each, over the cases that all arms have."""
    scar = [row for row in rows if row.structure == "scar" and row.positive and row.arm in chain]
    common = set.intersection(*({row.case_id for row in scar if row.arm == name} for name in chain))
    kept = [row for row in scar if row.case_id in common]
    if not kept:
        raise InputError("the arms of --chain have no case with scar in common")
    last = [paired(kept, name, chain[0], "dice", "scar") for name in chain[1:]]
    first = _own(kept, chain[0])
    return [first, *(first + np.array([gain[patient] for patient in sorted(gain)]) for gain in last)]


def _own(rows: Sequence[CaseMetrics], arm: str) -> np.ndarray:
    from scartools.evaluation.summary import patient_means

    values = patient_means([row for row in rows if row.arm == arm], "dice")
    return np.array([values[patient] for patient in sorted(values)])


def _share(gain: np.ndarray, total: np.ndarray, resamples: int, seed: int) -> tuple[float, tuple[float, float]]:
    def share(weights: np.ndarray) -> np.ndarray:
        """Part of the total gain, %, of weighted patients: float64 (B, n) to (B,)."""
        whole = np.einsum("bn,n->b", weights, total)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(whole != 0, 100 * np.einsum("bn,n->b", weights, gain) / whole, NAN)

    return float(share(np.ones((1, len(gain))))[0]), weighted_interval(
        share, len(gain), resamples=resamples, seed=seed
    )
