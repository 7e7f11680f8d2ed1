"""The colours of a bullseye: one scale for all values, one of its own for a difference."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from scartools.errors import InputError
from scartools.heart.segment_columns import COLUMNS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure

COLOURS = "inferno_r"  # light to dark, even in lightness, safe for colour-blind readers and on grey print
DARKEST = 0.82  # of that map: beyond it, territory lines would drown
DIFFERENCES = "PuOr_r"  # purple below zero, white, orange above (ColorBrewer); told apart by the colour-blind
ENDS = 0.06  # of that map, left out at both ends: too dark for the lines
NOT_IMAGED = "#d9d9d9"
HATCH = "//////"
# What the values are, and of what they are a share
COLOUR_BAR = {
    "scar_percent": ("Scar", "% of segment"),
    "lv_percent": ("Scar", "% of the LV"),
    "transmurality_mean_percent": ("Mean transmurality", "% of wall"),
}
SMOOTH_BAR = {
    "scar_percent": ("Scar", "% of wall"),
    "transmurality_mean_percent": ("Transmurality", "% of wall"),
}
NICE = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """Values as colours and as text.

    limits    the ends
    unit      beside the colour bar
    signed    a difference: centred at zero, numbers with their sign
    decimals  digits after the point
    """

    limits: tuple[float, float]
    unit: str
    signed: bool = False
    decimals: int = 0

    @property
    def norm(self) -> Normalize:
        """The values between the ends as 0 to 1, those beyond as the end."""
        from matplotlib.colors import Normalize

        return Normalize(*self.limits, clip=True)

    @property
    def colours(self) -> Colormap:
        """The map from 0 to 1."""
        return _colours(self.signed)

    def colour(self, value: float) -> Any:
        """The colour of a value, RGBA; that of what was not imaged for NaN."""
        return self.colours(self.norm(value)) if math.isfinite(value) else NOT_IMAGED

    def text(self, value: float) -> str:
        """The value as it is printed: n/a for NaN, a true minus, no sign before zero."""
        if not math.isfinite(value):
            return "n/a"
        text = f"{value:+.{self.decimals}f}" if self.signed else f"{value:.{self.decimals}f}"
        if float(text) == 0:
            text = text.lstrip("+-")
        return text.replace("-", "\N{MINUS SIGN}")


@lru_cache(maxsize=2)
def _colours(signed: bool) -> Colormap:
    import numpy as np
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    steps = np.linspace(0.0, 1.0, 256)
    return ListedColormap(
        colormaps[DIFFERENCES](ENDS + (1 - 2 * ENDS) * steps) if signed else colormaps[COLOURS](DARKEST * steps)
    )


def value_limits(values: Iterable[float], unit: str) -> tuple[float, float]:
    """0 to the largest value, or to 100 where the unit is percent."""
    finite = [float(value) for value in values if math.isfinite(value)]
    low = min([0.0, *finite])
    if "%" in unit:
        return low, max([100.0, *finite])
    high = max(finite, default=0.0)
    return low, high if high > low else low + 1.0


def difference_limits(values: Iterable[float], largest: float | None = None) -> tuple[float, float]:
    """The same to both sides of zero: the next of 1, 2, 2.5, 5, 10 ... that holds every value, or `largest`.

    Raises InputError for a largest that is no positive number.
    """
    if largest is not None and not 0 < largest < math.inf:
        raise InputError(f"the largest difference is {largest:g}, where a positive number is due")
    reach = max((abs(float(value)) for value in values if math.isfinite(value)), default=0.0)
    if largest is None:
        power = 10.0 ** math.floor(math.log10(reach)) if reach > 0 else 1.0
        largest = next(step * power for step in NICE if step * power >= reach * (1 - 1e-9))
    return -largest, largest


def bar_labels(column: str, *, smooth: bool = False) -> tuple[str, str]:
    """What stands beside the colour bars of a column of a table of segments, and of its difference: name and unit.

    smooth  a continuous map: its values are not those of whole segments
    """
    words = column.removesuffix("_percent").removesuffix("_ml").removesuffix("_g").replace("_", " ")
    plain = (f"{words[:1].upper()}{words[1:]}", COLUMNS.get(column, ("", None))[1])
    name, unit = (SMOOTH_BAR if smooth else COLOUR_BAR).get(column, plain)
    if not unit:
        return name, f"Difference: {name[:1].lower()}{name[1:]}"
    points = "percentage points" if "%" in unit else unit
    return f"{name} ({unit})", f"Difference: {name[:1].lower()}{name[1:]} ({points})"


def draw_bar(
    figure: Figure, axes: Axes, scale: Scale, label: Sequence[str], values: Iterable[float], size: float
) -> None:
    """Draw the colour bar of a scale into axes, with a label of some lines; an arrow where values lie beyond an end."""
    from matplotlib.cm import ScalarMappable

    low, high = scale.limits
    finite = [float(value) for value in values if math.isfinite(value)]
    above, below = max(finite, default=0.0) > high, min(finite, default=0.0) < low
    extend = {(True, True): "both", (True, False): "max", (False, True): "min", (False, False): "neither"}
    bar = figure.colorbar(
        ScalarMappable(scale.norm, scale.colours),
        cax=axes,
        orientation="horizontal",
        extend=extend[above, below],
    )
    bar.set_ticks([low + (high - low) * step / 4 for step in range(5)] if scale.signed else _ticks(low, high))
    bar.ax.set_xticklabels([_tick(tick, scale.signed) for tick in bar.get_ticks()])
    bar.set_label("\n".join(label), fontsize=size + 0.5, labelpad=1)
    bar.outline.set_linewidth(0.5)
    axes.tick_params(labelsize=size, length=2, width=0.5, pad=1)


def _ticks(low: float, high: float) -> list[float]:
    from matplotlib.ticker import MaxNLocator

    return [tick for tick in MaxNLocator(5).tick_values(low, high) if low - 1e-9 <= tick <= high + 1e-9]


def _tick(value: float, signed: bool) -> str:
    text = f"{value:+.4g}" if signed and value else f"{value:.4g}"
    return text.replace("-", "\N{MINUS SIGN}")
