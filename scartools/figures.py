"""What every figure shares: one settled style, the notice, files that hold no date and so have fixed bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from scartools.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOOTER = "Research use only. Not a medical device; not for diagnosis or treatment."
SUFFIXES = (".svg", ".pdf", ".png")
DPI = 300  # of PNG
MM_PER_INCH = 25.4
STYLE: Mapping[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "svg.hashsalt": "scartools",  # else ids in an SVG are random
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "hatch.linewidth": 0.4,
}
# of our HTML pages: a browser that obeys it fetches nothing, whatever a name in the data may hold
HTML_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'"
)
_NO_DATES: Mapping[str, dict[str, Any]] = {
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    ".png": {"Software": None},
}


@contextmanager
def settled_style(more: Mapping[Any, Any] | None = None) -> Iterator[None]:
    """The same style whatever the user's matplotlibrc says; restored afterwards.

    more  further rcParams of one kind of figure, over STYLE
    """
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**STYLE, **(more or {})})
        yield


def require_suffix(suffix: str) -> None:
    """Raise InputError for a suffix that no figure can have."""
    if suffix not in SUFFIXES:
        raise InputError(f"figures cannot be written as '{suffix}'", remedy=f"Use {', '.join(SUFFIXES)}")


def figure_bytes(
    figure: Figure, suffix: str, *, dpi: float = DPI, more: Mapping[Any, Any] | None = None
) -> bytes:
    """The figure as ".svg", ".pdf" or ".png"; no date inside, so equal figures give equal bytes.

    dpi   of PNG, and of what is drawn as pixels in the other two
    more  rcParams the figure was made with, see settled_style
    Raises InputError for another suffix.
    """
    require_suffix(suffix)
    stream = io.BytesIO()
    with settled_style(more):
        figure.savefig(stream, format=suffix[1:], dpi=dpi, metadata=_NO_DATES[suffix])
    return stream.getvalue()


def text_colour(face: Any) -> str:
    """Black or white, whichever reads better on a colour (WCAG 2 relative luminance)."""
    return "black" if (luminance(face) + 0.05) / 0.05 >= 1.05 / (luminance(face) + 0.05) else "white"


def luminance(face: Any) -> float:
    """The relative luminance of a colour, 0 black to 1 white (WCAG 2)."""
    from matplotlib.colors import to_rgb

    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(face)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def whole_dpi(figure: Figure) -> float:
    """The resolution next to DPI at which the figure is a whole number of pixels wide, which else is cut down."""
    inches = float(figure.get_figwidth())
    return (round(inches * DPI) + 1e-4) / inches


def text_mm(text: str, size: float, *, bold: bool = False) -> float:
    """The width in mm of a line in type of `size` points."""
    return _ems(text, bold) * size * MM_PER_INCH / 72


@lru_cache(maxsize=4096)
def _ems(text: str, bold: bool) -> float:
    """The width of a line in units of its type."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=STYLE["font.family"], size=100, weight="bold" if bold else "normal")
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) / 100 if text else 0.0


def wrapped(text: str, size: float, width_mm: float, *, bold: bool = False) -> list[str]:
    """The lines of a text that fit into a width; a word that is longer than a line is cut."""
    lines: list[str] = []
    for word in text.split():
        if lines and text_mm(f"{lines[-1]} {word}", size, bold=bold) <= width_mm:
            lines[-1] += f" {word}"
            continue
        while word and text_mm(word, size, bold=bold) > width_mm:
            fitting = max(
                1,
                next(n for n in range(len(word), -1, -1) if text_mm(word[:n], size, bold=bold) <= width_mm),
            )
            lines.append(word[:fitting])
            word = word[fitting:]
        if word:
            lines.append(word)
    return lines
