"""A recording laid out on a page: rows and columns, strips, calibration pulses, separators, names and scales."""

from __future__ import annotations

import numpy as np

from scartools.ecg.reading import LEADS
from scartools.errors import InputError
from scartools.simulation.leads import RATE_HZ
from scartools.simulation.page import Page, PageStyle, Stroke, Trace, Word, grid_box


def _grid(start: float, squares: int) -> tuple[tuple[float, bool], ...]:
    return tuple((start + k, k % 5 == 0) for k in range(5 * squares + 1))


def gain_of(style: PageStyle, lead: str) -> float:
    """Millimetres a millivolt that a lead is printed with: the chest leads may have their own."""
    return style.chest_gain if style.chest_gain is not None and lead.startswith("V") else style.gain


def _pulse(style: PageStyle, left: float, y: float, gains: tuple[float, ...]) -> Stroke:
    """A calibration pulse whose edge rises at `left` mm; with two gains a step down from the first to the second."""
    x, rise = [left - style.pulse_foot, left], [0.0, 0.0]
    for number, gain in enumerate(gains, start=1):
        at = style.pulse_width * number / len(gains)
        x += [x[-1], left + at]
        rise += [gain, gain]
    x += [x[-1], x[-1] + style.pulse_foot]
    rise += [0.0, 0.0]
    return Stroke("pulse", np.stack([np.array(x), y - np.array(rise)], axis=1), style.trace_width)


def printed_samples(style: PageStyle, samples: int) -> int:
    """How many samples of a recording are on the page."""
    return samples if style.seconds is None else min(samples, round(style.seconds * RATE_HZ))


