"""Put real ECG pages through `digitize-ecg` and `median-beat` and tabulate how each of them ended.

    python read_pages.py DATA/ecg/pages OUT

Nobody knows the truth of the picture pages. What is known of them (layout, speed, gain, as printed) stands beside what
was read; `agrees` says whether an accepted page contradicts it. A page ends as a record that passed its checks, as one
that needs a review, or as a refusal with its reason; an overlay of every page that was read lies beside its record.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import time
from pathlib import Path

from scartools.files import table
from scartools.files.table import Column

COLUMNS = {
    "page": Column("File"),
    "kind": Column("scan, photo, screenshot or vector"),
    "layout_known": Column("Layout as a person sees it; + rhythm strips"),
    "outcome": Column("accepted, needs_review or refused"),
    "layout_read": Column("Layout that was read"),
    "agrees": Column("yes where layout, speed and gain are those that are known"),
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


def one_page(path: Path, known: dict[str, str], out: Path) -> dict:
    """Digitise one page and make its beat."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", path.stem)
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
        "reason": " ".join(said["Error"].split(": ", 1)[-1].split())[:160] if status else None,
        **dict.fromkeys(("agrees", "einthoven_mv", "beat")),
    }
    if status:
        return row
    right = [said["Layout"].split("+")[0] in known["layout"]]
    for column, value in (("paper_speed", said["PaperSpeed"]), ("gain", said["Gain"])):
        expected = known_number(known.get(column, ""))
        right.append(expected is None or abs(value / expected - 1) < 0.03)
    row["agrees"] = "yes" if all(right) else "NO"
    residuals = [check["Value"] for check in said["Checks"] if "einthoven" in check["Name"].lower()]
    row["einthoven_mv"] = next((round(value, 3) for value in residuals if value is not None), None)
    status, beat = run("median-beat", record, "-o", out / f"{name}_beat.hea", "--force")
    row["beat"] = f"{beat['HeartRate']:.0f}/min" if status == 0 else " ".join(beat["Error"].split())[-80:]
    return row


def main() -> None:
    """Read every page of both folders; write pages.tsv."""
    pages, out = Path(sys.argv[1]), Path(sys.argv[2])
    rows = []
    for folder in ("vector", "real"):
        with (pages / folder / "pages.tsv").open(newline="", encoding="utf-8") as stream:
            known = {row["file"]: row for row in csv.DictReader(stream, delimiter="\t")}
        for name in sorted(known):
            path = pages / folder / name
            if path.suffix.lower() in (".pdf", ".png", ".jpg", ".jpeg", ".bmp"):
                rows.append(one_page(path, known[name], out))
                print(
                    rows[-1]["page"], rows[-1]["outcome"], rows[-1]["reason"] or "", file=sys.stderr, flush=True
                )
    (out / "pages.tsv").write_text(table.render(COLUMNS, rows), encoding="utf-8")


if __name__ == "__main__":
    main()
