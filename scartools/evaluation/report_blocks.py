"""The blocks that a report is made of, whatever it is written in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the title."""

    level: int
    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list; each item a term, which may be empty, and its text."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Grid:
    """A table.

    folded  what to ask for, for a long one that HTML hides till then
    whose   how many columns at the left say whose numbers these are; HTML writes them once above the rows they share
    """

    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    folded: str = ""
    whose: int = 0


@dataclass(frozen=True)
class Figure:
    """A place for a drawing of one regime, which Markdown leaves out."""

    kind: str
    regime: str
    caption: str


Block = Heading | Text | Bullets | Grid | Figure
