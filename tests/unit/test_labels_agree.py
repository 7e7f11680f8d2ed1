"""The label numbers stand in two rooms that may not import each other: the files and the heart."""

from __future__ import annotations

from scartools.files import labels
from scartools.heart import nomenclature


def test_files_and_heart_mean_the_same_tissue_by_the_same_number():
    for name in ("LV_POOL", "HEALTHY", "SCAR", "NO_REFLOW", "RV_POOL", "IGNORE", "MYOCARDIUM"):
        assert getattr(labels, name) == getattr(nomenclature, name)


def test_the_words_that_a_sidecar_may_pass_on_are_those_the_options_know():
    from typing import get_args

    from scartools.cli.options import Anchor, SegmentationSource
    from scartools.files.prior import WORDS

    assert set(WORDS["Anchor"]) | {"auto"} == set(get_args(Anchor))
    assert set(WORDS["SegmentationSource"]) == set(get_args(SegmentationSource))
