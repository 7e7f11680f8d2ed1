"""The frame of a page against drawn lattices of which every point is known in millimetres."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from scartools.ecg.page_frame import Frame, find_frame
from scartools.errors import InputError

SHAPE = (760, 1240)  # rows and columns of the pictures; about 4.5 px a mm
PX = 4.5
Map = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def draw(to_mm: Map, kind: str = "lines", colour: tuple[float, float, float] = (0.1, 0.5, 0.5)) -> np.ndarray:
    """Draw ECG paper with four traces; `to_mm` takes pixels to millimetres of the paper."""
    x, y = np.meshgrid(np.arange(SHAPE[1], dtype=float), np.arange(SHAPE[0], dtype=float))
    u, v = to_mm(x, y)

    def line(place: np.ndarray, period: float, width: float) -> np.ndarray:
        return np.exp(-(((place + period / 2) % period - period / 2) ** 2) / (2 * width**2))

    large = np.maximum(line(u, 5, 0.13), line(v, 5, 0.13))
    small = {
        "lines": np.maximum(line(u, 1, 0.1), line(v, 1, 0.1)),
        "dots": 1.5 * line(u, 1, 0.13) * line(v, 1, 0.13),
        "large": 0.0 * u,
        "none": 0.0 * u,
    }[kind]
    ink = np.maximum(0.0 if kind == "none" else large, 0.5 * small)
    beats = 8 * np.exp(-(((u + 9) % 19 - 9.5) ** 2)) + 1.5 * np.exp(-(((u + 2) % 19 - 9.5) ** 2) / 8)
    trace = np.exp(-(((v + beats - 20 + 17) % 34 - 17) ** 2) / (2 * 0.18**2)) * (u > 5) * (u < 255)
    paper = 230 * (1 - ink[..., None] * np.array(colour)) * (1 - 0.9 * trace[..., None])
    grain = np.random.default_rng(1).normal(0, 2.0, paper.shape)
    return np.clip(paper + grain, 0, 255).astype(np.uint8)


def turned(degrees: float, aspect: float = 1.0) -> Map:
    cos, sin = np.cos(np.radians(degrees)) / PX, np.sin(np.radians(degrees)) / PX
    return lambda x, y: (cos * x - sin * y + 3.3, (sin * x + cos * y) * aspect + 1.7)


def far_away(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Paper that goes away from the camera: a millimetre has a fifth fewer pixels across and a third down at the top."""
    matrix = np.linalg.inv(
        cv2.getPerspectiveTransform(
            np.array([[0, 0], [270, 0], [270, 160], [0, 160]], np.float32),
            np.array([[150, 40], [1120, 30], [1235, 640], [5, 650]], np.float32),
        )
    )
    u, v, w = (row[0] * x + row[1] * y + row[2] for row in matrix)
    return u / w, v / w


