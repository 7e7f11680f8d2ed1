"""simulate as a user meets it: the files of a cohort, its truth, and a subject that depends on nothing but its number."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pytest

from scartools.files import page, record, table
from tests.conftest import run_inside


def test_a_cohort_has_images_truth_dates_and_descriptions(workspace):
    scans = table.read(Path("cohort/mri.tsv"), required=["participant_id", "image", "mri_date", "label"])
    people = table.read(Path("cohort/participants.tsv"))
    assert [row["participant_id"] for row in scans.rows] == ["sim-0001", "sim-0002"]
    for row in scans.rows:
        image = nibabel.load(Path("cohort") / row["image"])
        truth = Path("cohort/truth") / row["participant_id"]
        assert Path("cohort") / row["label"] == truth / "segmentation.nii.gz"
        labels = nibabel.load(truth / "segmentation.nii.gz")
        np.testing.assert_array_equal(image.affine, labels.affine)
        assert image.get_data_dtype() == np.float32 and labels.get_data_dtype() == np.uint8
        assert set(np.unique(labels.dataobj)) <= {0, 1, 2, 3, 4, 5}
    described = json.loads(Path("cohort/participants.json").read_text())["Columns"]
    assert tuple(described) == people.columns


def test_the_affines_are_oblique_and_true(workspace):
    for subject in ("sim-0001", "sim-0002"):
        affine = nibabel.load(f"cohort/lge/{subject}.nii.gz").affine
        axes = np.abs(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
        assert axes.max(axis=0).min() < 0.999


def test_the_truth_table_is_what_the_voxels_say(workspace):
    found = table.read(Path("cohort/truth/scars.tsv"))
    for subject in ("sim-0001", "sim-0002"):
        folder = Path("cohort/truth") / subject
        image = nibabel.load(folder / "segmentation.nii.gz")
        labels, segments = np.asarray(image.dataobj), np.asarray(nibabel.load(folder / "aha17.nii.gz").dataobj)
        ml = abs(np.linalg.det(image.affine[:3, :3])) / 1000
        for i, row in enumerate(found.rows):
            if row["participant_id"] != subject:
                continue
            inside = (
                segments == int(row["segment"]) if row["level"] == "segment" else np.ones_like(segments, bool)
            )
            if not np.isin(labels[inside], (2, 3, 4)).any():
                assert row["scar_ml"] is None
                continue
            expected = np.isin(labels[inside], (3, 4)).sum() * ml
            assert table.number(found, i, "scar_ml") == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_each_ecg_is_a_page_a_picture_and_the_record_behind_them(workspace):
    ecgs = table.read(
        Path("cohort/ecg.tsv"), required=["participant_id", "ecg_id", "ecg_date", "page", "picture"]
    )
    assert {row["participant_id"] for row in ecgs.rows} == {"sim-0001", "sim-0002"}
    for row in ecgs.rows:
        assert page.inspect(Path("cohort") / row["page"]).kind == "pdf"
        assert page.inspect(Path("cohort") / row["picture"]).pixels == (1700, 2200)
        truth = Path("cohort/truth") / row["participant_id"]
        printed, beat = record.read_record(truth / "ecg.hea"), record.read_beat(truth / "beat.hea")
        assert printed.signals.shape == (12, 5000) and printed.rate == 500
        limb = printed.signals[:3]
        assert np.abs(limb[1] - limb[0] - limb[2]).max() < 0.002  # three roundings to 1 uV
        assert printed.facts["EcgId"] == row["ecg_id"] and printed.facts["EcgDate"] == row["ecg_date"]
        assert len(printed.facts["Page"]["Traces"]) == 13
        # each beat of the recording is the truth's beat, give or take the noise
        lead = int(np.ptp(beat.signals, axis=1).argmax())
        for peak in (r for r in printed.facts["RSamples"] if 200 < r < 4700):
            around = printed.signals[lead, peak - 60 : peak + 60]
            assert np.corrcoef(around, beat.signals[lead, 140:260])[0, 1] > 0.95


def test_most_ecgs_of_the_examples_are_within_90_days(workspace):
    scans = table.read(Path("cohort/mri.tsv"))
    ecgs = table.read(Path("cohort/ecg.tsv"))
    days = {row["participant_id"]: date.fromisoformat(row["mri_date"]) for row in scans.rows}
    for row in ecgs.rows:
        assert abs((date.fromisoformat(row["ecg_date"]) - days[row["participant_id"]]).days) <= 90


def test_no_ecg_leaves_everything_else_as_it_is(workspace):
    done = run_inside("simulate", "cohort", "-n", "1", "--seed", "1", "--no-ecg", "-o", "plain", "--json")
    assert done.status == 0 and done.json["WithEcg"] == 0 and done.json["ECG"] == "none"
    assert not Path("plain/ecg.tsv").exists() and not Path("plain/ecg").exists()
    made = {path.relative_to("plain") for path in Path("plain").rglob("*.nii.gz")}
    assert len(made) == 4
    for name in made:
        assert (Path("plain") / name).read_bytes() == (Path("cohort") / name).read_bytes()


def test_threads_and_four_shards_change_no_byte(workspace):
    words = ["simulate", "cohort", "-n", "4", "-q"]
    for threads in ("1", "2"):
        assert run_inside(*words, "--threads", threads, "-o", threads).status == 0
    files = {path.relative_to("1") for path in Path("1").rglob("*") if path.is_file()} - {Path("prov.json")}
    assert len(files) > 30 and Path("ecg.tsv") in files
    assert all((Path("1") / name).read_bytes() == (Path("2") / name).read_bytes() for name in files)
    parts = [f"part-{k}" for k in range(4)]
    for k, part in enumerate(parts):
        assert run_inside(*words, "--shard", f"{k}/4", "-o", part).status == 0
    seen = set()
    for part in parts:
        own = {path.relative_to(part) for path in Path(part).rglob("sim-*") if path.is_file()}
        own |= {path.relative_to(part) for path in Path(part).glob("truth/sim-*/*")}
        assert own and not own & seen
        assert all((Path(part) / name).read_bytes() == (Path("1") / name).read_bytes() for name in own)
        seen |= own
    tables = [name for name in files - seen if name.suffix == ".tsv"]
    assert len(tables) == 6 and all(name.suffix == ".json" for name in files - seen - set(tables))
    for name in tables:
        header, *lines = (Path("1") / name).read_text().splitlines()
        found = [(Path(part) / name).read_text().splitlines() for part in parts]
        assert all(rows[0] == header for rows in found)
        assert sorted(line for rows in found for line in rows[1:]) == sorted(lines)


def test_a_subject_does_not_depend_on_the_size_of_the_cohort(workspace):
    assert run_inside("simulate", "cohort", "-n", "1", "--seed", "1", "-o", "small").status == 0
    for name in (
        "lge/sim-0001.nii.gz",
        "truth/sim-0001/segmentation.nii.gz",
        "truth/sim-0001/case.json",
        "truth/sim-0001/beat.dat",
        "truth/sim-0001/ecg.dat",
        "ecg/sim-0001-ecg1.pdf",
        "ecg/sim-0001-ecg1.png",
    ):
        assert (Path("small") / name).read_bytes() == (Path("cohort") / name).read_bytes()


def test_another_seed_is_another_patient(workspace):
    assert run_inside("simulate", "cohort", "-n", "1", "--seed", "2", "-o", "other").status == 0
    assert Path("other/lge/sim-0001.nii.gz").read_bytes() != Path("cohort/lge/sim-0001.nii.gz").read_bytes()


@pytest.mark.parametrize(
    "options", [["-n", "0"], ["-n", "-3"], ["-n", "many"], ["--seed", "-1"], ["--threads", "0"]]
)
def test_senseless_numbers_are_usage_errors(workspace, options):
    done = run_inside("simulate", "cohort", "-o", "c", *options)
    assert done.status == 2 and options[0] in done.error
    assert not Path("c").exists()


def test_shards_together_are_the_whole(workspace):
    assert run_inside("simulate", "cohort", "-n", "3", "--no-ecg", "-o", "whole").status == 0
    rows = {}
    for part in ("0/2", "1/2"):
        name = f"part-{part[0]}"
        assert run_inside("simulate", "cohort", "-n", "3", "--no-ecg", "--shard", part, "-o", name).status == 0
        for table_name in ("participants.tsv", "mri.tsv", "truth/scars.tsv"):
            header, *lines = (Path(name) / table_name).read_text().splitlines()
            rows.setdefault((table_name, header), []).extend(lines)
        for volume in Path(name).rglob("*.nii.gz"):
            assert volume.read_bytes() == (Path("whole") / volume.relative_to(name)).read_bytes()
    for (table_name, header), lines in rows.items():
        assert [header, *sorted(lines)] == [
            header, *sorted((Path("whole") / table_name).read_text().splitlines()[1:])
        ]  # fmt: skip
    assert len(list(Path("whole/lge").iterdir())) == 3


@pytest.mark.parametrize("shard", ["2/2", "x", "3/9"])
def test_an_impossible_shard_is_a_usage_error(workspace, shard):
    done = run_inside("simulate", "cohort", "-n", "2", "--shard", shard, "-o", "c")
    assert done.status == 2 and shard in done.error
    assert not Path("c").exists()


def test_an_ecg_before_the_infarct_has_no_scar_in_its_truth(workspace):
    found = table.read(Path("cohort/truth/ecg_scars.tsv"))
    people = {row["participant_id"]: row for row in table.read(Path("cohort/participants.tsv")).rows}
    scars = table.read(Path("cohort/truth/scars.tsv"))
    assert len(found.rows) == 18 * len(table.read(Path("cohort/ecg.tsv")).rows)
    ventricles = [i for i, row in enumerate(found.rows) if row["level"] == "ventricle"]
    for i in ventricles:
        row = found.rows[i]
        person = people[row["participant_id"]]
        days = (date.fromisoformat(row["ecg_date"]) - date.fromisoformat(person["mri_date"])).days
        assert days == table.number(found, i, "signed_days")
        own = [k for k, other in enumerate(scars.rows) if other["participant_id"] == row["participant_id"]]
        assert table.number(found, i, "mri_scar_ml") == table.number(scars, own[-1], "fine_scar_ml")
        events = [day for day in (person["event_date"] or "").split(";") if day not in ("", "n/a")]
        if events and all(row["ecg_date"] < day for day in events):
            assert table.number(found, i, "ecg_scar_ml") == 0


def test_phase_sensitive_cohorts_are_signed_and_say_so(workspace):
    assert (
        run_inside("simulate", "cohort", "-n", "1", "--no-ecg", "--sequence", "psir", "-o", "signed").status
        == 0
    )
    image = np.asarray(nibabel.load("signed/lge/sim-0001.nii.gz").dataobj)
    assert image.min() < 0
    assert table.read(Path("signed/participants.tsv")).rows[0]["sequence"] == "psir"
    assert table.read(Path("cohort/participants.tsv")).rows[0]["sequence"] == "magnitude"
    labels = "truth/sim-0001/segmentation.nii.gz"
    assert (Path("signed") / labels).read_bytes() == (Path("cohort") / labels).read_bytes()


def test_an_lge_image_for_a_segmentation_lies_on_its_grid_and_says_it_is_simulated(workspace):
    labels = "cohort/truth/sim-0001/segmentation.nii.gz"
    done = run_inside("simulate", "lge", labels, "-o", "made.nii.gz", "--seed", "5", "--json")
    assert done.status == 0 and done.json["Sequence"] == "magnitude", done.stderr
    made, mask = nibabel.load("made.nii.gz"), nibabel.load(labels)
    np.testing.assert_array_equal(made.affine, mask.affine)
    values, mask = np.asarray(made.dataobj), np.asarray(mask.dataobj)
    assert values.dtype == np.float32 and values[mask == 1].mean() > 2 * values[mask == 2].mean()
    assert json.loads(Path("made.json").read_text())["Simulated"] is True
    again = run_inside("simulate", "lge", labels, "-o", "again.nii.gz", "--seed", "5")
    assert again.status == 0 and Path("again.nii.gz").read_bytes() == Path("made.nii.gz").read_bytes()


def test_the_family_lists_its_members():
    done = run_inside("simulate", "--help")
    assert done.status == 0 and "cohort" in done.stdout


def test_a_page_says_what_each_pixel_is(workspace):
    hea = "cohort/truth/sim-0001/ecg.hea"
    options = ["--layout", "6x2", "--dpi", "100", "--damage", "photo", "--json"]
    done = run_inside("simulate", "page", hea, "-o", "p.png", *options)
    assert done.status == 0, done.stderr
    picture, labels = page.read_picture(Path("p.png")), cv2.imread("p.labels.png", cv2.IMREAD_UNCHANGED)
    assert labels.shape == picture.shape[:2] and set(np.unique(labels)) >= {0, 1, 2, 3, 4}
    rows = [line.split("\t") for line in Path("p.samples.tsv").read_text().splitlines()]
    assert (
        rows[0] == ["lead", "rhythm", "sample", "x", "y"] and len(rows) - 1 == done.json["SamplesSeen"] > 20000
    )
    height, width = labels.shape
    hits = 0
    for row in rows[1::50]:
        x, y = (
            int(np.clip(round(float(v)), 1, size - 2)) for v, size in zip(row[3:], (width, height), strict=True)
        )
        hits += bool((labels[y - 1 : y + 2, x - 1 : x + 2] == 2).any())
    assert hits > 0.98 * len(rows[1::50])
    assert len(json.loads(Path("p.json").read_text())["Traces"]) == 12
    again = run_inside("simulate", "page", hea, "-o", "q.png", *options)
    assert again.status == 0 and Path("p.png").read_bytes() == Path("q.png").read_bytes()


def test_a_page_as_pdf_is_read_back_to_the_record(workspace):
    hea = "cohort/truth/sim-0001/ecg.hea"
    assert run_inside("simulate", "page", hea, "--layout", "6x2", "-o", "p.pdf", "-q").status == 0
    assert run_inside("digitize-ecg", "p.pdf", "-o", "r.hea", "-q").status == 0
    printed, back = record.read_record(Path(hea)).signals, record.read_record(Path("r.hea")).signals
    for lead in range(12):
        seen = np.isfinite(back[lead])
        assert seen.sum() > 2400
        assert np.corrcoef(printed[lead, seen], back[lead, seen])[0, 1] > 0.999


@pytest.mark.parametrize(
    "options",
    [["--damage", "fire"], ["--layout", "5x5"], ["--style", "nobody"], ["--grid", "violet"], ["--grade", "6"]],
)
def test_a_page_that_does_not_exist_is_a_usage_error(workspace, options):
    done = run_inside("simulate", "page", "cohort/truth/sim-0001/ecg.hea", "-o", "p.png", *options)
    assert done.status == 2 and not Path("p.png").exists()
    done = run_inside("simulate", "page", "cohort/truth/sim-0001/ecg.hea", "-o", "p.pdf", "--damage", "scan")
    assert done.status == 2 and not Path("p.pdf").exists()


def test_validation_sets_each_number_beside_its_range_and_counts_what_is_outside(workspace):
    done = run_inside("simulate", "validate", "-n", "16", "--seed", "3", "-o", "report.tsv", "--json")
    assert done.status == 0 and "normal_overlap is not measured" in done.stderr
    found = table.read(
        Path("report.tsv"), required=["name", "low", "high", "value", "lower", "upper", "n", "within"]
    )
    outside, unmeasured = [], []
    for number, row in enumerate(found.rows):
        value, low, high = (table.number(found, number, name) for name in ("value", "low", "high"))
        assert (row["value"] is None) == (row["within"] is None)
        if row["within"] is None:
            unmeasured.append(row["name"])
        else:
            assert row["within"] == ("true" if low <= value <= high else "false")
            outside += [row["name"]] if row["within"] == "false" else []
    described = json.loads(Path("report.json").read_text())
    assert described["Outside"] == outside == done.json["Outside"]
    assert described["NotMeasured"] == unmeasured and "normal_overlap" in unmeasured
    assert described["Overlaps"] == {}
    assert f"{len(outside)} outside" in done.stderr


def test_validation_takes_normals_as_beats_or_as_features(workspace):
    from scartools.simulation.beat_features import COMPARED

    names = [f"cohort/truth/sim-{k:04d}/beat.hea" for k in (1, 2)]
    Path("beats.tsv").write_text("beat\n" + "\n".join([*names, "n/a"] * 8) + "\n")
    rng = np.random.default_rng(0)
    lines = ["\t".join(f"{value:.4f}" for value in row) for row in rng.normal(0, 0.3, (30, len(COMPARED)))]
    Path("features.tsv").write_text("\t".join(COMPARED) + "\n" + "\n".join(lines) + "\n")
    for given in ("beats", "features"):
        words = [
            "simulate",
            "validate",
            "-n",
            "3",
            "--seed",
            "2",
            "--normals",
            f"{given}.tsv",
            "-o",
            f"of-{given}.tsv",
        ]
        done = run_inside(*words)
        assert done.status == 0 and "no --normals" not in done.stderr
        overlaps = json.loads(Path(f"of-{given}.json").read_text())["Overlaps"]
        assert set(overlaps) == set(COMPARED)


SEGMENTATION = "cohort/truth/sim-0001/segmentation.nii.gz"


def without_rv() -> Path:
    volume = nibabel.load(SEGMENTATION)
    array = np.asarray(volume.dataobj).copy()
    array[array == 5] = 0
    nibabel.save(nibabel.Nifti1Image(array, volume.affine), "no-rv.nii.gz")
    return Path("no-rv.nii.gz")


def ecg_of(*arguments: str | Path) -> dict:
    """Run simulate ecg and return the sidecar of its record."""
    done = run_inside("simulate", "ecg", *arguments, "-o", "out.hea", "--force")
    assert done.status == 0, done.stderr
    return json.loads(Path("out.json").read_text())


def test_a_segmentation_becomes_a_record_that_says_what_it_is(workspace):
    said = ecg_of(SEGMENTATION, "--beat", "beat.hea")
    made, beat = record.read_record(Path("out.hea")), record.read_beat(Path("beat.hea"))
    assert made.signals.shape == (12, 5000) and made.rate == 500
    assert np.abs(made.signals[1] - made.signals[0] - made.signals[2]).max() < 0.002
    assert said["Simulated"] and said["Anatomy"] == "fitted" and said["PoseFrom"] == "segmentation"
    assert said["Seed"] == 1 and set(said["Electrodes"]) >= {"RA", "LA", "LL", "V1", "V6"}
    assert [row["Segment"] for row in said["Segments"]] == list(range(1, 18))
    assert json.loads(Path("beat.json").read_text())["RSample"] == 200
    lead = int(np.ptp(beat.signals, axis=1).argmax())
    for peak in (r for r in said["RSamples"] if 200 < r < 4700):
        around = made.signals[lead, peak - 60 : peak + 60]
        assert np.corrcoef(around, beat.signals[lead, 140:260])[0, 1] > 0.95
    note = json.loads(Path("out.prov.json").read_text())
    assert [Path(source["Path"]).name for source in note["Sources"]] == ["segmentation.nii.gz"]
    read = run_inside("median-beat", "out.hea", "-o", "read.hea", "-q")
    assert read.status == 0 and json.loads(Path("read.json").read_text())["Record"]["Simulated"]


def test_without_an_rv_it_refuses_until_it_is_told_and_then_paints_a_template(workspace):
    mask = without_rv()
    done = run_inside("simulate", "ecg", mask, "-o", "fresh.hea")
    assert done.status == 3 and "no-rv.nii.gz" in done.error and "image-left" in done.error
    assert not Path("fresh.hea").exists()
    assert ecg_of(mask, "--anchor", "image-left")["Anatomy"] == "template"
    assert ecg_of(mask, "--anchor", "image-left", "--anatomy", "fitted")["RightVentricle"] == "typical"


def test_a_prior_gives_its_septum_and_its_anchor(workspace):
    assert run_inside("aha17", SEGMENTATION, "-o", "prior.nii.gz", "-q").status == 0
    assert run_inside("aha17", without_rv(), "--anchor", "image-left", "-o", "guess.nii.gz", "-q").status == 0
    said = ecg_of("no-rv.nii.gz", "--prior", "prior.nii.gz")
    assert (said["Anatomy"], said["Anchor"], said["AnchorSource"]) == ("fitted", "mid-septum", "rv")
    said = ecg_of("no-rv.nii.gz", "--prior", "guess.nii.gz")
    assert (said["Anatomy"], said["AnchorSource"]) == ("template", "assumed")
    Path("prior.json").unlink()  # another program's prior states no septum
    assert ecg_of("no-rv.nii.gz", "--prior", "prior.nii.gz")["Anatomy"] == "template"


def test_many_segmentations_fill_a_folder_and_each_can_be_made_again_alone(workspace):
    masks = [f"cohort/truth/{subject}/segmentation.nii.gz" for subject in ("sim-0001", "sim-0002")]
    assert run_inside("simulate", "ecg", *masks, "--clean", "-o", "ecgs").status == 0
    rows = table.read(Path("ecgs/ecg.tsv")).rows
    assert [row["record"] for row in rows] == ["sim-0001-segmentation.hea", "sim-0002-segmentation.hea"]
    assert len({row["seed"] for row in rows}) == 2
    alone = run_inside("simulate", "ecg", masks[1], "--clean", "--seed", rows[1]["seed"], "-o", "alone.hea")
    assert alone.status == 0
    assert Path("alone.dat").read_bytes() == Path("ecgs/sim-0002-segmentation.dat").read_bytes()
    half = run_inside("simulate", "ecg", *masks, "--clean", "--shard", "1/2", "-o", "half")
    assert half.status == 0 and table.read(Path("half/ecg_1-of-2.tsv")).rows[0]["seed"] == rows[1]["seed"]
    read = run_inside("median-beat", "--table", "ecgs/ecg.tsv", "-o", "beats", "-q")
    assert read.status == 0, read.stderr
    assert table.read(Path("beats/beats.tsv")).rows[0]["anatomy"] == "fitted"


def test_a_segmentation_that_gives_no_ecg_costs_only_its_own_row(workspace):
    words = ["simulate", "ecg", SEGMENTATION, without_rv(), "-o", "ecgs"]
    done = run_inside(*words)
    assert done.status == 5
    made, failed = table.read(Path("ecgs/ecg.tsv")).rows
    assert made["ecg_status"] == "made" and made["record"] == "segmentation.hea"
    assert failed["ecg_status"] == "failed" and failed["record"] is None and "septum" in failed["ecg_reason"]
    assert run_inside(*words).status == 4
    before = Path("ecgs/segmentation.hea").stat().st_mtime_ns
    assert run_inside(*words, "--skip-existing").status == 5
    assert Path("ecgs/segmentation.hea").stat().st_mtime_ns == before
    assert run_inside(*words, "--skip-existing", "--anchor", "image-left").status == 0
    assert Path("ecgs/segmentation.hea").stat().st_mtime_ns != before


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--anchor", "landmarks"], "--prior"),
        (["--anchor", "angle"], "--angle"),
        (["--angle", "180", "--anchor", "image-left"], "--angle"),
        (["--shard", "0/2"], "--shard"),
        (["--beat", "out.hea"], "--beat"),
        ([SEGMENTATION, "cohort/truth/sim-0002/segmentation.nii.gz"], "folder"),
    ],
)
def test_options_of_an_ecg_that_do_not_go_together_are_refused(workspace, options, named):
    done = run_inside("simulate", "ecg", SEGMENTATION, *options, "-o", "out.hea")
    assert done.status == 2 and named in done.error
    assert not Path("out.hea").exists()
