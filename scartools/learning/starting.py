"""What a training takes from a model that is there already: its first stage, the whole of it to go on from, or what it
learned from other patients.

Arms of a comparison that start as one network, weight for weight, differ by what they are shown and not by the luck of
their first draws: of short trainings that luck is larger than what an ECG gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from scartools.errors import InputError
from scartools.learning.dataset import Material
from scartools.learning.prediction import Model
from scartools.learning.sampling import TrainingCase
from scartools.learning.settings import Settings
from scartools.learning.two_stage import Trained
from scartools.network.segmenter import AHA_SEGMENTS

HEADS = "seg_layers"  # one row a label
ECG_PARTS = ("ecg.", "taff.", "segment_fusion.")  # what a network with an ECG has beside one without


def take(
    networks: Literal["first", "last", "all", "pretrained"],
    result: Trained,
    model: Model,
    priors: Mapping[str, np.ndarray],
    material: Material,
    settings: Settings,
    weights: str,
) -> None:
    """Put networks of a model into a training that has not begun; `result` is changed in place.

    networks  "first": finder, first stage and its priors; "last": finder and the last network, to go on from; "all": both;
              "pretrained": the last network, of other patients
    weights   SHA-256 of the model's
    Raises InputError for a model that does not fit, see the functions below.
    """
    learned = frozenset(material.participants[case.id] for case in material.learns)
    if networks == "pretrained":
        others = frozenset(material.participants.values()) - learned
        begin_with(result, model, material.labels, others, weights)
        return
    require_same_data(model, learned, material.labels)
    if networks == "last" and model.finder is not None and result.finder is not None:
        result.finder.load_state_dict(model.finder.state_dict())  # the one whose windows the network knows
    if networks != "last":
        take_first_stage(result, model, priors, (*material.learns, *material.validates), settings)
    if networks != "first":
        go_on_from(result, model, settings, weights)


def require_same_data(model: Model, participants: frozenset[str], labels: Sequence[int]) -> None:
    """Raise InputError for a model of other labels or patients: some of those may be here to look at, or to test on."""
    if model.labels != tuple(labels):
        raise InputError(
            "tells other labels apart than this data set", remedy="Take a model of the same data set"
        )
    if not model.cohort_known or model.learned_from != participants:
        raise InputError(
            "learned from other patients than this training",
            remedy="Take a model of the same data set, splits and fold",
        )


def take_first_stage(
    result: Trained,
    model: Model,
    priors: Mapping[str, np.ndarray],
    cases: Sequence[TrainingCase],
    settings: Settings,
) -> None:
    """Take the finder and the first stage of another model, so that only the last network is trained.

    result    of `untrained`; changed in place
    priors    by case id, uint8 (Z, Y, X), those of `cases` among them
    settings  of the training
    Raises InputError where they do not fit the training.
    """
    if (model.finder is None) != (result.finder is None):
        raise InputError(
            "looks around the heart, or everywhere, and this training does not",
            remedy="Train both with --around-heart, or both without",
        )
    if model.settings.prior_source != settings.prior_source:
        raise InputError(
            f"has segments whose source is {model.settings.prior_source}, not {settings.prior_source} as here",
            remedy="Give both trainings the same --prior-source",
        )
    frames = [(said.anchor, said.angle) for said in (model.settings, settings)]
    if settings.prior_source != "none" and frames[0] != frames[1]:
        raise InputError(
            "fixes the angle of its segments in another way", remedy="Give it the same --anchor and --angle"
        )
    if result.anatomy is not None:
        if model.anatomy is None or model.anatomy.parts != result.anatomy.parts:
            raise InputError(
                "has a first stage of another size or other labels, or none",
                remedy="Train it with the same preset and data set",
            )
        for case in cases:
            result.priors[case.id] = _usable(priors.get(case.id), case)
        result.anatomy.load_state_dict(model.anatomy.state_dict())
    if model.finder is not None and result.finder is not None:
        result.finder.load_state_dict(model.finder.state_dict())
    result.given = True


def go_on_from(result: Trained, model: Model, settings: Settings, weights: str) -> None:
    """Let the last network start as that of another model, weight for weight.

    result   of `untrained`; changed in place
    weights  SHA-256 of the model's
    What the model has not (encoder and fusion of an ECG) stays as it was drawn, or pretrained: the fusion by segments then
    gives what the model gives to the last bit, and TAFF in its corrected form to rounding, until they learn.
    Raises InputError where sizes or labels differ, or the model has an ECG, or segments in view that this training has not.
    """
    if model.settings.size.patch != settings.size.patch:
        across, here = model.settings.size.patch[1], settings.size.patch[1]
        raise InputError(
            f"saw crops of {across} pixels and this training of {here}", remedy=f"Give --patch {across}"
        )
    theirs, ours = model.scar.state_dict(), result.scar.state_dict()
    new = [name for name in ours if name not in theirs]
    fits = not model.scar.parts.ecg and all(
        name in ours and ours[name].shape == value.shape for name, value in theirs.items()
    )
    if not fits or not all(name.startswith(ECG_PARTS) for name in new):
        raise InputError(
            "has a last network that this training's cannot start as: another size, other labels, a prior or an ECG more",
            remedy="Train both with the same preset, --features and data set; the model to start from without an ECG",
        )
    result.scar.load_state_dict({**ours, **theirs})
    result.pretrained_from = model.pretrained_from
    result.started_from = {"WeightsSHA256": weights, "Iterations": model.settings.size.iterations}


def begin_with(
    result: Trained, model: Model, labels: Sequence[int], others: frozenset[str], weights: str
) -> None:
    """Let the last network begin with the weights of a network that learned from other data, such as simulated pictures.

    result   of `untrained`; changed in place
    labels   of this data set, in the order of the network's outputs; rows of the heads go by label
    others   participants of this data set that are not learned from
    weights  SHA-256 of the model's
    What the model has not stays as it was drawn: labels that it does not know, channels of a prior, encoder and fusion of an ECG.
    Raises InputError where the model has learned from one of `others`, or is of another size.
    """
    known = model.learned_from | model.watched_on | model.pretrained_on
    shared = sorted(known & others)
    if not model.cohort_known or shared:
        raise InputError(
            f"learned from patients that are held out here, {shared[0]} first"
            if shared
            else "does not say whom it learned from",
            remedy="Take a model of other patients",
        )
    theirs, ours = model.scar.state_dict(), result.scar.state_dict()
    taken = {}
    for name, value in ours.items():
        other = theirs.get(name)
        if other is None or name.startswith(ECG_PARTS):
            continue
        mine = value.clone()
        if HEADS in name and other.shape[1:] == value.shape[1:]:
            for row, label in enumerate(labels):
                if label in model.labels:
                    mine[row] = other[model.labels.index(label)]
        elif other.shape == value.shape:
            mine = other
        elif value.ndim == 4 and other.shape == value[:, :1].shape:  # the image, of image and prior
            mine[:, :1] = other
        else:
            continue
        taken[name] = mine
    image = [name for name in ours if not name.startswith(ECG_PARTS)]
    if len(taken) < len(image):
        raise InputError(
            "has a network of another size or kind",
            remedy="Train both with the same preset, --features, --network and depth (see --patch)",
        )
    result.scar.load_state_dict({**ours, **taken})
    result.pretrained_from = {
        "WeightsSHA256": weights,
        "Iterations": model.settings.size.iterations,
        "Patients": len(known),
        "TrainedOn": sorted(known),
    }


def _usable(prior: np.ndarray | None, case: TrainingCase) -> np.ndarray:
    if prior is None or prior.shape != case.label.shape or prior.max(initial=0) > AHA_SEGMENTS:
        raise InputError(
            f"has no usable prior of case {case.id}",
            remedy="Take a model that was trained on the same data set, splits and fold",
        )
    return prior
