"""Leads: exact rules of the limb leads, dipoles with known answers, and beats that look like the scars behind them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scartools.ecg.reading import LEADS
from scartools.files.record import LEADS as FILE_LEADS
from scartools.simulation import leads
from scartools.simulation.activation import VoxelHeart
from scartools.simulation.case import draw_chest
from scartools.simulation.ecg import (
    Beat,
    EcgHabits,
    beat_of,
    draw_days,
    electrical_heart,
    simulate_beat,
    simulate_ecgs,
)
from scartools.simulation.physiology import Physiology
from scartools.simulation.population import Population, Spread
from scartools.simulation.scar import Scar
from scartools.simulation.subject import draw_subject
from tests.unit.simulation.drawn_subjects import drawn

SEED = 7
# what dead muscle does, without the survivors and the damage elsewhere that make patients differ
SILENT_SCAR = Physiology(
    surviving=Spread(0.0, 0.0, 0.0, 0.0), uneven_surviving=0.0, remote_site_deg=0.0, remote_site_level=0.0
)
TRANSMURAL = {
    "none": (),
    "anterior": (1, 2, 7, 8, 13, 14, 17),
    "inferior": (3, 4, 9, 10, 15),
    "lateral": (5, 6, 11, 12, 16),
}


def beat_with(index: int, segments: tuple[int, ...]) -> Beat:
    scars = (Scar("LAD", segments, 1.0, 1.0, 2.0, False, None, 3),) if segments else ()
    healthy = draw_subject(
        index, SEED, Population(no_scar_fraction=1.0)
    )  # neither dilated nor thinned by a scar
    subject = replace(healthy, scars=scars)
    rng = np.random.default_rng([SEED, index])
    heart = electrical_heart(subject)
    return beat_of(
        heart, subject.shape, subject.pose, draw_chest(subject), rng, block="none", physiology=SILENT_SCAR
    )


@pytest.fixture(scope="module")
def beats() -> dict[str, list[Beat]]:
    return {
        name: [beat_with(index, segments) for index in range(1, 9)] for name, segments in TRANSMURAL.items()
    }


def qrs(beat: Beat, lead: str) -> np.ndarray:
    return beat.signals[LEADS.index(lead), int(beat.qrs_onset) : int(beat.qrs_offset) + 8]


def r_wave(beat: Beat, lead: str) -> float:
    return float(max(qrs(beat, lead).max(), 0.0))


def q_wave(beat: Beat, lead: str) -> float:
    """Depth in mV below the baseline before the R wave; of the whole QRS when there is no R wave."""
    wave = qrs(beat, lead)
    end = int(wave.argmax()) if wave.max() > 0.1 else wave.size
    return float(-min(wave[:end].min(initial=0.0), 0.0))


def test_leads_have_the_names_of_the_files() -> None:
    assert LEADS == FILE_LEADS and leads.LEAD_MATRIX.shape == (12, 9)


def test_einthoven_goldberger_and_wilson_hold_for_any_potentials() -> None:
    potentials = np.random.default_rng(0).standard_normal((9, 50))
    i, ii, iii, avr, avl, avf, v1 = leads.leads_of(potentials)[:7]
    assert ii == pytest.approx(i + iii, abs=1e-12)
    assert avr == pytest.approx(-(i + ii) / 2, abs=1e-12)
    assert avl == pytest.approx((i - iii) / 2, abs=1e-12)
    assert avf == pytest.approx((ii + iii) / 2, abs=1e-12)
    assert v1 == pytest.approx(potentials[3] - potentials[:3].mean(axis=0), abs=1e-12)
    assert leads.leads_of(np.ones((9, 3))) == pytest.approx(0.0, abs=1e-12)


def pair_of_voxels() -> VoxelHeart:
    index = np.array([[0, 0, 0], [0, 0, 1]])
    one, off = np.ones(2), np.zeros(2, bool)
    return VoxelHeart(
        index * 3.0, one, 0 * one, 0 * one, np.zeros((2, 3)), 0 * one, 0 * one, off, off, index, 3.0
    )


def test_one_face_is_one_dipole_towards_the_resting_side() -> None:
    heart = pair_of_voxels()
    places = np.array([[0.0, 0.0, 101.5], [0.0, 0.0, -98.5], [100.0, 0.0, 1.5]])
    fields = np.stack([leads.free_field(heart.points, place) for place in places])
    weights = leads.source_weights(heart, np.array([True, True]), heart.points, fields)
    potential = weights @ np.array([1.0, 0.0])  # the first has fired, the second rests: the wave goes up
    assert potential == pytest.approx([9.0 / 100**2, -9.0 / 100**2, 0.0], rel=1e-3, abs=1e-12)
    assert weights.sum(axis=1) == pytest.approx(0.0, abs=1e-15)
    silent = leads.source_weights(heart, np.array([True, False]), heart.points, fields)
    assert not silent.any()


def series_on_a_sphere(dipole: np.ndarray, source: np.ndarray, surface: np.ndarray, terms: int = 200) -> float:
    """The potential on an insulated sphere as a sum over Legendre polynomials, by differences of a monopole's."""

    def monopole(at: np.ndarray) -> float:
        radius, inner = np.linalg.norm(surface), np.linalg.norm(at)
        cosine = float(surface @ at / (radius * inner))
        n = np.arange(1, terms)
        factors = (2 * n + 1) / n * (inner / radius) ** n / radius
        return float(np.polynomial.legendre.legval(cosine, np.concatenate([[0.0], factors])))

    step = 1e-4
    parts = [(monopole(source + step * e) - monopole(source - step * e)) / (2 * step) for e in np.eye(3)]
    return float(dipole @ np.array(parts))


