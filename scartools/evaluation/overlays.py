"""Predictions over the image, as a figure for a paper: slices in rows; image, truth and arms in columns.

How a picture is laid is told in `picture_layout`. Nothing is resampled: pixels are shown as they are, in their true
aspect ratio, and contours run halfway between the pixels they divide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scartools.errors import GeometryError, InputError
from scartools.evaluation.picture_layout import MARGIN_MM, MOST_SLICES, VENTRICLE, Layout, crop, lay_out
from scartools.figures import FOOTER, MM_PER_INCH, settled_style
from scartools.heart.nomenclature import IGNORE, INFARCT, LABEL_COLOURS, LV_POOL, NO_REFLOW, SCAR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ARMS = 3
DPI = 150
WINDOW = (1.0, 99.0)  # percentiles of the pixels shown
ENDOCARDIUM, EPICARDIUM = LABEL_COLOURS[5], "#F0E442"  # Okabe and Ito: bright enough for a dark wall
FILL = 0.45  # opacity of scar and no-reflow
UNKNOWN = "orientation unknown"
WIDTH_MM, LEFT_MM, RIGHT_MM, GAP_MM = 180.0, 14.0, 2.0, 1.0
HEAD_MM, FOOT_MM, TALLEST_MM, NARROWEST_MM = 17.5, 13.0, 200.0, 110.0
SCALE_BAR_MM = 20.0


@dataclass(frozen=True)
class ArmPicture:
    """What one arm predicted for a case.

    name          of the arm
    labels        uint8 (X, Y, Z)
    prior_source  none, predicted, manual or truth
    scar_dice     of the whole case; NaN where truth and prediction are both empty, None where scar is not judged
    """

    name: str
    labels: np.ndarray
    prior_source: str
    scar_dice: float | None


def draw_overlay(
    image: np.ndarray,
    truth: np.ndarray | None,
    arms: Sequence[ArmPicture],
    affine: np.ndarray,
    *,
    title: str,
    slices: int = MOST_SLICES,
    lengths: bool = True,
) -> Figure:
    """Draw image, truth and predictions of one case side by side.

    image    float (X, Y, Z); shown from its 1st to its 99th percentile around the ventricle in these slices
    truth    uint8 (X, Y, Z), labels of this toolkit; 255 is not drawn; None where nobody knows it: no column
    arms     one to three, on the same grid
    affine   float (4, 4), voxel index to RAS+ mm
    title    the case
    slices   how many at most, evenly through those with true or predicted myocardium
    lengths  False where the voxel size is not known: no mm and no scale bar
    Returns a matplotlib figure, at most 180 mm wide. Raises InputError for another number of arms or slices, GeometryError for
    arrays of several shapes or an unusable affine.
    """
    if not 1 <= len(arms) <= MOST_ARMS:
        raise InputError(f"{len(arms)} arms were given, where 1 to {MOST_ARMS} can be drawn")
    others = [*(() if truth is None else (truth,)), *(arm.labels for arm in arms)]
    if any(other.shape != image.shape for other in others):
        raise GeometryError(f"the image has shape {image.shape}, labels {[other.shape for other in others]}")
    layout = lay_out(others[0], others[1:], affine, slices)
    with settled_style():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        columns = 1 + len(others)
        wide, high = _panel_mm(layout, columns)
        used = columns * (wide + GAP_MM) - GAP_MM
        across = max(NARROWEST_MM, LEFT_MM + used + RIGHT_MM)
        figure_mm = (across, HEAD_MM + len(layout.slices) * (high + GAP_MM) + FOOT_MM)
        figure = Figure(figsize=(figure_mm[0] / MM_PER_INCH, figure_mm[1] / MM_PER_INCH), facecolor="white")
        FigureCanvasAgg(figure)
        pictures = layout.cut(image)
        window = _window(pictures, layout.cut(others[0]), layout.pixel_mm)
        drawn = [None, *(layout.cut(one) for one in others)]
        left = LEFT_MM + (across - LEFT_MM - RIGHT_MM - used) / 2
        for row, picture in enumerate(pictures):
            for column, labels in enumerate(drawn):
                place = (left + column * (wide + GAP_MM), HEAD_MM + row * (high + GAP_MM))
                axes = _axes(figure, figure_mm, place, (wide, high))
                _draw_picture(axes, picture, layout.pixel_mm, window)
                if labels is not None:
                    _draw_labels(axes, labels[row])
                if row == 0 and column == 0:
                    _draw_compass(axes, layout.letters)
                if row == len(pictures) - 1 and column == 0 and lengths:
                    _draw_scale_bar(axes, layout)
            _write_slice(
                figure,
                figure_mm,
                (left - 1.5, HEAD_MM + row * (high + GAP_MM) + high / 2),
                layout,
                row,
                lengths,
            )
        centres = [left + column * (wide + GAP_MM) + wide / 2 for column in range(len(drawn))]
        heads = [("Image", ""), ("Truth", ""), *((arm.name, _facts(arm)) for arm in arms)]
        if truth is None:
            heads = [("Image", ""), *((arm.name, f"prior: {arm.prior_source}") for arm in arms)]
        _write_heads(figure, figure_mm, centres, wide, heads, title)
        no_reflow = any(bool((one == NO_REFLOW).any()) for one in others)
        judged = any(arm.scar_dice is not None for arm in arms)
        _draw_legend(figure, figure_mm, layout, no_reflow, lengths, judged)
    return figure


def _panel_mm(layout: Layout, columns: int) -> tuple[float, float]:
    """Width and height of one picture on paper."""
    high = (layout.rows[1] - layout.rows[0]) * layout.pixel_mm[0]
    wide = (layout.columns[1] - layout.columns[0]) * layout.pixel_mm[1]
    room = (WIDTH_MM - LEFT_MM - RIGHT_MM) / columns - GAP_MM, TALLEST_MM / len(layout.slices) - GAP_MM
    scale = min(room[0] / wide, room[1] / high, 55.0 / max(wide, high))
    return wide * scale, high * scale


def _axes(
    figure: Figure, figure_mm: tuple[float, float], place: tuple[float, float], size: tuple[float, float]
) -> Axes:
    """Axes at mm from the upper left corner."""
    across, tall = figure_mm
    axes = figure.add_axes(
        (place[0] / across, 1 - (place[1] + size[1]) / tall, size[0] / across, size[1] / tall)
    )
    axes.set_axis_off()
    return axes


def _window(
    pictures: Sequence[np.ndarray], truth: Sequence[np.ndarray], pixel_mm: tuple[float, float]
) -> tuple[float, float]:
    """The grey values shown as black and white: fat and air far from the ventricle would flatten its contrast."""
    near = []
    for picture, labels in zip(pictures, truth, strict=True):
        hit = np.isin(labels, VENTRICLE)
        if hit.any():
            rows = crop(np.asarray(hit.any(axis=1)), MARGIN_MM / pixel_mm[0])
            columns = crop(np.asarray(hit.any(axis=0)), MARGIN_MM / pixel_mm[1])
            near.append(picture[slice(*rows), slice(*columns)].ravel())
    low, high = np.percentile(np.concatenate(near or [one.ravel() for one in pictures]), WINDOW)
    return float(low), float(high)


def _draw_picture(
    axes: Axes, picture: np.ndarray, pixel_mm: tuple[float, float], window: Sequence[float]
) -> None:
    low, high = window
    axes.imshow(
        picture,
        cmap="gray",
        vmin=low,
        vmax=max(high, low + 1e-6),
        interpolation="nearest",
        aspect=pixel_mm[0] / pixel_mm[1],
    )
    axes.set_autoscale_on(False)  # contours of the padded array would widen the picture


def _draw_labels(axes: Axes, labels: np.ndarray) -> None:
    """Contours of endocardium and epicardium, scar and no-reflow filled; pixels outside the crop count as background."""
    padded = np.pad(np.where(labels == IGNORE, 0, labels), 1)
    _contour(axes, np.isin(padded, VENTRICLE), EPICARDIUM, 0.9)
    _contour(axes, padded == LV_POOL, ENDOCARDIUM, 0.9)
    kinds: tuple[tuple[tuple[int, ...], int, str | None], ...] = (
        (INFARCT, SCAR, None),
        ((NO_REFLOW,), NO_REFLOW, "xxxxxxx"),
    )
    for values, fill, hatch in kinds:
        inside = np.isin(padded, values)
        if inside.any():
            colour = LABEL_COLOURS[fill]
            shown = np.isin(padded, (fill,))
            if shown.any():
                axes.contourf(*_centres(shown), shown, [0.5, 1.5], colors=[colour], alpha=FILL, hatches=[hatch])
            _contour(axes, inside, colour, 0.7)


def _contour(axes: Axes, inside: np.ndarray, colour: str, width: float) -> None:
    if inside.any():
        axes.contour(*_centres(inside), inside, [0.5], colors=[colour], linewidths=width)


def _centres(padded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixel centres of an array padded by 1 lie in the axes of the array itself: columns, rows."""
    return np.arange(padded.shape[1]) - 1.0, np.arange(padded.shape[0]) - 1.0


