"""Small pictures of printed lead names, and of what is none, for tools/train_lead_names.py.

Letters come from the fonts that matplotlib ships (DejaVu, STIX, Computer Modern), from the Hershey strokes of OpenCV,
which look like a plotter's, and from the faces that pdfium draws for Helvetica, Times and Courier. Around and over
them lie pieces of trace, grid lines, separators and other words. No picture of a real page is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from scartools.ecg.name_network import CAP, NAMES, PATCH

BANK_CAP = 32  # px: height of a capital letter in the bank of drawn words
TRUETYPE = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique", "DejaVuSansMono"),
    *("DejaVuSansMono-Bold", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "STIXGeneral"),
    *("STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta", "cmr10", "cmss10", "cmb10", "cmtt10"),
)
PDF_FACES = (
    *("Helvetica", "Helvetica-Bold", "Helvetica-Oblique", "Helvetica-BoldOblique", "Times-Roman", "Times-Bold"),
    *("Times-Italic", "Courier", "Courier-Bold"),
)
HERSHEY = (
    (cv2.FONT_HERSHEY_SIMPLEX, 2),
    (cv2.FONT_HERSHEY_SIMPLEX, 4),
    (cv2.FONT_HERSHEY_SIMPLEX, 6),
    (cv2.FONT_HERSHEY_DUPLEX, 3),
    (cv2.FONT_HERSHEY_COMPLEX, 3),
    (cv2.FONT_HERSHEY_TRIPLEX, 3),
    (cv2.FONT_HERSHEY_COMPLEX_SMALL, 3),
)
FONTS = len(TRUETYPE) + 2 * len(PDF_FACES) + len(HERSHEY)  # the faces of a report are the commonest: twice
OTHERS = (
    *[
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
        "9",
        "10",
        "25",
        "50",
        "V",
        "R",
        "L",
        "F",
        "a",
        "A",
        "S",
        "T",
        "M",
        "W",
        "ms",
        "mV",
        "Hz",
        "bpm",
    ],
    *[
        "25mm/s",
        "10mm/mV",
        "mm/s",
        "40Hz",
        "150",
        "0.05",
        "IV",
        "VI",
        "AV",
        "aV",
        "VR",
        "V10",
        "VF",
        "VT",
        "VV",
        "aVV",
        "LA",
        "RA",
        "LL",
        "LV",
        "RV",
        "QRS",
        "PR",
        "QT",
        "QTc",
        "ST",
        "sinus",
        "Vent",
        "rate",
    ],
    *[
        "Normal",
        "ECG",
        "axes",
        "interval",
        "duration",
        "male",
        "female",
        "years",
        "Page",
        "Speed",
        "Chest",
        "Limb",
        "Name",
        "Id",
        "12SL",
        "60~",
        "a.m.",
        "PM",
        "F-R",
    ],
    *(
        "25 mm/s",
        "10 mm/mV",
        "V 1",
        "12 : 30",
        "R V",
        "in V2",
        "Lead",
        "leads",
        "A",
        "H",
        "N",
        "X",
        "Y",
        "K",
        "Z",
        "/",
        "-",
        "+",
        "*",
    ),
    *[
        "iii",
        "IIII",
        "HI",
        "IH",
        "LI",
        "TI",
        "ID",
        "IS",
        "V12",
        "V11",
        "BV1",
        "aVRL",
        "aF",
        "aL",
        "aR",
        "VRa",
        "LVa",
        "FVa",
        "1V",
        "2V",
        "3V",
        "5V",
        "6V",
    ],
)
USUAL = np.where(np.isin(NAMES, ["-aVR", "V3R", "V4R", "V7", "V8", "V9"]), 0.4, 1.0)
USUAL /= USUAL.sum()


@dataclass(frozen=True)
class Glyphs:
    """A drawn word: ink uint8 (H, W) cropped to its columns, and the rows of the top of a capital and of the base line."""

    ink: np.ndarray
    top: float
    base: float


def spellings(name: str) -> tuple[str, ...]:
    """How a lead's name is printed."""
    if name.startswith("aV"):
        return (name, name, name, name.upper(), name.upper() if name != "aVF" else name)
    if name == "-aVR":
        return (name, name, "-AVR", "\u2212aVR")
    if name.endswith("R"):
        return (name, name[:-1] + "r", name)
    if name.startswith("V"):
        return (name, name, name, name, name.lower())
    return (name,)


