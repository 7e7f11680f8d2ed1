"""Printed lead names on an upright page: where words stand, and which lead's name each of them is.

Letters that stand free are grouped to words and shown, each at its own height, to a small network (name_network).
Where a name touches a trace, the network is asked at every place of a window instead: score_at. Nothing here knows
which layout a page has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from scartools.ecg.name_network import (
    CAP,
    NAMES,
    PATCH,
    STRIDE,
    Layers,
    forward,
    gate_scores,
    load_weights,
    log_probabilities,
    name_scores,
    strokes,
)
from scartools.ecg.page_ink import chosen_pieces, pieces
from scartools.ecg.reading import LEADS

LETTER_MM = (1.2, 6.5)  # height of a capital on paper, as found on real pages, with a margin
WIDEST_MM = 22.0  # of one word
JOINING_MM = (0.45, 1.1)  # gaps that letters of one word may have: small print and large
SURE = 0.5  # least probability at which letters that stand free are called a lead's name
SURER = 0.7  # the same for one of very many places of a page
GATE = -0.5  # score of the gate below which a place is not looked at closely
STRIP = 48  # px of the scaled page, rows of decisions taken together; a multiple of STRIDE
CAPS_WIDE = {
    name: {"I": 0.35, "II": 0.75, "III": 1.15, "-aVR": 3.0}.get(name, 0.85 * len(name)) for name in NAMES
}
PLENTY = 10  # different names of the twelve leads: with as many, none is looked for along the rows
CAPS_MM = (1.9, 2.5, 3.3, 4.3)  # heights of a capital letter that score_at tries
FEW_NAMES = 4  # that stand free; with as many, others are looked for only in line with them,
BESIDE_CAPS = (3.0, 2.5)  # so many heights of a capital further along x and along y
MOST_WORDS = 1500  # on a page; more is grain, and the largest are kept
SHARE = 256  # pictures that go through the network together
Box = tuple[float, float, float, float]  # left, top, right, bottom in px


@dataclass(frozen=True)
class Word:
    """Letters that stand together.

    text        one of NAMES, or "" for letters that are no lead's name
    confidence  probability of that, 0 to 1
    left, top, right, bottom   px, right and bottom one past the last
    probabilities   float32 (len(NAMES) + 1,), of every name and, last, of none
    """

    text: str
    confidence: float
    left: int
    top: int
    right: int
    bottom: int
    probabilities: np.ndarray

    @property
    def middle(self) -> tuple[float, float]:
        """x, y in px."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


@dataclass(frozen=True)
class NameScores:
    """How well each name fits somewhere in a window.

    log_probability  float32 (len(NAMES),), of each name where it fits best in the window, any height of letters
    x, y             float32 (len(NAMES),), px: the middle of the name there
    cap_mm           float32 (len(NAMES),): height of its capitals
    """

    log_probability: np.ndarray
    x: np.ndarray
    y: np.ndarray
    cap_mm: np.ndarray

    @property
    def best(self) -> str:
        """The name that fits best."""
        return NAMES[int(np.argmax(self.log_probability))]


def ink_level(mask: np.ndarray, darkness: np.ndarray) -> float:
    """Median darkness of the ink, the unit in which the network sees a page; 0 without ink."""
    inked = darkness[mask]
    return float(np.median(inked)) if len(inked) else 0.0


def find_words(mask: np.ndarray, darkness: np.ndarray, px_per_mm: float) -> list[Word]:
    """Find the words of a page and read those that are lead names: `free_words` and `with_touching`."""
    return with_touching(free_words(mask, darkness, px_per_mm), mask, darkness, px_per_mm)


def free_words(mask: np.ndarray, darkness: np.ndarray, px_per_mm: float) -> list[Word]:
    """Find the words that stand free and read those that are lead names.

    mask       bool (H, W), ink of an upright page, trace included
    darkness   float32 (H, W), darkness of each pixel above what is under the ink
    px_per_mm  px a mm, along both axes
    Returns the words from left to right; of those that overlap the surest name, or else the widest.
    """
    level = ink_level(mask, darkness)
    if level <= 0:
        return []
    boxes = word_boxes(mask, px_per_mm)
    words = _without_doubles(_read_boxes(darkness / level, boxes)) if len(boxes) else []
    return sorted(words, key=_reading_order)


