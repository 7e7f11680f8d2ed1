"""A drawing as SVG text: lines, dots and words in a box with axes. Nothing but strings; equal input, equal bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"
INK, FAINT = "#1b1b1b", "#c9c9c9"
# Okabe and Ito, told apart without red and green
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5C00")


@dataclass
class Drawing:
    """A picture that grows by its methods; x to the right and y down, px."""

    width: float
    height: float
    title: str
    parts: list[str] = field(default_factory=list)

    def line(
        self, x1: float, y1: float, x2: float, y2: float, colour: str = INK, width: float = 1, dash: str = ""
    ) -> None:
        """Draw a straight line."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width:g}"{dashed}/>'
        )

    def dot(self, x: float, y: float, radius: float = 2.5, colour: str = INK, opacity: float = 1) -> None:
        """Draw a filled circle."""
        self.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{colour}" fill-opacity="{opacity:g}"/>'
        )

    def box(self, x: float, y: float, width: float, height: float, colour: str, opacity: float = 1) -> None:
        """Draw a filled rectangle."""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}" '
            f'fill-opacity="{opacity:g}"/>'
        )

    def text(
        self, x: float, y: float, words: str, anchor: str = "start", size: float = 12, colour: str = INK
    ) -> None:
        """Write words with their base line at y."""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}" fill="{colour}">'
            f"{escape(words)}</text>"
        )

    def svg(self) -> str:
        """Return the picture."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(self.title)}" '
            f'width="{self.width:g}" height="{self.height:g}" viewBox="0 0 {self.width:g} {self.height:g}" '
            f'font-family="{FONT}">'
        )
        return "".join([head, *self.parts, "</svg>"])


@dataclass(frozen=True)
class Scale:
    """A straight scale from values to px; first and last are the values at the ends of the axis."""

    first: float
    last: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.first) / (self.last - self.first)
        return self.start + share * (self.end - self.start)

    def ticks(self, about: int = 6) -> list[float]:
        """Return round values along the axis, about so many."""
        span = self.last - self.first
        power = 10.0 ** math.floor(math.log10(span / about))
        step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= about)
        lowest = math.ceil(self.first / step - 1e-9)
        return [at * step + 0.0 for at in range(lowest, math.floor(self.last / step + 1e-9) + 1)]

    def name(self, value: float) -> str:
        """Return a tick's value with as many decimals as the ticks need."""
        step = self.ticks()[1] - self.ticks()[0] if len(self.ticks()) > 1 else 1.0
        return f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


def fitted(values: Sequence[float], start: float, end: float, *, hold: Sequence[float] = ()) -> Scale:
    """Return a scale that holds all values, and `hold` besides, with a margin of 5 %."""
    known = [value for value in (*values, *hold) if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    margin = 0.05 * (high - low) or max(0.5, 0.05 * abs(high))
    return Scale(low - margin, high + margin, start, end)


def x_axis(drawing: Drawing, scale: Scale, y: float, title: str, top: float | None = None) -> None:
    """Draw an axis below a box that reaches up to `top`, whose ticks are faint lines there."""
    drawing.line(scale.start, y, scale.end, y)
    for value in scale.ticks():
        x = scale(value)
        if top is not None:
            drawing.line(x, top, x, y, "#ececec")
        drawing.line(x, y, x, y + 4)
        drawing.text(x, y + 16, scale.name(value), "middle", 11)
    drawing.text((scale.start + scale.end) / 2, y + 32, title, "middle", 12)


def y_axis(drawing: Drawing, scale: Scale, x: float, title: str, right: float | None = None) -> None:
    """Draw an axis to the left of a box that reaches to `right`; the title stands above it."""
    drawing.line(x, scale.start, x, scale.end)
    for value in scale.ticks(5):
        y = scale(value)
        if right is not None:
            drawing.line(x, y, right, y, "#ececec")
        drawing.line(x - 4, y, x, y)
        drawing.text(x - 7, y + 4, scale.name(value), "end", 11)
    drawing.text(x, scale.end - 8, title, "middle" if right is None else "start", 11)