def _crop(ink: np.ndarray, top: float, base: float) -> Glyphs:
    columns = np.flatnonzero(ink.max(axis=0) > 40)
    rows = np.flatnonzero(ink.max(axis=1) > 40)
    first, last = min(rows[0], int(top)), max(rows[-1] + 1, int(np.ceil(base)))
    return Glyphs(
        np.ascontiguousarray(ink[first:last, columns[0] : columns[-1] + 1]), top - first, base - first
    )


def _truetype(face: str, text: str) -> Glyphs:
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{face}.ttf"
    font = ImageFont.truetype(str(path), 200)
    box = font.getbbox("V", anchor="ls")
    font = ImageFont.truetype(str(path), round(200 * BANK_CAP / -box[1]))
    high = -font.getbbox("V", anchor="ls")[1]
    wide = int(font.getlength(text)) + 80
    picture = Image.new("L", (wide, 4 * BANK_CAP))
    ImageDraw.Draw(picture).text((40, 2.5 * BANK_CAP), text, fill=255, font=font, anchor="ls")
    return _crop(np.asarray(picture), 2.5 * BANK_CAP - high, 2.5 * BANK_CAP)


def _pdf_face(face: str, text: str) -> Glyphs:
    """Text as pdfium draws one of the standard faces that every PDF reader must have."""
    import pypdfium2

    size = BANK_CAP / (0.57 if face.startswith("Courier") else 0.718 if face[0] == "H" else 0.66)
    shown = text.replace("\u2212", "-").replace("\\", "").replace("(", "").replace(")", "").encode("latin-1")
    content = b"BT /F %.2f Tf 40 %d Td (%b) Tj ET" % (size, 2 * BANK_CAP, shown)
    wide = 120 + int(0.9 * size * len(text))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents 5 0 R /Resources << /Font << /F 4 0 R >> >> >>"
        % (wide, 4 * BANK_CAP),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /%b >>" % face.encode(),
        b"<< /Length %d >> stream\n%b\nendstream" % (len(content), content),
    ]
    out, offsets = b"%PDF-1.4\n", []
    for at, text_of_object in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (at, text_of_object)
    table = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % o for o in offsets)
    out += b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % table
    page = pypdfium2.PdfDocument(out)[0].render(scale=1, grayscale=True).to_numpy()
    return _crop(255 - page.reshape(page.shape[0], page.shape[1], -1)[..., 0], BANK_CAP, 2 * BANK_CAP)


def _hershey(face: int, width: int, text: str) -> Glyphs:
    text = text.replace("\u2212", "-")
    (_, high), _ = cv2.getTextSize("V", face, 4.0, 1)
    scale = 4.0 * BANK_CAP / high
    (wide, _), _ = cv2.getTextSize(text, face, scale, width)
    picture = np.zeros((4 * BANK_CAP, wide + 80), np.uint8)
    base = int(2.5 * BANK_CAP)
    cv2.putText(picture, text, (40, base), face, scale, 255, width, cv2.LINE_AA)
    return _crop(picture, base - BANK_CAP, base)


