"""Many beats outside of memory: a nameless file beside the output that vanishes with the process.

A training looks at each beat many times, in another order each time. A million of them are 29 GB: they lie on the disk, and
the system keeps in memory what there is room for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from scartools.errors import OutputError


def stored(beats: Iterable[np.ndarray], beside: Path) -> np.ndarray:
    """Return beats float32 (N, leads, samples) to read from, in the order they came.

    beats   each float32 (leads, samples), all of one shape, at least one
    beside  a file or folder on whose disk they are put; nothing of them is left there, whatever happens
    Raises OutputError when that disk is full or not writable.
    """
    shape: tuple[int, ...] = ()
    count = 0
    try:
        # written, not mapped: on a full disk a write fails, and a mapped page kills the process
        with tempfile.TemporaryFile(dir=_folder_of(beside)) as stream:
            for beat in beats:
                shape = beat.shape
                stream.write(np.ascontiguousarray(beat, dtype=np.float32).tobytes())
                count += 1
            stream.flush()
            return np.memmap(
                stream, dtype=np.float32, mode="r", shape=(count, *shape)
            )  # it outlives the stream
    except OSError as error:
        raise OutputError(
            f"cannot be written: {count} beats fit beside it and no more ({error.strerror})",
            where=beside,
            remedy="Free some space or choose another --output",
        ) from error


def _folder_of(place: Path) -> Path:
    return place if place.is_dir() else place.absolute().parent
