"""Damage: picture, labels and samples move together; the same seed gives the same pixels; worse grades are worse."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg.reading import LEADS
from scartools.errors import UsageError
from scartools.simulation.page import Page, sample_points
from scartools.simulation.page_damage import DAMAGES, GRID, PEN, TEXT, TRACE, render_page
from scartools.simulation.page_geometry import Fold, Wave, flat_view, tilted_view
from scartools.simulation.page_picture import draw_page
from scartools.simulation.page_styles import page_style
from scartools.simulation.paper import lay_out

WAVES = (Wave(0.3, 2.0, 0.02, 0.004, 1.0), Wave(-0.5, 1.0, 0.005, 0.03, 2.0))
FOLDS = (Fold(100.0, 60.0, 0.4, 0.6, 4.0),)


def recording() -> np.ndarray:
    clock = np.arange(5000) / 500
    return np.stack([0.4 * np.sin(2 * np.pi * (0.7 + 0.1 * k) * clock + k) for k in range(12)])


@pytest.fixture(scope="module")
def page() -> Page:
    return lay_out(recording(), page_style("3x4+1", dpi=100, grid="none", separator=0.0))


def views() -> list:
    paper = (280.0, 180.0)
    return [
        flat_view(paper, 4.0),
        tilted_view(paper, 4.0, turn=30.0, framing=(0.0, 0.0, 0.0, 0.0)),
        tilted_view(
            paper, 4.0, turn=-3.0, tilt=(15.0, -20.0), distance=1.5, framing=(-0.05, -0.05, 0.02, 0.02)
        ),
        tilted_view(paper, 4.0, tilt=(8.0, 8.0), distance=2.0, lens=0.02, waves=WAVES, folds=FOLDS),
    ]


@pytest.mark.parametrize("number", range(4))
def test_the_view_and_its_inverse_agree(number: int) -> None:
    view = views()[number]
    points = np.random.default_rng(1).uniform((0, 0), (280, 180), size=(4000, 2))
    assert view.to_page(view.to_picture(points)) == pytest.approx(points, abs=1e-3)


@pytest.mark.parametrize("number", range(4))
def test_the_map_that_moves_the_pixels_is_the_one_that_moves_the_samples(number: int) -> None:
    view = views()[number]
    x, y = view.maps()
    width, height = view.size
    assert x.shape == y.shape == (height, width)
    rows, columns = np.random.default_rng(2).integers(0, (height, width), size=(4000, 2)).T
    due = view.to_page(np.stack([columns, rows], axis=1).astype(float)) * view.scale - 0.5
    assert np.abs(x[rows, columns] - due[:, 0]).max() < 0.05
    assert np.abs(y[rows, columns] - due[:, 1]).max() < 0.05


def test_a_turn_is_a_turn() -> None:
    view = tilted_view((200.0, 100.0), 5.0, turn=30.0, distance=1e6, framing=(0.0, 0.0, 0.0, 0.0))
    middle, right = view.to_picture(np.array([[100.0, 50.0], [150.0, 50.0]]))
    assert middle == pytest.approx((np.array(view.size) - 1) / 2, abs=0.6)
    assert right - middle == pytest.approx(250.0 * np.array([np.cos(np.pi / 6), np.sin(np.pi / 6)]), abs=0.1)
    # the picture holds all of the page: |w cos| + |h sin| across
    assert view.size[0] == pytest.approx(5 * (200 * np.cos(np.pi / 6) + 100 * np.sin(np.pi / 6)), abs=1.5)


@pytest.mark.parametrize("damage", ["none", "scan", "rotate", "wrinkle", "photo", "photo+rotate"])
def test_samples_lie_on_the_trace_within_a_fifth_of_a_pixel(page: Page, damage: str) -> None:
    """The centre of the trace, from its coverage moved through the view alone, against the samples."""
    import cv2

    drawn = render_page(page, damage, 3, np.random.default_rng(4))
    coverage = draw_page(page).trace
    if not drawn.view.flat:
        coverage = cv2.remap(coverage, *drawn.view.maps(), cv2.INTER_LINEAR)
    misses = []
    for _, _, _, at in drawn.samples:
        for k in range(40, len(at) - 40, 37):
            x, y = at[k]
            if (
                not np.isfinite([x, y]).all()
                or not 8 < x < coverage.shape[1] - 8
                or not 8 < y < coverage.shape[0] - 8
            ):
                continue
            way = at[k + 20] - at[k - 20]
            if not np.isfinite(way).all():
                continue
            normal = np.array([-way[1], way[0]]) / np.hypot(*way)
            t = np.arange(-4.0, 4.01, 0.1)
            line = (np.array([x, y]) + t[:, None] * normal).astype(np.float32)
            ink = cv2.remap(coverage, line[:, 0], line[:, 1], cv2.INTER_LINEAR).ravel().astype(float)
            misses.append((ink * t).sum() / ink.sum())
    assert len(misses) > 300
    assert abs(np.mean(misses)) < 0.06  # four times finer, rounded to whole fine pixels
    assert np.percentile(np.abs(misses), 95) < 0.2


@pytest.mark.parametrize("damage", ["scan", "rotate", "wrinkle", "photo", "copy"])
def test_labels_move_with_the_picture(page: Page, damage: str) -> None:
    drawn = render_page(page, damage, 2, np.random.default_rng(5))
    assert drawn.labels.shape == drawn.picture.shape[:2]
    seen = [at[np.isfinite(at).all(axis=1)] for _, _, _, at in drawn.samples]
    at = np.round(np.concatenate(seen)).astype(int)
    hit = np.zeros(len(at), dtype=bool)
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            moved = np.clip(at + [dx, dy], 0, np.array(drawn.labels.shape)[::-1] - 1)
            hit |= drawn.labels[moved[:, 1], moved[:, 0]] == TRACE
    assert len(at) > 9000 and hit.mean() > 0.995
    brightness = drawn.picture.mean(axis=2)
    assert brightness[drawn.labels == TRACE].mean() < brightness[drawn.labels == 0].mean() - 40


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_same_seed_gives_the_same_pixels_and_another_one_others(damage: str) -> None:
    page = lay_out(recording(), page_style("6x2", dpi=72, seconds=5.0))
    first, again, other = (render_page(page, damage, 3, np.random.default_rng(seed)) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.picture, again.picture)
    np.testing.assert_array_equal(first.labels, again.labels)
    for one, two in zip(first.samples, again.samples, strict=True):
        np.testing.assert_array_equal(one[3], two[3])
    if damage != "none":
        assert first.picture.shape != other.picture.shape or (first.picture != other.picture).any()


def test_samples_name_their_leads_and_where_they_begin(page: Page) -> None:
    drawn = render_page(page)
    assert [(lead, rhythm, first) for lead, rhythm, first, _ in drawn.samples] == [
        (trace.lead, trace.rhythm, trace.first) for trace in page.traces
    ]
    assert {lead for lead, _, _, _ in drawn.samples} == set(LEADS)
    for (_, _, _, at), points in zip(drawn.samples, sample_points(page), strict=True):
        assert at.dtype == np.float32
        assert at == pytest.approx(points * 100 / 25.4 - 0.5, abs=1e-3)


def test_what_a_cover_hides_has_no_samples() -> None:
    page = lay_out(recording(), page_style("6x1", dpi=72))
    hidden = 0
    for seed in range(8):
        drawn = render_page(page, "cover", 5, np.random.default_rng(seed))
        plain = render_page(page)
        changed = drawn.labels == PEN
        for (_, _, _, at), (_, _, _, full) in zip(drawn.samples, plain.samples, strict=True):
            lost = np.isnan(at[:, 0])
            hidden += int(lost.sum())
            place = np.round(full).astype(int)
            np.testing.assert_array_equal(lost, changed[place[:, 1], place[:, 0]])
    assert hidden > 0


def test_pens_and_stamps_are_labelled_but_never_over_the_trace() -> None:
    page = lay_out(recording(), page_style("3x4", dpi=100))
    plain = render_page(page)
    for seed in range(3):
        written = render_page(page, "handwriting", 3, np.random.default_rng(seed))
        assert (written.labels == PEN).sum() > 50
        np.testing.assert_array_equal(written.labels == TRACE, plain.labels == TRACE)
        stamped = render_page(page, "text", 3, np.random.default_rng(seed))
        assert (stamped.labels == TEXT).sum() > (plain.labels == TEXT).sum()


def test_words_have_boxes_around_their_letters() -> None:
    page = lay_out(recording(), page_style("3x4", dpi=150, grid="none"))
    drawn = render_page(page, "rotate", 4, np.random.default_rng(1))
    for word, corners in drawn.words:
        if word.role != "name":
            continue
        inside = drawn.labels[
            int(corners[:, 1].min()) : int(corners[:, 1].max()) + 2,
            int(corners[:, 0].min()) : int(corners[:, 0].max()) + 2,
        ]
        assert (inside == TEXT).sum() > 10, word


def test_a_worse_grade_is_worse() -> None:
    page = lay_out(recording(), page_style("3x4", dpi=72))
    plain = render_page(page).picture.astype(float)
    misses = []
    for grade in (0, 5):
        drawn = [render_page(page, "copy", grade, np.random.default_rng(seed)).picture for seed in range(4)]
        misses.append(np.mean([np.abs(picture - plain).mean() for picture in drawn]))
    assert misses[1] > 1.3 * misses[0]
    turns = [render_page(page, "rotate", grade, np.random.default_rng(1)).view.size[1] for grade in (1, 3, 5)]
    assert turns[0] < turns[1] < turns[2]


def test_a_grid_is_labelled_on_a_photo() -> None:
    page = lay_out(recording(), page_style("3x4", dpi=150, grid="red"))
    drawn = render_page(page, "photo", 2, np.random.default_rng(3))
    share = (drawn.labels == GRID).mean()
    assert 0.05 < share < 0.5


def test_what_does_not_exist_is_refused(page: Page) -> None:
    with pytest.raises(UsageError, match="fire"):
        render_page(page, "scan+fire")
    for grade in (-1, 6):
        with pytest.raises(UsageError, match="grade"):
            render_page(page, "scan", grade)
