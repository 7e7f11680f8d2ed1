"""Rows that fall with print that leans are told from rows that wander."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from scartools.ecg.columns import Columns
from scartools.ecg.page_leads import Leads
from scartools.ecg.row_tilt import tilt_of
from scartools.ecg.strips import _tilt
from scartools.ecg.trace_refine import PER_PX

WIDE = 1200


def row(tilt: float, wander: float = 0.0) -> np.ndarray:
    """A row of beats, px, that falls by `tilt`; wander: px, of four leads each by its own electrodes."""
    at = np.arange(WIDE)
    beats = -30 * np.exp(-0.5 * ((np.mod(at, 80) - 40) / 3.0) ** 2)
    leads = wander * np.sin(at / 60.0 + at // 300)
    height: np.ndarray = 100 + tilt * at + beats + leads
    height[500:520] = np.nan
    return height


@pytest.mark.parametrize("tilt", [0.007, -0.005])
def test_rows_that_fall_alike_with_print_that_leans_tell_the_tilt(tilt: float) -> None:
    rows = [row(tilt, wander) for wander in (0.0, 1.0, -1.0, 0.5)]
    assert tilt_of(rows, -0.01 * np.sign(tilt)) == pytest.approx(tilt, abs=0.0015)


def test_rows_do_not_tilt_where_nothing_leans_or_the_other_way() -> None:
    rows = [row(0.007)] * 4
    assert tilt_of(rows, 0.0) == 0.0  # straight print: all leads drift, for whatever reason
    assert tilt_of(rows, 0.01) == 0.0  # turned clockwise print leans to the left
    assert tilt_of(rows[:2], -0.01) == 0.0  # too few
    assert tilt_of([row(0.05)] * 4, -0.004) == 0.0  # a turn leans print by as much as it tilts rows


def test_rows_that_do_not_agree_wander() -> None:
    assert tilt_of([row(0.012), row(0.004), row(0.007), row(-0.001)], -0.01) == 0.0
    assert tilt_of([row(0.001)] * 4, -0.01) == 0.0  # nothing to speak of
    assert tilt_of([np.full(WIDE, np.nan)] * 3, -0.01) == 0.0


def test_the_tilt_of_a_page_is_taken_from_its_leads_alone() -> None:
    """What is drawn before and behind the leads, a pulse for one, does not count."""
    heights = []
    for _ in range(4):
        height = np.repeat(row(0.007), PER_PX)
        height[: 100 * PER_PX] = 40.0
        heights.append(height)
    rows = (100.0, 200.0, 300.0, 400.0)
    shifts = tuple((-0.01 * (y - 200.0),) * 5 for y in rows)
    columns = Columns(100.0, 270.0, 4, 1180.0, 12, 9, 9, 2, shifts=shifts)
    leads = SimpleNamespace(fit=SimpleNamespace(rows=rows), columns=columns, heights=heights)
    assert _tilt(cast(Leads, leads)) == pytest.approx(0.007, abs=0.0005)
