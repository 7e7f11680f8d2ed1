"""Pieces of paper ECGs drawn with the truth of each pixel, in every state that paper comes in.

A piece is drawn upright at FINE px per mm, bent, lit, brought to the resolution of some scan or photo, spoilt
there (blur, noise, copying, JPEG), and brought to the network's scale as scartools/ecg/ink_network.py does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from scartools.ecg.ink_network import SCALE, to_network_scale

FINE = 12.0  # px per mm of drawing
SIDE = 288  # px of a finished piece, at SCALE
PAPER, GRID, TRACE, TEXT, UNSURE = 0, 1, 2, 3, 255
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
OTHER = (
    "25 mm/s",
    "10 mm/mV",
    "0.05-150 Hz",
    "Sinus rhythm",
    "Vent. rate 72 BPM",
    "PR interval",
    "QRS 96 ms",
    "P-R-T",
)
OTHER += ("Abnormal ECG", "Unconfirmed", "QT/QTc 384/412", "ID 00000", "Name", "Male", "x1.0", "F 50~ 0.5-40")
FONTS = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono")
DAMAGES = ("clean", "scan", "photo", "copy", "black-white", "thumbnail", "pale", "no-grid")
_SHIFT = 4


@dataclass(frozen=True)
class Piece:
    """picture uint8 (SIDE, SIDE, 3); label uint8 (SIDE, SIDE); steep bool (SIDE, SIDE): upright strokes of a trace."""

    picture: np.ndarray
    label: np.ndarray
    steep: np.ndarray


def draw_piece(records: np.ndarray, damage: str, rng: np.random.Generator) -> Piece:
    """Draw one piece.

    records  int16 (N, T, 12), microvolts at 500 Hz
    damage   one of DAMAGES
    """
    ratio = SCALE / FINE * rng.uniform(0.91, 1.09)  # the scale a reader believes is not quite true
    side = int(np.ceil((SIDE + 24) / ratio))
    grid, weak = _grid(side, damage, rng)
    trace, steep = _traces(side, records, rng)
    text = _texts(side, trace, rng)
    colour = _paper(damage, rng)
    picture = np.empty((side, side, 3), np.float32)
    picture[:] = colour
    ink, strength = _inks(grid, weak, damage, rng)
    for layer, tint in ((grid, ink[0]), (text, ink[2]), (trace, ink[1])):
        picture *= 1.0 - (layer.astype(np.float32) / 255.0)[:, :, None] * (1.0 - tint)
    label = np.zeros((side, side), np.uint8)
    seen = strength > 0.035 and damage != "black-white"  # else what is left of the grid is nobody's truth
    label[grid > 90] = GRID if seen else UNSURE
    label[text > 90] = TEXT
    label[trace > 60] = TRACE
    picture, label, steep = _bent(picture, label, steep, rng)
    outside = _edge(picture, label, rng)
    picture *= _light(side, damage, rng)
    if outside is not None:
        label[outside] = PAPER
    return _finished(_spoilt(picture, damage, rng), label, steep, ratio, rng)


def _grid(side: int, damage: str, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Coverage of grid lines, uint8 (side, side), and how much paler the fine ones are."""
    out = np.zeros((side, side), np.uint8)
    weak = rng.uniform(0.35, 1.0)
    kind = rng.choice(["lines", "dots", "major", "dashes"], p=[0.7, 0.14, 0.1, 0.06])
    if damage == "no-grid" or (damage == "black-white" and rng.random() < 0.4):
        return out, weak
    starts = rng.uniform(0, 5 * FINE, 2)
    fine, bold = rng.uniform(0.08, 0.22), rng.uniform(0.1, 0.45)
    bold = max(fine, bold)

    def line(axis: int, at: float, width: float, value: int) -> None:
        pieces = [(0.0, float(side))]
        if kind == "dashes" and width == fine:
            pieces = [(float(k), k + FINE * 0.5) for k in np.arange(0.0, side, FINE)]
        low, high = round((at - width * FINE / 2) * 16) / 16, (at + width * FINE / 2)
        for start, stop in pieces:
            a, b = int(start), int(stop)
            first, last = int(np.floor(low)), int(np.ceil(high))
            for k in range(max(first, 0), min(last, side)):
                share = min(high, k + 1) - max(low, k)
                value_k = np.uint8(value * min(max(share, 0), 1))
                part = out[k, a:b] if axis == 0 else out[a:b, k]
                np.maximum(part, value_k, out=part)

    for axis in (0, 1):
        for number in range(-5, int(side / FINE) + 5):
            at = starts[axis] + number * FINE
            major = number % 5 == 0
            if major:
                continue
            if kind in ("lines", "dashes"):
                line(axis, at, fine, int(255 * weak))
    if kind == "dots":
        radius = max(rng.uniform(0.08, 0.2) * FINE, 1.0)
        step = 1 if rng.random() < 0.7 else 2
        for y in np.arange(starts[0] % FINE, side, FINE * step):
            for x in np.arange(starts[1] % FINE, side, FINE * step):
                cv2.circle(out, (int(x * 16), int(y * 16)), int(radius * 16), 255, -1, cv2.LINE_AA, _SHIFT)
    if kind != "dots" or rng.random() < 0.6:
        for axis in (0, 1):
            for at in np.arange(starts[axis] - 5 * FINE, side + 5 * FINE, 5 * FINE):
                line(axis, at, bold, 255)
    return out, weak


