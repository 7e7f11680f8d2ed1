"""What is dark and solid on a picture of a page: the scanner's lid or a table beyond its edge, a blacked-out name.

No pen draws it. Left in, a trace would be followed along its edge, and the paper beside it would be taken for dark.
"""

from __future__ import annotations

import cv2
import numpy as np

SOLID_MM = 3.0  # no stroke and no letter fills a square of this side
DARK = 0.45  # of the brightness of paper
EDGE_MM = 0.4  # around what is painted over: its edge is blurred


def paint_out_blots(image: np.ndarray, px_per_mm: float) -> np.ndarray:
    """Paint solid dark areas in the colour of the paper beside them.

    image  uint8 (H, W, 3), RGB
    Returns the image itself where there is none, else a copy; uint8 (H, W, 3).
    """
    step = max(1, int(px_per_mm / 3))
    small = (
        cv2.resize(image, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA) if step > 1 else image
    )
    mm = px_per_mm / step
    solid = _solid(small, mm)
    if not solid.any():
        return image
    height, width = image.shape[:2]
    paper = _paper_beside(small, solid, mm)
    blot = cv2.resize(solid.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    paint = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.copyTo(paint, blot, image.copy())


def _solid(image: np.ndarray, mm: float) -> np.ndarray:
    """bool (H, W): dark areas that hold a square of SOLID_MM, with their corners and edges."""
    red, green, blue = cv2.split(image)
    brightness = cv2.max(cv2.max(red, green), blue)
    dark = (brightness < DARK * float(np.percentile(brightness, 80))).astype(np.uint8)
    side = max(2, round(SOLID_MM * mm))
    # what lies beyond the picture is as dark as its edge: a wedge there may be thinner
    padded = cv2.copyMakeBorder(dark, side, side, side, side, cv2.BORDER_REPLICATE)
    core = cv2.morphologyEx(padded, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))[side:-side, side:-side]
    if not core.any():
        return core > 0
    edge = 2 * max(1, round(EDGE_MM * mm)) + 1
    # the thin ends of a wedge belong to it where most of their piece is solid
    _, pieces = cv2.connectedComponents(dark, connectivity=8)
    whole = np.bincount(pieces.ravel())
    filled = np.bincount(pieces[core > 0], minlength=len(whole))
    mostly = filled > 0.5 * whole
    mostly[0] = False
    found = (core > 0) | mostly[pieces]
    return cv2.dilate(found.view(np.uint8), np.ones((edge, edge), np.uint8)) > 0


def _paper_beside(image: np.ndarray, solid: np.ndarray, mm: float) -> np.ndarray:
    """uint8 (h, w, 3), one pixel a mm or so: the mean colour of what is not solid around it, weaker with distance."""
    size = tuple(max(1, round(length / max(mm, 1.0))) for length in (image.shape[1], image.shape[0]))
    mm = size[0] / image.shape[1] * mm
    paper = (~solid).astype(np.float32)
    # by areas: each small pixel holds the mean of what is paper in it, and how much that is
    colour = cv2.resize(image.astype(np.float32) * paper[..., None], size, interpolation=cv2.INTER_AREA)
    there = cv2.resize(paper, size, interpolation=cv2.INTER_AREA)
    kernels = [(reach * mm, trust) for reach, trust in ((3.0, 1.0), (15.0, 1e-3), (75.0, 1e-6))]
    weight = sum(trust * cv2.GaussianBlur(there, (0, 0), reach) for reach, trust in kernels)
    total = sum(trust * cv2.GaussianBlur(colour, (0, 0), reach) for reach, trust in kernels)
    return np.clip(total / np.maximum(weight, 1e-12)[..., None], 0, 255).astype(np.uint8)
