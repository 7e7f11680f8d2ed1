"""A segmentation whose scar is what a threshold finds in the image, in place of what its labels say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scartools.errors import InputError
from scartools.heart import thresholds
from scartools.heart.grey_zone import GreyZoneRule, grey_zone, needs_remote
from scartools.heart.nomenclature import HEALTHY, MYOCARDIUM, NO_REFLOW, SCAR
from scartools.heart.quantities import FromImage
from scartools.heart.remote import remote_region
from scartools.heart.stack import bounding_box, checked_mask, joint_box, read_stack
from scartools.heart.thresholds import FwhmVariant, ImageKind
from scartools.heart.weighted import weighted_scar

Method = Literal["labels", "sd", "fwhm", "otsu", "ewa"]
DEFAULT_GREY_ZONE: dict[str, GreyZoneRule] = {"sd": "2-3-sd", "fwhm": "35-50"}


@dataclass(frozen=True)
class ScarRule:
    """How scar and grey zone are found.

    method      "labels": as the segmentation says; "sd": n standard deviations above remote; "fwhm": half maximum;
                "otsu"; see thresholds.py; "ewa": see weighted.py
    n           standard deviations, for sd
    variant     of fwhm, see thresholds.py
    image_kind  "magnitude" or "psir"; required for fwhm and for the grey zones of a maximum
    grey        rule of the grey zone, see grey_zone.py; None: 2-3-sd for sd, 35-50 for fwhm, else none
    """

    method: Method
    n: float = 5.0
    variant: FwhmVariant = "wall"
    image_kind: ImageKind | None = None
    grey: GreyZoneRule | None = None

    @property
    def grey_rule(self) -> GreyZoneRule | None:
        """The rule of the grey zone that holds."""
        if self.grey or (self.method == "fwhm" and self.image_kind is None):
            return self.grey
        return DEFAULT_GREY_ZONE.get(self.method)

    @property
    def needs_remote(self) -> bool:
        """Whether remote myocardium has a part in the answer."""
        half = self.method == "fwhm" and self.variant != "min" and self.image_kind == "psir"
        grey = self.grey_rule is not None and needs_remote(self.grey_rule, self.image_kind)
        return self.method == "sd" or half or grey


def scar_from_image(
    mask: np.ndarray,
    image: np.ndarray,
    affine: np.ndarray,
    rule: ScarRule,
    *,
    remote: np.ndarray | None = None,
) -> tuple[np.ndarray, FromImage, dict[str, Any]]:
    """Relabel the myocardium of a segmentation by a threshold in the image.

    mask    uint8 (X, Y, Z), labels 0-5 and 255; its wall is kept; its scar is looked at by the method labels and by
            the variants scar and grown of fwhm alone
    image   float (X, Y, Z), LGE
    affine  float (4, 4), voxel index to RAS+ mm
    rule    method, variant, grey zone
    remote  bool (X, Y, Z), remote myocardium where the rule needs it; None: found in the image
    Returns the labels, uint8 (X, Y, Z), with healthy and scar decided by the image and no-reflow (4) kept,
    because a dark core is below every threshold; image, core, grey zone and weights; and the facts of it all.
    Raises InputError for an image or region that cannot be used.
    """
    mask = checked_mask(mask)
    for name, part in (("image", image), ("remote region", remote)):
        if part is not None and part.shape != mask.shape:
            raise InputError(
                f"the {name} has shape {part.shape} but the segmentation {mask.shape}",
                remedy="Give both on the same grid",
            )
    chosen: dict[str, Any] = {}
    if remote is None and rule.needs_remote:
        remote, chosen = remote_region(image, mask, affine)
    box = bounding_box(mask != 0)  # all there is to look at; of a CT, a hundredth
    if remote is not None and remote.any():
        box = joint_box(box, bounding_box(remote))
    distant = None if remote is None else np.ascontiguousarray(remote[box])
    inside = np.ascontiguousarray(mask[box]), np.ascontiguousarray(image[box])
    labels, seen, facts = _in_box(*inside, distant, affine, rule)

    def whole(part: np.ndarray | None) -> np.ndarray | None:
        """An array of the box put back into the whole grid (X, Y, Z), 0 around it."""
        if part is None:
            return None
        found = np.zeros_like(mask, dtype=part.dtype)
        found[box] = part
        return found

    relabelled = mask
    if rule.method != "labels":
        relabelled = mask.copy(order="K")
        relabelled[box] = labels
    warnings = [*chosen.pop("Warnings", []), *facts["Warnings"]]
    found = FromImage(image, whole(seen.core), whole(seen.grey), whole(seen.weights))
    return relabelled, found, {**facts, **chosen, "Warnings": warnings}


def _in_box(
    mask: np.ndarray, image: np.ndarray, remote: np.ndarray | None, affine: np.ndarray, rule: ScarRule
) -> tuple[np.ndarray, FromImage, dict[str, Any]]:
    """As scar_from_image, with remote myocardium already there where the rule needs it."""
    wall = np.isin(mask, MYOCARDIUM) & (mask != NO_REFLOW)  # a labelled dark core belongs to no threshold
    facts: dict[str, Any] = {"Method": "labels", "Warnings": []}
    labels, weights = mask, None
    if rule.method != "labels":
        scar, weights = _threshold(mask, image, affine, rule, wall, remote)
        labels = mask.copy()
        labels[wall] = HEALTHY
        labels[scar.scar] = SCAR
        facts = {**scar.facts, "NoReflowVoxelsKept": int((mask == NO_REFLOW).sum())}
    if rule.grey_rule is None:
        return labels, FromImage(image, weights=weights), facts
    parts = grey_zone(
        image,
        wall,
        rule.grey_rule,
        image_kind=rule.image_kind,
        remote=remote if rule.needs_remote else None,
        peak=facts.get("Peak"),
    )
    warnings = [*facts["Warnings"], *parts.facts["Warnings"]]
    return (
        labels,
        FromImage(image, parts.core, parts.grey, weights),
        {**facts, **parts.facts, "Warnings": warnings},
    )


def _threshold(
    mask: np.ndarray,
    image: np.ndarray,
    affine: np.ndarray,
    rule: ScarRule,
    wall: np.ndarray,
    remote: np.ndarray | None,
) -> tuple[thresholds.ThresholdScar, np.ndarray | None]:
    if rule.method == "fwhm":
        drawn = mask == SCAR
        half = thresholds.fwhm(
            image, wall, image_kind=rule.image_kind, remote=remote, variant=rule.variant, region=drawn
        )
        return half, None
    if rule.method == "sd":
        if remote is None:
            raise InputError("n-SD needs a remote region", remedy="Give one")
        return thresholds.n_sd(image, wall, remote, rule.n), None
    split = thresholds.otsu(image, wall)
    if rule.method == "otsu":
        return split, None
    stack = read_stack(mask, affine)
    voxel_ml = abs(float(np.linalg.det(np.asarray(affine)[:3, :3]))) / 1000.0
    return weighted_scar(
        image, wall, split=split.facts["Threshold"], voxel_ml=voxel_ml, slice_axis=stack.slice_axis
    )