@pytest.mark.parametrize("source", [(10.0, -20.0, 5.0), (60.0, 40.0, -30.0), (0.0, 70.0, 0.0)])
def test_the_bounded_field_is_the_series_of_an_insulated_sphere(source: tuple[float, float, float]) -> None:
    centre = np.array([30.0, -35.0, 0.0])
    surface = 118.0 * np.array([0.3, 0.9, 0.316]) / np.linalg.norm([0.3, 0.9, 0.316])
    field = leads.bounded_field(np.array([source]) + centre, surface + centre, centre)[0]
    for dipole in np.eye(3):
        expected = series_on_a_sphere(dipole, np.array(source), surface)
        assert field @ dipole == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_the_boundary_triples_a_central_dipole_and_doubles_one_beneath_the_skin() -> None:
    centre, place = np.zeros(3), np.array([0.0, 120.0, 0.0])
    middle, skin = np.array([[1e-6, 0.0, 0.0]]), np.array([[0.0, 119.0, 0.0]])
    ratio = [
        leads.bounded_field(at, place, centre)[0, 1] / leads.free_field(at, place)[0, 1]
        for at in (middle, skin)
    ]
    assert ratio == pytest.approx([3.0, 2.0], rel=0.02)


def test_a_potential_rises_at_activation_and_ends_at_recovery() -> None:
    clock = np.arange(-50.0, 600.0)
    wave = leads.ventricular_potentials(
        np.ones((1, 1)), np.array([20.0]), np.array([400.0]), leads.Membrane(), clock
    )[0]
    assert wave[clock == 20.0] == pytest.approx(0.5, abs=0.1)
    assert wave[clock == 60.0] == pytest.approx(1.0, abs=1e-6)
    assert wave[clock == 400.0] == pytest.approx(0.45, abs=0.1)
    assert wave[-1] == pytest.approx(0.0, abs=1e-9) and wave[0] == pytest.approx(0.0, abs=1e-9)


def test_electrodes_lie_where_nurses_put_them() -> None:
    places = leads.electrodes(draw_chest(draw_subject(1, SEED)), np.random.default_rng(0), scatter_mm=0.0)
    ra, la, ll, v1, v2, _, v4, v5, v6 = places
    assert ra[0] > 60 and la[0] < -60  # RAS+: the right arm at the right
    assert ra[2] > 100 and la[2] > 100 and ll[2] < -100
    assert v1[0] > v2[0] > v4[0] > v5[0] > v6[0]
    assert v1[1] > v6[1] and v2[1] > 50


def test_chest_electrodes_are_misplaced_together_and_v3_lies_between_its_neighbours() -> None:
    chest = draw_chest(draw_subject(1, SEED))
    right = leads.electrodes(chest, np.random.default_rng(0), 0.0, 0.0)
    shifts = [leads.electrodes(chest, np.random.default_rng(k), 0.0, 10.0) - right for k in range(200)]
    assert np.ptp([shift[3:, 2] for shift in shifts], axis=1).max() < 1e-9
    assert np.std([shift[3, 2] for shift in shifts]) == pytest.approx(10.0, rel=0.15)
    own = np.array([leads.electrodes(chest, np.random.default_rng(k), 4.0, 0.0) - right for k in range(200)])
    up = own[:, 3:, 2]
    assert np.corrcoef(up[:, 2], up[:, 1] + up[:, 3])[0, 1] > 0.6 > abs(np.corrcoef(up[:, 0], up[:, 5])[0, 1])


def test_a_beat_is_centred_on_r_and_obeys_the_limb_leads(beats: dict[str, list[Beat]]) -> None:
    for beat in (one for group in beats.values() for one in group):
        assert beat.signals.shape == (12, 600) and beat.signals.dtype == np.float64
        i, ii, iii, avr, avl, avf = beat.signals[:6]
        assert np.abs(ii - i - iii).max() < 1e-12
        assert np.abs(avr + (i + ii) / 2).max() < 1e-12
        assert np.abs(avl - (i - iii) / 2).max() < 1e-12 and np.abs(avf - (ii + iii) / 2).max() < 1e-12
        length = leads.vector_magnitude(beat.signals)
        first, last = int(beat.qrs_onset) - 2, int(beat.qrs_offset) + 10
        assert first + int(length[first:last].argmax()) == 200
        assert np.abs(beat.signals[:, [0, -1]]).max() < 1e-6


