"""Turn a picture of a page by any angle, and know the way back to its pixels."""

from __future__ import annotations

import cv2
import numpy as np


def turn_picture(picture: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Turn a picture anticlockwise about its middle, on a canvas that holds all of it.

    picture  uint8 (H, W, 3); what the canvas has beyond it is the median colour of the picture's outline
    Returns the turned picture and float (2, 3), from its pixels (x, y, 1) to those of `picture`.
    """
    height, width = picture.shape[:2]
    if not degrees:
        return picture, np.array([[1.0, 0, 0], [0, 1.0, 0]])
    angle = np.deg2rad(degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    wide = int(np.ceil(width * abs(cosine) + height * abs(sine)))
    high = int(np.ceil(width * abs(sine) + height * abs(cosine)))
    # y runs down: anticlockwise as seen
    turn = np.array([[cosine, sine], [-sine, cosine]])
    middle, centre = np.array([width - 1, height - 1]) / 2, np.array([wide - 1, high - 1]) / 2
    onto = np.column_stack([turn, centre - turn @ middle])
    outline = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    colour = [float(value) for value in np.median(outline, axis=0)]
    turned = cv2.warpAffine(
        picture, onto, (wide, high), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=colour
    )
    return turned, np.column_stack([turn.T, middle - turn.T @ centre])
