"""Which way up a page stands, and the words that are printed on it then."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from scartools.ecg.lead_names import Word, free_words, with_touching
from scartools.ecg.page_ink import TraceInk
from scartools.ecg.separators import erase_lines, find_dotted_lines

SOME_NAMES = 1.5  # of the nine aV and V names: fewer may be chance
ENOUGH_NAMES = 4.0  # of the nine aV and V names, to be sure which way is up
ON_ITS_SIDE = 1.5  # ink that lies in columns this much more than in rows
ALL_NAMES = 12  # where one ink has shown so many different ones the other is not asked


def turns_and_words(ink: TraceInk, darkness: np.ndarray, px_per_mm: float) -> tuple[int, list[Word]]:
    """Return the quarter turns (np.rot90) that make a page upright, and the words printed on it then.

    Traces lie in rows; of the two ways left the one is taken in which more names of aV and V leads can be read: I, II
    and III look alike upside down.
    """
    whole = ink.mask if ink.marks is None else ink.mask | ink.marks
    base = 1 if _banded(ink.mask, 0) > ON_ITS_SIDE * _banded(ink.mask, 1) else 0
    marked = ink.marks is not None

    @cache  # asked for twice, of names that stand free and of those that touch a trace
    def page(quarter: int) -> tuple[np.ndarray, np.ndarray, float]:
        """Ink and darkness of the page turned, without its separators; px per mm."""
        return *_without_lines(turned(whole, quarter), turned(darkness, quarter), px_per_mm, marked), px_per_mm

    read: dict[int, list[Word]] = {}
    searched: set[int] = set()  # for names that touch a trace, too
    best, score = base, -1.0
    for touching in (False, True):
        for quarter in (best, (best + 2) % 4, 1 - base, 3 - base):
            if quarter % 2 != best % 2 and (touching or score >= SOME_NAMES):
                break  # rows of tall beats at a steady pace look like rows down the page: without names, ask that way too
            if quarter in searched:
                continue
            read[quarter] = (
                with_touching(read[quarter], *page(quarter)) if touching else free_words(*page(quarter))
            )
            searched |= {quarter} if touching else set()
            named = _named(read[quarter])
            if named > score + 0.5:
                best, score = quarter, named
            if named >= ENOUGH_NAMES:
                break
        if score >= ENOUGH_NAMES:
            break
    if best not in searched and len(names_in(read[best])) < ALL_NAMES:
        return best, with_touching(read[best], *page(best))
    return best, read[best]


def names_in(words: list[Word]) -> set[str]:
    """Return the different lead names among words."""
    return {word.text for word in words if word.text}


def _without_lines(
    ink: np.ndarray, darkness: np.ndarray, px_per_mm: float, told: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Ink and darkness without the separators, which stand close to the names; told: writing was told from the trace."""
    lines = find_dotted_lines(ink, px_per_mm) if told else []
    if not lines:
        return ink, darkness
    rest = erase_lines(ink, lines)
    erased = cv2.dilate((ink & ~rest).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return rest, np.where(erased & ~rest, np.float32(0.0), darkness)


def _named(words: list[Word]) -> float:
    """Sum over the different aV and V names of the confidence in each."""
    names: dict[str, float] = {}
    for word in words:
        if len(word.text) > 1 and "V" in word.text and word.confidence >= 0.5:
            names[word.text] = max(names.get(word.text, 0.0), word.confidence)
    return sum(names.values())


def _banded(mask: np.ndarray, axis: int) -> float:
    """How unevenly the ink lies across an axis: the squared coefficient of variation of its sums along the axis."""
    sums = mask.sum(axis=axis).astype(float)
    inked = sums[np.flatnonzero(sums)[0] : np.flatnonzero(sums)[-1] + 1] if sums.any() else np.ones(1)
    return float(np.var(inked) / np.mean(inked) ** 2)


def turned(picture: np.ndarray, quarter: int) -> np.ndarray:
    """Return a picture, (H, W) or (H, W, 3), turned by quarters against the clock."""
    return np.ascontiguousarray(np.rot90(picture, quarter))
