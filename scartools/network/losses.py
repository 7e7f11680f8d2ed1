"""The losses of the segmenter: soft Dice with cross-entropy, over all resolutions of the decoder.

nnU-Net's: Dice over the whole batch without background, smooth 1e-5; one to one with cross-entropy; weights 1,
1/2, 1/4 ... from fine to coarse, the coarsest 0. Isensee et al., Nature Methods 2021;18:203.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

IGNORE = 255
SMOOTH = 1e-5
Add = Callable[[Tensor], Tensor]


def alone(value: Tensor) -> Tensor:
    """Return the value: the sum over the processes of a training, where there is but one."""
    return value


def dice_and_cross_entropy(logits: Tensor, target: Tensor, over_all: Add = alone) -> Tensor:
    """Cross-entropy less soft Dice, a scalar.

    logits    (B, C, H, W); target int64 (B, H, W), 255 where a pixel does not count
    over_all  adds a tensor up over the processes that share the batch
    """
    logits = logits.float()  # sums of squares of half-precision numbers lose small lesions
    counted = target != IGNORE
    cross_entropy = functional.cross_entropy(logits, target, ignore_index=IGNORE, reduction="sum")
    cross_entropy = over_all(cross_entropy) / over_all(counted.sum().float()).clamp_min(1)
    classes = logits.shape[1]
    truth = functional.one_hot(torch.where(counted, target, 0), classes).movedim(-1, 1)
    truth = truth.to(logits.dtype) * counted[:, None]
    guess = logits.softmax(dim=1) * counted[:, None]
    both = over_all((truth * guess).sum(dim=(0, 2, 3))[1:])
    total = over_all((truth.sum(dim=(0, 2, 3)) + guess.sum(dim=(0, 2, 3)))[1:])
    dice = (2 * both + SMOOTH) / (total + SMOOTH).clamp_min(1e-8)
    return cross_entropy - dice.mean()


def region_dice(
    logits: Tensor, target: Tensor, regions: Sequence[tuple[int, ...]], over_all: Add = alone
) -> Tensor:
    """Less the mean soft Dice of regions, each of several classes taken as one; a scalar.

    A wall that is cut short where the scar lies costs the classes little and the wall much.
    logits, target, over_all  as in `dice_and_cross_entropy`; regions: numbers of their classes
    """
    counted = target != IGNORE
    guess = logits.float().softmax(dim=1)
    terms = []
    for region in regions:
        inside = torch.isin(target, torch.tensor(region, device=target.device)).float() * counted
        said = guess[:, list(region)].sum(dim=1) * counted
        both, total = over_all((inside * said).sum()), over_all(inside.sum() + said.sum())
        terms.append((2 * both + SMOOTH) / (total + SMOOTH))
    return -torch.stack(terms).mean()


def deep_supervision(
    outputs: Sequence[Tensor],
    target: Tensor,
    over_all: Add = alone,
    regions: Sequence[tuple[int, ...]] = (),
) -> Tensor:
    """The loss over all resolutions, a scalar; the target is taken by nearest neighbour to the coarser ones.

    outputs   logits, finest first; target int64 (B, H, W)
    over_all  see `dice_and_cross_entropy`
    regions   whose Dice counts besides, see `region_dice`; (): none
    """
    weights = [0.5**number for number in range(len(outputs))]
    if len(outputs) > 1:
        weights[-1] = 0.0
    total = sum(weights)
    loss = outputs[0].new_zeros((), dtype=torch.float32)
    for logits, weight in zip(outputs, weights, strict=True):
        if weight:
            there = functional.interpolate(target[:, None].float(), size=logits.shape[2:], mode="nearest-exact")
            classes = there[:, 0].long()
            term = dice_and_cross_entropy(logits, classes, over_all)
            if regions:
                term = term + region_dice(logits, classes, regions, over_all)
            loss = loss + weight / total * term
    return loss
