"""How arms differ: every measure of one arm minus that of another, paired by patient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scartools.evaluation.metrics import FEW_PATIENTS, REGIMES, CaseMetrics, told_of
from scartools.evaluation.overlap import NAN, STRUCTURES
from scartools.evaluation.segment_detection import NUMBERS, SegmentScar, Tally, tally
from scartools.evaluation.significance import (
    bootstrap_interval,
    by_patient,
    hodges_lehmann,
    holm,
    weighted_interval,
    wilcoxon_p,
)
from scartools.evaluation.surfaces import MEASURED

COMPARISON_COLUMNS: dict[str, tuple[str, str | None]] = {
    "arm": ("the arm that is compared", None),
    "reference": ("the arm that is subtracted", None),
    "regime": ("automatic or reader", None),
    "structure": ("as in metrics.tsv", None),
    "measure": ("what is subtracted; see the notes", None),
    "unit": ("of the measure: 1, mm, mL or %", None),
    "better": ("higher or lower: which sign is for the arm", None),
    "prior_source": ("prior of the arm", None),
    "reference_prior_source": ("prior of the reference", None),
    "ecg": ("ECG of the arm: used, absent or off", None),
    "reference_ecg": ("ECG of the reference", None),
    "ecg_source": ("where the ECGs of the arm come from: recorded, simulated or unstated", None),
    "reference_ecg_source": ("the same of the reference", None),
    "control": ("what was done to the inputs of the arm", None),
    "reference_control": ("the same of the reference", None),
    "n_patients": ("patients that have the measure in both", "1"),
    "difference": ("mean over patients, arm minus reference", None),
    "difference_lower": ("lower end of its 95 % interval, BCa bootstrap of patients", None),
    "difference_upper": ("upper end", None),
    "difference_lower_90": ("lower end of its 90 % interval, for questions of equivalence", None),
    "difference_upper_90": ("upper end", None),
    "hodges_lehmann": ("Hodges-Lehmann shift", None),
    "p_wilcoxon": ("two-sided Wilcoxon signed-rank test; n/a for measures that no single patient has", "1"),
    "p_holm": ("the same, adjusted by Holm over all rows of the same measure", "1"),
    "warning": ("what limits the row", None),
}


@dataclass(frozen=True)
class Measure:
    """A number of a case, and among which cases it is compared: positive (truth has some), negative, hit or all."""

    column: str
    among: str
    unit: str
    better: str
    structures: tuple[str, ...]


MEASURES = {
    "dice": Measure("dice", "positive", "1", "higher", tuple(STRUCTURES)),
    "nsd": Measure("nsd", "positive", "1", "higher", MEASURED),
    "hd95": Measure("hd95_mm", "hit", "mm", "lower", MEASURED),
    "assd": Measure("assd_mm", "hit", "mm", "lower", MEASURED),
    "absolute_volume_difference": Measure(
        "absolute_difference_percent_lv", "all", "% LV", "lower", ("scar", "no_reflow")
    ),
    "false_positive_ml": Measure("predicted_ml", "negative", "mL", "lower", ("scar",)),
    "false_positive_percent_lv": Measure("difference_percent_lv", "negative", "% LV", "lower", ("scar",)),
}


def compare(
    rows: Sequence[CaseMetrics],
    reference: str,
    *,
    segments: Sequence[SegmentScar] = (),
    resamples: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Return one row an arm, structure and measure (COMPARISON_COLUMNS): arm minus reference, paired by patient.

    reference   arm that the others of its regime are compared with; in the other regime it is the first arm
    segments    scar by segment of the same cases, for measures of detection
    A case counts where all runs of both arms have the number; cases and runs of a patient are averaged first.
    """
    arms = {row.arm: REGIMES[row.prior_source] for row in rows}
    first = {regime: next(arm for arm in arms if arms[arm] == regime) for regime in arms.values()}
    first[arms[reference]] = reference
    found: list[dict[str, Any]] = []
    for arm, regime in arms.items():
        if arm == first[regime]:
            continue
        pair = _Pair.of(rows, arm, first[regime])
        for name, measure in MEASURES.items():
            for structure in measure.structures:
                values = paired(rows, arm, first[regime], name, structure)
                if values:
                    found.append(pair.row(structure, name, measure, list(values.values()), resamples, seed))
        found += _detection(segments, pair, resamples, seed)
    for name in {row["measure"] for row in found}:
        family = [row for row in found if row["measure"] == name]
        for row, adjusted in zip(family, holm([row["p_wilcoxon"] for row in family]), strict=True):
            row["p_holm"] = adjusted
    return found


def paired(
    rows: Sequence[CaseMetrics], arm: str, reference: str, measure: str, structure: str
) -> dict[str, float]:
    """Return the difference of a measure by patient, arm minus reference, over the cases that both arms have."""
    wanted = MEASURES[measure]
    one, other = (_by_case(rows, name, structure, wanted) for name in (arm, reference))
    both = [case for case in one if case in other]
    return by_patient([(one[case][0], one[case][1] - other[case][1]) for case in both])


