"""Speed and gain as a picture prints them: "25 mm/s", "10 mm/mV", "10/5 mm/mV", "Limb: 10 mm/mV Chest: 5 mm/mV".

Lines of print that stand free of the traces are shown, each at its own height, to a small network (line_network), and
what it reads is searched for a number with one of the two units. A number of which one figure is in doubt is kept
apart: it sets no scale, but it may contradict one. Print over a trace is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from scartools.ecg.lead_names import LETTER_MM, WIDEST_MM, ink_level
from scartools.ecg.line_network import CAP, HIGH, ReadLine, load_weights, read_line
from scartools.ecg.page_ink import chosen_pieces, pieces

SPEEDS, GAINS = (12.5, 25.0, 50.0, 100.0), (2.5, 5.0, 10.0, 20.0, 40.0)
JOINING_MM = 2.4  # gap that words of one line may have
LEAST_CAPS = 2.8  # a line that says a scale is this many capitals wide
MOST_LINES = 90  # on a page, the largest
LONGEST = 2400  # px of the scaled line that are looked at
SURE, LIKELY = 0.9, 0.4  # of the least certain figure: to set a scale; to speak against one
UNIT_SURE = 0.35  # of the least certain letter of the unit: it is one of two, and both are long
_SPEED = re.compile(r"(?<![\d./])(\d{1,3}(?:\.\d)?) ?mm? ?/ ?s(?:ec)?(?![a-z0-9])")
_GAIN = re.compile(
    r"(?:(?P<which>limb|chest) ?:? ?)?(?<![\d./])(?P<first>\d{1,2}(?:\.\d)?)(?: ?/ ?(?P<second>\d{1,2}(?:\.\d)?))?"
    r" ?mm? ?/ ?mv(?![a-z0-9])"
)


@dataclass(frozen=True)
class Print:
    """One scale as it was read.

    what        "speed" (mm/s), "gain" (mm/mV, of every lead), "limb gain" or "chest gain"
    value       the number; confidence: probability of its least certain figure, 0 to 1
    """

    what: str
    value: float
    confidence: float


@dataclass(frozen=True)
class PrintedScales:
    """What a page says of its scales.

    speed          mm/s, None where none is read for sure, or two are
    gain           mm/mV of limb and of chest leads, None likewise
    speeds, gains  every usual number that is likely there, sure or not; of gains limb and chest
    """

    speed: float | None = None
    gain: tuple[float, float] | None = None
    speeds: tuple[float, ...] = ()
    gains: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())

    def speaks_against_speed(self, speed: float) -> float | None:
        """A speed that is likely printed and is not this one."""
        return next((value for value in self.speeds if value != speed), None)

    def speaks_against_gain(self, limb: float, chest: float) -> tuple[float, float] | None:
        """A gain that is likely printed and is not that of its leads, and which it should be."""
        for values, gain in zip(self.gains, (limb, chest), strict=True):
            for value in values:
                if value != gain:
                    return value, gain
        return None


NOTHING_PRINTED = PrintedScales()


def read_printed_scales(mask: np.ndarray, darkness: np.ndarray, px_per_mm: float) -> PrintedScales:
    """Read the speed and the gain that an upright page prints.

    mask       bool (H, W), ink, trace included; darkness: float32 (H, W), as for lead_names.find_words
    px_per_mm  along both axes; a guess is enough
    """
    level = ink_level(mask, darkness)
    if level <= 0:
        return NOTHING_PRINTED
    found: list[Print] = []
    for line in lines_of_print(mask, darkness / level, px_per_mm):
        found += scales_in(read_line(line, load_weights()))
    return judged(found)


def judged(found: Sequence[Print]) -> PrintedScales:
    """Put what the lines say together: a scale is what all sure prints agree on, where no likely one disagrees."""
    speeds = _values(found, ("speed",), SPEEDS)
    limb, chest = (_values(found, ("gain", f"{which} gain"), GAINS) for which in ("limb", "chest"))
    sure_speed = _one(found, ("speed",), speeds)
    sure_limb, sure_chest = (
        _one(found, ("gain", f"{which} gain"), values) for which, values in (("limb", limb), ("chest", chest))
    )
    gain = None if sure_limb is None or sure_chest is None else (sure_limb, sure_chest)
    return PrintedScales(sure_speed, gain, speeds, (limb, chest))


def _values(found: Sequence[Print], what: tuple[str, ...], usual: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sorted({one.value for one in found if one.what in what and one.value in usual}))


def _one(found: Sequence[Print], what: tuple[str, ...], values: tuple[float, ...]) -> float | None:
    """The one usual value that is printed, if any print of it is sure."""
    if len(values) != 1:
        return None
    sure = any(one.what in what and one.value == values[0] and one.confidence >= SURE for one in found)
    return values[0] if sure else None


def scales_in(line: ReadLine) -> list[Print]:
    """The scales that a line says, those below LIKELY left out."""
    found = []
    for match in _SPEED.finditer(line.text):
        if _unit_confidence(line, match.end(1), match.end()) >= UNIT_SURE:
            found.append(Print("speed", float(match[1]), _confidence(line, match.start(1), match.end(1))))
    for match in _GAIN.finditer(line.text):
        if _unit_confidence(line, match.end("first"), match.end()) < UNIT_SURE:
            continue
        first = Print("gain", float(match["first"]), _confidence(line, *match.span("first")))
        if match["second"] is not None:
            second = Print("chest gain", float(match["second"]), _confidence(line, *match.span("second")))
            found += [Print("limb gain", first.value, first.confidence), second]
        elif match["which"] is not None:
            found.append(Print(f"{match['which']} gain", first.value, first.confidence))
        else:
            found.append(first)
    return [one for one in found if one.confidence >= LIKELY]


def _confidence(line: ReadLine, start: int, stop: int) -> float:
    return float(line.probability[start:stop].min())


def _unit_confidence(line: ReadLine, start: int, stop: int) -> float:
    letters = [at for at in range(start, stop) if line.text[at].isalpha()]
    return float(line.probability[letters].min())


def lines_of_print(mask: np.ndarray, page: np.ndarray, px_per_mm: float) -> Iterator[np.ndarray]:
    """Yield each line of print as the network wants it: float32 (HIGH, W), the largest lines first.

    page  float32 (H, W), darkness in units of ink_level
    """
    labels, stats = pieces(mask.view(np.uint8))
    wide, tall = stats[:, cv2.CC_STAT_WIDTH] / px_per_mm, stats[:, cv2.CC_STAT_HEIGHT] / px_per_mm
    letter = (tall <= LETTER_MM[1]) & (wide <= WIDEST_MM) & (tall >= 0.15)
    letter &= (tall >= 0.8) | (wide <= 1.6)  # a minus, a point; not a piece of a level trace
    letter[0] = False
    if not letter.any():
        return
    reach = max(int(round(JOINING_MM * px_per_mm / 2)), 1)
    joined = cv2.dilate(
        chosen_pieces(mask, labels, letter).view(np.uint8), np.ones((1, 2 * reach + 1), np.uint8)
    )
    _, groups = cv2.connectedComponents(joined, connectivity=8)
    members: dict[int, list[np.ndarray]] = {}
    # any pixel of a letter tells its group; the first in its top row is sure to be one
    for box in stats[letter]:
        left, top, across = (int(box[k]) for k in (cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP, cv2.CC_STAT_WIDTH))
        inked = groups[top, left : left + across]
        group = int(inked[np.argmax(inked > 0)])
        members.setdefault(group, []).append(box[:4])
    lines = [line for boxes in members.values() if (line := _line_box(np.array(boxes), px_per_mm)) is not None]
    lines.sort(key=lambda line: -(line[1] - line[0]) * line[3])
    for line in lines[:MOST_LINES]:
        yield _scaled(page, *line)


def _line_box(boxes: np.ndarray, px_per_mm: float) -> tuple[float, float, float, float] | None:
    """Left and right edge, middle row and height of the capitals of a line, px; None for what is too short or too low.

    boxes  int (N, 4), left, top, width and height of its letters
    """
    tall = boxes[:, 3].astype(float)
    letters = tall > 0.5 * tall.max()  # not points, nor the dot of an i
    cap = float(np.percentile(tall[letters], 75, method="nearest"))
    like = np.abs(tall / cap - 1) < 0.2
    middle = float(np.median((boxes[:, 1] + (boxes[:, 3] - 1) / 2)[like]))
    left, right = float(boxes[:, 0].min()), float((boxes[:, 0] + boxes[:, 2]).max())
    if right - left < LEAST_CAPS * cap or not 0.8 * LETTER_MM[0] <= cap / px_per_mm <= LETTER_MM[1]:
        return None
    return left, right, middle, cap


def _scaled(page: np.ndarray, left: float, right: float, middle: float, cap: float) -> np.ndarray:
    """Cut a line out of the page, `CAP / cap` times as large, with a capital's height of paper at both ends."""
    scale = CAP / cap
    margin = int(np.ceil(1.2 * cap))
    rows = int(np.ceil(HIGH / scale / 2)) + 2
    top, bottom = max(int(middle) - rows, 0), min(int(middle) + rows + 1, page.shape[0])
    first, last = max(int(left) - margin, 0), min(int(right) + margin, page.shape[1])
    corner = float(first), float(top)
    piece = np.clip(page[top:bottom, first:last], 0.0, 1.0).astype(np.float32)
    while scale < 0.6:  # by areas first: thin strokes must not fall between the samples
        piece = cv2.resize(
            piece, (max(piece.shape[1] // 2, 1), max(piece.shape[0] // 2, 1)), interpolation=cv2.INTER_AREA
        )
        scale, left, right, middle = 2 * scale, left / 2, right / 2, middle / 2
        corner = corner[0] / 2, corner[1] / 2
        margin = margin // 2
    wide = min(int((right - left + 2 * margin) * scale), LONGEST)
    shift_x = margin * scale - scale * (left - corner[0])
    matrix = np.array([[scale, 0.0, shift_x], [0.0, scale, (HIGH - 1) / 2 - scale * (middle - corner[1])]])
    return cv2.warpAffine(piece, matrix, (wide, HIGH), flags=cv2.INTER_LINEAR)