class Bank:
    """Words drawn once and kept."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], Glyphs] = {}

    def word(self, font: int, text: str) -> Glyphs:
        key = (font, text)
        if key not in self._kept:
            pdf = len(TRUETYPE) + 2 * len(PDF_FACES)
            if font < len(TRUETYPE):
                glyphs = _truetype(TRUETYPE[font], text)
            elif font < pdf:
                glyphs = _pdf_face(PDF_FACES[(font - len(TRUETYPE)) % len(PDF_FACES)], text)
            else:
                glyphs = _hershey(*HERSHEY[font - pdf], text)
            self._kept[key] = glyphs
        return self._kept[key]


def _stamp(
    canvas: np.ndarray,
    glyphs: Glyphs,
    centre: tuple[float, float],
    cap: float,
    rng: np.random.Generator,
    flip: str = "",
) -> None:
    """Draw a word with the middle of its capitals at `centre` (x, y); flip "turn", "mirror" or ""."""
    scale = cap / (glyphs.base - glyphs.top)
    stretch = float(np.exp(rng.normal(0, 0.13)))
    angle = rng.normal(0, 0.035)
    shear = rng.normal(0, 0.04)
    ink = glyphs.ink
    if rng.random() < 0.3:  # thin or bold
        side = int(rng.integers(2, 4))
        ink = (cv2.erode if rng.random() < 0.35 else cv2.dilate)(ink, np.ones((side, side), np.uint8))
    if scale < 0.7:
        ink = cv2.blur(ink, (max(int(0.6 / scale), 1),) * 2)
    a = np.array([[scale * stretch, -shear * scale], [scale * stretch * angle, scale]])
    if flip == "turn":
        a = -a
    elif flip == "mirror":
        a[:, 0] = -a[:, 0]
    elif flip == "upside":
        a[:, 1] = -a[:, 1]
    middle = np.array([(glyphs.ink.shape[1] - 1) / 2, (glyphs.top + glyphs.base - 1) / 2])
    shift = np.array(centre) - a @ middle
    drawn = cv2.warpAffine(ink, np.column_stack([a, shift]), canvas.shape[::-1], flags=cv2.INTER_LINEAR)
    np.maximum(canvas, drawn.astype(np.float32) * (rng.uniform(0.6, 1.0) / 255), out=canvas)


def _trace(canvas: np.ndarray, rng: np.random.Generator, level: float | None = None) -> None:
    """A piece of a lead: level line, P, QRS and T of any size, drawn with a pen 0.2 to 0.6 mm wide."""
    high, wide = canvas.shape
    x = np.arange(-4, wide + 4, 0.5)
    y = np.full(len(x), rng.uniform(-4, high + 4) if level is None else level)
    y += rng.normal(0, 2) * np.sin(x / wide * rng.uniform(0, 6) + rng.uniform(0, 6))
    for _ in range(rng.integers(0, 3)):  # waves
        y += rng.normal(0, 6) * np.exp(-(((x - rng.uniform(0, wide)) / rng.uniform(3, 10)) ** 2))
    if rng.random() < 0.65:  # the strokes of a QRS
        at, width = rng.uniform(-5, wide + 5), rng.uniform(0.8, 5)
        knots = at + width * np.array([-2, -1, 0, 1, 2])
        heights = [0, rng.normal(0, 4), rng.normal(0, 25), rng.normal(0, 14), 0]
        y -= np.interp(x, knots, heights)
    if rng.random() < 0.25:
        y += rng.normal(0, 0.7, len(x))
    points = np.round(np.column_stack([x, y]) * 8).astype(np.int32)[:, None]
    start, stop = 0, len(points)
    if rng.random() < 0.3:  # a lead that ends here
        start = int(rng.integers(0, stop // 2)) if rng.random() < 0.5 else 0
        stop = stop if start else int(rng.integers(stop // 3, stop))
    layer = np.zeros(canvas.shape, np.uint8)
    cv2.polylines(layer, [points[start:stop]], False, 255, int(rng.integers(1, 4)), cv2.LINE_AA, 3)
    np.maximum(canvas, layer.astype(np.float32) * (rng.uniform(0.55, 1.0) / 255), out=canvas)


def _bar(canvas: np.ndarray, rng: np.random.Generator, at: float) -> None:
    """A separator: solid, dashed or dotted, or one side of a calibration pulse."""
    high, wide = canvas.shape
    layer = np.zeros(canvas.shape, np.uint8)
    left, thick = int(round(at)), int(rng.integers(1, 4))
    kind = rng.random()
    if kind < 0.35:
        top, bottom = sorted(rng.integers(-10, high + 10, 2))
        layer[max(top, 0) : max(bottom, 0), max(left, 0) : max(left + thick, 0)] = 255
    elif kind < 0.8:
        pitch = int(rng.integers(2, 8))
        on = max(int(pitch * rng.uniform(0.25, 0.75)), 1)
        layer[(np.arange(high) + rng.integers(pitch)) % pitch < on, max(left, 0) : max(left + thick, 0)] = 255
    else:
        top, right = int(rng.integers(-5, high)), left + int(rng.integers(8, 40))
        cv2.polylines(
            layer,
            [np.array([[left - 10, high], [left, high], [left, top], [right, top], [right, high]])],
            False,
            255,
            thick,
        )
    np.maximum(canvas, layer.astype(np.float32) * (rng.uniform(0.5, 1.0) / 255), out=canvas)


def _grid(canvas: np.ndarray, rng: np.random.Generator) -> None:
    """What is left of the grid after most of it was taken out: 1 mm lines or dots, every fifth darker."""
    high, wide = canvas.shape
    pitch = CAP / rng.uniform(1.8, 5.0)
    strength = rng.uniform(0.02, 0.55) * rng.uniform(0.3, 1.0)
    x0, y0 = rng.uniform(0, 5 * pitch, 2)
    ax, ay = (np.arange(wide) + x0) / pitch, (np.arange(high) + y0) / pitch
    sharp = 0.6 / pitch
    lx, ly = (np.maximum(1 - np.abs(v - np.round(v)) / sharp / 1.5, 0) for v in (ax, ay))
    fx, fy = ((np.round(v) % 5 == 0) * rng.uniform(1.0, 2.5) + 0.6 for v in (ax, ay))
    if rng.random() < 0.4:
        lines = np.outer(ly * np.minimum(fy, 1.2), lx * np.minimum(fx, 1.2)) * 1.5
        if rng.random() < 0.5:
            lines = np.maximum(lines, np.maximum((ly * (fy > 1))[:, None], (lx * (fx > 1))[None]) * 0.8)
    else:
        lines = np.maximum((ly * fy)[:, None], (lx * fx)[None])
    canvas += strength * lines.astype(np.float32)


def _degrade(canvas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Coarse pixels, blur, noise and JPEG, then a contrast that is not quite known."""
    high, wide = canvas.shape
    if rng.random() < 0.6:
        coarse = rng.uniform(0.42, 1.0)
        small = cv2.resize(
            canvas, (max(int(wide * coarse), 8), max(int(high * coarse), 8)), interpolation=cv2.INTER_AREA
        )
        if rng.random() < 0.3:
            code = cv2.imencode(
                ".jpg", 255 - np.clip(small * 255, 0, 255).astype(np.uint8), [1, int(rng.integers(25, 80))]
            )[1]
            small = 1 - cv2.imdecode(code, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255
        how = cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_CUBIC
        canvas = cv2.resize(small, (wide, high), interpolation=how)
    if rng.random() < 0.4:
        canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.4, 1.3))
    if rng.random() < 0.2:  # only what passed a threshold
        level = rng.uniform(0.2, 0.5)
        canvas = np.clip((canvas - level) / rng.uniform(0.05, 0.4), 0, 1)
    canvas = canvas + rng.normal(0, rng.uniform(0, 0.06), canvas.shape).astype(np.float32)
    return np.clip(canvas * rng.uniform(0.6, 1.5), 0, 1)


