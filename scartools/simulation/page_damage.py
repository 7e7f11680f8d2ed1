"""Pages as they arrive: scanned, turned, copied, crumpled, photographed, written on; with the truth of every pixel.

`render_page` draws a page and damages it. Geometry is one smooth map for picture, labels and samples alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from scartools.errors import UsageError
from scartools.simulation import page_light as light
from scartools.simulation import page_marks as marks
from scartools.simulation.page import Page, Word, sample_points
from scartools.simulation.page_geometry import Fold, View, Wave, flat_view, tilted_view
from scartools.simulation.page_picture import (
    GRID,
    MARK,
    PAPER,
    PEN,
    TEXT,
    TRACE,
    Layers,
    draw_page,
    label_layers,
)

__all__ = ["DAMAGES", "GRID", "MARK", "PAPER", "PEN", "TEXT", "TRACE", "Rendered", "render_page"]
_MARKS: dict[str, Callable[[Page, np.ndarray, float, np.random.Generator], np.ndarray]] = {
    "handwriting": marks.handwriting,
    "stain": marks.stains,
    "text": marks.stamped_text,
    "cover": marks.covers,
}
_VIEWS = ("scan", "rotate", "wrinkle", "photo", "screen")
_COPIES = ("copy", "bw")
DAMAGES = ("none", *_VIEWS, *_COPIES, *_MARKS)
_TURNS = (0.0, 3.0, 8.0, 15.0, 30.0, 45.0)  # degrees at most, by grade


@dataclass(frozen=True)
class Rendered:
    """A page as a picture, and what is where on it.

    picture  uint8 (H, W, 3), RGB
    labels   uint8 (H, W): 0 paper and what lies beyond it, 1 grid, 2 trace, 3 words, 4 pulse or separator, 5 pen,
             stain or cover
    samples  of each trace: lead ("-aVR" where it is printed upside down), a rhythm strip or not, its first sample,
             and where its samples lie, float32 (N, 2), x and y in pixels; NaN where they cannot be seen
    words    each word and the corners of its box, float32 (4, 2) pixels, clockwise from its upper left
    view     the map between picture and page
    page     what was drawn
    """

    picture: np.ndarray
    labels: np.ndarray
    samples: tuple[tuple[str, bool, int, np.ndarray], ...]
    words: tuple[tuple[Word, np.ndarray], ...]
    view: View
    page: Page


def render_page(
    page: Page, damage: str = "none", grade: int = 3, rng: np.random.Generator | None = None
) -> Rendered:
    """Draw a page and damage it.

    damage  one of DAMAGES, or several joined by "+", as in "photo+handwriting"
    grade   0 (hardly) to 5 (badly)
    rng     where everything random comes from; None: seed 0
    Returns the picture with its truth. The same page, damage, grade and seed give the same pixels.
    Raises UsageError for a damage or grade that does not exist.
    """
    kinds = set(damage.split("+"))
    if not kinds <= set(DAMAGES):
        raise UsageError(
            f"no damage is called {', '.join(sorted(kinds - set(DAMAGES)))}",
            remedy=f"Damages are {', '.join(DAMAGES)}",
        )
    if not 0 <= grade <= 5:
        raise UsageError(f"no damage has grade {grade}", remedy="Grades are 0 to 5")
    r = np.random.default_rng(0) if rng is None else rng
    strength = 0.1 + 0.18 * grade
    layers = draw_page(page)
    pen, cover = _mark(page, layers, kinds, strength, r)
    view = _view(page, kinds, grade, strength, r)
    picture = light.creases(layers.picture, strength, r, view.folds, view.scale)
    picture, coverage = _seen(picture, (layers.grid, layers.trace, layers.mark, layers.text, pen, cover), view)
    grid, trace, mark, text, pen, cover = coverage
    if "photo" in kinds or "wrinkle" in kinds or "screen" in kinds:
        picture = _background(picture, view, r)
    picture = _exposed(picture, kinds, strength, r, view)
    labels = label_layers(page.style, grid, trace, mark, text)
    labels[(pen >= 128) & (labels != TRACE)] = PEN
    labels[cover >= 128] = PEN
    return Rendered(picture, labels, _samples(page, view, cover), _words(layers, view), view, page)


def _mark(
    page: Page, layers: Layers, kinds: set[str], strength: float, r: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw what people leave; return what pens and stains cover, and what hides everything."""
    pen, cover = np.zeros_like(layers.grid), np.zeros_like(layers.grid)
    for name, draw in _MARKS.items():
        if name in kinds:
            into = cover if name == "cover" else layers.text if name == "text" else pen
            np.maximum(into, draw(page, layers.picture, strength, r), out=into)
    return pen, cover


