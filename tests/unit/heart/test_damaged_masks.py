"""Masks damaged in every way that is known of: an exact answer or a refusal in one line, never anything between."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from scartools.errors import ScartoolsError
from scartools.heart.chords import centreline_chords
from scartools.heart.quantities import quantify
from scartools.heart.scar_from_image import ScarRule, scar_from_image
from scartools.heart.segments import label_segments
from tests.conftest import run_inside
from tests.unit.heart.damage import DAMAGES, damaged
from tests.unit.heart.expected import refused_well, require_partition, require_sound
from tests.unit.heart.heart_phantom import affine, ventricle

A_KIND = 14  # seeds; 15 kinds of damage by 14 seeds are 210 masks
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"anchor": "image-left"},
    {"anchor": "both-insertions", "rings": "count", "model": 18, "long_axis": "base-first"},
    {"ring": "mid", "long_axis": "apex-first", "angle": 170.0},
)
RULES = (
    ScarRule("sd"),
    ScarRule("fwhm", image_kind="psir"),
    ScarRule("fwhm", variant="grown", image_kind="magnitude"),
    ScarRule("fwhm", variant="min", image_kind="magnitude", grey="remote-50"),
    ScarRule("otsu"),
    ScarRule("ewa"),
    ScarRule("labels", image_kind="psir", grey="40-60"),
)


@pytest.mark.parametrize("kind", range(len(DAMAGES)), ids=[damage.__name__ for damage in DAMAGES])
@pytest.mark.filterwarnings("error")
def test_a_damaged_mask_is_answered_exactly_or_refused_in_one_line(kind: int) -> None:
    answers = 0
    for number in range(A_KIND):
        labels, matrix, _ = damaged(kind + number * len(DAMAGES))
        before = labels.copy()
        found = None
        try:
            found = label_segments(labels, matrix, **OPTIONS[number % len(OPTIONS)])
            require_partition(labels, found)
        except ScartoolsError as error:
            assert refused_well(error), str(error)
        try:
            require_sound(quantify(labels, matrix, segments=found).rows)
            answers += 1
        except ScartoolsError as error:
            assert refused_well(error), str(error)
        np.testing.assert_array_equal(labels, before)
    assert answers >= 1  # a test that only ever sees refusals would show nothing


@pytest.mark.parametrize("kind", range(len(DAMAGES)), ids=[damage.__name__ for damage in DAMAGES])
@pytest.mark.filterwarnings("error")
def test_scar_is_found_inside_a_damaged_wall_or_refused_in_one_line(kind: int) -> None:
    for number, rule in enumerate(RULES):
        labels, matrix, _ = damaged(1000 * len(DAMAGES) + kind + number * len(DAMAGES))
        image = np.select([labels == 3, labels == 2], [200.0, 30.0], 100.0)
        image = np.abs(image + np.random.default_rng(number).normal(0, 5, image.shape))
        try:
            relabelled, seen, _ = scar_from_image(labels, image, matrix, rule)
            wall = np.isin(labels, (2, 3, 4))
            np.testing.assert_array_equal(np.isin(relabelled, (2, 3, 4)), wall)
            for part in (seen.core, seen.grey, seen.weights):
                assert part is None or not part[~wall].any()
            require_sound(quantify(relabelled, matrix, seen=seen).rows)
        except ScartoolsError as error:
            assert refused_well(error), str(error)


@pytest.mark.parametrize("seed", range(0, 15 * 5, 5))
def test_the_commands_answer_or_refuse_in_one_line(tmp_path: Path, seed: int) -> None:
    labels, matrix, _ = damaged(seed)
    mask, prior, rows = tmp_path / "mask.nii.gz", tmp_path / "prior.nii.gz", tmp_path / "rows.tsv"
    nibabel.save(nibabel.Nifti1Image(labels, matrix), mask)
    anchor = ["--anchor", "image-left"] if seed % 2 else []
    made = run_inside("aha17", mask, "-o", prior, *anchor)
    assert made.status in (0, 3)
    assert "Traceback" not in made.stderr
    assert prior.exists() == (made.status == 0)
    if made.status:
        assert str(mask) in made.error
    measured = run_inside("quantify", mask, "-o", rows, *(["--prior", prior] if made.status == 0 else []))
    assert measured.status in (0, 3)
    assert "Traceback" not in measured.stderr
    assert rows.exists() == (measured.status == 0)


def test_voxels_like_needles_cost_no_more_than_others() -> None:
    matrix = affine()
    matrix[:3, 0] *= 1e-3
    matrix[:3, 1] *= 1e2
    tracemalloc.start()
    try:
        centreline_chords(ventricle(3), matrix)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100e6  # bytes; chords of a fifth of the short edge would take gigabytes
