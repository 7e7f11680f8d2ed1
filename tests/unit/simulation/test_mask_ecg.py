"""An ECG of any mask: that of its own subject where it is known, Q waves where the scar is, one answer in any order."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from scartools.ecg.reading import LEADS
from scartools.errors import GeometryError, InputError
from scartools.heart.segments import label_segments
from scartools.simulation.ecg import simulate_beat
from scartools.simulation.leads import R_SAMPLE
from scartools.simulation.mask_ecg import MaskHeart, Where, heart_of_mask, mask_beat, simulate_mask_ecg
from tests.unit.heart.heart_phantom import affine as phantom_affine
from tests.unit.heart.heart_phantom import rearranged, ventricle
from tests.unit.simulation.masks import TERRITORIES, healthy, imaged, scarred
from tests.unit.simulation.test_leads import SILENT_SCAR

GUESSED = Where(anchor="image-left")


def beat_from(labels, affine, subject, physiology=None, **options) -> tuple[np.ndarray, MaskHeart]:
    made = heart_of_mask(labels, affine, subject=subject, **options)
    return mask_beat(made, subject, block="none", physiology=physiology).signals, made


def aligned(beat: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Correlation by lead, (12,), at the lag of up to 20 ms at which it is best: R may be either of two peaks alike."""
    found = [
        [
            np.corrcoef(np.roll(one, lag)[120:], other[120:])[0, 1]
            for one, other in zip(beat, reference, strict=True)
        ]
        for lag in range(-10, 11)
    ]
    return np.array(max(found, key=np.median))


@pytest.mark.parametrize("index", [2, 3, 4, 5, 8, 10])
def test_the_mask_of_a_subject_gives_the_beat_of_that_subject(index: int) -> None:
    case = imaged(index)
    beat, made = beat_from(case.labels, case.affine, case.subject)
    reference = simulate_beat(case.subject, block="none")
    alike = aligned(beat, reference.signals)
    assert made.facts["Anatomy"] == "fitted" and made.facts["PoseFrom"] == "segmentation"
    assert np.median(alike) > 0.95
    # in a lead of small deflections the shape rests on a few voxels
    large = np.ptp(reference.signals, axis=1) > 0.25 * np.ptp(reference.signals, axis=1).max()
    assert alike[large].min() > 0.8 and alike.min() > 0.4
    size = np.ptp(beat, axis=1).mean() / np.ptp(reference.signals, axis=1).mean()
    assert 0.8 < size < 1.25


@pytest.mark.parametrize("index", [2, 4, 6])
def test_the_fit_finds_the_heart_that_was_imaged(index: int) -> None:
    case = imaged(index)
    made = heart_of_mask(case.labels, case.affine, subject=case.subject)
    true, found = case.subject.shape, made.shape
    assert found.cavity_length_mm == pytest.approx(true.cavity_length_mm, abs=5.0)
    assert found.rv_width_mm == pytest.approx(true.rv_width_mm, abs=5.0)
    for one, other in ((made.pose.base, case.subject.pose.base), (made.pose.septum, case.subject.pose.septum)):
        assert np.degrees(np.arccos(np.dot(one, other))) < 6.0
    muscle = made.heart.viable.sum() + (made.heart.scarred * made.heart.viable).sum()
    assert 50 < muscle * 0.027 < 250  # mL, both ventricles


def test_scar_gives_q_or_lost_r_in_the_leads_that_look_at_it() -> None:
    labels, affine, subject = healthy(4)
    normal, _ = beat_from(labels, affine, subject, SILENT_SCAR)
    qrs = slice(R_SAMPLE - 40, R_SAMPLE + 45)
    changes = {}
    for territory, segments in TERRITORIES.items():
        beat, made = beat_from(scarred(4, segments), affine, subject, SILENT_SCAR)
        assert made.facts["ScarPercent"] > 15
        lost = normal[:, qrs].max(axis=1) - beat[:, qrs].max(axis=1)  # of R, mV
        deeper = normal[:, qrs].min(axis=1) - beat[:, qrs].min(axis=1)  # of Q or S, mV
        early = (beat - normal)[:, qrs][:, :40].min(axis=1)  # the first half turns away from the scar
        changes[territory] = dict(
            zip(LEADS, np.round(np.stack([lost, deeper, early], axis=1), 2).tolist(), strict=True)
        )
    assert max(changes["anterior"][lead][2] for lead in ("V2", "V3", "V4")) < -0.1
    assert max(changes["inferior"][lead][2] for lead in ("III", "aVF")) < -0.1
    assert max(changes["lateral"][lead][0] for lead in ("V5", "V6", "I", "aVL")) > 0.1


