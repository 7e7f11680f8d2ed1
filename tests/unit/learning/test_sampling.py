"""Crops: the same for the same seed, centred on labels where asked, and filled with nothing beyond the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scartools.learning.augment import augmented, seeded
from scartools.learning.sampling import cut, draw_batch, pixels_by_class
from tests.unit.learning.learning_phantom import case


def ready(number: int, **facts):
    one = replace(case(number), **facts)
    return replace(one, pixels=pixels_by_class(one.label, 1))


def draw(cases, seed=1, **options):
    options = {"batch": 8, "patch": (32, 32), "foreground": 0.5, **options}
    return draw_batch(cases, np.random.default_rng(seed), **options)


def test_equal_seeds_give_equal_batches():
    cases = [ready(1), ready(2)]
    one, two, other = draw(cases), draw(cases), draw(cases, seed=2)
    assert one.image.tobytes() == two.image.tobytes() != other.image.tobytes()
    assert one.image.shape == (8, 1, 40, 40) and one.label.shape == (8, 40, 40)  # 1.25 times the patch


def test_the_forced_part_of_a_batch_holds_a_label_at_its_centre():
    batch = draw([ready(1)], patch=(16, 16), foreground=0.5, margin=1.0)
    assert (batch.label[4:].reshape(4, -1) > 0).any(axis=1).all()


def test_a_rare_class_is_met_as_often_as_a_common_one():
    one = case(1)
    label = one.label.copy()
    label[label == 3] = 2
    label[3, 20, 30] = 3  # a single pixel
    one = replace(one, label=label, pixels=pixels_by_class(label, 1))
    batch = draw([one], batch=200, patch=(16, 16), foreground=1.0, margin=1.0)
    met = (batch.label == 3).reshape(200, -1).any(axis=1).mean()
    assert met > 0.15  # one of four classes in turn


@pytest.mark.parametrize("dropout", [0.0, 1.0])
def test_dropout_hides_the_ecg_and_the_prior(dropout):
    one = ready(1, prior=np.full(case(1).label.shape, 7, np.uint8))
    batch = draw([one], ecg_dropout=dropout, prior_dropout=dropout, patch=(16, 16), margin=1.0)
    assert batch.present.all() == (dropout == 0) and batch.prior.any() == (dropout == 0)
    assert np.isnan(batch.days).all() == (dropout == 1)


def test_a_case_without_an_ecg_is_absent_not_zero():
    batch = draw([ready(1, beat=None)])
    assert not batch.present.any() and np.isnan(batch.days).all()


def test_cut_fills_with_zero_beyond_the_plane():
    plane = np.arange(1, 10).reshape(3, 3)
    assert cut(plane, (0, 0), (3, 3)).tolist() == [[0, 0, 0], [0, 1, 2], [0, 4, 5]]
    assert cut(plane, (1, 1), (3, 3)).tolist() == plane.tolist()
    assert not cut(plane, (30, 30), (3, 3)).any()


def test_pixels_are_at_most_ten_thousand_and_never_ignored_ones():
    label = np.ones((2, 120, 120), np.uint8)
    label[0, 0] = 255
    found = pixels_by_class(label, 1)
    assert list(found) == [1] and len(found[1]) == 10_000
    assert all(label[tuple(place)] == 1 for place in found[1])


def test_augmentation_repeats_and_leaves_the_global_generators_alone():
    batch = draw([ready(1, prior=case(1).label)])
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    options = {"patch": (32, 32), "rotation_deg": 20.0, "mirror": False}
    one, two = augmented(batch, 3, **options), augmented(batch, 3, **options)
    assert np.random.random() == expected
    assert one.image.tobytes() == two.image.tobytes()
    assert augmented(batch, 4, **options).image.tobytes() != one.image.tobytes()
    assert one.image.shape == (8, 1, 32, 32) and one.label.dtype == np.int64


def test_the_prior_moves_with_the_label_and_stays_whole_numbers():
    batch = draw([ready(1, prior=case(1).label)], batch=16)
    made = augmented(batch, 1, patch=(32, 32), rotation_deg=180.0, mirror=True)
    np.testing.assert_array_equal(made.prior, made.label)
    assert (made.label != batch.label[:, 4:36, 4:36]).any()  # something moved


def test_seeding_is_undone_after_an_error():
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    with pytest.raises(RuntimeError), seeded(9):
        raise RuntimeError
    assert np.random.random() == expected
