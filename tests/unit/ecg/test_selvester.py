"""The table of the Selvester score, and beats whose points can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg.delineate import Fiducials
from scartools.ecg.qrs_waves import qrs_waves
from scartools.ecg.reading import LEADS
from scartools.ecg.selvester import CRITERIA, MOST, selvester_score
from tests.unit.ecg.beat_phantom import Corners, beat

AT = Fiducials(qrs_onset=180, qrs_offset=222)
NONE = dict.fromkeys(("I", "II", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"), 0)
R: Corners = ((-40, 0), (0, 1.0), (44, 0))
RS: Corners = ((-40, 0), (-25, 0.4), (-5, 0), (12, -1.2), (44, 0))  # R of 35 ms
HEALTHY = dict.fromkeys(NONE, R) | {"V1": RS, "V2": RS, "V3": RS}


def points(changed: dict[str, Corners]) -> dict[str, int] | None:
    return selvester_score(dict(zip(LEADS, qrs_waves(beat(HEALTHY | changed), AT), strict=True)))


def with_q(milliseconds: float, q_mv: float, r_mv: float) -> Corners:
    end = -40 + milliseconds
    return ((-40, 0), (-40 + milliseconds / 2, -q_mv), (end, 0), (end + 15, r_mv), (44, 0))


def test_the_table_has_37_criteria_and_29_points() -> None:
    assert len(CRITERIA) == 37
    best: dict[tuple[str, str], int] = {}
    for line in CRITERIA:
        best[line.lead, line.family] = max(best.get((line.lead, line.family), 0), line.points)
    assert sum(best.values()) == MOST == 29
    of_lead = {lead: sum(value for (name, _), value in best.items() if name == lead) for lead in NONE}
    assert of_lead == dict(zip(NONE, (2, 2, 2, 5, 4, 4, 1, 3, 3, 3), strict=True))


def test_a_healthy_qrs_has_no_points() -> None:
    assert points({}) == NONE


@pytest.mark.parametrize(
    ("lead", "corners", "wanted"),
    [
        ("aVF", with_q(34, 0.2, 1.0), 1),  # Q of 30 ms
        ("aVF", with_q(44, 0.2, 1.0), 2),  # Q of 40 ms
        ("aVF", with_q(54, 0.8, 0.5), 5),  # Q of 50 ms, R/Q below 1
        ("aVF", with_q(34, 0.4, 0.6), 2),  # Q of 30 ms, R/Q below 2
        ("II", with_q(44, 0.2, 1.0), 2),
        ("I", with_q(34, 0.6, 0.5), 2),
        ("V4", with_q(24, 0.2, 1.0), 1),
        ("V4", ((-40, 0), (-20, 0.4), (0, 0), (20, -1.0), (44, 0)), 2),  # R/S below a half
        ("V6", ((-40, 0), (-20, 0.9), (0, 0), (20, -0.5), (44, 0)), 1),  # R/S below 3
        ("V1", ((-40, 0), (0, -1.0), (44, 0)), 1),  # QS
        ("V1", ((-40, 0), (-10, 1.0), (14, 0), (28, -0.4), (44, 0)), 3),  # R of 54 ms, R/S above 1
        ("V2", ((-40, 0), (-32, 0.3), (-24, 0), (10, -1.2), (44, 0)), 1),  # R of 16 ms
        ("V3", ((-40, 0), (-28, 0.3), (-14, 0), (10, -1.2), (44, 0)), 1),  # R of 26 ms
        ("V5", ((-40, 0), (0, -1.0), (44, 0)), 3),  # QS: Q of 30 ms, R/Q of 0
    ],
)
def test_points_of_one_lead(lead: str, corners: Corners, wanted: int) -> None:
    assert points({lead: corners}) == NONE | {lead: wanted}


def test_without_one_of_the_ten_leads_there_is_no_score() -> None:
    signals = beat(HEALTHY)
    for name, wanted in (("III", True), ("V5", False)):
        one = signals.copy()
        one[LEADS.index(name)] = np.nan
        found = selvester_score(dict(zip(LEADS, qrs_waves(one, AT), strict=True)))
        assert (found is not None) is wanted
