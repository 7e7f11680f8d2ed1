"""R peaks and median beats of real recordings: LUDB, PTB-XL, PTB, and a device's own median beat."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import wfdb

from scartools.ecg.assemble import assemble, upright
from scartools.ecg.beat import median_beat, stream_beats
from scartools.ecg.electrodes import electrode_findings
from scartools.ecg.quality import assess, compare_with_device
from scartools.ecg.raster import read_raster_page
from scartools.ecg.reading import LEADS
from scartools.errors import InputError
from scartools.files.page import read_picture
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


def found_beats(facts: dict) -> np.ndarray:
    """Return the times of all beats that were found, used or left out."""
    return np.sort([*facts["RPeaks"], *(at["Time"] for at in facts["ExcludedAt"])])


@pytest.mark.slow
def test_beats_of_ludb_are_where_they_were_marked(
    data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between the first and the last mark of each record: beats at both ends are not marked."""
    folder = data_folder / "ecg/ludb"
    hits = missed = extra = 0
    off = []
    for name in (folder / "RECORDS").read_text().split():
        truth = marked_beats(folder / name)
        record = read_record((folder / name).with_suffix(".hea"))
        found = found_beats(median_beat(record.signals, record.rate).facts)
        found = found[(found >= truth[0] - TOLERANCE_S) & (found <= truth[-1] + TOLERANCE_S)]
        apart = np.abs(found[:, None] - truth)
        misses, extras = (int((apart.min(axis=axis) > TOLERANCE_S).sum()) for axis in (0, 1))
        hits, missed, extra = hits + len(truth) - misses, missed + misses, extra + extras
        if misses or extras:
            off.append(f"{Path(name).name} ({misses} missed, {extras} extra)")
    f1 = 2 * hits / (2 * hits + missed + extra)
    with capsys.disabled():
        print(
            f"\nLUDB: {hits} of {hits + missed} beats, {extra} extra: sensitivity {hits / (hits + missed):.4f}, "
            f"PPV {hits / (hits + extra):.4f}, F1 {f1:.4f}; {', '.join(off)}"
        )
    assert hits + missed > 1300
    assert f1 >= 0.995


