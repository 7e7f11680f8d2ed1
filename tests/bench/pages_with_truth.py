"""Pages of ECGs whose recording is known, in named groups: shared files, and our own renders of PTB-XL records.

Each group is a function of how many pages are wanted; pages are made one at a time.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from scartools.ecg.reading import LEADS

RATE_HZ = 500.0
SEED = 2024
LARGEST_MV = 5.0  # records beyond are artefacts or pacing, which no paper shows
DAMAGES = ("scan", "rotate", "copy", "wrinkle", "photo")
GRADES = range(6)
COLOURS = ("red", "pink", "orange", "green", "blue", "grey")
LOOKS = ("red dotted", "red major", "none")


@dataclass(frozen=True)
class KnownPage:
    """A page and its truth.

    file       where the page is; None for a picture that is drawn here
    picture    uint8 (H, W, 3), RGB; None for a file
    reference  float64 (12, T), mV at 500 Hz, leads in the order of LEADS, NaN where nothing is printed
    layout, speed (mm/s), gain (mm/mV)  as printed; px_per_mm: in the picture, None where it is not known
    """

    name: str
    file: Path | None
    picture: np.ndarray | None
    reference: np.ndarray
    layout: str
    speed: float = 25.0
    gain: float = 10.0
    px_per_mm: tuple[float, float] | None = None


Group = Callable[[int], Iterator[KnownPage]]


def groups(data: Path) -> dict[str, Group]:
    """Name every group; `data` is the folder of public data."""
    found: dict[str, Group] = {}
    for kind in ("clean", "rot", "wrinkle", "bw", "nogrid", "r100"):
        found[f"kit-{kind}"] = partial(_kit, data, kind)
    found["ludb"] = partial(_ludb, data)
    found["vector"] = partial(_vector, data)
    styles: dict[str, dict[str, Any]] = {
        f"layout-{layout}": {"layout": layout}
        for layout in ("3x4", "3x4+1", "3x4+2", "3x4+3", "6x2", "6x2+1", "12x1")
    }
    styles |= {f"cabrera-{layout}": {"layout": layout, "cabrera": True} for layout in ("3x4+1", "6x2", "12x1")}
    styles |= {"speed-50": {"layout": "6x2", "speed": 50.0}, "gain-5": {"gain": 5.0}, "gain-20": {"gain": 20.0}}
    styles |= {f"grid-{grid.replace(' ', '-')}": {"grid": grid} for grid in (*COLOURS, *LOOKS)}
    styles |= {f"dpi-{dpi}": {"dpi": dpi} for dpi in (100, 150, 200, 300)}
    for name, style in styles.items():
        found[name] = partial(_drawn, data, name, style, "none", 0)
    for damage in DAMAGES:
        for grade in GRADES:
            found[f"{damage}-{grade}"] = partial(_drawn, data, f"{damage}-{grade}", {}, damage, grade)
    return found


def ptbxl(data: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return signals int16 (N, 5000, 12) uV, record numbers (N,) and whether each is an infarct, bool (N,)."""
    archive = np.load(data / "ecg/ptbxl/ptbxl_1200_500hz.npz")
    if tuple(archive["leads"]) != LEADS:
        raise ValueError("the leads of the archive are in another order")
    table = np.genfromtxt(
        data / "ecg/ptbxl/labels.csv", delimiter=",", names=True, dtype=None, encoding="utf-8"
    )
    if not np.array_equal(table["ecg_id"], archive["ecg_id"]):
        raise ValueError("labels and signals are in different orders")
    return archive["X"], archive["ecg_id"], table["MI"].astype(bool)


