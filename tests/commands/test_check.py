"""check as a user meets it: the exit status is the answer."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from scartools.files import record
from tests.conftest import run_inside, run_process
from tests.unit.files import records_made

SEGMENTATION = "cohort/truth/sim-0001/segmentation.nii.gz"


@pytest.fixture
def prior(workspace) -> Path:
    assert run_inside("aha17", SEGMENTATION, "-o", "prior.nii.gz").status == 0
    return Path("prior.nii.gz")


def test_what_the_toolkit_made_is_good(prior):
    assert run_inside("quantify", SEGMENTATION, "--prior", prior, "-o", "segments.tsv").status == 0
    record.write_record(Path("ecg.hea"), record.Record(np.zeros((12, 5000)), 500.0))
    done = run_inside(
        "check", "cohort", prior, "segments.tsv", "ecg.hea", "ecg.json", "cohort/lge/sim-0001.nii.gz", "--json"
    )
    assert done.status == 0, done.stderr
    kinds = [item["Kind"] for item in done.json["Files"]]
    assert [kind.split(",")[0] for kind in kinds] == [
        "folder",
        "volume",
        "table",
        "record",
        "sidecar",
        "volume",
    ]
    assert "12 leads x 5000 samples at 500 Hz" in kinds[3]


def test_a_folder_of_beats_is_good_while_every_beat_of_its_table_is(workspace):
    records = [f"cohort/truth/sim-000{number}/ecg.hea" for number in (1, 2)]
    assert run_inside("median-beat", *records, "-o", "beats").status == 0
    done = run_inside("check", "beats", "--json")
    assert done.status == 0 and done.json["Files"][0]["Kind"] == "folder of a batch, 2 records"
    Path("beats/sim-0002-ecg.dat").write_bytes(bytes(600 * 12 * 2))
    changed = run_inside("check", "beats")
    assert changed.status == 3 and "sim-0002-ecg" in changed.error and "SHA-256" in changed.error
    for file in Path("beats").glob("sim-0002-ecg*"):
        file.unlink()
    missing = run_inside("check", "beats")
    assert missing.status == 3 and "sim-0002-ecg.hea: is named in the table" in missing.error


def test_a_changed_file_is_noticed(prior):
    data = bytearray(prior.read_bytes())
    data[4] = 1  # the time stamp of the gzip header: the volume itself is as readable as before
    prior.write_bytes(bytes(data))
    done = run_inside("check", prior)
    assert done.status == 3 and "SHA-256 differs" in done.error


def test_a_file_without_provenance_is_not_complete_unless_foreign(prior):
    Path("prior.prov.json").unlink()
    done = run_inside("check", prior)
    assert done.status == 3 and "not complete" in done.error and "--foreign" in done.error
    assert run_inside("check", prior, "--foreign").status == 0


def test_columns_against_their_description(workspace):
    Path("a.tsv").write_text("id\tb\n1\t2\n")
    Path("a.json").write_text(json.dumps({"Columns": {"id": {}, "c": {}}}))
    done = run_inside("check", "a.tsv", "--foreign")
    assert done.status == 3 and "describes differently" in done.error


def test_several_files_some_bad_is_5_and_all_bad_is_3(prior):
    Path("bad.nii.gz").write_bytes(b"no")
    done = run_inside("check", prior, "bad.nii.gz")
    assert done.status == 5
    assert "bad.nii.gz: " in done.stderr and "1 of 2" in done.stderr
    assert run_inside("check", "bad.nii.gz", "worse.nii.gz").status == 3


def test_a_list_comes_from_a_file_or_a_pipe(prior, monkeypatch):
    Path("list.txt").write_text(f"{prior}\n\n{prior}\n")
    assert run_inside("check", "--list", "list.txt").status == 0
    stdin = io.TextIOWrapper(io.BytesIO(f"{prior}\n".encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    assert run_inside("check", "--list", "-").status == 0


def test_a_folder_with_a_missing_file_is_not_complete(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_inside("simulate", "cohort", "-n", "1", "-o", "c").status == 0
    assert run_inside("check", "c").status == 0
    Path("c/lge/sim-0001.nii.gz").unlink()
    done = run_inside("check", "c")
    assert done.status == 3 and "listed in the provenance and missing" in done.error


def test_a_provenance_that_points_elsewhere_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("c").mkdir()
    maker = {"Name": "scartools"}
    Path("c/prov.json").write_text(
        json.dumps({"GeneratedBy": maker, "Outputs": [{"Path": "../../etc/passwd", "SHA256": "0"}]})
    )
    done = run_inside("check", "c")
    assert done.status == 3 and "outside its folder" in done.error


def test_no_file_is_a_usage_error():
    assert run_inside("check").status == 2


def test_json_lists_every_file_when_some_are_bad(prior):
    Path("bad.nii.gz").write_bytes(b"no")
    done = run_inside("check", prior, "bad.nii.gz", "--json")
    assert done.status == 5 and done.json["Command"] == "check" and done.json["Good"] == 1
    assert [item["Problem"] is None for item in done.json["Files"]] == [True, False]


def test_a_damaged_picture_is_one_line(workspace):
    assert run_inside("bullseye", table_of_segments(), "-o", "b.png").status == 0
    Path("b.png").write_bytes(Path("b.png").read_bytes()[:5000])
    done = run_process("check", "b.png", "--foreign")
    assert done.status == 3 and len(done.stderr.splitlines()) == 1


def table_of_segments() -> Path:
    Path("t.tsv").write_text(
        "level\tregion\tscar_percent\n" + "".join(f"segment\t{k}\t{k}\n" for k in range(1, 18))
    )
    return Path("t.tsv")


@pytest.mark.parametrize("content", [b"<svg", b"<svg></svg>", b"<svg>\x00</svg>", b"<html><p/></html>"])
def test_an_svg_that_is_no_drawing_is_bad(workspace, content):
    Path("a.svg").write_bytes(content)
    assert run_inside("check", "a.svg", "--foreign").status == 3


def test_a_name_too_long_is_one_bad_file(prior):
    done = run_inside("check", prior, "x" * 300 + ".nii.gz")
    assert done.status == 5


def test_a_list_may_begin_with_a_byte_order_mark(prior):
    Path("list.txt").write_text(f"{prior}\n", encoding="utf-8-sig")
    assert run_inside("check", "--list", "list.txt").status == 0


def test_a_recording_from_elsewhere_is_told_by_its_content(workspace):
    signals = records_made.ecg()
    Path("export").write_bytes(records_made.dicom(signals, 500.0, beat=signals[:, :600]))
    Path("export.csv").write_bytes(records_made.table(signals, 500.0))
    done = run_inside("check", "export", "export.csv", "--foreign", "--json")
    assert done.status == 0, done.stderr
    kinds = [item["Kind"] for item in done.json["Files"]]
    assert kinds == [
        "record, 12 leads x 2000 samples at 500 Hz, and the median beat of the device",
        "record, 12 leads x 2000 samples at 500 Hz",
    ]


def test_a_recording_that_lacks_leads_says_which(workspace):
    names = [f"{lead} [mV]" for lead in record.LEADS if lead not in ("aVF", "V2")]
    rows = [
        row for lead, row in zip(record.LEADS, records_made.ecg(), strict=True) if lead not in ("aVF", "V2")
    ]
    Path("a.csv").write_bytes(records_made.table(np.stack(rows), 500.0, names=names))
    done = run_inside("check", "a.csv", "--foreign", "--json")
    assert done.json["Files"][0]["Kind"].startswith("record, 11 leads (without V2)")
