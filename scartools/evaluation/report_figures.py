"""The figures of a report: Dice by arm, differences, decomposition, Bland-Altman, Dice by interval; as SVG text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scartools.evaluation.definitions import ECG_WORDS, PRIOR_WORDS
from scartools.evaluation.metrics import REGIMES, CaseMetrics
from scartools.evaluation.subgroups import INTERVAL, in_order
from scartools.evaluation.summary import patient_means
from scartools.evaluation.svg import COLOURS, FAINT, INK, Drawing, Scale, fitted, x_axis, y_axis
from scartools.evaluation.volume_agreement import pairs_of

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]
_WIDTH, _LEFT, _RIGHT = 940.0, 300.0, 150.0
_ROW = 40.0


def draw(kind: str, regime: str, rows: Sequence[CaseMetrics], tables: Tables) -> str:
    """Return a figure as SVG text, empty where there is nothing to draw.

    kind    dice, differences, decomposition, agreement or intervals
    regime  whose arms; those of the other are not looked at
    """
    own = [row for row in rows if REGIMES[row.prior_source] == regime and row.in_summary]
    chosen = {name: [row for row in table if row.get("regime") == regime] for name, table in tables.items()}
    figures: dict[str, Callable[[Sequence[CaseMetrics], Tables], str]] = {
        "dice": _dice,
        "differences": _differences,
        "decomposition": _decomposition,
        "agreement": _agreement,
        "intervals": _intervals,
    }
    return figures[kind](own, chosen)


def _beside(row: Row) -> tuple[str, str]:
    """What stands under the name of an arm: prior and ECG; controls, which may be none."""
    prior = PRIOR_WORDS.get(row["prior_source"], row["prior_source"])
    ecg = " + ".join(ECG_WORDS.get(state, state) for state in row["ecg"].split("+"))
    source = "" if row["ecg_source"] == "none" else f", {row['ecg_source']}"
    return f"prior {prior}; ECG {ecg}{source}", row["control"] or ""


def _label(drawing: Drawing, y: float, row: Row, name: str = "") -> None:
    """Write an arm to the left of its row, what stands beside it below."""
    drawing.text(_LEFT - 14, y - 4, _cut(name or row["arm"], 40), "end", 13)
    for at, words in enumerate(_beside(row)):
        drawing.text(_LEFT - 14, y + 8 + 11 * at, _cut(words, 54), "end", 10, "#555")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _dice(rows: Sequence[CaseMetrics], tables: Tables) -> str:
    shown = [row for row in tables["summary"] if row["structure"] == "scar" and row["n_patients_positive"]]
    if not shown:
        return ""
    bottom = 16 + _ROW * len(shown)
    drawing = Drawing(_WIDTH, bottom + 40, "Scar Dice by arm")
    scale = Scale(0.0, 1.0, _LEFT, _WIDTH - _RIGHT)
    x_axis(drawing, scale, bottom, "scar Dice", top=8)
    for at, row in enumerate(shown):
        y, colour = 16 + _ROW * (at + 0.5), COLOURS[at % len(COLOURS)]
        positive = [one for one in rows if one.arm == row["arm"] and one.structure == "scar" and one.positive]
        values = sorted(patient_means(positive, "dice").values())
        for rank, value in enumerate(values):
            drawing.dot(scale(value), y + 3.5 * ((rank % 3) - 1), 2.2, colour, 0.35)
        _mark(drawing, scale, y, row, "dice_mean_positive", INK)
        _label(drawing, y, row)
        drawing.text(_WIDTH - _RIGHT + 12, y + 4, _told(row, "dice_mean_positive"), size=11)
    return drawing.svg()


def _mark(drawing: Drawing, scale: Scale, y: float, row: Row, name: str, colour: str) -> None:
    """Draw a mean with its interval, where it has one."""
    lower, upper = row[f"{name}_lower"], row[f"{name}_upper"]
    if not math.isnan(lower):
        drawing.line(scale(lower), y, scale(upper), y, colour, 2)
        for end in (lower, upper):
            drawing.line(scale(end), y - 5, scale(end), y + 5, colour, 2)
    drawing.dot(scale(row[name]), y, 4.5, colour)


def _told(row: Row, name: str, sign: str = "", scale: float = 1.0, digits: int = 2) -> str:
    value, lower, upper = (scale * row[f"{name}{end}"] for end in ("", "_lower", "_upper"))
    said = f"{value:{sign}.{digits}f}"
    return said if math.isnan(lower) else f"{said} [{lower:{sign}.{digits}f}, {upper:{sign}.{digits}f}]"


def _differences(rows: Sequence[CaseMetrics], tables: Tables) -> str:
    del rows
    shown = [row for row in tables["comparisons"] if row["structure"] == "scar" and row["measure"] == "dice"]
    if not shown:
        return ""
    ends = [row[f"difference{end}"] for row in shown for end in ("", "_lower", "_upper")]
    bottom = 16 + _ROW * len(shown)
    drawing = Drawing(_WIDTH, bottom + 40, "Differences of scar Dice")
    scale = fitted(ends, _LEFT, _WIDTH - _RIGHT, hold=(-0.03, 0.03))
    drawing.box(scale(-0.02), 8, scale(0.02) - scale(-0.02), bottom - 8, "#000", 0.06)
    reference = shown[0]["reference"]
    x_axis(drawing, scale, bottom, f"scar Dice minus that of {_cut(reference, 40)}; grey: within 0.02", top=8)
    drawing.line(scale(0), 8, scale(0), bottom, INK, 1, "4 3")
    for at, row in enumerate(shown):
        y, colour = 16 + _ROW * (at + 0.5), COLOURS[0]
        if not math.isnan(row["difference_lower"]):
            drawing.line(scale(row["difference_lower"]), y, scale(row["difference_upper"]), y, colour, 1.5)
            drawing.line(scale(row["difference_lower_90"]), y, scale(row["difference_upper_90"]), y, colour, 5)
        drawing.dot(scale(row["difference"]), y, 5, colour)
        _label(drawing, y, row)
        drawing.text(_WIDTH - _RIGHT + 12, y + 4, _told(row, "difference", "+", digits=3), size=10)
    return drawing.svg()


def _decomposition(rows: Sequence[CaseMetrics], tables: Tables) -> str:
    """A waterfall: each step begins where the one before ended."""
    del rows
    shown = tables["decomposition"]
    if not shown:
        return ""
    values = [row[name] for row in shown for name in ("dice_before", "dice_after")]
    values += [row["dice_before"] + row[f"gain_{end}"] for row in shown for end in ("lower", "upper")]
    bottom = 16 + _ROW * len(shown)
    drawing = Drawing(_WIDTH, bottom + 40, "Decomposition of the gain")
    scale = fitted(values, _LEFT, _WIDTH - _RIGHT)
    x_axis(drawing, scale, bottom, "scar Dice", top=8)
    for at, row in enumerate(shown):
        y = 16 + _ROW * (at + 0.5)
        one, other = scale(row["dice_before"]), scale(row["dice_after"])
        colour = "#555" if row["step"] == "total" else COLOURS[0] if row["gain"] >= 0 else COLOURS[1]
        drawing.box(min(one, other), y - 8, max(abs(other - one), 0.8), 16, colour, 0.75)
        if row["step"] != "total" and at + 1 < len(shown) and shown[at + 1]["step"] != "total":
            drawing.line(other, y + 8, other, y + _ROW - 8, "#777", 1, "2 2")
        ends = [row["dice_before"] + row[f"gain_{end}"] for end in ("lower", "upper")]
        if not math.isnan(ends[0]):
            drawing.line(scale(ends[0]), y, scale(ends[1]), y, INK, 1.2)
        name = "whole chain" if row["step"] == "total" else f"{row['from_arm']} → {row['arm']}"
        _label(drawing, y, row, name)
        drawing.text(_WIDTH - _RIGHT + 12, y + 4, _told(row, "gain", "+", digits=3), size=10)
    return drawing.svg()


def _agreement(rows: Sequence[CaseMetrics], tables: Tables) -> str:
    """Bland-Altman plots side by side, three in a row, with the same axes."""
    found = {row["quantity"] for row in tables["agreement"]}
    quantity = next((name for name in ("scar_ml", "scar_percent_lv") if name in found), None)
    if quantity is None:
        return ""
    shown = [row for row in tables["agreement"] if row["quantity"] == quantity]
    pairs = {row["arm"]: pairs_of(rows, row["arm"], quantity) for row in shown}
    means = [float(value) for true, other in pairs.values() for value in (true + other) / 2]
    apart = [float(value) for true, other in pairs.values() for value in other - true]
    apart += [row[name] for row in shown for name in ("lower_limit", "upper_limit")]
    unit = {"scar_ml": "mL", "scar_percent_lv": "% of the wall"}[quantity]
    across, wide, high = 3, _WIDTH / 3, 275.0
    drawing = Drawing(_WIDTH, high * math.ceil(len(shown) / across), "Bland-Altman plots")
    for at, row in enumerate(shown):
        left, top = wide * (at % across) + 46, high * (at // across) + 66
        right, bottom = wide * (at % across + 1) - 14, high * (at // across + 1) - 44
        x, y = fitted(means, left, right, hold=(0.0,)), fitted(apart, bottom, top, hold=(0.0,))
        drawing.text(left - 34, top - 50, _cut(row["arm"], 36), size=13)
        for line, words in enumerate(_beside(row)):
            drawing.text(left - 34, top - 37 + 11 * line, _cut(words, 52), size=10, colour="#555")
        x_axis(drawing, x, bottom, f"mean of both, {unit}", top=top)
        y_axis(drawing, y, left, f"predicted minus true, {unit}", right=right)
        drawing.line(left, y(0), right, y(0), FAINT, 1)
        for name, dash in (("bias", ""), ("lower_limit", "5 4"), ("upper_limit", "5 4")):
            if not math.isnan(row[name]):
                drawing.line(left, y(row[name]), right, y(row[name]), COLOURS[1], 1.5, dash)
                drawing.text(right - 2, y(row[name]) - 3, f"{row[name]:+.1f}", "end", 10, COLOURS[1])
        for true, other in zip(*pairs[row["arm"]], strict=True):
            drawing.dot(x((true + other) / 2), y(other - true), 2.6, COLOURS[0], 0.55)
    return drawing.svg()


def _intervals(rows: Sequence[CaseMetrics], tables: Tables) -> str:
    """Mean Dice of every arm in each bin of the interval."""
    del rows
    shown = [row for row in tables["subgroups"] if row["grouping"] == INTERVAL and row["n_patients_positive"]]
    groups = in_order({row["group"] for row in shown})
    if len(groups) < 2:
        return ""
    arms = list(dict.fromkeys(row["arm"] for row in shown))
    counts = {row["group"]: row["n_patients_positive"] for row in shown}
    left, right, top = 46.0, _WIDTH - 10, 20 + 18.0 * len(arms)
    bottom = top + 210
    drawing = Drawing(_WIDTH, bottom + 52, "Scar Dice by interval between ECG and MRI")
    y = Scale(0.0, 1.0, bottom, top)
    y_axis(drawing, y, left, "scar Dice", right=right)
    drawing.line(left, bottom, right, bottom)
    wide = (right - left) / len(groups)
    for at, group in enumerate(groups):
        middle = left + wide * (at + 0.5)
        drawing.text(middle, bottom + 18, group, "middle")
        drawing.text(middle, bottom + 34, f"n = {counts[group]}", "middle", 11, "#555")
    for rank, arm in enumerate(arms):
        colour = COLOURS[rank % len(COLOURS)]
        own = {row["group"]: row for row in shown if row["arm"] == arm}
        shift = min(18.0, wide / (len(arms) + 1)) * (rank - (len(arms) - 1) / 2)
        drawing.dot(left + 90, 10 + 16 * rank, 4, colour)
        words = "; ".join(filter(None, _beside(next(iter(own.values())))))
        drawing.text(left + 100, 14 + 16 * rank, _cut(f"{arm} ({words})", 110), size=11)
        for at, group in enumerate(groups):
            if group in own:
                _upright(drawing, left + wide * (at + 0.5) + shift, y, own[group], colour)
    return drawing.svg()


def _upright(drawing: Drawing, x: float, scale: Scale, row: Row, colour: str) -> None:
    lower, upper = row["dice_mean_positive_lower"], row["dice_mean_positive_upper"]
    if not math.isnan(lower):
        drawing.line(x, scale(lower), x, scale(upper), colour, 2)
    drawing.dot(x, scale(row["dice_mean_positive"]), 4, colour)
