"""Blocks, pacing and fibrillation: what they do to the QRS is what an ECG machine would call by the same name."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from scartools.ecg.delineate import delineate
from scartools.ecg.measure import Measurements, measure
from scartools.simulation.activation import Conduction, activation_times
from scartools.simulation.case import draw_chest
from scartools.simulation.ecg import Beat, beat_of, electrical_heart
from scartools.simulation.physiology import (
    BLOCKS,
    Physiology,
    draw_conduction,
    draw_membrane,
    draw_turn,
    draw_variant,
    remodelled,
    with_block,
)
from scartools.simulation.population import Population, Spread
from scartools.simulation.subject import draw_subject

HEARTS = 8


@pytest.fixture(scope="module")
def beats() -> dict[str, list[Beat]]:
    made: dict[str, list[Beat]] = {name: [] for name in ("none", *BLOCKS)}
    habits = Physiology(fibrillation_fraction=0.0, ectopic_fraction=1.0)
    for index in range(1, HEARTS + 1):
        subject = draw_subject(index, 7, Population(no_scar_fraction=1.0))  # neither dilated nor thinned
        heart = electrical_heart(subject, 4.0)
        for name, group in made.items():
            rng = np.random.default_rng([3, index])
            group.append(
                beat_of(
                    heart, subject.shape, subject.pose, draw_chest(subject), rng, block=name, physiology=habits
                )
            )
    return made


def measured(beat: Beat) -> Measurements:
    return measure(beat.signals, delineate(beat.signals, 0.9), 0.9)


def test_each_beat_carries_its_name(beats: dict[str, list[Beat]]) -> None:
    for name, group in beats.items():
        assert {beat.conduction for beat in group} == {name}
        assert {beat.rhythm for beat in group} == {"sinus"}


def test_bundle_branch_blocks_are_wide_and_look_like_what_they_are(beats: dict[str, list[Beat]]) -> None:
    plain = [beat.qrs_ms for beat in beats["none"]]
    for name, least, most in (("LBBB", 125, 200), ("RBBB", 115, 190), ("paced", 125, 220)):
        wide = [beat.qrs_ms for beat in beats[name]]
        assert np.median(np.subtract(wide, plain)) > 25
        assert least < np.median(wide) < most
    left = [measured(beat) for beat in beats["LBBB"]]
    named = Counter(one.values["BundleBranchBlock"] for one in left)
    assert named["RBBB"] == 0 and named["LBBB"] >= HEARTS / 2
    right = [measured(beat) for beat in beats["RBBB"]]
    assert not any(one.values["BundleBranchBlock"] == "LBBB" for one in right)


def test_a_block_of_the_left_anterior_fascicle_turns_the_axis_to_the_left(beats: dict[str, list[Beat]]) -> None:
    turned = [
        measured(block).values["QRSAxis"] - measured(plain).values["QRSAxis"]
        for block, plain in zip(beats["LAFB"], beats["none"], strict=True)
    ]
    assert np.median(turned) < -8
    assert np.median([beat.qrs_ms for beat in beats["LAFB"]]) < 120


def test_a_pacemaker_leaves_its_spike(beats: dict[str, list[Beat]]) -> None:
    for beat in beats["paced"]:
        at = round(beat.qrs_onset) - 2
        jump = np.abs(np.diff(beat.signals[:, at - 1 : at + 2], axis=1)).max()
        assert jump > 0.1
    assert sum(bool(measured(beat).values["PacingSpike"]) for beat in beats["paced"]) >= HEARTS / 2


def test_an_ectopic_beat_is_wider_than_its_own_heart(beats: dict[str, list[Beat]]) -> None:
    for beat in beats["none"]:
        assert beat.ectopic is not None and beat.ectopic.shape == (12, 600)
        assert np.corrcoef(beat.ectopic.ravel(), beat.signals.ravel())[0, 1] < 0.97


def test_fibrillation_takes_the_p_wave() -> None:
    subject = draw_subject(1, 7)
    heart = electrical_heart(subject, 4.0)
    kept = []
    for fraction in (0.0, 1.0):
        beat = beat_of(
            heart, subject.shape, subject.pose, draw_chest(subject), np.random.default_rng(1), block="none",
            physiology=Physiology(fibrillation_fraction=fraction),
        )  # fmt: skip
        kept.append(beat.signals[1, 60 : int(beat.qrs_onset) - 5])
    assert np.ptp(kept[0]) > 0.04 and np.ptp(kept[1]) < 0.02


def test_the_fractions_of_the_variants_are_drawn() -> None:
    rng = np.random.default_rng(0)
    habits = Physiology(lbbb_fraction=0.2, rbbb_fraction=0.1, lafb_fraction=0.05, paced_fraction=0.05)
    share = Counter(draw_variant(rng, habits) for _ in range(4000))
    for name, wanted in (("none", 0.6), ("LBBB", 0.2), ("RBBB", 0.1), ("LAFB", 0.05), ("paced", 0.05)):
        assert share[name] / 4000 == pytest.approx(wanted, abs=0.025)


def test_the_border_zone_of_a_scar_is_slower_than_the_rest() -> None:
    subject = next(one for one in (draw_subject(k, 7) for k in range(1, 50)) if one.scars)
    heart = electrical_heart(subject, 4.0)
    slow, quick = (
        activation_times(heart, subject.shape, replace(Conduction(), border=border)) for border in (0.3, 1.0)
    )
    fires = np.isfinite(slow)
    assert np.array_equal(fires, np.isfinite(quick))
    assert (slow[fires] >= quick[fires] - 1e-9).all() and (slow[fires] > quick[fires] + 1.0).sum() > 20


def test_a_turn_is_a_rotation() -> None:
    turn, shift = draw_turn(np.random.default_rng(2), Physiology())
    assert turn @ turn.T == pytest.approx(np.eye(3), abs=1e-12) and np.linalg.det(turn) == pytest.approx(1.0)
    assert shift.shape == (3,)
    still = Spread(0.0, 0.0, 0.0, 0.0)
    turn, _ = draw_turn(np.random.default_rng(2), Physiology(pitch_deg=still, roll_deg=still, yaw_deg=still))
    assert turn == pytest.approx(np.eye(3))


def test_every_heart_begins_at_nought() -> None:
    drawn = draw_conduction(np.random.default_rng(5), Physiology())
    assert min(site.delay_ms for site in drawn.sites) == 0.0
    for name in ("LBBB", "paced"):
        blocked = with_block(drawn, name, np.random.default_rng(0))
        assert min(site.delay_ms for site in blocked.sites) == 0.0
        assert not any(site.wall == "left" for site in blocked.sites)


def test_the_muscle_far_from_a_scar_remodels_with_its_size() -> None:
    habits = Physiology()
    conduction = draw_conduction(np.random.default_rng(0), habits)
    membrane = draw_membrane(np.random.default_rng(0), habits, 66.0)

    def after(percent: float) -> tuple[float, float, float]:
        made = [remodelled(np.random.default_rng(k), habits, conduction, membrane, percent) for k in range(200)]
        speed = np.mean([one.remote for one, _ in made])
        gradient = np.mean([one.epicardium / membrane.epicardium for _, one in made])
        return (
            float(speed),
            float(np.mean([one.duration - membrane.duration for _, one in made])),
            float(gradient),
        )

    none, some, much = after(0.0), after(10.0), after(30.0)
    assert none == (1.0, 0.0, 1.0)
    assert none[0] > some[0] > much[0] > 0.8
    assert 0 < some[1] < much[1] < 50
    assert 1 > some[2] > much[2] >= 0.1
    assert some[2] == pytest.approx(1 - 1.5 * habits.remote_gradient.mean, abs=0.03)  # 5 % at least, and 10 %


def test_the_left_sites_are_displaced_by_the_size_of_the_scar() -> None:
    habits = Physiology()
    conduction = draw_conduction(np.random.default_rng(0), habits)
    membrane = draw_membrane(np.random.default_rng(0), habits, 66.0)

    def apart(percent: float) -> float:
        moved = [
            remodelled(np.random.default_rng(k), habits, conduction, membrane, percent)[0].sites
            for k in range(100)
        ]
        return float(np.std([sites[1].aha_deg - conduction.sites[1].aha_deg for sites in moved]))

    assert apart(0.0) == 0.0
    assert apart(10.0) == pytest.approx(habits.remote_site_deg, rel=0.3)
    assert apart(20.0) == pytest.approx(2 * apart(10.0), rel=0.01)
    moved = remodelled(np.random.default_rng(1), habits, conduction, membrane, 20.0)[0].sites
    assert moved[-1].level == conduction.sites[-1].level and min(site.delay_ms for site in moved) == 0.0
