"""A raw nnU-Net v2 data set: imagesTr, labelsTr, imagesTs, dataset.json and splits_final.json.

One channel a case, `ID_0000.nii.gz`; labels are consecutive numbers that dataset.json names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scartools.errors import InputError
from scartools.files import labels, provenance, volume
from scartools.files.pairs import PairRow
from scartools.files.provenance import Source, source_of
from scartools.files.volume import SpacingFrom, Volume

if TYPE_CHECKING:
    import numpy as np

ENDING = ".nii.gz"
MAX_SPLITS_BYTES = 64 << 20
_NAMES = {re.sub(r"\W+", "_", name.lower()): value for value, name in labels.NAMES.items()}


@dataclass(frozen=True)
class RawFolder:
    """A raw data set as it was read.

    rows     one a case; the id is participant and case
    values   its numbers to our labels, by the names in dataset.json; None where not asked for
    sources  dataset.json, and splits_final.json where there is one
    """

    rows: tuple[PairRow, ...]
    values: Mapping[int, int] | None
    sources: tuple[Source, ...]


def label_map(present: Sequence[int]) -> dict[int, int]:
    """Return our labels as nnU-Net's consecutive numbers, background 0 and ignore last, as it wants them."""
    ordered = sorted({labels.BACKGROUND, *present})
    return {ours: number for number, ours in enumerate(ordered)}


def write_case(
    folder: Path,
    row: PairRow,
    image: np.ndarray,
    label: np.ndarray | None,
    affine: np.ndarray,
    numbers: Mapping[int, int],
) -> None:
    """Write one case into a raw data set that is being made.

    image    float32 (X, Y, Z), as it was read
    label    uint8 (X, Y, Z), our labels, or None
    affine   float64 (4, 4), voxel index to RAS+ mm, a mended header included
    numbers  our labels to consecutive ones, see label_map
    """
    import numpy as np

    part = "Ts" if row.split == "test" else "Tr"
    for name, array in ((f"images{part}", image), (f"labels{part}", label)):
        if array is None:
            continue
        place = folder / name
        place.mkdir(exist_ok=True)
        if name.startswith("images"):
            volume.save_array(place / f"{row.case_id}_0000{ENDING}", array, affine)
            continue
        strange = np.setdiff1d(np.unique(array), list(numbers))
        if strange.size:
            raise InputError(
                f"has the label {labels.NAMES[int(strange[0])]}, which no training case has: it cannot be exported",
                where=row.label,
                remedy="Put a case that has it into the training cases",
            )
        lookup = np.zeros(256, dtype=np.uint8)
        lookup[list(numbers)] = list(numbers.values())
        volume.save_array(place / f"{row.case_id}{ENDING}", lookup[array], affine)


def write_description(folder: Path, rows: Sequence[PairRow], numbers: Mapping[int, int]) -> None:
    """Write dataset.json and, where the rows say so, splits_final.json."""
    named = {re.sub(r"\W+", "_", labels.NAMES[ours].lower()): number for ours, number in numbers.items()}
    known = [row for row in rows if row.split != "test"]
    facts = {
        "channel_names": {"0": "LGE"},
        "labels": named,
        "numTraining": len(known),
        "file_ending": ENDING,
    }
    provenance.write_json(folder / "dataset.json", facts)
    splits = _splits(known)
    if splits:
        text = json.dumps(splits, indent=2) + "\n"
        (folder / "splits_final.json").write_text(text, encoding="utf-8")


def read_raw(folder: Path, *, by_name: bool = True) -> RawFolder:
    """Read what a raw data set holds; no volume is opened.

    by_name  the names of the labels must be ours and say what its numbers mean

    Raises InputError for several channels, another file ending, label names that are not ours, a case without
    its label, or splits that name a case twice or one that is not there.
    """
    description = folder / "dataset.json"
    facts = provenance.read_json(description)
    if not isinstance(facts.get("channel_names"), dict) or len(facts["channel_names"]) != 1:
        raise InputError(
            "does not name exactly one channel under channel_names",
            where=description,
            remedy="One LGE image a case is due",
        )
    if facts.get("file_ending") != ENDING:
        raise InputError(
            f"has the file_ending {facts.get('file_ending')!r}, not {ENDING}",
            where=description,
            remedy="Convert the images to .nii.gz",
        )
    trained = _ids(folder / "imagesTr")
    tested = _ids(folder / "imagesTs")
    if not trained:
        raise InputError(f"holds no *_0000{ENDING}", where=folder / "imagesTr", remedy="Check the folder")
    both = sorted(set(trained) & set(tested))
    if both:
        raise InputError(f"has the case {both[0]} in imagesTr and in imagesTs", where=folder)
    validation, sources = _validation(folder, trained)
    rows = [_row(folder, name, "Tr", "validation" if name in validation else "train") for name in trained]
    rows += [_row(folder, name, "Ts", "test") for name in tested]
    return RawFolder(
        tuple(rows), label_values(facts, description) if by_name else None, (source_of(description), *sources)
    )


