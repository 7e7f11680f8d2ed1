"""From an image to labels and their 17 segments, with both stages of a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scartools.errors import InputError
from scartools.heart.anchors import Anchor, Landmarks
from scartools.heart.segments import Segments, label_segments
from scartools.learning.anatomy import Prior, anatomy_of, named, prior_of
from scartools.learning.grids import NetworkCase, to_network, to_source
from scartools.learning.inference import predict, predict_logits
from scartools.learning.planning import Plan
from scartools.learning.settings import PriorSource, Settings
from scartools.network.segmenter import Segmenter, SegmenterConfig


@dataclass(frozen=True)
class Model:
    """A trained model, rebuilt.

    scar, anatomy  networks of both stages; anatomy is None where its priors are not predicted
    labels         of the toolkit, in the order of the scar network's outputs; anatomy_labels likewise
    learned_from   participants it learned from; watched_on: those it was validated on
    cohort_known   whether those two are known: not so for an imported network
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
    ecg           "used", "absent", or "off" for a model that takes none
    """

    labels: np.ndarray
    segments: Segments | None
    prior_source: PriorSource
    without_prior: str
    without_segments: str
    ecg: str


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
        learned, watched = (frozenset(map(str, cohort[side])) for side in ("TrainedOn", "ValidatedOn"))
        if len(labels) != scar.parts.classes or (anatomy is not None and len(known) != anatomy.parts.classes):
            raise ValueError("labels and outputs differ in number")
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise InputError(
            f"holds a description that its weights do not fit ({' '.join(str(error).split())[:200]})",
            remedy="Copy the whole model folder again",
        ) from error
    return Model(
        scar, anatomy, labels, known, settings, plan, learned, watched, cohort.get("Known", True) is True
    )


def _network(config: dict[str, Any], weights: Mapping[str, Tensor], prefix: str) -> Segmenter:
    network = Segmenter(SegmenterConfig.from_json(config))
    own = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    network.load_state_dict(own)
    return network.eval()


def predict_case(
    model: Model,
    image: np.ndarray,
    affine: np.ndarray,
    *,
    beat: np.ndarray | None = None,
    days: float = float("nan"),
    anatomy: Anatomy | None = None,
    where: Where | None = None,
    device: str = "cpu",
    precision: torch.dtype = torch.float32,
) -> Predicted:
    """Segment one image.

    image    float32 (X, Y, Z); affine float (4, 4), voxel index to RAS+ mm
    beat     float32 (12, 600), standardised; None: no ECG; days: interval to the MRI, NaN unknown
    anatomy  a reader's contours, in place of the model's first stage
    where    what fixes the angle of the segments; None: as in training
    Raises InputError where the model needs an anatomy and none is given.
    """
    settings = model.settings
    where = where or Where(settings.anchor, settings.angle)  # type: ignore[arg-type]  # a word of Anchor, stored
    merged = anatomy_of(anatomy.labels) if anatomy is not None else None
    case = to_network(image, affine, model.plan, label=merged)
    how: dict[str, Any] = {"patch": settings.size.patch, "device": device, "precision": precision}
    shown, source = _prior(model, case, anatomy, where, how)
    has_beat = beat is not None and settings.ecg
    # an imported network is resampled as nnU-Net does it: its logits, not its probabilities
    scores = predict if model.plan.axes is None else predict_logits
    found = scores(
        model.scar, case.image, prior=shown.segments, beat=beat if has_beat else None, days=days, **how
    )
    labels = named(to_source(found, case.grid), model.labels)
    segments, reason = _segments(labels, affine, where)
    ecg = "off" if not settings.ecg else "used" if has_beat else "absent"
    return Predicted(labels, segments, source, shown.reason, reason, ecg)


def _prior(
    model: Model, case: NetworkCase, anatomy: Anatomy | None, where: Where, how: Mapping[str, Any]
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
    found = predict(model.anatomy, case.image, **how).argmax(axis=0).astype(np.uint8)
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
