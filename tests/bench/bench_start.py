"""How long a command takes to say anything: whole processes, alternating with peers in the same run.

    python tests/bench/bench_start.py [--runs N] [--json]

Peers: a bare Python, and `nib-ls --help`, a small imaging command that imports its library at the start.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from scartools.cli import app

SCRIPTS = Path(sys.executable).parent
PEERS = {"bare python": [sys.executable, "-c", "pass"], "nib-ls --help": [str(SCRIPTS / "nib-ls"), "--help"]}
OURS = {
    f"scartools {' '.join(words)} --help".replace("  ", " "): [str(SCRIPTS / "scartools"), *words, "--help"]
    for words in [[], *[[name] for name in app.COMMANDS], ["simulate", "cohort"]]
}


def seconds(command: list[str]) -> float:
    """Return the wall time of one whole process."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    """Print the median of each command and its ratio to a bare Python of the same round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    every = {**PEERS, **OURS}
    took: dict[str, list[float]] = {name: [] for name in every}
    for round_number in range(options.runs + 1):
        for name, command in every.items():
            elapsed = seconds(command)
            if round_number:  # the first round warms the disk cache
                took[name].append(elapsed)
    bare = took["bare python"]
    rows = {
        name: {
            "median_s": round(statistics.median(times), 4),
            "ratio_to_bare_python": round(
                statistics.median(t / b for t, b in zip(times, bare, strict=True)), 2
            ),
        }
        for name, times in took.items()
    }
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    for name, row in rows.items():
        print(f"{name:32s} {row['median_s']:8.3f} s   {row['ratio_to_bare_python']:6.1f} x bare python")


if __name__ == "__main__":
    main()
