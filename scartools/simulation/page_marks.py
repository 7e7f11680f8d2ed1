"""What people leave on a page: handwriting, stains, stamped text, blacked-out boxes.

Each function draws onto a page's picture in place and returns what it covers, uint8 (H, W), 0 to 255.
"""

from __future__ import annotations

import cv2
import numpy as np

from scartools.simulation.page import Page, grid_box
from scartools.simulation.page_fonts import word_coverage
from scartools.simulation.page_picture import cover_lines, lay_ink

_PENS = ((24, 40, 130), (20, 20, 24), (170, 26, 34), (40, 90, 60))
_STAMPS = (
    "UNCONFIRMED",
    "COPY",
    "Leads: standard",
    "Ref. 0000-000",
    "For review",
    "ABNORMAL ECG",
    "ward 4",
    "25.0 C",
)


def _scrawl(r: np.random.Generator, start: np.ndarray, size: float) -> np.ndarray:
    """A line that looks written: loops that move on, float64 (N, 2), mm."""
    turns = r.uniform(2.0, 9.0)
    t = np.linspace(0.0, turns * 2 * np.pi, int(24 * turns))
    wobble = np.cumsum(r.normal(0.0, 0.06, size=(len(t), 2)), axis=0)
    x = t / (2 * np.pi) * r.uniform(0.5, 1.1) + 0.45 * np.sin(t + r.uniform(0, 6))
    y = 0.5 * np.cos(t * r.uniform(0.8, 1.2)) + 0.3 * np.sin(0.5 * t)
    return start + size * (np.stack([x, y], axis=1) + wobble)


def handwriting(page: Page, picture: np.ndarray, strength: float, r: np.random.Generator) -> np.ndarray:
    """Scrawled words, arcs and arrows of a pen, anywhere on the page."""
    style = page.style
    scale = style.dpi / 25.4
    height, width = picture.shape[:2]
    covered = np.zeros((height, width), dtype=np.uint8)
    for _ in range(1 + int(r.poisson(1.5 + 4 * strength))):
        start = np.array([r.uniform(0, style.width), r.uniform(0, style.height)])
        if r.random() < 0.65:
            points = _scrawl(r, start, r.uniform(2.5, 7.0))
        else:
            angle, t = r.uniform(0, 2 * np.pi), np.linspace(0, 1, 40)[:, None]
            way = np.array([np.cos(angle), np.sin(angle)])
            bow = np.array([-way[1], way[0]]) * r.uniform(-0.4, 0.4)
            points = start + r.uniform(8, 50) * (way * t + bow * np.sin(np.pi * t))
        line = cover_lines([(points, r.uniform(0.3, 0.7))], scale, (height, width))
        lay_ink(picture, line, _PENS[int(r.integers(len(_PENS)))])
        np.maximum(covered, line, out=covered)
    return covered


def stains(page: Page, picture: np.ndarray, strength: float, r: np.random.Generator) -> np.ndarray:
    """Rings of cups and blots: see-through, darker at the rim."""
    height, width = picture.shape[:2]
    scale = page.style.dpi / 25.4
    covered = np.zeros((height, width), dtype=np.uint8)
    for _ in range(1 + int(r.poisson(3 * strength))):
        radius = r.uniform(4.0, 38.0) * scale
        cx, cy = r.uniform(0, width), r.uniform(0, height)
        x0, x1 = max(int(cx - 1.4 * radius), 0), min(int(cx + 1.4 * radius) + 1, width)
        y0, y1 = max(int(cy - 1.4 * radius), 0), min(int(cy + 1.4 * radius) + 1, height)
        if x0 >= x1 or y0 >= y1:
            continue
        y, x = np.mgrid[y0:y1, x0:x1].astype(np.float32)
        angle = np.arctan2(y - cy, x - cx)
        edge = radius * (
            1 + sum(r.uniform(0, 0.12) / k * np.cos(k * angle + r.uniform(0, 6)) for k in (1, 2, 3, 5))
        )
        inside = np.hypot(x - cx, y - cy) / edge
        rim = np.exp(-(((inside - 0.95) / 0.05) ** 2))
        body = r.uniform(0.0, 0.6) / (1 + np.exp((inside - 0.97) / 0.015))
        share = (0.2 + 0.45 * strength) * np.maximum(rim * r.uniform(0.4, 1.0), body)
        tint = np.array([(150, 104, 58), (196, 170, 110), (110, 120, 140), (170, 60, 60)][int(r.integers(4))])
        part = picture[y0:y1, x0:x1]
        part[:] = np.round(part * (1 - share[..., None] * (1 - tint / 255.0)))
        np.maximum(
            covered[y0:y1, x0:x1], np.where(share > 0.08, 255, 0).astype(np.uint8), out=covered[y0:y1, x0:x1]
        )
    return covered


def stamped_text(page: Page, picture: np.ndarray, strength: float, r: np.random.Generator) -> np.ndarray:
    """Text burned into the picture across grid and traces."""
    style = page.style
    scale = style.dpi / 25.4
    height, width = picture.shape[:2]
    covered = np.zeros((height, width), dtype=np.uint8)
    left, top, right, bottom = grid_box(style)
    for _ in range(1 + int(r.poisson(1 + 3 * strength))):
        text = _STAMPS[int(r.integers(len(_STAMPS)))]
        font = str(r.choice(["sans", "mono", "serif", "simplex", "sans-bold", "typewriter"]))
        letters, _, _ = word_coverage(text, font, round(float(r.uniform(2.5, 7.0)) * scale, 2))
        x, y = int(r.uniform(left, right) * scale), int(r.uniform(top, bottom) * scale)
        x, y = max(x, 0), max(y, 0)
        part = np.zeros_like(covered)
        letters = letters[: height - y, : width - x]
        part[y : y + letters.shape[0], x : x + letters.shape[1]] = letters
        lay_ink(picture, part, tuple(r.integers(0, 120, size=3).tolist()))
        np.maximum(covered, part, out=covered)
    return covered


def covers(page: Page, picture: np.ndarray, strength: float, r: np.random.Generator) -> np.ndarray:
    """Boxes that hide what is under them, as over a name."""
    height, width = picture.shape[:2]
    covered = np.zeros((height, width), dtype=np.uint8)
    for _ in range(1 + int(r.poisson(strength))):
        wide, tall = int(width * r.uniform(0.06, 0.22)), int(height * r.uniform(0.03, 0.08))
        x, y = int(r.uniform(0, width - wide)), int(r.uniform(0, 0.9 * (height - tall)) ** 1.0 * r.random())
        colour = (0, 0, 0) if r.random() < 0.6 else (255, 255, 255)
        cv2.rectangle(picture, (x, y), (x + wide, y + tall), colour, -1)
        covered[y : y + tall + 1, x : x + wide + 1] = 255
    return covered