def _waves(page: Page, strength: float, r: np.random.Generator, count: int) -> tuple[Wave, ...]:
    width = page.style.width
    waves = []
    for _ in range(count):
        length, angle = width * r.uniform(0.5, 1.6), r.normal(0.0, 0.5) + (np.pi / 2) * (r.random() < 0.3)
        # a point of the paper moves most across the page's width seen from above: up and down
        size = strength * length * r.uniform(0.002, 0.014)
        turn = r.normal(np.pi / 2, 0.4)
        k = 2 * np.pi / length
        waves.append(
            Wave(
                size * np.cos(turn),
                size * np.sin(turn),
                k * np.cos(angle),
                k * np.sin(angle),
                r.uniform(0, 6.28),
            )
        )
    return tuple(waves)


def _folds(page: Page, strength: float, r: np.random.Generator, count: int) -> tuple[Fold, ...]:
    style = page.style
    folds = []
    for _ in range(count):
        straight = r.random() < 0.6
        angle = (np.pi / 2) * int(r.integers(2)) + r.normal(0.0, 0.03) if straight else r.uniform(0, np.pi)
        x, y = r.uniform(0, style.width), r.uniform(0, style.height)
        folds.append(Fold(x, y, angle, strength * r.uniform(-0.7, 0.7), r.uniform(3.0, 9.0)))
    return tuple(folds)


def _view(page: Page, kinds: set[str], grade: int, strength: float, r: np.random.Generator) -> View:
    style = page.style
    paper, scale = (style.width, style.height), style.dpi / 25.4
    folds: tuple[Fold, ...] = ()
    if "wrinkle" in kinds:
        folds = _folds(page, strength, r, 2 + int(r.poisson(8 * strength)))
    if "photo" in kinds or "screen" in kinds:
        reach = 22.0 * strength
        turn = _TURNS[grade] * r.uniform(-1, 1) if "rotate" in kinds else r.normal(0.0, 3.5 * strength)
        tight = r.random() < 0.5
        framing = tuple(r.uniform(0.0, 0.03, 4)) if tight else tuple(r.uniform(-0.1, 0.02, 4))
        if "photo" in kinds and not folds and r.random() < 0.5:
            folds = _folds(page, strength, r, int(r.integers(0, 3)))
        bends = int(r.integers(1, 4)) if "photo" in kinds else 0
        return tilted_view(
            paper,
            scale,
            turn=turn,
            tilt=(r.uniform(-reach, reach), r.uniform(-reach, reach)),
            distance=r.uniform(1.2, 3.0),
            framing=framing,
            lens=r.normal(0.0, 0.012 * strength),
            waves=_waves(page, strength, r, bends),
            folds=folds,
        )
    if "rotate" in kinds:
        turn = float(r.choice([-1.0, 1.0])) * _TURNS[grade] * r.uniform(0.6, 1.0)
        return tilted_view(paper, scale, turn=turn, distance=50.0, framing=(0.0, 0.0, 0.0, 0.0), folds=folds)
    if "wrinkle" in kinds:
        return tilted_view(
            paper,
            scale,
            turn=r.normal(0.0, 0.7),
            distance=50.0,
            folds=folds,
            waves=_waves(page, 0.3 * strength, r, 2),
        )
    if "scan" in kinds or kinds & set(_COPIES):
        turn = r.normal(0.0, 1.2 * strength)
        return tilted_view(paper, scale, turn=turn, distance=200.0)
    return flat_view(paper, scale)


