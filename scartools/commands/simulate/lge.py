"""simulate lge: an LGE image for a segmentation that is given."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal

import typer

from scartools.cli.contracts import Writes
from scartools.cli.options import Force, Labels, Output, Seed, SegmentationFile, SpacingFrom

log = logging.getLogger(__name__)


def lge(
    segmentation: SegmentationFile,
    output: Annotated[Output, Writes("image")],
    labels: Labels = "scartools",
    sequence: Annotated[
        Literal["magnitude", "psir"],
        typer.Option("--sequence", help="A magnitude image, or a phase-sensitive (signed) one."),
    ] = "magnitude",
    spacing_from: SpacingFrom = "auto",
    seed: Seed = 1,
    force: Force = False,
) -> dict[str, Any]:
    """Simulate an LGE image for a segmentation, on its own grid."""
    from scartools.errors import concerning
    from scartools.files import atomic, volume
    from scartools.simulation.mask_lge import image_of_labels

    atomic.require_place(output, force=force)
    mask = volume.read_labels(segmentation, scheme=labels, spacing_from=spacing_from)
    with concerning(segmentation):
        image, facts = image_of_labels(mask.array, mask.affine, seed, psir=sequence == "psir")
    facts["Warnings"] = list(mask.notes)
    volume.write_image(output, image, like=mask, facts=facts, sources=(mask.source,), force=force)
    log.info("%s: a simulated %s image of %s", output, sequence, segmentation)
    return {"Output": str(output), **facts}
