"""What the numbers of an evaluation mean, and what is known of how it was made: text for summary.json and the reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from scartools.evaluation.arms import ALL, Arm, flow

DISCLAIMER = "Research use only. Not a medical device; not for diagnosis or treatment."
REGIME_TITLES = {
    "automatic": "Predicted wall: no prior, or a prior from the model's own contours",
    "reader": "Wall given by a reader: the prior rests on manual contours, or on the truth as reader (an upper bound)",
}
PRIOR_WORDS = {"truth": "truth as reader"}
ECG_WORDS = {"truth": "oracle: true scar of the segments"}
DEFINITIONS = {
    "Structures": "lv_pool label 1; myocardium 2 + 3 + 4; scar 3 + 4 (infarct, no-reflow included); scar_only 3; "
    "no_reflow 4; rv_pool 5, only where the truth has it. Voxels labelled 255 are left out of both.",
    "Dice": "2 |A and B| / (|A| + |B|) of the whole volume; 0 where only one of both is empty.",
    "DiceMeanPositive": "Mean over patients of cases whose truth has some of the structure; a missed case counts 0.",
    "Precision": "Share of the predicted voxels that are true; mean over hits.",
    "Sensitivity": "Share of the true voxels that were predicted; mean over cases with some in truth.",
    "Surface": "Voxels of a structure with one of six neighbours outside it; distances between their centres in world mm.",
    "HD95": "Larger of the two directed 95th percentiles; mean over hits, whose number stands beside it: a missed case "
    "has no distance and is told by NSD and by the counts.",
    "ASSD": "Mean of the surface distances of both directions together; mean over hits.",
    "NSD": "Share of the surface voxels of both within the tolerance of the other; 0 where one of both is empty.",
    "Volume": "Voxels times |det| of the affine; differences are predicted minus true, % LV of the true myocardium; "
    "scar_percent_lv is of the own myocardium of truth and prediction.",
    "Presence": "Some is one voxel or more. Case sensitivity and specificity count cases, without regard to overlap; "
    "patient specificity asks that nothing was predicted in any case and run of a patient without the structure.",
    "Limits": "Bland-Altman: bias and bias -/+ 1.96 SD of the differences by patient, intervals by Student's t.",
    "ICC": "ICC(2,1) = ICC(A,1): two-way, absolute agreement, single measurement. CCC: Lin's concordance correlation.",
    "Segments": "A segment has scar where scar and no-reflow reach the stated part of its myocardium; truth and prediction "
    "are cut by the AHA segments of their own contours. A segment that the prediction lacks counts as without scar. The "
    "graded score is the predicted percentage.",
    "Unit": "The patient: the cases and runs of one are averaged before means, intervals and tests.",
    "Interval": "95 %, bias-corrected and accelerated (BCa) bootstrap of patients; shares of patients: Wilson. The 90 % "
    "interval of a difference answers questions of equivalence.",
    "Test": "Two-sided Wilcoxon signed-rank on patients, zeros dropped, exact up to 50; Holm over all rows of the same measure.",
    "Decomposition": "Mean scar Dice of the arms of a chain on the patients that all have; the gains add up to the total.",
}


def facts_of(
    runs: Sequence[Arm],
    ecg_states: Sequence[Mapping[str, str]],
    *,
    split: str,
    splits_told: bool,
    empty: str,
    said: Mapping[str, Any],
    warnings: Sequence[str],
) -> dict[str, Any]:
    """Return what summary.json says beside the tables.

    ecg_states   of each run, case_id to what its ECG was
    splits_told  whether any table tells splits
    said         further facts: options that the numbers depend on
    """
    from scartools import __version__

    both_empty = "left out (n/a)" if empty == "n/a" else "counted 1 (--empty one)"
    apart = "patient: no patient of this split has a case in train, in these tables"
    return {
        "Disclaimer": DISCLAIMER,
        "Version": __version__,
        "Split": split if splits_told else "not told: all cases",
        "Partition": apart if splits_told and split not in (ALL, "train") else "not checked",
        "Empty": empty,
        "EmptyPolicy": f"Mean over patients of all cases; some in truth or prediction alone counts 0; both empty: {both_empty}.",
        **said,
        "Definitions": DEFINITIONS,
        "Arms": [
            flow(arm, dict(sorted(Counter(states[case] for case in arm.cases).items())))
            for arm, states in zip(runs, ecg_states, strict=True)
        ],
        "Warnings": list(warnings),
    }
