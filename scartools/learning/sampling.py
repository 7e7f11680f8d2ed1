"""From cases to batches of crops, the same for the same seed and iteration.

As in nnU-Net, a part of each batch is centred on a labelled pixel, of a class drawn uniformly from those in the
case; the rest lies anywhere. Isensee et al., Nature Methods 2021;18:203.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import NamedTuple

import numpy as np

from scartools.network.losses import IGNORE
from scartools.network.segment_fusion import SEGMENTS

MOST_PIXELS = 10_000  # remembered per class and case
MARGIN = 1.25  # a crop is taken larger than the patch, so that a turned one is still filled


class Around(NamedTuple):
    """Where the crops of a case lie: around this pixel, and off by no more than `play` pixels, down and across."""

    down: int
    across: int
    play: int


@dataclass(frozen=True)
class TrainingCase:
    """One case on the network grid, labels as the network numbers them.

    image    float32 (1, Z, Y, X), normalised
    label    uint8 (Z, Y, X), 255 where a pixel does not count
    prior    uint8 (Z, Y, X), AHA segment; None where there is none
    beat     float32 (12, 600), standardised; None where there is none; days: interval, NaN unknown
    group    patient: what is split
    affine   float (4, 4), network voxel (X, Y, Z) to RAS+ mm
    pixels   per label, int (N, 3), where it is
    quality  of the beat, 0 to 1, NaN unknown
    fractions  float32 (17,), part of each AHA segment that is scar, NaN unknown; None: of all
    evidence   float32 (17,), logits of scar in each segment that stand for the beat, NaN unknown; None: the beat is encoded
    around   where all crops lie; None: anywhere
    """

    id: str
    group: str
    image: np.ndarray
    label: np.ndarray
    affine: np.ndarray
    prior: np.ndarray | None = None
    beat: np.ndarray | None = None
    days: float = float("nan")
    pixels: Mapping[int, np.ndarray] = field(default_factory=dict)
    quality: float = float("nan")
    fractions: np.ndarray | None = None
    evidence: np.ndarray | None = None
    around: Around | None = None


@dataclass(frozen=True)
class Batch:
    """Crops and what belongs to them.

    image    float32 (B, 1, H, W); label int64 (B, H, W); prior uint8 (B, H, W), 0 where there is none
    beat     float32 (B, 12, 600); days float32 (B,); present bool (B,)
    ids      of the cases that the crops are from
    quality  float32 (B,), of the beats; NaN unknown; None: of all
    evidence float32 (B, 17), logits of scar in each segment, NaN unknown; None: the beats are encoded
    """

    image: np.ndarray
    label: np.ndarray
    prior: np.ndarray
    beat: np.ndarray
    days: np.ndarray
    present: np.ndarray
    ids: tuple[str, ...] = ()
    quality: np.ndarray | None = None
    evidence: np.ndarray | None = None


def pixels_by_class(label: np.ndarray, seed: int) -> dict[int, np.ndarray]:
    """Return where each class but background and ignore is, int32 (N, 3), at most MOST_PIXELS of each."""
    rng = np.random.default_rng([seed, 77])
    found = {}
    for value in np.unique(label):
        if value in (0, IGNORE):
            continue
        places = np.argwhere(label == value).astype(np.int32)
        if len(places) > MOST_PIXELS:
            places = places[np.sort(rng.choice(len(places), MOST_PIXELS, replace=False))]
        found[int(value)] = places
    return found


def draw_batch(
    cases: Sequence[TrainingCase],
    rng: np.random.Generator,
    *,
    batch: int,
    patch: tuple[int, int],
    foreground: float,
    ecg_dropout: float = 0.0,
    prior_dropout: float = 0.0,
    margin: float = MARGIN,
) -> Batch:
    """Draw crops of `margin` times the patch; the last round(batch * foreground) hold a labelled pixel at their centre."""
    edges = tuple(round(edge * margin) for edge in patch)
    made = Batch(
        np.zeros((batch, len(cases[0].image), *edges), np.float32),
        np.zeros((batch, *edges), np.int64),
        np.zeros((batch, *edges), np.uint8),
        np.zeros((batch, 12, 600), np.float32),
        np.full(batch, np.nan, np.float32),
        np.zeros(batch, bool),
    )
    forced, drawn = batch - round(batch * foreground), []
    for number in range(batch):
        case = cases[int(rng.integers(len(cases)))]
        drawn.append(case)
        place = _place(case, rng, patch, number >= forced)
        for channel, stack in enumerate(case.image):
            made.image[number, channel] = cut(stack[place[0]], place[1:], edges)
        made.label[number] = cut(case.label[place[0]], place[1:], edges)
        hide_ecg, hide_prior = rng.random() < ecg_dropout, rng.random() < prior_dropout
        if case.prior is not None and not hide_prior:
            made.prior[number] = cut(case.prior[place[0]], place[1:], edges)
        if case.beat is not None and not hide_ecg:
            made.beat[number], made.days[number], made.present[number] = case.beat, case.days, True
    unknown = np.full(SEGMENTS, np.nan, np.float32)
    return replace(
        made,
        ids=tuple(case.id for case in drawn),
        quality=np.array([case.quality for case in drawn], np.float32),
        evidence=np.stack([unknown if case.evidence is None else case.evidence for case in drawn])
        if any(case.evidence is not None for case in cases)
        else None,
    )


def share_of(batch: Batch, rank: int, world: int) -> Batch:
    """Return the crops that process `rank` of `world` computes: as many for each, in order."""
    each = len(batch.image) // world
    rows = slice(rank * each, (rank + 1) * each)
    parts = {part.name: getattr(batch, part.name) for part in fields(Batch)}
    return replace(batch, **{name: part[rows] for name, part in parts.items() if part is not None})


def _place(
    case: TrainingCase, rng: np.random.Generator, patch: tuple[int, int], on_label: bool
) -> tuple[int, int, int]:
    """Draw the slice and the centre of a crop."""
    depth, height, width = case.label.shape
    if on_label and case.pixels:
        kinds = sorted(case.pixels)
        places = case.pixels[kinds[int(rng.integers(len(kinds)))]]
        z, y, x = places[int(rng.integers(len(places)))]
    else:
        z, y, x = (int(rng.integers(size)) for size in (depth, height, width))
    if case.around is not None:
        down, across, play = case.around
        return int(z), down + int(rng.integers(-play, play + 1)), across + int(rng.integers(-play, play + 1))
    # where the picture is larger than the patch the patch stays inside it
    centre = []
    for at, size, edge in zip((y, x), (height, width), patch, strict=True):
        half = edge // 2
        centre.append(int(np.clip(at, half, size - (edge - half))) if size > edge else size // 2)
    return int(z), centre[0], centre[1]


def cut(plane: np.ndarray, centre: tuple[int, ...], edges: tuple[int, ...]) -> np.ndarray:
    """Return a rectangle of a plane around a centre, 0 beyond the plane."""
    result = np.zeros(edges, dtype=plane.dtype)
    source, target = overlap(centre, edges, plane.shape)
    result[target] = plane[source]
    return result


def overlap(
    centre: Sequence[int], edges: Sequence[int], shape: Sequence[int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return where a rectangle around a centre lies in a plane of this shape, and where that is in the rectangle."""
    source, target = [], []
    for at, edge, size in zip(centre, edges, shape, strict=True):
        start = at - edge // 2
        first, last = min(max(start, 0), size), min(start + edge, size)
        source.append(slice(first, max(last, first)))
        target.append(slice(first - start, max(last, first) - start))
    return tuple(source), tuple(target)
