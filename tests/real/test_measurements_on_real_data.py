"""Fiducials against the marks of LUDB's cardiologists, measurements against the codes of PTB-XL."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import wfdb

from scartools.ecg.beat import Beat, median_beat
from scartools.ecg.delineate import Fiducials, delineate
from scartools.ecg.measure import Measurements, measure
from scartools.ecg.reading import LEADS
from scartools.files.record import read_record

pytestmark = [pytest.mark.real, pytest.mark.slow]


NO_BEAT = "18777"  # refused: no beats that stand out from the noise


def fiducials(beat: Beat) -> Fiducials:
    return delineate(beat.signals, 60 / beat.facts["HeartRate"], beat.facts["RRSD"])


def marks(record: Path, beat: Beat) -> dict[str, float]:
    """Return the marks of a record in ms from R: the median over the leads and over the beats used."""
    left_out = {beat["Time"] for beat in beat.facts["ExcludedAt"]}
    peaks = np.array([500 * at for at in beat.facts["RPeaks"] if at not in left_out])
    found: dict[str, list[float]] = {"qrs_onset": [], "qrs_offset": [], "p_onset": [], "t_offset": []}
    for lead in LEADS:
        notes = wfdb.rdann(str(record), lead.lower())
        symbols, places = ["", *notes.symbol, ""], [0, *notes.sample, 0]
        for k in range(1, len(symbols) - 1):
            wave, place = symbols[k], places[k]
            begins, ends = symbols[k - 1] == "(", symbols[k + 1] == ")"
            if wave == "N":
                r = peaks[np.argmin(abs(peaks - place))]
                near = abs(r - place) <= 40
                found["qrs_onset"] += [places[k - 1] - r] if begins and near else []
                found["qrs_offset"] += [places[k + 1] - r] if ends and near else []
            elif wave == "p" and begins and len(later := peaks[peaks > place]) and later[0] - place <= 200:
                found["p_onset"].append(places[k - 1] - later[0])
            elif wave == "t" and ends and len(earlier := peaks[peaks < place]) and place - earlier[-1] <= 320:
                found["t_offset"].append(places[k + 1] - earlier[-1])
    # a wave with fewer than one mark a lead is not there
    return {name: 2 * float(np.median(at)) for name, at in found.items() if len(at) >= 12}


def test_fiducials_of_ludb_are_where_they_were_marked(data_folder: Path) -> None:
    """The numbers for the QRS were chosen on the records with even numbers; those with odd ones must do as well."""
    folder = data_folder / "ecg/ludb"
    errors: dict[tuple[str, bool], list[float]] = {}
    p_found, without_p = [], []
    for name in (folder / "RECORDS").read_text().split():
        record = read_record((folder / name).with_suffix(".hea"))
        beat = median_beat(record.signals, record.rate)
        at, truth = fiducials(beat), marks(folder / name, beat)
        (p_found if "p_onset" in truth else without_p).append(at.p_onset is not None)
        for wave, wanted in truth.items():
            place = getattr(at, wave)
            if place is not None:
                errors.setdefault((wave, int(Path(name).name) % 2 == 0), []).append(2 * (place - 200) - wanted)
    for even in (True, False):
        mean = {wave: float(np.mean(np.abs(errors[wave, even]))) for wave, half in errors if half == even}
        assert len(errors["qrs_onset", even]) >= 70
        assert mean["qrs_onset"] <= 7 and mean["qrs_offset"] <= 9, mean
        assert mean["p_onset"] <= 7 and mean["t_offset"] <= 15, mean
    assert np.mean(p_found) >= 0.93 and np.mean(without_p) <= 0.15


def measured(folder: Path, wanted: dict[str, int]) -> dict[str, list[Measurements]]:
    """Return measurements of about so many records with each code, evenly spread."""
    with (folder / "labels.csv").open() as stream:
        labels = list(csv.DictReader(stream))
    signals = np.load(folder / "ptbxl_1200_500hz.npz")["X"]
    found: dict[str, list[Measurements]] = {}
    for code, most in wanted.items():
        rows = [row for row, label in enumerate(labels) if label[code] == "1" and label["ecg_id"] != NO_BEAT]
        beats = [median_beat(signals[row].T / 1000, 500.0) for row in rows[:: max(1, len(rows) // most)]]
        found[code] = [measure(b.signals, fiducials(b), 60 / b.facts["HeartRate"]) for b in beats]
    return found


def share(found: Sequence[Measurements], name: str, value: object = True) -> float:
    return float(np.mean([one.values[name] == value for one in found]))


def test_measurements_of_ptbxl_agree_with_its_codes(data_folder: Path) -> None:
    found = measured(data_folder / "ecg/ptbxl", {"NORM": 60, "CLBBB": 28, "CRBBB": 30, "ASMI": 40, "AFIB": 30})
    normal = found["NORM"]
    # the ranges of 46 129 people without signs of disease: Mason et al., J Electrocardiol 2007;40:228
    for name, low, high in (
        ("PRInterval", 113, 212),
        ("QRSDuration", 69, 118),
        ("QTcFridericia", 359, 445),
        ("QRSAxis", -40, 91),
    ):
        values = [one.values[name] for one in normal if one.values[name] is not None]
        assert len(values) >= 57
        assert np.mean([low <= value <= high for value in values]) >= 0.92, name
    assert share(normal, "PathologicalQ") <= 0.05
    assert np.mean([one.values["SelvesterScore"] or 0 for one in normal]) < 1.2
    assert share(normal, "BundleBranchBlock", "none") >= 0.97
    assert share(found["CLBBB"], "BundleBranchBlock", "LBBB") >= 0.8
    assert share(found["CRBBB"], "BundleBranchBlock", "RBBB") >= 0.85
    assert share(found["ASMI"], "PathologicalQ") >= 0.4
    assert share(found["AFIB"], "PRInterval", None) >= 0.85
