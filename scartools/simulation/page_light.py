"""What light, paper, copiers and cameras do to the colours of a page; no pixel is moved here.

Every function takes and returns a picture uint8 (H, W, 3), RGB, and draws from the generator it is given.
`strength` runs from 0 (nothing) to 1.
"""

from __future__ import annotations

import cv2
import numpy as np

from scartools.simulation.page_geometry import Fold, View, Wave


def _smooth_noise(r: np.random.Generator, shape: tuple[int, int], cell: float) -> np.ndarray:
    """Noise float32 (H, W) of about unit size that changes over `cell` pixels."""
    coarse = (int(shape[0] / cell) + 3, int(shape[1] / cell) + 3)
    field = r.standard_normal(coarse, dtype=np.float32)
    return cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


def _scaled(picture: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Multiply by a field float32 (H, W); rounded, kept within 0 to 255."""
    return cv2.multiply(picture, np.repeat(factor[..., None], 3, axis=2), dtype=cv2.CV_8U)


def cast(picture: np.ndarray, strength: float, r: np.random.Generator) -> np.ndarray:
    """Another colour of the light, another contrast: one curve a channel."""
    level = np.arange(256, dtype=np.float64) / 255
    gamma = np.exp(r.uniform(-0.35, 0.35) * strength)
    black = r.uniform(0.0, 0.12) * strength
    tables = []
    for _ in range(3):
        white = 1.0 - r.uniform(0.0, 0.22) * strength
        tables.append(np.round(255 * (black + (white - black) * level**gamma)).astype(np.uint8))
    return cv2.LUT(picture, np.stack(tables, axis=-1)[None])


def grain(picture: np.ndarray, strength: float, r: np.random.Generator) -> np.ndarray:
    """The cloudiness of paper: fibres a few pixels wide and patches."""
    shape = picture.shape[:2]
    field = _smooth_noise(r, shape, 2.5) * 0.02 + _smooth_noise(r, shape, 30.0) * 0.015
    return _scaled(picture, 1.0 + np.float32(strength) * field)


def noise(picture: np.ndarray, strength: float, r: np.random.Generator) -> np.ndarray:
    """Noise of the sensor: brightness in every pixel, colour in patches of two."""
    shape = picture.shape[:2]
    size = np.float32(14.0 * strength)
    bright = r.standard_normal(shape, dtype=np.float32) * size
    half = (shape[0] // 2 + 1, shape[1] // 2 + 1, 3)
    colour = cv2.resize(r.standard_normal(half, dtype=np.float32) * size * 0.6, shape[::-1])
    return cv2.add(picture, np.asarray(colour) + bright[..., None], dtype=cv2.CV_8U)


def blur(picture: np.ndarray, sigma_px: float, r: np.random.Generator) -> np.ndarray:
    """Out of focus, and a hand that moves: a Gaussian longer one way."""
    if sigma_px < 0.15:
        return picture
    soft = cv2.GaussianBlur(picture, (0, 0), sigma_px)
    if r.random() < 0.35:
        along = (0.05 + sigma_px, 0.3) if r.random() < 0.5 else (0.3, 0.05 + sigma_px)
        soft = cv2.GaussianBlur(soft, (0, 0), sigmaX=along[0], sigmaY=along[1])
    return soft


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """Pack and unpack as JPEG."""
    done, packed = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError("OpenCV could not pack a JPEG")
    return cv2.cvtColor(np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)


def photocopy(
    picture: np.ndarray, strength: float, r: np.random.Generator, *, two_tone: bool = False
) -> np.ndarray:
    """A grey copy, or one of black and white alone; toner fades, specks appear."""
    grey: np.ndarray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    shape = grey.shape
    uneven = _smooth_noise(r, shape, 80.0) * (10.0 * strength)
    if two_tone:
        limit = r.uniform(150.0, 215.0) + uneven
        # what is only a little darker than the limit breaks up into points
        grey = np.where(
            grey + r.standard_normal(shape, dtype=np.float32) * (22.0 * strength) < limit, 20.0, 250.0
        )
    else:
        contrast, middle = 1.0 + r.uniform(0.0, 1.2) * strength, r.uniform(170.0, 225.0)
        grey = (grey - middle) * contrast + middle + uneven
        grey += r.standard_normal(shape, dtype=np.float32) * (9.0 * strength)
    copied = np.clip(grey, 0, 255).astype(np.uint8)
    for _ in range(int(r.poisson(60 * strength))):
        place = (int(r.integers(shape[1])), int(r.integers(shape[0])))
        cv2.circle(copied, place, int(r.integers(1, 3)), int(r.integers(40, 150)), -1)
    return cv2.cvtColor(copied, cv2.COLOR_GRAY2RGB)


def _shadow(r: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A soft-edged shadow from one side, as of a hand or a head: 0 outside, 1 inside."""
    angle, edge = r.uniform(0, 2 * np.pi), r.uniform(0.1, 0.5)
    across = x * np.cos(angle) + y * np.sin(angle) + 0.15 * np.sin(r.uniform(1, 4) * (y - x) + r.uniform(0, 6))
    return 1.0 / (1.0 + np.exp(-(across - edge) / r.uniform(0.015, 0.12)))


def uneven_light(picture: np.ndarray, strength: float, r: np.random.Generator, view: View) -> np.ndarray:
    """Light from one side, dark corners, a shadow, and brighter and darker flanks where the paper bends."""
    height, width = picture.shape[:2]
    small = (max(height // 16, 8), max(width // 16, 8))
    y, x = np.mgrid[-0.5 : 0.5 : small[0] * 1j, -0.5 : 0.5 : small[1] * 1j]
    angle = r.uniform(0, 2 * np.pi)
    light = 1.0 + r.uniform(0.1, 0.55) * strength * (x * np.cos(angle) + y * np.sin(angle))
    light -= r.uniform(0.0, 0.7) * strength * (x**2 + y**2)
    if r.random() < 0.3 + 0.5 * strength:
        light *= 1.0 - r.uniform(0.1, 0.5) * strength * _shadow(r, x, y)
    if view.waves:
        pixels = np.stack([(x + 0.5) * (width - 1), (y + 0.5) * (height - 1)], axis=-1)
        points = view.to_page(pixels)
        light += 0.06 * strength * sum(np.cos(_phase(wave, points)) for wave in view.waves)
    field = cv2.resize(light.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return _scaled(picture, np.clip(field, 0.12, 1.5) * np.float32(1.0 - 0.1 * strength))


def _phase(wave: Wave, points: np.ndarray) -> np.ndarray:
    return points[..., 0] * wave.kx + points[..., 1] * wave.ky + wave.phase


def creases(
    picture: np.ndarray, strength: float, r: np.random.Generator, folds: tuple[Fold, ...], scale: float
) -> np.ndarray:
    """Bright and dark bands along folds, and a thin line where the paper's surface broke. Before the view is taken."""
    if not folds:
        return picture
    height, width = picture.shape[:2]
    step = 2
    y, x = np.mgrid[0:height:step, 0:width:step].astype(np.float32)
    points = (np.stack([x, y], axis=-1) + 0.5) / np.float32(scale)
    light = np.ones(x.shape, dtype=np.float32)
    for fold in folds:
        t = fold.across(points)
        side, wide = r.choice([-1.0, 1.0]), r.uniform(2.0, 9.0)
        light += (
            np.float32(side * r.uniform(0.04, 0.14) * strength) * np.tanh(t / 0.6) * np.exp(-np.abs(t) / wide)
        )
        light += np.float32(r.uniform(-0.2, 0.15) * strength) * np.exp(-((t / 0.35) ** 2))
    return _scaled(picture, cv2.resize(light, (width, height)))


def screen(picture: np.ndarray, strength: float, r: np.random.Generator) -> np.ndarray:
    """A photo of a monitor: its pixels beat with those of the camera."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    field = np.ones((height, width), dtype=np.float32)
    for _ in range(2):
        angle, period = r.uniform(0, np.pi), r.uniform(3.0, 40.0)
        way = (x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))) * np.float32(2 * np.pi / period)
        field += np.float32(0.07 * strength) * np.sin(way)
    return _scaled(picture, field * np.float32(1.0 - 0.25 * strength))


def table_top(r: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """What a page lies on: wood, cloth, a desk, other paper: uint8 (H, W, 3)."""
    base: np.ndarray = np.array(
        [
            (120, 84, 54),
            (70, 74, 82),
            (176, 176, 172),
            (36, 60, 92),
            (206, 198, 184),
            (30, 28, 28),
            (196, 214, 204),
        ]
    )[int(r.integers(7))]
    base = np.clip(base + r.integers(-20, 21, size=3), 5, 245).astype(np.int64)
    small = (shape[0] // 4 + 2, shape[1] // 4 + 2)
    if r.random() < 0.4:  # grain of wood: long one way
        lines = _smooth_noise(r, (small[0], 8), 2.0)
        field = cv2.resize(lines, small[::-1]) + 0.3 * _smooth_noise(r, small, 20.0)
    else:
        field = 0.5 * _smooth_noise(r, small, 3.0) + 0.8 * _smooth_noise(r, small, 40.0)
    wide = np.asarray(cv2.resize(field, shape[::-1])) * r.uniform(2.0, 14.0)
    return np.clip(base + wide[..., None], 0, 255).astype(np.uint8)
