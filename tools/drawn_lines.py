"""Small pictures of printed lines, for tools/train_printed_lines.py: speed and gain of ECG pages among other print.

Letters come from the faces of tools/drawn_names.py; around and over them lie pieces of trace, grid lines and
separators. No picture of a real page is used.
"""

from __future__ import annotations

import cv2
import drawn_names as ink
import numpy as np

from scartools.ecg.line_network import CAP, CHARACTERS, HIGH, OTHER

WIDE = 224  # px of a picture
SPEEDS, SPEED_SHARE = (
    ("25", "50", "12.5", "100", "25.0", "50.0", "10", "5"),
    (0.36, 0.3, 0.12, 0.06, 0.06, 0.04, 0.03, 0.03),
)
GAINS = ("10", "5", "20", "2.5", "40", "10.0", "5.0", "20.0", "10/5", "20/10", "5/10", "25")
GAIN_SHARE = (0.3, 0.16, 0.16, 0.1, 0.04, 0.05, 0.03, 0.02, 0.06, 0.02, 0.02, 0.04)
WORDS = (
    *(
        "Speed:",
        "Limb:",
        "Chest:",
        "Gain:",
        "speed:",
        "gain:",
        "SPEED",
        "GAIN",
        "Limb",
        "Chest",
        "Lead",
        "V:",
        "Paper:",
    ),
    *(
        "150Hz",
        "40Hz",
        "100 Hz",
        "AC50",
        "AC60",
        "F50",
        "60~",
        "0.05-150 Hz",
        "0.67~100Hz",
        "0.15-100 Hz",
        "ADS",
        "SSF",
    ),
    *(
        "4*2.5s+1r",
        "12SL",
        "CID: 1",
        "9.0.9",
        "Page 1 of 2",
        "HR 72/min",
        "72 bpm",
        "BPM",
        "ms",
        "PR 160 ms",
        "QRS 92 ms",
    ),
    *(
        "QT/QTc 402/420 ms",
        "P-R-T 45 -12 60",
        "Normal ECG",
        "Sinus rhythm",
        "Abnormal",
        "Unconfirmed",
        "Vent. rate 64",
    ),
    *(
        "PR interval",
        "QRS duration",
        "Left axis",
        "infarct",
        "12-lead ECG",
        "II",
        "III",
        "aVR",
        "aVL",
        "aVF",
        "V1",
        "V5",
    ),
    *(
        "mm",
        "mV",
        "mm/",
        "/s",
        "s",
        "25",
        "50",
        "10",
        "5",
        "20",
        "10 s",
        "25 ms",
        "50 ms",
        "5 mV",
        "10 mV",
        "mm/h",
        "5 mm",
    ),
)
LETTERS = "0123456789" * 3 + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" + ".:/-+~*%="


def target_of(text: str) -> str:
    """What the network is to read: small letters, one space for any number, OTHER for signs it does not tell apart."""
    single = " ".join(text.lower().split())
    return "".join(sign if sign in CHARACTERS else OTHER for sign in single)


def _scale_text(rng: np.random.Generator) -> str:
    """A speed or a gain as it is printed."""
    if rng.random() < 0.12:  # a number that is none of the usual
        value = (
            str(rng.integers(1, 999)) if rng.random() < 0.6 else f"{rng.integers(0, 99)}.{rng.integers(0, 10)}"
        )
    else:
        value = ""
    space = " " * int(rng.choice([0, 1, 2], p=[0.45, 0.5, 0.05]))
    if rng.random() < 0.5:
        unit = str(rng.choice(["mm/s", "mm/sec", "mm/s.", "MM/S", "mm / s"], p=[0.6, 0.3, 0.04, 0.03, 0.03]))
        return (value or str(rng.choice(SPEEDS, p=SPEED_SHARE))) + space + unit
    unit = str(rng.choice(["mm/mV", "mm/mv", "MM/MV", "mm / mV"], p=[0.9, 0.04, 0.03, 0.03]))
    return (value or str(rng.choice(GAINS, p=GAIN_SHARE))) + space + unit


