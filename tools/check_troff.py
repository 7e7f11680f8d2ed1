"""Ask groff whether the man pages are clean: `groff -man -ww -z` must say nothing. Skipped, loudly, without groff."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "man"


def main() -> int:
    """Return 0 when every page is clean, 1 otherwise."""
    if shutil.which("groff") is None:
        print("check_troff: SKIPPED, groff is not installed (Debian: apt-get install groff)", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    said = False
    for page in sorted(FOLDER.glob("*.[0-9]")):
        run = subprocess.run(
            ["groff", "-man", "-ww", "-z", "-Tutf8", str(page)], capture_output=True, text=True, check=False
        )
        if run.returncode or run.stderr.strip():
            print(run.stderr.strip() or f"{page.name}: groff left {run.returncode}", file=sys.stderr)
            said = True
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
