"""Every slice with its segments, as a radiologist sees it: to be looked at before any number is used."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from scartools.figures import FOOTER, MM_PER_INCH, settled_style, text_colour
from scartools.heart.nomenclature import LV_POOL, MYOCARDIUM, RV_POOL, segment_rings
from scartools.heart.segments import Segments
from scartools.heart.short_axis_view import View, view_from_apex
from scartools.heart.slices import Slices, measure_slices
from scartools.heart.stack import Stack, read_stack

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_MM = 180.0
MOST_COLUMNS = 8
MARGIN_MM = 12.0  # of the heart, around the ventricle
PIXELS = 240  # of a panel's side
# One colour a wall, alike in every ring; Okabe and Ito, told apart by the colour-blind.
WALL_COLOURS = {
    "anterior": "#E69F00",
    "anteroseptal": "#56B4E9",
    "inferoseptal": "#0072B2",
    "inferior": "#F0E442",
    "inferolateral": "#009E73",
    "anterolateral": "#CC79A7",
    "septal": "#56B4E9",
    "lateral": "#009E73",
    "apex": "#D55E00",
}
SIX = ("anterior", "anteroseptal", "inferoseptal", "inferior", "inferolateral", "anterolateral")
FOUR = ("anterior", "septal", "inferior", "lateral")
POOL, RIGHT, OUTSIDE, UNASSIGNED = "#f7e3e3", "#e3e9f7", "#ffffff", "#b5b5b5"
AXES = (
    (0, "R", "L"),
    (1, "A", "P"),
    (2, "S", "I"),
)  # RAS+: the letter of the positive end, of the negative end


def draw_segments(found: Segments, mask: np.ndarray, affine: np.ndarray) -> Figure:
    """Draw the slices of a segmentation from base to apex, each with its segments.

    found   what label_segments gave for this mask and affine
    mask    integer (X, Y, Z), labels 0-5 and 255
    affine  float (4, 4), voxel index to RAS+ mm
    Returns a matplotlib figure 180 mm wide. The view is from the apex, the patient's left on the right, the same
    scale in every panel; letters on the frame are directions of the patient (R L, A P, S I), the dashed line is
    the middle of the septum. Voxels are shown as they are, without smoothing.
    """
    stack = read_stack(mask, affine)
    slices = measure_slices(stack)
    direction = -1 if found.facts["BaseFirst"] else 1
    view = view_from_apex(direction * stack.normal)
    segments = np.moveaxis(found.map, stack.slice_axis, 2)[stack.box]
    shown = np.flatnonzero(slices.ventricle)[::-direction].tolist()
    reach = float(slices.radius_mm.max()) + MARGIN_MM
    columns = min(MOST_COLUMNS, max(3, math.ceil(math.sqrt(len(shown)))))
    rows = math.ceil(len(shown) / columns)
    side, head, foot = WIDTH_MM / columns, 5.0, 12.0
    height = rows * (side + head) + foot
    with settled_style():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH_MM / MM_PER_INCH, height / MM_PER_INCH), facecolor="white")
        FigureCanvasAgg(figure)
        size = max(4.0, min(8.0, 8.0 * side / 45.0))
        for place, k in enumerate(shown):
            row, column = divmod(place, columns)
            low = foot + (rows - 1 - row) * (side + head) + 0.04 * side
            box = (column * side / WIDTH_MM + 0.002, low / height, 0.96 * side / WIDTH_MM, 0.96 * side / height)
            axes = figure.add_axes(box)
            _draw_slice(axes, stack, slices, view, segments, found.facts, k, reach, size)
            _name_slice(axes, found.facts, k + stack.first_slice, size)
        _draw_foot(figure, height, reach, side)
    return figure


def _draw_slice(
    axes: Axes,
    stack: Stack,
    slices: Slices,
    view: View,
    segments: np.ndarray,
    facts: dict[str, Any],
    k: int,
    reach: float,
    size: float,
) -> None:
    labels, names = _resampled(stack, slices, view, segments, k, reach)
    axes.imshow(
        _colours(labels, names, facts["SegmentModel"]),
        extent=(-reach, reach, -reach, reach),
        origin="lower",
        interpolation="nearest",
    )
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(linewidth=0.4, color="#888888")
    grid = (np.arange(PIXELS) + 0.5) / PIXELS * 2 * reach - reach
    for segment in np.unique(names[names > 0]).tolist():
        row, column = np.nonzero(names == segment)
        x, y = float(grid[column].mean()), float(grid[row].mean())
        if segment == 17 and facts["SegmentModel"] == 17:
            x = y = 0.0
        face = _wall_colour(segment, facts["SegmentModel"])
        axes.text(x, y, str(segment), ha="center", va="center", fontsize=size, color=text_colour(face))
    ring = _ring_of(facts, k + stack.first_slice)
    if ring in ("Basal", "Mid", "Apical") and facts["SeptumAngle"] is not None:
        turn = math.radians(facts["SeptumAngle"][ring])
        ends = [1.03 * float(slices.radius_mm[k]), 0.97 * reach]
        axes.plot(
            [end * math.cos(turn) for end in ends],
            [end * math.sin(turn) for end in ends],
            color="black",
            linewidth=0.7,
            linestyle=(0, (4, 2)),
        )
    for degrees, x, y in ((0, 0.94, 0.0), (90, 0.0, 0.92), (180, -0.94, 0.0), (270, 0.0, -0.92)):
        text = _letters(view.direction(degrees))
        axes.text(
            0.97 * x * reach, y * reach, text, ha="center", va="center", fontsize=size - 1, color="#444444"
        )


def _resampled(
    stack: Stack, slices: Slices, view: View, segments: np.ndarray, k: int, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """Labels and segments of slice k on the panel's own grid, uint8 (row, column), by the nearest voxel."""
    grid = (np.arange(PIXELS) + 0.5) / PIXELS * 2 * reach - reach
    across, up = np.meshgrid(grid, grid)
    offsets = across[..., np.newaxis] * view.zero + up[..., np.newaxis] * view.ninety
    into_voxels = np.linalg.pinv(stack.affine[:3, :2])
    place = (
        slices.centre[k] + offsets - stack.affine[:3, 3] - k * stack.affine[:3, 2]
    ) @ into_voxels.T  # (row, column, 2)
    nearest = np.floor(place + 0.5).astype(int)
    inside = ((nearest >= 0) & (nearest < stack.labels.shape[:2])).all(axis=2)
    i, j = np.where(inside, nearest[..., 0], 0), np.where(inside, nearest[..., 1], 0)
    return np.where(inside, stack.labels[i, j, k], 0), np.where(inside, segments[i, j, k], 0)


