"""An LGE image for given labels: it lies where they do, in the contrast of a simulated stack."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scartools.errors import InputError
from scartools.simulation.case import SimulatedCase, simulate_case
from scartools.simulation.mask_lge import image_of_labels
from scartools.simulation.population import Population, Spread
from scartools.simulation.scar import Scar
from scartools.simulation.subject import draw_subject

CLEAN = Population(ghost_fraction=0.0, nulling_error_fraction=Spread(0.0, 0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def case() -> SimulatedCase:
    lateral = Scar("LCX", (5, 6, 11, 12, 16), 0.9, 1.0, 3.0, False, None, 3)
    return simulate_case(replace(draw_subject(2, 20), scars=(lateral,)))


def test_the_image_has_the_contrast_of_its_labels(case: SimulatedCase) -> None:
    image, facts = image_of_labels(case.labels, case.affine, 3, population=CLEAN)
    assert image.shape == case.labels.shape and image.dtype == np.float32 and image.min() >= 0
    pool, healthy, scar, right = (image[case.labels == label].mean() for label in (1, 2, 3, 5))
    assert 0.1 < healthy / pool < 0.5 and 0.6 < scar / pool < 1.4 and 0.7 < right / pool < 1.4
    assert facts["Simulated"] is True and facts["Sequence"] == "magnitude"


def test_it_follows_the_grid_however_it_is_stored(case: SimulatedCase) -> None:
    """An array stored backwards is the same heart: the chest lies in the world, not in the array."""
    image, _ = image_of_labels(case.labels, case.affine, 3, population=CLEAN)
    flip = np.diag([-1.0, 1.0, 1.0, 1.0])
    flip[0, 3] = case.labels.shape[0] - 1
    other, _ = image_of_labels(case.labels[::-1], case.affine @ flip, 3, population=CLEAN)
    blood = float(image[case.labels == 1].mean())
    outside = case.labels == 0
    assert np.corrcoef(image[outside], other[::-1][outside])[0, 1] > 0.6
    assert np.abs(image - other[::-1]).mean() < 0.25 * blood


def test_phase_sensitive_values_have_a_sign_and_the_same_seed_the_same_bytes(case: SimulatedCase) -> None:
    early = replace(CLEAN, nulling_error_fraction=Spread(-0.08, 0.0, -0.08, 0.0))
    image, facts = image_of_labels(case.labels, case.affine, 3, psir=True, population=early)
    # voxels at the pool are part blood
    assert (image[case.labels == 2] < 0).mean() > 0.35 and (image[case.labels == 1] > 0).mean() > 0.99
    assert facts["Sequence"] == "psir"
    again, _ = image_of_labels(case.labels, case.affine, 3, psir=True, population=early)
    np.testing.assert_array_equal(image, again)
    assert not np.array_equal(image, image_of_labels(case.labels, case.affine, 4, psir=True)[0])


def test_one_slice_and_unknown_labels_are_taken(case: SimulatedCase) -> None:
    labels = case.labels[:, :, 4:5].copy()
    labels[0, 0, 0] = 255
    image, _ = image_of_labels(labels, case.affine, 1)
    assert image.shape == labels.shape and np.isfinite(image).all()


@pytest.mark.parametrize("label", [1, 2])
def test_labels_without_pool_or_wall_are_refused(label: int) -> None:
    labels = np.full((20, 20, 3), label, np.uint8)
    with pytest.raises(InputError, match="no LV pool or no wall"):
        image_of_labels(labels, np.eye(4), 1)