def _seen(
    picture: np.ndarray, coverage: tuple[np.ndarray, ...], view: View
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Move the picture and what covers it through the view; beyond the page everything is white and empty."""
    if view.flat:
        return picture, coverage
    x, y = view.maps()
    x, y = cv2.convertMaps(x, y, cv2.CV_16SC2)
    moved = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderValue=(250, 250, 250))
    return moved, tuple(
        cv2.remap(layer, x, y, cv2.INTER_LINEAR) if layer.any() else np.zeros(moved.shape[:2], np.uint8)
        for layer in coverage
    )


def _background(picture: np.ndarray, view: View, r: np.random.Generator) -> np.ndarray:
    """Put the page on a table: beyond its edge, with a soft shadow beside it."""
    height, width = picture.shape[:2]
    step = 4
    y, x = np.mgrid[0:height:step, 0:width:step].astype(np.float64)
    points = view.to_page(np.stack([x + (step - 1) / 2, y + (step - 1) / 2], axis=-1))
    # distance beyond the page's edge, mm, above 0 outside
    beyond = np.max(
        [-points[..., 0], points[..., 0] - view.page[0], -points[..., 1], points[..., 1] - view.page[1]], axis=0
    )
    if not (beyond > 0).any():
        return picture
    edge = cv2.resize(beyond.astype(np.float32), (x.shape[1] * step, x.shape[0] * step))[:height, :width]
    outside = np.clip(edge * view.scale + 0.5, 0.0, 1.0)
    under = light.table_top(r, (height, width)).astype(np.float32)
    under *= 1.0 - r.uniform(0.1, 0.5) * np.exp(-np.maximum(edge, 0.0) / 3.0)[..., None]
    rows, columns = np.nonzero(outside > 0)
    share = outside[rows, columns][:, None]
    picture[rows, columns] = np.round(picture[rows, columns] * (1 - share) + under[rows, columns] * share)
    return picture


def _exposed(
    picture: np.ndarray, kinds: set[str], strength: float, r: np.random.Generator, view: View
) -> np.ndarray:
    """What paper, light, copier and camera do to the colours."""
    if kinds & set(_COPIES):
        picture = light.blur(picture, 0.5 * strength, r)
        picture = light.photocopy(picture, strength, r, two_tone="bw" in kinds)
    if not kinds & set(_VIEWS):
        return picture
    photo = bool(kinds & {"photo", "screen"})
    if not kinds & set(_COPIES):
        picture = light.cast(picture, strength if photo else 0.6 * strength, r)
    picture = light.grain(picture, strength, r)
    if photo:
        picture = light.uneven_light(picture, strength, r, view)
        if "screen" in kinds:
            picture = light.screen(picture, strength, r)
    softness = (0.35 if photo else 0.15) * strength * min(view.scale / 4.0, 2.0)
    picture = light.blur(picture, float(r.uniform(0.3, 1.6)) * softness, r)
    picture = light.noise(picture, (0.5 if photo else 0.3) * strength * float(r.uniform(0.4, 1.2)), r)
    return light.jpeg(picture, int(round(98 - strength * r.uniform(15, 58))))


def _samples(page: Page, view: View, cover: np.ndarray) -> tuple[tuple[str, bool, int, np.ndarray], ...]:
    height, width = cover.shape
    pieces = sample_points(page)
    every = view.to_picture(np.concatenate(pieces))
    inside = (np.abs(every + 0.5 - np.array([width, height]) / 2) <= np.array([width, height]) / 2).all(axis=1)
    on_page = np.concatenate(pieces)
    inside &= ((on_page >= 0) & (on_page <= np.array(view.page))).all(axis=1)
    every[~inside] = np.nan
    if cover.any():
        at = np.round(every[inside]).astype(int)
        at = np.clip(at, 0, [width - 1, height - 1])
        hidden = np.flatnonzero(inside)[cover[at[:, 1], at[:, 0]] >= 128]
        every[hidden] = np.nan
    ends = np.cumsum([len(piece) for piece in pieces])
    split = np.split(every.astype(np.float32), ends[:-1])
    return tuple((t.lead, t.rhythm, t.first, at) for t, at in zip(page.traces, split, strict=True))


def _words(layers: Layers, view: View) -> tuple[tuple[Word, np.ndarray], ...]:
    found = []
    for word, left, top, right, bottom in layers.boxes:
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        found.append((word, view.to_picture((corners + 0.5) / view.scale).astype(np.float32)))
    return tuple(found)