def place_traces(style: PageStyle, samples: int) -> tuple[Trace, ...]:
    """Where each piece of a recording of `samples` samples goes: rows from left to right, then the strips."""
    x0 = style.grid_left + style.lead_in
    step = style.speed / RATE_HZ
    count = printed_samples(style, samples)
    traces = []
    for number, row in enumerate(style.rows):
        y = style.grid_top + style.first_row + number * style.row_pitch
        bounds = [count * column // len(row) for column in range(len(row) + 1)]
        for k, lead in enumerate(row):
            first = 0 if style.simultaneous else bounds[k]
            x = x0 + bounds[k] * step + k * style.column_gap
            traces.append(
                Trace(lead, False, first, bounds[k + 1] - bounds[k], x, y, gain_of(style, lead.lstrip("-")))
            )
    for number, lead in enumerate(style.rhythm, start=len(style.rows)):
        y = style.grid_top + style.first_row + number * style.row_pitch
        traces.append(Trace(lead, True, 0, count, x0, y, gain_of(style, lead)))
    return tuple(traces)


def lay_out(signals: np.ndarray, style: PageStyle | None = None) -> Page:
    """Lay a recording out on a page.

    signals  float64 (12, T), mV, 500 Hz, rows in the order of LEADS; T samples fill the rows
    style    how the page looks; None: the defaults, 3 x 4 leads and II, 25 mm/s, 10 mm/mV
    Returns the page; `traces` is the truth of where each sample is.
    Raises InputError for another shape, samples that are not finite, a lead that does not exist, and a
    recording that runs over the edge of the paper.
    """
    chosen = PageStyle() if style is None else style
    _check(signals, chosen)
    traces = place_traces(chosen, signals.shape[1])
    step = chosen.speed / RATE_HZ
    if max(t.x + t.count * step for t in traces) > chosen.width or max(t.y for t in traces) > chosen.height:
        raise InputError("the recording is longer than the paper", remedy="Give fewer rows or a slower speed")
    strokes, words = _pulses(chosen, traces), []
    for trace in traces:
        strokes.append(_trace_stroke(chosen, signals, trace, step))
        words.append(_name(chosen, trace))
        strokes += _separator(chosen, trace)
    words += _scales(chosen)
    words += chosen.extra
    return Page(
        style=chosen,
        vertical=_grid(chosen.grid_left, chosen.grid_squares[0]),
        horizontal=_grid(chosen.grid_top, chosen.grid_squares[1]),
        strokes=tuple(strokes),
        words=tuple(words),
        traces=traces,
    )


def _check(signals: np.ndarray, style: PageStyle) -> None:
    if signals.ndim != 2 or signals.shape[0] != len(LEADS) or not np.isfinite(signals).all():
        raise InputError(
            f"a page needs 12 leads without gaps, not {signals.shape}", remedy="Give a whole record"
        )
    unknown = {lead for row in (*style.rows, style.rhythm) for lead in row} - {*LEADS, "-aVR"}
    if unknown:
        raise InputError(
            f"no lead is called {', '.join(sorted(unknown))}", remedy=f"Leads are {', '.join(LEADS)}"
        )


def _trace_stroke(style: PageStyle, signals: np.ndarray, trace: Trace, step: float) -> Stroke:
    piece = signals[LEADS.index(trace.lead.lstrip("-")), trace.first : trace.first + trace.count]
    rise = (-trace.gain if trace.lead.startswith("-") else trace.gain) * piece
    if style.clip is not None:
        rise = np.clip(rise, -style.clip, style.clip)
    x = trace.x + step * np.arange(trace.count)
    return Stroke("trace", np.stack([x, trace.y - rise], axis=1), style.trace_width)


def _pulses(style: PageStyle, traces: tuple[Trace, ...]) -> list[Stroke]:
    if style.pulse == "none":
        return []
    rows: dict[float, list[Trace]] = {}
    for trace in traces:
        rows.setdefault(trace.y, []).append(trace)
    strokes = []
    for number, (y, row) in enumerate(rows.items()):
        if style.pulse == "once" and number:
            break
        gains = tuple(dict.fromkeys(trace.gain for trace in row))
        if style.pulse == "columns":
            # each column's own pulse, as far before its first sample as the first one's is
            room = style.lead_in - style.pulse_start
            strokes += [_pulse(style, trace.x - room, y, (trace.gain,)) for trace in row]
        elif style.pulse == "right":
            end = max(t.x + t.count * style.speed / RATE_HZ for t in row)
            strokes.append(_pulse(style, end + 1.0 + style.pulse_foot, y, gains))
        else:
            strokes.append(_pulse(style, style.grid_left + style.pulse_start, y, gains))
    return strokes


def _separator(style: PageStyle, trace: Trace) -> list[Stroke]:
    """The mark at the left of a column that is not the first; a column's place says which it is."""
    first_column = abs(trace.x - style.grid_left - style.lead_in) < 1e-9
    if first_column or style.separator <= 0:
        return []
    half, x = style.separator / 2, trace.x - style.column_gap / 2
    if style.separator_look == "full":
        if abs(trace.y - style.grid_top - style.first_row) > 1e-9:
            return []
        bottom = trace.y + (len(style.rows) - 0.5) * style.row_pitch
        spans = [(trace.y - 0.5 * style.row_pitch, bottom)]
    elif style.separator_look == "double":
        spans = [(trace.y - half, trace.y - 0.35 * half), (trace.y + 0.35 * half, trace.y + half)]
    elif style.separator_look in ("dashed", "dotted"):
        on, period = (1.6, 3.0) if style.separator_look == "dashed" else (0.3, 1.0)
        starts = np.arange(trace.y - half, trace.y + half - on / 2, period).tolist()
        spans = [(start, start + on) for start in starts]
    else:
        spans = [(trace.y - half, trace.y + half)]
    return [Stroke("separator", np.array([[x, top], [x, bottom]]), style.trace_width) for top, bottom in spans]


def _name(style: PageStyle, trace: Trace) -> Word:
    text = trace.lead.upper() if style.capitals else trace.lead
    size = style.label_size
    if style.names == "below":
        return Word(text, trace.x + 1.0, trace.y + style.label_rise, size, "name")
    if style.names == "left":
        return Word(text, trace.x - 0.7 * size * len(text) - 0.5, trace.y + 0.35 * size, size, "name")
    return Word(text, trace.x + 1.0, trace.y - style.label_rise, size, "name")


def _scales(style: PageStyle) -> list[Word]:
    """The words that state speed and gain, under the grid or, where no paper is left there, on its last square."""
    if style.scales == "":
        return []
    gain = f"{style.gain:g}" if style.chest_gain is None else f"{style.gain:g}/{style.chest_gain:g}"
    text = style.scales or f"{style.speed:g} mm/s   {gain} mm/mV"
    below = grid_box(style)[3] + 6.0
    y = below if below < style.height else below - 8.0
    return [Word(text, style.grid_left + 2.0, y, style.label_size, "scale")]