def _colours(labels: np.ndarray, names: np.ndarray, model: int) -> np.ndarray:
    from matplotlib.colors import to_rgb

    picture = np.empty((*labels.shape, 3))
    picture[:] = to_rgb(OUTSIDE)
    picture[labels == LV_POOL] = to_rgb(POOL)
    picture[labels == RV_POOL] = to_rgb(RIGHT)
    picture[np.isin(labels, MYOCARDIUM)] = to_rgb(UNASSIGNED)
    for segment in np.unique(names[names > 0]).tolist():
        picture[names == segment] = to_rgb(_wall_colour(segment, model))
    return picture


def _wall_colour(segment: int, model: Any) -> str:
    for members in segment_rings(model).values():
        if segment in members:
            return WALL_COLOURS[(SIX if len(members) == 6 else FOUR)[members.index(segment)]]
    return WALL_COLOURS["apex"]


def _letters(direction: np.ndarray) -> str:
    """The direction of the patient in at most two letters, as viewers write it: the stronger one first."""
    parts = sorted(AXES, key=lambda axis: -abs(float(direction[axis[0]])))
    return "".join(
        positive if direction[axis] > 0 else negative
        for axis, positive, negative in parts[:2]
        if abs(float(direction[axis])) > 0.38  # 22 degrees off the plane across it
    )


def _ring_of(facts: dict[str, Any], slice_index: int) -> str | None:
    return next((name for name, members in facts["SlicesPerRing"].items() if slice_index in members), None)


def _name_slice(axes: Axes, facts: dict[str, Any], slice_index: int, size: float) -> None:
    ring = _ring_of(facts, slice_index)
    reason = next((one["Reason"] for one in facts["ExcludedSlices"] if one["Slice"] == slice_index), "")
    text = f"slice {slice_index}, {ring.lower() if ring else 'excluded: ' + reason.split(' (')[0]}"
    axes.set_title(text, fontsize=size if ring else size - 1, pad=2)


def _draw_foot(figure: Figure, height: float, reach: float, side: float) -> None:
    from matplotlib.lines import Line2D

    length = 20.0 * 0.96 * side / (2 * reach)  # 20 mm of the heart, in mm of the page
    bar = Line2D(
        [4 / WIDTH_MM, (4 + length) / WIDTH_MM],
        [7 / height] * 2,
        color="black",
        linewidth=1.5,
        solid_capstyle="butt",
    )
    figure.add_artist(bar)
    figure.text((6 + length) / WIDTH_MM, 7 / height, "20 mm", va="center", fontsize=6)
    text = (
        "Seen from the apex. R L A P S I: right, left, anterior, posterior, superior, inferior of the patient. "
        "Dashed: middle of the septum. Grey: in no segment."
    )
    figure.text(0.985, 7 / height, text, ha="right", va="center", fontsize=5.5, color="#333333")
    figure.text(0.5, 2 / height, FOOTER, ha="center", va="center", fontsize=5, color="#444444")
