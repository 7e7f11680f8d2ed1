"""The scores of a digitised ECG, on signals whose score is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scartools.evaluation.trace_fidelity import (
    KAGGLE_PERFECT,
    align,
    find_shift,
    kaggle_ratio,
    kaggle_score_db,
    lead_fidelity,
    snr_db,
)

RATE = 100.0
NAN = np.nan


def beats(samples: int = 400, seed: int = 1) -> np.ndarray:
    """A lead without any period of its own: sharp and broad waves at random places, mV."""
    rng, at = np.random.default_rng(seed), np.arange(samples)
    lead = np.zeros(samples)
    for place, wide in zip(rng.uniform(0, samples, 12), rng.uniform(1.5, 12, 12), strict=True):
        lead += rng.normal() * np.exp(-0.5 * ((at - place) / wide) ** 2)
    return lead


def shifted(lead: np.ndarray, late: int) -> np.ndarray:
    """The lead `late` samples later (earlier where negative); what is not known is NaN."""
    moved = np.full(len(lead), NAN)
    moved[max(late, 0) : len(lead) + min(late, 0)] = lead[max(-late, 0) : len(lead) - max(late, 0)]
    return moved


def test_snr_of_a_known_error():
    reference = np.array([1.0, -1.0, 1.0, -1.0])
    assert snr_db(reference, 0.9 * reference) == pytest.approx(20.0)
    assert snr_db(reference, reference + 1.0) == pytest.approx(0.0)
    assert snr_db(reference, np.zeros(4)) == pytest.approx(0.0)
    assert snr_db(reference, 11 * reference) == pytest.approx(-20.0)


def test_the_level_of_the_reference_counts_as_signal():
    assert snr_db(np.full(4, 2.0), np.array([1.8, 2.2, 1.8, 2.2])) == pytest.approx(20.0)


def test_decibels_shrink_with_the_share_that_was_read():
    reference = np.array([1.0, -1.0, 1.0, -1.0])
    assert snr_db(reference, np.array([0.9, NAN, 0.9, NAN])) == pytest.approx(10.0)
    assert snr_db(reference, np.array([0.9])) == pytest.approx(5.0)
    # what is not printed is neither asked for nor punished
    assert snr_db(np.array([1.0, NAN, -1.0, NAN]), np.array([0.9, 5, -0.9, 5])) == pytest.approx(20.0)


def test_nothing_read_is_zero_and_a_perfect_copy_is_left_out():
    lead = beats()
    assert snr_db(lead, np.full(400, NAN)) == 0.0
    assert np.isnan(snr_db(lead, lead.copy()))
    assert np.isnan(snr_db(np.full(400, NAN), lead))
    refused = lead_fidelity(lead, np.full(400, NAN), RATE)
    assert (refused.official_db, refused.mended_db, refused.coverage) == (0.0, 0.0, 0.0)
    assert np.isnan(refused.rmse_mv) and np.isnan(refused.correlation)
    with pytest.raises(ValueError, match="not printed"):
        lead_fidelity(np.full(400, NAN), lead, RATE)


def test_a_perfect_copy():
    lead = beats()
    found = lead_fidelity(lead, lead.copy(), RATE)
    assert np.isnan(found.official_db) and np.isnan(found.mended_db)
    assert (found.rmse_mv, found.coverage) == (0.0, 1.0)
    assert found.correlation == pytest.approx(1.0)


@pytest.mark.parametrize("late", [-30, -1, 0, 1, 2, 30])
def test_a_shift_is_found(late: int):
    assert find_shift(beats(), shifted(beats(), late))[0] == late


@pytest.mark.parametrize("late", [1, 7])
def test_a_late_lead_scores_as_one_in_time(late: int):
    lead = beats()
    noisy = 0.99 * lead
    found = lead_fidelity(lead, shifted(noisy, late), RATE)
    assert found.official_db == found.mended_db > 35
    assert found.coverage == pytest.approx(1 - late / 400)


def test_an_early_lead_scores_near_zero_by_the_published_program_alone():
    lead = beats()
    found = lead_fidelity(lead, shifted(0.99 * lead, -1), RATE)
    assert abs(found.official_db) < 0.5
    assert found.mended_db > 35
    early = align(lead, shifted(0.99 * lead, -1), RATE, early_fault=True)
    assert len(early) == 2 and np.isnan(early[0])  # one sample is unknown, one is left
    assert len(align(lead, shifted(0.99 * lead, -1), RATE)) == 400


def test_a_level_shift_is_taken_out_to_a_256th_of_the_range_and_not_beyond_a_millivolt():
    lead = beats()
    level = np.ptp(lead) * 1.2 / 255  # of the joint range
    aligned = align(lead, lead + 0.2 * np.ptp(lead), RATE)
    assert np.abs(aligned - lead).max() <= level
    far = lead + 1.3
    np.testing.assert_array_equal(align(lead, far, RATE), far)
    assert lead_fidelity(lead, far, RATE).rmse_mv == pytest.approx(1.3)


def test_a_shift_beyond_half_a_second_is_not_used():
    lead = beats()
    lead[300:] = 0
    late = np.concatenate([np.zeros(60), lead[:340]])
    assert find_shift(lead, late)[0] == 60
    np.testing.assert_array_equal(align(lead, late, RATE), late)


def test_a_column_of_a_page_is_aligned_as_if_it_stood_alone():
    lead = beats(250, seed=3)
    reference, estimate = np.full(1000, NAN), np.full(1000, NAN)
    reference[250:500], estimate[253:503] = lead, 0.98 * lead
    assert find_shift(reference, estimate)[0] == 3
    assert lead_fidelity(reference, estimate, RATE).mended_db > 30


def test_a_short_estimate_lacks_its_end_and_a_long_one_is_cut():
    lead = beats()
    assert lead_fidelity(lead, lead[:300], RATE).coverage == 0.75
    assert lead_fidelity(lead, np.append(lead, lead), RATE).coverage == 1.0


def test_the_alignment_equals_the_full_correlation_of_the_two_pictures():
    from scipy.ndimage import gaussian_filter
    from scipy.signal import fftconvolve

    rng = np.random.default_rng(5)
    reference = beats(120, seed=5)
    reference[:30] = NAN
    estimate = shifted(0.9 * beats(120, seed=5), -4) + 0.1 + rng.normal(0, 0.02, 120)

    low, high = np.nanmin([reference, estimate]), np.nanmax([reference, estimate])
    pictures = []
    for lead in (reference, estimate):
        picture = np.zeros((256, 120))
        there = np.isfinite(lead)
        picture[np.round(255 * (lead[there] - low) / (high - low)).astype(int), np.flatnonzero(there)] = 1
        pictures.append(gaussian_filter(picture, 0.5))
    cross = fftconvolve(pictures[0], pictures[1][::-1, ::-1], mode="full")
    peak = np.unravel_index(np.argmax(cross), cross.shape)
    own = fftconvolve(pictures[0], pictures[0][::-1, ::-1], mode="full")
    middle = np.unravel_index(np.argmax(own), own.shape)
    late, up = find_shift(reference, estimate)
    assert late == middle[1] - peak[1]
    assert up == pytest.approx((middle[0] - peak[0]) / 255 * (high - low))


@settings(max_examples=40, deadline=None)
@given(late=st.integers(-40, 40), up=st.floats(-0.5, 0.5), seed=st.integers(0, 30))
def test_the_mended_alignment_undoes_a_shift_either_way(late: int, up: float, seed: int):
    lead = beats(seed=seed)
    aligned = align(lead, shifted(lead, late) + up, RATE)
    there = np.isfinite(aligned)
    assert len(aligned) == 400 and there.sum() == 400 - abs(late)
    assert np.abs(aligned - lead)[there].max() <= (np.ptp(lead) + abs(up)) / 255
    if late >= 0:
        np.testing.assert_array_equal(aligned, align(lead, shifted(lead, late) + up, RATE, early_fault=True))


@settings(max_examples=60, deadline=None)
@given(noise=st.floats(1e-3, 1.0), seed=st.integers(0, 1000))
def test_snr_follows_the_power_of_the_noise(noise: float, seed: int):
    lead = beats(seed=seed)
    error = np.random.default_rng(seed).normal(0, 1, len(lead))
    error *= noise / np.sqrt(np.mean(error**2))
    wanted = 10 * np.log10(np.mean(lead**2) / noise**2)
    assert snr_db(lead, lead + error) == pytest.approx(wanted, abs=1e-9)


# Known answers of the published metric, from its own examples (twelve leads of three samples, II of twelve).
PUBLISHED = {
    "I": (0.1, 0.3, 0.4), "III": (0.6, 0.6, 0.4), "aVR": (0.2, 0.3, 0.4), "aVL": (0.5, 0.2, 0.7),
    "aVF": (0.2, 0.3, 0.4), "V1": (0.8, 0.6, 0.7), "V2": (0.2, 0.3, -0.1), "V3": (0.5, 0.6, 0.7),
    "V4": (0.2, 0.9, 0.4), "V5": (0.5, 0.6, 0.7), "V6": (0.1, 0.3, 0.4),
    "II": (0.6, 0.6, 0.4, 0.2, 0.3, 0.4, 0.5, 0.2, 0.7, 0.2, 0.3, 0.4),
}  # fmt: skip


def published() -> np.ndarray:
    page = np.full((12, 12), NAN)
    for row, samples in zip(page, PUBLISHED.values(), strict=True):
        row[: len(samples)] = samples
    return page


def test_the_published_examples_of_the_second_challenge():
    page = published()
    assert kaggle_score_db([kaggle_ratio(page, page.copy(), 1.0)]) == pytest.approx(25.8433, abs=1e-4)
    noisy = page.copy()
    noisy[list(PUBLISHED).index("I"), 0] = 0.9
    assert kaggle_score_db([kaggle_ratio(page, noisy, 1.0)]) == pytest.approx(13.6291, abs=1e-4)
    noisy[list(PUBLISHED).index("III"), 1] = 0.3
    assert kaggle_score_db([kaggle_ratio(page, noisy, 1.0)]) == pytest.approx(13.0576, abs=1e-4)


def test_the_second_challenge_ignores_level_and_small_shifts_and_averages_ratios():
    page = np.stack([beats(seed=k) for k in range(12)])
    page[:, :40] = page[:, -40:] = 0.0
    assert kaggle_ratio(page, page + 3.0, RATE) == KAGGLE_PERFECT
    assert kaggle_ratio(page, np.roll(page, 15, axis=1), RATE) > 100
    assert kaggle_ratio(page, np.roll(page, 60, axis=1), RATE) < 3
    assert kaggle_score_db([384.0, 0.0]) == pytest.approx(10 * np.log10(192))
    with pytest.raises(ValueError, match="no page"):
        kaggle_score_db([])


def test_a_page_of_which_nothing_was_read_has_the_power_of_its_own_variance_left():
    page = np.stack([beats(seed=k) for k in range(12)])
    wanted = np.sum(page**2) / np.sum((page - page.mean(axis=1, keepdims=True)) ** 2)
    assert kaggle_ratio(page, np.full_like(page, NAN), RATE) == pytest.approx(wanted)


def published_snr(reference: np.ndarray, estimate: np.ndarray, rate: float, *, mended: bool) -> float:
    """The first challenge's score of a lead, stated again step by step as its program takes them."""
    from scipy.ndimage import gaussian_filter
    from scipy.signal import fftconvolve

    length = max(len(reference), len(estimate))
    wanted, read = (np.append(lead, np.full(length - len(lead), NAN)) for lead in (reference, estimate))
    low, high = np.nanmin([wanted, read]), np.nanmax([wanted, read])
    pictures = []
    for lead in (wanted, read):
        picture = np.zeros((256, length))
        for at in np.flatnonzero(np.isfinite(lead)):
            picture[int(np.round(255 * (lead[at] - low) / (high - low))), at] = 1
        pictures.append(gaussian_filter(picture, 0.5))
    own, both = (fftconvolve(pictures[0], other[::-1, ::-1], mode="full") for other in pictures)
    middle, peak = (np.unravel_index(np.argmax(found), found.shape) for found in (own, both))
    late, up = int(middle[1] - peak[1]), (middle[0] - peak[0]) / 255 * (high - low)
    if abs(late) <= round(0.5 * rate) and abs(up) <= 1.0:
        unknown = np.full(abs(late), NAN)
        if late >= 0:
            read = np.append(read[late:], unknown) - up
        elif mended:
            read = np.append(unknown, read[:late]) - up
        else:  # what is kept is as long as what should be dropped
            read = np.append(unknown, read[:-late]) - up
    read = np.append(read, np.full(length - len(read), NAN))
    printed, shared = np.isfinite(wanted), np.isfinite(wanted) & np.isfinite(read)
    if not shared.any():
        return 0.0
    noise = np.mean((wanted[shared] - read[shared]) ** 2)
    return float(10 * np.log10(np.mean(wanted[shared] ** 2) / noise) * shared.sum() / printed.sum())


@pytest.mark.parametrize("late", [-60, -20, -3, -1, 0, 1, 4, 25, 60])
@pytest.mark.parametrize("up", [0.0, -0.3, 1.4])
def test_both_scores_equal_the_published_steps_taken_one_by_one(late: int, up: float):
    rng = np.random.default_rng(abs(late))
    reference = beats(300, seed=4)
    reference[:20], reference[280:] = NAN, NAN
    estimate = shifted(0.95 * beats(300, seed=4), late) + up + rng.normal(0, 0.01, 300)
    estimate[100:110] = NAN
    found = lead_fidelity(reference, estimate, RATE)
    assert found.official_db == pytest.approx(published_snr(reference, estimate, RATE, mended=False), abs=1e-9)
    assert found.mended_db == pytest.approx(published_snr(reference, estimate, RATE, mended=True), abs=1e-9)
    if late in (-20, -3, -1) and abs(up) < 1:
        assert found.mended_db - found.official_db > 5