def _around(
    canvas: np.ndarray, rng: np.random.Generator, half: float, bank: Bank, font: int, cap: float
) -> None:
    """What stands beside a name whose half width is `half` px: trace, separator, other words."""
    high, wide = canvas.shape
    if rng.random() < 0.72:
        _trace(canvas, rng, None if rng.random() < 0.6 else high / 2 + rng.normal(0, 5))
        if rng.random() < 0.12:
            _trace(canvas, rng)
    if rng.random() < 0.3:
        side = -1 if rng.random() < 0.75 else 1
        _bar(canvas, rng, wide / 2 + side * (half + rng.uniform(1.5, 14)))
    if rng.random() < 0.12:
        text = str(rng.choice(OTHERS)) if rng.random() < 0.6 else str(rng.choice(NAMES))
        other = bank.word(font, text)
        reach = half + other.ink.shape[1] / BANK_CAP * cap / 2 + rng.uniform(0.7, 2.0) * cap
        side = 1 if rng.random() < 0.6 else -1
        _stamp(canvas, other, (wide / 2 + side * reach, high / 2 + rng.normal(0, 0.4)), cap, rng)
    if rng.random() < 0.06:
        _stamp(
            canvas,
            bank.word(font, str(rng.choice(OTHERS))),
            (rng.uniform(0, wide), high / 2 + rng.choice([-1, 1]) * rng.uniform(1.7, 2.2) * cap),
            cap,
            rng,
        )


