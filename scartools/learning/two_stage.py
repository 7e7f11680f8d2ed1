"""A whole training: the networks of both stages, one after another, as one stream of records.

Stage zero, where it is asked for, finds the heart; what the others see is one window around it. The finder learns from
all training patients: the middle of a window is the one thing that a cross-fitted network takes from a patient it is to know nothing of.
Stage one segments the anatomy. Its cross-fitted networks draw the AHA segments of the training patients: each
patient's come from a network that never saw that patient, as at prediction, where nobody knows the truth. One
more, trained on all, is kept for prediction. Stage two segments the scar, with those segments in view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from scartools.heart.anchors import Anchor
from scartools.learning.anatomy import (
    ANATOMY,
    anatomy_of,
    named,
    nested_regions,
    numbered,
    prior_of,
    scar_by_segment,
)
from scartools.learning.augment import seeded
from scartools.learning.calibration import Calibration, calibrate
from scartools.learning.evidence import Evidence, with_evidence
from scartools.learning.finder import (
    Lens,
    centre_of,
    closer_of,
    coarse_case,
    finder_settings,
    heart_centre,
    placed,
    untrained_finder,
)
from scartools.learning.inference import predict, predict_logits
from scartools.learning.jobs import Job, iterations_of, jobs_of
from scartools.learning.loop import Progress, Setting, train
from scartools.learning.sampling import TrainingCase, pixels_by_class
from scartools.learning.settings import Settings
from scartools.network.ecg_autoencoder import ECGAutoencoder, ECGAutoencoderConfig
from scartools.network.segmenter import Segmenter, SegmenterConfig


@dataclass(frozen=True)
class Report:
    """One iteration of one of the networks; `state` as in Progress, but of the whole training."""

    job: Job
    number: int  # of the job, from 1
    jobs: int
    progress: Progress
    state: Callable[[], dict[str, Any]]

    def values(self, labels: Sequence[int]) -> dict[str, float]:
        """Return what a curve is drawn of: loss, learning_rate, and Dice by class of the network, NaN unknown.

        labels  of the data set, in the order of the last network's outputs; other networks have fewer
        """
        values = values_of(self.job.stage, labels)
        dice = {f"dice_{values[number]}": value for number, value in (self.progress.dice or {}).items()}
        return {"loss": self.progress.loss, "learning_rate": self.progress.learning_rate, **dice}

    def sentence(self) -> str:
        """Say where the training stands, for a person."""
        now = self.progress
        dice = ", ".join(f"{value:.2f}" for value in (now.dice or {}).values())
        where = (
            f"network {self.number} of {self.jobs} ({self.job.name}): iteration {now.iteration} of {now.total}"
        )
        return f"{where}, loss {now.loss:.3f}" + (f", Dice {dice}" if dice else "")


@dataclass
class Trained:
    """What a whole training leaves.

    scar, anatomy  the networks; anatomy is None where the prior is not predicted
    finder         of the heart; None where the networks look everywhere
    priors         by case id, uint8 (Z, Y, X): what the patients of both sides were shown
    without_prior  by case id, why a patient's anatomy gave no segments
    log            one dictionary a report
    pretrained_from  weights (SHA-256), iterations and patients of the model of other data that it began with; None: none
    evidence       what the ECGs tell of segments, by the fusion by segments; None for other networks
    calibration    of the last network on the validation patients; None without any
    given          the finder, the first stage and its priors were taken from another model
    started_from   weights (SHA-256) and iterations of the model that the last network goes on from; None: a new one
    """

    scar: Segmenter
    anatomy: Segmenter | None
    finder: Segmenter | None = None
    priors: dict[str, np.ndarray] = field(default_factory=dict)
    without_prior: dict[str, str] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    given: bool = False
    started_from: Mapping[str, Any] | None = None
    pretrained_from: Mapping[str, Any] | None = None
    evidence: Evidence | None = None
    calibration: Calibration | None = None


def train_stages(
    cases: Sequence[TrainingCase],
    validation: Sequence[TrainingCase],
    labels: Sequence[int],
    settings: Settings,
    setting: Setting,
    result: Trained,
    *,
    state: Mapping[str, Any] | None = None,
) -> Iterator[Report]:
    """Train all networks of a run.

    cases, validation  on the network grid, labels of the toolkit; `prior` set where it is manual or true
    labels             that the data set holds, ascending, background included
    result             from `untrained`; filled in place
    state              of a checkpoint to go on from
    Yields a Report after each iteration.
    """
    jobs = jobs_of(cases, validation, settings, result.given)
    first = 0
    if state is not None:
        first = state["job"]
        result.priors |= {name: np.asarray(prior) for name, prior in state["priors"].items()}
        result.without_prior |= state["without_prior"]
        result.log += state["log"]
        for kept, network in (("anatomy", result.anatomy), ("finder", result.finder)):
            if state[kept] is not None and network is not None:
                network.load_state_dict(state[kept])
    for number, job in list(enumerate(jobs))[first:]:
        network = _network(job, jobs, number, result, labels, settings)
        values = values_of(job.stage, labels)
        manner = finder_settings(settings) if job.stage == "finder" else settings
        learning = [_for_stage(case, job, values, result, settings) for case in cases if case.id in job.learns]
        looking = [_for_stage(case, job, values, result, settings) for case in validation]
        if job.stage == "scar" and settings.ecg and settings.fusion == "segment":
            learning, looking, result.evidence = with_evidence(
                network, learning, looking, settings, setting.device
            )
        steps = train(
            network,
            learning,
            looking,
            manner,
            replace(setting, stream=number, regions=nested_regions(values) if manner.regions else ()),
            iterations=iterations_of(job, settings),
            state=state["loop"] if state is not None and number == first else None,
        )
        for progress in steps:
            if progress.dice is not None:
                result.log.append(_log_line(job, progress, values))
            yield Report(job, number + 1, len(jobs), progress, _state_of(number, result, progress))
        asked = [case for case in (*cases, *validation) if case.id in job.predicts]
        _draw_priors(network, asked, result, values, settings, setting)


def calibrate_on(
    cases: Sequence[TrainingCase],
    labels: Sequence[int],
    settings: Settings,
    setting: Setting,
    result: Trained,
) -> None:
    """Find how sure the last network may be, on whole validation cases; `result` is changed in place."""
    job = Job("scar", "scar", ())

    def predicted() -> Iterator[tuple[TrainingCase, np.ndarray]]:
        """Each case with what the network says of it, its prior and its ECG in view."""
        for case in cases:
            seen = _for_stage(case, job, labels, result, settings)
            logits = predict_logits(
                result.scar,
                seen.image,
                patch=settings.size.patch,
                centre=_centre(result, closer_of(result.scar, result.anatomy), seen, settings, setting),
                prior=seen.prior,
                beat=seen.beat,
                days=seen.days,
                quality=seen.quality,
                fractions=seen.fractions if settings.oracle_ecg else None,
                device=setting.device,
                precision=setting.precision,
            )
            yield seen, torch.from_numpy(logits).softmax(dim=0).numpy()

    result.calibration = calibrate(predicted())


def untrained(labels: Sequence[int], settings: Settings, encoder: ECGAutoencoder | None = None) -> Trained:
    """Return the networks of a training before it, drawn from the seed; the ECG's from `encoder` if given."""
    config = _plain_config(len(labels), settings)
    parts = encoder.config if encoder is not None else ECGAutoencoderConfig()
    scar = replace(
        config,
        prior=settings.prior_source != "none" and settings.prior_channels,
        ecg=settings.ecg,
        time=settings.time,
        fusion=settings.fusion,
        taff_form=settings.taff_form,
        fusion_stage=settings.fusion_stage,
        encoder=parts,
    )
    with seeded(settings.seed):
        network = Segmenter(scar)
        anatomy = None
        if settings.prior_source == "predicted":
            anatomy = Segmenter(replace(config, classes=len(anatomy_labels(labels))))
        finder = untrained_finder(settings) if settings.around_heart else None
    if encoder is not None and network.ecg is not None:
        network.ecg.load_state_dict(encoder.state_dict())
    return Trained(network, anatomy, finder)


