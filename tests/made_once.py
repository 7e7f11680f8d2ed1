"""What is dear to make is made by the first pytest worker that wants it, and read by all."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path


def made_once(place: Path, make: Callable[[Path], None]) -> Path:
    """Return a file or folder that `make` writes, unless a worker of this run has; the others wait until it is whole.

    place  where it lies, in a folder that all workers see
    make   writes it to the path that it is given: the same name in another folder, until it is whole
    """
    with open(place.with_name(f".{place.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # given back when the file closes
        if not place.exists():
            coming = place.with_name(f".{place.name}.coming")
            shutil.rmtree(coming, ignore_errors=True)  # of a worker whose making failed
            coming.mkdir()
            make(coming / place.name)
            (coming / place.name).rename(place)
            coming.rmdir()
    return place
