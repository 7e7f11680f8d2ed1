"""The bullseye: up to four polar maps of 17 segments, or 16 or 18, as a figure for a paper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scartools.errors import InputError, UsageError
from scartools.figures import FOOTER, MM_PER_INCH, settled_style, text_colour, wrapped
from scartools.heart.bullseye_layout import (
    BAND,
    segment_wedge,
    territory_lines,
    territory_spans,
    text_place,
)
from scartools.heart.bullseye_scales import (
    HATCH,
    NOT_IMAGED,
    Scale,
    difference_limits,
    draw_bar,
    value_limits,
)
from scartools.heart.bullseye_text import LEAST, MOST, Look, Panel, arrange, lines_of
from scartools.heart.nomenclature import SegmentModel, segment_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scartools.heart.polar_map import PolarMap

MOST_PANELS = 4
WIDTH_MM = {1: 90.0, 2: 180.0, 3: 180.0, 4: 180.0}  # one and two columns of a journal
WIDTHS_MM = (45.0, 400.0)  # of a figure
SMALL = 6.0  # points: notes and legend
LINE_MM = 2.75  # a line of notes
BAR_MM = 11.5  # a colour bar with its numbers and label
HEAD_MM = 3.6  # a line of a panel's name
MOST_LINES = 4  # of a name
PIXELS_PER_MM = 12  # of a continuous map: 300 dpi
TERRITORY_COLOURS = {"LAD": "#D55E00", "RCA": "#0072B2", "LCX": "#009E73"}  # Okabe and Ito
TERRITORY_LABELS = {"LAD": "LAD", "RCA": "RCA", "LCX": "LCx"}
CORNERS = {"LAD": (-1, 1), "RCA": (-1, -1), "LCX": (1, -1)}  # of the panel, beside their part of the band


@dataclass(frozen=True)
class _Sheet:
    """Measures of the figure, mm."""

    width: float
    height: float
    columns: int
    side: float  # of a panel
    head: float  # above each row of panels
    foot: float  # below them: bars, legend, notes

    def box(self, left: float, lower: float, wide: float, high: float) -> tuple[float, float, float, float]:
        """Mm as shares of the figure."""
        return left / self.width, lower / self.height, wide / self.width, high / self.height


@dataclass(frozen=True)
class _Bar:
    """A colour bar: its scale, the middle and the width of its place in mm, the lines of its label."""

    scale: Scale
    middle: float
    cell: float
    label: list[str]


def draw_bullseye(
    panels: Sequence[Panel | tuple[str, Mapping[int, float]]],
    *,
    unit: str,
    title: str | None = None,
    limits: tuple[float, float] | None = None,
    decimals: int = 0,
    model: SegmentModel = 17,
    width_mm: float | None = None,
    show_values: bool = True,
    difference_unit: str = "Difference",
    largest_difference: float | None = None,
    notes: Sequence[str] = (),
) -> Figure:
    """Draw one to four bullseyes; all but differences share one colour scale.

    panels    a Panel, or (title, {segment: value}); NaN or a missing segment is not imaged: hatched grey and "n/a",
              never zero
    unit      what the values are, on the colour bar: "Scar (% of segment)", "Transmurality (%)" ...
    title     above all panels
    limits    ends of the colour scale; None for 0 to the largest value, or 0 to 100 where the unit holds a
              percent sign
    decimals  digits after the point
    model     how many segments there are: 16, 17 or 18
    width_mm  of the figure; None for 90 with one panel, 180 with more. Panels stand in as many columns as fit
    show_values  print the value of each segment; a difference keeps its sign, which grey print would lose
    difference_unit, largest_difference  of the scale of differences, centred at zero; None: by the values
    notes     sentences under the figure
    Returns a matplotlib figure. Heavy lines divide the coronary territories that the standard assigns; the outer band
    and its labels name them. No text is smaller than 6 points.
    Raises InputError for another number of panels, or an unknown segment; UsageError where the text does not fit.
    """
    shown = [Panel(*one) for one in panels]
    _check(shown, model, width_mm)
    with settled_style():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        width = width_mm or WIDTH_MM[len(shown)]
        plain = Scale(limits or value_limits(_values(shown, False), unit), unit, decimals=decimals)
        signed = Scale(
            difference_limits(_values(shown, True), largest_difference), difference_unit, True, decimals
        )
        look = arrange(shown, plain, signed, model, width, show_values)
        heads = [wrapped(one.title, LEAST + 1.5, look.side_mm - 3.0, bold=True) for one in shown]
        above = wrapped(title or "", MOST + 1, width - 4.0, bold=True)
        if max(map(len, [above, *heads])) > MOST_LINES:
            raise UsageError(
                f"a name does not fit into {MOST_LINES} lines of {look.side_mm:.0f} mm", remedy="Shorten it"
            )
        reading = ["Above: number of the segment. Bold: its value."] if show_values else []
        said = " ".join([*reading, *notes])
        lines = [line for note in (said, FOOTER) for line in wrapped(note, SMALL, width - 3.0)]
        hatched = any(
            not math.isfinite(one.values.get(k, math.nan)) for one in shown for k in segment_names(model)
        )
        head = 1.0 + HEAD_MM * max(map(len, heads))
        bars = _bars(shown, plain, signed, look, width)
        labels = max(len(bar.label) for bar in bars)
        foot = (
            BAR_MM + LINE_MM * (labels - 1) + (LINE_MM + 1.2 if hatched else 0.0) + LINE_MM * len(lines) + 1.5
        )
        top = 1.5 + 4.2 * len(above) if above else 0.0
        height = top + -(-len(shown) // look.columns) * (head + look.side_mm) + foot
        sheet = _Sheet(width, height, look.columns, look.side_mm, head, foot)
        figure = Figure(figsize=(width / MM_PER_INCH, height / MM_PER_INCH), facecolor="white")
        FigureCanvasAgg(figure)
        _write(figure, "\n".join(above), 0.5, 1 - 1.5 / height, MOST + 1, va="top", fontweight="bold")
        for place, (panel, name) in enumerate(zip(shown, heads, strict=True)):
            axes = _panel_axes(figure, sheet, look.radius_mm, place, len(shown), top, "\n".join(name))
            _draw_panel(axes, panel, signed if panel.difference else plain, look)
        _draw_foot(figure, sheet, shown, bars, lines, hatched)
    return figure


def _check(panels: Sequence[Panel], model: SegmentModel, width_mm: float | None) -> None:
    if not 1 <= len(panels) <= MOST_PANELS:
        raise InputError(
            f"{len(panels)} panels were given, where 1 to 4 are due", remedy="Draw several figures"
        )
    if width_mm is not None and not WIDTHS_MM[0] <= width_mm <= WIDTHS_MM[1]:
        raise InputError(f"a figure {width_mm:g} mm wide is not drawn", remedy="Use 45 to 400 mm")
    for panel in panels:
        unknown = [segment for segment in panel.values if segment not in segment_names(model)]
        if unknown:
            raise InputError(
                f"panel '{panel.title}' holds the unknown segment {unknown[0]}",
                remedy=f"Segments are 1-{model}",
            )


def _values(panels: Sequence[Panel], difference: bool) -> list[float]:
    """Every value that the scale of differences, or the other one, has to hold."""
    found = [float(v) for one in panels if one.difference == difference for v in one.values.values()]
    for one in panels:
        if one.smooth is not None and one.difference == difference:
            known = one.smooth.values[one.smooth.values == one.smooth.values]
            found += [float(known.min()), float(known.max())] if known.size else []
    return found


def _panel_axes(
    figure: Figure, sheet: _Sheet, radius_mm: float, place: int, count: int, top: float, name: str
) -> Axes:
    """The axes of a panel, in units of its disc, and its name above; a short last row stands in the middle."""
    row, column = divmod(place, sheet.columns)
    in_row = min(sheet.columns, count - row * sheet.columns)
    left = (sheet.width - in_row * sheet.side) / 2 + column * sheet.side
    upper = sheet.height - top - row * (sheet.head + sheet.side)
    axes = figure.add_axes(sheet.box(left, upper - sheet.head - sheet.side, sheet.side, sheet.side))
    axes.set_axis_off()
    axes.set_aspect("equal")
    reach = sheet.side / 2 / radius_mm
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach))
    where = ((left + sheet.side / 2) / sheet.width, (upper - sheet.head + 0.2) / sheet.height)
    _write(figure, name, *where, LEAST + 1.5, va="bottom", fontweight="bold")
    return axes


def _draw_panel(axes: Axes, panel: Panel, scale: Scale, look: Look) -> None:
    if panel.smooth is not None:
        _draw_map(axes, panel.smooth, scale, look)
    for segment in segment_names(look.model):
        _draw_segment(axes, panel, segment, scale, look)
    _draw_territories(axes, look)
    away = BAND[1] + 1.9 / look.radius_mm
    for label, x, y, turn in (
        ("Anterior", 0.0, away, 0),
        ("Inferior", 0.0, -away, 0),
        ("Septal", -away, 0.0, 90),
        ("Lateral", away, 0.0, -90),
    ):
        where: dict[str, Any] = {"ha": "center", "va": "center", "rotation": turn}
        axes.text(x, y, label, fontsize=look.label, color="#333333", **where)


def _draw_map(axes: Axes, smooth: PolarMap, scale: Scale, look: Look) -> None:
    """The continuous map as a picture of 300 dpi, over a hatched disc that shows where nothing was imaged."""
    import numpy as np
    from matplotlib.patches import Circle

    ground = Circle((0, 0), 1.0, facecolor=NOT_IMAGED, edgecolor="#555555", hatch=HATCH, linewidth=0.0)
    ground.set_gid("not-imaged")
    axes.add_patch(ground)
    pixels = math.ceil(2 * look.radius_mm * PIXELS_PER_MM)
    grid = (np.arange(pixels) + 0.5) / pixels * 2 - 1
    x, y = np.meshgrid(grid, grid)
    # the outermost pixels take the value of the rim, so that the clipped edge is not frayed
    radius = np.where(np.hypot(x, y) < 1.02, np.minimum(np.hypot(x, y), 0.9999), 2.0)
    values = smooth.at(radius, np.degrees(np.arctan2(y, x)))
    picture = scale.colours(scale.norm(np.nan_to_num(values)), bytes=True)
    picture[..., 3] = np.where(np.isfinite(values), 255, 0)
    image = axes.imshow(picture, extent=(-1, 1, -1, 1), origin="lower", interpolation="none", zorder=1.5)
    image.set_gid("map")
    image.set_clip_path(Circle((0, 0), 1.0, transform=axes.transData))
    axes.set_aspect("equal")


def _draw_segment(axes: Axes, panel: Panel, segment: int, scale: Scale, look: Look) -> None:
    from matplotlib.patches import Wedge

    inner, outer, start, end = segment_wedge(segment, look.model)
    value = float(panel.values.get(segment, math.nan))
    face: Any = scale.colour(value)
    patch = Wedge((0, 0), outer, start, end, width=outer - inner, edgecolor="#555555", linewidth=0.5)
    patch.set_gid(f"segment-{segment}")
    patch.set(facecolor=face, zorder=1.0) if panel.smooth is None else patch.set(facecolor="none", zorder=1.8)
    if not math.isfinite(value) and panel.smooth is None:
        patch.set(hatch=HATCH)
    axes.add_patch(patch)
    at = text_place(segment, look.model)
    for line, size, bold, x, y in lines_of(segment, look.value_text(value, scale), look):
        # by the base line: digits have no descent, which the middle of a box would allow for
        weight = "bold" if bold else "normal"
        written = axes.text(x, y, line, ha="center", va="baseline", fontsize=size, fontweight=weight)
        _make_legible(written, panel, face, at, scale, math.isfinite(value))


def _make_legible(
    written: Any, panel: Panel, face: Any, at: tuple[float, float], scale: Scale, imaged: bool
) -> None:
    """Black or white ink by what lies below; a halo over a map that changes, a plain ground over hatching."""
    import numpy as np
    from matplotlib.patheffects import withStroke

    if panel.smooth is not None:
        below = panel.smooth.at(np.array([math.hypot(*at)]), np.degrees([math.atan2(at[1], at[0])]))[0]
        face = scale.colour(float(below))
        imaged = math.isfinite(below)
    ink = text_colour(face)
    written.set_color(ink)
    if not imaged:
        written.set_bbox({"facecolor": NOT_IMAGED, "edgecolor": "none", "pad": 0.5})
    elif panel.smooth is not None:
        written.set_path_effects([withStroke(linewidth=1.2, foreground=face)])


def _draw_territories(axes: Axes, look: Look) -> None:
    """Heavy lines where two territories meet, and a band outside that names them."""
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Wedge

    lines = territory_lines(look.model)
    # White below black, so that the lines show on dark segments too.
    axes.add_collection(LineCollection(lines, colors="white", linewidths=2.2, capstyle="round", zorder=2.1))
    axes.add_collection(LineCollection(lines, colors="black", linewidths=1.3, capstyle="round", zorder=2.2))
    corner = (BAND[1] + 0.7 / look.radius_mm) * math.sqrt(0.5)
    for name, (start, end) in territory_spans(look.model).items():
        colour = TERRITORY_COLOURS[name]
        axes.add_patch(
            Wedge((0, 0), BAND[1], start, end, width=BAND[1] - BAND[0], facecolor=colour, linewidth=0)
        )
        x, y = CORNERS[name]
        axes.text(
            x * corner,
            y * corner,
            TERRITORY_LABELS[name],
            ha="right" if x < 0 else "left",
            va="bottom" if y > 0 else "top",
            fontsize=look.label,
            color=colour if name != "LCX" else "#00704F",  # as dark as the others, to be read on white
            fontweight="bold",
        )


def _bars(panels: Sequence[Panel], plain: Scale, signed: Scale, look: Look, width: float) -> list[_Bar]:
    """The colour bars that the panels need, side by side; each below its own panels where these are in one row."""
    scales = [scale for scale in (plain, signed) if any(one.difference == scale.signed for one in panels)]
    places = [(width * (place + 0.5) / len(scales), width / len(scales)) for place in range(len(scales))]
    if len(scales) == 2 and look.columns == len(panels) > 2:
        side = width / len(panels)
        places = [((width - side) / 2, side), (width - side / 2, side)]
    return [
        _Bar(scale, middle, cell, wrapped(scale.unit, SMALL + 0.5, cell - 3.0))
        for scale, (middle, cell) in zip(scales, places, strict=True)
    ]


def _draw_foot(
    figure: Figure,
    sheet: _Sheet,
    panels: Sequence[Panel],
    bars: Sequence[_Bar],
    lines: Sequence[str],
    hatched: bool,
) -> None:
    """Colour bars, the legend of the hatching, the notes."""
    from matplotlib.patches import Patch

    for bar in bars:
        wide = min(56.0, bar.cell - 8.0)
        axes = figure.add_axes(sheet.box(bar.middle - wide / 2, sheet.foot - 3.6, wide, 2.6))
        draw_bar(figure, axes, bar.scale, bar.label, _values(panels, bar.scale.signed), SMALL)
    lower = 1.5 + LINE_MM * len(lines)
    if hatched:
        patch = Patch(facecolor=NOT_IMAGED, edgecolor="#555555", hatch=HATCH, linewidth=0.5)
        patch.set_label("not imaged")
        figure.legend(
            handles=[patch],
            loc="center",
            bbox_to_anchor=(0.5, (lower + (LINE_MM + 1.2) / 2) / sheet.height),
            fontsize=SMALL,
            frameon=False,
            handlelength=1.8,
            handletextpad=0.5,
            borderpad=0,
        )
    for place, line in enumerate(reversed(lines)):
        _write(figure, line, 0.5, (1.0 + LINE_MM * place) / sheet.height, SMALL, va="bottom", color="#333333")


def _write(figure: Figure, text: str, x: float, y: float, size: float, **more: Any) -> None:
    """Write on the figure, as it stands: a dollar sign is no formula."""
    if text:
        figure.text(x, y, text, ha="center", fontsize=size, parse_math=False, **more)
