"""Numbers, intervals and p-values as a report prints them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def between(row: Mapping[str, Any], name: str, digits: int = 3, *, sign: bool = False) -> str:
    """Return a number of a row with its interval; n/a where there is none."""
    if math.isnan(row[name]):
        return "n/a"
    said = ends(row[f"{name}_lower"], row[f"{name}_upper"], digits, sign=sign)
    return f"{number(row[name], digits, sign=sign)} ({said})"


def ends(lower: float, upper: float, digits: int = 3, *, sign: bool = False) -> str:
    """Return an interval in words; n/a where it is not known."""
    if math.isnan(lower):
        return "n/a"
    return f"{number(lower, digits, sign=sign)} to {number(upper, digits, sign=sign)}"


def number(value: float, digits: int, *, sign: bool = False) -> str:
    """Return a number with so many decimals, n/a for NaN; no minus before a zero."""
    if math.isnan(value):
        return "n/a"
    text = f"{value:{'+' if sign else ''}.{digits}f}"
    return text if any(mark in "123456789" for mark in text) else text.replace("-", "+" if sign else "")


def p_value(value: float) -> str:
    """Return a p-value as journals print it."""
    return "n/a" if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"
