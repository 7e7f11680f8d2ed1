"""Rows, columns and strokes that no lead was drawn with."""

from __future__ import annotations

import numpy as np
import pytest

from scartools.ecg import layout
from scartools.ecg.columns import Columns
from scartools.ecg.page_ink import Runs
from scartools.ecg.trace import Path

MM = (8.0, 8.0)
ROWS = [200.0, 440.0, 680.0]
WIDTH = 2400


def words_at(
    shift_mm: float = 1.5, start: float = 160.0, widths: tuple[int, int, int] = (4, 10, 16)
) -> np.ndarray:
    """Twelve names 12 mm above their rows."""
    words = []
    for row, first in zip(ROWS, widths, strict=True):
        for k in range(4):
            left = int(start + k * 500 + shift_mm * 8)
            wide = first if k == 0 else 30
            words.append((left, int(row) - 108, left + wide, int(row) - 88))
    return np.array(words)


def test_names_grow_like_i_ii_iii() -> None:
    columns = 172.0  # px, left edge of the names
    assert layout.name_widths_grow(words_at(), ROWS, columns, MM) is True
    assert layout.name_widths_grow(words_at(widths=(30, 30, 30)), ROWS, columns, MM) is False
    assert layout.name_widths_grow(words_at(widths=(30, 4, 34)), ROWS, columns, MM) is False  # Cabrera
    assert layout.name_widths_grow(words_at()[1:], ROWS, columns, MM) is None


def test_rows_are_found_and_lines_of_text_are_not() -> None:
    column = np.concatenate([np.arange(WIDTH)] * 3 + [np.arange(0, WIDTH, 4)])
    top = np.concatenate([np.full(WIDTH, int(row)) for row in ROWS] + [np.full(WIDTH // 4, 900)])
    rows = layout.find_rows(Runs(column, top, top + 3), (0, WIDTH), 1000, MM)
    assert rows == pytest.approx([row + 1 for row in ROWS], abs=2)


def flat(row: float) -> Path:
    return Path(np.full(WIDTH, row), np.full(WIDTH, row + 3), np.zeros(WIDTH, bool))


def test_a_beat_beside_the_lead_is_noticed_and_hidden() -> None:
    mask = np.zeros((900, WIDTH), bool)
    paths = [flat(row) for row in ROWS]
    for row in ROWS:
        mask[int(row) : int(row) + 3] = True
    columns = Columns(160.0, 500.0, 4, 2160.0, 12, 9, 9, 2)
    hidden = [np.zeros(WIDTH, bool)] * 3
    assert layout.missed_strokes(layout.beside_paths(mask, paths), ROWS, columns, hidden, MM) == []
    mask[100:200, 700:704] = True  # an R wave of the first row
    strokes = layout.missed_strokes(layout.beside_paths(mask, paths), ROWS, columns, hidden, MM)
    assert len(strokes) == 1
    beside = layout.beside_strokes(strokes, paths, MM)
    assert beside[0][702] and not beside[1].any() and not beside[2].any()
    assert beside[0].sum() < 5 * MM[0]


def test_both_strokes_of_a_narrow_qrs_belong_to_its_lead() -> None:
    path = flat(200.0)
    path.top[700], path.bottom[702] = 100.0, 260.0
    mask = np.zeros((900, WIDTH), bool)
    mask[100:200, 700:702] = True
    mask[200:203] = True
    assert layout.beside_paths(mask, [path])[100:199, 701].all()
    assert not layout.beside_paths(mask, [path], reach=2).any()


@pytest.mark.parametrize(("below", "found"), [(920, 4), (860, 3)])
def test_a_strip_that_wanders_below_the_others_is_a_row(below: int, found: int) -> None:
    """Two fifths of its width lie near its mode; a line of text at another distance is no row."""
    near = WIDTH * 2 // 5
    column = np.concatenate([np.arange(WIDTH)] * 3 + [np.arange(near)])
    top = np.concatenate([np.full(WIDTH, int(row)) for row in ROWS] + [np.full(near, below)])
    assert len(layout.find_rows(Runs(column, top, top + 3), (0, WIDTH), 1100, MM)) == found


def test_the_tip_of_a_wave_that_was_cut_short_is_noticed() -> None:
    mask, hidden = np.zeros((900, WIDTH), bool), [np.zeros(WIDTH, bool)] * 3
    paths = [flat(row) for row in ROWS]
    columns = Columns(160.0, 500.0, 4, 2160.0, 12, 9, 9, 2)
    paths[0].top[700:703] = 150.0  # followed up to here,
    mask[128:200, 700:703] = True  # drawn 2.7 mm further

    def missed(stroke: np.ndarray) -> int:
        rest = layout.beside_paths(stroke, paths, 2)
        return len(layout.missed_strokes(rest, ROWS, columns, hidden, MM, paths))

    assert missed(mask) == 1
    letter = np.zeros((900, WIDTH), bool)
    letter[100:122, 700:703] = True  # as tall, and on nothing
    stain = np.zeros((900, WIDTH), bool)
    stain[128:150, 694:710] = True
    assert missed(letter) == missed(stain) == 0
