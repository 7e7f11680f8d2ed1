"""What a model may be asked for, checked once before any case is predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from scartools.errors import InputError
from scartools.heart.anchors import Anchor, Landmarks
from scartools.learning.prediction import Manner, Model, Where


def require_together(models: Sequence[Model], manner: Manner) -> None:
    """Raise InputError where models cannot be averaged, or were not trained with the mirror images they are to see."""
    first = models[0]
    for number, model in enumerate(models[1:], start=2):
        for name in ("labels", "plan"):
            if getattr(model, name) != getattr(first, name):
                raise InputError(
                    f"model {number} has other {name} than the first", remedy="Give models of one data set"
                )
        for name in (
            *("prior_source", "prior_channels"),
            *("ecg", "time", "shuffle_ecg", "shuffle_interval", "oracle_ecg"),
        ):
            if getattr(model.settings, name) != getattr(first.settings, name):
                raise InputError(
                    f"model {number} was trained with another {name} than the first",
                    remedy="Give models of one kind",
                )
    if manner.explain and not first.settings.ecg:
        raise InputError("takes no ECG: there is nothing to explain", remedy="Leave --explain out")
    if manner.mirror and not all(model.settings.mirror for model in models):
        raise InputError(
            "was not trained with mirrored crops: mirror images mean nothing to it",
            remedy="Leave --mirror out, or train with --mirror",
        )


def require_unseen(tested: Sequence[str], models: Sequence[Model]) -> None:
    """Raise InputError where a participant of a test is one that a model has learned from or was watched on."""
    known = frozenset[str]().union(
        *(model.learned_from | model.watched_on | model.pretrained_on for model in models)
    )
    seen = sorted(known.intersection(tested))
    if seen:
        raise InputError(
            f"{len(seen)} patients of the split test were in the training of this model, {seen[0]} first",
            remedy="Use the manifest that the model was trained with",
        )


def require_wall(model: Model, given: bool) -> None:
    """Raise InputError for a model that is shown contours where they are not given, once and not for each case."""
    source = model.settings.prior_source
    if source in ("manual", "truth") and not given:
        raise InputError(
            f"was trained with a wall from {source} and has no first stage",
            remedy="Give a reader's contours with --anatomy, or take a model with a predicted prior",
        )


def where_of(model: Model, anchor: str | None, angle: float | None, landmarks: Landmarks | None) -> Where:
    """Return what fixes the angle of the segments: what is given, else what the model was trained with."""
    if landmarks is not None:
        return Where(cast(Anchor, anchor or "landmarks"), None, landmarks)
    if angle is not None:
        return Where("angle", angle)
    if anchor is not None:
        return Where(cast(Anchor, anchor))
    return Where(cast(Anchor, model.settings.anchor), model.settings.angle)


def require_oracle_said(model: Model, asked: bool) -> None:
    """Raise InputError unless a model that learned from the truth in place of an ECG, and no other, is asked to see it."""
    if model.settings.oracle_ecg and not asked:
        raise InputError(
            "was trained with the true scar of the segments in place of an ECG",
            remedy="Say --oracle-ecg to show it the truth, which is a ceiling and no result; or --no-ecg",
        )
    if asked and not model.settings.oracle_ecg:
        raise InputError(
            "was not trained with the true scar of the segments in place of an ECG",
            remedy="Leave --oracle-ecg out, or train with it",
        )
