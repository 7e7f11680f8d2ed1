"""The files of a case that is to be segmented, read while the case before it is worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from scartools.errors import InputError
from scartools.files import volume
from scartools.files.case_inputs import CaseInput
from scartools.files.provenance import Source
from scartools.files.record import Record, read_beat
from scartools.files.volume import Volume


@dataclass(frozen=True)
class CaseFiles:
    """What was read of one case; None for what it lacks or what was not asked for."""

    image: Volume
    contours: Volume | None
    beat: Record | None
    label: Volume | None

    @property
    def sources(self) -> list[Source]:
        """Every file that was read."""
        volumes = [part.source for part in (self.image, self.contours, self.label) if part is not None]
        return [*volumes, *(self.beat.sources if self.beat is not None else ())]


def read_case(
    case: CaseInput, *, scheme: Any, spacing_from: Any, with_beat: bool, with_label: bool
) -> CaseFiles:
    """Read the files of a case.

    scheme, spacing_from   of contours and label, see scartools.files.volume
    with_beat, with_label  whether these are wanted; a label that is wanted must be there
    Raises InputError for a file that cannot be used, or contours or a label on another grid than the image.
    """
    image = volume.read_image(case.image, spacing_from=spacing_from)
    if with_label and case.label is None:
        raise InputError("has no label, which --oracle-ecg shows in place of the ECG", remedy="Leave it out")
    found = []
    for path in (case.anatomy, case.label if with_label else None):
        labels = None if path is None else volume.read_labels(path, scheme=scheme, spacing_from=spacing_from)
        if labels is not None:
            volume.require_same_grid(labels, image)
        found.append(labels)
    beat = read_beat(case.beat) if case.beat is not None and with_beat else None
    return CaseFiles(image, found[0], beat, found[1])


def read_ahead(
    cases: Sequence[CaseInput], read: Callable[[CaseInput], CaseFiles]
) -> Iterator[tuple[CaseInput, Callable[[], CaseFiles]]]:
    """Yield each case with a call that gives its files, or raises what reading them raised.

    One case is read ahead in a thread of its own, so that two are in memory at most.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="reading") as reader:
        coming = reader.submit(read, cases[0]) if cases else None
        for number, case in enumerate(cases, start=1):
            now, coming = coming, reader.submit(read, cases[number]) if number < len(cases) else None
            if now is not None:
                yield case, now.result