def slanted(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    matrix = np.linalg.inv(
        cv2.getPerspectiveTransform(
            np.array([[0, 0], [270, 0], [270, 160], [0, 160]], np.float32),
            np.array([[90, 40], [1180, 10], [1235, 750], [15, 700]], np.float32),
        )
    )
    u, v, w = (row[0] * x + row[1] * y + row[2] for row in matrix)
    return u / w, v / w


def curled(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    u, v = turned(4.0)(x, y)
    return u + 0.8 * np.sin(v / 25), v + 2.0 * np.sin(u / 35)


def folded(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turned paper with an upright fold: its lines bend by up to 1.4 mm within 24 mm to both sides."""
    u, v = turned(1.5)(x, y)
    near = np.clip(1 - np.abs(u - 120 - 0.1 * v) / 24, 0, None)
    return u - 0.3 * near, v + 1.4 * near


def error_mm(frame: Frame, to_mm: Map) -> float:
    """How far points of the frame are from their millimetres, 95 %, after the best shift."""
    height, width = frame.image.shape[:2]
    x, y = np.meshgrid(np.linspace(0, width, 60), np.linspace(0, height, 40))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    source = frame.to_page(points)
    inside = ((source >= 0) & (source <= [SHAPE[1] - 1, SHAPE[0] - 1])).all(axis=1)
    assert inside.mean() > 0.4
    off = np.stack(to_mm(*source[inside].T), axis=1) - points[inside] / frame.px_per_mm
    return float(np.percentile(np.linalg.norm(off - np.median(off, axis=0), axis=1), 95))


def worst_row_mm(frame: Frame, to_mm: Map) -> float:
    """How far the lines of the frame are from level at most, mm, over the inner part of the page."""
    height, width = frame.image.shape[:2]
    x, y = np.meshgrid(
        np.linspace(0.1 * width, 0.9 * width, 300), np.linspace(0.15 * height, 0.85 * height, 12)
    )
    source = frame.to_page(np.stack([x.ravel(), y.ravel()], axis=1))
    level = to_mm(*source.T)[1].reshape(x.shape)
    return float(np.abs(level - np.median(level, axis=1, keepdims=True)).max())


@pytest.mark.parametrize(
    ("to_mm", "kind"),
    [
        (turned(-10.0), "lines"),
        (turned(30.0), "lines"),
        (far_away, "dots"),
        (turned(44.0), "lines"),
        (turned(2.0), "dots"),
        (turned(-7.0), "large"),
        (turned(0.0, 1.05), "lines"),
        (slanted, "lines"),
        (slanted, "dots"),
        (curled, "lines"),
        (curled, "dots"),
    ],
)
def test_every_point_is_where_the_paper_has_it(to_mm: Map, kind: str) -> None:
    frame = find_frame(draw(to_mm, kind))
    assert frame.grid == "measured"
    assert error_mm(frame, to_mm) < 0.15
    assert frame.quality is not None
    assert frame.quality.median_mm < 0.05
    assert frame.quality.share > 0.7


@pytest.mark.parametrize("kind", ["lines", "dots"])
def test_a_fold_is_flattened(kind: str) -> None:
    """A smooth surface passes it over and leaves a millimetre."""
    frame = find_frame(draw(folded, kind))
    assert frame.facts["CreasesMm"] > 0.8
    assert worst_row_mm(frame, folded) < 0.3


def test_paper_without_folds_has_none() -> None:
    assert "CreasesMm" not in find_frame(draw(curled)).facts


def test_a_grey_copy_is_read_too() -> None:
    frame = find_frame(draw(turned(3.0), colour=(0.3, 0.3, 0.3)))
    assert error_mm(frame, turned(3.0)) < 0.1


def test_a_shadow_does_not_move_the_lattice() -> None:
    light = np.linspace(1.0, 0.35, SHAPE[1])[None, :, None]
    frame = find_frame((draw(slanted) * light).astype(np.uint8))
    assert error_mm(frame, slanted) < 0.15


def test_a_straight_page_is_returned_untouched() -> None:
    page = draw(turned(0.0))
    frame = find_frame(page)
    assert frame.image is page
    assert frame.px_per_mm == pytest.approx(PX, rel=0.001)
    np.testing.assert_array_equal(frame.to_page(np.array([[3.0, 4.0]])), [[3.0, 4.0]])


def test_unequal_axes_are_made_equal_and_reported() -> None:
    frame = find_frame(draw(turned(0.0, 1.05)))
    assert frame.source_px_per_mm[0] / frame.source_px_per_mm[1] == pytest.approx(1.05, rel=0.002)


def test_lines_are_level_on_the_page_returned() -> None:
    frame = find_frame(draw(slanted))
    again = find_frame(frame.image)
    assert abs(again.facts["TurnDegrees"]) < 0.05
    assert again.px_per_mm == pytest.approx(frame.px_per_mm, rel=0.003)


@pytest.mark.parametrize("kind", ["lines", "dots", "large"])
def test_a_part_of_a_page_names_the_other_reading(kind: str) -> None:
    part = np.ascontiguousarray(draw(turned(0.0), kind)[100:420, 100:480])
    frame = find_frame(part)
    candidates = [frame.px_per_mm, *frame.alternatives]
    assert any(
        value == pytest.approx(frame.px_per_mm * PX / frame.source_px_per_mm[0], rel=0.01)
        for value in candidates
    )


def test_a_page_without_grid_is_levelled_and_its_scale_a_guess() -> None:
    frame = find_frame(draw(turned(3.0), "none"))
    assert frame.grid == "none"
    assert frame.quality is None
    assert frame.facts["TurnDegrees"] == pytest.approx(3.0, abs=0.2)
    left, right = frame.to_page(np.array([[200.0, 300.0], [1000.0, 300.0]]))
    assert turned(3.0)(*left)[1] == pytest.approx(turned(3.0)(*right)[1], abs=0.7)


def test_noise_has_no_grid() -> None:
    noise = np.random.default_rng(0).integers(90, 255, (*SHAPE, 3)).astype(np.uint8)
    assert find_frame(noise).grid == "none"


@pytest.mark.parametrize(
    ("picture", "words"),
    [(np.full((400, 600, 3), 240, np.uint8), "blank"), (np.zeros((100, 600, 3), np.uint8), "fewer than")],
)
def test_what_is_no_page_is_refused(picture: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        find_frame(picture)


def test_the_same_picture_gives_the_same_frame() -> None:
    page = draw(curled)
    first, second = find_frame(page), find_frame(page)
    np.testing.assert_array_equal(first.image, second.image)


@pytest.mark.real
@pytest.mark.parametrize(
    ("mode", "px_per_mm"), [("clean", 7.874), ("rot", 7.874), ("bw", 7.874), ("r100", 3.937)]
)
def test_rendered_pages_have_their_printed_scale(data_folder: Path, mode: str, px_per_mm: float) -> None:
    pages = sorted((data_folder / "ecg/pages/rendered/kit").glob(f"*{mode}*.png"))
    assert pages
    for path in pages:
        page = cv2.imread(str(path))
        assert page is not None
        frame = find_frame(np.ascontiguousarray(page[..., ::-1]))
        assert frame.grid == "measured"
        assert frame.source_px_per_mm == pytest.approx((px_per_mm, px_per_mm), rel=0.005)


@pytest.mark.real
def test_a_photograph_of_dotted_paper_at_a_slant(data_folder: Path) -> None:
    page = cv2.imread(str(data_folder / "ecg/pages/real/ecg00034.jpg"))
    assert page is not None
    frame = find_frame(np.ascontiguousarray(page[..., ::-1]))
    assert frame.source_px_per_mm == pytest.approx(
        (3.88, 3.60), rel=0.01
    )  # its pulses, 10 mm high, are 32 px high at the top and 43 at the bottom
