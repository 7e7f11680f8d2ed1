"""Columns that show the same seconds are told from columns that follow each other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from scartools.ecg.page_layouts import LAYOUTS
from scartools.ecg.page_leads import Leads
from scartools.ecg.reading import Strip
from scartools.ecg.strips import _match, _strip, side_by_side, untold_strips
from scartools.ecg.trace_refine import PER_PX

RATE = 400.0


def limb_mv(lead: str, seconds: np.ndarray) -> np.ndarray:
    """Limb leads of a made-up heart: I and II beat 1.1 times a second with different shapes, the others follow."""
    phase = np.mod(seconds, 0.91)
    first = np.exp(-0.5 * ((phase - 0.2) / 0.015) ** 2) + 0.2 * np.exp(-0.5 * ((phase - 0.5) / 0.04) ** 2)
    second = 0.6 * np.exp(-0.5 * ((phase - 0.22) / 0.02) ** 2) - 0.1 * np.exp(
        -0.5 * ((phase - 0.4) / 0.05) ** 2
    )
    return {
        "I": first, "II": second, "III": second - first, "aVR": -(first + second) / 2,
        "aVL": first - second / 2, "aVF": second - first / 2,
    }.get(lead, first)  # fmt: skip


def page(share_time: bool) -> tuple[Strip, ...]:
    at = np.arange(1000) / RATE
    strips = []
    for names in LAYOUTS[0].rows:
        for column, lead in enumerate(names):
            shown = at if share_time else at + 2.5 * column
            strips.append(Strip(lead, False, 2.5 * column, limb_mv(lead, shown), RATE, np.zeros((0, 2))))
    whole = np.arange(4000) / RATE
    return (*strips, Strip("II", True, 0.0, limb_mv("II", whole), RATE, np.zeros((0, 2))))


def test_columns_that_share_their_time_are_set_side_by_side() -> None:
    together = side_by_side(page(True), LAYOUTS[0], 2.5)
    assert together is not None
    assert {strip.start_s for strip in together} == {0.0}


def test_columns_that_follow_each_other_stay() -> None:
    assert side_by_side(page(False), LAYOUTS[0], 2.5) is None


@pytest.mark.parametrize("lead", ["aVL", "III"])
def test_a_page_that_contradicts_itself_either_way_stays(lead: str) -> None:
    broken = tuple(
        strip if strip.lead != lead or strip.rhythm else Strip(
            lead, False, strip.start_s, -strip.samples, RATE, strip.trace_px
        )
        for strip in page(True)
    )  # fmt: skip
    assert side_by_side(broken, LAYOUTS[0], 2.5) is None


def test_a_strip_begins_at_or_after_its_left_edge() -> None:
    """The time of its first value is counted from the edge: one before it would lie before the beginning of time."""
    height = np.repeat(100.0 + np.arange(400) * 0.01, PER_PX)
    covered = np.zeros(len(height), bool)
    for left in (20.0, 20.1, 20.3, 20.6, 20.9):
        strip = _strip("I", False, 0.0, height, covered, left, 300.0, 8.0, 25.0, 10.0)
        assert strip.start_s == pytest.approx((strip.trace_px[0, 0] - left) / 200.0, abs=1e-9)
        assert 0 <= strip.start_s < 0.0026


def test_a_stroke_at_the_end_of_the_traces_is_a_gap() -> None:
    """The fall of a pulse at the beginning, the frame of another page at the end; inside a page a beat may end so."""
    height = np.full(400 * PER_PX, 100.0)
    height[: 3 * PER_PX] = np.linspace(150, 100, 3 * PER_PX)
    height[-3 * PER_PX :] = np.linspace(100, 50, 3 * PER_PX)
    covered = np.zeros(len(height), bool)
    inside = _strip("I", False, 0.0, height, covered, 0.0, 400.0, 8.0, 25.0, 10.0)
    assert np.isfinite(inside.samples).all()
    whole = _strip("I", False, 0.0, height, covered, 0.0, 400.0, 8.0, 25.0, 10.0, (True, True))
    assert np.nanmax(np.abs(whole.samples)) < 0.01
    assert (~np.isfinite(whole.samples)).sum() == 2 * 8 * PER_PX


@pytest.mark.parametrize(("near", "told"), [(0.30, True), (0.06, False)])
def test_a_strip_without_a_name_is_told_by_how_much_farther_the_next_lead_stays(
    near: float, told: bool
) -> None:
    rng = np.random.default_rng(7)
    at = np.arange(4000) / RATE
    own = limb_mv("II", at)
    scale = 0.05 * own.std()
    alike = own + near * np.roll(limb_mv("I", at), 30)  # 0.30: another lead that agrees to more than 0.9

    def strip(lead: str, values: np.ndarray, rhythm: bool) -> Strip:
        drawn = values + scale * rng.normal(size=len(values))
        return Strip(lead, rhythm, 0.0, drawn, RATE, np.zeros((0, 2)))

    strips = (strip("II", own[:1000], False), strip("V6", alike[:1000], False), strip("II", own, True))
    leads = cast(Leads, SimpleNamespace(strip_names=(None,)))
    assert untold_strips(leads, strips) == int(not told)
    assert _match(strips[2], strips[1]) > 0.9
