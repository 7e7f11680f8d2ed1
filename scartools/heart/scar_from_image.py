"""A segmentation whose scar is what a threshold finds in the image, in place of what its labels say."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from scartools.errors import InputError
from scartools.heart import thresholds
from scartools.heart.nomenclature import HEALTHY, MYOCARDIUM, NO_REFLOW, SCAR
from scartools.heart.remote import remote_region
from scartools.heart.thresholds import ImageKind

ThresholdMethod = Literal["sd", "fwhm", "otsu"]


def scar_from_image(
    mask: np.ndarray,
    image: np.ndarray,
    affine: np.ndarray,
    *,
    method: ThresholdMethod,
    n: float = 5.0,
    image_kind: ImageKind | None = None,
    remote: np.ndarray | None = None,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Relabel the myocardium of a segmentation by a threshold in the image.

    mask        uint8 (X, Y, Z), labels 0-5 and 255; its wall is kept, its scar is not looked at
    image       float (X, Y, Z), LGE
    affine      float (4, 4), voxel index to RAS+ mm
    method      "sd": n standard deviations above remote; "fwhm": half maximum; "otsu"; see thresholds.py
    n           standard deviations, for sd
    image_kind  "magnitude" or "psir"; required for fwhm
    remote      bool (X, Y, Z), remote myocardium where sd, or fwhm on PSIR, need it; None: found in the image
    Returns the labels, uint8 (X, Y, Z), with healthy and scar decided by the image and no-reflow (4) kept,
    because a dark core is below every threshold; and the facts of the threshold and of the remote region.
    Raises InputError for an image or region that cannot be used.
    """
    wall = np.isin(mask, MYOCARDIUM) & (mask != NO_REFLOW)  # a labelled dark core belongs to no threshold
    chosen: dict[str, Any] = {}
    if remote is None and (method == "sd" or image_kind == "psir"):
        remote, chosen = remote_region(image, mask, affine)
    if method == "otsu":
        found = thresholds.otsu(image, wall)
    elif method == "fwhm":
        if image_kind is None:
            raise InputError("FWHM needs to know whether the image is magnitude or PSIR", remedy="Say which")
        found = thresholds.fwhm(image, wall, image_kind=image_kind, remote=remote)
    else:
        if remote is None:
            raise InputError("n-SD needs a remote region", remedy="Give one")
        found = thresholds.n_sd(image, wall, remote, n)
    labels = mask.copy()
    labels[wall] = HEALTHY
    labels[found.scar] = SCAR
    kept = int((mask == NO_REFLOW).sum())
    warnings = [*chosen.pop("Warnings", []), *found.facts["Warnings"]]
    return labels, {**found.facts, **chosen, "NoReflowVoxelsKept": kept, "Warnings": warnings}
