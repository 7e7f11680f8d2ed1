"""Checks that need no truth: each passes on a good page and fails on the one fault it is there for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from scartools.ecg.page_checks import checked, status_of
from scartools.ecg.reading import LEADS, Check, PageReading, Strip
from tests.unit.ecg.drawn_page import STANDARD, twelve_leads

RATE = 500.0


def strip(
    lead: str, start: float, seconds: float, rhythm: bool = False, bpm: float = 70.0, page: int = 0
) -> Strip:
    first = round(start * RATE)
    samples = twelve_leads(bpm=bpm)[lead][first : first + round(seconds * RATE)]
    return Strip(lead, rhythm, start, samples - np.median(samples), RATE, np.zeros((2, 2)), page)


def page_3x4() -> PageReading:
    strips = [strip(lead, 2.5 * k, 2.5) for row in STANDARD for k, lead in enumerate(row)]
    strips.append(strip("II", 0, 10, rhythm=True))
    found = dict.fromkeys(("px_per_mm", "speed_mm_s", "gain_mm_mv", "layout"), "printed")
    return PageReading(
        tuple(strips), "3x4+1", "vector", (2.8, 2.8), 25.0, 10.0, found, facts={"PulseHeight": 10.0}
    )


def page_12x1() -> PageReading:
    return replace(page_3x4(), strips=tuple(strip(lead, 0, 10) for lead in LEADS), layout="12x1")


def outcome(reading: PageReading) -> tuple[str, set[str]]:
    checks = checked(reading).checks
    return status_of(checks), {check.name for check in checks if check.passed is False}


def changed(reading: PageReading, change: Callable[[Strip], Strip]) -> PageReading:
    return replace(reading, strips=tuple(change(item) for item in reading.strips))


NOT_ON_3X4 = {
    f"{law}{gross}" for law in ("goldberger_avl", "cabrera", "cabrera_avf") for gross in ("", "_gross")
}


@pytest.mark.parametrize("reading", [page_3x4(), page_12x1()], ids=["3x4+1", "12x1"])
def test_a_good_page_is_accepted_with_every_answer_it_can_give(reading):
    assert outcome(reading) == ("accepted", set())
    unanswered = {check.name for check in checked(reading).checks if check.passed is None}
    rhythm = {"rhythm_correlation", "rhythm_amplitude", "beats_shared", "heart_rate_ratio"}
    assert unanswered == (NOT_ON_3X4 if reading.layout == "3x4+1" else rhythm)


@pytest.mark.parametrize("make", [page_3x4, page_12x1], ids=["3x4+1", "12x1"])
def test_two_exchanged_limb_leads_are_refused(make):
    swap = {"I": "II", "II": "I"}
    status, failed = outcome(changed(make(), lambda s: replace(s, lead=swap.get(s.lead, s.lead))))
    assert status == "refused" and any(name.endswith("_gross") for name in failed)


def test_exchanged_i_and_iii_are_seen_where_avl_shares_their_time():
    swap = {"I": "III", "III": "I"}  # their sum stays II
    status, failed = outcome(changed(page_12x1(), lambda s: replace(s, lead=swap.get(s.lead, s.lead))))
    assert status != "accepted" and "goldberger_avl" in failed


def test_avr_that_was_not_turned_is_refused():
    status, failed = outcome(
        changed(page_3x4(), lambda s: replace(s, samples=-s.samples) if s.lead == "aVR" else s)
    )
    assert status == "refused" and {"goldberger_gross", "goldberger_ii_gross"} <= failed


def test_a_rhythm_strip_of_another_lead_is_seen():
    other = strip("V1", 0, 10, rhythm=True)
    reading = page_3x4()
    status, failed = outcome(replace(reading, strips=(*reading.strips[:-1], replace(other, lead="II"))))
    assert status != "accepted" and "rhythm_correlation" in failed


def test_a_rhythm_strip_at_another_gain_asks_for_a_review():
    status, failed = outcome(
        changed(page_3x4(), lambda s: replace(s, samples=s.samples * 1.25) if s.rhythm else s)
    )
    assert status == "needs_review" and "rhythm_amplitude" in failed


def test_one_limb_lead_at_half_its_gain_breaks_the_laws():
    status, failed = outcome(
        changed(page_12x1(), lambda s: replace(s, samples=s.samples / 2) if s.lead == "II" else s)
    )
    assert status != "accepted" and "einthoven" in failed


@pytest.mark.parametrize("height", [5.0, 7.9, 20.0, 50.0])
def test_a_pulse_that_is_not_one_millivolt_is_refused(height):
    assert outcome(replace(page_3x4(), facts={"PulseHeight": height})) == (
        "refused",
        {"pulse_height", "pulse_height_gross"},
    )


@pytest.mark.parametrize("height", [8.7, 11.0])
def test_a_pulse_that_is_somewhat_off_asks_for_a_review(height):
    assert outcome(replace(page_3x4(), facts={"PulseHeight": height})) == ("needs_review", {"pulse_height"})


def test_a_page_without_pulse_is_not_blamed_for_it():
    reading = replace(page_3x4(), facts={})
    assert outcome(reading) == ("accepted", set())
    assert next(c for c in checked(reading).checks if c.name == "pulse_height") == Check(
        "pulse_height", None, 0.06, "share of 1 mV", None, False
    )


def test_ten_seconds_of_half_a_usual_heart_rate_do_not_vouch_for_25_mm_a_second():
    """Five seconds at 50 mm/s are as long on paper: read at 25 mm/s, a heart of 70 beats with 35."""
    page = replace(page_3x4(), found={**page_3x4().found, "speed_mm_s": "assumed"})
    assert outcome(page) == ("accepted", set())
    slow = replace(
        page,
        strips=tuple(strip(s.lead, s.start_s, len(s.samples) / RATE, s.rhythm, bpm=35) for s in page.strips),
    )
    assert "scales_assumed" in outcome(slow)[1]
    assert outcome(slow)[0] != "accepted"


def test_scales_that_nothing_speaks_for_ask_for_a_review():
    assumed = {**page_3x4().found, "gain_mm_mv": "assumed", "px_per_mm": "assumed"}
    assert outcome(replace(page_3x4(), found=assumed)) == ("accepted", set())  # its pulse speaks for both
    assert outcome(replace(page_3x4(), found=assumed, facts={})) == ("needs_review", {"scales_assumed"})
    speed = {**page_3x4().found, "speed_mm_s": "assumed"}
    assert outcome(replace(page_3x4(), found=speed)) == ("accepted", set())  # 10 s of rhythm strip
    short = changed(
        replace(page_3x4(), found=speed), lambda s: replace(s, rate=s.rate * 2, start_s=s.start_s / 2)
    )
    assert "scales_assumed" in outcome(short)[1]


def test_columns_of_another_heart_beat_are_seen():
    strips = [replace(strip(s.lead, s.start_s, 2.5, bpm=115)) if not s.rhythm else s for s in page_3x4().strips]
    status, failed = outcome(replace(page_3x4(), strips=tuple(strips)))
    assert status != "accepted" and {"beats_shared", "heart_rate_ratio"} <= failed


def test_two_pages_of_different_rates_ask_for_a_review():
    strips = [strip(lead, 0, 10, bpm=60 if k < 6 else 100, page=k // 6) for k, lead in enumerate(LEADS)]
    assert outcome(replace(page_12x1(), strips=tuple(strips))) == ("needs_review", {"heart_rate_ratio"})


def test_the_heart_rate_is_that_of_the_page():
    for bpm in (40.0, 70.0, 140.0):
        strips = tuple(strip(lead, 0, 10, bpm=bpm) for lead in LEADS)
        checks = checked(replace(page_12x1(), strips=strips)).checks
        assert next(c.value for c in checks if c.name == "heart_rate_least") == pytest.approx(bpm, rel=0.02)


@pytest.mark.parametrize(("factor", "name"), [(20.0, "largest_lead"), (0.02, "largest_lead_least")])
def test_amplitudes_that_no_heart_has_are_refused(factor, name):
    status, failed = outcome(changed(page_12x1(), lambda s: replace(s, samples=s.samples * factor)))
    assert status == "refused" and name in failed


@pytest.mark.parametrize(("share", "status"), [(0.03, "accepted"), (0.2, "needs_review"), (0.6, "refused")])
def test_gaps_count(share, status):
    def holed(item: Strip) -> Strip:
        samples = item.samples.copy()
        samples[100 : 100 + int(share * len(samples))] = np.nan
        return replace(item, samples=samples) if item.lead == "V6" else item

    assert outcome(changed(page_12x1(), holed))[0] == status


def test_a_missing_lead_is_refused():
    reading = page_3x4()
    kept = tuple(s for s in reading.strips if s.lead != "V3")
    assert outcome(replace(reading, strips=kept)) == ("refused", {"leads_found"})


def test_no_strip_at_all_is_refused_and_does_not_crash():
    assert outcome(replace(page_3x4(), strips=()))[0] == "refused"


def test_flat_lines_are_refused():
    status, failed = outcome(changed(page_12x1(), lambda s: replace(s, samples=np.zeros_like(s.samples))))
    assert status == "refused" and "largest_lead_least" in failed


def test_a_picture_of_twelve_rows_does_not_vouch_for_its_paper_speed():
    assumed = replace(page_12x1(), found={**page_12x1().found, "speed_mm_s": "assumed"})
    assert outcome(replace(assumed, source_kind="vector")) == ("accepted", set())
    assert outcome(replace(assumed, source_kind="raster")) == ("needs_review", {"scales_assumed"})