def _plain_config(classes: int, settings: Settings) -> SegmenterConfig:
    """Return a network of the image alone; with residual blocks the decoder has one convolution a stage."""
    features, strides = settings.size.stages()
    blocks = settings.blocks()
    return SegmenterConfig(classes, features, strides, 1 if blocks else 2, blocks=blocks)


def weights_of(result: Trained) -> dict[str, Tensor]:
    """Return the weights of the networks under the names that model/ keeps them by."""
    networks = {"scar": result.scar, "anatomy": result.anatomy, "finder": result.finder}
    return {
        f"{kept}.{name}": value
        for kept, network in networks.items()
        if network is not None
        for name, value in network.state_dict().items()
    }


def anatomy_labels(labels: Sequence[int]) -> tuple[int, ...]:
    """Return what the first stage tells apart, of the labels of a data set."""
    present = {int(value) for value in np.unique(anatomy_of(np.asarray(labels, np.uint8)))}
    return tuple(value for value in ANATOMY if value in present)


def values_of(stage: str, labels: Sequence[int]) -> tuple[int, ...]:
    """Return what the networks of a stage tell apart, of the labels of a data set; a finder's heart is 1."""
    return {"finder": (0, 1), "scar": tuple(labels)}.get(stage, anatomy_labels(labels))