def device(data_folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the recording (12, 10000) and the device's own median beat (12, 1200), mV at 1000 Hz."""
    record = read_record(data_folder / "ecg/pages/vector/mortara_ecg.dcm")
    assert record.device_beat is not None and record.rate == record.device_beat.rate == 1000
    return record.signals, record.device_beat.signals


def test_the_beat_is_the_devices_own(data_folder: Path) -> None:
    """Below 40 Hz in every lead; above it aVL, 0.33 mV high, is the noise of two medians."""
    rhythm, theirs = device(data_folder)
    beat = median_beat(rhythm, 1000.0)
    found = compare_with_device(beat, theirs, 1000.0)
    assert found.correlation.min() >= 0.995
    assert found.ratio.min() >= 0.97 and found.ratio.max() <= 1.03
    assert not [f for f in assess(rhythm, 1000.0, beat, found) if f.name.startswith("device") and f.flagged]
    unfiltered = compare_with_device(beat, theirs, 1000.0, high_hz=None)
    assert np.sort(unfiltered.correlation)[1:].min() > 0.992 and unfiltered.correlation.min() > 0.98


def test_another_recording_is_not_the_devices(data_folder: Path) -> None:
    rhythm, theirs = device(data_folder)
    beat = median_beat(rhythm[[1, 0, 2, 4, 3, *range(5, 12)]], 1000.0)
    flagged = {
        f.lead for f in assess(rhythm, 1000.0, beat, compare_with_device(beat, theirs, 1000.0)) if f.flagged
    }
    assert {"I", "II", "aVR", "aVL"} <= flagged


def test_the_beat_of_a_page_is_near_the_devices_own(data_folder: Path) -> None:
    rhythm, theirs = device(data_folder)
    beat = median_beat(page(rhythm, 1000.0), 1000.0)
    assert np.isfinite(beat.signals[:, 100:400]).all()
    assert np.median(compare_with_device(beat, theirs, 1000.0).correlation) > 0.98


@pytest.mark.slow
@pytest.mark.parametrize("number", [162, 696])
def test_the_beat_of_a_picture_is_that_of_its_recording(data_folder: Path, number: int) -> None:
    """A clean page at 200 dpi, 2.5 s a lead, against ten seconds of the recording it was drawn from."""
    picture = data_folder / f"ecg/pages/rendered/kit/{number:05d}_clean.png"
    drawn = median_beat(assemble(upright(read_raster_page(read_picture(picture)))).signals, 500.0)
    records = np.load(data_folder / "ecg/ptbxl/ptbxl_1200_500hz.npz")
    original = median_beat(records["X"][list(records["ecg_id"]).index(number)].T / 1000.0, 500.0)
    found = compare_with_device(drawn, original.signals, 500.0, high_hz=None).correlation
    assert np.median(found) >= 0.98 and found.min() > 0.95


@pytest.mark.slow
def test_ptbxl_records_make_beats(data_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """None is refused, 20 with artefacts beyond 5 mV among them; what is flagged of normal ones is a false alarm or true."""
    signals = np.load(data_folder / "ecg/ptbxl/ptbxl_1200_500hz.npz")["X"]
    labels = (data_folder / "ecg/ptbxl/labels.csv").read_text().splitlines()
    normal = [row.split(",")[1] == "NORM" for row in labels[1:]]
    refused: Counter[str] = Counter()
    flagged: Counter[str] = Counter()
    alike = []
    records = ((str(row), record.T / 1000.0, 500.0) for row, record in enumerate(signals))
    for name, made in stream_beats(records):
        if isinstance(made, InputError):
            refused[made.problem] += 1
            continue
        alike.append(made.facts["BeatsUsed"] / made.facts["BeatsFound"])
        if normal[int(name)]:
            findings = assess(signals[int(name)].T / 1000.0, 500.0, made)
            flagged.update({finding.name for finding in findings if finding.flagged})
    shares = {name: count / sum(normal) for name, count in flagged.items()}
    with capsys.disabled():
        print(
            f"\nPTB-XL: {len(alike)} beats, refused {dict(refused)}; flagged of {sum(normal)} normal ones: {shares}"
        )
    assert not refused
    assert np.mean(alike) > 0.95
    assert max(shares.values()) <= 0.03


def with_electrodes(signals: np.ndarray, order: tuple[int, int, int]) -> np.ndarray:
    """Return (12, T) as recorded with the cables of right arm, left arm and left leg on these of the three places."""
    places = np.stack([np.zeros_like(signals[0]), signals[0], signals[1]])[list(order)]
    one, two = places[1] - places[0], places[2] - places[0]
    limbs = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    return np.concatenate([np.stack(limbs), signals[6:]])


EXCHANGES = {
    "limb_ra_la": ((1, 0, 2), 0.95),
    "limb_ra_ll": ((2, 1, 0), 0.9),
    "limb_la_ll": ((0, 2, 1), 0.1),  # as weak as its definition says
}


@pytest.mark.slow
def test_exchanged_cables_are_seen(data_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = np.load(data_folder / "ecg/ptbxl/ptbxl_1200_500hz.npz")["X"]
    labels = (data_folder / "ecg/ptbxl/labels.csv").read_text().splitlines()[1:]
    normal = [row for row, label in enumerate(labels) if label.split(",")[1] == "NORM"][::3]
    seen: Counter[str] = Counter()
    both = 0
    for row in normal:
        beat = median_beat(records[row].T / 1000.0, 500.0).signals
        chest = [[*range(6), *order] for order in ([7, 6, *range(8, 12)], [6, 7, 9, 8, 10, 11])]
        changed = {name: with_electrodes(beat, order) for name, (order, _) in EXCHANGES.items()}
        changed |= {"chest_order": beat[chest[0]], "chest_order ": beat[chest[1]]}
        changed |= {"chest_mirrored": beat[[*range(6), *range(11, 5, -1)]]}
        for name, wrong in changed.items():
            flagged = {finding.name for finding in electrode_findings(wrong) if finding.flagged}
            both += {"limb_ra_la", "limb_ra_ll"} <= flagged
            seen[name] += name.strip() in flagged
    shares = {name: count / len(normal) for name, count in seen.items()}
    with capsys.disabled():
        print(f"\nPTB-XL, {len(normal)} normal records, seen: {shares}")
    assert both == 0, "one exchange has one name"
    for name, (_, least) in EXCHANGES.items():
        assert shares[name] >= least
    assert min(shares[name] for name in ("chest_order", "chest_order ", "chest_mirrored")) >= 0.95


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
