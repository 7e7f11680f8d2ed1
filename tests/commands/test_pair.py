"""pair as a user meets it: one reason for everything left out, nothing guessed, patients never split."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest

from scartools.files.pairs import read_pairs
from tests.conftest import Result, run_inside


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an image, a label and a beat to point at."""
    for name in ("a.nii.gz", "b.nii.gz", "c.nii.gz", "label.nii.gz", "e1.hea", "e2.hea"):
        (tmp_path / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, rows: list[dict]) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["\t".join(columns), *["\t".join(str(row.get(key, "n/a")) for key in columns) for row in rows]]
    Path(name).write_text("\n".join(lines) + "\n")


def ecg(who: str = "A", day: str = "2020-03-01", **more) -> dict:
    return {"participant_id": who, "ecg_id": f"{who}-1", "ecg_date": day, **more}


def mri(who: str = "A", day: str = "2020-03-01", **more) -> dict:
    return {"participant_id": who, "mri_date": day, "image": f"{who.lower()[-1]}.nii.gz", **more}


def pair(ecgs: list[dict], mris: list[dict], *options: str) -> Result:
    write("ecg.tsv", ecgs)
    write("mri.tsv", mris)
    return run_inside("pair", "ecg.tsv", "mri.tsv", "-o", "pairs.tsv", "--force", *options)


