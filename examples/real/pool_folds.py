"""Lay the held-out predictions of all folds into one folder, so that every patient is evaluated once.

    python pool_folds.py OUT PREDICTIONS...

Each of PREDICTIONS is a folder that `scartools predict` wrote for one fold; a case in two of them is refused. Files are
copied as they are, and the rows of their tables are put together; image paths are made relative to the new place.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from scartools.files import table
from scartools.files.predictions import COLUMNS, TABLE_NAME


def main() -> None:
    """Write OUT, which must not exist."""
    out, *folders = (Path(word) for word in sys.argv[1:])
    rows, columns = {}, {}
    for folder in folders:
        found = table.read(folder / TABLE_NAME, required=("case_id", "image"))
        columns |= {name: COLUMNS[name] for name in found.columns}
        for row in found.rows:
            name = str(row["case_id"])
            if name in rows:
                sys.exit(f"{folder}: case {name} is in another fold too")
            image = os.path.relpath(folder / str(row["image"]), out)
            rows[name] = {**row, "image": image}
    out.mkdir(parents=True)
    for folder in folders:
        for case in folder.iterdir():
            if case.is_dir():
                shutil.copytree(case, out / case.name)
    (out / TABLE_NAME).write_text(table.render(columns, list(rows.values())), encoding="utf-8")


if __name__ == "__main__":
    main()
