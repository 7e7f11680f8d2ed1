"""Words as coverage: OpenCV's stroke fonts, as plotters and recorders draw, and the fonts that matplotlib brings.

Every font is there wherever the toolkit is: nothing is taken from the machine.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from PIL import ImageFont

from scartools.errors import InputError

# OpenCV's stroke fonts: face, width of the pen as a share of the em
_STROKED = {
    "plain": (cv2.FONT_HERSHEY_SIMPLEX, 0.075),
    "simplex": (cv2.FONT_HERSHEY_SIMPLEX, 0.06),
    "simplex-bold": (cv2.FONT_HERSHEY_SIMPLEX, 0.12),
    "duplex": (cv2.FONT_HERSHEY_DUPLEX, 0.05),
    "complex": (cv2.FONT_HERSHEY_COMPLEX, 0.05),
    "triplex": (cv2.FONT_HERSHEY_TRIPLEX, 0.06),
    "small": (cv2.FONT_HERSHEY_PLAIN, 0.07),
}
_FILES = {
    "sans": "DejaVuSans.ttf",
    "sans-bold": "DejaVuSans-Bold.ttf",
    "sans-oblique": "DejaVuSans-Oblique.ttf",
    "serif": "DejaVuSerif.ttf",
    "serif-bold": "DejaVuSerif-Bold.ttf",
    "mono": "DejaVuSansMono.ttf",
    "mono-bold": "DejaVuSansMono-Bold.ttf",
    "times": "STIXGeneral.ttf",
    "times-bold": "STIXGeneralBol.ttf",
    "times-italic": "STIXGeneralItalic.ttf",
    "roman": "cmr10.ttf",
    "roman-bold": "cmb10.ttf",
    "gothic": "cmss10.ttf",
    "typewriter": "cmtt10.ttf",
}
FONTS = (*_STROKED, *_FILES)
_EM_OF_STROKED = 30.0  # a letter of cv2's fonts at scale 1 is about 21 pixels high, 0.7 of an em
_MARGIN = 0.6  # ems around a word: room for what hangs below the line and beside it


@lru_cache(maxsize=1)
def _folder() -> Path:
    found = find_spec("matplotlib")
    if found is None or not found.submodule_search_locations:
        raise InputError("matplotlib's fonts are not there", remedy="Install scartools again")
    return Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"


@lru_cache(maxsize=256)
def _opened(name: str, pixels: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_folder() / _FILES[name]), pixels)


def _stroked(text: str, font: str, em: float) -> tuple[np.ndarray, float, float]:
    face, pen = _STROKED[font]
    fine = max(2, round(48 / em)) if em < 24 else 2
    size, margin = em * fine / _EM_OF_STROKED, round(_MARGIN * em) * fine
    if face == cv2.FONT_HERSHEY_PLAIN:
        size *= 2.1  # this face is half as high as the others
    thickness = max(round(pen * em * fine), 1)
    (width, height), below = cv2.getTextSize(text, face, size, thickness)
    box = np.zeros((height + below + 2 * margin, width + 2 * margin), dtype=np.uint8)
    box = np.pad(box, ((0, -box.shape[0] % fine), (0, -box.shape[1] % fine)))
    baseline = -(-(margin + height) // fine) * fine
    cv2.putText(box, text, (margin, baseline), face, size, 255, thickness, cv2.LINE_8)
    small = cv2.resize(box, None, fx=1 / fine, fy=1 / fine, interpolation=cv2.INTER_AREA)
    return small, margin / fine, baseline / fine


def _outlined(text: str, font: str, em: float) -> tuple[np.ndarray, float, float]:
    face = _opened(font, max(round(em), 4))
    mask, (left, top) = face.getmask2(text, mode="L", anchor="ls")
    width, height = mask.size
    letters = np.array(mask, dtype=np.uint8).reshape(height, width)
    return np.pad(letters, 1), 1.0 - left, 1.0 - top


@lru_cache(maxsize=512)
def word_coverage(text: str, font: str, em: float) -> tuple[np.ndarray, float, float]:
    """Draw a word.

    em  height of the font's em in pixels
    Returns coverage uint8 (H, W), 0 to 255, not to be written to, and the place in it where the word's baseline
    begins: x and y, pixels.
    Raises InputError for a font that is not in FONTS.
    """
    if font not in FONTS:
        raise InputError(f"no font is called {font!r}", remedy=f"Fonts are {', '.join(FONTS)}")
    made = _stroked(text, font, em) if font in _STROKED else _outlined(text, font, em)
    made[0].flags.writeable = False
    return made