def draw_patch(rng: np.random.Generator, bank: Bank, *, names: bool = True) -> tuple[np.ndarray, int]:
    """One picture float32 PATCH with its class: the place in NAMES, or len(NAMES) for none; `names` False: none only."""
    high, wide = PATCH
    canvas = np.zeros((high, wide), np.float32)
    if rng.random() < 0.6:
        _grid(canvas, rng)
    middle = np.array([(wide - 1) / 2, (high - 1) / 2])
    font, cap = int(rng.integers(FONTS)), CAP * float(np.exp(rng.uniform(-0.19, 0.19)))
    kind = rng.random() if names else rng.choice([0.6, 0.7, 0.8, 0.9], p=[0.1, 0.2, 0.15, 0.55])
    label = len(NAMES)
    if kind < 0.58:
        label = int(rng.choice(len(NAMES), p=USUAL))
        glyphs = bank.word(font, str(rng.choice(spellings(NAMES[label]))))
        _around(canvas, rng, glyphs.ink.shape[1] / BANK_CAP * cap / 2, bank, font, cap)
        _stamp(canvas, glyphs, middle + rng.uniform(-1, 1, 2) * (4.2, 2.8), cap, rng)
    elif kind < 0.68:  # a name off its place or of another size
        glyphs = bank.word(font, str(rng.choice(spellings(NAMES[rng.integers(len(NAMES))]))))
        _around(canvas, rng, 10, bank, font, cap)
        if rng.random() < 0.7:
            offset = (
                np.array([rng.uniform(7.5, 26), rng.uniform(0, 12)])
                if rng.random() < 0.6
                else np.array([rng.uniform(0, 12), rng.uniform(6, 14)])
            )
            _stamp(canvas, glyphs, middle + offset * rng.choice([-1, 1], 2), cap, rng)
        else:
            _stamp(
                canvas,
                glyphs,
                middle,
                CAP * (rng.uniform(1.7, 2.6) if rng.random() < 0.5 else rng.uniform(0.3, 0.58)),
                rng,
            )
    elif kind < 0.76:  # turned or mirrored; I, II, III and 8 look the same then
        name = NAMES[rng.integers(3, len(NAMES))]
        flip = "turn" if rng.random() < 0.6 else str(rng.choice(["mirror", "upside"]))
        glyphs = bank.word(font, str(rng.choice(spellings(name))))
        _around(canvas, rng, glyphs.ink.shape[1] / BANK_CAP * cap / 2, bank, font, cap)
        _stamp(canvas, glyphs, middle + rng.uniform(-3, 3, 2), cap, rng, flip)
    elif kind < 0.88:
        text = str(rng.choice(OTHERS))
        if rng.random() < 0.4:
            text = "".join(
                rng.choice(
                    list("0123456789abcdeghkmnoprstuwxyzABCDEGHKMNOPQSTUWXYZ.:/-%()"), int(rng.integers(1, 7))
                )
            )
            text = text.replace("(", "").replace(")", "") or "0"
        glyphs = bank.word(font, text)
        _around(canvas, rng, glyphs.ink.shape[1] / BANK_CAP * cap / 2, bank, font, cap)
        _stamp(
            canvas,
            glyphs,
            middle + rng.uniform(-3, 3, 2) + (rng.normal(0, 12, 2) * [1, 0.3] if rng.random() < 0.3 else 0),
            cap,
            rng,
        )
    else:
        for _ in range(rng.integers(0, 4)):
            _trace(canvas, rng, None if rng.random() < 0.5 else high / 2 + rng.normal(0, 6))
        for _ in range(rng.choice([0, 1, 2, 3], p=[0.5, 0.3, 0.15, 0.05])):
            _bar(canvas, rng, rng.uniform(0, wide))
    return _degrade(canvas, rng).astype(np.float32), label
