"""aha17 as a user meets it: right in every orientation, explicit about its anchor, refusing rather than guessing."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from tests.conftest import run_inside

SEGMENTATION = "cohort/truth/sim-0001/segmentation.nii.gz"


def label(*arguments: str | Path) -> tuple[np.ndarray, dict]:
    """Run aha17 and return its map and its sidecar."""
    done = run_inside("aha17", *arguments, "-o", "out.nii.gz", "--force")
    assert done.status == 0, done.stderr
    return np.asarray(nibabel.load("out.nii.gz").dataobj), json.loads(Path("out.json").read_text())


def without_rv(workspace: Path) -> Path:
    image = nibabel.load(SEGMENTATION)
    array = np.asarray(image.dataobj).copy()
    array[array == 5] = 0
    nibabel.save(nibabel.Nifti1Image(array, image.affine), "no-rv.nii.gz")
    return Path("no-rv.nii.gz")


@pytest.mark.parametrize("subject", ["sim-0001", "sim-0002"])
def test_the_segments_are_those_the_heart_was_drawn_with(workspace, subject):
    found, _ = label(f"cohort/truth/{subject}/segmentation.nii.gz")
    found = found.astype(int)
    truth = np.asarray(nibabel.load(f"cohort/truth/{subject}/aha17.nii.gz").dataobj).astype(int)
    both = (found > 0) & (truth > 0)
    assert (found > 0).sum() > 0.85 * (truth > 0).sum()
    assert (found == truth)[both].mean() > 0.85
    sector = np.where(found <= 12, (found - 1) % 6, found)[both & (found <= 12) & (truth <= 12)]
    truth_sector = np.where(truth <= 12, (truth - 1) % 6, truth)[both & (found <= 12) & (truth <= 12)]
    apart = np.minimum((sector - truth_sector) % 6, (truth_sector - sector) % 6)
    assert apart.max() <= 1, "a segment further away than a neighbour"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("flip", [(), (0,), (1,), (2,), (0, 2), (0, 1, 2)], ids=str)
def test_the_same_point_of_the_body_has_the_same_segment_in_every_array_order(workspace, order, flip):
    image = nibabel.load(SEGMENTATION)
    array, affine = np.asarray(image.dataobj), image.affine.copy()
    plain, _ = label(SEGMENTATION)
    for axis in flip:
        affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
        affine[:3, axis] *= -1
    turned = np.transpose(np.flip(array, flip), order)
    affine = affine[:, [*order, 3]]
    nibabel.save(nibabel.Nifti1Image(turned, affine), "turned.nii.gz")
    found, _ = label("turned.nii.gz")
    back = np.flip(np.transpose(found, np.argsort(order)), flip)
    np.testing.assert_array_equal(back, plain)


def test_scar_and_no_reflow_are_myocardium_like_any_other(workspace):
    image = nibabel.load(SEGMENTATION)
    array = np.asarray(image.dataobj).copy()
    plain, _ = label(SEGMENTATION)
    wall = np.isin(array, (2, 3, 4))
    array[wall] = np.random.default_rng(0).choice([2, 3, 4], size=int(wall.sum()))
    nibabel.save(nibabel.Nifti1Image(array, image.affine), "mixed.nii.gz")
    np.testing.assert_array_equal(label("mixed.nii.gz")[0], plain)


def test_without_rv_it_asks_instead_of_guessing(workspace):
    done = run_inside("aha17", without_rv(workspace), "-o", "out.nii.gz")
    assert done.status == 3
    assert all(anchor in done.error for anchor in ("landmarks", "angle", "image-left"))
    assert not Path("out.nii.gz").exists()


def test_image_left_is_recorded_as_assumed(workspace):
    _, facts = label(without_rv(workspace), "--anchor", "image-left")
    assert (facts["Anchor"], facts["AnchorSource"]) == ("image-left", "assumed")


def test_landmarks_of_a_reader_give_what_the_rv_gives(workspace):
    by_rv, facts = label(SEGMENTATION)
    drawn = json.loads(Path("cohort/truth/sim-0001/case.json").read_text())
    septum, base = np.array(facts["SeptumDirection"]), np.array(drawn["BaseDirection"])
    anterior = np.cross(base, septum)
    image = nibabel.load(SEGMENTATION)
    middle = image.affine @ [*np.argwhere(np.asarray(image.dataobj) == 1).mean(axis=0), 1]
    lines = ["landmark\tx\ty\tz"]
    for name, theta in (("anterior_insertion", np.pi / 6), ("inferior_insertion", 5 * np.pi / 6)):
        point = middle[:3] + 30 * (np.cos(theta) * anterior + np.sin(theta) * septum)
        lines.append(f"{name}\t" + "\t".join(f"{value:.4f}" for value in point))
    Path("points.tsv").write_text("\n".join(lines) + "\n")
    by_points, facts = label(without_rv(workspace), "--landmarks", "points.tsv")
    assert facts["AnchorSource"] == "landmarks"
    assert (by_rv == by_points)[by_rv > 0].mean() > 0.93


def test_an_angle_moves_the_sectors_by_that_angle(workspace):
    _, facts = label(SEGMENTATION)
    degrees = facts["SeptumAngle"]["Mid"]
    by_rv, _ = label(SEGMENTATION)
    by_angle, facts = label(without_rv(workspace), "--angle", str(degrees))
    assert facts["AnchorSource"] == "given angle"
    assert (by_rv == by_angle)[by_rv > 0].mean() > 0.99
    turned, _ = label(without_rv(workspace), "--angle", str(degrees + 30))
    ring = (by_rv >= 1) & (by_rv <= 12)
    assert (by_rv != turned)[ring].mean() == pytest.approx(0.5, abs=0.1)  # d degrees mislabel d/60


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--anchor", "landmarks"], "needs --landmarks"),
        (["--anchor", "angle"], "needs --angle"),
        (["--anchor", "mid-septum", "--angle", "3"], "no meaning"),
        (["--anchor", "image-left", "--landmarks", "cohort/mri.tsv"], "no meaning"),
        (["--anchor", "sideways"], "sideways"),
        (["--angle", "nan"], "--angle"),
        (["--angle", "9000"], "9000"),
        (["--rings", "none"], "none"),
    ],
)
def test_options_that_contradict_each_other_are_usage_errors(workspace, options, said):
    done = run_inside("aha17", SEGMENTATION, "-o", "out.nii.gz", *options)
    assert done.status == 2 and said in done.error
    assert not Path("out.nii.gz").exists()


def test_the_source_of_the_contours_travels_on(workspace):
    _, facts = label(SEGMENTATION, "--source", "manual")
    assert facts["SegmentationSource"] == "manual"
    assert run_inside("quantify", SEGMENTATION, "--prior", "out.nii.gz", "-o", "s.tsv").status == 0
    said = json.loads(Path("s.json").read_text())["Facts"]
    assert (said["SegmentationSource"], said["Anchor"], said["AnchorSource"]) == ("manual", "mid-septum", "rv")


def test_a_scheme_of_others_is_read_by_name(workspace):
    image = nibabel.load(SEGMENTATION)
    plain, _ = label(SEGMENTATION)
    array = np.asarray(image.dataobj)
    foreign = np.select(
        [array == 1, array == 2, array == 3, array == 4, array == 5], [500, 200, 2221, 2221, 600], 0
    ).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(foreign, image.affine), "myops.nii.gz")
    assert run_inside("aha17", "myops.nii.gz", "-o", "x.nii.gz").status == 3
    np.testing.assert_array_equal(label("myops.nii.gz", "--labels", "myops2020")[0], plain)


def test_a_single_slice_needs_its_ring(workspace):
    image = nibabel.load(SEGMENTATION)
    plain, _ = label(SEGMENTATION)
    mid = int(((plain >= 7) & (plain <= 12)).sum(axis=(0, 1)).argmax())
    order = json.loads(Path("cohort/truth/sim-0001/case.json").read_text())["SliceOrder"]
    array = np.zeros(image.shape, np.uint8)
    array[:, :, mid] = np.asarray(image.dataobj)[:, :, mid]
    nibabel.save(nibabel.Nifti1Image(array, image.affine), "one.nii.gz")
    done = run_inside("aha17", "one.nii.gz", "--long-axis", order, "-o", "x.nii.gz")
    assert done.status == 3 and "--ring" in done.error
    found, facts = label("one.nii.gz", "--long-axis", order, "--ring", "mid")
    assert facts["ImagedSegments"] == [7, 8, 9, 10, 11, 12] and facts["Rings"] == "mid only"
    assert (found == plain)[:, :, mid].mean() > 0.99


def test_borders_of_a_reader(workspace):
    _, by_distance = label(SEGMENTATION)
    edges = by_distance["RingBoundaries"]
    _, again = label(SEGMENTATION, "--borders", f"{edges[1]:.3f},{edges[2]:.3f}mm")
    assert again["Rings"] == "manual" and again["SlicesPerRing"] == by_distance["SlicesPerRing"]
    _, cut = label(SEGMENTATION, "--borders", "2,5slices")
    assert [len(cut["SlicesPerRing"][ring]) for ring in ("Basal", "Mid")] == [2, 3]
    for options in (["--borders", "2,5"], ["--rings", "manual"], ["--ring", "mid", "--rings", "count"]):
        assert run_inside("aha17", SEGMENTATION, *options, "-o", "y.nii.gz").status == 2
    assert run_inside("aha17", SEGMENTATION, "--borders", "5,900mm", "-o", "y.nii.gz").status == 3


@pytest.mark.parametrize("model", [16, 18])
def test_other_models_reach_the_table_and_the_bullseye(workspace, model):
    found, facts = label(SEGMENTATION, "--segments", str(model), "--plot", "slices.svg")
    assert facts["SegmentModel"] == model and found.max() == model and Path("slices.svg").exists()
    assert run_inside("quantify", SEGMENTATION, "--prior", "out.nii.gz", "-o", "s.tsv").status == 0
    assert Path("s.tsv").read_text().count("\nsegment\t") == model
    done = run_inside("bullseye", "s.tsv", "-o", "b.svg", "--json")
    assert done.status == 0 and len(done.json["Panels"][0]["Values"]) == model
    assert run_inside("check", "out.nii.gz").status == 0
