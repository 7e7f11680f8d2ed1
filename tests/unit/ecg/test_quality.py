"""Findings: each number is what was put in, and nothing else is flagged."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg.beat import Beat, median_beat
from scartools.ecg.electrodes import electrode_findings
from scartools.ecg.finding import Finding, at_least, at_most
from scartools.ecg.quality import DEFINITIONS, assess, compare_with_device
from scartools.ecg.reading import LEADS
from scartools.ecg.sampling import resample
from scartools.errors import InputError
from tests.unit.ecg.ecg_phantom import page, recording

TIMES = np.arange(0.6, 9.5, 0.9)
CLEAN = recording(TIMES)
BEAT = median_beat(CLEAN, 500.0)


def values(signals: np.ndarray, name: str, rate: float = 500.0) -> dict[str | None, float | None]:
    return {f.lead: f.value for f in assess(signals, rate, median_beat(signals, rate)) if f.name == name}


def flags(findings: list[Finding] | tuple[Finding, ...]) -> set[tuple[str, str | None]]:
    return {(f.name, f.lead) for f in findings if f.flagged}


def test_a_clean_recording_has_no_flag_and_every_finding_has_its_definition() -> None:
    found = assess(CLEAN, 500.0, BEAT, compare_with_device(BEAT, BEAT.signals, 500.0))
    assert flags(found) == set()
    assert {f.name for f in found} == set(DEFINITIONS)
    assert all(f.value is not None for f in found)


@pytest.mark.parametrize("rate", [250.0, 500.0, 1000.0])
def test_noise_is_that_which_was_added_above_40_hz(rate: float) -> None:
    signals = recording(TIMES, rate)
    signals[4] += np.random.default_rng(0).normal(scale=0.06, size=signals.shape[1])
    found = values(signals, "noise", rate)
    share = np.sqrt(1 - 40 / (rate / 2))  # of white noise above 40 Hz
    assert found["aVL"] == pytest.approx(0.06 * share, rel=0.2)
    assert found["II"] < 0.01
    assert flags(assess(signals, rate, median_beat(signals, rate))) == {("noise", "aVL")}


def test_at_100_hz_noise_and_hum_are_not_asked() -> None:
    signals = recording(TIMES, 100.0, wide=1.5)
    assert set(values(signals, "noise", 100.0).values()) == {None}
    assert set(values(signals, "hum_50", 100.0).values()) == {None}


def test_wander_is_its_peak_to_peak_voltage() -> None:
    signals = CLEAN.copy()
    signals[7] += 1.5 * np.sin(2 * np.pi * 0.1 * np.arange(5000) / 500)
    found = values(signals, "baseline_wander")
    assert found["V2"] == pytest.approx(3.0, abs=0.2) and found["V3"] < 0.2
    assert ("baseline_wander", "V2") in flags(assess(signals, 500.0, median_beat(signals, 500.0)))


def test_two_beats_are_too_few() -> None:
    signals = recording([1.0, 2.1], seconds=3.2)
    assert ("beats_used", None) in flags(assess(signals, 500.0, median_beat(signals, 500.0)))


def test_a_page_is_asked_what_it_can_answer() -> None:
    signals = page(CLEAN)
    found = assess(signals, 500.0, median_beat(signals, 500.0))
    recorded = {f.lead: f.value for f in found if f.name == "recorded"}
    assert recorded["II"] == 1.0 and recorded["V6"] == pytest.approx(0.25)
    assert {name for name, _ in flags(found)} <= {"beats_in_lead"}
    assert next(f for f in found if f.name == "limb_ra_la").value is not None


def test_a_cut_top_in_every_beat_is_clipping_and_a_high_t_wave_is_none() -> None:
    signals = CLEAN.copy()
    signals[9] = np.minimum(signals[9], 0.7)  # of R, 1.4 mV
    quantised = np.round(recording(TIMES) * 3 / 0.005) * 0.005
    for record, wanted in ((signals, {("clipped", "V4")}), (quantised, set())):
        found = flags(assess(record, 500.0, median_beat(record, 500.0)))
        assert {flag for flag in found if flag[0] == "clipped"} == wanted


def exchanged(beat: np.ndarray, *pairs: tuple[str, str], turned: tuple[str, ...] = ()) -> np.ndarray:
    out = beat.copy()
    for one, other in pairs:
        rows = [LEADS.index(one), LEADS.index(other)]
        out[rows] = beat[rows[::-1]]
    for lead in turned:
        out[LEADS.index(lead)] *= -1
    return out


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (exchanged(BEAT.signals, ("II", "III"), ("aVR", "aVL"), turned=("I",)), "limb_ra_la"),
        (exchanged(BEAT.signals, ("V1", "V2")), "chest_order"),
        (exchanged(BEAT.signals, ("V3", "V4")), "chest_order"),
        (exchanged(BEAT.signals, ("V1", "V6"), ("V2", "V5"), ("V3", "V4")), "chest_mirrored"),
    ],
)
def test_exchanged_cables_are_named(wrong: np.ndarray, name: str) -> None:
    assert {found for found, _ in flags(electrode_findings(wrong))} == {name}


def test_a_flat_second_lead_is_a_cable_on_the_right_leg() -> None:
    wrong = BEAT.signals.copy()
    wrong[1] *= 0.02
    assert ("limb_rl", "II") in flags(electrode_findings(wrong))


def test_absent_leads_are_not_asked_and_warn_of_nothing() -> None:
    wrong = BEAT.signals.copy()
    wrong[[0, 6, 11]] = np.nan
    with np.errstate(all="raise"):
        found = electrode_findings(wrong)
    assert not flags(found)
    assert {f.name for f in found if f.value is None} >= {
        "limb_ra_la",
        "chest_order",
        "chest_mirrored",
        "limb_la_ll",
    }


@pytest.mark.parametrize("rate", [250.0, 500.0, 1000.0])
@pytest.mark.parametrize("moved", [-40, 0, 45])
def test_a_device_that_agrees_is_found_wherever_its_r_is(rate: float, moved: int) -> None:
    theirs = np.pad(BEAT.signals, ((0, 0), (60, 60)), mode="edge")[:, 60 - moved : 660 - moved]
    theirs = 1.25 * np.roll(theirs, 0, axis=1)
    theirs[5] = np.roll(theirs[5], 2)
    found = compare_with_device(BEAT, resample(theirs, 500.0, rate), rate)
    assert found.correlation.min() > 0.999
    np.testing.assert_allclose(found.ratio, 0.8, atol=0.01)
    assert found.shift_ms[5] - found.shift_ms[0] == pytest.approx(4.0)


def test_a_device_that_differs_is_flagged_in_its_lead() -> None:
    theirs = BEAT.signals.copy()
    theirs[3] *= -1
    theirs[8] *= 1.3
    theirs[2] = np.nan
    agreed = compare_with_device(BEAT, theirs, 500.0)
    found = flags(assess(CLEAN, 500.0, BEAT, agreed))
    assert found == {("device_correlation", "aVR"), ("device_amplitude", "V3")}
    assert np.isnan(agreed.correlation[2])


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        (np.zeros((8, 600)), "shape"),
        (np.zeros((12, 600)), "flat"),
        (BEAT.signals[:, 150:350], "reach"),
    ],
)
def test_a_device_median_that_cannot_be_compared_is_refused(theirs: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        compare_with_device(BEAT, theirs, 500.0)


def test_what_could_not_be_asked_is_not_flagged() -> None:
    assert (
        at_most("x", None, 1.0, "mV")
        == at_most("x", float("nan"), 1.0, "mV")
        == Finding("x", None, 1.0, "mV", False)
    )
    assert at_least("x", 0.5, 1.0, "mV", "V1").flagged and not at_least("x", 1.0, 1.0, "mV").flagged


def test_the_beat_is_not_changed() -> None:
    before = BEAT.signals.copy()
    compare_with_device(Beat(BEAT.signals, BEAT.facts), BEAT.signals, 500.0)
    assess(CLEAN, 500.0, BEAT)
    np.testing.assert_array_equal(BEAT.signals, before)
