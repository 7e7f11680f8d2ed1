"""Fiducials of beats that were drawn with known ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scartools.ecg.delineate import Fiducials, delineate
from scartools.ecg.measure import measure
from scartools.ecg.reading import LEADS
from scartools.errors import InputError
from tests.unit.ecg.beat_phantom import P, T, beat, bump

TIMES = (np.arange(600) - 200) * 2.0
LEFT = ((-80, 0), (-40, 0.6), (0, 0.5), (40, 0.8), (90, 0))
RIGHT = ((-80, 0), (-70, 0.1), (-55, 0), (10, -1.6), (90, 0))
WIDE = dict.fromkeys(("I", "II", "aVL", "V4", "V5", "V6"), LEFT) | dict.fromkeys(("V1", "V2", "V3"), RIGHT)


def at(found: Fiducials) -> dict[str, float | None]:
    return found.milliseconds()


def test_the_waves_of_a_drawn_beat_are_found_where_they_were_drawn() -> None:
    found = at(delineate(beat()))
    assert found["QRSOnset"] == pytest.approx(-40, abs=6)
    assert found["QRSOffset"] == pytest.approx(44, abs=8)  # the slope is smoothed: corners last longer
    assert found["POnset"] == pytest.approx(P[0], abs=8) and found["POffset"] == pytest.approx(P[1], abs=8)
    assert found["TPeak"] == pytest.approx(T[1], abs=4) and found["TOffset"] == pytest.approx(T[2], abs=12)


def test_a_wide_qrs_is_found_whole() -> None:
    found = at(delineate(beat(WIDE, p_mv=0.0) + 0.12 * bump(TIMES, -260, -160)))
    assert found["QRSOnset"] == pytest.approx(-80, abs=8)
    assert found["QRSOffset"] == pytest.approx(90, abs=8)


@pytest.mark.parametrize("seed", range(5))
def test_noise_moves_the_qrs_by_little(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(scale=0.02, size=(12, 600))
    found = at(delineate(beat() + noise))
    assert found["QRSOnset"] == pytest.approx(-40, abs=12)
    assert found["QRSOffset"] == pytest.approx(44, abs=12)


def test_a_tenth_of_the_voltage_keeps_the_qrs() -> None:
    found, usual = delineate(0.1 * beat()), delineate(beat())
    assert (found.qrs_onset, found.qrs_offset) == (usual.qrs_onset, usual.qrs_offset)
    assert found.p_onset is None  # 0.01 mV: no P that could be told from noise


@settings(max_examples=25, deadline=None)
@given(st.floats(0.5, 4.0))
def test_a_factor_moves_nothing(factor: float) -> None:
    assert delineate(factor * beat()) == delineate(beat())


@settings(max_examples=15, deadline=None)
@given(st.integers(-12, 12))
def test_a_shift_of_the_window_moves_all_alike(shift: int) -> None:
    usual = delineate(beat())
    moved = delineate(np.roll(beat(), shift, axis=1))
    assert [getattr(moved, name) for name in vars(usual)] == [value + shift for value in vars(usual).values()]


def test_without_p_there_is_no_p() -> None:
    found = delineate(beat(p_mv=0.0))
    assert found.p_onset is None and found.p_offset is None
    assert found.qrs_onset is not None and found.t_offset is not None


@pytest.mark.parametrize("phase", [0.0, 0.3, 0.6, 0.9])
def test_fibrillation_waves_are_no_p(phase: float) -> None:
    waves = 0.05 * np.sin(2 * np.pi * (7 * TIMES / 1000 + phase))  # 420 a minute
    assert delineate(beat(p_mv=0.0) + np.where(TIMES < -40, waves, 0.0)).p_onset is None


def test_an_irregular_rhythm_asks_for_a_taller_p() -> None:
    low = beat(p_mv=0.025)
    assert delineate(low, 0.8, 0.02).p_onset is not None
    assert delineate(low, 0.8, 0.2).p_onset is None
    assert delineate(beat(), 0.8, 0.2).p_onset is not None


def test_without_t_there_is_no_t_and_without_qrs_nothing() -> None:
    found = delineate(beat(t_mv=0.0))
    assert found.t_peak is None and found.t_offset is None and found.qrs_onset is not None
    assert delineate(np.zeros((12, 600))) == Fiducials()
    assert delineate(np.full((12, 600), np.nan)) == Fiducials()


@pytest.mark.parametrize("seed", range(4))
def test_noise_alone_has_no_qrs(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(scale=0.05, size=(12, 600))
    assert delineate(noise) == Fiducials()


def test_the_p_of_the_next_beat_is_not_taken_for_a_low_t() -> None:
    low = beat(t_mv=0.06)
    low += 0.2 * bump(TIMES, 500, 600)  # RR 700 ms: the next P
    assert at(delineate(low, 0.7))["TPeak"] == pytest.approx(T[1], abs=6)


def test_absent_leads_and_ends_do_not_matter() -> None:
    cut = beat()
    cut[[LEADS.index(name) for name in ("aVL", "V1", "V4")]] = np.nan
    cut[0, :60] = cut[5, 480:] = np.nan
    usual, found = at(delineate(beat())), at(delineate(cut))
    for name in usual:
        assert found[name] == pytest.approx(usual[name], abs=6)


@pytest.mark.parametrize("shape", [(8, 600), (12, 300), (600,)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="shape"):
        delineate(np.zeros(shape))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    noise=st.sampled_from([0.0, 0.05, 0.5]),
    factor=st.sampled_from([0.01, 1.0, 100.0]),
    shift=st.integers(-200, 200),
    length=st.integers(400, 600),
    lost=st.sampled_from(["nothing", "leads", "samples", "start", "end"]),
)
def test_whatever_comes_the_fiducials_are_in_order_and_the_measurements_finite(
    seed: int, noise: float, factor: float, shift: int, length: int, lost: str
) -> None:
    rng = np.random.default_rng(seed)
    signals = factor * np.roll(beat(), shift, axis=1)[:, :length] + rng.normal(scale=noise, size=(12, length))
    places = {
        "nothing": np.s_[:0],
        "leads": rng.random(12) < rng.random(),
        "samples": rng.random(signals.shape) < 0.02,
        "start": np.s_[:, : rng.integers(0, 350)],
        "end": np.s_[:, rng.integers(150, length) :],
    }
    signals[places[lost]] = np.nan
    found = delineate(signals, 0.8)
    places_found = [place for place in vars(found).values() if place is not None]
    assert places_found == sorted(places_found) and all(0 <= place < length for place in places_found)
    values = measure(signals, found, 0.8)
    numbers = [*values.values.values(), *(v for lead in values.leads.values() for v in lead.values())]
    assert all(np.isfinite(number) for number in numbers if isinstance(number, float))
