"""`scartools simulate lge`: an LGE image for a segmentation that is given."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from scartools.cli.contracts import Writes
from scartools.cli.options import Force, Labels, Output, Seed, SegmentationFile, SpacingFrom

log = logging.getLogger(__name__)
OneSequence = Annotated[
    Literal["magnitude", "psir"],
    typer.Option("--sequence", help="A magnitude image, or a phase-sensitive (signed) one."),
]


def lge_command(draw: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Return the command for the library's call, `image_of_labels`, which this layer may not import."""

    def lge(
        segmentation: SegmentationFile,
        output: Annotated[Output, Writes("image")],
        labels: Labels = "scartools",
        sequence: OneSequence = "magnitude",
        spacing_from: SpacingFrom = "auto",
        seed: Seed = 1,
        force: Force = False,
    ) -> dict[str, Any]:
        """Simulate an LGE image for a segmentation, on its own grid."""
        from scartools.errors import concerning
        from scartools.files import atomic, volume

        atomic.require_place(output, force=force)
        mask = volume.read_labels(segmentation, scheme=labels, spacing_from=spacing_from)
        with concerning(segmentation):
            image, facts = draw(mask.array, mask.affine, seed, psir=sequence == "psir")
        facts["Warnings"] = list(mask.notes)
        volume.write_image(output, image, like=mask, facts=facts, sources=(mask.source,), force=force)
        log.info("%s: a simulated %s image of %s", output, sequence, segmentation)
        return {"Output": str(output), **facts}

    lge.__module__ = draw.__module__  # a member of that family: its name and its KIND are found there
    return lge