def _by_case(
    rows: Sequence[CaseMetrics], arm: str, structure: str, measure: Measure
) -> dict[str, tuple[str, float]]:
    """The patient and the mean over runs of each case that has the measure in every run."""
    chosen = [row for row in rows if row.arm == arm and row.structure == structure]
    runs = {row.run for row in chosen}
    kept: dict[str, list[CaseMetrics]] = {}
    for row in chosen:
        if measure.among == "all" or (
            row.agreement == "hit" if measure.among == "hit" else row.positive == (measure.among == "positive")
        ):
            kept.setdefault(row.case_id, []).append(row)
    found = {}
    for case, of_case in kept.items():
        values = [float(getattr(row, measure.column)) for row in of_case]
        if len(of_case) == len(runs) and all(value == value for value in values):
            found[case] = of_case[0].participant_id, sum(values) / len(values)
    return found


@dataclass(frozen=True)
class _Pair:
    """Two arms, and what stands beside the numbers of both."""

    arm: str
    reference: str
    names: Mapping[str, Any]

    @classmethod
    def of(cls, rows: Sequence[CaseMetrics], arm: str, reference: str) -> _Pair:
        """Take what is told of the two arms from their rows."""
        one, other = ([row for row in rows if row.arm == name] for name in (arm, reference))
        names = {"regime": REGIMES[one[0].prior_source], **told_of(one)}
        names |= {f"reference_{name}": value for name, value in told_of(other).items()}
        return cls(arm, reference, names)

    def row(
        self, structure: str, name: str, measure: Measure, values: list[float], resamples: int, seed: int
    ) -> dict[str, Any]:
        """The row of a measure that every patient has: values float (n,), arm minus reference."""
        ends = [
            bootstrap_interval(values, resamples=resamples, seed=seed, level=level) for level in (0.95, 0.90)
        ]
        shift, p = hodges_lehmann(values), wilcoxon_p(values)
        difference = sum(values) / len(values)
        words = (structure, name, measure.unit, measure.better)
        return self._filled(words, len(values), difference, ends, shift, p)

    def detection_row(
        self,
        name: str,
        difference: Callable[[Any], Any],
        value: float,
        patients: int,
        resamples: int,
        seed: int,
    ) -> dict[str, Any]:
        """The row of a measure that only patients together have."""
        ends = [
            weighted_interval(difference, patients, resamples=resamples, seed=seed, level=level)
            for level in (0.95, 0.90)
        ]
        return self._filled(("scar", f"segment_{name}", "1", "higher"), patients, value, ends, NAN, NAN)

    def _filled(
        self,
        words: tuple[str, str, str, str],
        patients: int,
        difference: float,
        ends: Sequence[tuple[float, float]],
        shift: float,
        p: float,
    ) -> dict[str, Any]:
        few = f"only {patients} patients: neither the interval nor p can be relied on"
        row = {
            "arm": self.arm,
            "reference": self.reference,
            **self.names,
            **dict(zip(("structure", "measure", "unit", "better"), words, strict=True)),
            "n_patients": patients,
            "difference": difference,
            "difference_lower": ends[0][0],
            "difference_upper": ends[0][1],
            "difference_lower_90": ends[1][0],
            "difference_upper_90": ends[1][1],
            "hodges_lehmann": shift,
            "p_wilcoxon": p,
            "p_holm": NAN,
            "warning": few if patients < FEW_PATIENTS else None,
        }
        return {name: row[name] for name in COMPARISON_COLUMNS}


def _detection(segments: Sequence[SegmentScar], pair: _Pair, resamples: int, seed: int) -> list[dict[str, Any]]:
    """The rows of segment detection: both arms on the same segments of the same patients, resampled together."""
    of_arm = {
        name: {(row.case_id, row.segment) for row in segments if row.arm == name}
        for name in (pair.arm, pair.reference)
    }
    both = of_arm[pair.arm] & of_arm[pair.reference]
    if not both:
        return []
    kept = [row for row in segments if (row.case_id, row.segment) in both]
    patients = sorted({row.participant_id for row in kept})
    one, other = (
        tally([row for row in kept if row.arm == name], patients) for name in (pair.arm, pair.reference)
    )
    rows = []
    for name in ("auc", "sensitivity_at_95", "kappa"):
        number = NUMBERS[name]
        value = one.value(number) - other.value(number)
        if value == value:
            rows.append(
                pair.detection_row(name, _difference(one, other, number), value, len(patients), resamples, seed)
            )
    return rows


def _difference(one: Tally, other: Tally, number: Any) -> Callable[[Any], Any]:
    def of(weights: Any) -> Any:
        """The difference of a number of two arms, patients weighted alike: (B, n) to (B,)."""
        return one.of(number, weights) - other.of(number, weights)

    return of
