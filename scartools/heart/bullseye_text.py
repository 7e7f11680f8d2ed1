"""What is written into the segments of a bullseye, and how large: never under six points, never over a rim."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from scartools.errors import UsageError
from scartools.figures import MM_PER_INCH, text_mm
from scartools.heart.bullseye_layout import BAND, holds, text_place
from scartools.heart.bullseye_scales import Scale
from scartools.heart.nomenclature import SegmentModel, segment_names

if TYPE_CHECKING:
    from scartools.heart.polar_map import PolarMap

WIDEST_MM = (90.0, 68.0)  # a panel of one row, of several rows: more wastes paper
LEAST, MOST = 6.0, 8.0  # points: of any text, of the values
MARGIN_MM = 4.2  # round the disc and its band, for the names of the walls
Line = tuple[str, float, bool, float, float]  # text, points, bold, x of the middle, y of the base line
AIR_MM = 0.45  # between text and the rim of its segment
STRAIGHT = 6.5  # points; rather than smaller type, the lines of a slanting segment follow its ring


class Panel(NamedTuple):
    """One bullseye.

    title       above it
    values      by segment; NaN or a missing segment is not imaged
    smooth      the continuous map that colours the disc; None: each segment has the colour of its value
    difference  the values are a difference, with a scale of their own
    """

    title: str
    values: Mapping[int, float]
    smooth: PolarMap | None = None
    difference: bool = False


@dataclass(frozen=True)
class Look:
    """How all panels of a figure are drawn alike.

    columns      panels side by side
    side_mm      of a panel
    size         points, of the values
    leaning      number and value of a slanting segment follow its ring, where they would not fit upright
    model        16, 17 or 18
    show_values  else only the sign of a difference, which grey print would lose
    """

    columns: int
    side_mm: float
    size: float
    leaning: bool
    model: SegmentModel
    show_values: bool

    @property
    def radius_mm(self) -> float:
        """The radius of the disc."""
        return (self.side_mm / 2 - MARGIN_MM) / BAND[1]

    @property
    def label(self) -> float:
        """The type of the names of walls and territories, points."""
        return max(LEAST, self.size - 0.5)

    def digit(self, size: float) -> float:
        """The height of a digit in type of a size, in units of the disc."""
        return 0.73 * size * MM_PER_INCH / 72 / self.radius_mm

    def value_text(self, value: float, scale: Scale) -> str:
        """What is written for a value."""
        text = scale.text(value)
        if self.show_values:
            return text
        return text[0] if scale.signed and text[0] in "+\N{MINUS SIGN}" else ""


def arrange(
    panels: Sequence[Panel],
    plain: Scale,
    signed: Scale,
    model: SegmentModel,
    width_mm: float,
    show_values: bool,
) -> Look:
    """Choose how many panels stand side by side, and the type: as many as can hold every value.

    The ends of the plain scale have to fit as well, so that figures of one kind are laid out alike.
    Raises UsageError where even one panel a row is too narrow.
    """
    count = len(panels)
    for columns in dict.fromkeys((count, -(-count // 2), 1)):
        side = min(WIDEST_MM[columns < count], width_mm / columns)
        sizes = [MOST - 0.5 * step for step in range(int((MOST - LEAST) * 2) + 1)]
        straight = [(size, False) for size in sizes if size >= STRAIGHT]
        for size, leaning in [*straight, *((size, True) for size in sizes), (LEAST, False)]:
            look = Look(columns, side, size, leaning, model, show_values)
            if all(_fits(segment, text, look) for segment, text in _texts(panels, plain, signed, look)):
                return look
    raise UsageError(
        f"the values do not fit into a panel of {side:.0f} mm in type of {LEAST:g} points",
        remedy="Print fewer decimals or no values, or make the figure wider",
    )


def _texts(panels: Sequence[Panel], plain: Scale, signed: Scale, look: Look) -> set[tuple[int, str]]:
    """Every segment with every text that it may have to hold."""
    found = set()
    for panel in panels:
        scale = signed if panel.difference else plain
        ends = {look.value_text(end, scale) for end in (() if panel.difference else (*scale.limits, math.nan))}
        for segment in segment_names(look.model):
            own = look.value_text(float(panel.values.get(segment, math.nan)), scale)
            found |= {(segment, text) for text in ends | {own}}
    return found


def _fits(segment: int, text: str, look: Look) -> bool:
    """Whether the number of a segment and a text stay within it."""
    return _inside(segment, lines_of(segment, text, look), look)


def _inside(segment: int, lines: list[Line], look: Look) -> bool:
    """Whether lines stay within their segment, away from its rim."""
    for line, size, bold, x, y in lines:
        half = text_mm(line, size, bold=bold) / look.radius_mm / 2
        box = (x - half, y, x + half, y + look.digit(size))
        if not holds(segment, look.model, box, AIR_MM / look.radius_mm):
            return False
    return True


def lines_of(segment: int, text: str, look: Look) -> list[Line]:
    """The lines in a segment, its number and below it a text; they lean only where they would not fit upright."""
    upright = _lines(segment, text, look, leaning=False)
    if not look.leaning or _inside(segment, upright, look):
        return upright
    return _lines(segment, text, look, leaning=True)


def _lines(segment: int, text: str, look: Look, *, leaning: bool) -> list[Line]:
    x, y = text_place(segment, look.model)
    small = max(LEAST, look.size - 1.5)
    number = look.digit(small)
    if not text:
        return [(str(segment), small, False, x, y - number / 2)]
    value = look.digit(look.size)
    gap = 0.5 * value
    low = -(number + gap + value) / 2  # the base line of the value, under the middle
    lean = -y / x if leaning and abs(x) > 0.57 * abs(y) else 0.0
    lines = []
    for line, size, bold, base, high in (
        (str(segment), small, False, low + value + gap, number),
        (text, look.size, True, low, value),
    ):
        lines.append((line, size, bold, x + lean * (base + high / 2), y + base))
    return lines
