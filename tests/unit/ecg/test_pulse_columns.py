"""Where leads begin behind the pulses that stand before every column: told from where the traces end."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg.columns import Columns
from scartools.ecg.pulse import Pulse
from scartools.ecg.pulse_columns import behind_pulses, foot_of_pulses
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


def rows_behind(right: int, foot: int, levels: list[float]) -> list[np.ndarray]:
    """Traces that stand at 100 px for a foot behind a pulse and go on at these levels, slightly uneven."""
    rows = []
    for level in levels:
        row = np.full(2000, 100.0)
        row[right + foot :] = level + 0.4 * np.sin(np.arange(2000 - right - foot) / 3)
        row[right - 40 : right] = 20.0
        rows.append(row)
    return rows


def test_where_traces_step_behind_their_pulses_the_leads_begin():
    right = round(12.4 * MM)
    pulses = [[Pulse(right - 40, right, 10 * MM, 10 * MM)] for _ in range(6)]
    rows = rows_behind(right, 11, [104.0, 100.0, 95.0, 103.0, 100.5, 96.0])
    foot = foot_of_pulses(pulses, rows, MM)
    assert foot == pytest.approx(11, abs=1.5)
    columns = columns_at(100.0, 5.0, count=2)
    second = [[*own, Pulse(own[0].left + 800, own[0].right + 800, 10 * MM, 10 * MM)] for own in pulses]
    placed = behind_pulses(columns, second, 204 * MM, MM, rows)
    assert placed.lead_told
    assert placed.edges(1)[0] == pytest.approx(112.4 * MM + 11, abs=2)


@pytest.mark.parametrize(
    "levels",
    [
        [100.0] * 6,  # every lead begins at the level of the foot
        [104.0, 100.0, 100.0, 100.0, 95.0, 100.0],  # two steps are chance
    ],
)
def test_without_steps_where_the_leads_begin_is_not_told(levels):
    right = 100
    pulses = [[Pulse(right - 40, right, 10 * MM, 10 * MM)] for _ in levels]
    assert foot_of_pulses(pulses, rows_behind(right, 11, levels), MM) is None


def test_an_r_wave_behind_the_pulses_is_no_step():
    right = 100
    pulses = [[Pulse(right - 40, right, 10 * MM, 10 * MM)] for _ in range(6)]
    x = np.arange(2000)
    rows = [100.0 - size * np.exp(-(((x - right - 18) / 4.0) ** 2)) for size in (40, 60, 80, 50, 45, 70)]
    assert foot_of_pulses(pulses, rows, MM) is None


def test_steps_at_different_places_do_not_tell():
    right = 100
    pulses = [[Pulse(right - 40, right, 10 * MM, 10 * MM)] for _ in range(6)]
    rows = [rows_behind(right, foot, [104.0])[0] for foot in (8, 12, 17, 22, 28, 34)]
    assert foot_of_pulses(pulses, rows, MM) is None
