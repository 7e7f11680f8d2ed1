"""The first stage knows the wall and nothing of what is in it."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.learning.anatomy import (
    anatomy_of,
    largest_ventricle,
    named,
    nested_regions,
    numbered,
    prior_of,
    scar_by_segment,
)
from tests.unit.learning.learning_phantom import affine, heart


def test_scar_and_no_reflow_become_wall():
    labels = np.array([0, 1, 2, 3, 4, 5, 255], np.uint8)
    assert anatomy_of(labels).tolist() == [0, 1, 2, 2, 2, 5, 255]


def test_where_the_scar_is_cannot_change_the_segments():
    label = heart()
    wall = np.isin(label, (2, 3, 4))
    rng = np.random.default_rng(1)
    shuffled = label.copy()
    shuffled[wall] = rng.choice([2, 3, 4], size=int(wall.sum()))
    first, second = (prior_of(anatomy_of(one), affine()) for one in (label, shuffled))
    assert first.segments.any()
    np.testing.assert_array_equal(first.segments, second.segments)


def test_segments_lie_in_the_wall_and_the_septum_beside_the_rv():
    label = heart()
    found = prior_of(anatomy_of(label), affine())
    assert found.reason == ""
    assert not found.segments[~np.isin(label, (2, 3, 4))].any()
    middle = label.shape[1] // 2
    left = found.segments[3, middle, : middle - 4]
    right = found.segments[3, middle, middle + 4 :]
    assert set(left[left > 0].tolist()) <= {2, 3, 8, 9}
    assert set(right[right > 0].tolist()) <= {5, 6, 11, 12}


def test_no_rv_is_a_reason_and_no_guess():
    label = heart()
    label[label == 5] = 0
    found = prior_of(anatomy_of(label), affine())
    assert not found.segments.any() and "RV" in found.reason
    assert prior_of(anatomy_of(label), affine(), anchor="angle", angle=180.0).segments.any()


def test_islands_do_not_count():
    anatomy = anatomy_of(heart())
    volume = np.moveaxis(anatomy, (0, 1, 2), (2, 1, 0)).copy()
    dirty = volume.copy()
    dirty[0, 0, 0], dirty[-1, -1, -1] = 2, 5
    np.testing.assert_array_equal(largest_ventricle(dirty), volume)


@pytest.mark.parametrize("known", [(0, 1, 2, 5), (0, 1, 2, 3, 4, 5)])
def test_numbers_and_names_undo_each_other(known):
    labels = np.array(known, np.uint8)
    numbers = numbered(labels, known)
    assert numbers.tolist() == list(range(len(known)))
    np.testing.assert_array_equal(named(numbers, known), labels)
    assert numbered(np.array([255], np.uint8), known).tolist() == [255]


def test_scar_is_counted_by_segment_even_where_the_map_misses_it():
    label = np.zeros((2, 4, 6), np.uint8)
    label[0, 1] = [2, 2, 3, 4, 3, 0]
    label[1, 1] = 3  # a slice without a map
    segments = np.zeros_like(label)
    segments[0, 1, :2], segments[0, 1, 3] = 1, 7  # the scar at column 2 lies between, that of column 4 outside
    found = scar_by_segment(label, segments)
    assert found.dtype == np.float32 and found.shape == (17,)
    assert found[6] == 1.0 and found[0] in (
        0.0,
        pytest.approx(1 / 3),
    )  # column 2 is as near to one as to the other
    assert np.isnan(np.delete(found, (0, 6))).all()


def test_with_the_map_of_the_labels_themselves_it_is_the_part_of_the_segment():
    label = heart()
    segments = prior_of(anatomy_of(label), affine()).segments
    found = scar_by_segment(label, segments)
    for number in np.unique(segments[segments > 0]):
        here = segments == number
        assert found[number - 1] == pytest.approx((label[here] == 3).mean())
    assert found[np.isfinite(found)].max() > 0.5 and found[np.isfinite(found)].min() == 0
    assert np.isnan(scar_by_segment(label, np.zeros_like(label))).all()


def test_nested_regions_are_those_of_several_classes():
    assert nested_regions((0, 1, 2, 3, 4)) == ((1, 2, 3, 4), (2, 3, 4), (3, 4))
    assert nested_regions((0, 1, 2, 5)) == ((1, 2),)  # the first stage: pool and wall
    assert nested_regions((0, 1, 2, 3)) == ((1, 2, 3), (2, 3))
    assert nested_regions((0, 2)) == ()
