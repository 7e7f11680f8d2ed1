"""A median beat on ECG paper, twelve leads, at true scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from scartools.ecg.delineate import RATE_HZ, Fiducials
from scartools.ecg.measure import Measurements
from scartools.ecg.reading import LEADS
from scartools.errors import InputError
from scartools.figures import FOOTER, MM_PER_INCH, figure_bytes, require_suffix, settled_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SPEED, GAIN = 25.0, 10.0  # mm/s, mm/mV
COLUMNS = 4  # of three leads each: I II III | aVR aVL aVF | V1 V2 V3 | V4 V5 V6
MARGIN, HEADER, BOTTOM = 5.0, 12.0, 7.0  # mm
GAP_MM = 5.0  # between the columns
PULSE_MM = 10.0  # room for the calibration pulse at the left
ROW_MM = (25.0, 80.0)  # least and largest height of a row
AIR_MM = 4.0  # above the highest and below the lowest sample of a row
TRACE = "#111111"
MINOR, MAJOR = "#f6dfd9", "#e3aa9c"  # the paper; pale, so that the trace is what one sees, also in grey
# Okabe and Ito, safe for colour-blind readers; P, QRS and T differ in dashes as well
EVERY_SAMPLE = {"path.simplify": False}  # stays in the vector formats
MARKS = {"P": ("#0072B2", (0, (3, 1.5))), "QRS": ("#000000", (0, (1, 1.2))), "T": ("#D55E00", (0, (5, 1.5)))}


def draw_beat(
    beat: np.ndarray,
    fiducials: Fiducials,
    measurements: Measurements,
    suffix: str = ".svg",
    *,
    dpi: int = 300,
) -> bytes:
    """Draw the twelve leads of a median beat on ECG paper.

    beat          float64 (12, T), mV at 500 Hz, NaN where absent
    fiducials     onsets and ends, thin vertical marks: P dashed blue, QRS dotted black, T dashed orange
    measurements  for the line under the leads; n/a where absent
    suffix        ".svg", ".pdf" or ".png"; dpi: of PNG alone
    Returns the file. In all three, 25 mm on the sheet are a second and 10 mm a millivolt; a thin line every mm, a stronger
    one every 5 mm; the sheet has the size that the beat needs. Rows are as high as their leads ask, up to 80 mm, where
    they are cut and say so. No names, no dates, no patient data; equal input gives equal bytes.
    Raises InputError for another suffix or another shape of the beat.
    """
    require_suffix(suffix)
    beat = np.asarray(beat, dtype=np.float64)
    if beat.ndim != 2 or len(beat) != len(LEADS):
        raise InputError(f"a beat has the shape (12, 600), this one {beat.shape}")
    with settled_style(EVERY_SAMPLE):
        figure = _figure(beat, fiducials, measurements)
    return figure_bytes(figure, suffix, dpi=dpi, more=EVERY_SAMPLE)


def _figure(beat: np.ndarray, fiducials: Fiducials, measurements: Measurements) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    wide = GAP_MM + 5.0 * np.ceil(beat.shape[1] / RATE_HZ * SPEED / 5.0)  # mm a column, whole large squares
    rows = [_room(beat[row::3]) for row in range(3)]  # (above, below) mm
    paper = (PULSE_MM + COLUMNS * wide + GAP_MM, sum(above + below for above, below in rows))
    size = (paper[0] + 2 * MARGIN, paper[1] + HEADER + BOTTOM)
    figure = Figure(figsize=(size[0] / MM_PER_INCH, size[1] / MM_PER_INCH), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes(
        (MARGIN / size[0], BOTTOM / size[1], paper[0] / size[0], paper[1] / size[1])
    )  # its data are mm of paper, x to the right, y upwards
    axes.set(xlim=(0, paper[0]), ylim=(0, paper[1]))
    axes.set_axis_off()
    _draw_paper(axes, paper)
    top = paper[1]
    for row, (above, below) in enumerate(rows):
        base = top - above
        _draw_pulse(axes, base)
        for column in range(COLUMNS):
            left = PULSE_MM + GAP_MM + column * wide
            _draw_lead(axes, LEADS[3 * column + row], beat[3 * column + row], left, base, (above, below))
            if np.isfinite(beat[3 * column + row]).any():
                _draw_marks(axes, fiducials, left, base, (above, below), beat.shape[1])
        top -= above + below
    left, right = MARGIN / size[0], 1 - MARGIN / size[0]
    scale = f"{SPEED:g} mm/s, {GAIN:g} mm/mV; pulse 1 mV, 0.2 s"
    figure.text(left, 1 - 4.0 / size[1], _summary(measurements), ha="left", va="center", fontsize=8)
    figure.text(left, 1 - 8.7 / size[1], scale, ha="left", va="center", fontsize=7)
    figure.text(right, 3.5 / size[1], FOOTER, ha="right", va="center", fontsize=6, color="#444444")
    _draw_legend(figure, size)
    return figure


def _room(leads: np.ndarray) -> tuple[float, float]:
    """Return the mm that a row needs above and below its level, whole large squares."""
    present = leads[np.isfinite(leads)]
    high, low = (float(present.max()), float(present.min())) if len(present) else (0.0, 0.0)
    above = 5.0 * np.ceil((max(high, 0.5) * GAIN + AIR_MM) / 5.0)
    below = 5.0 * np.ceil((max(-low, 0.0) * GAIN + AIR_MM) / 5.0)
    share = min(1.0, ROW_MM[1] / (above + below))
    above, below = 5.0 * np.floor(above * share / 5.0), 5.0 * np.floor(below * share / 5.0)
    return max(above, 10.0), max(below, 5.0, ROW_MM[0] - max(above, 10.0))


def _draw_paper(axes: Axes, paper: tuple[float, float]) -> None:
    from matplotlib.collections import LineCollection

    for step, colour, width in ((1.0, MINOR, 0.25), (5.0, MAJOR, 0.45)):
        lines = [[(x, 0.0), (x, paper[1])] for x in np.arange(0, paper[0] + 0.5, step)]
        lines += [[(0.0, y), (paper[0], y)] for y in np.arange(0, paper[1] + 0.5, step)]
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=width, zorder=1, clip_on=False))


def _draw_pulse(axes: Axes, base: float) -> None:
    """Draw the pulse of 1 mV and 200 ms at the left of a row."""
    x = [1.0, 2.0, 2.0, 7.0, 7.0, 8.0]
    y = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 0.0]) * GAIN + base
    axes.plot(x, y, color=TRACE, linewidth=0.7, zorder=4, solid_joinstyle="miter", gid="pulse")


def _draw_lead(
    axes: Axes, name: str, lead: np.ndarray, left: float, base: float, room: tuple[float, float]
) -> None:
    heights = lead * GAIN
    cut = np.clip(heights, -room[1], room[0])
    label = f"{name}: n/a"
    if np.isfinite(lead).any():
        label = name
        x = left + np.arange(len(lead)) / RATE_HZ * SPEED
        axes.plot(
            x, base + cut, color=TRACE, linewidth=0.8, zorder=5, solid_joinstyle="round", gid=f"lead-{name}"
        )
    if (np.abs(heights - cut) > 0).any():
        label += " (cut)"
    axes.text(
        left - GAP_MM + 1.0,
        base + room[0] - 0.8,
        label,
        ha="left",
        va="top",
        fontsize=8,
        fontweight="bold",
        zorder=6,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85},
    )


def _places(fiducials: Fiducials) -> Mapping[str, tuple[int | None, ...]]:
    return {
        "P": (fiducials.p_onset, fiducials.p_offset),
        "QRS": (fiducials.qrs_onset, fiducials.qrs_offset),
        "T": (fiducials.t_offset,),
    }


def _draw_marks(
    axes: Axes, fiducials: Fiducials, left: float, base: float, room: tuple[float, float], samples: int
) -> None:
    for wave, places in _places(fiducials).items():
        colour, dashes = MARKS[wave]
        for place in places:
            if place is not None and 0 <= place < samples:
                x = left + place / RATE_HZ * SPEED
                foot, head = base - min(room[1] - 0.5, 6.0), base + min(room[0] - 0.5, 6.0)
                axes.plot(
                    [x, x],
                    [foot, head],
                    color=colour,
                    linewidth=0.6,
                    linestyle=dashes,
                    zorder=3,
                    gid=f"mark-{wave}-{place}",
                )


def _draw_legend(figure: Figure, size: tuple[float, float]) -> None:
    from matplotlib.lines import Line2D

    words = {"P": "P onset, end", "QRS": "QRS onset, end", "T": "T end"}
    handles = [
        Line2D([], [], color=colour, linestyle=dashes, linewidth=0.9, label=words[wave])
        for wave, (colour, dashes) in MARKS.items()
    ]
    figure.legend(
        handles=handles,
        loc="center right",
        bbox_to_anchor=(1 - MARGIN / size[0], 1 - 8.7 / size[1]),
        ncols=3,
        fontsize=6.5,
        frameon=False,
        handlelength=2.2,
        columnspacing=1.2,
        handletextpad=0.5,
        borderpad=0,
        borderaxespad=0,
    )


def _summary(measurements: Measurements) -> str:
    def number(name: str, unit: str) -> str:
        value = measurements.values.get(name)
        return "n/a" if value is None else f"{value:.0f}{unit}"

    return "   ".join(
        (
            f"HR {number('HeartRate', '/min')}",
            f"PR {number('PRInterval', ' ms')}",
            f"QRS {number('QRSDuration', ' ms')}",
            f"QT {number('QTInterval', ' ms')}",
            f"QTc {number('QTcFridericia', ' ms')} (Fridericia)",
            f"axis {number('QRSAxis', '°')}",
        )
    )
