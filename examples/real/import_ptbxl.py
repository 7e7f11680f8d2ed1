"""Make median beats of the packed PTB-XL records, and the table of them that `scartools pretrain-ecg` reads.

    python import_ptbxl.py DATA/ecg/ptbxl OUT

Splits go by the column `group`, which joins records of one known patient, near copies and neighbouring ids. A record
without a usable beat is left out and counted, with its reason, in excluded.tsv.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from scartools.ecg.beat import median_beat
from scartools.errors import InputError
from scartools.files import table
from scartools.files.record import LEADS, Record, save_beat
from scartools.files.table import Column

BEATS = {
    "participant_id": Column("Record of PTB-XL"),
    "group": Column("What is never parted by a split"),
    "beat": Column("Median beat, path relative to this table"),
    "mi": Column("1 infarction, 0 normal, n/a neither or both"),
}
EXCLUDED = {"participant_id": Column("Record of PTB-XL"), "reason": Column("Why it has no beat")}


def main() -> None:
    """Write beats/ID.hea, beats.tsv and excluded.tsv."""
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    (out / "beats").mkdir(parents=True, exist_ok=True)
    with (source / "labels.csv").open(newline="", encoding="utf-8") as stream:
        labels = {row["ecg_id"]: row for row in csv.DictReader(stream)}
    with np.load(source / "ptbxl_1200_500hz.npz", allow_pickle=False) as stored:
        signals, ids, leads, rate = (
            stored["X"],
            stored["ecg_id"],
            stored["leads"],
            float(np.ravel(stored["fs"])[0]),
        )
    order = [list(map(str, leads)).index(lead) for lead in LEADS]
    rows, excluded = [], []
    for number, microvolts in zip(map(str, ids), signals, strict=True):  # (5000, 12)
        try:
            beat = median_beat(microvolts.T[order] / 1000.0, rate)
            save_beat(out / "beats" / f"ptbxl-{number}.hea", Record(beat.signals, 500.0))
        except InputError as error:
            excluded.append({"participant_id": f"ptbxl-{number}", "reason": str(error)})
            continue
        path = f"beats/ptbxl-{number}.hea"
        said = labels[number]
        mi = said["MI"] if said["MI"] != said["NORM"] else None
        rows.append({"participant_id": f"ptbxl-{number}", "group": said["group"], "beat": path, "mi": mi})
    (out / "excluded.tsv").write_text(table.render(EXCLUDED, excluded), encoding="utf-8")
    (out / "beats.tsv").write_text(table.render(BEATS, rows), encoding="utf-8")
    print(f"{len(rows)} beats of {len(ids)} records; {len(excluded)} without", file=sys.stderr)


if __name__ == "__main__":
    main()
