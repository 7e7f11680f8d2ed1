"""Windows cover every pixel, and their seams do not show."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scartools.learning.inference import _gaussian, _starts, predict, predict_views
from scartools.network.segmenter import Segmenter, SegmenterConfig


@pytest.mark.parametrize(("size", "edge"), [(96, 96), (97, 96), (128, 96), (256, 96), (300, 64), (33, 32)])
def test_windows_cover_everything_with_steps_of_at_most_half(size, edge):
    starts = list(_starts(size, edge))
    assert starts[0] == 0 and starts[-1] == size - edge
    assert all(0 <= b - a <= edge / 2 for a, b in zip(starts, starts[1:], strict=False))


def test_a_pixels_own_network_is_not_blurred_by_windows():
    """A network that looks at single pixels gives the same in windows as at once."""

    class Pixelwise(Segmenter):
        def segment(self, image, prior=None, ecg=None, *, all_resolutions=False):
            from scartools.network.segmenter import Segmented

            return Segmented([torch.cat((image, -image), dim=1)])

    network = Pixelwise(SegmenterConfig(2, (2, 2), ((1, 1), (2, 2))))
    image = np.random.default_rng(1).standard_normal((1, 2, 70, 45)).astype(np.float32)
    found = predict(network, image, patch=(32, 32))
    expected = 1 / (1 + np.exp(-2 * image[0]))
    assert found.shape == (2, 2, 70, 45)
    np.testing.assert_allclose(found[0], expected, atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)


def test_a_picture_smaller_than_the_patch_is_padded_and_cut_back():
    network = Segmenter(SegmenterConfig(3, (2, 4), ((1, 1), (2, 2))))
    image = np.zeros((1, 1, 20, 12), np.float32)
    assert predict(network, image, patch=(32, 32)).shape == (3, 1, 20, 12)


def test_the_weight_is_highest_in_the_middle_and_nowhere_zero():
    weight = _gaussian((32, 16))
    assert weight.min() > 0 and weight.max() == 1 and weight[16, 8] == weight.max()


def test_a_beat_is_used_by_a_network_that_takes_one():
    config = SegmenterConfig(2, (2, 4), ((1, 1), (2, 2)), ecg=True, fusion_stage=1)
    torch.manual_seed(1)
    network = Segmenter(config)
    torch.nn.init.normal_(network.taff.project.weight)
    image = np.random.default_rng(2).standard_normal((1, 1, 32, 32)).astype(np.float32)
    beat = np.random.default_rng(3).standard_normal((12, 600)).astype(np.float32)
    without = predict(network, image, patch=(32, 32))
    assert not np.allclose(predict(network, image, patch=(32, 32), beat=beat, days=3.0), without, atol=1e-6)


def test_mirror_images_are_turned_back():
    """A network that knows where up and left are gives each view's own answer, laid back over the image."""

    class Edges(Segmenter):
        def segment(self, image, prior=None, ecg=None, *, all_resolutions=False):
            from scartools.network.segmenter import Segmented

            down = torch.arange(image.shape[2], dtype=image.dtype)[:, None]
            across = torch.arange(image.shape[3], dtype=image.dtype)[None, :]
            return Segmented([torch.cat((image + down + 0 * across, image + 0 * down + across), dim=1)])

    network = Edges(SegmenterConfig(2, (2, 2), ((1, 1), (2, 2))))
    image = np.random.default_rng(5).standard_normal((1, 2, 32, 32)).astype(np.float32)
    plain, upside_down, left_right, both = predict_views(network, image, patch=(32, 32), mirror=True)
    down = np.arange(32, dtype=np.float32)[:, None]
    across = np.arange(32, dtype=np.float32)[None, :]
    for found, rows, columns in (
        (plain, down, across),
        (upside_down, 31 - down, across),
        (left_right, down, 31 - across),
        (both, 31 - down, 31 - across),
    ):
        np.testing.assert_allclose(found[0], image[0] + rows + 0 * columns, atol=1e-5)
        np.testing.assert_allclose(found[1], image[0] + 0 * rows + columns, atol=1e-5)
    (one,) = predict_views(network, image, patch=(32, 32))
    np.testing.assert_array_equal(one, plain)


def test_a_prior_is_mirrored_with_its_image():
    class Shown(Segmenter):
        def segment(self, image, prior=None, ecg=None, *, all_resolutions=False):
            from scartools.network.segmenter import Segmented

            return Segmented([torch.stack((image[:, 0], prior.to(image.dtype)), dim=1)])

    network = Shown(SegmenterConfig(2, (2, 2), ((1, 1), (2, 2)), prior=True))
    rng = np.random.default_rng(6)
    image = rng.standard_normal((1, 2, 32, 32)).astype(np.float32)
    prior = rng.integers(0, 18, (2, 32, 32)).astype(np.uint8)
    for found in predict_views(network, image, prior=prior, patch=(32, 32), mirror=True):
        np.testing.assert_allclose(found, np.stack([image[0], prior]), atol=1e-5)
