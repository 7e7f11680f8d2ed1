"""What ECGs say of segments: the fit is the one it is said to be, and no patient's truth reaches its own evidence."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from scartools.learning import evidence
from scartools.learning.anatomy import anatomy_of, prior_of, scar_by_segment
from scartools.learning.evidence import fit_evidence, with_evidence
from scartools.learning.settings import Settings, Size, rates_of
from scartools.learning.two_stage import untrained
from scartools.network.segment_fusion import true_logits
from tests.conftest import ROOT
from tests.unit.learning.learning_phantom import LABELS, case

SETTINGS = Settings(
    Size(2, 4, (32, 32), 2, 3, 2), prior_source="truth", fusion="segment", fusion_stage=1, **rates_of("tiny")
)


def patients(count: int, strength: float, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Codes (N, 6), and parts of scar (N, 17) whose odds lean on the code by `strength`."""
    rng = np.random.default_rng(seed)
    codes = rng.normal(size=(count, 6)) * [1.0, 3.0, 0.1, 1.0, 1.0, 1.0] + 2.0
    lean = rng.normal(size=(17, 6))
    odds = strength * ((codes - 2.0) / [1.0, 3.0, 0.1, 1.0, 1.0, 1.0]) @ lean.T - 1.0
    scar = rng.random(odds.shape) < 1 / (1 + np.exp(-odds))
    return codes, np.where(scar, 0.3, 0.0)


def fit(codes, fractions, *, beats=None, days=None, groups=None, time=True, seed=1):
    beats = np.zeros((len(codes), 12, 600)) if beats is None else beats
    days = np.zeros(len(codes)) if days is None else days
    groups = [f"p{number}" for number in range(len(codes))] if groups is None else groups
    return fit_evidence(codes, beats, fractions, days, groups, time=time, seed=seed)


def test_the_fit_is_that_of_an_independent_minimiser():
    codes, fractions = patients(60, 0.7)
    days = np.linspace(0, 120, 60)
    found = fit(codes, fractions, days=days)
    z = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    weight = 1 - 0.5 * np.minimum(days / 90, 1)
    for segment in (0, 9, 16):
        truth = fractions[:, segment] > 0

        def cost(beta, truth=truth):
            odds = z @ beta[:-1] + beta[-1]
            lost = weight @ (np.logaddexp(0, odds) - truth * odds)
            few = 0.5 * (np.logaddexp(0, beta[-1]) + np.logaddexp(0, -beta[-1]))
            return lost + few + 0.5 * found.told.penalty * beta[:-1] @ beta[:-1]

        best = minimize(cost, np.zeros(7), method="BFGS", options={"gtol": 1e-9}).x
        expected = z @ best[:-1] + best[-1]
        assert codes @ found.by_code[segment] + found.bias[segment] == pytest.approx(expected, abs=1e-4)


def test_no_patients_truth_reaches_what_is_said_of_it(monkeypatch):
    monkeypatch.setattr(evidence, "PENALTIES", (30.0,))
    monkeypatch.setattr(evidence, "SEEN", (None,))
    codes, fractions = patients(30, 1.0)
    groups = [f"p{number // 2}" for number in range(30)]  # two ECGs each
    before = fit(codes, fractions, groups=groups)
    turned = fractions.copy()
    turned[4:6] = 0.3 - turned[4:6]
    after = fit(codes, turned, groups=groups)
    assert np.array_equal(before.logits[4:6], after.logits[4:6])
    assert not np.array_equal(before.logits, after.logits) and not np.array_equal(before.by_code, after.by_code)


def test_ecgs_that_tell_something_are_told_from_those_that_do_not():
    telling, silent = fit(*patients(120, 1.5)), fit(*patients(120, 0.0))
    assert telling.told.auc > 0.85 and telling.told.log_loss < 0.75 * telling.told.log_loss_of_frequency
    assert silent.told.penalty >= 100
    assert 0.45 < silent.told.auc < 0.55
    assert silent.told.log_loss == pytest.approx(silent.told.log_loss_of_frequency, rel=0.02)
    spread = silent.logits.std(axis=0).mean()
    assert spread < 0.25 * telling.logits.std(axis=0).mean()  # what says nothing becomes a frequency


