"""Bland-Altman, ICC and CCC of the volumes of an arm: rows of agreement.tsv, with the patient as the unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scartools.evaluation.agreement import agree
from scartools.evaluation.metrics import FEW_PATIENTS, REGIMES, TOLD_COLUMNS, CaseMetrics, told_of
from scartools.evaluation.overlap import NAN
from scartools.evaluation.summary import patient_means

# quantity: structure, column of the truth, column of the prediction, unit
QUANTITIES = {
    "scar_ml": ("scar", "truth_ml", "predicted_ml", "mL"),
    "scar_percent_lv": ("scar", "truth_percent_lv", "predicted_percent_lv", "%"),
    "myocardium_ml": ("myocardium", "truth_ml", "predicted_ml", "mL"),
    "lv_pool_ml": ("lv_pool", "truth_ml", "predicted_ml", "mL"),
}
_BY_T = "lower end of its 95 % interval, Student's t"
_BY_BOOTSTRAP = "lower end of its 95 % interval, BCa bootstrap of patients"
AGREEMENT_COLUMNS: dict[str, tuple[str, str | None]] = {
    "arm": ("name of the predictions", None),
    "regime": ("automatic or reader", None),
    **TOLD_COLUMNS,
    "quantity": ("scar_ml, scar_percent_lv (each of its own wall), myocardium_ml or lv_pool_ml", None),
    "unit": ("of the quantity", None),
    "n_patients": ("patients, those without scar included", "1"),
    "truth_mean": ("mean of the truth", None),
    "predicted_mean": ("mean of the prediction", None),
    "bias": ("mean of predicted minus true", None),
    "bias_lower": (_BY_T, None),
    "bias_upper": ("upper end", None),
    "sd": ("SD of the differences", None),
    "lower_limit": ("lower 95 % limit of agreement, bias - 1.96 SD", None),
    "lower_limit_lower": (_BY_T, None),
    "lower_limit_upper": ("upper end", None),
    "upper_limit": ("upper 95 % limit of agreement, bias + 1.96 SD", None),
    "upper_limit_lower": (_BY_T, None),
    "upper_limit_upper": ("upper end", None),
    "slope": ("of difference on mean: a bias that grows with size", "1"),
    "cv_percent": ("SD of the differences over the mean of truth and prediction", "%"),
    "icc": ("ICC(2,1): two-way, absolute agreement, single measurement", "1"),
    "icc_lower": (_BY_BOOTSTRAP, "1"),
    "icc_upper": ("upper end", "1"),
    "ccc": ("Lin's concordance correlation coefficient", "1"),
    "ccc_lower": (_BY_BOOTSTRAP, "1"),
    "ccc_upper": ("upper end", "1"),
    "warning": ("what limits the row", None),
}


def pairs_of(rows: Sequence[CaseMetrics], arm: str, quantity: str) -> tuple[np.ndarray, np.ndarray]:
    """Return truth and prediction of a quantity by patient, float64 (n,) each, over the cases in the summary.

    A case whose prediction has no wall has no share of it and is left out.
    """
    structure, true, found, _ = QUANTITIES[quantity]
    own = [
        row
        for row in rows
        if row.arm == arm
        and row.in_summary
        and row.structure == structure
        and not np.isnan(getattr(row, true) + getattr(row, found))
    ]
    one, other = patient_means(own, true), patient_means(own, found)
    return np.array(list(one.values())), np.array(list(other.values()))


def volume_agreement(rows: Sequence[CaseMetrics], *, resamples: int, seed: int) -> list[dict[str, Any]]:
    """Return one row an arm and quantity (AGREEMENT_COLUMNS); quantities that no case has are left out."""
    found = []
    for arm in dict.fromkeys(row.arm for row in rows):
        own = [row for row in rows if row.arm == arm and row.in_summary]
        for quantity, (_, _, _, unit) in QUANTITIES.items():
            truth, predicted = pairs_of(own, arm, quantity)
            if len(truth):
                found.append(_row(own, quantity, unit, truth, predicted, resamples, seed))
    return found


def _row(
    rows: Sequence[CaseMetrics],
    quantity: str,
    unit: str,
    truth: np.ndarray,
    predicted: np.ndarray,
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    said = agree(truth, predicted, resamples=resamples, seed=seed)
    middle = float((truth.mean() + predicted.mean()) / 2)
    pairs = {
        "bias": said.bias_interval,
        "lower_limit": said.lower_limit_interval,
        "upper_limit": said.upper_limit_interval,
        "icc": said.icc_interval,
        "ccc": said.ccc_interval,
    }
    row: dict[str, Any] = {
        "arm": rows[0].arm,
        "regime": REGIMES[rows[0].prior_source],
        **told_of(rows),
        "quantity": quantity,
        "unit": unit,
        "n_patients": said.n,
        "truth_mean": float(truth.mean()),
        "predicted_mean": float(predicted.mean()),
        "sd": said.sd,
        "slope": said.slope,
        "cv_percent": 100 * said.sd / middle if middle > 0 else NAN,
        "warning": f"only {said.n} patients" if said.n < FEW_PATIENTS else None,
    }
    for name, ends in pairs.items():
        row |= {name: getattr(said, name), f"{name}_lower": ends[0], f"{name}_upper": ends[1]}
    return {name: row[name] for name in AGREEMENT_COLUMNS}
