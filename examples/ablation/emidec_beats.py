"""Give EMIDEC's real pictures ECGs: the columns beat and interval_days of the manifest, from ECGs simulated of each mask.

    python emidec_beats.py PAIRS BEATS OUT

PAIRS is the manifest of examples/real/import_emidec.py, BEATS a folder of median beats named after its cases. The ECG is
of the day of the MRI, so the interval is 0 and has nothing to say. A case without a beat has none in OUT either.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from scartools.files import table
from scartools.files.pairs import COLUMNS


def main() -> None:
    """Write the manifest, paths relative to it."""
    pairs, beats, out = (Path(word) for word in sys.argv[1:])
    found = table.read(
        pairs, required=("case_id", "participant_id", "group", "image", "label", "split", "fold")
    )
    rows = []
    for row in found.rows:
        beat = beats / f"{row['case_id']}.hea"
        here = {name: os.path.relpath(pairs.parent / str(row[name]), out.parent) for name in ("image", "label")}
        there = {"beat": os.path.relpath(beat, out.parent), "interval_days": 0} if beat.is_file() else {}
        rows.append({**row, **here, "beat": None, "interval_days": None, **there})
    columns = {name: COLUMNS[name] for name in rows[0]}
    out.write_text(table.render(columns, rows), encoding="utf-8")
    print(
        f"{sum(row['beat'] is not None for row in rows)} of {len(rows)} cases have an ECG, all of them simulated"
    )


if __name__ == "__main__":
    main()
