"""How fast beats are made: records a second on one core, arrays in, beat and quality out; and the same of NeuroKit.

    python tests/bench/bench_beats.py [--records N] [--peer N]

Records are PTB-XL's, 12 leads of ten seconds at 500 Hz, where SCARTOOLS_DATA holds them; else drawn ones, and it says so.
Seconds are processor time of this one process, which a busy machine lengthens far less than the clock's; the best of three
rounds counts. Memory is the peak of the whole process after a tenth and after all of the records: it should not grow.
NeuroKit (MIT, no dependency of ours) is timed where it is installed: `ecg_process` on each lead, the beats of each lead
cut and averaged; it has no consensus of leads, no exclusion and no quality of cables, so that less is asked of it.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from scartools.ecg.beat import Beat, stream_beats
from scartools.ecg.quality import assess

RATE_HZ = 500.0


@lru_cache(maxsize=1)
def stored() -> np.ndarray:
    """Return the records, int16 uV (records, 5000, 12), read once."""
    data = Path(os.environ.get("SCARTOOLS_DATA", Path(__file__).parents[3] / "shared" / "data"))
    file = data / "ecg/ptbxl/ptbxl_1200_500hz.npz"
    return np.load(file)["X"] if file.is_file() else drawn()


def records(count: int) -> Iterator[tuple[str, np.ndarray, float]]:
    """Yield name, signals (12, 5000) in mV and rate of each record; the set is gone through again as often as needed."""
    every = stored()
    for number in range(count):
        yield str(number), every[number % len(every)].T / 1000.0, RATE_HZ


def drawn() -> np.ndarray:
    """Return records that are drawn, int16 uV (20, 5000, 12)."""
    print("PTB-XL ABSENT: records are drawn; set SCARTOOLS_DATA", file=sys.stderr)
    clock = np.arange(5000) / RATE_HZ
    noise = np.random.default_rng(1)
    made = []
    for beats in range(8, 18):
        phase = (clock * beats / 10 + 0.5) % 1 * 10 / beats - 5 / beats
        beat = np.exp(-((phase / 0.012) ** 2)) + 0.3 * np.exp(-(((phase - 0.28) / 0.06) ** 2))
        made += 2 * [np.outer(beat, np.linspace(300, 1500, 12)) + noise.normal(scale=15, size=(5000, 12))]
    return np.array(made).astype(np.int16)


def ours(count: int) -> int:
    """Make the beats of so many records and ask each for its quality; return how many were refused."""
    refused = 0
    taken: list[np.ndarray] = []

    def kept() -> Iterator[tuple[str, np.ndarray, float]]:
        for record in records(count):
            taken[:] = [record[1]]
            yield record

    for _, beat in stream_beats(kept()):
        if isinstance(beat, Beat):
            assess(taken[0], RATE_HZ, beat)
        else:
            refused += 1
    return refused


def neurokit(count: int) -> int:
    """Do what NeuroKit offers, lead by lead; return how many leads failed."""
    import neurokit2

    failed = 0
    for _, signals, rate in records(count):
        for lead in signals:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    processed, info = neurokit2.ecg_process(lead, sampling_rate=int(rate))
                    beats = neurokit2.ecg_segment(processed["ECG_Clean"], info["ECG_R_Peaks"], int(rate))
                    np.nanmedian([beat["Signal"].to_numpy()[:300] for beat in beats.values()], axis=0)
                except (ValueError, IndexError, KeyError, ZeroDivisionError, TypeError):
                    failed += 1
    return failed


def seconds(work: Callable[[int], int], count: int, rounds: int) -> tuple[float, int]:
    """Return the processor seconds of the best round, and what the work returned."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        result = work(count)
        taken.append(time.process_time() - start)
    return min(taken), result


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print records a second, memory and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=300)
    parser.add_argument("--peer", type=int, default=5, help="records that NeuroKit gets")
    options = parser.parse_args()
    ours(max(1, options.records // 10))
    early = peak_mb()
    spent, refused = seconds(ours, options.records, 3)
    speed = options.records / spent
    print(
        f"scartools   {speed:7.1f} records/s   {1000 / speed:7.2f} ms a record, beat and quality; {refused} refused"
    )
    print(
        f"memory      {early:7.0f} MB after {options.records // 10} records, {peak_mb():.0f} MB after {options.records}"
    )
    if importlib.util.find_spec("neurokit2") is None:
        print("neurokit2   is not installed: not compared")
        return
    neurokit(1)
    spent, failed = seconds(neurokit, options.peer, 1)
    print(
        f"neurokit2   {options.peer / spent:7.2f} records/s   {1000 * spent / options.peer:7.0f} ms a record; {failed} leads failed"
    )
    print(f"ratio       {speed * spent / options.peer:7.0f}")


if __name__ == "__main__":
    main()