def chosen_records(data: Path, count: int) -> list[tuple[int, np.ndarray]]:
    """Draw records by a fixed seed, every other one an infarct: number and float64 (12, 5000), mV."""
    signals, numbers, infarct = ptbxl(data)
    usual = np.abs(signals).max(axis=(1, 2)) <= 1000 * LARGEST_MV
    rng = np.random.default_rng(SEED)
    kinds = [rng.permutation(np.flatnonzero(usual & wanted)) for wanted in (infarct, ~infarct)]
    picked = [int(kinds[k % 2][k // 2]) for k in range(count)]
    return [(int(numbers[at]), signals[at].T / 1000.0) for at in picked]


def _printed(signals: np.ndarray, pieces: list[tuple[str, bool, int, int]]) -> np.ndarray:
    """Keep what is printed; pieces: lead, rhythm, first sample and count. A strip takes the place of its column."""
    reference = np.full_like(signals, np.nan)
    for lead, _, first, count in sorted(pieces, key=lambda piece: piece[1]):
        row = LEADS.index(lead.lstrip("-"))
        reference[row, first : first + count] = signals[row, first : first + count]
    return reference


def _kit(data: Path, kind: str, count: int) -> Iterator[KnownPage]:
    signals, numbers, _ = ptbxl(data)
    for record in (162, 696)[:count]:
        file = data / f"ecg/pages/rendered/kit/{record:05d}_{kind}.png"
        with gzip.open(file.with_suffix(".json.gz"), "rt", encoding="utf-8") as stream:
            facts = json.load(stream)
        pieces = [
            (
                lead["lead_name"],
                lead["end_sample"] - lead["start_sample"] > 1250,
                lead["start_sample"],
                lead["end_sample"] - lead["start_sample"],
            )
            for lead in facts["leads"]
        ]
        known = signals[np.flatnonzero(numbers == record)[0]].T / 1000.0
        scale = (facts["x_grid"] / 5.0, facts["y_grid"] / 5.0)
        yield KnownPage(file.stem, file, None, _printed(known, pieces), "3x4+1", px_per_mm=scale)


def _sequential(signals: np.ndarray) -> np.ndarray:
    """What a 3 x 4 page with strip II shows of ten seconds."""
    pieces = [(lead, False, 1250 * (k // 3), 1250) for k, lead in enumerate(LEADS)]
    return _printed(signals, [*pieces, ("II", True, 0, signals.shape[1])])


def _table(file: Path) -> np.ndarray:
    """float64 (12, T), mV, from a CSV of one column a lead."""
    with file.open(encoding="utf-8") as stream:
        names = [name.strip().strip('"').lower() for name in stream.readline().split(",")]
    values = np.genfromtxt(file, delimiter=",", skip_header=1)
    return np.stack([values[:, names.index(lead.lower())] for lead in LEADS])


def _ludb(data: Path, count: int) -> Iterator[KnownPage]:
    for file in sorted((data / "ecg/pages/rendered/ludb").glob("*.png"))[:count]:
        yield KnownPage(f"ludb_{file.stem}", file, None, _sequential(_table(file.with_suffix(".csv"))), "3x4+1")


def _vector(data: Path, count: int) -> Iterator[KnownPage]:
    for file in sorted((data / "ecg/pages/vector").glob("ecgtizer_*.pdf"))[:count]:
        yield KnownPage(file.stem, file, None, _sequential(_table(file.with_suffix(".csv"))), "3x4+1")


def _drawn(
    data: Path, group: str, style: dict[str, Any], damage: str, grade: int, count: int
) -> Iterator[KnownPage]:
    """Render records; the scale of a damaged page is that of the plane which fits its samples best."""
    from scartools.simulation.page import sample_points
    from scartools.simulation.page_damage import render_page
    from scartools.simulation.page_styles import page_style
    from scartools.simulation.paper import lay_out

    for number, (record, signals) in enumerate(chosen_records(data, count)):
        page = lay_out(signals, page_style(**style))
        drawn = render_page(page, damage, grade, np.random.default_rng([SEED, grade, number]))
        there = np.concatenate([points for *_, points in drawn.samples]).astype(np.float64)
        paper = np.concatenate(sample_points(page))
        seen = np.isfinite(there).all(axis=1)
        plane, *_ = np.linalg.lstsq(
            np.column_stack([paper[seen], np.ones(seen.sum())]), there[seen], rcond=None
        )
        layout = style.get("layout", "3x4+1")
        yield KnownPage(
            f"{group}_{record:05d}",
            None,
            drawn.picture,
            _printed(signals, [(t.lead, t.rhythm, t.first, t.count) for t in page.traces]),
            layout if "+" in layout else f"{layout}+0" if layout == "3x4" else layout,
            style.get("speed", 25.0),
            style.get("gain", 10.0),
            (float(np.hypot(*plane[0])), float(np.hypot(*plane[1]))),
        )


def to_png(picture: np.ndarray) -> bytes:
    """Pack uint8 (H, W, 3), RGB, as PNG."""
    done, packed = cv2.imencode(".png", np.ascontiguousarray(picture[:, :, ::-1]))
    if not done:
        raise RuntimeError("OpenCV could not pack a PNG")
    return packed.tobytes()
