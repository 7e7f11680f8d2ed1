"""One patient's explanation as a page: the ECG's odds beside the scar, what of the beat counted, where it was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from scartools.ecg.reading import LEADS
from scartools.figures import FOOTER, HTML_POLICY, MM_PER_INCH, figure_bytes, settled_style
from scartools.heart.bullseye import draw_bullseye

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scartools.learning.explanation import Explanation

WIDTH_MM = 180.0
SAMPLE_MS, FIRST_MS = 2.0, -400.0
SMOOTH = 9  # samples, 18 ms: the colour of a stroke is that of its surroundings
_STYLE = (
    "body{font:15px/1.45 sans-serif;max-width:820px;margin:24px auto;padding:0 16px;color:#111}"
    "figure{margin:18px 0}figcaption{font-weight:600;margin-bottom:6px}svg{max-width:100%;height:auto}"
    ".notice{border-left:4px solid #b00;padding:4px 10px}table{border-collapse:collapse}"
    "td,th{padding:2px 10px;text-align:left;border-bottom:1px solid #ddd}"
)
UNHEARD = "<p>The odds are those of the beat's principal components: the encoder and its attention have no part in them.</p>\n"


def render_page(found: Explanation, scar: Mapping[int, float], facts: Mapping[str, str]) -> str:
    """Return explanation.html: no script, nothing from a network. Equal input gives equal text.

    scar   predicted scar by AHA segment, % of the segment; empty where it has none
    facts  what stands in the table at the top: name to value
    """
    gain = found.value - found.flat_value
    rows = {
        **facts,
        "Weight of the ECG": f"{found.trust:.3f} (of 1)",
        "Target": found.target,
        "Its value": f"{found.value:.4g}; for a flat line {found.flat_value:.4g}",
        "Explained": f"{found.attribution.sum():.4g} of {gain:.4g}",
    }
    figures = []
    if found.logits is not None:
        figures.append(
            ("Odds of scar by the ECG, and scar as it was segmented", _bullseyes(found.logits, scar))
        )
    figures.append(("What of the beat counted: red for scar, blue against it", draw_attribution(found)))
    if found.encoder_heard:
        figures.append(("Where the encoder looked", draw_attention(found)))
    table = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
    drawn = "".join(
        f"<figure><figcaption>{escape(caption)}</figcaption>{_svg(figure)}</figure>"
        for caption, figure in figures
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{HTML_POLICY}">\n'
        f"<title>Explanation</title><style>{_STYLE}</style></head><body>\n"
        f'<h1>What the ECG said</h1><p class="notice">{escape(FOOTER)}</p>\n<table>{table}</table>\n{drawn}\n'
        f"{'' if found.encoder_heard else UNHEARD}"
        "<p>Attributions are integrated gradients from a flat line to this beat (arXiv:1703.01365), summed over 18 ms for "
        "the colour. Attention says where the encoder looked, not why. Neither says that a scar is there.</p>\n"
        "</body></html>\n"
    )


def _bullseyes(logits: np.ndarray, scar: Mapping[int, float]) -> Figure:
    odds = {segment: 100 / (1 + float(np.exp(-logit))) for segment, logit in enumerate(logits, start=1)}
    return draw_bullseye(
        [("Probability of scar by the ECG", odds), ("Predicted scar, part of the segment", dict(scar))],
        unit="%",
        limits=(0.0, 100.0),
    )


def draw_attribution(found: Explanation) -> Figure:
    """Draw the twelve leads of the beat, each stroke coloured by what it added to the target; 180 mm wide."""
    with settled_style({"axes.ymargin": 0.22}):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.collections import LineCollection
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH_MM / MM_PER_INCH, 105 / MM_PER_INCH), facecolor="white")
        FigureCanvasAgg(figure)
        grid = figure.subplots(3, 4, sharex=True, sharey=True)
        figure.subplots_adjust(left=0.07, right=0.87, bottom=0.11, top=0.97, wspace=0.05, hspace=0.08)
        around = np.stack([np.convolve(lead, np.ones(SMOOTH), "same") for lead in found.attribution])
        most = max(float(np.abs(around).max()), 1e-12)
        time = FIRST_MS + SAMPLE_MS * np.arange(found.beat.shape[1])
        for lead, name in enumerate(LEADS):
            axes = grid[lead % 3][lead // 3]
            points = np.stack([time, found.beat[lead]], axis=1)
            strokes = LineCollection(
                list(np.stack([points[:-1], points[1:]], axis=1)), cmap="coolwarm", linewidths=1.3
            )
            strokes.set_rasterized(True)  # 7200 strokes would be 1.4 MB a page
            strokes.set_array(around[lead][:-1])
            strokes.set_clim(-most, most)
            axes.plot(time, found.beat[lead], color="#888888", linewidth=0.4)
            axes.add_collection(strokes)
            share = float(found.attribution[lead].sum())
            axes.text(
                0.02,
                0.95,
                f"{name}  {share:+.2g}",
                transform=axes.transAxes,
                va="top",
                fontsize=7,
                fontweight="bold",
            )
            axes.tick_params(labelsize=6, length=2)
            axes.spines[["top", "right"]].set_visible(False)
        for axes in grid[2]:
            axes.set_xlabel("ms from R", fontsize=7)
        for axes in grid[:, 0]:
            axes.set_ylabel("standardised", fontsize=7)
        bar = figure.colorbar(strokes, cax=figure.add_axes((0.9, 0.2, 0.015, 0.6)))
        bar.set_label("of the target, in 18 ms", fontsize=7)
        bar.ax.tick_params(labelsize=6)
    return figure


def draw_attention(found: Explanation) -> Figure:
    """Draw which lead looks at which, and where in time each lead looks; 180 mm wide."""
    with settled_style():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(WIDTH_MM / MM_PER_INCH, 78 / MM_PER_INCH), facecolor="white")
        FigureCanvasAgg(figure)
        leads, times = figure.add_axes((0.07, 0.16, 0.33, 0.72)), figure.add_axes((0.53, 0.16, 0.33, 0.72))
        ticks = np.arange(len(LEADS))
        one = leads.imshow(found.lead_attention, cmap="viridis", vmin=0, aspect="auto", interpolation="none")
        leads.set_xticks(ticks, LEADS, fontsize=6, rotation=90)
        leads.set_title("A lead (row) looks at a lead (column)", fontsize=7.5)
        cells = found.time_attention.shape[1]
        reach = (found.first_ms, found.first_ms + cells * found.cell_ms)
        two = times.imshow(
            found.time_attention,
            cmap="viridis",
            vmin=0,
            aspect="auto",
            interpolation="none",
            extent=(*reach, len(LEADS) - 0.5, -0.5),
        )
        times.set_xlabel("ms from R", fontsize=7)
        times.set_title("In each lead, where in time", fontsize=7.5)
        for axes, image, left in ((leads, one, 0.415), (times, two, 0.875)):
            axes.set_yticks(ticks, LEADS, fontsize=6)
            axes.tick_params(labelsize=6, length=2)
            bar = figure.colorbar(image, cax=figure.add_axes((left, 0.16, 0.012, 0.72)))
            bar.ax.tick_params(labelsize=6)
    return figure


def numbers(found: Explanation) -> dict[str, Any]:
    """Return what explanation.json holds."""
    sums = found.attribution.sum(axis=1)
    return {
        "Target": found.target,
        "Value": found.value,
        "ValueOfFlatLine": found.flat_value,
        "NotAccountedFor": found.gap,
        "AttributionByLead": {name: float(total) for name, total in zip(LEADS, sums, strict=True)},
        "EcgWeight": found.trust,
        "EncoderHeard": found.encoder_heard,
        "SegmentLogits": None if found.logits is None else [float(value) for value in found.logits],
        "LeadAttention": [[float(value) for value in row] for row in found.lead_attention],
        "TimeAttention": [[float(value) for value in row] for row in found.time_attention],
        "CellMs": found.cell_ms,
        "FirstCellMs": found.first_ms,
    }


def _svg(figure: Figure) -> str:
    """Return the figure as an element that can stand in a page."""
    text = figure_bytes(figure, ".svg", dpi=220).decode()
    return text[text.index("<svg") :]
