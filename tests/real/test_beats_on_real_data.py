"""R peaks and median beats of real recordings: LUDB, PTB-XL, PTB, and a device's own median beat."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import wfdb

from scartools.ecg.beat import Beat, median_beat
from scartools.ecg.reading import LEADS
from scartools.errors import InputError
from scartools.files.record import read_record
from tests.unit.ecg.ecg_phantom import page

pytestmark = pytest.mark.real

TOLERANCE_S = 0.075


def marked_beats(record: Path) -> np.ndarray:
    """Return the times of the beats that LUDB's cardiologists marked in at least three leads, the median over leads."""
    marks = []
    for lead in LEADS:
        notes = wfdb.rdann(str(record), lead.lower())
        marks += [at for at, symbol in zip(notes.sample, notes.symbol, strict=True) if symbol == "N"]
    together = np.sort(marks)
    groups = np.split(together, np.flatnonzero(np.diff(together) > 75) + 1)
    return np.array([np.median(group) for group in groups if len(group) >= 3]) / 500


@pytest.mark.slow
def test_beats_of_ludb_are_where_they_were_marked(data_folder: Path) -> None:
    """Between the first and the last mark of each record: beats at both ends are not marked."""
    folder = data_folder / "ecg/ludb"
    hits = missed = extra = 0
    for name in (folder / "RECORDS").read_text().split():
        truth = marked_beats(folder / name)
        record = read_record((folder / name).with_suffix(".hea"))
        found = np.array(median_beat(record.signals, record.rate).facts["RPeaks"])
        found = found[(found >= truth[0] - TOLERANCE_S) & (found <= truth[-1] + TOLERANCE_S)]
        apart = np.abs(found[:, None] - truth)
        hits += int((apart.min(axis=0) <= TOLERANCE_S).sum())
        missed += int((apart.min(axis=0) > TOLERANCE_S).sum())
        extra += int((apart.min(axis=1) > TOLERANCE_S).sum())
    assert hits + missed > 1300
    assert 2 * hits / (2 * hits + missed + extra) >= 0.995


def device(data_folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the recording (12, 10000) and the device's own median beat (12, 1200), mV at 1000 Hz."""
    record = read_record(data_folder / "ecg/pages/vector/mortara_ecg.dcm")
    assert record.device_beat is not None and record.rate == record.device_beat.rate == 1000
    return record.signals, record.device_beat.signals


def agreement(beat: Beat, theirs: np.ndarray) -> np.ndarray:
    """Return the correlation with the device's beat, lead by lead, at the shift that suits all leads best."""
    theirs = theirs[:, ::2]  # to 500 Hz

    def at(shift: int) -> np.ndarray:
        part = theirs[:, 100 + shift : 500 + shift]
        return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(beat.signals[:, 100:500], part, strict=True)])

    return max((at(shift) for shift in range(-100, 100)), key=lambda found: float(found.mean()))


def test_the_beat_is_the_devices_own(data_folder: Path) -> None:
    rhythm, theirs = device(data_folder)
    found = agreement(median_beat(rhythm, 1000.0), theirs)
    assert found.min() > 0.97 and np.median(found) > 0.995


def test_the_beat_of_a_page_is_near_the_devices_own(data_folder: Path) -> None:
    rhythm, theirs = device(data_folder)
    beat = median_beat(page(rhythm, 1000.0), 1000.0)
    core = Beat(np.nan_to_num(beat.signals), beat.facts)
    assert np.isfinite(beat.signals[:, 100:400]).all()
    assert np.median(agreement(core, theirs)) > 0.97


@pytest.mark.slow
def test_ptbxl_records_make_beats(data_folder: Path) -> None:
    signals = np.load(data_folder / "ecg/ptbxl/ptbxl_1200_500hz.npz")["X"]
    outcome: Counter[str] = Counter()
    alike = []
    for record in signals:
        try:
            facts = median_beat(record.T / 1000.0, 500.0).facts
        except InputError as error:
            outcome[error.problem] += 1
            continue
        outcome["beat"] += 1
        alike.append(facts["BeatsUsed"] / facts["BeatsFound"])
    assert outcome["beat"] >= 1195, outcome
    assert np.mean(alike) > 0.95


@pytest.mark.slow
def test_columns_of_ptbxl_records_give_the_beat_of_the_whole_recording(data_folder: Path) -> None:
    """What a 3 x 4 page with a rhythm strip loses: each lead from its own 2.5 s, against all ten."""
    signals = np.load(data_folder / "ecg/ptbxl/ptbxl_1200_500hz.npz")["X"][::25]
    found = []
    for record in signals:
        whole = median_beat(record.T / 1000.0, 500.0, high_pass_hz=0.5).signals
        part = median_beat(page(record.T / 1000.0), 500.0, high_pass_hz=0.5).signals
        here = np.isfinite(part) & np.isfinite(whole)
        here[:, :150] = here[:, 350:] = False
        found += [
            np.corrcoef(a[k], b[k])[0, 1] for a, b, k in zip(part, whole, here, strict=True) if k.sum() > 150
        ]
    assert np.median(found) > 0.98 and np.percentile(found, 10) > 0.85


def test_other_records(data_folder: Path) -> None:
    """PTB at 1000 Hz with two signal files and three leads more, and PTB-XL as WFDB."""
    folder = data_folder / "ecg"
    for header in [folder / "records/s0010_re.hea", *sorted((folder / "ptbxl/wfdb").rglob("*.hea"))]:
        record = read_record(header)
        beat = median_beat(record.signals, record.rate)
        assert np.isfinite(beat.signals).all() and 30 < beat.facts["HeartRate"] < 160, header
        # Einthoven's law holds in the beat as it did in the recording, as far as a median is linear
        assert np.median(np.abs(beat.signals[0] + beat.signals[2] - beat.signals[1])) < 0.03, header