def with_touching(
    words: Sequence[Word], mask: np.ndarray, darkness: np.ndarray, px_per_mm: float
) -> list[Word]:
    """Return the words of `free_words` and the names that touch a trace or a line, as high as those that stand free."""
    level = ink_level(mask, darkness)
    if level <= 0:
        return list(words)
    free = [word for word in words if word.text]
    page, caps = darkness / level, _usual_caps(free, px_per_mm)
    rest = [word for word in words if not word.text]

    def with_others(near: list[Word] | None, *, along: bool) -> list[Word]:
        others = scan_names(page, px_per_mm, caps, near=near, along=along)
        return sorted(_without_doubles(free + _beside(others, free) + rest), key=_reading_order)

    if len(free) < FEW_NAMES:
        return with_others(None, along=True)
    found = with_others(free, along=False)
    if len({word.text for word in found} & set(LEADS)) >= PLENTY:
        return found
    return with_others(free, along=True)


def _reading_order(word: Word) -> tuple[int, int]:
    return word.left, word.top


def _read_boxes(page: np.ndarray, boxes: np.ndarray) -> list[Word]:
    layers, copies = load_weights(), _Pyramid(page)
    middles = (boxes[:, :2] + boxes[:, 2:] - 1) / 2
    pictures = [
        copies.picture(x, y, CAP / float(tall))
        for (x, y), tall in zip(middles, boxes[:, 3] - boxes[:, 1], strict=True)
    ]
    words = []
    for at in range(0, len(pictures), SHARE):
        scores = forward(np.stack(pictures[at : at + SHARE]), layers)[:, 0, 0]
        chances = np.exp(log_probabilities(scores))
        words += [_word(box, chance) for box, chance in zip(boxes[at : at + SHARE], chances, strict=True)]
    return words


def _usual_caps(words: Sequence[Word], px_per_mm: float) -> tuple[float, ...]:
    """Heights in mm of a capital to look for: that of the names found, or all where fewer than three are sure."""
    tall = [
        (word.bottom - word.top) / px_per_mm for word in words if len(word.text) > 1 and word.confidence > SURER
    ]
    return (float(np.median(tall)),) if len(tall) >= 3 else CAPS_MM


def _word(box: np.ndarray, chance: np.ndarray) -> Word:
    best = int(np.argmax(chance[:-1]))
    named = bool(chance[best] >= SURE)
    confidence = float(chance[best]) if named else float(1 - chance[best])
    left, top, right, bottom = (int(edge) for edge in box)
    return Word(NAMES[best] if named else "", confidence, left, top, right, bottom, chance)


def _without_doubles(words: list[Word]) -> list[Word]:
    """Of words that overlap the surest name, or else the widest."""
    kept: list[Word] = []
    taken = np.zeros((len(words), 4))
    for word in sorted(words, key=lambda w: (w.text == "", -w.confidence if w.text else w.left - w.right)):
        boxes = taken[: len(kept)]
        meets = (boxes[:, 0] < word.right) & (boxes[:, 2] > word.left)
        meets &= (boxes[:, 1] < word.bottom) & (boxes[:, 3] > word.top)
        if not meets.any():
            taken[len(kept)] = word.left, word.top, word.right, word.bottom
            kept.append(word)
    return kept


def scan_names(
    page: np.ndarray,
    px_per_mm: float,
    caps_mm: Sequence[float],
    sure: float = SURER,
    near: Sequence[Word] | None = None,
    *,
    along: bool = True,
) -> list[Word]:
    """Look for lead names at every place of a page, whatever they touch.

    page       float32 (H, W), darkness in units of ink_level
    caps_mm    heights of a capital letter to look for, each the dearer the smaller it is
    sure       least probability of a name
    near       names of the page that were read: only beside, above and below them is looked; None for everywhere
    along      also beside them; above and below are a fifth of the places, and mostly enough
    Returns names with boxes of the usual width of each. "I" is not looked for: every upright stroke is one. "-aVR" is
    returned as aVR: only where it stands free is its minus told from a trace; Cabrera's order tells it, too.
    """
    layers = load_weights()
    above, beside = PATCH[0] // 2, PATCH[1] // 2
    found: list[Word] = []
    for cap in caps_mm:
        scale = CAP / (cap * px_per_mm)
        size = (max(round(page.shape[1] * scale), 1), max(round(page.shape[0] * scale), 1))
        scaled = cv2.resize(page, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        scaled = np.pad(np.clip(scaled, 0.0, 1.0), ((above, above + STRIP), (beside, beside)))
        rows, columns = _bands(near, size, scale)
        rows &= along
        for top in range(0, size[1], STRIP):
            strip = scaled[top : top + STRIP + PATCH[0] - STRIDE]
            look = np.ones_like(columns) if rows[top : top + STRIP].any() else columns
            inked = np.any(strip[:, beside:-beside] > 0.4, axis=0)
            for left, right in _stretches(look, inked):
                first = left // STRIDE * STRIDE
                seen = strokes(strip[None, :, first : max(right + 2 * beside, first + PATCH[1]) + 1], layers)
                for x, y, chance in _likely(seen, layers, sure):
                    middle = ((first + x + 0.5) / scale - 0.5, (top + y + 0.5) / scale - 0.5)
                    found.append(_word(_usual_box(chance, middle, cap * px_per_mm), chance))
    return _without_doubles(found)


def _bands(near: Sequence[Word] | None, size: tuple[int, int], scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns, bool (H,) and (W,), of a page drawn `scale` times as large, beside and along these words."""
    rows, columns = (np.full(length, near is None) for length in (size[1], size[0]))
    for word in near or ():
        for band, first, last, reach in (
            (rows, word.top, word.bottom, BESIDE_CAPS[1]),
            (columns, word.left, word.right, BESIDE_CAPS[0]),
        ):
            band[max(int(first * scale - reach * CAP), 0) : max(int(last * scale + reach * CAP), 0)] = True
    return rows, columns


def _stretches(look: np.ndarray, inked: np.ndarray) -> Iterator[tuple[int, int]]:
    """First and last inked column of each stretch of columns to look at, both bool (W,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], look, [False]])))
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        here = np.flatnonzero(inked[first:last])
        if len(here):
            yield first + int(here[0]), first + int(here[-1])


