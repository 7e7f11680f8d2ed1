"""Looks of pages, after those of common machines and programs: fonts, marks, pulses, footers, made-up headers.

They resemble; they are no copies, and name nobody.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from scartools.simulation.page import Word

# Fields of PageStyle, and three more: grid (of page_styles.grid_fields), header (a form of header_words or ""),
# footer (text of the scales, with {speed} and {gain} or {limb} and {chest}).
VENDORS: dict[str, dict[str, Any]] = {
    "plain": {
        "grid": "red",
        "header": "",
        "footer": "{speed:g} mm/s   {gain} mm/mV",
        "font": "sans",
    },
    "muse": {
        "grid": "red",
        "header": "table",
        "footer": "{speed:g}mm/s    {gain}mm/mV    150Hz    9.0.9    12SL 241    CID: 1",
        "font": "sans",
        "label_size": 3.2,
        "label_rise": 5.5,
        "pulse_start": 3.0,
        "pulse_foot": 1.0,
        "separator": 4.0,
        "trace_width": 0.25,
    },
    "marquette": {
        "grid": "orange dotted",
        "header": "table",
        "footer": "{speed:.1f} mm/s  {gain} mm/mV    100Hz",
        "font": "sans-bold",
        "label_rise": 9.0,
        "separator": 0.0,
        "pulse": "none",
        "trace_width": 0.35,
    },
    "cardiosoft": {
        "grid": "grey",
        "header": "list",
        "footer": "{speed:g} mm/s    {gain} mm/mV    ADS    50 Hz    0.05 - 150 Hz",
        "font": "sans",
        "label_size": 3.4,
        "label_rise": 4.5,
        "pulse": "once",
        "separator": 0.0,
    },
    "schiller": {
        "grid": "salmon",
        "header": "list",
        "footer": "{speed:g} mm/s  {gain} mm/mV    0.05-35Hz  F50  SSF  SBS",
        "font": "sans",
        "label_size": 3.0,
        "label_rise": 3.5,
        "pulse": "rows",
        "pulse_start": 2.0,
        "pulse_width": 2.5,
        "pulse_foot": 1.0,
        "separator": 0.0,
    },
    "mortara": {
        "grid": "strong",
        "header": "table",
        "footer": "{speed:g} mm/sec        {gain} mm/mV        60~ 0.05 - 150 Hz",
        "font": "sans",
        "name_font": "sans",
        "label_rise": 5.0,
        "label_size": 3.8,
        "pulse": "right",
        "separator": 9.0,
        "separator_look": "double",
        "block_width": 0.45,
        "trace_width": 0.25,
    },
    "philips": {
        "grid": "pink",
        "header": "list",
        "footer": "Speed: {speed:g} mm/sec    Limb: {limb:g} mm/mV    Chest: {chest:g} mm/mV    F 60~ 0.15-100 Hz",
        "font": "gothic",
        "label_size": 3.4,
        "label_rise": 6.5,
        "pulse": "rows",
        "pulse_start": 2.0,
        "pulse_width": 5.0,
        "pulse_foot": 0.5,
        "separator": 5.0,
        "trace_width": 0.22,
    },
    "thermal": {
        "grid": "grey dotted",
        "header": "",
        "footer": "0.67~100Hz AC50   {speed:g}mm/s {gain}mm/mV   4*2.5s+1r",
        "font": "serif",
        "name_font": "serif-bold",
        "label_size": 3.8,
        "label_rise": 1.0,
        "pulse_start": 3.0,
        "pulse_width": 4.0,
        "pulse_foot": 1.0,
        "separator": 12.0,
        "separator_look": "dotted",
        "trace_width": 0.32,
    },
    "matplotlib": {
        "grid": "pink",
        "header": "title",
        "footer": "speed: {speed:g} mm/s   gain: {gain} mm/mV",
        "font": "sans",
        "pulse": "none",
        "separator": 0.0,
        "trace_width": 0.2,
        "label_rise": 7.0,
    },
    "reportlab": {
        "grid": "salmon",
        "header": "title",
        "footer": "{speed:g} mm/s, {gain} mm/mV",
        "font": "times",
        "label_size": 3.6,
        "separator": 6.0,
        "trace_width": 0.3,
    },
    "kit": {
        "grid": "red",
        "header": "title",
        "footer": "{speed:g}mm/s        {gain}mm/mV",
        "font": "sans-bold",
        "label_size": 4.6,
        "label_rise": 9.0,
        "separator": 10.0,
        "trace_width": 0.3,
        "pulse_foot": 1.0,
    },
}
_FINDINGS = (
    "Normal sinus rhythm", "Sinus bradycardia", "Left axis deviation", "Nonspecific T wave abnormality",
    "Possible inferior infarct, age undetermined", "Anterior infarct, age undetermined", "Abnormal ECG", "Normal ECG",
    "Incomplete right bundle branch block", "Left ventricular hypertrophy", "First degree AV block",
    "Borderline ECG", "Unconfirmed report", "ST elevation, consider early repolarization",
)  # fmt: skip


def header_words(form: str, first: Word, numbers: np.random.Generator) -> tuple[Word, ...]:
    """Make the words above the grid up: measurements and findings, no name and no date.

    form   table (two columns and findings beside them), list (one column), title (one line)
    first  where the first line begins, and its size
    """
    rate, pr, qrs = (int(numbers.integers(*span)) for span in ((45, 120), (110, 230), (72, 160)))
    qt = int(numbers.integers(340, 470))
    lines = [
        ("Vent. rate", f"{rate} BPM"),
        ("PR interval", f"{pr} ms"),
        ("QRS duration", f"{qrs} ms"),
        ("QT/QTc", f"{qt}/{qt + int(numbers.integers(-20, 40))} ms"),
        ("P-R-T axes", " ".join(str(int(numbers.integers(-60, 120))) for _ in range(3))),
    ]
    size, step = first.size, 1.15 * first.size
    if form == "title":
        return (replace(first, text=f"12-lead ECG   {rate}/min"),)
    chosen = numbers.choice(len(_FINDINGS), size=int(numbers.integers(1, 4)), replace=False).tolist()
    if form == "list":
        text = [f"{name} {value}" for name, value in lines[:3]] + [_FINDINGS[k] for k in chosen[:1]]
        return tuple(replace(first, text=line, y=first.y - 3 + k * step) for k, line in enumerate(text))
    words = []
    for k, (name, value) in enumerate(lines[:4]):
        y = first.y - 3 + k * step
        words += [replace(first, text=name, y=y), replace(first, text=value, x=first.x + 9 * size, y=y)]
    words += [
        replace(first, text=_FINDINGS[k], x=first.x + 26 * size, y=first.y - 3 + row * step)
        for row, k in enumerate(chosen)
    ]
    return tuple(words)
