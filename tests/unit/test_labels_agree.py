"""The label numbers stand in two rooms that may not import each other: the files and the heart."""

from __future__ import annotations

from scartools.files import labels
from scartools.heart import nomenclature


def test_files_and_heart_mean_the_same_tissue_by_the_same_number():
    for name in ("LV_POOL", "HEALTHY", "SCAR", "NO_REFLOW", "RV_POOL", "IGNORE", "MYOCARDIUM"):
        assert getattr(labels, name) == getattr(nomenclature, name)