def line_text(rng: np.random.Generator, most: int) -> str:
    """One to four pieces of print, scales most of the time."""
    pieces: list[str] = []
    for _ in range(int(rng.integers(1, 5))):
        kind = rng.random()
        if kind < 0.5:
            piece = _scale_text(rng)
        elif kind < 0.82:
            piece = str(rng.choice(WORDS))
        else:
            piece = "".join(rng.choice(list(LETTERS), int(rng.integers(1, 8))))
        joined = (" " * int(rng.choice([1, 2, 3, 5])) if rng.random() < 0.93 else "").join(
            [*pieces[-1:], piece]
        )
        if len("".join(pieces[:-1])) + len(joined) > most:
            break
        pieces = [*pieces[:-1], joined]
    return pieces[0] if pieces else "25 mm/s"


def draw_line(rng: np.random.Generator, bank: ink.Bank) -> tuple[np.ndarray, str]:
    """One picture float32 (HIGH, WIDE) and what it says; a fifth of them say nothing."""
    canvas = np.zeros((HIGH, WIDE), np.float32)
    if rng.random() < 0.5:
        ink._grid(canvas, rng)
    if rng.random() < 0.08:
        for _ in range(int(rng.integers(0, 4))):
            ink._trace(canvas, rng)
        return ink._degrade(canvas, rng).astype(np.float32), ""
    font, cap = int(rng.integers(ink.FONTS)), CAP * float(np.exp(rng.uniform(-0.24, 0.24)))
    text = line_text(rng, 20)
    glyphs = bank.word(font, text)
    wide = glyphs.ink.shape[1] / ink.BANK_CAP * cap
    squeeze = min(1.0, (WIDE - 14) / (1.12 * wide))
    room = max(WIDE - wide * squeeze * 1.12, 4.0)
    middle = ((WIDE - 1) / 2 + rng.uniform(-0.5, 0.5) * (room - 4), (HIGH - 1) / 2 + rng.uniform(-2.2, 2.2))
    if rng.random() < 0.14:
        ink._trace(
            canvas, rng, None if rng.random() < 0.3 else HIGH / 2 + rng.choice([-1, 1]) * rng.uniform(9, 16)
        )
    if rng.random() < 0.06:
        ink._bar(canvas, rng, middle[0] + rng.choice([-1, 1]) * (wide * squeeze / 2 + rng.uniform(4, 14)))
    if rng.random() < 0.12:  # a line of print above or below
        other = bank.word(font, line_text(rng, 20))
        _place(
            canvas,
            other,
            (middle[0], middle[1] + rng.choice([-1, 1]) * rng.uniform(1.6, 2.1) * cap),
            cap,
            squeeze,
            rng,
        )
    _place(canvas, glyphs, middle, cap, squeeze, rng)
    return ink._degrade(canvas, rng).astype(np.float32), target_of(text)


def _place(
    canvas: np.ndarray,
    glyphs: ink.Glyphs,
    centre: tuple[float, float],
    cap: float,
    squeeze: float,
    rng: np.random.Generator,
) -> None:
    """Draw a line with the middle of its capitals at `centre` (x, y), `squeeze` times as wide as usual."""
    scale = cap / (glyphs.base - glyphs.top)
    stretch = squeeze * float(np.exp(rng.uniform(-0.12, 0.11)))
    letters = glyphs.ink
    if rng.random() < 0.3:  # thin or bold
        side = int(rng.integers(2, 4))
        letters = (cv2.erode if rng.random() < 0.35 else cv2.dilate)(letters, np.ones((side, side), np.uint8))
    if scale < 0.7:
        letters = cv2.blur(letters, (max(int(0.6 / scale), 1),) * 2)
    turn = np.array(
        [[scale * stretch, -rng.normal(0, 0.04) * scale], [scale * stretch * rng.normal(0, 0.007), scale]]
    )
    middle = np.array([(glyphs.ink.shape[1] - 1) / 2, (glyphs.top + glyphs.base - 1) / 2])
    matrix = np.column_stack([turn, np.array(centre) - turn @ middle])
    drawn = cv2.warpAffine(letters, matrix, canvas.shape[::-1], flags=cv2.INTER_LINEAR)
    np.maximum(canvas, drawn.astype(np.float32) * (rng.uniform(0.6, 1.0) / 255), out=canvas)
