"""Styles of pages: every layout, speed, gain and grid, in the looks of the machines and programs that print ECGs.

`page_style` fits a layout onto paper; `draw_style` draws one at random.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scartools.errors import UsageError
from scartools.simulation.page import Colour, PageStyle, Word
from scartools.simulation.page_vendors import VENDORS, header_words

LIMB, CHEST = ("I", "II", "III", "aVR", "aVL", "aVF"), ("V1", "V2", "V3", "V4", "V5", "V6")
CABRERA = ("aVL", "I", "-aVR", "II", "aVF", "III")
LAYOUTS = ("3x4", "3x4+1", "3x4+2", "3x4+3", "6x2", "6x2+1", "12x1", "6x1")
RHYTHMS = {0: (), 1: ("II",), 2: ("V1", "II"), 3: ("V1", "II", "V5")}
# paper, minor and major lines
GRIDS: dict[str, tuple[Colour, Colour, Colour]] = {
    "red": ((255, 252, 250), (248, 190, 190), (232, 110, 112)),
    "strong": ((255, 240, 240), (240, 130, 140), (215, 60, 75)),
    "pink": ((255, 246, 248), (250, 214, 222), (244, 170, 188)),
    "orange": ((255, 250, 240), (250, 214, 170), (238, 168, 104)),
    "brown": ((240, 214, 178), (222, 184, 142), (186, 138, 96)),
    "salmon": ((254, 240, 232), (248, 206, 188), (236, 158, 132)),
    "green": ((247, 252, 244), (196, 226, 192), (134, 190, 134)),
    "blue": ((252, 254, 255), (206, 222, 240), (150, 182, 220)),
    "grey": ((250, 250, 248), (218, 218, 218), (172, 172, 172)),
    "lilac": ((236, 232, 240), (214, 204, 218), (178, 160, 184)),
}
LOOKS = ("lines", "dotted", "major", "none")
INKS: dict[str, Colour] = {
    "black": (14, 14, 18),
    "blue": (22, 30, 96),
    "grey": (84, 84, 88),
    "pale": (128, 122, 124),
}


def _rows(layout: str, cabrera: bool, part: int) -> tuple[tuple[str, ...], ...]:
    limb, name = (CABRERA if cabrera else LIMB), layout.split("+")[0]
    if name == "3x4":
        return tuple((limb[k], limb[k + 3], CHEST[k], CHEST[k + 3]) for k in range(3))
    if name == "6x2":
        return tuple((limb[k], CHEST[k]) for k in range(6))
    if name == "12x1":
        return tuple((lead,) for lead in (*limb, *CHEST))
    return tuple((lead,) for lead in (limb, CHEST)[part])


def page_style(
    layout: str = "3x4+1",
    vendor: str = "plain",
    *,
    speed: float = 25.0,
    gain: float = 10.0,
    chest_gain: float | None = None,
    grid: str | None = None,
    dpi: int = 200,
    rhythm: tuple[str, ...] | None = None,
    cabrera: bool = False,
    part: int = 0,
    seconds: float | None = None,
    pitch: float | None = None,
    numbers: np.random.Generator | None = None,
    **looks: Any,
) -> PageStyle:
    """Fit a layout onto paper in the look of a machine or program.

    layout   one of LAYOUTS; of a 6x1 recording `part` says which page: 0 limb leads, 1 chest leads
    vendor   one of VENDORS
    speed    mm/s; gain: mm/mV; chest_gain: of V1-V6 where it is another one
    grid     a colour of GRIDS, a look of LOOKS, or both as in "green dotted"; None: the vendor's
    rhythm   leads of the strips; None: what the layout says, II first
    cabrera  limb leads in Cabrera's order: aVL I -aVR II aVF III
    seconds  printed; None: 10 at 25 mm/s, 5 at 50 mm/s
    pitch    from row to row, mm; None: as the paper allows. Small ones let traces overlap
    numbers  where the made-up measurements of the header come from; None: no header
    looks    any other field of PageStyle
    Raises UsageError for a layout, vendor or grid that does not exist.
    """
    if layout not in LAYOUTS:
        raise UsageError(f"no layout is called {layout!r}", remedy=f"Layouts are {', '.join(LAYOUTS)}")
    if vendor not in VENDORS:
        raise UsageError(f"no page looks like {vendor!r}", remedy=f"Looks are {', '.join(VENDORS)}")
    strips = int(layout.partition("+")[2] or 0)
    fields: dict[str, Any] = {"label_rise": 6.0, **VENDORS[vendor]}
    fields |= grid_fields(grid or fields.pop("grid"))
    fields.pop("grid", None)
    header, scales = fields.pop("header"), fields.pop("footer")
    fields |= {
        "rows": _rows(layout, cabrera, part),
        "rhythm": RHYTHMS[strips] if rhythm is None else rhythm,
        "speed": speed,
        "gain": gain,
        "chest_gain": chest_gain,
        "dpi": dpi,
        "seconds": seconds or (10.0 if speed <= 25 else 250.0 / speed),
        **looks,
    }
    fields |= _fitted(fields, header_mm=22.0 if numbers is not None and header else 4.0, pitch=pitch)
    split = f"{gain:g}" if chest_gain is None else f"{gain:g}/{chest_gain:g}"
    fields.setdefault("scales", scales.format(speed=speed, gain=split, limb=gain, chest=chest_gain or gain))
    if numbers is not None and header:
        top = Word("", fields["grid_left"], 8.0, 0.85 * fields.get("label_size", 3.6))
        fields["extra"] = (*fields.get("extra", ()), *header_words(header, top, numbers))
    return PageStyle(**fields)


def grid_fields(grid: str) -> dict[str, Any]:
    """Fields of PageStyle for a grid: a colour of GRIDS, a look of LOOKS, or both."""
    words = grid.split()
    colours = [word for word in words if word in GRIDS]
    looks = [word for word in words if word in LOOKS]
    if len(colours) + len(looks) != len(words) or len(colours) > 1 or len(looks) > 1 or not words:
        raise UsageError(f"no grid is called {grid!r}", remedy=f"Grids are {', '.join((*GRIDS, *LOOKS))}")
    paper, minor, major = GRIDS[colours[0] if colours else "grey" if looks != ["dotted"] else "salmon"]
    return {
        "paper": (255, 255, 255) if looks == ["none"] and not colours else paper,
        "minor": minor,
        "major": major,
        "grid_look": looks[0] if looks else "lines",
    }


def _fitted(fields: dict[str, Any], *, header_mm: float, pitch: float | None) -> dict[str, Any]:
    """Paper, grid and places of rows that hold what is to be printed."""
    rows = len(fields["rows"]) + len(fields["rhythm"])
    columns = len(fields["rows"][0])
    pulse, wide, foot = (
        fields.get("pulse", "rows"),
        fields.get("pulse_width", 5.0),
        fields.get("pulse_foot", 2.0),
    )
    lead_in = 4.0 if pulse in ("none", "right") else fields.get("pulse_start", 5.0) + wide + foot + 1.0
    gap = lead_in if pulse == "columns" else fields.get("column_gap", 0.0)
    tail = wide + 2 * foot + 3.0 if pulse == "right" else 4.0
    across = -(-(lead_in + fields["seconds"] * fields["speed"] + (columns - 1) * gap + tail) // 5)
    tallest = max(fields["gain"], fields["chest_gain"] or 0.0)
    if pitch is None:
        pitch = {4: 35.0, 3: 40.0}.get(rows, 30.0 if rows <= 6 else 22.0 if rows <= 8 else 15.0)
        pitch *= min(max(tallest / 10.0, 0.8), 1.5)
    first = max(0.7 * pitch, 0.9 * tallest + 6.0)
    down = -(-(first + (rows - 1) * pitch + max(0.6 * pitch, 0.8 * tallest)) // 5)
    left = fields.get("grid_left", 6.0)
    return {
        "grid_left": left,
        "grid_top": header_mm,
        "grid_squares": (int(across), int(down)),
        "width": fields.get("width", 2 * left + 5.0 * across),
        "height": fields.get("height", header_mm + 5.0 * down + 12.0),
        "lead_in": fields.get("lead_in", lead_in),
        "column_gap": gap,
        "first_row": first,
        "row_pitch": pitch,
    }


def draw_style(numbers: np.random.Generator, **fixed: Any) -> PageStyle:
    """Draw a style at random: layout, look, scales, grid, ink, fonts, sizes and places, each as often as it is met.

    fixed  arguments of `page_style` that are not drawn
    """
    r = numbers
    speed = fixed.get("speed", float(r.choice([25.0, 50.0], p=[0.88, 0.12])))
    layout = fixed.get("layout", str(r.choice(LAYOUTS, p=[0.13, 0.32, 0.08, 0.12, 0.12, 0.06, 0.1, 0.07])))
    drawn: dict[str, Any] = {
        "layout": layout,
        "vendor": str(r.choice(list(VENDORS))),
        "speed": speed,
        "gain": float(r.choice([10.0, 5.0, 20.0], p=[0.8, 0.13, 0.07])),
        "dpi": int(r.choice([72, 90, 100, 120, 150, 200, 300], p=[0.06, 0.1, 0.16, 0.2, 0.2, 0.23, 0.05])),
        "cabrera": bool(r.random() < 0.12),
        "part": int(r.integers(2)),
        "simultaneous": bool(r.random() < 0.15),
        "trace_width": float(r.uniform(0.2, 0.6) if r.random() < 0.6 else r.uniform(0.22, 0.4)),
    }
    if drawn["gain"] == 10.0 and r.random() < 0.06:
        drawn["chest_gain"] = 5.0
    drawn |= _drawn_grid(r) | _drawn_pulse(r) | _drawn_names(r)
    strips = int(layout.partition("+")[2] or 0)
    if strips == 1 and r.random() < 0.3:
        drawn["rhythm"] = (str(r.choice(["V1", "V5", "V2", "aVF"], p=[0.5, 0.3, 0.1, 0.1])),)
    if r.random() < 0.15:  # rows that are too near to each other
        drawn["pitch"] = float(r.uniform(0.55, 0.85)) * {3: 36.0, 4: 32.0, 5: 27.0, 6: 24.0}.get(
            3 + strips if layout.startswith("3x4") else 6, 15.0
        )
    if r.random() < 0.08:
        drawn["clip"] = float(r.uniform(8.0, 20.0))
    if r.random() < 0.5:
        drawn["numbers"] = r
    if r.random() < 0.25:
        drawn["scales"] = ""
    return page_style(**{**drawn, **fixed})


def _drawn_grid(r: np.random.Generator) -> dict[str, Any]:
    colour = str(r.choice(list(GRIDS)))
    look = str(r.choice(LOOKS, p=[0.58, 0.22, 0.1, 0.1]))
    grid = {"grid": colour if look == "lines" else f"{colour} {look}"}
    ink = str(r.choice(list(INKS), p=[0.66, 0.12, 0.14, 0.08]))
    shift = r.integers(-12, 13, size=3)
    widths = {"minor_width": float(r.uniform(0.06, 0.16)), "major_width": float(r.uniform(0.15, 0.32))}
    if r.random() < 0.12:
        widths["block_width"] = float(r.uniform(0.4, 0.7))
    red, green, blue = (int(np.clip(part + move, 0, 255)) for part, move in zip(INKS[ink], shift, strict=True))
    text = {"text_ink": (16, 16, 20)} if ink == "pale" or r.random() < 0.5 else {}
    return {**grid, **widths, **text, "ink": (red, green, blue)}


def _drawn_pulse(r: np.random.Generator) -> dict[str, Any]:
    drawn: dict[str, Any] = {}
    if r.random() < 0.5:
        drawn["pulse"] = str(
            r.choice(["rows", "right", "columns", "once", "none"], p=[0.35, 0.2, 0.12, 0.13, 0.2])
        )
        drawn["pulse_width"] = float(r.choice([5.0, 2.5, 4.0, 7.5], p=[0.7, 0.12, 0.1, 0.08]))
        drawn["pulse_foot"] = float(r.uniform(0.0, 3.0))
    if r.random() < 0.5:
        drawn["separator_look"] = str(r.choice(["tick", "double", "dashed", "dotted", "full"]))
        drawn["separator"] = float(r.choice([0.0, r.uniform(3.0, 8.0), r.uniform(8.0, 20.0)]))
    return drawn


def _drawn_names(r: np.random.Generator) -> dict[str, Any]:
    drawn: dict[str, Any] = {
        "label_size": float(r.uniform(2.4, 5.0)),
        "label_rise": float(r.uniform(1.5, 10.0)),
    }
    if r.random() < 0.6:
        fonts = [
            "sans",
            "sans-bold",
            "serif",
            "serif-bold",
            "mono",
            "mono-bold",
            "times",
            "times-bold",
            "roman",
            "roman-bold",
        ]
        fonts += [
            "gothic",
            "typewriter",
            "simplex",
            "simplex-bold",
            "duplex",
            "complex",
            "triplex",
            "small",
            "sans-oblique",
        ]
        drawn["font"] = str(r.choice(fonts))
        drawn["name_font"] = str(r.choice(fonts)) if r.random() < 0.4 else drawn["font"]
        drawn["names"] = str(r.choice(["above", "below", "left"], p=[0.7, 0.17, 0.13]))
        drawn["capitals"] = bool(r.random() < 0.12)
    return drawn