def rows(name: str = "pairs.tsv") -> list[dict]:
    with open(name, newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def done(*arguments) -> list[dict]:
    result = pair(*arguments)
    assert result.status == 0, result.stderr
    return rows()


def reasons() -> set[tuple[str, str, str]]:
    return {(row["kind"], row["participant_id"], row["reason"]) for row in rows("excluded.tsv")}


GOOD = ([ecg("A")], [mri("A")])

# what is added to one good pair, options, and the one row of excluded.tsv of interest
REASONS = {
    "no_ecg": ([], [mri("B")], (), ("mri", "B", "no_ecg")),
    "no_mri": ([ecg("B")], [], (), ("ecg", "B", "no_mri")),
    "too far, ECG": ([ecg("B", "2020-06-30")], [mri("B")], (), ("ecg", "B", "too_far")),
    "too far, MRI": ([ecg("B", "2020-06-30")], [mri("B")], (), ("mri", "B", "too_far")),
    "wrong_side": ([ecg("B", "2020-03-02")], [mri("B")], ("--direction", "before"), ("ecg", "B", "wrong_side")),
    "beyond the event": (
        [ecg("B", "2020-02-20")], [mri("B", event_date="2020-02-25")], (), ("mri", "B", "wrong_side"),
    ),
    "no date": ([ecg("B", "n/a")], [mri("B")], (), ("ecg", "B", "bad_date")),
    "30 February": ([ecg("B", "2020-02-30")], [mri("B")], (), ("ecg", "B", "bad_date")),
    "a word": ([ecg("B", "REMOVED")], [mri("B")], (), ("ecg", "B", "bad_date")),
    "placeholders": ([ecg("B", "1900-01-01")], [mri("B", "1900-01-01")], (), ("mri", "B", "bad_date")),
    "no id": ([ecg("n/a", ecg_id="x")], [], (), ("ecg", "n/a", "ambiguous_id")),
    "other spelling": ([ecg("00B")], [mri("B")], (), ("mri", "B", "ambiguous_id")),
    "low_quality": ([ecg("B", quality=0.2)], [mri("B")], ("--min-quality", "0.5"), ("ecg", "B", "low_quality")),
    "the row again": ([ecg("B"), ecg("B")], [mri("B")], (), ("ecg", "B", "duplicate")),
    "label not there": ([ecg("B")], [mri("B", label="gone.nii.gz")], (), ("mri", "B", "label_missing")),
    "image not there": ([ecg("B")], [mri("B", image="gone.nii.gz")], (), ("mri", "B", "unreadable")),
    "prior not there": ([ecg("B")], [mri("B", prior="gone.nii.gz")], (), ("mri", "B", "unreadable")),
    "beat not there": ([ecg("B", beat="gone.hea")], [mri("B")], (), ("ecg", "B", "unreadable")),
    "not_nearest": ([ecg("A", "2020-03-05", ecg_id="A-2")], [], (), ("ecg", "A", "not_nearest")),
}  # fmt: skip


@pytest.mark.parametrize("name", REASONS)
def test_everything_left_out_has_exactly_one_reason(name):
    ecgs, mris, options, wanted = REASONS[name]
    first_ecg = ecg("A", beat="e1.hea", quality=0.9)
    first_mri = mri("A", label="label.nii.gz")
    ecgs = [{"beat": "e2.hea", "quality": 0.9, **row} for row in ecgs]
    mris = [{"label": "label.nii.gz", **row} for row in mris]
    found = done([first_ecg, *ecgs], [first_mri, *mris], *options)
    assert "A" in {row["case_id"] for row in found}
    assert wanted in reasons()
    flow = json.loads(Path("pairs.json").read_text())["Flow"]
    left = rows("excluded.tsv")
    assert flow["ECGs"] == flow["ECGsPaired"] + sum(row["kind"] == "ecg" for row in left)
    assert flow["MRIs"] == flow["MRIsPaired"] + sum(row["kind"] == "mri" for row in left)
    assert sum(flow["ECGsExcluded"].values()) + sum(flow["MRIsExcluded"].values()) == len(left)


def test_ninety_days_pair_and_ninety_one_do_not():
    found = done(
        [ecg("A", "2020-03-31"), ecg("B", "2020-04-01")], [mri("A", "2020-01-01"), mri("B", "2020-01-01")]
    )
    assert [(row["case_id"], row["interval_days"], row["signed_days"]) for row in found] == [("A", "90", "90")]


def test_no_pair_is_an_error_and_nothing_is_written():
    result = pair([ecg("A")], [mri("B")], "--keep-unpaired")
    assert result.status == 3
    assert "no ECG goes with an MRI" in result.error and "1 no_ecg" in result.error
    assert not Path("pairs.tsv").exists() and not Path("excluded.tsv").exists()


def test_ties_are_listed():
    found = done([ecg("A", "2020-03-02", ecg_id="x"), ecg("A", "2020-02-29", ecg_id="y")], [mri("A")])
    assert (found[0]["ecg_id"], found[0]["n_candidates"]) == ("y", "2")
    ties = json.loads(Path("pairs.json").read_text())["Ties"]
    assert ties == [{"Participant": "A", "MRI": None, "Chosen": "y", "Others": ["x"], "DecidedBy": "earlier"}]


def test_leading_zeros_stay_and_are_padded_only_when_asked():
    found = done([ecg("00123")], [mri("00123", image="a.nii.gz")])
    assert found[0]["participant_id"] == "00123"
    assert pair([ecg("123")], [mri("00123", image="a.nii.gz")]).status == 3
    found = done([ecg("123")], [mri("00123", image="a.nii.gz")], "--id-width", "5")
    assert found[0]["case_id"] == "00123"
    both = [mri("123", image="a.nii.gz"), mri("00123", image="b.nii.gz")]
    result = pair([ecg("123")], both, "--id-width", "5")
    assert result.status == 3 and "two spellings" in result.error


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("03/04/2021", "ambiguous"),
        ("25/04/2021", "--date-format dmy"),
        ("20210403", "dicom"),
        ("44289", "Excel"),
        ("04-13-2021", "muse"),
    ],
)
def test_a_date_in_another_format_is_refused_with_its_line_and_without_its_digits(text, said):
    result = pair([ecg("A"), ecg("B", text)], [mri("A")])
    assert result.status == 3
    assert said in result.error and "line 3" in result.error and "ecg.tsv" in result.error
    assert text not in result.stderr