def _likely(seen: np.ndarray, layers: Layers, sure: float) -> Iterator[tuple[int, int, np.ndarray]]:
    """The decisions that are names, not "I": x, y in px of what the strokes were taken from, probabilities."""
    row, column = np.nonzero(gate_scores(seen, layers)[0] > GATE)
    if not len(row):
        return
    scores = name_scores(_pieces(seen[0], row, column, layers), layers)[:, 0, 0]
    chances = _without_minus(np.exp(log_probabilities(scores)))
    likely = (chances[:, 1:-1].max(axis=1) >= sure) & (chances[:, :-1].argmax(axis=1) > 0)
    for r, c, chance in zip(row[likely], column[likely], chances[likely], strict=True):
        yield STRIDE * int(c), STRIDE * int(r), chance


def _usual_box(chance: np.ndarray, middle: tuple[float, float], tall: float) -> np.ndarray:
    """Box of the likeliest name about its middle (x, y), its capitals `tall` px."""
    half = np.array([CAPS_WIDE[NAMES[int(np.argmax(chance[:-1]))]] * tall, tall]) / 2
    return np.round(np.concatenate([middle - half, middle + half]))


def _without_minus(chances: np.ndarray) -> np.ndarray:
    """Probabilities with -aVR counted as aVR: a trace that ends at a name looks like its minus."""
    chances = chances.copy()
    chances[:, NAMES.index("aVR")] += chances[:, NAMES.index("-aVR")]
    chances[:, NAMES.index("-aVR")] = 0.0
    return chances


def _pieces(seen: np.ndarray, row: np.ndarray, column: np.ndarray, layers: Layers) -> np.ndarray:
    """What the head needs for the decisions at (row, column): (N, rows, columns, channels)."""
    rows, columns = layers.gate[0].shape[2:]
    at = (
        row[:, None, None] + np.arange(rows)[None, :, None],
        column[:, None, None] + np.arange(columns)[None, None],
    )
    return seen[at]


def _beside(words: list[Word], named: list[Word]) -> list[Word]:
    """The words that do not overlap one of `named`: its letters were seen alone and are read better."""
    boxes = np.array([(word.left, word.top, word.right, word.bottom) for word in named]).reshape(-1, 4)
    return [
        word
        for word in words
        if not (
            (boxes[:, 0] < word.right)
            & (boxes[:, 2] > word.left)
            & (boxes[:, 1] < word.bottom)
            & (boxes[:, 3] > word.top)
        ).any()
    ]