def _traces(side: int, records: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Coverage of the recorded lines and pulses, uint8, and where they are steep, bool."""
    out, steep = np.zeros((side, side), np.uint8), np.zeros((side, side), np.uint8)
    width = float(rng.choice([0.18, 0.25, 0.32, 0.42, 0.6], p=[0.2, 0.3, 0.28, 0.15, 0.07])) * FINE
    speed = float(rng.choice([25.0, 50.0], p=[0.85, 0.15])) * FINE / 500.0
    gain = float(rng.choice([5.0, 10.0, 20.0], p=[0.15, 0.7, 0.15])) * FINE / 1000.0
    paler = (
        rng.uniform(0.0, 0.5) if rng.random() < 0.5 else 0.0
    )  # of steep strokes: a stylus has no time to burn
    pitch = rng.uniform(10, 38) * FINE
    for y in np.arange(rng.uniform(0, pitch), side + pitch / 2, pitch):
        starts = [0.0]
        if rng.random() < 0.35:
            starts = [0.0, rng.uniform(0.2, 0.8) * side]
        if rng.random() < 0.25:
            starts[0] = rng.uniform(0.1, 0.6) * side
            if rng.random() < 0.75:
                _pulse(out, starts[0], y, gain, width, rng)
            starts = starts[:1]
        stop = side if rng.random() < 0.85 else rng.uniform(0.5, 1.0) * side
        for k, start in enumerate(starts):
            end = starts[k + 1] if k + 1 < len(starts) else stop
            count = max(int((end - start) / speed), 2)
            record = records[rng.integers(len(records)), :, rng.integers(12)]
            first = rng.integers(0, max(len(record) - count, 1))
            signal = record[first : first + count].astype(np.float64)
            signal = signal - np.median(signal)
            if rng.random() < 0.15:
                signal = signal + rng.normal(0, rng.uniform(10, 60), len(signal))
            if rng.random() < 0.08:
                signal = signal * rng.uniform(2, 4)
            _stroke(
                out,
                steep,
                np.stack([start + speed * np.arange(len(signal)), y - gain * signal], 1),
                width,
                paler,
            )
    return out, steep > 60


def _stroke(out: np.ndarray, steep: np.ndarray, points: np.ndarray, width: float, paler: float) -> None:
    drawn = np.zeros_like(out)
    at = np.round(points * (1 << _SHIFT)).astype(np.int32)[:, None, :]
    thick = max(round(width), 1)
    cv2.polylines(drawn, [at], False, 255, thick, cv2.LINE_AA, _SHIFT)
    slope = np.abs(np.diff(points[:, 1])) / np.maximum(np.diff(points[:, 0]), 1e-6)
    upright = np.flatnonzero(slope > 3.0)
    only = np.zeros_like(out)
    for k in upright:
        cv2.polylines(only, [at[k : k + 2]], False, 255, thick, cv2.LINE_AA, _SHIFT)
    np.maximum(steep, only, out=steep)
    if paler:
        drawn = (drawn * (1.0 - paler * (cv2.blur(only, (3, 3)) / 255.0))).astype(np.uint8)
    np.maximum(out, drawn, out=out)


def _pulse(
    out: np.ndarray, right: float, y: float, gain: float, width: float, rng: np.random.Generator
) -> None:
    wide, high = 5.0 * FINE * rng.choice([0.5, 1.0, 1.0]), 1000.0 * gain
    lead = rng.uniform(0, 3) * FINE
    x = np.array(
        [right - wide - 2 * lead, right - wide - lead, right - wide - lead, right - lead, right - lead, right]
    )
    rise = np.array([0.0, 0.0, high, high, 0.0, 0.0])
    points = np.round(np.stack([x, y - rise], 1) * (1 << _SHIFT)).astype(np.int32)
    cv2.polylines(out, [points[:, None, :]], False, 255, max(round(width), 1), cv2.LINE_AA, _SHIFT)


@cache
def _outline(text: str, font: str, weight: str) -> tuple[np.ndarray, ...]:
    path = TextPath((0, 0), text, size=100, prop=FontProperties(family=font, weight=weight))
    return tuple(np.asarray(part) for part in path.to_polygons() if len(part) > 2)


def _word(out: np.ndarray, text: str, x: float, y: float, size: float, rng: np.random.Generator) -> None:
    """Print a word whose baseline begins at (x, y) px, size the em in px."""
    font, weight = str(rng.choice(FONTS)), str(rng.choice(["normal", "bold"]))
    squeeze = rng.uniform(0.75, 1.05)
    parts = [
        np.round((part / 100 * size * (squeeze, -1) + (x, y)) * (1 << _SHIFT)).astype(np.int32)
        for part in _outline(text, font, weight)
    ]
    if parts:
        cv2.fillPoly(out, parts, 255, cv2.LINE_AA, _SHIFT)


def _texts(side: int, trace: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Coverage of names, reports, separators, handwriting and blackened fields, uint8."""
    out = np.zeros((side, side), np.uint8)
    rows, columns = np.nonzero(trace)
    for _ in range(rng.integers(1, 6)):  # names; half of them beside or on a trace
        size = rng.uniform(2.2, 5.5) * FINE
        x, y = rng.uniform(-0.05, 0.95, 2) * side
        if len(rows) and rng.random() < 0.6:
            k = rng.integers(len(rows))
            x, y = columns[k] + rng.uniform(-2, 2) * FINE, rows[k] + rng.uniform(-6, 8) * FINE
        _word(out, str(rng.choice(LEADS)), x, y, size, rng)
    if rng.random() < 0.3:  # lines of a report
        size = rng.uniform(1.8, 3.5) * FINE
        x, y = rng.uniform(-0.2, 0.7, 2) * side
        for k in range(rng.integers(1, 6)):
            _word(out, str(rng.choice(OTHER)), x, y + 1.3 * size * k, size, rng)
    if rng.random() < 0.5:
        _separators(out, rows, columns, rng)
    if rng.random() < 0.12:
        _handwriting(out, rng)
    if rng.random() < 0.04:
        x, y = (rng.uniform(0, 0.8, 2) * side).astype(int)
        size = (rng.uniform(4, 20) * FINE, rng.uniform(3, 8) * FINE)
        cv2.rectangle(out, (int(x), int(y)), (int(x + size[0]), int(y + size[1])), 255, -1)
    return out


def _separators(out: np.ndarray, rows: np.ndarray, columns: np.ndarray, rng: np.random.Generator) -> None:
    """Ticks, broken lines and long faint rules between two leads."""
    side = len(out)
    for _ in range(rng.integers(1, 4)):
        x, y = rng.uniform(0, side, 2)
        if len(rows):
            k = rng.integers(len(rows))
            x, y = float(columns[k]), float(rows[k])
        kind = rng.choice(["tick", "pair", "broken", "rule"], p=[0.4, 0.2, 0.2, 0.2])
        half = rng.uniform(1.5, 6) * FINE
        width = max(round(rng.uniform(0.15, 0.7) * FINE), 1)
        value = 255
        spans = [(y - half, y + half)]
        if kind == "pair":
            gap = rng.uniform(0.5, 3) * FINE
            spans = [(y - gap - half, y - gap), (y + gap, y + gap + half)]
        elif kind == "broken":
            dash = rng.uniform(0.4, 1.5) * FINE
            spans = [(a, a + dash) for a in np.arange(y - 3 * half, y + 3 * half, dash * 1.8)]
        elif kind == "rule":
            width, value = max(round(rng.uniform(0.08, 0.2) * FINE), 1), int(rng.uniform(120, 255))
            spans = [(0.0, float(side))]
            if rng.random() < 0.4:
                spans = [(a, a + 0.4 * FINE) for a in np.arange(0.0, side, FINE)]
        for a, b in spans:
            cv2.line(out, (round(x), round(a)), (round(x), round(b)), value, width, cv2.LINE_AA)


def _handwriting(out: np.ndarray, rng: np.random.Generator) -> None:
    side = len(out)
    centre = rng.uniform(0.1, 0.9, 2) * side
    for _ in range(rng.integers(1, 5)):
        steps = rng.normal(0, 2.0 * FINE, (rng.integers(3, 8), 2)).cumsum(0)
        t = np.linspace(0, len(steps) - 1, 40)
        smooth = np.stack([np.interp(t, np.arange(len(steps)), steps[:, k]) for k in (0, 1)], 1)
        smooth = cv2.GaussianBlur(smooth, (1, 9), 0) + centre + rng.normal(0, 3 * FINE, 2)
        points = np.round(smooth * (1 << _SHIFT)).astype(np.int32)[:, None, :]
        width = max(round(rng.uniform(0.25, 0.7) * FINE), 1)
        cv2.polylines(out, [points], False, 255, width, cv2.LINE_AA, _SHIFT)


def _paper(damage: str, rng: np.random.Generator) -> np.ndarray:
    tint = rng.choice(6, p=[0.4, 0.25, 0.15, 0.07, 0.06, 0.07])
    base = ((1, 1, 1), (1, 0.93, 0.93), (1, 0.94, 0.86), (0.87, 1, 0.9), (0.9, 0.95, 1), (0.99, 0.82, 0.86))[
        tint
    ]
    level = rng.uniform(0.8, 1.0)
    if damage == "photo":
        level = rng.uniform(0.4, 0.95)
    elif rng.random() < 0.05:
        level = rng.uniform(0.2, 0.5)
    return np.clip(np.array(base) * level + rng.normal(0, 0.01, 3), 0.05, 1.0)


def _inks(
    grid: np.ndarray, weak: float, damage: str, rng: np.random.Generator
) -> tuple[list[np.ndarray], float]:
    """What each ink lets through in red, green and blue: grid, trace, text; and how dark the grid is."""
    hues = (
        (1, 0.55, 0.55),
        (1, 0.7, 0.75),
        (1, 0.7, 0.45),
        (0.85, 0.6, 0.45),
        (0.55, 0.85, 0.6),
        (0.6, 0.7, 1),
    )
    hues += ((0.6, 0.6, 0.6), (0.4, 0.4, 0.4), (1, 0.35, 0.35), (0.65, 0.5, 0.5))
    hue = 1.0 - np.array(
        hues[rng.choice(len(hues), p=[0.2, 0.15, 0.1, 0.1, 0.06, 0.07, 0.12, 0.06, 0.08, 0.06])]
    )
    strength = float(rng.uniform(0.3, 1.25))
    ink = rng.choice(["black", "grey", "blue"], p=[0.62, 0.23, 0.15])
    trace = {"black": rng.uniform(0.8, 0.97), "grey": rng.uniform(0.45, 0.8), "blue": 0.85}[str(ink)]
    if damage == "pale":  # a trace as pale as the grid, or hardly darker
        trace = rng.uniform(0.22, 0.55)
        strength = float(rng.uniform(0.8, 1.15) * trace / hue.mean())
    hue = np.clip(hue * strength, 0.0, 0.95)
    dark = np.array([trace, trace, trace])
    if ink == "blue":
        dark = dark * rng.choice([[1, 0.95, 0.6], [1, 0.9, 0.35]])
    pen = dark if rng.random() < 0.75 else np.full(3, rng.uniform(0.5, 0.97))
    if rng.random() < 0.06:
        pen = np.array([[0.1, 0.8, 0.8], [0.9, 0.7, 0.1]][rng.integers(2)])
    dark, pen = np.clip(dark, 0, 0.97), np.clip(pen, 0, 0.97)
    shown = float(hue.mean()) * (1.0 if weak > 0.5 else 0.7)
    return [1.0 - hue, 1.0 - dark, 1.0 - pen], shown if grid.any() else 0.0


def _bent(
    picture: np.ndarray, label: np.ndarray, steep: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turned by up to 3 degrees, sheared and waved a little: what a frame finder leaves."""
    if rng.random() < 0.4:
        return picture, label, steep
    side = len(label)
    angle, shear = np.radians(rng.normal(0, 1.3)).clip(-0.052, 0.052), rng.normal(0, 0.01)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) - side / 2
    across = np.cos(angle) * x - (np.sin(angle) + shear) * y
    down = np.sin(angle) * x + np.cos(angle) * y
    if rng.random() < 0.4:
        wave, size = rng.uniform(20, 60) * FINE, rng.uniform(0, 0.8) * FINE
        down = down + size * np.sin(2 * np.pi * x / wave + rng.uniform(0, 6))
    maps = (across + side / 2).astype(np.float32), (down + side / 2).astype(np.float32)
    label = cv2.remap(label, *maps, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
    steep = cv2.remap(steep.astype(np.uint8), *maps, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
    picture = cv2.remap(picture, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return picture, label, steep > 0


def _edge(picture: np.ndarray, label: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """Put the table beyond an edge of the paper, sometimes; where it is."""
    if rng.random() > 0.08:
        return None
    side = len(label)
    y, x = np.mgrid[0:side, 0:side] / side
    angle = rng.integers(4) * np.pi / 2 + rng.normal(0, 0.05)
    outside = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) > rng.uniform(0.2, 0.45)
    rough = cv2.resize(rng.normal(0, 0.06, (20, 20, 3)), (side, side), interpolation=cv2.INTER_CUBIC)
    picture[outside] = np.clip(rng.uniform(0, 1, 3) * rng.uniform(0.05, 0.9) + rough, 0, 1)[outside]
    return outside


def _light(side: int, damage: str, rng: np.random.Generator) -> np.ndarray:
    """What light reaches the paper: gradient, shadows, folds, wrinkles, stains; float32 (side, side, 3)."""
    light = np.ones((side, side, 3), np.float32)
    much = {"photo": 1.0, "thumbnail": 0.7}.get(damage, 0.25)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side - 0.5
    if rng.random() < much:
        a = rng.uniform(0, 2 * np.pi)
        light *= (1 + rng.uniform(0, 0.5) * (np.cos(a) * x + np.sin(a) * y))[:, :, None]
        light *= (1 + rng.normal(0, 0.06, 3)).astype(np.float32)
    for _ in range(rng.integers(0, 3) if rng.random() < 0.6 * much else 0):  # shadows with a soft edge
        a, soft = rng.uniform(0, 2 * np.pi), rng.uniform(0.02, 0.3)
        across = (np.cos(a) * x + np.sin(a) * y - rng.uniform(-0.4, 0.4)) / soft
        light *= (1 - rng.uniform(0.1, 0.5) / (1 + np.exp(-across * 4)))[:, :, None]
    for _ in range(
        rng.integers(1, 4) if rng.random() < 0.4 * much else 0
    ):  # folds: a dark line, bright beside it
        a, wide = rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)]), rng.uniform(0.002, 0.02)
        across = (np.cos(a) * x + np.sin(a) * y - rng.uniform(-0.4, 0.4)) / wide
        profile = rng.uniform(-0.3, 0.15) * np.exp(-(across**2)) + rng.uniform(0, 0.12) * np.tanh(across)
        light *= (1 + profile)[:, :, None]
    if rng.random() < 0.3 * much:  # wrinkles
        rough = cv2.resize(rng.normal(0, 1, (9, 9)), (side, side), interpolation=cv2.INTER_CUBIC)
        light *= (1 + rng.uniform(0.02, 0.15) * np.abs(rough) - 0.05)[:, :, None].astype(np.float32)
    if rng.random() < 0.1 * much:
        spot = ((x - rng.uniform(-0.5, 0.5)) ** 2 + (y - rng.uniform(-0.5, 0.5)) ** 2) < rng.uniform(0.01, 0.1)
        spot = cv2.GaussianBlur(spot.astype(np.float32), (0, 0), rng.uniform(2, 20))
        light *= 1 - spot[:, :, None] * rng.uniform(0, 0.4, 3).astype(np.float32)
    return light


def _spoilt(picture: np.ndarray, damage: str, rng: np.random.Generator) -> np.ndarray:
    """Bring to a device's resolution and add what it adds: uint8, its own scale."""
    density = {"thumbnail": rng.uniform(2.3, 4.5), "photo": rng.uniform(3.2, 9)}.get(
        damage, rng.uniform(3.5, 12)
    )
    size = max(round(len(picture) * density / FINE), 8)
    small = cv2.resize(np.clip(picture, 0, 1.1), (size, size), interpolation=cv2.INTER_AREA)
    soft = rng.uniform(0.5, 1.1) if damage in ("photo", "thumbnail") else rng.uniform(0, 0.8)
    if soft > 0.3 and rng.random() < 0.7:
        small = cv2.GaussianBlur(small, (0, 0), soft)
    if rng.random() < 0.3:  # sharpened by the device
        small += rng.uniform(0.3, 1.5) * (small - cv2.GaussianBlur(small, (0, 0), rng.uniform(0.8, 2)))
    noise = rng.uniform(0, 0.05) if damage in ("photo", "copy") else rng.uniform(0, 0.025)
    grain = rng.normal(0, noise, small.shape if rng.random() < 0.5 else (size, size, 1))
    if rng.random() < 0.4:
        grain = cv2.GaussianBlur(grain, (0, 0), 0.7).reshape(size, size, -1) * 1.5
    small = small + grain
    grey = damage in ("copy", "black-white") or rng.random() < 0.2
    if grey:
        weights = rng.dirichlet([4, 6, 3])
        small = np.repeat((small @ weights)[:, :, None], 3, axis=2)
    if damage == "copy":  # contrast stretched, grain of toner
        low, high = rng.uniform(0.0, 0.35), rng.uniform(0.75, 1.0) * float(np.percentile(small, 95))
        small = (small - low) / max(high - low, 0.2)
        if rng.random() < 0.3:
            dust = rng.random((size, size, 1)) < rng.uniform(0.001, 0.08)
            small = np.where(dust, small * rng.uniform(0.2, 0.8), small)
    if damage == "black-white":
        middle = np.percentile(small, 75) * rng.uniform(0.45, 0.8)
        if rng.random() < 0.2:
            middle = middle + rng.uniform(-0.15, 0.15, (size, size, 1))
        small = np.where(small > middle, 1.0, 0.0)
    small = np.clip(small, 0, 1) ** rng.uniform(0.75, 1.3)
    out = np.clip(np.round(small * 255), 0, 255).astype(np.uint8)
    if rng.random() < (0.9 if damage in ("photo", "thumbnail") else 0.5):
        low = 25 if damage in ("thumbnail", "photo") else 50
        _, packed = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(low, 96))])
        out = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    return out


