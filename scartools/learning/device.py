"""Where a network computes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scartools.errors import UsageError

if TYPE_CHECKING:
    import torch


def choose_device(name: str) -> torch.device:
    """Return the device called auto, cpu, cuda or cuda:N; auto is cuda where there is one.

    Raises UsageError for another name, and for a device that is absent: falling back would take days unasked.
    """
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda" if count else "cpu")
    named = re.fullmatch(r"cpu|cuda(?::([0-9]{1,3}))?", name)
    if named is None:
        raise UsageError(f"--device {name!r} is none of auto, cpu, cuda, cuda:N")
    if name != "cpu" and int(named[1] or 0) >= count:
        raise UsageError(
            f"--device {name}: this machine shows {count} CUDA devices", remedy="Use --device cpu or auto"
        )
    return torch.device(name)
