"""A page of a paper ECG with known leads, drawn for the tests: three rows of four columns and rhythm strips."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from scartools.ecg.layout import COLUMNS

Colour = tuple[int, int, int]
# Height of R and depth of S (mV) of each lead; II = I + III holds
WAVES = {
    "I": (0.8, 0.1), "II": (1.2, 0.2), "III": (0.4, 0.1), "aVR": (-1.0, -0.15), "aVL": (0.2, 0.0),
    "aVF": (0.8, 0.15), "V1": (0.2, 0.9), "V2": (0.4, 1.1), "V3": (0.7, 0.7), "V4": (1.1, 0.4), "V5": (1.0, 0.2),
    "V6": (0.8, 0.1),
}  # fmt: skip


@dataclass(frozen=True)
class Drawing:
    """How a page is drawn; `fine` and `coarse` are the colours of the 1 mm and 5 mm lines, None leaves them out."""

    px_per_mm: float = 7.874
    fine: Colour | None = (250, 215, 215)
    coarse: Colour | None = (240, 130, 130)
    paper: Colour = (255, 252, 250)
    trace: Colour = (10, 10, 15)
    rhythm: tuple[str, ...] = ("II",)
    gain: float = 10.0
    pulse_mm: float = 10.0
    pulse: bool = True
    names: bool = True
    column_mm: float = 62.5
    dotted: bool = False
    between_mm: float = 0.0  # room before each later column, with a pulse in it


def lead_mv(lead: str, seconds: np.ndarray) -> np.ndarray:
    """The lead at the page's clock: a beat every 0.86 s, so that the beats of neighbouring columns differ."""
    phase = np.mod(seconds - 0.3, 0.86)
    tall, deep = WAVES[lead]

    def wave(at: float, width: float) -> np.ndarray:
        return np.exp(-0.5 * ((phase - at) / width) ** 2)

    sign = np.sign(tall)
    return (
        tall * wave(0.2, 0.012)
        - deep * wave(0.24, 0.012)
        + sign * (0.12 * wave(0.05, 0.02) + 0.25 * wave(0.45, 0.04))
    )


def draw_page(drawing: Drawing = Drawing()) -> np.ndarray:
    """uint8 (H, W, 3): the page, 290 mm wide, and wider by the pulses between its columns."""
    mm, rows = drawing.px_per_mm, 3 + len(drawing.rhythm)
    height, width = round((30 + 30 * rows) * mm), round((290 + 3 * drawing.between_mm) * mm)
    page = np.empty((height, width, 3), np.uint8)
    page[:] = drawing.paper
    _draw_grid(page, drawing)
    left = 20.0
    for row in range(rows):
        base = 30.0 + 30.0 * row
        if drawing.pulse:
            _draw_pulse(page, left, base, drawing)
        leads = [column[row] for column in COLUMNS] if row < 3 else [drawing.rhythm[row - 3]]
        span = drawing.column_mm if row < 3 else 4 * drawing.column_mm
        for k, lead in enumerate(leads):
            start = left + k * (span + drawing.between_mm)
            if k and drawing.between_mm:
                _draw_pulse(page, start, base, drawing)
            seconds = 2.5 * (k + np.arange(0, span, 0.05) / drawing.column_mm)
            shift = 0.4 * (-1) ** k if row < 3 else 0.0  # mm, so that neighbouring leads do not join
            at = start + np.arange(len(seconds)) * 0.05
            _draw_line(
                page, np.stack([at, base + shift - drawing.gain * lead_mv(lead, seconds)], axis=1), drawing
            )
            if row < 3 and k and not drawing.between_mm:
                for end in (-5.0, 2.5):
                    _draw_line(page, [(start, base + end), (start, base + end + 2.5)], drawing)
            if drawing.names:
                place = (round((start + 1.5) * mm), round((base - 14) * mm))
                cv2.putText(
                    page, lead, place, cv2.FONT_HERSHEY_SIMPLEX, 0.11 * mm, drawing.trace, max(round(mm / 5), 1)
                )
    return page


def _draw_pulse(page: np.ndarray, start: float, base: float, drawing: Drawing) -> None:
    """A pulse of 5 mm, 4 mm before a lead that starts at `start` mm."""
    corners = [(-11, 0), (-9, 0), (-9, -1), (-4, -1), (-4, 0), (-2, 0)]
    _draw_line(page, [(start + x, base + y * drawing.pulse_mm) for x, y in corners], drawing)


def _draw_grid(page: np.ndarray, drawing: Drawing) -> None:
    height, width = page.shape[:2]
    for step, colour in ((1, drawing.fine), (5, drawing.coarse)):
        if colour is None:
            continue
        across = np.round(np.arange(0, width / drawing.px_per_mm, step) * drawing.px_per_mm).astype(int)
        down = np.round(np.arange(0, height / drawing.px_per_mm, step) * drawing.px_per_mm).astype(int)
        across, down = across[across < width], down[down < height]
        if drawing.dotted and step == 1:
            page[np.ix_(down, across)] = colour
            continue
        page[:, across] = colour
        page[down] = colour


def _draw_line(page: np.ndarray, points_mm: object, drawing: Drawing) -> None:
    points = np.round(np.asarray(points_mm, float) * drawing.px_per_mm * 16).astype(np.int32)
    thick = max(round(0.3 * drawing.px_per_mm), 1)
    cv2.polylines(page, [points[:, None]], False, drawing.trace, thick, cv2.LINE_AA, shift=4)


def turned(page: np.ndarray, degrees: float, fill: Colour = (255, 255, 255)) -> np.ndarray:
    """The page turned anticlockwise about its centre, same size."""
    height, width = page.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return cv2.warpAffine(page, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=fill)
