"""How well and how fast pages are digitised: one line a group of pages whose recording is known.

    python tests/bench/bench_digitize.py [--pages N] [--groups 'kit-*,photo-3'] [--json FILE] [--save FOLDER]

Layout, speed and gain are never told. SNR is the mean and median over leads, 0 dB in every lead of a refused page;
r, RMSE and coverage are medians over the leads that were read. Seconds are processor time, which a
busy machine does not lengthen: of reading one page from memory, and (`command_s`) of the whole program on the first page
of a group, with its peak memory. A page is a silent failure
where it is written although its layout, speed or gain is not what is printed, a millimetre is more than 3 % off, or
it is accepted with less than 5 dB.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pages_with_truth import LARGEST_MV, RATE_HZ, SEED, KnownPage, groups, to_png

from scartools.ecg.assemble import assemble, upright
from scartools.ecg.page_checks import checked, status_of
from scartools.ecg.page_overlay import draw_overlay
from scartools.ecg.pdf_paths import read_drawn_pages
from scartools.ecg.raster import read_raster_page
from scartools.ecg.reading import LEADS, PageReading
from scartools.ecg.vector_page import read_vector_pages
from scartools.errors import InputError
from scartools.evaluation.trace_fidelity import kaggle_ratio, kaggle_score_db, lead_fidelity
from scartools.files.page import read_picture

SCALE_OFF, POOR_DB = 0.03, 5.0
# A small process starts the program: what it forks from counts into the peak memory of the program.
WATCH = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
COLUMNS = (
    "pages", "accepted", "review", "refused", "silent", "snr", "median", "official", "kaggle", "r", "rmse_mv",
    "coverage", "s/page", "command_s", "peak_mb",
)  # fmt: skip


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raise TimeoutError inside the block once it has taken this much processor time."""

    def late(number: int, frame: Any) -> None:
        raise TimeoutError(f"took over {seconds} s")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def read_page(page: KnownPage, picture: np.ndarray | None) -> tuple[PageReading, str, np.ndarray | None]:
    """Read, check and assemble as the command does; signals are None where the page is refused."""
    if picture is None:
        assert page.file is not None
        reading = read_vector_pages(list(read_drawn_pages(page.file)))
    else:
        reading = read_raster_page(picture)
    reading = checked(upright(reading))
    status = status_of(reading.checks)
    return reading, status, None if status == "refused" else assemble(reading).signals


def differences(page: KnownPage, reading: PageReading) -> list[str]:
    """What was read of the page's look that is not so."""
    wrong = []
    if reading.layout != page.layout and reading.layout != page.layout.removesuffix("+0"):
        wrong.append(f"layout {reading.layout}, not {page.layout}")
    for name, read, true in (
        ("speed", reading.speed_mm_s, page.speed),
        ("gain", reading.gain_mm_mv, page.gain),
    ):
        if abs(read / true - 1) > 1e-6:
            wrong.append(f"{name} {read:g}, not {true:g}")
    if page.px_per_mm is not None:
        off = [read / true - 1 for read, true in zip(reading.px_per_mm, page.px_per_mm, strict=True)]
        if max(abs(part) for part in off) > SCALE_OFF:
            wrong.append(f"a millimetre is {off[0]:+.1%} along x and {off[1]:+.1%} along y")
    return wrong


def scored(page: KnownPage, signals: np.ndarray | None) -> dict[str, Any]:
    """Scores of the twelve leads and of the page; `signals` float64 (12, T), mV, or None for a refused page."""
    length = page.reference.shape[1]
    estimate = np.full_like(page.reference, np.nan)
    if signals is not None:
        shared = min(length, signals.shape[1])
        estimate[:, :shared] = signals[:, :shared]
    leads = [
        lead_fidelity(page.reference[at], estimate[at], RATE_HZ)
        for at in range(len(LEADS))
        if np.isfinite(page.reference[at]).any()
    ]
    return {
        "mended": [lead.mended_db for lead in leads],
        "official": [lead.official_db for lead in leads],
        "r": [lead.correlation for lead in leads],
        "rmse": [lead.rmse_mv for lead in leads],
        "coverage": [lead.coverage for lead in leads],
        "ratio": kaggle_ratio(page.reference, estimate, RATE_HZ),
    }


def one_page(page: KnownPage, longest: int, save: Path | None) -> dict[str, Any]:
    """Read and score one page."""
    picture = page.picture
    if picture is None and page.file is not None and page.file.suffix != ".pdf":
        picture = read_picture(page.file)
    reading, signals, reason = None, None, None
    status, wrong = "refused", []
    start = time.process_time()
    try:
        with limited(longest):
            reading, status, signals = read_page(page, picture)
    except (InputError, TimeoutError) as error:  # how a page ends is what is measured here
        reason = str(error)
    seconds = time.process_time() - start
    row = {"page": page.name, "status": status, "reason": reason, "seconds": seconds, **scored(page, signals)}
    if reading is not None:
        failed = [check.name for check in reading.checks if check.passed is False]
        row["reason"] = ", ".join(failed) or None
        wrong = differences(page, reading) if signals is not None else []
        if status == "accepted" and np.nanmean(row["mended"]) < POOR_DB:
            wrong.append(f"accepted with {np.nanmean(row['mended']):.1f} dB")
    if save is not None and picture is not None:
        shown = picture
        if reading is not None:
            shown = draw_overlay([picture], reading, [1.0], status, row["reason"] or "")
        (save / f"{page.name}.png").write_bytes(to_png(picture))
        (save / f"{page.name}_{status}.png").write_bytes(to_png(shown))
    return {**row, "wrong": wrong}