def test_the_area_counts_pairs_within_a_fold_alone():
    logits = np.array([[0.0], [1.0], [5.0], [4.0]])
    truth = np.array([[False], [True], [False], [True]])
    known = np.ones_like(truth)
    assert evidence.mean_auc(logits, truth, known, np.array([0, 0, 1, 1])) == 0.5
    assert evidence.mean_auc(logits, truth, known, np.zeros(4)) == 0.5
    assert evidence.mean_auc(logits[:3], truth[:3], known[:3], np.array([0, 0, 1])) == 1.0
    assert np.isnan(evidence.mean_auc(logits, np.zeros_like(truth), known, np.zeros(4)))


def test_what_is_not_known_does_not_count_and_nothing_is_ever_certain(monkeypatch):
    monkeypatch.setattr(evidence, "PENALTIES", (30.0,))
    monkeypatch.setattr(evidence, "SEEN", (None,))
    codes, fractions = patients(40, 1.0)
    holes = fractions.copy()
    holes[10:, 3] = np.nan
    whole, found = fit(codes, fractions), fit(codes, holes)
    same = [np.array_equal(found.by_code[k], whole.by_code[k]) for k in range(17)]
    assert same == [k != 3 for k in range(17)] and np.isfinite(found.logits).all()
    never = fractions.copy()
    never[:, 5] = 0.0
    assert ((fit(codes, never).logits[:, 5] > -6) & (fit(codes, never).logits[:, 5] < -2)).all()


def test_an_ecg_of_another_day_counts_less_and_of_no_known_day_half(monkeypatch):
    monkeypatch.setattr(evidence, "PENALTIES", (30.0,))
    monkeypatch.setattr(evidence, "SEEN", (None,))
    codes, fractions = patients(40, 1.0)
    half = fit(codes, fractions, days=np.full(40, 90.0))
    unknown = fit(codes, fractions, days=np.full(40, np.nan))
    assert np.allclose(half.by_code, unknown.by_code)
    assert not np.allclose(half.by_code, fit(codes, fractions).by_code)
    assert np.allclose(
        fit(codes, fractions, days=np.full(40, 90.0), time=False).by_code, fit(codes, fractions).by_code
    )


def test_codes_that_tell_scar_and_no_scar_wholly_apart_have_a_fit(monkeypatch):
    monkeypatch.setattr(evidence, "PENALTIES", (1e-3,))
    codes, _ = patients(40, 0.0)
    fractions = np.where(codes[:, :1] > 2.0, 0.5, 0.0).repeat(17, axis=1)
    found = fit(codes, fractions)
    assert np.isfinite(found.by_code).all() and found.told.auc > 0.97


def test_a_beat_that_tells_more_by_its_shape_than_by_its_code_is_seen_as_its_components():
    codes, fractions = patients(60, 1.5)
    rng = np.random.default_rng(8)
    shapes = rng.normal(size=(6, 12, 600))
    z = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    beats = np.einsum("np,plt->nlt", z, shapes) + 0.1 * rng.normal(size=(60, 12, 600))
    noise = rng.normal(size=codes.shape)
    found = fit(noise, fractions, beats=beats)
    assert found.told.components in (8, 16) and not found.by_code.any() and found.told.auc > 0.75
    # six shapes, each of SD 1: the components know what the codes knew
    asked = found.said(noise, beats)
    by_codes = fit(codes, fractions)
    assert by_codes.told.components is None and not by_codes.by_beat.any()
    assert np.corrcoef(asked.ravel(), by_codes.said(codes, beats).ravel())[0, 1] > 0.97
    # the components of a fold are those of the other patients: a patient's own beat turns none of them
    moved = beats.copy()
    moved[7] += 50.0 * rng.normal(size=(12, 600))
    others = fit(noise, fractions, beats=moved).logits
    same = evidence._folds([f"p{number}" for number in range(60)], 1)
    assert found.told.components == fit(noise, fractions, beats=moved).told.components
    rest = (same == same[7]) & (np.arange(60) != 7)
    assert np.allclose(others[rest], found.logits[rest])


