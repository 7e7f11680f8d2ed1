"""What every figure shares: one settled style, the notice, files that hold no date and so have fixed bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from scartools.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOOTER = "Research use only. Not a medical device; not for diagnosis or treatment."
SUFFIXES = (".svg", ".pdf", ".png")
DPI = 300  # of PNG
MM_PER_INCH = 25.4
STYLE: Mapping[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "svg.hashsalt": "scartools",  # else ids in an SVG are random
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "hatch.linewidth": 0.4,
}
_NO_DATES: Mapping[str, dict[str, Any]] = {
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    ".png": {"Software": None},
}


@contextmanager
def settled_style(more: Mapping[str, Any] | None = None) -> Iterator[None]:
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
    figure: Figure, suffix: str, *, dpi: int = DPI, more: Mapping[str, Any] | None = None
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
