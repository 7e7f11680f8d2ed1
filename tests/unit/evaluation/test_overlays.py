"""Predictions over the image: the right slices, the right way round, and colours where the labels are."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from scartools.errors import GeometryError, InputError
from scartools.evaluation.overlays import (
    ENDOCARDIUM,
    EPICARDIUM,
    UNKNOWN,
    ArmPicture,
    draw_overlay,
)
from scartools.evaluation.picture_layout import lay_out, orientation_known, spread, towards
from scartools.figures import FOOTER, figure_bytes
from scartools.heart.nomenclature import LABEL_COLOURS, NO_REFLOW, SCAR

NAN = float("nan")
SHAPE = (40, 48, 9)
CENTRE = (18.0, 26.0)


def oblique(spacing: tuple[float, float, float] = (2.0, 2.0, 8.0)) -> np.ndarray:
    """Columns, rows and slices of a short-axis stack as a scanner lays it, index (column, row, slice)."""
    right = np.array([-1.0, -1.0, 0.0]) / np.sqrt(2)  # left and posterior
    down = np.array([0.3, -0.3, -0.9])
    down /= np.linalg.norm(down)
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([right, down, np.cross(right, down)]) * spacing
    return affine


def ventricle(shape: tuple[int, int, int] = SHAPE, aspect: float = 1.0) -> np.ndarray:
    """A cone on its tip: slice 1 the apex, slice 7 the base; 0 and 8 empty. A scar on the side of low first index."""
    x, y = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    radius = np.hypot(x - CENTRE[0], (y - CENTRE[1]) * aspect)
    labels = np.zeros(shape, np.uint8)
    for k in range(1, shape[2] - 1):
        outer = 4.0 + k
        labels[:, :, k][radius < outer] = 2
        labels[:, :, k][radius < outer - 3.0] = 1
    wall = labels == 2
    labels[wall & (x < CENTRE[0] - 2)[:, :, None]] = SCAR
    return labels


def noise(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    return np.random.default_rng(0).normal(100, 10, shape).astype(np.float32)


def arm(labels: np.ndarray, name: str = "net", dice: float | None = 0.5) -> ArmPicture:
    return ArmPicture(name, labels, "predicted", dice)


def pixels(figure: object, axes: object) -> np.ndarray:
    """The figure as drawn at 150 dpi, cut to the inside of axes: (height, width, 3), 0 to 1."""
    figure.set_dpi(150)
    figure.canvas.draw()
    whole = np.asarray(figure.canvas.buffer_rgba())[:, :, :3] / 255.0
    box = axes.get_window_extent()
    height = whole.shape[0]
    return whole[round(height - box.y1) : round(height - box.y0), round(box.x0) : round(box.x1)]


def pictures(figure: object) -> list[object]:
    return [axes for axes in figure.axes if axes.images]


def texts(figure: object) -> str:
    said = [text.get_text() for text in figure.texts]
    said += [text.get_text() for axes in figure.axes for text in axes.texts]
    said += [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    return "\n".join(said)


def coloured(picture: np.ndarray, colour: str) -> np.ndarray:
    """Rows and columns of the pixels of about that colour, as shares of the picture: (N, 2)."""
    hit = np.abs(picture - to_rgb(colour)).max(axis=2) < 0.12
    return (np.argwhere(hit) + 0.5) / picture.shape[:2]


def test_slices_are_spread_evenly_with_both_ends():
    assert spread(np.arange(3, 14), 5) == [3, 6, 8, 11, 13]
    assert spread(np.array([2, 4, 9]), 5) == [2, 4, 9]
    assert spread(np.arange(7), 1) == [3]


def test_slices_with_true_or_predicted_myocardium_basal_first():
    truth = ventricle()
    found = lay_out(truth, [truth], oblique(), 5)
    assert (found.numbers, found.ordered) == ((7, 6, 4, 3, 1), True)
    assert found.down_mm == pytest.approx([0, 8, 24, 32, 48])
    more = truth.copy()
    more[18, 26, 8] = 2
    assert lay_out(truth, [more], oblique(), 5).numbers[0] == 8


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_flipped_file_gives_the_same_picture(axis: int):
    truth, affine = ventricle(), oblique()
    flip = np.eye(4)
    flip[axis, axis], flip[axis, 3] = -1, SHAPE[axis] - 1
    one, other = lay_out(truth, [], affine), lay_out(np.flip(truth, axis), [], affine @ flip)
    assert one.letters == other.letters
    for first, second in zip(one.cut(truth), other.cut(np.flip(truth, axis)), strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_transposed_file_gives_the_same_picture():
    truth, affine = ventricle(), oblique()
    turned = affine[:, [2, 0, 1, 3]]
    moved = truth.transpose(2, 0, 1)
    one, other = lay_out(truth, [], affine), lay_out(moved, [], turned)
    assert (one.letters, one.numbers) == (other.letters, other.numbers)
    np.testing.assert_array_equal(one.cut(truth), other.cut(moved))


def test_the_crop_is_the_heart_with_12_mm():
    found = lay_out(ventricle(), [], oblique())
    # the base has radius < 11 about (18, 26): columns 8 to 28, rows 16 to 36, and 6 pixels of 2 mm
    assert (found.columns, found.rows) == ((2, 35), (10, 43))
    far = np.zeros(SHAPE, np.uint8)
    far[38, 2, 4] = 2
    assert lay_out(ventricle(), [far], oblique()).columns == (2, 40)
    assert lay_out(ventricle(), [far], oblique()).rows == (0, 43)


def test_letters_say_what_the_edges_face():
    assert lay_out(ventricle(), [], oblique()).letters[1] in ("LP", "PL")
    assert lay_out(ventricle(), [], oblique()).letters[2:] == ("S", "I")
    assert towards(np.array([-1.0, 0.1, 0.0])) == "L"
    assert towards(np.array([0.0, -0.6, -0.8])) == "IP"
    assert towards(np.array([0.7, 0.7, 0.1])) == "RA"


def test_an_affine_along_the_body_knows_no_orientation():
    plain = np.diag([2.0, 2.0, 8.0, 1.0])
    assert orientation_known(oblique()) and not orientation_known(plain)
    assert not orientation_known(plain[:, [1, 0, 2, 3]] * [-1, 1, 1, 1])
    figure = draw_overlay(noise(), ventricle(), [arm(ventricle())], plain, title="p1")
    assert UNKNOWN in texts(figure)
    assert lay_out(ventricle(), [], plain).ordered  # the cone tells
    tube = np.repeat(ventricle()[:, :, 5:6], 9, axis=2)
    assert not lay_out(tube, [], plain).ordered
    assert lay_out(tube, [], plain).numbers == (0, 2, 4, 6, 8)
    assert lay_out(tube, [], np.diag([2.0, 2.0, -8.0, 1.0])).numbers == (0, 2, 4, 6, 8)
    assert lay_out(tube, [], oblique()).ordered


def test_pixels_have_their_true_shape():
    """A round ventricle on pixels of 1 x 2 mm is drawn round."""
    shape = (40, 48, 9)
    round_in_mm = np.minimum(ventricle(shape, aspect=2.0), 2)
    figure = draw_overlay(noise(shape), round_in_mm, [arm(round_in_mm)], oblique((1.0, 2.0, 8.0)), title="p1")
    picture = pixels(figure, pictures(figure)[1])
    at = coloured(picture, EPICARDIUM) * picture.shape[:2]
    high, wide = np.ptp(at, axis=0)
    assert high / wide == pytest.approx(1.0, abs=0.12)


def test_contours_and_fills_are_where_the_labels_are_and_nowhere_else():
    truth = ventricle()
    core = truth.copy()
    core[(truth == SCAR) & (np.arange(SHAPE[1]) > CENTRE[1])[None, :, None]] = NO_REFLOW
    image = np.zeros(SHAPE, np.float32)
    image[0, 0, 0] = 1.0
    affine = oblique()
    figure = draw_overlay(image, truth, [arm(core), arm(np.zeros_like(truth))], affine, title="p1")
    found = lay_out(truth, [core], affine)
    size = np.array([found.rows[1] - found.rows[0], found.columns[1] - found.columns[0]])
    centre = (np.array([CENTRE[1] - found.rows[0], CENTRE[0] - found.columns[0]]) + 0.5) / size
    plain, drawn, cored, empty = (pixels(figure, axes) for axes in pictures(figure)[:4])  # the base, slice 7
    for colour, radius in (
        (EPICARDIUM, 10.5),
        (ENDOCARDIUM, 7.5),
    ):  # halfway from the last pixel within to the next
        away = (coloured(drawn, colour) - centre) * size  # in pixels of the image
        assert len(away) > 50
        assert np.abs(np.hypot(*away.T) - radius).max() < 1.0  # corners of pixels and half a line
        assert away[:, 0].min() == pytest.approx(-radius, abs=0.3)
        assert away[:, 0].max() == pytest.approx(radius, abs=0.3)
        assert away[:, 1].max() == pytest.approx(radius, abs=0.3)  # on the left lies the scar's contour
        assert len(coloured(empty, colour)) == 0
    away = (coloured(drawn, LABEL_COLOURS[SCAR]) - centre) * size
    assert len(away) > 30 and (away[:, 1] < -1.5).all()  # on the left: columns run along the first index
    assert (away[:, 0] < 0).any() and (away[:, 0] > 0).any()
    inside = drawn[int(centre[0] * drawn.shape[0]), int((centre[1] - 9.5 / size[1]) * drawn.shape[1])]
    np.testing.assert_allclose(inside, 0.45 * np.array(to_rgb(LABEL_COLOURS[SCAR])), atol=0.03)  # translucent
    away = (coloured(cored, LABEL_COLOURS[NO_REFLOW]) - centre) * size
    assert len(away) > 10 and (away[:, 0] > -0.8).all() and (away[:, 1] < 0).all()
    for colour in (EPICARDIUM, LABEL_COLOURS[SCAR], LABEL_COLOURS[NO_REFLOW]):
        assert len(coloured(plain, colour)) == 0
    assert len(coloured(drawn, LABEL_COLOURS[NO_REFLOW])) == 0


def test_the_window_is_that_of_the_ventricle_and_the_same_in_every_picture():
    truth = ventricle()
    image = noise()
    image[:, :4] = 9000.0  # fat far away
    figure = draw_overlay(image, truth, [arm(truth)], oblique(), title="p1")
    windows = {axes.images[0].get_clim() for axes in pictures(figure)}
    assert len(windows) == 1
    (low, high), *_ = windows
    assert low == pytest.approx(100 - 2.33 * 10, abs=2) and high == pytest.approx(100 + 2.33 * 10, abs=2)


def test_what_is_written():
    truth = ventricle()
    arms = [arm(truth, "base", 0.734), arm(truth, "more", NAN), arm(truth, "walls", None)]
    said = texts(draw_overlay(noise(), truth, arms, oblique(), title="case-7"))
    for text in ("case-7", "Truth", "base", "scar Dice 0.73", "scar Dice n/a", "scar not judged", FOOTER):
        assert text in said
    assert said.count("prior: predicted") == 3
    assert "basal\nslice 7\n0 mm" in said and "apical\nslice 1\n48 mm" in said and "20 mm" in said
    assert "no-reflow" not in said.splitlines()
    without = texts(draw_overlay(noise(), truth, arms, oblique(), title="p1", lengths=False))
    assert "20 mm" not in without and "48 mm" not in without


def test_ignored_voxels_are_not_drawn():
    truth = ventricle()
    figure = draw_overlay(
        noise(), truth, [arm(np.where(truth > 0, 255, 0).astype(np.uint8))], oblique(), title="p1"
    )
    assert len(coloured(pixels(figure, pictures(figure)[2]), EPICARDIUM)) == 0


def test_equal_input_gives_equal_bytes_whatever_the_style():
    def drawn() -> bytes:
        figure = draw_overlay(noise(), ventricle(), [arm(ventricle())], oblique(), title="p1")
        return figure_bytes(figure, ".png", dpi=150)

    before = drawn()
    assert drawn() == before
    with matplotlib.rc_context({"image.cmap": "jet", "font.size": 20, "image.origin": "lower"}):
        assert drawn() == before


def test_what_cannot_be_drawn_is_refused():
    truth = ventricle()
    for count in (0, 4):
        with pytest.raises(InputError, match="arms"):
            draw_overlay(noise(), truth, [arm(truth)] * count, oblique(), title="p1")
    with pytest.raises(GeometryError, match="shape"):
        draw_overlay(noise(), truth, [arm(truth[:, :, :4])], oblique(), title="p1")
    with pytest.raises(InputError, match="slices"):
        draw_overlay(noise(), truth, [arm(truth)], oblique(), title="p1", slices=0)