def test_hearts_without_scar_have_natural_beats(beats: dict[str, list[Beat]]) -> None:
    healthy = beats["none"]
    assert all(65 <= beat.qrs_ms <= 120 for beat in healthy)
    sizes = {lead: np.median([np.ptp(qrs(beat, lead)) for beat in healthy]) for lead in LEADS}
    assert all(0.15 < sizes[lead] < 1.5 for lead in LEADS[:6])
    assert all(0.5 < sizes[lead] < 2.5 for lead in LEADS[6:])
    middle = {lead: np.median([r_wave(beat, lead) for beat in healthy]) for lead in LEADS}
    assert middle["V1"] < middle["V3"] < 2.5 and middle["V1"] < middle["V2"] < middle["V4"]
    s_over_r = [
        np.median([-qrs(beat, lead).min() / r_wave(beat, lead) for beat in healthy]) for lead in ("V4", "V6")
    ]
    assert max(s_over_r) < 0.6
    for lead, sign in (("II", 1), ("V5", 1), ("aVR", -1)):
        t_wave = [sign * beat.signals[LEADS.index(lead), 290:420] for beat in healthy]
        assert sum(wave.max() > -wave.min() for wave in t_wave) >= 7
        sinus = [beat for beat in healthy if beat.rhythm == "sinus"]
        p_wave = [sign * beat.signals[LEADS.index(lead), 100 : int(beat.qrs_onset) - 3] for beat in sinus]
        assert all(0.03 < wave.max() < 0.3 for wave in p_wave)


def test_anterior_scar_takes_r_from_v2_and_v3(beats: dict[str, list[Beat]]) -> None:
    with_scar = [(r_wave(beat, "V3"), q_wave(beat, "V3")) for beat in beats["anterior"]]
    assert np.median([r for r, _ in with_scar]) < 0.2
    assert sum(q > 0.2 for _, q in with_scar) >= 7
    # V2 is as high as in patients, half of what free space gave: so is its Q wave
    assert sum(q_wave(beat, "V2") > 0.25 for beat in beats["anterior"]) >= 6
    assert sum(r_wave(beat, "V3") > 0.4 for beat in beats["none"]) >= 6


def test_inferior_scar_makes_q_in_iii_and_avf(beats: dict[str, list[Beat]]) -> None:
    for lead in ("III", "aVF"):
        scarred = [q_wave(beat, lead) for beat in beats["inferior"]]
        healthy = [q_wave(beat, lead) for beat in beats["none"]]
        assert np.median(scarred) > 0.25 and np.median(scarred) > np.median(healthy) + 0.2


def test_lateral_scar_makes_r_taller_in_v1_and_v2_and_lower_in_v6(beats: dict[str, list[Beat]]) -> None:
    pairs = list(zip(beats["lateral"], beats["none"], strict=True))
    assert np.median([r_wave(a, "V2") - r_wave(b, "V2") for a, b in pairs]) > 0.1
    for lead in ("V1", "V2"):
        over_s = [[r_wave(one, lead) / -qrs(one, lead).min() for one in pair] for pair in pairs]
        assert np.median([scarred / healthy for scarred, healthy in over_s]) > 1.5
    assert all(r_wave(a, "V6") < r_wave(b, "V6") for a, b in zip(beats["lateral"], beats["none"], strict=True))


def test_the_same_subject_has_the_same_beat_and_another_seed_another() -> None:
    one, again = simulate_beat(draw_subject(1, SEED)), simulate_beat(draw_subject(1, SEED))
    assert one.signals.tobytes() == again.signals.tobytes()
    other = simulate_beat(draw_subject(1, SEED + 1))
    assert np.abs(other.signals - one.signals).max() > 0.05


def test_days_are_mostly_before_and_close() -> None:
    days = [draw_days(subject) for subject in drawn(600)]
    first = np.array([some[0] for some in days if some])
    assert 0.02 < np.mean([not some for some in days]) < 0.065
    assert 0.05 < np.mean(np.abs(first) > 90) < 0.12
    assert 0.06 < np.mean([len(some) == 2 for some in days]) < 0.13
    near = first[np.abs(first) <= 90]
    assert 7 <= np.median(np.abs(near)) <= 13
    assert 0.7 < np.mean(first[first != 0] < 0) < 0.88


def test_a_second_recording_has_the_same_beat_and_other_noise() -> None:
    subject = draw_subject(1, SEED)
    beat = simulate_beat(subject)
    first, second = simulate_ecgs(
        subject, beat, EcgHabits(none_fraction=0.0, far_fraction=0.0, two_fraction=1.0)
    )
    assert (first.ecg_id, second.ecg_id) == ("sim-0001-ecg1", "sim-0001-ecg2")
    assert first.signals.shape == second.signals.shape == (12, 5000)
    assert np.abs(first.signals - second.signals).max() > 0.05
    assert simulate_ecgs(subject, beat, EcgHabits(none_fraction=1.0, far_fraction=0.0)) == ()