def read_labels(path: Path, values: Mapping[int, int], *, spacing_from: SpacingFrom = "auto") -> Volume:
    """Read a label volume whose numbers `values` turn into ours; raises InputError for any other number."""
    import numpy as np

    found = volume.read(path, spacing_from=spacing_from)
    known = np.isin(found.array, list(values))
    if not known.all():
        strange = found.array[~known][:1]
        raise InputError(
            f"holds the label {float(strange[0]):g}, which dataset.json does not name",
            where=path,
            remedy="Name it there, or name the scheme of the numbers with --labels",
        )
    array = np.zeros(found.array.shape, dtype=np.uint8)
    for theirs, ours in values.items():
        array[found.array == theirs] = ours
    if not array.any():
        raise InputError("is empty: every voxel is background", where=path, remedy="Give a segmentation")
    return Volume(array, found.affine, found.header, found.source, found.notes)


def label_numbers(facts: Mapping[str, Any], where: Path) -> dict[int, str]:
    """Return the names of the labels in a dataset.json by number; raises InputError for none, or one number twice."""
    said = facts.get("labels")
    if not isinstance(said, dict) or not said:
        raise InputError("has no labels", where=where)
    names: dict[int, str] = {}
    for name, number in said.items():
        if isinstance(number, bool) or not isinstance(number, int) or number in names:
            raise InputError(
                f"gives the label {str(name)[:40]} the number {number!r}", where=where, remedy="Mend it"
            )
        names[number] = str(name)
    return names


def label_values(facts: Mapping[str, Any], where: Path, *, option: str = "--labels") -> dict[int, int]:
    """Return our labels by the numbers of a dataset.json, whose names must be ours; raises InputError else.

    option  of the command that names a scheme instead
    """
    values: dict[int, int] = {}
    for number, name in label_numbers(facts, where).items():
        key = re.sub(r"\W+", "_", name.lower())
        if key not in _NAMES:
            raise InputError(
                f"names the label {str(name)[:40]!r}, which is none of {', '.join(_NAMES)}",
                where=where,
                remedy=f"Rename it there, or name the scheme of the numbers with {option}",
            )
        values[number] = _NAMES[key]
    return values


def _row(folder: Path, name: str, part: str, split: str) -> PairRow:
    label = folder / f"labels{part}" / f"{name}{ENDING}"
    if not label.is_file() and split != "test":
        raise InputError("does not exist", where=label, remedy="Each training case needs its label")
    return PairRow(
        case_id=name,
        participant_id=name,
        group=name,
        image=folder / f"images{part}" / f"{name}_0000{ENDING}",
        label=label if label.is_file() else None,
        prior=None,
        beat=None,
        interval_days=None,
        split=split,
        fold=None,
    )


def _ids(folder: Path) -> list[str]:
    names = sorted(path.name.removesuffix(ENDING) for path in folder.glob(f"*{ENDING}"))
    for name in names:
        if not name.endswith("_0000"):
            raise InputError(
                f"holds {name}{ENDING}, which is not channel 0000 of a case",
                where=folder,
                remedy="One channel a case is understood",
            )
    return [name.removesuffix("_0000") for name in names]


def _validation(folder: Path, trained: Sequence[str]) -> tuple[set[str], list[Source]]:
    """Return the validation cases of fold 0 of splits_final.json; none where there is no such file."""
    path = folder / "splits_final.json"
    if not path.exists():
        return set(), []
    try:
        if path.stat().st_size > MAX_SPLITS_BYTES:
            raise InputError(f"is over the limit of {MAX_SPLITS_BYTES} bytes", where=path)
        first = json.loads(path.read_text(encoding="utf-8"))[0]
        train, validation = list(map(str, first["train"])), list(map(str, first["val"]))
    except (OSError, ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise InputError(f"is no list of splits with train and val ({error!r})", where=path) from error
    if sorted([*train, *validation]) != sorted(trained):
        raise InputError(
            "names in its first split other cases than imagesTr holds, or one twice",
            where=path,
            remedy="Mend it, or remove it to train on all",
        )
    return set(validation), [source_of(path)]


def _splits(known: Sequence[PairRow]) -> list[dict[str, list[str]]]:
    """Return nnU-Net's splits: the one of the manifest, or its folds where nothing is set aside for validation."""
    held = [{row.case_id for row in known if row.split == "validation"}]
    if not held[0]:
        folds = sorted({row.fold for row in known if row.fold is not None})
        held = [{row.case_id for row in known if row.fold == fold} for fold in folds]
    everyone = {row.case_id for row in known}
    return [{"train": sorted(everyone - out), "val": sorted(out)} for out in held if out and out != everyone]
