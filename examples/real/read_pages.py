"""Put real ECG pages through `digitize-ecg` and `median-beat` and tabulate how each of them ended.

    python read_pages.py DATA/ecg/pages OUT

Nobody knows the truth of the picture pages. What is known of them (layout, speed, gain, as printed) stands beside what
was read; `agrees` says whether an accepted page contradicts it. A page ends as a record that passed its checks, as one
that needs a review, or as a refusal with its reason; an overlay of every page that was read lies beside its record. sheet_01.png,
sheet_02.png ... show six pages each, every page beside its overlay, for a person to look at.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from scartools.ecg.pdf_paths import render_page
from scartools.files import table
from scartools.files.page import read_picture
from scartools.files.table import Column

PAGES_A_SHEET = 6
CELL_PX = (1000, 640)  # width and height that a page has on a sheet
TITLE_PX = 34

COLUMNS = {
    "page": Column("File"),
    "kind": Column("scan, photo, screenshot or vector"),
    "layout_known": Column("Layout as a person sees it; + rhythm strips"),
    "outcome": Column("accepted, needs_review or refused"),
    "layout_read": Column("Layout that was read"),
    "agrees": Column("yes where layout, speed and gain are those that are known; a millimetre within 3 %"),
    "px_per_mm": Column("As read, along x and y, pixels (points of a vector page)"),
    "px_per_mm_known": Column(
        "Pixels a millimetre by lattice points set by hand, where there are any", "px/mm"
    ),
    "einthoven_mv": Column("Residual of II = I + III", "mV"),
    "beat": Column("Heart rate of the median beat, or why there is none"),
    "seconds": Column("Wall time of digitize-ecg", "s"),
    "reason": Column("Why it was refused, in the words of the command"),
}


def run(*arguments: str | Path) -> tuple[int, dict]:
    """Run one command of the toolkit; return its status and its JSON."""
    call = [sys.executable, "-m", "scartools", *map(str, arguments), "--json"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout or "{}")


def known_number(text: str) -> float | None:
    """Return the number at the start of a cell such as `25 mm/s`; None where it says that none is printed."""
    match = re.match(r"\s*([0-9.]+)", text)
    return float(match[1]) if match else None


def known_scale(path: Path) -> float | None:
    """Return px per mm where lattice points of the page were set by hand, 5 mm apart: int (44, 57, 2), x and y."""
    lattice = path.with_suffix(".gridpoint_xy.npy")
    if not lattice.exists():
        return None
    points = np.load(lattice).astype(float)
    across = np.linalg.norm(np.diff(points, axis=1), axis=-1)
    down = np.linalg.norm(np.diff(points, axis=0), axis=-1)
    return round(float(np.median(np.append(across, down))) / 5.0, 3)


def write_sheets(pages: list[tuple[Path, dict]], out: Path) -> None:
    """Draw contact sheets: a page at the left, at its right what was read of it or why it was refused."""
    for old in out.glob("sheet_*.png"):
        old.unlink()
    for first in range(0, len(pages), PAGES_A_SHEET):
        rows = [_sheet_row(path, row, out) for path, row in pages[first : first + PAGES_A_SHEET]]
        done, packed = cv2.imencode(".png", np.concatenate(rows)[:, :, ::-1])
        if not done:
            raise RuntimeError("OpenCV could not encode a sheet")
        (out / f"sheet_{first // PAGES_A_SHEET + 1:02d}.png").write_bytes(packed.tobytes())


def _sheet_row(path: Path, row: dict, out: Path) -> np.ndarray:
    """One page: uint8 (TITLE_PX + height, twice the width, 3), RGB."""
    given = render_page(path, 0, CELL_PX[0]) if path.suffix.lower() == ".pdf" else read_picture(path)
    overlay = out / f"{out_name(path)}.png"
    cells = [_fitted(given), np.full((CELL_PX[1], CELL_PX[0], 3), 235, np.uint8)]
    if row["outcome"] != "refused":
        cells[1] = _fitted(read_picture(overlay))
    else:
        text = row["reason"] or ""
        for line, start in enumerate(range(0, len(text), 62)):
            _write(cells[1], text[start : start + 62], 60 + 40 * line)
    title = np.full((TITLE_PX, 2 * CELL_PX[0], 3), 255, np.uint8)
    _write(
        title, f"{row['page']}: {row['outcome']}, known {row['layout_known']}, read {row['layout_read']}", 25
    )
    return np.concatenate([title, np.concatenate(cells, axis=1)])


def _fitted(picture: np.ndarray) -> np.ndarray:
    """Shrink or enlarge a picture into a cell of a sheet."""
    factor = min(CELL_PX[0] / picture.shape[1], CELL_PX[1] / picture.shape[0])
    small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    small = small[: CELL_PX[1], : CELL_PX[0]]
    cell = np.full((CELL_PX[1], CELL_PX[0], 3), 235, np.uint8)
    cell[: small.shape[0], : small.shape[1]] = small
    return cell


def _write(picture: np.ndarray, text: str, y: int) -> None:
    cv2.putText(picture, text, (10, y), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (20, 20, 20), 1, cv2.LINE_AA)


def out_name(path: Path) -> str:
    """Return the name of a page's record."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", path.stem)