@pytest.mark.parametrize(
    ("form", "one", "other"),
    [
        ("dmy", "03/04/2021", "05/04/2021"), ("mdy", "04/03/2021", "04/05/2021"), ("dicom", "20210403", "20210405"),
        ("muse", "04-03-2021", "04-05-2021"), ("excel", "44289", "44291.5"), ("hl7", "202104032359", "20210405"),
        ("iso", "2021-04-03T23:59:00+09:00", "2021-04-05 00:01"),
    ],
)  # fmt: skip
def test_a_named_format_is_read(form, one, other):
    found = done([ecg("A", one)], [mri("A", other)], "--date-format", form)
    assert (found[0]["ecg_date"], found[0]["mri_date"]) == ("2021-04-03", "2021-04-05")
    assert (found[0]["interval_days"], found[0]["signed_days"]) == ("2", "-2")


def cohort(count: int = 20) -> tuple[list[dict], list[dict]]:
    ecgs, mris = [], []
    for at in range(count):
        who = f"p{at:02d}"
        for visit in ("v1", "v2"):
            Path(f"{who}-{visit}.nii.gz").write_bytes(b"x")
            day = f"2020-{3 if visit == 'v1' else 5:02d}-{at + 1:02d}"
            mris.append(mri(who, day, image=f"{who}-{visit}.nii.gz", mri_id=visit, site=f"s{at % 2}"))
        ecgs += [ecg(who, f"2020-03-{at + 2:02d}"), ecg(who, f"2020-05-{at + 1:02d}", ecg_id=f"{who}-2")]
    return ecgs, mris


def test_the_order_of_rows_changes_no_byte_of_the_tables():
    ecgs, mris = cohort()
    done(ecgs, mris)
    before = [Path(name).read_bytes() for name in ("pairs.tsv", "excluded.tsv", "pairs.json")]
    for seed in range(3):
        random.Random(seed).shuffle(ecgs)
        random.Random(seed).shuffle(mris)
        done(ecgs, mris)
        assert before == [Path(name).read_bytes() for name in ("pairs.tsv", "excluded.tsv", "pairs.json")]


def test_patients_stay_together_and_fractions_are_exact():
    found = done(*cohort(), "--carry", "site")
    assert len(found) == 40 and {row["site"] for row in found} == {"s0", "s1"}
    of = {}
    for row in found:
        assert of.setdefault(row["participant_id"], (row["split"], row["fold"])) == (row["split"], row["fold"])
    counts = [sum(split == name for split, _ in of.values()) for name in ("train", "validation", "test")]
    assert counts == [14, 2, 4]
    assert found[0]["case_id"] == "p00_v1"
    splits = json.loads(Path("pairs.json").read_text())["Splits"]
    assert splits["Train"] == {"Groups": 14, "Rows": 28}


def test_a_group_is_kept_together_and_a_split_that_is_given_is_kept():
    mris = [mri("A", group="g", split="test"), mri("B", group="g", split="test"), mri("C", split="train")]
    found = done([ecg("A"), ecg("B"), ecg("C")], mris)
    assert [row["split"] for row in found] == ["test", "test", "train"]
    mris[1]["split"] = "train"
    result = pair([ecg("A"), ecg("B"), ecg("C")], mris)
    assert result.status == 3 and "group 'g' is in two splits" in result.error


def test_rows_that_share_an_id_and_differ_stop_it():
    result = pair([ecg("A"), ecg("A", "2020-03-09")], [mri("A")])
    assert result.status == 3 and "lines 2 and 3" in result.error
    result = pair([ecg("A"), ecg("B")], [mri("A"), mri("B", image="a.nii.gz")])
    assert result.status == 3 and "lines 2 and 3" in result.error


def test_a_beat_of_two_patients_stops_it():
    result = pair([ecg("A", beat="e1.hea"), ecg("B", beat="e1.hea")], [mri("A"), mri("B")])
    assert result.status == 3 and "have the same beat" in result.error
    Path("same.hea").write_text("x")
    result = pair([ecg("A", ecg_id="same"), ecg("B", ecg_id="same")], [mri("A"), mri("B")], "--beats", ".")
    assert result.status == 3 and "have the same beat" in result.error


def test_several_mris_need_an_mri_id():
    result = pair([ecg("A")], [mri("A"), mri("A", "2020-03-02", image="b.nii.gz")])
    assert result.status == 3 and "mri_id" in result.error


