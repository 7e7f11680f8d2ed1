"""The curves of a training for TensorBoard, beside its own log.jsonl and progress.png."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scartools.errors import OutputError, UsageError

Draw = Callable[[str, int, Mapping[str, float]], None]


@contextmanager
def curves(folder: Path | None) -> Iterator[Draw]:
    """Within the block, (name of the network, iteration, values by name) adds a point to each curve; None: nowhere.

    A training that goes on adds a file of its own, which TensorBoard joins to the others of the folder.
    Raises UsageError where tensorboardX is not installed, OutputError where the folder cannot be written.
    """
    if folder is None:
        yield lambda _name, _step, _values: None
        return
    try:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import scalar
    except ImportError as error:
        raise UsageError(
            "--tensorboard needs a package that is not installed", remedy="pip install 'scartools[tensorboard]'"
        ) from error
    with _said_of(folder):
        folder.mkdir(parents=True, exist_ok=True)
        writer = EventsWriter(str(folder / "events"))

    def draw(name: str, step: int, values: Mapping[str, float]) -> None:
        """Add a point to each curve; values that are no numbers are left out."""
        with _said_of(folder):
            for curve, value in values.items():
                if not math.isnan(value):
                    summary = scalar(f"{name}/{curve}", value)
                    writer.write_event(Event(wall_time=time.time(), step=step, summary=summary))
            writer.flush()

    try:
        yield draw
    finally:
        with _said_of(folder):
            writer.close()


@contextmanager
def _said_of(folder: Path) -> Iterator[None]:
    """Turn an error of the disk into one that names the folder of the curves; errors of the training are not these."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"the curves cannot be written ({error.strerror})",
            where=folder,
            remedy="Free some space, or choose another --tensorboard",
        ) from error
