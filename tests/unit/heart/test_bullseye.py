"""The bullseye: the right segment in the right place, "n/a" never zero, the same bytes every time."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Wedge
from matplotlib.text import Text

from scartools.errors import InputError, UsageError
from scartools.figures import FOOTER, figure_bytes, text_colour
from scartools.heart.bullseye import Panel, draw_bullseye, segment_wedge
from scartools.heart.bullseye_scales import Scale
from scartools.heart.nomenclature import SegmentModel
from scartools.heart.polar_map import ANGLES, LEVELS, PolarMap

VALUES = {segment: 5.0 * segment for segment in range(1, 17)}


def wedges(figure: Figure, panel: int = 0) -> dict[int, Wedge]:
    found = {}
    for patch in figure.axes[panel].patches:
        name = patch.get_gid()
        if isinstance(patch, Wedge) and name and name.startswith("segment-"):
            found[int(name.removeprefix("segment-"))] = patch
    return found


def test_the_patches_lie_where_the_standard_puts_them() -> None:
    patches = wedges(draw_bullseye([("Scar", VALUES)], unit="%"))
    assert sorted(patches) == list(range(1, 18))
    middles = {segment: ((patch.theta1 + patch.theta2) / 2) % 360 for segment, patch in patches.items()}
    # Degrees counter-clockwise from the right: 90 is the top, 180 the left.
    for first in (1, 7):
        assert [middles[first + k] for k in range(6)] == [90.0, 150.0, 210.0, 270.0, 330.0, 30.0]
    assert [middles[segment] for segment in (13, 14, 15, 16)] == [90.0, 180.0, 270.0, 0.0]
    assert {patch.theta2 - patch.theta1 for segment, patch in patches.items() if segment <= 12} == {60.0}
    assert {patches[segment].theta2 - patches[segment].theta1 for segment in (13, 14, 15, 16)} == {90.0}
    assert patches[1].r > patches[7].r > patches[13].r > patches[17].r


def test_the_wedges_tile_the_disc() -> None:
    area = 0.0
    for segment in range(1, 18):
        inner, outer, start, end = segment_wedge(segment)
        area += (outer**2 - inner**2) * (end - start) / 360.0
    assert area == pytest.approx(1.0, abs=1e-12)
    random = np.random.default_rng(2)
    for radius, degree in zip(np.sqrt(random.random(500)), 360 * random.random(500), strict=True):
        hits = [
            segment
            for segment in range(1, 18)
            if (wedge := segment_wedge(segment))[0] <= radius < wedge[1]
            and (degree - wedge[2]) % 360.0 < wedge[3] - wedge[2]
        ]
        assert len(hits) == 1


def test_text_stands_inside_its_own_patch() -> None:
    figure = draw_bullseye([("a", VALUES), ("b", VALUES), ("c", dict.fromkeys(range(1, 18), 100.0))], unit="%")
    figure.draw_without_rendering()
    for panel in range(3):
        axes = figure.axes[panel]
        outlines = {segment: patch.get_path() for segment, patch in wedges(figure, panel).items()}
        moves = {segment: patch.get_transform() for segment, patch in wedges(figure, panel).items()}
        numbers = [text for text in axes.texts if text.get_text().isdigit() or text.get_text() == "n/a"]
        assert len(numbers) == 34
        for place, text in enumerate(numbers):
            box = text.get_window_extent()
            segment = place // 2 + 1
            corners = [(box.x0, box.y0), (box.x0, box.y1), (box.x1, box.y0), (box.x1, box.y1)]
            assert outlines[segment].contains_points(corners, transform=moves[segment]).all(), (segment, text)


def test_no_text_overlaps_other_text_or_leaves_the_page() -> None:
    panels = [("Scar of the segment", VALUES)] * 3
    for count in (1, 2, 3):
        figure = draw_bullseye(panels[:count], unit="Scar (% of segment)", title="A title")
        figure.draw_without_rendering()
        texts = [text for axes in figure.axes[:count] for text in axes.texts] + list(figure.texts)
        boxes = [text.get_window_extent() for text in texts]
        page = figure.bbox
        for place, box in enumerate(boxes):
            assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
            assert not [texts[other].get_text() for other in range(place) if box.overlaps(boxes[other])]


def test_what_was_not_imaged_is_hatched_grey_and_says_so() -> None:
    values = {**VALUES, 3: float("nan"), 4: 0.0}
    figure = draw_bullseye([("Scar", values)], unit="%")
    patches = wedges(figure)
    for segment in (3, 17):
        assert patches[segment].get_hatch()
        red, green, blue = to_rgb(patches[segment].get_facecolor())
        assert red == green == blue
    assert not patches[4].get_hatch()
    assert [text.get_text() for text in figure.axes[0].texts].count("n/a") == 2


def test_the_colour_scale_is_shared_and_grows_darker() -> None:
    figure = draw_bullseye([("a", {1: 0.0, 2: 50.0}), ("b", {1: 100.0, 2: 50.0})], unit="mL")
    left, right = wedges(figure, 0), wedges(figure, 1)
    assert left[2].get_facecolor() == right[2].get_facecolor()
    shades = [sum(to_rgb(patch.get_facecolor())) for patch in (left[1], left[2], right[1])]
    assert shades == sorted(shades, reverse=True)
    assert figure.axes[2].get_xlim() == (0.0, 100.0)
    assert figure.axes[2].get_xlabel() == "mL"


def test_the_scale_ends() -> None:
    assert draw_bullseye([("a", {1: 12.0})], unit="Scar (%)").axes[1].get_xlim() == (0.0, 100.0)
    assert draw_bullseye([("a", {1: 12.0})], unit="mL").axes[1].get_xlim() == (0.0, 12.0)
    assert draw_bullseye([("a", {})], unit="mL").axes[1].get_xlim() == (0.0, 1.0)
    assert draw_bullseye([("a", {1: 12.0})], unit="mL", limits=(0.0, 5.0)).axes[1].get_xlim() == (0.0, 5.0)


def test_every_colour_carries_readable_text() -> None:
    def luminance(colour: Any) -> float:
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    faces = []
    for start in range(0, 101, 17):
        panel = {segment: float(min(100, start + segment)) for segment in range(1, 18)}
        faces += [patch.get_facecolor() for patch in wedges(draw_bullseye([("", panel)], unit="%")).values()]
    for face in faces:
        dark, light = sorted((luminance(face), luminance(text_colour(face))))
        assert (light + 0.05) / (dark + 0.05) >= 4.5


@pytest.mark.parametrize(("count", "width"), [(1, 90.0), (2, 180.0), (3, 180.0)])
def test_figures_fit_the_columns_of_a_journal(count: int, width: float) -> None:
    figure = draw_bullseye([("Scar", VALUES)] * count, unit="%")
    assert figure.get_figwidth() * 25.4 == pytest.approx(width)
    sizes = [text.get_fontsize() for axes in figure.axes[:count] for text in axes.texts]
    assert min(map(float, sizes)) >= 5.0


@pytest.mark.parametrize(("suffix", "starts"), [(".svg", b"<?xml"), (".pdf", b"%PDF"), (".png", b"\x89PNG")])
def test_equal_figures_give_equal_bytes(suffix: str, starts: bytes) -> None:
    first, second = (
        figure_bytes(draw_bullseye([("Scar", VALUES)], unit="%", title="One"), suffix) for _ in range(2)
    )
    assert first == second
    assert first.startswith(starts)
    assert b"Date" not in first


def test_the_users_style_is_neither_used_nor_changed() -> None:
    import matplotlib

    plain = figure_bytes(draw_bullseye([("Scar", VALUES)], unit="%"), ".svg")
    with matplotlib.rc_context({"font.size": 30.0, "hatch.linewidth": 9.0, "font.family": "serif"}):
        assert figure_bytes(draw_bullseye([("Scar", VALUES)], unit="%"), ".svg") == plain
        assert matplotlib.rcParams["font.size"] == 30.0


def test_the_notice_is_on_the_figure() -> None:
    figure = draw_bullseye([("Scar", VALUES)], unit="%")
    assert FOOTER in [text.get_text() for text in figure.texts]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["not imaged"]
    assert {"LAD", "RCA", "LCx"} <= {text.get_text() for text in figure.axes[0].texts}


def test_pyplot_is_never_loaded() -> None:
    program = (
        "import sys\n"
        "from scartools.figures import figure_bytes\n"
        "from scartools.heart.bullseye import draw_bullseye\n"
        "assert 'matplotlib' not in sys.modules\n"
        "figure_bytes(draw_bullseye([('', {1: 2.0})], unit='%'), '.svg')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("panels", "says"),
    [([], "0 panels"), ([("a", {})] * 5, "5 panels"), ([("a", {18: 1.0})], "unknown segment 18")],
)
def test_other_panels_are_refused(panels: list[Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        draw_bullseye(panels, unit="%")


def test_other_formats_are_refused() -> None:
    with pytest.raises(InputError, match=r"\.jpg"):
        figure_bytes(draw_bullseye([("Scar", VALUES)], unit="%"), ".jpg")
    with pytest.raises(InputError, match="segment 18"):
        segment_wedge(18)


def legible(figure: Figure) -> None:
    """No text under 6 points, over other text, or off the page."""
    figure.draw_without_rendering()
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    assert min(float(text.get_fontsize()) for text in texts) >= 6.0
    boxes = [text.get_window_extent() for text in texts]
    page = figure.bbox
    for place, box in enumerate(boxes):
        assert page.x0 <= box.x0 and box.x1 <= page.x1, texts[place]
        assert page.y0 <= box.y0 and box.y1 <= page.y1, texts[place]
        assert not [texts[other].get_text() for other in range(place) if box.overlaps(boxes[other])], texts[
            place
        ]


@pytest.mark.parametrize("width", [85.0, 90.0, 140.0, 174.0, 180.0])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_every_width_is_legible(count: int, width: float) -> None:
    panels = [Panel("Model B: LGE + prior + ECG + time", {**VALUES, 3: 100.0})] * (count - 1)
    panels.append(Panel("B − A", {**VALUES, 2: -45.0}, difference=True))
    notes = ["Prior: contours predicted, anchor mid-septum (RV).", "Scar found by: n SD above remote."]
    unit = "Scar (% of segment)"
    legible(
        draw_bullseye(
            panels,
            unit=unit,
            width_mm=width,
            notes=notes,
            difference_unit="Difference: scar (percentage points)",
        )
    )


@pytest.mark.parametrize("model", [16, 18])
@pytest.mark.parametrize("show_values", [True, False])
def test_the_other_models_are_legible(model: SegmentModel, show_values: bool) -> None:
    values = dict.fromkeys(range(1, model + 1), 100.0) | {4: float("nan")}
    for count in (1, 3, 4):
        legible(
            draw_bullseye([("Truth", values)] * count, unit="Scar (%)", model=model, show_values=show_values)
        )


def test_a_difference_is_centred_on_white_with_its_own_bar() -> None:
    panels = [Panel("A", VALUES), Panel("B − A", {1: 0.0, 2: 30.0, 3: -30.0, 4: float("nan")}, difference=True)]
    figure = draw_bullseye(panels, unit="Scar (%)", difference_unit="Difference: scar (percentage points)")
    patches = wedges(figure, 1)
    assert min(to_rgb(patches[1].get_facecolor())) > 0.94
    assert patches[4].get_hatch()
    assert figure.axes[2].get_xlim() == (0.0, 100.0) and figure.axes[3].get_xlim() == (-50.0, 50.0)
    assert figure.axes[3].get_xlabel() == "Difference: scar (percentage points)"
    texts = [text.get_text() for text in figure.axes[1].texts]
    assert {"+30", "−30", "0", "n/a"} <= set(texts) and not {"-30", "+0", "30"} & set(texts)


def test_equal_panels_differ_nowhere() -> None:
    figure = draw_bullseye([Panel("A − A", dict.fromkeys(VALUES, 0.0), difference=True)], unit="Scar (%)")
    assert {patch.get_facecolor() for segment, patch in wedges(figure).items() if segment < 17} == {
        wedges(figure)[1].get_facecolor()
    }
    assert figure.axes[1].get_xlim() == (-1.0, 1.0)


def dichromat(rgb: np.ndarray, kind: str) -> np.ndarray:
    """What a dichromat sees: Viénot, Brettel and Mollon, Color Res Appl 1999;24:243, in linear RGB, (N, 3)."""
    cones = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
    lost = {
        "protan": np.array([[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]]),
        "deutan": np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]]),
    }[kind]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.clip(linear @ (np.linalg.inv(cones) @ lost @ cones).T, 0, 1)


def lab(linear: np.ndarray) -> np.ndarray:
    """CIELAB, D65, of linear RGB, (N, 3)."""
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ matrix.T / matrix.sum(axis=1)
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


@pytest.mark.parametrize("kind", ["protan", "deutan"])
def test_the_colour_blind_tell_the_colours_apart(kind: str) -> None:
    signed = Scale((-100.0, 100.0), "", signed=True)
    more = lab(dichromat(np.array([to_rgb(signed.colour(value)) for value in range(20, 101, 10)]), kind))
    less = lab(dichromat(np.array([to_rgb(signed.colour(-value)) for value in range(20, 101, 10)]), kind))
    assert np.linalg.norm(more - less, axis=1).min() > 15  # ten times a just noticeable difference
    plain = Scale((0.0, 100.0), "")
    steps = lab(dichromat(np.array([to_rgb(plain.colour(value)) for value in range(0, 101, 10)]), kind))
    assert np.linalg.norm(np.diff(steps, axis=0), axis=1).min() > 4
    assert (np.diff(steps[:, 0]) < 0).all()  # darker with every step, for grey print too


def test_a_continuous_map_is_drawn_over_a_hatched_ground() -> None:
    values = np.full((LEVELS, ANGLES), 20.0)
    values[:, (np.arange(ANGLES) + 0.5) * 360 / ANGLES < 90] = np.nan  # the quarter above lateral
    figure = draw_bullseye([Panel("Truth", VALUES, PolarMap(values, {}))], unit="Scar (% of wall)")
    axes = figure.axes[0]
    picture = np.asarray(axes.images[0].get_array())
    rows, columns = picture.shape[:2]
    assert (
        picture[int(0.7 * rows), int(0.7 * columns), 3],
        picture[int(0.7 * rows), int(0.3 * columns), 3],
    ) == (0, 255)
    assert picture[1, 1, 3] == 0
    ground = next(patch for patch in axes.patches if patch.get_gid() == "not-imaged")
    assert ground.get_hatch() and figure.legends
    assert all(patch.get_facecolor()[3] == 0 for patch in wedges(figure).values())
    whole = draw_bullseye(
        [Panel("Truth", {**VALUES, 17: 1.0}, PolarMap(np.full_like(values, 20.0), {}))], unit="%"
    )
    assert not whole.legends


def test_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="do not fit"):
        draw_bullseye([("Scar", VALUES)], unit="%", decimals=4, width_mm=60.0)


def test_a_dollar_sign_is_no_formula() -> None:
    figure = draw_bullseye([("from $1 to $2", VALUES)], unit="%", title="$x$")
    assert not any(text.get_parse_math() for text in figure.texts)
    figure_bytes(figure, ".svg")
