"""Simulated cases: the same bytes again, true geometry, labels that agree with the solid, an image like LGE."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from scartools.errors import InputError
from scartools.simulation import lge
from scartools.simulation.anatomy import solid_volumes
from scartools.simulation.case import SimulatedCase, draw_chest, simulate_case
from scartools.simulation.cohort import SUBJECT_COLUMNS, simulate_cohort, subject_row
from scartools.simulation.ecg import simulate_beat, simulate_ecgs
from scartools.simulation.patterns import NON_ISCHAEMIC, TERRITORY_VARIANTS
from scartools.simulation.population import Interval, Population, Spread
from scartools.simulation.scar import depth_field, scar_share
from scartools.simulation.stack import heart_steps
from scartools.simulation.subject import Artefacts, draw_subject, null_time
from scartools.simulation.tissue import SlowFlow, draw_body
from scartools.simulation.truth import COLUMNS, scar_truth
from tests.unit.simulation.drawn_subjects import drawn

SEED = 20
COUNT = 10


@pytest.fixture(scope="module")
def cases() -> list[SimulatedCase]:
    return list(simulate_cohort(COUNT, SEED))


@pytest.fixture(scope="module")
def truths(cases: list[SimulatedCase]) -> list[list[dict[str, Any]]]:
    return [scar_truth(case) for case in cases]


def digest(case: SimulatedCase) -> str:
    parts = (case.image, case.labels, case.segments, case.affine)
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def world(case: SimulatedCase, where: np.ndarray) -> np.ndarray:
    """RAS+ positions (N, 3) of the voxels of a mask."""
    return np.argwhere(where) @ case.affine[:3, :3].T + case.affine[:3, 3]


def test_a_subject_depends_on_seed_and_number_alone(cases: list[SimulatedCase]) -> None:
    alone = simulate_case(draw_subject(4, SEED))
    part = list(simulate_cohort(2, SEED, first=4))
    assert digest(alone) == digest(part[0]) == digest(cases[3])
    assert digest(part[1]) == digest(cases[4])
    assert part[0].subject == cases[3].subject
    assert len({digest(case) for case in cases}) == COUNT
    assert digest(simulate_case(draw_subject(4, SEED + 1))) != digest(alone)


def test_types_grids_and_label_set(cases: list[SimulatedCase]) -> None:
    seen: set[int] = set()
    for case in cases:
        assert case.image.dtype == np.float32 and case.labels.dtype == case.segments.dtype == np.uint8
        assert case.affine.dtype == np.float64 and case.affine.shape == (4, 4)
        assert case.image.shape == case.labels.shape == case.segments.shape == case.subject.stack.shape
        assert np.isfinite(case.image).all() and case.image.min() >= 0
        seen |= set(np.unique(case.labels).tolist())
        assert {0, 1, 2, 5} <= set(np.unique(case.labels).tolist()) <= {0, 1, 2, 3, 4, 5}
        assert not case.segments[(case.labels < 2) | (case.labels == 5)].any()
        assert set(range(1, 17)) <= set(np.unique(case.segments).tolist())
        edge = np.ones(case.labels.shape, bool)
        edge[2:-2, 2:-2] = False
        assert not case.labels[edge & (case.labels != 5)].any()
        json.dumps(case.facts)
    assert 3 in seen


def test_scar_lies_in_the_chosen_segments_and_healthy_subjects_have_none(cases: list[SimulatedCase]) -> None:
    without = 0
    for case in cases:
        scar = (case.labels == 3) | (case.labels == 4)
        allowed = {segment for one in case.subject.scars for segment in one.segments}
        assert set(np.unique(case.segments[scar]).tolist()) <= allowed
        without += not case.subject.scars
        assert bool(scar.any()) == bool(case.subject.scars)
    assert 0 < without < COUNT


def test_a_quarter_has_no_scar() -> None:
    subjects = drawn(300)
    assert 0.19 < np.mean([not subject.scars for subject in subjects]) < 0.31
    assert 0.13 < np.mean([subject.stack.left_handed for subject in subjects]) < 0.27
    assert 0.42 < np.mean([subject.stack.apex_first for subject in subjects]) < 0.58


def test_affine_tells_slice_order_and_handedness(cases: list[SimulatedCase]) -> None:
    for case in cases:
        stack, base = case.subject.stack, np.array(case.subject.pose.base)
        columns = case.affine[:3, :3]
        assert (np.linalg.det(columns) < 0) == stack.left_handed
        assert (columns[:, 2] @ base > 0) == stack.apex_first
        sizes = np.sqrt((columns**2).sum(axis=0))
        assert sizes == pytest.approx([stack.pixel_mm, stack.pixel_mm, stack.step_mm])
        gram = (columns / sizes).T @ (columns / sizes)
        assert gram == pytest.approx(np.eye(3), abs=1e-12)


def test_segments_lie_where_anatomy_has_them(cases: list[SimulatedCase]) -> None:
    for case in cases:
        centre = world(case, case.labels == 1).mean(axis=0)
        basal = {k: world(case, case.segments == k).mean(axis=0) for k in range(1, 7)}
        ring = np.mean([basal[k] for k in range(1, 7)], axis=0)
        anterior, septal = basal[1] - basal[4], basal[2] + basal[3] - basal[5] - basal[6]
        assert anterior[2] > 10 and anterior[1] > -5  # superior, and anterior rather than posterior
        assert septal[0] > 10 and septal[1] > 10  # towards right and anterior
        apex = world(case, (case.segments >= 13) & (case.segments <= 16)).mean(axis=0) - ring
        assert apex[0] < -5 and apex[1] > 5 and apex[2] < 5  # left, anterior, not superior
        right = world(case, case.labels == 5).mean(axis=0) - centre
        assert right @ np.array(case.subject.pose.septum) > 15
        # (S, A, B) is right-handed and A = B x S.
        pose = case.subject.pose
        assert np.cross(pose.base, pose.septum) == pytest.approx(np.array(pose.anterior))


def test_segments_agree_with_angles_taken_from_the_voxels(cases: list[SimulatedCase]) -> None:
    """Per-slice pool centroids, the true directions and the sector table, without the simulator's geometry."""
    same = total = 0
    for case in cases:
        pose = case.subject.pose
        for k in range(case.labels.shape[2]):
            wall = np.zeros(case.labels.shape, bool)
            wall[:, :, k] = (case.segments[:, :, k] >= 1) & (case.segments[:, :, k] <= 12)
            pool = np.zeros(case.labels.shape, bool)
            pool[:, :, k] = case.labels[:, :, k] == 1
            if not wall.any() or not pool.any():
                continue
            offset = world(case, wall) - world(case, pool).mean(axis=0)
            degrees = np.degrees(np.arctan2(offset @ np.array(pose.septum), offset @ np.array(pose.anterior)))
            expected = ((degrees + 30.0) % 360.0 // 60.0).astype(int)
            found = (case.segments[wall].astype(int) - 1) % 6
            same, total = same + int((found == expected).sum()), total + found.size
    assert total > 10_000
    assert same / total > 0.95


def test_label_volume_is_that_of_the_solid() -> None:
    """A stack planned on the axis shows what it covers of the solid: each within 2 %, within 0.5 % on average.

    Without the open ring, whose height a slice rounds to all or nothing.
    """
    exact = Population(
        stack_tilt_deg=0.0, gap_fraction=0.0, breathing_shift_mm=0.0, base_slice_scatter_mm=0.0,
        open_ring_fraction=0.0,
    )  # fmt: skip
    ratios = []
    for index in range(1, 7):
        case = simulate_case(draw_subject(index, 5, exact))
        start, steps = heart_steps(case.subject.pose, case.subject.stack)
        levels = start[2] + steps[2, 2] * np.arange(case.labels.shape[2])
        half = case.subject.stack.step_mm / 2
        solid = solid_volumes(case.subject.shape, from_mm=levels.min() - half, to_mm=levels.max() + half)
        ml = abs(np.linalg.det(case.affine[:3, :3])) / 1000.0
        wall = np.isin(case.labels, (2, 3, 4)).sum() * ml
        ratios.append((wall / solid["myocardium"], (case.labels == 1).sum() * ml / solid["pool"]))
    assert np.array(ratios) == pytest.approx(1.0, abs=0.02)
    assert np.mean(ratios, axis=0) == pytest.approx(1.0, abs=0.005)


def test_label_volumes_of_ordinary_stacks_are_right_on_average(truths: list[list[dict[str, Any]]]) -> None:
    rows = [rows[-1] for rows in truths]
    deep = [row for row in rows if row["fine_scar_ml"] > 5]
    assert np.sum([row["scar_ml"] for row in deep]) == pytest.approx(
        np.sum([r["fine_scar_ml"] for r in deep]), rel=0.1
    )
    for row in rows:  # the apex is not always imaged
        assert 0.80 < row["myocardium_ml"] / row["fine_myocardium_ml"] < 1.05


def test_truth_rows_add_up_and_say_what_is_not_imaged(
    cases: list[SimulatedCase], truths: list[list[dict[str, Any]]]
) -> None:
    for case, rows in zip(cases, truths, strict=True):
        assert [row["segment"] for row in rows] == [*range(1, 18), 0]
        assert all(tuple(row) == tuple(COLUMNS) for row in rows)
        segments, ventricle = rows[:17], rows[17]
        assert np.nansum([row["scar_ml"] for row in segments]) == pytest.approx(ventricle["scar_ml"])
        assert sum(row["fine_scar_ml"] for row in segments) == pytest.approx(ventricle["fine_scar_ml"])
        fine = solid_volumes(case.subject.shape)
        assert sum(row["fine_myocardium_ml"] for row in segments) == pytest.approx(fine["ring"], rel=0.02)
        assert ventricle["fine_myocardium_ml"] == pytest.approx(fine["myocardium"], rel=0.02)
        assert ventricle["mass_g"] == pytest.approx(1.05 * ventricle["myocardium_ml"])
        for row in segments:
            imaged = bool((case.segments == row["segment"]).any())
            assert np.isnan(row["myocardium_ml"]) == (not imaged) == np.isnan(row["transmural_depth"])
            if row["myocardium_ml"] > 3 and row["segment"] <= 12:
                assert row["transmural_depth"] == pytest.approx(row["fine_transmural_depth"], abs=0.2)


def test_apex_is_imaged_in_some_and_not_in_others(cases: list[SimulatedCase]) -> None:
    imaged = [bool((case.segments == 17).any()) for case in cases]
    assert 0 < sum(imaged) < COUNT


def test_null_time_nulls_and_the_contrast_is_that_of_lge() -> None:
    for interval in (900.0, 2000.0):
        time = null_time(440.0, interval)
        signal = lge.inversion_recovery(np.array([440.0]), time, interval, np.array([1.0]))
        assert signal[0] == pytest.approx(0.0, abs=1e-12)
    assert null_time(440.0, 1e6) == pytest.approx(440.0 * np.log(2.0))


def test_grey_values_look_like_lge(cases: list[SimulatedCase]) -> None:
    for case in cases:
        pool, healthy = case.image[case.labels == 1].mean(), case.image[case.labels == 2].mean()
        assert 0.1 < healthy / pool < 0.5
        assert 0.7 < case.image[case.labels == 5].mean() / pool < 1.4
        scar = case.image[case.labels == 3]
        if scar.size > 100:
            assert 0.5 < scar.mean() / pool < 1.6
            assert scar.mean() > 1.6 * healthy


def test_noise_is_rician() -> None:
    """Without signal the magnitude is Rayleigh, mean over SD sqrt(pi / (4 - pi)); with much, Gaussian."""
    contrast = replace(draw_subject(1, SEED).contrast, blood_snr=10.0, blood_value=100.0, blur_pixels=0.0)
    flat = np.ones((64, 64, 8), np.float32)
    rng = np.random.default_rng(0)
    empty = lge.render(0 * flat, 0 * flat, 0 * flat, flat, contrast, rng)
    assert empty.mean() / empty.std() == pytest.approx(np.sqrt(np.pi / (4 - np.pi)), rel=0.02)
    full = lge.render(flat, 0 * flat, 0 * flat, flat, contrast, rng)
    assert full.std() == pytest.approx(10.0, rel=0.03)
    assert full.mean() == pytest.approx(100.0 + 0.5, abs=0.3)  # sqrt(S^2 + sd^2), first order


def test_breathing_moves_image_and_labels_together() -> None:
    """A slice shifted by whole pixels is the unshifted one, moved."""
    subject = draw_subject(2, SEED)
    pixel, slices = subject.stack.pixel_mm, subject.stack.shape[2]
    still = simulate_case(replace(subject, stack=replace(subject.stack, shifts_mm=((0.0, 0.0),) * slices)))
    moved = simulate_case(
        replace(subject, stack=replace(subject.stack, shifts_mm=((3 * pixel, -2 * pixel),) * slices))
    )
    same = still.labels[3:, :-2] == moved.labels[:-3, 2:]
    assert same.mean() > 0.9999  # rounding at the border of a voxel may differ
    pool = moved.labels[:-3, 2:] == 1
    assert moved.image[:-3, 2:][pool].mean() == pytest.approx(still.image[3:, :-2][pool].mean(), rel=0.02)


def test_subject_rows_are_flat_and_name_nobody(cases: list[SimulatedCase]) -> None:
    for case in cases:
        row = subject_row(case.subject)
        assert tuple(row) == tuple(SUBJECT_COLUMNS)
        assert all(isinstance(value, (str, int, float)) for value in row.values())
        assert (row["scar_segments"] == "n/a") == (not case.subject.scars)
    assert cases[0].subject.participant_id == "sim-0001"
    assert "2012-01-01" <= cases[0].subject.mri_date <= "2023-12-31"


def test_sizes_are_those_of_hearts() -> None:
    rows = [subject_row(subject) for subject in drawn(200)]
    assert all(35 <= row["base_diameter_mm"] <= 74 and 70 <= row["cavity_length_mm"] <= 120 for row in rows)
    assert all(6 <= row["free_wall_mm"] <= row["septal_wall_mm"] <= 13.5 for row in rows)
    assert all(row["apex_right"] < 0 < row["apex_anterior"] for row in rows)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((0, 1), "subject 0"), ((1, -1), "seed -1")],
)
def test_impossible_subjects_are_refused(arguments: tuple[int, int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        draw_subject(*arguments)


@pytest.mark.parametrize(
    ("population", "said"),
    [
        (Population(no_scar_fraction=1.5), "no_scar_fraction: 1.5"),
        (Population(pixel_mm=Interval(2.0, 1.0)), "pixel_mm: limits 2.0 to 1.0"),
        (Population(free_wall_mm=Spread(9.0, -1.0, 7.0, 11.0)), "free_wall_mm: SD -1.0"),
        (Population(first_year=2024), "first_year 2024"),
        (Population(slice_step_mm=()), "slice_step_mm"),
        (Population(matrix=(8, 8)), "too small"),
    ],
)
def test_impossible_populations_are_refused(population: Population, said: str) -> None:
    with pytest.raises(InputError, match=said):
        draw_subject(1, 1, population)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(InputError, match="-1 subjects"):
        next(simulate_cohort(-1, 1))
    with pytest.raises(InputError, match="0 samples"):
        simulate_case(draw_subject(1, 1), samples=0)


def test_images_stay_the_bytes_they_were() -> None:
    """ECGs draw from streams of their own: the images of a seed never change with them."""
    case = simulate_case(draw_subject(1, SEED))
    simulate_ecgs(case.subject, simulate_beat(case.subject))
    assert digest(simulate_case(draw_subject(1, SEED))) == digest(case)
    again = draw_chest(case.subject)
    first = draw_body(np.random.default_rng([SEED, 1, 1]))
    assert (again.half_width, again.half_depth, again.centre_right) == (
        first.half_width,
        first.half_depth,
        first.centre_right,
    )


def test_a_heart_with_scar_is_larger_and_only_old_scar_thins() -> None:
    subjects = drawn(400)
    infarcts = [one for one in subjects if any(scar.pattern == "ischaemic" for scar in one.scars)]
    assert {one.dilation for one in subjects if not one.scars} == {1.0}
    old = [one for one in infarcts if min(scar.event_days or 0 for scar in one.scars) > 365]
    new = [one for one in infarcts if max(scar.event_days or 0 for scar in one.scars) <= 10]
    assert np.mean([one.dilation for one in old]) > 1.1 > np.mean([one.dilation for one in new]) >= 1.0
    share = [scar_share(one.shape, depth_field(one.shape, one.scars)) for one in old]
    assert 0.55 < np.corrcoef(share, [one.dilation for one in old])[0, 1] < 0.99
    assert 0.07 < np.mean(share) < 0.20  # published: 13 % of the wall in healed infarction
    thinnest = [
        one.shape.free_wall_mm * (1 - max((part for _, part in one.shape.thinned), default=0.0))
        for one in subjects
    ]
    thin = np.mean([wall <= 5.5 for wall, one in zip(thinnest, subjects, strict=True) if one in infarcts])
    assert 0.12 < thin < 0.40  # 19 % of patients with coronary disease
    assert all(part < 0.12 for one in new for _, part in one.shape.thinned)


def test_women_and_the_old_have_smaller_hearts() -> None:
    people = Population(no_scar_fraction=1.0)
    subjects = [draw_subject(index, 8, people) for index in range(1, 501)]
    volume = {one.index: solid_volumes(one.shape, step_mm=2.0)["pool"] for one in subjects}
    women, men = ([volume[one.index] for one in subjects if one.sex == sex] for sex in "FM")
    assert 0.70 < np.mean(women) / np.mean(men) < 0.90
    old, young = (
        [volume[one.index] for one in subjects if low <= one.age < high] for low, high in ((70, 90), (25, 55))
    )
    assert 0.82 < np.mean(old) / np.mean(young) < 1.0


def test_patterns_territories_and_days_are_a_mixture() -> None:
    subjects = [one for one in drawn(600) if one.scars]
    first = [one.scars[0] for one in subjects]
    assert 0.10 < np.mean([scar.pattern != "ischaemic" for scar in first]) < 0.20
    assert {scar.pattern for scar in first} == {"ischaemic", *NON_ISCHAEMIC}
    infarcts = [scar for scar in first if scar.pattern == "ischaemic"]
    assert {scar.territory for scar in infarcts} == set(TERRITORY_VARIANTS)
    assert 0.2 < np.mean([scar.event_days <= 10 for scar in infarcts]) < 0.4
    assert 0.06 < np.mean([scar.focal is not None for scar in infarcts]) < 0.30
    assert max(len(one.scars) for one in subjects) >= 3
    core = [scar for scar in infarcts if scar.no_reflow]
    assert 0.03 < len(core) / len(infarcts) < 0.2 and all(scar.event_days <= 30 for scar in core)


def test_a_phase_sensitive_image_is_signed_and_flat_and_its_noise_has_no_bias() -> None:
    subject = draw_subject(
        3, SEED, Population(no_scar_fraction=1.0, nulling_error_fraction=Spread(-0.08, 0, -0.1, 0))
    )
    signed = simulate_case(replace(subject, contrast=replace(subject.contrast, psir=True)))
    magnitude = simulate_case(subject)
    np.testing.assert_array_equal(signed.labels, magnitude.labels)
    healthy = signed.labels == 2
    # inverted too early, healthy muscle is below zero: the magnitude turns it bright
    assert signed.image[healthy].mean() < 0 < magnitude.image.min() + 1e-3
    assert magnitude.image[healthy].mean() > abs(signed.image[healthy].mean())
    assert signed.facts["Sequence"] == "psir" and magnitude.facts["Sequence"] == "magnitude"
    air = np.abs(signed.image[signed.image < 0]).size / signed.image.size
    assert 0.05 < air < 0.6


def test_ghosts_lie_along_the_phase_axis_at_their_distance() -> None:
    contrast = replace(draw_subject(1, SEED).contrast, blood_snr=1e6, blood_value=100.0, blur_pixels=0.0)
    still = np.zeros((64, 64, 2), np.float32)
    still[30:34, 30:34] = 1.0
    artefacts = Artefacts(phase_axis=1, ghost_pixels=20, ghosts=(0.2, 0.0), moved_pixels=((0.0, 0.0),) * 2)
    image = lge.render(
        still, 0 * still, 0 * still, np.ones_like(still), contrast, np.random.default_rng(1), artefacts
    )
    assert image[31, 51, 0] == pytest.approx(20.0, abs=0.1) and image[31, 11, 0] == pytest.approx(20.0, abs=0.1)
    assert image[51, 31, 0] < 0.1 and image[31, 51, 1] < 0.1


def test_a_slice_in_motion_is_the_mean_of_two_positions() -> None:
    contrast = replace(draw_subject(1, SEED).contrast, blood_snr=1e6, blood_value=100.0, blur_pixels=0.0)
    still = np.zeros((32, 32, 2), np.float32)
    still[10, 10] = 1.0
    artefacts = Artefacts(ghosts=(0.0, 0.0), moved_pixels=((0.0, 0.0), (3.0, 0.0)))
    image = lge.render(
        still, 0 * still, 0 * still, np.ones_like(still), contrast, np.random.default_rng(1), artefacts
    )
    assert image[10, 10].tolist() == pytest.approx([100.0, 60.0], abs=0.1)
    assert image[13, 10].tolist() == pytest.approx([0.0, 40.0], abs=0.1)


def test_slow_blood_lies_in_the_pool_beside_the_wall_and_is_brighter() -> None:
    subject = draw_subject(2, SEED, Population(no_scar_fraction=1.0, slow_flow_fraction=1.0))
    flow = SlowFlow(300.0, 60.0, 10.0, 70.0, 6.0)
    with_flow = replace(subject, artefacts=Artefacts(slow_flow=(flow,), slow_flow_gain=1.6))
    without = replace(subject, artefacts=Artefacts())
    bright, plain = simulate_case(with_flow), simulate_case(without)
    np.testing.assert_array_equal(bright.labels, plain.labels)
    change = (bright.image - plain.image) / subject.contrast.blood_value
    assert change[bright.labels == 1].max() > 0.3 and change.min() > -0.2  # of nulled muscle beside it
    assert (change > 0.1)[bright.labels == 1].mean() < 0.3
    middle = world(bright, bright.labels == 1).mean(axis=0)
    towards = world(bright, change > 0.2).mean(axis=0) - middle
    assert towards @ np.array(subject.pose.septum) < 0  # 300 degrees: lateral and anterior


def test_the_border_zone_is_between_scar_and_muscle_in_the_image_and_in_the_truth() -> None:
    wide = Population(no_scar_fraction=0.0, non_ischaemic_fraction=0.0, border_zone_mm=Interval(2.5, 2.6))
    for index in (1, 2, 3):
        case = simulate_case(draw_subject(index, SEED, wide))
        wall = (case.labels >= 2) & (case.labels <= 4)
        assert (case.fibrosis[~wall] == 0).all() and case.fibrosis.max() <= 1
        assert (case.fibrosis[case.labels == 3] >= 0.25).all() and (
            case.fibrosis[case.labels == 2] <= 0.75
        ).all()
        ventricle = scar_truth(case)[-1]
        assert ventricle["fine_border_zone_ml"] > 0 and ventricle["pattern"] == "ischaemic"
        mixed = wall & (case.fibrosis > 0.3) & (case.fibrosis < 0.7) & (case.labels != 4)
        values = [
            case.image[where].mean() for where in (wall & (case.fibrosis < 0.02), mixed, case.fibrosis > 0.98)
        ]
        if mixed.sum() > 60 and (case.fibrosis > 0.98).sum() > 60:
            assert values[0] < values[1] < values[2]