def word_boxes(mask: np.ndarray, px_per_mm: float) -> np.ndarray:
    """Boxes of the letters that stand together free of the trace: int (N, 4), left, top, right, bottom in px.

    Letters are joined twice, over a small gap and over a large one, so that boxes overlap.
    """
    labels, stats = pieces(mask.view(np.uint8))
    wide, tall = stats[:, cv2.CC_STAT_WIDTH] / px_per_mm, stats[:, cv2.CC_STAT_HEIGHT] / px_per_mm
    letter = (tall <= LETTER_MM[1]) & (wide <= WIDEST_MM) & (tall >= 0.15)
    letter &= (tall >= 0.8) | (wide <= 1.6)  # a minus, the dot of an i; not a piece of a level trace
    letter[0] = False
    free = chosen_pieces(mask, labels, letter).view(np.uint8)
    found = [np.zeros((0, 5), int)]
    for gap in JOINING_MM:
        reach = max(int(round(gap * px_per_mm / 2)), 1)
        joined = cv2.dilate(free, np.ones((1, 2 * reach + 1), np.uint8))
        groups = pieces(joined)[1]
        boxes = groups[1:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
        boxes = boxes + [reach, 0, -2 * reach, 0]
        inner = (boxes[:, 2] > 0) & (boxes[:, 2] <= WIDEST_MM * px_per_mm)
        inner &= (boxes[:, 3] >= LETTER_MM[0] * px_per_mm) & (boxes[:, 3] <= LETTER_MM[1] * px_per_mm)
        boxes[:, 2:] += boxes[:, :2]
        found.append(np.column_stack([boxes, groups[1:, cv2.CC_STAT_AREA]])[inner])
    every = np.unique(np.concatenate(found), axis=0)
    largest = np.argsort(-every[:, 4], kind="stable")[:MOST_WORDS]
    return every[np.sort(largest), :4]


class _Pyramid:
    """A page in coarser and coarser copies, so that a picture taken from it at any scale is not aliased."""

    def __init__(self, page: np.ndarray) -> None:
        self._pages = [np.clip(page, 0.0, 1.0).astype(np.float32)]

    def picture(self, x: float, y: float, scale: float, shape: tuple[int, int] = PATCH) -> np.ndarray:
        """The surroundings of (x, y) px, `scale` times as large: float32 `shape`, its middle at (x, y)."""
        at = 0
        while scale * 2**at < 0.6:
            at += 1
        while len(self._pages) <= at:
            page = self._pages[-1]
            half = (max(page.shape[1] // 2, 1), max(page.shape[0] // 2, 1))
            self._pages.append(cv2.resize(page, half, interpolation=cv2.INTER_AREA))
        coarse = self._pages[at]
        scale *= 2**at
        x, y = (x + 0.5) / 2**at - 0.5, (y + 0.5) / 2**at - 0.5
        matrix = np.array(
            [[scale, 0.0, (shape[1] - 1) / 2 - scale * x], [0.0, scale, (shape[0] - 1) / 2 - scale * y]]
        )
        return cv2.warpAffine(coarse, matrix, shape[::-1], flags=cv2.INTER_LINEAR)


def score_at(
    darkness: np.ndarray,
    windows: Sequence[Box],
    px_per_mm: float,
    level: float,
    caps_mm: Sequence[float] = CAPS_MM,
) -> list[NameScores]:
    """Ask which lead name fits best in each window, also where it touches a trace.

    darkness   float32 (H, W), as for find_words
    windows    left, top, right, bottom in px: where the MIDDLE of the name may lie
    level      of the ink, from ink_level
    caps_mm    heights of a capital letter to try; one or two where the height is known from other words are faster
    Returns the scores of each window. The best of many places is never poor: compare names, not probabilities with
    those of find_words.
    """
    page, layers = _Pyramid(darkness / max(level, 1e-6)), load_weights()
    found = []
    for left, top, right, bottom in windows:
        x, y = (left + right) / 2, (top + bottom) / 2
        best = np.full(len(NAMES), -np.inf, np.float32)
        place = np.zeros((3, len(NAMES)), np.float32)
        for cap in caps_mm:
            scale = CAP / (cap * px_per_mm)
            steps = [max(int(np.ceil(side * scale / STRIDE)), 0) for side in (bottom - top, right - left)]
            shape = (PATCH[0] + STRIDE * steps[0], PATCH[1] + STRIDE * steps[1])
            scores = log_probabilities(forward(page.picture(x, y, scale, shape)[None], layers))[0, ..., :-1]
            flat = scores.reshape(-1, len(NAMES))
            most = flat.argmax(axis=0)
            better = flat.max(axis=0) > best
            row, column = np.divmod(most, steps[1] + 1)
            here = np.stack(
                [
                    x + STRIDE * (column - steps[1] / 2) / scale,
                    y + STRIDE * (row - steps[0] / 2) / scale,
                    np.full(len(NAMES), cap),
                ]
            )
            best, place = np.where(better, flat.max(axis=0), best), np.where(better, here, place)
        found.append(NameScores(best, *place.astype(np.float32)))
    return found
