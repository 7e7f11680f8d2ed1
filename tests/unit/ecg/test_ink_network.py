"""Trace, text and grid told apart: numpy against torch, and drawn pages whose every pixel is known."""

from __future__ import annotations

import importlib.util
import resource
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from scartools.ecg import ink_network
from scartools.ecg.ink_network import blocks, forward, ink_probabilities, normalised
from scartools.errors import InputError
from scartools.simulation.paper import Page, PageStyle, lay_out, to_picture

TOOLS = Path(__file__).parents[3] / "tools"


def waves(seed: int = 0) -> np.ndarray:
    """float64 (12, 5000): beats 0.8 s apart, P, QRS and T, each lead of its own size."""
    phase = np.mod(np.arange(5000) / 500, 0.8)
    size = np.random.default_rng(seed).uniform(-1.2, 1.2, (12, 1))
    beat = sum(
        a * np.exp(-0.5 * ((phase - at) / w) ** 2)
        for a, at, w in ((0.12, 0.1, 0.02), (1.0, 0.25, 0.012), (-0.3, 0.28, 0.012), (0.3, 0.5, 0.04))
    )
    return size * beat


def truth_of(page: Page) -> tuple[np.ndarray, np.ndarray]:
    """bool (H, W): where the traces and pulses are, and where words and separators are and no trace is."""
    scale = page.style.dpi / 25.4
    shape = round(page.style.height * scale), round(page.style.width * scale)
    trace, text = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for stroke in page.strokes:
        where = text if stroke.role == "separator" else trace
        points = np.round((stroke.points * scale - 0.5) * 64).astype(np.int32)[:, None, :]
        cv2.polylines(where, [points], False, 1, max(round(stroke.width * scale), 1), shift=6)
    for word in page.words:
        place = (round(word.x * scale), round(word.y * scale))
        cv2.putText(text, word.text, place, cv2.FONT_HERSHEY_SIMPLEX, word.size * scale / 30.0, 1, 2)
    return trace > 0, (text > 0) & (trace == 0)


def near(mask: np.ndarray) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def test_numpy_and_torch_agree() -> None:
    torch = pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("ink_architecture", TOOLS / "ink_architecture.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.InkNetwork().eval()
    parts = ink_network.weights()
    network.load_state_dict(
        {name: torch.from_numpy(part) for name, part in parts.items()}
    )  # all names, no other
    page = blocks(np.random.default_rng(0).uniform(0, 1, (150, 230, 3)).astype(np.float32))
    with torch.inference_mode():
        expected = network(torch.from_numpy(page)[None])[0].numpy()
    assert expected.std() > 1  # trained weights say something
    np.testing.assert_allclose(forward(page, parts), expected, atol=1e-3)


def test_blocks_hold_each_pixel_once() -> None:
    page = np.random.default_rng(0).uniform(0, 1, (37, 70, 3)).astype(np.float32)
    parts = blocks(page)
    assert parts.shape == (12, 32, 48) and parts.dtype == np.float32
    assert parts[2 * 4 + 2 * 1 + 0, 17, 30] == page[35, 60, 2]  # colour 2, lower left pixel of its block
    assert parts.sum() == pytest.approx(page.sum(), rel=1e-5)


@pytest.mark.parametrize("paper", [(255, 255, 255), (150, 120, 90), (60, 58, 55)])
def test_light_and_paper_colour_are_divided_out(paper: tuple[int, int, int]) -> None:
    image = np.empty((120, 120, 3), np.uint8)
    image[:] = paper
    image[60, :] = np.array(paper) // 2
    darkness = normalised(image)
    assert np.abs(darkness[:50]).max() < 0.01
    np.testing.assert_allclose(darkness[60], 0.5, atol=0.02)


def test_a_shadow_is_not_ink() -> None:
    shade = np.linspace(1.0, 0.4, 900)[None, :, None]
    page = np.broadcast_to(np.round(240 * shade), (700, 900, 3)).astype(np.uint8)
    found = ink_probabilities(page, 6.0)
    assert float((found.trace > 0.5).mean()) < 1e-3 and float((found.text > 0.5).mean()) < 1e-3


GREY = PageStyle(minor=(215, 215, 215), major=(160, 160, 160), paper=(250, 250, 250))
PALE = PageStyle(ink=(150, 100, 105), minor=(248, 205, 205), major=(225, 140, 140))
BLUE = PageStyle(ink=(40, 40, 110), minor=(250, 215, 190), major=(240, 170, 120))


@pytest.mark.parametrize(
    ("style", "dpi"),
    [(PageStyle(), 200), (PageStyle(), 100), (GREY, 200), (GREY, 72), (PALE, 150), (BLUE, 150)],
    ids=["red-200", "red-100", "grey-200", "grey-72", "pale-150", "blue-150"],
)
def test_the_trace_of_a_drawn_page_is_found_whole_and_alone(style: PageStyle, dpi: int) -> None:
    page = lay_out(waves(), PageStyle(**{**style.__dict__, "dpi": dpi}))
    trace, text = truth_of(page)
    found = ink_probabilities(to_picture(page), dpi / 25.4)
    assert found.trace.shape == trace.shape and found.trace.dtype == np.float32
    said = found.trace > 0.5
    assert (trace & near(said)).sum() / trace.sum() > 0.97
    assert (said & near(near(trace))).sum() / said.sum() > 0.95
    assert (text & said & ~near(near(trace))).sum() / text.sum() < 0.1


def test_the_same_picture_gives_the_same_bytes() -> None:
    picture = to_picture(lay_out(waves(), PageStyle(dpi=100)))
    first, second = (ink_probabilities(picture, 100 / 25.4) for _ in range(2))
    assert first.trace.tobytes() == second.trace.tobytes() and first.grid.tobytes() == second.grid.tobytes()


@pytest.mark.parametrize(
    ("image", "scale"),
    [
        (np.zeros((40, 40), np.uint8), 6.0),
        (np.zeros((40, 40, 3), np.float32), 6.0),
        (np.zeros((0, 40, 3), np.uint8), 6.0),
        (np.zeros((40, 40, 3), np.uint8), 0.5),
        (np.zeros((40, 40, 3), np.uint8), float("nan")),
    ],
    ids=["grey", "floats", "empty", "too-coarse", "no-scale"],
)
def test_what_is_no_page_is_refused(image: np.ndarray, scale: float) -> None:
    with pytest.raises(InputError):
        ink_probabilities(image, scale)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (33, 31)])
def test_any_size_comes_back_at_its_own(size: tuple[int, int]) -> None:
    found = ink_probabilities(np.full((*size, 3), 255, np.uint8), 8.0)
    assert found.trace.shape == found.text.shape == found.grid.shape == size
    assert np.isfinite(found.trace).all()


def test_a_page_takes_little_time_and_memory() -> None:
    picture = to_picture(lay_out(waves()))
    ink_probabilities(picture[:64, :64], 7.874)  # the weights are read once
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(3):
        start = time.process_time()
        ink_probabilities(picture, 7.874)
        times.append(time.process_time() - start)
    unit = 1024 if sys.platform == "linux" else 1024**2
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / unit < 250  # MB
    assert min(times) < 2.0  # about 0.4 s on one core; the bench holds the real limit