def _finished(
    spoilt: np.ndarray, label: np.ndarray, steep: np.ndarray, ratio: float, rng: np.random.Generator
) -> Piece:
    """At the network's scale, cut to SIDE at a random place."""
    side = round(len(label) * ratio)
    true = SCALE * len(spoilt) / side  # the scale believed; the true one differs by a few percent
    picture = to_network_scale(spoilt, true)
    if picture.shape[:2] != (side, side):  # near enough to be read as it is: labels follow the picture
        side = len(picture)
    if side < SIDE:
        picture, side = cv2.resize(picture, (SIDE, SIDE)), SIDE
    share = {k: cv2.resize((label == k).astype(np.float32), (side, side), interpolation=cv2.INTER_AREA) for k in
             (GRID, TRACE, TEXT, UNSURE)}  # fmt: skip
    out = np.zeros((side, side), np.uint8)
    for kind, least in ((UNSURE, 0.35), (GRID, 0.35), (TEXT, 0.4), (TRACE, 0.35)):
        out[share[kind] > least] = kind
    steep = cv2.resize(steep.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA) > 0.3
    x, y = rng.integers(0, side - SIDE + 1, 2)
    cut = np.s_[y : y + SIDE, x : x + SIDE]
    return Piece(picture[cut], out[cut], steep[cut] & (out[cut] == TRACE))
