"""Many beats outside of memory: a nameless file beside the output that vanishes with the process.

A training looks at each beat many times, in another order each time. A million of them are 29 GB: they lie on the disk, and
the system keeps in memory what there is room for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

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
    with _opened(
        beside
    ) as stream:  # written, not mapped: on a full disk a write fails, and a mapped page kills the process
        for beat in beats:  # an error of reading them is none of this disk
            shape = beat.shape
            with _said_of(beside):
                stream.write(np.ascontiguousarray(beat, dtype=np.float32).tobytes())
            count += 1
        with _said_of(beside):
            stream.flush()
            return np.memmap(
                stream, dtype=np.float32, mode="r", shape=(count, *shape)
            )  # it outlives the stream


def _opened(beside: Path) -> IO[bytes]:
    with _said_of(beside):
        return tempfile.TemporaryFile(dir=_folder_of(beside))


@contextmanager
def _said_of(beside: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot be written: there is no room beside it for the beats ({error.strerror})",
            where=beside,
            remedy="Free some space or choose another --output",
        ) from error


def _folder_of(place: Path) -> Path:
    return place if place.is_dir() else place.absolute().parent