def test_one_patient_is_enough_for_a_fit_that_says_next_to_nothing():
    codes, fractions = patients(1, 1.0)
    found = fit(codes, fractions)
    assert np.isfinite(found.logits).all() and np.isfinite(found.bias).all() and np.isnan(found.told.auc)
    assert not found.by_code.any() and not found.by_beat.any()


def test_the_number_of_threads_changes_no_byte_of_the_components():
    code = (
        "import numpy as np; from hashlib import sha256; from scartools.learning.evidence import _view\n"
        "rng = np.random.default_rng(1); said = sha256()\n"
        "for count in (90, 115, 116, 129):\n"
        "    beats = rng.normal(size=(count, 40)) @ rng.normal(size=(40, 7200))\n"
        "    beats = np.round(beats, 3)\n"
        "    view = _view(beats, 16)\n"
        "    said.update(view.axes.tobytes() + view.of(beats).tobytes())\n"
        "print(said.hexdigest())"
    )
    threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **dict.fromkeys(threads, number), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for number in ("1", "2")
    ]
    assert said[0] == said[1] and len(said[0]) == 65


def ready(number: int):
    found = case(number)
    prior = prior_of(anatomy_of(found.label), found.affine).segments
    return replace(found, prior=prior, fractions=scar_by_segment(found.label, prior))


def test_every_case_with_an_ecg_is_shown_what_a_fit_without_it_says():
    learns, looks = [ready(number) for number in range(6)], [ready(9)]
    learns[2] = replace(learns[2], beat=None)
    network = untrained(LABELS, SETTINGS).scar
    shown, seen, told = with_evidence(network, learns, looks, SETTINGS, "cpu")
    assert told.patients == 5 and shown[2].evidence is None
    assert all(one.evidence.shape == (17,) for one in (*shown[:2], *shown[3:], *seen))
    with torch.no_grad():
        by_network, own = (
            network.segment_fusion.logits(network.ecg.encode(beat), beat)[0]
            for beat in (torch.from_numpy(looks[0].beat)[None], torch.from_numpy(learns[0].beat)[None])
        )
    assert seen[0].evidence == pytest.approx(by_network.numpy(), abs=1e-4)
    assert not np.allclose(shown[0].evidence, own.numpy(), atol=1e-3)


def test_the_truth_is_shown_where_it_was_asked_for_and_nothing_is_fitted():
    network = untrained(LABELS, replace(SETTINGS, oracle_ecg=True)).scar
    before = network.segment_fusion.evidence.weight.clone()
    shown, _, told = with_evidence(network, [ready(1)], [], replace(SETTINGS, oracle_ecg=True), "cpu")
    assert told is None and torch.equal(network.segment_fusion.evidence.weight, before)
    expected = true_logits(torch.from_numpy(ready(1).fractions)).numpy()
    assert np.array_equal(shown[0].evidence, expected, equal_nan=True)


def test_without_one_patient_to_fit_to_the_ecg_says_nothing():
    network = untrained(LABELS, SETTINGS).scar
    learns = [replace(ready(1), beat=None), replace(ready(2), fractions=None)]
    shown, _, told = with_evidence(network, learns, [], SETTINGS, "cpu")
    assert told.patients == 0 and told.to_json()["Auc"] is None and shown == learns
    assert not network.segment_fusion.logits(torch.ones(1, 64), torch.ones(1, 12, 600)).any()
