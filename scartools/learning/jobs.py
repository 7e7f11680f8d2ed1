"""The networks of a training in the order that they are trained in, and who learns from whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scartools.errors import InputError
from scartools.learning.finder import finder_size
from scartools.learning.sampling import TrainingCase
from scartools.learning.settings import Settings


@dataclass(frozen=True)
class Job:
    """One network to train: its name, the patients it learns from, and those it then predicts."""

    name: str
    stage: str  # "finder", "anatomy" or "scar"
    learns: tuple[str, ...]  # case ids
    predicts: tuple[str, ...] = ()


def jobs_of(
    cases: Sequence[TrainingCase], validation: Sequence[TrainingCase], settings: Settings, given: bool = False
) -> list[Job]:
    """Return the networks to train, in order. Folds are of patients, drawn from the seed and the names alone.

    given  the first stage is there already
    """
    everyone = tuple(case.id for case in cases)
    finder = [Job("finder", "finder", everyone)] if settings.around_heart and not given else []
    if settings.prior_source != "predicted" or given:
        return [*finder, Job("scar", "scar", everyone)]
    groups = sorted({case.group for case in cases})
    if len(groups) < settings.cross_fit:
        raise InputError(
            f"{len(groups)} training patients cannot be split into {settings.cross_fit} folds for the prior",
            remedy="Use fewer --cross-fit folds, more patients, or --no-prior",
        )
    order = np.random.default_rng([settings.seed, 55]).permutation(len(groups))
    fold = {groups[at]: position % settings.cross_fit for position, at in enumerate(order)}
    jobs = []
    for number in range(settings.cross_fit):
        out = tuple(case.id for case in cases if fold[case.group] == number)
        rest = tuple(case.id for case in cases if fold[case.group] != number)
        jobs.append(Job(f"anatomy, fold {number + 1} of {settings.cross_fit}", "anatomy", rest, out))
    kept = Job("anatomy", "anatomy", everyone, tuple(case.id for case in validation))
    return [*finder, *jobs, kept, Job("scar", "scar", everyone)]


def iterations_of_all(
    cases: Sequence[TrainingCase], validation: Sequence[TrainingCase], settings: Settings, given: bool = False
) -> int:
    """Return how many iterations a whole training takes; given: see `jobs_of`."""
    return sum(iterations_of(job, settings) for job in jobs_of(cases, validation, settings, given))


def iterations_of(job: Job, settings: Settings) -> int:
    """Return how many iterations one network learns for."""
    if job.stage == "finder":
        return finder_size(settings.size).iterations
    return settings.size.iterations if job.stage == "scar" else settings.size.anatomy_iterations
