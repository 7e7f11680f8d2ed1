"""What is written down about a trained model: for programs (model.json) and for people (its card)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scartools.learning.dataset import Material
from scartools.learning.sampling import TrainingCase
from scartools.learning.settings import Settings
from scartools.learning.two_stage import Trained, anatomy_labels

NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment."
LABEL_NAMES = {1: "LV pool", 2: "healthy myocardium", 3: "scar", 4: "no-reflow", 5: "RV pool"}
WALL_FROM = {
    "none": "It is shown no prior.",
    "predicted": "The AHA segments it is shown come from its own first stage (cross-fitted in training).",
    "manual": "The AHA segments it was shown come from a reader's contours: it needs --anatomy to predict.",
    "truth": "The AHA segments it was shown come from the truth: an upper bound, never a result.",
}

UNSEEN = " They only say where the ECG is heard: it is shown the image alone."


def describe(material: Material, settings: Settings, precision: str, result: Trained) -> dict[str, Any]:
    """Return what model.json holds: architecture, settings, labels, inputs, cohort, and how the training ended."""
    anatomy = result.anatomy
    return {
        "Kind": "segmenter",
        "Labels": list(material.labels),
        "AnatomyLabels": list(anatomy_labels(material.labels)) if anatomy is not None else None,
        "Network": result.scar.parts.to_json(),
        "Anatomy": anatomy.parts.to_json() if anatomy is not None else None,
        "Finder": result.finder.parts.to_json() if result.finder is not None else None,
        "Settings": settings.to_json(),
        "Precision": precision,
        "Plan": material.plan,
        "Seen": material.seen,
        "Inputs": {
            "Prior": settings.prior_source,
            "PriorChannels": settings.prior_source != "none" and settings.prior_channels,
            "Ecg": settings.ecg,
            "Time": settings.time,
            "EcgSource": ecg_source(settings),
            "Beat": material.beat,
        },
        "Cohort": _cohort(material),
        "WithoutPrior": dict(sorted(result.without_prior.items())),
        "Calibration": _calibration(result),
        "Evidence": None if result.evidence is None else result.evidence.to_json(),
        "StartedFrom": None if result.started_from is None else dict(result.started_from),
        "PretrainedFrom": None if result.pretrained_from is None else dict(result.pretrained_from),
        "ValidationDice": result.log[-1]["ValidationDice"] if result.log else {},
    }


def _wall(settings: Mapping[str, Any]) -> str:
    told = WALL_FROM[settings["prior_source"]]
    return told if settings.get("prior_channels", True) else told + UNSEEN


def _calibration(result: Trained) -> dict[str, Any] | None:
    found = result.calibration
    if found is None:
        return None
    return {
        "Temperature": found.temperature,
        "LogLossBefore": round(found.before, 5),
        "LogLossAfter": round(found.after, 5),
        "Patients": found.patients,
    }


def ecg_source(settings: Settings) -> str | None:
    """Return whose ECG the network is shown: own, shuffled, interval-shuffled or truth; None for one that takes none."""
    if not settings.ecg:
        return None
    if settings.oracle_ecg:
        return "truth"
    if settings.shuffle_ecg:
        return "shuffled"
    return "interval-shuffled" if settings.shuffle_interval else "own"


def _cohort(material: Material) -> dict[str, Any]:
    def patients(side: tuple[TrainingCase, ...]) -> int:
        return len({case.group for case in side})

    return {
        "TrainingCases": len(material.learns),
        "TrainingPatients": patients(material.learns),
        "TrainingWithEcg": sum(case.beat is not None for case in material.learns),
        "ValidationCases": len(material.validates),
        "ValidationPatients": patients(material.validates),
        "TrainedOn": sorted({material.participants[case.id] for case in material.learns}),
        "ValidatedOn": sorted({material.participants[case.id] for case in material.validates}),
    }


def _heard(said: Mapping[str, Any] | None) -> list[str]:
    if said is None:
        return []
    if not said["Patients"]:
        return ["No patient had both an ECG and AHA segments: its ECGs say nothing."]
    auc = "n/a" if said["Auc"] is None else f"{said['Auc']:.3f}"
    return [
        f"What the ECGs of {said['Patients']} patients say of scar in a segment, seen as "
        f"{'codes of the encoder' if said['Components'] is None else str(said['Components']) + ' principal components'}, each by a "
        f"fit without that patient: AUC {auc}, "
        f"log loss {said['LogLoss']:.4f}; the frequency of scar by segment alone has {said['LogLossOfFrequency']:.4f}.",
    ]


def _start(said: Mapping[str, Any] | None) -> list[str]:
    if said is None:
        return []
    return [f"It went on from another training's network, of {said['Iterations']} iterations before these."]


def _pretrained(said: Mapping[str, Any] | None) -> list[str]:
    if said is None:
        return []
    return [
        f"It began with a network that had learned from {said['Patients']} other patients, real or simulated, "
        f"for {said['Iterations']} iterations."
    ]


def _calibrated(said: Mapping[str, Any] | None) -> list[str]:
    if said is None:
        return ["Its probabilities are not calibrated: there was no validation patient.", ""]
    return [
        f"Its probabilities are those of its logits divided by {said['Temperature']:g}, found on the {said['Patients']} "
        f"validation patients: log loss {said['LogLossBefore']:.4f} before, {said['LogLossAfter']:.4f} after.",
        "",
    ]


def card(description: Mapping[str, Any], log: Sequence[Mapping[str, Any]]) -> str:
    """Return the card as Markdown.

    description  what model.json holds; log: one dictionary a report, as in log.jsonl
    """
    settings, cohort, labels = description["Settings"], description["Cohort"], description["Labels"]
    last = next((line for line in reversed(log) if line["Network"] == "scar"), None)
    dice = (last or {}).get("ValidationDice") or {}
    rows = [
        f"| {LABEL_NAMES.get(int(label), label)} | {'n/a' if value is None else f'{value:.3f}'} |"
        for label, value in dice.items()
    ]
    ecg = "It fuses a 12-lead median beat where there is one" if settings["ecg"] else "It takes no ECG"
    if settings.get("oracle_ecg"):
        ecg = "In place of an ECG it is shown the true scar of each segment: a ceiling, never a result"
    elif settings.get("shuffle_ecg") or settings.get("shuffle_interval"):
        ecg = "A control: it learned with the ECGs or intervals of other patients"
    interval = ", and sees the days between ECG and MRI." if settings["time"] else "."
    lines = [
        "# Scar segmentation model",
        "",
        NOTICE,
        "",
        "## Use",
        "",
        "Segments LGE short-axis stacks, slice by slice, for research on myocardial scar.",
        f"Labels: {', '.join(LABEL_NAMES.get(value, str(value)) for value in labels if value)}.",
        f"{_wall(settings)} {ecg}{interval}",
        "",
        "## What it learned from",
        "",
        f"{cohort['TrainingCases']} cases of {cohort['TrainingPatients']} patients; "
        f"{cohort['TrainingWithEcg']} with an ECG; validated on {cohort['ValidationCases']} cases of "
        f"{cohort['ValidationPatients']} patients, none of them in both.",
        f"Preset {settings['preset']}, seed {settings['seed']}, {settings['size']['iterations']} iterations of "
        f"{settings['size']['batch']} crops of {settings['size']['patch'][0]} x {settings['size']['patch'][1]} pixels.",
        *_start(description.get("StartedFrom")),
        *_pretrained(description.get("PretrainedFrom")),
        *_heard(description.get("Evidence")),
        "",
        "## How it stood at the end",
        "",
        "Dice on crops of the validation patients, pooled over pixels. This is no result; measure whole patients with",
        "`scartools evaluate`.",
        "",
        "| structure | Dice |",
        "|---|---|",
        *(rows or ["| no validation patients | n/a |"]),
        "",
        *_calibrated(description.get("Calibration")),
        "## Limits",
        "",
        "It knows the scanners, sequences and patients it learned from, and no others. A scar that no image shows it",
        "cannot find; an ECG says where a scar may be, not where it is.",
        "",
    ]
    return "\n".join(lines)