WIDER = {
    "anterior": ((13,), (7, 13), (1, 7, 13), (1, 6, 7, 12, 13, 16)),
    "lateral": ((11,), (5, 11), (5, 11, 16), (5, 6, 11, 12, 16)),
    "inferior": ((10,), (10, 15), (4, 10, 15), (3, 4, 9, 10, 15)),
}


def difference(beat: np.ndarray, normal: np.ndarray) -> float:
    """RMS difference of two beats, mV, at the best lag."""
    return float(min(np.sqrt(((np.roll(beat, lag, axis=1) - normal) ** 2).mean()) for lag in range(-10, 11)))


@pytest.mark.parametrize("anatomy", ["fitted", "template"])
def test_more_scar_changes_the_beat_more(anatomy) -> None:
    labels, affine, subject = healthy(2)
    normal, _ = beat_from(labels, affine, subject, SILENT_SCAR, anatomy=anatomy)

    def change(segments: tuple[int, ...], depth: float = np.inf) -> float:
        beat, _ = beat_from(scarred(2, segments, depth), affine, subject, SILENT_SCAR, anatomy=anatomy)
        return difference(beat, normal)

    for steps in WIDER.values():
        wider = [change(segments) for segments in steps]
        assert wider == sorted(wider) and wider[0] > 0.02
    deeper = [change((5, 6, 11, 12, 16), depth) for depth in (2.5, 4.5, 6.5, 12.0)]
    assert deeper == sorted(deeper)


@pytest.mark.slow
def test_more_scar_changes_the_beats_of_patients_more_on_average() -> None:
    """Muscle that survives in a scar, and damage far from it, may hide it in one heart, but not in the mean of four."""
    changes = {territory: np.zeros(len(steps)) for territory, steps in WIDER.items()}
    for index in (2, 3, 5, 10):
        labels, affine, subject = healthy(index)
        normal, _ = beat_from(labels, affine, subject)
        for territory, steps in WIDER.items():
            beats = [beat_from(scarred(index, segments), affine, subject)[0] for segments in steps]
            changes[territory] += [difference(beat, normal) / 4 for beat in beats]
    for change in changes.values():
        assert (np.diff(change) > 0).all() and change[0] > 0.02 and change[-1] > 1.5 * change[0]


def turned(affine: np.ndarray, degrees: float, axis: int) -> np.ndarray:
    turn, (one, other) = np.eye(4), [k for k in range(3) if k != axis]
    angle = np.radians(degrees)
    turn[one, one] = turn[other, other] = np.cos(angle)
    turn[one, other], turn[other, one] = -np.sin(angle), np.sin(angle)
    return turn @ affine


OBLIQUE = {
    "own": lambda affine: affine,
    "7 degrees about x": lambda affine: turned(affine, 7.0, 0),
    "-11 degrees about y": lambda affine: turned(affine, -11.0, 1),
    "13 degrees about z": lambda affine: turned(affine, 13.0, 2),
    "two turns": lambda affine: turned(turned(affine, 9.0, 2), -6.0, 0),
}


@pytest.mark.parametrize("oblique", OBLIQUE)
def test_every_storage_order_of_a_mask_gives_the_same_ecg(oblique: str) -> None:
    case = imaged(3)
    affine = OBLIQUE[oblique](case.affine)
    reference, _ = beat_from(case.labels, affine, case.subject)
    orders = itertools.cycle(itertools.permutations(range(3)))
    worst = 0.0
    for flips, order in zip(itertools.product((False, True), repeat=3), orders, strict=False):
        moved, matrix = rearranged(case.labels, affine, order, flips)
        beat, _ = beat_from(moved, matrix, case.subject)
        worst = max(worst, float(np.abs(beat - reference).max()))
    assert worst < 1e-6


def test_where_the_heart_lies_in_the_scanner_changes_nothing() -> None:
    case = imaged(3)
    moved = case.affine.copy()
    moved[:3, 3] += (37.25, -12.5, 101.0)
    one, _ = beat_from(case.labels, case.affine, case.subject)
    other, _ = beat_from(case.labels, moved, case.subject)
    assert np.abs(one - other).max() < 1e-6


def test_a_heart_turned_in_the_chest_has_another_ecg() -> None:
    case = imaged(3)
    one, _ = beat_from(case.labels, case.affine, case.subject)
    other, _ = beat_from(case.labels, turned(case.affine, 25.0, 2), case.subject)
    assert aligned(other, one).min() < 0.95


def test_an_orientation_that_no_heart_has_is_not_believed() -> None:
    case = imaged(3)
    _, made = beat_from(case.labels, turned(case.affine, 90.0, 0), case.subject)
    assert made.facts["Anatomy"] == "fitted" and made.facts["PoseFrom"] == "drawn"
    assert any("not believed" in text for text in made.facts["Warnings"])
    assert made.pose == case.subject.pose


