"""The laws of the limb leads: what a pen explains is no contradiction, an exchanged lead is one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scartools.ecg.limb_laws import law_residuals, limb_laws
from scartools.ecg.page_checks import LAW_REFUSE, LAW_REVIEW
from scartools.ecg.reading import Strip
from tests.unit.ecg.drawn_page import twelve_leads

LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
PEN_S = 0.005


def strips() -> list[Strip]:
    leads = twelve_leads(seconds=4.0)
    return [
        Strip(lead, False, 0.0, leads[lead] - np.median(leads[lead]), 500.0, np.zeros((2, 2))) for lead in LIMB
    ]


def test_leads_that_keep_the_laws_leave_nothing() -> None:
    assert all(law is not None and max(law) < 1e-9 for law in law_residuals(strips(), PEN_S).values())


def test_strokes_a_pen_apart_are_a_large_residual_and_nothing_beyond_the_pen() -> None:
    def drawn(one: Strip) -> Strip:
        steep = np.abs(np.gradient(one.samples)) > 0.02
        return (
            replace(one, samples=np.where(steep, np.roll(one.samples, 2), one.samples))
            if one.lead == "II"
            else one
        )

    law = law_residuals([drawn(one) for one in strips()], PEN_S)["einthoven"]
    assert law is not None and law[0] > 0.05 and law[1] < 0.002


@pytest.mark.parametrize(("one", "other", "law"), [("I", "II", "einthoven"), ("aVF", "aVR", "goldberger_ii")])
def test_exchanged_leads_are_beyond_every_pen(one: str, other: str, law: str) -> None:
    swap = {one: other, other: one}
    found = law_residuals([replace(s, lead=swap.get(s.lead, s.lead)) for s in strips()], PEN_S)[law]
    assert found is not None and found[0] > LAW_REFUSE and found[1] > 2 * LAW_REVIEW


def test_a_lead_at_half_its_gain_is_beyond_the_pen() -> None:
    halved = [replace(s, samples=s.samples / 2) if s.lead == "II" else s for s in strips()]
    found = law_residuals(halved, PEN_S)["einthoven"]
    assert found is not None and found[1] > LAW_REVIEW


def test_no_three_leads_at_one_time_answer_nothing() -> None:
    apart = [replace(s, start_s=10.0 * k) for k, s in enumerate(strips())]
    assert set(limb_laws(apart).values()) == {None}
