"""The paper of a page divided out, so that a colour cast, a shadow or a dark copy does not matter."""

from __future__ import annotations

import cv2
import numpy as np

from scartools.errors import InputError

SMALLEST_PAGE = 200  # px; below it no line of a 12-lead page can be told from its neighbour
FINE_PAGE = 1800  # px; on smaller pages a stroke is one or two px wide and a median filter would remove it
DARKEST_PAPER = 6.0  # grey values; below it there is no paper to divide by


def check_picture(image: np.ndarray) -> None:
    """Raise InputError for a picture on which no page can be read."""
    height, width = image.shape[:2]
    if min(height, width) < SMALLEST_PAGE:
        raise InputError(
            f"the page has {width} x {height} pixels, fewer than {SMALLEST_PAGE} along one side",
            remedy="Scan it with 200 dots an inch",
        )
    low, high = np.percentile(image[::7, ::7], [1, 99])
    if high - low < 12 or high < 12:
        raise InputError("the page is blank or has no contrast", remedy="Scan it again")


def divide_out_paper(image: np.ndarray) -> np.ndarray:
    """Return how dark each pixel is in every colour, float32 (H, W), 0 as the paper around it to 1.

    image  uint8 (H, W, 3), RGB
    A coloured line is pale and a black one dark.
    Raises InputError for a page that is too small, blank, black or without contrast.
    """
    height, width = image.shape[:2]
    check_picture(image)
    low, high = np.percentile(image[::7, ::7], [1, 99])
    grainy = max(height, width) >= FINE_PAGE and _noise(image) > 0.03 * (high - low)
    page = cv2.medianBlur(image, 3) if grainy else image
    step = max(2, round(max(height, width) / 250))
    small = cv2.resize(page, (max(width // step, 8), max(height // step, 8)), interpolation=cv2.INTER_AREA)
    paper = cv2.medianBlur(small, 21)
    paper = cv2.GaussianBlur(paper, (0, 0), 5).astype(np.float32)
    paper = np.maximum(paper, max(DARKEST_PAPER, 0.15 * float(high)))
    brightest = np.zeros((height, width), np.float32)
    for colour in range(3):  # one plane after the other: a page at 400 dpi has room for few
        under = cv2.resize(paper[..., colour], (width, height), interpolation=cv2.INTER_LINEAR)
        share = cv2.divide(cv2.extractChannel(page, colour), under, dtype=cv2.CV_32F)
        cv2.max(brightest, share, dst=brightest)
    np.subtract(1.0, brightest, out=brightest)
    return np.clip(brightest, 0.0, 1.0, out=brightest)


def _noise(image: np.ndarray) -> float:
    """Grain of the page in grey values, from the smallest fifth of the second differences along x.

    Lines leave the smallest fifth alone: between them a clean page is flat. 0.253 is the fifth of |N(0, 1)|.
    """
    green = image[::6, :, 1].astype(np.int16)
    bends = np.abs(2 * green[:, 1:-1] - green[:, :-2] - green[:, 2:])
    return float(np.percentile(bends, 20)) / (0.253 * 6**0.5)
