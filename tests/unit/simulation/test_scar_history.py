"""Time: no scar before the infarction, the largest in the first week, then the published shrinking."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scartools.simulation.ecg import simulate_beat
from scartools.simulation.scar import Scar, depth_field, scar_share
from scartools.simulation.scar_history import Healing, relative_mass, resized, scar_at, scars_at
from scartools.simulation.subject import Subject, draw_subject
from scartools.simulation.truth import ECG_COLUMNS, ecg_scar_truth
from tests.unit.simulation.test_anatomy import heart
from tests.unit.simulation.test_scar import scar


def infarct(event_days: int | None, extent: float = 0.6, **changes: object) -> Scar:
    one = scar((7, 8, 13, 14), extent, border_zone_mm=1.5, **changes)
    return replace(one, event_days=event_days)


def share(scars: tuple[Scar, ...]) -> float:
    return scar_share(heart(), depth_field(heart(), scars))


def subject_with(*scars: Scar) -> Subject:
    return replace(draw_subject(1, 4), shape=heart(), scars=scars)


def test_mass_falls_as_in_the_publication() -> None:
    """Pokorney 2012: 25 g in the first week, 17 g at 4 months, 15 g at 14 months."""
    assert relative_mass(4, 0.6) == 1.0
    assert relative_mass(120, 0.6) == pytest.approx(17 / 25, abs=0.01)
    assert relative_mass(425, 0.6) == pytest.approx(15 / 25, abs=0.01)
    ages = [relative_mass(age, 0.6) for age in range(1, 1000, 7)]
    assert ages == sorted(ages, reverse=True) and ages[-1] >= 0.6
    assert relative_mass(-1, 0.6) == 0.0
    assert 0 < relative_mass(0, 0.6, Healing(first_day_fraction=0.3)) == 0.3


def test_before_the_infarction_there_is_no_scar() -> None:
    subject = subject_with(infarct(10))
    assert scars_at(subject, -11) == ()
    assert len(scars_at(subject, -10)) == 1
    assert scars_at(subject, 0) == subject.scars


@pytest.mark.parametrize("ratio", [0.55, 0.8, 1.25])
def test_a_resized_scar_has_the_mass_asked_for(ratio: float) -> None:
    before = infarct(5)
    after = resized(heart(), before, ratio)
    assert share((after,)) / share((before,)) == pytest.approx(ratio, rel=0.02)
    assert after.segments == before.segments


def test_a_scar_that_fills_its_segments_grows_no_further() -> None:
    full = infarct(5, 1.0, border_inset_mm=0.3, border_taper_mm=1.0)
    assert share((resized(heart(), full, 3.0),)) < 1.4 * share((full,))


def test_an_old_infarct_was_larger_when_it_was_new_and_a_new_one_will_shrink() -> None:
    old, new = infarct(1000), infarct(4)
    earlier, later = scar_at(heart(), old, -996), scar_at(heart(), new, 400)
    assert earlier is not None and later is not None
    assert share((earlier,)) / share((old,)) == pytest.approx(1 / 0.6, rel=0.05)
    assert share((later,)) / share((new,)) == pytest.approx(0.6, rel=0.05)


def test_each_scar_has_its_own_day() -> None:
    first, second = infarct(400), replace(infarct(10), segments=(4, 10))
    assert [one.segments for one in scars_at(subject_with(first, second), -50)] == [first.segments]


def test_scars_of_a_disease_do_not_change() -> None:
    stripe = replace(scar((2, 3, 8, 9), 0.3, pattern="midwall"), event_days=None)
    assert scars_at(subject_with(stripe), -4000) == (stripe,)


def test_no_reflow_is_gone_after_a_month() -> None:
    acute = infarct(4, 0.9, no_reflow=True)
    soon, late = scar_at(heart(), acute, 20), scar_at(heart(), acute, 60)
    assert soon is not None and soon.no_reflow
    assert late is not None and not late.no_reflow


def test_the_beat_of_a_day_before_the_infarction_is_that_of_a_heart_without_scar() -> None:
    subject = replace(draw_subject(1, 4), scars=(infarct(10, 1.0),))
    healthy = simulate_beat(replace(subject, scars=()))
    assert (simulate_beat(subject, days=-20).signals == healthy.signals).all()
    assert abs(simulate_beat(subject).signals - healthy.signals).max() > 0.05


def test_the_truth_of_an_ecg_names_both_days() -> None:
    rows = ecg_scar_truth(subject_with(infarct(10)), "sim-0001-ecg1", "2020-01-01", -11)
    assert all(tuple(row) == tuple(ECG_COLUMNS) for row in rows) and len(rows) == 18
    assert rows[-1]["level"] == "ventricle" and rows[-1]["signed_days"] == -11
    assert rows[-1]["ecg_scar_ml"] == 0 < rows[-1]["mri_scar_ml"]
    later = ecg_scar_truth(subject_with(infarct(10)), "sim-0001-ecg1", "2020-01-01", 90)[-1]
    assert 0 < later["ecg_scar_ml"] < later["mri_scar_ml"]
