"""Comparisons, decomposition, subgroups and volumes of arms, on numbers that can be counted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from scartools.errors import InputError
from scartools.evaluation.comparisons import compare
from scartools.evaluation.decomposition import decompose
from scartools.evaluation.metrics import CaseMetrics
from scartools.evaluation.segment_detection import NUMBERS, match_segments, tally
from scartools.evaluation.subgroups import (
    gate_rows,
    groups_of_column,
    in_order,
    infarct_groups,
    interval_bin,
    subgroups,
)
from scartools.evaluation.summary import summarize
from scartools.evaluation.volume_agreement import volume_agreement

HOW = {"resamples": 400, "seed": 0}
NAN = float("nan")


def row(arm: str, case: str, dice: float, **other: object) -> CaseMetrics:
    plain: dict[str, object] = {
        "arm": arm,
        "run": 1,
        "case_id": case,
        "participant_id": case.split("_")[0],
        "structure": "scar",
        "prior_source": "predicted",
        "ecg": "used",
        "ecg_source": "recorded",
        "control": None,
        "in_summary": True,
        "dice": dice,
        "agreement": "hit" if dice == dice and dice > 0 else "missed",
    }
    numbers = [
        name for name in CaseMetrics.__dataclass_fields__ if name not in plain
    ]  # what no test asks for is unknown
    return CaseMetrics(**{**dict.fromkeys(numbers, NAN), **plain, **other})  # type: ignore[arg-type]


def of(rows, **wanted):
    found = [one for one in rows if all(one[key] == value for key, value in wanted.items())]
    assert len(found) == 1, found
    return found[0]


def test_seeds_are_averaged_by_patient_before_arms_are_compared():
    rows = [row("base", f"p{n}", 0.5) for n in range(6)]
    gains = [0.01 * (n + 1) for n in range(6)]
    for n, gain in enumerate(gains):
        rows += [
            row("net", f"p{n}", 0.5 + gain - 0.2, run=1),
            row("net", f"p{n}", 0.5 + gain + 0.2, run=2),
        ]
    found = of(compare(rows, "base", **HOW), measure="dice")
    assert found["difference"] == pytest.approx(np.mean(gains)) and found["n_patients"] == 6
    assert found["p_wilcoxon"] == pytest.approx(stats.wilcoxon(gains).pvalue)
    assert found["difference_lower"] > 0  # between the two seeds the spread is ten times the gain
    total = of(summarize(rows, **HOW), arm="net")
    assert total["n_runs"] == 2 and total["n_patients"] == 6 and total["n_both"] == 12
    assert total["dice_sd_runs"] == pytest.approx(0.4 / math.sqrt(2))  # two means that are 0.4 apart


def test_a_case_that_one_run_lacks_is_not_compared():
    rows = [row("base", f"p{n}", 0.5) for n in range(3)]
    rows += [row("net", f"p{n}", 0.6, run=1) for n in range(3)] + [row("net", "p0", 0.6, run=2)]
    assert of(compare(rows, "base", **HOW), measure="dice")["n_patients"] == 1


def test_distances_are_compared_where_both_have_hits_and_holm_runs_by_measure():
    rows = [row("base", f"p{n}", 0.5, hd95_mm=10.0 + n, nsd=0.5) for n in range(7)]
    for arm, better in (("one", 2.0), ("two", 1.0)):
        rows += [
            row(arm, f"p{n}", 0.55 + n / 100, hd95_mm=10.0 + n - better - n / 10, nsd=0.6) for n in range(6)
        ]
        rows.append(row(arm, "p6", 0.0, nsd=0.0))  # missed: no distance
    found = compare(rows, "base", **HOW)
    far = of(found, arm="one", measure="hd95")
    assert far["n_patients"] == 6 and far["difference"] == pytest.approx(-2.25) and far["better"] == "lower"
    assert of(found, arm="one", measure="nsd")["n_patients"] == 7
    assert far["p_holm"] == pytest.approx(2 * far["p_wilcoxon"])  # two arms, whatever else is measured
    ends = [of(found, arm="one", measure="dice")[name] for name in ("difference_lower", "difference_lower_90")]
    assert ends[0] <= ends[1]


def test_false_positives_are_compared_where_there_is_no_scar():
    empty = {"agreement": "false_positive", "dice": 0.0}
    rows = [
        row("base", f"n{k}", **{**empty, "difference_percent_lv": 4.0 + k, "predicted_ml": 2.0})
        for k in range(5)
    ]
    rows += [
        row("net", f"n{k}", **{**empty, "difference_percent_lv": 1.0, "predicted_ml": 0.5}) for k in range(5)
    ]
    rows += [row("base", "p1", 0.5, predicted_ml=9.0), row("net", "p1", 0.5, predicted_ml=9.0)]
    found = compare(rows, "base", **HOW)
    assert of(found, measure="false_positive_percent_lv")["difference"] == pytest.approx(-5.0)
    assert of(found, measure="false_positive_ml")["difference"] == pytest.approx(-1.5)
    assert of(found, measure="false_positive_ml")["n_patients"] == 5


def test_specificity_of_patients_has_an_interval_though_all_are_clean():
    rows = [row("net", f"n{k}", NAN, agreement="true_negative", predicted_ml=0.0) for k in range(20)]
    found = summarize(rows, **HOW)[0]
    assert found["patient_specificity"] == 1.0
    assert found["patient_specificity_lower"] == pytest.approx(1 - 0.1611, abs=1e-4)  # Newcombe: 0 of 20
    assert found["false_positive_ml_mean"] == 0.0


def test_detection_is_compared_on_the_same_patients():
    names = {"run": 1, "prior_source": "none", "ecg": "off", "ecg_source": "none", "control": None}
    random, segments = np.random.default_rng(1), []
    for n in range(25):
        truth = {s: float(random.random() < 0.4) * 30 for s in range(1, 17)}
        for arm, noise in (("base", 30.0), ("net", 10.0)):
            score = {s: max(0.0, value + noise * random.normal()) for s, value in truth.items()}
            segments += match_segments(
                truth, score, 5.0, **names, arm=arm, case_id=f"p{n}", participant_id=f"p{n}"
            )
    rows = [row(arm, f"p{n}", 0.5, prior_source="none") for arm in ("base", "net") for n in range(25)]
    found = of(compare(rows, "base", segments=segments, **HOW), measure="segment_auc")
    patients = sorted({one.participant_id for one in segments})
    areas = [
        tally([one for one in segments if one.arm == arm], patients).value(NUMBERS["auc"])
        for arm in ("net", "base")
    ]
    assert found["difference"] == pytest.approx(areas[0] - areas[1]) and found["difference_lower"] > 0
    assert math.isnan(found["p_wilcoxon"]) and found["n_patients"] == 25


def test_the_steps_of_a_chain_add_up():
    values = np.random.default_rng(2).uniform(0.2, 0.6, (12,))
    rows = []
    for arm, gain in (("image", 0.0), ("prior", 0.1), ("full", 0.16)):
        rows += [row(arm, f"p{n}", value + gain + 0.01 * (n % 3) * gain) for n, value in enumerate(values)]
    rows.append(row("full", "p99", 0.9))  # the others lack it
    found = decompose(rows, ["image", "prior", "full"], **HOW)
    assert [one["step"] for one in found] == ["1", "2", "total"]
    assert found[0]["gain"] + found[1]["gain"] == pytest.approx(found[2]["gain"])
    assert found[0]["share_percent"] + found[1]["share_percent"] == pytest.approx(100)
    assert found[0]["share_percent"] == pytest.approx(62.5, abs=0.5) and found[2]["n_patients"] == 12
    assert found[1]["dice_after"] == pytest.approx(found[2]["dice_after"])


def test_a_total_that_may_be_nothing_has_no_shares():
    random = np.random.default_rng(3)
    rows = [row(arm, f"p{n}", 0.5 + 0.2 * random.random()) for arm in ("a", "b", "c") for n in range(10)]
    assert all(math.isnan(one["share_percent"]) for one in decompose(rows, ["a", "b", "c"], **HOW))
    with pytest.raises(InputError, match="in common"):
        decompose([row("a", "p1", 0.5), row("b", "p2", 0.5)], ["a", "b"], **HOW)


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (0, "0-7 d"),
        (7, "0-7 d"),
        (8, "8-14 d"),
        (30, "22-30 d"),
        (31, "31-60 d"),
        (90, "61-90 d"),
        (91, "over 90 d"),
    ],
)
def test_bins_of_the_interval(days: float, name: str):
    assert interval_bin(days) == name


def test_groups_have_an_order_and_the_unknown_are_last():
    assert interval_bin(None) == interval_bin(NAN) == "unknown"
    names = ["over 90 d", "unknown", "61-90 d", "8-14 d", "0-7 d"]
    assert in_order(set(names)) == ["0-7 d", "8-14 d", "61-90 d", "over 90 d", "unknown"]
    assert groups_of_column({"a": "GE", "b": None}) == {"a": "GE", "b": "unknown"}
    thirds = groups_of_column({f"c{n}": str(n) for n in range(30)})
    assert sorted(set(thirds.values())) == ["0 to 9", "10 to 19", "20 to 29"]
    assert groups_of_column({f"c{n}": str(n % 3) for n in range(30)})["c4"] == "1"


def test_subgroups_have_their_n():
    rows = [row("net", f"p{n}", 0.2 + n / 20) for n in range(8)]
    rows += [row("net", f"n{n}", NAN, agreement="true_negative", difference_percent_lv=0.0) for n in range(3)]
    days = {f"p{n}": interval_bin(5 if n < 3 else 40) for n in range(8)}
    found = subgroups(rows, {"infarct": infarct_groups(rows), "interval_days": days}, **HOW)
    early = of(found, grouping="interval_days", group="0-7 d")
    assert early["n_patients"] == early["n_patients_positive"] == 3
    assert early["dice_mean_positive"] == pytest.approx(0.25)
    assert math.isnan(early["dice_mean_positive_lower"])  # of three patients
    late = of(found, grouping="interval_days", group="31-60 d")
    assert late["dice_mean_positive_lower"] < late["dice_mean_positive"] < late["dice_mean_positive_upper"]
    assert of(found, grouping="interval_days", group="unknown")["n_patients_positive"] == 0
    assert of(found, grouping="infarct", group="no scar")["n_cases"] == 3


def test_gates_are_averaged_by_patient_and_told_by_group():
    rows = [row("net", f"p{n}", 0.5, structure="lv_pool") for n in range(4)]
    gates = {("net", 1, f"p{n}"): {"gate_ecg": 0.1 * n} for n in range(4)}
    found = gate_rows(rows, gates, {"interval_days": {f"p{n}": interval_bin(30 * n) for n in range(4)}})
    everything = of(found, grouping="all")
    assert everything["mean"] == pytest.approx(0.15) and everything["n_patients"] == 4
    assert everything["sd"] == pytest.approx(np.std([0, 0.1, 0.2, 0.3], ddof=1))
    assert of(found, group="31-60 d")["mean"] == pytest.approx(0.2)
    assert gate_rows(rows, {}, {}) == []


def test_volumes_of_a_patient_are_averaged_and_unknown_ones_left_out():
    rows = []
    for n in range(6):
        for run in (1, 2):
            share = {"truth_percent_lv": 10.0 + n, "predicted_percent_lv": 11.0 + n + (run - 1.5)}
            rows.append(row("net", f"p{n}", 0.5, run=run, **share))
    found = of(volume_agreement(rows, **HOW), quantity="scar_percent_lv")
    assert found["n_patients"] == 6 and found["bias"] == pytest.approx(1.0)
    assert found["sd"] == pytest.approx(0.0, abs=1e-9)
    assert {one["quantity"] for one in volume_agreement(rows, **HOW)} == {"scar_percent_lv"}  # no mL are known
