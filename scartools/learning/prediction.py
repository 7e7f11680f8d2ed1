"""From an image to labels and their 17 segments, with both stages of one trained model or of several.

Several models of the same kind, such as those of the folds of one data set, are an ensemble: each of them runs both
of its stages, and the mean of their logits is what counts, as in nnU-Net (Isensee et al., Nature Methods
2021;18:203). What each pass says by itself tells how far they agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scartools.errors import InputError
from scartools.heart.anchors import Anchor, Landmarks
from scartools.heart.nomenclature import INFARCT
from scartools.heart.segments import Segments, label_segments
from scartools.learning.anatomy import Prior, anatomy_of, named, prior_of, scar_by_segment
from scartools.learning.calibration import tempered
from scartools.learning.explanation import Explanation, explain
from scartools.learning.familiarity import look_at, unlike
from scartools.learning.finder import Lens, centre_of, closer_of, cuts_heart
from scartools.learning.grids import NetworkCase, probabilities_to_source, to_network, to_source
from scartools.learning.inference import predict_views
from scartools.learning.planning import Plan
from scartools.learning.settings import PriorSource, Settings
from scartools.network.segmenter import Segmenter, SegmenterConfig


@dataclass(frozen=True)
class Model:
    """A trained model, rebuilt.

    scar, anatomy  networks of both stages; anatomy is None where its priors are not predicted
    finder         of the heart; None for networks that look everywhere
    labels         of the toolkit, in the order of the scar network's outputs; anatomy_labels likewise
    learned_from   participants it learned from; watched_on: those it was validated on
    cohort_known   whether those two are known: not so for an imported network
    pretrained_from  model of other patients that its training began with, as in model.json; None: none
    seen           what its training cases look like, see scartools.learning.familiarity; None where not known
    temperature    of its probabilities, see scartools.learning.calibration
    """

    scar: Segmenter
    anatomy: Segmenter | None
    labels: tuple[int, ...]
    anatomy_labels: tuple[int, ...]
    settings: Settings
    plan: Plan
    learned_from: frozenset[str]
    watched_on: frozenset[str]
    cohort_known: bool = True
    seen: Mapping[str, Any] | None = None
    temperature: float = 1.0
    finder: Segmenter | None = None
    pretrained_from: Mapping[str, Any] | None = None

    @property
    def pretrained_on(self) -> frozenset[str]:
        """Participants that the model of other patients learned from."""
        return frozenset(map(str, self.pretrained_from["TrainedOn"])) if self.pretrained_from else frozenset()


@dataclass(frozen=True)
class Where:
    """What fixes the angle of the AHA segments, as in scartools.heart.segments.label_segments."""

    anchor: Anchor = "auto"
    angle: float | None = None
    landmarks: Landmarks | None = None


@dataclass(frozen=True)
class Anatomy:
    """A reader's own contours: labels uint8 (X, Y, Z), of which only pool, wall and RV are taken."""

    labels: np.ndarray
    source: PriorSource


@dataclass(frozen=True)
class Predicted:
    """A segmented case on the image's own grid.

    labels        uint8 (X, Y, Z)
    segments      AHA segments of these very labels, or None
    prior_source  where the wall came from that the network was shown: none, predicted, manual, truth
    without_prior why it was shown none though the model takes one, or ""
    without_segments  why its labels have no segments, or ""
    ecg           "used" or another word for it, "absent", or "off" for a model that takes none
    passes        labels uint8 (X, Y, Z) of each pass by itself; none where there was one pass
    unlike        in what the case is unlike the training of the first model, words of familiarity.Look, and "window"
                  where the heart reaches the border of a window that a network saw; None: not known
    probabilities float32 (X, Y, Z, C) in the order of the model's labels, if asked for, calibrated with `temperature`
    """

    labels: np.ndarray
    segments: Segments | None
    prior_source: PriorSource
    without_prior: str
    without_segments: str
    ecg: str
    passes: tuple[np.ndarray, ...] = ()
    unlike: tuple[str, ...] | None = None
    probabilities: np.ndarray | None = None
    temperature: float = 1.0
    explanation: Explanation | None = None


