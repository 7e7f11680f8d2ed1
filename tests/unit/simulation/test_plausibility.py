"""Questions on hand-made cohorts whose answers are known; ranges bite on both sides; nothing passes unmeasured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scartools.simulation.activation import voxel_heart
from scartools.simulation.beat_features import COMPARED, FEATURES, feature_columns
from scartools.simulation.measured_subject import (
    MeasuredSubject,
    limb_residual,
    measure_subject,
    named_territory,
    scar_by_segment,
)
from scartools.simulation.plausibility import (
    COLUMNS,
    Answer,
    feature_overlaps,
    overlap,
    plausibility,
)
from scartools.simulation.plausibility_questions import QUESTIONS
from scartools.simulation.scar import Scar, depth_field
from scartools.simulation.subject import draw_subject


def somebody(index: int = 1, **changes: object) -> MeasuredSubject:
    """A subject without scar, block or Q wave, with noise of its own on every feature."""
    rng = np.random.default_rng(index)
    features = dict(zip(FEATURES, rng.normal(0.0, 0.01, len(FEATURES)), strict=True))
    features |= {name: 0.0 for name in FEATURES if name.startswith("q_")}
    features |= {"qrs_ms": 90.0 + rng.normal(0.0, 5.0), "r_v1": 0.2, "r_v2": 0.5, "r_v3": 0.9, "r_v4": 1.5}
    features |= {"axis_left": 0.7, "axis_down": 0.7, "s_v1": -0.8}
    features |= {name: changes.pop(name) for name in list(changes) if name in FEATURES}
    plain = MeasuredSubject(
        index=index,
        scar_percent=0.0,
        scar_shares=(0.0,) * 17,
        territories=(0.0, 0.0, 0.0),
        conduction="none",
        rhythm="sinus",
        features=tuple(features[name] for name in FEATURES),
        q_regions=(),
        q_leads=(),
        progression="normal",
        selvester=0.0,
        residual_mv=0.0,
    )
    return replace(plain, **changes)


def scarred(
    index: int, percent: float, segment: int, share: float, territory: int, **changes: object
) -> MeasuredSubject:
    shares = [0.0] * 17
    shares[segment - 1] = share
    parts = [0.0, 0.0, 0.0]
    parts[territory] = 1.0
    return somebody(index, scar_percent=percent, scar_shares=tuple(shares), territories=tuple(parts), **changes)


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scartools.simulation.plausibility.RESAMPLES", 20)


def answer(cohort: list[MeasuredSubject], name: str, normals: np.ndarray | None = None) -> Answer:
    return next(one for one in plausibility(cohort, normals=normals, seed=1) if one.name == name)


def test_every_row_has_its_columns_and_names_are_unique() -> None:
    rows = plausibility([somebody(k) for k in range(20)])
    assert tuple(vars(rows[0])) == tuple(COLUMNS)
    assert len({row.name for row in rows}) == len(rows) == len(QUESTIONS) + 5
    assert all(row.low < row.high for row in rows)
    assert len(FEATURES) == 77 and len(COMPARED) == 49 and set(feature_columns()) == set(FEATURES)


def test_nothing_passes_unmeasured() -> None:
    rows = plausibility([somebody(k) for k in range(5)])
    assert [row.name for row in rows if row.within is not None] == ["limb_residual_mv"]
    assert all(np.isnan(row.value) for row in rows if row.within is None)
    assert answer([somebody(k) for k in range(40)], "normal_overlap").within is None  # no normals were given


@pytest.mark.parametrize(("share", "within"), [(0.0, False), (0.05, True), (0.3, False)])
def test_false_q_is_bounded_on_both_sides(share: float, within: bool) -> None:
    cohort = [
        somebody(
            k,
            q_regions=("inferior",) if k < share * 200 else (),
            q_leads=("III", "aVF") if k < share * 200 else (),
        )
        for k in range(200)
    ]
    row = answer(cohort, "q_false")
    assert row.value == pytest.approx(share) and row.within is within and row.n == 200
    assert row.lower <= row.value <= row.upper


def test_transmural_and_small_scars_are_told_apart_by_what_they_fill() -> None:
    cohort = [somebody(k) for k in range(20)]
    cohort += [scarred(k, 15.0, 8, 0.8, 0, q_regions=("septal",), q_leads=("V2",)) for k in range(20, 60)]
    cohort += [scarred(k, 4.0, 8, 0.2, 0) for k in range(60, 90)]
    assert answer(cohort, "q_transmural").value == 1.0 and answer(cohort, "q_transmural").n == 40
    assert answer(cohort, "q_small").value == 0.0 and answer(cohort, "q_small").n == 30
    assert answer(cohort, "q_territory").value == 1.0


def test_blocks_are_left_out_where_their_rule_says_so() -> None:
    wide = [somebody(k, conduction="LBBB", qrs_ms=150.0, q_regions=None, q_leads=None) for k in range(50)]
    cohort = [somebody(k + 50) for k in range(50)] + wide
    rows = {row.name: row for row in plausibility(cohort)}
    assert rows["qrs_ms_high"].value < 120 and rows["qrs_ms_high"].n == 50
    assert rows["q_false"].n == 50 and rows["qrs_70_180"].n == 100


def test_a_territory_is_named_by_most_of_the_leads() -> None:
    assert named_territory(somebody()) is None
    assert named_territory(somebody(q_regions=("inferior",), q_leads=("III", "aVF"))) == "RCA"
    both = somebody(q_regions=("septal", "anterior", "inferior"), q_leads=("II", "III", "V2", "V3", "V4", "V5"))
    assert named_territory(both) == "LAD"
    assert named_territory(somebody(q_regions=("posterior",), q_leads=("V1", "V2"))) == "LCX"


def test_scar_that_shows_is_found_and_shuffled_labels_are_not() -> None:
    rng = np.random.default_rng(3)
    cohort = []
    for k in range(300):
        has = k % 2 == 0
        seen = float(rng.normal(-0.3 if has else 0.0, 0.3))
        cohort.append(scarred(k, 10.0, 8, 0.4, 0, s_v2=seen) if has else somebody(k, s_v2=seen))
    rows = {row.name: row for row in plausibility(cohort, seed=2)}
    assert 0.6 < rows["auc_scar"].value < 0.85
    assert 0.6 < rows["auc_segments"].value < 0.85
    assert rows["auc_scar_shuffled"].value == pytest.approx(0.5, abs=0.1)
    assert rows["auc_segments_shuffled"].value == pytest.approx(0.5, abs=0.1)


def test_overlap_is_one_for_equal_and_nought_for_distant_samples() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=4000)
    assert overlap(one, one) == 1.0
    assert overlap(one, one + 50) == 0.0
    # two normal distributions d apart share 2 Phi(-d / 2)
    assert overlap(one, rng.normal(1.0, 1.0, 4000)) == pytest.approx(0.617, abs=0.04)
    absent = np.where(rng.random(4000) < 0.5, 0.0, one)
    assert overlap(absent, one) == pytest.approx(0.5, abs=0.03)


def test_normals_are_compared_feature_by_feature() -> None:
    cohort = [somebody(k) for k in range(60)]
    ours = np.array([[one[name] for name in COMPARED] for one in cohort])
    assert min(feature_overlaps(cohort, ours).values()) == pytest.approx(1.0)
    assert answer(cohort, "normal_overlap", ours).within is True
    assert answer(cohort, "normal_overlap", ours + 9.0).value == 0.0
    unknown = np.full_like(ours, np.nan)
    assert answer(cohort, "normal_overlap", unknown).within is None


def test_the_answers_are_the_same_every_time() -> None:
    cohort = [somebody(k, q_regions=("inferior",) if k % 9 == 0 else ()) for k in range(60)]
    assert repr(plausibility(cohort, seed=4)) == repr(plausibility(cohort, seed=4))


def test_the_limb_residual_finds_a_break() -> None:
    limb = np.random.default_rng(0).standard_normal((2, 50))
    i, ii = limb
    leads = np.stack([i, ii, ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2, *np.zeros((6, 50))])
    assert limb_residual(leads) < 1e-12
    leads[4, 7] += 0.03
    assert limb_residual(leads) == pytest.approx(0.03)


def test_scar_of_a_segment_is_what_was_put_there() -> None:
    shape = draw_subject(6, 1).shape
    scar = (Scar("RCA", (4, 10), 1.0, 1.0, 2.0, False, None, 3),)
    percent, shares, volumes = scar_by_segment(voxel_heart(shape, depth_field(shape, scar)), shape)
    assert set(np.flatnonzero(shares > 0.2) + 1) == {4, 10}
    assert volumes[[3, 9]].sum() > 0.85 * volumes.sum()  # voxels of 3 mm reach over the borders
    assert 3 < percent < 20
    assert scar_by_segment(voxel_heart(shape, depth_field(shape, ())), shape)[0] == 0.0


def test_a_subject_is_measured_the_same_way_twice() -> None:
    one = measure_subject(3, 5)
    assert one == measure_subject(3, 5) and one.index == 3
    assert one.residual_mv < 0.01 and 60 < one["qrs_ms"] < 200