def one_page(path: Path, known: dict[str, str], out: Path) -> dict:
    """Digitise one page and make its beat."""
    name = out_name(path)
    record = out / f"{name}.hea"
    start = time.perf_counter()
    status, said = run("digitize-ecg", path, "--overlay", out / f"{name}.png", "-o", record, "--force")
    row = {
        "page": path.name,
        "kind": known.get("kind", "vector"),
        "layout_known": known["layout"],
        "outcome": said.get("Status", "refused") if status == 0 else "refused",
        "layout_read": said.get("Layout") if status == 0 else None,
        "seconds": round(time.perf_counter() - start, 1),
        "reason": " ".join(said["Error"].split(": ", 1)[-1].split()) if status else None,
        "px_per_mm_known": known_scale(path),
        **dict.fromkeys(("agrees", "px_per_mm", "einthoven_mv", "beat")),
    }
    if status:
        return row
    right = [said["Layout"].split("+")[0] in known["layout"]]
    for column, value in (("paper_speed", said["PaperSpeed"]), ("gain", said["Gain"])):
        expected = known_number(known.get(column, ""))
        right.append(expected is None or abs(value / expected - 1) < 0.03)
    row["px_per_mm"] = " x ".join(f"{value:.3f}" for value in said["PxPerMm"])
    if row["px_per_mm_known"] is not None:
        right += [abs(value / row["px_per_mm_known"] - 1) < 0.03 for value in said["PxPerMm"]]
    row["agrees"] = "yes" if all(right) else "NO"
    residuals = [check["Value"] for check in said["Checks"] if "einthoven" in check["Name"].lower()]
    row["einthoven_mv"] = next((round(value, 3) for value in residuals if value is not None), None)
    status, beat = run("median-beat", record, "-o", out / f"{name}_beat.hea", "--force")
    row["beat"] = f"{beat['HeartRate']:.0f}/min" if status == 0 else " ".join(beat["Error"].split())[-80:]
    return row


def main() -> None:
    """Read every page of both folders; write the sheets and pages.tsv."""
    pages, out = Path(sys.argv[1]), Path(sys.argv[2])
    rows, shown = [], []
    for folder in ("vector", "real"):
        with (pages / folder / "pages.tsv").open(newline="", encoding="utf-8") as stream:
            known = {row["file"]: row for row in csv.DictReader(stream, delimiter="\t")}
        for name in sorted(known):
            path = pages / folder / name
            if path.suffix.lower() in (".pdf", ".png", ".jpg", ".jpeg", ".bmp"):
                rows.append(one_page(path, known[name], out))
                shown.append((path, rows[-1]))
                print(
                    rows[-1]["page"], rows[-1]["outcome"], rows[-1]["reason"] or "", file=sys.stderr, flush=True
                )
    write_sheets(shown, out)
    (out / "pages.tsv").write_text(table.render(COLUMNS, rows), encoding="utf-8")


if __name__ == "__main__":
    main()