def whole_command(page: KnownPage) -> tuple[float, float]:
    """Processor seconds and peak memory (MB) of the whole program on one page, however it ends."""
    with tempfile.TemporaryDirectory() as folder:
        file = page.file
        if file is None:
            assert page.picture is not None
            file = Path(folder) / "page.png"
            file.write_bytes(to_png(page.picture))
        call = ["-m", "scartools", "digitize-ecg", str(file), "-o", f"{folder}/ecg.hea"]
        said = subprocess.run(
            [sys.executable, "-c", WATCH, sys.executable, *call], capture_output=True, text=True, check=True
        )
    status, seconds, kilobytes = said.stdout.split()
    if status not in ("0", "3"):
        raise RuntimeError(f"digitize-ecg ended with status {status} on {page.name}")
    return float(seconds), float(kilobytes) / 1024


def summary(rows: list[dict[str, Any]], command: tuple[float, float]) -> dict[str, Any]:
    """One line of the table; None where there is nothing to say."""

    def every(key: str, read_only: bool = False) -> np.ndarray:
        kept = [row[key] for row in rows if not read_only or row["status"] != "refused"]
        values = np.concatenate(kept) if kept else np.empty(0)
        return values[~np.isnan(values)]

    def middle(values: np.ndarray) -> float | None:
        return float(np.median(values)) if len(values) else None

    ended = [row["status"] for row in rows]
    mended, official = every("mended"), every("official")
    return {
        "pages": len(rows),
        "accepted": ended.count("accepted"),
        "review": ended.count("needs_review"),
        "refused": ended.count("refused"),
        "silent": sum(bool(row["wrong"]) for row in rows),
        "snr": float(mended.mean()) if len(mended) else None,
        "median": middle(mended),
        "official": float(official.mean()) if len(official) else None,
        "kaggle": kaggle_score_db([row["ratio"] for row in rows]),
        "r": middle(every("r", True)),
        "rmse_mv": middle(every("rmse", True)),
        "coverage": middle(every("coverage", True)),
        "s/page": statistics.fmean(row["seconds"] for row in rows),
        "command_s": command[0],
        "peak_mb": command[1],
    }


def cell(name: str, value: Any) -> str:
    """Format a cell for the table."""
    if value is None:
        return f"{'n/a':>10s}"
    if isinstance(value, int):
        return f"{value:10d}"
    digits = {"r": 4, "rmse_mv": 4, "coverage": 3, "peak_mb": 0}.get(name, 2)
    return f"{value:10.{digits}f}"


def run_group(name: str, pages: Iterator[KnownPage], options: argparse.Namespace) -> dict[str, Any]:
    """Read every page of a group, print its line and what went wrong."""
    rows, command = [], None
    for page in pages:
        command = command or whole_command(page)
        rows.append(one_page(page, options.timeout, options.save))
    if command is None:
        raise RuntimeError(f"group {name} has no pages")
    line = summary(rows, command)
    print(f"{name:18s}" + "".join(cell(column, line[column]) for column in COLUMNS), flush=True)
    for row in rows:
        if row["wrong"]:
            print(f"    SILENT FAILURE {row['page']} ({row['status']}): {'; '.join(row['wrong'])}", flush=True)
        elif row["status"] == "refused" and options.reasons:
            print(f"    refused {row['page']}: {row['reason']}", flush=True)
    return {"summary": line, "pages": rows}


def refusals(found: dict[str, Any]) -> str:
    """The share of clean and of damaged pages that was refused."""
    parts = []
    for what, names in (
        (
            "clean",
            [n for n in found if n.split("-")[0] in ("layout", "cabrera", "speed", "gain", "grid", "dpi")],
        ),
        ("damaged", [n for n in found if n[-2:-1] == "-" and n.split("-")[0] not in ("gain",)]),
    ):
        pages = sum(found[name]["summary"]["pages"] for name in names)
        refused = sum(found[name]["summary"]["refused"] for name in names)
        parts.append(f"{refused} of {pages} {what} renders refused")
    return "; ".join(parts)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=2, help="pages of each group, at most")
    parser.add_argument("--groups", default="*", help="names or patterns, comma between them")
    parser.add_argument(
        "--timeout", type=int, default=60, help="processor seconds a page; a longer one counts as refused"
    )
    parser.add_argument("--reasons", action="store_true", help="also print why pages are refused")
    parser.add_argument("--json", type=Path, help="write everything there")
    parser.add_argument("--save", type=Path, help="keep pages and overlays in this folder")
    options = parser.parse_args()
    data = Path(os.environ.get("SCARTOOLS_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not (data / "ecg").is_dir():
        print(f"REAL DATA ABSENT: no {data}/ecg; set SCARTOOLS_DATA", file=sys.stderr)
        return
    cv2.setNumThreads(1)
    if options.save:
        options.save.mkdir(parents=True, exist_ok=True)
    patterns = options.groups.split(",")
    wanted = {n: g for n, g in groups(data).items() if any(fnmatch.fnmatchcase(n, p) for p in patterns)}
    if not wanted:
        parser.error(f"no group matches {options.groups}; there are {', '.join(groups(data))}")
    print(
        f"PTB-XL records are drawn with seed {SEED}, every other one an infarct; records beyond {LARGEST_MV:g} mV are"
        " left out."
    )
    print(f"{'group':18s}" + "".join(f"{column:>10s}" for column in COLUMNS))
    found = {name: run_group(name, group(options.pages), options) for name, group in wanted.items()}
    print(refusals(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
