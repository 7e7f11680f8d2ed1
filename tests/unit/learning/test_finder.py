"""The heart is found wherever it lies in the picture, and the networks see one window around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from scartools.errors import InputError
from scartools.learning.finder import (
    PLAY,
    STAYS,
    Lens,
    centre_of,
    closer_of,
    cuts_heart,
    heart_centre,
    window_edge,
)
from scartools.learning.inference import predict, predict_views
from scartools.learning.jobs import iterations_of_all, jobs_of
from scartools.learning.loop import Setting
from scartools.learning.sampling import Around, TrainingCase, draw_batch
from scartools.learning.settings import Settings, Size, rates_of
from scartools.learning.two_stage import train_stages, untrained
from scartools.network.segmenter import Segmented, Segmenter, SegmenterConfig
from tests.unit.learning.learning_phantom import LABELS, affine, heart

SIZE = Size(2, 4, (48, 48), 2, 4, 3)
SETTINGS = Settings(
    SIZE,
    preset="tiny",
    prior_source="none",
    ecg=False,
    time=False,
    around_heart=True,
    seed=3,
    **rates_of("tiny"),
)


def case_at(down: int, across: int, number: int = 1, edge: int = 150) -> TrainingCase:
    """A phantom heart of 40 pixels whose middle lies at (down, across) of a larger noisy picture."""
    rng = np.random.default_rng(number)
    label = np.zeros((6, edge, edge), np.uint8)
    label[:, down - 20 : down + 20, across - 20 : across + 20] = heart()
    signal = np.array([0.0, 2.0, -1.0, 3.0, 0.0, 1.5], np.float32)
    image = signal[label] + 0.3 * rng.standard_normal(label.shape, dtype=np.float32)
    return TrainingCase(f"case-{number}", f"case-{number}", image[None], label, affine())


def places(count: int) -> list[tuple[int, int]]:
    return [tuple(map(int, place)) for place in np.random.default_rng(8).integers(45, 105, (count, 2))]


@pytest.fixture(scope="module")
def trained():
    """A finder that learned from eight hearts, each in another place; the last network hardly learned."""
    cases = [case_at(*place, number) for number, place in enumerate(places(8))]
    settings = replace(SETTINGS, size=replace(SIZE, iterations=60))
    result = untrained(LABELS, settings)
    for _ in train_stages(cases, cases[:1], LABELS, settings, Setting(), result):
        pass
    return result


@pytest.mark.parametrize("place", [(50, 100), (75, 75), (100, 55)])
def test_the_heart_is_found_where_it_is(trained, place):
    new = case_at(*place, 99)
    found = centre_of(Lens(trained.finder, trained.scar, (48, 48)), new.image)
    truth = heart_centre(new.label)
    assert found is not None and truth is not None
    assert np.abs(np.subtract(found, truth)).max() <= 4


class Pixelwise(Segmenter):
    """Class 1 wherever a pixel is above 0."""

    def segment(self, image, prior=None, ecg=None, *, all_resolutions=False):
        return Segmented([torch.cat((-image, image), dim=1)])


PIXELWISE = Pixelwise(SegmenterConfig(2, (2, 2), ((1, 1), (2, 2))))
LENS = Lens(PIXELWISE, PIXELWISE, (48, 48))


def test_the_largest_thing_is_taken_for_the_heart():
    image = np.full((1, 2, 128, 100), -1.0, np.float32)
    image[0, :, 20:24, 10:14] = 1.0
    image[0, :, 60:85, 50:71] = 1.0
    found = centre_of(LENS, image)
    assert found is not None and np.abs(np.subtract(found, (72, 60))).max() <= STAYS


def test_a_closer_look_moves_the_window_to_a_heart_that_it_cuts():
    """The finder sees a heart where its edge is; in the window there the rest of it comes into view."""

    class Edge(Pixelwise):
        def segment(self, image, prior=None, ecg=None, *, all_resolutions=False):
            found = image.clone()
            found[..., 30:] = -1  # blind for all below row 60 and right of column 60 of the picture
            found[..., 30:, :] = -1
            return Segmented([torch.cat((-found, found), dim=1)])

    image = np.full((1, 2, 128, 128), -1.0, np.float32)
    image[0, :, 50:81, 50:81] = 1.0
    finder = Edge(SegmenterConfig(2, (2, 2), ((1, 1), (2, 2))))
    found = centre_of(Lens(finder, PIXELWISE, (48, 48)), image)
    assert found is not None and np.abs(np.subtract(found, (65, 65))).max() <= STAYS


def test_a_picture_without_a_heart_is_refused_and_a_case_to_learn_from_is_not():
    nothing = np.full((1, 4, 150, 150), -0.5, np.float32)
    with pytest.raises(InputError, match="no heart is found"):
        centre_of(LENS, nothing)
    middle = centre_of(LENS, nothing, or_middle=True)
    assert middle is not None and np.abs(np.subtract(middle, 75)).max() <= 3
    assert centre_of(None, nothing) is None


def test_the_middle_of_every_crop_is_the_hearts_but_for_a_little_play():
    image = np.zeros((1, 3, 90, 90), np.float32)
    image[0, :, 30, 61] = 1.0
    label = np.zeros((3, 90, 90), np.uint8)
    label[1, 70:75, 5:9] = 2
    case = TrainingCase(
        "a", "a", image, label, np.eye(4), pixels={2: np.argwhere(label == 2)}, around=Around(30, 61, 3)
    )
    drawn = draw_batch([case], np.random.default_rng(1), batch=200, patch=(32, 32), foreground=0.5, margin=1)
    offsets = np.array([np.argwhere(crop[0] == 1)[0] for crop in drawn.image]) - 16
    assert offsets.min() == -3 and offsets.max() == 3  # all of the play is used, and no more


def test_the_window_holds_every_heart_of_the_training():
    cases = [case_at(*place, number) for number, place in enumerate(places(6))]
    edge = window_edge(cases)
    for case in cases:
        centre = np.array(heart_centre(case.label))
        reach = np.abs(np.argwhere(case.label > 0)[:, 1:] - centre).max()
        assert reach + edge // PLAY <= edge / 2
    assert edge % 16 == 0


def test_beyond_the_window_all_is_background_and_inside_it_is_what_the_window_shows():
    torch.manual_seed(1)
    network = Segmenter(SegmenterConfig(3, (2, 4), ((1, 1), (2, 2))))
    image = np.random.default_rng(1).standard_normal((1, 2, 60, 70)).astype(np.float32)
    whole = predict(network, image, patch=(32, 32), centre=(30, 12))  # 4 columns of it lie beyond the picture
    window = np.zeros((1, 2, 32, 32), np.float32)
    window[..., 4:] = image[:, :, 14:46, :28]
    np.testing.assert_array_equal(whole[:, :, 14:46, :28], predict(network, window, patch=(32, 32))[..., 4:])
    beyond = np.ones((60, 70), bool)
    beyond[14:46, :28] = False
    assert (whole.argmax(axis=0)[:, beyond] == 0).all()
    assert whole[0][:, beyond].min() > 0.999


def test_mirror_images_are_looked_at_around_the_same_pixel():
    image = np.random.default_rng(1).standard_normal((1, 2, 61, 70)).astype(np.float32)
    first, *others = predict_views(PIXELWISE, image, patch=(32, 32), centre=(25, 50), mirror=True)
    for view in others:
        np.testing.assert_allclose(view[:, :, 11:39, 36:64], first[:, :, 11:39, 36:64], atol=1e-6)


def test_the_finder_is_trained_first_and_counts():
    cases = [case_at(75, 75, number) for number in range(2)]
    assert [job.name for job in jobs_of(cases, [], SETTINGS)] == ["finder", "scar"]
    assert iterations_of_all(cases, [], SETTINGS) == 4 + 4


@pytest.mark.parametrize("stop_at", [1, 3, 4, 6])
def test_an_interruption_changes_no_weight(stop_at, tmp_path):
    from scartools.files.checkpoint import read_checkpoint, write_checkpoint

    cases = [case_at(70, 80, number, edge=120) for number in range(2)]

    def run(stop=None, state=None):
        result = untrained(LABELS, SETTINGS)
        reports = train_stages(cases, [], LABELS, SETTINGS, Setting(), result, state=state)
        for at, report in enumerate(reports, start=1):
            if at == stop:
                return report.state()
        return result

    write_checkpoint(tmp_path, run(stop_at))
    whole, resumed = run(), run(state=read_checkpoint(tmp_path))
    for name in ("finder", "scar"):
        for one, other in zip(
            getattr(whole, name).parameters(), getattr(resumed, name).parameters(), strict=True
        ):
            assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("rows", "columns", "cut"),
    [
        ((30, 50), (30, 50), False),  # inside the window, which is rows and columns 16 to 63
        ((16, 50), (30, 50), True),
        ((30, 50), (30, 64), True),
        ((5, 12), (5, 12), False),  # beyond it, where nothing was looked at
    ],
)
def test_a_heart_at_the_border_of_its_window_may_go_on_beyond_it(rows, columns, cut):
    label = np.zeros((3, 100, 100), np.uint8)
    label[1, slice(*rows), slice(*columns)] = 2
    assert cuts_heart(label, (40, 40), (48, 48)) is cut


def test_the_border_of_the_picture_is_not_that_of_the_window():
    label = np.zeros((3, 40, 100), np.uint8)
    label[1, 0:40, 30:50] = 2
    assert not cuts_heart(label, (20, 40), (48, 48))
    assert cuts_heart(label, (20, 40), (36, 48))


def test_the_last_network_looks_closer_unless_it_is_shown_segments_that_are_not_there_yet():
    image = SegmenterConfig(3, (2, 4), ((1, 1), (2, 2)))
    alone, shown, first = (Segmenter(config) for config in (image, replace(image, prior=True), image))
    assert closer_of(alone, first) is alone and closer_of(alone, None) is alone
    assert closer_of(shown, first) is first and closer_of(shown, None) is shown