def _network(
    job: Job, jobs: Sequence[Job], number: int, result: Trained, labels: Sequence[int], settings: Settings
) -> Segmenter:
    """The network of a job: those that are kept are of the result, cross-fitted ones are new."""
    if job.stage == "scar":
        return result.scar
    if job.stage == "finder":
        return cast(Segmenter, result.finder)
    if number == len(jobs) - 2:
        return cast(Segmenter, result.anatomy)
    with seeded(settings.seed + 1000 * (number + 1)):
        return Segmenter(_plain_config(len(anatomy_labels(labels)), settings))


def _for_stage(
    case: TrainingCase, job: Job, values: Sequence[int], result: Trained, settings: Settings
) -> TrainingCase:
    """Return a case as a stage sees it: its labels numbered, and its prior or none."""
    if job.stage == "finder":
        return coarse_case(case, settings.seed)
    label = numbered(case.label if job.stage == "scar" else anatomy_of(case.label), values)
    prior = case.prior if settings.prior_source in ("manual", "truth") else result.priors.get(case.id)
    if job.stage == "anatomy" or (prior is not None and not prior.any()):
        prior = None
    fractions = None
    if job.stage == "scar" and settings.ecg and settings.fusion == "segment" and prior is not None:
        fractions = scar_by_segment(case.label, prior)
    pixels = pixels_by_class(label, settings.seed)
    seen = replace(case, label=label, prior=prior, pixels=pixels, fractions=fractions)
    return placed(seen, heart_centre(case.label), settings.size.patch) if settings.around_heart else seen


def _draw_priors(
    network: Segmenter,
    cases: Sequence[TrainingCase],
    result: Trained,
    values: Sequence[int],
    settings: Settings,
    setting: Setting,
) -> None:
    """Predict the anatomy of cases and label its AHA segments."""
    for case in cases:
        probability = predict(
            network,
            case.image,
            patch=settings.size.patch,
            centre=_centre(result, network, case, settings, setting),
            device=setting.device,
            precision=setting.precision,
        )
        anatomy = named(probability.argmax(axis=0).astype(np.uint8), values)
        found = prior_of(anatomy, case.affine, anchor=cast(Anchor, settings.anchor), angle=settings.angle)
        result.priors[case.id] = found.segments
        if found.reason:
            result.without_prior[case.id] = found.reason


def _centre(
    result: Trained, closer: Segmenter, case: TrainingCase, settings: Settings, setting: Setting
) -> tuple[int, int] | None:
    """Return where the networks look in a case to learn from: the closer look is that of a network already trained."""
    lens = None if result.finder is None else Lens(result.finder, closer, settings.size.patch)
    return centre_of(lens, case.image, device=setting.device, precision=setting.precision, or_middle=True)


def _log_line(job: Job, progress: Progress, values: Sequence[int]) -> dict[str, Any]:
    dice = {
        str(values[number]): None if np.isnan(value) else round(value, 4)
        for number, value in (progress.dice or {}).items()
    }
    return {
        "Network": job.name,
        "Iteration": progress.iteration,
        "Iterations": progress.total,
        "Loss": round(progress.loss, 5),
        "LearningRate": round(progress.learning_rate, 8),
        "ValidationDice": dice,
        "EcgWeight": None if progress.ecg_weight is None else round(progress.ecg_weight, 4),
    }


def _state_of(number: int, result: Trained, progress: Progress) -> Callable[[], dict[str, Any]]:
    def state() -> dict[str, Any]:
        """What a checkpoint of the whole training holds, as it is when this is called."""
        return {
            "job": number,
            "loop": progress.state(),
            "priors": {name: torch.from_numpy(prior) for name, prior in result.priors.items()},
            "without_prior": dict(result.without_prior),
            "anatomy": result.anatomy.state_dict() if result.anatomy is not None else None,
            "finder": result.finder.state_dict() if result.finder is not None else None,
            "log": list(result.log),
        }

    return state
