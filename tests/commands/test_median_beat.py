"""median-beat as a user meets it: the beat of a recording, what it rests on, and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scartools.files.record import LEADS, Record, read_beat, write_record
from tests.conftest import Result, run_inside
from tests.unit.ecg.ecg_phantom import page, recording
from tests.unit.files import records_made

ECG = "cohort/truth/sim-0001/ecg.hea"
TIMES = np.arange(0.55, 9.8, 0.8)


def make(record: str | Path, *options: str) -> tuple[np.ndarray, dict]:
    """Run median-beat; return the beat and its sidecar."""
    done = run_inside("median-beat", record, "-o", "out.hea", "--force", *options)
    assert done.status == 0, done.stderr
    return read_beat(Path("out.hea")).signals, json.loads(Path("out.json").read_text())


def refused(record: str | Path, *options: str) -> Result:
    done = run_inside("median-beat", record, "-o", "out.hea", *options)
    assert done.status == 3 and not list(Path().glob("out.*")), done.stderr
    return done


@pytest.mark.parametrize("subject", ["sim-0001", "sim-0002"])
def test_the_beat_is_the_one_the_recording_was_made_from(workspace, subject):
    found, facts = make(f"cohort/truth/{subject}/ecg.hea", "--high-pass", "0.5")
    truth = read_beat(Path(f"cohort/truth/{subject}/beat.hea")).signals
    qrs = slice(150, 260)
    ratio = [
        np.corrcoef(np.roll(found, shift, axis=1)[:, qrs].ravel(), truth[:, qrs].ravel())[0, 1]
        for shift in range(-10, 11)
    ]
    assert max(ratio) > 0.99
    assert facts["BeatsUsed"] >= 0.8 * facts["BeatsFound"] and facts["Quality"] > 0.9


def test_r_peaks_and_rate_are_those_of_the_recording(workspace):
    _, facts = make(ECG)
    drawn = json.loads(Path("cohort/truth/sim-0001/ecg.json").read_text())
    np.testing.assert_allclose(facts["RPeaks"], np.array(drawn["RSamples"]) / 500, atol=0.03)
    rr = np.diff(drawn["RSamples"]) / 500
    assert facts["HeartRate"] == pytest.approx(60 / np.median(rr), rel=0.01)
    assert facts["RRMean"] == pytest.approx(rr.mean(), rel=0.01)


def test_files_and_their_form(workspace):
    make(ECG)
    assert {path.name for path in Path().glob("out.*")} == {"out.hea", "out.dat", "out.json", "out.prov.json"}
    assert Path("out.hea").read_text().splitlines()[0].split()[1:4] == ["12", "500", "600"]
    noted = json.loads(Path("out.prov.json").read_text())
    assert [Path(source["Path"]).name for source in noted["Sources"]] == ["ecg.hea", "ecg.dat", "ecg.json"]


def test_a_page_keeps_its_gaps_and_its_facts(workspace):
    signals = page(recording(TIMES))
    signals[8] = np.nan  # V3 could not be read
    facts = {
        "SourceKind": "raster",
        "Status": "needs_review",
        "Quality": {"I": {"Coverage": 0.25}},
        "EcgDate": "2020-01-01",
    }
    write_record(Path("page.hea"), Record(signals, 500.0, facts))
    done = run_inside("median-beat", "page.hea", "-o", "out.hea", "--json")
    assert done.status == 0
    said = done.json
    assert said["Record"] == {key: facts[key] for key in ("SourceKind", "Status", "Quality")}  # no dates
    assert (
        said["Method"]["II"] == "median"
        and said["Method"]["V1"] == "medoid"
        and said["Method"]["V3"] == "absent"
    )
    assert any("needs a review" in warning for warning in said["Warnings"])
    assert any("V3" in warning for warning in said["Warnings"])
    beat = read_beat(Path("out.hea")).signals
    assert np.isnan(beat[8]).all() and np.isfinite(np.delete(beat, 8, axis=0)[:, 100:400]).all()


def test_another_rate_is_resampled_and_named(workspace):
    write_record(Path("r360.hea"), Record(recording(TIMES, 360.0), 360.0))
    write_record(Path("r500.hea"), Record(recording(TIMES), 500.0))
    slow, facts = make("r360.hea")
    fast, _ = make("r500.hea")
    assert facts["SourceSamplingFrequency"] == 360 and "polyphase" in facts["Resampling"]
    assert min(np.abs(np.roll(slow, k, axis=1) - fast)[:, 100:500].max() for k in (-1, 0, 1)) < 0.08


def test_high_pass_is_off_unless_asked(workspace):
    plain, facts = make(ECG)
    filtered, said = make(ECG, "--high-pass", "0.5")
    assert facts["HighPass"] is None and said["HighPass"] == 0.5
    assert np.nanmax(np.abs(plain - filtered)) > 0.001


@pytest.mark.parametrize("value", ["0", "-1", "5", "nan"])
def test_a_high_pass_that_would_eat_the_beat_is_a_usage_error(workspace, value):
    done = run_inside("median-beat", ECG, "-o", "out.hea", "--high-pass", value)
    assert done.status == 2 and "--high-pass" in done.error


@pytest.mark.parametrize(
    ("signals", "rate", "said"),
    [
        (np.full((12, 5000), 0.3), 500.0, "flat"),
        (recording([2.0], seconds=4.0), 500.0, "two"),
        (recording(TIMES, 70.0), 70.0, "70 samples a second"),
        (np.random.default_rng(0).normal(scale=0.5, size=(12, 5000)), 500.0, "no beats"),
    ],
    ids=["flat", "one beat", "70 Hz", "noise"],
)
def test_what_makes_no_beat_is_refused_with_its_reason(workspace, signals, rate, said):
    write_record(Path("bad.hea"), Record(signals, rate))
    done = refused("bad.hea")
    assert said in done.error and "bad.hea" in done.error


def with_leads(names: list[str]) -> None:
    import wfdb

    wfdb.wrsamp(
        "some", fs=500, units=["mV"] * len(names), sig_name=names, fmt=["16"] * len(names),
        p_signal=recording(TIMES)[[LEADS.index(lead) for lead in names]].T,
    )  # fmt: skip


def test_a_missing_limb_lead_is_made_and_a_missing_precordial_lead_stays_absent(workspace):
    write_record(Path("all.hea"), Record(recording(TIMES), 500.0))
    whole, _ = make("all.hea")
    with_leads([lead for lead in LEADS if lead not in ("aVL", "V3")])
    beat, said = make("some.hea")
    assert said["Record"]["Derived"] == {"aVL": "I - 1/2 II"} and said["Record"]["MissingLeads"] == ["V3"]
    assert said["Method"]["V3"] == "absent" and np.isnan(beat[8]).all()
    np.testing.assert_allclose(np.delete(beat, 8, axis=0), np.delete(whole, 8, axis=0), atol=0.02)


def test_missing_leads_that_follow_from_nothing_are_named(workspace):
    with_leads(["II", *LEADS[6:]])
    assert "lacks the leads I, III, aVR" in refused("some.hea").error
    with_leads(list(LEADS[:6]))
    assert "V1, V2" in refused("some.hea").error


@pytest.mark.parametrize("kind", ["dicom", "muse", "aecg", "philips", "edf", "table"])
def test_the_beat_is_the_same_from_every_format(workspace, kind):
    signals = recording(TIMES)[:, :4500]
    signals[:6] = standard_limb(signals)
    write_record(Path("r.hea"), Record(signals, 500.0))
    truth, _ = make("r.hea")
    Path("export").write_bytes(getattr(records_made, kind)(signals, 500.0))
    beat, said = make("export")
    assert said["Record"]["Format"] != "WFDB" and said["SourceSamplingFrequency"] == 500
    np.testing.assert_allclose(beat[:, 50:550], truth[:, 50:550], atol=0.02)


def standard_limb(signals: np.ndarray) -> np.ndarray:
    i, ii = signals[:2]
    return np.stack([i, ii, ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2])


def test_a_table_is_given_its_rate_and_unit_or_refused(workspace):
    content = records_made.table(recording(TIMES) * 1000, 500.0, names=LEADS, clock="")
    Path("bare.csv").write_bytes(content)
    assert "--unit" in refused("bare.csv", "--rate", "500").error
    assert "--rate" in refused("bare.csv", "--unit", "uV").error
    _, said = make("bare.csv", "--rate", "500", "--unit", "uV")
    assert said["SourceSamplingFrequency"] == 500 and said["Record"]["RateFrom"] == "given"
    noted = json.loads(Path("out.prov.json").read_text())
    assert noted["Parameters"]["rate"] == 500 and noted["Parameters"]["unit"] == "uV"


def test_a_rate_or_unit_that_contradicts_the_file_is_a_usage_error(workspace):
    for options in (["--rate", "250"], ["--unit", "mV"], ["--unit", "furlong"], ["--rate", "0"]):
        done = run_inside("median-beat", ECG, "-o", "out.hea", *options)
        assert done.status == 2 and options[0] in done.error


def test_no_patient_or_date_travels(workspace):
    make(ECG)
    text = Path("out.json").read_text() + Path("out.prov.json").read_text() + Path("out.hea").read_text()
    assert json.loads(Path("cohort/truth/sim-0001/ecg.json").read_text())["EcgDate"] not in text


RECORDS = ("cohort/truth/sim-0001/ecg.hea", "cohort/truth/sim-0002/ecg.hea")


def rows_of(path: str | Path) -> list[dict]:
    lines = [line.split("\t") for line in Path(path).read_text().splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def test_many_recordings_fill_a_folder_with_a_row_each(workspace):
    done = run_inside("median-beat", *RECORDS, "-o", "beats", "--high-pass", "0.5", "--json")
    assert done.status == 0, done.stderr
    rows = rows_of("beats/beats.tsv")
    # both recordings are named ecg: their folders tell them apart
    assert [row["beat"] for row in rows] == ["sim-0001-ecg.hea", "sim-0002-ecg.hea"]
    for row, record in zip(rows, RECORDS, strict=True):
        alone, facts = make(record, "--high-pass", "0.5")
        np.testing.assert_array_equal(read_beat(Path("beats") / row["beat"]).signals, alone)
        assert row["beat_status"] == facts["Status"]
        assert float(row["heart_rate"]) == pytest.approx(facts["HeartRate"], rel=1e-4)


def test_one_bad_recording_costs_its_own_row_alone(workspace):
    write_record(Path("flat.hea"), Record(np.full((12, 5000), 0.3), 500.0))
    Path("noise.hea").write_text("no header")
    done = run_inside("median-beat", RECORDS[0], "flat.hea", "noise.hea", "lost.hea", "-o", "beats")
    assert done.status == 3 and "lost.hea" in done.error and not Path("beats").exists()
    Path("list.txt").write_text("\n".join([RECORDS[0], "flat.hea", "noise.hea", "lost.hea"]))
    done = run_inside("median-beat", "--list", "list.txt", "-o", "beats")
    assert done.status == 5 and "3 of 4" in done.stderr.splitlines()[-1]
    rows = rows_of("beats/beats.tsv")
    assert [row["beat_status"] for row in rows][1:] == ["refused", "failed", "failed"]
    assert "flat" in rows[1]["beat_reason"] and rows[1]["beat"] == "n/a"
    assert {path.name for path in Path("beats").glob("*.hea")} == {"ecg.hea"}


def test_a_table_carries_its_columns_to_pair(workspace):
    Path("ecgs.tsv").write_text(
        f"participant_id\tecg_date\tfile\nsim-0001\t2001-02-03\t{RECORDS[0]}\nsim-0002\t2001-02-04\tn/a\n"
    )
    done = run_inside("median-beat", "--table", "ecgs.tsv", "--column", "file", "-o", "beats")
    assert done.status == 0, done.stderr
    rows = rows_of("beats/beats.tsv")
    assert [(row["participant_id"], row["ecg_date"]) for row in rows] == [
        ("sim-0001", "2001-02-03"),
        ("sim-0002", "2001-02-04"),
    ]
    assert (rows[1]["beat_status"], rows[1]["beat"]) == ("absent", "n/a")


def test_skip_existing_makes_only_what_is_not_there_or_has_changed(workspace):
    command = ("median-beat", *RECORDS, "-o", "beats", "--skip-existing", "--json")
    first = json.loads(run_inside(*command).stdout)
    again = json.loads(run_inside(*command).stdout)
    assert (first["Made"], again["Made"]) == (2, 0) and first["Beats"] == again["Beats"]
    assert json.loads(run_inside(*command, "--high-pass", "0.5").stdout)["Made"] == 2
    Path("beats/sim-0002-ecg.prov.json").unlink()
    assert json.loads(run_inside(*command, "--high-pass", "0.5").stdout)["Made"] == 1
    assert run_inside(*command[:-2]).status == 4


def test_skip_existing_sees_that_a_page_was_accepted_since(workspace):
    command = ("median-beat", "page.hea", "-o", "beats", "--skip-existing", "--json")
    for status, made in (("needs_review", 1), ("accepted", 1), ("accepted", 0)):
        facts = {"SourceKind": "raster", "Status": status, "Quality": {"I": {"Coverage": 1.0}}}
        write_record(Path("page.hea"), Record(recording(TIMES), 500.0, facts), force=True)
        done = json.loads(run_inside(*command).stdout)
        assert (done["Beats"][0]["beat_status"], done["Made"]) == (status, made)


def test_shards_and_processes_give_the_same_beats_as_one_run(workspace):
    assert run_inside("median-beat", *RECORDS, "-o", "whole").status == 0
    for part in ("0/2", "1/2"):
        done = run_inside("median-beat", *RECORDS, "-o", "parts", "--shard", part, "--threads", "2")
        assert done.status == 0, done.stderr
    for beat in Path("whole").glob("*.dat"):
        assert beat.read_bytes() == (Path("parts") / beat.name).read_bytes()
    rows = [rows_of(f"parts/beats_{i}-of-2.tsv") for i in (0, 1)]
    assert rows_of("whole/beats.tsv") == [*rows[0], *rows[1]]


def test_strict_refuses_what_needs_a_review(workspace):
    signals = recording(TIMES)
    signals[11, 600:] = np.nan  # one whole beat is left of V6
    write_record(Path("three.hea"), Record(signals, 500.0))
    _, facts = make("three.hea")
    assert facts["Status"] == "needs_review" and facts["Warnings"]
    (
        Path("out.hea").unlink(),
        Path("out.dat").unlink(),
        Path("out.json").unlink(),
        Path("out.prov.json").unlink(),
    )
    assert "needs a review" in refused("three.hea", "--strict").error


def test_the_beat_is_measured_and_drawn(workspace):
    _, facts = make(ECG, "--plot", "out.svg")
    at, measured = facts["Fiducials"], facts["Measurements"]
    truth = json.loads(Path("cohort/truth/sim-0001/beat.json").read_text())
    assert measured["QRSDuration"] == pytest.approx(at["QRSOffset"] - at["QRSOnset"], abs=0.11)
    assert measured["QRSDuration"] == pytest.approx(truth["QrsDuration"], abs=25)
    assert measured["Units"]["QRSDuration"] == "ms" and set(measured["Leads"]) == set(LEADS)
    assert Path("out.svg").read_bytes().startswith(b"<?xml")
    assert "out.svg" in [one["Path"] for one in json.loads(Path("out.prov.json").read_text())["Outputs"]]
    done = run_inside("median-beat", ECG, "-o", "drawn", "--plots", "png")
    assert done.status == 0 and Path("drawn/ecg.png").read_bytes().startswith(b"\x89PNG")
    assert float(rows_of("drawn/beats.tsv")[0]["qrs_duration"]) == pytest.approx(measured["QRSDuration"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((*RECORDS, "-o", "out.hea"), "one recording"),
        ((RECORDS[0], "-o", "out.hea", "--shard", "0/2"), "--shard"),
        (("--table", "t.tsv", RECORDS[0], "-o", "beats"), "--table"),
        (("-o", "beats"), "no RECORD"),
        ((RECORDS[0], "--plot", "a.svg", "-o", "beats"), "--plot"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together_are_usage_errors(workspace, options, said):
    Path("t.tsv").write_text("record\ncohort/truth/sim-0001/ecg.hea\n")
    done = run_inside("median-beat", *options)
    assert done.status == 2 and said in done.error, done.stderr
    assert not Path("beats").exists() and not list(Path().glob("out.*"))


def with_device(path: str, factor: float = 1.0) -> np.ndarray:
    """Write a DICOM recording whose median group is our own beat times a factor; return that beat."""
    signals = recording(TIMES)
    signals[:6] = standard_limb(signals)
    write_record(Path("own.hea"), Record(signals, 500.0))
    beat, _ = make("own.hea")
    Path(path).write_bytes(records_made.dicom(signals, 500.0, beat=factor * beat[:, 50:550]))
    return beat


def test_the_beat_of_the_device_is_compared_and_taken_where_it_is_preferred(workspace):
    beat = with_device("device.dcm")
    own, said = make("device.dcm")
    assert said["Source"] == "own" and min(said["DeviceBeat"]["Correlation"].values()) > 0.999
    taken, said = make("device.dcm", "--prefer", "device")
    assert "DICOM" in said["Source"] and set(said["Method"].values()) == {"device"}
    np.testing.assert_allclose(taken[:, 50:550], beat[:, 50:550], atol=0.004)
    assert np.isnan(taken[:, :50]).all() and said["Given"] == {"Prefer": "device"}
    plain, said = make(ECG, "--prefer", "device")
    assert said["Source"] == "own" and said["DeviceBeat"] is None


def test_a_device_that_disagrees_asks_for_a_review(workspace):
    with_device("device.dcm", factor=1.5)
    _, said = make("device.dcm")
    assert said["Status"] == "needs_review" and "device_amplitude" in " ".join(said["Warnings"])


def test_hum_is_flagged_with_their_numbers(workspace):
    signals = recording(TIMES)
    write_record(Path("plain.hea"), Record(signals, 500.0))
    _, plain = make("plain.hea")
    assert plain["Status"] == "accepted" and not any(one["Flagged"] for one in plain["Findings"])
    signals += 0.1 * np.sin(2 * np.pi * 50 * np.arange(signals.shape[1]) / 500)
    write_record(Path("hum.hea"), Record(signals, 500.0))
    _, said = make("hum.hea")
    assert {one["Name"] for one in said["Findings"] if one["Flagged"]} >= {"hum_50"}
    assert said["Status"] == "needs_review" and "hum_50" in " ".join(said["Warnings"])
