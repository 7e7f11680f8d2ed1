"""Where leads begin behind the pulses that stand before every column: told from where the traces end."""

from __future__ import annotations

import pytest

from scartools.ecg.columns import Columns
from scartools.ecg.pulse import Pulse
from scartools.ecg.pulse_columns import behind_pulses
from scartools.errors import InputError

MM = 8.0  # px a mm


def columns_at(pitch_mm: float, start_mm: float, count: int = 4) -> Columns:
    return Columns(start_mm * MM, pitch_mm * MM, count, (start_mm + count * pitch_mm) * MM, 12, 9, 9, 2)


def pulses_at(right_mm: list[float]) -> list[Pulse]:
    return [Pulse(round((x - 5) * MM), round(x * MM), 10 * MM, 10 * MM) for x in right_mm]


LEADS_MM = [20.0 + 76.0 * k for k in range(4)]  # where the leads begin; each is 62.5 mm long
END = (LEADS_MM[-1] + 62.5) * MM


@pytest.mark.parametrize("found_mm", [20.0, 18.5, 9.0])
def test_leads_begin_behind_the_pulses_wherever_the_border_was_found(found_mm):
    rows = [pulses_at([x - 4 for x in LEADS_MM])] * 3
    placed = behind_pulses(columns_at(76.0, found_mm), rows, END, MM)
    for column, left in enumerate(LEADS_MM):
        assert placed.edges(column) == pytest.approx((left * MM, (left + 62.5) * MM), abs=0.1)
    assert placed.time == pytest.approx(62.5 * MM)


def test_columns_without_pulses_between_them_stay_as_they_are():
    columns = columns_at(76.0, 20.0)
    first_only = [pulses_at([16.0])] * 3
    assert behind_pulses(columns, first_only, END, MM) is columns
    usual = columns_at(62.5, 20.0)
    assert behind_pulses(usual, [pulses_at([16.0, 78.0, 141.0, 203.0])] * 3, 270 * MM, MM) is usual


def test_traces_that_end_early_do_not_move_the_leads():
    rows = [pulses_at([x - 4 for x in LEADS_MM])] * 3
    with pytest.raises(InputError, match="before each column"):
        behind_pulses(columns_at(76.0, 20.0), rows, END - 10 * MM, MM)


def test_two_columns_of_no_usual_width_are_cut_behind_their_pulses_and_it_is_said():
    rows = [pulses_at([12.4, 112.4])] * 4 + [[]] * 2
    placed = behind_pulses(columns_at(100.0, 5.0, count=2), rows, 204 * MM, MM)
    assert placed.edges(1)[0] == pytest.approx(112.4 * MM, abs=1)
    assert placed.time == pytest.approx(92.6 * MM, abs=1) and not placed.lead_told


def test_pulses_that_stand_further_apart_than_the_columns_are_refused():
    rows = [pulses_at([16.0 + 67.5 * k for k in range(4)])] * 3
    with pytest.raises(InputError, match="67.5 mm apart"):
        behind_pulses(columns_at(62.5, 20.0), rows, 280 * MM, MM)
