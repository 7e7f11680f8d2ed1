"""What a training takes from a model that is there already: its first stage, or the whole of it to go on from.

Arms of a comparison that start as one network, weight for weight, differ by what they are shown and not by the luck of
their first draws: of short trainings that luck is larger than what an ECG gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from scartools.errors import InputError
from scartools.learning.prediction import Model
from scartools.learning.sampling import TrainingCase
from scartools.learning.settings import Settings
from scartools.learning.two_stage import Trained
from scartools.network.segmenter import AHA_SEGMENTS

ECG_PARTS = ("ecg.", "taff.", "segment_fusion.")  # what a network with an ECG has beside one without


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
    result.started_from = {"WeightsSHA256": weights, "Iterations": model.settings.size.iterations}


def _usable(prior: np.ndarray | None, case: TrainingCase) -> np.ndarray:
    if prior is None or prior.shape != case.label.shape or prior.max(initial=0) > AHA_SEGMENTS:
        raise InputError(
            f"has no usable prior of case {case.id}",
            remedy="Take a model that was trained on the same data set, splits and fold",
        )
    return prior
