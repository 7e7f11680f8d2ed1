"""A small printer of ECG pages, of its own: what it draws is known to the digit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

MM = 72 / 25.4
HEIGHT_MM = 210.0
STANDARD = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))


def twelve_leads(seconds: float = 10.0, rate: float = 500.0, bpm: float = 70.0) -> dict[str, np.ndarray]:
    """Leads that obey Einthoven and Goldberger, mV: P, QRS and T as bells, baseline at 0."""
    times = np.arange(round(seconds * rate)) / rate
    beats = np.arange(0.35, seconds + 1, 60 / bpm)

    def wave(p: float, q: float, r: float, s: float, t: float) -> np.ndarray:
        total = np.zeros_like(times)
        for height, at, width in (
            (p, -0.16, 0.02),
            (q, -0.025, 0.008),
            (r, 0, 0.01),
            (s, 0.028, 0.01),
            (t, 0.28, 0.05),
        ):
            total += height * np.exp(-0.5 * ((times[:, None] - beats - at) / width) ** 2).sum(axis=1)
        return total

    one, two = wave(0.08, -0.05, 0.7, -0.1, 0.2), wave(0.12, -0.08, 1.1, -0.2, 0.3)
    leads = {"I": one, "II": two, "III": two - one}
    leads |= {"aVR": -(one + two) / 2, "aVL": one - two / 2, "aVF": two - one / 2}
    for number, (r, s) in enumerate(
        ((0.2, -1.0), (0.4, -1.4), (0.8, -0.9), (1.3, -0.5), (1.2, -0.2), (0.9, -0.1)), 1
    ):
        leads[f"V{number}"] = wave(0.06, 0.0, r, s, 0.1 * number)
    return leads


def line(points: Sequence[tuple[float, float]] | np.ndarray) -> str:
    """A stroked path through points in mm, y down."""
    steps = [f"{x * MM:.4f} {(HEIGHT_MM - y) * MM:.4f}" for x, y in points]
    return f"{steps[0]} m " + " ".join(f"{step} l" for step in steps[1:]) + " S"


def word(text: str, x: float, y: float) -> str:
    return f"BT /F1 9 Tf 1 0 0 1 {x * MM:.3f} {(HEIGHT_MM - y) * MM:.3f} Tm ({text}) Tj ET"


def ecg_page(
    leads: dict[str, np.ndarray],
    rows: Sequence[Sequence[str]] = STANDARD,
    rhythm: Sequence[str] = ("II",),
    *,
    rate: float = 500.0,
    speed: float = 25.0,
    gain: float = 10.0,
    scale: float = 1.0,
    grid: bool = True,
    pulses: bool = True,
    names: bool = True,
    text: str | None = None,
    joined: bool = False,
    seconds: float = 10.0,
) -> str:
    """The drawing operators of a page: traces from 20 mm, rows 35 mm apart; `scale` shrinks all of it.

    A name such as "-aVR" prints the lead turned over.
    """
    parts = ["0.9 0.6 0.6 RG 0.2 w"]
    left, top, pitch = 20.0, 40.0, 140.0 / (len(rows) + len(rhythm))
    if grid:
        parts += [line([(x, 10), (x, 200)]) for x in range(5, 285)]
        parts += [line([(5, y), (284, y)]) for y in range(10, 201)]
    parts.append("0 0 0 RG 0.7 w")
    for number, row in enumerate([*rows, *[(lead,) for lead in rhythm]]):
        y = top + pitch * number
        if pulses:
            parts.append(line([(10, y), (11, y), (11, y - gain), (16, y - gain), (16, y), (17, y)]))
        length = round(seconds * rate / len(row))
        drawn = []
        for column, lead in enumerate(row):
            first = column * length
            values = leads[lead.removeprefix("-")][first : first + length] * (-1 if lead[0] == "-" else 1)
            x = left + (first + np.arange(len(values))) * speed / rate
            drawn.append(np.column_stack([x, y - gain * values]))
            if names:
                parts.append(word(lead, float(x[0]) + 1, y - 8))
            if column:
                parts.append(line([(float(x[0]), y - 3), (float(x[0]), y + 3)]))
        parts += [line(np.concatenate(drawn))] if joined else [line(points) for points in drawn]
    parts.append(word(f"{speed:g} mm/s  {gain:g} mm/mV" if text is None else text, 10, 205))
    return f"q {scale} 0 0 {scale} 0 0 cm\n" + "\n".join(parts) + "\nQ"


def write_pdf(
    path: Path, *contents: str, rotate: int = 0, box: str = "0 0 841.89 595.276", form: str | None = None
) -> Path:
    """Write a PDF, one page a content; `form` is the content of a form that a page draws with `/X1 Do`."""
    count = len(contents)
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{' '.join(f'{5 + 2 * k} 0 R' for k in range(count))}] /Count {count} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< /Type /XObject /Subtype /Form /BBox [0 0 900 900] /Matrix [1 0 0 1 10 20] /Length {len(form or '')} >>\n"
        f"stream\n{form or ''}\nendstream",
    ]
    for k, content in enumerate(contents):
        resources = "<< /Font << /F1 3 0 R >> /XObject << /X1 4 0 R >> >>"
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Rotate {rotate} /Contents {6 + 2 * k} 0 R "
            f"/Resources {resources} >>"
        )
        bodies.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    start = len(data)
    data += f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n{table}".encode()
    data += f"trailer\n<< /Size {len(bodies) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    path.write_bytes(data)
    return path
