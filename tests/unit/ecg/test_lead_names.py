"""Lead names: the network in numpy against torch, words on drawn pages, names on a trace, pages upside down."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from scartools.ecg.lead_names import find_words, free_words, ink_level, scan_names, score_at, word_boxes
from scartools.ecg.name_network import (
    NAMES,
    PATCH,
    STRIDE,
    STRIDES,
    forward,
    gate_scores,
    load_weights,
    log_probabilities,
    strokes,
)

PX_PER_MM = 200 / 25.4
TWELVE = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def put(
    page: np.ndarray, text: str, x: int, y: int, cap: float = 24.0, face: int = cv2.FONT_HERSHEY_DUPLEX
) -> None:
    """Draw `text` with its base line at y, capitals `cap` px high."""
    one = np.zeros((200, 200), np.uint8)
    cv2.putText(one, "V", (20, 150), face, 4.0, 255, 1)
    high = np.ptp(np.flatnonzero(one.any(axis=1))) + 1
    letters = np.zeros(page.shape, np.uint8)
    cv2.putText(letters, text, (x, y), face, 4.0 * cap / high, 255, 2, cv2.LINE_AA)
    np.maximum(page, letters.astype(np.float32) / 255, out=page)


def twelve_names() -> np.ndarray:
    """Darkness float32 (700, 2000) of a page with twelve names at 200 dpi, three rows and four columns, and traces."""
    page = np.zeros((700, 2000), np.float32)
    for at, name in enumerate(TWELVE):
        put(page, name, 60 + 490 * (at // 3), 100 + 200 * (at % 3))
    for row in range(3):
        x = np.arange(2000)
        y = 170 + 200 * row - 40 * np.exp(-(((x % 240) - 120.0) ** 2) / 18)
        cv2.polylines(page, [np.column_stack([x, y]).astype(np.int32)], False, 1.0, 3)
    return page


def test_every_free_name_is_read_where_it_stands():
    page = twelve_names()
    words = [word for word in free_words(page > 0.5, page, PX_PER_MM) if word.text]
    found = {word.text: word for word in words}
    assert sorted(found) == sorted(TWELVE)
    for at, name in enumerate(TWELVE):
        word = found[name]
        assert abs(word.left - (60 + 490 * (at // 3))) < 8
        assert abs(word.bottom - (100 + 200 * (at % 3))) < 5
        assert word.confidence > 0.5


def test_an_empty_page_has_no_words():
    page = np.zeros((300, 400), np.float32)
    assert find_words(page > 0.5, page, PX_PER_MM) == []


@pytest.mark.parametrize("flip", [(-1, -1), (1, -1), (-1, 1)], ids=["turned", "mirrored", "upside down"])
def test_names_that_do_not_stand_upright_are_not_read(flip):
    page = np.ascontiguousarray(twelve_names()[:: flip[0], :: flip[1]])
    words = free_words(page > 0.5, page, PX_PER_MM)
    assert len({word.text for word in words} - {"", "I", "II", "III"}) <= 1


def test_other_letters_are_words_without_a_lead():
    page = np.zeros((200, 900), np.float32)
    for x, text in zip((40, 300, 560), ("25mm/s", "Rate", "40Hz"), strict=True):
        put(page, text, x, 100)
    words = free_words(page > 0.5, page, PX_PER_MM)
    assert words
    assert {word.text for word in words} == {""}


@pytest.mark.parametrize("name", ["aVR", "aVF", "V1", "V2", "V4", "V5"])
@pytest.mark.parametrize("height", [2, 12])
def test_a_name_that_the_trace_touches_is_found_in_its_window(name, height):
    page = np.zeros((300, 600), np.float32)
    put(page, name, 250, 160)
    x = np.arange(600)
    y = 160 - height + 3 * np.sin(x / 40)
    cv2.polylines(page, [np.column_stack([x, y]).astype(np.int32)], False, 0.9, 2)
    (scores,) = score_at(page, [(230, 100, 330, 200)], PX_PER_MM, ink_level(page > 0.5, page))
    twelve = [NAMES.index(lead) for lead in TWELVE]
    assert TWELVE[int(np.argmax(scores.log_probability[twelve]))] == name
    at = NAMES.index(name)
    assert abs(scores.y[at] - 148) < 2 * PX_PER_MM
    assert 250 < scores.x[at] < 330
    assert 2.0 < scores.cap_mm[at] < 4.5


def test_scores_know_their_place_after_a_shift():
    page = np.zeros((300, 600), np.float32)
    put(page, "V5", 250, 160)
    moved = np.roll(page, (20, 40), (0, 1))
    (one,) = score_at(page, [(200, 100, 340, 200)], PX_PER_MM, 1.0, (3.0,))
    (two,) = score_at(moved, [(240, 120, 380, 220)], PX_PER_MM, 1.0, (3.0,))
    np.testing.assert_allclose(one.log_probability, two.log_probability, atol=1e-3)
    at = NAMES.index("V5")
    assert (two.x - one.x)[at] == pytest.approx(40, abs=0.01)
    assert (two.y - one.y)[at] == pytest.approx(20, abs=0.01)


def test_a_scan_finds_a_name_that_letters_alone_do_not():
    page = twelve_names()
    cv2.line(page, (540, 88), (760, 88), 1.0, 2)  # the trace runs through aVR
    alone = {word.text for word in free_words(page > 0.5, page, PX_PER_MM)}
    every = {word.text for word in find_words(page > 0.5, page, PX_PER_MM)}
    assert "aVR" not in alone
    assert "aVR" in every


def test_a_scan_in_line_with_some_names_sees_there_what_a_scan_of_the_page_sees():
    page = twelve_names()
    put(page, "V6", 1200, 640)  # in line with no name of the first row or column
    whole = scan_names(page, PX_PER_MM, (3.05,))
    near = [word for word in free_words(page > 0.5, page, PX_PER_MM) if word.text in ("aVR", "II", "V1")]
    seen = scan_names(page, PX_PER_MM, (3.05,), near=near)
    places = {(word.text, word.left, word.top) for word in whole}
    assert {(word.text, word.left, word.top) for word in seen} <= places
    assert {"II", "III", "aVR", "aVF", "V1", "V4"} <= {word.text for word in seen}
    assert any(word.top > 560 for word in whole) and not any(word.top > 560 for word in seen)


def test_a_scan_above_and_below_names_sees_their_columns_alone():
    page = twelve_names()
    near = [word for word in free_words(page > 0.5, page, PX_PER_MM) if word.text in ("aVR", "II", "V1")]
    seen = {word.text for word in scan_names(page, PX_PER_MM, (3.05,), near=near, along=False)}
    assert {"II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3"} <= seen
    assert not seen & {"V4", "V5", "V6"}


def test_a_column_of_names_that_all_touch_a_trace_is_found_beside_the_others():
    page = twelve_names()
    for y in (88, 288, 488):
        cv2.line(page, (1520, y), (1740, y), 1.0, 2)  # longer than a word
    last = {"V4", "V5", "V6"}
    assert not {word.text for word in free_words(page > 0.5, page, PX_PER_MM)} & last
    assert last <= {word.text for word in find_words(page > 0.5, page, PX_PER_MM)}


def test_a_scan_and_a_window_see_the_same():
    page = twelve_names()
    found = [word for word in scan_names(page, PX_PER_MM, (3.05,)) if word.text == "V4"]
    assert len(found) == 1
    x, y = found[0].middle
    (scores,) = score_at(page, [(x - 15, y - 15, x + 15, y + 15)], PX_PER_MM, 1.0, (3.05,))
    assert scores.best == "V4"
    assert np.hypot(scores.x[NAMES.index("V4")] - x, scores.y[NAMES.index("V4")] - y) < 12


def test_the_long_trace_is_no_word():
    page = np.zeros((300, 1000), np.float32)
    cv2.line(page, (0, 150), (999, 150), 1.0, 3)
    assert not len(word_boxes(page > 0.5, PX_PER_MM))


def random_pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(2).random(shape).astype(np.float32)


def test_numpy_and_torch_agree():
    torch = pytest.importorskip("torch")
    layers = load_weights()
    x = random_pictures(3, PATCH[0] + 8, PATCH[1] + 12)
    y = torch.from_numpy(x)[:, None]
    for (kernel, offset), stride in zip(layers.trunk, STRIDES, strict=False):
        y = torch.relu(
            torch.nn.functional.conv2d(y, torch.from_numpy(kernel), torch.from_numpy(offset), stride=stride)
        )
    gate = torch.nn.functional.conv2d(y, *(torch.from_numpy(part) for part in layers.gate))
    for at, (kernel, offset) in enumerate(layers.head):
        y = torch.nn.functional.conv2d(y, torch.from_numpy(kernel), torch.from_numpy(offset))
        y = torch.relu(y) if at == 0 else y
    np.testing.assert_allclose(forward(x, layers), y.permute(0, 2, 3, 1).numpy(), atol=1e-4)
    np.testing.assert_allclose(gate_scores(strokes(x, layers), layers), gate[:, 0].numpy(), atol=1e-4)


def test_one_pass_over_a_large_picture_is_one_pass_a_window():
    layers = load_weights()
    x = random_pictures(1, PATCH[0] + 3 * STRIDE, PATCH[1] + 2 * STRIDE)
    dense = forward(x, layers)
    assert dense.shape == (1, 4, 3, len(NAMES) + 1)
    for r in range(4):
        for c in range(3):
            window = x[:, STRIDE * r : STRIDE * r + PATCH[0], STRIDE * c : STRIDE * c + PATCH[1]]
            np.testing.assert_allclose(forward(window, layers)[0, 0, 0], dense[0, r, c], atol=1e-4)


def test_probabilities_sum_to_one():
    assert np.exp(log_probabilities(np.array([[3.0, 1000.0, -2.0]]))).sum() == pytest.approx(1)


def test_the_same_seed_draws_the_same_letters(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "tools"))
    from drawn_names import Bank, draw_patch

    one, two = (draw_patch(np.random.default_rng(5), Bank()) for _ in range(2))
    np.testing.assert_array_equal(one[0], two[0])
    assert one[1] == two[1]
    assert one[0].shape == PATCH
    sys.modules.pop("drawn_names", None)


@pytest.mark.real
def test_the_names_of_a_clean_page_are_read(data_folder):
    from scartools.ecg.page_ink import find_ink
    from scartools.ecg.page_paper import divide_out_paper

    path = data_folder / "ecg" / "pages" / "rendered" / "kit" / "00696_clean.png"
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    ink = find_ink(divide_out_paper(image))
    words = free_words(ink.mask, ink.weight, PX_PER_MM)
    assert len(set(TWELVE) & {word.text for word in words}) >= 11
