"""Known answers of what is said about restored beats, their components and what a code knows."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.errors import InputError
from scartools.files.beat_store import stored
from scartools.learning.restoration import (
    codes_of,
    diagnosis_of,
    fidelity,
    principal_components,
    probe,
    report,
    restored_from,
)
from scartools.network.ecg_autoencoder import ECGAutoencoder, ECGAutoencoderConfig

SHAPE = (12, 64)


def beats_of_rank(count: int, rank: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shapes = np.random.default_rng(99).standard_normal((rank, *SHAPE))
    return np.einsum("nr,rlt->nlt", rng.standard_normal((count, rank)), shapes)


def test_components_restore_what_has_as_many_dimensions_and_not_more():
    learned, others = beats_of_rank(40, 3), beats_of_rank(7, 3, seed=1)
    found = principal_components(learned, 3, 0)
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(found.restored(others), others, atol=1e-8)
    fewer = principal_components(learned, 2, 0)
    np.testing.assert_allclose(fewer.axes, found.axes[:2])
    assert np.abs(fewer.restored(others) - others).max() > 0.1


def test_components_are_those_of_a_singular_value_decomposition():
    rows = beats_of_rank(20, 15).reshape(20, -1)
    _, _, expected = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    found = principal_components(rows.reshape(20, *SHAPE), 5, 0)
    np.testing.assert_allclose(np.abs(found.axes @ expected[:5].T), np.eye(5), atol=1e-8)
    assert len(principal_components(beats_of_rank(4, 9), 64, 0).axes) == 3  # four beats have three directions


def test_fidelity_by_lead():
    t = np.arange(64) / 64
    true = np.tile(np.sin(2 * np.pi * t), (2, 12, 1))
    made = true.copy()
    made[:, 1] *= 0.5  # error of half the signal: 6.02 dB, r 1
    made[:, 2] = -true[:, 2]  # twice the signal: -6.02 dB, r -1
    true[1, 3] = np.nan
    made[0, 3] += 0.1
    true[:, 4] = np.nan
    found = fidelity([(made[:1], true[:1], np.array([1.0])), (made[1:], true[1:], np.array([3.0]))])
    power = np.sqrt(0.5)
    assert found["SNRDb"][1] == pytest.approx(20 * np.log10(2)) and found["Correlation"][1] == pytest.approx(1)
    assert found["SNRDb"][2] == pytest.approx(-20 * np.log10(2)) and found["Correlation"][2] == pytest.approx(
        -1
    )
    assert found["RMSEMv"][1] == pytest.approx(0.5 * power * np.sqrt((1 + 9) / 2))
    assert found["RMSEMv"][3] == pytest.approx(0.1) and found["SNRDb"][3] == pytest.approx(10 * np.log10(50))
    assert [found[name][4] for name in found] == [None, None, None]


def test_the_network_restores_and_encodes_with_absent_leads_as_zero():
    model = ECGAutoencoder(ECGAutoencoderConfig(samples=64, code=4))
    beats = beats_of_rank(3, 2).astype(np.float32)
    other = beats.copy()
    beats[0, 5], other[0, 5] = np.nan, 0
    codes, same = codes_of(model, beats, batch=2), codes_of(model, other, batch=2)
    made, again = restored_from(model, codes), restored_from(model, same)
    assert made.shape == beats.shape and codes.shape == (3, 4)
    np.testing.assert_array_equal(made, again)
    np.testing.assert_array_equal(codes, same)


def test_words_of_a_diagnosis():
    found = diagnosis_of(["1", "MI", " norm", "0", "STTC", None])
    np.testing.assert_array_equal(found, [1, 1, 0, 0, np.nan, np.nan])


def test_the_probe_finds_what_is_there_and_nothing_where_nothing_is():
    rng = np.random.default_rng(3)
    truth = (rng.random(400) < 0.4).astype(float)
    truth[:20] = np.nan
    held_out = np.arange(400) % 2 == 0
    groups = [str(number // 4) for number in range(400)]
    codes = rng.standard_normal((400, 6))
    nothing = probe(codes, truth, groups, held_out, 0)
    assert nothing["AUCLower"] < 0.5 < nothing["AUCUpper"] and nothing["MeasuredOn"] == 190
    codes[:, 2] += 3 * np.nan_to_num(truth)
    found = probe(codes, truth, groups, held_out, 0)
    assert found["AUC"] > 0.95 and found["AUCLower"] <= found["AUC"] <= found["AUCUpper"]
    assert found["WithInfarction"] == int((truth[held_out] == 1).sum())
    flipped = np.where(held_out, 1 - truth, truth)  # what is held out is measured and never fitted
    assert probe(codes, flipped, groups, held_out, 0)["AUC"] == pytest.approx(1 - found["AUC"])


def test_a_probe_without_both_kinds_on_both_sides_is_refused():
    truth, held_out = np.array([1.0, 0.0, 1.0, np.nan]), np.array([False, False, True, True])
    with pytest.raises(InputError, match="held out"):
        probe(np.zeros((4, 2)), truth, ["a", "b", "c", "d"], held_out, 0)


def test_beats_on_disk_are_reported_as_those_in_memory(tmp_path):
    beats = beats_of_rank(40, 3).astype(np.float32)
    beats[3, 4] = np.nan
    model = ECGAutoencoder(ECGAutoencoderConfig(samples=64, code=4))
    groups, held_out = list(range(40)), np.arange(40) % 4 == 0
    truth, scales = (np.arange(40) % 3 == 0).astype(float), np.linspace(0.5, 2, 40)
    on_disk = stored(iter(beats), tmp_path)
    np.testing.assert_array_equal(on_disk, beats)
    assert list(tmp_path.iterdir()) == []  # it has no name
    asked = (scales, groups, held_out, truth, 1)
    assert report(model, on_disk, *asked) == report(model, beats, *asked)


def test_an_error_of_reading_beats_is_not_taken_for_one_of_the_disk_they_are_put_on(tmp_path):
    def broken():
        yield np.zeros((12, 8), np.float32)
        raise OSError("elsewhere")

    with pytest.raises(OSError, match="elsewhere"):
        stored(broken(), tmp_path)
