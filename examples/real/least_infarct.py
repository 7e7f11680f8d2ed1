"""How well does the size of a predicted infarct tell patients with scar from those without?

    python least_infarct.py PAIRS PREDICTIONS...

PAIRS      manifest with the columns case_id, participant_id, label (EMIDEC's numbers) and fold
PREDICTIONS  folders of `scartools predict`, each patient predicted by a network that had not seen him; where several folders
           have a patient (seeds), his mean counts
Prints the area under the ROC curve of the infarct's share of the wall (%), and how many patients are told right when an
infarct below a least share counts as none. The least share of a fold is chosen on the patients of the other folds alone: it has
the best mean of sensitivity and specificity there, in the middle of the shares that have it. Patients are the unit.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from scartools.evaluation.logistic import roc_area
from scartools.files import table, volume
from scartools.files.predictions import TABLE_NAME
from scartools.heart.nomenclature import INFARCT


def least_share(shares: np.ndarray, scarred: np.ndarray) -> float:
    """The share from which on an infarct counts; shares float (N,), %, scarred bool (N,), both kinds among them."""
    ordered = np.unique(shares)
    borders = np.concatenate([[ordered[0]], (ordered[1:] + ordered[:-1]) / 2])
    right = np.array([(shares[scarred] >= at).mean() + (shares[~scarred] < at).mean() for at in borders])
    best = np.flatnonzero(right == right.max())
    return float(borders[best[(len(best) - 1) // 2]])


def main() -> None:
    """Print one line."""
    pairs, *folders = (Path(word) for word in sys.argv[1:])
    truth, fold, patient = {}, {}, {}
    for row in table.read(pairs, required=("case_id", "participant_id", "label", "fold")).rows:
        case = str(row["case_id"])
        label = volume.read_labels(pairs.parent / str(row["label"]), scheme="emidec").array
        truth[case] = bool(np.isin(label, INFARCT).any())
        fold[case], patient[case] = str(row["fold"]), str(row["participant_id"])
    found = defaultdict(list)
    for folder in folders:
        for row in table.read(folder / TABLE_NAME, required=("case_id", "scar_percent")).rows:
            case = str(row["case_id"])
            if case not in truth:
                sys.exit(f"{folder}: case {case} is not in {pairs}")
            found[case].append(float(row["scar_percent"] or 0))
    people: dict[str, list[str]] = defaultdict(list)
    for case in found:
        people[patient[case]].append(case)
    shares = np.array([np.mean([np.mean(found[case]) for case in cases]) for cases in people.values()])
    scarred = np.array([any(truth[case] for case in cases) for cases in people.values()])
    folds = np.array([fold[cases[0]] for cases in people.values()])
    told, least = np.zeros(len(shares), bool), {}
    for name in sorted(set(folds)):
        own = folds == name
        least[name] = least_share(shares[~own], scarred[~own])
        told[own] = shares[own] >= least[name]
    print(
        f"{len(shares)} patients, {scarred.sum()} with scar: AUC {roc_area(scarred, shares):.3f}; any infarct: scar found in "
        f"{(shares > 0)[scarred].sum()}, none called in {(shares == 0)[~scarred].sum()} of {(~scarred).sum()}; from "
        + ", ".join(f"{share:.1f} % (fold {name})" for name, share in least.items())
        + f" of the wall on: {told[scarred].sum()} of {scarred.sum()}, {(~told)[~scarred].sum()} of {(~scarred).sum()}"
    )


if __name__ == "__main__":
    main()
