"""Detection by segment: counted by hand, by every pair, by every threshold, and with patients drawn as a whole."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scartools.evaluation.logistic import roc_area
from scartools.evaluation.metrics import REGIMES
from scartools.evaluation.segment_detection import (
    NUMBERS,
    SegmentScar,
    detect,
    match_segments,
    scar_by_segment,
    tally,
)

NAMES = {
    "arm": "net",
    "run": 1,
    "prior_source": "predicted",
    "ecg": "used",
    "ecg_source": "simulated",
    "control": None,
}


def rows_of(
    patients: int, seed: int, *, effect: float = 1.0, run: int = 1, segments: int = 16
) -> list[SegmentScar]:
    random = np.random.default_rng(seed)
    truths = np.random.default_rng(99)  # the same in every run
    rows = []
    for patient in range(patients):
        burden = truths.normal()
        truth = {s: max(0.0, 20 * (truths.normal() + burden)) for s in range(1, segments + 1)}
        score = {
            s: round(max(0.0, 5 * effect * (value > 0) + 4 * random.normal()), 1) for s, value in truth.items()
        }
        rows += match_segments(
            truth, score, 1.0, **{**NAMES, "run": run}, case_id=f"c{patient}", participant_id=f"p{patient}"
        )
    return rows


def patients_of(rows: list[SegmentScar]) -> list[str]:
    return sorted({row.participant_id for row in rows})


def labels_of(rows: list[SegmentScar]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row.truth_present for row in rows]), np.array([row.predicted_percent for row in rows])


def test_kappa_by_hand():
    """A table of 20 5 / 10 15 has kappa 0.40: observed 0.70, by chance 0.50."""
    table = [(5.0, 5.0)] * 20 + [(5.0, 0.0)] * 5 + [(0.0, 5.0)] * 10 + [(0.0, 0.0)] * 15
    rows = []
    for at, (truth, found) in enumerate(table):
        rows += match_segments({1: truth}, {1: found}, 1.0, **NAMES, case_id=f"c{at}", participant_id=f"p{at}")
    counted = tally(rows, patients_of(rows))
    assert counted.value(NUMBERS["kappa"]) == pytest.approx(0.40)
    assert counted.value(NUMBERS["sensitivity"]) == pytest.approx(20 / 25)
    assert counted.value(NUMBERS["specificity"]) == pytest.approx(15 / 25)


def test_the_area_by_every_pair():
    rows = rows_of(12, 1)
    truth, score = labels_of(rows)
    pairs = [(a > b) + (a == b) / 2 for a in score[truth] for b in score[~truth]]
    found = tally(rows, patients_of(rows)).value(NUMBERS["auc"])
    assert found == pytest.approx(np.mean(pairs)) == pytest.approx(roc_area(truth, score))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_sensitivity_at_95_percent_specificity_by_every_threshold(seed: int):
    rows = rows_of(15, seed)
    truth, score = labels_of(rows)
    best = 0.0
    for threshold in [*np.unique(score), np.inf]:
        called = score >= threshold
        if (~called[~truth]).mean() >= 0.95:
            best = max(best, called[truth].mean())
    assert tally(rows, patients_of(rows)).value(NUMBERS["sensitivity_at_95"]) == pytest.approx(best)


@pytest.mark.parametrize("name", list(NUMBERS))
def test_a_patient_that_counts_twice_is_a_patient_given_twice(name: str):
    rows = rows_of(6, 4)
    weights = np.array([2, 0, 1, 3, 0, 1])
    repeated = [
        SegmentScar(**{**row.__dict__, "participant_id": f"{row.participant_id}-{copy}"})
        for at, patient in enumerate(patients_of(rows))
        for copy in range(weights[at])
        for row in rows
        if row.participant_id == patient
    ]
    counted = tally(rows, patients_of(rows)).of(NUMBERS[name], weights[None].astype(float))[0]
    assert counted == pytest.approx(tally(repeated, patients_of(repeated)).value(NUMBERS[name]))


def test_runs_are_averaged():
    one, other = rows_of(8, 5), rows_of(8, 6, run=2)
    both = tally([*one, *other], patients_of(one))
    for number in NUMBERS.values():
        alone = [tally(rows, patients_of(one)).value(number) for rows in (one, other)]
        assert both.value(number) == pytest.approx(np.mean(alone))


def test_segments_of_a_patient_widen_the_interval():
    """All segments of a patient are right together or wrong together: 30 patients tell as much as 30 segments."""
    rows: list[SegmentScar] = []
    for n in range(30):
        truth = {s: 10.0 * (s % 2) for s in range(1, 17)}
        found = truth if n % 3 else {s: 10.0 - value for s, value in truth.items()}
        rows += match_segments(truth, found, 1.0, **NAMES, case_id=f"c{n}", participant_id=f"p{n}")
    alone = [
        SegmentScar(**{**row.__dict__, "participant_id": f"{row.participant_id}-{row.segment}"}) for row in rows
    ]
    widths = []
    for chosen in (rows, alone):
        found_row = detect(chosen, REGIMES, resamples=2000, seed=1)[0]
        assert found_row["sensitivity"] == pytest.approx(2 / 3)
        widths.append(found_row["sensitivity_upper"] - found_row["sensitivity_lower"])
    # 30 patients against 240 segments with scar: sqrt(8) wider
    assert widths[0] / widths[1] == pytest.approx(math.sqrt(8), rel=0.15)


def test_the_interval_of_the_area_covers_as_often_as_it_says():
    """Against the area of 3000 patients, of whom 40 are drawn 60 times."""
    big = rows_of(3000, 11, segments=6)
    truth, score = labels_of(big)
    expected, hits = roc_area(truth, score), 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        chosen = random.choice(3000, 40, replace=False)
        kept = {f"p{at}" for at in chosen}
        rows = [row for row in big if row.participant_id in kept]
        found = next(row for row in detect(rows, REGIMES, resamples=400, seed=seed) if row["region"] == "all")
        hits += found["auc_lower"] <= expected <= found["auc_upper"]
    assert 52 <= hits <= 60  # 57 are due, SD 1.7


def test_what_a_prediction_lacks_counts_as_without_scar():
    truth = {1: 30.0, 2: 0.0, 17: 20.0}
    rows = match_segments(truth, {1: 20.0, 2: 0.5}, 1.0, **NAMES, case_id="c", participant_id="p")
    assert [row.segment for row in rows] == [1, 2, 17]
    assert [row.predicted_present for row in rows] == [True, False, False]
    assert math.isnan(rows[2].predicted_percent)
    none = match_segments(truth, None, 1.0, **NAMES, case_id="c", participant_id="p")
    assert tally(none, ["p"]).value(NUMBERS["sensitivity"]) == 0.0
    assert tally(none, ["p"]).value(NUMBERS["auc"]) == 0.5


def test_scar_is_a_share_of_the_segment():
    labels = np.array([[[2, 2, 3, 4, 1, 3]]], np.uint8)
    segments = np.array([[[1, 1, 1, 1, 2, 0]]], np.uint8)
    assert scar_by_segment(labels, segments) == {1: 50.0}


def test_regions_and_what_stands_beside_the_numbers():
    found = detect(rows_of(10, 8), REGIMES, resamples=200, seed=0)
    assert [row["region"] for row in found] == ["all", "basal", "mid", "apical", "LAD", "RCA", "LCX"]
    assert {row["n_segments"] for row in found if row["region"] == "all"} == {160}
    assert {(row["prior_source"], row["ecg"], row["ecg_source"]) for row in found} == {
        ("predicted", "used", "simulated")
    }