def test_an_assumed_septum_or_unknown_size_takes_the_template() -> None:
    labels = ventricle(9, septum=None)
    labels[30:, :, 3:6][labels[30:, :, 3:6] == 2] = 3
    ecgs = [
        simulate_mask_ecg(labels, phantom_affine(pixel, step), seed=3, where=GUESSED)
        for pixel, step in ((1.5, 8.0), (3.0, 16.0))
    ]
    assert [ecg.facts["Anatomy"] for ecg in ecgs] == ["template", "template"]
    # shares of the segments are all it takes: the size of the voxels changes nothing
    np.testing.assert_allclose(ecgs[0].beat, ecgs[1].beat, atol=1e-9)
    assert ecgs[0].facts["AnatomyReason"] == "where the septum lies is assumed"


def test_what_was_not_imaged_is_missing_in_the_truth_and_named() -> None:
    labels = ventricle(9, septum=None)
    for anatomy in ("template", "fitted"):
        facts = simulate_mask_ecg(labels, phantom_affine(), seed=3, where=GUESSED, anatomy=anatomy).facts
        truth = {row["Segment"]: row["ScarPercent"] for row in facts["Segments"]}
        assert truth[17] is None and truth[1] == 0.0
        assert facts["NotImagedSegments"] == ["17"]
        assert facts["NotImaged"]


def test_a_mask_without_scar_has_the_ecg_of_a_healthy_heart() -> None:
    labels, affine, subject = healthy(4)
    made = heart_of_mask(labels, affine, subject=subject)
    assert not made.heart.scarred.any()
    assert made.facts["ScarPercent"] == 0.0


def test_a_prior_stands_in_for_the_segments() -> None:
    case = imaged(4)
    own = label_segments(case.labels, case.affine)
    without = np.where(case.labels == 5, 0, case.labels).astype(np.uint8)
    where = Where(septum=tuple(own.facts["SeptumDirection"]))
    made = heart_of_mask(without, case.affine, subject=case.subject, prior=own, where=where)
    assert made.facts["Anatomy"] == "fitted" and made.facts["RightVentricle"] == "typical"
    assert made.facts["AnchorSource"] == "rv"
    painted = heart_of_mask(without, case.affine, subject=case.subject, prior=own)
    assert painted.facts["Anatomy"] == "template"
    whole = heart_of_mask(case.labels, case.affine, subject=case.subject)
    assert painted.facts["Segments"] == whole.facts["Segments"]


def test_a_prior_of_18_segments_cannot_be_painted() -> None:
    labels = ventricle(9, septum=None)
    labels[30:, :, 3:6][labels[30:, :, 3:6] == 2] = 3
    prior = label_segments(labels, phantom_affine(), anchor="image-left", model=18)
    with pytest.raises(InputError, match="18 segments"):
        simulate_mask_ecg(labels, phantom_affine(), seed=1, prior=prior)


def test_without_a_septum_it_refuses_rather_than_guesses() -> None:
    with pytest.raises(GeometryError, match="septum cannot be found"):
        simulate_mask_ecg(ventricle(9, septum=None), phantom_affine(), seed=1)


@pytest.mark.parametrize("pixel", [0.2, 6.0])
def test_a_size_that_no_ventricle_has_is_refused_by_the_fit(pixel: float) -> None:
    with pytest.raises(GeometryError, match="mm wide"):
        simulate_mask_ecg(ventricle(9), phantom_affine(pixel), seed=1)


def test_noise_and_rate_are_as_asked() -> None:
    labels = ventricle(9)
    ecgs = [
        simulate_mask_ecg(labels, phantom_affine(), seed=2, clean=clean, heart_rate=90.0)
        for clean in (False, True)
    ]
    assert [ecg.facts["Noise"] for ecg in ecgs] == ["electrodes, mains, muscles", "none"]
    assert ecgs[1].facts["HeartRate"] == 90.0
    steps = np.diff(ecgs[1].facts["RSamples"]) / 500.0
    assert ecgs[1].facts["Rhythm"] == "sinus"
    assert 60.0 / steps.mean() == pytest.approx(90.0, rel=0.06)
    np.testing.assert_array_equal(ecgs[0].beat, ecgs[1].beat)
    assert np.abs(ecgs[0].signals - ecgs[1].signals).max() > 0.01
    again = simulate_mask_ecg(labels, phantom_affine(), seed=2, clean=True, heart_rate=90.0)
    np.testing.assert_array_equal(again.signals, ecgs[1].signals)
