"""Which cases a training learns from, and each of them as it is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, cast

import numpy as np

from scartools.errors import InputError
from scartools.learning.anatomy import Prior, anatomy_of, prior_of
from scartools.learning.controls import shuffled
from scartools.learning.familiarity import look_at, seen
from scartools.learning.grids import NetworkGrid
from scartools.learning.sampling import TrainingCase
from scartools.learning.settings import Settings


@dataclass(frozen=True)
class Material:
    """What a training is given.

    learns, validates  cases of both sides, in memory
    participants       by case id
    labels             of the toolkit that the data set holds, ascending, background included
    plan, beat         of the data set: its plan, and how its beats were standardised
    seen               what the cases to learn from look like, see scartools.learning.familiarity
    without_prior      by case id, why its true labels gave no segments, where the prior is drawn from them
    """

    learns: tuple[TrainingCase, ...]
    validates: tuple[TrainingCase, ...]
    participants: dict[str, str]
    labels: tuple[int, ...]
    plan: dict[str, Any]
    beat: Any
    seen: dict[str, Any]
    without_prior: dict[str, str] = field(default_factory=dict)


def gather(
    description: Mapping[str, Any],
    cases: Mapping[str, tuple[Mapping[str, np.ndarray], Mapping[str, Any]]],
    fold: int | None,
) -> Material:
    """Return what a training is given.

    description  dataset.json; cases: by id, arrays and case.json; fold: see `choose`
    Raises InputError for what cannot be trained on, a patient in two splits above all.
    """
    plan, labels = description.get("Plan"), description.get("Labels")
    if not isinstance(plan, dict) or not isinstance(labels, dict):
        raise InputError("has no Plan or no Labels in dataset.json", remedy="Run preprocess again")
    sides = choose({name: facts for name, (_, facts) in cases.items()}, fold)
    learns, validates = (tuple(training_case(name, *cases[name]) for name in side) for side in sides)
    participants = {name: str(facts.get("ParticipantId")) for name, (_, facts) in cases.items()}
    values = tuple(sorted({0, *(int(value) for value in labels)}))
    looks = [
        look_at(case.image, case.label, NetworkGrid.from_json(cases[case.id][1]["Grid"])) for case in learns
    ]
    return Material(learns, validates, participants, values, plan, description.get("Beat"), seen(looks))


def ready_for(material: Material, settings: Settings) -> Material:
    """Return the material with the priors that are drawn from its labels, or others' ECGs, where the settings ask for those.

    Shuffled patients to validate on are given ECGs of those to learn from.
    Raises InputError where beats or priors are missing that the settings ask for.
    """
    everyone = (*material.learns, *material.validates)
    if settings.ecg and not any(case.beat is not None for case in material.learns):
        raise InputError(
            "no training case of this data set has a beat",
            remedy="Use --no-ecg, or pair and preprocess with beats",
        )
    without = [case.id for case in everyone if case.prior is None]
    if settings.prior_source == "manual" and without:
        raise InputError(
            f"{len(without)} cases have no prior, the first is {without[0]}",
            remedy="Give pairs.tsv a column prior, or use --prior-source predicted",
        )
    if settings.shuffle_ecg or settings.shuffle_interval:
        ecg, interval = settings.shuffle_ecg, settings.shuffle_interval
        learns = shuffled(material.learns, settings.seed, ecg=ecg, interval=interval)
        validates = shuffled(
            material.validates, settings.seed, ecg=ecg, interval=interval, givers=material.learns
        )
        material = replace(material, learns=learns, validates=validates)
    if settings.prior_source != "truth":
        return material
    found = {case.id: _true_prior(case, settings) for case in everyone}
    reasons = {name: prior.reason for name, prior in found.items() if prior.reason}
    if len(reasons) == len(found):
        name, reason = next(iter(reasons.items()))
        raise InputError(
            f"no case has AHA segments; of case {name}: {reason}",
            remedy="Choose another --anchor, or --no-prior",
        )

    def shown(case: TrainingCase) -> TrainingCase:
        """A case with the segments of its labels; without any where they do not tell them."""
        return replace(case, prior=None if case.id in reasons else found[case.id].segments)

    learns, validates = (tuple(map(shown, side)) for side in (material.learns, material.validates))
    return replace(material, learns=learns, validates=validates, without_prior=reasons)


def _true_prior(case: TrainingCase, settings: Settings) -> Prior:
    return prior_of(
        anatomy_of(case.label), case.affine, anchor=cast(Any, settings.anchor), angle=settings.angle
    )


def training_case(case_id: str, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> TrainingCase:
    """Return a case of a data set, its arrays in memory.

    arrays  image float32 (1, Z, Y, X), label uint8 (Z, Y, X), prior uint8 (Z, Y, X), beat float32 (12, 600)
    facts   case.json: Group, IntervalDays, BeatQuality, Grid
    Raises InputError for a case without a label or a grid, or with a value that is no number.
    """
    if "label" not in arrays:
        raise InputError(f"case {case_id} has no label to learn from", remedy="Give it one, or leave it out")
    for name in ("image", "beat"):
        if name in arrays and not np.isfinite(arrays[name]).all():
            raise InputError(
                f"the {name} of case {case_id} holds NaN or infinity", remedy="Run preprocess again"
            )
    days, quality = facts.get("IntervalDays"), facts.get("BeatQuality")
    try:
        affine = np.array(facts["Grid"]["Affine"], dtype=np.float64)
        group = str(facts["Group"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"case {case_id} has no usable Grid or Group", remedy="Run preprocess again"
        ) from error
    return TrainingCase(
        case_id,
        group,
        np.array(arrays["image"], dtype=np.float32),
        np.array(arrays["label"], dtype=np.uint8),
        affine,
        prior=np.array(arrays["prior"]) if "prior" in arrays else None,
        beat=np.array(arrays["beat"], dtype=np.float32) if "beat" in arrays else None,
        days=float(days) if days is not None else float("nan"),
        quality=float(quality) if isinstance(quality, int | float) else float("nan"),
    )


def digest_of(material: Material) -> str:
    """Return the SHA-256 of all that is learned from and looked at: arrays, affines, groups, intervals, qualities."""
    found = sha256()
    for case in (*material.learns, *material.validates):
        found.update(repr((case.id, case.group, case.days, case.quality)).encode())
        for array in (case.image, case.label, case.affine, case.prior, case.beat):
            found.update(b"none" if array is None else repr((array.dtype.str, array.shape)).encode())
            found.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def identity_of(material: Material, settings: Settings, precision: str, processes: int) -> dict[str, Any]:
    """Return what must be equal for a training to go on from a checkpoint, as JSON holds it.

    precision, processes  of the arithmetic, and how many train together
    """
    found = {
        "settings": settings.to_json(),
        "data": digest_of(material),  # not prov.json alone: a data set that was edited is another
        "cases": [[case.id for case in side] for side in (material.learns, material.validates)],
        "precision": precision,
    }
    return found if processes == 1 else {**found, "processes": processes}


def choose(facts: Mapping[str, Mapping[str, Any]], fold: int | None) -> tuple[list[str], list[str]]:
    """Return the ids of the cases to learn from and of those to validate on.

    facts  case.json by case id
    fold   None: the splits `train` and `validation`. A number: that fold of both validates, the others train.
    The split `test` is never among them. Raises InputError when a patient would be on both sides or in test.
    """
    known = {name: said for name, said in facts.items() if said.get("Split") in ("train", "validation")}
    if fold is None:
        validates = [name for name, said in known.items() if said["Split"] == "validation"]
    else:
        validates = [name for name, said in known.items() if said.get("Fold") == fold]
        if not validates:
            folds = sorted({str(said.get("Fold")) for said in known.values()})
            raise InputError(f"no case is in fold {fold}", remedy=f"Folds are {', '.join(folds)}")
    learns = [name for name in known if name not in validates]
    if not learns:
        raise InputError("no case is left to learn from", remedy="See the column split of the pairs")
    held_out = [name for name, said in facts.items() if said.get("Split") == "test"]
    for key in ("ParticipantId", "Group"):
        sides = [{str(facts[name].get(key)) for name in side} for side in (learns, validates, held_out)]
        both = (sides[0] & sides[1]) | (sides[0] & sides[2]) | (sides[1] & sides[2])
        if both:
            raise InputError(
                f"the patient {sorted(both)[0]} is in two splits: what is learned would be what is tested",
                remedy="Mend the splits with scartools pair, and run preprocess again",
            )
    return learns, validates
