"""`python -m scartools` and the `scartools` script."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and leave with its exit status."""
    try:
        from scartools.cli.run import main as run

        status = run()
    except KeyboardInterrupt:  # while Python was still importing us
        os.write(2, b"scartools: error: interrupted.\n")
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    main()