def _draw_compass(axes: Axes, letters: tuple[str, str, str, str] | None) -> None:
    style: dict[str, Any] = {
        "color": "white",
        "fontsize": 6,
        "transform": axes.transAxes,
        "path_effects": _halo(),
    }
    if letters is None:
        axes.text(0.03, 0.97, UNKNOWN, ha="left", va="top", **style)
        return
    left, right, above, below = letters
    axes.text(0.02, 0.5, left, ha="left", va="center", **style)
    axes.text(0.98, 0.5, right, ha="right", va="center", **style)
    axes.text(0.5, 0.98, above, ha="center", va="top", **style)
    axes.text(0.5, 0.02, below, ha="center", va="bottom", **style)


def _halo() -> list[Any]:
    """A dark rim, so that white writing shows on bright fat too."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=1.4, foreground="black")]


def _draw_scale_bar(axes: Axes, layout: Layout) -> None:
    """20 mm in the lower left corner."""
    style: dict[str, Any] = {"color": "white", "transform": axes.transAxes, "path_effects": _halo()}
    wide = (layout.columns[1] - layout.columns[0]) * layout.pixel_mm[1]
    ends = (0.05, 0.05 + SCALE_BAR_MM / wide)
    axes.plot(ends, (0.05, 0.05), linewidth=1.5, solid_capstyle="butt", **style)
    axes.text(0.05, 0.07, f"{SCALE_BAR_MM:g} mm", fontsize=5.5, va="bottom", **style)


def _write_slice(
    figure: Figure,
    figure_mm: tuple[float, float],
    place: tuple[float, float],
    layout: Layout,
    row: int,
    lengths: bool,
) -> None:
    text = f"slice {layout.numbers[row]}"
    if lengths:
        text += f"\n{layout.down_mm[row]:.0f} mm"
    if layout.ordered and len(layout.slices) > 1 and row in (0, len(layout.slices) - 1):
        text = ("basal\n" if row == 0 else "apical\n") + text
    x, y = place[0] / figure_mm[0], 1 - place[1] / figure_mm[1]
    figure.text(x, y, text, ha="right", va="center", fontsize=6, color="#333333", linespacing=1.3)


def _write_heads(
    figure: Figure,
    figure_mm: tuple[float, float],
    centres: Sequence[float],
    wide: float,
    heads: Sequence[tuple[str, str]],
    title: str,
) -> None:
    across, tall = figure_mm
    figure.text(0.5, 1 - 1.5 / tall, title, ha="center", va="top", fontsize=8.5, fontweight="bold")
    most = max(8, int(wide / 1.55))  # letters of 7.5 points that fit
    for centre, (name, facts) in zip(centres, heads, strict=True):
        short = name if len(name) <= most else name[: most - 1] + "…"
        figure.text(
            centre / across,
            1 - (HEAD_MM - 7.0) / tall,
            short,
            ha="center",
            va="bottom",
            fontsize=7.5,
            fontweight="bold",
        )
        figure.text(
            centre / across,
            1 - (HEAD_MM - 1.0) / tall,
            facts,
            ha="center",
            va="bottom",
            fontsize=6,
            color="#333333",
        )


def _facts(arm: ArmPicture) -> str:
    if arm.scar_dice is None:
        return f"scar not judged\nprior: {arm.prior_source}"
    dice = "n/a" if math.isnan(arm.scar_dice) else f"{arm.scar_dice:.2f}"
    return f"scar Dice {dice}\nprior: {arm.prior_source}"


def _draw_legend(
    figure: Figure,
    figure_mm: tuple[float, float],
    layout: Layout,
    no_reflow: bool,
    lengths: bool,
    judged: bool,
) -> None:
    from matplotlib.colors import to_rgba
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    tall = figure_mm[1]
    handles: list[Any] = [
        Line2D([], [], color=ENDOCARDIUM, linewidth=1.6, label="endocardium"),
        Line2D([], [], color=EPICARDIUM, linewidth=1.6, label="epicardium"),
        Patch(facecolor=to_rgba(LABEL_COLOURS[SCAR], FILL), edgecolor=LABEL_COLOURS[SCAR], label="scar"),
    ]
    if no_reflow:
        colour = LABEL_COLOURS[NO_REFLOW]
        handles.append(
            Patch(facecolor=to_rgba(colour, FILL), edgecolor=colour, hatch="xxxxxxx", label="no-reflow")
        )
    figure.legend(
        handles=handles,
        loc="center",
        bbox_to_anchor=(0.5, 9.5 / tall),
        ncols=4,
        fontsize=6.5,
        frameon=False,
        handlelength=1.6,
        columnspacing=1.6,
        handletextpad=0.6,
    )
    parts = ["Slice numbers from 0, as in the file"]
    if lengths:
        parts.append("mm: distance from the uppermost slice shown")
    if not layout.ordered:
        parts.append("base and apex could not be told")
    note = "; ".join(parts) + "." + (" Scar Dice (scar and no-reflow) is of the whole case." if judged else "")
    figure.text(0.5, 4.6 / tall, note, ha="center", va="bottom", fontsize=5.5, color="#444444")
    figure.text(0.5, 1.5 / tall, FOOTER, ha="center", va="bottom", fontsize=5.5, color="#444444")
