"""Standard output as a place to write a result: a full disk behind it is an error, a reader that went away is not ours."""

from __future__ import annotations

import sys

from scartools.errors import OutputError


def write_stdout(text: str) -> None:
    """Write text and flush it; raises OutputError where it cannot be written, BrokenPipeError where nobody reads."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"standard output cannot be written ({error.strerror})") from error