def rebuild(description: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Model:
    """Rebuild a model from model.json and its weights.

    Raises InputError for a description or weights that do not belong together.
    """
    if description.get("Kind") != "segmenter":
        raise InputError(
            f"is a model of the kind {description.get('Kind')!r}, not a segmenter",
            remedy="Name a folder of train",
        )
    try:
        settings = Settings.from_json(description["Settings"])
        plan = Plan.from_json(description["Plan"])
        labels = tuple(int(value) for value in description["Labels"])
        cohort = description["Cohort"]
        scar = _network(description["Network"], weights, "scar.")
        anatomy = _network(description["Anatomy"], weights, "anatomy.") if description["Anatomy"] else None
        known = tuple(int(value) for value in description["AnatomyLabels"] or ())
        finder = _network(description["Finder"], weights, "finder.") if description.get("Finder") else None
        if settings.around_heart and finder is None:
            raise ValueError("it has no finder of the heart")
        learned, watched = (frozenset(map(str, cohort[side])) for side in ("TrainedOn", "ValidatedOn"))
        earlier = description.get("PretrainedFrom")
        if earlier is not None and not isinstance(earlier["TrainedOn"], list):
            raise TypeError("whom it learned from before is no list")
        calibration = description.get("Calibration")
        temperature = 1.0 if calibration is None else float(calibration["Temperature"])
        if not 0 < temperature < float("inf"):
            raise ValueError(f"the temperature is {temperature}")
        if len(labels) != scar.parts.classes or (anatomy is not None and len(known) != anatomy.parts.classes):
            raise ValueError("labels and outputs differ in number")
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise InputError(
            f"holds a description that its weights do not fit ({' '.join(str(error).split())[:200]})",
            remedy="Copy the whole model folder again",
        ) from error
    known_cohort = cohort.get("Known", True) is True
    return Model(
        scar,
        anatomy,
        labels,
        known,
        settings,
        plan,
        learned,
        watched,
        cohort_known=known_cohort,
        seen=description.get("Seen"),
        temperature=temperature,
        finder=finder,
        pretrained_from=earlier,
    )


def _network(config: dict[str, Any], weights: Mapping[str, Tensor], prefix: str) -> Segmenter:
    network = Segmenter(SegmenterConfig.from_json(config))
    own = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    network.load_state_dict(own)
    return network.eval()


@dataclass(frozen=True)
class Manner:
    """How the networks are run.

    mirror         each sees the three mirror images too: for models that were trained with mirrored crops
    probabilities  whether they are kept
    explain        whether the first model says what of the ECG moved it
    device, precision  of the arithmetic
    """

    mirror: bool = False
    probabilities: bool = False
    explain: bool = False
    device: str = "cpu"
    precision: torch.dtype = torch.float32


def predict_case(
    models: Sequence[Model],
    image: np.ndarray,
    affine: np.ndarray,
    *,
    beat: np.ndarray | None = None,
    days: float = float("nan"),
    quality: float = float("nan"),
    truth: np.ndarray | None = None,
    ecg: str = "used",
    anatomy: Anatomy | None = None,
    where: Where | None = None,
    manner: Manner | None = None,
) -> Predicted:
    """Segment one image.

    models   one, or several that `require_together` lets pass
    image    float32 (X, Y, Z); affine float (4, 4), voxel index to RAS+ mm
    beat     float32 (12, 600), standardised; None: no ECG; days: interval to the MRI, NaN unknown
    quality  of the beat, 0 to 1, NaN unknown
    truth    labels uint8 (X, Y, Z) whose scar by segment speaks in place of the beat: a ceiling, never a result
    ecg      what the result calls an ECG that was used
    anatomy  a reader's contours, in place of the models' first stages
    where    what fixes the angle of the segments; None: as in training
    Raises InputError where a model needs an anatomy and none is given, or looks for a heart and sees none.
    """
    manner = manner or Manner()
    first = models[0]
    settings = first.settings
    where = where or Where(settings.anchor, settings.angle)  # type: ignore[arg-type]  # a word of Anchor, stored
    merged = anatomy_of(anatomy.labels) if anatomy is not None else None
    case = to_network(image, affine, first.plan, label=merged)
    true_labels = to_network(image, affine, first.plan, label=truth).label if truth is not None else None
    has_beat = beat is not None and settings.ecg
    several = len(models) > 1 or manner.mirror
    total = np.zeros((len(first.labels), *case.grid.shape), np.float32)
    alone: list[np.ndarray] = []  # labels alone: the logits of many passes would not fit into memory
    count, priors, source = 0, [], settings.prior_source
    centres: list[tuple[int, int] | None] = []
    for model in models:
        centre = centre_of(_lens(model), case.image, device=manner.device, precision=manner.precision)
        centres.append(centre)
        shown, source = _prior(model, case, centre, anatomy, where, manner)
        priors.append(shown)
        for logits in predict_views(
            model.scar,
            case.image,
            centre=centre,
            prior=shown.segments,
            beat=beat if has_beat else None,
            days=days,
            quality=quality,
            fractions=None if true_labels is None else scar_by_segment(true_labels, shown.segments),
            mirror=manner.mirror,
            **_arithmetic(model, manner),
        ):
            total += logits
            count += 1
            if several:
                alone.append(named(to_source(_scores(logits, first.plan), case.grid), first.labels))
    scores = _scores(total / count, first.plan)
    labels = named(to_source(scores, case.grid), first.labels)
    segments, reason = _segments(labels, affine, where)
    on_grid = named(scores.argmax(axis=0).astype(np.uint8), first.labels)
    return Predicted(
        labels,
        segments,
        source,
        next((shown.reason for shown in priors if shown.reason), ""),
        reason,
        "off" if not settings.ecg else ecg if has_beat else "absent",
        tuple(alone),
        _unlike(models, centres, case, on_grid),
        probabilities_to_source(_probabilities(scores, models), case.grid) if manner.probabilities else None,
        _temperature(models),
        None
        if beat is None or not (manner.explain and has_beat and true_labels is None)
        else explain(
            first.scar,
            case.image,
            _probabilities(scores, models),
            beat=beat,
            days=days,
            quality=quality,
            prior=priors[0].segments,
            scar=tuple(number for number, value in enumerate(first.labels) if value in INFARCT),
            patch=settings.size.patch,
            device=manner.device,
        ),
    )


def _unlike(
    models: Sequence[Model], centres: Sequence[tuple[int, int] | None], case: NetworkCase, labels: np.ndarray
) -> tuple[str, ...] | None:
    """In what a case is unlike the training; labels uint8 (Z, Y, X), predicted."""
    if models[0].seen is None:
        return None
    words = unlike(look_at(case.image, labels, case.grid), models[0].seen)
    windows = [
        (centre, model.settings.size.patch)
        for model, centre in zip(models, centres, strict=True)
        if centre is not None
    ]
    return (*words, "window") if any(cuts_heart(labels, *window) for window in windows) else words


def _arithmetic(model: Model, manner: Manner) -> dict[str, Any]:
    return {"patch": model.settings.size.patch, "device": manner.device, "precision": manner.precision}


def _scores(logits: np.ndarray, plan: Plan) -> np.ndarray:
    """Return what is resampled: probabilities; of an imported network its logits, as nnU-Net does it."""
    return logits if plan.axes is not None else torch.from_numpy(logits).softmax(dim=0).numpy()


def _probabilities(scores: np.ndarray, models: Sequence[Model]) -> np.ndarray:
    """Return probabilities from what `_scores` gave, at the mean temperature of the models."""
    found = scores if models[0].plan.axes is None else torch.from_numpy(scores).softmax(dim=0).numpy()
    return tempered(found, _temperature(models))


def _temperature(models: Sequence[Model]) -> float:
    return float(np.mean([model.temperature for model in models]))


def _lens(model: Model) -> Lens | None:
    """What finds the heart."""
    closer = closer_of(model.scar, model.anatomy)
    return Lens(model.finder, closer, model.settings.size.patch) if model.finder is not None else None


def _prior(
    model: Model,
    case: NetworkCase,
    centre: tuple[int, int] | None,
    anatomy: Anatomy | None,
    where: Where,
    manner: Manner,
) -> tuple[Prior, PriorSource]:
    """Return the AHA segments that the second stage is shown, and where they come from."""
    affine = np.array(case.grid.affine)
    at: dict[str, Any] = {"anchor": where.anchor, "angle": where.angle, "landmarks": where.landmarks}
    if model.settings.prior_source == "none":
        return Prior(np.zeros(case.image.shape[1:], np.uint8)), "none"
    if anatomy is not None and case.label is not None:
        return prior_of(case.label, affine, clean=False, **at), anatomy.source
    if model.anatomy is None:
        raise InputError(
            f"this model was trained with a wall from {model.settings.prior_source} and has no first stage",
            remedy="Give a reader's contours with --anatomy",
        )
    views = predict_views(
        model.anatomy, case.image, centre=centre, mirror=manner.mirror, **_arithmetic(model, manner)
    )
    found = np.mean(list(views), axis=0).argmax(axis=0).astype(np.uint8)
    return prior_of(named(found, model.anatomy_labels), affine, **at), "predicted"


def _segments(labels: np.ndarray, affine: np.ndarray, where: Where) -> tuple[Segments | None, str]:
    """Label the segments of what was predicted; or say why that cannot be done."""
    try:
        found = label_segments(
            labels, affine, anchor=where.anchor, angle=where.angle, landmarks=where.landmarks
        )
    except InputError as error:
        return None, str(error)
    return found, ""