def test_unpaired_mris_stay_with_na_when_asked():
    found = done([ecg("A")], [mri("A"), mri("B")], "--keep-unpaired")
    assert [(row["case_id"], row["ecg_id"], row["interval_days"]) for row in found] == [
        ("A", "A-1", "0"),
        ("B", "n/a", "n/a"),
    ]
    flow = json.loads(Path("pairs.json").read_text())["Flow"]
    assert (flow["MRIsKeptUnpaired"], flow["Pairs"]) == (1, 1)
    assert rows("excluded.tsv")[0]["kept"] == "yes"


def test_all_makes_a_row_of_each_ecg_with_its_id_in_the_case():
    found = done([ecg("A"), ecg("A", "2020-03-09", ecg_id="A-2")], [mri("A")], "--policy", "all")
    assert [row["case_id"] for row in found] == ["A_A-1", "A_A-2"]


def test_beats_come_from_a_folder_and_paths_follow_the_table():
    Path("beats").mkdir()
    Path("beats/A-1.hea").write_text("x")
    Path("out").mkdir()
    write("ecg.tsv", [ecg("A"), ecg("B")])
    write("mri.tsv", [mri("A", label="label.nii.gz"), mri("B", label="label.nii.gz")])
    result = run_inside("pair", "ecg.tsv", "mri.tsv", "--beats", "beats", "-o", "out/first.tsv")
    assert result.status == 0, result.stderr
    assert ("ecg", "B", "unreadable") in {
        (row["kind"], row["participant_id"], row["reason"]) for row in rows("out/first-excluded.tsv")
    }
    (row,) = read_pairs(Path("out/first.tsv"))
    assert row.beat is not None and row.beat.samefile("beats/A-1.hea")
    assert row.image.samefile("a.nii.gz") and row.label is not None and row.label.samefile("label.nii.gz")
    assert (row.interval_days, row.split, row.fold, row.prior) == (0, "train", 0, None)


def test_warnings_tell_what_is_lost_and_no_date_is_told():
    ecgs = [ecg("A", "1985-01-01"), ecg("B", "1985-02-01")]
    mris = [mri(who, "1985-01-01") for who in "ABC"]
    ecgs += [ecg(f"x{at}", "1985-01-01") for at in range(5)]
    mris += [mri(f"y{at}", "1985-01-01", image=f"y{at}.nii.gz") for at in range(5)]
    result = pair(ecgs, mris, "--verbose")
    assert result.status == 0
    assert "75 % of the MRIs" in result.stderr
    assert "before 1990" in result.stderr and "first of a month" in result.stderr
    assert "every beat is n/a" in result.stderr
    assert "1985" not in result.stderr


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--split", "0.5/0.5/0.5"], 2, "sum is 1"),
        (["--split", "half"], 2, "--split"),
        (["--carry", "image"], 2, "--carry image"),
        (["--carry", "site"], 3, "site"),
        (["--stratify", "site"], 3, "site"),
        (["--min-quality", "0.5"], 3, "quality"),
        (["--beats", "nowhere"], 3, "nowhere"),
        (["--max-days", "-1"], 2, "--max-days"),
    ],
)
def test_options_that_cannot_be_followed_are_refused(options, status, said):
    result = pair(*GOOD, *options)
    assert result.status == status and said in result.error


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image": None}, "no column image"),
        ({"split": "training"}, "unknown split 'training'"),
        ({"interval_days": "soon"}, "'soon' is not a number"),
        ({"fold": "0.5"}, "not a whole number"),
        ({"interval_days": "-3"}, "negative"),
        ({"case_id": "../x"}, "case_id"),
        ({"case_id": "n/a"}, "no case_id"),
        ({"twice": "yes"}, "same case_id"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_with_its_line(change, said):
    from scartools.errors import InputError

    row = {
        "case_id": "A",
        "participant_id": "A",
        "image": "a.nii.gz",
        "interval_days": "3",
        "fold": "0",
        **change,
    }
    twice = row.pop("twice", None)
    write("hand.tsv", [{key: value for key, value in row.items() if value is not None}] * (2 if twice else 1))
    with pytest.raises(InputError, match=said):
        read_pairs(Path("hand.tsv"))
