"""Checks that need no truth: each passes on a good page and fails on the one fault it is there for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from scartools.ecg.page_beats import find_beats, heart_rates
from scartools.ecg.page_checks import LEAST_ODDS_ALONE, checked, status_of
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


PRINTED = {"speed_odds"}  # a printed speed is not doubted
NOT_ON_3X4 = PRINTED | {
    f"{law}{gross}"
    for law in ("goldberger_avl", "cabrera", "cabrera_avf")
    for gross in ("", "_strokes", "_gross")
}


@pytest.mark.parametrize("reading", [page_3x4(), page_12x1()], ids=["3x4+1", "12x1"])
def test_a_good_page_is_accepted_with_every_answer_it_can_give(reading):
    assert outcome(reading) == ("accepted", set())
    unanswered = {check.name for check in checked(reading).checks if check.passed is None}
    rhythm = PRINTED | {"rhythm_correlation", "rhythm_amplitude", "beats_shared", "heart_rate_ratio"}
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


def slowed(item: Strip, bpm: float) -> Strip:
    """The strip as 50 mm/s show it to one who takes 25: half of the time on the same paper, twice as slow."""
    seconds = len(item.samples) / RATE
    half = strip(item.lead, item.start_s / 2, seconds / 2, item.rhythm, bpm=bpm).samples
    at = np.arange(len(item.samples)) / 2
    return replace(item, samples=np.interp(at, np.arange(len(half)), half))


@pytest.mark.parametrize("bpm", [75.0, 105.0, 130.0])
def test_the_paper_speed_of_half_the_length_is_not_vouched_for(bpm):
    """Five seconds at 50 mm/s are as long on paper as ten at 25: a fast heart then has a usual rate, and slow waves."""
    page = replace(page_3x4(), found={**page_3x4().found, "speed_mm_s": "assumed"})
    assert outcome(page) == ("accepted", set())
    status, failed = outcome(changed(page, lambda s: slowed(s, bpm)))
    assert status != "accepted" and {"scales_assumed", "speed_odds"} <= failed


def test_a_slow_heart_has_waves_of_usual_length():
    page = replace(page_3x4(), found={**page_3x4().found, "speed_mm_s": "assumed"})
    slow = changed(page, lambda s: strip(s.lead, s.start_s, len(s.samples) / RATE, s.rhythm, bpm=42))
    assert outcome(slow) == ("accepted", set())


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


def test_a_lead_whose_beginning_is_hidden_belongs_to_its_column():
    """A name hides 0.16 s of V1, whose T is as steep as its QRS: by itself it would have twice the rate."""

    def twice(item: Strip) -> Strip:
        if item.rhythm or item.lead != "V1":
            return item
        between = np.roll(item.samples, round(0.4 * 60 / 70 * RATE))
        first = round(0.16 * RATE)
        return replace(item, start_s=item.start_s + 0.16, samples=(item.samples + between)[first:])

    reading = changed(page_3x4(), twice)
    alone = heart_rates(find_beats([s for s in reading.strips if s.lead == "V1"]))[0]
    assert alone is not None and alone > 1.4 * 70
    ratio = heart_rates(find_beats(reading.strips))[1]
    assert ratio == pytest.approx(1.0, abs=0.1)


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


def test_beats_alone_vouch_for_the_speed_of_an_unusual_length_only_where_they_are_sure():
    """Of 12 rows as long as 6.6 s nothing but the beats tells the speed."""
    cut = changed(page_12x1(), lambda s: replace(s, samples=s.samples[: int(6.6 * RATE)]))
    assumed = replace(cut, found={**cut.found, "speed_mm_s": "assumed"}, source_kind="raster")
    assert outcome(assumed) == ("accepted", set())
    fast = changed(assumed, lambda s: strip(s.lead, 0.0, 6.6, s.rhythm, bpm=160))
    odds = {check.name: check.value for check in checked(fast).checks}["speed_odds"]
    assert odds is not None and 1 < odds < LEAST_ODDS_ALONE and "scales_assumed" in outcome(fast)[1]


@pytest.mark.parametrize(
    ("width", "at_25", "at_50"),
    [(2.5, 0, -1), (3.5, 0, -1), (5.0, 0, 0), (None, 0, 0), (8.5, -1, 0), (10.0, -1, 0)],
)
def test_the_width_of_a_pulse_may_speak_against_a_speed_and_never_for_one(width, at_25, at_50):
    assumed = replace(page_12x1(), found={**page_12x1().found, "speed_mm_s": "assumed"}, source_kind="raster")

    def odds(facts: dict[str, float | None], speed: float) -> float:
        page = replace(assumed, facts={**assumed.facts, **facts}, speed_mm_s=speed)
        value = {check.name: check.value for check in checked(page).checks}["speed_odds"]
        assert value is not None
        return value

    assert odds({"PulseWidth": width}, 25.0) - odds({}, 25.0) == pytest.approx(at_25)
    assert odds({"PulseWidth": width}, 50.0) - odds({}, 50.0) == pytest.approx(at_50)


def test_no_strip_at_all_is_refused_and_does_not_crash():
    assert outcome(replace(page_3x4(), strips=()))[0] == "refused"


def test_flat_lines_are_refused():
    status, failed = outcome(changed(page_12x1(), lambda s: replace(s, samples=np.zeros_like(s.samples))))
    assert status == "refused" and "largest_lead_least" in failed


def test_a_picture_of_twelve_rows_vouches_for_its_paper_speed_by_its_beats():
    assumed = replace(page_12x1(), found={**page_12x1().found, "speed_mm_s": "assumed"}, source_kind="raster")
    assert outcome(assumed) == ("accepted", set())
    assert {"scales_assumed", "speed_odds"} <= outcome(changed(assumed, lambda s: slowed(s, 70.0)))[1]


def test_a_heart_that_is_not_regular_is_no_contradiction():
    """Two rates on one page, in columns and strip alike: each column is held against the strip at its time."""
    page = page_3x4()

    def halves(item: Strip) -> Strip:
        early, late = (strip(item.lead, 0, 10, bpm=bpm).samples for bpm in (55.0, 100.0))
        both = np.concatenate([early[:2500], late[:2500]])
        first = round(item.start_s * RATE)
        return replace(item, samples=both[first : first + len(item.samples)])

    assert outcome(changed(page, halves)) == ("accepted", set())


def test_what_letters_hide_is_no_failure_while_a_beat_is_left():
    def named(item: Strip) -> Strip:
        samples = item.samples.copy()
        samples[:200] = np.nan
        return replace(item, samples=samples, hidden=200 / len(samples)) if item.lead == "V4" else item

    assert outcome(changed(page_3x4(), named)) == ("accepted", set())
    seen = {check.name: check.value for check in checked(changed(page_3x4(), named)).checks}
    assert seen["coverage"] == 1.0


def test_a_lead_that_ends_before_the_others_of_its_column_is_lost():
    def cut(item: Strip, leads: tuple[str, ...]) -> Strip:
        return replace(item, samples=item.samples[:850]) if item.lead in leads else item

    assert "shortest_lead" in outcome(changed(page_3x4(), lambda s: cut(s, ("V5",))))[1]
    # the edge of the picture cuts all of them off
    assert outcome(changed(page_3x4(), lambda s: cut(s, ("V4", "V5", "V6")))) == ("accepted", set())


@pytest.mark.parametrize("late", [-2, 2])
def test_a_pen_that_is_late_by_its_own_width_breaks_no_law(late):
    """4 ms of a lead and not of the others, the lag that suits T and P: the strokes of a narrow QRS alone are off."""

    def drawn(item: Strip) -> Strip:
        samples = item.samples.copy()
        steep = np.abs(np.gradient(samples)) > 0.02
        samples[steep] = np.roll(item.samples, late)[steep]
        return replace(item, samples=samples) if item.lead == "II" else item

    assert outcome(changed(page_12x1(), drawn)) == ("accepted", set())


def test_a_photograph_taken_at_an_angle_is_vouched_for_by_pulse_and_columns():
    angle = replace(page_3x4(), px_per_mm=(4.0, 4.3))
    assert outcome(angle) == ("needs_review", {"equal_axes"})
    assert outcome(replace(angle, facts={**angle.facts, "ColumnWidth": 62.5})) == ("accepted", set())
    narrow = replace(angle, facts={**angle.facts, "ColumnWidth": 58.0})
    assert outcome(narrow) == ("needs_review", {"equal_axes"})
