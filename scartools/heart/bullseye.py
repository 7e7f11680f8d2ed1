"""The bullseye: up to four polar maps of 17 segments, or 16 or 18, side by side, as a figure for a paper.

Layout of Cerqueira et al., Circulation 2002;105:539, doi:10.1161/hc0402.102975: anterior on top, septum on the
left, segments 1 to 6 counter-clockwise, the apical ring turned so that 13 is on top, 17 in the centre.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from scartools.errors import InputError
from scartools.figures import FOOTER, MM_PER_INCH, settled_style, text_colour
from scartools.heart.nomenclature import (
    SegmentModel,
    segment_names,
    segment_rings,
    segment_territories,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure

Panel = tuple[str, Mapping[int, float]]
WIDTH_MM = {1: 90.0, 2: 180.0, 3: 180.0, 4: 180.0}  # one and two columns of a journal
RADII = {"Basal": (0.75, 1.0), "Mid": (0.5, 0.75), "Apical": (0.25, 0.5)}  # inner, outer
APEX_RADIUS = 0.25
WITHOUT_APEX = {
    "Basal": (0.74, 1.0),
    "Mid": (0.47, 0.74),
    "Apical": (0.0, 0.47),
}  # sectors that meet in the middle
NOT_IMAGED = "#d9d9d9"
COLOURS = "inferno_r"  # light to dark, even in lightness, safe for colour-blind readers
DARKEST = 0.82  # of that map: beyond it, territory lines would drown
TERRITORY_COLOURS = {"LAD": "#D55E00", "RCA": "#0072B2", "LCX": "#009E73"}  # Okabe and Ito
TERRITORY_LABELS = {"LAD": "LAD", "RCA": "RCA", "LCX": "LCx"}


def segment_wedge(segment: int, model: SegmentModel = 17) -> tuple[float, float, float, float]:
    """Where a segment lies on the disc of radius 1: inner and outer radius, start and end angle.

    Angles are degrees counter-clockwise from the right (lateral); 90 is the top (anterior), 180 the left
    (septum).
    """
    if segment == 17 and model == 17:
        return 0.0, APEX_RADIUS, 0.0, 360.0
    for name, members in segment_rings(model).items():
        if segment in members:
            inner, outer = (RADII if model == 17 else WITHOUT_APEX)[name]
            width = 360.0 / len(members)
            start = (90.0 - width / 2 + members.index(segment) * width) % 360.0
            return inner, outer, start, start + width
    raise InputError(f"segment {segment} does not exist", remedy=f"Segments are 1-{model}")


def draw_bullseye(
    panels: Sequence[Panel],
    *,
    unit: str,
    title: str | None = None,
    limits: tuple[float, float] | None = None,
    decimals: int = 0,
    model: SegmentModel = 17,
) -> Figure:
    """Draw one to four bullseyes that share one colour scale.

    panels    (title, {segment: value}); NaN or a missing segment is not imaged: hatched grey and "n/a", never
              zero
    unit      what the values are, on the colour bar: "Scar (% of segment)", "Transmurality (%)" ...
    title     above all panels
    limits    ends of the colour scale; None for 0 to the largest value, or 0 to 100 where the unit holds a
              percent sign
    decimals  digits after the point
    model     how many segments there are: 16, 17 or 18
    Returns a matplotlib figure 90 mm wide for one panel, 180 mm for more. Heavy lines divide the
    coronary territories that the standard assigns; the outer band names them.
    Raises InputError for another number of panels, or an unknown segment.
    """
    _check_panels(panels, model)
    with settled_style():
        from matplotlib import colormaps
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.colors import ListedColormap, Normalize
        from matplotlib.figure import Figure

        low, high = limits or _limits(panels, unit)
        shades = [colormaps[COLOURS](DARKEST * step / 255) for step in range(256)]
        scale, colours = Normalize(low, high, clip=True), ListedColormap(shades)
        width = WIDTH_MM[len(panels)]
        side = width / len(panels)  # mm, a square a panel
        top = 7.0 if title else 1.0
        height = top + side + 20.0
        figure = Figure(figsize=(width / MM_PER_INCH, height / MM_PER_INCH), facecolor="white")
        FigureCanvasAgg(figure)
        if title:
            figure.text(0.5, 1 - 2.0 / height, title, ha="center", va="top", fontsize=9, fontweight="bold")
        for place, (name, values) in enumerate(panels):
            axes = figure.add_axes((place / len(panels), 20.0 / height, 1 / len(panels), side / height))
            _draw_panel(axes, name, values, colours, scale, decimals, side, model)
        _draw_legends(figure, colours, scale, unit, panels, width, height)
    return figure


def _check_panels(panels: Sequence[Panel], model: SegmentModel) -> None:
    if not 1 <= len(panels) <= 4:
        raise InputError(
            f"{len(panels)} panels were given, where 1 to 4 are due", remedy="Draw several figures"
        )
    for name, values in panels:
        unknown = [segment for segment in values if segment not in segment_names(model)]
        if unknown:
            raise InputError(
                f"panel '{name}' holds the unknown segment {unknown[0]}", remedy=f"Segments are 1-{model}"
            )


def _limits(panels: Sequence[Panel], unit: str) -> tuple[float, float]:
    finite = [float(value) for _, values in panels for value in values.values() if math.isfinite(value)]
    low = min([0.0, *finite])
    if "%" in unit:
        return low, max([100.0, *finite])
    high = max(finite, default=0.0)
    return low, high if high > low else low + 1.0


def _draw_panel(
    axes: Axes,
    name: str,
    values: Mapping[int, float],
    colours: Colormap,
    scale: Normalize,
    decimals: int,
    side_mm: float,
    model: SegmentModel,
) -> None:
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set(xlim=(-1.3, 1.3), ylim=(-1.25, 1.35))
    size = max(6.5, min(8.0, 8.0 * side_mm / 75.0))  # points
    for segment in segment_names(model):
        value = float(values.get(segment, math.nan))
        _draw_segment(axes, segment, value, colours, scale, decimals, size, model)
    _draw_territories(axes, model)
    axes.text(0, 1.34, name, ha="center", va="top", fontsize=size + 0.5, fontweight="bold")
    for label, x, y, turn in (
        ("Anterior", 0.0, 1.14, 0),
        ("Inferior", 0.0, -1.15, 0),
        ("Septal", -1.15, 0.0, 90),
        ("Lateral", 1.15, 0.0, -90),
    ):
        axes.text(x, y, label, ha="center", va="center", rotation=turn, fontsize=size - 0.5, color="#333333")


def _draw_segment(
    axes: Axes,
    segment: int,
    value: float,
    colours: Colormap,
    scale: Normalize,
    decimals: int,
    size: float,
    model: SegmentModel,
) -> None:
    from matplotlib.patches import Wedge

    inner, outer, start, end = segment_wedge(segment, model)
    imaged = math.isfinite(value)
    face = colours(scale(value)) if imaged else NOT_IMAGED
    patch = Wedge(
        (0, 0), outer, start, end, width=outer - inner, facecolor=face, edgecolor="#555555", linewidth=0.5
    )
    patch.set_gid(f"segment-{segment}")
    if not imaged:
        patch.set(hatch="//////")
    axes.add_patch(patch)
    middle = math.radians((start + end) / 2)
    radius = 0.0 if end - start == 360.0 else (inner + outer) / (2.0 if inner else 1.5)
    x, y = radius * math.cos(middle), radius * math.sin(middle)
    if math.sin(middle) < -0.9 and end - start < 360.0:
        y -= 0.02  # clear of the heavy line above the inferior segments
    ink = text_colour(face)
    text = f"{value:.{decimals}f}" if imaged else "n/a"
    box = None if imaged else {"facecolor": NOT_IMAGED, "edgecolor": "none", "pad": 0.6}
    axes.text(x, y + 0.064, str(segment), ha="center", va="center", fontsize=size - 1.5, color=ink, bbox=box)
    axes.text(x, y - 0.026, text, ha="center", va="center", fontsize=size, color=ink, bbox=box)


def _draw_territories(axes: Axes, model: SegmentModel) -> None:
    """Heavy lines where two territories meet, and a band outside that names them by colour."""
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Wedge

    owner = {segment: name for name, members in segment_territories(model).items() for segment in members}
    rings = [*reversed(segment_rings(model).values())]  # apical, mid, basal
    lines = []
    for ring, members in enumerate(rings):
        for segment, following in zip(members, (*members[1:], members[0]), strict=True):
            inner, outer, _, end = segment_wedge(segment, model)
            if owner[segment] != owner[following]:
                lines.append(_polar([(inner, end), (outer, end)]))
        if ring == 0 and model != 17:
            continue  # nothing lies inside the apical ring
        inside = rings[ring - 1] if ring else (17,)
        border = segment_wedge(members[0], model)[0]
        for degree in range(0, 360, 5):
            if owner[_at(members, degree + 2.5, model)] != owner[_at(inside, degree + 2.5, model)]:
                lines.append(_polar([(border, degree + part) for part in range(6)]))
    # White below black, so that the lines show on dark segments too.
    axes.add_collection(LineCollection(lines, colors="white", linewidths=2.4, capstyle="round"))
    axes.add_collection(LineCollection(lines, colors="black", linewidths=1.4, capstyle="round"))
    for name, members in segment_territories(model).items():
        wedges = [segment_wedge(segment, model) for segment in members if segment <= 6]
        first, last = wedges[0][2], wedges[-1][3]  # members follow each other counter-clockwise
        end = first + (last - first) % 360.0
        band = Wedge((0, 0), 1.07, first, end, width=0.05, facecolor=TERRITORY_COLOURS[name], linewidth=0)
        axes.add_patch(band)


def _at(members: Sequence[int], degree: float, model: SegmentModel) -> int:
    """The segment of a ring at an angle."""
    for segment in members:
        start, end = segment_wedge(segment, model)[2:]
        if (degree - start) % 360.0 < end - start:
            return segment
    return members[0]


def _polar(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """(radius, degrees) to (x, y)."""
    turns = [(radius, math.radians(degree)) for radius, degree in points]
    return [(radius * math.cos(turn), radius * math.sin(turn)) for radius, turn in turns]


def _draw_legends(
    figure: Figure,
    colours: Colormap,
    scale: Normalize,
    unit: str,
    panels: Sequence[Panel],
    width: float,
    height: float,
) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.patches import Patch

    bar = figure.add_axes((0.5 - 28.0 / width, 16.0 / height, 56.0 / width, 2.6 / height))
    low, high = scale.vmin or 0.0, scale.vmax or 0.0
    values = [float(value) for _, one in panels for value in one.values() if math.isfinite(value)]
    above, below = max(values, default=0.0) > high, min(values, default=0.0) < low
    extend = {(True, True): "both", (True, False): "max", (False, True): "min", (False, False): "neither"}
    colourbar = figure.colorbar(
        ScalarMappable(scale, colours), cax=bar, orientation="horizontal", extend=extend[above, below]
    )
    colourbar.set_label(unit, fontsize=6.5, labelpad=1)
    colourbar.outline.set_linewidth(0.5)
    bar.tick_params(labelsize=6, length=2, width=0.5, pad=1)
    handles = [Patch(color=colour, label=TERRITORY_LABELS[name]) for name, colour in TERRITORY_COLOURS.items()]
    handles.append(
        Patch(facecolor=NOT_IMAGED, edgecolor="#555555", hatch="//////", linewidth=0.5, label="not imaged")
    )
    figure.legend(
        handles=handles,
        loc="center",
        bbox_to_anchor=(0.5, 6.0 / height),
        ncols=4,
        fontsize=6,
        frameon=False,
        handlelength=1.4,
        columnspacing=1.2,
        handletextpad=0.5,
    )
    figure.text(0.5, 1.5 / height, FOOTER, ha="center", va="bottom", fontsize=5, color="#444444")
